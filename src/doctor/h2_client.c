/* SPDX-License-Identifier: Apache-2.0
 * The frames of one request, by libnghttp2, judged as Chromium judges them: illegal names and
 * values end the stream, a `connection` field or a wrong length does not [browser-errors 9]. */
#include "doctor/h2_client.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

enum {
    STREAM = 1,            /* a client's first [RFC 9113 5.1.1] */
    FEED_BYTES = 4 * 1024, /* at a time: many pings in one piece count as a flood */
};

struct h2_client {
    nghttp2_session *session; /* owned */
    bool dead;                /* nothing more is read */
    bool text;                /* HTTP/1.1 in place of frames */
    uint8_t first[5];         /* of the far end, to see whether it is text */
    size_t first_n;
    /* The answer so far. */
    bool settings, goaway, rst;
    uint32_t goaway_code, rst_code;
    char error[sizeof(((struct http_seen *)0)->h2_error)];
    unsigned odd;
    unsigned status;    /* of the head that is being read; 0: none came */
    bool regular;       /* a field that is no pseudo-field came in this head */
    bool final;         /* the answer's own head has ended: what comes are trailers */
    bool ended, closed; /* END_STREAM came; the stream is over */
    size_t head_total;  /* bytes of all fields, unpacked */
    struct buf head;    /* "HTTP/2 200\r\nname: value\r\n..." */
    struct {
        size_t name, name_n, value, value_n; /* in `head` */
    } headers[HTTP_SEEN_HEADERS];
    size_t header_count;
    struct buf body;
};

/* ---- complaints ---- */

static void
complain(struct h2_client *c, uint32_t code)
{
    if (c->error[0] == '\0') {
        (void)snprintf(c->error, sizeof(c->error), "%s",
                       nghttp2_http2_strerror(code)); /* it fits */
    }
}

/* What libnghttp2 answers to bad frames is its complaint. */
static int
on_sent(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *context)
{
    struct h2_client *c = context;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
        complain(c, frame->goaway.error_code);
    } else if (frame->hd.type == NGHTTP2_RST_STREAM && frame->hd.stream_id == STREAM &&
               frame->rst_stream.error_code != NGHTTP2_NO_ERROR) {
        complain(c, frame->rst_stream.error_code);
    }
    return 0;
}

/* ---- the head ---- */

static void
forget_head(struct h2_client *c)
{
    buf_reset(&c->head);
    c->header_count = 0;
    c->status = 0;
    c->regular = false;
    c->odd &= ~(unsigned)ODD_TWO_LOCATIONS;
}

static int
on_begin_headers(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *context)
{
    struct h2_client *c = context;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->hd.stream_id == STREAM && !c->final) {
        forget_head(c);
    }
    return 0;
}

/* Lower-case tokens only [RFC 9113 8.2.1]. */
static bool
is_field_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool lower = ascii_is_alnum(ch) && ascii_lower(ch) == ch;
        if (!lower && !str_find_char(STR("!#$%&'*+-.^_`|~"), ch, NULL)) {
            return false;
        }
    }
    return s.n > 0;
}

static bool
is_field_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n') {
            return false;
        }
    }
    return true;
}

/* :status and no other pseudo-field, once, before all others [RFC 9113 8.3]. */
static bool
take_status(struct h2_client *c, struct str name, struct str value)
{
    int64_t status;
    if (!str_eq(name, STR(":status")) || c->regular || c->status != 0 || value.n != 3 ||
        !str_to_int_range(value, 100, 999, &status)) {
        return false;
    }
    c->status = (unsigned)status;
    buf_addf(&c->head, "HTTP/2 %u\r\n", c->status);
    return true;
}

static void
note_location(struct h2_client *c, struct str name, struct str value)
{
    for (size_t i = 0; str_eq(name, STR("location")) && i < c->header_count; i++) {
        struct str head = buf_str(&c->head);
        if (str_eq(str_sub(head, c->headers[i].name, c->headers[i].name_n), name) &&
            !str_eq(str_sub(head, c->headers[i].value, c->headers[i].value_n), value)) {
            c->odd |= ODD_TWO_LOCATIONS;
        }
    }
}

static void
keep_field(struct h2_client *c, struct str name, struct str value)
{
    note_location(c, name, value);
    if (c->header_count == HTTP_SEEN_HEADERS) {
        return;
    }
    size_t i = c->header_count++;
    c->headers[i].name = c->head.n;
    c->headers[i].name_n = name.n;
    buf_add_str(&c->head, name);
    buf_add_z(&c->head, ": ");
    c->headers[i].value = c->head.n;
    c->headers[i].value_n = value.n;
    buf_add_str(&c->head, value);
    buf_add_z(&c->head, "\r\n");
}

