/* SPDX-License-Identifier: Apache-2.0
 * Rules of TCP: closed, swallowed, rejected, another service, and what only looks like TLS trouble
 * [doctor-faults 5; rulings 4, 5]. */
#include "doctor/infer_int.h"
#include "text/text.h"

#include <errno.h>

enum { SITE_ADDRS_MAX = 8, SLOW_US = 900 * 1000, FAST_US = 500 * 1000 };

static bool
connected(const struct result *r)
{
    return r != NULL && r->connected_us != 0;
}

static bool
refused(const struct result *r)
{
    return r != NULL && r->outcome == OUTCOME_FAIL && r->error == ECONNREFUSED;
}

static bool
swallowed(const struct result *r)
{
    return r != NULL && r->connected_us == 0 &&
           (r->outcome == OUTCOME_TIMEOUT || r->error == ETIMEDOUT);
}

static bool
rejected(const struct result *r)
{
    return r != NULL && r->outcome == OUTCOME_FAIL && !refused(r) && !swallowed(r) &&
           r->connected_us == 0 && r->error != 0;
}

/* This machine has no route for that family: nothing is known of the address. */
static bool
unroutable(const struct result *r)
{
    return r->connected_us == 0 && !r->icmp &&
           (r->error == ENETUNREACH || r->error == EADDRNOTAVAIL || r->error == EAFNOSUPPORT);
}

/* The connection that stands for all: the first of a family that this machine can use. */
static const struct result *
main_connection(const struct facts *f)
{
    const struct result *r = NULL;
    while ((r = facts_next(f, r, PROBE_T1, SIDE_SITE)) != NULL && unroutable(r)) {
    }
    return r == NULL ? facts_find(f, PROBE_T1, SIDE_SITE) : r;
}

/* The first address that accepts; NULL when none does. */
static const struct result *
any_open(const struct facts *f, enum side s)
{
    const struct result *r = NULL;
    while ((r = facts_next(f, r, PROBE_T1, s)) != NULL && !connected(r)) {
    }
    return r;
}

static const struct result *
open_port(const struct facts *f)
{
    const struct result *r = NULL;
    while ((r = facts_next(f, r, PROBE_T2, SIDE_PORT)) != NULL && !connected(r)) {
    }
    return r;
}

static bool
any_refused(const struct facts *f)
{
    const struct result *r = NULL;
    while ((r = facts_next(f, r, PROBE_T2, SIDE_PORT)) != NULL && !refused(r)) {
    }
    return r != NULL;
}

/* What ports 443 and 80 of the same machine do. */
static void
show_other_ports(const struct judge *j, struct finding *f)
{
    for (const struct result *r = NULL; (r = facts_next(j->f, r, PROBE_T2, SIDE_PORT)) != NULL;) {
        struct args *a = connected(r) ? finding_contrary(f, EVIDENCE_PORT_OPEN, r)
                                      : finding_evidence(f, EVIDENCE_PORT_CLOSED, r);
        args_setf(a, "other", "%u", addr_port(&r->at));
        args_say(a, "value", refused(r) ? N_("connection refused") : N_("no answer"));
    }
}

/* R4 shows that the load balancer answers where the site's address does not. */
static void
show_lb(const struct judge *j, struct finding *f)
{
    const struct result *r4 = facts_find(j->f, PROBE_R4, SIDE_LB);
    if (r4 != NULL && r4->http != NULL && r4->http->has_status) {
        (void)finding_contrary(f, EVIDENCE_LB_ANSWERS, r4);
    }
}

/* TCP-01: "RST to SYN; T2: 443 open; firewall REJECT with RST or ICMP port-unreachable: same name;
 * ICMP in the error queue tells". */
static void
rule_refused(struct judge *j)
{
    const struct result *t1 = main_connection(j->f);
    if (!refused(t1) || any_open(j->f, SIDE_SITE) != NULL) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_TCP_01, CONFIDENCE_PROVED);
    (void)finding_evidence(f, EVIDENCE_MAIN, t1);
    if (t1->icmp) {
        f->note = N_("The refusal came as an ICMP message: a firewall rejects the port, whether "
                     "somebody listens or not.");
        f->confidence = CONFIDENCE_LIKELY;
    }
    show_other_ports(j, f);
    show_lb(j, f);
    const struct result *other = open_port(j->f);
    if (other != NULL) {
        finding_counter(f, COUNTER_WORKS, other, N_("another port of the same machine is open"));
    }
    finding_sibling(f, "LBC-05");
}

