/* SPDX-License-Identifier: Apache-2.0
 * The verdict and what follows from it: evidence, what others will see, the fix, what is ruled out,
 * the other findings, the layers. */
#include "base/mem.h"
#include "doctor/html_int.h"
#include "doctor/infer_int.h"

enum {
    EVIDENCE_BYTES = 64, /* of an answer, beside its sentence */
    TOOLS_MAX = TOOL_COUNT,
};

/* ---- the verdict ---- */

/* "2 addresses, 0.74 s, answered by nginx" */
static void
add_summary(const struct page *p)
{
    const struct facts *f = p->r->facts;
    struct addr addrs[8];
    size_t count = facts_site_addrs(f, addrs, COUNT_OF(addrs));
    struct buf text = {0}, number = {0}, took = {0}, who = {0};
    buf_addf(&number, "%zu", count);
    buf_addf(&took, "%llu.%02llu s", (unsigned long long)(f->elapsed_us / 1000000),
             (unsigned long long)(f->elapsed_us % 1000000 / 10000));
    text_fill(&text, count == 1 ? tr(N_("1 address, {time}")) : tr(N_("{count} addresses, {time}")),
              TEXT_ARGS({"count", buf_str(&number)}, {"time", buf_str(&took)}));
    if (p->r->findings->answer != NULL) {
        const struct http_seen *h = p->r->findings->answer->http;
        struct str server = http_seen_header(h, "server");
        buf_add_str(&who,
                    server.p != NULL ? text_cut(server, 40) : str_of(tr(author_name(h->author))));
        text_fill(&text, tr(N_(", answered by {who}")), TEXT_ARGS({"who", buf_str(&who)}));
    }
    page_markup(p, "<p class=\"summary\">");
    page_text(p, buf_str(&text));
    page_markup(p, "</p>\n");
    buf_free(&text);
    buf_free(&number);
    buf_free(&took);
    buf_free(&who);
}

static void
add_tags(const struct page *p, const struct finding *f)
{
    page_addf(p, "<p class=\"tags\"><strong class=\"badge %s\">",
              mark_class(mark_of_severity(f->severity)));
    page_say(p, say_severity(f->severity));
    page_addf(p, "</strong> <strong class=\"id\">%s</strong> <span class=\"chip\">",
              finding_row(f->id)->id);
    page_say(p, layer_title(f->layer));
    page_markup(p, "</span> <span class=\"chip\">");
    page_say(p, say_confidence(f->confidence));
    page_markup(p, "</span></p>\n");
}

static void
add_good(const struct page *p)
{
    const struct result *a = p->r->findings->answer;
    bool good = p->r->findings->verdict == VERDICT_OK;
    page_addf(p, "<p class=\"tags\"><strong class=\"badge %s\">", good ? "good" : "unknown");
    page_say(p, good ? N_("ok") : N_("not examined"));
    page_markup(p, "</strong></p>\n<h1>");
    if (a != NULL) {
        struct buf text = {0}, status = {0};
        buf_addf(&status, "%u", a->http->status);
        text_fill(&text, tr(N_("It opens: {status}. No fault was found.")),
                  TEXT_ARGS({"status", buf_str(&status)}));
        page_text(p, buf_str(&text));
        buf_free(&text);
        buf_free(&status);
    } else {
        page_say(p, N_("No fault was found in what was examined."));
    }
    page_markup(p, "</h1>\n");
}

void
page_verdict(const struct page *p)
{
    const struct finding *first = findings_first(p->r->findings);
    enum mark mark = first != NULL                           ? mark_of_severity(first->severity)
                     : p->r->findings->verdict == VERDICT_OK ? MARK_GOOD
                                                             : MARK_UNKNOWN;
    page_addf(p, "<section class=\"verdict %s\">\n<p class=\"url\">", mark_class(mark));
    page_text(p, str_of(p->r->facts->question.url));
    page_markup(p, "</p>\n");
    if (first == NULL) {
        add_good(p);
    } else {
        add_tags(p, first);
        page_markup(p, "<h1>");
        page_cause(p, first);
        page_markup(p, "</h1>\n");
    }
    add_summary(p);
    page_markup(p, "</section>\n");
}

/* ---- evidence ---- */

/* "H1  198.51.100.7:8443  +120 ms" */
static void
add_source(const struct page *p, const struct result *r)
{
    page_addf(p, "<p class=\"source\"><b>%s</b> ", probe_name(r->probe));
    page_addr(p, &r->at);
    if (r->at.sa.sa_family == 0) {
        page_text(p, str_of(r->label));
    }
    page_markup(p, " <span>+");
    page_took(p, r->first_us != 0 ? r->first_us : r->end_us);
    page_markup(p, "</span></p>\n");
}

