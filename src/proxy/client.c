/* SPDX-License-Identifier: Apache-2.0
 * The life of a client connection: first byte, TLS, one request head after the other, the end. One
 * function per state of client_states.def; read client_run() first. */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/diag.h"

#include <stdio.h>
#include <sys/socket.h>

enum {
    LINGER_MS = 2000,           /* how long unread bytes are thrown away before a close [D18] */
    REQUESTS_PER_TURN = 32,     /* pipelined; the rest goes on in the next turn */
    TLS_RECORD_HANDSHAKE = 0x16 /* first byte of a ClientHello [RFC 8446 5.1] */
};

#define TO(name) (1u << CLIENT_##name)
static const struct {
    const char *doing;
    unsigned successors;
} states[CLIENT_STATE_COUNT] = {
#define STATE(name, doing, next) [CLIENT_##name] = {doing, next},
#include "proxy/client_states.def"
#undef STATE
};
#undef TO

static void client_run(struct client *c);

static uint64_t
now_of(const struct client *c)
{
    return loop_now_us(c->worker->loop);
}

static void
idle_timer(struct client *c)
{
    timer_arm_in(c->worker->loop, &c->timer, (uint64_t)c->idle_timeout_s * 1000000u);
}

/* The only place that changes the state. */
static enum step
client_go(struct client *c, enum client_state next)
{
    ASSERT(states[c->state].successors & (1u << next));
    c->state = next;
    return STEP_ON;
}

static enum step
client_end(struct client *c, enum end_reason end, int code, const char *detail)
{
    c->end = end;
    c->end_code = code;
    (void)snprintf(c->end_detail, sizeof(c->end_detail), "%s", detail == NULL ? "" : detail);
    return client_go(c, CLIENT_CLOSED);
}

/* ---- events ---- */

static struct client *
client_of(struct client *c)
{
    ASSERT(c->magic == CLIENT_MAGIC);
    return c;
}

static void
on_event(struct loop_io *io, uint32_t events)
{
    struct client *c = client_of(CONTAINER_OF(io, struct client, io));
    stream_events(&c->stream, events);
    client_run(c);
}

void
client_wake(void *client)
{
    client_run(client_of(client));
}

static void
on_again(struct deferred *d)
{
    client_run(client_of(CONTAINER_OF(d, struct client, again)));
}

static enum step head_timeout(struct client *c);

static void
on_timer(struct timer *t)
{
    struct client *c = client_of(CONTAINER_OF(t, struct client, timer));
    switch (c->state) {
    case CLIENT_FIRST_BYTE: (void)client_end(c, END_SILENT, 0, NULL); break;
    case CLIENT_HANDSHAKE: (void)client_end(c, END_TLS_TIMEOUT, 0, NULL); break;
    case CLIENT_HEAD: (void)head_timeout(c); break;
    case CLIENT_BUSY: request_timeout(c->request); break;
    case CLIENT_LINGER: (void)client_end(c, END_CLOSED_AFTER_ANSWER, 0, NULL); break;
    case CLIENT_CLOSED:
    case CLIENT_STATE_COUNT: NEVER("a closed client has no timer");
    }
    client_run(c);
}

/* ---- birth and death ---- */

static void
trace_id_fill(struct client *c)
{
    uint64_t words[2] = {rand_u64(&c->worker->rand), rand_u64(&c->worker->rand)};
    memcpy(c->trace_id, words, sizeof(c->trace_id));
}

static void
node_address(struct client *c, const struct acceptor *a)
{
    struct sockaddr_storage local;
    socklen_t size = sizeof(local);
    c->node = a->local;
    if (a->any_address && getsockname(c->stream.fd, (struct sockaddr *)&local, &size) == 0) {
        c->node = addr_from_sockaddr((struct sockaddr *)&local);
    }
}

static void
gauge_write(const struct worker *w)
{
    atomic_store_explicit(&w->row->client_connections, w->client_pool.used, memory_order_relaxed);
}

