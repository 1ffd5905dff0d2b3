/* SPDX-License-Identifier: Apache-2.0
 * Between the files of the plan. */
#pragma once

#include "base/limits.h"
#include "doctor/engine.h"

struct planner {
    const struct facts *f;      /* borrowed */
    const struct question *q;   /* of the facts */
    const struct wish *running; /* borrowed */
    size_t running_count;
    struct wish *out; /* borrowed: WISHES_MAX */
    size_t count;
    struct addr site[LIMIT_DOCTOR_ADDRESSES];
    size_t site_count;
    bool names_pending;        /* the site's addresses are not known yet */
    const struct result *open; /* the first T1 that succeeded; NULL: none yet */
};

enum { PLAN_HTTP = 80, PLAN_HTTPS = 443 };

/* Adds the wish unless it was wished before or an option leaves it out. */
void plan_push(struct planner *p, const struct wish *w);
/* Label of the R3 that asks for a Location as it should have been. */
#define HOP_MENDED "mended"
/* Redirects, hop by hop. */
void plan_hops(struct planner *p);

/* ---- wishes ---- */
/* One probe at one address, in the name of the site. */
void plan_push_at(struct planner *p, enum probe probe, enum side side, const struct addr *at);
void plan_push_question(struct planner *p, enum probe probe, const char *name,
                        const struct addr *resolver);

/* ---- what is known (plan_seen.c) ---- */
/* Has it ended, or is it late? */
bool plan_has_result(const struct facts *f, const struct wish *w);
bool plan_is_running(const struct planner *p, enum probe probe, enum side side);
/* The result at the first open address; NULL: not yet. */
const struct result *plan_at_first(const struct planner *p, enum probe probe);

/* What H1 (or another hello) met. */
enum met {
    MET_PENDING,
    MET_TLS,       /* a handshake that a browser would go on with */
    MET_OLD,       /* TLS 1.1 or older */
    MET_ODD_GROUP, /* a curve that browsers do not have */
    MET_ALERT,     /* version, cipher suite or another alert that has no row of its own */
    MET_ALERT_NAME,
    MET_ALERT_ALPN,
    MET_ALERT_CERTIFICATE,
    MET_SILENCE,
    MET_DROPPED, /* FIN or RST without an answer */
    MET_HTTP,
    MET_OTHER,
    MET_COUNT
};
enum met plan_met(const struct result *r);
bool plan_has_problem(const struct result *r, enum chain_problem_kind kind);
bool plan_name_mismatches(const struct result *r);
unsigned plan_status(const struct result *r); /* 0: no HTTP answer */

/* ---- topics ---- */
/* The URL has a name, and DNS is to be asked for it. */
bool plan_has_name(const struct question *q);
void plan_local(struct planner *p);
void plan_lookup(struct planner *p);
void plan_resolvers(struct planner *p);
void plan_zone(struct planner *p);
void plan_unchecked(struct planner *p);
void plan_wildcard(struct planner *p);
void plan_lb_name(struct planner *p);
void plan_ptr(struct planner *p);
void plan_proxy(struct planner *p);
/* Doubts: plan_doubts.c. */
void plan_hello_doubts(struct planner *p);
void plan_handshake_doubts(struct planner *p);
void plan_plain_doubts(struct planner *p);
void plan_issuer(struct planner *p);
void plan_certificate_doubts(struct planner *p);
void plan_answer_doubts(struct planner *p);
void plan_resumption(struct planner *p);
void plan_plain_port(struct planner *p);
void plan_repetition(struct planner *p);
