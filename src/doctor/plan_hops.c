/* SPDX-License-Identifier: Apache-2.0
 * Which redirect is followed next, and which is not: each hop of the chain is a probe of its own
 * (R3), begun when the answer before it is there. */
#include "doctor/engine_int.h"
#include "doctor/infer_int.h"
#include "doctor/plan_int.h"
#include "doctor/redirect.h"

#include "base/assert.h"

#include <stdio.h>

enum { VISITS_MAX = 2, PORT_HTTP = 80, PORT_HTTPS = 443 };

struct chain {
    struct redirect urls[LIMIT_DOCTOR_HOPS + 1]; /* [0]: what was asked */
    size_t count;
};

static bool
redirects(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->has_status && r->http->status / 100 == 3 &&
           r->http->status != 304 && http_seen_header(r->http, "location").p != NULL;
}

static const struct result *
first_answer(const struct planner *p)
{
    static const enum probe asked[] = {PROBE_R1, PROBE_R2};
    for (size_t i = 0; p->open != NULL && i < COUNT_OF(asked); i++) {
        const struct result *r = facts_find_at(p->f, asked[i], SIDE_SITE, &p->open->at);
        if (r != NULL && r->http != NULL && r->http->has_status) {
            return r;
        }
    }
    return NULL;
}

/* Skipped ones, too; "mended" ones are not part of the chain. */
static const struct result *
hop_result(const struct facts *f, unsigned hop)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        if (r->probe == PROBE_R3 && r->hop == hop && r->label[0] == '\0') {
            return r;
        }
    }
    return NULL;
}

static bool
asked_url(const struct question *q, struct redirect *ret)
{
    char text[REDIRECT_URL];
    bool v6 = strchr(q->host, ':') != NULL;
    int n = snprintf(text, sizeof(text), v6 ? "%s://[%s]:%u%s" : "%s://%s:%u%s",
                     q->scheme == SCHEME_HTTPS ? "https" : "http", q->host, q->port,
                     q->path == NULL ? "/" : q->path);
    bool whole = n > 0 && (size_t)n < sizeof(text);
    return redirect_parse(whole ? str_of(text) : str_of(q->url), ret) == ERR_OK;
}

/* ---- where a hop's host is ---- */

enum whereabouts { WHERE_FOUND, WHERE_PENDING, WHERE_NOWHERE, WHERE_TOO_MANY };

static const struct result *
lookup_of(const struct facts *f, const char *host, size_t *ret_count)
{
    const struct result *found = NULL;
    *ret_count = 0;
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_D1, SIDE_HOP)) != NULL;) {
        ++*ret_count;
        if (found == NULL && strcmp(r->name, host) == 0) {
            found = r;
        }
    }
    return found;
}

static bool
overridden(const struct question *q, const struct redirect *to, struct addr *ret)
{
    for (size_t i = 0; i < q->resolve_count; i++) {
        const struct resolve_override *o = &q->resolve[i];
        if (addr_port(&o->addr) == to->port && str_ieq(str_of(o->host), str_of(to->host))) {
            *ret = o->addr;
            return true;
        }
    }
    return false;
}

static enum whereabouts
look_up(struct planner *p, unsigned hop, const struct redirect *to, struct addr *ret)
{
    size_t count;
    const struct result *r = lookup_of(p->f, to->host, &count);
    if (r == NULL && count == LIMIT_DOCTOR_LOOKUP_NAMES) {
        return WHERE_TOO_MANY;
    }
    if (r == NULL) {
        struct wish w = {.probe = PROBE_D1, .side = SIDE_HOP, .hop = hop};
        text_copy(w.name, sizeof(w.name), to->host);
        plan_push(p, &w);
        return WHERE_PENDING;
    }
    if (r->addr_count == 0 && name_is_local(str_of(to->host))) {
        bool ok = addr_parse(p->q->family == AF_INET6 ? STR("::1") : STR("127.0.0.1"), 0, ret);
        return ok ? WHERE_FOUND : WHERE_NOWHERE;
    }
    if (r->addr_count == 0) {
        return WHERE_NOWHERE;
    }
    *ret = r->addrs[0];
    return WHERE_FOUND;
}

