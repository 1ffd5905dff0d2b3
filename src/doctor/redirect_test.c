/* SPDX-License-Identifier: Apache-2.0
 * Locations against URLs: the standard's examples, and what browsers make of the rest. */
#include "doctor/redirect.h"

#include "base/assert.h"
#include "base/test.h"

struct row {
    const char *location, *url; /* NULL: refused */
};

static void
check_rows(const char *base_url, const struct row *rows, size_t count)
{
    struct redirect base, to;
    ASSERT(redirect_parse(str_of(base_url), &base) == ERR_OK);
    for (size_t i = 0; i < count; i++) {
        enum err e = redirect_resolve(&base, str_of(rows[i].location), &to);
        if (rows[i].url == NULL) {
            if (e == ERR_OK) {
                test_failed(__FILE__, __LINE__, "\"%s\" gives %s", rows[i].location, to.url);
            }
            continue;
        }
        if (e != ERR_OK || strcmp(to.url, rows[i].url) != 0) {
            test_failed(__FILE__, __LINE__, "\"%s\" gives %s, expected %s", rows[i].location,
                        e == ERR_OK ? to.url : err_name(e), rows[i].url);
        }
    }
}

TEST("the examples of the standard [RFC 3986 5.4]")
{
    static const struct row rows[] = {
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"http:g", "http://a/b/c/g"}, /* as browsers do */
        {"g:h", NULL},                /* another scheme */
    };
    check_rows("http://a/b/c/d;p?q", rows, COUNT_OF(rows));
}

TEST("ports, schemes, users and hosts")
{
    static const struct row rows[] = {
        {"https://app.example.com/login", "https://app.example.com/login"},
        {"https://app.example.com:443/login", "https://app.example.com:443/login"},
        {"https://app.example.com:/", "https://app.example.com/"},
        {"http://app.example.com:8443/", "http://app.example.com:8443/"},
        {"//app.example.com/x", "https://app.example.com/x"},
        {"/x", "https://app.example.com:8443/x"},
        {"HTTPS://APP.Example.COM./", "https://app.example.com/"},
        {"https://user:secret@app.example.com/", "https://app.example.com/"},
        {"https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"},
        {"https://127.1/", "https://127.0.0.1/"},
        {"https://b\xc3\xbc"
         "cher.example/",
         "https://xn--bcher-kva.example/"},
        {"https://app.example.com?x", "https://app.example.com/?x"},
        {"https://app.example.com:99999/", NULL},
        {"https://app.example.com:port/", NULL},
        {"https://app exa.com/", NULL},
        {"https://[::1/", NULL},
        {"https://", NULL},
        {"ftp://app.example.com/", NULL},
        {"javascript:alert(1)", NULL},
        {"", NULL},
        {"  ", NULL},
    };
    check_rows("https://app.example.com:8443/", rows, COUNT_OF(rows));
}

TEST("slashes of both kinds, blanks, controls, letters beyond ASCII, coded dots")
{
    static const struct row rows[] = {
        {"///host/x", "https://host/x"},
        {"\\\\host\\x", "https://host/x"},
        {"/a\\b?c\\d", "https://a.example/a/b?c\\d"},
        {"https:\\\\host/x", "https://host/x"},
        {"https:/x", "https://a.example/x"},
        {"http:/host/x", "http://host/x"},
        {" /x ", "https://a.example/x"},
        {"/a b", "https://a.example/a%20b"},
        {"/a\tb\nc", "https://a.example/abc"},
        {"/\xe3\x81\x82?\xe3\x81\x84", "https://a.example/%E3%81%82?%E3%81%84"},
        {"/\"<>", "https://a.example/%22%3C%3E"},
        {"/a%20b", "https://a.example/a%20b"},
        {"/a/%2e%2E/b", "https://a.example/b"},
        {"/a//b", "https://a.example/a//b"},
        {"/\x01\x7f", "https://a.example/%01%7F"},
    };
    check_rows("https://a.example/p/q", rows, COUNT_OF(rows));
}

TEST("bytes with a NUL are never cut short")
{
    struct redirect base, to;
    ASSERT(redirect_parse(STR("https://a.example/"), &base) == ERR_OK);
    CHECK(redirect_resolve(&base, STR("https://good.example\0.evil.example/"), &to) != ERR_OK);
    CHECK(redirect_resolve(&base, STR("/x\0y"), &to) == ERR_OK);
    CHECK_STR(str_of(to.url), "https://a.example/x%00y");
}

TEST("what has changed, what is the same")
{
    static const struct {
        const char *location;
        unsigned changed;
    } rows[] = {
        {"/x", 0},
        {"https://app.example.com:8443/", 0},
        {"https://app.example.com/", REDIRECT_PORT},
        {"http://app.example.com:8443/", REDIRECT_SCHEME},
        {"http://app.example.com/", REDIRECT_SCHEME | REDIRECT_PORT},
        {"https://www.example.com:8443/", REDIRECT_HOST},
    };
    struct redirect base, to, again;
    ASSERT(redirect_parse(STR("https://app.example.com:8443/"), &base) == ERR_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_INT(redirect_resolve(&base, str_of(rows[i].location), &to), ERR_OK);
        CHECK_INT(to.changed, rows[i].changed);
        CHECK_INT(redirect_same_origin(&base, &to), rows[i].changed == 0);
    }
    CHECK(redirect_parse(STR("https://app.example.com:443/x#a"), &to) == ERR_OK);
    CHECK(redirect_parse(STR("https://APP.example.com/x"), &again) == ERR_OK);
    CHECK(redirect_same(&to, &again) && to.port_written && !again.port_written);
    CHECK(redirect_parse(STR("https://app.example.com/X"), &again) == ERR_OK);
    CHECK(!redirect_same(&to, &again));
}

TEST("a relative URL is none by itself, and one that is too long is refused")
{
    static char text[REDIRECT_URL + 64];
    struct redirect to;
    CHECK_INT(redirect_parse(STR("/x"), &to), ERR_INVALID);
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "https://a.example/", 18);
    CHECK_INT(redirect_parse(str_of(text), &to), ERR_TOO_LARGE);
}

TEST("a mended Location has the scheme and port that it lost")
{
    struct redirect broken, mended;
    ASSERT(redirect_parse(STR("http://app.example.com/login?x"), &broken) == ERR_OK);
    CHECK_INT(redirect_mend(&broken, true, 8443, &mended), ERR_OK);
    CHECK_STR(str_of(mended.url), "https://app.example.com:8443/login?x");
    CHECK_STR(str_of(mended.path), "/login?x");
    CHECK_INT(mended.changed, REDIRECT_SCHEME | REDIRECT_PORT);
}

TEST_MAIN
