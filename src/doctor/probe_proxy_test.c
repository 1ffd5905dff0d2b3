/* SPDX-License-Identifier: Apache-2.0
 * Proxies of every kind and mood, by hand. */
#include "doctor/probe_test_bench.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"

static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/* The URL of the question is never connected to: the proxy stands for it. */
static const struct result *
through(struct bench *b, struct peer *p, const char *url, const char *proxy_front)
{
    char proxy[256];
    peer_start(p);
    bench_open(b, url);
    (void)snprintf(proxy, sizeof(proxy), "%s%u", proxy_front, p->port);
    b->facts.question.proxy = xstrdup(proxy);
    struct wish w = {.probe = PROBE_X1, .side = SIDE_PROXY};
    ASSERT(str_copy_z(str_of(b->facts.question.host), w.name, sizeof(w.name)));
    const struct result *r = bench_probe(b, &w, 0);
    peer_stop(p);
    return r;
}

static bool
asked(const struct peer *p, const char *text)
{
    return str_find(str_of(p->heads[0]), str_of(text), NULL);
}

/* The site behind the tunnel. */
static void
serve_tls(struct conn *c)
{
    (void)conn_start_tls(c);
}

static void
serve_tunnel(struct conn *c)
{
    if (conn_read_head(c, c->peer->heads[0], sizeof(c->peer->heads[0]))) {
        conn_say(c, "HTTP/1.1 200 Connection established\r\n\r\n");
        serve_tls(c);
    }
}

#define SITE "https://app.example.com:8443/secret"

TEST("a tunnel: CONNECT names host and port, a ServerHello comes through")
{
    struct peer p = {.serve = serve_tunnel, .connections = 1, .plain = true};
    struct bench b;
    const struct result *r = through(&b, &p, SITE, "http://127.0.0.1:");
    CHECK_INT(r->outcome, OUTCOME_OK);
    CHECK(asked(&p, "CONNECT app.example.com:8443 HTTP/1.1\r\nHost: app.example.com:8443\r\n"));
    CHECK(!asked(&p, "secret") && !asked(&p, "Proxy-Authorization"));
    CHECK(r->http != NULL && r->http->status == 200);
    CHECK(r->flight != NULL && r->flight->kind == TLS_FLIGHT_SERVER_HELLO);
    CHECK_INT(addr_port(&r->at), p.port);
    bench_close(&b);
}

TEST("the proxy's password goes to the proxy and into no record")
{
    struct peer p = {.serve = serve_tunnel, .connections = 1, .plain = true};
    struct bench b;
    const struct result *r = through(&b, &p, SITE, "http://us%40er:pa%3Ass@127.0.0.1:");
    CHECK_INT(r->outcome, OUTCOME_OK);
    CHECK(asked(&p, "\r\nProxy-Authorization: Basic dXNAZXI6cGE6c3M=\r\n"));
    CHECK(!str_find((struct str){(char *)r->sent.p, r->sent.n}, STR("dXN"), NULL));
    bench_close(&b);
}

static const char *answer;

static void
serve_answer(struct conn *c)
{
    (void)conn_read_head(c, c->peer->heads[0], sizeof(c->peer->heads[0]));
    if (answer != NULL) {
        conn_say(c, answer);
    }
}

