/* SPDX-License-Identifier: Apache-2.0
 * Rules of the client's side: hosts file, proxy, clock, network, and what browsers remember
 * [doctor-faults 13; hsts; rulings 9, 10]. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "text/text.h"

#include <errno.h>

enum { CLOCK_WRONG_S = 300, DAY_S = 86400, MIXED_SHOWN = 120 };

static const struct {
    uint16_t port;
    bool chromium;
} blocked_ports[] = {
#define BLOCKED(port, chromium) {port, chromium},
#include "doctor/blocked_ports.def"
#undef BLOCKED
};

bool
port_blocked(uint16_t port, bool *ret_chromium)
{
    for (size_t i = 0; i < COUNT_OF(blocked_ports); i++) {
        if (blocked_ports[i].port == port) {
            *ret_chromium = blocked_ports[i].chromium;
            return true;
        }
    }
    return false;
}

static bool
is_http(const struct judge *j)
{
    return j->f->question.scheme == SCHEME_HTTP;
}

/* The answer of the site over the scheme that was typed. */
static bool
site_good(const struct judge *j)
{
    const struct result *a = j->out->answer;
    return a != NULL && a->http->status < 400;
}

/* Does the port answer plain HTTP, and no TLS hello? */
static const struct result *
plain_port(const struct judge *j)
{
    const struct result *p1 = facts_find(j->f, PROBE_P1, SIDE_SITE);
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    bool tls = h1 != NULL && h1->flight != NULL && tls_flight_is_tls(h1->flight->kind);
    return !tls && p1 != NULL && p1->http != NULL && p1->http->has_status ? p1 : NULL;
}

/* Where a browser that makes https of the URL meets no TLS: on the port itself, which is kept, or,
 * for port 80, on port 443. The answer to plain HTTP, or NULL: nothing breaks. */
static const struct result *
breaks_by_upgrade(const struct judge *j)
{
    const struct result *p1 = plain_port(j), *t2 = https_port(j->f);
    bool closed = t2 != NULL && t2->connected_us == 0;
    return is_http(j) && (j->f->question.port != 80 || closed) ? p1 : NULL;
}

/* What browsers show there. */
static void
set_upgraded_sight(const struct judge *j, struct finding *f)
{
    const struct result *t2 = https_port(j->f);
    if (j->f->question.port == 80 && t2 != NULL) {
        f->sight = t2->outcome == OUTCOME_TIMEOUT ? SIGHT_DROPPED : SIGHT_REFUSED;
        f->note = N_("Nothing listens on port 443, to which {url} is turned.");
    }
}

/* https://host:port of an http URL: the port is kept, but 80 becomes 443 [RFC 6797 8.3]. */
static void
set_upgraded(struct judge *j, struct args *a)
{
    const struct question *q = &j->f->question;
    args_setf(a, "location", "https://%s:%u/", q->host, hsts_port(q->port));
}

/* ---- this machine ---- */

/* DNS-15: "D1 differs from D2". */
static void
rule_hosts_file(struct judge *j)
{
    const struct local_facts *l = &j->f->local;
    const struct result *d2 = facts_find(j->f, PROBE_D2A, SIDE_NONE);
    struct addr dns[8];
    size_t count = d2 == NULL || d2->dns == NULL
                       ? 0
                       : dns_answer_addrs(d2->dns, j->f->question.host, dns, COUNT_OF(dns));
    for (size_t i = 0; i < l->host_count; i++) {
        const struct addr *line = &l->hosts[i].addr;
        bool known = addr_is_v6(line);
        for (size_t k = 0; k < count; k++) {
            struct addr same = dns[k];
            addr_set_port(&same, addr_port(line));
            known |= addr_eq(&same, line);
        }
        if (known || count == 0) {
            continue;
        }
        struct finding *f = finding_new(j, FINDING_DNS_15, CONFIDENCE_PROVED);
        char text[ADDR_TEXT];
        struct buf addrs = {0};
        addrs_text(dns, count, &addrs);
        args_set(
            &f->args, "file",
            str_of(j->f->question.hosts_file == NULL ? "/etc/hosts" : j->f->question.hosts_file));
        args_setf(&f->args, "line", "%u", l->hosts[i].line);
        args_set(&f->args, "addresses", buf_str(&addrs));
        buf_free(&addrs);
        struct args *a = finding_evidence(f, EVIDENCE_MAIN, NULL);
        args_set(a, "address", str_of(addr_text(line, text)));
        if (site_answers(j)) {
            f->severity = SEVERITY_NOTE; /* wanted, as far as one can tell: it works */
        } else if (j->f->question.scheme == SCHEME_HTTPS) {
            const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
            f->sight = h1 == NULL || h1->flight == NULL ? SIGHT_REFUSED : f->sight;
        }
        return;
    }
}

