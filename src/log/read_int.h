/* SPDX-License-Identifier: Apache-2.0
 * What the files of the log reader share: the splitters, one for each kind of processor, and words
 * of eight bytes. */
#pragma once

#include "log/read.h"

/* ---- splitters ---- */

enum {
    LOG_BLOCK = 64, /* bytes that are looked at at once */
    /* A splitter stores a block's separators in groups of up to 16, so that some room behind the
     * last field is needed; lines of more fields take the careful way. */
    LOG_SPLIT_GROUP = 16,
    LOG_SPLIT_FIELDS_MAX = LOG_FIELDS_MAX - LOG_SPLIT_GROUP,
};

/* One way to find the fields, for a processor. `run` fills p, n, count and begin of *l; false: the
 * line has a backslash before a quotation mark, is not well quoted or has too many fields, and
 * *l holds nothing of use. Bytes up to LOG_READ_PAD behind the line are read and ignored. */
struct log_splitter {
    const char *name;
    bool (*usable)(void); /* on this processor */
    bool (*run)(const char *p, size_t n, struct log_line *l);
};

/* The fastest first; the last one runs everywhere. */
const struct log_splitter *log_splitter(size_t index); /* NULL behind the last */

extern const struct log_splitter log_split_plain;
#ifdef __x86_64__
extern const struct log_splitter log_split_sse2;
extern const struct log_splitter log_split_avx2;
extern const struct log_splitter log_split_avx512;
#endif

/* The reading that decides, byte by byte: where the fields are and what is wrong with the quoting.
 * `escapes`: `\"` is no quotation mark. Any number of fields. */
enum log_fault log_split_carefully(const char *p, size_t n, bool escapes, struct log_line *l);

/* Where the bytes that matter stand in a block: bit i is byte i. */
struct log_masks {
    uint64_t blank, quote, backslash;
};

/* ---- values.c ---- */

struct log_civil {
    unsigned year, month, day, hour, minute, second;
};
/* Since 1970, UTC; false for what is in no calendar, and before 1970. No leap seconds. */
bool log_civil_us(const struct log_civil *c, uint64_t *ret_us);

/* ---- words of eight bytes: byte 0 is the lowest on every machine ---- */

#define LOG_ONES UINT64_C(0x0101010101010101)
#define LOG_HIGH UINT64_C(0x8080808080808080)

static inline uint64_t
log_load8(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

/* Are all eight bytes digits? */
static inline bool
log_all_digits(uint64_t w)
{
    const uint64_t upper = LOG_ONES * 0xf0;
    return (w & upper) == LOG_ONES * '0' && ((w + LOG_ONES * 6) & upper) == LOG_ONES * '0';
}

/* The value of eight digits: pairs, then fours, then all. */
static inline uint32_t
log_value8(uint64_t digits)
{
    uint64_t w = digits - LOG_ONES * '0';
    w = w * 10 + (w >> 8);
    const uint64_t pair = UINT64_C(0x000000ff000000ff);
    w = (w & pair) * (100 + (UINT64_C(1000000) << 32)) +
        ((w >> 16) & pair) * (1 + (UINT64_C(10000) << 32));
    return (uint32_t)(w >> 32);
}
