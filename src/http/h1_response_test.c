/* SPDX-License-Identifier: Apache-2.0
 * Answers of targets: status lines, framing [RFC 9112 6.3], refusals [D15, D16], limits. */
#include "http/h1_same.h"

#include "base/test.h"

static struct h1_response whole, pieces; /* large; their strings point into `kept` */
static char *kept;
static char *kept_pieces;

static void
forget(void)
{
    xfree(kept);
    xfree(kept_pieces);
    kept = kept_pieces = NULL;
}

static enum h1_result
parse_pieces(struct str text, enum http_method method)
{
    struct h1_scan scan = {0};
    enum h1_result got = H1_MORE;
    for (size_t n = 1; n <= text.n && got == H1_MORE; n++) {
        xfree(kept_pieces);
        kept_pieces = bytes_copy(str_sub(text, 0, n));
        got = h1_response_parse(&scan, kept_pieces, n, method, &pieces);
    }
    return got;
}

/* In one piece and byte by byte; the result stands in `whole`. */
static enum h1_result
parse_for(enum http_method method, struct str text)
{
    forget();
    struct h1_scan scan = {0};
    kept = bytes_copy(text);
    enum h1_result got = h1_response_parse(&scan, kept, text.n, method, &whole);
    enum h1_result got_pieces = parse_pieces(text, method);
    if (got != got_pieces || (got != H1_MORE && !response_same(&whole, &pieces))) {
        test_failed(__FILE__, __LINE__, "byte by byte differs: \"%.*s\"", STR_ARG(text));
    }
    return got;
}

static enum h1_result
parse(struct str text)
{
    return parse_for(METHOD_GET, text);
}

#define OK "HTTP/1.1 200 OK\r\n"

TEST("a plain answer is read")
{
    CHECK_INT(parse(STR("HTTP/1.1 404 Not  Found\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello")),
              H1_DONE);
    CHECK_INT(whole.status, 404);
    CHECK_STR(whole.reason, "Not  Found");
    CHECK_INT(whole.version, HTTP_1_1);
    CHECK_INT(whole.body, BODY_LENGTH);
    CHECK_INT(whole.content_length, 5);
    CHECK(whole.has_content_length && whole.keep_alive);
    CHECK_INT(whole.headers.count, 2);
    CHECK_INT(whole.headers.items[0].flags, 0);
    CHECK_INT(whole.headers.items[1].flags, HEADER_DROP);
    forget();
}

TEST("status lines, good and bad")
{
    static const struct {
        struct str text;
        unsigned status; /* 0: refused */
        const char *reason;
    } rows[] = {
        {STR("HTTP/1.1 200 \r\n\r\n"), 200, ""},
        {STR("HTTP/1.1 200\r\n\r\n"), 200, ""},
        {STR("HTTP/1.1 200 A\tB\xc3\xa9\r\n\r\n"), 200, "A\tB\xc3\xa9"},
        {STR("HTTP/1.0 999 X\r\n\r\n"), 999, "X"},
        {STR("HTTP/1.1 200 OK\n\n"), 200, "OK"},
        {STR("HTTP/1.1 200OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1 20 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1 099 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1 2x0 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1  200 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1 2000 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1 200 O\x01K\r\n\r\n"), 0, ""}, /* D16: control bytes */
        {STR("HTTP/1.1 200 O\0K\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1 200 O\rK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1 200 O\x7fK\r\n\r\n"), 0, ""},
        {STR("HTTP/1,1 200 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.x 200 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/2.0 200 OK\r\n\r\n"), 0, ""},
        {STR("http/1.1 200 OK\r\n\r\n"), 0, ""},
        {STR("HTTP/1.1\r\n\r\n"), 0, ""},
        {STR("ICY 200 OK\r\n\r\n"), 0, ""},
        {STR("\r\nHTTP/1.1 200 OK\r\n\r\n"), 0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum h1_result got = parse(rows[i].text);
        if (got != (rows[i].status == 0 ? H1_FAULT : H1_DONE)) {
            test_failed(__FILE__, __LINE__, "\"%.*s\"", STR_ARG(rows[i].text));
            continue;
        }
        CHECK_INT(whole.fault, rows[i].status == 0 ? FAULT_BAD_RESPONSE : FAULT_NONE);
        if (rows[i].status != 0) {
            CHECK_INT(whole.status, rows[i].status);
            CHECK_STR(whole.reason, rows[i].reason);
        }
    }
    forget();
}

TEST("noise is refused at its first byte, an incomplete head asks for more")
{
    CHECK_INT(parse(STR("SSH")), H1_FAULT);
    CHECK_INT(parse(STR("HTTP/2")), H1_FAULT);
    CHECK_INT(parse(STR("HTT")), H1_MORE);
    CHECK_INT(parse(STR("")), H1_MORE);
    CHECK_INT(parse(STR(OK "A: b\r\n\r")), H1_MORE);
    forget();
}

struct framing_row {
    enum http_method method;
    struct str text;
    bool fine;
    enum body_kind body;
    uint64_t length;
    bool has_length;
    bool keep_alive;
};

static void
framing_check(const struct framing_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct framing_row *row = &rows[i];
        enum h1_result got = parse_for(row->method, row->text);
        bool as_expected = row->fine ? got == H1_DONE && whole.body == row->body &&
                                           whole.content_length == row->length &&
                                           whole.has_content_length == row->has_length &&
                                           whole.keep_alive == row->keep_alive
                                     : got == H1_FAULT && whole.fault == FAULT_BAD_RESPONSE;
        if (!as_expected) {
            test_failed(__FILE__, __LINE__, "row %zu \"%.*s\": %d body %d length %d keep %d", i,
                        STR_ARG(row->text), (int)got, (int)whole.body, (int)whole.content_length,
                        (int)whole.keep_alive);
        }
    }
    forget();
}

