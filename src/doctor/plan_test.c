/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plan: what is known, and what is wanted then. */
#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"
#include "doctor/engine.h"
#include "doctor/infer_test_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SITE "198.51.100.7:8443"
#define OTHER "198.51.100.8:8443"
#define LB "203.0.113.9:8443"
#define TARGET "192.0.2.10:8080"

enum { REDIRECT_TEXT = 4096 };

/* The wishes as "H1@site P1@site ...", in their order; a skipped one has a '-' in front. `layers`:
 * only probes of these layers (bits); 0: all. */
static const char *
wishes(const struct facts *f, unsigned layers)
{
    static struct wish out[WISHES_MAX];
    static char text[1024];
    struct out o = out_of(text, sizeof(text) - 1);
    size_t n = plan(f, NULL, 0, out);
    for (size_t i = 0; i < n; i++) {
        if (layers != 0 && (layers & 1u << probe_layer(out[i].probe)) == 0) {
            continue;
        }
        out_str(&o, o.p == text ? STR("") : STR(" "));
        out_str(&o, out[i].skip == SKIP_NONE ? STR("") : STR("-"));
        out_str(&o, str_of(probe_name(out[i].probe)));
        out_char(&o, '@');
        out_str(&o, str_of(side_name(out[i].side)));
    }
    *o.p = '\0';
    return text;
}

/* Without what DNS and this machine say: connections and all above. */
static const char *
traffic(const struct facts *f)
{
    return wishes(f, ~(1u << LAYER_DNS | 1u << LAYER_CLIENT));
}

static bool
wants(const struct facts *f, const char *wish)
{
    struct str rest = str_of(wishes(f, 0)), one;
    while (str_cut(&rest, ' ', &one)) {
        if (str_eq(one, str_of(wish))) {
            return true;
        }
    }
    return false;
}

/* A site with one address that is open; ports 443 and 80 are closed. */
static void
open_site(struct facts *f, const char *url)
{
    test_site(f, url);
    test_resolves(f, "198.51.100.7");
    char at[ADDR_TEXT];
    (void)snprintf(at, sizeof(at), "198.51.100.7:%u", f->question.port);
    test_tcp(f, SIDE_SITE, at, 0);
    test_result(f, PROBE_T2, SIDE_PORT, "198.51.100.7:443", OUTCOME_FAIL);
    test_result(f, PROBE_T2, SIDE_PORT, "198.51.100.7:80", OUTCOME_FAIL);
}

/* The main line of https is under way; what comes of it is for the test to say. */
static void
asked_site(struct facts *f)
{
    open_site(f, "https://app.example.test:8443/");
    test_silent(f, PROBE_P1, SIDE_SITE, SITE);
    test_silent(f, PROBE_R2, SIDE_SITE, SITE);
}

static const char ok[] = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nhello";

TEST("at the beginning: this machine, and the name")
{
    struct facts f;
    test_site(&f, "https://app.example.test:8443/");
    f.local = (struct local_facts){0};
    CHECK_STR(str_of(wishes(&f, 0)), "D1@none L1@none");
    facts_done(&f);
}

TEST("an address needs no DNS")
{
    struct facts f;
    test_site(&f, "https://198.51.100.7:8443/");
    f.question.host_is_address = true;
    f.local.known = false;
    CHECK_STR(str_of(wishes(&f, 0)), "L1@none");
    f.local.known = true;
    CHECK_STR(str_of(wishes(&f, 0)), "L1@none T1@site T2@port T2@port");
    facts_done(&f);
}

TEST("--resolve needs no DNS either")
{
    struct facts f;
    test_site(&f, "https://app.example.test:8443/");
    f.question.resolve_count = 1;
    ASSERT(str_copy_z(STR("app.example.test"), f.question.resolve[0].host, 256));
    ASSERT(addr_parse(STR("198.51.100.9"), 8443, &f.question.resolve[0].addr));
    CHECK_STR(str_of(wishes(&f, 1u << LAYER_DNS)), "");
    CHECK(wants(&f, "T1@site"));
    facts_done(&f);
}

