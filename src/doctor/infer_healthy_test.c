/* SPDX-License-Identifier: Apache-2.0
 * Ordinary sites and machines that must not be accused, each beside the one that must. */
#include "doctor/infer_test_facts.h"

#include "base/defs.h"
#include "base/test.h"

#include <errno.h>

static const char url[] = "https://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char six[] = "[2a00:1::7]:8443";

static void
expect(struct facts *f, const char *ids)
{
    CHECK_STR(str_of(test_infer(f)), ids);
    facts_done(f);
}

/* ---- what this machine cannot reach ---- */

static void
dual_stack(struct facts *f, int error_of_four)
{
    test_site(f, url);
    test_resolves(f, "198.51.100.7 2a00:1::7");
    f->local.route6 = true;
    test_tcp(f, SIDE_SITE, at, error_of_four);
    test_tcp(f, SIDE_SITE, six, 0);
    test_hello(f, PROBE_H1, SIDE_SITE, six, TLS_V_13, 0x1301);
    test_page(f, PROBE_R1, SIDE_SITE, six, "200 OK", "Server: nginx\r\n", "<p>it works");
}

TEST("a machine without IPv4 does not call the site's IPv4 address dead")
{
    struct facts f;
    dual_stack(&f, ENETUNREACH);
    expect(&f, "");
    dual_stack(&f, ECONNREFUSED);
    expect(&f, "DNS-11");
}

/* ---- localhost ---- */

