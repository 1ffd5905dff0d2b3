/* SPDX-License-Identifier: Apache-2.0
 * The worker's side of the spool: buffers, intervals, configuration, a full disk, what a dead
 * predecessor left. */
#include "log/log_test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct addr node;
static struct buf text; /* what was delivered last; freed by each test */

static struct str
numbered(unsigned n)
{
    static char line[64];
    int length = snprintf(line, sizeof(line), "line %u\n", n);
    return (struct str){line, (size_t)length};
}

static bool
append(struct log_spool *s, uint32_t slot, unsigned n, uint64_t wall_us)
{
    CHECK(addr_parse(STR("203.0.113.9"), 443, &node));
    return log_spool_append(s, slot, &node, numbered(n), wall_us);
}

static size_t
files_in(const struct place *p, const char *folder, char first[static LOG_PATH_MAX])
{
    struct found found = {.count = 0};
    place_find(p, folder, &found);
    size_t count = found.count;
    first[0] = '\0';
    if (count > 0) {
        CHECK(str_copy_z(str_of(found.paths[0]), first, LOG_PATH_MAX));
    }
    found_free(&found);
    return count;
}

TEST(
    "a line waits in memory for a second, then in the open file, and is complete with its interval")
{
    struct place p;
    char name[LOG_PATH_MAX];
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 3, 300, PLACE_NOON);
    CHECK(append(s, 0, 1, PLACE_NOON + SECOND_US));
    log_spool_tick(s, PLACE_NOON + SECOND_US + 999999);
    CHECK_INT(files_in(&p, "spool", name), 0);
    log_spool_tick(s, PLACE_NOON + 2 * SECOND_US);
    CHECK_INT(files_in(&p, "spool", name), 1);
    CHECK(str_ends(str_of(name), STR(".log.open.0.3")));
    CHECK(str_find(str_of(name), STR("_20260923T1205Z_203.0.113.9_"), NULL));
    CHECK(
        str_starts(str_of(name), STR("logs-one/team/web/AWSLogs/111122223333/elasticloadbalancing/"
                                     "eu-central-1/2026/09/23/")));
    log_spool_tick(s, PLACE_NOON + 299 * SECOND_US);
    CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).delivered, 0);
    log_spool_tick(s, PLACE_NOON + 300 * SECOND_US);
    CHECK_INT(files_in(&p, "spool", name), 1);
    CHECK(str_ends(str_of(name), STR(".log")));
    CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).delivered, 1);
    CHECK_INT(place_delivered(&p, &text), 1);
    CHECK_STR(buf_str(&text), "line 1\n");
    log_spool_close(&s);
    CHECK(s == NULL);
    buf_free(&text);
    place_done(&p);
}

TEST("a record after the end of the interval begins a new file; each file names its own interval")
{
    struct place p;
    struct found found = {.count = 0};
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 1, 60, PLACE_NOON);
    for (unsigned i = 0; i < 5; i++) {
        CHECK(append(s, 0, i, PLACE_NOON + i * 30 * SECOND_US));
    }
    log_spool_close(&s);
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 3);
    static const char *const ends[] = {"_20260923T1201Z_", "_20260923T1202Z_", "_20260923T1203Z_"};
    for (size_t i = 0; i < found.count && i < 3; i++) {
        CHECK(str_find(str_of(found.paths[i]), str_of(ends[i]), NULL));
        place_read(p.spool_fd, found.paths[i], &text);
    }
    CHECK_STR(buf_str(&text), "line 0\nline 1\nline 2\nline 3\nline 4\n");
    buf_free(&text);
    found_free(&found);
    place_done(&p);
}

TEST(
    "load balancers have files of their own; one that does not log takes nothing and loses nothing")
{
    struct place p;
    struct found found = {.count = 0};
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    CHECK(log_spool_wanted(s, 0) && log_spool_wanted(s, 7));
    CHECK(!log_spool_wanted(s, 1) && !log_spool_wanted(s, LOG_SLOTS) &&
          !log_spool_wanted(s, UINT32_MAX));
    CHECK(append(s, 0, 1, PLACE_NOON));
    CHECK(append(s, 7, 2, PLACE_NOON));
    CHECK(!append(s, 1, 3, PLACE_NOON));
    CHECK(!append(s, UINT32_MAX, 4, PLACE_NOON));
    CHECK_INT(log_spool_lost(s), 0);
    log_spool_close(&s);
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 2);
    for (size_t i = 0; i < found.count; i++) {
        place_read(p.spool_fd, found.paths[i], &text);
    }
    CHECK_STR(buf_str(&text), "line 1\nline 2\n");
    CHECK(found.count == 2 && str_starts(str_of(found.paths[1]), STR("logs-two/AWSLogs/")));
    buf_free(&text);
    found_free(&found);
    place_done(&p);
}

