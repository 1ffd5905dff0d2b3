/* SPDX-License-Identifier: Apache-2.0
 * Values of the condition operators: numbers, dates, networks, binary and truth values. */
#include "policy/policy_int.h"

#include "base/addr.h"

/* ---- numbers: decimal, compared digit by digit, so that none is rounded ---- */

struct number {
    bool negative, zero;
    int64_t magnitude; /* power of ten of the first digit that is not 0 */
    struct str digits; /* from that digit; may hold one dot */
};

static bool
exponent_parse(struct str text, int64_t *ret_value)
{
    uint64_t value = 0;
    bool negative = text.n > 0 && text.p[0] == '-';
    text = str_sub(text, text.n > 0 && (negative || text.p[0] == '+'), text.n);
    if (!str_to_u64(text, &value) || value > 1000 * 1000) {
        return false;
    }
    *ret_value = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool
number_parse(struct str text, struct number *ret)
{
    *ret = (struct number){.negative = text.n > 0 && text.p[0] == '-', .zero = true};
    size_t from = ret->negative, at = 0, dot = SIZE_MAX, first = SIZE_MAX, count = 0;
    int64_t exponent = 0;
    for (at = from; at < text.n && (ascii_is_digit(text.p[at]) || text.p[at] == '.'); at++) {
        if (text.p[at] == '.') {
            if (dot != SIZE_MAX || count == 0) {
                return false;
            }
            dot = at;
            continue;
        }
        count++;
        first = first == SIZE_MAX && text.p[at] != '0' ? at : first;
    }
    size_t end = at;
    if (count == 0 || (dot != SIZE_MAX && dot + 1 == end)) {
        return false;
    }
    if (at < text.n && (ascii_lower(text.p[at]) != 'e' ||
                        !exponent_parse(str_sub(text, at + 1, text.n), &exponent))) {
        return false;
    }
    if (first != SIZE_MAX) {
        size_t point = dot == SIZE_MAX ? end : dot;
        ret->zero = false;
        ret->digits = str_sub(text, first, end - first);
        ret->magnitude =
            exponent + (first < point ? (int64_t)(point - first) - 1 : -(int64_t)(first - point));
    }
    return true;
}

/* The next digit, 0 behind the last. */
static char
next_digit(struct str *rest)
{
    if (rest->n > 0 && rest->p[0] == '.') {
        *rest = str_sub(*rest, 1, rest->n);
    }
    if (rest->n == 0) {
        return '0';
    }
    char digit = rest->p[0];
    *rest = str_sub(*rest, 1, rest->n);
    return digit;
}

static int
magnitude_order(struct number a, struct number b)
{
    if (a.zero || b.zero || a.magnitude != b.magnitude) {
        return a.zero && b.zero ? 0 : a.zero ? -1 : b.zero ? 1 : a.magnitude < b.magnitude ? -1 : 1;
    }
    while (a.digits.n > 0 || b.digits.n > 0) {
        char x = next_digit(&a.digits), y = next_digit(&b.digits);
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return 0;
}

bool
policy_number_compare(struct str a, struct str b, int *ret_order)
{
    struct number x, y;
    if (!number_parse(a, &x) || !number_parse(b, &y)) {
        return false;
    }
    if (!x.zero && !y.zero && x.negative == y.negative) {
        *ret_order = x.negative ? magnitude_order(y, x) : magnitude_order(x, y);
        return true;
    }
    int sign_x = x.zero ? 0 : x.negative ? -1 : 1, sign_y = y.zero ? 0 : y.negative ? -1 : 1;
    *ret_order = (sign_x > sign_y) - (sign_x < sign_y);
    return true;
}

/* ---- dates [W3C NOTE-datetime] ---- */

static bool
take_number(struct str *rest, size_t digits, int64_t min, int64_t max, int64_t *ret_value)
{
    struct str head = str_sub(*rest, 0, digits);
    if (head.n != digits || !str_to_int_range(head, min, max, ret_value)) {
        return false;
    }
    *rest = str_sub(*rest, digits, rest->n);
    return true;
}

static bool
take_char(struct str *rest, char c)
{
    if (rest->n == 0 || rest->p[0] != c) {
        return false;
    }
    *rest = str_sub(*rest, 1, rest->n);
    return true;
}

static int64_t
month_days(int64_t year, int64_t month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01; years begin in March so that a leap day is the last. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year - (month <= 2) + 400; /* not negative */
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468 - 146097;
}

/* ".25", up to nanoseconds; further digits count as nothing. */
static bool
take_fraction(struct str *rest, uint32_t *ret_nanoseconds)
{
    uint32_t unit = 100 * 1000 * 1000;
    size_t count = 0;
    *ret_nanoseconds = 0;
    if (!take_char(rest, '.')) {
        return true;
    }
    for (; rest->n > 0 && ascii_is_digit(rest->p[0]); count++) {
        *ret_nanoseconds += unit * (uint32_t)(rest->p[0] - '0');
        unit /= 10;
        *rest = str_sub(*rest, 1, rest->n);
    }
    return count > 0;
}

/* "Z", "+09:00", or nothing, which is UTC. */
static bool
take_zone(struct str *rest, int64_t *ret_seconds)
{
    int64_t hours = 0, minutes = 0;
    *ret_seconds = 0;
    if (rest->n == 0 || take_char(rest, 'Z') || take_char(rest, 'z')) {
        return true;
    }
    bool east = take_char(rest, '+');
    if (!east && !take_char(rest, '-')) {
        return false;
    }
    if (!take_number(rest, 2, 0, 23, &hours) || !take_char(rest, ':') ||
        !take_number(rest, 2, 0, 59, &minutes)) {
        return false;
    }
    *ret_seconds = (east ? 1 : -1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool
take_time(struct str *rest, int64_t *ret_seconds, uint32_t *ret_nanoseconds)
{
    int64_t hour = 0, minute = 0, second = 0, zone = 0;
    if (!take_number(rest, 2, 0, 23, &hour) || !take_char(rest, ':') ||
        !take_number(rest, 2, 0, 59, &minute)) {
        return false;
    }
    if (take_char(rest, ':') &&
        (!take_number(rest, 2, 0, 60, &second) || !take_fraction(rest, ret_nanoseconds))) {
        return false;
    }
    if (!take_zone(rest, &zone)) {
        return false;
    }
    *ret_seconds = hour * 3600 + minute * 60 + second - zone;
    return true;
}

static bool
date_parse_iso(struct str text, int64_t *ret_seconds, uint32_t *ret_nanoseconds)
{
    int64_t year = 0, month = 1, day = 1, time = 0;
    if (!take_number(&text, 4, 0, 9999, &year)) {
        return false;
    }
    if (take_char(&text, '-')) {
        if (!take_number(&text, 2, 1, 12, &month)) {
            return false;
        }
        if (take_char(&text, '-')) {
            if (!take_number(&text, 2, 1, month_days(year, month), &day)) {
                return false;
            }
            if (take_char(&text, 'T') && !take_time(&text, &time, ret_nanoseconds)) {
                return false;
            }
        }
    }
    *ret_seconds = days_of(year, month, day) * 24 * 3600 + time;
    return text.n == 0;
}

bool
policy_date_parse(struct str text, int64_t *ret_seconds, uint32_t *ret_nanoseconds)
{
    uint64_t seconds = 0;
    *ret_nanoseconds = 0;
    if (date_parse_iso(text, ret_seconds, ret_nanoseconds)) {
        return true; /* four digits are a year */
    }
    *ret_nanoseconds = 0;
    bool negative = take_char(&text, '-');
    size_t digits = 0;
    while (digits < text.n && ascii_is_digit(text.p[digits])) {
        digits++;
    }
    if (digits > 12 || !str_to_u64(str_sub(text, 0, digits), &seconds)) {
        return false;
    }
    text = str_sub(text, digits, text.n);
    if (negative) {
        *ret_seconds = -(int64_t)seconds;
        return text.n == 0;
    }
    *ret_seconds = (int64_t)seconds;
    return take_fraction(&text, ret_nanoseconds) && text.n == 0;
}

/* ---- networks ---- */

bool
policy_network_parse(struct str text, struct policy_network *ret)
{
    size_t slash = 0;
    uint64_t bits = 0;
    struct addr a;
    bool given = str_find_char(text, '/', &slash);
    if (!addr_parse(given ? str_sub(text, 0, slash) : text, 0, &a)) {
        return false;
    }
    *ret = (struct policy_network){.size = addr_is_v6(&a) ? 16 : 4};
    memcpy(ret->bytes, addr_is_v6(&a) ? (const void *)&a.in6.sin6_addr : &a.in4.sin_addr,
           ret->size);
    struct str length = str_sub(text, slash + 1, text.n);
    if (given && (length.n > 3 || !str_to_u64(length, &bits) || bits > ret->size * 8)) {
        return false;
    }
    ret->bits = given ? (unsigned)bits : ret->size * 8;
    return true;
}

bool
policy_network_holds(const struct policy_network *network, const struct policy_network *ip)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (network->size != ip->size || ip->bits < network->bits ||
        memcmp(network->bytes, ip->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((network->bytes[whole] ^ ip->bytes[whole]) >> (8 - rest)) == 0;
}

/* ---- binary ---- */

static int
base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

static struct str
without_padding(struct str text)
{
    for (unsigned i = 0; i < 2 && text.n > 0 && text.p[text.n - 1] == '='; i++) {
        text.n--;
    }
    return text;
}

bool
policy_base64_is(struct str text)
{
    struct str digits = without_padding(text);
    for (size_t i = 0; i < digits.n; i++) {
        if (base64_digit(digits.p[i]) < 0) {
            return false;
        }
    }
    return digits.n % 4 != 1 && (digits.n == text.n || text.n % 4 == 0);
}

/* Byte by byte of what they stand for: the last digit may hold bits that mean nothing. */
bool
policy_base64_eq(struct str a, struct str b)
{
    static const int meant[] = {0x3f, 0x3f, 0x30, 0x3c};
    if (!policy_base64_is(a) || !policy_base64_is(b)) {
        return false;
    }
    a = without_padding(a);
    b = without_padding(b);
    if (a.n != b.n || a.n == 0) {
        return a.n == b.n;
    }
    size_t last = a.n - 1;
    return str_eq(str_sub(a, 0, last), str_sub(b, 0, last)) &&
           ((base64_digit(a.p[last]) ^ base64_digit(b.p[last])) & meant[a.n % 4]) == 0;
}

/* ---- truth ---- */

bool
policy_bool_parse(struct str text, bool *ret_value)
{
    *ret_value = str_ieq(text, STR("true"));
    return *ret_value || str_ieq(text, STR("false"));
}
