/* SPDX-License-Identifier: Apache-2.0
 * Conditions: functions that give true or false. A named condition is resolved when first asked
 * for; all arguments are looked at, also when the first decides, so that all errors are found. */
#include "template/resolve_int.h"

enum outcome
call_read_truth(struct resolver *r, struct node *n, struct call *ret_call)
{
    if (n->tag.n == 0 && n->kind == NODE_MAP && n->count == 1 &&
        str_eq(n->entries[0].key, STR("Condition"))) {
        *ret_call = (struct call){function_by_tag(STR("Condition")), n, n->entries[0].value};
        return OUTCOME_VALUE;
    }
    return call_read(r, n, ret_call);
}

static bool
truth_evaluate(struct resolver *r, struct node *n, bool *ret)
{
    struct call c;
    enum outcome outcome = call_read_truth(r, n, &c);
    if (outcome == OUTCOME_BAD) {
        return false;
    }
    const char *allowed = "Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition";
    if (outcome == OUTCOME_NOTHING) {
        node_error(r->errors, n, "a condition is %s, not %s", allowed, node_kind_name(n));
        return false;
    }
    if (c.function->kind != FUNCTION_TRUTH) {
        node_error(r->errors, n, "a condition is %s, not %.*s", allowed, STR_ARG(c.function->key));
        return false;
    }
    return call_arity(r, &c) && c.function->truth(r, &c, ret);
}

bool
truth_resolve(struct resolver *r, struct node *n, bool *ret)
{
    if (!depth_enter(r, n)) {
        return false;
    }
    bool good = truth_evaluate(r, n, ret);
    r->depth--;
    return good;
}

bool
condition_value(struct resolver *r, const struct node *at, struct str name, bool *ret)
{
    if (!condition_known(r, at, name)) {
        return false;
    }
    struct named_condition *c = condition_find(r, name);
    if (c->progress == PROGRESS_NOW) {
        node_error(r->errors, at, "conditions refer to one another in a circle: %s",
                   circle_text(r, name));
        return false;
    }
    if (c->progress == PROGRESS_NEW) {
        struct visit visit = {name, r->visit};
        r->visit = &visit;
        c->progress = PROGRESS_NOW;
        bool good = truth_resolve(r, c->entry->value, &c->value);
        c->progress = good ? PROGRESS_DONE : PROGRESS_BAD;
        r->visit = visit.outer;
    }
    *ret = c->value;
    return c->progress == PROGRESS_DONE;
}

bool
truth_equals(struct resolver *r, const struct call *c, bool *ret)
{
    bool good = true;
    for (size_t i = 0; i < 2; i++) {
        enum outcome outcome = value_resolve(r, c->arg->items[i]);
        if (outcome == OUTCOME_NOTHING) {
            node_error(r->errors, c->arg->items[i], "AWS::NoValue cannot be compared");
        }
        good = outcome == OUTCOME_VALUE && good;
    }
    *ret = good && node_equal(c->arg->items[0], c->arg->items[1]);
    return good;
}

/* How many of the arguments are true? False after an error in any of them. */
static bool
truths_count(struct resolver *r, const struct call *c, size_t *ret_count)
{
    bool good = true;
    size_t count = 0;
    for (size_t i = 0; i < c->arg->count; i++) {
        bool one = false;
        good = truth_resolve(r, c->arg->items[i], &one) && good;
        count += one ? 1 : 0;
    }
    *ret_count = count;
    return good;
}

bool
truth_and(struct resolver *r, const struct call *c, bool *ret)
{
    size_t count;
    bool good = truths_count(r, c, &count);
    *ret = count == c->arg->count;
    return good;
}

bool
truth_or(struct resolver *r, const struct call *c, bool *ret)
{
    size_t count;
    bool good = truths_count(r, c, &count);
    *ret = count > 0;
    return good;
}

bool
truth_not(struct resolver *r, const struct call *c, bool *ret)
{
    size_t count;
    bool good = truths_count(r, c, &count);
    *ret = count == 0;
    return good;
}

bool
truth_condition(struct resolver *r, const struct call *c, bool *ret)
{
    struct str name;
    return literal_read(r, c->arg, "the name of a condition", &name) &&
           condition_value(r, c->arg, name, ret);
}
