/* SPDX-License-Identifier: Apache-2.0
 * `openalb snapshot`: prints the published configuration, or from the board of the running instance
 * the last failures or the health of the targets. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "state/board.h"
#include "state/snapshot.h"
#include "state/state_dir.h"
#include "template/template.h"

static const char usage[] =
    "usage: openalb snapshot [--state DIR] [--json]              the published configuration\n"
    "       openalb snapshot --failures [--state DIR] [--json]   the last failures, newest last\n"
    "       openalb snapshot --health [--state DIR] [--json]     the health of every target\n";

struct snapshot_options {
    char *state_dir; /* owned */
    bool json;
    bool failures;
    bool health;
    bool help;
};

/* One failure of a ring, with where it was found. */
struct found {
    unsigned worker;
    uint32_t listener_slot;
    uint64_t sequence;
    struct board_failure failure;
};
struct findings {
    struct found *items; /* owned */
    size_t count;
    size_t cap;
};

/* ---- the configuration ---- */

static enum err
print_snapshot(const struct snapshot_options *o, int state_fd, struct buf *out,
               struct errinfo *reterr)
{
    struct model *m = NULL;
    enum err e = snapshot_load(state_fd, &m, reterr);
    if (e == ERR_NOT_FOUND) {
        return err_set(reterr, e,
                       "nothing is published in the state folder '%s' yet: `openalb serve -f FILE` "
                       "does it (another folder: --state DIR)",
                       o->state_dir);
    }
    TRY(e);
    if (o->json) {
        snapshot_write(m, out);
    } else {
        buf_addf(out, "snapshot version %llu\n\n", (unsigned long long)m->version);
        model_describe(m, out);
    }
    model_unref(&m);
    return ERR_OK;
}

/* ---- the failures ---- */

/* Newest last; what happened in the same microsecond stays in the order of its ring. */
static int
compare_found(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    if (x->failure.wall_us != y->failure.wall_us) {
        return x->failure.wall_us < y->failure.wall_us ? -1 : 1;
    }
    if (x->worker != y->worker) {
        return x->worker < y->worker ? -1 : 1;
    }
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static void
collect_ring(const struct board *b, unsigned worker, uint32_t slot, struct findings *found)
{
    const struct board_listener *row = &b->workers[worker].listeners[slot];
    uint64_t next = atomic_load_explicit(&row->failure_next, memory_order_acquire);
    uint64_t first = next - MIN_OF(next, (uint64_t)LIMIT_FAILURE_RING);
    for (uint64_t n = first; n < next; n++) {
        struct found one = {.worker = worker, .listener_slot = slot, .sequence = n};
        if (board_failure_read(row, n, &one.failure)) {
            memcpy(VEC_PUSH(found->items, found->count, found->cap), &one, sizeof(one));
        }
    }
}

static void
collect(const struct board *b, struct findings *found)
{
    ASSERT(b != NULL);
    for (unsigned worker = 0; worker < b->worker_count; worker++) {
        for (uint32_t slot = 0; slot < LIMIT_LISTENERS_MAX; slot++) {
            collect_ring(b, worker, slot, found);
        }
    }
    if (found->count > 0) {
        qsort(found->items, found->count, sizeof(*found->items), compare_found);
    }
}

/* A peer may have had a hand in the detail: what is not printable ASCII is written as \xHH. */
static void
add_printable(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c < 0x7f) {
            buf_add_char(out, *p);
        } else {
            buf_addf(out, "\\x%02X", c);
        }
    }
}

/* "web:8443" when the listener still exists. */
static void
add_listener(struct buf *out, const struct listener *l, uint32_t slot)
{
    if (l == NULL) {
        buf_addf(out, "(listener of slot %u)", slot);
        return;
    }
    buf_add_str(out, l->load_balancer->name);
    buf_addf(out, ":%u", l->port);
}

