/* SPDX-License-Identifier: Apache-2.0
 * The rules of the client's side, each with its healthy twin: this machine, its proxy, what its
 * browsers remember. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/test.h"
#include "doctor/infer_int.h"

#include <errno.h>
#include <stdio.h>

static const char url[] = "https://app.example.com:8443/";
static const char plain_url[] = "http://app.example.com:8080/";
static const char at[] = "198.51.100.7:8443";
static const char plain_at[] = "198.51.100.7:8080";
static const char nginx[] = "Server: nginx\r\n";
static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/* ---- this machine ---- */

static void
hosts_line(struct facts *f, const char *address)
{
    f->local.host_count = 1;
    ASSERT(str_copy_z(str_of(f->question.host), f->local.hosts[0].host, 256));
    ASSERT(addr_parse(str_of(address), 0, &f->local.hosts[0].addr));
    f->local.hosts[0].line = 12;
}

/* The file names a machine with plain HTTP on the port. */
static void
hosts_file(struct facts *f, bool bad)
{
    test_site(f, url);
    if (!bad) {
        test_healthy(f);
        hosts_line(f, "198.51.100.7");
        return;
    }
    hosts_line(f, "192.0.2.99");
    struct result *d1 = test_resolves(f, "192.0.2.99");
    (void)d1;
    f->results[1].dns->records[0].addr.in4.sin_addr.s_addr = htonl(0xc6336407);
    test_tcp(f, SIDE_SITE, "192.0.2.99:8443", 0);
    test_text(f, PROBE_H1, SIDE_SITE, "192.0.2.99:8443", refusal, FINISH_FIN);
}

/* The override is wanted, and works: a word, no more. */
static void
hosts_file_that_works(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    hosts_line(f, bad ? "192.0.2.99" : "198.51.100.7");
}

/* The machine of the file answers, but with another certificate. */
static void
hosts_file_other_site(struct facts *f, bool bad)
{
    hosts_file_that_works(f, bad);
    if (bad) {
        struct result *r1 = &f->results[f->count - 1];
        test_names(r1, "old.example.net");
        test_problem(r1, CHAIN_NAME_MISMATCH);
    }
}

static void
broken_ipv6(struct facts *f, bool bad)
{
    test_site(f, url);
    f->local.route6 = true;
    test_healthy(f);
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_SITE, "[2a00:1::7]:8443");
    } else {
        test_tcp(f, SIDE_SITE, "[2a00:1::7]:8443", 0);
    }
}

static void
wrong_clock(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    f->count--;
    result_done(&f->results[f->count]);
    struct result *r1 = test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK",
                                  bad ? "Date: Tue, 24 Nov 2026 13:00:00 GMT\r\n"
                                      : "Date: Mon, 23 Nov 2026 12:02:00 GMT\r\n",
                                  "hello");
    if (bad) {
        r1->chain->certificates[0].not_before_s = TEST_NOW_S + 3600;
        test_problem(r1, CHAIN_NOT_YET_VALID);
    }
}

/* The server's clock is wrong, perhaps: nothing breaks by it. */
static void
other_clock(struct facts *f, bool bad)
{
    wrong_clock(f, bad);
    f->results[f->count - 1].chain->problem_count = 0;
}

static void
offline(struct facts *f, bool bad)
{
    test_site(f, url);
    f->local.interface_up = !bad;
    f->local.route4 = !bad;
    if (bad) {
        test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
        test_silent(f, PROBE_D2A, SIDE_NONE, NULL);
    } else {
        test_healthy(f);
    }
}

static void
private_site(struct facts *f, bool bad)
{
    test_site(f, url);
    const char *address = bad ? "10.0.0.5" : "198.51.100.7";
    const char *where = bad ? "10.0.0.5:8443" : at;
    test_resolves(f, address);
    test_tcp(f, SIDE_SITE, where, 0);
    test_hello(f, PROBE_H1, SIDE_SITE, where, TLS_V_13, 0x1301);
    test_page(f, PROBE_R1, SIDE_SITE, where, "200 OK", nginx, "hello");
}

/* ---- proxies ---- */

static struct result *
through_proxy(struct facts *f, const char *bytes)
{
    ASSERT(str_copy_z(STR("http://192.0.2.80:3128"), f->local.proxy, sizeof f->local.proxy));
    ASSERT(str_copy_z(STR("https_proxy"), f->local.proxy_from, sizeof f->local.proxy_from));
    struct result *x = test_result(f, PROBE_X1, SIDE_PROXY, "192.0.2.80:3128", OUTCOME_FAIL);
    x->got_total = x->got.n = strlen(bytes);
    x->got.p = xalloc(x->got.n + 1);
    memcpy(x->got.p, bytes, x->got.n);
    facts_digest(x);
    return x;
}

