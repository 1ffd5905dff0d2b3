/* SPDX-License-Identifier: Apache-2.0
 * Lines to fields, kinds and faults: all versions, odd and damaged lines, and each splitter against
 * the reading byte by byte. */
#include "base/limits.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/test.h"
#include "log/read_int.h"

/* ---- help ---- */

/* Copies the line into memory that ends LOG_READ_PAD bytes behind it, which hold `filler`. */
static char *
padded(struct str line, char filler)
{
    char *p = xalloc(line.n + LOG_READ_PAD);
    if (line.n > 0) {
        memcpy(p, line.p, line.n);
    }
    memset(p + line.n, filler, LOG_READ_PAD);
    return p;
}

struct held {
    char *p; /* owned */
    struct log_line line;
    enum log_fault fault;
};

static void
held_free(struct held *h)
{
    xfree(h->p);
}

static struct held
split_held(struct str text)
{
    struct held h = {.p = padded(text, '"')};
    h.fault = log_line_split(h.p, text.n, &h.line);
    return h;
}

static const char *
fault_of(const char *text)
{
    struct held h = split_held(str_of(text));
    held_free(&h);
    return log_fault_word(h.fault);
}

/* What must hold of each result, good or not. */
static void
check_sound(const struct log_line *l)
{
    CHECK(l->kind < LOG_KIND_COUNT);
    CHECK(l->count <= LOG_FIELDS_MAX);
    CHECK_INT(l->begin[l->count], l->n + 1);
    for (unsigned i = 0; i < l->count; i++) {
        CHECK(l->begin[i] < l->begin[i + 1]);
        struct str raw = log_line_raw(l, i);
        CHECK(raw.p >= l->p && raw.p + raw.n <= l->p + l->n);
    }
    CHECK(log_line_raw(l, l->count).p == NULL);
}

/* ---- versions ---- */

static const char *const newest[] = {
    "https",
    "2026-09-23T11:02:31.442190Z",
    "app/edge-one/0a1b2c3d4e5f6071",
    "198.51.100.24:50112",
    "10.3.1.17:8443",
    "0.001",
    "0.037",
    "0.000",
    "200",
    "200",
    "512",
    "18231",
    "\"GET https://shop.example:443/cart?id=7 HTTP/2.0\"",
    "\"ExampleAgent/4.1 (x y)\"",
    "TLS_AES_128_GCM_SHA256",
    "TLSv1.3",
    "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/99aabbccddeeff00",
    "\"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\"",
    "\"shop.example\"",
    "\"session-reused\"",
    "10",
    "2026-09-23T11:02:31.404000Z",
    "\"waf,forward\"",
    "\"-\"",
    "\"\"",
    "\"10.3.1.17:8443\"",
    "\"200\"",
    "\"-\"",
    "\"-\"",
    "TID_0123456789abcdef0123456789abcdef",
    "\"-\"",
    "\"-\"",
    "\"-\"",
    "203.0.113.9",
    "\"-\"",
    "\"-\"",
    "\"a b\"",
    "c",
    "\"\"",
    "\"d\"",
};

static struct str
unquoted(const char *text)
{
    struct str s = str_of(text);
    return s.n >= 2 && s.p[0] == '"' ? str_sub(s, 1, s.n - 2) : s;
}

static void
join(struct buf *b, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_addf(b, "%s%s", i == 0 ? "" : " ", words[i]);
    }
}

static void
check_version(size_t fields)
{
    AUTO(buf_free) struct buf b = {0};
    join(&b, newest, fields);
    struct held h = split_held(buf_str(&b));
    CHECK_INT(h.fault, LOG_FAULT_NONE);
    CHECK_INT(h.line.kind, LOG_ACCESS);
    CHECK_INT(h.line.count, fields);
    check_sound(&h.line);
    for (unsigned i = 0; i < fields; i++) {
        CHECK(str_eq(log_line_raw(&h.line, i), unquoted(newest[i])));
        CHECK_INT(log_line_quoted(&h.line, i), newest[i][0] == '"');
    }
    held_free(&h);
}

TEST("access lines of all versions, and of one to come")
{
    static const size_t versions[] = {17, 18, 20, 21, 23, 24, 25, 27, 29, 30, 33, 34, 36, 40};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        check_version(versions[i]);
    }
}

