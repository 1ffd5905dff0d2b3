/* SPDX-License-Identifier: Apache-2.0
 * Verbs of `openalb logs` that print lines: show, json, csv, tail; and what --damaged lists. */
#include "cli/logs.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/assert.h"
#include "cli/cli.h"
#include "query/lines.h"

enum lines_form { FORM_SHOW, FORM_JSON, FORM_CSV };

/* Lines on their way to standard output. */
struct printing {
    struct logs_command *c;
    enum lines_form form;
    struct lines lines;
    struct buf out; /* owned: not yet written */
    uint64_t printed;
    int csv_kind;        /* of the header; -1: none yet */
    uint64_t other_kind; /* lines that do not fit the header */
};

enum { WRITE_AT = 64 * 1024 };

/* What a terminal shows in one line; 0: no terminal. The layout width of `term` is for text. */
static unsigned
line_width(const struct term *term)
{
    struct winsize size = {0};
    bool known = term->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return known ? size.ws_col : 0;
}

static void
printing_init(struct printing *p, struct logs_command *c, enum lines_form form)
{
    *p = (struct printing){.c = c, .form = c->json ? FORM_JSON : form, .csv_kind = -1};
    lines_init(&p->lines, &c->term, line_width(&c->term));
}

static void
printing_done(struct printing *p)
{
    lines_done(&p->lines);
    buf_free(&p->out);
}

static void
add_damaged_csv(struct printing *p, const struct scan_line *line)
{
    if (p->printed == 0) {
        lines_csv_damaged_header(&p->out);
    }
    lines_csv_damaged(&p->lines, &p->out, line);
}

static void
add_damaged(struct printing *p, const struct scan_line *line)
{
    switch (p->form) {
    case FORM_SHOW: lines_damaged(&p->lines, &p->out, line); return;
    case FORM_JSON: lines_damaged_json(&p->lines, &p->out, line); return;
    case FORM_CSV: add_damaged_csv(p, line); return;
    }
    NEVER("a form of lines");
}

/* Records of one kind: the header's. */
static bool
add_csv(struct printing *p, const struct log_line *line)
{
    if (p->csv_kind < 0) {
        p->csv_kind = (int)line->kind;
        lines_csv_header(&p->out, line->kind);
    }
    if (p->csv_kind != (int)line->kind) {
        p->other_kind++;
        return false;
    }
    lines_csv(&p->lines, &p->out, line);
    return true;
}

static bool
add_good(struct printing *p, const struct log_line *line)
{
    switch (p->form) {
    case FORM_SHOW: lines_show(&p->lines, &p->out, line); return true;
    case FORM_JSON: lines_json(&p->lines, &p->out, line); return true;
    case FORM_CSV: return add_csv(p, line);
    }
    NEVER("a form of lines");
}

/* False: enough. */
static bool
print_line(void *state, const struct scan_line *line)
{
    struct printing *p = state;
    bool good = line->fault == LOG_FAULT_NONE;
    if (good == p->c->damaged || (good && p->c->kind >= 0 && p->c->kind != (int)line->line.kind)) {
        return true;
    }
    bool added = true;
    if (good) {
        added = add_good(p, &line->line);
    } else {
        add_damaged(p, line);
    }
    p->printed += added;
    if (p->out.n >= WRITE_AT || p->c->term.tty) {
        logs_write(&p->out);
    }
    return p->printed < p->c->limit;
}

static void
remark_other_kinds(const struct printing *p)
{
    struct buf n AUTO(buf_free) = {0};
    struct buf line AUTO(buf_free) = {0};
    if (p->other_kind > 0) {
        logs_add_number(&n, p->other_kind);
        text_fill(&line,
                  tr(N_("{count} lines of another kind of log are left out; --kind chooses.")),
                  TEXT_ARGS({"count", buf_str(&n)}));
        logs_remark(p->c, buf_str(&line));
    }
}

static int
print_lines(struct logs_command *c, enum lines_form form)
{
    const struct scan_sink sink = {.line = print_line};
    struct logs_input in;
    struct printing p AUTO(printing_done);
    printing_init(&p, c, form);
    int code = logs_input_open(&in, c, false);
    if (code == EXIT_OK) {
        in.scan.threads = 1; /* lines in their order, with their numbers */
        in.scan.damaged = c->damaged;
        if (!c->term.tty) { /* else the lines themselves are the progress */
            progress_init(&in.progress, stderr);
        }
        code = logs_input_scan(&in, &sink, &p);
    }
    logs_write(&p.out);
    if (code == EXIT_OK) {
        remark_other_kinds(&p);
        logs_input_remarks(&in);
        code = logs_input_code(&in, p.printed > 0);
    }
    logs_input_done(&in);
    return code;
}

