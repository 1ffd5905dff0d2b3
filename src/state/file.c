/* SPDX-License-Identifier: Apache-2.0
 * Small files, replaced and read as a whole. */
#include "state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Closes what a descriptor variable holds; for AUTO. */
static void
fd_close(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* what had to be on disk was fsynced and checked before */
    }
}

static enum err
write_all(int fd, const char *name, struct str text, struct errinfo *reterr)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_errno(reterr, "cannot write '%s'", name);
        }
        text = str_sub(text, (size_t)n, text.n);
    }
    return ERR_OK;
}

/* A fresh file of our own: whatever lay under this name before, a link too, is not followed. */
static enum err
write_new(int dirfd, const char *name, struct str text, mode_t mode, struct errinfo *reterr)
{
    if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT) {
        return err_errno(reterr, "cannot remove the old '%s'", name);
    }
    AUTO(fd_close)
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        return err_errno(reterr, "cannot create '%s'", name);
    }
    if (fchmod(fd, mode) != 0) {
        return err_errno(reterr, "cannot set the mode of '%s'", name);
    }
    TRY(write_all(fd, name, text, reterr));
    if (fsync(fd) != 0) {
        return err_errno(reterr, "cannot write '%s' to the disk", name);
    }
    return ERR_OK;
}

enum err
file_store(int dirfd, const char *name, struct str text, mode_t mode, struct errinfo *reterr)
{
    char temporary[NAME_MAX + 1];
    int n = snprintf(temporary, sizeof(temporary), "%s.new", name);
    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        return err_set(reterr, ERR_INVALID, "the file name '%s' is too long", name);
    }
    enum err e = write_new(dirfd, temporary, text, mode, reterr);
    if (e == ERR_OK && renameat(dirfd, temporary, dirfd, name) != 0) {
        e = err_errno(reterr, "cannot rename '%s' to '%s'", temporary, name);
    }
    if (e != ERR_OK) {
        (void)unlinkat(dirfd, temporary, 0); /* a leftover would be ignored anyway */
        return e;
    }
    if (fsync(dirfd) != 0) {
        return err_errno(reterr, "cannot write the folder of '%s' to the disk", name);
    }
    return ERR_OK;
}

/* Reads to the end through `chunk`. */
static enum err
read_through(int fd, const char *name, size_t max_bytes, char *chunk, size_t chunk_size,
             struct buf *out, struct errinfo *reterr)
{
    size_t total = 0;
    for (;;) {
        ssize_t n = read(fd, chunk, chunk_size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_errno(reterr, "cannot read '%s'", name);
        }
        if (n == 0) {
            return ERR_OK;
        }
        total += (size_t)n;
        if (total > max_bytes) {
            return err_set(reterr, ERR_TOO_LARGE, "'%s' is larger than %zu bytes", name, max_bytes);
        }
        buf_add(out, chunk, (size_t)n);
    }
}

static enum err
read_all(int fd, const char *name, size_t max_bytes, struct buf *out, struct errinfo *reterr)
{
    char chunk[16 * 1024];
    enum err e = read_through(fd, name, max_bytes, chunk, sizeof(chunk), out, reterr);
    explicit_bzero(chunk, sizeof(chunk)); /* private keys are read this way, too */
    return e;
}

enum err
file_load(int dirfd, const char *name, size_t max_bytes, struct buf *out, struct errinfo *reterr)
{
    /* O_NONBLOCK: a FIFO under this name must not hold us up; fstat refuses it then. */
    AUTO(fd_close) int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno == ENOENT) {
        return err_set(reterr, ERR_NOT_FOUND, "there is no '%s'", name);
    }
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_errno(reterr, "cannot open '%s'", name);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(reterr, ERR_INVALID, "'%s' is not a regular file", name);
    }
    return read_all(fd, name, max_bytes, out, reterr);
}
