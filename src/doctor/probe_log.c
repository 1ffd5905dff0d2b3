/* SPDX-License-Identifier: Apache-2.0
 * Reads the load balancer's logs: what they cover, and the lines that requests of this diagnosis
 * left. Of other people's lines nothing is kept but counts, times and the load balancer's name. */
#include "doctor/log_look.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "policy/delivery.h"
#include "query/scan.h"
#include "text/text.h"

enum {
    SECOND_US = 1000 * 1000,
    AROUND_US = 5 * SECOND_US, /* clocks of two machines differ so much */
    LINES_ARRIVE_MS = 500,     /* our workers write their buffers once a second */
    LINES_ARRIVE_TRIES = 3,
};

/* One pass over the files. */
struct look {
    const struct facts *f;
    struct log_seen *log;
    struct log_clock clock;
    uint64_t from_us, to_us; /* of the diagnosis, with room for clocks */
};

/* ---- names ---- */

static void
count_name(struct log_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_eq(str_of(names->items[i].text), name)) {
            names->items[i].count++;
            return;
        }
    }
    struct log_name *new = &names->items[names->count];
    if (names->count < LOG_NAMES_MAX && str_copy_z(name, new->text, sizeof(new->text))) {
        new->count = 1;
        names->count++;
    } else {
        names->more++;
    }
}

static void
widen(uint64_t *first, uint64_t *last, uint64_t value)
{
    *first = *first == 0 ? value : MIN_OF(*first, value);
    *last = MAX_OF(*last, value);
}

/* ---- a line without secrets ---- */

/* Path and query become stars: "https://host:8443/a?b" keeps scheme, host and port. */
static void
add_starred_url(struct buf *out, struct str url)
{
    size_t scheme = 0, slash;
    if (str_find(url, STR("://"), &scheme)) {
        scheme += STR("://").n;
    }
    struct str rest = str_sub(url, scheme, url.n);
    size_t hide = str_find_char(rest, '/', &slash) ? scheme + slash + 1 : url.n;
    size_t query;
    if (str_find_char(url, '?', &query)) {
        hide = MIN_OF(hide, query + 1);
    }
    buf_add_str(out, str_sub(url, 0, hide));
    for (size_t i = hide; i < url.n; i++) {
        buf_add_char(out, '*');
    }
}

static void
add_starred_request(struct buf *out, struct str field)
{
    struct log_request r;
    log_request(field, &r);
    if (r.verb.p == NULL) {
        buf_add_z(out, "-"); /* malformed: nothing of it is ours */
        return;
    }
    buf_addf(out, "%.*s ", STR_ARG(r.verb));
    add_starred_url(out, r.url);
    buf_addf(out, " %.*s", STR_ARG(r.version));
}

/* The same line, so that it is read by the same code. */
static char *
starred_access_line(const struct log_line *l)
{
    struct buf out = {0};
    for (unsigned i = 0; i < l->count && i < LOG_ACCESS_FIELDS; i++) {
        struct str field = log_line_raw(l, i);
        const char *quote = log_line_quoted(l, i) ? "\"" : "";
        buf_addf(&out, "%s%s", i == 0 ? "" : " ", quote);
        if (i == LOG_ACCESS_REQUEST) {
            add_starred_request(&out, field);
        } else if (i == LOG_ACCESS_REDIRECT_URL || i == LOG_ACCESS_TRANSFORMED_URI) {
            add_starred_url(&out, field);
        } else {
            buf_add_str(&out, field);
        }
        buf_add_z(&out, quote);
    }
    return buf_take(&out);
}

/* ---- our lines ---- */

/* "R1.site" behind the mark. */
static void
read_tag(struct str tag, struct log_mark *m)
{
    struct str probe, side = STR_NONE;
    size_t end = 0;
    m->probe = PROBE_R1;
    m->side = SIDE_NONE;
    while (end < tag.n && (ascii_is_alnum(tag.p[end]) || tag.p[end] == '.')) {
        end++;
    }
    tag = str_sub(tag, 0, end);
    if (!str_cut(&tag, '.', &probe) || !probe_find(probe, &m->probe)) {
        return;
    }
    side = tag;
    for (size_t i = 0; i < SIDE_COUNT; i++) {
        if (str_eq(side, str_of(side_name((enum side)i)))) {
            m->side = (enum side)i;
        }
    }
}

