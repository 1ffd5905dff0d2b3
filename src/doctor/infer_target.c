/* SPDX-License-Identifier: Apache-2.0
 * Rules of the web server behind the load balancer: which of the two said it, and what the target
 * does when it is asked directly [doctor-faults 12; ruling 5]. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "text/text.h"

#include <errno.h>

enum { SLOW_S = 30, KEEP_ALIVE_S = 60 };

static const struct result *
target(const struct judge *j, enum probe p)
{
    return facts_find(j->f, p, SIDE_TARGET);
}

/* The target's plain or TLS answer, whichever came. */
static const struct result *
target_answer(const struct judge *j)
{
    const struct result *r1 = target(j, PROBE_R1), *p1 = target(j, PROBE_P1);
    return has_answer(r1) ? r1 : has_answer(p1) ? p1 : NULL;
}

static bool
target_speaks(const struct judge *j, enum tls_flight_kind kind)
{
    const struct result *h1 = target(j, PROBE_H1);
    return h1 != NULL && h1->flight != NULL && h1->flight->kind == kind;
}

/* 502, 503 or 504 of whoever stands in front: a load balancer by its fingerprint, or the standard
 * page of a reverse proxy. An application's own 5xx is TGT-12. */
static bool
gateway_says(const struct judge *j, unsigned status)
{
    static const char *const pages[] = {"502 Bad Gateway", "503 Service Temporarily Unavailable",
                                        "504 Gateway Time-out", "502 Proxy Error",
                                        "504 Gateway Timeout"};
    const struct result *r = j->out->answer;
    if (!has_answer(r) || r->http->status != status) {
        return false;
    }
    if (by_lb(r->http)) {
        return true;
    }
    struct str body = {(const char *)r->http->body,
                       r->http->body == NULL ? 0 : r->http->body_bytes};
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (str_starts(str_of(r->http->title), str_of(pages[i]))) {
            return true;
        }
    }
    return str_find(body, STR("No server is available to handle this request"), NULL) ||
           str_find(body, STR("The server didn't respond in time"), NULL) ||
           str_find(body, STR("The server returned an invalid or incomplete response"), NULL);
}

static bool
gateway_fault(const struct judge *j)
{
    return gateway_says(j, 502) || gateway_says(j, 503) || gateway_says(j, 504);
}

static void
set_target(struct judge *j, struct args *a)
{
    char text[ADDR_TEXT];
    if (j->f->question.target.sa.sa_family != 0) {
        args_set(a, "target", str_of(addr_port_text(&j->f->question.target, text)));
        args_set(a, "target_host", str_of(addr_text(&j->f->question.target, text)));
        args_setf(a, "target_port", "%u", addr_port(&j->f->question.target));
    }
}

static struct finding *
target_finding(struct judge *j, enum finding_id id, enum confidence c)
{
    const struct result *r = j->out->answer;
    struct finding *f = finding_new(j, id, c);
    if (has_answer(r)) {
        args_setf(&f->args, "status", "%u", r->http->status);
    }
    args_set(&f->args, "target", STR("ADDRESS:PORT"));
    set_target(j, &f->args);
    (void)finding_evidence(f, EVIDENCE_MAIN, r);
    finding_remarks(j, f);
    return f;
}

static void
show_target_plain(struct judge *j, struct finding *f, bool contrary)
{
    const struct result *p1 = target(j, PROBE_P1);
    if (has_answer(p1)) {
        set_target(j, contrary ? finding_contrary(f, EVIDENCE_TARGET_ANSWERS, p1)
                               : finding_evidence(f, EVIDENCE_TARGET_ANSWERS, p1));
    }
}

/* TGT-01: "R1: https, 400, Server of the target; probe the target's port: H1 succeeds". */
static void
rule_plain_to_tls(struct judge *j)
{
    const struct result *r = j->out->answer;
    if (j->f->question.scheme != SCHEME_HTTPS || !has_answer(r) || !is_plain_to_tls_page(r->http)) {
        return;
    }
    struct finding *f = target_finding(j, FINDING_TGT_01, CONFIDENCE_PROVED);
    const struct result *h1 = target(j, PROBE_H1);
    if (target_speaks(j, TLS_FLIGHT_SERVER_HELLO)) {
        struct args *a = finding_contrary(f, EVIDENCE_TARGET_TLS, h1);
        set_target(j, a);
        const char *version = tls_version_name(h1->flight->version);
        args_set(a, "value", str_of(version == NULL ? "TLS" : version));
        finding_counter(f, COUNTER_WORKS, h1, N_("TLS straight to the target's port"));
    }
    show_target_plain(j, f, false);
    f->note = N_("Clearing HSTS or other browser state does not help: this request was made "
                 "inside a valid TLS connection.");
}

