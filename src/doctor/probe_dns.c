/* SPDX-License-Identifier: Apache-2.0
 * Probes that ask DNS: the system's way (D1), one resolver (D2, D4, D5, D6), and the servers of the
 * name's own zone (D3). */
#include "doctor/engine_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <netdb.h>

enum { RESOLVERS_MAX = 4, WALK_RESULTS_MAX = 48 };

/* ---- QUESTION ---- */

static const struct {
    enum probe probe;
    uint16_t type;
    bool cd;
} question_rows[] = {
    {PROBE_D2A, DNS_TYPE_A, false},     {PROBE_D2Q, DNS_TYPE_AAAA, false},
    {PROBE_D2H, DNS_TYPE_HTTPS, false}, {PROBE_D2C, DNS_TYPE_A, true},
    {PROBE_D2W, DNS_TYPE_A, false},     {PROBE_D4, DNS_TYPE_HTTPS, false},
    {PROBE_D5A, DNS_TYPE_A, false},     {PROBE_D5Q, DNS_TYPE_AAAA, false},
    {PROBE_D6, DNS_TYPE_PTR, false},
};

static const enum outcome outcomes[DNS_OUTCOME_COUNT] = {
    [DNS_OUTCOME_ANSWERED] = OUTCOME_OK,    [DNS_OUTCOME_TIMEOUT] = OUTCOME_TIMEOUT,
    [DNS_OUTCOME_REFUSED] = OUTCOME_FAIL,   [DNS_OUTCOME_UNREACHABLE] = OUTCOME_FAIL,
    [DNS_OUTCOME_MALFORMED] = OUTCOME_FAIL, [DNS_OUTCOME_FAILED] = OUTCOME_FAIL,
};

static struct bytes
bytes_copy(struct str s)
{
    struct bytes b = {0};
    if (s.n > 0) {
        b.p = xalloc(s.n);
        b.n = s.n;
        memcpy(b.p, s.p, s.n);
    }
    return b;
}

static void
question_answered(void *context, const struct dns_result *d)
{
    struct run *run = context;
    struct dns_exchange *x = run->state;
    run->result.sent = bytes_copy(d->question);
    run->result.sent_us = run->result.start_us;
    run->result.error = d->error;
    (void)run_got(run, d->reply.p, d->reply.n); /* one message: there is nothing to stop */
    enum outcome outcome = outcomes[d->outcome];
    dns_exchange_cancel(&x);
    run->state = NULL;
    run_done(run, outcome);
}

static bool
question_start(struct run *run)
{
    struct dns_exchange *x = NULL;
    struct dns_ask ask = {.server = run->wish.at,
                          .name = run->wish.name,
                          .flags = {.rd = true, .edns = true},
                          .timeout_ms = run_left_ms(run)};
    if (run_question(run)->from.sa.sa_family == ask.server.sa.sa_family) {
        ask.from = run_question(run)->from;
        addr_set_port(&ask.from, 0);
    }
    for (size_t i = 0; i < COUNT_OF(question_rows); i++) {
        if (question_rows[i].probe == run->wish.probe) {
            ask.type = question_rows[i].type;
            ask.flags.cd = question_rows[i].cd;
        }
    }
    if (dns_exchange_start(run_loop(run), &ask, question_answered, run, &x, NULL) != ERR_OK) {
        run->result.error = EINVAL;
        return false;
    }
    run->state = x;
    return true;
}

static void
question_cancel(struct run *run)
{
    struct dns_exchange *x = run->state;
    dns_exchange_cancel(&x);
    run->state = NULL;
}

const struct machine machine_QUESTION = {"QUESTION", question_start, question_cancel};

/* ---- LOOKUP ---- */

/* The system's way (getaddrinfo); or, where other files or resolvers than the system's were given,
 * what it would be with these: the hosts file, then the first resolver that answers. */
struct lookup {
    struct run *run;           /* borrowed */
    struct dns_lookup *system; /* owned; NULL: asked by ourselves */
    struct deferred soon;      /* the hosts file answered */
    struct family {
        struct lookup *lookup;      /* back */
        struct dns_exchange *asked; /* owned; NULL: not asked, or ended */
        uint16_t type;
        size_t server; /* which resolver is asked */
        bool ended;
        int eai;
        struct addr addrs[DNS_LOOKUP_ADDRS_MAX];
        size_t count;
    } families[2];
    struct addr servers[RESOLVERS_MAX];
    size_t server_count;
};

static void
lookup_close(struct lookup *l)
{
    dns_lookup_cancel(&l->system);
    deferred_cancel(&l->soon);
    for (size_t i = 0; i < COUNT_OF(l->families); i++) {
        dns_exchange_cancel(&l->families[i].asked);
    }
    l->run->state = NULL;
    xfree(l);
}

