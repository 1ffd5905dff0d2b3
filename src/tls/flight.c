/* SPDX-License-Identifier: Apache-2.0
 * What comes back for a ClientHello: told apart by its first bytes, then record by record.
 *
 * Nothing is trusted: each length is held against what is there and against a limit, and every
 * reading starts from the first byte, so that the same bytes always give the same facts. */
#include "tls/flight_int.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    LOOK_BYTES = 64,                            /* so many of an unknown language are looked at */
    MESSAGE_BYTES = 16 + LIMIT_TLS_CHAIN_BYTES, /* one handshake message */
    SSL2_SERVER_HELLO = 4,
    H2_FRAME_HEADER = 9,
    H2_SETTINGS = 4,
    MYSQL_HEADER = 5,
    MYSQL_GREETING = 0x0a, /* protocol 10 */
    MYSQL_REFUSAL = 0xff,  /* "Host ... is not allowed to connect" */
    RANDOM_BYTES = 32,
    NAMED_CURVE = 3,
    STATUS_OCSP = 1,
};

/* ---- lists of certificates ---- */

static size_t
list_bytes(const struct der_list *list)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++) {
        n += list->items[i].n;
    }
    return n;
}

void
der_list_add(struct der_list *list, const uint8_t *p, size_t n)
{
    list->total++;
    if (list->count == LIMIT_TLS_CHAIN_CERTIFICATES || list->total > list->count + 1 ||
        n > LIMIT_TLS_CHAIN_BYTES - list_bytes(list)) {
        return; /* a gap would make a chain of what is none: nothing after it is kept */
    }
    uint8_t *copy = xalloc(n + 1);
    if (n > 0) {
        memcpy(copy, p, n);
    }
    list->items[list->count++] = (struct der){copy, n};
}

void
der_list_copy(const struct der_list *from, struct der_list *ret_list)
{
    *ret_list = (struct der_list){0};
    for (size_t i = 0; i < from->count; i++) {
        der_list_add(ret_list, from->items[i].p, from->items[i].n);
    }
    ret_list->total = from->total;
}

void
der_list_done(struct der_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        xfree(list->items[i].p);
    }
    *list = (struct der_list){0};
}

/* ---- names ---- */

static const struct {
    const char *name;
    bool is_tls;
} kinds[] = {
#define FLIGHT(NAME, name, is_tls) {name, is_tls},
#include "tls/flights.def"
#undef FLIGHT
};

const char *
tls_flight_kind_name(enum tls_flight_kind k)
{
    return kinds[k].name;
}

bool
tls_flight_is_tls(enum tls_flight_kind k)
{
    return kinds[k].is_tls;
}

const char *
tls_flight_fault_name(enum tls_flight_fault f)
{
    static const char *const names[] = {
        [TLS_FAULT_NONE] = "none", [TLS_FAULT_VERSION] = "version", [TLS_FAULT_LENGTH] = "length",
        [TLS_FAULT_TYPE] = "type", [TLS_FAULT_MESSAGE] = "message", [TLS_FAULT_CONTENT] = "content",
    };
    _Static_assert(COUNT_OF(names) == TLS_FAULT_COUNT, "each fault has a name");
    return names[f];
}

/* ---- a cursor with a sticky error ---- */

struct cursor {
    const uint8_t *p, *end;
    bool bad;
};

static struct cursor
cursor_of(const uint8_t *p, size_t n)
{
    return (struct cursor){p, p + n, false};
}

static size_t
left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

static const uint8_t *
take(struct cursor *c, size_t n)
{
    if (c->bad || left(c) < n) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    return p;
}