static void
add_evidence(const struct page *p, const struct finding *f, const struct evidence *ev, bool bytes)
{
    page_addf(p, "<li%s><p>", ev->contrary ? " class=\"contrary\"" : "");
    if (ev->contrary) {
        page_markup(p, "<b>");
        page_say(p, N_("but: "));
        page_markup(p, "</b>");
    }
    page_evidence(p, f, ev);
    page_markup(p, "</p>\n");
    if (ev->result != NULL) {
        add_source(p, ev->result);
        if (bytes) {
            page_dump(p, N_("received"), &ev->result->got, ev->result->got_total, EVIDENCE_BYTES);
        }
    }
    page_markup(p, "</li>\n");
}

static void
add_counter(const struct page *p, const struct finding *f)
{
    if (f->counter == COUNTER_NONE || f->counter_text == NULL) {
        return;
    }
    struct buf text = {0}, tried = {0};
    say_text(f, f->counter_text, TEXT_PLAIN, &tried);
    text_fill(
        &text, tr(N_("counter-probe: {tried}: {outcome}")),
        TEXT_ARGS({"tried", buf_str(&tried)}, {"outcome", str_of(tr(say_counter(f->counter)))}));
    page_addf(p, "<li class=\"counter%s\"><p>", f->counter == COUNTER_WORKS ? " contrary" : "");
    page_sentence(p, buf_str(&text));
    page_markup(p, "</p>\n");
    if (f->counter_result != NULL) {
        add_source(p, f->counter_result);
    }
    page_markup(p, "</li>\n");
    buf_free(&text);
    buf_free(&tried);
}

/* The same bytes are shown once: several sentences may speak of one answer. */
static bool
shown_before(const struct finding *f, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (f->evidence[i].result == f->evidence[index].result) {
            return true;
        }
    }
    return false;
}

static void
add_evidence_list(const struct page *p, const struct finding *f, bool bytes)
{
    page_markup(p, "<ul class=\"evidence\">\n");
    for (size_t i = 0; i < f->evidence_count; i++) {
        add_evidence(p, f, &f->evidence[i], bytes && !shown_before(f, i));
    }
    add_counter(p, f);
    page_markup(p, "</ul>\n");
    if (f->note != NULL) {
        page_markup(p, "<p class=\"note\">");
        page_finding_text(p, f, f->note);
        page_markup(p, "</p>\n");
    }
}

void
page_evidences(const struct page *p)
{
    const struct finding *first = findings_first(p->r->findings);
    if (first != NULL && (first->evidence_count > 0 || first->note != NULL)) {
        page_markup(p, "<section>");
        page_heading(p, N_("evidence"));
        add_evidence_list(p, first, true);
        page_markup(p, "</section>\n");
    }
}

/* ---- what your colleague will see ---- */

static void
add_sight(const struct page *p, const struct sight_row *row, const char *who, const char *cell,
          const char *page_words)
{
    if (cell[0] == '\0' && page_words[0] == '\0') {
        return;
    }
    struct buf text = {0};
    say_sight(row, cell, &text);
    page_addf(p, "<tr><th scope=\"row\">%s</th><td>", who);
    if (text.n > 0) {
        page_markup(p, "<code>");
        page_text(p, buf_str(&text));
        page_markup(p, "</code>");
    }
    if (page_words[0] != '\0') {
        buf_reset(&text);
        say_sight(row, page_words, &text);
        page_markup(p, "<small>");
        page_text(p, buf_str(&text));
        page_markup(p, "</small>");
    }
    page_markup(p, "</td></tr>\n");
    buf_free(&text);
}

void
page_sights(const struct page *p)
{
    const struct finding *first = findings_first(p->r->findings);
    if (first == NULL || first->sight == SIGHT_NONE) {
        return;
    }
    const struct sight_row *s = sight_row(first->sight);
    bool same = strcmp(s->page, s->chromium) == 0; /* what stands on the error page */
    page_markup(p, "<section class=\"sights\">");
    page_heading(p, N_("what your colleague will see"));
    page_markup(p, "<table>\n");
    add_sight(p, s, "Chromium", s->chromium, same ? "" : s->page);
    add_sight(p, s, "Firefox", s->firefox, "");
    add_sight(p, s, "Safari", s->safari, "");
    add_sight(p, s, "curl", s->curl, "");
    add_sight(p, s, "s_client", s->openssl, "");
    page_markup(p, "</table></section>\n");
}

