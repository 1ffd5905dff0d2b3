/* SPDX-License-Identifier: Apache-2.0
 * Rules of name resolution: does the name exist, who says so, and does it lead to the load balancer
 * [doctor-faults 4; rulings 1, 2, 10]. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "text/text.h"

enum { SITE_ADDRS_MAX = 16, CHAIN_MAX = 8 };

/* ---- answers ---- */

/* Site and load balancer as sets. */
struct sets {
    struct addr site[SITE_ADDRS_MAX], lb[SITE_ADDRS_MAX];
    size_t site_count, lb_count;
};

static bool
in_set(const struct addr *set, size_t count, const struct addr *a)
{
    for (size_t i = 0; i < count; i++) {
        struct addr b = set[i];
        addr_set_port(&b, addr_port(a));
        if (addr_eq(&b, a)) {
            return true;
        }
    }
    return false;
}

static bool
disjoint(const struct addr *a, size_t a_count, const struct addr *b, size_t b_count)
{
    for (size_t i = 0; i < a_count; i++) {
        if (in_set(b, b_count, &a[i])) {
            return false;
        }
    }
    return a_count > 0 && b_count > 0;
}

void
addrs_text(const struct addr *addrs, size_t count, struct buf *out)
{
    char text[ADDR_TEXT];
    for (size_t i = 0; i < count; i++) {
        buf_add_z(out, i == 0 ? "" : ", ");
        buf_add_z(out, addr_text(&addrs[i], text));
    }
}

static void
set_addrs(struct args *a, const char *key, const struct addr *addrs, size_t count)
{
    struct buf text = {0};
    addrs_text(addrs, count, &text);
    args_set(a, key, text.n == 0 ? STR("-") : buf_str(&text));
    buf_free(&text);
}

static struct sets
sets_of(const struct facts *f)
{
    struct sets s;
    s.site_count = facts_site_addrs(f, s.site, COUNT_OF(s.site));
    s.lb_count = facts_lb_addrs(f, s.lb, COUNT_OF(s.lb));
    return s;
}

/* A resolver's answer for the site's name, addresses of either family; NULL: none answered. */
static const struct result *
resolver_answer(const struct facts *f, enum probe p)
{
    const struct result *r = NULL;
    while ((r = facts_next(f, r, p, SIDE_NONE)) != NULL && r->dns == NULL) {
    }
    return r;
}

static size_t
answer_addrs(const struct facts *f, enum probe p, struct addr *ret, size_t max)
{
    const struct result *r = resolver_answer(f, p);
    return r == NULL ? 0 : dns_answer_addrs(r->dns, f->question.host, ret, max);
}

/* What the resolvers say, both families. */
static size_t
cached_addrs(const struct facts *f, struct addr *ret, size_t max)
{
    size_t n = answer_addrs(f, PROBE_D2A, ret, max);
    return n + answer_addrs(f, PROBE_D2Q, ret + n, max - n);
}

/* What the authoritative servers say, each address once; *ret_first is one of their answers. */
static size_t
authority_addrs(const struct facts *f, struct addr *ret, size_t max,
                const struct result **ret_first)
{
    size_t n = 0;
    *ret_first = NULL;
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_D3, SIDE_NONE)) != NULL;) {
        struct addr some[SITE_ADDRS_MAX];
        if (r->dns == NULL || !r->dns->aa || r->dns->rcode != 0 ||
            !dns_name_eq(r->name, f->question.host)) {
            continue;
        }
        size_t count = dns_answer_addrs(r->dns, r->name, some, COUNT_OF(some));
        for (size_t i = 0; i < count && n < max; i++) {
            if (!in_set(ret, n, &some[i])) {
                ret[n++] = some[i];
            }
        }
        *ret_first = count > 0 && *ret_first == NULL ? r : *ret_first;
    }
    return n;
}

