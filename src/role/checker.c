/* SPDX-License-Identifier: Apache-2.0
 * The checker: asks every target of every group in use, and writes its health on the board. */
#include "role/role.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/limits.h"
#include "base/mem.h"
#include "client/client.h"
#include "role/health_state.h"

#include <stdio.h>

enum {
    CHECKER_MAGIC = 0x43484b52,
    SPREAD_FROM_TARGETS = 16,    /* smaller groups are checked all at once */
    SPREAD_MAX_US = 1000 * 1000, /* first checks of large groups lie within a second */
    BUSY_RETRY_US = 100 * 1000,  /* all probes are in flight: again after this */
    DELAY_UNKNOWN_S = 300,       /* draining found after a restart [ALB: default delay] */
};

/* The watch over one target; its place in the array is the target's slot on the board. What holds:
 * UNUSED: no timer, no probe. INITIAL, HEALTHY, UNHEALTHY: the timer is the next check. DRAINING:
 * the timer is the end of the delay, no probe. */
struct check {
    struct checker *checker; /* borrowed: its owner; NULL: nobody is watched here */
    struct model *model;     /* shared (ref): where group and target live; NULL: draining, found */
    const struct target_group *group; /* borrowed from model */
    const struct target *target;      /* borrowed from model */
    bool registered;                  /* the configuration has it; else it drains */
    bool tls13;
    bool overdue; /* a check was due while the one before was still in flight */
    struct health_machine machine;
    struct timer timer;
    uint64_t due_us; /* the next check, on a grid that does not know how long checks take */
    struct health_probe *probe; /* borrowed from the client; NULL: none in flight */
};

struct checker {
    uint32_t magic;
    bool loaded;                  /* a configuration was there before: the board's cells are ours */
    struct role_env *env;         /* borrowed */
    struct health_client *client; /* owned */
    struct check checks[LIMIT_TARGETS_MAX]; /* by slot */
};

static size_t
check_slot(const struct check *c)
{
    return (size_t)(c - c->checker->checks);
}

static struct loop *
check_loop(const struct check *c)
{
    return c->checker->env->loop;
}

static const struct health_check *
check_settings(const struct check *c)
{
    static const struct health_check none = {.healthy_threshold = 1, .unhealthy_threshold = 1};
    return c->group != NULL ? &c->group->health_check : &none;
}

static bool
is_checked(enum health_state state)
{
    switch (state) {
    case HEALTH_INITIAL:
    case HEALTH_HEALTHY:
    case HEALTH_UNHEALTHY: return true;
    case HEALTH_UNUSED:
    case HEALTH_DRAINING:
    case HEALTH_UNAVAILABLE:
    case HEALTH_STATE_COUNT: return false;
    }
    NEVER("all states are listed");
}

/* ---- telling ---- */

static void
change_log(const struct check *c, enum health_state before, const char *detail)
{
    struct health_now now = c->machine.now;
    char text[HEALTH_TEXT];
    char target[ADDR_TEXT];
    if (c->target == NULL) {
        (void)snprintf(target, sizeof(target), "slot-%zu", check_slot(c)); /* has room */
    } else {
        (void)addr_port_text(&c->target->addr, target);
    }
    struct str group = c->group != NULL ? c->group->name : STR("-");
    const char *reason = health_reason_name(now.reason);
    diag(before != now.state ? DIAG_INFO : DIAG_DEBUG,
         "target is %s group=%.*s target=%s was=%s reason=%s description=\"%s\" detail=\"%s\"",
         health_state_name(now.state), STR_ARG(group), target, health_state_name(before),
         reason[0] != '\0' ? reason : "-", health_describe(now, text), detail);
}

static struct board_health *
check_cell(const struct check *c)
{
    return &c->checker->env->board->health[check_slot(c)];
}

/* Moves the machine; what changes goes to the board and to the log. */
static void
check_step(struct check *c, enum health_event event, const struct health_verdict *verdict,
           const char *detail)
{
    enum health_state before = c->machine.now.state;
    if (health_machine_step(&c->machine, event, verdict, check_settings(c))) {
        board_health_set(check_cell(c), c->machine.now, loop_wall_us(check_loop(c)));
        change_log(c, before, detail);
    }
}

/* ---- checking ---- */

