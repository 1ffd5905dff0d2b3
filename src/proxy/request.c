/* SPDX-License-Identifier: Apache-2.0
 * The life of a request: one function per state of request_states.def, one driver, one place that
 * changes the state. Read request_run() first. */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>

enum {
    CONNECT_TIMEOUT_S = 10
}; /* also for the TLS handshake with a target [ALB: data-plane 1.5] */

/* ---- the table of states ---- */

enum state_timer { TIMER_NONE, TIMER_CONNECT, TIMER_IDLE };
#define TO(name) (1u << REQUEST_##name)
static const struct {
    const char *doing;
    enum state_timer timer;
    unsigned successors;
} states[REQUEST_STATE_COUNT] = {
#define STATE(name, doing, timer, next) [REQUEST_##name] = {doing, TIMER_##timer, next},
#include "proxy/request_states.def"
#undef STATE
};
#undef TO

const char *
request_doing(const struct request *r)
{
    return states[r->state].doing;
}

static uint64_t
now_of(const struct request *r)
{
    return loop_now_us(r->client->worker->loop);
}

static void
timer_restart(struct request *r)
{
    struct client *c = r->client;
    struct loop *loop = c->worker->loop;
    switch (states[r->state].timer) {
    case TIMER_NONE: timer_disarm(&c->timer); break;
    case TIMER_CONNECT: timer_arm_in(loop, &c->timer, CONNECT_TIMEOUT_S * 1000000u); break;
    case TIMER_IDLE: timer_arm_in(loop, &c->timer, (uint64_t)c->idle_timeout_s * 1000000u); break;
    }
}

/* The only place that changes the state. */
static enum step
request_go(struct request *r, enum request_state next)
{
    ASSERT(states[r->state].successors & (1u << next));
    r->state = next;
    timer_restart(r);
    return STEP_ON;
}

/* ---- birth: what must outlive the bytes of the head ---- */

/* A line that was refused before its target was taken apart: the log shows it as it came. */
static bool
target_keep(struct request *r, struct str target)
{
    struct str shown = str_sub(target, 0, LIMIT_REQUEST_LINE_MAX);
    char *p = arena_alloc(&r->arena, shown.n);
    if (p == NULL) {
        return false;
    }
    struct out o = out_of(p, shown.n);
    out_str(&o, shown);
    r->uri = str_span(p, o.p);
    return true;
}

/* path and query side by side, as the log and redirects need them. */
static bool
uri_keep(struct request *r, const struct h1_request *head)
{
    if (head->path.n == 0) {
        return target_keep(r, head->target);
    }
    size_t n = head->path.n + (head->query.p != NULL ? 1 + head->query.n : 0);
    char *p = arena_alloc(&r->arena, n);
    if (p == NULL) {
        return false;
    }
    struct out o = out_of(p, n);
    out_str(&o, head->path);
    r->path = str_span(p, o.p);
    if (head->query.p != NULL) {
        out_char(&o, '?');
        r->query = (struct str){o.p, head->query.n};
        out_str(&o, head->query);
    }
    r->uri = str_span(p, o.p);
    return true;
}

static bool
strings_keep(struct request *r, const struct h1_request *head)
{
    const struct http_header *agent = headers_find(&head->headers, HEADER_USER_AGENT);
    /* Without a target there is no URL to log: the line is a malformed one [ALB log 1.2]. */
    struct str method = head->target.n > 0 ? head->method : STR_NONE;
    struct {
        struct str from;
        struct str *to;
    } strings[] = {
        {method, &r->method},
        {head->host, &r->host},
        {head->host_port, &r->host_port},
        {head->version_text, &r->version_text},
        {agent == NULL ? STR_NONE : str_sub(agent->value, 0, LIMIT_USER_AGENT_LOG_MAX),
         &r->user_agent},
    };
    size_t total = 0;
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        total += strings[i].from.n;
    }
    char *p = arena_alloc(&r->arena, total);
    if (p == NULL) {
        return false;
    }
    struct out o = out_of(p, total);
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        *strings[i].to = (struct str){o.p, strings[i].from.n};
        out_str(&o, strings[i].from);
    }
    return uri_keep(r, head);
}

