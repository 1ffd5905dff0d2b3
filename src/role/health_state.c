/* SPDX-License-Identifier: Apache-2.0
 * The health of one target: the table of moves and its reader. */
#include "role/health_state.h"

#include "base/assert.h"

enum needed { NEEDED_NO_MOVE, NEEDED_ONE, NEEDED_HEALTHY_THRESHOLD, NEEDED_UNHEALTHY_THRESHOLD };

/* Stands in the table where the check itself gives the reason. */
enum { HEALTH_REASON_OF_CHECK = HEALTH_REASON_COUNT };

struct move {
    enum needed needed;
    enum health_state next;
    unsigned reason; /* enum health_reason, or OF_CHECK */
};

static const struct move moves[HEALTH_STATE_COUNT][HEALTH_EVENT_COUNT] = {
#define MOVE(state, event, needed, next, reason)                                                   \
    [HEALTH_##                                                                                     \
        state][HEALTH_EVENT_##event] = {NEEDED_##needed, HEALTH_##next, HEALTH_REASON_##reason},
#include "role/health_moves.def"
#undef MOVE
};

/* Why a probe that ended so is a failed check. */
static const enum health_reason reason_of_outcome[] = {
#define PROBE_OUTCOME(name, text, reason) HEALTH_REASON_##reason,
#include "client/probe_outcomes.def"
#undef PROBE_OUTCOME
};
_Static_assert(COUNT_OF(reason_of_outcome) == HEALTH_OUTCOME_COUNT, "one reason per outcome");

static bool
code_matches(unsigned code, const struct health_check *settings)
{
    for (size_t i = 0; i < settings->code_count; i++) {
        if (code >= settings->codes[i].first && code <= settings->codes[i].last) {
            return true;
        }
    }
    return false;
}

struct health_verdict
health_judge(const struct health_result *result, const struct health_check *settings)
{
    ASSERT(result->outcome < HEALTH_OUTCOME_COUNT);
    if (result->outcome == HEALTH_OUTCOME_ANSWERED && code_matches(result->code, settings)) {
        return (struct health_verdict){true, HEALTH_REASON_NONE, result->code};
    }
    return (struct health_verdict){false, reason_of_outcome[result->outcome], result->code};
}

void
health_machine_init(struct health_machine *m, struct health_now now)
{
    ASSERT(now.state < HEALTH_STATE_COUNT);
    *m = (struct health_machine){.now = now};
}

static uint32_t
times_needed(enum needed needed, const struct health_check *settings)
{
    switch (needed) {
    case NEEDED_NO_MOVE: return 0;
    case NEEDED_ONE: return 1;
    case NEEDED_HEALTHY_THRESHOLD: return settings->healthy_threshold;
    case NEEDED_UNHEALTHY_THRESHOLD: return settings->unhealthy_threshold;
    }
    NEVER("all kinds are listed");
}

/* Counts results of one kind in a row; other events happen once. */
static uint32_t
streak_count(struct health_machine *m, enum health_event event)
{
    if (event != HEALTH_EVENT_PASSED && event != HEALTH_EVENT_FAILED) {
        return 1;
    }
    bool passed = event == HEALTH_EVENT_PASSED;
    if (passed != m->streak_passed) {
        m->streak_passed = passed;
        m->streak = 0;
    }
    if (m->streak < UINT32_MAX) {
        m->streak++;
    }
    return m->streak;
}

bool
health_machine_step(struct health_machine *m, enum health_event event,
                    const struct health_verdict *verdict, const struct health_check *settings)
{
    ASSERT(event < HEALTH_EVENT_COUNT);
    ASSERT((event == HEALTH_EVENT_PASSED || event == HEALTH_EVENT_FAILED) == (verdict != NULL));
    const struct move *move = &moves[m->now.state][event];
    uint32_t count = streak_count(m, event);
    if (move->needed == NEEDED_NO_MOVE || count < times_needed(move->needed, settings)) {
        return false;
    }
    struct health_now next = {.state = move->next};
    if (move->reason == HEALTH_REASON_OF_CHECK) {
        ASSERT(verdict != NULL);
        next.reason = verdict->reason;
    } else {
        next.reason = (enum health_reason)move->reason;
    }
    next.code = verdict != NULL ? verdict->code : 0;
    bool changed =
        next.state != m->now.state || next.reason != m->now.reason || next.code != m->now.code;
    if (next.state != m->now.state) {
        m->streak = 0;
    }
    m->now = next;
    return changed;
}
