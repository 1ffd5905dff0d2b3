/* SPDX-License-Identifier: Apache-2.0
 * The time line: a bar for each probe from its start to its end, with what it sent and got behind
 * it. Lengths are percentages, so that the bars fit any page. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "doctor/html_int.h"

enum {
    PROBE_BYTES = 128, /* of what was sent, and of what came */
    TICKS_MAX = 5,
};

/* ---- the scale ---- */

static bool
is_silent(const struct result *r)
{
    return r->outcome == OUTCOME_TIMEOUT || r->outcome == OUTCOME_CANCELLED;
}

/* The end of the scale. A silent probe lasts for seconds, all others for milliseconds: then its bar
 * is torn off, so that the others can be told apart. */
static uint64_t
scale_us(const struct facts *f)
{
    uint64_t last = 1000, answered = 1000;
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        last = MAX_OF(last, r->end_us);
        answered = is_silent(r) ? answered : MAX_OF(answered, r->end_us);
    }
    return answered > 1000 && last / 3 > answered ? answered + answered / 3 : last;
}

/* 1, 2 or 5 times a power of ten, so that there are at most TICKS_MAX steps. */
static uint64_t
tick_us(uint64_t all)
{
    static const unsigned steps[] = {1, 2, 5};
    for (uint64_t power = 100; power < UINT64_MAX / 100; power *= 10) {
        for (size_t i = 0; i < COUNT_OF(steps); i++) {
            if (all / (power * steps[i]) < TICKS_MAX) {
                return power * steps[i];
            }
        }
    }
    return all;
}

/* Hundredths of a percent, as text for an attribute. */
static void
add_share(const struct page *p, const char *attribute, uint64_t us, uint64_t all)
{
    uint64_t share = MIN_OF(us, all) * 10000 / all;
    page_addf(p, " %s=\"%u.%02u%%\"", attribute, (unsigned)(share / 100), (unsigned)(share % 100));
}

static void
add_scale(const struct page *p, uint64_t all)
{
    uint64_t step = tick_us(all);
    page_markup(p, "<div class=\"scale\"><svg height=\"16\" aria-hidden=\"true\">");
    for (uint64_t at = 0; at <= all; at += step) {
        page_markup(p, "<text y=\"12\"");
        add_share(p, "x", at, all);
        page_addf(p, "%s>", at > all - all / 12 ? " class=\"end\"" : "");
        if (step >= 1000000) {
            page_addf(p, "%llu s", (unsigned long long)(at / 1000000));
        } else if (step >= 1000) {
            page_addf(p, "%llu ms", (unsigned long long)(at / 1000));
        } else {
            page_addf(p, "%llu.%llu ms", (unsigned long long)(at / 1000),
                      (unsigned long long)(at % 1000 / 100));
        }
        page_markup(p, "</text>");
    }
    page_markup(p, "</svg></div>\n");
}

/* ---- one probe ---- */

static enum mark
outcome_mark(const struct result *r)
{
    switch (r->outcome) {
    case OUTCOME_OK: return MARK_GOOD;
    case OUTCOME_FAIL:
    case OUTCOME_TIMEOUT: return MARK_BAD;
    case OUTCOME_CANCELLED:
    case OUTCOME_SKIPPED:
    case OUTCOME_COUNT: return MARK_UNKNOWN;
    }
    return MARK_UNKNOWN;
}

static void
add_phase(const struct page *p, const char *class, uint64_t from, uint64_t to, uint64_t all)
{
    to = MIN_OF(to, all);
    if (to > from) {
        page_addf(p, "<rect class=\"%s\" y=\"2\" height=\"12\"", class);
        add_share(p, "x", from, all);
        add_share(p, "width", to - from, all);
        page_markup(p, "/>");
    }
}

/* Connecting, waiting for the first byte, reading. */
static void
add_bar(const struct page *p, const struct result *r, uint64_t all)
{
    uint64_t connected = r->connected_us == 0 ? r->start_us : MIN_OF(r->connected_us, r->end_us);
    uint64_t first = r->first_us == 0 ? r->end_us : MIN_OF(r->first_us, r->end_us);
    first = MAX_OF(first, connected);
    page_markup(p,
                "<svg class=\"bar\" height=\"16\" aria-hidden=\"true\"><line y1=\"1\" y2=\"15\"");
    add_share(p, "x1", r->start_us, all);
    add_share(p, "x2", r->start_us, all);
    page_markup(p, "/>");
    add_phase(p, "connect", r->start_us, connected, all);
    add_phase(p, r->first_us == 0 && outcome_mark(r) == MARK_BAD ? "lost" : "wait", connected,
              first, all);
    add_phase(p, "read", first, r->end_us, all);
    if (r->end_us > all) {
        page_markup(p,
                    "<svg x=\"96%\" overflow=\"visible\"><path d=\"M0 16 6-1M7 16 13-1\"/></svg>");
    }
    page_markup(p, "</svg>");
}

static void
add_field(const struct page *p, const char *msgid, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        page_markup(p, "<dt>");
        page_say(p, msgid);
        page_markup(p, "</dt><dd>");
        page_text(p, str_of(value));
        page_markup(p, "</dd>\n");
    }
}

static void
add_moment(const struct page *p, const char *msgid, uint64_t us)
{
    if (us != 0) {
        page_markup(p, "<dt>");
        page_say(p, msgid);
        page_markup(p, "</dt><dd>");
        page_took(p, us);
        page_markup(p, "</dd>\n");
    }
}

