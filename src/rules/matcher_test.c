/* SPDX-License-Identifier: Apache-2.0
 * Tests of the matcher: which rule of a listener takes a request. */
#include "rules/rules.h"

#include "base/test.h"

/* A rule of at most one condition per field; NULL ends the values. */
struct rule_row {
    uint32_t priority;
    const char *hosts[4];
    const char *paths[4];
};

enum { RULES_MAX = 128 };
struct fixture {
    struct listener listener;
    struct rule rules[RULES_MAX];
    struct condition conditions[RULES_MAX][2];
    struct str values[RULES_MAX][2][4];
};

static void
add_condition(struct fixture *f, struct rule *r, enum condition_field field,
              const char *const values[4])
{
    size_t i = (size_t)(r - f->rules);
    struct condition *c = &f->conditions[i][r->condition_count];
    *c = (struct condition){.field = field, .values = f->values[i][r->condition_count]};
    for (size_t k = 0; k < 4 && values[k] != NULL; k++) {
        c->values[c->value_count++] = str_of(values[k]);
    }
    r->condition_count += c->value_count > 0;
}

static struct matcher *
compile(struct fixture *f, const struct rule_row *rows, size_t count)
{
    memset(f, 0, sizeof(*f));
    for (size_t i = 0; i < count; i++) {
        struct rule *r = &f->rules[i];
        *r = (struct rule){.priority = rows[i].priority, .conditions = f->conditions[i]};
        add_condition(f, r, CONDITION_HOST_HEADER, rows[i].hosts);
        add_condition(f, r, CONDITION_PATH_PATTERN, rows[i].paths);
    }
    f->listener.rules = f->rules;
    f->listener.rule_count = count;
    return matcher_new(&f->listener);
}

/* Priority of the rule that is found; 0: the default action. */
static uint32_t
find(const struct matcher *m, struct str host, struct str path)
{
    const struct rule *r = matcher_find(m, &(struct rules_request){host, path});
    return r == NULL ? 0 : r->priority;
}

static const struct rule_row rules[] = {
    {5, {"api.example.com"}, {"/v1/*", "/v2/*"}},
    {10, {"API.example.com"}, {NULL}},
    {20, {"*.example.com"}, {"/admin"}},
    {30, {NULL}, {"/static/*"}},
    {40, {"*.example.*", "shop.*"}, {NULL}},
    {50, {NULL}, {"*.PHP"}},
    {60, {"?.test.org"}, {"/x/*/y"}},
    {70, {NULL}, {"//app"}},
};

static const struct {
    const char *host;
    const char *path;
    uint32_t priority;
} requests[] = {
    {"api.example.com", "/v1/items", 5},
    {"api.example.com", "/v2/", 5},
    {"Api.EXAMPLE.com", "/v1/", 5},    /* hosts in either case */
    {"api.example.com", "/V1/", 10},   /* paths with case */
    {"api.example.com", "/v1", 10},    /* the pattern has the slash */
    {"api.example.com", "/admin", 10}, /* the lower number first */
    {"www.example.com", "/admin", 20},
    {"www.example.com", "/admin/", 40},
    {"www.example.com", "/static/a/b/c", 30}, /* `*` crosses '/' */
    {"example.com", "/admin", 0},             /* *.example.com needs something in front */
    {"example.com", "/static/", 30},
    {"shop.example.net", "/", 40},
    {"shop.", "/", 40},
    {"shop", "/", 0},
    {"other.org", "/index.PHP", 50},
    {"other.org", "/index.php", 0},
    {"other.org", "/index.PHP/x", 0},
    {"a.test.org", "/x/1/2/y", 60},
    {"ab.test.org", "/x/1/2/y", 0},
    {"a.test.org", "/x/y", 0},
    {"other.org", "//app", 70}, /* slashes are not merged [OBS] */
    {"other.org", "/app", 0},
    {"", "/static/x", 30}, /* HTTP/1.0 without Host */
    {"", "", 0},
};

TEST("requests find their rule as the table says")
{
    struct fixture f;
    struct matcher *m = compile(&f, rules, COUNT_OF(rules));
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        uint32_t got = find(m, str_of(requests[i].host), str_of(requests[i].path));
        if (got != requests[i].priority) {
            test_failed(__FILE__, __LINE__, "row %zu: '%s' '%s' found %u, expected %u", i,
                        requests[i].host, requests[i].path, got, requests[i].priority);
        }
    }
    matcher_free(&m);
    CHECK(m == NULL);
}

TEST("the order of priorities counts, not the order in memory")
{
    static const struct rule_row unsorted[] = {
        {300, {NULL}, {"/*"}},
        {100, {NULL}, {"/a/*"}},
        {200, {NULL}, {"/a*"}},
    };
    struct fixture f;
    struct matcher *m = compile(&f, unsorted, COUNT_OF(unsorted));
    CHECK_INT(find(m, STR("h"), STR("/a/b")), 100);
    CHECK_INT(find(m, STR("h"), STR("/ab")), 200);
    CHECK_INT(find(m, STR("h"), STR("/b")), 300);
    CHECK_INT(find(m, STR("h"), STR("b")), 0);
    matcher_free(&m);
}

TEST("a control byte matches nothing, not even a star")
{
    static const struct rule_row row[] = {{1, {NULL}, {"/*"}}, {2, {"*.com"}, {NULL}}};
    static const char bytes[] = {'\0', '\x01', '\t', '\n', '\r', '\x1f', '\x7f'};
    struct fixture f;
    struct matcher *m = compile(&f, row, COUNT_OF(row));
    for (size_t i = 0; i < COUNT_OF(bytes); i++) {
        const char path[] = {'/', 'a', bytes[i], 'b'};
        const char host[] = {'a', bytes[i], '.', 'c', 'o', 'm'};
        CHECK_INT(find(m, STR("other.org"), (struct str){path, sizeof(path)}), 0);
        CHECK_INT(find(m, STR("a.com"), (struct str){path, sizeof(path)}), 2);
        CHECK_INT(find(m, (struct str){host, sizeof(host)}, STR("x")), 0);
    }
    CHECK_INT(find(m, STR("other.org"), STR("/ \xc3\xa9~")), 1);
    matcher_free(&m);
}

TEST("a listener without rules has only its default action")
{
    struct fixture f;
    struct matcher *m = compile(&f, NULL, 0);
    CHECK(matcher_find(m, &(struct rules_request){STR("a"), STR("/")}) == NULL);
    matcher_free(&m);
    matcher_free(&m); /* NULL is fine */
}

TEST("a hundred rules are all reachable")
{
    static char hosts[100][32];
    struct rule_row rows[100];
    memset(rows, 0, sizeof(rows));
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(hosts[i], sizeof(hosts[i]), "h%u.example.com", i);
        rows[i].priority = 1000 - i;
        rows[i].hosts[0] = hosts[i];
    }
    struct fixture f;
    struct matcher *m = compile(&f, rows, COUNT_OF(rows));
    for (unsigned i = 0; i < 100; i++) {
        CHECK_INT(find(m, str_of(hosts[i]), STR("/")), 1000 - i);
    }
    CHECK_INT(find(m, STR("h100.example.com"), STR("/")), 0);
    matcher_free(&m);
}

TEST_MAIN
