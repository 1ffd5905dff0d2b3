/* SPDX-License-Identifier: Apache-2.0
 * Asks the client's proxy for a tunnel to the URL's host and port and sends a browser's TLS hello
 * through it (X1); an http:// URL is asked for `/` by the proxy itself. HTTP and HTTPS proxies,
 * SOCKS 4, 4a and 5. The proxy's password goes to the proxy only, and into no record. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "doctor/reach.h"
#include "doctor/request.h"

#include <errno.h>
#include <stdio.h>

enum { READ_BYTES = 16 * 1024, READS_PER_TURN = 16, LOGIN_MAX = 255, PORT_CURL = 1080 };

enum kind { KIND_HTTP, KIND_HTTPS, KIND_SOCKS4, KIND_SOCKS5 };

static const struct {
    const char *name;
    enum kind kind;
    bool names; /* the proxy looks the host up */
    uint16_t port;
} schemes[] = {
    /* the default ports are curl's */
    {"http", KIND_HTTP, true, PORT_CURL},      {"https", KIND_HTTPS, true, 443},
    {"socks4", KIND_SOCKS4, false, PORT_CURL}, {"socks4a", KIND_SOCKS4, true, PORT_CURL},
    {"socks5", KIND_SOCKS5, true, PORT_CURL},  {"socks5h", KIND_SOCKS5, true, PORT_CURL},
    {"socks", KIND_SOCKS4, false, PORT_CURL},
};

/* What is awaited. */
enum step { STEP_TLS, STEP_HTTP, STEP_SOCKS4, STEP_METHOD, STEP_LOGIN, STEP_SOCKS5, STEP_INSIDE };

struct tunnel {
    struct run *run;     /* borrowed */
    struct reach *reach; /* owned; NULL once the connection is there */
    struct stream stream;
    struct loop_io io;
    struct deferred again;
    enum kind kind;
    bool names;
    char host[256]; /* of the proxy */
    uint16_t port;
    char user[LOGIN_MAX + 1], password[LOGIN_MAX + 1];
    enum step step;
    bool impostor; /* its "200" has a page: a web server, no proxy */
    size_t mark;   /* bytes of result.got that earlier steps have used */
    struct buf out;
    size_t sent;
};

/* ---- the proxy's URL ---- */

static int
hex_of(char c)
{
    c = ascii_lower(c);
    return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* User or password, "%40" and the like taken back; false: too long. */
static bool
unescape(struct str s, char to[static LOGIN_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < LOGIN_MAX; i++) {
        bool coded =
            s.p[i] == '%' && i + 2 < s.n && hex_of(s.p[i + 1]) >= 0 && hex_of(s.p[i + 2]) >= 0;
        to[n++] = coded ? (char)(hex_of(s.p[i + 1]) * 16 + hex_of(s.p[i + 2])) : s.p[i];
        i += coded ? 2 : 0;
    }
    to[n] = '\0';
    return s.n <= LOGIN_MAX;
}

static bool
read_scheme(struct tunnel *t, struct str *rest)
{
    struct str scheme = STR("http");
    size_t at;
    if (str_find(*rest, STR("://"), &at)) {
        scheme = str_sub(*rest, 0, at);
        *rest = str_sub(*rest, at + 3, rest->n);
    }
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (str_ieq(scheme, str_of(schemes[i].name))) {
            t->kind = schemes[i].kind;
            t->names = schemes[i].names;
            t->port = schemes[i].port;
            return true;
        }
    }
    return false;
}

static bool
read_login(struct tunnel *t, struct str *rest)
{
    size_t at, colon;
    if (!str_rfind_char(*rest, '@', &at)) {
        return true;
    }
    struct str login = str_sub(*rest, 0, at);
    *rest = str_sub(*rest, at + 1, rest->n);
    bool has_password = str_find_char(login, ':', &colon);
    struct str password = has_password ? str_sub(login, colon + 1, login.n) : STR_NONE;
    return unescape(has_password ? str_sub(login, 0, colon) : login, t->user) &&
           unescape(password, t->password);
}

