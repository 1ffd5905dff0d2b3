/* SPDX-License-Identifier: Apache-2.0
 * What holds for all rules together: a healthy site is left alone, the lowest fault comes first,
 * layers, exit codes, options, and facts of which nothing can be trusted. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/test.h"
#include "doctor/infer_int.h"

#include <errno.h>

static const char url[] = "https://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char six[] = "[2a00:1::7]:8443";
static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/* ---- healthy sites ---- */

static const struct {
    const char *title, *status, *headers, *body;
} shapes[] = {
    {"a page", "200 OK", "Server: nginx\r\nContent-Type: text/html\r\n", "<html>hello</html>"},
    {"no content", "204 No Content", "", ""},
    {"an empty page", "200 OK", "", ""},
    {"unauthorised", "401 Unauthorized", "WWW-Authenticate: Basic\r\nServer: nginx\r\n", "sign in"},
    {"unauthorised, empty", "401 Unauthorized", "WWW-Authenticate: Basic\r\n", ""},
    {"forbidden", "403 Forbidden", "Server: Apache\r\n", "not you"},
    {"not found", "404 Not Found", "Server: gunicorn\r\n", "nothing here"},
    {"not modified", "304 Not Modified", "Server: nginx\r\n", ""},
    {"HSTS", "200 OK",
     "Strict-Transport-Security: max-age=63072000; includeSubDomains; preload\r\n", "hello"},
    {"HSTS switched off", "200 OK", "Strict-Transport-Security: max-age=0\r\n", "hello"},
    {"Alt-Svc", "200 OK", "Alt-Svc: h3=\":443\"; ma=86400\r\n", "hello"},
    {"cookies", "200 OK",
     "Set-Cookie: a=1; Path=/; Secure; HttpOnly; SameSite=Lax\r\n"
     "Set-Cookie: b=2; SameSite=None; Secure\r\nSet-Cookie: AWSALB=x; Path=/\r\n",
     "hello"},
    {"through a load balancer", "200 OK",
     "Server: nginx\r\nSet-Cookie: AWSALB=x; Path=/\r\nSet-Cookie: AWSALBCORS=x; Path=/; "
     "SameSite=None; Secure\r\n",
     "hello"},
    {"a fixed response of the load balancer", "200 OK", "Server: awselb/2.0\r\n", "ok"},
    {"behind a CDN", "200 OK", "Server: cloudflare\r\nCF-Ray: 1\r\nAge: 7200\r\n", "hello"},
    {"a strict policy", "200 OK", "Content-Security-Policy: upgrade-insecure-requests\r\n",
     "<a href=\"http://www.example.com/\">x</a>"},
};

static void
expect_healthy(const char *title, struct facts *f)
{
    struct findings out;
    infer(f, &out);
    if (findings_first(&out) != NULL || out.verdict != VERDICT_OK) {
        test_failed(__FILE__, __LINE__, "%s: %s", title, test_infer(f));
    }
    CHECK_INT(findings_exit_code(&out, true), 0);
    test_sentences(title, &out);
    findings_done(&out);
    facts_done(f);
}

TEST("a healthy https site is left alone, whatever its pages look like")
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct facts f;
        test_reached(&f, url);
        test_hello(&f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(&f, PROBE_R1, SIDE_SITE, at, shapes[i].status, shapes[i].headers, shapes[i].body);
        expect_healthy(shapes[i].title, &f);
    }
}

TEST("a healthy http site is left alone, too")
{
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct facts f;
        if (str_find(str_of(shapes[i].headers), STR("Secure"), NULL) ||
            str_find(str_of(shapes[i].headers), STR("Strict"), NULL)) {
            continue; /* HTTP-10 and HTTP-13: they do not work over plain HTTP */
        }
        test_reached(&f, "http://app.example.com:8443/");
        test_page(&f, PROBE_P1, SIDE_SITE, at, shapes[i].status, shapes[i].headers, shapes[i].body);
        test_page(&f, PROBE_R1, SIDE_SITE, at, shapes[i].status, shapes[i].headers, shapes[i].body);
        test_text(&f, PROBE_H1, SIDE_SITE, at, refusal, FINISH_FIN);
        expect_healthy(shapes[i].title, &f);
    }
}

