/* SPDX-License-Identifier: Apache-2.0
 * What the files of the resolver share. resolve.c walks the sections and keeps the order;
 * parameters.c gives parameters their values; resources.c reads and drops resources; values.c
 * resolves values; functions.c has the functions that give values, conditions.c those that give
 * true or false; names.c checks the names in what is dropped. Resources and conditions are resolved
 * when first asked for, so that a value is complete before it is used, and circles are found on the
 * way. */
#pragma once

#include "template/template_int.h"

enum {
    /* Levels of values inside values, followed through conditions and resources: bounds our stack.
     */
    RESOLVE_DEPTH_MAX = 1024,
    /* Text made by all functions together: a short template must not make an endless one. */
    RESOLVE_TEXT_MAX = 16 * LIMIT_TEMPLATE_BYTES_MAX,
    PARAMETER_BYTES_MAX = 4096, /* CloudFormation: a parameter's value */
};

/* NOTHING is AWS::NoValue: who holds the value removes it. BAD: an error was added, by whoever
 * found it first; do not add another. */
enum outcome { OUTCOME_VALUE, OUTCOME_NOTHING, OUTCOME_BAD };

enum progress { PROGRESS_NEW, PROGRESS_NOW, PROGRESS_DONE, PROGRESS_BAD };

struct parameter {
    struct str name;
    bool bad;
    bool secret; /* NoEcho */
    bool list;
    struct str text;   /* not list */
    struct str *items; /* list */
    size_t item_count;
};

struct named_condition {
    struct node_entry *entry;
    enum progress progress;
    bool value;
};

struct resource {
    struct node_entry entry; /* a copy: dropped ones leave the section */
    struct str condition;    /* empty: none */
    bool dropped;
    enum progress progress;
    struct tree_resource *kept; /* NULL when dropped or broken */
};

/* Whom we are resolving, innermost first: the path of a circle. */
struct visit {
    struct str name;
    struct visit *outer;
};

struct resolver {
    struct tree *tree;
    const struct resolve_env *env;
    struct template_errors *errors;
    struct node *mappings; /* sections; NULL when absent */
    struct parameter *parameters;
    size_t parameter_count;
    struct named_condition *conditions;
    size_t condition_count;
    struct resource *resources;
    size_t resource_count;
    struct visit *visit; /* resources, or conditions, on the way */
    size_t depth;
    bool in_conditions; /* resources have no values yet */
};

/* ---- functions ---- */
enum function_kind { FUNCTION_VALUE, FUNCTION_TRUTH, FUNCTION_NOT_YET };
struct call;
typedef enum outcome function_value_fn(struct resolver *r, const struct call *c, struct node *ret);
typedef bool function_truth_fn(struct resolver *r, const struct call *c, bool *ret);

/* functions.c */
function_value_fn function_ref, function_get_att, function_sub, function_join, function_select,
    function_split, function_if, function_find_in_map, function_base64;
/* conditions.c */
function_truth_fn truth_equals, truth_and, truth_or, truth_not, truth_condition;

struct function {
    struct str tag; /* of the short form, without "!" */
    struct str key; /* of the long form, and its name in messages */
    enum function_kind kind;
    function_value_fn *value; /* FUNCTION_VALUE */
    function_truth_fn *truth; /* FUNCTION_TRUTH */
    size_t least, most;
    const char *needs;
};

struct call {
    const struct function *function;
    struct node *whole; /* the function's node: where it stands */
    struct node *arg;   /* its argument, without tag */
};

const struct function *function_by_tag(struct str tag);
struct str function_nearest_tag(struct str tag);

/* Is `n` a function? OUTCOME_VALUE: yes, *ret_call is filled; NOTHING: no; BAD: not a sound one. */
enum outcome call_read(struct resolver *r, struct node *n, struct call *ret_call);
/* The same where true or false is wanted: {Condition: name} is a function there. */
enum outcome call_read_truth(struct resolver *r, struct node *n, struct call *ret_call);
bool call_arity(struct resolver *r, const struct call *c);

/* ---- values ---- */
/* Resolves in place; an empty entry or item below is taken out, the top is the caller's. */
enum outcome value_resolve(struct resolver *r, struct node *n);
/* The text of a scalar that must be written out; false after an error ("the Type of ..."). */
bool literal_read(struct resolver *r, const struct node *n, const char *what, struct str *ret);
bool depth_enter(struct resolver *r, const struct node *at);

/* ---- names ---- */
struct parameter *parameter_find(struct resolver *r, struct str name);
struct named_condition *condition_find(struct resolver *r, struct str name);
struct resource *resource_find(struct resolver *r, struct str name);
/* The text of a pseudo parameter; false when it is none, or one without a text. */
bool pseudo_value(const struct resolver *r, struct str name, struct str *ret);
/* Each adds "unknown ..." with the nearest name and returns false when there is none. */
bool ref_known(struct resolver *r, const struct node *at, struct str name);
bool resource_known(struct resolver *r, const struct node *at, struct str name);
bool condition_known(struct resolver *r, const struct node *at, struct str name);
bool mapping_known(struct resolver *r, const struct node *at, struct str name);
/* All of these in a branch that is dropped: it must be right on the day it is not. */
void names_check(struct resolver *r, struct node *n);

/* The next variable of Fn::Sub: text up to it in *ret_before, its name in *ret_name ("!" in front:
 * literal); false when there is none, or with *ret_open when "${" is not closed. */
bool sub_next(struct str *rest, struct str *ret_before, struct str *ret_name, bool *ret_open);

/* ---- parts ---- */
/* A field that a map of the template may have. */
struct field {
    struct str name;
    bool not_yet;
};
/* Adds an error for each field that is not in the table. */
void fields_check(struct resolver *r, const struct node *map, const struct field *fields,
                  size_t count, const char *whose);

void parameters_read(struct resolver *r, const struct node *section);
bool condition_value(struct resolver *r, const struct node *at, struct str name, bool *ret);
/* Any condition: a function that gives true or false. False after an error. */
bool truth_resolve(struct resolver *r, struct node *n, bool *ret);
/* Value of a resource or its attribute, resolved before it is asked. */
enum outcome resource_ask(struct resolver *r, const struct node *at, struct str name,
                          struct str attribute, struct node *ret);
/* All resources get their names; then, with conditions known, those that are created are read and
 * the others leave the section; then they are resolved. */
void resources_list(struct resolver *r, struct node *section);
void resources_read(struct resolver *r, struct node *section);
void resources_resolve(struct resolver *r);
/* The Condition field of a resource or output: *ret_holds without one is true. False after an
 * error. */
bool condition_field(struct resolver *r, const struct node *map, struct str *ret_name,
                     bool *ret_holds);
/* An error at a key: before 'KEY' after. */
void entry_error(struct resolver *r, const struct node_entry *entry, const char *before,
                 const char *after, const char *hint);
/* Is it a map and no function? Otherwise an error: "WHAT must be a map". */
bool plain_map(struct resolver *r, const struct node *n, const char *what);
/* The circle that `name` closes: "A -> B -> A", in the tree's memory. */
const char *circle_text(struct resolver *r, struct str name);

/* ---- patterns: AllowedPattern is a Java expression; what POSIX cannot say is refused ---- */
struct pattern;
/* NULL with the reason in *ret_why (static text). */
struct pattern *pattern_new(struct str java, const char **ret_why);
/* Does the pattern describe the whole value? */
bool pattern_fits(const struct pattern *p, struct str value);
void pattern_free(struct pattern **p);
