/* SPDX-License-Identifier: Apache-2.0
 * The header field: what RFC 6797 says and what clients do, value by value. */
#include "hsts/hsts.h"

#include "base/defs.h"
#include "base/test.h"

#define N "31536000"
enum { YEAR = 31536000 };

/* What one reader makes of a value: 's' set, 'S' set with subdomains, 'f' forget, 'i' ignore. */
struct row {
    const char *value;
    char rfc, chromium, firefox, curl;
    enum hsts_problem problem;
};

/* Chromium 156, Firefox 153 and curl 7.88.1 were tried with these. */
static const struct row rows[] = {
    /* clang-format off */
    {"max-age=" N,                                         's', 's', 's', 's', HSTS_PROBLEM_NONE},
    {"max-age=" N "; includeSubDomains",                   'S', 'S', 'S', 'S', HSTS_PROBLEM_NONE},
    {"MAX-AGE=" N ";INCLUDESUBDOMAINS",                    'S', 'S', 'S', 'S', HSTS_PROBLEM_NONE},
    {"max-age=\"" N "\"; includeSubDomains; preload",      'S', 'S', 'S', 'S', HSTS_PROBLEM_NONE},
    {";max-age=" N ";",                                    's', 's', 's', 's', HSTS_PROBLEM_NONE},
    {"max-age=" N ";;;;",                                  's', 's', 's', 's', HSTS_PROBLEM_NONE},
    {"foo=bar; baz; max-age=" N,                           's', 's', 's', 's', HSTS_PROBLEM_NONE},
    {"foo=\"a;b\"; max-age=" N,                            's', 's', 's', 's', HSTS_PROBLEM_NONE},
    {"foo=\"a\\\"b\"; max-age=" N,                         's', 's', 's', 's', HSTS_PROBLEM_NONE},
    {"max-age=0",                                          'f', 'f', 'f', 'f', HSTS_PROBLEM_NONE},
    {"max-age=0; includeSubDomains",                       'f', 'f', 'f', 'f', HSTS_PROBLEM_NONE},
    {"max-age=\"0\"",                                      'f', 'f', 'f', 'f', HSTS_PROBLEM_NONE},
    {"\t max-age \t=\t " N " \t",                          's', 's', 's', 'i', HSTS_PROBLEM_NONE},
    {"includeSubDomains",                                  'i', 'i', 'i', 'i', HSTS_PROBLEM_NO_MAX_AGE},
    {"",                                                   'i', 'i', 'i', 'i', HSTS_PROBLEM_NO_MAX_AGE},
    {" ; ;",                                               'i', 'i', 'i', 'i', HSTS_PROBLEM_NO_MAX_AGE},
    {"max-age=1; max-age=" N,                              'i', 'i', 'i', 'i', HSTS_PROBLEM_TWICE},
    {"max-age=" N "; includeSubDomains; includeSubDomains",'i', 'i', 'i', 'i', HSTS_PROBLEM_TWICE},
    {"max-age = " N " ; includeSubDomains=1",              'i', 'i', 'i', 'i', HSTS_PROBLEM_VALUE},
    {"max-age=" N "; includeSubDomains=1",                 'i', 'i', 'i', 'S', HSTS_PROBLEM_VALUE},
    {"max-age=abc",                                        'i', 'i', 'i', 'i', HSTS_PROBLEM_BAD_NUMBER},
    {"max-age=-1",                                         'i', 'i', 'i', 'i', HSTS_PROBLEM_BAD_NUMBER},
    {"max-age=-0",                                         'i', 'i', 'i', 'i', HSTS_PROBLEM_BAD_NUMBER},
    {"max-age=1.5",                                        'i', 'i', 'i', 's', HSTS_PROBLEM_BAD_NUMBER},
    {"max-age=+" N,                                        'i', 'i', 'i', 's', HSTS_PROBLEM_BAD_NUMBER},
    {"max-age='" N "'",                                    'i', 'i', 'i', 'i', HSTS_PROBLEM_BAD_NUMBER},
    {"max-age=" N "x",                                     'i', 'i', 'i', 's', HSTS_PROBLEM_BAD_NUMBER},
    {"max-age=\"\"",                                       'i', 'i', 'i', 'i', HSTS_PROBLEM_BAD_NUMBER},
    {"\"max-age\"=" N,                                     'i', 'i', 'i', 'i', HSTS_PROBLEM_NO_NAME},
    {"max-age=" N "; =x",                                  'i', 'i', 'i', 's', HSTS_PROBLEM_NO_NAME},
    {"max-age",                                            'i', 'i', 'i', 'i', HSTS_PROBLEM_NO_NUMBER},
    {"max-age=",                                           'i', 'i', 'i', 'i', HSTS_PROBLEM_NO_VALUE},
    {"max-age=;",                                          'i', 'i', 'i', 'i', HSTS_PROBLEM_NO_VALUE},
    {"max-age=" N ",includeSubDomains",                    'i', 'i', 'i', 's', HSTS_PROBLEM_SEPARATOR},
    {"max-age=" N " includeSubDomains",                    'i', 'i', 'i', 'S', HSTS_PROBLEM_SEPARATOR},
    {"max-age=\"" N "\"x",                                 'i', 'i', 'i', 's', HSTS_PROBLEM_SEPARATOR},
    {"foo=\"unterminated; max-age=" N,                     'i', 'i', 'i', 's', HSTS_PROBLEM_UNTERMINATED},
    {"max-age=" N "; foo=\"unterminated",                  'i', 'i', 'i', 's', HSTS_PROBLEM_UNTERMINATED},
    {"max-age=\"" N,                                       'i', 'i', 'i', 'i', HSTS_PROBLEM_UNTERMINATED},
    {"max-age=" N "; foo=\"a\\",                           'i', 'i', 'i', 's', HSTS_PROBLEM_UNTERMINATED},
    {"max-age=" N "\x1b[31m",                              'i', 'i', 'i', 's', HSTS_PROBLEM_CONTROL},
    {"max-age=" N "; \xc3\xa4",                            'i', 'i', 'i', 's', HSTS_PROBLEM_NO_NAME},
    /* clang-format on */
};

