/* SPDX-License-Identifier: Apache-2.0
 * Answers of servers, each with what is odd about it [browser-errors 9]. */
#include "doctor/http_seen.h"

#include <zlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "http/http.h"

enum close { OPEN, FIN, RST };

static struct http_seen *
read_n(const void *p, size_t n, enum close close)
{
    return http_seen_read(p, n, n, close == FIN, close == RST);
}

#define H200 "HTTP/1.1 200 OK\r\n"
#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct {
    const char *title;
    struct str bytes;
    enum close close;
    unsigned odd;
    unsigned status; /* 0: none */
    enum body_end end;
    const char *body;
    bool complete;
} rows[] = {
    {"an ordinary answer", BYTES(H200 "Content-Length: 2\r\n\r\nok"), OPEN, 0, 200,
     BODY_END_COMPLETE, "ok", true},
    {"line ends without CR", BYTES("HTTP/1.0 200 OK\nContent-Length: 2\n\nok"), OPEN, 0, 200,
     BODY_END_COMPLETE, "ok", true},
    {"no reason", BYTES("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"), OPEN, 0, 404,
     BODY_END_COMPLETE, "", true},
    {"ended by the close", BYTES(H200 "\r\nok"), FIN, 0, 200, BODY_END_CLOSE, "ok", true},
    {"not ended yet", BYTES(H200 "\r\nok"), OPEN, 0, 200, BODY_END_UNREAD, "ok", false},
    {"204", BYTES("HTTP/1.1 204 No Content\r\n\r\n"), OPEN, 0, 204, BODY_END_NONE, "", true},
    {"304 with a length", BYTES("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n"), OPEN, 0, 304,
     BODY_END_NONE, "", true},
    {"101", BYTES("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), OPEN, 0, 101,
     BODY_END_NONE, "", true},
    {"103, then the answer",
     BYTES("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" H200 "Content-Length: 1\r\n\r\nx"),
     OPEN, 0, 200, BODY_END_COMPLETE, "x", true},
    {"103, then nothing", BYTES("HTTP/1.1 103 Early Hints\r\n\r\n"), FIN, 0, 103, BODY_END_NONE, "",
     false},
    {"too short", BYTES(H200 "Content-Length: 9\r\n\r\nok"), FIN, 0, 200, BODY_END_SHORT, "ok",
     true},
    {"too long", BYTES(H200 "Content-Length: 1\r\n\r\nok"), OPEN, 0, 200, BODY_END_LONG, "o", true},
    {"reset inside", BYTES(H200 "Content-Length: 9\r\n\r\nok"), RST, 0, 200, BODY_END_RESET, "ok",
     true},
    {"chunks", BYTES(H200 "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1;x=y\r\n!\r\n0\r\n\r\n"),
     OPEN, 0, 200, BODY_END_COMPLETE, "ok!", true},
    {"chunks with a trailer",
     BYTES(H200 "Transfer-Encoding: gzip, Chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n"),
     OPEN, 0, 200, BODY_END_COMPLETE, "0123456789", true},
    {"a bad chunk size", BYTES(H200 "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n"), OPEN, 0, 200,
     BODY_END_BAD_CHUNK, "", true},
    {"a chunk longer than it says", BYTES(H200 "Transfer-Encoding: chunked\r\n\r\n1\r\nok\r\n"),
     OPEN, 0, 200, BODY_END_BAD_CHUNK, "o", true},
    {"a chunk size without end",
     BYTES(H200 "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n"), OPEN, 0, 200,
     BODY_END_BAD_CHUNK, "", true},
    {"no last chunk", BYTES(H200 "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), FIN, 0, 200,
     BODY_END_NO_LAST_CHUNK, "ok", true},
    {"reset between chunks", BYTES(H200 "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), RST, 0,
     200, BODY_END_RESET, "ok", true},
    {"two lengths", BYTES(H200 "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), OPEN,
     ODD_TWO_LENGTHS, 200, BODY_END_COMPLETE, "ok", true},
    {"two lengths in a line", BYTES(H200 "Content-Length: 2, 3\r\n\r\nok"), OPEN, ODD_TWO_LENGTHS,
     200, BODY_END_COMPLETE, "ok", true},
    {"the same length twice", BYTES(H200 "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"), OPEN,
     0, 200, BODY_END_COMPLETE, "ok", true},
    {"a length that is none", BYTES(H200 "Content-Length: two\r\n\r\nok"), FIN, 0, 200,
     BODY_END_CLOSE, "ok", true},
    {"length and chunks",
     BYTES(H200 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), OPEN,
     ODD_LENGTH_AND_CHUNKED, 200, BODY_END_COMPLETE, "", true},
    {"two locations",
     BYTES("HTTP/1.1 302 x\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"), OPEN,
     ODD_TWO_LOCATIONS, 302, BODY_END_COMPLETE, "", true},
    {"the same location twice",
     BYTES("HTTP/1.1 302 x\r\nLocation: /a\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n"), OPEN, 0,
     302, BODY_END_COMPLETE, "", true},
    {"no status line", BYTES("hello\r\n"), FIN, ODD_NO_STATUS_LINE, 0, BODY_END_CLOSE, "hello\r\n",
     false},
    {"an empty line first", BYTES("\r\n" H200 "Content-Length: 0\r\n\r\n"), OPEN, ODD_CRLF_FIRST,
     200, BODY_END_COMPLETE, "", true},
    {"NUL in the head", BYTES(H200 "X: a\0b\r\nContent-Length: 0\r\n\r\n"), OPEN, ODD_NUL, 200,
     BODY_END_COMPLETE, "", true},
    {"a line without a colon", BYTES(H200 "nonsense\r\nContent-Length: 0\r\n\r\n"), OPEN,
     ODD_BAD_LINE, 200, BODY_END_COMPLETE, "", true},
    {"a blank before the colon", BYTES(H200 "Content-Length : 1\r\n\r\nx"), FIN, ODD_BAD_LINE, 200,
     BODY_END_COMPLETE, "x", true},
    {"the head is cut", BYTES(H200 "Content-Len"), FIN, ODD_HEAD_CUT, 200, BODY_END_NONE, "",
     false},
    {"the first word is cut", BYTES("HTT"), FIN, ODD_HEAD_CUT, 0, BODY_END_NONE, "", false},
    {"the first word is coming", BYTES("HTT"), OPEN, 0, 0, BODY_END_NONE, "", false},
    {"HTTP/2 as text", BYTES("HTTP/2 200\r\nContent-Length: 0\r\n\r\n"), OPEN, ODD_BAD_VERSION, 200,
     BODY_END_COMPLETE, "", true},
    {"a status of two digits", BYTES("HTTP/1.1 20 x\r\nContent-Length: 0\r\n\r\n"), OPEN,
     ODD_BAD_STATUS, 0, BODY_END_COMPLETE, "", true},
    {"an HTTP/2 SETTINGS frame", BYTES("\0\0\6\4\0\0\0\0\0\0\3\0\0\0\144"), OPEN, ODD_H2_FRAMES, 0,
     BODY_END_NONE, "", true},
    {"a TLS alert", BYTES("\25\3\1\0\2\2\106"), FIN, ODD_TLS_ALERT, 0, BODY_END_NONE, "", true},
    {"nothing but line ends", BYTES("\r\n\r\n"), FIN, ODD_HEAD_CUT, 0, BODY_END_NONE, "", false},
};

TEST("each oddity is noted, and nothing else")
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_seen *h = read_n(rows[i].bytes.p, rows[i].bytes.n, rows[i].close);
        struct str body = {(const char *)h->body, h->body_bytes};
        bool good = h->odd == rows[i].odd && h->status == rows[i].status &&
                    h->has_status == (rows[i].status != 0) && h->body_end == rows[i].end &&
                    str_eq(body, str_of(rows[i].body)) && http_seen_complete(h) == rows[i].complete;
        if (!good) {
            test_failed(__FILE__, __LINE__, "%s: odd %x status %u end %s body \"%.*s\" complete %d",
                        rows[i].title, h->odd, h->status, body_end_name(h->body_end), STR_ARG(body),
                        http_seen_complete(h));
        }
        http_seen_free(&h);
        CHECK(h == NULL);
    }
}

TEST("every beginning of every answer is read without harm, and says less")
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t n = 0; n <= rows[i].bytes.n; n++) {
            uint8_t *exact = xalloc(n + (n == 0)); /* no byte more: for the sanitizer */
            memcpy(exact, rows[i].bytes.p, n);
            struct http_seen *h = read_n(exact, n, OPEN);
            CHECK(h->body_bytes <= n);
            CHECK(n == rows[i].bytes.n || h->body_end != BODY_END_LONG ||
                  rows[i].end == BODY_END_LONG);
            http_seen_free(&h);
            xfree(exact);
        }
    }
}

