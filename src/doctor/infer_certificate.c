/* SPDX-License-Identifier: Apache-2.0
 * Rules of the certificate: every problem of the chain becomes its row, ordered as Chromium lets
 * one hide another: authority, name, date, the rest [doctor-faults 8, browser-errors 7.2]. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "text/text.h"

enum { ORDER_AUTHORITY, ORDER_NAME, ORDER_DATE, ORDER_REST, ORDER_HOP };
enum { NAMES_SHOWN = 4, DAY_S = 86400 };

/* Browsers do not go on with this chain. */
static bool
refused(const struct result *r)
{
    return r->chain->problem_count > 0 &&
           chain_problem_weight(r->chain->problems[0].kind) == CHAIN_FATAL;
}

static const struct result *
main_chain(const struct judge *j)
{
    const struct result *r = facts_find(j->f, PROBE_R1, SIDE_SITE);
    return j->f->question.scheme == SCHEME_HTTPS && r != NULL && r->chain != NULL ? r : NULL;
}

static const struct chain_certificate *
certificate_of(const struct result *r, const struct chain_problem *p)
{
    size_t index = p != NULL && p->sent && p->index < r->chain->count ? p->index : 0;
    return &r->chain->certificates[index];
}

/* "a.example, *.b.example and 3 more" */
void
names_text(const struct chain_certificate *c, struct buf *out)
{
    size_t shown = c->name_count < NAMES_SHOWN ? c->name_count : NAMES_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        buf_add_z(out, i == 0 ? "" : ", ");
        buf_add_str(out, c->names[i].text);
    }
    if (c->name_total > shown && shown > 0) {
        buf_addf(out, ", ... (%zu)", c->name_total);
    }
    if (shown == 0) {
        buf_add_z(out, c->common_name == NULL || c->common_name[0] == '\0' ? "-" : c->common_name);
    }
}

static void
set_names(struct args *a, const char *key, const struct result *r)
{
    struct buf names = {0};
    names_text(&r->chain->certificates[0], &names);
    args_set(a, key, buf_str(&names));
    buf_free(&names);
}

static void
set_certificate(struct args *a, const struct chain_certificate *c)
{
    char date[DATE_TEXT];
    args_set(a, "subject", str_of(c->subject == NULL ? "-" : c->subject));
    args_set(a, "issuer", str_of(c->issuer == NULL ? "-" : c->issuer));
    args_set(a, "date", str_of(date_text(c->not_after_s, date)));
}

/* The usual finding about one problem: evidence with names, issuer and dates. */
static struct finding *
chain_finding(struct judge *j, enum finding_id id, const struct result *r,
              const struct chain_problem *p, unsigned order)
{
    struct finding *f = finding_new(j, id, CONFIDENCE_PROVED);
    f->order = order;
    set_certificate(&f->args, certificate_of(r, p));
    set_names(&f->args, "names", r);
    args_setf(&f->args, "count", "%zu", r->chain->total);
    if (p != NULL) {
        args_say(&f->args, "value", chain_problem_sentence(p->kind));
    }
    (void)finding_evidence(f, EVIDENCE_MAIN, r);
    return f;
}

static const struct chain_problem *
problem(const struct result *r, enum chain_problem_kind kind)
{
    return r == NULL ? NULL : chain_problem_of(r->chain, kind);
}

/* ---- the name ---- */

static bool
wrong_name(const struct result *r)
{
    return problem(r, CHAIN_NAME_MISMATCH) != NULL || problem(r, CHAIN_NO_SAN) != NULL;
}

/* CRT-03: "wildcard does not reach: apex, or two labels". */
static bool
nearly_covers(const struct chain_certificate *c, const char *host)
{
    for (size_t i = 0; i < c->name_count; i++) {
        struct str name = c->names[i].text;
        if (!str_starts(name, STR("*."))) {
            continue;
        }
        struct str zone = str_sub(name, 1, name.n), h = str_of(host); /* ".example.com" */
        if ((h.n > zone.n && str_ieq(str_sub(h, h.n - zone.n, h.n), zone)) ||
            str_ieq(h, str_sub(zone, 1, zone.n))) {
            return true;
        }
    }
    return false;
}