TEST("resolvers are asked for every record, the zone's servers too, before an address is known")
{
    struct facts f;
    test_site(&f, "https://app.example.test:8443/");
    CHECK_STR(str_of(wishes(&f, 1u << LAYER_DNS)),
              "D1@none D2A@none D2Q@none D2H@none D4@none D3@none");
    CHECK_STR(str_of(traffic(&f)), "");
    facts_done(&f);
    test_site(&f, "https://app.example.test/");
    CHECK(!wants(&f, "D4@none"));
    facts_done(&f);
}

TEST("names without a dot are not asked of DNS")
{
    struct facts f;
    test_site(&f, "https://localhost:8443/");
    CHECK_STR(str_of(wishes(&f, 1u << LAYER_DNS)), "D1@none");
    facts_done(&f);
}

TEST("all addresses are connected to at the same time, and the usual ports of one")
{
    struct facts f;
    test_site(&f, "https://app.example.test:8443/");
    test_resolves(&f, "198.51.100.7 198.51.100.8 2001:db8::7");
    CHECK_STR(str_of(traffic(&f)), "T1@site T1@site T1@site T2@port T2@port");
    facts_done(&f);
    test_site(&f, "https://app.example.test/");
    test_resolves(&f, "198.51.100.7");
    CHECK_STR(str_of(traffic(&f)), "T1@site T2@port");
    facts_done(&f);
}

TEST("at most eight addresses")
{
    struct facts f;
    test_site(&f, "https://app.example.test/");
    test_resolves(&f, "198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4 198.51.100.5 "
                      "198.51.100.6 198.51.100.7 198.51.100.8 198.51.100.9 198.51.100.10");
    CHECK_STR(str_of(wishes(&f, 1u << LAYER_TCP)),
              "T1@site T1@site T1@site T1@site T1@site T1@site T1@site T1@site T2@port");
    facts_done(&f);
}

TEST("the main line starts as soon as one address is open")
{
    struct facts f;
    open_site(&f, "https://app.example.test:8443/");
    CHECK_STR(str_of(traffic(&f)), "H1@site R1@site P1@site R2@site");
    facts_done(&f);
    open_site(&f, "http://app.example.test:8080/");
    CHECK_STR(str_of(traffic(&f)), "R1@site H1@site P1@site");
    facts_done(&f);
}

TEST("a healthy site is asked nothing more")
{
    struct facts f;
    asked_site(&f);
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok);
    CHECK_STR(str_of(traffic(&f)), "");
    facts_done(&f);
}

TEST("a second address is compared")
{
    struct facts f;
    asked_site(&f);
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok);
    test_tcp(&f, SIDE_SITE, OTHER, 0);
    CHECK_STR(str_of(traffic(&f)), "H1@site");
    test_hello(&f, PROBE_H1, SIDE_SITE, OTHER, TLS_V_13, 0x1301);
    CHECK_STR(str_of(traffic(&f)), "R1@site");
    facts_done(&f);
}

