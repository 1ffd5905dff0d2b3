/* SPDX-License-Identifier: Apache-2.0
 * The columns of the three logs: names, types and values of a line's fields, as JSON, CSV, SQL and
 * the definitions for other engines show them. The rows stand in columns.def; columns are numbered
 * from 0 within their kind, in the order of the fields, derived ones last.
 *
 *     struct column_scratch scratch = {0};
 *     struct column_value v;
 *     if (column_value(LOG_ACCESS, column_find(LOG_ACCESS, STR("path")), &line, &scratch, &v)) {
 *         use(v.text);
 *     }
 *     column_scratch_done(&scratch); */
#pragma once

#include "base/buf.h"
#include "query/scan.h"

enum column_type { COLUMN_TEXT, COLUMN_INTEGER, COLUMN_REAL, COLUMN_TIME, COLUMN_TYPE_COUNT };
const char *column_type_word(enum column_type type); /* "TEXT", "INTEGER", "REAL", "TIME" */

/* How a value is found; the words of columns.def. */
enum column_how {
    COLUMN_AS_WORD,
    COLUMN_AS_TEXT,
    COLUMN_AS_TIME,
    COLUMN_AS_NUMBER,
    COLUMN_AS_SIGNED,
    COLUMN_AS_SECONDS,
    COLUMN_AS_PEER_IP,
    COLUMN_AS_PEER_PORT,
    COLUMN_AS_VERB,
    COLUMN_AS_URL,
    COLUMN_AS_PROTO,
    COLUMN_AS_HOST,
    COLUMN_AS_PATH,
    COLUMN_AS_MADE_BY,
    COLUMN_AS_DURATION,
    COLUMN_AS_REASON,
    COLUMN_AS_VERIFY,
    COLUMN_AS_CHECK,
    COLUMN_HOW_COUNT
};

struct column {
    const char *name; /* "client_ip" */
    enum column_type type;
    unsigned field; /* from 0, in the field table of the kind: LOG_ACCESS_CLIENT, ... */
    enum column_how how;
    bool derived;    /* no field of the line, nor one half of it */
    const char *doc; /* message id */
};

size_t column_count(enum log_kind kind);
const struct column *column_at(enum log_kind kind, size_t index); /* index < column_count() */
/* -1: the kind has no such column. Letter case does not matter. */
int column_find(enum log_kind kind, struct str name);

/* Starts zeroed; one per thread. Reading the columns of a line allocates only when escapes are
 * undone, and then grows to the longest text once. */
struct column_scratch {
    struct buf text; /* owned */
    struct log_clock clock, created;
};
void column_scratch_done(struct column_scratch *scratch);

/* A value that is there. */
struct column_value {
    enum column_type type; /* that of the column */
    struct str text;       /* TEXT: the bytes, escapes undone; any values, NUL and broken UTF-8 too.
                              TIME: as it stands in the line. Points into the line, to static memory,
                              or into the scratch: until the next call with it */
    int64_t integer;       /* INTEGER */
    double real;           /* REAL: seconds, the double nearest to what is written */
    uint64_t ns;           /* REAL: the same in nanoseconds, exact */
    uint64_t us;           /* TIME: since 1970 */
};

/* The value of a column of a good line of that kind. False: null (absent, `-`, empty, no number
 * where one belongs, seconds of -1). `error_text` is in the language of the process (text/text.h).
 */
bool column_value(enum log_kind kind, size_t index, const struct log_line *line,
                  struct column_scratch *scratch, struct column_value *ret_value);

/* Appends a REAL as a decimal number: at least 3 decimals, at most 9 ("0.037", "0.000123"). */
void out_column_seconds(struct out *o, uint64_t ns);
