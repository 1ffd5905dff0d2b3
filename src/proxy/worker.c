/* SPDX-License-Identifier: Apache-2.0
 * A worker: accepts connections, changes configurations, drains. The life of a connection is in
 * client.c, that of a request in request.c. */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { TICK_MS = 400, ACCEPT_PAUSE_MS = 100 };

/* ---- accepting ---- */

/* EMFILE and the like: the listening socket stays readable, so rest a little instead of spinning.
 */
static void
accept_failed(struct acceptor *a)
{
    struct worker *w = a->worker;
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) {
        return;
    }
    diag_warn("cannot accept connections for a moment: errno=%d", errno);
    loop_io_forget(w->loop, &a->io);
    timer_arm_in(w->loop, &w->accept_timer, ACCEPT_PAUSE_MS * 1000u);
}

static void
on_acceptable(struct loop_io *io, uint32_t events)
{
    (void)events; /* a listening socket is only ever readable */
    struct acceptor *a = CONTAINER_OF(io, struct acceptor, io);
    for (int i = 0; i < LIMIT_ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage from;
        socklen_t size = sizeof(from);
        int fd = accept4(io->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            accept_failed(a);
            return;
        }
        struct addr peer = addr_from_sockaddr((struct sockaddr *)&from);
        client_accept(a->worker, a, fd, &peer);
    }
}

/* Level-triggered; exclusive because several workers watch the sockets of one that is away: one of
 * them is woken, and what it leaves wakes the next. */
static bool
acceptor_watch(struct acceptor *a)
{
    return loop_io_watch(a->worker->loop, &a->io, a->io.fd, EPOLLIN | EPOLLEXCLUSIVE,
                         on_acceptable);
}

/* Watches what is not watched: before the first configuration, or after accepting had failed. */
static void
acceptors_watch(struct worker *w)
{
    LIST_FOR (node, &w->acceptors) {
        struct acceptor *a = CONTAINER_OF(node, struct acceptor, link);
        if (!a->io.watched && !acceptor_watch(a)) {
            timer_arm_in(w->loop, &w->accept_timer, ACCEPT_PAUSE_MS * 1000u);
        }
    }
}

static void
on_accept_timer(struct timer *t)
{
    acceptors_watch(CONTAINER_OF(t, struct worker, accept_timer));
}

static bool
addr_is_any(const struct addr *a)
{
    return addr_is_v6(a) ? IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr)
                         : a->in4.sin_addr.s_addr == INADDR_ANY;
}

void
worker_listen(struct worker *w, uint32_t listener_slot, int fd)
{
    struct acceptor *a = xalloc(sizeof(*a));
    struct sockaddr_storage local;
    socklen_t size = sizeof(local);
    int on = 1;
    int rc = getsockname(fd, (struct sockaddr *)&local, &size);
    ASSERT(rc == 0);
    ASSERT(listener_slot < LIMIT_LISTENERS_MAX);
    a->worker = w;
    a->listener_slot = listener_slot;
    a->local = addr_from_sockaddr((struct sockaddr *)&local);
    a->any_address = addr_is_any(&a->local);
    a->io.fd = fd;
    list_init(&a->link);
    list_push_back(&w->acceptors, &a->link);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
                     sizeof(on));                              /* inherited by what is accepted */
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* shared: already so */
    if (w->config != NULL) {
        acceptors_watch(w);
    }
}

static void
acceptor_free(struct acceptor *a)
{
    loop_io_forget(a->worker->loop, &a->io);
    close(a->io.fd);
    list_remove(&a->link);
    xfree(a);
}

void
worker_unlisten(struct worker *w, uint32_t listener_slot)
{
    LIST_FOR_SAFE (node, &w->acceptors) {
        struct acceptor *a = CONTAINER_OF(node, struct acceptor, link);
        if (a->listener_slot == listener_slot) {
            acceptor_free(a);
        }
    }
}

/* ---- timers ---- */

static void
on_tick(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, tick);
    if (w->spool != NULL) {
        log_spool_tick(w->spool, loop_wall_us(w->loop));
    }
    timer_arm_in(w->loop, t, TICK_MS * 1000u);
}

/* Requests in flight on deregistered targets whose delay is over [ALB: deregistration delay]. */
static void
on_cut_timer(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, cut_timer);
    LIST_FOR_SAFE (node, &w->clients) {
        client_cut_if_due(CONTAINER_OF(node, struct client, link));
    }
    uint64_t next = targets_next_cut(w->targets);
    if (next != 0) {
        timer_arm(w->loop, t, next);
    }
}

/* ---- life ---- */

static void
pools_init(struct worker *w)
{
    enum { BLOCK_MARGINS = BLOCK_HEADROOM + BLOCK_TAILROOM };
    /* The other descriptors are for targets, listeners, logs and the supervisor's messages. */
    pool_init(&w->client_pool, "clients", sizeof(struct client),
              stream_share(4, LIMIT_CONNECTIONS_MAX));
    pool_init(&w->request_pool, "requests", sizeof(struct request), LIMIT_CONNECTIONS_MAX);
    pool_init(&w->chunk_pool, "arena chunks", ARENA_CHUNK, LIMIT_ARENA_CHUNKS_MAX);
    pool_init(&w->small_blocks, "small blocks", BLOCK_SMALL + BLOCK_MARGINS,
              LIMIT_SMALL_BLOCKS_MAX);
    pool_init(&w->pipe_pool, "pipes", splice_pipe_bytes(), LIMIT_PIPES_MAX);
    pool_init(&w->large_blocks, "large blocks", BLOCK_LARGE + BLOCK_MARGINS,
              LIMIT_LARGE_BLOCKS_MAX);
}

