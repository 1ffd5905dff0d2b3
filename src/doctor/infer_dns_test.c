/* SPDX-License-Identifier: Apache-2.0
 * The rules of name resolution, each with its healthy twin, and what only looks like them. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/test.h"

#include <errno.h>

static const char url[] = "https://app.example.com:8443/";
static const char host[] = "app.example.com";
static const char at[] = "198.51.100.7:8443";
static const char resolver[] = "192.0.2.53";
static const char lb_name[] = "web-1.eu-west-1.elb.amazonaws.com";
static const char other_lb[] = "old-2.eu-west-1.elb.amazonaws.com";
static const char plain[] =
    "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";

/* ---- pieces ---- */

static void
answer_of_lb(struct facts *f)
{
    test_page(f, PROBE_R4, SIDE_LB, "203.0.113.1:8443", "200 OK", "Server: nginx\r\n", "hello");
}

/* The name has no address for this machine; the resolver says `rcode`. */
static void
unresolved(struct facts *f, uint16_t rcode)
{
    test_site(f, url);
    test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    test_dns(f, PROBE_D2A, resolver, host, rcode, "", 0);
    test_dns(f, PROBE_D2Q, resolver, host, rcode, "", 0);
}

static struct walk_facts *
walk(struct facts *f, const char *zone)
{
    struct result *r = test_result(f, PROBE_D3, SIDE_NONE, NULL, OUTCOME_OK);
    r->walk = xalloc(sizeof *r->walk);
    ASSERT(str_copy_z(str_of(zone), r->walk->zone, sizeof r->walk->zone));
    return r->walk;
}

static void
name_server(struct dns_name_set *set, const char *name)
{
    ASSERT(str_copy_z(str_of(name), set->names[set->count], sizeof set->names[0]));
    set->count++;
}

static void
alias(struct facts *f, const char *to, const char *address)
{
    struct result *r = test_dns(f, PROBE_D2A, resolver, host, 0, "", 60);
    (void)test_record(r, host, DNS_TYPE_CNAME, to);
    if (address != NULL) {
        ASSERT(addr_parse(str_of(address), 0, &test_record(r, to, DNS_TYPE_A, "")->addr));
    }
}

/* ---- the wrong machine ---- */

static void
bypassed(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_lb(f, "203.0.113.1:8443");
        test_text(f, PROBE_H1, SIDE_SITE, at, plain, FINISH_FIN);
        test_text(f, PROBE_P1, SIDE_SITE, at, plain, FINISH_FIN);
    } else {
        test_lb(f, at);
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    }
    answer_of_lb(f);
}

/* The same answer, the same addresses: the listener itself speaks plain HTTP. */
static void
plain_listener(struct facts *f, bool bad)
{
    bypassed(f, bad);
    f->question.lb_addr_count = 0;
    test_lb(f, at);
}

static void
bypassed_without_answer(struct facts *f, bool bad)
{
    test_site(f, url);
    test_resolves(f, "198.51.100.7");
    test_lb(f, bad ? "203.0.113.1:8443" : at);
    test_tcp(f, SIDE_SITE, at, bad ? ECONNREFUSED : 0);
    if (!bad) {
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    }
}

static void
bypassed_other_certificate(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    test_lb(f, bad ? "203.0.113.1:8443" : at);
    if (bad) {
        struct result *r1 = &f->results[f->count - 1];
        test_names(r1, "old.example.com");
        test_problem(r1, CHAIN_NAME_MISMATCH);
        answer_of_lb(f);
    }
}

/* A CDN stands in front, and the site opens. */
static void
opens_past_lb(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    test_lb(f, bad ? "203.0.113.1:8443" : at);
    answer_of_lb(f);
}

/* http://: the old machine has a page of its own there. */
static void
bypassed_plain(struct facts *f, bool bad)
{
    test_reached(f, "http://app.example.com:8443/");
    test_page(f, PROBE_R1, SIDE_SITE, at, bad ? "404 Not Found" : "200 OK", "", "hello");
    test_lb(f, bad ? "203.0.113.1:8443" : at);
    test_text(f, PROBE_R4, SIDE_LB, "203.0.113.1:8443",
              "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", FINISH_US);
}