TEST("between versions a line is good too, below 17 fields it is not")
{
    for (size_t fields = 17; fields <= COUNT_OF(newest); fields++) {
        check_version(fields);
    }
    for (size_t fields = 2; fields < 17; fields++) {
        AUTO(buf_free) struct buf b = {0};
        join(&b, newest, fields);
        struct held h = split_held(buf_str(&b));
        CHECK_STR(str_of(log_fault_word(h.fault)), "too-few-fields");
        CHECK_INT(h.line.kind, LOG_ACCESS);
        CHECK_INT(h.line.count, fields);
        held_free(&h);
    }
}

/* ---- the lines of the guide's shape [ALB log 1.5, 4, 5] ---- */

#define FORWARDED                                                                                  \
    "https 2026-09-23T11:02:31.442190Z app/edge-one/0a1b2c3d4e5f6071 198.51.100.24:50112 "         \
    "10.3.1.17:8443 0.001 0.037 0.000 200 200 512 18231 "                                          \
    "\"GET https://shop.example:443/cart?id=7 HTTP/2.0\" \"ExampleAgent/4.1\" "                    \
    "TLS_AES_128_GCM_SHA256 TLSv1.3 "                                                              \
    "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/99aabbccddeeff00 "     \
    "\"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\" \"shop.example\" "                               \
    "\"arn:aws:acm:eu-central-1:111122223333:certificate/"                                         \
    "0f0f0f0f-1111-2222-3333-444444444444\" 10 2026-09-23T11:02:31.404000Z \"waf,forward\" "       \
    "\"-\" \"-\" \"10.3.1.17:8443\" \"200\" \"-\" \"-\" TID_0123456789abcdef0123456789abcdef "     \
    "\"-\" \"-\" \"-\" 203.0.113.9 \"-\" \"-\""
#define REDIRECTED                                                                                 \
    "http 2026-09-23T11:02:32.000871Z app/edge-one/0a1b2c3d4e5f6071 2001:db8:4::9:41822 - -1 -1 "  \
    "-1 301 - 133 253 \"GET http://shop.example:80/old HTTP/1.1\" \"-\" - - - "                    \
    "\"Root=1-68d27f08-11aa22bb33cc44dd55ee66ff\" \"-\" \"-\" 0 2026-09-23T11:02:32.000000Z "      \
    "\"redirect\" \"https://shop.example:443/old\" \"-\" \"-\" \"-\" \"-\" \"-\" "                 \
    "TID_fedcba9876543210fedcba9876543210 \"-\" \"-\" \"-\" 203.0.113.9 \"-\" \"-\""
#define MALFORMED                                                                                  \
    "http 2026-09-23T11:02:33.115020Z app/edge-one/0a1b2c3d4e5f6071 192.0.2.77:60001 - -1 -1 -1 "  \
    "400 - 0 272 \"- http://edge-one-123456789.eu-central-1.elb.amazonaws.com:80- -\" \"-\" - "    \
    "- - \"-\" \"-\" \"-\" - 2026-09-23T11:02:33.114000Z \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" "     \
    "\"-\" TID_00112233445566778899aabbccddeeff \"-\" \"-\" \"-\" 203.0.113.9 \"-\" \"-\""
#define CONNECTED                                                                                  \
    "2026-09-23T11:02:31.100422Z 198.51.100.24 50112 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.021 "    \
    "\"-\" - - Success TID_0123456789abcdef0123456789abcdef"
#define CHECKED "http 2026-09-23T11:02:31.100422Z 0.003271000 10.3.1.17:8443 web-99aabb PASS 200 -"

/* The front of an access line up to the request, which is field 13, and what an old version has
 * behind it: 17 fields. */
#define FRONT                                                                                      \
    "http 2026-09-23T11:02:31.442190Z app/e/0a 192.0.2.7:1 10.3.1.17:80 0.001 0.037 0.000 200 "    \
    "200 512 18231 "
#define BACK " - - arn"
/* The same with an agent of one word: 17 fields. */
#define WITH_REQUEST(request) FRONT "\"" request "\" \"a\"" BACK
#define WITH_AGENT(agent) FRONT "\"GET http://h:80/ HTTP/1.1\" " agent BACK