static void
keep_mark(struct look *look, const struct scan_line *s, size_t behind)
{
    struct log_seen *log = look->log;
    struct str agent = log_line_field(&s->line, LOG_ACCESS_USER_AGENT);
    if (log->mark_count == LOG_MARKS_MAX) {
        return;
    }
    struct log_mark *m = &log->marks[log->mark_count++];
    struct str tag = str_sub(agent, behind, agent.n);
    *m = (struct log_mark){
        .file = xstrdup(s->path), .line = s->number, .text = starred_access_line(&s->line)};
    read_tag(str_starts(tag, STR("/")) ? str_sub(tag, 1, tag.n) : STR_NONE, m);
}

static void
see_access(struct look *look, const struct scan_line *s)
{
    struct log_seen *log = look->log;
    uint64_t us;
    size_t at;
    log->access_lines++;
    if (log_time(&look->clock, log_line_field(&s->line, LOG_ACCESS_TIME), &us)) {
        widen(&log->first_us, &log->last_us, us);
    }
    count_name(&log->lbs, log_line_field(&s->line, LOG_ACCESS_ELB));
    struct str mark = str_of(look->f->marker);
    struct str agent = log_line_field(&s->line, LOG_ACCESS_USER_AGENT);
    if (mark.n > 0 && str_find(agent, mark, &at)) {
        keep_mark(look, s, at + mark.n);
    }
}

/* Whose they are is decided when all lines are known. */
static void
see_connection(struct look *look, const struct scan_line *s)
{
    struct log_seen *log = look->log;
    uint64_t us;
    log->connection_lines++;
    if (!log_time(&look->clock, log_line_field(&s->line, LOG_CONNECTION_TIMESTAMP), &us) ||
        us < look->from_us || us > look->to_us ||
        log_number(log_line_field(&s->line, LOG_CONNECTION_LISTENER_PORT)) !=
            look->f->question.port) {
        return;
    }
    if (log_line_field(&s->line, LOG_CONNECTION_TLS_HANDSHAKE_LATENCY).p == NULL ||
        log_line_field(&s->line, LOG_CONNECTION_TLS_CIPHER).p == NULL) {
        log->failed_handshakes++;
    } else {
        return;
    }
    if (log->handshake_count < LOG_HANDSHAKES_MAX) {
        struct log_mark *m = &log->handshakes[log->handshake_count++];
        *m = (struct log_mark){.probe = PROBE_R1,
                               .side = SIDE_SITE,
                               .file = xstrdup(s->path),
                               .line = s->number,
                               .text = xstrdup_str((struct str){s->line.p, s->line.n})};
    }
}

static bool
see_line(void *state, const struct scan_line *s)
{
    struct look *look = state;
    switch (s->line.kind) {
    case LOG_ACCESS: see_access(look, s); break;
    case LOG_CONNECTION: see_connection(look, s); break;
    case LOG_HEALTH: look->log->health_lines++; break;
    case LOG_KIND_COUNT: break;
    }
    return true;
}

/* ---- whose connections ---- */

/* A line of our own, to be read again: with room behind it. */
static char *
padded(const char *text, size_t *ret_n)
{
    *ret_n = strlen(text);
    char *copy = xalloc(*ret_n + LOG_READ_PAD);
    memcpy(copy, text, *ret_n);
    return copy;
}

static bool
came_from(const struct log_mark *handshake, const char *ip)
{
    struct log_line line;
    size_t n;
    char *text = padded(handshake->text, &n);
    bool same = log_line_split(text, n, &line) == LOG_FAULT_NONE &&
                str_eq(log_line_field(&line, LOG_CONNECTION_CLIENT_IP), str_of(ip));
    xfree(text);
    return same;
}

/* Our address as the load balancer saw it: by --from, or since we talk to ourselves, or by a
 * request that arrived. False: not known. */