void
client_accept(struct worker *w, const struct acceptor *a, int fd, const struct addr *peer)
{
    const struct listener_run *listener = w->config->by_slot[a->listener_slot];
    struct client *c = pool_get(&w->client_pool);
    struct stream stream;
    if (c == NULL || listener == NULL) {
        struct failure_note note = {.end = c == NULL ? END_CONNECTIONS_FULL : END_LISTENER_GONE,
                                    .wall_us = loop_wall_us(w->loop),
                                    .trace_id = (const uint8_t[16]){0},
                                    .client = peer};
        board_count_end(&w->row->listeners[a->listener_slot], &note);
        stream_init(&stream, fd);
        stream_close(&stream);
        if (c != NULL) {
            pool_put(&w->client_pool, c);
        }
        return;
    }
    *c = (struct client){
        .magic = CLIENT_MAGIC,
        .worker = w,
        .listener_slot = a->listener_slot,
        .port = listener->listener->port,
        .secure = listener->tls != NULL,
        .peer = *peer,
        .idle_timeout_s = listener->load_balancer->idle_timeout_s,
        .keep_alive_until_us = loop_now_us(w->loop) +
                               (uint64_t)listener->load_balancer->client_keep_alive_s * 1000000u,
    };
    c->state = c->secure ? CLIENT_FIRST_BYTE : CLIENT_HEAD;
    stream_init(&c->stream, fd);
    node_address(c, a);
    trace_id_fill(c);
    list_init(&c->link);
    list_push_back(&w->clients, &c->link);
    timer_init(&c->timer, on_timer);
    deferred_init(&c->again, on_again);
    board_add(&listener->row->connections, 1);
    gauge_write(w);
    idle_timer(c);
    if (!loop_io_watch(w->loop, &c->io, fd, EPOLLET | LOOP_IO_ALL, on_event)) {
        (void)client_end(c, END_CONNECTIONS_FULL, errno, NULL);
        client_run(c);
    }
}

static void
client_free(struct client *c)
{
    struct worker *w = c->worker;
    ASSERT(c->state == CLIENT_CLOSED);
    client_count_end(c);
    request_free(&c->request);
    timer_remove(&c->timer);
    deferred_cancel(&c->again);
    loop_io_forget(w->loop, &c->io);
    spill_free(w, &c->in);
    spill_free(w, &c->out);
    if (c->cut) {
        stream_reset(&c->stream);
    } else {
        if (c->stream.ops != NULL) {
            c->stream.ops->shutdown(&c->stream);
        }
        stream_close(&c->stream);
    }
    list_remove(&c->link);
    c->magic = 0;
    pool_put(&w->client_pool, c);
    gauge_write(w);
    if (w->draining && list_empty(&w->clients)) {
        timer_arm_in(w->loop, &w->drain_timer, 0); /* the drain is complete; told outside of this */
    }
}

/* ---- first byte and TLS ---- */

static bool
may_begin_method(unsigned char c)
{
    return ascii_is_alnum((char)c) || (c < 0x80 && strchr("!#$%&'*+-.^_`|~", c) != NULL && c != 0);
}

/* TLS, or plain HTTP that gets the page, or noise [ALB: data-plane 1.7, D23]. */
static enum step
state_first_byte(struct client *c)
{
    unsigned char byte = 0;
    size_t n;
    switch (stream_peek(&c->stream, &byte, 1, &n)) {
    case IO_AGAIN: return STEP_WAIT;
    case IO_DONE: break;
    case IO_EOF:
    case IO_FAIL: return client_end(c, END_CONNECT_ONLY, 0, NULL);
    }
    if (byte == TLS_RECORD_HANDSHAKE) {
        struct listener_run *listener = c->worker->config->by_slot[c->listener_slot];
        if (listener == NULL || listener->tls == NULL) {
            return client_end(c, END_LISTENER_GONE, 0, NULL);
        }
        if (tls_accept(listener->tls, &c->stream) != ERR_OK) {
            return client_end(c, END_CONNECTIONS_FULL, 0, "no memory for TLS");
        }
        return client_go(c, CLIENT_HANDSHAKE);
    }
    if (!may_begin_method(byte)) {
        return client_end(c, END_NOISE_ON_HTTPS, 0, NULL);
    }
    return client_go(c, CLIENT_HEAD);
}

static enum step
handshake_failed(struct client *c)
{
    struct tls_alert alert;
    tls_alert(&c->stream, &alert);
    if (!alert.sent && !alert.received) {
        return client_end(c, END_TLS_CLIENT_GONE, 0, alert.text);
    }
    return client_end(c, alert.received ? END_TLS_ALERT_RECEIVED : END_TLS_ALERT_SENT,
                      -alert.number, alert.text);
}

