/* SPDX-License-Identifier: Apache-2.0
 * Benchmark: unpacking a log as a stream, by each way that there is, beside libdeflate that holds
 * the whole file in memory. Megabytes of text per second. */
#include "query/source_int.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

#include <libdeflate.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEXT_BYTES = 64 << 20, ROUNDS = 5, LEVEL = 6 };

static void
make_text(struct buf *out)
{
    static const char *const paths[] = {"/", "/cart", "/user/", "/api/v1/items/", "/static/app.js"};
    struct rand r;
    rand_seed(&r, 1);
    out->max = 2 * (size_t)TEXT_BYTES;
    for (unsigned i = 0; out->n < TEXT_BYTES; i++) {
        buf_addf(out,
                 "https 2026-09-23T11:%02u:%02u.%06uZ app/edge-one/0a1b2c3d4e5f6071 192.0.2.%u:%u "
                 "10.0.0.%u:8443 0.00%u 0.%03u 0.000 200 200 %u %u \"GET "
                 "https://shop.example:443%s%u HTTP/2.0\" \"Mozilla/5.0 (X11; Linux x86_64) "
                 "Chrome/1%u.0\" TLS_AES_128_GCM_SHA256 TLSv1.3 "
                 "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/"
                 "99aabbccddeeff00 \"Root=1-%08x-%016llx\" \"shop.example\" \"-\" 10 "
                 "2026-09-23T11:02:31.404000Z \"forward\" \"-\" \"-\" \"-\" \"200\" \"-\" \"-\" "
                 "TID_%016llx%016llx \"-\" \"-\" \"-\"\n",
                 i / 60000 % 60, i / 1000 % 60, i % 1000000, (unsigned)rand_below(&r, 256),
                 (unsigned)rand_below(&r, 60000), (unsigned)rand_below(&r, 9),
                 (unsigned)rand_below(&r, 9), (unsigned)rand_below(&r, 999),
                 (unsigned)rand_below(&r, 2000), (unsigned)rand_below(&r, 40000),
                 paths[rand_below(&r, COUNT_OF(paths))], (unsigned)rand_below(&r, 3000),
                 (unsigned)rand_below(&r, 40), i, (unsigned long long)rand_u64(&r),
                 (unsigned long long)rand_u64(&r), (unsigned long long)rand_u64(&r));
    }
}

static void
say(const char *name, uint64_t best_us)
{
    (void)printf("%-24s %6llu MB/s\n", name,
                 (unsigned long long)(TEXT_BYTES / MAX_OF(best_us, 1ULL)));
}

static void
bench_stream(const struct inflate_ops *ops, const struct query_file *file, uint64_t bytes)
{
    struct query_stream *s AUTO(query_stream_close) = stream_new(ops);
    struct query_block block;
    uint64_t best_us = UINT64_MAX;
    stream_uncounted(s);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t begin_us = clock_mono_us(), sum = 0;
        ASSERT(stream_begin(s, file, NULL) == ERR_OK);
        while (query_stream_next(s, &block, NULL) == IO_DONE) {
            sum += block.n;
        }
        stream_end(s);
        ASSERT(sum == bytes);
        best_us = MIN_OF(best_us, clock_mono_us() - begin_us);
    }
    say(ops->name, best_us);
}

static void
bench_libdeflate(struct str packed, uint64_t bytes)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    char *text = xalloc(bytes);
    uint64_t best_us = UINT64_MAX;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t n = 0;
        uint64_t begin_us = clock_mono_us();
        ASSERT(libdeflate_gzip_decompress(d, packed.p, packed.n, text, bytes, &n) ==
               LIBDEFLATE_SUCCESS);
        best_us = MIN_OF(best_us, clock_mono_us() - begin_us);
    }
    libdeflate_free_decompressor(d);
    xfree(text);
    say("libdeflate, whole buffer", best_us);
}

int
main(void)
{
    struct buf text AUTO(buf_free) = {0};
    make_text(&text);
    size_t size = text.n;
    char *packed AUTO(xfree_ptr) = xalloc(size);
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(LEVEL);
    size_t n = libdeflate_gzip_compress(c, text.p, text.n, packed, size);
    libdeflate_free_compressor(c);
    int fd = memfd_create("bench", MFD_CLOEXEC);
    ASSERT(n > 0 && fd >= 0 && write(fd, packed, n) == (ssize_t)n);
    char *path AUTO(xfree_ptr) = xprintf("/proc/self/fd/%d", fd);
    const struct query_file file = {.path = path};
    bench_libdeflate((struct str){packed, n}, text.n);
    bench_stream(inflate_best(), &file, text.n);
    bench_stream(&inflate_zlib, &file, text.n);
    return 0;
}
