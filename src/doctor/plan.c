/* SPDX-License-Identifier: Apache-2.0
 * Which probes are wanted now, from what is known so far. A pure function: one small function per
 * topic, all of them asked each time; what has been started already is not wanted again. Here are
 * the wishes themselves, connections, the main line and the budget; names are in plan_names.c,
 * doubts in plan_doubts.c, redirects in plan_hops.c. */
#include "doctor/engine_int.h"
#include "doctor/plan_int.h"

#include "base/assert.h"
#include "base/limits.h"

#include <stdio.h>

enum {
    COMPARED_MAX = 3, /* addresses whose answers are compared (R1) */
    LB_MAX = 2,       /* addresses of the load balancer that are asked */
};

static const char other_host[] = "openalb-doctor.invalid"; /* never exists [RFC 6761 6.4] */

/* ---- wishes ---- */

void
text_copy(char *to, size_t size, const char *from)
{
    struct out o = out_of(to, size - 1);
    struct str s = str_of(from);
    out_bytes(&o, s.p, MIN_OF(s.n, size - 1));
    *o.p = '\0';
}

/* How a wish is told from others of its probe and side. */
static const struct {
    enum probe probe;
    bool name, label;
} kinds[] = {
    {PROBE_D1, true, false},  {PROBE_D2A, true, false}, {PROBE_D2Q, true, false},
    {PROBE_D2H, true, false}, {PROBE_D2C, true, false}, {PROBE_D2W, true, false},
    {PROBE_D4, true, false},  {PROBE_D5A, true, false}, {PROBE_D5Q, true, false},
    {PROBE_D6, true, false},  {PROBE_R3, false, true},
};

static bool
same_thing(const struct wish *w, enum probe probe, enum side side, unsigned hop,
           const struct addr *at, const char *name, const char *label)
{
    if (w->probe != probe || w->side != side || w->hop != hop ||
        (w->at.sa.sa_family != 0 && !addr_eq(&w->at, at))) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].probe == probe) {
            return (!kinds[i].name || strcmp(w->name, name) == 0) &&
                   (!kinds[i].label || strcmp(w->label, label) == 0);
        }
    }
    return true;
}

static bool
is_among(const struct wish *w, const struct wish *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct wish *o = &list[i];
        if (same_thing(w, o->probe, o->side, o->hop, &o->at, o->name, o->label)) {
            return true;
        }
    }
    return false;
}

bool
plan_has_result(const struct facts *f, const struct wish *w)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        if (same_thing(w, r->probe, r->side, r->hop, &r->at, r->name, r->label)) {
            return true;
        }
    }
    return false;
}

/* ---- what the options leave out ---- */

/* With --check LAYER everything up to this layer runs: what its findings are made of. */
static const enum layer depths[LAYER_COUNT] = {
    [LAYER_CLIENT] = LAYER_HTTP,     [LAYER_DNS] = LAYER_TLS,          [LAYER_TCP] = LAYER_TLS,
    [LAYER_TLS] = LAYER_CERTIFICATE, [LAYER_CERTIFICATE] = LAYER_HTTP, [LAYER_HTTP] = LAYER_HTTP,
    [LAYER_REDIRECT] = LAYER_TARGET, [LAYER_TARGET] = LAYER_TARGET,    [LAYER_LOG] = LAYER_HTTP,
    [LAYER_UNDECIDED] = LAYER_HTTP,
};

/* --fast: the main line only. */
static const bool main_line[PROBE_COUNT] = {
    [PROBE_L1] = true,  [PROBE_D1] = true,  [PROBE_D2A] = true, [PROBE_D2Q] = true,
    [PROBE_D5A] = true, [PROBE_D5Q] = true, [PROBE_T1] = true,  [PROBE_H1] = true,
    [PROBE_P1] = true,  [PROBE_P1X] = true, [PROBE_R1] = true,  [PROBE_R1X] = true,
    [PROBE_R3] = true,  [PROBE_R4] = true,  [PROBE_X1] = true,  [PROBE_RW] = true,
};

