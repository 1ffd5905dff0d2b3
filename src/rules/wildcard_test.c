/* SPDX-License-Identifier: Apache-2.0
 * Tests of wildcards: what matches, and that no pattern is slow. */
#include "rules/wildcard.c"

#include "base/mem.h"
#include "base/test.h"

static const struct {
    const char *pattern;
    const char *text;
    bool exact;  /* matches with case */
    bool folded; /* matches without */
} rows[] = {
    {"", "", true, true},
    {"", "a", false, false},
    {"*", "", true, true},
    {"*", "anything/at all", true, true},
    {"**", "", true, true},
    {"?", "", false, false},
    {"?", "a", true, true},
    {"?", "ab", false, false},
    {"??", "ab", true, true},
    {"a", "a", true, true},
    {"a", "A", false, true},
    {"A", "a", false, true},
    {"abc", "abd", false, false},
    {"abc", "ab", false, false},
    {"abc", "abcd", false, false},
    {"/img/*", "/img/", true, true},
    {"/img/*", "/img/a/b.png", true, true}, /* `*` crosses '/' */
    {"/img/*", "/img", false, false},
    {"/img/*", "/IMG/a", false, true},
    {"/img/*/pics", "/img/a/b/pics", true, true},
    {"/img/*/pics", "/img//pics", true, true},
    {"/img/*/pics", "/img/pics", false, false},
    {"/img/*/pics", "/img/a/pics/b", false, false},
    {"*.example.com", "www.example.com", true, true},
    {"*.example.com", "WWW.Example.COM", false, true},
    {"*.example.com", "example.com", false, false},
    {"*.example.com", ".example.com", true, true},
    {"*a*b", "xaxxb", true, true},
    {"*a*b", "xaxxbx", false, false},
    {"a*b*c", "abbbcbc", true, true},
    {"a*?", "a", false, false},
    {"a*?", "ab", true, true},
    {"a?*", "ab", true, true},
    {"?*?", "a", false, false},
    {"?*?", "ab", true, true},
    {"*?", "", false, false},
    {"/a?c/*", "/abc/d", true, true},
    {"/a?c/*", "/a/c/d", true, true}, /* `?` is any one byte, '/' too */
    {"*ab", "aab", true, true},
    {"*aab", "aaaab", true, true},
    {"a.c", "abc", false, false}, /* no other byte is special */
    {"[a]", "a", false, false},
    {"\\*", "\\x", true, true},
    {"@[`{", "@[`{", true, true},
    {"@[", "`{", false, false}, /* folding touches letters only */
};

TEST("patterns match as the table says")
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str pattern = str_of(rows[i].pattern);
        struct str text = str_of(rows[i].text);
        if (wildcard_match(pattern, text, false) != rows[i].exact ||
            wildcard_match(pattern, text, true) != rows[i].folded) {
            test_failed(__FILE__, __LINE__, "row %zu: '%s' on '%s'", i, rows[i].pattern,
                        rows[i].text);
        }
    }
}

TEST("NUL and bytes above ASCII are bytes like others")
{
    CHECK(wildcard_match(STR("a*c"), (struct str){"a\0c", 3}, false));
    CHECK(wildcard_match(STR("a?c"), (struct str){"a\0c", 3}, false));
    CHECK(wildcard_match(STR("a??c"),
                         STR("a\xc3\xa9"
                             "c"),
                         true));
    CHECK(!wildcard_match(STR("a?c"),
                          STR("a\xc3\xa9"
                              "c"),
                          true));
}

/* `count` times a letter, then `tail`. The caller frees it. */
static char *
letters(size_t count, char letter, const char *tail)
{
    char *text = xalloc(count + strlen(tail) + 1);
    memset(text, letter, count);
    memcpy(text + count, tail, strlen(tail));
    return text;
}

TEST("no pattern takes more steps than pattern times text")
{
    static const char *const patterns[] = {
        "*a*a*a*a*b",
        "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
        "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "*?a?a?a?a?a?a?b*",
        "*****************************************************************b",
        "a?*a?*a?*a?*a?*a?*b",
    };
    AUTO(xfree_ptr) char *text = letters(16 * 1024, 'a', "c");
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct str pattern = str_of(patterns[i]);
        size_t steps = 0;
        CHECK(!walk(pattern, str_of(text), false, &steps));
        CHECK(steps <= (pattern.n + 1) * (strlen(text) + 1));
    }
}

TEST("a pattern that ends in a star stops at once")
{
    AUTO(xfree_ptr) char *text = letters(16 * 1024, 'x', "");
    size_t steps = 0;
    CHECK(walk(STR("x*"), str_of(text), false, &steps));
    CHECK_INT(steps, 1);
}

TEST_MAIN
