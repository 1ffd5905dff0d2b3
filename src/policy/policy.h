/* SPDX-License-Identifier: Apache-2.0
 * The policy language of AWS's resource policies: reading a policy, and deciding a request by it,
 * with the reasons as a result of their own. Pure: no I/O, no clock, no language. What one policy
 * says is all that is known here; identity policies, organisations, Block Public Access and KMS are
 * named by who asks. log delivery's special questions stand in delivery.h.
 *
 *     struct policy *policy;
 *     struct policy_problems problems;
 *     if (policy_read(json, &scope, &policy, &problems) == ERR_OK) {
 *         struct policy_decision decision;
 *         policy_decide(policy, &request, &trace, &decision);
 *         policy_free(&policy);
 *     }
 *
 * [spec iam-policy.md; IAM: policy evaluation; S3: bucket policies] */
#pragma once

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

/* ---- reading ---- */

/* What is wrong with the text. faults.def holds S3's own message (which may name {value}), our
 * sentence (a message id, with {value}, {element}, {line}, {column}, {limit}) and the catalogue's
 * id. {limit}: LIMIT_POLICY_READ_MAX for not-read, LIMIT_POLICY_DEPTH_MAX for too-deep,
 * LIMIT_POLICY_BYTES_MAX for too-large. */
enum policy_fault {
    POLICY_FAULT_NONE,
#define POLICY_FAULT(NAME, word, id, s3, sentence) POLICY_FAULT_##NAME,
#include "policy/faults.def"
#undef POLICY_FAULT
    POLICY_FAULT_COUNT
};

struct policy_problem {
    enum policy_fault fault;
    unsigned line, column; /* from 1, in characters; 0: not at one place */
    unsigned statement;    /* from 1; 0: not of one */
    const char *element;   /* "Principal"; static; NULL: none; element-misspelt: what was meant */
    char value[128]; /* the offending value, as it stands, cut; may hold any bytes; NUL-ended */
};
struct policy_problems {
    struct policy_problem items[LIMIT_POLICY_PROBLEMS_MAX];
    size_t count; /* in the order of S3's checks: the first is what S3 would say */
};

const char *policy_fault_word(enum policy_fault fault); /* "trailing-comma" */
const char *policy_fault_id(enum policy_fault fault);   /* "IAM-04" */
const char *policy_fault_s3(enum policy_fault fault);   /* "This policy contains invalid Json" */
const char *policy_fault_text(enum policy_fault fault); /* message id */

/* Whose policy it is: resources and partition are held against this. Empty members: not checked. */
struct policy_scope {
    struct str bucket;
    struct str partition; /* "aws", "aws-cn", "aws-us-gov" */
};

struct policy;

/* Reads a bucket policy. ERR_INVALID: it is none, for the reasons in ret_problems (which is also
 * filled with nothing on success). White space or a mark before the first brace is a problem, and
 * what follows is read on. What is no JSON gives one more (the first), everything else all that are
 * found, up to the limit. Text above LIMIT_POLICY_BYTES_MAX (S3's 20 KB) is a
 * problem; above LIMIT_POLICY_READ_MAX it is not looked at. Nothing of `json` is kept. */
enum err policy_read(struct str json, const struct policy_scope *scope, struct policy **ret_policy,
                     struct policy_problems *ret_problems) MUST_USE;
void policy_free(struct policy **policy);

/* ---- looking at it ---- */

enum policy_element {
    POLICY_PRINCIPAL,
    POLICY_ACTION,
    POLICY_RESOURCE,
    POLICY_CONDITION,
    POLICY_ELEMENT_COUNT
};
enum policy_principal_kind {
    POLICY_ANYONE, /* "*" */
    POLICY_AWS,    /* an account, an identity, a session, or "*" */
    POLICY_SERVICE,
    POLICY_FEDERATED,
    POLICY_CANONICAL,
};
struct policy_principal {
    enum policy_principal_kind kind;
    struct str value; /* as written */
};
struct policy_condition {
    struct str op;  /* as written: "ForAnyValue:StringLikeIfExists" */
    struct str key; /* as written */
    const struct str *values;
    size_t count;
};
/* One statement; all strings live as long as the policy. */
struct policy_statement {
    struct str sid; /* empty: none */
    bool allow;     /* else Deny */
    bool not_principal, not_action, not_resource;
    const struct policy_principal *principals;
    size_t principal_count;
    const struct str *actions, *resources;
    size_t action_count, resource_count;
    const struct policy_condition *conditions;
    size_t condition_count;
    unsigned line; /* of its '{', from 1 */
};
size_t policy_statement_count(const struct policy *p);
const struct policy_statement *policy_statement(const struct policy *p, size_t index); /* from 0 */
bool policy_has_variables(const struct policy *p); /* Version 2012-10-17 */

