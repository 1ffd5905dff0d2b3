/* SPDX-License-Identifier: Apache-2.0
 * Every column of every kind of log, of good, short, malformed and odd lines. */
#include "query/columns.h"

#include "base/test.h"
#include "text/text.h"

/* Lines of the current shape [ALB log 1.5, 4, 5]; each with the bytes behind it that splitting
 * reads. */
#define PAD "\n..............................................................................."
#define BEFORE                                                                                     \
    "https 2026-09-23T11:02:31.442190Z app/edge-one/0a1b2c3d4e5f6071 2001:db8::7:50112 "           \
    "10.3.1.17:8443 0.001 0.037 0.000 "
#define REQUEST " 512 18231 \"GET https://shop.example:443/cart%20a?id=7 HTTP/2.0\" "
#define AFTER                                                                                      \
    "\"Agent \\x22x\\x22\" TLS_AES_128_GCM_SHA256 TLSv1.3 "                                        \
    "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/99aabbccddeeff00 "     \
    "\"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\" \"sni.example\" \"session-reused\" "
#define END                                                                                        \
    " 2026-09-23T11:02:31.404000Z \"waf,forward\" \"https://a/\\x5Cb\" \"LambdaThrottling\" "      \
    "\"10.3.1.17:8443\" \"200\" \"Ambiguous\" \"SpaceInUri\" "                                     \
    "TID_0123456789abcdef0123456789abcdef "                                                        \
    "\"new.example\" \"/new\" \"TransformSuccess\" 203.0.113.9 \"-\" \"later\""

static const char whole[] = BEFORE "200 200" REQUEST AFTER "10" END PAD;
static const char malformed[] =
    "http 2026-09-23T11:02:33.115020Z app/edge-one/0a1b2c3d4e5f6071 192.0.2.77:60001 - -1 -1 -1 "
    "400 - "
    "0 272 \"- http://edge.example:80- -\" \"-\" - - - \"-\" \"-\" \"-\" - "
    "2026-09-23T11:02:33.114000Z \"-\" \"-\" \"-\"" PAD;
static const char shortest[] = "http 2016-08-10T22:08:42.945958Z app/a/1 192.168.131.39:2817 "
                               "10.0.0.1:80 0.000 0.001 0.000 502 - 34 366 "
                               "\"GET http://a.example:80/b HTTP/1.1\" \"curl\" - - arn:x" PAD;
static const char connection[] =
    "2026-09-23T11:02:31.100422Z 198.51.100.24 50112 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.021 "
    "\"CN=a, O=\\x22b\\x22\" NotBefore=x;NotAfter=y 0A Failed:ClientCertExpired "
    "TID_0123456789abcdef0123456789abcdef X25519MLKEM768 app/edge-one/0a 203.0.113.9" PAD;
static const char health[] =
    "http 2026-09-23T11:02:31.100422Z 0.000123456 10.0.0.1:80 web FAIL 503 "
    "TimedOut app/edge-one/0a 203.0.113.9" PAD;

/* The value as text: what a test can compare. */
static void
value_text(const struct log_line *line, const char *name, struct column_scratch *scratch,
           struct buf *out)
{
    struct column_value v;
    char digits[40];
    struct out o = out_of(digits, sizeof(digits));
    int i = column_find(line->kind, str_of(name));
    CHECK(i >= 0);
    buf_reset(out);
    if (i < 0 || !column_value(line->kind, (size_t)i, line, scratch, &v)) {
        buf_add_z(out, "null");
        return;
    }
    switch (v.type) {
    case COLUMN_INTEGER: buf_addf(out, "%lld", (long long)v.integer); break;
    case COLUMN_REAL:
        out_column_seconds(&o, v.ns);
        buf_add_str(out, str_span(digits, o.p));
        break;
    case COLUMN_TEXT:
    case COLUMN_TIME: buf_add_str(out, v.text); break;
    case COLUMN_TYPE_COUNT: CHECK(false);
    }
}

struct expected {
    const char *name, *text;
};

