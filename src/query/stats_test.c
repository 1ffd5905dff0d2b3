/* SPDX-License-Identifier: Apache-2.0
 * The statistics against plain counting: exact where that is promised, within the bound where not,
 * and the same whoever read which line. */
#include "query/stats_int.h"

#include "base/buf.h"
#include "base/rand.h"
#include "base/test.h"

#include <stdlib.h>

#define ARN "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/"

/* ---- lines ---- */

/* Fields of an access line; what is NULL gets a usual value. */
struct fields {
    const char *time, *client, *target, *legs, *statuses, *request, *agent, *group, *trace, *made;
    const char *actions, *reason, *classification, *transform;
};

static const char *
or_else(const char *value, const char *usual)
{
    return value == NULL ? usual : value;
}

static char line_text[4096 + LIMIT_LOG_READ_LINE_MAX + LOG_READ_PAD];

static struct str
access_line_of(const struct fields *f)
{
    int n = snprintf(
        line_text, sizeof(line_text) - LOG_READ_PAD,
        "https %s app/edge/0a1b2c3d4e5f6071 %s %s %s %s 100 1000 \"%s\" \"%s\" "
        "TLS_AES_128_GCM_SHA256 TLSv1.3 %s \"%s\" \"shop.example\" \"-\" 1 %s \"%s\" \"-\" \"%s\" "
        "\"-\" \"-\" \"Ambiguous\" \"%s\" TID_00 \"-\" \"-\" \"%s\" 203.0.113.9",
        or_else(f->time, "2026-09-23T11:00:00.100000Z"), or_else(f->client, "192.0.2.1:50000"),
        or_else(f->target, "10.0.0.1:80"), or_else(f->legs, "0.001 0.020 0.000"),
        or_else(f->statuses, "200 200"),
        or_else(f->request, "GET https://shop.example:443/a HTTP/2.0"), or_else(f->agent, "agent"),
        or_else(f->group, ARN "web/1"), or_else(f->trace, "Root=1-1"),
        or_else(f->made, "2026-09-23T11:00:00.050000Z"), or_else(f->actions, "forward"),
        or_else(f->reason, "-"), or_else(f->classification, "-"), or_else(f->transform, "-"));
    return (struct str){line_text, (size_t)n};
}

/* `text` has LOG_READ_PAD readable bytes behind. */
static enum log_fault
feed(struct stats *s, struct str text)
{
    struct scan_line scan = {.path = "test"};
    scan.fault = log_line_split(text.p, text.n, &scan.line);
    CHECK(stats_sink.line(s, &scan));
    return scan.fault;
}

static void
feed_text(struct stats *s, const char *text)
{
    (void)snprintf(line_text, sizeof(line_text) - LOG_READ_PAD, "%s", text);
    CHECK_INT(feed(s, str_of(line_text)), LOG_FAULT_NONE);
}

static void
feed_access(struct stats *s, const struct fields *f)
{
    CHECK_INT(feed(s, access_line_of(f)), LOG_FAULT_NONE);
}

static struct stats *
new_stats(uint64_t by_us, unsigned top)
{
    struct stats_options options = {.by_us = by_us, .top = top};
    return stats_new(&options);
}

static const struct stats_count *
find_count(const struct stats_count *counts, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(counts[i].word, str_of(word))) {
            return &counts[i];
        }
    }
    return NULL;
}

static uint64_t
set_count(const struct stats_tables *t, enum stats_set set, const char *word)
{
    const struct stats_count *c = find_count(t->sets[set], t->set_count[set], word);
    return c == NULL ? 0 : c->count;
}

static const struct stats_error *
find_error(const struct stats_tables *t, enum stats_error_kind kind, const char *word)
{
    for (size_t i = 0; i < t->error_count; i++) {
        if (t->errors[i].kind == kind && str_eq(t->errors[i].word, str_of(word))) {
            return &t->errors[i];
        }
    }
    return NULL;
}

static const struct stats_row *
find_row(const struct stats_tables *t, enum stats_list list, const char *key)
{
    for (size_t i = 0; i < t->lists[list].count; i++) {
        if (str_eq(t->lists[list].rows[i].key, str_of(key))) {
            return &t->lists[list].rows[i];
        }
    }
    return NULL;
}

/* ---- folding ---- */

static const struct {
    const char *path, *folded;
} foldings[] = {
    {"", ""},
    {"/", "/"},
    {"/user/123", "/user/*"},
    {"/user/123/", "/user/*/"},
    {"/user/1/items/22/x", "/user/*/items/*/x"},
    {"/1", "/*"},
    {"/v2/x", "/v2/x"},
    {"/item-7", "/item-7"},
    {"/7-items", "/7-items"},
    {"/1.2.3", "/1.2.3"},
    {"/1.", "/1."},
    {"/img/12345.png", "/img/*.png"},
    {"/img/a1b2c3d4e5.png", "/img/*.png"},
    {"/js/12ab34cd.min.js", "/js/*.min.js"},
    {"/img/photo7.png", "/img/photo7.png"},
    {"/deadbeef", "/deadbeef"},
    {"/deadbee1", "/*"},
    {"/DEADBEE1", "/*"},
    {"/abc1234", "/abc1234"},
    {"/deadbee1g", "/deadbee1g"},
    {"/6f1c2d3e-0000-4a5b-8c7d-0123456789ab/x", "/*/x"},
    {"/6F1C2D3E-0000-4A5B-8C7D-0123456789AB", "/*"},
    {"/6f1c2d3e-0000-4a5b-8c7d-0123456789a", "/6f1c2d3e-0000-4a5b-8c7d-0123456789a"},
    {"/6f1c2d3e00-00-4a5b-8c7d-0123456789ab", "/6f1c2d3e00-00-4a5b-8c7d-0123456789ab"},
    {"/12-34", "/12-34"},
    {"//12//", "//*//"},
    {"12/34", "*/*"},
    {"/a/\xff\x01/9", "/a/\xff\x01/*"},
    {"/\xb1\xb2\xb3", "/\xb1\xb2\xb3"},
    {"/long/segment/without/any/number/at/all/until/here/9",
     "/long/segment/without/any/number/at/all/until/here/*"},
};

