/* SPDX-License-Identifier: Apache-2.0
 * From the bytes of a line to fields, kind and fault. The usual line is split by the processor's
 * best splitter; only where the quotation marks are odd it is read byte by byte. */
#include "base/assert.h"
#include "base/limits.h"
#include "log/read_int.h"

#include <stdatomic.h>

/* What is required of a line of each kind, and how many fields its versions have [ALB log 1.1, 4,
 * 5]. From `fields_known` on any number fits: versions to come only append. */
struct kind_rule {
    unsigned time_field;
    uint32_t fields_min, fields_known;
    uint64_t versions; /* bit n: a version of n fields */
};
#define VERSION(n) (UINT64_C(1) << (n))
static const struct kind_rule kinds[LOG_KIND_COUNT] = {
    [LOG_ACCESS] = {LOG_ACCESS_TIME, 17, LOG_ACCESS_FIELDS,
                    VERSION(17) | VERSION(18) | VERSION(20) | VERSION(21) | VERSION(23) |
                        VERSION(24) | VERSION(25) | VERSION(27) | VERSION(29) | VERSION(30) |
                        VERSION(33)},
    [LOG_CONNECTION] = {LOG_CONNECTION_TIMESTAMP, 12, LOG_CONNECTION_FIELDS,
                        VERSION(12) | VERSION(13) | VERSION(14)},
    [LOG_HEALTH] = {LOG_HEALTH_TIME, 8, LOG_HEALTH_FIELDS, VERSION(8) | VERSION(9)},
};

/* ---- byte by byte ---- */

/* Is the quotation mark at `at` only a character? */
static bool
is_escaped(struct str s, size_t at, bool escapes)
{
    return escapes && at > 0 && s.p[at - 1] == '\\';
}

static enum log_fault
quoted_end(struct str s, size_t begin, bool escapes, size_t *ret_end)
{
    size_t at = begin + 1;
    while (at < s.n && (s.p[at] != '"' || is_escaped(s, at, escapes))) {
        at++;
    }
    if (at >= s.n) {
        return LOG_FAULT_UNCLOSED_QUOTE;
    }
    *ret_end = at + 1;
    return at + 1 == s.n || s.p[at + 1] == ' ' ? LOG_FAULT_NONE : LOG_FAULT_TEXT_AFTER_QUOTE;
}

static enum log_fault
bare_end(struct str s, size_t begin, bool escapes, size_t *ret_end)
{
    size_t at = begin;
    for (; at < s.n && s.p[at] != ' '; at++) {
        if (s.p[at] == '"' && !is_escaped(s, at, escapes)) {
            return LOG_FAULT_STRAY_QUOTE;
        }
    }
    *ret_end = at;
    return LOG_FAULT_NONE;
}

/* A damaged field holds the rest of the line, and so does the last one that there is room for. */
enum log_fault
log_split_carefully(const char *p, size_t n, bool escapes, struct log_line *l)
{
    struct str s = {p, n};
    enum log_fault fault = LOG_FAULT_NONE;
    l->p = p;
    l->n = (uint32_t)n;
    l->count = 0;
    for (size_t at = 0; at <= n; at++) {
        l->begin[l->count++] = (uint32_t)at;
        if (l->count == LOG_FIELDS_MAX) {
            break;
        }
        bool quoted = at < n && p[at] == '"';
        fault = quoted ? quoted_end(s, at, escapes, &at) : bare_end(s, at, escapes, &at);
        if (fault != LOG_FAULT_NONE) {
            break;
        }
    }
    l->begin[l->count] = (uint32_t)n + 1;
    return fault;
}

/* ---- the kind ---- */

static bool
is_digits(struct str s)
{
    bool good = s.n > 0;
    for (size_t i = 0; good && i < s.n; i++) {
        good = ascii_is_digit(s.p[i]);
    }
    return good;
}

/* "2026-09-23T": a time stamp by its looks, be it valid or not. */
static bool
is_time_shaped(struct str s)
{
    static const char shape[] = "0000-00-00T";
    bool good = s.n >= sizeof(shape) - 1;
    for (size_t i = 0; good && i < sizeof(shape) - 1; i++) {
        good = shape[i] == '0' ? ascii_is_digit(s.p[i]) : s.p[i] == shape[i];
    }
    return good;
}

static bool
is_port_or_dash(struct str s)
{
    return is_digits(s) || str_eq(s, STR("-"));
}

/* "0.003271000". */
static bool
is_decimal(struct str s)
{
    size_t at;
    return str_find_char(s, '.', &at) && is_digits(str_sub(s, 0, at)) &&
           is_digits(str_sub(s, at + 1, s.n));
}

/* A leading time stamp: the ports tell it from a Classic Load Balancer's line, which has
 * address:port there. */
static bool
is_connection(const struct log_line *l)
{
    return is_time_shaped(log_line_raw(l, LOG_CONNECTION_TIMESTAMP)) &&
           (l->count <= LOG_CONNECTION_CLIENT_PORT ||
            is_port_or_dash(log_line_raw(l, LOG_CONNECTION_CLIENT_PORT))) &&
           (l->count <= LOG_CONNECTION_LISTENER_PORT ||
            is_port_or_dash(log_line_raw(l, LOG_CONNECTION_LISTENER_PORT)));
}

static bool
is_health(const struct log_line *l)
{
    struct str status = log_line_raw(l, LOG_HEALTH_STATUS);
    return is_time_shaped(log_line_raw(l, LOG_HEALTH_TIME)) &&
           (is_decimal(log_line_raw(l, LOG_HEALTH_LATENCY)) || str_eq(status, STR("PASS")) ||
            str_eq(status, STR("FAIL")));
}

