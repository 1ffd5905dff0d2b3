/* SPDX-License-Identifier: Apache-2.0
 * The virtual tables: names and types of the columns, what of a statement narrows reading, cursors
 * [sqlite.org: The Virtual Table Mechanism Of SQLite]. A condition that narrows is always checked
 * by SQLite once more, so that narrowing can only cost time, never change an answer. */
#include "query/sql_int.h"

#include "base/assert.h"
#include "base/mem.h"

struct table {
    sqlite3_vtab base; /* first: SQLite knows no more of it */
    struct sql *sql;   /* borrowed */
    enum log_kind kind;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct sql_scan scan;     /* where lines come from, */
    sqlite3_stmt *from_store; /* or, owned, stored ones; NULL: from the scan */
    const struct sql_plan *plan;
    bool scanning; /* `scan` is open */
    bool end;
};

/* ---- names ---- */

static const char *const table_names[LOG_KIND_COUNT] = {[LOG_ACCESS] = "access_log",
                                                        [LOG_CONNECTION] = "connection_log",
                                                        [LOG_HEALTH] = "health_check_log"};
static const char *const hidden_names[SQL_HIDDEN] = {"log_file", "log_line"};

const char *
sql_table_name(enum log_kind kind)
{
    ASSERT(kind < LOG_KIND_COUNT);
    return table_names[kind];
}

bool
sql_table_find(struct str name, enum log_kind *ret_kind)
{
    for (unsigned kind = 0; kind < LOG_KIND_COUNT; kind++) {
        if (str_ieq(name, str_of(table_names[kind]))) {
            *ret_kind = (enum log_kind)kind;
            return true;
        }
    }
    return false;
}

unsigned
sql_column_count(enum log_kind kind)
{
    size_t count = column_count(kind) + SQL_HIDDEN;
    ASSERT(count <= 63); /* one bit each; SQLite keeps the last one for all beyond */
    return (unsigned)count;
}

const char *
sql_column_name(enum log_kind kind, unsigned column)
{
    size_t count = column_count(kind);
    return column < count ? column_at(kind, column)->name : hidden_names[column - count];
}

const char *
sql_column_type(enum log_kind kind, unsigned column)
{
    size_t count = column_count(kind);
    if (column >= count) {
        return column == count ? "TEXT" : "INTEGER";
    }
    enum column_type type = column_at(kind, column)->type;
    return type == COLUMN_TIME ? "TEXT" : column_type_word(type);
}

static void
add_declaration(struct buf *out, enum log_kind kind)
{
    buf_add_z(out, "CREATE TABLE x(");
    for (unsigned i = 0; i < sql_column_count(kind); i++) {
        buf_addf(out, "%s\"%s\" %s%s", i == 0 ? "" : ", ", sql_column_name(kind, i),
                 sql_column_type(kind, i), i >= column_count(kind) ? " HIDDEN" : "");
    }
    buf_add_z(out, ")");
}

static int
table_connect(sqlite3 *db, void *context, int argc UNUSED, const char *const *argv,
              sqlite3_vtab **ret_table, char **ret_problem UNUSED)
{
    AUTO(buf_free) struct buf declaration = {0};
    enum log_kind kind;
    bool known = sql_table_find(str_of(argv[0]), &kind);
    ASSERT(known);
    add_declaration(&declaration, kind);
    int rc = sqlite3_declare_vtab(db, declaration.p);
    if (rc == SQLITE_OK) {
        rc = sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    }
    if (rc == SQLITE_OK) {
        struct table *t = xalloc(sizeof(*t));
        t->sql = context;
        t->kind = kind;
        *ret_table = &t->base;
    }
    return rc;
}

static int
table_disconnect(sqlite3_vtab *base)
{
    xfree(CONTAINER_OF(base, struct table, base));
    return SQLITE_OK;
}

/* ---- plans ---- */

static void
plan_free(struct sql_plan *plan)
{
    sql_store_free(&plan->store);
    xfree(plan);
}

void
sql_plans_free(struct sql *sql)
{
    for (size_t i = 0; i < sql->plan_count; i++) {
        plan_free(sql->plans[i]);
    }
    sql->plan_count = 0;
}

static bool
op_narrows(unsigned char op)
{
    return op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_GT ||
           op == SQLITE_INDEX_CONSTRAINT_GE || op == SQLITE_INDEX_CONSTRAINT_LT ||
           op == SQLITE_INDEX_CONSTRAINT_LE;
}

