/* SPDX-License-Identifier: Apache-2.0
 * CloudFormation templates: text in, resolved resources out. node.c reads YAML or JSON with libyaml
 * into a tree that keeps line and column; resolve.c evaluates parameters, conditions and intrinsic
 * functions; build.c turns resources into a model with the property tables (properties.def).
 * Bad templates give all their errors, each with file, line, column, what is wrong and what would
 * be allowed. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/model.h"

/* ---- errors ---- */
struct template_error {
    char *text; /* owned: "demo/web.yaml:12:7: unknown property 'Prot' of ...; did you mean 'Port'?"
                 */
};
struct template_errors {
    struct template_error items[LIMIT_TEMPLATE_ERRORS_MAX];
    size_t count;
    size_t not_shown;
};
void template_errors_free(struct template_errors *errors);

/* ---- tree ---- */
enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST, NODE_NULL };
struct node;
struct node_entry {
    struct str key;
    uint32_t line, column; /* of the key, from 1 */
    struct node *value;
};
struct node {
    enum node_kind kind;
    uint32_t line, column;      /* from 1 */
    struct str file;            /* name for messages */
    struct str text;            /* scalar: its text, never typed here */
    bool quoted;                /* scalar: written in quotes or as a block, or made by a function */
    bool secret;                /* its text comes from a NoEcho parameter: never print it */
    struct str tag;             /* short form function: "Ref", "Sub", "GetAtt", ... or empty */
    struct node_entry *entries; /* map, in order */
    struct node **items;        /* list */
    size_t count;               /* of entries or items */
};
struct tree; /* owns all nodes and their text */
/* YAML or JSON text to a tree; NULL after adding at least one error. Duplicate keys, anchors,
 * aliases, several documents, too deep, too large: errors. */
struct tree *tree_parse(struct str text, const char *file, struct template_errors *errors);
void tree_free(struct tree **t);
struct node *tree_root(struct tree *t);
struct node *node_get(const struct node *map, struct str key); /* NULL when absent or no map */
struct node_entry *node_entry_get(const struct node *map, struct str key);
/* Adds "file:line:column: " + text to errors. */
void node_error(struct template_errors *errors, const struct node *at, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* ---- resolving ---- */
struct resolve_env {
    struct str account, region, partition, url_suffix, stack_name, stack_id; /* pseudo parameters */
    const struct str *parameter_names; /* given from outside: --parameter NAME=VALUE */
    const struct str *parameter_values;
    size_t parameter_count;
    /* Value of !Ref LOGICAL (attribute empty) or !GetAtt LOGICAL.ATTRIBUTE of a resource of this
     * template; false: no such attribute. */
    bool (*resource_value)(void *context, struct str logical_id, struct str type,
                           struct str attribute, struct tree *memory, struct str *ret_value);
    void *context;
};
/* Replaces every function in Resources, Outputs and Conditions by its value, drops resources whose
 * condition is false and properties whose value is AWS::NoValue, checks the template's own sections
 * (unknown sections, parameters without value, AllowedValues, ...). Adds errors; the tree is
 * changed in place. True when no error was added. */
bool tree_resolve(struct tree *t, const struct resolve_env *env, struct template_errors *errors);

/* ---- building ---- */
struct template_source {
    struct str file; /* name for messages; its folder is where relative PEM paths begin */
    struct str text;
    struct str stack; /* stack name: the file's base name without extension unless given */
};

/* The stack name of a file when none is given: "demo/web.yaml" gives "web". Part of `file`. */
struct str template_stack_name(struct str file);

/* What building needs from outside; all calls are made in order, none after build returns. */
struct build_env {
    struct str account, region, domain;
    const struct addr *addresses; /* pool for load balancers, ports 0 */
    size_t address_count;
    const struct str *parameter_names;
    const struct str *parameter_values;
    size_t parameter_count;
    /* The stable id of a resource (made once, kept): kind is "hex16", "decimal" or "uuid". The
     * answer stays valid until build returns. */
    struct str (*resource_id)(void *context, struct str stack, struct str logical_id,
                              struct str kind);
    /* A slot of the board that stays with this key ("target:GROUPARN:ADDR:PORT", "listener:ARN",
     * "lb:ARN"). */
    bool (*slot)(void *context, struct str key, uint32_t *ret_slot);
    /* Reads a PEM file named by a template (relative to the template's folder); NULL when checking
     * only. */
    enum err (*read_file)(void *context, struct str template_file, struct str path,
                          struct buf *ret_text, struct errinfo *reterr);
    /* Makes (or finds again) the certificate's files and fills id-independent fields (digest, names
     * of an import). For `openalb check`: NULL. */
    enum err (*certificate)(void *context, struct model *m, struct certificate *c,
                            struct str pem_certificate, struct str pem_key, struct str pem_chain,
                            struct errinfo *reterr);
    /* Is this the name of a TLS security policy? */
    bool (*ssl_policy_known)(struct str name);
    void *context;
};

struct build_result {
    struct model *model; /* one reference; NULL when there were errors */
    struct buf outputs;  /* "Stack.OutputName = value\n" lines */
    struct buf notes;    /* what is kept but has no effect here, one line each */
    struct template_errors errors;
};
void build_result_free(struct build_result *r);
/* All templates together form one model. Never half: either a model or errors. */
void template_build(const struct template_source *sources, size_t count,
                    const struct build_env *env, struct build_result *ret_result);
/* Human text of `openalb check`: what would be built. */
void model_describe(const struct model *m, struct buf *out);
