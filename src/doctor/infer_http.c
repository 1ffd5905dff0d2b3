/* SPDX-License-Identifier: Apache-2.0
 * Rules of HTTP: the answer itself, over HTTP/1.1 and HTTP/2, and the listener's own answers
 * [doctor-faults 6, 9, 10; browser-errors 8, 9; rulings 5, 6]. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "text/text.h"

/* ---- who said it, and what it looks like ---- */

bool
by_lb(const struct http_seen *h)
{
    return h->author == AUTHOR_LB || h->author == AUTHOR_OURS;
}

static struct str
body_of(const struct http_seen *h)
{
    return (struct str){(const char *)h->body, h->body == NULL ? 0 : h->body_bytes};
}

/* The page of nginx and of load balancers, Apache's and Go's: plain HTTP came to a TLS port. */
bool
is_plain_to_tls_page(const struct http_seen *h)
{
    static const char *const words[] = {"plain HTTP request was sent to HTTPS port",
                                        "speaking plain HTTP to an SSL-enabled server port",
                                        "sent an HTTP request to an HTTPS server"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_find(body_of(h), str_of(words[i]), NULL) ||
            str_find(str_of(h->title), str_of(words[i]), NULL)) {
            return h->status == 400;
        }
    }
    return false;
}

static bool
is_http(const struct judge *j)
{
    return j->f->question.scheme == SCHEME_HTTP;
}

static const struct result *
site(const struct judge *j, enum probe p)
{
    return facts_find(j->f, p, SIDE_SITE);
}

/* The main line's result, answered or not: R1; for plain HTTP P1 where R1 did not run. */
static const struct result *
main_result(const struct judge *j)
{
    const struct result *r1 = site(j, PROBE_R1);
    return r1 == NULL && is_http(j) ? site(j, PROBE_P1) : r1;
}

/* The request went out, inside TLS where the URL says so. */
static bool
asked(const struct judge *j, const struct result *r)
{
    return r != NULL && r->connected_us != 0 &&
           (is_http(j) || (r->seen != NULL && r->seen->done && !r->seen->certificate_request));
}

static const struct result *
tls_hello_of(const struct judge *j)
{
    const struct result *h1 = site(j, PROBE_H1);
    return h1 != NULL && h1->flight != NULL && h1->flight->kind == TLS_FLIGHT_SERVER_HELLO ? h1
                                                                                           : NULL;
}

static struct finding *
http_finding(struct judge *j, enum finding_id id, enum confidence c, const struct result *r)
{
    struct finding *f = finding_new(j, id, c);
    if (has_answer(r)) {
        args_setf(&f->args, "status", "%u", r->http->status);
    }
    (void)finding_evidence(f, EVIDENCE_MAIN, r);
    return f;
}

/* ---- http:// on a TLS port ---- */

/* HTTP-03: "P1: 400, title; request outside TLS". TGT-01 is the same page inside TLS. */
static void
rule_plain_request(struct judge *j)
{
    const struct result *r = main_result(j);
    if (!is_http(j) || !has_answer(r) || !is_plain_to_tls_page(r->http)) {
        return;
    }
    struct finding *f = http_finding(j, FINDING_HTTP_03, CONFIDENCE_PROVED, r);
    const struct result *h1 = tls_hello_of(j);
    if (h1 != NULL) {
        (void)finding_contrary(f, EVIDENCE_TLS_HELLO, h1);
        finding_counter(f, COUNTER_WORKS, h1, N_("https:// on the same port is answered"));
    }
}

/* HTTP-02: "P1 0 bytes, H1 fine". */
static void
rule_plain_closed(struct judge *j)
{
    const struct result *r = main_result(j), *h1 = tls_hello_of(j);
    if (!is_http(j) || h1 == NULL || r == NULL || has_answer(r) || r->connected_us == 0 ||
        r->outcome == OUTCOME_CANCELLED) {
        return;
    }
    bool alert = r->http != NULL && (r->http->odd & ODD_TLS_ALERT) != 0;
    struct finding *f = http_finding(j, FINDING_HTTP_02, CONFIDENCE_PROVED, r);
    f->sight = alert                     ? SIGHT_INVALID_RESPONSE
               : r->finish == FINISH_RST ? SIGHT_RESET_RESPONSE
                                         : SIGHT_EMPTY_RESPONSE;
    args_say(&f->args, "value",
             alert                     ? N_("a TLS alert")
             : r->finish == FINISH_RST ? N_("a reset")
             : r->finish == FINISH_FIN ? N_("closed without a byte")
                                       : N_("no answer"));
    (void)finding_contrary(f, EVIDENCE_TLS_HELLO, h1);
    finding_counter(f, COUNTER_WORKS, h1, N_("https:// on the same port is answered"));
}

