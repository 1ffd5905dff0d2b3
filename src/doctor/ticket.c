/* SPDX-License-Identifier: Apache-2.0
 * The text for whoever runs the site: what is wrong, what was seen, what to do.
 *
 * It goes to strangers, so sentences are scrubbed word by word: of URLs the path goes, names of
 * files and private addresses are replaced by words for them. An address that is the fault itself
 * (it stands in the cause, or the name leads to it and that is what is wrong) stays. */
#include "base/clock.h"
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "doctor/report.h"

enum {
    TICKET_LINE_BYTES = 600, /* of one sentence */
    TICKET_EVIDENCE = 5,
    TICKET_FIXES = 4,
};

struct ticket {
    const struct report *r;
    const struct finding *first; /* borrowed; NULL: nothing is wrong */
    struct buf cause;            /* owned, plain: addresses in it are no secret */
    struct buf *out;
};

/* ---- scrubbing ---- */

/* What words are made of: URLs, paths and addresses are words, quotes and commas are not. */
static bool
is_word_char(char c)
{
    return ascii_is_alnum(c) || (c != '\0' && strchr("-._~:/?#[]@!$&*+=%", c) != NULL);
}

/* "10.0.0.1", "10.0.0.1:443", "[fd00::1]:443", "fd00::1" */
static bool
word_addr(struct str word, struct addr *ret)
{
    size_t end = 0, colon = 0;
    if (addr_parse(word, 0, ret)) {
        return true;
    }
    if (word.n > 0 && word.p[0] == '[' && str_find_char(word, ']', &end)) {
        return addr_parse(str_sub(word, 1, end - 1), 0, ret);
    }
    return str_rfind_char(word, ':', &colon) && addr_parse(str_sub(word, 0, colon), 0, ret);
}

static bool
is_private(const struct addr *a)
{
    static const char *const open[] = {"documentation", "unspecified"};
    const char *range = addr_range(a);
    for (size_t i = 0; i < COUNT_OF(open) && range != NULL; i++) {
        if (strcmp(range, open[i]) == 0) {
            return false;
        }
    }
    return range != NULL;
}

static bool
is_one_of(const struct addr *a, const struct addr *list, size_t count)
{
    struct addr bare = *a;
    for (size_t i = 0; i < count; i++) {
        addr_set_port(&bare, addr_port(&list[i]));
        if (addr_eq(&bare, &list[i])) {
            return true;
        }
    }
    return false;
}

/* An address of the cause; of the site and its load balancer, where the fault is that the name
 * leads to the wrong one, or that it is silent. */
static bool
is_the_fault(const struct ticket *t, const struct addr *a)
{
    struct addr site[QUESTION_ADDRS_MAX], lb[QUESTION_ADDRS_MAX];
    char text[ADDR_TEXT];
    if (t->first != NULL && (t->first->layer == LAYER_DNS || t->first->layer == LAYER_TCP) &&
        (is_one_of(a, site, facts_site_addrs(t->r->facts, site, COUNT_OF(site))) ||
         is_one_of(a, lb, facts_lb_addrs(t->r->facts, lb, COUNT_OF(lb))))) {
        return true;
    }
    return str_find(buf_str(&t->cause), str_of(addr_text(a, text)), NULL);
}

/* "https://host:443/path?query" as "https://host:443/". */
static bool
add_url(struct buf *out, struct str word)
{
    size_t scheme = 0, slash = 0, at = 0;
    if (!str_find(word, STR("://"), &scheme)) {
        return false;
    }
    struct str rest = str_sub(word, scheme + 3, word.n);
    bool path = str_find_char(rest, '/', &slash) || str_find_char(rest, '?', &slash);
    struct str authority = path ? str_sub(rest, 0, slash) : rest;
    if (str_rfind_char(authority, '@', &at)) {
        authority = str_sub(authority, at + 1, authority.n);
    }
    buf_add_str(out, str_sub(word, 0, scheme + 3));
    buf_add_str(out, authority);
    if (path) {
        buf_add_char(out, '/');
    }
    return true;
}

/* What scrub() takes away. */
enum scrubbing {
    SCRUB_SENTENCE, /* paths, file names, private addresses */
    SCRUB_COMMAND,  /* private addresses: the paths of a command are our own */
};

static void
add_word(const struct ticket *t, struct buf *out, struct str word, enum scrubbing how)
{
    struct str core = word;
    struct addr a;
    while (core.n > 0 && strchr(".:?!", core.p[core.n - 1]) != NULL) {
        core.n--; /* of the sentence, not of the word */
    }
    bool path = how == SCRUB_SENTENCE && core.n > 1 && (core.p[0] == '/' || core.p[0] == '~');
    if (add_url(out, core)) {
        /* done */
    } else if (path) {
        buf_add_z(out, tr(N_("(a file or path)")));
    } else if (word_addr(core, &a) && is_private(&a) && !is_the_fault(t, &a)) {
        buf_add_z(out, tr(N_("(a private address)")));
    } else {
        buf_add_str(out, core);
    }
    buf_add_str(out, str_sub(word, core.n, word.n));
}

static void
scrub(const struct ticket *t, struct buf *out, struct str plain, enum scrubbing how)
{
    while (plain.n > 0) {
        size_t n = 0;
        while (n < plain.n && is_word_char(plain.p[n])) {
            n++;
        }
        add_word(t, out, str_sub(plain, 0, n), how);
        plain = str_sub(plain, n, plain.n);
        if (plain.n > 0) {
            buf_add_char(out, plain.p[0]);
            plain = str_sub(plain, 1, plain.n);
        }
    }
}

