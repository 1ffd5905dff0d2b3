/* SPDX-License-Identifier: Apache-2.0
 * Tests of the cube: sums stay exact whatever detail is given up, and its memory is bounded. */
#include "base/mem.h"
#include "base/rand.h"
#include "base/test.h"
#include "query/cube.h"

enum { START_S = 1795478400, US = 1000000 };

struct sums {
    uint64_t count, sent, target_count;
    uint64_t classes[CUBE_CLASSES], by_target;
    uint64_t group_counts[1 << 6], host_counts[1 << 8];
    uint64_t buckets_seen; /* the highest one */
    const struct cube *cube;
};

static void
see_cell(void *context, const struct cube_cell *cell)
{
    struct sums *s = context;
    if (cell->measure == CUBE_TARGET_TIME) {
        s->target_count += cell->count;
        CHECK(cell->sent_bytes == 0);
        return;
    }
    unsigned elb = 0, target = 0, class = cell->pair / 2, own = cell->pair & 1;
    if (cell->pair >= CUBE_PAIRS_OWN) {
        cube_pair(s->cube, cell->pair - CUBE_PAIRS_OWN, &elb, &target);
        class = elb == 0 ? 0 : elb < 100 || elb > 599 ? 6 : elb / 100;
        own = elb != 0 && elb == target;
    }
    CHECK(class < CUBE_CLASSES);
    s->count += cell->count;
    s->sent += cell->sent_bytes;
    s->classes[class] += cell->count;
    s->by_target += own ? cell->count : 0;
    s->group_counts[cell->group] += cell->count;
    s->host_counts[cell->host] += cell->count;
    s->buckets_seen = cell->bucket > s->buckets_seen ? cell->bucket : s->buckets_seen;
}

static struct sums
sums_of(const struct cube *cube)
{
    struct sums s = {.cube = cube};
    cube_each(cube, see_cell, &s);
    return s;
}

static uint64_t
host_count(const struct cube *cube, const struct sums *s, const char *name)
{
    for (size_t i = 0; i < cube_shape(cube).hosts; i++) {
        if (str_eq(cube_host(cube, i), str_of(name))) {
            return s->host_counts[CUBE_NAMED + i];
        }
    }
    return UINT64_MAX;
}

/* A row like those of a log; numbered, so that the sums are known. */
static struct cube_row
row_of(struct rand *r, char name[32], unsigned hosts)
{
    static const unsigned statuses[] = {200, 204, 301, 404, 500, 502, 503};
    unsigned status = statuses[rand_below(r, COUNT_OF(statuses))];
    int n = snprintf(name, 32, "h%u.example.com", (unsigned)rand_below(r, hosts));
    return (struct cube_row){
        .time_us = (START_S + rand_below(r, 7000)) * US,
        .group = rand_below(r, 10) == 0 ? STR_NONE : STR("arn:a:targetgroup/web/1"),
        .host = {name, (size_t)n},
        .elb = status,
        .target = status == 502 ? 0 : status,
        .sent_bytes = rand_below(r, 5000),
        .duration_us = rand_below(r, 3) == 0 ? UINT64_MAX : rand_below(r, 20 * US),
        .target_us = status == 502 ? UINT64_MAX : rand_below(r, 2 * US),
    };
}

TEST("one row stands in one cell of each measure")
{
    struct cube *c = cube_new();
    const struct cube_row row = {.time_us = (uint64_t)START_S * US + 7,
                                 .group = STR("arn:g"),
                                 .host = STR("a.example.com"),
                                 .elb = 502,
                                 .target = 200,
                                 .sent_bytes = 12,
                                 .duration_us = 64,
                                 .target_us = 63};
    cube_add(c, &row);
    struct cube_shape shape = cube_shape(c);
    struct sums s = sums_of(c);
    CHECK_INT(shape.width_s, 1);
    CHECK_INT(shape.first, START_S);
    CHECK_INT(shape.count, 1);
    CHECK_INT(shape.cells, 2);
    CHECK_INT(s.count, 1);
    CHECK_INT(s.target_count, 1);
    CHECK_INT(s.sent, 12);
    CHECK_INT(s.classes[5], 1);
    CHECK_INT(s.by_target, 0);
    cube_free(&c);
    CHECK(c == NULL);
}

