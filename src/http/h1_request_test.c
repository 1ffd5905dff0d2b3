/* SPDX-License-Identifier: Apache-2.0
 * Request heads: framing, hosts, targets, limits, and the decisions of appendix D one by one. */
#include "http/h1_same.h"

#include "base/test.h"

static struct h1_request whole, pieces; /* large; their strings point into `kept` */
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
parse_whole(struct str text)
{
    struct h1_scan scan = {0};
    kept = bytes_copy(text);
    return h1_request_parse(&scan, kept, text.n, &whole);
}

/* Each call gets bytes at a new place, one more than before. */
static enum h1_result
parse_pieces(struct str text)
{
    struct h1_scan scan = {0};
    enum h1_result got = H1_MORE;
    for (size_t n = 1; n <= text.n && got == H1_MORE; n++) {
        xfree(kept_pieces);
        kept_pieces = bytes_copy(str_sub(text, 0, n));
        got = h1_request_parse(&scan, kept_pieces, n, &pieces);
    }
    return got;
}

/* Both ways; the result stands in `whole`. */
static enum h1_result
parse(struct str text)
{
    forget();
    enum h1_result got = parse_whole(text);
    enum h1_result got_pieces = parse_pieces(text);
    if (got != got_pieces || (got != H1_MORE && !request_same(&whole, &pieces))) {
        test_failed(__FILE__, __LINE__, "byte by byte differs: \"%.*s\"", STR_ARG(text));
    }
    return got;
}

#define BEGIN "GET / HTTP/1.1\r\nHost: a.example\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a.example\r\n"
#define END "\r\n"

/* ---- refusals and classes as one table ---- */

struct row {
    struct str text;
    enum http_fault fault; /* FAULT_NONE: accepted */
    enum desync_class klass;
    enum desync_reason reason;
};
#define ROW(text, fault, klass, reason)                                                            \
    {                                                                                              \
        STR(text), FAULT_##fault, DESYNC_##klass, DESYNC_##reason                                  \
    }

static void
rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        enum h1_result got = parse(row->text);
        bool as_expected = got == (row->fault == FAULT_NONE ? H1_DONE : H1_FAULT) &&
                           whole.fault == row->fault && whole.desync_class == row->klass &&
                           whole.desync_reason == row->reason;
        if (!as_expected) {
            test_failed(__FILE__, __LINE__, "row %zu \"%.*s\": result %d %s %.*s %.*s", i,
                        STR_ARG(row->text), (int)got, fault_name(whole.fault),
                        STR_ARG(desync_class_name(whole.desync_class)),
                        STR_ARG(desync_reason_name(whole.desync_reason)));
        }
    }
    forget();
}

TEST("a plain request is read")
{
    struct str text =
        STR("GET /a/b?c=d&e HTTP/1.1\r\nHost: Web.Example:8443\r\nX-One:  two \r\n\r\nBODY");
    CHECK_INT(parse(text), H1_DONE);
    CHECK_STR(whole.method, "GET");
    CHECK_INT(whole.method_id, METHOD_GET);
    CHECK_STR(whole.target, "/a/b?c=d&e");
    CHECK_STR(whole.path, "/a/b");
    CHECK_STR(whole.query, "c=d&e");
    CHECK_STR(whole.host, "Web.Example");
    CHECK_STR(whole.host_port, "8443");
    CHECK_STR(whole.version_text, "HTTP/1.1");
    CHECK_INT(whole.version, HTTP_1_1);
    CHECK_INT(whole.body, BODY_NONE);
    CHECK(whole.keep_alive && !whole.upgrade && !whole.expect_continue && !whole.absolute_form);
    CHECK_INT(whole.desync_class, DESYNC_COMPLIANT);
    CHECK_INT(whole.head_bytes, text.n - 4);
    CHECK_INT(whole.headers.count, 2);
    CHECK_INT(whole.headers.items[0].id, HEADER_HOST);
    CHECK_INT(whole.headers.items[0].flags, HEADER_DROP);
    CHECK_STR(whole.headers.items[1].name, "X-One");
    CHECK_STR(whole.headers.items[1].value, "two");
    CHECK_INT(whole.headers.items[1].id, HEADER_OTHER);
    CHECK_INT(whole.headers.items[1].flags, 0);
    forget();
}

TEST("a query may be missing or empty")
{
    CHECK_INT(parse(STR("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")), H1_DONE);
    CHECK(whole.query.p == NULL);
    CHECK_INT(parse(STR("GET /a? HTTP/1.1\r\nHost: a\r\n\r\n")), H1_DONE);
    CHECK(whole.query.p != NULL && whole.query.n == 0);
    CHECK_STR(whole.path, "/a");
    forget();
}