TEST("a full buffer is written at once, and a line is never divided between files")
{
    struct place p;
    char name[LOG_PATH_MAX];
    static char line[LIMIT_LOG_LINE_MAX];
    place_init(&p);
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    CHECK(addr_parse(STR("203.0.113.9"), 443, &node));
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    CHECK(log_spool_append(s, 0, &node, (struct str){line, sizeof(line)}, PLACE_NOON));
    CHECK_INT(files_in(&p, "spool", name), 0);
    CHECK(log_spool_append(s, 0, &node, (struct str){line, sizeof(line)}, PLACE_NOON));
    CHECK_INT(files_in(&p, "spool", name), 1);
    place_read(p.spool_fd, name, &text);
    CHECK_INT(text.n, sizeof(line));
    log_spool_close(&s);
    buf_free(&text);
    place_done(&p);
}

TEST("a file of 64 MB is completed before its interval ends")
{
    struct place p;
    struct found found = {.count = 0};
    static char line[LIMIT_LOG_LINE_MAX];
    place_init(&p);
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    CHECK(addr_parse(STR("203.0.113.9"), 443, &node));
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    for (size_t i = 0; i < LOG_FILE_BYTES_MAX / sizeof(line) + 2; i++) {
        CHECK(log_spool_append(s, 0, &node, (struct str){line, sizeof(line)}, PLACE_NOON));
    }
    log_spool_tick(s, PLACE_NOON + SECOND_US);
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 2);
    size_t complete = 0;
    for (size_t i = 0; i < found.count; i++) {
        complete += str_ends(str_of(found.paths[i]), STR(".log"));
    }
    CHECK_INT(complete, 1);
    log_spool_close(&s);
    found_free(&found);
    place_done(&p);
}

TEST("a new configuration completes the files of what is gone or goes elsewhere, and leaves the "
     "others")
{
    struct place p;
    struct found found = {.count = 0};
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    CHECK(append(s, 0, 1, PLACE_NOON));
    CHECK(append(s, 7, 2, PLACE_NOON));
    log_spool_configure(s, &p.model);
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 0); /* the same again: nothing happens */
    p.balancers[0].access_logs.prefix = STR("elsewhere");
    p.balancers[1].access_logs.enabled = false;
    log_spool_configure(s, &p.model);
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 2);
    for (size_t i = 0; i < found.count; i++) {
        CHECK(str_ends(str_of(found.paths[i]), STR(".log")));
    }
    CHECK(!log_spool_wanted(s, 7));
    CHECK(append(s, 0, 3, PLACE_NOON));
    log_spool_close(&s);
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 3);
    CHECK(found.count == 3 &&
          str_starts(str_of(found.paths[0]), STR("logs-one/elsewhere/AWSLogs/")));
    found_free(&found);
    place_done(&p);
}

TEST("a removed load balancer still logs what it has in flight, to a file of its own")
{
    struct place p;
    struct found found = {.count = 0};
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    CHECK(append(s, 7, 1, PLACE_NOON));
    p.model.load_balancer_count = 1; /* slot 7 was the second one's */
    log_spool_configure(s, &p.model);
    CHECK(append(s, 7, 2, PLACE_NOON));
    log_spool_close(&s);
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 2);
    found_free(&found);
    place_done(&p);
}

TEST("a destination that could leave its folder is not logged to")
{
    struct place p;
    place_init(&p);
    diag_init("test", (enum diag_level) - 1); /* its error line is expected */
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    p.balancers[0].access_logs.prefix = STR("a/../../b");
    p.balancers[1].access_logs.bucket = STR("..");
    log_spool_configure(s, &p.model);
    CHECK(!log_spool_wanted(s, 0) && !log_spool_wanted(s, 7));
    log_spool_close(&s);
    place_done(&p);
}

