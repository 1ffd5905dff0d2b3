/* SPDX-License-Identifier: Apache-2.0
 * Tests of finding log files: the layout of ALB's keys, order, pruning by name, links, refusals. */
#include "query/source_int.h"

#include "base/clock.h"
#include "query/test_folder.h"

static const uint64_t second_us = 1000000;
static const uint64_t noon_us = UINT64_C(1790164800) * 1000000; /* 2026-09-23T12:00Z */
static const struct query_wanted everything = {.kind = -1};

static void
make_folders(const char *path)
{
    struct buf so_far AUTO(buf_free) = {0};
    struct str rest = str_of(path), part;
    buf_add_z(&so_far, test_root);
    while (str_cut(&rest, '/', &part)) {
        buf_add_char(&so_far, '/');
        buf_add_str(&so_far, part);
        (void)mkdir(so_far.p, 0755); /* it may exist; the files in it tell */
    }
}

/* One object of ALB's layout that ends at `end_us`. */
static void
make_object(const char *account, const char *kind, uint64_t end_us, unsigned node)
{
    struct civil c = clock_civil(end_us);
    char *folder AUTO(xfree_ptr) =
        xprintf("pre/AWSLogs/%s/elasticloadbalancing/eu-central-1/%04d/%02d/%02d", account, c.year,
                c.month, c.day);
    char *path AUTO(xfree_ptr) =
        xprintf("%s/%s%s_elasticloadbalancing_eu-central-1_app.edge-one.0a1b2c3d4e5f6071_"
                "%04d%02d%02dT%02d%02dZ_10.0.0.%u_abcd%04u.log.gz",
                folder, kind, account, c.year, c.month, c.day, c.hour, c.minute, node, node);
    make_folders(folder);
    test_write_gzip(path, STR("line\n"));
}

/* 50 intervals around midnight, two accounts, three nodes: 300 files. */
static void
make_bucket(void)
{
    test_folder();
    for (unsigned i = 0; i < 50; i++) {
        uint64_t end_us = noon_us + (12 * 12 - 25 + i) * 300 * second_us;
        for (unsigned node = 1; node <= 3; node++) {
            make_object("111122223333", "", end_us, node);
            make_object("444455556666", node == 1 ? "conn_log_" : "", end_us, node);
        }
    }
    test_write("pre/AWSLogs/111122223333/ELBAccessLogTestFile", STR("Enable AccessLog"));
    test_write("pre/AWSLogs/readme.md", STR("x"));
}

static enum err
find(const char *path, const struct query_wanted *wanted, struct query_files *ret_files,
     struct errinfo *reterr)
{
    struct str paths[] = {str_of(path)};
    return query_files_find(paths, 1, wanted, ret_files, reterr);
}

TEST("a bucket's folder: all files in the order of their intervals, test objects skipped")
{
    struct query_files files = {0};
    struct errinfo info;
    make_bucket();
    CHECK_INT(find(test_root, &everything, &files, &info), ERR_OK);
    CHECK_INT(files.count, 300);
    CHECK_INT(files.test_files, 1);
    CHECK_INT(files.others, 1);
    CHECK_INT(files.skipped, 0);
    uint64_t bytes = 0;
    for (size_t i = 0; i < files.count; i++) {
        struct query_file *file = &files.items[i];
        CHECK(file->named);
        CHECK_STR(file->object.elb_dotted, "app.edge-one.0a1b2c3d4e5f6071");
        CHECK_STR(file->object.region, "eu-central-1");
        CHECK(i == 0 || file[-1].object.end_us <= file->object.end_us);
        CHECK(file->object.account.p > file->path &&
              file->object.account.p < file->path + strlen(file->path));
        bytes += file->bytes;
    }
    CHECK_INT(files.bytes, bytes);
    query_files_free(&files);
    CHECK(files.items == NULL && files.count == 0);
}

TEST("names rule out files of another kind")
{
    struct query_files files = {0};
    struct errinfo info;
    make_bucket();
    struct query_wanted wanted = {.kind = LOG_CONNECTION};
    CHECK_INT(find(test_root, &wanted, &files, &info), ERR_OK);
    CHECK_INT(files.count, 50);
    CHECK_INT(files.skipped, 250);
    query_files_free(&files);
}

TEST("names rule out files of another time, but never one that may hold wanted lines")
{
    struct query_files files = {0};
    struct errinfo info;
    make_bucket();
    const uint64_t midnight_us = noon_us + UINT64_C(12) * 3600 * second_us;
    struct query_wanted wanted = {.kind = -1, .since_us = midnight_us + 3600 * second_us};
    CHECK_INT(find(test_root, &wanted, &files, &info), ERR_OK);
    CHECK(files.count > 0);
    CHECK_INT(files.count + files.skipped, 300);
    for (size_t i = 0; i < files.count; i++) {
        CHECK(files.items[i].object.end_us + LIMIT_QUERY_NAME_MARGIN_S * second_us >=
              wanted.since_us);
    }
    query_files_free(&files);
    wanted = (struct query_wanted){.kind = -1, .until_us = midnight_us - 3600 * second_us};
    CHECK_INT(find(test_root, &wanted, &files, &info), ERR_OK);
    size_t needed = 0;
    for (size_t i = 0; i < files.count; i++) {
        needed += files.items[i].object.end_us - 300 * second_us < wanted.until_us;
    }
    CHECK_INT(needed, 6 * 14); /* all that end up to 23:00, and the one that ends at 23:05 */
    CHECK(files.skipped > 100);
    query_files_free(&files);
}