/* A sentence of the ticket: scrubbed, cut, bytes of strangers made visible; frees `plain`. */
static void
add_sentence(const struct ticket *t, const char *before, struct buf *plain)
{
    struct buf text = {0};
    scrub(t, &text, buf_str(plain), SCRUB_SENTENCE);
    struct str shown = text_cut(buf_str(&text), TICKET_LINE_BYTES);
    buf_add_z(t->out, before);
    text_add_safe(t->out, shown);
    buf_add_z(t->out, shown.n < text.n ? "\xe2\x80\xa6\n" : "\n");
    buf_free(&text);
    buf_free(plain);
}

/* ---- the parts ---- */

static void
add_heading(const struct ticket *t, const char *msgid)
{
    buf_addf(t->out, "\n%s:\n", tr(msgid));
}

static void
add_head(const struct ticket *t)
{
    const struct facts *f = t->r->facts;
    struct civil c = clock_civil(f->started_s * 1000000);
    struct buf time = {0};
    buf_addf(&time, "%04d-%02d-%02d %02d:%02d UTC", c.year, c.month, c.day, c.hour, c.minute);
    text_fill_as(t->out, TEXT_TERMINAL,
                 tr(N_("{url} examined by openalb doctor {version} at {time}")),
                 TEXT_ARGS({"url", str_of(f->question.url)}, {"version", str_of(f->version)},
                           {"time", buf_str(&time)}));
    buf_add_z(t->out, "\n\n");
    buf_free(&time);
}

static void
add_cause(struct ticket *t)
{
    struct buf text = {0};
    say_cause(t->first, TEXT_PLAIN, &t->cause);
    buf_addf(t->out, "%s %s (%s)\n", tr(say_severity(t->first->severity)),
             finding_row(t->first->id)->id, tr(say_confidence(t->first->confidence)));
    buf_add_str(&text, buf_str(&t->cause));
    add_sentence(t, "", &text);
}

static void
add_evidence(const struct ticket *t)
{
    const struct finding *f = t->first;
    add_heading(t, N_("evidence"));
    for (size_t i = 0; i < f->evidence_count && i < TICKET_EVIDENCE; i++) {
        struct buf text = {0};
        if (f->evidence[i].contrary) {
            buf_add_z(&text, tr(N_("but: ")));
        }
        say_evidence(f, &f->evidence[i], TEXT_PLAIN, &text);
        add_sentence(t, "- ", &text);
    }
    if (f->counter != COUNTER_NONE && f->counter_text != NULL) {
        struct buf text = {0}, tried = {0};
        say_text(f, f->counter_text, TEXT_PLAIN, &tried);
        text_fill(&text, tr(N_("counter-probe: {tried}: {outcome}")),
                  TEXT_ARGS({"tried", buf_str(&tried)},
                            {"outcome", str_of(tr(say_counter(f->counter)))}));
        add_sentence(t, "- ", &text);
        buf_free(&tried);
    }
}

/* The lines of a command, unless it names a file of this machine. */
static void
add_command(const struct ticket *t, const char *template)
{
    if (strstr(template, "{file}") != NULL) {
        return;
    }
    struct buf command = {0}, text = {0};
    say_command(t->r->facts, t->first, template, &command);
    scrub(t, &text, buf_str(&command), SCRUB_COMMAND);
    struct str rest = buf_str(&text), line;
    while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
        buf_add_z(t->out, "    ");
        text_add_safe(t->out, line);
        buf_add_char(t->out, '\n');
    }
    buf_free(&command);
    buf_free(&text);
}

static void
add_fixes(const struct ticket *t)
{
    const struct fix_row *rows[SAY_FIXES_MAX];
    size_t count = say_fixes(t->r->facts, t->first, rows);
    if (count > 0) {
        add_heading(t, N_("fix"));
    }
    for (size_t i = 0; i < count && i < TICKET_FIXES; i++) {
        struct buf text = {0};
        if (rows[i]->tool != TOOL_NONE) {
            buf_addf(&text, "%s: ", tr(tool_title(rows[i]->tool)));
        }
        say_text(t->first, rows[i]->text, TEXT_PLAIN, &text);
        add_sentence(t, "- ", &text);
        add_command(t, rows[i]->command);
    }
}

static void
add_more(const struct ticket *t)
{
    struct buf text = {0};
    const char *decider = finding_row(t->first->id)->decider;
    say_rules_out(t->first, TEXT_PLAIN, &text);
    if (text.n > 0) {
        add_heading(t, N_("ruled out"));
        add_sentence(t, "- ", &text);
    }
    if (t->first->confidence != CONFIDENCE_PROVED && decider[0] != '\0') {
        add_heading(t, N_("decided by"));
        say_text(t->first, decider, TEXT_PLAIN, &text);
        add_sentence(t, "- ", &text);
    }
}

static void
add_layers(const struct ticket *t)
{
    add_heading(t, N_("layers"));
    for (enum layer l = 0; l < LAYER_UNDECIDED; l++) {
        buf_addf(t->out, "%s%s: %s", l == 0 ? "" : ", ", tr(layer_title(l)),
                 tr(say_layer_state(t->r->findings->layers[l])));
    }
    buf_add_char(t->out, '\n');
}

void
say_ticket(const struct report *r, struct buf *out)
{
    struct ticket t = {.r = r, .first = findings_first(r->findings), .out = out};
    add_head(&t);
    if (t.first == NULL) {
        buf_addf(out, "%s\n", tr(N_("No fault was found in what was examined.")));
    } else {
        add_cause(&t);
        add_evidence(&t);
        add_fixes(&t);
        add_more(&t);
    }
    add_layers(&t);
    buf_free(&t.cause);
}
