/* SPDX-License-Identifier: Apache-2.0
 * A log line as people and programs want it: aligned columns, one JSON object, one CSV record, or a
 * report about a damaged line. Appends to a buffer; reads and filters nothing (query/scan.h).
 *
 * Texts of a line have the writer's escapes undone and are then made safe (text_add_safe):
 * printable UTF-8 as it is, all other bytes as \xHH, in every form; so no form holds a line end, a
 * NUL or a terminal's escape sequence inside a field.
 *
 * JSON: one object a line. "log" ("access", "connection", "health-check"), then every column of
 * columns.def; null where there is none. Numbers are numbers, seconds too. Fields newer than the
 * tables stand in "extra" in their order (null for `-`); the key is absent where there are none.
 *
 * CSV [RFC 4180]: a header record, records of one kind of log, lines end in CR LF; null is empty.
 * The last column, "extra", holds the newer fields as they stand in the line. A field is quoted
 * where RFC 4180 demands it. One that begins with = + - @ is data and stays as it is: who opens the
 * file in a spreadsheet imports the columns as text. */
#pragma once

#include "query/columns.h"
#include "query/scan.h"
#include "text/text.h"

enum { LINES_PARTS = 9 }; /* at most, of an aligned line */

/* What goes from line to line. */
struct lines {
    struct term term;
    unsigned width;                             /* columns; 0: lines are never cut */
    size_t widest[LOG_KIND_COUNT][LINES_PARTS]; /* so far: columns stay aligned */
    struct column_scratch scratch;              /* owned */
    struct buf part;                            /* owned: one value on its way */
};
void lines_init(struct lines *l, const struct term *term, unsigned width);
void lines_done(struct lines *l);

/* Aligned, coloured by the class of the status; time in UTC to the millisecond. Access: time,
 * client, statuses (sent/of the target), duration, target, request, reasons, extra=NUMBER:VALUE.
 * Cut on a terminal, at the end of the request first. */
void lines_show(struct lines *l, struct buf *out, const struct log_line *line);

void lines_json(struct lines *l, struct buf *out, const struct log_line *line);

void lines_csv_header(struct buf *out, enum log_kind kind);
void lines_csv(struct lines *l, struct buf *out, const struct log_line *line);

/* "FILE:N: reason: LINE"; where the number is not known "FILE: ...". */
void lines_damaged(struct lines *l, struct buf *out, const struct scan_line *line);
/* With CSV: columns file, line, fault, reason, text. */
void lines_csv_damaged_header(struct buf *out);
void lines_csv_damaged(struct lines *l, struct buf *out, const struct scan_line *line);
/* {"file", "line" (null: not known), "fault" (a word), "reason" (a sentence), "text"} */
void lines_damaged_json(struct lines *l, struct buf *out, const struct scan_line *line);

/* A JSON string with its quotes, of bytes that are valid UTF-8. */
void lines_add_json_string(struct buf *out, struct str utf8);