static void
add_answer(const struct page *p, const struct result *r)
{
    struct buf text = {0};
    uint16_t version = r->seen != NULL && r->seen->version != 0 ? r->seen->version
                       : r->flight != NULL                      ? r->flight->version
                                                                : 0;
    const char *name = version == 0 ? NULL : tls_version_name(version);
    if (name != NULL) {
        buf_add_z(&text, name);
    }
    if (r->flight != NULL && r->flight->alert >= 0) {
        const char *alert = tls_alert_name((unsigned)r->flight->alert);
        buf_addf(&text, "%salert %d %s", text.n > 0 ? ", " : "", r->flight->alert,
                 alert == NULL ? "" : alert);
    }
    if (r->http != NULL && r->http->has_status) {
        buf_addf(&text, "%sHTTP/%u.%u %u", text.n > 0 ? ", " : "", r->http->version_major,
                 r->http->version_minor, r->http->status);
    }
    if (text.n > 0) {
        add_field(p, N_("answer"), text.p);
    }
    buf_free(&text);
}

static void
add_details(const struct page *p, const struct result *r)
{
    page_markup(p, "<div class=\"inside\"><p>");
    page_say(p, probe_sentence(r->probe));
    page_markup(p, "</p><dl>\n");
    add_field(p, N_("name"), r->name);
    add_field(p, N_("asked"), r->label);
    add_moment(p, N_("start"), r->start_us);
    add_moment(p, N_("connected"), r->connected_us);
    add_moment(p, N_("first byte"), r->first_us);
    add_moment(p, N_("end"), r->end_us);
    add_field(p, N_("outcome"), outcome_name(r->outcome));
    add_answer(p, r);
    page_markup(p, "</dl>\n");
    if (p->detail == DETAIL_FULL) {
        page_dump(p, N_("sent"), &r->sent, r->sent.n, PROBE_BYTES);
        page_dump(p, N_("received"), &r->got, r->got_total, PROBE_BYTES);
    }
    page_markup(p, "</div>");
}

static void
add_probe(const struct page *p, const struct result *r, uint64_t all)
{
    char at[ADDR_TEXT];
    page_addf(p, "<details class=\"probe %s\"><summary><b>%s</b><span class=\"at\">",
              mark_class(outcome_mark(r)), probe_name(r->probe));
    page_text(p, str_of(r->at.sa.sa_family != 0 ? addr_port_text(&r->at, at)
                        : r->label[0] != '\0'   ? r->label
                                                : r->name));
    page_markup(p, "</span>");
    add_bar(p, r, all);
    page_markup(p, "<span class=\"took\">");
    page_took(p, r->end_us > r->start_us ? r->end_us - r->start_us : 0);
    page_addf(p, "</span><span class=\"outcome\">%s</span></summary>\n", outcome_name(r->outcome));
    add_details(p, r);
    page_markup(p, "</details>\n");
}

/* ---- all of them ---- */

static int
by_start(const void *a, const void *b)
{
    const struct result *const *x = a, *const *y = b;
    if ((*x)->start_us != (*y)->start_us) {
        return (*x)->start_us < (*y)->start_us ? -1 : 1;
    }
    return *x < *y ? -1 : *x > *y; /* both lie in one list */
}

static void
add_skipped(const struct page *p)
{
    const struct facts *f = p->r->facts;
    size_t shown = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        if (r->outcome != OUTCOME_SKIPPED) {
            continue;
        }
        if (shown++ == 0) {
            page_markup(p, "<details class=\"skipped\"><summary>");
            page_say(p, N_("not run"));
            page_markup(p, "</summary><ul>\n");
        }
        page_addf(p, "<li><b>%s</b> ", probe_name(r->probe));
        page_say(p, probe_sentence(r->probe));
        page_markup(p, " (");
        page_say(p, skip_text(r->skip));
        page_markup(p, ")</li>\n");
    }
    if (shown > 0) {
        page_markup(p, "</ul></details>\n");
    }
}

static void
add_legend(const struct page *p)
{
    static const struct {
        const char *class, *msgid;
    } rows[] = {{"connect", N_("connecting")},
                {"wait", N_("waiting for the first byte")},
                {"read", N_("reading")},
                {"lost", N_("failed")}};
    page_markup(p, "<p class=\"legend\">");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        page_addf(p, "<span class=\"%s\">", rows[i].class);
        page_say(p, rows[i].msgid);
        page_markup(p, "</span> ");
    }
    page_markup(p, "</p>\n");
}

void
page_time_line(const struct page *p)
{
    const struct facts *f = p->r->facts;
    if (f->count == 0) {
        return;
    }
    const struct result **order = xalloc(f->count * sizeof(struct result *));
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->results[i].outcome != OUTCOME_SKIPPED) {
            order[count++] = &f->results[i];
        }
    }
    qsort(order, count, sizeof(struct result *), by_start);
    uint64_t all = scale_us(f);
    page_markup(p, "<section class=\"time\">");
    page_heading(p, N_("time line of the probes"));
    add_legend(p);
    add_scale(p, all);
    for (size_t i = 0; i < count; i++) {
        add_probe(p, order[i], all);
    }
    add_skipped(p);
    page_markup(p, "</section>\n");
    xfree(order);
}
