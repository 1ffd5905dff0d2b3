/* SPDX-License-Identifier: Apache-2.0
 * The checker role on a real loop and a board of its own, against a small server in a child process
 * that answers with the status its path names. */
#include "role/checker.c"

#include "base/clock.h"
#include "base/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct board board; /* no workers */
static unsigned finished;

void
role_finished(struct role_env *env)
{
    (void)env;
    finished++;
}

/* ---- the target ---- */

static void
answer(int fd)
{
    char head[2048];
    size_t n = 0;
    while (n < sizeof(head) && !str_find((struct str){head, n}, STR("\r\n\r\n"), NULL)) {
        ssize_t got = read(fd, head + n, sizeof(head) - n);
        if (got <= 0) {
            return;
        }
        n += (size_t)got;
    }
    char text[128]; /* "GET /404 ..." */
    int length =
        snprintf(text, sizeof(text), "HTTP/1.1 %.3s X\r\nContent-Length: 0\r\n\r\n", head + 5);
    ssize_t sent = write(fd, text, (size_t)length);
    (void)sent; /* the checker notices */
}

static pid_t
target_start(struct addr *ret_addr)
{
    int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(ret_addr->in4);
    CHECK(addr_parse(STR("127.0.0.1"), 0, ret_addr));
    CHECK(bind(listen_fd, &ret_addr->sa, size) == 0);
    CHECK(listen(listen_fd, 64) == 0);
    CHECK(getsockname(listen_fd, &ret_addr->sa, &size) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int fd = accept(listen_fd, NULL, NULL);
            answer(fd);
            close(fd);
        }
    }
    close(listen_fd);
    return pid;
}

/* ---- a bench ---- */

struct bench {
    struct role_env env;
    void *role;
    struct addr addr; /* of the target */
    pid_t pid;
};

static struct bench *
bench_new(void)
{
    diag_init("test", DIAG_WARN);
    struct bench *b = xalloc(sizeof(*b));
    memset(board.health, 0, sizeof(board.health));
    b->pid = target_start(&b->addr);
    b->env = (struct role_env){.kind = ROLE_CHECKER, .board = &board};
    CHECK(loop_new(&b->env.loop, NULL) == ERR_OK);
    CHECK(checker_ops.init(&b->env, &b->role, NULL) == ERR_OK);
    return b;
}

static void
role_end(struct bench *b)
{
    unsigned before = finished;
    checker_ops.drain(b->role, 0);
    CHECK_INT(finished, before + 1);
    xfree(b->role);
}

static void
bench_free(struct bench *b)
{
    role_end(b);
    loop_free(&b->env.loop);
    kill(b->pid, SIGKILL);
    waitpid(b->pid, NULL, 0);
    xfree(b);
}

struct shape {
    size_t targets;
    const char *path;
    bool in_use;
    uint32_t delay_s;
    uint32_t interval_s;
    uint32_t first_slot;
};

static struct model *
model_make(const struct bench *b, const struct shape *shape)
{
    static struct http_code_range only_200[] = {{200, 200}};
    struct model *m = model_new();
    struct target_group *g = model_alloc(m, sizeof(*g));
    *g = (struct target_group){.arn = STR("arn:group"),
                               .name = STR("group"),
                               .deregistration_delay_s = shape->delay_s,
                               .in_use = shape->in_use};
    g->health_check = (struct health_check){.path = str_of(shape->path),
                                            .interval_s = shape->interval_s,
                                            .timeout_s = 5,
                                            .healthy_threshold = 2,
                                            .unhealthy_threshold = 2,
                                            .matcher = STR("200"),
                                            .codes = only_200,
                                            .code_count = 1};
    g->target_count = shape->targets;
    g->targets = model_alloc(m, sizeof(struct target) * MAX_OF(shape->targets, (size_t)1));
    for (size_t i = 0; i < shape->targets; i++) {
        g->targets[i].addr = b->addr;
        g->targets[i].slot = shape->first_slot + (uint32_t)i;
    }
    m->target_groups = g;
    m->target_group_count = 1;
    return m;
}

static void
load(struct bench *b, struct shape shape)
{
    struct model *m = model_make(b, &shape);
    CHECK(checker_ops.load(b->role, m, NULL) == ERR_OK);
    model_unref(&m); /* the checker has its own references */
}

