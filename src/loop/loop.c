/* SPDX-License-Identifier: Apache-2.0
 * The event loop: one epoll set, a timer wheel, calls posted to the end of the turn. */
#include "loop/loop.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A tick is 2^14 us (16.4 ms); the wheel spans 1024 ticks (16.8 s). A timer further away lies at
 * the far end and is put in again when its slot comes round. */
enum { TICK_SHIFT = 14, WHEEL_SLOTS = 1024, WORD_BITS = 64, WHEEL_WORDS = WHEEL_SLOTS / WORD_BITS };

struct loop {
    int epoll_fd;
    int signal_fd; /* -1: none */
    bool stopping;
    int exit_code;
    uint64_t now_us;
    uint64_t wall_us;
    uint64_t tick; /* all slots up to this tick have been run */
    struct list wheel[WHEEL_SLOTS];
    uint64_t occupied[WHEEL_WORDS]; /* bit: the slot may hold timers */
    struct list deferred;
    struct epoll_event events[LIMIT_EVENTS_PER_TURN];
    int event_count; /* of this turn */
    int event_next;  /* the first one not delivered yet */
    struct loop_io signal_io;
    loop_signal_fn *signal_fn;
    void *signal_context;
};

static void
read_clocks(struct loop *loop)
{
    loop->now_us = clock_mono_us();
    loop->wall_us = clock_wall_us();
}

enum err
loop_new(struct loop **ret_loop, struct errinfo *reterr)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        return err_errno(reterr, "cannot make an epoll set");
    }
    struct loop *loop = xalloc(sizeof(*loop));
    loop->epoll_fd = fd;
    loop->signal_fd = -1;
    for (size_t i = 0; i < WHEEL_SLOTS; i++) {
        list_init(&loop->wheel[i]);
    }
    list_init(&loop->deferred);
    read_clocks(loop);
    loop->tick = loop->now_us >> TICK_SHIFT;
    *ret_loop = loop;
    return ERR_OK;
}

void
loop_free(struct loop **loop)
{
    if (*loop == NULL) {
        return;
    }
    if ((*loop)->signal_fd >= 0) {
        close((*loop)->signal_fd);
    }
    close((*loop)->epoll_fd);
    xfree(*loop);
    *loop = NULL;
}

uint64_t
loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

uint64_t
loop_wall_us(const struct loop *loop)
{
    return loop->wall_us;
}

void
loop_stop(struct loop *loop, int exit_code)
{
    loop->stopping = true;
    loop->exit_code = exit_code;
}

/* ---- descriptors ---- */

bool
loop_io_watch(struct loop *loop, struct loop_io *io, int fd, uint32_t events, loop_io_fn *fn)
{
    ASSERT(!io->watched);
    ASSERT(fd >= 0);
    struct epoll_event event = {.events = events, .data.ptr = io};
    io->fn = fn;
    io->fd = fd;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        return false;
    }
    io->watched = true;
    return true;
}

void
loop_io_forget(struct loop *loop, struct loop_io *io)
{
    if (!io->watched) {
        return;
    }
    int rc = epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    ASSERT(rc == 0);
    io->watched = false;
    for (int i = loop->event_next; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == io) {
            loop->events[i].data.ptr = NULL;
        }
    }
}

/* ---- timers ---- */

void
timer_init(struct timer *t, timer_fn *fn)
{
    list_init(&t->link);
    t->deadline_us = 0;
    t->wheel_us = 0;
    t->fn = fn;
}

static void
wheel_insert(struct loop *loop, struct timer *t)
{
    uint64_t tick =
        (t->deadline_us >> TICK_SHIFT) + 1; /* the first tick wholly after the deadline */
    if (tick <= loop->tick) {
        tick = loop->tick + 1;
    }
    if (tick >= loop->tick + WHEEL_SLOTS) {
        tick = loop->tick + WHEEL_SLOTS - 1;
    }
    size_t slot = tick % WHEEL_SLOTS;
    t->wheel_us = tick << TICK_SHIFT;
    list_push_back(&loop->wheel[slot], &t->link);
    loop->occupied[slot / WORD_BITS] |= 1ull << (slot % WORD_BITS);
}

void
timer_arm(struct loop *loop, struct timer *t, uint64_t deadline_us)
{
    ASSERT_DEBUG(deadline_us != 0);
    t->deadline_us = deadline_us;
    if (!list_empty(&t->link)) {
        if (t->wheel_us <= deadline_us + (1u << TICK_SHIFT)) {
            return; /* comes round early enough; it is put in again then */
        }
        list_remove(&t->link);
    }
    wheel_insert(loop, t);
}

void
timer_arm_in(struct loop *loop, struct timer *t, uint64_t delay_us)
{
    timer_arm(loop, t, loop->now_us + delay_us);
}

void
timer_disarm(struct timer *t)
{
    t->deadline_us = 0;
}

void
timer_remove(struct timer *t)
{
    t->deadline_us = 0;
    list_remove(&t->link);
}