TEST("an incomplete head asks for more, even when empty")
{
    static const struct str texts[] = {STR(""),
                                       STR("\r"),
                                       STR("\r\n"),
                                       STR("\r\n\n"),
                                       STR("GET / HTTP/1.1\r\n"),
                                       STR(BEGIN),
                                       STR(BEGIN "\r"),
                                       STR("CUSTOM-Method /")};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CHECK_INT(parse(texts[i]), H1_MORE);
    }
    forget();
}

TEST("at most two empty lines before a request line are skipped [RFC 9112 2.2]")
{
    CHECK_INT(parse(STR("\r\n\r\n" BEGIN END)), H1_DONE);
    CHECK_INT(whole.head_bytes, 4 + sizeof(BEGIN END) - 1);
    CHECK_STR(whole.method, "GET");
    CHECK_INT(parse(STR("\n" BEGIN END)), H1_DONE);
    CHECK_INT(parse(STR("\r\n\r\n\r\n" BEGIN END)), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_BAD_REQUEST);
    forget();
}

TEST("a first byte that begins no method is refused at once")
{
    static const struct str texts[] = {STR("\x16\x03\x01"), STR("\x80"), STR(" GET"),    STR("\0"),
                                       STR("\rG"),          STR(":"),    STR("\r\n\x16")};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CHECK_INT(parse(texts[i]), H1_FAULT);
        CHECK_INT(whole.fault, FAULT_BAD_REQUEST);
    }
    forget();
}

TEST("the request line is judged before any header has come")
{
    static const struct row rows[] = {
        ROW("hello\r\n", BAD_REQUEST, ACCEPTABLE, NonCompliantVersion),
        ROW("GET /\r\n", BAD_REQUEST, ACCEPTABLE, NonCompliantVersion),
        ROW("PRI * HTTP/2.0\r\n", VERSION, SEVERE, BadVersion),
        ROW("GET / HTTP/1.x\n", DESYNC_SEVERE, SEVERE, BadVersion),
        ROW("GET relative HTTP/1.1\r\n", BAD_REQUEST, COMPLIANT, NONE),
    };
    rows_check(rows, COUNT_OF(rows));
}

