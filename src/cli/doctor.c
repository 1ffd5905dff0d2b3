/* SPDX-License-Identifier: Apache-2.0
 * `openalb doctor`: a question, a diagnosis, a report; again and again with --watch. */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "doctor/changes.h"
#include "doctor/engine.h"
#include "doctor/infer.h"
#include "doctor/log_look.h"
#include "doctor/question.h"
#include "doctor/report.h"
#include "doctor/save.h"
#include "doctor/secrets.h"
#include "loop/loop.h"

/* Beside those of findings_exit_code() [doctor-peers 5.5]. */
enum { EXIT_INTERNAL = 70 };

/* One diagnosis, from the command line to the exit code. */
struct visit {
    struct doctor_options o;
    struct term term;
    struct facts facts;
    struct findings findings;
    bool strict;
};

/* ---- output ---- */

static int cannot_write(const char *name, bool json);

static int
print(const struct buf *out, int code)
{
    bool fine = out->n == 0 || fwrite(out->p, 1, out->n, stdout) == out->n;
    fine = fflush(stdout) == 0 && fine;
    return fine ? code : cannot_write("/dev/stdout", false);
}

static void
end_line(struct buf *out)
{
    if (out->n == 0 || out->p[out->n - 1] != '\n') {
        buf_add_char(out, '\n');
    }
}

/* A sentence on standard error, or valid JSON where JSON was asked for. */
static int
fail(bool json, const char *sentence, int code)
{
    struct buf out AUTO(buf_free) = {0};
    if (json) {
        report_json_error(sentence, code, &out);
        end_line(&out);
        return print(&out, code);
    }
    (void)fprintf(stderr, "openalb doctor: %s\n", sentence); /* nobody else to tell */
    return code;
}

/* By errno. */
static int
cannot_write(const char *name, bool json)
{
    struct errinfo info;
    (void)text_err(&info, ERR_SYSTEM, N_("The file {file} cannot be written: {reason}"),
                   TEXT_ARGS({"file", str_of(name)}, {"reason", str_of(strerror(errno))}));
    return fail(json, info.text, EXIT_CLI_NOINPUT);
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
write_file(const struct visit *v, const char *name, const struct buf *content)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    bool fine = fd >= 0 && !content->overflow && write_all(fd, buf_str(content));
    fine = (fd < 0 || close(fd) == 0) && fine;
    errno = content->overflow ? EFBIG : errno;
    return fine ? EXIT_OK : cannot_write(name, v->o.json);
}

static void
report(const struct visit *v, struct buf *out)
{
    const struct report r = {.facts = &v->facts,
                             .findings = &v->findings,
                             .show_commands = v->o.show_commands,
                             .verbose = v->o.verbose};
    if (v->o.json) {
        report_json(&r, out);
        end_line(out);
    } else if (v->o.quiet) {
        report_quiet(&r, out);
        end_line(out);
    } else {
        report_terminal(&r, &v->term, out);
    }
}

/* The files that were asked for; the first failure's code. */
static int
write_files(const struct visit *v)
{
    struct buf page AUTO(buf_free) = {0};
    struct buf saved AUTO(buf_free) = {.max = LIMIT_DOCTOR_SAVED_BYTES};
    int code = EXIT_OK;
    if (v->o.save_file != NULL) {
        facts_save(&v->facts, v->o.save_secrets, &saved);
        code = write_file(v, v->o.save_file, &saved);
    }
    if (v->o.html_file != NULL && code == EXIT_OK) {
        const struct report r = {.facts = &v->facts, .findings = &v->findings, .verbose = true};
        report_html(&r, &page);
        code = write_file(v, v->o.html_file, &page);
    }
    return code;
}

static int
exit_code(const struct visit *v)
{
    if (v->o.expect != NULL) {
        const char *result = changes_result(&v->findings);
        bool opens = str_eq(str_of(v->o.expect), STR("ok")) &&
                     (v->findings.verdict == VERDICT_OK ||
                      (v->findings.verdict == VERDICT_WARNING && !v->strict));
        return opens || str_ieq(str_of(result), str_of(v->o.expect)) ? EXIT_OK : EXIT_FAULT;
    }
    return findings_exit_code(&v->findings, v->strict);
}

/* ---- the facts: from the network or from a file ---- */

/* The live line: how many probes have ended, and what is being done. */
struct live {
    struct progress progress;
    size_t started, ended;
};