/* A tunnel, and a ServerHello through it. */
static void
carries(struct facts *f)
{
    struct result *x = through_proxy(f, "HTTP/1.1 200 Connection established\r\n\r\n");
    if (x->flight == NULL) {
        x->flight = xalloc(sizeof *x->flight);
    }
    x->flight->kind = TLS_FLIGHT_SERVER_HELLO;
    x->flight->version = TLS_V_13;
    x->flight->alert = -1;
    x->outcome = OUTCOME_OK;
}

static void
proxy_refuses(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    if (bad) {
        (void)through_proxy(f, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    } else {
        carries(f);
    }
}

static void
proxy_wants_password(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    if (bad) {
        (void)through_proxy(f, "HTTP/1.1 407 Proxy Authentication Required\r\n"
                               "Content-Length: 0\r\n\r\n");
    } else {
        carries(f);
    }
}

/* The direct way is closed; the proxy is dead, or leads to the site all the same. */
static void
proxy_is_dead(struct facts *f, bool bad)
{
    test_site(f, url);
    test_resolves(f, "198.18.0.7");
    test_silent(f, PROBE_T1, SIDE_SITE, "198.18.0.7:8443");
    if (bad) {
        struct result *x = through_proxy(f, "");
        x->connected_us = 0;
        x->error = ECONNREFUSED;
    } else {
        carries(f);
    }
}

/* What comes through the tunnel comes without it, too: the port speaks plain HTTP. */
static void
site_behind_proxy(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, at, refusal, FINISH_FIN);
        struct result *x = through_proxy(f, "HTTP/1.1 200 Connection established\r\n\r\n");
        x->flight = x->flight == NULL ? xalloc(sizeof *x->flight) : x->flight;
        x->flight->kind = TLS_FLIGHT_PLAIN_HTTP;
    } else {
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", nginx, "hello");
        carries(f);
    }
}

/* ---- browsers ---- */

static struct hsts_found *
stores(struct facts *f)
{
    static const struct {
        enum hsts_client client;
        const char *browser, *file;
    } list[] = {{HSTS_CHROMIUM, "Chromium", "/home/u/TransportSecurity"},
                {HSTS_WGET, "wget", "/home/u/.wget-hsts"}};
    struct hsts_found *h = f->local.hsts = xalloc(sizeof *h);
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct hsts_store *s = VEC_PUSH(h->stores, h->store_count, h->store_cap);
        s->client = list[i].client;
        s->browser = list[i].browser;
        s->file = xstrdup(list[i].file);
        s->profile = xstrdup("/home/u");
    }
    return h;
}

static struct hsts_entry *
remembers(struct facts *f, size_t store, const char *name)
{
    struct hsts_found *h = f->local.hsts == NULL ? stores(f) : f->local.hsts;
    struct hsts_entry *e = VEC_PUSH(h->entries, h->entry_count, h->entry_cap);
    e->store = store;
    e->name = name;
    e->is_parent = strcmp(name, f->question.host) != 0;
    e->include_subdomains = e->is_parent;
    e->applies = true;
    e->expiry_s = TEST_NOW_S + 30 * 86400;
    return e;
}

static void
plain_site(struct facts *f)
{
    test_site(f, plain_url);
    test_healthy(f);
    test_text(f, PROBE_H1, SIDE_SITE, plain_at, refusal, FINISH_FIN);
}

static void
remembered(struct facts *f, bool bad)
{
    plain_site(f);
    remembers(f, bad ? 0 : 1, "app.example.com"); /* wget is no browser */
}

static void
remembered_parent(struct facts *f, bool bad)
{
    plain_site(f);
    remembers(f, 0, "example.com")->applies = bad;
}

/* The port speaks TLS: what the browser makes of the URL opens. */
static void
remembered_and_right(struct facts *f, bool bad)
{
    test_site(f, plain_url);
    test_healthy(f);
    remembers(f, 0, "app.example.com");
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, plain_at, refusal, FINISH_FIN);
    } else {
        test_hello(f, PROBE_H1, SIDE_SITE, plain_at, TLS_V_13, 0x1301);
    }
}