TEST("a head beyond the browser's limit is too large, kept or not")
{
    size_t n = LIMIT_DOCTOR_HEAD_BYTES + 100;
    char *p = xalloc(n);
    memset(p, 'a', n);
    memcpy(p, H200, sizeof(H200) - 1);
    memcpy(p + sizeof(H200) - 1, "X:", 2);
    struct http_seen *h = read_n(p, n, OPEN);
    CHECK_INT(h->odd, ODD_HEAD_TOO_LARGE);
    CHECK(http_seen_complete(h));
    http_seen_free(&h);
    h = http_seen_read((const uint8_t *)p, 65536, n, false, false);
    CHECK_INT(h->odd, ODD_HEAD_TOO_LARGE);
    CHECK_INT(h->status, 200);
    http_seen_free(&h);
    memcpy(p + n - 4, "\r\n\r\n", 4);
    h = read_n(p, n, OPEN);
    CHECK_INT(h->odd, ODD_HEAD_TOO_LARGE);
    http_seen_free(&h);
    h = http_seen_read((const uint8_t *)p, 65536, 70000, true, false);
    CHECK_INT(h->odd, 0); /* where its end was, nobody knows */
    http_seen_free(&h);
    xfree(p);
}

TEST("bytes that came and were not kept count")
{
    static const char text[] = H200 "Content-Length: 100\r\n\r\nab";
    size_t n = sizeof(text) - 1;
    struct http_seen *h = http_seen_read((const uint8_t *)text, n, n + 98, true, false);
    CHECK_INT(h->body_end, BODY_END_COMPLETE);
    CHECK_INT(h->body_bytes, 2);
    http_seen_free(&h);
    h = http_seen_read((const uint8_t *)text, n, n + 97, true, false);
    CHECK_INT(h->body_end, BODY_END_SHORT);
    http_seen_free(&h);
    static const char chunked[] = H200 "Transfer-Encoding: chunked\r\n\r\n20\r\nab";
    n = sizeof(chunked) - 1;
    h = http_seen_read((const uint8_t *)chunked, n, n + 50, true, false);
    CHECK_INT(h->body_end, BODY_END_UNREAD);
    http_seen_free(&h);
}