static void
slot_run(struct loop *loop, size_t slot)
{
    struct list due;
    list_init(&due);
    if (!list_empty(
            &loop->wheel[slot])) { /* moves the whole list: callbacks may arm into this slot */
        due = loop->wheel[slot];
        due.next->prev = &due;
        due.prev->next = &due;
        list_init(&loop->wheel[slot]);
    }
    loop->occupied[slot / WORD_BITS] &= ~(1ull << (slot % WORD_BITS));
    for (struct list *node = list_first(&due); node != NULL; node = list_first(&due)) {
        struct timer *t = CONTAINER_OF(node, struct timer, link);
        list_remove(node);
        if (t->deadline_us == 0) {
            continue;
        }
        if (t->deadline_us > loop->now_us) {
            wheel_insert(loop, t);
            continue;
        }
        t->deadline_us = 0;
        t->fn(t);
    }
}

static void
timers_run(struct loop *loop)
{
    uint64_t until = loop->now_us >> TICK_SHIFT;
    if (until > loop->tick + WHEEL_SLOTS) { /* a long sleep: every slot once is enough */
        loop->tick = until - WHEEL_SLOTS;
    }
    while (loop->tick < until) {
        loop->tick++;
        slot_run(loop, loop->tick % WHEEL_SLOTS);
    }
}

/* Ticks from now to the next slot that may hold timers; WHEEL_SLOTS when there is none. */
static uint64_t
ticks_to_next(const struct loop *loop)
{
    size_t start = (loop->tick + 1) % WHEEL_SLOTS;
    for (size_t step = 0; step <= WHEEL_WORDS; step++) {
        size_t word = (start / WORD_BITS + step) % WHEEL_WORDS;
        uint64_t bits = loop->occupied[word];
        if (step == 0) {
            bits &= ~0ull << (start % WORD_BITS);
        }
        if (bits != 0) {
            size_t slot = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
            return (slot + WHEEL_SLOTS - start) % WHEEL_SLOTS + 1;
        }
    }
    return WHEEL_SLOTS;
}

static int
wait_ms(const struct loop *loop, int max_wait_ms)
{
    if (!list_empty(&loop->deferred)) {
        return 0;
    }
    uint64_t ticks = ticks_to_next(loop);
    if (ticks == WHEEL_SLOTS) {
        return max_wait_ms;
    }
    uint64_t due_us = (loop->tick + ticks) << TICK_SHIFT;
    uint64_t delay_us = due_us > loop->now_us ? due_us - loop->now_us : 0;
    int ms = (int)((delay_us + 999) / 1000);
    return max_wait_ms < 0 ? ms : MIN_OF(ms, max_wait_ms);
}

/* ---- posted calls ---- */

void
deferred_init(struct deferred *d, deferred_fn *fn)
{
    list_init(&d->link);
    d->fn = fn;
}

void
loop_defer(struct loop *loop, struct deferred *d)
{
    if (list_empty(&d->link)) {
        list_push_back(&loop->deferred, &d->link);
    }
}

void
deferred_cancel(struct deferred *d)
{
    list_remove(&d->link);
}

static void
deferred_run(struct loop *loop)
{
    if (list_empty(&loop->deferred)) {
        return;
    }
    struct list now = loop->deferred;
    now.next->prev = &now;
    now.prev->next = &now;
    list_init(&loop->deferred);
    for (struct list *node = list_first(&now); node != NULL; node = list_first(&now)) {
        list_remove(node);
        struct deferred *d = CONTAINER_OF(node, struct deferred, link);
        d->fn(d);
    }
}

/* ---- turning ---- */

void
loop_turn(struct loop *loop, int max_wait_ms)
{
    int n =
        epoll_wait(loop->epoll_fd, loop->events, LIMIT_EVENTS_PER_TURN, wait_ms(loop, max_wait_ms));
    ASSERT(n >= 0 || errno == EINTR);
    read_clocks(loop);
    loop->event_count = MAX_OF(n, 0);
    for (loop->event_next = 0; loop->event_next < loop->event_count;) {
        struct epoll_event *event = &loop->events[loop->event_next++];
        struct loop_io *io = event->data.ptr;
        if (io != NULL) { /* else forgotten in this turn */
            io->fn(io, event->events);
        }
    }
    loop->event_count = 0;
    timers_run(loop);
    deferred_run(loop);
}

int
loop_run(struct loop *loop)
{
    while (!loop->stopping) {
        loop_turn(loop, -1);
    }
    return loop->exit_code;
}

/* ---- signals ---- */

static void
signal_event(struct loop_io *io, uint32_t events)
{
    (void)events; /* a signalfd is only ever readable */
    struct loop *loop = CONTAINER_OF(io, struct loop, signal_io);
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        loop->signal_fn(loop->signal_context, (int)info.ssi_signo);
    }
}

enum err
loop_signals(struct loop *loop, const int *signals, size_t count, loop_signal_fn *fn, void *context,
             struct errinfo *reterr)
{
    ASSERT(loop->signal_fd < 0);
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++) {
        sigaddset(&set, signals[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return err_errno(reterr, "cannot block signals");
    }
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        return err_errno(reterr, "cannot make a signalfd");
    }
    loop->signal_fd = fd;
    loop->signal_fn = fn;
    loop->signal_context = context;
    if (!loop_io_watch(loop, &loop->signal_io, fd, EPOLLIN | EPOLLET, signal_event)) {
        return err_errno(reterr, "cannot watch a signalfd");
    }
    return ERR_OK;
}
