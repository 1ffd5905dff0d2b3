/* SPDX-License-Identifier: Apache-2.0
 * The plan where something is in doubt: which further hellos, handshakes and requests tell causes
 * apart. */
#include "doctor/engine_int.h"
#include "doctor/plan_int.h"

/* ---- doubts about the handshake ---- */

enum { DOUBTS_MAX = 8 };
static const enum probe hello_doubts[MET_COUNT][DOUBTS_MAX] = {
    /* PROBE_L1 (0) ends a row */
    [MET_OLD] = {PROBE_H7, PROBE_H8, PROBE_H9, PROBE_HW},
    [MET_ODD_GROUP] = {PROBE_HW},
    [MET_ALERT] = {PROBE_H7, PROBE_H8, PROBE_H9, PROBE_HW, PROBE_H2},
    [MET_ALERT_NAME] = {PROBE_H4, PROBE_H5, PROBE_C4},
    [MET_ALERT_ALPN] = {PROBE_HA, PROBE_HB, PROBE_HN},
    [MET_ALERT_CERTIFICATE] = {PROBE_H7, PROBE_HW},
    [MET_SILENCE] = {PROBE_P2, PROBE_HW, PROBE_H2, PROBE_HM, PROBE_H3, PROBE_H4, PROBE_H7},
    [MET_DROPPED] = {PROBE_P2, PROBE_HW, PROBE_H2, PROBE_HP, PROBE_H3, PROBE_H4, PROBE_H7},
    [MET_OTHER] = {PROBE_P2, PROBE_H2},
};

static void
push_doubts(struct planner *p, enum met m)
{
    for (size_t i = 0; i < DOUBTS_MAX && hello_doubts[m][i] != PROBE_L1; i++) {
        plan_push_at(p, hello_doubts[m][i], SIDE_SITE, &p->open->at);
    }
}

void
plan_hello_doubts(struct planner *p)
{
    if (p->open == NULL || p->q->scheme != SCHEME_HTTPS) {
        return;
    }
    enum met m = plan_met(plan_at_first(p, PROBE_H1));
    push_doubts(p, m);
    if (m == MET_ALERT_NAME && facts_lb_name(p->f)[0] != '\0') {
        plan_push_at(p, PROBE_H6, SIDE_SITE, &p->open->at);
    }
}

/* The hello was answered, and yet the handshake did not end well. */
void
plan_handshake_doubts(struct planner *p)
{
    const struct result *r1 = plan_at_first(p, PROBE_R1);
    if (r1 == NULL || p->q->scheme != SCHEME_HTTPS ||
        plan_met(plan_at_first(p, PROBE_H1)) != MET_TLS || (r1->seen != NULL && r1->seen->done)) {
        return;
    }
    plan_push_at(p, PROBE_H7, SIDE_SITE, &p->open->at);
    plan_push_at(p, PROBE_HW, SIDE_SITE, &p->open->at);
    if (r1->outcome == OUTCOME_TIMEOUT) {
        plan_push_at(p, PROBE_HM, SIDE_SITE, &p->open->at);
        plan_push_at(p, PROBE_H2, SIDE_SITE, &p->open->at);
    }
}

/* http:// and no answer: is there anybody at all? */
void
plan_plain_doubts(struct planner *p)
{
    const struct result *p1 = plan_at_first(p, PROBE_P1);
    if (p->q->scheme == SCHEME_HTTP && p1 != NULL && plan_status(p1) == 0) {
        plan_push_at(p, PROBE_P2, SIDE_SITE, &p->open->at);
    }
}

/* ---- doubts about the certificate ---- */

/* The certificate that says where its issuer's is, and whose issuer was not sent. */
static const char *
issuer_url(const struct chain_facts *c)
{
    for (size_t i = c->count; i-- > 0;) {
        const struct chain_certificate *x = &c->certificates[i];
        if (!x->self_issued && x->aia_url != NULL && x->aia_url[0] != '\0') {
            return x->aia_url;
        }
    }
    return NULL;
}

