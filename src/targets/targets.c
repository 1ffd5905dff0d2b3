/* SPDX-License-Identifier: Apache-2.0
 * Target groups at run time: targets that survive reloads, and the choice among them. */
#include "targets/targets_int.h"

#include "base/assert.h"
#include "base/mem.h"

struct targets *
targets_new(const struct targets_env *env)
{
    struct targets *t = xalloc(sizeof(*t));
    t->loop = env->loop;
    t->board = env->board;
    t->row = &env->board->workers[env->worker];
    list_init(&t->all);
    pool_init(&t->conns, "target connections", sizeof(struct target_conn),
              stream_share(3, LIMIT_TARGET_CONNECTIONS_MAX));
    return t;
}

void
targets_close_idle(struct targets *t)
{
    LIST_FOR_SAFE (node, &t->all) {
        struct target_run *run = target_run_ref(CONTAINER_OF(node, struct target_run, link));
        for (struct list *idle = list_first(&run->idle); idle != NULL;
             idle = list_first(&run->idle)) {
            struct target_conn *c = CONTAINER_OF(idle, struct target_conn, idle_link);
            target_conn_close(&c);
        }
        target_run_unref(&run);
    }
}

void
targets_free(struct targets **t)
{
    if (*t == NULL) {
        return;
    }
    targets_close_idle(*t);
    ASSERT(list_empty(&(*t)->all));
    pool_done(&(*t)->conns);
    tls_client_free(&(*t)->tls);
    xfree(*t);
    *t = NULL;
}

enum err
targets_configure(struct targets *t, bool tls13, struct errinfo *reterr)
{
    struct tls_client *fresh = NULL;
    TRY(tls_client_new(tls13, &fresh, reterr));
    tls_client_free(&t->tls); /* connections under way hold what they need of it */
    t->tls = fresh;
    return ERR_OK;
}

/* ---- targets ---- */

static bool
run_is(const struct target_run *run, const struct target_group *group, const struct target *target)
{
    return run->protocol == group->protocol && run->slot == target->slot &&
           addr_eq(&run->addr, &target->addr) && str_eq(str_of(run->group_arn), group->arn);
}

static struct target_run *
run_find(struct targets *t, const struct target_group *group, const struct target *target)
{
    LIST_FOR (node, &t->all) {
        struct target_run *run = CONTAINER_OF(node, struct target_run, link);
        if (run_is(run, group, target)) {
            return target_run_ref(run);
        }
    }
    return NULL;
}

static struct target_run *
run_new(struct targets *t, const struct target_group *group, const struct target *target)
{
    struct target_run *run = xalloc(sizeof(*run));
    run->targets = t;
    run->references = 1;
    run->group_arn = xstrdup_str(group->arn);
    run->protocol = group->protocol;
    run->addr = target->addr;
    run->slot = target->slot;
    ASSERT(run->slot < LIMIT_TARGETS_MAX);
    list_init(&run->idle);
    list_init(&run->link);
    list_push_back(&t->all, &run->link);
    return run;
}

struct target_run *
target_run_ref(struct target_run *t)
{
    ASSERT(t->references > 0);
    t->references++;
    return t;
}

void
target_run_unref(struct target_run **t)
{
    struct target_run *run = *t;
    *t = NULL;
    if (run == NULL) {
        return;
    }
    ASSERT(run->references > 0);
    if (--run->references > 0) {
        return;
    }
    ASSERT(list_empty(&run->idle));
    ASSERT(run->outstanding == 0);
    list_remove(&run->link);
    xfree(run->group_arn);
    xfree(run);
}

static void
gauge_write(struct target_run *t)
{
    atomic_store_explicit(&t->targets->row->outstanding[t->slot], t->outstanding,
                          memory_order_relaxed);
}

void
target_run_begin(struct target_run *t)
{
    t->outstanding++;
    gauge_write(t);
}

void
target_run_end(struct target_run *t)
{
    ASSERT(t->outstanding > 0);
    t->outstanding--;
    gauge_write(t);
}

/* ---- groups ---- */

void
group_run_init(struct targets *t, const struct target_group *group, struct group_run *ret_group)
{
    struct group_run g = {.group = group, .count = group->target_count};
    g.targets = xalloc(MAX_OF(g.count, (size_t)1) * sizeof(*g.targets));
    for (size_t i = 0; i < g.count; i++) {
        struct target_run *run = run_find(t, group, &group->targets[i]);
        if (run == NULL) {
            run = run_new(t, group, &group->targets[i]);
        }
        run->listed++;
        run->cut_at_us = 0;
        g.targets[i] = run;
    }
    *ret_group = g;
}

/* Deregistered: no new requests; idle connections have no use any more. True when it was the last
 * configuration that named the target. */
static bool
run_delist(struct target_run *run, uint32_t delay_s)
{
    ASSERT(run->listed > 0);
    if (--run->listed > 0) {
        return false;
    }
    run->cut_at_us = loop_now_us(run->targets->loop) + (uint64_t)delay_s * 1000000u;
    for (struct list *idle = list_first(&run->idle); idle != NULL; idle = list_first(&run->idle)) {
        struct target_conn *c = CONTAINER_OF(idle, struct target_conn, idle_link);
        target_conn_close(&c);
    }
    return true;
}

uint64_t
group_run_retire(struct group_run *g)
{
    uint64_t cut_at_us = 0;
    for (size_t i = 0; i < g->count; i++) {
        if (run_delist(g->targets[i], g->group->deregistration_delay_s)) {
            cut_at_us = g->targets[i]->cut_at_us;
        }
    }
    return cut_at_us;
}

uint64_t
targets_next_cut(struct targets *t)
{
    uint64_t next = 0;
    LIST_FOR (node, &t->all) {
        struct target_run *run = CONTAINER_OF(node, struct target_run, link);
        if (run->cut_at_us > loop_now_us(t->loop) && (next == 0 || run->cut_at_us < next)) {
            next = run->cut_at_us;
        }
    }
    return next;
}

void
group_run_done(struct group_run *g)
{
    for (size_t i = 0; i < g->count; i++) {
        target_run_unref(&g->targets[i]);
    }
    xfree(g->targets);
    *g = (struct group_run){0};
}

/* The next target, in turn, whose health is one of a set (bits by enum health_state). */
static struct target_run *
pick_among(struct group_run *g, unsigned states)
{
    for (size_t step = 0; step < g->count; step++) {
        size_t at = g->next + step;
        at = at >= g->count ? at - g->count : at;
        struct target_run *run = g->targets[at];
        const struct board_health *health = &run->targets->board->health[run->slot];
        if (states & 1u << board_health_get(health).state) {
            g->next = at + 1 == g->count ? 0 : at + 1;
            return run;
        }
    }
    return NULL;
}

struct target_run *
group_pick(struct group_run *g)
{
    struct target_run *run = pick_among(g, 1u << HEALTH_HEALTHY);
    if (run == NULL) {
        run = pick_among(g, ~(1u << HEALTH_DRAINING));
    }
    /* Registered again before their draining was over: still better than none. */
    return run != NULL ? run : pick_among(g, ~0u);
}