static void
check_line(const char *text, enum log_kind kind, const struct expected *rows, size_t count)
{
    struct log_line line;
    struct column_scratch scratch AUTO(column_scratch_done) = {.clock = {.us = 0}};
    struct buf out AUTO(buf_free) = {0};
    CHECK_INT(log_line_split(text, strlen(text) - (sizeof(PAD) - 1), &line), LOG_FAULT_NONE);
    CHECK_INT(line.kind, kind);
    for (size_t i = 0; i < count && line.kind == kind; i++) {
        value_text(&line, rows[i].name, &scratch, &out);
        if (!str_eq(buf_str(&out), str_of(rows[i].text))) {
            test_failed(__FILE__, __LINE__, "%s is \"%.*s\", expected \"%s\"", rows[i].name,
                        STR_ARG(buf_str(&out)), rows[i].text);
        }
    }
}

TEST("every column of a whole access line")
{
    static const struct expected rows[] = {
        {"type", "https"},
        {"time", "2026-09-23T11:02:31.442190Z"},
        {"elb", "app/edge-one/0a1b2c3d4e5f6071"},
        {"client_ip", "2001:db8::7"},
        {"client_port", "50112"},
        {"target_ip", "10.3.1.17"},
        {"target_port", "8443"},
        {"request_processing_time", "0.001"},
        {"target_processing_time", "0.037"},
        {"response_processing_time", "0.000"},
        {"elb_status_code", "200"},
        {"target_status_code", "200"},
        {"received_bytes", "512"},
        {"sent_bytes", "18231"},
        {"request_verb", "GET"},
        {"request_url", "https://shop.example:443/cart%20a?id=7"},
        {"request_proto", "HTTP/2.0"},
        {"user_agent", "Agent \"x\""},
        {"ssl_cipher", "TLS_AES_128_GCM_SHA256"},
        {"ssl_protocol", "TLSv1.3"},
        {"target_group_arn", "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/"
                             "web/99aabbccddeeff00"},
        {"trace_id", "Root=1-68d27f07-00aa11bb22cc33dd44ee55ff"},
        {"domain_name", "sni.example"},
        {"chosen_cert_arn", "session-reused"},
        {"matched_rule_priority", "10"},
        {"request_creation_time", "2026-09-23T11:02:31.404000Z"},
        {"actions_executed", "waf,forward"},
        {"redirect_url", "https://a/\\b"},
        {"error_reason", "LambdaThrottling"},
        {"target_port_list", "10.3.1.17:8443"},
        {"target_status_code_list", "200"},
        {"classification", "Ambiguous"},
        {"classification_reason", "SpaceInUri"},
        {"conn_trace_id", "TID_0123456789abcdef0123456789abcdef"},
        {"transformed_host", "new.example"},
        {"transformed_uri", "/new"},
        {"request_transform_status", "TransformSuccess"},
        {"ip_address", "203.0.113.9"},
        {"made_by", "target"},
        {"host", "shop.example"},
        {"path", "/cart%20a"},
        {"duration", "0.03819"},
    };
    check_line(whole, LOG_ACCESS, rows, COUNT_OF(rows));
    CHECK_INT(COUNT_OF(rows) + 1, column_count(LOG_ACCESS)); /* error_text has a test of its own */
}

TEST("a malformed request has no method, no target and no times")
{
    static const struct expected rows[] = {
        {"target_ip", "null"},
        {"target_port", "null"},
        {"request_processing_time", "null"},
        {"target_processing_time", "null"},
        {"response_processing_time", "null"},
        {"elb_status_code", "400"},
        {"target_status_code", "null"},
        {"received_bytes", "0"},
        {"request_verb", "null"},
        {"request_proto", "null"},
        {"user_agent", "null"},
        {"matched_rule_priority", "null"},
        {"error_reason", "null"},
        {"classification", "null"},
        {"ip_address", "null"},
        {"made_by", "lb"},
        {"duration", "0.00102"},
        {"error_text", "The load balancer or the target could not understand the request."},
    };
    check_line(malformed, LOG_ACCESS, rows, COUNT_OF(rows) - 1);
}

