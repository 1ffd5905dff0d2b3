/* SPDX-License-Identifier: Apache-2.0
 * Tests of the filters: each on its own, negated, several values, kinds of lines that lack a field;
 * moments, spans, durations; values that are refused. */
#include "query/filter.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"

static const uint64_t now_us = UINT64_C(1790164800) * 1000000; /* 2026-09-23T12:00:00Z */
static const uint64_t hour_us = UINT64_C(3600) * 1000000;

#define ACCESS                                                                                     \
    "https 2026-09-23T11:02:31.442190Z app/edge-one/0a1b2c3d4e5f6071 198.51.100.24:50112 "         \
    "10.3.1.17:8443 0.001 0.037 0.000 502 502 512 18231 \"GET "                                    \
    "https://shop.example:443/cart/7?id=7 HTTP/2.0\" \"ExampleAgent/4.1\" "                        \
    "TLS_AES_128_GCM_SHA256 TLSv1.3 "                                                              \
    "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/99aabbccddeeff00 "     \
    "\"Self=1-11-22;Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\" \"sni.example\" \"arn:aws:acm:x\" " \
    "10 2026-09-23T11:02:31.404000Z \"waf,forward\" \"-\" \"LambdaUnhandled\" "                    \
    "\"10.3.1.17:8443\" \"502\" \"Ambiguous\" \"SpaceInUri\" "                                     \
    "TID_0123456789abcdef0123456789abcdef \"-\" \"-\" \"-\" 203.0.113.9 \"-\" \"-\""
#define BARE                                                                                       \
    "http 2026-09-23T11:02:33.115020Z app/edge-two/0a1b2c3d4e5f6071 2001:db8:4::9:41822 - -1 -1 "  \
    "-1 - - 0 272 \"- http://edge-two-1.eu-central-1.elb.amazonaws.com:80- -\" \"-\" - - - \"-\" " \
    "\"sni.example\" \"-\" - 2026-09-23T11:02:33.114000Z \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" "     \
    "\"-\" TID_00112233445566778899aabbccddeeff"
#define CONNECTION                                                                                 \
    "2026-09-23T11:02:31.100422Z 198.51.100.24 50112 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.021 "    \
    "\"-\" - - Success TID_0123456789abcdef0123456789abcdef X25519MLKEM768 "                       \
    "app/edge-one/0a1b2c3d4e5f6071 203.0.113.9"
#define HEALTH                                                                                     \
    "http 2026-09-23T11:02:31.100422Z 0.003000000 10.3.1.17:8443 web FAIL 503 "                    \
    "ResponseCodeMismatch app/edge-one/0a1b2c3d4e5f6071 203.0.113.9"

struct line {
    char text[2048];
    struct log_line split;
};

static void
split(struct line *l, const char *text)
{
    memset(l->text, 0, sizeof(l->text));
    CHECK(str_copy_z(str_of(text), l->text, sizeof(l->text) - LOG_READ_PAD));
    CHECK_INT(log_line_split(l->text, strlen(l->text), &l->split), LOG_FAULT_NONE);
}

enum { A = 1, B = 2, C = 4, H = 8 }; /* the four lines above */

struct row {
    const char *name, *value;
    unsigned passes;
};

