/* SPDX-License-Identifier: Apache-2.0
 * The rules of HTTP, each with its healthy twin: the answer, who wrote it, HTTP/2, headers. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/test.h"

#include <stdio.h>

static const char url[] = "https://app.example.com:8443/";
static const char plain_url[] = "http://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char nginx[] = "Server: nginx\r\n";
static const char awselb[] = "Server: awselb/2.0\r\n";
static const char page_400[] =
    "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>";

static void
reached(struct facts *f, const char *where)
{
    test_reached(f, where);
    if (f->question.scheme == SCHEME_HTTPS) {
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    }
}

/* The site answers so when it is bad, and 200 when it is good. */
static struct result *
answer(struct facts *f, bool bad, const char *status, const char *headers, const char *body)
{
    reached(f, url);
    return test_page(f, PROBE_R1, SIDE_SITE, at, bad ? status : "200 OK", bad ? headers : nginx,
                     bad ? body : "hello");
}

/* The raw bytes of the answer, inside TLS. */
static struct result *
raw(struct facts *f, const void *bytes, size_t n, enum finish finish)
{
    reached(f, url);
    struct result *r = test_answer(f, PROBE_R1, SIDE_SITE, at, "");
    xfree(r->got.p);
    r->got.p = xalloc(n + 1);
    memcpy(r->got.p, bytes, n);
    r->got.n = n;
    r->got_total = n;
    r->finish = finish;
    facts_digest(r);
    return r;
}

static struct result *
text(struct facts *f, const char *bytes, enum finish finish)
{
    return raw(f, bytes, strlen(bytes), finish);
}

static const char ok[] = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n\r\nhello";

/* ---- http:// on a TLS port ---- */

static void
plain_to_tls(struct facts *f, bool bad)
{
    reached(f, plain_url);
    test_page(f, PROBE_R1, SIDE_SITE, at, bad ? "400 Bad Request" : "200 OK", awselb,
              bad ? page_400 : "hello");
    if (bad) {
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    }
}

static void
plain_to_apache(struct facts *f, bool bad)
{
    reached(f, plain_url);
    test_page(f, PROBE_P1, SIDE_SITE, at, bad ? "400 Bad Request" : "200 OK", "Server: Apache\r\n",
              bad ? "You're speaking plain HTTP to an SSL-enabled server port." : "hello");
}

static void
plain_to_go(struct facts *f, bool bad)
{
    reached(f, plain_url);
    test_page(f, PROBE_P1, SIDE_SITE, at, bad ? "400 Bad Request" : "200 OK", "",
              bad ? "Client sent an HTTP request to an HTTPS server.\n" : "hello");
}

static void
plain_closed(struct facts *f, bool bad, enum finish finish, const char *bytes)
{
    reached(f, plain_url);
    if (bad) {
        test_text(f, PROBE_P1, SIDE_SITE, at, bytes, finish);
        test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    } else {
        test_text(f, PROBE_P1, SIDE_SITE, at, ok, FINISH_US);
    }
}

static void
plain_fin(struct facts *f, bool bad)
{
    plain_closed(f, bad, FINISH_FIN, "");
}

static void
plain_rst(struct facts *f, bool bad)
{
    plain_closed(f, bad, FINISH_RST, "");
}

static void
plain_alert(struct facts *f, bool bad)
{
    plain_closed(f, bad, FINISH_FIN, "\x15\x03\x01\x01\x02\x02\x0a");
}

/* ---- no answer, or no valid one ---- */

static void
empty(struct facts *f, bool bad)
{
    struct result *r = text(f, bad ? "" : ok, FINISH_FIN);
    r->outcome = bad ? OUTCOME_FAIL : OUTCOME_OK;
}

static void
reset(struct facts *f, bool bad)
{
    struct result *r = text(f, bad ? "" : ok, bad ? FINISH_RST : FINISH_FIN);
    r->outcome = bad ? OUTCOME_FAIL : OUTCOME_OK;
}

static void
early_hints_only(struct facts *f, bool bad)
{
    struct result *r = text(f, bad ? "HTTP/1.1 103 Early Hints\r\n\r\n" : ok, FINISH_FIN);
    r->outcome = bad ? OUTCOME_FAIL : OUTCOME_OK;
}

static void
no_status_line(struct facts *f, bool bad)
{
    (void)text(f, bad ? "<html>It works</html>" : ok, FINISH_FIN);
}

static void
bad_status(struct facts *f, bool bad)
{
    (void)text(f, bad ? "HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nhi" : ok, FINISH_FIN);
}

