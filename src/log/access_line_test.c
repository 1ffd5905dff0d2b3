/* SPDX-License-Identifier: Apache-2.0
 * Lines of the access log: golden ones, odd values of each field, and the expression that Athena's
 * users read them with. */
#include "log/log.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/test.h"

#include <regex.h>

enum { SECOND_0 = 1790161351 }; /* 2026-09-23T11:02:31Z */

static char line_text[LIMIT_LOG_LINE_MAX + 1];

static struct str
line_of(const struct access_record *r)
{
    struct out o = out_of(line_text, LIMIT_LOG_LINE_MAX);
    access_line(&o, r);
    CHECK(!o.full);
    *o.p = '\0';
    return str_span(line_text, o.p);
}

static struct addr
addr_must(const char *ip, uint16_t port)
{
    struct addr a;
    CHECK(addr_parse(str_of(ip), port, &a));
    return a;
}

static uint8_t
hex_digit(char c)
{
    return (uint8_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
}

static void
set_tid(struct access_record *r, const char *hex)
{
    for (size_t i = 0; i < sizeof(r->conn_trace_id); i++) {
        r->conn_trace_id[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    }
}

static struct addr shop_target;

static struct access_record
record_https(void)
{
    shop_target = addr_must("10.3.1.17", 8443);
    struct access_record r = {
        .type = STR("https"),
        .time_wall_us = SECOND_0 * UINT64_C(1000000) + 442190,
        .creation_wall_us = SECOND_0 * UINT64_C(1000000) + 404567,
        .elb = STR("app/edge-one/0a1b2c3d4e5f6071"),
        .client = addr_must("198.51.100.24", 50112),
        .target = &shop_target,
        .request_us = 1234,
        .target_us = 36501,
        .response_us = 499,
        .elb_status = 200,
        .target_status = 200,
        .received_bytes = 512,
        .sent_bytes = 18231,
        .method = STR("GET"),
        .scheme = STR("https"),
        .host = STR("shop.example"),
        .uri = STR("/cart?id=7"),
        .version = STR("HTTP/2.0"),
        .port = 443,
        .user_agent = STR("ExampleAgent/4.1"),
        .ssl_cipher = STR("TLS_AES_128_GCM_SHA256"),
        .ssl_protocol = STR("TLSv1.3"),
        .target_group_arn = STR("arn:aws:elasticloadbalancing:eu-central-1:111122223333:"
                                "targetgroup/web/99aabbccddeeff00"),
        .trace_id = STR("Root=1-68d27f07-00aa11bb22cc33dd44ee55ff"),
        .domain_name = STR("shop.example"),
        .certificate_arn = STR("arn:aws:acm:eu-central-1:111122223333:certificate/"
                               "0f0f0f0f-1111-2222-3333-444444444444"),
        .rule_priority = 10,
        .actions = STR("waf,forward"),
        .node = addr_must("203.0.113.9", 443),
    };
    set_tid(&r, "0123456789abcdef0123456789abcdef");
    return r;
}

static struct access_record
record_redirect(void)
{
    struct access_record r = {
        .type = STR("http"),
        .time_wall_us = (SECOND_0 + 1) * UINT64_C(1000000) + 871,
        .creation_wall_us = (SECOND_0 + 1) * UINT64_C(1000000) + 999,
        .elb = STR("app/edge-one/0a1b2c3d4e5f6071"),
        .client = addr_must("2001:db8:4::9", 41822),
        .request_us = -1,
        .target_us = -1,
        .response_us = -1,
        .elb_status = 301,
        .received_bytes = 133,
        .sent_bytes = 253,
        .method = STR("GET"),
        .scheme = STR("http"),
        .host = STR("shop.example"),
        .uri = STR("/old"),
        .version = STR("HTTP/1.1"),
        .port = 80,
        .trace_id = STR("Root=1-68d27f08-11aa22bb33cc44dd55ee66ff"),
        .actions = STR("redirect"),
        .redirect_url = STR("https://shop.example:443/old"),
        .node = addr_must("203.0.113.9", 80),
    };
    set_tid(&r, "fedcba9876543210fedcba9876543210");
    return r;
}

static struct access_record
record_malformed(void)
{
    struct access_record r = {
        .type = STR("http"),
        .time_wall_us = (SECOND_0 + 2) * UINT64_C(1000000) + 115020,
        .creation_wall_us = (SECOND_0 + 2) * UINT64_C(1000000) + 114000,
        .elb = STR("app/edge-one/0a1b2c3d4e5f6071"),
        .client = addr_must("192.0.2.77", 60001),
        .request_us = -1,
        .target_us = -1,
        .response_us = -1,
        .elb_status = 400,
        .sent_bytes = 272,
        .scheme = STR("http"),
        .host = STR("edge-one-123456789.eu-central-1.elb.amazonaws.com"),
        .port = 80,
        .rule_priority = LOG_PRIORITY_NONE,
        .node = addr_must("203.0.113.9", 80),
    };
    set_tid(&r, "00112233445566778899aabbccddeeff");
    return r;
}

/* Splits as readers do: blanks outside quotes. Returns the number of fields. */
static size_t
split(struct str line, struct str fields[], size_t max)
{
    size_t count = 0;
    size_t at = 0;
    while (at < line.n && count < max) {
        bool quoted = line.p[at] == '"';
        size_t begin = at + quoted;
        size_t end = begin;
        while (end < line.n && line.p[end] != (quoted ? '"' : ' ') && line.p[end] != '\n') {
            end++;
        }
        fields[count++] = str_span(line.p + begin, line.p + end);
        at = end + quoted + 1;
    }
    return count;
}

static struct str
field_of(const struct access_record *r, unsigned number)
{
    struct str fields[64];
    size_t count = split(line_of(r), fields, 64);
    CHECK_INT(count, ACCESS_FIELD_COUNT);
    return number <= count ? fields[number - 1] : STR_NONE;
}

/* ---- golden lines [ALB log 1.5], without the undocumented fields 35 and 36 ---- */

TEST("a forwarded HTTPS request, as in the guide")
{
    struct access_record r = record_https();
    CHECK_STR(line_of(&r),
              "https 2026-09-23T11:02:31.442190Z app/edge-one/0a1b2c3d4e5f6071 198.51.100.24:50112 "
              "10.3.1.17:8443 0.001 0.037 0.000 200 200 512 18231 "
              "\"GET https://shop.example:443/cart?id=7 HTTP/2.0\" \"ExampleAgent/4.1\" "
              "TLS_AES_128_GCM_SHA256 TLSv1.3 arn:aws:elasticloadbalancing:eu-central-1:"
              "111122223333:targetgroup/web/99aabbccddeeff00 "
              "\"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\" \"shop.example\" "
              "\"arn:aws:acm:eu-central-1:111122223333:certificate/"
              "0f0f0f0f-1111-2222-3333-444444444444\" 10 2026-09-23T11:02:31.404000Z "
              "\"waf,forward\" \"-\" \"-\" \"10.3.1.17:8443\" \"200\" \"-\" \"-\" "
              "TID_0123456789abcdef0123456789abcdef \"-\" \"-\" \"-\" 203.0.113.9\n");
}

TEST("a redirect with an IPv6 client")
{
    struct access_record r = record_redirect();
    CHECK_STR(
        line_of(&r),
        "http 2026-09-23T11:02:32.000871Z app/edge-one/0a1b2c3d4e5f6071 2001:db8:4::9:41822 - "
        "-1 -1 -1 301 - 133 253 \"GET http://shop.example:80/old HTTP/1.1\" \"-\" - - - "
        "\"Root=1-68d27f08-11aa22bb33cc44dd55ee66ff\" \"-\" \"-\" 0 "
        "2026-09-23T11:02:32.000000Z \"redirect\" \"https://shop.example:443/old\" \"-\" "
        "\"-\" \"-\" \"-\" \"-\" TID_fedcba9876543210fedcba9876543210 \"-\" \"-\" \"-\" "
        "203.0.113.9\n");
}

TEST("a malformed request")
{
    struct access_record r = record_malformed();
    CHECK_STR(
        line_of(&r),
        "http 2026-09-23T11:02:33.115020Z app/edge-one/0a1b2c3d4e5f6071 192.0.2.77:60001 - -1 "
        "-1 -1 400 - 0 272 "
        "\"- http://edge-one-123456789.eu-central-1.elb.amazonaws.com:80- -\" \"-\" - - - "
        "\"-\" \"-\" \"-\" - 2026-09-23T11:02:33.114000Z \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" "
        "\"-\" TID_00112233445566778899aabbccddeeff \"-\" \"-\" \"-\" 203.0.113.9\n");
}

/* ---- the table ---- */

TEST("the table names 34 fields; 30 and 34 are bare, the quoted ones are the guide's")
{
    static const unsigned quoted[] = {13, 14, 18, 19, 20, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33};
    size_t at = 0;
    for (unsigned i = 1; i <= ACCESS_FIELD_COUNT; i++) {
        bool expected = at < COUNT_OF(quoted) && quoted[at] == i;
        CHECK_INT(access_field(i)->quoted, expected);
        CHECK(access_field(i)->name[0] != '\0' && access_field(i)->absent[0] != '\0');
        at += expected;
    }
    CHECK_STR(str_of(access_field(4)->name), "client:port");
    CHECK_STR(str_of(access_field(30)->name), "conn_trace_id");
    CHECK_STR(str_of(access_field(34)->name), "ip_address");
}

TEST("quotes stand around the fields of the table and no others")
{
    struct access_record r = record_https();
    struct str line = line_of(&r);
    size_t at = 0;
    for (unsigned i = 1; i <= ACCESS_FIELD_COUNT; i++) {
        CHECK_INT(line.p[at] == '"', access_field(i)->quoted);
        char end = access_field(i)->quoted ? '"' : ' ';
        at += 1;
        while (at < line.n && line.p[at] != end && line.p[at] != '\n') {
            at++;
        }
        at += access_field(i)->quoted ? 2 : 1;
    }
    CHECK_INT(at, line.n);
}

/* ---- odd values ---- */

TEST("processing times are seconds with three decimals, to the nearest millisecond")
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "0.000"},
        {499, "0.000"},
        {500, "0.001"},
        {999499, "0.999"},
        {999500, "1.000"},
        {1000000, "1.000"},
        {60000000, "60.000"},
        {4000123456, "4000.123"},
        {-1, "-1"},
        {INT64_MIN, "-1"},
        {INT64_MAX, "9223372036854.776"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct access_record r = record_https();
        r.request_us = rows[i].us;
        r.target_us = rows[i].us;
        r.response_us = rows[i].us;
        CHECK_STR(field_of(&r, 6), rows[i].text);
        CHECK_STR(field_of(&r, 7), rows[i].text);
        CHECK_STR(field_of(&r, 8), rows[i].text);
    }
}