/* CLI-01: "T1 per family". A refusal comes from the server's machine and is DNS-11. */
static void
rule_ipv6(struct judge *j)
{
    const struct result *bad = NULL, *good = NULL;
    for (const struct result *r = NULL; (r = facts_next(j->f, r, PROBE_T1, SIDE_SITE)) != NULL;) {
        if (r->connected_us != 0) {
            good = r;
        } else if (addr_is_v6(&r->at) && r->error != ECONNREFUSED &&
                   r->outcome != OUTCOME_CANCELLED) {
            bad = r;
        }
    }
    if (bad == NULL || good == NULL || addr_is_v6(&good->at) || !j->f->local.route6) {
        return;
    }
    struct finding *f = finding_new(
        j, FINDING_CLI_01, bad->error == ENETUNREACH ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    char dead[ADDR_TEXT], alive[ADDR_TEXT];
    args_set(&f->args, "address", str_of(addr_text(&bad->at, dead)));
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, bad);
    args_set(a, "other", str_of(addr_text(&good->at, alive)));
    args_say(a, "value", bad->error == ENETUNREACH ? N_("no route") : N_("no answer"));
}

static const char *
proxy_words(const struct result *x)
{
    if (x->connected_us == 0) {
        return x->error == ECONNREFUSED ? N_("it refuses connections") : N_("it cannot be reached");
    }
    if (x->http != NULL && x->http->has_status) {
        return x->http->status == 407 ? N_("it wants a password")
                                      : N_("it refuses to tunnel to this host and port");
    }
    return x->got_total == 0 ? N_("it closes without an answer")
                             : N_("it answers something that is no proxy's answer");
}

static bool
tunnel_answers(const struct result *x)
{
    return x->flight != NULL && (x->flight->kind == TLS_FLIGHT_SERVER_HELLO ||
                                 x->flight->kind == TLS_FLIGHT_HELLO_RETRY);
}

bool
proxy_carries(const struct facts *f)
{
    const struct result *x = facts_find(f, PROBE_X1, SIDE_PROXY);
    if (x == NULL || f->local.proxy[0] == '\0') {
        return false;
    }
    return f->question.scheme == SCHEME_HTTPS
               ? tunnel_answers(x)
               : x->outcome == OUTCOME_OK && x->http != NULL && x->http->has_status;
}

/* Through the tunnel comes what comes without it: the site is to blame. */
static bool
same_without_proxy(const struct judge *j, const struct result *x)
{
    const struct result *h1 = facts_find(j->f, PROBE_H1, SIDE_SITE);
    return x->flight != NULL && x->flight->kind != TLS_FLIGHT_NOTHING && h1 != NULL &&
           h1->flight != NULL && h1->flight->kind == x->flight->kind;
}

/* CLI-02: "CONNECT host:port by hand: status". The site that opens only directly proves it. */
static void
rule_proxy(struct judge *j)
{
    const struct result *x = facts_find(j->f, PROBE_X1, SIDE_PROXY);
    if (x == NULL || j->f->local.proxy[0] == '\0') {
        return;
    }
    bool tunnel = x->http != NULL && x->http->has_status && x->http->status / 100 == 2;
    if ((tunnel && (tunnel_answers(x) || same_without_proxy(j, x) || is_http(j))) ||
        x->outcome == OUTCOME_OK) {
        return;
    }
    bool direct = site_good(j);
    struct finding *f =
        finding_new(j, FINDING_CLI_02, direct ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    args_set(&f->args, "proxy", str_of(j->f->local.proxy));
    args_say(&f->args, "value", proxy_words(x));
    f->sight = x->connected_us == 0 ? SIGHT_PROXY_FAILED : SIGHT_TUNNEL_FAILED;
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, x);
    if (x->http != NULL && x->http->has_status) {
        args_setf(a, "value", "%u", x->http->status);
    } else {
        args_say(a, "value", proxy_words(x));
    }
    a = finding_evidence(f, EVIDENCE_PROXY_FROM, NULL);
    args_set(a, "name", str_of(j->f->local.proxy_from));
    if (direct) {
        finding_counter(f, COUNTER_WORKS, j->out->answer, N_("the same request without the proxy"));
        a = finding_contrary(f, EVIDENCE_DIRECT, j->out->answer);
        args_setf(a, "value", "%u", j->out->answer->http->status);
    }
}

