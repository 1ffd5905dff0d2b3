/* SPDX-License-Identifier: Apache-2.0
 * Decides a request by a policy, in three truth values, with the reason of each statement. */
#include "policy/policy_int.h"

#include "base/assert.h"

/* Measures of likeness in one decision: they only name the nearest value, and have their price. */
enum { LIKENESSES_MAX = 1024, UNLIKE_MAX = 1 << 20 };

const char *
policy_answer_word(enum policy_answer a)
{
    static const char *const words[] = {
        [POLICY_IMPLICIT_DENY] = "implicit-deny",
        [POLICY_EXPLICIT_DENY] = "explicit-deny",
        [POLICY_ALLOW] = "allow",
        [POLICY_DEPENDS] = "depends",
    };
    ASSERT(a < COUNT_OF(words));
    return words[a];
}

static enum policy_truth
not_if(bool negated, enum policy_truth t)
{
    return negated ? (enum policy_truth)(POLICY_YES - t) : t;
}

/* ---- likeness ---- */

/* Keeps the value that is most like what was asked. */
struct nearest {
    struct str value;
    size_t unlike;
};

static size_t
unlikeness(struct policy_case *c, struct str value, struct str asked)
{
    if (c->likenesses_left == 0) {
        return UNLIKE_MAX;
    }
    c->likenesses_left--;
    return policy_unlikeness(value, asked);
}

static void
nearest_try(struct policy_case *c, struct nearest *n, struct str value, struct str asked)
{
    size_t unlike = unlikeness(c, value, asked);
    if (n->value.p == NULL || unlike < n->unlike) {
        *n = (struct nearest){value, unlike};
    }
}

/* ---- elements ---- */

static struct str
caller_name(const struct policy_caller *caller)
{
    switch (caller->kind) {
    case POLICY_CALLER_ANONYMOUS: return STR_NONE;
    case POLICY_CALLER_IDENTITY: return caller->arn;
    case POLICY_CALLER_SERVICE: return caller->service;
    }
    NEVER("every kind is listed");
}

static struct policy_step
step_principal(struct policy_case *c, const struct policy_statement *s, struct str *ret_key)
{
    const struct policy_principal *matched = NULL;
    const struct policy_caller *caller = &c->request->caller;
    struct str asked = caller_name(caller);
    enum policy_truth t = policy_principals_match(s, caller, &matched);
    struct nearest near = {STR_NONE, 0};
    for (size_t i = 0; matched == NULL && i < s->principal_count; i++) {
        nearest_try(c, &near, s->principals[i].value, asked);
    }
    *ret_key = t == POLICY_UNKNOWN ? STR("Principal") : STR_NONE;
    return (struct policy_step){.element = POLICY_PRINCIPAL,
                                .truth = t,
                                .value = matched != NULL ? matched->value : near.value,
                                .asked = asked};
}

/* Is one of the patterns the text? Only resources hold variables; one without value matches
 * nothing, in Resource and in NotResource. */
static enum policy_truth
any_pattern(struct policy_case *c, const struct str *patterns, size_t count, struct str text,
            bool resource, struct str *ret_value, struct str *ret_key)
{
    enum policy_truth best = POLICY_NO;
    for (size_t i = 0; i < count; i++) {
        struct policy_expansion e = {POLICY_YES, patterns[i], NULL, STR_NONE};
        if (resource) {
            e = policy_expand(c, patterns[i]);
        }
        c->work += 1;
        if (e.known == POLICY_YES &&
            policy_wildcard_run(e.text, e.plain, text, !resource, &c->work)) {
            *ret_value = patterns[i];
            return POLICY_YES;
        }
        if (e.known == POLICY_UNKNOWN && best == POLICY_NO) {
            best = POLICY_UNKNOWN;
            *ret_value = patterns[i];
            *ret_key = e.key;
        }
    }
    return best;
}

static struct policy_step
step_patterns(struct policy_case *c, const struct policy_statement *s, enum policy_element element,
              struct str *ret_key)
{
    bool resource = element == POLICY_RESOURCE;
    const struct str *patterns = resource ? s->resources : s->actions;
    size_t count = resource ? s->resource_count : s->action_count;
    struct str asked = resource ? c->request->resource : c->request->action, value = STR_NONE;
    struct nearest near = {STR_NONE, 0};
    enum policy_truth t = any_pattern(c, patterns, count, asked, resource, &value, ret_key);
    for (size_t i = 0; t == POLICY_NO && i < count; i++) {
        nearest_try(c, &near, patterns[i], asked);
    }
    return (struct policy_step){.element = element,
                                .truth = not_if(resource ? s->not_resource : s->not_action, t),
                                .value = t == POLICY_NO ? near.value : value,
                                .asked = asked};
}

/* ---- one statement ---- */

struct judgement {
    struct policy_reason *reason; /* borrowed */
    struct str key;               /* of the first step that is not known */
    size_t unlike;                /* of all that missed */
};