/* "ECONNREFUSED", "TLS alert 40"; nothing for 0. */
static void
add_code(struct buf *out, int code)
{
    if (code < 0) {
        buf_addf(out, "TLS alert %u", 0u - (unsigned)code);
    } else if (code > 0) {
        const char *name = strerrorname_np(code);
        if (name != NULL) {
            buf_add_z(out, name);
        } else {
            buf_addf(out, "errno %d", code);
        }
    }
}

static void
add_trace_id(struct buf *out, const struct board_failure *f)
{
    buf_add_z(out, "TID_");
    for (size_t i = 0; i < sizeof(f->trace_id); i++) {
        buf_addf(out, "%02x", f->trace_id[i]);
    }
}

static void
add_time(struct buf *out, uint64_t wall_us)
{
    char text[40];
    struct out o = out_of(text, sizeof(text));
    out_iso8601(&o, wall_us, false);
    buf_add(out, text, (size_t)(o.p - text));
}

static void
add_addr(struct buf *out, const struct addr *a)
{
    char text[ADDR_TEXT];
    buf_add_z(out, a->sa.sa_family == 0 ? "-" : addr_port_text(a, text));
}

/* One line: when, where, what, who, and the sentence for people. */
static void
add_failure_line(struct buf *out, const struct found *item, const struct listener *l)
{
    const struct board_failure *f = &item->failure;
    const struct end_row *end = end_row((enum end_reason)f->end);
    add_time(out, f->wall_us);
    buf_add_char(out, ' ');
    add_trace_id(out, f);
    buf_add_char(out, ' ');
    add_listener(out, l, item->listener_slot);
    buf_addf(out, " %s fault=%s status=%u client=", end->name, end_fault_name(end->fault),
             f->status);
    add_addr(out, &f->client);
    buf_add_z(out, " target=");
    add_addr(out, &f->target);
    buf_addf(out, ": %s", end->sentence);
    if (f->code != 0 || f->detail[0] != '\0') {
        buf_add_z(out, " (");
        add_code(out, f->code);
        buf_add_z(out, f->code != 0 && f->detail[0] != '\0' ? ", " : "");
        add_printable(out, f->detail);
        buf_add_char(out, ')');
    }
    buf_add_char(out, '\n');
}

/* The text that `add` makes, as JSON; an empty one and "-" are null. */
static json_t *
json_of(struct buf *text)
{
    struct str s = buf_str(text);
    json_t *value = s.n == 0 || str_eq(s, STR("-")) ? json_null() : json_stringn(s.p, s.n);
    buf_free(text);
    return value;
}

static json_t *
failure_json(const struct found *item, const struct listener *l)
{
    const struct board_failure *f = &item->failure;
    const struct end_row *end = end_row((enum end_reason)f->end);
    struct buf time = {0}, trace_id = {0}, client = {0}, target = {0}, code = {0}, detail = {0};
    struct buf name = {0};
    add_time(&time, f->wall_us);
    add_trace_id(&trace_id, f);
    add_addr(&client, &f->client);
    add_addr(&target, &f->target);
    add_code(&code, f->code);
    add_printable(&detail, f->detail);
    if (l != NULL) {
        add_listener(&name, l, item->listener_slot);
    }
    json_t *arn = l == NULL ? json_null() : json_stringn(l->arn.p, l->arn.n);
    return json_pack(
        "{s:o, s:o, s:i, s:o, s:o, s:i, s:s, s:s, s:i, s:o, s:o, s:i, s:o, s:o, s:s}", "time",
        json_of(&time), "trace_id", json_of(&trace_id), "worker", (int)item->worker, "listener",
        json_of(&name), "listener_arn", arn, "listener_slot", (int)item->listener_slot, "end",
        end->name, "fault", end_fault_name(end->fault), "status", (int)f->status, "client",
        json_of(&client), "target", json_of(&target), "code", (int)f->code, "code_name",
        json_of(&code), "detail", json_of(&detail), "sentence", end->sentence);
}

static int
dump_piece(const char *piece, size_t n, void *out)
{
    buf_add(out, piece, n);
    return 0;
}

