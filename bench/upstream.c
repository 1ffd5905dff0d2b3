/* SPDX-License-Identifier: Apache-2.0
 * A target that costs as little as possible: fixed answers of 0, 1 KB, 64 KB or 1 MB by path
 * (/0 /1k /64k /1m, all else 1 KB), keep-alive, one thread. Prints its port when it listens. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

enum { FDS_MAX = 65536, HEAD_MAX = 256 };

static const struct {
    const char *path;
    size_t body;
} answers[] = {{"/1k", 1024}, {"/0", 0}, {"/64k", 65536}, {"/1m", 1048576}};
enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };

static char *texts[ANSWERS];
static size_t sizes[ANSWERS];
static struct {
    size_t answer, sent; /* of the answer under way; sent == its size: none */
} connections[FDS_MAX];

static void
answers_make(void)
{
    for (size_t i = 0; i < ANSWERS; i++) {
        texts[i] = malloc(HEAD_MAX + answers[i].body);
        if (texts[i] == NULL) {
            abort();
        }
        int head =
            snprintf(texts[i], HEAD_MAX,
                     "HTTP/1.1 200 OK\r\nServer: upstream\r\nDate: Mon, 23 Nov 2026 17:11:54 "
                     "GMT\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                     answers[i].body);
        memset(texts[i] + head, 'x', answers[i].body);
        sizes[i] = (size_t)head + answers[i].body;
    }
}

/* Sends what is left of the answer; 0 when the connection broke. */
static int
answer_send(int fd)
{
    size_t i = connections[fd].answer;
    while (connections[fd].sent < sizes[i]) {
        ssize_t n = send(fd, texts[i] + connections[fd].sent, sizes[i] - connections[fd].sent,
                         MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN;
        }
        connections[fd].sent += (size_t)n;
    }
    return 1;
}

static size_t
answer_for(const char *request, size_t n)
{
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t size = strlen(answers[i].path);
        if (n > 4 + size && memcmp(request + 4, answers[i].path, size) == 0) {
            return i;
        }
    }
    return 0;
}

/* One request at a time, whole in one read: what a proxy that does not pipeline sends. */
static int
serve(int fd)
{
    char request[16384];
    ssize_t n = recv(fd, request, sizeof(request), 0);
    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    connections[fd].answer = answer_for(request, (size_t)n);
    connections[fd].sent = 0;
    return answer_send(fd);
}

static void
accept_all(int epoll_fd, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        if (fd >= FDS_MAX) {
            close(fd);
            continue;
        }
        connections[fd].sent = sizes[connections[fd].answer];
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                    .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int
listen_any(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(any);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&any, size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&any, &size) != 0) {
        perror("upstream");
        exit(1);
    }
    printf("%d\n", ntohs(any.sin_port));
    fflush(stdout);
    return fd;
}

int
main(void)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    answers_make();
    int listener = listen_any();
    int epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[512];
        int n = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(epoll_fd, listener);
            } else if ((events[i].events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) ||
                       !answer_send(fd) || ((events[i].events & EPOLLIN) && !serve(fd))) {
                close(fd);
            }
        }
    }
}