static const struct row rows[] = {
    {"status", "502", A},
    {"status", "503", H},
    {"status", "5xx", A | H},
    {"status", "50x", A | H},
    {"status", "500-502", A},
    {"status", "2xx", 0},
    {"status", "!2xx", A | B | H},
    {"status", "!5xx", B},
    {"status", "-", B},
    {"status", "!-", A | H},
    {"status", "5xx,!502", H},
    {"status", "2xx, 502", A},
    {"status", "99999", 0},
    {"host", "shop.example", A},
    {"host", "SHOP.*", A},
    {"host", "*.example", A},
    {"host", "*.amazonaws.com", B},
    {"host", "!shop.example", B},
    {"path", "/cart/*", A},
    {"path", "/cart/7", A},
    {"path", "/cart/?", A},
    {"path", "/*", A},
    {"path", "/CART/7", 0},
    {"path", "-", B},
    {"path", "/a,*7", A},
    {"client", "198.51.100.24", A | C},
    {"client", "198.51.100.0/24", A | C},
    {"client", "198.51.100.25/31", A | C},
    {"client", "198.51.100.26/31", 0},
    {"client", "198.51.100.24:50112", A | C},
    {"client", "198.51.100.24:1", 0},
    {"client", "2001:db8::/32", B},
    {"client", "2001:db8:4::9", B},
    {"client", "[2001:db8:4::9]:41822", B},
    {"client", "::/0", B},
    {"client", "0.0.0.0/0", A | C},
    {"client", "!198.51.100.24", B},
    {"target", "10.3.1.17", A | H},
    {"target", "10.3.1.17:8443", A | H},
    {"target", "10.3.1.17:1", 0},
    {"target", "10.0.0.0/8", A | H},
    {"target", "-", B},
    {"target", "!10.3.1.17", B},
    {"target", "arn:aws:lambda:*", 0},
    {"target-group", "web", A | H},
    {"target-group", "w*", A | H},
    {"target-group", "web/99aabbccddeeff00", A},
    {"target-group", "arn:aws:*:targetgroup/web/*", A},
    {"target-group", "!web", B},
    {"load-balancer", "edge-one", A | C | H},
    {"load-balancer", "edge-*", A | B | C | H},
    {"load-balancer", "app/edge-two/0a1b2c3d4e5f6071", B},
    {"trace", "Root=1-68d27f07-00aa11bb22cc33dd44ee55ff", A},
    {"trace", "1-68d27f07-00aa11bb22cc33dd44ee55ff", A},
    {"trace", "Self=1-11-22;Root=1-68d27f07-00aa11bb22cc33dd44ee55ff", A},
    {"trace", "1-68d27f07", 0},
    {"trace", "TID_0123456789abcdef0123456789abcdef", A | C},
    {"trace", "!TID_0123456789abcdef0123456789abcdef", B},
    {"error-reason", "LambdaUnhandled", A},
    {"error-reason", "lambda*", A},
    {"error-reason", "-", B},
    {"classification", "ambiguous", A},
    {"classification", "SpaceInUri", A},
    {"classification", "Severe", 0},
    {"min-duration", "38ms", A},
    {"min-duration", "0.0382s", 0},
    {"min-duration", "1ms", A | B},
    {"made-by", "target", A},
    {"made-by", "lb", B},
    {"made-by", "lb,target", A | B},
    {"since", "2026-09-23T11:02:31.442190Z", A | B},
    {"since", "2026-09-23T11:02:31.442191Z", B},
    {"since", "1h", A | B | C | H},
    {"since", "30m", 0},
    {"until", "2026-09-23T11:02:31.442190Z", C | H},
    {"until", "2026-09-23T20:02:32+09:00", A | C | H},
    {"until", "2026-09-23", 0},
};

TEST("each filter lets the right lines pass")
{
    static const char *const texts[] = {ACCESS, BARE, CONNECTION, HEALTH};
    static struct line lines[COUNT_OF(texts)];
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        split(&lines[i], texts[i]);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct query_filter *f AUTO(query_filter_free) = query_filter_new();
        struct log_clock clock = {0};
        struct errinfo info;
        unsigned passes = 0;
        CHECK(query_filter_is_empty(f));
        CHECK_INT(query_filter_set(f, str_of(rows[i].name), str_of(rows[i].value), now_us, &info),
                  ERR_OK);
        CHECK(!query_filter_is_empty(f));
        for (size_t j = 0; j < COUNT_OF(texts); j++) {
            passes |= query_filter_match(f, &lines[j].split, &clock) ? 1U << j : 0;
        }
        if (passes != rows[i].passes) {
            test_failed(__FILE__, __LINE__, "--%s %s lets %x pass, not %x", rows[i].name,
                        rows[i].value, passes, rows[i].passes);
        }
    }
}

TEST("all filters must hold, a repeated one adds values, a repeated time replaces")
{
    static struct line line;
    split(&line, ACCESS);
    struct query_filter *f AUTO(query_filter_free) = query_filter_new();
    struct log_clock clock = {0};
    CHECK_INT(query_filter_set(f, STR("status"), STR("404"), now_us, NULL), ERR_OK);
    CHECK(!query_filter_match(f, &line.split, &clock));
    CHECK_INT(query_filter_set(f, STR("status"), STR("502"), now_us, NULL), ERR_OK);
    CHECK(query_filter_match(f, &line.split, &clock));
    CHECK_INT(query_filter_set(f, STR("path"), STR("/cart/*"), now_us, NULL), ERR_OK);
    CHECK(query_filter_match(f, &line.split, &clock));
    CHECK_INT(query_filter_set(f, STR("since"), STR("1m"), now_us, NULL), ERR_OK);
    CHECK(!query_filter_match(f, &line.split, &clock));
    CHECK_INT(query_filter_set(f, STR("since"), STR("1h"), now_us, NULL), ERR_OK);
    CHECK(query_filter_match(f, &line.split, &clock));
    CHECK_INT(query_filter_set(f, STR("host"), STR("other.example"), now_us, NULL), ERR_OK);
    CHECK(!query_filter_match(f, &line.split, &clock));
}

