/* SPDX-License-Identifier: Apache-2.0
 * Where `openalb logs` reads: paths of the command line or the state folder's own logs; one pass
 * over them with progress and remarks. */
#include "cli/logs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "state/state_dir.h"

/* ---- the state folder's own logs ---- */

/* A folder that is there and may be read. */
static void
add_folder(const struct logs_command *c, struct logs_paths *paths, const char *name)
{
    struct errinfo info;
    char *path = xprintf("%s/%s", paths->state, name);
    if (access(path, R_OK | X_OK) == 0) {
        *VEC_PUSH(paths->items, paths->count, paths->cap) = str_of(path);
        return;
    }
    if (errno == EACCES) {
        (void)text_err(&info, ERR_DENIED, N_("The folder {folder} cannot be read by this user."),
                       TEXT_ARGS({"folder", str_of(path)}));
        logs_remark(c, str_of(info.text));
    }
    xfree(path);
}

static enum err
no_state(const char *folder, struct errinfo *reterr)
{
    return text_err(reterr, ERR_NOT_FOUND,
                    N_("There are no logs of an OpenALB in the state folder {folder}. Name another "
                       "one with --state, or log files, folders, or - for standard input."),
                    TEXT_ARGS({"folder", str_of(folder)}));
}

static enum err
find_own(const struct logs_command *c, struct logs_paths *paths, struct errinfo *reterr)
{
    paths->ours = true;
    paths->state = c->state != NULL ? xstrdup(c->state) : state_dir_default();
    add_folder(c, paths, "spool");
    add_folder(c, paths, "s3");
    return paths->count > 0 ? ERR_OK : no_state(paths->state, reterr);
}

enum err
logs_paths_find(const struct logs_command *c, struct logs_paths *ret_paths, struct errinfo *reterr)
{
    *ret_paths = (struct logs_paths){.items = NULL};
    if (c->path_count == 0) {
        return find_own(c, ret_paths, reterr);
    }
    for (size_t i = 0; i < c->path_count; i++) {
        *VEC_PUSH(ret_paths->items, ret_paths->count, ret_paths->cap) = c->paths[i];
    }
    return ERR_OK;
}

void
logs_paths_done(struct logs_paths *paths)
{
    for (size_t i = 0; paths->ours && i < paths->count; i++) {
        char *bytes;
        memcpy(&bytes, &paths->items[i].p, sizeof(bytes)); /* made by add_path() */
        xfree(bytes);
    }
    xfree(paths->items);
    xfree(paths->state);
    *paths = (struct logs_paths){.items = NULL};
}

/* ---- files ---- */

static struct query_wanted
wanted_of(const struct logs_command *c)
{
    struct query_wanted w = {.since_us = query_filter_since_us(c->filter),
                             .until_us = query_filter_until_us(c->filter),
                             .kind = c->kind};
    if (c->spans[0].text != NULL) {
        w.since_us = MIN_OF(c->spans[0].from_us, c->spans[1].from_us);
        w.until_us = MAX_OF(c->spans[0].to_us, c->spans[1].to_us);
    }
    return w;
}

/* "STATE/spool/K.log[.open...]" -> "STATE/s3/K.log.gz"; false: it is no spool file. */
static bool
delivered_name(const struct logs_paths *paths, struct str path, struct buf *out)
{
    struct buf spool AUTO(buf_free) = {0};
    size_t at;
    buf_addf(&spool, "%s/spool/", paths->state);
    if (!str_starts(path, buf_str(&spool))) {
        return false;
    }
    struct str key = str_sub(path, spool.n, path.n);
    if (str_find(key, STR(".log.open."), &at)) {
        key.n = at + STR(".log").n;
    }
    buf_addf(out, "%s/s3/%.*s.gz", paths->state, STR_ARG(key));
    return true;
}

static bool
holds(const struct query_files *files, struct str path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (str_eq(str_of(files->items[i].path), path)) {
            return true;
        }
    }
    return false;
}

/* A file may be delivered while it is looked for; its lines count once. */
static void
drop_delivered(const struct logs_paths *paths, struct query_files *files)
{
    size_t kept = 0;
    for (size_t i = 0; paths->ours && i < files->count; i++) {
        struct buf twin AUTO(buf_free) = {0};
        struct query_file *f = &files->items[i];
        if (delivered_name(paths, str_of(f->path), &twin) && holds(files, buf_str(&twin))) {
            files->bytes -= f->bytes;
            xfree(f->path);
        } else {
            files->items[kept++] = *f;
        }
    }
    files->count = paths->ours ? kept : files->count;
}

static enum err
find_files(struct logs_input *in, struct errinfo *reterr)
{
    const struct query_wanted wanted = wanted_of(in->c);
    struct logs_paths paths AUTO(logs_paths_done) = {.items = NULL};
    TRY(logs_paths_find(in->c, &paths, reterr));
    TRY(query_files_find(paths.items, paths.count, &wanted, &in->files, reterr));
    drop_delivered(&paths, &in->files);
    return ERR_OK;
}

/* ---- progress and remarks ---- */

static void
add_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double n = (double)bytes;
    size_t unit = 0;
    for (; n >= 1000 && unit + 1 < COUNT_OF(units); unit++) {
        n /= 1000;
    }
    buf_addf(out, "%.*f %s", unit > 0 && n < 100 ? 1 : 0, n, units[unit]);
}