/* A counter that only this process writes. */
static void
count_one(_Atomic uint32_t *cell)
{
    uint32_t n = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, n + 1, memory_order_relaxed);
}

static void
check_verdict(struct check *c, const struct health_verdict *verdict, const char *detail)
{
    struct board_health *cell = check_cell(c);
    count_one(verdict->passed ? &cell->checks_passed : &cell->checks_failed);
    check_step(c, verdict->passed ? HEALTH_EVENT_PASSED : HEALTH_EVENT_FAILED, verdict, detail);
}

static void check_begin(struct check *c);

static void
check_done(void *context, const struct health_result *result)
{
    struct check *c = context;
    ASSERT(c->probe != NULL);
    ASSERT(is_checked(c->machine.now.state));
    c->probe = NULL;
    struct health_verdict verdict = health_judge(result, check_settings(c));
    diag_debug("checked slot=%zu passed=%d code=%u latency_us=%llu outcome=\"%s\" detail=\"%s\"",
               check_slot(c), verdict.passed, result->code, (unsigned long long)result->latency_us,
               health_outcome_text(result->outcome), result->detail);
    check_verdict(c, &verdict, result->detail);
    if (c->overdue) {
        check_begin(c);
    }
}

static struct health_request
check_request(const struct check *c)
{
    const struct health_check *settings = check_settings(c);
    struct health_request request = {
        .addr = c->target->addr,
        .protocol = settings->protocol,
        .tls13 = c->tls13,
        .path = settings->path,
        .timeout_ms = settings->timeout_s * 1000,
    };
    if (settings->port != 0) {
        addr_set_port(&request.addr, settings->port);
    }
    return request;
}

static void
check_begin(struct check *c)
{
    check_step(c, HEALTH_EVENT_CHECKING, NULL, "");
    struct health_request request = check_request(c);
    struct errinfo info;
    c->overdue = false;
    enum err e = health_probe_start(c->checker->client, &request, check_done, c, &c->probe, &info);
    if (e == ERR_BUSY) {
        timer_arm_in(check_loop(c), &c->timer, BUSY_RETRY_US);
        return;
    }
    if (e != ERR_OK) {
        struct health_verdict verdict = {.reason = HEALTH_REASON_INTERNAL_ERROR};
        check_verdict(c, &verdict, info.text);
    }
}

/* The interval runs whatever the response time [ALB: HealthCheckIntervalSeconds]. */
static void
check_due(struct check *c)
{
    uint64_t now_us = loop_now_us(check_loop(c));
    uint64_t interval_us = (uint64_t)check_settings(c)->interval_s * 1000000;
    ASSERT(interval_us > 0);
    if (c->due_us <= now_us) {
        c->due_us += ((now_us - c->due_us) / interval_us + 1) * interval_us;
    }
    timer_arm(check_loop(c), &c->timer, c->due_us);
    if (c->probe != NULL) {
        c->overdue = true;
    } else {
        check_begin(c);
    }
}

/* The first check comes at once; those of a large group are spread a little, always the same way,
 * and its first target does not wait. */