TEST("an empty cube has no bucket and nothing to give up but resolution")
{
    struct cube *c = cube_new();
    struct buf out = {0};
    cube_encode(c, &out);
    CHECK_INT(out.n, 0);
    CHECK_INT(cube_shape(c).count, 0);
    unsigned steps = 0;
    while (cube_shrink(c)) {
        steps++;
    }
    CHECK_INT(steps, 4);
    cube_free(&c);
    buf_free(&out);
}

static void
see_bin(void *context, const struct cube_cell *cell)
{
    *(unsigned *)context = cell->bin;
}

TEST("bins are 16 for each doubling above 64 microseconds")
{
    static const struct {
        uint64_t us;
        unsigned bin;
    } rows[] = {{0, 0},
                {63, 0},
                {64, 1},
                {67, 1},
                {68, 2},
                {127, 16},
                {128, 17},
                {135, 17},
                {136, 18},
                {1000, 64},
                {UINT64_MAX, CUBE_BIN_ABSENT},
                {UINT64_MAX - 1, 496},
                {(uint64_t)64 << 31, 496}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cube *c = cube_new();
        unsigned bin = 0;
        cube_add(c, &(struct cube_row){.duration_us = rows[i].us, .target_us = UINT64_MAX});
        cube_each(c, see_bin, &bin);
        CHECK_INT(bin, rows[i].bin);
        cube_free(&c);
    }
}

TEST("time widens in steps that people read, and sums stay")
{
    static const struct {
        uint64_t span_s, width_s;
    } rows[] = {{1999, 1}, {2000, 5}, {9990, 5}, {86400, 60}, {86400 * 365, 21600}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cube *c = cube_new();
        struct cube_row row = {.time_us = UINT64_C(1795478400) * US, .elb = 200, .target = 200};
        cube_add(c, &row);
        row.time_us += rows[i].span_s * US;
        cube_add(c, &row);
        row.time_us -= rows[i].span_s / 2 * US;
        cube_add(c, &row);
        CHECK_INT(cube_shape(c).width_s, rows[i].width_s);
        CHECK(cube_shape(c).count <= LIMIT_REPORT_BUCKETS);
        CHECK_INT(cube_shape(c).first, START_S / rows[i].width_s);
        CHECK_INT(sums_of(c).count, 3);
        cube_free(&c);
    }
}

TEST("times at both ends of what a number holds fit into the buckets")
{
    struct cube *c = cube_new();
    cube_add(c, &(struct cube_row){.time_us = UINT64_MAX, .target_us = UINT64_MAX});
    cube_add(c, &(struct cube_row){.time_us = 0, .target_us = UINT64_MAX});
    CHECK(cube_shape(c).count <= LIMIT_REPORT_BUCKETS);
    CHECK_INT(sums_of(c).count, 2);
    cube_free(&c);
}

TEST("giving up all detail changes no sum")
{
    struct rand r;
    char name[32];
    struct cube *c = cube_new();
    rand_seed(&r, 5);
    for (unsigned i = 0; i < 20000; i++) {
        struct cube_row row = row_of(&r, name, 100);
        cube_add(c, &row);
    }
    struct sums before = sums_of(c);
    size_t cells = cube_shape(c).cells;
    CHECK_INT(before.count, 20000);
    while (cube_shrink(c)) {
        struct sums now = sums_of(c);
        CHECK(now.count == before.count && now.sent == before.sent);
        CHECK(now.target_count == before.target_count && now.by_target == before.by_target);
        CHECK(memcmp(now.classes, before.classes, sizeof now.classes) == 0);
        CHECK(now.buckets_seen < cube_shape(c).count);
        CHECK(cube_shape(c).cells <= cells);
        cells = cube_shape(c).cells;
    }
    CHECK_INT(cube_shape(c).count, 1);
    CHECK_INT(cube_shape(c).hosts, LIMIT_REPORT_HOSTS);
    CHECK_INT(cube_shape(c).pairs, 0);
    CHECK_INT(cube_shape(c).steps, 1);
    cube_free(&c);
}