TEST("folded lines are one, headers are found by any case")
{
    static const char text[] = H200 "X-Long: one\r\n  two\r\n\tthree\r\nContent-Length: 0\r\n\r\n";
    struct http_seen *h = read_n(text, sizeof(text) - 1, OPEN);
    CHECK_INT(h->odd, 0);
    CHECK_INT(h->header_count, 2);
    CHECK_STR(http_seen_header(h, "x-LONG"), "one    two  \tthree");
    CHECK(http_seen_header(h, "X-None").p == NULL);
    http_seen_free(&h);
}

TEST("more headers than are kept are still read for length and location")
{
    struct buf b AUTO(buf_free) = {0};
    buf_add_z(&b, H200);
    for (int i = 0; i < 200; i++) {
        buf_addf(&b, "X-%d: y\r\n", i);
    }
    buf_add_z(&b, "Content-Length: 3\r\n\r\nabc");
    struct http_seen *h = read_n(b.p, b.n, OPEN);
    CHECK_INT(h->header_count, HTTP_SEEN_HEADERS);
    CHECK_INT(h->body_end, BODY_END_COMPLETE);
    http_seen_free(&h);
}

/* ---- what follows ---- */

static size_t
gzip(const char *text, int window_bits, uint8_t *to, size_t size)
{
    z_stream z = {0};
    (void)deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    char *copy = xstrdup(text);
    z.next_in = (Bytef *)copy;
    z.avail_in = (uInt)strlen(copy);
    z.next_out = to;
    z.avail_out = (uInt)size;
    (void)deflate(&z, Z_FINISH);
    size_t n = size - z.avail_out;
    (void)deflateEnd(&z);
    xfree(copy);
    return n;
}

