/* SPDX-License-Identifier: Apache-2.0
 * What the files of this folder share: the body of a tree and its memory, errors with positions,
 * nearest names, and the resources of a resolved template. */
#pragma once

#include "template/template.h"

/* ---- memory: everything dies with the tree ---- */
struct tree_chunk;

/* A resource that is created: its condition is not false. */
struct tree_resource {
    struct str logical_id;
    struct str type;
    struct node *type_node;
    struct node *properties; /* may be NULL; once its resource is resolved never an empty value */
    struct node *metadata;   /* may be NULL */
    struct node_entry *entry;
};

struct tree {
    struct tree_chunk *chunks; /* owned, newest first */
    struct str file;           /* name for messages */
    struct node *root;
    size_t node_count;
    size_t made_bytes; /* of text that functions made */
    struct tree_resource *resources;
    size_t resource_count;
};

/* Zeroed, aligned to 16, never NULL. */
char *tree_alloc(struct tree *t, size_t size);
struct str tree_dup(struct tree *t, struct str s);
/* A new node that stands where `at` stands. */
struct node *tree_node(struct tree *t, enum node_kind kind, const struct node *at);
/* Room for one more element of `size` bytes in an array of the tree: the array, perhaps moved. */
void *tree_grow(struct tree *t, void *items, size_t count, size_t *cap, size_t size);

/* The resources in the order of the template; they are there while functions are being resolved, so
 * that env->resource_value may look. A resource that is asked for its value is resolved itself. */
size_t tree_resource_count(const struct tree *t);
const struct tree_resource *tree_resource(const struct tree *t, size_t i);
const struct tree_resource *tree_resource_find(const struct tree *t, struct str logical_id);
/* Does the template declare this parameter? Good before and after resolving. */
bool tree_has_parameter(struct tree *t, struct str name);

/* ---- nodes ---- */
const char *node_kind_name(const struct node *n); /* "a string", "a map", "a list", "null" */
/* The text for messages: never that of a NoEcho parameter. */
struct str node_shown(const struct node *n);
bool node_equal(const struct node *a, const struct node *b);
void node_entry_remove(struct node *map, size_t at);
void node_item_remove(struct node *list, size_t at);

/* ---- text ---- */
/* Size, UTF-8 and characters; false after adding an error. */
bool text_check(struct str text, struct str file, struct template_errors *errors);
/* Text that libyaml can read: without the byte order mark, and where JSON may do what YAML may not,
 * with the same meaning and the same positions. Lives in `storage` or is part of `text`. */
struct str text_prepare(struct str text, struct buf *storage);

/* ---- errors ---- */
void template_error_at(struct template_errors *errors, struct str file, uint32_t line,
                       uint32_t column, const char *fmt, ...) PRINTF_LIKE(5, 6);
size_t template_errors_total(const struct template_errors *errors);

/* ---- nearest names ---- */
/* Offer all known names, then read `name`: the nearest, or empty when none is near enough (distance
 * at most 2 or a third of the wanted name). */
struct nearest {
    struct str wanted;
    struct str name;
    size_t distance; /* only what is nearer than this is taken */
};
struct nearest nearest_begin(struct str wanted);
void nearest_offer(struct nearest *n, struct str name);
void nearest_offer_keys(struct nearest *n, const struct node *map);
struct str nearest_name(struct str wanted, const struct str *names, size_t count);
struct str nearest_key(struct str wanted, const struct node *map);
/* "; did you mean 'NAME'?" or "", in the tree's memory. */
const char *nearest_hint(struct tree *t, struct str name);
