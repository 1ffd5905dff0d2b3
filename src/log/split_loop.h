/* SPDX-License-Identifier: Apache-2.0
 * The loop of all splitters: blocks of 64 bytes as sets of bits, bit i is byte i. The file that
 * includes this has defined what depends on the processor (else it is done in ordinary registers):
 *
 *     SPLIT_TARGET      attributes of the functions
 *     block_masks(p)    where blanks, quotation marks and backslashes are
 *
 * and, with SPLIT_HAS_BITS, better ways than those below to do
 *
 *     prefix_xor(bits)  bit i: the parity of bits 0 to i
 *     count_bits(bits)
 *     store_bits(bits, base, to)  base + i for each bit i, from `to` on; it may write up to
 *                       LOG_SPLIT_GROUP words where one is asked for
 *
 * The decisions are the same for all, so there is one text of them. */
#pragma once

#include "log/read_int.h"

#ifndef SPLIT_TARGET

#define SPLIT_TARGET

/* One bit for each of the eight bytes that is `c`. */
static inline uint64_t
equal8(uint64_t w, char c)
{
    const uint64_t low = ~LOG_HIGH;
    uint64_t x = w ^ (LOG_ONES * (unsigned char)c);
    uint64_t zero = ~(((x & low) + low) | x) & LOG_HIGH; /* the top bit of each byte that is 0 */
    return ((zero >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

static inline struct log_masks
block_masks(const char *p)
{
    struct log_masks m = {0, 0, 0};
    for (unsigned i = 0; i < LOG_BLOCK; i += 8) {
        uint64_t w = log_load8(p + i);
        m.blank |= equal8(w, ' ') << i;
        m.quote |= equal8(w, '"') << i;
        m.backslash |= equal8(w, '\\') << i;
    }
    return m;
}

#endif

#ifndef SPLIT_HAS_BITS

static inline uint64_t
prefix_xor(uint64_t bits)
{
    for (unsigned shift = 1; shift < LOG_BLOCK; shift *= 2) {
        bits ^= bits << shift;
    }
    return bits;
}

static inline unsigned
count_bits(uint64_t bits)
{
    bits -= (bits >> 1) & (UINT64_MAX / 3);
    bits = (bits & (UINT64_MAX / 5)) + ((bits >> 2) & (UINT64_MAX / 5));
    bits = (bits + (bits >> 4)) & (UINT64_MAX / 17);
    return (unsigned)((bits * LOG_ONES) >> 56);
}

static inline void
store_bits(uint64_t bits, uint32_t base, uint32_t *to)
{
    for (; bits != 0; bits &= bits - 1) {
        *to++ = base + (uint32_t)__builtin_ctzll(bits);
    }
}

#endif

/* What a block must know of the one before it. */
struct carry {
    uint64_t inside;    /* all ones: it ended inside quotes */
    uint64_t separator; /* 1: a field begins here */
    uint64_t closing;   /* 1: a quotation mark was closed: only a separator may follow */
    uint64_t backslash; /* 1: its last byte */
};

/* The separators of a block. A quotation mark that may not stand where it does is noted in *odd:
 * one behind a backslash, an opening one without a separator before it, a closing one without a
 * separator behind it. */
static inline SPLIT_TARGET uint64_t
block_separators(struct log_masks m, uint64_t valid, struct carry *c, uint64_t *odd)
{
    uint64_t quote = m.quote & valid;
    uint64_t inside = prefix_xor(quote) ^ c->inside; /* with the opening mark, without the other */
    uint64_t separator = m.blank & valid & ~inside;
    uint64_t opening = quote & inside;
    uint64_t closing = quote & ~inside;
    *odd |= quote & (m.backslash << 1 | c->backslash);
    *odd |= opening & ~(separator << 1 | c->separator);
    *odd |= (closing << 1 | c->closing) & ~separator & valid;
    *c = (struct carry){(uint64_t)0 - (inside >> 63), separator >> 63, closing >> 63,
                        m.backslash >> 63};
    return separator;
}

static inline SPLIT_TARGET bool
split_loop(const char *p, size_t n, struct log_line *l)
{
    struct carry c = {0, 1, 0, 0};
    uint64_t odd = 0;
    uint32_t count = 1;
    l->p = p;
    l->n = (uint32_t)n;
    l->begin[0] = 0;
    for (size_t at = 0; at < n; at += LOG_BLOCK) {
        size_t left = n - at;
        uint64_t valid = left >= LOG_BLOCK ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
        uint64_t bits = block_separators(block_masks(p + at), valid, &c, &odd);
        uint32_t more = count_bits(bits);
        if (UNLIKELY(count + more > LOG_SPLIT_FIELDS_MAX)) {
            return false;
        }
        store_bits(bits, (uint32_t)at + 1, l->begin + count);
        count += more;
    }
    l->begin[count] = (uint32_t)n + 1;
    l->count = count;
    return (odd | c.inside) == 0;
}
