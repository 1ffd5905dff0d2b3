/* SPDX-License-Identifier: Apache-2.0
 * The store for joins: SQLite makes no index over a virtual table by itself, so that a join of two
 * logs would read one of them again for each line of the other. Here the lines of one are put once
 * into an indexed table of a temporary file, which SQLite removes when it is closed. */
#include "query/sql_int.h"

#include "base/assert.h"
#include "base/mem.h"

struct sql_store {
    sqlite3 *db;      /* owned */
    char *find, *all; /* statements; owned */
};

/* ---- statements ---- */

/* "c0, c7, c8" of the used columns, with their types for a definition. */
static void
add_columns(struct buf *out, const struct sql_plan *plan, bool typed)
{
    for (unsigned i = 0; i < sql_column_count(plan->kind); i++) {
        if ((plan->used >> i & 1) != 0) {
            buf_addf(out, ", c%u%s%s", i, typed ? " " : "",
                     typed ? sql_column_type(plan->kind, i) : "");
        }
    }
}

static int
run(sqlite3 *db, const char *before, const struct sql_plan *plan, bool typed, const char *after)
{
    AUTO(buf_free) struct buf text = {0};
    buf_add_z(&text, before);
    if (plan != NULL) {
        add_columns(&text, plan, typed);
    }
    buf_add_z(&text, after);
    return sqlite3_exec(db, text.p, NULL, NULL, NULL);
}

static int
store_open(struct sql_store *store, const struct sql_plan *plan)
{
    int rc = sqlite3_open_v2(
        "", &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    AUTO(xfree_ptr) char *size = xprintf("PRAGMA max_page_count = %d", LIMIT_SQL_STORE_PAGES);
    const char *const settings[] = {"PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
                                    "PRAGMA temp_store = FILE", size};
    for (size_t i = 0; i < COUNT_OF(settings) && rc == SQLITE_OK; i++) {
        rc = run(store->db, settings[i], NULL, false, "");
    }
    return rc != SQLITE_OK
               ? rc
               : run(store->db, "CREATE TABLE lines (id INTEGER PRIMARY KEY", plan, true, ")");
}

static int
store_select(struct sql_store *store, const struct sql_plan *plan)
{
    AUTO(buf_free) struct buf text = {0};
    buf_add_z(&text, "SELECT id");
    add_columns(&text, plan, false);
    buf_add_z(&text, " FROM lines");
    store->all = xstrdup_str(buf_str(&text));
    buf_addf(&text, " WHERE c%u = ?1", plan->key);
    store->find = xstrdup_str(buf_str(&text));
    AUTO(xfree_ptr) char *index = xprintf("CREATE INDEX by_key ON lines (c%u)", plan->key);
    return run(store->db, index, NULL, false, "");
}

/* ---- filling ---- */

static int
bind_value(sqlite3_stmt *statement, int at, const struct sql_value *v)
{
    switch (v->type) {
    case SQL_NULL: return sqlite3_bind_null(statement, at);
    case SQL_INTEGER: return sqlite3_bind_int64(statement, at, v->integer);
    case SQL_REAL: return sqlite3_bind_double(statement, at, v->real);
    case SQL_TEXT:
    case SQL_BLOB:
        return sqlite3_bind_text64(statement, at, v->text.n == 0 ? "" : v->text.p, v->text.n,
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    NEVER("a value has one of these types");
}

static int
store_line(sqlite3_stmt *insert, struct sql_scan *scan, const struct sql_plan *plan)
{
    int at = 1;
    int rc = sqlite3_bind_int64(insert, at++, sql_scan_rowid(scan));
    for (unsigned i = 0; i < sql_column_count(plan->kind) && rc == SQLITE_OK; i++) {
        if ((plan->used >> i & 1) != 0) {
            struct sql_value value;
            sql_scan_value(scan, i, &value);
            rc = bind_value(insert, at++, &value);
        }
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(insert);
    }
    return rc == SQLITE_DONE ? sqlite3_reset(insert) : rc;
}

static int
store_insert(struct sql_store *store, const struct sql_plan *plan, sqlite3_stmt **ret_insert)
{
    AUTO(buf_free) struct buf text = {0};
    buf_add_z(&text, "INSERT INTO lines VALUES (?");
    for (unsigned i = 0; i < sql_column_count(plan->kind); i++) {
        if ((plan->used >> i & 1) != 0) {
            buf_add_z(&text, ", ?");
        }
    }
    buf_add_char(&text, ')');
    return sqlite3_prepare_v2(store->db, text.p, (int)text.n, ret_insert, NULL);
}

static int
store_fill(struct sql_store *store, struct sql_scan *scan, const struct sql_plan *plan,
           struct errinfo *reterr)
{
    sqlite3_stmt *insert = NULL;
    int rc = store_insert(store, plan, &insert);
    while (rc == SQLITE_OK) {
        enum io got = sql_scan_next(scan, reterr);
        if (got != IO_DONE) {
            rc = got == IO_EOF ? SQLITE_DONE : got == IO_AGAIN ? SQLITE_INTERRUPT : SQLITE_ERROR;
        } else {
            rc = store_line(insert, scan, plan);
        }
    }
    (void)sqlite3_finalize(insert); /* its error is `rc` already */
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
sql_store_build(struct sql_scan *scan, const struct sql_plan *plan, struct sql_store **ret_store,
                struct errinfo *reterr)
{
    struct sql_store *store = xalloc(sizeof(*store));
    reterr->text[0] = '\0';
    int rc = store_open(store, plan);
    if (rc == SQLITE_OK) {
        rc = run(store->db, "BEGIN", NULL, false, "");
    }
    if (rc == SQLITE_OK) {
        rc = store_fill(store, scan, plan, reterr);
    }
    if (rc == SQLITE_OK) {
        rc = store_select(store, plan);
    }
    if (rc == SQLITE_OK) {
        rc = run(store->db, "COMMIT", NULL, false, "");
    }
    if (rc != SQLITE_OK) {
        if (reterr->text[0] == '\0' && rc != SQLITE_INTERRUPT) {
            (void)text_err(
                reterr, ERR_TOO_LARGE,
                N_("The lines to be joined cannot be kept in a temporary file: {reason}."),
                TEXT_ARGS({"reason", str_of(sqlite3_errstr(rc))}));
        }
        sql_store_free(&store);
        return rc;
    }
    *ret_store = store;
    return SQLITE_OK;
}

void
sql_store_free(struct sql_store **store)
{
    if (*store == NULL) {
        return;
    }
    (void)sqlite3_close(
        (*store)->db); /* a temporary file: nothing can be lost. Cursors are closed before */
    xfree_ptr(&(*store)->find);
    xfree_ptr(&(*store)->all);
    xfree(*store);
    *store = NULL;
}

int
sql_store_find(struct sql_store *store, sqlite3_value *key, sqlite3_stmt **ret_statement)
{
    const char *text = key == NULL ? store->all : store->find;
    int rc = SQLITE_OK;
    if (*ret_statement == NULL || strcmp(sqlite3_sql(*ret_statement), text) != 0) {
        (void)sqlite3_finalize(*ret_statement);
        *ret_statement = NULL;
        rc = sqlite3_prepare_v2(store->db, text, -1, ret_statement, NULL);
    } else {
        (void)sqlite3_reset(*ret_statement);
    }
    return rc == SQLITE_OK && key != NULL ? sqlite3_bind_value(*ret_statement, 1, key) : rc;
}