static void
nul_in_head(struct facts *f, bool bad)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nhi";
    if (bad) {
        (void)raw(f, bytes, sizeof bytes - 1, FINISH_FIN);
    } else {
        (void)text(f, ok, FINISH_FIN);
    }
}

static void
two_lengths(struct facts *f, bool bad)
{
    (void)text(f,
               bad ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi"
                   : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
               FINISH_FIN);
}

static void
head_cut(struct facts *f, bool bad)
{
    (void)text(f, bad ? "HTTP/1.1 200 OK\r\nServer: ngi" : ok, FINISH_FIN);
}

static void
crlf_first(struct facts *f, bool bad)
{
    (void)text(f, bad ? "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" : ok, FINISH_FIN);
}

/* ---- the body ---- */

static void
short_body(struct facts *f, bool bad)
{
    (void)text(f, bad ? "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhi" : ok, FINISH_FIN);
}

static void
reset_body(struct facts *f, bool bad)
{
    (void)text(f, bad ? "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhi" : ok,
               bad ? FINISH_RST : FINISH_FIN);
}

static void
long_body(struct facts *f, bool bad)
{
    (void)text(f, bad ? "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nhello" : ok, FINISH_FIN);
}

static void
bad_chunk(struct facts *f, bool bad)
{
    (void)text(f,
               bad ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhi\r\n0\r\n\r\n"
                   : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
               FINISH_FIN);
}

static void
no_last_chunk(struct facts *f, bool bad)
{
    (void)text(f,
               bad ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
                   : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
               FINISH_FIN);
}

static void
bad_coding(struct facts *f, bool bad)
{
    (void)text(
        f,
        bad ? "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
            : "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        FINISH_FIN);
}

/* ---- statuses ---- */

static void
empty_error(struct facts *f, bool bad)
{
    (void)answer(f, bad, "503 Service Unavailable", nginx, "");
}

static void
empty_404(struct facts *f, bool bad)
{
    (void)answer(f, bad, "404 Not Found", nginx, "");
}

static void
too_large(struct facts *f, bool bad)
{
    (void)answer(f, bad, "431 Request Header Fields Too Large", nginx, "too large");
    test_page(f, PROBE_RC, SIDE_SITE, at, "200 OK", nginx, "hello");
}

static void
too_large_400(struct facts *f, bool bad)
{
    (void)answer(f, bad, "400 Bad Request", nginx, "Request Header Or Cookie Too Large");
    test_page(f, PROBE_RC, SIDE_SITE, at, "200 OK", nginx, "hello");
}

static void
too_large_for_lb(struct facts *f, bool bad)
{
    (void)answer(f, bad, "400 Bad Request", awselb, "<html>400</html>");
    test_page(f, PROBE_RC, SIDE_SITE, at, "200 OK", nginx, "hello");
}

static void
host_with_port(struct facts *f, bool bad)
{
    (void)answer(f, bad, "404 Not Found", nginx, "default site");
    test_page(f, PROBE_R5N, SIDE_SITE, at, "200 OK", nginx, "hello");
}

static void
misdirected_once(struct facts *f, bool bad)
{
    (void)answer(f, bad, "421 Misdirected Request", nginx, "wrong connection");
    test_page(f, PROBE_R7, SIDE_SITE, at, "200 OK", nginx, "hello");
}

static void
misdirected(struct facts *f, bool bad)
{
    (void)answer(f, bad, "421 Misdirected Request", nginx, "wrong connection");
    test_page(f, PROBE_R7, SIDE_SITE, at, bad ? "421 Misdirected Request" : "200 OK", nginx, "no");
}

static void
websocket(struct facts *f, bool bad)
{
    (void)answer(f, false, "", "", "");
    f->question.websocket = true;
    test_page(f, PROBE_RW, SIDE_SITE, at, bad ? "426 Upgrade Required" : "101 Switching Protocols",
              nginx, "");
}

/* ---- headers ---- */

static void
insecure_cookie(struct facts *f, bool bad)
{
    (void)answer(f, true, "200 OK",
                 bad ? "Set-Cookie: sid=secret; Path=/; SameSite=None\r\n"
                     : "Set-Cookie: sid=secret; Path=/; SameSite=None; Secure\r\n",
                 "hello");
}

static void
secure_cookie_over_http(struct facts *f, bool bad)
{
    reached(f, plain_url);
    test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK",
              bad ? "Set-Cookie: sid=secret; Secure\r\n" : "Set-Cookie: sid=secret\r\n", "hello");
}

