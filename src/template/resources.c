/* SPDX-License-Identifier: Apache-2.0
 * The Resources section: what stands in a resource, which ones are dropped, and resolving each when
 * it is first asked for. */
#include "template/resolve_int.h"

#include "base/assert.h"
#include "base/mem.h"

/* ---- resources: what stands in them ---- */
static const struct field resource_fields[] = {
    {{"Type", 4}, false},           {{"Properties", 10}, false},
    {{"Condition", 9}, false},      {{"DependsOn", 9}, false},
    {{"Metadata", 8}, false},       {{"DeletionPolicy", 14}, false},
    {{"CreationPolicy", 14}, true}, {{"UpdateReplacePolicy", 19}, false},
    {{"UpdatePolicy", 12}, true},
};

static const struct str deletion_policies[] = {
    {"Delete", 6}, {"Retain", 6}, {"Snapshot", 8}, {"RetainExceptOnCreate", 20}};

/* Deletion policies are kept and have no effect here; a misspelt one is still an error. */
static void
policy_check(struct resolver *r, const struct node *map, struct str field)
{
    const struct node *at = node_get(map, field);
    struct str text;
    if (at == NULL || !literal_read(r, at, "a policy", &text)) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(deletion_policies); i++) {
        if (str_eq(deletion_policies[i], text)) {
            return;
        }
    }
    node_error(r->errors, at,
               "%.*s '%.*s' must be Delete, Retain, Snapshot or RetainExceptOnCreate",
               STR_ARG(field), STR_ARG(text));
}

/* One name of DependsOn at a time; a scalar counts as a list of one. */
static const struct node *
depends_item(const struct resource *x, size_t i)
{
    const struct node *n = node_get(x->entry.value, STR("DependsOn"));
    if (n == NULL || n->tag.n > 0) {
        return NULL;
    }
    if (n->kind == NODE_SCALAR) {
        return i == 0 ? n : NULL;
    }
    return n->kind == NODE_LIST && i < n->count ? n->items[i] : NULL;
}

static bool
depends_check(struct resolver *r, const struct resource *x)
{
    const struct node *all = node_get(x->entry.value, STR("DependsOn"));
    if (all == NULL) {
        return true;
    }
    if (all->tag.n > 0 || (all->kind != NODE_SCALAR && all->kind != NODE_LIST)) {
        node_error(r->errors, all, "DependsOn must be the name of a resource, or a list of names");
        return false;
    }
    bool good = true;
    const struct node *one;
    for (size_t i = 0; (one = depends_item(x, i)) != NULL; i++) {
        struct str name;
        good = literal_read(r, one, "a name in DependsOn", &name) && resource_known(r, one, name) &&
               good;
    }
    return good;
}

/* A field that must be a map when it is there. */
static bool
map_field(struct resolver *r, const struct resource *x, struct str name, struct node **ret)
{
    struct node *n = node_get(x->entry.value, name);
    *ret = NULL;
    if (n == NULL) {
        return true;
    }
    char what[64];
    bool fits = str_copy_z(name, what, sizeof(what));
    ASSERT(fits);
    if (n->tag.n > 0 || n->kind != NODE_MAP) {
        return plain_map(r, n, what);
    }
    *ret = n;
    return true;
}

static bool
type_read(struct resolver *r, const struct resource *x, struct tree_resource *to)
{
    to->type_node = node_get(x->entry.value, STR("Type"));
    if (to->type_node == NULL) {
        entry_error(r, &x->entry, "resource ", " has no Type", "");
        return false;
    }
    return literal_read(r, to->type_node, "the Type of a resource", &to->type);
}

/* Reads a resource's own fields into `to`; false after an error. */
static bool
resource_read(struct resolver *r, struct resource *x, struct tree_resource *to)
{
    const struct node *map = x->entry.value;
    if (map->kind != NODE_MAP || map->tag.n > 0) {
        entry_error(r, &x->entry, "resource ", " must be a map with a Type", "");
        return false;
    }
    char *whose = xprintf("resource '%.*s'", STR_ARG(x->entry.key));
    fields_check(r, map, resource_fields, COUNT_OF(resource_fields), whose);
    xfree(whose);
    policy_check(r, map, STR("DeletionPolicy"));
    policy_check(r, map, STR("UpdateReplacePolicy"));
    bool holds;
    bool good = condition_field(r, map, &x->condition, &holds);
    x->dropped = !holds;
    to->logical_id = x->entry.key;
    good = type_read(r, x, to) && good;
    good = map_field(r, x, STR("Properties"), &to->properties) && good;
    good = map_field(r, x, STR("Metadata"), &to->metadata) && good;
    return depends_check(r, x) && good;
}

static void
resource_drop(struct resolver *r, const struct tree_resource *dropped)
{
    if (dropped->properties != NULL) {
        names_check(r, dropped->properties);
    }
    if (dropped->metadata != NULL) {
        names_check(r, dropped->metadata);
    }
}

