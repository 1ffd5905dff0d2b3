/* SPDX-License-Identifier: Apache-2.0
 * Escapes of the access log: what is not plain becomes \xHH in upper-case hex [ALB log 1.2]. */
#include "log/log_int.h"

enum { ESCAPE_BYTES = 4 }; /* "\xHH" */

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

static inline bool
is_plain(unsigned char c, unsigned first)
{
    return c >= first && c < 0x7f && c != '"' && c != '\\';
}

/* Is one of the eight bytes zero? */
static inline bool
has_zero(uint64_t w)
{
    return ((w - ONES) & ~w & HIGH) != 0;
}

/* All eight bytes plain? Texts have few others, so this copies eight bytes at a time. */
static inline bool
is_plain_word(uint64_t w, unsigned first)
{
    bool low = ((w - ONES * first) & ~w & HIGH) != 0;
    bool high = (((w + ONES) | w) & HIGH) != 0;
    return !low && !high && !has_zero(w ^ (ONES * '"')) && !has_zero(w ^ (ONES * '\\'));
}

static char *
put_escape(char *p, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    p[0] = '\\';
    p[1] = 'x';
    p[2] = hex[c >> 4];
    p[3] = hex[c & 15];
    return p + ESCAPE_BYTES;
}

/* Plain bytes from the front, eight at a time; the end of a longer text is copied as the eight
 * bytes that end it, over what was copied before. Returns how many. */
static inline size_t
copy_plain_words(char *p, const char *from, size_t n, unsigned first)
{
    uint64_t w;
    size_t done = 0;
    for (; n - done >= sizeof(w); done += sizeof(w)) {
        memcpy(&w, from + done, sizeof(w));
        if (UNLIKELY(!is_plain_word(w, first))) {
            return done;
        }
        memcpy(p + done, &w, sizeof(w));
    }
    if (done > 0 && done < n) {
        memcpy(&w, from + n - sizeof(w), sizeof(w));
        if (LIKELY(is_plain_word(w, first))) {
            memcpy(p + n - sizeof(w), &w, sizeof(w));
            return n;
        }
    }
    return done;
}

char *
log_escape(char *p, const char *limit, struct str *rest, enum log_escape how)
{
    unsigned first = (unsigned)how;
    const char *from = rest->p;
    size_t left = rest->n;
    while (left > 0) {
        size_t room = (size_t)(limit - p);
        size_t plain = copy_plain_words(p, from, MIN_OF(left, room), first);
        p += plain;
        from += plain;
        left -= plain;
        room -= plain;
        /* one by one for a word's length: an odd byte costs one pass over its neighbours */
        for (unsigned i = 0; i < sizeof(uint64_t) && left > 0; i++, from++, left--) {
            unsigned char c = (unsigned char)*from;
            bool as_is = is_plain(c, first);
            size_t needed = as_is ? 1 : ESCAPE_BYTES;
            if (room < needed) {
                *rest = (struct str){from, left};
                return p;
            }
            if (as_is) {
                *p++ = (char)c;
            } else {
                p = put_escape(p, c);
            }
            room -= needed;
        }
    }
    *rest = (struct str){from, left};
    return p;
}

void
out_log_escaped(struct out *o, struct str s)
{
    char *end = log_escape(o->p, o->end, &s, LOG_ESCAPE_TEXT);
    if (UNLIKELY(s.n > 0)) {
        o->full = true;
        return;
    }
    o->p = end;
}
