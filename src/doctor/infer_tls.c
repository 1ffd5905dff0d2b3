/* SPDX-License-Identifier: Apache-2.0
 * Rules of the TLS handshake: what comes back in place of a ServerHello, and why [doctor-faults 6
 * (LBC-01), 7, 9 (ALP-01); browser-errors 5, 6, 7.1]. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "text/text.h"

/* ---- what the hellos brought ---- */

enum alert_group { ALERTS_MISMATCH, ALERTS_NAME, ALERTS_ALPN, ALERTS_CERTIFICATE, ALERTS_OTHER };
static const struct {
    int number;
    enum sight_id sight;
    enum alert_group group;
} alerts[] = {
#define ALERT(number, sight, group) {number, SIGHT_##sight, ALERTS_##group},
#include "doctor/alerts.def"
#undef ALERT
};

/* Suites that Chromium offers [browser-errors 13]. */
static const uint16_t browser_suites[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                          0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                                          0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
/* X25519MLKEM768, X25519, P-256, P-384. */
static const uint16_t browser_groups[] = {0x11ec, 0x001d, 0x0017, 0x0018};

static bool
listed(const uint16_t *list, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == number) {
            return true;
        }
    }
    return false;
}

static bool
is_https(const struct judge *j)
{
    return j->f->question.scheme == SCHEME_HTTPS;
}

static const struct result *
hello(const struct judge *j, enum probe p)
{
    return is_https(j) ? facts_find(j->f, p, SIDE_SITE) : NULL;
}

/* A ServerHello that a browser goes on with: TLS 1.2 or 1.3. */
static bool
answered(const struct result *r)
{
    if (r == NULL || r->flight == NULL) {
        return false;
    }
    const struct tls_flight *f = r->flight;
    return (f->kind == TLS_FLIGHT_SERVER_HELLO && f->version >= TLS_V_12) ||
           (f->kind == TLS_FLIGHT_HELLO_RETRY &&
            listed(browser_groups, COUNT_OF(browser_groups), f->group));
}

/* A ServerHello of any version, or a retry for any group. */
static bool
any_hello(const struct result *r)
{
    return r != NULL && r->flight != NULL &&
           (r->flight->kind == TLS_FLIGHT_SERVER_HELLO ||
            r->flight->kind == TLS_FLIGHT_HELLO_RETRY);
}

static bool
kind_is(const struct result *r, enum tls_flight_kind kind)
{
    return r != NULL && r->flight != NULL && r->flight->kind == kind;
}

static bool
alerted(const struct result *r, int *ret_number)
{
    if (!kind_is(r, TLS_FLIGHT_ALERT)) {
        return false;
    }
    *ret_number = r->flight->alert;
    return true;
}

static bool
alert_in(const struct result *r, enum alert_group group)
{
    int number = 0;
    if (!alerted(r, &number)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(alerts); i++) {
        if (alerts[i].number == number) {
            return alerts[i].group == group;
        }
    }
    return group == ALERTS_OTHER;
}

static enum sight_id
alert_sight(int number)
{
    for (size_t i = 0; i < COUNT_OF(alerts); i++) {
        if (alerts[i].number == number) {
            return alerts[i].sight;
        }
    }
    return SIGHT_ALERT_PROTOCOL;
}

/* Connected, and then not one byte of an answer. */
static bool
without_a_byte(const struct result *r)
{
    return r != NULL && r->connected_us != 0 && r->got_total == 0;
}

static bool
silent(const struct result *r)
{
    return without_a_byte(r) && r->outcome == OUTCOME_TIMEOUT;
}

static bool
ended(const struct result *r, enum finish finish)
{
    return r != NULL && r->connected_us != 0 && r->finish == finish &&
           (r->got_total == 0 || kind_is(r, TLS_FLIGHT_PARTIAL));
}

