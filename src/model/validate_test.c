/* SPDX-License-Identifier: Apache-2.0
 * Each validator accepts what AWS accepts and refuses the rest with its sentence. */
#include "model/validate.h"

#include "base/test.h"

/* A text of n times the letter. */
static struct str
many(char letter, size_t n)
{
    static char text[4096];
    memset(text, letter, sizeof(text));
    return (struct str){text, n};
}

typedef enum err text_check_fn(struct str text, struct errinfo *reterr);

struct text_case {
    const char *text;
    bool good;
};

static void
check_texts(const char *what, text_check_fn *f, const struct text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct errinfo e = {""};
        enum err got = f(str_of(cases[i].text), &e);
        if ((got == ERR_OK) != cases[i].good || (got != ERR_OK) != (e.text[0] != '\0')) {
            test_failed(__FILE__, __LINE__, "%s '%s': %s %s", what, cases[i].text, err_name(got),
                        e.text);
        }
    }
}

#define CHECK_SENTENCE(call, sentence)                                                             \
    do {                                                                                           \
        struct errinfo info_ = {""}, *reterr = &info_;                                             \
        CHECK((call) != ERR_OK);                                                                   \
        CHECK_STR(str_of(info_.text), (sentence));                                                 \
    } while (0)

TEST("numbers: the ends are in, the next are out")
{
    struct errinfo e;
    CHECK_INT(validate_port("port", 1, &e), ERR_OK);
    CHECK_INT(validate_port("port", 65535, &e), ERR_OK);
    CHECK_SENTENCE(validate_port("port", 0, reterr),
                   "1 validation error detected: Value '0' at 'port' failed to satisfy constraint: "
                   "Member must have value greater than or equal to 1");
    CHECK_SENTENCE(validate_port("port", 65536, reterr),
                   "1 validation error detected: Value '65536' at 'port' failed to satisfy "
                   "constraint: Member must have value less than or equal to 65535");
    CHECK_INT(validate_priority(1, &e), ERR_OK);
    CHECK_INT(validate_priority(50000, &e), ERR_OK);
    CHECK_INT(validate_priority(0, &e), ERR_INVALID);
    CHECK_INT(validate_priority(50001, &e), ERR_INVALID);
    CHECK_INT(validate_int("x", -5, -5, 5, &e), ERR_OK);
    CHECK_INT(validate_int("x", -6, -5, 5, &e), ERR_INVALID);
}

TEST("names of load balancers")
{
    static const struct text_case cases[] = {
        {"web", true},
        {"Web-1", true},
        {"a--b", true},
        {"", false},
        {"-web", false},
        {"web-", false},
        {"we_b", false},
        {"internal-x", false},
        {"internal", true},
        {"a b", false},
        {"abcdefghijklmnopqrstuvwxyz012345", true},
        {"w\xc3\xa9", false},
        {"abcdefghijklmnopqrstuvwxyz0123456", false},
    };
    check_texts("LB name", validate_load_balancer_name, cases, COUNT_OF(cases));
    CHECK_SENTENCE(validate_load_balancer_name(STR("a_b"), reterr),
                   "Load balancer name 'a_b' can only contain characters that are alphanumeric "
                   "characters or hyphens(-)");
    CHECK_INT(validate_load_balancer_name((struct str){"a\0b", 3}, NULL), ERR_INVALID);
}

TEST("names of target groups")
{
    static const struct text_case cases[] = {
        {"web", true}, {"web-1", true}, {"a--b", false},      {"-a", false},
        {"a-", false}, {"", false},     {"internal-x", true}, {"a.b", false},
    };
    check_texts("TG name", validate_target_group_name, cases, COUNT_OF(cases));
    CHECK_SENTENCE(validate_target_group_name(many('a', 33), reterr),
                   "Target group name 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' cannot be longer than "
                   "'32' characters");
    CHECK_SENTENCE(validate_target_group_name(STR("-a"), reterr),
                   "Target group name '-a' cannot begin or end with '-'");
}

