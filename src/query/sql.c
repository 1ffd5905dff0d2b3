/* SPDX-License-Identifier: Apache-2.0
 * SQL over log files: opening, what a statement may do, running, errors with their place. */
#include "query/sql_int.h"

#include "base/assert.h"
#include "base/mem.h"

/* ---- what is allowed ---- */

/* Everything that reads, and tables and views of the moment. */
static const int allowed[] = {
    SQLITE_SELECT,           SQLITE_READ,
    SQLITE_RECURSIVE,        SQLITE_CREATE_TEMP_TABLE,
    SQLITE_CREATE_TEMP_VIEW, SQLITE_CREATE_TEMP_INDEX,
    SQLITE_DROP_TEMP_TABLE,  SQLITE_DROP_TEMP_VIEW,
    SQLITE_DROP_TEMP_INDEX,  SQLITE_REINDEX,
};

/* Those that also need one's own, temporary, schema. */
static const int allowed_in_temp[] = {SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE};

/* That tell of tables and functions, and change nothing. */
static const char *const allowed_pragmas[] = {"table_info", "table_xinfo", "table_list",
                                              "function_list", "compile_options"};

static bool
is_in(const int *actions, size_t count, int action)
{
    for (size_t i = 0; i < count; i++) {
        if (actions[i] == action) {
            return true;
        }
    }
    return false;
}

