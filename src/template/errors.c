/* SPDX-License-Identifier: Apache-2.0
 * Errors with positions, and nearest names for them. */
#include "template/template_int.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_MAX = 1000 }; /* bytes: a value of any length may stand in a message */

void
template_errors_free(struct template_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        xfree(errors->items[i].text);
    }
    *errors = (struct template_errors){.count = 0};
}

size_t
template_errors_total(const struct template_errors *errors)
{
    return errors->count + errors->not_shown;
}

/* Cuts what is too long between two characters. */
static struct str
message_cut(struct str s)
{
    if (s.n <= MESSAGE_MAX) {
        return s;
    }
    s.n = MESSAGE_MAX;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80) {
        s.n--;
    }
    return s;
}

/* A terminal shall not obey what a template says: control bytes become \xHH. */
static void
message_add(struct buf *to, struct str message)
{
    struct str s = message_cut(message);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7F) {
            buf_addf(to, "\\x%02X", (unsigned)c);
        } else {
            buf_add_char(to, s.p[i]);
        }
    }
    if (s.n < message.n) {
        buf_add_z(to, "...");
    }
}

static void PRINTF_LIKE(5, 0)
    error_add(struct template_errors *errors, struct str file, uint32_t line, uint32_t column,
              const char *fmt, va_list args)
{
    if (errors->count == LIMIT_TEMPLATE_ERRORS_MAX) {
        errors->not_shown++;
        return;
    }
    char *message = NULL;
    int n = vasprintf(&message, fmt, args);
    struct buf text = {.p = NULL};
    buf_addf(&text, "%.*s:%u:%u: ", STR_ARG(file), line, column);
    if (n >= 0) {
        message_add(&text, (struct str){message, (size_t)n});
        xfree(message);
    }
    errors->items[errors->count++].text = buf_take(&text);
}

void
template_error_at(struct template_errors *errors, struct str file, uint32_t line, uint32_t column,
                  const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_add(errors, file, line, column, fmt, args);
    va_end(args);
}

void
node_error(struct template_errors *errors, const struct node *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_add(errors, at->file, at->line, at->column, fmt, args);
    va_end(args);
}

struct nearest
nearest_begin(struct str wanted)
{
    size_t most = MAX_OF(wanted.n / 3, (size_t)2);
    /* With every letter changed it would be another name, not a slip. */
    return (struct nearest){.wanted = wanted, .distance = MIN_OF(most + 1, wanted.n)};
}

void
nearest_offer(struct nearest *n, struct str name)
{
    size_t longer = MAX_OF(n->wanted.n, name.n) - MIN_OF(n->wanted.n, name.n);
    if (longer >= n->distance) {
        return;
    }
    size_t distance = str_distance(n->wanted, name);
    if (distance < n->distance) {
        n->distance = distance;
        n->name = name;
    }
}

void
nearest_offer_keys(struct nearest *n, const struct node *map)
{
    if (map == NULL || map->kind != NODE_MAP) {
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        nearest_offer(n, map->entries[i].key);
    }
}

struct str
nearest_name(struct str wanted, const struct str *names, size_t count)
{
    struct nearest n = nearest_begin(wanted);
    for (size_t i = 0; i < count; i++) {
        nearest_offer(&n, names[i]);
    }
    return n.name;
}

struct str
nearest_key(struct str wanted, const struct node *map)
{
    struct nearest n = nearest_begin(wanted);
    nearest_offer_keys(&n, map);
    return n.name;
}

const char *
nearest_hint(struct tree *t, struct str name)
{
    if (name.n == 0) {
        return "";
    }
    char *text = xprintf("; did you mean '%.*s'?", STR_ARG(name));
    const char *kept = tree_dup(t, str_of(text)).p;
    xfree(text);
    return kept;
}