TEST("paths fold where a segment is an identifier, and nowhere else")
{
    for (size_t i = 0; i < COUNT_OF(foldings); i++) {
        char padded[128] = {0}, scratch[128], text[128];
        memcpy(padded, foldings[i].path, strlen(foldings[i].path));
        CHECK_STR(stats_fold(str_of(padded), scratch), foldings[i].folded);
        struct out o = out_of(text, strlen(foldings[i].path));
        stats_fold_path(&o, str_of(foldings[i].path));
        CHECK(!o.full);
        CHECK_STR(str_span(text, o.p), foldings[i].folded);
    }
}

TEST("folding twice is folding once, on random paths, and both ways agree")
{
    struct rand r;
    rand_seed(&r, 5);
    static const char letters[] = "0123456789abcdefABCDEF-./gz";
    for (int round = 0; round < 20000; round++) {
        char path[80] = {0}, first[80], second[80], text[80] = {0};
        size_t n = rand_below(&r, 60);
        for (size_t i = 0; i < n; i++) {
            path[i] = letters[rand_below(&r, sizeof(letters) - 1)];
        }
        struct str once = stats_fold((struct str){path, n}, first);
        struct out o = out_of(text, n);
        stats_fold_path(&o, (struct str){path, n});
        CHECK(!o.full && str_eq(once, str_span(text, o.p)));
        CHECK(str_eq(once, stats_fold((struct str){text, once.n}, second)));
    }
}

/* ---- times ---- */

static int
by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void
check_near(uint64_t actual, uint64_t expected)
{
    uint64_t off = actual > expected ? actual - expected : expected - actual;
    if (expected < 2048 ? off != 0 : off * 1000 > expected * 4) {
        test_failed(__FILE__, __LINE__, "%llu is too far from %llu", (unsigned long long)actual,
                    (unsigned long long)expected);
    }
}

static void
check_values(const struct stats_values *v, uint64_t *us, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)us[i] / 1000;
        us[i] /= 1000;
    }
    qsort(us, count, sizeof(*us), by_value);
    CHECK_INT(v->count, count);
    CHECK_INT(v->min, us[0]);
    CHECK_INT(v->max, us[count - 1]);
    check_near(v->p50, us[(count * 50 + 99) / 100 - 1]);
    check_near(v->p90, us[(count * 90 + 99) / 100 - 1]);
    check_near(v->p95, us[(count * 95 + 99) / 100 - 1]);
    check_near(v->p99, us[(count * 99 + 99) / 100 - 1]);
    CHECK(v->mean > sum / (double)count * 0.999999 && v->mean < sum / (double)count * 1.000001);
}

/* Roughly lognormal: most near 2^middle ms, some far above. */
static uint64_t
random_us(struct rand *r, unsigned middle)
{
    unsigned bits = middle + (unsigned)(rand_below(r, 4) + rand_below(r, 4) + rand_below(r, 4));
    return ((((uint64_t)1 << bits) + rand_below(r, (uint64_t)1 << bits)) * 1000) / 16 +
           rand_below(r, 1000);
}

TEST("percentiles are exact below 2.048 s and within 0.4 % above, joined or not")
{
    struct rand r;
    rand_seed(&r, 11);
    static uint64_t us[5000];
    struct stats_dense *d = xalloc(sizeof(*d));
    for (unsigned middle = 0; middle < 40; middle++) {
        struct stats_pages pages = {0};
        struct stats_hist a = {0}, b = {0};
        size_t count = 1 + rand_below(&r, COUNT_OF(us));
        for (size_t i = 0; i < count; i++) {
            us[i] = random_us(&r, MIN_OF(middle, 30u));
            stats_hist_add(&pages, i % 3 == 0 ? &a : &b, us[i]);
        }
        stats_hist_join(&pages, &a, &b);
        memset(d, 0, sizeof(*d));
        stats_dense_add(d, &a);
        struct stats_values v = stats_dense_values(d);
        check_values(&v, us, count);
        stats_hist_drop(&pages, &a);
        stats_hist_drop(&pages, &b);
        stats_pages_done(&pages);
    }
    xfree(d);
}

TEST("absurd times neither overflow nor leave the range of what was seen")
{
    struct stats_pages pages = {0};
    struct stats_hist h = {0};
    struct stats_dense *d = xalloc(sizeof(*d));
    stats_hist_add(&pages, &h, UINT64_MAX - 1);
    stats_hist_add(&pages, &h, UINT64_MAX - 1);
    stats_dense_add(d, &h);
    struct stats_values v = stats_dense_values(d);
    CHECK_INT(v.count, 2);
    CHECK(v.p50 == UINT64_MAX / 1000 && v.max == UINT64_MAX / 1000 && v.min == v.max);
    CHECK(v.mean > 0);
    stats_pages_done(&pages);
    xfree(d);
}

TEST("without pages left, values count by their power of two, and that is told")
{
    struct stats_pages pages = {.used = LIMIT_STATS_PAGES};
    struct stats_hist h = {0};
    struct stats_dense *d = xalloc(sizeof(*d));
    for (uint64_t ms = 64; ms < 128; ms++) {
        stats_hist_add(&pages, &h, ms * 1000);
    }
    stats_dense_add(d, &h);
    CHECK_INT(d->coarse, 64);
    struct stats_values v = stats_dense_values(d);
    CHECK_INT(v.count, 64);
    CHECK_INT(v.p50, 96);
    CHECK_INT(v.min, 64);
    CHECK_INT(v.max, 127);
    stats_pages_done(&pages);
    xfree(d);
}

/* ---- keys ---- */

static void
count_key(struct stats_keys *k, uint64_t number, uint64_t times)
{
    char text[32] = {0};
    int n = snprintf(text, sizeof(text) - 8, "key-%llu", (unsigned long long)number);
    for (uint64_t i = 0; i < times; i++) {
        uint64_t hash = stats_hash(k->seed, text, (size_t)n);
        uint32_t item = stats_keys_find(k, hash, 0, text, (size_t)n);
        if (item == STATS_NO_KEY) {
            item = stats_keys_add_top(k, hash, text, (size_t)n);
        }
        k->items[item].count++;
    }
}