/* Old lines name the load balancer without "app/": then the client decides. */
static bool
is_access(const struct log_line *l)
{
    struct str elb = log_line_raw(l, LOG_ACCESS_ELB);
    struct str client = log_line_raw(l, LOG_ACCESS_CLIENT);
    struct str ip;
    uint16_t port;
    return is_time_shaped(log_line_raw(l, LOG_ACCESS_TIME)) && !str_starts(elb, STR("net/")) &&
           (l->count <= LOG_ACCESS_CLIENT || (log_peer(client, &ip, &port) && port != 0));
}

/* A function of its own: the lines of most files have "app/" and do not come here. */
static __attribute__((noinline)) bool
kind_by_evidence(struct log_line *l)
{
    if (is_connection(l)) {
        l->kind = LOG_CONNECTION;
        return true;
    }
    l->kind = is_health(l) ? LOG_HEALTH : LOG_ACCESS;
    return l->kind == LOG_HEALTH || is_access(l);
}

/* [tool-rulings 18]; false: it is no line of such a load balancer. */
static inline bool
find_kind(struct log_line *l)
{
    l->kind = LOG_ACCESS;
    if (LIKELY(l->count > LOG_ACCESS_CLIENT)) {
        uint32_t begin = l->begin[LOG_ACCESS_ELB];
        uint32_t end = l->begin[LOG_ACCESS_CLIENT];
        if (LIKELY(end - begin > 4 && memcmp(l->p + begin, "app/", 4) == 0)) {
            return true;
        }
    } else if (str_starts(log_line_raw(l, LOG_ACCESS_ELB), STR("app/"))) {
        return true;
    }
    return kind_by_evidence(l);
}

/* ---- the verdict ---- */

static inline enum log_fault
judge(struct log_line *l)
{
    /* Lines of one second follow each other: a memo, because it can be lost without being wrong. */
    static _Thread_local struct log_clock memo;
    if (UNLIKELY(!find_kind(l))) {
        return LOG_FAULT_NOT_ALB;
    }
    const struct kind_rule *rule = &kinds[l->kind];
    if (UNLIKELY(l->count < rule->fields_min)) {
        return LOG_FAULT_TOO_FEW_FIELDS;
    }
    uint64_t us;
    return log_time(&memo, log_line_raw(l, rule->time_field), &us) ? LOG_FAULT_NONE
                                                                   : LOG_FAULT_BAD_TIME;
}

static enum log_fault
read_carefully(const char *p, size_t n, bool escapes, struct log_line *l)
{
    enum log_fault fault = log_split_carefully(p, n, escapes, l);
    if (fault == LOG_FAULT_NONE) {
        return judge(l);
    }
    (void)find_kind(l); /* a guess: the damage is known */
    return fault;
}

static bool
fits_version(const struct log_line *l)
{
    const struct kind_rule *rule = &kinds[l->kind];
    return l->count >= rule->fields_known || (rule->versions & VERSION(l->count)) != 0;
}

/* With `\"` as an escaped quotation mark, and where that fits no version, with `\` as an ordinary
 * byte. If neither fits, any good reading will do. */
static __attribute__((noinline)) enum log_fault
read_odd(const char *p, size_t n, struct log_line *l)
{
    enum log_fault escaped = read_carefully(p, n, true, l);
    if (escaped == LOG_FAULT_NONE && fits_version(l)) {
        return LOG_FAULT_NONE;
    }
    enum log_fault literal = read_carefully(p, n, false, l);
    if (literal == LOG_FAULT_NONE && (escaped != LOG_FAULT_NONE || fits_version(l))) {
        return LOG_FAULT_NONE;
    }
    return read_carefully(p, n, true, l);
}

/* ---- the choice of the splitter ---- */

const struct log_splitter *
log_splitter(size_t index)
{
    static const struct log_splitter *const all[] = {
#ifdef __x86_64__
        &log_split_avx512, &log_split_avx2, &log_split_sse2,
#endif
        &log_split_plain};
    return index < COUNT_OF(all) ? all[index] : NULL;
}

static const struct log_splitter *
choose_splitter(void)
{
    size_t i = 0;
    while (!log_splitter(i)->usable()) {
        i++;
    }
    return log_splitter(i);
}

static inline bool
run_splitter(const char *p, size_t n, struct log_line *l)
{
    static const struct log_splitter *_Atomic chosen; /* every thread would choose the same */
    const struct log_splitter *s = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (UNLIKELY(s == NULL)) {
        s = choose_splitter();
        atomic_store_explicit(&chosen, s, memory_order_relaxed);
    }
    return s->run(p, n, l);
}

static enum log_fault
refuse(const char *p, size_t n, enum log_fault fault, struct log_line *ret_line)
{
    ret_line->p = p;
    ret_line->n = (uint32_t)MIN_OF(n, (size_t)LIMIT_LOG_READ_LINE_MAX);
    ret_line->kind = LOG_ACCESS;
    ret_line->count = 0;
    ret_line->begin[0] = ret_line->n + 1;
    return fault;
}

enum log_fault
log_line_split(const char *p, size_t n, struct log_line *ret_line)
{
    if (n > 0 && p[n - 1] == '\r') {
        n--;
    }
    if (UNLIKELY(n == 0)) {
        return refuse(p, n, LOG_FAULT_EMPTY, ret_line);
    }
    if (UNLIKELY(n > LIMIT_LOG_READ_LINE_MAX)) {
        return refuse(p, n, LOG_FAULT_TOO_LONG, ret_line);
    }
    if (LIKELY(run_splitter(p, n, ret_line))) {
        return judge(ret_line);
    }
    return read_odd(p, n, ret_line);
}
