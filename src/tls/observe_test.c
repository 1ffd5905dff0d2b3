/* SPDX-License-Identifier: Apache-2.0
 * The observing client at servers of every kind: libssl's, bytes by hand, and openssl s_server. */
#include "tls/observe.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"
#include "tls/test_peer.h"
#include "tls/tls_int.h"

enum { TURNS = 200, WAIT_MS = 20000 };

/* ---- a server of libssl at the other end of a socketpair ---- */

struct served {
    struct stream stream; /* the observer's end, under test */
    int fd;
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct tls_seen seen;
};

static SSL_CTX *
server_context(enum pki_family family, unsigned bits)
{
    struct test_certificate c = {"arn:c", family, bits, "app.example.com", 90};
    struct tls_certificate texts = test_certificate(&c);
    struct x509_st *x[2];
    struct evp_pkey_st *key = NULL;
    size_t count;
    ASSERT(pki_certificates_parse(texts.chain_pem, x, COUNT_OF(x), &count) == ERR_OK);
    ASSERT(pki_key_parse(texts.key_pem, &key, NULL) == ERR_OK);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(context, 0);
    ASSERT(SSL_CTX_use_certificate(context, x[0]) == 1);
    ASSERT(SSL_CTX_use_PrivateKey(context, key) == 1);
    ASSERT(SSL_CTX_set_min_proto_version(context, TLS1_VERSION) == 1);
    ASSERT(SSL_CTX_set_session_id_context(context, (const unsigned char *)"t", 1) == 1);
    pki_certificates_free(x, count);
    pki_key_free(&key);
    return context;
}

static struct tls_observer *
observer(const struct tls_observer_options *options)
{
    struct tls_observer *o = NULL;
    struct errinfo error = {""};
    ASSERT(tls_init(NULL) == ERR_OK);
    if (tls_observer_new(options, &o, &error) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "no observer: %s", error.text);
        NEVER("the tests after this one need an observer");
    }
    return o;
}

static void
pair(struct served *s, const struct tls_observer_options *options)
{
    int fds[2];
    *s = (struct served){0};
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    s->fd = fds[1];
    stream_init(&s->stream, fds[0]);
    struct tls_observer *o = observer(options);
    ASSERT(tls_watch(o, &s->stream) == ERR_OK);
    tls_observer_free(&o); /* the connection lives on */
    CHECK(o == NULL);
}

static void
serve(struct served *s, SSL_CTX *context, const struct tls_observer_options *options)
{
    pair(s, options);
    s->ssl = SSL_new(context);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(s->in, -1);
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_accept_state(s->ssl);
}

/* Bytes between the socket and the server. */
static void
move(struct served *s)
{
    char bytes[16384];
    ssize_t got;
    while ((got = recv(s->fd, bytes, sizeof(bytes), 0)) > 0) {
        ASSERT(BIO_write(s->in, bytes, (int)got) == (int)got);
    }
    (void)SSL_do_handshake(s->ssl); /* its failure shows at the other end */
    for (int n; (n = BIO_read(s->out, bytes, sizeof(bytes))) > 0;) {
        ASSERT(send(s->fd, bytes, (size_t)n, MSG_NOSIGNAL) == n);
    }
    ERR_clear_error();
}

static enum io
shake(struct served *s)
{
    enum io io = IO_AGAIN;
    for (int i = 0; i < TURNS && io == IO_AGAIN; i++) {
        stream_events(&s->stream, EPOLLIN | EPOLLOUT);
        io = tls_handshake(&s->stream);
        if (s->ssl != NULL) {
            move(s);
        }
    }
    tls_observe(&s->stream, &s->seen);
    return io;
}

/* Reads what comes after the handshake: tickets, alerts, nothing. */
static enum io
read_on(struct served *s)
{
    char byte;
    size_t n;
    stream_events(&s->stream, EPOLLIN | EPOLLOUT);
    enum io io = stream_read(&s->stream, &byte, 1, &n);
    tls_seen_done(&s->seen);
    tls_observe(&s->stream, &s->seen);
    return io;
}

static void
end(struct served *s)
{
    stream_close(&s->stream);
    SSL_free(s->ssl);
    (void)close(s->fd); /* a socketpair's end */
    tls_seen_done(&s->seen);
    ERR_clear_error();
}

