/* SPDX-License-Identifier: Apache-2.0
 * One pass into sums and the cube, then the page: a frame of markup, all data as one JSON element
 * that nothing runs, and the script that draws it. The page's own policy allows just our style and
 * script, as that of the doctor's page does. */
#include "query/report.h"

#include <jansson.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "query/cube.h"
#include "query/report_int.h"
#include "query/stats_show.h"
#include "text/text.h"

enum {
    TOP_ROWS = 20,
    GROUPS_SHOWN = 400,
    GROUPS_FEW = 40,
    ERRORS_SHOWN = 200,
    ERRORS_FEW = 40,
    ABOUT_BYTES = 1000, /* of sources and of the filter */
};

struct query_report {
    struct stats *stats;
    struct cube *cube;
    const struct stats_tables *tables; /* set when finished */
    struct log_clock clock;
};

/* ---- taking lines ---- */

static struct query_report *
make(struct stats *stats)
{
    struct query_report *r = xalloc(sizeof *r);
    r->stats = stats;
    r->cube = cube_new();
    return r;
}

struct query_report *
query_report_new(void)
{
    const struct stats_options options = {.top = TOP_ROWS, .slowest = TOP_ROWS};
    return make(stats_new(&options));
}

void
query_report_free(struct query_report **report)
{
    struct query_report *r = *report;
    if (r != NULL) {
        stats_free(&r->stats);
        cube_free(&r->cube);
        xfree(r);
        *report = NULL;
    }
}

static void *
fork_report(void *state)
{
    struct query_report *r = state;
    return make(stats_sink.fork(r->stats));
}

static void
join_report(void *state, void *forked)
{
    struct query_report *r = state, *other = forked;
    stats_sink.join(r->stats, other->stats);
    other->stats = NULL; /* the join has freed it */
    cube_join(r->cube, other->cube);
    query_report_free(&other);
}

static uint64_t
seconds_of(const struct log_line *line, unsigned field)
{
    uint64_t us;
    return log_seconds(log_line_raw(line, field), &us) ? us : UINT64_MAX;
}

/* Field 2 minus field 22 [tool-rulings 19]. */
static uint64_t
duration_of(struct query_report *r, const struct log_line *line, uint64_t end_us)
{
    uint64_t begin_us;
    struct str begin = log_line_raw(line, LOG_ACCESS_REQUEST_CREATION_TIME);
    if (!log_time(&r->clock, begin, &begin_us) || begin_us > end_us) {
        return UINT64_MAX;
    }
    return end_us - begin_us;
}

/* The host of the URL, else the name of the handshake, as the list of hosts takes them. */
static struct str
host_of(const struct log_line *line)
{
    struct log_request request;
    log_request(log_line_raw(line, LOG_ACCESS_REQUEST), &request);
    if (request.host.n > 0 && !str_eq(request.host, STR("-"))) {
        return request.host;
    }
    return log_line_field(line, LOG_ACCESS_DOMAIN_NAME);
}

static void
take_access(struct query_report *r, const struct log_line *line)
{
    struct cube_row row = {
        .group = log_line_field(line, LOG_ACCESS_TARGET_GROUP_ARN),
        .host = host_of(line),
        .elb = log_status(log_line_raw(line, LOG_ACCESS_ELB_STATUS_CODE)),
        .target = log_status(log_line_raw(line, LOG_ACCESS_TARGET_STATUS_CODE)),
        .sent_bytes = log_number(log_line_raw(line, LOG_ACCESS_SENT_BYTES)),
        .target_us = seconds_of(line, LOG_ACCESS_TARGET_PROCESSING_TIME),
    };
    if (log_time(&r->clock, log_line_raw(line, LOG_ACCESS_TIME), &row.time_us)) {
        row.duration_us = duration_of(r, line, row.time_us);
        cube_add(r->cube, &row);
    }
}

static bool
take_line(void *state, const struct scan_line *line)
{
    struct query_report *r = state;
    if (line->fault == LOG_FAULT_NONE && line->line.kind == LOG_ACCESS) {
        take_access(r, &line->line);
    }
    return stats_sink.line(r->stats, line);
}

const struct scan_sink query_report_sink = {
    .fork = fork_report, .join = join_report, .line = take_line};

const struct stats_tables *
query_report_tables(struct query_report *report)
{
    if (report->tables == NULL) {
        report->tables = stats_finish(report->stats);
        cube_finish(report->cube);
    }
    return report->tables;
}

/* ---- the languages ---- */

static const struct word {
    const char *key;
    const char *msgid;
} words[] = {
#define REPORT_WORD(key, msgid) {#key, msgid},
#include "query/report_words.def"
#undef REPORT_WORD
};