/* ---- no answer, or no valid one ---- */

/* HTTP-01: "FIN, 0 bytes inside TLS". */
static void
rule_empty(struct judge *j)
{
    const struct result *r = main_result(j);
    if (!asked(j, r) || has_answer(r) || r->outcome == OUTCOME_CANCELLED ||
        (r->finish != FINISH_FIN && r->finish != FINISH_RST) ||
        (r->got_total > 0 && !(r->http != NULL && r->http->status / 100 == 1)) ||
        (is_http(j) && (tls_hello_of(j) != NULL || r->finish == FINISH_RST))) {
        return;
    }
    struct finding *f = http_finding(j, FINDING_HTTP_01, CONFIDENCE_PROVED, r);
    f->sight = r->finish == FINISH_RST ? SIGHT_RESET_RESPONSE : SIGHT_EMPTY_RESPONSE;
}

static const struct {
    unsigned odd;
    enum sight_id sight;
    enum severity severity;
    const char *words;
} oddities[] = {
    {ODD_NO_STATUS_LINE, SIGHT_INVALID_RESPONSE, SEVERITY_FAULT, N_("it has no status line")},
    {ODD_BAD_STATUS, SIGHT_INVALID_RESPONSE, SEVERITY_FAULT, N_("its status is no number")},
    {ODD_NUL, SIGHT_NUL_RESPONSE, SEVERITY_FAULT, N_("a header holds a NUL byte")},
    {ODD_TWO_LENGTHS, SIGHT_TWO_LENGTHS, SEVERITY_FAULT, N_("it has two different Content-Length")},
    {ODD_HEAD_TOO_LARGE, SIGHT_HEAD_TOO_BIG, SEVERITY_FAULT, N_("its headers are over 256 KB")},
    {ODD_HEAD_CUT, SIGHT_EMPTY_RESPONSE, SEVERITY_FAULT, N_("it ends inside the headers")},
    {ODD_CRLF_FIRST, SIGHT_PAGE, SEVERITY_WARNING,
     N_("an empty line comes before the status line: curl refuses it")},
    {ODD_BAD_LINE, SIGHT_PAGE, SEVERITY_NOTE, N_("a header line has no colon or no name")},
    {ODD_LENGTH_AND_CHUNKED, SIGHT_PAGE, SEVERITY_NOTE,
     N_("it has Content-Length and chunks: proxies refuse that")},
};

/* HTTP-04: "raw bytes of R1". */
static void
rule_invalid(struct judge *j)
{
    const struct result *r = main_result(j);
    if (r == NULL || r->http == NULL || r->got_total == 0 ||
        (r->http->odd & (ODD_H2_FRAMES | ODD_TLS_ALERT)) != 0) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(oddities); i++) {
        if ((r->http->odd & oddities[i].odd) == 0) {
            continue;
        }
        struct finding *f = http_finding(j, FINDING_HTTP_04, CONFIDENCE_PROVED, r);
        f->sight = oddities[i].sight;
        f->severity = oddities[i].severity;
        args_say(&f->args, "value", oddities[i].words);
        return;
    }
}