static bool
is_asked_for(const struct question *q, const struct wish *w)
{
    enum layer needed = w->side == SIDE_TARGET ? LAYER_TARGET : probe_layer(w->probe);
    enum layer deepest = LAYER_CLIENT;
    if (w->side == SIDE_LB || w->probe == PROBE_P1 || w->probe == PROBE_R1) {
        needed = LAYER_TLS; /* they tell what speaks there */
    }
    for (size_t l = 0; l < LAYER_COUNT; l++) {
        if ((q->checks & 1u << l) != 0) {
            deepest = MAX_OF(deepest, depths[l]);
        }
    }
    return needed <= deepest && (!q->fast || main_line[w->probe]);
}

void
plan_push(struct planner *p, const struct wish *w)
{
    if (p->count == WISHES_MAX || !is_asked_for(p->q, w) || plan_has_result(p->f, w) ||
        is_among(w, p->running, p->running_count) || is_among(w, p->out, p->count)) {
        return; /* over the maximum: it is wished again when the others have ended */
    }
    p->out[p->count++] = *w;
}

/* One probe at one address, in the name of the site. */
void
plan_push_at(struct planner *p, enum probe probe, enum side side, const struct addr *at)
{
    struct wish w = {.probe = probe, .side = side, .at = *at};
    w.plain = side != SIDE_TARGET && p->q->scheme == SCHEME_HTTP;
    text_copy(w.name, sizeof(w.name), p->q->host);
    if (probe == PROBE_H4) {
        w.name[0] = '\0';
    } else if (probe == PROBE_H5) {
        text_copy(w.name, sizeof(w.name), other_host);
    } else if (probe == PROBE_H6) {
        text_copy(w.name, sizeof(w.name), facts_lb_name(p->f));
    } else if (probe == PROBE_R5O && side != SIDE_TARGET) {
        text_copy(w.name, sizeof(w.name), other_host);
    }
    plan_push(p, &w);
}

void
plan_push_question(struct planner *p, enum probe probe, const char *name,
                   const struct addr *resolver)
{
    struct wish w = {.probe = probe, .side = SIDE_NONE, .at = *resolver};
    char text[ADDR_TEXT];
    text_copy(w.name, sizeof(w.name), name);
    text_copy(w.label, sizeof(w.label),
              addr_port(resolver) == 53 ? addr_text(resolver, text)
                                        : addr_port_text(resolver, text));
    plan_push(p, &w);
}

/* ---- connections ---- */

static void
want_connections(struct planner *p)
{
    size_t most = MAX_OF(p->q->max_connections / 2, 1); /* the other half is for questions */
    for (size_t i = 0; i < p->site_count && i < most; i++) {
        plan_push_at(p, PROBE_T1, SIDE_SITE, &p->site[i]);
    }
}

static void
want_usual_ports(struct planner *p)
{
    static const uint16_t ports[] = {PLAN_HTTPS, PLAN_HTTP};
    for (size_t i = 0; i < COUNT_OF(ports) && p->site_count > 0; i++) {
        struct addr at = p->open != NULL ? p->open->at : p->site[0];
        addr_set_port(&at, ports[i]);
        if (ports[i] != p->q->port && facts_find(p->f, PROBE_T2, SIDE_PORT) == NULL &&
            !plan_is_running(p, PROBE_T2, SIDE_PORT)) {
            plan_push_at(p, PROBE_T2, SIDE_PORT, &at);
        }
    }
}

/* ---- the main line ---- */

static void
want_main(struct planner *p)
{
    if (p->open == NULL) {
        return;
    }
    const struct addr *at = &p->open->at;
    bool https = p->q->scheme == SCHEME_HTTPS;
    plan_push_at(p, https ? PROBE_H1 : PROBE_R1, SIDE_SITE,
                 at); /* the first one takes T1's connection */
    plan_push_at(p, https ? PROBE_R1 : PROBE_H1, SIDE_SITE, at);
    plan_push_at(p, PROBE_P1, SIDE_SITE, at);
    if (https) {
        plan_push_at(p, PROBE_R2, SIDE_SITE, at);
    }
    if (p->q->websocket && plan_status(plan_at_first(p, PROBE_R1)) != 0) {
        plan_push_at(p, PROBE_RW, SIDE_SITE, at);
    }
}

