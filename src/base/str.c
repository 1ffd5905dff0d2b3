/* SPDX-License-Identifier: Apache-2.0
 * Strings as pointer and length. */
#include "base/str.h"

bool
str_ieq(struct str a, struct str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

int
str_cmp(struct str a, struct str b)
{
    size_t n = MIN_OF(a.n, b.n);
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (order != 0) {
        return order;
    }
    return (a.n > b.n) - (a.n < b.n);
}

bool
str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq((struct str){s.p, prefix.n}, prefix);
}

bool
str_istarts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_ieq((struct str){s.p, prefix.n}, prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq((struct str){s.p + (s.n - suffix.n), suffix.n}, suffix);
}

bool
str_find(struct str s, struct str needle, size_t *ret_at)
{
    if (needle.n == 0 || s.n < needle.n) {
        return false;
    }
    const char *at = memmem(s.p, s.n, needle.p, needle.n);
    if (at == NULL) {
        return false;
    }
    if (ret_at != NULL) {
        *ret_at = (size_t)(at - s.p);
    }
    return true;
}

bool
str_find_char(struct str s, char c, size_t *ret_at)
{
    const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);
    if (at == NULL) {
        return false;
    }
    if (ret_at != NULL) {
        *ret_at = (size_t)(at - s.p);
    }
    return true;
}

bool
str_rfind_char(struct str s, char c, size_t *ret_at)
{
    const char *at = s.n == 0 ? NULL : memrchr(s.p, c, s.n);
    if (at == NULL) {
        return false;
    }
    if (ret_at != NULL) {
        *ret_at = (size_t)(at - s.p);
    }
    return true;
}

struct str
str_sub(struct str s, size_t at, size_t n)
{
    if (at >= s.n) {
        return STR_NONE;
    }
    return (struct str){s.p + at, MIN_OF(n, s.n - at)};
}

struct str
str_trim(struct str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
        s.n--;
    }
    return s;
}

bool
str_cut(struct str *rest, char separator, struct str *ret_piece)
{
    if (rest->p == NULL) {
        return false;
    }
    size_t at;
    if (!str_find_char(*rest, separator, &at)) {
        *ret_piece = *rest;
        *rest = STR_NONE;
        return true;
    }
    *ret_piece = (struct str){rest->p, at};
    rest->p += at + 1;
    rest->n -= at + 1;
    return true;
}

bool
str_to_u64(struct str s, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (s.n == 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

bool
str_to_int_range(struct str s, int64_t min, int64_t max, int64_t *ret_value)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t magnitude;
    if (!str_to_u64(negative ? str_sub(s, 1, s.n) : s, &magnitude) || magnitude > INT64_MAX) {
        return false;
    }
    int64_t value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    if (value < min || value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool
str_copy_z(struct str s, char *to, size_t size)
{
    if (s.n >= size) {
        if (size > 0) {
            to[0] = '\0';
        }
        return false;
    }
    if (s.n > 0) {
        memcpy(to, s.p, s.n);
    }
    to[s.n] = '\0';
    return true;
}

size_t
str_distance(struct str a, struct str b)
{
    size_t row[65];
    a.n = MIN_OF(a.n, (size_t)64);
    b.n = MIN_OF(b.n, (size_t)64);
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t above = row[j];
            size_t change = diagonal + (ascii_lower(a.p[i - 1]) != ascii_lower(b.p[j - 1]));
            row[j] = MIN_OF(change, MIN_OF(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b.n];
}
