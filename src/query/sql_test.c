/* SPDX-License-Identifier: Apache-2.0
 * Tests of SQL over logs: rows and types, narrowing that changes no answer, joins, percentiles
 * against a plain sort, what is refused, what is printed. */
#include "query/sql_int.h"

#include "base/clock.h"
#include "base/rand.h"
#include "query/test_folder.h"

#include <inttypes.h>
#include <stdlib.h>

static const uint64_t second = 1000000;
static const uint64_t day0 = UINT64_C(1790121600) * 1000000; /* 2026-09-23T00:00:00Z */

/* ---- lines ---- */

static void
add_time(struct buf *out, uint64_t us)
{
    char text[40];
    struct out o = out_of(text, sizeof(text));
    out_iso8601(&o, us, false);
    buf_add_str(out, str_span(text, o.p));
}

/* The current shape; `elb` and `target` 0: "-". */
static void
add_access(struct buf *out, uint64_t us, unsigned elb, unsigned target, const char *target_time,
           const char *path, unsigned connection)
{
    buf_add_z(out, "https ");
    add_time(out, us);
    buf_addf(out, " app/edge/0a1b2c3d4e5f6071 2001:db8::7:50112 %s 0.001 %s 0.000 ",
             target == 0 ? "-" : "10.0.0.1:8443", target_time);
    buf_addf(out, elb == 0 ? "- " : "%u ", elb);
    buf_addf(out, target == 0 ? "- " : "%u ", target);
    buf_addf(out,
             "512 1024 \"GET https://shop.example:443%s HTTP/2.0\" \"Agent \\x22x\\x22\" "
             "TLS_AES_128_GCM_SHA256 TLSv1.3 arn:aws:elasticloadbalancing:eu-central-1:1:"
             "targetgroup/web/9 \"Root=1-2-3\" \"shop.example\" \"arn:c\" 10 ",
             path);
    add_time(out, us - second / 2);
    buf_addf(out,
             " \"forward\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" TID_%032x \"-\" \"-\" \"-\" "
             "203.0.113.9 \"new\"\n",
             connection);
}

static void
add_connection(struct buf *out, uint64_t us, unsigned connection)
{
    add_time(out, us);
    buf_addf(out,
             " 192.0.2.1 50112 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.021 \"-\" - - Success "
             "TID_%032x X25519\n",
             connection);
}

static const char health[] =
    "http 2026-09-23T11:00:00.000000Z 0.003271000 10.0.0.1:80 web FAIL 503 "
    "TargetError\n";

/* ---- answers ---- */

static void
add_value(struct buf *out, const struct sql_value *v)
{
    switch (v->type) {
    case SQL_NULL: buf_add_z(out, "null"); return;
    case SQL_INTEGER: buf_addf(out, "%" PRId64, v->integer); return;
    case SQL_REAL: buf_addf(out, "%.9g", v->real); return;
    case SQL_TEXT:
    case SQL_BLOB: buf_add_str(out, v->text); return;
    }
}

static bool
take_begin(void *state, const char *const *names, size_t count)
{
    (void)state;
    (void)names;
    return count > 0;
}

static bool
take_row(void *state, const struct sql_value *values, size_t count)
{
    struct buf *out = state;
    for (size_t i = 0; i < count; i++) {
        add_value(out, &values[i]);
        buf_add_char(out, i + 1 < count ? '|' : '\n');
    }
    return true;
}

static bool
take_end(void *state)
{
    (void)state;
    return true;
}

static const struct sql_sink take = {take_begin, take_row, take_end};

static struct sql *
open_at(const char *path, struct sql_options options)
{
    struct str paths[] = {str_of(path)};
    struct errinfo problem = {{0}};
    struct sql *sql = NULL;
    options.paths = paths;
    options.path_count = 1;
    CHECK_INT(sql_open(&options, &sql, &problem), ERR_OK);
    CHECK_STR(str_of(problem.text), "");
    return sql;
}

static enum err
ask(struct sql *sql, const char *text, struct buf *answer, struct errinfo *problem)
{
    problem->text[0] = '\0';
    buf_reset(answer);
    return sql_run(sql, str_of(text), &take, answer, problem);
}

