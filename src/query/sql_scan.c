/* SPDX-License-Identifier: Apache-2.0
 * The lines behind a virtual table, one at a time: files in their order, blocks, lines, conditions.
 */
#include "query/sql_int.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"

enum { ROWID_OFFSET_BITS = 40 };
_Static_assert((uint64_t)LIMIT_QUERY_FILES < 1ull << (62 - ROWID_OFFSET_BITS), "rowids are unique");

static const uint64_t second_us = 1000000;

/* ---- conditions ---- */

static void
value_keep(struct sql_value *to, sqlite3_value *from)
{
    *to = (struct sql_value){.type = SQL_TEXT};
    size_t n = (size_t)sqlite3_value_bytes(from);
    char *copy = xalloc(n + 1);
    if (n > 0) {
        memcpy(copy, sqlite3_value_text(from), n);
    }
    to->text = (struct str){copy, n};
}

bool
sql_condition_add(struct sql_condition *condition, enum log_kind kind, sqlite3_value *value)
{
    enum column_type column = column_at(kind, condition->column)->type;
    int type = sqlite3_value_type(value);
    if (type == SQLITE_NULL) {
        return true;
    }
    bool number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    if (column == COLUMN_TIME ? type != SQLITE_TEXT : !number) {
        return false;
    }
    struct sql_value *kept = VEC_PUSH(condition->values, condition->count, condition->cap);
    if (type == SQLITE_TEXT) {
        value_keep(kept, value);
    } else if (type == SQLITE_INTEGER) {
        *kept = (struct sql_value){.type = SQL_INTEGER, .integer = sqlite3_value_int64(value)};
    } else {
        *kept = (struct sql_value){.type = SQL_REAL, .real = sqlite3_value_double(value)};
    }
    return true;
}

void
sql_conditions_free(struct sql_condition *conditions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < conditions[i].count; k++) {
            char *text = (char *)(uintptr_t)conditions[i].values[k].text.p;
            xfree(text);
        }
        xfree(conditions[i].values);
    }
    xfree(conditions);
}

/* The sign of left - right, as SQLite compares a column with a value that needs no conversion. A
 * long double holds every 64-bit integer on the machines where it is wider than a double. */
static int
value_compare(const struct sql_value *left, const struct sql_value *right)
{
    if (right->type == SQL_TEXT) {
        return str_cmp(left->text, right->text);
    }
    if (right->type == SQL_INTEGER) {
        return (left->integer > right->integer) - (left->integer < right->integer);
    }
    long double a = (long double)left->integer;
    long double b = (long double)right->real;
    return (a > b) - (a < b);
}

static bool
op_holds(unsigned char op, int compared)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return compared == 0;
    case SQLITE_INDEX_CONSTRAINT_GT: return compared > 0;
    case SQLITE_INDEX_CONSTRAINT_GE: return compared >= 0;
    case SQLITE_INDEX_CONSTRAINT_LT: return compared < 0;
    case SQLITE_INDEX_CONSTRAINT_LE: return compared <= 0;
    default: NEVER("only these five become conditions");
    }
}

static bool
conditions_hold(struct sql_scan *scan)
{
    for (size_t i = 0; i < scan->condition_count; i++) {
        const struct sql_condition *c = &scan->conditions[i];
        struct sql_value value;
        sql_scan_value(scan, c->column, &value);
        bool holds = false;
        for (size_t k = 0; value.type != SQL_NULL && k < c->count && !holds; k++) {
            holds = op_holds(c->op, value_compare(&value, &c->values[k]));
        }
        if (!holds) {
            return false;
        }
    }
    return true;
}

/* ---- conditions on time, for the names of files ---- */

/* The longest beginning of `text` that is a moment's: where the moments with this beginning start
 * and, at the latest, end. Times of lines are texts of fixed width, so that a text that is not less
 * than `text` does not lie before that start, and one that is not greater lies before that end.
 * False: the text begins as no moment does. */
static bool
moment_of_prefix(struct str text, uint64_t *ret_from_us, uint64_t *ret_to_us)
{
    static const struct {
        uint8_t length;
        uint32_t seconds; /* at most */
    } parts[] = {{19, 1}, {16, 60}, {13, 3600}, {10, 86400}, {7, 31 * 86400}, {4, 366 * 86400}};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        char full[] = "0000-01-01T00:00:00Z";
        struct log_clock clock = {0};
        if (text.n < parts[i].length) {
            continue;
        }
        memcpy(full, text.p, parts[i].length);
        if (log_time(&clock, (struct str){full, sizeof(full) - 1}, ret_from_us)) {
            *ret_to_us = *ret_from_us + parts[i].seconds * second_us;
            return true;
        }
    }
    return false;
}