/* A number of 1 to 3 bytes; 0 after an error. */
static uint32_t
take_number(struct cursor *c, size_t bytes)
{
    const uint8_t *p = take(c, bytes);
    uint32_t value = 0;
    for (size_t i = 0; p != NULL && i < bytes; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

static uint16_t
take_u16(struct cursor *c)
{
    return (uint16_t)take_number(c, 2);
}

/* What stands behind its length of so many bytes; empty after an error. */
static struct cursor
take_vector(struct cursor *c, size_t length_bytes)
{
    size_t n = take_number(c, length_bytes);
    const uint8_t *p = take(c, n);
    return p == NULL ? (struct cursor){c->end, c->end, true} : cursor_of(p, n);
}

/* ---- extensions of a ServerHello ---- */

typedef void extension_fn(struct tls_flight *f, struct cursor *c);

static void
on_version(struct tls_flight *f, struct cursor *c)
{
    f->version = take_u16(c);
}

static void
on_share(struct tls_flight *f, struct cursor *c)
{
    f->group = take_u16(c); /* the key itself is of no use here */
    c->p = c->end;
}

static void
on_alpn(struct tls_flight *f, struct cursor *c)
{
    struct cursor list = take_vector(c, 2);
    struct cursor name = take_vector(&list, 1);
    c->bad = c->bad || name.bad;
    _Static_assert(sizeof(f->alpn) == UINT8_MAX, "any name fits");
    f->alpn_n = (uint8_t)left(&name);
    memcpy(f->alpn, name.p, left(&name));
}

static void
skip(struct tls_flight *f UNUSED, struct cursor *c)
{
    c->p = c->end;
}

/* What is remembered of an extension: a flag, and what its function reads. */
static const struct {
    uint16_t type;
    size_t flag; /* offset in struct tls_flight; 0: none */
    extension_fn *read;
} extension_rows[] = {
    {TLS_EXT_SERVER_NAME, offsetof(struct tls_flight, sni_acknowledged), skip},
    {TLS_EXT_STATUS_REQUEST, offsetof(struct tls_flight, status_request), skip},
    {TLS_EXT_ALPN, 0, on_alpn},
    {TLS_EXT_SCT, offsetof(struct tls_flight, sct), skip},
    {TLS_EXT_EXTENDED_MASTER_SECRET, offsetof(struct tls_flight, extended_master_secret), skip},
    {TLS_EXT_SESSION_TICKET, offsetof(struct tls_flight, session_ticket), skip},
    {TLS_EXT_PRE_SHARED_KEY, offsetof(struct tls_flight, psk), skip},
    {TLS_EXT_SUPPORTED_VERSIONS, 0, on_version},
    {TLS_EXT_KEY_SHARE, 0, on_share},
    {TLS_EXT_RENEGOTIATION_INFO, offsetof(struct tls_flight, secure_renegotiation), skip},
};

static bool
read_extension(struct tls_flight *f, uint16_t type, struct cursor body)
{
    if (f->extension_count < TLS_FLIGHT_EXTENSIONS) {
        f->extensions[f->extension_count++] = type;
    }
    for (size_t i = 0; i < COUNT_OF(extension_rows); i++) {
        if (extension_rows[i].type == type) {
            if (extension_rows[i].flag != 0) {
                *(bool *)(void *)((char *)f + extension_rows[i].flag) = true;
            }
            extension_rows[i].read(f, &body);
            return !body.bad && left(&body) == 0;
        }
    }
    return true;
}

bool
tls_flight_has_extension(const struct tls_flight *f, uint16_t type)
{
    for (unsigned i = 0; i < f->extension_count; i++) {
        if (f->extensions[i] == type) {
            return true;
        }
    }
    return false;
}

/* ---- handshake messages ---- */

/* A ServerHello with this random is a retry request: SHA-256 of "HelloRetryRequest" [RFC 8446
 * 4.1.3]. */
static const uint8_t retry_random[RANDOM_BYTES] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

static bool
on_server_hello(struct tls_flight *f, struct cursor *c)
{
    f->legacy_version = take_u16(c);
    f->version = f->legacy_version;
    const uint8_t *random = take(c, RANDOM_BYTES);
    (void)take_vector(c, 1); /* session id; an error sticks */
    f->suite = take_u16(c);
    (void)take_number(c, 1); /* compression; an error sticks */
    if (c->bad) {
        return false;
    }
    f->kind = memcmp(random, retry_random, RANDOM_BYTES) == 0 ? TLS_FLIGHT_HELLO_RETRY
              : f->version == TLS_V_SSL3                      ? TLS_FLIGHT_SSL3
                                                              : TLS_FLIGHT_SERVER_HELLO;
    if (left(c) == 0) {
        return true; /* extensions may be missing altogether [RFC 5246 7.4.1.3] */
    }
    struct cursor list = take_vector(c, 2);
    bool fine = !list.bad && left(c) == 0;
    while (fine && left(&list) > 0) {
        uint16_t type = take_u16(&list);
        struct cursor body = take_vector(&list, 2);
        fine = !list.bad && read_extension(f, type, body);
    }
    return fine;
}

/* Extensions beside a certificate: the same two that TLS 1.2 has in its ServerHello. */
static bool
read_entry_extensions(struct tls_flight *f, struct cursor *c)
{
    struct cursor list = take_vector(c, 2);
    while (!list.bad && left(&list) > 0) {
        uint16_t type = take_u16(&list);
        (void)take_vector(&list, 2); /* libssl hands out what is in it; an error sticks */
        f->sct = f->sct || type == TLS_EXT_SCT;
        f->status_request = f->status_request || type == TLS_EXT_STATUS_REQUEST;
    }
    return !list.bad;
}

static bool
on_certificate(struct tls_flight *f, struct cursor *c)
{
    bool tls13 = f->version >= TLS_V_13;
    if (tls13) {
        (void)take_vector(c, 1); /* request context; an error sticks */
    }
    struct cursor list = take_vector(c, 3);
    der_list_done(&f->chain); /* a renegotiation brings another */
    while (!list.bad && left(&list) > 0) {
        struct cursor one = take_vector(&list, 3);
        if (list.bad || (tls13 && !read_entry_extensions(f, &list))) {
            return false;
        }
        der_list_add(&f->chain, one.p, left(&one));
    }
    return !c->bad && !list.bad && left(c) == 0;
}

static bool
on_key_exchange(struct tls_flight *f, struct cursor *c)
{
    enum tls_exchange exchange = tls_suite_exchange(f->suite);
    if (exchange == TLS_EXCHANGE_ECDHE) {
        if (take_number(c, 1) == NAMED_CURVE) {
            f->group = take_u16(c);
        }
    } else if (exchange == TLS_EXCHANGE_DHE) {
        struct cursor prime = take_vector(c, 2);
        while (left(&prime) > 0 && *prime.p == 0) {
            prime.p++;
        }
        size_t bits = left(&prime) * 8;
        for (unsigned top = left(&prime) > 0 ? *prime.p : 0x80; top < 0x80; top <<= 1) {
            bits--;
        }
        f->dh_bits = (uint16_t)MIN_OF(bits, (size_t)UINT16_MAX);
    }
    return !c->bad;
}

static bool
on_certificate_request(struct tls_flight *f, struct cursor *c UNUSED)
{
    f->certificate_request = true;
    return true;
}

static bool
on_hello_done(struct tls_flight *f, struct cursor *c)
{
    f->hello_done = true;
    return left(c) == 0;
}

static const struct {
    uint8_t type;
    bool (*read)(struct tls_flight *f, struct cursor *c);
} message_rows[] = {
    {TLS_MESSAGE_SERVER_HELLO, on_server_hello},
    {TLS_MESSAGE_CERTIFICATE, on_certificate},
    {TLS_MESSAGE_KEY_EXCHANGE, on_key_exchange},
    {TLS_MESSAGE_CERTIFICATE_REQUEST, on_certificate_request},
    {TLS_MESSAGE_HELLO_DONE, on_hello_done},
};

bool
tls_flight_message(struct tls_flight *f, const uint8_t *p, size_t n)
{
    struct cursor c = cursor_of(p, n);
    unsigned type = take_number(&c, 1);
    struct cursor body = take_vector(&c, 3);
    if (c.bad || left(&c) > 0) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(message_rows); i++) {
        if (message_rows[i].type == type) {
            return message_rows[i].read(f, &body);
        }
    }
    return true; /* tickets, stapled answers and whatever comes later */
}

/* ---- records ---- */

struct reader {
    struct tls_flight *f; /* borrowed */
    struct buf messages;  /* owned: handshake bytes of all records in a row, read ones left out */
};

static bool
has_hello(const struct tls_flight *f)
{
    return f->kind == TLS_FLIGHT_SERVER_HELLO || f->kind == TLS_FLIGHT_HELLO_RETRY ||
           f->kind == TLS_FLIGHT_SSL3;
}

/* Ends the reading for a reason. A ServerHello that came before stays the answer. */
static void
stop_fault(struct tls_flight *f, enum tls_flight_fault fault)
{
    f->fault = fault;
    f->complete = true;
    if (!has_hello(f)) {
        f->kind = TLS_FLIGHT_BAD_RECORD;
    }
}

/* The next message may be read as it stands: a first one that is no ServerHello tells who talks. */
static bool
first_message_fits(struct tls_flight *f, uint8_t type)
{
    if (has_hello(f) || type == TLS_MESSAGE_SERVER_HELLO || type == TLS_MESSAGE_HELLO_REQUEST) {
        return true;
    }
    if (type == TLS_MESSAGE_CLIENT_HELLO) {
        f->kind = TLS_FLIGHT_ECHO;
        f->complete = true;
    } else {
        stop_fault(f, TLS_FAULT_MESSAGE);
    }
    return false;
}

static void
after_message(struct tls_flight *f)
{
    bool plain_ends = f->version >= TLS_V_13 && has_hello(f); /* the rest is encrypted */
    f->complete = f->complete || plain_ends || f->hello_done || f->kind == TLS_FLIGHT_HELLO_RETRY;
}

/* True when a whole message was there; *ret_n tells its bytes. */
static bool
read_message(struct tls_flight *f, const uint8_t *p, size_t have, size_t *ret_n)
{
    if (!first_message_fits(f, p[0]) || have < TLS_MESSAGE_HEADER) {
        return false;
    }
    size_t n = TLS_MESSAGE_HEADER + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
    if (n > MESSAGE_BYTES) {
        stop_fault(f, TLS_FAULT_LENGTH);
        return false;
    }
    if (have < n) {
        return false;
    }
    if (!tls_flight_message(f, p, n)) {
        stop_fault(f, TLS_FAULT_CONTENT);
        return false;
    }
    after_message(f);
    *ret_n = n;
    return true;
}

static void
on_handshake_bytes(struct reader *r, const uint8_t *p, size_t n)
{
    buf_add(&r->messages, p, n);
    size_t at = 0, used = 0;
    while (!r->f->complete && at < r->messages.n &&
           read_message(r->f, (const uint8_t *)r->messages.p + at, r->messages.n - at, &used)) {
        at += used;
    }
    if (at > 0) {
        memmove(r->messages.p, r->messages.p + at, r->messages.n - at);
        r->messages.n -= at;
    }
}

/* A warning that is not the end goes into the books, and reading goes on. */
static void
on_alert(struct tls_flight *f, const uint8_t *p, size_t n)
{
    if (n != 2) {
        f->encrypted_alert_likely = has_hello(f);
        if (!has_hello(f)) {
            stop_fault(f, TLS_FAULT_LENGTH);
        }
        f->complete = true;
        return;
    }
    bool fatal = p[0] != TLS_ALERT_WARNING;
    bool ends = fatal || p[1] == 0; /* close_notify */
    f->warnings += fatal ? 0 : 1;
    if (f->alert < 0 || fatal) {
        f->alert_level = p[0];
        f->alert = p[1];
    }
    if (!has_hello(f)) {
        f->kind = TLS_FLIGHT_ALERT;
    }
    f->complete = f->complete || ends;
}

static void
on_change_cipher(struct tls_flight *f)
{
    if (has_hello(f)) {
        f->resumed = !f->hello_done;
        f->complete = true;
    } else {
        stop_fault(f, TLS_FAULT_TYPE);
    }
}

static void
on_appdata(struct tls_flight *f)
{
    f->complete = true;
    if (!has_hello(f)) {
        f->kind = TLS_FLIGHT_APPDATA_FIRST;
    }
}

/* A record's body as far as it is there. */
static void
on_record(struct reader *r, unsigned type, const uint8_t *p, size_t n, bool whole)
{
    struct tls_flight *f = r->f;
    switch (type) {
    case TLS_RECORD_HANDSHAKE: on_handshake_bytes(r, p, n); break;
    case TLS_RECORD_APPDATA: on_appdata(f); break;
    case TLS_RECORD_CHANGE_CIPHER: on_change_cipher(f); break;
    case TLS_RECORD_ALERT:
        if (whole) {
            on_alert(f, p, n);
        }
        break;
    default: stop_fault(f, TLS_FAULT_TYPE); break;
    }
}

static bool
record_fits(struct tls_flight *f, const uint8_t *p)
{
    unsigned length = (unsigned)p[3] << 8 | p[4];
    if (p[1] != 3) {
        stop_fault(f, TLS_FAULT_VERSION);
        return false;
    }
    if (length > TLS_RECORD_MAX || length == 0) {
        stop_fault(f, TLS_FAULT_LENGTH);
        return false;
    }
    return true;
}

static void
read_records(const uint8_t *p, size_t n, bool eof, struct tls_flight *f)
{
    struct reader r = {.f = f, .messages = {.max = 2 * MESSAGE_BYTES}};
    size_t at = 0;
    bool whole = true;
    while (!f->complete && whole && n - at >= TLS_RECORD_HEADER && record_fits(f, p + at)) {
        size_t length = (size_t)p[at + 3] << 8 | p[at + 4];
        size_t have = MIN_OF(length, n - at - TLS_RECORD_HEADER);
        whole = have == length;
        on_record(&r, p[at], p + at + TLS_RECORD_HEADER, have, whole);
        at += TLS_RECORD_HEADER + have;
    }
    f->cut = eof && !f->complete && (!whole || at < n || r.messages.n > 0);
    buf_free(&r.messages);
}

static void
read_tls(const uint8_t *p, size_t n, bool eof, struct tls_flight *f)
{
    f->kind = TLS_FLIGHT_PARTIAL;
    f->record_type = p[0];
    if (n >= 2 && p[1] != 3) { /* said as soon as it shows */
        stop_fault(f, TLS_FAULT_VERSION);
    }
    if (n >= TLS_RECORD_HEADER) {
        f->record_version = (uint16_t)(p[1] << 8 | p[2]);
        f->record_length = (uint16_t)(p[3] << 8 | p[4]);
        read_records(p, n, eof, f);
    } else {
        f->cut = eof;
    }
}

/* ---- other languages ---- */

static const struct {
    struct str prefix;
    enum tls_flight_kind kind;
} prefixes[] = {
    {{"HTTP/", 5}, TLS_FLIGHT_PLAIN_HTTP},  {{"<", 1}, TLS_FLIGHT_PLAIN_HTTP},
    {{"SSH-", 4}, TLS_FLIGHT_SSH},          {{"220 ", 4}, TLS_FLIGHT_BANNER_220},
    {{"220-", 4}, TLS_FLIGHT_BANNER_220},   {{"* OK", 4}, TLS_FLIGHT_MAILBOX},
    {{"* PREAUTH", 9}, TLS_FLIGHT_MAILBOX}, {{"* BYE", 5}, TLS_FLIGHT_MAILBOX},
    {{"+OK", 3}, TLS_FLIGHT_MAILBOX},
};

static bool
is_text_byte(uint8_t b)
{
    return (b >= 0x20 && b != 0x7f) || b == '\t' || b == '\r' || b == '\n' || b == 0x1b;
}

/* Text begins with ASCII; later bytes may be of any script. The first line decides. */
static bool
looks_like_text(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < MIN_OF(n, (size_t)LOOK_BYTES) && (i == 0 || p[i - 1] != '\n'); i++) {
        if (!is_text_byte(p[i])) {
            return false;
        }
    }
    return p[0] < 0x7f;
}

