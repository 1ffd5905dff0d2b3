/* SPDX-License-Identifier: Apache-2.0
 * The report as one page that needs nothing else: no other file, no network, no script to be read
 * [doctor-peers 5.4, ruling 15]. What the script adds is copying; the language is chosen by two
 * radio buttons and the style sheet. The page's own policy allows just our style and script. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/html_int.h"

/* ---- the head ---- */

static void
add_time(const struct page *p, uint64_t unix_s)
{
    struct civil c = clock_civil(unix_s * 1000000);
    page_addf(p, "%04d-%02d-%02d %02d:%02d:%02d UTC", c.year, c.month, c.day, c.hour, c.minute,
              c.second);
}

static void
add_title(const struct page *p)
{
    const struct finding *first = findings_first(p->r->findings);
    page_markup(p, "<title>");
    page_say(p, first == NULL ? N_("ok") : say_severity(first->severity));
    if (first != NULL) {
        page_addf(p, " %s", finding_row(first->id)->id);
    }
    page_markup(p, " ");
    page_text(p, str_of(p->r->facts->question.url));
    page_markup(p, "</title>\n");
}

static void
add_head(const struct page *p)
{
    page_addf(p, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
              p->lang);
    page_addf(p,
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
              "style-src '%s'; script-src '%s'; ",
              report_css_hash, report_js_hash);
    page_markup(p, "base-uri 'none'; form-action 'none'\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"referrer\" content=\"no-referrer\">\n"
                   "<meta name=\"robots\" content=\"noindex\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n");
    add_title(p);
    page_markup(p, "<style>");
    page_markup(p, report_css);
    page_markup(p, "</style>\n</head>\n<body>\n");
}

/* ---- the languages ---- */

struct languages {
    enum lang items[LANG_COUNT]; /* the report's own first */
    size_t count;
};

static void
find_languages(struct languages *l)
{
    enum lang own = text_lang();
    l->items[0] = own;
    l->count = 1;
    for (enum lang other = 0; other < LANG_COUNT; other++) {
        if (other != own && text_lang_set(other)) { /* false: its catalogue is not there */
            l->items[l->count++] = other;
        }
    }
    (void)text_lang_set(own); /* it was set before */
}

/* The buttons stand before all that they choose: the style sheet looks for what follows them. */
static void
add_buttons(const struct page *p, const struct languages *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const char *code = text_lang_code(l->items[i]);
        page_addf(p,
                  "<input type=\"radio\" class=\"pick\" name=\"lang\" id=\"lang-%s\" "
                  "value=\"%s\"%s>\n",
                  code, code, i == 0 ? " checked" : "");
    }
}

static void
add_mast(const struct page *p, const struct languages *l)
{
    /* Each in its own language: "Nihongo" in kanji. */
    static const char *const names[] = {
        [LANG_EN] = "English", [LANG_JA] = "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"};
    page_markup(p,
                "<header class=\"mast\"><div class=\"wide\"><p class=\"brand\"><svg width=\"22\" "
                "height=\"22\" viewBox=\"0 0 22 22\" aria-hidden=\"true\"><path d=\"M1 11h5l2.5-7 "
                "5 14L16 11h5\"/></svg><span>openalb <b>doctor</b></span></p><p class=\"when\">");
    add_time(p, p->r->facts->started_s);
    page_markup(p, "</p>");
    if (l->count > 1) {
        page_markup(p, "<p class=\"switch\">");
        for (enum lang lang = 0; lang < LANG_COUNT; lang++) {
            const char *code = text_lang_code(lang);
            page_addf(p, "<label for=\"lang-%s\" lang=\"%s\">%s</label>", code, code, names[lang]);
        }
        page_markup(p, "</p>");
    }
    page_markup(p, "</div></header>\n");
}

/* ---- one language's half ---- */