static struct http_seen *
read_coded(const char *coding, const uint8_t *body, size_t n, struct buf *b)
{
    buf_reset(b);
    buf_addf(b, H200 "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", coding, n);
    buf_add(b, body, n);
    return read_n(b->p, b->n, OPEN);
}

TEST("a body that is not what Content-Encoding says is told from one that is")
{
    static const char page[] = "<html><title>packed</title>";
    static const struct {
        const char *coding;
        int window_bits;
    } codings[] = {{"gzip", 31}, {"x-gzip", 31}, {"deflate", 15}, {"deflate", -15}};
    struct buf b AUTO(buf_free) = {0};
    uint8_t packed[256];
    for (size_t i = 0; i < COUNT_OF(codings); i++) {
        size_t n = gzip(page, codings[i].window_bits, packed, sizeof(packed));
        struct http_seen *h = read_coded(codings[i].coding, packed, n, &b);
        CHECK_INT(h->body_end, BODY_END_COMPLETE);
        CHECK_STR(str_of(h->title), "packed");
        http_seen_free(&h);
        h = read_coded(codings[i].coding, (const uint8_t *)page, sizeof(page) - 1, &b);
        CHECK_INT(h->body_end, BODY_END_BAD_CODING);
        http_seen_free(&h);
    }
    struct http_seen *h = read_coded("br", (const uint8_t *)page, sizeof(page) - 1, &b);
    CHECK_INT(h->body_end, BODY_END_COMPLETE); /* that we cannot judge */
    http_seen_free(&h);
    h = read_coded("gzip", (const uint8_t *)"", 0, &b);
    CHECK_INT(h->body_end, BODY_END_COMPLETE);
    http_seen_free(&h);
}

TEST("a gzip bomb is not unpacked beyond the limit")
{
    enum { ZEROS = 64 * 1024 * 1024 };
    uint8_t *packed = xalloc(256 * 1024);
    struct buf b AUTO(buf_free) = {0};
    z_stream z = {0};
    static uint8_t zeros[64 * 1024];
    (void)deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
    z.next_out = packed;
    z.avail_out = 256 * 1024;
    for (size_t i = 0; i < ZEROS / sizeof(zeros); i++) {
        z.next_in = zeros;
        z.avail_in = sizeof(zeros);
        (void)deflate(&z, Z_NO_FLUSH);
    }
    (void)deflate(&z, Z_FINISH);
    size_t n = 256 * 1024 - z.avail_out;
    (void)deflateEnd(&z);
    struct http_seen *h = read_coded("gzip", packed, n, &b);
    CHECK_INT(h->body_end, BODY_END_COMPLETE);
    http_seen_free(&h);
    xfree(packed);
}

TEST("titles and dates")
{
    static const char text[] =
        H200 "Date: Mon, 23 Nov 2026 17:11:54 GMT\r\nContent-Length: 999\r\n\r\n"
             "<HTML><TITLE lang=en>\r\n  a \t b  </Title>";
    struct http_seen *h = read_n(text, sizeof(text) - 1, OPEN);
    CHECK_STR(str_of(h->title), "a b");
    CHECK_INT(h->date_s, 1795453914);
    http_seen_free(&h);
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "Mon, 23 Nov 2026",
                                      "Mon, 99 Nov 2026 17:11:54 GMT",
                                      "Mon, 23 Foo 2026 17:11:54 GMT",
                                      "Mon, 23 Nov 2026 17-11-54 GMT"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf b AUTO(buf_free) = {0};
        buf_addf(&b, H200 "Date: %s\r\n\r\n", bad[i]);
        h = read_n(b.p, b.n, OPEN);
        CHECK_INT(h->date_s, 0);
        http_seen_free(&h);
    }
}