static enum finding_id
name_row(const struct judge *j, const struct result *r)
{
    const struct question *q = &j->f->question;
    const struct result *c5 = facts_find(j->f, PROBE_C5, SIDE_PORT);
    if (q->host_is_address || lb_name_is_one(str_of(q->host))) {
        return FINDING_CRT_02;
    }
    if (c5 != NULL && c5->chain != NULL && c5->chain->count > 0 && !wrong_name(c5)) {
        return FINDING_LBC_07;
    }
    if (problem(r, CHAIN_NO_SAN) != NULL || nearly_covers(&r->chain->certificates[0], q->host)) {
        return FINDING_CRT_03;
    }
    return FINDING_CRT_01;
}

/* CRT-01, 02, 03, LBC-07: "SAN list against host; H4 gives the same certificate: default". */
static void
rule_name(struct judge *j)
{
    const struct result *r = main_chain(j);
    if (r == NULL || !wrong_name(r)) {
        return;
    }
    enum finding_id id = name_row(j, r);
    struct finding *f = chain_finding(j, id, r, NULL, ORDER_NAME);
    if (problem(r, CHAIN_NO_SAN) != NULL) {
        f->sight = SIGHT_CERT_CN_ONLY;
    }
    const struct result *c4 = facts_find(j->f, PROBE_C4, SIDE_SITE);
    const struct result *c5 = facts_find(j->f, PROBE_C5, SIDE_PORT);
    if (id == FINDING_LBC_07) {
        (void)finding_contrary(f, EVIDENCE_CERT_FITS, c5);
        finding_counter(f, COUNTER_WORKS, c5, N_("on port 443 the certificate fits"));
    } else if (c4 != NULL && c4->chain != NULL && c4->chain->count > 0 &&
               strcmp(c4->chain->certificates[0].fingerprint,
                      r->chain->certificates[0].fingerprint) == 0) {
        f->note = N_("Without a server name the same certificate comes: it is the listener's "
                     "default, because no certificate of the listener fits {host}.");
    }
    const struct result *r4 = facts_find(j->f, PROBE_R4, SIDE_LB);
    if (r4 != NULL && r4->chain != NULL && !wrong_name(r4)) {
        (void)finding_contrary(f, EVIDENCE_CERT_FITS, r4);
    }
}

/* ---- the authority ---- */

/* CLI-03: "issuer name of a known product". */
static void
rule_interception(struct judge *j)
{
    const struct result *r = main_chain(j);
    if (r == NULL || r->chain->interceptor == NULL) {
        return;
    }
    struct finding *f = chain_finding(j, FINDING_CLI_03, r, NULL, ORDER_AUTHORITY);
    f->confidence = CONFIDENCE_LIKELY;
    args_set(&f->args, "product", str_of(r->chain->interceptor));
    if (r->chain->trusted) {
        f->severity = SEVERITY_NOTE; /* the site opens, through somebody */
        f->sight = SIGHT_PAGE;
    }
}

/* CRT-04: "one certificate sent, issuer is not the subject, AIA present?" */
static void
rule_incomplete(struct judge *j)
{
    const struct result *r = main_chain(j);
    const struct chain_problem *p = problem(r, CHAIN_INCOMPLETE);
    p = p == NULL ? problem(r, CHAIN_WRONG_CHAIN) : p;
    if (p == NULL) {
        return;
    }
    const struct result *fetched = facts_find(j->f, PROBE_CA, SIDE_NONE);
    bool mended = r->chain->works_with_aia ||
                  (fetched != NULL && fetched->chain != NULL && fetched->chain->works_with_aia);
    struct finding *f = chain_finding(j, FINDING_CRT_04, r, p, ORDER_AUTHORITY);
    if (r->chain->missing_issuer != NULL) {
        args_set(&f->args, "issuer", str_of(r->chain->missing_issuer));
    }
    if (mended) {
        f->severity = SEVERITY_WARNING; /* Chromium fetches it, others do not */
        f->sight = SIGHT_CERT_INCOMPLETE_AIA;
        finding_counter(f, COUNTER_WORKS, fetched == NULL ? r : fetched,
                        N_("with the certificate from its issuer's address the chain is complete"));
    } else {
        const char *issuer_url = r->chain->certificates[0].aia_url;
        f->confidence = CONFIDENCE_LIKELY;
        finding_sibling(f, "CRT-05");
        if (issuer_url == NULL || issuer_url[0] == '\0') {
            f->note = N_("The certificate does not say where its issuer's is, as those of public "
                         "authorities do: a private authority looks the same. --ca FILE tells.");
        }
    }
    finding_sibling(f, "CRT-06");
}