static bool
is_our_connection(const struct facts *f, const struct log_mark *handshake)
{
    char ip[ADDR_TEXT];
    struct addr site[1];
    if (f->question.from.sa.sa_family != 0 &&
        came_from(handshake, addr_text(&f->question.from, ip))) {
        return true;
    }
    const char *range = facts_site_addrs(f, site, 1) > 0 ? addr_range(&site[0]) : NULL;
    if (range != NULL && strcmp(range, "loopback") == 0) {
        return true;
    }
    for (size_t i = 0; i < f->log->mark_count; i++) {
        struct log_line line;
        struct str host;
        uint16_t port;
        size_t n;
        char *text = padded(f->log->marks[i].text, &n);
        bool same = log_line_split(text, n, &line) == LOG_FAULT_NONE &&
                    log_peer(log_line_field(&line, LOG_ACCESS_CLIENT), &host, &port) &&
                    str_copy_z(host, ip, sizeof(ip)) && came_from(handshake, ip);
        xfree(text);
        if (same) {
            return true;
        }
    }
    return false;
}

static void
drop_other_connections(struct facts *f)
{
    struct log_seen *log = f->log;
    size_t kept = 0;
    for (size_t i = 0; i < log->handshake_count; i++) {
        struct log_mark *m = &log->handshakes[i];
        if (is_our_connection(f, m)) {
            log->handshakes[kept++] = *m;
        } else {
            xfree(m->file);
            xfree(m->text);
        }
    }
    log->handshake_count = kept;
}

/* ---- files ---- */

static uint64_t
began_us(const struct facts *f)
{
    return f->started_s * SECOND_US;
}

/* What the names tell; files that end long before the diagnosis are not read. */
static void
see_files(const struct facts *f, struct log_seen *log, struct query_files *files)
{
    const uint64_t margin_us = (uint64_t)LIMIT_DOCTOR_LOG_MARGIN_S * SECOND_US;
    const struct query_wanted wanted = {
        .since_us = began_us(f) > margin_us ? began_us(f) - margin_us : 0, .kind = -1};
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        struct query_file *file = &files->items[i];
        log->growing = log->growing || str_find(str_of(file->path), STR(".log.open."), NULL);
        if (file->named) {
            count_name(&log->accounts, file->object.account);
            count_name(&log->regions, file->object.region);
            widen(&log->first_end_us, &log->last_end_us, file->object.end_us);
        }
        if (query_file_is_wanted(file, &wanted)) {
            files->items[kept++] = *file;
        } else {
            log->old_files++;
            files->bytes -= MIN_OF(files->bytes, file->bytes);
            xfree(file->path);
        }
    }
    files->count = kept;
    log->test_files = files->test_files;
}

static void
see_counts(struct log_seen *log, const struct scan_counts *counts)
{
    log->files = counts->files;
    log->foreign_files = counts->foreign_files;
    log->broken_files = counts->broken_files;
    for (size_t i = 0; i < LOG_FAULT_COUNT; i++) {
        log->damaged_lines += counts->damaged[i];
    }
}

static enum err
read_logs(struct facts *f, const char *const *paths, size_t count, struct errinfo *reterr)
{
    const struct query_wanted all = {.kind = -1};
    const struct scan_options options = {.threads = 1}; /* so that lines have numbers */
    const struct scan_sink sink = {.line = see_line};
    struct str names[LOG_PATHS_MAX];
    struct query_files files = {0};
    struct scan_counts counts;
    struct log_seen *log = f->log;
    *log = (struct log_seen){.looked_s = clock_wall_us() / SECOND_US};
    for (size_t i = 0; i < count; i++) {
        names[i] = str_of(paths[i]);
        log->paths[log->path_count++] = xstrdup(paths[i]);
    }
    TRY(query_files_find(names, count, &all, &files, reterr));
    struct look look = {.f = f,
                        .log = log,
                        .from_us = began_us(f) - MIN_OF(began_us(f), (uint64_t)AROUND_US),
                        .to_us = began_us(f) + f->elapsed_us + AROUND_US};
    see_files(f, log, &files);
    enum err e = scan_run(&files, &options, &sink, &look, &counts, reterr);
    see_counts(log, &counts);
    drop_other_connections(f);
    query_files_free(&files);
    return e;
}

/* ---- waiting for what is on its way ---- */

