/* SPDX-License-Identifier: Apache-2.0
 * Tests of the engine and of the machines that need no libssl, against scripted servers on the same
 * loop. */
#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "dns/test_server.h"
#include "doctor/engine_int.h"
#include "doctor/infer.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- servers ---- */

enum act {
    ACT_HTTP,    /* 200 to a request, a 400 page to anything else */
    ACT_SILENT,  /* never says a word */
    ACT_RESET,   /* RST after the first bytes */
    ACT_FIN,     /* FIN after the first bytes */
    ACT_ALERT,   /* a TLS alert 40 */
    ACT_BANNER,  /* speaks first */
    ACT_HELLO,   /* a TLS 1.3 ServerHello, whatever came */
    ACT_DRIBBLE, /* a byte of a header line now and then, for ever */
    ACT_FLOOD,   /* megabytes of one header line */
};

enum { CONNS_MAX = 64, FIRST_BYTES = 4096 };
struct conn {
    struct server *server;
    struct loop_io io;
    struct timer timer;
    int fd; /* -1: closed */
    char got[FIRST_BYTES];
    size_t n, first; /* bytes so far, bytes of the first read */
};
struct server {
    struct loop *loop;
    struct loop_io io;
    struct addr addr;
    enum act act;
    struct conn conns[CONNS_MAX];
    size_t count;
};

static void
conn_close(struct conn *c, bool reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (c->fd < 0) {
        return;
    }
    if (reset) {
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    loop_io_forget(c->server->loop, &c->io);
    timer_remove(&c->timer);
    close(c->fd);
    c->fd = -1;
}

static void
conn_say(struct conn *c, const void *p, size_t n)
{
    (void)!send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT); /* the client may have gone */
}

static void
conn_flood(struct conn *c)
{
    static char bytes[64 * 1024];
    memset(bytes, 'a', sizeof(bytes));
    memcpy(bytes, "HTTP/1.1 200 OK\r\nX-Long: ", 25);
    while (send(c->fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    }
}

static void
conn_dribble(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, timer);
    conn_say(c, "H", 1);
    timer_arm_in(c->server->loop, &c->timer, 1000);
}

static const uint8_t alert40[] = {0x15, 3, 3, 0, 2, 2, 40};
static const uint8_t hello13[] = {
    0x16,     3,    3,    0, 90, 2,  0, 0,  86, 3, 3, /* 32 random bytes: zeros */
    [43] = 0, 0x13, 0x01, 0, 0,  46, 0, 43, 0,  2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32, [94] = 0};

static void
conn_answer(struct conn *c)
{
    static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static const char bad[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    switch (c->server->act) {
    case ACT_HTTP:
        conn_say(c, c->got[0] == 'G' ? page : bad, strlen(c->got[0] == 'G' ? page : bad));
        break;
    case ACT_RESET: conn_close(c, true); break;
    case ACT_FIN: conn_close(c, false); break;
    case ACT_ALERT: conn_say(c, alert40, sizeof(alert40)); break;
    case ACT_HELLO: conn_say(c, hello13, sizeof(hello13)); break;
    case ACT_DRIBBLE: timer_arm_in(c->server->loop, &c->timer, 1000); break;
    case ACT_FLOOD: conn_flood(c); break;
    case ACT_SILENT:
    case ACT_BANNER: break;
    }
}

static void
conn_event(struct loop_io *io, uint32_t events)
{
    struct conn *c = CONTAINER_OF(io, struct conn, io);
    bool first = c->n == 0;
    char bytes[FIRST_BYTES];
    for (;;) {
        ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            conn_close(c, false);
            return;
        }
        if (n < 0) {
            break;
        }
        size_t take = MIN_OF((size_t)n, sizeof(c->got) - c->n);
        memcpy(c->got + c->n, bytes, take);
        c->first = c->n == 0 ? take : c->first;
        c->n += take;
    }
    if (c->n > 0 && first) {
        conn_answer(c);
    } else if (c->n > 0 && c->server->act == ACT_FLOOD && (events & EPOLLOUT)) {
        conn_flood(c);
    }
}

