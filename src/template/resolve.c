/* SPDX-License-Identifier: Apache-2.0
 * Walks a template's sections in the order in which they need each other: parameters, mappings,
 * conditions, resources, outputs. */
#include "template/resolve_int.h"

#include "base/assert.h"
#include "base/mem.h"

/* ---- sections ---- */
enum section_kind { SECTION_TEXT, SECTION_MAP, SECTION_NOT_YET };
static const struct section {
    struct str name;
    enum section_kind kind;
    bool has_ids; /* its keys are logical ids: letters and digits */
} sections[] = {
    {{"AWSTemplateFormatVersion", 24}, SECTION_TEXT, false},
    {{"Description", 11}, SECTION_TEXT, false},
    {{"Metadata", 8}, SECTION_MAP, false},
    {{"Parameters", 10}, SECTION_MAP, true},
    {{"Mappings", 8}, SECTION_MAP, true},
    {{"Conditions", 10}, SECTION_MAP, true},
    {{"Rules", 5}, SECTION_NOT_YET, false},
    {{"Transform", 9}, SECTION_NOT_YET, false},
    {{"Resources", 9}, SECTION_MAP, true},
    {{"Outputs", 7}, SECTION_MAP, true},
    {{"Hooks", 5}, SECTION_NOT_YET, false},
};

static const struct section *
section_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        if (str_eq(sections[i].name, name)) {
            return &sections[i];
        }
    }
    return NULL;
}

void
entry_error(struct resolver *r, const struct node_entry *entry, const char *before,
            const char *after, const char *hint)
{
    template_error_at(r->errors, r->tree->file, entry->line, entry->column, "%s'%.*s'%s%s", before,
                      STR_ARG(entry->key), after, hint);
}

static void
ids_check(struct resolver *r, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        bool good = entry->key.n <= 255;
        for (size_t k = 0; k < entry->key.n; k++) {
            good = good && ascii_is_alnum(entry->key.p[k]);
        }
        if (!good) {
            entry_error(r, entry, "name ", " must have letters and digits only, at most 255", "");
        }
    }
}

static void
section_unknown(struct resolver *r, const struct node_entry *entry)
{
    struct nearest n = nearest_begin(entry->key);
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        nearest_offer(&n, sections[i].name);
    }
    entry_error(r, entry, "unknown section ", "", nearest_hint(r->tree, n.name));
}

static void
section_check(struct resolver *r, const struct node_entry *entry)
{
    const struct section *s = section_find(entry->key);
    const struct node *value = entry->value;
    if (s == NULL) {
        section_unknown(r, entry);
        return;
    }
    switch (s->kind) {
    case SECTION_NOT_YET: entry_error(r, entry, "section ", " is not supported yet", ""); return;
    case SECTION_TEXT:
        if (value->kind != NODE_SCALAR || value->tag.n > 0) {
            entry_error(r, entry, "", " must be a plain string", "");
        }
        return;
    case SECTION_MAP:
        if (value->kind != NODE_MAP || value->tag.n > 0) {
            entry_error(r, entry, "section ", " must be a map", "");
        } else if (s->has_ids) {
            ids_check(r, value);
        }
        return;
    }
}

static void
version_check(struct resolver *r)
{
    const struct node *version = node_get(r->tree->root, STR("AWSTemplateFormatVersion"));
    if (version != NULL && version->kind == NODE_SCALAR &&
        !str_eq(version->text, STR("2010-09-09"))) {
        node_error(r->errors, version, "AWSTemplateFormatVersion '%.*s' must be '2010-09-09'",
                   STR_ARG(version->text));
    }
}

static void
sections_check(struct resolver *r)
{
    const struct node *root = r->tree->root;
    for (size_t i = 0; i < root->count; i++) {
        section_check(r, &root->entries[i]);
    }
    version_check(r);
}

/* A section that is a sound map; NULL otherwise (said by section_check). */
static struct node *
section_get(struct resolver *r, struct str name)
{
    struct node *section = node_get(r->tree->root, name);
    return section != NULL && section->kind == NODE_MAP && section->tag.n == 0 ? section : NULL;
}