static bool
pragma_allowed(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(allowed_pragmas); i++) {
        if (sqlite3_stricmp(name, allowed_pragmas[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Asked by SQLite for each thing that a statement would do, when it is compiled. */
static int
authorize(void *context UNUSED, int action, const char *first, const char *second,
          const char *schema, const char *trigger UNUSED)
{
    bool fine = is_in(allowed, COUNT_OF(allowed), action) ||
                (schema != NULL && strcmp(schema, "temp") == 0 &&
                 is_in(allowed_in_temp, COUNT_OF(allowed_in_temp), action));
    /* SQLite itself does so when it takes a virtual table in; for statements the schema is closed.
     */
    fine |= action == SQLITE_UPDATE && strcmp(first, "sqlite_master") == 0;
    if (action == SQLITE_FUNCTION) {
        fine = sqlite3_stricmp(second, "load_extension") != 0 &&
               sqlite3_stricmp(second, "fts3_tokenizer") != 0; /* takes and tells addresses */
    } else if (action == SQLITE_PRAGMA) {
        fine = pragma_allowed(first);
    }
    return fine ? SQLITE_OK : SQLITE_DENY;
}

/* Asked from time to time while a statement runs; not 0 ends it. */
static int
is_stopped(void *context)
{
    const struct sql *sql = context;
    return sql_stopped(sql);
}

static void
set_limits(struct sql *sql)
{
    static const struct {
        int id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, LIMIT_SQL_VALUE_BYTES},
        {SQLITE_LIMIT_SQL_LENGTH, LIMIT_SQL_STATEMENT_BYTES},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    };
    enum { STEPS_BETWEEN_QUESTIONS = 20000 };
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        (void)sqlite3_limit(sql->db, limits[i].id, limits[i].value); /* tells the old one */
    }
    /* For the whole process: sorting and temporary tables go to files before. */
    (void)sqlite3_hard_heap_limit64(LIMIT_SQL_MEMORY);
    sqlite3_progress_handler(sql->db, STEPS_BETWEEN_QUESTIONS, is_stopped, sql);
}

/* ---- opening ---- */

static enum err
database_open(struct sql *sql, struct errinfo *reterr)
{
    int rc =
        sqlite3_open_v2(":memory:", &sql->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(sql->db, "PRAGMA temp_store = FILE", NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sql_table_register(sql);
    }
    if (rc == SQLITE_OK) {
        rc = sql_functions_register(sql);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_set_authorizer(sql->db, authorize, NULL);
    }
    if (rc != SQLITE_OK) {
        return text_err(reterr, ERR_SYSTEM, N_("SQLite does not start: {reason}."),
                        TEXT_ARGS({"reason", str_of(sqlite3_errstr(rc))}));
    }
    set_limits(sql);
    return ERR_OK;
}

enum err
sql_open(const struct sql_options *options, struct sql **ret_sql, struct errinfo *reterr)
{
    struct sql *sql = xalloc(sizeof(*sql));
    struct query_wanted wanted = {.kind = -1};
    sql->filter = options->filter;
    sql->stop = options->stop;
    sql->remark = options->remark;
    sql->remark_context = options->remark_context;
    if (sql->filter != NULL) {
        wanted.since_us = query_filter_since_us(sql->filter);
        wanted.until_us = query_filter_until_us(sql->filter);
    }
    enum err err =
        query_files_find(options->paths, options->path_count, &wanted, &sql->files, reterr);
    if (err == ERR_OK) {
        sql->marks = xalloc((sql->files.count + 1) * sizeof(*sql->marks));
        err = database_open(sql, reterr);
    }
    if (err != ERR_OK) {
        sql_close(&sql);
        return err;
    }
    *ret_sql = sql;
    return ERR_OK;
}

void
sql_close(struct sql **handle)
{
    struct sql *sql = *handle;
    if (sql == NULL) {
        return;
    }
    sql_plans_free(sql);
    int rc = sqlite3_close(sql->db);
    ASSERT(rc == SQLITE_OK); /* every statement was finalized */
    query_files_free(&sql->files);
    xfree(sql->plans);
    xfree(sql->marks);
    xfree(sql);
    *handle = NULL;
}

const struct scan_counts *
sql_counts(const struct sql *sql)
{
    return &sql->counts;
}

/* ---- errors ---- */

/* The line of `text` that holds byte `at`, and a caret under it; a part of it where it is long. */
static void
add_caret(struct buf *out, struct str text, size_t at)
{
    enum { BEFORE = 50, SHOWN = 70 };
    size_t begin = at;
    size_t end = at;
    while (begin > 0 && text.p[begin - 1] != '\n' && at - begin < BEFORE) {
        begin--;
    }
    while (begin < at && ((unsigned char)text.p[begin] & 0xc0) == 0x80) {
        begin++; /* not from the middle of a character */
    }
    while (end < text.n && text.p[end] != '\n' && end - begin < SHOWN) {
        end++;
    }
    while (end < text.n && ((unsigned char)text.p[end] & 0xc0) == 0x80) {
        end--;
    }
    size_t line = out->n;
    buf_add_z(out, "\n  ");
    text_add_safe(out, str_span(text.p + begin, text.p + MAX_OF(end, at)));
    AUTO(buf_free) struct buf before = {0};
    text_add_safe(&before, str_span(text.p + begin, text.p + at));
    ASSERT(out->n > line);
    buf_add_z(out, "\n  ");
    for (size_t i = text_width(buf_str(&before)); i > 0; i--) {
        buf_add_char(out, ' ');
    }
    buf_add_char(out, '^');
}

static const struct {
    int rc;
    enum err err;
    const char *msgid; /* NULL: SQLite's own words */
} problems[] = {
    {SQLITE_INTERRUPT, ERR_CLOSED, N_("The statement was stopped.")},
    {SQLITE_AUTH, ERR_DENIED,
     N_("Logs are only read here: the statement would write, attach or load something.")},
    {SQLITE_READONLY, ERR_DENIED,
     N_("Logs are only read here: the statement would write, attach or load something.")},
    {SQLITE_NOMEM, ERR_TOO_LARGE,
     N_("The statement needs more memory than is allowed: narrow it by WHERE, or group less.")},
    {SQLITE_TOOBIG, ERR_TOO_LARGE, N_("A value or the statement itself is too long.")},
    {SQLITE_FULL, ERR_TOO_LARGE,
     N_("There is no room for temporary files; the environment variable SQLITE_TMPDIR names "
        "another folder.")},
};

static enum err
problem_say(struct sql *sql, int rc, struct str text, struct errinfo *reterr)
{
    const char *words = sqlite3_errmsg(sql->db);
    int at = sqlite3_error_offset(sql->db);
    enum err err = ERR_INVALID;
    const char *msgid = N_("The statement cannot be run: {reason}.");
    for (size_t i = 0; i < COUNT_OF(problems); i++) {
        if ((rc & 0xff) == problems[i].rc) {
            err = problems[i].err;
            msgid = problems[i].msgid;
        }
    }
    struct str reason = str_of(words);
    bool sentence = reason.n > 0 && reason.p[reason.n - 1] == '.';
    AUTO(buf_free) struct buf out = {0};
    if (err == ERR_INVALID && sentence) { /* our own functions and tables speak in sentences */
        text_add_safe(&out, reason);
    } else {
        text_fill_as(&out, TEXT_TERMINAL, tr(msgid), TEXT_ARGS({"reason", reason}));
    }
    if (err == ERR_INVALID && at >= 0 && (size_t)at <= text.n) {
        add_caret(&out, text, (size_t)at);
    }
    if (reterr != NULL) {
        struct str all = buf_str(&out);
        bool fits = str_copy_z(str_sub(all, 0, sizeof(reterr->text) - 1), reterr->text,
                               sizeof(reterr->text));
        ASSERT(fits);
    }
    return err;
}

/* ---- running ---- */

static void
value_of(sqlite3_stmt *statement, int column, struct sql_value *ret_value)
{
    *ret_value = (struct sql_value){.type = SQL_NULL};
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        ret_value->type = SQL_INTEGER;
        ret_value->integer = sqlite3_column_int64(statement, column);
        break;
    case SQLITE_FLOAT:
        ret_value->type = SQL_REAL;
        ret_value->real = sqlite3_column_double(statement, column);
        break;
    case SQLITE_TEXT:
        ret_value->type = SQL_TEXT;
        ret_value->text.p = (const char *)sqlite3_column_text(statement, column);
        ret_value->text.n = (size_t)sqlite3_column_bytes(statement, column);
        break;
    case SQLITE_BLOB:
        ret_value->type = SQL_BLOB;
        ret_value->text.p = sqlite3_column_blob(statement, column);
        ret_value->text.n = (size_t)sqlite3_column_bytes(statement, column);
        break;
    default: break;
    }
}

/* Hands out the rows of a statement. SQLITE_DONE, SQLITE_ABORT: the sink had enough, or an error.
 */
static int
rows_give(sqlite3_stmt *statement, const struct sql_sink *sink, void *state)
{
    size_t count = (size_t)sqlite3_column_count(statement);
    AUTO(xfree_ptr) struct sql_value *values = xalloc((count + 1) * sizeof(*values));
    AUTO(xfree_ptr) const char **names = xalloc((count + 1) * sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = sqlite3_column_name(statement, (int)i);
        if (names[i] == NULL) {
            return SQLITE_NOMEM;
        }
    }
    if (count > 0 && !sink->begin(state, names, count)) {
        return SQLITE_ABORT;
    }
    int rc = sqlite3_step(statement);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(statement)) {
        for (size_t i = 0; i < count; i++) {
            value_of(statement, (int)i, &values[i]);
        }
        if (!sink->row(state, values, count)) {
            return SQLITE_ABORT;
        }
    }
    if (rc == SQLITE_DONE && count > 0 && !sink->end(state)) {
        return SQLITE_ABORT;
    }
    return rc;
}

/* The first statement of *rest, which is moved behind it. */
static enum err
statement_run(struct sql *sql, struct str *rest, const struct sql_sink *sink, void *state,
              struct errinfo *reterr)
{
    sqlite3_stmt *statement = NULL;
    const char *tail = NULL;
    struct str text = *rest;
    int rc = sqlite3_prepare_v2(sql->db, text.p, (int)text.n, &statement, &tail);
    if (rc != SQLITE_OK) {
        enum err err = problem_say(sql, rc, text, reterr);
        sql_plans_free(sql);
        return err;
    }
    *rest = str_span(tail, text.p + text.n);
    rc = statement == NULL ? SQLITE_DONE : rows_give(statement, sink, state);
    enum err err = ERR_OK;
    if (rc == SQLITE_ABORT) {
        err = err_set(reterr, ERR_CLOSED, "%s", tr(N_("The output takes no more.")));
    } else if (rc != SQLITE_DONE) {
        err = problem_say(sql, rc, text, reterr);
    }
    (void)sqlite3_finalize(statement); /* its error was that of the last step */
    sql_plans_free(sql);
    return err;
}

enum err
sql_run(struct sql *sql, struct str text, const struct sql_sink *sink, void *state,
        struct errinfo *reterr)
{
    if (text.n > LIMIT_SQL_STATEMENT_BYTES || memchr(text.p, '\0', text.n) != NULL) {
        return text_err(reterr, ERR_INVALID,
                        N_("The statement is too long, or holds a byte of value 0."), NULL, 0);
    }
    struct str rest = text;
    while (rest.n > 0) {
        TRY(statement_run(sql, &rest, sink, state, reterr));
    }
    return ERR_OK;
}
