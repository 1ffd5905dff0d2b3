/* SPDX-License-Identifier: Apache-2.0
 * Access logs: the line, the spool, the delivery. One field table (access_fields.def) is shared by
 * the writer here and the reader to come.
 *
 * Life of a record: the proxy fills a `struct access_record` when a response has ended;
 * access_line() formats it; log_spool_append() copies it into a buffer in shared memory that the
 * supervisor owns; the buffer is written to a file in the spool when it is full or a second old;
 * the shipper delivers files that are complete to the bucket, gzip-compressed, and deletes them
 * after. */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/model.h"
#include "state/board.h"
#include "state/end.h"

/* ---- the line ---- */
struct access_record {
    struct str type;           /* "http", "https", later "h2", "ws", ... */
    uint64_t time_wall_us;     /* response generated */
    uint64_t creation_wall_us; /* request received */
    struct str elb;            /* "app/NAME/ID" */
    struct addr client;
    const struct addr *target;                  /* NULL: "-" */
    int64_t request_us, target_us, response_us; /* processing times; negative: -1 */
    unsigned elb_status;                        /* 0: "-" */
    unsigned target_status;                     /* 0: "-" */
    uint64_t received_bytes, sent_bytes;
    /* the request field: method empty means malformed: "- scheme://host:port- -" */
    struct str method, scheme, host, uri,
        version;   /* host: name only; uri as sent: path and query */
    uint16_t port; /* written in the URL */
    struct str user_agent;
    struct str ssl_cipher, ssl_protocol;
    struct str target_group_arn;
    struct str trace_id; /* value of X-Amzn-Trace-Id */
    struct str domain_name, certificate_arn;
    int32_t rule_priority; /* LOG_PRIORITY_NONE: "-" */
    struct str actions;    /* "forward" */
    struct str redirect_url;
    struct str error_reason;
    struct str classification, classification_reason;
    uint8_t conn_trace_id[16]; /* written as TID_ + 32 hex */
    struct str transformed_host, transformed_uri, transform_status;
    struct addr node; /* local address of the connection */
};
enum { LOG_PRIORITY_NONE = INT32_MIN, LOG_PRIORITY_DEFAULT = 0 };
/* Empty strings are written as "-". One line with '\n'; fields are cut so that it always fits in
 * LIMIT_LOG_LINE_MAX. With less room than that the line is written whole or not at all (o->full).
 */
void access_line(struct out *o, const struct access_record *r);
/* `"`, `\`, control bytes and bytes >= 0x7f as \xHH, upper-case hex [ALB log 1.2]. */
void out_log_escaped(struct out *o, struct str s);

/* The rows of access_fields.def. */
enum access_kind {
    ACCESS_WORD,     /* text without blanks */
    ACCESS_TEXT,     /* text with blanks */
    ACCESS_TIME,     /* ISO 8601, UTC, microseconds */
    ACCESS_TIME_MS,  /* the same, the last three digits are zeros */
    ACCESS_PEER,     /* address:port, IPv6 without brackets */
    ACCESS_TARGET,   /* the same, or "-" */
    ACCESS_SECONDS,  /* three decimals, or -1 */
    ACCESS_STATUS,   /* a number, or "-" */
    ACCESS_COUNT,    /* a number */
    ACCESS_REQUEST,  /* METHOD scheme://host:port/uri VERSION */
    ACCESS_PRIORITY, /* -1, 0, 1 - 50000, or "-" */
    ACCESS_TID,      /* TID_ and 32 hex digits */
    ACCESS_ADDRESS,
};
enum access_form { ACCESS_BARE, ACCESS_QUOTED };
enum { ACCESS_FIELD_COUNT = 34 };
struct access_field {
    const char *name;   /* of the guide: "client:port" */
    const char *absent; /* when it is "-" */
    bool quoted;
    enum access_kind kind;
    uint32_t bytes_max; /* as written, quotes not counted */
};
const struct access_field *access_field(unsigned number); /* 1 - ACCESS_FIELD_COUNT */

