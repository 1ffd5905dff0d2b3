/* SPDX-License-Identifier: Apache-2.0
 * Values: the table of functions, what makes a node a call of one, and resolving a value in place;
 * what a function gives replaces its node. */
#include "template/resolve_int.h"

/* ---- the table ---- */
#define FUNCTION(name, key, kind, evaluate, least, most, needs)                                    \
    {{#name, sizeof(#name) - 1},                                                                   \
     {key, sizeof(key) - 1},                                                                       \
     FUNCTION_##kind,                                                                              \
     FUNCTION_VALUE_OF_##kind(evaluate),                                                           \
     FUNCTION_TRUTH_OF_##kind(evaluate),                                                           \
     least,                                                                                        \
     most,                                                                                         \
     needs},
#define FUNCTION_VALUE_OF_VALUE(f) f
#define FUNCTION_VALUE_OF_TRUTH(f) NULL
#define FUNCTION_VALUE_OF_NOT_YET(f) NULL
#define FUNCTION_TRUTH_OF_VALUE(f) NULL
#define FUNCTION_TRUTH_OF_TRUTH(f) f
#define FUNCTION_TRUTH_OF_NOT_YET(f) NULL
static const struct function functions[] = {
#include "template/functions.def"
};
#undef FUNCTION

const struct function *
function_by_tag(struct str tag)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        if (str_eq(functions[i].tag, tag)) {
            return &functions[i];
        }
    }
    return NULL;
}

struct str
function_nearest_tag(struct str tag)
{
    struct nearest n = nearest_begin(tag);
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        nearest_offer(&n, functions[i].tag);
    }
    return n.name;
}

/* "Fn::ForEach::Name" carries a name of its own behind the function's. */
static const struct function *
function_by_key(struct str key)
{
    struct str own = str_starts(key, STR("Fn::ForEach::")) ? STR("Fn::ForEach") : key;
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        if (str_eq(functions[i].key, own)) {
            return &functions[i];
        }
    }
    return NULL;
}

static void
function_unknown(struct resolver *r, const struct node *at, struct str key)
{
    struct nearest n = nearest_begin(key);
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        nearest_offer(&n, functions[i].key);
    }
    node_error(r->errors, at, "unknown function '%.*s'%s", STR_ARG(key),
               nearest_hint(r->tree, n.name));
}

/* ---- calls ---- */
static enum outcome
call_short(struct resolver *r, struct node *n, struct call *ret_call)
{
    struct node *arg = (void *)tree_alloc(r->tree, sizeof(*arg));
    *arg = *n;
    arg->tag = STR_NONE;
    *ret_call = (struct call){function_by_tag(n->tag), n, arg};
    return OUTCOME_VALUE;
}

/* The entry that makes a map a function. */
static struct node_entry *
call_entry(const struct node *map)
{
    if (map->count == 1 && str_eq(map->entries[0].key, STR("Ref"))) {
        return &map->entries[0];
    }
    for (size_t i = 0; i < map->count; i++) {
        if (str_starts(map->entries[i].key, STR("Fn::"))) {
            return &map->entries[i];
        }
    }
    return NULL;
}

enum outcome
call_read(struct resolver *r, struct node *n, struct call *ret_call)
{
    if (n->tag.n > 0) {
        return call_short(r, n, ret_call);
    }
    struct node_entry *entry = n->kind == NODE_MAP ? call_entry(n) : NULL;
    if (entry == NULL) {
        return OUTCOME_NOTHING;
    }
    if (n->count != 1) {
        node_error(r->errors, n, "function '%.*s' must be the only key of its map",
                   STR_ARG(entry->key));
        return OUTCOME_BAD;
    }
    const struct function *f = function_by_key(entry->key);
    if (f == NULL) {
        function_unknown(r, n, entry->key);
        return OUTCOME_BAD;
    }
    *ret_call = (struct call){f, n, entry->value};
    return OUTCOME_VALUE;
}