/* Empty lines and blanks may stand in front of an answer, though not for ever. */
static struct str
without_space(const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (at < n && (p[at] == '\r' || p[at] == '\n' || p[at] == ' ' || p[at] == '\t')) {
        at++;
    }
    return at < LOOK_BYTES ? (struct str){(const char *)p + at, n - at} : STR_NONE;
}

/* True when the bytes begin like a known language; *ret_may_become: they are too few to tell. */
static bool
read_prefix(const uint8_t *p, size_t n, struct tls_flight *f, bool *ret_may_become)
{
    struct str text = without_space(p, n);
    *ret_may_become = text.n == 0 && n < LOOK_BYTES;
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        struct str prefix = prefixes[i].prefix;
        if (str_istarts(text, prefix)) {
            f->kind = prefixes[i].kind;
            f->complete = true;
            return true;
        }
        *ret_may_become =
            *ret_may_become || (text.n > 0 && text.n < prefix.n && str_istarts(prefix, text));
    }
    return false;
}

static void
read_text(const uint8_t *p, size_t n, bool eof, bool may_become, struct tls_flight *f)
{
    f->complete = !may_become && (n >= LOOK_BYTES || memchr(p, '\n', n) != NULL);
    f->kind = may_become && !eof ? TLS_FLIGHT_PARTIAL : TLS_FLIGHT_OTHER_TEXT;
}

