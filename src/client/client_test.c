/* SPDX-License-Identifier: Apache-2.0
 * Probes against small servers on loopback, one child process each, that behave well and badly. */
#include "client/client.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- servers ---- */

/* What a server does with a connection whose request it has read. */
typedef void serve_fn(int fd, const char *script);

struct server {
    struct addr addr;
    int listen_fd;
    int request_fd; /* the requests, as received */
    pid_t pid;
};

static bool
bound(const char *ip, int backlog, struct server *s)
{
    if (!addr_parse(str_of(ip), 0, &s->addr)) {
        return false;
    }
    s->listen_fd = socket(s->addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = addr_len(&s->addr);
    return s->listen_fd >= 0 && bind(s->listen_fd, &s->addr.sa, size) == 0 &&
           listen(s->listen_fd, backlog) == 0 && getsockname(s->listen_fd, &s->addr.sa, &size) == 0;
}

static void
write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, p, n);
        if (sent <= 0) {
            return; /* the peer is gone: some scripts want that */
        }
        p += sent;
        n -= (size_t)sent;
    }
}

static void
read_head(int fd, int request_fd)
{
    char head[4096];
    size_t n = 0;
    while (n < sizeof(head) && !str_find((struct str){head, n}, STR("\r\n\r\n"), NULL)) {
        ssize_t got = read(fd, head + n, sizeof(head) - n);
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
    }
    write_all(request_fd, head, n);
}

static void
server_run(const struct server *s, int request_fd, bool plain, serve_fn *serve, const char *script)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = accept(s->listen_fd, NULL, NULL);
        if (fd < 0) {
            _exit(1);
        }
        if (plain) {
            read_head(fd, request_fd);
        }
        serve(fd, script);
        close(fd);
    }
}

static bool
server_fork(struct server *s, bool plain, serve_fn *serve, const char *script)
{
    int requests[2];
    if (pipe2(requests, O_CLOEXEC) != 0) {
        return false;
    }
    s->pid = fork();
    if (s->pid == 0) {
        close(requests[0]);
        signal(SIGPIPE, SIG_IGN);
        server_run(s, requests[1], plain, serve, script);
    }
    close(requests[1]);
    s->request_fd = requests[0];
    return s->pid > 0;
}

static bool
server_start(struct server *s, serve_fn *serve, const char *script)
{
    *s = (struct server){.listen_fd = -1};
    return bound("127.0.0.1", 64, s) && server_fork(s, true, serve, script);
}

/* The requests it got, and its end. */
static void
server_stop(struct server *s, struct buf *ret_requests)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    char piece[4096];
    for (ssize_t n = read(s->request_fd, piece, sizeof(piece)); n > 0;
         n = read(s->request_fd, piece, sizeof(piece))) {
        if (ret_requests != NULL) {
            buf_add(ret_requests, piece, (size_t)n);
        }
    }
    close(s->request_fd);
    close(s->listen_fd);
}

static void
serve_script(int fd, const char *script)
{
    write_all(fd, script, strlen(script));
    shutdown(fd, SHUT_WR);
    char rest[256];
    while (read(fd, rest, sizeof(rest)) > 0) {
    }
}

/* Sends the script and then nothing more. */
static void
serve_and_wait(int fd, const char *script)
{
    write_all(fd, script, strlen(script));
    char rest[256];
    while (read(fd, rest, sizeof(rest)) > 0) {
    }
}

static void
serve_reset(int fd, const char *script)
{
    write_all(fd, script, strlen(script));
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* The script, then the same byte until the peer has had enough. */
static void
serve_endless(int fd, const char *script)
{
    char piece[8192];
    memset(piece, 'x', sizeof(piece));
    write_all(fd, script, strlen(script));
    while (write(fd, piece, sizeof(piece)) > 0) {
    }
}

static void
serve_endless_lines(int fd, const char *script)
{
    write_all(fd, script, strlen(script));
    while (write(fd, "X: 0123456789abcdef\r\n", 21) > 0) {
    }
}

static void
serve_byte_by_byte(int fd, const char *script)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
    for (const char *c = script; *c != '\0'; c++) {
        write_all(fd, c, 1);
    }
    shutdown(fd, SHUT_WR);
}

/* ---- a TLS server with a certificate of its own making ---- */