static enum step
state_handshake(struct client *c)
{
    switch (tls_handshake(&c->stream)) {
    case IO_DONE: break;
    case IO_AGAIN: return STEP_WAIT;
    case IO_EOF: return client_end(c, END_TLS_CLIENT_GONE, 0, NULL);
    case IO_FAIL: return handshake_failed(c);
    }
    tls_info(&c->stream, &c->tls);
    idle_timer(c);
    return client_go(c, CLIENT_HEAD);
}

/* ---- request heads ---- */

static bool
speaks_plain_on_https(const struct client *c)
{
    return c->secure && c->stream.ops == NULL;
}

/* What a parser's fault means: faults.def against state/end_reasons.def. */
static enum end_reason
end_of_fault(enum http_fault fault)
{
    switch (fault_status(fault)) {
    case 414: return END_HTTP_URI_TOO_LONG;
    case 417: return END_EXPECTATION_FAILED;
    case 501: return END_HTTP_BAD_CODING;
    case 505: return END_HTTP_VERSION;
    default: break;
    }
    switch ((int)fault) {
    case FAULT_DESYNC_SEVERE: return END_HTTP_DESYNC_SEVERE;
    case FAULT_HEADERS_TOO_LARGE: return END_HTTP_HEADERS_TOO_LARGE;
    case FAULT_NO_HOST: return END_HTTP_NO_HOST;
    default: return END_HTTP_BAD_REQUEST;
    }
}

/* A request object for the head in w->head; the connection is BUSY from here on. */
static enum step
request_begin(struct client *c)
{
    if (c->worker->config->by_slot[c->listener_slot] == NULL) {
        return client_end(c, END_LISTENER_GONE, 0, NULL);
    }
    c->request = request_new(c);
    if (c->request == NULL) {
        return client_end(c, END_OUT_OF_MEMORY, 0, NULL);
    }
    c->scan = (struct h1_scan){0};
    c->head_us = 0;
    return client_go(c, CLIENT_BUSY);
}

/* Nothing is known of the request but its connection. */
static void
head_forget(struct client *c)
{
    struct h1_request *head = &c->worker->head;
    memset(head, 0, offsetof(struct h1_request, headers));
    head->headers.count = 0;
}

/* A request that ends before it was understood; w->head holds what was readable of it. */
static enum step
refuse_head(struct client *c, enum end_reason end, int code, const char *detail)
{
    struct h1_request *head = &c->worker->head;
    head->body = BODY_NONE;
    head->keep_alive = false;
    enum step step = request_begin(c);
    if (c->request == NULL) {
        return step;
    }
    c->request->malformed = true;
    request_refuse(c->request, end, code, detail);
    return STEP_ON;
}

/* A request that is wrong is still one: its sender can read the page for plain HTTP. */
static bool
looks_like_http(const struct h1_request *head)
{
    return head->method_id != METHOD_OTHER || str_starts(head->version_text, STR("HTTP/"));
}

static enum step
head_faulty(struct client *c, const char *p)
{
    enum http_fault fault = c->worker->head.fault;
    if (speaks_plain_on_https(c)) {
        return looks_like_http(&c->worker->head)
                   ? refuse_head(c, END_PLAIN_ON_HTTPS, 0, fault_name(fault))
                   : client_end(c, END_NOISE_ON_HTTPS, 0, fault_name(fault));
    }
    if ((unsigned char)p[0] == TLS_RECORD_HANDSHAKE) {
        return refuse_head(c, END_TLS_ON_HTTP, 0, fault_name(fault));
    }
    return refuse_head(c, end_of_fault(fault), 0, fault_name(fault));
}

static enum step
head_complete(struct client *c)
{
    enum step step = request_begin(c);
    if (speaks_plain_on_https(c) && c->request != NULL) {
        request_refuse(c->request, END_PLAIN_ON_HTTPS, 0, NULL);
    }
    return step;
}

