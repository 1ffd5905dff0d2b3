/* SPDX-License-Identifier: Apache-2.0
 * A file as one gzip member, in constant memory. */
#include "log/log_int.h"

#include "base/mem.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

enum {
    GZIP_CHUNK = 64 * 1024,
    GZIP_LEVEL = 6,
    GZIP_WINDOW = 15 + 16, /* 32 KB, gzip instead of zlib around it */
    GZIP_MEMORY = 8,
};

struct gzip {
    z_stream z;
    int from, to;
    uint64_t read_at, write_at, bytes;
    unsigned char in[GZIP_CHUNK];
    unsigned char out[GZIP_CHUNK];
};

/* Reads the next chunk; a file that is shorter than promised is an error. */
static enum err
gzip_fill(struct gzip *g, struct errinfo *reterr)
{
    size_t want = (size_t)MIN_OF(g->bytes - g->read_at, (uint64_t)GZIP_CHUNK);
    ssize_t got;
    do {
        got = want == 0 ? 0 : pread(g->from, g->in, want, (off_t)g->read_at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return err_errno(reterr, "cannot read a spool file");
    }
    if (got == 0 && want > 0) {
        return err_set(reterr, ERR_INVALID, "a spool file became shorter while it was read");
    }
    g->read_at += (uint64_t)got;
    g->z.next_in = g->in;
    g->z.avail_in = (unsigned)got;
    return ERR_OK;
}

static enum err
gzip_drain(struct gzip *g, struct errinfo *reterr)
{
    size_t n = GZIP_CHUNK - g->z.avail_out;
    if (!tree_pwrite(g->to, (const char *)g->out, n, g->write_at)) {
        return err_errno(reterr, "cannot write a log object");
    }
    g->write_at += n;
    g->z.next_out = g->out;
    g->z.avail_out = GZIP_CHUNK;
    return ERR_OK;
}

static enum err
gzip_run(struct gzip *g, struct errinfo *reterr)
{
    int rc = Z_OK;
    while (rc != Z_STREAM_END) {
        if (g->z.avail_in == 0) {
            TRY(gzip_fill(g, reterr));
        }
        rc = deflate(&g->z, g->read_at == g->bytes ? Z_FINISH : Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return err_set(reterr, ERR_SYSTEM, "zlib error %d", rc);
        }
        TRY(gzip_drain(g, reterr));
    }
    return ERR_OK;
}

enum err
log_gzip(int from, uint64_t bytes, int to, struct errinfo *reterr)
{
    struct gzip *g AUTO(xfree_ptr) = xalloc(sizeof(*g));
    g->from = from;
    g->to = to;
    g->bytes = bytes;
    g->z.next_out = g->out;
    g->z.avail_out = GZIP_CHUNK;
    /* zlib's own header: no name, time 0 */
    int rc =
        deflateInit2(&g->z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY);
    if (rc != Z_OK) {
        return err_set(reterr, ERR_NO_MEMORY, "zlib cannot start: error %d", rc);
    }
    enum err e = gzip_run(g, reterr);
    (void)deflateEnd(&g->z); /* complains about data that was not taken: then e tells */
    return e;
}
