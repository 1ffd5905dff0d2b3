/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: any bytes are read and resolved as a template; a resolved tree holds no function. */
#include "template/template_int.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
value_of_resource(void *context, struct str logical_id, struct str type, struct str attribute,
                  struct tree *memory, struct str *ret_value)
{
    (void)context;
    (void)type;
    ASSERT(tree_resource_find(memory, logical_id) != NULL);
    *ret_value = attribute.n == 0 ? logical_id : tree_dup(memory, attribute);
    return !str_eq(attribute, STR("None"));
}

/* What the building half relies on. */
static void
resolved_check(const struct node *n)
{
    ASSERT(n->line > 0);
    ASSERT(n->column > 0);
    ASSERT(n->tag.n == 0);
    ASSERT(n->kind != NODE_NULL);
    for (size_t i = 0; i < n->count; i++) {
        resolved_check(n->kind == NODE_MAP ? n->entries[i].value : n->items[i]);
    }
}

static void
resources_check(const struct tree *t)
{
    for (size_t i = 0; i < tree_resource_count(t); i++) {
        const struct tree_resource *r = tree_resource(t, i);
        ASSERT(str_eq(r->entry->key, r->logical_id));
        ASSERT(r->type_node != NULL);
        if (r->properties != NULL) {
            ASSERT(r->properties->kind == NODE_MAP);
            resolved_check(r->properties);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct template_errors errors = {.count = 0};
    struct tree *t = tree_parse((struct str){(const char *)data, size}, "fuzz", &errors);
    ASSERT((t == NULL) == (errors.count > 0));
    const struct str names[] = {STR("Given")};
    const struct str values[] = {STR("a,b,7")};
    const struct resolve_env env = {
        .account = STR("000000000000"),
        .region = STR("us-east-1"),
        .partition = STR("aws"),
        .url_suffix = STR("amazonaws.com"),
        .stack_name = STR("fuzz"),
        .stack_id = STR("fuzz-id"),
        .parameter_names = names,
        .parameter_values = values,
        .parameter_count = t != NULL && tree_has_parameter(t, names[0]) ? 1 : 0,
        .resource_value = value_of_resource,
    };
    if (t != NULL && tree_resolve(t, &env, &errors)) {
        ASSERT(errors.count == 0);
        resources_check(t);
    }
    tree_free(&t);
    template_errors_free(&errors);
    return 0;
}
