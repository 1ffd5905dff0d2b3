/* SPDX-License-Identifier: Apache-2.0
 * Statistics on a terminal: the frame, the span, statuses, latency, lists. */
#include "query/stats_show.h"

#include "base/assert.h"
#include "query/stats_show_text.h"

enum {
    INDENT = 2,
    MATRIX_SHOWN = 12,
    GROUPS_SHOWN = 8,
    BAR = 10,
};

/* ---- the head ---- */

static void
add_span(const struct page *p, const struct stats_show *show)
{
    const struct stats_tables *x = show->tables;
    AUTO(buf_free) struct buf line = {0}, from = {0}, to = {0}, span = {0};
    if (show->name != NULL) {
        text_add_safe(&line, str_of(show->name));
        say_labelled(p->out, p->t, N_("asked for"), buf_str(&line));
        buf_reset(&line);
    }
    if (x->first_us == 0) {
        return;
    }
    say_second(&from, x->first_us);
    say_second(&to, x->last_us);
    say_span(&span, x->last_us - x->first_us);
    text_fill(&line, tr(N_("{from} to {to} UTC ({span})")),
              TEXT_ARGS({"from", buf_str(&from)}, {"to", buf_str(&to)}, {"span", buf_str(&span)}));
    say_labelled(p->out, p->t, N_("time"), buf_str(&line));
}

void
show_rate(struct buf *out, uint64_t requests, uint64_t span_us)
{
    if (span_us == 0) {
        buf_add_char(out, '-');
        return;
    }
    double rate = (double)requests * 1e6 / (double)span_us;
    buf_addf(out, rate < 10 ? "%.2f" : "%.0f", rate);
}

static void
add_totals(const struct page *p, const struct stats_tables *x)
{
    AUTO(buf_free) struct buf line = {0}, a = {0}, b = {0};
    say_count(&a, x->requests);
    show_rate(&b, x->requests, x->last_us - x->first_us);
    text_fill(&line, tr(N_("{count} ({rate} per second)")),
              TEXT_ARGS({"count", buf_str(&a)}, {"rate", buf_str(&b)}));
    say_labelled(p->out, p->t, N_("requests"), buf_str(&line));
    buf_reset(&line);
    buf_reset(&a);
    buf_reset(&b);
    say_count(&a, x->made_by_target);
    say_count(&b, x->made_by_lb);
    text_fill(&line, tr(N_("{target} by targets, {lb} by the load balancer")),
              TEXT_ARGS({"target", buf_str(&a)}, {"lb", buf_str(&b)}));
    say_labelled(p->out, p->t, N_("answers made"), buf_str(&line));
    buf_reset(&line);
    buf_reset(&a);
    buf_reset(&b);
    say_bytes(&a, x->received_bytes);
    say_bytes(&b, x->sent_bytes);
    text_fill(&line, tr(N_("{received} received, {sent} sent")),
              TEXT_ARGS({"received", buf_str(&a)}, {"sent", buf_str(&b)}));
    say_labelled(p->out, p->t, N_("bytes"), buf_str(&line));
}

void
show_number(const struct page *p, const char *label, uint64_t count)
{
    AUTO(buf_free) struct buf text = {0};
    if (count > 0) {
        say_count(&text, count);
        say_labelled(p->out, p->t, label, buf_str(&text));
    }
}

static void
add_damaged(const struct page *p, const struct scan_counts *counts)
{
    AUTO(buf_free) struct buf line = {0};
    for (enum log_fault f = LOG_FAULT_NONE + 1; f < LOG_FAULT_COUNT; f++) {
        if (counts->damaged[f] > 0) {
            buf_add_z(&line, line.n > 0 ? ", " : "");
            buf_addf(&line, "%s ", log_fault_word(f));
            say_count(&line, counts->damaged[f]);
        }
    }
    if (line.n > 0) {
        say_labelled(p->out, p->t, N_("damaged lines"), buf_str(&line));
    }
}

static void
add_read(const struct page *p, const struct scan_counts *counts)
{
    AUTO(buf_free) struct buf line = {0}, lines = {0}, files = {0}, bytes = {0}, passed = {0};
    if (counts == NULL) {
        return;
    }
    say_count(&lines, counts->lines);
    say_count(&files, counts->files);
    say_bytes(&bytes, counts->bytes);
    say_count(&passed, counts->passed);
    text_fill(&line, tr(N_("lines: {lines}, files: {files}, text: {bytes}; lines used: {passed}")),
              TEXT_ARGS({"lines", buf_str(&lines)}, {"files", buf_str(&files)},
                        {"bytes", buf_str(&bytes)}, {"passed", buf_str(&passed)}));
    say_labelled(p->out, p->t, N_("read"), buf_str(&line));
    add_damaged(p, counts);
    show_number(p, N_("newer fields"), counts->new_fields);
    show_number(p, N_("other files"), counts->foreign_files);
    show_number(p, N_("broken files"), counts->broken_files);
}