static bool
read_host(struct tunnel *t, struct str rest)
{
    size_t at;
    int64_t port;
    struct str text = STR_NONE;
    if (str_find_char(rest, '/', &at)) {
        rest = str_sub(rest, 0, at);
    }
    if (str_starts(rest, STR("["))) {
        if (!str_find_char(rest, ']', &at)) {
            return false;
        }
        text = str_sub(rest, at + 2, rest.n);
        rest = str_sub(rest, 1, at - 1);
    } else if (str_rfind_char(rest, ':', &at)) {
        text = str_sub(rest, at + 1, rest.n);
        rest = str_sub(rest, 0, at);
    }
    if (text.n > 0) {
        if (!str_to_int_range(text, 1, UINT16_MAX, &port)) {
            return false;
        }
        t->port = (uint16_t)port;
    }
    return rest.n > 0 && str_copy_z(rest, t->host, sizeof(t->host));
}

bool
proxy_login(const struct question *q, struct buf *out)
{
    const char *from;
    const char *url = proxy_find(q, &from);
    struct str rest = str_of(url == NULL ? "" : url);
    struct tunnel t = {0};
    bool found = read_scheme(&t, &rest) && read_login(&t, &rest) && t.user[0] != '\0';
    if (found) {
        buf_addf(out, "%s:%s", t.user, t.password);
    }
    crypto_wipe(t.password, sizeof(t.password));
    return found;
}

/* ---- the end ---- */

static void
tunnel_free(struct tunnel *t)
{
    if (t->stream.fd >= 0) {
        loop_io_forget(run_loop(t->run), &t->io);
        stream_close(&t->stream);
    }
    reach_cancel(&t->reach);
    deferred_cancel(&t->again);
    if (t->out.p != NULL) {
        crypto_wipe(t->out.p, t->out.n);
    }
    buf_free(&t->out);
    crypto_wipe(t->password, sizeof(t->password));
    t->run->state = NULL;
    xfree(t);
}

static void
tunnel_end(struct tunnel *t, enum outcome outcome)
{
    struct run *run = t->run;
    if (run->result.finish == FINISH_NONE) {
        run->result.finish = FINISH_US;
    }
    tunnel_free(t);
    run_done(run, outcome);
}

static void
tunnel_fail(struct tunnel *t, int error)
{
    t->run->result.error = error;
    tunnel_end(t, OUTCOME_FAIL);
}

/* ---- what is sent ---- */

static void
add_authority(const struct question *q, struct buf *out)
{
    buf_addf(out, str_find_char(str_of(q->host), ':', NULL) ? "[%s]:%u" : "%s:%u", q->host,
             q->port);
}

/* CONNECT, or the URL whole for plain HTTP, as browsers ask [RFC 9110 9.3.6; RFC 9112 3.2.2].
 * `shown`: without the password. */
static void
add_request(const struct tunnel *t, bool shown, struct buf *out)
{
    const struct question *q = run_question(t->run);
    bool plain = q->scheme == SCHEME_HTTP;
    buf_add_z(out, plain ? "GET http://" : "CONNECT ");
    add_authority(q, out);
    buf_add_z(out, plain ? "/ HTTP/1.1\r\nHost: " : " HTTP/1.1\r\nHost: ");
    add_authority(q, out);
    buf_addf(out, "\r\nUser-Agent: %s\r\n", run_user_agent(t->run));
    if (t->user[0] != '\0') {
        struct buf login = {0};
        buf_addf(&login, "%s:%s", t->user, t->password);
        buf_add_z(out, "Proxy-Authorization: Basic ");
        if (shown) {
            buf_add_char(out, '*');
        } else {
            base64_add(out, login.p, login.n);
        }
        buf_add_z(out, "\r\n");
        crypto_wipe(login.p, login.n);
        buf_free(&login);
    }
    buf_add_z(out, plain ? "Accept: */*\r\nConnection: close\r\n\r\n" : "\r\n");
}