/* CRT-05: "issuer = subject", or an authority that nobody trusts. */
static void
rule_authority(struct judge *j)
{
    const struct result *r = main_chain(j);
    const struct chain_problem *self = problem(r, CHAIN_SELF_SIGNED);
    const struct chain_problem *p = self == NULL ? problem(r, CHAIN_UNTRUSTED_ROOT) : self;
    if (p == NULL || problem(r, CHAIN_INCOMPLETE) != NULL ||
        problem(r, CHAIN_WRONG_CHAIN) != NULL) {
        return;
    }
    struct finding *f = chain_finding(j, FINDING_CRT_05, r, p, ORDER_AUTHORITY);
    f->sight = self != NULL ? SIGHT_CERT_SELF_SIGNED : SIGHT_CERT_UNKNOWN;
    finding_sibling(f, "CLI-03");
}

/* ---- dates ---- */

static void
set_days(struct finding *f, uint64_t from_s, uint64_t to_s)
{
    uint64_t days = to_s > from_s ? (to_s - from_s) / DAY_S : 0;
    args_setf(&f->args, "days", "%llu", (unsigned long long)days);
}

/* CRT-07: "notAfter; which certificate of the chain". */
static void
rule_expired(struct judge *j)
{
    const struct result *r = main_chain(j);
    const struct chain_problem *leaf = problem(r, CHAIN_EXPIRED);
    const struct chain_problem *p = leaf == NULL ? problem(r, CHAIN_EXPIRED_INTERMEDIATE) : leaf;
    if (p == NULL) {
        return;
    }
    struct finding *f = chain_finding(j, FINDING_CRT_07, r, p, ORDER_DATE);
    f->sight = leaf != NULL ? SIGHT_CERT_EXPIRED : SIGHT_CERT_EXPIRED_ISSUER;
    set_days(f, certificate_of(r, p)->not_after_s, j->f->started_s);
    finding_sibling(f, "CRT-16");
}

/* CRT-08: "notBefore". */
static void
rule_not_yet(struct judge *j)
{
    const struct result *r = main_chain(j);
    const struct chain_problem *p = problem(r, CHAIN_NOT_YET_VALID);
    if (p == NULL) {
        return;
    }
    const struct chain_certificate *c = certificate_of(r, p);
    struct finding *f = chain_finding(j, FINDING_CRT_08, r, p, ORDER_DATE);
    char date[DATE_TEXT];
    args_set(&f->args, "date", str_of(date_text(c->not_before_s, date)));
    set_days(f, j->f->started_s, c->not_before_s);
}

/* CRT-18: "certificate ends within 14 days" [ruling 6]. */
static void
rule_ends_soon(struct judge *j)
{
    const struct result *r = main_chain(j);
    const struct chain_problem *p = problem(r, CHAIN_ENDS_SOON);
    if (p != NULL) {
        struct finding *f = chain_finding(j, FINDING_CRT_18, r, p, ORDER_DATE);
        set_days(f, j->f->started_s, certificate_of(r, p)->not_after_s);
    }
}

/* ---- the rest, one problem one row ---- */