/* What H1 met, and what is asked then. */
static const struct {
    const char *title, *text, *wishes;
    unsigned alert;
    uint16_t version;
    enum finish finish;
} doubts[] = {
    {"alert 40", NULL, "H2@site HW@site H7@site H8@site H9@site", 40, 0, FINISH_FIN},
    {"alert 70", NULL, "H2@site HW@site H7@site H8@site H9@site", 70, 0, FINISH_FIN},
    {"alert 80", NULL, "H2@site HW@site H7@site H8@site H9@site", 80, 0, FINISH_FIN},
    {"alert 112", NULL, "C4@site H4@site H5@site", 112, 0, FINISH_FIN},
    {"alert 120", NULL, "HA@site HB@site HN@site", 120, 0, FINISH_FIN},
    {"alert 46", NULL, "H7@site HW@site", 46, 0, FINISH_FIN},
    {"alert 116", NULL, "H7@site HW@site", 116, 0, FINISH_FIN},
    {"TLS 1.0", NULL, "H7@site H8@site H9@site HW@site", 0, TLS_V_10, FINISH_US},
    {"FIN", "", "H2@site H3@site H4@site H7@site HP@site HW@site P2@site", 0, 0, FINISH_FIN},
    {"RST", "", "H2@site H3@site H4@site H7@site HP@site HW@site P2@site", 0, 0, FINISH_RST},
    {"plain HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "", 0, 0, FINISH_FIN},
    {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", "H2@site P2@site", 0, 0, FINISH_US},
};

static int
by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_cmp(*x, *y);
}

/* The same words in alphabetical order. */
static const char *
sorted(const char *words)
{
    static char text[1024];
    struct str parts[WISHES_MAX], rest = str_of(words);
    size_t n = 0;
    while (rest.n > 0 && n < COUNT_OF(parts) && str_cut(&rest, ' ', &parts[n])) {
        n++;
    }
    qsort(parts, n, sizeof(parts[0]), by_text);
    struct out o = out_of(text, sizeof(text) - 1);
    for (size_t i = 0; i < n; i++) {
        out_str(&o, i == 0 ? STR("") : STR(" "));
        out_str(&o, parts[i]);
    }
    *o.p = '\0';
    return text;
}

TEST("each odd answer to the hello has its own further hellos")
{
    for (size_t i = 0; i < COUNT_OF(doubts); i++) {
        struct facts f;
        char expected[256];
        asked_site(&f);
        test_silent(&f, PROBE_R1, SIDE_SITE, SITE);
        if (doubts[i].alert != 0) {
            test_alert(&f, PROBE_H1, SIDE_SITE, SITE, doubts[i].alert);
        } else if (doubts[i].version != 0) {
            test_hello(&f, PROBE_H1, SIDE_SITE, SITE, doubts[i].version, 0xc02f);
        } else {
            test_text(&f, PROBE_H1, SIDE_SITE, SITE, doubts[i].text, doubts[i].finish);
        }
        ASSERT(str_copy_z(str_of(sorted(doubts[i].wishes)), expected, sizeof(expected)));
        const char *got = sorted(traffic(&f));
        if (strcmp(got, expected) != 0) {
            test_failed(__FILE__, __LINE__, "%s: \"%s\", expected \"%s\"", doubts[i].title, got,
                        expected);
        }
        facts_done(&f);
    }
}

TEST("silence after the hello: smaller segments are tried, a PROXY line is not")
{
    struct facts f;
    asked_site(&f);
    test_silent(&f, PROBE_H1, SIDE_SITE, SITE);
    test_silent(&f, PROBE_R1, SIDE_SITE, SITE);
    CHECK_STR(str_of(sorted(traffic(&f))),
              "H2@site H3@site H4@site H7@site HM@site HW@site P2@site");
    facts_done(&f);
}

TEST("a handshake that breaks off after a good hello")
{
    struct facts f;
    asked_site(&f);
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, SITE, "")->seen->done = false;
    CHECK_STR(str_of(traffic(&f)), "H7@site HW@site");
    facts_done(&f);
}

TEST("a certificate for another name: the default one, port 443, a wildcard record")
{
    struct facts f;
    asked_site(&f);
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_problem(test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok), CHAIN_NAME_MISMATCH);
    CHECK_STR(str_of(traffic(&f)), "C4@site");
    ASSERT(str_copy_z(STR("0123456789abcdef"), f.marker, sizeof(f.marker)));
    CHECK(wants(&f, "D2W@none"));
    test_result(&f, PROBE_T2, SIDE_PORT, "198.51.100.7:443", OUTCOME_OK);
    CHECK_STR(str_of(traffic(&f)), "C4@site C5@port");
    facts_done(&f);
}