struct request *
request_new(struct client *c)
{
    struct worker *w = c->worker;
    const struct h1_request *head = &w->head;
    struct request *r = pool_get(&w->request_pool);
    if (r == NULL) {
        return NULL;
    }
    *r = (struct request){
        .magic = REQUEST_MAGIC,
        .state = REQUEST_ROUTING,
        .client = c,
        .config = config_ref(w->config),
        .listener = w->config->by_slot[c->listener_slot],
        .method_id = head->method_id,
        .version = head->version,
        .desync_class = head->desync_class,
        .desync_reason = head->desync_reason,
        .client_keep_alive = head->keep_alive,
        .single = head->desync_class == DESYNC_AMBIGUOUS,
        .start_us = c->head_us,
        .start_wall_us = c->head_wall_us,
        .head_bytes = head->head_bytes,
    };
    arena_init(&r->arena, &w->chunk_pool, LIMIT_REQUEST_ARENA_MAX);
    flow_init(&r->body, head->body, head->content_length, head->body == BODY_CHUNKED);
    flow_init(&r->answer, BODY_NONE, 0, false);
    if (!strings_keep(r, head)) {
        request_free(&r);
        return NULL;
    }
    return r;
}

void
request_free(struct request **request)
{
    struct request *r = *request;
    *request = NULL;
    if (r == NULL) {
        return;
    }
    ASSERT(r->magic == REQUEST_MAGIC);
    struct worker *w = r->client->worker;
    target_conn_close(&r->conn);
    if (r->target != NULL) {
        target_run_end(r->target);
        target_run_unref(&r->target);
    }
    flow_done(w, &r->body);
    flow_done(w, &r->answer);
    spill_free(w, &r->to_target);
    spill_free(w, &r->from_target);
    config_unref(&r->config);
    arena_done(&r->arena);
    r->magic = 0;
    pool_put(&w->request_pool, r);
}

/* ---- ends ---- */

/* The connection to the target goes back to the idle list only if nothing is left over on it. */
static void
conn_release(struct request *r)
{
    bool clean = r->end == END_ANSWERED && r->target_keep_alive && !r->single && r->body.done &&
                 r->answer.done && !splice_holds(&r->body) && spill_size(&r->to_target) == 0 &&
                 spill_size(&r->from_target) == 0;
    if (r->conn == NULL) {
        return;
    }
    if (clean) {
        target_conn_give(&r->conn, (uint64_t)r->client->idle_timeout_s * 1000000u);
    } else {
        target_conn_close(&r->conn);
    }
}

static enum step
request_end(struct request *r, enum end_reason end)
{
    struct client *c = r->client;
    r->end = end;
    c->closing |= !r->body.done;
    c->linger |= !r->body.done;
    conn_release(r);
    return request_go(r, REQUEST_ENDED);
}

/* An answer that has begun cannot become an error page: it is cut. */
static enum step
request_cut(struct request *r, enum end_reason end, int code)
{
    r->end_code = code;
    r->client->cut = true;
    r->client->closing = true;
    return request_end(r, end);
}

/* Does the client connection end with this answer? Decided once, when the answer's head is written.
 */
static void
closing_decide(struct request *r)
{
    struct client *c = r->client;
    c->keep_alive_over = now_of(r) >= c->keep_alive_until_us;
    c->closing |= !r->client_keep_alive || r->single || c->worker->draining || c->keep_alive_over ||
                  c->worker->config->by_slot[c->listener_slot] == NULL;
}

static enum step
page_send(struct request *r, struct page *page)
{
    struct client *c = r->client;
    struct worker *w = c->worker;
    closing_decide(r);
    c->closing |= !r->body.done || r->malformed;
    c->linger |= !r->body.done || r->malformed;
    page->keep_alive = !c->closing;
    page->head_request = r->method_id == METHOD_HEAD;
    page->user_agent = r->user_agent;
    page->wall_us = loop_wall_us(w->loop);
    struct out o = out_of(w->compose, COMPOSE_BYTES);
    page_write(&o, page);
    ASSERT(!o.full); /* bodies and locations are bounded by the model and by redirect_expand */
    size_t n = (size_t)(o.p - w->compose);
    r->status = page->status;
    r->sent_bytes += n;
    request_log_early(r, r->end, r->sent_bytes);
    enum io io = relay_send(w, &c->stream, &c->out, w->compose, n);
    int code = errno;
    if (io != IO_DONE || spill_size(&c->out) > 0) {
        request_log_retract(r);
    }
    return io == IO_DONE ? request_go(r, REQUEST_REPLYING) : request_cut(r, r->end, code);
}

