/* SPDX-License-Identifier: Apache-2.0
 * From the trace of a decision to the rows of points.def: which element of which statement stands
 * in the way of log delivery, and what works but should not. */
#include <stdio.h>

#include "base/defs.h"
#include "policy/delivery_int.h"

/* ---- Principal ---- */

static const struct {
    const char *service;
    enum delivery_point_name name;
} other_services[] = {
    {"delivery.logs.amazonaws.com", DELIVERY_PRINCIPAL_VENDED},
    {"logdelivery.elb.amazonaws.com", DELIVERY_PRINCIPAL_OUTPOSTS},
};

/* The 12 digits of an account principal: bare, or in the ARN of its root; else empty. */
static struct str
account_of(struct str principal)
{
    struct str rest = principal, piece = principal;
    if (str_starts(principal, STR("arn:"))) {
        for (int i = 0; i < 5; i++) {
            if (!str_cut(&rest, ':', &piece)) {
                return STR_NONE;
            }
        }
    }
    uint64_t ignored;
    return piece.n == 12 && str_to_u64(piece, &ignored) ? piece : STR_NONE;
}

static enum delivery_point_name
principal_mistake(const struct policy_principal *principal, const struct delivery_question *q,
                  const char **ret_region)
{
    *ret_region = NULL;
    if (principal->kind == POLICY_SERVICE) {
        for (size_t i = 0; i < COUNT_OF(other_services); i++) {
            if (str_eq(principal->value, str_of(other_services[i].service))) {
                return other_services[i].name;
            }
        }
        return DELIVERY_PRINCIPAL_SERVICE;
    }
    if (principal->kind != POLICY_AWS) {
        return DELIVERY_PRINCIPAL_OTHER;
    }
    if (str_eq(principal->value, STR("*"))) {
        return DELIVERY_PRINCIPAL_STAR;
    }
    struct str account = account_of(principal->value);
    *ret_region = delivery_elb_region(account);
    if (*ret_region != NULL) {
        return delivery_elb_account(q->region) == NULL ? DELIVERY_PRINCIPAL_NO_ACCOUNT
                                                       : DELIVERY_PRINCIPAL_REGION;
    }
    return str_eq(account, q->account) ? DELIVERY_PRINCIPAL_OWNER : DELIVERY_PRINCIPAL_OTHER;
}

static void
explain_principal(struct delivery_report *r, const struct delivery_context *c,
                  const struct policy_statement *s, unsigned number)
{
    for (size_t i = 0; i < s->principal_count; i++) {
        const char *region;
        struct delivery_point *point = delivery_add_point(
            r, principal_mistake(&s->principals[i], c->q, &region), number, s->line);
        delivery_point_set(point->have, sizeof(point->have), s->principals[i].value);
        delivery_point_set(point->want, sizeof(point->want), str_of(delivery_service));
        delivery_point_set(point->other, sizeof(point->other), str_of(region));
    }
}

/* ---- Condition ---- */

/* What the request has for this key, as text; empty: nothing. */
static struct str
sent(const struct delivery_context *c, struct str key, bool *ret_unknown)
{
    *ret_unknown = false;
    for (size_t i = 0; i < c->key_count; i++) {
        if (str_ieq(c->keys[i].name, key)) {
            *ret_unknown = c->keys[i].presence == POLICY_MAYBE;
            return c->keys[i].count > 0 ? c->keys[i].values[0] : STR_NONE;
        }
    }
    return STR_NONE;
}

static void
fill_condition(struct delivery_point *point, const struct policy_condition *condition,
               struct str is_sent)
{
    delivery_point_set(point->key, sizeof(point->key), condition->key);
    delivery_point_set(point->have, sizeof(point->have),
                       condition->count > 0 ? condition->values[0] : STR_NONE);
    delivery_point_set(point->want, sizeof(point->want), is_sent);
}