/* One value or several rows: "1|a\n2|b\n". */
#define CHECK_ANSWER(sql, query, expected)                                                         \
    do {                                                                                           \
        AUTO(buf_free) struct buf answer_ = {0};                                                   \
        struct errinfo problem_;                                                                   \
        CHECK_INT(ask((sql), (query), &answer_, &problem_), ERR_OK);                               \
        CHECK_STR(str_of(problem_.text), "");                                                      \
        CHECK_STR(buf_str(&answer_), (expected));                                                  \
    } while (0)

/* ---- rows ---- */

static void
write_small(void)
{
    AUTO(buf_free) struct buf text = {0};
    add_access(&text, day0 + 5 * second, 200, 200, "0.037", "/user/123/cart", 1);
    buf_add_z(&text, "this line is damaged\n\n");
    add_access(&text, day0 + 6 * second, 502, 0, "-1", "/", 2);
    add_connection(&text, day0 + 4 * second, 1);
    buf_add_z(&text, health);
    test_folder();
    test_write("all.log", buf_str(&text));
}

TEST("each log is a table of its good lines, with types and nulls")
{
    write_small();
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    CHECK_ANSWER(sql, "SELECT count(*) FROM access_log", "2\n");
    CHECK_ANSWER(sql, "SELECT count(*) FROM connection_log", "1\n");
    CHECK_ANSWER(sql, "SELECT count(*) FROM health_check_log", "1\n");
    CHECK_ANSWER(sql,
                 "SELECT time, client_ip, client_port, target_ip, target_port, elb_status_code, "
                 "target_status_code, target_processing_time, user_agent, made_by, host, path, "
                 "duration FROM access_log",
                 "2026-09-23T00:00:05.000000Z|2001:db8::7|50112|10.0.0.1|8443|200|200|0.037|"
                 "Agent \"x\"|target|shop.example|/user/123/cart|0.5\n"
                 "2026-09-23T00:00:06.000000Z|2001:db8::7|50112|null|null|502|null|null|"
                 "Agent \"x\"|lb|shop.example|/|0.5\n");
    CHECK_ANSWER(sql,
                 "SELECT typeof(time), typeof(client_port), typeof(duration), typeof(error_reason) "
                 "FROM access_log LIMIT 1",
                 "text|integer|real|null\n");
    CHECK_ANSWER(sql, "SELECT log_line, log_file LIKE '%/all.log' FROM access_log", "1|1\n4|1\n");
    CHECK_ANSWER(sql, "SELECT timestamp, listener_port, tls_handshake_latency FROM connection_log",
                 "2026-09-23T00:00:04.000000Z|443|0.021\n");
    CHECK_ANSWER(sql, "SELECT status, status_code, latency, reason_code FROM health_check_log",
                 "FAIL|503|0.003271|TargetError\n");
    CHECK_INT(sql_counts(sql)->damaged[LOG_FAULT_NOT_ALB] +
                  sql_counts(sql)->damaged[LOG_FAULT_TOO_FEW_FIELDS],
              1);
    CHECK_INT(sql_counts(sql)->lines, 5);
    CHECK_INT(sql_counts(sql)->files, 1);
    CHECK_INT(sql_counts(sql)->new_fields, 2);
    sql_close(&sql);
    CHECK(sql == NULL);
}

TEST("times have six decimals, however the line writes them")
{
    test_folder();
    test_write("a.log", STR("http 2026-09-23T00:00:05Z app/e/0 192.0.2.1:5 - -1 -1 -1 301 - 1 2 "
                            "\"GET http://h:80/ HTTP/1.1\" \"-\" - - -\n"));
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    CHECK_ANSWER(sql, "SELECT time, trace_id FROM access_log WHERE time > '2026-09-23T00:00:05'",
                 "2026-09-23T00:00:05.000000Z|null\n");
    sql_close(&sql);
}

TEST("lines that fail the filter of the command line are no rows")
{
    write_small();
    struct query_filter *filter = query_filter_new();
    struct errinfo problem;
    CHECK_INT(query_filter_set(filter, STR("status"), STR("5xx"), 0, &problem), ERR_OK);
    struct sql *sql = open_at(test_root, (struct sql_options){.filter = filter});
    CHECK_ANSWER(sql, "SELECT elb_status_code FROM access_log", "502\n");
    CHECK_ANSWER(sql, "SELECT elb_status_code FROM access_log WHERE +elb_status_code < 500", "");
    sql_close(&sql);
    query_filter_free(&filter);
}

/* ---- narrowing ---- */

enum { DAYS = 6, FILES_A_DAY = 4, LINES_A_FILE = 60 };

