/* SPDX-License-Identifier: Apache-2.0
 * The tables of the page: who was spoken with and what they said, and where redirects led. */
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/html_int.h"
#include "doctor/infer_int.h"

enum { ENDPOINTS_MAX = 48, HOPS_SHOWN = LIMIT_DOCTOR_HOPS + 1 };

/* ---- endpoints ---- */

/* One far end, and the result that says most about each of its layers. */
struct endpoint {
    enum side side;
    struct addr at;
    const struct result *tcp, *tls, *certificate, *http; /* borrowed; NULL: nothing known */
};

struct endpoints {
    struct endpoint items[ENDPOINTS_MAX];
    size_t count;
};

static struct endpoint *
endpoint_of(struct endpoints *all, const struct result *r)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].side == r->side && addr_eq(&all->items[i].at, &r->at)) {
            return &all->items[i];
        }
    }
    if (all->count == ENDPOINTS_MAX) {
        return NULL;
    }
    struct endpoint *e = &all->items[all->count++];
    *e = (struct endpoint){.side = r->side, .at = r->at};
    return e;
}

static uint16_t
tls_version(const struct result *r)
{
    if (r->seen != NULL && r->seen->version != 0) {
        return r->seen->version;
    }
    return r->flight == NULL ? 0 : r->flight->version;
}

/* The browser's hello and the requests for the page; others only vary them. */
static bool
is_main(const struct result *r)
{
    return r->probe == PROBE_H1 || r->probe == PROBE_R1 || r->probe == PROBE_R4 ||
           r->probe == PROBE_R3;
}

static void
note_result(struct endpoint *e, const struct result *r)
{
    if (e->tcp == NULL || (r->connected_us != 0 && e->tcp->connected_us == 0)) {
        e->tcp = r;
    }
    bool tls = tls_version(r) != 0 || (r->flight != NULL && r->flight->alert >= 0);
    if (tls && (e->tls == NULL || (is_main(r) && tls_version(e->tls) == 0))) {
        e->tls = r;
    }
    if (e->certificate == NULL && r->chain != NULL && r->chain->count > 0 && r->probe != PROBE_C4) {
        e->certificate = r;
    }
    if (r->http != NULL && r->http->has_status &&
        (e->http == NULL || (is_main(r) && !is_main(e->http)))) {
        e->http = r;
    }
}

static void
find_endpoints(const struct facts *f, struct endpoints *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        bool spoken = r->side != SIDE_NONE && r->at.sa.sa_family != 0 &&
                      r->outcome != OUTCOME_SKIPPED && r->outcome != OUTCOME_CANCELLED;
        struct endpoint *e = spoken ? endpoint_of(ret, r) : NULL;
        if (e != NULL) {
            note_result(e, r);
        }
    }
}

static const char *
side_title(enum side s)
{
    static const char *const titles[] = {
        "",           N_("site"),     N_("usual port"), N_("load balancer"),
        N_("target"), N_("redirect"), N_("proxy")};
    return titles[s];
}

static void
add_tcp(const struct page *p, const struct result *r)
{
    if (r->connected_us != 0) {
        page_markup(p, "<span class=\"good\">");
        page_took(p, r->connected_us > r->start_us ? r->connected_us - r->start_us : 0);
    } else {
        page_markup(p, "<span class=\"bad\">");
        page_text(p, str_of(r->error != 0 ? strerrordesc_np(r->error) : outcome_name(r->outcome)));
    }
    page_markup(p, "</span>");
}

static void
add_tls(const struct page *p, const struct result *r)
{
    uint16_t version = r == NULL ? 0 : tls_version(r);
    uint16_t number = version == 0 ? 0 : r->seen != NULL ? r->seen->suite : r->flight->suite;
    const char *name = version == 0 ? NULL : tls_version_name(version);
    const char *suite = version == 0 ? NULL : tls_suite_name(number);
    if (version != 0) {
        page_text(p, str_of(name == NULL ? "?" : name));
        page_markup(p, " <small>");
        page_text(p, str_of(suite == NULL ? "?" : suite));
        page_markup(p, "</small>");
    } else if (r != NULL) {
        const char *alert = tls_alert_name((unsigned)r->flight->alert);
        page_markup(p, "<span class=\"bad\">");
        page_text(p, str_of(alert == NULL ? "?" : alert));
        page_addf(p, " (%d)</span>", r->flight->alert);
    }
}

static void
add_certificate(const struct page *p, const struct result *r)
{
    if (r == NULL) {
        return;
    }
    const struct chain_facts *c = r->chain;
    char date[DATE_TEXT];
    struct buf names = {0};
    bool fatal = c->problem_count > 0 && chain_problem_weight(c->problems[0].kind) == CHAIN_FATAL;
    names_text(&c->certificates[0], &names);
    page_addf(p, "<span class=\"%s\">", fatal ? "bad" : "good");
    page_text(p, buf_str(&names));
    page_markup(p, "</span> <small>");
    page_text(p, str_of(c->certificates[0].issuer == NULL ? "" : c->certificates[0].issuer));
    page_addf(p, ", %s", date_text(c->certificates[0].not_after_s, date));
    if (fatal) {
        page_addf(p, ", %s", chain_problem_name(c->problems[0].kind));
    }
    page_markup(p, "</small>");
    buf_free(&names);
}