TEST("hashes and comparisons see every byte of keys of every length")
{
    struct rand r;
    struct stats_seed seed;
    rand_seed(&r, 9);
    for (size_t i = 0; i < COUNT_OF(seed.words); i++) {
        seed.words[i] = rand_u64(&r);
    }
    for (size_t n = 0; n <= 100; n++) {
        char a[120] = {0}, b[120] = {0};
        memset(a, 'x', n);
        memset(b, 'x', n);
        memset(a + n, 'y', 8); /* what is behind must not matter */
        CHECK(stats_same(a, b, n));
        CHECK(stats_hash(&seed, a, n) == stats_hash(&seed, b, n));
        for (size_t i = 0; i < n; i++) {
            b[i] = 'z';
            CHECK(!stats_same(a, b, n));
            CHECK(stats_hash(&seed, a, n) != stats_hash(&seed, b, n));
            b[i] = 'x';
        }
    }
}

TEST("a list is exact up to 65,536 keys")
{
    struct stats_seed seed = {{11, 12, 13, 14}};
    struct stats_keys k;
    stats_keys_init(&k, &seed, true);
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < LIMIT_STATS_KEYS; i++) {
            count_key(&k, i, 1);
        }
    }
    CHECK_INT(k.forgotten, 0);
    CHECK_INT(stats_keys_distinct(&k), LIMIT_STATS_KEYS);
    for (size_t i = 0; i < k.count; i++) {
        CHECK(k.items[i].count == 3 && k.items[i].missed == 0);
    }
    count_key(&k, LIMIT_STATS_KEYS, 1);
    CHECK(k.forgotten > 0);
    CHECK(k.count <= LIMIT_STATS_KEYS / 2 + 1);
    stats_keys_done(&k);
}

enum { STREAM_KEYS = 300 * 1000, STREAM_LENGTH = 1500 * 1000 };

/* Frequent keys get small numbers. */
static uint64_t
skewed(struct rand *r)
{
    uint64_t a = rand_below(r, 1000), b = rand_below(r, 1000);
    return rand_below(r, 3) == 0 ? a * b / 1000 * a / 1000 : rand_below(r, STREAM_KEYS);
}

/* Every count is at most `missed` too low and never too high; what is not there came no more often
 * than was forgotten. */
static void
check_bounds(const struct stats_keys *k, const uint32_t *truth)
{
    static uint8_t seen[STREAM_KEYS];
    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < k->count; i++) {
        struct str text = stats_key_text(k, i);
        uint64_t number = 0;
        CHECK(str_to_u64(str_sub(text, 4, text.n), &number) && number < STREAM_KEYS);
        const struct stats_key *item = &k->items[i];
        CHECK(item->count <= truth[number] && item->count + item->missed >= truth[number]);
        seen[number] = 1;
    }
    for (size_t i = 0; i < STREAM_KEYS; i++) {
        CHECK(seen[i] || truth[i] <= k->forgotten);
    }
}

TEST("beyond 65,536 keys counts keep their bound, alone and joined, and the frequent are exact")
{
    struct stats_seed seed = {{21, 22, 23, 24}};
    struct stats_keys alone, parts[3];
    static uint32_t truth[STREAM_KEYS];
    struct rand r;
    rand_seed(&r, 3);
    stats_keys_init(&alone, &seed, true);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        stats_keys_init(&parts[i], &seed, true);
    }
    for (size_t i = 0; i < STREAM_LENGTH; i++) {
        uint64_t number = skewed(&r);
        truth[number]++;
        count_key(&alone, number, 1);
        count_key(&parts[rand_below(&r, COUNT_OF(parts))], number, 1);
    }
    stats_keys_join(&parts[0], &parts[1]);
    stats_keys_join(&parts[0], &parts[2]);
    CHECK(alone.forgotten > 0 && alone.count <= LIMIT_STATS_KEYS);
    CHECK(parts[0].forgotten > 0 && parts[0].count <= LIMIT_STATS_KEYS);
    check_bounds(&alone, truth);
    check_bounds(&parts[0], truth);
    uint64_t distinct = 0;
    for (size_t i = 0; i < STREAM_KEYS; i++) {
        distinct += truth[i] > 0;
    }
    uint64_t told = stats_keys_distinct(&alone);
    CHECK(told <= distinct && told > distinct * 94 / 100);
    CHECK_INT(stats_keys_distinct(&parts[0]), told);
    uint32_t zero =
        stats_keys_find(&alone, stats_hash(&seed, "key-0\0\0\0", 5), 0, "key-0\0\0\0", 5);
    CHECK(zero != STATS_NO_KEY && alone.items[zero].missed == 0 &&
          alone.items[zero].count == truth[0]);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        stats_keys_done(&parts[i]);
    }
    stats_keys_done(&alone);
}

TEST("long keys make room by their bytes, too")
{
    struct stats_seed seed = {{31, 32, 33, 34}};
    struct stats_keys k;
    stats_keys_init(&k, &seed, true);
    char text[LIMIT_STATS_KEY_BYTES + 8];
    memset(text, 'a', sizeof(text));
    for (uint64_t i = 0; i < 200 * 1000; i++) {
        memcpy(text, &i, sizeof(i));
        uint64_t hash = stats_hash(&seed, text, LIMIT_STATS_KEY_BYTES);
        uint32_t number = stats_keys_add_top(&k, hash, text, LIMIT_STATS_KEY_BYTES);
        k.items[number].count++;
        CHECK(k.text_n <= LIMIT_STATS_LIST_BYTES && k.text_cap <= 2 * LIMIT_STATS_LIST_BYTES);
    }
    CHECK(k.forgotten > 0);
    CHECK(stats_keys_distinct(&k) <= 200 * 1000);
    stats_keys_done(&k);
}

/* ---- lines into tables ---- */

