/* SPDX-License-Identifier: Apache-2.0
 * Byte streams on sockets. */
#include "net/stream.h"

#include "base/assert.h"

#include <sys/resource.h>
#include <unistd.h>

size_t
stream_share(unsigned eighths, size_t most)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return most;
    }
    return MIN_OF(most, (size_t)(files.rlim_cur / 8 * eighths));
}

void
stream_init(struct stream *s, int fd)
{
    ASSERT(fd >= 0);
    *s = (struct stream){.fd = fd};
}

void
stream_events(struct stream *s, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        s->can_read = true;
    }
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        s->can_write = true;
    }
    if (events & EPOLLRDHUP) {
        s->peer_closed = true;
    }
    if (events & (EPOLLERR | EPOLLHUP)) {
        s->broken = true;
    }
}

void
stream_close(struct stream *s)
{
    if (s->ops != NULL) {
        s->ops->free(s);
        s->ops = NULL;
        s->filter = NULL;
    }
    if (s->fd >= 0) {
        int rc = close(s->fd);
        ASSERT(rc == 0 || errno != EBADF);
        s->fd = -1;
    }
    s->can_read = false;
    s->can_write = false;
}

void
stream_reset(struct stream *s)
{
    if (s->fd >= 0) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* best effort */
    }
    stream_close(s);
}

bool
stream_readable(const struct stream *s)
{
    return s->can_read || (s->ops != NULL && s->ops->pending(s));
}

enum io
stream_peek(struct stream *s, void *p, size_t n, size_t *ret_n)
{
    ASSERT(s->ops == NULL);
    return stream_receive(s, p, n, MSG_PEEK, ret_n);
}

int
stream_error(struct stream *s)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return errno;
    }
    return error;
}
