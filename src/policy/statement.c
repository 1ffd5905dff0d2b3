/* SPDX-License-Identifier: Apache-2.0
 * What stands in a policy document: its elements, each checked in the order in which S3 does it.
 * [iam-policy.md 1, 3.1] */
#include "policy/policy_int.h"

#include "base/assert.h"
#include "base/mem.h"

/* ---- elements ---- */

static const char *const document_elements[] = {"Version", "Id", "Statement"};
static const char *const statement_elements[] = {"Sid",          "Effect",      "Principal",
                                                 "NotPrincipal", "Action",      "NotAction",
                                                 "Resource",     "NotResource", "Condition"};

static const struct policy_node *
behind(const struct policy_reading *r, const struct policy_node *node)
{
    return r->scan->nodes + node->next;
}

static const struct policy_node *
member(const struct policy_reading *r, const struct policy_node *object, const char *name)
{
    for (const struct policy_node *child = object + 1; child < behind(r, object);
         child = behind(r, child)) {
        if (str_eq(child->key, str_of(name))) {
            return child;
        }
    }
    return NULL;
}

/* The element that a name was meant to be; NULL: none. */
static const char *
element_like(struct str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_ieq(name, str_of(names[i])) ||
            (name.n > 3 && str_distance(name, str_of(names[i])) <= 2)) {
            return names[i];
        }
    }
    return NULL;
}

static void
check_elements(struct policy_reading *r, const struct policy_node *object, const char *const *names,
               size_t count)
{
    for (const struct policy_node *child = object + 1; child < behind(r, object);
         child = behind(r, child)) {
        size_t i = 0;
        while (i < count && !str_eq(child->key, str_of(names[i]))) {
            i++;
        }
        if (i == count) {
            const char *like = element_like(child->key, names, count);
            policy_problem(
                r, like == NULL ? POLICY_FAULT_ELEMENT_UNKNOWN : POLICY_FAULT_ELEMENT_MISSPELT,
                like, (ssize_t)child->key_at, child->key);
        }
    }
}

static void
check_text(struct policy_reading *r, const struct policy_node *object, const char *name)
{
    const struct policy_node *node = member(r, object, name);
    if (node != NULL && node->kind != POLICY_TEXT) {
        policy_problem(r, POLICY_FAULT_ELEMENT_TYPE, name, (ssize_t)node->at, node->text);
    }
}

/* ---- keeping ---- */

static struct str
keep(struct policy_reading *r, struct str s)
{
    struct policy *p = r->policy;
    char *to = p->bytes + p->byte_count;
    ASSERT(p->byte_count + s.n <= r->scan->source.n);
    if (s.n > 0) {
        memcpy(to, s.p, s.n);
    }
    p->byte_count += s.n;
    return (struct str){to, s.n};
}

static void
keep_string(struct policy_reading *r, struct str s)
{
    ASSERT(r->policy->string_count < r->scan->count);
    r->policy->strings[r->policy->string_count++] = keep(r, s);
}

/* ---- one value or a list of them ---- */

static const struct policy_node *
values_begin(const struct policy_node *node)
{
    return node->kind == POLICY_LIST ? node + 1 : node;
}

/* ---- elements of which there are two ---- */

struct pair {
    const char *name, *not_name;
    enum policy_fault missing, twice;
};
static const struct pair principal_pair = {
    "Principal", "NotPrincipal", POLICY_FAULT_PRINCIPAL_MISSING, POLICY_FAULT_PRINCIPAL_TWICE};
static const struct pair action_pair = {"Action", "NotAction", POLICY_FAULT_ACTION_MISSING,
                                        POLICY_FAULT_ACTION_TWICE};
static const struct pair resource_pair = {"Resource", "NotResource", POLICY_FAULT_RESOURCE_MISSING,
                                          POLICY_FAULT_RESOURCE_TWICE};

/* The one of the two that stands there; NULL, and a problem, if none does. */
static const struct policy_node *
one_of(struct policy_reading *r, const struct policy_node *object, const struct pair *pair,
       bool *ret_not)
{
    const struct policy_node *is = member(r, object, pair->name);
    const struct policy_node *is_not = member(r, object, pair->not_name);
    if (is != NULL && is_not != NULL) {
        size_t second = MAX_OF(is->key_at, is_not->key_at);
        policy_problem(r, pair->twice, pair->name, (ssize_t)second, STR_NONE);
    }
    const struct policy_node *node = is != NULL ? is : is_not;
    if (node == NULL ||
        (node->kind == POLICY_LIST && node->next == (size_t)(node + 1 - r->scan->nodes))) {
        policy_problem(r, pair->missing, pair->name,
                       (ssize_t)(node == NULL ? object->at : node->at), STR_NONE);
    }
    *ret_not = is == NULL && is_not != NULL;
    return node;
}

