/* SPDX-License-Identifier: Apache-2.0
 * The shipper: what it delivers, what it leaves, what it drops, and that doing it twice is
 * harmless. */
#include "log/log_test.h"

#include "base/rand.h"

#define KEY "logs-one/team/web/AWSLogs/111122223333/elasticloadbalancing/eu-central-1/2026/09/23/"
#define ALL LIMIT_SPOOL_BYTES_MAX

static struct buf text; /* freed by each test */

static struct str
read_object(const struct place *p, const char *path)
{
    buf_free(&text);
    place_read(p->s3_fd, path, &text);
    return buf_str(&text);
}

/* The object's bytes as they lie there, gzip and all. */
static void
read_raw(const struct place *p, const char *path, struct buf *raw)
{
    char chunk[4096];
    int fd = openat(p->s3_fd, path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;) {
        buf_add(raw, chunk, (size_t)n);
    }
    CHECK_INT(close(fd), 0);
}

static bool
exists(int root, const char *path)
{
    return faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t
count_in(const struct place *p, const char *folder, size_t *ret_folders)
{
    struct found found = {.count = 0};
    place_find(p, folder, &found);
    size_t count = found.count;
    if (ret_folders != NULL) {
        *ret_folders = found.folders;
    }
    found_free(&found);
    return count;
}

static void
set_age(int root, const char *path, time_t age_s)
{
    struct timespec times[2] = {{1000000 - age_s, 0}, {1000000 - age_s, 0}};
    CHECK_INT(utimensat(root, path, times, 0), 0);
}

TEST("a complete file becomes an object under its own path, and the spool is empty after")
{
    struct place p;
    size_t folders = 0;
    place_init(&p);
    place_write(p.spool_fd, KEY "a.log", STR("one\ntwo\n"));
    struct ship_result result = place_ship(&p, false, ALL);
    CHECK_INT(result.delivered, 1);
    CHECK_INT(result.failed, 0);
    CHECK_INT(result.dropped, 0);
    CHECK_INT(result.bytes, 8);
    CHECK_STR(str_of(result.problem.text), "");
    CHECK_STR(read_object(&p, KEY "a.log.gz"), "one\ntwo\n");
    CHECK_INT(count_in(&p, "s3", NULL), 1);
    CHECK_INT(count_in(&p, "spool", &folders), 0);
    CHECK_INT(folders, 0);
    CHECK_INT(place_ship(&p, false, ALL).delivered, 0);
    buf_free(&text);
    place_done(&p);
}

TEST("delivering twice gives the same bytes")
{
    struct place p;
    struct buf first = {0};
    struct buf second = {0};
    place_init(&p);
    for (int i = 0; i < 2; i++) {
        place_write(p.spool_fd, KEY "a.log", STR("one\ntwo\n"));
        set_age(p.spool_fd, KEY "a.log", i * 1000);
        CHECK_INT(place_ship(&p, false, ALL).delivered, 1);
        read_raw(&p, KEY "a.log.gz", i == 0 ? &first : &second);
    }
    CHECK(first.n > 8 && str_eq(buf_str(&first), buf_str(&second)));
    CHECK(memcmp(first.p + 4, "\0\0\0\0", 4) == 0); /* no time in the header [RFC 1952 2.3] */
    buf_free(&first);
    buf_free(&second);
    place_done(&p);
}

TEST("a large file comes back whole")
{
    struct place p;
    struct rand rand;
    struct buf lines = {0};
    rand_seed(&rand, 5);
    place_init(&p);
    while (lines.n < 3 * 1024 * 1024) {
        buf_addf(&lines, "%016llx %llu\n", (unsigned long long)rand_u64(&rand),
                 (unsigned long long)rand_below(&rand, 1000));
    }
    place_write(p.spool_fd, KEY "big.log", buf_str(&lines));
    CHECK_INT(place_ship(&p, false, ALL).bytes, lines.n);
    CHECK(str_eq(read_object(&p, KEY "big.log.gz"), buf_str(&lines)));
    buf_free(&lines);
    buf_free(&text);
    place_done(&p);
}

TEST("a torn last line is dropped and counted")
{
    struct place p;
    static char torn[20000];
    place_init(&p);
    memset(torn, 'x', sizeof(torn)); /* over several of the chunks that are looked at */
    memcpy(torn, "one\n", 4);
    place_write(p.spool_fd, KEY "a.log", (struct str){torn, sizeof(torn)});
    CHECK_INT(place_ship(&p, false, ALL).delivered, 1);
    CHECK_STR(read_object(&p, KEY "a.log.gz"), "one\n");
    CHECK_INT(atomic_load(&p.board->spool_lost_records), 1);
    CHECK_INT(atomic_load(&p.board->spool_lost_files), 0);
    buf_free(&text);
    place_done(&p);
}

TEST("a file without a whole line makes no object")
{
    struct place p;
    place_init(&p);
    place_write(p.spool_fd, KEY "empty.log", STR(""));
    place_write(p.spool_fd, KEY "torn.log", STR("half a li"));
    struct ship_result result = place_ship(&p, false, ALL);
    CHECK_INT(result.delivered, 0);
    CHECK_INT(result.failed, 0);
    CHECK_INT(count_in(&p, "s3", NULL), 0);
    CHECK_INT(count_in(&p, "spool", NULL), 0);
    CHECK_INT(atomic_load(&p.board->spool_lost_records), 1);
    place_done(&p);
}

TEST("an open file waits while a region names it, and only then")
{
    struct place p;
    struct log_region *region;
    place_init(&p);
    CHECK_INT(log_region_map(p.region_fds[1], true, &region, NULL), ERR_OK);
    struct log_slot slot = {region, 7, p.spool_fd, -1};
    log_slot_begin(&slot, KEY "a.log", 1, 4);
    log_slot_append(&slot, STR("one\n"));
    CHECK(log_slot_flush(&slot));
    place_write(p.spool_fd, KEY "orphan.log.open.1.4", STR("orphan\n"));    /* another path */
    place_write(p.spool_fd, KEY "b.log.open.1.3", STR("generation\n"));     /* of the past */
    place_write(p.spool_fd, KEY "c.log.open.9.1", STR("no such worker\n")); /* fewer workers now */
    CHECK_INT(place_ship(&p, false, ALL).delivered, 3);
    CHECK(exists(p.spool_fd, KEY "a.log.open.1.4"));
    CHECK_STR(read_object(&p, KEY "orphan.log.gz"), "orphan\n");
    CHECK_STR(read_object(&p, KEY "b.log.gz"), "generation\n");
    CHECK_STR(read_object(&p, KEY "c.log.gz"), "no such worker\n");
    log_slot_append(&slot, STR("two\n"));
    CHECK(log_slot_complete(&slot));
    CHECK_INT(place_ship(&p, false, ALL).delivered, 1);
    CHECK_STR(read_object(&p, KEY "a.log.gz"), "one\ntwo\n");
    log_region_unmap(&region);
    buf_free(&text);
    place_done(&p);
}

TEST("the final pass writes what dead workers left in memory")
{
    struct place p;
    struct log_region *region;
    place_init(&p);
    for (unsigned w = 0; w < PLACE_WORKERS; w++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "logs-two/AWSLogs/w%u.log", w);
        CHECK_INT(log_region_map(p.region_fds[w], true, &region, NULL), ERR_OK);
        struct log_slot slot = {region, 3, p.spool_fd, -1};
        log_slot_begin(&slot, path, w, 9);
        log_slot_append(&slot, STR("one\n"));
        if (w == 1) {
            CHECK(log_slot_flush(&slot));
            log_slot_append(&slot, STR("two\n"));
        }
        log_slot_detach(&slot);
        log_region_unmap(&region);
    }
    CHECK_INT(place_ship(&p, false, ALL).delivered, 0);
    CHECK_INT(place_ship(&p, true, ALL).delivered, 2);
    CHECK_STR(read_object(&p, "logs-two/AWSLogs/w0.log.gz"), "one\n");
    CHECK_STR(read_object(&p, "logs-two/AWSLogs/w1.log.gz"), "one\ntwo\n");
    CHECK_INT(place_ship(&p, true, ALL).delivered, 0);
    buf_free(&text);
    place_done(&p);
}