/* ---- fix ---- */

static void
add_remark(const struct page *p, const struct webconf_remark *m)
{
    page_markup(p, "<div class=\"remark\"><p class=\"source\"><b>");
    page_sentence(p, str_of(m->file));
    page_addf(p, ":%u</b></p>\n<pre class=\"old\">", m->line);
    page_text(p, str_of(m->text));
    page_markup(p, "</pre>\n");
    if (m->corrected[0] != '\0') {
        page_code(p, str_of(m->corrected), "new");
    }
    page_markup(p, "</div>\n");
}

/* The remedies of one finding by tool, the tools in the order of say_fixes(). */
struct remedies {
    const struct fix_row *rows[SAY_FIXES_MAX];
    size_t count;
    enum tool tools[TOOLS_MAX];
    size_t tool_count;
};

static void
sort_remedies(const struct facts *facts, const struct finding *f, struct remedies *r)
{
    r->count = say_fixes(facts, f, r->rows);
    r->tool_count = 0;
    for (size_t i = 0; i < r->count; i++) {
        bool known = false;
        for (size_t k = 0; k < r->tool_count; k++) {
            known = known || r->tools[k] == r->rows[i]->tool;
        }
        if (!known) {
            r->tools[r->tool_count++] = r->rows[i]->tool;
        }
    }
}

static void
add_tool_rows(const struct page *p, const struct finding *f, const struct remedies *r,
              enum tool tool)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->rows[i]->tool != tool) {
            continue;
        }
        page_markup(p, "<p>");
        page_finding_text(p, f, r->rows[i]->text);
        page_markup(p, "</p>\n");
        struct buf command = {0};
        say_command(p->r->facts, f, r->rows[i]->command, &command);
        if (command.n > 0) {
            page_code(p, buf_str(&command), "");
        }
        buf_free(&command);
    }
}

static void
say_tool(const struct page *p, enum tool tool)
{
    page_say(p, tool == TOOL_NONE ? N_("in general") : tool_title(tool));
}

/* One tab for each tool: radio buttons, so that they work without the script. */
static void
add_tabs(const struct page *p, const struct finding *f, const struct remedies *r)
{
    page_markup(p, "<div class=\"tabs\">\n");
    for (size_t i = 0; i < r->tool_count; i++) {
        page_addf(p,
                  "<input type=\"radio\" class=\"pick\" name=\"%s-fix\" id=\"%s-fix-%zu\"%s>"
                  "<label for=\"%s-fix-%zu\">",
                  p->lang, p->lang, i, i == 0 ? " checked" : "", p->lang, i);
        say_tool(p, r->tools[i]);
        page_markup(p, "</label>\n");
    }
    for (size_t i = 0; i < r->tool_count; i++) {
        page_markup(p, "<div class=\"panel\"><h3>");
        say_tool(p, r->tools[i]);
        page_markup(p, "</h3>\n");
        add_tool_rows(p, f, r, r->tools[i]);
        page_markup(p, "</div>\n");
    }
    page_markup(p, "</div>\n");
}

void
page_fixes(const struct page *p)
{
    const struct finding *first = findings_first(p->r->findings);
    struct remedies r = {.count = 0};
    if (first != NULL) {
        sort_remedies(p->r->facts, first, &r);
    }
    if (r.count == 0 && (first == NULL || first->remark_count == 0)) {
        return;
    }
    page_markup(p, "<section class=\"fix\">");
    page_heading(p, N_("fix"));
    for (size_t i = 0; i < first->remark_count; i++) {
        add_remark(p, first->remarks[i]);
    }
    if (r.count > 0) {
        add_tabs(p, first, &r);
    }
    page_markup(p, "</section>\n");
}

/* ---- ruled out, decided by, looks alike ---- */

static void
add_siblings(const struct page *p, const struct finding *f)
{
    page_markup(p, "<dt>");
    page_say(p, N_("looks alike"));
    page_markup(p, "</dt>\n");
    for (size_t i = 0; i < f->sibling_count; i++) {
        const struct sibling_row *s = sibling_row(f->siblings[i]);
        enum finding_id id;
        page_addf(p, "<dd><b class=\"id\">%s</b> ", f->siblings[i]);
        if (s != NULL) {
            page_say(p, s->what);
            page_markup(p, " (");
            page_finding_text(p, f, s->proof);
            page_markup(p, ")");
        } else if (finding_find(str_of(f->siblings[i]), &id)) {
            page_say(p, N_("see openalb explain"));
        }
        page_markup(p, "</dd>\n");
    }
}

