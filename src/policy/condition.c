/* SPDX-License-Identifier: Apache-2.0
 * Condition operators: taken apart, and judged in three truth values. [iam-policy.md 1.4] */
#include "policy/policy_int.h"

#include "base/assert.h"

/* ---- operators ---- */

static const struct policy_operator operators[] = {
#define OPERATOR(name, family, relation, negated)                                                  \
    {STR(#name), POLICY_FAMILY_##family, POLICY_##relation, negated},
#include "policy/operators.def"
#undef OPERATOR
};

bool
policy_test_parse(struct str written, struct policy_test *ret)
{
    static const struct {
        struct str prefix;
        enum policy_set set;
    } sets[] = {{STR("ForAllValues:"), POLICY_SET_ALL}, {STR("ForAnyValue:"), POLICY_SET_ANY}};
    *ret = (struct policy_test){NULL, POLICY_SET_NONE, false};
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        if (str_starts(written, sets[i].prefix)) {
            ret->set = sets[i].set;
            written = str_sub(written, sets[i].prefix.n, written.n);
            break;
        }
    }
    ret->if_exists = str_ends(written, STR("IfExists"));
    written.n -= ret->if_exists ? STR("IfExists").n : 0;
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (str_eq(written, operators[i].name)) {
            ret->op = &operators[i];
        }
    }
    bool null_if = ret->op != NULL && ret->op->family == POLICY_FAMILY_NULL && ret->if_exists;
    ret->op = null_if ? NULL : ret->op;
    return ret->op != NULL;
}

bool
policy_test_suits(const struct policy_test *t, struct str value)
{
    int order = 0;
    bool truth = false;
    int64_t seconds = 0;
    uint32_t nanoseconds = 0;
    struct policy_network network;
    switch (t->op->family) {
    case POLICY_FAMILY_NUMBER: return policy_number_compare(value, STR("0"), &order);
    case POLICY_FAMILY_DATE: return policy_date_parse(value, &seconds, &nanoseconds);
    case POLICY_FAMILY_BOOL:
    case POLICY_FAMILY_NULL: return policy_bool_parse(value, &truth);
    case POLICY_FAMILY_BINARY: return policy_base64_is(value);
    case POLICY_FAMILY_IP: return policy_network_parse(value, &network);
    case POLICY_FAMILY_STRING:
    case POLICY_FAMILY_STRING_FOLD:
    case POLICY_FAMILY_STRING_LIKE:
    case POLICY_FAMILY_ARN: return true;
    case POLICY_FAMILY_COUNT: break;
    }
    NEVER("every family is listed");
}

/* ---- one value of the policy against one of the request ---- */

struct comparison {
    struct policy_case *c;
    enum policy_relation relation;
    struct str want;   /* of the policy, variables filled in */
    const bool *plain; /* as in policy_expansion */
    struct str have;   /* of the request */
};
typedef bool compare_fn(const struct comparison *k);

static bool
holds(enum policy_relation relation, int order)
{
    switch (relation) {
    case POLICY_EQ: return order == 0;
    case POLICY_LT: return order < 0;
    case POLICY_LE: return order <= 0;
    case POLICY_GT: return order > 0;
    case POLICY_GE: return order >= 0;
    }
    NEVER("every relation is listed");
}

static bool
compare_string(const struct comparison *k)
{
    return str_eq(k->want, k->have);
}

static bool
compare_string_fold(const struct comparison *k)
{
    return str_ieq(k->want, k->have);
}

static bool
compare_string_like(const struct comparison *k)
{
    return policy_wildcard_run(k->want, k->plain, k->have, false, &k->c->work);
}

static bool
compare_number(const struct comparison *k)
{
    int order = 0;
    return policy_number_compare(k->have, k->want, &order) && holds(k->relation, order);
}

static bool
compare_date(const struct comparison *k)
{
    int64_t have = 0, want = 0;
    uint32_t have_ns = 0, want_ns = 0;
    if (!policy_date_parse(k->have, &have, &have_ns) ||
        !policy_date_parse(k->want, &want, &want_ns)) {
        return false;
    }
    int order =
        have != want ? (have > want) - (have < want) : (have_ns > want_ns) - (have_ns < want_ns);
    return holds(k->relation, order);
}

static bool
compare_bool(const struct comparison *k)
{
    bool have = false, want = false;
    return policy_bool_parse(k->have, &have) && policy_bool_parse(k->want, &want) && have == want;
}

static bool
compare_binary(const struct comparison *k)
{
    return policy_base64_eq(k->have, k->want);
}

static bool
compare_ip(const struct comparison *k)
{
    struct policy_network network, ip;
    return policy_network_parse(k->want, &network) && policy_network_parse(k->have, &ip) &&
           policy_network_holds(&network, &ip);
}

/* Cuts up to the next colon; the sixth part is all that is left. */
static bool
arn_part(struct str text, size_t *at, size_t index, struct str *ret)
{
    size_t colon = 0;
    struct str rest = str_sub(text, *at, text.n - *at);
    bool found = str_find_char(rest, ':', &colon);
    if (index < 5 && !found) {
        return false;
    }
    *ret = index < 5 ? str_sub(rest, 0, colon) : rest;
    *at += ret->n + 1;
    return true;
}

static bool
compare_arn(const struct comparison *k)
{
    size_t want_at = 0, have_at = 0;
    for (size_t i = 0; i < 6; i++) {
        struct str want, have;
        size_t from = want_at;
        if (!arn_part(k->want, &want_at, i, &want) || !arn_part(k->have, &have_at, i, &have) ||
            !policy_wildcard_run(want, k->plain == NULL ? NULL : k->plain + from, have, false,
                                 &k->c->work)) {
            return false;
        }
    }
    return true;
}