static void
server_accept(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct server *s = CONTAINER_OF(io, struct server, io);
    for (;;) {
        int fd = accept4(s->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        ASSERT(s->count < CONNS_MAX);
        struct conn *c = &s->conns[s->count++];
        *c = (struct conn){.server = s, .fd = fd};
        timer_init(&c->timer, conn_dribble);
        if (s->act == ACT_BANNER) {
            conn_say(c, "SSH-2.0-OpenSSH_9.2p1\r\n", 23);
        }
        bool ok = loop_io_watch(s->loop, &c->io, fd, LOOP_IO_ALL | (uint32_t)EPOLLET, conn_event);
        ASSERT(ok);
    }
}

static struct server *
server_new(struct loop *loop, enum act act)
{
    struct server *s = xalloc(sizeof(*s));
    s->loop = loop;
    s->act = act;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT(addr_parse(STR("127.0.0.1"), 0, &s->addr));
    socklen_t size = sizeof(s->addr);
    ASSERT(bind(fd, &s->addr.sa, addr_len(&s->addr)) == 0 && listen(fd, CONNS_MAX) == 0);
    ASSERT(getsockname(fd, &s->addr.sa, &size) == 0);
    ASSERT(loop_io_watch(loop, &s->io, fd, EPOLLIN, server_accept));
    return s;
}

static void
server_free(struct server *s)
{
    for (size_t i = 0; i < s->count; i++) {
        conn_close(&s->conns[i], false);
    }
    loop_io_forget(s->loop, &s->io);
    close(s->io.fd);
    xfree(s);
}

/* ---- a diagnosis ---- */

struct bench {
    struct loop *loop;
    struct server *server;
    struct facts facts;
    uint64_t took_us;
};

static void
bench_open(struct bench *b, enum act act, enum scheme scheme)
{
    *b = (struct bench){0};
    setenv("SSL_CERT_FILE", "/dev/null", 1); /* the system's roots would only take time */
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
    ASSERT(loop_new(&b->loop, NULL) == ERR_OK);
    b->server = server_new(b->loop, act);
    facts_init(&b->facts);
    struct question *q = &b->facts.question;
    q->scheme = scheme;
    q->path = xstrdup("/");
    q->port = addr_port(&b->server->addr);
    q->host_is_address = true;
    ASSERT(str_copy_z(STR("127.0.0.1"), q->host, sizeof(q->host)));
    q->timeout_us = 2000000;
    q->deadline_us = 10000000;
    q->max_connections = 16;
    q->checks = ~0U;
    q->proxy = xstrdup("none");
    (void)snprintf(q->url, sizeof(q->url), "%s://127.0.0.1:%u/",
                   scheme == SCHEME_HTTPS ? "https" : "http", q->port);
}

static void
bench_run(struct bench *b)
{
    uint64_t begin = clock_mono_us();
    CHECK_INT(doctor_examine(b->loop, &b->facts, NULL, NULL, NULL), ERR_OK);
    b->took_us = clock_mono_us() - begin;
}

static void
bench_close(struct bench *b)
{
    server_free(b->server);
    facts_done(&b->facts);
    loop_free(&b->loop);
}

static const struct result *
site(const struct bench *b, enum probe p)
{
    return facts_find(&b->facts, p, SIDE_SITE);
}

/* What the server got on the connection over which this result's bytes were sent. */
static const struct conn *
conn_of(const struct bench *b, const struct result *r)
{
    for (size_t i = 0; i < b->server->count; i++) {
        const struct conn *c = &b->server->conns[i];
        if (c->n == r->sent.n && memcmp(c->got, r->sent.p, c->n) == 0) {
            return c;
        }
    }
    return NULL;
}

TEST("plain HTTP: hello and request are answered, times are in order, the marker is sent")
{
    struct bench b;
    bench_open(&b, ACT_HTTP, SCHEME_HTTPS);
    bench_run(&b);
    const struct result *h1 = site(&b, PROBE_H1), *p1 = site(&b, PROBE_P1);
    const struct result *t1 = site(&b, PROBE_T1);
    CHECK(t1 != NULL && t1->outcome == OUTCOME_OK && t1->connected_us >= t1->start_us);
    CHECK(h1 != NULL && h1->flight != NULL && h1->flight->kind == TLS_FLIGHT_PLAIN_HTTP);
    CHECK(p1 != NULL && p1->http != NULL && p1->http->status == 200);
    if (p1 != NULL && h1 != NULL) {
        CHECK(p1->start_us > 0 && p1->connected_us >= p1->start_us);
        CHECK(p1->sent_us >= p1->connected_us && p1->first_us >= p1->sent_us);
        CHECK(p1->end_us >= p1->first_us && p1->got_at_us[1] >= p1->got_at_us[0]);
        struct str sent = {(const char *)p1->sent.p, p1->sent.n};
        CHECK(str_starts(sent, STR("GET / HTTP/1.1\r\nHost: 127.0.0.1:")));
        CHECK(str_find(sent, str_of(b.facts.marker), NULL));
        CHECK(str_find(sent, STR("/P1.site\r\n"), NULL)); /* so that a log tells which arrived */
        CHECK(str_find(sent, STR("Mozilla/5.0"), NULL));
        CHECK(str_ends(sent, STR("\r\n\r\n")));
        CHECK_INT(h1->sent.p[0], 0x16);
        CHECK(h1->sent.n > 1500); /* as large as a browser's */
        CHECK(conn_of(&b, h1) != NULL && conn_of(&b, p1) != NULL);
    }
    CHECK_INT(strlen(b.facts.marker), 16);
    CHECK(b.facts.connections <= 16 && !b.facts.deadline_reached);
    CHECK(b.facts.elapsed_us > 0);
    CHECK(b.took_us < 2000000);
    bench_close(&b);
}

TEST("a closed port: refused, and nothing further is sent there")
{
    struct bench b;
    bench_open(&b, ACT_HTTP, SCHEME_HTTPS);
    loop_io_forget(b.loop, &b.server->io);
    close(b.server->io.fd);
    b.server->io.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* for server_free */
    bench_run(&b);
    const struct result *t1 = site(&b, PROBE_T1);
    CHECK(t1 != NULL && t1->outcome == OUTCOME_FAIL);
    CHECK(t1 != NULL && t1->error == ECONNREFUSED && t1->finish == FINISH_RST);
    CHECK(t1 != NULL && t1->connected_us == 0 && !t1->icmp);
    CHECK(site(&b, PROBE_H1) == NULL);
    CHECK(facts_find(&b.facts, PROBE_T2, SIDE_PORT) != NULL);
    bench_close(&b);
}

static const struct {
    const char *title;
    enum act act;
    enum tls_flight_kind kind;
    enum finish finish;
    enum outcome outcome;
} ends[] = {
    {"RST", ACT_RESET, TLS_FLIGHT_NOTHING, FINISH_RST, OUTCOME_FAIL},
    {"FIN", ACT_FIN, TLS_FLIGHT_NOTHING, FINISH_FIN, OUTCOME_FAIL},
    {"alert", ACT_ALERT, TLS_FLIGHT_ALERT, FINISH_US, OUTCOME_OK},
    {"banner", ACT_BANNER, TLS_FLIGHT_SSH, FINISH_US, OUTCOME_OK},
    {"hello", ACT_HELLO, TLS_FLIGHT_SERVER_HELLO, FINISH_US, OUTCOME_OK},
    {"flood", ACT_FLOOD, TLS_FLIGHT_PLAIN_HTTP, FINISH_US, OUTCOME_OK},
};

TEST("what comes back to the hello, and how the connection ends")
{
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct bench b;
        bench_open(&b, ends[i].act, SCHEME_HTTPS);
        b.facts.question.timeout_us = 500000;
        b.facts.question.deadline_us = 3000000;
        bench_run(&b);
        const struct result *r = site(&b, PROBE_H1);
        if (r == NULL || r->flight == NULL || r->flight->kind != ends[i].kind ||
            r->finish != ends[i].finish || r->outcome != ends[i].outcome) {
            test_failed(__FILE__, __LINE__, "%s: %s", ends[i].title,
                        r == NULL           ? "no result"
                        : r->flight == NULL ? "no flight"
                                            : tls_flight_kind_name(r->flight->kind));
        }
        CHECK(b.facts.connections <= 16);
        bench_close(&b);
    }
}

