/* SPDX-License-Identifier: Apache-2.0
 * Names that a template refers to: finding them, saying which is nearest to an unknown one, and
 * checking those in branches and resources that a condition drops. */
#include "template/resolve_int.h"

enum { NO_TEXT = -1 }; /* a pseudo parameter that is no string */

static const struct pseudo {
    struct str name;
    int offset; /* in struct resolve_env, or NO_TEXT */
} pseudos[] = {
#define PSEUDO(name, offset)                                                                       \
    {                                                                                              \
        {name, sizeof(name) - 1}, offset                                                           \
    }
    PSEUDO("AWS::AccountId", offsetof(struct resolve_env, account)),
    PSEUDO("AWS::Region", offsetof(struct resolve_env, region)),
    PSEUDO("AWS::Partition", offsetof(struct resolve_env, partition)),
    PSEUDO("AWS::URLSuffix", offsetof(struct resolve_env, url_suffix)),
    PSEUDO("AWS::StackName", offsetof(struct resolve_env, stack_name)),
    PSEUDO("AWS::StackId", offsetof(struct resolve_env, stack_id)),
    PSEUDO("AWS::NoValue", NO_TEXT),
    PSEUDO("AWS::NotificationARNs", NO_TEXT),
#undef PSEUDO
};

static const struct pseudo *
pseudo_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(pseudos); i++) {
        if (str_eq(name, pseudos[i].name)) {
            return &pseudos[i];
        }
    }
    return NULL;
}

bool
pseudo_value(const struct resolver *r, struct str name, struct str *ret)
{
    const struct pseudo *p = pseudo_find(name);
    if (p == NULL || p->offset == NO_TEXT) {
        return false;
    }
    memcpy(ret, (const char *)r->env + p->offset, sizeof(*ret));
    return true;
}

struct parameter *
parameter_find(struct resolver *r, struct str name)
{
    for (size_t i = 0; i < r->parameter_count; i++) {
        if (str_eq(r->parameters[i].name, name)) {
            return &r->parameters[i];
        }
    }
    return NULL;
}

struct named_condition *
condition_find(struct resolver *r, struct str name)
{
    for (size_t i = 0; i < r->condition_count; i++) {
        if (str_eq(r->conditions[i].entry->key, name)) {
            return &r->conditions[i];
        }
    }
    return NULL;
}

struct resource *
resource_find(struct resolver *r, struct str name)
{
    for (size_t i = 0; i < r->resource_count; i++) {
        if (str_eq(r->resources[i].entry.key, name)) {
            return &r->resources[i];
        }
    }
    return NULL;
}

/* Beyond the last error that is shown no hint is looked for: it is the dear part. */
static struct nearest
nearest_for(const struct resolver *r, struct str wanted)
{
    struct nearest n = nearest_begin(wanted);
    if (r->errors->count == LIMIT_TEMPLATE_ERRORS_MAX) {
        n.distance = 0;
    }
    return n;
}

static void
offer_parameters(const struct resolver *r, struct nearest *n)
{
    for (size_t i = 0; i < r->parameter_count; i++) {
        nearest_offer(n, r->parameters[i].name);
    }
}

static void
offer_resources(const struct resolver *r, struct nearest *n)
{
    for (size_t i = 0; i < r->resource_count; i++) {
        nearest_offer(n, r->resources[i].entry.key);
    }
}

static bool
unknown(struct resolver *r, const struct node *at, const char *what, const struct nearest *n)
{
    node_error(r->errors, at, "unknown %s '%.*s'%s", what,
               STR_ARG(at->secret ? STR("(hidden)") : n->wanted), nearest_hint(r->tree, n->name));
    return false;
}

bool
ref_known(struct resolver *r, const struct node *at, struct str name)
{
    struct nearest n = nearest_for(r, name);
    if (str_starts(name, STR("AWS::"))) {
        if (pseudo_find(name) != NULL) {
            return true;
        }
        for (size_t i = 0; i < COUNT_OF(pseudos); i++) {
            nearest_offer(&n, pseudos[i].name);
        }
        return unknown(r, at, "pseudo parameter", &n);
    }
    if (parameter_find(r, name) != NULL || resource_find(r, name) != NULL) {
        return true;
    }
    offer_parameters(r, &n);
    offer_resources(r, &n);
    return unknown(r, at, "parameter or resource", &n);
}

bool
resource_known(struct resolver *r, const struct node *at, struct str name)
{
    if (resource_find(r, name) != NULL) {
        return true;
    }
    if (parameter_find(r, name) != NULL) {
        node_error(r->errors, at, "'%.*s' is a parameter, a resource is wanted here",
                   STR_ARG(name));
        return false;
    }
    struct nearest n = nearest_for(r, name);
    offer_resources(r, &n);
    return unknown(r, at, "resource", &n);
}