/* Can this condition be used at all: on a column of columns.def, compared byte by byte? */
static bool
constraint_fits(enum log_kind kind, sqlite3_index_info *info, int i)
{
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    return c->usable && op_narrows(c->op) && c->iColumn >= 0 &&
           (size_t)c->iColumn < column_count(kind) &&
           sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") == 0;
}

static bool
constraint_is_constant(sqlite3_index_info *info, int i)
{
    sqlite3_value *value;
    return sqlite3_vtab_rhs_value(info, i, &value) == SQLITE_OK;
}

static enum column_type
constraint_type(enum log_kind kind, const sqlite3_index_info *info, int i)
{
    return column_at(kind, (size_t)info->aConstraint[i].iColumn)->type;
}

/* The first condition that looks like one of a join; -1: none. Times and reals are no keys. */
static int
key_find(enum log_kind kind, sqlite3_index_info *info)
{
    for (int i = 0; i < info->nConstraint; i++) {
        if (constraint_fits(kind, info, i) &&
            info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
            !constraint_is_constant(info, i) && !sqlite3_vtab_in(info, i, -1) &&
            (constraint_type(kind, info, i) == COLUMN_TEXT ||
             constraint_type(kind, info, i) == COLUMN_INTEGER)) {
            return i;
        }
    }
    return -1;
}

/* With a key only constants narrow: the store is filled once and asked with many values. */
static void
plan_conditions(struct sql_plan *plan, sqlite3_index_info *info)
{
    for (int i = 0; i < info->nConstraint && plan->count < SQL_CONDITIONS_MAX; i++) {
        if (!constraint_fits(plan->kind, info, i) ||
            (plan->lookup && !constraint_is_constant(info, i))) {
            continue;
        }
        enum column_type type = constraint_type(plan->kind, info, i);
        if (type != COLUMN_TIME && type != COLUMN_INTEGER) {
            continue;
        }
        bool list = sqlite3_vtab_in(info, i, -1);
        if (list) {
            (void)sqlite3_vtab_in(info, i, 1);
        }
        plan->conditions[plan->count].column = (unsigned)info->aConstraint[i].iColumn;
        plan->conditions[plan->count].op = info->aConstraint[i].op;
        plan->conditions[plan->count].list = list;
        info->aConstraintUsage[i].argvIndex = (int)++plan->count;
    }
}

/* Reading all of a log is dear, and a condition makes it little cheaper: an OR is never worth two
 * readings. Finding rows in the store is cheap, and cheapest in the smaller logs. */
static void
plan_costs(const struct sql_plan *plan, sqlite3_index_info *info)
{
    static const struct {
        double scan, lookup;
        sqlite3_int64 rows;
    } costs[LOG_KIND_COUNT] = {[LOG_ACCESS] = {1e8, 1000, 1000000},
                               [LOG_CONNECTION] = {1e7, 10, 100000},
                               [LOG_HEALTH] = {1e7, 10, 100000}};
    double scan = costs[plan->kind].scan;
    sqlite3_int64 rows = costs[plan->kind].rows;
    for (unsigned i = 0; i < plan->count; i++) {
        scan *= 0.8;
        rows = MAX_OF(rows / 4, (sqlite3_int64)10);
    }
    info->estimatedCost = plan->lookup ? costs[plan->kind].lookup : scan;
    info->estimatedRows = plan->lookup ? 2 : rows;
}

/* What EXPLAIN QUERY PLAN shows: "time>= elb_status_code=". */
static char *
plan_text(const struct sql_plan *plan)
{
    AUTO(buf_free) struct buf text = {0};
    if (plan->lookup) {
        buf_addf(&text, "join:%s=", sql_column_name(plan->kind, plan->key));
    }
    for (unsigned i = 0; i < plan->count; i++) {
        unsigned char op = plan->conditions[i].op;
        const char *sign = op == SQLITE_INDEX_CONSTRAINT_EQ   ? "="
                           : op == SQLITE_INDEX_CONSTRAINT_GT ? ">"
                           : op == SQLITE_INDEX_CONSTRAINT_GE ? ">="
                           : op == SQLITE_INDEX_CONSTRAINT_LT ? "<"
                                                              : "<=";
        buf_addf(&text, "%s%s%s", text.n > 0 ? " " : "",
                 sql_column_name(plan->kind, plan->conditions[i].column), sign);
    }
    return sqlite3_mprintf("%s", text.n > 0 ? text.p : "");
}

