/* SPDX-License-Identifier: Apache-2.0
 * The shipper: carries complete log files from the spool to the bucket. Plain blocking code. */
#include "role/role.h"

#include "base/diag.h"
#include "base/limits.h"
#include "base/mem.h"
#include "log/log.h"

enum { SECOND_US = 1000 * 1000, PASSES_PER_INTERVAL = 10, PAUSE_MAX_S = 10 };

struct shipper {
    struct role_env *env;
    struct ship_env ship;
    struct timer next;
    uint64_t pause_us;
    bool failing; /* the last pass could not deliver all */
};

static void
pass(struct shipper *s, bool final)
{
    struct ship_result result = {0};
    ship_pass(&s->ship, final, &result);
    if (result.delivered > 0 || result.dropped > 0) {
        diag_info("access logs delivered=%u bytes=%llu dropped=%u", result.delivered,
                  (unsigned long long)result.bytes, result.dropped);
    }
    if (result.failed > 0 && (final || !s->failing)) {
        diag_warn("access logs could not be delivered files=%u: they stay in the spool",
                  result.failed);
    }
    s->failing = result.failed > 0;
}

static void
on_next(struct timer *t)
{
    struct shipper *s = CONTAINER_OF(t, struct shipper, next);
    pass(s, false);
    timer_arm_in(s->env->loop, t, s->pause_us);
}

static enum err
shipper_init(struct role_env *env, void **ret_role, struct errinfo *reterr UNUSED)
{
    struct shipper *s = xalloc(sizeof(*s)); /* lives as long as the process */
    s->env = env;
    s->ship = (struct ship_env){.spool_dirfd = env->spool_dirfd,
                                .bucket_dirfd = env->bucket_dirfd,
                                .region_fds = env->region_fds,
                                .workers = env->workers,
                                .board = env->board,
                                .spool_bytes_max = LIMIT_SPOOL_BYTES_MAX};
    /* Often enough that a file waits a tenth of its interval, never longer than 10 s. */
    uint32_t pause_s = env->options->log_interval_s / PASSES_PER_INTERVAL;
    s->pause_us = (uint64_t)MIN_OF(MAX_OF(pause_s, 1U), (uint32_t)PAUSE_MAX_S) * SECOND_US;
    timer_init(&s->next, on_next);
    timer_arm_in(env->loop, &s->next, s->pause_us);
    *ret_role = s;
    return ERR_OK;
}

/* The supervisor orders this when all workers have ended: everything in the spool counts as
 * complete. When the supervisor died instead, workers still write; the next start delivers what
 * they leave. */
static void
shipper_drain(void *role, uint64_t deadline_us UNUSED)
{
    struct shipper *s = role;
    timer_disarm(&s->next);
    pass(s, s->env->stop_ordered);
    role_finished(s->env);
}

const struct role_ops shipper_ops = {
    .name = "shipper",
    .init = shipper_init,
    .drain = shipper_drain,
};
