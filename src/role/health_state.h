/* SPDX-License-Identifier: Apache-2.0
 * The health of one target as a state machine: results of checks and changes of the configuration
 * in, state and reason out. Pure: no clock, no I/O, no board; role/checker.c is its driver. */
#pragma once

#include "base/defs.h"
#include "client/client.h"
#include "model/model.h"
#include "state/board.h"

enum health_event {
    HEALTH_EVENT_ADMITTED,     /* registered in a group that receives traffic */
    HEALTH_EVENT_CHECKING,     /* a check begins */
    HEALTH_EVENT_PASSED,       /* a check passed */
    HEALTH_EVENT_FAILED,       /* a check failed */
    HEALTH_EVENT_SET_ASIDE,    /* its group receives no traffic (any more) */
    HEALTH_EVENT_DEREGISTERED, /* taken out of its group */
    HEALTH_EVENT_DRAINED,      /* the deregistration delay is over */
    HEALTH_EVENT_COUNT
};

struct health_machine {
    struct health_now now;
    bool streak_passed; /* what the streak is of */
    uint32_t streak;    /* checks with the same result in a row, since the state was entered */
};

/* What a check means: passed, or failed with a reason; the HTTP code if there was one. */
struct health_verdict {
    bool passed;
    enum health_reason reason;
    unsigned code;
};
struct health_verdict health_judge(const struct health_result *result,
                                   const struct health_check *settings);

/* Begins in a given state: UNUSED for a new target, what the board says after a restart. */
void health_machine_init(struct health_machine *m, struct health_now now);

/* Applies one event; true when `now` changed. `verdict` belongs to PASSED and FAILED, else NULL. */
bool health_machine_step(struct health_machine *m, enum health_event event,
                         const struct health_verdict *verdict, const struct health_check *settings);
