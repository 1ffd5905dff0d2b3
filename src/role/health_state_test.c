/* SPDX-License-Identifier: Apache-2.0
 * Stories of targets, told as letters, and the table of moves walked whole. */
#include "role/health_state.h"

#include "base/test.h"

#include <stdio.h>

static struct http_code_range only_200[] = {{200, 200}};
static const struct health_check thresholds_3_2 = {
    .healthy_threshold = 3, .unhealthy_threshold = 2, .codes = only_200, .code_count = 1};
static const struct health_check thresholds_2_4 = {
    .healthy_threshold = 2, .unhealthy_threshold = 4, .codes = only_200, .code_count = 1};

/* One letter, one event: a admitted, c checking, p passed, t timed out, 4 answered 404, 5 answered
 * 500, x connection failed, u set aside, d deregistered, z drained. */
static bool
tell(struct health_machine *m, char letter, const struct health_check *settings)
{
    static const struct {
        char letter;
        enum health_event event;
        enum health_reason reason;
        unsigned code;
    } events[] = {
        {'a', HEALTH_EVENT_ADMITTED, HEALTH_REASON_NONE, 0},
        {'c', HEALTH_EVENT_CHECKING, HEALTH_REASON_NONE, 0},
        {'p', HEALTH_EVENT_PASSED, HEALTH_REASON_NONE, 200},
        {'t', HEALTH_EVENT_FAILED, HEALTH_REASON_TIMEOUT, 0},
        {'4', HEALTH_EVENT_FAILED, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 404},
        {'5', HEALTH_EVENT_FAILED, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 500},
        {'x', HEALTH_EVENT_FAILED, HEALTH_REASON_FAILED_HEALTH_CHECKS, 0},
        {'u', HEALTH_EVENT_SET_ASIDE, HEALTH_REASON_NONE, 0},
        {'d', HEALTH_EVENT_DEREGISTERED, HEALTH_REASON_NONE, 0},
        {'z', HEALTH_EVENT_DRAINED, HEALTH_REASON_NONE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        if (events[i].letter == letter) {
            struct health_verdict v = {events[i].event == HEALTH_EVENT_PASSED, events[i].reason,
                                       events[i].code};
            bool check = v.passed || events[i].event == HEALTH_EVENT_FAILED;
            return health_machine_step(m, events[i].event, check ? &v : NULL, settings);
        }
    }
    test_failed(__FILE__, __LINE__, "no event is '%c'", letter);
    return false;
}

static const struct story {
    const char *title;
    const struct health_check *settings;
    const char *events;
    enum health_state state;
    enum health_reason reason;
    unsigned code;
} stories[] = {
    /* clang-format off */
    {"new and registered",                 &thresholds_3_2, "a",          HEALTH_INITIAL,   HEALTH_REASON_REGISTRATION_IN_PROGRESS, 0},
    {"the first check runs",               &thresholds_3_2, "ac",         HEALTH_INITIAL,   HEALTH_REASON_INITIAL_HEALTH_CHECKING, 0},
    {"one pass is enough for a new one",   &thresholds_3_2, "acp",        HEALTH_HEALTHY,   HEALTH_REASON_NONE, 200},
    {"also after one failure",             &thresholds_3_2, "act" "cp",   HEALTH_HEALTHY,   HEALTH_REASON_NONE, 200},
    {"one failure keeps initial",          &thresholds_3_2, "act",        HEALTH_INITIAL,   HEALTH_REASON_INITIAL_HEALTH_CHECKING, 0},
    {"initial fails at the threshold",     &thresholds_3_2, "actct",      HEALTH_UNHEALTHY, HEALTH_REASON_TIMEOUT, 0},
    {"the last reason counts",             &thresholds_3_2, "actc4",      HEALTH_UNHEALTHY, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 404},
    {"three of four are not enough",       &thresholds_2_4, "acttt",      HEALTH_INITIAL,   HEALTH_REASON_INITIAL_HEALTH_CHECKING, 0},
    {"healthy bears one failure",          &thresholds_3_2, "acpc5",      HEALTH_HEALTHY,   HEALTH_REASON_NONE, 200},
    {"healthy bears failures apart",       &thresholds_3_2, "acp5p5p5",   HEALTH_HEALTHY,   HEALTH_REASON_NONE, 200},
    {"healthy falls at the threshold",     &thresholds_3_2, "acp55",      HEALTH_UNHEALTHY, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 500},
    {"the reason follows the checks",      &thresholds_3_2, "acp554",     HEALTH_UNHEALTHY, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 404},
    {"... and so to a connect failure",    &thresholds_3_2, "acp55x",     HEALTH_UNHEALTHY, HEALTH_REASON_FAILED_HEALTH_CHECKS, 0},
    {"two passes of three",                &thresholds_3_2, "acp55pp",    HEALTH_UNHEALTHY, HEALTH_REASON_RESPONSE_CODE_MISMATCH, 500},
    {"passes must be in a row",            &thresholds_3_2, "acp55pptpp", HEALTH_UNHEALTHY, HEALTH_REASON_TIMEOUT, 0},
    {"three passes in a row",              &thresholds_3_2, "acp55ppp",   HEALTH_HEALTHY,   HEALTH_REASON_NONE, 200},
    {"healthy again, it falls again by 2", &thresholds_3_2, "acp55pppt",  HEALTH_HEALTHY,   HEALTH_REASON_NONE, 200},
    {"other thresholds",                   &thresholds_2_4, "acptttt" "pp", HEALTH_HEALTHY, HEALTH_REASON_NONE, 200},
    {"the group is not in use",            &thresholds_3_2, "u",          HEALTH_UNUSED,    HEALTH_REASON_NOT_IN_USE, 0},
    {"a healthy one is set aside",         &thresholds_3_2, "acpu",       HEALTH_UNUSED,    HEALTH_REASON_NOT_IN_USE, 0},
    {"an unhealthy one is set aside",      &thresholds_3_2, "acttu",      HEALTH_UNUSED,    HEALTH_REASON_NOT_IN_USE, 0},
    {"set aside, then used again",         &thresholds_3_2, "acpua",      HEALTH_INITIAL,   HEALTH_REASON_REGISTRATION_IN_PROGRESS, 0},
    {"a late result of one set aside",     &thresholds_3_2, "acup",       HEALTH_UNUSED,    HEALTH_REASON_NOT_IN_USE, 0},
    {"admitted twice is nothing new",      &thresholds_3_2, "acpa",       HEALTH_HEALTHY,   HEALTH_REASON_NONE, 200},
    {"a healthy one drains",               &thresholds_3_2, "acpd",       HEALTH_DRAINING,  HEALTH_REASON_DEREGISTRATION_IN_PROGRESS, 0},
    {"an unhealthy one drains",            &thresholds_3_2, "acttd",      HEALTH_DRAINING,  HEALTH_REASON_DEREGISTRATION_IN_PROGRESS, 0},
    {"an initial one drains",              &thresholds_3_2, "acd",        HEALTH_DRAINING,  HEALTH_REASON_DEREGISTRATION_IN_PROGRESS, 0},
    {"draining hears no checks",           &thresholds_3_2, "acpdppttc",  HEALTH_DRAINING,  HEALTH_REASON_DEREGISTRATION_IN_PROGRESS, 0},
    {"draining ends",                      &thresholds_3_2, "acpdz",      HEALTH_UNUSED,    HEALTH_REASON_NOT_REGISTERED, 0},
    {"registered again while draining",    &thresholds_3_2, "acpda",      HEALTH_DRAINING,  HEALTH_REASON_DEREGISTRATION_IN_PROGRESS, 0},
    {"registered again after it",          &thresholds_3_2, "acpdza",     HEALTH_INITIAL,   HEALTH_REASON_REGISTRATION_IN_PROGRESS, 0},
    {"an unused one leaves at once",       &thresholds_3_2, "ud",         HEALTH_UNUSED,    HEALTH_REASON_NOT_REGISTERED, 0},
    /* clang-format on */
};

TEST("the life of a target, story by story")
{
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        const struct story *s = &stories[i];
        struct health_machine m;
        health_machine_init(&m, (struct health_now){HEALTH_UNUSED, HEALTH_REASON_NONE, 0});
        for (const char *c = s->events; *c != '\0'; c++) {
            struct health_now before = m.now;
            bool changed = tell(&m, *c, s->settings);
            bool differs = before.state != m.now.state || before.reason != m.now.reason ||
                           before.code != m.now.code;
            CHECK_INT(changed, differs);
        }
        if (m.now.state != s->state || m.now.reason != s->reason || m.now.code != s->code) {
            test_failed(__FILE__, __LINE__, "%s: state %d, reason %d, code %u", s->title,
                        (int)m.now.state, (int)m.now.reason, m.now.code);
        }
    }
}

