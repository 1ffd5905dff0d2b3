/* SPDX-License-Identifier: Apache-2.0
 * One line of the access log, written without printf: half a microsecond is the budget of the data
 * path. Every part is bounded by its row of access_fields.def, so room is checked once for a line.
 */
#include "log/log.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "log/log_int.h"

/* The parts of the request field and what stands between them. */
enum {
    METHOD_BYTES = 128,
    SCHEME_BYTES = 16,
    HOST_BYTES = 1024,
    URI_BYTES = 16384,
    VERSION_BYTES = 32,
    REQUEST_BYTES = METHOD_BYTES + SCHEME_BYTES + HOST_BYTES + URI_BYTES + VERSION_BYTES + 5 + 10,
};

enum {
#define FIELD(number, name, text, form, kind, bytes, value, absent) BYTES_##name = (bytes),
#include "log/access_fields.def"
#undef FIELD
};

/* The longest line: each field with its quotes and its separator. */
#define FIELD(number, name, text, form, kind, bytes, value, absent) +(bytes) + 3
enum {
    LINE_BYTES_MAX = 0
#include "log/access_fields.def"
};
#undef FIELD
_Static_assert((int)LINE_BYTES_MAX <= (int)LIMIT_LOG_LINE_MAX,
               "the shares of the fields fit a line");
_Static_assert((int)REQUEST_BYTES <= (int)BYTES_REQUEST, "the parts of the request fit its field");
_Static_assert((int)LIMIT_LOG_LINE_MAX <= (int)LIMIT_LOG_BUFFER_BYTES, "a line fits the buffer");

static const struct access_field fields[] = {
#define FIELD(number, name, text, form, kind, bytes, value, absent)                                \
    [(number)-1] = {text, absent, ACCESS_##form == ACCESS_QUOTED, ACCESS_##kind, (bytes)},
#include "log/access_fields.def"
#undef FIELD
};
_Static_assert(COUNT_OF(fields) == ACCESS_FIELD_COUNT, "a row for each field");

const struct access_field *
access_field(unsigned number)
{
    ASSERT(number >= 1 && number <= COUNT_OF(fields));
    return &fields[number - 1];
}

/* ---- numbers ---- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static inline char *
put_pair(char *p, unsigned value) /* two digits */
{
    memcpy(p, pairs + 2 * (size_t)value, 2);
    return p + 2;
}

static char *
put_long(char *p, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    for (; value >= 10; value /= 10) {
        digits[--at] = (char)('0' + value % 10);
    }
    digits[--at] = (char)('0' + value);
    memcpy(p, digits + at, sizeof(digits) - at);
    return p + (sizeof(digits) - at);
}

/* Most numbers of a line are below 10,000 and need no detour. */
static inline char *
put_u64(char *p, uint64_t value)
{
    if (value >= 10000) {
        return put_long(p, value);
    }
    unsigned v = (unsigned)value;
    if (v < 10) {
        *p = (char)('0' + v);
        return p + 1;
    }
    if (v < 100) {
        return put_pair(p, v);
    }
    if (v < 1000) {
        *p = (char)('0' + v / 100);
        return put_pair(p + 1, v % 100);
    }
    return put_pair(put_pair(p, v / 100), v % 100);
}

static inline char *
put_COUNT(char *p, UNUSED size_t bytes, uint64_t value)
{
    return put_u64(p, value);
}

static inline char *
put_STATUS(char *p, UNUSED size_t bytes, unsigned status)
{
    if (status == 0) {
        *p = '-';
        return p + 1;
    }
    return put_u64(p, status);
}

static inline char *
put_PRIORITY(char *p, UNUSED size_t bytes, int32_t priority)
{
    if (priority == LOG_PRIORITY_NONE) {
        *p = '-';
        return p + 1;
    }
    if (priority < 0) {
        *p++ = '-';
    }
    int64_t wide = priority;
    return put_u64(p, (uint64_t)(wide < 0 ? -wide : wide));
}

/* Seconds with three decimals, to the nearest millisecond. */
static inline char *
put_SECONDS(char *p, UNUSED size_t bytes, int64_t us)
{
    if (us < 0) {
        memcpy(p, "-1", 2);
        return p + 2;
    }
    uint64_t ms = ((uint64_t)us + 500) / 1000;
    p = put_u64(p, ms / 1000);
    *p++ = '.';
    *p++ = (char)('0' + ms / 100 % 10);
    return put_pair(p, (unsigned)(ms % 100));
}

/* ---- times ---- */

enum { SECOND_TEXT = 20 }; /* "2026-11-23T17:11:54." */
struct second_text {
    uint64_t second;
    char text[SECOND_TEXT];
};

/* The text of a second is the same for every line of that second, and a request rarely spans more
 * than four: a cache instead of a context, because it can be lost at any time without being wrong.
 */
static const char *
second_text(uint64_t second)
{
    static _Thread_local struct second_text cache[4];
    struct second_text *c = &cache[second % COUNT_OF(cache)];
    if (UNLIKELY(c->second != second || c->text[0] == '\0')) {
        char text[32];
        struct out o = out_of(text, sizeof(text));
        out_iso8601(&o, second * 1000000u, false);
        memcpy(c->text, text, SECOND_TEXT);
        c->second = second;
    }
    return c->text;
}

static inline char *
put_time(char *p, uint64_t second, unsigned fraction)
{
    memcpy(p, second_text(second), SECOND_TEXT);
    p = put_pair(p + SECOND_TEXT, fraction / 10000);
    p = put_pair(p, fraction / 100 % 100);
    p = put_pair(p, fraction % 100);
    *p = 'Z';
    return p + 1;
}

static inline char *
put_TIME(char *p, UNUSED size_t bytes, uint64_t wall_us)
{
    return put_time(p, wall_us / 1000000, (unsigned)(wall_us % 1000000));
}

static inline char *
put_TIME_MS(char *p, UNUSED size_t bytes, uint64_t wall_us)
{
    return put_time(p, wall_us / 1000000, (unsigned)(wall_us % 1000000 / 1000 * 1000));
}

/* ---- addresses ---- */

static char *
put_ip4(char *p, const struct addr *a)
{
    unsigned char octets[4];
    memcpy(octets, &a->in4.sin_addr, sizeof(octets));
    for (unsigned i = 0; i < 4; i++) {
        p = put_u64(p, octets[i]);
        *p++ = '.';
    }
    return p - 1;
}

static char *
put_hex16(char *p, unsigned value)
{
    bool begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = (value >> shift) & 15;
        begun = begun || digit != 0 || shift == 0;
        if (begun) {
            *p++ = "0123456789abcdef"[digit];
        }
    }
    return p;
}