TEST("both times, whatever the order of the seconds")
{
    static const uint64_t times[] = {0,
                                     1,
                                     999999,
                                     1000000,
                                     4000000,
                                     951782399999999,
                                     SECOND_0 * UINT64_C(1000000),
                                     1790161355000001};
    for (size_t i = 0; i < COUNT_OF(times) * 3; i++) {
        uint64_t now = times[(i * 5) % COUNT_OF(times)];
        char text[64];
        struct access_record r = record_https();
        r.time_wall_us = now;
        r.creation_wall_us = now;
        struct out o = out_of(text, sizeof(text));
        out_iso8601(&o, now, false);
        *o.p = '\0';
        CHECK_STR(field_of(&r, 2), text);
        o = out_of(text, sizeof(text));
        out_iso8601(&o, now, true);
        *o.p = '\0';
        CHECK_STR(field_of(&r, 22), text);
    }
}

TEST("statuses, counts and priorities")
{
    static const struct {
        int32_t priority;
        const char *text;
    } rows[] = {
        {LOG_PRIORITY_NONE, "-"}, {-1, "-1"}, {LOG_PRIORITY_DEFAULT, "0"}, {50000, "50000"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct access_record r = record_https();
        r.rule_priority = rows[i].priority;
        CHECK_STR(field_of(&r, 21), rows[i].text);
    }
    struct access_record r = record_https();
    r.elb_status = 0;
    r.target_status = 599;
    r.received_bytes = UINT64_MAX;
    r.sent_bytes = 0;
    CHECK_STR(field_of(&r, 9), "-");
    CHECK_STR(field_of(&r, 10), "599");
    CHECK_STR(field_of(&r, 27), "599");
    CHECK_STR(field_of(&r, 11), "18446744073709551615");
    CHECK_STR(field_of(&r, 12), "0");
}

TEST("addresses read as the system writes them")
{
    static const char *const texts[] = {"0.0.0.0",
                                        "255.255.255.255",
                                        "::",
                                        "::1",
                                        "2001:db8::",
                                        "2001:db8:0:1::",
                                        "::2:3",
                                        "1:0:0:2:0:0:0:3",
                                        "1:0:0:2:3:0:0:4",
                                        "fe80::1",
                                        "1:2:3:4:5:6:7:8",
                                        "::ffff:192.0.2.1",
                                        "::192.0.2.1",
                                        "1:2:3:4:5:6:7:0",
                                        "0:2:3:4:5:6:7:8",
                                        "1::8",
                                        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char with_port[ADDR_TEXT + 8];
        char ip[ADDR_TEXT];
        struct access_record r = record_https();
        struct addr a = addr_must(texts[i], 65535);
        r.client = a;
        r.target = &a;
        r.node = a;
        (void)snprintf(with_port, sizeof(with_port), "%s:65535", addr_text(&a, ip));
        CHECK_STR(field_of(&r, 4), with_port);
        CHECK_STR(field_of(&r, 5), with_port);
        CHECK_STR(field_of(&r, 26), with_port);
        CHECK_STR(field_of(&r, 34), ip);
    }
}

TEST("ten thousand random IPv6 addresses, many with runs of zeros")
{
    struct rand rand;
    rand_seed(&rand, 7);
    struct access_record r = record_https();
    for (int i = 0; i < 10000; i++) {
        char ip[ADDR_TEXT];
        uint64_t zeros = rand_u64(&rand);
        memset(&r.node, 0, sizeof(r.node));
        r.node.in6.sin6_family = AF_INET6;
        for (unsigned b = 0; b < 16; b++) {
            bool zero = (zeros >> (b / 2)) & 1;
            r.node.in6.sin6_addr.s6_addr[b] = zero ? 0 : (uint8_t)rand_below(&rand, 256);
        }
        CHECK_STR(field_of(&r, 34), addr_text(&r.node, ip));
    }
}

TEST("quotes, backslashes, control bytes and bytes above 0x7e are escaped, blanks stay in texts")
{
    struct access_record r = record_https();
    r.uri = STR("/a\"b\\c d\x01\xc3\xa9\x7f");
    r.user_agent = STR("x \"y\" \\ \t z");
    CHECK_STR(field_of(&r, 13),
              "GET https://shop.example:443/a\\x22b\\x5Cc d\\x01\\xC3\\xA9\\x7F HTTP/2.0");
    CHECK_STR(field_of(&r, 14), "x \\x22y\\x22 \\x5C \\x09 z");
}

TEST("a blank cannot break a bare field or a method")
{
    struct access_record r = record_https();
    r.ssl_cipher = STR("A B");
    r.error_reason = STR("x y");
    r.method = STR("GE T");
    CHECK_STR(field_of(&r, 15), "A\\x20B");
    CHECK_STR(field_of(&r, 25), "x\\x20y");
    CHECK_STR(field_of(&r, 13), "GE\\x20T https://shop.example:443/cart?id=7 HTTP/2.0");
}

TEST("odd request lines: no path, an asterisk, no version, a version with a blank")
{
    struct access_record r = record_https();
    r.uri = STR_NONE;
    CHECK_STR(field_of(&r, 13), "GET https://shop.example:443/ HTTP/2.0");
    r.method = STR("OPTIONS");
    r.uri = STR("*");
    CHECK_STR(field_of(&r, 13), "OPTIONS https://shop.example:443/* HTTP/2.0");
    r.uri = STR("/x");
    r.version = STR_NONE;
    CHECK_STR(field_of(&r, 13), "OPTIONS https://shop.example:443/x -");
    r.version = STR("HTTP/1.0 ");
    CHECK_STR(field_of(&r, 13), "OPTIONS https://shop.example:443/x HTTP/1.0 ");
}

TEST("fields 28, 29 and 31 to 33 when they are there")
{
    struct access_record r = record_https();
    r.classification = STR("Ambiguous");
    r.classification_reason = STR("SpaceInUri");
    r.transformed_host = STR("inner.example");
    r.transformed_uri = STR("/v2/x y");
    r.transform_status = STR("TransformSuccess");
    CHECK_STR(field_of(&r, 28), "Ambiguous");
    CHECK_STR(field_of(&r, 29), "SpaceInUri");
    CHECK_STR(field_of(&r, 31), "inner.example");
    CHECK_STR(field_of(&r, 32), "/v2/x y");
    CHECK_STR(field_of(&r, 33), "TransformSuccess");
}

/* ---- length ---- */

static char plenty[256 * 1024];

/* All texts as long as can be, of one byte. */
static struct access_record
record_huge(char c)
{
    memset(plenty, c, sizeof(plenty));
    struct str all = {plenty, sizeof(plenty)};
    struct access_record r = record_https();
    struct str *const texts[] = {&r.type,
                                 &r.elb,
                                 &r.method,
                                 &r.scheme,
                                 &r.host,
                                 &r.uri,
                                 &r.version,
                                 &r.user_agent,
                                 &r.ssl_cipher,
                                 &r.ssl_protocol,
                                 &r.trace_id,
                                 &r.actions,
                                 &r.domain_name,
                                 &r.certificate_arn,
                                 &r.target_group_arn,
                                 &r.redirect_url,
                                 &r.error_reason,
                                 &r.classification,
                                 &r.classification_reason,
                                 &r.transformed_host,
                                 &r.transformed_uri,
                                 &r.transform_status};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = all;
    }
    r.received_bytes = UINT64_MAX;
    r.sent_bytes = UINT64_MAX;
    r.request_us = INT64_MAX;
    return r;
}