TEST("an access line is found in every table")
{
    struct stats *s = new_stats(0, 0);
    feed_access(s, &(struct fields){.request = "GET https://shop.example:443/user/7?x=1 HTTP/2.0"});
    feed_access(s, &(struct fields){
                       .time = "2026-09-23T11:00:02.000000Z",
                       .client = "2001:db8::7:40000",
                       .target = "-",
                       .legs = "-1 -1 -1",
                       .statuses = "503 -",
                       .request = "POST http://other.example:80/user/8 HTTP/1.1",
                       .agent = "-",
                       .trace = "Root=1-2",
                       .made = "2026-09-23T11:00:01.000000Z",
                   });
    const struct stats_tables *t = stats_finish(s);
    CHECK_INT(t->requests, 2);
    CHECK_INT(t->first_us, 1790161200100000);
    CHECK_INT(t->last_us, 1790161202000000);
    CHECK_INT(t->received_bytes, 200);
    CHECK_INT(t->sent_bytes, 2000);
    CHECK_INT(t->classes[2], 1);
    CHECK_INT(t->classes[5], 1);
    CHECK_INT(t->made_by_target, 1);
    CHECK_INT(t->made_by_lb, 1);
    CHECK_INT(t->matrix_count, 2);
    CHECK(t->matrix[0].elb == 200 && t->matrix[0].target == 200 && t->matrix[0].count == 1);
    CHECK(t->matrix[1].elb == 503 && t->matrix[1].target == 0);
    CHECK_INT(t->legs[STATS_TARGET].count, 1);
    CHECK_INT(t->legs[STATS_TARGET].p99, 20);
    CHECK_INT(t->legs[STATS_DURATION].count, 2);
    CHECK_INT(t->legs[STATS_DURATION].max, 1000);
    CHECK_INT(t->group_count, 2);
    CHECK_STR(t->groups[0].target_group, ARN "web/1");
    CHECK_INT(t->groups[0].target.n, 0);
    CHECK_INT(t->groups[0].requests, 2);
    CHECK_INT(t->groups[0].target_classes[0], 1);
    CHECK_STR(t->groups[1].target, "10.0.0.1:80");
    CHECK_INT(t->groups[1].requests, 1);
    CHECK_INT(t->groups[1].legs[STATS_TARGET].max, 20);
    const struct stats_row *path = find_row(t, STATS_PATHS, "/user/*");
    CHECK(path != NULL && path->count == 2 && path->failed == 1 && path->sent_bytes == 2000 &&
          path->error == 0);
    CHECK(find_row(t, STATS_HOSTS, "shop.example") != NULL);
    CHECK(find_row(t, STATS_HOSTS, "other.example") != NULL);
    CHECK(find_row(t, STATS_CLIENTS, "192.0.2.1") != NULL);
    CHECK(find_row(t, STATS_CLIENTS, "2001:db8::7") != NULL);
    CHECK(find_row(t, STATS_AGENTS, "-") != NULL);
    CHECK(t->lists[STATS_HOSTS].exact && t->lists[STATS_HOSTS].distinct == 2);
    CHECK_INT(set_count(t, STATS_TYPES, "https"), 2);
    CHECK_INT(set_count(t, STATS_PROTOCOLS, "TLSv1.3"), 2);
    CHECK_INT(set_count(t, STATS_CIPHERS, "TLS_AES_128_GCM_SHA256"), 2);
    CHECK_INT(set_count(t, STATS_VERBS, "POST"), 1);
    CHECK_INT(set_count(t, STATS_VERSIONS, "HTTP/2.0"), 1);
    CHECK_INT(set_count(t, STATS_ACTIONS, "forward"), 2);
    CHECK_INT(set_count(t, STATS_BALANCERS, "app/edge/0a1b2c3d4e5f6071"), 2);
    CHECK_INT(t->slowest_count, 2);
    CHECK_INT(t->slowest[0].duration_ms, 1000);
    CHECK_STR(t->slowest[0].url, "http://other.example:80/user/8");
    CHECK_STR(t->slowest[0].trace, "Root=1-2");
    CHECK(t->slowest[0].legs_ms[1] == UINT64_MAX && t->slowest[0].elb == 503);
    CHECK_INT(t->slowest[1].legs_ms[1], 20);
    CHECK_INT(t->bucket_count, 0);
    stats_free(&s);
    CHECK(s == NULL);
}

TEST("errors of every kind are counted with the earliest example")
{
    struct stats *s = new_stats(0, 0);
    feed_access(s, &(struct fields){.statuses = "502 -",
                                    .trace = "late",
                                    .time = "2026-09-23T11:00:09.000000Z"});
    feed_access(s, &(struct fields){.statuses = "502 500", .trace = "early", .reason = "Lambda"});
    feed_access(s, &(struct fields){.statuses = "500 500", .classification = "SpaceInUri"});
    feed_access(s, &(struct fields){.statuses = "404 404", .transform = "TransformSuccess"});
    feed_access(s, &(struct fields){.statuses = "460 -", .transform = "TransformInvalidHost"});
    feed_text(s, "2026-09-23T11:02:31.100422Z 198.51.100.24 50112 443 - - - \"-\" - - "
                 "Failed:ClientCertExpired TID_1 - app/edge/1 203.0.113.9");
    feed_text(s, "https 2026-09-23T11:02:31.100422Z 0.002000000 10.0.0.1:80 web FAIL 500 "
                 "TargetError app/edge/1 203.0.113.9");
    const struct stats_tables *t = stats_finish(s);
    static const struct {
        enum stats_error_kind kind;
        const char *word;
        unsigned count;
        const char *trace;
    } expected[] = {
        {STATS_ERROR_STATUS, "502", 2, "early"},
        {STATS_ERROR_STATUS, "460", 1, "Root=1-1"},
        {STATS_ERROR_TARGET_STATUS, "500", 1, "Root=1-1"},
        {STATS_ERROR_REASON, "Lambda", 1, "early"},
        {STATS_ERROR_CLASSIFICATION, "SpaceInUri", 1, "Root=1-1"},
        {STATS_ERROR_TLS, "ClientCertExpired", 1, "TID_1"},
        {STATS_ERROR_HEALTH, "TargetError", 1, ""},
        {STATS_ERROR_TRANSFORM, "TransformInvalidHost", 1, "Root=1-1"},
    };
    CHECK_INT(t->error_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected) && i < t->error_count; i++) {
        CHECK_INT(t->errors[i].kind, expected[i].kind);
        CHECK_STR(t->errors[i].word, expected[i].word);
        CHECK_INT(t->errors[i].count, expected[i].count);
        CHECK_STR(t->errors[i].example_trace, expected[i].trace);
    }
    CHECK(find_error(t, STATS_ERROR_STATUS, "404") == NULL);
    stats_free(&s);
}

