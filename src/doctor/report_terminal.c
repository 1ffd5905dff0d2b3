/* SPDX-License-Identifier: Apache-2.0
 * The report on a terminal: one screen, the verdict first [doctor-peers 5.2]. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "doctor/report.h"

enum {
    INDENT = 6,      /* of what belongs to a heading */
    LABEL = 18,      /* columns of the labels at the left */
    FIXES_SHOWN = 3, /* without --show-commands */
    EVIDENCE_SHOWN = 5,
    SHORT_COMMAND = 2, /* lines */
};

struct page {
    const struct report *r;
    const struct term *t;
    struct buf *out;
};

/* ---- lines ---- */

static void
line(const struct page *p, unsigned first, unsigned rest, struct str text)
{
    text_wrap(p->out, text, first, rest, p->t->width);
}

static void
heading(const struct page *p, const char *msgid)
{
    buf_add_z(p->out, "  ");
    term_add_styled(p->out, p->t, STYLE_BOLD, str_of(tr(msgid)));
    buf_add_char(p->out, '\n');
}

/* "  label         text", continued under the text. */
static void
labelled(const struct page *p, const char *msgid, struct str text)
{
    struct buf whole = {0};
    const char *label = tr(msgid);
    size_t width = text_width(str_of(label));
    buf_add_z(&whole, label);
    for (size_t i = width; i < LABEL - 2; i++) {
        buf_add_char(&whole, ' ');
    }
    if (width >= LABEL - 2) {
        buf_add_char(&whole, ' ');
    }
    buf_add_str(&whole, text);
    line(p, 2, LABEL, buf_str(&whole));
    buf_free(&whole);
}

static void
seconds(struct buf *out, uint64_t us)
{
    buf_addf(out, "%llu.%02llu s", (unsigned long long)(us / 1000000),
             (unsigned long long)(us % 1000000 / 10000));
}

/* ---- head and verdict ---- */

/* "https://host:port/   2 addresses, 0.74 s, answered by nginx" */
static void
add_head(const struct page *p)
{
    const struct facts *f = p->r->facts;
    struct addr addrs[8];
    size_t count = facts_site_addrs(f, addrs, COUNT_OF(addrs));
    struct buf text = {0}, number = {0}, took = {0};
    text_add_safe(&text, str_of(f->question.url));
    buf_addf(&number, "%zu", count);
    seconds(&took, f->elapsed_us);
    buf_add_z(&text, "   ");
    text_fill(&text, count == 1 ? tr(N_("1 address, {time}")) : tr(N_("{count} addresses, {time}")),
              TEXT_ARGS({"count", buf_str(&number)}, {"time", buf_str(&took)}));
    if (p->r->findings->answer != NULL) {
        struct buf who = {0};
        struct str server = http_seen_header(p->r->findings->answer->http, "server");
        if (server.p != NULL) {
            text_add_safe(&who, text_cut(server, 40));
        } else {
            buf_add_z(&who, tr(author_name(p->r->findings->answer->http->author)));
        }
        text_fill(&text, tr(N_(", answered by {who}")), TEXT_ARGS({"who", buf_str(&who)}));
        buf_free(&who);
    }
    line(p, 0, INDENT, buf_str(&text));
    buf_free(&text);
    buf_free(&number);
    buf_free(&took);
}

static enum style
severity_style(enum severity s)
{
    return s == SEVERITY_FAULT ? STYLE_FAIL : s == SEVERITY_WARNING ? STYLE_WARN : STYLE_DIM;
}

/* "FAIL  DNS-01  cause (proved)" */
static void
add_title(const struct page *p, const struct finding *f)
{
    struct buf text = {0};
    term_add_styled(&text, p->t, severity_style(f->severity),
                    str_of(tr(say_severity(f->severity))));
    size_t width = text_width(str_of(tr(say_severity(f->severity))));
    for (size_t i = width; i < INDENT; i++) {
        buf_add_char(&text, ' ');
    }
    term_add_styled(&text, p->t, STYLE_BOLD, str_of(finding_row(f->id)->id));
    buf_add_z(&text, "  ");
    say_cause(f, TEXT_TERMINAL, &text);
    buf_addf(&text, " (%s)", tr(say_confidence(f->confidence)));
    line(p, 0, INDENT, buf_str(&text));
    buf_free(&text);
}

