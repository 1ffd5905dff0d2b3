/* SPDX-License-Identifier: Apache-2.0
 * `openalb logs why`: one request told as a story, from its access line, and from the connection
 * line and health checks that belong to it where they are among the files. Every sentence follows
 * from a field of these lines; where a line leaves two things open, that is said.
 *
 *     struct why why;
 *     err = why_find(&files, &scan, STR("1-68d27f07-00aa11bb22cc33dd44ee55ff"), &why, &counts,
 *                    &problem);
 *     why_text(&out, &term, &why);
 *     why_free(&why);
 */
#pragma once

#include "query/scan.h"
#include "text/text.h"

#include <jansson.h>

/* A line that was found. */
struct why_line {
    char *text; /* owned, with LOG_READ_PAD bytes behind */
    struct log_line split;
    enum log_fault fault;
    char *path;              /* owned; NULL: the line was pasted */
    uint64_t number, offset; /* as in struct scan_line */
    uint64_t time_us;
};

enum { WHY_CHECKS_MAX = 4 };

struct why_story {
    struct why_line line;       /* access, connection or health line, or a damaged one */
    struct why_line connection; /* of an access line; text NULL: not found */
    struct why_line checks[WHY_CHECKS_MAX]; /* of the target, nearest in time, by time */
    size_t check_count;
};

struct why {
    struct why_story *stories; /* owned; by time */
    size_t count;              /* at most LIMIT_WHY_LINES */
    uint64_t not_told;         /* lines beyond that */
};

/* Finds what `wanted` names: a trace id ("Root=1-...", "1-...", a whole X-Amzn-Trace-Id value), a
 * connection's TID_..., FILE:N (line N of that file, whether or not it is among `files`), or a
 * whole line of a log. `files` are read once or twice (a second time for connection lines and
 * health checks; standard input only once); `options` gives filter, threads, progress, remarks and
 * stop; its `damaged` is ignored. `ret_counts` may be NULL. ERR_OK also when nothing was found
 * (count 0); ERR_INVALID: `wanted` is none of these, with a sentence; ERR_NOT_FOUND or ERR_SYSTEM:
 * the file of FILE:N. `ret_why` is always set, to be freed by the caller. */
enum err why_find(const struct query_files *files, const struct scan_options *options,
                  struct str wanted, struct why *ret_why, struct scan_counts *ret_counts,
                  struct errinfo *reterr) MUST_USE;
void why_free(struct why *why);

/* True when `wanted` is FILE:N or a line, or nothing that why_find() knows: then no other files
 * need to be found. */
bool why_needs_no_files(struct str wanted);

/* What an access line says by itself: the row of why.def that fits. For the doctor. */
struct why_verdict {
    const char *pattern; /* "closed-unanswered" */
    const char *ids;     /* findings that it speaks for, blanks between; "" or "-": none */
    bool by_target;      /* who made the status */
    bool has_duration;
    uint64_t duration_us;
};
void why_verdict(const struct log_line *line, struct why_verdict *ret_verdict);
/* What happened, one sentence in the current language, safe for a terminal. */
void why_what(struct buf *out, const struct log_line *line);

void why_text(struct buf *out, const struct term *t, const struct why *why);

/* A new reference:
 *   {"kind": "why", "schema": 1, "not_told": N, "stories": [{
 *      "kind": "access"|"connection"|"health-check"|null, "file": TEXT|null, "line": N|null,
 *      "offset": N|null, "fault": WORD|null, "fields": {...}|null, "time": ISO|null,
 *      "duration_ms": N|null, "made_by": "target"|"lb"|null,
 *      "verdict": {"pattern": WORD, "ended_by": WORD, "sentence": TEXT, "cause": TEXT|null,
 *                  "unknown": TEXT|null, "findings": [ID]} | null,
 *      "words": [{"kind": TEXT, "word": TEXT, "meaning": TEXT}],
 *      "steps": [{"text": TEXT, "command": TEXT|null}],
 *      "connection": {"file", "line", "offset", "fields"} | null,
 *      "checks": [{"file", "line", "offset", "fields"}]}]}
 * `fields` are the columns as lines_json writes them (query/lines.h); `pattern` and `ended_by` are
 * words of why.def; `unknown` is what the line leaves open. A damaged line has kind null and a
 * fault. Seconds are reals: dump with JSON_REAL_PRECISION(15), so that 1.037 stays 1.037. Sentences
 * are in the current language. */
json_t *why_json(const struct why *why);
