/* SPDX-License-Identifier: Apache-2.0
 * Messages between the supervisor and its roles. */
#include "role/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

enum descriptor { DESCRIPTOR_NONE, DESCRIPTOR_ONE, DESCRIPTOR_MAYBE };

struct kind_row {
    const char *name;
    enum channel_side sender;
    enum descriptor descriptor;
};

static const struct kind_row kinds[] = {
#define MESSAGE(name, sender, descriptor, meaning)                                                 \
    {#name, CHANNEL_##sender, DESCRIPTOR_##descriptor},
#include "role/channel_messages.def"
#undef MESSAGE
};
_Static_assert(COUNT_OF(kinds) == CHANNEL_KIND_COUNT, "one row per kind");

/* A message that waits, for the socket or for its reader. */
struct waiting {
    struct list link;
    struct channel_message message;
    int fd; /* owned, or -1 */
};

const char *
channel_kind_name(enum channel_kind kind)
{
    ASSERT(kind < CHANNEL_KIND_COUNT);
    return kinds[kind].name;
}

enum err
channel_pair(int ret_fds[static 2], struct errinfo *reterr)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) != 0) {
        return err_errno(reterr, "cannot make a socket pair");
    }
    return ERR_OK;
}

void
channel_init(struct channel *c, int fd, enum channel_side side)
{
    ASSERT(fd >= 0);
    *c = (struct channel){.fd = fd, .side = side};
    list_init(&c->unsent);
    list_init(&c->set_aside);
}

static void
waiting_free(struct waiting *w)
{
    list_remove(&w->link);
    if (w->fd >= 0) {
        (void)close(w->fd); /* our copy only */
    }
    xfree(w);
}

static void
waiting_free_all(struct list *head)
{
    LIST_FOR_SAFE (node, head) {
        waiting_free(CONTAINER_OF(node, struct waiting, link));
    }
}

void
channel_done(struct channel *c)
{
    waiting_free_all(&c->unsent);
    waiting_free_all(&c->set_aside);
    c->unsent_count = 0;
    if (c->fd >= 0) {
        (void)close(c->fd); /* nothing is buffered in it that we still want */
        c->fd = -1;
    }
    c->broken = true;
}

/* ---- sending ---- */

static enum io
send_one(int fd, const struct channel_message *m, int gift)
{
    struct channel_message copy = *m; /* iovec knows no const */
    struct iovec bytes = {.iov_base = &copy, .iov_len = sizeof(copy)};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (gift >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &gift, sizeof(int));
    }
    for (;;) {
        if (sendmsg(fd, &message, MSG_NOSIGNAL) >= 0) {
            return IO_DONE;
        }
        /* ETOOMANYREFS: too many descriptors are under way; the reader will take some out. */
        if (errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS) {
            return IO_AGAIN;
        }
        if (errno != EINTR) {
            return IO_FAIL;
        }
    }
}

static void
queue_message(struct channel *c, const struct channel_message *m, int fd)
{
    int copy = -1;
    if (fd >= 0) {
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    }
    if (c->unsent_count >= CHANNEL_QUEUE_MAX || (fd >= 0 && copy < 0)) {
        if (copy >= 0) {
            (void)close(copy); /* our copy only */
        }
        c->broken = true;
        return;
    }
    struct waiting *w = xalloc(sizeof(*w));
    list_init(&w->link);
    w->message = *m;
    w->fd = copy;
    list_push_back(&c->unsent, &w->link);
    c->unsent_count++;
}

void
channel_send(struct channel *c, const struct channel_message *m, int fd)
{
    ASSERT(m->kind < CHANNEL_KIND_COUNT);
    ASSERT(kinds[m->kind].sender == c->side);
    ASSERT(kinds[m->kind].descriptor != DESCRIPTOR_NONE || fd < 0);
    ASSERT(kinds[m->kind].descriptor != DESCRIPTOR_ONE || fd >= 0);
    if (c->broken) {
        return;
    }
    if (!channel_flush(c)) {
        queue_message(c, m, fd);
        return;
    }
    switch (send_one(c->fd, m, fd)) {
    case IO_DONE: return;
    case IO_AGAIN: queue_message(c, m, fd); return;
    case IO_EOF:
    case IO_FAIL: c->broken = true; return;
    }
}

void
channel_tell(struct channel *c, enum channel_kind kind, uint32_t index, uint64_t value)
{
    struct channel_message m = {.kind = kind, .index = index, .value = value};
    channel_send(c, &m, -1);
}