TEST("connections: who speaks TLS, who failed to, and on which ports")
{
    struct stats *s = new_stats(0, 0);
    feed_text(s, "2026-09-23T11:02:31.100422Z 198.51.100.24 50112 443 TLSv1.3 "
                 "TLS_AES_128_GCM_SHA256 0.021 \"-\" - - Success TID_1 X25519 app/a/1 203.0.113.9");
    feed_text(s, "2026-09-23T11:02:32.100422Z 198.51.100.24 50113 443 - - - \"-\" - - - TID_2 - "
                 "app/a/1 203.0.113.9");
    feed_text(s, "2026-09-23T11:02:33.100422Z 198.51.100.24 50114 443 - - - \"-\" - - - TID_3 - "
                 "app/plain/2 203.0.113.9");
    feed_text(s, "2026-09-23T11:02:33.100422Z 198.51.100.24 50115 80 - - - \"-\" - - - TID_4");
    feed_text(s, "2026-09-23T11:02:34.100422Z 198.51.100.24 50116 443 TLSv1.2 X 0.009 \"-\" - - "
                 "Failed:ClientCertUntrusted TID_5 X25519 app/a/1 203.0.113.9");
    const struct stats_tables *t = stats_finish(s);
    CHECK_INT(t->requests, 0);
    CHECK_INT(t->connections.count, 5);
    CHECK_INT(t->connections.with_tls, 2);
    CHECK_INT(t->connections.failed, 2);
    CHECK_INT(t->connections.handshake.count, 2);
    CHECK_INT(t->connections.handshake.max, 21);
    CHECK_INT(t->connections.listener_port_count, 2);
    CHECK_STR(t->connections.listener_ports[0].word, "443");
    CHECK_INT(t->connections.listener_ports[0].count, 4);
    CHECK_INT(set_count(t, STATS_KEY_EXCHANGES, "X25519"), 2);
    CHECK_INT(set_count(t, STATS_VERIFY, "Success"), 1);
    CHECK_INT(set_count(t, STATS_VERIFY, "-"), 3);
    CHECK_INT(set_count(t, STATS_CONNECTION_PROTOCOLS, "TLSv1.2"), 1);
    CHECK_INT(set_count(t, STATS_PROTOCOLS, "TLSv1.2"), 0);
    CHECK(t->first_us > 0 && t->last_us == t->first_us + 3000000);
    stats_free(&s);
}

TEST("health checks: passed, failed, latency and the last reason of each target")
{
    struct stats *s = new_stats(0, 0);
    feed_text(s, "http 2026-09-23T11:00:01.000000Z 0.002000000 10.0.0.1:80 web PASS 200 -");
    feed_text(s, "http 2026-09-23T11:00:09.000000Z 0.500000000 10.0.0.2:80 web FAIL 503 "
                 "TargetError app/a/1 203.0.113.9");
    feed_text(s, "http 2026-09-23T11:00:05.000000Z - 10.0.0.2:80 web FAIL - TimedOut app/a/1 "
                 "203.0.113.9");
    const struct stats_tables *t = stats_finish(s);
    CHECK_INT(t->checked_count, 2);
    CHECK_STR(t->checked[0].target, "10.0.0.2:80");
    CHECK_STR(t->checked[0].target_group, "web");
    CHECK_INT(t->checked[0].failed, 2);
    CHECK_STR(t->checked[0].last_reason, "TargetError");
    CHECK_INT(t->checked[0].latency.count, 1);
    CHECK_INT(t->checked[0].latency.max, 500);
    CHECK_INT(t->checked[1].passed, 1);
    CHECK_INT(t->checked[1].last_reason.n, 0);
    stats_free(&s);
}

TEST("short, odd and damaged lines")
{
    struct stats *s = new_stats(0, 0);
    /* 17 fields: no creation time, so no duration */
    feed_text(s,
              "http 2016-09-23T11:00:00.000000Z app/a/1 192.0.2.1:1 10.0.0.1:80 0.001 2.500 0.000 "
              "200 200 1 2 \"GET http://h:80/ HTTP/1.1\" \"a\" - - -");
    feed_access(s, &(struct fields){.statuses = "- -",
                                    .legs = "-1 -1 -1",
                                    .target = "-",
                                    .group = "-",
                                    .actions = "",
                                    .request = "- http://lb.example:80- -"});
    feed_access(s, &(struct fields){.made = "2026-09-23T12:00:00.000000Z"});
    (void)snprintf(line_text, sizeof(line_text), "http 2016-09-23T11:00:00.000000Z app/a/1 \"x");
    CHECK(feed(s, str_of(line_text)) != LOG_FAULT_NONE);
    const struct stats_tables *t = stats_finish(s);
    CHECK_INT(t->requests, 3);
    CHECK_INT(t->legs[STATS_DURATION].count, 1);
    check_near(t->legs[STATS_TARGET].max, 2500);
    CHECK_INT(t->classes[0], 1);
    CHECK_INT(t->made_by_lb, 1);
    CHECK_INT(set_count(t, STATS_VERBS, "-"), 1);
    CHECK_INT(set_count(t, STATS_ACTIONS, "-"), 2);
    CHECK_INT(set_count(t, STATS_PROTOCOLS, "-"), 1);
    CHECK_INT(t->error_count, 0);
    stats_free(&s);
}

TEST("an empty input makes empty tables")
{
    struct stats *s = new_stats(1000000, 0);
    const struct stats_tables *t = stats_finish(s);
    CHECK(t->requests == 0 && t->first_us == 0 && t->last_us == 0 && t->group_count == 0);
    CHECK(t->bucket_count == 0 && t->slowest_count == 0 && t->error_count == 0);
    CHECK(t->lists[STATS_PATHS].count == 0 && t->lists[STATS_PATHS].exact);
    CHECK(stats_finish(s) == t);
    stats_free(&s);
    stats_free(&s);
}