/* A full trace keeps its last place for a step that missed. */
static void
add_step(struct policy_case *c, struct judgement *j, const struct policy_step *step, struct str key)
{
    struct policy_reason *r = j->reason;
    if (r->step_count < COUNT_OF(r->steps)) {
        r->steps[r->step_count++] = *step;
    } else if (step->truth < r->steps[r->step_count - 1].truth) {
        r->steps[r->step_count - 1] = *step;
    }
    if (step->truth == POLICY_UNKNOWN && j->key.n == 0) {
        j->key = key;
    }
    if (step->truth == POLICY_NO) {
        r->missed++;
        j->unlike += unlikeness(c, step->value, step->asked);
    }
    r->truth = MIN_OF(r->truth, step->truth);
}

static void
judge_statement(struct policy_case *c, const struct policy_statement *s, struct judgement *j)
{
    struct str key = STR_NONE;
    struct policy_step step;
    j->reason->truth = POLICY_YES;
    j->reason->missed = 0;
    j->reason->step_count = 0;
    step = step_principal(c, s, &key);
    add_step(c, j, &step, key);
    step = step_patterns(c, s, POLICY_ACTION, &key);
    add_step(c, j, &step, key);
    step = step_patterns(c, s, POLICY_RESOURCE, &key);
    add_step(c, j, &step, key);
    for (size_t i = 0; i < s->condition_count; i++) {
        (void)policy_condition_judge(c, &s->conditions[i], &step, &key);
        add_step(c, j, &step, key);
    }
}

/* ---- all of them ---- */

struct found {
    int statement; /* -1: none */
    struct str key;
};
struct outcome {
    struct found allow, maybe_allow, deny, maybe_deny;
    int nearest;
    unsigned nearest_missed;
    size_t nearest_unlike;
};

static void
note(struct outcome *o, int index, bool allow, const struct judgement *j)
{
    const struct policy_reason *r = j->reason;
    struct found *first = NULL;
    if (r->truth == POLICY_YES) {
        first = allow ? &o->allow : &o->deny;
    } else if (r->truth == POLICY_UNKNOWN) {
        first = allow ? &o->maybe_allow : &o->maybe_deny;
    } else if (allow && (o->nearest < 0 || r->missed < o->nearest_missed ||
                         (r->missed == o->nearest_missed && j->unlike < o->nearest_unlike))) {
        o->nearest = index;
        o->nearest_missed = r->missed;
        o->nearest_unlike = j->unlike;
    }
    if (first != NULL && first->statement < 0) {
        *first = (struct found){index, j->key};
    }
}

/* What is not known counts only where it decides: a Deny that may hold makes no difference where
 * nothing is allowed, an Allow that may hold none beside one that does. */
static struct policy_decision
conclude(const struct outcome *o)
{
    bool maybe = o->maybe_allow.statement >= 0, allowed = o->allow.statement >= 0;
    if (o->deny.statement >= 0) {
        return (struct policy_decision){POLICY_EXPLICIT_DENY, o->deny.statement, STR_NONE};
    }
    if (!allowed && maybe) {
        return (struct policy_decision){POLICY_DEPENDS, o->maybe_allow.statement,
                                        o->maybe_allow.key};
    }
    if (allowed && o->maybe_deny.statement >= 0) {
        return (struct policy_decision){POLICY_DEPENDS, o->maybe_deny.statement, o->maybe_deny.key};
    }
    if (allowed) {
        return (struct policy_decision){POLICY_ALLOW, o->allow.statement, STR_NONE};
    }
    /* a Deny that may hold cannot change it, and the nearest Allow is worth knowing */
    return (struct policy_decision){POLICY_IMPLICIT_DENY, o->nearest, STR_NONE};
}

void
policy_decide_counted(const struct policy *p, const struct policy_request *request,
                      struct policy_trace *ret_trace, struct policy_decision *ret_decision,
                      uint64_t *ret_work)
{
    struct policy_case c;
    struct outcome o = {{-1, STR_NONE}, {-1, STR_NONE}, {-1, STR_NONE}, {-1, STR_NONE}, -1, 0, 0};
    struct policy_reason scratch;
    c.policy = p;
    c.request = request;
    c.work = 0;
    c.likenesses_left = LIKENESSES_MAX;
    ASSERT(p->statement_count <= LIMIT_POLICY_STATEMENTS_MAX);
    for (size_t i = 0; i < p->statement_count; i++) {
        struct judgement j = {.reason = ret_trace == NULL ? &scratch : &ret_trace->items[i]};
        judge_statement(&c, &p->statements[i], &j);
        note(&o, (int)i, p->statements[i].allow, &j);
    }
    if (ret_trace != NULL) {
        ret_trace->count = p->statement_count;
    }
    *ret_decision = conclude(&o);
    *ret_work = c.work;
}

void
policy_decide(const struct policy *p, const struct policy_request *request,
              struct policy_trace *ret_trace, struct policy_decision *ret_decision)
{
    uint64_t work = 0;
    policy_decide_counted(p, request, ret_trace, ret_decision, &work);
}