/* A certificate that the local clock refuses and the server's clock accepts. */
static bool
dates_blame_clock(const struct result *r, uint64_t server_s)
{
    if (r == NULL || r->chain == NULL || r->chain->count == 0) {
        return false;
    }
    const struct chain_certificate *leaf = &r->chain->certificates[0];
    bool complained = chain_problem_of(r->chain, CHAIN_EXPIRED) != NULL ||
                      chain_problem_of(r->chain, CHAIN_NOT_YET_VALID) != NULL;
    return complained && leaf->not_before_s <= server_s && server_s <= leaf->not_after_s;
}

/* The server's time. A cache may hand on the Date of old and says in Age how old [RFC 9111 5.1]; a
 * proxy in front of it may write a new Date beside: what lies between is as good as `here`. 0: the
 * server does not say. */
static uint64_t
server_time_s(const struct result *r, uint64_t here)
{
    if (r == NULL || r->http == NULL || r->http->date_s == 0) {
        return 0;
    }
    struct str age = http_seen_header(r->http, "age");
    uint64_t date = r->http->date_s, seconds = 0;
    bool readable = age.p != NULL && str_to_u64(str_trim(age), &seconds) && seconds <= UINT32_MAX;
    uint64_t latest = date + (readable ? seconds : 0);
    return here < date ? date : MIN_OF(here, latest);
}

/* CLI-04: "Date header against the local clock; > 5 minutes". */
static void
rule_clock(struct judge *j)
{
    const struct result *r = facts_find(j->f, PROBE_R1, SIDE_SITE);
    uint64_t here = j->f->started_s;
    const struct result *dated =
        server_time_s(r, here) != 0 ? r : facts_find(j->f, PROBE_P1, SIDE_SITE);
    uint64_t there = server_time_s(dated, here);
    if (there == 0) {
        return;
    }
    uint64_t off = here > there ? here - there : there - here;
    if (off <= CLOCK_WRONG_S) {
        return;
    }
    bool blamed = dates_blame_clock(r, there);
    struct finding *f =
        finding_new(j, FINDING_CLI_04, blamed ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    if (!blamed) { /* or the server's clock is: nothing breaks by it */
        f->severity = j->f->local.clock_unsynced ? SEVERITY_WARNING : SEVERITY_NOTE;
        f->sight = SIGHT_PAGE;
    }
    char local[DATE_TEXT], date[DATE_TEXT];
    if (off >= 2 * DAY_S) {
        args_setf(&f->args, "value", "%llu d", (unsigned long long)(off / DAY_S));
    } else {
        args_setf(&f->args, "value", "%llu min", (unsigned long long)(off / 60));
    }
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, dated);
    args_set(a, "local", str_of(date_text(here, local)));
    args_set(a, "date", str_of(date_text(there, date)));
}

static bool
only_loopback(const struct facts *f)
{
    struct addr addrs[8];
    size_t count = facts_site_addrs(f, addrs, COUNT_OF(addrs));
    for (size_t i = 0; i < count; i++) {
        const char *range = addr_range(&addrs[i]);
        if (range == NULL || strcmp(range, "loopback") != 0) {
            return false;
        }
    }
    return count > 0;
}

/* CLI-06: nothing but loopback. */
static void
rule_offline(struct judge *j)
{
    const struct result *t1 = facts_find(j->f, PROBE_T1, SIDE_SITE);
    if (!j->f->local.known || j->f->local.interface_up || only_loopback(j->f) ||
        (t1 != NULL && t1->connected_us != 0)) {
        return;
    }
    (void)finding_evidence(finding_new(j, FINDING_CLI_06, CONFIDENCE_PROVED), EVIDENCE_MAIN, NULL);
}

/* CLI-07: "addresses": a private one. */
static void
rule_local_network(struct judge *j)
{
    const struct result *t1 = facts_find(j->f, PROBE_T1, SIDE_SITE);
    const char *range = t1 == NULL ? NULL : addr_range(&t1->at);
    if (range == NULL || strcmp(range, "private") != 0) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_CLI_07, CONFIDENCE_POSSIBLE);
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, t1);
    args_say(a, "range", range);
}

/* ---- browsers ---- */

