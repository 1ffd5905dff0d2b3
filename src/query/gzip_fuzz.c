/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a file: both ways of inflating hand out the same text, whole lines only. */
#include "query/source_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* How a stream ended, and what it handed out: enough to compare. */
struct outcome {
    enum io end;
    uint64_t bytes, hash;
};

static struct outcome
outcome_of(const struct inflate_ops *ops, const struct query_file *file)
{
    struct query_stream *s AUTO(query_stream_close) = stream_new(ops);
    struct query_block block;
    struct outcome o = {.hash = 1};
    ASSERT(stream_begin(s, file, NULL) == ERR_OK);
    while ((o.end = query_stream_next(s, &block, NULL)) == IO_DONE) {
        ASSERT(block.n > 0 && block.p[block.n - 1] == '\n');
        ASSERT(block.p[block.n + LOG_READ_PAD - 1] | 1); /* readable */
        for (size_t i = 0; i < block.n; i++) {
            o.hash = o.hash * 31 + (unsigned char)block.p[i];
        }
        o.bytes += block.n;
    }
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    ASSERT(fd >= 0);
    ASSERT(write(fd, data, n) == (ssize_t)n);
    char *path = xprintf("/proc/self/fd/%d", fd);
    const struct query_file file = {.path = path};
    struct outcome zlib = outcome_of(&inflate_zlib, &file);
    struct outcome best = outcome_of(inflate_best(), &file);
    /* Where a damaged stream is given up, they may differ: how much was unpacked before. */
    ASSERT(zlib.end == best.end);
    ASSERT(zlib.end == IO_FAIL || (zlib.bytes == best.bytes && zlib.hash == best.hash));
    xfree(path);
    (void)close(fd); /* it holds nothing that is needed */
    return 0;
}