static SSL_CTX *
tls_context(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ASSERT(key != NULL && certificate != NULL);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -3600); /* expired: nobody looks */
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    ASSERT(context != NULL);
    ASSERT(SSL_CTX_use_certificate(context, certificate) == 1);
    ASSERT(SSL_CTX_use_PrivateKey(context, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

/* Answers over TLS; script: "notify" or "cut" (no close_notify), version, response. */
struct tls_script {
    bool notify;
    int only_version; /* 0: any */
    const char *response;
};

static void
serve_tls(int fd, const char *script)
{
    const struct tls_script *t = (const void *)script;
    SSL_CTX *context = tls_context();
    if (t->only_version != 0) {
        SSL_CTX_set_min_proto_version(context, t->only_version);
        SSL_CTX_set_max_proto_version(context, t->only_version);
    }
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    char request[2048];
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0) {
        SSL_write(ssl, t->response, (int)strlen(t->response));
        if (t->notify) {
            SSL_shutdown(ssl);
        }
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
}

/* ---- probing ---- */

struct seen {
    unsigned calls;
    struct health_result result;
    char detail[256];
    struct health_client *client; /* restarts from inside the callback while `again` > 0 */
    struct health_request request;
    unsigned again;
};

static void
saw(void *context, const struct health_result *result)
{
    struct seen *seen = context;
    seen->calls++;
    seen->result = *result;
    (void)snprintf(seen->detail, sizeof(seen->detail), "%s", result->detail);
    if (seen->again > 0) {
        seen->again--;
        struct health_probe *probe = NULL;
        CHECK(health_probe_start(seen->client, &seen->request, saw, seen, &probe, NULL) == ERR_OK);
    }
}

struct bench {
    struct loop *loop;
    struct health_client *client;
};

static struct bench
bench_new(void)
{
    struct bench b = {0};
    CHECK(health_client_warm_up(NULL) == ERR_OK);
    CHECK(loop_new(&b.loop, NULL) == ERR_OK);
    CHECK(health_client_new(b.loop, &b.client, NULL) == ERR_OK);
    return b;
}

static void
bench_free(struct bench *b)
{
    health_client_free(&b->client);
    loop_free(&b->loop);
}

/* Turns the loop until so many results came, at most 20 s. */
static void
turn_until(struct bench *b, const struct seen *seen, unsigned calls)
{
    uint64_t end = clock_mono_us() + 20 * 1000000ull;
    while (seen->calls < calls && clock_mono_us() < end) {
        loop_turn(b->loop, 1000);
    }
}

static struct health_request
asking(const struct server *s, const char *path, uint32_t timeout_ms)
{
    return (struct health_request){
        .addr = s->addr, .protocol = PROTOCOL_HTTP, .path = str_of(path), .timeout_ms = timeout_ms};
}

static struct seen
probe_once(const struct health_request *request)
{
    struct bench b = bench_new();
    struct seen seen = {0};
    struct health_probe *probe = NULL;
    CHECK(health_probe_start(b.client, request, saw, &seen, &probe, NULL) == ERR_OK);
    CHECK_INT(seen.calls, 0); /* never from inside the call */
    CHECK_INT(health_client_active(b.client), 1);
    turn_until(&b, &seen, 1);
    CHECK_INT(seen.calls, 1);
    CHECK_INT(health_client_active(b.client), 0);
    bench_free(&b);
    return seen;
}

struct probe_case {
    const char *title;
    serve_fn *serve;
    const char *script;
    enum health_outcome outcome;
    unsigned code;
    const char *detail; /* contained in it; NULL: any */
};

static const struct probe_case probe_cases[] = {
    /* clang-format off */
    {"200 with a length", serve_script, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", HEALTH_OUTCOME_ANSWERED, 200, ""},
    {"200 until close", serve_script, "HTTP/1.1 200 OK\r\n\r\nsomething", HEALTH_OUTCOME_ANSWERED, 200, ""},
    {"HTTP/1.0", serve_script, "HTTP/1.0 204 No Content\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 204, ""},
    {"404", serve_script, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 404, ""},
    {"503", serve_script, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 503, ""},
    {"chunks", serve_script, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 200, ""},
    {"103 before 200", serve_script, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 200, ""},
    {"a redirect is not followed", serve_script, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 302, ""},
    {"401 asks in vain", serve_script, "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 401, ""},
    {"gzip is not decoded", serve_script, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nno!", HEALTH_OUTCOME_ANSWERED, 200, ""},
    {"one byte at a time", serve_byte_by_byte, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", HEALTH_OUTCOME_ANSWERED, 200, ""},
    {"an endless body", serve_endless, "HTTP/1.1 200 OK\r\n\r\n", HEALTH_OUTCOME_ANSWERED, 200, ""},
    {"many header lines", serve_endless_lines, "HTTP/1.1 200 OK\r\n", HEALTH_OUTCOME_MALFORMED, 0, "too large"},
    {"an endless header", serve_endless, "HTTP/1.1 200 OK\r\nX: ", HEALTH_OUTCOME_MALFORMED, 0, "too large"},
    {"garbage", serve_script, "SSH-2.0-OpenSSH_9.2\r\n", HEALTH_OUTCOME_MALFORMED, 0, NULL},
    {"no status code", serve_script, "HTTP/1.1 OK\r\n\r\n", HEALTH_OUTCOME_MALFORMED, 0, NULL},
    {"a bad chunk", serve_script, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", HEALTH_OUTCOME_MALFORMED, 0, NULL},
    {"closed without a byte", serve_script, "", HEALTH_OUTCOME_CLOSED, 0, NULL},
    {"closed within the body", serve_script, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", HEALTH_OUTCOME_CLOSED, 0, NULL},
    {"reset without a byte", serve_reset, "", HEALTH_OUTCOME_RESET, 0, NULL},
    {"reset within the head", serve_reset, "HTTP/1.1 200 OK\r\nCon", HEALTH_OUTCOME_RESET, 0, NULL},
    {"silence", serve_and_wait, "", HEALTH_OUTCOME_TIMEOUT, 0, "no response"},
    {"half a body and silence", serve_and_wait, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", HEALTH_OUTCOME_TIMEOUT, 0, "did not end in time"},
    /* clang-format on */
};

TEST("each behaviour of a target has its outcome")
{
    for (size_t i = 0; i < COUNT_OF(probe_cases); i++) {
        const struct probe_case *c = &probe_cases[i];
        struct server s;
        CHECK(server_start(&s, c->serve, c->script));
        bool silent = c->outcome == HEALTH_OUTCOME_TIMEOUT;
        struct health_request request = asking(&s, "/", silent ? 200 : 15000);
        struct seen seen = probe_once(&request);
        server_stop(&s, NULL);
        if (seen.result.outcome != c->outcome || seen.result.code != c->code) {
            test_failed(__FILE__, __LINE__, "%s: \"%s\", code %u, %s", c->title,
                        health_outcome_text(seen.result.outcome), seen.result.code, seen.detail);
        }
        if (c->detail != NULL) {
            CHECK(strstr(seen.detail, c->detail) != NULL);
        } else {
            CHECK(seen.detail[0] != '\0');
        }
        CHECK(seen.result.latency_us >= (silent ? 200000 : 1));
        CHECK(seen.result.latency_us < 15000000);
    }
}

TEST("the request on the wire is ALB's, byte for byte")
{
    struct server s;
    CHECK(server_start(&s, serve_script, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct health_request request = asking(&s, "/a/../b%2f?x=1&y=#z", 15000);
    struct seen seen = probe_once(&request);
    CHECK_INT(seen.result.code, 200);
    struct buf requests = {0};
    server_stop(&s, &requests);
    char expected[512];
    (void)snprintf(expected, sizeof(expected),
                   "GET /a/../b%%2f?x=1&y=#z HTTP/1.1\r\n"
                   "Host: 127.0.0.1:%u\r\n"
                   "User-Agent: ELB-HealthChecker/2.0\r\n"
                   "Connection: close\r\n"
                   "Accept-Encoding: gzip, compressed\r\n"
                   "\r\n",
                   addr_port(&s.addr));
    CHECK_STR(buf_str(&requests), expected);
    buf_free(&requests);
}

TEST("an IPv6 target's Host has brackets")
{
    struct server s = {.listen_fd = -1};
    if (!bound("::1", 8, &s)) {
        close(s.listen_fd);
        return; /* this machine has no IPv6 */
    }
    CHECK(server_fork(&s, true, serve_script, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    struct health_request request = asking(&s, "/", 15000);
    CHECK_INT(probe_once(&request).result.code, 200);
    struct buf requests = {0};
    server_stop(&s, &requests);
    char host[64];
    (void)snprintf(host, sizeof(host), "\r\nHost: [::1]:%u\r\n", addr_port(&s.addr));
    CHECK(str_find(buf_str(&requests), str_of(host), NULL));
    buf_free(&requests);
}

TEST("proxies of the environment are not used")
{
    struct server s;
    CHECK(server_start(&s, serve_script, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct health_request request = asking(&s, "/", 15000);
    CHECK_INT(probe_once(&request).result.code, 200);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    server_stop(&s, NULL);
}

TEST("a closed port is refused, with the reason")
{
    struct server s = {.listen_fd = -1};
    CHECK(bound("127.0.0.1", 1, &s));
    close(s.listen_fd);
    struct health_request request = asking(&s, "/", 15000);
    struct seen seen = probe_once(&request);
    CHECK_INT(seen.result.outcome, HEALTH_OUTCOME_CONNECT_FAILED);
    CHECK_STR(str_of(seen.detail), "Connection refused");
}

TEST("a target that accepts nothing times out while connecting")
{
    struct server s = {.listen_fd = -1};
    CHECK(bound("127.0.0.1", 0, &s));
    int fillers[4]; /* they fill the queue of accepts; the kernel drops what comes after */
    for (size_t i = 0; i < COUNT_OF(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int rc = connect(fillers[i], &s.addr.sa, addr_len(&s.addr));
        CHECK(rc == 0 || errno == EINPROGRESS); /* in the queue, or on its way there */
    }
    struct health_request request = asking(&s, "/", 300);
    struct seen seen = probe_once(&request);
    CHECK_INT(seen.result.outcome, HEALTH_OUTCOME_TIMEOUT);
    CHECK_STR(str_of(seen.detail), "connection to target timed out");
    for (size_t i = 0; i < COUNT_OF(fillers); i++) {
        close(fillers[i]);
    }
    close(s.listen_fd);
}

static const struct tls_case {
    const char *title;
    struct tls_script script;
    bool tls13;
    enum health_outcome outcome;
    unsigned code;
} tls_cases[] = {
    /* clang-format off */
    {"TLS 1.3",             {true,  TLS1_3_VERSION, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, true,  HEALTH_OUTCOME_ANSWERED,   200},
    {"TLS 1.3 not offered", {true,  TLS1_3_VERSION, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, false, HEALTH_OUTCOME_TLS_FAILED, 0},
    {"TLS 1.2",             {true,  TLS1_2_VERSION, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},   true,  HEALTH_OUTCOME_ANSWERED,   404},
    {"no close_notify",     {false, 0,              "HTTP/1.1 200 OK\r\n\r\nok"},                      true,  HEALTH_OUTCOME_ANSWERED,   200},
    {"chunks, no notify",   {false, 0,              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"}, true, HEALTH_OUTCOME_CLOSED, 0},
    {"bad chunks",          {true,  0,              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}, true, HEALTH_OUTCOME_MALFORMED, 0},
    {"cut short",           {false, 0,              "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"}, true,  HEALTH_OUTCOME_CLOSED,     0},
    /* clang-format on */
};

TEST("a self-signed, expired certificate without a name will do")
{
    for (size_t i = 0; i < COUNT_OF(tls_cases); i++) {
        const struct tls_case *c = &tls_cases[i];
        struct server s = {.listen_fd = -1};
        CHECK(bound("127.0.0.1", 8, &s));
        CHECK(server_fork(&s, false, serve_tls, (const void *)&c->script));
        struct health_request request = asking(&s, "/", 15000);
        request.protocol = PROTOCOL_HTTPS;
        request.tls13 = c->tls13;
        struct seen seen = probe_once(&request);
        server_stop(&s, NULL);
        if (seen.result.outcome != c->outcome || seen.result.code != c->code) {
            test_failed(__FILE__, __LINE__, "%s: \"%s\", code %u, %s", c->title,
                        health_outcome_text(seen.result.outcome), seen.result.code, seen.detail);
        }
    }
}

TEST("TLS to a port that speaks plain HTTP fails as TLS")
{
    struct server s;
    CHECK(server_start(&s, serve_script, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    struct health_request request = asking(&s, "/", 15000);
    request.protocol = PROTOCOL_HTTPS;
    kill(s.pid, SIGKILL); /* its reader waits for an empty line that never comes */
    waitpid(s.pid, NULL, 0);
    close(s.request_fd);
    CHECK(server_fork(&s, false, serve_script,
                      "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    struct seen seen = probe_once(&request);
    server_stop(&s, NULL);
    CHECK_INT(seen.result.outcome, HEALTH_OUTCOME_TLS_FAILED);
}

TEST("a silent port does not hang the TLS handshake")
{
    struct server s = {.listen_fd = -1};
    CHECK(bound("127.0.0.1", 8, &s));
    CHECK(server_fork(&s, false, serve_and_wait, ""));
    struct health_request request = asking(&s, "/", 200);
    request.protocol = PROTOCOL_HTTPS;
    struct seen seen = probe_once(&request);
    server_stop(&s, NULL);
    CHECK_INT(seen.result.outcome, HEALTH_OUTCOME_TIMEOUT);
    CHECK_STR(str_of(seen.detail), "TLS handshake timed out");
}

TEST("paths that cannot be sent are refused")
{
    static const char *const paths[] = {"", "x", "/a b", "/a\r\nX: y", "/\x7f", "/\xc3\xa4", "/\t"};
    struct bench b = bench_new();
    struct server s = {.listen_fd = -1};
    CHECK(bound("127.0.0.1", 1, &s));
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct health_request request = asking(&s, paths[i], 1000);
        struct health_probe *probe = NULL;
        struct errinfo info;
        struct seen seen = {0};
        CHECK(health_probe_start(b.client, &request, saw, &seen, &probe, &info) == ERR_INVALID);
        CHECK(probe == NULL);
    }
    CHECK_INT(health_client_active(b.client), 0);
    close(s.listen_fd);
    bench_free(&b);
}

static size_t
open_fds(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 4096; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

TEST("a hundred checks in a row, each started by the one before, leave no descriptor behind")
{
    struct server s;
    CHECK(server_start(&s, serve_script, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    struct bench b = bench_new();
    struct seen seen = {.client = b.client, .request = asking(&s, "/", 15000), .again = 99};
    size_t before = open_fds();
    struct health_probe *probe = NULL;
    CHECK(health_probe_start(b.client, &seen.request, saw, &seen, &probe, NULL) == ERR_OK);
    turn_until(&b, &seen, 100);
    CHECK_INT(seen.calls, 100);
    CHECK_INT(seen.result.code, 200);
    CHECK_INT(open_fds(), before);
    bench_free(&b);
    struct buf requests = {0};
    server_stop(&s, &requests);
    size_t hosts = 0;
    struct str rest = buf_str(&requests);
    for (size_t at = 0; str_find(rest, STR("Host: "), &at); rest = str_sub(rest, at + 1, rest.n)) {
        hosts++;
    }
    CHECK_INT(hosts, 100);
    buf_free(&requests);
}

TEST("many at once are bounded, cancelled ones never call back")
{
    struct server s = {.listen_fd = -1};
    CHECK(bound("127.0.0.1", 64, &s));
    struct bench b = bench_new();
    struct seen seen = {0};
    struct health_request request = asking(&s, "/", 15000);
    struct health_probe **probes = xalloc(HEALTH_PROBES_MAX * sizeof(*probes));
    for (size_t i = 0; i < HEALTH_PROBES_MAX; i++) {
        CHECK(health_probe_start(b.client, &request, saw, &seen, &probes[i], NULL) == ERR_OK);
    }
    struct health_probe *more = NULL;
    struct errinfo info;
    CHECK(health_probe_start(b.client, &request, saw, &seen, &more, &info) == ERR_BUSY);
    CHECK(more == NULL);
    for (size_t i = 8; i < HEALTH_PROBES_MAX; i++) {
        health_probe_cancel(&probes[i]);
        CHECK(probes[i] == NULL);
    }
    health_probe_cancel(&more); /* NULL is fine */
    CHECK_INT(health_client_active(b.client), 8);
    CHECK(health_probe_start(b.client, &request, saw, &seen, &more, NULL) == ERR_OK);
    for (size_t i = 0; i < 8; i++) {
        loop_turn(b.loop, 10); /* the rest connects */
    }
    health_probe_cancel(&more);
    size_t left = health_client_active(b.client);
    CHECK_INT(left, 8);
    CHECK_INT(seen.calls, 0);
    bench_free(&b); /* with probes in flight */
    xfree(probes);
    close(s.listen_fd);
}

TEST("every outcome has a sentence")
{
    for (unsigned o = 0; o < HEALTH_OUTCOME_COUNT; o++) {
        CHECK(strlen(health_outcome_text((enum health_outcome)o)) > 5);
    }
}

TEST_MAIN
