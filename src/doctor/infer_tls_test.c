/* SPDX-License-Identifier: Apache-2.0
 * The rules of the TLS handshake, each with its healthy twin, every alert, and what only looks
 * alike. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/test.h"

static const char url[] = "https://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char second[] = "198.51.100.8:8443";
static const char plain[] =
    "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n";

enum { AES128_GCM = 0x1301, ECDHE_RSA_GCM = 0xc02f, ECDHE_CBC_SHA256 = 0xc027, P521 = 0x0019 };

static void
works(struct facts *f)
{
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, AES128_GCM);
    test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "Server: nginx\r\n", "hello");
}

/* The connection opens; bad: the browser's hello earns this alert, else all is well. */
static void
alert_or_works(struct facts *f, bool bad, unsigned number)
{
    test_reached(f, url);
    if (bad) {
        test_alert(f, PROBE_H1, SIDE_SITE, at, number);
    } else {
        works(f);
    }
}

/* ---- not TLS ---- */

static void
plain_http(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, at, plain, FINISH_FIN);
        test_text(f, PROBE_P1, SIDE_SITE, at, plain, FINISH_FIN);
    } else {
        works(f);
    }
}

/* The load balancer is known by the name that was typed: no need to ask for it. */
static void
plain_http_of_lb(struct facts *f, bool bad)
{
    test_site(f, "https://web-1.eu-west-1.elb.amazonaws.com:8443/");
    test_resolves(f, "198.51.100.7");
    test_tcp(f, SIDE_SITE, at, 0);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, at, plain, FINISH_FIN);
    } else {
        works(f);
    }
}

static void
html_without_status(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, at, "<!DOCTYPE HTML>\n<html><h1>Error</h1>", FINISH_RST);
    } else {
        works(f);
    }
}

/* ---- versions, suites, curves ---- */

static void
old_only(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 70);
    if (bad) {
        test_alert(f, PROBE_H7, SIDE_SITE, at, 70);
        test_alert(f, PROBE_H8, SIDE_SITE, at, 70);
        test_hello(f, PROBE_H9, SIDE_SITE, at, TLS_V_10, 0x002f);
    }
}

static void
chooses_lower(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_11, 0x002f);
    } else {
        works(f);
    }
}

/* Refused, and nothing else is known: likely. */
static void
version_alert_alone(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 70);
}

static void
odd_suite(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 40);
    if (bad) {
        test_alert(f, PROBE_H7, SIDE_SITE, at, 40);
        test_hello(f, PROBE_HW, SIDE_SITE, at, TLS_V_12, ECDHE_CBC_SHA256);
    }
}

static void
no_suite_at_all(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 40);
    if (bad) {
        test_alert(f, PROBE_H7, SIDE_SITE, at, 40);
        test_alert(f, PROBE_HW, SIDE_SITE, at, 40);
        test_alert(f, PROBE_H9, SIDE_SITE, at, 40);
    }
}

static void
mismatch_alone(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 40);
}

static void
odd_curve(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 40);
    if (bad) {
        test_hello(f, PROBE_HW, SIDE_SITE, at, TLS_V_12, ECDHE_RSA_GCM)->flight->group = P521;
    }
}

static void
odd_curve_illegal(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 47);
    if (bad) {
        test_hello(f, PROBE_HW, SIDE_SITE, at, TLS_V_12, ECDHE_RSA_GCM)->flight->group = P521;
    }
}

static void
hello_retry(struct facts *f, bool bad)
{
    static uint8_t retry[] = {0x16, 0x03, 0x03, 0x00, 0x38, 0x02, 0x00, 0x00, 0x34, 0x03, 0x03,
                              0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                              0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                              0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c, 0x00,
                              0x13, 0x01, 0x00, 0x00, 0x0c, 0x00, 0x2b, 0x00, 0x02, 0x03, 0x04,
                              0x00, 0x33, 0x00, 0x02, 0x00, 0x17};
    test_reached(f, url);
    retry[sizeof retry - 1] = bad ? P521 : 0x17;
    test_bytes(f, PROBE_H1, SIDE_SITE, at, retry, sizeof retry, FINISH_US);
    if (!bad) { /* P-256: the browser sends another hello, and all is well */
        test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    }
}