typedef void check_fn(struct policy_reading *r, const struct policy_node *node,
                      const char *element);

static void
read_texts(struct policy_reading *r, const struct policy_node *node, const char *element,
           check_fn *check, const struct str **ret_texts, size_t *ret_count)
{
    size_t first = r->policy->string_count;
    for (const struct policy_node *child = values_begin(node); child < behind(r, node);
         child = behind(r, child)) {
        if (child->kind != POLICY_TEXT) {
            policy_problem(r, POLICY_FAULT_ELEMENT_TYPE, element, (ssize_t)child->at, child->text);
            continue;
        }
        check(r, child, element);
        keep_string(r, child->text);
    }
    *ret_texts = r->policy->strings + first;
    *ret_count = r->policy->string_count - first;
}

static const char *
pair_name(const struct pair *pair, bool is_not)
{
    return is_not ? pair->not_name : pair->name;
}

/* ---- principal ---- */

static void
keep_principal(struct policy_reading *r, struct policy_statement *s,
               enum policy_principal_kind kind, struct str value)
{
    ASSERT(r->policy->principal_count < r->scan->count);
    r->policy->principals[r->policy->principal_count++] =
        (struct policy_principal){kind, keep(r, value)};
    s->principal_count++;
}

static void
read_principal_member(struct policy_reading *r, struct policy_statement *s,
                      const struct policy_node *node, const char *element)
{
    static const struct {
        struct str name;
        enum policy_principal_kind kind;
    } kinds[] = {{STR("AWS"), POLICY_AWS},
                 {STR("Service"), POLICY_SERVICE},
                 {STR("Federated"), POLICY_FEDERATED},
                 {STR("CanonicalUser"), POLICY_CANONICAL}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq(node->key, kinds[i].name)) {
            for (const struct policy_node *child = values_begin(node); child < behind(r, node);
                 child = behind(r, child)) {
                policy_check_principal(r, kinds[i].kind, child, element);
                keep_principal(r, s, kinds[i].kind, child->text);
            }

            return;
        }
    }
    policy_problem(r, POLICY_FAULT_PRINCIPAL_MEMBER, element, (ssize_t)node->key_at, node->key);
}

static void
read_principal(struct policy_reading *r, const struct policy_node *object,
               struct policy_statement *s)
{
    const struct policy_node *node = one_of(r, object, &principal_pair, &s->not_principal);
    const char *element = pair_name(&principal_pair, s->not_principal);
    unsigned before = (unsigned)r->problems->count;
    s->principals = r->policy->principals + r->policy->principal_count;
    if (node == NULL) {
        return;
    }
    if (node->kind == POLICY_TEXT && str_eq(node->text, STR("*"))) {
        keep_principal(r, s, POLICY_ANYONE, node->text);
    } else if (node->kind == POLICY_OBJECT) {
        for (const struct policy_node *child = node + 1; child < behind(r, node);
             child = behind(r, child)) {
            read_principal_member(r, s, child, element);
        }
    }
    if (s->principal_count == 0 && r->problems->count == before && node->kind != POLICY_LIST) {
        enum policy_fault f = node->kind == POLICY_NUMBER ? POLICY_FAULT_PRINCIPAL_NUMBER
                                                          : POLICY_FAULT_PRINCIPAL_TYPE;
        policy_problem(r, f, element, (ssize_t)node->at, node->text);
    } else if (node->kind == POLICY_LIST && node->next > (size_t)(node + 1 - r->scan->nodes)) {
        policy_problem(r, POLICY_FAULT_PRINCIPAL_TYPE, element, (ssize_t)node->at, node->text);
    }
}

/* ---- condition ---- */

static bool
is_condition_key(struct str key)
{
    size_t colon = 0;
    return str_find_char(key, ':', &colon) && colon > 0 && colon + 1 < key.n;
}

static void
read_condition_key(struct policy_reading *r, struct policy_statement *s,
                   const struct policy_node *node, const struct policy_test *test, struct str op)
{
    struct policy *p = r->policy;
    size_t first = p->string_count;
    if (!is_condition_key(node->key)) {
        policy_problem(r, POLICY_FAULT_CONDITION_KEY, "Condition", (ssize_t)node->key_at,
                       node->key);
    }
    for (const struct policy_node *child = values_begin(node); child < behind(r, node);
         child = behind(r, child)) {
        bool scalar = child->kind != POLICY_OBJECT && child->kind != POLICY_LIST &&
                      child->kind != POLICY_NULL;
        if (!scalar || (test->op != NULL && !policy_test_suits(test, child->text))) {
            policy_problem(r, POLICY_FAULT_CONDITION_VALUE, "Condition", (ssize_t)child->at,
                           child->text);
            continue;
        }
        keep_string(r, child->text);
    }

    ASSERT(p->condition_count < r->scan->count);
    p->tests[p->condition_count] = *test;
    p->conditions[p->condition_count++] = (struct policy_condition){
        op, keep(r, node->key), p->strings + first, p->string_count - first};
    s->condition_count++;
}

