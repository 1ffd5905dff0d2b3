/* SPDX-License-Identifier: Apache-2.0
 * Reading log lines back: where the fields of a line are, and what their text means. The fields
 * stand in the tables that the writer uses (access_fields.def, connection_fields.def,
 * health_fields.def). It is not the place of files, filters or sums: those are module `query`.
 *
 *     struct log_line line;
 *     if (log_line_split(text.p, text.n, &line) == LOG_FAULT_NONE && line.kind == LOG_ACCESS) {
 *         struct str status = log_line_field(&line, LOG_ACCESS_ELB_STATUS_CODE);
 *     }
 *
 * Nothing here allocates, and nothing is copied: all strings point into the line. Any bytes may be
 * given. The current version and all historical ones are read (17 to 36 fields); fields that are
 * newer than the tables are split too and stay nameless [ALB log 1.1]. */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/str.h"
#include "log/log.h"

/* ---- lines ---- */

enum log_kind { LOG_ACCESS, LOG_CONNECTION, LOG_HEALTH, LOG_KIND_COUNT };
const char *log_kind_word(enum log_kind kind); /* "access", "connection", "health-check" */

/* Numbers of the fields, from 0. */
enum {
#define FIELD(number, NAME, name, form, KIND, bytes, value, absent) LOG_ACCESS_##NAME,
#include "log/access_fields.def"
#undef FIELD
    LOG_ACCESS_FIELDS
};
enum {
#define FIELD(number, NAME, name, form, KIND, bytes, absent) LOG_CONNECTION_##NAME,
#include "log/connection_fields.def"
#undef FIELD
    LOG_CONNECTION_FIELDS
};
enum {
#define FIELD(number, NAME, name, form, KIND, bytes, absent) LOG_HEALTH_##NAME,
#include "log/health_fields.def"
#undef FIELD
    LOG_HEALTH_FIELDS
};

enum {
    LOG_FIELDS_MAX = 64, /* further ones are not split: the last one holds the rest of the line */
    LOG_READ_PAD = 64,   /* bytes behind a line that must be readable, whatever they hold */
};

/* Why a line cannot be used; the sentences stand in faults.def. */
enum log_fault {
    LOG_FAULT_NONE,
#define LOG_FAULT(NAME, word, sentence) LOG_FAULT_##NAME,
#include "log/faults.def"
#undef LOG_FAULT
    LOG_FAULT_COUNT
};
const char *log_fault_word(enum log_fault fault); /* "too-few-fields", for programs */
const char *log_fault_text(enum log_fault fault); /* message id */

/* Offsets only: 300 bytes, nothing is cleared between lines. */
struct log_line {
    const char *p; /* borrowed */
    uint32_t n;    /* without the line end */
    enum log_kind kind;
    uint32_t count;                     /* fields that were split */
    uint32_t begin[LOG_FIELDS_MAX + 1]; /* field i is [begin[i], begin[i + 1] - 1), quotes included;
                                            begin[count] is n + 1 */
};

/* Splits a line of `n` bytes (no line end in it; a '\r' at its end is dropped); LOG_READ_PAD bytes
 * behind it must be readable. A blank inside quotes separates nothing; `\"` is an escaped quote,
 * and where the line then fits no version, it is split again with `\` as an ordinary byte
 * [tool-rulings 18]. On a fault ret_line holds what was found so far: a damaged field holds the
 * rest of the line, and an empty line or one above LIMIT_LOG_READ_LINE_MAX has no field. The kind
 * is then a guess. Any number of threads. */
enum log_fault log_line_split(const char *p, size_t n, struct log_line *ret_line);

/* The field as it stands, without its quotes; empty if the line is too short for it. */
static inline struct str
log_line_raw(const struct log_line *l, unsigned field)
{
    if (field >= l->count) {
        return STR_NONE;
    }
    const char *p = l->p + l->begin[field];
    size_t n = l->begin[field + 1] - 1 - l->begin[field];
    bool quoted = n >= 2 && *p == '"' && p[n - 1] == '"'; /* damaged fields are not closed */
    return (struct str){p + quoted, n - 2 * (size_t)quoted};
}

