/* SPDX-License-Identifier: Apache-2.0
 * Finding the lines of a story: what the person named, and then the connection and the health
 * checks that belong to it. */
#include "query/why.h"

#include "base/assert.h"
#include "base/mem.h"
#include "query/say.h"

#include <string.h>

enum asked_kind { ASKED_TRACE, ASKED_CONNECTION, ASKED_PLACE, ASKED_LINE };

struct asked {
    enum asked_kind kind;
    struct str id;   /* trace id, TID_..., or the whole line */
    struct str path; /* of a place */
    uint64_t number;
};

/* ---- what was typed ---- */

static bool
parse_place(struct str wanted, struct asked *ret_asked)
{
    size_t at;
    if (!str_rfind_char(wanted, ':', &at) || at == 0 ||
        !str_to_u64(str_sub(wanted, at + 1, wanted.n), &ret_asked->number) ||
        ret_asked->number == 0) {
        return false;
    }
    ret_asked->kind = ASKED_PLACE;
    ret_asked->path = str_sub(wanted, 0, at);
    return true;
}

/* The id of "Root=1-...", of "Self=...;Root=...", or a bare one. */
static bool
parse_trace(struct str wanted, struct asked *ret_asked)
{
    struct str rest = wanted, piece;
    struct str id = str_starts(wanted, STR("1-")) ? wanted : STR_NONE;
    while (str_cut(&rest, ';', &piece)) {
        piece = str_trim(piece);
        if (str_istarts(piece, STR("Root=")) ||
            (id.p == NULL && str_istarts(piece, STR("Self=")))) {
            id = str_sub(piece, sizeof("Root=") - 1, piece.n);
        }
    }
    ret_asked->kind = ASKED_TRACE;
    ret_asked->id = id;
    return id.n > 0;
}

/* A line needs readable bytes behind it. */
static enum log_fault
split(const char *text, size_t n, struct log_line *ret_line)
{
    return log_line_split(text, n, ret_line);
}

static char *
padded(struct str text)
{
    char *copy = xalloc(text.n + LOG_READ_PAD);
    if (text.n > 0) {
        memcpy(copy, text.p, text.n);
    }
    return copy;
}

static bool
is_good_line(struct str text)
{
    struct log_line line;
    char *copy = padded(text);
    bool good = text.n <= LIMIT_LOG_READ_LINE_MAX && split(copy, text.n, &line) == LOG_FAULT_NONE;
    xfree(copy);
    return good;
}

static bool
parse(struct str wanted, struct asked *ret_asked)
{
    struct str text = str_trim(wanted);
    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r')) {
        text.n--; /* of a line that was copied with its end */
    }
    *ret_asked = (struct asked){.id = text};
    if (str_find_char(text, ' ', NULL) && is_good_line(text)) {
        ret_asked->kind = ASKED_LINE;
        return true;
    }
    if (str_starts(text, STR("TID_"))) {
        ret_asked->kind = ASKED_CONNECTION;
        return true;
    }
    return parse_place(text, ret_asked) || parse_trace(text, ret_asked);
}

bool
why_needs_no_files(struct str wanted)
{
    struct asked asked;
    return !parse(wanted, &asked) || asked.kind == ASKED_PLACE || asked.kind == ASKED_LINE;
}

/* ---- lines that are kept ---- */

static void
line_done(struct why_line *line)
{
    xfree(line->text);
    xfree(line->path);
    *line = (struct why_line){0};
}

static uint64_t
time_of(const struct log_line *line)
{
    static const unsigned fields[] = {[LOG_ACCESS] = LOG_ACCESS_TIME,
                                      [LOG_CONNECTION] = LOG_CONNECTION_TIMESTAMP,
                                      [LOG_HEALTH] = LOG_HEALTH_TIME};
    struct log_clock clock = {0};
    uint64_t us = 0;
    return log_time(&clock, log_line_field(line, fields[line->kind]), &us) ? us : 0;
}