TEST("a redirect that opens is left alone")
{
    static const struct {
        const char *status, *location, *to;
    } hops[] = {{"301 Moved Permanently", "https://www.example.com/", "https://www.example.com/"},
                {"302 Found", "/login", "https://app.example.com:8443/login"},
                {"308 Permanent Redirect", "https://app.example.com/", "https://app.example.com/"},
                {"307 Temporary Redirect", "https://app.example.com:9443/x",
                 "https://app.example.com:9443/x"}};
    static const char *const ends[] = {"200 OK", "401 Unauthorized", "403 Forbidden",
                                       "404 Not Found"};
    for (size_t i = 0; i < COUNT_OF(hops) * COUNT_OF(ends); i++) {
        struct facts f;
        const char *end = ends[i % COUNT_OF(ends)];
        struct buf location = {0};
        size_t k = i / COUNT_OF(ends);
        if (strcmp(end, "200 OK") != 0 && k >= 2) {
            continue; /* another port that answers 404 may well be RED-01 */
        }
        buf_addf(&location, "Location: %s\r\nServer: nginx\r\n", hops[k].location);
        test_reached(&f, url);
        test_hello(&f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
        test_page(&f, PROBE_R1, SIDE_SITE, at, hops[k].status, location.p, "");
        test_hop(&f, 1, hops[k].to, at, end, "Server: nginx\r\n", "hello");
        buf_free(&location);
        expect_healthy(hops[k].to, &f);
    }
}

TEST("a healthy site of many addresses, protocols and probes is left alone")
{
    struct facts f;
    test_site(&f, url);
    f.local.route6 = true;
    test_resolves(&f, "198.51.100.7 198.51.100.8 2a00:1::7");
    static const char *const addresses[] = {at, "198.51.100.8:8443", six};
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        test_tcp(&f, SIDE_SITE, addresses[i], 0);
        test_hello(&f, PROBE_H1, SIDE_SITE, addresses[i], TLS_V_13, 0x1301);
        test_page(&f, PROBE_R1, SIDE_SITE, addresses[i], "200 OK", "Server: nginx\r\n", "hello");
    }
    struct result *r2 = test_h2(&f, at);
    r2->outcome = OUTCOME_OK;
    r2->http->has_status = true;
    r2->http->status = 200;
    test_page(&f, PROBE_R6, SIDE_SITE, at, "200 OK", "Server: nginx\r\n", "hello");
    test_text(&f, PROBE_P1, SIDE_SITE, at, refusal, FINISH_FIN);
    test_silent(&f, PROBE_P2, SIDE_SITE, at);
    test_result(&f, PROBE_T2, SIDE_PORT, "198.51.100.7:443", OUTCOME_OK);
    test_result(&f, PROBE_T2, SIDE_PORT, "198.51.100.7:80", OUTCOME_TIMEOUT)->connected_us = 0;
    test_lb(&f, at);
    test_lb(&f, "198.51.100.8:8443");
    test_dns(&f, PROBE_D3, "ns1.example.com", "app.example.com", 0, "198.51.100.8 198.51.100.7",
             60);
    expect_healthy("many probes", &f);
}

TEST("what was skipped or cancelled accuses nobody")
{
    struct facts f;
    test_site(&f, url);
    test_healthy(&f);
    for (size_t p = 0; p < PROBE_COUNT; p++) {
        test_result(&f, (enum probe)p, SIDE_SITE, at, OUTCOME_SKIPPED)->skip = SKIP_BUDGET;
        struct result *r = test_result(&f, (enum probe)p, SIDE_SITE, at, OUTCOME_CANCELLED);
        r->finish = FINISH_US;
    }
    expect_healthy("skipped", &f);
}

TEST("TLS 1.2, an optional client certificate, TLS without ALPN: fine")
{
    struct facts f;
    test_reached(&f, url);
    test_hello(&f, PROBE_H1, SIDE_SITE, at, TLS_V_12, 0xc02f);
    struct result *r1 = test_page(&f, PROBE_R1, SIDE_SITE, at, "200 OK", "", "hello");
    r1->seen->version = TLS_V_12;
    r1->seen->certificate_request = true;
    expect_healthy("TLS 1.2", &f);
}

/* ---- order, consequences, layers ---- */

static enum layer_state
state_of(const struct findings *out, enum layer l)
{
    return out->layers[l];
}

static void
past_lb(struct facts *f)
{
    test_reached(f, url);
    test_lb(f, "203.0.113.1:8443");
    test_text(f, PROBE_H1, SIDE_SITE, at, refusal, FINISH_FIN);
}