TEST("after a restart a target goes on from what the board says")
{
    struct health_machine m;
    health_machine_init(&m, (struct health_now){HEALTH_HEALTHY, HEALTH_REASON_NONE, 200});
    CHECK(!tell(&m, 'c', &thresholds_3_2));
    CHECK(!tell(&m, 'x', &thresholds_3_2));
    CHECK_INT(m.now.state, HEALTH_HEALTHY);
    CHECK(tell(&m, 'x', &thresholds_3_2));
    CHECK_INT(m.now.state, HEALTH_UNHEALTHY);
    health_machine_init(&m, (struct health_now){HEALTH_UNHEALTHY, HEALTH_REASON_TIMEOUT, 0});
    CHECK(!tell(&m, 'p', &thresholds_3_2));
    CHECK(!tell(&m, 'p', &thresholds_3_2));
    CHECK(tell(&m, 'p', &thresholds_3_2));
    CHECK_INT(m.now.state, HEALTH_HEALTHY);
}

TEST("no event from any state leads to a state that lacks its reason")
{
    static const char letters[] = "acpt45xudz";
    for (unsigned state = 0; state < HEALTH_STATE_COUNT; state++) {
        for (size_t i = 0; i + 1 < sizeof(letters); i++) {
            struct health_machine m;
            health_machine_init(
                &m, (struct health_now){(enum health_state)state, HEALTH_REASON_INTERNAL_ERROR, 0});
            struct health_check once = thresholds_3_2;
            once.healthy_threshold = once.unhealthy_threshold = 1;
            if (tell(&m, letters[i], &once)) {
                bool healthy = m.now.state == HEALTH_HEALTHY;
                CHECK_INT(m.now.reason == HEALTH_REASON_NONE, healthy);
                CHECK(m.now.state != HEALTH_UNAVAILABLE);
            }
        }
    }
}

