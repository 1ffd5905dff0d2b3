/* SPDX-License-Identifier: Apache-2.0
 * Rules of redirects: where each hop leads, who sent it, and why the chain does not end
 * [doctor-faults 11; browser-errors 8.2, 9]. */
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "doctor/redirect.h"
#include "text/text.h"

#include <errno.h>

/* One redirect: the answer that sent it, and the probe that followed it (or was refused to). */
struct hop {
    const struct result *from, *to; /* `to` NULL: the Location could not be used */
    const char *from_url, *to_url;
    struct hsts_url a, b; /* both URLs in parts */
    bool parsed;
};
enum { HOPS_MAX = 24 };
struct chain {
    struct hop hops[HOPS_MAX];
    size_t count;
    const struct result *mended; /* the counter-probe, if any */
};

static bool
redirects(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->has_status && r->http->status / 100 == 3 &&
           r->http->status != 304 && http_seen_header(r->http, "location").p != NULL;
}

/* Skipped hops count: where a redirect leads is known without going there. */
static const struct result *
hop_result(const struct facts *f, unsigned hop, bool mended)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        if (r->probe == PROBE_R3 && r->url != NULL && (strcmp(r->label, "mended") == 0) == mended &&
            (mended || r->hop == hop)) {
            return r;
        }
    }
    return NULL;
}

static void
chain_read(const struct judge *j, struct chain *c)
{
    *c = (struct chain){.mended = hop_result(j->f, 0, true)};
    const struct result *from = j->out->answer;
    const char *url = j->f->question.url;
    while (c->count < HOPS_MAX && redirects(from)) {
        struct hop *h = &c->hops[c->count];
        *h = (struct hop){.from = from, .from_url = url};
        h->to = hop_result(j->f, (unsigned)++c->count, false);
        if (h->to == NULL) {
            return;
        }
        h->to_url = h->to->url;
        h->parsed = hsts_url_parse(str_of(h->from_url), &h->a, NULL) == ERR_OK &&
                    hsts_url_parse(str_of(h->to_url), &h->b, NULL) == ERR_OK;
        from = h->to;
        url = h->to_url;
    }
}

/* Browsers go on with the hop's certificate, as far as it has one. */
static bool
accepted(const struct result *r)
{
    return r->chain == NULL || r->chain->problem_count == 0 ||
           chain_problem_weight(r->chain->problems[0].kind) != CHAIN_FATAL;
}

static bool
opened(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->has_status && r->http->status < 400 &&
           accepted(r);
}

static struct finding *
hop_finding(struct judge *j, enum finding_id id, enum confidence c, const struct chain *chain,
            size_t index)
{
    const struct hop *h = &chain->hops[index];
    struct finding *f = finding_new(j, id, c);
    struct str location = http_seen_header(h->from->http, "location");
    args_set(&f->args, "url", str_of(h->from_url));
    args_set(&f->args, "location", h->to_url == NULL ? location : str_of(h->to_url));
    args_setf(&f->args, "hop", "%zu", index + 1);
    args_setf(&f->args, "status", "%u", h->from->http->status);
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, h->from);
    args_set(a, "location", location);
    finding_remarks(j, f);
    return f;
}

static void
show_end(struct finding *f, const struct hop *h)
{
    if (h->to == NULL || h->to->outcome == OUTCOME_SKIPPED) {
        return;
    }
    struct args *a = finding_evidence(f, EVIDENCE_HOP_END, h->to);
    args_set(a, "url", str_of(h->to_url));
    args_setf(a, "hop", "%u", h->to->hop);
    if (h->to->http != NULL && h->to->http->has_status) {
        args_setf(a, "value", "%u", h->to->http->status);
    } else if (h->to->connected_us == 0) {
        args_say(a, "value", N_("no connection"));
    } else {
        args_say(a, "value", N_("no answer"));
    }
}

static void
show_mended(struct finding *f, const struct chain *c, const char *text)
{
    if (c->mended != NULL) {
        finding_counter(f, opened(c->mended) ? COUNTER_WORKS : COUNTER_FAILS, c->mended, text);
    }
}

/* What a browser shows for a chain that it refuses: the authority hides the name, the name the
 * date. */
