/* SPDX-License-Identifier: Apache-2.0
 * Probes that send a few bytes of our own over TCP and look at what comes back: plain requests
 * (P1, P1X, R5P), silence (P2) and TLS hellos (H1 and its variants). Nothing further is sent,
 * whatever the answer is. */
#include "doctor/engine_int.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    READ_BYTES = 16 * 1024,    /* at a time */
    READS_PER_TURN = 16,       /* then others have their turn */
    CUT_AT = 200,              /* H3: where the hello is cut, ... */
    CUT_PAUSE_US = 150 * 1000, /* ... and how long the second piece waits */
    LISTEN_US = 300 * 1000,    /* P2: how long a server may take to speak first */
    SMALL_SEGMENT = 536,       /* HM: fits through every path [RFC 9293 3.7.1] */
};

struct exchange {
    struct run *run;   /* borrowed */
    struct dial *dial; /* owned; NULL once the connection is there */
    struct stream stream;
    struct loop_io io;
    struct timer pause;    /* before the second piece, or the end of listening */
    struct deferred again; /* more to read than one turn may */
    struct buf out;        /* what is to be sent */
    size_t sent, cut;      /* bytes gone; bytes that may go now */
};

/* ---- what is sent ---- */

/* Like whom and with which changes each hello is made; the name comes with the wish. */
struct hello_row {
    enum probe probe;
    bool as_asked; /* the profile of --as; else `profile` */
    enum tls_hello_profile profile;
    unsigned alpn;
    uint16_t min, max;
};

static const struct hello_row hello_rows[] = {
    {PROBE_H1, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, 0, 0},
    {PROBE_H1B, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, 0, 0},
    {PROBE_H1C, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, 0, 0},
    {PROBE_H2, false, TLS_HELLO_SMALL, TLS_ALPN_BOTH, 0, 0},
    {PROBE_H3, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, 0, 0},
    {PROBE_H4, false, TLS_HELLO_SMALL, TLS_ALPN_BOTH, TLS_V_12, TLS_V_12},
    {PROBE_H5, false, TLS_HELLO_SMALL, TLS_ALPN_BOTH, TLS_V_12, TLS_V_12},
    {PROBE_H6, false, TLS_HELLO_SMALL, TLS_ALPN_BOTH, TLS_V_12, TLS_V_12},
    {PROBE_H7, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, TLS_V_12, TLS_V_12},
    {PROBE_H8, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, TLS_V_13, TLS_V_13},
    {PROBE_H9, false, TLS_HELLO_WIDE, TLS_ALPN_BOTH, TLS_V_10, TLS_V_11},
    {PROBE_HW, false, TLS_HELLO_WIDE, TLS_ALPN_BOTH, 0, 0},
    {PROBE_HA, true, TLS_HELLO_CHROMIUM, TLS_ALPN_HTTP11, 0, 0},
    {PROBE_HB, true, TLS_HELLO_CHROMIUM, TLS_ALPN_H2, 0, 0},
    {PROBE_HN, true, TLS_HELLO_CHROMIUM, TLS_ALPN_NONE, 0, 0},
    {PROBE_HP, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, 0, 0},
    {PROBE_HM, true, TLS_HELLO_CHROMIUM, TLS_ALPN_BOTH, 0, 0},
};

static const struct hello_row *
hello_row(enum probe p)
{
    for (size_t i = 0; i < COUNT_OF(hello_rows); i++) {
        if (hello_rows[i].probe == p) {
            return &hello_rows[i];
        }
    }
    return NULL;
}

bool
run_hello(const struct run *run, enum probe p, struct buf *out)
{
    const struct hello_row *row = hello_row(p);
    ASSERT(row != NULL);
    struct tls_hello h = {.profile = row->as_asked ? run_question(run)->profile : row->profile,
                          .sni = str_of(run->wish.name),
                          .alpn = row->alpn,
                          .min = row->min,
                          .max = row->max,
                          .seed = rand_u64(run_rand(run))};
    return tls_hello_write(&h, out) == ERR_OK;
}