/* TGT-02: "H1 to the target: HTTP". */
static void
rule_tls_to_plain(struct judge *j)
{
    const struct result *h1 = target(j, PROBE_H1);
    if (!gateway_says(j, 502) || !target_speaks(j, TLS_FLIGHT_PLAIN_HTTP) ||
        !has_answer(target(j, PROBE_P1))) {
        return;
    }
    struct finding *f = target_finding(j, FINDING_TGT_02, CONFIDENCE_PROVED);
    char text[BYTES_TEXT];
    bytes_text(&h1->got, text);
    args_set(&f->evidence[0].args, "bytes", str_of(text));
    show_target_plain(j, f, true);
    finding_counter(f, COUNTER_WORKS, target(j, PROBE_P1),
                    N_("plain HTTP straight to the target's port"));
}

/* TGT-03: "TCP to the target refused". */
static void
rule_target_refuses(struct judge *j)
{
    const struct result *t1 = target(j, PROBE_T1);
    if (!gateway_fault(j) || t1 == NULL || t1->error != ECONNREFUSED) {
        return;
    }
    struct finding *f = target_finding(j, FINDING_TGT_03, CONFIDENCE_PROVED);
    struct args *a = finding_evidence(f, EVIDENCE_TARGET_REFUSED, t1);
    set_target(j, a);
    args_say(a, "value", N_("connection refused"));
}

/* TGT-04: 503 of the load balancer, with its siblings [ruling 5]. */
static void
rule_no_targets(struct judge *j)
{
    if (gateway_says(j, 503) && !judge_has(j, FINDING_TGT_03)) {
        struct finding *f = target_finding(j, FINDING_TGT_04, CONFIDENCE_LIKELY);
        finding_sibling(f, "LBC-13");
        finding_sibling(f, "TGT-08");
        finding_sibling(f, "TGT-13");
    }
}

/* TGT-06: the target speaks TLS, but not to this hello. */
static void
rule_target_handshake(struct judge *j)
{
    const struct result *h1 = target(j, PROBE_H1);
    if (!gateway_says(j, 502) || h1 == NULL || h1->flight == NULL ||
        !tls_flight_is_tls(h1->flight->kind) || h1->flight->kind == TLS_FLIGHT_SERVER_HELLO) {
        return;
    }
    struct finding *f = target_finding(j, FINDING_TGT_06, CONFIDENCE_LIKELY);
    if (h1->flight->alert >= 0) {
        const char *name = tls_alert_name((unsigned)h1->flight->alert);
        args_setf(&f->args, "value", "alert %s (%d)", name == NULL ? "?" : name, h1->flight->alert);
    } else {
        args_set(&f->args, "value", str_of(tls_flight_kind_name(h1->flight->kind)));
    }
}

static uint64_t
took_s(const struct result *r)
{
    uint64_t end = r->first_us != 0 ? r->first_us : r->end_us;
    uint64_t from = r->sent_us != 0 ? r->sent_us : r->start_us;
    return end > from ? (end - from + 500000) / 1000000 : 0;
}