static enum sight_id
refusal_sight(const struct chain_facts *c)
{
    static const struct {
        enum chain_problem_kind kind;
        enum sight_id sight;
    } list[] = {{CHAIN_SELF_SIGNED, SIGHT_CERT_SELF_SIGNED},
                {CHAIN_UNTRUSTED_ROOT, SIGHT_CERT_UNKNOWN},
                {CHAIN_INCOMPLETE, SIGHT_CERT_INCOMPLETE},
                {CHAIN_NAME_MISMATCH, SIGHT_CERT_NAME},
                {CHAIN_EXPIRED, SIGHT_CERT_EXPIRED}};
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        if (chain_problem_of(c, list[i].kind) != NULL) {
            return list[i].sight;
        }
    }
    return SIGHT_CERT_UNKNOWN;
}

/* What a browser shows for the hop that fails. */
static enum sight_id
end_sight(const struct result *to, enum sight_id otherwise)
{
    if (to == NULL || to->outcome == OUTCOME_SKIPPED) {
        return otherwise;
    }
    if (to->connected_us == 0) {
        return to->outcome == OUTCOME_TIMEOUT ? SIGHT_DROPPED : SIGHT_REFUSED;
    }
    if (!accepted(to)) {
        return refusal_sight(to->chain);
    }
    if (to->http != NULL && to->http->has_status) {
        return SIGHT_PAGE_STATUS;
    }
    return to->seen != NULL && !to->seen->done ? SIGHT_PLAIN_FOR_TLS : otherwise;
}

static bool
default_port(const struct hsts_url *u)
{
    return u->port == (u->secure ? 443 : 80);
}

/* ---- one hop ---- */

/* RED-01: "host equal, port missing; who sent it". */
static void
rule_lost_port(struct judge *j)
{
    struct chain c;
    chain_read(j, &c);
    for (size_t i = 0; i < c.count; i++) {
        const struct hop *h = &c.hops[i];
        if (!h->parsed || !str_ieq(h->a.host, h->b.host) || default_port(&h->a) ||
            h->b.port_written || opened(h->to)) {
            continue;
        }
        struct finding *f = hop_finding(j, FINDING_RED_01, CONFIDENCE_PROVED, &c, i);
        f->sight = end_sight(h->to, SIGHT_REFUSED);
        show_end(f, h);
        show_mended(f, &c, N_("the same Location with the port put back"));
        return;
    }
}

/* RED-04: "hop 2 is http on the TLS port". HTTP-03 was typed so, TGT-01 ends at https. */
static void
rule_plain_on_tls_port(struct judge *j)
{
    struct chain c;
    chain_read(j, &c);
    for (size_t i = 0; i < c.count; i++) {
        const struct hop *h = &c.hops[i];
        if (!h->parsed || !h->a.secure || h->b.secure || h->a.port != h->b.port ||
            !str_ieq(h->a.host, h->b.host) || opened(h->to)) {
            continue;
        }
        struct finding *f = hop_finding(j, FINDING_RED_04, CONFIDENCE_PROVED, &c, i);
        bool page = h->to != NULL && h->to->http != NULL && h->to->http->has_status;
        if (page) {
            args_setf(&f->args, "next", "%u", h->to->http->status);
        } else {
            args_say(&f->args, "next", N_("none"));
            f->sight = SIGHT_EMPTY_RESPONSE;
        }
        show_end(f, h);
        show_mended(f, &c, N_("the same Location with https"));
        f->note = N_("A browser that remembers HSTS for {host} does not show this fault: it turns "
                     "the redirect back into https.");
        return;
    }
}

/* RED-06: "table". */
static void
rule_blocked_hop(struct judge *j)
{
    struct chain c;
    chain_read(j, &c);
    for (size_t i = 0; i < c.count; i++) {
        bool chromium = false;
        if (c.hops[i].parsed && port_blocked(c.hops[i].b.port, &chromium) && chromium) {
            struct finding *f = hop_finding(j, FINDING_RED_06, CONFIDENCE_PROVED, &c, i);
            args_setf(&f->args, "next_port", "%u", c.hops[i].b.port);
            return;
        }
    }
}

/* RED-07: "Location host private or not in DNS". */
static void
rule_internal(struct judge *j)
{
    struct chain c;
    chain_read(j, &c);
    for (size_t i = 0; i < c.count; i++) {
        const struct result *to = c.hops[i].to;
        if (to != NULL && to->outcome == OUTCOME_SKIPPED &&
            (to->skip == SKIP_PRIVATE || to->skip == SKIP_NO_ADDRESS)) {
            struct finding *f = hop_finding(j, FINDING_RED_07, CONFIDENCE_PROVED, &c, i);
            f->sight = to->skip == SKIP_PRIVATE ? SIGHT_DROPPED : SIGHT_NAME_NOT_RESOLVED;
            return;
        }
    }
}

