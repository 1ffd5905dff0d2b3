/* SPDX-License-Identifier: Apache-2.0
 * What stats shows, on hand-made tables: fragments, widths, hostile keys, the rules of "worse", and
 * every number in JSON. */
#include "base/mem.h"
#include "base/test.h"
#include "query/grid.h"
#include "query/say.h"
#include "query/stats_show.h"

#define ARN                                                                                        \
    "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/99aabbccddeeff00"
#define S(literal)                                                                                 \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define MS(n, p, top)                                                                              \
    {                                                                                              \
        .count = n, .min = 1, .p50 = p, .p90 = 2 * (p), .p95 = 3 * (p), .p99 = 4 * (p),            \
        .max = top, .mean = 1.5 * (p)                                                              \
    }

static const uint64_t noon = 1790161351442190; /* 2026-09-23T11:02:31.44219Z */

static const struct stats_status matrix[] = {{200, 200, 9000}, {502, 0, 40}, {0, 0, 2}};
static const struct stats_group groups[] = {
    {.target_group = S(ARN),
     .requests = 9042,
     .classes = {[2] = 9000, [5] = 40, [0] = 2},
     .legs = {MS(9000, 1, 5), MS(9000, 37, 1500), MS(9000, 0, 3), MS(9042, 40, 61000)}},
    {.target_group = S(ARN),
     .target = S("10.3.1.17:8443"),
     .requests = 9000,
     .legs = {MS(9000, 1, 5), MS(9000, 37, 1500), MS(9000, 0, 3), MS(9000, 40, 1600)}},
};
static const struct stats_row hosts[] = {{S("shop.example"), 9000, 0, 40, 5000000},
                                         {S("evil\033[31m\xff\\x22\\xE3\\x81\\x82"), 42, 3, 0, 17}};
static const struct stats_count versions[] = {{S("TLSv1.3"), 9000}, {S("-"), 42}};
static const struct stats_error errors[] = {
    {STATS_ERROR_STATUS, S("502"), 40, S("Root=1-68d27f07-00aa11bb22cc33dd44ee55ff")},
    {STATS_ERROR_TARGET_STATUS, S("503"), 7, S("")},
    {STATS_ERROR_REASON, S("LambdaThrottling"), 3, S("$(reboot)")},
    {STATS_ERROR_REASON, S("NeverHeardOf"), 1, S("")},
    {STATS_ERROR_TLS, S("ClientCertExpired"), 5, S("TID_0123")},
    {STATS_ERROR_HEALTH, S("TimedOut"), 2, S("")},
};
static const struct stats_slow slowest[] = {{.duration_ms = 61000,
                                             .time_us = 1790161351442190,
                                             .legs_ms = {1, UINT64_MAX, UINT64_MAX},
                                             .elb = 504,
                                             .verb = S("GET"),
                                             .url = S("https://shop.example:443/slow"),
                                             .peer = S("2001:db8::7:50718"),
                                             .trace = S("Root=1-aa-bb")}};
static const struct stats_bucket buckets[] = {
    {.from_us = 1790161200000000,
     .requests = 9000,
     .classes = {[2] = 9000},
     .duration = MS(9000, 40, 90)},
    {.from_us = 1790161260000000,
     .requests = 42,
     .classes = {[5] = 40},
     .duration = MS(42, 80, 90)},
};
static const struct stats_count ports[] = {{S("443"), 50}};
static const struct stats_checked checked[] = {
    {S("web"), S("10.3.1.17:8443"), 10, 2, MS(12, 1, 5), S("TimedOut")}};

static struct stats_tables
tables(void)
{
    return (struct stats_tables){
        .requests = 9042,
        .first_us = noon - 3600 * UINT64_C(1000000),
        .last_us = noon,
        .received_bytes = 1234567,
        .sent_bytes = 3400000000,
        .classes = {[0] = 2, [2] = 9000, [5] = 40},
        .made_by_target = 9000,
        .made_by_lb = 42,
        .matrix = matrix,
        .matrix_count = COUNT_OF(matrix),
        .legs = {MS(9000, 1, 5), MS(9000, 37, 1500), MS(9000, 0, 3), MS(9042, 40, 61000)},
        .groups = groups,
        .group_count = COUNT_OF(groups),
        .lists = {[STATS_HOSTS] = {hosts, COUNT_OF(hosts), 70000, false}},
        .sets = {[STATS_PROTOCOLS] = versions},
        .set_count = {[STATS_PROTOCOLS] = COUNT_OF(versions)},
        .errors = errors,
        .error_count = COUNT_OF(errors),
        .slowest = slowest,
        .slowest_count = COUNT_OF(slowest),
        .buckets = buckets,
        .bucket_count = COUNT_OF(buckets),
        .by_us = 60000000,
        .connections = {50, 45, 5, MS(45, 20, 80), ports, COUNT_OF(ports)},
        .checked = checked,
        .checked_count = COUNT_OF(checked),
    };
}