/* TGT-07 and TGT-09: "504: TGT-07 below 30 s, else TGT-09" [ruling 5]. */
static void
rule_target_silent(struct judge *j)
{
    const struct result *t1 = target(j, PROBE_T1);
    if (!gateway_says(j, 504)) {
        return;
    }
    uint64_t seconds = took_s(j->out->answer);
    bool dropped = t1 != NULL && t1->connected_us == 0 && t1->outcome == OUTCOME_TIMEOUT;
    bool slow = seconds >= SLOW_S && !dropped;
    struct finding *f = target_finding(j, slow ? FINDING_TGT_09 : FINDING_TGT_07,
                                       dropped ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    args_setf(&f->args, "seconds", "%llu", (unsigned long long)seconds);
    args_setf(&f->evidence[0].args, "seconds", "%llu", (unsigned long long)seconds);
    if (dropped) {
        struct args *a = finding_evidence(f, EVIDENCE_TARGET_REFUSED, t1);
        set_target(j, a);
        args_say(a, "value", N_("no answer"));
    }
    finding_sibling(f, "TGT-13");
}

/* TGT-11: 502, and the rows that look the same [ruling 5]; "raw answer from the target". */
static void
rule_target_breaks(struct judge *j)
{
    const struct result *p1 = target(j, PROBE_P1);
    if (!gateway_says(j, 502)) {
        return;
    }
    bool broken =
        p1 != NULL && p1->connected_us != 0 &&
        (!has_answer(p1) || (p1->http->odd & (ODD_TWO_LENGTHS | ODD_NUL | ODD_HEAD_TOO_LARGE |
                                              ODD_NO_STATUS_LINE | ODD_LENGTH_AND_CHUNKED)) != 0);
    struct finding *f =
        target_finding(j, FINDING_TGT_11, broken ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    if (broken) {
        struct args *a = finding_evidence(f, EVIDENCE_TARGET_REFUSED, p1);
        set_target(j, a);
        if (p1->got.n > 0) {
            char text[BYTES_TEXT];
            bytes_text(&p1->got, text);
            args_set(a, "value", str_of(text));
        } else {
            args_say(a, "value",
                     p1->finish == FINISH_RST ? N_("a reset after the request")
                                              : N_("closed without an answer"));
        }
    } else {
        f->note = N_("TGT-02 (TLS to a plain port), TGT-03 (wrong port) and TGT-06 (TLS settings) "
                     "look the same from outside: --target tells them apart.");
    }
    finding_sibling(f, "TGT-14");
    finding_sibling(f, "TGT-13");
}

/* TGT-12: "elb = target status": the application's own 5xx. */
static void
rule_application_fails(struct judge *j)
{
    const struct result *r = j->out->answer;
    if (has_answer(r) && r->http->status >= 500 && !gateway_fault(j) && !by_lb(r->http)) {
        (void)target_finding(j, FINDING_TGT_12, CONFIDENCE_PROVED);
    }
}

/* TGT-15: "R1 with Host variants straight at the target". */
static void
rule_target_host(struct judge *j)
{
    const struct result *r = target_answer(j), *other = target(j, PROBE_R5O);
    char text[ADDR_TEXT];
    if (r == NULL || !has_answer(other) || r->http->status < 300 || other->http->status >= 300 ||
        is_plain_to_tls_page(r->http)) {
        return;
    }
    if (has_answer(target(j, PROBE_P1X)) && target(j, PROBE_P1X)->http->status < 300) {
        return; /* RED-02: the scheme, not the host, decides */
    }
    struct finding *f = target_finding(j, FINDING_TGT_15, CONFIDENCE_PROVED);
    args_setf(&f->args, "status", "%u", r->http->status);
    args_setf(&f->args, "other", "%u", other->http->status);
    args_set(&f->args, "value",
             other->name[0] != '\0' ? str_of(other->name)
                                    : str_of(addr_port_text(&other->at, text)));
}

/* TGT-16: "target log": the target refuses the load balancer's address, not ours. */
static void
rule_target_filter(struct judge *j)
{
    const struct result *r = j->out->answer, *direct = target_answer(j);
    if (!has_answer(r) || r->http->status != 403 || by_lb(r->http) || direct == NULL ||
        direct->http->status >= 300) {
        return;
    }
    struct finding *f = target_finding(j, FINDING_TGT_16, CONFIDENCE_LIKELY);
    args_setf(&f->args, "other", "%u", direct->http->status);
    (void)finding_contrary(f, EVIDENCE_HTTP_STATUS, direct);
}

/* TGT-10: "keep-alive of the target measured": as it announces it. */
static void
rule_keep_alive(struct judge *j)
{
    const struct result *p1 = target_answer(j);
    struct str value = p1 == NULL ? STR_NONE : http_seen_header(p1->http, "keep-alive");
    size_t at = 0, digits = 0;
    uint64_t seconds = 0;
    if (value.p == NULL || !str_find(value, STR("timeout="), &at)) {
        return;
    }
    struct str number = str_sub(value, at + strlen("timeout="), value.n);
    while (digits < number.n && ascii_is_digit(number.p[digits])) {
        digits++;
    }
    if (!str_to_u64(str_sub(number, 0, digits), &seconds) || seconds >= KEEP_ALIVE_S) {
        return;
    }
    struct finding *f = target_finding(j, FINDING_TGT_10, CONFIDENCE_LIKELY);
    args_setf(&f->args, "seconds", "%llu", (unsigned long long)seconds);
    struct buf text = {0};
    buf_add_z(&text, "Keep-Alive: ");
    buf_add_str(&text, value);
    args_set(&f->args, "value", buf_str(&text));
    buf_free(&text);
}

/* TGT-05: the target itself knows the page that comes back as 404 through the load balancer. */
static void
rule_other_application(struct judge *j)
{
    const struct result *r = j->out->answer, *direct = target_answer(j);
    if (has_answer(r) && r->http->status == 404 && direct != NULL && direct->http->status < 300) {
        struct finding *f = target_finding(j, FINDING_TGT_05, CONFIDENCE_LIKELY);
        f->severity = SEVERITY_WARNING;
        (void)finding_contrary(f, EVIDENCE_HTTP_STATUS, direct);
    }
}

rule_fn *const target_rules[] = {rule_plain_to_tls,
                                 rule_tls_to_plain,
                                 rule_target_refuses,
                                 rule_no_targets,
                                 rule_target_handshake,
                                 rule_target_silent,
                                 rule_target_breaks,
                                 rule_application_fails,
                                 rule_target_host,
                                 rule_target_filter,
                                 rule_keep_alive,
                                 rule_other_application,
                                 NULL};
