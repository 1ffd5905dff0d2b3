/* SPDX-License-Identifier: Apache-2.0
 * Connections to targets: connecting, TLS, and the idle list. */
#include "targets/targets_int.h"

#include "base/assert.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

static struct target_conn *
conn_of_io(struct loop_io *io)
{
    struct target_conn *c = CONTAINER_OF(io, struct target_conn, io);
    ASSERT(c->magic == TARGET_CONN_MAGIC);
    return c;
}

static void
gauge_write(const struct targets *t)
{
    atomic_store_explicit(&t->row->target_connections, t->conns.used, memory_order_relaxed);
}

/* An idle connection may only be closed by the target or break; anything it says is out of turn. */
static void
on_event(struct loop_io *io, uint32_t events)
{
    struct target_conn *c = conn_of_io(io);
    stream_events(&c->stream, events);
    if (c->wake != NULL) {
        c->wake(c->owner); /* may free c */
        return;
    }
    if (events & ~(uint32_t)EPOLLOUT) {
        target_conn_close(&c);
    }
}

static void
on_idle_timeout(struct timer *t)
{
    struct target_conn *c = CONTAINER_OF(t, struct target_conn, idle_timer);
    ASSERT(c->magic == TARGET_CONN_MAGIC);
    if (c->wake == NULL) {
        target_conn_close(&c);
    }
}

struct target_conn *
target_conn_take(struct target_run *t, target_conn_fn *wake, void *owner)
{
    struct list *node = list_first(&t->idle);
    if (node == NULL) {
        return NULL;
    }
    struct target_conn *c = CONTAINER_OF(node, struct target_conn, idle_link);
    ASSERT(c->magic == TARGET_CONN_MAGIC);
    ASSERT(c->phase == CONN_OPEN);
    list_remove(node);
    t->idle_count--;
    timer_disarm(&c->idle_timer);
    c->reused = true;
    c->wake = wake;
    c->owner = owner;
    return c;
}

/* A socket on its way to the target; -1 with errno. */
static int
socket_connect(const struct addr *addr)
{
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* slower without, not wrong */
    if (connect(fd, &addr->sa, addr_len(addr)) != 0 && errno != EINPROGRESS) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Closes a connection that nobody uses just now, the oldest of some target; false: there is none.
 */
static bool
idle_evict(struct targets *all)
{
    LIST_FOR (node, &all->all) {
        struct target_run *run = CONTAINER_OF(node, struct target_run, link);
        struct list *oldest = list_last(&run->idle);
        if (oldest != NULL) {
            struct target_conn *c = CONTAINER_OF(oldest, struct target_conn, idle_link);
            target_conn_close(&c); /* the target may go with it */
            return true;
        }
    }
    return false;
}

struct target_conn *
target_conn_open(struct target_run *t, target_conn_fn *wake, void *owner)
{
    struct targets *all = t->targets;
    struct target_conn *c = pool_get(&all->conns);
    if (c == NULL && idle_evict(all)) {
        c = pool_get(&all->conns);
    }
    if (c == NULL) {
        errno = 0;
        return NULL;
    }
    int fd = socket_connect(&t->addr);
    if (fd < 0) {
        int saved = errno;
        pool_put(&all->conns, c);
        errno = saved;
        return NULL;
    }
    *c = (struct target_conn){.magic = TARGET_CONN_MAGIC, .wake = wake, .owner = owner};
    stream_init(&c->stream, fd);
    list_init(&c->idle_link);
    timer_init(&c->idle_timer, on_idle_timeout);
    c->target = target_run_ref(t);
    c->phase = CONN_CONNECTING;
    if (!loop_io_watch(all->loop, &c->io, fd, EPOLLET | LOOP_IO_ALL, on_event)) {
        int saved = errno;
        target_conn_close(&c);
        errno = saved;
        return NULL;
    }
    gauge_write(all);
    return c;
}

static enum io
connect_finish(struct target_conn *c, enum conn_failure *ret_failure, int *ret_errno)
{
    if (!c->stream.can_write && !c->stream.broken) {
        return IO_AGAIN;
    }
    int error = stream_error(&c->stream);
    if (error != 0) {
        *ret_failure =
            error == ECONNREFUSED || error == ECONNRESET ? CONN_REFUSED : CONN_UNREACHABLE;
        *ret_errno = error;
        return IO_FAIL;
    }
    if (c->target->protocol == PROTOCOL_HTTP) {
        c->phase = CONN_OPEN;
        return IO_DONE;
    }
    if (tls_connect(c->target->targets->tls, &c->stream) != ERR_OK) {
        *ret_failure = CONN_TLS_FAILED;
        *ret_errno = 0;
        return IO_FAIL;
    }
    c->phase = CONN_HANDSHAKING;
    return IO_DONE;
}

enum io
target_conn_advance(struct target_conn *c, enum conn_failure *ret_failure, int *ret_errno)
{
    *ret_failure = CONN_FINE;
    *ret_errno = 0;
    if (c->phase == CONN_CONNECTING) {
        enum io io = connect_finish(c, ret_failure, ret_errno);
        if (io != IO_DONE) {
            return io;
        }
    }
    if (c->phase == CONN_HANDSHAKING) {
        enum io io = tls_handshake(&c->stream);
        if (io == IO_AGAIN) {
            return IO_AGAIN;
        }
        if (io != IO_DONE) {
            struct tls_alert alert;
            tls_alert(&c->stream, &alert);
            *ret_failure = CONN_TLS_FAILED;
            *ret_errno = -alert.number; /* the ring keeps alerts with the sign turned */
            return IO_FAIL;
        }
        c->phase = CONN_OPEN;
    }
    return IO_DONE;
}

/* Something to read on a connection on which nothing is due: bytes out of turn, or its end. Costs a
 * system call only when the last read did not show that the socket is drained. */
static bool
says_something(struct stream *s)
{
    char byte;
    size_t n;
    return stream_readable(s) && stream_read(s, &byte, 1, &n) != IO_AGAIN;
}

void
target_conn_give(struct target_conn **conn, uint64_t idle_us)
{
    struct target_conn *c = *conn;
    struct target_run *run = c->target;
    ASSERT(c->phase == CONN_OPEN);
    if (run->listed == 0 || c->stream.peer_closed || c->stream.broken ||
        says_something(&c->stream)) {
        target_conn_close(conn); /* of no use any more */
        return;
    }
    if (run->idle_count >= LIMIT_TARGET_IDLE_MAX) {
        struct target_conn *oldest =
            CONTAINER_OF(list_last(&run->idle), struct target_conn, idle_link);
        target_conn_close(&oldest);
    }
    c->wake = NULL;
    c->owner = NULL;
    list_push_front(&run->idle, &c->idle_link);
    run->idle_count++;
    timer_arm_in(run->targets->loop, &c->idle_timer, idle_us);
    *conn = NULL;
}

void
target_conn_close(struct target_conn **conn)
{
    struct target_conn *c = *conn;
    *conn = NULL;
    if (c == NULL) {
        return;
    }
    ASSERT(c->magic == TARGET_CONN_MAGIC);
    struct targets *all = c->target->targets;
    if (!list_empty(&c->idle_link)) {
        list_remove(&c->idle_link);
        c->target->idle_count--;
    }
    timer_remove(&c->idle_timer);
    loop_io_forget(all->loop, &c->io);
    stream_close(&c->stream);
    target_run_unref(&c->target);
    c->magic = 0;
    pool_put(&all->conns, c);
    gauge_write(all);
}