/* What is not followed for want of time is no bad Location. */
static bool
is_url(const struct hop *h)
{
    struct redirect base, to;
    struct str location = http_seen_header(h->from->http, "location");
    return redirect_parse(str_of(h->from_url), &base) == ERR_OK &&
           redirect_resolve(&base, location, &to) == ERR_OK;
}

/* RED-09: "R3 raw": two of them, or one that is no URL. */
static void
rule_bad_location(struct judge *j)
{
    struct chain c;
    chain_read(j, &c);
    for (size_t i = 0; i < c.count; i++) {
        bool two = (c.hops[i].from->http->odd & ODD_TWO_LOCATIONS) != 0;
        if (!two && (c.hops[i].to != NULL || is_url(&c.hops[i]))) {
            continue;
        }
        struct finding *f = hop_finding(j, FINDING_RED_09, CONFIDENCE_PROVED, &c, i);
        f->sight = two ? SIGHT_TWO_LOCATIONS : SIGHT_BAD_REDIRECT;
        args_say(&f->args, "value",
                 two ? N_("there are two different ones") : N_("it is not a URL"));
        return;
    }
}

static bool
wrong_version(const struct result *r)
{
    return r != NULL && r->seen != NULL && !r->seen->done &&
           (str_find(str_of(r->seen->reason), STR("wrong version"), NULL) ||
            str_find(str_of(r->seen->reason), STR("packet length"), NULL));
}

/* RED-10: "https to port 80, http to https keeps 8080". */
static void
rule_wrong_pair(struct judge *j)
{
    struct chain c;
    chain_read(j, &c);
    for (size_t i = 0; i < c.count; i++) {
        const struct hop *h = &c.hops[i];
        if (!h->parsed || opened(h->to)) {
            continue;
        }
        bool plain = h->b.secure && (wrong_version(h->to) || h->b.port == 80);
        bool tls = !h->b.secure && h->b.port == 443;
        if (!plain && !tls) {
            continue;
        }
        struct finding *f = hop_finding(j, FINDING_RED_10, CONFIDENCE_PROVED, &c, i);
        f->sight = plain ? SIGHT_PLAIN_FOR_TLS : SIGHT_PAGE_400_PLAIN;
        args_say(&f->args, "value", plain ? N_("plain HTTP") : N_("TLS"));
        show_end(f, h);
        return;
    }
}

/* ---- loops ---- */

/* The hop that leads back to a URL that was asked before, and how many hops the circle has. One
 * that ends well is none: a cookie was set, or the page's path was left out. */
static bool
find_loop(const struct chain *c, size_t *ret_at, size_t *ret_length)
{
    const struct result *last = c->count == 0 ? NULL : c->hops[c->count - 1].to;
    if (last != NULL && last->outcome != OUTCOME_SKIPPED && !redirects(last)) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        for (size_t k = i + 1; k-- > 0;) {
            if (c->hops[i].to_url != NULL && strcmp(c->hops[i].to_url, c->hops[k].from_url) == 0) {
                *ret_at = i;
                *ret_length = i - k + 1;
                return true;
            }
        }
    }
    return false;
}

/* Cookies of the application along the chain; a load balancer's own stickiness is none. */
static size_t
cookies_set(const struct chain *c, struct buf *names)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct http_seen *h = c->hops[i].from->http;
        for (size_t k = 0; k < h->header_count; k++) {
            struct str value = h->headers[k].value;
            size_t equal = value.n;
            if (!str_ieq(h->headers[k].name, STR("set-cookie")) ||
                str_starts(value, STR("AWSALB"))) {
                continue;
            }
            (void)str_find_char(value, '=', &equal);
            if (count++ < 3) {
                buf_add_z(names, names->n == 0 ? "" : ", ");
                buf_add_str(names, str_sub(value, 0, equal));
            }
        }
    }
    return count;
}