/* Do the other addresses lead to the same site? */
static void
want_comparison(struct planner *p)
{
    bool https = p->q->scheme == SCHEME_HTTPS;
    size_t compared = 1;
    for (const struct result *r = NULL; (r = facts_next(p->f, r, PROBE_T1, SIDE_SITE)) != NULL;) {
        if (r->outcome != OUTCOME_OK || p->open == NULL || addr_eq(&r->at, &p->open->at)) {
            continue;
        }
        if (https) {
            plan_push_at(p, PROBE_H1, SIDE_SITE, &r->at);
        }
        bool speaks =
            !https || plan_met(facts_find_at(p->f, PROBE_H1, SIDE_SITE, &r->at)) == MET_TLS;
        if (speaks && compared < COMPARED_MAX) {
            compared++;
            plan_push_at(p, PROBE_R1, SIDE_SITE, &r->at);
        }
    }
}

/* ---- the load balancer and the target ---- */

static bool
contains(const struct addr *list, size_t count, const struct addr *a)
{
    for (size_t i = 0; i < count; i++) {
        if (addr_eq(&list[i], a)) {
            return true;
        }
    }
    return false;
}

static void
want_lb(struct planner *p)
{
    struct addr lb[LIMIT_DOCTOR_ADDRESSES];
    size_t count = facts_lb_addrs(p->f, lb, COUNT_OF(lb));
    bool https = p->q->scheme == SCHEME_HTTPS;
    for (size_t i = 0, asked = 0; i < count && asked < LB_MAX && !p->names_pending; i++) {
        if (contains(p->site, p->site_count, &lb[i])) {
            continue; /* the site's own probes ask it */
        }
        asked++;
        plan_push_at(p, PROBE_T1, SIDE_LB, &lb[i]);
        const struct result *t1 = facts_find_at(p->f, PROBE_T1, SIDE_LB, &lb[i]);
        if (t1 != NULL && t1->outcome == OUTCOME_OK) {
            plan_push_at(p, https ? PROBE_H1 : PROBE_P1, SIDE_LB, &lb[i]);
            plan_push_at(p, PROBE_R4, SIDE_LB, &lb[i]);
            plan_push_at(p, https ? PROBE_P1 : PROBE_H1, SIDE_LB, &lb[i]);
        }
    }
}

static void
push_target(struct planner *p, enum probe probe, bool plain)
{
    struct wish w = {.probe = probe, .side = SIDE_TARGET, .at = p->q->target, .plain = plain};
    text_copy(w.name, sizeof(w.name), p->q->host);
    if (probe == PROBE_R5O) {
        char text[ADDR_TEXT];
        text_copy(w.name, sizeof(w.name), addr_text(&p->q->target, text));
    }
    plan_push(p, &w);
}

static void
want_target(struct planner *p)
{
    const struct addr *at = &p->q->target;
    if (at->sa.sa_family == 0) {
        return;
    }
    push_target(p, PROBE_T1, true);
    const struct result *t1 = facts_find_at(p->f, PROBE_T1, SIDE_TARGET, at);
    if (t1 == NULL || t1->outcome != OUTCOME_OK) {
        return;
    }
    push_target(p, PROBE_P1, true);
    push_target(p, PROBE_P1X, true);
    push_target(p, PROBE_H1, true);
    enum met m = plan_met(facts_find_at(p->f, PROBE_H1, SIDE_TARGET, at));
    const struct result *answer = facts_find_at(p->f, PROBE_P1, SIDE_TARGET, at);
    if (m == MET_TLS) {
        push_target(p, PROBE_R1, false);
        push_target(p, PROBE_R1X, false);
        answer = facts_find_at(p->f, PROBE_R1, SIDE_TARGET, at);
    }
    /* Not a plain success: does it answer to another Host? */
    if (m != MET_PENDING && answer != NULL && plan_status(answer) / 100 != 2) {
        push_target(p, PROBE_R5O, m != MET_TLS);
    }
}

/* ---- the budget of connections to the host [ruling 7] ---- */