TEST("the lowest broken layer comes first, the rest follows from it and is not examined")
{
    struct facts f;
    struct findings out;
    past_lb(&f);
    infer(&f, &out);
    CHECK_INT(out.items[0].id, FINDING_DNS_01);
    CHECK_INT(out.items[0].consequence_of, FINDING_NONE);
    CHECK_INT(out.items[1].id, FINDING_LBC_01);
    CHECK_INT(out.items[1].consequence_of, FINDING_DNS_01);
    CHECK_INT(state_of(&out, LAYER_CLIENT), LAYER_OK);
    CHECK_INT(state_of(&out, LAYER_DNS), LAYER_FAULT);
    CHECK_INT(state_of(&out, LAYER_TCP), LAYER_NOT_EXAMINED);
    CHECK_INT(state_of(&out, LAYER_TLS), LAYER_NOT_EXAMINED);
    CHECK_INT(state_of(&out, LAYER_HTTP), LAYER_NOT_EXAMINED);
    CHECK_INT(state_of(&out, LAYER_LOG), LAYER_NOT_EXAMINED);
    findings_done(&out);
    facts_done(&f);
}

TEST("what R4 saw past the fault is fine beyond it")
{
    struct facts f;
    struct findings out;
    past_lb(&f);
    test_page(&f, PROBE_R4, SIDE_LB, "203.0.113.1:8443", "200 OK", "Server: nginx\r\n", "hello");
    infer(&f, &out);
    for (size_t l = LAYER_TCP; l <= LAYER_TARGET; l++) {
        CHECK_INT(state_of(&out, (enum layer)l), LAYER_OK_BEYOND);
    }
    findings_done(&out);
    facts_done(&f);
}

static const struct {
    const char *status, *headers, *body;
    enum chain_problem_kind problem; /* CHAIN_COUNT: none */
    enum layer not_fine;
} beyond[] = {
    {"200 OK", "Server: nginx\r\n", "hello", CHAIN_EXPIRED, LAYER_CERTIFICATE},
    {"302 Found", "Location: https://app.example.com/\r\n", "", CHAIN_COUNT, LAYER_REDIRECT},
    {"400 Bad Request", "Server: nginx\r\n",
     "<title>400 The plain HTTP request was sent to HTTPS port</title>", CHAIN_COUNT, LAYER_TARGET},
    {"502 Bad Gateway", "Server: awselb/2.0\r\n", "", CHAIN_COUNT, LAYER_TARGET},
    {"404 Not Found", "Server: awselb/2.0\r\n", "", CHAIN_COUNT, LAYER_HTTP},
};