/* Looks at the n bytes at p: the scratch, or the in-spill. */
static enum step
head_parse(struct client *c, char *p, size_t n)
{
    struct worker *w = c->worker;
    bool in_scratch = p == w->scratch;
    enum step step;
    switch (h1_request_parse(&c->scan, p, n, &w->head)) {
    case H1_MORE:
        if (!in_scratch || spill_add(w, &c->in, p, n)) {
            return STEP_WAIT;
        }
        return client_end(c, END_OUT_OF_MEMORY, 0, NULL);
    case H1_FAULT:
        step = head_faulty(c, p);
        spill_free(w, &c->in);
        return step;
    case H1_DONE: break;
    }
    size_t used = w->head.head_bytes;
    if (in_scratch && !spill_add(w, &c->in, p + used, n - used)) {
        return refuse_head(c, END_OUT_OF_MEMORY, 0, NULL); /* its body would lack its beginning */
    }
    step = head_complete(c);
    if (!in_scratch) {
        spill_pass(&c->in, used); /* w->head lies there until the request is routed */
    }
    return step;
}

static enum step
head_eof(struct client *c, enum io io)
{
    int code = io == IO_FAIL ? errno : 0;
    if (c->head_us != 0) {
        head_forget(c);
        return refuse_head(c, END_HEAD_CUT, code, NULL);
    }
    if (io == IO_FAIL && c->stream.ops != NULL) {
        return client_end(c, END_TLS_BROKEN, code, NULL);
    }
    return client_end(c, c->asked_once || c->secure ? END_CLIENT_DONE : END_CONNECT_ONLY, code,
                      NULL);
}

static enum step
head_timeout(struct client *c)
{
    if (c->head_us != 0) {
        if (speaks_plain_on_https(c)) {
            return client_end(c, END_NOISE_ON_HTTPS, 0, NULL);
        }
        head_forget(c);
        return refuse_head(c, END_REQUEST_TIMEOUT, 0, NULL);
    }
    return client_end(c, c->asked_once ? END_IDLE : END_SILENT, 0, NULL);
}

static void
head_clock(struct client *c)
{
    if (c->head_us == 0) {
        c->head_us = now_of(c);
        c->head_wall_us = loop_wall_us(c->worker->loop);
    }
}

_Static_assert(LIMIT_REQUEST_LINE_MAX + LIMIT_HEADERS_MAX + BLOCK_HEADROOM < BLOCK_LARGE,
               "an incomplete head always leaves room for more");

/* How much one read may give so that it fits behind what is there: a head that waits for its end is
 * bounded by its limits, the body that comes along with the end is not. */
static size_t
head_room(const struct client *c)
{
    size_t waiting = spill_size(&c->in);
    ASSERT(waiting < BLOCK_LARGE);
    return MIN_OF((size_t)LIMIT_SCRATCH_BYTES, (size_t)BLOCK_LARGE - waiting);
}

static enum step
state_head(struct client *c)
{
    struct worker *w = c->worker;
    if (spill_size(&c->in) > c->scan.at) { /* pipelined bytes that were not looked at yet */
        head_clock(c);
        enum step step = head_parse(c, spill_data(&c->in), spill_size(&c->in));
        if (step != STEP_WAIT) {
            return step;
        }
    }
    while (stream_readable(&c->stream)) {
        size_t n;
        enum io io = stream_read(&c->stream, w->scratch, head_room(c), &n);
        if (io == IO_AGAIN) {
            break;
        }
        if (io != IO_DONE) {
            return head_eof(c, io);
        }
        head_clock(c);
        idle_timer(c);
        enum step step = STEP_WAIT;
        if (spill_size(&c->in) == 0) {
            step = head_parse(c, w->scratch, n);
        } else if (spill_add(w, &c->in, w->scratch, n)) {
            step = head_parse(c, spill_data(&c->in), spill_size(&c->in));
        } else {
            head_forget(c);
            step = refuse_head(c, END_OUT_OF_MEMORY, 0, NULL);
        }
        if (step != STEP_WAIT || c->state != CLIENT_HEAD) {
            return step;
        }
    }
    return STEP_WAIT;
}

/* ---- requests ---- */