static uint64_t
spread_us(const struct check *c)
{
    size_t index = (size_t)(c->target - c->group->targets);
    if (index == 0 || c->group->target_count < SPREAD_FROM_TARGETS) {
        return 0;
    }
    uint64_t interval_us = (uint64_t)check_settings(c)->interval_s * 1000000;
    ASSERT(interval_us > 0); /* 5 s at least, by the model */
    uint64_t hash = (check_slot(c) * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
    return hash % MIN_OF(interval_us, (uint64_t)SPREAD_MAX_US);
}

static void
check_schedule(struct check *c)
{
    health_probe_cancel(&c->probe);
    c->overdue = false;
    c->due_us = loop_now_us(check_loop(c)) + spread_us(c);
    timer_arm(check_loop(c), &c->timer, c->due_us);
}

static void
check_stop(struct check *c)
{
    health_probe_cancel(&c->probe);
    c->overdue = false;
    timer_disarm(&c->timer);
}

/* ---- coming and going ---- */

/* Nobody is watched in this slot any more. */
static void
check_drop(struct check *c)
{
    check_stop(c);
    timer_remove(&c->timer);
    model_unref(&c->model);
    *c = (struct check){0};
}

/* The machine has come to rest, or to the state it is checked in: timer and probe follow. `again`:
 * also a check that is under way begins anew. */
static void
check_settle(struct check *c, bool again)
{
    if (!is_checked(c->machine.now.state)) {
        check_stop(c);
    } else if (again || !timer_armed(&c->timer)) {
        check_schedule(c);
    }
}

/* Registered in a group: does that group receive traffic? */
static void
check_admit(struct check *c)
{
    check_step(c, c->group->in_use ? HEALTH_EVENT_ADMITTED : HEALTH_EVENT_SET_ASIDE, NULL, "");
}

static void
check_drained(struct check *c)
{
    check_step(c, HEALTH_EVENT_DRAINED, NULL, "");
    if (!c->registered) {
        check_drop(c);
        return;
    }
    check_admit(c); /* it was registered again meanwhile */
    check_settle(c, true);
}

static void
check_timer(struct timer *t)
{
    struct check *c = CONTAINER_OF(t, struct check, timer);
    if (c->machine.now.state == HEALTH_DRAINING) {
        check_drained(c);
    } else {
        check_due(c);
    }
}

/* Draining ends when the delay has passed since it began, which the board knows. */
static void
drain_arm(struct check *c, uint64_t delay_s)
{
    struct loop *loop = check_loop(c);
    uint64_t began_us = atomic_load_explicit(&check_cell(c)->changed_wall_us, memory_order_relaxed);
    uint64_t wall_us = loop_wall_us(loop);
    uint64_t elapsed_us = wall_us > began_us ? wall_us - began_us : 0;
    uint64_t delay_us = delay_s * 1000000;
    timer_arm_in(loop, &c->timer, delay_us > elapsed_us ? delay_us - elapsed_us : 0);
}

static void
check_leave(struct check *c)
{
    c->registered = false;
    check_stop(c);
    check_step(c, HEALTH_EVENT_DEREGISTERED, NULL, "");
    if (c->machine.now.state == HEALTH_DRAINING) {
        drain_arm(c, c->group->deregistration_delay_s);
    } else {
        check_drop(c);
    }
}

/* Begins the watch over a slot with what its cell says, or as new. */
static void
check_open(struct checker *checker, struct check *c, struct health_now now)
{
    ASSERT(c->checker == NULL);
    c->checker = checker;
    timer_init(&c->timer, check_timer);
    health_machine_init(&c->machine, now);
}

/* ---- configurations ---- */

/* A target stays the same as long as group, address and port do. */
static bool
same_target(const struct check *c, const struct target_group *g, const struct target *t)
{
    return c->target != NULL && str_eq(c->group->arn, g->arn) &&
           addr_eq(&c->target->addr, &t->addr);
}

static bool
same_settings(const struct health_check *a, const struct health_check *b)
{
    return a->protocol == b->protocol && a->port == b->port && str_eq(a->path, b->path) &&
           a->interval_s == b->interval_s && a->timeout_s == b->timeout_s &&
           a->healthy_threshold == b->healthy_threshold &&
           a->unhealthy_threshold == b->unhealthy_threshold && str_eq(a->matcher, b->matcher);
}

static bool
listener_uses(const struct listener *l, const struct target_group *g)
{
    if (l->default_action.target_group == g) {
        return true;
    }
    for (size_t i = 0; i < l->rule_count; i++) {
        if (l->rules[i].action.target_group == g) {
            return true;
        }
    }
    return false;
}

static bool
policy_has_tls13(struct str name)
{
    const struct tls_policy *policy = tls_policy_find(name);
    return policy != NULL && strstr(policy->protocols, "TLSv1.3") != NULL;
}

/* TLS 1.3 towards targets follows the listeners of the load balancer [ALB: TLS to targets]. */
static bool
load_balancer_gives_tls13(const struct load_balancer *lb, const struct target_group *g)
{
    bool uses = false;
    bool tls13 = false;
    for (size_t i = 0; i < lb->listener_count; i++) {
        const struct listener *l = &lb->listeners[i];
        uses |= listener_uses(l, g);
        tls13 |= l->protocol == PROTOCOL_HTTPS && policy_has_tls13(l->ssl_policy);
    }
    return uses && tls13;
}

static bool
group_has_tls13(const struct model *m, const struct target_group *g)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        if (load_balancer_gives_tls13(&m->load_balancers[i], g)) {
            return true;
        }
    }
    return false;
}

