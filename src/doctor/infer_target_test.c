/* SPDX-License-Identifier: Apache-2.0
 * The rules of the web server behind the load balancer, each with its healthy twin. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/test.h"

#include <errno.h>

static const char url[] = "https://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char target[] = "192.0.2.10:8080";
static const char nginx[] = "Server: nginx\r\n";
static const char awselb[] = "Server: awselb/2.0\r\n";
static const char page_400[] =
    "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>";

/* Through the load balancer: this answer when it is bad, else 200. */
static struct result *
answer(struct facts *f, bool bad, const char *status, const char *headers, const char *body)
{
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    return test_page(f, PROBE_R1, SIDE_SITE, at, bad ? status : "200 OK", bad ? headers : nginx,
                     bad ? body : "hello");
}

static struct result *
bad_gateway(struct facts *f, bool bad)
{
    return answer(f, bad, "502 Bad Gateway", awselb, "<html>502</html>");
}

static void
plain_to_tls(struct facts *f, bool bad)
{
    (void)answer(f, bad, "400 Bad Request", nginx, page_400);
}

static void
plain_to_tls_target(struct facts *f, bool bad)
{
    plain_to_tls(f, bad);
    test_target(f, target);
    test_tcp(f, SIDE_TARGET, target, 0);
    test_hello(f, PROBE_H1, SIDE_TARGET, target, TLS_V_13, 0x1301);
    test_page(f, PROBE_P1, SIDE_TARGET, target, "400 Bad Request", nginx, page_400);
    test_page(f, PROBE_R1, SIDE_TARGET, target, "200 OK", nginx, "hello");
}

static void
tls_to_plain(struct facts *f, bool bad)
{
    (void)bad_gateway(f, bad);
    test_target(f, target);
    test_tcp(f, SIDE_TARGET, target, 0);
    test_text(f, PROBE_H1, SIDE_TARGET, target, "HTTP/1.1 400 Bad Request\r\n\r\n", FINISH_FIN);
    test_page(f, PROBE_P1, SIDE_TARGET, target, "200 OK", nginx, "hello");
}

static void
target_refuses(struct facts *f, bool bad)
{
    (void)bad_gateway(f, bad);
    test_target(f, target);
    test_tcp(f, SIDE_TARGET, target, bad ? ECONNREFUSED : 0);
}

static void
no_targets(struct facts *f, bool bad)
{
    (void)answer(f, bad, "503 Service Temporarily Unavailable", awselb, "<html>503</html>");
}

/* HAProxy's own page bears no Server header. */
static void
no_targets_of_haproxy(struct facts *f, bool bad)
{
    (void)answer(f, bad, "503 Service Unavailable", "",
                 "<html><body><h1>503 Service Unavailable</h1>\n"
                 "No server is available to handle this request.\n</body></html>");
}

static void
target_handshake(struct facts *f, bool bad)
{
    (void)bad_gateway(f, bad);
    test_target(f, target);
    test_tcp(f, SIDE_TARGET, target, 0);
    test_alert(f, PROBE_H1, SIDE_TARGET, target, 40);
}

static void
target_swallows(struct facts *f, bool bad)
{
    struct result *r = answer(f, bad, "504 Gateway Time-out", awselb, "<html>504</html>");
    r->first_us = r->sent_us + 10000000;
    r->end_us = r->first_us + 1000;
    test_target(f, target);
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_TARGET, target);
    } else {
        test_tcp(f, SIDE_TARGET, target, 0);
    }
}

static void
gateway_timeout_10(struct facts *f, bool bad)
{
    struct result *r = answer(f, bad, "504 Gateway Time-out", awselb, "<html>504</html>");
    r->first_us = r->sent_us + 10000000;
    r->end_us = r->first_us + 1000;
}

static void
gateway_timeout_60(struct facts *f, bool bad)
{
    struct result *r = answer(f, bad, "504 Gateway Time-out", awselb, "<html>504</html>");
    r->first_us = r->sent_us + 60000000;
    r->end_us = r->first_us + 1000;
}

static void
target_breaks(struct facts *f, bool bad)
{
    (void)bad_gateway(f, bad);
}

/* nginx as the load balancer: its own page. */
static void
target_breaks_nginx(struct facts *f, bool bad)
{
    (void)answer(f, bad, "502 Bad Gateway", nginx,
                 "<html><head><title>502 Bad Gateway</title></head></html>");
}