/* Files in the load balancer's layout, 6 hours each, with lines at random times in them. */
static void
write_days(struct rand *random)
{
    static const unsigned statuses[] = {0, 200, 200, 200, 301, 404, 460, 500, 502, 503, 504};
    test_folder();
    for (unsigned i = 0; i < DAYS * FILES_A_DAY; i++) {
        AUTO(buf_free) struct buf text = {0};
        uint64_t from = day0 + i * 21600 * second;
        struct civil end = clock_civil(from + 21600 * second);
        for (unsigned k = 0; k < LINES_A_FILE; k++) {
            unsigned elb = statuses[rand_below(random, COUNT_OF(statuses))];
            char time[16];
            (void)snprintf(time, sizeof(time), "0.%03u", (unsigned)rand_below(random, 1000));
            add_access(&text, from + rand_below(random, 21600) * second, elb,
                       rand_below(random, 2) == 0 ? 0 : statuses[rand_below(random, 11)], time,
                       "/x", (unsigned)rand_below(random, 1000));
        }
        AUTO(xfree_ptr)
        char *name =
            xprintf("1_elasticloadbalancing_eu-central-1_app.edge.0a1b2c3d4e5f6071_"
                    "%04d%02d%02dT%02d%02dZ_10.0.0.1_abcd%04u.log%s",
                    end.year, end.month, end.day, end.hour, end.minute, i, i % 2 == 0 ? ".gz" : "");
        AUTO(xfree_ptr) char *named = xprintf("000000000001%s", name + 1);
        (i % 2 == 0 ? test_write_gzip : test_write)(named, buf_str(&text));
    }
}

static void
add_moment(struct buf *out, struct rand *random)
{
    static const unsigned char lengths[] = {0, 3, 4, 7, 9, 10, 13, 16, 19, 20, 26, 27};
    AUTO(buf_free) struct buf time = {0};
    add_time(&time, day0 - 86400 * second + rand_below(random, (DAYS + 2) * 86400) * second);
    size_t n = lengths[rand_below(random, COUNT_OF(lengths))];
    buf_addf(out, "'%.*s%s'", (int)n, time.p, rand_below(random, 10) == 0 ? "x" : "");
}

static void
add_number(struct buf *out, struct rand *random)
{
    static const char *const values[] = {"200",  "301", "404.0", "460",   "500",   "502.5", "'503'",
                                         "NULL", "-1",  "9e99",  "x'35'", "'abc'", "504"};
    buf_add_z(out, values[rand_below(random, COUNT_OF(values))]);
}

/* One condition on `column`, which is written with `plus` before it. */
static void
add_condition(struct buf *out, struct rand *random, const char *plus)
{
    static const char *const ops[] = {"=", "<", "<=", ">", ">=", "BETWEEN", "IN", "<>", "IS"};
    static const char *const columns[] = {"time", "elb_status_code", "target_status_code", "time"};
    size_t column = rand_below(random, COUNT_OF(columns));
    const char *op = ops[rand_below(random, COUNT_OF(ops))];
    void (*value)(struct buf *, struct rand *) =
        column == 0 || column == 3 ? add_moment : add_number;
    if (rand_below(random, 20) == 0) {
        value = value == add_moment ? add_number : add_moment; /* of the other type */
    }
    buf_addf(out, "%s%s %s ", plus, columns[column], op);
    if (strcmp(op, "IN") == 0) {
        buf_add_char(out, '(');
        value(out, random);
        buf_add_z(out, ", ");
        value(out, random);
        buf_add_z(out, ", ");
        value(out, random);
        buf_add_char(out, ')');
        return;
    }
    value(out, random);
    if (strcmp(op, "BETWEEN") == 0) {
        buf_add_z(out, " AND ");
        value(out, random);
    }
}

static void
add_where(struct buf *out, struct rand *random, const char *plus)
{
    size_t n = 1 + rand_below(random, 3);
    for (size_t i = 0; i < n; i++) {
        buf_add_z(out, i == 0 ? "" : rand_below(random, 5) == 0 ? " OR " : " AND ");
        buf_add_z(out, rand_below(random, 10) == 0 ? "NOT " : "");
        add_condition(out, random, plus);
    }
}

