/* SPDX-License-Identifier: Apache-2.0
 * Strings as pointer and length. A `struct str` borrows its bytes; who owns them stands where it is
 * kept. The bytes need not end in NUL and may hold any value. All comparisons are on bytes; "i"
 * variants fold ASCII letters only. */
#pragma once

#include "base/defs.h"

#include <string.h>

struct str {
    const char *p; /* borrowed; may be NULL when n is 0 */
    size_t n;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_ARG(s) (int)(s).n, (s).p == NULL ? "" : (s).p /* for "%.*s" */

static inline struct str
str_of(const char *text)
{
    return (struct str){text, text == NULL ? 0 : strlen(text)};
}

static inline struct str
str_span(const char *begin, const char *end)
{
    return (struct str){begin, (size_t)(end - begin)};
}

static inline bool
str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char
ascii_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c;
}

static inline bool
ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
ascii_is_alnum(char c)
{
    return ascii_is_digit(c) || ascii_is_alpha(c);
}

bool str_ieq(struct str a, struct str b);
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Does `needle` occur in `s`? Position in *ret_at (may be NULL). */
bool str_find(struct str s, struct str needle, size_t *ret_at);
bool str_find_char(struct str s, char c, size_t *ret_at);
bool str_rfind_char(struct str s, char c, size_t *ret_at);

/* The part of `s` from `at`, at most `n` bytes; clamped to what is there. */
struct str str_sub(struct str s, size_t at, size_t n);

/* Without blanks and tabs at both ends. */
struct str str_trim(struct str s);

/* Takes the next piece up to `separator` off the front of *rest (separator dropped).
 * Returns false when nothing is left. "a,,b" gives "a", "", "b". An empty *rest with p == NULL
 * ends. */
bool str_cut(struct str *rest, char separator, struct str *ret_piece);

/* Decimal digits only, no sign, no blanks, no overflow; false otherwise. */
bool str_to_u64(struct str s, uint64_t *ret_value);
bool str_to_int_range(struct str s, int64_t min, int64_t max, int64_t *ret_value);

/* Copies into `to` of `size` bytes with a NUL; false (and an empty string) if it does not fit. */
bool str_copy_z(struct str s, char *to, size_t size) MUST_USE;

/* Edits needed to turn a into b (Levenshtein, ASCII case folded, at most 64 bytes each looked at).
 */
size_t str_distance(struct str a, struct str b);