static bool
client_is_gone_end(enum end_reason end)
{
    return end == END_CLIENT_GONE || end == END_CLIENT_GONE_EARLY || end == END_HEAD_CUT;
}

void
request_refuse(struct request *r, enum end_reason end, int code, const char *detail)
{
    const struct end_row *row = end_row(end);
    r->end_code = code;
    r->end_detail = detail;
    r->end = end;
    if (r->answer_started) {
        (void)request_cut(r, end, code);
        return;
    }
    target_conn_close(&r->conn);
    if (client_is_gone_end(end)) {
        r->status = row->status;
        r->client->closing = true;
        (void)request_end(r, end);
        return;
    }
    bool plain = end == END_PLAIN_ON_HTTPS;
    r->client->closing |= plain || row->fault == END_FAULT_CLIENT;
    (void)page_send(r, &(struct page){.status = row->status, .plain_http_on_https = plain});
}

static enum step
refuse(struct request *r, enum end_reason end, int code, const char *detail)
{
    request_refuse(r, end, code, detail);
    return STEP_ON;
}

void
request_timeout(struct request *r)
{
    switch (r->state) {
    case REQUEST_CONNECTING: request_refuse(r, END_CONNECT_TIMEOUT, ETIMEDOUT, NULL); break;
    case REQUEST_HANDSHAKING: request_refuse(r, END_TARGET_TLS_TIMEOUT, ETIMEDOUT, NULL); break;
    case REQUEST_SENDING: {
        bool target_stalls = spill_size(&r->to_target) > 0 || splice_holds(&r->body);
        request_refuse(r, target_stalls ? END_TARGET_TIMEOUT : END_BODY_TIMEOUT, 0, NULL);
        break;
    }
    case REQUEST_WAITING:
        if (spill_size(&r->client->out) > 0) { /* interim answers that the client does not take */
            (void)request_cut(r, END_ANSWER_STALLED_CLIENT, 0);
        } else {
            request_refuse(r, END_TARGET_TIMEOUT, 0, NULL);
        }
        break;
    case REQUEST_ANSWERING:
    case REQUEST_REPLYING: {
        bool client_stalls = spill_size(&r->client->out) > 0 || splice_holds(&r->answer);
        (void)request_cut(r, client_stalls ? END_ANSWER_STALLED_CLIENT : END_ANSWER_STALLED_TARGET,
                          0);
        break;
    }
    case REQUEST_ROUTING:
    case REQUEST_ENDED:
    case REQUEST_STATE_COUNT: NEVER("states without a timer");
    }
}

/* ---- routing ---- */

static enum step
answer_redirect(struct request *r)
{
    const struct listener *listener = r->listener->listener;
    struct redirect_input in = {
        .protocol = listener->protocol == PROTOCOL_HTTPS ? STR("https") : STR("http"),
        .host = r->host.n > 0 ? r->host : r->listener->load_balancer->dns_name,
        .port = listener->port,
        .path = r->path,
        .query = r->query,
    };
    struct out o = out_of(r->client->worker->compose, LIMIT_REDIRECT_URL_MAX);
    if (!redirect_expand(&r->action->redirect, &in, &o)) {
        return refuse(r, END_REDIRECT_TOO_LONG, 0, NULL);
    }
    r->redirect_url = arena_dup(&r->arena, str_span(r->client->worker->compose, o.p));
    if (r->redirect_url.p == NULL) {
        return refuse(r, END_OUT_OF_MEMORY, 0, NULL);
    }
    r->end = END_REDIRECTED;
    return page_send(
        r, &(struct page){.status = r->action->redirect.status, .location = r->redirect_url});
}

static enum step
answer_fixed(struct request *r)
{
    const struct fixed_response *fixed = &r->action->fixed_response;
    r->end = END_FIXED_RESPONSE;
    return page_send(r, &(struct page){.status = fixed->status,
                                       .fixed = true,
                                       .content_type = fixed->content_type,
                                       .body = fixed->body});
}

