/* SPDX-License-Identifier: Apache-2.0
 * Log lines as columns, JSON and CSV; hostile bytes in each. */
#include "query/lines.h"

#include <jansson.h>

#include "base/mem.h"
#include "base/test.h"

#define PAD "\n..............................................................................."
#define NEW_FIELDS " \"-\" \"la, \\x22ter\\x22\""

static const char request_line[] =
    "https 2026-09-23T11:02:31.442190Z app/edge-one/0a 198.51.100.24:50112 10.3.1.17:8443 0.001 "
    "0.037 "
    "0.000 502 - 512 18231 \"GET https://shop.example:443/a,b?id=7 HTTP/2.0\" \"Agent "
    "\\x22x\\x22\" "
    "TLS_AES_128_GCM_SHA256 TLSv1.3 arn:tg \"Root=1-2\" \"sni\" \"cert\" 10 "
    "2026-09-23T11:02:31.404000Z \"forward\" \"-\" \"LambdaThrottling\" \"10.3.1.17:8443\" \"-\" "
    "\"-\" "
    "\"-\" TID_0 \"-\" \"-\" \"-\" 203.0.113.9" NEW_FIELDS PAD;
/* An agent with an escape sequence, a line end, a NUL, broken UTF-8, and an innocent é. */
static const char hostile_line[] =
    "http 2026-09-23T11:02:31.442190Z app/a/0 1.2.3.4:5 - -1 -1 -1 301 - 1 2 "
    "\"GET http://a:80/\033[31m\\x1B[2J\\x0A\\x00\\xC3\\xA9\\xFF HTTP/1.1\" \"=1+1\" - - - "
    "\"-\"" PAD;
static const char connection_line[] =
    "2026-09-23T11:02:31.100422Z 198.51.100.24 50112 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.021 "
    "\"-\" - - "
    "Failed:ClientCertExpired TID_1 X25519 app/a/0 203.0.113.9" PAD;
static const char health_line[] = "http 2026-09-23T11:02:31.100422Z 0.000123456 10.0.0.1:80 web "
                                  "FAIL - TimedOut app/a/0 1.1.1.1" PAD;

static struct log_line
split(const char *text)
{
    struct log_line line;
    CHECK_INT(log_line_split(text, strlen(text) - (sizeof(PAD) - 1), &line), LOG_FAULT_NONE);
    return line;
}

static void
start(struct lines *l, unsigned width, bool colour)
{
    const struct term term = {.out = stdout, .colour = colour, .width = 80};
    lines_init(l, &term, width);
}

static json_t *
as_json(const char *text)
{
    struct lines l AUTO(lines_done);
    struct buf out AUTO(buf_free) = {0};
    struct log_line line = split(text);
    json_error_t error;
    start(&l, 0, false);
    lines_json(&l, &out, &line);
    CHECK(str_ends(buf_str(&out), STR("}\n")));
    json_t *json = json_loadb(out.p, out.n, 0, &error);
    CHECK(json != NULL);
    return json;
}

TEST("JSON: numbers are numbers, absent is null, new fields are told")
{
    json_t *j = as_json(request_line);
    CHECK_STR(str_of(json_string_value(json_object_get(j, "log"))), "access");
    CHECK_INT(json_integer_value(json_object_get(j, "elb_status_code")), 502);
    CHECK(json_is_null(json_object_get(j, "target_status_code")));
    CHECK(json_is_real(json_object_get(j, "target_processing_time")));
    CHECK_STR(str_of(json_string_value(json_object_get(j, "user_agent"))), "Agent \"x\"");
    CHECK_STR(str_of(json_string_value(json_object_get(j, "made_by"))), "lb");
    const json_t *extra = json_object_get(j, "extra");
    CHECK_INT(json_array_size(extra), 2);
    CHECK(json_is_null(json_array_get(extra, 0)));
    CHECK_STR(str_of(json_string_value(json_array_get(extra, 1))), "la, \"ter\"");
    CHECK_INT(json_object_size(j), column_count(LOG_ACCESS) + 2);
    json_decref(j);
}

TEST("JSON: every column of the other kinds, no extra where there is none")
{
    json_t *j = as_json(connection_line);
    CHECK_INT(json_object_size(j), column_count(LOG_CONNECTION) + 1);
    CHECK_INT(json_integer_value(json_object_get(j, "listener_port")), 443);
    json_decref(j);
    j = as_json(health_line);
    CHECK_INT(json_object_size(j), column_count(LOG_HEALTH) + 1);
    CHECK(json_is_null(json_object_get(j, "status_code")));
    json_decref(j);
}

