/* SPDX-License-Identifier: Apache-2.0
 * What the texts of the fields mean: times, numbers, addresses, requests, escapes. Written by hand
 * because every line of gigabytes comes through here; the locale has no say. */
#include "log/read_int.h"

enum {
    SECOND_BYTES = 19,       /* "2026-09-23T11:02:31" */
    USUAL_TIME_BYTES = 27,   /* the same, ".442190Z" */
    FRACTION_DIGITS_MAX = 9, /* of times and of seconds; what is below a microsecond is dropped */
    US_DIGITS = 6,
};

/* ---- times ---- */

static inline unsigned
digit_of(char c)
{
    return (unsigned)(unsigned char)c - '0'; /* above 9: none */
}

/* `count` digits; false if one is none. */
static bool
read_digits(const char *p, unsigned count, unsigned *ret_value)
{
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned digit = digit_of(p[i]);
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

static unsigned
days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Days from 1970 to a date of the Gregorian calendar; years begin in March here, so that the leap
 * day is the last one. */
static uint64_t
days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = year - (month <= 2);
    unsigned shifted = month <= 2 ? month + 9 : month - 3;
    unsigned day_of_year = (153 * shifted + 2) / 5 + day - 1;
    return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

bool
log_civil_us(const struct log_civil *c, uint64_t *ret_us)
{
    bool good = c->year >= 1970 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
                c->hour <= 23 && c->minute <= 59 && c->second <= 59;
    if (!good || c->day > days_in_month(c->year, c->month)) {
        return false;
    }
    uint64_t seconds =
        days_of(c->year, c->month, c->day) * 86400 + c->hour * 3600u + c->minute * 60u + c->second;
    *ret_us = seconds * 1000000;
    return true;
}

static __attribute__((noinline)) bool
read_second(struct log_clock *memo, const char *p)
{
    struct log_civil c;
    bool good = p[4] == '-' && p[7] == '-' && p[10] == 'T' && p[13] == ':' && p[16] == ':' &&
                read_digits(p, 4, &c.year) && read_digits(p + 5, 2, &c.month) &&
                read_digits(p + 8, 2, &c.day) && read_digits(p + 11, 2, &c.hour) &&
                read_digits(p + 14, 2, &c.minute) && read_digits(p + 17, 2, &c.second);
    uint64_t us;
    if (!good || !log_civil_us(&c, &us)) {
        return false;
    }
    memcpy(memo->text, p, SECOND_BYTES);
    memo->us = us;
    return true;
}

/* Up to nine digits behind a point as microseconds. */
static bool
read_fraction(const char *p, size_t n, uint64_t *ret_us)
{
    uint64_t us = 0;
    unsigned weight = 100000;
    for (size_t i = 0; i < n; i++) {
        unsigned digit = digit_of(p[i]);
        if (digit > 9) {
            return false;
        }
        us += (uint64_t)digit * weight;
        weight /= 10;
    }
    *ret_us = us;
    return n > 0 && n <= FRACTION_DIGITS_MAX;
}

/* ".442190Z" at once: the point and the Z become digits that count nothing. */
static inline bool
read_usual_tail(const char *p, uint64_t *ret_us)
{
    const uint64_t ends = UINT64_C(0xff000000000000ff);
    const uint64_t point_z = UINT64_C(0x5a0000000000002e);
    uint64_t w = log_load8(p);
    uint64_t digits = (w & ~ends) | (UINT64_C(0x3000000000000030));
    *ret_us = log_value8(digits) / 10;
    return (w & ends) == point_z && log_all_digits(digits);
}

static bool
read_tail(const char *p, size_t n, uint64_t *ret_us)
{
    *ret_us = 0;
    if (n == 0 || p[n - 1] != 'Z') {
        return false;
    }
    return n == 1 || (p[0] == '.' && read_fraction(p + 1, n - 2, ret_us));
}

bool
log_time(struct log_clock *memo, struct str text, uint64_t *ret_us)
{
    uint64_t us;
    if (UNLIKELY(text.n < SECOND_BYTES)) {
        return false;
    }
    bool good = LIKELY(text.n == USUAL_TIME_BYTES)
                    ? read_usual_tail(text.p + SECOND_BYTES, &us)
                    : read_tail(text.p + SECOND_BYTES, text.n - SECOND_BYTES, &us);
    if (UNLIKELY(!good)) {
        return false;
    }
    bool known = memcmp(memo->text, text.p, SECOND_BYTES) == 0 && text.p[0] != '\0';
    if (UNLIKELY(!known) && !read_second(memo, text.p)) {
        return false;
    }
    *ret_us = memo->us + us;
    return true;
}

/* ---- numbers ---- */

bool
log_seconds(struct str text, uint64_t *ret_us)
{
    enum { WHOLE_DIGITS_MAX = 13 }; /* in microseconds that is below 2^64 */
    uint64_t whole = 0;
    size_t at = 0;
    for (; at < text.n && digit_of(text.p[at]) <= 9; at++) {
        whole = whole * 10 + digit_of(text.p[at]);
    }
    if (at == 0 || at > WHOLE_DIGITS_MAX) {
        return false;
    }
    uint64_t fraction = 0;
    if (at < text.n &&
        (text.p[at] != '.' || !read_fraction(text.p + at + 1, text.n - at - 1, &fraction))) {
        return false;
    }
    *ret_us = whole * 1000000 + fraction;
    return true;
}

unsigned
log_status(struct str text)
{
    enum { STATUS_DIGITS_MAX = 5 };
    unsigned value;
    bool good =
        text.n >= 1 && text.n <= STATUS_DIGITS_MAX && read_digits(text.p, (unsigned)text.n, &value);
    return good ? value : 0;
}

uint64_t
log_number(struct str text)
{
    enum { SAFE_DIGITS = 19 }; /* cannot overflow */
    uint64_t value = 0;
    if (UNLIKELY(text.n > SAFE_DIGITS)) {
        return str_to_u64(text, &value) ? value : 0;
    }
    for (size_t i = 0; i < text.n; i++) {
        unsigned digit = digit_of(text.p[i]);
        if (digit > 9) {
            return 0;
        }
        value = value * 10 + digit;
    }
    return value;
}

/* ---- addresses ---- */

/* Decimal up to 65535. */
static bool
read_port(const char *p, size_t n, uint16_t *ret_port)
{
    enum { PORT_DIGITS_MAX = 5 };
    unsigned value;
    if (n == 0 || n > PORT_DIGITS_MAX || !read_digits(p, (unsigned)n, &value) ||
        value > UINT16_MAX) {
        return false;
    }
    *ret_port = (uint16_t)value;
    return true;
}

/* Where the text behind the last colon begins; 0 without a colon. */
static size_t
behind_last_colon(struct str s)
{
    size_t at = s.n;
    while (at > 0 && s.p[at - 1] != ':') {
        at--;
    }
    return at;
}

bool
log_peer(struct str text, struct str *ret_ip, uint16_t *ret_port)
{
    if (text.n == 0 || (text.n == 1 && text.p[0] == '-')) {
        return false;
    }
    struct str ip = text;
    uint16_t port = 0;
    size_t at = behind_last_colon(text);
    bool is_function = str_starts(text, STR("arn:")); /* its version is no port */
    if (at > 1 && !is_function && read_port(text.p + at, text.n - at, &port)) {
        ip.n = at - 1;
    }
    if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']') {
        ip = (struct str){ip.p + 1, ip.n - 2};
    }
    *ret_ip = ip;
    *ret_port = port;
    return true;
}

