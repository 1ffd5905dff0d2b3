/* SPDX-License-Identifier: Apache-2.0
 * The plan for this machine, for names, and for the proxy: what is asked before and beside any
 * connection. */
#include "doctor/engine_int.h"
#include "doctor/plan_int.h"

#include <stdio.h>

enum { PTR_MAX = 4 /* addresses whose names are asked for */ };

void
plan_local(struct planner *p)
{
    plan_push(p, &(struct wish){.probe = PROBE_L1});
}

static bool
is_overridden(const struct question *q)
{
    for (size_t i = 0; i < q->resolve_count; i++) {
        if (addr_port(&q->resolve[i].addr) == q->port &&
            str_ieq(str_of(q->resolve[i].host), str_of(q->host))) {
            return true;
        }
    }
    return false;
}

/* The URL has a name, and DNS is to be asked for it. */
bool
plan_has_name(const struct question *q)
{
    return !q->host_is_address && !is_overridden(q);
}

void
plan_lookup(struct planner *p)
{
    struct wish w = {.probe = PROBE_D1};
    if (plan_has_name(p->q)) {
        text_copy(w.name, sizeof(w.name), p->q->host);
        plan_push(p, &w);
    }
}

/* A name without a dot is this network's own business: hosts file and search list; one below
 * localhost is this machine's. */
static bool
is_dns_name(const char *name)
{
    return strchr(name, '.') != NULL && !name_is_local(str_of(name));
}

void
plan_resolvers(struct planner *p)
{
    const struct local_facts *l = &p->f->local;
    if (!l->known || !plan_has_name(p->q) || !is_dns_name(p->q->host)) {
        return;
    }
    for (size_t i = 0; i < l->resolver_count; i++) {
        plan_push_question(p, PROBE_D2A, p->q->host, &l->resolvers[i]);
        plan_push_question(p, PROBE_D2Q, p->q->host, &l->resolvers[i]);
    }
    if (l->resolver_count == 0) {
        return;
    }
    plan_push_question(p, PROBE_D2H, p->q->host, &l->resolvers[0]);
    if (p->q->port != PLAN_HTTPS && p->q->port != PLAN_HTTP) {
        char name[sizeof(p->q->host) + sizeof("_65535._https.")];
        (void)snprintf(name, sizeof(name), "_%u._https.%s", p->q->port, p->q->host);
        if (dns_name_valid(name)) {
            plan_push_question(p, PROBE_D4, name, &l->resolvers[0]); /* [RFC 9460 9.1] */
        }
    }
}

void
plan_zone(struct planner *p)
{
    struct wish w = {.probe = PROBE_D3};
    if (p->f->local.known && p->f->local.resolver_count > 0 && plan_has_name(p->q) &&
        is_dns_name(p->q->host)) {
        text_copy(w.name, sizeof(w.name), p->q->host);
        plan_push(p, &w);
    }
}

/* SERVFAIL: is it DNSSEC? The same again with checking disabled. */
void
plan_unchecked(struct planner *p)
{
    static const enum probe asked[] = {PROBE_D2A, PROBE_D2Q};
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        for (const struct result *r = NULL;
             (r = facts_next(p->f, r, asked[i], SIDE_NONE)) != NULL;) {
            if (r->dns != NULL && r->dns->rcode == DNS_RCODE_SERVFAIL) {
                plan_push_question(p, PROBE_D2C, p->q->host, &r->at);
            }
        }
    }
}

/* A sibling that nobody has: an answer for it comes from a wildcard. Asked when the answering site
 * does not seem to know the name. */
void
plan_wildcard(struct planner *p)
{
    const struct result *r1 = plan_at_first(p, PROBE_R1);
    bool strange = plan_name_mismatches(r1) || plan_status(r1) == 404 ||
                   plan_met(plan_at_first(p, PROBE_H1)) == MET_HTTP;
    const char *parent = dns_name_parent(p->q->host);
    char name[DNS_NAME_TEXT + sizeof(p->f->marker)];
    if (!strange || !plan_has_name(p->q) || parent == NULL || !is_dns_name(parent) ||
        p->f->local.resolver_count == 0) {
        return;
    }
    (void)snprintf(name, sizeof(name), "%s.%s", p->f->marker, parent);
    if (dns_name_valid(name)) {
        plan_push_question(p, PROBE_D2W, name, &p->f->local.resolvers[0]);
    }
}

void
plan_lb_name(struct planner *p)
{
    const char *name = facts_lb_name(p->f);
    const struct local_facts *l = &p->f->local;
    if (name[0] == '\0' || strcmp(name, p->q->host) == 0) {
        return;
    }
    for (size_t i = 0; i < l->resolver_count; i++) {
        const struct result *before =
            i == 0 ? NULL : facts_find_at(p->f, PROBE_D5A, SIDE_NONE, &l->resolvers[i - 1]);
        if (i == 0 || (before != NULL && before->outcome != OUTCOME_OK)) {
            plan_push_question(p, PROBE_D5A, name, &l->resolvers[i]);
            plan_push_question(p, PROBE_D5Q, name, &l->resolvers[i]);
        }
    }
}

/* What public addresses are called: "ec2-..." or a CDN's node. */
void
plan_ptr(struct planner *p)
{
    for (size_t i = 0; i < p->site_count && i < PTR_MAX; i++) {
        char name[DNS_NAME_TEXT];
        if (p->f->local.resolver_count > 0 && addr_range(&p->site[i]) == NULL) {
            plan_push_question(p, PROBE_D6, dns_name_reverse(&p->site[i], name),
                               &p->f->local.resolvers[0]);
        }
    }
}

void
plan_proxy(struct planner *p)
{
    struct wish w = {.probe = PROBE_X1, .side = SIDE_PROXY};
    if (p->f->local.known && p->f->local.proxy[0] != '\0') {
        text_copy(w.name, sizeof(w.name), p->q->host);
        text_copy(w.label, sizeof(w.label), p->f->local.proxy);
        plan_push(p, &w);
    }
}