/* Takes one condition on the time of the line into the wish for files. */
static void
wanted_narrow(struct query_wanted *wanted, const struct sql_condition *c)
{
    uint64_t from = UINT64_MAX;
    uint64_t to = 0;
    for (size_t i = 0; i < c->count; i++) {
        uint64_t begin, end;
        if (!moment_of_prefix(c->values[i].text, &begin, &end)) {
            return;
        }
        from = MIN_OF(from, begin);
        to = MAX_OF(to, end);
    }
    bool low = c->op != SQLITE_INDEX_CONSTRAINT_LT && c->op != SQLITE_INDEX_CONSTRAINT_LE;
    bool high = c->op != SQLITE_INDEX_CONSTRAINT_GT && c->op != SQLITE_INDEX_CONSTRAINT_GE;
    if (low && c->count > 0) {
        wanted->since_us = MAX_OF(wanted->since_us, from);
    }
    if (high && c->count > 0) {
        wanted->until_us = wanted->until_us == 0 ? to : MIN_OF(wanted->until_us, to);
    }
}

/* The column by which names of files are judged. */
static bool
is_time_of_line(enum log_kind kind, unsigned column)
{
    static const unsigned fields[LOG_KIND_COUNT] = {[LOG_ACCESS] = LOG_ACCESS_TIME,
                                                    [LOG_CONNECTION] = LOG_CONNECTION_TIMESTAMP,
                                                    [LOG_HEALTH] = LOG_HEALTH_TIME};
    const struct column *c = column_at(kind, column);
    return c->type == COLUMN_TIME && c->field == fields[kind];
}

void
sql_scan_init(struct sql_scan *scan, struct sql *sql, enum log_kind kind,
              struct sql_condition *conditions, size_t count, bool never)
{
    *scan = (struct sql_scan){.sql = sql,
                              .kind = kind,
                              .conditions = conditions,
                              .condition_count = count,
                              .never = never,
                              .wanted = {.kind = (int)kind}};
    if (sql->filter != NULL) {
        scan->wanted.since_us = query_filter_since_us(sql->filter);
        scan->wanted.until_us = query_filter_until_us(sql->filter);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_time_of_line(kind, conditions[i].column)) {
            wanted_narrow(&scan->wanted, &conditions[i]);
        }
    }
}

void
sql_scan_done(struct sql_scan *scan)
{
    query_stream_close(&scan->stream);
    column_scratch_done(&scan->scratch);
    sql_conditions_free(scan->conditions, scan->condition_count);
    *scan = (struct sql_scan){0};
}

/* ---- files ---- */

static void
remark(struct sql_scan *scan, size_t file, const char *sentence)
{
    struct sql *sql = scan->sql;
    if (!sql->marks[file].remarked && sql->remark != NULL) {
        sql->remark(sql->remark_context, sql->files.items[file].path, sentence);
    }
    sql->marks[file].remarked = true;
}

static void
file_close(struct sql_scan *scan)
{
    if (scan->counting && scan->stream != NULL) {
        scan->sql->counts.bytes_read += query_stream_read_bytes(scan->stream);
    }
    query_stream_close(&scan->stream);
    scan->counting = false;
    scan->block = (struct query_block){0};
    scan->at = 0;
}

static enum io
stdin_again(struct errinfo *reterr)
{
    (void)text_err(
        reterr, ERR_INVALID,
        N_("Standard input can be read only once, and this question reads it again: save "
           "it to a file and name the file."),
        NULL, 0);
    return IO_FAIL;
}

/* Opens the next file that may hold rows. One that cannot be opened is remarked and passed over. */
static enum io
file_open(struct sql_scan *scan, struct errinfo *reterr)
{
    struct sql *sql = scan->sql;
    while (scan->next_file < sql->files.count) {
        size_t i = scan->next_file++;
        const struct query_file *file = &sql->files.items[i];
        if (!query_file_is_wanted(file, &scan->wanted)) {
            continue;
        }
        bool is_stdin = strcmp(file->path, "-") == 0;
        if (is_stdin && sql->stdin_read) {
            return stdin_again(reterr);
        }
        sql->stdin_read |= is_stdin;
        bool first = !sql->marks[i].counted;
        struct errinfo problem;
        if (query_stream_open(file, &scan->stream, &problem) == ERR_OK) {
            scan->counting = first;
            sql->counts.files += first;
            sql->marks[i].counted = true;
            return IO_DONE;
        }
        sql->counts.broken_files += first;
        sql->marks[i].counted = true;
        remark(scan, i, problem.text);
    }
    return IO_EOF;
}

/* Another product's log: said, and left. */
static bool
is_foreign(struct sql_scan *scan)
{
    size_t n = MIN_OF(scan->block.n, (size_t)LIMIT_SCAN_FOREIGN_BYTES);
    const char *what = scan->block.offset == 0 ? log_foreign((struct str){scan->block.p, n}) : NULL;
    if (what == NULL) {
        return false;
    }
    scan->sql->counts.foreign_files += scan->counting;
    remark(scan, scan->next_file - 1, tr(what));
    return true;
}