TEST("a server that speaks first is listened to; one that closes at the hello gets its variants")
{
    struct bench b;
    bench_open(&b, ACT_BANNER, SCHEME_HTTPS);
    b.facts.question.timeout_us = 500000;
    b.facts.question.deadline_us = 3000000;
    bench_run(&b);
    const struct result *p2 = site(&b, PROBE_P2);
    CHECK(p2 != NULL && p2->sent.n == 0 && p2->got.n > 8 && p2->outcome == OUTCOME_OK);
    bench_close(&b);

    bench_open(&b, ACT_RESET, SCHEME_HTTPS);
    bench_run(&b);
    const struct result *hp = site(&b, PROBE_HP), *h3 = site(&b, PROBE_H3);
    p2 = site(&b, PROBE_P2);
    CHECK(p2 != NULL && p2->got.n == 0 && p2->outcome == OUTCOME_OK);
    CHECK(p2 != NULL && p2->end_us - p2->start_us >= 300000);
    CHECK(hp != NULL && str_starts((struct str){(const char *)hp->sent.p, hp->sent.n},
                                   STR("PROXY TCP4 127.0.0.1 127.0.0.1 ")));
    CHECK(h3 != NULL &&
          h3->sent.n > 1500); /* what was to be sent; it broke off after the first piece */
    bool cut = false;
    for (size_t i = 0; i < b.server->count; i++) {
        const struct conn *c = &b.server->conns[i];
        cut |= h3 != NULL && c->first == 200 && memcmp(c->got, h3->sent.p, 200) == 0;
    }
    CHECK(cut);
    bench_close(&b);
}