enum { DISPENSABLE_MAX = 10 };
/* Dropped first when connections are short: the higher the number, the sooner. */
static const unsigned dispensable[PROBE_COUNT] = {
    [PROBE_P2] = 1, [PROBE_R5N] = 2,  [PROBE_R5O] = 2,  [PROBE_R5P] = 2, [PROBE_H3] = 3,
    [PROBE_H4] = 4, [PROBE_H5] = 5,   [PROBE_H6] = 6,   [PROBE_H7] = 7,  [PROBE_H8] = 8,
    [PROBE_H9] = 9, [PROBE_H1B] = 10, [PROBE_H1C] = 10,
};

static bool
is_counted(enum side s)
{
    return s == SIDE_SITE || s == SIDE_PORT;
}

static bool
may_reuse(enum probe probe)
{
    return probe == PROBE_H1 || probe == PROBE_P1 || probe == PROBE_R1;
}

/* T1's open connection still waits for its first user. */
static bool
has_spare(const struct planner *p, const struct wish *w)
{
    const struct result *t1 = facts_find_at(p->f, PROBE_T1, w->side, &w->at);
    if (!may_reuse(w->probe) || t1 == NULL || t1->outcome != OUTCOME_OK) {
        return false;
    }
    for (size_t i = 0; i < p->f->count; i++) {
        const struct result *r = &p->f->results[i];
        if (r != t1 && r->side == w->side && may_reuse(r->probe) && addr_eq(&r->at, &w->at)) {
            return false;
        }
    }
    for (size_t i = 0; i < p->running_count; i++) {
        const struct wish *o = &p->running[i];
        if (o->side == w->side && may_reuse(o->probe) && addr_eq(&o->at, &w->at)) {
            return false;
        }
    }
    for (const struct wish *o = p->out; o != w; o++) {
        if (o->side == w->side && may_reuse(o->probe) && addr_eq(&o->at, &w->at)) {
            return false;
        }
    }
    return true;
}

static void
spend(struct planner *p, unsigned rank, unsigned *left)
{
    for (size_t i = 0; i < p->count; i++) {
        struct wish *w = &p->out[i];
        if (!is_counted(w->side) || dispensable[w->probe] != rank || has_spare(p, w)) {
            continue;
        }
        if (*left == 0) {
            w->skip = SKIP_BUDGET;
        } else {
            (*left)--;
        }
    }
}

static void
keep_budget(struct planner *p)
{
    unsigned used = p->f->connections;
    unsigned left = p->q->max_connections > used ? p->q->max_connections - used : 0;
    for (unsigned rank = 0; rank <= DISPENSABLE_MAX; rank++) {
        spend(p, rank, &left);
    }
}

/* ---- all of it ---- */

typedef void want_fn(struct planner *p);
static want_fn *const topics[] = {
    plan_lookup,        plan_local,        plan_resolvers,
    plan_zone,          plan_lb_name,      plan_proxy,
    want_connections,   want_usual_ports,  plan_ptr,
    want_main,          want_comparison,   want_lb,
    want_target,        plan_hops,         plan_unchecked,
    plan_wildcard,      plan_hello_doubts, plan_handshake_doubts,
    plan_plain_doubts,  plan_issuer,       plan_certificate_doubts,
    plan_answer_doubts, plan_resumption,   plan_plain_port,
    plan_repetition,
};

static const struct result *
first_open(const struct facts *f)
{
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_T1, SIDE_SITE)) != NULL;) {
        if (r->outcome == OUTCOME_OK) {
            return r;
        }
    }
    return NULL;
}

size_t
plan(const struct facts *f, const struct wish *running, size_t running_count,
     struct wish ret_wishes[static WISHES_MAX])
{
    struct planner p = {.f = f,
                        .q = &f->question,
                        .running = running,
                        .running_count = running_count,
                        .out = ret_wishes};
    /* What the system says counts; what resolvers say only once it has failed. L1 goes first: it
     * would disturb the times of connections. */
    p.names_pending =
        !f->local.known || (plan_has_name(p.q) && facts_find(f, PROBE_D1, SIDE_NONE) == NULL);
    if (!p.names_pending) {
        p.site_count = facts_site_addrs(f, p.site, COUNT_OF(p.site));
    }
    p.open = first_open(f);
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        topics[i](&p);
    }
    keep_budget(&p);
    return p.count;
}