static const struct walk_facts *
walk_of(const struct facts *f)
{
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_D3, SIDE_NONE)) != NULL;) {
        if (r->walk != NULL) {
            return r->walk;
        }
    }
    return NULL;
}

static uint32_t
ttl_of(const struct result *r, const char *name)
{
    uint32_t least = 0;
    for (size_t i = 0; r != NULL && r->dns != NULL && i < r->dns->record_count; i++) {
        const struct dns_record *record = &r->dns->records[i];
        if (record->section == DNS_SECTION_ANSWER && dns_name_eq(record->name, name)) {
            least = least == 0 || record->ttl < least ? record->ttl : least;
        }
    }
    return least;
}

bool
site_answers(const struct judge *j)
{
    const struct result *a = j->out->answer;
    return a != NULL && a->http->status < 500 &&
           (a->chain == NULL || a->chain->problem_count == 0 ||
            chain_problem_weight(a->chain->problems[0].kind) != CHAIN_FATAL);
}

static bool
site_opens(const struct judge *j)
{
    return site_answers(j) && j->out->answer->http->status < 400;
}

/* Where the CNAMEs of the resolver's answer end; the host itself when there are none. */
static const char *
chain_end(const struct facts *f, const struct result **ret_answer)
{
    const struct result *r = resolver_answer(f, PROBE_D2A);
    r = r == NULL ? resolver_answer(f, PROBE_D2Q) : r;
    *ret_answer = r;
    const char *last = f->question.host;
    if (r != NULL) {
        const struct dns_record *chain[CHAIN_MAX];
        (void)dns_answer_chain(r->dns, f->question.host, chain, CHAIN_MAX, &last, NULL);
    }
    return last;
}

/* The load balancer's own records carry "dualstack." in front or not: the same machine. */
static bool
same_lb(const char *a, const char *b)
{
    static const char prefix[] = "dualstack.";
    size_t n = sizeof prefix - 1;
    a += strncmp(a, prefix, n) == 0 ? n : 0;
    b += strncmp(b, prefix, n) == 0 ? n : 0;
    return dns_name_eq(a, b);
}

static void
show_ttl(const struct judge *j, struct finding *f)
{
    const struct facts *facts = j->f;
    const struct result *r = resolver_answer(facts, PROBE_D2A);
    struct addr addrs[SITE_ADDRS_MAX];
    args_set(&f->args, "ttl", STR("-"));
    if (r == NULL) {
        return;
    }
    size_t n = dns_answer_addrs(r->dns, facts->question.host, addrs, COUNT_OF(addrs));
    if (n > 0) {
        struct args *a = finding_evidence(f, EVIDENCE_DNS_ADDRESSES, r);
        set_addrs(a, "addresses", addrs, n);
        args_setf(a, "ttl", "%u", ttl_of(r, facts->question.host));
        args_setf(&f->args, "ttl", "%u", ttl_of(r, facts->question.host));
    }
}

static void
show_ptr(const struct judge *j, struct finding *f)
{
    const struct result *r = facts_find(j->f, PROBE_D6, SIDE_NONE);
    for (size_t i = 0; r != NULL && r->dns != NULL && i < r->dns->record_count; i++) {
        if (r->dns->records[i].type == DNS_TYPE_PTR) {
            struct args *a = finding_evidence(f, EVIDENCE_DNS_PTR, r);
            args_set(a, "name", str_of(r->dns->records[i].target));
            return;
        }
    }
}

/* ---- the wrong machine ---- */

static void
show_lb_answer(const struct judge *j, struct finding *f, const struct result *r4)
{
    (void)j;
    if (r4 != NULL && r4->http != NULL && r4->http->has_status) {
        (void)finding_contrary(f, EVIDENCE_LB_ANSWERS, r4);
        finding_counter(f, COUNTER_WORKS, r4,
                        N_("the same request to the load balancer's own address"));
    } else {
        finding_counter(f, r4 == NULL ? COUNTER_NOT_RUN : COUNTER_FAILS, r4,
                        N_("the same request to the load balancer's own address"));
    }
}

