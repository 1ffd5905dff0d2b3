/* SPDX-License-Identifier: Apache-2.0
 * The tables of headers and faults. */
#include "http/h1_int.h"

#include "base/test.h"

TEST("every known header is found in any case, and only whole")
{
    for (unsigned id = HEADER_OTHER + 1; id < HEADER_COUNT; id++) {
        struct str name = header_name((enum header_id)id);
        char upper[64], lower[64];
        for (size_t i = 0; i < name.n; i++) {
            lower[i] = ascii_lower(name.p[i]);
            upper[i] = ascii_is_alpha(name.p[i]) ? (char)(name.p[i] & ~0x20) : name.p[i];
        }
        CHECK_INT(header_lookup(name), id);
        CHECK_INT(header_lookup((struct str){lower, name.n}), id);
        CHECK_INT(header_lookup((struct str){upper, name.n}), id);
        CHECK(header_lookup((struct str){lower, name.n - 1}) != id);
        lower[name.n - 1] = '_';
        CHECK_INT(header_lookup((struct str){lower, name.n}), HEADER_OTHER);
    }
}

TEST("headers.def is sorted by length, as the lookup needs it")
{
    for (unsigned id = HEADER_OTHER + 2; id < HEADER_COUNT; id++) {
        CHECK(header_name((enum header_id)id).n >= header_name((enum header_id)(id - 1)).n);
    }
}

TEST("unknown names are unknown")
{
    static const char *const names[] = {"",
                                        "X",
                                        "Hos",
                                        "Hostx",
                                        "Connectiom",
                                        "X-Forwarded-Pont",
                                        "a-name-that-is-longer-than-any-known-one"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CHECK_INT(header_lookup(str_of(names[i])), HEADER_OTHER);
    }
    CHECK_INT(header_name(HEADER_OTHER).n, 0);
}

static void
set(struct http_headers *h, enum header_id id, const char *value)
{
    h->items[h->count++] =
        (struct http_header){.name = header_name(id), .value = str_of(value), .id = (uint16_t)id};
}

TEST("the first header of a kind is found, or none")
{
    static struct http_headers h;
    set(&h, HEADER_ACCEPT, "a");
    set(&h, HEADER_COOKIE, "b");
    set(&h, HEADER_COOKIE, "c");
    CHECK_STR(headers_find(&h, HEADER_COOKIE)->value, "b");
    CHECK(headers_find(&h, HEADER_HOST) == NULL);
}

TEST("a token is looked for in all lines, as a whole item, ignoring case")
{
    static struct http_headers h;
    set(&h, HEADER_CONNECTION, "keep-alive , x");
    set(&h, HEADER_CONNECTION, "");
    set(&h, HEADER_CONNECTION, "foo,\tUpGrade");
    set(&h, HEADER_ACCEPT, "close");
    CHECK(headers_have_token(&h, HEADER_CONNECTION, STR("upgrade")));
    CHECK(headers_have_token(&h, HEADER_CONNECTION, STR("Keep-Alive")));
    CHECK(headers_have_token(&h, HEADER_CONNECTION, STR("x")));
    CHECK(!headers_have_token(&h, HEADER_CONNECTION, STR("close")));
    CHECK(!headers_have_token(&h, HEADER_CONNECTION, STR("up")));
    CHECK(!headers_have_token(&h, HEADER_TE, STR("x")));
}

TEST("every fault has a name, a sentence and the status of its kind")
{
    for (unsigned f = FAULT_NONE + 1; f < FAULT_COUNT; f++) {
        unsigned status = fault_status((enum http_fault)f);
        CHECK(status >= 400 && status <= 505);
        CHECK(strlen(fault_name((enum http_fault)f)) > 0);
        CHECK(strlen(fault_text((enum http_fault)f)) > 10);
    }
    static const struct {
        enum http_fault fault;
        unsigned status;
    } rows[] = {
        {FAULT_BAD_REQUEST, 400}, {FAULT_DESYNC_SEVERE, 400}, {FAULT_HEADERS_TOO_LARGE, 400},
        {FAULT_NO_HOST, 400},     {FAULT_BAD_CHUNK, 400},     {FAULT_CHUNK_TOO_LARGE, 400},
        {FAULT_BAD_CODING, 501},  {FAULT_VERSION, 505},       {FAULT_URI_TOO_LONG, 414},
        {FAULT_EXPECTATION, 417}, {FAULT_BAD_RESPONSE, 502},  {FAULT_RESPONSE_TOO_LARGE, 502},
        {FAULT_NONE, 0},
    };
    CHECK_INT(COUNT_OF(rows), FAULT_COUNT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_INT(fault_status(rows[i].fault), rows[i].status);
    }
    CHECK_STR(str_of(fault_name(FAULT_NO_HOST)), "NO_HOST");
}

TEST("the token class is RFC 9110's, the host class has no delimiters of a URI")
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (int c = 0; c < 256; c++) {
        bool token = ascii_is_alnum((char)c) || (c != 0 && strchr(others, c) != NULL);
        CHECK_INT(char_is((char)c, CHAR_TOKEN), token);
    }
    static const char never[] = "/\\@?#[]:<>\"^`{|} \t\r\n\x7f\x80\xff";
    for (size_t i = 0; i < sizeof(never); i++) { /* with the NUL at its end */
        CHECK(!char_is(never[i], CHAR_HOST));
    }
    CHECK(str_all(STR("a-B.c_9~%41"), CHAR_HOST));
    CHECK(!str_all(STR("a b"), CHAR_TOKEN));
}

TEST("a run of clean bytes ends at the first control byte wherever it stands")
{
    char text[40];
    for (unsigned at = 0; at < sizeof(text); at++) {
        for (int c = 0; c < 256; c++) {
            memset(text, 0xc3, sizeof(text));
            text[at] = (char)c;
            bool stops = c < 0x20 || c == 0x7f;
            CHECK_INT(clean_run(text, text + sizeof(text), 0x20), stops ? at : sizeof(text));
            stops |= c == 0x20;
            CHECK_INT(clean_run(text, text + sizeof(text), 0x21), stops ? at : sizeof(text));
        }
    }
    CHECK_INT(clean_run(text, text, 0x20), 0);
}

TEST_MAIN