TEST("a proxy that refuses, a web server that is none, silence")
{
    static const struct {
        const char *answer;
        unsigned status; /* 0: none */
    } rows[] = {
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403},
        {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", 407},
        {"HTTP/1.1 502 Bad Gateway\r\n\r\n", 502},
        {"HTTP/1.1 503 Service Unavailable\r\n\r\n", 503},
        {page, 200},
        {"SSH-2.0-x\r\n", 0},
        {NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer p = {.serve = serve_answer, .connections = 1, .plain = true};
        struct bench b;
        answer = rows[i].answer;
        const struct result *r = through(&b, &p, SITE, "127.0.0.1:");
        CHECK_INT(r->outcome, OUTCOME_FAIL);
        CHECK_INT(r->http == NULL ? 0 : r->http->status, rows[i].status);
        CHECK(r->connected_us != 0);
        bench_close(&b);
    }
}

TEST("a plain URL is asked of the proxy whole; its own refusals are told from the site's answers")
{
    static const struct {
        const char *answer;
        enum outcome outcome;
    } rows[] = {
        {page, OUTCOME_OK},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", OUTCOME_OK},
        {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", OUTCOME_FAIL},
        {"HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n", OUTCOME_FAIL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer p = {.serve = serve_answer, .connections = 1, .plain = true};
        struct bench b;
        answer = rows[i].answer;
        const struct result *r =
            through(&b, &p, "http://app.example.com:8080/secret", "http://127.0.0.1:");
        CHECK_INT(r->outcome, rows[i].outcome);
        CHECK(asked(&p, "GET http://app.example.com:8080/ HTTP/1.1\r\n"));
        bench_close(&b);
    }
}

/* ---- SOCKS ---- */

static void
serve_socks5(struct conn *c)
{
    unsigned char bytes[64];
    static const char name[] = "\x05\x01\0\x03\x0f"
                               "app.example.com\x20\xfb";
    CHECK(conn_read(c, bytes, 4) && memcmp(bytes, "\x05\x02\0\x02", 4) == 0);
    conn_write(c, "\x05\x02", 2);
    CHECK(conn_read(c, bytes, 10) && memcmp(bytes, "\x01\x04user\x03pwd", 10) == 0);
    conn_write(c, "\x01\0", 2);
    CHECK(conn_read(c, bytes, sizeof(name) - 1) && memcmp(bytes, name, sizeof(name) - 1) == 0);
    conn_write(c, "\x05\0\0\x01\x7f\0\0\x01\x20\xfb", 10);
    serve_tls(c);
}

static void
serve_socks5_refusal(struct conn *c)
{
    unsigned char bytes[64];
    CHECK(conn_read(c, bytes, 3) && memcmp(bytes, "\x05\x01\0", 3) == 0);
    conn_write(c, "\x05\0", 2);
    CHECK(conn_read(c, bytes, 22));
    conn_write(c, "\x05\x02\0\x01\0\0\0\0\0\0", 10);
}

static void
serve_socks4a(struct conn *c)
{
    unsigned char bytes[64];
    static const char asked_for[] = "\x04\x01\x20\xfb\0\0\0\x01\0app.example.com";
    CHECK(conn_read(c, bytes, sizeof(asked_for)) &&
          memcmp(bytes, asked_for, sizeof(asked_for)) == 0);
    conn_write(c, "\0\x5a\0\0\0\0\0\0", 8);
    serve_tls(c);
}

static void
serve_socks4_refusal(struct conn *c)
{
    unsigned char bytes[25];
    CHECK(conn_read(c, bytes, sizeof(bytes)));
    conn_write(c, "\0\x5b\0\0\0\0\0\0", 8);
}

static void
serve_page_to_socks(struct conn *c)
{
    char byte;
    CHECK(conn_read(c, &byte, 1));
    conn_say(c, page);
}

TEST("SOCKS 5 with a login, SOCKS 4a, refusals with their codes, and a web server in their place")
{
    static const struct {
        serve_fn *serve;
        const char *proxy;
        enum outcome outcome;
        int error;
    } rows[] = {
        {serve_socks5, "socks5h://user:pwd@127.0.0.1:", OUTCOME_OK, 0},
        {serve_socks5_refusal, "socks5://127.0.0.1:", OUTCOME_FAIL, EACCES},
        {serve_socks4a, "socks4a://127.0.0.1:", OUTCOME_OK, 0},
        {serve_socks4_refusal, "socks4a://127.0.0.1:", OUTCOME_FAIL, ECONNREFUSED},
        {serve_page_to_socks, "socks5://127.0.0.1:", OUTCOME_FAIL, EPROTO},
        {serve_page_to_socks, "socks4a://127.0.0.1:", OUTCOME_FAIL, EPROTO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer p = {.serve = rows[i].serve, .connections = 1, .plain = true};
        struct bench b;
        const struct result *r = through(&b, &p, SITE, rows[i].proxy);
        CHECK_INT(r->outcome, rows[i].outcome);
        CHECK_INT(r->error, rows[i].error);
        bench_close(&b);
    }
}

TEST("a proxy over TLS: trusted, it is asked; not trusted, it hears nothing")
{
    for (int trusted = 0; trusted <= 1; trusted++) {
        struct peer p = {.serve = serve_answer,
                         .connections = 1,
                         .names = trusted ? "localhost" : "other.example.com"};
        struct bench b;
        answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        const struct result *r = through(&b, &p, SITE, "https://u:p@localhost:");
        CHECK_INT(r->outcome, OUTCOME_FAIL);
        CHECK(r->seen != NULL && r->seen->done && r->chain != NULL);
        CHECK_INT(asked(&p, "CONNECT"), trusted);
        CHECK_INT(r->http != NULL, trusted);
        bench_close(&b);
    }
}

TEST("a proxy that is not there, has no name, or no port")
{
    static const struct {
        const char *proxy;
        bool connects;
    } rows[] = {{"http://127.0.0.1:", true},
                {"http://nowhere.invalid:", false},
                {"http://127.0.0.1:99", false},
                {"gopher://127.0.0.1:", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer p = {.serve = serve_answer, .connections = 0, .plain = true};
        struct bench b;
        char proxy[128];
        peer_start(&p);
        peer_stop(&p);
        bench_open(&b, SITE);
        (void)snprintf(proxy, sizeof(proxy), "%s%u", rows[i].proxy, p.port);
        b.facts.question.proxy = xstrdup(proxy);
        struct wish w = {.probe = PROBE_X1, .side = SIDE_PROXY};
        const struct result *r = bench_probe(&b, &w, 0);
        CHECK_INT(r->outcome, OUTCOME_FAIL);
        CHECK(r->error != 0 && r->connected_us == 0);
        CHECK_INT(r->error == ECONNREFUSED, rows[i].connects);
        bench_close(&b);
    }
}

TEST_MAIN
