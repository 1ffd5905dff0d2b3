/* SPDX-License-Identifier: Apache-2.0
 * Inflating by zlib: on every machine, and the judge of the faster one in the tests. */
#include "query/source_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <zlib.h>

enum { RAW_WINDOW = -15 }; /* 32 KB, no wrapper */

static void *
zlib_open(void)
{
    z_stream *z = xalloc(sizeof(*z));
    ASSERT(inflateInit2(z, RAW_WINDOW) == Z_OK); /* fails without memory only, as xalloc does */
    return z;
}

static void
zlib_close(void *state)
{
    (void)inflateEnd(state); /* its state is sound */
    xfree(state);
}

static void
zlib_reset(void *state)
{
    ASSERT(inflateReset(state) == Z_OK);
}

static enum inflate_step
zlib_step(void *state, const unsigned char **in, const unsigned char *in_end, unsigned char **out,
          unsigned char *out_end)
{
    z_stream *z = state;
    union {
        const unsigned char *p;
        unsigned char *zlib; /* never written through */
    } input = {*in};
    z->next_in = input.zlib;
    z->avail_in = (unsigned)(in_end - *in);
    z->next_out = *out;
    z->avail_out = (unsigned)(out_end - *out);
    int rc = inflate(z, Z_NO_FLUSH);
    *in = z->next_in;
    *out = z->next_out;
    if (rc == Z_STREAM_END) {
        return INFLATE_END;
    }
    return rc == Z_OK || rc == Z_BUF_ERROR ? INFLATE_MORE : INFLATE_BAD;
}

static uint32_t
zlib_crc(uint32_t so_far, const unsigned char *p, size_t n)
{
    return (uint32_t)crc32_z(so_far, p, n);
}

const struct inflate_ops inflate_zlib = {
    .name = "zlib",
    .open = zlib_open,
    .close = zlib_close,
    .reset = zlib_reset,
    .step = zlib_step,
    .crc = zlib_crc,
};
