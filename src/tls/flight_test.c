/* SPDX-License-Identifier: Apache-2.0
 * ClientHellos of our own at real servers, and what comes back: bytes by hand and by OpenSSL. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"
#include "tls/hello_int.h"
#include "tls/test_peer.h"
#include "tls/tls_int.h"

#define HOST "app.example.com"

/* ---- hellos, read back ---- */

enum { EXTENSIONS_MAX = 40, SUITES_MAX = 200 };

struct hello_seen {
    struct buf bytes;
    uint16_t legacy_version;
    uint16_t suites[SUITES_MAX];
    size_t suite_count;
    uint16_t types[EXTENSIONS_MAX];
    struct str bodies[EXTENSIONS_MAX];
    size_t count;
};

static unsigned
u16_at(const char *p)
{
    return (unsigned)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

/* Writes the hello and takes it apart again, each length checked. */
static void
make(const struct tls_hello *h, struct hello_seen *ret)
{
    *ret = (struct hello_seen){0};
    ASSERT(tls_hello_write(h, &ret->bytes) == ERR_OK);
    const char *p = ret->bytes.p, *end = p + ret->bytes.n;
    CHECK_INT((uint8_t)p[0], 22);
    CHECK_INT(u16_at(p + 1), TLS_V_10);
    CHECK_INT(u16_at(p + 3), ret->bytes.n - 5);
    CHECK_INT((uint8_t)p[5], 1);
    CHECK_INT(u16_at(p + 7), ret->bytes.n - 9);
    ret->legacy_version = (uint16_t)u16_at(p + 9);
    p += 43;
    p += 1 + (uint8_t)*p; /* session id */
    size_t suites = u16_at(p) / 2;
    for (size_t i = 0; i < suites && i < SUITES_MAX; i++) {
        ret->suites[ret->suite_count++] = (uint16_t)u16_at(p + 2 + 2 * i);
    }
    p += 2 + 2 * suites;
    CHECK_INT(u16_at(p), 0x0100);
    p += 2;
    CHECK_INT(u16_at(p), end - p - 2);
    p += 2;
    while (end - p >= 4 && ret->count < EXTENSIONS_MAX) {
        ret->types[ret->count] = (uint16_t)u16_at(p);
        ret->bodies[ret->count++] = (struct str){p + 4, u16_at(p + 2)};
        p += 4 + u16_at(p + 2);
    }
    CHECK(p == end);
}

static const struct str *
body_of(const struct hello_seen *h, uint16_t type)
{
    for (size_t i = 0; i < h->count; i++) {
        if (h->types[i] == type) {
            return &h->bodies[i];
        }
    }
    return NULL;
}

static bool
has_suite(const struct hello_seen *h, uint16_t number)
{
    for (size_t i = 0; i < h->suite_count; i++) {
        if (h->suites[i] == number) {
            return true;
        }
    }
    return false;
}

static bool
is_grease(unsigned value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static void
forget(struct hello_seen *h)
{
    buf_free(&h->bytes);
}

static struct tls_hello
hello_of(enum tls_hello_profile profile, uint64_t seed)
{
    unsigned alpn = profile == TLS_HELLO_OPENSSL ? TLS_ALPN_NONE : TLS_ALPN_BOTH;
    return (struct tls_hello){.profile = profile, .sni = STR(HOST), .alpn = alpn, .seed = seed};
}

TEST("hellos have the sizes of those they resemble")
{
    static const struct {
        enum tls_hello_profile profile;
        size_t min, max;
    } rows[] = {
        {TLS_HELLO_CHROMIUM, 1923, 2019}, {TLS_HELLO_FIREFOX, 1887, 1898},
        {TLS_HELLO_CURL, 517, 517},       {TLS_HELLO_OPENSSL, 321, 321},
        {TLS_HELLO_SMALL, 200, 300},      {TLS_HELLO_WIDE, 400, 1300},
    };
    _Static_assert(COUNT_OF(rows) == TLS_HELLO_COUNT, "each profile is tried");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (uint64_t seed = 0; seed < 40; seed++) {
            struct tls_hello h = hello_of(rows[i].profile, seed);
            struct hello_seen seen;
            make(&h, &seen);
            if (seen.bytes.n < rows[i].min || seen.bytes.n > rows[i].max) {
                test_failed(__FILE__, __LINE__, "%s: %zu bytes", tls_hello_name(rows[i].profile),
                            seen.bytes.n);
            }
            forget(&seen);
        }
    }
}

TEST("even the longest name leaves the small hello below 520 bytes")
{
    char name[253];
    memset(name, 'a', sizeof(name));
    for (size_t i = 60; i < sizeof(name); i += 61) {
        name[i] = '.';
    }
    struct tls_hello h = {.profile = TLS_HELLO_SMALL, .sni = {name, 253}, .alpn = TLS_ALPN_BOTH};
    struct hello_seen seen;
    make(&h, &seen);
    CHECK(body_of(&seen, TLS_EXT_SERVER_NAME) != NULL);
    CHECK(seen.bytes.n < 520);
    forget(&seen);
}

TEST("extensions stand in the measured order; Chromium's are shuffled between two GREASE values")
{
    static const uint16_t curl[] = {0, 11, 10, 16, 22, 23, 49, 13, 43, 45, 51, 21};
    static const uint16_t openssl[] = {0, 11, 10, 35, 22, 23, 13, 43, 45, 51};
    struct tls_hello h = hello_of(TLS_HELLO_CURL, 1);
    struct hello_seen seen, other;
    make(&h, &seen);
    CHECK_INT(seen.count, COUNT_OF(curl));
    CHECK(memcmp(seen.types, curl, sizeof(curl)) == 0);
    forget(&seen);
    h = hello_of(TLS_HELLO_OPENSSL, 1);
    make(&h, &seen);
    CHECK_INT(seen.count, COUNT_OF(openssl));
    CHECK(memcmp(seen.types, openssl, sizeof(openssl)) == 0);
    forget(&seen);

    static const uint16_t chromium[] = {0,  5,  10, 11, 13,     16,     18,     23,    27,
                                        35, 43, 45, 51, 0x44cd, 0xca34, 0xfe0d, 0xff01};
    h = hello_of(TLS_HELLO_CHROMIUM, 7);
    make(&h, &seen);
    CHECK_INT(seen.count, COUNT_OF(chromium) + 2);
    for (size_t i = 0; i < COUNT_OF(chromium); i++) {
        CHECK(body_of(&seen, chromium[i]) != NULL);
    }
    CHECK(is_grease(seen.types[0]) && is_grease(seen.types[seen.count - 1]));
    CHECK(seen.types[0] != seen.types[seen.count - 1]);
    h.seed = 8;
    make(&h, &other);
    CHECK(memcmp(seen.types + 1, other.types + 1, (seen.count - 2) * sizeof(uint16_t)) != 0);
    forget(&seen);
    forget(&other);
}

TEST("a seed gives the same bytes again, another seed other ones")
{
    for (unsigned p = 0; p < TLS_HELLO_COUNT; p++) {
        struct tls_hello h = hello_of((enum tls_hello_profile)p, 42);
        struct hello_seen a, b, c;
        make(&h, &a);
        make(&h, &b);
        h.seed = 43;
        make(&h, &c);
        CHECK(str_eq(buf_str(&a.bytes), buf_str(&b.bytes)));
        CHECK(!str_eq(buf_str(&a.bytes), buf_str(&c.bytes)));
        forget(&a);
        forget(&b);
        forget(&c);
    }
}

TEST("the ML-KEM share has coefficients below the modulus, X25519 follows")
{
    struct tls_hello h = hello_of(TLS_HELLO_CHROMIUM, 3);
    struct hello_seen seen;
    make(&h, &seen);
    const struct str *shares = body_of(&seen, TLS_EXT_KEY_SHARE);
    CHECK_INT(shares->n, 1263);
    const char *p = shares->p + 2;
    CHECK(is_grease(u16_at(p)));
    CHECK_INT(u16_at(p + 2), 1);
    CHECK_INT(u16_at(p + 5), HELLO_GROUP_X25519MLKEM768);
    CHECK_INT(u16_at(p + 7), 1184 + 32);
    const uint8_t *key = (const uint8_t *)p + 9;
    for (size_t i = 0; i < 1152; i += 3) {
        CHECK((key[i] | (key[i + 1] & 0x0fu) << 8) < 3329);
        CHECK((key[i + 1] >> 4 | key[i + 2] << 4) < 3329);
    }
    CHECK_INT(u16_at(p + 9 + 1216), HELLO_GROUP_X25519);
    CHECK_INT(u16_at(p + 9 + 1216 + 2), 32);
    forget(&seen);
}

TEST("the name is sent without its last dot; addresses and nothing are not sent")
{
    static const struct {
        const char *sni, *sent;
    } rows[] = {
        {"app.example.com", "app.example.com"},
        {"app.example.com.", "app.example.com"},
        {"", NULL},
        {".", NULL},
        {"192.0.2.1", NULL},
        {"2001:db8::1", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_hello h = {.profile = TLS_HELLO_SMALL, .sni = str_of(rows[i].sni)};
        struct hello_seen seen;
        make(&h, &seen);
        const struct str *body = body_of(&seen, TLS_EXT_SERVER_NAME);
        CHECK((body != NULL) == (rows[i].sent != NULL));
        if (body != NULL && rows[i].sent != NULL) {
            CHECK_STR(str_sub(*body, 5, body->n), rows[i].sent);
        }
        CHECK(body_of(&seen, TLS_EXT_ALPN) == NULL);
        forget(&seen);
    }
}

TEST("versions that are not offered take their suites and extensions along")
{
    static const struct {
        uint16_t min, max, legacy;
        bool versions, suite_13, suite_12, suite_10, signatures;
    } rows[] = {
        {TLS_V_10, TLS_V_13, TLS_V_12, true, true, true, true, true},
        {TLS_V_12, TLS_V_12, TLS_V_12, false, false, true, true, true},
        {TLS_V_13, TLS_V_13, TLS_V_12, true, true, false, false, true},
        {TLS_V_10, TLS_V_11, TLS_V_11, false, false, false, true, false},
        {TLS_V_10, TLS_V_10, TLS_V_10, false, false, false, true, false},
    };
    for (unsigned p = 0; p < TLS_HELLO_COUNT; p++) {
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            struct tls_hello h = hello_of((enum tls_hello_profile)p, 5);
            h.min = rows[i].min;
            h.max = rows[i].max;
            struct hello_seen seen;
            make(&h, &seen);
            CHECK_INT(seen.legacy_version, rows[i].legacy);
            CHECK((body_of(&seen, TLS_EXT_SUPPORTED_VERSIONS) != NULL) == rows[i].versions);
            CHECK((body_of(&seen, TLS_EXT_KEY_SHARE) != NULL) == rows[i].versions);
            CHECK((body_of(&seen, TLS_EXT_SIGNATURE_ALGORITHMS) != NULL) == rows[i].signatures);
            CHECK(has_suite(&seen, 0x1301) == rows[i].suite_13);
            CHECK(has_suite(&seen, 0xc02f) == rows[i].suite_12);
            CHECK(has_suite(&seen, 0xc013) == rows[i].suite_10);
            forget(&seen);
        }
    }
}

TEST("ALPN: both, one of them, none")
{
    static const struct {
        unsigned alpn;
        struct str body;
    } rows[] = {
        {TLS_ALPN_BOTH, {"\x00\x0c\x02h2\x08http/1.1", 14}},
        {TLS_ALPN_H2, {"\x00\x03\x02h2", 5}},
        {TLS_ALPN_HTTP11, {"\x00\x09\x08http/1.1", 11}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_hello h = hello_of(TLS_HELLO_CHROMIUM, 1);
        h.alpn = rows[i].alpn;
        struct hello_seen seen;
        make(&h, &seen);
        CHECK(str_eq(*body_of(&seen, TLS_EXT_ALPN), rows[i].body));
        CHECK((body_of(&seen, TLS_EXT_APPLICATION_SETTINGS) != NULL) ==
              ((rows[i].alpn & TLS_ALPN_H2) != 0));
        forget(&seen);
    }
}

TEST("the wide hello offers every suite that is not anonymous, export or static DH")
{
    struct tls_hello h = hello_of(TLS_HELLO_WIDE, 1);
    struct hello_seen seen;
    make(&h, &seen);
    static const uint16_t in[] = {0x1301, 0xc027, 0xc028, 0x006b, 0x0067, 0x003c, 0x000a, 0x0005};
    static const uint16_t out[] = {0x0003, 0x0018, 0x0034, 0xc004};
    for (size_t i = 0; i < COUNT_OF(in); i++) {
        CHECK(has_suite(&seen, in[i]));
    }
    for (size_t i = 0; i < COUNT_OF(out); i++) {
        CHECK(!has_suite(&seen, out[i]) && tls_suite_name(out[i]) != NULL);
    }
    forget(&seen);
}

TEST("profiles are found by name")
{
    for (unsigned p = 0; p < TLS_HELLO_COUNT; p++) {
        enum tls_hello_profile found = TLS_HELLO_COUNT;
        CHECK(tls_hello_find(str_of(tls_hello_name((enum tls_hello_profile)p)), &found));
        CHECK_INT(found, p);
        CHECK(tls_hello_sentence((enum tls_hello_profile)p)[0] != '\0');
    }
    enum tls_hello_profile none;
    CHECK(!tls_hello_find(STR("netscape"), &none));
}

/* ---- at servers ---- */

struct server_row {
    const char *title;
    int min, max;
    enum pki_family family;
    const char *ciphers, *suites, *groups;
    bool verify, dh;
};

static SSL_CTX *
server_of(const struct server_row *row)
{
    struct test_certificate c = {"arn:c", row->family, row->family == PKI_RSA ? 2048 : 256, HOST,
                                 90};
    struct tls_certificate texts = test_certificate(&c);
    struct x509_st *x[4];
    struct evp_pkey_st *key = NULL;
    size_t count;
    ASSERT(pki_certificates_parse(texts.chain_pem, x, COUNT_OF(x), &count) == ERR_OK);
    ASSERT(pki_key_parse(texts.key_pem, &key, NULL) == ERR_OK);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(context, 0);
    ASSERT(SSL_CTX_use_certificate(context, x[0]) == 1);
    ASSERT(SSL_CTX_use_PrivateKey(context, key) == 1);
    ASSERT(SSL_CTX_set_min_proto_version(context, row->min) == 1);
    ASSERT(SSL_CTX_set_max_proto_version(context, row->max) == 1);
    ASSERT(row->ciphers == NULL || SSL_CTX_set_cipher_list(context, row->ciphers) == 1);
    ASSERT(row->suites == NULL || SSL_CTX_set_ciphersuites(context, row->suites) == 1);
    char groups[64] = "";
    ASSERT(row->groups == NULL || (str_copy_z(str_of(row->groups), groups, sizeof(groups)) &&
                                   SSL_CTX_set1_groups_list(context, groups) == 1));
    SSL_CTX_set_verify(context, row->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    ASSERT(!row->dh || SSL_CTX_set_dh_auto(context, 1) == 1);
    pki_certificates_free(x, count);
    pki_key_free(&key);
    return context;
}

/* What OpenSSL's server says first to these bytes. */
static void
ask(SSL_CTX *context, struct str hello, struct buf *ret_answer)
{
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    char bytes[8192];
    ASSERT(ssl != NULL && in != NULL && out != NULL);
    SSL_set_bio(ssl, in, out);
    SSL_set_accept_state(ssl);
    ASSERT(BIO_write(in, hello.p, (int)hello.n) == (int)hello.n);
    BIO_set_mem_eof_return(in, -1);
    (void)SSL_do_handshake(ssl); /* it waits for our answer, or refuses: the bytes tell */
    for (int n; (n = BIO_read(out, bytes, sizeof(bytes))) > 0;) {
        buf_add(ret_answer, bytes, (size_t)n);
    }
    SSL_free(ssl);
    ERR_clear_error();
}

static void
exchange(const struct tls_hello *h, const struct server_row *row, struct tls_flight *ret)
{
    struct buf hello = {0}, answer = {0};
    SSL_CTX *context = server_of(row);
    ASSERT(tls_hello_write(h, &hello) == ERR_OK);
    ask(context, buf_str(&hello), &answer);
    tls_flight_read((const uint8_t *)answer.p, answer.n, false, ret);
    SSL_CTX_free(context);
    buf_free(&hello);
    buf_free(&answer);
}

TEST("every hello is taken by a TLS 1.3 server, with X25519, and by a TLS 1.2 server")
{
    static const struct server_row modern = {"1.3", TLS1_2_VERSION, TLS1_3_VERSION, PKI_EC, NULL,
                                             NULL,  NULL,           false,          false};
    static const struct server_row old = {"1.2", TLS1_2_VERSION, TLS1_2_VERSION, PKI_RSA, NULL,
                                          NULL,  NULL,           false,          false};
    for (unsigned p = 0; p < TLS_HELLO_COUNT; p++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct tls_hello h = hello_of((enum tls_hello_profile)p, seed);
            struct tls_flight f = {0};
            exchange(&h, &modern, &f);
            CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
            CHECK_INT(f.version, TLS_V_13);
            CHECK_INT(f.legacy_version, TLS_V_12);
            CHECK_INT(f.group, HELLO_GROUP_X25519);
            CHECK_STR(str_of(tls_group_name(f.group)), "x25519");
            CHECK_INT(tls_suite_exchange(f.suite), TLS_EXCHANGE_13);
            CHECK(f.complete && f.fault == TLS_FAULT_NONE && f.alert == -1);
            exchange(&h, &old, &f);
            CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
            CHECK_INT(f.version, TLS_V_12);
            CHECK_INT(f.group, HELLO_GROUP_X25519);
            CHECK(f.complete && f.hello_done && !f.certificate_request && !f.resumed);
            CHECK_INT(f.chain.count, 1);
            CHECK(f.extended_master_secret && f.secure_renegotiation && !f.cut);
            tls_flight_done(&f);
        }
    }
}

TEST("servers with one oddity each answer as browser-errors tells")
{
    static const struct server_row ecdsa_only = {"ECDSA suites, RSA certificate",
                                                 TLS1_2_VERSION,
                                                 TLS1_2_VERSION,
                                                 PKI_RSA,
                                                 "ECDHE-ECDSA-AES128-GCM-SHA256",
                                                 NULL,
                                                 NULL,
                                                 false,
                                                 false};
    static const struct server_row cbc = {
        "CBC-SHA256", TLS1_2_VERSION, TLS1_2_VERSION, PKI_RSA, "ECDHE-RSA-AES128-SHA256",
        NULL,         NULL,           false,          false};
    static const struct server_row dhe = {
        "DHE", TLS1_2_VERSION, TLS1_2_VERSION, PKI_RSA, "DHE-RSA-AES128-GCM-SHA256",
        NULL,  NULL,           false,          true};
    static const struct server_row p256 = {"P-256", TLS1_3_VERSION, TLS1_3_VERSION, PKI_EC, NULL,
                                           NULL,    "P-256",        false,          false};
    static const struct server_row p521 = {"P-521", TLS1_3_VERSION, TLS1_3_VERSION, PKI_EC, NULL,
                                           NULL,    "P-521",        false,          false};
    static const struct server_row tls10 = {"1.0", TLS1_VERSION, TLS1_VERSION, PKI_RSA, NULL,
                                            NULL,  NULL,         false,        false};
    static const struct server_row tls13 = {
        "1.3 only", TLS1_3_VERSION, TLS1_3_VERSION, PKI_EC, NULL, NULL, NULL, false, false};
    static const struct server_row mutual = {"mTLS", TLS1_2_VERSION, TLS1_2_VERSION, PKI_RSA, NULL,
                                             NULL,   NULL,           true,           false};
    static const struct {
        const struct server_row *server;
        enum tls_hello_profile profile;
        uint16_t max;
        enum tls_flight_kind kind;
        int alert;
        uint16_t version, group;
        unsigned dh_bits;
    } rows[] = {
        {&ecdsa_only, TLS_HELLO_CHROMIUM, 0, TLS_FLIGHT_ALERT, 40, 0, 0, 0},
        {&cbc, TLS_HELLO_CHROMIUM, 0, TLS_FLIGHT_ALERT, 40, 0, 0, 0},
        {&cbc, TLS_HELLO_WIDE, 0, TLS_FLIGHT_SERVER_HELLO, -1, TLS_V_12, 29, 0},
        {&dhe, TLS_HELLO_CHROMIUM, 0, TLS_FLIGHT_ALERT, 40, 0, 0, 0},
        {&dhe, TLS_HELLO_WIDE, 0, TLS_FLIGHT_SERVER_HELLO, -1, TLS_V_12, 0, 2048},
        {&p256, TLS_HELLO_CHROMIUM, 0, TLS_FLIGHT_HELLO_RETRY, -1, TLS_V_13, 23, 0},
        {&p256, TLS_HELLO_FIREFOX, 0, TLS_FLIGHT_SERVER_HELLO, -1, TLS_V_13, 23, 0},
        {&p256, TLS_HELLO_WIDE, 0, TLS_FLIGHT_SERVER_HELLO, -1, TLS_V_13, 23, 0},
        {&p521, TLS_HELLO_CHROMIUM, 0, TLS_FLIGHT_ALERT, 40, 0, 0, 0},
        {&p521, TLS_HELLO_WIDE, 0, TLS_FLIGHT_HELLO_RETRY, -1, TLS_V_13, 25, 0},
        {&tls10, TLS_HELLO_CHROMIUM, 0, TLS_FLIGHT_ALERT, 70, 0, 0, 0},
        {&tls10, TLS_HELLO_WIDE, 0, TLS_FLIGHT_SERVER_HELLO, -1, TLS_V_10, 29, 0},
        {&tls10, TLS_HELLO_WIDE, TLS_V_11, TLS_FLIGHT_SERVER_HELLO, -1, TLS_V_10, 29, 0},
        {&tls13, TLS_HELLO_CHROMIUM, TLS_V_12, TLS_FLIGHT_ALERT, 70, 0, 0, 0},
        {&mutual, TLS_HELLO_SMALL, 0, TLS_FLIGHT_SERVER_HELLO, -1, TLS_V_12, 29, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_hello h = hello_of(rows[i].profile, i);
        struct tls_flight f = {0};
        h.max = rows[i].max;
        exchange(&h, rows[i].server, &f);
        if (f.kind != rows[i].kind || f.alert != rows[i].alert || f.version != rows[i].version ||
            f.group != rows[i].group || f.dh_bits != rows[i].dh_bits || !f.complete ||
            f.certificate_request != rows[i].server->verify) {
            test_failed(__FILE__, __LINE__, "%s to %s: %s, alert %d, version %04x, group %d, dh %d",
                        tls_hello_name(h.profile), rows[i].server->title,
                        tls_flight_kind_name(f.kind), f.alert, f.version, f.group, f.dh_bits);
        }
        tls_flight_done(&f);
    }
}

TEST("our own server takes the browser's hello")
{
    ASSERT(tls_init(NULL) == ERR_OK);
    struct test_certificate c = {"arn:c", PKI_EC, 256, HOST, 90};
    struct tls_server *server = test_server("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", &c, 1, NULL);
    struct tls_hello h = hello_of(TLS_HELLO_CHROMIUM, 11);
    struct buf hello = {0};
    char answer[16384];
    int fds[2];
    ASSERT(tls_hello_write(&h, &hello) == ERR_OK);
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    struct stream s;
    stream_init(&s, fds[0]);
    ASSERT(tls_accept(server, &s) == ERR_OK);
    ASSERT(send(fds[1], hello.p, hello.n, MSG_NOSIGNAL) == (ssize_t)hello.n);
    stream_events(&s, EPOLLIN | EPOLLOUT);
    CHECK_INT(tls_handshake(&s), IO_AGAIN);
    struct tls_info info;
    tls_info(&s, &info);
    CHECK_STR(info.sni, HOST);
    ssize_t n = recv(fds[1], answer, sizeof(answer), 0);
    struct tls_flight f = {0};
    tls_flight_read((const uint8_t *)answer, n > 0 ? (size_t)n : 0, false, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    CHECK_INT(f.group, HELLO_GROUP_X25519);
    CHECK_INT(f.version, TLS_V_13);
    tls_flight_done(&f);
    buf_free(&hello);
    stream_close(&s);
    (void)close(fds[1]); /* a test's socket */
    tls_server_unref(&server);
}

/* ---- bytes by hand ---- */

#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define RANDOM32 "0123456789abcdef0123456789abcdef"
/* A ServerHello of TLS 1.2 without session and extensions, for suite C02F. */
#define HELLO_12 "\x02\x00\x00\x26\x03\x03" RANDOM32 "\x00\xc0\x2f\x00"
#define RECORD_HELLO_12 "\x16\x03\x03\x00\x2a" HELLO_12

static const struct {
    const char *title;
    struct str bytes;
    enum tls_flight_kind kind, kind_eof;
    bool complete;
    enum tls_flight_fault fault;
} flights[] = {
    {"nothing", BYTES(""), TLS_FLIGHT_NOTHING, TLS_FLIGHT_NOTHING, false, 0},
    {"HTTP", BYTES("HTTP/1.1 400 Bad Request\r\n"), TLS_FLIGHT_PLAIN_HTTP, TLS_FLIGHT_PLAIN_HTTP,
     true, 0},
    {"HTTP begins", BYTES("HT"), TLS_FLIGHT_PARTIAL, TLS_FLIGHT_OTHER_TEXT, false, 0},
    {"HTTP after an empty line", BYTES("\r\nHTTP/1.1 200 OK\r\n"), TLS_FLIGHT_PLAIN_HTTP,
     TLS_FLIGHT_PLAIN_HTTP, true, 0},
    {"HTML", BYTES("<!DOCTYPE html>"), TLS_FLIGHT_PLAIN_HTTP, TLS_FLIGHT_PLAIN_HTTP, true, 0},
    {"HTML with blanks", BYTES("\n  <html>"), TLS_FLIGHT_PLAIN_HTTP, TLS_FLIGHT_PLAIN_HTTP, true,
     0},
    {"blanks only", BYTES("\r\n"), TLS_FLIGHT_PARTIAL, TLS_FLIGHT_OTHER_TEXT, false, 0},
    {"SSH", BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"), TLS_FLIGHT_SSH, TLS_FLIGHT_SSH, true, 0},
    {"SMTP", BYTES("220 mail.example ESMTP\r\n"), TLS_FLIGHT_BANNER_220, TLS_FLIGHT_BANNER_220,
     true, 0},
    {"FTP", BYTES("220-welcome\r\n"), TLS_FLIGHT_BANNER_220, TLS_FLIGHT_BANNER_220, true, 0},
    {"IMAP", BYTES("* OK ready\r\n"), TLS_FLIGHT_MAILBOX, TLS_FLIGHT_MAILBOX, true, 0},
    {"POP3", BYTES("+OK ready\r\n"), TLS_FLIGHT_MAILBOX, TLS_FLIGHT_MAILBOX, true, 0},
    {"220 of something else", BYTES("2200 units\r\n"), TLS_FLIGHT_OTHER_TEXT, TLS_FLIGHT_OTHER_TEXT,
     true, 0},
    {"MySQL",
     BYTES("\x4a\x00\x00\x00\x0a"
           "8.0.36\x00"),
     TLS_FLIGHT_MYSQL, TLS_FLIGHT_MYSQL, true, 0},
    {"MySQL refuses", BYTES("\x45\x00\x00\x00\xff\x6a\x04Host"), TLS_FLIGHT_MYSQL, TLS_FLIGHT_MYSQL,
     true, 0},
    {"HTTP/2 settings", BYTES("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03"),
     TLS_FLIGHT_H2_SETTINGS, TLS_FLIGHT_H2_SETTINGS, true, 0},
    {"HTTP/2 acknowledgement is none", BYTES("\x00\x00\x00\x04\x01\x00\x00\x00\x00"),
     TLS_FLIGHT_OTHER_BINARY, TLS_FLIGHT_OTHER_BINARY, true, 0},
    {"text", BYTES("-ERR unknown command\r\n"), TLS_FLIGHT_OTHER_TEXT, TLS_FLIGHT_OTHER_TEXT, true,
     0},
    {"text so far", BYTES("hello"), TLS_FLIGHT_OTHER_TEXT, TLS_FLIGHT_OTHER_TEXT, false, 0},
    {"UTF-8", BYTES("Gr\xc3\xbc\xc3\x9f Gott\n"), TLS_FLIGHT_OTHER_TEXT, TLS_FLIGHT_OTHER_TEXT,
     true, 0},
    {"binary", BYTES("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"), TLS_FLIGHT_OTHER_BINARY,
     TLS_FLIGHT_OTHER_BINARY, true, 0},
    {"one odd byte", BYTES("\x01"), TLS_FLIGHT_PARTIAL, TLS_FLIGHT_OTHER_BINARY, false, 0},
    {"telnet", BYTES("\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23"), TLS_FLIGHT_OTHER_BINARY,
     TLS_FLIGHT_OTHER_BINARY, true, 0},
    {"our hello", BYTES("\x16\x03\x01\x00\x05\x01\x00\x00\x26\x03"), TLS_FLIGHT_ECHO,
     TLS_FLIGHT_ECHO, true, 0},
    {"fatal alert", BYTES("\x15\x03\x03\x00\x02\x02\x28"), TLS_FLIGHT_ALERT, TLS_FLIGHT_ALERT, true,
     0},
    {"close_notify", BYTES("\x15\x03\x03\x00\x02\x01\x00"), TLS_FLIGHT_ALERT, TLS_FLIGHT_ALERT,
     true, 0},
    {"half an alert", BYTES("\x15\x03\x03\x00\x02\x02"), TLS_FLIGHT_PARTIAL, TLS_FLIGHT_PARTIAL,
     false, 0},
    {"an alert of 3 bytes", BYTES("\x15\x03\x03\x00\x03\x02\x28\x28"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_LENGTH},
    {"ServerHello", BYTES(RECORD_HELLO_12), TLS_FLIGHT_SERVER_HELLO, TLS_FLIGHT_SERVER_HELLO, false,
     0},
    {"ServerHello of SSL 3.0",
     BYTES("\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" RANDOM32 "\x00\x00\x05\x00"),
     TLS_FLIGHT_SSL3, TLS_FLIGHT_SSL3, false, 0},
    {"ServerHello of SSL 2.0", BYTES("\x80\x20\x04\x00\x01\x00\x02\x00\x00"), TLS_FLIGHT_SSL2,
     TLS_FLIGHT_SSL2, true, 0},
    {"half a ServerHello", BYTES("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03"),
     TLS_FLIGHT_PARTIAL, TLS_FLIGHT_PARTIAL, false, 0},
    {"one byte of a record", BYTES("\x16"), TLS_FLIGHT_PARTIAL, TLS_FLIGHT_PARTIAL, false, 0},
    {"another message first", BYTES("\x16\x03\x03\x00\x04\x0b\x00\x00\x00"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_MESSAGE},
    {"record of version 9.9", BYTES("\x16\x09\x09\x00\x2a"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_VERSION},
    {"record of 65535 bytes", BYTES("\x16\x03\x03\xff\xff\x02"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_LENGTH},
    {"record of 0 bytes", BYTES("\x16\x03\x03\x00\x00"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_LENGTH},
    {"message of 16 MB", BYTES("\x16\x03\x03\x00\x05\x02\xff\xff\xff\x03"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_LENGTH},
    {"ServerHello too short for itself", BYTES("\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03"),
     TLS_FLIGHT_BAD_RECORD, TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_CONTENT},
    {"application data", BYTES("\x17\x03\x03\x00\x05hello"), TLS_FLIGHT_APPDATA_FIRST,
     TLS_FLIGHT_APPDATA_FIRST, true, 0},
    {"ChangeCipherSpec first", BYTES("\x14\x03\x03\x00\x01\x01"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_TYPE},
    {"heartbeat first", BYTES("\x18\x03\x03\x00\x03\x01\x00\x00"), TLS_FLIGHT_BAD_RECORD,
     TLS_FLIGHT_BAD_RECORD, true, TLS_FAULT_TYPE},
};

static const uint8_t *
u8s(struct str s)
{
    return (const uint8_t *)s.p;
}

TEST("bytes by hand are told apart, and their end is told")
{
    for (size_t i = 0; i < COUNT_OF(flights); i++) {
        struct tls_flight f = {0};
        tls_flight_read(u8s(flights[i].bytes), flights[i].bytes.n, false, &f);
        if (f.kind != flights[i].kind || f.complete != flights[i].complete ||
            f.fault != flights[i].fault) {
            test_failed(__FILE__, __LINE__, "%s: %s, complete %d, fault %s", flights[i].title,
                        tls_flight_kind_name(f.kind), f.complete, tls_flight_fault_name(f.fault));
        }
        tls_flight_read(u8s(flights[i].bytes), flights[i].bytes.n, true, &f);
        if (f.kind != flights[i].kind_eof || !f.complete) {
            test_failed(__FILE__, __LINE__, "%s, ended: %s", flights[i].title,
                        tls_flight_kind_name(f.kind));
        }
        tls_flight_done(&f);
    }
}

TEST("byte by byte: what is called complete stays what it is")
{
    for (size_t i = 0; i < COUNT_OF(flights); i++) {
        struct tls_flight whole = {0}, part = {0};
        tls_flight_read(u8s(flights[i].bytes), flights[i].bytes.n, false, &whole);
        for (size_t n = 0; n <= flights[i].bytes.n; n++) {
            char *exact = xalloc(n + 1); /* a sanitizer sees the first byte beyond */
            memcpy(exact, flights[i].bytes.p, n);
            tls_flight_read((const uint8_t *)exact, n, false, &part);
            xfree(exact);
            if (part.complete && (part.kind != whole.kind || part.alert != whole.alert)) {
                test_failed(__FILE__, __LINE__, "%s: complete after %zu as %s", flights[i].title, n,
                            tls_flight_kind_name(part.kind));
            }
        }
        tls_flight_done(&whole);
        tls_flight_done(&part);
    }
}

TEST("every alert number comes through, fatal and as a warning; the usual ones have names")
{
    unsigned named = 0;
    for (unsigned number = 0; number < 256; number++) {
        for (unsigned level = 1; level <= 2; level++) {
            uint8_t bytes[] = {0x15, 3, 3, 0, 2, (uint8_t)level, (uint8_t)number};
            struct tls_flight f = {0};
            tls_flight_read(bytes, sizeof(bytes), false, &f);
            CHECK_INT(f.kind, TLS_FLIGHT_ALERT);
            CHECK_INT(f.alert, number);
            CHECK_INT(f.alert_level, level);
            CHECK_INT(f.warnings, level == TLS_ALERT_WARNING);
            CHECK(f.complete == (level == TLS_ALERT_FATAL || number == 0));
            tls_flight_done(&f);
        }
        named += tls_alert_name(number) != NULL ? 1 : 0;
    }
    CHECK_INT(named, 37);
    CHECK_STR(str_of(tls_alert_name(40)), "handshake_failure");
    CHECK_STR(str_of(tls_alert_name(112)), "unrecognized_name");
    CHECK(tls_alert_name(255) == NULL);
}

TEST("a warning is noted and the ServerHello after it counts; so does the fatal alert after both")
{
    static const struct str bytes =
        BYTES("\x15\x03\x03\x00\x02\x01\x70" RECORD_HELLO_12 "\x15\x03\x03\x00\x02\x02\x50");
    struct tls_flight f = {0};
    tls_flight_read(u8s(bytes), 7, false, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_ALERT);
    CHECK(!f.complete);
    CHECK_INT(f.alert, 112);
    tls_flight_read(u8s(bytes), bytes.n - 7, false, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    CHECK_INT(f.alert, 112);
    CHECK_INT(f.suite, 0xc02f);
    CHECK(!f.complete && !f.cut);
    tls_flight_read(u8s(bytes), bytes.n, false, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    CHECK_INT(f.alert, 80);
    CHECK_INT(f.alert_level, TLS_ALERT_FATAL);
    CHECK_INT(f.warnings, 1);
    CHECK(f.complete);
    tls_flight_done(&f);
}

TEST("messages may be spread over records, and records over messages")
{
    struct tls_flight f = {0};
    struct buf bytes = {0};
    static const struct str message = BYTES(HELLO_12 "\x0e\x00\x00\x00");
    for (size_t i = 0; i < message.n; i++) {
        buf_add(&bytes, "\x16\x03\x03\x00\x01", 5);
        buf_add_char(&bytes, message.p[i]);
    }
    tls_flight_read((const uint8_t *)bytes.p, bytes.n, false, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    CHECK(f.hello_done && f.complete);
    buf_free(&bytes);
    tls_flight_done(&f);
}

TEST("a cut ServerHello is told from one that goes on")
{
    static const struct str bytes = BYTES(RECORD_HELLO_12);
    struct tls_flight f = {0};
    tls_flight_read(u8s(bytes), 20, true, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_PARTIAL);
    CHECK(f.cut && f.complete);
    CHECK_INT(f.record_type, 22);
    tls_flight_read(u8s(bytes), bytes.n, true, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    CHECK(!f.cut && f.complete);
    tls_flight_done(&f);
}

TEST("extensions: ALPN, flags, the list of types; contradictions are faults")
{
    static const struct str good =
        BYTES("\x16\x03\x03\x00\x46\x02\x00\x00\x3e\x03\x03" RANDOM32 "\x00\xc0\x2f\x00"
              "\x00\x16\x00\x10\x00\x05\x00\x03\x02h2\x00\x17\x00\x00\xff\x01\x00\x01\x00"
              "\x00\x23\x00\x00\x0e\x00\x00\x00");
    struct tls_flight f = {0};
    tls_flight_read(u8s(good), good.n, false, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    CHECK_INT(f.fault, TLS_FAULT_NONE);
    CHECK_STR(((struct str){(const char *)f.alpn, f.alpn_n}), "h2");
    CHECK(f.extended_master_secret && f.secure_renegotiation && f.session_ticket && !f.sct);
    CHECK_INT(f.extension_count, 4);
    CHECK(tls_flight_has_extension(&f, 16) && !tls_flight_has_extension(&f, 0));
    for (size_t at = 43; at < 72; at++) { /* each length may lie */
        char *bad = xalloc(good.n);
        memcpy(bad, good.p, good.n);
        bad[at] = (char)0xff;
        tls_flight_read((const uint8_t *)bad, good.n, true, &f);
        CHECK(f.complete);
        xfree(bad);
    }
    char *lies = xalloc(good.n);
    memcpy(lies, good.p, good.n);
    lies[55] = 9; /* the name in ALPN is longer than its list */
    tls_flight_read((const uint8_t *)lies, good.n, false, &f);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    CHECK_INT(f.fault, TLS_FAULT_CONTENT);
    CHECK(f.complete);
    xfree(lies);
    tls_flight_done(&f);
}

static void
add_u24(struct buf *b, size_t n)
{
    buf_add_char(b, (char)(uint8_t)(n >> 16));
    buf_add_char(b, (char)(uint8_t)(n >> 8));
    buf_add_char(b, (char)(uint8_t)n);
}

/* A ServerHello and a Certificate message of so many certificates, in records of 16 KB. */
static void
chain_flight(size_t count, size_t bytes, struct buf *ret)
{
    struct buf messages = {0};
    buf_add(&messages, HELLO_12, sizeof(HELLO_12) - 1);
    buf_add_char(&messages, 11);
    add_u24(&messages, 3 + count * (3 + bytes));
    add_u24(&messages, count * (3 + bytes));
    for (size_t i = 0; i < count; i++) {
        add_u24(&messages, bytes);
        for (size_t k = 0; k < bytes; k++) {
            buf_add_char(&messages, (char)(uint8_t)i);
        }
    }
    for (size_t at = 0; at < messages.n; at += 16384) {
        size_t n = MIN_OF(messages.n - at, (size_t)16384);
        buf_add(ret, "\x16\x03\x03", 3);
        buf_add_char(ret, (char)(uint8_t)(n >> 8));
        buf_add_char(ret, (char)(uint8_t)n);
        buf_add(ret, messages.p + at, n);
    }
    buf_free(&messages);
}

TEST("certificates are kept in order up to their limits; the rest is counted")
{
    static const struct {
        size_t count, bytes, kept;
        enum tls_flight_fault fault;
    } rows[] = {
        {3, 1000, 3, 0},   {16, 10, 16, 0},  {40, 10, 16, 0},
        {1, 200000, 1, 0}, {3, 90000, 0, 3}, {1, 1000000, 0, TLS_FAULT_LENGTH},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf bytes = {0};
        struct tls_flight f = {0};
        chain_flight(rows[i].count, rows[i].bytes, &bytes);
        tls_flight_read((const uint8_t *)bytes.p, bytes.n, false, &f);
        CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
        if (rows[i].fault == TLS_FAULT_NONE) {
            CHECK_INT(f.fault, TLS_FAULT_NONE);
            CHECK_INT(f.chain.total, rows[i].count);
        } else {
            CHECK_INT(f.fault, TLS_FAULT_LENGTH); /* more than LIMIT_TLS_CHAIN_BYTES in all */
        }
        CHECK_INT(f.chain.count, rows[i].kept);
        for (size_t k = 0; k < f.chain.count; k++) {
            CHECK_INT(f.chain.items[k].n, rows[i].bytes);
            CHECK_INT(f.chain.items[k].p[0], k);
        }
        buf_free(&bytes);
        tls_flight_done(&f);
    }
}

TEST("a resumed handshake ends at ChangeCipherSpec; no suites or groups are without kinds")
{
    static const struct str bytes = BYTES(RECORD_HELLO_12 "\x14\x03\x03\x00\x01\x01");
    struct tls_flight f = {0};
    tls_flight_read(u8s(bytes), bytes.n, false, &f);
    CHECK(f.resumed && f.complete);
    CHECK_INT(f.kind, TLS_FLIGHT_SERVER_HELLO);
    tls_flight_done(&f);
    CHECK(tls_suite_is_modern(0x1301) && tls_suite_is_modern(0xc02f) &&
          tls_suite_is_modern(0x009e));
    CHECK(!tls_suite_is_modern(0xc013) && !tls_suite_is_modern(0x009c) &&
          !tls_suite_is_modern(0xfefe));
    CHECK(tls_suite_is_aead(0x009c) && !tls_suite_is_aead(0x002f));
    CHECK_STR(str_of(tls_suite_name(0xc02f)), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    CHECK_STR(str_of(tls_group_name(0x11ec)), "X25519MLKEM768");
    CHECK_STR(str_of(tls_version_name(TLS_V_13)), "TLS 1.3");
    CHECK_STR(str_of(tls_extension_name(16)), "application_layer_protocol_negotiation");
    CHECK(tls_group_name(0x7777) == NULL && tls_version_name(0x0909) == NULL);
}

TEST("numbers of suites, groups and alerts come once in their tables")
{
    for (size_t i = 0; tls_suite_at(i) != NULL; i++) {
        CHECK(tls_suite_find(tls_suite_at(i)->number) == tls_suite_at(i));
    }
    for (size_t i = 0; tls_group_wide_at(i) != 0; i++) {
        for (size_t k = 0; k < i; k++) {
            CHECK(tls_group_wide_at(k) != tls_group_wide_at(i));
        }
    }
}

TEST_MAIN
