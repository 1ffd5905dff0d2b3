/* SPDX-License-Identifier: Apache-2.0
 * A folder of its own for a test: files are written into it, plain or gzip, and all goes at the
 * end. */
#pragma once

#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char test_root[64];

static int
test_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void
test_folder_remove(void)
{
    if (test_root[0] != '\0') {
        (void)nftw(test_root, test_remove, 16, FTW_DEPTH | FTW_PHYS); /* as far as it can */
        test_root[0] = '\0';
    }
}

/* A new empty one; that of the test before goes. */
static void
test_folder(void)
{
    static bool registered;
    test_folder_remove();
    (void)snprintf(test_root, sizeof(test_root), "%s", "/tmp/openalb-query-XXXXXX");
    CHECK(mkdtemp(test_root) != NULL);
    if (!registered) {
        registered = true;
        CHECK_INT(atexit(test_folder_remove), 0);
    }
}

/* "ROOT/name"; xfree it. */
static char *
test_path(const char *name)
{
    return xprintf("%s/%s", test_root, name);
}

static void
test_write_flags(const char *name, struct str text, int flags)
{
    char *path AUTO(xfree_ptr) = test_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text.p, text.n), (ssize_t)text.n);
    CHECK_INT(close(fd), 0);
}

UNUSED static void
test_write(const char *name, struct str text)
{
    test_write_flags(name, text, O_TRUNC);
}

UNUSED static void
test_append(const char *name, struct str text)
{
    test_write_flags(name, text, O_APPEND);
}

/* One gzip member around `text`, appended to `out`. */
UNUSED static void
test_gzip(struct buf *out, struct str text)
{
    union {
        const char *text;
        unsigned char *zlib; /* never written through */
    } input = {text.p};
    z_stream z = {0};
    CHECK_INT(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t size = deflateBound(&z, text.n);
    unsigned char *to = xalloc(size);
    z.next_in = input.zlib;
    z.avail_in = (unsigned)text.n;
    z.next_out = to;
    z.avail_out = (unsigned)size;
    CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_add(out, to, size - z.avail_out);
    CHECK_INT(deflateEnd(&z), Z_OK);
    xfree(to);
}

UNUSED static void
test_write_gzip(const char *name, struct str text)
{
    struct buf packed AUTO(buf_free) = {0};
    test_gzip(&packed, text);
    test_write(name, buf_str(&packed));
}