void
say_sight(const struct sight_row *row, const char *cell, struct buf *out)
{
    bool failing = row == sight_row(SIGHT_PAGE_STATUS);
    const char *page = failing ? N_("the page with that status") : N_("the page opens");
    struct str rest = str_of(cell), piece;
    bool first = true;
    while (str_cut(&rest, '|', &piece)) {
        if (!first) {
            buf_add_z(out, tr(N_(" or ")));
        }
        struct str word = str_trim(piece);
        if (str_eq(word, STR("PAGE"))) {
            buf_add_z(out, tr(page));
        } else {
            buf_add_str(out, word);
        }
        first = false;
    }
}

/* What stands on Chromium's page, where that says more than its error name. */
static const char *
chromium_cell(const struct sight_row *s)
{
    bool same = s->page[0] == '\0' || str_find(str_of(s->page), str_of(s->chromium), NULL);
    return same ? s->chromium : s->page;
}

static void
add_sights(const struct page *p, const struct finding *f)
{
    const struct sight_row *s = sight_row(f->sight);
    const struct {
        const char *who, *cell;
    } rows[] = {{"Chromium", chromium_cell(s)},
                {"Firefox", s->firefox},
                {"Safari", s->safari},
                {"curl", s->curl},
                {"s_client", s->openssl}};
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].cell[0] == '\0') {
            continue;
        }
        if (!any) {
            heading(p, N_("what your colleague will see"));
            any = true;
        }
        struct buf text = {0};
        buf_addf(&text, "%-9s ", rows[i].who);
        say_sight(s, rows[i].cell, &text);
        line(p, INDENT, INDENT + 10, buf_str(&text));
        buf_free(&text);
    }
}

/* ---- evidence ---- */

static void
add_evidence(const struct page *p, const struct finding *f)
{
    size_t shown = 0;
    heading(p, N_("evidence"));
    for (size_t i = 0; i < f->evidence_count && (shown < EVIDENCE_SHOWN || p->r->verbose); i++) {
        struct buf text = {0};
        if (f->evidence[i].contrary) {
            buf_add_z(&text, tr(N_("but: ")));
        }
        say_evidence(f, &f->evidence[i], TEXT_TERMINAL, &text);
        line(p, INDENT, INDENT + 2, buf_str(&text));
        buf_free(&text);
        shown++;
    }
    if (f->counter != COUNTER_NONE && f->counter_text != NULL) {
        struct buf text = {0}, tried = {0};
        say_text(f, f->counter_text, TEXT_TERMINAL, &tried);
        text_fill(&text, tr(N_("counter-probe: {tried}: {outcome}")),
                  TEXT_ARGS({"tried", buf_str(&tried)},
                            {"outcome", str_of(tr(say_counter(f->counter)))}));
        line(p, INDENT, INDENT + 2, buf_str(&text));
        buf_free(&text);
        buf_free(&tried);
    }
    if (f->note != NULL) {
        struct buf text = {0};
        say_text(f, f->note, TEXT_TERMINAL, &text);
        line(p, INDENT, INDENT, buf_str(&text));
        buf_free(&text);
    }
}

/* ---- fix ---- */

static void
add_block(const struct page *p, struct str text, unsigned indent)
{
    struct str rest = text, one;
    while (str_cut(&rest, '\n', &one)) {
        if (one.n == 0) {
            continue;
        }
        for (unsigned i = 0; i < indent; i++) {
            buf_add_char(p->out, ' ');
        }
        buf_add_z(p->out, term_style(p->t, STYLE_DIM));
        text_add_safe(p->out, one);
        buf_add_z(p->out, term_style(p->t, STYLE_END));
        buf_add_char(p->out, '\n');
    }
}

