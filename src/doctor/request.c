/* SPDX-License-Identifier: Apache-2.0
 * Puts the probes' requests together and keeps secrets where they belong. */
#include "doctor/request.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdio.h>

/* ---- who may know ---- */

bool
chain_is_verified(const struct chain_facts *c)
{
    if (c == NULL || !c->trusted) {
        return false;
    }
    for (size_t i = 0; i < c->problem_count; i++) {
        if (chain_problem_weight(c->problems[i].kind) == CHAIN_FATAL) {
            return false;
        }
    }
    return true;
}

static void
question_origin(const struct question *q, struct redirect *ret)
{
    enum err e = redirect_parse(str_of(q->url), ret);
    ASSERT(e == ERR_OK); /* question_set_url() wrote it */
}

/* The URL's own origin, and the channel is as safe as the URL promises. */
static bool
is_own_origin(const struct request_options *o)
{
    struct redirect own;
    if (o->hop == NULL) {
        return o->secure ? o->verified : o->q->scheme == SCHEME_HTTP;
    }
    question_origin(o->q, &own);
    return redirect_same_origin(&own, o->hop) && (!o->secure || o->verified);
}

bool
request_trusts(const struct request_options *o)
{
    switch (o->side) {
    case SIDE_TARGET: return true; /* the user named it */
    case SIDE_SITE:
    case SIDE_LB: return is_own_origin(o) && o->probe != PROBE_R5O;
    case SIDE_HOP: return is_own_origin(o);
    case SIDE_NONE:
    case SIDE_PORT:
    case SIDE_PROXY:
    case SIDE_COUNT: break;
    }
    return false;
}

/* ---- fields ---- */

/* A field of the same name is replaced: what the user gives counts. */
static void
set_field(struct request *r, struct str name, struct str value, bool secret)
{
    size_t i = 0;
    while (i < r->count && !str_ieq(str_of(r->fields[i].name), name)) {
        i++;
    }
    if (i == REQUEST_FIELDS) {
        return; /* cannot happen with what a question holds; a request too long helps nobody */
    }
    if (i == r->count) {
        r->fields[r->count++].name = xstrdup_str(name);
    } else {
        xfree(r->fields[i].value);
    }
    r->fields[i].value = xstrdup_str(value);
    r->fields[i].secret = secret;
}

static void
set_text(struct request *r, const char *name, const char *value)
{
    set_field(r, str_of(name), str_of(value), false);
}

/* Host as a browser writes it: without the port when it is the scheme's own. The target gets it as
 * the load balancer passes it on: as the browser wrote it. */
static void
set_host(const struct request_options *o, struct request *r)
{
    bool target = o->side == SIDE_TARGET && o->probe != PROBE_R5O;
    const char *host = o->hop != NULL ? o->hop->host : o->name;
    uint16_t port = o->hop != NULL                 ? o->hop->port
                    : target || o->side == SIDE_LB ? o->q->port
                                                   : o->port;
    bool secure = target || o->side == SIDE_LB ? o->q->scheme == SCHEME_HTTPS : o->secure;
    struct buf text = {0};
    bool v6 = str_find_char(str_of(host), ':', NULL);
    buf_addf(&text, v6 ? "[%s]" : "%s", host);
    if (port != (secure ? 443 : 80) && o->probe != PROBE_R5N) {
        buf_addf(&text, ":%u", port);
    }
    set_field(r, STR("Host"), buf_str(&text), false);
    buf_free(&text);
}