static const struct result *
private_address(const struct facts *f, const char **ret_range)
{
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_T1, SIDE_SITE)) != NULL;) {
        *ret_range = addr_range(&r->at);
        if (*ret_range != NULL) {
            return r;
        }
    }
    return NULL;
}

/* TCP-02 and TCP-09: "port silent while another answers: TCP-02; all silent: TCP-09 if addresses
 * are private, else TCP-02" [ruling 5]. */
static void
rule_swallowed(struct judge *j)
{
    const struct result *t1 = main_connection(j->f);
    const char *range = NULL;
    if (!swallowed(t1) || any_open(j->f, SIDE_SITE) != NULL) {
        return;
    }
    const struct result *other = open_port(j->f);
    bool reset_elsewhere = any_refused(j->f);
    const struct result *inside = private_address(j->f, &range);
    if (other == NULL && !reset_elsewhere && inside != NULL) {
        struct finding *f = finding_new(j, FINDING_TCP_09, CONFIDENCE_LIKELY);
        struct args *a = finding_evidence(f, EVIDENCE_MAIN, inside);
        args_say(a, "range", range);
        show_other_ports(j, f);
        finding_sibling(f, "TCP-03");
        return;
    }
    struct finding *f = finding_new(j, FINDING_TCP_02, CONFIDENCE_LIKELY);
    (void)finding_evidence(f, EVIDENCE_MAIN, t1);
    show_other_ports(j, f);
    show_lb(j, f);
    if (other != NULL) {
        finding_counter(f, COUNTER_WORKS, other, N_("another port of the same machine is open"));
    }
    finding_sibling(f, "TCP-03");
    finding_sibling(f, "TCP-11");
    finding_sibling(f, "LBC-06");
}

static const char *
icmp_words(const struct result *r)
{
    if (!r->icmp) {
        return r->error == ENETUNREACH ? N_("this machine has no route to that network")
                                       : N_("unreachable, said by this machine or its router");
    }
    switch (r->icmp_code) { /* of ICMP type 3 [RFC 792, RFC 1812]; ICMPv6 type 1 is near it */
    case 0: return N_("network unreachable");
    case 1: return N_("host unreachable");
    case 9:
    case 10:
    case 13: return N_("administratively prohibited");
    default: return N_("destination unreachable");
    }
}

/* TCP-04: "EHOSTUNREACH at once, ICMP type 3 code". */
static void
rule_rejected(struct judge *j)
{
    const struct result *t1 = main_connection(j->f);
    if (!rejected(t1) || any_open(j->f, SIDE_SITE) != NULL) {
        return;
    }
    struct finding *f =
        finding_new(j, FINDING_TCP_04, t1->icmp ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    char text[ADDR_TEXT];
    args_set(&f->args, "address", str_of(addr_text(&t1->at, text)));
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, t1);
    args_say(a, "value", icmp_words(t1));
    show_other_ports(j, f);
}

/* TCP-05: "TCP open, full handshake stalls; MSS-clamped retry works". */
static void
rule_mtu(struct judge *j)
{
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    const struct result *hm = facts_find(j->f, PROBE_HM, SIDE_SITE);
    if (h1 == NULL || h1->outcome != OUTCOME_TIMEOUT || h1->connected_us == 0 || hm == NULL ||
        hm->flight == NULL || hm->flight->kind != TLS_FLIGHT_SERVER_HELLO) {
        return;
    }
    const struct result *small = facts_find(j->f, PROBE_H2, SIDE_SITE);
    bool small_works =
        small != NULL && small->flight != NULL && small->flight->kind == TLS_FLIGHT_SERVER_HELLO;
    if (small_works) {
        return; /* TLS-06: it is the hello, not the way */
    }
    struct finding *f = finding_new(j, FINDING_TCP_05, CONFIDENCE_PROVED);
    (void)finding_evidence(f, EVIDENCE_MAIN, h1);
    (void)finding_contrary(f, EVIDENCE_TLS_HELLO, hm);
    finding_counter(f, COUNTER_WORKS, hm, N_("with small segments the same hello is answered"));
}