static void
explain_condition(struct delivery_report *r, const struct delivery_context *c,
                  const struct policy_statement *s, unsigned number, const struct policy_step *step)
{
    bool unknown;
    struct str is_sent = sent(c, step->condition->key, &unknown);
    enum delivery_point_name name = unknown || step->truth == POLICY_UNKNOWN
                                        ? DELIVERY_CONDITION_MAYBE
                                    : is_sent.p == NULL ? DELIVERY_CONDITION_ABSENT
                                                        : DELIVERY_CONDITION_UNMET;
    fill_condition(delivery_add_point(r, name, number, s->line), step->condition, is_sent);
}

/* ---- one statement ---- */

static void
explain_allow(struct delivery_report *r, const struct delivery_context *c,
              const struct policy_statement *s, unsigned number, const struct policy_reason *reason)
{
    for (size_t i = 0; i < reason->step_count; i++) {
        const struct policy_step *step = &reason->steps[i];
        if (step->truth == POLICY_YES) {
            continue;
        }
        switch (step->element) {
        case POLICY_PRINCIPAL: explain_principal(r, c, s, number); break;
        case POLICY_ACTION: {
            struct delivery_point *point =
                delivery_add_point(r, DELIVERY_ACTION_MISSING, number, s->line);
            delivery_point_set(point->have, sizeof(point->have), step->value);
            delivery_point_set(point->want, sizeof(point->want), STR("s3:PutObject"));
            break;
        }
        case POLICY_RESOURCE: delivery_explain_resource(r, c, s, number, step->value); break;
        case POLICY_CONDITION: explain_condition(r, c, s, number, step); break;
        case POLICY_ELEMENT_COUNT: break;
        }
    }
}

/* A Deny that holds, or may: the condition that matters most is the one that the service cannot do
 * anything about; else the first. */
static void
explain_deny(struct delivery_report *r, const struct delivery_context *c,
             const struct policy_statement *s, unsigned number, const struct policy_reason *reason)
{
    if (s->not_principal) {
        (void)delivery_add_point(r, DELIVERY_NOT_PRINCIPAL, number, s->line);
        return;
    }
    const struct policy_step *decisive = NULL;
    for (size_t i = 0; i < reason->step_count; i++) {
        const struct policy_step *step = &reason->steps[i];
        bool wanted = reason->truth == POLICY_YES || step->truth == POLICY_UNKNOWN;
        if (step->element == POLICY_CONDITION && step->condition != NULL && wanted &&
            decisive == NULL) {
            decisive = step;
        }
    }
    if (decisive == NULL) {
        (void)delivery_add_point(
            r, reason->truth == POLICY_YES ? DELIVERY_DENY_PLAIN : DELIVERY_PRINCIPAL_STAR, number,
            s->line);
        return;
    }
    bool unknown;
    struct str is_sent = sent(c, decisive->condition->key, &unknown);
    bool negates = str_find(decisive->condition->op, STR("Not"), NULL) ||
                   str_ends(decisive->condition->op, STR("IfExists"));
    enum delivery_point_name name = reason->truth == POLICY_UNKNOWN ? DELIVERY_DENY_MAYBE
                                    : is_sent.p == NULL && negates  ? DELIVERY_DENY_ABSENT
                                                                    : DELIVERY_DENY_KEY;
    fill_condition(delivery_add_point(r, name, number, s->line), decisive->condition, is_sent);
}

int
delivery_nearest_allow(const struct policy *p, const struct delivery_judged *judged)
{
    const struct policy_trace *trace = &judged->trace;
    int best = judged->decision.statement;
    if (best >= 0 && policy_statement(p, (size_t)best)->allow) {
        return best;
    }
    best = -1;
    for (size_t i = 0; i < trace->count; i++) {
        if (policy_statement(p, i)->allow &&
            (best < 0 || trace->items[i].truth > trace->items[best].truth ||
             (trace->items[i].truth == trace->items[best].truth &&
              trace->items[i].missed < trace->items[best].missed))) {
            best = (int)i;
        }
    }
    return best;
}

