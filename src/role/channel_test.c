/* SPDX-License-Identifier: Apache-2.0
 * Messages between processes: delivery, descriptors, queueing, refusal of nonsense. */
#include "role/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

struct pair {
    struct channel up;   /* the supervisor's end */
    struct channel down; /* the role's end */
};

static void
pair_init(struct pair *p)
{
    int fds[2];
    struct errinfo reterr;
    CHECK_INT(channel_pair(fds, &reterr), ERR_OK);
    channel_init(&p->up, fds[0], CHANNEL_SUPERVISOR);
    channel_init(&p->down, fds[1], CHANNEL_ROLE);
}

static void
pair_done(struct pair *p)
{
    channel_done(&p->up);
    channel_done(&p->down);
}

TEST("a message arrives as it was sent")
{
    struct pair p;
    pair_init(&p);
    struct channel_message sent = {.kind = CHANNEL_REFUSED, .index = 7, .value = UINT64_MAX};
    CHECK(addr_parse(STR("::1"), 8443, &sent.addr));
    CHECK(str_copy_z(STR("a sentence"), sent.text, sizeof(sent.text)));
    channel_send(&p.down, &sent, -1);
    struct channel_message got;
    int fd;
    CHECK_INT(channel_receive(&p.up, &got, &fd), IO_DONE);
    CHECK_INT(got.kind, CHANNEL_REFUSED);
    CHECK_INT(got.index, 7);
    CHECK(got.value == UINT64_MAX);
    CHECK(addr_eq(&got.addr, &sent.addr));
    CHECK_STR(str_of(got.text), "a sentence");
    CHECK_INT(fd, -1);
    CHECK_INT(channel_receive(&p.up, &got, &fd), IO_AGAIN);
    pair_done(&p);
}

TEST("a descriptor arrives, closed on exec")
{
    struct pair p;
    pair_init(&p);
    int pipe_fds[2];
    CHECK_INT(pipe2(pipe_fds, O_CLOEXEC), 0);
    struct channel_message m = {.kind = CHANNEL_LISTEN, .index = 3};
    channel_send(&p.up, &m, pipe_fds[1]);
    (void)close(pipe_fds[1]);
    struct channel_message got;
    int fd;
    CHECK_INT(channel_receive(&p.down, &got, &fd), IO_DONE);
    CHECK(fd >= 0);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    char byte = 'x';
    CHECK_INT(write(fd, &byte, 1), 1);
    CHECK_INT(read(pipe_fds[0], &byte, 1), 1);
    (void)close(fd);
    (void)close(pipe_fds[0]);
    pair_done(&p);
}

TEST("what the socket does not take waits and arrives in order, descriptors too")
{
    struct pair p;
    pair_init(&p);
    enum { MANY = 2000 };
    struct channel_message m = {.kind = CHANNEL_LISTEN};
    for (uint32_t i = 0; i < MANY; i++) {
        m.index = i;
        channel_send(&p.up, &m, STDERR_FILENO);
    }
    CHECK(p.up.unsent_count > 0);
    CHECK(!channel_flush(&p.up));
    uint32_t next = 0;
    while (next < MANY) {
        struct channel_message got;
        int fd;
        enum io io = channel_receive(&p.down, &got, &fd);
        if (io == IO_AGAIN) {
            (void)channel_flush(&p.up);
            continue;
        }
        CHECK_INT(io, IO_DONE);
        CHECK_INT(got.index, next);
        if (io != IO_DONE || got.index != next) {
            break;
        }
        (void)close(fd);
        next++;
    }
    CHECK_INT(next, MANY);
    CHECK_INT(p.up.unsent_count, 0);
    pair_done(&p);
}

TEST("an overfull queue breaks the channel instead of growing")
{
    struct pair p;
    pair_init(&p);
    for (uint32_t i = 0; i < CHANNEL_QUEUE_MAX + 2000 && !p.up.broken; i++) {
        channel_tell(&p.up, CHANNEL_UNLISTEN, i, 0);
    }
    CHECK(p.up.broken);
    CHECK_INT(p.up.unsent_count, CHANNEL_QUEUE_MAX);
    pair_done(&p);
}