static struct health_now
now_of(uint32_t slot)
{
    return board_health_get(&board.health[slot]);
}

static bool
turn_until(struct bench *b, uint32_t slot, enum health_state state)
{
    uint64_t end = clock_mono_us() + 20 * 1000000ull;
    while (now_of(slot).state != state && clock_mono_us() < end) {
        loop_turn(b->env.loop, 1000);
    }
    return now_of(slot).state == state;
}

static void
turn_until_checked(struct bench *b, uint32_t slot, uint32_t failed)
{
    uint64_t end = clock_mono_us() + 20 * 1000000ull;
    while (atomic_load(&board.health[slot].checks_failed) < failed && clock_mono_us() < end) {
        loop_turn(b->env.loop, 1000);
    }
    CHECK_INT(atomic_load(&board.health[slot].checks_failed), failed);
}

TEST("a new target is checked at once and healthy after one check")
{
    struct bench *b = bench_new();
    load(b, (struct shape){1, "/200", true, 0, 300, 7});
    CHECK_INT(now_of(7).reason, HEALTH_REASON_REGISTRATION_IN_PROGRESS);
    CHECK(turn_until(b, 7, HEALTH_HEALTHY));
    CHECK_INT(now_of(7).code, 200);
    CHECK_INT(atomic_load(&board.health[7].checks_passed), 1);
    bench_free(b);
}

TEST("a failing one is initial until the threshold, then unhealthy with the code")
{
    struct bench *b = bench_new();
    load(b, (struct shape){1, "/404", true, 0, 1, 0});
    turn_until_checked(b, 0, 1);
    CHECK_INT(now_of(0).state, HEALTH_INITIAL);
    CHECK_INT(now_of(0).reason, HEALTH_REASON_INITIAL_HEALTH_CHECKING);
    turn_until_checked(b, 0, 2);
    CHECK_INT(now_of(0).state, HEALTH_UNHEALTHY);
    CHECK_INT(now_of(0).reason, HEALTH_REASON_RESPONSE_CODE_MISMATCH);
    CHECK_INT(now_of(0).code, 404);
    bench_free(b);
}

TEST("new settings keep the state and check anew at once")
{
    struct bench *b = bench_new();
    load(b, (struct shape){1, "/200", true, 0, 300, 0});
    CHECK(turn_until(b, 0, HEALTH_HEALTHY));
    load(b, (struct shape){1, "/404", true, 0, 300, 0});
    CHECK_INT(now_of(0).state, HEALTH_HEALTHY);
    turn_until_checked(b, 0, 1);
    CHECK_INT(now_of(0).state, HEALTH_HEALTHY);
    load(b, (struct shape){1, "/503", true, 0, 300, 0});
    turn_until_checked(b, 0, 2);
    CHECK_INT(now_of(0).state, HEALTH_UNHEALTHY);
    CHECK_INT(now_of(0).code, 503);
    bench_free(b);
}

TEST("the same settings do not disturb the schedule")
{
    struct bench *b = bench_new();
    load(b, (struct shape){1, "/200", true, 0, 300, 0});
    CHECK(turn_until(b, 0, HEALTH_HEALTHY));
    struct checker *checker = b->role;
    uint64_t due_us = checker->checks[0].due_us;
    load(b, (struct shape){1, "/200", true, 0, 300, 0});
    CHECK_INT(checker->checks[0].due_us, due_us);
    CHECK(checker->checks[0].probe == NULL);
    bench_free(b);
}

TEST("a group that is not in use has unused targets, and none is asked")
{
    struct bench *b = bench_new();
    load(b, (struct shape){2, "/200", false, 0, 300, 3});
    CHECK_INT(now_of(3).state, HEALTH_UNUSED);
    CHECK_INT(now_of(4).reason, HEALTH_REASON_NOT_IN_USE);
    struct checker *checker = b->role;
    CHECK(!timer_armed(&checker->checks[3].timer));
    load(b, (struct shape){2, "/200", true, 0, 300, 3});
    CHECK_INT(now_of(3).state, HEALTH_INITIAL);
    CHECK(turn_until(b, 3, HEALTH_HEALTHY));
    load(b, (struct shape){2, "/200", false, 0, 300, 3});
    CHECK_INT(now_of(3).state, HEALTH_UNUSED);
    CHECK(!timer_armed(&checker->checks[3].timer));
    CHECK_INT(health_client_active(checker->client), 0);
    bench_free(b);
}