TEST("every desync reason of 6.2 that a head can show has its row")
{
    static const struct row rows[] = {
        ROW(BEGIN END, NONE, COMPLIANT, NONE),
        ROW(BEGIN "X_Under: 1\r\n\r\n", NONE, COMPLIANT, NONE),
        ROW(BEGIN "X: \xc3\xa9\t.\r\n\r\n", NONE, COMPLIANT, NONE),
        ROW(BEGIN "Content-Length: 0\r\n\r\n", NONE, ACCEPTABLE, GetHeadZeroContentLength),
        ROW(POST "Content-Length: 0\r\n\r\n", NONE, COMPLIANT, NONE),
        ROW(BEGIN "X: a\x01"
                  "b\r\n\r\n",
            NONE, ACCEPTABLE, NonCompliantHeader),
        ROW(BEGIN "X: a\x7f\r\n\r\n", NONE, ACCEPTABLE, NonCompliantHeader),
        ROW(BEGIN "N\xc3\xa9: a\r\n\r\n", NONE, ACCEPTABLE, NonCompliantHeader),
        ROW("GET / HTTP/1.2\r\nHost: a\r\n\r\n", NONE, ACCEPTABLE, NonCompliantVersion),
        ROW("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", NONE, ACCEPTABLE, NonCompliantVersion),
        ROW("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", NONE, ACCEPTABLE, NonCompliantVersion),
        ROW("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", NONE, ACCEPTABLE, SpaceInUri),
        ROW("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", NONE, ACCEPTABLE, SpaceInUri),
        ROW("GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n", NONE, AMBIGUOUS, AmbiguousUri),
        ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", NONE, AMBIGUOUS,
            BothTeClPresent),
        ROW(POST "Content-Length: 5\r\nContent-Length: 05\r\n\r\n", NONE, AMBIGUOUS,
            DuplicateContentLength),
        ROW(BEGIN ": x\r\n\r\n", NONE, AMBIGUOUS, EmptyHeader),
        ROW(BEGIN "X: y\r\n  \r\n\r\n", NONE, AMBIGUOUS, EmptyHeader),
        ROW(BEGIN "Transfer_Encoding: chunked\r\n\r\n", NONE, AMBIGUOUS, SuspiciousHeader),
        ROW(BEGIN "Content Length: 5\r\n\r\n", NONE, AMBIGUOUS, SuspiciousHeader),
        ROW(BEGIN "Content-Length: 5\r\n\r\n", NONE, AMBIGUOUS, UndefinedContentLengthSemantics),
        ROW(BEGIN "Transfer-Encoding: chunked\r\n\r\n", NONE, AMBIGUOUS,
            UndefinedTransferEncodingSemantics),
        ROW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", NONE, AMBIGUOUS,
            UndefinedTransferEncodingSemantics),
        ROW(POST "Content-Length: 5x\r\n\r\n", DESYNC_SEVERE, SEVERE, BadContentLength),
        ROW(POST "Content-Length: 18446744073709551616\r\n\r\n", DESYNC_SEVERE, SEVERE,
            BadContentLength),
        ROW(POST "Content-Length: 42, 42\r\n\r\n", DESYNC_SEVERE, SEVERE, BadContentLength),
        ROW(POST "Content-Length: +1\r\n\r\n", DESYNC_SEVERE, SEVERE, BadContentLength),
        ROW(BEGIN "X: a\0b\r\n\r\n", DESYNC_SEVERE, SEVERE, BadHeader),
        ROW(BEGIN "X: a\rb\r\n\r\n", DESYNC_SEVERE, SEVERE, BadHeader),
        ROW(BEGIN "X\0: b\r\n\r\n", DESYNC_SEVERE, SEVERE, BadHeader),
        ROW("G\x80T / HTTP/1.1\r\n", DESYNC_SEVERE, SEVERE, BadMethod),
        ROW("GET\t/ HTTP/1.1\r\n", DESYNC_SEVERE, SEVERE, BadMethod),
        ROW(POST "Transfer_Encoding: xchunked\r\n\r\n", DESYNC_SEVERE, SEVERE, BadTransferEncoding),
        ROW("GET /\0 HTTP/1.1\r\n", DESYNC_SEVERE, SEVERE, BadUri),
        ROW("GET /\r HTTP/1.1\r\n", DESYNC_SEVERE, SEVERE, BadUri),
        ROW("GET / HTP/1.1\r\n", DESYNC_SEVERE, SEVERE, BadVersion),
        ROW("GET / http/1.1\r\n", DESYNC_SEVERE, SEVERE, BadVersion),
        ROW("GET / HTTP/1.10\r\n", DESYNC_SEVERE, SEVERE, BadVersion),
        ROW("GET / HTTP/0.8\r\n", DESYNC_SEVERE, SEVERE, BadVersion),
        ROW(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", DESYNC_SEVERE, SEVERE,
            MultipleContentLength),
        ROW(POST "Transfer-Encoding: chunked, chunked\r\n\r\n", DESYNC_SEVERE, SEVERE,
            MultipleTransferEncodingChunked),
        ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", DESYNC_SEVERE,
            SEVERE, MultipleTransferEncodingChunked),
        ROW(POST "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n", DESYNC_SEVERE, SEVERE,
            SuspiciousTeClPresent),
        ROW(POST "Transfer-Encoding: chunked\r\nContent_Length: 5\r\n\r\n", DESYNC_SEVERE, SEVERE,
            SuspiciousTeClPresent),
        ROW(POST "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n", DESYNC_SEVERE, SEVERE,
            SuspiciousTeClPresent),
        ROW(BEGIN "X: y\n\r\n", NONE, ACCEPTABLE, NonCrLfLineTermination),
        ROW("GET / HTTP/1.1\nHost: a\r\n\r\n", NONE, ACCEPTABLE, NonCrLfLineTermination),
        ROW(BEGIN "X: y\r\n z\r\n\r\n", NONE, AMBIGUOUS, MultilineHeader),
    };
    rows_check(rows, COUNT_OF(rows));
    unsigned seen[DESYNC_REASON_COUNT] = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        seen[rows[i].reason]++;
    }
    for (unsigned r = 0; r < DESYNC_REASON_COUNT; r++) {
        if (seen[r] == 0) {
            test_failed(__FILE__, __LINE__, "no row for %.*s",
                        STR_ARG(desync_reason_name((enum desync_reason)r)));
        }
    }
}

TEST("the verdict moves up only; the first finding of a severity keeps its reason [6.3]")
{
    static const struct row rows[] = {
        ROW("GET /a b HTTP/1.2\r\nHost: a\r\nX: \x01\r\n\r\n", NONE, ACCEPTABLE,
            NonCompliantHeader),
        ROW("GET /a b HTTP/1.2\r\nHost: a\r\n\r\n", NONE, ACCEPTABLE, NonCompliantVersion),
        ROW("GET /a b HTTP/1.2\r\nHost: a\r\n: x\r\n\r\n", NONE, AMBIGUOUS, EmptyHeader),
        ROW(BEGIN "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", NONE, AMBIGUOUS,
            UndefinedTransferEncodingSemantics),
        ROW(BEGIN ": x\r\nX: a\0b\r\n\r\n", DESYNC_SEVERE, SEVERE, BadHeader),
        ROW("get / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", NONE, COMPLIANT, NONE),
    };
    rows_check(rows, COUNT_OF(rows));
}