TEST("a bucket that is missing keeps its files, others go on, and all is delivered when it is back")
{
    struct place p;
    place_init(&p);
    CHECK_INT(unlinkat(p.s3_fd, "logs-one", AT_REMOVEDIR), 0);
    place_write(p.spool_fd, KEY "a.log", STR("one\n"));
    place_write(p.spool_fd, KEY "b.log", STR("two\n"));
    place_write(p.spool_fd, "logs-two/AWSLogs/c.log", STR("three\n"));
    struct ship_result result = place_ship(&p, false, ALL);
    CHECK_INT(result.delivered, 1);
    CHECK_INT(result.failed, 2);
    CHECK(str_starts(str_of(result.problem.text),
                     STR("cannot open the folder in the bucket: No such file or directory")));
    CHECK(!exists(p.s3_fd, "logs-one"));
    CHECK(exists(p.spool_fd, KEY "a.log") && exists(p.spool_fd, KEY "b.log"));
    CHECK_INT(mkdirat(p.s3_fd, "logs-one", 0755), 0);
    CHECK_INT(place_ship(&p, false, ALL).delivered, 2);
    place_done(&p);
}

TEST("an object that cannot be written does not hold up the others of its bucket")
{
    struct place p;
    place_init(&p);
    place_write(p.s3_fd, KEY "a.log.gz/in-the-way", STR("x"));
    place_write(p.spool_fd, KEY "a.log", STR("one\n"));
    place_write(p.spool_fd, KEY "b.log", STR("two\n"));
    set_age(p.spool_fd, KEY "a.log", 100);
    struct ship_result result = place_ship(&p, false, ALL);
    CHECK_INT(result.delivered, 1);
    CHECK_INT(result.failed, 1);
    CHECK(exists(p.spool_fd, KEY "a.log"));
    CHECK(!exists(p.s3_fd, KEY "a.log.tmp"));
    CHECK_STR(read_object(&p, KEY "b.log.gz"), "two\n");
    buf_free(&text);
    place_done(&p);
}

