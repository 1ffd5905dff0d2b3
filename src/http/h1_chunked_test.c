/* SPDX-License-Identifier: Apache-2.0
 * Chunked coding: payload, trailers, refusals; in one piece, byte by byte and at every cut. */
#include "http/h1_same.h"

#include "base/test.h"

struct outcome {
    enum h1_result result;
    enum http_fault fault;
    size_t used;
    struct buf payload;
    struct h1_chunked chunked;
};

static void
outcome_done(struct outcome *o)
{
    buf_free(&o->payload);
    h1_chunked_done(&o->chunked);
}

static void
feed(struct outcome *o, struct str piece)
{
    char *p = bytes_copy(piece);
    size_t used, payload;
    o->result = h1_chunked_decode(&o->chunked, p, piece.n, &used, &payload, &o->fault);
    CHECK(payload <= used && used <= piece.n);
    CHECK(o->result != H1_MORE || used == piece.n);
    o->used += used;
    buf_add(&o->payload, p, payload);
    xfree(p);
}

/* In pieces of `step` bytes. */
static struct outcome
decode(struct str text, size_t step)
{
    struct outcome o = {.result = H1_MORE};
    h1_chunked_init(&o.chunked);
    for (size_t at = 0; at < text.n && o.result == H1_MORE; at += step) {
        feed(&o, str_sub(text, at, step));
    }
    return o;
}

static void
check_all_ways(struct str text, enum h1_result result, enum http_fault fault, size_t left_over,
               const char *payload, const char *trailers)
{
    for (size_t step = 1; step <= text.n; step++) {
        struct outcome o = decode(text, step);
        bool as_expected = o.result == result && o.fault == fault && o.used == text.n - left_over &&
                           str_eq(buf_str(&o.payload), str_of(payload)) &&
                           str_eq(buf_str(&o.chunked.trailers), str_of(trailers));
        if (!as_expected) {
            test_failed(__FILE__, __LINE__, "step %zu of \"%.*s\": %d %s used %zu \"%.*s\"", step,
                        STR_ARG(text), (int)o.result, fault_name(o.fault), o.used,
                        STR_ARG(buf_str(&o.payload)));
        }
        outcome_done(&o);
    }
}

TEST("chunks are joined, however they come")
{
    check_all_ways(STR("0\r\n\r\n"), H1_DONE, FAULT_NONE, 0, "", "");
    check_all_ways(STR("5\r\nhello\r\n0\r\n\r\n"), H1_DONE, FAULT_NONE, 0, "hello", "");
    check_all_ways(STR("5\r\nhello\r\n1\r\n \r\n00A\r\n0123456789\r\n000\r\n\r\n"), H1_DONE,
                   FAULT_NONE, 0, "hello 0123456789", "");
    check_all_ways(STR("2\r\n\r\n\r\n0\r\n\r\n"), H1_DONE, FAULT_NONE, 0, "\r\n", "");
    check_all_ways(STR("a\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\n"), H1_DONE, FAULT_NONE, 16,
                   "0123456789", "");
}

TEST("an unfinished body asks for more")
{
    check_all_ways(STR("5\r\nhel"), H1_MORE, FAULT_NONE, 0, "hel", "");
    check_all_ways(STR("5"), H1_MORE, FAULT_NONE, 0, "", "");
    check_all_ways(STR("5\r\nhello\r\n0\r\n"), H1_MORE, FAULT_NONE, 0, "hello", "");
    check_all_ways(STR("0\r\n\r"), H1_MORE, FAULT_NONE, 0, "", "");
}

TEST("extensions are skipped, blanks behind the size as well")
{
    check_all_ways(STR("1;a=\"b;c\";d\r\nx\r\n0;e\r\n\r\n"), H1_DONE, FAULT_NONE, 0, "x", "");
    check_all_ways(STR("1 \t ;a\r\nx\r\n0  \r\n\r\n"), H1_DONE, FAULT_NONE, 0, "x", "");
}

TEST("trailers are collected")
{
    check_all_ways(STR("1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n"), H1_DONE, FAULT_NONE, 0, "x",
                   "A: b\r\nC: d\r\n");
}

TEST("malformed framing is refused; a bare LF anywhere in it too [D13]")
{
    static const struct str texts[] = {
        STR("\r\n"),           STR("g\r\n"),       STR("-1\r\n"),
        STR("+1\r\n"),         STR("0x1\r\n"),     STR(" 1\r\n"),
        STR(";a\r\n"),         STR("1 2\r\n"),     STR("1\n"),
        STR("1\rx"),           STR("1;a\n"),       STR("1;a\rb"),
        STR("1;a\x01\r\n"),    STR("1;a\0\r\n"),   STR("1\r\nxy"),
        STR("1\r\nx\n"),       STR("1\r\nx\rz"),   STR("0\n"),
        STR("0\r\n\n"),        STR("0\r\n\rx"),    STR("0\r\nA: b\n\r\n"),
        STR("0\r\nA: b\rc"),   STR("0\r\nA\0: b"), STR("0\r\nA: \x7f"),
        STR("1\r\nx\r\n\r\n"), STR("\xb2\r\n"),    STR("1\xff\r\n"),
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (size_t step = 1; step <= texts[i].n; step++) {
            struct outcome o = decode(texts[i], step);
            if (o.result != H1_FAULT || o.fault != FAULT_BAD_CHUNK) {
                test_failed(__FILE__, __LINE__, "row %zu step %zu: %d", i, step, (int)o.result);
            }
            outcome_done(&o);
        }
    }
}

