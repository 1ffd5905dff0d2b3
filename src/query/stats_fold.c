/* SPDX-License-Identifier: Apache-2.0
 * Path folding: parts of a path that are numbers or identifiers become "*", so that requests of one
 * kind count together. */
#include "query/stats_int.h"

enum { DIGIT = 1, HEX = 2, DASH = 4, OTHER = 8, END = 16 }; /* END: of what may become "*" */
enum { HEX_MIN = 8, UUID_LENGTH = 36 };

/* What is not listed is zero and thereby OTHER. */
#define LISTED(class) ((class) ^ OTHER)
static const uint8_t byte_class[256] = {
    ['0' ... '9'] = LISTED(DIGIT), ['a' ... 'f'] = LISTED(HEX), ['A' ... 'F'] = LISTED(HEX),
    ['-'] = LISTED(DASH),          ['.'] = LISTED(END),         ['/'] = LISTED(END),
};

static inline unsigned
class_of(char c)
{
    return LISTED((unsigned)byte_class[(uint8_t)c]);
}

/* Every byte below '0' and above '9' sets the upper bit of its place. */
static bool
has_digit(struct str s)
{
    const uint64_t ones = 0x0101010101010101u;
    for (size_t at = 0; at < s.n; at += 8) {
        uint64_t word = stats_load8(s.p + at) ^ ones * '0';
        uint64_t no_digit = (((word & ones * 0x7f) + ones * 0x76) | word) & ones * 0x80;
        uint64_t inside = stats_mask(MIN_OF(s.n - at, (size_t)8));
        if ((~no_digit & ones * 0x80 & inside) != 0) {
            return true;
        }
    }
    return false;
}

static bool
is_uuid(const char *p, size_t n)
{
    if (n != UUID_LENGTH) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool wanted = i == 8 || i == 13 || i == 18 || i == 23;
        if (wanted != (p[i] == '-')) {
            return false;
        }
    }
    return true;
}

/* How many bytes at the beginning of a segment become "*". */
static size_t
folding(const char *p, const char *end)
{
    unsigned seen = 0;
    const char *at = p;
    for (; at < end && class_of(*at) != END; at++) {
        seen |= class_of(*at);
    }
    size_t n = (size_t)(at - p);
    bool id = seen == DIGIT || (seen == (DIGIT | HEX) && n >= HEX_MIN) ||
              ((seen & (unsigned)~HEX) == (DIGIT | DASH) && is_uuid(p, n));
    if (id && at < end && *at == '.') {
        id = at + 1 < end && ascii_is_alpha(at[1]);
    }
    return id ? n : 0;
}

struct str
stats_fold(struct str path, char *scratch)
{
    if (!has_digit(path)) {
        return path;
    }
    const char *end = path.p + path.n;
    const char *kept = path.p; /* what is not yet in the scratch */
    char *to = scratch;
    for (const char *segment = path.p; segment != NULL && segment < end;) {
        size_t n = folding(segment, end);
        if (n > 0) {
            size_t before = (size_t)(segment - kept);
            memcpy(to, kept, before);
            to += before;
            *to++ = '*';
            kept = segment + n;
        }
        const char *slash = memchr(segment + n, '/', (size_t)(end - segment) - n);
        segment = slash == NULL ? NULL : slash + 1;
    }
    if (to == scratch) {
        return path;
    }
    size_t rest = (size_t)(end - kept);
    memcpy(to, kept, rest);
    return (struct str){scratch, (size_t)(to - scratch) + rest};
}

void
stats_fold_path(struct out *o, struct str path)
{
    const char *end = path.p + path.n;
    for (const char *segment = path.p; path.n > 0 && segment <= end;) {
        size_t n = folding(segment, end);
        if (n > 0) {
            out_char(o, '*');
        }
        const char *rest = segment + n;
        const char *slash = memchr(rest, '/', (size_t)(end - rest));
        const char *next = slash == NULL ? end : slash + 1;
        out_str(o, str_span(rest, next));
        segment = slash == NULL ? end + 1 : next;
    }
}