TEST("a missing intermediate is fetched where the certificate says it is")
{
    struct facts f;
    asked_site(&f);
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    struct result *r1 = test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok);
    test_problem(r1, CHAIN_INCOMPLETE);
    CHECK(!wants(&f, "CA@none"));
    xfree(r1->chain->certificates[0].aia_url);
    r1->chain->certificates[0].aia_url = xstrdup("http://ca.example.test/i.cer");
    CHECK(wants(&f, "CA@none"));
    facts_done(&f);
}

static const struct {
    const char *status, *wishes;
} statuses[] = {
    {"200 OK", ""},
    {"404 Not Found", "R5N@site R5O@site"},
    {"403 Forbidden", "R5N@site R5O@site"},
    {"421 Misdirected Request", "R7@site R5N@site R5O@site"},
    {"400 Bad Request", "RC@site R5N@site R5O@site"},
    {"431 Too Large", "RC@site"},
    {"500 Oops", ""},
};

TEST("statuses that ask for a second question")
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct facts f;
        char text[128];
        asked_site(&f);
        f.question.headers[0] = xstrdup("Cookie: a=b");
        f.question.header_count = 1;
        (void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n",
                       statuses[i].status);
        test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
        test_answer(&f, PROBE_R1, SIDE_SITE, SITE, text);
        CHECK_STR(str_of(traffic(&f)), statuses[i].wishes);
        facts_done(&f);
    }
}

TEST("a session that could be resumed is resumed; a WebSocket URL is asked for one")
{
    struct facts f;
    asked_site(&f);
    f.question.websocket = true;
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok)->seen->tickets = 2;
    CHECK_STR(str_of(traffic(&f)), "RW@site R6@site");
    facts_done(&f);
}

TEST("SERVFAIL is asked again without DNSSEC checking")
{
    struct facts f;
    test_site(&f, "https://app.example.test/");
    struct result *r =
        test_dns(&f, PROBE_D2A, "192.0.2.53", "app.example.test", DNS_RCODE_SERVFAIL, "", 0);
    r->at = f.local.resolvers[0];
    CHECK(wants(&f, "D2C@none"));
    r->dns->rcode = DNS_RCODE_NXDOMAIN;
    CHECK(!wants(&f, "D2C@none"));
    facts_done(&f);
}

TEST("the load balancer's own addresses are asked, also when the site is dead")
{
    struct facts f;
    test_site(&f, "https://app.example.test:8443/");
    test_resolves(&f, "198.51.100.7");
    f.question.lb_given = true;
    f.question.lb_addr_count = 1;
    ASSERT(addr_parse(STR("203.0.113.9"), 8443, &f.question.lb_addrs[0]));
    CHECK(wants(&f, "T1@lb"));
    test_tcp(&f, SIDE_SITE, SITE, ECONNREFUSED);
    test_tcp(&f, SIDE_LB, LB, 0);
    CHECK_STR(str_of(sorted(traffic(&f))), "H1@lb P1@lb R4@lb T2@port T2@port");
    facts_done(&f);
}

TEST("a load balancer at the site's own address is not asked twice")
{
    struct facts f;
    asked_site(&f);
    f.question.lb_given = true;
    f.question.lb_addr_count = 1;
    ASSERT(addr_parse(STR("198.51.100.7"), 8443, &f.question.lb_addrs[0]));
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok);
    CHECK_STR(str_of(traffic(&f)), "");
    facts_done(&f);
}

TEST("a load balancer's name is looked up")
{
    struct facts f;
    test_site(&f, "https://app.example.test/");
    f.question.lb_given = true;
    ASSERT(str_copy_z(STR("web-1.eu-central-1.elb.amazonaws.com"), f.question.lb_name, 256));
    CHECK(wants(&f, "D5A@none"));
    CHECK(wants(&f, "D5Q@none"));
    facts_done(&f);
}