/* Runs `make_one` once for each language that is there, the current one first. */
static json_t *
for_languages(json_t *(*make_one)(const void *context), const void *context)
{
    enum lang own = text_lang();
    json_t *all = json_object();
    json_object_set_new(all, text_lang_code(own), make_one(context));
    for (enum lang other = 0; other < LANG_COUNT; other++) {
        if (other != own && text_lang_set(other)) { /* false: its catalogue is not there */
            json_object_set_new(all, text_lang_code(other), make_one(context));
        }
    }
    bool back = text_lang_set(own);
    ASSERT(back); /* it was set before */
    return all;
}

static json_t *
make_words(const void *context)
{
    json_t *j = json_object();
    (void)context; /* words need nothing else */
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        json_object_set_new(j, words[i].key, json_string(tr(words[i].msgid)));
    }
    return j;
}

/* Errors alone hold sentences. */
static json_t *
make_errors(const void *context)
{
    json_t *whole = stats_json(context, NULL);
    json_t *errors = json_incref(json_object_get(whole, "errors"));
    json_decref(whole);
    return errors;
}

/* ---- the data ---- */

static json_t *
safe(struct str bytes)
{
    struct buf text = {0};
    text_add_safe(&text, bytes);
    json_t *j = json_stringn(text.n == 0 ? "" : text.p, text.n);
    buf_free(&text);
    return j;
}

/* Bytes of a log: as stats_json tells them. */
static json_t *
logged(struct str bytes)
{
    struct buf text = {0};
    log_unescape(&text, bytes);
    json_t *j = safe(buf_str(&text));
    buf_free(&text);
    return j;
}

static void
add_base64(struct buf *out, struct str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (i + k < s.n ? (uint8_t)s.p[i + k] : 0);
        }
        for (size_t k = 0; k < 4; k++) {
            buf_add_char(out, i + k <= s.n ? digits[bits >> (18 - 6 * k) & 63] : '=');
        }
    }
}

static json_t *
make_cells(const struct cube *cube)
{
    struct buf bytes = {0}, text = {0};
    cube_encode(cube, &bytes);
    add_base64(&text, buf_str(&bytes));
    json_t *j = json_stringn(text.n == 0 ? "" : text.p, text.n);
    buf_free(&bytes);
    buf_free(&text);
    return j;
}

static json_t *
make_pairs(const struct cube *cube, size_t count)
{
    json_t *pairs = json_array();
    for (size_t i = 0; i < count; i++) {
        unsigned elb, target;
        cube_pair(cube, i, &elb, &target);
        json_array_append_new(pairs, json_pack("[i,i]", (int)elb, (int)target));
    }
    return pairs;
}

static json_t *
make_cube(const struct cube *cube)
{
    struct cube_shape s = cube_shape(cube);
    json_t *groups = json_array(), *hosts = json_array();
    for (size_t i = 0; i < s.groups; i++) {
        json_array_append_new(groups, logged(cube_group(cube, i)));
    }
    for (size_t i = 0; i < s.hosts; i++) {
        json_array_append_new(hosts, logged(cube_host(cube, i)));
    }
    return json_pack("{s:I, s:I, s:I, s:i, s:i, s:b, s:b, s:o, s:o, s:o, s:o}", "width_s",
                     (json_int_t)s.width_s, "first", (json_int_t)s.first, "count",
                     (json_int_t)s.count, "steps", (int)s.steps, "floor_us", (int)CUBE_FLOOR_US,
                     "groups_folded", s.groups_folded, "hosts_folded", s.hosts_folded, "groups",
                     groups, "hosts", hosts, "pairs", make_pairs(cube, s.pairs), "cells",
                     make_cells(cube));
}

/* What can be very long is cut; the page tells how many rows are missing. */
static void
cut_rows(json_t *owner, const char *key, size_t most)
{
    json_t *rows = json_object_get(owner, key);
    size_t count = json_array_size(rows);
    if (count > most) {
        char *left_out = xprintf("%s_not_shown", key);
        json_object_set_new(owner, left_out, json_integer((json_int_t)(count - most)));
        xfree(left_out);
        for (size_t i = count; i > most; i--) {
            (void)json_array_remove(rows, i - 1); /* it is there */
        }
    }
}

static json_t *
make_stats(const struct stats_show *show, bool less)
{
    static const struct stats_show_options options = {.details = true};
    json_t *j = stats_json(show, &options);
    json_object_del(j, "errors");
    cut_rows(j, "target_groups", less ? GROUPS_FEW : GROUPS_SHOWN);
    return j;
}

static json_t *
make_all_errors(const struct stats_show *show, bool less)
{
    json_t *all = for_languages(make_errors, show), *errors;
    const char *code;
    json_t *page = json_object();
    json_object_foreach(all, code, errors)
    {
        json_t *one = json_object();
        json_object_set(one, "rows", errors);
        cut_rows(one, "rows", less ? ERRORS_FEW : ERRORS_SHOWN);
        json_object_set_new(page, code, one);
    }
    json_decref(all);
    return page;
}

