/* SPDX-License-Identifier: Apache-2.0
 * What the files behind query/sql.h know of each other: the open handle, what a statement's plan
 * asks of one table, the pull over the lines, the store for joins. */
#pragma once

#include "query/columns.h"
#include "query/source.h"
#include "query/sql.h"

#include <sqlite3.h>

enum {
    SQL_CONDITIONS_MAX = 16, /* of one table that narrow reading; further ones only cost time */
    SQL_HIDDEN = 2,          /* columns behind those of columns.def: log_file, log_line */
};

/* ---- conditions ---- */

/* `column OP value`, of a column with numbers or the time of the line. With several values (IN) one
 * of them must hold. */
struct sql_condition {
    unsigned column;
    unsigned char op;         /* SQLITE_INDEX_CONSTRAINT_EQ, GT, GE, LT or LE */
    struct sql_value *values; /* owned, with owned text; NULLs are left out: nothing equals them */
    size_t count, cap;
};

/* The same before the values are known, and what else SQLite chose for one use of a table. */
struct sql_plan {
    enum log_kind kind;
    uint64_t used; /* columns that the statement looks at, a bit each */
    struct {
        unsigned column;
        unsigned char op;
        bool list; /* IN */
    } conditions[SQL_CONDITIONS_MAX];
    unsigned count;
    /* The statement asks again and again for the rows whose `key` has one value (a join): after the
     * first time they are taken from a store. The value is the argument behind the conditions. */
    bool lookup;
    unsigned key;
    uint64_t asked;
    struct sql_store *store; /* owned */
};

/* ---- the handle ---- */

/* What is remembered of a file between statements. */
struct sql_file {
    bool counted;  /* its lines are in the counts */
    bool remarked; /* the person was told about it */
};

struct sql {
    sqlite3 *db;                       /* owned */
    struct query_files files;          /* owned */
    struct sql_file *marks;            /* owned: one for each file */
    const struct query_filter *filter; /* borrowed; may be NULL */
    const volatile sig_atomic_t *stop; /* borrowed; may be NULL */
    void (*remark)(void *context, const char *path, const char *sentence);
    void *remark_context;
    struct scan_counts counts;
    bool stdin_read;
    struct sql_plan **plans; /* owned: of the statement that runs */
    size_t plan_count, plan_cap;
    uint64_t percentile_values; /* that are held by aggregates now */
};

static inline bool
sql_stopped(const struct sql *sql)
{
    return sql->stop != NULL && *sql->stop != 0;
}

/* ---- lines ---- */

/* A pull over the good lines of one kind that pass the filter and the conditions. */
struct sql_scan {
    struct sql *sql; /* borrowed */
    enum log_kind kind;
    struct sql_condition *conditions; /* owned */
    size_t condition_count;
    bool never;                 /* a condition that nothing meets: no row */
    struct query_wanted wanted; /* the conditions as far as names of files go */
    size_t next_file;
    struct query_stream *stream; /* owned; NULL: none is open */
    bool counting;
    struct query_block block;
    size_t at;       /* in the block */
    uint64_t number; /* of the current line; 0: not known */
    uint64_t offset;
    struct log_line line;
    struct log_clock clock;
    struct column_scratch scratch;
    char time[32]; /* where a time is rewritten */
};

/* `conditions` are taken over. */
void sql_scan_init(struct sql_scan *scan, struct sql *sql, enum log_kind kind,
                   struct sql_condition *conditions, size_t count, bool never);
void sql_scan_done(struct sql_scan *scan);
/* The next line: IO_DONE, IO_EOF, IO_AGAIN: stopped, IO_FAIL with the sentence. */
enum io sql_scan_next(struct sql_scan *scan, struct errinfo *reterr);
/* A column of the current line, those of SQL_HIDDEN too; borrowed until the next call. */
void sql_scan_value(struct sql_scan *scan, unsigned column, struct sql_value *ret_value);
/* Differs for all lines of all files, and is the same each time a line is read. */
int64_t sql_scan_rowid(const struct sql_scan *scan);

/* Values of SQLite as conditions can use them: numbers for columns with numbers, text for times.
 * False: comparing would first convert one side; the condition then narrows nothing. */
bool sql_condition_add(struct sql_condition *condition, enum log_kind kind, sqlite3_value *value);
void sql_conditions_free(struct sql_condition *conditions, size_t count);

/* ---- the store ---- */

/* Reads `scan` to its end into an indexed table of a temporary file: rowid and the columns of
 * `plan->used`, found by plan->key. SQLITE_OK, or an error with its sentence. */
int sql_store_build(struct sql_scan *scan, const struct sql_plan *plan,
                    struct sql_store **ret_store, struct errinfo *reterr);
void sql_store_free(struct sql_store **store);
/* Column 0 is the rowid, then the used columns in their order. The caller finalizes it. `key` may
 * be NULL: all rows. */
int sql_store_find(struct sql_store *store, sqlite3_value *key, sqlite3_stmt **ret_statement);

/* ---- parts of SQLite ---- */

int sql_table_register(struct sql *sql);     /* the three tables */
int sql_functions_register(struct sql *sql); /* percentile and the others */
void sql_plans_free(struct sql *sql);

/* Words that are completed at the prompt, from 0; NULL: there are no more. Some come twice. */
const char *sql_word(size_t index);

const char *sql_table_name(enum log_kind kind); /* "access_log" */
bool sql_table_find(struct str name, enum log_kind *ret_kind);
unsigned sql_column_count(enum log_kind kind); /* SQL_HIDDEN included */
const char *sql_column_name(enum log_kind kind, unsigned column);
const char *sql_column_type(enum log_kind kind, unsigned column); /* "TEXT", of SQL */