TEST("over-long fields are cut so that the line fits and stays a line")
{
    static const char fillers[] = {'a', '"', ' ', '\n', '\0', (char)0xff, '/'};
    for (size_t i = 0; i < sizeof(fillers); i++) {
        struct access_record r = record_huge(fillers[i]);
        struct str line = line_of(&r);
        struct str fields[64];
        CHECK_INT(split(line, fields, 64), ACCESS_FIELD_COUNT);
        CHECK(line.n <= LIMIT_LOG_LINE_MAX);
        CHECK(line.p[line.n - 1] == '\n' && memchr(line.p, '\n', line.n - 1) == NULL);
        for (unsigned f = 1; f <= ACCESS_FIELD_COUNT; f++) {
            CHECK(fields[f - 1].n <= access_field(f)->bytes_max);
            CHECK(fields[f - 1].n > 0);
        }
        CHECK_STR(fields[33], "203.0.113.9");
    }
}

TEST("a long URI and a long user agent of usual letters are kept up to their limits")
{
    memset(plenty, 'u', sizeof(plenty));
    struct access_record r = record_https();
    r.uri = (struct str){plenty, 16000};
    plenty[0] = '/';
    r.user_agent = (struct str){plenty + 1, 9000};
    struct str request = field_of(&r, 13);
    CHECK_INT(request.n, strlen("GET https://shop.example:443 HTTP/2.0") + 16000);
    CHECK_INT(field_of(&r, 14).n, 8192);
}