bool
channel_flush(struct channel *c)
{
    while (!c->broken && !list_empty(&c->unsent)) {
        struct waiting *w = CONTAINER_OF(list_first(&c->unsent), struct waiting, link);
        enum io io = send_one(c->fd, &w->message, w->fd);
        if (io == IO_AGAIN) {
            return false;
        }
        if (io == IO_FAIL) {
            c->broken = true;
            return false;
        }
        waiting_free(w);
        c->unsent_count--;
    }
    return !c->broken;
}

/* ---- receiving ---- */

/* Takes the descriptors out of the control data: the first is kept, a second one is nonsense. */
static bool
take_descriptors(struct msghdr *message, int *ret_fd)
{
    *ret_fd = -1;
    bool sound = (message->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
            if (*ret_fd < 0) {
                *ret_fd = fd;
            } else {
                (void)close(fd); /* not wanted */
                sound = false;
            }
        }
    }
    return sound;
}

static bool
text_ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static bool
message_sound(const struct channel *c, const struct channel_message *m, int fd)
{
    if (m->kind >= CHANNEL_KIND_COUNT || kinds[m->kind].sender == c->side) {
        return false;
    }
    if ((kinds[m->kind].descriptor == DESCRIPTOR_ONE && fd < 0) ||
        (kinds[m->kind].descriptor == DESCRIPTOR_NONE && fd >= 0)) {
        return false;
    }
    sa_family_t family = m->addr.sa.sa_family;
    return (family == AF_UNSPEC || family == AF_INET || family == AF_INET6) &&
           text_ends(m->name, sizeof(m->name)) && text_ends(m->protocol, sizeof(m->protocol)) &&
           text_ends(m->text, sizeof(m->text));
}

static enum io
receive_one(struct channel *c, struct channel_message *ret_message, int *ret_fd)
{
    struct iovec bytes = {.iov_base = ret_message, .iov_len = sizeof(*ret_message)};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t n;
    do {
        n = recvmsg(c->fd, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    *ret_fd = -1;
    if (n < 0) {
        return errno == EAGAIN ? IO_AGAIN : errno == ECONNRESET ? IO_EOF : IO_FAIL;
    }
    if (n == 0) {
        return IO_EOF;
    }
    bool sound = take_descriptors(&message, ret_fd) && (size_t)n == sizeof(*ret_message) &&
                 message_sound(c, ret_message, *ret_fd);
    if (!sound && *ret_fd >= 0) {
        (void)close(*ret_fd); /* came with nonsense */
        *ret_fd = -1;
    }
    return sound ? IO_DONE : IO_FAIL;
}

enum io
channel_receive(struct channel *c, struct channel_message *ret_message, int *ret_fd)
{
    if (!list_empty(&c->set_aside)) {
        struct waiting *w = CONTAINER_OF(list_first(&c->set_aside), struct waiting, link);
        *ret_message = w->message;
        *ret_fd = w->fd;
        w->fd = -1;
        waiting_free(w);
        return IO_DONE;
    }
    if (c->fd < 0) {
        return IO_EOF;
    }
    enum io io = receive_one(c, ret_message, ret_fd);
    if (io == IO_EOF || io == IO_FAIL) {
        c->broken = true;
    }
    return io;
}

static void
wait_ready(struct channel *c)
{
    short events = POLLIN;
    if (!channel_flush(c)) {
        events |= POLLOUT;
    }
    struct pollfd p = {.fd = c->fd, .events = events};
    (void)poll(&p, 1, -1); /* the calls that follow find out what happened */
}

bool
channel_wait(struct channel *c, enum channel_kind a, enum channel_kind b,
             struct channel_message *ret_message, int *ret_fd)
{
    ASSERT(c->side == CHANNEL_ROLE); /* the supervisor waits for nobody */
    for (;;) {
        struct channel_message m;
        int fd;
        enum io io = receive_one(c, &m, &fd);
        if (io == IO_AGAIN) {
            wait_ready(c);
            continue;
        }
        if (io != IO_DONE) {
            c->broken = true;
            return false;
        }
        if (m.kind == a || m.kind == b) {
            *ret_message = m;
            *ret_fd = fd;
            return true;
        }
        struct waiting *w = xalloc(sizeof(*w));
        list_init(&w->link);
        w->message = m;
        w->fd = fd;
        list_push_back(&c->set_aside, &w->link);
    }
}