/* BRW-07: "table": no packet leaves the browser. */
static void
rule_blocked_port(struct judge *j)
{
    bool chromium = false;
    if (!port_blocked(j->f->question.port, &chromium)) {
        return;
    }
    struct finding *f = finding_new(j, FINDING_BRW_07, CONFIDENCE_PROVED);
    if (!chromium) {
        f->severity = SEVERITY_WARNING;
        f->note = N_("Firefox refuses it, Chromium does not.");
    }
    (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
}

static void
show_plain(struct judge *j, struct finding *f, const struct result *p1)
{
    (void)j;
    args_setf(&f->args, "status", "%u", p1->http->status);
    (void)finding_contrary(f, EVIDENCE_HTTP_PLAIN, p1);
    finding_counter(f, COUNTER_WORKS, p1, N_("plain HTTP, as curl without --hsts sends it"));
}

static void
show_entry(struct finding *f, const struct hsts_found *h, const struct hsts_entry *e)
{
    const struct hsts_store *s = &h->stores[e->store];
    char date[DATE_TEXT];
    struct args *a = finding_evidence(f, EVIDENCE_HSTS_ENTRY, NULL);
    args_set(a, "browser", str_of(s->browser));
    args_set(a, "name", str_of(e->name));
    args_set(a, "file", str_of(s->file));
    if (e->expiry_s == UINT64_MAX) {
        args_say(a, "expiry", N_("for ever"));
    } else {
        args_set(a, "expiry", str_of(date_text(e->expiry_s, date)));
    }
    struct buf text = {0};
    buf_addf(&text, "%s: %s", s->browser, e->name);
    args_set(&f->args, "entry", buf_str(&text));
    args_set(&f->args, "name", str_of(e->name));
    args_set(&f->args, "file", str_of(s->file));
    buf_free(&text);
}

/* Which option of `openalb hsts remove` leads to the entry. */
static void
set_place(const struct question *q, const struct hsts_store *s, struct args *a)
{
    bool curl = s->client == HSTS_CURL;
    const char *profile = q->browser_profile == NULL ? "auto" : q->browser_profile;
    args_set(a, "where", curl ? STR("curl-file") : STR("browser-profile"));
    args_set(a, "profile", str_of(curl ? s->file : profile));
}

/* BRW-01: "P1 fine, H1 HTTP; header found on another port or parent; hash found in
 * TransportSecurity". LBC-01 is the other case: the user typed https. */
static void
rule_hsts(struct judge *j)
{
    const struct hsts_found *h = j->f->local.hsts;
    const struct result *p1 = breaks_by_upgrade(j);
    if (h == NULL || p1 == NULL) {
        return;
    }
    for (size_t s = 0; s < h->store_count; s++) {
        const struct hsts_entry *e = hsts_deciding(h, s, j->f->question.port);
        if (e == NULL || h->stores[s].client == HSTS_WGET) {
            continue;
        }
        struct finding *f = finding_new(j, FINDING_BRW_01, CONFIDENCE_PROVED);
        set_upgraded(j, &f->args);
        show_entry(f, h, e);
        set_place(&j->f->question, &h->stores[s], &f->args);
        show_plain(j, f, p1);
        set_upgraded_sight(j, f);
        if (e->is_parent) {
            f->note = N_("The entry belongs to the parent {name} with includeSubDomains: removing "
                         "{host} alone does not help.");
        }
        return;
    }
}

/* BRW-08: "preload list; net-internals static entry". */
static void
rule_preloaded(struct judge *j)
{
    const struct hsts_found *h = j->f->local.hsts;
    const struct result *p1 = breaks_by_upgrade(j);
    if (h == NULL || p1 == NULL) {
        return;
    }
    for (size_t i = 0; i < h->preloaded_count; i++) {
        if (!h->preloaded[i].applies) {
            continue;
        }
        struct finding *f = finding_new(j, FINDING_BRW_08, CONFIDENCE_PROVED);
        args_set(&f->args, "name", str_of(h->preloaded[i].name));
        set_upgraded(j, &f->args);
        struct args *a = finding_evidence(f, EVIDENCE_MAIN, NULL);
        args_say(a, "entry",
                 h->preloaded[i].from_list
                     ? N_("the preload list that was given holds it")
                     : N_("browsers are built with the whole top-level domain as https only"));
        show_plain(j, f, p1);
        set_upgraded_sight(j, f);
        return;
    }
}

/* BRW-02: "D4": a record at _N._https.NAME. For port 80 the record at the name itself counts; what
 * comes of it is decided on port 443 (DNS-12). */
static void
rule_dns_upgrade(struct judge *j)
{
    const struct result *r = facts_find(j->f, PROBE_D4, SIDE_NONE);
    const struct result *p1 = plain_port(j);
    if (!is_http(j) || j->f->question.port == 80 || r == NULL || r->dns == NULL || p1 == NULL) {
        return;
    }
    for (size_t i = 0; i < r->dns->record_count; i++) {
        const struct dns_record *record = &r->dns->records[i];
        if (record->type != DNS_TYPE_HTTPS || record->section != DNS_SECTION_ANSWER) {
            continue;
        }
        struct finding *f = finding_new(j, FINDING_BRW_02, CONFIDENCE_PROVED);
        struct buf text = {0};
        https_record_text(record, &text);
        args_set(&f->args, "name", str_of(record->name));
        args_set(&f->args, "value", buf_str(&text));
        buf_free(&text);
        set_upgraded(j, &f->args);
        (void)finding_evidence(f, EVIDENCE_MAIN, r);
        show_plain(j, f, p1);
        return;
    }
}

/* BRW-03: "preference https_only_mode_enabled". */
static void
rule_always_https(struct judge *j)
{
    const struct hsts_found *h = j->f->local.hsts;
    for (size_t i = 0; h != NULL && i < h->store_count; i++) {
        if (h->stores[i].https_only && breaks_by_upgrade(j) != NULL) {
            struct finding *f = finding_new(j, FINDING_BRW_03, CONFIDENCE_PROVED);
            args_set(&f->args, "file",
                     str_of(h->stores[i].profile == NULL ? "" : h->stores[i].profile));
            (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
            return;
        }
    }
}

/* ---- parts of the page ---- */

/* The value of the next src="http://..." or stylesheet href from `*at` on. */
static bool
next_plain_part(struct str page, size_t *at, struct str *ret_url)
{
    static const char *const marks[] = {"src=\"http://", "src='http://", "src=http://"};
    size_t best = page.n, length = 0;
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        size_t found = 0;
        if (str_find(str_sub(page, *at, page.n), str_of(marks[i]), &found) && *at + found < best) {
            best = *at + found;
            length = strlen(marks[i]) - strlen("http://");
        }
    }
    if (best == page.n) {
        return false;
    }
    size_t begin = best + length, end = begin;
    while (end < page.n && end - begin < MIXED_SHOWN && page.p[end] > ' ' && page.p[end] != '"' &&
           page.p[end] != '\'' && page.p[end] != '>') {
        end++;
    }
    *ret_url = str_sub(page, begin, end - begin);
    *at = end;
    return true;
}

static uint16_t
port_of_url(struct str url)
{
    struct hsts_url parts;
    return hsts_url_parse(url, &parts, NULL) == ERR_OK ? parts.port : 0;
}

/* BRW-05 "links in the page with http://" and BRW-06 "header; http links with port". */
static void
rule_mixed_content(struct judge *j)
{
    const struct result *r = j->out->answer;
    if (is_http(j) || r == NULL || r->http->body == NULL) {
        return;
    }
    struct str page = {(const char *)r->http->body, r->http->body_bytes}, url, first = STR_NONE;
    struct str csp = http_seen_header(r->http, "content-security-policy");
    bool upgrades = csp.p != NULL && str_find(csp, STR("upgrade-insecure-requests"), NULL);
    size_t at = 0, count = 0;
    struct str ported = STR_NONE;
    while (next_plain_part(page, &at, &url)) {
        first = count++ == 0 ? url : first;
        uint16_t port = port_of_url(url);
        ported = port != 0 && port != 80 && ported.p == NULL ? url : ported;
    }
    if (count == 0 || (upgrades && ported.p == NULL)) {
        return;
    }
    struct finding *f =
        finding_new(j, upgrades ? FINDING_BRW_06 : FINDING_BRW_05, CONFIDENCE_LIKELY);
    args_setf(&f->args, "count", "%zu", count);
    args_set(&f->args, "value", upgrades ? ported : first);
    if (upgrades) {
        args_setf(&f->args, "next_port", "%u", port_of_url(ported));
        args_set(&f->args, "header", csp);
    }
    (void)finding_evidence(f, EVIDENCE_MAIN, r);
}

rule_fn *const client_rules[] = {
    rule_hosts_file,    rule_ipv6,          rule_proxy, rule_clock,     rule_offline,
    rule_local_network, rule_blocked_port,  rule_hsts,  rule_preloaded, rule_dns_upgrade,
    rule_always_https,  rule_mixed_content, NULL};