/* Every request that was understood has one, forwarded or not [ALB log: trace_id]. */
static bool
trace_id_keep(struct request *r)
{
    struct worker *w = r->client->worker;
    struct out o = out_of(w->compose, COMPOSE_BYTES);
    trace_id_make(&o, &w->head.headers, r->start_wall_us, &w->rand);
    r->trace_id = arena_dup(&r->arena, str_span(w->compose, o.p));
    return r->trace_id.p != NULL;
}

/* The head as the target gets it, kept in the arena: it may be needed again [D17]. */
static enum end_reason
head_compose(struct request *r)
{
    struct client *c = r->client;
    struct worker *w = c->worker;
    struct forward_head f = {
        .request = &w->head,
        .peer = &c->peer,
        .lb_dns_name = r->listener->load_balancer->dns_name,
        .port = c->port,
        .secure = c->secure,
        .close = r->single,
        .trace_id = r->trace_id,
    };
    struct out o = out_of(w->compose, COMPOSE_BYTES);
    if (!forward_head_write(&o, &f)) {
        return END_XFF_TOO_LONG;
    }
    if (o.full) {
        return END_HTTP_HEADERS_TOO_LARGE;
    }
    r->head = arena_dup(&r->arena, str_span(w->compose, o.p));
    return r->head.p == NULL ? END_OUT_OF_MEMORY : END_NONE;
}

/* Descriptors, memory, ports or our own limit (0) are used up: nothing that the target did. */
static bool
is_our_shortage(int code)
{
    return code == 0 || code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM ||
           code == ENOSPC || code == EADDRNOTAVAIL;
}

static enum step
conn_open(struct request *r)
{
    r->conn = target_conn_open(r->target, client_wake, r->client);
    if (r->conn != NULL) {
        return request_go(r, REQUEST_CONNECTING);
    }
    if (is_our_shortage(errno)) {
        return refuse(r, END_TARGET_CONNECTIONS_FULL, errno, NULL);
    }
    return refuse(r, errno == ECONNREFUSED ? END_CONNECT_REFUSED : END_CONNECT_UNREACHABLE, errno,
                  NULL);
}

static enum step
forward(struct request *r)
{
    struct config *config = r->config;
    struct group_run *group =
        &config->groups[r->action->target_group - config->model->target_groups];
    enum end_reason end = head_compose(r);
    if (end != END_NONE) {
        return refuse(r, end, 0, NULL);
    }
    struct target_run *target = group_pick(group);
    if (target == NULL) {
        return refuse(r, END_NO_TARGETS, 0, NULL);
    }
    r->target = target_run_ref(target);
    target_run_begin(r->target);
    r->conn = target_conn_take(r->target, client_wake, r->client);
    return r->conn != NULL ? request_go(r, REQUEST_SENDING) : conn_open(r);
}

static enum step
state_routing(struct request *r)
{
    static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct client *c = r->client;
    if (!trace_id_keep(r)) {
        return refuse(r, END_OUT_OF_MEMORY, 0, NULL);
    }
    if (r->method_id == METHOD_TRACE || r->method_id == METHOD_CONNECT) {
        return refuse(r, END_METHOD_REFUSED, 0, NULL);
    }
    if (c->worker->head.expect_continue && !r->body.done &&
        relay_send(c->worker, &c->stream, &c->out, continue_line, sizeof(continue_line) - 1) !=
            IO_DONE) {
        return refuse(r, END_CLIENT_GONE_EARLY, errno, NULL);
    }
    struct rules_request asked = {.host = r->host, .path = r->path};
    r->rule = matcher_find(r->listener->matcher, &asked);
    r->action = r->rule != NULL ? &r->rule->action : &r->listener->listener->default_action;
    switch (r->action->type) {
    case ACTION_FORWARD: return forward(r);
    case ACTION_REDIRECT: return answer_redirect(r);
    case ACTION_FIXED_RESPONSE: return answer_fixed(r);
    case ACTION_COUNT: break;
    }
    NEVER("the model holds no other action");
}

/* ---- connecting ---- */