bool
call_arity(struct resolver *r, const struct call *c)
{
    const struct function *f = c->function;
    if (f->most == 0) {
        return true;
    }
    if (c->arg->tag.n == 0 && c->arg->kind == NODE_LIST && c->arg->count >= f->least &&
        c->arg->count <= f->most) {
        return true;
    }
    node_error(r->errors, c->whole, "%.*s needs %s", STR_ARG(f->key), f->needs);
    return false;
}

static enum outcome
call_evaluate(struct resolver *r, const struct call *c)
{
    const struct function *f = c->function;
    if (f->kind == FUNCTION_NOT_YET) {
        node_error(r->errors, c->whole, "%.*s is not supported yet", STR_ARG(f->key));
        return OUTCOME_BAD;
    }
    if (f->kind == FUNCTION_TRUTH) {
        node_error(r->errors, c->whole, "%.*s gives true or false and belongs into Conditions",
                   STR_ARG(f->key));
        return OUTCOME_BAD;
    }
    if (!call_arity(r, c)) {
        return OUTCOME_BAD;
    }
    struct node value = {.kind = NODE_SCALAR, .quoted = true};
    enum outcome outcome = f->value(r, c, &value);
    if (outcome != OUTCOME_VALUE) {
        return outcome;
    }
    if (value.line == 0) { /* made here, not taken from elsewhere in the template */
        value.file = c->whole->file;
        value.line = c->whole->line;
        value.column = c->whole->column;
    }
    *c->whole = value;
    return OUTCOME_VALUE;
}

/* ---- values ---- */
bool
depth_enter(struct resolver *r, const struct node *at)
{
    if (r->depth == RESOLVE_DEPTH_MAX) {
        node_error(r->errors, at, "values refer to one another over more than %d levels",
                   RESOLVE_DEPTH_MAX);
        return false;
    }
    r->depth++;
    return true;
}

static enum outcome
list_resolve(struct resolver *r, struct node *list)
{
    enum outcome all = OUTCOME_VALUE;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        enum outcome one = value_resolve(r, list->items[i]);
        if (one == OUTCOME_BAD) {
            all = OUTCOME_BAD;
        }
        if (one != OUTCOME_NOTHING) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
    return all;
}

static enum outcome
map_resolve(struct resolver *r, struct node *map)
{
    enum outcome all = OUTCOME_VALUE;
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        enum outcome one = value_resolve(r, map->entries[i].value);
        if (one == OUTCOME_BAD) {
            all = OUTCOME_BAD;
        }
        if (one != OUTCOME_NOTHING) {
            map->entries[kept++] = map->entries[i];
        }
    }
    map->count = kept;
    return all;
}

static enum outcome
plain_resolve(struct resolver *r, struct node *n)
{
    switch (n->kind) {
    case NODE_SCALAR: return OUTCOME_VALUE;
    case NODE_LIST: return list_resolve(r, n);
    case NODE_MAP: return map_resolve(r, n);
    case NODE_NULL: break;
    }
    node_error(r->errors, n, "null is not allowed; leave it out, or write !Ref AWS::NoValue");
    return OUTCOME_BAD;
}

enum outcome
value_resolve(struct resolver *r, struct node *n)
{
    if (!depth_enter(r, n)) {
        return OUTCOME_BAD;
    }
    struct call c;
    enum outcome outcome = call_read(r, n, &c);
    if (outcome == OUTCOME_VALUE) {
        outcome = call_evaluate(r, &c);
    } else if (outcome == OUTCOME_NOTHING) {
        outcome = plain_resolve(r, n);
    }
    r->depth--;
    return outcome;
}

bool
literal_read(struct resolver *r, const struct node *n, const char *what, struct str *ret)
{
    if (n->tag.n == 0 && n->kind == NODE_SCALAR) {
        *ret = n->text;
        return true;
    }
    node_error(r->errors, n, "%s must be a plain string, not %s", what,
               n->tag.n > 0 ? "a function" : node_kind_name(n));
    return false;
}