static struct why_line
keep(const struct scan_line *from)
{
    struct why_line to = {.fault = from->fault,
                          .path = from->path == NULL ? NULL : xstrdup(from->path),
                          .number = from->number,
                          .offset = from->offset};
    to.text = padded((struct str){from->line.p, from->line.n});
    enum log_fault fault = split(to.text, from->line.n, &to.split);
    to.time_us = fault == LOG_FAULT_NONE ? time_of(&to.split) : 0;
    return to;
}

/* By time, then by place: the same order whatever thread found them. */
static int
line_order(const struct why_line *a, const struct why_line *b)
{
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    int paths = str_cmp(str_of(a->path), str_of(b->path));
    return paths != 0 ? paths : (a->offset > b->offset) - (a->offset < b->offset);
}

/* ---- the first reading: the lines that were named ---- */

struct hits {
    struct why_line items[LIMIT_WHY_LINES]; /* owned; in order */
    size_t count;
    uint64_t found;
};

struct hunt {
    const struct asked *asked; /* borrowed */
    struct hits access, connections;
};

static void
hits_take(struct hits *hits, struct why_line line)
{
    size_t at = hits->count;
    while (at > 0 && line_order(&line, &hits->items[at - 1]) < 0) {
        at--;
    }
    if (hits->count == LIMIT_WHY_LINES) {
        if (at == hits->count) {
            line_done(&line);
            return;
        }
        line_done(&hits->items[--hits->count]);
    }
    memmove(&hits->items[at + 1], &hits->items[at], (hits->count - at) * sizeof(*hits->items));
    hits->items[at] = line;
    hits->count++;
}

static void
hits_join(struct hits *to, struct hits *from)
{
    for (size_t i = 0; i < from->count; i++) {
        hits_take(to, from->items[i]);
    }
    to->found += from->found;
    from->count = 0;
}

static void
hits_done(struct hits *hits)
{
    for (size_t i = 0; i < hits->count; i++) {
        line_done(&hits->items[i]);
    }
    hits->count = 0;
}

/* Is the id one of the values of "Self=...;Root=...;key=..."? */
static bool
holds_trace(struct str value, struct str id)
{
    struct str rest = value, piece;
    while (str_cut(&rest, ';', &piece)) {
        size_t at;
        piece = str_trim(piece);
        if (str_eq(piece, id) ||
            (str_find_char(piece, '=', &at) && str_eq(str_sub(piece, at + 1, piece.n), id))) {
            return true;
        }
    }
    return false;
}

static bool
hunt_line(void *state, const struct scan_line *line)
{
    struct hunt *h = state;
    const struct log_line *l = &line->line;
    struct str id = h->asked->id;
    if (memmem(l->p, l->n, id.p, id.n) == NULL) {
        return true;
    }
    bool wanted = false;
    if (l->kind == LOG_ACCESS) {
        wanted = h->asked->kind == ASKED_TRACE
                     ? holds_trace(log_line_field(l, LOG_ACCESS_TRACE_ID), id)
                     : str_eq(log_line_field(l, LOG_ACCESS_CONN_TRACE_ID), id);
    } else if (l->kind == LOG_CONNECTION) {
        wanted = str_eq(log_line_field(l, LOG_CONNECTION_CONN_TRACE_ID), id);
    }
    if (wanted) {
        struct hits *hits = l->kind == LOG_ACCESS ? &h->access : &h->connections;
        hits->found++;
        hits_take(hits, keep(line));
    }
    return true;
}

static void *
hunt_fork(void *state)
{
    const struct hunt *h = state;
    struct hunt *other = xalloc(sizeof(*other));
    other->asked = h->asked;
    return other;
}

static void
hunt_join(void *state, void *forked)
{
    struct hunt *h = state, *other = forked;
    hits_join(&h->access, &other->access);
    hits_join(&h->connections, &other->connections);
    xfree(other);
}