/* "PROXY TCP4 OUR-ADDRESS THEIR-ADDRESS OUR-PORT THEIR-PORT" [PROXY protocol 2.1]. */
static void
write_proxy_line(const struct exchange *x, struct buf *out)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof(name);
    const struct addr *at = &x->run->wish.at;
    struct addr own = *at;
    if (getsockname(x->stream.fd, (struct sockaddr *)&name, &size) == 0) {
        own = addr_from_sockaddr((const struct sockaddr *)&name);
    }
    char from[ADDR_TEXT], to[ADDR_TEXT];
    buf_addf(out, "PROXY %s %s %s %u %u\r\n", addr_is_v6(at) ? "TCP6" : "TCP4",
             addr_text(&own, from), addr_text(at, to), addr_port(&own), addr_port(at));
}

/* Host as a browser writes it: without the port when it is the scheme's own. */
static void
write_host(const struct run *run, struct buf *out)
{
    uint16_t port = addr_port(&run->wish.at), usual = 80;
    const char *name = run->wish.name;
    bool v6 = strchr(name, ':') != NULL;
    buf_addf(out, v6 ? "Host: [%s]" : "Host: %s", name);
    if (run->wish.side == SIDE_TARGET || run->wish.side == SIDE_LB) {
        port = run_question(run)->port;
    }
    if (run->wish.side == SIDE_TARGET && run_question(run)->scheme == SCHEME_HTTPS) {
        usual = 443; /* as the load balancer passes it on */
    }
    if (port != usual) {
        buf_addf(out, ":%u", port);
    }
    buf_add_z(out, "\r\n");
}

/* `/` and nothing of the user's [ruling 8]. */
static void
write_request(const struct run *run, struct buf *out)
{
    buf_add_z(out, "GET / HTTP/1.1\r\n");
    write_host(run, out);
    buf_addf(out, "User-Agent: %s\r\nAccept: */*\r\n", run_user_agent(run));
    if (run->wish.probe == PROBE_P1X) {
        buf_addf(out, "X-Forwarded-Proto: https\r\nX-Forwarded-Port: %u\r\n",
                 run_question(run)->port);
    }
    buf_add_z(out, "Connection: close\r\n\r\n");
}

static bool
write_all(struct exchange *x)
{
    enum probe p = x->run->wish.probe;
    if (p == PROBE_P2) {
        return true; /* it listens */
    }
    if (hello_row(p) == NULL) {
        write_request(x->run, &x->out);
        return true;
    }
    if (p == PROBE_HP) {
        write_proxy_line(x, &x->out);
    }
    return run_hello(x->run, p, &x->out);
}

/* ---- the end ---- */

static void
exchange_close(struct exchange *x)
{
    struct loop *loop = run_loop(x->run);
    if (x->stream.fd >= 0) {
        loop_io_forget(loop, &x->io);
        stream_close(&x->stream);
    }
    dial_cancel(&x->dial);
    timer_remove(&x->pause);
    deferred_cancel(&x->again);
    buf_free(&x->out);
}

static void
exchange_end(struct exchange *x, enum outcome outcome)
{
    struct run *run = x->run;
    if (run->result.finish == FINISH_NONE) {
        run->result.finish = FINISH_US;
    }
    exchange_close(x);
    run->state = NULL;
    xfree(x);
    run_done(run, outcome);
}

/* Nothing came and the connection is over: a probe that speaks has failed. */
static void
exchange_over(struct exchange *x)
{
    exchange_end(x, x->run->result.got_total > 0 ? OUTCOME_OK : OUTCOME_FAIL);
}

/* ---- reading ---- */

/* Does the answer that has come so far tell all there is to know? */
static bool
is_complete(const struct run *run)
{
    const struct result *r = &run->result;
    if (probe_layer(run->wish.probe) == LAYER_HTTP) {
        struct http_seen *h = http_seen_read(r->got.p, r->got.n, r->got_total, false, false);
        bool complete = h != NULL && http_seen_complete(h);
        http_seen_free(&h);
        return complete || r->got_total > r->got.n; /* more than is kept: enough */
    }
    struct tls_flight f = {0};
    tls_flight_read(r->got.p, r->got.n, false, &f);
    bool complete = f.complete || r->got_total > r->got.n;
    tls_flight_done(&f);
    return complete;
}

