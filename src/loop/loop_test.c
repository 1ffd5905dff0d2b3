/* SPDX-License-Identifier: Apache-2.0
 * The loop delivers events, timers and posted calls in order, and none after it was told to forget.
 */
#include "loop/loop.h"

#include "base/assert.h"
#include "base/test.h"

#include <signal.h>
#include <unistd.h>

static int calls;
static struct loop *loop;

static void
setup(void)
{
    struct errinfo e;
    calls = 0;
    enum err rc = loop_new(&loop, &e);
    ASSERT(rc == ERR_OK);
}

static void
on_timer(struct timer *t)
{
    (void)t;
    calls++;
}

TEST("a timer fires once, not before its deadline")
{
    setup();
    struct timer t;
    timer_init(&t, on_timer);
    uint64_t deadline = loop_now_us(loop) + 30000;
    timer_arm(loop, &t, deadline);
    while (calls == 0) {
        loop_turn(loop, -1);
    }
    CHECK(loop_now_us(loop) >= deadline);
    CHECK(!timer_armed(&t));
    loop_turn(loop, 0);
    CHECK_INT(calls, 1);
    timer_remove(&t);
    loop_free(&loop);
}

TEST("arming again moves the deadline both ways; disarming keeps it silent")
{
    setup();
    struct timer later;
    struct timer sooner;
    struct timer never;
    timer_init(&later, on_timer);
    timer_init(&sooner, on_timer);
    timer_init(&never, on_timer);
    timer_arm_in(loop, &later, 1000);
    timer_arm_in(loop, &later, 60000);
    uint64_t later_deadline = later.deadline_us;
    timer_arm_in(loop, &sooner, 3600u * 1000000u);
    timer_arm_in(loop, &sooner, 1000);
    timer_arm_in(loop, &never, 1000);
    timer_disarm(&never);
    while (calls < 1) {
        loop_turn(loop, -1);
    }
    CHECK(!timer_armed(&sooner));
    CHECK(timer_armed(&later));
    while (calls < 2) {
        loop_turn(loop, -1);
    }
    CHECK(loop_now_us(loop) >= later_deadline);
    timer_remove(&later);
    timer_remove(&sooner);
    timer_remove(&never);
    loop_free(&loop);
}

struct reader {
    struct loop_io io;
    struct reader *other;
};

static void
on_read_forget_other(struct loop_io *io, uint32_t events)
{
    struct reader *r = CONTAINER_OF(io, struct reader, io);
    CHECK(events & EPOLLIN);
    calls++;
    loop_io_forget(loop, &r->other->io);
}

TEST("a forgotten descriptor gets no event, not even one of the same turn")
{
    setup();
    int pipes[2][2];
    struct reader readers[2] = {0};
    for (int i = 0; i < 2; i++) {
        CHECK(pipe(pipes[i]) == 0);
        readers[i].other = &readers[1 - i];
        CHECK(loop_io_watch(loop, &readers[i].io, pipes[i][0], EPOLLIN | EPOLLET,
                            on_read_forget_other));
        CHECK(write(pipes[i][1], "x", 1) == 1);
    }
    loop_turn(loop, 0);
    CHECK_INT(calls, 1);
    for (int i = 0; i < 2; i++) {
        loop_io_forget(loop, &readers[i].io);
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    loop_free(&loop);
}

static struct deferred again;
static void
on_deferred(struct deferred *d)
{
    calls++;
    if (calls == 1) {
        loop_defer(loop, d);
    }
}

TEST("a posted call runs once a turn, and what it posts runs in the next")
{
    setup();
    deferred_init(&again, on_deferred);
    loop_defer(loop, &again);
    loop_defer(loop, &again);
    loop_turn(loop, -1);
    CHECK_INT(calls, 1);
    loop_turn(loop, -1);
    CHECK_INT(calls, 2);
    loop_defer(loop, &again);
    deferred_cancel(&again);
    loop_turn(loop, 0);
    CHECK_INT(calls, 2);
    loop_free(&loop);
}

static void
on_signal(void *context, int signal_number)
{
    (void)context;
    calls += signal_number == SIGUSR1;
    loop_stop(loop, 7);
}

TEST("signals arrive as events and loop_run returns the exit code")
{
    setup();
    struct errinfo e;
    CHECK(loop_signals(loop, (int[]){SIGUSR1}, 1, on_signal, NULL, &e) == ERR_OK);
    kill(getpid(), SIGUSR1);
    CHECK_INT(loop_run(loop), 7);
    CHECK_INT(calls, 1);
    loop_free(&loop);
}

TEST_MAIN