/* The next block of the open file, or of the next one. */
static enum io
block_next(struct sql_scan *scan, struct errinfo *reterr)
{
    for (;;) {
        if (sql_stopped(scan->sql)) {
            return IO_AGAIN;
        }
        if (scan->stream == NULL) {
            enum io opened = file_open(scan, reterr);
            if (opened != IO_DONE) {
                return opened;
            }
        }
        struct errinfo problem;
        enum io got = query_stream_next(scan->stream, &scan->block, &problem);
        scan->at = 0;
        if (got == IO_DONE && !is_foreign(scan)) {
            scan->sql->counts.bytes += scan->counting ? scan->block.n : 0;
            return IO_DONE;
        }
        if (got == IO_FAIL) {
            scan->sql->counts.broken_files += scan->counting;
            remark(scan, scan->next_file - 1, problem.text);
        }
        if (got != IO_AGAIN) {
            file_close(scan);
        }
    }
}

/* ---- lines ---- */

/* Is the line of `n` bytes at `p` a row? */
static bool
line_is_row(struct sql_scan *scan, const char *p, size_t n)
{
    enum log_fault fault = log_line_split(p, n, &scan->line);
    struct scan_counts *counts = &scan->sql->counts;
    if (scan->counting) {
        counts->lines++;
        if (fault != LOG_FAULT_NONE) {
            counts->damaged[fault]++;
        } else {
            counts->good[scan->line.kind]++;
            counts->new_fields += scan->line.count > log_field_count(scan->line.kind);
        }
    }
    return fault == LOG_FAULT_NONE && scan->line.kind == scan->kind &&
           (scan->sql->filter == NULL ||
            query_filter_match(scan->sql->filter, &scan->line, &scan->clock)) &&
           conditions_hold(scan);
}

enum io
sql_scan_next(struct sql_scan *scan, struct errinfo *reterr)
{
    if (scan->never) {
        return IO_EOF;
    }
    for (;;) {
        if (scan->at >= scan->block.n) {
            enum io got = block_next(scan, reterr);
            if (got != IO_DONE) {
                return got;
            }
            scan->number = scan->block.line;
        } else if (scan->number > 0) {
            scan->number++;
        }
        const char *p = scan->block.p + scan->at;
        const char *end = memchr(p, '\n', scan->block.n - scan->at);
        size_t n = end == NULL ? scan->block.n - scan->at : (size_t)(end - p);
        scan->offset = scan->block.offset + scan->at;
        scan->at += n + 1;
        bool empty = n == 0 || (n == 1 && *p == '\r');
        if (!empty && line_is_row(scan, p, n)) {
            return IO_DONE;
        }
    }
}

int64_t
sql_scan_rowid(const struct sql_scan *scan)
{
    uint64_t offset = scan->offset & ((1ull << ROWID_OFFSET_BITS) - 1);
    return (int64_t)((uint64_t)scan->next_file << ROWID_OFFSET_BITS | offset);
}

/* ---- values ---- */

/* Always "YYYY-MM-DDThh:mm:ss.uuuuuuZ", so that texts compare as moments do. */
static struct str
time_text(struct sql_scan *scan, const struct column_value *v)
{
    enum { POINT = 19, LENGTH = 27 };
    if (v->text.n == LENGTH && v->text.p[POINT] == '.') {
        return v->text;
    }
    struct out out = out_of(scan->time, sizeof(scan->time));
    out_iso8601(&out, v->us, false);
    return str_span(scan->time, out.p);
}

static void
hidden_value(const struct sql_scan *scan, unsigned hidden, struct sql_value *ret_value)
{
    if (hidden == 0) {
        const char *path = scan->sql->files.items[scan->next_file - 1].path;
        *ret_value = (struct sql_value){.type = SQL_TEXT, .text = str_of(path)};
    } else if (scan->number > 0) {
        *ret_value = (struct sql_value){.type = SQL_INTEGER, .integer = (int64_t)scan->number};
    } else {
        *ret_value = (struct sql_value){.type = SQL_NULL};
    }
}

void
sql_scan_value(struct sql_scan *scan, unsigned column, struct sql_value *ret_value)
{
    size_t count = column_count(scan->kind);
    struct column_value v;
    if (column >= count) {
        hidden_value(scan, column - (unsigned)count, ret_value);
        return;
    }
    *ret_value = (struct sql_value){.type = SQL_NULL};
    if (!column_value(scan->kind, column, &scan->line, &scan->scratch, &v)) {
        return;
    }
    switch (v.type) {
    case COLUMN_TEXT: *ret_value = (struct sql_value){.type = SQL_TEXT, .text = v.text}; return;
    case COLUMN_TIME:
        *ret_value = (struct sql_value){.type = SQL_TEXT, .text = time_text(scan, &v)};
        return;
    case COLUMN_INTEGER:
        *ret_value = (struct sql_value){.type = SQL_INTEGER, .integer = v.integer};
        return;
    case COLUMN_REAL: *ret_value = (struct sql_value){.type = SQL_REAL, .real = v.real}; return;
    case COLUMN_TYPE_COUNT: break;
    }
    NEVER("a column has one of these types");
}