TEST("the target is asked plainly first, over TLS when it speaks TLS")
{
    struct facts f;
    asked_site(&f);
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok);
    ASSERT(addr_parse(STR("192.0.2.10"), 8080, &f.question.target));
    CHECK_STR(str_of(traffic(&f)), "T1@target");
    test_tcp(&f, SIDE_TARGET, TARGET, 0);
    CHECK_STR(str_of(traffic(&f)), "P1@target P1X@target H1@target");
    test_text(&f, PROBE_P1, SIDE_TARGET, TARGET, "HTTP/1.1 400 Bad Request\r\n\r\n", FINISH_FIN);
    test_silent(&f, PROBE_P1X, SIDE_TARGET, TARGET);
    test_hello(&f, PROBE_H1, SIDE_TARGET, TARGET, TLS_V_12, 0xc02f);
    CHECK_STR(str_of(traffic(&f)), "R1@target R1X@target");
    test_answer(&f, PROBE_R1, SIDE_TARGET, TARGET, ok);
    test_answer(&f, PROBE_R1X, SIDE_TARGET, TARGET, ok);
    CHECK_STR(str_of(traffic(&f)), "");
    facts_done(&f);
}

TEST("a target that refuses is left alone; one that redirects is asked for another host")
{
    struct facts f;
    test_site(&f, "https://app.example.test/");
    ASSERT(addr_parse(STR("192.0.2.10"), 8080, &f.question.target));
    test_tcp(&f, SIDE_TARGET, TARGET, ECONNREFUSED);
    CHECK_STR(str_of(traffic(&f)), "");
    facts_done(&f);
    test_site(&f, "https://app.example.test/");
    ASSERT(addr_parse(STR("192.0.2.10"), 8080, &f.question.target));
    test_tcp(&f, SIDE_TARGET, TARGET, 0);
    static const char moved[] =
        "HTTP/1.1 301 Moved\r\nLocation: https://app.example.test/\r\nContent-Length: 0\r\n\r\n";
    test_text(&f, PROBE_P1, SIDE_TARGET, TARGET, moved, FINISH_FIN);
    test_text(&f, PROBE_P1X, SIDE_TARGET, TARGET, ok, FINISH_FIN);
    test_text(&f, PROBE_H1, SIDE_TARGET, TARGET, "HTTP/1.1 400 Bad Request\r\n\r\n", FINISH_FIN);
    CHECK_STR(str_of(traffic(&f)), "R5O@target");
    facts_done(&f);
}

TEST("a proxy is asked for a tunnel")
{
    struct facts f;
    test_site(&f, "https://app.example.test/");
    CHECK(!wants(&f, "X1@proxy"));
    ASSERT(str_copy_z(STR("http://proxy.example.test:3128"), f.local.proxy, 256));
    CHECK(wants(&f, "X1@proxy"));
    facts_done(&f);
}

TEST("public addresses are asked for their names, private ones are not")
{
    struct facts f;
    test_site(&f, "https://app.example.test/");
    test_resolves(&f, "10.0.0.7");
    CHECK(!wants(&f, "D6@none"));
    test_resolves(&f, "8.8.4.4");
    CHECK(wants(&f, "D6@none"));
    facts_done(&f);
}

TEST("the budget: the least telling hellos are dropped, and that is said")
{
    struct facts f;
    asked_site(&f);
    test_silent(&f, PROBE_R1, SIDE_SITE, SITE);
    test_alert(&f, PROBE_H1, SIDE_SITE, SITE, 40);
    f.question.max_connections = 16;
    f.connections = 13;
    CHECK_STR(str_of(traffic(&f)), "H7@site -H8@site -H9@site HW@site H2@site");
    f.connections = 16;
    CHECK_STR(str_of(traffic(&f)), "-H7@site -H8@site -H9@site -HW@site -H2@site");
    facts_done(&f);
}

TEST("the first question over an open connection costs nothing")
{
    struct facts f;
    open_site(&f, "https://app.example.test:8443/");
    f.question.max_connections = 3;
    f.connections = 3;
    CHECK_STR(str_of(traffic(&f)), "H1@site -R1@site -P1@site -R2@site");
    facts_done(&f);
}