void
fields_check(struct resolver *r, const struct node *map, const struct field *fields, size_t count,
             const char *whose)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct node_entry *entry = &map->entries[i];
        struct nearest n = nearest_begin(entry->key);
        const struct field *found = NULL;
        for (size_t k = 0; k < count; k++) {
            nearest_offer(&n, fields[k].name);
            found = str_eq(fields[k].name, entry->key) ? &fields[k] : found;
        }
        if (found != NULL && !found->not_yet) {
            continue;
        }
        template_error_at(r->errors, map->file, entry->line, entry->column, "%s'%.*s' of %s%s",
                          found == NULL ? "unknown key " : "", STR_ARG(entry->key), whose,
                          found == NULL ? nearest_hint(r->tree, n.name) : " is not supported yet");
    }
}

const char *
circle_text(struct resolver *r, struct str name)
{
    char *text = xstrdup_str(name);
    for (const struct visit *v = r->visit; v != NULL; v = v->outer) {
        char *longer = xprintf("%.*s -> %s", STR_ARG(v->name), text);
        xfree(text);
        text = longer;
        if (str_eq(v->name, name)) {
            break;
        }
    }
    const char *kept = tree_dup(r->tree, str_of(text)).p;
    xfree(text);
    return kept;
}

/* ---- mappings ---- */
static void
mapping_value_check(struct resolver *r, const struct node *value)
{
    struct str text;
    if (value->kind != NODE_LIST || value->tag.n > 0) {
        (void)literal_read(r, value, "a value of a mapping", &text); /* its error is the result */
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        (void)literal_read(r, value->items[i], "an item of a mapping", &text); /* as above */
    }
}

bool
plain_map(struct resolver *r, const struct node *n, const char *what)
{
    if (n->kind == NODE_MAP && n->tag.n == 0) {
        return true;
    }
    node_error(r->errors, n, "%s must be a map, not %s", what,
               n->tag.n > 0 ? "a function" : node_kind_name(n));
    return false;
}

/* Three levels: mapping, first key, second key; nothing but text below. */
static void
mappings_check(struct resolver *r)
{
    for (size_t i = 0; r->mappings != NULL && i < r->mappings->count; i++) {
        const struct node *map = r->mappings->entries[i].value;
        if (!plain_map(r, map, "a mapping")) {
            continue;
        }
        for (size_t k = 0; k < map->count; k++) {
            const struct node *row = map->entries[k].value;
            if (!plain_map(r, row, "a first key of a mapping")) {
                continue;
            }
            for (size_t v = 0; v < row->count; v++) {
                mapping_value_check(r, row->entries[v].value);
            }
        }
    }
}

/* ---- conditions ---- */
static void
conditions_resolve(struct resolver *r, struct node *section)
{
    size_t count = section == NULL ? 0 : section->count;
    r->conditions = (void *)tree_alloc(r->tree, count * sizeof(*r->conditions));
    for (size_t i = 0; i < count; i++) {
        r->conditions[i].entry = &section->entries[i];
    }
    r->condition_count = count;
    r->in_conditions = true;
    for (size_t i = 0; i < count; i++) {
        bool value;
        struct node *n = section->entries[i].value;
        if (condition_value(r, n, section->entries[i].key, &value)) {
            struct node *text = tree_node(r->tree, NODE_SCALAR, n);
            text->text = value ? STR("true") : STR("false");
            section->entries[i].value = text;
        }
    }
    r->in_conditions = false;
}

/* The Condition field of a resource or output: *ret_holds without one is true. False after an
 * error. */
bool
condition_field(struct resolver *r, const struct node *map, struct str *ret_name, bool *ret_holds)
{
    const struct node *at = node_get(map, STR("Condition"));
    *ret_name = STR_NONE;
    *ret_holds = true;
    if (at == NULL) {
        return true;
    }
    return literal_read(r, at, "Condition", ret_name) &&
           condition_value(r, at, *ret_name, ret_holds);
}

/* ---- outputs ---- */
static const struct field output_fields[] = {
    {{"Value", 5}, false},
    {{"Description", 11}, false},
    {{"Export", 6}, false},
    {{"Condition", 9}, false},
};