static void
lookup_take(struct result *r, const struct addr *addrs, size_t n)
{
    if (n == 0) {
        return;
    }
    r->addrs = xrealloc(r->addrs, (r->addr_count + n) * sizeof(*addrs));
    memcpy(r->addrs + r->addr_count, addrs, n * sizeof(*addrs));
    r->addr_count += n;
}

static void
lookup_end(struct lookup *l, int eai)
{
    struct run *run = l->run;
    bool found = run->result.addr_count > 0;
    run->result.error = found ? 0 : eai;
    lookup_close(l);
    run_done(run, found ? OUTCOME_OK : OUTCOME_FAIL);
}

static void
lookup_system_answered(void *context, const struct dns_lookup_result *d)
{
    struct lookup *l = context;
    lookup_take(&l->run->result, d->addrs, d->addr_count);
    lookup_end(l, d->eai);
}

static int
eai_of(const struct dns_result *d)
{
    if (d->outcome != DNS_OUTCOME_ANSWERED || d->answer->rcode == DNS_RCODE_SERVFAIL) {
        return EAI_AGAIN;
    }
    if (d->answer->rcode == DNS_RCODE_NXDOMAIN) {
        return EAI_NONAME;
    }
    return d->answer->rcode == DNS_RCODE_NOERROR ? EAI_NODATA : EAI_FAIL;
}

static void family_ask(struct family *f);

static void
family_ended(struct family *f)
{
    struct lookup *l = f->lookup;
    struct family *a = &l->families[0], *b = &l->families[1];
    f->ended = true;
    if (!a->ended || !b->ended) {
        return;
    }
    lookup_take(&l->run->result, a->addrs, a->count);
    lookup_take(&l->run->result, b->addrs, b->count);
    lookup_end(l, a->eai != 0 ? a->eai : b->eai);
}

static void
family_answered(void *context, const struct dns_result *d)
{
    struct family *f = context;
    struct lookup *l = f->lookup;
    bool useless = d->outcome != DNS_OUTCOME_ANSWERED || d->answer->rcode == DNS_RCODE_REFUSED;
    f->eai = eai_of(d);
    if (!useless) {
        f->count = dns_answer_addrs(d->answer, l->run->wish.name, f->addrs, COUNT_OF(f->addrs));
    }
    dns_exchange_cancel(&f->asked);
    if (useless && f->server + 1 < l->server_count) {
        f->server++;
        family_ask(f); /* as the C library does: the next one when one fails */
        return;
    }
    family_ended(f);
}

static void
lookup_soon(struct deferred *d)
{
    struct lookup *l = CONTAINER_OF(d, struct lookup, soon);
    lookup_end(l, EAI_AGAIN);
}

static void
family_ask(struct family *f)
{
    struct lookup *l = f->lookup;
    uint32_t left = run_left_ms(l->run);
    bool last = f->server + 1 == l->server_count;
    struct dns_ask ask = {.server = l->servers[f->server],
                          .name = l->run->wish.name,
                          .type = f->type,
                          .flags = {.rd = true, .edns = true},
                          .timeout_ms = last ? left : MAX_OF(left / 4, 1)};
    if (dns_exchange_start(run_loop(l->run), &ask, family_answered, f, &f->asked, NULL) != ERR_OK) {
        f->eai = EAI_NONAME;
        loop_defer(run_loop(l->run), &l->soon);
    }
}

/* True when the hosts file knows the name. */
static bool
lookup_hosts(struct lookup *l)
{
    const struct question *q = run_question(l->run);
    struct dns_hosts hosts;
    if (dns_hosts_find(q->hosts_file, l->run->wish.name, &hosts, NULL) != ERR_OK) {
        return false;
    }
    for (size_t i = 0; i < hosts.count; i++) {
        if (q->family == AF_UNSPEC || q->family == hosts.lines[i].addr.sa.sa_family) {
            lookup_take(&l->run->result, &hosts.lines[i].addr, 1);
        }
    }
    return l->run->result.addr_count > 0;
}

static void
lookup_label(struct lookup *l, const char *text)
{
    text_copy(l->run->result.label, sizeof(l->run->result.label), text);
}

static void
lookup_ourselves(struct lookup *l)
{
    const struct question *q = run_question(l->run);
    char text[ADDR_TEXT];
    l->server_count = resolvers_of(q, l->servers, COUNT_OF(l->servers));
    if (lookup_hosts(l)) {
        lookup_label(l, q->hosts_file != NULL ? q->hosts_file : "/etc/hosts");
        loop_defer(run_loop(l->run), &l->soon);
        return;
    }
    if (l->server_count == 0) {
        loop_defer(run_loop(l->run), &l->soon);
        return;
    }
    lookup_label(l, addr_port_text(&l->servers[0], text));
    for (size_t i = 0; i < COUNT_OF(l->families); i++) {
        struct family *f = &l->families[i];
        int family = i == 0 ? AF_INET : AF_INET6;
        f->lookup = l;
        f->type = i == 0 ? DNS_TYPE_A : DNS_TYPE_AAAA;
        f->ended = q->family != AF_UNSPEC && q->family != family;
        if (!f->ended) {
            family_ask(f);
        }
    }
}