TEST("a clock that is set back keeps writing, and does not hold a file for the time it jumped")
{
    struct place p;
    char name[LOG_PATH_MAX];
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    CHECK(append(s, 0, 1, PLACE_NOON + 10 * SECOND_US));
    log_spool_tick(s, PLACE_NOON - 10 * SECOND_US);
    CHECK_INT(files_in(&p, "spool", name), 1);
    CHECK(str_ends(str_of(name), STR(".log.open.0.1")));
    CHECK(append(s, 0, 2, PLACE_NOON - 9 * SECOND_US));
    log_spool_tick(s, PLACE_NOON - 86400 * SECOND_US);
    CHECK_INT(files_in(&p, "spool", name), 1);
    CHECK(str_ends(str_of(name), STR(".log")));
    place_read(p.spool_fd, name, &text);
    CHECK_STR(buf_str(&text), "line 1\nline 2\n");
    log_spool_close(&s);
    buf_free(&text);
    place_done(&p);
}

TEST("intervals that make no sense are refused")
{
    struct place p;
    struct errinfo why = {""};
    place_init(&p);
    struct log_spool *s = NULL;
    struct log_spool_env env = {.region_fd = p.region_fds[0], .account = "1", .region = "r"};
    CHECK_INT(log_spool_open(&env, PLACE_NOON, &s, &why), ERR_INVALID);
    CHECK_STR(str_of(why.text), "log interval 0 s is not between 1 and 86400");
    env.interval_s = 300;
    env.region_fd = p.spool_fd;
    CHECK(log_spool_open(&env, PLACE_NOON, &s, &why) != ERR_OK);
    CHECK(s == NULL);
    place_done(&p);
}

/* ---- a full disk ---- */

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
}

TEST("a full disk: records wait in memory, then are lost and counted; with room again all accepted "
     "are there")
{
    struct place p;
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 1, 300, PLACE_NOON);
    struct buf expected = {0};
    unsigned refused = 0;
    limit_files(100 * 1000);
    for (unsigned i = 0; i < 40000; i++) {
        if (append(s, 0, i, PLACE_NOON + i)) {
            buf_add_str(&expected, numbered(i));
        } else {
            refused++;
        }
        if (i % 1000 == 0) {
            log_spool_tick(s, PLACE_NOON + 2 * SECOND_US);
        }
    }
    CHECK(refused > 1000);
    CHECK(expected.n > 100 * 1000); /* the buffer took more than the file */
    CHECK_INT(log_spool_lost(s), refused);
    CHECK_INT(atomic_load(&p.board->workers[0].log_lost), refused);
    limit_files(0);
    log_spool_tick(s, PLACE_NOON + 3 * SECOND_US);
    CHECK(append(s, 0, 70000, PLACE_NOON + 3 * SECOND_US));
    buf_add_str(&expected, numbered(70000));
    CHECK_INT(log_spool_lost(s), refused);
    log_spool_close(&s);
    CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).delivered, 1);
    place_delivered(&p, &text);
    CHECK(str_eq(buf_str(&text), buf_str(&expected)));
    buf_free(&text);
    buf_free(&expected);
    place_done(&p);
}

TEST("a full disk at the end of the interval: the file stays and takes late records until there is "
     "room")
{
    struct place p;
    char name[LOG_PATH_MAX];
    place_init(&p);
    struct log_spool *s = place_spool(&p, 0, 1, 60, PLACE_NOON);
    limit_files(3);
    CHECK(append(s, 0, 1, PLACE_NOON));
    log_spool_tick(s, PLACE_NOON + 60 * SECOND_US);
    CHECK(append(s, 0, 2, PLACE_NOON + 61 * SECOND_US));
    log_spool_tick(s, PLACE_NOON + 62 * SECOND_US);
    CHECK_INT(log_spool_lost(s), 0);
    CHECK_INT(files_in(&p, "spool", name), 1);
    CHECK(str_ends(str_of(name), STR(".open.0.1")));
    limit_files(0);
    log_spool_tick(s, PLACE_NOON + 63 * SECOND_US);
    CHECK_INT(files_in(&p, "spool", name), 1);
    CHECK(str_ends(str_of(name), STR(".log")));
    place_read(p.spool_fd, name, &text);
    CHECK_STR(buf_str(&text), "line 1\nline 2\n");
    log_spool_close(&s);
    buf_free(&text);
    place_done(&p);
}