TEST("half of the budget is kept for questions")
{
    struct facts f;
    test_site(&f, "https://app.example.test/");
    test_resolves(&f, "198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4");
    f.question.max_connections = 4;
    CHECK_STR(str_of(wishes(&f, 1u << LAYER_TCP)), "T1@site T1@site T2@port");
    facts_done(&f);
}

TEST("--fast asks the main line only")
{
    struct facts f;
    open_site(&f, "https://app.example.test:8443/");
    f.question.fast = true;
    CHECK_STR(str_of(sorted(wishes(&f, 0))), "D2A@none D2Q@none H1@site L1@none P1@site R1@site");
    test_alert(&f, PROBE_H1, SIDE_SITE, SITE, 40);
    CHECK(!wants(&f, "H7@site"));
    facts_done(&f);
}

TEST("--check leaves the layers above alone")
{
    struct facts f;
    open_site(&f, "https://app.example.test:8443/");
    f.question.checks = 1u << LAYER_TLS;
    CHECK_STR(str_of(traffic(&f)), "H1@site R1@site P1@site");
    facts_done(&f);
    test_site(&f, "https://app.example.test:8443/");
    ASSERT(addr_parse(STR("192.0.2.10"), 8080, &f.question.target));
    f.question.checks = 1u << LAYER_DNS;
    CHECK(!wants(&f, "T1@target"));
    CHECK(wants(&f, "D3@none"));
    facts_done(&f);
}

TEST("--all repeats the hello")
{
    struct facts f;
    asked_site(&f);
    f.question.all = true;
    test_hello(&f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, SITE, ok);
    CHECK_STR(str_of(traffic(&f)), "H1B@site H1C@site");
    facts_done(&f);
}

TEST("what runs is not wished again")
{
    static struct wish first[WISHES_MAX], second[WISHES_MAX];
    struct facts f;
    open_site(&f, "https://app.example.test:8443/");
    size_t n = plan(&f, NULL, 0, first);
    CHECK(n > 4);
    CHECK_INT(plan(&f, first, n, second), 0);
    facts_done(&f);
}

/* ---- redirects ---- */

/* The wish for hop `hop` as "URL", with what it is skipped for in front; "" when there is none. */
static const char *
hop_wish(const struct facts *f, unsigned hop, const char *label)
{
    static struct wish out[WISHES_MAX];
    static char text[REDIRECT_TEXT];
    size_t n = plan(f, NULL, 0, out);
    for (size_t i = 0; i < n; i++) {
        if (out[i].probe == PROBE_R3 && out[i].hop == hop && strcmp(out[i].label, label) == 0) {
            bool skip = out[i].skip != SKIP_NONE;
            (void)snprintf(text, sizeof(text), "%s%s%s", skip ? skip_name(out[i].skip) : "",
                           skip ? " " : "", out[i].url);
            return text;
        }
    }
    return "";
}

/* The site redirects to `location`. */
static void
moved_site(struct facts *f, const char *location)
{
    char text[REDIRECT_TEXT];
    asked_site(f);
    f->question.timeout_us = 2000000;
    test_hello(f, PROBE_H1, SIDE_SITE, SITE, TLS_V_13, 0x1301);
    (void)snprintf(text, sizeof(text),
                   "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", location);
    test_answer(f, PROBE_R1, SIDE_SITE, SITE, text);
}

static struct result *
moved_hop(struct facts *f, unsigned hop, const char *url, const char *location)
{
    char text[REDIRECT_TEXT];
    (void)snprintf(text, sizeof(text),
                   "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", location);
    struct result *r = test_answer(f, PROBE_R3, SIDE_HOP, SITE, text);
    r->hop = hop;
    r->url = xstrdup(url);
    return r;
}