static const struct {
    const char *text;
    const char *fault;
    enum log_kind kind;
    unsigned count;
    unsigned field; /* one that is looked at */
    const char *value;
} lines[] = {
    {FORWARDED, "none", LOG_ACCESS, 36, LOG_ACCESS_ACTIONS_EXECUTED, "waf,forward"},
    {FORWARDED, "none", LOG_ACCESS, 36, LOG_ACCESS_REQUEST,
     "GET https://shop.example:443/cart?id=7 HTTP/2.0"},
    {FORWARDED, "none", LOG_ACCESS, 36, LOG_ACCESS_IP_ADDRESS, "203.0.113.9"},
    {FORWARDED "\r", "none", LOG_ACCESS, 36, 35, "-"},
    {REDIRECTED, "none", LOG_ACCESS, 36, LOG_ACCESS_CLIENT, "2001:db8:4::9:41822"},
    {REDIRECTED, "none", LOG_ACCESS, 36, LOG_ACCESS_TARGET, "-"},
    {REDIRECTED, "none", LOG_ACCESS, 36, LOG_ACCESS_REDIRECT_URL, "https://shop.example:443/old"},
    {MALFORMED, "none", LOG_ACCESS, 36, LOG_ACCESS_REQUEST,
     "- http://edge-one-123456789.eu-central-1.elb.amazonaws.com:80- -"},
    {MALFORMED, "none", LOG_ACCESS, 36, LOG_ACCESS_CONN_TRACE_ID,
     "TID_00112233445566778899aabbccddeeff"},
    /* requests of all shapes stay one field */
    {WITH_REQUEST("- http://h:8080- "), "none", LOG_ACCESS, 17, 12, "- http://h:8080- "},
    {WITH_REQUEST("- - - "), "none", LOG_ACCESS, 17, 12, "- - - "},
    {WITH_REQUEST("GET http://h:80/  HTTP/1.1"), "none", LOG_ACCESS, 17, 16, "arn"},
    {WITH_REQUEST("GET http://h:80/a b  c HTTP/1.0 "), "none", LOG_ACCESS, 17, 16, "arn"},
    {WITH_REQUEST("GET http://h:80/\\x22\\x5C HTTP/1.1"), "none", LOG_ACCESS, 17, 16, "arn"},
    {WITH_REQUEST("GET http://h:80/\\a\\ b HTTP/1.1"), "none", LOG_ACCESS, 17, 16, "arn"},
    {WITH_REQUEST(""), "none", LOG_ACCESS, 17, 12, ""},
    /* quotes */
    {WITH_AGENT("\"a \\\"b c\\\" d\""), "none", LOG_ACCESS, 17, 13, "a \\\"b c\\\" d"},
    {WITH_AGENT("\"\\\"\""), "none", LOG_ACCESS, 17, 13, "\\\""},
    {WITH_AGENT("\"a \\\\\""), "none", LOG_ACCESS, 17, 13, "a \\\\"},
    {WITH_AGENT("\"c:\\\""), "none", LOG_ACCESS, 17, 13, "c:\\"},
    {WITH_AGENT("\"\\x00000022 x\""), "none", LOG_ACCESS, 17, 13, "\\x00000022 x"},
    {WITH_AGENT("a\\\"b"), "none", LOG_ACCESS, 17, 13, "a\\\"b"},
    {WITH_AGENT("\"a\"b"), "text-after-quote", LOG_ACCESS, 14, 12, "GET http://h:80/ HTTP/1.1"},
    {WITH_AGENT("\"a\"\""), "text-after-quote", LOG_ACCESS, 14, 12, "GET http://h:80/ HTTP/1.1"},
    {WITH_AGENT("a\"b"), "stray-quote", LOG_ACCESS, 14, 12, "GET http://h:80/ HTTP/1.1"},
    {WITH_AGENT("\"a b c"), "unclosed-quote", LOG_ACCESS, 14, 12, "GET http://h:80/ HTTP/1.1"},
    {WITH_AGENT("\"a b c"), "unclosed-quote", LOG_ACCESS, 14, 13, "\"a b c - - arn"},
    {FRONT "\"GET http://h:80/ HT", "unclosed-quote", LOG_ACCESS, 13, 11, "18231"},
    {FRONT "\"", "unclosed-quote", LOG_ACCESS, 13, 12, "\""},
    /* the load balancer without "app/", empty fields, a blank at the end */
    {"h2 2026-09-23T11:02:31Z edge-one 192.0.2.7:1 - -1 -1 -1 503 - 1 2 \"\" \"\" - - arn", "none",
     LOG_ACCESS, 17, 2, "edge-one"},
    {"h2 2026-09-23T11:02:31Z edge-one 2001:db8::1:4711 - -1 -1 -1 503 - 1 2 \"\" \"\" - - arn",
     "none", LOG_ACCESS, 17, 3, "2001:db8::1:4711"},
    {WITH_REQUEST("x") " ", "none", LOG_ACCESS, 18, 17, ""},
    {WITH_REQUEST("x") "  \"y\"", "none", LOG_ACCESS, 19, 18, "y"},
    {WITH_REQUEST("x") " \"Root=1-6-0;Self=1-7-1;k=v w\" \" *.h\" \"-\"", "none", LOG_ACCESS, 20,
     18, " *.h"},
    {WITH_REQUEST("x") " \"Root=1-6-0;Self=1-7-1;k=v w\" \"*\" \"-\"", "none", LOG_ACCESS, 20, 17,
     "Root=1-6-0;Self=1-7-1;k=v w"},
    {WITH_REQUEST("x") " \"\" \"h\" \"-\" 1 - \"forward\" \"-\" \"-\" 10.3.1.17:80 200", "none",
     LOG_ACCESS, 27, LOG_ACCESS_TARGET_LIST, "10.3.1.17:80"},
    {"wss 2026-09-23T11:02:31.442190Z app/e/0a [2001:db8::7]:50718 [2001:db8::8]:80 0.001000 "
     "0.037123 0.000001 101 101 0 0 \"GET wss://h:443/ws HTTP/1.1\" \"-\" - - arn",
     "none", LOG_ACCESS, 17, 4, "[2001:db8::8]:80"},
    /* connections */
    {CONNECTED, "none", LOG_CONNECTION, 12, LOG_CONNECTION_CONN_TRACE_ID,
     "TID_0123456789abcdef0123456789abcdef"},
    {CONNECTED " X25519MLKEM768", "none", LOG_CONNECTION, 13, LOG_CONNECTION_TLS_KEYEXCHANGE,
     "X25519MLKEM768"},
    {CONNECTED " X25519MLKEM768 app/e/0a 203.0.113.9", "none", LOG_CONNECTION, 15,
     LOG_CONNECTION_IP_ADDRESS, "203.0.113.9"},
    {"2026-09-23T11:02:31.100422Z 2001:db8::9 50112 443 - - - \"-\" - - - TID_0", "none",
     LOG_CONNECTION, 12, LOG_CONNECTION_CLIENT_IP, "2001:db8::9"},
    {"2026-09-23T11:02:31.100422Z - - - - - - \"-\" - - Failed:UnmappedConnectionError -", "none",
     LOG_CONNECTION, 12, LOG_CONNECTION_TLS_VERIFY_STATUS, "Failed:UnmappedConnectionError"},
    {"2026-09-23T11:02:31.100422Z 192.0.2.1 1 443 TLSv1.2 X 0.1 \"CN=a b,O=\\\"c, d\\\"\" "
     "NotBefore=2026-01-01T00:00:00Z;NotAfter=2027-01-01T00:00:00Z 01ab Success TID_0",
     "none", LOG_CONNECTION, 12, LOG_CONNECTION_LEAF_CLIENT_CERT_SUBJECT, "CN=a b,O=\\\"c, d\\\""},
    {"2026-09-23T11:02:31.100422Z 192.0.2.1 1 443 TLSv1.3", "too-few-fields", LOG_CONNECTION, 5, 4,
     "TLSv1.3"},
    {"2026-13-23T11:02:31.100422Z 192.0.2.1 1 443 - - - \"-\" - - - TID_0", "bad-time",
     LOG_CONNECTION, 12, 1, "192.0.2.1"},
    /* health checks */
    {CHECKED, "none", LOG_HEALTH, 8, LOG_HEALTH_STATUS, "PASS"},
    {CHECKED " app/e/0a 203.0.113.9", "none", LOG_HEALTH, 10, LOG_HEALTH_ELB, "app/e/0a"},
    {"lambda 2026-09-23T11:02:31.100422Z 0.103271000 "
     "arn:aws:lambda:eu-central-1:111122223333:function:f:7 fns FAIL 502 TargetError",
     "none", LOG_HEALTH, 8, LOG_HEALTH_REASON_CODE, "TargetError"},
    {"http 2026-09-23T11:02:31.100422Z - 10.3.1.17:80 web FAIL - TimedOut", "none", LOG_HEALTH, 8,
     LOG_HEALTH_LATENCY, "-"},
    {"http 2026-09-23T11:02:31.100422Z 0.003271000 10.3.1.17:80 web PASS", "too-few-fields",
     LOG_HEALTH, 6, 4, "web"},
    {"http 2026-02-30T11:02:31.100422Z 0.003271000 10.3.1.17:80 web PASS 200 -", "bad-time",
     LOG_HEALTH, 8, 4, "web"},
    /* no lines of ours */
    {"", "empty", LOG_ACCESS, 0, 0, ""},
    {"\r", "empty", LOG_ACCESS, 0, 0, ""},
    {" ", "not-alb", LOG_ACCESS, 2, 0, ""},
    {"hello", "not-alb", LOG_ACCESS, 1, 0, "hello"},
    {"https now app/e/0a", "too-few-fields", LOG_ACCESS, 3, 2, "app/e/0a"},
    {"2015-05-13T23:39:43.945958Z my-lb 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 "
     "200 200 0 29 \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.38.0\" - -",
     "not-alb", LOG_ACCESS, 15, 1, "my-lb"},
    {"tls 2.0 2018-12-20T02:59:40 net/my-nlb/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341 "
     "172.100.100.185:443 5 2 98 246 - arn - TLS TLSv12 - my-nlb - - -",
     "not-alb", LOG_ACCESS, 21, 3, "net/my-nlb/c6e77e28c25b2234"},
    {"INFO 2026-09-23T11:02:31Z word word word word word word word word word word word word word "
     "word word word",
     "not-alb", LOG_ACCESS, 18, 0, "INFO"},
};