/* True: the client is no longer there. What it pipelined before closing is still to be served. */
static bool
client_gone(struct request *r)
{
    struct stream *s = &r->client->stream;
    if (s->broken) {
        return true;
    }
    if (!s->peer_closed || spill_size(&r->client->in) > 0) {
        return false;
    }
    char byte;
    size_t n;
    return s->ops != NULL || stream_peek(s, &byte, 1, &n) != IO_DONE;
}

static enum step
state_connecting(struct request *r)
{
    static const enum end_reason ends[] = {
        [CONN_FINE] = END_NONE,
        [CONN_REFUSED] = END_CONNECT_REFUSED,
        [CONN_UNREACHABLE] = END_CONNECT_UNREACHABLE,
        [CONN_TLS_FAILED] = END_TARGET_TLS_FAILED,
    };
    if (client_gone(r)) {
        return refuse(r, END_CLIENT_GONE_EARLY, 0, NULL);
    }
    enum conn_failure failure;
    int code;
    switch (target_conn_advance(r->conn, &failure, &code)) {
    case IO_DONE: return request_go(r, REQUEST_SENDING);
    case IO_AGAIN: break;
    case IO_EOF:
    case IO_FAIL: return refuse(r, ends[failure], code, NULL);
    }
    if (r->state == REQUEST_CONNECTING && r->conn->phase == CONN_HANDSHAKING) {
        (void)request_go(r, REQUEST_HANDSHAKING);
    }
    return STEP_WAIT;
}

/* ---- sending ---- */

static enum step answer_read(struct request *r);
static enum step interim_flush(struct request *r);

static void
defer_again(struct request *r)
{
    loop_defer(r->client->worker->loop, &r->client->again);
}

static struct pump_path
body_path(struct request *r)
{
    return (struct pump_path){
        .flow = &r->body,
        .source = &r->client->stream,
        .source_spill = &r->client->in,
        .sink = &r->conn->stream,
        .sink_spill = &r->to_target,
        .sent_bytes = &r->body_sent,
    };
}

/* The head, and with it what is there of the body, in one send. */
static enum pump
head_send(struct request *r)
{
    struct client *c = r->client;
    struct worker *w = c->worker;
    struct pump_path path = body_path(r);
    size_t n = r->body.done ? 0 : MIN_OF(spill_size(&c->in), (size_t)LIMIT_SCRATCH_BYTES);
    if (n > 0) {
        memcpy(w->scratch, spill_data(&c->in), n);
    }
    size_t used;
    enum pump pump = relay_first(w, &path, r->head, w->scratch, n, SCRATCH_HEADROOM, &used);
    if (used > 0) {
        spill_drop(w, &c->in, used);
    }
    if (pump != PUMP_FAULT) { /* with a malformed body nothing goes out */
        r->dispatched = true;
        r->sent_us = now_of(r);
    }
    return pump;
}

/* What the pump of the request's body ended with. STEP_ON: the state changed. */
static enum step
body_pumped(struct request *r, enum pump pump)
{
    switch (pump) {
    case PUMP_DONE: return r->state == REQUEST_SENDING ? request_go(r, REQUEST_WAITING) : STEP_WAIT;
    case PUMP_SOURCE:
    case PUMP_SINK: return STEP_WAIT;
    case PUMP_BUDGET: defer_again(r); return STEP_WAIT;
    case PUMP_SOURCE_EOF:
    case PUMP_SOURCE_FAIL: return refuse(r, END_BODY_CUT, 0, NULL);
    case PUMP_FAULT: return refuse(r, END_HTTP_BAD_BODY, 0, NULL);
    case PUMP_MEMORY: return refuse(r, END_OUT_OF_MEMORY, 0, NULL);
    case PUMP_SINK_FAIL: break;
    }
    /* The target takes no more: it may have answered before it closed. */
    r->body_given_up = true;
    r->conn->stream.can_read = true;
    return r->state == REQUEST_SENDING ? request_go(r, REQUEST_WAITING) : STEP_WAIT;
}

static enum step
body_pump(struct request *r)
{
    if (r->body_given_up) {
        return STEP_WAIT;
    }
    struct pump_path path = body_path(r);
    enum pump pump = relay_pump(r->client->worker, &path);
    if (path.moved) {
        timer_restart(r);
    }
    return body_pumped(r, pump);
}

