/* SPDX-License-Identifier: Apache-2.0
 * Heads as targets and clients see them [ALB: data-plane 5]. */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"

static char text[8192];
static char output[65536];
static struct h1_request request;

static void
parse(const char *head)
{
    struct h1_scan scan = {0};
    size_t n = strlen(head);
    ASSERT(n < sizeof(text));
    memcpy(text, head, n + 1);
    enum h1_result result = h1_request_parse(&scan, text, n, &request);
    ASSERT(result == H1_DONE);
}

static struct str
forwarded(uint16_t port, bool secure)
{
    struct addr peer;
    bool ok = addr_parse(STR("192.0.2.7"), 4711, &peer);
    ASSERT(ok);
    struct forward_head f = {.request = &request,
                             .peer = &peer,
                             .lb_dns_name = STR("web-1.us-east-1.elb.localhost"),
                             .port = port,
                             .secure = secure,
                             .trace_id = STR("Root=1-5759e988-bd862e3fe1be46a994272793")};
    struct out o = out_of(output, sizeof(output));
    CHECK(forward_head_write(&o, &f));
    CHECK(!o.full);
    return str_span(output, o.p);
}

static void
expect_has(struct str head, const char *line)
{
    if (!str_find(head, str_of(line), NULL)) {
        test_failed(__FILE__, __LINE__, "no \"%s\" in \"%.*s\"", line, STR_ARG(head));
    }
}

TEST("the whole head of a plain request")
{
    parse("GET /a?b=c HTTP/1.1\r\nHost: Shop.Example\r\nUser-Agent: t\r\nConnection: keep-alive\r\n"
          "X-Forwarded-Proto: spoofed\r\nX-Forwarded-Port: 1\r\n\r\n");
    CHECK_STR(forwarded(443, true),
              "GET /a?b=c HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
              "X-Forwarded-Port: 443\r\nHost: shop.example\r\n"
              "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793\r\nUser-Agent: t\r\n\r\n");
}

TEST("Host: the port is dropped on 80 and 443, kept or appended elsewhere, and lower-cased [5.4, "
     "D20]")
{
    static const struct {
        uint16_t port;
        const char *head;
        const char *host;
    } rows[] = {
        {80, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "\r\nHost: example.com\r\n"},
        {80, "GET / HTTP/1.1\r\nHost: example.com:80\r\n\r\n", "\r\nHost: example.com\r\n"},
        {8080, "GET / HTTP/1.1\r\nHost: EXAMPLE.com\r\n\r\n", "\r\nHost: example.com:8080\r\n"},
        {8080, "GET / HTTP/1.1\r\nHost: example.com:9\r\n\r\n", "\r\nHost: example.com:9\r\n"},
        {443, "GET https://dns.name/x HTTP/1.1\r\nHost: example.com\r\n\r\n",
         "\r\nHost: dns.name\r\n"},
        {80, "GET / HTTP/1.0\r\n\r\n", "\r\nHost: web-1.us-east-1.elb.localhost\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        parse(rows[i].head);
        expect_has(forwarded(rows[i].port, false), rows[i].host);
    }
}

TEST("X-Forwarded-For is appended to, and more than 30 addresses are refused [5.1]")
{
    parse("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b, c\r\n\r\n");
    expect_has(forwarded(80, false), "\r\nX-Forwarded-For: a, b, c, 192.0.2.7\r\n");
    for (unsigned count = 30; count <= 31; count++) {
        struct buf head = {0};
        buf_add_z(&head, "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1");
        for (unsigned i = 1; i < count; i++) {
            buf_add_z(&head, ", 1.1.1.1");
        }
        buf_add_z(&head, "\r\n\r\n");
        parse(head.p);
        struct addr peer = {.sa.sa_family = AF_INET};
        struct out o = out_of(output, sizeof(output));
        struct forward_head f = {.request = &request, .peer = &peer, .port = 80};
        CHECK_INT(forward_head_write(&o, &f), count == 30);
        buf_free(&head);
    }
}

TEST("hop-by-hop headers and what Connection names stay behind [D14]; framing is ours")
{
    parse("POST /x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\n"
          "Keep-Alive: 5\r\nTransfer-Encoding: chunked\r\nX-Kept: 2\r\n\r\n");
    struct str head = forwarded(80, false);
    expect_has(head, "\r\nX-Kept: 2\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(!str_find(head, STR("X-Secret"), NULL));
    CHECK(!str_find(head, STR("Keep-Alive"), NULL));
    parse("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 010\r\n\r\n");
    expect_has(forwarded(80, false), "\r\nContent-Length: 10\r\n\r\n");
}

TEST("blanks in the URI go on percent-encoded [D12]")
{
    parse("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_has(forwarded(80, false), "GET /a%20b HTTP/1.1\r\n");
}

TEST("X-Amzn-Trace-Id: made, Self prepended or replaced, unknown fields kept [5.3]")
{
    static const struct {
        const char *came;
        const char *begins, *ends;
    } rows[] = {
        {NULL, "Root=1-00000064-", ""},
        {"Root=1-67891233-abcdef012345678912345678", "Self=1-00000064-",
         ";Root=1-67891233-abcdef012345678912345678"},
        {"Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abc;CalledFrom=app",
         "Self=1-00000064-", ";Root=1-67891233-abc;CalledFrom=app"},
        {"CalledFrom=app", "Root=1-00000064-", ";CalledFrom=app"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *head =
            rows[i].came == NULL
                ? xstrdup("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                : xprintf("GET / HTTP/1.1\r\nHost: h\r\nX-Amzn-Trace-Id: %s\r\n\r\n", rows[i].came);
        parse(head);
        struct rand r;
        rand_seed(&r, 1);
        struct out o = out_of(output, sizeof(output));
        trace_id_make(&o, &request.headers, 100u * 1000000u, &r);
        struct str value = str_span(output, o.p);
        CHECK(str_starts(value, str_of(rows[i].begins)));
        CHECK(str_ends(value, str_of(rows[i].ends)));
        CHECK_INT(value.n, strlen("Root=1-00000064-") + 24 + strlen(rows[i].ends));
        xfree(head);
    }
}

TEST("an answer's head: hop-by-hop dropped, framing and Connection written by us")
{
    static const struct {
        struct answer_head how;
        const char *head;
    } rows[] = {
        {{.length = true, .keep_alive = true},
         "HTTP/1.1 200 Fine\r\nServer: s\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"},
        {{.chunked = true},
         "HTTP/1.1 200 Fine\r\nServer: s\r\nTransfer-Encoding: chunked\r\nConnection: "
         "close\r\n\r\n"},
    };
    struct h1_scan scan = {0};
    struct h1_response response;
    char answer[] = "HTTP/1.1 200 Fine\r\nServer: s\r\nKeep-Alive: 1\r\nContent-Length: 5\r\n"
                    "Connection: close\r\n\r\n";
    CHECK(h1_response_parse(&scan, answer, sizeof(answer) - 1, METHOD_GET, &response) == H1_DONE);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer_head how = rows[i].how;
        how.response = &response;
        struct out o = out_of(output, sizeof(output));
        answer_head_write(&o, &how);
        CHECK_STR(str_span(output, o.p), rows[i].head);
    }
}

TEST_MAIN
