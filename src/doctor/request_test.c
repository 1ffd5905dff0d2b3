/* SPDX-License-Identifier: Apache-2.0
 * What requests say, and to whom secrets go. */
#include "doctor/request.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"
#include "doctor/question.h"

static void
ask(struct question *q, const char *url)
{
    question_init(q);
    ASSERT(question_set_url(q, str_of(url), NULL) == ERR_OK);
}

TEST("who may know the user's secrets")
{
    static const struct {
        const char *url;
        enum probe probe;
        enum side side;
        bool secure, verified;
        const char *hop; /* NULL: none */
        bool trusted;
    } rows[] = {
        {"https://a.example:8443/", PROBE_R1, SIDE_SITE, true, true, NULL, true},
        {"https://a.example:8443/", PROBE_R1, SIDE_SITE, true, false, NULL, false},
        {"https://a.example:8443/", PROBE_R1, SIDE_SITE, false, false, NULL, false},
        {"http://a.example/", PROBE_R1, SIDE_SITE, false, false, NULL, true},
        {"https://a.example:8443/", PROBE_R5O, SIDE_SITE, true, true, NULL, false},
        {"https://a.example:8443/", PROBE_R4, SIDE_LB, true, true, NULL, true},
        {"https://a.example:8443/", PROBE_R4, SIDE_LB, true, false, NULL, false},
        {"https://a.example:8443/", PROBE_R1, SIDE_TARGET, false, false, NULL, true},
        {"https://a.example:8443/", PROBE_C5, SIDE_PORT, true, true, NULL, false},
        {"https://a.example:8443/", PROBE_R3, SIDE_HOP, true, true, "https://a.example:8443/x",
         true},
        {"https://a.example:8443/", PROBE_R3, SIDE_HOP, true, false, "https://a.example:8443/x",
         false},
        {"https://a.example:8443/", PROBE_R3, SIDE_HOP, true, true, "https://a.example/x", false},
        {"https://a.example:8443/", PROBE_R3, SIDE_HOP, true, true, "https://b.example:8443/x",
         false},
        {"https://a.example:8443/", PROBE_R3, SIDE_HOP, false, false, "http://a.example:8443/x",
         false},
        {"http://a.example/", PROBE_R3, SIDE_HOP, false, false, "http://a.example/x", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct question q;
        struct redirect hop;
        ask(&q, rows[i].url);
        struct request_options o = {.q = &q,
                                    .probe = rows[i].probe,
                                    .side = rows[i].side,
                                    .secure = rows[i].secure,
                                    .verified = rows[i].verified};
        if (rows[i].hop != NULL) {
            ASSERT(redirect_parse(str_of(rows[i].hop), &hop) == ERR_OK);
            o.hop = &hop;
        }
        if (request_trusts(&o) != rows[i].trusted) {
            test_failed(__FILE__, __LINE__, "row %zu", i);
        }
        question_done(&q);
    }
}

static void
write_with(struct question *q, const struct request_options *o, bool shown, struct buf *out)
{
    struct request r;
    struct request_options with = *o;
    with.q = q;
    with.user_agent = "agent";
    request_make(&with, &r);
    request_write(&r, shown, out);
    request_done(&r);
}

TEST("a hop's own path is asked; the user's path and query are not told to strangers in it")
{
    static const struct {
        const char *hop, *line;
    } rows[] = {
        {"https://login.example/start?id=7", "GET /start?id=7 HTTP/1.1\r\n"},
        {"https://login.example/back?to=/private?token=1", "GET / HTTP/1.1\r\n"},
        {"https://login.example/back?token=1", "GET / HTTP/1.1\r\n"},
    };
    struct question q;
    ask(&q, "https://a.example/private?token=1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redirect hop;
        struct buf out = {0};
        ASSERT(redirect_parse(str_of(rows[i].hop), &hop) == ERR_OK);
        struct request_options o = {
            .probe = PROBE_R3, .side = SIDE_HOP, .secure = true, .verified = true, .hop = &hop};
        write_with(&q, &o, false, &out);
        CHECK(str_starts(buf_str(&out), str_of(rows[i].line)));
        buf_free(&out);
    }
    question_done(&q);
}

TEST("what the user gives replaces what we send, but not our framing")
{
    struct question q;
    struct buf out = {0};
    ask(&q, "https://[2001:db8::1]:8443/");
    q.headers[q.header_count++] = xstrdup("accept: text/plain");
    q.headers[q.header_count++] = xstrdup("Content-Length: 5");
    q.headers[q.header_count++] = xstrdup("Connection: keep-alive");
    struct request_options o = {.probe = PROBE_R1,
                                .side = SIDE_SITE,
                                .secure = true,
                                .verified = true,
                                .name = "2001:db8::1",
                                .port = 8443};
    write_with(&q, &o, false, &out);
    CHECK_STR(buf_str(&out),
              "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\nUser-Agent: agent\r\n"
              "Accept: text/plain\r\nAccept-Encoding: gzip, deflate\r\nConnection: close\r\n\r\n");
    buf_free(&out);
    write_with(&q, &o, true, &out);
    CHECK(str_find(buf_str(&out), STR("\r\nAccept: **********\r\n"), NULL));
    buf_free(&out);
    question_done(&q);
}

TEST("base64")
{
    static const char *const rows[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        base64_add(&out, rows[i][0], strlen(rows[i][0]));
        CHECK_STR(buf_str(&out), rows[i][1]);
        buf_free(&out);
    }
}

/* ---- cookies ---- */

static void
take(struct jar *jar, const char *url, const char *line)
{
    struct redirect from;
    struct http_seen h = {.header_count = 1};
    ASSERT(redirect_parse(str_of(url), &from) == ERR_OK);
    h.headers[0].name = STR("Set-Cookie");
    h.headers[0].value = str_of(line);
    jar_take(jar, &from, &h);
}

static void
check_given(const struct jar *jar, const char *url, const char *expected)
{
    struct redirect to;
    struct buf out = {0};
    ASSERT(redirect_parse(str_of(url), &to) == ERR_OK);
    jar_give(jar, &to, &out);
    CHECK_STR(buf_str(&out), expected);
    buf_free(&out);
}

TEST("cookies go back to their host and path, secure ones only over TLS")
{
    struct jar jar = {.count = 0};
    take(&jar, "https://a.example.com/", "x=1; Path=/");
    take(&jar, "https://a.example.com/", "y=2; Secure; HttpOnly; SameSite=Lax");
    take(&jar, "https://a.example.com/shop/list", "z=3");
    check_given(&jar, "https://a.example.com:8443/", "x=1; y=2");
    check_given(&jar, "http://a.example.com/", "x=1");
    check_given(&jar, "https://a.example.com/shop/cart", "x=1; y=2; z=3");
    check_given(&jar, "https://a.example.com/shopping", "x=1; y=2");
    check_given(&jar, "https://b.example.com/", "");
    take(&jar, "https://a.example.com/", "x=; Max-Age=0; Path=/");
    check_given(&jar, "http://a.example.com/", "");
    jar_done(&jar);
}

TEST("Domain widens to a parent, never to a stranger or a whole top-level domain")
{
    struct jar jar = {.count = 0};
    take(&jar, "https://a.example.com/", "p=1; Domain=.example.com");
    take(&jar, "https://a.example.com/", "q=1; Domain=com");
    take(&jar, "https://a.example.com/", "r=1; Domain=b.example.com");
    take(&jar, "http://a.example.com/", "s=1; Secure");
    check_given(&jar, "https://b.example.com/", "p=1");
    check_given(&jar, "https://badexample.com/", "");
    check_given(&jar, "https://a.example.com/", "p=1");
    jar_done(&jar);
}

TEST("a jar has an end")
{
    struct jar jar = {.count = 0};
    char line[32];
    for (int i = 0; i < 2 * JAR_COOKIES; i++) {
        (void)snprintf(line, sizeof(line), "c%d=1", i);
        take(&jar, "https://a.example.com/", line);
    }
    CHECK_INT(jar.count, JAR_COOKIES);
    take(&jar, "https://a.example.com/", "=no name");
    take(&jar, "https://a.example.com/", "no value");
    CHECK_INT(jar.count, JAR_COOKIES);
    jar_done(&jar);
}

TEST_MAIN