static const struct scan_sink hunt_sink = {.fork = hunt_fork, .join = hunt_join, .line = hunt_line};

/* ---- one line of one file ---- */

struct place {
    uint64_t number;
    struct why_line found; /* text NULL: not yet */
};

static bool
place_line(void *state, const struct scan_line *line)
{
    struct place *p = state;
    if (line->number == p->number) {
        p->found = keep(line);
    }
    return line->number < p->number;
}

static const struct scan_sink place_sink = {.line = place_line};

static enum err
find_place(const struct asked *asked, const struct scan_options *options, struct why_line *ret_line,
           struct scan_counts *counts, struct errinfo *reterr)
{
    struct query_files files = {0};
    struct place place = {.number = asked->number};
    struct scan_options scan = *options;
    TRY(query_files_find(&asked->path, 1, &(struct query_wanted){.kind = -1}, &files, reterr));
    scan.filter = NULL; /* numbers count every line */
    scan.damaged = true;
    scan.threads = 1;
    enum err e = ERR_OK;
    if (files.count > 1) {
        e = text_err(reterr, ERR_INVALID, N_("{path} holds several files: name one of them."),
                     TEXT_ARGS({"path", asked->path}));
    } else if (files.count == 1) {
        e = scan_run(&files, &scan, &place_sink, &place, counts, reterr);
    }
    query_files_free(&files);
    *ret_line = place.found;
    return e;
}

/* ---- the second reading: what belongs to them ---- */

struct company {
    const struct why *why;   /* borrowed */
    struct why_story *found; /* owned: connection and checks of each story, nothing else */
};

static void
take_connection(struct why_story *story, const struct scan_line *line)
{
    struct why_line one = keep(line);
    if (story->connection.text == NULL || line_order(&one, &story->connection) < 0) {
        line_done(&story->connection);
        story->connection = one;
    } else {
        line_done(&one);
    }
}

static uint64_t
distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Nearer to the request in time, or as near and earlier in order. */
static bool
is_nearer(const struct why_line *a, const struct why_line *b, uint64_t time_us)
{
    uint64_t of_a = distance(a->time_us, time_us), of_b = distance(b->time_us, time_us);
    return of_a != of_b ? of_a < of_b : line_order(a, b) < 0;
}

/* Keeps the nearest ones, nearest first. */
static void
take_check(struct why_story *story, struct why_line line, uint64_t time_us)
{
    size_t at = story->check_count;
    while (at > 0 && is_nearer(&line, &story->checks[at - 1], time_us)) {
        at--;
    }
    if (story->check_count == WHY_CHECKS_MAX) {
        if (at == story->check_count) {
            line_done(&line);
            return;
        }
        line_done(&story->checks[--story->check_count]);
    }
    memmove(&story->checks[at + 1], &story->checks[at],
            (story->check_count - at) * sizeof(*story->checks));
    story->checks[at] = line;
    story->check_count++;
}

/* The log of health checks names the group by its name, alone or with the id behind. */
static bool
same_group(struct str arn, struct str id)
{
    struct str name = say_group_name(arn);
    return arn.p == NULL || id.p == NULL || str_eq(name, id) ||
           (str_starts(id, name) && id.n > name.n && id.p[name.n] == '/') || str_eq(arn, id);
}

static bool
is_check_of(const struct log_line *check, const struct why_line *request, uint64_t *ret_us)
{
    struct str target = log_line_field(&request->split, LOG_ACCESS_TARGET);
    *ret_us = time_of(check);
    return target.p != NULL && str_eq(log_line_field(check, LOG_HEALTH_TARGET_ADDR), target) &&
           same_group(log_line_field(&request->split, LOG_ACCESS_TARGET_GROUP_ARN),
                      log_line_field(check, LOG_HEALTH_TARGET_GROUP_ID)) &&
           distance(*ret_us, request->time_us) <= LIMIT_WHY_CHECK_S * UINT64_C(1000000);
}