static void
target_closes(struct facts *f, bool bad)
{
    (void)bad_gateway(f, bad);
    test_target(f, target);
    test_tcp(f, SIDE_TARGET, target, 0);
    if (bad) {
        test_bytes(f, PROBE_P1, SIDE_TARGET, target, "", 0, FINISH_FIN);
    } else {
        test_page(f, PROBE_P1, SIDE_TARGET, target, "200 OK", nginx, "hello");
    }
}

static void
target_two_lengths(struct facts *f, bool bad)
{
    (void)bad_gateway(f, bad);
    test_target(f, target);
    test_tcp(f, SIDE_TARGET, target, 0);
    test_text(f, PROBE_P1, SIDE_TARGET, target,
              bad ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi"
                  : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
              FINISH_FIN);
}

static void
application_fails(struct facts *f, bool bad)
{
    (void)answer(f, bad, "500 Internal Server Error", "Server: gunicorn\r\n", "Traceback");
}

static void
other_host(struct facts *f, bool bad)
{
    (void)answer(f, bad, "403 Forbidden", nginx, "who are you?");
    test_target(f, target);
    test_page(f, PROBE_P1, SIDE_TARGET, target, bad ? "403 Forbidden" : "200 OK", nginx, "hello");
    struct result *other = test_page(f, PROBE_R5O, SIDE_TARGET, target, "200 OK", nginx, "hello");
    ASSERT(str_copy_z(STR("192.0.2.10"), other->name, sizeof other->name));
}

static void
address_filter(struct facts *f, bool bad)
{
    (void)answer(f, bad, "403 Forbidden", nginx, "not you");
    test_target(f, target);
    test_page(f, PROBE_P1, SIDE_TARGET, target, "200 OK", nginx, "hello");
}

static void
short_keep_alive(struct facts *f, bool bad)
{
    (void)answer(f, false, "", "", "");
    test_target(f, target);
    test_page(f, PROBE_P1, SIDE_TARGET, target, "200 OK",
              bad ? "Keep-Alive: timeout=5, max=100\r\n" : "Keep-Alive: timeout=75\r\n", "hello");
}

static void
other_application(struct facts *f, bool bad)
{
    (void)answer(f, bad, "404 Not Found", "Server: Apache\r\n", "nothing here");
    test_target(f, target);
    test_page(f, PROBE_P1, SIDE_TARGET, target, "200 OK", nginx, "hello");
}

static const struct infer_case cases[] = {
    {.title = "plain HTTP to a TLS target",
     .make = plain_to_tls,
     .ids = "TGT-01",
     .sight = SIGHT_PAGE_400_PLAIN,
     .args = "server=nginx"},
    {.title = "plain HTTP to a TLS target that is known",
     .make = plain_to_tls_target,
     .ids = "TGT-01",
     .sight = SIGHT_PAGE_400_PLAIN,
     .counter = COUNTER_WORKS,
     .args = "target=192.0.2.10:8080 | value=TLS 1.3"},
    {.title = "TLS to a plain target",
     .make = tls_to_plain,
     .ids = "TGT-02",
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_WORKS,
     .args = "bytes=\"HTTP/1.1 400 Bad Request\" | status=502"},
    {.title = "the target's port is closed",
     .make = target_refuses,
     .ids = "TGT-03",
     .sight = SIGHT_PAGE_STATUS,
     .args = "target=192.0.2.10:8080"},
    {.title = "no targets",
     .make = no_targets,
     .ids = "TGT-04",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .args = "server=awselb/2.0"},
    {.title = "no targets, says HAProxy",
     .make = no_targets_of_haproxy,
     .ids = "TGT-04",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS},
    {.title = "the target refuses the handshake",
     .make = target_handshake,
     .ids = "TGT-06",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .args = "value=alert handshake_failure (40)"},
    {.title = "packets to the target are swallowed",
     .make = target_swallows,
     .ids = "TGT-07",
     .sight = SIGHT_PAGE_STATUS,
     .args = "seconds=10"},
    {.title = "504 after 10 s",
     .make = gateway_timeout_10,
     .ids = "TGT-07",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .args = "seconds=10"},
    {.title = "504 after 60 s",
     .make = gateway_timeout_60,
     .ids = "TGT-09",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .args = "seconds=60"},
    {.title = "502 and nothing more is known",
     .make = target_breaks,
     .ids = "TGT-11",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .args = "status=502"},
    {.title = "502 of nginx",
     .make = target_breaks_nginx,
     .ids = "TGT-11",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS},
    {.title = "the target closes",
     .make = target_closes,
     .ids = "TGT-11",
     .sight = SIGHT_PAGE_STATUS,
     .args = "value=closed without an answer"},
    {.title = "the target's answer is not HTTP",
     .make = target_two_lengths,
     .ids = "TGT-11",
     .sight = SIGHT_PAGE_STATUS},
    {.title = "the application fails",
     .make = application_fails,
     .ids = "TGT-12",
     .sight = SIGHT_PAGE_STATUS,
     .args = "server=gunicorn | status=500"},
    {.title = "the target knows another host",
     .make = other_host,
     .ids = "TGT-15 [HTTP-12]",
     .sight = SIGHT_PAGE_STATUS,
     .args = "status=403 | other=200 | value=192.0.2.10"},
    {.title = "the target refuses the load balancer's address",
     .make = address_filter,
     .ids = "TGT-16 [HTTP-12]",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .args = "status=403 | other=200"},
    {.title = "the target gives connections up soon",
     .make = short_keep_alive,
     .ids = "TGT-10",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_SOMETIMES,
     .args = "seconds=5"},
    {.title = "another application answers",
     .make = other_application,
     .ids = "TGT-05 [HTTP-12]",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .args = "server=Apache"},
};