static const struct scan_counts counts = {.files = 3,
                                          .bytes = 8100000,
                                          .lines = 9050,
                                          .good = {9042, 5, 0},
                                          .passed = 9042,
                                          .damaged = {[LOG_FAULT_TOO_FEW_FIELDS] = 3},
                                          .new_fields = 17};

static void
check_has(struct str text, const char *wanted, int line)
{
    if (!str_find(text, str_of(wanted), NULL)) {
        test_failed(__FILE__, line, "\"%s\" is missing in\n%.*s", wanted, STR_ARG(text));
    }
}
#define CHECK_HAS(text, wanted) check_has(text, wanted, __LINE__)

static void
show(struct buf *out, unsigned width, const struct stats_show_options *options)
{
    const struct term t = {.width = width};
    struct stats_tables x = tables();
    stats_show_text(out, &t, &(struct stats_show){&x, &counts, NULL}, options);
}

/* No line is wider, but for words that are never broken (commands). */
static void
check_width(struct str text, size_t width, bool commands)
{
    struct str rest = text, line;
    while (str_cut(&rest, '\n', &line)) {
        bool command = str_find(line, STR("openalb "), NULL) || str_find(line, STR("aws "), NULL) ||
                       str_find(line, STR("curl "), NULL) || str_find(line, STR("openssl "), NULL);
        if (text_width(line) > width && !(commands && command)) {
            test_failed(__FILE__, __LINE__, "wider than %zu: %.*s", width, STR_ARG(line));
        }
        CHECK(line.n == 0 || line.p[line.n - 1] != ' ');
    }
}

TEST("every section of the tables is shown")
{
    static const char *const musts[] = {
        "2026-09-23 10:02:31 to 2026-09-23 11:02:31 UTC (1 h 0 min)",
        "9,042 (2.51 per second)",
        "9,000 by targets, 42 by the load balancer",
        "1.2 MB received, 3.4 GB sent",
        "lines: 9,050, files: 3, text: 8.1 MB; lines used: 9,042",
        "too-few-fields 3",
        "newer fields  17",
        " 502              -     40   0.4 %",
        "  10.3.1.17:8443",
        "shop.example",
        "at least 70,000 different; each count may be too low by up to 3",
        "TLSv1.3 9,000 (99.5 %)",
        "The load balancer could not get a valid answer from the target.",
        "A target answered with this status",
        "The client's certificate has expired.",
        "This word is not in openalb explain.",
        "openalb logs why 1-68d27f07-00aa11bb22cc33dd44ee55ff",
        "GET https://shop.example:443/slow",
        "most: 9,000",
        "2026-09-23 11:01:00",
        "443 50 (100.0 %)",
        "The target did not answer the health check in time.",
    };
    AUTO(buf_free) struct buf out = {0};
    show(&out, 120, NULL);
    for (size_t i = 0; i < COUNT_OF(musts); i++) {
        CHECK_HAS(buf_str(&out), musts[i]);
    }
    CHECK(!str_find(buf_str(&out), STR("reboot"), NULL)); /* no trace that is fit to be pasted */
    CHECK(!str_find(buf_str(&out), STR("ended early"), NULL));
}

TEST("no line is wider than the terminal, from 40 columns to 120")
{
    static const unsigned widths[] = {40, 60, 80, 120};
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        AUTO(buf_free) struct buf out = {0}, both = {0};
        const struct term t = {.width = widths[i]};
        struct stats_tables x = tables();
        const struct stats_show side = {&x, NULL, NULL};
        show(&out, widths[i], &(struct stats_show_options){.details = true});
        check_width(buf_str(&out), widths[i], true);
        stats_compare_text(&both, &t, &side, &side, NULL);
        check_width(buf_str(&both), widths[i], false);
    }
}

TEST("keys of strangers are harmless, on the terminal and in JSON")
{
    AUTO(buf_free) struct buf out = {0};
    struct stats_tables x = tables();
    show(&out, 120, NULL);
    CHECK(!str_find_char(buf_str(&out), '\033', NULL));
    CHECK(text_utf8_valid(buf_str(&out)));
    CHECK_HAS(buf_str(&out), "\"\xE3\x81\x82"); /* the writer's own escapes are undone */
    json_t *root = stats_json(&(struct stats_show){&x, &counts, "a\033b"}, NULL);
    char *dump = json_dumps(root, 0);
    CHECK(dump != NULL && strchr(dump, '\033') == NULL && text_utf8_valid(str_of(dump)));
    xfree(dump);
    json_decref(root);
}