TEST("the second piece of a cut hello follows")
{
    struct bench b;
    bench_open(&b, ACT_SILENT, SCHEME_HTTPS);
    b.facts.question.timeout_us = 200000;
    b.facts.question.deadline_us = 3000000;
    bench_run(&b);
    const struct result *h3 = site(&b, PROBE_H3);
    const struct conn *c = h3 == NULL ? NULL : conn_of(&b, h3);
    CHECK(c != NULL && c->first == 200 && c->n > 1500);
    CHECK(h3 != NULL && h3->sent_us >= h3->connected_us + 150000);
    bench_close(&b);
}

TEST("silence ends at the deadline, not before when it is the verdict, and never after")
{
    struct bench b;
    bench_open(&b, ACT_SILENT, SCHEME_HTTPS);
    b.facts.question.timeout_us = 200000;
    b.facts.question.deadline_us = 800000;
    bench_run(&b);
    const struct result *h1 = site(&b, PROBE_H1);
    CHECK(h1 != NULL && h1->outcome == OUTCOME_TIMEOUT && h1->finish == FINISH_US);
    CHECK(h1 != NULL && h1->got_total == 0 && h1->first_us == 0);
    CHECK(b.facts.deadline_reached);
    CHECK(b.facts.elapsed_us >= 800000 && b.facts.elapsed_us < 5000000);
    CHECK(b.facts.connections <= 16);
    bench_close(&b);
}

TEST("a byte now and then, for ever: bounded by the deadline")
{
    struct bench b;
    bench_open(&b, ACT_DRIBBLE, SCHEME_HTTP);
    b.facts.question.timeout_us = 200000;
    b.facts.question.deadline_us = 1000000;
    bench_run(&b);
    const struct result *p1 = site(&b, PROBE_P1);
    CHECK(p1 != NULL && p1->outcome == OUTCOME_TIMEOUT && p1->got_total > 2);
    CHECK(p1 != NULL && p1->got_at_us[1] > p1->got_at_us[0]);
    CHECK(b.facts.elapsed_us < 5000000);
    bench_close(&b);
}

TEST("megabytes: a little is kept, and reading stops")
{
    struct bench b;
    bench_open(&b, ACT_FLOOD, SCHEME_HTTPS);
    bench_run(&b);
    for (size_t i = 0; i < b.facts.count; i++) {
        CHECK(b.facts.results[i].got.n <= 64 * 1024);
        CHECK(b.facts.results[i].got_total <= LIMIT_DOCTOR_READ + 64 * 1024);
    }
    const struct result *p1 = site(&b, PROBE_P1);
    CHECK(p1 != NULL && p1->got.n == 4096 && p1->got_total > 4096);
    bench_close(&b);
}