static void
add_u16(struct buf *out, uint16_t n)
{
    buf_add_char(out, (char)(n >> 8));
    buf_add_char(out, (char)(n & 0xff));
}

static void
add_counted(struct buf *out, const char *text)
{
    buf_add_char(out, (char)strlen(text)); /* LOGIN_MAX and DNS names fit into a byte */
    buf_add_z(out, text);
}

/* The site's address where the proxy looks up no names: the one that T1 would use. */
static bool
site_address(const struct tunnel *t, struct addr *ret)
{
    return addr_parse(str_of(run_question(t->run)->host), 0, ret) ||
           facts_site_addrs(run_facts(t->run), ret, 1) == 1;
}

/* [SOCKS 4, 4a]; false: it knows no IPv6, and no name where none is looked up. */
static bool
add_socks4(const struct tunnel *t, struct buf *out)
{
    const struct question *q = run_question(t->run);
    struct addr at;
    bool known = site_address(t, &at) && !addr_is_v6(&at);
    bool by_name = t->names && !(q->host_is_address && known);
    if (!known && !by_name) {
        return false;
    }
    buf_add(out, "\x04\x01", 2);
    add_u16(out, q->port);
    buf_add(out, by_name ? (const void *)"\0\0\0\x01" : (const void *)&at.in4.sin_addr, 4);
    buf_add(out, t->user, strlen(t->user) + 1);
    if (by_name) {
        buf_add(out, q->host, strlen(q->host) + 1);
    }
    return true;
}

/* [RFC 1928 4] */
static void
add_socks5(const struct tunnel *t, struct buf *out)
{
    const struct question *q = run_question(t->run);
    struct addr at;
    buf_add(out, "\x05\x01\0", 3);
    if (!addr_parse(str_of(q->host), 0, &at)) {
        buf_add_char(out, 3);
        add_counted(out, q->host);
    } else if (addr_is_v6(&at)) {
        buf_add_char(out, 4);
        buf_add(out, &at.in6.sin6_addr, 16);
    } else {
        buf_add_char(out, 1);
        buf_add(out, &at.in4.sin_addr, 4);
    }
    add_u16(out, q->port);
}

/* The first word to the proxy itself; false: this proxy cannot be asked for this host. */
static bool
greet(struct tunnel *t)
{
    struct result *r = &t->run->result;
    struct buf shown = {0};
    switch (t->kind) {
    case KIND_HTTP:
    case KIND_HTTPS:
        t->step = STEP_HTTP;
        add_request(t, false, &t->out);
        add_request(t, true, &shown);
        break;
    case KIND_SOCKS4:
        t->step = STEP_SOCKS4;
        if (!add_socks4(t, &t->out)) {
            return false;
        }
        break;
    case KIND_SOCKS5:
        t->step = STEP_METHOD;
        if (t->user[0] != '\0') {
            buf_add(&t->out, "\x05\x02\0\x02", 4);
        } else {
            buf_add(&t->out, "\x05\x01\0", 3);
        }
        break;
    }
    r->sent.n = shown.n;
    r->sent.p = shown.n > 0 ? (uint8_t *)buf_take(&shown) : NULL;
    return true;
}

/* The tunnel is open: what H1 would send; nothing where the proxy has answered itself. */
static bool
begin_inside(struct tunnel *t)
{
    t->step = STEP_INSIDE;
    if (run_question(t->run)->scheme == SCHEME_HTTPS) {
        return run_hello(t->run, PROBE_H1, &t->out);
    }
    buf_add_z(&t->out, "GET / HTTP/1.1\r\nHost: ");
    add_authority(run_question(t->run), &t->out);
    buf_addf(&t->out, "\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
             run_user_agent(t->run));
    return true;
}

/* ---- what comes back ---- */

enum went { WENT_ON, WENT_WAITS, WENT_OVER };

static enum went
refuse(struct tunnel *t, int error)
{
    tunnel_fail(t, error);
    return WENT_OVER;
}

static enum went
go_inside(struct tunnel *t, size_t used)
{
    t->mark += used;
    return begin_inside(t) ? WENT_ON : refuse(t, EPROTO);
}