TEST("an escape is never cut in two")
{
    for (size_t n = 8180; n < 8200; n++) {
        memset(plenty, 'u', n);
        memset(plenty + n, '"', 10);
        struct access_record r = record_https();
        r.user_agent = (struct str){plenty, n + 10};
        struct str agent = field_of(&r, 14);
        CHECK(agent.n <= 8192);
        struct str tail = str_sub(agent, MIN_OF(n, agent.n), agent.n);
        CHECK_INT(tail.n % 4, 0);
        for (size_t i = 0; i < tail.n; i += 4) {
            CHECK_STR(str_sub(tail, i, 4), "\\x22");
        }
    }
}

TEST("with too little room the line is left out whole")
{
    struct access_record r = record_https();
    struct str whole = line_of(&r);
    static char small[1024];
    for (size_t size = whole.n - 5; size < whole.n + 5; size++) {
        struct out o = out_of(small, size);
        access_line(&o, &r);
        CHECK_INT(o.full, size < whole.n);
        CHECK_INT(o.p - small, size < whole.n ? 0 : whole.n);
    }
}

/* ---- Athena [data-plane A.1, access-logs 7.1] ---- */

/* The published expression in POSIX form: `[^\s]` is spelled out, `+?` is `+`, an empty alternative
 * is a star. Anchored as Hive does. Columns 1-30 and an open tail. */