static void
read_conditions(struct policy_reading *r, const struct policy_node *object,
                struct policy_statement *s)
{
    const struct policy_node *node = member(r, object, "Condition");
    s->conditions = r->policy->conditions + r->policy->condition_count;
    if (node == NULL) {
        return;
    }
    if (node->kind != POLICY_OBJECT) {
        policy_problem(r, POLICY_FAULT_CONDITION_TYPE, "Condition", (ssize_t)node->at, node->text);
        return;
    }
    for (const struct policy_node *written = node + 1; written < behind(r, node);
         written = behind(r, written)) {
        struct policy_test test = {0};
        if (!policy_test_parse(written->key, &test)) {
            policy_problem(r, POLICY_FAULT_CONDITION_OPERATOR, "Condition",
                           (ssize_t)written->key_at, written->key);
        }
        if (written->kind != POLICY_OBJECT) {
            policy_problem(r, POLICY_FAULT_CONDITION_TYPE, "Condition", (ssize_t)written->at,
                           written->text);
            continue;
        }
        struct str op = keep(r, written->key);
        for (const struct policy_node *key = written + 1; key < behind(r, written);
             key = behind(r, key)) {
            read_condition_key(r, s, key, &test, op);
        }
    }
}

/* ---- one statement ---- */

static void
read_effect(struct policy_reading *r, const struct policy_node *object, struct policy_statement *s)
{
    const struct policy_node *node = member(r, object, "Effect");
    if (node == NULL) {
        policy_problem(r, POLICY_FAULT_EFFECT_MISSING, "Effect", (ssize_t)object->at, STR_NONE);
        return;
    }
    s->allow = node->kind == POLICY_TEXT && str_eq(node->text, STR("Allow"));
    bool deny = node->kind == POLICY_TEXT && str_eq(node->text, STR("Deny"));
    if (!s->allow && !deny) {
        policy_problem(r, POLICY_FAULT_EFFECT_VALUE, "Effect", (ssize_t)node->at, node->text);
    }
}

static void
read_statement(struct policy_reading *r, const struct policy_node *object,
               struct policy_statement *s)
{
    const struct policy_node *sid = member(r, object, "Sid"), *node = NULL;
    s->sid = sid != NULL && sid->kind == POLICY_TEXT ? keep(r, sid->text) : STR_NONE;
    read_effect(r, object, s);
    read_principal(r, object, s);
    node = one_of(r, object, &action_pair, &s->not_action);
    if (node != NULL) {
        read_texts(r, node, pair_name(&action_pair, s->not_action), policy_check_action,
                   &s->actions, &s->action_count);
    }
    node = one_of(r, object, &resource_pair, &s->not_resource);
    if (node != NULL) {
        read_texts(r, node, pair_name(&resource_pair, s->not_resource), policy_check_resource,
                   &s->resources, &s->resource_count);
    }
    check_text(r, object, "Sid");
    check_elements(r, object, statement_elements, COUNT_OF(statement_elements));
}

/* Each action must find a resource of a kind that it takes. */
static void
check_fit(struct policy_reading *r, const struct policy_node *object,
          const struct policy_statement *s)
{
    unsigned there = 0;
    const struct policy_node *list = member(r, object, "Action");
    if (s->not_action || s->not_resource || s->resource_count == 0 || list == NULL) {
        return;
    }
    for (size_t i = 0; i < s->resource_count; i++) {
        there |= policy_resource_is(s->resources[i]);
    }
    for (const struct policy_node *child = values_begin(list); child < behind(r, list);
         child = behind(r, child)) {
        if (child->kind == POLICY_TEXT && (policy_action_takes(child->text) & there) == 0) {
            policy_problem(r, POLICY_FAULT_ACTION_FIT, "Action", (ssize_t)child->at, child->text);
        }
    }
}

static void
check_sid(struct policy_reading *r, const struct policy_node *object,
          const struct policy_statement *s)
{
    for (const struct policy_statement *other = r->policy->statements; other < s; other++) {
        if (s->sid.n > 0 && str_eq(s->sid, other->sid)) {
            policy_problem(r, POLICY_FAULT_SID_DUPLICATE, "Sid",
                           (ssize_t)member(r, object, "Sid")->at, s->sid);
            return;
        }
    }
}

/* ---- the document ---- */