static const struct {
    enum tls_flight_kind kind;
    const char *service;
    enum sight_id sight;
} services[] = {
    {TLS_FLIGHT_SSH, N_("SSH"), SIGHT_BANNER_FOR_TLS},
    {TLS_FLIGHT_BANNER_220, N_("SMTP or FTP"), SIGHT_BANNER_FOR_TLS},
    {TLS_FLIGHT_MAILBOX, N_("IMAP or POP3"), SIGHT_BANNER_FOR_TLS},
    {TLS_FLIGHT_MYSQL, N_("MySQL"), SIGHT_MYSQL_FOR_TLS},
    {TLS_FLIGHT_OTHER_TEXT, N_("an unknown one that speaks text"), SIGHT_PLAIN_FOR_TLS},
    {TLS_FLIGHT_OTHER_BINARY, N_("an unknown one"), SIGHT_PLAIN_FOR_TLS},
};

/* The port does what the URL asks of it: TLS, or an answer to plain HTTP. */
static bool
speaks(const struct facts *f)
{
    const struct result *h1 = facts_find(f, PROBE_H1, SIDE_SITE);
    const struct result *p1 = facts_find(f, PROBE_P1, SIDE_SITE);
    if (f->question.scheme == SCHEME_HTTPS) {
        return h1 != NULL && h1->flight != NULL && h1->flight->kind == TLS_FLIGHT_SERVER_HELLO;
    }
    return p1 != NULL && p1->http != NULL && p1->http->has_status;
}

/* TCP-06: "P2: it speaks first: SSH-, 220, MySQL length + 0x0a". */
static void
rule_other_service(struct judge *j)
{
    const struct result *p2 = facts_find(j->f, PROBE_P2, SIDE_SITE);
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    const struct result *tries[] = {p2, h1};
    for (size_t t = 0; t < COUNT_OF(tries); t++) {
        const struct result *r = tries[t];
        for (size_t i = 0; r != NULL && r->flight != NULL && i < COUNT_OF(services); i++) {
            if (r->flight->kind != services[i].kind) {
                continue;
            }
            struct finding *f = finding_new(j, FINDING_TCP_06, CONFIDENCE_PROVED);
            f->sight = services[i].sight;
            args_say(&f->args, "service", services[i].service);
            (void)finding_evidence(f, r == p2 ? EVIDENCE_MAIN : EVIDENCE_TLS_PLAIN, r);
            return;
        }
    }
}

static bool
ended_without_a_byte(const struct result *r, enum finish finish)
{
    bool cut = r != NULL && r->flight != NULL && r->flight->kind == TLS_FLIGHT_PARTIAL;
    return connected(r) && r->finish == finish && (r->got_total == 0 || cut);
}

/* TCP-07: "FIN with 0 bytes, also before any data". TLS-08 closes only after the hello. */
static void
rule_closes(struct judge *j)
{
    const struct result *p2 = facts_find(j->f, PROBE_P2, SIDE_SITE);
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    if (!ended_without_a_byte(p2, FINISH_FIN) || ended_without_a_byte(h1, FINISH_RST) ||
        speaks(j->f)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_TCP_07, CONFIDENCE_PROVED);
    (void)finding_evidence(f, EVIDENCE_MAIN, p2);
    if (j->f->question.scheme == SCHEME_HTTP) {
        f->sight = SIGHT_EMPTY_RESPONSE;
    }
    show_lb(j, f);
}