TEST("the budget of connections is kept, and what it left out is said")
{
    struct bench b;
    bench_open(&b, ACT_RESET, SCHEME_HTTPS);
    b.facts.question.max_connections = 6;
    bench_run(&b);
    unsigned skipped = 0;
    for (size_t i = 0; i < b.facts.count; i++) {
        const struct result *r = &b.facts.results[i];
        skipped += r->outcome == OUTCOME_SKIPPED && r->skip == SKIP_BUDGET;
    }
    CHECK(b.facts.connections <= 6);
    CHECK(b.server->count <= 6);
    CHECK(skipped > 0);
    bench_close(&b);
}

struct watched {
    unsigned started, ended;
};

static void
watch(void *context, const struct wish *w, const struct result *r)
{
    struct watched *n = context;
    CHECK(w->probe < PROBE_COUNT);
    n->started += r == NULL;
    n->ended += r != NULL && r->outcome != OUTCOME_SKIPPED;
}

TEST("every probe that starts ends, and is told of")
{
    struct bench b;
    struct watched n = {0};
    bench_open(&b, ACT_ALERT, SCHEME_HTTPS);
    CHECK_INT(doctor_examine(b.loop, &b.facts, watch, &n, NULL), ERR_OK);
    CHECK(n.started > 5);
    CHECK_INT(n.started, n.ended);
    bench_close(&b);
}

TEST("the same loop serves a second diagnosis")
{
    struct bench b;
    bench_open(&b, ACT_HTTP, SCHEME_HTTP);
    bench_run(&b);
    struct facts second;
    facts_init(&second);
    second.question = b.facts.question;
    CHECK_INT(doctor_examine(b.loop, &second, NULL, NULL, NULL), ERR_OK);
    CHECK(facts_find(&second, PROBE_P1, SIDE_SITE) != NULL);
    CHECK(strcmp(second.marker, b.facts.marker) != 0);
    second.question = (struct question){0}; /* the first one's */
    facts_done(&second);
    bench_close(&b);
}

TEST("a --ca file that cannot be read is said before anything is sent")
{
    struct bench b;
    struct errinfo why = {0};
    bench_open(&b, ACT_HTTP, SCHEME_HTTPS);
    b.facts.question.ca_file = xstrdup("/nonexistent/ca.pem");
    CHECK(doctor_examine(b.loop, &b.facts, NULL, NULL, &why) != ERR_OK);
    CHECK(why.text[0] != '\0');
    CHECK_INT(b.facts.count, 0);
    bench_close(&b);
}

/* ---- this machine ---- */

TEST("the machine's own facts: routes, hosts file, resolvers")
{
    struct bench b;
    char hosts[] = "/tmp/openalb-doctor-hosts-XXXXXX";
    int fd = mkstemp(hosts);
    static const char lines[] = "127.0.0.9 other.example.test\n127.0.0.1 site.example.test\n";
    ASSERT(fd >= 0 && write(fd, lines, sizeof(lines) - 1) == (ssize_t)sizeof(lines) - 1);
    close(fd);
    bench_open(&b, ACT_HTTP, SCHEME_HTTP);
    struct question *q = &b.facts.question;
    q->host_is_address = false;
    ASSERT(str_copy_z(STR("site.example.test"), q->host, sizeof(q->host)));
    q->hosts_file = xstrdup(hosts);
    q->dns_count = 1;
    q->fast = true;
    q->dns[0] = b.server->addr; /* nobody listens on UDP there */
    bench_run(&b);
    const struct local_facts *l = &b.facts.local;
    CHECK(l->known && l->wall_s > 1700000000);
    CHECK_INT(l->host_count, 1);
    CHECK_INT(l->hosts[0].line, 2);
    CHECK_INT(l->resolver_count, 1);
    CHECK(l->resolver_count == 1 && addr_eq(&l->resolvers[0], &b.server->addr));
    const struct result *d1 = facts_find(&b.facts, PROBE_D1, SIDE_NONE);
    CHECK(d1 != NULL && d1->outcome == OUTCOME_OK && d1->addr_count == 1);
    CHECK(d1 != NULL && strcmp(d1->label, hosts) == 0);
    const struct result *p1 = site(&b, PROBE_P1);
    CHECK(p1 != NULL && p1->http != NULL && p1->http->status == 200);
    CHECK(p1 != NULL && str_find((struct str){(const char *)p1->sent.p, p1->sent.n},
                                 STR("Host: site.example.test:"), NULL));
    bench_close(&b);
    unlink(hosts);
}