/* ---- the time line ---- */

static void
feed_at(struct stats *s, unsigned second, const char *statuses)
{
    char time[40];
    (void)snprintf(time, sizeof(time), "2026-09-23T%02u:%02u:%02u.000000Z", second / 3600 % 24,
                   second / 60 % 60, second % 60);
    feed_access(s, &(struct fields){.time = time, .statuses = statuses});
}

TEST("the time line has no holes, and its buckets are doubled when there are too many")
{
    struct stats *s = new_stats(1000000, 0);
    feed_at(s, 5000, "200 200");
    feed_at(s, 5003, "500 500");
    feed_at(s, 5001, "200 200");
    struct stats *wide = new_stats(1000000, 0);
    for (unsigned second = 9001; second > 1000; second -= 2) { /* backwards */
        feed_at(wide, second, "200 200");
    }
    const struct stats_tables *t = stats_finish(s);
    CHECK_INT(t->by_us, 1000000);
    CHECK_INT(t->bucket_count, 4);
    CHECK_INT(t->buckets[1].requests, 1);
    CHECK_INT(t->buckets[2].requests, 0);
    CHECK_INT(t->buckets[2].from_us, t->buckets[0].from_us + 2000000);
    CHECK_INT(t->buckets[3].classes[5], 1);
    CHECK_INT(t->buckets[3].sent_bytes, 1000);
    CHECK_INT(t->buckets[0].target_time.p50, 20);
    t = stats_finish(wide);
    CHECK_INT(t->by_us, 8000000); /* 8001 s need 4 s or more: 2001 buckets, one too many */
    CHECK(t->bucket_count <= LIMIT_STATS_BUCKETS);
    uint64_t requests = 0, values = 0;
    for (size_t i = 0; i < t->bucket_count; i++) {
        CHECK_INT(t->buckets[i].from_us % t->by_us, 0);
        CHECK(i == 0 || t->buckets[i].from_us == t->buckets[i - 1].from_us + t->by_us);
        requests += t->buckets[i].requests;
        values += t->buckets[i].target_time.count;
    }
    CHECK_INT(requests, t->requests);
    CHECK_INT(values, t->requests);
    stats_free(&s);
    stats_free(&wide);
}

/* ---- whoever reads them ---- */

static void
random_line(struct rand *r, struct buf *text)
{
    static const char *const statuses[] = {"200 200", "200 200", "404 404", "500 500",
                                           "502 -",   "503 -",   "460 -",   "504 504"};
    static const char *const reasons[] = {"-", "-", "-", "LambdaThrottling", "AuthInvalidCookie"};
    char time[40], client[40], target[40], legs[40], request[80], agent[40], group[100], trace[40];
    unsigned second = (unsigned)rand_below(r, 80000);
    (void)snprintf(time, sizeof(time), "2026-09-23T%02u:%02u:%02u.%06uZ", second / 3600,
                   second / 60 % 60, second % 60, (unsigned)rand_below(r, 3) * 1000);
    (void)snprintf(client, sizeof(client), "192.0.%u.%u:1", (unsigned)rand_below(r, 4),
                   (unsigned)rand_below(r, 256));
    (void)snprintf(target, sizeof(target), "10.0.0.%u:80", (unsigned)rand_below(r, 9));
    (void)snprintf(legs, sizeof(legs), "0.%03u %u.%03u 0.000", (unsigned)rand_below(r, 5),
                   (unsigned)rand_below(r, 9), (unsigned)rand_below(r, 1000));
    (void)snprintf(request, sizeof(request), "GET https://h%u.example:443/p%u/%u HTTP/1.1",
                   (unsigned)rand_below(r, 30), (unsigned)rand_below(r, 30),
                   (unsigned)rand_below(r, 1000));
    (void)snprintf(agent, sizeof(agent), "agent %u", (unsigned)rand_below(r, 40));
    (void)snprintf(group, sizeof(group), ARN "g%u/1", (unsigned)rand_below(r, 5));
    (void)snprintf(trace, sizeof(trace), "Root=1-%u", (unsigned)rand_below(r, 50));
    struct str line = access_line_of(&(struct fields){
        .time = time,
        .client = client,
        .target = rand_below(r, 9) == 0 ? "-" : target,
        .legs = legs,
        .statuses = statuses[rand_below(r, COUNT_OF(statuses))],
        .request = request,
        .agent = agent,
        .group = rand_below(r, 20) == 0 ? "-" : group,
        .trace = trace,
        .made = "2026-09-23T00:00:00.000000Z",
        .reason = reasons[rand_below(r, COUNT_OF(reasons))],
    });
    buf_add_str(text, line);
    buf_add_char(text, '\n');
}

static void
random_other(struct rand *r, struct buf *text)
{
    if (rand_below(r, 2) == 0) {
        buf_addf(text,
                 "2026-09-23T11:%02u:31.100422Z 198.51.100.24 50112 %u %s X 0.0%02u \"-\" - - %s "
                 "TID_%u X25519 app/e%u/1 203.0.113.9\n",
                 (unsigned)rand_below(r, 60), 440 + (unsigned)rand_below(r, 5),
                 rand_below(r, 2) == 0 ? "-" : "TLSv1.3", (unsigned)rand_below(r, 100),
                 rand_below(r, 4) == 0 ? "Failed:ClientCertExpired" : "-",
                 (unsigned)rand_below(r, 20), (unsigned)rand_below(r, 3));
        return;
    }
    bool failed = rand_below(r, 2) == 0;
    buf_addf(text, "http 2026-09-23T11:%02u:31.000000Z 0.00%u000000 10.0.0.%u:80 web%u %s 200 %s\n",
             (unsigned)rand_below(r, 5), (unsigned)rand_below(r, 10), (unsigned)rand_below(r, 5),
             (unsigned)rand_below(r, 3), failed ? "FAIL" : "PASS",
             !failed                 ? "-"
             : rand_below(r, 2) == 0 ? "TimedOut"
                                     : "TargetError");
}