TEST("names of buckets and domains")
{
    static const struct text_case buckets[] = {
        {"my-logs", true},   {"a.b.c", true}, {"abc", true},  {"ab", false},
        {"Abc", false},      {"a..b", false}, {"-ab", false}, {"ab-", false},
        {"10.0.0.1", false}, {"a/b", false},  {"..", false},
    };
    static const struct text_case domains[] = {
        {"web.elb.localhost", true},
        {"*.example.com", true},
        {"example.com", true},
        {"localhost", false},
        {"", false},
        {"*", false},
        {"a..b", false},
        {"-a.com", false},
        {"a-.com", false},
        {"a.*.com", false},
        {"*.com", false},
        {"a b.com", false},
        {"example.com.", false},
        {"x1-2.example.org", true},
    };
    check_texts("bucket", validate_bucket_name, buckets, COUNT_OF(buckets));
    check_texts("domain", validate_domain_name, domains, COUNT_OF(domains));
}

TEST("header names and values of attributes")
{
    CHECK_INT(validate_header_name("k", STR("X-Name_1"), NULL), ERR_OK);
    CHECK_INT(validate_header_name("k", STR("X Name"), NULL), ERR_INVALID);
    CHECK_INT(validate_header_name("k", STR(""), NULL), ERR_INVALID);
    CHECK_INT(validate_header_value("k", STR("max-age=1; includeSubDomains"), NULL), ERR_OK);
    CHECK_INT(validate_header_value("k", STR("a\r\nb"), NULL), ERR_INVALID);
}