static enum step
state_sending(struct request *r)
{
    if (!r->dispatched) {
        enum pump pump = head_send(r);
        if (pump != PUMP_SOURCE) {
            return body_pumped(r, pump);
        }
    }
    enum step step = interim_flush(r);
    if (step == STEP_WAIT) {
        step = body_pump(r);
    }
    if (step != STEP_WAIT || r->state != REQUEST_SENDING) {
        return step;
    }
    return stream_readable(&r->conn->stream) ? answer_read(r) : STEP_WAIT;
}

/* ---- the answer's head ---- */

static bool
method_idempotent(enum http_method m)
{
    return m == METHOD_GET || m == METHOD_HEAD || m == METHOD_OPTIONS || m == METHOD_PUT ||
           m == METHOD_DELETE;
}

/* The target closed or broke the connection before a whole answer's head was there. */
static enum step
target_lost(struct request *r, enum io io)
{
    bool untouched = spill_size(&r->from_target) == 0 && r->answer_us == 0;
    bool in_hand = r->body.done && r->body.source_bytes == 0;
    if (r->conn->reused && untouched && in_hand && !r->retried && method_idempotent(r->method_id) &&
        r->target->listed > 0) { /* once more on a fresh connection [D17] */
        r->retried = true;
        r->dispatched = false;
        r->body_given_up = false;
        target_conn_close(&r->conn);
        spill_free(r->client->worker, &r->to_target);
        return conn_open(r);
    }
    bool reset = io == IO_FAIL && (errno == ECONNRESET || errno == EPIPE);
    return refuse(r, reset ? END_TARGET_RESET : END_TARGET_CLOSED, io == IO_FAIL ? errno : 0, NULL);
}

/* How the answer is framed for the client [RFC 9112 6.3, D10]. */
static struct answer_head
answer_frame(struct request *r, const struct h1_response *response)
{
    bool modern = r->version == HTTP_1_1;
    bool open_end = response->body == BODY_CHUNKED || response->body == BODY_CLOSE;
    bool chunked_head = r->method_id == METHOD_HEAD && !response->has_content_length &&
                        headers_find(&response->headers, HEADER_TRANSFER_ENCODING) != NULL;
    closing_decide(r);
    r->client->closing |= (open_end && !modern) || !r->body.done;
    return (struct answer_head){
        .response = response,
        .client_version = r->version,
        .chunked = modern && (open_end || chunked_head),
        .length = response->has_content_length && !open_end && response->status != 204,
        .keep_alive = !r->client->closing,
    };
}

static void
answer_last(void *context, size_t n)
{
    struct request *r = context;
    request_log_early(r, END_ANSWERED, r->sent_bytes + n);
}

static void
answer_not_last(void *context)
{
    request_log_retract(context);
}

static struct pump_path
answer_path(struct request *r)
{
    return (struct pump_path){
        .flow = &r->answer,
        .source = &r->conn->stream,
        .source_spill = &r->from_target,
        .sink = &r->client->stream,
        .sink_spill = &r->client->out,
        .sent_bytes = &r->sent_bytes,
        .last = answer_last,
        .not_last = answer_not_last,
        .context = r,
    };
}

static enum step
answer_pumped(struct request *r, enum pump pump)
{
    switch (pump) {
    case PUMP_DONE: return request_end(r, END_ANSWERED);
    case PUMP_SOURCE:
    case PUMP_SINK: break;
    case PUMP_BUDGET: defer_again(r); break;
    case PUMP_SOURCE_EOF: return request_cut(r, END_ANSWER_CUT_BY_TARGET, 0);
    case PUMP_SOURCE_FAIL: return request_cut(r, END_ANSWER_CUT_BY_TARGET, errno);
    case PUMP_SINK_FAIL: return request_cut(r, END_ANSWER_CUT_BY_CLIENT, errno);
    case PUMP_FAULT: return request_cut(r, END_ANSWER_BAD_BODY, 0);
    case PUMP_MEMORY: return request_cut(r, END_OUT_OF_MEMORY, 0);
    }
    return STEP_WAIT;
}

/* Writes the answer's head for the client, with the body bytes that came along, in one send. `p` is
 * where the answer begins, `n` how much of it is there, `headroom` how far before it one may write.
 */