/* What would contradict our own framing. */
static bool
is_ours(struct str name)
{
    static const char *const names[] = {"connection", "content-length", "transfer-encoding",
                                        "upgrade",    "keep-alive",     "proxy-connection",
                                        "te",         "expect",         "cookie"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_ieq(name, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

static bool
takes_users_fields(enum probe p)
{
    return p != PROBE_RC;
}

static void
add_users_fields(const struct request_options *o, struct request *r, struct buf *cookies)
{
    for (size_t i = 0; i < o->q->header_count; i++) {
        struct str rest = str_of(o->q->headers[i]), name;
        size_t colon;
        if (!str_find_char(rest, ':', &colon)) {
            continue;
        }
        name = str_sub(rest, 0, colon);
        struct str value = str_trim(str_sub(rest, colon + 1, rest.n));
        bool host = str_ieq(name, STR("host"));
        if (str_ieq(name, STR("cookie"))) {
            buf_add_z(cookies, cookies->n > 0 ? "; " : "");
            buf_add_str(cookies, value);
            r->secrets = true;
        } else if (!is_ours(name) && !(host && (o->probe == PROBE_R5N || o->probe == PROBE_R5O))) {
            set_field(r, name, value, true);
            r->secrets = true;
        }
    }
}

static void
add_forwarded(const struct request_options *o, struct request *r)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", o->q->port); /* it fits */
    set_text(r, "X-Forwarded-Proto", "https");
    set_text(r, "X-Forwarded-Port", port);
    set_field(r, STR("X-Forwarded-For"), o->client, false);
}

/* [RFC 6455 4.1] */
static void
add_websocket(const struct request_options *o, struct request *r)
{
    struct buf origin = {0};
    buf_addf(&origin, "%s://%s", o->secure ? "https" : "http", r->fields[0].value);
    set_text(r, "Upgrade", "websocket");
    set_text(r, "Sec-WebSocket-Version", "13");
    set_field(r, STR("Sec-WebSocket-Key"), o->socket_key, false);
    set_field(r, STR("Origin"), buf_str(&origin), false);
    buf_free(&origin);
}

/* ---- the path ---- */

/* Does the far end's URL repeat what the user typed? A single slash is no secret. */
static bool
repeats_path(const struct question *q, const char *path)
{
    struct str own = str_of(q->path), query;
    size_t at;
    if (own.n > 1 && str_find(str_of(path), own, NULL)) {
        return true;
    }
    query = str_find_char(own, '?', &at) ? str_sub(own, at + 1, own.n) : STR_NONE;
    return query.n > 0 && str_find(str_of(path), query, NULL);
}

static void
set_path(const struct request_options *o, bool trusted, struct request *r)
{
    const char *path = o->hop != NULL ? o->hop->path : trusted ? o->q->path : "/";
    bool secret = o->hop != NULL ? repeats_path(o->q, path) : strcmp(path, "/") != 0;
    if (secret && !trusted) {
        path = "/";
        secret = false;
    }
    r->path = xstrdup(path);
    r->path_secret = secret;
    r->secrets = r->secrets || secret;
}

/* ---- together ---- */

void
request_make(const struct request_options *o, struct request *ret)
{
    struct request r = {0};
    struct buf cookies = {0};
    bool trusted = request_trusts(o);
    bool given = trusted && takes_users_fields(o->probe);
    set_path(o, trusted, &r);
    set_host(o, &r);
    set_text(&r, "User-Agent", o->user_agent);
    set_text(&r, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    set_text(&r, "Accept-Encoding", "gzip, deflate");
    if (given && (o->secure || o->side == SIDE_TARGET)) { /* never over plain HTTP [ruling 8] */
        add_users_fields(o, &r, &cookies);
    }
    if (o->probe == PROBE_R1X) {
        add_forwarded(o, &r);
    }
    if (o->cookies.n > 0 && takes_users_fields(o->probe)) {
        buf_add_z(&cookies, cookies.n > 0 ? "; " : "");
        buf_add_str(&cookies, o->cookies);
    }
    if (cookies.n > 0) {
        set_field(&r, STR("Cookie"), buf_str(&cookies), true);
    }
    if (o->probe == PROBE_RW) {
        add_websocket(o, &r);
    }
    set_text(&r, "Connection", o->probe == PROBE_RW ? "Upgrade" : "close");
    buf_free(&cookies);
    *ret = r;
}

void
request_done(struct request *r)
{
    xfree(r->path);
    for (size_t i = 0; i < r->count; i++) {
        xfree(r->fields[i].name);
        xfree(r->fields[i].value);
    }
    *r = (struct request){0};
}

static void
add_maybe_starred(struct buf *out, struct str s, bool starred)
{
    for (size_t i = 0; starred && i < s.n; i++) {
        buf_add_char(out, '*');
    }
    if (!starred) {
        buf_add_str(out, s);
    }
}

void
request_write(const struct request *r, bool shown, struct buf *out)
{
    buf_add_z(out, "GET /");
    add_maybe_starred(out, str_of(r->path + 1), shown && r->path_secret);
    buf_add_z(out, " HTTP/1.1\r\n");
    for (size_t i = 0; i < r->count; i++) {
        buf_addf(out, "%s: ", r->fields[i].name);
        add_maybe_starred(out, str_of(r->fields[i].value), shown && r->fields[i].secret);
        buf_add_z(out, "\r\n");
    }
    buf_add_z(out, "\r\n");
}

void
base64_add(struct buf *out, const void *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned v = (unsigned)b[i] << 16 | (left > 1 ? (unsigned)b[i + 1] << 8 : 0u) |
                     (left > 2 ? b[i + 2] : 0u);
        buf_add_char(out, digits[v >> 18]);
        buf_add_char(out, digits[v >> 12 & 63]);
        buf_add_char(out, left > 1 ? digits[v >> 6 & 63] : '=');
        buf_add_char(out, left > 2 ? digits[v & 63] : '=');
    }
}