/* ---- the request ---- */

/* Where `c` is, or n. */
static inline size_t
find_or_end(struct str s, char c)
{
    const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);
    return at == NULL ? s.n : (size_t)(at - s.p);
}

static inline struct str
behind(struct str s, size_t at)
{
    return (struct str){s.p + at, s.n - at};
}

static inline struct str
without_trailing_blanks(struct str s)
{
    while (s.n > 0 && s.p[s.n - 1] == ' ') {
        s.n--;
    }
    return s;
}

static inline struct str
unless_dash(struct str s)
{
    return s.n == 0 || (s.n == 1 && s.p[0] == '-') ? STR_NONE : s;
}

/* The host may be anything that a client sent; the port is the load balancer's own and last. The
 * dash behind the port of a malformed request is not part of it [ALB log 1.2]. */
static void
read_authority(struct str authority, bool malformed, struct log_request *r)
{
    if (malformed && authority.n > 0 && authority.p[authority.n - 1] == '-') {
        authority.n--;
    }
    size_t at = authority.n;
    while (at > 0 && digit_of(authority.p[at - 1]) <= 9) {
        at--;
    }
    bool has_colon = at > 0 && authority.p[at - 1] == ':';
    if (has_colon &&
        (at == authority.n || read_port(authority.p + at, authority.n - at, &r->port))) {
        authority.n = at - 1;
    }
    r->host = authority.n == 0 ? STR_NONE : authority;
}