static int
table_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    struct table *t = CONTAINER_OF(base, struct table, base);
    struct sql_plan *plan = xalloc(sizeof(*plan));
    plan->kind = t->kind;
    plan->used = info->colUsed;
    int key = key_find(t->kind, info);
    if (key >= 0) {
        plan->lookup = true;
        plan->key = (unsigned)info->aConstraint[key].iColumn;
        plan->used |= 1ull << plan->key;
    }
    plan_conditions(plan, info);
    if (key >= 0) {
        info->aConstraintUsage[key].argvIndex = (int)plan->count + 1;
    }
    plan_costs(plan, info);
    info->idxNum = (int)t->sql->plan_count;
    *VEC_PUSH(t->sql->plans, t->sql->plan_count, t->sql->plan_cap) = plan;
    info->idxStr = plan_text(plan);
    info->needToFreeIdxStr = 1;
    return info->idxStr == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

/* ---- cursors ---- */

static int
cursor_open(sqlite3_vtab *base UNUSED, sqlite3_vtab_cursor **ret_cursor)
{
    struct cursor *c = xalloc(sizeof(*c));
    *ret_cursor = &c->base;
    return SQLITE_OK;
}

static void
cursor_reset(struct cursor *c)
{
    if (c->scanning) {
        sql_scan_done(&c->scan);
    }
    c->scanning = false;
    c->end = false;
}

static int
cursor_close(sqlite3_vtab_cursor *base)
{
    struct cursor *c = CONTAINER_OF(base, struct cursor, base);
    cursor_reset(c);
    (void)sqlite3_finalize(c->from_store); /* reading; its errors were reported by the steps */
    xfree(c);
    return SQLITE_OK;
}

static int
cursor_problem(struct cursor *c, int rc, const char *sentence)
{
    if (sentence[0] != '\0') {
        sqlite3_free(c->base.pVtab->zErrMsg);
        c->base.pVtab->zErrMsg = sqlite3_mprintf("%s", sentence);
    }
    return rc;
}

static int
cursor_next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = CONTAINER_OF(base, struct cursor, base);
    if (!c->scanning) {
        int rc = sqlite3_step(c->from_store);
        c->end = rc != SQLITE_ROW;
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    struct errinfo problem = {{0}};
    switch (sql_scan_next(&c->scan, &problem)) {
    case IO_DONE: return SQLITE_OK;
    case IO_EOF: c->end = true; return SQLITE_OK;
    case IO_AGAIN: return SQLITE_INTERRUPT;
    case IO_FAIL: break;
    }
    return cursor_problem(c, SQLITE_ERROR, problem.text);
}

/* Fills `condition` from an argument; false: it cannot narrow. */
static bool
condition_fill(struct sql_condition *condition, const struct sql_plan *plan, unsigned i,
               sqlite3_value *argument)
{
    if (!plan->conditions[i].list) {
        return sql_condition_add(condition, plan->kind, argument);
    }
    sqlite3_value *value = NULL;
    int rc = sqlite3_vtab_in_first(argument, &value);
    while (rc == SQLITE_OK) {
        if (!sql_condition_add(condition, plan->kind, value)) {
            return false;
        }
        rc = sqlite3_vtab_in_next(argument, &value);
    }
    return rc == SQLITE_DONE;
}

/* Begins to read the files, with the conditions that the plan named. */
static void
scan_begin(struct sql_scan *scan, struct sql *sql, const struct sql_plan *plan,
           sqlite3_value **arguments)
{
    struct sql_condition *conditions = xalloc(SQL_CONDITIONS_MAX * sizeof(*conditions));
    size_t count = 0;
    bool never = false;
    for (unsigned i = 0; i < plan->count; i++) {
        struct sql_condition c = {.column = plan->conditions[i].column,
                                  .op = plan->conditions[i].op};
        if (condition_fill(&c, plan, i, arguments[i])) {
            never |= c.count == 0; /* compared with NULL only */
            conditions[count++] = c;
        } else {
            struct sql_condition *unused = xalloc(sizeof(*unused));
            *unused = c;
            sql_conditions_free(unused, 1);
        }
    }
    sql_scan_init(scan, sql, plan->kind, conditions, count, never);
}

static bool
reads_stdin(const struct sql *sql)
{
    for (size_t i = 0; i < sql->files.count; i++) {
        if (strcmp(sql->files.items[i].path, "-") == 0) {
            return true;
        }
    }
    return false;
}

/* Rows for one more key. The first key of all is looked for in the files, since there may be no
 * second one; standard input cannot be read twice. */