/* The key, not the suite: alert 40, and the certificate tells. */
static void
key_type(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 40);
    if (bad) {
        test_hello(f, PROBE_HW, SIDE_SITE, at, TLS_V_12, 0xc02b);
        struct result *r1 = test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
        struct chain_certificate *leaf = &r1->chain->certificates[0];
        leaf->key_bits = 521;
        ASSERT(str_copy_z(STR("P-521"), leaf->curve, sizeof leaf->curve));
        test_problem(r1, CHAIN_KEY_TYPE);
    }
}

/* ---- names, ALPN ---- */

static void
unknown_name(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 112);
    if (bad) {
        test_hello(f, PROBE_H4, SIDE_SITE, at, TLS_V_12, ECDHE_RSA_GCM);
    }
}

static void
only_h2(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 120);
    if (bad) {
        test_alert(f, PROBE_HA, SIDE_SITE, at, 120);
        test_hello(f, PROBE_HB, SIDE_SITE, at, TLS_V_13, AES128_GCM);
    }
}

static void
only_without_alpn(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 120);
    if (bad) {
        test_alert(f, PROBE_HA, SIDE_SITE, at, 120);
        test_alert(f, PROBE_HB, SIDE_SITE, at, 120);
        test_hello(f, PROBE_HN, SIDE_SITE, at, TLS_V_13, AES128_GCM);
    }
}

/* ---- silence, close, reset ---- */

static struct result *
lost_hello(struct facts *f, bool bad, enum finish finish)
{
    test_reached(f, url);
    if (!bad) {
        works(f);
        return NULL;
    }
    struct result *r = finish == FINISH_US ? test_silent(f, PROBE_H1, SIDE_SITE, at)
                                           : test_bytes(f, PROBE_H1, SIDE_SITE, at, "", 0, finish);
    return r;
}

static void
big_hello_reset(struct facts *f, bool bad)
{
    (void)lost_hello(f, bad, FINISH_RST);
    test_hello(f, PROBE_H2, SIDE_SITE, at, TLS_V_13, AES128_GCM);
}

static void
big_hello_silent(struct facts *f, bool bad)
{
    (void)lost_hello(f, bad, FINISH_US);
    test_hello(f, PROBE_H2, SIDE_SITE, at, TLS_V_13, AES128_GCM);
    test_hello(f, PROBE_HM, SIDE_SITE, at, TLS_V_13, AES128_GCM);
}

static void
silent_port(struct facts *f, bool bad)
{
    (void)lost_hello(f, bad, FINISH_US);
    if (bad) {
        test_silent(f, PROBE_H2, SIDE_SITE, at);
        test_silent(f, PROBE_HM, SIDE_SITE, at);
        test_silent(f, PROBE_P2, SIDE_SITE, at);
    }
}

static void
silent_plain_server(struct facts *f, bool bad)
{
    silent_port(f, bad);
    if (bad) {
        test_text(f, PROBE_P1, SIDE_SITE, at, plain, FINISH_FIN);
    }
}

static void
closes_after_hello(struct facts *f, bool bad)
{
    (void)lost_hello(f, bad, FINISH_FIN);
    test_silent(f, PROBE_P2, SIDE_SITE, at);
}

static void
filters_by_name(struct facts *f, bool bad)
{
    closes_after_hello(f, bad);
    test_hello(f, PROBE_H4, SIDE_SITE, at, TLS_V_12, ECDHE_RSA_GCM);
}

static void
wants_proxy_line(struct facts *f, bool bad)
{
    (void)lost_hello(f, bad, FINISH_RST);
    if (bad) {
        test_silent(f, PROBE_P2, SIDE_SITE, at);
        test_bytes(f, PROBE_H2, SIDE_SITE, at, "", 0, FINISH_RST);
        test_hello(f, PROBE_HP, SIDE_SITE, at, TLS_V_13, AES128_GCM);
    }
}

