/* SPDX-License-Identifier: Apache-2.0
 * Moments, spans and durations as people write them. */
#include "query/filter_int.h"

#include "base/addr.h"
#include "base/clock.h"
#include "text/text.h"

static const uint64_t second_us = 1000000;

struct unit {
    const char *name;
    uint64_t us;
};

/* The longest names first: "ms" ends in "s". */
static const struct unit units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", UINT64_C(1000000)},
    {"m", UINT64_C(60) * 1000000},
    {"h", UINT64_C(3600) * 1000000},
    {"d", UINT64_C(86400) * 1000000},
    {"w", UINT64_C(7) * 86400 * 1000000},
};

static const uint64_t longest_us = UINT64_C(1000) * 366 * 86400 * 1000000; /* a thousand years */

/* "1.5" times `unit_us`; at most six decimals count. */
static bool
scaled(struct str text, uint64_t unit_us, uint64_t *ret_us)
{
    size_t point = text.n;
    bool has_point = str_find_char(text, '.', &point);
    uint64_t whole = 0;
    if (!str_to_u64(str_sub(text, 0, point), &whole) || whole > longest_us / unit_us) {
        return false;
    }
    uint64_t us = whole * unit_us;
    struct str decimals = has_point ? str_sub(text, point + 1, SIZE_MAX) : STR("0");
    uint64_t part = 0, of = 1;
    for (size_t i = 0; i < decimals.n; i++) {
        if (!ascii_is_digit(decimals.p[i])) {
            return false;
        }
        if (i < 6) {
            part = part * 10 + (uint64_t)(decimals.p[i] - '0');
            of *= 10;
        }
    }
    *ret_us = us + part * (unit_us / of) + part * (unit_us % of) / of;
    return decimals.n > 0;
}

static bool
with_unit(struct str text, uint64_t *ret_us)
{
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct str name = str_of(units[i].name);
        if (str_ends(text, name)) {
            return scaled(str_sub(text, 0, text.n - name.n), units[i].us, ret_us);
        }
    }
    return false;
}

enum err
query_duration(struct str text, uint64_t *ret_us, struct errinfo *reterr)
{
    struct str trimmed = str_trim(text);
    if (with_unit(trimmed, ret_us) || scaled(trimmed, second_us, ret_us)) {
        return ERR_OK;
    }
    return text_err(reterr, ERR_INVALID,
                    N_("\"{value}\" is no duration; write 250ms, 1.5s, 2m or 1h."),
                    TEXT_ARGS({"value", text}));
}

/* ---- dates ---- */

/* Reads a date and time from the front, part by part. */
struct cursor {
    struct str rest;
    bool bad;
};

static bool
take(struct cursor *c, char wanted)
{
    if (c->rest.n == 0 || c->rest.p[0] != wanted) {
        return false;
    }
    c->rest = str_sub(c->rest, 1, SIZE_MAX);
    return true;
}

static unsigned
take_number(struct cursor *c, size_t digits, unsigned min, unsigned max)
{
    int64_t value = 0;
    if (c->rest.n < digits ||
        !str_to_int_range(str_sub(c->rest, 0, digits), (int64_t)min, (int64_t)max, &value)) {
        c->bad = true;
        return min;
    }
    c->rest = str_sub(c->rest, digits, SIZE_MAX);
    return (unsigned)value;
}

static void
take_needed(struct cursor *c, char wanted)
{
    c->bad = !take(c, wanted) || c->bad;
}

static bool
is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days since 1970; years are counted from March, so that the leap day is the last one. */
static uint64_t
days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year;
    unsigned months = month <= 2 ? month + 9 : month - 3; /* since March */
    uint64_t days = (uint64_t)y * 365 + y / 4 - y / 100 + y / 400;
    return days + (153 * months + 2) / 5 + day - 1 - 719468;
}

static uint64_t
take_date(struct cursor *c)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = take_number(c, 4, 1970, 9998); /* a zone cannot lead out of four digits */
    take_needed(c, '-');
    unsigned month = take_number(c, 2, 1, 12);
    take_needed(c, '-');
    unsigned longest = month == 2 && is_leap(year) ? 29 : lengths[month - 1];
    unsigned day = take_number(c, 2, 1, longest);
    return days_of(year, month, day) * 86400 * second_us;
}