static void
watch_probe(void *context, const struct wish *w, const struct result *r)
{
    struct live *live = context;
    char started[24], ended[24];
    struct buf line AUTO(buf_free) = {0};
    live->started += r == NULL;
    live->ended += r != NULL;
    struct out s = out_of(started, sizeof(started));
    struct out e = out_of(ended, sizeof(ended));
    out_u64(&s, live->started);
    out_u64(&e, live->ended);
    text_fill(&line, tr(N_("{ended} of {started} probes: {what}")),
              TEXT_ARGS({"ended", str_span(ended, e.p)}, {"started", str_span(started, s.p)},
                        {"what", str_of(tr(probe_sentence(w->probe)))}));
    progress_show(&live->progress, buf_str(&line));
}

static int
examine(struct visit *v, struct question *q)
{
    struct live live = {0};
    struct loop *loop;
    struct errinfo info;
    facts_init(&v->facts);
    v->facts.question = *q;
    *q = (struct question){0};
    if (loop_new(&loop, &info) != ERR_OK) {
        return fail(v->o.json, info.text, EXIT_INTERNAL);
    }
    progress_init(&live.progress, stderr);
    enum err e = doctor_examine(loop, &v->facts, watch_probe, &live, &info);
    progress_clear(&live.progress);
    loop_free(&loop);
    if (e != ERR_OK) { /* --ca is checked there, too */
        bool file = v->facts.question.ca_file != NULL && e != ERR_CRYPTO;
        return fail(v->o.json, info.text, file ? EXIT_CLI_NOINPUT : EXIT_INTERNAL);
    }
    return EXIT_OK;
}

static enum err
read_saved(const char *name, struct buf *out, struct errinfo *reterr)
{
    char chunk[64 * 1024];
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : 1;
    out->max = (size_t)LIMIT_DOCTOR_SAVED_BYTES + 1; /* one more, so that too large is seen */
    while (n > 0 && !out->overflow) {
        n = read(fd, chunk, sizeof(chunk));
        buf_add(out, chunk, n > 0 ? (size_t)n : 0);
    }
    int why = errno;
    if (fd >= 0) {
        (void)close(fd); /* it was only read */
    }
    if (out->overflow) {
        return text_err(reterr, ERR_TOO_LARGE, N_("The file is larger than any saved diagnosis."),
                        NULL, 0);
    }
    return n >= 0 ? ERR_OK
                  : text_err(reterr, ERR_SYSTEM, N_("The file {file} cannot be read: {reason}"),
                             TEXT_ARGS({"file", str_of(name)}, {"reason", str_of(strerror(why))}));
}

/* What of the command line narrows or judges holds for a saved diagnosis, too. */
static void
take_over(struct question *saved, const struct question *typed)
{
    struct question fresh;
    question_init(&fresh);
    if (typed->browser_error[0] != '\0') {
        memcpy(saved->browser_error, typed->browser_error, sizeof(saved->browser_error));
    }
    if (typed->checks != fresh.checks) {
        saved->checks = typed->checks;
    }
    saved->strict = saved->strict || typed->strict;
    if (typed->log_account[0] != '\0') {
        memcpy(saved->log_account, typed->log_account, sizeof(saved->log_account));
    }
    if (typed->log_region[0] != '\0') {
        memcpy(saved->log_region, typed->log_region, sizeof(saved->log_region));
    }
}

static int
replay(struct visit *v, struct question *q)
{
    struct buf text AUTO(buf_free) = {0};
    struct errinfo info;
    enum err e = read_saved(v->o.replay_file, &text, &info);
    if (e == ERR_OK) {
        e = facts_load(buf_str(&text), &v->facts, &info);
    }
    if (e != ERR_OK) {
        return fail(v->o.json, info.text, EXIT_CLI_NOINPUT);
    }
    take_over(&v->facts.question, q);
    return EXIT_OK;
}

static void
visit_done(struct visit *v)
{
    findings_done(&v->findings);
    facts_done(&v->facts);
}

/* The files of --access-log and --bucket-policy, into the facts. */
static int
look_at_files(struct visit *v)
{
    struct errinfo info;
    enum err e = ERR_OK;
    if (v->o.access_log_count > 0) {
        e = log_look(&v->facts, v->o.access_logs, v->o.access_log_count, &info);
    }
    if (e == ERR_OK && v->o.bucket_policy != NULL) {
        const struct question *q = &v->facts.question;
        const struct policy_wanted wanted = {.file = v->o.bucket_policy,
                                             .bucket = v->o.log_bucket,
                                             .prefix =
                                                 v->o.log_prefix == NULL ? "" : v->o.log_prefix,
                                             .account = q->log_account,
                                             .region = q->log_region};
        e = policy_look(&v->facts, &wanted, &info);
    }
    return e == ERR_OK
               ? EXIT_OK
               : fail(v->o.json, info.text, e == ERR_INVALID ? EXIT_CLI_USAGE : EXIT_CLI_NOINPUT);
}

