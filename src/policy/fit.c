/* SPDX-License-Identifier: Apache-2.0
 * Actions and resources of S3: which can be, and which fit each other. [iam-policy.md 1.2] */
#include "policy/policy_int.h"

/* ---- action ---- */

enum { OBJECT = POLICY_TAKES_OBJECT, BUCKET = POLICY_TAKES_BUCKET };
static const struct {
    struct str name;
    unsigned takes;
} actions[] = {
#define ACTION(name, takes) {STR("s3:" #name), takes},
#include "policy/actions.def"
#undef ACTION
};

static bool
is_wild(struct str s)
{
    return str_find_char(s, '*', NULL) || str_find_char(s, '?', NULL);
}

/* A name that S3 does not have, but nearly. New names are possible, so that only near misses are
 * called wrong. */
static bool
is_misspelt_action(struct str action)
{
    bool like = false;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        struct str name = actions[i].name;
        if (str_ieq(action, name)) {
            return false;
        }
        like = like || (action.n + 2 >= name.n && name.n + 2 >= action.n && action.n > 10 &&
                        str_distance(action, name) <= 2);
    }
    return like;
}

void
policy_check_action(struct policy_reading *r, const struct policy_node *node, const char *element)
{
    struct str name = str_sub(node->text, 3, node->text.n);
    bool shape = str_istarts(node->text, STR("s3:")) && name.n > 0;
    for (size_t i = 0; shape && i < name.n; i++) {
        shape = ascii_is_alnum(name.p[i]) || name.p[i] == '*' || name.p[i] == '?';
    }
    bool small = r->scan->source.n <= LIMIT_POLICY_BYTES_MAX; /* the search takes its time */
    if (!str_eq(node->text, STR("*")) &&
        (!shape || (small && !is_wild(name) && is_misspelt_action(node->text)))) {
        policy_problem(r, POLICY_FAULT_ACTION_VALUE, element, (ssize_t)node->at, node->text);
    }
}

/* What an action may take. */
unsigned
policy_action_takes(struct str action)
{
    unsigned takes = 0;
    uint64_t work = 0;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (policy_wildcard_run(action, NULL, actions[i].name, true, &work)) {
            takes |= actions[i].takes;
        }
    }
    return takes == 0 ? OBJECT | BUCKET : takes;
}

/* ---- resource ---- */

static enum policy_fault
resource_fault(const struct policy_reading *r, struct str value)
{
    struct str rest = value, part[5], bucket;
    uint64_t work = 0;
    if (str_eq(value, STR("*"))) {
        return POLICY_FAULT_NONE;
    }
    for (size_t i = 0; i < 5; i++) {
        if (!str_cut(&rest, ':', &part[i]) || rest.p == NULL) {
            return POLICY_FAULT_RESOURCE_ARN;
        }
    }
    bool shape = str_eq(part[0], STR("arn")) && str_starts(part[1], STR("aws")) &&
                 !is_wild(part[1]) && str_eq(part[2], STR("s3")) && part[3].n + part[4].n == 0;
    if (!shape || !str_cut(&rest, '/', &bucket) || bucket.n == 0) {
        return POLICY_FAULT_RESOURCE_ARN;
    }
    const struct policy_scope *scope = r->scope;
    if (scope != NULL && scope->partition.n > 0 && !str_eq(scope->partition, part[1])) {
        return POLICY_FAULT_RESOURCE_PARTITION;
    }
    bool ours = scope == NULL || scope->bucket.n == 0 ||
                policy_wildcard_run(bucket, NULL, scope->bucket, false, &work);
    return ours ? POLICY_FAULT_NONE : POLICY_FAULT_RESOURCE_BUCKET;
}

void
policy_check_resource(struct policy_reading *r, const struct policy_node *node, const char *element)
{
    enum policy_fault f = resource_fault(r, node->text);
    if (f != POLICY_FAULT_NONE) {
        policy_problem(r, f, element, (ssize_t)node->at, node->text);
    }
}

/* A bucket has no slash in its ARN, an object has one. */
unsigned
policy_resource_is(struct str resource)
{
    bool slash = str_find_char(resource, '/', NULL);
    return (slash || is_wild(resource) ? OBJECT : 0u) | (slash ? 0u : BUCKET);
}
