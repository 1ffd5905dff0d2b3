/* SPDX-License-Identifier: Apache-2.0
 * A connected byte stream on a non-blocking socket, edge-triggered: plain, or with TLS put on top.
 *
 * The loop's event callback calls stream_events() which only notes what became possible; reads and
 * writes clear the note when the kernel has no more. A short read means drained, so the usual read
 * costs one system call and no EAGAIN. Nobody else touches the socket. */
#pragma once

#include "base/defs.h"
#include "base/err.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct stream;
struct stream_ops { /* of a filter (TLS); NULL in a plain stream */
    enum io (*read)(struct stream *s, void *p, size_t n, size_t *ret_n);
    enum io (*write)(struct stream *s, const void *p, size_t n, size_t *ret_n);
    bool (*pending)(const struct stream *s); /* decrypted or buffered bytes wait inside */
    void (*shutdown)(struct stream *s);      /* says goodbye, best effort */
    void (*free)(struct stream *s);          /* the filter's state; not the socket */
};

struct stream {
    int fd;
    bool can_read;                /* recv may give something */
    bool can_write;               /* send may take something */
    bool peer_closed;             /* RDHUP seen: reads will end in IO_EOF */
    bool broken;                  /* ERR or HUP seen */
    const struct stream_ops *ops; /* static; NULL: plain */
    void *filter;                 /* owned by ops */
};

/* How many streams a process may have: `most`, and no more than so many eighths of its descriptors.
 */
size_t stream_share(unsigned eighths, size_t most);
void stream_init(struct stream *s,
                 int fd); /* takes the descriptor; nothing is known to be possible yet */
/* Notes epoll events. */
void stream_events(struct stream *s, uint32_t events);
/* Ends the filter and closes the socket; fd becomes -1. Harmless when closed already. */
void stream_close(struct stream *s);
/* Like close, but the peer sees a reset. */
void stream_reset(struct stream *s);
/* True when a read may give bytes (or the end) without waiting for another event. */
bool stream_readable(const struct stream *s);
/* Peeks at plain bytes before a filter is put on; same results as read. */
enum io stream_peek(struct stream *s, void *p, size_t n, size_t *ret_n);
/* SO_ERROR of the socket, cleared by asking. */
int stream_error(struct stream *s);

/* recv(2) with flags, its results as ours; a socket that has nothing is noted as such. */
static inline enum io
stream_receive(struct stream *s, void *p, size_t n, int flags, size_t *ret_n)
{
    if (!s->can_read) {
        return IO_AGAIN;
    }
    for (;;) {
        ssize_t got = recv(s->fd, p, n, flags);
        if (LIKELY(got > 0)) {
            *ret_n = (size_t)got;
            return IO_DONE;
        }
        if (got == 0) {
            return IO_EOF;
        }
        if (errno == EAGAIN) {
            s->can_read = false;
            return IO_AGAIN;
        }
        if (errno != EINTR) {
            return IO_FAIL;
        }
    }
}

/* The two calls that a plain stream and a filter's transport are made of. */
static inline enum io
stream_recv(struct stream *s, void *p, size_t n, size_t *ret_n)
{
    enum io io = stream_receive(s, p, n, 0, ret_n);
    if (io == IO_DONE && *ret_n < n && !s->peer_closed && !s->broken) {
        s->can_read = false; /* drained; the next bytes bring an event */
    }
    return io;
}

static inline enum io
stream_send(struct stream *s, const void *p, size_t n, size_t *ret_n)
{
    if (!s->can_write) {
        return IO_AGAIN;
    }
    for (;;) {
        ssize_t put = send(s->fd, p, n, MSG_NOSIGNAL);
        if (LIKELY(put >= 0)) {
            *ret_n = (size_t)put;
            if ((size_t)put < n) {
                s->can_write = false;
            }
            return IO_DONE;
        }
        if (errno == EAGAIN) {
            s->can_write = false;
            return IO_AGAIN;
        }
        if (errno != EINTR) {
            return IO_FAIL;
        }
    }
}

static inline enum io
stream_read(struct stream *s, void *p, size_t n, size_t *ret_n)
{
    return s->ops == NULL ? stream_recv(s, p, n, ret_n) : s->ops->read(s, p, n, ret_n);
}

static inline enum io
stream_write(struct stream *s, const void *p, size_t n, size_t *ret_n)
{
    return s->ops == NULL ? stream_send(s, p, n, ret_n) : s->ops->write(s, p, n, ret_n);
}