TEST("the same file is read once, however it is given")
{
    struct query_files files = {0};
    struct errinfo info;
    test_folder();
    test_write("a.log", STR("x\n"));
    char *a AUTO(xfree_ptr) = test_path("a.log");
    char *alias AUTO(xfree_ptr) = test_path("alias.log");
    char *again AUTO(xfree_ptr) = test_path("./a.log");
    CHECK_INT(symlink("a.log", alias), 0);
    struct str paths[] = {str_of(test_root), str_of(a), str_of(alias), str_of(again)};
    CHECK_INT(query_files_find(paths, COUNT_OF(paths), &everything, &files, &info), ERR_OK);
    CHECK_INT(files.count, 1);
    CHECK_INT(files.bytes, 2);
    query_files_free(&files);
}

TEST("links in folders are not followed: neither out of them nor round in circles")
{
    struct query_files files = {0};
    struct errinfo info;
    test_folder();
    make_folders("in/deep");
    make_folders("out");
    test_write("in/deep/a.log", STR("x\n"));
    test_write("out/b.log", STR("x\n"));
    char *circle AUTO(xfree_ptr) = test_path("in/deep/circle");
    char *file AUTO(xfree_ptr) = test_path("in/b.log");
    char *in AUTO(xfree_ptr) = test_path("in");
    CHECK_INT(symlink("..", circle), 0);
    CHECK_INT(symlink("../out/b.log", file), 0);
    CHECK_INT(find(in, &everything, &files, &info), ERR_OK);
    CHECK_INT(files.count, 1);
    CHECK_INT(files.others, 2);
    query_files_free(&files);
    CHECK_INT(find(file, &everything, &files, &info), ERR_OK); /* given itself, it is */
    CHECK_INT(files.count, 1);
    query_files_free(&files);
}

TEST("in folders the name decides, a file that is given is taken with any name")
{
    static const char *const names[] = {"a.log", "b.log.gz", "c.gz", "d.txt", "e.csv", "f"};
    struct query_files files = {0};
    struct errinfo info;
    test_folder();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        test_write(names[i], STR("x\n"));
    }
    char *given AUTO(xfree_ptr) = test_path("f");
    struct str paths[] = {str_of(test_root), str_of(given)};
    CHECK_INT(query_files_find(paths, 2, &everything, &files, &info), ERR_OK);
    CHECK_INT(files.count, 5);
    CHECK_INT(files.others, 2);
    query_files_free(&files);
}

TEST("files without telling names come in the order of their changes, then of their paths")
{
    struct query_files files = {0};
    struct errinfo info;
    static const char *const names[] = {"c.log", "a.log", "b.log"};
    static const long times[] = {100, 200, 100};
    test_folder();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path AUTO(xfree_ptr) = test_path(names[i]);
        struct timespec both[2] = {{.tv_sec = times[i]}, {.tv_sec = times[i]}};
        test_write(names[i], STR("x\n"));
        CHECK_INT(utimensat(AT_FDCWD, path, both, 0), 0);
    }
    CHECK_INT(find(test_root, &everything, &files, &info), ERR_OK);
    CHECK_INT(files.count, 3);
    CHECK(str_ends(str_of(files.items[0].path), STR("b.log")));
    CHECK(str_ends(str_of(files.items[1].path), STR("c.log")));
    CHECK(str_ends(str_of(files.items[2].path), STR("a.log")));
    query_files_free(&files);
}

TEST("what does not exist or cannot be read is an error with the path")
{
    struct query_files files = {0};
    struct errinfo info;
    test_folder();
    make_folders("open/closed");
    char *missing AUTO(xfree_ptr) = test_path("missing");
    char *closed AUTO(xfree_ptr) = test_path("open/closed");
    CHECK_INT(find(missing, &everything, &files, &info), ERR_NOT_FOUND);
    CHECK(str_find(str_of(info.text), str_of(missing), NULL));
    CHECK_INT(query_files_find(NULL, 0, &everything, &files, &info), ERR_INVALID);
    CHECK_INT(chmod(closed, 0), 0);
    CHECK_INT(chmod(test_root, 0755), 0);
    uid_t before = geteuid();
    CHECK(before != 0 || seteuid(65534) == 0); /* root reads everything */
    CHECK_INT(find(test_root, &everything, &files, &info), ERR_SYSTEM);
    CHECK(str_find(str_of(info.text), str_of(closed), NULL));
    CHECK_INT(seteuid(before), 0);
    CHECK_INT(chmod(closed, 0755), 0);
    CHECK(files.items == NULL);
}

TEST("folders that are nested too deeply are an error")
{
    struct query_files files = {0};
    struct errinfo info;
    struct buf deep AUTO(buf_free) = {0};
    test_folder();
    for (size_t i = 0; i < LIMIT_QUERY_FOLDER_DEPTH; i++) {
        buf_add_z(&deep, "d/");
    }
    make_folders(deep.p);
    CHECK_INT(find(test_root, &everything, &files, &info), ERR_TOO_LARGE);
}

TEST("standard input is one file, however often it is given")
{
    struct query_files files = {0};
    struct errinfo info;
    struct str paths[] = {STR("-"), STR("-")};
    CHECK_INT(query_files_find(paths, 2, NULL, &files, &info), ERR_OK);
    CHECK_INT(files.count, 1);
    CHECK_STR(str_of(files.items[0].path), "-");
    query_files_free(&files);
}

TEST_MAIN