/* The first of the longest runs of zero words, if it has two or more [RFC 5952 4.2]. */
static void
zero_run(const unsigned words[8], unsigned *ret_at, unsigned *ret_count)
{
    unsigned best_at = 8;
    unsigned best = 1;
    for (unsigned i = 0; i < 8;) {
        unsigned n = 0;
        while (i + n < 8 && words[i + n] == 0) {
            n++;
        }
        if (n > best) {
            best_at = i;
            best = n;
        }
        i += n + 1;
    }
    *ret_at = best_at;
    *ret_count = best_at == 8 ? 0 : best;
}

static char *
put_ip6_words(char *p, const unsigned words[8])
{
    unsigned zero_at;
    unsigned zero_count;
    zero_run(words, &zero_at, &zero_count);
    for (unsigned i = 0; i < 8; i++) {
        if (i == zero_at) {
            *p++ = ':';
            i += zero_count - 1;
            if (i == 7) {
                *p++ = ':';
            }
            continue;
        }
        if (i > 0) {
            *p++ = ':';
        }
        p = put_hex16(p, words[i]);
    }
    return p;
}

/* inet_ntop is some ten times slower; it keeps the rare forms that end in an IPv4 address. */
static char *
put_ip6(char *p, const struct addr *a)
{
    unsigned words[8];
    for (unsigned i = 0; i < 8; i++) {
        words[i] =
            (unsigned)a->in6.sin6_addr.s6_addr[2 * i] << 8 | a->in6.sin6_addr.s6_addr[2 * i + 1];
    }
    bool embeds_ip4 = (words[0] | words[1] | words[2] | words[3] | words[4]) == 0 &&
                      (words[5] != 0 || words[6] != 0);
    if (UNLIKELY(embeds_ip4)) {
        struct out o = out_of(p, BYTES_IP_ADDRESS);
        out_addr_ip(&o, a);
        return o.p;
    }
    return put_ip6_words(p, words);
}