static const struct {
    enum body_end end;
    enum sight_id sight;
    enum severity severity;
    const char *words;
} body_ends[] = {
    {BODY_END_SHORT, SIGHT_BODY_CUT, SEVERITY_FAULT,
     N_("fewer bytes came than Content-Length says")},
    {BODY_END_LONG, SIGHT_PAGE, SEVERITY_WARNING, N_("more bytes came than Content-Length says")},
    {BODY_END_BAD_CHUNK, SIGHT_BODY_CHUNK, SEVERITY_FAULT, N_("a chunk has no valid size")},
    {BODY_END_NO_LAST_CHUNK, SIGHT_BODY_CHUNK, SEVERITY_FAULT, N_("the last chunk is missing")},
    {BODY_END_RESET, SIGHT_BODY_RESET, SEVERITY_FAULT, N_("a reset came inside the body")},
    {BODY_END_BAD_CODING, SIGHT_BODY_CODING, SEVERITY_FAULT,
     N_("Content-Encoding says gzip, the bytes are none")},
};

/* HTTP-06: "counts". */
static void
rule_body(struct judge *j)
{
    const struct result *r = j->out->answer;
    for (size_t i = 0; has_answer(r) && i < COUNT_OF(body_ends); i++) {
        if (r->http->body_end == body_ends[i].end) {
            struct finding *f = http_finding(j, FINDING_HTTP_06, CONFIDENCE_PROVED, r);
            f->sight = body_ends[i].sight;
            f->severity = body_ends[i].severity;
            args_say(&f->args, "value", body_ends[i].words);
        }
    }
}

/* ---- statuses ---- */

static bool
empty_body(const struct http_seen *h)
{
    return h->body_bytes == 0 && (h->body_end == BODY_END_COMPLETE ||
                                  h->body_end == BODY_END_NONE || h->body_end == BODY_END_CLOSE);
}

/* HTTP-07: "status" with an empty body: the browser has nothing to show. */
static void
rule_empty_error(struct judge *j)
{
    const struct result *r = j->out->answer;
    if (has_answer(r) && r->http->status >= 400 && r->http->status != 401 && empty_body(r->http)) {
        (void)http_finding(j, FINDING_HTTP_07, CONFIDENCE_PROVED, r);
    }
}

/* HTTP-05 and LBC-10: "R1 with grown cookie": the same without the given headers. */
static void
rule_too_large(struct judge *j)
{
    const struct result *r = j->out->answer, *bare = site(j, PROBE_RC);
    if (!has_answer(r) || !has_answer(bare) || bare->http->status >= 400) {
        return;
    }
    unsigned s = r->http->status;
    if (s != 400 && s != 413 && s != 414 && s != 431) {
        return;
    }
    struct finding *f =
        http_finding(j, by_lb(r->http) ? FINDING_LBC_10 : FINDING_HTTP_05, CONFIDENCE_PROVED, r);
    args_setf(&f->args, "other", "%u", bare->http->status);
    finding_counter(f, COUNTER_WORKS, bare, N_("the same request without these headers"));
}

/* HTTP-08: "R5": the virtual host knows the name, but not with its port. */
static void
rule_host_port(struct judge *j)
{
    const struct result *r = j->out->answer, *bare = site(j, PROBE_R5N);
    if (!has_answer(r) || !has_answer(bare) || r->http->status < 400 || bare->http->status >= 400) {
        return;
    }
    struct finding *f = http_finding(j, FINDING_HTTP_08, CONFIDENCE_PROVED, r);
    args_setf(&f->args, "other", "%u", bare->http->status);
    finding_counter(f, COUNTER_WORKS, bare, N_("the same request with Host without the port"));
}

/* HTTP-09: "R1 on a fresh connection works". */
static void
rule_misdirected(struct judge *j)
{
    const struct result *r = j->out->answer, *again = site(j, PROBE_R7);
    if (!has_answer(r) || r->http->status != 421) {
        return;
    }
    bool works = has_answer(again) && again->http->status < 400;
    struct finding *f =
        http_finding(j, FINDING_HTTP_09, works ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY, r);
    f->severity = works ? SEVERITY_WARNING : SEVERITY_FAULT;
    f->sight = works ? SIGHT_PAGE : SIGHT_PAGE_STATUS;
    args_setf(&f->args, "other", "%u", has_answer(again) ? again->http->status : 421);
    finding_counter(f, works ? COUNTER_WORKS : COUNTER_FAILS, again,
                    N_("the same request on a fresh connection"));
}