static void
add_remark(const struct page *p, const struct webconf_remark *m)
{
    struct buf text = {0};
    text_add_safe(&text, str_of(m->file));
    buf_addf(&text, ":%u: ", m->line);
    text_add_safe(&text, text_cut(str_of(m->text), 200));
    line(p, INDENT, INDENT + 3, buf_str(&text));
    buf_free(&text);
    add_block(p, str_of(m->corrected), INDENT + 5);
}

/* A few lines that fit are shown beside the first, too: a record, a setting of a framework. */
static bool
is_short(const struct page *p, struct str command)
{
    struct str rest = command, one;
    size_t count = 0;
    bool fits = true;
    while (str_cut(&rest, '\n', &one)) {
        fits = fits && INDENT + 5 + text_width(one) <= p->t->width;
        count++;
    }
    return fits && count <= SHORT_COMMAND;
}

static void
add_fixes(const struct page *p, const struct finding *f)
{
    const struct fix_row *rows[SAY_FIXES_MAX];
    size_t count = say_fixes(p->r->facts, f, rows);
    if (count == 0 && f->remark_count == 0) {
        return;
    }
    heading(p, N_("fix"));
    for (size_t i = 0; i < f->remark_count; i++) {
        add_remark(p, f->remarks[i]);
    }
    for (size_t i = 0; i < count && (i < FIXES_SHOWN || p->r->show_commands); i++) {
        struct buf text = {0}, command = {0};
        buf_addf(&text, "%zu  ", i + 1);
        if (rows[i]->tool != TOOL_NONE) {
            buf_addf(&text, "%s: ", tr(tool_title(rows[i]->tool)));
        }
        say_text(f, rows[i]->text, TEXT_TERMINAL, &text);
        line(p, INDENT, INDENT + 3, buf_str(&text));
        say_command(p->r->facts, f, rows[i]->command, &command);
        if (i == 0 || p->r->show_commands || is_short(p, buf_str(&command))) {
            add_block(p, buf_str(&command), INDENT + 5);
        }
        buf_free(&text);
        buf_free(&command);
    }
    if (count > 1 && !p->r->show_commands) {
        line(p, INDENT, INDENT, str_of(tr(N_("(all commands: --show-commands)"))));
    }
}

/* ---- what else ---- */

static void
add_siblings(const struct page *p, const struct finding *f)
{
    for (size_t i = 0; i < f->sibling_count && f->confidence != CONFIDENCE_PROVED; i++) {
        const struct sibling_row *s = sibling_row(f->siblings[i]);
        struct buf text = {0};
        enum finding_id id;
        buf_addf(&text, "%s: ", f->siblings[i]);
        if (s != NULL) {
            buf_addf(&text, "%s (", tr(s->what));
            say_text(f, s->proof, TEXT_TERMINAL, &text);
            buf_add_char(&text, ')');
        } else if (finding_find(str_of(f->siblings[i]), &id)) {
            buf_add_z(&text, tr(N_("see openalb explain")));
        }
        labelled(p, i == 0 ? N_("looks alike") : "", buf_str(&text));
        buf_free(&text);
    }
}

static void
add_decider(const struct page *p, const struct finding *f)
{
    const char *decider = finding_row(f->id)->decider;
    if (f->confidence == CONFIDENCE_PROVED || decider[0] == '\0') {
        return;
    }
    struct buf text = {0};
    say_text(f, decider, TEXT_TERMINAL, &text);
    labelled(p, N_("decided by"), buf_str(&text));
    buf_free(&text);
}