/* A page that wants a sign-in is one that opens, when the load balancer wants it, too. */
static bool
wants_sign_in(const struct judge *j, const struct result *r4)
{
    const struct result *a = j->out->answer;
    return site_answers(j) && r4 != NULL && r4->http != NULL && r4->http->has_status &&
           (a->http->status == 401 || a->http->status == 403) &&
           r4->http->status == a->http->status;
}

/* DNS-01: "D5: sets disjoint; R4 works". Without --lb it is only possible [ruling 2]. */
static void
rule_bypassed(struct judge *j)
{
    struct sets s = sets_of(j->f);
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    bool plain = j->f->question.scheme == SCHEME_HTTPS && h1 != NULL && h1->flight != NULL &&
                 h1->flight->kind == TLS_FLIGHT_PLAIN_HTTP;
    if (!j->f->question.lb_given) {
        const char *range = s.site_count > 0 ? addr_range(&s.site[0]) : NULL;
        bool elsewhere = range == NULL || strcmp(range, "loopback") != 0;
        if (plain && elsewhere && facts_lb_name(j->f)[0] == '\0' &&
            !j->f->question.host_is_address) {
            struct finding *f = finding_new(j, FINDING_DNS_01, CONFIDENCE_POSSIBLE);
            args_set(&f->args, "lb", STR("?"));
            args_set(&f->args, "lb_addresses", STR("?"));
            set_addrs(&f->args, "addresses", s.site, s.site_count);
            show_ttl(j, f);
            show_ptr(j, f);
        }
        return;
    }
    if (!disjoint(s.site, s.site_count, s.lb, s.lb_count)) {
        return;
    }
    const struct result *r4 = facts_find(j->f, PROBE_R4, SIDE_LB);
    bool works = r4 != NULL && r4->http != NULL && r4->http->has_status;
    struct finding *f =
        finding_new(j, FINDING_DNS_01, works ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    if (site_opens(j) || wants_sign_in(j, r4)) {
        f->severity = SEVERITY_WARNING; /* it opens, past the load balancer: a CDN, or by luck */
        f->sight = SIGHT_PAGE;
    }
    set_addrs(&f->args, "addresses", s.site, s.site_count);
    set_addrs(&f->args, "lb_addresses", s.lb, s.lb_count);
    (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
    show_ttl(j, f);
    if (h1 != NULL && plain) {
        (void)finding_evidence(f, EVIDENCE_TLS_PLAIN, h1);
    }
    show_ptr(j, f);
    show_lb_answer(j, f, r4);
}

/* LBC-04: "two load balancers, the record points at the other". */
static void
rule_other_lb(struct judge *j)
{
    const struct result *answer = NULL;
    const char *end = chain_end(j->f, &answer);
    const char *lb = j->f->question.lb_name;
    if (lb[0] == '\0' || answer == NULL || dns_name_eq(end, j->f->question.host) ||
        !lb_name_is_one(str_of(end)) || same_lb(end, lb)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_LBC_04, CONFIDENCE_PROVED);
    args_set(&f->args, "name", str_of(end));
    (void)finding_evidence(f, EVIDENCE_MAIN, answer);
    show_lb_answer(j, f, facts_find(j->f, PROBE_R4, SIDE_LB));
}

/* ---- the name does not resolve ---- */

static bool
resolves(const struct facts *f)
{
    struct addr one[1];
    return f->question.host_is_address || facts_site_addrs(f, one, 1) > 0;
}

/* One of the zone's servers says that the name is not there. */
static const struct result *
authority_says(const struct facts *f, uint16_t rcode)
{
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_D3, SIDE_NONE)) != NULL;) {
        if (r->dns != NULL && r->dns->aa && r->dns->rcode == rcode &&
            dns_name_eq(r->name, f->question.host)) {
            return r;
        }
    }
    return NULL;
}