TEST("odd lines, damaged lines, lines of all kinds")
{
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct held h = split_held(str_of(lines[i].text));
        bool good = strcmp(log_fault_word(h.fault), lines[i].fault) == 0 &&
                    (h.line.kind == lines[i].kind || h.fault == LOG_FAULT_NOT_ALB) &&
                    h.line.count == lines[i].count;
        if (!good) {
            test_failed(__FILE__, __LINE__, "row %zu: %s, kind %u, %u fields: %s", i,
                        log_fault_word(h.fault), h.line.kind, h.line.count, lines[i].text);
        }
        check_sound(&h.line);
        CHECK_STR(log_line_raw(&h.line, lines[i].field), lines[i].value);
        held_free(&h);
    }
}

TEST("times that are none are a fault of the line")
{
    static const char *const bad[] = {"2026-02-29T11:02:31.442190Z", "2026-09-31T11:02:31.442190Z",
                                      "2026-09-23T24:00:00.000000Z", "2026-09-23T11:02:31.442190",
                                      "2026-09-23 11:02:31.442190Z", "-",
                                      "2026-09-23T11:02:31.44219xZ"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO(buf_free) struct buf b = {0};
        buf_addf(&b, "http %s app/e/0a 192.0.2.7:1 - -1 -1 -1 503 - 1 2 \"\" \"\" - - -", bad[i]);
        bool two_words = strchr(bad[i], ' ') != NULL; /* then nothing stands where it should */
        CHECK_STR(str_of(fault_of(b.p)), two_words ? "not-alb" : "bad-time");
    }
}