/* After this the section and the tree hold only what is created; r->resources knows them all. */
void
resources_read(struct resolver *r, struct node *section)
{
    struct tree *t = r->tree;
    t->resources = (void *)tree_alloc(t, r->resource_count * sizeof(*t->resources));
    size_t kept = 0;
    for (size_t i = 0; i < r->resource_count; i++) {
        struct resource *x = &r->resources[i];
        struct tree_resource read = {.entry = NULL};
        x->progress = resource_read(r, x, &read) ? PROGRESS_NEW : PROGRESS_BAD;
        if (x->dropped) {
            resource_drop(r, &read);
            continue;
        }
        read.entry = &section->entries[kept++];
        *read.entry = x->entry;
        if (x->progress == PROGRESS_NEW) {
            x->kept = &t->resources[t->resource_count++];
            *x->kept = read;
        }
    }
    section->count = kept;
}

void
resources_list(struct resolver *r, struct node *section)
{
    r->resources = (void *)tree_alloc(r->tree, section->count * sizeof(*r->resources));
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        r->resources[i] = (struct resource){.entry = *entry, .progress = PROGRESS_BAD};
        if (parameter_find(r, entry->key) != NULL) {
            entry_error(r, entry, "", " is the name of a parameter and of a resource", "");
        }
    }
    r->resource_count = section->count;
}

/* ---- resources: their values ---- */
static bool resource_resolve(struct resolver *r, const struct node *at, struct resource *x);

static bool
depends_resolve(struct resolver *r, const struct resource *x)
{
    bool good = true;
    const struct node *one;
    for (size_t i = 0; (one = depends_item(x, i)) != NULL; i++) {
        struct resource *other = resource_find(r, one->text);
        if (!other->dropped) { /* depends_check() found it */
            good = resource_resolve(r, one, other) && good;
        }
    }
    return good;
}

static bool
part_resolve(struct resolver *r, struct node **part, const char *what)
{
    if (*part == NULL) {
        return true;
    }
    enum outcome outcome = value_resolve(r, *part);
    if (outcome == OUTCOME_NOTHING) {
        *part = NULL;
        return true;
    }
    return outcome == OUTCOME_VALUE && plain_map(r, *part, what);
}

static bool
parts_resolve(struct resolver *r, struct resource *x)
{
    bool good = depends_resolve(r, x);
    good = part_resolve(r, &x->kept->properties, "Properties") && good;
    return part_resolve(r, &x->kept->metadata, "Metadata") && good;
}

/* False: it is not sound, and the error is said. */
static bool
resource_resolve(struct resolver *r, const struct node *at, struct resource *x)
{
    if (x->progress == PROGRESS_NOW) {
        node_error(r->errors, at, "resources depend on one another in a circle: %s",
                   circle_text(r, x->entry.key));
        return false;
    }
    if (x->progress != PROGRESS_NEW) {
        return x->progress == PROGRESS_DONE;
    }
    if (!depth_enter(r, at)) {
        return false;
    }
    struct visit visit = {x->entry.key, r->visit};
    r->visit = &visit;
    x->progress = PROGRESS_NOW;
    bool good = parts_resolve(r, x);
    x->progress = good ? PROGRESS_DONE : PROGRESS_BAD;
    r->visit = visit.outer;
    r->depth--;
    return good;
}

enum outcome
resource_ask(struct resolver *r, const struct node *at, struct str name, struct str attribute,
             struct node *ret)
{
    if (!resource_known(r, at, name)) {
        return OUTCOME_BAD;
    }
    struct resource *x = resource_find(r, name);
    if (r->in_conditions) {
        node_error(r->errors, at, "a condition cannot use resource '%.*s', only parameters",
                   STR_ARG(name));
        return OUTCOME_BAD;
    }
    if (x->dropped) {
        node_error(r->errors, at,
                   "resource '%.*s' is not created, because its condition '%.*s' is false; use "
                   "Fn::If here with the same condition",
                   STR_ARG(name), STR_ARG(x->condition));
        return OUTCOME_BAD;
    }
    if (!resource_resolve(r, at, x)) {
        return OUTCOME_BAD;
    }
    const struct tree_resource *k = x->kept;
    if (!r->env->resource_value(r->env->context, k->logical_id, k->type, attribute, r->tree,
                                &ret->text)) {
        node_error(r->errors, at, "resource '%.*s' of type %.*s has no %s%.*s%s", STR_ARG(name),
                   STR_ARG(k->type), attribute.n == 0 ? "value for Ref" : "attribute '",
                   STR_ARG(attribute), attribute.n == 0 ? "" : "'");
        return OUTCOME_BAD;
    }
    return OUTCOME_VALUE;
}

void
resources_resolve(struct resolver *r)
{
    for (size_t i = 0; i < r->resource_count; i++) {
        struct resource *x = &r->resources[i];
        if (x->kept != NULL) {
            (void)resource_resolve(r, x->entry.value, x); /* its errors are the result */
        }
    }
}