TEST("the most frequent hosts keep their names, exactly counted")
{
    struct cube *c = cube_new();
    char name[32];
    uint64_t all = 0;
    for (unsigned host = 0; host < 40; host++) {
        for (unsigned k = 0; k <= host; k++) {
            int n = snprintf(name, sizeof name, "h%u", host);
            cube_add(c, &(struct cube_row){.time_us = (uint64_t)START_S * US,
                                           .host = {name, (size_t)n},
                                           .target_us = UINT64_MAX});
            all++;
        }
    }
    cube_finish(c);
    struct sums s = sums_of(c);
    CHECK_INT(cube_shape(c).hosts, LIMIT_REPORT_HOSTS);
    CHECK(cube_shape(c).hosts_folded);
    CHECK_INT(host_count(c, &s, "h39"), 40);
    CHECK_INT(host_count(c, &s, "h24"), 25);
    CHECK(host_count(c, &s, "h23") == UINT64_MAX);
    CHECK_INT(s.host_counts[CUBE_OTHER], 24 * 25 / 2);
    CHECK_INT(s.count, all);
    cube_free(&c);
}

/* A million odd rows: every host, status, time and duration differs. */
TEST("memory is bounded, whatever strangers write")
{
    struct rand r;
    struct cube *c = cube_new();
    char host[32], group[32];
    uint64_t sent = 0;
    enum { ROWS = 1000 * 1000 };
    rand_seed(&r, 9);
    for (unsigned i = 0; i < ROWS; i++) {
        int h = snprintf(host, sizeof host, "%llx", (unsigned long long)rand_u64(&r));
        int g = snprintf(group, sizeof group, "%llx", (unsigned long long)rand_u64(&r));
        struct cube_row row = {.time_us = rand_below(&r, UINT64_C(4000000000)) * US,
                               .group = {group, (size_t)g},
                               .host = {host, (size_t)h},
                               .elb = (unsigned)rand_below(&r, 99999),
                               .target = (unsigned)rand_below(&r, 99999),
                               .sent_bytes = rand_below(&r, 1 << 20),
                               .duration_us = rand_u64(&r) >> rand_below(&r, 60),
                               .target_us = rand_u64(&r) >> rand_below(&r, 60)};
        sent += row.sent_bytes;
        cube_add(c, &row);
        if (i % 4096 == 0) {
            CHECK(cube_shape(c).cells <= LIMIT_REPORT_CELLS);
        }
    }
    CHECK(cube_bytes(c) < 32 * 1024 * 1024);
    CHECK(cube_shape(c).count <= LIMIT_REPORT_BUCKETS);
    struct sums s = sums_of(c);
    CHECK_INT(s.count, ROWS);
    CHECK(s.sent == sent);
    cube_free(&c);
}

TEST("cubes that are joined hold what one cube would")
{
    struct rand r, choice;
    char name[32];
    struct cube *one = cube_new(), *parts[3] = {cube_new(), cube_new(), cube_new()};
    rand_seed(&r, 3);
    rand_seed(&choice, 4);
    for (unsigned i = 0; i < 30000; i++) {
        struct cube_row row = row_of(&r, name, 12);
        cube_add(one, &row);
        cube_add(parts[rand_below(&choice, 3)], &row);
    }
    cube_join(parts[0], parts[1]);
    cube_join(parts[2], parts[0]);
    struct cube *joined = parts[2];
    struct sums a = sums_of(one), b = sums_of(joined);
    CHECK(a.count == b.count && a.sent == b.sent && a.by_target == b.by_target);
    CHECK(memcmp(a.classes, b.classes, sizeof a.classes) == 0);
    CHECK_INT(cube_shape(joined).width_s, cube_shape(one).width_s);
    CHECK_INT(cube_shape(joined).first, cube_shape(one).first);
    CHECK_INT(cube_shape(joined).count, cube_shape(one).count);
    CHECK_INT(cube_shape(joined).cells, cube_shape(one).cells);
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "h%u.example.com", i); /* it fits */
        CHECK(host_count(one, &a, name) == host_count(joined, &b, name));
    }
    cube_free(&one);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        cube_free(&parts[i]);
    }
}

