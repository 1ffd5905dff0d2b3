/* SPDX-License-Identifier: Apache-2.0
 * Words, addresses, times and bytes on the page: the only places where anything that is not our
 * own markup enters it. */
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "doctor/html_int.h"

enum {
    TEXT_BYTES_FULL = 800, /* of one text; a page that is too large gets less */
    TEXT_BYTES_LESS = 160,
    DUMP_LINE = 16, /* bytes of a line of hex */
};

/* ---- marks ---- */

const char *
mark_class(enum mark m)
{
    static const char *const classes[] = {"unknown", "good", "bad", "warn"};
    ASSERT(m < MARK_COUNT);
    return classes[m];
}

enum mark
mark_of_layer(enum layer_state s)
{
    static const enum mark marks[] = {MARK_UNKNOWN, MARK_GOOD, MARK_BAD, MARK_WARN, MARK_GOOD};
    return marks[s];
}

enum mark
mark_of_severity(enum severity s)
{
    static const enum mark marks[] = {MARK_BAD, MARK_WARN, MARK_UNKNOWN};
    return marks[s];
}

/* ---- words ---- */

void
page_markup(const struct page *p, const char *markup)
{
    buf_add_z(p->out, markup);
}

void
page_addf(const struct page *p, const char *fmt, ...)
{
    char text[256];
    va_list list;
    va_start(list, fmt);
    int n = vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    ASSERT(n >= 0 && (size_t)n < sizeof text);
    buf_add(p->out, text, (size_t)n);
}

void
page_say(const struct page *p, const char *msgid)
{
    text_add_html_own(p->out, str_of(tr(msgid)));
}

/* At most `max` bytes, no character cut in two. */
static struct str
cut(struct str s, size_t max)
{
    if (s.n <= max) {
        return s;
    }
    while (max > 0 && ((uint8_t)s.p[max] & 0xC0) == 0x80) {
        max--;
    }
    return str_sub(s, 0, max);
}

void
page_text(const struct page *p, struct str bytes)
{
    struct str shown = cut(bytes, p->detail == DETAIL_FULL ? TEXT_BYTES_FULL : TEXT_BYTES_LESS);
    text_add_html(p->out, shown);
    if (shown.n < bytes.n) {
        page_markup(p, "\xe2\x80\xa6"); /* ... */
    }
}

/* ---- sentences ---- */

static bool
ends_word(char c)
{
    return c == ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '\n' || c == ')' ||
           ((uint8_t)c & 0x80) != 0;
}

/* What follows the '?' of a URL may be anything that a user typed: it is not shown to others. */
static void
add_without_queries(struct buf *out, struct str s)
{
    bool url = false, query = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (ends_word(c)) {
            url = query = false;
        } else if (c == '/' || (c == '?' && i == 0)) { /* a Location may be a query alone */
            url = true;
        }
        if (!query) {
            buf_add_char(out, c);
        }
        if (c == '?' && url && !query) {
            query = true;
            if (i + 1 < s.n && !ends_word(s.p[i + 1])) {
                buf_add_z(out, "\xe2\x80\xa6");
            }
        }
    }
}

void
page_sentence(const struct page *p, struct str plain)
{
    struct buf text = {0}, shown = {0};
    add_without_queries(&text, plain);
    secrets_add_home(p->secrets, buf_str(&text), &shown);
    page_text(p, buf_str(&shown));
    buf_free(&text);
    buf_free(&shown);
}

static void
finish_sentence(const struct page *p, struct buf *plain)
{
    page_sentence(p, buf_str(plain));
    buf_free(plain);
}

void
page_cause(const struct page *p, const struct finding *f)
{
    struct buf text = {0};
    say_cause(f, TEXT_PLAIN, &text);
    finish_sentence(p, &text);
}

void
page_evidence(const struct page *p, const struct finding *f, const struct evidence *ev)
{
    struct buf text = {0};
    say_evidence(f, ev, TEXT_PLAIN, &text);
    finish_sentence(p, &text);
}

void
page_rules_out(const struct page *p, const struct finding *f)
{
    struct buf text = {0};
    say_rules_out(f, TEXT_PLAIN, &text);
    finish_sentence(p, &text);
}