/* ---- deciding ---- */

enum policy_caller_kind {
    POLICY_CALLER_ANONYMOUS,
    POLICY_CALLER_IDENTITY, /* a user, role or session, or an account's root */
    POLICY_CALLER_SERVICE,
};
struct policy_caller {
    enum policy_caller_kind kind;
    struct str arn;     /* identity: "arn:aws:iam::111122223333:user/name" */
    struct str role;    /* session: the ARN of its role; empty otherwise */
    struct str account; /* identity: 12 digits */
    struct str service; /* "logdelivery.elasticloadbalancing.amazonaws.com" */
};

enum policy_presence {
    POLICY_PRESENT, /* the values are known */
    POLICY_MAYBE, /* the request may bring it or not; its values are known only if it lists some */
};
struct policy_key {
    struct str name; /* letter case does not matter */
    enum policy_presence presence;
    const struct str *values;
    size_t count;
    bool many; /* a key that can have many values, even if it has one now */
};
/* Keys that are not listed are absent. All strings are borrowed for the call. */
struct policy_request {
    struct policy_caller caller;
    struct str action;   /* "s3:PutObject" */
    struct str resource; /* "arn:aws:s3:::bucket/key" */
    const struct policy_key *keys;
    size_t key_count;
};

enum policy_truth { POLICY_NO, POLICY_UNKNOWN, POLICY_YES };

enum policy_answer {
    POLICY_IMPLICIT_DENY, /* nothing allows it */
    POLICY_EXPLICIT_DENY,
    POLICY_ALLOW,
    POLICY_DEPENDS, /* on `key` */
};
const char *policy_answer_word(enum policy_answer a); /* "allow" */

/* Why one element of a statement matched or not. */
struct policy_step {
    enum policy_element element;
    enum policy_truth truth;
    /* the value of the policy that decided: the one that matched, else the one most like what was
     * asked; for a condition its first value */
    struct str value;
    struct str asked;                         /* what the request has there; NULL: absent */
    const struct policy_condition *condition; /* NULL if it is none */
};
/* Of one statement. Every element is looked at, also after one that missed. */
struct policy_reason {
    enum policy_truth truth; /* of the whole statement */
    unsigned missed;         /* steps that are POLICY_NO */
    struct policy_step steps[LIMIT_POLICY_STEPS_MAX];
    /* principal, action, resource, then each condition; where they are too many for the trace, the
     * last place goes to one that missed */
    size_t step_count;
};
struct policy_trace {
    struct policy_reason items[LIMIT_POLICY_STATEMENTS_MAX];
    size_t count; /* statements, in their order */
};

struct policy_decision {
    enum policy_answer answer;
    int statement; /* that decides, from 0; implicit deny: the nearest Allow; -1: there is none */
    /* POLICY_DEPENDS: the key whose presence or value decides, as the policy writes it, or
     * "Principal" where it cannot be known whether one means the caller; else empty. Lives as long
     * as the policy. */
    struct str key;
};

/* Never allocates, never fails; the time is bounded by the size of policy and request (wildcards
 * cost pattern times text at most). ret_trace may be NULL. */
void policy_decide(const struct policy *p, const struct policy_request *request,
                   struct policy_trace *ret_trace, struct policy_decision *ret_decision);

/* `*` any run, `?` one character (byte), all else itself; `fold`: ASCII letters fold. */
bool policy_wildcard_match(struct str pattern, struct str text, bool fold);
