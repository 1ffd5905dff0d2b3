/* SPDX-License-Identifier: Apache-2.0
 * Verbs of `openalb logs` that answer questions: sql, ddl, why. */
#include "cli/logs.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "query/ddl.h"
#include "query/sql.h"
#include "query/why.h"

/* ---- sql ---- */

static void
on_remark(void *context UNUSED, const char *path, const char *sentence)
{
    struct buf line AUTO(buf_free) = {0};
    text_add_safe(&line, str_of(path));
    buf_add_z(&line, ": ");
    buf_add_z(&line, sentence);
    (void)logs_fail(buf_str(&line), 0);
}

static enum sql_mode
sql_mode_of(const struct logs_command *c)
{
    enum sql_mode mode = SQL_MODE_TABLE;
    if (c->mode != NULL) {
        bool found = sql_mode_find(str_of(c->mode), &mode);
        ASSERT(found); /* set_mode() saw to it */
    }
    return c->json ? SQL_MODE_JSON : mode;
}

/* What the SQL asks for wrongly is wrong usage; a stopped statement is no fault. */
static int
sql_code(enum err e, uint64_t rows, const struct errinfo *error)
{
    if (e == ERR_OK || (e == ERR_CLOSED && logs_stop != 0)) {
        return rows > 0 ? EXIT_OK : EXIT_FAULT;
    }
    /* ERR_CLOSED: the output takes no more; for a reader that is gone SIGPIPE ended us already. */
    bool asked_wrongly = e != ERR_SYSTEM && e != ERR_NOT_FOUND && e != ERR_CLOSED;
    return logs_fail(str_of(error->text), asked_wrongly ? EXIT_CLI_USAGE : EXIT_CLI_NOINPUT);
}

static int
sql_answer(struct logs_command *c, struct sql *sql)
{
    struct buf text AUTO(buf_free) = {0};
    struct errinfo error = {""};
    uint64_t rows = 0;
    uint64_t failed = 0;
    const struct sql_output output = {.out = stdout, .term = &c->term, .mode = sql_mode_of(c)};
    if (c->arg == NULL) {
        enum err e = sql_prompt(sql, stdin, &output, &rows, &failed, &error);
        return failed > 0 ? EXIT_CLI_USAGE : sql_code(e, MAX_OF(rows, UINT64_C(1)), &error);
    }
    if (sql_dot_text(str_of(c->arg), &text)) {
        logs_write(&text);
        return EXIT_OK;
    }
    enum err e = sql_print(sql, str_of(c->arg), &output, &rows, &error);
    return sql_code(e, rows, &error);
}

static bool
all_unread(const struct scan_counts *counts)
{
    uint64_t unread = counts->foreign_files + counts->broken_files;
    return unread > 0 && unread >= counts->files;
}

int
logs_sql(struct logs_command *c)
{
    struct errinfo error = {""};
    struct sql *sql = NULL;
    struct logs_paths paths AUTO(logs_paths_done) = {.items = NULL};
    enum err e = logs_paths_find(c, &paths, &error);
    if (e == ERR_OK) {
        const struct sql_options options = {.paths = paths.items,
                                            .path_count = paths.count,
                                            .filter = c->filter,
                                            .stop = &logs_stop,
                                            .remark = on_remark};
        e = sql_open(&options, &sql, &error);
    }
    if (e != ERR_OK) {
        return logs_fail(str_of(error.text), EXIT_CLI_NOINPUT);
    }
    logs_catch_interrupt();
    int code = sql_answer(c, sql);
    struct logs_input in = {.c = c, .counts = *sql_counts(sql)};
    logs_input_remarks(&in);
    if (code == EXIT_FAULT && all_unread(&in.counts)) {
        code = EXIT_CLI_NOINPUT;
    }
    sql_close(&sql);
    return code;
}

/* ---- ddl ---- */

static void
add_or_null(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, value == NULL ? json_null() : json_string(value));
}

static void
ddl_json(const struct ddl_options *options, const struct logs_command *c, const struct buf *sql)
{
    struct buf expression AUTO(buf_free) = {0};
    ddl_expression(options->kind, &expression);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s%, s:s%}", "kind", "ddl", "flavour",
                  ddl_flavour_word(options->flavour), "engine", ddl_flavour_title(options->flavour),
                  "log", log_kind_word(options->kind), "expression", expression.p, expression.n,
                  "sql", sql->p, sql->n);
    add_or_null(json, "location", c->bucket);
    logs_write_json(json);
}

int
logs_ddl(struct logs_command *c)
{
    struct errinfo error = {""};
    struct buf out AUTO(buf_free) = {0};
    struct ddl_options options = {.kind = c->kind >= 0 ? (enum log_kind)c->kind : LOG_ACCESS,
                                  .location = str_of(c->bucket),
                                  .account = str_of(c->account),
                                  .region = str_of(c->region),
                                  .from = str_of(c->from),
                                  .examples = true};
    bool found = ddl_flavour_find(str_of(c->arg), &options.flavour);
    ASSERT(found); /* the command line was checked */
    if (ddl_write(&options, &out, &error) != ERR_OK) {
        return logs_fail(str_of(error.text), EXIT_CLI_USAGE);
    }
    if (c->json) {
        ddl_json(&options, c, &out);
    } else {
        logs_write(&out);
    }
    return EXIT_OK;
}

/* ---- why ---- */

int
logs_why(struct logs_command *c)
{
    struct errinfo error = {""};
    struct buf out AUTO(buf_free) = {0};
    struct logs_input in;
    struct why why AUTO(why_free) = {.stories = NULL};
    int code = logs_input_open(&in, c, why_needs_no_files(str_of(c->arg)));
    if (code != EXIT_OK) {
        logs_input_done(&in);
        return code;
    }
    progress_init(&in.progress, stderr);
    enum err e = why_find(&in.files, &in.scan, str_of(c->arg), &why, &in.counts, &error);
    progress_clear(&in.progress);
    if (e != ERR_OK) {
        code = logs_fail(str_of(error.text), e == ERR_INVALID ? EXIT_CLI_USAGE : EXIT_CLI_NOINPUT);
    } else if (c->json) {
        logs_write_json(why_json(&why));
    } else {
        why_text(&out, &c->term, &why);
        logs_write(&out);
    }
    code = code != EXIT_OK ? code : logs_input_code(&in, why.count > 0);
    logs_input_done(&in);
    return code;
}