/* `m` may be NULL: then listeners are told by their slots. */
static void
add_failures(const struct snapshot_options *o, const struct findings *found, const struct model *m,
             struct buf *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < found->count; i++) {
        const struct found *item = &found->items[i];
        const struct listener *l =
            m == NULL ? NULL : model_listener_by_slot(m, item->listener_slot);
        if (!o->json) {
            add_failure_line(out, item, l);
        } else if (json_array_append_new(list, failure_json(item, l)) != 0) {
            out->overflow = true;
        }
    }
    if (o->json) {
        out->overflow |= json_dump_callback(list, dump_piece, out, JSON_INDENT(2)) != 0;
        buf_add_char(out, '\n');
    } else if (found->count == 0) {
        buf_add_z(out, "no failures\n");
    }
    json_decref(list);
}

static enum err
map_board(const struct snapshot_options *o, int state_fd, const struct board **ret_board,
          struct errinfo *reterr)
{
    int run_fd = openat(state_fd, "run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (run_fd < 0 && errno == ENOENT) {
        return err_set(
            reterr, ERR_NOT_FOUND,
            "OpenALB was never started on the state folder '%s' (another folder: --state "
            "DIR)",
            o->state_dir);
    }
    if (run_fd < 0) {
        return err_errno(reterr,
                         "cannot open '%s/run' (only the user that runs OpenALB may look in)",
                         o->state_dir);
    }
    enum err e = board_map_readonly(run_fd, ret_board, reterr);
    (void)close(run_fd); /* the mapping stays */
    return e;
}

/* A remark when the board is not that of a running instance. */
static enum err
say_if_stopped(int state_fd, const char *what, struct errinfo *reterr)
{
    pid_t holder = 0;
    TRY(state_dir_holder(state_fd, &holder, reterr));
    if (holder == 0) {
        (void)fprintf(stderr, "openalb snapshot: no OpenALB runs on this state folder now; %s\n",
                      what); /* a remark only */
    }
    return ERR_OK;
}

static enum err
print_failures(const struct snapshot_options *o, int state_fd, struct buf *out,
               struct errinfo *reterr)
{
    const struct board *b = NULL;
    TRY(say_if_stopped(state_fd, "these are the failures of its last run", reterr));
    TRY(map_board(o, state_fd, &b, reterr));
    struct model *m = NULL;
    enum err e = snapshot_load(state_fd, &m, reterr);
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        (void)fprintf(stderr, "openalb snapshot: %s; listeners are shown by their slots\n",
                      reterr->text); /* the failures do not depend on it */
    }
    struct findings found = {0};
    collect(b, &found);
    add_failures(o, &found, m, out);
    xfree(found.items);
    board_unmap(b);
    model_unref(&m);
    return ERR_OK;
}

/* ---- the health of the targets ---- */

/* "web 127.0.0.1:9101 unhealthy Target.Timeout: Request timed out" */
static void
add_health_line(struct buf *out, const struct target_group *g, const struct target *t,
                const struct board_health *cell)
{
    struct health_now now = board_health_get(cell);
    char text[HEALTH_TEXT];
    buf_add_str(out, g->name);
    buf_add_char(out, ' ');
    add_addr(out, &t->addr);
    buf_addf(out, " %s", health_state_name(now.state));
    if (now.reason != HEALTH_REASON_NONE) {
        buf_addf(out, " %s: %s", health_reason_name(now.reason), health_describe(now, text));
    }
    buf_add_char(out, '\n');
}

/* The names of DescribeTargetHealth's fields would be State, Reason, Description. */
static json_t *
health_json(const struct target_group *g, const struct target *t, const struct board_health *cell)
{
    struct health_now now = board_health_get(cell);
    bool reason = now.reason != HEALTH_REASON_NONE;
    char text[HEALTH_TEXT];
    struct buf addr = {0}, changed = {0};
    uint64_t changed_us = atomic_load_explicit(&cell->changed_wall_us, memory_order_relaxed);
    add_addr(&addr, &t->addr);
    if (changed_us != 0) {
        add_time(&changed, changed_us);
    }
    return json_pack("{s:s%, s:s%, s:o, s:s, s:s?, s:s?, s:o, s:I, s:I}", "target_group", g->name.p,
                     g->name.n, "target_group_arn", g->arn.p, g->arn.n, "target", json_of(&addr),
                     "state", health_state_name(now.state), "reason",
                     reason ? health_reason_name(now.reason) : NULL, "description",
                     reason ? health_describe(now, text) : NULL, "changed", json_of(&changed),
                     "checks_passed",
                     (json_int_t)atomic_load_explicit(&cell->checks_passed, memory_order_relaxed),
                     "checks_failed",
                     (json_int_t)atomic_load_explicit(&cell->checks_failed, memory_order_relaxed));
}