static void on_drain_timer(struct timer *t);

enum err
worker_new(const struct worker_env *env, struct worker **ret_worker, struct errinfo *reterr)
{
    (void)reterr; /* start-up memory ends the process itself */
    struct worker *w = xalloc(sizeof(*w));
    w->loop = env->loop;
    w->board = env->board;
    w->row = &env->board->workers[env->index];
    w->spool = env->spool;
    w->ticket_keys = env->ticket_keys;
    w->keys_dirfd = env->keys_dirfd;
    w->targets = targets_new(
        &(struct targets_env){.loop = env->loop, .board = env->board, .worker = env->index});
    list_init(&w->acceptors);
    list_init(&w->clients);
    list_init(&w->pipes);
    pools_init(w);
    rand_seed_system(&w->rand);
    w->scratch_block = xalloc(SCRATCH_HEADROOM + LIMIT_SCRATCH_BYTES + SCRATCH_TAILROOM);
    w->scratch = w->scratch_block + SCRATCH_HEADROOM;
    w->compose = xalloc(COMPOSE_BYTES);
    w->line = xalloc(LIMIT_LOG_LINE_MAX);
    timer_init(&w->tick, on_tick);
    timer_init(&w->cut_timer, on_cut_timer);
    timer_init(&w->accept_timer, on_accept_timer);
    timer_init(&w->drain_timer, on_drain_timer);
    timer_arm_in(w->loop, &w->tick, TICK_MS * 1000u);
    *ret_worker = w;
    return ERR_OK;
}

static void
clients_abort(struct worker *w)
{
    for (struct list *node = list_first(&w->clients); node != NULL;
         node = list_first(&w->clients)) {
        client_abort(CONTAINER_OF(node, struct client, link), END_DRAINED);
    }
}

static void
acceptors_free(struct worker *w)
{
    LIST_FOR_SAFE (node, &w->acceptors) {
        acceptor_free(CONTAINER_OF(node, struct acceptor, link));
    }
}

void
worker_free(struct worker **worker)
{
    struct worker *w = *worker;
    *worker = NULL;
    if (w == NULL) {
        return;
    }
    acceptors_free(w);
    clients_abort(w);
    targets_close_idle(w->targets);
    if (w->config != NULL) {
        (void)config_retire(w->config);
        config_unref(&w->config);
    }
    targets_free(&w->targets);
    splice_done(w);
    timer_remove(&w->tick);
    timer_remove(&w->cut_timer);
    timer_remove(&w->accept_timer);
    timer_remove(&w->drain_timer);
    struct pool *pools[] = {&w->client_pool,  &w->request_pool, &w->chunk_pool,
                            &w->small_blocks, &w->large_blocks, &w->pipe_pool};
    for (size_t i = 0; i < COUNT_OF(pools); i++) {
        pool_done(pools[i]);
    }
    xfree(w->scratch_block);
    xfree(w->compose);
    xfree(w->line);
    xfree(w);
}

/* ---- configuration ---- */

enum err
worker_load(struct worker *w, struct model *m, struct errinfo *reterr)
{
    struct config *fresh = NULL;
    TRY(config_new(w, m, &fresh, reterr));
    struct config *old = w->config;
    w->config = fresh;
    if (w->spool != NULL) {
        log_spool_configure(w->spool, m);
    }
    if (old != NULL) {
        uint64_t cut_at_us = config_retire(old);
        if (cut_at_us != 0 &&
            (!timer_armed(&w->cut_timer) || cut_at_us < w->cut_timer.deadline_us)) {
            timer_arm(w->loop, &w->cut_timer, cut_at_us);
        }
        config_unref(&old);
    }
    acceptors_watch(w);
    return ERR_OK;
}

/* ---- draining ---- */

/* All clients are gone, or the deadline is over. */
static void
on_drain_timer(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, drain_timer);
    clients_abort(w);
    timer_disarm(&w->drain_timer); /* the last abort armed it again */
    targets_close_idle(w->targets);
    w->drain_done(w->drain_context);
}

void
worker_drain(struct worker *w, uint64_t deadline_us, void (*done)(void *context), void *context)
{
    if (w->draining) {
        return;
    }
    w->draining = true;
    w->drain_done = done;
    w->drain_context = context;
    acceptors_free(w);
    timer_arm(w->loop, &w->drain_timer, deadline_us);
    LIST_FOR_SAFE (node, &w->clients) {
        client_drain(CONTAINER_OF(node, struct client, link));
    }
    if (list_empty(&w->clients)) {
        timer_arm_in(w->loop, &w->drain_timer, 1);
    }
}