static json_t *
make_data(const struct query_report *r, const struct scan_counts *counts,
          const struct query_report_about *about, bool less)
{
    const struct stats_show show = {.tables = r->tables, .counts = counts};
    return json_pack("{s:s, s:o, s:I, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "language",
                     text_lang_code(text_lang()), "version", safe(about->version), "made_ms",
                     (json_int_t)(about->now_us / 1000), "sources",
                     safe(str_sub(about->sources, 0, ABOUT_BYTES)), "filter",
                     safe(str_sub(about->filter, 0, ABOUT_BYTES)), "cut_short", about->cut_short,
                     "words", for_languages(make_words, NULL), "stats", make_stats(&show, less),
                     "errors", make_all_errors(&show, less), "cube", make_cube(r->cube));
}

/* ASCII, without the one character that could end the element. */
static void
add_data(struct buf *out, const json_t *data)
{
    char *text = json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII);
    struct str rest = str_of(text);
    size_t at;
    ASSERT(text != NULL); /* made of valid UTF-8 */
    while (str_find_char(rest, '<', &at)) {
        buf_add_str(out, str_sub(rest, 0, at));
        buf_add_z(out, "\\u003c");
        rest = str_sub(rest, at + 1, rest.n);
    }
    buf_add_str(out, rest);
    xfree(text); /* jansson made it on the same heap */
}

/* ---- the frame ---- */

static void
add_head(struct buf *out)
{
    buf_addf(out, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
             text_lang_code(text_lang()));
    buf_addf(out,
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
             "style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'\">\n",
             logs_report_css_hash, logs_report_js_hash);
    buf_add_z(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"referrer\" content=\"no-referrer\">\n"
                   "<meta name=\"robots\" content=\"noindex\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    text_add_html_own(out, str_of(tr(N_("Load balancer logs"))));
    buf_add_z(out, "</title>\n<style>");
    buf_add_z(out, logs_report_css);
    buf_add_z(out, "</style>\n</head>\n<body>\n");
}

/* What is left to read where no script runs. */
static json_t *
make_unscripted(const void *context)
{
    const struct stats_tables *t = context;
    struct buf text = {0}, count = {0}, failed = {0};
    buf_addf(&count, "%llu", (unsigned long long)t->requests);
    buf_addf(&failed, "%llu", (unsigned long long)t->classes[5]);
    text_fill(
        &text,
        tr(N_("This page draws its charts with a script, which is not allowed to run here. It "
              "holds {count} requests, {failed} of them with a status of 5xx; `openalb logs "
              "stats` shows the same numbers as text.")),
        TEXT_ARGS({"count", buf_str(&count)}, {"failed", buf_str(&failed)}));
    json_t *j = json_stringn(text.p, text.n);
    buf_free(&text);
    buf_free(&count);
    buf_free(&failed);
    return j;
}

static void
add_unscripted(struct buf *out, const struct stats_tables *tables)
{
    const char *code;
    json_t *all = for_languages(make_unscripted, tables), *sentence;
    buf_add_z(out, "<noscript><main class=\"wide\">");
    json_object_foreach(all, code, sentence)
    {
        buf_addf(out, "<p class=\"unscripted\" lang=\"%s\">", code);
        text_add_html_own(out, str_of(json_string_value(sentence)));
        buf_add_z(out, "</p>");
    }
    buf_add_z(out, "</main></noscript>\n");
    json_decref(all);
}

static void
add_page(struct buf *out, const struct query_report *r, const json_t *data)
{
    add_head(out);
    buf_add_z(out, "<div id=\"page\"></div>\n");
    add_unscripted(out, r->tables);
    buf_add_z(out, "<script type=\"application/json\" id=\"data\">");
    add_data(out, data);
    buf_add_z(out, "</script>\n<script>");
    buf_add_z(out, logs_report_js);
    buf_add_z(out, "</script>\n</body>\n</html>\n");
}

void
query_report_html(struct query_report *report, const struct scan_counts *counts,
                  const struct query_report_about *about, struct buf *out)
{
    bool fits = false;
    (void)query_report_tables(report); /* finishes it */
    for (bool less = false; !fits; less = true) {
        struct buf page = {.max = LIMIT_REPORT_PAGE_BYTES};
        json_t *data = make_data(report, counts, about, less);
        ASSERT(data != NULL);
        add_page(&page, report, data);
        json_decref(data);
        fits = !page.overflow;
        if (fits) {
            buf_add_str(out, buf_str(&page));
        } else if (less) {
            bool shrunk = cube_shrink(report->cube);
            ASSERT(shrunk); /* the coarsest cube and the short lists are far below the limit */
        }
        buf_free(&page);
    }
}