TEST("absent fields: missing, a dash, empty")
{
    struct held h = split_held(STR(REDIRECTED));
    CHECK(log_line_field(&h.line, LOG_ACCESS_TARGET).p == NULL);
    CHECK(log_line_field(&h.line, LOG_ACCESS_USER_AGENT).p == NULL);
    CHECK(log_line_field(&h.line, 36).p == NULL);
    CHECK(log_line_field(&h.line, UINT32_MAX).p == NULL);
    CHECK_STR(log_line_field(&h.line, LOG_ACCESS_ELB_STATUS_CODE), "301");
    held_free(&h);
    h = split_held(STR(WITH_REQUEST("")));
    CHECK(log_line_field(&h.line, LOG_ACCESS_REQUEST).p == NULL);
    CHECK(log_line_raw(&h.line, LOG_ACCESS_REQUEST).p != NULL);
    held_free(&h);
}

/* ---- limits ---- */

TEST("lines of up to the limit are read, longer ones are not")
{
    static char text[LIMIT_LOG_READ_LINE_MAX + 1 + LOG_READ_PAD];
    struct str front = STR(FRONT "\"a\" \"b\" - - ");
    memset(text, 'x', sizeof(text));
    memcpy(text, front.p, front.n);
    struct log_line line;
    CHECK_INT(log_line_split(text, LIMIT_LOG_READ_LINE_MAX, &line), LOG_FAULT_NONE);
    CHECK_INT(log_line_raw(&line, 16).n, LIMIT_LOG_READ_LINE_MAX - front.n);
    CHECK_INT(log_line_split(text, LIMIT_LOG_READ_LINE_MAX + 1, &line), LOG_FAULT_TOO_LONG);
    CHECK_INT(line.count, 0);
    check_sound(&line);
}

