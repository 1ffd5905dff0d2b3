/* SPDX-License-Identifier: Apache-2.0
 * What the files of the building half share. build.c keeps the order; stack.c reads and resolves
 * the templates; shape.c checks properties against the table; identity.c gives names and ARNs;
 * read.c reads typed values; the others turn one resource type each into its part of the model.
 *
 * One pass: all templates are parsed and resolved, whereby each resource that is referred to gets
 * its identity; then properties are checked, the model's arrays are counted and allocated, filled
 * from certificates to rules, and the whole is checked. Errors never stop the walk: what is wrong
 * is said and left out, and with one error there is no model. */
#pragma once

#include "model/attributes.h"
#include "template/template_int.h"

enum shape {
    SHAPE_NONE,
#define SHAPE(name, title) SHAPE_##name,
#define PROPERTY(shape, property, kind, below, status, required, values, note)
#include "template/properties.def"
#undef SHAPE
#undef PROPERTY
    SHAPE_COUNT
};

enum resource_kind {
#define RESOURCE_TYPE(kind, name, shape, metadata) RESOURCE_##kind,
#define RESOURCE_VALUE(kind, attribute, field)
#define LATER_TYPE(prefix)
#include "template/resource_types.def"
#undef RESOURCE_TYPE
#undef RESOURCE_VALUE
#undef LATER_TYPE
    RESOURCE_COUNT
};

struct resource_type {
    enum resource_kind kind;
    const char *name;
    enum shape shape;
    enum shape metadata;
};

/* What Ref and Fn::GetAtt answer; texts in the model's memory. */
struct identity {
    struct identity *next; /* of the same template */
    struct str logical_id;
    struct str id; /* hex16 or uuid */
    struct str name;
    struct str arn;
    struct str full_name;
    struct str dns_name;
    struct str zone;
    struct str is_default;
};

struct build;

/* One template. */
struct stack {
    struct build *build;                  /* borrowed */
    const struct template_source *source; /* borrowed */
    struct tree *tree;                    /* owned; NULL when it could not be read */
    struct identity *identities;          /* in the model's memory */
    const struct node *instances;         /* the template's inventory, or NULL */
};

/* One resource on its way into the model. */
struct item {
    struct stack *stack;
    const struct tree_resource *resource;
    const struct node *properties; /* a map, or NULL when there are none */
    const struct node *metadata;   /* Metadata.OpenALB, or NULL */
    const struct resource_type *type;
    const struct identity *identity;
    bool sound;   /* its properties have the right form and are all resolved */
    void *parent; /* of the model: a listener's load balancer, a rule's listener; NULL: not found */
    void *object; /* of the model: struct load_balancer, target_group, listener, certificate */
};

struct build {
    const struct build_env *env; /* borrowed */
    struct model *model;         /* owned until it is handed over */
    struct template_errors *errors;
    struct buf *notes;
    struct stack *stacks; /* owned */
    size_t stack_count;
    struct item *items; /* owned: all resources of known types, in order */
    size_t item_count;
    bool doubtful; /* some values could not be resolved: what seems missing may be there */
};

/* ---- errors and notes ---- */
/* At the node, or at the resource when that is NULL. */
void item_error(struct item *it, const struct node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
size_t build_errors(const struct build *b);
/* At the first character of a key. */
void key_error(struct build *b, const struct node *map, const struct node_entry *entry,
               const char *fmt, ...) PRINTF_LIKE(4, 5);

/* ---- templates ---- */
/* Fills b->stacks; what cannot be read or resolved is said and makes b->doubtful. */
void stacks_read(struct build *b, const struct template_source *sources, size_t count);

/* ---- shapes ---- */
/* Checks a map against its rows: unknown, missing, mistyped, not yet, kept; errors and notes. `map`
 * may be NULL (nothing given); `owner` names the resource in notes. */
void shape_check(struct item *it, enum shape shape, const struct node *map);
const char *shape_title(enum shape shape);
/* A value whose function could not be evaluated; its error is said already. */
bool node_unresolved(const struct node *n);

/* ---- typed values; false when absent, unresolved or mistyped (said by shape_check) ---- */
bool read_text(const struct node *map, const char *key, struct str *ret_text);
bool read_int(const struct node *map, const char *key, int64_t *ret_value);
bool read_bool(const struct node *map, const char *key, bool *ret_value);
/* A list's items; NULL and 0 when absent. */
struct node *const *read_list(const struct node *map, const char *key, size_t *ret_count);
/* Where an error about this property belongs: its value, else the map. */
const struct node *read_at(const struct node *map, const char *key);
/* Number with the range of a port. */
bool read_port(struct item *it, const struct node *map, const char *key, const char *path,
               uint16_t *ret_port);

/* ---- identities ---- */
const struct resource_type *resource_type_find(struct str name);
void resource_type_unknown(struct stack *s, const struct tree_resource *r);
const struct identity *identity_get(struct stack *s, const struct resource_type *type,
                                    const struct tree_resource *r);
/* For resolve_env: context is the stack. */
bool identity_value(void *context, struct str logical_id, struct str type, struct str attribute,
                    struct tree *memory, struct str *ret_value);

/* ---- the parts of the model ---- */
void build_certificate(struct item *it, struct certificate *c);
/* Reads PEM files and makes the certificate: the only step with effects outside, so it comes last.
 */
void build_certificate_make(struct item *it, struct certificate *c);
void build_target_group(struct item *it, struct target_group *g);
void build_load_balancer(struct item *it, struct load_balancer *lb);
void build_listener(struct item *it, struct listener *l);
/* A rule in place `at` of its listener's array. */
void build_rule(struct item *it, struct listener *l, struct rule *r);
/* The list of actions under `key`, for a listener of this protocol and port. */
void build_actions(struct item *it, const struct node *list, const struct listener *l,
                   struct action *ret_action);
/* Adds the listed certificates to the SNI list, which has room for them. */
void build_listener_certificates(struct item *it, struct listener *l);
/* How many certificates this resource lists. */
size_t listed_certificate_count(const struct item *it);
/* Checks each attribute of the list `property` and hands it, with its map, to `set` (may be NULL).
 */
typedef void attribute_fn(struct item *it, const struct node *map, struct str key,
                          struct str value);
void build_attributes(struct item *it, const char *property, enum attribute_table table,
                      attribute_fn *set);