/* DNS-02: "D3 NXDOMAIN with AA"; DNS-05: "chain ends in NXDOMAIN at a load balancer's name". */
static void
rule_missing(struct judge *j)
{
    const struct result *answer = NULL;
    const char *end = chain_end(j->f, &answer);
    if (resolves(j->f) || answer == NULL ||
        (answer->dns->rcode != DNS_RCODE_NXDOMAIN && answer->dns->rcode != DNS_RCODE_NOERROR)) {
        return;
    }
    bool nodata = answer->dns->rcode == DNS_RCODE_NOERROR;
    bool chained = !dns_name_eq(end, j->f->question.host);
    if (chained && lb_name_is_one(str_of(end))) {
        struct finding *f = finding_new(j, FINDING_DNS_05, CONFIDENCE_PROVED);
        args_set(&f->args, "name", str_of(end));
        (void)finding_evidence(f, EVIDENCE_MAIN, answer);
        return;
    }
    const struct result *authority =
        authority_says(j->f, nodata ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN);
    struct finding *f =
        finding_new(j, FINDING_DNS_02, authority != NULL ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    args_set(&f->args, "name", str_of(end));
    char number[DNS_NUMBER_TEXT];
    struct args *a = finding_evidence(f, nodata ? EVIDENCE_DNS_RCODE : EVIDENCE_MAIN, answer);
    args_set(a, "rcode", str_of(dns_rcode_name(answer->dns->rcode, number)));
    if (nodata) {
        f->note = N_("The name exists, but it has no address records.");
    } else if (chained) {
        f->note = N_("The record of {host} is there and points to {name}, which does not exist.");
    }
    if (authority != NULL) {
        a = finding_evidence(f, EVIDENCE_DNS_RCODE, authority);
        args_set(a, "rcode", str_of(dns_rcode_name(authority->dns->rcode, number)));
    }
}

static void
set_names(struct args *a, const char *key, const struct dns_name_set *set)
{
    struct buf text = {0};
    for (size_t i = 0; i < set->count; i++) {
        buf_add_z(&text, i == 0 ? "" : ", ");
        buf_add_z(&text, set->names[i]);
    }
    args_set(a, key, text.n == 0 ? STR("-") : buf_str(&text));
    buf_free(&text);
}

static bool
name_sets_share(const struct dns_name_set *a, const struct dns_name_set *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            if (dns_name_eq(a->names[i], b->names[k])) {
                return true;
            }
        }
    }
    return false;
}

