/* SPDX-License-Identifier: Apache-2.0
 * The rules of redirects, each with its healthy twin, and chains that end well. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"

#include <stdio.h>

static const char url[] = "https://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char target[] = "192.0.2.10:8080";
static const char nginx[] = "Server: nginx\r\n";
static const char page_400[] =
    "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>";

/* The first answer: a redirect by nginx to this place, with further header lines. */
static struct result *
redirected(struct facts *f, const char *status, const char *location, const char *more)
{
    char headers[512];
    (void)snprintf(headers, sizeof headers, "Server: nginx\r\nLocation: %s\r\n%s", location, more);
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    return test_page(f, PROBE_R1, SIDE_SITE, at, status, headers, "");
}

static struct result *
opens(struct facts *f, unsigned hop, const char *where)
{
    return test_hop(f, hop, where, at, "200 OK", nginx, "hello");
}

static void
mended(struct facts *f, const char *where)
{
    struct result *r = test_hop(f, 1, where, at, "200 OK", nginx, "hello");
    ASSERT(str_copy_z(STR("mended"), r->label, sizeof r->label));
}

/* ---- lost ports and schemes ---- */

static void
lost_port(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "https://app.example.com/", "");
    if (bad) {
        test_hop(f, 1, "https://app.example.com/", "198.51.100.7:443", NULL, "", "");
        mended(f, "https://app.example.com:8443/");
    } else { /* 443 is the public port, and it opens */
        opens(f, 1, "https://app.example.com/");
    }
}

static void
lost_port_other_site(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "https://app.example.com/", "");
    struct result *to = opens(f, 1, "https://app.example.com/");
    if (bad) {
        test_names(to, "www.example.net");
        test_problem(to, CHAIN_NAME_MISMATCH);
    }
}

static void
lost_port_for_ever(struct facts *f, bool bad)
{
    redirected(f, "301 Moved Permanently", "https://app.example.com/", "");
    if (bad) {
        test_hop(f, 1, "https://app.example.com/", "198.51.100.7:443", NULL, "", "");
    } else {
        opens(f, 1, "https://app.example.com/");
    }
}

static void
plain_on_tls_port(struct facts *f, bool bad)
{
    redirected(f, "302 Found",
               bad ? "http://app.example.com:8443/x" : "https://app.example.com:8443/x", "");
    if (bad) {
        test_hop(f, 1, "http://app.example.com:8443/x", at, "400 Bad Request",
                 "Server: awselb/2.0\r\n", page_400);
        mended(f, "https://app.example.com:8443/x");
    } else {
        opens(f, 1, "https://app.example.com:8443/x");
    }
}

static void
plain_on_tls_port_closes(struct facts *f, bool bad)
{
    redirected(f, "302 Found",
               bad ? "http://app.example.com:8443/x" : "https://app.example.com:8443/x", "");
    if (bad) {
        struct result *r = test_hop(f, 1, "http://app.example.com:8443/x", at, "200 OK", "", "");
        r->got.n = 0;
        r->got_total = 0;
        r->outcome = OUTCOME_FAIL;
        r->finish = FINISH_FIN;
        facts_digest(r);
    } else {
        opens(f, 1, "https://app.example.com:8443/x");
    }
}

/* ---- loops ---- */

static void
to_itself(struct facts *f, bool bad, const char *cookie)
{
    char headers[256];
    (void)snprintf(headers, sizeof headers, "Server: nginx\r\nLocation: %s\r\n%s", url, cookie);
    redirected(f, "302 Found", url, cookie);
    if (bad) {
        test_hop(f, 1, url, at, "302 Found", headers, "");
        test_hop_skipped(f, 2, url, SKIP_DECIDED);
    } else { /* the cookie was missing: the second time it opens */
        opens(f, 1, url);
    }
}

static void
loop(struct facts *f, bool bad)
{
    to_itself(f, bad, "");
}