TEST("more fields than are split: the last one holds the rest")
{
    for (size_t more = 20; more <= 120; more++) {
        AUTO(buf_free) struct buf b = {0};
        buf_add_z(&b, WITH_REQUEST("x"));
        for (size_t i = 0; i < more; i++) {
            buf_addf(&b, " \"f %zu\"", i);
        }
        struct held h = split_held(buf_str(&b));
        CHECK_INT(h.fault, LOG_FAULT_NONE);
        CHECK_INT(h.line.count, MIN_OF(17 + more, (size_t)LOG_FIELDS_MAX));
        check_sound(&h.line);
        CHECK_STR(log_line_raw(&h.line, 17), "f 0");
        CHECK_STR(log_line_raw(&h.line, 36), "f 19");
        if (17 + more >= LOG_FIELDS_MAX) {
            CHECK_STR(log_line_raw(&h.line, LOG_FIELDS_MAX - 2), "f 45");
            CHECK(str_starts(log_line_raw(&h.line, LOG_FIELDS_MAX - 1), STR("f 46")));
        }
        held_free(&h);
    }
}

TEST("a backslash before a closing quote: the reading that fits a version counts")
{
    /* escaped: one agent; ordinary: a stray quote */
    CHECK_STR(str_of(fault_of(WITH_AGENT("\"a\\\" \\\"b\""))), "none");
    /* escaped: text after a quote; ordinary: good */
    struct held h = split_held(STR(WITH_REQUEST("x") " \"t\\\" \"u\\\" \"-\""));
    CHECK_INT(h.fault, LOG_FAULT_NONE);
    CHECK_INT(h.line.count, 20);
    CHECK_STR(log_line_raw(&h.line, LOG_ACCESS_DOMAIN_NAME), "u\\");
    held_free(&h);
    /* escaped: good with 22 fields, which is no version; ordinary: 20 fields */
    h = split_held(STR(WITH_REQUEST("x") " \"t\" \"a\\\" \" b c d\\\""));
    CHECK_INT(h.fault, LOG_FAULT_NONE);
    CHECK_INT(h.line.count, 20);
    CHECK_STR(log_line_raw(&h.line, LOG_ACCESS_CHOSEN_CERT_ARN), " b c d\\");
    held_free(&h);
    /* escaped: 21 fields, a version; it is the first reading that counts */
    h = split_held(STR(WITH_REQUEST("x") " \"t\" \"a\\\" \" b c\\\""));
    CHECK_INT(h.fault, LOG_FAULT_NONE);
    CHECK_INT(h.line.count, 21);
    CHECK_STR(log_line_raw(&h.line, LOG_ACCESS_DOMAIN_NAME), "a\\\" ");
    held_free(&h);
    /* neither fits: 19 fields either way, the first reading stays */
    h = split_held(STR(WITH_REQUEST("x") " \"a\\\" \" b\\\""));
    CHECK_INT(h.fault, LOG_FAULT_NONE);
    CHECK_INT(h.line.count, 19);
    CHECK_STR(log_line_raw(&h.line, 18), "b\\\"");
    held_free(&h);
}

/* ---- the splitters against the reading byte by byte ---- */

static unsigned accepted;

static bool
same_fields(const struct log_line *a, const struct log_line *b)
{
    return a->n == b->n && a->count == b->count &&
           memcmp(a->begin, b->begin, (a->count + 1) * sizeof(a->begin[0])) == 0;
}

static bool
has_escaped_quote(struct str s)
{
    return str_find(s, STR("\\\""), NULL);
}

