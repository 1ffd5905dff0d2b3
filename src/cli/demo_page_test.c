/* SPDX-License-Identifier: Apache-2.0
 * The demo target's page and JSON: whatever a request holds, the page stays a page. */
#include "cli/demo_page.h"

#include "base/test.h"

#include <jansson.h>

static const struct demo_field balanced[] = {
    {STR("Host"), STR("web.elb.localhost:8443")},
    {STR("X-Forwarded-For"), STR("192.0.2.7")},
    {STR("X-Forwarded-Proto"), STR("https")},
    {STR("X-Forwarded-Port"), STR("8443")},
    {STR("X-Amzn-Trace-Id"), STR("Root=1-5759e988-bd862e3fe1be46a994272793")},
    {STR("X-Evil"), STR("<script>alert(\"1\")</script>&'")},
    {STR("X-Twice"), STR("one")},
    {STR("x-twice"), STR("two")},
};

static struct demo_view
view_of(const struct demo_field *fields, size_t count, const char *uri)
{
    return (struct demo_view){.target_name = STR("target-1"),
                              .target_address = STR("127.0.0.1:9101"),
                              .peer_address = STR("127.0.0.1:50000"),
                              .method = STR("GET"),
                              .uri = str_of(uri),
                              .version = STR("HTTP/1.1"),
                              .fields = fields,
                              .field_count = count,
                              .body_bytes = 12,
                              .number = 3,
                              .status = 200};
}

static bool
contains(const struct buf *b, const char *text)
{
    return str_find(buf_str(b), str_of(text), NULL);
}

TEST("the page names target, way, request and escapes what strangers wrote")
{
    struct demo_view v = view_of(balanced, COUNT_OF(balanced), "/<b>?a=1&b=2");
    struct buf page = {0};
    demo_page_write(&page, &v);
    CHECK(contains(&page, "<h1>target-1</h1>"));
    CHECK(contains(&page, "GET /&lt;b&gt;?a=1&amp;b=2 HTTP/1.1"));
    CHECK(contains(&page, "web.elb.localhost:8443"));
    CHECK(contains(&page, "you came by https, port 8443"));
    CHECK(contains(&page, "192.0.2.7"));
    CHECK(contains(&page, "127.0.0.1:50000"));
    CHECK(contains(&page, "Root=1-5759e988"));
    CHECK(contains(&page, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"));
    CHECK(!contains(&page, "<script"));
    CHECK(contains(&page, "Body: 12 bytes"));
    CHECK(!contains(&page, "No load balancer"));
    buf_free(&page);
}

TEST("without a trace id the page says that no load balancer was there")
{
    struct demo_view v = view_of(balanced, 1, "/");
    struct buf page = {0};
    demo_page_write(&page, &v);
    CHECK(contains(&page, "No load balancer in between"));
    buf_free(&page);
}

TEST("a page that is not there says so")
{
    struct demo_view v = view_of(balanced, 1, "/nowhere");
    v.status = 404;
    struct buf page = {0};
    demo_page_write(&page, &v);
    CHECK(contains(&page, "404: there is no such page"));
    buf_free(&page);
}

TEST("the page needs nothing from outside")
{
    struct demo_view v = view_of(balanced, 1, "/");
    struct buf page = {0};
    demo_page_write(&page, &v);
    CHECK(!contains(&page, "src="));
    CHECK(!contains(&page, "@import"));
    CHECK(!contains(&page, "url("));
    CHECK(contains(&page, "width=device-width"));
    CHECK(contains(&page, "prefers-color-scheme:dark"));
    buf_free(&page);
}

TEST("JSON holds the same, duplicates in order")
{
    struct demo_view v = view_of(balanced, COUNT_OF(balanced), "/json?a=1?b");
    struct buf text = {0};
    demo_json_write(&text, &v);
    json_t *all = json_loadb(text.p, text.n, 0, NULL);
    CHECK(all != NULL);
    json_t *request = json_object_get(all, "request");
    json_t *through = json_object_get(all, "load_balancer");
    json_t *fields = json_object_get(request, "headers");
    CHECK_STR(str_of(json_string_value(json_object_get(request, "path"))), "/json");
    CHECK_STR(str_of(json_string_value(json_object_get(request, "query"))), "a=1?b");
    CHECK_STR(str_of(json_string_value(json_object_get(through, "client"))), "192.0.2.7");
    CHECK_INT(json_array_size(fields), COUNT_OF(balanced));
    CHECK_STR(str_of(json_string_value(json_object_get(json_array_get(fields, 7), "value"))),
              "two");
    CHECK_INT(json_integer_value(json_object_get(request, "body_bytes")), 12);
    json_decref(all);
    buf_free(&text);
}

TEST("without a trace id JSON has no load balancer")
{
    struct demo_view v = view_of(balanced, 4, "/json");
    struct buf text = {0};
    demo_json_write(&text, &v);
    json_t *all = json_loadb(text.p, text.n, 0, NULL);
    CHECK(json_is_null(json_object_get(all, "load_balancer")));
    CHECK(json_is_string(json_object_get(json_object_get(all, "request"), "path")));
    json_decref(all);
    buf_free(&text);
}

static const struct {
    struct str value;
    const char *shown;
} texts[] = {
    /* clang-format off */
    {STR("plain"),                    "plain"},
    {STR("\xc3\xa4\xe2\x82\xac"),     "\xc3\xa4\xe2\x82\xac"},
    {STR("\xf0\x9f\x98\x80"),         "\xf0\x9f\x98\x80"},
    {STR("\xe4x"),                    "\xef\xbf\xbdx"},
    {STR("x\xc3"),                    "x\xef\xbf\xbd"},
    {STR("\xc0\x80"),                 "\xef\xbf\xbd\xef\xbf\xbd"},             /* too long a form */
    {STR("\xed\xa0\x80"),             "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
    {STR("\xf5\x80\x80\x80"),         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {STR("a\tb\x1b[31m"),             "a\xef\xbf\xbd" "b\xef\xbf\xbd[31m"},
    {STR(""),                         ""},
    /* clang-format on */
};

TEST("bytes that are no UTF-8 and control bytes are replaced")
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct demo_field field = {STR("X"), texts[i].value};
        struct demo_view v = view_of(&field, 1, "/");
        struct buf text = {0};
        demo_json_write(&text, &v);
        json_t *all = json_loadb(text.p, text.n, 0, NULL);
        json_t *fields = json_object_get(json_object_get(all, "request"), "headers");
        json_t *value = json_object_get(json_array_get(fields, 0), "value");
        CHECK_STR(str_of(json_string_value(value)), texts[i].shown);
        json_decref(all);
        buf_free(&text);
    }
}

TEST("two targets that differ in their number differ in colour")
{
    struct demo_view v = view_of(balanced, 1, "/");
    struct buf pages[2] = {{0}, {0}};
    struct str colours[2];
    for (size_t i = 0; i < 2; i++) {
        size_t at = 0;
        v.target_name = i == 0 ? STR("target-1") : STR("target-2");
        demo_page_write(&pages[i], &v);
        CHECK(str_find(buf_str(&pages[i]), STR("<body style=\"--hue:"), &at));
        colours[i] = str_sub(buf_str(&pages[i]), at, 24);
    }
    CHECK(!str_eq(colours[0], colours[1]));
    buf_free(&pages[0]);
    buf_free(&pages[1]);
}

TEST_MAIN