void
plan_issuer(struct planner *p)
{
    const struct result *r1 = plan_at_first(p, PROBE_R1);
    struct wish w = {.probe = PROBE_CA};
    if (!plan_has_problem(r1, CHAIN_INCOMPLETE) && !plan_has_problem(r1, CHAIN_WRONG_CHAIN)) {
        return;
    }
    const char *url = issuer_url(r1->chain);
    if (url != NULL && strlen(url) < sizeof(w.url)) {
        text_copy(w.name, sizeof(w.name), p->q->host);
        text_copy(w.url, sizeof(w.url), url);
        plan_push(p, &w);
    }
}

void
plan_certificate_doubts(struct planner *p)
{
    if (p->open == NULL || !plan_name_mismatches(plan_at_first(p, PROBE_R1))) {
        return;
    }
    const struct addr *at = &p->open->at;
    plan_push_at(p, PROBE_C4, SIDE_SITE, at);
    if (facts_lb_name(p->f)[0] != '\0') {
        plan_push_at(p, PROBE_H6, SIDE_SITE, at);
    }
    for (const struct result *r = NULL; (r = facts_next(p->f, r, PROBE_T2, SIDE_PORT)) != NULL;) {
        if (r->outcome == OUTCOME_OK && addr_port(&r->at) == PLAN_HTTPS) {
            plan_push_at(p, PROBE_C5, SIDE_PORT, &r->at);
        }
    }
}

/* ---- doubts about the answer ---- */

enum follow_up {
    FOLLOW_AGAIN = 1 << 0,   /* R7 */
    FOLLOW_LIGHTER = 1 << 1, /* RC, when headers were given */
    FOLLOW_HOST = 1 << 2,    /* R5N, R5O, when the port is not the usual one */
};
static const struct {
    unsigned status, follow;
} status_rows[] = {
    {400, FOLLOW_LIGHTER | FOLLOW_HOST},
    {403, FOLLOW_HOST},
    {404, FOLLOW_HOST},
    {413, FOLLOW_LIGHTER},
    {414, FOLLOW_LIGHTER},
    {421, FOLLOW_AGAIN | FOLLOW_HOST},
    {431, FOLLOW_LIGHTER},
};

void
plan_answer_doubts(struct planner *p)
{
    const struct result *r1 = plan_at_first(p, PROBE_R1);
    unsigned follow = 0;
    for (size_t i = 0; i < COUNT_OF(status_rows); i++) {
        follow |= status_rows[i].status == plan_status(r1) ? status_rows[i].follow : 0;
    }
    if (follow & FOLLOW_AGAIN) {
        plan_push_at(p, PROBE_R7, SIDE_SITE, &p->open->at);
    }
    if ((follow & FOLLOW_LIGHTER) && p->q->header_count > 0) {
        plan_push_at(p, PROBE_RC, SIDE_SITE, &p->open->at);
    }
    if ((follow & FOLLOW_HOST) && p->q->port != PLAN_HTTPS && p->q->port != PLAN_HTTP) {
        plan_push_at(p, PROBE_R5N, SIDE_SITE, &p->open->at);
        plan_push_at(p, PROBE_R5O, SIDE_SITE, &p->open->at);
    }
}

void
plan_resumption(struct planner *p)
{
    const struct result *r1 = plan_at_first(p, PROBE_R1);
    if (r1 != NULL && r1->seen != NULL && r1->seen->done && r1->seen->tickets > 0) {
        plan_push_at(p, PROBE_R6, SIDE_SITE, &p->open->at);
    }
}

static bool
is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* What the usual plain port says, where redirects are in question. */
void
plan_plain_port(struct planner *p)
{
    bool asked = p->q->all || is_redirect(plan_status(plan_at_first(p, PROBE_R1)));
    for (const struct result *r = NULL;
         asked && (r = facts_next(p->f, r, PROBE_T2, SIDE_PORT)) != NULL;) {
        if (r->outcome == OUTCOME_OK && addr_port(&r->at) == PLAN_HTTP) {
            plan_push_at(p, PROBE_R5P, SIDE_PORT, &r->at);
        }
    }
}

/* --all: does the handshake work every time? */
void
plan_repetition(struct planner *p)
{
    if (p->q->all && p->open != NULL && p->q->scheme == SCHEME_HTTPS &&
        plan_met(plan_at_first(p, PROBE_H1)) != MET_PENDING) {
        plan_push_at(p, PROBE_H1B, SIDE_SITE, &p->open->at);
        plan_push_at(p, PROBE_H1C, SIDE_SITE, &p->open->at);
    }
}