TEST("targets are addresses of one host, loopback included")
{
    static const struct text_case cases[] = {
        {"127.0.0.1", true}, {"10.1.2.3", true}, {"8.8.8.8", true},    {"::1", true},
        {"fd00::1", true},   {"0.0.0.0", false}, {"224.0.0.1", false}, {"255.255.255.255", false},
        {"::", false},       {"ff02::1", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct addr a;
        CHECK(addr_parse(str_of(cases[i].text), 80, &a));
        if ((validate_target_address(&a, NULL) == ERR_OK) != cases[i].good) {
            test_failed(__FILE__, __LINE__, "%s", cases[i].text);
        }
    }
}

TEST("health checks begin with AWS's defaults")
{
    struct model *m = model_new();
    struct health_check h;
    health_check_defaults(m, &h, PROTOCOL_HTTPS);
    CHECK_INT(h.protocol, PROTOCOL_HTTPS);
    CHECK_INT(h.interval_s, 30);
    CHECK_INT(h.timeout_s, 5);
    CHECK_INT(h.healthy_threshold, 5);
    CHECK_INT(h.unhealthy_threshold, 2);
    CHECK_INT(h.port, 0);
    CHECK_STR(h.path, "/");
    CHECK_STR(h.matcher, "200");
    CHECK_INT(h.code_count, 1);
    CHECK_INT(h.codes[0].first, 200);
    CHECK_INT(h.codes[0].last, 200);
    CHECK_INT(validate_health_check(&h, NULL), ERR_OK);
    const struct health_setting *s;
    for (size_t i = 0; (s = health_setting_at(i)) != NULL; i++) {
        CHECK(s->min <= s->initial && s->initial <= s->max);
        CHECK_INT(*(uint32_t *)(void *)((char *)&h + s->offset), s->initial);
    }
    h.timeout_s = h.interval_s;
    CHECK_SENTENCE(validate_health_check(&h, reterr),
                   "Health check timeout '30' must be smaller than the interval '30'");
    model_unref(&m);
}

TEST("the health check's port")
{
    uint16_t port = 99;
    CHECK_INT(health_check_port_parse(STR("traffic-port"), &port, NULL), ERR_OK);
    CHECK_INT(port, 0);
    CHECK_INT(health_check_port_parse(STR("8080"), &port, NULL), ERR_OK);
    CHECK_INT(port, 8080);
    CHECK_INT(health_check_port_parse(STR("0"), &port, NULL), ERR_INVALID);
    CHECK_INT(health_check_port_parse(STR("65536"), &port, NULL), ERR_INVALID);
    CHECK_INT(health_check_port_parse(STR("http"), &port, NULL), ERR_INVALID);
    CHECK_INT(port, 8080);
}

TEST("the health check's path")
{
    static const struct text_case cases[] = {
        {"/", true}, {"/a?b=c", true}, {"", false}, {"a", false}, {"/a b", false}, {"/\r\n", false},
    };
    check_texts("path", validate_health_check_path, cases, COUNT_OF(cases));
    char path[1026];
    memset(path, '/', sizeof(path));
    CHECK_INT(validate_health_check_path((struct str){path, 1024}, NULL), ERR_OK);
    CHECK_INT(validate_health_check_path((struct str){path, 1025}, NULL), ERR_INVALID);
}

TEST("matchers become ranges")
{
    struct model *m = model_new();
    struct health_check h = {.code_count = 0};
    CHECK_INT(health_check_matcher_parse(m, STR("200,202,300-399"), &h, NULL), ERR_OK);
    CHECK_INT(h.code_count, 3);
    CHECK_INT(h.codes[1].first, 202);
    CHECK_INT(h.codes[1].last, 202);
    CHECK_INT(h.codes[2].first, 300);
    CHECK_INT(h.codes[2].last, 399);
    CHECK_STR(h.matcher, "200,202,300-399");
    static const char *const bad[] = {"",     "199",  "500",     "200-500", "299-200",
                                      "200,", ",200", "2000",    "20",      "200-",
                                      "-200", "abc",  "200;201", "200--210"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (health_check_matcher_parse(m, str_of(bad[i]), &h, NULL) == ERR_OK) {
            test_failed(__FILE__, __LINE__, "took '%s'", bad[i]);
        }
    }
    CHECK_INT(h.code_count, 3);
    model_unref(&m);
}

static enum err
host_value(struct str text, struct errinfo *reterr)
{
    return validate_condition_value(CONDITION_HOST_HEADER, text, reterr);
}

static enum err
path_value(struct str text, struct errinfo *reterr)
{
    return validate_condition_value(CONDITION_PATH_PATTERN, text, reterr);
}

TEST("values of conditions")
{
    static const struct text_case hosts[] = {
        {"example.com", true},
        {"*.Example.com", true},
        {"web.elb.localhost", true},
        {"*", false},
        {"localhost", false},
        {"10.0.0.1", false},
        {"example.", false},
        {"example.c0m", false},
        {"example.*", false},
        {"ex_ample.com", false},
        {"example.com:80", false},
        {"", false},
        {"a?.b", true},
    };
    static const struct text_case paths[] = {
        {"/img/*", true}, {"*.jpg", true}, {"/~a/$b/\"c'@d:+&?", true},
        {"/a b", false},  {"/a#b", false}, {"/a%20", false},
        {"", false},      {"/a\n", false}, {"/a{b}", false},
    };
    check_texts("host", host_value, hosts, COUNT_OF(hosts));
    check_texts("path", path_value, paths, COUNT_OF(paths));
    CHECK_INT(path_value(many('a', 128), NULL), ERR_OK);
    CHECK_SENTENCE(path_value(many('a', 129), reterr),
                   "The 'path-pattern' value is too long; the limit is '128'");
    CHECK_SENTENCE(path_value(STR(""), reterr), "A condition value must be specified");
}

TEST("conditions of one rule: each field once, at most 5 values and 6 wildcards")
{
    struct str values[6] = {STR("/a"), STR("/b"), STR("/c"), STR("/d"), STR("/e"), STR("/f")};
    struct str stars[2] = {STR("/*/*/*/*"), STR("/*/*/*")};
    struct condition c[2] = {{CONDITION_PATH_PATTERN, values, 5},
                             {CONDITION_PATH_PATTERN, values, 1}};
    CHECK_INT(validate_conditions(c, 1, NULL), ERR_OK);
    CHECK_SENTENCE(validate_conditions(c, 0, reterr), "A condition must be specified");
    CHECK_SENTENCE(validate_conditions(c, 2, reterr),
                   "A rule can only have one 'path-pattern' condition; put all values into it");
    c[0].value_count = 6;
    CHECK_SENTENCE(validate_conditions(c, 1, reterr),
                   "A rule can only have '5' condition values; it has 6");
    c[0].value_count = 0;
    CHECK_SENTENCE(validate_conditions(c, 1, reterr), "A condition value must be specified");
    c[0] = (struct condition){CONDITION_PATH_PATTERN, stars, 2};
    CHECK_SENTENCE(validate_conditions(c, 1, reterr),
                   "A rule can only have '6' condition wildcards; it has 7");
    c[0].value_count = 1;
    CHECK_INT(validate_conditions(c, 1, NULL), ERR_OK);
}

static const struct {
    const char *protocol, *host, *port, *path, *query; /* NULL: not given */
    enum protocol listener;
    bool good;
} redirects[] = {
    {"HTTPS", NULL, "443", NULL, NULL, PROTOCOL_HTTP, true},
    {"HTTPS", NULL, NULL, NULL, NULL, PROTOCOL_HTTP, true},
    {NULL, NULL, NULL, NULL, NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, NULL, NULL, "a=b", PROTOCOL_HTTP, false},  /* only the query changes */
    {"HTTP", NULL, "80", NULL, NULL, PROTOCOL_HTTP, false}, /* the listener's own */
    {"HTTP", NULL, "81", NULL, NULL, PROTOCOL_HTTP, true},
    {"HTTP", NULL, NULL, NULL, NULL, PROTOCOL_HTTPS, false},
    {"HTTPS", NULL, NULL, NULL, NULL, PROTOCOL_HTTPS, false},
    {NULL, "new.example.com", NULL, NULL, NULL, PROTOCOL_HTTPS, true},
    {NULL, "www.#{host}", NULL, NULL, NULL, PROTOCOL_HTTPS, true},
    {NULL, "www.#{path}", NULL, NULL, NULL, PROTOCOL_HTTPS, false},
    {NULL, "a b", NULL, NULL, NULL, PROTOCOL_HTTPS, false},
    {NULL, "a/b", NULL, NULL, NULL, PROTOCOL_HTTPS, false},
    {NULL, "", NULL, NULL, NULL, PROTOCOL_HTTPS, false},
    {NULL, NULL, NULL, "/new/#{path}", NULL, PROTOCOL_HTTP, true},
    {NULL, NULL, NULL, "/#{host}:#{port}/#{path}", NULL, PROTOCOL_HTTP, true},
    {NULL, NULL, NULL, "/#{query}", NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, NULL, "/#{nothing}", NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, NULL, "/a#{", NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, NULL, "new", NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, NULL, "/a\r\nX: y", NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, "0", NULL, NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, "70000", NULL, NULL, PROTOCOL_HTTP, false},
    {NULL, NULL, "http", NULL, NULL, PROTOCOL_HTTP, false},
    {"FTP", NULL, NULL, NULL, NULL, PROTOCOL_HTTP, false},
    {"HTTPS", NULL, NULL, NULL, "", PROTOCOL_HTTP, true},
    {"HTTPS", NULL, NULL, NULL, "?a=b", PROTOCOL_HTTP, false},
    {"HTTPS", NULL, NULL, NULL, "p=#{protocol}&#{query}", PROTOCOL_HTTP, true},
};

TEST("redirects: loops, HTTPS to HTTP, placeholders out of place")
{
    for (size_t i = 0; i < COUNT_OF(redirects); i++) {
        struct redirect r = {
            .protocol = str_of(redirects[i].protocol),
            .host = str_of(redirects[i].host),
            .port = str_of(redirects[i].port),
            .path = str_of(redirects[i].path),
            .query = str_of(redirects[i].query),
        };
        redirect_defaults(&r);
        uint16_t port = redirects[i].listener == PROTOCOL_HTTP ? 80 : 443;
        struct errinfo e = {""};
        enum err got = validate_redirect(&r, redirects[i].listener, port, &e);
        if ((got == ERR_OK) != redirects[i].good) {
            test_failed(__FILE__, __LINE__, "row %zu: %s %s", i, err_name(got), e.text);
        }
    }
}

TEST("redirects are filled in")
{
    struct redirect r = {.status = 301};
    redirect_defaults(&r);
    CHECK_STR(r.protocol, "#{protocol}");
    CHECK_STR(r.host, "#{host}");
    CHECK_STR(r.port, "#{port}");
    CHECK_STR(r.path, "/#{path}");
    CHECK_STR(r.query, "#{query}");
    r.query = STR("");
    redirect_defaults(&r);
    CHECK_STR(r.query, "");
    CHECK_SENTENCE(validate_redirect(&r, PROTOCOL_HTTP, 80, reterr),
                   "The redirect configuration is not valid because it creates a loop: protocol, "
                   "host, port or path must change");
    uint16_t status = 0;
    CHECK_INT(redirect_status_parse(STR("HTTP_302"), &status, NULL), ERR_OK);
    CHECK_INT(status, 302);
    CHECK_INT(redirect_status_parse(STR("HTTP_301"), &status, NULL), ERR_OK);
    CHECK_INT(status, 301);
    CHECK_SENTENCE(redirect_status_parse(STR("301"), &status, reterr),
                   "1 validation error detected: Value '301' at 'redirectConfig.statusCode' failed "
                   "to satisfy constraint: Member must satisfy enum value set: [HTTP_301, "
                   "HTTP_302]");
}

TEST("fixed responses")
{
    static const struct text_case statuses[] = {
        {"200", true},   {"299", true},  {"404", true},  {"599", true},
        {"301", false},  {"100", false}, {"600", false}, {"20", false},
        {"2000", false}, {"2x0", false}, {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        uint16_t status = 0;
        bool good = fixed_response_status_parse(str_of(statuses[i].text), &status, NULL) == ERR_OK;
        if (good != statuses[i].good || (good && status < 200)) {
            test_failed(__FILE__, __LINE__, "status '%s'", statuses[i].text);
        }
    }
    struct fixed_response f = {.status = 200};
    CHECK_INT(validate_fixed_response(&f, NULL), ERR_OK);
    f.content_type = STR("application/json");
    f.body = many('x', 1024);
    CHECK_INT(validate_fixed_response(&f, NULL), ERR_OK);
    f.body.n = 1025;
    CHECK_INT(validate_fixed_response(&f, NULL), ERR_INVALID);
    f.body.n = 0;
    f.content_type = STR("image/png");
    CHECK_SENTENCE(validate_fixed_response(&f, reterr),
                   "The ContentType must be one of:'text/html', 'application/json', "
                   "'application/javascript', 'text/css', 'text/plain'");
}

TEST("a list of actions has one routing action")
{
    struct action actions[2] = {{.type = ACTION_REDIRECT}, {.type = ACTION_FORWARD}};
    CHECK_INT(validate_actions(actions, 1, NULL), ERR_OK);
    CHECK_SENTENCE(validate_actions(actions, 0, reterr), "An action must be specified");
    CHECK_SENTENCE(validate_actions(actions, 2, reterr),
                   "Each action must have an 'Order' when there are several");
    actions[0].order = 1;
    actions[1].order = 2;
    CHECK_SENTENCE(
        validate_actions(actions, 2, reterr),
        "There must be exactly one forward, redirect or fixed-response action, and it is "
        "performed last; 2 were given");
}

TEST_MAIN