TEST("what R4 found broken, or did not follow, is not called fine")
{
    for (size_t i = 0; i < COUNT_OF(beyond); i++) {
        struct facts f;
        struct findings out;
        past_lb(&f);
        struct result *r4 = test_page(&f, PROBE_R4, SIDE_LB, "203.0.113.1:8443", beyond[i].status,
                                      beyond[i].headers, beyond[i].body);
        if (beyond[i].problem != CHAIN_COUNT) {
            test_problem(r4, beyond[i].problem);
        }
        infer(&f, &out);
        CHECK_INT(state_of(&out, beyond[i].not_fine), LAYER_NOT_EXAMINED);
        CHECK_INT(state_of(&out, LAYER_TLS), LAYER_OK_BEYOND);
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("a fault of the browser's state leaves the site's layers as they are")
{
    struct facts f;
    struct findings out;
    test_site(&f, "https://app.example.com:6667/");
    test_healthy(&f);
    infer(&f, &out);
    CHECK_INT(out.items[0].id, FINDING_BRW_07);
    CHECK_INT(state_of(&out, LAYER_CLIENT), LAYER_FAULT);
    CHECK_INT(state_of(&out, LAYER_TCP), LAYER_OK);
    CHECK_INT(state_of(&out, LAYER_HTTP), LAYER_OK);
    findings_done(&out);
    facts_done(&f);
}

TEST("a browser's state comes after a fault of the site")
{
    struct facts f;
    test_site(&f, "https://app.example.com:6667/");
    test_healthy(&f);
    test_problem(&f.results[f.count - 1], CHAIN_EXPIRED);
    CHECK_STR(str_of(test_infer(&f)), "CRT-07 BRW-07");
    facts_done(&f);
}

TEST("faults come before warnings, warnings before notes")
{
    struct facts f;
    test_site(&f, url);
    test_healthy(&f);
    test_tcp(&f, SIDE_SITE, "198.51.100.8:8443", ECONNREFUSED); /* DNS-11, a warning */
    struct result *r1 = NULL;
    for (size_t i = 0; i < f.count; i++) {
        r1 = f.results[i].probe == PROBE_R1 ? &f.results[i] : r1;
    }
    test_problem(r1, CHAIN_EXPIRED);
    test_problem(r1, CHAIN_WRONG_ORDER);
    CHECK_STR(str_of(test_infer(&f)), "CRT-07 DNS-11 [CRT-09]");
    facts_done(&f);
}

/* ---- exit codes ---- */

static void
refused(struct facts *f)
{
    test_site(f, url);
    test_resolves(f, "198.51.100.7");
    test_tcp(f, SIDE_SITE, at, ECONNREFUSED);
}

static void
no_name(struct facts *f)
{
    test_site(f, url);
    test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    test_dns(f, PROBE_D2A, "192.0.2.53", "app.example.com", DNS_RCODE_NXDOMAIN, "", 0);
}

static void
closed_hello(struct facts *f)
{
    test_reached(f, url);
    test_bytes(f, PROBE_H1, SIDE_SITE, at, "", 0, FINISH_FIN);
}

static void
expired(struct facts *f)
{
    test_site(f, url);
    test_healthy(f);
    test_problem(&f->results[f->count - 1], CHAIN_EXPIRED);
}

static void
ends_soon(struct facts *f)
{
    test_site(f, url);
    test_healthy(f);
    test_problem(&f->results[f->count - 1], CHAIN_ENDS_SOON);
}

static void
status(struct facts *f, const char *text, const char *headers)
{
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    test_page(f, PROBE_R1, SIDE_SITE, at, text, headers, "body");
}

static void
lb_404(struct facts *f)
{
    status(f, "404 Not Found", "Server: awselb/2.0\r\n");
}

static void
lb_502(struct facts *f)
{
    status(f, "502 Bad Gateway", "Server: awselb/2.0\r\n");
}

static void
blocked_hop(struct facts *f)
{
    status(f, "302 Found", "Location: https://app.example.com:6667/\r\n");
    test_hop_skipped(f, 1, "https://app.example.com:6667/", SKIP_DECIDED);
}

static void
blocked_port(struct facts *f)
{
    test_site(f, "https://app.example.com:6667/");
    test_healthy(f);
}

static void
offline(struct facts *f)
{
    test_site(f, url);
    f->local.interface_up = f->local.route4 = false;
    test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
}

static void
slow_page(struct facts *f)
{
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    struct result *r1 = test_answer(f, PROBE_R1, SIDE_SITE, at, "");
    r1->outcome = OUTCOME_TIMEOUT;
    f->deadline_reached = true;
}

static void
slow_head(struct facts *f)
{
    test_reached(f, url);
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    struct result *r1 = test_answer(f, PROBE_R1, SIDE_SITE, at, "HTTP/1.1 200 OK\r\nServer: ");
    r1->outcome = OUTCOME_TIMEOUT;
    r1->finish = FINISH_US;
    f->deadline_reached = true;
}

static void
unfollowed(struct facts *f)
{
    status(f, "302 Found", "Location: https://n9.example.net/\r\n");
    test_hop_skipped(f, 1, "https://n9.example.net/", SKIP_BUDGET);
}

static void
strange(struct facts *f)
{
    slow_page(f);
    f->deadline_reached = false;
}

static void
nothing(struct facts *f)
{
    facts_init(f);
}

static void
silent_hello(struct facts *f)
{
    test_reached(f, url);
    test_silent(f, PROBE_H1, SIDE_SITE, at);
    f->deadline_reached = true;
}

static void
good(struct facts *f)
{
    test_site(f, url);
    test_healthy(f);
}

static const struct {
    const char *title;
    void (*make)(struct facts *f);
    int code, strict;
    enum verdict verdict;
} exits[] = {
    {"fine", good, 0, 0, VERDICT_OK},
    {"a warning", ends_soon, 0, 1, VERDICT_WARNING},
    {"dns", no_name, 10, 10, VERDICT_FAULT},
    {"tcp", refused, 11, 11, VERDICT_FAULT},
    {"tls", closed_hello, 12, 12, VERDICT_FAULT},
    {"certificate", expired, 13, 13, VERDICT_FAULT},
    {"http", lb_404, 14, 14, VERDICT_FAULT},
    {"redirect", blocked_hop, 15, 15, VERDICT_FAULT},
    {"target", lb_502, 16, 16, VERDICT_FAULT},
    {"client", blocked_port, 17, 17, VERDICT_FAULT},
    {"undecided", strange, 20, 20, VERDICT_UNKNOWN},
    {"no network", offline, 69, 69, VERDICT_FAULT},
    {"no facts", nothing, 70, 70, VERDICT_ERROR},
    {"the deadline", slow_page, 124, 124, VERDICT_UNKNOWN},
    {"the deadline, within a head", slow_head, 124, 124, VERDICT_UNKNOWN},
    {"redirects that are not followed to their end", unfollowed, 20, 20, VERDICT_UNKNOWN},
    {"the deadline, but a row fits", silent_hello, 12, 12, VERDICT_FAULT},
};

TEST("each layer has its exit code")
{
    for (size_t i = 0; i < COUNT_OF(exits); i++) {
        struct facts f;
        struct findings out;
        exits[i].make(&f);
        infer(&f, &out);
        if (findings_exit_code(&out, false) != exits[i].code ||
            findings_exit_code(&out, true) != exits[i].strict || out.verdict != exits[i].verdict) {
            test_failed(__FILE__, __LINE__, "%s: %d, strict %d, verdict %d: %s", exits[i].title,
                        findings_exit_code(&out, false), findings_exit_code(&out, true),
                        (int)out.verdict, test_infer(&f));
        }
        test_sentences(exits[i].title, &out);
        findings_done(&out);
        facts_done(&f);
    }
}

/* ---- --check and --browser-error ---- */

TEST("--check leaves out what was not asked for")
{
    struct facts f;
    past_lb(&f);
    f.question.checks = 1U << LAYER_TLS;
    CHECK_STR(str_of(test_infer(&f)), "LBC-01");
    f.question.checks = 1U << LAYER_DNS;
    CHECK_STR(str_of(test_infer(&f)), "DNS-01");
    f.question.checks = 1U << LAYER_CERTIFICATE;
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

static const struct {
    const char *word;
    enum evidence_id evidence;
} words[] = {
    {"ERR_SSL_PROTOCOL_ERROR", EVIDENCE_BROWSER_ERROR},
    {"SSL_ERROR_RX_RECORD_TOO_LONG", EVIDENCE_BROWSER_ERROR},
    {"ERR_CONNECTION_REFUSED", EVIDENCE_BROWSER_ERROR_NOT},
    {"ERR_CERT_DATE_INVALID", EVIDENCE_BROWSER_ERROR_NOT},
};

TEST("the browser's word fits what was found, or it is said that it does not")
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct facts f;
        struct findings out;
        past_lb(&f);
        ASSERT(str_copy_z(str_of(words[i].word), f.question.browser_error, 64));
        infer(&f, &out);
        CHECK_INT(out.items[0].id, FINDING_DNS_01);
        const struct evidence *last = &out.items[0].evidence[out.items[0].evidence_count - 1];
        CHECK_INT(last->id, words[i].evidence);
        CHECK_STR(args_get(&last->args, "browser_error"), words[i].word);
        test_sentences(words[i].word, &out);
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("of two faults the one that shows the browser's word comes first")
{
    struct facts f;
    test_site(&f, "https://app.example.com:6667/");
    test_healthy(&f);
    test_problem(&f.results[f.count - 1], CHAIN_EXPIRED);
    ASSERT(str_copy_z(STR("ERR_UNSAFE_PORT"), f.question.browser_error, 64));
    CHECK_STR(str_of(test_infer(&f)), "BRW-07 CRT-07");
    facts_done(&f);
}

/* ---- configuration ---- */

TEST("a fault of the configuration that no probe has met is possible, and a note while all works")
{
    struct facts f;
    struct findings out;
    test_site(&f, url);
    test_healthy(&f);
    f.local.remarks = webconf_remarks_new(WEBCONF_NGINX);
    webconf_remarks_add(f.local.remarks, WEBCONF_REMARK_REDIRECT_LOSES_PORT, STR("nginx.conf"), 3,
                        STR("return 301 https://$host/;"), STR(""))
        ->weight = WEBCONF_FAULT;
    CHECK_STR(str_of(test_infer(&f)), "[RED-01]");
    infer(&f, &out);
    CHECK_INT(out.items[0].confidence, CONFIDENCE_POSSIBLE);
    CHECK_INT(out.items[0].remark_count, 1);
    findings_done(&out);
    facts_done(&f);
}

/* ---- tables ---- */

TEST("ids are found ignoring case, and no id is two rows'")
{
    enum finding_id id;
    CHECK(finding_find(STR("dns-01"), &id) && id == FINDING_DNS_01);
    CHECK(finding_find(STR("UNK"), &id) && id == FINDING_UNK);
    CHECK(!finding_find(STR("DNS-99"), &id));
    CHECK(!finding_find(STR(""), &id));
    for (size_t i = 0; i < FINDING_COUNT; i++) {
        CHECK(finding_find(str_of(finding_row((enum finding_id)i)->id), &id) && id == i);
        CHECK(sibling_row(finding_row((enum finding_id)i)->id) == NULL);
    }
}

TEST("each fault has a remedy, and each remedy stands with its like")
{
    for (size_t i = 0; i < FINDING_COUNT; i++) {
        const struct fix_row *rows = NULL;
        const struct finding_row *row = finding_row((enum finding_id)i);
        size_t count = fix_rows((enum finding_id)i, &rows);
        if (count == 0 && row->severity == SEVERITY_FAULT) {
            test_failed(__FILE__, __LINE__, "%s has no remedy", row->id);
        }
        for (size_t k = 0; k < count; k++) {
            CHECK_INT(rows[k].finding, i);
        }
    }
}

/* ---- facts that cannot be trusted ---- */

/* xorshift, so that every run walks the same way. */
static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static unsigned
below(uint64_t *state, size_t n)
{
    return (unsigned)(next_random(state) % n);
}

static const char *const bodies[] = {
    "",
    "H",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "HTTP/1.1 103 Early Hints\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: https://app.example.com:8443/\r\nSet-Cookie: a\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://[\r\nLocation: \r\n\r\n",
    "HTTP/1.1 400 Bad\r\n\r\n<title>400 The plain HTTP request was sent to HTTPS port</title>",
    "HTTP/1.1 503 No\r\nServer: awselb/2.0\r\nKeep-Alive: timeout=\r\n\r\n",
    "HTTP/1.1 999999 \r\n:\r\n\r\n",
    "HTTP/1.1 200 OK\r\nDate: x\r\nAlt-Svc: h3\r\nStrict-Transport-Security:\r\n\r\nsrc=http://",
    "\x15\x03\x03\x00\x02\x02\x28",
    "\x16\x03\x03",
    "SSH-2.0-x\r\n",
    "220 ",
};

static void
random_chain(struct result *r, uint64_t *s)
{
    r->chain = xalloc(sizeof *r->chain);
    r->chain->count = r->chain->total = below(s, 3);
    r->chain->trusted = below(s, 2);
    r->chain->interceptor = below(s, 4) == 0 ? "Product" : NULL;
    for (size_t i = below(s, 4); i > 0; i--) {
        test_problem(r, (enum chain_problem_kind)below(s, CHAIN_COUNT));
        struct chain_problem *p = &r->chain->problems[r->chain->problem_count - 1];
        p->sent = below(s, 2);
        p->index = p->depth = below(s, 40);
    }
}

static void
random_seen(struct result *r, uint64_t *s)
{
    r->seen = xalloc(sizeof *r->seen);
    r->seen->done = below(s, 2);
    r->seen->version = (uint16_t)(0x0300 + below(s, 5));
    r->seen->suite = (uint16_t)below(s, 0x10000);
    r->seen->certificate_request = below(s, 4) == 0;
    r->seen->alert_received = (int)below(s, 257) - 1;
    r->seen->alpn_n = below(s, 2) == 0 ? 0 : 2;
    memcpy(r->seen->alpn, "h2", 2);
}

static void
random_dns(struct result *r, uint64_t *s)
{
    static const uint16_t types[] = {DNS_TYPE_A,   DNS_TYPE_AAAA,  DNS_TYPE_CNAME,
                                     DNS_TYPE_PTR, DNS_TYPE_HTTPS, 65280};
    r->dns = xalloc(sizeof *r->dns);
    r->dns->rcode = (uint16_t)below(s, 7);
    r->dns->aa = below(s, 2);
    for (size_t i = below(s, 4); i > 0; i--) {
        struct dns_record *record = test_record(
            r, below(s, 3) == 0 ? "web-1.eu-west-1.elb.amazonaws.com" : "app.example.com",
            types[below(s, COUNT_OF(types))],
            below(s, 2) == 0 ? "web-1.eu-west-1.elb.amazonaws.com" : "app.example.com");
        ASSERT(
            addr_parse(below(s, 2) == 0 ? STR("198.51.100.7") : STR("10.0.0.5"), 0, &record->addr));
    }
}

/* One result of any probe at any place, with any of its parts. */
static void
random_result(struct facts *f, uint64_t *s)
{
    static const char *const places[] = {"198.51.100.7:8443", "198.51.100.8:8443",
                                         "[2a00:1::7]:8443", "10.0.0.5:8443", "198.51.100.7:443"};
    static const int errors[] = {0, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET};
    struct result *r =
        test_result(f, (enum probe)below(s, PROBE_COUNT), (enum side)below(s, SIDE_COUNT),
                    places[below(s, COUNT_OF(places))], (enum outcome)below(s, OUTCOME_COUNT));
    ASSERT(str_copy_z(STR("192.0.2.53"), r->label, sizeof r->label));
    r->skip = (enum skip)below(s, SKIP_COUNT);
    r->finish = (enum finish)below(s, FINISH_COUNT);
    r->error = errors[below(s, COUNT_OF(errors))];
    r->icmp = below(s, 3) == 0;
    r->hop = below(s, 23);
    r->connected_us = below(s, 3) == 0 ? 0 : r->connected_us;
    r->end_us = below(s, 2) == 0 ? 0 : below(s, 80000000);
    const char *bytes = bodies[below(s, COUNT_OF(bodies))];
    if (below(s, 2) == 0) {
        r->got.n = r->got_total = strlen(bytes);
        r->got.p = xalloc(r->got.n + 1);
        memcpy(r->got.p, bytes, r->got.n);
        facts_digest(r);
    }
    if (r->dns == NULL && below(s, 3) == 0) {
        random_dns(r, s);
    }
    if (below(s, 3) == 0) {
        random_chain(r, s);
    }
    if (below(s, 3) == 0) {
        random_seen(r, s);
    }
    if (r->flight == NULL && r->got.n > 0 && below(s, 3) == 0) {
        r->flight = xalloc(sizeof *r->flight);
        r->flight->kind = (enum tls_flight_kind)below(s, TLS_FLIGHT_COUNT);
        r->flight->alert = (int)below(s, 257) - 1;
        r->flight->version = (uint16_t)(0x0300 + below(s, 5));
        r->flight->group = (uint16_t)below(s, 64);
    }
    if (below(s, 4) == 0) {
        r->url = xstrdup(below(s, 2) == 0 ? "https://app.example.com:8443/" : "no url");
    }
}

/* Lines of our requests, with any status of anybody; or none. */
static void
random_log(struct facts *f, uint64_t *s)
{
    static const char *const middles[] = {"10.0.0.1:80 0.001 0.002 0.000 200 200",
                                          "10.0.0.1:80 0.001 -1 -1 502 -",
                                          "10.0.0.1:80 -1 -1 -1 502 -",
                                          "- -1 -1 -1 503 -",
                                          "10.0.0.1:80 0.001 -1 -1 504 -",
                                          "10.0.0.1:80 0.001 0.002 0.000 500 500",
                                          "10.0.0.1:80 0.001 0.002 0.000 403 403",
                                          "10.0.0.1:80 0.001 -1 -1 460 -",
                                          "- -1 -1 -1 463 -",
                                          "- -1 -1 -1 404 -"};
    static const enum probe probes[] = {PROBE_R1, PROBE_R2, PROBE_P1, PROBE_R4};
    struct log_seen *log = f->log = xalloc(sizeof *f->log);
    f->started_s = TEST_NOW_S;
    log->files = below(s, 3);
    log->access_lines = below(s, 3);
    log->growing = below(s, 2);
    log->looked_s = TEST_NOW_S + 9 - below(s, 18);
    log->last_end_us = (TEST_NOW_S + 9 - (uint64_t)below(s, 18)) * 1000000;
    for (size_t i = below(s, 4); i > 0; i--) {
        struct log_mark *m = &log->marks[log->mark_count++];
        m->probe = probes[below(s, COUNT_OF(probes))];
        m->side = (enum side)below(s, SIDE_COUNT);
        m->file = xstrdup("a.log");
        m->text = below(s, 8) == 0
                      ? xstrdup("no line")
                      : xprintf("http 2026-11-23T12:00:00.000000Z app/web/1 203.0.113.9:1 %s 1 1 "
                                "\"GET http://h:80/ HTTP/1.1\" \"-\" - - arn \"-\"",
                                middles[below(s, COUNT_OF(middles))]);
    }
}

static void
random_facts(struct facts *f, uint64_t *s)
{
    static const char *const urls[] = {"https://app.example.com:8443/",
                                       "http://app.example.com:80/", "https://198.51.100.7:6667/"};
    test_site(f, urls[below(s, COUNT_OF(urls))]);
    f->local.known = below(s, 8) != 0;
    f->local.route6 = below(s, 2);
    f->local.interface_up = below(s, 4) != 0;
    f->deadline_reached = below(s, 4) == 0;
    f->question.websocket = below(s, 4) == 0;
    f->question.family = below(s, 4) == 0 ? AF_INET6 : AF_UNSPEC;
    if (below(s, 3) == 0) {
        test_lb(f, "203.0.113.1:8443");
    }
    if (below(s, 3) == 0) {
        test_target(f, "198.51.100.8:8443");
    }
    if (below(s, 4) == 0) {
        ASSERT(str_copy_z(STR("http://192.0.2.80:3128"), f->local.proxy, sizeof f->local.proxy));
    }
    if (below(s, 4) == 0) {
        ASSERT(str_copy_z(STR("ERR_SSL_PROTOCOL_ERROR"), f->question.browser_error, 64));
    }
    if (below(s, 3) == 0) {
        random_log(f, s);
    }
    for (size_t i = below(s, 40); i > 0; i--) {
        random_result(f, s);
    }
}

enum { WALKS = 20000 };

static void
check_sound(const struct findings *out, unsigned walk)
{
    CHECK(out->verdict != VERDICT_FAULT || out->items[0].severity == SEVERITY_FAULT);
    CHECK(out->verdict != VERDICT_OK || findings_first(out) == NULL);
    for (size_t i = 0; i + 1 < out->count; i++) {
        CHECK(out->items[i].severity <= out->items[i + 1].severity);
    }
    int code = findings_exit_code(out, false);
    if (out->verdict == VERDICT_UNKNOWN
            ? code != 20 && code != 124
            : (code == 0) != (out->verdict <= VERDICT_WARNING && out->verdict != VERDICT_FAULT)) {
        test_failed(__FILE__, __LINE__, "walk %u: exit %d with verdict %d", walk, code,
                    (int)out->verdict);
    }
}

TEST("any facts give findings that are in order, with every value that their sentences need")
{
    uint64_t state = 0x9e3779b97f4a7c15;
    size_t seen[FINDING_COUNT] = {0}, kinds = 0;
    for (unsigned walk = 0; walk < WALKS; walk++) {
        struct facts f;
        struct findings out;
        random_facts(&f, &state);
        infer(&f, &out);
        check_sound(&out, walk);
        test_sentences("random facts", &out);
        for (size_t i = 0; i < out.count; i++) {
            seen[out.items[i].id]++;
        }
        findings_done(&out);
        facts_done(&f);
    }
    for (size_t i = 0; i < FINDING_COUNT; i++) {
        kinds += seen[i] > 0;
    }
    CHECK(kinds > 60); /* the walk goes somewhere */
}

TEST("a result of every probe with nothing in it is borne")
{
    for (size_t o = 0; o < OUTCOME_COUNT; o++) {
        struct facts f;
        struct findings out;
        facts_init(&f);
        for (size_t i = 0; i < (size_t)PROBE_COUNT * SIDE_COUNT; i++) {
            struct result *r = facts_add(&f);
            r->probe = (enum probe)(i % PROBE_COUNT);
            r->side = (enum side)(i / PROBE_COUNT);
            r->outcome = (enum outcome)o;
        }
        infer(&f, &out);
        check_sound(&out, (unsigned)o);
        findings_done(&out);
        facts_done(&f);
    }
}

TEST_MAIN