TEST("D1: a blank between header name and colon is taken out")
{
    CHECK_INT(parse(STR(BEGIN "X-One \t: two\r\n\r\n")), H1_DONE);
    CHECK_STR(whole.headers.items[1].name, "X-One");
    CHECK_STR(whole.headers.items[1].value, "two");
    CHECK_INT(whole.headers.items[1].flags, HEADER_NONCOMPLIANT);
    CHECK_INT(whole.desync_class, DESYNC_ACCEPTABLE);
    CHECK_INT(whole.desync_reason, DESYNC_NonCompliantHeader);
    forget();
}

TEST("D2: a look-alike never frames; dropped when without its blank it would be the real one")
{
    CHECK_INT(parse(STR(POST "Transfer_Encoding: chunked\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.body, BODY_NONE);
    CHECK_STR(whole.headers.items[1].name, "Transfer_Encoding");
    CHECK((whole.headers.items[1].flags & HEADER_DROP) == 0);
    CHECK((whole.headers.items[1].flags & HEADER_NONCOMPLIANT) != 0);

    CHECK_INT(parse(STR(POST "Transfer-Encoding : chunked\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.desync_class, DESYNC_AMBIGUOUS);
    CHECK_INT(whole.body, BODY_NONE);
    CHECK_INT(whole.headers.items[1].id, HEADER_OTHER);
    CHECK((whole.headers.items[1].flags & HEADER_DROP) != 0);

    CHECK_INT(parse(STR(POST "Content-Length\t: 5\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.body, BODY_NONE);
    CHECK((whole.headers.items[1].flags & HEADER_DROP) != 0);

    /* Not well-formed: D's principle forwards well-formed lines only. */
    CHECK_INT(parse(STR(POST "Transfer Encoding: chunked\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.desync_class, DESYNC_AMBIGUOUS);
    CHECK((whole.headers.items[1].flags & HEADER_DROP) != 0);
    forget();
}

TEST("D3: codings other than chunked and identity are 501 before the class acts")
{
    static const struct row rows[] = {
        ROW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", BAD_CODING, COMPLIANT, NONE),
        ROW(POST "Transfer-Encoding: xchunked\r\n\r\n", BAD_CODING, SEVERE, BadTransferEncoding),
        ROW(POST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n",
            BAD_CODING, SEVERE, BadTransferEncoding),
        ROW(POST "Transfer-Encoding:\r\n\r\n", BAD_CODING, SEVERE, BadTransferEncoding),
        ROW(POST "Transfer-Encoding: chunked;a=b\r\n\r\n", BAD_REQUEST, COMPLIANT, NONE),
        ROW(POST "Transfer-Encoding: chunked, identity\r\n\r\n", BAD_REQUEST, COMPLIANT, NONE),
        ROW(POST "Transfer-Encoding: Chunked\r\n\r\n", NONE, COMPLIANT, NONE),
        ROW("POST / HTTP/1.0\r\nTransfer-Encoding: foo\r\n\r\n", BAD_CODING, AMBIGUOUS,
            UndefinedTransferEncodingSemantics),
        ROW("POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\nContent-Length: x\r\n\r\n",
            BAD_REQUEST, AMBIGUOUS, UndefinedTransferEncodingSemantics),
    };
    rows_check(rows, COUNT_OF(rows));
    CHECK_INT(parse(STR(POST "Transfer-Encoding: identity\r\nContent-Length: 7\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.body, BODY_LENGTH);
    CHECK_INT(whole.content_length, 7);
    CHECK_INT(whole.headers.items[1].flags & HEADER_DROP, HEADER_DROP);
    CHECK_INT(parse(STR(POST "Transfer-Encoding: identity, chunked\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.body, BODY_CHUNKED);
    forget();
}

TEST("D4: with Transfer-Encoding and Content-Length chunked frames and both lines are dropped")
{
    CHECK_INT(parse(STR(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.body, BODY_CHUNKED);
    CHECK_INT(whole.content_length, 0);
    CHECK_INT(whole.desync_reason, DESYNC_BothTeClPresent);
    CHECK((whole.headers.items[1].flags & HEADER_DROP) != 0);
    CHECK((whole.headers.items[2].flags & HEADER_DROP) != 0);
    forget();
}

TEST("D5: folded lines are joined with one blank, never a header of their own")
{
    CHECK_INT(parse(STR(BEGIN "X: one  \r\n\t  two\r\n three \r\nY:\r\n z\r\nW: 1\r\n\r\n")),
              H1_DONE);
    CHECK_INT(whole.headers.count, 4);
    CHECK_STR(whole.headers.items[1].value, "one two three");
    CHECK_STR(whole.headers.items[2].value, "z");
    CHECK_STR(whole.headers.items[3].value, "1");
    CHECK_INT(whole.desync_class, DESYNC_AMBIGUOUS);
    CHECK_INT(whole.desync_reason, DESYNC_MultilineHeader);

    CHECK_INT(parse(STR(POST "X: one\r\n Transfer-Encoding: chunked\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.body, BODY_NONE);
    CHECK_INT(whole.headers.count, 2);

    CHECK_INT(parse(STR(POST "Content-Length:\r\n 5\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.content_length, 5);

    CHECK_INT(parse(STR("GET / HTTP/1.1\r\n Host: a\r\n\r\n")), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_BAD_REQUEST);
    forget();
}

TEST("D6: Host: none, several, invalid are 400; the authority of an absolute form wins")
{
    static const struct row rows[] = {
        ROW("GET / HTTP/1.1\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", NO_HOST, ACCEPTABLE, NonCompliantHeader),
        ROW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: [g::1]\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: []\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET http://a/ HTTP/1.1\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", NO_HOST, COMPLIANT, NONE),
        ROW("GET / HTTP/1.0\r\n\r\n", NONE, COMPLIANT, NONE),
        ROW("GET / HTTP/1.0\r\nHost:\r\n\r\n", NONE, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: [2001:db8::1.2.3.4]:80\r\n\r\n", NONE, COMPLIANT, NONE),
        ROW("GET / HTTP/1.1\r\nHost: a:\r\n\r\n", NONE, COMPLIANT, NONE),
    };
    rows_check(rows, COUNT_OF(rows));
    CHECK_INT(parse(STR("GET https://Dns.Name:444/x?y HTTP/1.1\r\nHost: other:1\r\n\r\n")),
              H1_DONE);
    CHECK(whole.absolute_form);
    CHECK_STR(whole.host, "Dns.Name");
    CHECK_STR(whole.host_port, "444");
    CHECK_STR(whole.path, "/x");
    CHECK_STR(whole.query, "y");
    CHECK_INT(parse(STR("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")), H1_DONE);
    CHECK_STR(whole.host, "[::1]");
    CHECK_STR(whole.host_port, "80");
    forget();
}

TEST("D7: an empty Content-Length is 0")
{
    CHECK_INT(parse(STR(POST "Content-Length:\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.body, BODY_LENGTH);
    CHECK_INT(whole.content_length, 0);
    CHECK_INT(whole.desync_class, DESYNC_COMPLIANT);
    forget();
}

TEST("D9: versions")
{
    static const struct row rows[] = {
        ROW("GET / HTTP/2.0\r\n", VERSION, SEVERE, BadVersion),
        ROW("GET / HTTP/3.1\r\n", VERSION, SEVERE, BadVersion),
        ROW("GET / HTTP/2\r\n", DESYNC_SEVERE, SEVERE, BadVersion),
        ROW("GET / HTTP/0.9\r\n", BAD_REQUEST, ACCEPTABLE, NonCompliantVersion),
        ROW("GET /\r\n", BAD_REQUEST, ACCEPTABLE, NonCompliantVersion),
    };
    rows_check(rows, COUNT_OF(rows));
    CHECK_INT(parse(STR("GET / HTTP/1.9\r\nHost: a\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.version, HTTP_1_1);
    CHECK_STR(whole.version_text, "HTTP/1.9");
    forget();
}

TEST("D10: Transfer-Encoding on HTTP/1.0 is read as chunked and ambiguous")
{
    CHECK_INT(parse(STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"
                        "Content-Length: 3\r\n\r\n")),
              H1_DONE);
    CHECK_INT(whole.version, HTTP_1_0);
    CHECK_INT(whole.body, BODY_CHUNKED);
    CHECK_INT(whole.desync_class, DESYNC_AMBIGUOUS);
    CHECK(!whole.keep_alive);
    forget();
}

TEST("D11: 100-continue for HTTP/1.1 only, any other expectation 417, never forwarded")
{
    CHECK_INT(parse(STR(POST "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")), H1_DONE);
    CHECK(whole.expect_continue);
    CHECK((whole.headers.items[1].flags & HEADER_DROP) != 0);
    CHECK_INT(parse(STR("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")), H1_DONE);
    CHECK(!whole.expect_continue);
    CHECK((whole.headers.items[0].flags & HEADER_DROP) != 0);
    static const struct row rows[] = {
        ROW(POST "Expect: magic\r\n\r\n", EXPECTATION, COMPLIANT, NONE),
        ROW(POST "Expect: 100-continue, magic\r\n\r\n", EXPECTATION, COMPLIANT, NONE),
        ROW(POST "Expect: 100-continue\r\nExpect: magic\r\n\r\n", EXPECTATION, COMPLIANT, NONE),
    };
    rows_check(rows, COUNT_OF(rows));
}

TEST("D12: no colon, no URI: 400; an empty name is dropped; odd bytes in the URI are to be encoded")
{
    static const struct row rows[] = {
        ROW(BEGIN "nonsense\r\n\r\n", BAD_REQUEST, COMPLIANT, NONE),
        ROW(BEGIN "\r\r\n\r\n", BAD_REQUEST, SEVERE, BadHeader),
        ROW("GET  HTTP/1.1\r\n", BAD_REQUEST, COMPLIANT, NONE),
        ROW("GET HTTP/1.1\r\n", BAD_REQUEST, ACCEPTABLE, NonCompliantVersion),
        ROW("GET \r\n", BAD_REQUEST, ACCEPTABLE, NonCompliantVersion),
    };
    rows_check(rows, COUNT_OF(rows));
    CHECK_INT(parse(STR(BEGIN ": x\r\n \t: y\r\nZ: 1\r\n\r\n")), H1_DONE);
    CHECK_INT(whole.headers.items[1].flags & (HEADER_DROP | HEADER_BAD), HEADER_DROP | HEADER_BAD);
    CHECK_STR(whole.headers.items[2].name, "Z");
    CHECK_INT(parse(STR("GET /a b\x02 HTTP/1.1\r\nHost: a\r\n\r\n")), H1_DONE);
    CHECK(whole.uri_needs_encoding);
    CHECK_STR(whole.target, "/a b\x02");
    CHECK_INT(whole.desync_class, DESYNC_AMBIGUOUS);
    CHECK_INT(parse(STR("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n")), H1_DONE);
    CHECK(!whole.uri_needs_encoding);
    forget();
}

TEST("D13: a bare LF ends a line, a bare CR never does")
{
    CHECK_INT(parse(STR("GET / HTTP/1.1\nHost: a\nX: y\n\nBODY")), H1_DONE);
    CHECK_INT(whole.desync_class, DESYNC_ACCEPTABLE);
    CHECK_STR(whole.headers.items[1].value, "y");
    CHECK_INT(whole.head_bytes, sizeof("GET / HTTP/1.1\nHost: a\nX: y\n\n") - 1);
    CHECK_INT(parse(STR(BEGIN "X: a\rY: b\r\n\r\n")), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_DESYNC_SEVERE);
    CHECK_STR(whole.host, "a.example"); /* for the log */
    forget();
}

static unsigned
flags_of(const char *name)
{
    for (unsigned i = 0; i < whole.headers.count; i++) {
        if (str_ieq(whole.headers.items[i].name, str_of(name))) {
            return whole.headers.items[i].flags;
        }
    }
    test_failed(__FILE__, __LINE__, "no header %s", name);
    return 0;
}

TEST("D14: headers named by Connection are dropped, framing and Host excepted")
{
    CHECK_INT(parse(STR(POST "Connection: close, X-Hop ,x-other,,Host, Content-Length, Cookie\r\n"
                             "X-Hop: 1\r\nX-Other: 2\r\nX-Stays: 3\r\nCookie: a=b\r\n"
                             "Content-Length: 4\r\n\r\n")),
              H1_DONE);
    CHECK_INT(flags_of("X-Hop"), HEADER_DROP);
    CHECK_INT(flags_of("X-Other"), HEADER_DROP);
    CHECK_INT(flags_of("Cookie"), HEADER_DROP);
    CHECK_INT(flags_of("X-Stays"), 0);
    CHECK_INT(whole.content_length, 4);
    CHECK_STR(whole.host, "a.example");
    CHECK(!whole.keep_alive);
    forget();
}

TEST("hop-by-hop headers are dropped; forwarding headers and Proxy-Auth* are left to the proxy")
{
    CHECK_INT(parse(STR(BEGIN "Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n"
                              "Upgrade: websocket\r\nConnection: Upgrade\r\nTrailer: X\r\n"
                              "Proxy-Authorization: x\r\nX-Forwarded-For: y\r\n\r\n")),
              H1_DONE);
    static const char *const dropped[] = {"Keep-Alive", "Proxy-Connection", "TE", "Upgrade",
                                          "Connection"};
    static const char *const kept_ones[] = {"Trailer", "Proxy-Authorization", "X-Forwarded-For"};
    for (size_t i = 0; i < COUNT_OF(dropped); i++) {
        CHECK_INT(flags_of(dropped[i]), HEADER_DROP);
    }
    for (size_t i = 0; i < COUNT_OF(kept_ones); i++) {
        CHECK_INT(flags_of(kept_ones[i]), 0);
    }
    CHECK(whole.upgrade);
    forget();
}

TEST("keep-alive and upgrade follow version and Connection")
{
    static const struct {
        struct str text;
        bool keep_alive, upgrade;
    } rows[] = {
        {STR(BEGIN END), true, false},
        {STR(BEGIN "Connection: Close\r\n\r\n"), false, false},
        {STR(BEGIN "Connection: keep-alive, close\r\n\r\n"), false, false},
        {STR(BEGIN "Connection: foo\r\nConnection: close\r\n\r\n"), false, false},
        {STR(BEGIN "Connection: upgrade\r\n\r\n"), true, false},
        {STR(BEGIN "Upgrade: x\r\n\r\n"), true, false},
        {STR(BEGIN "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"), true, true},
        {STR("GET / HTTP/1.0\r\n\r\n"), false, false},
        {STR("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true, false},
        {STR("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_INT(parse(rows[i].text), H1_DONE);
        CHECK_INT(whole.keep_alive, rows[i].keep_alive);
        CHECK_INT(whole.upgrade, rows[i].upgrade);
    }
    forget();
}

TEST("the forms of a target")
{
    static const struct {
        struct str text;
        bool fine;
        const char *path;
        const char *host;
    } rows[] = {
        {STR("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), true, "*", "a"},
        {STR("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), false, "*", ""},
        {STR("GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n"), true, "/", "b"},
        {STR("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n"), true, "/", "b"},
        {STR("GET http://b:80/c HTTP/1.1\r\nHost: a\r\n\r\n"), true, "/c", "b"},
        {STR("GET http:///c HTTP/1.1\r\nHost: a\r\n\r\n"), false, "", ""},
        {STR("GET http://u@b/c HTTP/1.1\r\nHost: a\r\n\r\n"), false, "", ""},
        {STR("GET ftp://b/c HTTP/1.1\r\nHost: a\r\n\r\n"), false, "", ""},
        {STR("GET c HTTP/1.1\r\nHost: a\r\n\r\n"), false, "", ""},
        {STR("CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n"), true, "", "b"},
        {STR("CONNECT b HTTP/1.1\r\nHost: a\r\n\r\n"), false, "", ""},
        {STR("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), false, "", ""},
        {STR("PURGE //x HTTP/1.1\r\nHost: a\r\n\r\n"), true, "//x", "a"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_INT(parse(rows[i].text), rows[i].fine ? H1_DONE : H1_FAULT);
        CHECK_INT(whole.fault, rows[i].fine ? FAULT_NONE : FAULT_BAD_REQUEST);
        CHECK_STR(whole.path, rows[i].path);
        if (rows[i].fine) {
            CHECK_STR(whole.host, rows[i].host);
        }
    }
    forget();
}

/* ---- D19: limits; each at its edge, whole and in two pieces at every kind of cut ---- */

static struct buf made;

/* The pattern must be refused or accepted alike in one piece and when it comes byte by byte. */
static enum h1_result
parse_made(void)
{
    forget();
    struct h1_scan scan = {0};
    kept_pieces = bytes_copy(buf_str(&made));
    enum h1_result got = H1_MORE;
    for (size_t n = 1; n <= made.n && got == H1_MORE; n++) {
        got = h1_request_parse(&scan, kept_pieces, n, &pieces);
    }
    CHECK_INT(parse_whole(buf_str(&made)), got);
    CHECK(request_same(&whole, &pieces));
    return got;
}

static void
make(const char *begin, size_t fill, const char *end)
{
    buf_free(&made);
    buf_add_z(&made, begin);
    for (size_t i = 0; i < fill; i++) {
        buf_add_char(&made, 'a');
    }
    buf_add_z(&made, end);
}

TEST("D19: a request line of 16 K passes, one byte more is 414, at once")
{
    size_t fixed = sizeof("GET / HTTP/1.1") - 1;
    make("GET /", LIMIT_REQUEST_LINE_MAX - fixed, " HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(parse_made(), H1_DONE);
    make("GET /", LIMIT_REQUEST_LINE_MAX - fixed + 1, " HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_URI_TOO_LONG);
    CHECK_STR(whole.method, "GET");
    CHECK(str_starts(whole.target, STR("/aaa")));
    make("GET /", LIMIT_REQUEST_LINE_MAX - 4, ""); /* no line end yet */
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_URI_TOO_LONG);
    make("", LIMIT_REQUEST_LINE_MAX + 1, "");
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.method.n, 0);
    buf_free(&made);
    forget();
}

TEST("D19: a header line of 16,383 bytes passes, of 16,384 is 400, at once")
{
    make(BEGIN "X: ", LIMIT_HEADER_LINE_MAX - 1 - 3, "\r\n\r\n");
    CHECK_INT(parse_made(), H1_DONE);
    make(BEGIN "X: ", LIMIT_HEADER_LINE_MAX - 3, "\r\n\r\n");
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_HEADERS_TOO_LARGE);
    CHECK_STR(whole.target, "/");
    CHECK_INT(whole.desync_class, DESYNC_COMPLIANT);
    make("GET /a b HTTP/1.1\r\nX: ", LIMIT_HEADER_LINE_MAX - 3, "");
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.desync_reason, DESYNC_SpaceInUri); /* for the log */
    make(BEGIN "X: ", LIMIT_HEADER_LINE_MAX - 3, "");
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_HEADERS_TOO_LARGE);
    /* Folding does not help. */
    make(BEGIN "X: a\r\n ", LIMIT_HEADER_LINE_MAX - 4, "\r\n\r\n");
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_HEADERS_TOO_LARGE);
    buf_free(&made);
    forget();
}

/* Header lines that together with the last empty line have `total` bytes. */
static void
make_total(size_t total)
{
    make("GET / HTTP/1.1\r\n", 0, "");
    size_t begin = made.n;
    buf_add_z(&made, "Host: a\r\n");
    while (total - (made.n - begin) > 2000) {
        buf_add_z(&made, "X: ");
        for (unsigned i = 0; i < 995; i++) {
            buf_add_char(&made, 'b');
        }
        buf_add_z(&made, "\r\n");
    }
    buf_add_z(&made, "Y: ");
    while (total - (made.n - begin) > 4) {
        buf_add_char(&made, 'c');
    }
    buf_add_z(&made, "\r\n\r\n");
    CHECK_INT(made.n - begin, total);
}

TEST("D19: all headers together have 64 K")
{
    make_total(LIMIT_HEADERS_MAX);
    CHECK_INT(parse_made(), H1_DONE);
    buf_add_z(&made, "and a body of any size");
    CHECK_INT(parse_made(), H1_DONE);
    make_total(LIMIT_HEADERS_MAX + 1);
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_HEADERS_TOO_LARGE);
    buf_free(&made);
    forget();
}

TEST("the number of headers has a limit")
{
    for (unsigned more = 0; more < 2; more++) {
        make("GET / HTTP/1.1\r\nHost: a\r\n", 0, "");
        for (unsigned i = 1; i < LIMIT_HEADER_COUNT_MAX + more; i++) {
            buf_add_z(&made, "a:b\r\n");
        }
        buf_add_z(&made, "\r\n");
        CHECK_INT(parse_made(), more == 0 ? H1_DONE : H1_FAULT);
        CHECK_INT(whole.fault, more == 0 ? FAULT_NONE : FAULT_HEADERS_TOO_LARGE);
        CHECK_INT(whole.headers.count, more == 0 ? LIMIT_HEADER_COUNT_MAX : 0);
        if (more == 0) {
            made.n -= 2;
            buf_add_z(&made, " c\r\n\r\n"); /* a folded line is no header more */
            CHECK_INT(parse_made(), H1_DONE);
            CHECK_STR(whole.headers.items[LIMIT_HEADER_COUNT_MAX - 1].value, "b c");
        }
    }
    buf_free(&made);
    forget();
}

TEST("so many names in Connection are an attack")
{
    make(BEGIN "Connection: a", 0, "");
    for (unsigned i = 0; i < 63; i++) {
        buf_add_z(&made, ",a");
    }
    buf_add_z(&made, "\r\n\r\n");
    CHECK_INT(parse_made(), H1_DONE);
    made.n -= 4;
    buf_add_z(&made, ",a\r\n\r\n");
    CHECK_INT(parse_made(), H1_FAULT);
    CHECK_INT(whole.fault, FAULT_BAD_REQUEST);
    buf_free(&made);
    forget();
}

TEST("pipelined requests are read one after the other")
{
    struct str text = STR(BEGIN END POST "Content-Length: 3\r\n\r\nabc");
    char *copy = bytes_copy(text);
    struct h1_scan scan = {0};
    CHECK_INT(h1_request_parse(&scan, copy, text.n, &whole), H1_DONE);
    size_t first = whole.head_bytes;
    scan = (struct h1_scan){0};
    CHECK_INT(h1_request_parse(&scan, copy + first, text.n - first, &whole), H1_DONE);
    CHECK_INT(whole.method_id, METHOD_POST);
    CHECK_INT(whole.content_length, 3);
    CHECK_INT(first + whole.head_bytes, text.n - 3);
    xfree(copy);
}

TEST_MAIN
