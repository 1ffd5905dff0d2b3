/* SPDX-License-Identifier: Apache-2.0
 * Tests of following: what is appended, rotation, new files in folders, standard input. Each step
 * waits for the event that it caused; the time that it may take is there for a broken build only.
 */
#include "query/source_int.h"

#include "query/test_folder.h"

enum { FOREVER_MS = 20 * 1000 };

static struct query_follow *
open_at(const char *name, size_t lines)
{
    struct query_follow *f = NULL;
    struct errinfo info = {{0}};
    char *path AUTO(xfree_ptr) = test_path(name);
    struct str paths[] = {str_of(path)};
    CHECK_INT(query_follow_open(paths, 1, lines, &f, &info), ERR_OK);
    return f;
}

/* The next block is this one, of a file of that name. */
static void
expect(struct query_follow *f, const char *name, const char *text)
{
    struct query_block block = {0};
    struct errinfo info;
    const char *path = NULL;
    CHECK_INT(query_follow_next(f, FOREVER_MS, &block, &path, &info), IO_DONE);
    CHECK_STR(((struct str){block.p, block.n}), text);
    CHECK(path != NULL && str_ends(str_of(path), str_of(name)));
}

static void
expect_nothing(struct query_follow *f)
{
    struct query_block block;
    struct errinfo info;
    const char *path = NULL;
    CHECK_INT(query_follow_next(f, 0, &block, &path, &info), IO_AGAIN);
}

static void
rename_in(const char *from, const char *to)
{
    char *a AUTO(xfree_ptr) = test_path(from);
    char *b AUTO(xfree_ptr) = test_path(to);
    CHECK_INT(rename(a, b), 0);
}

static void
make_folder_in(const char *name)
{
    char *path AUTO(xfree_ptr) = test_path(name);
    CHECK_INT(mkdir(path, 0755), 0);
}

TEST("lines that are appended come, whole ones only")
{
    test_folder();
    test_write("a.log", STR("old\n"));
    struct query_follow *f AUTO(query_follow_close) = open_at("a.log", 0);
    expect_nothing(f);
    test_append("a.log", STR("one\ntw"));
    expect(f, "a.log", "one\n");
    test_append("a.log", STR("o\n"));
    expect(f, "a.log", "two\n");
    expect_nothing(f);
}

TEST("a line that was begun before following comes whole")
{
    test_folder();
    test_write("a.log", STR("old\nbeg"));
    struct query_follow *f AUTO(query_follow_close) = open_at("a.log", 0);
    test_append("a.log", STR("un\n"));
    expect(f, "a.log", "begun\n");
}

TEST("following begins at the last lines")
{
    test_folder();
    test_write("a.log", STR("1\n2\n3\n4\n5\n"));
    for (size_t lines = 0; lines <= 7; lines++) {
        struct query_follow *f AUTO(query_follow_close) = open_at("a.log", lines);
        if (lines > 0) {
            expect(f, "a.log", &"1\n2\n3\n4\n5\n"[10 - 2 * MIN_OF(lines, (size_t)5)]);
        }
        expect_nothing(f);
    }
}

TEST("the last lines of a large file, and those of several files, plain and gzip")
{
    struct buf text AUTO(buf_free) = {0};
    test_folder();
    for (unsigned i = 0; i < 100000; i++) {
        buf_addf(&text, "line %u\n", i);
    }
    test_write("1.log", buf_str(&text));
    test_write_gzip("2.log.gz", STR("six\nseven\n"));
    test_write("3.log", STR("eight\n"));
    for (unsigned i = 1; i <= 3; i++) {
        char *name AUTO(xfree_ptr) = xprintf("%u.log%s", i, i == 2 ? ".gz" : "");
        char *path AUTO(xfree_ptr) = test_path(name);
        struct timespec both[2] = {{.tv_sec = i}, {.tv_sec = i}};
        CHECK_INT(utimensat(AT_FDCWD, path, both, 0), 0);
    }
    struct query_follow *f AUTO(query_follow_close) = open_at("", 5);
    expect(f, "1.log", "line 99998\nline 99999\n");
    expect(f, "2.log.gz", "six\nseven\n");
    expect(f, "3.log", "eight\n");
    expect_nothing(f);
    struct query_follow *g AUTO(query_follow_close) = open_at("", 2);
    expect(g, "2.log.gz", "seven\n");
    expect(g, "3.log", "eight\n");
    expect_nothing(g);
}

TEST("rotation by renaming: the rest of the old file, then the new one")
{
    test_folder();
    test_write("a.log", STR("old\n"));
    struct query_follow *f AUTO(query_follow_close) = open_at("a.log", 0);
    test_append("a.log", STR("one\n"));
    rename_in("a.log", "a.log.1");
    test_append("a.log.1", STR("two\n"));
    test_write("a.log", STR("three\n"));
    expect(f, "a.log.1", "one\ntwo\n");
    expect(f, "a.log", "three\n");
    test_append("a.log.1", STR("late\n"));
    expect(f, "a.log.1", "late\n");
    test_append("a.log", STR("four\n"));
    expect(f, "a.log", "four\n");
    expect_nothing(f);
}

TEST("rotation by removing: the rest is read although the name is gone")
{
    test_folder();
    test_write("a.log", STR("old\n"));
    struct query_follow *f AUTO(query_follow_close) = open_at("a.log", 0);
    char *path AUTO(xfree_ptr) = test_path("a.log");
    test_append("a.log", STR("one\n"));
    CHECK_INT(unlink(path), 0);
    test_write("a.log", STR("two\n"));
    expect(f, "a.log", "one\n");
    expect(f, "a.log", "two\n");
    expect_nothing(f);
}