static bool
lookup_start(struct run *run)
{
    const struct question *q = run_question(run);
    struct lookup *l = xalloc(sizeof(*l));
    l->run = run;
    deferred_init(&l->soon, lookup_soon);
    run->state = l;
    if (q->dns_count > 0 || q->hosts_file != NULL || q->resolv_conf != NULL) {
        lookup_ourselves(l);
        return true;
    }
    if (dns_lookup_start(run_loop(run), run->wish.name, q->family, lookup_system_answered, l,
                         &l->system, NULL) != ERR_OK) {
        run->result.error = EAI_SYSTEM;
        lookup_close(l);
        return false;
    }
    return true;
}

static void
lookup_cancel(struct run *run)
{
    lookup_close(run->state);
}

const struct machine machine_LOOKUP = {"LOOKUP", lookup_start, lookup_cancel};

/* ---- WALK ---- */

struct walk {
    struct run *run;       /* borrowed */
    struct dns_walk *walk; /* owned */
    size_t filed;
};

/* Every answer of a server of the zone is a result of its own. */
static void
walk_progress(void *context, const struct dns_walk_progress *p)
{
    struct walk *w = context;
    const struct dns_result *d = p->result;
    if (p->step != DNS_WALK_STEP_SERVER || w->filed == WALK_RESULTS_MAX) {
        return;
    }
    w->filed++;
    struct result r = run_result(w->run);
    uint64_t now = run_now_us(w->run);
    r.at = d->server;
    text_copy(r.name, sizeof(r.name), p->question->name);
    text_copy(r.label, sizeof(r.label), p->server_name);
    r.outcome = outcomes[d->outcome];
    r.error = d->error;
    r.start_us = now > d->time_us ? now - d->time_us : 1;
    r.sent_us = r.start_us;
    r.end_us = now;
    r.sent = bytes_copy(d->question);
    r.got = bytes_copy(d->reply);
    r.got_total = d->reply.n;
    if (d->reply.n > 0) {
        r.first_us = r.got_at_us[0] = r.got_at_us[1] = now;
    }
    run_file(w->run, &r);
}

static struct walk_facts *
walk_facts_of(const struct dns_walk_result *d)
{
    struct walk_facts *f = xalloc(sizeof(*f));
    f->outcome = d->outcome;
    f->cut = d->cut;
    memcpy(f->zone, d->zone, sizeof(f->zone));
    memcpy(f->parent, d->parent, sizeof(f->parent));
    f->parent_answered = d->parent_answered;
    f->child_answered = d->child_answered;
    f->child_differs = d->child_differs;
    f->serials_differ = d->serials_differ;
    f->soa_present = d->soa_present;
    f->parent_ns = d->parent_ns;
    f->child_ns = d->child_ns;
    f->server_count = d->server_count;
    for (size_t i = 0; i < d->server_count; i++) {
        const struct dns_walk_server *from = &d->servers[i];
        struct walk_server *to = &f->servers[i];
        memcpy(to->name, from->name, sizeof(to->name));
        to->has_addr = from->has_addr;
        to->addr = from->addr;
        to->in_parent = from->in_parent;
        to->in_child = from->in_child;
        to->state = from->state;
    }
    return f;
}

static void
walk_close(struct run *run)
{
    struct walk *w = run->state;
    dns_walk_cancel(&w->walk);
    run->state = NULL;
    xfree(w);
}

static void
walk_ended(void *context, const struct dns_walk_result *d)
{
    struct walk *w = context;
    struct run *run = w->run;
    run->result.walk = walk_facts_of(d);
    enum outcome outcome = d->outcome == DNS_WALK_FOUND ? OUTCOME_OK : OUTCOME_FAIL;
    if (d->cut && outcome == OUTCOME_FAIL) {
        outcome = OUTCOME_TIMEOUT;
    }
    walk_close(run);
    run_done(run, outcome);
}

static bool
walk_start(struct run *run)
{
    const struct question *q = run_question(run);
    struct dns_walk_params p = {
        .name = run->wish.name,
        .types = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_CNAME, DNS_TYPE_MX, DNS_TYPE_TXT},
        .type_count = 5,
        .authority_port = q->authority_port,
        .budget_ms = run_left_ms(run),
        .try_ms = (uint32_t)MAX_OF(q->timeout_us / 1000, 1)};
    p.resolver_count = resolvers_of(q, p.resolvers, COUNT_OF(p.resolvers));
    struct walk *w = xalloc(sizeof(*w));
    w->run = run;
    run->state = w;
    if (p.resolver_count == 0 ||
        dns_walk_start(run_loop(run), &p, walk_progress, walk_ended, w, &w->walk, NULL) != ERR_OK) {
        run->result.error = EINVAL;
        walk_close(run);
        return false;
    }
    return true;
}

const struct machine machine_WALK = {"WALK", walk_start, walk_close};