typedef bool shape_fn(const uint8_t *p);

static bool
is_mysql(const uint8_t *p)
{
    return p[0] > 0 && p[2] == 0 && p[3] == 0 && (p[4] == MYSQL_GREETING || p[4] == MYSQL_REFUSAL);
}

/* The first frame of a server: SETTINGS on stream 0, not an acknowledgement [RFC 9113 3.4]. */
static bool
is_h2_settings(const uint8_t *p)
{
    return p[0] == 0 && p[1] == 0 && p[2] % 6 == 0 && p[3] == H2_SETTINGS && p[4] == 0 &&
           (p[5] & 0x7f) == 0 && p[6] == 0 && p[7] == 0 && p[8] == 0;
}

static bool
is_ssl2(const uint8_t *p)
{
    return (p[0] & 0x80) != 0 && p[2] == SSL2_SERVER_HELLO && p[5] == 0 && p[6] == 2;
}

static const struct {
    size_t n; /* bytes that it takes to tell */
    shape_fn *fits;
    enum tls_flight_kind kind;
} shapes[] = {
    {MYSQL_HEADER, is_mysql, TLS_FLIGHT_MYSQL},
    {7, is_ssl2, TLS_FLIGHT_SSL2},
    {H2_FRAME_HEADER, is_h2_settings, TLS_FLIGHT_H2_SETTINGS},
};