TEST("a file that is emptied is read from its beginning")
{
    test_folder();
    test_write("a.log", STR("a long line of before\n"));
    struct query_follow *f AUTO(query_follow_close) = open_at("a.log", 0);
    test_write("a.log", STR("new\n"));
    expect(f, "a.log", "new\n");
}

TEST("new files in a folder are taken in, plain and gzip, others are not")
{
    test_folder();
    make_folder_in("in");
    test_write("in/old.log", STR("old\n"));
    test_write_gzip("in/old.gz", STR("old\n"));
    struct query_follow *f AUTO(query_follow_close) = open_at("in", 0);
    test_write("in/other.csv", STR("no\n"));
    test_write("in/new.log", STR("one\n"));
    expect(f, "new.log", "one\n");
    test_write_gzip("in/new.gz", STR("two\n"));
    expect(f, "new.gz", "two\n");
    test_write_gzip("moved.tmp", STR("three\n"));
    rename_in("moved.tmp", "in/moved.gz");
    expect(f, "moved.gz", "three\n");
    test_write("in/ELBAccessLogTestFile", STR("Enable\n"));
    test_append("in/old.log", STR("four\n"));
    expect(f, "old.log", "four\n");
    expect_nothing(f);
}

TEST("a gzip file that grows in pieces hands out each line once")
{
    struct buf packed AUTO(buf_free) = {0};
    test_folder();
    make_folder_in("in");
    struct query_follow *f AUTO(query_follow_close) = open_at("in", 0);
    test_gzip(&packed, STR("one\n"));
    test_write("in/a.gz", str_sub(buf_str(&packed), 0, 12));
    struct query_block block;
    struct errinfo info;
    const char *path = NULL;
    CHECK_INT(query_follow_next(f, FOREVER_MS, &block, &path, &info), IO_FAIL); /* it was closed */
    CHECK(path != NULL && str_ends(str_of(path), STR("a.gz")));
    test_append("in/a.gz", str_sub(buf_str(&packed), 12, SIZE_MAX));
    expect(f, "a.gz", "one\n");
    test_append("in/a.gz", buf_str(&packed));
    expect(f, "a.gz", "one\n");
    expect_nothing(f);
}

TEST("new folders are followed, with what they hold already")
{
    test_folder();
    struct query_follow *f AUTO(query_follow_close) = open_at("", 0);
    make_folder_in("23");
    make_folder_in("23/deep");
    test_write("23/deep/a.log", STR("one\n"));
    expect(f, "23/deep/a.log", "one\n");
    test_append("23/deep/a.log", STR("two\n"));
    expect(f, "23/deep/a.log", "two\n");
    make_folder_in("made");
    test_write("made/b.log", STR("three\n"));
    expect(f, "made/b.log", "three\n");
    expect_nothing(f);
}

TEST("a file that is renamed in a followed folder is not read twice")
{
    test_folder();
    test_write("a.log", STR("old\n"));
    struct query_follow *f AUTO(query_follow_close) = open_at("", 0);
    rename_in("a.log", "b.log");
    test_append("b.log", STR("one\n"));
    expect(f, "b.log", "one\n");
    expect_nothing(f);
}

TEST("a line that is too long is handed out cut")
{
    struct buf text AUTO(buf_free) = {0};
    test_folder();
    test_write("a.log", STR(""));
    struct query_follow *f AUTO(query_follow_close) = open_at("a.log", 0);
    for (size_t i = 0; i < (1 << 20); i++) {
        buf_add_char(&text, 'x');
    }
    buf_add_z(&text, "\nbehind\n");
    test_append("a.log", buf_str(&text));
    struct query_block block = {0};
    struct errinfo info;
    const char *path = NULL;
    CHECK_INT(query_follow_next(f, FOREVER_MS, &block, &path, &info), IO_DONE);
    CHECK_INT(block.n, LIMIT_LOG_READ_LINE_MAX + 2);
    expect(f, "a.log", "behind\n");
    expect_nothing(f);
}

TEST("standard input is followed to its end")
{
    int ends[2];
    int before = dup(STDIN_FILENO);
    struct query_follow *f AUTO(query_follow_close) = NULL;
    struct errinfo info;
    struct str paths[] = {STR("-")};
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    CHECK_INT(query_follow_open(paths, 1, 0, &f, &info), ERR_OK);
    expect_nothing(f);
    CHECK_INT(write(ends[1], "one\ntw", 6), 6);
    expect(f, "-", "one\n");
    expect_nothing(f);
    CHECK_INT(write(ends[1], "o\n", 2), 2);
    expect(f, "-", "two\n");
    CHECK_INT(close(ends[1]), 0);
    struct query_block block;
    const char *path;
    CHECK_INT(query_follow_next(f, FOREVER_MS, &block, &path, &info), IO_EOF);
    CHECK_INT(close(ends[0]), 0);
    CHECK(before < 0 || dup2(before, STDIN_FILENO) == STDIN_FILENO);
    CHECK(before < 0 || close(before) == 0);
}

TEST("what does not exist cannot be followed")
{
    test_folder();
    struct query_follow *f = NULL;
    struct errinfo info;
    char *path AUTO(xfree_ptr) = test_path("missing.log");
    struct str paths[] = {str_of(path)};
    CHECK_INT(query_follow_open(paths, 1, 0, &f, &info), ERR_NOT_FOUND);
    CHECK(f == NULL);
}

TEST_MAIN