TEST("sizes over 63 bits or 16 digits are refused, the largest is not")
{
    static const struct {
        const char *text;
        enum h1_result result;
    } rows[] = {
        {"7fffffffffffffff\r\nx", H1_MORE},  {"8000000000000000\r\n", H1_FAULT},
        {"fffffffffffffffff\r\n", H1_FAULT}, {"00000000000000001\r\n", H1_FAULT},
        {"0000000000000001\r\nx", H1_MORE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = decode(str_of(rows[i].text), 3);
        CHECK_INT(o.result, rows[i].result);
        CHECK_INT(o.fault, rows[i].result == H1_FAULT ? FAULT_CHUNK_TOO_LARGE : FAULT_NONE);
        outcome_done(&o);
    }
}

static struct outcome
decode_filled(const char *begin, size_t fill, const char *end)
{
    struct buf made = {0};
    buf_add_z(&made, begin);
    for (size_t i = 0; i < fill; i++) {
        buf_add_char(&made, 'a');
    }
    buf_add_z(&made, end);
    struct outcome o = decode(buf_str(&made), 1000);
    buf_free(&made);
    return o;
}

TEST("chunk lines and trailer lines have a limit")
{
    static const struct {
        const char *begin, *end;
    } rows[] = {{"1;", "\r\n"}, {"0\r\n", "\r\n"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t fixed = i == 0 ? 4 : 2;
        struct outcome o = decode_filled(rows[i].begin, LIMIT_CHUNK_LINE_MAX - fixed, rows[i].end);
        CHECK_INT(o.result, H1_MORE);
        outcome_done(&o);
        o = decode_filled(rows[i].begin, LIMIT_CHUNK_LINE_MAX - fixed + 1, rows[i].end);
        CHECK_INT(o.result, H1_FAULT);
        CHECK_INT(o.fault, FAULT_CHUNK_TOO_LARGE);
        outcome_done(&o);
    }
}

TEST("all trailers together have a limit")
{
    struct buf made = {0};
    buf_add_z(&made, "0\r\n");
    for (unsigned i = 0; i < LIMIT_TRAILERS_MAX / 8; i++) {
        buf_add_z(&made, "abcd:e\r\n");
    }
    struct outcome o = decode(buf_str(&made), 100);
    CHECK_INT(o.result, H1_MORE);
    feed(&o, STR("a"));
    CHECK_INT(o.result, H1_FAULT);
    CHECK_INT(o.fault, FAULT_CHUNK_TOO_LARGE);
    outcome_done(&o);
    buf_free(&made);
}

TEST("nothing is taken after the end")
{
    struct outcome o = decode(STR("0\r\n\r\n"), 5);
    size_t used = 1, payload = 1;
    char more[] = "5\r\n";
    CHECK_INT(h1_chunked_decode(&o.chunked, more, 3, &used, &payload, &o.fault), H1_DONE);
    CHECK_INT(used, 0);
    CHECK_INT(payload, 0);
    outcome_done(&o);
}

static struct http_headers headers;

static bool
trailers_of(const char *lines, struct outcome *ret_o)
{
    struct buf made = {0};
    buf_add_z(&made, "0\r\n");
    buf_add_z(&made, lines);
    buf_add_z(&made, "\r\n");
    *ret_o = decode(buf_str(&made), 7);
    buf_free(&made);
    CHECK_INT(ret_o->result, H1_DONE);
    return h1_trailers_parse(&ret_o->chunked, &headers);
}

TEST("trailers are parsed; what must not be a trailer is marked DROP [RFC 9110 6.5.1]")
{
    struct outcome o;
    CHECK(trailers_of("X-Sum: 1\r\nHost: b\r\nContent-Length: 3\r\nTransfer_Encoding: chunked\r\n"
                      "Authorization: x\r\nX-Forwarded-For: 1.2.3.4\r\nDate: now\r\n",
                      &o));
    static const bool dropped[] = {false, true, true, true, true, true, false};
    CHECK_INT(headers.count, COUNT_OF(dropped));
    for (unsigned i = 0; i < COUNT_OF(dropped); i++) {
        CHECK_INT((headers.items[i].flags & HEADER_DROP) != 0, dropped[i]);
    }
    CHECK_STR(headers.items[0].name, "X-Sum");
    CHECK_STR(headers.items[0].value, "1");
    outcome_done(&o);
    CHECK(trailers_of("", &o));
    CHECK_INT(headers.count, 0);
    outcome_done(&o);
}

TEST("malformed trailers are refused")
{
    static const char *const rows[] = {"nonsense\r\n",   ": x\r\n",    " A: b\r\n",
                                       "A: b\r\n c\r\n", "A b: c\r\n", "A: b\r\n \r\n"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o;
        CHECK(!trailers_of(rows[i], &o));
        outcome_done(&o);
    }
}

TEST("more trailers than headers fit are refused")
{
    struct buf lines = {0};
    for (unsigned i = 0; i <= LIMIT_HEADER_COUNT_MAX; i++) {
        buf_add_z(&lines, "a:b\r\n");
    }
    struct outcome o;
    CHECK(!trailers_of(lines.p, &o));
    outcome_done(&o);
    buf_free(&lines);
}

TEST_MAIN