static void
points_to_other_lb(struct facts *f, bool bad)
{
    test_site(f, url);
    ASSERT(str_copy_z(str_of(lb_name), f->question.lb_name, sizeof f->question.lb_name));
    f->question.lb_given = true;
    test_dns(f, PROBE_D5A, resolver, lb_name, 0, bad ? "203.0.113.1" : "198.51.100.7", 60);
    alias(f, bad ? other_lb : "dualstack.web-1.eu-west-1.elb.amazonaws.com", "198.51.100.7");
    test_healthy(f);
    answer_of_lb(f);
}

/* ---- the name does not resolve ---- */

static void
no_name(struct facts *f, bool bad)
{
    if (!bad) {
        test_site(f, url);
        test_healthy(f);
        test_dns(f, PROBE_D3, "ns1.example.com", host, 0, "198.51.100.7", 60);
        return;
    }
    unresolved(f, DNS_RCODE_NXDOMAIN);
    test_dns(f, PROBE_D3, "ns1.example.com", host, DNS_RCODE_NXDOMAIN, "", 0);
}

static void
no_name_unconfirmed(struct facts *f, bool bad)
{
    no_name(f, bad);
    f->count -= bad; /* the zone's servers cannot be reached */
    if (bad) {
        result_done(&f->results[f->count]);
    }
}

static void
no_addresses(struct facts *f, bool bad)
{
    if (bad) {
        unresolved(f, DNS_RCODE_NOERROR);
        test_dns(f, PROBE_D3, "ns1.example.com", host, DNS_RCODE_NOERROR, "", 0);
    } else {
        no_name(f, false);
    }
}

static void
not_delegated(struct facts *f, bool bad)
{
    if (bad) {
        unresolved(f, DNS_RCODE_NXDOMAIN);
    } else {
        test_site(f, url);
        test_healthy(f);
    }
    struct walk_facts *w = walk(f, "example.com");
    w->parent_answered = w->child_answered = true;
    name_server(&w->parent_ns, bad ? "ns.registrar.example" : "ns-1.zone.example");
    name_server(&w->child_ns, "ns-1.zone.example");
    w->child_differs = bad;
    test_dns(f, PROBE_D3, "ns-1.zone.example", host, 0, "198.51.100.7", 60);
}

static void
unsigned_zone(struct facts *f, bool bad)
{
    if (!bad) {
        no_name(f, false);
        return;
    }
    unresolved(f, DNS_RCODE_SERVFAIL);
    test_dns(f, PROBE_D2C, resolver, host, 0, "198.51.100.7", 60);
}

static void
lame_servers(struct facts *f, bool bad)
{
    if (!bad) {
        no_name(f, false);
        return;
    }
    unresolved(f, DNS_RCODE_SERVFAIL);
    test_dns(f, PROBE_D2C, resolver, host, DNS_RCODE_SERVFAIL, "", 0);
    struct walk_facts *w = walk(f, "example.com");
    w->server_count = 1;
    ASSERT(str_copy_z(STR("ns1.example.com"), w->servers[0].name, sizeof w->servers[0].name));
    w->servers[0].state = DNS_SERVER_LAME;
}

static void
deleted_lb(struct facts *f, bool bad)
{
    test_site(f, url);
    if (!bad) {
        alias(f, lb_name, "198.51.100.7");
        test_healthy(f);
        return;
    }
    test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    alias(f, lb_name, NULL);
    f->results[f->count - 1].dns->rcode = DNS_RCODE_NXDOMAIN;
}

/* The same with a name that is no load balancer's. */
static void
dangling_alias(struct facts *f, bool bad)
{
    test_site(f, url);
    if (!bad) {
        alias(f, "www.example.net", "198.51.100.7");
        test_healthy(f);
        return;
    }
    test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    alias(f, "www.example.net", NULL);
    f->results[f->count - 1].dns->rcode = DNS_RCODE_NXDOMAIN;
}