/* What a hello came to, in words for {value}. */
static void
say_hello(const struct result *r, struct args *a, const char *key)
{
    if (any_hello(r)) {
        const char *version = tls_version_name(r->flight->version);
        const char *suite = tls_suite_name(r->flight->suite);
        args_setf(a, key, "%s, %s", version == NULL ? "?" : version, suite == NULL ? "?" : suite);
    } else if (kind_is(r, TLS_FLIGHT_ALERT)) {
        const char *name = tls_alert_name((unsigned)r->flight->alert);
        args_setf(a, key, "alert %s (%d)", name == NULL ? "?" : name, r->flight->alert);
    } else if (silent(r)) {
        args_say(a, key, N_("no answer"));
    } else if (r->finish == FINISH_RST) {
        args_say(a, key, N_("reset"));
    } else if (r->finish == FINISH_FIN) {
        args_say(a, key, N_("closed"));
    } else {
        char text[BYTES_TEXT];
        bytes_text(&r->got, text);
        args_set(a, key, str_of(text));
    }
}

/* Evidence of one of the other hellos: "H7: TLS 1.2, ...". */
static void
show_variant(struct finding *f, const struct result *r, bool contrary)
{
    if (r != NULL) {
        struct args *a = contrary ? finding_contrary(f, EVIDENCE_TLS_VARIANT, r)
                                  : finding_evidence(f, EVIDENCE_TLS_VARIANT, r);
        say_hello(r, a, "value");
    }
}

static struct finding *
hello_finding(struct judge *j, enum finding_id id, enum confidence c, const struct result *h1)
{
    struct finding *f = finding_new(j, id, c);
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, h1);
    say_hello(h1, a, "value");
    return f;
}

/* ---- not TLS at all ---- */

/* LBC-01: "H1 answer begins HTTP or <; P1 gives a valid HTTP answer". Whether the machine is the
 * right one at all is DNS-01's question [ruling 2]. */
static void
rule_plain_port(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    if (!kind_is(h1, TLS_FLIGHT_PLAIN_HTTP)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_LBC_01, CONFIDENCE_PROVED);
    (void)finding_evidence(f, EVIDENCE_MAIN, h1);
    const struct result *p1 = facts_find_at(j->f, PROBE_P1, SIDE_SITE, &h1->at);
    if (p1 != NULL && p1->http != NULL && p1->http->has_status) {
        (void)finding_contrary(f, EVIDENCE_HTTP_PLAIN, p1);
        finding_counter(f, COUNTER_WORKS, p1,
                        N_("http:// instead of https:// on the same port is answered"));
    }
}

/* TLS-05 beside the alerts: bytes that are neither TLS nor HTTP nor a known banner (those are
 * TCP-06): an echo, a broken record, application data first. */
static void
rule_not_tls(struct judge *j)
{
    static const enum tls_flight_kind kinds[] = {TLS_FLIGHT_ECHO, TLS_FLIGHT_BAD_RECORD,
                                                 TLS_FLIGHT_APPDATA_FIRST, TLS_FLIGHT_SSL2};
    const struct result *h1 = hello(j, PROBE_H1);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kind_is(h1, kinds[i])) {
            struct finding *f = finding_new(j, FINDING_TCP_06, CONFIDENCE_PROVED);
            f->sight = kinds[i] == TLS_FLIGHT_ECHO ? SIGHT_ECHO_FOR_TLS : SIGHT_PLAIN_FOR_TLS;
            args_say(&f->args, "service",
                     kinds[i] == TLS_FLIGHT_ECHO ? N_("one that sends back what it gets")
                                                 : N_("one whose bytes only look like TLS"));
            (void)finding_evidence(f, EVIDENCE_TLS_PLAIN, h1);
        }
    }
}

/* ---- alerts: version, suite, curve ---- */

static bool
old_hello(const struct result *r)
{
    return (kind_is(r, TLS_FLIGHT_SERVER_HELLO) && r->flight->version < TLS_V_12) ||
           kind_is(r, TLS_FLIGHT_SSL3) || kind_is(r, TLS_FLIGHT_SSL2);
}

/* TLS-01: "alert 70 ... a hello without supported_versions gets a ServerHello that chooses a lower
 * version: read the version, a ServerHello is not acceptance". */