TEST("colour only where the terminal has it; ASCII bars on request; a cut reading is said")
{
    AUTO(buf_free) struct buf coloured = {0}, plain = {0};
    const struct term t = {.width = 80, .tty = true, .colour = true};
    struct stats_tables x = tables();
    stats_show_text(&coloured, &t, &(struct stats_show){&x, NULL, NULL}, NULL);
    CHECK(str_find_char(buf_str(&coloured), '\033', NULL));
    show(&plain, 80, &(struct stats_show_options){.ascii = true, .cut_short = true});
    CHECK(!str_find(buf_str(&plain), STR("█"), NULL));
    CHECK_HAS(buf_str(&plain), "####");
    CHECK_HAS(buf_str(&plain), "ended early");
}

TEST("tables without a line say so little that nothing is wrong")
{
    AUTO(buf_free) struct buf out = {0};
    const struct term t = {.width = 80};
    const struct stats_tables none = {0};
    const struct stats_show side = {&none, NULL, NULL};
    stats_show_text(&out, &t, &side, NULL);
    CHECK_HAS(buf_str(&out), "requests      0 (- per second)");
    CHECK(!str_find(buf_str(&out), STR("Errors"), NULL));
    json_t *root = stats_json(&side, NULL);
    CHECK(json_is_null(json_object_get(root, "first_time")));
    CHECK(json_is_null(json_object_get(root, "rate_per_s")));
    CHECK(json_is_null(json_object_get(root, "timeline")));
    CHECK(json_is_null(json_object_get(root, "lines")));
    CHECK_INT(json_array_size(json_object_get(root, "errors")), 0);
    json_decref(root);
}

static json_int_t
number_at(json_t *root, const char *path)
{
    struct str rest = str_of(path), key;
    while (root != NULL && str_cut(&rest, '/', &key)) {
        char name[64];
        uint64_t index;
        CHECK(str_copy_z(key, name, sizeof(name)));
        root = str_to_u64(key, &index) ? json_array_get(root, (size_t)index)
                                       : json_object_get(root, name);
    }
    return json_is_integer(root) ? json_integer_value(root) : -1;
}

TEST("JSON holds every number under the names that are promised")
{
    static const struct {
        const char *path;
        json_int_t value;
    } rows[] = {
        {"requests", 9042},
        {"received_bytes", 1234567},
        {"sent_bytes", 3400000000},
        {"statuses/none", 2},
        {"statuses/5xx", 40},
        {"made_by/lb", 42},
        {"matrix/1/elb_status_code", 502},
        {"matrix/1/count", 40},
        {"latency_ms/target_processing_time/p50", 37},
        {"latency_ms/duration/max", 61000},
        {"target_groups/1/target_port", 8443},
        {"target_groups/0/statuses/2xx", 9000},
        {"target_groups/1/latency_ms/duration/p99", 160},
        {"top/hosts/distinct", 70000},
        {"top/hosts/rows/1/error", 3},
        {"top/hosts/rows/0/failed", 40},
        {"sets/tls_versions/0/count", 9000},
        {"errors/0/count", 40},
        {"slowest/0/duration_ms", 61000},
        {"slowest/0/request_processing_time_ms", 1},
        {"slowest/0/client_port", 50718},
        {"timeline/buckets/1/statuses/5xx", 40},
        {"timeline/buckets/1/duration_ms/p95", 240},
        {"connections/failed", 5},
        {"connections/handshake_ms/p50", 20},
        {"health_checks/0/failed", 2},
        {"lines/lines", 9050},
        {"lines/good/access", 9042},
        {"lines/damaged/too-few-fields", 3},
        {"lines/new_fields", 17},
    };
    struct stats_tables x = tables();
    json_t *root = stats_json(&(struct stats_show){&x, &counts, NULL}, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (number_at(root, rows[i].path) != rows[i].value) {
            test_failed(__FILE__, __LINE__, "%s is %lld, expected %lld", rows[i].path,
                        (long long)number_at(root, rows[i].path), (long long)rows[i].value);
        }
    }
    json_t *slow = json_array_get(json_object_get(root, "slowest"), 0);
    CHECK(json_is_null(json_object_get(slow, "target_processing_time_ms")));
    CHECK_STR(str_of(json_string_value(json_object_get(slow, "client_ip"))), "2001:db8::7");
    json_t *version =
        json_array_get(json_object_get(json_object_get(root, "sets"), "tls_versions"), 1);
    CHECK(json_is_null(json_object_get(version, "value")));
    json_t *unknown = json_array_get(json_object_get(root, "errors"), 3);
    CHECK(json_is_null(json_object_get(unknown, "meaning")));
    CHECK_STR(str_of(json_string_value(json_object_get(root, "first_time"))),
              "2026-09-23T10:02:31.442190Z");
    json_decref(root);
}

