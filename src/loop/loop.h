/* SPDX-License-Identifier: Apache-2.0
 * The event loop: epoll, timers, posted calls, signals. One per process, single-threaded. Callbacks
 * are never called from inside the call that registered them. Time is read once per turn. */
#pragma once

#include "base/defs.h"
#include "base/err.h"
#include "base/list.h"

#include <sys/epoll.h>

struct loop;
enum err loop_new(struct loop **ret_loop, struct errinfo *reterr) MUST_USE;
void loop_free(struct loop **loop);
/* Turns until loop_stop(); returns its exit code. */
int loop_run(struct loop *loop);
/* One turn: waits at most max_wait_ms (-1: until something is due). For tests and drivers. */
void loop_turn(struct loop *loop, int max_wait_ms);
void loop_stop(struct loop *loop, int exit_code);

/* Time of this turn: monotonic and wall clock, in microseconds. */
uint64_t loop_now_us(const struct loop *loop);
uint64_t loop_wall_us(const struct loop *loop);

/* ---- descriptors: edge-triggered unless `events` says otherwise ---- */
struct loop_io;
typedef void loop_io_fn(struct loop_io *io, uint32_t events);
struct loop_io { /* embedded by its owner; freed by the owner only through loop_defer */
    loop_io_fn *fn;
    int fd;
    bool watched;
};
/* Registers once; no EPOLL_CTL_MOD is ever needed with EPOLLET | IN | OUT | RDHUP. */
enum { LOOP_IO_ALL = EPOLLIN | EPOLLOUT | EPOLLRDHUP };
bool loop_io_watch(struct loop *loop, struct loop_io *io, int fd, uint32_t events, loop_io_fn *fn);
/* Stops events at once, also those of this turn that are not delivered yet. Call before close(fd).
 */
void loop_io_forget(struct loop *loop, struct loop_io *io);

/* ---- timers: a wheel of 16 ms ticks; a later deadline costs one store ---- */
struct timer;
typedef void timer_fn(struct timer *t);
struct timer { /* embedded */
    struct list link;
    uint64_t deadline_us; /* 0: not armed */
    uint64_t wheel_us;    /* where it lies in the wheel */
    timer_fn *fn;
};
void timer_init(struct timer *t, timer_fn *fn);
/* Fires once, at or after the deadline. Arming again moves the deadline. */
void timer_arm(struct loop *loop, struct timer *t, uint64_t deadline_us);
void timer_arm_in(struct loop *loop, struct timer *t, uint64_t delay_us);
void timer_disarm(struct timer *t); /* lazily: stays in the wheel, does not fire */
void timer_remove(struct timer *t); /* for good: before its memory goes */
static inline bool
timer_armed(const struct timer *t)
{
    return t->deadline_us != 0;
}

/* ---- end of turn ---- */
struct deferred;
typedef void deferred_fn(struct deferred *d);
struct deferred { /* embedded */
    struct list link;
    deferred_fn *fn;
};
void deferred_init(struct deferred *d, deferred_fn *fn);
/* Runs at the end of this turn, after all events; twice in a turn is once. What it posts runs next
 * turn. */
void loop_defer(struct loop *loop, struct deferred *d);
void deferred_cancel(struct deferred *d);

/* ---- signals: delivered as events through signalfd; blocks them for the process ---- */
typedef void loop_signal_fn(void *context, int signal_number);
enum err loop_signals(struct loop *loop, const int *signals, size_t count, loop_signal_fn *fn,
                      void *context, struct errinfo *reterr) MUST_USE;