static const struct {
    const char *location, *hop, *mended;
} hops[] = {
    {"/login", "https://app.example.test:8443/login", ""},
    {"https://app.example.test:8443/login", "https://app.example.test:8443/login", ""},
    {"https://app.example.test/x", "https://app.example.test/x", "https://app.example.test:8443/x"},
    {"http://app.example.test:8443/x", "http://app.example.test:8443/x",
     "https://app.example.test:8443/x"},
    {"http://app.example.test/x", "http://app.example.test/x", "https://app.example.test:8443/x"},
    {"https://app.example.test:9443/x", "https://app.example.test:9443/x", ""},
    {"https://app.example.test:6667/", "decided https://app.example.test:6667/", ""},
    {"https://8.8.4.4/", "https://8.8.4.4/", ""},
    {"https://10.0.0.7/", "private https://10.0.0.7/", ""},
    {"http://127.0.0.1:8080/", "private http://127.0.0.1:8080/", ""},
    {"http://[::1]/", "private http://[::1]/", ""},
    {"https://www.example.test/", "", ""}, /* its name is looked up first */
    {"mailto:a@example.test", "", ""},
};

TEST("where a redirect leads, what it lost, and what is not followed")
{
    for (size_t i = 0; i < COUNT_OF(hops); i++) {
        struct facts f;
        moved_site(&f, hops[i].location);
        CHECK_STR(str_of(hop_wish(&f, 1, "")), hops[i].hop);
        CHECK_STR(str_of(hop_wish(&f, 1, "mended")), hops[i].mended);
        facts_done(&f);
    }
}

TEST("another host's name is looked up, then asked; a name without addresses is said")
{
    struct facts f;
    moved_site(&f, "https://www.example.test/");
    CHECK(wants(&f, "D1@hop"));
    struct result *d1 = test_result(&f, PROBE_D1, SIDE_HOP, NULL, OUTCOME_FAIL);
    ASSERT(str_copy_z(STR("www.example.test"), d1->name, sizeof(d1->name)));
    d1->hop = 1;
    CHECK(!wants(&f, "D1@hop"));
    CHECK_STR(str_of(hop_wish(&f, 1, "")), "no_address https://www.example.test/");
    d1->outcome = OUTCOME_OK;
    d1->addrs = xalloc(sizeof(*d1->addrs));
    d1->addr_count = 1;
    ASSERT(addr_parse(STR("8.8.8.8"), 0, d1->addrs));
    CHECK_STR(str_of(hop_wish(&f, 1, "")), "https://www.example.test/");
    facts_done(&f);
}

TEST("from a private site a private address is as good as any")
{
    struct facts f;
    test_site(&f, "http://app.example.test:8080/");
    test_resolves(&f, "10.0.0.5");
    test_tcp(&f, SIDE_SITE, "10.0.0.5:8080", 0);
    test_text(&f, PROBE_R1, SIDE_SITE, "10.0.0.5:8080",
              "HTTP/1.1 301 Moved\r\nLocation: http://10.0.0.7/\r\nContent-Length: 0\r\n\r\n",
              FINISH_FIN);
    CHECK_STR(str_of(hop_wish(&f, 1, "")), "http://10.0.0.7/");
    facts_done(&f);
}

TEST("a circle ends when a URL comes for the third time")
{
    struct facts f;
    const char *url = "https://app.example.test:8443/";
    moved_site(&f, "/");
    CHECK_STR(str_of(hop_wish(&f, 1, "")), url);
    moved_hop(&f, 1, url, "/");
    CHECK_STR(str_of(hop_wish(&f, 2, "")), "decided https://app.example.test:8443/");
    facts_done(&f);
}

TEST("a chain without an end is followed for twenty hops")
{
    struct facts f;
    char url[64], next[64];
    moved_site(&f, "/1");
    for (unsigned hop = 1; hop <= 20; hop++) {
        (void)snprintf(url, sizeof(url), "https://app.example.test:8443/%u", hop);
        (void)snprintf(next, sizeof(next), "/%u", hop + 1);
        CHECK_STR(str_of(hop_wish(&f, hop, "")), url);
        moved_hop(&f, hop, url, next);
    }
    CHECK_STR(str_of(hop_wish(&f, 21, "")), "");
    facts_done(&f);
}

TEST_MAIN
