/* SPDX-License-Identifier: Apache-2.0
 * Reading other programs' files: regular ones only, of a bounded size. */
#include "hsts/hsts_int.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct {
    const char *text;
    bool read;
} states[] = {
#define STORE_STATE(name, read, text) [HSTS_STORE_##name] = {text, read},
#include "hsts/store_states.def"
#undef STORE_STATE
};

const char *
hsts_store_state_text(enum hsts_store_state state)
{
    return states[state].text;
}

bool
hsts_store_usable(const struct hsts_store *s)
{
    return states[s->state].read;
}

void
hsts_fd_close(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* read only, or fsynced before */
    }
}

/* Up to the end, or to one byte more than `max`. */
static bool
read_all(int fd, size_t max, struct buf *out)
{
    char chunk[16 * 1024];
    while (out->n <= max) {
        ssize_t n = read(fd, chunk, MIN_OF(sizeof(chunk), max + 1 - out->n));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0;
        }
        buf_add(out, chunk, (size_t)n);
    }
    return true;
}

enum hsts_store_state
hsts_fd_read(int fd, size_t max, struct buf *out, struct stat *ret_st, int *ret_error)
{
    *ret_error = 0;
    if (fstat(fd, ret_st) != 0) {
        *ret_error = errno;
        return HSTS_STORE_UNREADABLE;
    }
    if (!S_ISREG(ret_st->st_mode)) {
        return HSTS_STORE_NOT_REGULAR;
    }
    if (!read_all(fd, max, out)) {
        *ret_error = errno;
        return HSTS_STORE_UNREADABLE;
    }
    return out->n > max ? HSTS_STORE_TOO_LARGE : HSTS_STORE_READ;
}

enum hsts_store_state
hsts_file_read(const char *path, size_t max, struct buf *out, struct stat *ret_st, int *ret_error)
{
    /* O_NONBLOCK: a FIFO under this name must not hold us up */
    AUTO(hsts_fd_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    *ret_error = 0;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return HSTS_STORE_ABSENT;
    }
    if (fd < 0) {
        *ret_error = errno;
        return HSTS_STORE_UNREADABLE;
    }
    return hsts_fd_read(fd, max, out, ret_st, ret_error);
}