TEST("each fault of the target is found, and its healthy twin is left alone")
{
    test_cases(cases, COUNT_OF(cases));
}

/* ---- rows that look alike from outside [ruling 5] ---- */

static const struct {
    uint64_t seconds;
    const char *ids;
} timeouts[] = {{0, "TGT-07"}, {10, "TGT-07"}, {29, "TGT-07"}, {30, "TGT-09"}, {60, "TGT-09"}};

TEST("504 is TGT-07 below 30 s, else TGT-09")
{
    for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
        struct facts f;
        struct result *r = answer(&f, true, "504 Gateway Time-out", awselb, "<html>504</html>");
        r->first_us = r->sent_us + timeouts[i].seconds * 1000000;
        r->end_us = r->first_us;
        CHECK_STR(str_of(test_infer(&f)), timeouts[i].ids);
        facts_done(&f);
    }
}

TEST("--target decides a 504 after a long time, too: its packets are swallowed")
{
    struct facts f;
    gateway_timeout_60(&f, true);
    test_target(&f, target);
    test_silent(&f, PROBE_T1, SIDE_TARGET, target);
    CHECK_STR(str_of(test_infer(&f)), "TGT-07");
    facts_done(&f);
}

static bool
names_sibling(const struct finding *f, const char *id)
{
    for (size_t i = 0; i < f->sibling_count; i++) {
        if (strcmp(f->siblings[i], id) == 0) {
            return true;
        }
    }
    return false;
}

TEST("502 and 503 name what looks the same")
{
    struct facts f;
    struct findings out;
    target_breaks(&f, true);
    infer(&f, &out);
    CHECK(names_sibling(&out.items[0], "TGT-14"));
    CHECK(out.items[0].note != NULL); /* TGT-02, TGT-03, TGT-06 */
    findings_done(&out);
    facts_done(&f);
    no_targets(&f, true);
    infer(&f, &out);
    CHECK(names_sibling(&out.items[0], "LBC-13"));
    CHECK(names_sibling(&out.items[0], "TGT-08"));
    findings_done(&out);
    facts_done(&f);
}

TEST("a target that is asked and fine makes no fault of a good site")
{
    struct facts f;
    test_site(&f, url);
    test_healthy(&f);
    test_target(&f, target);
    test_tcp(&f, SIDE_TARGET, target, 0);
    test_text(&f, PROBE_H1, SIDE_TARGET, target, "HTTP/1.1 400 Bad Request\r\n\r\n", FINISH_FIN);
    test_page(&f, PROBE_P1, SIDE_TARGET, target, "301 Moved Permanently",
              "Location: https://app.example.com:8443/\r\n", "");
    test_page(&f, PROBE_P1X, SIDE_TARGET, target, "200 OK", nginx, "hello");
    test_page(&f, PROBE_R5O, SIDE_TARGET, target, "301 Moved Permanently",
              "Location: https://192.0.2.10/\r\n", "");
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST_MAIN