/* Port 80 becomes 443: what counts is whether somebody is there. */
static void
remembered_port_80(struct facts *f, bool bad)
{
    test_site(f, "http://app.example.com:80/");
    test_healthy(f);
    remembers(f, 0, "app.example.com");
    struct result *t2 =
        test_result(f, PROBE_T2, SIDE_PORT, "198.51.100.7:443", bad ? OUTCOME_FAIL : OUTCOME_OK);
    t2->error = bad ? ECONNREFUSED : 0;
    t2->connected_us = bad ? 0 : t2->connected_us;
}

static void
preloaded(struct facts *f, bool bad)
{
    plain_site(f);
    struct hsts_found *h = stores(f);
    struct hsts_preloaded *p = VEC_PUSH(h->preloaded, h->preloaded_count, h->preloaded_cap);
    p->name = "dev";
    p->applies = bad;
    if (bad) { /* the list decides, not what was learned */
        remembers(f, 0, "app.example.com");
    }
}

static void
record_of_port(struct facts *f, bool bad)
{
    plain_site(f);
    struct result *r =
        test_dns(f, PROBE_D4, "192.0.2.53", "_8080._https.app.example.com", 0, "", 60);
    if (bad) {
        test_record(r, "_8080._https.app.example.com", DNS_TYPE_HTTPS, ".")->https.priority = 1;
    }
}

static void
always_https(struct facts *f, bool bad)
{
    plain_site(f);
    stores(f)->stores[0].https_only = bad;
}

static void
page_with(struct facts *f, const char *headers, const char *body)
{
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", headers, body);
}

static void
mixed(struct facts *f, bool bad)
{
    page_with(f, nginx,
              bad ? "<img src=\"http://img.example.com/a.png\"><script src='http://x.example/y'>"
                  : "<img src=\"https://img.example.com/a.png\"><a href=\"http://example.com/\">");
}

static void
upgraded_parts(struct facts *f, bool bad)
{
    page_with(f, "Content-Security-Policy: upgrade-insecure-requests\r\n",
              bad ? "<img src=\"http://app.example.com:8080/a.png\">"
                  : "<img src=\"http://app.example.com/a.png\">");
}

static void
blocked(struct facts *f, bool bad)
{
    test_site(f, bad ? "https://app.example.com:6667/" : "https://app.example.com:6671/");
    test_healthy(f);
}

static void
blocked_by_firefox(struct facts *f, bool bad)
{
    test_site(f, bad ? "https://app.example.com:6679/" : "https://app.example.com:6680/");
    test_healthy(f);
}

static void
browser_alone(struct facts *f, bool bad)
{
    test_site(f, url);
    test_healthy(f);
    if (bad) {
        ASSERT(str_copy_z(STR("ERR_SSL_PROTOCOL_ERROR"), f->question.browser_error, 64));
    }
}