TEST("conditions that narrow give the same rows as without narrowing")
{
    struct rand random;
    rand_seed(&random, 5);
    write_days(&random);
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    AUTO(buf_free) struct buf narrow = {0};
    AUTO(buf_free) struct buf wide = {0};
    AUTO(buf_free) struct buf answer = {0};
    AUTO(buf_free) struct buf expected = {0};
    unsigned with_rows = 0;
    for (unsigned i = 0; i < 400; i++) {
        struct rand again = random;
        struct errinfo problem;
        const char *select =
            "SELECT time, elb_status_code, log_file, log_line FROM access_log WHERE ";
        buf_reset(&narrow);
        buf_reset(&wide);
        buf_add_z(&narrow, select);
        add_where(&narrow, &random, "");
        buf_add_z(&wide, select);
        add_where(&wide, &again, "+");
        /* `+` also takes the column's affinity away: then the plain one is the reference only where
         * both sides have one type. A cast keeps it. */
        buf_reset(&expected);
        AUTO(buf_free) struct buf cast = {0};
        struct str rest = buf_str(&wide);
        size_t at;
        while (str_find_char(rest, '+', &at)) {
            buf_add_str(&cast, str_sub(rest, 0, at));
            rest = str_sub(rest, at + 1, rest.n);
            size_t end = 0;
            (void)str_find_char(rest, ' ', &end);
            bool time = str_starts(rest, STR("time"));
            buf_addf(&cast, "CAST(+%.*s AS %s)", (int)end, rest.p, time ? "TEXT" : "INTEGER");
            rest = str_sub(rest, end, rest.n);
        }
        buf_add_str(&cast, rest);
        CHECK_INT(ask(sql, narrow.p, &answer, &problem), ERR_OK);
        CHECK_INT(ask(sql, cast.p, &expected, &problem), ERR_OK);
        CHECK_STR(str_of(problem.text), "");
        with_rows += answer.n > 0;
        if (!str_eq(buf_str(&answer), buf_str(&expected))) {
            test_failed(__FILE__, __LINE__, "%s gives other rows than %s", narrow.p, cast.p);
        }
    }
    CHECK(with_rows > 100);
    sql_close(&sql);
}

TEST("a condition on time leaves files out by their names")
{
    struct rand random;
    rand_seed(&random, 6);
    write_days(&random);
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    AUTO(buf_free) struct buf answer = {0};
    struct errinfo problem;
    CHECK_INT(
        ask(sql, "SELECT count(*) FROM access_log WHERE time < '2026-09-23T03'", &answer, &problem),
        ERR_OK);
    uint64_t files = sql_counts(sql)->files;
    CHECK(files >= 1);
    CHECK(files <= 3);
    CHECK_ANSWER(sql, "SELECT count(*) FROM access_log WHERE +time < '2026-10'", "1440\n");
    CHECK_INT(sql_counts(sql)->files, DAYS * FILES_A_DAY);
    CHECK_INT(sql_counts(sql)->lines, DAYS * FILES_A_DAY * LINES_A_FILE); /* each file once */
    CHECK_ANSWER(sql, "SELECT count(*) FROM connection_log", "0\n");
    sql_close(&sql);
}

TEST("EXPLAIN QUERY PLAN shows what narrows")
{
    write_small();
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    AUTO(buf_free) struct buf answer = {0};
    struct errinfo problem;
    CHECK_INT(ask(sql,
                  "EXPLAIN QUERY PLAN SELECT 1 FROM access_log WHERE time >= '2026' AND "
                  "elb_status_code IN (502, 503) AND path = '/'",
                  &answer, &problem),
              ERR_OK);
    CHECK(str_find(buf_str(&answer), STR(":time>= elb_status_code="), NULL) ||
          str_find(buf_str(&answer), STR(":elb_status_code= time>="), NULL));
    CHECK_INT(ask(sql, "EXPLAIN QUERY PLAN SELECT 1 FROM access_log WHERE +time >= '2026'", &answer,
                  &problem),
              ERR_OK);
    CHECK(!str_find(buf_str(&answer), STR("time>="), NULL));
    CHECK_INT(ask(sql,
                  "EXPLAIN QUERY PLAN SELECT 1 FROM access_log WHERE time = 'x' COLLATE NOCASE",
                  &answer, &problem),
              ERR_OK);
    CHECK(!str_find(buf_str(&answer), STR("time="), NULL));
    sql_close(&sql);
}

/* ---- joins ---- */

