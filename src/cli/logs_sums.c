/* SPDX-License-Identifier: Apache-2.0
 * Verbs of `openalb logs` that sum up: stats, stats --compare, report. */
#include "cli/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "query/report.h"
#include "query/stats_show.h"

/* ---- stats ---- */

static struct stats_show_options
show_options(const struct logs_command *c)
{
    return (struct stats_show_options){.details = c->all, .cut_short = logs_stop != 0};
}

/* What --kind rules out is not counted. */
struct summing {
    int kind;
    const struct logs_span *spans; /* NULL: no --compare */
    struct log_clock clock;
    struct stats *stats[2]; /* owned; the second one with spans only */
    const struct stats_options *options;
};

static bool
line_time(struct summing *s, const struct log_line *line, uint64_t *ret_us)
{
    static const unsigned field[LOG_KIND_COUNT] = {[LOG_ACCESS] = LOG_ACCESS_TIME,
                                                   [LOG_CONNECTION] = LOG_CONNECTION_TIMESTAMP,
                                                   [LOG_HEALTH] = LOG_HEALTH_TIME};
    return log_time(&s->clock, log_line_field(line, field[line->kind]), ret_us);
}

static bool
sum_line(void *state, const struct scan_line *line)
{
    struct summing *s = state;
    uint64_t us;
    if (s->kind >= 0 && s->kind != (int)line->line.kind) {
        return true;
    }
    if (s->spans == NULL) {
        return stats_sink.line(s->stats[0], line);
    }
    for (size_t i = 0; i < COUNT_OF(s->stats) && line_time(s, &line->line, &us); i++) {
        if (us >= s->spans[i].from_us && us < s->spans[i].to_us) {
            (void)stats_sink.line(s->stats[i], line); /* sums never have enough */
        }
    }
    return true;
}

static void *
sum_fork(void *state)
{
    const struct summing *s = state;
    struct summing *forked = xalloc(sizeof(*forked));
    *forked = (struct summing){.kind = s->kind, .spans = s->spans, .options = s->options};
    for (size_t i = 0; i < COUNT_OF(s->stats) && s->stats[i] != NULL; i++) {
        forked->stats[i] = stats_sink.fork(s->stats[i]);
    }
    return forked;
}

static void
sum_join(void *state, void *other)
{
    struct summing *s = state;
    struct summing *forked = other;
    for (size_t i = 0; i < COUNT_OF(s->stats) && s->stats[i] != NULL; i++) {
        stats_sink.join(s->stats[i], forked->stats[i]);
    }
    xfree(forked);
}

static const struct scan_sink sum_sink = {.fork = sum_fork, .join = sum_join, .line = sum_line};

static void
show_stats(const struct logs_input *in, struct summing *s)
{
    struct buf out AUTO(buf_free) = {0};
    const struct stats_show show = {.tables = stats_finish(s->stats[0]), .counts = &in->counts};
    const struct stats_show_options options = show_options(in->c);
    if (in->c->json) {
        logs_write_json(stats_json(&show, &options));
        return;
    }
    stats_show_text(&out, &in->c->term, &show, &options);
    logs_write(&out);
}

static void
show_compared(const struct logs_input *in, struct summing *s)
{
    struct buf out AUTO(buf_free) = {0};
    struct stats_show shows[2];
    const struct stats_show_options options = show_options(in->c);
    for (size_t i = 0; i < COUNT_OF(shows); i++) {
        shows[i] = (struct stats_show){.tables = stats_finish(s->stats[i]),
                                       .counts = &in->counts,
                                       .name = in->c->spans[i].text};
    }
    if (in->c->json) {
        logs_write_json(stats_compare_json(&shows[0], &shows[1], &options));
        return;
    }
    stats_compare_text(&out, &in->c->term, &shows[0], &shows[1], &options);
    logs_write(&out);
}

static bool
has_lines(const struct stats_tables *t)
{
    return t->requests > 0 || t->connections.count > 0 || t->checked_count > 0;
}

static int
sum_and_show(struct logs_input *in, struct summing *s)
{
    progress_init(&in->progress, stderr);
    int code = logs_input_scan(in, &sum_sink, s);
    if (code != EXIT_OK) {
        return code;
    }
    bool compare = s->spans != NULL;
    bool found = false;
    for (size_t i = 0; i <= (size_t)compare; i++) {
        found = has_lines(stats_finish(s->stats[i])) || found;
    }
    if (found || in->c->json) {
        if (compare) {
            show_compared(in, s);
        } else {
            show_stats(in, s);
        }
    }
    logs_input_remarks(in);
    return logs_input_code(in, found);
}