TEST("a full disk at the very end: what cannot be written is counted, half a write does not stay")
{
    struct place p;
    place_init(&p);
    diag_init("test", (enum diag_level) - 1); /* its error line is expected */
    struct log_spool *s = place_spool(&p, 0, 1, 60, PLACE_NOON);
    CHECK(append(s, 0, 1, PLACE_NOON));
    log_spool_tick(s, PLACE_NOON + SECOND_US);
    limit_files(
        20); /* the next write fits by half: "line 2\nline 3\n" from 7 on, and half a line */
    CHECK(append(s, 0, 2, PLACE_NOON + 2 * SECOND_US));
    CHECK(append(s, 0, 3, PLACE_NOON + 2 * SECOND_US));
    log_spool_close(&s);
    (void)place_ship(&p, true, LIMIT_SPOOL_BYTES_MAX);
    limit_files(0);
    CHECK_INT(atomic_load(&p.board->spool_lost_records), 2);
    CHECK_INT(place_ship(&p, true, LIMIT_SPOOL_BYTES_MAX).delivered, 1);
    CHECK_INT(atomic_load(&p.board->spool_lost_records), 2);
    place_delivered(&p, &text);
    CHECK_STR(buf_str(&text), "line 1\n");
    buf_free(&text);
    place_done(&p);
}

/* ---- what a dead predecessor left ---- */

/* The worker's slot as a process that dies sees it. */
static struct log_slot
slot_of(struct place *p, struct log_region **ret_region)
{
    CHECK_INT(log_region_map(p->region_fds[0], true, ret_region, NULL), ERR_OK);
    return (struct log_slot){*ret_region, 0, p->spool_fd, -1};
}

#define OPEN_PATH "logs-one/AWSLogs/1/x.log"

/* Opens and closes a successor, ships, and compares what came out. */
static void
check_recovered(struct place *p, const char *expected, uint64_t lost)
{
    struct log_spool *s = place_spool(p, 0, 2, 300, PLACE_NOON);
    CHECK_INT(atomic_load(&p->board->workers[0].log_recovered), 2);
    CHECK_INT(log_spool_lost(s), lost);
    CHECK_INT(place_ship(p, false, LIMIT_SPOOL_BYTES_MAX).failed, 0);
    place_delivered(p, &text);
    CHECK_STR(buf_str(&text), expected);
    log_spool_close(&s);
    buf_free(&text);
}

TEST("died with lines in memory only")
{
    struct place p;
    struct log_region *region;
    place_init(&p);
    struct log_slot slot = slot_of(&p, &region);
    log_slot_begin(&slot, OPEN_PATH, 0, 1);
    log_slot_append(&slot, STR("one\n"));
    log_slot_append(&slot, STR("two\n"));
    log_region_unmap(&region);
    check_recovered(&p, "one\ntwo\n", 0);
    place_done(&p);
}

TEST("died after writing and before noting it: the same bytes are written to the same place")
{
    struct place p;
    struct log_region *region;
    place_init(&p);
    struct log_slot slot = slot_of(&p, &region);
    log_slot_begin(&slot, OPEN_PATH, 0, 1);
    log_slot_append(&slot, STR("one\n"));
    CHECK(log_slot_flush(&slot));
    log_slot_append(&slot, STR("two\n"));
    place_write(p.spool_fd, OPEN_PATH ".open.0.1", STR("one\ntwo\n"));
    log_slot_detach(&slot);
    log_region_unmap(&region);
    check_recovered(&p, "one\ntwo\n", 0);
    place_done(&p);
}

TEST("died in the middle of the first write")
{
    struct place p;
    struct log_region *region;
    place_init(&p);
    struct log_slot slot = slot_of(&p, &region);
    log_slot_begin(&slot, OPEN_PATH, 0, 1);
    log_slot_append(&slot, STR("one\ntwo\n"));
    place_write(p.spool_fd, OPEN_PATH ".open.0.1", STR("one\nt"));
    log_region_unmap(&region);
    check_recovered(&p, "one\ntwo\n", 0);
    place_done(&p);
}

TEST("died after the rename, before or after the shipper took the file: nothing comes twice")
{
    for (int shipped = 0; shipped < 2; shipped++) {
        struct place p;
        struct log_region *region;
        place_init(&p);
        struct log_slot slot = slot_of(&p, &region);
        log_slot_begin(&slot, OPEN_PATH, 0, 1);
        log_slot_append(&slot, STR("one\n"));
        CHECK(log_slot_flush(&slot));
        log_slot_detach(&slot);
        CHECK_INT(renameat(p.spool_fd, OPEN_PATH ".open.0.1", p.spool_fd, OPEN_PATH), 0);
        log_region_unmap(&region);
        if (shipped) {
            CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).delivered, 1);
        }
        check_recovered(&p, "one\n", 0);
        place_done(&p);
    }
}