TEST("what an old line is too short for is null")
{
    static const struct expected rows[] = {
        {"time", "2016-08-10T22:08:42.945958Z"},
        {"target_group_arn", "arn:x"},
        {"trace_id", "null"},
        {"domain_name", "null"},
        {"request_creation_time", "null"},
        {"duration", "null"},
        {"ip_address", "null"},
        {"made_by", "lb"},
        {"host", "a.example"},
        {"path", "/b"},
    };
    check_line(shortest, LOG_ACCESS, rows, COUNT_OF(rows));
}

TEST("every column of a connection line and of a health check")
{
    static const struct expected rows[] = {
        {"timestamp", "2026-09-23T11:02:31.100422Z"},
        {"client_ip", "198.51.100.24"},
        {"client_port", "50112"},
        {"listener_port", "443"},
        {"tls_protocol", "TLSv1.3"},
        {"tls_cipher", "TLS_AES_128_GCM_SHA256"},
        {"tls_handshake_latency", "0.021"},
        {"leaf_client_cert_subject", "CN=a, O=\"b\""},
        {"leaf_client_cert_validity", "NotBefore=x;NotAfter=y"},
        {"leaf_client_cert_serial_number", "0A"},
        {"tls_verify_status", "Failed:ClientCertExpired"},
        {"conn_trace_id", "TID_0123456789abcdef0123456789abcdef"},
        {"tls_keyexchange", "X25519MLKEM768"},
        {"elb", "app/edge-one/0a"},
        {"ip_address", "203.0.113.9"},
    };
    static const struct expected checks[] = {
        {"type", "http"},           {"time", "2026-09-23T11:02:31.100422Z"},
        {"latency", "0.000123456"}, {"target_addr", "10.0.0.1:80"},
        {"target_group_id", "web"}, {"status", "FAIL"},
        {"status_code", "503"},     {"reason_code", "TimedOut"},
        {"elb", "app/edge-one/0a"}, {"ip_address", "203.0.113.9"},
    };
    check_line(connection, LOG_CONNECTION, rows, COUNT_OF(rows));
    check_line(health, LOG_HEALTH, checks, COUNT_OF(checks));
    CHECK_INT(COUNT_OF(rows) + 1, column_count(LOG_CONNECTION));
    CHECK_INT(COUNT_OF(checks) + 1, column_count(LOG_HEALTH));
}

/* Replaces the status and target status of the whole line, and the reason by `-`. */
static void
error_text(const char *statuses, bool reason, struct buf *out)
{
    struct buf text AUTO(buf_free) = {0};
    struct log_line line;
    struct column_scratch scratch AUTO(column_scratch_done) = {.clock = {.us = 0}};
    buf_addf(&text, "%s%s%s%s10 2026-09-23T11:02:31.404000Z \"forward\" \"-\" \"%s\"", BEFORE,
             statuses, REQUEST, AFTER, reason ? "LambdaThrottling" : "-");
    size_t n = text.n;
    buf_add_z(&text, PAD);
    CHECK_INT(log_line_split(text.p, n, &line), LOG_FAULT_NONE);
    value_text(&line, "error_text", &scratch, out);
}

TEST("error_text: the reason's meaning, else that of a status that the load balancer made")
{
    struct buf out AUTO(buf_free) = {0};
    error_text("200 200", false, &out);
    CHECK_STR(buf_str(&out), "null");
    error_text("502 502", false, &out); /* the target's own word */
    CHECK_STR(buf_str(&out), "null");
    error_text("301 -", false, &out); /* no error */
    CHECK_STR(buf_str(&out), "null");
    error_text("502 -", false, &out);
    CHECK(out.n > 20);
    struct buf reason AUTO(buf_free) = {0};
    error_text("502 -", true, &reason);
    CHECK(reason.n > 20 && !str_eq(buf_str(&out), buf_str(&reason)));
    CHECK(str_find(buf_str(&reason), STR("function"), NULL));
}

