/* SPDX-License-Identifier: Apache-2.0
 * Texts of fields to values: times, numbers, addresses, requests, escapes. */
#include "base/clock.h"
#include "base/rand.h"
#include "base/test.h"
#include "log/read_int.h"

/* ---- times ---- */

static uint64_t
time_of(const char *text)
{
    struct log_clock memo = {0};
    uint64_t us = 0;
    return log_time(&memo, str_of(text), &us) ? us : UINT64_MAX;
}

TEST("times that are right")
{
    static const struct {
        const char *text;
        uint64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00.000000Z", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"2026-09-23T11:02:31.442190Z", UINT64_C(1790161351442190)},
        {"2026-09-23T11:02:31Z", UINT64_C(1790161351000000)},
        {"2026-09-23T11:02:31.4Z", UINT64_C(1790161351400000)},
        {"2026-09-23T11:02:31.442Z", UINT64_C(1790161351442000)},
        {"2026-09-23T11:02:31.4421909Z", UINT64_C(1790161351442190)},
        {"2026-09-23T11:02:31.442190999Z", UINT64_C(1790161351442190)},
        {"2024-02-29T23:59:59.999999Z", UINT64_C(1709251199999999)},
        {"2000-02-29T00:00:00Z", UINT64_C(951782400000000)},
        {"9999-12-31T23:59:59.999999Z", UINT64_C(253402300799999999)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_INT(time_of(rows[i].text), rows[i].us);
    }
}

TEST("times that are wrong")
{
    static const char *const rows[] = {
        "",
        "-",
        "Z",
        "2026-09-23",
        "2026-09-23T11:02:31",
        "2026-09-23T11:02:31.Z",
        "2026-09-23T11:02:31.442190",
        "2026-09-23T11:02:31.442190z",
        "2026-09-23T11:02:31.4421909990Z",
        "2026-09-23T11:02:31.44219aZ",
        "2026-09-23T11:02:31,442190Z",
        "2026-09-23T11:02:31.4 2190Z",
        "2026-09-23T11:02:31.442190Z ",
        "2026-09-23T11:02:31+00:00",
        "2026-09-23T11:02:31.442190+0Z",
        "2026-09-23 11:02:31.442190Z",
        "2026/09/23T11:02:31.442190Z",
        "2026-09-23T11-02-31.442190Z",
        "2026-9-23T11:02:31.4421900Z",
        "2026-00-23T11:02:31.442190Z",
        "2026-13-23T11:02:31.442190Z",
        "2026-09-00T11:02:31.442190Z",
        "2026-09-31T11:02:31.442190Z",
        "2026-02-30T11:02:31.442190Z",
        "2026-02-29T11:02:31.442190Z",
        "2100-02-29T11:02:31.442190Z",
        "2026-09-23T24:00:00.000000Z",
        "2026-09-23T11:60:31.442190Z",
        "2026-09-23T11:02:60.442190Z",
        "1969-12-31T23:59:59.999999Z",
        "0000-01-01T00:00:00.000000Z",
        "202:-09-23T11:02:31.442190Z",
        "202/-09-23T11:02:31.442190Z",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (time_of(rows[i]) != UINT64_MAX) {
            test_failed(__FILE__, __LINE__, "accepted: %s", rows[i]);
        }
    }
    char zeros[27] = {0}; /* as a memo without a second has them */
    memcpy(zeros + 19, ".442190Z", 8);
    struct log_clock memo = {0};
    uint64_t us = 7;
    CHECK(!log_time(&memo, (struct str){zeros, sizeof(zeros)}, &us));
    CHECK_INT(us, 7);
}

TEST("each byte of a time matters, with the memo warm and cold")
{
    static const char good[] = "2026-09-23T11:02:31.442190Z";
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (int c = 0; c < 256; c++) {
            char text[sizeof(good)];
            memcpy(text, good, sizeof(good));
            text[at] = (char)c;
            struct log_clock warm = {0};
            struct log_clock cold = {0};
            uint64_t warm_us = 0;
            uint64_t cold_us = 0;
            struct str s = {text, sizeof(good) - 1};
            CHECK(log_time(&warm, STR("2026-09-23T11:02:31Z"), &warm_us));
            bool warm_good = log_time(&warm, s, &warm_us);
            CHECK_INT(warm_good, log_time(&cold, s, &cold_us));
            CHECK(!warm_good || warm_us == cold_us);
            CHECK(!warm_good || ascii_is_digit((char)c) || good[at] == (char)c);
        }
    }
}