static const struct {
    compare_fn *compare;
    bool variables;
} families[POLICY_FAMILY_COUNT] = {
    [POLICY_FAMILY_STRING] = {compare_string, true},
    [POLICY_FAMILY_STRING_FOLD] = {compare_string_fold, true},
    [POLICY_FAMILY_STRING_LIKE] = {compare_string_like, true},
    [POLICY_FAMILY_NUMBER] = {compare_number, false},
    [POLICY_FAMILY_DATE] = {compare_date, false},
    [POLICY_FAMILY_BOOL] = {compare_bool, false},
    [POLICY_FAMILY_BINARY] = {compare_binary, false},
    [POLICY_FAMILY_IP] = {compare_ip, false},
    [POLICY_FAMILY_ARN] = {compare_arn, true},
};

/* ---- a condition ---- */

struct judging {
    struct policy_case *c;
    const struct policy_test *test;
    const struct policy_condition *condition;
    struct str matched_value, matched_have; /* p NULL: nothing matched yet */
    struct str unknown_key;
};

/* Is a value of the request one of the policy's? */
static enum policy_truth
any_value_matches(struct judging *j, struct str have)
{
    enum policy_truth best = POLICY_NO;
    enum policy_family family = j->test->op->family;
    for (size_t i = 0; i < j->condition->count; i++) {
        struct str want = j->condition->values[i];
        struct policy_expansion e = {POLICY_YES, want, NULL, STR_NONE};
        j->c->work += MIN_OF(want.n, have.n) + 1;
        if (families[family].variables) {
            e = policy_expand(j->c, want);
        }
        if (e.known == POLICY_UNKNOWN && best == POLICY_NO) {
            best = POLICY_UNKNOWN;
            j->unknown_key = j->unknown_key.n == 0 ? e.key : j->unknown_key;
        }
        struct comparison k = {j->c, j->test->op->relation, e.text, e.plain, have};
        if (e.known == POLICY_YES && families[family].compare(&k)) {
            j->matched_value = want;
            j->matched_have = have;
            return POLICY_YES;
        }
    }
    return best;
}

/* Over all values of the request. Without a set prefix one value that matches is enough, for a
 * negated operator to fail as well. [tool-rulings.md 25] */
static enum policy_truth
judge_values(struct judging *j, const struct policy_key *key)
{
    bool negated = j->test->op->negated;
    bool all = j->test->set == POLICY_SET_ALL || (j->test->set == POLICY_SET_NONE && negated);
    enum policy_truth whole = all ? POLICY_YES : POLICY_NO;
    for (size_t i = 0; i < key->count; i++) {
        enum policy_truth one = any_value_matches(j, key->values[i]);
        one = negated ? (enum policy_truth)(POLICY_YES - one) : one;
        whole = all ? MIN_OF(whole, one) : MAX_OF(whole, one);
    }
    return whole;
}

static enum policy_truth
judge_absent(const struct policy_test *t)
{
    if (t->if_exists || t->set == POLICY_SET_ALL) {
        return POLICY_YES;
    }
    return t->set == POLICY_SET_NONE && t->op->negated ? POLICY_YES : POLICY_NO;
}

static enum policy_truth
judge_null(struct judging *j, bool present)
{
    for (size_t i = 0; i < j->condition->count; i++) {
        bool absent_wanted = false;
        if (policy_bool_parse(j->condition->values[i], &absent_wanted) &&
            absent_wanted != present) {
            j->matched_value = j->condition->values[i];
            return POLICY_YES;
        }
    }
    return POLICY_NO;
}

static enum policy_truth
judge(struct judging *j, const struct policy_key *key, bool present)
{
    if (j->test->op->family == POLICY_FAMILY_NULL) {
        return judge_null(j, present);
    }
    return present ? judge_values(j, key) : judge_absent(j->test);
}

/* A key that may come: both cases are judged, and only if they differ it decides. */
static enum policy_truth
judge_maybe(struct judging *j, const struct policy_key *key)
{
    bool known = key->count > 0 || j->test->op->family == POLICY_FAMILY_NULL;
    enum policy_truth absent = judge(j, key, false);
    enum policy_truth present = known ? judge(j, key, true) : POLICY_UNKNOWN;
    if (absent == present) {
        return absent;
    }
    j->unknown_key = j->condition->key;
    return POLICY_UNKNOWN;
}

enum policy_truth
policy_condition_judge(struct policy_case *c, const struct policy_condition *condition,
                       struct policy_step *step, struct str *ret_key)
{
    const struct policy_key *key = policy_key_find(c->request, condition->key);
    struct judging j = {.c = c,
                        .test = &c->policy->tests[condition - c->policy->conditions],
                        .condition = condition};
    bool maybe = key != NULL && key->presence == POLICY_MAYBE;
    bool present = key != NULL && (key->count > 0 || maybe);
    enum policy_truth t = maybe ? judge_maybe(&j, key) : judge(&j, key, present);
    struct str first = condition->count > 0 ? condition->values[0] : STR_NONE;
    struct str asked = present && key->count > 0 ? key->values[0] : STR_NONE;
    c->work += c->request->key_count;
    *step = (struct policy_step){.element = POLICY_CONDITION,
                                 .truth = t,
                                 .value = j.matched_value.p != NULL ? j.matched_value : first,
                                 .asked = j.matched_have.p != NULL ? j.matched_have : asked,
                                 .condition = condition};
    *ret_key = t == POLICY_UNKNOWN ? j.unknown_key : STR_NONE;
    return t;
}