static bool
is_marked(const struct log_seen *log, enum probe p, enum side s)
{
    for (size_t i = 0; i < log->mark_count; i++) {
        if (log->marks[i].probe == p && log->marks[i].side == s) {
            return true;
        }
    }
    return false;
}

/* Some main request was answered, and its line is not there yet. */
static bool
some_are_missing(const struct facts *f)
{
    static const struct {
        enum probe probe;
        enum side side;
    } wanted[] = {{PROBE_R1, SIDE_SITE}, {PROBE_R4, SIDE_LB}};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        const struct result *r = facts_find(f, wanted[i].probe, wanted[i].side);
        if (r != NULL && r->http != NULL && r->http->has_status &&
            !is_marked(f->log, wanted[i].probe, wanted[i].side)) {
            return true;
        }
    }
    return false;
}

/* A state folder of ours, or the spool in it: lines come once a second. */
static bool
is_spool(const char *path)
{
    char *inside = xprintf("%s/spool", path);
    struct str name = str_of(path);
    while (str_ends(name, STR("/"))) {
        name.n--;
    }
    bool spool = str_ends(name, STR("/spool")) || access(inside, F_OK) == 0;
    xfree(inside);
    return spool;
}

enum err
log_look(struct facts *f, const char *const *paths, size_t count, struct errinfo *reterr)
{
    if (f->log != NULL) {
        log_seen_done(f->log);
    } else {
        f->log = xalloc(sizeof(*f->log));
    }
    count = MIN_OF(count, (size_t)LOG_PATHS_MAX);
    enum err e = read_logs(f, paths, count, reterr);
    bool grows = false;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        grows = grows || f->log->growing || is_spool(paths[i]);
    }
    for (unsigned i = 0; grows && e == ERR_OK && i < LINES_ARRIVE_TRIES && !f->replayed; i++) {
        if (!some_are_missing(f)) {
            break;
        }
        (void)poll(NULL, 0, LINES_ARRIVE_MS); /* a signal only makes it shorter */
        log_seen_done(f->log);
        e = read_logs(f, paths, count, reterr);
    }
    return e;
}

/* ---- the policy ---- */

static enum err
read_policy(const char *name, struct bytes *ret, struct errinfo *reterr)
{
    char chunk[4096];
    struct buf text = {.max = LIMIT_DOCTOR_POLICY_BYTES};
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && !text.overflow) {
        n = read(fd, chunk, sizeof(chunk));
        buf_add(&text, chunk, n > 0 ? (size_t)n : 0);
    }
    int why = errno;
    if (fd >= 0) {
        (void)close(fd); /* it was only read */
    }
    if (n < 0 || text.overflow) {
        enum err e = text.overflow ? ERR_TOO_LARGE : ERR_SYSTEM;
        buf_free(&text);
        return e == ERR_TOO_LARGE
                   ? text_err(reterr, e, N_("The file {file} is larger than any bucket policy."),
                              TEXT_ARGS({"file", str_of(name)}))
                   : text_err(reterr, e, N_("The file {file} cannot be read: {reason}"),
                              TEXT_ARGS({"file", str_of(name)}, {"reason", str_of(strerror(why))}));
    }
    ret->n = text.n;
    ret->p = (uint8_t *)buf_take(&text);
    return ERR_OK;
}

enum err
policy_look(struct facts *f, const struct policy_wanted *w, struct errinfo *reterr)
{
    const struct delivery_question q = {str_of(w->bucket), str_of(w->prefix), str_of(w->account),
                                        str_of(w->region), DELIVERY_ACCESS,   STR_NONE};
    struct bytes text;
    TRY(delivery_question_check(&q, reterr));
    TRY(read_policy(w->file, &text, reterr));
    if (f->policy != NULL) {
        policy_asked_done(f->policy);
    } else {
        f->policy = xalloc(sizeof(*f->policy));
    }
    *f->policy = (struct policy_asked){.file = xstrdup(w->file),
                                       .text = text,
                                       .bucket = xstrdup(w->bucket),
                                       .prefix = xstrdup(w->prefix),
                                       .account = xstrdup(w->account),
                                       .region = xstrdup(w->region)};
    return ERR_OK;
}