TEST("the matcher decides on the code")
{
    static struct http_code_range codes[] = {{200, 200}, {202, 202}, {300, 399}};
    const struct health_check settings = {.codes = codes, .code_count = COUNT_OF(codes)};
    static const struct {
        unsigned code;
        bool passed;
    } rows[] = {{200, true}, {201, false}, {202, true},  {299, false}, {300, true},
                {399, true}, {400, false}, {500, false}, {101, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct health_result result = {HEALTH_OUTCOME_ANSWERED, rows[i].code, 1000, ""};
        struct health_verdict v = health_judge(&result, &settings);
        CHECK_INT(v.passed, rows[i].passed);
        CHECK_INT(v.code, rows[i].code);
        CHECK_INT(v.reason,
                  rows[i].passed ? HEALTH_REASON_NONE : HEALTH_REASON_RESPONSE_CODE_MISMATCH);
    }
}

TEST("each way a probe fails has its reason")
{
    static const struct {
        enum health_outcome outcome;
        const char *reason;
    } rows[] = {
        {HEALTH_OUTCOME_TIMEOUT, "Target.Timeout"},
        {HEALTH_OUTCOME_CONNECT_FAILED, "Target.FailedHealthChecks"},
        {HEALTH_OUTCOME_TLS_FAILED, "Target.FailedHealthChecks"},
        {HEALTH_OUTCOME_RESET, "Target.FailedHealthChecks"},
        {HEALTH_OUTCOME_CLOSED, "Target.FailedHealthChecks"},
        {HEALTH_OUTCOME_MALFORMED, "Target.FailedHealthChecks"},
        {HEALTH_OUTCOME_INTERNAL, "Elb.InternalError"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct health_result result = {rows[i].outcome, 0, 1000, "x"};
        struct health_verdict v = health_judge(&result, &thresholds_3_2);
        CHECK(!v.passed);
        CHECK_STR(str_of(health_reason_name(v.reason)), rows[i].reason);
    }
    CHECK_INT(COUNT_OF(rows), HEALTH_OUTCOME_COUNT - 1); /* ANSWERED is the matcher's */
}

TEST_MAIN
