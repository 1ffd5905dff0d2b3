/* SPDX-License-Identifier: Apache-2.0
 * Reads YAML or JSON, event by event, into a tree that keeps line and column. Reading goes on after
 * what is merely forbidden (anchors, unknown tags, duplicate keys) to report it all; it ends at
 * what cannot be read and at a limit. */
#include "template/resolve_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct str text; /* what the parser reads */
    struct tree *tree;
    struct template_errors *errors;
    size_t depth;
};

static struct node *value_read(struct reader *r, yaml_event_t *event);

static void PRINTF_LIKE(3, 4) reader_error(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0) {
        text = NULL;
    }
    va_end(args);
    template_error_at(r->errors, r->tree->file, (uint32_t)at.line + 1, (uint32_t)at.column + 1,
                      "%s", text == NULL ? "not readable" : text);
    xfree(text);
}

/* ---- events ---- */
/* Is the character at `at` a tab? Lines as libyaml counts them. */
static bool
tab_at(struct str text, yaml_mark_t at)
{
    size_t line = 0;
    struct str rest = text;
    struct str piece = STR_NONE;
    while (line <= at.line && str_cut(&rest, '\n', &piece)) {
        line++;
    }
    return line == at.line + 1 && at.column < piece.n && piece.p[at.column] == '\t';
}

/* What libyaml could not read, in its words. */
static void
reader_refused(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem == NULL ? "not readable" : p->problem;
    if (tab_at(r->text, p->problem_mark)) {
        reader_error(r, p->problem_mark, "a tab cannot indent YAML; use blanks");
        return;
    }
    if (p->context == NULL) {
        reader_error(r, p->problem_mark, "%s", problem);
        return;
    }
    reader_error(r, p->problem_mark, "%s %s that began at line %zu", problem, p->context,
                 p->context_mark.line + 1);
}

static bool
event_next(struct reader *r, yaml_event_t *ret)
{
    if (!yaml_parser_parse(&r->parser, ret)) {
        reader_refused(r);
        return false;
    }
    return true;
}

/* ---- scalars and tags ---- */
static struct str
text_of(const yaml_char_t *p, size_t n)
{
    return (struct str){(const char *)p, n};
}

static bool
is_null_text(struct str s)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < COUNT_OF(nulls); i++) {
        if (str_eq(s, str_of(nulls[i]))) {
            return true;
        }
    }
    return false;
}

static void
tag_read(struct reader *r, struct node *n, const yaml_char_t *tag, yaml_mark_t at)
{
    if (tag == NULL) {
        return;
    }
    struct str all = str_of((const char *)tag);
    struct str name = str_starts(all, STR("!")) ? str_sub(all, 1, all.n) : STR_NONE;
    const struct function *f = function_by_tag(name);
    if (f != NULL) {
        n->tag = f->tag;
        return;
    }
    const char *hint = nearest_hint(r->tree, function_nearest_tag(name));
    reader_error(r, at, "tag '%.*s' is not a function of CloudFormation%s", STR_ARG(all), hint);
}

static void
anchor_refuse(struct reader *r, const yaml_char_t *anchor, yaml_mark_t at)
{
    if (anchor != NULL) {
        reader_error(r, at, "anchor '&%s' is not supported; write the value out", anchor);
    }
}

static struct node *
node_at(struct reader *r, enum node_kind kind, yaml_mark_t at)
{
    if (r->tree->node_count == LIMIT_TEMPLATE_NODES_MAX) {
        reader_error(r, at, "more than %d values in one template", LIMIT_TEMPLATE_NODES_MAX);
        return NULL;
    }
    struct node *n = tree_node(r->tree, kind, NULL);
    n->line = (uint32_t)at.line + 1;
    n->column = (uint32_t)at.column + 1;
    return n;
}