static const struct {
    unsigned status;
    enum finding_id id;
} lb_rows[] = {
    {401, FINDING_LBC_11}, {404, FINDING_LBC_02}, {408, FINDING_LBC_08},
    {464, FINDING_ALP_07}, {561, FINDING_LBC_11},
};

/* Every other error of the load balancer's own is a refusal, fixed responses among them. */
static enum finding_id
lb_row(unsigned status)
{
    for (size_t i = 0; i < COUNT_OF(lb_rows); i++) {
        if (lb_rows[i].status == status) {
            return lb_rows[i].id;
        }
    }
    return FINDING_LBC_09;
}

/* LBC-02, 08, 09, 11, ALP-07: what the load balancer itself answers. The application's own 401, 403
 * and 404 are HTTP-12, a note [ruling 6]; 502 to 504 are rows of the target. */
static void
rule_lb_status(struct judge *j)
{
    const struct result *r = j->out->answer;
    if (!has_answer(r) || !by_lb(r->http) || is_plain_to_tls_page(r->http) ||
        r->http->status < 400 || (r->http->status >= 502 && r->http->status <= 504)) {
        return;
    }
    struct finding *f = http_finding(j, lb_row(r->http->status), CONFIDENCE_LIKELY, r);
    args_say(&f->args, "value", N_("the identity provider or the callback refuses"));
    if (f->id == FINDING_LBC_11) {
        f->evidence[0].id = EVIDENCE_HTTP_STATUS; /* there is no Location to show */
    }
    if (r->http->status == 404 || r->http->status == 400) {
        finding_sibling(f, r->http->status == 404 ? "LBC-03" : "LBC-12");
    }
}

/* LBC-11: "Location to the IdP with redirect_uri lacking the port". */
static void
rule_callback_port(struct judge *j)
{
    const struct result *r = j->out->answer;
    const struct question *q = &j->f->question;
    struct str location = has_answer(r) ? http_seen_header(r->http, "location") : STR_NONE;
    if (location.p == NULL || q->port == 443 || is_http(j)) {
        return;
    }
    struct buf with = {0}, without = {0};
    buf_addf(&without, "redirect_uri=https%%3A%%2F%%2F%s%%2F", q->host);
    buf_addf(&with, "redirect_uri=https://%s/", q->host);
    if (str_find(location, buf_str(&without), NULL) || str_find(location, buf_str(&with), NULL)) {
        struct finding *f = http_finding(j, FINDING_LBC_11, CONFIDENCE_PROVED, r);
        args_say(&f->args, "value", N_("its redirect_uri lacks the port"));
    }
    buf_free(&with);
    buf_free(&without);
}

/* HTTP-12: "the application's own status 401, 403, 404" [ruling 6]. */
static void
rule_own_status(struct judge *j)
{
    const struct result *r = j->out->answer;
    if (!has_answer(r) || r->http->status / 100 != 4 || by_lb(r->http) || r->http->status == 421 ||
        is_plain_to_tls_page(r->http)) {
        return;
    }
    struct finding *f = http_finding(j, FINDING_HTTP_12, CONFIDENCE_PROVED, r);
    if (r->http->status == 400) {
        f->severity = SEVERITY_WARNING; /* a GET of this page should not be a bad request */
    }
}

/* HTTP-11: "R1 with Upgrade". */
static void
rule_websocket(struct judge *j)
{
    const struct result *r = site(j, PROBE_RW);
    if (j->f->question.websocket && has_answer(r) && r->http->status != 101) {
        (void)http_finding(j, FINDING_HTTP_11, CONFIDENCE_PROVED, r);
    }
}

/* ---- headers ---- */

static bool
attribute(struct str cookie, const char *name)
{
    struct str rest = cookie, piece;
    (void)str_cut(&rest, ';', &piece);
    while (str_cut(&rest, ';', &piece)) {
        struct str p = str_trim(piece);
        if (str_ieq(str_sub(p, 0, strlen(name)), str_of(name))) {
            return true;
        }
    }
    return false;
}

