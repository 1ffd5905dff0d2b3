/* SPDX-License-Identifier: Apache-2.0
 * The machine of R1 and its kin at servers of every kind. */
#include "doctor/probe_test_bench.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"

static void
url_of(const struct peer *p, const char *scheme, const char *path, char to[static 256])
{
    (void)snprintf(to, 256, "%s://app.example.com:%u%s", scheme, p->port, path);
}

static void
begin(struct bench *b, struct peer *p, const char *scheme, const char *path)
{
    char url[256];
    peer_start(p);
    url_of(p, scheme, path, url);
    bench_open(b, url);
}

static void
end(struct bench *b, struct peer *p)
{
    peer_stop(p);
    bench_close(b);
}

static void
serve_page(struct conn *c)
{
    if (conn_read_head(c, c->peer->heads[c->number], sizeof(c->peer->heads[0]))) {
        conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: bench\r\n"
                    "Set-Cookie: seen=1; Secure; Path=/\r\n\r\nhello");
    }
}

static bool
asked(const struct peer *p, unsigned connection, const char *text)
{
    return str_find(str_of(p->heads[connection]), str_of(text), NULL);
}

static void
give_header(struct bench *b, const char *line)
{
    struct question *q = &b->facts.question;
    q->headers[q->header_count++] = xstrdup(line);
}

TEST("a page over verified TLS: the answer, the handshake, the chain, and the user's secrets go")
{
    struct peer p = {.serve = serve_page, .connections = 1, .alpn = "http/1.1"};
    struct bench b;
    begin(&b, &p, "https", "/path?token=1");
    give_header(&b, "Authorization: Bearer xyz");
    give_header(&b, "Cookie: a=b");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK_INT(r->outcome, OUTCOME_OK);
    CHECK(r->seen != NULL && r->seen->done && r->seen->version == TLS_V_13);
    CHECK(r->chain != NULL && r->chain->trusted && r->chain->curl_exit == 0);
    CHECK(r->http != NULL && r->http->status == 200 && r->http->body_end == BODY_END_COMPLETE);
    CHECK(r->secrets_sent);
    CHECK(asked(&p, 0, "GET /path?token=1 HTTP/1.1\r\n"));
    CHECK(asked(&p, 0, "\r\nAuthorization: Bearer xyz\r\n"));
    CHECK(asked(&p, 0, "\r\nCookie: a=b\r\n"));
    CHECK(asked(&p, 0, "openalb-doctor/test 0123456789abcdef"));
    struct str sent = {(const char *)r->sent.p, r->sent.n};
    CHECK(str_starts(sent, STR("GET /************")));
    CHECK(!str_find(sent, STR("xyz"), NULL) && !str_find(sent, STR("token"), NULL));
    CHECK_INT(b.connections, 1);
    end(&b, &p);
}

TEST("a certificate that does not fit: the secrets stay here, `/` is asked")
{
    struct peer p = {.serve = serve_page, .connections = 1, .names = "other.example.com"};
    struct bench b;
    begin(&b, &p, "https", "/path?token=1");
    give_header(&b, "Authorization: Bearer xyz");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK(r->chain != NULL && chain_problem_of(r->chain, CHAIN_NAME_MISMATCH) != NULL);
    CHECK(r->http != NULL && r->http->status == 200);
    CHECK(!r->secrets_sent);
    CHECK(asked(&p, 0, "GET / HTTP/1.1\r\n"));
    CHECK(!asked(&p, 0, "xyz") && !asked(&p, 0, "token"));
    end(&b, &p);
}

TEST("without roots nothing is verified, and nothing breaks")
{
    struct peer p = {.serve = serve_page, .connections = 1};
    struct bench b;
    begin(&b, &p, "https", "/secret");
    chain_store_free(&b.store);
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK(r->chain != NULL && !r->chain->trusted && !r->secrets_sent);
    CHECK(r->http != NULL && r->http->status == 200);
    end(&b, &p);
}

