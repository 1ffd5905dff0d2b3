/* SPDX-License-Identifier: Apache-2.0
 * The end, in order: workers finish what runs, the shipper delivers their logs, the rest, and the
 * demo targets last. */
#include "role/supervisor_int.h"

#include <signal.h>

#include "base/assert.h"
#include "base/diag.h"

/* How long each stage may take before what is left of it is killed. */
static const unsigned stage_limit_s[] = {
    [STAGE_RUN] = 0,  [STAGE_WORKERS] = DRAIN_S + 5, [STAGE_SHIPPER] = 60,
    [STAGE_REST] = 5, [STAGE_TARGETS] = 5,           [STAGE_OVER] = 0,
};

static enum stage
stage_of(const struct child *c)
{
    if (c->is_demo) {
        return STAGE_TARGETS;
    }
    switch (c->kind) {
    case ROLE_WORKER: return STAGE_WORKERS;
    case ROLE_SHIPPER: return STAGE_SHIPPER;
    case ROLE_CONTROL:
    case ROLE_CHECKER: return STAGE_REST;
    case ROLE_SUPERVISOR:
    case ROLE_COUNT: break;
    }
    NEVER("a child is a role or a demo target");
}

static bool
stage_empty(const struct supervisor *s)
{
    CHILDREN_FOR(c, s)
    {
        if (c->pid > 0 && stage_of(c) == s->stage) {
            return false;
        }
    }
    return true;
}

static void
end_child(struct child *c)
{
    if (c->is_demo || c->channel.fd < 0) {
        child_signal(c, SIGTERM);
    } else {
        channel_tell(&c->channel, CHANNEL_DRAIN, 0, (uint64_t)DRAIN_S * SUPERVISOR_SECOND_US);
    }
}

static void
stage_enter(struct supervisor *s, enum stage stage)
{
    s->stage = stage;
    if (stage == STAGE_OVER) {
        loop_stop(s->loop, s->exit_code);
        return;
    }
    CHILDREN_FOR(c, s)
    {
        if (stage_of(c) == stage) {
            end_child(c);
        }
    }
    timer_arm_in(s->loop, &s->stage_timer, (uint64_t)stage_limit_s[stage] * SUPERVISOR_SECOND_US);
}

/* Goes on for as long as there is nobody to wait for. */
static void
stage_go(struct supervisor *s)
{
    while (s->stage != STAGE_OVER && stage_empty(s)) {
        stage_enter(s, (enum stage)(s->stage + 1));
    }
}

static void
on_stage_over(struct timer *t)
{
    struct supervisor *s = CONTAINER_OF(t, struct supervisor, stage_timer);
    CHILDREN_FOR(c, s)
    {
        if (c->pid > 0 && stage_of(c) == s->stage) {
            diag_warn("the %s did not end in time and is killed pid=%d", c->title, (int)c->pid);
            child_signal(c, SIGKILL);
        }
    }
}

void
stop_begin(struct supervisor *s, int exit_code)
{
    if (s->stage != STAGE_RUN) {
        return;
    }
    s->exit_code = exit_code;
    timer_init(&s->stage_timer, on_stage_over);
    CHILDREN_FOR(c, s)
    {
        timer_disarm(&c->restart);
    }
    /* Workers close their copies as well: new connections are refused from here on. */
    listen_plan_free(&s->plan);
    listen_plan_free(&s->bound);
    listen_plan_free(&s->offered);
    stage_enter(s, STAGE_WORKERS);
    stage_go(s);
}

void
stop_child_died(struct supervisor *s)
{
    stage_go(s);
}

void
stop_now(struct supervisor *s)
{
    CHILDREN_FOR(c, s)
    {
        child_signal(c, SIGKILL);
    }
}