static void
start_policy(struct policy_reading *r)
{
    size_t n = r->scan->count;
    struct policy *p = r->policy;
    p->statements = xalloc(LIMIT_POLICY_STATEMENTS_MAX * sizeof(*p->statements));
    p->principals = xalloc(n * sizeof(*p->principals));
    p->conditions = xalloc(n * sizeof(*p->conditions));
    p->tests = xalloc(n * sizeof(*p->tests));
    p->strings = xalloc(n * sizeof(*p->strings));
    p->bytes = xalloc(r->scan->source.n);
}

static void
read_version(struct policy_reading *r, const struct policy_node *root)
{
    const struct policy_node *node = member(r, root, "Version");
    struct str value = node == NULL ? STR("2008-10-17") : node->text;
    bool text = node == NULL || node->kind == POLICY_TEXT;
    r->policy->variables = text && str_eq(value, STR("2012-10-17"));
    if (!text || !(r->policy->variables || str_eq(value, STR("2008-10-17")))) {
        policy_problem(r, POLICY_FAULT_VERSION, "Version", (ssize_t)node->at, value);
    }
}

/* The list, or the one statement; NULL, and a problem, if there is none. */
static const struct policy_node *
find_statements(struct policy_reading *r, const struct policy_node *root)
{
    const struct policy_node *node = member(r, root, "Statement");
    if (node == NULL) {
        bool fragment = member(r, root, "Effect") != NULL || member(r, root, "Action") != NULL ||
                        member(r, root, "Principal") != NULL;
        policy_problem(r, fragment ? POLICY_FAULT_FRAGMENT : POLICY_FAULT_STATEMENT_MISSING,
                       "Statement", (ssize_t)root->at, STR_NONE);
        if (!fragment) {
            check_elements(r, root, document_elements, COUNT_OF(document_elements));
        }
        return NULL;
    }
    if (values_begin(node) == behind(r, node)) {
        policy_problem(r, POLICY_FAULT_STATEMENT_EMPTY, "Statement", (ssize_t)node->at, STR_NONE);
        return NULL;
    }
    return node;
}

/* Lines count on from the last statement: a text with many is read once. */
static unsigned
count_lines(struct str source, size_t from, size_t to)
{
    unsigned lines = 0;
    for (size_t i = from; i < to; i++) {
        lines += source.p[i] == '\n';
    }
    return lines;
}

typedef void statement_fn(struct policy_reading *r, const struct policy_node *object,
                          struct policy_statement *s);

static void
check_statement_fit(struct policy_reading *r, const struct policy_node *object,
                    struct policy_statement *s)
{
    check_fit(r, object, s);
}

static void
read_statement_rest(struct policy_reading *r, const struct policy_node *object,
                    struct policy_statement *s)
{
    read_conditions(r, object, s);
    check_sid(r, object, s);
}

/* One of S3's rounds over all statements. A text beyond the limit is too large, which is said. */
static void
each_statement(struct policy_reading *r, const struct policy_node *list, statement_fn *visit)
{
    size_t index = 0;
    for (const struct policy_node *child = values_begin(list); child < behind(r, list);
         child = behind(r, child)) {
        if (index == LIMIT_POLICY_STATEMENTS_MAX) {
            ASSERT(r->scan->source.n > LIMIT_POLICY_BYTES_MAX);
            break;
        }
        r->statement = (unsigned)++index;
        if (child->kind == POLICY_OBJECT) {
            visit(r, child, &r->policy->statements[index - 1]);
        }
    }

    r->statement = 0;
    r->policy->statement_count = index;
}

static void
place_statements(struct policy_reading *r, const struct policy_node *list)
{
    unsigned line = 1;
    size_t at = 0, index = 0;
    for (const struct policy_node *child = values_begin(list); child < behind(r, list);
         child = behind(r, child)) {
        r->statement = (unsigned)index + 1;
        if (index == LIMIT_POLICY_STATEMENTS_MAX) {
            break;
        }
        line += count_lines(r->scan->source, at, child->at);
        at = child->at;
        r->policy->statements[index++].line = line;
        if (child->kind != POLICY_OBJECT) {
            policy_problem(r, POLICY_FAULT_STATEMENT_TYPE, "Statement", (ssize_t)at, child->text);
        }
    }

    r->statement = 0;
}

void
policy_read_document(struct policy_reading *r)
{
    const struct policy_node *root = r->scan->nodes;
    const struct policy_node *list = find_statements(r, root);
    if (list == NULL) {
        return;
    }
    start_policy(r);
    read_version(r, root);
    check_text(r, root, "Id");
    check_elements(r, root, document_elements, COUNT_OF(document_elements));
    place_statements(r, list);
    each_statement(r, list, read_statement);
    each_statement(r, list, check_statement_fit);
    each_statement(r, list, read_statement_rest);
}
