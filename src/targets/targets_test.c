/* SPDX-License-Identifier: Apache-2.0
 * Targets at run time: the choice among them, survival over reloads, idle connections. */
#include "targets/targets.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"

#include <errno.h>
#include <unistd.h>

static struct loop *loop;
static struct board *board;
static struct targets *targets;
static struct target slots[8];

/* A board without shared memory: the health cells and one worker's row are all that is used here.
 */
static void
setup(void)
{
    struct errinfo e;
    enum err rc = loop_new(&loop, &e);
    ASSERT(rc == ERR_OK);
    board = xalloc(sizeof(*board) + sizeof(board->workers[0]));
    targets = targets_new(&(struct targets_env){.loop = loop, .board = board});
    memset(slots, 0, sizeof(slots));
}

static void
teardown(void)
{
    targets_free(&targets);
    xfree(board);
    loop_free(&loop);
}

static struct target_group
group_of(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        slots[i].slot = (uint32_t)i;
        bool ok = addr_parse(STR("127.0.0.1"), (uint16_t)(9000 + i), &slots[i].addr);
        ASSERT(ok);
    }
    return (struct target_group){.arn = STR("arn:g"),
                                 .targets = slots,
                                 .target_count = count,
                                 .deregistration_delay_s = 300};
}

static void
health(uint32_t slot, enum health_state state)
{
    board_health_set(&board->health[slot], (struct health_now){.state = state}, 1);
}

TEST("round robin goes over the healthy targets, in order [ALB: round_robin]")
{
    setup();
    struct target_group group = group_of(3);
    struct group_run run;
    group_run_init(targets, &group, &run);
    health(0, HEALTH_HEALTHY);
    health(1, HEALTH_UNHEALTHY);
    health(2, HEALTH_HEALTHY);
    static const uint32_t expected[] = {0, 2, 0, 2};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        CHECK_INT(group_pick(&run)->slot, expected[i]);
    }
    (void)group_run_retire(&run);
    group_run_done(&run);
    teardown();
}

TEST("with none healthy all that do not drain are used [ALB: fail-open, D21]; no targets: none")
{
    setup();
    struct target_group group = group_of(2);
    struct group_run run;
    group_run_init(targets, &group, &run);
    health(0, HEALTH_UNHEALTHY);
    health(1, HEALTH_INITIAL);
    CHECK_INT(group_pick(&run)->slot, 0);
    CHECK_INT(group_pick(&run)->slot, 1);
    CHECK_INT(group_pick(&run)->slot, 0);
    health(0, HEALTH_DRAINING);
    CHECK_INT(group_pick(&run)->slot, 1);
    CHECK_INT(group_pick(&run)->slot, 1);
    health(1, HEALTH_DRAINING);
    CHECK_INT(group_pick(&run)->slot, 0);
    (void)group_run_retire(&run);
    group_run_done(&run);
    struct target_group none = group_of(0);
    group_run_init(targets, &none, &run);
    CHECK(group_pick(&run) == NULL);
    group_run_done(&run);
    teardown();
}

TEST("a target that the next configuration names survives; one that it does not is cut after the "
     "delay")
{
    setup();
    struct target_group two = group_of(2);
    struct target_group one = group_of(1);
    struct group_run before;
    struct group_run after;
    group_run_init(targets, &two, &before);
    struct target_run *kept = before.targets[0];
    struct target_run *gone = target_run_ref(before.targets[1]);
    target_run_begin(gone);
    group_run_init(targets, &one, &after);
    uint64_t cut_at = group_run_retire(&before);
    CHECK(after.targets[0] == kept);
    CHECK_INT(kept->cut_at_us, 0);
    CHECK_INT(cut_at, loop_now_us(loop) + 300u * 1000000u);
    CHECK_INT(gone->cut_at_us, cut_at);
    CHECK_INT(targets_next_cut(targets), cut_at);
    CHECK_INT(board->workers[0].outstanding[1], 1);
    target_run_end(gone);
    CHECK_INT(board->workers[0].outstanding[1], 0);
    target_run_unref(&gone);
    group_run_done(&before);
    (void)group_run_retire(&after);
    group_run_done(&after);
    teardown();
}

/* ---- connections, to a real socket of our own ---- */

static int wakes;
static void
on_wake(void *owner)
{
    (void)owner;
    wakes++;
}

static int
listen_at(struct target *target)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(any);
    ASSERT(fd >= 0);
    int rc = bind(fd, (struct sockaddr *)&any, size);
    ASSERT(rc == 0);
    rc = getsockname(fd, (struct sockaddr *)&any, &size);
    ASSERT(rc == 0);
    rc = listen(fd, 8);
    ASSERT(rc == 0);
    target->addr = addr_from_sockaddr((struct sockaddr *)&any);
    return fd;
}

static struct target_conn *
open_now(struct target_run *run)
{
    enum conn_failure failure;
    int code;
    wakes = 0;
    struct target_conn *c = target_conn_open(run, on_wake, NULL);
    while (c != NULL && target_conn_advance(c, &failure, &code) == IO_AGAIN) {
        loop_turn(loop, -1);
    }
    return c;
}

TEST("idle connections are used last in, first out, and dropped when the target closes them")
{
    setup();
    struct target_group group = group_of(1);
    int listener = listen_at(&slots[0]);
    struct group_run run;
    group_run_init(targets, &group, &run);
    struct target_run *target = run.targets[0];
    struct target_conn *first = open_now(target);
    struct target_conn *second = open_now(target);
    int far[2] = {accept(listener, NULL, NULL), accept(listener, NULL, NULL)};
    CHECK(first != NULL && second != NULL && first->phase == CONN_OPEN && !first->reused);
    struct target_conn *newest = second;
    target_conn_give(&first, 60u * 1000000u);
    target_conn_give(&second, 60u * 1000000u);
    CHECK(first == NULL && second == NULL);
    CHECK_INT(target->idle_count, 2);
    struct target_conn *taken = target_conn_take(target, on_wake, NULL);
    CHECK(taken == newest && taken->reused);
    target_conn_close(&taken);
    close(far[0]);
    while (target->idle_count > 0) {
        loop_turn(loop, -1);
    }
    CHECK(target_conn_take(target, on_wake, NULL) == NULL);
    close(far[1]);
    close(listener);
    (void)group_run_retire(&run);
    group_run_done(&run);
    teardown();
}

TEST("a refused connection says so")
{
    setup();
    struct target_group group = group_of(1);
    close(listen_at(&slots[0]));
    struct group_run run;
    group_run_init(targets, &group, &run);
    struct target_conn *c = target_conn_open(run.targets[0], on_wake, NULL);
    enum conn_failure failure = CONN_FINE;
    int code = 0;
    enum io io = IO_AGAIN;
    while (c != NULL && io == IO_AGAIN) {
        io = target_conn_advance(c, &failure, &code);
        if (io == IO_AGAIN) {
            loop_turn(loop, -1);
        }
    }
    if (c != NULL) { /* a loopback connect may also fail at once */
        CHECK(io == IO_FAIL && failure == CONN_REFUSED && code == ECONNREFUSED);
        target_conn_close(&c);
    }
    (void)group_run_retire(&run);
    group_run_done(&run);
    teardown();
}

TEST_MAIN