static void
only_ipv6(struct facts *f, bool bad)
{
    test_site(f, url);
    f->local.route6 = !bad;
    test_dns(f, PROBE_D2A, resolver, host, 0, "", 0);
    test_dns(f, PROBE_D2Q, resolver, host, 0, "2a00:1::7", 60);
    if (bad) {
        test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    } else {
        test_tcp(f, SIDE_SITE, "[2a00:1::7]:8443", 0);
        test_hello(f, PROBE_H1, SIDE_SITE, "[2a00:1::7]:8443", TLS_V_13, 0x1301);
        test_page(f, PROBE_R1, SIDE_SITE, "[2a00:1::7]:8443", "200 OK", "", "hello");
    }
}

static void
silent_resolver(struct facts *f, bool bad)
{
    test_site(f, url);
    if (!bad) { /* one of two is silent: the other answers */
        ASSERT(
            str_copy_z(STR("192.0.2.54"), test_silent(f, PROBE_D2A, SIDE_NONE, NULL)->label, 128));
        test_healthy(f);
        return;
    }
    test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    static const enum probe probes[] = {PROBE_D2A, PROBE_D2Q};
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        struct result *r = test_silent(f, probes[i], SIDE_NONE, NULL);
        ASSERT(str_copy_z(str_of(resolver), r->label, sizeof r->label));
    }
}

static void
filtering_resolver(struct facts *f, bool bad)
{
    if (bad) {
        unresolved(f, DNS_RCODE_REFUSED);
        test_dns(f, PROBE_D3, "ns1.example.com", host, 0, "198.51.100.7", 60);
    } else {
        no_name(f, false);
    }
}

/* ---- two answers ---- */

static void
split_horizon(struct facts *f, bool bad)
{
    test_site(f, url);
    if (!bad) {
        test_healthy(f);
    } else {
        test_resolves(f, "10.0.0.5");
        test_silent(f, PROBE_T1, SIDE_SITE, "10.0.0.5:8443");
    }
    test_dns(f, PROBE_D3, "ns1.example.com", host, 0, "198.18.0.7", 60);
}

static void
stale(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, at, plain, FINISH_FIN);
        test_text(f, PROBE_P1, SIDE_SITE, at, plain, FINISH_FIN);
    } else {
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    }
    test_dns(f, PROBE_D3, "ns1.example.com", host, 0, bad ? "203.0.113.1" : "198.51.100.7", 300);
}

/* Both know the load balancer; the record is right already: not DNS-01. */
static void
stale_with_lb(struct facts *f, bool bad)
{
    stale(f, bad);
    test_lb(f, bad ? "203.0.113.1:8443" : at);
    answer_of_lb(f);
}

static void
record_says_the_same(struct facts *f, bool bad)
{
    bypassed(f, bad);
    test_dns(f, PROBE_D3, "ns1.example.com", host, 0, "198.51.100.7", 300);
}

/* ---- families ---- */

static void
old_ipv6(struct facts *f, bool bad)
{
    test_site(f, url);
    f->local.route6 = true;
    test_resolves(f, "198.51.100.7 2a00:1::7");
    test_tcp(f, SIDE_SITE, at, 0);
    test_tcp(f, SIDE_SITE, "[2a00:1::7]:8443", 0);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, "[2a00:1::7]:8443", plain, FINISH_FIN);
    } else {
        test_hello(f, PROBE_H1, SIDE_SITE, "[2a00:1::7]:8443", TLS_V_13, 0x1302);
        test_page(f, PROBE_R1, SIDE_SITE, "[2a00:1::7]:8443", "200 OK", "", "hello");
    }
    test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
}

static void
other_ipv6_server(struct facts *f, bool bad)
{
    test_site(f, url);
    test_resolves(f, "198.51.100.7 2a00:1::7");
    test_tcp(f, SIDE_SITE, at, 0);
    test_tcp(f, SIDE_SITE, "[2a00:1::7]:8443", 0);
    test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "Server: nginx\r\n", "hello");
    test_page(f, PROBE_R1, SIDE_SITE, "[2a00:1::7]:8443", bad ? "404 Not Found" : "200 OK",
              bad ? "Server: Apache\r\n" : "Server: nginx\r\n", "hello");
}

static void
dead_address(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    test_tcp(f, SIDE_SITE, "198.51.100.8:8443", bad ? ECONNREFUSED : 0);
}

