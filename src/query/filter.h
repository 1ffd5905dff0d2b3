/* SPDX-License-Identifier: Apache-2.0
 * Which lines are wanted: the filters that every verb of `openalb logs` takes. All must hold;
 * within one a comma means or and a leading `!` negates [tool-rulings 17]. The rows stand in
 * filters.def.
 */
#pragma once

#include "base/err.h"
#include "log/read.h"

#include <signal.h>

struct query_filter;

struct query_filter *query_filter_new(void);
void query_filter_free(struct query_filter **filter);

/* One option without its dashes and its value: ("status", "5xx,!502"). ERR_NOT_FOUND: there is no
 * such filter; ERR_INVALID with a sentence that says what would be allowed. now_us: what "2h" is
 * counted from. */
enum err query_filter_set(struct query_filter *filter, struct str name, struct str value,
                          uint64_t now_us, struct errinfo *reterr) MUST_USE;

/* "5xx" -> ["5"], ...: the filter options for --help, in order; NULL ends. */
struct query_filter_option {
    const char *name;  /* "status" */
    const char *value; /* "LIST"; not translated */
    const char *help;  /* message id */
};
const struct query_filter_option *query_filter_option(size_t index);

/* A moment or a span as people write it: "2h", "90m", "3d" (before now), "2026-11-23",
 * "2026-11-23T10:00", with seconds, with "Z" or an offset; without a zone it is UTC. */
enum err query_moment(struct str text, uint64_t now_us, uint64_t *ret_us, struct errinfo *reterr)
    MUST_USE;
enum err query_span(struct str from_to, uint64_t now_us, uint64_t *ret_from_us, uint64_t *ret_to_us,
                    struct errinfo *reterr) MUST_USE;
/* "250ms", "1.5s", "2m", a plain number: seconds. */
enum err query_duration(struct str text, uint64_t *ret_us, struct errinfo *reterr) MUST_USE;

bool query_filter_is_empty(const struct query_filter *filter);
/* True when a time was given without a zone: said once to the person. */
bool query_filter_assumed_utc(const struct query_filter *filter);
uint64_t query_filter_since_us(const struct query_filter *filter); /* 0: open */
uint64_t query_filter_until_us(const struct query_filter *filter); /* 0: open; exclusive */

/* Does a good line pass? Only the fields that are asked for are looked at. A filter whose field
 * this kind of line does not have fails it (a status filter shows no connection lines). `clock` is
 * the caller's, one per thread. */
bool query_filter_match(const struct query_filter *filter, const struct log_line *line,
                        struct log_clock *clock);

/* Who made the status of an access line: the target when its status is the one that was sent, else
 * the load balancer [tool-rulings 19]. */
bool query_made_by_target(const struct log_line *line);