static void
hsts_syntax(struct facts *f, bool bad)
{
    (void)answer(f, true, "200 OK",
                 bad ? "Strict-Transport-Security: includeSubDomains\r\n"
                     : "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n",
                 "hello");
}

static void
hsts_over_http(struct facts *f, bool bad)
{
    reached(f, plain_url);
    test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK",
              bad ? "Strict-Transport-Security: max-age=31536000\r\n" : nginx, "hello");
}

static void
hsts_of_address(struct facts *f, bool bad)
{
    test_site(f, "https://198.51.100.7:8443/");
    f->question.host_is_address = true;
    test_tcp(f, SIDE_SITE, at, 0);
    test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK",
              bad ? "Strict-Transport-Security: max-age=31536000\r\n" : nginx, "hello");
}

static void
advertises_h3(struct facts *f, bool bad)
{
    (void)answer(f, true, "200 OK", bad ? "Alt-Svc: h3=\":8443\"; ma=86400\r\n" : nginx, "hello");
}

/* ---- the listener's own answers ---- */

static void
sign_in(struct facts *f, bool bad)
{
    char location[256];
    (void)snprintf(location, sizeof location,
                   "Location: https://idp.example.org/authorize?client_id=1&"
                   "redirect_uri=https%%3A%%2F%%2Fapp.example.com%s%%2Foauth2%%2Fidpresponse\r\n",
                   bad ? "" : "%3A8443");
    (void)answer(f, true, "302 Found", location, "");
    test_hop(f, 1, "https://idp.example.org/authorize", "198.51.100.50:443", "200 OK", nginx,
             "sign in");
}

/* ---- HTTP/2 ---- */

static struct result *
over_h2(struct facts *f, bool bad)
{
    (void)answer(f, false, "", "", "");
    struct result *r2 = test_h2(f, at);
    if (!bad) {
        r2->outcome = OUTCOME_OK;
        r2->http->has_status = true;
        r2->http->status = 200;
    }
    return r2;
}

static void
speaks_http1(struct facts *f, bool bad)
{
    struct result *r2 = over_h2(f, bad);
    r2->http->h2_text = bad;
    r2->got.p = xalloc(16);
    r2->got.n = 8;
    memcpy(r2->got.p, "HTTP/1.1", 8);
}

static void
weak_suite(struct facts *f, bool bad)
{
    struct result *r2 = over_h2(f, bad);
    r2->seen->version = TLS_V_12;
    r2->seen->suite = bad ? 0x009c : 0xc02f;
}

static void
refused_frames(struct facts *f, bool bad, uint32_t code)
{
    struct result *r2 = over_h2(f, bad);
    r2->http->h2_rst = bad;
    r2->http->h2_rst_code = code;
}

static void
protocol_error(struct facts *f, bool bad)
{
    refused_frames(f, bad, 1);
}

static void
compression_error(struct facts *f, bool bad)
{
    refused_frames(f, bad, 9);
}

static void
frame_size_error(struct facts *f, bool bad)
{
    struct result *r2 = over_h2(f, bad);
    ASSERT(str_copy_z(bad ? STR("FRAME_SIZE_ERROR") : STR(""), r2->http->h2_error, 96));
}

static void
refused_stream(struct facts *f, bool bad)
{
    refused_frames(f, bad, 7);
}

static void
goaway(struct facts *f, bool bad)
{
    over_h2(f, bad)->http->h2_goaway = bad;
}

static void
closed_after_preface(struct facts *f, bool bad)
{
    over_h2(f, bad)->finish = FINISH_FIN;
}

static void
clear_text_h2(struct facts *f, bool bad)
{
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    reached(f, plain_url);
    if (bad) {
        test_bytes(f, PROBE_R1, SIDE_SITE, at, settings, sizeof settings, FINISH_US);
    } else {
        test_page(f, PROBE_R1, SIDE_SITE, at, "200 OK", nginx, "hello");
    }
}

static void
clear_text_h2_for_tls(struct facts *f, bool bad)
{
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    if (bad) {
        test_reached(f, url);
        test_bytes(f, PROBE_H1, SIDE_SITE, at, settings, sizeof settings, FINISH_US);
    } else {
        (void)answer(f, false, "", "", "");
    }
}