TEST("a join reads each log a few times, however many rows it has")
{
    enum { ROWS = 3000 };
    AUTO(buf_free) struct buf text = {.max = 64 << 20};
    for (unsigned i = 0; i < ROWS; i++) {
        add_access(&text, day0 + i * second, i % 7 == 0 ? 502 : 200, 200, "0.001", "/x", i % 500);
        add_connection(&text, day0 + i * second, i % 400);
    }
    test_folder();
    test_write("all.log", buf_str(&text));
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    /* Each of 2,400 requests of the 400 connections meets 7 or 8 lines of its own. */
    const char *joined = "SELECT count(*), sum(a.client_port = c.client_port), min(c.timestamp), "
                         "max(a.time) FROM access_log a JOIN connection_log c "
                         "ON a.conn_trace_id = c.conn_trace_id";
    const char *plain = "WITH x AS MATERIALIZED (SELECT conn_trace_id, client_port, timestamp FROM "
                        "connection_log) SELECT count(*), sum(a.client_port = c.client_port), "
                        "min(c.timestamp), max(a.time) FROM access_log a JOIN x c ON "
                        "a.conn_trace_id = c.conn_trace_id";
    AUTO(buf_free) struct buf answer = {0};
    AUTO(buf_free) struct buf expected = {0};
    struct errinfo problem;
    uint64_t before = clock_mono_us();
    CHECK_INT(ask(sql, joined, &answer, &problem), ERR_OK);
    CHECK(clock_mono_us() - before < 30 * second); /* without the store: minutes */
    CHECK_INT(ask(sql, plain, &expected, &problem), ERR_OK);
    CHECK(str_eq(buf_str(&answer), buf_str(&expected)));
    CHECK_ANSWER(sql,
                 "SELECT count(*) FROM access_log a JOIN connection_log c USING (conn_trace_id)",
                 "18000\n");
    CHECK_ANSWER(sql,
                 "SELECT count(*), count(c.timestamp) FROM access_log a LEFT JOIN connection_log c "
                 "ON a.conn_trace_id = c.conn_trace_id AND c.timestamp < '2026-09-23T00:00:10'",
                 "3000|60\n");
    CHECK_ANSWER(sql,
                 "SELECT count(*) FROM access_log a WHERE EXISTS (SELECT 1 FROM connection_log c "
                 "WHERE c.conn_trace_id = a.conn_trace_id)",
                 "2400\n");
    CHECK_ANSWER(
        sql,
        "SELECT count(*) FROM access_log WHERE conn_trace_id IN (SELECT conn_trace_id FROM "
        "connection_log) AND elb_status_code = 502",
        "343\n");
    sql_close(&sql);
}

TEST("a join compares a number with a text as SQLite does")
{
    write_small();
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    CHECK_ANSWER(sql,
                 "WITH n(x) AS (VALUES (50112), (1), (50112.0), ('50112'), (NULL), ('x')) "
                 "SELECT typeof(x), count(*) FROM n JOIN access_log a ON a.client_port = n.x "
                 "GROUP BY 1",
                 "integer|2\nreal|2\ntext|2\n");
    CHECK_ANSWER(sql,
                 "WITH n(x) AS (VALUES ('https'), (1), ('http'), (NULL)) "
                 "SELECT count(*) FROM n JOIN access_log a ON a.type = n.x",
                 "2\n");
    sql_close(&sql);
}

/* ---- functions ---- */

static int
compare_doubles(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;
    return (*a > *b) - (*a < *b);
}

