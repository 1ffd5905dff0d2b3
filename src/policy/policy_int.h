/* SPDX-License-Identifier: Apache-2.0
 * Inside the policy reader and evaluator: the scanned text, and what a policy is made of. */
#pragma once

#include "policy/policy.h"

/* ---- scan.c: where everything stands ---- */

enum policy_kind {
    POLICY_OBJECT,
    POLICY_LIST,
    POLICY_TEXT,
    POLICY_NUMBER,
    POLICY_TRUE,
    POLICY_FALSE,
    POLICY_NULL,
};
/* One JSON value. All values stand in one array in the order of the text, a list or object before
 * what is in it. */
struct policy_node {
    enum policy_kind kind;
    struct str key;         /* name, if it is a member; set by read.c, borrowed from jansson */
    struct str text;        /* a text: without escapes, likewise; else as it stands in the source */
    size_t at, end;         /* byte offsets in the source */
    size_t key_at, key_end; /* of the name with its quotation marks */
    size_t next;            /* index of the node behind this one and all that is in it */
};
struct policy_scan {
    struct str source;         /* borrowed */
    size_t start;              /* offset of the first '{' */
    struct policy_node *nodes; /* owned */
    size_t count, cap;
    enum policy_fault fault; /* POLICY_FAULT_NONE: the source is JSON */
    size_t fault_at;
    struct str value; /* of the fault, in the source */
};
/* `source` and `start` are given: the byte at `start` is '{'. Reads one object strictly as RFC 8259
 * says, up to the first fault. The caller frees `nodes`. */
void policy_scan(struct policy_scan *s);

/* Line and column in characters, from 1; a byte-order mark is none. */
void policy_position(struct str source, size_t at, unsigned *ret_line, unsigned *ret_column);

/* ---- operators ---- */

enum policy_family {
    POLICY_FAMILY_STRING,
    POLICY_FAMILY_STRING_FOLD,
    POLICY_FAMILY_STRING_LIKE,
    POLICY_FAMILY_NUMBER,
    POLICY_FAMILY_DATE,
    POLICY_FAMILY_BOOL,
    POLICY_FAMILY_BINARY,
    POLICY_FAMILY_IP,
    POLICY_FAMILY_ARN,
    POLICY_FAMILY_NULL,
    POLICY_FAMILY_COUNT
};
enum policy_relation { POLICY_EQ, POLICY_LT, POLICY_LE, POLICY_GT, POLICY_GE };
struct policy_operator {
    struct str name;
    enum policy_family family;
    enum policy_relation relation;
    bool negated;
};
enum policy_set { POLICY_SET_NONE, POLICY_SET_ALL, POLICY_SET_ANY };
/* An operator as it is written, taken apart. */
struct policy_test {
    const struct policy_operator *op;
    enum policy_set set;
    bool if_exists;
};
bool policy_test_parse(struct str written, struct policy_test *ret_test);
/* Can a value of a policy ever match? Text of strings and ARNs always can. */
bool policy_test_suits(const struct policy_test *t, struct str value);

/* ---- the policy ---- */

struct policy {
    bool variables;
    struct policy_statement *statements; /* owned, as are all below; statements point into them */
    size_t statement_count;
    struct policy_principal *principals;
    struct policy_condition *conditions;
    struct policy_test *tests; /* of the condition with the same index */
    struct str *strings;
    char *bytes;
    size_t principal_count, condition_count, string_count, byte_count; /* used of the above */
};

/* What one reading hands around. */
struct policy_reading {
    const struct policy_scan *scan;
    const struct policy_scope *scope;
    struct policy *policy;
    struct policy_problems *problems;
    unsigned statement; /* that is being read, from 1; 0: none */
};
enum { POLICY_NOWHERE = -1 };
/* Adds a problem while there is room. `at`: byte offset, or POLICY_NOWHERE. */
void policy_problem(struct policy_reading *r, enum policy_fault fault, const char *element,
                    ssize_t at, struct str value);
/* The whole document; reports problems in the order of S3's checks. */
void policy_read_document(struct policy_reading *r);

/* fit.c: checks one action or resource, reports what is wrong; and what they are good for. */
enum policy_takes { POLICY_TAKES_OBJECT = 1, POLICY_TAKES_BUCKET = 2 };
void policy_check_action(struct policy_reading *r, const struct policy_node *node,
                         const char *element);
void policy_check_resource(struct policy_reading *r, const struct policy_node *node,
                           const char *element);
unsigned policy_action_takes(struct str action); /* both if it is not known */
unsigned policy_resource_is(struct str resource);

/* principal.c: checks one principal, reports what is wrong. */
void policy_check_principal(struct policy_reading *r, enum policy_principal_kind kind,
                            const struct policy_node *node, const char *element);
bool policy_account_is(struct str id); /* 12 digits */
/* Does a principal mean the caller? `allow`: of an Allow statement. */
enum policy_truth policy_principal_match(const struct policy_principal *p,
                                         const struct policy_caller *caller, bool allow);
/* The whole element, also NotPrincipal. */
enum policy_truth policy_principals_match(const struct policy_statement *s,
                                          const struct policy_caller *caller,
                                          const struct policy_principal **ret_matched);

/* ---- deciding ---- */

/* What one decision hands around. */
struct policy_case {
    const struct policy *policy;
    const struct policy_request *request;
    uint64_t work;            /* comparisons of bytes so far: the fuzz target bounds it */
    unsigned likenesses_left; /* measures that may still be taken */
    bool pattern_is_plain[LIMIT_POLICY_EXPANDED_MAX];
    char pattern[LIMIT_POLICY_EXPANDED_MAX];
};
/* A text of a policy with its variables filled in. */
struct policy_expansion {
    enum policy_truth known; /* NO: it matches nothing; UNKNOWN: `key` decides */
    struct str text;
    const bool *plain; /* per byte: not a wildcard; NULL: `*` and `?` are wildcards everywhere */
    struct str key;
};
/* variables.c; the result lives in `c` until the next call, or in `written`. */
struct policy_expansion policy_expand(struct policy_case *c, struct str written);
const struct policy_key *policy_key_find(const struct policy_request *request, struct str name);

/* wildcard.c; `plain` as in policy_expansion. */
bool policy_wildcard_run(struct str pattern, const bool *plain, struct str text, bool fold,
                         uint64_t *work);
/* How far `text` is from what `pattern` asks for: 0 is a match, about. Bounded. */
size_t policy_unlikeness(struct str pattern, struct str text);

/* condition.c */
enum policy_truth policy_condition_judge(struct policy_case *c,
                                         const struct policy_condition *condition,
                                         struct policy_step *step, struct str *ret_key);

/* policy_decide, which also tells how many bytes it compared. */
void policy_decide_counted(const struct policy *p, const struct policy_request *request,
                           struct policy_trace *ret_trace, struct policy_decision *ret_decision,
                           uint64_t *ret_work);

/* values.c: values of condition families. Each returns false for what is no such value. */
bool policy_number_compare(struct str a, struct str b, int *ret_order);
bool policy_date_parse(struct str text, int64_t *ret_seconds, uint32_t *ret_nanoseconds);
bool policy_base64_is(struct str text);
bool policy_base64_eq(struct str a, struct str b);
struct policy_network {
    unsigned char bytes[16];
    unsigned size; /* 4 or 16 */
    unsigned bits;
};
bool policy_network_parse(struct str text, struct policy_network *ret_network);
bool policy_network_holds(const struct policy_network *network, const struct policy_network *ip);
bool policy_bool_parse(struct str text, bool *ret_value);
