/* SPDX-License-Identifier: Apache-2.0
 * Typed values of checked properties, and errors at their places. */
#include "template/build_int.h"

#include "model/validate.h"

#include <stdarg.h>
#include <stdio.h>

void
item_error(struct item *it, const struct node *at, const char *fmt, ...)
{
    struct errinfo text;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text.text, sizeof(text.text), fmt, args); /* a cut sentence will do */
    va_end(args);
    struct build *b = it->stack->build;
    if (at != NULL) {
        node_error(b->errors, at, "%s", text.text);
        return;
    }
    const struct node_entry *entry = it->resource->entry;
    template_error_at(b->errors, it->stack->source->file, entry->line, entry->column, "%s",
                      text.text);
}

void
key_error(struct build *b, const struct node *map, const struct node_entry *entry, const char *fmt,
          ...)
{
    struct errinfo text;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text.text, sizeof(text.text), fmt, args); /* a cut sentence will do */
    va_end(args);
    template_error_at(b->errors, map->file, entry->line, entry->column, "%s", text.text);
}

size_t
build_errors(const struct build *b)
{
    return template_errors_total(b->errors);
}

static const struct node *
scalar_get(const struct node *map, const char *key)
{
    const struct node *n = node_get(map, str_of(key));
    return n != NULL && n->kind == NODE_SCALAR && !node_unresolved(n) ? n : NULL;
}

bool
read_text(const struct node *map, const char *key, struct str *ret_text)
{
    const struct node *n = scalar_get(map, key);
    if (n == NULL) {
        return false;
    }
    *ret_text = n->text;
    return true;
}

bool
read_int(const struct node *map, const char *key, int64_t *ret_value)
{
    const struct node *n = scalar_get(map, key);
    return n != NULL && str_to_int_range(n->text, INT32_MIN, INT32_MAX, ret_value);
}

bool
read_bool(const struct node *map, const char *key, bool *ret_value)
{
    const struct node *n = scalar_get(map, key);
    if (n == NULL || !(str_eq(n->text, STR("true")) || str_eq(n->text, STR("false")))) {
        return false;
    }
    *ret_value = str_eq(n->text, STR("true"));
    return true;
}

struct node *const *
read_list(const struct node *map, const char *key, size_t *ret_count)
{
    const struct node *n = node_get(map, str_of(key));
    if (n == NULL || n->kind != NODE_LIST || node_unresolved(n)) {
        *ret_count = 0;
        return NULL;
    }
    *ret_count = n->count;
    return n->items;
}

const struct node *
read_at(const struct node *map, const char *key)
{
    const struct node *n = node_get(map, str_of(key));
    return n == NULL ? map : n;
}

bool
read_port(struct item *it, const struct node *map, const char *key, const char *path,
          uint16_t *ret_port)
{
    int64_t port;
    struct errinfo reason;
    if (!read_int(map, key, &port)) {
        return false;
    }
    if (validate_port(path, port, &reason) != ERR_OK) {
        item_error(it, read_at(map, key), "%s", reason.text);
        return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}
