/* SPDX-License-Identifier: Apache-2.0
 * Splits log lines with SSE2, which every x86-64 processor has. */
#include "log/read_int.h"

#ifdef __x86_64__

#include <immintrin.h>

#define SPLIT_TARGET

static inline uint64_t
equal64(const __m128i block[static 4], char c)
{
    __m128i all = _mm_set1_epi8(c);
    uint64_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned part = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block[i], all));
        bits |= (uint64_t)part << (16 * i);
    }
    return bits;
}

static inline struct log_masks
block_masks(const char *p)
{
    __m128i block[4];
    for (unsigned i = 0; i < 4; i++) {
        block[i] = _mm_loadu_si128((const void *)(p + 16 * (size_t)i));
    }
    return (struct log_masks){equal64(block, ' '), equal64(block, '"'), equal64(block, '\\')};
}

#include "log/split_loop.h"

static bool
usable(void)
{
    return true;
}

const struct log_splitter log_split_sse2 = {"sse2", usable, split_loop};

#endif