/* ---- statuses ---- */

static void
add_status(struct grid *g, unsigned status)
{
    char digits[16];
    (void)snprintf(digits, sizeof(digits), "%u", status); /* fits */
    grid_add(g, show_status_style(status), status == 0 ? STR("-") : str_of(digits));
}

void
show_not_shown(const struct page *p, uint64_t count)
{
    AUTO(buf_free) struct buf line = {0}, number = {0};
    if (count > 0) {
        say_count(&number, count);
        text_fill(&line, tr(N_("Not shown: {count}. Everything stands in --json.")),
                  TEXT_ARGS({"count", buf_str(&number)}));
        text_wrap(p->out, buf_str(&line), INDENT, INDENT, p->t->width);
    }
}

void
show_cell_count(struct grid *g, enum style style, uint64_t count)
{
    struct buf text = {0};
    say_count(&text, count);
    grid_take(g, count > 0 ? style : STYLE_END, &text);
}

static void
add_matrix(const struct page *p, const struct stats_tables *x)
{
    static const struct grid_column columns[] = {
        {N_("sent"), true, false, 0},  {N_("by the target"), true, false, 0},
        {N_("lines"), true, false, 0}, {N_("share"), true, false, 1},
        {"", false, false, 2},
    };
    struct grid g = grid_of(columns, COUNT_OF(columns));
    size_t shown = p->details || x->matrix_count < MATRIX_SHOWN ? x->matrix_count : MATRIX_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const struct stats_status *row = &x->matrix[i];
        struct buf share = {0}, bar = {0};
        add_status(&g, row->elb);
        add_status(&g, row->target);
        show_cell_count(&g, STYLE_END, row->count);
        say_share(&share, row->count, x->requests);
        say_bar(&bar, row->count, x->requests, 2 * BAR, p->ascii);
        grid_take(&g, STYLE_END, &share);
        grid_take(&g, show_status_style(row->elb), &bar);
    }
    if (shown > 0) {
        say_heading(p->out, p->t, N_("Status sent to the client, and what the target said"));
        grid_print(&g, p->out, p->t, INDENT);
        show_not_shown(p, x->matrix_count - shown);
        show_number(p, N_("left out"), x->matrix_left_out);
    }
}

/* ---- latency ---- */

const char *
show_leg_title(enum stats_leg leg)
{
    static const char *const titles[] = {
        [STATS_REQUEST] = N_("request"),
        [STATS_TARGET] = N_("target"),
        [STATS_RESPONSE] = N_("response"),
        [STATS_DURATION] = N_("duration"),
    };
    return titles[leg];
}

void
show_cell_ms(struct grid *g, const struct stats_values *v, uint64_t ms)
{
    struct buf text = {0};
    if (v->count > 0) {
        say_count(&text, ms);
    } else {
        buf_add_char(&text, '-');
    }
    grid_take(g, STYLE_END, &text);
}

void
show_cell_values(struct grid *g, const struct stats_values *v)
{
    show_cell_ms(g, v, v->p50);
    show_cell_ms(g, v, v->p90);
    show_cell_ms(g, v, v->p95);
    show_cell_ms(g, v, v->p99);
    show_cell_ms(g, v, v->max);
}

static void
add_legs(struct grid *g, struct str name, enum style style, uint64_t requests, uint64_t failed,
         const struct stats_values *legs)
{
    for (enum stats_leg leg = 0; leg < STATS_LEG_COUNT; leg++) {
        bool first = leg == 0;
        grid_add(g, style, first ? name : STR(""));
        if (first) {
            show_cell_count(g, STYLE_END, requests);
            show_cell_count(g, STYLE_FAIL, failed);
        } else {
            grid_add(g, STYLE_END, STR(""));
            grid_add(g, STYLE_END, STR(""));
        }
        grid_add(g, STYLE_DIM, str_of(tr(show_leg_title(leg))));
        show_cell_values(g, &legs[leg]);
    }
}

void
show_target_name(struct buf *out, const struct stats_group *group)
{
    if (group->target.n > 0) {
        say_log(out, group->target);
    } else if (group->target_group.n > 0) {
        say_log(out, say_group_name(group->target_group));
    } else {
        buf_add_z(out, tr(N_("(no target group)")));
    }
}