TEST("a finished cube does not show the order of its rows")
{
    struct rand r;
    char names[300][32];
    struct cube_row rows[300];
    struct cube *forth = cube_new(), *back = cube_new();
    struct buf a = {0}, b = {0};
    rand_seed(&r, 12);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows[i] = row_of(&r, names[i], 10);
        cube_add(forth, &rows[i]);
    }
    for (size_t i = COUNT_OF(rows); i-- > 0;) {
        cube_add(back, &rows[i]);
    }
    cube_finish(forth);
    cube_finish(back);
    cube_encode(forth, &a);
    cube_encode(back, &b);
    CHECK(a.n > 0 && str_eq(buf_str(&a), buf_str(&b)));
    for (size_t i = 0; i < cube_shape(forth).hosts; i++) {
        CHECK(str_eq(cube_host(forth, i), cube_host(back, i)));
    }
    cube_free(&forth);
    cube_free(&back);
    buf_free(&a);
    buf_free(&b);
}

TEST("a host that one side has turned away is no name of the joint cube")
{
    struct cube *a = cube_new(), *b = cube_new();
    char name[32];
    for (unsigned i = 0; i < 300; i++) { /* the table of `a` is full before h299 */
        int n = snprintf(name, sizeof name, "h%u", i);
        cube_add(a, &(struct cube_row){.time_us = 5 * US, .host = {name, (size_t)n}});
    }
    cube_add(b, &(struct cube_row){.time_us = 5 * US, .host = STR("h299")});
    cube_add(b, &(struct cube_row){.time_us = 5 * US, .host = STR("h1")});
    cube_join(b, a);
    struct sums s = sums_of(b);
    CHECK_INT(s.count, 302);
    CHECK(host_count(b, &s, "h299") == UINT64_MAX); /* one of its two is under "other" */
    CHECK_INT(host_count(b, &s, "h1"), 2);
    CHECK_INT(s.host_counts[CUBE_OTHER], 302 - 2);
    cube_free(&a);
    cube_free(&b);
}

/* The reader of the page, in C. */
static uint64_t
take_number(struct str *rest)
{
    uint64_t n = 0;
    unsigned at = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)rest->p[0];
        *rest = str_sub(*rest, 1, rest->n);
        n |= (uint64_t)(byte & 0x7f) << at;
        at += 7;
    } while (byte & 0x80);
    return n;
}

TEST("what is encoded reads back as the cells")
{
    struct rand r;
    char name[32];
    struct cube *c = cube_new();
    struct buf out = {0};
    rand_seed(&r, 11);
    for (unsigned i = 0; i < 5000; i++) {
        struct cube_row row = row_of(&r, name, 5);
        cube_add(c, &row);
    }
    cube_encode(c, &out);
    struct str rest = buf_str(&out);
    struct sums s = sums_of(c);
    uint64_t key = 0, count = 0, target_count = 0, sent = 0;
    size_t cells = 0;
    for (; rest.n > 0; cells++) {
        key += take_number(&rest);
        uint64_t n = take_number(&rest);
        bool target = (key >> CUBE_BIN_BITS & 1) != 0;
        count += target ? 0 : n;
        target_count += target ? n : 0;
        sent += target ? 0 : take_number(&rest);
        CHECK(key >> 30 < cube_shape(c).count);
    }
    CHECK_INT(cells, cube_shape(c).cells);
    CHECK(count == s.count && target_count == s.target_count && sent == s.sent);
    cube_free(&c);
    buf_free(&out);
}

TEST_MAIN