static const struct {
    const char *given, *variable, *value, *no_proxy, *host, *expected, *from;
    enum scheme scheme;
} proxies[] = {
    {NULL, NULL, NULL, NULL, "a.test", NULL, "", SCHEME_HTTPS},
    {"http://p:1", "https_proxy", "http://q:2", NULL, "a.test", "http://p:1", "--proxy",
     SCHEME_HTTPS},
    {"none", "https_proxy", "http://q:2", NULL, "a.test", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", NULL, "a.test", "http://q:2", "https_proxy", SCHEME_HTTPS},
    {NULL, "HTTPS_PROXY", "http://q:2", NULL, "a.test", "http://q:2", "HTTPS_PROXY", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", NULL, "a.test", NULL, "", SCHEME_HTTP},
    {NULL, "http_proxy", "http://q:2", NULL, "a.test", "http://q:2", "http_proxy", SCHEME_HTTP},
    {NULL, "HTTP_PROXY", "http://q:2", NULL, "a.test", NULL, "", SCHEME_HTTP},
    {NULL, "ALL_PROXY", "socks5://q", NULL, "a.test", "socks5://q", "ALL_PROXY", SCHEME_HTTP},
    {NULL, "https_proxy", "http://q:2", "*", "a.test", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "b.test, a.test", "a.test", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", ".test", "a.test", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "test", "a.test", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "est", "a.test", "http://q:2", "https_proxy", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "a.test.", "A.test", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "10.0.0.0/8", "10.1.2.3", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "10.0.0.0/16", "10.1.2.3", "http://q:2", "https_proxy",
     SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "10.1.2.3", "10.1.2.3", NULL, "", SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "10.0.0.0/99", "10.1.2.3", "http://q:2", "https_proxy",
     SCHEME_HTTPS},
    {NULL, "https_proxy", "http://q:2", "[::1]", "::1", NULL, "", SCHEME_HTTPS},
};

TEST("the proxy that applies, by curl's rules")
{
    static const char *const variables[] = {"http_proxy",  "https_proxy", "HTTP_PROXY",
                                            "HTTPS_PROXY", "all_proxy",   "ALL_PROXY",
                                            "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        struct question q = {.scheme = proxies[i].scheme};
        const char *from = "";
        for (size_t k = 0; k < COUNT_OF(variables); k++) {
            unsetenv(variables[k]);
        }
        if (proxies[i].variable != NULL) {
            setenv(proxies[i].variable, proxies[i].value, 1);
        }
        if (proxies[i].no_proxy != NULL) {
            setenv("no_proxy", proxies[i].no_proxy, 1);
        }
        ASSERT(str_copy_z(str_of(proxies[i].host), q.host, sizeof(q.host)));
        q.proxy = proxies[i].given == NULL ? NULL : xstrdup(proxies[i].given);
        const char *got = proxy_find(&q, &from);
        if ((got == NULL) != (proxies[i].expected == NULL) ||
            (got != NULL &&
             (strcmp(got, proxies[i].expected) != 0 || strcmp(from, proxies[i].from) != 0))) {
            test_failed(__FILE__, __LINE__, "row %zu: %s from %s", i, got == NULL ? "none" : got,
                        from);
        }
        question_done(&q);
        for (size_t k = 0; k < COUNT_OF(variables); k++) {
            unsetenv(variables[k]);
        }
    }
}

/* ---- DNS ---- */

static const struct test_row zone[] = {
    {"site.example.test", DNS_TYPE_A, TEST_RA, 0, "answer site.example.test A 127.0.0.1"},
    {"site.example.test", DNS_TYPE_AAAA, TEST_RA, 0, NULL},
    {"site.example.test", DNS_TYPE_HTTPS, TEST_RA, 0, NULL},
    {"broken.example.test", 0, TEST_RA, DNS_RCODE_SERVFAIL, NULL},
    {"gone.example.test", 0, TEST_RA, DNS_RCODE_NXDOMAIN, NULL},
    {"silent.example.test", 0, TEST_SILENT, 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* A site whose name the test's resolver knows. */
static struct test_server *
bench_named(struct bench *b, const char *host, enum scheme scheme)
{
    bench_open(b, ACT_HTTP, scheme);
    struct question *q = &b->facts.question;
    struct test_server *dns = test_server_new(b->loop, "127.0.0.1", 0, zone);
    ASSERT(dns != NULL);
    q->host_is_address = false;
    q->dns_count = 1;
    q->dns[0] = *test_server_addr(dns);
    q->hosts_file = xstrdup("/dev/null");
    ASSERT(str_copy_z(str_of(host), q->host, sizeof(q->host)));
    return dns;
}

TEST("a name is asked of the given resolver, and the site is reached")
{
    struct bench b;
    struct test_server *dns = bench_named(&b, "site.example.test", SCHEME_HTTP);
    bench_run(&b);
    const struct result *d1 = facts_find(&b.facts, PROBE_D1, SIDE_NONE);
    const struct result *d2a = facts_find(&b.facts, PROBE_D2A, SIDE_NONE);
    char text[ADDR_TEXT];
    CHECK(d1 != NULL && d1->addr_count == 1 && d1->error == 0);
    CHECK(d1 != NULL && strcmp(d1->label, addr_port_text(test_server_addr(dns), text)) == 0);
    CHECK(d2a != NULL && d2a->dns != NULL && d2a->dns->record_count == 1);
    CHECK(d2a != NULL && d2a->sent.n > 12 && addr_eq(&d2a->at, test_server_addr(dns)));
    CHECK(facts_find(&b.facts, PROBE_D2H, SIDE_NONE) != NULL);
    CHECK(facts_find(&b.facts, PROBE_D4, SIDE_NONE) != NULL);
    CHECK(facts_find(&b.facts, PROBE_D3, SIDE_NONE) != NULL);
    CHECK(site(&b, PROBE_P1) != NULL);
    test_server_free(&dns);
    bench_close(&b);
}

TEST("no such name, and a resolver that fails")
{
    struct bench b;
    struct test_server *dns = bench_named(&b, "gone.example.test", SCHEME_HTTPS);
    bench_run(&b);
    const struct result *d1 = facts_find(&b.facts, PROBE_D1, SIDE_NONE);
    CHECK(d1 != NULL && d1->outcome == OUTCOME_FAIL && d1->error == EAI_NONAME);
    CHECK(site(&b, PROBE_T1) == NULL);
    test_server_free(&dns);
    bench_close(&b);

    dns = bench_named(&b, "broken.example.test", SCHEME_HTTPS);
    bench_run(&b);
    d1 = facts_find(&b.facts, PROBE_D1, SIDE_NONE);
    CHECK(d1 != NULL && d1->outcome == OUTCOME_FAIL && d1->error == EAI_AGAIN);
    CHECK(facts_find(&b.facts, PROBE_D2C, SIDE_NONE) != NULL);
    test_server_free(&dns);
    bench_close(&b);
}

TEST("a resolver that never answers")
{
    struct bench b;
    struct test_server *dns = bench_named(&b, "silent.example.test", SCHEME_HTTPS);
    b.facts.question.timeout_us = 200000;
    b.facts.question.deadline_us = 600000;
    bench_run(&b);
    const struct result *d2a = facts_find(&b.facts, PROBE_D2A, SIDE_NONE);
    CHECK(d2a != NULL && d2a->outcome == OUTCOME_TIMEOUT && d2a->got.n == 0);
    CHECK(b.facts.elapsed_us < 5000000);
    test_server_free(&dns);
    bench_close(&b);
}

TEST_MAIN
