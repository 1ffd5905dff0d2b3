/* SPDX-License-Identifier: Apache-2.0
 * Checks properties against the property table. */
#include "template/build_int.h"

#include "base/assert.h"

enum property_kind { KIND_TEXT, KIND_INT, KIND_BOOL, KIND_TEXTS, KIND_MAP, KIND_MAPS, KIND_ANY };
enum property_status { STATUS_ACTS, STATUS_KEPT, STATUS_NOT_YET };
enum property_need { NEED_OPTIONAL, NEED_REQUIRED };

struct property {
    enum shape shape;
    const char *name;
    enum property_kind kind;
    enum shape below;
    enum property_status status;
    enum property_need need;
    const char *values;
    const char *note;
};

static const struct property properties[] = {
#define SHAPE(name, title)
#define PROPERTY(shape, property, kind, below, status, required, values, note)                     \
    {SHAPE_##shape,   property,        KIND_##kind, SHAPE_##below,                                 \
     STATUS_##status, NEED_##required, values,      note},
#include "template/properties.def"
#undef SHAPE
#undef PROPERTY
};

static const char *const titles[SHAPE_COUNT] = {
    [SHAPE_NONE] = "",
#define SHAPE(name, title) [SHAPE_##name] = title,
#define PROPERTY(shape, property, kind, below, status, required, values, note)
#include "template/properties.def"
#undef SHAPE
#undef PROPERTY
};

const char *
shape_title(enum shape shape)
{
    ASSERT(shape < SHAPE_COUNT);
    return titles[shape];
}

bool
node_unresolved(const struct node *n)
{
    if (n->tag.n > 0) {
        return true;
    }
    return n->kind == NODE_MAP && n->count == 1 &&
           (str_eq(n->entries[0].key, STR("Ref")) || str_starts(n->entries[0].key, STR("Fn::")));
}

static const struct property *
property_find(enum shape shape, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        if (properties[i].shape == shape && str_eq(str_of(properties[i].name), name)) {
            return &properties[i];
        }
    }
    return NULL;
}

static void
property_unknown(struct item *it, enum shape shape, const struct node *map,
                 const struct node_entry *entry)
{
    struct nearest near = nearest_begin(entry->key);
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        if (properties[i].shape == shape) {
            nearest_offer(&near, str_of(properties[i].name));
        }
    }
    key_error(it->stack->build, map, entry, "unknown property '%.*s' of %s%s", STR_ARG(entry->key),
              shape_title(shape), nearest_hint(it->stack->tree, near.name));
}

/* ---- scalars ---- */

static bool
scalar_fits(enum property_kind kind, const struct node *n)
{
    int64_t number;
    return kind == KIND_TEXT ||
           (kind == KIND_INT && str_to_int_range(n->text, INT32_MIN, INT32_MAX, &number)) ||
           (kind == KIND_BOOL && (str_eq(n->text, STR("true")) || str_eq(n->text, STR("false"))));
}

enum word { WORD_UNKNOWN, WORD_KNOWN, WORD_NOT_YET };

static enum word
word_find(struct str values, struct str word)
{
    struct str piece;
    while (str_cut(&values, ',', &piece)) {
        if (str_eq(piece, word)) {
            return WORD_KNOWN;
        }
        if (piece.n == word.n + 1 && piece.p[0] == '!' && str_ends(piece, word)) {
            return WORD_NOT_YET;
        }
    }
    return WORD_UNKNOWN;
}

/* "'HTTP', 'HTTPS'" without those that are not supported yet. */
static void
words_list(struct str values, struct buf *out)
{
    struct str piece;
    while (str_cut(&values, ',', &piece)) {
        if (!str_starts(piece, STR("!"))) {
            buf_addf(out, "%s'%.*s'", out->n > 0 ? ", " : "", STR_ARG(piece));
        }
    }
}