/* Takes the question over. */
static int
diagnose(struct visit *v, struct question *q)
{
    int code = v->o.replay_file != NULL ? replay(v, q) : examine(v, q);
    question_done(q);
    if (code == EXIT_OK) {
        code = look_at_files(v);
    }
    if (code == EXIT_OK) {
        if (!v->o.save_secrets) { /* then also the saved URLs are as they were */
            secrets_hide(&v->facts);
        }
        v->strict = v->facts.question.strict;
        infer(&v->facts, &v->findings);
    }
    return code;
}

static int
once(struct visit *v, struct question *q)
{
    struct buf out AUTO(buf_free) = {0};
    int code = diagnose(v, q);
    if (code == EXIT_OK) {
        report(v, &out);
        code = write_files(v);
        code = code != EXIT_OK && v->o.json ? code : print(&out, code);
        code = code != EXIT_OK ? code : exit_code(v);
    }
    visit_done(v);
    return code;
}

/* ---- --watch ---- */

struct watching {
    int argc;
    char **argv;
    struct visit last;
    struct progress progress;
    uint64_t old_until_us; /* resolvers may keep the old address until then; 0: no matter */
    bool moved;            /* the addresses changed since the first run */
};

/* "12:34:56 " of the local clock, in front of a line that is not rewritten. */
static void
add_clock(struct buf *out)
{
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm tm;
    char text[16];
    if (localtime_r(&now, &tm) != NULL && strftime(text, sizeof(text), "%H:%M:%S ", &tm) > 0) {
        buf_add_z(out, text);
    }
}

static void
add_seconds_left(struct buf *out, uint64_t seconds)
{
    char text[24];
    struct out o = out_of(text, sizeof(text));
    out_u64(&o, seconds);
    text_fill(out, tr(N_("Resolvers may keep the old address for {seconds} s more.")),
              TEXT_ARGS({"seconds", str_span(text, o.p)}));
}

static uint64_t
seconds_left(const struct watching *w)
{
    uint64_t now = clock_mono_us();
    return w->old_until_us > now ? (w->old_until_us - now) / 1000000 + 1 : 0;
}

static void
wait_tick(struct timer *t UNUSED)
{
    /* only to end the turn */
}

/* Waits until the next run, counting down on a terminal. */
static void
wait_for_next(struct watching *w, struct loop *loop)
{
    uint64_t end = clock_mono_us() + w->last.o.watch_s * UINT64_C(1000000);
    struct timer t;
    timer_init(&t, wait_tick);
    while (clock_mono_us() < end) {
        struct buf line AUTO(buf_free) = {0};
        if (seconds_left(w) > 0) {
            add_seconds_left(&line, seconds_left(w));
        } else {
            buf_add_z(&line, tr(N_("waiting for the next try")));
        }
        progress_show(&w->progress, buf_str(&line));
        timer_arm_in(loop, &t, MIN_OF(end - clock_mono_us() + 1000, UINT64_C(1000000)));
        loop_turn(loop, 1100);
    }
    timer_remove(&t);
    progress_clear(&w->progress);
}

static void
say_changes(struct watching *w, const struct visit *now)
{
    const struct run_view before = {&w->last.facts, &w->last.findings};
    const struct run_view after = {&now->facts, &now->findings};
    struct buf lines AUTO(buf_free) = {0};
    struct buf out AUTO(buf_free) = {0};
    struct addr old[QUESTION_ADDRS_MAX], new[QUESTION_ADDRS_MAX];
    size_t old_n = facts_site_addrs(before.facts, old, COUNT_OF(old));
    size_t new_n = facts_site_addrs(after.facts, new, COUNT_OF(new));
    w->moved = w->moved || (old_n > 0 && new_n > 0 && !addr_eq(&old[0], &new[0]));
    (void)changes_add(&before, &after, &lines);
    uint32_t ttl = changes_ttl_s(&after);
    uint64_t until = ttl == 0 ? 0 : clock_mono_us() + ttl * UINT64_C(1000000);
    bool counting = w->old_until_us != 0 && until != 0;
    w->old_until_us = counting ? MIN_OF(w->old_until_us, until) : until;
    struct str rest = buf_str(&lines);
    struct str line;
    while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
        add_clock(&out);
        buf_add_str(&out, line);
        buf_add_char(&out, '\n');
    }
    if (lines.n > 0 && seconds_left(w) > 0) {
        add_clock(&out);
        add_seconds_left(&out, seconds_left(w));
        buf_add_char(&out, '\n');
    }
    (void)print(&out, 0); /* a reader who is gone is noticed at the end */
}