static void
add_latency(const struct page *p, const struct stats_tables *x)
{
    static const struct grid_column columns[] = {
        {"", false, true, 0},
        {N_("requests"), true, false, 5},
        {N_("5xx"), true, false, 4},
        {"", false, false, 0},
        {N_("p50"), true, false, 0},
        {N_("p90"), true, false, 3},
        {N_("p95"), true, false, 0},
        {N_("p99"), true, false, 2},
        {N_("longest"), true, false, 1},
    };
    struct grid g = grid_of(columns, COUNT_OF(columns));
    size_t shown = p->details || x->group_count < GROUPS_SHOWN ? x->group_count : GROUPS_SHOWN;
    if (x->requests == 0) {
        return;
    }
    add_legs(&g, str_of(tr(N_("all"))), STYLE_BOLD, x->requests, x->classes[5], x->legs);
    for (size_t i = 0; i < shown; i++) {
        const struct stats_group *row = &x->groups[i];
        AUTO(buf_free) struct buf name = {0};
        buf_add_z(&name, row->target.n > 0 ? "  " : "");
        show_target_name(&name, row);
        add_legs(&g, buf_str(&name), row->target.n > 0 ? STYLE_END : STYLE_BOLD, row->requests,
                 row->classes[5], row->legs);
    }
    say_heading(p->out, p->t, N_("Time in milliseconds, by target group and target"));
    grid_print(&g, p->out, p->t, INDENT);
    show_not_shown(p, x->group_count - shown);
    show_number(p, N_("left out"), x->groups_left_out);
    if (x->coarse_values > 0) {
        AUTO(buf_free) struct buf line = {0}, count = {0};
        say_count(&count, x->coarse_values);
        text_fill(&line, tr(N_("Times that are right only to a factor of two: {count}.")),
                  TEXT_ARGS({"count", buf_str(&count)}));
        text_wrap(p->out, buf_str(&line), INDENT, INDENT, p->t->width);
    }
}

/* ---- lists ---- */

static void
add_list(const struct page *p, const char *heading, const struct stats_top *top, uint64_t requests)
{
    static const struct grid_column columns[] = {
        {N_("lines"), true, false, 0}, {N_("share"), true, false, 2}, {"", false, false, 4},
        {N_("5xx"), true, false, 1},   {N_("sent"), true, false, 3},  {"", false, true, 0},
    };
    struct grid g = grid_of(columns, COUNT_OF(columns));
    uint64_t error = 0;
    for (size_t i = 0; i < top->count; i++) {
        const struct stats_row *row = &top->rows[i];
        struct buf share = {0}, bar = {0}, sent = {0}, key = {0};
        show_cell_count(&g, STYLE_END, row->count);
        say_share(&share, row->count, requests);
        say_bar(&bar, row->count, requests, BAR, p->ascii);
        say_bytes(&sent, row->sent_bytes);
        say_log(&key, row->key);
        grid_take(&g, STYLE_END, &share);
        grid_take(&g, STYLE_OK, &bar);
        show_cell_count(&g, STYLE_FAIL, row->failed);
        grid_take(&g, STYLE_END, &sent);
        grid_take(&g, STYLE_END, &key);
        error = row->error > error ? row->error : error;
    }
    if (top->count == 0) {
        return;
    }
    AUTO(buf_free) struct buf note = {0}, distinct = {0}, off = {0};
    say_count(&distinct, top->distinct);
    say_count(&off, error);
    const char *sentence =
        top->exact ? N_("{count} different")
                   : N_("at least {count} different; each count may be too low by up to {error}");
    text_fill(&note, tr(sentence),
              TEXT_ARGS({"count", buf_str(&distinct)}, {"error", buf_str(&off)}));
    say_heading(p->out, p->t, heading);
    grid_print(&g, p->out, p->t, INDENT);
    text_wrap(p->out, buf_str(&note), INDENT, INDENT, p->t->width);
}

static void
add_lists(const struct page *p, const struct stats_tables *x)
{
    static const char *const headings[] = {
        [STATS_HOSTS] = N_("Hosts"),
        [STATS_PATHS] = N_("Paths"),
        [STATS_CLIENTS] = N_("Clients"),
        [STATS_AGENTS] = N_("User agents"),
    };
    for (enum stats_list list = 0; list < STATS_LIST_COUNT; list++) {
        add_list(p, headings[list], &x->lists[list], x->requests);
    }
}

/* ---- all ---- */

void
stats_show_text(struct buf *out, const struct term *t, const struct stats_show *show,
                const struct stats_show_options *options)
{
    const struct stats_tables *x = show->tables;
    const struct page p = {out, t, options != NULL && options->ascii,
                           options != NULL && options->details};
    if (options != NULL && options->cut_short) {
        text_wrap(out, str_of(tr(N_("The reading was ended early: these are the figures so far."))),
                  0, 0, t->width);
    }
    add_span(&p, show);
    add_totals(&p, x);
    add_read(&p, show->counts);
    show_timeline(&p, x);
    add_matrix(&p, x);
    show_errors(&p, x);
    add_latency(&p, x);
    add_lists(&p, x);
    show_slowest(&p, x);
    show_sets(&p, x);
    show_connections(&p, x);
    show_checked(&p, x);
}