static void
check_splitter(const struct log_splitter *s, struct str text)
{
    static const char fillers[] = {' ', '"', '\\', '\0', 'x', (char)0xff};
    struct log_line expected;
    char *exact = padded(text, 'x');
    enum log_fault fault = log_split_carefully(exact, text.n, false, &expected);
    bool wanted = fault == LOG_FAULT_NONE && !has_escaped_quote(text) &&
                  expected.count <= LOG_SPLIT_FIELDS_MAX;
    xfree(exact);
    for (size_t i = 0; i < sizeof(fillers); i++) {
        struct log_line line;
        char *p = padded(text, fillers[i]);
        bool done = s->run(p, text.n, &line);
        if (done != wanted || (done && !same_fields(&line, &expected))) {
            test_failed(__FILE__, __LINE__, "%s, filler %d: %.*s", s->name, fillers[i],
                        STR_ARG(text));
        }
        accepted += done;
        xfree(p);
    }
}

static void
check_splitters(struct str text)
{
    const struct log_splitter *s;
    for (size_t i = 0; (s = log_splitter(i)) != NULL; i++) {
        if (s->usable()) {
            check_splitter(s, text);
        }
    }
}

TEST("each splitter finds what the careful reading finds: known lines, cut at each byte")
{
    static const char *const texts[] = {FORWARDED, REDIRECTED, MALFORMED, CONNECTED, CHECKED};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str text = str_of(texts[i]);
        for (size_t n = 1; n <= text.n; n++) {
            check_splitters((struct str){text.p, n});
            check_splitters((struct str){text.p + n - 1, text.n - n + 1});
        }
    }
    CHECK(accepted > 1000);
}

TEST("each splitter finds what the careful reading finds: hostile bytes")
{
    static const char alphabet[] = "\"\" \\ab\r\0\xff-";
    struct rand r;
    rand_seed(&r, 11);
    accepted = 0;
    for (int i = 0; i < 6000; i++) {
        char text[300];
        size_t n = 1 + rand_below(&r, i % 3 == 0 ? 20 : sizeof(text) - 1);
        size_t letters = 1 + rand_below(&r, sizeof(alphabet) - 1);
        for (size_t k = 0; k < n; k++) {
            text[k] = alphabet[rand_below(&r, letters)];
        }
        check_splitters((struct str){text, n});
    }
}

/* Well-quoted fields; dense: nearly all are empty or one byte. */
static void
add_fields(struct buf *b, struct rand *r, size_t fields, bool dense)
{
    for (size_t f = 0; f < fields; f++) {
        const char *quote = !dense && rand_below(r, 2) == 0 ? "\"" : "";
        buf_addf(b, "%s%s", f == 0 ? "" : " ", quote);
        size_t bytes = rand_below(r, dense ? 2 : rand_below(r, 8) == 0 ? 150 : 6);
        for (size_t k = 0; k < bytes; k++) {
            buf_add_char(b, *quote != '\0' && rand_below(r, 4) == 0 ? ' ' : 'x');
        }
        buf_add_z(b, quote);
    }
}

TEST("each splitter finds what the careful reading finds: well-quoted fields of any length")
{
    struct rand r;
    rand_seed(&r, 12);
    accepted = 0;
    for (int i = 0; i < 4000; i++) {
        AUTO(buf_free) struct buf b = {0};
        add_fields(&b, &r, 1 + rand_below(&r, 60), i % 4 == 0);
        if (b.n > 0) {
            check_splitters(buf_str(&b));
        }
    }
    CHECK(accepted > 10000);
}

TEST("each splitter finds what the careful reading finds: well-quoted fields with one odd place")
{
    static const char *const odd[] = {"\"", "\\", " ", "x", "\\\"", "\"\"", "\"x", "x\"", "\" "};
    struct rand r;
    rand_seed(&r, 13);
    for (int i = 0; i < 300; i++) {
        AUTO(buf_free) struct buf b = {0};
        add_fields(&b, &r, 4 + rand_below(&r, 20), false);
        for (size_t at = 0; at < MIN_OF(b.n, (size_t)200); at++) {
            const char *place = odd[rand_below(&r, COUNT_OF(odd))];
            size_t skipped = MIN_OF(b.n - at, (size_t)rand_below(&r, 3));
            AUTO(buf_free) struct buf changed = {0};
            buf_add(&changed, b.p, at);
            buf_add_z(&changed, place);
            buf_add(&changed, b.p + at + skipped, b.n - at - skipped);
            check_splitters(buf_str(&changed));
        }
    }
}