/* With X-Forwarded-Proto: https the web server behind goes no further [counter-probe]. */
static const struct result *
target_with_proto(const struct judge *j, const struct result **ret_without)
{
    static const struct {
        enum probe with, without;
    } pairs[] = {{PROBE_P1X, PROBE_P1}, {PROBE_R1X, PROBE_R1}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        const struct result *with = facts_find(j->f, pairs[i].with, SIDE_TARGET);
        const struct result *without = facts_find(j->f, pairs[i].without, SIDE_TARGET);
        if (with != NULL && with->http != NULL && with->http->has_status && redirects(without) &&
            with->http->status / 100 != 3) {
            *ret_without = without;
            return with;
        }
    }
    return NULL;
}

/* Is this answer a redirect to where the user came from? */
static bool
sends_back(const struct judge *j, const struct result *r)
{
    struct hsts_url to;
    return redirects(r) &&
           hsts_url_parse(http_seen_header(r->http, "location"), &to, NULL) == ERR_OK &&
           to.secure && to.port == j->f->question.port &&
           str_ieq(to.host, str_of(j->f->question.host));
}

/* Asked straight, the web server makes the same redirect, whatever X-Forwarded-Proto says. */
static bool
show_ignored(struct judge *j, struct finding *f)
{
    const struct result *with = facts_find(j->f, PROBE_P1X, SIDE_TARGET);
    const struct result *without = facts_find(j->f, PROBE_P1, SIDE_TARGET);
    if (!sends_back(j, with) || !sends_back(j, without)) {
        return false;
    }
    char text[ADDR_TEXT];
    struct args *a = finding_evidence(f, EVIDENCE_TARGET_XFP, with);
    args_set(a, "target", str_of(addr_port_text(&with->at, text)));
    args_setf(a, "other", "%u", without->http->status);
    return true;
}

static void
show_proto(struct judge *j, struct finding *f)
{
    const struct result *without = NULL, *with = target_with_proto(j, &without);
    if (with == NULL && show_ignored(j, f)) {
        f->confidence = CONFIDENCE_PROVED;
        return;
    }
    if (with == NULL) {
        if (f->remark_count > 0) {
            f->confidence = CONFIDENCE_PROVED;
        }
        return;
    }
    char text[ADDR_TEXT];
    struct args *a = finding_contrary(f, EVIDENCE_TARGET_XFP, with);
    args_set(a, "target", str_of(addr_port_text(&with->at, text)));
    args_setf(a, "other", "%u", without->http->status);
    f->confidence = CONFIDENCE_PROVED;
    finding_counter(f, COUNTER_WORKS, with,
                    N_("straight to the web server with X-Forwarded-Proto: https"));
}

/* RED-02 "Location = same URL", RED-03 "two URLs alternating", RED-05 "R3 with cookie jar". */
static void
rule_loop(struct judge *j)
{
    struct chain c;
    size_t at = 0, length = 0;
    chain_read(j, &c);
    if (!find_loop(&c, &at, &length)) {
        return;
    }
    struct buf cookies = {0};
    size_t cookie_count = cookies_set(&c, &cookies);
    const struct result *without = NULL;
    bool proto = target_with_proto(j, &without) != NULL;
    enum finding_id id = length > 1                   ? FINDING_RED_03
                         : cookie_count > 0 && !proto ? FINDING_RED_05
                                                      : FINDING_RED_02;
    struct finding *f =
        hop_finding(j, id, id == FINDING_RED_02 ? CONFIDENCE_LIKELY : CONFIDENCE_PROVED, &c, at);
    args_setf(&f->args, "hops", "%zu", c.count);
    args_setf(&f->args, "count", "%zu", length);
    args_set(&f->args, "cookies", cookies.n == 0 ? STR("-") : buf_str(&cookies));
    args_say(&f->args, "value", N_("each answer sets a cookie and redirects again"));
    buf_free(&cookies);
    if (id == FINDING_RED_02) {
        show_proto(j, f);
    } else if (id == FINDING_RED_03 && proto) {
        show_proto(j, f);
    }
}

/* RED-08: a permanent redirect outlives its repair. Only worth a word beside a fault. */
static void
rule_permanent(struct judge *j)
{
    static const enum finding_id faults[] = {FINDING_RED_01, FINDING_RED_02, FINDING_RED_03,
                                             FINDING_RED_04, FINDING_RED_06, FINDING_RED_07,
                                             FINDING_RED_10};
    const struct result *r = j->out->answer;
    bool beside = false;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        beside |= judge_has(j, faults[i]);
    }
    if (!beside || !redirects(r) || (r->http->status != 301 && r->http->status != 308) ||
        http_seen_header(r->http, "cache-control").p != NULL) {
        return;
    }
    struct chain c;
    chain_read(j, &c);
    (void)hop_finding(j, FINDING_RED_08, CONFIDENCE_POSSIBLE, &c, 0);
}