static struct node *
scalar_read(struct reader *r, const yaml_event_t *event)
{
    struct node *n = node_at(r, NODE_SCALAR, event->start_mark);
    if (n == NULL) {
        return NULL;
    }
    struct str text = text_of(event->data.scalar.value, event->data.scalar.length);
    if (str_find_char(text, '\0', NULL)) {
        reader_error(r, event->start_mark, "a NUL character (\\0) is not allowed in a string");
    }
    n->text = tree_dup(r->tree, text);
    n->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!n->quoted && is_null_text(text)) {
        n->kind = NODE_NULL;
    }
    anchor_refuse(r, event->data.scalar.anchor, event->start_mark);
    tag_read(r, n, event->data.scalar.tag, event->start_mark);
    return n;
}

/* ---- collections ---- */
static bool
depth_begin(struct reader *r, yaml_mark_t at)
{
    if (r->depth == LIMIT_TEMPLATE_DEPTH_MAX) {
        reader_error(r, at, "more than %d levels of maps and lists", LIMIT_TEMPLATE_DEPTH_MAX);
        return false;
    }
    r->depth++;
    return true;
}

static bool
list_fill(struct reader *r, struct node *list)
{
    size_t cap = 0;
    for (;;) {
        yaml_event_t event;
        if (!event_next(r, &event)) {
            return false;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        struct node *item = value_read(r, &event);
        if (item == NULL) {
            return false;
        }
        list->items = tree_grow(r->tree, list->items, list->count, &cap, sizeof(*list->items));
        list->items[list->count++] = item;
    }
}

static struct node *
list_read(struct reader *r, const yaml_event_t *event)
{
    struct node *n = node_at(r, NODE_LIST, event->start_mark);
    if (n == NULL || !depth_begin(r, event->start_mark)) {
        return NULL;
    }
    anchor_refuse(r, event->data.sequence_start.anchor, event->start_mark);
    tag_read(r, n, event->data.sequence_start.tag, event->start_mark);
    bool whole = list_fill(r, n);
    r->depth--;
    return whole ? n : NULL;
}

/* Says what is wrong with a key; such an entry is read and left out. */
static bool
key_sound(struct reader *r, const struct node *key, yaml_mark_t at)
{
    if (key->kind == NODE_MAP || key->kind == NODE_LIST) {
        reader_error(r, at, "a key must be a plain string, not %s", node_kind_name(key));
        return false;
    }
    if (key->tag.n > 0) {
        reader_error(r, at, "a key cannot be a function (!%.*s)", STR_ARG(key->tag));
        return false;
    }
    if (!key->quoted && str_eq(key->text, STR("<<"))) {
        reader_error(r, at, "merge keys ('<<') are not supported; write the entries out");
        return false;
    }
    if (key->text.n == 0) {
        reader_error(r, at, "a key is empty");
        return false;
    }
    return true;
}

static bool
map_fill(struct reader *r, struct node *map)
{
    size_t cap = 0;
    for (;;) {
        yaml_event_t event;
        if (!event_next(r, &event)) {
            return false;
        }
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        yaml_mark_t at = event.start_mark;
        bool alias = event.type == YAML_ALIAS_EVENT;
        struct node *key = value_read(r, &event);
        if (key == NULL || !event_next(r, &event)) {
            return false;
        }
        struct node *value = value_read(r, &event);
        if (value == NULL) {
            return false;
        }
        if (alias || !key_sound(r, key, at)) {
            continue;
        }
        map->entries = tree_grow(r->tree, map->entries, map->count, &cap, sizeof(*map->entries));
        map->entries[map->count++] = (struct node_entry){key->text, key->line, key->column, value};
    }
}

static int
entry_compare(const void *a, const void *b)
{
    const struct node_entry *x = *(const struct node_entry *const *)a;
    const struct node_entry *y = *(const struct node_entry *const *)b;
    int order = str_cmp(x->key, y->key);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Sorted by key, equal keys lie side by side, the first of the text first. */
static void
duplicates_refuse(struct reader *r, const struct node *map)
{
    if (map->count < 2) {
        return;
    }
    const struct node_entry **sorted = xalloc(map->count * sizeof(*sorted));
    for (size_t i = 0; i < map->count; i++) {
        sorted[i] = &map->entries[i];
    }
    qsort(sorted, map->count, sizeof(*sorted), entry_compare);
    for (size_t i = 1; i < map->count; i++) {
        if (str_eq(sorted[i - 1]->key, sorted[i]->key)) {
            template_error_at(r->errors, map->file, sorted[i]->line, sorted[i]->column,
                              "key '%.*s' is here a second time, the first is at line %u",
                              STR_ARG(sorted[i]->key), sorted[i - 1]->line);
        }
    }
    xfree(sorted);
}

static struct node *
map_read(struct reader *r, const yaml_event_t *event)
{
    struct node *n = node_at(r, NODE_MAP, event->start_mark);
    if (n == NULL || !depth_begin(r, event->start_mark)) {
        return NULL;
    }
    anchor_refuse(r, event->data.mapping_start.anchor, event->start_mark);
    tag_read(r, n, event->data.mapping_start.tag, event->start_mark);
    bool whole = map_fill(r, n);
    r->depth--;
    if (!whole) {
        return NULL;
    }
    duplicates_refuse(r, n);
    return n;
}

static struct node *
alias_read(struct reader *r, const yaml_event_t *event)
{
    reader_error(r, event->start_mark, "alias '*%s' is not supported; write the value out",
                 event->data.alias.anchor);
    return node_at(r, NODE_NULL, event->start_mark);
}

/* Consumes the event; NULL when reading cannot go on. */
static struct node *
value_read(struct reader *r, yaml_event_t *event)
{
    struct node *n = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT: n = scalar_read(r, event); break;
    case YAML_SEQUENCE_START_EVENT: n = list_read(r, event); break;
    case YAML_MAPPING_START_EVENT: n = map_read(r, event); break;
    case YAML_ALIAS_EVENT: n = alias_read(r, event); break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: NEVER("libyaml gives these only around values");
    }
    yaml_event_delete(event);
    return n;
}

/* ---- the document ---- */
/* Reads the next event and forgets it; its type, or YAML_NO_EVENT. */
static yaml_event_type_t
event_skip(struct reader *r, yaml_mark_t *ret_at)
{
    yaml_event_t event;
    if (!event_next(r, &event)) {
        return YAML_NO_EVENT;
    }
    yaml_event_type_t type = event.type;
    *ret_at = event.start_mark;
    yaml_event_delete(&event);
    return type;
}

static struct node *
document_read(struct reader *r)
{
    yaml_mark_t at = {.line = 0};
    yaml_event_t event;
    if (event_skip(r, &at) != YAML_STREAM_START_EVENT) {
        return NULL;
    }
    yaml_event_type_t type = event_skip(r, &at);
    if (type == YAML_STREAM_END_EVENT) {
        reader_error(r, at, "the template is empty");
    }
    if (type != YAML_DOCUMENT_START_EVENT || !event_next(r, &event)) {
        return NULL;
    }
    struct node *root = value_read(r, &event);
    if (root == NULL || event_skip(r, &at) != YAML_DOCUMENT_END_EVENT) {
        return NULL;
    }
    type = event_skip(r, &at);
    if (type == YAML_DOCUMENT_START_EVENT) {
        reader_error(r, at, "a second document begins here; a template is one document");
    }
    return type == YAML_STREAM_END_EVENT ? root : NULL;
}

struct tree *
tree_parse(struct str text, const char *file, struct template_errors *errors)
{
    if (!text_check(text, str_of(file), errors)) {
        return NULL;
    }
    struct tree *t = xalloc(sizeof(*t));
    t->file = tree_dup(t, str_of(file));
    struct buf storage AUTO(buf_free) = {.p = NULL};
    struct reader r = {.tree = t, .errors = errors, .text = text_prepare(text, &storage)};
    size_t errors_before = template_errors_total(errors);
    if (!yaml_parser_initialize(&r.parser)) {
        template_error_at(errors, t->file, 1, 1, "libyaml cannot start: out of memory");
        tree_free(&t);
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &r.parser, (const unsigned char *)(r.text.p == NULL ? "" : r.text.p), r.text.n);
    t->root = document_read(&r);
    yaml_parser_delete(&r.parser);
    if (template_errors_total(errors) != errors_before) {
        tree_free(&t);
        return NULL;
    }
    ASSERT(t->root != NULL);
    return t;
}