TEST("the last splitter runs everywhere; names differ")
{
    size_t count = 0;
    for (; log_splitter(count) != NULL; count++) {
        for (size_t i = 0; i < count; i++) {
            CHECK(strcmp(log_splitter(i)->name, log_splitter(count)->name) != 0);
        }
    }
    CHECK(count > 0 && log_splitter(count - 1)->usable());
    CHECK_STR(str_of(log_splitter(count - 1)->name), "plain");
}

/* ---- tables ---- */

TEST("the tables: number of fields, names, quotes, words")
{
    CHECK_INT(log_field_count(LOG_ACCESS), 34);
    CHECK_INT(log_field_count(LOG_CONNECTION), 15);
    CHECK_INT(log_field_count(LOG_HEALTH), 10);
    CHECK_STR(str_of(log_field(LOG_ACCESS, LOG_ACCESS_CLIENT)->name), "client:port");
    CHECK_STR(str_of(log_field(LOG_CONNECTION, 14)->name), "ip_address");
    CHECK_STR(str_of(log_field(LOG_HEALTH, 7)->name), "reason_code");
    for (unsigned i = 0; i < 34; i++) {
        CHECK_INT(log_field(LOG_ACCESS, i)->quoted, newest[i][0] == '"');
        CHECK_STR(str_of(log_field(LOG_ACCESS, i)->name), access_field(i + 1)->name);
    }
    for (unsigned i = 0; i < 15; i++) {
        CHECK_INT(log_field(LOG_CONNECTION, i)->quoted, i == 7);
    }
    CHECK_STR(str_of(log_kind_word(LOG_ACCESS)), "access");
    CHECK_STR(str_of(log_kind_word(LOG_CONNECTION)), "connection");
    CHECK_STR(str_of(log_kind_word(LOG_HEALTH)), "health-check");
}

TEST("each fault has a word of its own and a sentence")
{
    for (unsigned i = 0; i < LOG_FAULT_COUNT; i++) {
        struct str text = str_of(log_fault_text((enum log_fault)i));
        CHECK(text.n > 10 && text.p[text.n - 1] == '.');
        for (unsigned k = 0; k < i; k++) {
            CHECK(strcmp(log_fault_word((enum log_fault)i), log_fault_word((enum log_fault)k)) !=
                  0);
        }
    }
}

/* ---- other products ---- */

TEST("files of other products are named, our own are not")
{
    static const struct {
        const char *text;
        const char *says; /* NULL: may be ours */
    } files[] = {
        {FORWARDED "\n", NULL},
        {CONNECTED "\n", NULL},
        {CONNECTED " X25519 app/e/0a 203.0.113.9\n" CHECKED "\n", NULL},
        {"2026-09-23T11:02:31.100422Z - - - - - - \"-\" - - - -\n", NULL},
        {CHECKED "\n", NULL},
        {"", NULL},
        {"\n\n", NULL},
        {"2015-05-13T23:39:43.945958Z my-lb 192.168.131.39:2817 - -1 -1 -1 503 0 0 0 \"-\"\n",
         "Classic"},
        {"\n2015-05-13T23:39:43.945958Z my-lb 192.168.131.39:2817 10.0.0.1:80 0.000073\n",
         "Classic"},
        {"tls 2.0 2018-12-20T02:59:40 net/my-nlb/c6e77e28c25b2234 g3d4 72.21.218.154:51341\n",
         "Network"},
        {"{\"type\":\"https\",\"time\":\"2026-09-23T11:02:31.442190Z\"}\n", "CloudWatch"},
        {"#Version: 1.0\n#Fields: date time\n", "CloudFront"},
        {"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be bucket "
         "[06/Feb/2019:00:00:38 +0000] 192.0.2.3\n",
         "S3 bucket"},
        {"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20\n", "VPC"},
        {"192.0.2.1 - - [23/Sep/2026:11:02:31 +0000] \"GET / HTTP/1.1\" 200 1\n", "web server"},
        {"PAR1\x15\x04", "Parquet"},
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        const char *text = log_foreign(str_of(files[i].text));
        bool good = files[i].says == NULL ? text == NULL
                                          : text != NULL && strstr(text, files[i].says) != NULL;
        if (!good) {
            test_failed(__FILE__, __LINE__, "row %zu: %s", i, text == NULL ? "NULL" : text);
        }
    }
}

TEST_MAIN
