/* SPDX-License-Identifier: Apache-2.0
 * Tests of the board: its file, its checks, health words, gauges and the failure rings. */
#include "state/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"

/* A folder of its own for each test. */
struct folder {
    char path[64];
    int fd;
};

static struct folder
folder_make(void)
{
    struct folder f = {"/tmp/openalb-board-XXXXXX", -1};
    CHECK(mkdtemp(f.path) != NULL);
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(f.fd >= 0);
    return f;
}

static void
folder_remove(struct folder *f)
{
    (void)unlinkat(f->fd, "board", 0); /* there or not, depending on the test */
    (void)unlinkat(f->fd, "board.new", 0);
    (void)close(f->fd);
    CHECK_INT(rmdir(f->path), 0);
}

static struct board *
make_and_map(const struct folder *f, unsigned workers)
{
    struct errinfo e;
    int fd = -1;
    struct board *b = NULL;
    CHECK_INT(board_create(f->fd, workers, &fd, &e), ERR_OK);
    CHECK_INT(board_map(fd, &b, &e), ERR_OK);
    CHECK_INT(close(fd), 0);
    return b;
}

TEST("a new board is zeroed, of the right size, private and mapped by all alike")
{
    struct folder f = folder_make();
    struct board *b = make_and_map(&f, 3);
    CHECK_INT(b->worker_count, 3);
    CHECK_INT(b->end_count, END_COUNT);
    CHECK_INT(b->bytes, board_bytes(3));
    CHECK_INT(b->workers[2].listeners[LIMIT_LISTENERS_MAX - 1].requests, 0);

    struct stat st;
    CHECK_INT(fstatat(f.fd, "board", &st, 0), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK_INT(st.st_size, board_bytes(3));
    CHECK(faccessat(f.fd, "board.new", F_OK, 0) != 0);

    struct errinfo e;
    const struct board *readonly = NULL;
    CHECK_INT(board_map_readonly(f.fd, &readonly, &e), ERR_OK);
    board_add(&b->workers[1].listeners[7].requests, 41);
    board_add(&b->workers[1].listeners[7].requests, 1);
    CHECK_INT(readonly->workers[1].listeners[7].requests, 42);
    board_unmap(readonly);
    board_unmap(b);
    folder_remove(&f);
}

TEST("a new start takes the old board's place and leaves old mappings alone")
{
    struct folder f = folder_make();
    struct board *old = make_and_map(&f, 1);
    old->spool_lost_files = 9;
    struct board *now = make_and_map(&f, 2);
    CHECK_INT(now->spool_lost_files, 0);
    CHECK_INT(now->worker_count, 2);
    CHECK_INT(old->spool_lost_files, 9);
    CHECK_INT(old->worker_count, 1);
    board_unmap(old);
    board_unmap(now);
    folder_remove(&f);
}

TEST("a leftover board.new, even a link, is not followed")
{
    struct folder f = folder_make();
    CHECK_INT(symlinkat("/tmp/openalb-board-elsewhere", f.fd, "board.new"), 0);
    struct board *b = make_and_map(&f, 1);
    CHECK(access("/tmp/openalb-board-elsewhere", F_OK) != 0);
    board_unmap(b);
    folder_remove(&f);
}

TEST("untouched rows take no memory")
{
    struct folder f = folder_make();
    struct board *b = make_and_map(&f, LIMIT_WORKERS_MAX);
    b->workers[0].pid = 1;
    b->workers[LIMIT_WORKERS_MAX - 1].pid = 1;
    board_worker_died(b, 5); /* looks at every gauge, writes none */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (b->bytes + page - 1) / page;
    unsigned char *resident = xalloc(pages);
    CHECK_INT(mincore(b, b->bytes, resident), 0);
    size_t count = 0;
    for (size_t i = 0; i < pages; i++) {
        count += resident[i] & 1;
    }
    CHECK(count < pages / 4);
    xfree(resident);
    board_unmap(b);
    folder_remove(&f);
}

TEST("impossible numbers of workers are refused")
{
    struct folder f = folder_make();
    struct errinfo e;
    int fd = -1;
    CHECK_INT(board_create(f.fd, 0, &fd, &e), ERR_INVALID);
    CHECK_INT(board_create(f.fd, LIMIT_WORKERS_MAX + 1, &fd, &e), ERR_INVALID);
    CHECK_STR(str_of(e.text), "65 is not a number of workers (1-64)");
    CHECK_INT(fd, -1);
    CHECK_INT(board_create(-1, 1, &fd, &e), ERR_SYSTEM);
    folder_remove(&f);
}

/* Changes one byte of a good board's file and maps it. */
static enum err
map_damaged(size_t at, char value, struct errinfo *e)
{
    struct folder f = folder_make();
    int fd = -1;
    CHECK_INT(board_create(f.fd, 2, &fd, e), ERR_OK);
    CHECK_INT(pwrite(fd, &value, 1, (off_t)at), 1);
    struct board *b = NULL;
    enum err result = board_map(fd, &b, e);
    CHECK(b == NULL);
    CHECK_INT(close(fd), 0);
    folder_remove(&f);
    return result;
}

TEST("a file that is no board of ours is refused")
{
    struct errinfo e;
    CHECK_INT(map_damaged(offsetof(struct board, magic), 'X', &e), ERR_INVALID);
    CHECK_STR(str_of(e.text), "the board does not begin with 'OALBBRD1'");
    CHECK_INT(map_damaged(offsetof(struct board, bytes), 1, &e), ERR_INVALID);
    CHECK_INT(map_damaged(offsetof(struct board, worker_count), 3, &e), ERR_INVALID);
    CHECK_INT(map_damaged(offsetof(struct board, worker_count), 0, &e), ERR_INVALID);
    CHECK_INT(map_damaged(offsetof(struct board, worker_count) + 3, 0x7f, &e), ERR_INVALID);
    CHECK(str_find(str_of(e.text), STR("another version"), NULL));
    CHECK_INT(map_damaged(offsetof(struct board, end_count), END_COUNT + 1, &e), ERR_INVALID);
    CHECK(str_find(str_of(e.text), STR("another version"), NULL));
}

TEST("an absent, short or strange file is refused")
{
    struct folder f = folder_make();
    struct errinfo e;
    const struct board *b = NULL;
    CHECK_INT(board_map_readonly(f.fd, &b, &e), ERR_NOT_FOUND);
    int fd = openat(f.fd, "board", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK_INT(board_map_readonly(f.fd, &b, &e), ERR_INVALID);
    CHECK_INT(pwrite(fd, "OALBBRD1", 8, 0), 8);
    CHECK_INT(board_map_readonly(f.fd, &b, &e), ERR_INVALID);
    CHECK_INT(close(fd), 0);
    CHECK_INT(unlinkat(f.fd, "board", 0), 0);
    CHECK_INT(symlinkat("/dev/zero", f.fd, "board"), 0);
    CHECK_INT(board_map_readonly(f.fd, &b, &e), ERR_SYSTEM);
    CHECK(b == NULL);
    folder_remove(&f);
}

TEST("health words keep state, reason and code; the moment moves with a change only")
{
    struct board_health h = {0};
    struct health_now now = board_health_get(&h);
    CHECK_INT(now.state, HEALTH_UNUSED);
    CHECK_INT(now.reason, HEALTH_REASON_NONE);
    for (unsigned s = 0; s < HEALTH_STATE_COUNT; s++) {
        for (unsigned r = 0; r < HEALTH_REASON_COUNT; r++) {
            board_health_set(
                &h, (struct health_now){(enum health_state)s, (enum health_reason)r, 599}, 1);
            now = board_health_get(&h);
            CHECK_INT(now.state, s);
            CHECK_INT(now.reason, r);
            CHECK_INT(now.code, 599);
        }
    }
    struct health_now bad = {HEALTH_UNHEALTHY, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 500};
    board_health_set(&h, bad, 100);
    bad.code = 503;
    board_health_set(&h, bad, 200);
    CHECK_INT(h.changed_wall_us, 100);
    CHECK_INT(board_health_get(&h).code, 503);
    bad.reason = HEALTH_REASON_TIMEOUT;
    board_health_set(&h, bad, 300);
    CHECK_INT(h.changed_wall_us, 300);
}

TEST("a health word out of range reads as never written")
{
    struct board_health h = {.word = 0xff02};
    CHECK_INT(board_health_get(&h).state, HEALTH_UNUSED);
    h.word = HEALTH_STATE_COUNT;
    CHECK_INT(board_health_get(&h).state, HEALTH_UNUSED);
    h.word = HEALTH_HEALTHY;
    CHECK_INT(board_health_get(&h).state, HEALTH_HEALTHY);
}

TEST("names and descriptions are AWS's, with the code filled in")
{
    char text[HEALTH_TEXT];
    CHECK_STR(str_of(health_state_name(HEALTH_UNHEALTHY)), "unhealthy");
    CHECK_STR(str_of(health_reason_name(HEALTH_REASON_NONE)), "");
    CHECK_STR(str_of(health_reason_name(HEALTH_REASON_TIMEOUT)), "Target.Timeout");
    struct health_now now = {HEALTH_UNHEALTHY, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 502};
    CHECK_STR(str_of(health_describe(now, text)), "Health checks failed with these codes: [502]");
    now.reason = HEALTH_REASON_TIMEOUT;
    CHECK_STR(str_of(health_describe(now, text)), "Request timed out");
    for (unsigned r = 0; r < HEALTH_REASON_COUNT; r++) {
        now.reason = (enum health_reason)r;
        CHECK(!str_find_char(str_of(health_describe(now, text)), '%', NULL));
    }
}

TEST("the death of a worker clears its gauges and keeps its counters")
{
    struct folder f = folder_make();
    struct board *b = make_and_map(&f, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct board_worker *w = &b->workers[i];
        w->pid = 77;
        w->generation = 4;
        w->client_connections = 10;
        w->target_connections = 11;
        w->log_lost = 3;
        w->outstanding[0] = 1;
        w->outstanding[LIMIT_TARGETS_MAX - 1] = 2;
        board_add(&w->listeners[0].requests, 5);
    }
    board_worker_died(b, 0);
    CHECK_INT(b->workers[0].pid, 0);
    CHECK_INT(b->workers[0].generation, 4);
    CHECK_INT(b->workers[0].client_connections, 0);
    CHECK_INT(b->workers[0].target_connections, 0);
    CHECK_INT(b->workers[0].outstanding[0], 0);
    CHECK_INT(b->workers[0].outstanding[LIMIT_TARGETS_MAX - 1], 0);
    CHECK_INT(b->workers[0].log_lost, 3);
    CHECK_INT(b->workers[0].listeners[0].requests, 5);
    CHECK_INT(b->workers[1].pid, 77);
    CHECK_INT(b->workers[1].client_connections, 10);
    CHECK_INT(b->workers[1].outstanding[LIMIT_TARGETS_MAX - 1], 2);
    board_unmap(b);
    folder_remove(&f);
}

/* ---- the ring ---- */

static struct board_listener row; /* too large for a stack */

static void
count(enum end_reason end, unsigned status, uint64_t wall_us)
{
    static const uint8_t id[16] = {1, 2, 3};
    struct addr client;
    CHECK(addr_parse(STR("192.0.2.7"), 4711, &client));
    struct failure_note note = {.end = end,
                                .status = status,
                                .wall_us = wall_us,
                                .trace_id = id,
                                .client = &client,
                                .code = ECONNREFUSED,
                                .detail = STR("connect")};
    board_count_end(&row, &note);
}

TEST("an end is counted; only one with a fault goes into the ring")
{
    memset(&row, 0, sizeof(row));
    struct board_failure f;
    CHECK(!board_failure_read(&row, 0, &f));
    count(END_ANSWERED, 200, 1);
    count(END_ANSWERED, 200, 2);
    CHECK_INT(row.ends[END_ANSWERED], 2);
    CHECK_INT(row.failure_next, 0);
    count(END_CONNECT_REFUSED, 502, 3);
    CHECK_INT(row.ends[END_CONNECT_REFUSED], 1);
    CHECK_INT(row.failure_next, 1);
    CHECK(board_failure_read(&row, 0, &f));
    CHECK(!board_failure_read(&row, 1, &f));
    char text[ADDR_TEXT];
    CHECK_INT(f.end, END_CONNECT_REFUSED);
    CHECK_INT(f.status, 502);
    CHECK_INT(f.wall_us, 3);
    CHECK_INT(f.code, ECONNREFUSED);
    CHECK_INT(f.trace_id[2], 3);
    CHECK_STR(str_of(addr_port_text(&f.client, text)), "192.0.2.7:4711");
    CHECK_INT(f.target.sa.sa_family, 0);
    CHECK_STR(str_of(f.detail), "connect");
}

TEST("every row of the table of ends can be counted")
{
    memset(&row, 0, sizeof(row));
    uint64_t faults = 0;
    for (unsigned i = 0; i < END_COUNT; i++) {
        struct failure_note note = {.end = (enum end_reason)i};
        board_count_end(&row, &note);
        CHECK_INT(row.ends[i], 1);
        faults += end_row((enum end_reason)i)->fault != END_FAULT_NOBODY;
        CHECK_INT(row.failure_next, faults);
    }
}

TEST("the ring keeps the last ones and forgets the first")
{
    memset(&row, 0, sizeof(row));
    struct board_failure f;
    uint64_t total = 3 * LIMIT_FAILURE_RING + 5;
    for (uint64_t i = 0; i < total; i++) {
        count(END_TARGET_TIMEOUT, 504, 1000 + i);
    }
    CHECK_INT(row.failure_next, total);
    for (uint64_t i = 0; i < total; i++) {
        bool there = i >= total - LIMIT_FAILURE_RING;
        CHECK_INT(board_failure_read(&row, i, &f), there);
        CHECK(!there || f.wall_us == 1000 + i);
    }
    CHECK(!board_failure_read(&row, total, &f));
    CHECK(!board_failure_read(&row, UINT64_MAX, &f));
}

TEST("numbers above 32 bits read well")
{
    memset(&row, 0, sizeof(row));
    struct board_failure f;
    uint64_t start = (UINT64_C(1) << 31) - 3; /* the stored number passes through 0 */
    row.failure_next = start;
    for (uint64_t i = 0; i < 8; i++) {
        count(END_TARGET_TIMEOUT, 504, i);
    }
    for (uint64_t i = 0; i < 8; i++) {
        CHECK(board_failure_read(&row, start + i, &f));
        CHECK_INT(f.wall_us, i);
    }
}

TEST("a failure under way, or with an end that nobody knows, is not shown")
{
    memset(&row, 0, sizeof(row));
    struct board_failure f;
    count(END_TARGET_TIMEOUT, 504, 1);
    row.failures[0].sequence = 1;
    CHECK(!board_failure_read(&row, 0, &f));
    row.failures[0].sequence = 2;
    CHECK(board_failure_read(&row, 0, &f));
    row.failures[0].end = END_COUNT;
    CHECK(!board_failure_read(&row, 0, &f));
}

TEST("a worker that died while writing leaves its place to the next")
{
    memset(&row, 0, sizeof(row));
    struct board_failure f;
    count(END_TARGET_TIMEOUT, 504, 1);
    row.failures[1].sequence = 3; /* began number 1 and died */
    CHECK(!board_failure_read(&row, 1, &f));
    count(END_TARGET_CLOSED, 502, 2);
    CHECK(board_failure_read(&row, 1, &f));
    CHECK_INT(f.end, END_TARGET_CLOSED);
}

TEST("a detail too long is cut, and always ends")
{
    memset(&row, 0, sizeof(row));
    struct board_failure f;
    char longer[2 * FAILURE_DETAIL];
    memset(longer, 'x', sizeof(longer));
    struct failure_note note = {.end = END_BODY_CUT, .detail = {longer, sizeof(longer)}};
    board_count_end(&row, &note);
    CHECK(board_failure_read(&row, 0, &f));
    CHECK_INT(strlen(f.detail), FAILURE_DETAIL - 1);
    CHECK_INT(f.client.sa.sa_family, 0);
    memset(row.failures[0].detail, 'y', FAILURE_DETAIL);
    CHECK(board_failure_read(&row, 0, &f));
    CHECK_INT(strlen(f.detail), FAILURE_DETAIL - 1);
}

/* Writes failures whose fields all say the same number, so that a torn one shows. */
static void
write_many(struct board_listener *shared, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint8_t id[16];
        memset(id, (int)(i & 0xff), sizeof(id));
        struct failure_note note = {.end = END_TARGET_TIMEOUT,
                                    .status = (unsigned)(i & 0xffff),
                                    .wall_us = i,
                                    .trace_id = id,
                                    .code = (int)i};
        board_count_end(shared, &note);
    }
}

TEST("a reader beside a writing process never sees a torn failure")
{
    enum { FAILURES = 200 * 1000 };
    struct folder f = folder_make();
    struct board *b = make_and_map(&f, 1);
    struct board_listener *shared = &b->workers[0].listeners[0];
    pid_t child = fork();
    if (child == 0) {
        write_many(shared, FAILURES);
        _exit(0);
    }
    CHECK(child > 0);
    uint64_t torn = 0;
    uint64_t next;
    do {
        next = atomic_load_explicit(&shared->failure_next, memory_order_acquire);
        struct board_failure got;
        for (uint64_t n = next - MIN_OF(next, (uint64_t)LIMIT_FAILURE_RING); n < next; n++) {
            if (board_failure_read(shared, n, &got)) {
                torn += got.wall_us != n || got.code != (int)n || got.status != (n & 0xffff) ||
                        got.trace_id[0] != (n & 0xff) || got.trace_id[15] != (n & 0xff);
            }
        }
    } while (next < FAILURES && waitpid(child, NULL, WNOHANG) == 0);
    CHECK_INT(torn, 0);
    int status = 0;
    pid_t gone = waitpid(child, &status, 0);
    CHECK(gone == child || (gone < 0 && errno == ECHILD));
    CHECK_INT(shared->failure_next, FAILURES);
    CHECK_INT(shared->ends[END_TARGET_TIMEOUT], FAILURES);
    board_unmap(b);
    folder_remove(&f);
}

TEST_MAIN