static void
loop_by_target(struct facts *f, bool bad)
{
    to_itself(f, bad, "");
    test_target(f, target);
    test_page(f, PROBE_P1, SIDE_TARGET, target, bad ? "301 Moved Permanently" : "200 OK",
              bad ? "Server: nginx\r\nLocation: https://app.example.com:8443/\r\n" : nginx, "");
    test_page(f, PROBE_P1X, SIDE_TARGET, target, "200 OK", nginx, "hello");
}

static void
loop_by_cookie(struct facts *f, bool bad)
{
    to_itself(f, bad, "Set-Cookie: session=1; Path=/; Domain=other.example\r\n");
}

/* The stickiness cookie of a load balancer is no cookie of the application. */
static void
loop_with_stickiness(struct facts *f, bool bad)
{
    to_itself(f, bad, "Set-Cookie: AWSALB=abc; Path=/\r\n");
}

static void
ping_pong(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "https://www.example.com/", "");
    if (bad) {
        test_hop(f, 1, "https://www.example.com/", at, "301 Moved Permanently",
                 "Server: Apache\r\nLocation: https://app.example.com:8443/\r\n", "");
        test_hop(f, 2, url, at, "302 Found", "Location: https://www.example.com/\r\n", "");
        test_hop_skipped(f, 3, "https://www.example.com/", SKIP_DECIDED);
    } else {
        opens(f, 1, "https://www.example.com/");
    }
}

static void
endless(struct facts *f, bool bad)
{
    char where[64], location[128];
    redirected(f, "302 Found", "/0", "");
    unsigned last = bad ? LIMIT_DOCTOR_HOPS : LIMIT_DOCTOR_HOPS - 1;
    for (unsigned hop = 1; hop <= last; hop++) {
        (void)snprintf(where, sizeof where, "https://app.example.com:8443/%u", hop - 1);
        (void)snprintf(location, sizeof location, "Location: /%u\r\n", hop);
        test_hop(f, hop, where, at, "302 Found", location, "");
    }
    if (!bad) {
        opens(f, LIMIT_DOCTOR_HOPS, "https://app.example.com:8443/end");
    }
}

/* ---- where nobody can go ---- */

static void
blocked_port(struct facts *f, bool bad)
{
    redirected(f, "302 Found", bad ? "https://app.example.com:6667/" : "/x", "");
    if (bad) {
        test_hop_skipped(f, 1, "https://app.example.com:6667/", SKIP_DECIDED);
    } else {
        opens(f, 1, "https://app.example.com:8443/x");
    }
}

static void
internal_address(struct facts *f, bool bad)
{
    redirected(f, "302 Found", bad ? "http://10.0.0.5:8080/" : "/x", "");
    if (bad) {
        test_hop_skipped(f, 1, "http://10.0.0.5:8080/", SKIP_PRIVATE);
    } else {
        opens(f, 1, "https://app.example.com:8443/x");
    }
}

static void
internal_name(struct facts *f, bool bad)
{
    redirected(f, "302 Found", bad ? "https://app-1.internal:8443/" : "/x", "");
    if (bad) {
        test_hop_skipped(f, 1, "https://app-1.internal:8443/", SKIP_NO_ADDRESS);
    } else {
        opens(f, 1, "https://app.example.com:8443/x");
    }
}

static void
two_locations(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "/x", bad ? "Location: /y\r\n" : "Location: /x\r\n");
    opens(f, 1, "https://app.example.com:8443/x");
}

static void
no_url(struct facts *f, bool bad)
{
    redirected(f, "302 Found", bad ? "https://[/" : "/x", "");
    if (!bad) {
        opens(f, 1, "https://app.example.com:8443/x");
    }
}