static const struct infer_case cases[] = {
    {.title = "plain HTTP to the HTTPS listener",
     .make = plain_to_tls,
     .ids = "HTTP-03",
     .sight = SIGHT_PAGE_400_PLAIN,
     .counter = COUNTER_WORKS,
     .args = "server=awselb/2.0"},
    {.title = "plain HTTP to Apache's TLS port",
     .make = plain_to_apache,
     .ids = "HTTP-03",
     .sight = SIGHT_PAGE_400_PLAIN},
    {.title = "plain HTTP to Go's TLS port",
     .make = plain_to_go,
     .ids = "HTTP-03",
     .sight = SIGHT_PAGE_400_PLAIN},
    {.title = "plain HTTP to a TLS port that closes",
     .make = plain_fin,
     .ids = "HTTP-02",
     .sight = SIGHT_EMPTY_RESPONSE,
     .counter = COUNTER_WORKS,
     .args = "value=closed without a byte"},
    {.title = "plain HTTP to a TLS port that resets",
     .make = plain_rst,
     .ids = "HTTP-02",
     .sight = SIGHT_RESET_RESPONSE,
     .counter = COUNTER_WORKS},
    {.title = "plain HTTP to a TLS port that sends an alert",
     .make = plain_alert,
     .ids = "HTTP-02",
     .sight = SIGHT_INVALID_RESPONSE,
     .counter = COUNTER_WORKS},
    {.title = "closed without an answer",
     .make = empty,
     .ids = "HTTP-01",
     .sight = SIGHT_EMPTY_RESPONSE},
    {.title = "reset without an answer",
     .make = reset,
     .ids = "HTTP-01",
     .sight = SIGHT_RESET_RESPONSE},
    {.title = "early hints and nothing more",
     .make = early_hints_only,
     .ids = "HTTP-01",
     .sight = SIGHT_EMPTY_RESPONSE},
    {.title = "no status line",
     .make = no_status_line,
     .ids = "HTTP-04",
     .sight = SIGHT_INVALID_RESPONSE},
    {.title = "a status that is no number",
     .make = bad_status,
     .ids = "HTTP-04",
     .sight = SIGHT_INVALID_RESPONSE},
    {.title = "NUL in a header",
     .make = nul_in_head,
     .ids = "HTTP-04",
     .sight = SIGHT_NUL_RESPONSE},
    {.title = "two lengths", .make = two_lengths, .ids = "HTTP-04", .sight = SIGHT_TWO_LENGTHS},
    {.title = "the head is cut", .make = head_cut, .ids = "HTTP-04", .sight = SIGHT_EMPTY_RESPONSE},
    {.title = "empty lines first", .make = crlf_first, .ids = "HTTP-04", .sight = SIGHT_PAGE},
    {.title = "too few bytes", .make = short_body, .ids = "HTTP-06", .sight = SIGHT_BODY_CUT},
    {.title = "a reset in the body",
     .make = reset_body,
     .ids = "HTTP-06",
     .sight = SIGHT_BODY_RESET},
    {.title = "too many bytes", .make = long_body, .ids = "HTTP-06", .sight = SIGHT_PAGE},
    {.title = "a bad chunk", .make = bad_chunk, .ids = "HTTP-06", .sight = SIGHT_BODY_CHUNK},
    {.title = "no last chunk", .make = no_last_chunk, .ids = "HTTP-06", .sight = SIGHT_BODY_CHUNK},
    {.title = "gzip that is none",
     .make = bad_coding,
     .ids = "HTTP-06",
     .sight = SIGHT_BODY_CODING},
    {.title = "503 without a page",
     .make = empty_error,
     .ids = "HTTP-07 TGT-12",
     .sight = SIGHT_STATUS_EMPTY,
     .args = "status=503"},
    {.title = "404 without a page",
     .make = empty_404,
     .ids = "HTTP-07",
     .sight = SIGHT_STATUS_EMPTY},
    {.title = "headers too large",
     .make = too_large,
     .ids = "HTTP-05",
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_WORKS,
     .args = "status=431 | other=200"},
    {.title = "headers too large, said with 400",
     .make = too_large_400,
     .ids = "HTTP-05",
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_WORKS},
    {.title = "headers too large for the load balancer",
     .make = too_large_for_lb,
     .ids = "LBC-10",
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_WORKS},
    {.title = "the host is not known with its port",
     .make = host_with_port,
     .ids = "HTTP-08",
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_WORKS,
     .args = "status=404 | other=200"},
    {.title = "421, and 200 on a fresh connection",
     .make = misdirected_once,
     .ids = "HTTP-09",
     .sight = SIGHT_PAGE,
     .counter = COUNTER_WORKS},
    {.title = "421 always",
     .make = misdirected,
     .ids = "HTTP-09",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE_STATUS,
     .counter = COUNTER_FAILS},
    {.title = "no upgrade",
     .make = websocket,
     .ids = "HTTP-11",
     .sight = SIGHT_PAGE_STATUS,
     .args = "status=426"},
    {.title = "SameSite=None without Secure",
     .make = insecure_cookie,
     .ids = "HTTP-10",
     .sight = SIGHT_PAGE,
     .args = "value=sid=*; Path=/; SameSite=None"},
    {.title = "a Secure cookie over plain HTTP",
     .make = secure_cookie_over_http,
     .ids = "HTTP-10",
     .sight = SIGHT_PAGE},
    {.title = "HSTS without max-age",
     .make = hsts_syntax,
     .ids = "HTTP-13",
     .sight = SIGHT_PAGE,
     .args = "header=includeSubDomains"},
    {.title = "HSTS over plain HTTP",
     .make = hsts_over_http,
     .ids = "HTTP-13",
     .sight = SIGHT_PAGE},
    {.title = "HSTS for an address",
     .make = hsts_of_address,
     .ids = "HTTP-13",
     .sight = SIGHT_PAGE},
    {.title = "HTTP/3 is advertised",
     .make = advertises_h3,
     .ids = "[ALP-06]",
     .confidence = CONFIDENCE_POSSIBLE,
     .sight = SIGHT_PAGE},
    {.title = "the callback lacks the port",
     .make = sign_in,
     .ids = "LBC-11",
     .sight = SIGHT_PAGE_STATUS,
     .args = "value=its redirect_uri lacks the port"},
    {.title = "HTTP/1.1 after the preface",
     .make = speaks_http1,
     .ids = "ALP-02",
     .sight = SIGHT_H2_PROTOCOL,
     .counter = COUNTER_WORKS,
     .args = "bytes=\"HTTP/1.1\""},
    {.title = "HTTP/2 over a weak suite",
     .make = weak_suite,
     .ids = "ALP-03",
     .sight = SIGHT_H2_INADEQUATE,
     .args = "suite=TLS_RSA_WITH_AES_128_GCM_SHA256"},
    {.title = "RST_STREAM with PROTOCOL_ERROR",
     .make = protocol_error,
     .ids = "ALP-04",
     .sight = SIGHT_H2_PROTOCOL,
     .counter = COUNTER_WORKS,
     .args = "value=RST_STREAM PROTOCOL_ERROR | other=200"},
    {.title = "broken HPACK",
     .make = compression_error,
     .ids = "ALP-04",
     .sight = SIGHT_H2_COMPRESSION,
     .counter = COUNTER_WORKS},
    {.title = "a frame too large",
     .make = frame_size_error,
     .ids = "ALP-04",
     .sight = SIGHT_H2_FRAME_SIZE,
     .counter = COUNTER_WORKS},
    {.title = "every stream refused",
     .make = refused_stream,
     .ids = "ALP-05",
     .sight = SIGHT_H2_REFUSED,
     .counter = COUNTER_WORKS},
    {.title = "GOAWAY at once",
     .make = goaway,
     .ids = "ALP-05",
     .sight = SIGHT_H2_REFUSED,
     .counter = COUNTER_WORKS},
    {.title = "closed after the preface",
     .make = closed_after_preface,
     .ids = "ALP-05",
     .sight = SIGHT_H2_CLOSED,
     .counter = COUNTER_WORKS},
    {.title = "HTTP/2 in clear text",
     .make = clear_text_h2,
     .ids = "ALP-08",
     .sight = SIGHT_INVALID_RESPONSE},
    {.title = "HTTP/2 in clear text for a hello",
     .make = clear_text_h2_for_tls,
     .ids = "ALP-08",
     .sight = SIGHT_BANNER_FOR_TLS},
};