static void
output_value_resolve(struct resolver *r, const struct node_entry *entry, struct node *value)
{
    enum outcome outcome = value_resolve(r, value);
    if (outcome == OUTCOME_BAD) {
        return;
    }
    if (outcome == OUTCOME_NOTHING || value->kind != NODE_SCALAR) {
        node_error(r->errors, value, "the Value of output '%.*s' must be a string, not %s",
                   STR_ARG(entry->key),
                   outcome == OUTCOME_NOTHING ? "AWS::NoValue" : node_kind_name(value));
    }
}

/* False: the output is dropped. Exports have no one to go to here. */
static bool
output_resolve(struct resolver *r, const struct node_entry *entry)
{
    struct node *map = entry->value;
    if (map->kind != NODE_MAP || map->tag.n > 0) {
        entry_error(r, entry, "output ", " must be a map with a Value", "");
        return true;
    }
    char *whose = xprintf("output '%.*s'", STR_ARG(entry->key));
    fields_check(r, map, output_fields, COUNT_OF(output_fields), whose);
    xfree(whose);
    const struct node_entry *exported = node_entry_get(map, STR("Export"));
    if (exported != NULL) {
        node_entry_remove(map, (size_t)(exported - map->entries));
    }
    struct str text;
    const struct node *description = node_get(map, STR("Description"));
    if (description != NULL) {
        (void)literal_read(r, description, "Description", &text); /* its error is the result */
    }
    bool holds;
    bool good = condition_field(r, map, &text, &holds);
    struct node *value = node_get(map, STR("Value"));
    if (value == NULL) {
        entry_error(r, entry, "output ", " has no Value", "");
    } else if (!holds) {
        names_check(r, value);
    } else if (good) {
        output_value_resolve(r, entry, value);
    }
    return holds;
}

static void
outputs_resolve(struct resolver *r, struct node *section)
{
    size_t kept = 0;
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        if (output_resolve(r, &section->entries[i])) {
            section->entries[kept++] = section->entries[i];
        }
    }
    if (section != NULL) {
        section->count = kept;
    }
}

/* Metadata is CloudFormation's user's own, and stays as written; the part under OpenALB is ours and
 * may use parameters. */
static void
metadata_resolve(struct resolver *r, struct node *section)
{
    struct node_entry *own = node_entry_get(section, STR("OpenALB"));
    if (own != NULL && value_resolve(r, own->value) == OUTCOME_NOTHING) {
        node_entry_remove(section, (size_t)(own - section->entries));
    }
}

/* ---- all of it ---- */
static void
template_resolve(struct resolver *r)
{
    sections_check(r);
    parameters_read(r, section_get(r, STR("Parameters")));
    r->mappings = section_get(r, STR("Mappings"));
    mappings_check(r);
    struct node *resources = section_get(r, STR("Resources"));
    if (resources != NULL) {
        resources_list(r, resources);
    }
    conditions_resolve(r, section_get(r, STR("Conditions")));
    if (resources != NULL && resources->count > 0) {
        resources_read(r, resources);
        resources_resolve(r);
    } else if (node_get(r->tree->root, STR("Resources")) == NULL || resources != NULL) {
        node_error(r->errors, resources == NULL ? r->tree->root : resources,
                   "a template needs at least one resource under Resources");
    }
    outputs_resolve(r, section_get(r, STR("Outputs")));
    metadata_resolve(r, section_get(r, STR("Metadata")));
}

bool
tree_resolve(struct tree *t, const struct resolve_env *env, struct template_errors *errors)
{
    ASSERT(env->resource_value != NULL);
    size_t errors_before = template_errors_total(errors);
    struct resolver r = {.tree = t, .env = env, .errors = errors};
    if (t->root->kind != NODE_MAP || t->root->tag.n > 0) {
        node_error(errors, t->root, "a template must be a map of sections, not %s",
                   t->root->tag.n > 0 ? "a function" : node_kind_name(t->root));
        return false;
    }
    template_resolve(&r);
    ASSERT(r.depth == 0);
    ASSERT(r.visit == NULL);
    return template_errors_total(errors) == errors_before;
}