static int
choose_h2(SSL *ssl UNUSED, const unsigned char **ret_name, unsigned char *ret_n,
          const unsigned char *list, unsigned n, void *context UNUSED)
{
    static const unsigned char h2[] = "\x02h2";
    return SSL_select_next_proto((unsigned char **)(uintptr_t)ret_name, ret_n, h2, 3, list, n) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

TEST("what was agreed: version, suite, group, ALPN, the certificate as sent")
{
    static const struct {
        uint16_t max, version, suite;
        unsigned alpn;
        const char *chosen;
    } rows[] = {
        {0, TLS_V_13, 0x1302, TLS_ALPN_BOTH, "h2"},
        {TLS_V_12, TLS_V_12, 0xc02c, TLS_ALPN_BOTH, "h2"},
        {TLS_V_12, TLS_V_12, 0xc02c, TLS_ALPN_NONE, ""},
    };
    SSL_CTX *context = server_context(PKI_EC, 256);
    SSL_CTX_set_alpn_select_cb(context, choose_h2, NULL);
    unsigned char *der = NULL;
    int n = i2d_X509(SSL_CTX_get0_certificate(context), &der);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct served s;
        serve(&s, context,
              &(struct tls_observer_options){
                  .sni = STR("app.example.com"), .alpn = rows[i].alpn, .max = rows[i].max});
        CHECK_INT(shake(&s), IO_DONE);
        CHECK(s.seen.done && !s.seen.resumed && !s.seen.certificate_request);
        CHECK_INT(s.seen.version, rows[i].version);
        CHECK_INT(s.seen.suite, rows[i].suite);
        CHECK(s.seen.cipher[0] != '\0');
        CHECK_INT(s.seen.group, 29);
        CHECK_STR(((struct str){(const char *)s.seen.alpn, s.seen.alpn_n}), rows[i].chosen);
        CHECK_STR(str_of(SSL_get_servername(s.ssl, TLSEXT_NAMETYPE_host_name)), "app.example.com");
        CHECK_INT(s.seen.alert_sent, -1);
        CHECK_INT(s.seen.alert_received, -1);
        CHECK_STR(str_of(s.seen.reason), "");
        CHECK_INT(s.seen.staple, TLS_STAPLE_NONE);
        CHECK(!s.seen.sct);
        CHECK_INT(s.seen.chain.count, 1);
        CHECK(s.seen.chain.items[0].n == (size_t)n &&
              memcmp(s.seen.chain.items[0].p, der, (size_t)n) == 0);
        CHECK_INT(read_on(&s), IO_AGAIN);
        CHECK_INT(s.seen.tickets, rows[i].version == TLS_V_13 ? 2 : 1);
        end(&s);
    }
    OPENSSL_free(der);
    SSL_CTX_free(context);
}

TEST("ALPN refused: alert 120")
{
    SSL_CTX *context = server_context(PKI_EC, 256);
    SSL_CTX_set_alpn_select_cb(context, choose_h2, NULL);
    struct served s;
    serve(&s, context, &(struct tls_observer_options){.alpn = TLS_ALPN_HTTP11});
    CHECK_INT(shake(&s), IO_FAIL);
    CHECK(!s.seen.done);
    CHECK_INT(s.seen.alert_received, 120);
    CHECK(str_find(str_of(s.seen.reason), STR("no application protocol"), NULL));
    end(&s);
    SSL_CTX_free(context);
}

TEST("no name is sent for an address, nor for none")
{
    static const char *const names[] = {"", "192.0.2.7", "2001:db8::7"};
    SSL_CTX *context = server_context(PKI_EC, 256);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct served s;
        serve(&s, context, &(struct tls_observer_options){.sni = str_of(names[i])});
        CHECK_INT(shake(&s), IO_DONE);
        CHECK(SSL_get_servername(s.ssl, TLSEXT_NAMETYPE_host_name) == NULL);
        end(&s);
    }
    SSL_CTX_free(context);
}

/* ---- client certificates ---- */

static int
accept_all(int fine UNUSED, X509_STORE_CTX *context UNUSED)
{
    return 1;
}