static void
add_decider(const struct page *p, const struct finding *f)
{
    page_markup(p, "<dt>");
    page_say(p, N_("decided by"));
    page_markup(p, "</dt><dd>");
    page_finding_text(p, f, finding_row(f->id)->decider);
    page_markup(p, "</dd>\n");
}

void
page_ruled_out(const struct page *p)
{
    const struct finding *first = findings_first(p->r->findings);
    if (first == NULL) {
        return;
    }
    const struct finding_row *row = finding_row(first->id);
    bool open = first->confidence != CONFIDENCE_PROVED;
    if (row->rules_out[0] == '\0' && !open) {
        return;
    }
    page_markup(p, "<section><dl class=\"more\">\n");
    if (row->rules_out[0] != '\0') {
        page_markup(p, "<dt>");
        page_say(p, N_("ruled out"));
        page_markup(p, "</dt><dd>");
        page_rules_out(p, first);
        page_markup(p, "</dd>\n");
    }
    if (open && row->decider[0] != '\0') {
        add_decider(p, first);
    }
    if (open && first->sibling_count > 0) {
        add_siblings(p, first);
    }
    page_markup(p, "</dl></section>\n");
}

/* ---- the other findings ---- */

static void
add_consequence(const struct page *p, const struct finding *f)
{
    struct buf text = {0};
    text_fill(&text, tr(N_("a consequence of {id}")),
              TEXT_ARGS({"id", str_of(finding_row(f->consequence_of)->id)}));
    page_markup(p, " <span class=\"chip\">");
    page_text(p, buf_str(&text));
    page_markup(p, "</span>");
    buf_free(&text);
}

static void
add_other_fixes(const struct page *p, const struct finding *f)
{
    struct remedies r;
    sort_remedies(p->r->facts, f, &r);
    for (size_t i = 0; i < f->remark_count; i++) {
        add_remark(p, f->remarks[i]);
    }
    for (size_t i = 0; i < r.tool_count; i++) {
        page_markup(p, "<h3>");
        say_tool(p, r.tools[i]);
        page_markup(p, "</h3>\n");
        add_tool_rows(p, f, &r, r.tools[i]);
    }
}

static void
add_other(const struct page *p, const struct finding *f)
{
    page_addf(p, "<details class=\"finding\"><summary><strong class=\"badge %s\">",
              mark_class(mark_of_severity(f->severity)));
    page_say(p, say_severity(f->severity));
    page_addf(p, "</strong> <b class=\"id\">%s</b> <span>", finding_row(f->id)->id);
    page_cause(p, f);
    if (f->consequence_of != FINDING_NONE) {
        add_consequence(p, f);
    } else {
        page_markup(p, " <span class=\"chip\">");
        page_say(p, say_confidence(f->confidence));
        page_markup(p, "</span>");
    }
    page_markup(p, "</span></summary>\n");
    if (p->detail == DETAIL_FULL) {
        add_evidence_list(p, f, false);
        add_other_fixes(p, f);
    }
    page_markup(p, "</details>\n");
}

void
page_others(const struct page *p)
{
    const struct findings *all = p->r->findings;
    const struct finding *first = findings_first(all);
    if (all->count <= (first == NULL ? 0U : 1U)) {
        return;
    }
    page_markup(p, "<section>");
    page_heading(p, N_("also"));
    for (size_t i = 0; i < all->count; i++) {
        if (&all->items[i] != first) {
            add_other(p, &all->items[i]);
        }
    }
    page_markup(p, "</section>\n");
}

/* ---- layers ---- */

void
page_layers(const struct page *p)
{
    const struct findings *all = p->r->findings;
    bool beyond = false;
    page_markup(p, "<section>");
    page_heading(p, N_("layers"));
    page_markup(p, "<ol class=\"layers\">\n");
    for (enum layer l = 0; l < LAYER_UNDECIDED; l++) {
        enum layer_state s = all->layers[l];
        beyond = beyond || s == LAYER_OK_BEYOND;
        page_addf(p, "<li class=\"%s\"><b>", mark_class(mark_of_layer(s)));
        page_say(p, layer_title(l));
        page_markup(p, "</b><span>");
        page_say(p, say_layer_state(s));
        page_markup(p, "</span></li>\n");
    }
    page_markup(p, "</ol>\n");
    if (beyond) {
        page_markup(p, "<p class=\"note\">");
        page_say(p, N_("* seen through the load balancer's own address; - not examined"));
        page_markup(p, "</p>\n");
    }
    page_markup(p, "</section>\n");
}
