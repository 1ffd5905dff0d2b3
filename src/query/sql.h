/* SPDX-License-Identifier: Apache-2.0
 * SQL over log files: SQLite with three read-only virtual tables, `access_log`, `connection_log`
 * and `health_check_log`, whose rows are the good lines of the files (columns: query/columns.h).
 * Lines are read as a statement asks for them, in constant memory; nothing is imported, nothing is
 * written.
 *
 *     struct sql *sql;
 *     TRY(sql_open(&(struct sql_options){.paths = paths, .path_count = n}, &sql, reterr));
 *     struct sql_output output = {.out = stdout, .mode = SQL_MODE_TABLE, .term = &term};
 *     enum err err = sql_print(sql, STR("SELECT count(*) FROM access_log"), &output, &rows,
 * reterr); sql_close(&sql);
 *
 * `time` columns are text, "2026-09-23T11:02:31.442190Z", always with six decimals, and compare as
 * text. `-` and -1 are NULL. Conditions on time and status narrow what is read (whole files, by
 * their names) and never change an answer. Each table also has the hidden columns log_file and
 * log_line. Functions beside SQLite's own: percentile(x, p), p50(x), p90(x), p95(x), p99(x),
 * median(x) (nearest rank, exact), fold_path(path), status_class(code).
 *
 * Not for several threads. */
#pragma once

#include "base/str.h"
#include "query/filter.h"
#include "query/scan.h"
#include "text/text.h"

#include <signal.h>
#include <stdio.h>

struct sql;

struct sql_options {
    const struct str *paths; /* borrowed until sql_open returns: files, folders, "-" */
    size_t path_count;
    const struct query_filter *filter; /* borrowed; lines that fail it are no rows; may be NULL */
    /* Set by a signal: a running statement ends with ERR_CLOSED; may be NULL. */
    const volatile sig_atomic_t *stop;
    /* One sentence for each file that is foreign or broken, once (translated, terminal-safe). */
    void (*remark)(void *context, const char *path, const char *sentence);
    void *remark_context;
};

/* Finds the files and opens the tables. Errors as of query_files_find. */
enum err sql_open(const struct sql_options *options, struct sql **ret_sql, struct errinfo *reterr)
    MUST_USE;
void sql_close(struct sql **sql);

/* What was read so far; each file is counted once, however often it was read. `passed` is 0. */
const struct scan_counts *sql_counts(const struct sql *sql);

/* ---- one statement or several ---- */

enum sql_type { SQL_NULL, SQL_INTEGER, SQL_REAL, SQL_TEXT, SQL_BLOB };
struct sql_value {
    enum sql_type type;
    int64_t integer;
    double real;
    struct str text; /* of SQL_TEXT and SQL_BLOB; borrowed until the next row; any bytes */
};

struct sql_sink {
    /* Before the first row of each statement that gives rows; false: enough. */
    bool (*begin)(void *state, const char *const *names, size_t count);
    bool (*row)(void *state, const struct sql_value *values, size_t count); /* false: enough */
    bool (*end)(void *state);                                               /* after the last row */
};

/* Runs all statements of `text`. Errors: ERR_INVALID: SQL that does not compile or cannot be
 * answered; the text is one sentence, and where the place is known two more lines: the line of the
 * statement and a caret (terminal-safe). ERR_DENIED: a statement that writes, attaches or loads.
 * ERR_TOO_LARGE: a limit. ERR_CLOSED: stopped, or the sink had enough. ERR_SYSTEM: a file cannot be
 * read. Rows before an error have been handed out. */
enum err sql_run(struct sql *sql, struct str text, const struct sql_sink *sink, void *state,
                 struct errinfo *reterr) MUST_USE;

/* ---- printed ---- */

enum sql_mode { SQL_MODE_TABLE, SQL_MODE_JSON, SQL_MODE_CSV, SQL_MODE_COUNT };
const char *sql_mode_word(enum sql_mode mode); /* "table", "json", "csv" */
bool sql_mode_find(struct str word, enum sql_mode *ret_mode);

struct sql_output {
    FILE *out;               /* borrowed */
    const struct term *term; /* borrowed: widths are fitted where term->tty; needed for tables */
    enum sql_mode mode;
};

/* Runs `text` and prints each result: a table (widths from the first LIMIT_SQL_TABLE_ROWS rows,
 * bytes made safe, NULL as "-"), JSON (an array of objects), CSV (RFC 4180: a header row, lines end
 * in CRLF, NULL is empty). ret_rows: of all results. ERR_CLOSED also when `out` takes no more. */
enum err sql_print(struct sql *sql, struct str text, const struct sql_output *output,
                   uint64_t *ret_rows, struct errinfo *reterr) MUST_USE;

/* The prompt of a terminal (line editing, history, completion of table and column names, statements
 * over several lines up to `;`), or, where `in` is no terminal, all statements of `in`. Also takes
 * .columns .help .mode .quit .schema .tables. SIGINT ends the statement, not the prompt.
 * Errors of statements are printed to stderr: ret_failed counts them, and without a terminal the
 * first one ends it. `output` is not changed by .mode. */
enum err sql_prompt(struct sql *sql, FILE *in, const struct sql_output *output, uint64_t *ret_rows,
                    uint64_t *ret_failed, struct errinfo *reterr) MUST_USE;

/* ".schema", ".tables", ".columns access_log", ".help": their text, also for `sql .schema` on the
 * command line. False: `command` is none of them. An unknown table gives a sentence that says so.
 */
bool sql_dot_text(struct str command, struct buf *out);