static void
add_left(struct buf *out, uint64_t seconds)
{
    if (seconds >= 60) {
        buf_addf(out, "%llu min %llu s", (unsigned long long)seconds / 60,
                 (unsigned long long)seconds % 60);
    } else {
        buf_addf(out, "%llu s", (unsigned long long)seconds);
    }
}

/* Bytes of files as they lie on disk: of them the total is known. */
static void
on_progress(void *context, const struct scan_counts *so_far, uint64_t bytes_total)
{
    struct logs_input *in = context;
    struct buf done AUTO(buf_free) = {0};
    struct buf total AUTO(buf_free) = {0};
    struct buf rate AUTO(buf_free) = {0};
    struct buf left AUTO(buf_free) = {0};
    struct buf line AUTO(buf_free) = {0};
    uint64_t spent_us = clock_mono_us() - in->began_us;
    double per_us = (double)so_far->bytes_read / (double)MAX_OF(spent_us, UINT64_C(1));
    if (!in->progress.live || so_far->bytes_read == 0) {
        return;
    }
    add_size(&done, so_far->bytes_read);
    add_size(&rate, (uint64_t)(per_us * 1e6));
    if (bytes_total <= so_far->bytes_read) { /* standard input, or a file that grows */
        text_fill(&line, tr(N_("{done} read, {rate}/s")),
                  TEXT_ARGS({"done", buf_str(&done)}, {"rate", buf_str(&rate)}));
    } else {
        add_size(&total, bytes_total);
        add_left(&left, (uint64_t)((double)(bytes_total - so_far->bytes_read) / per_us / 1e6) + 1);
        text_fill(&line, tr(N_("{done} of {total} read, {rate}/s, {left} left")),
                  TEXT_ARGS({"done", buf_str(&done)}, {"total", buf_str(&total)},
                            {"rate", buf_str(&rate)}, {"left", buf_str(&left)}));
    }
    progress_show(&in->progress, buf_str(&line));
}

static void
on_remark(void *context, const char *path, const char *sentence)
{
    struct logs_input *in = context;
    struct buf line AUTO(buf_free) = {0};
    text_add_safe(&line, str_of(path));
    buf_add_z(&line, ": ");
    buf_add_z(&line, sentence);
    progress_clear(&in->progress);
    (void)logs_fail(buf_str(&line), 0); /* also with --quiet: a file that is not read is an error */
}

static uint64_t
damaged_lines(const struct scan_counts *counts)
{
    uint64_t n = 0;
    for (size_t i = 0; i < LOG_FAULT_COUNT; i++) {
        n += counts->damaged[i];
    }
    return n;
}

static void
remark_counts(const struct logs_input *in, const char *msgid, uint64_t some, uint64_t all)
{
    struct buf n AUTO(buf_free) = {0};
    struct buf total AUTO(buf_free) = {0};
    struct buf line AUTO(buf_free) = {0};
    logs_add_number(&n, some);
    logs_add_number(&total, all);
    text_fill(&line, tr(msgid), TEXT_ARGS({"count", buf_str(&n)}, {"lines", buf_str(&total)}));
    logs_remark(in->c, buf_str(&line));
}

void
logs_input_remarks(const struct logs_input *in)
{
    uint64_t damaged = damaged_lines(&in->counts);
    if (damaged > 0 && !in->c->damaged) {
        remark_counts(in, N_("{count} of {lines} lines are damaged; --damaged lists them."),
                      damaged, in->counts.lines);
    }
}

/* ---- a pass ---- */

int
logs_input_open(struct logs_input *in, struct logs_command *c, bool quietly)
{
    struct errinfo error = {""};
    *in = (struct logs_input){.c = c};
    if ((!quietly || c->path_count > 0) && find_files(in, &error) != ERR_OK) {
        return logs_fail(str_of(error.text), EXIT_CLI_NOINPUT);
    }
    in->scan = (struct scan_options){.filter = c->filter,
                                     .threads = c->threads,
                                     .progress = on_progress,
                                     .progress_context = in,
                                     .remark = on_remark,
                                     .remark_context = in,
                                     .stop = &logs_stop};
    in->began_us = clock_mono_us();
    logs_catch_interrupt();
    return EXIT_OK;
}

void
logs_input_done(struct logs_input *in)
{
    query_files_free(&in->files);
}

int
logs_input_scan(struct logs_input *in, const struct scan_sink *sink, void *state)
{
    struct errinfo error = {""};
    enum err e = scan_run(&in->files, &in->scan, sink, state, &in->counts, &error);
    progress_clear(&in->progress);
    return e == ERR_OK ? EXIT_OK : logs_fail(str_of(error.text), EXIT_CLI_NOINPUT);
}

static uint64_t
good_lines(const struct scan_counts *counts)
{
    uint64_t n = 0;
    for (size_t i = 0; i < LOG_KIND_COUNT; i++) {
        n += counts->good[i];
    }
    return n;
}

int
logs_input_code(const struct logs_input *in, bool found)
{
    uint64_t unread = in->counts.foreign_files + in->counts.broken_files;
    if (found) {
        return EXIT_OK;
    }
    if (good_lines(&in->counts) == 0 && unread > 0 && unread >= in->files.count) {
        return EXIT_CLI_NOINPUT;
    }
    remark_counts(in, N_("Nothing was found in {lines} lines."), 0, in->counts.lines);
    return EXIT_FAULT;
}