/* The cookie's name and its attributes; never its value. */
static void
set_cookie_text(struct args *a, struct str cookie)
{
    size_t equal = cookie.n, semicolon = cookie.n;
    (void)str_find_char(cookie, '=', &equal);
    (void)str_find_char(cookie, ';', &semicolon);
    struct buf text = {0};
    buf_add_str(&text, str_sub(cookie, 0, equal));
    buf_add_z(&text, "=*");
    buf_add_str(&text, str_sub(cookie, semicolon, cookie.n));
    args_set(a, "value", buf_str(&text));
    buf_free(&text);
}

/* HTTP-10: "Set-Cookie attributes". */
static void
rule_cookie(struct judge *j)
{
    const struct result *r = j->out->answer;
    for (size_t i = 0; has_answer(r) && i < r->http->header_count; i++) {
        struct str name = r->http->headers[i].name, value = r->http->headers[i].value;
        if (!str_ieq(name, STR("set-cookie"))) {
            continue;
        }
        bool none_insecure = attribute(value, "samesite=none") && !attribute(value, "secure");
        bool secure_on_http = is_http(j) && attribute(value, "secure");
        if (none_insecure || secure_on_http) {
            struct finding *f = http_finding(j, FINDING_HTTP_10, CONFIDENCE_PROVED, r);
            set_cookie_text(&f->args, value);
            f->note = secure_on_http ? N_("Secure cookies are not stored from plain HTTP.")
                                     : N_("SameSite=None without Secure is refused by browsers.");
            return;
        }
    }
}

/* HTTP-13: "HSTS header present but ignored (syntax, address, plain HTTP)" [ruling 6]. */
static void
rule_hsts_header(struct judge *j)
{
    const struct result *r = j->out->answer;
    struct str value =
        has_answer(r) ? http_seen_header(r->http, "strict-transport-security") : STR_NONE;
    if (value.p == NULL) {
        return;
    }
    struct hsts_header h;
    hsts_header_parse(value, &h);
    const char *why = h.result == HSTS_IGNORE          ? h.why
                      : is_http(j)                     ? N_("it came over plain HTTP")
                      : j->f->question.host_is_address ? N_("the host is an address")
                                                       : NULL;
    if (why == NULL) {
        return;
    }
    struct finding *f = http_finding(j, FINDING_HTTP_13, CONFIDENCE_PROVED, r);
    args_say(&f->args, "value", why);
    args_set(&f->args, "header", value);
}

/* ALP-06: "header, record": an advertisement of HTTP/3. */
static void
rule_alt_svc(struct judge *j)
{
    const struct result *r = j->out->answer;
    struct str value = has_answer(r) ? http_seen_header(r->http, "alt-svc") : STR_NONE;
    if (value.p != NULL && str_find(value, STR("h3"), NULL)) {
        struct finding *f = http_finding(j, FINDING_ALP_06, CONFIDENCE_POSSIBLE, r);
        args_set(&f->args, "value", value);
    }
}

/* ---- HTTP/2 ---- */

static bool
chose_h2(const struct result *r)
{
    return r != NULL && r->seen != NULL && r->seen->done && r->seen->alpn_n == 2 &&
           memcmp(r->seen->alpn, "h2", 2) == 0;
}

/* ALP-03: "suite not ephemeral AEAD". */
static void
rule_weak_suite(struct judge *j)
{
    const struct result *r2 = site(j, PROBE_R2);
    if (chose_h2(r2) && r2->seen->version < TLS_V_13 && !tls_suite_is_modern(r2->seen->suite)) {
        (void)http_finding(j, FINDING_ALP_03, CONFIDENCE_PROVED, r2);
    }
}

enum {
    H2_FRAME_SIZE_ERROR = 6,
    H2_REFUSED_STREAM = 7,
    H2_COMPRESSION_ERROR = 9,
    H2_HTTP_1_1_REQUIRED = 13
};

static enum sight_id
h2_sight(uint32_t code, const char *complaint)
{
    if (code == H2_COMPRESSION_ERROR || str_find(str_of(complaint), STR("COMPRESSION"), NULL)) {
        return SIGHT_H2_COMPRESSION;
    }
    if (code == H2_FRAME_SIZE_ERROR || str_find(str_of(complaint), STR("FRAME_SIZE"), NULL)) {
        return SIGHT_H2_FRAME_SIZE;
    }
    return SIGHT_H2_PROTOCOL;
}