static int
cursor_from_store(struct cursor *c, struct sql *sql, struct sql_plan *plan,
                  sqlite3_value **arguments)
{
    struct errinfo problem = {{0}};
    if (plan->store == NULL) {
        struct sql_scan scan;
        scan_begin(&scan, sql, plan, arguments);
        int rc = sql_store_build(&scan, plan, &plan->store, &problem);
        sql_scan_done(&scan);
        if (rc != SQLITE_OK) {
            return cursor_problem(c, rc, problem.text);
        }
    }
    sqlite3_value *key = arguments[plan->count];
    int type = sqlite3_value_type(key);
    bool text_key = column_at(plan->kind, plan->key)->type == COLUMN_TEXT;
    /* A number against a column of texts: SQLite may compare them as numbers. */
    bool as_numbers = text_key && (type == SQLITE_INTEGER || type == SQLITE_FLOAT);
    int rc = sql_store_find(plan->store, as_numbers ? NULL : key, &c->from_store);
    return rc == SQLITE_OK ? cursor_next(&c->base) : rc;
}

static int
cursor_filter(sqlite3_vtab_cursor *base, int number, const char *text UNUSED, int argc UNUSED,
              sqlite3_value **arguments)
{
    struct cursor *c = CONTAINER_OF(base, struct cursor, base);
    struct table *t = CONTAINER_OF(base->pVtab, struct table, base);
    ASSERT(number >= 0);
    ASSERT((size_t)number < t->sql->plan_count);
    struct sql_plan *plan = t->sql->plans[number];
    cursor_reset(c);
    c->plan = plan;
    if (plan->lookup && sqlite3_value_type(arguments[plan->count]) == SQLITE_NULL) {
        c->end = true; /* nothing equals NULL */
        return SQLITE_OK;
    }
    if (plan->lookup && (plan->asked++ > 0 || reads_stdin(t->sql))) {
        return cursor_from_store(c, t->sql, plan, arguments);
    }
    scan_begin(&c->scan, t->sql, plan, arguments);
    c->scanning = true;
    return cursor_next(base);
}

static int
cursor_eof(sqlite3_vtab_cursor *base)
{
    return CONTAINER_OF(base, struct cursor, base)->end;
}

/* The column of a stored row: behind its rowid stand those that are used. */
static int
stored_at(const struct sql_plan *plan, unsigned column)
{
    uint64_t before = plan->used & ((1ull << column) - 1);
    return 1 + __builtin_popcountll(before);
}

static int
cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    struct cursor *c = CONTAINER_OF(base, struct cursor, base);
    struct sql_value v;
    if (!c->scanning) {
        int at = stored_at(c->plan, (unsigned)column);
        sqlite3_result_value(context, sqlite3_column_value(c->from_store, at));
        return SQLITE_OK;
    }
    sql_scan_value(&c->scan, (unsigned)column, &v);
    switch (v.type) {
    case SQL_NULL: break; /* SQLite's result, unless another is given */
    case SQL_INTEGER: sqlite3_result_int64(context, v.integer); break;
    case SQL_REAL: sqlite3_result_double(context, v.real); break;
    case SQL_TEXT:
    case SQL_BLOB:
        sqlite3_result_text64(context, v.text.n == 0 ? "" : v.text.p, v.text.n, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        break;
    }
    return SQLITE_OK;
}

static int
cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_id)
{
    struct cursor *c = CONTAINER_OF(base, struct cursor, base);
    *ret_id = c->scanning ? sql_scan_rowid(&c->scan) : sqlite3_column_int64(c->from_store, 0);
    return SQLITE_OK;
}

int
sql_table_register(struct sql *sql)
{
    /* Without xCreate a module is a table by its own name; without xUpdate it is read-only. */
    static const sqlite3_module module = {
        .iVersion = 0,
        .xConnect = table_connect,
        .xBestIndex = table_best_index,
        .xDisconnect = table_disconnect,
        .xOpen = cursor_open,
        .xClose = cursor_close,
        .xFilter = cursor_filter,
        .xNext = cursor_next,
        .xEof = cursor_eof,
        .xColumn = cursor_column,
        .xRowid = cursor_rowid,
    };
    int rc = SQLITE_OK;
    for (unsigned kind = 0; kind < LOG_KIND_COUNT && rc == SQLITE_OK; kind++) {
        rc = sqlite3_create_module_v2(sql->db, table_names[kind], &module, sql, NULL);
    }
    return rc;
}