TEST("a title of 10 KB is cut")
{
    struct buf b AUTO(buf_free) = {0};
    buf_add_z(&b, H200 "\r\n<title>");
    for (int i = 0; i < 10000; i++) {
        buf_add_char(&b, 'x');
    }
    struct http_seen *h = read_n(b.p, b.n, OPEN);
    CHECK_INT(strlen(h->title), sizeof(h->title) - 1);
    http_seen_free(&h);
}

/* ---- who wrote it ---- */

static const struct {
    const char *head, *body;
    enum author author;
    bool through_lb;
} authors[] = {
    {"Server: awselb/2.0\r\n", "", AUTHOR_LB, true},
    {"Server: nginx/1.22.1\r\n", "", AUTHOR_SERVER, false},
    {"Server: Apache\r\n", "", AUTHOR_SERVER, false},
    {"Server: nginx\r\nSet-Cookie: AWSALB=x; Path=/\r\n", "", AUTHOR_SERVER, true},
    {"Set-Cookie: AWSALBCORS=x; Path=/\r\n", "", AUTHOR_SERVER, true},
    {"Server: cloudflare\r\nCF-Ray: 1\r\n", "", AUTHOR_CDN, false},
    {"Server: nginx\r\nX-Cache: Miss from cloudfront\r\n", "", AUTHOR_SERVER, false},
    {"X-Cache: Miss from cloudfront\r\n", "", AUTHOR_CDN, false},
    {"Via: 1.1 proxy\r\n", "", AUTHOR_PROXY, false},
    {"Server: squid/5.7\r\n", "", AUTHOR_PROXY, false},
    {"X-Powered-By: Express\r\n", "", AUTHOR_SERVER, false},
    {"", "", AUTHOR_UNKNOWN, false},
    {"",
     "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
     "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n",
     AUTHOR_LB, true},
    {"",
     "<html>\r\n<head><title>503 x</title></head>\r\n<body>\r\n<center><h1>503 x</h1></center>"
     "\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
     AUTHOR_UNKNOWN, false},
    {"",
     "<html>\r\n<head><title>502 x</title></head>\r\n<body>\r\n<center><h1>502 x</h1></center>"
     "\r\n</body>\r\n</html>\r\n",
     AUTHOR_UNKNOWN, false},
};

TEST("who wrote an answer")
{
    for (size_t i = 0; i < COUNT_OF(authors); i++) {
        struct buf b AUTO(buf_free) = {0};
        buf_addf(&b, "HTTP/1.1 503 x\r\n%sContent-Length: %zu\r\n\r\n%s", authors[i].head,
                 strlen(authors[i].body), authors[i].body);
        struct http_seen *h = read_n(b.p, b.n, OPEN);
        if (h->author != authors[i].author || http_seen_through_lb(h) != authors[i].through_lb) {
            test_failed(__FILE__, __LINE__, "row %zu: %s", i, author_name(h->author));
        }
        http_seen_free(&h);
    }
}

TEST("every page of our own load balancer is known by its shape alone")
{
    static const unsigned codes[] = {301, 400, 403, 404, 500, 502, 503, 504, 561};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        char text[4096];
        struct out o = out_of(text, sizeof(text));
        struct page page = {.status = codes[i],
                            .wall_us = 1,
                            .user_agent = STR("Chrome"),
                            .plain_http_on_https = codes[i] == 400};
        page_write(&o, &page);
        struct http_seen *h = read_n(text, (size_t)(o.p - text), OPEN);
        CHECK_INT(h->author, AUTHOR_LB);
        CHECK_INT(h->body_end, BODY_END_COMPLETE);
        for (size_t k = 0; k < h->header_count; k++) { /* as if the header were switched off */
            if (str_ieq(h->headers[k].name, STR("server"))) {
                h->headers[k].name = STR("x");
            }
        }
        CHECK_INT(http_author(h), AUTHOR_LB);
        http_seen_free(&h);
    }
}

TEST("codes of HTTP/2 have their names")
{
    CHECK_STR(str_of(h2_code_name(1)), "PROTOCOL_ERROR");
    CHECK_STR(str_of(h2_code_name(13)), "HTTP_1_1_REQUIRED");
    CHECK(h2_code_name(4000) != NULL);
}

TEST_MAIN