static enum step
answer_begin(struct request *r, char *p, size_t n, size_t headroom)
{
    struct worker *w = r->client->worker;
    struct h1_response *response = &w->answer;
    struct answer_head head = answer_frame(r, response);
    struct out o = out_of(w->compose, COMPOSE_BYTES / 2);
    answer_head_write(&o, &head);
    ASSERT(!o.full); /* at most 32 K of headers came in */
    r->status = response->status;
    r->target_status = response->status;
    r->target_keep_alive = response->keep_alive;
    flow_init(&r->answer, response->body, response->content_length, head.chunked);
    r->answer_started = true;
    (void)request_go(r, REQUEST_ANSWERING);

    struct pump_path path = answer_path(r);
    size_t at = response->head_bytes;
    size_t used;
    enum pump pump =
        relay_first(w, &path, str_span(w->compose, o.p), p + at, n - at, headroom + at, &used);
    if (spill_size(&r->from_target) > 0) { /* there it lies */
        spill_drop(w, &r->from_target, at + used);
    } else if (at + used < n && !spill_add(w, &r->from_target, p + at + used, n - at - used)) {
        pump = PUMP_MEMORY;
    }
    return pump == PUMP_SOURCE ? STEP_ON : answer_pumped(r, pump);
}

/* 100 is swallowed, 102 and 103 go on to HTTP/1.1 clients, 101 was not asked for [D15]. STEP_WAIT:
 * passed. */
static enum step
interim_pass(struct request *r)
{
    struct worker *w = r->client->worker;
    if (w->answer.status == 101) {
        return refuse(r, END_TARGET_BAD_ANSWER, 0, "UNASKED_UPGRADE");
    }
    if (w->answer.status == 100 || r->version != HTTP_1_1) {
        return STEP_WAIT;
    }
    struct answer_head head = {.response = &w->answer, .client_version = r->version};
    struct out o = out_of(w->compose, COMPOSE_BYTES / 2);
    answer_head_write(&o, &head);
    size_t n = (size_t)(o.p - w->compose);
    r->sent_bytes += n;
    switch (relay_send(w, &r->client->stream, &r->client->out, w->compose, n)) {
    case IO_DONE: break;
    case IO_EOF: return refuse(r, END_TARGET_BAD_ANSWER, 0, "INTERIM_FLOOD");
    case IO_AGAIN:
    case IO_FAIL: return refuse(r, END_CLIENT_GONE, errno, NULL);
    }
    return STEP_WAIT;
}

/* What the client did not take yet of interim answers; no more is read from the target meanwhile.
 */
static enum step
interim_flush(struct request *r)
{
    struct client *c = r->client;
    if (spill_flush(c->worker, &c->out, &c->stream) == IO_FAIL) {
        return refuse(r, r->dispatched ? END_CLIENT_GONE : END_CLIENT_GONE_EARLY, errno, NULL);
    }
    return STEP_WAIT;
}

/* Looks at the bytes of an answer's head. STEP_WAIT: more must come. */
static enum step
answer_parse(struct request *r, char *p, size_t n, size_t headroom)
{
    struct worker *w = r->client->worker;
    bool spilled = spill_size(&r->from_target) > 0; /* else the bytes lie in the scratch */
    for (;;) {
        switch (h1_response_parse(&r->answer_scan, p, n, r->method_id, &w->answer)) {
        case H1_MORE:
            if (spilled || n == 0 || spill_add(w, &r->from_target, p, n)) {
                return STEP_WAIT;
            }
            return refuse(r, END_OUT_OF_MEMORY, 0, NULL);
        case H1_FAULT:
            return refuse(r,
                          w->answer.fault == FAULT_RESPONSE_TOO_LARGE ? END_TARGET_HEADERS_TOO_LARGE
                                                                      : END_TARGET_BAD_ANSWER,
                          0, fault_name(w->answer.fault));
        case H1_DONE: break;
        }
        if (w->answer.status >= 200) {
            return answer_begin(r, p, n, headroom);
        }
        enum step step = interim_pass(r);
        if (step != STEP_WAIT) {
            return step;
        }
        size_t used = w->answer.head_bytes;
        r->answer_scan = (struct h1_scan){0};
        n -= used;
        p += used;
        headroom += used;
        if (spilled) {
            spill_drop(w, &r->from_target, used); /* frees it when n is 0 */
        }
        if (n == 0) {
            return STEP_WAIT;
        }
    }
}

