/* SPDX-License-Identifier: Apache-2.0
 * The primitives of the house. */
#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rand.h"
#include "base/test.h"

#include <errno.h>

TEST("strings compare, cut, trim and parse")
{
    CHECK(str_ieq(STR("Host"), STR("hOST")));
    CHECK(!str_ieq(STR("Host"), STR("Hos")));
    CHECK(str_cmp(STR("a"), STR("ab")) < 0);
    CHECK(str_istarts(STR("Content-Type"), STR("content-")));
    CHECK(str_ends(STR("a.log"), STR(".log")) && !str_ends(STR("log"), STR(".log")));
    CHECK_STR(str_trim(STR(" \t a b \t")), "a b");
    CHECK_STR(str_sub(STR("abc"), 1, 9), "bc");
    CHECK_STR(str_sub(STR("abc"), 3, 1), "");
    struct str rest = STR("a,,b");
    struct str piece;
    CHECK(str_cut(&rest, ',', &piece) && str_eq(piece, STR("a")));
    CHECK(str_cut(&rest, ',', &piece) && piece.n == 0);
    CHECK(str_cut(&rest, ',', &piece) && str_eq(piece, STR("b")));
    CHECK(!str_cut(&rest, ',', &piece));
    size_t at;
    CHECK(str_find(STR("hello"), STR("ll"), &at) && at == 2);
    CHECK(!str_find(STR("hello"), STR("lll"), &at));
    CHECK(str_rfind_char(STR("a:b:c"), ':', &at) && at == 3);
    CHECK_INT(str_distance(STR("Prot"), STR("Port")), 2);
    CHECK_INT(str_distance(STR(""), STR("abc")), 3);
}