static bool
company_line(void *state, const struct scan_line *line)
{
    struct company *c = state;
    const struct log_line *l = &line->line;
    for (size_t i = 0; i < c->why->count && l->kind != LOG_ACCESS; i++) {
        const struct why_line *request = &c->why->stories[i].line;
        uint64_t us;
        if (request->fault != LOG_FAULT_NONE || request->split.kind != LOG_ACCESS) {
            continue;
        }
        if (l->kind == LOG_CONNECTION) {
            struct str id = log_line_field(&request->split, LOG_ACCESS_CONN_TRACE_ID);
            if (id.p != NULL && str_eq(id, log_line_field(l, LOG_CONNECTION_CONN_TRACE_ID))) {
                take_connection(&c->found[i], line);
            }
        } else if (is_check_of(l, request, &us)) {
            take_check(&c->found[i], keep(line), request->time_us);
        }
    }
    return true;
}

static void *
company_fork(void *state)
{
    const struct company *c = state;
    struct company *other = xalloc(sizeof(*other));
    other->why = c->why;
    other->found = xalloc(c->why->count * sizeof(*other->found));
    return other;
}

static void
company_join(void *state, void *forked)
{
    struct company *c = state, *other = forked;
    for (size_t i = 0; i < c->why->count; i++) {
        struct why_story *to = &c->found[i], *from = &other->found[i];
        if (from->connection.text != NULL &&
            (to->connection.text == NULL || line_order(&from->connection, &to->connection) < 0)) {
            struct why_line swapped = to->connection;
            to->connection = from->connection;
            from->connection = swapped;
        }
        line_done(&from->connection);
        for (size_t k = 0; k < from->check_count; k++) {
            take_check(to, from->checks[k], c->why->stories[i].line.time_us);
        }
    }
    xfree(other->found);
    xfree(other);
}

static const struct scan_sink company_sink = {
    .fork = company_fork, .join = company_join, .line = company_line};

static int
check_order(const void *a, const void *b)
{
    return line_order(a, b);
}

/* What was found goes to its story; checks in the order of time. */
static void
settle(struct why *why, struct company *c)
{
    for (size_t i = 0; i < why->count; i++) {
        struct why_story *story = &why->stories[i], *found = &c->found[i];
        if (story->connection.text == NULL) {
            story->connection = found->connection;
        } else {
            line_done(&found->connection);
        }
        memcpy(story->checks, found->checks, sizeof(story->checks));
        story->check_count = found->check_count;
        qsort(story->checks, story->check_count, sizeof(*story->checks), check_order);
    }
    xfree(c->found);
}

/* Files that may hold other lines than those of requests, and can be read again. */
static struct query_files
others_of(const struct query_files *files)
{
    struct query_files some = {0};
    for (size_t i = 0; i < files->count; i++) {
        const struct query_file *file = &files->items[i];
        bool access = file->named && file->object.kind == LOG_ACCESS;
        if (!access && strcmp(file->path, "-") != 0) {
            *VEC_PUSH(some.items, some.count, some.cap) = *file;
            some.bytes += file->bytes;
        }
    }
    return some; /* paths stay with `files` */
}

static enum err
find_company(const struct query_files *files, const struct scan_options *options, struct why *why,
             struct errinfo *reterr)
{
    struct query_files some = others_of(files);
    struct scan_options scan = *options;
    struct scan_counts counts;
    enum err e = ERR_OK;
    scan.filter = NULL;
    scan.remark = NULL; /* all was said at the first reading */
    scan.damaged = false;
    if (some.count > 0 && why->count > 0) {
        struct company c = {.why = why, .found = xalloc(why->count * sizeof(*c.found))};
        e = scan_run(&some, &scan, &company_sink, &c, &counts, reterr);
        settle(why, &c);
    }
    xfree(some.items);
    return e;
}