/* ---- the end of the chain ---- */

static bool
explained(const struct judge *j)
{
    for (size_t i = 0; i < j->out->count; i++) {
        if (j->out->items[i].layer == LAYER_REDIRECT &&
            j->out->items[i].severity == SEVERITY_FAULT) {
            return true;
        }
    }
    return false;
}

/* Each hop leads to another address, and there are more of them than browsers follow. */
static void
find_endless(struct judge *j, const struct chain *c)
{
    struct finding *f = finding_new(j, FINDING_UNK, CONFIDENCE_LIKELY);
    f->layer = LAYER_REDIRECT;
    f->sight = SIGHT_REDIRECTS;
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, c->hops[c->count - 1].from);
    args_say(a, "value", N_("more redirects than browsers follow, each to another address"));
}

static const struct {
    unsigned status;
    enum finding_id id;
} lb_ends[] = {{502, FINDING_TGT_11}, {503, FINDING_TGT_04}, {504, FINDING_TGT_07}};

/* The page at the end fails as the first one would: TGT-12, or what the load balancer says. */
static void
find_failing_page(struct judge *j, const struct result *to)
{
    enum finding_id id = by_lb(to->http) ? FINDING_LBC_09 : FINDING_TGT_12;
    for (size_t i = 0; i < COUNT_OF(lb_ends); i++) {
        id = by_lb(to->http) && lb_ends[i].status == to->http->status ? lb_ends[i].id : id;
    }
    struct finding *f =
        finding_new(j, id, id == FINDING_TGT_12 ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    args_set(&f->args, "url", str_of(to->url));
    (void)finding_evidence(f, EVIDENCE_MAIN, to);
    f->note = N_("This is the answer at the end of the redirects, at {url}.");
}

/* Nobody at the end: TCP-01 or TCP-02 of another port than the one that was typed. */
static void
find_dead_hop(struct judge *j, const struct hop *h)
{
    const struct result *to = h->to;
    bool refused = to->connected_us == 0 && to->error == ECONNREFUSED;
    bool silent = to->connected_us == 0 && to->outcome == OUTCOME_TIMEOUT;
    struct finding *f = finding_new(j,
                                    refused  ? FINDING_TCP_01
                                    : silent ? FINDING_TCP_02
                                             : FINDING_UNK,
                                    refused ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    args_set(&f->args, "url", str_of(h->to_url));
    if (refused || silent) {
        args_set(&f->args, "host", str_of(to->name));
        args_setf(&f->args, "port", "%u", addr_port(&to->at));
        (void)finding_evidence(f, EVIDENCE_MAIN, to);
        f->note = N_("The site itself answers, and redirects to {url}.");
    } else {
        f->layer = LAYER_REDIRECT;
        f->sight = end_sight(to, SIGHT_NONE);
    }
    show_end(f, h);
}

/* The last hop fails and no row above says why: it must not pass as a site that opens. */
static void
rule_dead_end(struct judge *j)
{
    struct chain c;
    chain_read(j, &c);
    const struct hop *last = c.count == 0 ? NULL : &c.hops[c.count - 1];
    if (last == NULL || explained(j)) {
        return;
    }
    const struct result *to = last->to;
    if (to == NULL) {
        if (c.count > LIMIT_DOCTOR_HOPS) {
            find_endless(j, &c);
        }
        return;
    }
    if (to->http != NULL && to->http->has_status) {
        if (to->http->status >= 500) {
            find_failing_page(j, to);
        }
        return;
    }
    if (to->outcome == OUTCOME_OK || to->outcome == OUTCOME_SKIPPED ||
        to->outcome == OUTCOME_CANCELLED) {
        return;
    }
    if (accepted(to)) { /* else it is a row of the certificate */
        find_dead_hop(j, last);
    }
}

rule_fn *const redirect_rules[] = {rule_lost_port,    rule_plain_on_tls_port,
                                   rule_blocked_hop,  rule_internal,
                                   rule_bad_location, rule_wrong_pair,
                                   rule_loop,         rule_permanent,
                                   rule_dead_end,     NULL};