static void
add_others(const struct page *p)
{
    const struct findings *all = p->r->findings;
    const struct finding *first = findings_first(all);
    for (size_t i = 0; i < all->count; i++) {
        const struct finding *f = &all->items[i];
        if (f == first) {
            continue;
        }
        struct buf text = {0};
        buf_addf(&text, "%s %s  ", tr(say_severity(f->severity)), finding_row(f->id)->id);
        say_cause(f, TEXT_TERMINAL, &text);
        if (f->consequence_of != FINDING_NONE) {
            buf_addf(&text, " (");
            text_fill(&text, tr(N_("a consequence of {id}")),
                      TEXT_ARGS({"id", str_of(finding_row(f->consequence_of)->id)}));
            buf_add_char(&text, ')');
        } else if (f->confidence != CONFIDENCE_PROVED) {
            buf_addf(&text, " (%s)", tr(say_confidence(f->confidence)));
        }
        labelled(p, N_("also"), buf_str(&text));
        buf_free(&text);
        if (f->confidence == CONFIDENCE_POSSIBLE && f->severity == SEVERITY_FAULT) {
            add_decider(p, f);
        }
    }
}

/* "dns ok  tcp ok  tls FAIL  certificate -" */
static void
add_layers(const struct page *p)
{
    static const enum style styles[] = {STYLE_DIM, STYLE_OK, STYLE_FAIL, STYLE_WARN, STYLE_OK};
    const struct findings *all = p->r->findings;
    struct buf text = {0};
    bool beyond = false;
    for (size_t l = 0; l < LAYER_UNDECIDED; l++) {
        enum layer_state s = all->layers[l];
        beyond |= s == LAYER_OK_BEYOND;
        buf_addf(&text, "%s%s ", l == 0 ? "" : "  ", tr(layer_title((enum layer)l)));
        term_add_styled(&text, p->t, styles[s],
                        s == LAYER_NOT_EXAMINED ? STR("-") : str_of(tr(say_layer_state(s))));
    }
    labelled(p, N_("layers"), buf_str(&text));
    buf_free(&text);
    if (beyond) {
        labelled(p, "",
                 str_of(tr(N_("* seen through the load balancer's own address; - not examined"))));
    }
}

/* What was read of logs and policies. */
static void
add_files(const struct page *p)
{
    const struct facts *f = p->r->facts;
    const struct log_mark *m = f->log == NULL ? NULL : say_main_mark(f->log);
    struct buf text = {0};
    if (f->log != NULL) {
        say_log_read(f->log, TEXT_TERMINAL, &text);
        labelled(p, N_("log"), buf_str(&text));
        buf_reset(&text);
    }
    if (m != NULL) {
        say_log_mark(m, TEXT_TERMINAL, &text);
        labelled(p, "", buf_str(&text));
        buf_reset(&text);
    }
    if (f->policy != NULL) {
        say_policy(f->policy, TEXT_TERMINAL, &text);
        labelled(p, N_("policy"), buf_str(&text));
    }
    buf_free(&text);
}

static void
add_probes(const struct page *p)
{
    const struct facts *f = p->r->facts;
    heading(p, N_("probes"));
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        char at[ADDR_TEXT];
        struct buf text = {0};
        uint64_t took = r->end_us > r->start_us ? r->end_us - r->start_us : 0;
        buf_addf(&text, "%-4s %6llu ms +%llu ms  %s ", probe_name(r->probe),
                 (unsigned long long)(r->start_us / 1000), (unsigned long long)(took / 1000),
                 outcome_name(r->outcome));
        if (r->at.sa.sa_family != 0) {
            buf_add_z(&text, addr_port_text(&r->at, at));
            buf_add_char(&text, ' ');
        }
        text_add_safe(&text, str_of(r->label[0] != '\0' ? r->label : r->name));
        if (r->skip != SKIP_NONE) {
            buf_addf(&text, " (%s)", tr(skip_text(r->skip)));
        }
        line(p, INDENT, INDENT + 5, buf_str(&text));
        buf_free(&text);
    }
}

