/* SPDX-License-Identifier: Apache-2.0
 * The load balancer's own pages, byte for byte [ALB: data-plane 1.7, D23]. */
#include "http/http.h"

#include "base/test.h"

enum { WALL_S = 1795453914 }; /* Mon, 23 Nov 2026 17:11:54 GMT */
#define DATE "Date: Mon, 23 Nov 2026 17:11:54 GMT\r\n"
#define FIREFOX "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
#define CHROME                                                                                     \
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0"

static char written[4096];

static struct str
write(struct page page)
{
    struct out o = out_of(written, sizeof(written));
    page.wall_us = (uint64_t)WALL_S * 1000000;
    page_write(&o, &page);
    CHECK(!o.full);
    return str_span(written, o.p);
}

static struct str
body_of(struct str message)
{
    size_t at = 0;
    CHECK(str_find(message, STR("\r\n\r\n"), &at));
    return str_sub(message, at + 4, message.n);
}

static uint64_t
content_length_of(struct str message)
{
    size_t at = 0;
    uint64_t value = 0;
    CHECK(str_find(message, STR("Content-Length: "), &at));
    struct str rest = str_sub(message, at + 16, message.n), digits;
    CHECK(str_cut(&rest, '\r', &digits) && str_to_u64(digits, &value));
    return value;
}

TEST("a 502 page is what ALB sends: order, line ends, lengths")
{
    CHECK_STR(write((struct page){.status = 502, .keep_alive = true}),
              "HTTP/1.1 502 Bad Gateway\r\nServer: awselb/2.0\r\n" DATE
              "Content-Type: text/html\r\nContent-Length: 122\r\nConnection: keep-alive\r\n\r\n"
              "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
              "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n");
}

TEST("the sizes seen in published logs: 277, 272, 155 and 402 more for Chrome")
{
    struct str firefox = STR(FIREFOX), chrome = STR(CHROME), msie = STR("MSIE 6.0");
    CHECK_INT(write((struct page){.status = 502, .keep_alive = true, .user_agent = firefox}).n,
              277);
    CHECK_INT(write((struct page){.status = 502, .user_agent = firefox}).n, 272);
    CHECK_INT(write((struct page){.status = 502, .keep_alive = true, .head_request = true}).n, 155);
    CHECK_INT(write((struct page){.status = 502, .keep_alive = true, .user_agent = chrome}).n, 679);
    CHECK_INT(write((struct page){.status = 502, .user_agent = chrome}).n, 674);
    CHECK_INT(write((struct page){.status = 502, .user_agent = msie}).n, 674);
    CHECK_INT(write((struct page){.status = 503, .keep_alive = true}).n, 337);
    CHECK_INT(write((struct page){.status = 503}).n, 332);
    CHECK_INT(write((struct page){.status = 503, .keep_alive = true, .user_agent = chrome}).n, 739);
    CHECK_INT(write((struct page){.status = 503, .user_agent = chrome}).n, 734);
}

TEST("the padding stands behind the last line")
{
#define PAD "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
    struct str body = body_of(write((struct page){.status = 404, .user_agent = STR(CHROME)}));
    CHECK(str_ends(body, STR("</html>\r\n" PAD PAD PAD PAD PAD PAD)));
    CHECK_INT(sizeof(PAD PAD PAD PAD PAD PAD) - 1, 402);
    body = body_of(write((struct page){.status = 301, .user_agent = STR(CHROME)}));
    CHECK_INT(body.n, 134);
}

TEST("every page of 1.7 and D23 has its title and length")
{
    static const struct {
        unsigned status;
        const char *title;
        size_t body_n;
    } rows[] = {
        {301, "301 Moved Permanently", 134},
        {302, "302 Found", 110},
        {400, "400 Bad Request", 122},
        {401, "401 Authorization Required", 92 + 2 * 26},
        {403, "403 Forbidden", 118},
        {405, "405 Not Allowed", 122},
        {408, "408 Request Time-out", 132},
        {413, "413 Request Entity Too Large", 148},
        {414, "414 Request-URI Too Large", 142},
        {417, "417 Expectation Failed", 92 + 2 * 22},
        {463, "463", 98},
        {464, "464", 98},
        {500, "500 Internal Server Error", 142},
        {501, "501 Not Implemented", 130},
        {502, "502 Bad Gateway", 122},
        {503, "503 Service Temporarily Unavailable", 162},
        {504, "504 Gateway Time-out", 132},
        {505, "505 HTTP Version Not Supported", 92 + 2 * 30},
        {507, "507 Insufficient Storage", 92 + 2 * 24},
        {561, "561 Unauthorized", 92 + 2 * 16},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str message = write((struct page){.status = rows[i].status});
        struct str body = body_of(message);
        char expected[256];
        (void)snprintf(expected, sizeof(expected),
                       "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n"
                       "<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n",
                       rows[i].title, rows[i].title);
        CHECK_STR(body, expected);
        CHECK_INT(body.n, rows[i].body_n);
        CHECK_INT(content_length_of(message), rows[i].body_n);
        (void)snprintf(expected, sizeof(expected), "HTTP/1.1 %s%s\r\nServer: ", rows[i].title,
                       strlen(rows[i].title) == 3 ? " " : "");
        CHECK(str_starts(message, str_of(expected)));
    }
}

