/* SPDX-License-Identifier: Apache-2.0
 * AllowedPattern: what fits, what does not, and what is refused. */
#include "template/resolve_int.h"

#include "base/test.h"

TEST("patterns describe the whole value, with Java's classes")
{
    static const struct {
        const char *pattern, *value;
        bool fits;
    } rows[] = {
        {"[a-z]+", "abc", true},
        {"[a-z]+", "abC", false},
        {"a|bc", "bc", true},
        {"a|bc", "abc", false},
        {"^[a-zA-Z][-a-zA-Z0-9]*$", "my-name-1", true},
        {"^[a-zA-Z][-a-zA-Z0-9]*$", "1my", false},
        {"(\\d{1,3}\\.){3}\\d{1,3}", "10.0.0.255", true},
        {"(\\d{1,3}\\.){3}\\d{1,3}", "10.0.0.d", false},
        {"(?:ab)+", "abab", true},
        {"(?:ab)+", "aba", false},
        {"[\\w\\-]+", "a_b-c", true},
        {"[\\w\\-]+", "a\\b", false},
        {"[^\\s]*", "no-blank", true},
        {"[^\\s]*", "a blank", false},
        {"\\S+\\s\\S+", "a b", true},
        {"\\S+\\s\\S+", "ab", false},
        {"[\\]\\[^-]+", "[]^-", true},
        {"[\\]\\[^-]+", "a", false},
        {"[\\^]", "^", true},
        {"[\\^]", "a", false},
        {"[\\^-]", "-", true},
        {"[\\^-]", "^", true},
        {"[\\^-]", "\\", false},
        {"[^\\^]", "a", true},
        {"[^\\^]", "^", false},
        {"a.c", "abc", true},
        {"a.c", "a\nc", false},
        {"a\\.c", "abc", false},
        {"a{2}", "aa", true},
        {"a{2}", "aaa", false},
        {"a{2,}", "aaaa", true},
        {"a{2,3}?", "aaa", true},
        {"\xC3\xA9+", "\xC3\xA9\xC3\xA9", true},
        {"\xC3\xA9+", "\xC3\xA9\xA9", false},
        {"", "", true},
        {"", "a", false},
        {"[\\D]", "x", true},
        {"[\\D]", "5", false},
        {"a}b]", "a}b]", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why = NULL;
        struct pattern *p = pattern_new(str_of(rows[i].pattern), &why);
        CHECK_STR(str_of(why), "");
        if (p == NULL || pattern_fits(p, str_of(rows[i].value)) != rows[i].fits) {
            test_failed(__FILE__, __LINE__, "'%s' with '%s'", rows[i].pattern, rows[i].value);
        }
        pattern_free(&p);
        CHECK(p == NULL);
    }
}

TEST("what POSIX cannot say, and what is unsound or too large, is refused with the reason")
{
    static const struct {
        const char *pattern, *why;
    } rows[] = {
        {"(?!a)b", "groups that begin with '(?' are not supported, except '(?:'"},
        {"(a)\\1", "this escape (\\b, \\1, \\p, ...) is not supported"},
        {"\\ba", "this escape (\\b, \\1, \\p, ...) is not supported"},
        {"[a[bc]]", "sets inside of sets are not supported"},
        {"[a&&b]", "sets inside of sets are not supported"},
        {"[\xC3\xA9]", "characters beyond ASCII inside of [] are not supported"},
        {"a++", "possessive repetitions are not supported"},
        {"*a", "a repetition has nothing to repeat"},
        {"a|*", "a repetition has nothing to repeat"},
        {"a{3,2}", "a repetition in {} is not sound, or larger than 5000"},
        {"a{,2}", "a repetition in {} is not sound, or larger than 5000"},
        {"a{1", "a repetition in {} is not sound, or larger than 5000"},
        {"a{99999}", "a repetition in {} is not sound, or larger than 5000"},
        {"((a{500}){500}){500}", "it is too large when its repetitions are written out"},
        {"(a", "a '(' is not closed"},
        {"a)", "a ')' closes nothing"},
        {"[a", "a '[' is empty or not closed"},
        {"[]", "a '[' is empty or not closed"},
        {"[z-a]", "a range inside of [] is not sound"},
        {"a\\", "it ends in a backslash"},
        {"[a\\", "it ends in a backslash"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why = NULL;
        struct pattern *p = pattern_new(str_of(rows[i].pattern), &why);
        CHECK(p == NULL);
        CHECK_STR(str_of(why), rows[i].why);
        pattern_free(&p);
    }
}

TEST_MAIN