/* From now on the check's group and target are those of this model. */
static void
check_rebase(struct check *c, struct model *m, const struct target_group *g, const struct target *t,
             bool tls13)
{
    struct model *old = c->model;
    c->model = model_ref(m);
    c->group = g;
    c->target = t;
    c->tls13 = tls13;
    c->registered = true;
    model_unref(&old);
}

static struct health_now
health_of_new(const struct checker *checker, uint32_t slot)
{
    if (checker->loaded) { /* what the cell says is about somebody who left */
        return (struct health_now){HEALTH_UNUSED, HEALTH_REASON_NONE, 0};
    }
    return board_health_get(&checker->env->board->health[slot]);
}

static void
target_load(struct checker *checker, struct model *m, const struct target_group *g,
            const struct target *t, bool tls13)
{
    ASSERT(t->slot < LIMIT_TARGETS_MAX);
    struct check *c = &checker->checks[t->slot];
    if (c->checker != NULL && !same_target(c, g, t)) {
        check_drop(c); /* the slot has a new owner */
    }
    bool fresh = c->checker == NULL;
    if (fresh) {
        check_open(checker, c, health_of_new(checker, t->slot));
    }
    bool again =
        fresh || tls13 != c->tls13 || !same_settings(&c->group->health_check, &g->health_check);
    check_rebase(c, m, g, t, tls13);
    if (c->machine.now.state != HEALTH_DRAINING) {
        check_admit(c);
        check_settle(c, again);
    } else if (fresh) {
        drain_arm(c, g->deregistration_delay_s);
    }
}

/* After a restart: cells that drain and whose target is in no configuration any more. */
static void
leftovers_load(struct checker *checker)
{
    for (size_t i = 0; i < LIMIT_TARGETS_MAX; i++) {
        struct check *c = &checker->checks[i];
        struct health_now now = board_health_get(&checker->env->board->health[i]);
        if (c->checker == NULL && now.state == HEALTH_DRAINING) {
            check_open(checker, c, now);
            drain_arm(c, DELAY_UNKNOWN_S);
        }
    }
}

static enum err
checker_load(void *role, struct model *m, struct errinfo *reterr)
{
    (void)reterr; /* every model that was published can be checked */
    struct checker *checker = OBJ_CAST(struct checker, CHECKER_MAGIC, role);
    if (checker->client == NULL) {
        return ERR_OK; /* too late: the process ends */
    }
    for (size_t i = 0; i < m->target_group_count; i++) {
        const struct target_group *g = &m->target_groups[i];
        bool tls13 = group_has_tls13(m, g);
        for (size_t j = 0; j < g->target_count; j++) {
            target_load(checker, m, g, &g->targets[j], tls13);
        }
    }
    for (size_t i = 0; i < LIMIT_TARGETS_MAX; i++) {
        struct check *c = &checker->checks[i];
        if (c->checker != NULL && c->registered && c->model != m) {
            check_leave(c);
        }
    }
    if (!checker->loaded) {
        leftovers_load(checker);
    }
    checker->loaded = true;
    return ERR_OK;
}

static enum err
checker_init(struct role_env *env, void **ret_role, struct errinfo *reterr)
{
    TRY(health_client_warm_up(reterr));
    struct checker *checker = xalloc(sizeof(*checker));
    checker->magic = CHECKER_MAGIC;
    checker->env = env;
    enum err e = health_client_new(env->loop, &checker->client, reterr);
    if (e != ERR_OK) {
        xfree(checker);
        return e;
    }
    *ret_role = checker;
    return ERR_OK;
}

/* Checks can be broken off at any time: the board keeps the last word for the next checker. */
static void
checker_drain(void *role, uint64_t deadline_us)
{
    (void)deadline_us; /* nothing takes time */
    struct checker *checker = OBJ_CAST(struct checker, CHECKER_MAGIC, role);
    for (size_t i = 0; i < LIMIT_TARGETS_MAX; i++) {
        if (checker->checks[i].checker != NULL) {
            check_drop(&checker->checks[i]);
        }
    }
    health_client_free(&checker->client);
    role_finished(checker->env);
}

const struct role_ops checker_ops = {
    .name = "checker",
    .init = checker_init,
    .load = checker_load,
    .drain = checker_drain,
};