/* ---- client certificates ---- */

static struct result *
asks_for_certificate(struct facts *f, uint16_t version)
{
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, version,
               version == TLS_V_13 ? AES128_GCM : ECDHE_RSA_GCM);
    struct result *r1 = test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    r1->seen->version = version;
    r1->seen->certificate_request = true;
    return r1;
}

static void
punished(struct result *r1, int alert)
{
    r1->got.n = 0;
    r1->got_total = 0;
    r1->outcome = OUTCOME_FAIL;
    r1->finish = FINISH_FIN;
    r1->seen->alert_received = alert;
    facts_digest(r1);
}

/* The twin asks for one, too, and goes on without it. */
static void
mutual_13(struct facts *f, bool bad)
{
    struct result *r1 = asks_for_certificate(f, TLS_V_13);
    if (bad) {
        punished(r1, 116);
    }
}

static void
mutual_12(struct facts *f, bool bad)
{
    struct result *r1 = asks_for_certificate(f, TLS_V_12);
    if (bad) {
        punished(r1, 40);
        r1->seen->done = false;
    }
}

static void
mutual_page(struct facts *f, bool bad)
{
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, AES128_GCM);
    struct result *r1 = test_page(
        f, PROBE_R1, SIDE_SITE, at, bad ? "400 Bad Request" : "200 OK", "Server: nginx\r\n",
        bad ? "<html><head><title>400 No required SSL certificate was sent</title></head></html>"
            : "hello");
    r1->seen->certificate_request = true;
}

static void
relayed_alert(struct facts *f, bool bad)
{
    alert_or_works(f, bad, 48);
    if (bad) {
        test_alert(f, PROBE_H7, SIDE_SITE, at, 48);
    }
}

/* ---- differences ---- */

static void
one_old_node(struct facts *f, bool bad)
{
    test_site(f, url);
    test_resolves(f, "198.51.100.7 198.51.100.8");
    test_tcp(f, SIDE_SITE, at, 0);
    test_tcp(f, SIDE_SITE, second, 0);
    works(f);
    if (bad) {
        test_alert(f, PROBE_H1, SIDE_SITE, second, 70);
    } else {
        test_hello(f, PROBE_H1, SIDE_SITE, second, TLS_V_13, AES128_GCM);
    }
}

static void
old_node_first(struct facts *f, bool bad)
{
    test_site(f, url);
    test_resolves(f, "198.51.100.8 198.51.100.7");
    test_tcp(f, SIDE_SITE, second, 0);
    test_tcp(f, SIDE_SITE, at, 0);
    if (bad) {
        test_alert(f, PROBE_H1, SIDE_SITE, second, 70);
    } else {
        test_hello(f, PROBE_H1, SIDE_SITE, second, TLS_V_13, AES128_GCM);
        test_page(f, PROBE_R1, SIDE_SITE, second, "200 OK", "Server: nginx\r\n", "hello");
    }
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, AES128_GCM);
}

static void
now_and_then(struct facts *f, bool bad)
{
    test_reached(f, url);
    works(f);
    if (bad) {
        test_bytes(f, PROBE_H1B, SIDE_SITE, at, "", 0, FINISH_RST);
    } else {
        test_hello(f, PROBE_H1B, SIDE_SITE, at, TLS_V_13, AES128_GCM);
    }
}

static void
resumption(struct facts *f, bool bad)
{
    test_reached(f, url);
    works(f);
    struct result *r6 = test_page(f, PROBE_R6, SIDE_SITE, at, "200 OK", "", "hello");
    if (bad) {
        punished(r6, 20);
        r6->seen->done = false;
    }
}