/* Reads until the answer's head is complete. */
static enum step
answer_read(struct request *r)
{
    struct worker *w = r->client->worker;
    size_t budget = LIMIT_SCRATCH_BYTES; /* interim answers, each a send, may come without end */
    while (spill_size(&r->client->out) == 0) {
        if (budget == 0) {
            defer_again(r);
            break;
        }
        size_t n;
        enum io io = stream_read(&r->conn->stream, w->scratch, LIMIT_SCRATCH_BYTES, &n);
        if (io == IO_AGAIN) {
            return STEP_WAIT;
        }
        if (io != IO_DONE) {
            return target_lost(r, io);
        }
        budget -= MIN_OF(budget, n);
        if (r->answer_us == 0) {
            r->answer_us = now_of(r);
        }
        timer_restart(r);
        enum step step;
        if (spill_size(&r->from_target) == 0) {
            step = answer_parse(r, w->scratch, n, SCRATCH_HEADROOM);
        } else if (spill_add(w, &r->from_target, w->scratch, n)) {
            struct spill *s = &r->from_target;
            step = answer_parse(r, spill_data(s), spill_size(s), s->begin);
        } else {
            step = refuse(r, END_TARGET_HEADERS_TOO_LARGE, 0, NULL);
        }
        if (step != STEP_WAIT || r->state == REQUEST_ANSWERING) {
            return step;
        }
    }
    return STEP_WAIT;
}

static enum step
state_waiting(struct request *r)
{
    enum step step = interim_flush(r);
    if (step == STEP_WAIT && stream_readable(&r->conn->stream)) {
        step = answer_read(r);
    }
    if (step != STEP_WAIT) {
        return step;
    }
    if (client_gone(r)) {
        return refuse(r, END_CLIENT_GONE, 0, NULL);
    }
    return STEP_WAIT;
}

/* ---- the answer's body ---- */

static enum step
state_answering(struct request *r)
{
    if (!r->body.done || spill_size(&r->to_target) > 0 || splice_holds(&r->body)) {
        enum step step = body_pump(r);
        if (r->state != REQUEST_ANSWERING) {
            return step;
        }
    }
    struct pump_path path = answer_path(r);
    enum pump pump = relay_pump(r->client->worker, &path);
    if (path.moved) {
        timer_restart(r);
    }
    enum step step = answer_pumped(r, pump);
    if (step == STEP_WAIT && r->client->stream.broken) {
        return request_cut(r, END_ANSWER_CUT_BY_CLIENT, stream_error(&r->client->stream));
    }
    return step;
}

static enum step
state_replying(struct request *r)
{
    struct client *c = r->client;
    if (spill_size(&c->out) == 0) {
        return request_end(r, r->end);
    }
    request_log_early(r, r->end, r->sent_bytes);
    enum io io = spill_flush(c->worker, &c->out, &c->stream);
    if (io == IO_DONE) {
        return request_end(r, r->end);
    }
    int code = errno;
    request_log_retract(r);
    return io == IO_AGAIN ? STEP_WAIT : request_cut(r, r->end, code);
}

static enum step
state_ended(struct request *r)
{
    (void)r;
    return STEP_DONE;
}

/* ---- the driver ---- */

enum step
request_run(struct request *r)
{
    static enum step (*const run[REQUEST_STATE_COUNT])(struct request *) = {
        [REQUEST_ROUTING] = state_routing,        [REQUEST_CONNECTING] = state_connecting,
        [REQUEST_HANDSHAKING] = state_connecting, [REQUEST_SENDING] = state_sending,
        [REQUEST_WAITING] = state_waiting,        [REQUEST_ANSWERING] = state_answering,
        [REQUEST_REPLYING] = state_replying,      [REQUEST_ENDED] = state_ended,
    };
    for (;;) {
        ASSERT(r->magic == REQUEST_MAGIC);
        enum step step = run[r->state](r);
        if (step != STEP_ON) {
            return step;
        }
    }
}