static void
rule_version(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    const struct result *wide = hello(j, PROBE_HW), *h9 = hello(j, PROBE_H9);
    int number = -1;
    bool alert70 = alerted(h1, &number) && number == 70;
    bool old = old_hello(h1) || (!answered(h1) && h1 != NULL && (old_hello(h9) || old_hello(wide)));
    bool newer = answered(hello(j, PROBE_H7)) || answered(hello(j, PROBE_H8));
    if ((!alert70 && !old) || newer || (!alert_in(h1, ALERTS_MISMATCH) && !old_hello(h1))) {
        return;
    }
    struct finding *f =
        hello_finding(j, FINDING_TLS_01, old ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY, h1);
    const struct result *shown = old_hello(h1) ? h1 : old_hello(h9) ? h9 : wide;
    const char *version = old && any_hello(shown) ? tls_version_name(shown->flight->version) : NULL;
    if (version != NULL) {
        args_set(&f->args, "versions", str_of(version));
    } else {
        args_say(&f->args, "versions", N_("other versions"));
    }
    show_variant(f, hello(j, PROBE_H7), false);
    show_variant(f, hello(j, PROBE_H8), false);
    if (old && shown != h1) {
        show_variant(f, shown, true);
        finding_counter(f, COUNTER_WORKS, shown, N_("a hello of the old versions is answered"));
    }
    finding_sibling(f, "TLS-14");
}

static bool
mismatch(const struct judge *j, const struct result *h1)
{
    (void)j;
    int number = -1;
    return alert_in(h1, ALERTS_MISMATCH) || (alerted(h1, &number) && number == 47) ||
           (kind_is(h1, TLS_FLIGHT_HELLO_RETRY) && !answered(h1));
}

/* TLS-02: "alert 40; H1 fails, wide hello works" with a suite that browsers do not offer; or
 * nothing is answered at all (ECDSA suites with an RSA certificate, NULL suites). */
static void
rule_suite(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1), *wide = hello(j, PROBE_HW);
    if (!mismatch(j, h1) || judge_has(j, FINDING_TLS_01)) {
        return;
    }
    bool wide_works = any_hello(wide) && wide->flight->version >= TLS_V_12;
    bool odd_suite =
        wide_works && !listed(browser_suites, COUNT_OF(browser_suites), wide->flight->suite);
    bool nothing_works = wide != NULL && !any_hello(wide) && !kind_is(h1, TLS_FLIGHT_HELLO_RETRY);
    int number = -1;
    if (!odd_suite && !(nothing_works && alerted(h1, &number) && number != 47)) {
        return;
    }
    struct finding *f =
        hello_finding(j, FINDING_TLS_02, odd_suite ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY, h1);
    if (odd_suite) {
        const char *suite = tls_suite_name(wide->flight->suite);
        args_set(&f->evidence[0].args, "suite", str_of(suite == NULL ? "?" : suite));
        show_variant(f, wide, true);
        finding_counter(f, COUNTER_WORKS, wide,
                        N_("a hello that offers every cipher suite is answered"));
    } else {
        args_say(&f->evidence[0].args, "suite", N_("a refusal, too"));
        finding_sibling(f, "CRT-14");
    }
    finding_sibling(f, "TLS-14");
}

/* TLS-03: "H1 alert 40 or 47, wide hello works; HelloRetryRequest for an odd group". */
static void
rule_curve(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1), *wide = hello(j, PROBE_HW);
    if (!mismatch(j, h1)) {
        return;
    }
    const struct result *shown = kind_is(h1, TLS_FLIGHT_HELLO_RETRY) ? h1 : wide;
    if (!any_hello(shown) || shown->flight->group == 0 ||
        listed(browser_groups, COUNT_OF(browser_groups), shown->flight->group)) {
        return;
    }
    const char *group = tls_group_name(shown->flight->group);
    struct finding *f = hello_finding(j, FINDING_TLS_03, CONFIDENCE_PROVED, h1);
    args_set(&f->args, "group", str_of(group == NULL ? "?" : group));
    if (shown != h1) {
        show_variant(f, shown, true);
        finding_counter(f, COUNTER_WORKS, shown, N_("a hello that offers every curve is answered"));
    }
    finding_sibling(f, "TLS-14");
}