void
delivery_explain(struct delivery_report *r, const struct policy *p,
                 const struct delivery_judged *judged)
{
    const struct policy_trace *trace = &judged->trace;
    if (judged->decision.answer == POLICY_ALLOW) {
        return;
    }
    for (size_t i = 0; i < trace->count; i++) {
        const struct policy_statement *s = policy_statement(p, i);
        if (!s->allow && trace->items[i].truth != POLICY_NO) {
            explain_deny(r, &judged->context, s, (unsigned)i + 1, &trace->items[i]);
        }
    }
    int allow = delivery_nearest_allow(p, judged);
    if (allow >= 0) {
        explain_allow(r, &judged->context, policy_statement(p, (size_t)allow), (unsigned)allow + 1,
                      &trace->items[allow]);
    } else {
        struct delivery_point *point = delivery_add_point(r, DELIVERY_NOTHING_ALLOWS, 0, 0);
        delivery_point_set(point->want, sizeof(point->want), str_of(delivery_service));
    }
}

/* ---- what works, but should not ---- */

static bool
lists(const struct str *items, size_t count, struct str wanted, bool fold, struct str *ret_item)
{
    for (size_t i = 0; i < count; i++) {
        if (policy_wildcard_match(items[i], wanted, fold)) {
            *ret_item = items[i];
            return true;
        }
    }
    return false;
}

static bool
is_anybody(const struct policy_statement *s)
{
    for (size_t i = 0; i < s->principal_count; i++) {
        const struct policy_principal *principal = &s->principals[i];
        if (principal->kind == POLICY_ANYONE ||
            (principal->kind == POLICY_AWS && str_eq(principal->value, STR("*")))) {
            return true;
        }
    }
    return s->not_principal;
}

/* Keys by which a statement says who may come. Negated operators and Null let everybody in who does
 * not send the key. */
static bool
narrows(const struct policy_statement *s, bool by_source_only)
{
    static const char *const starts[] = {"aws:Source", "aws:Principal", "aws:userid",
                                         "aws:VpcSource", "s3:DataAccessPoint"};
    for (size_t i = 0; i < s->condition_count; i++) {
        const struct policy_condition *condition = &s->conditions[i];
        bool negates = str_find(condition->op, STR("Not"), NULL) ||
                       str_ends(condition->op, STR("IfExists")) ||
                       str_eq(condition->op, STR("Null"));
        bool open = false;
        for (size_t v = 0; v < condition->count; v++) {
            open = open || str_eq(condition->values[v], STR("*"));
        }
        for (size_t k = 0; k < (by_source_only ? 1 : COUNT_OF(starts)); k++) {
            if (!negates && !open && str_istarts(condition->key, str_of(starts[k]))) {
                return true;
            }
        }
    }
    return false;
}

static bool
names_service(const struct policy_statement *s)
{
    for (size_t i = 0; i < s->principal_count; i++) {
        if (s->principals[i].kind == POLICY_SERVICE &&
            str_eq(s->principals[i].value, str_of(delivery_service))) {
            return !s->not_principal;
        }
    }
    return false;
}

/* An account, whosever it is, stands in each resource: behind AWSLogs/, in front of any wildcard.
 */
static bool
path_has_account(const struct policy_statement *s)
{
    for (size_t i = 0; i < s->resource_count; i++) {
        struct str folder = STR("AWSLogs/");
        size_t at;
        uint64_t ignored;
        if (!str_find(s->resources[i], folder, &at) ||
            str_find_char(str_sub(s->resources[i], 0, at), '*', NULL) ||
            !str_to_u64(str_sub(s->resources[i], at + folder.n, 12), &ignored)) {
            return false;
        }
    }
    return s->resource_count > 0 && !s->not_resource;
}

static void
source_arn_wanted(char *to, size_t size, const struct delivery_question *q)
{
    (void)snprintf(to, size, "arn:%s:elasticloadbalancing:%.*s:%.*s:loadbalancer/*",
                   delivery_partition(q->region), STR_ARG(q->region), STR_ARG(q->account));
}