TEST("plain HTTP on an HTTPS port gets the page of 220 bytes")
{
    struct page page = {.status = 400, .plain_http_on_https = true};
    struct str message = write(page);
    CHECK_STR(body_of(message),
              "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS "
              "port</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n"
              "<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
              "</body>\r\n</html>\r\n");
    CHECK_INT(body_of(message).n, 220);
    CHECK_INT(content_length_of(message), 220);
    CHECK(str_starts(message, STR("HTTP/1.1 400 Bad Request\r\n")));
    CHECK(str_find(message, STR("Connection: close\r\n"), NULL));
    page.user_agent = STR(CHROME);
    CHECK_INT(body_of(write(page)).n, 622);
}

TEST("a redirect has its Location last and its page of 134 bytes")
{
    struct page page = {
        .status = 301, .keep_alive = true, .location = STR("https://example.com:443/a?b")};
    struct str message = write(page);
    CHECK(str_starts(message,
                     STR("HTTP/1.1 301 Moved Permanently\r\nServer: awselb/2.0\r\n" DATE
                         "Content-Type: text/html\r\nContent-Length: 134\r\n"
                         "Connection: keep-alive\r\nLocation: https://example.com:443/a?b\r\n\r\n"
                         "<html>")));
    CHECK_INT(body_of(message).n, 134);
}

TEST("a Location cannot carry a line end or a blank")
{
    struct page page = {.status = 302, .location = STR("https://a:1/b c\r\nX: y\x7f\xc3\xa9\t")};
    CHECK(str_find(write(page),
                   STR("\r\nLocation: https://a:1/b%20c%0D%0AX:%20y%7F\xc3\xa9%09\r\n\r\n"), NULL));
}

TEST("a fixed response has its body and only the Content-Type it was given")
{
    CHECK_STR(write((struct page){.status = 200,
                                  .fixed = true,
                                  .keep_alive = true,
                                  .content_type = STR("text/plain"),
                                  .body = STR("hello")}),
              "HTTP/1.1 200 OK\r\nServer: awselb/2.0\r\n" DATE
              "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n"
              "Connection: keep-alive\r\n\r\nhello");
    CHECK_STR(write((struct page){.status = 599, .fixed = true, .user_agent = STR(CHROME)}),
              "HTTP/1.1 599 \r\nServer: awselb/2.0\r\n" DATE
              "Content-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST("answers to HEAD and 204 have no body; 204 has no length either")
{
    struct page head = {.status = 503, .head_request = true, .user_agent = STR(CHROME)};
    struct str message = write(head);
    CHECK_INT(content_length_of(message), 162 + 402);
    CHECK_INT(body_of(message).n, 0);
    struct page fixed = {.status = 404, .fixed = true, .head_request = true, .body = STR("gone")};
    message = write(fixed);
    CHECK_INT(content_length_of(message), 4);
    CHECK_INT(body_of(message).n, 0);
    struct page none = {.status = 204, .fixed = true, .body = STR("x"), .content_type = STR("a/b")};
    CHECK_STR(write(none),
              "HTTP/1.1 204 No Content\r\nServer: awselb/2.0\r\n" DATE "Connection: close\r\n\r\n");
    struct page reset = {.status = 205, .fixed = true, .body = STR("x")};
    message = write(reset);
    CHECK_INT(content_length_of(message), 0);
    CHECK_INT(body_of(message).n, 0);
}

TEST("no page of any status is cut, with padding too; too small a place is noticed")
{
    for (unsigned status = 100; status < 1000; status++) {
        struct str message = write((struct page){.status = status, .user_agent = STR(CHROME)});
        if (status != 204 && status != 205) {
            CHECK(str_find(body_of(message), STR("</html>\r\n"), NULL));
            CHECK_INT(body_of(message).n, content_length_of(message));
        }
    }
    char small[100];
    struct out o = out_of(small, sizeof(small));
    page_write(&o, &(struct page){.status = 502});
    CHECK(o.full);
}

TEST("phrases")
{
    CHECK_STR(status_reason(200), "OK");
    CHECK_STR(status_reason(503), "Service Temporarily Unavailable");
    CHECK_STR(status_reason(463), "");
    CHECK_STR(status_reason(0), "");
}

TEST_MAIN