/* What a proxy says when it cannot, or will not; other statuses of a plain URL are the site's. */
static bool
is_refusal(const struct http_seen *h)
{
    static const unsigned statuses[] = {407, 502, 503, 504};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (h->status == statuses[i]) {
            return true;
        }
    }
    return h->status == 403 && http_seen_header(h, "x-squid-error").p != NULL;
}

static enum went
judge_plain(struct tunnel *t, const struct http_seen *h)
{
    if (!http_seen_complete(h) && t->run->result.got_total == t->run->result.got.n) {
        return WENT_WAITS;
    }
    tunnel_end(t, h->has_status && !is_refusal(h) ? OUTCOME_OK : OUTCOME_FAIL);
    return WENT_OVER;
}

static enum went
judge_connect(struct tunnel *t, const struct http_seen *h)
{
    if (h->head_bytes == 0) {
        bool hopeless = h->odd != 0 || t->run->result.got_total > t->run->result.got.n;
        return hopeless ? refuse(t, EPROTO) : WENT_WAITS;
    }
    if (h->status / 100 != 2) {
        return refuse(t, 0);
    }
    /* A proxy's 200 has no body [RFC 9110 9.3.6]. */
    t->impostor =
        (h->has_length && h->length > 0) || h->chunked || t->run->result.got.n > h->head_bytes;
    return go_inside(t, h->head_bytes);
}

static enum went
take_http(struct tunnel *t)
{
    const struct result *r = &t->run->result;
    struct http_seen *h = http_seen_read(r->got.p, r->got.n, r->got_total, false, false);
    enum went w =
        run_question(t->run)->scheme == SCHEME_HTTP ? judge_plain(t, h) : judge_connect(t, h);
    http_seen_free(&h);
    return w;
}

/* The bytes of this step so far. */
static struct str
fresh(const struct tunnel *t)
{
    const struct result *r = &t->run->result;
    return (struct str){(const char *)r->got.p + t->mark, r->got.n - t->mark};
}

static enum went
take_socks4(struct tunnel *t)
{
    enum { REPLY = 8, GRANTED = 90 };
    struct str s = fresh(t);
    if (s.n >= 2 && (s.p[0] != 0 || s.p[1] != GRANTED)) {
        return refuse(t, s.p[0] == 0 ? ECONNREFUSED : EPROTO);
    }
    return s.n < REPLY ? WENT_WAITS : go_inside(t, REPLY);
}

static enum went
take_method(struct tunnel *t)
{
    enum { NONE = 0, LOGIN = 2 };
    struct str s = fresh(t);
    if (s.n >= 1 && s.p[0] != 5) {
        return refuse(t, EPROTO);
    }
    if (s.n < 2) {
        return WENT_WAITS;
    }
    t->mark += 2;
    if (s.p[1] == NONE) {
        t->step = STEP_SOCKS5;
        add_socks5(t, &t->out);
        return WENT_ON;
    }
    if (s.p[1] != LOGIN || t->user[0] == '\0') {
        return refuse(t, EACCES);
    }
    t->step = STEP_LOGIN; /* [RFC 1929 2] */
    buf_add_char(&t->out, 1);
    add_counted(&t->out, t->user);
    add_counted(&t->out, t->password);
    return WENT_ON;
}

static enum went
take_login(struct tunnel *t)
{
    struct str s = fresh(t);
    if (s.n < 2) {
        return WENT_WAITS;
    }
    if (s.p[1] != 0) {
        return refuse(t, EACCES);
    }
    t->mark += 2;
    t->step = STEP_SOCKS5;
    add_socks5(t, &t->out);
    return WENT_ON;
}

/* [RFC 1928 6] */
static const int socks5_errors[] = {
    0, EIO, EACCES, ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, ETIMEDOUT, EOPNOTSUPP, EAFNOSUPPORT};