TEST("percentiles are those of a sorted list, by the nearest rank")
{
    static const double wanted[] = {0, 0.1, 1, 25, 50, 90, 95, 99, 99.9, 99.99, 100};
    struct rand random;
    rand_seed(&random, 7);
    test_folder();
    test_write("a.log", STR(""));
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    for (size_t n = 1; n < 3000; n = n * 3 + 1) {
        AUTO(xfree_ptr) double *values = xalloc(n * sizeof(*values));
        AUTO(buf_free) struct buf text = {0};
        buf_add_z(&text, "WITH n(x) AS (VALUES (NULL)");
        for (size_t i = 0; i < n; i++) {
            values[i] = (double)rand_below(&random, n * 2) / 1000;
            buf_addf(&text, ",(%.3f)", values[i]);
        }
        buf_add_z(&text, ") SELECT ");
        qsort(values, n, sizeof(*values), compare_doubles);
        AUTO(buf_free) struct buf expected = {0};
        for (size_t i = 0; i < COUNT_OF(wanted); i++) {
            /* In whole numbers: wanted has at most two decimals. */
            uint64_t hundredths = (uint64_t)(wanted[i] * 100 + 0.5);
            size_t rank = (size_t)((hundredths * n + 9999) / 10000);
            buf_addf(&text, "%spercentile(x, %g)", i == 0 ? "" : ", ", wanted[i]);
            buf_addf(&expected, "%.9g%c", values[rank == 0 ? 0 : rank - 1],
                     i + 1 < COUNT_OF(wanted) ? '|' : '\n');
        }
        buf_add_z(&text, " FROM n");
        CHECK_ANSWER(sql, text.p, expected.p);
    }
    CHECK_ANSWER(sql,
                 "WITH n(x) AS (VALUES (1), (2), (3), (10)) SELECT p50(x), median(x), p90(x), "
                 "p95(x), p99(x), typeof(p50(x)), p50(x * 1.0) FROM n",
                 "2|2|10|10|10|integer|2\n");
    CHECK_ANSWER(sql, "SELECT p50(x) FROM (SELECT 1 AS x WHERE 0)", "null\n");
    CHECK_ANSWER(sql, "SELECT p50(NULL)", "null\n");
    CHECK_INT(sql->percentile_values, 0);
    sql_close(&sql);
}

TEST("percentiles refuse what they cannot answer")
{
    static const char *const refused[] = {
        "SELECT percentile(1, 101)",
        "SELECT percentile(1, -0.5)",
        "SELECT percentile(1, 'a')",
        "SELECT percentile(1, NULL)",
        "SELECT p50('many')",
        "WITH n(x) AS (VALUES (1), (2)) SELECT percentile(x, x) FROM n",
    };
    test_folder();
    test_write("a.log", STR(""));
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    AUTO(buf_free) struct buf answer = {0};
    struct errinfo problem;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CHECK_INT(ask(sql, refused[i], &answer, &problem), ERR_INVALID);
        CHECK(str_ends(str_of(problem.text), STR(".")));
        CHECK_INT(sql->percentile_values, 0);
    }
    CHECK_INT(ask(sql,
                  "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 4300000) "
                  "SELECT p50(x) FROM n",
                  &answer, &problem),
              ERR_INVALID);
    CHECK(str_starts(str_of(problem.text), STR("There are too many different values")));
    CHECK_INT(sql->percentile_values, 0);
    CHECK_ANSWER(sql, "SELECT p99(7)", "7\n");
    sql_close(&sql);
}

TEST("paths are folded and statuses have classes")
{
    test_folder();
    test_write("a.log", STR(""));
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    CHECK_ANSWER(sql, "SELECT fold_path('/user/123/a'), fold_path(NULL), fold_path('')",
                 "/user/*/a|null|\n");
    CHECK_ANSWER(sql,
                 "SELECT status_class(200), status_class(502), status_class(460), "
                 "status_class(NULL), status_class(99), status_class(600)",
                 "2xx|5xx|4xx|null|null|null\n");
    sql_close(&sql);
}

/* ---- what is refused ---- */

TEST("a statement can neither write nor attach nor load")
{
    static const char *const refused[] = {
        "ATTACH '/tmp/openalb-test.db' AS x",
        "DETACH main",
        "VACUUM INTO '/tmp/openalb-test.db'",
        "PRAGMA journal_mode = WAL",
        "PRAGMA temp_store_directory = '/'",
        "PRAGMA writable_schema = 1",
        "CREATE TABLE t (x)",
        "CREATE VIRTUAL TABLE temp.t USING access_log",
        "INSERT INTO access_log (time) VALUES ('x')",
        "DELETE FROM access_log",
        "UPDATE access_log SET time = 'x'",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
        "CREATE TEMP TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; END",
        "UPDATE sqlite_master SET sql = ''",
        "SAVEPOINT a",
        "BEGIN",
    };
    write_small();
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    AUTO(buf_free) struct buf answer = {0};
    struct errinfo problem;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        enum err err = ask(sql, refused[i], &answer, &problem);
        if (err != ERR_DENIED && err != ERR_INVALID) {
            test_failed(__FILE__, __LINE__, "%s gives %s", refused[i], err_name(err));
        }
        CHECK(problem.text[0] != '\0');
    }
    CHECK(access("/tmp/openalb-test.db", F_OK) != 0);
    CHECK_INT(ask(sql, "PRAGMA journal_mode = WAL", &answer, &problem), ERR_DENIED);
    CHECK_ANSWER(sql,
                 "CREATE TEMP TABLE t AS SELECT elb_status_code AS x FROM access_log; "
                 "UPDATE t SET x = 1 WHERE x = 200; SELECT x FROM t; DROP TABLE t",
                 "1\n502\n");
    CHECK_ANSWER(sql, "SELECT count(*) > 40 FROM pragma_table_info('access_log')", "1\n");
    sql_close(&sql);
}