/* TLS-04: "alert 112; H6 or right name works". */
static void
rule_server_name(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    if (!alert_in(h1, ALERTS_NAME)) {
        return;
    }
    struct finding *f = hello_finding(j, FINDING_TLS_04, CONFIDENCE_PROVED, h1);
    static const enum probe others[] = {PROBE_H6, PROBE_H4, PROBE_C4, PROBE_H5};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        const struct result *r = hello(j, others[i]);
        if (answered(r)) {
            show_variant(f, r, true);
            finding_counter(f, COUNTER_WORKS, r, N_("under another name, or none, it is answered"));
            break;
        }
    }
}

/* TLS-05: "record type 15, not HTTP": every alert that no other row explains. */
static void
rule_other_alert(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    if (!alert_in(h1, ALERTS_OTHER) || judge_has(j, FINDING_TLS_03)) {
        return;
    }
    struct finding *f = hello_finding(j, FINDING_TLS_05, CONFIDENCE_PROVED, h1);
    f->sight = alert_sight(h1->flight->alert);
    const char *name = tls_alert_name((unsigned)h1->flight->alert);
    args_set(&f->args, "alert_name", str_of(name == NULL ? "?" : name));
    args_setf(&f->args, "alert", "%d", h1->flight->alert);
    show_variant(f, hello(j, PROBE_HW), answered(hello(j, PROBE_HW)));
}

/* An alert of a mismatch that neither wide nor old hellos explain, while they did not run. */
static void
rule_mismatch_unexplained(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    if (!alert_in(h1, ALERTS_MISMATCH) || judge_has(j, FINDING_TLS_01) ||
        judge_has(j, FINDING_TLS_02) || judge_has(j, FINDING_TLS_03)) {
        return;
    }
    struct finding *f = hello_finding(j, FINDING_TLS_02, CONFIDENCE_LIKELY, h1);
    args_say(&f->evidence[0].args, "suite", N_("something else"));
    show_variant(f, hello(j, PROBE_HW), true);
    finding_sibling(f, "TLS-03");
    finding_sibling(f, "CRT-14");
}

/* ALP-01: "alert 120; repeat with the other ALPN". */
static void
rule_alpn(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    if (!alert_in(h1, ALERTS_ALPN)) {
        return;
    }
    static const struct {
        enum probe probe;
        const char *value;
    } offers[] = {
        {PROBE_HB, "HTTP/2"}, {PROBE_HA, "HTTP/1.1"}, {PROBE_HN, N_("connections without ALPN")}};
    struct finding *f = hello_finding(j, FINDING_ALP_01, CONFIDENCE_PROVED, h1);
    args_say(&f->args, "value", N_("other application protocols"));
    for (size_t i = 0; i < COUNT_OF(offers); i++) {
        const struct result *r = hello(j, offers[i].probe);
        if (answered(r)) {
            args_say(&f->args, "value", offers[i].value);
            show_variant(f, r, true);
            finding_counter(f, COUNTER_WORKS, r, N_("with that offer alone it is answered"));
            break;
        }
    }
}

/* ---- silence, close, reset ---- */

static bool
hello_lost(const struct result *h1)
{
    return silent(h1) || ended(h1, FINISH_RST) || ended(h1, FINISH_FIN);
}

/* TLS-06: "H1 fails, H2 works, H3 fails: needs the whole hello in one segment". */
static void
rule_big_hello(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1), *small = hello(j, PROBE_H2);
    if (!hello_lost(h1) || !answered(small)) {
        return;
    }
    struct finding *f = hello_finding(j, FINDING_TLS_06, CONFIDENCE_PROVED, h1);
    f->sight = silent(h1)              ? SIGHT_SILENT_BIG_HELLO
               : ended(h1, FINISH_FIN) ? SIGHT_CLOSED
                                       : SIGHT_RESET_BIG_HELLO;
    args_setf(&f->evidence[0].args, "big", "%zu", h1->sent.n);
    args_setf(&f->evidence[0].args, "small", "%zu", small->sent.n);
    show_variant(f, small, true);
    show_variant(f, hello(j, PROBE_H3), false);
    finding_counter(f, COUNTER_WORKS, small, N_("a small hello is answered"));
}