static const struct infer_case cases[] = {
    {.title = "plain HTTP for a hello",
     .make = plain_http,
     .ids = "LBC-01 DNS-01",
     .sight = SIGHT_PLAIN_FOR_TLS,
     .counter = COUNTER_WORKS,
     .args = "bytes=\"HTTP/1.1 400 Bad Request\" | address=198.51.100.7:8443"},
    {.title = "plain HTTP for a hello, under the load balancer's own name",
     .make = plain_http_of_lb,
     .ids = "LBC-01",
     .sight = SIGHT_PLAIN_FOR_TLS},
    {.title = "HTML without a status line for a hello",
     .make = html_without_status,
     .ids = "LBC-01 DNS-01",
     .sight = SIGHT_PLAIN_FOR_TLS},
    {.title = "TLS 1.0 only",
     .make = old_only,
     .ids = "TLS-01",
     .sight = SIGHT_VERSION_MISMATCH,
     .counter = COUNTER_WORKS,
     .args = "versions=TLS 1.0"},
    {.title = "a ServerHello that chooses TLS 1.1",
     .make = chooses_lower,
     .ids = "TLS-01",
     .sight = SIGHT_VERSION_MISMATCH,
     .args = "versions=TLS 1.1"},
    {.title = "alert 70, and nothing else is known",
     .make = version_alert_alone,
     .ids = "TLS-01",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_VERSION_MISMATCH,
     .args = "versions=other versions"},
    {.title = "a suite that browsers do not offer",
     .make = odd_suite,
     .ids = "TLS-02",
     .sight = SIGHT_CIPHER_MISMATCH,
     .counter = COUNTER_WORKS,
     .args = "suite=TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
    {.title = "no suite at all",
     .make = no_suite_at_all,
     .ids = "TLS-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_CIPHER_MISMATCH},
    {.title = "alert 40, and nothing else is known",
     .make = mismatch_alone,
     .ids = "TLS-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_CIPHER_MISMATCH},
    {.title = "P-521 only",
     .make = odd_curve,
     .ids = "TLS-03",
     .sight = SIGHT_CURVE_MISMATCH,
     .counter = COUNTER_WORKS,
     .args = "group=secp521r1"},
    {.title = "P-521 only, alert 47",
     .make = odd_curve_illegal,
     .ids = "TLS-03",
     .sight = SIGHT_CURVE_MISMATCH,
     .counter = COUNTER_WORKS},
    {.title = "a retry for P-521",
     .make = hello_retry,
     .ids = "TLS-03",
     .sight = SIGHT_CURVE_MISMATCH,
     .args = "group=secp521r1"},
    {.title = "a key that browsers do not take",
     .make = key_type,
     .ids = "CRT-14",
     .sight = SIGHT_KEY_TYPE,
     .args = "value=EC 521 P-521 | alert_value=alert handshake_failure (40)"},
    {.title = "the name is unknown",
     .make = unknown_name,
     .ids = "TLS-04",
     .sight = SIGHT_UNRECOGNIZED_NAME,
     .counter = COUNTER_WORKS},
    {.title = "HTTP/2 only",
     .make = only_h2,
     .ids = "ALP-01",
     .sight = SIGHT_ALERT_ALPN,
     .counter = COUNTER_WORKS,
     .args = "value=HTTP/2"},
    {.title = "no ALPN wanted",
     .make = only_without_alpn,
     .ids = "ALP-01",
     .sight = SIGHT_ALERT_ALPN,
     .counter = COUNTER_WORKS,
     .args = "value=connections without ALPN"},
    {.title = "a large hello is reset",
     .make = big_hello_reset,
     .ids = "TLS-06",
     .sight = SIGHT_RESET_BIG_HELLO,
     .counter = COUNTER_WORKS},
    {.title = "a large hello is swallowed",
     .make = big_hello_silent,
     .ids = "TLS-06",
     .sight = SIGHT_SILENT_BIG_HELLO,
     .counter = COUNTER_WORKS},
    {.title = "silence after the hello",
     .make = silent_port,
     .ids = "TLS-07",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_SILENT_TLS,
     .args = "seconds=10"},
    {.title = "a plain server that waits for the end of a line",
     .make = silent_plain_server,
     .ids = "TLS-07",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_SILENT_TLS},
    {.title = "closed after the hello",
     .make = closes_after_hello,
     .ids = "TLS-08",
     .sight = SIGHT_CLOSED},
    {.title = "closed after a hello with this name",
     .make = filters_by_name,
     .ids = "TLS-08",
     .sight = SIGHT_CLOSED,
     .counter = COUNTER_WORKS},
    {.title = "the PROXY protocol is expected",
     .make = wants_proxy_line,
     .ids = "TLS-09",
     .sight = SIGHT_RESET,
     .counter = COUNTER_WORKS},
    {.title = "a client certificate is demanded, TLS 1.3",
     .make = mutual_13,
     .ids = "TLS-10",
     .sight = SIGHT_CLIENT_CERT_13,
     .args = "value=alert certificate_required (116)"},
    {.title = "a client certificate is demanded, TLS 1.2",
     .make = mutual_12,
     .ids = "TLS-10",
     .sight = SIGHT_CLIENT_CERT_12},
    {.title = "a client certificate is demanded by a page",
     .make = mutual_page,
     .ids = "TLS-10",
     .sight = SIGHT_PAGE_STATUS},
    {.title = "an alert about certificates that nobody asked for",
     .make = relayed_alert,
     .ids = "TLS-11",
     .sight = SIGHT_CERT_ALERT,
     .args = "alert=48 | alert_name=unknown_ca"},
    {.title = "one address is old",
     .make = one_old_node,
     .ids = "TLS-12",
     .sight = SIGHT_SOMETIMES,
     .args = "other=198.51.100.7:8443 | address=198.51.100.8:8443"},
    {.title = "one address is old, and it is asked first",
     .make = old_node_first,
     .ids = "TLS-12 TLS-01",
     .sight = SIGHT_VERSION_MISMATCH,
     .args = "other=198.51.100.7:8443 | address=198.51.100.8:8443"},
    {.title = "the handshake fails now and then",
     .make = now_and_then,
     .ids = "TLS-12",
     .sight = SIGHT_SOMETIMES},
    {.title = "a resumed session fails",
     .make = resumption,
     .ids = "TLS-13",
     .sight = SIGHT_RELOAD_CLOSED,
     .args = "value=alert bad_record_mac (20)"},
};

TEST("each fault of the handshake is found, and its healthy twin is left alone")
{
    test_cases(cases, COUNT_OF(cases));
}

/* ---- alerts ---- */

static const struct {
    int number;
    enum sight_id sight;
    const char *id;
} alerts[] = {
    {0, SIGHT_ALERT_CLOSE_NOTIFY, "TLS-05"},
    {10, SIGHT_ALERT_PROTOCOL, "TLS-05"},
    {20, SIGHT_ALERT_MAC, "TLS-05"},
    {22, SIGHT_ALERT_OVERFLOW, "TLS-05"},
    {40, SIGHT_CIPHER_MISMATCH, "TLS-02"},
    {42, SIGHT_CERT_ALERT, "TLS-11"},
    {43, SIGHT_CERT_ALERT, "TLS-11"},
    {44, SIGHT_CERT_ALERT, "TLS-11"},
    {45, SIGHT_CERT_ALERT, "TLS-11"},
    {46, SIGHT_CERT_ALERT, "TLS-11"},
    {47, SIGHT_ALERT_ILLEGAL, "TLS-05"},
    {48, SIGHT_CERT_ALERT, "TLS-11"},
    {49, SIGHT_ALERT_ACCESS, "TLS-05"},
    {50, SIGHT_ALERT_DECODE, "TLS-05"},
    {51, SIGHT_ALERT_DECRYPT, "TLS-05"},
    {70, SIGHT_VERSION_MISMATCH, "TLS-01"},
    {71, SIGHT_CIPHER_MISMATCH, "TLS-02"},
    {80, SIGHT_ALERT_INTERNAL, "TLS-05"},
    {86, SIGHT_ALERT_FALLBACK, "TLS-05"},
    {90, SIGHT_CLOSED, "TLS-05"},
    {109, SIGHT_ALERT_MISSING_EXTENSION, "TLS-05"},
    {110, SIGHT_ALERT_UNSUPPORTED_EXTENSION, "TLS-05"},
    {112, SIGHT_UNRECOGNIZED_NAME, "TLS-04"},
    {115, SIGHT_ALERT_PROTOCOL, "TLS-05"},
    {116, SIGHT_CLIENT_CERT_13, "TLS-11"},
    {120, SIGHT_ALERT_ALPN, "ALP-01"},
    {200, SIGHT_ALERT_PROTOCOL, "TLS-05"}, /* of no meaning */
};

TEST("every alert has its row, and what browsers show for it")
{
    for (size_t i = 0; i < COUNT_OF(alerts); i++) {
        struct facts f;
        struct findings out;
        alert_or_works(&f, true, (unsigned)alerts[i].number);
        infer(&f, &out);
        const struct finding *first = findings_first(&out);
        bool right = first != NULL && strcmp(finding_row(first->id)->id, alerts[i].id) == 0 &&
                     first->sight == alerts[i].sight && out.count == 1;
        if (!right) {
            test_failed(__FILE__, __LINE__, "alert %d: %s, sight %d", alerts[i].number,
                        test_infer(&f), first == NULL ? -1 : (int)first->sight);
        }
        test_sentences("an alert", &out);
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("the table of alerts is tested whole")
{
    static const int listed[] = {
#define ALERT(number, sight, group) number,
#include "doctor/alerts.def"
#undef ALERT
    };
    for (size_t i = 0; i < COUNT_OF(listed); i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(alerts); k++) {
            found |= alerts[k].number == listed[i];
        }
        CHECK(found);
    }
}

/* ---- look-alikes ---- */

TEST("a certificate alert after a request for one is TLS-10, not TLS-11")
{
    struct facts f;
    alert_or_works(&f, true, 42);
    struct result *r1 = test_page(&f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    r1->seen->certificate_request = true;
    punished(r1, 42);
    CHECK_STR(str_of(test_infer(&f)), "TLS-10");
    facts_done(&f);
}

TEST("a server that asks for a certificate, goes on, and is slow is not TLS-10")
{
    struct facts f;
    struct result *r1 = asks_for_certificate(&f, TLS_V_13);
    punished(r1, -1);
    r1->outcome = OUTCOME_TIMEOUT;
    r1->finish = FINISH_US;
    f.deadline_reached = true;
    struct findings out;
    infer(&f, &out);
    for (size_t i = 0; i < out.count; i++) {
        CHECK(out.items[i].id != FINDING_TLS_10);
    }
    findings_done(&out);
    facts_done(&f);
}

TEST("an interrupted ServerHello is a close, a reset or silence, as it ended")
{
    static const struct {
        enum finish finish;
        enum outcome outcome;
        const char *ids;
    } ends[] = {{FINISH_FIN, OUTCOME_FAIL, "TLS-08"},
                {FINISH_US, OUTCOME_TIMEOUT, "TLS-07"},
                {FINISH_RST, OUTCOME_FAIL, "TCP-08"}};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct facts f;
        test_reached(&f, url);
        struct result *r = test_bytes(&f, PROBE_H1, SIDE_SITE, at, "\x16\x03", 2, ends[i].finish);
        r->outcome = ends[i].outcome;
        CHECK_STR(str_of(test_infer(&f)), ends[i].ids);
        facts_done(&f);
    }
}

TEST("plain http:// is not judged by what a hello earns")
{
    struct facts f;
    test_reached(&f, "http://app.example.com:8443/");
    test_page(&f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    test_text(&f, PROBE_H1, SIDE_SITE, at, plain, FINISH_FIN);
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST_MAIN
