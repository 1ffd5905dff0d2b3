/* SPDX-License-Identifier: Apache-2.0
 * Tests of redirect actions: what stands in Location. */
#include "rules/rules.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"

static const struct {
    const char *protocol, *host, *port, *path, *query; /* of the action */
    const char *in_host, *in_path, *in_query;          /* of a request to http port 8080 */
    const char *location;
} rows[] = {
    /* The port is written even when it is the scheme's own. */
    {"HTTPS", "#{host}", "443", "/#{path}", "#{query}", "web.test", "/a/b", "x=1",
     "https://web.test:443/a/b?x=1"},
    {"HTTPS", "#{host}", "8443", "/#{path}", "#{query}", "web.test", "/", "",
     "https://web.test:8443/"},
    /* #{path} comes without its slash. */
    {"#{protocol}", "#{host}", "#{port}", "/new/#{path}", "#{query}", "web.test", "/a", "",
     "http://web.test:8080/new/a"},
    {"#{protocol}", "#{host}", "#{port}", "/#{path}", "#{query}", "web.test", "//a", "",
     "http://web.test:8080//a"},
    {"HTTP", "www.#{host}", "80", "/#{host}/#{port}/#{path}", "", "web.test", "/p", "dropped=1",
     "http://www.web.test:80/web.test/8080/p"},
    {"HTTPS", "other.test", "443", "/", "from=#{protocol}://#{host}:#{port}/#{path}&q=#{query}",
     "web.test", "/p", "a=b", "https://other.test:443/?from=http://web.test:8080/p&q=a=b"},
    {"HTTPS", "#{host}", "443", "/#{path}", "lang=en&#{query}", "web.test", "/p", "",
     "https://web.test:443/p?lang=en&"},
    /* Not encoded: what the target of the redirect may understand as it is. */
    {"HTTPS", "#{host}", "443", "/#{path}", "#{query}", "web.test", "/%41/\xc3\xa9", "a=%20+",
     "https://web.test:443/%41/\xc3\xa9?a=%20+"},
    /* Encoded: what would end or bend the header line. */
    {"HTTPS", "#{host}", "443", "/#{path}", "#{query}", "web.test", "/a b\r\nSet-Cookie: x",
     "\t\x7f", "https://web.test:443/a%20b%0D%0ASet-Cookie:%20x?%09%7F"},
    {"HTTPS", "#{host}", "443", "/#{path}", "#{query}", "a\r\nb", "/", "", "https://a%0D%0Ab:443/"},
    /* A request brings no placeholders of its own; unknown ones are text. */
    {"HTTPS", "#{host}", "443", "/#{path}", "#{query}", "web.test", "/#{query}", "#{host}",
     "https://web.test:443/#{query}?#{host}"},
    {"HTTPS", "#{host}", "443", "/#{unknown}/#{path", "#", "web.test", "/p", "",
     "https://web.test:443/#{unknown}/#{path?#"},
    {"HTTPS", "#{host}", "443", "/#{path}", "#{query}", "[::1]", "*", "", "https://[::1]:443/*"},
};

static bool
expand_row(size_t i, struct out *o)
{
    struct redirect r = {str_of(rows[i].protocol), str_of(rows[i].host),  str_of(rows[i].port),
                         str_of(rows[i].path),     str_of(rows[i].query), 301};
    struct redirect_input in = {STR("http"), str_of(rows[i].in_host), 8080, str_of(rows[i].in_path),
                                str_of(rows[i].in_query)};
    return redirect_expand(&r, &in, o);
}

TEST("Location is as the table says")
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct out o = out_of(text, sizeof(text));
        CHECK(expand_row(i, &o));
        CHECK(!o.full);
        CHECK_STR(str_span(text, o.p), rows[i].location);
    }
}

TEST("every size of buffer that is too small is refused and leaves the cursor alone")
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        size_t wanted = strlen(rows[i].location);
        for (size_t size = 0; size < wanted; size++) {
            struct out o = out_of(text, size);
            CHECK(!expand_row(i, &o));
            CHECK(o.p == text);
            CHECK(!o.full);
        }
        struct out o = out_of(text, wanted);
        CHECK(expand_row(i, &o));
    }
}

TEST("a NUL comes out percent-encoded")
{
    char text[64];
    struct out o = out_of(text, sizeof(text));
    struct redirect r = {STR("HTTPS"), STR("#{host}"), STR("443"), STR("/#{path}"), STR(""), 302};
    struct redirect_input in = {STR("http"), STR("h"), 80, {"/a\0b", 4}, STR_NONE};
    CHECK(redirect_expand(&r, &in, &o));
    CHECK_STR(str_span(text, o.p), "https://h:443/a%00b");
}

TEST("a Location over 8 K is refused though the buffer would take it")
{
    enum { SIZE = 2 * LIMIT_REDIRECT_URL_MAX };
    AUTO(xfree_ptr) char *text = xalloc(SIZE);
    AUTO(xfree_ptr) char *path = xalloc(SIZE);
    memset(path, 'a', SIZE);
    path[0] = '/';
    struct redirect r = {STR("HTTPS"), STR("#{host}"), STR("443"), STR("/#{path}"), STR(""), 301};
    struct redirect_input in = {STR("http"), STR("h"), 80, STR_NONE, STR_NONE};
    size_t fits = LIMIT_REDIRECT_URL_MAX - strlen("https://h:443");
    for (size_t n = fits - 1; n <= fits + 1; n++) {
        struct out o = out_of(text, SIZE);
        in.path = (struct str){path, n};
        CHECK_INT(redirect_expand(&r, &in, &o), n <= fits);
        CHECK_INT(o.p - text, n <= fits ? strlen("https://h:443") + n : 0);
    }
}

TEST_MAIN
