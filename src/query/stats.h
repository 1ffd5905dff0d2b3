/* SPDX-License-Identifier: Apache-2.0
 * Sums over log lines: a state that takes lines at memory speed, can be split over threads and
 * joined, and ends in plain tables that the terminal, JSON and tests read. Its memory is bounded by
 * the limits STATS_*, whatever is read. It prints nothing (stats_text.c, stats_json.c do).
 *
 *     struct stats *stats = stats_new(&options);
 *     struct scan_sink sink = stats_sink;
 *     err = scan_run(&files, &scan, &sink, stats, &counts, &problem);
 *     const struct stats_tables *t = stats_finish(stats);
 *     ...
 *     stats_free(&stats);
 *
 * Percentiles are nearest-rank over values cut to whole milliseconds: exact below 2.048 s, at most
 * 0.4 % too high or too low above [tool-rulings 19]. -1 and absent values are left out. */
#pragma once

#include "query/scan.h"

struct stats;

struct stats_options {
    uint64_t by_us;   /* width of a time line's bucket; 0: no time line. Doubled until the line has
                         at most LIMIT_STATS_BUCKETS buckets */
    unsigned top;     /* rows of each top list; 0: 10; at most LIMIT_STATS_ROWS */
    unsigned slowest; /* the same */
};

struct stats *stats_new(const struct stats_options *options);
void stats_free(struct stats **stats);
extern const struct scan_sink stats_sink; /* for scan_run with a `struct stats *` as state */

/* ---- the tables ---- */

/* Milliseconds; all 0 when count is 0. */
struct stats_values {
    uint64_t count;
    uint64_t min, p50, p90, p95, p99, max;
    double mean; /* of the values as written, in milliseconds */
};
enum stats_leg { STATS_REQUEST, STATS_TARGET, STATS_RESPONSE, STATS_DURATION, STATS_LEG_COUNT };
const char *stats_leg_word(enum stats_leg leg); /* "request_processing_time", ..., "duration" */

/* Of statuses: 0: none ("-"), 1-5: by the first digit, 6: all else. */
enum { STATS_CLASSES = 7 };

struct stats_status {     /* the matrix: what was sent against what the target said */
    unsigned elb, target; /* 0: "-" */
    uint64_t count;
};

/* A row of a top list. Exact up to LIMIT_STATS_KEYS different keys; with more of them counts are at
 * most `error` too low. Keys are cut to LIMIT_STATS_KEY_BYTES. */
struct stats_row {
    struct str key; /* bytes of the log, not unescaped */
    uint64_t count, error;
    uint64_t failed; /* of these, elb status 5xx */
    uint64_t sent_bytes;
};
struct stats_top {
    const struct stats_row *rows; /* by count, then by key */
    size_t count;
    uint64_t distinct; /* different keys; exact if `exact`, else at least */
    bool exact;
};
enum stats_list {
    STATS_HOSTS,   /* of the URL, else SNI name */
    STATS_PATHS,   /* folded, see stats_fold_path */
    STATS_CLIENTS, /* addresses */
    STATS_AGENTS,
    STATS_LIST_COUNT
};
const char *stats_list_word(enum stats_list list); /* "hosts" */

/* Requests of a target group or a target, and where their time went. A group's own row sums up all
 * of its requests, those that no target took included; the rows of its targets follow it. */
struct stats_group {
    struct str target_group; /* ARN; empty: requests that were forwarded to no group */
    struct str target;       /* "10.0.0.1:80"; empty: the group's own row */
    uint64_t requests;
    uint64_t classes[STATS_CLASSES];        /* of the status sent */
    uint64_t target_classes[STATS_CLASSES]; /* of the target's status */
    uint64_t received_bytes, sent_bytes;
    struct stats_values legs[STATS_LEG_COUNT];
};

/* What went wrong, by kind; explained by the caller (explain/explain.h). */
enum stats_error_kind {
    STATS_ERROR_STATUS,         /* 4xx, 5xx and 460.. that the load balancer made */
    STATS_ERROR_TARGET_STATUS,  /* 5xx that a target made */
    STATS_ERROR_REASON,         /* error_reason */
    STATS_ERROR_CLASSIFICATION, /* classification_reason */
    STATS_ERROR_TLS,            /* connection log: Failed:CODE */
    STATS_ERROR_HEALTH,         /* health check log: reason_code */
    STATS_ERROR_TRANSFORM,      /* request_transform_status that is no success */
    STATS_ERROR_KIND_COUNT
};
struct stats_error {
    enum stats_error_kind kind;
    struct str word; /* "502", "LambdaThrottling", "ClientCertExpired" */
    uint64_t count;
    struct str example_trace; /* trace id (connection log: TID_...) of one of them; may be empty */
};