static void
exchange_read(struct exchange *x)
{
    char bytes[READ_BYTES];
    for (unsigned i = 0; i < READS_PER_TURN; i++) {
        size_t n = 0;
        enum io io = stream_read(&x->stream, bytes, sizeof(bytes), &n);
        if (io == IO_AGAIN) {
            return;
        }
        if (io != IO_DONE) {
            run_note_end(x->run, io, errno);
            exchange_over(x);
            return;
        }
        bool more = run_got(x->run, bytes, n);
        if (!more || is_complete(x->run)) {
            exchange_end(x, OUTCOME_OK);
            return;
        }
    }
    loop_defer(run_loop(x->run), &x->again);
}

/* ---- writing ---- */

/* False: the connection broke, and the exchange is gone or will end with what is left to read. */
static void
exchange_write(struct exchange *x)
{
    while (x->sent < x->cut) {
        size_t n = 0;
        enum io io = stream_write(&x->stream, x->out.p + x->sent, x->cut - x->sent, &n);
        if (io != IO_DONE) {
            return; /* IO_FAIL: what came before, and the end itself, is for the reader to find */
        }
        x->sent += n;
    }
    if (x->sent == x->out.n && x->out.n > 0 && x->run->result.sent_us == 0) {
        x->run->result.sent_us = run_now_us(x->run);
    } else if (x->sent == CUT_AT && x->cut == CUT_AT && !timer_armed(&x->pause)) {
        timer_arm_in(run_loop(x->run), &x->pause, CUT_PAUSE_US);
    }
}

static void
exchange_event(struct loop_io *io, uint32_t events)
{
    struct exchange *x = CONTAINER_OF(io, struct exchange, io);
    stream_events(&x->stream, events);
    exchange_write(x);
    exchange_read(x);
}

static void
exchange_again(struct deferred *d)
{
    exchange_read(CONTAINER_OF(d, struct exchange, again));
}

/* P2 has listened long enough; or the second piece of H3 goes. */
static void
exchange_pause(struct timer *t)
{
    struct exchange *x = CONTAINER_OF(t, struct exchange, pause);
    if (x->run->wish.probe == PROBE_P2) {
        exchange_end(x, OUTCOME_OK); /* silence is what most servers answer to silence */
        return;
    }
    x->cut = x->out.n;
    exchange_write(x);
}

/* ---- beginning ---- */

static void
exchange_keep_sent(struct exchange *x)
{
    struct bytes *sent = &x->run->result.sent;
    if (x->out.n > 0) {
        sent->p = xalloc(x->out.n);
        sent->n = x->out.n;
        memcpy(sent->p, x->out.p, x->out.n);
    }
}

static void
exchange_dialled(void *context, enum dial_end end, int fd)
{
    struct exchange *x = context;
    x->dial = NULL;
    if (end == DIAL_FAILED) {
        exchange_end(x, OUTCOME_FAIL);
        return;
    }
    stream_init(&x->stream, fd);
    bool ready = write_all(x) && loop_io_watch(run_loop(x->run), &x->io, fd,
                                               LOOP_IO_ALL | (uint32_t)EPOLLET, exchange_event);
    if (!ready) {
        x->run->result.error = errno;
        x->run->result.finish = FINISH_ERROR;
        exchange_end(x, OUTCOME_FAIL);
        return;
    }
    exchange_keep_sent(x);
    x->cut = x->out.n;
    if (x->run->wish.probe == PROBE_H3 && x->out.n > CUT_AT) {
        x->cut = CUT_AT;
    }
    if (x->run->wish.probe == PROBE_P2) {
        timer_arm_in(run_loop(x->run), &x->pause, LISTEN_US);
    }
}

static bool
may_reuse(enum probe p)
{
    return p == PROBE_H1 || p == PROBE_P1 || p == PROBE_P1X;
}

static bool
exchange_start(struct run *run)
{
    struct exchange *x = xalloc(sizeof(*x));
    x->run = run;
    x->stream.fd = -1;
    timer_init(&x->pause, exchange_pause);
    deferred_init(&x->again, exchange_again);
    run->state = x;
    unsigned segment = run->wish.probe == PROBE_HM ? SMALL_SEGMENT : 0;
    x->dial = dial_start(run, segment, may_reuse(run->wish.probe), exchange_dialled, x);
    return true;
}

static void
exchange_cancel(struct run *run)
{
    struct exchange *x = run->state;
    exchange_close(x);
    xfree(x);
    run->state = NULL;
}

const struct machine machine_EXCHANGE = {"EXCHANGE", exchange_start, exchange_cancel};