static inline char *
put_ADDRESS(char *p, UNUSED size_t bytes, const struct addr *a)
{
    return addr_is_v6(a) ? put_ip6(p, a) : put_ip4(p, a);
}

/* No brackets around IPv6: readers split at the last colon [ALB log 1, field 4]. */
static char *
put_PEER(char *p, size_t bytes, const struct addr *a)
{
    p = put_ADDRESS(p, bytes, a);
    *p++ = ':';
    return put_u64(p, addr_port(a));
}

static inline char *
put_TARGET(char *p, size_t bytes, const struct addr *a)
{
    if (a == NULL) {
        *p = '-';
        return p + 1;
    }
    return put_PEER(p, bytes, a);
}

static char *
put_TID(char *p, UNUSED size_t bytes, const uint8_t id[static 16])
{
    memcpy(p, "TID_", 4);
    p += 4;
    for (unsigned i = 0; i < 16; i++) {
        *p++ = "0123456789abcdef"[id[i] >> 4];
        *p++ = "0123456789abcdef"[id[i] & 15];
    }
    return p;
}

/* ---- texts ---- */

static inline char *
put_text(char *p, size_t bytes, struct str s, enum log_escape how)
{
    if (s.n == 0) {
        *p = '-';
        return p + 1;
    }
    return log_escape(p, p + bytes, &s, how);
}

static inline char *
put_TEXT(char *p, size_t bytes, struct str s)
{
    return put_text(p, bytes, s, LOG_ESCAPE_TEXT);
}

static inline char *
put_WORD(char *p, size_t bytes, struct str s)
{
    return put_text(p, bytes, s, LOG_ESCAPE_WORD);
}

/* "scheme://host:port" */
static char *
put_origin(char *p, const struct access_record *r)
{
    p = put_WORD(p, SCHEME_BYTES, r->scheme);
    memcpy(p, "://", 3);
    p = put_WORD(p + 3, HOST_BYTES, r->host);
    *p++ = ':';
    return put_u64(p, r->port);
}

/* Blanks inside the URI stay: readers take the method up to the first blank and the version after
 * the last one. An URI that does not begin with a slash ("*") gets one, so that the URL stays one.
 */
static char *
put_REQUEST(char *p, UNUSED size_t bytes, const struct access_record *r)
{
    if (r->method.n == 0) {
        memcpy(p, "- ", 2);
        p = put_origin(p + 2, r);
        memcpy(p, "- -", 3);
        return p + 3;
    }
    p = put_WORD(p, METHOD_BYTES, r->method);
    *p++ = ' ';
    p = put_origin(p, r);
    if (r->uri.n == 0 || r->uri.p[0] != '/') {
        *p++ = '/';
    }
    struct str uri = r->uri;
    p = log_escape(p, p + URI_BYTES, &uri, LOG_ESCAPE_TEXT);
    *p++ = ' ';
    return put_TEXT(p, VERSION_BYTES, r->version);
}

/* ---- the line ---- */

#define PUT_BARE(put) p = put
#define PUT_QUOTED(put)                                                                            \
    do {                                                                                           \
        *p++ = '"';                                                                                \
        p = put;                                                                                   \
        *p++ = '"';                                                                                \
    } while (0)

/* Writes at most LINE_BYTES_MAX bytes; each field with a blank behind it, the last blank becomes
 * '\n'. */
static char *
put_line(char *p, const struct access_record *r)
{
#define FIELD(number, name, text, form, kind, bytes, value, absent)                                \
    PUT_##form(put_##kind(p, (bytes), (value)));                                                   \
    *p++ = ' ';
#include "log/access_fields.def"
#undef FIELD
    p[-1] = '\n';
    return p;
}

/* Little room left: the line goes in whole or not at all. */
static void
line_by_copy(struct out *o, const struct access_record *r)
{
    char line[LIMIT_LOG_LINE_MAX];
    char *end = put_line(line, r);
    out_bytes(o, line, (size_t)(end - line));
}

void
access_line(struct out *o, const struct access_record *r)
{
    if (UNLIKELY((size_t)(o->end - o->p) < LIMIT_LOG_LINE_MAX)) {
        line_by_copy(o, r);
        return;
    }
    char *end = put_line(o->p, r);
    ASSERT(end - o->p <= LINE_BYTES_MAX);
    o->p = end;
}