/* The length of "scheme://"; 0 if the URL does not begin so. */
static size_t
scheme_bytes(struct str url)
{
    size_t at = 0;
    while (at < url.n && (ascii_is_alnum(url.p[at]) || url.p[at] == '+' || url.p[at] == '-')) {
        at++;
    }
    bool good = at > 0 && url.n - at >= 3 && memcmp(url.p + at, "://", 3) == 0;
    return good ? at + 3 : 0;
}

static void
read_url(struct str url, bool malformed, struct log_request *r)
{
    struct str rest = url;
    size_t scheme = scheme_bytes(url);
    if (scheme > 0) {
        r->scheme = (struct str){url.p, scheme - 3};
        rest = behind(url, scheme);
        size_t end = find_or_end(rest, '/');
        end = find_or_end((struct str){rest.p, end}, '?');
        read_authority((struct str){rest.p, end}, malformed, r);
        rest = behind(rest, end);
    }
    size_t question = find_or_end(rest, '?');
    if (question < rest.n) {
        r->query = behind(rest, question + 1);
    }
    if (question > 0 && rest.p[0] == '/') {
        r->path = (struct str){rest.p, question};
    }
}

/* Takes the version off the end of "URL VERSION"; blanks at the end of `text` were a part of it. */
static struct str
take_version(struct str *text)
{
    struct str trimmed = without_trailing_blanks(*text);
    bool blank_behind = trimmed.n < text->n;
    size_t at = trimmed.n;
    while (at > 0 && trimmed.p[at - 1] != ' ') {
        at--;
    }
    struct str version = behind(trimmed, at);
    bool usual = str_starts(version, STR("HTTP/")) || str_eq(version, STR("-"));
    if (!usual && (at == 0 || blank_behind)) {
        *text = trimmed; /* the version is empty */
        return STR_NONE;
    }
    *text = without_trailing_blanks((struct str){trimmed.p, at});
    return version;
}

void
log_request(struct str text, struct log_request *ret_request)
{
    struct log_request *r = ret_request;
    *r = (struct log_request){0};
    size_t blank = find_or_end(text, ' ');
    r->verb = unless_dash((struct str){text.p, blank});
    if (blank == text.n) {
        return;
    }
    struct str rest = behind(text, blank + 1);
    r->version = unless_dash(take_version(&rest));
    r->url = unless_dash(rest);
    read_url(r->url, r->verb.n == 0, r);
}

/* ---- escapes ---- */

static int
hex_value(char c)
{
    unsigned digit = digit_of(c);
    unsigned letter = (unsigned)((unsigned char)c | 0x20) - 'a';
    return digit <= 9 ? (int)digit : letter <= 5 ? (int)letter + 10 : -1;
}

static bool
read_hex2(struct str s, size_t at, unsigned char *ret_byte)
{
    if (s.n < 2 || at > s.n - 2) {
        return false;
    }
    int high = hex_value(s.p[at]);
    int low = hex_value(s.p[at + 1]);
    *ret_byte = (unsigned char)((unsigned)high << 4 | (unsigned)low);
    return high >= 0 && low >= 0;
}

/* The escape that `s` begins with: its length and its byte; 0: none. The old form with eight digits
 * stands for bytes that need an escape only, so that a NUL before digits is seldom taken for it. */
static size_t
read_escape(struct str s, unsigned char *ret_byte)
{
    if (s.n >= 2 && s.p[1] == '"') {
        *ret_byte = '"';
        return 2;
    }
    if (s.n < 4 || s.p[1] != 'x' || !read_hex2(s, 2, ret_byte)) {
        return 0;
    }
    unsigned char wide;
    if (s.n >= 10 && memcmp(s.p + 2, "000000", 6) == 0 && read_hex2(s, 8, &wide) &&
        (wide <= ' ' || wide >= 0x7f || wide == '"' || wide == '\\')) {
        *ret_byte = wide;
        return 10;
    }
    return 4;
}

void
log_unescape(struct buf *out, struct str text)
{
    while (text.n > 0) {
        size_t plain = find_or_end(text, '\\');
        buf_add(out, text.p, plain);
        text = behind(text, plain);
        if (text.n == 0) {
            break;
        }
        unsigned char byte = '\\';
        size_t n = read_escape(text, &byte);
        buf_add_char(out, n == 0 ? '\\' : (char)byte);
        text = behind(text, n == 0 ? 1 : n);
    }
}