/* A fatal result stops the session: a few bytes can stand for very many fields (HPACK). */
static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
          const uint8_t *value, size_t value_n, uint8_t flags UNUSED, void *context)
{
    struct h2_client *c = context;
    struct str n = {(const char *)name, name_n}, v = {(const char *)value, value_n};
    c->head_total += name_n + value_n;
    if (c->head_total > LIMIT_DOCTOR_HEAD_BYTES) {
        c->odd |= ODD_HEAD_TOO_LARGE;
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (frame->hd.stream_id != STREAM || frame->hd.type != NGHTTP2_HEADERS || c->final) {
        return 0; /* trailers are of no interest */
    }
    bool pseudo = str_starts(n, STR(":"));
    bool good = pseudo ? take_status(c, n, v) : is_field_name(n) && is_field_value(v);
    if (!good) {
        complain(c, NGHTTP2_PROTOCOL_ERROR);
        return nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
    }
    if (!pseudo) {
        c->regular = true;
        keep_field(c, n, v);
    }
    return 0;
}

/* ---- frames ---- */

static void
end_of_head(nghttp2_session *session, struct h2_client *c)
{
    if (c->final) {
        return;
    }
    if (c->status == 0) {
        complain(c, NGHTTP2_PROTOCOL_ERROR);
        (void)nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR); /* it is over */
    } else if (c->status / 100 != 1) {
        buf_add_z(&c->head, "\r\n");
        c->final = true;
    }
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    struct h2_client *c = context;
    bool ours = frame->hd.stream_id == STREAM;
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
        c->settings = true;
    } else if (frame->hd.type == NGHTTP2_GOAWAY && c->goaway_code == NGHTTP2_NO_ERROR) {
        c->goaway = true;
        c->goaway_code = frame->goaway.error_code; /* a second one may say why */
    } else if (frame->hd.type == NGHTTP2_RST_STREAM && ours) {
        c->rst = true;
        c->rst_code = frame->rst_stream.error_code;
    } else if (frame->hd.type == NGHTTP2_HEADERS && ours) {
        end_of_head(session, c);
    }
    bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    c->ended |= ours && carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    return 0;
}

static int
on_data(nghttp2_session *session UNUSED, uint8_t flags UNUSED, int32_t stream, const uint8_t *p,
        size_t n, void *context)
{
    struct h2_client *c = context;
    if (stream == STREAM && c->final) {
        buf_add(&c->body, p, n);
    }
    return 0;
}

static int
on_close(nghttp2_session *session UNUSED, int32_t stream, uint32_t code UNUSED, void *context)
{
    struct h2_client *c = context;
    c->closed |= stream == STREAM;
    return 0;
}

/* ---- the session ---- */

static bool
session_new(struct h2_client *c)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    bool good = nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0;
    if (good) {
        nghttp2_option_set_no_http_messaging(option, 1); /* fields are judged here */
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        good = nghttp2_session_client_new2(&c->session, callbacks, c, option) == 0;
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return good;
}

/* As Chromium's, but for the window: no more than is read anyway. */
static bool
submit_settings(struct h2_client *c)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, LIMIT_DOCTOR_READ},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, LIMIT_DOCTOR_HEAD_BYTES},
    };
    return nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings)) ==
           0;
}

struct fields {
    nghttp2_nv items[REQUEST_FIELDS + 4];
    size_t count;
};

static void
add_field(struct fields *f, const char *name, const char *value)
{
    ASSERT(f->count < COUNT_OF(f->items));
    char *lower = xstrdup(name), *copy = xstrdup(value);
    for (char *p = lower; *p != '\0'; p++) {
        *p = ascii_lower(*p);
    }
    f->items[f->count++] = (nghttp2_nv){.name = (uint8_t *)lower,
                                        .namelen = strlen(lower),
                                        .value = (uint8_t *)copy,
                                        .valuelen = strlen(copy)};
}

/* Fields of one connection only have no place here [RFC 9113 8.2.2]; Host becomes :authority. */
static bool
has_place(const char *name)
{
    static const char *const none[] = {"host", "connection", "upgrade", "origin"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        if (str_ieq(str_of(name), str_of(none[i]))) {
            return false;
        }
    }
    return true;
}

static bool
submit_request(struct h2_client *c, const struct request *r)
{
    struct fields f = {.count = 0};
    add_field(&f, ":method", "GET");
    add_field(&f, ":scheme", "https");
    add_field(&f, ":authority", r == NULL ? "localhost" : r->fields[0].value);
    add_field(&f, ":path", r == NULL ? "/" : r->path);
    for (size_t i = 0; r != NULL && i < r->count; i++) {
        if (has_place(r->fields[i].name)) {
            add_field(&f, r->fields[i].name, r->fields[i].value);
        }
    }
    int32_t stream = nghttp2_submit_request(c->session, NULL, f.items, f.count, NULL, NULL);
    for (size_t i = 0; i < f.count; i++) {
        xfree(f.items[i].name);
        xfree(f.items[i].value);
    }
    return stream == STREAM;
}