/* TCP-08: "RST, before data or after". */
static void
rule_resets(struct judge *j)
{
    bool https = j->f->question.scheme == SCHEME_HTTPS;
    const struct result *r = facts_find(j->f, https ? PROBE_H1 : PROBE_P1, SIDE_SITE);
    const struct result *p2 = facts_find(j->f, PROBE_P2, SIDE_SITE);
    const struct result *t1 = facts_find(j->f, PROBE_T1, SIDE_SITE);
    const struct result *early = ended_without_a_byte(p2, FINISH_RST)   ? p2
                                 : ended_without_a_byte(t1, FINISH_RST) ? t1
                                                                        : NULL;
    if ((early == NULL && !ended_without_a_byte(r, FINISH_RST)) || speaks(j->f)) {
        return;
    }
    if (!https && facts_find(j->f, PROBE_H1, SIDE_SITE) != NULL) {
        const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
        if (h1->flight != NULL && h1->flight->kind == TLS_FLIGHT_SERVER_HELLO) {
            return; /* HTTP-02: the port speaks TLS */
        }
    }
    const struct result *shown = early != NULL ? early : r;
    struct finding *f = finding_new(j, FINDING_TCP_08, CONFIDENCE_PROVED);
    if (shown->got_total > 0) {
        args_say(finding_evidence(f, EVIDENCE_TCP_ERROR, shown), "value",
                 N_("a reset in the middle of the answer"));
    } else {
        (void)finding_evidence(f, EVIDENCE_MAIN, shown);
    }
    if (shown == early) {
        f->note = N_("The reset comes before anything was sent: TLS has no part in it.");
    }
    show_lb(j, f);
    finding_sibling(f, "TLS-09");
}

static bool
in_lb_set(const struct facts *f, const struct addr *at)
{
    struct addr lb[QUESTION_ADDRS_MAX];
    size_t count = facts_lb_addrs(f, lb, COUNT_OF(lb));
    for (size_t i = 0; i < count; i++) {
        if (addr_eq(&lb[i], at)) {
            return true;
        }
    }
    return false;
}

/* TCP-10 and DNS-11: "one dead address: TCP-10 if it is in the load balancer's set, else DNS-11"
 * [ruling 5]. Of one family only: CLI-01 and DNS-10 speak of the other case. */
static void
rule_dead_address(struct judge *j)
{
    if (name_is_local(str_of(j->f->question.host))) {
        return; /* most servers of one's own machine listen on one family only */
    }
    for (const struct result *r = NULL; (r = facts_next(j->f, r, PROBE_T1, SIDE_SITE)) != NULL;) {
        const struct result *open = any_open(j->f, SIDE_SITE);
        if (connected(r) || r->outcome == OUTCOME_CANCELLED || open == NULL || unroutable(r)) {
            continue;
        }
        if (addr_is_v6(&r->at) && !addr_is_v6(&open->at) && !refused(r)) {
            continue; /* CLI-01: this machine's IPv6, until the opposite is shown */
        }
        bool of_lb = in_lb_set(j->f, &r->at) && in_lb_set(j->f, &open->at);
        struct finding *f =
            finding_new(j, of_lb ? FINDING_TCP_10 : FINDING_DNS_11, CONFIDENCE_PROVED);
        char dead[ADDR_TEXT], alive[ADDR_TEXT];
        args_set(&f->args, "address", str_of(addr_text(&r->at, dead)));
        struct args *a = finding_evidence(f, EVIDENCE_MAIN, r);
        args_set(a, "other", str_of(addr_port_text(&open->at, alive)));
        return;
    }
}

/* TCP-12: "retransmissions": a SYN that had to be repeated after a second. */
static void
rule_slow_connect(struct judge *j)
{
    const struct result *slow = NULL, *fast = NULL;
    for (size_t i = 0; i < j->f->count; i++) {
        const struct result *r = &j->f->results[i];
        if (r->side != SIDE_SITE || !connected(r) || r->connected_us < r->start_us ||
            r->outcome == OUTCOME_CANCELLED) {
            continue;
        }
        uint64_t took = r->connected_us - r->start_us;
        slow = r->syn_retries > 0 && took >= SLOW_US && slow == NULL ? r : slow;
        fast = took < FAST_US && fast == NULL ? r : fast;
    }
    if (slow == NULL || fast == NULL) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_TCP_12, CONFIDENCE_LIKELY);
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, slow);
    args_setf(a, "ms", "%llu", (unsigned long long)((slow->connected_us - slow->start_us) / 1000));
    args_setf(a, "other_ms", "%llu",
              (unsigned long long)((fast->connected_us - fast->start_us) / 1000));
    char text[ADDR_TEXT];
    args_set(&f->args, "address", str_of(addr_port_text(&slow->at, text)));
}

rule_fn *const tcp_rules[] = {
    rule_refused, rule_swallowed, rule_rejected,     rule_mtu,          rule_other_service,
    rule_closes,  rule_resets,    rule_dead_address, rule_slow_connect, NULL};