TEST("times of unusual form are compared as moments")
{
    static struct line line;
    split(&line,
          "http 2026-09-23T11:02:31Z app/x/0a1b2c3d4e5f6071 192.0.2.1:1 - -1 -1 -1 200 - 0 0 "
          "\"GET http://a:80/ HTTP/1.1\" \"-\" - - -");
    struct query_filter *f AUTO(query_filter_free) = query_filter_new();
    struct log_clock clock = {0};
    CHECK_INT(query_filter_set(f, STR("since"), STR("2026-09-23T11:02:31"), now_us, NULL), ERR_OK);
    CHECK(query_filter_match(f, &line.split, &clock));
    CHECK_INT(query_filter_set(f, STR("until"), STR("2026-09-23T11:02:31.5"), now_us, NULL),
              ERR_OK);
    CHECK(query_filter_match(f, &line.split, &clock));
    CHECK_INT(query_filter_set(f, STR("since"), STR("2026-09-23T11:02:31.1"), now_us, NULL),
              ERR_OK);
    CHECK(!query_filter_match(f, &line.split, &clock));
}

TEST("values that say nothing are refused with a sentence that quotes them")
{
    static const struct row refused[] = {
        {"status", "6x6", 0},
        {"status", "xx", 0},
        {"status", "abc", 0},
        {"status", "500-400", 0},
        {"status", "5xx,,", 0},
        {"status", "!", 0},
        {"status", "100000", 0},
        {"status", "0", 0},
        {"client", "1.2.3", 0},
        {"client", "1.2.3.4/33", 0},
        {"client", "::/129", 0},
        {"client", "host", 0},
        {"client", "1.2.3.4:0", 0},
        {"client", "1.2.3.4:65536", 0},
        {"target", "[::1", 0},
        {"made-by", "me", 0},
        {"made-by", "-", 0},
        {"since", "soon", 0},
        {"since", "2026-13-01", 0},
        {"since", "2026-02-29", 0},
        {"since", "2026-09-23T25:00", 0},
        {"since", "2026-09-23T10", 0},
        {"since", "2h3", 0},
        {"since", "-2h", 0},
        {"min-duration", "fast", 0},
        {"min-duration", "", 0},
        {"min-duration", "1.", 0},
        {"min-duration", "-1", 0},
        {"status", "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct query_filter *f AUTO(query_filter_free) = query_filter_new();
        struct errinfo info = {{0}};
        CHECK_INT(
            query_filter_set(f, str_of(refused[i].name), str_of(refused[i].value), now_us, &info),
            ERR_INVALID);
        CHECK(info.text[0] != '\0');
    }
    struct query_filter *f AUTO(query_filter_free) = query_filter_new();
    CHECK_INT(query_filter_set(f, STR("colour"), STR("red"), now_us, NULL), ERR_NOT_FOUND);
}

TEST("values that are too long or too many are refused")
{
    struct query_filter *f AUTO(query_filter_free) = query_filter_new();
    struct buf value AUTO(buf_free) = {0};
    for (size_t i = 0; i <= LIMIT_QUERY_GLOB_BYTES; i++) {
        buf_add_char(&value, 'a');
    }
    CHECK_INT(query_filter_set(f, STR("path"), buf_str(&value), now_us, NULL), ERR_TOO_LARGE);
    buf_reset(&value);
    for (size_t i = 0; i <= LIMIT_QUERY_FILTER_TERMS; i++) {
        buf_add_z(&value, "a,");
    }
    value.n--;
    CHECK_INT(query_filter_set(f, STR("path"), buf_str(&value), now_us, NULL), ERR_TOO_LARGE);
    while (value.n <= LIMIT_QUERY_FILTER_BYTES) {
        buf_add_char(&value, 'a');
    }
    CHECK_INT(query_filter_set(f, STR("path"), buf_str(&value), now_us, NULL), ERR_TOO_LARGE);
}

TEST("a time without a zone is UTC, and that can be said")
{
    static const struct {
        const char *text;
        bool assumed;
    } times[] = {{"2h", false},
                 {"now", false},
                 {"2026-09-23", true},
                 {"2026-09-23 10:00", true},
                 {"2026-09-23T10:00Z", false},
                 {"2026-09-23T10:00+02:00", false}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct query_filter *f AUTO(query_filter_free) = query_filter_new();
        CHECK_INT(query_filter_set(f, STR("since"), str_of(times[i].text), now_us, NULL), ERR_OK);
        CHECK_INT(query_filter_assumed_utc(f), times[i].assumed);
        CHECK(query_filter_since_us(f) > 0 && query_filter_until_us(f) == 0);
    }
}

TEST("moments")
{
    static const struct {
        const char *text;
        int64_t from_now_us;
    } moments[] = {
        {"now", 0},
        {"2h", -2 * 3600 * INT64_C(1000000)},
        {"90m", -90 * 60 * INT64_C(1000000)},
        {"1.5h", -5400 * INT64_C(1000000)},
        {"1w", -7 * 86400 * INT64_C(1000000)},
        {"2026-09-23", -12 * 3600 * INT64_C(1000000)},
        {"2026-09-23T12:00", 0},
        {"2026-09-23T12:00:01.25Z", 1250000},
        {"2026-09-23T12:00+0100", -3600 * INT64_C(1000000)},
        {"2026-09-23T12:00-01", 3600 * INT64_C(1000000)},
        {"2024-02-29", -(INT64_C(937) * 86400 + 43200) * INT64_C(1000000)},
    };
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        uint64_t us = 0;
        CHECK_INT(query_moment(str_of(moments[i].text), now_us, &us, NULL), ERR_OK);
        CHECK_INT((int64_t)(us - now_us), moments[i].from_now_us);
    }
    uint64_t us = 1;
    CHECK_INT(query_moment(STR("1970-01-01"), now_us, &us, NULL), ERR_OK);
    CHECK_INT(us, 0);
    CHECK_INT(query_moment(STR("100w"), hour_us, &us, NULL), ERR_OK);
    CHECK_INT(us, 0);
}