static enum went
take_socks5(struct tunnel *t)
{
    enum { FIXED = 4, PORT = 2 };
    struct str s = fresh(t);
    uint8_t code = s.n >= 2 ? (uint8_t)s.p[1] : 0;
    if (code != 0) {
        return refuse(t, code < COUNT_OF(socks5_errors) ? socks5_errors[code] : EPROTO);
    }
    if (s.n <= FIXED) {
        return WENT_WAITS;
    }
    size_t address = s.p[3] == 1 ? 4 : s.p[3] == 4 ? 16 : 1 + (size_t)(uint8_t)s.p[FIXED];
    return s.n < FIXED + address + PORT ? WENT_WAITS : go_inside(t, FIXED + address + PORT);
}

static bool
is_flight_complete(struct str s)
{
    struct tls_flight f = {0};
    tls_flight_read((const uint8_t *)s.p, s.n, false, &f);
    bool complete = f.complete;
    tls_flight_done(&f);
    return complete;
}

static enum went
take_inside(struct tunnel *t)
{
    const struct result *r = &t->run->result;
    struct str s = fresh(t);
    bool kept_all = r->got_total == r->got.n;
    if (s.n == 0 || (kept_all && !is_flight_complete(s))) {
        return kept_all ? WENT_WAITS : refuse(t, EPROTO);
    }
    tunnel_end(t, t->impostor ? OUTCOME_FAIL : OUTCOME_OK);
    return WENT_OVER;
}

static enum went
take(struct tunnel *t)
{
    switch (t->step) {
    case STEP_TLS: NEVER("nothing is read before the handshake is over");
    case STEP_HTTP: return take_http(t);
    case STEP_SOCKS4: return take_socks4(t);
    case STEP_METHOD: return take_method(t);
    case STEP_LOGIN: return take_login(t);
    case STEP_SOCKS5: return take_socks5(t);
    case STEP_INSIDE: return take_inside(t);
    }
    NEVER("a step of no kind");
}

/* ---- TLS to the proxy itself ---- */

static bool
begin_tls(struct tunnel *t)
{
    struct tls_observer_options o = {.sni = str_of(t->host), .alpn = TLS_ALPN_HTTP11};
    struct tls_observer *observer = NULL;
    t->step = STEP_TLS;
    if (tls_observer_new(&o, &observer, NULL) != ERR_OK) {
        return false;
    }
    enum err e = tls_watch(observer, &t->stream);
    tls_observer_free(&observer);
    return e == ERR_OK;
}

/* Browsers refuse a proxy whose certificate is wrong, and so no password goes to it. */
static bool
proxy_is_verified(struct tunnel *t)
{
    struct result *r = &t->run->result;
    r->seen = xalloc(sizeof(*r->seen));
    tls_observe(&t->stream, r->seen);
    if (!r->seen->done || run_store(t->run) == NULL) {
        return false;
    }
    struct chain_question q = {.sent = &r->seen->chain,
                               .host = str_of(t->host),
                               .now_s = run_facts(t->run)->started_s,
                               .store = run_store(t->run),
                               .staple = r->seen->staple,
                               .sct = r->seen->sct,
                               .handshake_seen = true};
    r->chain = xalloc(sizeof(*r->chain));
    chain_check(&q, r->chain);
    return chain_is_verified(r->chain);
}

/* True: the handshake is over and the first word is ready. */
static bool
tunnel_shake(struct tunnel *t)
{
    enum io io = tls_handshake(&t->stream);
    int error = errno;
    if (io == IO_AGAIN) {
        return false;
    }
    bool verified = proxy_is_verified(t);
    if (io != IO_DONE) {
        run_note_end(t->run, io, error);
        tunnel_end(t, OUTCOME_FAIL);
        return false;
    }
    if (!verified || !greet(t)) {
        tunnel_fail(t, EPROTO);
        return false;
    }
    return true;
}

/* ---- reading and writing ---- */

static void
tunnel_write(struct tunnel *t)
{
    while (t->sent < t->out.n) {
        size_t n = 0;
        if (stream_write(&t->stream, t->out.p + t->sent, t->out.n - t->sent, &n) != IO_DONE) {
            return; /* a broken connection is for the reader to find */
        }
        t->sent += n;
    }
    if (t->run->result.sent_us == 0) {
        t->run->result.sent_us = run_now_us(t->run);
    }
    if (t->out.n > 0) {
        crypto_wipe(t->out.p, t->out.n);
    }
    t->sent = 0;
    buf_reset(&t->out);
}