static const struct infer_case cases[] = {
    {.title = "the hosts file names another machine",
     .make = hosts_file,
     .ids = "DNS-15 LBC-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .args = "line=12 | address=192.0.2.99 | file=/etc/hosts"},
    {.title = "the hosts file names another machine, and it opens",
     .make = hosts_file_that_works,
     .ids = "[DNS-15]",
     .sight = SIGHT_PLAIN_FOR_TLS},
    {.title = "the hosts file names a machine with another certificate",
     .make = hosts_file_other_site,
     .ids = "DNS-15 CRT-01",
     .sight = SIGHT_CERT_NAME},
    {.title = "IPv6 of this machine is broken",
     .make = broken_ipv6,
     .ids = "CLI-01",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_SOMETIMES,
     .args = "address=2a00:1::7 | other=198.51.100.7"},
    {.title = "the clock is wrong, and the certificate is blamed",
     .make = wrong_clock,
     .ids = "CLI-04 CRT-08",
     .sight = SIGHT_CLOCK},
    {.title = "two clocks differ, and nothing breaks",
     .make = other_clock,
     .ids = "[CLI-04]",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE},
    {.title = "no network", .make = offline, .ids = "CLI-06 DNS-09", .sight = SIGHT_OFFLINE},
    {.title = "a private address",
     .make = private_site,
     .ids = "[CLI-07]",
     .confidence = CONFIDENCE_POSSIBLE,
     .sight = SIGHT_LOCAL_NETWORK,
     .args = "range=private"},
    {.title = "the proxy refuses the tunnel",
     .make = proxy_refuses,
     .ids = "CLI-02",
     .sight = SIGHT_TUNNEL_FAILED,
     .counter = COUNTER_WORKS,
     .args = "proxy=http://192.0.2.80:3128 | value=403"},
    {.title = "the proxy wants a password",
     .make = proxy_wants_password,
     .ids = "CLI-02",
     .sight = SIGHT_TUNNEL_FAILED,
     .counter = COUNTER_WORKS,
     .args = "value=407"},
    {.title = "the proxy is dead",
     .make = proxy_is_dead,
     .ids = "CLI-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PROXY_FAILED,
     .args = "value=it refuses connections"},
    {.title = "the proxy is not to blame",
     .make = site_behind_proxy,
     .ids = "LBC-01 DNS-01",
     .sight = SIGHT_PLAIN_FOR_TLS},
    {.title = "HSTS on a plain port",
     .make = remembered,
     .ids = "BRW-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS,
     .args = "location=https://app.example.com:8080/ | browser=Chromium | expiry=2026-12-23 | "
             "status=200"},
    {.title = "HSTS of the parent",
     .make = remembered_parent,
     .ids = "BRW-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS,
     .args = "name=example.com"},
    {.title = "HSTS, and the port speaks no TLS",
     .make = remembered_and_right,
     .ids = "BRW-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS},
    {.title = "HSTS on port 80, and 443 is closed",
     .make = remembered_port_80,
     .ids = "BRW-01",
     .sight = SIGHT_REFUSED,
     .counter = COUNTER_WORKS,
     .args = "location=https://app.example.com:443/"},
    {.title = "preloaded",
     .make = preloaded,
     .ids = "BRW-08",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS,
     .args = "name=dev"},
    {.title = "an HTTPS record of the port",
     .make = record_of_port,
     .ids = "BRW-02",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS,
     .args = "name=_8080._https.app.example.com"},
    {.title = "always https", .make = always_https, .ids = "BRW-03", .sight = SIGHT_HTTPS_ONLY},
    {.title = "parts by http://",
     .make = mixed,
     .ids = "BRW-05",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PARTS_BLOCKED,
     .args = "count=2 | value=http://img.example.com/a.png"},
    {.title = "upgraded parts on a plain port",
     .make = upgraded_parts,
     .ids = "BRW-06",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PARTS_BLOCKED,
     .args = "next_port=8080"},
    {.title = "a blocked port", .make = blocked, .ids = "BRW-07", .sight = SIGHT_UNSAFE_PORT},
    {.title = "a port that Firefox alone blocks",
     .make = blocked_by_firefox,
     .ids = "BRW-07",
     .sight = SIGHT_UNSAFE_PORT},
    {.title = "the browser alone reports an error",
     .make = browser_alone,
     .ids = "[BRW-10]",
     .confidence = CONFIDENCE_POSSIBLE,
     .sight = SIGHT_PAGE,
     .args = "browser_error=ERR_SSL_PROTOCOL_ERROR"},
};

TEST("each fault of the client's side is found, and its healthy twin is left alone")
{
    test_cases(cases, COUNT_OF(cases));
}

TEST("a site that opens through the proxy alone is fine; the direct way is a note")
{
    struct facts f;
    struct findings out;
    proxy_is_dead(&f, false);
    CHECK_STR(str_of(test_infer(&f)), "[TCP-02]");
    infer(&f, &out);
    CHECK_INT(out.verdict, VERDICT_OK);
    CHECK_INT(findings_exit_code(&out, true), 0);
    findings_done(&out);
    facts_done(&f);
}

TEST("https:// that was typed is LBC-01, not HSTS")
{
    struct facts f;
    test_reached(&f, url);
    test_text(&f, PROBE_H1, SIDE_SITE, at, refusal, FINISH_FIN);
    test_text(&f, PROBE_P1, SIDE_SITE, at, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
              FINISH_FIN);
    remembers(&f, 0, "app.example.com");
    CHECK_STR(str_of(test_infer(&f)), "LBC-01 DNS-01");
    facts_done(&f);
}

TEST("the table of blocked ports is that of the browsers")
{
    static const struct {
        uint16_t port;
        bool blocked, chromium;
    } ports[] = {{0, true, true},      {22, true, true},    {80, false, false},
                 {443, false, false},  {4190, true, false}, {6000, true, true},
                 {6665, true, true},   {6697, true, true},  {8080, false, false},
                 {8443, false, false}, {10080, true, true}, {65535, false, false}};
    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        bool chromium = false;
        CHECK_INT(port_blocked(ports[i].port, &chromium), ports[i].blocked);
        CHECK_INT(chromium, ports[i].chromium);
    }
}

TEST_MAIN