TEST("a target gets the secrets without a name in the handshake, with forwarded headers in R1X")
{
    struct peer p = {.serve = serve_page, .connections = 1, .names = "other.example.com"};
    struct bench b;
    begin(&b, &p, "https", "/path");
    struct wish w = bench_wish(PROBE_R1X, SIDE_TARGET, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK(r->http != NULL && r->http->status == 200 && r->secrets_sent);
    CHECK(asked(&p, 0, "GET /path HTTP/1.1\r\n"));
    CHECK(asked(&p, 0, "\r\nX-Forwarded-Proto: https\r\n"));
    CHECK(asked(&p, 0, "\r\nX-Forwarded-For: 127.0.0.1\r\n"));
    end(&b, &p);
}

TEST("an http URL is asked without TLS: the path goes, the headers given stay [ruling 8]")
{
    struct peer p = {.serve = serve_page, .connections = 1, .plain = true};
    struct bench b;
    begin(&b, &p, "http", "/path");
    give_header(&b, "X-Key: 1");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    w.plain = true;
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK(r->seen == NULL && r->chain == NULL);
    CHECK(r->http != NULL && r->http->status == 200 && r->secrets_sent);
    CHECK(asked(&p, 0, "GET /path HTTP/1.1\r\n") && !asked(&p, 0, "\r\nX-Key: 1\r\n"));
    end(&b, &p);
}

static void
serve_nothing(struct conn *c)
{
    (void)conn_read_head(c, c->peer->heads[c->number], sizeof(c->peer->heads[0]));
}

static void
serve_reset(struct conn *c)
{
    serve_nothing(c);
    conn_reset(c);
    SSL_free(c->ssl);
    c->ssl = NULL;
}

TEST("closed without an answer, reset without an answer")
{
    static const struct {
        serve_fn *serve;
        enum finish finish;
    } rows[] = {{serve_nothing, FINISH_FIN}, {serve_reset, FINISH_RST}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer p = {.serve = rows[i].serve, .connections = 1};
        struct bench b;
        begin(&b, &p, "https", "/");
        struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
        const struct result *r = bench_probe(&b, &w, 0);
        CHECK_INT(r->outcome, OUTCOME_FAIL);
        CHECK_INT(r->finish, rows[i].finish);
        CHECK(r->seen != NULL && r->seen->done && r->http == NULL && r->got_total == 0);
        end(&b, &p);
    }
}

static void
serve_plain_400(struct conn *c)
{
    char byte;
    (void)conn_read(c, &byte, 1);
    conn_say(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
}

TEST("plain HTTP in place of TLS: the handshake fails, and the library's word is kept")
{
    struct peer p = {.serve = serve_plain_400, .connections = 1, .plain = true};
    struct bench b;
    begin(&b, &p, "https", "/");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK_INT(r->outcome, OUTCOME_FAIL);
    CHECK(r->seen != NULL && !r->seen->done);
    CHECK(str_find(str_of(r->seen->reason), STR("wrong version number"), NULL));
    CHECK(r->chain == NULL && r->got_total == 0);
    end(&b, &p);
}

static void
serve_silence(struct conn *c)
{
    char byte;
    (void)conn_read(c, &byte, 1);
    while (conn_read(c, &byte, 1)) { /* until the client gives up */
    }
}

TEST("silence in the handshake and after the request: cancelled, with what was seen")
{
    for (int tls = 0; tls <= 1; tls++) {
        struct peer p = {.serve = serve_silence, .connections = 1, .plain = tls == 0};
        struct bench b;
        begin(&b, &p, "https", "/");
        struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
        const struct result *r = bench_probe(&b, &w, 200);
        CHECK_INT(r->outcome, OUTCOME_TIMEOUT);
        CHECK(r->seen != NULL && r->seen->done == (tls == 1));
        CHECK((r->sent_us != 0) == (tls == 1));
        CHECK(r->connected_us != 0);
        end(&b, &p);
    }
}

static void
serve_endless(struct conn *c)
{
    static char junk[65536];
    serve_nothing(c);
    conn_say(c, "HTTP/1.1 200 OK\r\n\r\n");
    memset(junk, 'x', sizeof(junk));
    for (int i = 0; i < 64; i++) {
        conn_write(c, junk, sizeof(junk));
    }
}

static void
serve_endless_head(struct conn *c)
{
    static char line[1024];
    serve_nothing(c);
    conn_say(c, "HTTP/1.1 200 OK\r\n");
    memset(line, 'x', sizeof(line));
    memcpy(line, "X: ", 3);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    for (int i = 0; i < 4096; i++) {
        conn_write(c, line, sizeof(line));
    }
}

TEST("endless bodies and endless heads end at our limits")
{
    static serve_fn *const serves[] = {serve_endless, serve_endless_head};
    for (size_t i = 0; i < COUNT_OF(serves); i++) {
        struct peer p = {.serve = serves[i], .connections = 1};
        struct bench b;
        begin(&b, &p, "https", "/");
        struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
        const struct result *r = bench_probe(&b, &w, 0);
        CHECK_INT(r->outcome, OUTCOME_OK);
        CHECK(r->got.n <= 65536 && r->got_total <= (1 << 20) + 65536);
        CHECK(r->http != NULL &&
              ((r->http->odd & ODD_HEAD_TOO_LARGE) != 0) == (serves[i] == serve_endless_head));
        CHECK_INT(r->finish, FINISH_US);
        end(&b, &p);
    }
}

static void
serve_bytewise(struct conn *c)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    serve_nothing(c);
    for (size_t i = 0; i + 1 < sizeof(answer); i++) {
        conn_write(c, answer + i, 1);
    }
    serve_silence(c);
}

TEST("an answer in single bytes is complete by its length, not by a close")
{
    struct peer p = {.serve = serve_bytewise, .connections = 1};
    struct bench b;
    begin(&b, &p, "https", "/");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK_INT(r->outcome, OUTCOME_OK);
    CHECK(r->http != NULL && r->http->body_bytes == 3 && r->finish == FINISH_US);
    end(&b, &p);
}

TEST("C4 stops after the handshake")
{
    struct peer p = {.serve = serve_nothing, .connections = 1};
    struct bench b;
    begin(&b, &p, "https", "/");
    struct wish w = bench_wish(PROBE_C4, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK_INT(r->outcome, OUTCOME_OK);
    CHECK(r->seen != NULL && r->seen->done && r->chain != NULL && r->sent.n == 0);
    CHECK_STR(str_of(p.heads[0]), "");
    end(&b, &p);
}

TEST("R6 resumes the session of R1 and may still send the secrets")
{
    struct peer p = {.serve = serve_page, .connections = 2};
    struct bench b;
    begin(&b, &p, "https", "/private");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK(r->seen->tickets > 0 && b.session != NULL);
    w.probe = PROBE_R6;
    r = bench_probe(&b, &w, 0);
    CHECK(r->seen != NULL && r->seen->resumed && r->http != NULL && r->http->status == 200);
    CHECK(r->secrets_sent && asked(&p, 1, "GET /private HTTP/1.1\r\n"));
    end(&b, &p);
}

TEST("R7 brings the cookies that R1 was given, RC none at all")
{
    struct peer p = {.serve = serve_page, .connections = 3};
    struct bench b;
    begin(&b, &p, "https", "/");
    give_header(&b, "Cookie: own=2");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    (void)bench_probe(&b, &w, 0);
    w.probe = PROBE_R7;
    (void)bench_probe(&b, &w, 0);
    w.probe = PROBE_RC;
    (void)bench_probe(&b, &w, 0);
    CHECK(asked(&p, 0, "\r\nCookie: own=2\r\n"));
    CHECK(asked(&p, 1, "\r\nCookie: own=2; seen=1\r\n"));
    CHECK(!asked(&p, 2, "Cookie:"));
    end(&b, &p);
}

TEST("a client certificate goes on a second connection, and only to a site that is verified")
{
    for (int verified = 0; verified <= 1; verified++) {
        struct peer p = {.serve = serve_page,
                         .connections = verified ? 2 : 1,
                         .wants_certificate = true,
                         .names = verified ? NULL : "other.example.com"};
        struct bench b;
        begin(&b, &p, "https", "/");
        b.facts.question.client_cert = xstrdup(bench_client_file());
        struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
        const struct result *r = bench_probe(&b, &w, 0);
        CHECK(r->seen != NULL && r->seen->certificate_request);
        CHECK_INT(r->seen->client_certificate_sent, verified);
        CHECK_INT(r->outcome, verified ? OUTCOME_OK : OUTCOME_FAIL);
        CHECK_INT(b.connections, verified ? 2 : 1);
        end(&b, &p);
        CHECK_INT(p.saw_certificate, verified);
    }
    CHECK_INT(unlink(bench_client_file()), 0);
}

TEST("a client certificate that cannot be read ends the diagnosis")
{
    struct peer p = {.serve = serve_page, .connections = 1, .wants_certificate = true};
    struct bench b;
    begin(&b, &p, "https", "/");
    b.facts.question.client_cert = xstrdup("/nonexistent/client.pem");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    p.connections = 2;
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK_INT(r->outcome, OUTCOME_FAIL);
    CHECK_INT(b.refused, ERR_NOT_FOUND);
    end(&b, &p);
}

TEST("R5N names the host without the port, R5O another host, RW asks for a WebSocket")
{
    struct peer p = {.serve = serve_page, .connections = 3};
    struct bench b;
    char host[64];
    begin(&b, &p, "https", "/chat");
    struct wish w = bench_wish(PROBE_R5N, SIDE_SITE, &p);
    (void)bench_probe(&b, &w, 0);
    CHECK(asked(&p, 0, "\r\nHost: app.example.com\r\n") && asked(&p, 0, "GET /chat "));
    w.probe = PROBE_R5O;
    CHECK(str_copy_z(STR("openalb-doctor.invalid"), w.name, sizeof(w.name)));
    const struct result *r = bench_probe(&b, &w, 0);
    (void)snprintf(host, sizeof(host), "\r\nHost: openalb-doctor.invalid:%u\r\n", p.port);
    CHECK(asked(&p, 1, host) && asked(&p, 1, "GET / ") && !r->secrets_sent);
    CHECK(r->chain != NULL && r->chain->curl_exit == 0); /* the handshake names the site */
    w = bench_wish(PROBE_RW, SIDE_SITE, &p);
    (void)bench_probe(&b, &w, 0);
    CHECK(asked(&p, 2, "\r\nUpgrade: websocket\r\n") &&
          asked(&p, 2, "\r\nConnection: Upgrade\r\n"));
    CHECK(asked(&p, 2, "\r\nSec-WebSocket-Key: "));
    end(&b, &p);
}

static void
serve_redirects(struct conn *c)
{
    char line[256];
    serve_nothing(c);
    (void)snprintf(line, sizeof(line),
                   "HTTP/1.1 302 Found\r\nLocation: /step%u\r\nSet-Cookie: step%u=1; Path=/\r\n"
                   "Content-Length: 0\r\n\r\n",
                   c->number + 1, c->number);
    conn_say(c, line);
}

TEST("hops carry the cookies of the answers before them, headers only to the own origin")
{
    struct peer p = {.serve = serve_redirects, .connections = 4};
    struct bench b;
    begin(&b, &p, "https", "/");
    give_header(&b, "X-Key: 1");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    (void)bench_probe(&b, &w, 0);
    w = bench_wish(PROBE_R3, SIDE_HOP, &p);
    w.hop = 1;
    url_of(&p, "https", "/step1?q", w.url);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK(r->http != NULL && r->http->status == 302 && r->hop == 1);
    CHECK(asked(&p, 1, "GET /step1?q ") && asked(&p, 1, "\r\nCookie: step0=1\r\n"));
    CHECK(asked(&p, 1, "\r\nX-Key: 1\r\n"));
    w.hop = 2;
    url_of(&p, "https", "/step2", w.url);
    (void)bench_probe(&b, &w, 0);
    CHECK(asked(&p, 2, "\r\nCookie: step0=1; step1=1\r\n"));
    (void)snprintf(w.url, sizeof(w.url), "https://127.0.0.1:%u/elsewhere", p.port);
    w.hop = 3;
    r = bench_probe(&b, &w, 0);
    CHECK(asked(&p, 3, "GET /elsewhere ") && !asked(&p, 3, "Cookie") && !asked(&p, 3, "X-Key"));
    CHECK(r->chain != NULL && r->chain->curl_exit == 0 && !r->secrets_sent);
    end(&b, &p);
}

/* ---- HTTP/2 ---- */

/* SETTINGS, HEADERS of stream 1 with END_HEADERS (:status 200 and Server by literal), DATA. */
static void
serve_h2(struct conn *c)
{
    static const unsigned char frames[] = {
        0, 0, 0, 4, 0, 0, 0, 0, 0,                                               /* SETTINGS */
        0, 0, 9, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x27, 5, 'b', 'e', 'n', 'c', 'h', /* HEADERS */
        0, 0, 2, 0, 1, 0, 0, 0, 1, 'h',  'i',                                    /* DATA */
    };
    char preface[24];
    CHECK(conn_read(c, preface, sizeof(preface)));
    CHECK(memcmp(preface, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", sizeof(preface)) == 0);
    conn_write(c, frames, sizeof(frames));
    serve_silence(c);
}

TEST("R2 reads an answer in frames; a server that does not choose h2 is only shaken hands with")
{
    struct peer p = {.serve = serve_h2, .connections = 1, .alpn = "h2"};
    struct bench b;
    begin(&b, &p, "https", "/");
    struct wish w = bench_wish(PROBE_R2, SIDE_SITE, &p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK_INT(r->outcome, OUTCOME_OK);
    CHECK(r->h2 && r->http != NULL && r->http->h2 && r->http->h2_settings);
    CHECK(r->http->has_status && r->http->status == 200 && r->http->body_bytes == 2);
    CHECK_STR(http_seen_header(r->http, "server"), "bench");
    end(&b, &p);
    struct peer old = {.serve = serve_nothing, .connections = 1};
    begin(&b, &old, "https", "/");
    w = bench_wish(PROBE_R2, SIDE_SITE, &old);
    r = bench_probe(&b, &w, 0);
    CHECK(r->outcome == OUTCOME_OK && !r->h2 && r->http == NULL && r->seen->alpn_n == 0);
    end(&b, &old);
}

TEST("nobody listens")
{
    struct peer p = {.serve = serve_page, .connections = 0};
    struct bench b;
    begin(&b, &p, "https", "/");
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, &p);
    peer_stop(&p);
    const struct result *r = bench_probe(&b, &w, 0);
    CHECK_INT(r->outcome, OUTCOME_FAIL);
    CHECK_INT(r->error, ECONNREFUSED);
    CHECK(r->seen == NULL && r->connected_us == 0);
    bench_close(&b);
}

TEST_MAIN