static const struct {
    enum chain_problem_kind kind;
    enum finding_id id;
    enum severity severity;
    enum sight_id sight;
} plain_rows[] = {
    {CHAIN_WRONG_ORDER, FINDING_CRT_09, SEVERITY_NOTE, SIGHT_PAGE},
    {CHAIN_ROOT_INCLUDED, FINDING_CRT_09, SEVERITY_NOTE, SIGHT_PAGE},
    {CHAIN_UNUSED, FINDING_CRT_09, SEVERITY_NOTE, SIGHT_PAGE},
    {CHAIN_TOO_MANY, FINDING_CRT_09, SEVERITY_WARNING, SIGHT_PAGE},
    {CHAIN_EXPIRED_EXTRA, FINDING_CRT_09, SEVERITY_WARNING, SIGHT_PAGE},
    {CHAIN_EKU_WRONG, FINDING_CRT_10, SEVERITY_FAULT, SIGHT_CERT_USAGE},
    {CHAIN_KEY_USAGE, FINDING_CRT_10, SEVERITY_FAULT, SIGHT_CERT_KEY_USAGE},
    {CHAIN_WEAK_HASH, FINDING_CRT_11, SEVERITY_FAULT, SIGHT_CERT_WEAK_HASH},
    {CHAIN_WEAK_KEY, FINDING_CRT_11, SEVERITY_WARNING, SIGHT_CERT_WEAK_KEY},
    {CHAIN_NAME_CONSTRAINT, FINDING_CRT_12, SEVERITY_FAULT, SIGHT_CERT_CONSTRAINT},
    {CHAIN_NOT_A_CA, FINDING_CRT_12, SEVERITY_FAULT, SIGHT_CERT_NOT_CA},
    {CHAIN_PATH_LENGTH, FINDING_CRT_12, SEVERITY_FAULT, SIGHT_CERT_NOT_CA},
    {CHAIN_BAD_SIGNATURE, FINDING_CRT_12, SEVERITY_FAULT, SIGHT_CERT_UNKNOWN},
    {CHAIN_MALFORMED, FINDING_CRT_12, SEVERITY_FAULT, SIGHT_CERT_UNKNOWN},
    {CHAIN_EMPTY, FINDING_CRT_12, SEVERITY_FAULT, SIGHT_CERT_UNKNOWN},
    {CHAIN_OTHER, FINDING_CRT_12, SEVERITY_FAULT, SIGHT_CERT_UNKNOWN},
    {CHAIN_REVOKED, FINDING_CRT_13, SEVERITY_FAULT, SIGHT_CERT_REVOKED},
    {CHAIN_CT_MISSING, FINDING_CRT_13, SEVERITY_FAULT, SIGHT_CERT_TRANSPARENCY},
    {CHAIN_VALIDITY_TOO_LONG, FINDING_CRT_13, SEVERITY_FAULT, SIGHT_CERT_VALIDITY},
    {CHAIN_MUST_STAPLE, FINDING_CRT_15, SEVERITY_WARNING, SIGHT_CERT_STAPLE},
};

static void
rule_problems(struct judge *j)
{
    const struct result *r = main_chain(j);
    for (size_t i = 0; i < COUNT_OF(plain_rows); i++) {
        const struct chain_problem *p = problem(r, plain_rows[i].kind);
        if (p != NULL && !judge_has(j, plain_rows[i].id)) {
            struct finding *f = chain_finding(j, plain_rows[i].id, r, p, ORDER_REST);
            f->severity = plain_rows[i].severity;
            f->sight = plain_rows[i].sight;
        }
    }
}

/* CRT-14: "alert 40 to H1, certificate shown to the wide hello". */
static void
rule_key_type(struct judge *j)
{
    const struct result *r = main_chain(j);
    const struct chain_problem *p = problem(r, CHAIN_KEY_TYPE);
    if (p == NULL) {
        return;
    }
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    const struct chain_certificate *c = certificate_of(r, p);
    struct finding *f = chain_finding(j, FINDING_CRT_14, r, p, ORDER_REST);
    args_setf(&f->args, "value", c->curve[0] == '\0' ? "%s %u%s" : "%s %u %s",
              chain_key_name(c->key), c->key_bits, c->curve);
    if (h1 != NULL && h1->flight != NULL && h1->flight->alert >= 0) {
        const char *name = tls_alert_name((unsigned)h1->flight->alert);
        args_setf(&f->args, "alert_value", "alert %s (%d)", name == NULL ? "?" : name,
                  h1->flight->alert);
    } else {
        args_say(&f->args, "alert_value", N_("a hello of its own"));
        f->confidence = CONFIDENCE_LIKELY;
    }
}