static void
add_more(const struct page *p)
{
    const struct finding *first = findings_first(p->r->findings);
    struct buf text = {0};
    if (first != NULL) {
        buf_addf(&text, "openalb explain %s   ", finding_row(first->id)->id);
    }
    buf_add_z(&text, tr(N_("report for others: --html FILE, for a bug report: --save FILE")));
    labelled(p, N_("more"), buf_str(&text));
    buf_free(&text);
}

/* The page that a browser ends at: that of the last redirect, where there are any. */
static const struct result *
end_of(const struct facts *f, const struct result *answer)
{
    const struct result *end = answer;
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_R3, SIDE_HOP)) != NULL;) {
        if (r->label[0] == '\0' && r->http != NULL && r->http->has_status && r->hop > end->hop) {
            end = r;
        }
    }
    return end;
}

static void
add_opens(const struct facts *f, const struct result *answer, struct buf *out)
{
    const struct result *end = end_of(f, answer);
    uint64_t took = end->first_us > end->start_us ? end->first_us - end->start_us : 0;
    struct buf status = {0}, count = {0}, time = {0};
    buf_addf(&status, "%u", end->http->status);
    buf_addf(&count, "%u", end->hop);
    seconds(&time, took);
    const char *sentence =
        end->hop == 0   ? N_("It opens: {status}. No fault was found.")
        : end->hop == 1 ? N_("It opens: {status} after a redirect. No fault was found.")
                        : N_("It opens: {status} after {count} redirects. No fault was found.");
    text_fill(out, tr(sentence),
              TEXT_ARGS({"status", buf_str(&status)}, {"count", buf_str(&count)}));
    if (took >= f->question.timeout_us) { /* slow, not broken [ruling 4] */
        buf_add_char(out, ' ');
        text_fill(out, tr(N_("It is slow: the answer took {time}.")),
                  TEXT_ARGS({"time", buf_str(&time)}));
    }
    buf_free(&status);
    buf_free(&count);
    buf_free(&time);
}

static void
add_good(const struct page *p)
{
    const struct result *a = p->r->findings->answer;
    struct buf text = {0};
    term_add_styled(&text, p->t, STYLE_OK, str_of(tr(N_("ok"))));
    buf_add_z(&text, "    ");
    if (a != NULL) {
        add_opens(p->r->facts, a, &text);
    } else {
        buf_add_z(&text, tr(N_("No fault was found in what was examined.")));
    }
    line(p, 0, INDENT, buf_str(&text));
    buf_free(&text);
}

void
report_terminal(const struct report *r, const struct term *t, struct buf *out)
{
    struct page p = {r, t, out};
    const struct finding *first = findings_first(r->findings);
    add_head(&p);
    buf_add_char(out, '\n');
    if (first == NULL) {
        add_good(&p);
    } else {
        add_title(&p, first);
        add_sights(&p, first);
        add_evidence(&p, first);
        add_fixes(&p, first);
        struct buf text = {0};
        say_rules_out(first, TEXT_TERMINAL, &text);
        if (text.n > 0) {
            labelled(&p, N_("ruled out"), buf_str(&text));
        }
        buf_free(&text);
        add_decider(&p, first);
        add_siblings(&p, first);
    }
    add_others(&p);
    add_layers(&p);
    add_files(&p);
    if (r->verbose) {
        add_probes(&p);
    }
    add_more(&p);
}

void
report_quiet(const struct report *r, struct buf *out)
{
    const struct finding *first = findings_first(r->findings);
    if (first == NULL) {
        buf_addf(out, "%s  ", tr(N_("ok")));
        text_add_safe(out, str_of(r->facts->question.url));
        return;
    }
    buf_addf(out, "%s %s %s %s ", tr(say_severity(first->severity)), finding_row(first->id)->id,
             layer_json(first->layer), tr(say_confidence(first->confidence)));
    text_add_safe(out, str_of(r->facts->question.url));
    buf_add_z(out, ": ");
    say_cause(first, TEXT_TERMINAL, out);
}