/* TLS-07: "0 bytes in the deadline; P1 answers? a plain server that waits". */
static void
rule_silent(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    if (!silent(h1) && !(kind_is(h1, TLS_FLIGHT_PARTIAL) && h1->outcome == OUTCOME_TIMEOUT)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_TLS_07, CONFIDENCE_LIKELY);
    (void)finding_evidence(f, EVIDENCE_MAIN, h1);
    const struct result *p1 = facts_find_at(j->f, PROBE_P1, SIDE_SITE, &h1->at);
    if (p1 != NULL && p1->http != NULL && p1->http->has_status) {
        (void)finding_contrary(f, EVIDENCE_HTTP_PLAIN, p1);
        f->note = N_("Plain HTTP is answered: a plain server that waits for the end of a line.");
    } else {
        finding_sibling(f, "TCP-05");
    }
}

/* TLS-08: "FIN only after data; H4 (no SNI) passes: SNI filter". */
static void
rule_closed(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1), *p2 = hello(j, PROBE_P2);
    if (!ended(h1, FINISH_FIN) || ended(p2, FINISH_FIN)) {
        return;
    }
    bool stayed = p2 != NULL && p2->finish == FINISH_US;
    struct finding *f =
        hello_finding(j, FINDING_TLS_08, stayed ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY, h1);
    const struct result *unnamed = hello(j, PROBE_H4);
    if (answered(unnamed)) {
        show_variant(f, unnamed, true);
        f->note = N_("Without the server name the hello is answered: something filters by name.");
        finding_counter(f, COUNTER_WORKS, unnamed, N_("without a server name it is answered"));
    }
    finding_sibling(f, "TCP-07");
}

/* TLS-09: "sending a PROXY v1 line first makes the handshake work". */
static void
rule_proxy_protocol(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1), *hp = hello(j, PROBE_HP);
    if (h1 == NULL || answered(h1) || !answered(hp)) {
        return;
    }
    struct finding *f = hello_finding(j, FINDING_TLS_09, CONFIDENCE_PROVED, h1);
    if (ended(h1, FINISH_FIN)) {
        f->sight = SIGHT_CLOSED;
    }
    show_variant(f, hp, true);
    finding_counter(f, COUNTER_WORKS, hp, N_("with a PROXY line in front it is answered"));
}

/* ---- client certificates ---- */

/* The page of nginx for `ssl_verify_client on`, inside a good TLS connection. */
static bool
client_certificate_page(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->status == 400 &&
           (str_find(str_of(r->http->title), STR("No required SSL certificate"), NULL) ||
            str_find(str_of(r->http->title), STR("The SSL certificate error"), NULL));
}

static bool
certificate_asked(const struct judge *j)
{
    static const enum probe probes[] = {PROBE_R1, PROBE_R2, PROBE_H1, PROBE_H7, PROBE_HW};
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        const struct result *r = hello(j, probes[i]);
        if (r != NULL && ((r->seen != NULL && r->seen->certificate_request) ||
                          (r->flight != NULL && r->flight->certificate_request))) {
            return true;
        }
    }
    return false;
}

/* TLS-10: "CertificateRequest message seen", and its refusal punished. */
static void
rule_client_certificate(struct judge *j)
{
    const struct result *r1 = hello(j, PROBE_R1);
    bool page = client_certificate_page(r1);
    bool failed = r1 != NULL && r1->seen != NULL && (r1->http == NULL || !r1->http->has_status) &&
                  (r1->seen->alert_received >= 0 || r1->finish == FINISH_FIN ||
                   r1->finish == FINISH_RST); /* silence is a slow application's */
    if (!page && !(certificate_asked(j) && failed)) {
        return;
    }
    int alert = r1->seen == NULL ? -1 : r1->seen->alert_received;
    struct finding *f = finding_new(j, FINDING_TLS_10, CONFIDENCE_PROVED);
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, r1);
    if (page) {
        f->sight = SIGHT_PAGE_STATUS;
        args_set(a, "value", str_of(r1->http->title));
    } else if (alert >= 0) {
        const char *name = tls_alert_name((unsigned)alert);
        args_setf(a, "value", "alert %s (%d)", name == NULL ? "?" : name, alert);
    } else {
        args_say(a, "value",
                 r1->finish == FINISH_RST ? N_("a reset") : N_("the end of the connection"));
    }
    if (!page && r1->seen->version != 0 && r1->seen->version < TLS_V_13) {
        f->sight = SIGHT_CLIENT_CERT_12;
    }
    if (r1->seen != NULL && r1->seen->client_certificate_sent) {
        f->note = N_("The certificate that was given was refused: it has another issuer than the "
                     "server accepts, or it has expired.");
    }
}