TEST("what the writer's clock writes is read back: twenty thousand moments with one memo")
{
    struct rand r;
    rand_seed(&r, 3);
    struct log_clock memo = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t wall_us = rand_below(&r, UINT64_C(253402300800000000));
        for (unsigned near = 0; near < 3; near++, wall_us += 300000) {
            char text[32];
            struct out o = out_of(text, sizeof(text));
            out_iso8601(&o, wall_us, false);
            uint64_t us = 0;
            bool representable = wall_us < UINT64_C(253402300800000000);
            CHECK_INT(log_time(&memo, str_span(text, o.p), &us), representable);
            CHECK(!representable || us == wall_us);
        }
    }
}

/* ---- numbers ---- */

TEST("seconds")
{
    static const struct {
        const char *text;
        bool good;
        uint64_t us;
    } rows[] = {
        {"0.000", true, 0},
        {"0.001", true, 1000},
        {"0.037", true, 37000},
        {"12.5", true, 12500000},
        {"0.000123", true, 123},
        {"0.003271999", true, 3271},
        {"0.999999999", true, 999999},
        {"60", true, 60000000},
        {"9223372036854.776", true, UINT64_C(9223372036854776000)},
        {"9999999999999.999999", true, UINT64_C(9999999999999999999)},
        {"10000000000000", false, 0},
        {"99999999999999999999999999", false, 0},
        {"0.0000000001", false, 0},
        {"-1", false, 0},
        {"-", false, 0},
        {"", false, 0},
        {".5", false, 0},
        {"5.", false, 0},
        {"1.2.3", false, 0},
        {"1e3", false, 0},
        {"0x1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"+1", false, 0},
        {"1,5", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t us = 77;
        bool good = log_seconds(str_of(rows[i].text), &us);
        if (good != rows[i].good || us != (good ? rows[i].us : 77)) {
            test_failed(__FILE__, __LINE__, "%s", rows[i].text);
        }
    }
}

TEST("statuses and counts")
{
    CHECK_INT(log_status(STR("200")), 200);
    CHECK_INT(log_status(STR("0")), 0);
    CHECK_INT(log_status(STR("14")), 14);
    CHECK_INT(log_status(STR("99999")), 99999);
    CHECK_INT(log_status(STR("100000")), 0);
    CHECK_INT(log_status(STR("-")), 0);
    CHECK_INT(log_status(STR("20x")), 0);
    CHECK_INT(log_status(STR("-1")), 0);
    CHECK_INT(log_status(STR_NONE), 0);
    CHECK_INT(log_number(STR("18231")), 18231);
    CHECK(log_number(STR("18446744073709551615")) == UINT64_MAX);
    CHECK_INT(log_number(STR("18446744073709551616")), 0);
    CHECK_INT(log_number(STR("18446744073709551621")), 0);
    CHECK_INT(log_number(STR("99999999999999999999999")), 0);
    CHECK_INT(log_number(STR("-1")), 0);
    CHECK_INT(log_number(STR("-")), 0);
    CHECK_INT(log_number(STR("12 ")), 0);
    CHECK_INT(log_number(STR_NONE), 0);
}

/* ---- addresses ---- */

TEST("peers")
{
    static const struct {
        const char *text;
        const char *ip; /* NULL: refused */
        uint16_t port;
    } rows[] = {
        {"192.0.2.1:443", "192.0.2.1", 443},
        {"2001:db8::7:50718", "2001:db8::7", 50718},
        {"[2001:db8::7]:50718", "2001:db8::7", 50718},
        {"[2001:db8::7]", "2001:db8::7", 0},
        {"192.0.2.1", "192.0.2.1", 0},
        {"192.0.2.1:0", "192.0.2.1", 0},
        {"192.0.2.1:65535", "192.0.2.1", 65535},
        {"192.0.2.1:65536", "192.0.2.1:65536", 0},
        {"192.0.2.1:", "192.0.2.1:", 0},
        {"192.0.2.1:-", "192.0.2.1:-", 0},
        {"2001:db8::", "2001:db8::", 0},
        {"2001:db8::beef", "2001:db8::beef", 0},
        {":80", ":80", 0},
        {"arn:aws:lambda:eu-central-1:111122223333:function:f:7",
         "arn:aws:lambda:eu-central-1:111122223333:function:f:7", 0},
        {"-", NULL, 0},
        {"", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str ip = STR_NONE;
        uint16_t port = 0;
        CHECK_INT(log_peer(str_of(rows[i].text), &ip, &port), rows[i].ip != NULL);
        CHECK_STR(ip, rows[i].ip);
        CHECK_INT(port, rows[i].port);
    }
}

/* ---- requests [ALB log 1.2] ---- */

/* NULL: the part is missing. */
static const struct {
    const char *text, *verb, *url, *version, *scheme, *host;
    uint16_t port;
    const char *path, *query;
} requests[] = {
    {"GET https://shop.example:443/cart?id=7 HTTP/2.0", "GET", "https://shop.example:443/cart?id=7",
     "HTTP/2.0", "https", "shop.example", 443, "/cart", "id=7"},
    {"GET http://shop.example:80/ HTTP/1.1", "GET", "http://shop.example:80/", "HTTP/1.1", "http",
     "shop.example", 80, "/", NULL},
    /* malformed requests, all forms */
    {"- http://e-1.eu-central-1.elb.amazonaws.com:80- -", NULL,
     "http://e-1.eu-central-1.elb.amazonaws.com:80-", NULL, "http",
     "e-1.eu-central-1.elb.amazonaws.com", 80, NULL, NULL},
    {"- http://host:8080- ", NULL, "http://host:8080-", NULL, "http", "host", 8080, NULL, NULL},
    {"- http://host:8080-", NULL, "http://host:8080-", NULL, "http", "host", 8080, NULL, NULL},
    {"- - - ", NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL},
    {"- - -", NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL},
    {"-", NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL},
    {"- ", NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL},
    {"", NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL},
    {" ", NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL},
    /* versions: empty, odd, behind two blanks, with a blank behind */
    {"GET http://h:80/ -", "GET", "http://h:80/", NULL, "http", "h", 80, "/", NULL},
    {"GET http://h:80/ ", "GET", "http://h:80/", NULL, "http", "h", 80, "/", NULL},
    {"GET http://h:80/", "GET", "http://h:80/", NULL, "http", "h", 80, "/", NULL},
    {"GET http://h:80/  HTTP/1.1", "GET", "http://h:80/", "HTTP/1.1", "http", "h", 80, "/", NULL},
    {"GET http://h:80/ HTTP/1.0 ", "GET", "http://h:80/", "HTTP/1.0", "http", "h", 80, "/", NULL},
    {"GET http://h:80/a b ", "GET", "http://h:80/a b", NULL, "http", "h", 80, "/a b", NULL},
    {"GET http://h:80/ FOO", "GET", "http://h:80/", "FOO", "http", "h", 80, "/", NULL},
    {"GET  HTTP/1.1", "GET", NULL, "HTTP/1.1", NULL, NULL, 0, NULL, NULL},
    {"GET HTTP/1.1", "GET", NULL, "HTTP/1.1", NULL, NULL, 0, NULL, NULL},
    {"GET", "GET", NULL, NULL, NULL, NULL, 0, NULL, NULL},
    /* blanks and escapes in the URI */
    {"GET http://h:80/a b  c?d e HTTP/1.1", "GET", "http://h:80/a b  c?d e", "HTTP/1.1", "http",
     "h", 80, "/a b  c", "d e"},
    {"GET http://h:80/\\x22\\x5C\\a?b=\\\" HTTP/1.1", "GET", "http://h:80/\\x22\\x5C\\a?b=\\\"",
     "HTTP/1.1", "http", "h", 80, "/\\x22\\x5C\\a", "b=\\\""},
    {"GE\\x20T http://h:80/ HTTP/1.1", "GE\\x20T", "http://h:80/", "HTTP/1.1", "http", "h", 80, "/",
     NULL},
    /* authorities */
    {"GET http://h/x HTTP/1.1", "GET", "http://h/x", "HTTP/1.1", "http", "h", 0, "/x", NULL},
    {"GET http://h HTTP/1.1", "GET", "http://h", "HTTP/1.1", "http", "h", 0, NULL, NULL},
    {"GET http://h:80?a=/ HTTP/1.1", "GET", "http://h:80?a=/", "HTTP/1.1", "http", "h", 80, NULL,
     "a=/"},
    {"GET http://h:80/? HTTP/1.1", "GET", "http://h:80/?", "HTTP/1.1", "http", "h", 80, "/", ""},
    {"GET http://h:80/a?b?c HTTP/1.1", "GET", "http://h:80/a?b?c", "HTTP/1.1", "http", "h", 80,
     "/a", "b?c"},
    {"GET https://[2001:db8::7]:443/ HTTP/1.1", "GET", "https://[2001:db8::7]:443/", "HTTP/1.1",
     "https", "[2001:db8::7]", 443, "/", NULL},
    {"GET https://[2001:db8::7]/ HTTP/1.1", "GET", "https://[2001:db8::7]/", "HTTP/1.1", "https",
     "[2001:db8::7]", 0, "/", NULL},
    {"GET https://2001:db8::7:443/ HTTP/1.1", "GET", "https://2001:db8::7:443/", "HTTP/1.1",
     "https", "2001:db8::7", 443, "/", NULL},
    {"GET http://:80/ HTTP/1.1", "GET", "http://:80/", "HTTP/1.1", "http", NULL, 80, "/", NULL},
    {"GET http://h:/ HTTP/1.1", "GET", "http://h:/", "HTTP/1.1", "http", "h", 0, "/", NULL},
    {"GET http://h:99999/ HTTP/1.1", "GET", "http://h:99999/", "HTTP/1.1", "http", "h:99999", 0,
     "/", NULL},
    {"GET http://h:8x/ HTTP/1.1", "GET", "http://h:8x/", "HTTP/1.1", "http", "h:8x", 0, "/", NULL},
    {"GET http://h-80-/ HTTP/1.1", "GET", "http://h-80-/", "HTTP/1.1", "http", "h-80-", 0, "/",
     NULL},
    {"GET wss://h:443/ws HTTP/1.1", "GET", "wss://h:443/ws", "HTTP/1.1", "wss", "h", 443, "/ws",
     NULL},
    /* no URL but something else */
    {"GET /x?y HTTP/1.1", "GET", "/x?y", "HTTP/1.1", NULL, NULL, 0, "/x", "y"},
    {"OPTIONS * HTTP/1.1", "OPTIONS", "*", "HTTP/1.1", NULL, NULL, 0, NULL, NULL},
    {"GET :// HTTP/1.1", "GET", "://", "HTTP/1.1", NULL, NULL, 0, NULL, NULL},
    {"OPTIONS https://h:443/* HTTP/2.0", "OPTIONS", "https://h:443/*", "HTTP/2.0", "https", "h",
     443, "/*", NULL},
};

static void
check_part(size_t row, const char *name, struct str actual, const char *expected)
{
    struct str e = str_of(expected);
    if ((actual.p == NULL) != (expected == NULL) || !str_eq(actual, e)) {
        test_failed(__FILE__, __LINE__, "%s: %s is \"%.*s\"%s", requests[row].text, name,
                    STR_ARG(actual), actual.p == NULL ? " (none)" : "");
    }
}

TEST("requests of all forms")
{
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct log_request r;
        log_request(str_of(requests[i].text), &r);
        check_part(i, "verb", r.verb, requests[i].verb);
        check_part(i, "url", r.url, requests[i].url);
        check_part(i, "version", r.version, requests[i].version);
        check_part(i, "scheme", r.scheme, requests[i].scheme);
        check_part(i, "host", r.host, requests[i].host);
        check_part(i, "path", r.path, requests[i].path);
        check_part(i, "query", r.query, requests[i].query);
        CHECK_INT(r.port, requests[i].port);
    }
    struct log_request none;
    log_request(STR_NONE, &none);
    CHECK(none.verb.p == NULL && none.url.p == NULL && none.path.p == NULL);
}

/* ---- escapes ---- */

static bool
unescapes_to(const char *text, struct str expected)
{
    AUTO(buf_free) struct buf b = {0};
    log_unescape(&b, str_of(text));
    return str_eq(buf_str(&b), expected);
}

TEST("escapes of all forms, and what is none")
{
    CHECK(unescapes_to("", STR("")));
    CHECK(unescapes_to("plain text", STR("plain text")));
    CHECK(unescapes_to("\\x22\\x5C\\x5c", STR("\"\\\\")));
    CHECK(unescapes_to("\\x00000022 x", STR("\" x")));
    CHECK(unescapes_to("\\x000000e9", STR("\xe9")));
    CHECK(unescapes_to("\\x0000002F", STR("\0"
                                          "00002F")));
    CHECK(unescapes_to("\\x00", STR("\0")));
    CHECK(unescapes_to("\\x00000", STR("\0"
                                       "000")));
    CHECK(unescapes_to("a\\\"b", STR("a\"b")));
    CHECK(unescapes_to("a\\", STR("a\\")));
    CHECK(unescapes_to("\\", STR("\\")));
    CHECK(unescapes_to("\\\\", STR("\\\\")));
    CHECK(unescapes_to("\\x", STR("\\x")));
    CHECK(unescapes_to("\\x2", STR("\\x2")));
    CHECK(unescapes_to("\\x2g\\xg2\\n\\u0022", STR("\\x2g\\xg2\\n\\u0022")));
    CHECK(unescapes_to("\\\\x41", STR("\\A")));
    CHECK(unescapes_to("\\xC3\\xA9", STR("\xc3\xa9")));
}

TEST("what the writer escapes is what was there: all pairs of bytes")
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char raw[2] = {(char)a, (char)b};
            char text[16];
            struct out o = out_of(text, sizeof(text));
            out_log_escaped(&o, (struct str){raw, 2});
            AUTO(buf_free) struct buf back = {0};
            log_unescape(&back, str_span(text, o.p));
            CHECK(str_eq(buf_str(&back), (struct str){raw, 2}));
        }
    }
}

TEST_MAIN