bool
condition_known(struct resolver *r, const struct node *at, struct str name)
{
    if (condition_find(r, name) != NULL) {
        return true;
    }
    struct nearest n = nearest_for(r, name);
    for (size_t i = 0; i < r->condition_count; i++) {
        nearest_offer(&n, r->conditions[i].entry->key);
    }
    return unknown(r, at, "condition", &n);
}

bool
mapping_known(struct resolver *r, const struct node *at, struct str name)
{
    if (node_entry_get(r->mappings, name) != NULL) {
        return true;
    }
    struct nearest n = nearest_for(r, name);
    nearest_offer_keys(&n, r->mappings);
    return unknown(r, at, "mapping", &n);
}

/* ---- what is dropped ---- */
static bool
is_text(const struct node *n)
{
    return n->tag.n == 0 && n->kind == NODE_SCALAR;
}

/* The first item of a list, when it is written out; NULL otherwise. */
static const struct node *
first_text(const struct node *n)
{
    bool has = n->tag.n == 0 && n->kind == NODE_LIST && n->count > 0 && is_text(n->items[0]);
    return has ? n->items[0] : NULL;
}

/* "A.B" and "A": a resource's attribute, or what Ref takes. */
static void
check_value_name(struct resolver *r, const struct node *at, struct str name)
{
    size_t dot;
    if (str_find_char(name, '.', &dot)) {
        (void)resource_known(r, at, str_sub(name, 0, dot)); /* its error is the result */
    } else {
        (void)ref_known(r, at, name); /* as above */
    }
}

static void
check_ref(struct resolver *r, const struct call *c)
{
    if (is_text(c->arg)) {
        (void)ref_known(r, c->whole, c->arg->text); /* its error is the result */
    }
}

static void
check_get_att(struct resolver *r, const struct call *c)
{
    const struct node *first = is_text(c->arg) ? c->arg : first_text(c->arg);
    if (first == NULL) {
        return;
    }
    size_t dot;
    struct str name = first->text;
    if (first == c->arg && str_find_char(name, '.', &dot)) {
        name = str_sub(name, 0, dot);
    }
    (void)resource_known(r, c->whole, name); /* its error is the result */
}

static void
check_sub(struct resolver *r, const struct call *c)
{
    const struct node *text = is_text(c->arg) ? c->arg : first_text(c->arg);
    if (text == NULL) {
        return;
    }
    const struct node *variables = text != c->arg && c->arg->count == 2 ? c->arg->items[1] : NULL;
    struct str rest = text->text;
    struct str before, name;
    bool open;
    while (sub_next(&rest, &before, &name, &open)) {
        if (!str_starts(name, STR("!")) && node_entry_get(variables, name) == NULL) {
            check_value_name(r, c->whole, name);
        }
    }
}

static void
check_condition(struct resolver *r, const struct call *c)
{
    const struct node *name = is_text(c->arg) ? c->arg : first_text(c->arg);
    if (name != NULL) {
        (void)condition_known(r, name, name->text); /* its error is the result */
    }
}

static void
check_find_in_map(struct resolver *r, const struct call *c)
{
    const struct node *name = first_text(c->arg);
    if (name != NULL) {
        (void)mapping_known(r, name, name->text); /* its error is the result */
    }
}

static const struct {
    struct str tag;
    void (*check)(struct resolver *r, const struct call *c);
} checks[] = {
    {{"Ref", 3}, check_ref},
    {{"GetAtt", 6}, check_get_att},
    {{"Sub", 3}, check_sub},
    {{"If", 2}, check_condition},
    {{"Condition", 9}, check_condition},
    {{"FindInMap", 9}, check_find_in_map},
};

static void
check_call(struct resolver *r, const struct call *c)
{
    if (c->function->kind == FUNCTION_NOT_YET) {
        node_error(r->errors, c->whole, "%.*s is not supported yet", STR_ARG(c->function->key));
        return;
    }
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        if (str_eq(checks[i].tag, c->function->tag)) {
            checks[i].check(r, c);
        }
    }
    names_check(r, c->arg);
}

void
names_check(struct resolver *r, struct node *n)
{
    struct call c;
    enum outcome outcome = call_read(r, n, &c);
    if (outcome == OUTCOME_VALUE) {
        check_call(r, &c);
    }
    if (outcome != OUTCOME_NOTHING) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        names_check(r, n->kind == NODE_MAP ? n->entries[i].value : n->items[i]);
    }
}