TEST("the end of the other side is seen")
{
    struct pair p;
    pair_init(&p);
    channel_done(&p.down);
    struct channel_message got;
    int fd;
    CHECK_INT(channel_receive(&p.up, &got, &fd), IO_EOF);
    CHECK(p.up.broken);
    channel_tell(&p.up, CHANNEL_DRAIN, 0, 0); /* harmless */
    pair_done(&p);
}

/* Sends bytes past the API, as a role that was taken over could. */
static enum io
receive_raw(const void *bytes, size_t n)
{
    struct pair p;
    pair_init(&p);
    CHECK_INT(send(p.down.fd, bytes, n, 0), (long long)n);
    struct channel_message got;
    int fd;
    enum io io = channel_receive(&p.up, &got, &fd);
    pair_done(&p);
    return io;
}

TEST("nonsense is refused: length, kind, direction, missing descriptor, text without end, family")
{
    struct channel_message m = {.kind = CHANNEL_READY};
    CHECK_INT(receive_raw(&m, sizeof(m)), IO_DONE);
    CHECK_INT(receive_raw(&m, sizeof(m) - 1), IO_FAIL);
    CHECK_INT(receive_raw("x", 1), IO_FAIL);
    char longer[sizeof(m) + 1];
    memset(longer, 0, sizeof(longer));
    memcpy(longer, &m, sizeof(m));
    CHECK_INT(receive_raw(longer, sizeof(longer)), IO_FAIL);
    m.kind = CHANNEL_KIND_COUNT;
    CHECK_INT(receive_raw(&m, sizeof(m)), IO_FAIL);
    m.kind = CHANNEL_DRAIN; /* only the supervisor says this */
    CHECK_INT(receive_raw(&m, sizeof(m)), IO_FAIL);
    m.kind = CHANNEL_OPEN;
    memset(m.text, 'a', sizeof(m.text));
    CHECK_INT(receive_raw(&m, sizeof(m)), IO_FAIL);
    m = (struct channel_message){.kind = CHANNEL_PLAN_ENTRY};
    m.addr.sa.sa_family = AF_UNIX;
    CHECK_INT(receive_raw(&m, sizeof(m)), IO_FAIL);
}

static void
send_raw_with_fds(int fd, const struct channel_message *m, size_t count)
{
    struct channel_message copy = *m;
    struct iovec bytes = {.iov_base = &copy, .iov_len = sizeof(copy)};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(3 * sizeof(int))];
    } control = {.space = {0}};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    int fds[3] = {STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    CHECK_INT(sendmsg(fd, &message, 0), (long long)sizeof(copy));
}

TEST("descriptors that nobody asked for are refused and closed")
{
    for (size_t count = 1; count <= 3; count++) {
        struct pair p;
        pair_init(&p);
        struct channel_message m = {.kind = CHANNEL_READY};
        int before = dup(STDERR_FILENO);
        (void)close(before);
        send_raw_with_fds(p.down.fd, &m, count);
        struct channel_message got;
        int fd;
        CHECK_INT(channel_receive(&p.up, &got, &fd), IO_FAIL);
        CHECK_INT(fd, -1);
        int after = dup(STDERR_FILENO);
        (void)close(after);
        CHECK_INT(after, before);
        pair_done(&p);
    }
}

TEST("a role that waits for an answer gets the rest later, in order")
{
    struct pair p;
    pair_init(&p);
    channel_tell(&p.up, CHANNEL_UNLISTEN, 1, 0);
    channel_tell(&p.up, CHANNEL_UNLISTEN, 2, 0);
    channel_tell(&p.up, CHANNEL_PLAN_OK, 0, 0);
    channel_tell(&p.up, CHANNEL_UNLISTEN, 3, 0);
    struct channel_message got;
    int fd;
    CHECK(channel_wait(&p.down, CHANNEL_PLAN_BAD, CHANNEL_PLAN_OK, &got, &fd));
    CHECK_INT(got.kind, CHANNEL_PLAN_OK);
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK_INT(channel_receive(&p.down, &got, &fd), IO_DONE);
        CHECK_INT(got.index, i);
    }
    channel_done(&p.up);
    CHECK(!channel_wait(&p.down, CHANNEL_PLAN_BAD, CHANNEL_PLAN_OK, &got, &fd));
    pair_done(&p);
}

TEST("every kind has a name")
{
    for (unsigned k = 0; k < CHANNEL_KIND_COUNT; k++) {
        CHECK(channel_kind_name((enum channel_kind)k)[0] != '\0');
    }
}

TEST_MAIN
