/* SPDX-License-Identifier: Apache-2.0
 * From facts to findings: a pure function. No I/O, no clock, nothing of this machine.
 *
 * infer() runs every rule of every layer (infer_<layer>.c: one small function per row of
 * findings.def, all of them listed in one table per file), then arranges what they found
 * (infer.c): contradictions out, lowest broken layer first, its consequences marked, counter-probes
 * attached, layers judged [doctor-faults 3, rulings 2, 5, 11].
 *
 * How sure: PROVED when a probe shows the fault's bytes and the counter-probe succeeds, or nothing
 * else can give these bytes; LIKELY when the bytes fit and the alternatives are excluded or named;
 * POSSIBLE otherwise. There is no number anywhere. */
#pragma once

#include "base/buf.h"
#include "doctor/facts.h"

enum finding_id {
#define FINDING(id, name, layer, severity, sight, cause, evidence, rules_out, decider) FINDING_##id,
#include "doctor/findings.def"
#undef FINDING
    FINDING_COUNT,
    FINDING_NONE = FINDING_COUNT,
};

enum severity { SEVERITY_FAULT, SEVERITY_WARNING, SEVERITY_NOTE };
enum confidence { CONFIDENCE_PROVED, CONFIDENCE_LIKELY, CONFIDENCE_POSSIBLE };

enum sight_id {
#define SIGHT(name, chromium, page, firefox, safari, curl, openssl) SIGHT_##name,
#include "doctor/sights.def"
#undef SIGHT
    SIGHT_COUNT
};

enum evidence_id {
    EVIDENCE_MAIN, /* the finding's own sentence of findings.def */
#define EVIDENCE(name, sentence) EVIDENCE_##name,
#include "doctor/evidence.def"
#undef EVIDENCE
    EVIDENCE_COUNT
};

enum tool {
#define TOOL(name, json, title) TOOL_##name,
#include "doctor/tools.def"
#undef TOOL
    TOOL_COUNT
};

/* The rows. All sentences are msgids. */
struct finding_row {
    const char *id; /* "DNS-01" */
    enum layer layer;
    enum severity severity;
    enum sight_id sight;
    const char *cause, *evidence, *rules_out, *decider;
};
const struct finding_row *finding_row(enum finding_id id);
bool finding_find(struct str id, enum finding_id *ret_id); /* "DNS-01", ignoring case */

struct sight_row {
    const char *chromium, *page, *firefox, *safari, *curl, *openssl; /* "a | b": alternatives */
};
const struct sight_row *sight_row(enum sight_id id);
const char *evidence_sentence(enum finding_id finding, enum evidence_id id); /* msgid */

struct sibling_row {
    const char *id, *what, *proof;
};
const struct sibling_row *sibling_row(const char *id); /* NULL: it is a finding of its own */

/* Remedies of a finding: fixes.def. */
struct fix_row {
    enum finding_id finding;
    enum tool tool;
    const char *text;    /* msgid: what to do */
    const char *command; /* with {placeholders}; not translated; "" none */
};
size_t fix_rows(enum finding_id id,
                const struct fix_row **ret_rows); /* in the order of the table */