static const char athena[] =
    "^([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) "
    "([-.0-9]*) "
    "([-0-9]*) (-|[-0-9]*) ([-0-9]*) ([-0-9]*) \"([^ ]*) (.*) (- |[^ ]*)\" \"([^\"]*)\" "
    "([A-Z0-9_-]+) ([A-Za-z0-9.-]*) ([^ ]*) \"([^\"]*)\" \"([^\"]*)\" \"([^\"]*)\" ([-.0-9]*) "
    "([^ ]*) \"([^\"]*)\" \"([^\"]*)\" \"([^ ]*)\" \"([^[:space:]]+)\" \"([^[:space:]]+)\" "
    "\"([^ ]*)\" \"([^ ]*)\" ?([^ ]*)? ?( .*)?$";

enum { ATHENA_GROUPS = 40 };

static bool
athena_match(struct str line, struct str groups[static ATHENA_GROUPS])
{
    static regex_t expression;
    static bool compiled;
    regmatch_t at[ATHENA_GROUPS];
    static char text[LIMIT_LOG_LINE_MAX + 1];
    if (!compiled) {
        CHECK_INT(regcomp(&expression, athena, REG_EXTENDED), 0);
        compiled = true;
    }
    CHECK(str_copy_z(str_sub(line, 0, line.n - 1), text, sizeof(text)));
    if (regexec(&expression, text, ATHENA_GROUPS, at, 0) != 0) {
        return false;
    }
    for (size_t i = 0; i < ATHENA_GROUPS; i++) {
        groups[i] = at[i].rm_so < 0 ? STR_NONE : str_span(text + at[i].rm_so, text + at[i].rm_eo);
    }
    return true;
}

