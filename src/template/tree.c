/* SPDX-License-Identifier: Apache-2.0
 * Trees: their memory, their nodes, and looking things up in them. */
#include "template/template_int.h"

#include "base/assert.h"
#include "base/mem.h"

enum { CHUNK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct tree_chunk {
    struct tree_chunk *next;
    size_t used;
    size_t size;
    _Alignas(ALIGNMENT) char bytes[];
};

char *
tree_alloc(struct tree *t, size_t size)
{
    size = (MAX_OF(size, (size_t)1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct tree_chunk *c = t->chunks;
    if (c == NULL || c->size - c->used < size) {
        size_t room = MAX_OF(size, (size_t)CHUNK_BYTES);
        c = xalloc(sizeof(*c) + room);
        c->size = room;
        c->next = t->chunks;
        t->chunks = c;
    }
    char *p = c->bytes + c->used;
    c->used += size;
    return p;
}

/* With a NUL behind, for callers that hand it to C functions. */
struct str
tree_dup(struct tree *t, struct str s)
{
    char *copy = tree_alloc(t, s.n + 1);
    if (s.n > 0) {
        memcpy(copy, s.p, s.n);
    }
    return (struct str){copy, s.n};
}

void *
tree_grow(struct tree *t, void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 4 : *cap * 2;
    char *larger = tree_alloc(t, *cap * size);
    if (count > 0) {
        memcpy(larger, items, count * size);
    }
    return larger;
}

struct node *
tree_node(struct tree *t, enum node_kind kind, const struct node *at)
{
    struct node *n = (void *)tree_alloc(t, sizeof(*n));
    *n = (struct node){.kind = kind, .file = t->file, .line = 1, .column = 1};
    if (at != NULL) {
        n->file = at->file;
        n->line = at->line;
        n->column = at->column;
    }
    t->node_count++;
    return n;
}

void
tree_free(struct tree **t)
{
    if (*t == NULL) {
        return;
    }
    struct tree_chunk *next;
    for (struct tree_chunk *c = (*t)->chunks; c != NULL; c = next) {
        next = c->next;
        xfree(c);
    }
    xfree(*t);
    *t = NULL;
}

struct node *
tree_root(struct tree *t)
{
    return t->root;
}

size_t
tree_resource_count(const struct tree *t)
{
    return t->resource_count;
}

const struct tree_resource *
tree_resource(const struct tree *t, size_t i)
{
    ASSERT(i < t->resource_count);
    return &t->resources[i];
}

const struct tree_resource *
tree_resource_find(const struct tree *t, struct str logical_id)
{
    for (size_t i = 0; i < t->resource_count; i++) {
        if (str_eq(t->resources[i].logical_id, logical_id)) {
            return &t->resources[i];
        }
    }
    return NULL;
}

bool
tree_has_parameter(struct tree *t, struct str name)
{
    return node_entry_get(node_get(t->root, STR("Parameters")), name) != NULL;
}

struct node_entry *
node_entry_get(const struct node *map, struct str key)
{
    if (map == NULL || map->kind != NODE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (str_eq(map->entries[i].key, key)) {
            return &map->entries[i];
        }
    }
    return NULL;
}

struct node *
node_get(const struct node *map, struct str key)
{
    struct node_entry *entry = node_entry_get(map, key);
    return entry == NULL ? NULL : entry->value;
}

void
node_entry_remove(struct node *map, size_t at)
{
    ASSERT(map->kind == NODE_MAP);
    ASSERT(at < map->count);
    map->count--;
    memmove(&map->entries[at], &map->entries[at + 1], (map->count - at) * sizeof(map->entries[0]));
}

void
node_item_remove(struct node *list, size_t at)
{
    ASSERT(list->kind == NODE_LIST);
    ASSERT(at < list->count);
    list->count--;
    memmove(&list->items[at], &list->items[at + 1], (list->count - at) * sizeof(list->items[0]));
}

const char *
node_kind_name(const struct node *n)
{
    switch (n->kind) {
    case NODE_SCALAR: return "a string";
    case NODE_MAP: return "a map";
    case NODE_LIST: return "a list";
    case NODE_NULL: return "null";
    }
    NEVER("all kinds are listed");
}

struct str
node_shown(const struct node *n)
{
    return n->secret ? STR("(hidden)") : n->text;
}

bool
node_equal(const struct node *a, const struct node *b)
{
    if (a->kind != b->kind || a->count != b->count || !str_eq(a->text, b->text)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->kind == NODE_LIST && !node_equal(a->items[i], b->items[i])) {
            return false;
        }
        if (a->kind == NODE_MAP) {
            const struct node *other = node_get(b, a->entries[i].key);
            if (other == NULL || !node_equal(a->entries[i].value, other)) {
                return false;
            }
        }
    }
    return true;
}