/* ---- records that contradict the server ---- */

static struct dns_https *
https_record(struct facts *f, enum probe p)
{
    struct result *r = test_dns(f, p, resolver, host, 0, "", 60);
    struct dns_record *record = test_record(r, host, DNS_TYPE_HTTPS, ".");
    record->https.priority = 1;
    ASSERT(str_copy_z(STR("h2"), record->https.alpn, sizeof record->https.alpn));
    return &record->https;
}

static void
https_record_other_port(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    https_record(f, PROBE_D4)->port = bad ? 9443 : 8443;
}

static void
https_record_old_hint(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    struct dns_https *h = https_record(f, PROBE_D4);
    h->hint4_count = 1;
    ASSERT(addr_parse(bad ? STR("203.0.113.99") : STR("198.51.100.7"), 0, &h->hint4[0]));
}

static void
https_record_no_h2(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    (void)https_record(f, PROBE_D4);
    struct result *r2 = test_h2(f, at);
    r2->seen->alpn_n = bad ? 0 : 2;
    r2->http->has_status = !bad;
    r2->http->status = bad ? 0 : 200;
    r2->outcome = OUTCOME_OK;
}

/* Browsers go to https of port 443, because the record exists, and nobody is there. */
static void
https_record_closed_port(struct facts *f, bool bad)
{
    test_site(f, "http://app.example.com:80/");
    test_healthy(f);
    (void)https_record(f, PROBE_D2H);
    struct result *t2 =
        test_result(f, PROBE_T2, SIDE_PORT, "198.51.100.7:443", bad ? OUTCOME_FAIL : OUTCOME_OK);
    if (bad) {
        t2->error = ECONNREFUSED;
        t2->connected_us = 0;
    }
}

static void
wildcard(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    test_dns(f, PROBE_D2W, resolver, "x9q.example.com", 0, "198.51.100.7", 60);
    if (bad) {
        struct result *r1 = &f->results[f->count - 2];
        ASSERT(r1->probe == PROBE_R1);
        test_names(r1, "www.example.com");
        test_problem(r1, CHAIN_NAME_MISMATCH);
    }
}

static void
cname_at_apex(struct facts *f, bool bad)
{
    test_site(f, url);
    struct walk_facts *w = walk(f, bad ? host : "example.com");
    w->soa_present = true;
    alias(f, "www.example.net", "198.51.100.7");
    test_healthy(f);
}

