/* SPDX-License-Identifier: Apache-2.0
 * The worker role: the proxy's data plane and the log's spool in the frame of a role. */
#include "cli/worker_role.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "log/log.h"
#include "proxy/proxy.h"

enum { SPOOL_TICK_US = 250 * 1000 };

struct worker_role {
    struct role_env *env;    /* borrowed */
    struct worker *worker;   /* owned */
    struct log_spool *spool; /* owned */
    struct timer tick;
    uint64_t lost; /* records, as told last */
};

static void
on_tick(struct timer *t)
{
    struct worker_role *w = CONTAINER_OF(t, struct worker_role, tick);
    log_spool_tick(w->spool, loop_wall_us(w->env->loop));
    uint64_t lost = log_spool_lost(w->spool);
    if (lost != w->lost) {
        diag_warn("access-log records were lost count=%llu: is the disk full?",
                  (unsigned long long)(lost - w->lost));
        w->lost = lost;
        w->env->board->workers[w->env->index].log_lost = lost;
    }
    timer_arm_in(w->env->loop, t, SPOOL_TICK_US);
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
    timer_init(&w->tick, on_tick);
    timer_arm_in(env->loop, &w->tick, SPOOL_TICK_US);
    *ret_role = w;
    return ERR_OK;
}

static enum err
load(void *role, struct model *m, struct errinfo *reterr)
{
    struct worker_role *w = role;
    TRY(worker_load(w->worker, m, reterr));
    log_spool_configure(w->spool, m);
    return ERR_OK;
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

/* Every request has its line by now; the spool's files are complete when it closes. */
static void
on_drained(void *context)
{
    struct worker_role *w = context;
    timer_remove(&w->tick);
    log_spool_close(&w->spool);
    role_finished(w->env);
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