/* The same; STR_NONE (p NULL) where it is absent: missing, "-" or empty. */
static inline struct str
log_line_field(const struct log_line *l, unsigned field)
{
    struct str s = log_line_raw(l, field);
    return s.n == 0 || (s.n == 1 && s.p[0] == '-') ? STR_NONE : s;
}

bool log_line_quoted(const struct log_line *l, unsigned field);

/* One row of the three tables. */
struct log_field {
    const char *name;   /* of the guide */
    const char *absent; /* when it is "-" */
    bool quoted;
    enum access_kind kind;
};
unsigned log_field_count(enum log_kind kind);
const struct log_field *log_field(enum log_kind kind, unsigned index); /* from 0 */

/* A file that is no ALB log: what it is instead, by its first lines; a message id ("These are lines
 * of a Classic Load Balancer, ..."), NULL if it may be one. */
const char *log_foreign(struct str first_lines);

/* ---- values ---- */

/* Remembers the last whole second that was read, so that lines of the same second cost nothing. */
struct log_clock {
    char text[20];
    uint64_t us;
};
/* ISO 8601 in UTC, 0 to 9 decimals, 'Z'; false otherwise. `memo` starts zeroed, one per thread. */
bool log_time(struct log_clock *memo, struct str text, uint64_t *ret_us);

/* Seconds with up to 9 decimals as microseconds, what is below them dropped; false for absent, -1
 * and what is no number. */
bool log_seconds(struct str text, uint64_t *ret_us);

/* A status of three digits (or another number up to 99999); 0 if absent or no number. */
unsigned log_status(struct str text);
/* A count; 0 if absent or no number. */
uint64_t log_number(struct str text);

/* "192.0.2.1:443", "2001:db8::7:50718", "[2001:db8::7]:50718": at the last colon. An address alone
 * and the ARN of a function have port 0; false for absent. The address is not examined, brackets
 * around it are dropped. */
bool log_peer(struct str text, struct str *ret_ip, uint16_t *ret_port);

/* The request field [ALB log 1.2]. Parts that are missing or "-" are STR_NONE; method and version
 * are STR_NONE for a malformed request. Its url keeps the dash behind the port ("http://h:80-"),
 * host and port do not. */
struct log_request {
    struct str verb;
    struct str url;     /* all between method and version, trailing blanks dropped */
    struct str version; /* "HTTP/1.1" */
    struct str scheme;  /* "https" */
    struct str host;    /* name or address, brackets kept; as sent */
    uint16_t port;      /* 0: not written */
    struct str path;    /* with its '/'; up to '?' */
    struct str query;   /* behind '?'; STR_NONE without one */
};
void log_request(struct str text, struct log_request *ret_request);

/* Undoes the writer's escapes: \xHH, \x000000HH and \" become bytes, all else stays. The long form
 * is taken for bytes that need an escape only; a NUL before "000022" and its like cannot be told
 * from it. The result may hold any bytes. */
void log_unescape(struct buf *out, struct str text);

/* ---- names of log files [ALB log 3, 4, 5] ---- */

/* What a key or a path tells: [BUCKET/][PREFIX/]AWSLogs/ACCOUNT/elasticloadbalancing/REGION/
 * yyyy/mm/dd/[conn_log_|health_check_log_]ACCOUNT_elasticloadbalancing_REGION_app.NAME.ID_END_NODE_
 * RANDOM.log[.gz]. The name alone is enough. Parts point into the path. */
struct log_object {
    enum log_kind kind;
    bool test_file;  /* ELBAccessLogTestFile and its like: holds no lines; nothing else is set */
    bool compressed; /* .gz */
    struct str account, region, elb_dotted; /* "app.NAME.ID" */
    uint64_t end_us;                        /* of the interval; lines are not later */
    struct str node, random;
    struct str prefix; /* before AWSLogs/; STR_NONE if that is not in the path */
};
/* False: it is no such name; it may be a log all the same. */
bool log_object_parse(struct str path, struct log_object *ret_object);