TEST("a file that somebody removed gets no successor with a hole in front")
{
    struct place p;
    struct log_region *region;
    char name[LOG_PATH_MAX];
    place_init(&p);
    struct log_slot slot = slot_of(&p, &region);
    log_slot_begin(&slot, OPEN_PATH, 0, 1);
    log_slot_append(&slot, STR("one\n"));
    CHECK(log_slot_flush(&slot));
    log_slot_append(&slot, STR("two\nthree\n"));
    log_slot_detach(&slot);
    CHECK_INT(unlinkat(p.spool_fd, OPEN_PATH ".open.0.1", 0), 0);
    log_region_unmap(&region);
    check_recovered(&p, "", 2);
    CHECK_INT(files_in(&p, "spool", name), 0);
    place_done(&p);
}

TEST("died before the first line")
{
    struct place p;
    struct log_region *region;
    char name[LOG_PATH_MAX];
    place_init(&p);
    struct log_slot slot = slot_of(&p, &region);
    log_slot_begin(&slot, OPEN_PATH, 0, 1);
    log_region_unmap(&region);
    check_recovered(&p, "", 0);
    CHECK_INT(files_in(&p, "s3", name), 0);
    place_done(&p);
}

TEST("a predecessor's lines that cannot be written yet are kept, and the new load balancer waits")
{
    struct place p;
    struct log_region *region;
    place_init(&p);
    struct log_slot slot = slot_of(&p, &region);
    log_slot_begin(&slot, OPEN_PATH, 0, 1);
    log_slot_append(&slot, STR("one\n"));
    log_region_unmap(&region);
    limit_files(2);
    struct log_spool *s = place_spool(&p, 0, 2, 300, PLACE_NOON);
    CHECK(!append(s, 0, 1, PLACE_NOON)); /* the slot's buffer is not free: lost */
    CHECK_INT(log_spool_lost(s), 1);
    limit_files(0);
    log_spool_tick(s, PLACE_NOON);
    CHECK(append(s, 0, 2, PLACE_NOON));
    log_spool_close(&s);
    CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).delivered, 2);
    place_delivered(&p, &text);
    CHECK_STR(buf_str(&text), "one\nline 2\n");
    buf_free(&text);
    place_done(&p);
}

static void
damage_offsets(struct log_head *h)
{
    atomic_store(&h->flushed, 10);
}

static void
damage_length(struct log_head *h)
{
    atomic_store(&h->committed, LIMIT_LOG_BUFFER_BYTES + 1);
}

static void
damage_end_of_path(struct log_head *h)
{
    memset(h->path, 'x', sizeof(h->path));
}

static void
damage_suffix(struct log_head *h)
{
    memset(h->path, 0, sizeof(h->path));
    memcpy(h->path, "a/b", 3);
}

TEST("a damaged head is dropped, counted, and does no harm")
{
    static void (*const damages[])(struct log_head *) = {damage_offsets, damage_length,
                                                         damage_end_of_path, damage_suffix};
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        struct place p;
        struct log_region *region;
        place_init(&p);
        diag_init("test", (enum diag_level) - 1); /* its error line is expected */
        struct log_slot slot = slot_of(&p, &region);
        log_slot_begin(&slot, OPEN_PATH, 0, 1);
        log_slot_append(&slot, STR("one\n"));
        damages[i](&region->heads[0]);
        log_region_unmap(&region);
        check_recovered(&p, "", 1);
        place_done(&p);
    }
}

TEST("a head that points outside the spool writes nothing there")
{
    static const char *const paths[] = {"../s3/logs-one/x.log", "/tmp/x.log", "a/../../x.log"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct place p;
        struct log_region *region;
        char name[LOG_PATH_MAX];
        place_init(&p);
        diag_init("test", (enum diag_level) - 1); /* its error line is expected */
        struct log_slot slot = slot_of(&p, &region);
        log_slot_begin(&slot, paths[i], 0, 1);
        log_slot_append(&slot, STR("one\n"));
        log_region_unmap(&region);
        (void)place_ship(&p, true, LIMIT_SPOOL_BYTES_MAX);
        CHECK_INT(files_in(&p, "s3", name), 0);
        CHECK_INT(files_in(&p, "spool", name), 0);
        CHECK_INT(atomic_load(&p.board->spool_lost_records), 1);
        place_done(&p);
    }
}

TEST_MAIN
