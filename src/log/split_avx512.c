/* SPDX-License-Identifier: Apache-2.0
 * Splits log lines with AVX-512: a block is one register, and where the separators are is packed by
 * one instruction (VBMI2). */
#include "log/read_int.h"

#ifdef __x86_64__

#include <immintrin.h>

#define SPLIT_HAS_BITS
#define SPLIT_TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi2,pclmul,popcnt")))

static inline SPLIT_TARGET struct log_masks
block_masks(const char *p)
{
    __m512i block = _mm512_loadu_si512(p);
    return (struct log_masks){_mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(' ')),
                              _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('"')),
                              _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8('\\'))};
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

/* Sixteen at once: the usual block has fewer. */
static inline SPLIT_TARGET void
store_bits(uint64_t bits, uint32_t base, uint32_t *to)
{
    static const _Alignas(64) unsigned char numbers[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i at = _mm512_maskz_compress_epi8(bits, _mm512_load_si512(numbers));
    __m512i from = _mm512_set1_epi32((int)base);
    _mm512_storeu_si512(to,
                        _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(at))));
    if (UNLIKELY(count_bits(bits) > 16)) {
        __m128i second = _mm512_extracti32x4_epi32(at, 1);
        __m128i third = _mm512_extracti32x4_epi32(at, 2);
        _mm512_storeu_si512(to + 16, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(second)));
        if (count_bits(bits) > 32) {
            _mm512_storeu_si512(to + 32, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(third)));
        }
    }
}

#include "log/split_loop.h"

static bool
usable(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("pclmul") &&
           __builtin_cpu_supports("popcnt");
}

const struct log_splitter log_split_avx512 = {"avx512", usable, split_loop};

#endif