/* Values for the placeholders, as raw bytes: whoever prints them escapes them. */
enum { ARGS_MAX = 24 };
struct args {
    struct {
        const char *key;
        char *value; /* owned */
        size_t n;
        bool msgid; /* the value is a sentence of ours: tr() it before it is filled in */
    } items[ARGS_MAX];
    size_t count;
};
void args_set(struct args *a, const char *key, struct str value); /* replaces */
void args_setf(struct args *a, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void args_say(struct args *a, const char *key, const char *msgid); /* a sentence as a value */
struct str args_get(const struct args *a, const char *key);        /* p NULL: absent */
void args_done(struct args *a);

struct evidence {
    enum evidence_id id;
    const struct result *result; /* borrowed from the facts; NULL: none */
    struct args args;            /* before the finding's own */
    bool contrary;               /* shows the opposite case: what works */
    /* What {what} in the sentence becomes when it is said: one of the two, or neither. */
    const struct log_mark *mark; /* borrowed from the facts: what its line says */
    const char *what;            /* msgid, filled with args */
};

/* What was done to see whether the mended thing would work. */
enum counter { COUNTER_NONE, COUNTER_WORKS, COUNTER_FAILS, COUNTER_NOT_RUN, COUNTER_COUNT };

enum { FINDING_EVIDENCE_MAX = 8, FINDING_SIBLINGS_MAX = 8, FINDING_REMARKS_MAX = 8 };
struct finding {
    enum finding_id id;
    enum severity severity;
    enum confidence confidence;
    enum layer layer; /* usually the row's */
    unsigned order;   /* within a layer: what clients show first has the lowest */
    enum sight_id sight;
    struct args args;
    struct evidence evidence[FINDING_EVIDENCE_MAX];
    size_t evidence_count;
    enum finding_id consequence_of;
    enum counter counter;
    const struct result *counter_result;        /* borrowed; NULL: not run */
    const char *counter_text;                   /* msgid, filled with args: what was tried; NULL */
    const char *siblings[FINDING_SIBLINGS_MAX]; /* ids that look the same; static */
    size_t sibling_count;
    const struct webconf_remark
        *remarks[FINDING_REMARKS_MAX]; /* borrowed: file, line, correction */
    size_t remark_count;
    const char *note; /* msgid, filled with args: one more sentence; NULL */
};

enum layer_state {
    LAYER_NOT_EXAMINED,
    LAYER_OK,
    LAYER_FAULT,
    LAYER_WARNING,
    LAYER_OK_BEYOND /* fine, seen past the fault (through the load balancer) */
};

enum verdict { VERDICT_OK, VERDICT_FAULT, VERDICT_WARNING, VERDICT_UNKNOWN, VERDICT_ERROR };

struct findings {
    struct finding *items; /* owned: faults lowest layer first, then warnings, then notes */
    size_t count, cap;
    enum verdict verdict; /* VERDICT_ERROR: no facts at all */
    enum layer_state layers[LAYER_COUNT];
    /* The best answer that was seen through the URL itself, for the head of a report. */
    const struct result *answer; /* borrowed; NULL */
    bool out_of_time;            /* the deadline came before a verdict */
};

void infer(const struct facts *f, struct findings *ret);
void findings_done(struct findings *f);
/* items[0] when it is a fault or a warning; NULL otherwise. */
const struct finding *findings_first(const struct findings *f);
/* Exit code of a run [doctor-peers 5.5]. */
int findings_exit_code(const struct findings *f, bool strict);
const char *layer_json(enum layer l);
const char *layer_title(enum layer l); /* msgid */

/* ---- for the rules (infer_*.c) ---- */
struct judge {
    const struct facts *f;
    struct findings *out;
};
typedef void rule_fn(struct judge *j);
/* A new finding with the row's layer, severity and sight and the arguments host, port, url, lb,
 * path-free; the pointer is good until the next finding_new. */
struct finding *finding_new(struct judge *j, enum finding_id id, enum confidence c);
/* Adds the sentence; `r` may be NULL. Beyond FINDING_EVIDENCE_MAX it is dropped. Returns its args,
 * never NULL; {address}, {server}, {status}, {ms}, {seconds}, {bytes} are filled from `r`. */
struct args *finding_evidence(struct finding *f, enum evidence_id id, const struct result *r);
struct args *finding_contrary(struct finding *f, enum evidence_id id, const struct result *r);
/* The last evidence that was added; NULL: there is none. */
struct evidence *finding_last_evidence(struct finding *f);
void finding_sibling(struct finding *f, const char *id);
void finding_counter(struct finding *f, enum counter c, const struct result *r, const char *text);
/* Attaches the remarks of --server-config that bear this finding's id. */
void finding_remarks(struct judge *j, struct finding *f);
bool judge_has(const struct judge *j, enum finding_id id);            /* found so far */
struct finding *judge_get(const struct judge *j, enum finding_id id); /* NULL: not found */
/* The wrong machine answers, or one of several: what users see is what that machine does. */
bool finding_is_stray(enum finding_id id);
/* The question's layers that were asked for (--check). */
bool judge_wants(const struct judge *j, enum layer l);

extern rule_fn *const client_rules[],
    *const dns_rules[], *const tcp_rules[], *const tls_rules[],
                                                *const certificate_rules[],
                                                    *const http_rules[],
                                                        *const redirect_rules[],
                                                            *const target_rules[],
                                                                *const log_rules[],
                                                                    *const policy_rules[];
