/* SPDX-License-Identifier: Apache-2.0
 * Opening TCP connections: `struct dial` for every machine, and the machine that does nothing else
 * (T1, T2). */
#include "doctor/engine_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/tcp.h>
#include <unistd.h>

struct dial {
    struct run *run; /* borrowed */
    dial_fn *fn;
    void *context; /* borrowed from the caller */
    int fd;        /* owned until handed over; -1: none */
    int error;     /* of a connect that failed at once */
    struct loop_io io;
    struct deferred soon; /* reports what was known at once */
};

/* ---- the socket ---- */

static void
set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* best effort: it only adds detail */
}

/* A connected or connecting socket, or -1 with errno. */
static int
dial_socket(const struct question *q, const struct addr *at, unsigned segment)
{
    bool v6 = addr_is_v6(at);
    int fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    set_int(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 1);
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* pieces go out as they are cut */
    if (segment != 0) {
        set_int(fd, IPPROTO_TCP, TCP_MAXSEG, (int)segment);
    }
    struct addr from = q->from;
    bool from_fits = from.sa.sa_family == at->sa.sa_family;
    if ((from_fits && bind(fd, &from.sa, addr_len(&from)) != 0) ||
        (connect(fd, &at->sa, addr_len(at)) != 0 && errno != EINPROGRESS)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* An ICMP message that ended the attempt waits in the error queue of the socket. */
static void
note_icmp(int fd, struct result *r)
{
    union {
        struct cmsghdr align;
        char bytes[512];
    } control;
    char data[64];
    struct iovec iov = {data, sizeof(data)};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
        return; /* nothing waits: the error did not come by ICMP */
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
        struct sock_extended_err e;
        bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
        if (!ours || c->cmsg_len < CMSG_LEN(sizeof(e))) {
            continue;
        }
        memcpy(&e, CMSG_DATA(c), sizeof(e));
        if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6) {
            r->icmp = true;
            r->icmp_type = e.ee_type;
            r->icmp_code = e.ee_code;
        }
    }
}

/* ---- the end ---- */

static void
dial_forget(struct dial *d)
{
    loop_io_forget(run_loop(d->run), &d->io);
    deferred_cancel(&d->soon);
}

static void
dial_failed(struct dial *d, int error)
{
    struct result *r = &d->run->result;
    dial_forget(d);
    if (d->fd >= 0) {
        note_icmp(d->fd, r);
        close(d->fd);
    }
    r->error = error;
    r->finish = error == ECONNREFUSED || error == ECONNRESET ? FINISH_RST : FINISH_ERROR;
    if (error == ECONNRESET) { /* it was accepted, and reset before we looked */
        r->connected_us = run_now_us(d->run);
    }
    dial_fn *fn = d->fn;
    void *context = d->context;
    xfree(d);
    fn(context, DIAL_FAILED, -1);
}

static void
dial_open(struct dial *d)
{
    int fd = d->fd;
    dial_fn *fn = d->fn;
    void *context = d->context;
    dial_forget(d);
    d->run->result.connected_us = run_now_us(d->run);
    struct tcp_info info;
    socklen_t size = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
        d->run->result.syn_retries = info.tcpi_total_retrans; /* nothing else was sent yet */
    }
    xfree(d);
    fn(context, DIAL_OPEN, fd);
}

static void
dial_event(struct loop_io *io, uint32_t events)
{
    (void)events; /* SO_ERROR tells */
    struct dial *d = CONTAINER_OF(io, struct dial, io);
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    struct tcp_info info;
    size = sizeof(info);
    if (error != 0) {
        dial_failed(d, error);
    } else if (getsockopt(d->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
               info.tcpi_state == TCP_SYN_SENT) {
        return; /* woken without a reason: a message in the error queue that is no end */
    } else {
        dial_open(d);
    }
}

static void
dial_soon(struct deferred *deferred)
{
    struct dial *d = CONTAINER_OF(deferred, struct dial, soon);
    if (d->fd >= 0) {
        dial_open(d);
    } else {
        dial_failed(d, d->error);
    }
}

/* ---- for the machines ---- */

struct dial *
dial_start(struct run *run, unsigned segment, bool reuse, dial_fn *fn, void *context)
{
    struct dial *d = xalloc(sizeof(*d));
    *d = (struct dial){.run = run, .fn = fn, .context = context};
    deferred_init(&d->soon, dial_soon);
    run->result.start_us = run->result.start_us == 0 ? run_now_us(run) : run->result.start_us;
    d->fd = reuse ? run_take_spare(run) : -1;
    if (d->fd >= 0) {
        loop_defer(run_loop(run), &d->soon);
        return d;
    }
    run_count_connection(run);
    d->fd = dial_socket(run_question(run), &run->wish.at, segment);
    d->error = errno;
    if (d->fd < 0) {
        loop_defer(run_loop(run), &d->soon);
    } else if (!loop_io_watch(run_loop(run), &d->io, d->fd, LOOP_IO_ALL | (uint32_t)EPOLLET,
                              dial_event)) {
        d->error = errno;
        close(d->fd);
        d->fd = -1;
        loop_defer(run_loop(run), &d->soon);
    }
    return d;
}

void
dial_cancel(struct dial **dial)
{
    struct dial *d = *dial;
    if (d == NULL) {
        return;
    }
    dial_forget(d);
    if (d->fd >= 0) {
        note_icmp(d->fd, &d->run->result); /* a late hint, if there is one */
        close(d->fd);
    }
    xfree(d);
    *dial = NULL;
}

/* ---- CONNECT: T1, T2 ---- */

static void
connect_dialled(void *context, enum dial_end end, int fd)
{
    struct run *run = context;
    run->state = NULL;
    if (end == DIAL_FAILED) {
        run_done(run, OUTCOME_FAIL);
        return;
    }
    run->result.finish = FINISH_US;
    if (run->wish.probe == PROBE_T1) {
        run->spare_fd = fd; /* H1, P1 or R1 will use it */
    } else {
        close(fd);
    }
    run_done(run, OUTCOME_OK);
}

static bool
connect_start(struct run *run)
{
    run->state = dial_start(run, 0, false, connect_dialled, run);
    return true;
}

static void
connect_cancel(struct run *run)
{
    struct dial *d = run->state;
    dial_cancel(&d);
    run->state = NULL;
}

const struct machine machine_CONNECT = {"CONNECT", connect_start, connect_cancel};