static enum step
linger_or_close(struct client *c)
{
    enum end_reason end = c->keep_alive_over    ? END_CLIENT_KEEP_ALIVE_OVER
                          : c->worker->draining ? END_DRAINED
                                                : END_CLOSED_AFTER_ANSWER;
    if (c->cut || (!c->linger && spill_size(&c->in) == 0 && !c->stream.can_read)) {
        return client_end(c, end, 0, NULL);
    }
    if (c->stream.ops != NULL) {
        c->stream.ops->shutdown(&c->stream);
    }
    if (shutdown(c->stream.fd, SHUT_WR) != 0) {
        return client_end(c, end, 0, NULL);
    }
    spill_free(c->worker, &c->in);
    timer_arm_in(c->worker->loop, &c->timer, LINGER_MS * 1000u);
    return client_go(c, CLIENT_LINGER);
}

static enum step
state_busy(struct client *c)
{
    enum step step = request_run(c->request);
    spill_trim(c->worker, &c->in);
    if (step != STEP_DONE) {
        return step;
    }
    request_log(c->request);
    request_free(&c->request);
    c->asked_once = true;
    if (c->closing) {
        return linger_or_close(c);
    }
    idle_timer(c);
    return client_go(c, CLIENT_HEAD);
}

/* Throws away what still comes, so that the kernel does not answer it with a reset. */
static enum step
state_linger(struct client *c)
{
    size_t budget = LIMIT_IO_BYTES_PER_TURN;
    while (c->stream.can_read && budget > 0) {
        size_t n;
        enum io io = stream_recv(&c->stream, c->worker->scratch, LIMIT_SCRATCH_BYTES, &n);
        if (io == IO_AGAIN) {
            break;
        }
        if (io != IO_DONE) {
            return client_end(c, END_CLOSED_AFTER_ANSWER, 0, NULL);
        }
        budget -= MIN_OF(budget, n);
    }
    if (budget == 0) { /* a large body, or one that never stops: the timer ends it */
        loop_defer(c->worker->loop, &c->again);
    }
    return STEP_WAIT;
}

static enum step
state_closed(struct client *c)
{
    (void)c;
    return STEP_DONE;
}

/* ---- the driver: the only caller of the states, and the only place where a client is freed ----
 */

static void
client_run(struct client *c)
{
    static enum step (*const run[CLIENT_STATE_COUNT])(struct client *) = {
        [CLIENT_FIRST_BYTE] = state_first_byte,
        [CLIENT_HANDSHAKE] = state_handshake,
        [CLIENT_HEAD] = state_head,
        [CLIENT_BUSY] = state_busy,
        [CLIENT_LINGER] = state_linger,
        [CLIENT_CLOSED] = state_closed,
    };
    for (unsigned steps = 0;; steps++) {
        assert_doing(states[c->state].doing);
        enum step step = run[c->state](c);
        if (step == STEP_WAIT) {
            return;
        }
        if (step == STEP_DONE) {
            client_free(c);
            return;
        }
        /* Only between two requests: until a head is routed w->head is still its own, and what is
         * closed goes at once. */
        if (steps > 2 * REQUESTS_PER_TURN && c->state == CLIENT_HEAD) {
            loop_defer(c->worker->loop, &c->again);
            return;
        }
    }
}

/* ---- from outside ---- */

void
client_drain(struct client *c)
{
    c->closing = true;
    if (c->state == CLIENT_FIRST_BYTE || (c->state == CLIENT_HEAD && c->head_us == 0)) {
        (void)client_end(c, END_DRAINED, 0, NULL);
        client_run(c);
    }
}

void
client_cut_if_due(struct client *c)
{
    struct request *r = c->request;
    if (r != NULL && r->target != NULL && r->target->cut_at_us != 0 &&
        r->target->cut_at_us <= now_of(c) && r->state != REQUEST_REPLYING) {
        request_refuse(r, END_DEREGISTERED, 0, NULL);
        client_run(c);
    }
}

void
client_abort(struct client *c, enum end_reason end)
{
    struct request *r = c->request;
    if (r != NULL) { /* its own end is still to be told */
        bool answering = r->answer_started || r->state == REQUEST_REPLYING;
        r->end = answering ? END_ANSWER_STOPPED : END_STOPPED;
        request_log(r);
    }
    c->cut = true;
    c->state = CLIENT_CLOSED; /* from any state: the table is for the life, not for the axe */
    c->end = end;
    client_free(c);
}