/* The connection is over. Inside, what came may still be an answer. */
static void
tunnel_over(struct tunnel *t)
{
    const struct result *r = &t->run->result;
    bool good = t->step == STEP_INSIDE && !t->impostor && r->got.n > t->mark;
    if (t->step == STEP_HTTP && run_question(t->run)->scheme == SCHEME_HTTP && r->got.n > 0) {
        struct http_seen *h = http_seen_read(r->got.p, r->got.n, r->got_total, true, false);
        good = h->has_status && !is_refusal(h);
        http_seen_free(&h);
    }
    tunnel_end(t, good ? OUTCOME_OK : OUTCOME_FAIL);
}

/* All that the bytes at hand lead to; false: the tunnel is over. */
static bool
tunnel_take(struct tunnel *t)
{
    enum went w = WENT_ON;
    while (w == WENT_ON) {
        w = take(t);
        if (w == WENT_ON) {
            tunnel_write(t);
        }
    }
    return w == WENT_WAITS;
}

static void
tunnel_read(struct tunnel *t)
{
    char bytes[READ_BYTES];
    for (unsigned i = 0; i < READS_PER_TURN; i++) {
        size_t n = 0;
        enum io io = stream_read(&t->stream, bytes, sizeof(bytes), &n);
        if (io == IO_AGAIN) {
            return;
        }
        if (io != IO_DONE) {
            run_note_end(t->run, io, errno);
            tunnel_over(t);
            return;
        }
        bool more = run_got(t->run, bytes, n);
        if (!tunnel_take(t)) {
            return;
        }
        if (!more) {
            tunnel_over(t);
            return;
        }
    }
    loop_defer(run_loop(t->run), &t->again);
}

static void
tunnel_step(struct tunnel *t)
{
    if (t->step != STEP_TLS || tunnel_shake(t)) {
        tunnel_write(t);
        tunnel_read(t);
    }
}

static void
tunnel_event(struct loop_io *io, uint32_t events)
{
    struct tunnel *t = CONTAINER_OF(io, struct tunnel, io);
    stream_events(&t->stream, events);
    tunnel_step(t);
}

static void
tunnel_more(struct deferred *d)
{
    tunnel_step(CONTAINER_OF(d, struct tunnel, again));
}

/* ---- beginning ---- */

static void
tunnel_reached(void *context, enum dial_end end, int fd)
{
    struct tunnel *t = context;
    t->reach = NULL;
    if (end == DIAL_FAILED) {
        tunnel_end(t, OUTCOME_FAIL);
        return;
    }
    stream_init(&t->stream, fd);
    bool ready =
        (t->kind == KIND_HTTPS ? begin_tls(t) : greet(t)) &&
        loop_io_watch(run_loop(t->run), &t->io, fd, LOOP_IO_ALL | (uint32_t)EPOLLET, tunnel_event);
    if (!ready) {
        tunnel_fail(t, EAFNOSUPPORT);
    }
}

static bool
proxy_start(struct run *run)
{
    const char *from;
    const char *url = proxy_find(run_question(run), &from);
    struct tunnel *t = xalloc(sizeof(*t));
    t->run = run;
    t->stream.fd = -1;
    deferred_init(&t->again, tunnel_more);
    run->state = t;
    struct str rest = str_of(url);
    if (!read_scheme(t, &rest) || !read_login(t, &rest) || !read_host(t, rest)) {
        run->result.error = EINVAL;
        tunnel_free(t);
        return false;
    }
    t->reach = reach_start(run, t->host, t->port, NULL, tunnel_reached, t);
    return true;
}

static void
proxy_cancel(struct run *run)
{
    tunnel_free(run->state);
}

const struct machine machine_PROXY = {"PROXY", proxy_start, proxy_cancel};