static void
https_on_plain_port(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "https://www.example.com:8080/", "");
    if (bad) {
        struct result *r = test_hop(f, 1, "https://www.example.com:8080/", at, "200 OK", "", "");
        r->got.n = 0;
        r->got_total = 0;
        r->outcome = OUTCOME_FAIL;
        r->seen->done = false;
        ASSERT(str_copy_z(STR("wrong version number"), r->seen->reason, sizeof r->seen->reason));
        facts_digest(r);
    } else {
        opens(f, 1, "https://www.example.com:8080/");
    }
}

static void
http_on_443(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "http://www.example.com:443/", "");
    test_hop(f, 1, "http://www.example.com:443/", at, bad ? "400 Bad Request" : "200 OK", nginx,
             bad ? page_400 : "hello");
}

/* ---- the end of the chain ---- */

static void
dead_end(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "https://www.example.com/", "");
    if (bad) {
        test_hop(f, 1, "https://www.example.com/", "198.51.100.50:443", NULL, "", "");
    } else {
        opens(f, 1, "https://www.example.com/");
    }
}

static void
failing_end(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "/login", "");
    test_hop(f, 1, "https://app.example.com:8443/login", at,
             bad ? "500 Internal Server Error" : "200 OK", nginx, "hello");
}

static void
failing_end_of_lb(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "/login", "");
    test_hop(f, 1, "https://app.example.com:8443/login", at,
             bad ? "503 Service Temporarily Unavailable" : "200 OK",
             bad ? "Server: awselb/2.0\r\n" : nginx, "hello");
}

static void
certificate_at_end(struct facts *f, bool bad)
{
    redirected(f, "302 Found", "https://www.example.com/", "");
    struct result *to = opens(f, 1, "https://www.example.com/");
    ASSERT(str_copy_z(STR("www.example.com"), to->name, sizeof to->name));
    if (bad) {
        to->chain->certificates[0].not_after_s = TEST_NOW_S - 2 * 86400;
        test_problem(to, CHAIN_EXPIRED);
    }
}