/* ---- all ---- */

static struct why_story *
add_story(struct why *why, struct why_line line)
{
    if (why->stories == NULL) {
        why->stories = xalloc(LIMIT_WHY_LINES * sizeof(*why->stories));
    }
    ASSERT(why->count < LIMIT_WHY_LINES);
    why->stories[why->count].line = line;
    return &why->stories[why->count++];
}

/* Requests where there are any, else the connections of that id. */
static void
tell_hits(struct why *why, struct hunt *h)
{
    struct hits *hits = h->access.count > 0 ? &h->access : &h->connections;
    for (size_t i = 0; i < hits->count; i++) {
        (void)add_story(why, hits->items[i]);
    }
    why->not_told = hits->found - hits->count;
    hits->count = 0;
    for (size_t i = 0; i < why->count && h->access.found > 0; i++) {
        if (h->connections.count > 0) { /* of all of them: the same id was asked for */
            struct why_line *c = &h->connections.items[0];
            struct scan_line again = {
                .line = c->split, .path = c->path, .number = c->number, .offset = c->offset};
            why->stories[i].connection = keep(&again);
        }
    }
    hits_done(&h->access);
    hits_done(&h->connections);
}

static enum err
find_hits(const struct query_files *files, const struct scan_options *options,
          const struct asked *asked, struct why *why, struct scan_counts *counts,
          struct errinfo *reterr)
{
    struct hunt *h = xalloc(sizeof(*h));
    struct scan_options scan = *options;
    h->asked = asked;
    scan.damaged = false;
    enum err e = scan_run(files, &scan, &hunt_sink, h, counts, reterr);
    tell_hits(why, h);
    xfree(h);
    return e;
}

static enum err
unknown(struct str wanted, struct errinfo *reterr)
{
    return text_err(reterr, ERR_INVALID,
                    N_("'{wanted}' is no trace id (Root=1-..., 1-... or TID_...), no FILE:LINE and "
                       "no whole line of a log."),
                    TEXT_ARGS({"wanted", text_cut(wanted, 200)}));
}

enum err
why_find(const struct query_files *files, const struct scan_options *options, struct str wanted,
         struct why *ret_why, struct scan_counts *ret_counts, struct errinfo *reterr)
{
    static const struct scan_options none;
    struct scan_counts counts = {0};
    struct asked asked;
    enum err e = ERR_OK;
    bool others = true; /* may there be lines of another kind? */
    *ret_why = (struct why){0};
    options = options == NULL ? &none : options;
    if (!parse(wanted, &asked)) {
        return unknown(wanted, reterr);
    }
    if (asked.kind == ASKED_LINE) {
        struct log_line line = {.p = asked.id.p, .n = (uint32_t)asked.id.n};
        (void)add_story(ret_why, keep(&(struct scan_line){.line = line}));
    } else if (asked.kind == ASKED_PLACE) {
        struct why_line found = {0};
        e = find_place(&asked, options, &found, &counts, reterr);
        if (e == ERR_OK && found.text != NULL) {
            (void)add_story(ret_why, found);
        } else {
            line_done(&found);
        }
    } else {
        e = find_hits(files, options, &asked, ret_why, &counts, reterr);
        others = counts.good[LOG_CONNECTION] + counts.good[LOG_HEALTH] > 0;
    }
    if (e == ERR_OK && others && files != NULL) {
        e = find_company(files, options, ret_why, reterr);
    }
    if (ret_counts != NULL) {
        *ret_counts = counts;
    }
    return e;
}

void
why_free(struct why *why)
{
    for (size_t i = 0; i < why->count; i++) {
        struct why_story *story = &why->stories[i];
        line_done(&story->line);
        line_done(&story->connection);
        for (size_t k = 0; k < story->check_count; k++) {
            line_done(&story->checks[k]);
        }
    }
    xfree(why->stories);
    *why = (struct why){0};
}