static uint64_t
take_decimals(struct cursor *c)
{
    uint64_t us = 0;
    uint64_t worth = second_us / 10;
    size_t digits = 0;
    for (; c->rest.n > 0 && ascii_is_digit(c->rest.p[0]); digits++) {
        us += (uint64_t)(c->rest.p[0] - '0') * worth;
        worth /= 10;
        c->rest = str_sub(c->rest, 1, SIZE_MAX);
    }
    c->bad = c->bad || digits == 0 || digits > 9;
    return us;
}

/* "10:00", "10:00:30", "10:00:30.25" */
static uint64_t
take_clock(struct cursor *c)
{
    uint64_t seconds = (uint64_t)take_number(c, 2, 0, 23) * 3600;
    take_needed(c, ':');
    seconds += (uint64_t)take_number(c, 2, 0, 59) * 60;
    uint64_t us = 0;
    if (take(c, ':')) {
        seconds += take_number(c, 2, 0, 60);
        us = take(c, '.') ? take_decimals(c) : 0;
    }
    return seconds * second_us + us;
}

/* "Z", "+09:00", "-0530", "+09": microseconds ahead of UTC. False: there is no zone. */
static bool
take_zone(struct cursor *c, int64_t *ret_ahead_us)
{
    if (take(c, 'Z') || take(c, 'z')) {
        *ret_ahead_us = 0;
        return true;
    }
    bool east = take(c, '+');
    if (!east && !take(c, '-')) {
        return false;
    }
    int64_t seconds = (int64_t)take_number(c, 2, 0, 23) * 3600;
    if (take(c, ':') || c->rest.n > 0) {
        seconds += (int64_t)take_number(c, 2, 0, 59) * 60;
    }
    *ret_ahead_us = (east ? seconds : -seconds) * (int64_t)second_us;
    return true;
}

static bool
absolute(struct str text, uint64_t *ret_us, bool *ret_zone)
{
    struct cursor c = {.rest = text};
    uint64_t us = take_date(&c);
    int64_t ahead_us = 0;
    *ret_zone = false;
    if (take(&c, 'T') || take(&c, 't') || take(&c, ' ')) {
        us += take_clock(&c);
        *ret_zone = take_zone(&c, &ahead_us);
    }
    if (c.bad || c.rest.n > 0 || (ahead_us > 0 && us < (uint64_t)ahead_us)) {
        return false;
    }
    *ret_us = us - (uint64_t)ahead_us;
    return true;
}

enum err
moment_read(struct str text, uint64_t now_us, uint64_t *ret_us, bool *ret_zone,
            struct errinfo *reterr)
{
    struct str trimmed = str_trim(text);
    uint64_t before_us = 0;
    *ret_zone = true;
    if (str_eq(trimmed, STR("now"))) {
        *ret_us = now_us;
        return ERR_OK;
    }
    if (with_unit(trimmed, &before_us)) {
        *ret_us = now_us - MIN_OF(now_us, before_us);
        return ERR_OK;
    }
    if (absolute(trimmed, ret_us, ret_zone)) {
        return ERR_OK;
    }
    return text_err(reterr, ERR_INVALID,
                    N_("\"{value}\" is no time; write 2h or 3d (before now), 2026-11-23, "
                       "2026-11-23T10:00 or 2026-11-23T10:00:00Z."),
                    TEXT_ARGS({"value", text}));
}

enum err
query_moment(struct str text, uint64_t now_us, uint64_t *ret_us, struct errinfo *reterr)
{
    bool zone;
    return moment_read(text, now_us, ret_us, &zone, reterr);
}

enum err
query_span(struct str from_to, uint64_t now_us, uint64_t *ret_from_us, uint64_t *ret_to_us,
           struct errinfo *reterr)
{
    size_t at = 0;
    if (!str_find(from_to, STR(".."), &at) || from_to.n == 2) {
        return text_err(reterr, ERR_INVALID,
                        N_("\"{value}\" is no span; write FROM..TO, such as 3h..2h or "
                           "2026-11-22..2026-11-23."),
                        TEXT_ARGS({"value", from_to}));
    }
    struct str from = str_sub(from_to, 0, at), to = str_sub(from_to, at + 2, SIZE_MAX);
    uint64_t from_us = 0, to_us = 0;
    if (from.n > 0) {
        TRY(query_moment(from, now_us, &from_us, reterr));
    }
    if (to.n > 0) {
        TRY(query_moment(to, now_us, &to_us, reterr));
    }
    if (to.n > 0 && from_us >= to_us) {
        return text_err(reterr, ERR_INVALID, N_("The span \"{value}\" ends before it begins."),
                        TEXT_ARGS({"value", from_to}));
    }
    *ret_from_us = from_us;
    *ret_to_us = to_us;
    return ERR_OK;
}