TEST("a client certificate: asked for, refused to send, sent")
{
    struct test_certificate wanted = {"arn:client", PKI_EC, 256, "client.example", 90};
    struct tls_certificate mine = test_certificate(&wanted);
    SSL_CTX *context = server_context(PKI_EC, 256);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_all);
    for (uint16_t max = TLS_V_12; max <= TLS_V_13; max++) {
        struct served s;
        serve(&s, context, &(struct tls_observer_options){.max = max});
        enum io io = shake(&s);
        CHECK_INT(io, max == TLS_V_12 ? IO_FAIL : IO_DONE);
        CHECK(s.seen.certificate_request && !s.seen.client_certificate_sent);
        if (max == TLS_V_13) {
            CHECK_INT(read_on(&s), IO_FAIL); /* after "connected" */
        }
        CHECK_INT(s.seen.alert_received, max == TLS_V_12 ? 40 : 116);
        end(&s);
        serve(&s, context,
              &(struct tls_observer_options){
                  .max = max, .client_cert_pem = mine.chain_pem, .client_key_pem = mine.key_pem});
        CHECK_INT(shake(&s), IO_DONE);
        CHECK_INT(read_on(&s), IO_AGAIN);
        CHECK(s.seen.certificate_request && s.seen.client_certificate_sent);
        CHECK_INT(s.seen.alert_received, -1);
        end(&s);
    }
    SSL_CTX_free(context);
}

TEST("a client certificate that cannot be used is refused with a sentence")
{
    struct test_certificate a = {"arn:a", PKI_EC, 256, "a.example", 90};
    struct test_certificate b = {"arn:b", PKI_EC, 384, "b.example", 90};
    struct tls_certificate one = test_certificate(&a), other = test_certificate(&b);
    const struct tls_observer_options rows[] = {
        {.client_cert_pem = one.chain_pem, .client_key_pem = other.key_pem},
        {.client_cert_pem = STR("nothing"), .client_key_pem = one.key_pem},
        {.client_cert_pem = one.chain_pem, .client_key_pem = STR("nothing")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_observer *o = NULL;
        struct errinfo error = {""};
        CHECK_INT(tls_observer_new(&rows[i], &o, &error), ERR_INVALID);
        CHECK(o == NULL && error.text[0] != '\0');
    }
}

/* ---- resumption ---- */

TEST("a session is resumed by the next connection")
{
    SSL_CTX *context = server_context(PKI_EC, 256);
    for (uint16_t max = TLS_V_12; max <= TLS_V_13; max++) {
        struct served s;
        serve(&s, context, &(struct tls_observer_options){.max = max});
        CHECK_INT(shake(&s), IO_DONE);
        CHECK_INT(read_on(&s), IO_AGAIN);
        struct tls_session *session = tls_session_take(&s.stream);
        CHECK(session != NULL);
        CHECK(tls_session_take(&s.stream) == NULL);
        end(&s);
        serve(&s, context, &(struct tls_observer_options){.max = max, .session = session});
        CHECK_INT(shake(&s), IO_DONE);
        CHECK(s.seen.resumed);
        CHECK_INT(s.seen.chain.count, 0);
        end(&s);
        tls_session_free(&session);
        CHECK(session == NULL);
    }
    SSL_CTX_free(context);
}

/* ---- staples and timestamps ---- */

/* What the server staples: made by the test. */
static struct buf staple;

static int
give_staple(SSL *ssl, void *context UNUSED)
{
    unsigned char *copy = OPENSSL_memdup(staple.p, staple.n);
    return SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple.n) == 1
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* An answer about the certificate of this context, signed with its own key. */
static void
make_staple(SSL_CTX *context, int status)
{
    X509 *about = SSL_CTX_get0_certificate(context);
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), about, about);
    ASN1_TIME *now = ASN1_TIME_set(NULL, 1700000000), *later = ASN1_TIME_set(NULL, 1700086400);
    ASSERT(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                  status == V_OCSP_CERTSTATUS_REVOKED ? now : NULL, now,
                                  later) != NULL);
    ASSERT(OCSP_basic_sign(basic, about, SSL_CTX_get0_privatekey(context), EVP_sha256(), NULL,
                           OCSP_NOCERTS) == 1);
    OCSP_RESPONSE *answer = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    int n = i2d_OCSP_RESPONSE(answer, &der);
    ASSERT(n > 0);
    buf_reset(&staple);
    buf_add(&staple, der, (size_t)n);
    OPENSSL_free(der);
    ASN1_TIME_free(now);
    ASN1_TIME_free(later);
    OCSP_CERTID_free(id);
    OCSP_RESPONSE_free(answer);
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();
}