TEST("worse: a doubled share of at least 10 lines, a p95 of 25 % and 5 ms more")
{
    static const struct {
        uint64_t a, of_a, b, of_b;
        bool worse;
    } shares[] = {
        {10, 1000, 20, 1000, true}, {10, 1000, 19, 1000, false}, {0, 1000, 10, 1000, true},
        {0, 1000, 9, 1000, false},  {10, 1000, 20, 2000, false}, {10, 0, 20, 1000, false},
        {10, 1000, 20, 500, true},
    };
    static const struct {
        uint64_t a, b;
        bool worse;
    } p95s[] = {{100, 125, true}, {100, 124, false}, {4, 8, false}, {4, 9, true}, {100, 80, false}};
    for (size_t i = 0; i < COUNT_OF(shares); i++) {
        CHECK_INT(stats_worse_share(shares[i].a, shares[i].of_a, shares[i].b, shares[i].of_b),
                  shares[i].worse);
    }
    for (size_t i = 0; i < COUNT_OF(p95s); i++) {
        struct stats_values a = {.count = 1, .p95 = p95s[i].a}, b = {.count = 1, .p95 = p95s[i].b};
        CHECK_INT(stats_worse_ms(&a, &b), p95s[i].worse);
    }
    CHECK(!stats_worse_ms(&(struct stats_values){.count = 0},
                          &(struct stats_values){.count = 1, .p95 = 99}));
}

TEST("compare marks what got worse, and only that")
{
    static const struct stats_error more[] = {{STATS_ERROR_STATUS, S("502"), 400, S("")}};
    struct stats_tables a = tables(), b = tables();
    b.errors = more;
    b.error_count = COUNT_OF(more);
    b.classes[5] = 400;
    b.legs[STATS_TARGET].p95 = 1000;
    const struct stats_show side_a = {&a, NULL, "monday"}, side_b = {&b, NULL, "tuesday"};
    AUTO(buf_free) struct buf out = {0};
    const struct term t = {.width = 100};
    stats_compare_text(&out, &t, &side_a, &side_b, NULL);
    CHECK_HAS(buf_str(&out), "monday");
    CHECK_HAS(buf_str(&out), "x 10.0  !");
    CHECK_HAS(buf_str(&out), "x 9.0  !");
    CHECK_HAS(buf_str(&out), "gone");
    json_t *root = stats_compare_json(&side_a, &side_b, NULL), *one;
    size_t i, worse = 0;
    json_array_foreach(json_object_get(root, "changes"), i, one)
    {
        worse += json_is_true(json_object_get(one, "worse"));
    }
    CHECK_INT(worse, 3); /* 5xx, p95 of the target time, 502 */
    CHECK_INT(json_integer_value(json_object_get(json_object_get(root, "b"), "requests")), 9042);
    json_decref(root);
}

TEST("wide characters keep columns aligned, and are cut between characters")
{
    static const struct grid_column columns[] = {{"件数", true, false, 0},
                                                 {"パス", false, true, 0}};
    const struct term t = {.width = 20};
    struct grid g = grid_of(columns, COUNT_OF(columns));
    AUTO(buf_free) struct buf out = {0};
    grid_add(&g, STYLE_END, STR("1"));
    grid_add(&g, STYLE_END, STR("日本語日本語日本語"));
    grid_add(&g, STYLE_END, STR("12345"));
    grid_add(&g, STYLE_END, STR("a"));
    grid_print(&g, &out, &t, 2);
    CHECK_STR(buf_str(&out), "   件数  パス\n"
                             "      1  日本語日...\n"
                             "  12345  a\n");
    CHECK_INT(g.count, 0);
}

TEST("numbers, spans, bars and sparklines")
{
    AUTO(buf_free) struct buf b = {0};
    say_count(&b, 1234567);
    buf_add_char(&b, '|');
    say_ms(&b, 61250);
    buf_add_char(&b, '|');
    say_bytes(&b, 1500);
    buf_add_char(&b, '|');
    say_share(&b, 1, 100000);
    buf_add_char(&b, '|');
    say_span(&b, UINT64_C(90061000000));
    CHECK_STR(buf_str(&b), "1,234,567|61.2 s|1.5 KB|<0.1 %|25 h 1 min");
    buf_reset(&b);
    say_bar(&b, 1, 1000, 10, false);
    say_bar(&b, 0, 1000, 10, false);
    say_bar(&b, 5, 10, 4, true);
    CHECK_STR(buf_str(&b), "▏##");
    buf_reset(&b);
    say_spark(&b, (const uint64_t[]){0, 1, 4, 8}, 4, false);
    say_spark(&b, (const uint64_t[]){0, 0}, 2, true);
    CHECK_STR(buf_str(&b), "▁▃▅█__");
}

TEST_MAIN