/* TLS-11: "alert 42, 46 or 48 without CertificateRequest". */
static void
rule_relayed_alert(struct judge *j)
{
    const struct result *h1 = hello(j, PROBE_H1);
    if (!alert_in(h1, ALERTS_CERTIFICATE) || certificate_asked(j)) {
        return;
    }
    struct finding *f = hello_finding(j, FINDING_TLS_11, CONFIDENCE_PROVED, h1);
    f->sight = alert_sight(h1->flight->alert);
    const struct result *older = hello(j, PROBE_H7);
    if (any_hello(older)) {
        f->confidence = CONFIDENCE_LIKELY;
    }
    show_variant(f, older, false);
}

/* ---- differences ---- */

/* TLS-12: "handshake works on one address, fails on another", or now and then on one. */
static void
rule_differs(struct judge *j)
{
    const struct result *good = NULL, *bad = NULL;
    static const enum probe probes[] = {PROBE_H1, PROBE_H1B, PROBE_H1C};
    for (size_t i = 0; is_https(j) && i < COUNT_OF(probes); i++) {
        for (const struct result *r = NULL;
             (r = facts_next(j->f, r, probes[i], SIDE_SITE)) != NULL;) {
            if (answered(r)) {
                good = good == NULL ? r : good;
            } else if (r->connected_us != 0 && r->outcome != OUTCOME_CANCELLED) {
                bad = bad == NULL ? r : bad;
            }
        }
    }
    if (good == NULL || bad == NULL ||
        (bad == hello(j, PROBE_H1) && addr_eq(&bad->at, &good->at))) {
        return;
    }
    if (addr_is_v6(&good->at) != addr_is_v6(&bad->at)) {
        return; /* DNS-10 */
    }
    struct finding *f = hello_finding(j, FINDING_TLS_12, CONFIDENCE_PROVED, bad);
    if (bad == hello(j, PROBE_H1)) {
        f->severity = SEVERITY_FAULT; /* browsers that take this address do not try another */
    }
    char text[ADDR_TEXT];
    args_set(&f->evidence[0].args, "other", str_of(addr_port_text(&good->at, text)));
    show_variant(f, good, true);
}

/* TLS-13: "H1 twice with ticket". */
static void
rule_resumption(struct judge *j)
{
    const struct result *r1 = hello(j, PROBE_R1), *r6 = hello(j, PROBE_R6);
    if (r6 == NULL || r1 == NULL || r1->http == NULL || !r1->http->has_status ||
        r6->connected_us == 0 || (r6->http != NULL && r6->http->has_status) ||
        r6->outcome == OUTCOME_CANCELLED) {
        return;
    }
    struct finding *f = finding_new(
        j, FINDING_TLS_13, r6->outcome == OUTCOME_TIMEOUT ? CONFIDENCE_LIKELY : CONFIDENCE_PROVED);
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, r6);
    if (r6->seen != NULL && r6->seen->alert_received >= 0) {
        const char *name = tls_alert_name((unsigned)r6->seen->alert_received);
        args_setf(a, "value", "alert %s (%d)", name == NULL ? "?" : name, r6->seen->alert_received);
    } else {
        args_say(a, "value",
                 r6->finish == FINISH_RST   ? N_("a reset")
                 : r6->finish == FINISH_FIN ? N_("the end of the connection")
                                            : N_("silence"));
    }
    (void)finding_contrary(f, EVIDENCE_HTTP_STATUS, r1);
}

rule_fn *const tls_rules[] = {rule_plain_port,     rule_not_tls,
                              rule_version,        rule_suite,
                              rule_curve,          rule_server_name,
                              rule_other_alert,    rule_mismatch_unexplained,
                              rule_alpn,           rule_big_hello,
                              rule_silent,         rule_closed,
                              rule_proxy_protocol, rule_client_certificate,
                              rule_relayed_alert,  rule_differs,
                              rule_resumption,     NULL};