static void
add_author(const struct page *p, const struct result *r)
{
    if (r == NULL) {
        return;
    }
    struct str server = http_seen_header(r->http, "server");
    page_addf(p, "%u <small>", r->http->status);
    if (server.n > 0) {
        page_text(p, text_cut(server, 40));
    } else {
        page_say(p, author_name(r->http->author));
    }
    page_markup(p, "</small>");
}

/* The heads of columns; on a telephone each cell bears its own (data-head). */
static void
add_cell(const struct page *p, const char *msgid)
{
    page_markup(p, "<td data-head=\"");
    page_say(p, msgid);
    page_markup(p, "\">");
}

static void
add_heads(const struct page *p, const char *const *msgids, size_t count)
{
    page_markup(p, "<table class=\"grid\"><thead><tr>");
    for (size_t i = 0; i < count; i++) {
        page_markup(p, "<th scope=\"col\">");
        page_say(p, msgids[i]);
        page_markup(p, "</th>");
    }
    page_markup(p, "</tr></thead><tbody>\n");
}

static void
add_endpoint(const struct page *p, const struct endpoint *e)
{
    page_markup(p, "<tr>");
    add_cell(p, N_("address"));
    page_markup(p, "<code>");
    page_addr(p, &e->at);
    page_markup(p, "</code> <small>");
    page_say(p, side_title(e->side));
    page_markup(p, "</small></td>");
    add_cell(p, "TCP");
    add_tcp(p, e->tcp);
    page_markup(p, "</td>");
    add_cell(p, "TLS");
    add_tls(p, e->tls);
    page_markup(p, "</td>");
    add_cell(p, N_("certificate"));
    add_certificate(p, e->certificate);
    page_markup(p, "</td>");
    add_cell(p, N_("answered by"));
    add_author(p, e->http);
    page_markup(p, "</td></tr>\n");
}

void
page_endpoints(const struct page *p)
{
    static const char *const heads[] = {N_("address"), "TCP", "TLS", N_("certificate"),
                                        N_("answered by")};
    struct endpoints all;
    find_endpoints(p->r->facts, &all);
    if (all.count == 0) {
        return;
    }
    page_markup(p, "<section>");
    page_heading(p, N_("endpoints"));
    add_heads(p, heads, COUNT_OF(heads));
    for (size_t i = 0; i < all.count; i++) {
        add_endpoint(p, &all.items[i]);
    }
    page_markup(p, "</tbody></table></section>\n");
}

/* ---- redirects ---- */

static bool
redirects(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->has_status && r->http->status / 100 == 3 &&
           http_seen_header(r->http, "location").p != NULL;
}

/* The probe that followed the hop-th redirect; the mended ones are counter-probes. */
static const struct result *
hop_result(const struct facts *f, unsigned hop)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        if (r->probe == PROBE_R3 && r->hop == hop && strcmp(r->label, "mended") != 0) {
            return r;
        }
    }
    return NULL;
}

static void
add_hop(const struct page *p, unsigned number, struct str url, const struct result *r)
{
    page_addf(p, "<tr><td class=\"number\">%u</td>", number);
    add_cell(p, "URL");
    page_markup(p, "<code>");
    page_sentence(p, url);
    page_markup(p, "</code></td>");
    add_cell(p, N_("status"));
    if (r->http != NULL && r->http->has_status) {
        page_addf(p, "%u", r->http->status);
    } else {
        page_text(p, str_of(outcome_name(r->outcome)));
    }
    page_markup(p, "</td>");
    add_cell(p, "Location");
    if (redirects(r)) {
        page_markup(p, "<code>");
        page_sentence(p, http_seen_header(r->http, "location"));
        page_markup(p, "</code>");
    }
    page_markup(p, "</td>");
    add_cell(p, N_("answered by"));
    add_author(p, r->http != NULL && r->http->has_status ? r : NULL);
    page_markup(p, "</td></tr>\n");
}

void
page_redirects(const struct page *p)
{
    static const char *const heads[] = {"#", "URL", N_("status"), "Location", N_("answered by")};
    const struct facts *f = p->r->facts;
    const struct result *r = p->r->findings->answer;
    struct str url = str_of(f->question.url);
    if (!redirects(r)) {
        return;
    }
    page_markup(p, "<section>");
    page_heading(p, N_("redirects"));
    add_heads(p, heads, COUNT_OF(heads));
    for (unsigned hop = 0; hop < HOPS_SHOWN && r != NULL; hop++) {
        add_hop(p, hop + 1, url, r);
        r = redirects(r) ? hop_result(f, hop + 1) : NULL;
        url = r == NULL || r->url == NULL ? STR_NONE : str_of(r->url);
    }
    page_markup(p, "</tbody></table></section>\n");
}