static void
words_check(struct item *it, const struct property *p, const struct node *value)
{
    struct str shown = node_shown(value);
    struct buf list AUTO(buf_free) = {.p = NULL};
    switch (word_find(str_of(p->values), value->text)) {
    case WORD_KNOWN: break;
    case WORD_NOT_YET:
        item_error(it, value, "%s '%.*s' of %s is not supported yet", p->name, STR_ARG(shown),
                   shape_title(p->shape));
        break;
    case WORD_UNKNOWN:
        words_list(str_of(p->values), &list);
        item_error(it, value, "%s '%.*s' must be one of %s", p->name, STR_ARG(shown), list.p);
        break;
    }
}

static void
scalar_check(struct item *it, const struct property *p, const struct node *value)
{
    static const char *const wanted[] = {
        [KIND_TEXT] = "a string", [KIND_INT] = "a whole number", [KIND_BOOL] = "true or false"};
    if (value->kind != NODE_SCALAR) {
        item_error(it, value, "'%s' of %s must be %s, not %s", p->name, shape_title(p->shape),
                   wanted[p->kind], node_kind_name(value));
    } else if (!scalar_fits(p->kind, value)) {
        item_error(it, value, "'%s' of %s must be %s, not '%.*s'", p->name, shape_title(p->shape),
                   wanted[p->kind], STR_ARG(node_shown(value)));
    } else if (p->values[0] != '\0') {
        words_check(it, p, value);
    }
}

/* ---- lists and maps ---- */

static void
map_check(struct item *it, const struct property *p, const struct node *value)
{
    if (value->kind != NODE_MAP) {
        item_error(it, value, "'%s' of %s must be a map, not %s", p->name, shape_title(p->shape),
                   node_kind_name(value));
    } else {
        shape_check(it, p->below, value);
    }
}

static void
list_check(struct item *it, const struct property *p, const struct node *value)
{
    if (value->kind != NODE_LIST) {
        item_error(it, value, "'%s' of %s must be a list, not %s", p->name, shape_title(p->shape),
                   node_kind_name(value));
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct node *one = value->items[i];
        if (node_unresolved(one)) {
            continue;
        }
        if (p->kind == KIND_MAPS) {
            map_check(it, p, one);
        } else if (one->kind != NODE_SCALAR) {
            item_error(it, one, "'%s' of %s must be a list of strings; one is %s", p->name,
                       shape_title(p->shape), node_kind_name(one));
        }
    }
}

static void
property_note(struct item *it, const struct property *p, const struct node *map,
              const struct node_entry *entry)
{
    buf_addf(it->stack->build->notes,
             "%.*s:%u:%u: '%s' of %s '%.*s' is kept and has no effect: %s\n", STR_ARG(map->file),
             entry->line, entry->column, p->name, shape_title(it->type->shape),
             STR_ARG(it->resource->logical_id), p->note);
}

static void
value_check(struct item *it, const struct property *p, const struct node *value)
{
    switch (p->kind) {
    case KIND_TEXT:
    case KIND_INT:
    case KIND_BOOL: scalar_check(it, p, value); break;
    case KIND_TEXTS:
    case KIND_MAPS: list_check(it, p, value); break;
    case KIND_MAP: map_check(it, p, value); break;
    case KIND_ANY: break;
    }
}

static void
entry_check(struct item *it, enum shape shape, const struct node *map,
            const struct node_entry *entry)
{
    const struct property *p = property_find(shape, entry->key);
    if (p == NULL) {
        property_unknown(it, shape, map, entry);
        return;
    }
    if (p->status == STATUS_NOT_YET) {
        key_error(it->stack->build, map, entry, "'%s' of %s is not supported yet", p->name,
                  shape_title(shape));
        return;
    }
    if (p->status == STATUS_KEPT) {
        property_note(it, p, map, entry);
    }
    if (!node_unresolved(entry->value)) {
        value_check(it, p, entry->value);
    }
}

void
shape_check(struct item *it, enum shape shape, const struct node *map)
{
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        entry_check(it, shape, map, &map->entries[i]);
    }
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        const struct property *p = &properties[i];
        if (p->shape == shape && p->need == NEED_REQUIRED &&
            node_entry_get(map, str_of(p->name)) == NULL) {
            item_error(it, map, "required property '%s' of %s is missing%s%s", p->name,
                       shape_title(shape), p->note[0] == '\0' ? "" : ": ", p->note);
        }
    }
}