TEST("names below localhost are this machine, whatever DNS says")
{
    static const struct {
        const char *name;
        bool local;
    } rows[] = {
        {"localhost", true},     {"web.elb.localhost", true},  {"A.LOCALHOST", true},
        {"notlocalhost", false}, {"localhost.example", false}, {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (name_is_local(str_of(rows[i].name)) != rows[i].local) {
            test_failed(__FILE__, __LINE__, "%s", rows[i].name);
        }
    }
}

TEST("the addresses of such a name are known once the system knows none")
{
    struct facts f;
    struct addr addrs[4];
    char text[ADDR_TEXT];
    test_site(&f, "https://web.elb.localhost:8443/");
    CHECK_INT(facts_site_addrs(&f, addrs, COUNT_OF(addrs)), 0);
    test_result(&f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    CHECK_INT(facts_site_addrs(&f, addrs, COUNT_OF(addrs)), 2);
    CHECK_STR(str_of(addr_port_text(&addrs[0], text)), "127.0.0.1:8443");
    CHECK_STR(str_of(addr_port_text(&addrs[1], text)), "[::1]:8443");
    f.question.family = AF_INET6;
    CHECK_INT(facts_site_addrs(&f, addrs, COUNT_OF(addrs)), 1);
    facts_done(&f);
}

TEST("a server of one's own machine may listen on one family")
{
    struct facts f;
    test_site(&f, "https://web.elb.localhost:8443/");
    test_result(&f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    test_tcp(&f, SIDE_SITE, "127.0.0.1:8443", 0);
    test_tcp(&f, SIDE_SITE, "[::1]:8443", ECONNREFUSED);
    test_hello(&f, PROBE_H1, SIDE_SITE, "127.0.0.1:8443", TLS_V_13, 0x1301);
    test_page(&f, PROBE_R1, SIDE_SITE, "127.0.0.1:8443", "200 OK", "", "<p>it works");
    expect(&f, "");
}

/* ---- caches ---- */

static const struct {
    const char *headers, *ids;
} dates[] = {
    /* now is 2026-11-23 12:00:00 UTC */
    {"Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n", ""},
    {"Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n", "[CLI-04]"},
    {"Date: Sun, 22 Nov 2026 12:00:00 GMT\r\nAge: 86400\r\n", ""},
    {"Date: Mon, 23 Nov 2026 12:00:00 GMT\r\nAge: 86400\r\n", ""},
    {"Date: Sun, 22 Nov 2026 12:00:00 GMT\r\nAge: 60\r\n", "[CLI-04]"},
    {"Date: Sun, 22 Nov 2026 12:00:00 GMT\r\nAge: often\r\n", "[CLI-04]"},
    {"Date: Tue, 24 Nov 2026 12:00:00 GMT\r\nAge: 86400\r\n", "[CLI-04]"},
};

TEST("a page from a cache bears the Date of old, and its Age")
{
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        struct facts f;
        test_reached(&f, url);
        test_hello(&f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(&f, PROBE_R1, SIDE_SITE, at, "200 OK", dates[i].headers, "<p>it works");
        if (!str_eq(str_of(test_infer(&f)), str_of(dates[i].ids))) {
            test_failed(__FILE__, __LINE__, "%s: %s", dates[i].headers, test_infer(&f));
        }
        facts_done(&f);
    }
}

/* ---- a CDN in front ---- */

static void
past_the_load_balancer(struct facts *f, const char *site, const char *lb)
{
    test_reached(f, url);
    test_lb(f, "203.0.113.9:8443");
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    test_page(f, PROBE_R1, SIDE_SITE, at, site, "Server: nginx\r\n", "<p>sign in");
    test_page(f, PROBE_R4, SIDE_LB, "203.0.113.9:8443", lb, "Server: nginx\r\n", "<p>sign in");
}

TEST("a sign-in page that comes past the load balancer is no fault where both want a sign-in")
{
    struct facts f;
    struct findings out;
    static const struct {
        const char *site, *lb;
        enum severity severity;
    } rows[] = {
        {"200 OK", "200 OK", SEVERITY_WARNING},
        {"401 Unauthorized", "401 Unauthorized", SEVERITY_WARNING},
        {"403 Forbidden", "403 Forbidden", SEVERITY_WARNING},
        {"401 Unauthorized", "200 OK", SEVERITY_FAULT},
        {"404 Not Found", "404 Not Found", SEVERITY_FAULT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        past_the_load_balancer(&f, rows[i].site, rows[i].lb);
        infer(&f, &out);
        CHECK(out.count > 0 && out.items[0].id == FINDING_DNS_01);
        CHECK_INT(out.items[0].severity, rows[i].severity);
        findings_done(&out);
        facts_done(&f);
    }
}

/* ---- too few connections ---- */

TEST("a page that was not asked for, because connections were short, is not called broken")
{
    struct facts f;
    struct findings out;
    test_reached(&f, url);
    test_hello(&f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    infer(&f, &out);
    CHECK_INT(out.verdict, VERDICT_UNKNOWN);
    findings_done(&out);
    test_result(&f, PROBE_R1, SIDE_SITE, at, OUTCOME_SKIPPED)->skip = SKIP_BUDGET;
    infer(&f, &out);
    CHECK_INT(out.verdict, VERDICT_OK);
    CHECK(out.answer == NULL);
    findings_done(&out);
    facts_done(&f);
}

/* ---- and what must not pass as a site that opens ---- */

TEST("every error of the load balancer's own is a finding")
{
    static const unsigned codes[] = {400, 401, 403, 404, 405, 408, 410, 413, 414, 429,
                                     463, 464, 500, 501, 502, 503, 504, 505, 507, 561};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct facts f;
        struct findings out;
        char status[32];
        test_reached(&f, "http://app.example.com/");
        (void)snprintf(status, sizeof(status), "%u Error", codes[i]);
        test_page(&f, PROBE_R1, SIDE_SITE, "198.51.100.7:80", status, "Server: awselb/2.0\r\n",
                  "<p>error");
        infer(&f, &out);
        if (out.verdict != VERDICT_FAULT || out.items[0].id == FINDING_UNK) {
            test_failed(__FILE__, __LINE__, "%u", codes[i]);
        }
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("a redirect to a port where nobody listens names that port")
{
    struct facts f;
    struct findings out;
    test_reached(&f, "http://app.example.com/");
    test_page(&f, PROBE_R1, SIDE_SITE, "198.51.100.7:80", "301 Moved Permanently",
              "Location: https://app.example.com/\r\n", "");
    struct result *hop =
        test_hop(&f, 1, "https://app.example.com/", "198.51.100.7:443", NULL, "", "");
    CHECK(str_copy_z(STR("app.example.com"), hop->name, sizeof(hop->name)));
    infer(&f, &out);
    CHECK(out.count > 0 && out.items[0].id == FINDING_TCP_01);
    CHECK_INT(out.items[0].confidence, CONFIDENCE_PROVED);
    CHECK_STR(args_get(&out.items[0].args, "port"), "443");
    CHECK_STR(args_get(&out.items[0].args, "host"), "app.example.com");
    CHECK_INT(findings_exit_code(&out, false), 11);
    findings_done(&out);
    hop->outcome = OUTCOME_TIMEOUT;
    hop->error = 0;
    infer(&f, &out);
    CHECK(out.count > 0 && out.items[0].id == FINDING_TCP_02);
    findings_done(&out);
    facts_done(&f);
}

TEST_MAIN