static char
letter(const struct hsts_reading *r)
{
    if (r->result == HSTS_SET) {
        return r->include_subdomains ? 'S' : 's';
    }
    return r->result == HSTS_FORGET ? 'f' : 'i';
}

TEST("[RFC 6797 6.1] each value is taken as the standard and the clients take it")
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hsts_header h;
        hsts_header_parse(str_of(rows[i].value), &h);
        struct hsts_reading strict = {h.result, h.max_age_s, h.include_subdomains};
        if (letter(&strict) != rows[i].rfc || letter(&h.chromium) != rows[i].chromium ||
            letter(&h.firefox) != rows[i].firefox || letter(&h.curl) != rows[i].curl) {
            test_failed(__FILE__, __LINE__, "\"%s\": %c%c%c%c", rows[i].value, letter(&strict),
                        letter(&h.chromium), letter(&h.firefox), letter(&h.curl));
        }
        if (h.problem != rows[i].problem) {
            test_failed(__FILE__, __LINE__, "\"%s\": %s", rows[i].value,
                        hsts_problem_text(h.problem));
        }
        bool more = rows[i].rfc == 'i' && (rows[i].curl == 's' || rows[i].curl == 'S');
        CHECK(h.curl_accepts == more);
        CHECK(h.why != NULL && h.why[0] != '\0');
    }
}

TEST("a field that is ignored carries no numbers")
{
    struct hsts_header h;
    hsts_header_parse(STR("max-age=" N "; includeSubDomains; preload; x y"), &h);
    CHECK_INT(h.result, HSTS_IGNORE);
    CHECK_INT(h.max_age_s, 0);
    CHECK(!h.include_subdomains);
    CHECK(!h.preload);
}