TEST("each fault of HTTP is found, and its healthy twin is left alone")
{
    test_cases(cases, COUNT_OF(cases));
}

/* ---- who says the status ---- */

static const struct {
    const char *status, *by_lb, *by_application;
} statuses[] = {
    {"400 Bad Request", "LBC-09", "HTTP-12"},
    {"401 Unauthorized", "LBC-11", "[HTTP-12]"},
    {"403 Forbidden", "LBC-09", "[HTTP-12]"},
    {"404 Not Found", "LBC-02", "[HTTP-12]"},
    {"405 Method Not Allowed", "LBC-09", "[HTTP-12]"},
    {"408 Request Timeout", "LBC-08", "[HTTP-12]"},
    {"410 Gone", "LBC-09", "[HTTP-12]"},
    {"414 URI Too Long", "LBC-09", "[HTTP-12]"},
    {"464 Incompatible", "ALP-07", "[HTTP-12]"},
    {"500 Internal Server Error", "LBC-09", "TGT-12"},
    {"501 Not Implemented", "LBC-09", "TGT-12"},
    {"502 Bad Gateway", "TGT-11", "TGT-12"},
    {"503 Service Unavailable", "TGT-04", "TGT-12"},
    {"504 Gateway Timeout", "TGT-07", "TGT-12"},
    {"505 HTTP Version Not Supported", "LBC-09", "TGT-12"},
    {"561 Unauthorized", "LBC-11", "TGT-12"},
};