TEST("JSON: hostile bytes become visible, letters stay")
{
    json_t *j = as_json(hostile_line);
    CHECK_STR(str_of(json_string_value(json_object_get(j, "path"))),
              "/\\x1b[31m\\x1b[2J\\x0a\\x00é\\xff");
    json_decref(j);
}

TEST("a JSON string escapes what JSON demands")
{
    struct buf out AUTO(buf_free) = {0};
    lines_add_json_string(&out, STR("a\"b\\c\n\x01é"));
    CHECK_STR(buf_str(&out), "\"a\\\"b\\\\c\\u000a\\u0001é\"");
    buf_reset(&out);
    lines_add_json_string(&out, STR_NONE);
    CHECK_STR(buf_str(&out), "\"\"");
}

/* Splits one record by the rules of RFC 4180 into at most `max` fields. */
static size_t
read_csv(struct str record, struct buf *fields, size_t max)
{
    size_t n = 0;
    bool quoted = false;
    for (size_t i = 0; i < record.n && n < max; i++) {
        char c = record.p[i];
        bool doubled = quoted && c == '"' && i + 1 < record.n && record.p[i + 1] == '"';
        if (doubled) {
            buf_add_char(&fields[n], '"');
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            n++;
        } else {
            buf_add_char(&fields[n], c);
        }
    }
    CHECK(!quoted);
    return n + 1;
}

enum { FIELDS_MAX = 64 };

static void
check_csv(const char *text, const char *column, const char *expected, const char *extra)
{
    struct lines l AUTO(lines_done);
    struct buf out AUTO(buf_free) = {0};
    struct buf names[FIELDS_MAX] = {{0}};
    struct buf values[FIELDS_MAX] = {{0}};
    struct log_line line = split(text);
    start(&l, 0, false);
    lines_csv_header(&out, line.kind);
    CHECK(str_ends(buf_str(&out), STR("\r\n")));
    size_t count = read_csv(str_sub(buf_str(&out), 0, out.n - 2), names, FIELDS_MAX);
    CHECK_INT(count, column_count(line.kind) + 1);
    buf_reset(&out);
    lines_csv(&l, &out, &line);
    CHECK(str_ends(buf_str(&out), STR("\r\n")));
    CHECK_INT(read_csv(str_sub(buf_str(&out), 0, out.n - 2), values, FIELDS_MAX), count);
    size_t at = (size_t)column_find(line.kind, str_of(column));
    CHECK_STR(buf_str(&names[at]), column);
    CHECK_STR(buf_str(&values[at]), expected);
    CHECK_STR(buf_str(&names[count - 1]), "extra");
    CHECK_STR(buf_str(&values[count - 1]), extra);
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        buf_free(&names[i]);
        buf_free(&values[i]);
    }
}

TEST("CSV: commas and quotes are quoted, absent is empty, one record is one line")
{
    check_csv(request_line, "path", "/a,b", "\"-\" \"la, \\x22ter\\x22\"");
    check_csv(request_line, "user_agent", "Agent \"x\"", "\"-\" \"la, \\x22ter\\x22\"");
    check_csv(request_line, "target_status_code", "", "\"-\" \"la, \\x22ter\\x22\"");
    check_csv(hostile_line, "path", "/\\x1b[31m\\x1b[2J\\x0a\\x00é\\xff", "");
    check_csv(hostile_line, "user_agent", "=1+1", ""); /* data, not a formula */
    check_csv(connection_line, "tls_verify_status", "Failed:ClientCertExpired", "");
    check_csv(health_line, "latency", "0.000123456", "");
}

static void
show(struct buf *out, unsigned width, bool colour, const char *text)
{
    struct lines l AUTO(lines_done);
    struct log_line line = split(text);
    start(&l, width, colour);
    lines_show(&l, out, &line);
}

