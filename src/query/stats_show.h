/* SPDX-License-Identifier: Apache-2.0
 * What `openalb logs stats` shows: the tables of query/stats.h as one screen for a person or as one
 * JSON object for programs; two spans side by side. It reads the tables and counts nothing.
 *
 * Bytes of the log are made harmless here: escapes of the writer undone (log_unescape), then what
 * is not printable UTF-8 written as \xHH, on the terminal and in JSON alike. */
#pragma once

#include "query/stats.h"
#include "text/text.h"

#include <jansson.h>

/* What was summed up. */
struct stats_show {
    const struct stats_tables *tables; /* borrowed */
    const struct scan_counts *counts;  /* borrowed; NULL: nothing is said of files and lines */
    const char *name; /* borrowed: the span as the person wrote it; NULL: the times of its lines */
};

struct stats_show_options {
    bool ascii;   /* bars and sparklines of ASCII characters only */
    bool details; /* every target group, target and error: else the first ones, the rest counted */
    bool cut_short; /* the scan was ended early (a signal): said at the top */
};

/* Headings and aligned tables for a terminal of t->width columns: span and rate, lines, statuses,
 * latency, lists, errors with what to do; the time line where tables->bucket_count > 0. `options`
 * may be NULL. */
void stats_show_text(struct buf *out, const struct term *t, const struct stats_show *show,
                     const struct stats_show_options *options);

/* A against B, with the change, and `!` at what got worse (stats_worse_share, stats_worse_ms). */
void stats_compare_text(struct buf *out, const struct term *t, const struct stats_show *a,
                        const struct stats_show *b, const struct stats_show_options *options);

/* The rules of "worse". A share: at least 10 lines now, and twice the share of before or more (one
 * that was 0 counts). A p95 in milliseconds: 25 % and 5 ms more or more than that; both spans need
 * a value. */
bool stats_worse_share(uint64_t a, uint64_t of_a, uint64_t b, uint64_t of_b);
bool stats_worse_ms(const struct stats_values *a, const struct stats_values *b);

/* The same as JSON; a new reference. Every key is always there; what is not known is null.
 *
 *   {"kind": "stats", "schema": 1, "name": TEXT|null, "cut_short": BOOL,
 *    "requests": N, "first_time": ISO|null, "last_time": ISO|null, "span_s": X, "rate_per_s":
 * X|null, "received_bytes": N, "sent_bytes": N, "statuses": {"none": N, "1xx": N, ..., "5xx": N,
 * "other": N}, "made_by": {"target": N, "lb": N}, "matrix": [{"elb_status_code": N|null,
 * "target_status_code": N|null, "count": N}], "latency_ms": {"request_processing_time": VALUES,
 * "target_processing_time": VALUES, "response_processing_time": VALUES, "duration": VALUES},
 *    "target_groups": [{"target_group_arn": TEXT|null, "target_ip": TEXT|null,
 *                       "target_port": N|null, "requests": N, "statuses": {...},
 *                       "target_statuses": {...}, "received_bytes": N, "sent_bytes": N,
 *                       "latency_ms": {...}}],      target_ip null: the group's own row
 *    "target_groups_left_out": N, "coarse_values": N,
 *    "top": {"hosts": {"distinct": N, "exact": BOOL, "rows": [{"value": TEXT, "count": N,
 *            "error": N, "failed": N, "sent_bytes": N}]}, "paths": ..., "clients": ..., "agents":
 * ...}, "sets": {"types": [{"value": TEXT|null, "count": N}], "tls_versions": ..., ...}, "errors":
 * [{"kind": "status"|"target-status"|"error-reason"|"classification"|"tls"|"health"| "transform",
 * "word": TEXT, "count": N, "meaning": TEXT|null, "findings": [ID], "steps": [{"text": TEXT,
 * "command": TEXT|null}], "example_trace_id": TEXT|null}], "slowest": [{"time": ISO, "duration_ms":
 * N, "request_processing_time_ms": N|null, "target_processing_time_ms": N|null,
 * "response_processing_time_ms": N|null, "elb_status_code": N|null, "target_status_code": N|null,
 * "request_verb": TEXT|null, "request_url": TEXT|null, "client_ip": TEXT|null, "client_port":
 * N|null, "trace_id": TEXT|null}], "timeline": null | {"by_s": X, "buckets": [{"time": ISO,
 * "requests": N, "statuses": {...}, "received_bytes": N, "sent_bytes": N, "duration_ms": VALUES,
 *                 "target_processing_time_ms": VALUES}]},
 *    "connections": null | {"count": N, "with_tls": N, "failed": N, "handshake_ms": VALUES,
 *                 "listener_ports": [{"value": TEXT, "count": N}]},
 *    "health_checks": [{"target_group_id": TEXT|null, "target": TEXT|null, "passed": N, "failed":
 * N, "latency_ms": VALUES, "last_reason": TEXT|null}], "lines": null | {"files": N, "bytes": N,
 * "bytes_read": N, "lines": N, "passed": N, "good": {"access": N, "connection": N, "health-check":
 * N}, "damaged": {WORD: N, ...}, "new_fields": N, "foreign_files": N, "broken_files": N}}
 *
 * VALUES: {"count": N, "min": N|null, "p50": ..., "p90": ..., "p95": ..., "p99": ..., "max": ...,
 * "mean": X|null}, in milliseconds; all null when count is 0. Meanings and steps are in the current
 * language. Dump with JSON_REAL_PRECISION(15). */
json_t *stats_json(const struct stats_show *show, const struct stats_show_options *options);

/* {"kind": "compare", "schema": 1, "a": as above, "b": as above,
 *  "changes": [{"what": "requests"|"4xx"|"5xx"|"460"|..., "of": TEXT|null, "unit": "lines"|"ms",
 *               "a": N|null, "b": N|null, "worse": BOOL}]}; `of`: the target group or error. */
json_t *stats_compare_json(const struct stats_show *a, const struct stats_show *b,
                           const struct stats_show_options *options);