struct h2_client *
h2_client_new(const struct request *request)
{
    struct h2_client *c = xalloc(sizeof(*c));
    if (!session_new(c) || !submit_settings(c) || !submit_request(c, request)) {
        h2_client_free(&c);
    }
    return c;
}

void
h2_client_free(struct h2_client **c)
{
    if (*c != NULL) {
        nghttp2_session_del((*c)->session);
        buf_free(&(*c)->head);
        buf_free(&(*c)->body);
        xfree(*c);
        *c = NULL;
    }
}

/* ---- bytes ---- */

/* "HTTP/" where the SETTINGS frame belongs: no frame begins so, its length would be 4.7 MB. */
static void
look_for_text(struct h2_client *c, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && c->first_n < sizeof(c->first); i++) {
        c->first[c->first_n++] = p[i];
    }
    if (c->first_n == sizeof(c->first) && memcmp(c->first, "HTTP/", sizeof(c->first)) == 0) {
        c->text = c->dead = true;
    }
}

void
h2_client_feed(struct h2_client *c, const uint8_t *p, size_t n)
{
    look_for_text(c, p, n);
    if (c->dead || n == 0) {
        return;
    }
    ssize_t taken = nghttp2_session_mem_recv(c->session, p, n);
    if (taken < 0) {
        c->dead = true; /* flooded, or more fields than anybody needs */
        if ((c->odd & ODD_HEAD_TOO_LARGE) == 0) {
            complain(c, taken == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM
                                                     : NGHTTP2_PROTOCOL_ERROR);
        }
    }
}

void
h2_client_take(struct h2_client *c, struct buf *out)
{
    const uint8_t *p = NULL;
    ssize_t n;
    while (!c->dead && (n = nghttp2_session_mem_send(c->session, &p)) != 0) {
        if (n < 0) {
            c->dead = true;
            return;
        }
        buf_add(out, p, (size_t)n);
    }
}

bool
h2_client_complete(const struct h2_client *c)
{
    return c->dead || c->closed || c->error[0] != '\0' ||
           (nghttp2_session_want_read(c->session) == 0 &&
            nghttp2_session_want_write(c->session) == 0);
}

bool
h2_client_answered(const struct h2_client *c)
{
    return c->final && c->error[0] == '\0';
}

/* ---- the answer ---- */

static void
give_head(struct h2_client *c, struct http_seen *h)
{
    h->text = xstrdup_str(buf_str(&c->head));
    h->head_bytes = c->head.n;
    h->has_status = true;
    h->status = c->status;
    for (size_t i = 0; i < c->header_count; i++) {
        h->headers[i].name = (struct str){h->text + c->headers[i].name, c->headers[i].name_n};
        h->headers[i].value = (struct str){h->text + c->headers[i].value, c->headers[i].value_n};
    }
    h->header_count = c->header_count;
    h->has_length = str_to_u64(http_seen_header(h, "content-length"), &h->length);
}

static enum body_end
end_of_body(const struct h2_client *c, const struct http_seen *h, bool more, bool fin, bool reset)
{
    if (c->ended) {
        return h->status == 204 || h->status == 304 ? BODY_END_NONE : BODY_END_COMPLETE;
    }
    if (c->rst || reset) {
        return BODY_END_RESET;
    }
    return !fin || more ? BODY_END_UNREAD : h->has_length ? BODY_END_SHORT : BODY_END_CLOSE;
}

struct http_seen *
h2_seen_read(const uint8_t *p, size_t n, uint64_t total, bool fin, bool reset)
{
    struct http_seen *h = xalloc(sizeof(*h));
    struct h2_client *c = h2_client_new(NULL);
    struct buf out = {0};
    h->h2 = true;
    h->version_major = 2;
    if (c == NULL) {
        return h;
    }
    h2_client_take(c, &out);
    for (size_t at = 0; at < n; at += FEED_BYTES) {
        h2_client_feed(c, p + at, MIN_OF(n - at, FEED_BYTES));
        h2_client_take(c, &out); /* what it would answer is its complaint */
        buf_reset(&out);
    }
    buf_free(&out);
    h->odd = c->odd;
    h->h2_settings = c->settings;
    h->h2_goaway = c->goaway;
    h->h2_goaway_code = c->goaway_code;
    h->h2_rst = c->rst;
    h->h2_rst_code = c->rst_code;
    h->h2_text = c->text;
    if (!c->text) {
        memcpy(h->h2_error, c->error, sizeof(h->h2_error));
    }
    if (h2_client_answered(c)) {
        give_head(c, h);
        h->body_end = end_of_body(c, h, total > n, fin, reset);
        h->body_bytes = c->body.n;
        h->body_owned = (uint8_t *)buf_take(&c->body);
        h->body = h->body_owned;
        http_seen_judge(h);
    }
    h2_client_free(&c);
    return h;
}
