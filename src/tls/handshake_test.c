/* SPDX-License-Identifier: Apache-2.0
 * Handshakes: versions and key types, choice by SNI, resumption, tickets, alerts. */
#include "base/test.h"
#include "tls/test_peer.h"
#include "tls/tls_int.h"

#define RES "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
#define OLD "ELBSecurityPolicy-2016-08"

static void
start(void)
{
    struct errinfo error = {""};
    if (tls_init(&error) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "tls_init: %s", error.text);
    }
}

static struct tls_info
info_of(const struct test_link *l)
{
    struct tls_info info;
    tls_info(&l->stream, &info);
    return info;
}

static struct tls_alert
alert_of(const struct test_link *l)
{
    struct tls_alert alert;
    tls_alert(&l->stream, &alert);
    return alert;
}

/* ---- versions and keys ---- */

TEST("each version and key type shakes hands, in the server's order")
{
    start();
    static const struct {
        const char *policy;
        enum pki_family family;
        unsigned bits;
        int min, max;
        const char *ciphers;
        const char *protocol, *cipher;
    } rows[] = {
        {RES, PKI_EC, 256, TLS1_3_VERSION, 0, NULL, "TLSv1.3", "TLS_AES_128_GCM_SHA256"},
        {RES, PKI_EC, 384, TLS1_3_VERSION, 0, NULL, "TLSv1.3", "TLS_AES_128_GCM_SHA256"},
        {RES, PKI_RSA, 2048, 0, 0, NULL, "TLSv1.3", "TLS_AES_128_GCM_SHA256"},
        {RES, PKI_EC, 256, 0, TLS1_2_VERSION, NULL, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {RES, PKI_EC, 384, 0, TLS1_2_VERSION, NULL, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {RES, PKI_RSA, 2048, 0, TLS1_2_VERSION, NULL, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"},
        {RES, PKI_RSA, 2048, 0, TLS1_2_VERSION,
         "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2",
         "ECDHE-RSA-AES128-GCM-SHA256"},
        {OLD, PKI_RSA, 2048, 0, TLS1_VERSION, NULL, "TLSv1", "ECDHE-RSA-AES128-SHA"},
        {OLD, PKI_EC, 256, 0, TLS1_VERSION, NULL, "TLSv1", "ECDHE-ECDSA-AES128-SHA"},
        {OLD, PKI_RSA, 2048, 0, TLS1_1_VERSION, NULL, "TLSv1.1", "ECDHE-RSA-AES128-SHA"},
        {OLD, PKI_EC, 256, 0, TLS1_1_VERSION, NULL, "TLSv1.1", "ECDHE-ECDSA-AES128-SHA"},
        {OLD, PKI_EC, 384, 0, 0, NULL, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {OLD, PKI_RSA, 2048, 0, 0, NULL, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"},
        {OLD, PKI_RSA, 2048, 0, 0, "AES256-SHA:AES128-SHA", "TLSv1.2", "AES128-SHA"},
        {OLD, PKI_RSA, 2048, 0, TLS1_VERSION, "AES256-SHA", "TLSv1", "AES256-SHA"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct test_certificate c = {"arn:c", rows[i].family, rows[i].bits, "a.example", 90};
        struct tls_server *server = test_server(rows[i].policy, &c, 1, NULL);
        SSL_CTX *client =
            test_client_new(&(struct test_client){rows[i].min, rows[i].max, rows[i].ciphers, NULL});
        struct test_link l;
        link_open(&l, server, client, SOCK_STREAM, "A.example", NULL);
        CHECK(link_handshake(&l));
        CHECK_STR(info_of(&l).protocol, rows[i].protocol);
        CHECK_STR(info_of(&l).cipher, rows[i].cipher);
        CHECK_STR(info_of(&l).sni, "a.example");
        CHECK_STR(info_of(&l).certificate_arn, "arn:c");
        CHECK(info_of(&l).sni_matched);
        CHECK(!info_of(&l).resumed);
        CHECK(link_up(&l, STR("GET / HTTP/1.1\r\n\r\n")));
        CHECK(link_down(&l, STR("HTTP/1.1 200 OK\r\n\r\n")));
        link_close(&l);
        SSL_CTX_free(client);
        tls_server_unref(&server);
    }
}

TEST("each suite of each policy can be had, with the certificate that it needs")
{
    for (size_t p = 0; tls_policy_at(p) != NULL; p++) {
        const struct tls_policy *policy = tls_policy_at(p);
        struct str rest = str_of(policy->ciphers), suite;
        while (str_cut(&rest, ' ', &suite)) {
            char name[64];
            CHECK(str_copy_z(suite, name, sizeof(name)));
            bool is_13 = str_starts(suite, STR("TLS_"));
            bool ecdsa = str_find(suite, STR("ECDSA"), NULL);
            struct test_certificate c = {"arn:c", ecdsa ? PKI_EC : PKI_RSA, ecdsa ? 256 : 2048,
                                         "a.example", 90};
            struct tls_server *server = test_server(policy->name, &c, 1, NULL);
            SSL_CTX *client = test_client_new(&(struct test_client){
                is_13 ? TLS1_3_VERSION : 0, is_13 ? 0 : TLS1_2_VERSION, is_13 ? NULL : name, NULL});
            CHECK(!is_13 || SSL_CTX_set_ciphersuites(client, name) == 1);
            struct test_link l;
            link_open(&l, server, client, SOCK_STREAM, NULL, NULL);
            CHECK(link_handshake(&l));
            CHECK_STR(info_of(&l).cipher, name);
            link_close(&l);
            SSL_CTX_free(client);
            tls_server_unref(&server);
        }
    }
}

TEST("ALPN: http/1.1 is chosen, a client of other protocols is served without")
{
    struct test_certificate c = {"arn:c", PKI_EC, 256, "a.example", 90};
    static const struct {
        const char *offer, *answer;
    } rows[] = {
        {"\x02h2\x08http/1.1", "http/1.1"},
        {"\x08http/1.1", "http/1.1"},
        {"\x02h2", ""},
        {"\x07http/1.", ""},
    };
    struct tls_server *server = test_server(RES, &c, 1, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SSL_CTX *client = test_client_new(&(struct test_client){0});
        struct test_link l;
        link_open(&l, server, client, SOCK_STREAM, NULL, NULL);
        CHECK(SSL_set_alpn_protos(l.ssl, (const unsigned char *)rows[i].offer,
                                  (unsigned)strlen(rows[i].offer)) == 0);
        CHECK(link_handshake(&l));
        const unsigned char *p = NULL;
        unsigned n = 0;
        SSL_get0_alpn_selected(l.ssl, &p, &n);
        CHECK_STR(((struct str){(const char *)p, n}), rows[i].answer);
        link_close(&l);
        SSL_CTX_free(client);
    }
    tls_server_unref(&server);
}

/* ---- SNI ---- */

TEST("SNI: exact before wildcard, best of several, the default where none matches")
{
    static const struct test_certificate certificates[] = {
        {"default", PKI_RSA, 2048, "default.example", 90},
        {"one", PKI_EC, 256, "one.example two.example", 90},
        {"wild", PKI_EC, 256, "*.wild.example", 90},
        {"exact", PKI_RSA, 2048, "x.wild.example", 90},
        {"dup-rsa", PKI_RSA, 2048, "dup.example", 90},
        {"dup-ec", PKI_EC, 256, "dup.example", 90},
        {"old", PKI_EC, 384, "age.example", -1},
        {"young", PKI_EC, 256, "age.example", 90},
        {"p256", PKI_EC, 256, "size.example", 95},
        {"p384", PKI_EC, 384, "size.example", 90},
        {"short", PKI_EC, 256, "time.example", 10},
        {"long", PKI_EC, 256, "time.example", 90},
        {"first", PKI_RSA, 2048, "*.same.example", 90},
        {"ec-p384", PKI_EC, 384, "x.same.example", 90},
    };
    static const struct {
        const char *sni, *signatures, *ciphers;
        int max;
        const char *arn;
        bool matched;
    } rows[] = {
        {NULL, NULL, NULL, 0, "default", false},
        {"nobody.example", NULL, NULL, 0, "default", false},
        {"default.example", NULL, NULL, 0, "default", true},
        {"one.example", NULL, NULL, 0, "one", true},
        {"TWO.Example", NULL, NULL, 0, "one", true},
        {"a.one.example", NULL, NULL, 0, "default", false},
        {"a.wild.example", NULL, NULL, 0, "wild", true},
        {"wild.example", NULL, NULL, 0, "default", false},
        {"a.b.wild.example", NULL, NULL, 0, "default", false},
        {"x.wild.example", NULL, NULL, 0, "exact", true},
        {"dup.example", NULL, NULL, 0, "dup-ec", true},
        {"dup.example", "RSA-PSS+SHA256", NULL, 0, "dup-rsa", true},
        {"dup.example", NULL, NULL, TLS1_2_VERSION, "dup-ec", true},
        {"dup.example", "RSA+SHA256", NULL, TLS1_2_VERSION, "dup-rsa", true},
        {"dup.example", NULL, "ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, "dup-rsa", true},
        {"age.example", NULL, NULL, 0, "young", true},
        {"size.example", NULL, NULL, 0, "p384", true},
        {"size.example", "ECDSA+SHA256", NULL, 0, "p256", true},
        {"time.example", NULL, NULL, 0, "long", true},
        {"x.same.example", NULL, NULL, 0, "ec-p384", true},
        {"x.same.example", "RSA-PSS+SHA256", NULL, 0, "first", true},
    };
    struct tls_server *server = test_server(RES, certificates, COUNT_OF(certificates), NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        SSL_CTX *client = test_client_new(
            &(struct test_client){0, rows[i].max, rows[i].ciphers, rows[i].signatures});
        struct test_link l;
        link_open(&l, server, client, SOCK_STREAM, rows[i].sni, NULL);
        CHECK(link_handshake(&l));
        CHECK_STR(info_of(&l).certificate_arn, rows[i].arn);
        CHECK_INT(info_of(&l).sni_matched, rows[i].matched);
        CHECK_INT(info_of(&l).sni.n, rows[i].sni == NULL ? 0 : strlen(rows[i].sni));
        link_close(&l);
        SSL_CTX_free(client);
    }
    tls_server_unref(&server);
}

TEST("one match is taken whatever the client can do: the handshake then fails by its name")
{
    static const struct test_certificate certificates[] = {
        {"rsa", PKI_RSA, 2048, "default.example", 90},
        {"ec", PKI_EC, 256, "ec.example", 90},
    };
    struct tls_server *server = test_server(RES, certificates, 2, NULL);
    SSL_CTX *client = test_client_new(&(struct test_client){0, 0, NULL, "RSA-PSS+SHA256"});
    struct test_link l;
    link_open(&l, server, client, SOCK_STREAM, "ec.example", NULL);
    CHECK(!link_handshake(&l));
    CHECK_INT(l.io, IO_FAIL);
    CHECK_STR(info_of(&l).certificate_arn, "ec");
    CHECK(alert_of(&l).sent);
    CHECK_INT(alert_of(&l).number, 40);
    link_close(&l);
    SSL_CTX_free(client);
    tls_server_unref(&server);
}

/* ---- resumption ---- */

/* Shakes hands, exchanges a line, and gives the session that the server handed out. */
static SSL_SESSION *
visit(struct tls_server *server, SSL_CTX *client, const char *sni, SSL_SESSION *offer,
      bool *ret_resumed)
{
    struct test_link l;
    link_open(&l, server, client, SOCK_STREAM, sni, offer);
    CHECK(link_handshake(&l));
    CHECK(link_up(&l, STR("ping")));
    CHECK(link_down(&l, STR("pong")));
    *ret_resumed = info_of(&l).resumed;
    CHECK_INT(SSL_session_reused(l.ssl), *ret_resumed);
    /* A resumed TLS 1.2 session takes its new ticket without telling. */
    bool quiet = *ret_resumed && l.session == NULL;
    SSL_SESSION *session = quiet ? SSL_get1_session(l.ssl) : l.session;
    l.session = NULL;
    CHECK(SSL_shutdown(l.ssl) >= 0); /* else libssl marks the session as not resumable */
    link_close(&l);
    return session;
}

static const struct test_certificate two_names[] = {
    {"a", PKI_EC, 256, "a.example b.example", 90},
    {"c", PKI_EC, 256, "c.example", 90},
};

TEST("resumption: same name and certificate only, for each version")
{
    static const struct {
        const char *policy;
        int max;
    } rows[] = {{RES, 0}, {RES, TLS1_2_VERSION}, {OLD, TLS1_VERSION}};
    struct tls_ticket_keys keys;
    CHECK(tls_ticket_keys_fill(&keys) == ERR_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool resumed = true;
        struct tls_server *server = test_server(rows[i].policy, two_names, 2, &keys);
        struct tls_server *other = test_server(rows[i].policy, two_names, 2, &keys);
        SSL_CTX *client = test_client_new(&(struct test_client){0, rows[i].max, NULL, NULL});
        SSL_SESSION *s = visit(server, client, "a.example", NULL, &resumed);
        CHECK(s != NULL && !resumed);
        SSL_SESSION_free(visit(server, client, "a.example", s, &resumed));
        CHECK(resumed);
        SSL_SESSION_free(visit(server, client, "b.example", s, &resumed));
        CHECK(!resumed);
        SSL_SESSION_free(visit(server, client, "c.example", s, &resumed));
        CHECK(!resumed);
        SSL_SESSION_free(visit(server, client, NULL, s, &resumed));
        CHECK(!resumed);
        /* The same names with fresh certificates: another listener, or a renewal. */
        SSL_SESSION_free(visit(other, client, "a.example", s, &resumed));
        CHECK(!resumed);
        SSL_SESSION_free(s);
        SSL_CTX_free(client);
        tls_server_unref(&server);
        tls_server_unref(&other);
    }
}

TEST("resumption: a ticket of another policy is not taken")
{
    struct tls_ticket_keys keys;
    CHECK(tls_ticket_keys_fill(&keys) == ERR_OK);
    struct tls_certificate c = test_certificate(&two_names[0]);
    struct tls_server *res = NULL, *old = NULL;
    CHECK(tls_server_new(STR(RES), &c, 1, &keys, &res, NULL) == ERR_OK);
    CHECK(tls_server_new(STR(OLD), &c, 1, &keys, &old, NULL) == ERR_OK);
    SSL_CTX *client = test_client_new(&(struct test_client){0, TLS1_2_VERSION, NULL, NULL});
    bool resumed = true;
    SSL_SESSION *s = visit(old, client, "a.example", NULL, &resumed);
    SSL_SESSION_free(visit(res, client, "a.example", s, &resumed));
    CHECK(!resumed);
    SSL_SESSION_free(visit(old, client, "a.example", s, &resumed));
    CHECK(resumed);
    SSL_SESSION_free(s);
    SSL_CTX_free(client);
    tls_server_unref(&res);
    tls_server_unref(&old);
}

TEST("ticket keys: the last one still opens and is renewed, older ones do not")
{
    static const int versions[] = {0, TLS1_2_VERSION};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct tls_ticket_keys keys;
        bool resumed = true;
        CHECK(tls_ticket_keys_fill(&keys) == ERR_OK);
        struct tls_server *server = test_server(RES, two_names, 1, &keys);
        SSL_CTX *client = test_client_new(&(struct test_client){0, versions[i], NULL, NULL});
        SSL_SESSION *s = visit(server, client, "a.example", NULL, &resumed);
        CHECK(tls_ticket_keys_rotate(&keys) == ERR_OK);
        SSL_SESSION *renewed = visit(server, client, "a.example", s, &resumed);
        CHECK(resumed);
        CHECK(renewed != NULL);
        CHECK(tls_ticket_keys_rotate(&keys) == ERR_OK);
        SSL_SESSION_free(visit(server, client, "a.example", s, &resumed));
        CHECK(!resumed);
        SSL_SESSION_free(visit(server, client, "a.example", renewed, &resumed));
        CHECK(resumed);
        SSL_SESSION_free(renewed);
        SSL_SESSION_free(s);
        SSL_CTX_free(client);
        tls_server_unref(&server);
    }
}

TEST("no ticket keys: no resumption, no ticket")
{
    bool resumed = true;
    struct tls_server *server = test_server(RES, two_names, 1, NULL);
    SSL_CTX *client = test_client_new(&(struct test_client){0});
    SSL_SESSION *s = visit(server, client, "a.example", NULL, &resumed);
    CHECK(s == NULL);
    CHECK(!resumed);
    SSL_CTX_free(client);
    tls_server_unref(&server);
}

/* ---- alerts ---- */

TEST("alerts that we send have number and name")
{
    struct test_certificate c = {"arn:c", PKI_RSA, 2048, "a.example", 90};
    static const struct {
        const char *policy;
        int min, max;
        const char *ciphers;
        int number;
        const char *text;
    } rows[] = {
        {RES, 0, TLS1_1_VERSION, NULL, 70, "protocol version"},
        {OLD, TLS1_3_VERSION, 0, NULL, 70, "protocol version"},
        {RES, 0, TLS1_2_VERSION, "AES128-SHA", 40, "handshake failure"},
        {OLD, 0, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", 40, "handshake failure"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_server *server = test_server(rows[i].policy, &c, 1, NULL);
        SSL_CTX *client =
            test_client_new(&(struct test_client){rows[i].min, rows[i].max, rows[i].ciphers, NULL});
        struct test_link l;
        link_open(&l, server, client, SOCK_STREAM, NULL, NULL);
        CHECK(!link_handshake(&l));
        CHECK_INT(l.io, IO_FAIL);
        CHECK(alert_of(&l).sent);
        CHECK(!alert_of(&l).received);
        CHECK_INT(alert_of(&l).number, rows[i].number);
        CHECK_STR(str_of(alert_of(&l).text), rows[i].text);
        CHECK(l.sends == 1); /* the alert reached the client */
        size_t n;
        char byte;
        CHECK_INT(stream_read(&l.stream, &byte, 1, &n), IO_FAIL); /* it stays failed */
        CHECK_INT(tls_handshake(&l.stream), IO_FAIL);
        link_close(&l);
        SSL_CTX_free(client);
        tls_server_unref(&server);
    }
}

TEST("an alert that the client sends is told")
{
    struct test_certificate c = {"arn:c", PKI_EC, 256, "a.example", 90};
    static const int versions[] = {0, TLS1_2_VERSION};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct tls_server *server = test_server(RES, &c, 1, NULL);
        SSL_CTX *client = test_client_new(&(struct test_client){0, versions[i], NULL, NULL});
        SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL); /* and trusts nobody */
        struct test_link l;
        link_open(&l, server, client, SOCK_STREAM, NULL, NULL);
        CHECK(!link_handshake(&l));
        CHECK_INT(l.io, IO_FAIL);
        CHECK(alert_of(&l).received);
        CHECK_INT(alert_of(&l).number, 48);
        CHECK_STR(str_of(alert_of(&l).text), "unknown CA");
        link_close(&l);
        SSL_CTX_free(client);
        tls_server_unref(&server);
    }
}

TEST("no TLS at all: no alert is made up, the text says what came")
{
    struct test_certificate c = {"arn:c", PKI_EC, 256, "a.example", 90};
    struct tls_server *server = test_server(RES, &c, 1, NULL);
    SSL_CTX *client = test_client_new(&(struct test_client){0});
    struct test_link l;
    link_open(&l, server, client, SOCK_STREAM, NULL, NULL);
    CHECK(send(l.fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
    stream_events(&l.stream, EPOLLIN | EPOLLOUT);
    CHECK_INT(tls_handshake(&l.stream), IO_FAIL);
    CHECK_INT(alert_of(&l).number, -1);
    CHECK_STR(str_of(alert_of(&l).text), "http request");
    link_close(&l);
    SSL_CTX_free(client);
    tls_server_unref(&server);
}

TEST("a client that closes during the handshake is IO_EOF")
{
    struct test_certificate c = {"arn:c", PKI_EC, 256, "a.example", 90};
    struct tls_server *server = test_server(RES, &c, 1, NULL);
    SSL_CTX *client = test_client_new(&(struct test_client){0});
    struct test_link l;
    link_open(&l, server, client, SOCK_STREAM, NULL, NULL);
    CHECK_INT(SSL_do_handshake(l.ssl), -1); /* writes its ClientHello */
    l.chunk = 40;
    CHECK_INT(link_to_server(&l), 40);
    CHECK_INT(tls_handshake(&l.stream), IO_AGAIN);
    CHECK(shutdown(l.fd, SHUT_WR) == 0);
    stream_events(&l.stream, EPOLLIN | EPOLLRDHUP);
    CHECK_INT(tls_handshake(&l.stream), IO_EOF);
    CHECK_INT(alert_of(&l).number, -1);
    link_close(&l);
    SSL_CTX_free(client);
    tls_server_unref(&server);
}

TEST("renegotiation by the client is refused and the connection goes on for others")
{
    struct test_certificate c = {"arn:c", PKI_EC, 256, "a.example", 90};
    struct tls_server *server = test_server(RES, &c, 1, NULL);
    SSL_CTX *client = test_client_new(&(struct test_client){0, TLS1_2_VERSION, NULL, NULL});
    struct test_link l;
    char byte;
    size_t n;
    link_open(&l, server, client, SOCK_STREAM, NULL, NULL);
    CHECK(link_handshake(&l));
    CHECK_INT(SSL_renegotiate(l.ssl), 1);
    CHECK_INT(SSL_do_handshake(l.ssl), -1); /* its second ClientHello */
    CHECK(link_to_server(&l) > 0);
    CHECK_INT(stream_read(&l.stream, &byte, 1, &n), IO_AGAIN);
    CHECK(alert_of(&l).sent);
    CHECK_INT(alert_of(&l).number, 100);
    CHECK(link_to_client(&l) > 0);
    CHECK_INT(SSL_do_handshake(l.ssl), -1);
    CHECK_INT(SSL_get_error(l.ssl, -1), SSL_ERROR_SSL);
    link_close(&l);
    SSL_CTX_free(client);
    tls_server_unref(&server);
}

/* ---- contexts ---- */

TEST("a connection keeps the contexts that it began with")
{
    struct tls_ticket_keys keys;
    CHECK(tls_ticket_keys_fill(&keys) == ERR_OK);
    struct tls_server *server = test_server(RES, two_names, 2, &keys);
    SSL_CTX *client = test_client_new(&(struct test_client){0});
    struct test_link l;
    link_open(&l, server, client, SOCK_STREAM, "c.example", NULL);
    tls_server_unref(&server); /* the listener has changed meanwhile */
    CHECK(server == NULL);
    CHECK(link_handshake(&l));
    CHECK(link_up(&l, STR("ping")));
    CHECK(link_down(&l, STR("pong")));
    CHECK_STR(info_of(&l).certificate_arn, "c");
    link_close(&l);
    SSL_CTX_free(client);
}

TEST("wrong material is refused with a sentence")
{
    struct errinfo error;
    struct tls_server *server = NULL;
    struct tls_certificate a = test_certificate(&two_names[0]);
    struct tls_certificate rsa =
        test_certificate(&(struct test_certificate){"r", PKI_RSA, 2048, "r.example", 90});
    CHECK(tls_server_new(STR("ELBSecurityPolicy-2099-01"), &a, 1, NULL, &server, &error) ==
          ERR_NOT_FOUND);
    CHECK_STR(str_of(error.text), "SSL policy 'ELBSecurityPolicy-2099-01' not found");
    CHECK(tls_server_new(STR(RES), NULL, 0, NULL, &server, &error) == ERR_INVALID);
    struct tls_certificate mixed = {STR("mixed"), a.chain_pem, rsa.key_pem};
    CHECK(tls_server_new(STR(RES), &mixed, 1, NULL, &server, &error) == ERR_INVALID);
    CHECK(str_starts(str_of(error.text), STR("the private key of 'mixed' does not fit it")));
    struct tls_certificate damaged = {STR("damaged"), STR("no PEM"), a.key_pem};
    CHECK(tls_server_new(STR(RES), &damaged, 1, NULL, &server, &error) == ERR_INVALID);
    struct tls_certificate weak =
        test_certificate(&(struct test_certificate){"weak", PKI_RSA, 1024, "w.example", 90});
    CHECK(tls_server_new(STR(RES), &weak, 1, NULL, &server, &error) == ERR_UNSUPPORTED);
    CHECK(str_starts(str_of(error.text),
                     STR("The certificate 'weak' must have a fully-qualified domain name")));
    CHECK(server == NULL);
}

TEST_MAIN