static void
say_values(struct buf *b, const struct stats_values *v)
{
    buf_addf(b, " %llu:%llu/%llu/%llu/%llu/%llu/%llu:%.6f", (unsigned long long)v->count,
             (unsigned long long)v->min, (unsigned long long)v->p50, (unsigned long long)v->p90,
             (unsigned long long)v->p95, (unsigned long long)v->p99, (unsigned long long)v->max,
             v->mean);
}

static void
say_counts(struct buf *b, const uint64_t *counts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_addf(b, " %llu", (unsigned long long)counts[i]);
    }
}

static void
say_key(struct buf *b, struct str key)
{
    buf_addf(b, "\n%.*s", STR_ARG(key));
}

static void
say_groups(struct buf *b, const struct stats_tables *t)
{
    for (size_t i = 0; i < t->group_count; i++) {
        const struct stats_group *g = &t->groups[i];
        say_key(b, g->target_group);
        say_key(b, g->target);
        say_counts(b, g->classes, STATS_CLASSES);
        say_counts(b, g->target_classes, STATS_CLASSES);
        say_counts(b, (uint64_t[]){g->requests, g->received_bytes, g->sent_bytes}, 3);
        for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
            say_values(b, &g->legs[leg]);
        }
    }
}

static void
say_lists(struct buf *b, const struct stats_tables *t)
{
    for (int list = 0; list < STATS_LIST_COUNT; list++) {
        say_counts(b, &t->lists[list].distinct, 1);
        for (size_t i = 0; i < t->lists[list].count; i++) {
            const struct stats_row *row = &t->lists[list].rows[i];
            say_key(b, row->key);
            say_counts(b, &row->count, 4);
        }
    }
    for (int set = 0; set < STATS_SET_COUNT; set++) {
        for (size_t i = 0; i < t->set_count[set]; i++) {
            say_key(b, t->sets[set][i].word);
            say_counts(b, &t->sets[set][i].count, 1);
        }
    }
}

static void
say_rest(struct buf *b, const struct stats_tables *t)
{
    for (size_t i = 0; i < t->error_count; i++) {
        say_key(b, t->errors[i].word);
        say_key(b, t->errors[i].example_trace);
        say_counts(b, (uint64_t[]){t->errors[i].kind, t->errors[i].count}, 2);
    }
    for (size_t i = 0; i < t->slowest_count; i++) {
        const struct stats_slow *slow = &t->slowest[i];
        say_key(b, slow->url);
        say_key(b, slow->trace);
        say_key(b, slow->peer);
        say_counts(b, &slow->duration_ms, 5);
    }
    for (size_t i = 0; i < t->bucket_count; i++) {
        const struct stats_bucket *bucket = &t->buckets[i];
        say_counts(b, &bucket->from_us, 2);
        say_counts(b, bucket->classes, STATS_CLASSES);
        say_values(b, &bucket->duration);
        say_values(b, &bucket->target_time);
    }
    for (size_t i = 0; i < t->matrix_count; i++) {
        say_counts(b, (uint64_t[]){t->matrix[i].elb, t->matrix[i].target, t->matrix[i].count}, 3);
    }
}

/* Every number and word of the tables. */
static struct buf
say_all(const struct stats_tables *t)
{
    struct buf b = {0};
    say_counts(&b,
               (uint64_t[]){t->requests, t->first_us, t->last_us, t->received_bytes, t->sent_bytes,
                            t->made_by_target, t->made_by_lb, t->by_us, t->connections.count,
                            t->connections.failed, t->connections.with_tls},
               11);
    say_counts(&b, t->classes, STATS_CLASSES);
    for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
        say_values(&b, &t->legs[leg]);
    }
    say_groups(&b, t);
    say_lists(&b, t);
    say_rest(&b, t);
    say_values(&b, &t->connections.handshake);
    for (size_t i = 0; i < t->connections.listener_port_count; i++) {
        say_key(&b, t->connections.listener_ports[i].word);
        say_counts(&b, &t->connections.listener_ports[i].count, 1);
    }
    for (size_t i = 0; i < t->checked_count; i++) {
        const struct stats_checked *c = &t->checked[i];
        say_key(&b, c->target_group);
        say_key(&b, c->target);
        say_key(&b, c->last_reason);
        say_counts(&b, &c->passed, 2);
        say_values(&b, &c->latency);
    }
    return b;
}

/* Gives each line to one of several states by chance, joins them in any order. */
static struct buf
split_run(struct str text, size_t parts, struct rand *r)
{
    struct stats *states[8];
    states[0] = new_stats(1000000, 25);
    for (size_t i = 1; i < parts; i++) {
        states[i] = stats_sink.fork(states[0]);
    }
    for (const char *p = text.p; p < text.p + text.n;) {
        const char *newline = memchr(p, '\n', (size_t)(text.p + text.n - p));
        CHECK_INT(feed(states[rand_below(r, parts)], str_span(p, newline)), LOG_FAULT_NONE);
        p = newline + 1;
    }
    while (parts > 1) {
        size_t from = 1 + rand_below(r, parts - 1);
        size_t to = rand_below(r, 2) == 0 ? 0 : rand_below(r, parts);
        to = to == from ? 0 : to;
        stats_sink.join(states[to], states[from]);
        states[from] = states[--parts];
    }
    struct buf said = say_all(stats_finish(states[0]));
    stats_free(&states[0]);
    return said;
}

TEST("the tables are the same whoever read which line")
{
    struct rand r;
    rand_seed(&r, 77);
    struct buf text = {0};
    for (int i = 0; i < 6000; i++) {
        random_line(&r, &text);
        if (i % 10 == 0) {
            random_other(&r, &text);
        }
    }
    size_t n = text.n;
    buf_add(&text, (char[LOG_READ_PAD]){0}, LOG_READ_PAD);
    struct str lines = {text.p, n};
    struct buf alone = split_run(lines, 1, &r);
    CHECK(alone.n > 20000);
    for (size_t parts = 2; parts <= 8; parts++) {
        struct buf joined = split_run(lines, parts, &r);
        CHECK(str_eq(buf_str(&joined), buf_str(&alone)));
        buf_free(&joined);
    }
    buf_free(&alone);
    buf_free(&text);
}

