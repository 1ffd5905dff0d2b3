/* SPDX-License-Identifier: Apache-2.0
 * Splits log lines with AVX2 and the carry-less multiplication. */
#include "log/read_int.h"

#ifdef __x86_64__

#include <immintrin.h>

#define SPLIT_HAS_BITS
#define SPLIT_TARGET __attribute__((target("avx2,pclmul,bmi,popcnt")))

static inline SPLIT_TARGET uint64_t
equal64(__m256i low, __m256i high, char c)
{
    __m256i all = _mm256_set1_epi8(c);
    uint32_t first = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all));
    uint32_t second = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all));
    return first | (uint64_t)second << 32;
}

static inline SPLIT_TARGET struct log_masks
block_masks(const char *p)
{
    __m256i low = _mm256_loadu_si256((const void *)p);
    __m256i high = _mm256_loadu_si256((const void *)(p + 32));
    return (struct log_masks){equal64(low, high, ' '), equal64(low, high, '"'),
                              equal64(low, high, '\\')};
}

/* A product without carries by all ones adds each bit to all above it. */
static inline SPLIT_TARGET uint64_t
prefix_xor(uint64_t bits)
{
    __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)bits), _mm_set1_epi8((char)0xff), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

static inline SPLIT_TARGET unsigned
count_bits(uint64_t bits)
{
    return (unsigned)_mm_popcnt_u64(bits);
}

/* In fours, so that the number of bits of a block is seldom a surprise for the processor; behind
 * the last bit _tzcnt_u64 gives 64, which is overwritten later. */
static inline SPLIT_TARGET void
store_bits(uint64_t bits, uint32_t base, uint32_t *to)
{
    do {
        for (unsigned i = 0; i < 4; i++) {
            to[i] = base + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
        }
        to += 4;
    } while (bits != 0);
}

#include "log/split_loop.h"

static bool
usable(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}

const struct log_splitter log_split_avx2 = {"avx2", usable, split_loop};

#endif