static bool
same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* CRT-17: "H1 per address": another name or another issuer, not merely another serial number. */
static void
rule_differs(struct judge *j)
{
    const struct result *first = main_chain(j);
    if (first == NULL || first->chain->count == 0) {
        return;
    }
    for (const struct result *r = NULL; (r = facts_next(j->f, r, PROBE_R1, SIDE_SITE)) != NULL;) {
        if (r == first || r->chain == NULL || r->chain->count == 0 ||
            addr_is_v6(&r->at) != addr_is_v6(&first->at)) {
            continue;
        }
        const struct chain_certificate *a = &first->chain->certificates[0];
        const struct chain_certificate *b = &r->chain->certificates[0];
        if (same_text(a->subject, b->subject) && same_text(a->issuer, b->issuer) &&
            wrong_name(first) == wrong_name(r) && refused(first) == refused(r)) {
            continue;
        }
        struct finding *f = chain_finding(j, FINDING_CRT_17, first, NULL, ORDER_AUTHORITY);
        if (refused(first) && !refused(r)) {
            f->severity = SEVERITY_FAULT; /* browsers that take this address do not try another */
        }
        char text[ADDR_TEXT];
        args_set(&f->args, "other", str_of(addr_port_text(&r->at, text)));
        set_names(&f->args, "other_names", r);
        return;
    }
}

static const struct {
    enum chain_problem_kind kind;
    enum finding_id id;
    enum sight_id sight;
} hop_rows[] = {
    {CHAIN_INCOMPLETE, FINDING_CRT_04, SIGHT_CERT_INCOMPLETE},
    {CHAIN_WRONG_CHAIN, FINDING_CRT_04, SIGHT_CERT_INCOMPLETE},
    {CHAIN_SELF_SIGNED, FINDING_CRT_05, SIGHT_CERT_SELF_SIGNED},
    {CHAIN_UNTRUSTED_ROOT, FINDING_CRT_05, SIGHT_CERT_UNKNOWN},
    {CHAIN_NAME_MISMATCH, FINDING_CRT_01, SIGHT_CERT_NAME},
    {CHAIN_NO_SAN, FINDING_CRT_03, SIGHT_CERT_CN_ONLY},
    {CHAIN_EXPIRED, FINDING_CRT_07, SIGHT_CERT_EXPIRED},
    {CHAIN_EXPIRED_INTERMEDIATE, FINDING_CRT_07, SIGHT_CERT_EXPIRED_ISSUER},
    {CHAIN_NOT_YET_VALID, FINDING_CRT_08, SIGHT_CERT_NOT_YET},
};

/* The page itself has a good certificate, but it leads to one that has not. */
static void
rule_hop(struct judge *j)
{
    const struct result *first = main_chain(j);
    for (const struct result *r = NULL; (r = facts_next(j->f, r, PROBE_R3, SIDE_HOP)) != NULL;) {
        if (r->chain == NULL || !refused(r) || (first != NULL && refused(first)) ||
            strcmp(r->label, "mended") == 0 || r->chain->works_with_aia) {
            continue;
        }
        const struct chain_problem *p = &r->chain->problems[0];
        enum finding_id id = FINDING_CRT_12;
        enum sight_id sight = SIGHT_CERT_UNKNOWN;
        for (size_t i = 0; i < COUNT_OF(plain_rows); i++) {
            id = plain_rows[i].kind == p->kind ? plain_rows[i].id : id;
            sight = plain_rows[i].kind == p->kind ? plain_rows[i].sight : sight;
        }
        for (size_t i = COUNT_OF(hop_rows); i-- > 0;) {
            if (problem(r, hop_rows[i].kind) != NULL) {
                p = problem(r, hop_rows[i].kind);
                id = hop_rows[i].id;
                sight = hop_rows[i].sight;
            }
        }
        struct finding *f = chain_finding(j, id, r, p, ORDER_HOP);
        f->layer = LAYER_REDIRECT;
        f->sight = sight;
        args_set(&f->args, "host", str_of(r->name));
        args_set(&f->args, "url", str_of(r->url == NULL ? "-" : r->url));
        set_days(f, certificate_of(r, p)->not_after_s, j->f->started_s);
        f->note = N_("It is the certificate at the end of a redirect, at {url}.");
        const char *issuer_url = r->chain->certificates[0].aia_url;
        if (id == FINDING_CRT_04 && issuer_url != NULL && issuer_url[0] != '\0') {
            f->severity = SEVERITY_WARNING; /* Chromium looks there; the doctor has not */
            f->sight = SIGHT_CERT_INCOMPLETE_AIA;
            f->confidence = CONFIDENCE_LIKELY;
        }
        return;
    }
}

rule_fn *const certificate_rules[] = {
    rule_interception, rule_incomplete, rule_authority, rule_name,    rule_expired, rule_not_yet,
    rule_ends_soon,    rule_problems,   rule_key_type,  rule_differs, rule_hop,     NULL};