static bool
opens(const struct visit *v)
{
    return v->findings.verdict == VERDICT_OK || v->findings.verdict == VERDICT_WARNING;
}

/* One more run; the last one becomes this one. */
static int
again(struct watching *w)
{
    struct question q;
    struct visit now = {.term = w->last.term};
    struct errinfo info;
    if (question_parse(w->argc, w->argv, &q, &now.o, &info) != ERR_OK) {
        return fail(false, info.text, EXIT_CLI_NOINPUT); /* a file of it is gone meanwhile */
    }
    int code = diagnose(&now, &q);
    if (code != EXIT_OK) {
        visit_done(&now);
        return code;
    }
    say_changes(w, &now);
    visit_done(&w->last);
    w->last = now;
    return EXIT_OK;
}

static int
end_of_watch(struct watching *w)
{
    struct buf out AUTO(buf_free) = {0};
    report(&w->last, &out);
    if (w->moved && !w->last.o.quiet) { /* BRW-04 */
        text_wrap(&out,
                  str_of(tr(N_("The name leads elsewhere now. Browsers keep connections to the old "
                               "address: close the tab for a minute, or restart the browser."))),
                  0, 0, w->last.term.width);
    }
    if (w->last.term.tty) {
        buf_add_char(&out, '\a');
    }
    int code = print(&out, write_files(&w->last));
    return code != EXIT_OK ? code : exit_code(&w->last);
}

static int
watch(struct visit *first, struct question *q, int argc, char **argv)
{
    struct watching w = {.argc = argc, .argv = argv, .last = *first};
    struct loop *loop;
    struct errinfo info;
    struct buf out AUTO(buf_free) = {0};
    int code = diagnose(&w.last, q);
    if (code != EXIT_OK || loop_new(&loop, &info) != ERR_OK) {
        visit_done(&w.last);
        return code != EXIT_OK ? code : fail(false, info.text, EXIT_INTERNAL);
    }
    progress_init(&w.progress, stderr);
    if (!opens(&w.last)) {
        const struct run_view view = {&w.last.facts, &w.last.findings};
        uint32_t ttl = changes_ttl_s(&view);
        w.old_until_us = ttl == 0 ? 0 : clock_mono_us() + ttl * UINT64_C(1000000);
        report(&w.last, &out);
        code = print(&out, EXIT_OK);
    }
    while (code == EXIT_OK && !opens(&w.last)) {
        wait_for_next(&w, loop);
        code = again(&w);
    }
    code = code == EXIT_OK ? end_of_watch(&w) : code;
    loop_free(&loop);
    visit_done(&w.last);
    return code;
}

/* ---- the command ---- */

static int
explain(const struct visit *v)
{
    struct buf out AUTO(buf_free) = {0};
    struct str id = str_of(v->o.explain);
    struct errinfo info;
    bool found = v->o.json ? finding_explain_json(id, &out) : finding_explain(id, &v->term, &out);
    if (!found) {
        (void)text_err(&info, ERR_NOT_FOUND,
                       N_("There is no finding {id}; openalb explain knows other words."),
                       TEXT_ARGS({"id", id}));
        return fail(v->o.json, info.text, EXIT_CLI_USAGE);
    }
    return print(&out, EXIT_OK);
}

static int
help(const struct visit *v)
{
    struct buf out AUTO(buf_free) = {0};
    question_help(&out, v->term.width);
    return print(&out, EXIT_OK);
}

/* A standard file that was closed must not become a connection, to which a report would go: what is
 * opened in its place can only be read. */
static void
occupy_standard_files(void)
{
    int fd = 0;
    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Before the command line is known to be right. */
static bool
wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (str_eq(str_of(argv[i]), STR("--json"))) {
            return true;
        }
    }
    return false;
}

int
cmd_doctor(int argc, char **argv)
{
    struct question q;
    struct visit v = {0};
    struct errinfo info;
    occupy_standard_files();
    enum err e = question_parse(argc, argv, &q, &v.o, &info);
    if (e != ERR_OK) {
        return fail(wants_json(argc, argv), info.text,
                    e == ERR_INVALID ? EXIT_CLI_USAGE : EXIT_CLI_NOINPUT);
    }
    if (term_init(&v.term, stdout, v.o.color, &info) != ERR_OK) {
        question_done(&q);
        return fail(v.o.json, info.text, EXIT_CLI_USAGE);
    }
    if (v.o.help || v.o.explain != NULL) {
        question_done(&q);
        return v.o.help ? help(&v) : explain(&v);
    }
    return v.o.watch_s > 0 ? watch(&v, &q, argc, argv) : once(&v, &q);
}