TEST("an error names its place with a caret")
{
    write_small();
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    AUTO(buf_free) struct buf answer = {0};
    struct errinfo problem;
    CHECK_INT(ask(sql, "SELECT 1;\nSELECT missing\nFROM access_log", &answer, &problem),
              ERR_INVALID);
    CHECK_STR(buf_str(&answer), "1\n"); /* what came before was answered */
    CHECK_STR(str_of(problem.text), "The statement cannot be run: no such column: missing.\n"
                                    "  SELECT missing\n"
                                    "         ^");
    CHECK_INT(ask(sql, "SELECT '\x1b[31m' || bad\x1b", &answer, &problem), ERR_INVALID);
    CHECK(!str_find_char(str_of(problem.text), '\x1b', NULL));
    CHECK_INT(ask(sql, "SELECT", &answer, &problem), ERR_INVALID);
    CHECK_INT(ask(sql, "SELECT * FROM nowhere", &answer, &problem), ERR_INVALID);
    CHECK_INT(sql_run(sql, STR("SELECT 1\0;"), &take, &answer, &problem), ERR_INVALID);
    sql_close(&sql);
}

static unsigned remarks;

static void
count_remark(void *context, const char *path, const char *sentence)
{
    (void)context;
    CHECK(path[0] == '/');
    CHECK(sentence[0] != '\0');
    remarks++;
}

TEST("foreign and broken files are said once and do not end a statement")
{
    write_small();
    test_write("classic.log",
               STR("2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 "
                   "10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "
                   "\"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.38.0\" - -\n"));
    test_write("broken.log.gz", STR("\x1f\x8b\x08 and nothing that can be unpacked"));
    remarks = 0;
    struct sql *sql = open_at(test_root, (struct sql_options){.remark = count_remark});
    CHECK_ANSWER(sql, "SELECT count(*) FROM access_log", "2\n");
    CHECK_ANSWER(sql, "SELECT count(*) FROM access_log", "2\n");
    CHECK_INT(remarks, 2);
    CHECK_INT(sql_counts(sql)->foreign_files, 1);
    CHECK_INT(sql_counts(sql)->broken_files, 1);
    sql_close(&sql);
    struct errinfo problem;
    struct str nowhere[] = {STR("/nowhere/at/all")};
    CHECK(sql_open(&(struct sql_options){.paths = nowhere, .path_count = 1}, &sql, &problem) !=
          ERR_OK);
}

TEST("a signal's flag ends a statement")
{
    static volatile sig_atomic_t stop = 0;
    write_small();
    struct sql *sql = open_at(test_root, (struct sql_options){.stop = &stop});
    AUTO(buf_free) struct buf answer = {0};
    struct errinfo problem;
    CHECK_ANSWER(sql, "SELECT count(*) FROM access_log", "2\n");
    stop = 1;
    CHECK_INT(ask(sql, "SELECT count(*) FROM access_log", &answer, &problem), ERR_CLOSED);
    CHECK_INT(ask(sql,
                  "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) "
                  "FROM n",
                  &answer, &problem),
              ERR_CLOSED);
    stop = 0;
    CHECK_ANSWER(sql, "SELECT count(*) FROM access_log", "2\n");
    sql_close(&sql);
}

/* ---- printing ---- */

static void
print(struct sql *sql, enum sql_mode mode, const char *text, struct buf *out)
{
    char bytes[4096];
    FILE *file = tmpfile();
    CHECK(file != NULL);
    struct term term = {.out = file, .width = 80};
    struct sql_output output = {.out = file, .term = &term, .mode = mode};
    struct errinfo problem = {{0}};
    uint64_t rows;
    CHECK_INT(sql_print(sql, str_of(text), &output, &rows, &problem), ERR_OK);
    CHECK_STR(str_of(problem.text), "");
    rewind(file);
    size_t n = fread(bytes, 1, sizeof(bytes), file);
    CHECK_INT(fclose(file), 0);
    buf_reset(out);
    buf_add(out, bytes, n);
}

