/* SPDX-License-Identifier: Apache-2.0
 * `openalb logs`: reads access, connection and health-check logs, ours and those of AWS. One table
 * of verbs (logs_verbs.def). */
#include "cli/logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"

static const struct logs_verb verbs[LOGS_VERB_COUNT] = {
#define VERB(NAME, name, run, arguments, help) {name, run, arguments, help},
#include "cli/logs_verbs.def"
#undef VERB
};

const struct logs_verb *
logs_verb(enum logs_verb_id id)
{
    ASSERT(id < LOGS_VERB_COUNT);
    return &verbs[id];
}

/* ---- what is said ---- */

int
logs_fail(struct str sentence, int code)
{
    (void)fprintf(stderr, "openalb logs: %.*s\n", STR_ARG(sentence)); /* nowhere else to say it */
    return code;
}

void
logs_remark(const struct logs_command *c, struct str sentence)
{
    if (!c->quiet) {
        (void)logs_fail(sentence, 0);
    }
}

void
logs_add_number(struct buf *out, uint64_t n)
{
    char digits[24];
    struct out o = out_of(digits, sizeof(digits));
    out_u64(&o, n);
    size_t count = (size_t)(o.p - digits);
    for (size_t i = 0; i < count; i++) {
        buf_add_z(out, i > 0 && (count - i) % 3 == 0 ? "," : "");
        buf_add_char(out, digits[i]);
    }
}

/* ---- standard output ---- */

/* As the shell sees a process that SIGPIPE ended. */
enum { EXIT_SIGPIPE = 128 + 13 };

static void
cannot_write(int why)
{
    struct errinfo info;
    if (why == EPIPE) { /* the signal is ignored, else we would not be here */
        _exit(EXIT_SIGPIPE);
    }
    (void)text_err(&info, ERR_SYSTEM, N_("Standard output takes no more: {reason}"),
                   TEXT_ARGS({"reason", str_of(strerror(why))}));
    _exit(logs_fail(str_of(info.text), EXIT_CLI_NOINPUT));
}

void
logs_write(struct buf *out)
{
    ASSERT(!out->overflow);
    bool fine = out->n == 0 || fwrite(out->p, 1, out->n, stdout) == out->n;
    fine = fflush(stdout) == 0 && fine;
    if (!fine) {
        cannot_write(errno);
    }
    buf_reset(out);
}

void
logs_write_json(json_t *json)
{
    struct buf out AUTO(buf_free) = {.max = SIZE_MAX};
    char *text = json_dumps(json, JSON_INDENT(2));
    ASSERT(text != NULL); /* tables, catalogues and texts made safe are UTF-8 */
    buf_add_z(&out, text);
    buf_add_char(&out, '\n');
    xfree(text); /* jansson made it on the same heap */
    json_decref(json);
    logs_write(&out);
}

/* ---- interruption ---- */

volatile sig_atomic_t logs_stop;

static void
on_interrupt(int signal_number UNUSED)
{
    logs_stop = 1;
}

void
logs_catch_interrupt(void)
{
    /* The second time the default action ends the process; waits are interrupted. */
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    int failed = sigaction(SIGINT, &action, NULL);
    ASSERT(failed == 0);
}

/* ---- the command ---- */

static int
wrong_usage(const struct logs_command *c, const struct errinfo *error)
{
    struct buf hint AUTO(buf_free) = {0};
    (void)logs_fail(str_of(error->text), 0);
    text_fill(
        &hint, tr(N_("{command} --help tells more.")),
        TEXT_ARGS({"command", c->verb == NULL ? STR("openalb logs") : STR("openalb logs VERB")}));
    (void)fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&hint)));
    return EXIT_CLI_USAGE;
}

static bool
lists_damaged(const struct logs_command *c)
{
    return c->damaged && c->id != LOGS_TAIL;
}

int
cmd_logs(int argc, char **argv)
{
    struct errinfo error = {""};
    struct buf out AUTO(buf_free) = {0};
    struct logs_command c AUTO(logs_command_done) = {.kind = -1,
                                                     .limit = UINT64_MAX,
                                                     .lines = 10,
                                                     .program = argv[0],
                                                     .now_us = clock_wall_us()};
    if (logs_command_read(&c, argc, argv, &error) != ERR_OK) {
        return wrong_usage(&c, &error);
    }
    if (c.help) {
        logs_help(c.verb, &out);
        logs_write(&out);
        return EXIT_OK;
    }
    if (query_filter_assumed_utc(c.filter)) {
        logs_remark(&c, str_of(tr(N_("Times without a zone are taken as UTC."))));
    }
    return lists_damaged(&c) ? logs_list_damaged(&c) : c.verb->run(&c);
}