/* DNS-03: "NS of the parent differs from NS of the zone". */
static void
rule_delegation(struct judge *j)
{
    const struct walk_facts *w = walk_of(j->f);
    if (w == NULL || resolves(j->f) || w->parent_ns.count == 0 || w->child_ns.count == 0 ||
        name_sets_share(&w->parent_ns, &w->child_ns)) {
        return;
    }
    struct addr addrs[SITE_ADDRS_MAX];
    const struct result *authority = NULL;
    bool exists = authority_addrs(j->f, addrs, COUNT_OF(addrs), &authority) > 0;
    struct finding *f =
        finding_new(j, FINDING_DNS_03, exists ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    args_set(&f->args, "zone", str_of(w->zone));
    set_names(&f->args, "parent_servers", &w->parent_ns);
    set_names(&f->args, "child_servers", &w->child_ns);
    (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
    if (exists) {
        struct args *a = finding_contrary(f, EVIDENCE_DNS_AUTHORITY, authority);
        set_addrs(a, "addresses", addrs, 1);
    }
}

static const char *
server_state_words(enum dns_server_state s)
{
    switch (s) {
    case DNS_SERVER_LAME: return N_("it refuses, or does not know the zone");
    case DNS_SERVER_SILENT: return N_("it sends no answer");
    case DNS_SERVER_UNREACHABLE: return N_("it cannot be reached");
    case DNS_SERVER_BROKEN: return N_("its answers are malformed");
    case DNS_SERVER_NO_ADDRESS: return N_("it has no address");
    case DNS_SERVER_GOOD:
    case DNS_SERVER_UNKNOWN: return NULL;
    }
    return NULL;
}

/* DNS-04: "D2 SERVFAIL, with CD bit NOERROR: DNSSEC; timeouts at some NS: lame". */
static void
rule_servfail(struct judge *j)
{
    const struct result *answer = resolver_answer(j->f, PROBE_D2A);
    if (resolves(j->f) || answer == NULL || answer->dns->rcode != DNS_RCODE_SERVFAIL) {
        return;
    }
    const struct result *unchecked = facts_find(j->f, PROBE_D2C, SIDE_NONE);
    const struct walk_facts *w = walk_of(j->f);
    bool dnssec =
        unchecked != NULL && unchecked->dns != NULL && unchecked->dns->rcode == DNS_RCODE_NOERROR;
    struct finding *f =
        finding_new(j, FINDING_DNS_04, dnssec ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    args_set(&f->args, "zone", str_of(w == NULL || w->zone[0] == '\0' ? "?" : w->zone));
    (void)finding_evidence(f, EVIDENCE_MAIN, answer);
    if (dnssec) {
        f->note = N_("With checking switched off the resolver answers: the zone's DNSSEC "
                     "signatures or its DS record are wrong.");
        finding_counter(f, COUNTER_WORKS, unchecked,
                        N_("the same question without DNSSEC checking is answered"));
        return;
    }
    for (size_t i = 0; w != NULL && i < w->server_count; i++) {
        const char *words = server_state_words(w->servers[i].state);
        if (words != NULL) {
            struct args *a = finding_evidence(f, EVIDENCE_DNS_LAME, NULL);
            args_set(a, "server", str_of(w->servers[i].name));
            args_say(a, "value", words);
        }
    }
}

/* DNS-06: "NODATA for A; no IPv6 route", or the family that -4 or -6 leaves. */
static void
rule_family(struct judge *j)
{
    const struct question *q = &j->f->question;
    struct addr four[SITE_ADDRS_MAX], six[SITE_ADDRS_MAX];
    size_t fours = answer_addrs(j->f, PROBE_D2A, four, COUNT_OF(four));
    size_t sixes = answer_addrs(j->f, PROBE_D2Q, six, COUNT_OF(six));
    bool can4 = q->family != AF_INET6 && (j->f->local.route4 || q->family == AF_INET);
    bool can6 = q->family != AF_INET && (j->f->local.route6 || q->family == AF_INET6);
    bool only6 = sixes > 0 && fours == 0 && !can6, only4 = fours > 0 && sixes == 0 && !can4;
    if ((!only6 && !only4) || site_answers(j) || (only4 && addr_range(&four[0]) != NULL) ||
        (only6 && addr_range(&six[0]) != NULL)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_DNS_06, CONFIDENCE_PROVED);
    args_set(&f->args, "have", only6 ? STR("IPv6 (AAAA)") : STR("IPv4 (A)"));
    args_set(&f->args, "lack", only6 ? STR("IPv4 (A)") : STR("IPv6 (AAAA)"));
    if (only4) {
        f->sight = SIGHT_UNREACHABLE;
    }
    (void)finding_evidence(f, EVIDENCE_MAIN, resolver_answer(j->f, PROBE_D2Q));
}

/* ---- two answers for one name ---- */

static bool
all_private(const struct addr *addrs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (addr_range(&addrs[i]) == NULL) {
            return false;
        }
    }
    return count > 0;
}

/* DNS-07 "D2 differs from D3; private ranges in the answer" and DNS-08 "D2 differs from D3 with the
 * TTL counting down". A site that answers has neither: large sites answer each question
 * differently. */
static void
rule_two_answers(struct judge *j)
{
    struct addr cached[SITE_ADDRS_MAX], right[SITE_ADDRS_MAX];
    const struct result *authority = NULL, *answer = resolver_answer(j->f, PROBE_D2A);
    size_t cached_count = cached_addrs(j->f, cached, COUNT_OF(cached));
    size_t right_count = authority_addrs(j->f, right, COUNT_OF(right), &authority);
    if (!disjoint(cached, cached_count, right, right_count) || site_answers(j)) {
        return;
    }
    bool split = all_private(cached, cached_count) != all_private(right, right_count);
    /* A server error at the end is an outage of any kind; names of large sites rotate. */
    bool failing = j->out->answer != NULL && j->out->answer->http->status >= 500;
    struct finding *f = finding_new(j, split ? FINDING_DNS_07 : FINDING_DNS_08,
                                    failing ? CONFIDENCE_POSSIBLE : CONFIDENCE_PROVED);
    set_addrs(&f->args, "addresses", cached, cached_count);
    set_addrs(&f->args, "authoritative", right, right_count);
    uint32_t ttl = ttl_of(answer, j->f->question.host);
    args_setf(&f->args, "ttl", "%u", ttl);
    (void)finding_evidence(f, EVIDENCE_MAIN, answer);
    struct args *a = finding_contrary(f, EVIDENCE_DNS_AUTHORITY, authority);
    set_addrs(a, "addresses", right, right_count);
    if (!split) {
        (void)finding_new(j, FINDING_BRW_04, CONFIDENCE_POSSIBLE);
    }
}

/* DNS-09: "D2 timeout, D3 over another path fine". */
static void
rule_resolver(struct judge *j)
{
    const struct result *silent = NULL;
    for (const struct result *r = NULL; (r = facts_next(j->f, r, PROBE_D2A, SIDE_NONE)) != NULL;) {
        if (r->dns != NULL && r->dns->rcode != DNS_RCODE_REFUSED) {
            return;
        }
        silent = r;
    }
    if (silent == NULL || resolves(j->f)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_DNS_09, CONFIDENCE_LIKELY);
    args_set(&f->args, "server", str_of(silent->label));
    char number[DNS_NUMBER_TEXT];
    if (silent->dns != NULL) {
        struct args *a = finding_evidence(f, EVIDENCE_DNS_RCODE, silent);
        args_set(a, "rcode", str_of(dns_rcode_name(silent->dns->rcode, number)));
        f->sight = SIGHT_NAME_NOT_RESOLVED;
    } else {
        (void)finding_evidence(f, EVIDENCE_MAIN, silent);
    }
}

/* ---- families and records that contradict the server ---- */

static bool
greeted(const struct result *r)
{
    return r->flight->kind == TLS_FLIGHT_SERVER_HELLO || r->flight->kind == TLS_FLIGHT_HELLO_RETRY;
}

/* How a hello or page of one family went, as far as two of them can be compared. */
static bool
same_server(const struct result *a, const struct result *b)
{
    if (a->flight != NULL && b->flight != NULL) {
        return a->flight->kind == b->flight->kind || (greeted(a) && greeted(b));
    }
    if (a->chain != NULL && b->chain != NULL && a->chain->count > 0 && b->chain->count > 0 &&
        strcmp(a->chain->certificates[0].subject, b->chain->certificates[0].subject) != 0) {
        return false;
    }
    if (a->http != NULL && b->http != NULL) {
        return a->http->status == b->http->status &&
               str_eq(http_seen_header(a->http, "server"), http_seen_header(b->http, "server"));
    }
    return (a->http == NULL) == (b->http == NULL);
}

/* DNS-10: "H1/R1 per address: other certificate or Server". A browser does not fall back once TCP
 * connects, so a family that connects and fails is a fault. */
static void
rule_two_families(struct judge *j)
{
    static const enum probe probes[] = {PROBE_H1, PROBE_R1};
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        const struct result *four = NULL, *six = NULL;
        for (const struct result *r = NULL;
             (r = facts_next(j->f, r, probes[i], SIDE_SITE)) != NULL;) {
            if (r->connected_us != 0 && r->outcome != OUTCOME_CANCELLED) {
                *(addr_is_v6(&r->at) ? &six : &four) = r;
            }
        }
        if (four == NULL || six == NULL || same_server(four, six)) {
            continue;
        }
        struct finding *f = finding_new(j, FINDING_DNS_10, CONFIDENCE_PROVED);
        char text[ADDR_TEXT];
        struct args *a = finding_evidence(f, EVIDENCE_MAIN, six);
        args_set(a, "other", str_of(addr_port_text(&four->at, text)));
        bool broken = six->flight != NULL && !greeted(six);
        if (broken && j->f->local.route6) {
            f->severity = SEVERITY_FAULT;
            f->sight =
                six->flight->kind == TLS_FLIGHT_PLAIN_HTTP ? SIGHT_PLAIN_FOR_TLS : SIGHT_CLOSED;
        }
        return;
    }
}

static const struct dns_record *
https_record(const struct result *r)
{
    for (size_t i = 0; r != NULL && r->dns != NULL && i < r->dns->record_count; i++) {
        const struct dns_record *record = &r->dns->records[i];
        if (record->type == DNS_TYPE_HTTPS && record->section == DNS_SECTION_ANSWER) {
            return record;
        }
    }
    return NULL;
}

void
https_record_text(const struct dns_record *r, struct buf *out)
{
    const struct dns_https *h = &r->https;
    buf_addf(out, "%u %s", h->priority, r->target);
    if (h->alpn[0] != '\0') {
        buf_addf(out, " alpn=%s", h->alpn);
    }
    if (h->port != 0) {
        buf_addf(out, " port=%u", h->port);
    }
    if (h->hint4_count > 0) {
        buf_add_z(out, " ipv4hint=");
        addrs_text(h->hint4, h->hint4_count, out);
    }
    if (h->ech) {
        buf_add_z(out, " ech");
    }
}

/* The hints are addresses that nobody else names. Where the servers of the zone give other
 * addresses than the resolver does, each answer of the site is another one, and hints may be, too.
 */
static bool
hints_are_old(const struct judge *j, const struct dns_https *h)
{
    struct addr cached[SITE_ADDRS_MAX], right[SITE_ADDRS_MAX];
    const struct result *authority = NULL;
    size_t count = cached_addrs(j->f, cached, COUNT_OF(cached));
    size_t right_count = authority_addrs(j->f, right, COUNT_OF(right), &authority);
    return disjoint(h->hint4, h->hint4_count, cached, count) &&
           !disjoint(cached, count, right, right_count);
}

const struct result *
https_port(const struct facts *f)
{
    const struct result *r = NULL;
    while ((r = facts_next(f, r, PROBE_T2, SIDE_PORT)) != NULL && addr_port(&r->at) != 443) {
    }
    return r;
}

/* Does the record promise what the server does not do? For http:// only one thing counts: browsers
 * turn it into https, where nobody may be. */
static bool
record_is_wrong(const struct judge *j, const struct dns_record *record, bool of_port)
{
    const struct dns_https *h = &record->https;
    if (j->f->question.scheme == SCHEME_HTTP) {
        const struct result *t2 = https_port(j->f);
        return !of_port && j->f->question.port == 80 && t2 != NULL && t2->connected_us == 0;
    }
    const struct result *r2 = facts_find(j->f, PROBE_R2, SIDE_SITE);
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    bool for_us = of_port || j->f->question.port == 443;
    if (hints_are_old(j, h)) {
        return true;
    }
    if (!for_us) {
        return false;
    }
    return (h->port != 0 && h->port != j->f->question.port) ||
           (str_find(str_of(h->alpn), STR("h2"), NULL) && r2 != NULL && r2->seen != NULL &&
            r2->seen->done && r2->seen->alpn_n == 0) ||
           (h1 != NULL && h1->flight != NULL && h1->flight->kind == TLS_FLIGHT_PLAIN_HTTP);
}

/* DNS-12: "type 65 content against T1/H1". */
static void
rule_https_record(struct judge *j)
{
    static const enum probe probes[] = {PROBE_D4, PROBE_D2H};
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        const struct result *r = facts_find(j->f, probes[i], SIDE_NONE);
        const struct dns_record *record = https_record(r);
        if (record == NULL || !record_is_wrong(j, record, probes[i] == PROBE_D4)) {
            continue;
        }
        struct finding *f = finding_new(j, FINDING_DNS_12, CONFIDENCE_PROVED);
        struct buf text = {0};
        https_record_text(record, &text);
        args_set(&f->args, "name", str_of(record->name));
        args_set(&f->args, "value", buf_str(&text));
        buf_free(&text);
        (void)finding_evidence(f, EVIDENCE_MAIN, r);
        if (j->f->question.scheme == SCHEME_HTTP) {
            f->severity = SEVERITY_FAULT;
            f->sight = https_port(j->f)->outcome == OUTCOME_TIMEOUT ? SIGHT_DROPPED : SIGHT_REFUSED;
        }
        return;
    }
}