TEST("a result is printed as a table, JSON and CSV")
{
    static const char query[] =
        "SELECT 1 AS n, 'a,\"b' AS text, NULL AS absence, 0.5 AS r UNION ALL "
        "SELECT 22, char(27) || 'x', 'y', 1e99";
    write_small();
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    AUTO(buf_free) struct buf out = {0};
    print(sql, SQL_MODE_TABLE, query, &out);
    CHECK_STR(buf_str(&out), " n  text   absence        r\n"
                             "--  -----  -------  -------\n"
                             " 1  a,\"b   -            0.5\n"
                             "22  \\x1bx  y        1.0e+99\n");
    print(sql, SQL_MODE_JSON, query, &out);
    CHECK_STR(buf_str(&out),
              "[\n{\"n\":1, \"text\":\"a,\\\"b\", \"absence\":null, \"r\":0.5},\n"
              "{\"n\":22, \"text\":\"\\\\x1bx\", \"absence\":\"y\", \"r\":1.0e+99}\n]\n");
    print(sql, SQL_MODE_CSV, query, &out);
    CHECK_STR(buf_str(&out), "n,text,absence,r\r\n1,\"a,\"\"b\",,0.5\r\n22,\\x1bx,y,1.0e+99\r\n");
    print(sql, SQL_MODE_JSON, "SELECT 1 WHERE 0", &out);
    CHECK_STR(buf_str(&out), "[]\n");
    print(sql, SQL_MODE_JSON, "SELECT 9e999 AS x, x'00ff' AS y", &out);
    CHECK_STR(buf_str(&out), "[\n{\"x\":null, \"y\":\"00ff\"}\n]\n");
    print(sql, SQL_MODE_TABLE, "SELECT 1 AS a WHERE 0", &out);
    CHECK_STR(buf_str(&out), "a\n-\n");
    sql_close(&sql);
}

TEST("a table of many rows is printed whole")
{
    test_folder();
    test_write("a.log", STR(""));
    struct sql *sql = open_at(test_root, (struct sql_options){0});
    FILE *file = tmpfile();
    CHECK(file != NULL);
    struct term term = {.out = file, .width = 80};
    struct sql_output output = {.out = file, .term = &term, .mode = SQL_MODE_TABLE};
    struct errinfo problem;
    uint64_t rows;
    CHECK_INT(sql_print(sql,
                        STR("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT "
                            "2500) SELECT x, x * x AS y FROM n"),
                        &output, &rows, &problem),
              ERR_OK);
    CHECK_INT(rows, 2500);
    rewind(file);
    size_t lines = 0;
    for (int c; (c = fgetc(file)) != EOF;) {
        lines += c == '\n';
    }
    CHECK_INT(lines, 2502);
    CHECK_INT(fclose(file), 0);
    sql_close(&sql);
}

TEST("the commands with a point tell of tables and columns")
{
    AUTO(buf_free) struct buf out = {0};
    CHECK(sql_dot_text(STR(".tables"), &out));
    CHECK_STR(buf_str(&out), "access_log\nconnection_log\nhealth_check_log\n");
    buf_reset(&out);
    CHECK(sql_dot_text(STR(".schema"), &out));
    CHECK(str_find(buf_str(&out), STR("    elb_status_code INTEGER,\n"), NULL));
    buf_reset(&out);
    CHECK(sql_dot_text(STR(" .columns  access_log "), &out));
    CHECK(str_find(buf_str(&out), STR("\nerror_text "), NULL));
    CHECK(str_find(buf_str(&out), STR("\nlog_line "), NULL));
    buf_reset(&out);
    CHECK(sql_dot_text(STR(".columns nothing"), &out));
    CHECK(str_find(buf_str(&out), STR("There is no table nothing"), NULL));
    CHECK(sql_dot_text(STR(".help"), &out));
    CHECK(!sql_dot_text(STR(".quit"), &out));
    CHECK(!sql_dot_text(STR(""), &out));
    enum sql_mode mode;
    CHECK(sql_mode_find(STR("csv"), &mode));
    CHECK_STR(str_of(sql_mode_word(mode)), "csv");
    CHECK(!sql_mode_find(STR("xml"), &mode));
}

TEST_MAIN