/* ---- the spool, worker side ---- */
/* Load balancers that can log: their slots are 0 .. LOG_SLOTS - 1. */
enum { LOG_SLOTS = LIMIT_LOAD_BALANCERS_MAX };

/* Shared memory for one worker's buffers, made by the supervisor. */
enum err log_region_create(int *ret_fd, struct errinfo *reterr) MUST_USE;
size_t log_region_bytes(void);

struct log_spool;
struct log_spool_env {
    int region_fd;   /* of log_region_create */
    int spool_dirfd; /* STATE/spool */
    unsigned worker; /* index */
    uint32_t generation;
    uint32_t interval_s; /* 300; 1 to 86400, best a divisor of a day */
    const char *account, *region;
    struct board_worker *row; /* may be NULL; log_recovered and log_lost are kept up to date */
};
/* Maps the region and first writes to disk what a dead predecessor left in it. */
enum err log_spool_open(const struct log_spool_env *env, uint64_t wall_us,
                        struct log_spool **ret_spool, struct errinfo *reterr) MUST_USE;
/* New configuration: which load balancers log where (by slot). Completes files of removed ones; the
 * requests that they still have in flight are logged to where they began. */
void log_spool_configure(struct log_spool *s, const struct model *m);
/* Appends a finished line of a load balancer; node: address that accepted. Never blocks longer than
 * one write(2) of a full buffer; false: the record is lost (disk full, ...), which is counted, or
 * the load balancer does not log, which is not. */
bool log_spool_append(struct log_spool *s, uint32_t lb_slot, const struct addr *node,
                      struct str line, uint64_t wall_us);
/* Takes back the last line that was appended for this load balancer, of n bytes. Only with nothing
 * appended and no tick in between: what it announced did not happen after all. */
void log_spool_retract(struct log_spool *s, uint32_t lb_slot, size_t n);
/* True when this load balancer logs: skip the formatting otherwise. */
bool log_spool_wanted(const struct log_spool *s, uint32_t lb_slot);
/* Call at least every 500 ms: writes buffers older than 1 s, completes files whose interval is
 * over. */
void log_spool_tick(struct log_spool *s, uint64_t wall_us);
uint64_t log_spool_lost(const struct log_spool *s);
/* Writes all, completes all files. */
void log_spool_close(struct log_spool **s);

/* ---- the shipper ---- */
struct ship_env {
    int spool_dirfd;
    int bucket_dirfd;      /* STATE/s3: directory buckets */
    const int *region_fds; /* of every worker: names of open files, lines of dead workers */
    unsigned workers;
    struct board *board;      /* counts what is lost: this is the only writer */
    uint64_t spool_bytes_max; /* LIMIT_SPOOL_BYTES_MAX */
};
struct ship_result {
    unsigned delivered, failed, dropped; /* files */
    uint64_t bytes;                      /* of lines delivered, before gzip */
    struct errinfo problem;              /* of the first failure; empty when failed is 0 */
};
/* One pass: delivers every complete file, oldest first. Complete is FILE.log, and an open file that
 * no region names. final: all workers are dead; what they left in memory is written first and
 * everything counts as complete. Blocks; safe to repeat at any point. */
void ship_pass(const struct ship_env *env, bool final, struct ship_result *ret_result);

/* Control: makes the directory bucket if its name is legal [S3 naming] and writes the test object
 * [prefix/]AWSLogs/ACCOUNT/ELBAccessLogTestFile. ERR_DENIED with ALB's text
 * "Access Denied for bucket: B. Please check S3bucket permission" when it cannot be written. */
enum err log_bucket_test(int bucket_dirfd, const struct log_destination *destination,
                         struct str account, struct errinfo *reterr) MUST_USE;
bool log_bucket_name_legal(struct str name);
/* Letters, digits, ".-_/", no slash at the ends, no "AWSLogs", no empty, "." or ".." folder; may be
 * empty. */
bool log_prefix_legal(struct str prefix);