static void
h2_finding(struct judge *j, enum finding_id id, const struct result *r2, const char *value)
{
    const struct result *r1 = site(j, PROBE_R1);
    struct finding *f = http_finding(j, id, CONFIDENCE_PROVED, r2);
    args_set(&f->args, "value", str_of(value));
    if (has_answer(r1)) {
        args_setf(&f->args, "other", "%u", r1->http->status);
        (void)finding_contrary(f, EVIDENCE_HTTP_STATUS, r1);
        finding_counter(f, COUNTER_WORKS, r1, N_("the same request over HTTP/1.1"));
    } else {
        args_set(&f->args, "other", STR("-"));
    }
}

/* ALP-02 "after the preface comes HTTP/1.1"; ALP-04 "R1 good, R2 RST_STREAM/GOAWAY with code";
 * ALP-05 "codes, counts". A server that asks for HTTP/1.1 (HTTP_1_1_REQUIRED) gets it. */
static void
rule_h2(struct judge *j)
{
    const struct result *r2 = site(j, PROBE_R2);
    if (!chose_h2(r2) || r2->http == NULL || has_answer(r2) || judge_has(j, FINDING_ALP_03) ||
        r2->outcome == OUTCOME_CANCELLED || r2->seen->certificate_request) {
        return;
    }
    const struct http_seen *h = r2->http;
    char text[160];
    uint32_t code = h->h2_rst ? h->h2_rst_code : h->h2_goaway_code;
    const char *frame = h->h2_rst ? "RST_STREAM" : "GOAWAY";
    if (h->h2_text) {
        h2_finding(j, FINDING_ALP_02, r2, "HTTP/1.1");
        return;
    }
    if (h->h2_error[0] != '\0') {
        h2_finding(j, FINDING_ALP_04, r2, h->h2_error);
    } else if ((h->h2_rst || h->h2_goaway) && code == H2_HTTP_1_1_REQUIRED) {
        return;
    } else if ((h->h2_rst && code == H2_REFUSED_STREAM) || (h->h2_goaway && code == 0)) {
        (void)snprintf(text, sizeof text, "%s %s", frame, h2_code_name(code));
        h2_finding(j, FINDING_ALP_05, r2, text);
        return;
    } else if (h->h2_rst || h->h2_goaway) {
        (void)snprintf(text, sizeof text, "%s %s", frame, h2_code_name(code));
        h2_finding(j, FINDING_ALP_04, r2, text);
    } else if (r2->finish == FINISH_FIN || r2->finish == FINISH_RST) {
        h2_finding(j, FINDING_ALP_05, r2, finish_name(r2->finish));
        judge_get(j, FINDING_ALP_05)->sight = SIGHT_H2_CLOSED;
        return;
    } else {
        return;
    }
    judge_get(j, FINDING_ALP_04)->sight = h2_sight(code, h->h2_error);
}

/* ALP-08: "SETTINGS frame 00 00 .. 04" in place of an answer. */
static void
rule_h2c(struct judge *j)
{
    const struct result *r = is_http(j) ? main_result(j) : site(j, PROBE_H1);
    bool frames = is_http(j)
                      ? r != NULL && r->http != NULL && (r->http->odd & ODD_H2_FRAMES) != 0
                      : r != NULL && r->flight != NULL && r->flight->kind == TLS_FLIGHT_H2_SETTINGS;
    if (frames) {
        struct finding *f = http_finding(j, FINDING_ALP_08, CONFIDENCE_PROVED, r);
        f->sight = is_http(j) ? SIGHT_INVALID_RESPONSE : SIGHT_BANNER_FOR_TLS;
    }
}

rule_fn *const http_rules[] = {
    rule_plain_request, rule_plain_closed, rule_empty,     rule_invalid,     rule_body,
    rule_empty_error,   rule_too_large,    rule_host_port, rule_misdirected, rule_lb_status,
    rule_callback_port, rule_own_status,   rule_websocket, rule_cookie,      rule_hsts_header,
    rule_alt_svc,       rule_weak_suite,   rule_h2,        rule_h2c,         NULL};