static void
read_binary(const uint8_t *p, size_t n, bool eof, struct tls_flight *f)
{
    bool more_helps = false;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        if (n >= shapes[i].n && shapes[i].fits(p)) {
            f->kind = shapes[i].kind;
            f->complete = true;
            return;
        }
        more_helps = more_helps || n < shapes[i].n;
    }
    f->kind = more_helps && !eof ? TLS_FLIGHT_PARTIAL : TLS_FLIGHT_OTHER_BINARY;
    f->complete = !more_helps;
}

/* ---- the whole ---- */

static void
read_other(const uint8_t *p, size_t n, bool eof, struct tls_flight *f)
{
    bool may_become;
    if (read_prefix(p, n, f, &may_become)) {
        return;
    }
    if (looks_like_text(p, n)) {
        read_text(p, n, eof, may_become, f);
    } else {
        read_binary(p, n, eof, f);
    }
}

void
tls_flight_read(const uint8_t *p, size_t n, bool eof, struct tls_flight *ret)
{
    tls_flight_done(ret);
    if (n > 0 && p[0] >= TLS_RECORD_CHANGE_CIPHER && p[0] <= TLS_RECORD_HEARTBEAT) {
        read_tls(p, n, eof, ret);
    } else if (n > 0) {
        read_other(p, n, eof, ret);
    }
    ret->complete = ret->complete || eof;
}

void
tls_flight_done(struct tls_flight *f)
{
    der_list_done(&f->chain);
    *f = (struct tls_flight){.alert = -1};
}