/* DNS-13: "answer equals that of a random label". Worth a word where the wrong site answers. */
static void
rule_wildcard(struct judge *j)
{
    const struct result *w = facts_find(j->f, PROBE_D2W, SIDE_NONE);
    struct addr cached[SITE_ADDRS_MAX], random[SITE_ADDRS_MAX];
    size_t count = cached_addrs(j->f, cached, COUNT_OF(cached));
    if (w == NULL || w->dns == NULL || w->dns->rcode != DNS_RCODE_NOERROR) {
        return;
    }
    size_t n = dns_answer_addrs(w->dns, w->name, random, COUNT_OF(random));
    if (n == 0 || count == 0 || disjoint(cached, count, random, n)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_DNS_13, CONFIDENCE_PROVED);
    args_set(&f->args, "random", str_of(w->name));
    const struct result *page = facts_find(j->f, PROBE_R1, SIDE_SITE);
    if (page != NULL && page->chain != NULL &&
        chain_problem_of(page->chain, CHAIN_NAME_MISMATCH) != NULL) {
        f->severity = SEVERITY_FAULT; /* nobody at that address knows the name either */
        f->confidence = CONFIDENCE_LIKELY;
        f->sight = SIGHT_CERT_NAME;
        finding_sibling(f, "CRT-01");
    } else if (!site_answers(j)) {
        f->severity = SEVERITY_WARNING;
    }
    (void)finding_evidence(f, EVIDENCE_MAIN, w);
}

/* DNS-14: "CNAME with SOA/NS at one name", or beside other data in one answer. */
static void
rule_cname_beside(struct judge *j)
{
    const struct walk_facts *w = walk_of(j->f);
    const struct result *answer = resolver_answer(j->f, PROBE_D2A);
    const char *host = j->f->question.host;
    if (answer == NULL || dns_answer_find(answer->dns, host, DNS_TYPE_CNAME) == NULL) {
        return;
    }
    bool apex = w != NULL && w->soa_present && dns_name_eq(w->zone, host);
    bool beside = dns_answer_find(answer->dns, host, DNS_TYPE_A) != NULL;
    if (!apex && !beside) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_DNS_14, CONFIDENCE_PROVED);
    args_set(&f->args, "name", str_of(host));
    args_set(&f->args, "value", apex ? STR("SOA, NS") : STR("A"));
    (void)finding_evidence(f, EVIDENCE_MAIN, answer);
}

rule_fn *const dns_rules[] = {
    rule_bypassed, rule_other_lb,     rule_missing,  rule_delegation,   rule_servfail,
    rule_family,   rule_two_answers,  rule_resolver, rule_two_families, rule_https_record,
    rule_wildcard, rule_cname_beside, NULL};