TEST("a status is judged by who says it")
{
    for (size_t i = 0; i < 2 * COUNT_OF(statuses); i++) {
        bool lb = i % 2 == 0;
        struct facts f;
        struct findings out;
        (void)answer(&f, true, statuses[i / 2].status, lb ? awselb : "Server: gunicorn\r\n",
                     "<html><title>Sorry</title></html>");
        const char *expected = lb ? statuses[i / 2].by_lb : statuses[i / 2].by_application;
        if (strcmp(test_infer(&f), expected) != 0) {
            test_failed(__FILE__, __LINE__, "%s by %s: %s, expected %s", statuses[i / 2].status,
                        lb ? "the load balancer" : "the application", test_infer(&f), expected);
        }
        infer(&f, &out);
        test_sentences(statuses[i / 2].status, &out);
        findings_done(&out);
        facts_done(&f);
    }
}

/* ---- the page 400, "plain HTTP request was sent to HTTPS port": three causes ---- */

TEST("A: plain HTTP was typed")
{
    struct facts f;
    plain_to_tls(&f, true);
    CHECK_STR(str_of(test_infer(&f)), "HTTP-03");
    facts_done(&f);
}

TEST("B: the load balancer speaks plain HTTP to a TLS target")
{
    struct facts f;
    (void)answer(&f, true, "400 Bad Request", nginx, page_400);
    CHECK_STR(str_of(test_infer(&f)), "TGT-01");
    facts_done(&f);
}

TEST("C: the application redirects to http:// on the same port")
{
    struct facts f;
    (void)answer(&f, true, "302 Found",
                 "Server: nginx\r\nLocation: http://app.example.com:8443/x\r\n", "");
    test_hop(&f, 1, "http://app.example.com:8443/x", at, "400 Bad Request", awselb, page_400);
    CHECK_STR(str_of(test_infer(&f)), "RED-04");
    facts_done(&f);
}

/* ---- look-alikes ---- */

TEST("a head over 256 KB is refused; what browsers bear is a note")
{
    static const struct {
        unsigned odd;
        const char *ids;
        enum sight_id sight;
    } oddities[] = {{ODD_HEAD_TOO_LARGE, "HTTP-04", SIGHT_HEAD_TOO_BIG},
                    {ODD_BAD_LINE, "[HTTP-04]", SIGHT_PAGE},
                    {ODD_LENGTH_AND_CHUNKED, "[HTTP-04]", SIGHT_PAGE}};
    for (size_t i = 0; i < COUNT_OF(oddities); i++) {
        struct facts f;
        struct findings out;
        text(&f, ok, FINISH_FIN)->http->odd = oddities[i].odd;
        CHECK_STR(str_of(test_infer(&f)), oddities[i].ids);
        infer(&f, &out);
        CHECK_INT(out.items[0].sight, oddities[i].sight);
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("a server that asks for HTTP/1.1 gets it")
{
    struct facts f;
    refused_frames(&f, true, 13);
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST("an empty answer in plain HTTP is one, too")
{
    struct facts f;
    reached(&f, plain_url);
    test_bytes(&f, PROBE_R1, SIDE_SITE, at, "", 0, FINISH_FIN);
    CHECK_STR(str_of(test_infer(&f)), "HTTP-01");
    facts_done(&f);
}

TEST("a cookie's value is never said")
{
    struct facts f;
    struct findings out;
    insecure_cookie(&f, true);
    infer(&f, &out);
    for (size_t i = 0; i < out.items[0].args.count; i++) {
        struct str v = {out.items[0].args.items[i].value, out.items[0].args.items[i].n};
        CHECK(!str_find(v, STR("secret"), NULL));
    }
    findings_done(&out);
    facts_done(&f);
}

TEST_MAIN