TEST("Athena's expression finds the columns of a forwarded request")
{
    struct access_record r = record_https();
    struct str g[ATHENA_GROUPS];
    CHECK(athena_match(line_of(&r), g));
    CHECK_STR(g[4], "198.51.100.24");
    CHECK_STR(g[5], "50112");
    CHECK_STR(g[6], "10.3.1.17");
    CHECK_STR(g[7], "8443");
    CHECK_STR(g[8], "0.001");
    CHECK_STR(g[11], "200");
    CHECK_STR(g[15], "GET");
    CHECK_STR(g[16], "https://shop.example:443/cart?id=7");
    CHECK_STR(g[17], "HTTP/2.0");
    CHECK_STR(g[19], "TLS_AES_128_GCM_SHA256");
    CHECK_STR(g[25], "10");
    CHECK_STR(g[30], "10.3.1.17:8443");
    CHECK_STR(g[34], "TID_0123456789abcdef0123456789abcdef");
}

TEST("Athena's expression splits an IPv6 client at the last colon and takes a lone dash as target")
{
    struct access_record r = record_redirect();
    struct str g[ATHENA_GROUPS];
    CHECK(athena_match(line_of(&r), g));
    CHECK_STR(g[4], "2001:db8:4::9");
    CHECK_STR(g[5], "41822");
    CHECK_STR(g[7], "");
    CHECK_STR(g[8], "-1");
    CHECK_STR(g[28], "https://shop.example:443/old");
}

TEST("Athena's expression takes malformed, odd and hostile lines")
{
    static const char *const hostile[] = {
        "/",       "/a b c", "/\"",      "/\\\"",  "/%22",      "/\r\n", "/\x80\xff", "/x HTTP/9.9",
        "/ - - -", "/\"\" ", "/a\tb \"", "/?q=\\", "//\"\" \"", "*",     "\x01",      "/- -\""};
    struct str g[ATHENA_GROUPS];
    struct access_record malformed = record_malformed();
    CHECK(athena_match(line_of(&malformed), g));
    CHECK_STR(g[15], "-");
    CHECK_STR(g[11], "400");
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        struct access_record r = record_https();
        struct str *const texts[] = {
            &r.uri,          &r.user_agent, &r.trace_id, &r.domain_name, &r.redirect_url,
            &r.error_reason, &r.host,       &r.version,  &r.actions,     &r.classification_reason};
        for (size_t t = 0; t < COUNT_OF(texts); t++) {
            struct str saved = *texts[t];
            *texts[t] = str_of(hostile[i]);
            CHECK(athena_match(line_of(&r), g));
            CHECK_STR(g[34], "TID_0123456789abcdef0123456789abcdef");
            *texts[t] = saved;
        }
    }
}

TEST("Athena's expression takes lines of random bytes")
{
    struct rand rand;
    rand_seed(&rand, 34);
    for (int i = 0; i < 300; i++) {
        struct access_record r = record_https();
        char noise[4][24];
        for (size_t n = 0; n < 4; n++) {
            for (size_t b = 0; b < sizeof(noise[n]); b++) {
                noise[n][b] = (char)rand_below(&rand, 256);
            }
        }
        r.uri = (struct str){noise[0], rand_below(&rand, 24)};
        r.user_agent = (struct str){noise[1], rand_below(&rand, 24)};
        r.trace_id = (struct str){noise[2], rand_below(&rand, 24)};
        r.host = (struct str){noise[3], rand_below(&rand, 24)};
        struct str g[ATHENA_GROUPS];
        CHECK(athena_match(line_of(&r), g));
        CHECK_STR(g[19], "TLS_AES_128_GCM_SHA256");
    }
}

TEST_MAIN