int
logs_stats(struct logs_command *c)
{
    const struct stats_options options = {.by_us = c->by_us, .top = c->top, .slowest = c->top};
    struct summing s = {.kind = c->kind, .options = &options};
    struct logs_input in;
    s.spans = c->spans[0].text != NULL ? c->spans : NULL;
    for (size_t i = 0; i < (s.spans != NULL ? 2u : 1u); i++) {
        s.stats[i] = stats_new(&options);
    }
    int code = logs_input_open(&in, c, false);
    code = code == EXIT_OK ? sum_and_show(&in, &s) : code;
    logs_input_done(&in);
    stats_free(&s.stats[0]);
    stats_free(&s.stats[1]);
    return code;
}

/* ---- report ---- */

/* Only access lines are charted. */
static bool
report_kind_fits(const struct logs_command *c)
{
    return c->kind < 0 || c->kind == LOG_ACCESS;
}

static bool
write_all(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        bytes = str_sub(bytes, n < 0 ? 0 : (size_t)n, bytes.n);
    }
    return true;
}

/* Readable by its owner only: addresses and names in it are nobody else's business. */
static int
write_page(const char *name, const struct buf *page)
{
    struct errinfo info;
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    bool fine = fd >= 0 && write_all(fd, buf_str(page));
    fine = (fd < 0 || close(fd) == 0) && fine;
    if (fine) {
        return EXIT_OK;
    }
    (void)text_err(&info, ERR_SYSTEM, N_("The file {file} cannot be written: {reason}"),
                   TEXT_ARGS({"file", str_of(name)}, {"reason", str_of(strerror(errno))}));
    return logs_fail(str_of(info.text), EXIT_CLI_NOINPUT);
}

static void
add_sources(const struct logs_command *c, struct buf *out)
{
    for (size_t i = 0; i < c->path_count; i++) {
        buf_add_z(out, i > 0 ? " " : "");
        buf_add_str(out, c->paths[i]);
    }
    if (c->path_count == 0) {
        buf_add_z(out, c->state != NULL ? c->state : "openalb");
    }
}

/* {"kind": "report", "file", "bytes", "requests", "cut_short"}, or a sentence on a terminal. */
static void
tell_written(const struct logs_command *c, const struct buf *page, uint64_t requests)
{
    struct buf line AUTO(buf_free) = {0};
    struct buf file AUTO(buf_free) = {0};
    struct buf n AUTO(buf_free) = {0};
    text_add_safe(&file, str_of(c->arg));
    if (c->json) {
        logs_write_json(json_pack("{s:s, s:s%, s:I, s:I, s:b}", "kind", "report", "file", file.p,
                                  file.n, "bytes", (json_int_t)page->n, "requests",
                                  (json_int_t)requests, "cut_short", logs_stop != 0));
        return;
    }
    logs_add_number(&n, requests);
    text_fill(&line, tr(N_("{file} is written: {requests} requests. Open it in a browser.")),
              TEXT_ARGS({"file", buf_str(&file)}, {"requests", buf_str(&n)}));
    buf_add_char(&line, '\n');
    if (!c->quiet) {
        logs_write(&line);
    }
}

static int
make_page(struct logs_input *in, struct query_report *report)
{
    struct buf page AUTO(buf_free) = {0};
    struct buf sources AUTO(buf_free) = {0};
    struct logs_command *c = in->c;
    add_sources(c, &sources);
    const struct query_report_about about = {.sources = buf_str(&sources),
                                             .filter = buf_str(&c->filter_text),
                                             .version = STR(OPENALB_VERSION),
                                             .now_us = c->now_us,
                                             .cut_short = logs_stop != 0};
    uint64_t requests = query_report_tables(report)->requests;
    int code = EXIT_OK;
    if (requests > 0) {
        query_report_html(report, &in->counts, &about, &page);
        code = write_page(c->arg, &page);
    }
    if (requests > 0 && code == EXIT_OK) {
        tell_written(c, &page, requests);
    }
    logs_input_remarks(in);
    return code != EXIT_OK ? code : logs_input_code(in, requests > 0);
}

int
logs_report(struct logs_command *c)
{
    struct logs_input in;
    if (!report_kind_fits(c)) {
        return logs_fail(str_of(tr(N_("The page shows access logs only."))), EXIT_CLI_USAGE);
    }
    int code = logs_input_open(&in, c, false);
    struct query_report *report = query_report_new();
    if (code == EXIT_OK) {
        progress_init(&in.progress, stderr);
        code = logs_input_scan(&in, &query_report_sink, report);
    }
    code = code == EXIT_OK ? make_page(&in, report) : code;
    query_report_free(&report);
    logs_input_done(&in);
    return code;
}