static void
add_health(const struct snapshot_options *o, const struct model *m, const struct board *b,
           struct buf *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->target_group_count; i++) {
        const struct target_group *g = &m->target_groups[i];
        for (size_t j = 0; j < g->target_count; j++) {
            const struct target *t = &g->targets[j];
            const struct board_health *cell = &b->health[t->slot]; /* in range: model_check() */
            if (!o->json) {
                add_health_line(out, g, t, cell);
            } else if (json_array_append_new(list, health_json(g, t, cell)) != 0) {
                out->overflow = true;
            }
        }
    }
    if (o->json) {
        out->overflow |= json_dump_callback(list, dump_piece, out, JSON_INDENT(2)) != 0;
        buf_add_char(out, '\n');
    } else if (out->n == 0) {
        buf_add_z(out, "no targets\n");
    }
    json_decref(list);
}

static enum err
print_health(const struct snapshot_options *o, int state_fd, struct buf *out,
             struct errinfo *reterr)
{
    const struct board *b = NULL;
    struct model *m = NULL;
    TRY(say_if_stopped(state_fd, "this is the health that its last run saw", reterr));
    TRY(map_board(o, state_fd, &b, reterr));
    enum err e = snapshot_load(state_fd, &m, reterr);
    if (e == ERR_OK) {
        add_health(o, m, b, out);
        model_unref(&m);
    }
    board_unmap(b);
    return e;
}

/* ---- the command line ---- */

static bool
read_options(int argc, char **argv, struct snapshot_options *o)
{
    static const struct option names[] = {
        {"state", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
        {"failures", no_argument, NULL, 'f'},    {"health", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        switch (c) {
        case 's':
            xfree(o->state_dir);
            o->state_dir = xstrdup(optarg);
            break;
        case 'j': o->json = true; break;
        case 'f': o->failures = true; break;
        case 't': o->health = true; break;
        case 'h': o->help = true; break;
        default: return false;
        }
    }
    return optind == argc && !(o->failures && o->health);
}

static enum err
run(const struct snapshot_options *o, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf out = {0};
    int fd = -1;
    TRY(state_dir_look(o->state_dir, &fd, reterr));
    enum err e = o->failures ? print_failures(o, fd, &out, reterr)
                 : o->health ? print_health(o, fd, &out, reterr)
                             : print_snapshot(o, fd, &out, reterr);
    (void)close(fd); /* it was only read */
    TRY(e);
    if (out.overflow) {
        return err_set(reterr, ERR_TOO_LARGE, "the output is too large");
    }
    bool fine = fwrite(out.p == NULL ? "" : out.p, 1, out.n, stdout) == out.n;
    fine = fflush(stdout) == 0 && fine;
    return fine ? ERR_OK : err_errno(reterr, "cannot write to standard output");
}

int
cmd_snapshot(int argc, char **argv)
{
    struct errinfo error = {""};
    struct snapshot_options o = {.state_dir = state_dir_default()};
    int code = EXIT_OK;
    if (!read_options(argc, argv, &o)) {
        (void)fputs(usage, stderr); /* nowhere else to say it */
        code = EXIT_USAGE;
    } else if (o.help) {
        (void)fputs(usage, stdout); /* nothing depends on it */
    } else if (run(&o, &error) != ERR_OK) {
        (void)fprintf(stderr, "openalb snapshot: %s\n", error.text);
        code = EXIT_FAULT;
    }
    xfree(o.state_dir);
    return code;
}