TEST("error_text of connections and health checks")
{
    static const struct expected rows[] = {
        {"error_text", "The client's certificate has expired."},
    };
    struct log_line line;
    struct column_scratch scratch AUTO(column_scratch_done) = {.clock = {.us = 0}};
    struct buf out AUTO(buf_free) = {0};
    check_line(connection, LOG_CONNECTION, rows, 0);
    CHECK_INT(log_line_split(connection, sizeof(connection) - sizeof(PAD), &line), LOG_FAULT_NONE);
    value_text(&line, rows[0].name, &scratch, &out);
    CHECK(str_find(buf_str(&out), STR("expired"), NULL));
    CHECK_INT(log_line_split(health, sizeof(health) - sizeof(PAD), &line), LOG_FAULT_NONE);
    value_text(&line, "error_text", &scratch, &out);
    CHECK(out.n > 10 && !str_eq(buf_str(&out), STR("null")));
}

TEST("a rule priority of -1 is a value, a status or a size that is no number is null")
{
    struct buf text AUTO(buf_free) = {0};
    struct log_line line;
    struct column_scratch scratch AUTO(column_scratch_done) = {.clock = {.us = 0}};
    struct buf out AUTO(buf_free) = {0};
    buf_add_z(&text, BEFORE "2x0 -1 18446744073709551615 -5 \"GET http://a/ HTTP/1.1\" " AFTER
                            "-1 2026-09-23T11:02:31.442191Z" PAD);
    CHECK_INT(log_line_split(text.p, text.n - (sizeof(PAD) - 1), &line), LOG_FAULT_NONE);
    static const struct expected rows[] = {
        {"elb_status_code", "null"}, {"target_status_code", "null"},  {"received_bytes", "null"},
        {"sent_bytes", "null"},      {"matched_rule_priority", "-1"}, {"duration", "null"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        value_text(&line, rows[i].name, &scratch, &out);
        CHECK_STR(buf_str(&out), rows[i].text);
    }
}

TEST("the double of a time is the one nearest to what is written")
{
    struct log_line line;
    struct column_value v;
    struct column_scratch scratch AUTO(column_scratch_done) = {.clock = {.us = 0}};
    CHECK_INT(log_line_split(whole, sizeof(whole) - sizeof(PAD), &line), LOG_FAULT_NONE);
    size_t i = (size_t)column_find(LOG_ACCESS, STR("target_processing_time"));
    CHECK(column_value(LOG_ACCESS, i, &line, &scratch, &v));
    CHECK(v.real >= 0.037 && v.real <= 0.037);
    CHECK(v.ns == 37000000);
}

TEST("seconds are written with three to nine decimals")
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{0, "0.000"},
                {1, "0.000000001"},
                {1000000, "0.001"},
                {1500000000, "1.500"},
                {UINT64_C(12345678900000), "12345.6789"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char digits[40];
        struct out o = out_of(digits, sizeof(digits));
        out_column_seconds(&o, rows[i].ns);
        CHECK_STR(str_span(digits, o.p), rows[i].text);
    }
}

TEST("names are found in any letter case, unknown ones are not; every column is documented")
{
    CHECK_INT(column_find(LOG_ACCESS, STR("TYPE")), 0);
    CHECK_INT(column_find(LOG_ACCESS, STR("")), -1);
    CHECK_INT(column_find(LOG_CONNECTION, STR("elb_status_code")), -1);
    for (int kind = 0; kind < LOG_KIND_COUNT; kind++) {
        for (size_t i = 0; i < column_count((enum log_kind)kind); i++) {
            const struct column *c = column_at((enum log_kind)kind, i);
            CHECK_INT(column_find((enum log_kind)kind, str_of(c->name)), i);
            CHECK(c->field < log_field_count((enum log_kind)kind));
            CHECK(str_ends(str_of(c->doc), STR(".")) || str_ends(str_of(c->doc), STR("...")));
        }
    }
    for (int type = 0; type < COLUMN_TYPE_COUNT; type++) {
        CHECK(column_type_word((enum column_type)type)[0] != '\0');
    }
}

TEST_MAIN