/* Small sets: types, TLS versions, ciphers, actions. "-" counts those without; after
 * LIMIT_STATS_WORDS words of a set (or of a kind of errors) all new ones count as "(other)". */
struct stats_count {
    struct str word;
    uint64_t count;
};
enum stats_set {
    STATS_TYPES,     /* http, https, h2, ... */
    STATS_PROTOCOLS, /* TLSv1.3; "-" */
    STATS_CIPHERS,
    STATS_VERBS,
    STATS_VERSIONS,             /* HTTP/1.1 */
    STATS_ACTIONS,              /* "waf,forward" */
    STATS_BALANCERS,            /* app/NAME/ID */
    STATS_KEY_EXCHANGES,        /* connection log */
    STATS_VERIFY,               /* connection log: tls_verify_status */
    STATS_CONNECTION_PROTOCOLS, /* connection log: tls_protocol; "-" */
    STATS_CONNECTION_CIPHERS,
    STATS_SET_COUNT
};
const char *stats_set_word(enum stats_set set); /* "tls_versions" */

struct stats_slow {
    uint64_t duration_ms, time_us;
    uint64_t legs_ms[3];               /* request, target, response; UINT64_MAX: absent */
    unsigned elb, target;              /* statuses */
    struct str verb, url, peer, trace; /* url cut to LIMIT_STATS_KEY_BYTES */
};

struct stats_bucket {
    uint64_t from_us;
    uint64_t requests; /* access lines */
    uint64_t classes[STATS_CLASSES];
    uint64_t received_bytes, sent_bytes;
    struct stats_values duration, target_time;
};

/* Connections and health checks, where such lines were among the input. */
struct stats_connections {
    uint64_t count, with_tls, failed; /* failed: Failed:CODE, or no protocol on a line of a
                                         TLS listener */
    struct stats_values handshake;
    const struct stats_count *listener_ports;
    size_t listener_port_count;
};
struct stats_checked { /* a target of the health check log */
    struct str target_group, target;
    uint64_t passed, failed;
    struct stats_values latency;
    struct str last_reason;
};

struct stats_tables {
    uint64_t requests;          /* access lines */
    uint64_t first_us, last_us; /* earliest and latest time stamp; 0: no line */
    uint64_t received_bytes, sent_bytes;
    uint64_t classes[STATS_CLASSES];
    uint64_t made_by_target, made_by_lb;
    const struct stats_status *matrix; /* by count */
    size_t matrix_count;
    uint64_t matrix_left_out; /* requests of pairs that came after LIMIT_STATS_WORDS */
    struct stats_values legs[STATS_LEG_COUNT]; /* of all access lines */
    const struct stats_group *groups;          /* by requests; behind each group its targets */
    size_t group_count;
    uint64_t coarse_values;   /* values of times that came after LIMIT_STATS_PAGES: they are right
                                 to a factor of two only */
    uint64_t groups_left_out; /* requests whose group or target came after LIMIT_STATS_GROUPS */
    struct stats_top lists[STATS_LIST_COUNT];
    const struct stats_count *sets[STATS_SET_COUNT]; /* by count */
    size_t set_count[STATS_SET_COUNT];
    const struct stats_error *errors; /* by kind, then by count */
    size_t error_count;
    const struct stats_slow *slowest; /* slowest first */
    size_t slowest_count;
    const struct stats_bucket *buckets; /* by time, without holes */
    size_t bucket_count;
    uint64_t by_us; /* width in the end */
    struct stats_connections connections;
    const struct stats_checked *checked; /* by failures, then by name */
    size_t checked_count;
    uint64_t checks_left_out; /* checks of targets that came after LIMIT_STATS_GROUPS */
};
/* Sorts and sums up; the tables live as long as `stats`, which takes no more lines after. */
const struct stats_tables *stats_finish(struct stats *stats);

/* Folds a path as the lists do, for SQL and filters: in each segment (between slashes) the part
 * before its first dot becomes "*" when it is all digits, or hex digits (8 or more of them, one or
 * more a decimal digit), or a UUID (8-4-4-4-12 hex digits, one or more a decimal digit); a dot
 * behind it must be followed by a letter: "/user/123/a" -> "/user/" "*" "/a", "/img/a1b2c3d4.png"
 * -> "/img/" "*.png"; "/v2/x", "/item-7" and "/1.2.3" stay. At most the length of the path. */
void stats_fold_path(struct out *o, struct str path);