TEST("preload is told, and means nothing to the clients")
{
    struct hsts_header h;
    hsts_header_parse(STR("max-age=" N "; preload"), &h);
    CHECK(h.preload);
    CHECK_INT(h.result, HSTS_SET);
    hsts_header_parse(STR("max-age=" N), &h);
    CHECK(!h.preload);
}

TEST("times: Chromium cuts to a year, Firefox ignores what overflows, curl never ends")
{
    struct hsts_header h;
    hsts_header_parse(STR("max-age=63072000"), &h);
    CHECK_INT(h.max_age_s, 2 * YEAR);
    CHECK_INT(h.chromium.max_age_s, YEAR);
    CHECK_INT(h.firefox.max_age_s, 2 * YEAR);
    CHECK_INT(h.curl.max_age_s, 2 * YEAR);
    hsts_header_parse(STR("max-age=99999999999999999999"), &h);
    CHECK_INT(h.result, HSTS_SET);
    CHECK(h.max_age_s == UINT64_MAX);
    CHECK_INT(h.chromium.max_age_s, YEAR);
    CHECK_INT(h.firefox.result, HSTS_IGNORE);
    CHECK(h.curl.max_age_s == UINT64_MAX);
    hsts_header_parse(STR("max-age=9223372036854775807"), &h);
    CHECK(h.max_age_s == INT64_MAX);
    CHECK(h.curl.max_age_s == UINT64_MAX);
    hsts_header_parse(STR("max-age=18446744073709551616"), &h);
    CHECK(h.max_age_s == UINT64_MAX);
    hsts_header_parse(STR("max-age=000000000000000000000000000000000000060"), &h);
    CHECK_INT(h.max_age_s, 60);
    hsts_header_parse(STR("max-age=\"\\6\\0\""), &h);
    CHECK_INT(h.max_age_s, 60);
}

TEST("a NUL is a control character; curl sees what stands before it")
{
    struct hsts_header h;
    hsts_header_parse(STR("max-age=60\0; includeSubDomains"), &h);
    CHECK_INT(h.problem, HSTS_PROBLEM_CONTROL);
    CHECK_INT(h.curl.result, HSTS_SET);
    CHECK(!h.curl.include_subdomains);
}

TEST("[RFC 6797 8.1] of several fields the first counts; for curl the last one does")
{
    static const struct {
        struct str values[3];
        size_t count;
        char rfc, curl;
    } several[] = {
        {{STR("max-age=0"), STR("max-age=" N)}, 2, 'f', 's'},
        {{STR("max-age=" N), STR("max-age=0")}, 2, 's', 'f'},
        {{STR("max-age=" N "; includeSubDomains"), STR("nonsense")}, 2, 'S', 'S'},
        {{STR("nonsense"), STR("max-age=" N)}, 2, 'i', 's'},
        {{STR("max-age=0"), STR("max-age=1"), STR("max-age=2; includeSubDomains")}, 3, 'f', 'S'},
        {{STR("")}, 1, 'i', 'i'},
    };
    for (size_t i = 0; i < COUNT_OF(several); i++) {
        struct hsts_header h;
        hsts_headers_parse(several[i].values, several[i].count, &h);
        struct hsts_reading strict = {h.result, h.max_age_s, h.include_subdomains};
        CHECK_INT(letter(&strict), several[i].rfc);
        CHECK_INT(letter(&h.chromium), several[i].rfc);
        CHECK_INT(letter(&h.curl), several[i].curl);
        CHECK(h.curl_accepts == (several[i].rfc == 'i' && several[i].curl != 'i'));
    }
}

TEST("no field at all")
{
    struct hsts_header h;
    hsts_headers_parse(NULL, 0, &h);
    CHECK_INT(h.result, HSTS_IGNORE);
    CHECK_INT(h.problem, HSTS_PROBLEM_ABSENT);
    CHECK_INT(h.curl.result, HSTS_IGNORE);
    CHECK(!h.curl_accepts);
}

TEST_MAIN