int
logs_show(struct logs_command *c)
{
    return print_lines(c, FORM_SHOW);
}

int
logs_json(struct logs_command *c)
{
    return print_lines(c, FORM_JSON);
}

int
logs_csv(struct logs_command *c)
{
    return print_lines(c, FORM_CSV);
}

int
logs_list_damaged(struct logs_command *c)
{
    return print_lines(c, c->id == LOGS_CSV    ? FORM_CSV
                          : c->id == LOGS_JSON ? FORM_JSON
                                               : FORM_SHOW);
}

/* ---- tail ---- */

struct following {
    struct printing *p;
    struct logs_input in; /* for its counts and remarks */
    struct log_clock clock;
};

/* False: enough. */
static bool
follow_line(struct following *f, struct scan_line *line, struct str text)
{
    line->fault = log_line_split(text.p, text.n, &line->line);
    if (line->fault == LOG_FAULT_EMPTY) {
        return true;
    }
    f->in.counts.lines++;
    if (line->fault != LOG_FAULT_NONE) {
        f->in.counts.damaged[line->fault]++;
        return print_line(f->p, line);
    }
    f->in.counts.good[line->line.kind]++;
    f->in.counts.new_fields += line->line.count > log_field_count(line->line.kind);
    return !query_filter_match(f->p->c->filter, &line->line, &f->clock) || print_line(f->p, line);
}

static bool
follow_block(struct following *f, const struct query_block *block, const char *path)
{
    struct scan_line line = {.path = path, .number = block->line, .offset = block->offset};
    struct str rest = {block->p, block->n};
    struct str text;
    while (rest.n > 0 && str_cut(&rest, '\n', &text)) {
        line.offset = block->offset + (uint64_t)(text.p - block->p);
        if (!follow_line(f, &line, text)) {
            return false;
        }
        line.number += line.number > 0;
    }
    return true;
}

enum { READER_CHECK_MS = 1000 };

/* Nothing may come for hours: a pipe without a reader is not only seen when a line is written. */
static bool
reader_is_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = 0};
    return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

/* Until the reader is gone, a signal comes, the limit is reached, or the pipe ends. */
static int
follow_on(struct following *f, struct query_follow *follow, struct errinfo *reterr)
{
    while (logs_stop == 0) {
        struct query_block block;
        const char *path = "";
        switch (query_follow_next(follow, READER_CHECK_MS, &block, &path, reterr)) {
        case IO_DONE:
            if (!follow_block(f, &block, path)) {
                return EXIT_OK;
            }
            logs_write(&f->p->out);
            break;
        case IO_AGAIN:
            if (reader_is_gone()) {
                return EXIT_OK;
            }
            break;
        case IO_EOF: return EXIT_OK;
        case IO_FAIL: return logs_fail(str_of(reterr->text), EXIT_CLI_NOINPUT);
        }
    }
    return EXIT_OK;
}

/* Of our own logs the spool is followed: what is delivered was in it before. */
static enum err
follow_open(const struct logs_command *c, struct query_follow **ret_follow, struct errinfo *reterr)
{
    struct buf spool AUTO(buf_free) = {0};
    struct logs_paths paths AUTO(logs_paths_done) = {.items = NULL};
    enum err e = logs_paths_find(c, &paths, reterr);
    if (e == ERR_OK && paths.ours) {
        buf_addf(&spool, "%s/spool", paths.state);
        const struct str only = buf_str(&spool);
        return query_follow_open(&only, 1, c->lines, ret_follow, reterr);
    }
    TRY(e);
    return query_follow_open(paths.items, paths.count, c->lines, ret_follow, reterr);
}

int
logs_tail(struct logs_command *c)
{
    struct errinfo error = {""};
    struct query_follow *follow = NULL;
    struct printing p AUTO(printing_done);
    struct following f = {.p = &p, .in = {.c = c}};
    printing_init(&p, c, FORM_SHOW);
    logs_catch_interrupt();
    if (follow_open(c, &follow, &error) != ERR_OK) {
        return logs_fail(str_of(error.text), EXIT_CLI_NOINPUT);
    }
    int code = follow_on(&f, follow, &error);
    query_follow_close(&follow);
    logs_write(&p.out);
    logs_input_remarks(&f.in);
    return code != EXIT_OK || p.printed > 0 ? code : EXIT_FAULT;
}
