/* SPDX-License-Identifier: Apache-2.0
 * Splits log lines on any processor: eight bytes at a time in ordinary registers. */
#include "log/read_int.h"

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

#include "log/split_loop.h"

static bool
usable(void)
{
    return true;
}

const struct log_splitter log_split_plain = {"plain", usable, split_loop};
