/* SPDX-License-Identifier: Apache-2.0
 * What the files of the delivery check share: the requests, the points, the corrected policy. */
#pragma once

#include "policy/delivery.h"

enum { DELIVERY_KEYS_MAX = 32, DELIVERY_REQUESTS = 2 };

/* The two objects that are written: the test file, then a log file. */
enum delivery_object { DELIVERY_TEST_OBJECT, DELIVERY_LOG_OBJECT };

/* One caller's view: its keys and the texts that they point to. */
struct delivery_context {
    const struct delivery_question *q;
    const char *elb_account; /* NULL: judge the service */
    char source_arn[512];
    char resource[DELIVERY_REQUESTS][1280];
    struct policy_key keys[DELIVERY_KEYS_MAX];
    struct str values[DELIVERY_KEYS_MAX];
    size_t key_count;
    char caller_arn[64];
};
void delivery_context_make(const struct delivery_question *q, const struct policy *p,
                           const char *elb_account, struct delivery_context *ret_context);
void delivery_request(const struct delivery_context *c, enum delivery_object which,
                      struct policy_request *ret_request);
/* What one caller is told, and why. */
struct delivery_judged {
    struct delivery_context context;
    struct policy_trace trace;
    struct policy_decision decision;
    enum delivery_object which;
};
/* Judges the callers of the region (the service first) and returns the index of the best one, whose
 * result counts: the better answer, else the one nearer to an Allow. The trace points into the
 * policy. */
size_t delivery_judge(const struct policy *p, const struct delivery_question *q,
                      struct delivery_judged items[static DELIVERY_CALLERS_MAX], size_t *ret_count);
/* The Allow statement that comes nearest, by what misses in it; -1: none. */
int delivery_nearest_allow(const struct policy *p, const struct delivery_judged *judged);

/* Appends a row of points.def; what does not fit the list is dropped. */
struct delivery_point *delivery_add_point(struct delivery_report *r, enum delivery_point_name name,
                                          unsigned statement, unsigned line);
void delivery_point_set(char *to, size_t size, struct str value);

/* delivery_resource.c: why these resources do not cover both objects. */
void delivery_explain_resource(struct delivery_report *r, const struct delivery_context *c,
                               const struct policy_statement *s, unsigned statement,
                               struct str nearest);

/* delivery_points.c */
void delivery_explain(struct delivery_report *r, const struct policy *p,
                      const struct delivery_judged *judged);
void delivery_warn(struct delivery_report *r, const struct policy *p,
                   const struct delivery_context *c);

/* delivery_fix.c: fills `corrected` and `original`. `policy` NULL: the text is none. */
void delivery_fix(struct delivery_report *r, struct str json, const struct delivery_question *q,
                  const struct policy *policy);