TEST("spans and durations")
{
    uint64_t from = 0, to = 0, us = 0;
    CHECK_INT(query_span(STR("3h..2h"), now_us, &from, &to, NULL), ERR_OK);
    CHECK_INT(now_us - from, 3 * hour_us);
    CHECK_INT(now_us - to, 2 * hour_us);
    CHECK_INT(query_span(STR("2026-09-22..2026-09-23"), now_us, &from, &to, NULL), ERR_OK);
    CHECK_INT(to - from, 24 * hour_us);
    CHECK_INT(query_span(STR("2h.."), now_us, &from, &to, NULL), ERR_OK);
    CHECK_INT(to, 0);
    CHECK_INT(query_span(STR("2h..3h"), now_us, &from, &to, NULL), ERR_INVALID);
    CHECK_INT(query_span(STR(".."), now_us, &from, &to, NULL), ERR_INVALID);
    CHECK_INT(query_span(STR("2h"), now_us, &from, &to, NULL), ERR_INVALID);
    CHECK_INT(query_span(STR("2h..x"), now_us, &from, &to, NULL), ERR_INVALID);
    CHECK_INT(query_duration(STR("250ms"), &us, NULL), ERR_OK);
    CHECK_INT(us, 250000);
    CHECK_INT(query_duration(STR("1.5s"), &us, NULL), ERR_OK);
    CHECK_INT(us, 1500000);
    CHECK_INT(query_duration(STR("2m"), &us, NULL), ERR_OK);
    CHECK_INT(us, 120000000);
    CHECK_INT(query_duration(STR("3"), &us, NULL), ERR_OK);
    CHECK_INT(us, 3000000);
    CHECK_INT(query_duration(STR("99999999999999999999s"), &us, NULL), ERR_INVALID);
}

TEST("the options are listed for --help")
{
    size_t count = 0;
    while (query_filter_option(count) != NULL) {
        CHECK(query_filter_option(count)->help[0] != '\0');
        count++;
    }
    CHECK_INT(count, 14);
    CHECK_STR(str_of(query_filter_option(0)->name), "since");
}

TEST("who made the status")
{
    static struct line line;
    split(&line, ACCESS);
    CHECK(query_made_by_target(&line.split));
    split(&line, BARE);
    CHECK(!query_made_by_target(&line.split));
    split(&line, HEALTH);
    CHECK(!query_made_by_target(&line.split));
}

TEST_MAIN
