/* SPDX-License-Identifier: Apache-2.0
 * May an Application Load Balancer write its logs into a bucket with this policy? The requests that
 * it makes, by region and kind of log; what the policy says of each; what exactly is wrong, as rows
 * of points.def; and a policy that is right. It knows no bucket and reads no file: what cannot be
 * seen in a policy is listed as not examined. Sentences are message ids; nothing is translated
 * here. [spec access-logs.md 3, 6; tool-rulings.md 24-26]
 *
 *     struct delivery_report report;
 *     if (delivery_check(json, &question, &report, &problem) == ERR_OK) {
 *         ... report.answer, report.points, report.corrected ...
 *         delivery_report_done(&report);
 *     } */
#pragma once

#include "base/buf.h"
#include "policy/policy.h"
#include "text/text.h"

enum delivery_log { DELIVERY_ACCESS, DELIVERY_CONNECTION, DELIVERY_HEALTH, DELIVERY_LOG_COUNT };
/* "access", "connection", "health-check"; false if there is no such log. */
bool delivery_log_parse(struct str word, enum delivery_log *ret_log);
const char *delivery_log_word(enum delivery_log log);

/* What is to be written where; all strings borrowed. */
struct delivery_question {
    struct str bucket;
    struct str prefix;  /* without slashes at its ends; may be empty */
    struct str account; /* 12 digits: of the load balancer's owner */
    struct str region;  /* "eu-central-1" */
    enum delivery_log log;
    struct str org; /* "o-..."; empty: not known */
};
/* ERR_INVALID with a sentence that says what would be allowed. */
enum err delivery_question_check(const struct delivery_question *q, struct errinfo *reterr)
    MUST_USE;

/* ---- facts ---- */

extern const char delivery_service[]; /* "logdelivery.elasticloadbalancing.amazonaws.com" */
/* The account that delivered in regions older than August 2022; NULL: the region never had one. */
const char *delivery_elb_account(struct str region);
/* The region of such an account; NULL: it is none. */
const char *delivery_elb_region(struct str account);
const char *delivery_partition(struct str region);     /* "aws", "aws-cn", "aws-us-gov" */
const char *delivery_test_file(enum delivery_log log); /* "ELBAccessLogTestFile" */
/* The ARN of all objects in the folder PREFIX/AWSLogs/ACCOUNT of the bucket. */
void delivery_resource(struct buf *out, const struct delivery_question *q);

/* ---- the check ---- */

enum delivery_answer {
    DELIVERY_ALLOW,
    DELIVERY_DENY,
    DELIVERY_NO_POLICY, /* S3 would not take it */
    DELIVERY_DEPENDS,
};
const char *delivery_answer_word(enum delivery_answer answer); /* "allow" ... "no policy" */

enum delivery_level { DELIVERY_ERROR, DELIVERY_WARNING, DELIVERY_NOTE };
const char *delivery_level_word(enum delivery_level level); /* "error" */

/* What is wrong, or should not be: rows of points.def. */
enum delivery_point_name {
#define POINT(NAME, word, id, level, sentence, advice) DELIVERY_##NAME,
#include "policy/points.def"
#undef POINT
    DELIVERY_POINT_COUNT
};
struct delivery_point {
    enum delivery_point_name name;
    enum policy_fault fault; /* DELIVERY_FAULT: what the text's fault is; else none */
    const char *word, *id;   /* "resource-prefix", "IAM-01" */
    enum delivery_level level;
    const char *sentence, *advice; /* message ids; advice may be "" */
    unsigned statement;            /* from 1; 0: none */
    unsigned line, column;         /* from 1; 0: not at one place */
    char have[256], want[256];     /* {have}, {want} of the sentences; any bytes; NUL-ended */
    char key[128];                 /* {key}: of a condition */
    char other[64];                /* {other}: a region, a kind of log */
};

/* How one caller fared. */
struct delivery_caller {
    const char *who; /* the service's name, or the account's id */
    bool service;
    enum policy_answer answer; /* the worse one to its two requests: test file, log file */
    int statement;             /* that decides, from 0; -1: none */
    bool test_file;            /* it is the test file's */
};

enum { DELIVERY_POINTS_MAX = 64, DELIVERY_CALLERS_MAX = 2 };
struct delivery_report {
    enum delivery_answer answer;
    struct delivery_caller callers[DELIVERY_CALLERS_MAX]; /* none for DELIVERY_NO_POLICY */
    size_t caller_count;
    size_t best;                                       /* index of the caller whose result counts */
    int statement;                                     /* that decides for it, from 0; -1: none */
    unsigned line;                                     /* where it begins, from 1; 0: nowhere */
    char sid[128];                                     /* empty: it has none */
    char key[128];                                     /* DELIVERY_DEPENDS */
    char resource[1280];                               /* of the request that counts */
    struct delivery_point points[DELIVERY_POINTS_MAX]; /* errors first, then by statement */
    size_t point_count;
    struct buf corrected; /* owned: a policy that allows it; empty: nothing has to change */
    struct buf
        original; /* owned: the policy in the same form, for a diff; empty if it is no JSON */
};

enum err delivery_check(struct str json, const struct delivery_question *q,
                        struct delivery_report *ret_report, struct errinfo *reterr) MUST_USE;
void delivery_report_done(struct delivery_report *report);

/* The values of a point's sentences, for text_fill: have, want, key, other, line, column, and for a
 * fault of the text value, element and limit. */
enum { DELIVERY_ARGS = 9, DELIVERY_NUMBERS = 64 };
size_t delivery_point_args(const struct delivery_point *point,
                           char numbers[static DELIVERY_NUMBERS],
                           struct text_arg args[static DELIVERY_ARGS]);

/* ---- what no policy shows ---- */

/* Rows of unseen.def: further causes of the same refusal that are not in a policy. */
struct delivery_unseen {
    const char *id, *sentence, *look; /* "IAM-05", message id, a command to look with */
};
size_t delivery_unseen_count(void);
const struct delivery_unseen *delivery_unseen_at(size_t index);

/* ---- a right policy ---- */

enum delivery_form { DELIVERY_JSON, DELIVERY_CLOUDFORMATION, DELIVERY_TERRAFORM };
void delivery_make(struct buf *out, const struct delivery_question *q, enum delivery_form form);

/* A unified diff of two texts, without file names: lines that begin with ' ', '-' or '+', and
 * "@@ -a,b +c,d @@". Texts of more than LIMIT_POLICY_DIFF_LINES lines give a diff of all lines. */
void delivery_diff(struct buf *out, struct str before, struct str after);