TEST("a target that leaves drains for its delay, then is not registered")
{
    struct bench *b = bench_new();
    load(b, (struct shape){2, "/200", true, 1, 300, 0});
    CHECK(turn_until(b, 1, HEALTH_HEALTHY));
    uint64_t began_us = clock_mono_us();
    load(b, (struct shape){1, "/200", true, 1, 300, 0});
    CHECK_INT(now_of(1).state, HEALTH_DRAINING);
    CHECK_INT(now_of(1).reason, HEALTH_REASON_DEREGISTRATION_IN_PROGRESS);
    load(b, (struct shape){1, "/200", true, 1, 300, 0}); /* another reload does not matter */
    CHECK_INT(now_of(1).state, HEALTH_DRAINING);
    CHECK(turn_until(b, 1, HEALTH_UNUSED));
    CHECK(clock_mono_us() - began_us >= 900 * 1000);
    CHECK_INT(now_of(1).reason, HEALTH_REASON_NOT_REGISTERED);
    struct checker *checker = b->role;
    CHECK(checker->checks[1].checker == NULL);
    CHECK(turn_until(b, 0, HEALTH_HEALTHY));
    bench_free(b);
}

TEST("registered again while it drains, it comes back after the delay")
{
    struct bench *b = bench_new();
    load(b, (struct shape){2, "/200", true, 1, 300, 0});
    CHECK(turn_until(b, 1, HEALTH_HEALTHY));
    load(b, (struct shape){1, "/200", true, 1, 300, 0});
    load(b, (struct shape){2, "/200", true, 1, 300, 0});
    CHECK_INT(now_of(1).state, HEALTH_DRAINING);
    CHECK(turn_until(b, 1, HEALTH_INITIAL));
    CHECK(turn_until(b, 1, HEALTH_HEALTHY));
    bench_free(b);
}

TEST("a slot that passes to another target begins as new")
{
    struct bench *b = bench_new();
    load(b, (struct shape){1, "/200", true, 300, 300, 0});
    CHECK(turn_until(b, 0, HEALTH_HEALTHY));
    b->addr.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1); /* nobody listens there */
    load(b, (struct shape){1, "/200", true, 300, 1, 0});
    CHECK_INT(now_of(0).state, HEALTH_INITIAL);
    CHECK(turn_until(b, 0, HEALTH_UNHEALTHY));
    CHECK_INT(now_of(0).reason, HEALTH_REASON_FAILED_HEALTH_CHECKS);
    bench_free(b);
}

TEST("a checker that comes back goes on with what the board says")
{
    struct bench *b = bench_new();
    load(b, (struct shape){2, "/200", true, 1, 300, 0});
    CHECK(turn_until(b, 0, HEALTH_HEALTHY));
    CHECK(turn_until(b, 1, HEALTH_HEALTHY));
    load(b, (struct shape){1, "/200", true, 1, 300, 0});
    CHECK_INT(now_of(1).state, HEALTH_DRAINING);
    role_end(b);
    b->role = NULL;
    CHECK(checker_ops.init(&b->env, &b->role, NULL) == ERR_OK);
    load(b, (struct shape){1, "/404", true, 1, 300, 0});
    CHECK_INT(now_of(0).state, HEALTH_HEALTHY);
    CHECK_INT(now_of(1).state, HEALTH_DRAINING);
    turn_until_checked(b, 0, 1);
    CHECK_INT(now_of(0).state, HEALTH_HEALTHY); /* one failure is not enough */
    struct checker *checker = b->role;
    CHECK(timer_armed(&checker->checks[1].timer)); /* the one nobody knows any more drains on */
    bench_free(b);
}

TEST("first checks of a large group are spread, its first target's is not")
{
    struct bench *b = bench_new();
    kill(b->pid, SIGSTOP);
    load(b, (struct shape){200, "/200", true, 0, 300, 0});
    struct checker *checker = b->role;
    uint64_t now_us = loop_now_us(b->env.loop);
    CHECK_INT(checker->checks[0].due_us, now_us);
    size_t late = 0;
    for (size_t i = 0; i < 200; i++) {
        CHECK(checker->checks[i].due_us < now_us + 1000000);
        late += checker->checks[i].due_us > now_us + 500000;
    }
    CHECK(late > 50 && late < 150);
    bench_free(b);
}

TEST_MAIN