void
page_finding_text(const struct page *p, const struct finding *f, const char *msgid)
{
    struct buf text = {0};
    say_text(f, msgid, TEXT_PLAIN, &text);
    finish_sentence(p, &text);
}

void
page_heading(const struct page *p, const char *msgid)
{
    page_markup(p, "<h2>");
    page_say(p, msgid);
    page_markup(p, "</h2>\n");
}

/* ---- code ---- */

/* Lines that are pasted: nothing is cut, since half a command is worse than none. */
void
page_code(const struct page *p, struct str text, const char *class)
{
    page_addf(p, "<div class=\"code %s\"><pre>", class);
    text_add_html_own(p->out, text);
    page_markup(p, "</pre><button type=\"button\" class=\"copy\" hidden data-done=\"");
    page_say(p, N_("copied"));
    page_markup(p, "\">");
    page_say(p, N_("copy"));
    page_markup(p, "</button></div>\n");
}

/* ---- bytes ---- */

static void
add_dump_line(const struct page *p, const uint8_t *bytes, size_t n, size_t at)
{
    page_addf(p, "<i>%04zx</i>  ", at);
    for (size_t i = 0; i < DUMP_LINE; i++) {
        if (i < n) {
            page_addf(p, "%02x ", bytes[i]);
        } else {
            page_markup(p, "   ");
        }
        if (i == DUMP_LINE / 2 - 1) {
            page_markup(p, " ");
        }
    }
    page_markup(p, " <b>");
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
        text_add_html(p->out, (struct str){&c, 1});
    }
    page_markup(p, "</b>\n");
}

static void
add_dump_label(const struct page *p, const char *label, size_t shown, uint64_t total)
{
    struct buf sentence = {0}, few = {0}, all = {0};
    buf_addf(&few, "%zu", shown);
    buf_addf(&all, "%llu", (unsigned long long)total);
    text_fill(&sentence,
              shown < total ? tr(N_("the first {shown} of {total} bytes"))
                            : tr(N_("{total} bytes")),
              TEXT_ARGS({"shown", buf_str(&few)}, {"total", buf_str(&all)}));
    page_markup(p, "<figcaption>");
    page_say(p, label);
    page_markup(p, " <span>");
    page_text(p, buf_str(&sentence));
    page_markup(p, "</span></figcaption>");
    buf_free(&sentence);
    buf_free(&few);
    buf_free(&all);
}

void
page_dump(const struct page *p, const char *label, const struct bytes *bytes, uint64_t total,
          size_t max)
{
    if (bytes->n == 0) {
        return;
    }
    struct buf copy = {0};
    buf_add(&copy, bytes->p, bytes->n);
    secrets_star(p->secrets, SECRET_WIRE, copy.p, copy.n);
    size_t shown = MIN_OF(copy.n, max);
    page_markup(p, "<figure class=\"dump\">");
    add_dump_label(p, label, shown, MAX_OF(total, (uint64_t)bytes->n));
    page_markup(p, "<pre tabindex=\"0\">");
    for (size_t at = 0; at < shown; at += DUMP_LINE) {
        add_dump_line(p, (const uint8_t *)copy.p + at, MIN_OF((size_t)DUMP_LINE, shown - at), at);
    }
    page_markup(p, "</pre></figure>\n");
    buf_free(&copy);
}

/* ---- values ---- */

void
page_addr(const struct page *p, const struct addr *a)
{
    char text[ADDR_TEXT];
    if (a->sa.sa_family != 0) {
        page_text(p, str_of(addr_port_text(a, text)));
    }
}

void
page_took(const struct page *p, uint64_t us)
{
    if (us < 1000) {
        page_addf(p, "%llu.%llu ms", (unsigned long long)(us / 1000),
                  (unsigned long long)(us % 1000 / 100));
    } else if (us < 2000000) {
        page_addf(p, "%llu ms", (unsigned long long)(us / 1000));
    } else {
        page_addf(p, "%llu.%llu s", (unsigned long long)(us / 1000000),
                  (unsigned long long)(us % 1000000 / 100000));
    }
}