static void
warn_of_allow(struct delivery_report *r, const struct delivery_context *c,
              const struct policy_statement *s, unsigned number)
{
    struct str item = {0};
    if (lists(s->actions, s->action_count, STR("s3:PutObject"), true, &item) == s->not_action) {
        return;
    }
    if (is_anybody(s) && !narrows(s, false)) {
        struct delivery_point *point =
            delivery_add_point(r, DELIVERY_WORLD_WRITABLE, number, s->line);
        delivery_point_set(point->want, sizeof(point->want), str_of(delivery_service));
        return;
    }
    if (!names_service(s)) {
        return;
    }
    if (str_eq(item, STR("*")) || str_ieq(item, STR("s3:*"))) {
        struct delivery_point *point = delivery_add_point(r, DELIVERY_ACTION_WIDE, number, s->line);
        delivery_point_set(point->have, sizeof(point->have), item);
        delivery_point_set(point->want, sizeof(point->want), STR("s3:PutObject"));
    }
    if (!narrows(s, true)) {
        bool safe = path_has_account(s);
        struct delivery_point *point = delivery_add_point(
            r, safe ? DELIVERY_NO_SOURCE : DELIVERY_NO_SOURCE_OPEN, number, s->line);
        source_arn_wanted(point->want, sizeof(point->want), c->q);
    }
}

/* A variable in a policy whose Version makes it plain text. */
static bool
find_variable(const struct policy_statement *s, struct str *ret_text)
{
    for (size_t i = 0; i < s->resource_count; i++) {
        if (str_find(s->resources[i], STR("${"), NULL)) {
            *ret_text = s->resources[i];
            return true;
        }
    }
    for (size_t i = 0; i < s->condition_count; i++) {
        for (size_t v = 0; v < s->conditions[i].count; v++) {
            if (str_find(s->conditions[i].values[v], STR("${"), NULL)) {
                *ret_text = s->conditions[i].values[v];
                return true;
            }
        }
    }
    return false;
}

/* The callers differ: only the region's old account is allowed. */
static void
note_legacy(struct delivery_report *r)
{
    const struct delivery_caller *best = &r->callers[r->best];
    if (!best->service && best->answer == POLICY_ALLOW) {
        struct delivery_point *point =
            delivery_add_point(r, DELIVERY_LEGACY_ONLY, (unsigned)(r->statement + 1), r->line);
        delivery_point_set(point->have, sizeof(point->have), str_of(best->who));
        delivery_point_set(point->want, sizeof(point->want), str_of(delivery_service));
    }
}

static void
note_source_one(struct delivery_report *r, const struct delivery_context *c)
{
    struct str invented = STR("loadbalancer/app/web/0123456789abcdef");
    if (c->elb_account != NULL || r->answer != DELIVERY_ALLOW ||
        str_ends(str_of(c->source_arn), invented)) {
        return;
    }
    struct delivery_point *point =
        delivery_add_point(r, DELIVERY_SOURCE_ONE, (unsigned)(r->statement + 1), r->line);
    delivery_point_set(point->have, sizeof(point->have), str_of(c->source_arn));
    source_arn_wanted(point->want, sizeof(point->want), c->q);
}

void
delivery_warn(struct delivery_report *r, const struct policy *p, const struct delivery_context *c)
{
    for (size_t i = 0; i < policy_statement_count(p); i++) {
        const struct policy_statement *s = policy_statement(p, i);
        struct str variable;
        if (s->allow) {
            warn_of_allow(r, c, s, (unsigned)i + 1);
        }
        if (!policy_has_variables(p) && find_variable(s, &variable)) {
            struct delivery_point *point =
                delivery_add_point(r, DELIVERY_VERSION_OLD, (unsigned)i + 1, s->line);
            delivery_point_set(point->have, sizeof(point->have), variable);
        }
    }
    note_legacy(r);
    note_source_one(r, c);
}
