/* SPDX-License-Identifier: Apache-2.0
 * The worker role: the proxy's data plane and the log's spool in the frame of a role. */
#include "cli/worker_role.h"

#include "base/clock.h"
#include "base/mem.h"
#include "log/log.h"
#include "proxy/proxy.h"

struct worker_role {
    struct role_env *env;    /* borrowed */
    struct worker *worker;   /* owned */
    struct log_spool *spool; /* owned */
    struct deferred end;
};

/* Every request has its line by now; the spool's files are complete when it closes. */
static void
on_end(struct deferred *d)
{
    struct worker_role *w = CONTAINER_OF(d, struct worker_role, end);
    worker_free(&w->worker);
    log_spool_close(&w->spool);
    role_finished(w->env);
}

/* Called from inside the worker, which cannot go just then. */
static void
on_drained(void *context)
{
    struct worker_role *w = context;
    loop_defer(w->env->loop, &w->end);
}

static enum err
open_spool(struct worker_role *w, struct errinfo *reterr)
{
    const struct role_env *env = w->env;
    const struct log_spool_env spool = {
        .region_fd = env->region_fds[0],
        .spool_dirfd = env->spool_dirfd,
        .worker = env->index,
        .generation = env->generation,
        .interval_s = env->options->log_interval_s,
        .account = env->options->account,
        .region = env->options->region,
        .row = &env->board->workers[env->index],
    };
    return log_spool_open(&spool, clock_wall_us(), &w->spool, reterr);
}

static enum err
init(struct role_env *env, void **ret_role, struct errinfo *reterr)
{
    struct worker_role *w = xalloc(sizeof(*w)); /* lives as long as the process */
    w->env = env;
    TRY(tls_init(reterr));
    TRY(open_spool(w, reterr));
    /* The shipper may deliver what our predecessor left: it is all on disk now. */
    env->board->workers[env->index].log_recovered = env->generation;
    const struct worker_env proxy = {
        .loop = env->loop,
        .index = env->index,
        .board = env->board,
        .spool = w->spool,
        .ticket_keys = env->ticket_keys,
        .keys_dirfd = env->keys_dirfd,
    };
    TRY(worker_new(&proxy, &w->worker, reterr));
    deferred_init(&w->end, on_end);
    *ret_role = w;
    return ERR_OK;
}

static enum err
load(void *role, struct model *m, struct errinfo *reterr)
{
    struct worker_role *w = role;
    return worker_load(w->worker, m, reterr);
}

static void
take_socket(void *role, uint32_t listener_slot, int fd)
{
    struct worker_role *w = role;
    worker_listen(w->worker, listener_slot, fd);
}

static void
drop_sockets(void *role, uint32_t listener_slot)
{
    struct worker_role *w = role;
    worker_unlisten(w->worker, listener_slot);
}

static void
drain(void *role, uint64_t deadline_us)
{
    struct worker_role *w = role;
    worker_drain(w->worker, deadline_us, on_drained, w);
}

const struct role_ops worker_ops = {
    .name = "worker",
    .init = init,
    .load = load,
    .listen = take_socket,
    .unlisten = drop_sockets,
    .drain = drain,
};