TEST("columns: time, client, statuses, duration, target, request, reason, new fields")
{
    struct buf out AUTO(buf_free) = {0};
    show(&out, 0, false, request_line);
    CHECK_STR(buf_str(&out),
              "2026-09-23T11:02:31.442Z  198.51.100.24  502/-  0.038  10.3.1.17:8443  "
              "GET shop.example:443/a,b?id=7  LambdaThrottling  extra=36:la, \"ter\"\n");
    buf_reset(&out);
    show(&out, 0, false, connection_line);
    CHECK_STR(buf_str(&out), "2026-09-23T11:02:31.100Z  198.51.100.24  50112  443  TLSv1.3  0.021  "
                             "Failed:ClientCertExpired  TLS_AES_128_GCM_SHA256  TID_1  X25519\n");
    buf_reset(&out);
    show(&out, 0, false, health_line);
    CHECK_STR(buf_str(&out),
              "2026-09-23T11:02:31.100Z  FAIL  -  0.000  web  10.0.0.1:80  TimedOut\n");
}

TEST("columns stay aligned from line to line")
{
    struct lines l AUTO(lines_done);
    struct buf out AUTO(buf_free) = {0};
    struct log_line wide = split(request_line);
    struct log_line narrow = split(hostile_line);
    size_t first, second;
    start(&l, 0, false);
    lines_show(&l, &out, &wide);
    CHECK(str_find(buf_str(&out), STR("GET "), &first));
    buf_reset(&out);
    lines_show(&l, &out, &narrow);
    CHECK(str_find(buf_str(&out), STR("GET "), &second));
    CHECK_INT(second, first);
}

TEST("on a terminal a line is cut, the request before the reason")
{
    static const unsigned widths[] = {40, 80, 120, 200};
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        struct buf out AUTO(buf_free) = {0};
        show(&out, widths[i], false, request_line);
        CHECK(str_ends(buf_str(&out), STR("\n")));
        CHECK(text_width(str_sub(buf_str(&out), 0, out.n - 1)) <= widths[i]);
        CHECK(widths[i] < 200 || str_find(buf_str(&out), STR("LambdaThrottling"), NULL));
    }
}

TEST("colours follow the class of the status, and only where they are wanted")
{
    struct buf plain AUTO(buf_free) = {0};
    struct buf colour AUTO(buf_free) = {0};
    show(&plain, 0, false, request_line);
    show(&colour, 0, true, request_line);
    CHECK(!str_find_char(buf_str(&plain), '\033', NULL));
    CHECK(str_find(buf_str(&colour), STR("\033[1;31m502/-"), NULL));
}

TEST("no form lets a control byte through")
{
    struct lines l AUTO(lines_done);
    struct buf out AUTO(buf_free) = {0};
    struct log_line line = split(hostile_line);
    start(&l, 0, false);
    lines_show(&l, &out, &line);
    lines_json(&l, &out, &line);
    for (size_t i = 0; i < out.n; i++) {
        CHECK((unsigned char)out.p[i] >= ' ' || out.p[i] == '\n');
    }
    CHECK(text_utf8_valid(buf_str(&out)));
}

TEST("damaged lines: where, why, and the line made safe")
{
    struct lines l AUTO(lines_done);
    struct buf out AUTO(buf_free) = {0};
    static const char text[] = "half a line \033[2J, \"cut";
    struct scan_line line = {.line = {.p = text, .n = sizeof(text) - 1},
                             .fault = LOG_FAULT_UNCLOSED_QUOTE,
                             .path = "a\nb.log",
                             .number = 7};
    json_error_t error;
    start(&l, 0, false);
    lines_damaged(&l, &out, &line);
    CHECK(str_starts(buf_str(&out), STR("a\\x0ab.log:7: ")));
    CHECK(str_ends(buf_str(&out), STR("half a line \\x1b[2J, \"cut\n")));
    buf_reset(&out);
    line.number = 0;
    lines_damaged_json(&l, &out, &line);
    json_t *j = json_loadb(out.p, out.n, 0, &error);
    CHECK_STR(str_of(json_string_value(json_object_get(j, "fault"))), "unclosed-quote");
    CHECK(json_is_null(json_object_get(j, "line")));
    CHECK_STR(str_of(json_string_value(json_object_get(j, "text"))), "half a line \\x1b[2J, \"cut");
    json_decref(j);
    buf_reset(&out);
    lines_csv_damaged(&l, &out, &line);
    CHECK(str_starts(buf_str(&out), STR("a\\x0ab.log,,unclosed-quote,")));
    CHECK(str_ends(buf_str(&out), STR(",\"half a line \\x1b[2J, \"\"cut\"\r\n")));
}

TEST_MAIN