static enum whereabouts
find_host(struct planner *p, unsigned hop, const struct redirect *to, struct addr *ret)
{
    enum whereabouts w = WHERE_FOUND;
    if (overridden(p->q, to, ret)) {
        return w;
    }
    if (strcmp(to->host, p->q->host) == 0) {
        *ret = p->open->at;
    } else if (!addr_parse(str_of(to->host), to->port, ret)) {
        w = look_up(p, hop, to, ret);
    }
    if (w == WHERE_FOUND) {
        addr_set_port(ret, to->port);
    }
    return w;
}

/* From a public site nothing leads to the inside [ruling 8]. */
static bool
is_inside(const struct addr *a)
{
    const char *range = addr_range(a);
    return range != NULL && strcmp(range, "documentation") != 0;
}

/* ---- a hop ---- */

static unsigned
visits(const struct chain *c, const struct redirect *to)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->count; i++) {
        n += redirect_same(&c->urls[i], to);
    }
    return n;
}

static void
push_hop(struct planner *p, unsigned hop, const struct redirect *to, const char *label,
         enum skip skip)
{
    bool chromium;
    struct wish w = {.probe = PROBE_R3, .side = SIDE_HOP, .hop = hop, .plain = !to->secure};
    text_copy(w.name, sizeof(w.name), to->host);
    text_copy(w.label, sizeof(w.label), label);
    text_copy(w.url, sizeof(w.url), to->url);
    w.skip = skip;
    if (skip == SKIP_NONE && port_blocked(to->port, &chromium)) {
        w.skip = SKIP_DECIDED; /* browsers never go there, and neither do we */
    }
    if (w.skip == SKIP_NONE) {
        switch (find_host(p, hop, to, &w.at)) {
        case WHERE_PENDING: return;
        case WHERE_NOWHERE: w.skip = SKIP_NO_ADDRESS; break;
        case WHERE_TOO_MANY: w.skip = SKIP_BUDGET; break;
        case WHERE_FOUND:
            w.skip = is_inside(&w.at) && !is_inside(&p->open->at) ? SKIP_PRIVATE : SKIP_NONE;
            break;
        }
    }
    plan_push(p, &w);
}

/* ---- the counter-probe: the same Location with what it lost ---- */

/* RED-01: the port of the URL is missing. RED-04: the scheme is not the URL's, the port is. */
static bool
lost_something(const struct question *q, const struct redirect *to)
{
    bool secure = q->scheme == SCHEME_HTTPS;
    uint16_t usual = to->secure ? PORT_HTTPS : PORT_HTTP;
    if (strcmp(to->host, q->host) != 0) {
        return false;
    }
    bool lost_scheme = secure && !to->secure && to->port == q->port;
    bool lost_port = to->port == usual && q->port != PORT_HTTP && q->port != PORT_HTTPS &&
                     (to->secure == secure || secure);
    return lost_scheme || lost_port;
}

static bool
mended_before(const struct planner *p)
{
    for (size_t i = 0; i < p->f->count; i++) {
        if (p->f->results[i].probe == PROBE_R3 && strcmp(p->f->results[i].label, HOP_MENDED) == 0) {
            return true;
        }
    }
    return false;
}

static void
want_mended(struct planner *p, unsigned hop, const struct redirect *to)
{
    struct redirect mended;
    if (lost_something(p->q, to) && !mended_before(p) &&
        redirect_mend(to, p->q->scheme == SCHEME_HTTPS, p->q->port, &mended) == ERR_OK) {
        push_hop(p, hop, &mended, HOP_MENDED, SKIP_NONE);
    }
}

void
plan_hops(struct planner *p)
{
    struct chain c;
    const struct result *from = first_answer(p);
    c.count = 0;
    if (from == NULL || !asked_url(p->q, &c.urls[c.count++])) {
        return;
    }
    for (unsigned hop = 1; hop <= LIMIT_DOCTOR_HOPS && redirects(from); hop++) {
        struct redirect *to = &c.urls[c.count];
        struct str location = http_seen_header(from->http, "location");
        if (redirect_resolve(&c.urls[c.count - 1], location, to) != ERR_OK) {
            return; /* no URL: the browser stops here, too */
        }
        want_mended(p, hop, to);
        const struct result *next = hop_result(p->f, hop);
        if (next == NULL) {
            /* Twice may be a cookie that is set; three times is a circle. */
            bool circle = visits(&c, to) > VISITS_MAX - 1;
            push_hop(p, hop, to, "", circle ? SKIP_DECIDED : SKIP_NONE);
            return;
        }
        c.count++;
        from = next;
    }
}