TEST("numbers are decimal digits only, without overflow")
{
    uint64_t u = 7;
    int64_t i = 7;
    CHECK(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    static const char *const refused[] = {"",  "18446744073709551616", "+1", "-1", "1 ", "0x1",
                                          "1a"};
    for (size_t n = 0; n < COUNT_OF(refused); n++) {
        CHECK(!str_to_u64(str_of(refused[n]), &u));
    }
    CHECK(str_to_int_range(STR("-5"), -5, 5, &i) && i == -5);
    CHECK(!str_to_int_range(STR("6"), -5, 5, &i));
    CHECK(!str_to_int_range(STR("-"), -5, 5, &i));
}

TEST("a builder grows to its maximum and then says so")
{
    struct buf b = {.max = 8};
    buf_addf(&b, "%d", 12345);
    CHECK_STR(buf_str(&b), "12345");
    buf_add_z(&b, "abc");
    CHECK(!b.overflow);
    buf_add_char(&b, '!');
    CHECK(b.overflow);
    CHECK_STR(buf_str(&b), "12345abc");
    buf_free(&b);
}

TEST("an output cursor never passes its end")
{
    char text[8];
    struct out o = out_of(text, sizeof(text));
    out_u64(&o, 1234567);
    CHECK(!o.full);
    OUT_LIT(&o, "89");
    CHECK(o.full);
    CHECK_STR(str_span(text, o.p), "1234567");
    o = out_of(text, sizeof(text));
    out_hex(&o, 0xbeef, 6);
    CHECK_STR(str_span(text, o.p), "00beef");
}

TEST("a pool refuses when its maximum is in use, and gives freed objects again")
{
    struct pool p;
    pool_init(&p, "test", 100, 3);
    void *a = pool_get(&p);
    void *b = pool_get(&p);
    void *c = pool_get(&p);
    CHECK(a != NULL && b != NULL && c != NULL);
    CHECK(pool_get(&p) == NULL);
    pool_put(&p, b);
    CHECK(pool_get(&p) == b);
    pool_put(&p, a);
    pool_put(&p, b);
    pool_put(&p, c);
    pool_done(&p);
}

TEST("an arena gives aligned memory up to its limit")
{
    struct pool chunks;
    struct arena a;
    pool_init(&chunks, "chunks", ARENA_CHUNK, 4);
    arena_init(&a, &chunks, 3 * ARENA_CHUNK);
    char *first = arena_alloc(&a, 3);
    char *second = arena_alloc(&a, 1);
    CHECK(second == first + 8);
    CHECK(arena_alloc(&a, 5000) != NULL);
    CHECK(arena_alloc(&a, 5000) == NULL);
    CHECK_STR(arena_dup(&a, STR("kept")), "kept");
    char *wide = arena_alloc(&a, 100);
    arena_trim(&a, wide, 100, 10);
    CHECK((char *)arena_alloc(&a, 1) == wide + 16);
    arena_done(&a);
    CHECK_INT(chunks.used, 0);
    pool_done(&chunks);
}

TEST("a list keeps order and forgets removed nodes")
{
    struct list head;
    struct list nodes[3];
    list_init(&head);
    for (int i = 0; i < 3; i++) {
        list_init(&nodes[i]);
        list_push_back(&head, &nodes[i]);
    }
    list_remove(&nodes[1]);
    list_remove(&nodes[1]);
    int count = 0;
    LIST_FOR_SAFE (node, &head) {
        count++;
        list_remove(node);
    }
    CHECK_INT(count, 2);
    CHECK(list_empty(&head));
}

TEST("addresses parse and print")
{
    static const struct {
        const char *ip;
        const char *log;
        const char *url;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1:80", "192.0.2.1:80"},
        {"2001:db8::7", "2001:db8::7:80", "[2001:db8::7]:80"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct addr a;
        char text[ADDR_TEXT];
        char log[ADDR_TEXT];
        CHECK(addr_parse(str_of(rows[i].ip), 80, &a));
        struct out o = out_of(log, sizeof(log));
        out_addr_port(&o, &a);
        CHECK_STR(str_span(log, o.p), rows[i].log);
        CHECK_STR(str_of(addr_port_text(&a, text)), rows[i].url);
        CHECK_STR(str_of(addr_text(&a, text)), rows[i].ip);
    }
    struct addr a;
    CHECK(!addr_parse(STR("192.0.2"), 80, &a));
    CHECK(!addr_parse(STR("localhost"), 80, &a));
    CHECK(!addr_parse(STR("1.2.3.4 "), 80, &a));
}

TEST("dates are right across centuries and leap years")
{
    static const struct {
        uint64_t seconds;
        const char *iso;
        const char *http;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
        {951782400, "2000-02-29T00:00:00.000000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {1798761599, "2026-12-31T23:59:59.000000Z", "Thu, 31 Dec 2026 23:59:59 GMT"},
        {4107542400, "2100-03-01T00:00:00.000000Z", "Mon, 01 Mar 2100 00:00:00 GMT"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        struct out o = out_of(text, sizeof(text));
        out_iso8601(&o, rows[i].seconds * 1000000, false);
        CHECK_STR(str_span(text, o.p), rows[i].iso);
        o = out_of(text, sizeof(text));
        out_http_date(&o, rows[i].seconds * 1000000);
        CHECK_STR(str_span(text, o.p), rows[i].http);
    }
    char text[64];
    struct out o = out_of(text, sizeof(text));
    out_iso8601(&o, 1234567, true);
    CHECK_STR(str_span(text, o.p), "1970-01-01T00:00:01.234000Z");
}

TEST("errors carry a sentence, and errno's text when asked")
{
    struct errinfo e;
    CHECK(err_set(&e, ERR_INVALID, "port '%d'", 70000) == ERR_INVALID);
    CHECK_STR(str_of(e.text), "port '70000'");
    errno = ENOENT;
    CHECK(err_errno(&e, "cannot open '%s'", "x") == ERR_SYSTEM);
    CHECK_STR(str_of(e.text), "cannot open 'x': No such file or directory");
    CHECK_STR(str_of(err_name(ERR_TOO_LARGE)), "ERR_TOO_LARGE");
}

TEST("random numbers repeat with their seed and stay below their bound")
{
    struct rand a;
    struct rand b;
    rand_seed(&a, 42);
    rand_seed(&b, 42);
    for (int i = 0; i < 100; i++) {
        CHECK(rand_below(&a, 7) < 7);
        (void)rand_u64(&b);
    }
    CHECK(rand_u64(&a) == rand_u64(&b));
}

TEST_MAIN