#define FINE(method, text, body, length, has_length, keep)                                         \
    {                                                                                              \
        METHOD_##method, STR(text), true, BODY_##body, length, has_length, keep                    \
    }
#define REFUSED(text)                                                                              \
    {                                                                                              \
        METHOD_GET, STR(text), false, BODY_NONE, 0, false, false                                   \
    }

TEST("framing follows RFC 9112 6.3")
{
    static const struct framing_row rows[] = {
        FINE(GET, OK "Content-Length: 0\r\n\r\n", LENGTH, 0, true, true),
        FINE(GET, OK "\r\n", CLOSE, 0, false, false),
        FINE(GET, OK "Transfer-Encoding: chunked\r\n\r\n", CHUNKED, 0, false, true),
        FINE(GET, OK "Transfer-Encoding: identity, Chunked\r\n\r\n", CHUNKED, 0, false, true),
        FINE(HEAD, OK "Content-Length: 9\r\n\r\n", NONE, 9, true, true),
        FINE(HEAD, OK "Transfer-Encoding: chunked\r\n\r\n", NONE, 0, false, true),
        FINE(HEAD, OK "\r\n", NONE, 0, false, true),
        FINE(GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", NONE, 9, true, true),
        FINE(GET, "HTTP/1.1 204 No Content\r\n\r\n", NONE, 0, false, true),
        FINE(GET, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", NONE, 0, true, true),
        FINE(GET, "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", NONE, 3, true, false),
        FINE(GET, "HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n", NONE, 0, false, false),
        FINE(CONNECT, OK "Content-Length: 3\r\n\r\n", NONE, 3, true, false),
        FINE(GET, OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", LENGTH, 5, true, true),
        FINE(GET, OK "Content-Length: 5, 05\r\n\r\n", LENGTH, 5, true, true),
        FINE(GET, OK "Connection: close\r\nContent-Length: 1\r\n\r\n", LENGTH, 1, true, false),
        FINE(GET, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", LENGTH, 1, true, false),
        FINE(GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", LENGTH,
             1, true, true),
        FINE(GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
             CHUNKED, 0, false, false),
        FINE(GET, "HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", CLOSE, 0, false, false),
    };
    framing_check(rows, COUNT_OF(rows));
}

TEST("D15: interim answers come as they are, without a body")
{
    static const struct framing_row rows[] = {
        FINE(POST, "HTTP/1.1 100 Continue\r\n\r\n", NONE, 0, false, true),
        FINE(GET, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", NONE, 0, false, true),
        FINE(GET, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", NONE, 0, false, false),
    };
    framing_check(rows, COUNT_OF(rows));
    struct str two = STR("HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n");
    CHECK_INT(parse(two), H1_DONE);
    CHECK_INT(whole.status, 100);
    CHECK_INT(whole.head_bytes, sizeof("HTTP/1.1 100 Continue\r\n\r\n") - 1);
    forget();
}

TEST("D16: an answer one could read in two ways is 502; TE and CL together end the connection")
{
    static const struct framing_row rows[] = {
        REFUSED(OK "Content-Length: x\r\n\r\n"),
        REFUSED(OK "Content-Length:\r\n\r\n"),
        REFUSED(OK "Content-Length: -1\r\n\r\n"),
        REFUSED(OK "Content-Length: 18446744073709551616\r\n\r\n"),
        REFUSED(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        REFUSED(OK "Content-Length: 5, 6\r\n\r\n"),
        REFUSED(OK "Content-Length: 5,\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding: gzip\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding: identity\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding: chunked, gzip\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding: chunked, chunked\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding: chunked;a=b\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n"),
        REFUSED(OK "nonsense\r\n\r\n"),
        REFUSED(OK ": x\r\n\r\n"),
        REFUSED(OK " folded: from nothing\r\n\r\n"),
        REFUSED(OK "a b: c\r\n\r\n"),
        REFUSED(OK "a: b\0c\r\n\r\n"),
        REFUSED(OK "a: b\rc\r\n\r\n"),
        REFUSED(OK "Transfer-Encoding : chunked\r\n\r\n"),
        FINE(GET, OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", CHUNKED, 5, true,
             false),
    };
    framing_check(rows, COUNT_OF(rows));
}

TEST("hop-by-hop lines are dropped, folds joined, blanks before a colon removed")
{
    CHECK_INT(parse(STR(OK "Connection: X-Hop, keep-alive\r\nKeep-Alive: 5\r\nX-Hop: 1\r\n"
                           "Proxy-Authenticate: Basic\r\nUpgrade: h2\r\nX: a\r\n b\nY : c\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n")),
              H1_DONE);
    static const unsigned flags[] = {HEADER_DROP, HEADER_DROP, HEADER_DROP,         0,
                                     HEADER_DROP, 0,           HEADER_NONCOMPLIANT, HEADER_DROP};
    CHECK_INT(whole.headers.count, COUNT_OF(flags));
    for (unsigned i = 0; i < COUNT_OF(flags); i++) {
        CHECK_INT(whole.headers.items[i].flags, flags[i]);
    }
    CHECK_STR(whole.headers.items[5].value, "a b");
    CHECK_STR(whole.headers.items[6].name, "Y");
    CHECK(whole.keep_alive);
    forget();
}

static enum h1_result
parse_filled(struct buf *made, const char *begin, size_t total, const char *end)
{
    forget();
    buf_free(made);
    buf_add_z(made, begin);
    while (made->n + strlen(end) < total) {
        buf_add_char(made, 'a');
    }
    buf_add_z(made, end);
    struct h1_scan scan = {0}, scan_pieces = {0};
    kept = bytes_copy(buf_str(made));
    kept_pieces = bytes_copy(buf_str(made));
    enum h1_result got = h1_response_parse(&scan, kept, made->n, METHOD_GET, &whole);
    enum h1_result got_pieces = H1_MORE;
    for (size_t n = 1; n <= made->n && got_pieces == H1_MORE; n++) {
        got_pieces = h1_response_parse(&scan_pieces, kept_pieces, n, METHOD_GET, &pieces);
    }
    CHECK_INT(got, got_pieces);
    CHECK(got == H1_MORE || response_same(&whole, &pieces));
    return got;
}

TEST("the head of an answer has 32 K at most, and a number of headers")
{
    struct buf made = {0};
    CHECK_INT(parse_filled(&made, OK "X: ", LIMIT_RESPONSE_HEADERS_MAX, "\r\n\r\n"), H1_DONE);
    CHECK_INT(parse_filled(&made, OK "X: ", LIMIT_RESPONSE_HEADERS_MAX + 1, "\r\n\r\n"), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_RESPONSE_TOO_LARGE);
    CHECK_INT(whole.status, 200);
    CHECK_INT(parse_filled(&made, OK "X: ", LIMIT_RESPONSE_HEADERS_MAX + 1, ""), H1_FAULT);
    CHECK_INT(parse_filled(&made, "HTTP/1.1 200 ", LIMIT_RESPONSE_HEADERS_MAX + 1, ""), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_RESPONSE_TOO_LARGE);
    for (unsigned more = 0; more < 2; more++) {
        struct buf lines = {0};
        buf_add_z(&lines, OK);
        for (unsigned i = 0; i < LIMIT_HEADER_COUNT_MAX + more; i++) {
            buf_add_z(&lines, "a:b\r\n");
        }
        buf_add_z(&lines, "\r\n");
        CHECK_INT(parse(buf_str(&lines)), more == 0 ? H1_DONE : H1_FAULT);
        buf_free(&lines);
    }
    buf_free(&made);
    forget();
}

TEST_MAIN
