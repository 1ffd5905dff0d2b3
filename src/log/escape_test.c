/* SPDX-License-Identifier: Apache-2.0
 * The escapes of the access log. */
#include "log/log.h"

#include "base/rand.h"
#include "base/test.h"

static char text[4096];

static struct str
escaped(struct str s)
{
    struct out o = out_of(text, sizeof(text));
    out_log_escaped(&o, s);
    CHECK(!o.full);
    return str_span(text, o.p);
}

TEST("plain text stays as it is, whatever its length")
{
    struct str plain =
        STR("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 ~!#$%&'()*+,-./:;<=>?@[]^_`{|}");
    for (size_t n = 0; n <= plain.n; n++) {
        struct str s = str_sub(plain, 0, n);
        CHECK(str_eq(escaped(s), s));
    }
}

TEST("each byte, alone and at each place of a word")
{
    for (unsigned c = 0; c < 256; c++) {
        bool plain = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
        char form[8];
        if (plain) {
            (void)snprintf(form, sizeof(form), "%c", (int)c);
        } else {
            (void)snprintf(form, sizeof(form), "\\x%02X", c);
        }
        for (size_t at = 0; at < 17; at++) {
            char in[17];
            char expected[64];
            memset(in, 'k', sizeof(in));
            in[at] = (char)c;
            (void)snprintf(expected, sizeof(expected), "%.*s%s%.*s", (int)at, "kkkkkkkkkkkkkkkkk",
                           form, (int)(16 - at), "kkkkkkkkkkkkkkkkk");
            CHECK_STR(escaped((struct str){in, sizeof(in)}), expected);
        }
    }
}

TEST("what does not fit is left out whole")
{
    struct out o = out_of(text, 3);
    out_log_escaped(&o, STR("\""));
    CHECK(o.full && o.p == text);
    o = out_of(text, 4);
    out_log_escaped(&o, STR("\""));
    CHECK(!o.full && o.p == text + 4);
    o = out_of(text, 8);
    out_log_escaped(&o, STR("123456789"));
    CHECK(o.full && o.p == text);
}

TEST("nothing at all")
{
    CHECK_INT(escaped(STR_NONE).n, 0);
    CHECK_INT(escaped(STR("")).n, 0);
}

static uint8_t
hex_value(char c)
{
    return (uint8_t)(ascii_is_digit(c) ? c - '0' : c - 'A' + 10);
}

TEST("random bytes come back")
{
    struct rand rand;
    rand_seed(&rand, 22);
    for (int round = 0; round < 2000; round++) {
        char in[200];
        char back[200];
        size_t n = rand_below(&rand, sizeof(in));
        for (size_t i = 0; i < n; i++) {
            in[i] = (char)(rand_below(&rand, 4) == 0 ? rand_below(&rand, 256) : 'a');
        }
        struct str s = escaped((struct str){in, n});
        size_t m = 0;
        for (size_t i = 0; i < s.n && m < sizeof(back); i++) {
            if (s.p[i] == '\\') {
                back[m++] = (char)(hex_value(s.p[i + 2]) << 4 | hex_value(s.p[i + 3]));
                i += 3;
            } else {
                back[m++] = s.p[i];
            }
        }
        CHECK(m == n && memcmp(in, back, n) == 0);
    }
}

TEST_MAIN