static void
add_ticket(const struct page *p)
{
    struct buf text = {0};
    say_ticket(p->r, &text);
    page_markup(p, "<section class=\"ticket\">");
    page_heading(p, N_("ticket"));
    page_markup(p, "<p>");
    page_say(p,
             N_("Send this to whoever runs the site. It holds no paths, cookies, names of files or "
                "private addresses of yours."));
    page_markup(p, "</p>\n");
    page_code(p, buf_str(&text), "");
    page_markup(p, "</section>\n");
    buf_free(&text);
}

static void
add_foot(const struct page *p)
{
    struct buf text = {0};
    text_fill(&text,
              tr(N_("Made by openalb doctor {version}. Its requests bore the mark {marker}.")),
              TEXT_ARGS({"version", str_of(p->r->facts->version)},
                        {"marker", str_of(p->r->facts->marker)}));
    page_markup(p, "<footer><p>");
    page_text(p, buf_str(&text));
    page_markup(p, "</p></footer>\n");
    buf_free(&text);
}

/* Empties the text. */
static void
add_item(const struct page *p, struct buf *text)
{
    page_markup(p, "<li>");
    page_sentence(p, buf_str(text));
    page_markup(p, "</li>\n");
    buf_free(text);
}

/* What was read of logs and policies. */
static void
add_files(const struct page *p)
{
    const struct facts *f = p->r->facts;
    struct buf text = {0};
    if (f->log == NULL && f->policy == NULL) {
        return;
    }
    page_markup(p, "<section>\n<h2>");
    page_say(p, N_("Files that were read"));
    page_markup(p, "</h2>\n<ul>\n");
    if (f->log != NULL) {
        say_log_read(f->log, TEXT_PLAIN, &text);
        add_item(p, &text);
    }
    for (size_t i = 0; f->log != NULL && i < f->log->mark_count; i++) {
        say_log_mark(&f->log->marks[i], TEXT_PLAIN, &text);
        add_item(p, &text);
    }
    if (f->policy != NULL) {
        say_policy(f->policy, TEXT_PLAIN, &text);
        add_item(p, &text);
    }
    page_markup(p, "</ul>\n</section>\n");
}

static void
add_half(const struct page *p)
{
    page_addf(p, "<main class=\"wide\" lang=\"%s\">\n", p->lang);
    page_verdict(p);
    page_path(p);
    page_markup(p, "<div class=\"two\">\n");
    page_evidences(p);
    page_sights(p);
    page_markup(p, "</div>\n");
    page_fixes(p);
    page_ruled_out(p);
    page_others(p);
    page_layers(p);
    page_time_line(p);
    page_endpoints(p);
    page_redirects(p);
    add_files(p);
    add_ticket(p);
    add_foot(p);
    page_markup(p, "</main>\n");
}

static void
add_page(struct page *p, const struct languages *l)
{
    p->lang = text_lang_code(l->items[0]);
    add_head(p);
    add_buttons(p, l);
    add_mast(p, l);
    for (size_t i = 0; i < l->count; i++) {
        if (text_lang_set(l->items[i])) {
            p->lang = text_lang_code(l->items[i]);
            add_half(p);
        }
    }
    (void)text_lang_set(l->items[0]); /* it was set before */
    page_markup(p, "<script>");
    page_markup(p, report_js);
    page_markup(p, "</script>\n</body>\n</html>\n");
}

void
report_html(const struct report *r, struct buf *out)
{
    struct languages l;
    struct secrets *secrets = secrets_new(&r->facts->question, false);
    find_languages(&l);
    for (enum detail detail = DETAIL_FULL; detail <= DETAIL_LESS; detail++) {
        struct buf whole = {.max = LIMIT_DOCTOR_PAGE_BYTES};
        struct page p = {.r = r, .out = &whole, .secrets = secrets, .detail = detail};
        add_page(&p, &l);
        bool fits = !whole.overflow;
        if (fits || detail == DETAIL_LESS) {
            buf_add_str(out, buf_str(&whole));
        }
        buf_free(&whole);
        if (fits) {
            break;
        }
    }
    secrets_free(&secrets);
}