static const struct infer_case cases[] = {
    {.title = "the port is lost",
     .make = lost_port,
     .ids = "RED-01",
     .sight = SIGHT_REFUSED,
     .counter = COUNTER_WORKS,
     .args = "location=https://app.example.com/ | hop=1 | status=302 | server=nginx"},
    {.title = "the port is lost, and another site stands on 443",
     .make = lost_port_other_site,
     .ids = "RED-01 CRT-01",
     .sight = SIGHT_CERT_NAME,
     .args = "location=https://app.example.com/"},
    {.title = "the port is lost by a permanent redirect",
     .make = lost_port_for_ever,
     .ids = "RED-01 [RED-08]",
     .sight = SIGHT_REFUSED},
    {.title = "http:// on the HTTPS port",
     .make = plain_on_tls_port,
     .ids = "RED-04",
     .sight = SIGHT_PAGE_400_PLAIN,
     .counter = COUNTER_WORKS,
     .args = "next=400"},
    {.title = "http:// on an HTTPS port that closes",
     .make = plain_on_tls_port_closes,
     .ids = "RED-04",
     .sight = SIGHT_EMPTY_RESPONSE,
     .args = "next=none"},
    {.title = "a loop",
     .make = loop,
     .ids = "RED-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_REDIRECTS},
    {.title = "a loop that X-Forwarded-Proto ends",
     .make = loop_by_target,
     .ids = "RED-02",
     .sight = SIGHT_REDIRECTS,
     .counter = COUNTER_WORKS,
     .args = "target=192.0.2.10:8080 | status=200 | other=301"},
    {.title = "a loop by a cookie",
     .make = loop_by_cookie,
     .ids = "RED-05",
     .sight = SIGHT_REDIRECTS,
     .args = "cookies=session, session"},
    {.title = "a loop with a stickiness cookie",
     .make = loop_with_stickiness,
     .ids = "RED-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_REDIRECTS},
    {.title = "two redirects against each other",
     .make = ping_pong,
     .ids = "RED-03",
     .sight = SIGHT_REDIRECTS,
     .args = "count=2"},
    {.title = "more redirects than browsers follow",
     .make = endless,
     .ids = "UNK",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_REDIRECTS},
    {.title = "a blocked port",
     .make = blocked_port,
     .ids = "RED-06",
     .sight = SIGHT_UNSAFE_PORT,
     .args = "next_port=6667"},
    {.title = "an internal address",
     .make = internal_address,
     .ids = "RED-07",
     .sight = SIGHT_DROPPED},
    {.title = "an internal name",
     .make = internal_name,
     .ids = "RED-07",
     .sight = SIGHT_NAME_NOT_RESOLVED},
    {.title = "two Locations",
     .make = two_locations,
     .ids = "RED-09",
     .sight = SIGHT_TWO_LOCATIONS},
    {.title = "a Location that is no URL",
     .make = no_url,
     .ids = "RED-09",
     .sight = SIGHT_BAD_REDIRECT},
    {.title = "https:// on a plain port",
     .make = https_on_plain_port,
     .ids = "RED-10",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .args = "value=plain HTTP"},
    {.title = "http:// on port 443",
     .make = http_on_443,
     .ids = "RED-10",
     .sight = SIGHT_PAGE_400_PLAIN,
     .args = "value=TLS"},
    {.title = "nobody is at the end",
     .make = dead_end,
     .ids = "TCP-01",
     .sight = SIGHT_REFUSED,
     .args = "port=443 | address=198.51.100.50:443"},
    {.title = "the page at the end fails",
     .make = failing_end,
     .ids = "TGT-12",
     .sight = SIGHT_PAGE_STATUS,
     .args = "status=500"},
    {.title = "the load balancer has no target for the page at the end",
     .make = failing_end_of_lb,
     .ids = "TGT-04",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS},
    {.title = "the certificate at the end has expired",
     .make = certificate_at_end,
     .ids = "CRT-07",
     .sight = SIGHT_CERT_EXPIRED,
     .args = "host=www.example.com | days=2"},
};

TEST("each fault of redirects is found, and its healthy twin is left alone")
{
    test_cases(cases, COUNT_OF(cases));
}

/* ---- chains that are fine, or unfinished ---- */

TEST("what was not followed for want of time is no fault of the Location")
{
    struct facts f;
    redirected(&f, "302 Found", "https://www.example.com/", "");
    f.deadline_reached = true;
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST("a page whose path is left out of its URL may lead to the root and open")
{
    struct facts f;
    redirected(&f, "302 Found", "/", "");
    opens(&f, 1, url);
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST("http:// of another port that answers is no RED-04")
{
    struct facts f;
    redirected(&f, "302 Found", "http://app.example.com:8080/", "");
    test_hop(&f, 1, "http://app.example.com:8080/", "198.51.100.7:8080", "200 OK", nginx, "hello");
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST("304 and 300 without a Location are no redirects")
{
    static const char *const statuses[] = {"304 Not Modified", "300 Multiple Choices"};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct facts f;
        test_reached(&f, url);
        test_hello(&f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(&f, PROBE_R1, SIDE_SITE, at, statuses[i], nginx, "");
        CHECK_STR(str_of(test_infer(&f)), "");
        facts_done(&f);
    }
}

TEST("a remark of the server's configuration proves the loop, with file and line")
{
    struct facts f;
    struct findings out;
    loop(&f, true);
    f.local.remarks = webconf_remarks_new(WEBCONF_NGINX);
    (void)webconf_remarks_add(f.local.remarks, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO,
                              STR("/etc/nginx/nginx.conf"), 7, STR("return 301 https://$host;"),
                              STR(""));
    infer(&f, &out);
    CHECK_INT(out.items[0].id, FINDING_RED_02);
    CHECK_INT(out.items[0].confidence, CONFIDENCE_PROVED);
    CHECK_INT(out.items[0].remark_count, 1);
    CHECK_INT(out.items[0].remarks[0]->line, 7);
    findings_done(&out);
    facts_done(&f);
}

TEST_MAIN
