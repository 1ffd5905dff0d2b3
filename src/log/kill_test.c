/* SPDX-License-Identifier: Apache-2.0
 * A worker that is killed at any instant: each line whose append had returned is delivered exactly
 * once, and no line twice. */
#include "log/log_test.h"

#include "base/rand.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { ROUNDS = 60, LINES_MAX = 2 * 1000 * 1000 };

/* Shared with the workers: the last number whose append has returned. */
struct shared {
    _Atomic uint64_t done;
};

static uint64_t clock_us = PLACE_NOON;

/* A worker's life: numbered lines of odd lengths, a clock of its own that runs fast enough to meet
 * every flush and every interval; a byte on the pipe for each hundred lines. */
static void
work(struct place *p, struct shared *shared, uint32_t generation, uint64_t first, int pipe_fd)
{
    struct rand rand;
    struct addr node;
    char line[2048];
    struct log_spool *s = place_spool(p, 0, generation, 2, clock_us);
    rand_seed(&rand, generation);
    if (!addr_parse(STR("203.0.113.9"), 443, &node)) {
        _exit(1);
    }
    memset(line, 'x', sizeof(line));
    for (uint64_t n = first; n < LINES_MAX; n++) {
        int head = snprintf(line, sizeof(line), "%llu ", (unsigned long long)n);
        size_t length = (size_t)head + rand_below(&rand, 1500) + 1;
        line[head] = 'x'; /* where snprintf put its NUL */
        line[length - 1] = '\n';
        uint64_t now = clock_us + (n - first) * 7000;
        if (!log_spool_append(s, n % 2 == 0 ? 0 : 7, &node, (struct str){line, length}, now)) {
            _exit(2);
        }
        line[length - 1] = 'x';
        atomic_store(&shared->done, n);
        if (n % 16 == 0) {
            log_spool_tick(s, now);
        }
        if (n % 100 == 0 && write(pipe_fd, "", 1) != 1) {
            _exit(3);
        }
    }
    _exit(0);
}

/* Starts a worker, lets it write some hundred lines and kills it wherever it is then. */
static void
one_life(struct place *p, struct shared *shared, uint32_t generation, uint64_t hundreds)
{
    int ends[2];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    uint64_t first = atomic_load(&shared->done) + 2; /* the one after the last may be there too */
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        work(p, shared, generation, first, ends[1]);
    }
    CHECK_INT(close(ends[1]), 0);
    char byte;
    for (uint64_t i = 0; i < hundreds && read(ends[0], &byte, 1) == 1; i++) {
    }
    CHECK_INT(kill(pid, SIGKILL), 0);
    int status;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK_INT(close(ends[0]), 0);
}

/* Marks which numbers are there; each may be only once. */
static uint64_t
count_lines(struct str all, uint8_t *seen, uint64_t *ret_bad)
{
    uint64_t count = 0;
    struct str line;
    while (str_cut(&all, '\n', &line) && (all.p != NULL || line.n > 0)) {
        struct str number;
        uint64_t n = 0;
        struct str rest = line;
        bool good = str_cut(&rest, ' ', &number) && str_to_u64(number, &n) && n < LINES_MAX;
        for (size_t i = 0; good && i < rest.n; i++) {
            good = rest.p[i] == 'x';
        }
        *ret_bad += !good || seen[n] != 0;
        seen[n] = 1;
        count++;
    }
    return count;
}

TEST(
    "killed at random instants: every appended line exactly once, shipped meanwhile and at the end")
{
    struct place p;
    struct rand rand;
    struct buf text = {.max = (size_t)1 << 30};
    uint64_t appended[ROUNDS][2];
    place_init(&p);
    rand_seed(&rand, 17);
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        appended[i][0] = atomic_load(&shared->done) + 2;
        one_life(&p, shared, i + 1, rand_below(&rand, 4));
        appended[i][1] = atomic_load(&shared->done);
        clock_us += rand_below(&rand, 3) * SECOND_US;
        if (rand_below(&rand, 3) == 0) {
            CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).failed, 0);
        }
    }
    CHECK_INT(place_ship(&p, true, LIMIT_SPOOL_BYTES_MAX).failed, 0);
    struct found found = {.count = 0};
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 0);
    size_t objects = place_delivered(&p, &text);
    CHECK(objects > ROUNDS / 2 && objects < FOUND_MAX);
    uint8_t *seen = xalloc(LINES_MAX);
    uint64_t bad = 0;
    uint64_t count = count_lines(buf_str(&text), seen, &bad);
    CHECK_INT(bad, 0);
    uint64_t missing = 0;
    uint64_t expected = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint64_t n = appended[i][0]; n <= appended[i][1]; n++) {
            missing += seen[n] == 0;
            expected++;
        }
    }
    CHECK_INT(missing, 0);
    CHECK(expected > 1000);
    CHECK(count >= expected && count <= expected + ROUNDS); /* killed between append and note */
    CHECK_INT(atomic_load(&p.board->spool_lost_records), 0);
    printf("# %llu lines in %zu objects after %d kills\n", (unsigned long long)count, objects,
           ROUNDS);
    CHECK_INT(munmap(shared, sizeof(*shared)), 0);
    xfree(seen);
    buf_free(&text);
    found_free(&found);
    place_done(&p);
}

TEST("shipping all the while: folders come and go, no line is lost or doubled")
{
    enum { LINES = 30000 };
    struct place p;
    struct buf text = {.max = (size_t)1 << 30};
    place_init(&p);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct addr node;
        bool good = addr_parse(STR("2001:db8::1"), 443, &node);
        struct log_spool *s = place_spool(&p, 0, 1, 1, PLACE_NOON);
        for (unsigned n = 0; good && n < LINES; n++) {
            char line[32];
            int length = snprintf(line, sizeof(line), "%u xxx\n", n);
            uint64_t now = PLACE_NOON + n * UINT64_C(10000);
            good = log_spool_append(s, 0, &node, (struct str){line, (size_t)length}, now);
            log_spool_tick(s, now);
        }
        log_spool_close(&s);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    unsigned passes = 0;
    for (pid_t ended = 0; ended == 0; passes++) {
        CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).failed, 0);
        ended = waitpid(pid, &status, WNOHANG);
        CHECK(ended == 0 || ended == pid);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(place_ship(&p, false, LIMIT_SPOOL_BYTES_MAX).failed, 0);
    CHECK(place_delivered(&p, &text) >= LINES / 100);
    uint8_t *seen = xalloc(LINES_MAX);
    uint64_t bad = 0;
    CHECK_INT(count_lines(buf_str(&text), seen, &bad), LINES);
    CHECK_INT(bad, 0);
    printf("# %u passes while writing\n", passes);
    xfree(seen);
    buf_free(&text);
    place_done(&p);
}

TEST_MAIN