TEST("the stapled answer: good, revoked, unknown, about another certificate, garbage")
{
    SSL_CTX *context = server_context(PKI_EC, 256), *other = server_context(PKI_EC, 256);
    SSL_CTX_set_tlsext_status_cb(context, give_staple);
    static const struct {
        int status;
        bool about_other, garbage;
        enum tls_staple staple;
        uint64_t until_s;
    } rows[] = {
        {V_OCSP_CERTSTATUS_GOOD, false, false, TLS_STAPLE_GOOD, 1700086400},
        {V_OCSP_CERTSTATUS_REVOKED, false, false, TLS_STAPLE_REVOKED, 1700086400},
        {V_OCSP_CERTSTATUS_UNKNOWN, false, false, TLS_STAPLE_UNKNOWN, 1700086400},
        {V_OCSP_CERTSTATUS_GOOD, true, false, TLS_STAPLE_UNREADABLE, 0},
        {V_OCSP_CERTSTATUS_GOOD, false, true, TLS_STAPLE_UNREADABLE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make_staple(rows[i].about_other ? other : context, rows[i].status);
        if (rows[i].garbage) {
            staple.p[0] = 0x7f;
        }
        for (uint16_t max = TLS_V_12; max <= TLS_V_13; max++) {
            struct served s;
            serve(&s, context, &(struct tls_observer_options){.max = max});
            CHECK_INT(shake(&s), IO_DONE);
            CHECK_STR(str_of(tls_staple_name(s.seen.staple)), tls_staple_name(rows[i].staple));
            CHECK_INT(s.seen.staple_until_s, rows[i].until_s);
            end(&s);
        }
    }
    buf_free(&staple);
    SSL_CTX_free(context);
    SSL_CTX_free(other);
}

static int
give_sct(SSL *ssl UNUSED, unsigned type UNUSED, unsigned context UNUSED,
         const unsigned char **ret_p, size_t *ret_n, X509 *x UNUSED, size_t index,
         int *alert UNUSED, void *argument UNUSED)
{
    static const unsigned char list[] = {0, 4, 0, 2, 0x7f, 0x7f};
    *ret_p = list;
    *ret_n = sizeof(list);
    return index == 0;
}

TEST("certificate transparency in the handshake is seen")
{
    SSL_CTX *context = server_context(PKI_EC, 256);
    ASSERT(SSL_CTX_add_custom_ext(context, TLSEXT_TYPE_signed_certificate_timestamp,
                                  SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE |
                                      SSL_EXT_CLIENT_HELLO,
                                  give_sct, NULL, NULL, NULL, NULL) == 1);
    for (uint16_t max = TLS_V_12; max <= TLS_V_13; max++) {
        struct served s;
        serve(&s, context, &(struct tls_observer_options){.max = max});
        CHECK_INT(shake(&s), IO_DONE);
        CHECK(s.seen.sct);
        end(&s);
    }
    SSL_CTX_free(context);
}

/* ---- versions, weak parameters ---- */

TEST("old versions and short keys: only the wide client takes them")
{
    SSL_CTX *context = server_context(PKI_RSA, 1024);
    SSL_CTX_set_max_proto_version(context, TLS1_VERSION);
    struct served s;
    serve(&s, context, &(struct tls_observer_options){0});
    CHECK_INT(shake(&s), IO_FAIL);
    CHECK_INT(s.seen.alert_received, 70);
    end(&s);
    serve(&s, context, &(struct tls_observer_options){.wide = true});
    CHECK_INT(shake(&s), IO_DONE);
    CHECK_INT(s.seen.version, TLS_V_10);
    end(&s);
    SSL_CTX_set_max_proto_version(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    serve(&s, context, &(struct tls_observer_options){.max = TLS_V_12});
    CHECK_INT(shake(&s), IO_FAIL);
    CHECK_INT(s.seen.alert_received, 70);
    CHECK_INT(s.seen.version, 0);
    end(&s);
    serve(&s, context, &(struct tls_observer_options){.min = TLS_V_13});
    CHECK_INT(shake(&s), IO_DONE);
    CHECK_INT(s.seen.version, TLS_V_13);
    end(&s);
    SSL_CTX_free(context);
}

/* ---- bytes by hand ---- */

#define RANDOM32 "0123456789abcdef0123456789abcdef"
#define HELLO_12 "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" RANDOM32 "\x00\xc0\x2f\x00"

static enum io
against(const char *p, size_t n, bool fin, bool reset, struct served *s)
{
    pair(s, &(struct tls_observer_options){.max = TLS_V_12});
    stream_events(&s->stream, EPOLLIN | EPOLLOUT);
    CHECK_INT(tls_handshake(&s->stream), IO_AGAIN);
    if (n > 0) {
        ASSERT(send(s->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n);
    }
    if (fin) {
        ASSERT(shutdown(s->fd, SHUT_WR) == 0);
    }
    if (reset) { /* closed with our hello unread */
        ASSERT(close(s->fd) == 0);
        s->fd = -1;
    }
    return shake(s);
}

TEST("what is no TLS, or a broken one, ends with a reason")
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    /* A Certificate message that says it has 1 MB. */
    static const char huge[] = HELLO_12 "\x16\x03\x03\x00\x07\x0b\x10\x00\x00\x0f\xff\xfd";
    static const char broken[] =
        HELLO_12 "\x16\x03\x03\x00\x0e\x0b\x00\x00\x0a\x00\x00\x07\x00\x00\x04\x30\x82\x01\x02";
    static const struct {
        const char *p;
        size_t n;
        bool fin, reset;
        enum io io;
        int alert_sent;
        const char *reason;
        size_t certificates;
    } rows[] = {
        {http, sizeof(http) - 1, false, false, IO_FAIL, -1, "wrong version number", 0},
        {"", 0, true, false, IO_EOF, -1, "unexpected eof", 0},
        {"\x16\x03\x03\x00\x2a\x02", 6, true, false, IO_EOF, -1, "unexpected eof", 0},
        {"", 0, false, true, IO_FAIL, -1, "reset", 0},
        {huge, sizeof(huge) - 1, false, false, IO_FAIL, 47, "excessive message size", 0},
        {broken, sizeof(broken) - 1, false, false, IO_FAIL, 42, "too long", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct served s;
        enum io io = against(rows[i].p, rows[i].n, rows[i].fin, rows[i].reset, &s);
        if (io != rows[i].io || s.seen.done || s.seen.alert_sent != rows[i].alert_sent ||
            !str_find(str_of(s.seen.reason), str_of(rows[i].reason), NULL) ||
            s.seen.chain.count != rows[i].certificates || s.seen.reason[0] == '\0') {
            test_failed(__FILE__, __LINE__,
                        "row %zu: io %d, alert %d, reason '%s', %zu certificates", i, io,
                        s.seen.alert_sent, s.seen.reason, s.seen.chain.count);
        }
        end(&s);
    }
}

/* ---- openssl s_server ---- */

struct program {
    pid_t pid;
    int in, out; /* our ends of its standard input, where an end would end it, and output */
    uint16_t port;
};

/* Reads up to a line that begins with "ACCEPT" and ends with the port. */
static uint16_t
read_port(int fd)
{
    char text[4096];
    size_t n = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (n < sizeof(text) && poll(&ready, 1, WAIT_MS) == 1) {
        ssize_t got = read(fd, text + n, sizeof(text) - n);
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
        size_t at, line_end, colon;
        struct str all = {text, n};
        if (!str_find(all, STR("ACCEPT"), &at) ||
            !str_find_char(str_sub(all, at, n), '\n', &line_end)) {
            continue;
        }
        struct str line = str_sub(all, at, line_end);
        uint64_t port = 0;
        if (str_rfind_char(line, ':', &colon) && str_to_u64(str_sub(line, colon + 1, n), &port)) {
            return (uint16_t)port;
        }
    }
    return 0;
}

static bool
program_start(struct program *p, char *const arguments[])
{
    int out[2], in[2];
    ASSERT(pipe2(out, O_CLOEXEC) == 0 && pipe2(in, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ASSERT(posix_spawn_file_actions_init(&actions) == 0);
    ASSERT(posix_spawn_file_actions_adddup2(&actions, in[0], 0) == 0);
    ASSERT(posix_spawn_file_actions_adddup2(&actions, out[1], 1) == 0);
    char *environment[] = {NULL, NULL};
    environment[0] = xprintf("PATH=%s", getenv("PATH"));
    bool fine = posix_spawnp(&p->pid, "openssl", &actions, NULL, arguments, environment) == 0;
    xfree(environment[0]);
    (void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
    (void)close(out[1]);
    (void)close(in[0]);
    p->in = in[1];
    p->out = out[0];
    p->port = fine ? read_port(p->out) : 0;
    return p->port != 0;
}

static void
program_end(struct program *p)
{
    (void)kill(p->pid, SIGKILL); /* ours, by its number */
    (void)waitpid(p->pid, NULL, 0);
    (void)close(p->in);
    (void)close(p->out);
}

static char *
write_file(char path[static 32], struct str text)
{
    int fd = mkstemp(path);
    ASSERT(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && close(fd) == 0);
    return path;
}

static enum io
shake_over_tcp(uint16_t port, const struct tls_observer_options *options, struct tls_seen *ret)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    ASSERT(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    struct stream s;
    stream_init(&s, fd);
    struct tls_observer *o = observer(options);
    ASSERT(tls_watch(o, &s) == ERR_OK);
    stream_events(&s, EPOLLOUT);
    enum io io;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while ((io = tls_handshake(&s)) == IO_AGAIN && poll(&ready, 1, WAIT_MS) == 1) {
        stream_events(&s, EPOLLIN | EPOLLOUT);
    }
    tls_observe(&s, ret);
    stream_close(&s);
    tls_observer_free(&o);
    return io;
}

TEST("openssl s_server: a usual one, one of TLS 1.2 with P-384, one that demands a certificate")
{
    struct test_certificate c = {"arn:c", PKI_EC, 256, "app.example.com", 90};
    struct tls_certificate texts = test_certificate(&c);
    char cert_path[32] = "/tmp/observe-test-XXXXXX", key_path[32] = "/tmp/observe-test-XXXXXX";
    write_file(cert_path, texts.chain_pem);
    write_file(key_path, texts.key_pem);
    char program[] = "openssl", verb[] = "s_server", accept[] = "-accept", at[] = "127.0.0.1:0",
         cert[] = "-cert", key[] = "-key", tls12[] = "-tls1_2", groups[] = "-groups",
         p384[] = "P-384", verify[] = "-Verify", depth[] = "1";
    static const struct {
        const char *title;
        uint16_t version, group;
        bool request;
        enum io io;
    } rows[] = {
        {"usual", TLS_V_13, 29, false, IO_DONE},
        {"1.2, P-384", TLS_V_12, 24, false, IO_DONE},
        {"certificate", TLS_V_12, 29, true, IO_FAIL},
    };
    char *const arguments[][12] = {
        {program, verb, accept, at, cert, cert_path, key, key_path, NULL},
        {program, verb, accept, at, cert, cert_path, key, key_path, tls12, groups, p384, NULL},
        {program, verb, accept, at, cert, cert_path, key, key_path, tls12, verify, depth, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct program p = {0};
        if (program_start(&p, arguments[i])) {
            struct tls_seen seen;
            enum io io = shake_over_tcp(
                p.port, &(struct tls_observer_options){.sni = STR("app.example.com")}, &seen);
            CHECK_INT(io, rows[i].io);
            CHECK_INT(seen.version, rows[i].version);
            CHECK_INT(seen.group, rows[i].group);
            CHECK(seen.certificate_request == rows[i].request);
            CHECK_INT(seen.chain.count, 1);
            tls_seen_done(&seen);
        } else {
            test_failed(__FILE__, __LINE__, "s_server does not start: %s", rows[i].title);
        }
        program_end(&p);
    }
    CHECK(unlink(cert_path) == 0 && unlink(key_path) == 0);
}

TEST_MAIN