static const struct infer_case cases[] = {
    {.title = "the name leads past the load balancer",
     .make = bypassed,
     .ids = "DNS-01 LBC-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS,
     .args = "addresses=198.51.100.7 | lb_addresses=203.0.113.1 | lb=203.0.113.1 | ttl=60"},
    {.title = "the listener speaks plain HTTP, the addresses are right",
     .make = plain_listener,
     .ids = "LBC-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS},
    {.title = "past the load balancer, and nobody listens; its own address was not asked",
     .make = bypassed_without_answer,
     .ids = "DNS-01 TCP-01",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_REFUSED,
     .counter = COUNTER_NOT_RUN},
    {.title = "past the load balancer, to a machine with another certificate",
     .make = bypassed_other_certificate,
     .ids = "DNS-01 CRT-01",
     .sight = SIGHT_CERT_NAME,
     .counter = COUNTER_WORKS},
    {.title = "past the load balancer, and it opens",
     .make = opens_past_lb,
     .ids = "DNS-01",
     .sight = SIGHT_PAGE,
     .counter = COUNTER_WORKS},
    {.title = "past the load balancer by http://, to another page",
     .make = bypassed_plain,
     .ids = "DNS-01",
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_WORKS,
     .args = "version=HTTP/1.1"},
    {.title = "the record points to another load balancer",
     .make = points_to_other_lb,
     .ids = "LBC-04",
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_WORKS,
     .args = "name=old-2.eu-west-1.elb.amazonaws.com"},
    {.title = "the name does not exist",
     .make = no_name,
     .ids = "DNS-02",
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "server=192.0.2.53 | rcode=NXDOMAIN"},
    {.title = "the name does not exist, says the resolver alone",
     .make = no_name_unconfirmed,
     .ids = "DNS-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_NAME_NOT_RESOLVED},
    {.title = "the name exists without addresses",
     .make = no_addresses,
     .ids = "DNS-02",
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "rcode=NOERROR"},
    {.title = "the zone is not delegated to",
     .make = not_delegated,
     .ids = "DNS-03",
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "parent_servers=ns.registrar.example | child_servers=ns-1.zone.example | "
             "zone=example.com"},
    {.title = "signatures are broken",
     .make = unsigned_zone,
     .ids = "DNS-04",
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .counter = COUNTER_WORKS},
    {.title = "the zone's servers are lame",
     .make = lame_servers,
     .ids = "DNS-04",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "server=ns1.example.com | zone=example.com"},
    {.title = "the load balancer was deleted",
     .make = deleted_lb,
     .ids = "DNS-05",
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "name=web-1.eu-west-1.elb.amazonaws.com"},
    {.title = "the record points to a name that does not exist",
     .make = dangling_alias,
     .ids = "DNS-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "name=www.example.net"},
    {.title = "IPv6 only, and no route",
     .make = only_ipv6,
     .ids = "DNS-06",
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "have=IPv6 (AAAA)"},
    {.title = "the resolver is silent",
     .make = silent_resolver,
     .ids = "DNS-09",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_RESOLVER_SILENT,
     .args = "server=192.0.2.53 | seconds=10"},
    {.title = "the resolver filters",
     .make = filtering_resolver,
     .ids = "DNS-09",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_NAME_NOT_RESOLVED,
     .args = "rcode=REFUSED"},
    {.title = "inside and outside differ",
     .make = split_horizon,
     .ids = "DNS-07 TCP-09 [CLI-07]",
     .sight = SIGHT_DROPPED,
     .args = "addresses=10.0.0.5 | authoritative=198.18.0.7"},
    {.title = "the resolver's answer is old",
     .make = stale,
     .ids = "DNS-08 LBC-01 [BRW-04]",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .args = "addresses=198.51.100.7 | authoritative=203.0.113.1 | ttl=60"},
    {.title = "the resolver's answer is old, and the load balancer is known",
     .make = stale_with_lb,
     .ids = "DNS-08 LBC-01 [BRW-04]",
     .sight = SIGHT_PLAIN_FOR_TLS},
    {.title = "the record itself leads past the load balancer",
     .make = record_says_the_same,
     .ids = "DNS-01 LBC-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS},
    {.title = "IPv6 leads to an old machine with plain HTTP",
     .make = old_ipv6,
     .ids = "DNS-10",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .args = "other=198.51.100.7:8443 | address=[2a00:1::7]:8443"},
    {.title = "IPv6 leads to another web server",
     .make = other_ipv6_server,
     .ids = "DNS-10",
     .sight = SIGHT_SOMETIMES},
    {.title = "one of two addresses is dead",
     .make = dead_address,
     .ids = "DNS-11",
     .sight = SIGHT_SOMETIMES,
     .args = "address=198.51.100.8 | other=198.51.100.7:8443"},
    {.title = "an HTTPS record with another port",
     .make = https_record_other_port,
     .ids = "DNS-12",
     .sight = SIGHT_SOMETIMES,
     .args = "value=1 . alpn=h2 port=9443"},
    {.title = "an HTTPS record with a former address",
     .make = https_record_old_hint,
     .ids = "DNS-12",
     .sight = SIGHT_SOMETIMES},
    {.title = "an HTTPS record that promises HTTP/2",
     .make = https_record_no_h2,
     .ids = "DNS-12",
     .sight = SIGHT_SOMETIMES},
    {.title = "an HTTPS record sends http to a closed port 443",
     .make = https_record_closed_port,
     .ids = "DNS-12",
     .sight = SIGHT_REFUSED,
     .args = "value=1 . alpn=h2"},
    {.title = "a wildcard record catches a typing error",
     .make = wildcard,
     .ids = "DNS-13 CRT-01",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_CERT_NAME},
    {.title = "a CNAME at the top of the zone",
     .make = cname_at_apex,
     .ids = "DNS-14",
     .sight = SIGHT_SOMETIMES,
     .args = "value=SOA, NS"},
};

TEST("each fault of name resolution is found, and its healthy twin is left alone")
{
    test_cases(cases, COUNT_OF(cases));
}

/* ---- look-alikes and false alarms ---- */

static const struct {
    const char *title;
    enum dns_server_state state;
} states[] = {
    {"lame", DNS_SERVER_LAME},
    {"silent", DNS_SERVER_SILENT},
    {"unreachable", DNS_SERVER_UNREACHABLE},
    {"broken", DNS_SERVER_BROKEN},
    {"without address", DNS_SERVER_NO_ADDRESS},
};

TEST("SERVFAIL names each server that is at fault, and no good one")
{
    struct facts f;
    struct findings out;
    unresolved(&f, DNS_RCODE_SERVFAIL);
    struct walk_facts *w = walk(&f, "example.com");
    w->servers[0].state = DNS_SERVER_GOOD;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        w->servers[1 + i].state = states[i].state;
        ASSERT(str_copy_z(str_of(states[i].title), w->servers[1 + i].name, DNS_NAME_TEXT));
    }
    w->server_count = 1 + COUNT_OF(states);
    infer(&f, &out);
    CHECK_INT(out.items[0].id, FINDING_DNS_04);
    CHECK_INT(out.items[0].evidence_count, 1 + COUNT_OF(states));
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        CHECK_STR(args_get(&out.items[0].evidence[1 + i].args, "server"), states[i].title);
    }
    test_sentences("SERVFAIL", &out);
    findings_done(&out);
    facts_done(&f);
}

TEST("a large site answers each question differently, and opens: nothing")
{
    static const char *const pages[] = {"200 OK", "401 Unauthorized", "403 Forbidden",
                                        "404 Not Found", "302 Found"};
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        struct facts f;
        test_reached(&f, url);
        test_hello(&f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(&f, PROBE_R1, SIDE_SITE, at, pages[i], "Server: nginx\r\n", "hello");
        test_dns(&f, PROBE_D2A, "192.0.2.54", host, 0, "198.51.100.99", 60);
        test_dns(&f, PROBE_D3, "ns1.example.com", host, 0, "203.0.113.20", 60);
        test_dns(&f, PROBE_D2W, resolver, "x9q.example.com", 0, "198.51.100.7", 60);
        struct dns_https *h = https_record(&f, PROBE_D4);
        h->hint4_count = 1;
        ASSERT(addr_parse(STR("203.0.113.77"), 0, &h->hint4[0]));
        struct findings out;
        infer(&f, &out);
        if (out.verdict != VERDICT_OK) {
            test_failed(__FILE__, __LINE__, "%s: %s", pages[i], test_infer(&f));
        }
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("an HTTPS record of port 443 says nothing about another port")
{
    struct facts f;
    test_site(&f, url);
    test_healthy(&f);
    https_record(&f, PROBE_D2H)->port = 9443;
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST("two TLS answers of different kind are one server to a browser")
{
    /* A HelloRetryRequest for P-256, and a ServerHello. */
    static const uint8_t retry[] = {
        0x16, 0x03, 0x03, 0x00, 0x38, 0x02, 0x00, 0x00, 0x34, 0x03, 0x03, 0xcf, 0x21,
        0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8,
        0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2,
        0xc8, 0xa8, 0x33, 0x9c, 0x00, 0x13, 0x01, 0x00, 0x00, 0x0c, 0x00, 0x2b, 0x00,
        0x02, 0x03, 0x04, 0x00, 0x33, 0x00, 0x02, 0x00, 0x17};
    struct facts f;
    test_site(&f, url);
    f.local.route6 = true;
    test_healthy(&f);
    test_tcp(&f, SIDE_SITE, "[2a00:1::7]:8443", 0);
    struct result *r =
        test_bytes(&f, PROBE_H1, SIDE_SITE, "[2a00:1::7]:8443", retry, sizeof retry, FINISH_US);
    CHECK_INT(r->flight->kind, TLS_FLIGHT_HELLO_RETRY);
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST_MAIN