TEST("half an object of a pass that was killed is replaced")
{
    struct place p;
    place_init(&p);
    place_write(p.s3_fd, KEY "a.log.tmp", STR("half"));
    place_write(p.spool_fd, KEY "a.log", STR("one\n"));
    CHECK_INT(place_ship(&p, false, ALL).delivered, 1);
    CHECK_STR(read_object(&p, KEY "a.log.gz"), "one\n");
    CHECK_INT(count_in(&p, "s3", NULL), 1);
    buf_free(&text);
    place_done(&p);
}

TEST("over the bound the oldest go, and their records are counted")
{
    struct place p;
    place_init(&p);
    CHECK_INT(unlinkat(p.s3_fd, "logs-one", AT_REMOVEDIR), 0);
    place_write(p.spool_fd, KEY "new.log", STR("1\n2\n3\n4\n5\n"));
    place_write(p.spool_fd, KEY "old.log", STR("1\n2\n3\n"));
    place_write(p.spool_fd, KEY "older.log", STR("1\n2\n"));
    set_age(p.spool_fd, KEY "new.log", 1);
    set_age(p.spool_fd, KEY "old.log", 2);
    set_age(p.spool_fd, KEY "older.log", 3);
    CHECK_INT(place_ship(&p, false, 20).dropped, 0);
    struct ship_result result = place_ship(&p, false, 15);
    CHECK_INT(result.dropped, 2);
    CHECK_INT(atomic_load(&p.board->spool_lost_files), 2);
    CHECK_INT(atomic_load(&p.board->spool_lost_records), 5);
    CHECK(exists(p.spool_fd, KEY "new.log"));
    CHECK_INT(count_in(&p, "spool", NULL), 1);
    place_done(&p);
}

TEST("what is delivered makes room before anything is dropped")
{
    struct place p;
    place_init(&p);
    place_write(p.spool_fd, KEY "a.log", STR("1\n2\n3\n4\n5\n"));
    struct ship_result result = place_ship(&p, false, 1);
    CHECK_INT(result.delivered, 1);
    CHECK_INT(result.dropped, 0);
    CHECK_INT(atomic_load(&p.board->spool_lost_records), 0);
    place_done(&p);
}

TEST("links, pipes and strangers in the spool are left alone")
{
    struct place p;
    place_init(&p);
    place_write(p.spool_fd, KEY "stranger.txt", STR("one\n"));
    place_write(p.s3_fd, "secret", STR("secret\n"));
    CHECK_INT(symlinkat("../../s3/secret", p.spool_fd, "logs-one/link.log"), 0);
    CHECK_INT(symlinkat("../s3", p.spool_fd, "logs-two"), 0);
    CHECK_INT(mkfifoat(p.spool_fd, "logs-one/pipe.log", 0600), 0);
    struct ship_result result = place_ship(&p, true, ALL);
    CHECK_INT(result.delivered, 0);
    CHECK_INT(result.failed, 0);
    CHECK_INT(count_in(&p, "s3", NULL), 1);
    CHECK(exists(p.spool_fd, KEY "stranger.txt") && exists(p.spool_fd, "logs-one/link.log"));
    place_done(&p);
}

TEST("a link in the bucket is not followed")
{
    struct place p;
    place_init(&p);
    CHECK_INT(mkdirat(p.s3_fd, "other", 0755), 0);
    CHECK_INT(symlinkat("../other", p.s3_fd, "logs-one/team"), 0);
    place_write(p.spool_fd, KEY "a.log", STR("one\n"));
    struct ship_result result = place_ship(&p, false, ALL);
    CHECK_INT(result.delivered, 0);
    CHECK_INT(result.failed, 1);
    CHECK_INT(count_in(&p, "s3/other", NULL), 0);
    place_done(&p);
}

TEST("a region that cannot be mapped keeps its worker's open files, until the final pass")
{
    struct place p;
    place_init(&p);
    CHECK_INT(close(p.region_fds[0]), 0);
    p.region_fds[0] = dup(p.spool_fd);
    place_write(p.spool_fd, KEY "a.log.open.0.1", STR("one\n"));
    CHECK_INT(place_ship(&p, false, ALL).delivered, 0);
    CHECK_INT(place_ship(&p, true, ALL).delivered, 1);
    place_done(&p);
}

TEST_MAIN