/* ---- strangers ---- */

static size_t
keys_bytes(const struct stats_keys *k)
{
    return (k->mask + 1) * sizeof(*k->slots) + k->cap * sizeof(*k->items) + k->text_cap +
           (k->sketch != NULL ? (size_t)STATS_SKETCH : 0);
}

static size_t
stats_bytes(const struct stats *s)
{
    size_t bytes = sizeof(*s) + s->pages.chunk_count * 256 * sizeof(union stats_page);
    for (int i = 0; i < STATS_LIST_COUNT; i++) {
        bytes += keys_bytes(&s->lists[i]);
    }
    for (int i = 0; i < STATS_SET_COUNT; i++) {
        bytes += keys_bytes(&s->sets[i]);
    }
    for (int i = 0; i < STATS_ERROR_KIND_COUNT; i++) {
        bytes += keys_bytes(&s->errors[i].words) + s->errors[i].cap * LIMIT_STATS_KEY_BYTES;
    }
    bytes += keys_bytes(&s->statuses) + keys_bytes(&s->groups) + keys_bytes(&s->targets);
    bytes += s->targets.count * sizeof(struct stats_target);
    bytes += s->timeline.count * sizeof(struct stats_span);
    return bytes;
}

TEST("a million lines with new keys in every field stay within the limits")
{
    enum { LINES = 1000 * 1000, BYTES_MAX = 256 << 20 };
    struct stats *s = new_stats(1000, 0);
    struct buf text = {.max = 8192};
    for (unsigned i = 0; i < LINES; i++) {
        buf_reset(&text);
        unsigned x = i * 2654435761u;
        buf_addf(
            &text,
            "t%u 2026-09-%02uT%02u:%02u:%02u.000000Z app/e%u/1 %u.2.3.4:5 h%u:80 %u.1 %u.2 %u.3 "
            "%u %u 1 2 \"M%u https://h%u.example:443/p%x-z%u HTTP/%u\" \"agent %u %u\" C%u P%u "
            "arn:g%u \"T%u\" \"-\" \"-\" 1 2026-09-01T00:00:00.000000Z \"a%u\" \"-\" \"R%u\" "
            "\"-\" \"-\" \"X\" \"K%u\" TID_1 \"-\" \"-\" \"Z%u\" 203.0.113.9",
            i, 1 + x % 30, x % 24, x / 7 % 60, x / 11 % 60, i, i, i, x % 100000, x / 3 % 9000,
            x / 5 % 900, 100 + i % 900, 100 + i / 900 % 900, i, i, i, i, i, i, i, i, i, i, i, i, i,
            i, i);
        size_t n = text.n;
        buf_add(&text, (char[LOG_READ_PAD]){0}, LOG_READ_PAD);
        CHECK_INT(feed(s, (struct str){text.p, n}), LOG_FAULT_NONE);
    }
    CHECK(stats_bytes(s) < BYTES_MAX);
    const struct stats_tables *t = stats_finish(s);
    CHECK_INT(t->requests, LINES);
    CHECK_INT(t->groups_left_out, LINES - LIMIT_STATS_GROUPS);
    CHECK_INT(t->group_count, 2 * LIMIT_STATS_GROUPS);
    CHECK_INT(t->matrix_count, LIMIT_STATS_WORDS);
    CHECK(t->matrix_left_out > 0);
    CHECK_INT(t->legs[STATS_TARGET].count, LINES);
    CHECK_INT(t->set_count[STATS_CIPHERS], LIMIT_STATS_WORDS + 1);
    CHECK_STR(t->sets[STATS_CIPHERS][0].word, "(other)");
    CHECK_INT(t->sets[STATS_CIPHERS][0].count, LINES - LIMIT_STATS_WORDS);
    CHECK(find_error(t, STATS_ERROR_REASON, "(other)") != NULL);
    CHECK(find_error(t, STATS_ERROR_TRANSFORM, "(other)")->count == LINES - LIMIT_STATS_WORDS);
    CHECK(!t->lists[STATS_PATHS].exact && t->lists[STATS_PATHS].distinct <= LINES &&
          t->lists[STATS_PATHS].distinct > LINES * 9 / 10);
    CHECK(t->lists[STATS_PATHS].rows[0].error > 0);
    CHECK(t->bucket_count <= LIMIT_STATS_BUCKETS);
    buf_free(&text);
    stats_free(&s);
}

TEST("keys and urls of the greatest length are cut, whatever bytes they hold")
{
    struct stats *s = new_stats(0, 0);
    static char request[20000];
    (void)snprintf(request, sizeof(request), "GET https://shop.example:443/");
    size_t at = strlen(request);
    for (; at < sizeof(request) - 20; at++) {
        request[at] = (char)(0x80 + at % 0x7f);
    }
    memcpy(request + at, " HTTP/1.1", 10);
    feed_access(s, &(struct fields){.request = request, .agent = request, .trace = request});
    const struct stats_tables *t = stats_finish(s);
    CHECK_INT(t->lists[STATS_PATHS].rows[0].key.n, LIMIT_STATS_KEY_BYTES);
    CHECK_INT(t->lists[STATS_AGENTS].rows[0].key.n, LIMIT_STATS_KEY_BYTES);
    CHECK_INT(t->slowest[0].url.n, LIMIT_STATS_KEY_BYTES);
    CHECK_INT(t->slowest[0].trace.n, LIMIT_STATS_KEY_BYTES);
    stats_free(&s);
}

TEST("words for programs are there and differ")
{
    for (int i = 0; i < STATS_SET_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(stats_set_word((enum stats_set)i), stats_set_word((enum stats_set)j)) !=
                  0);
        }
    }
    for (int i = 1; i < STATS_LEG_COUNT; i++) {
        CHECK(strcmp(stats_leg_word((enum stats_leg)i), stats_leg_word(STATS_REQUEST)) != 0);
    }
    for (int i = 1; i < STATS_LIST_COUNT; i++) {
        CHECK(strcmp(stats_list_word((enum stats_list)i), stats_list_word(STATS_HOSTS)) != 0);
    }
}

TEST_MAIN
