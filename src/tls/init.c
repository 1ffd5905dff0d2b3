/* SPDX-License-Identifier: Apache-2.0
 * Start of the library: all of it is used once before a sandbox closes. */
#include "tls/tls_int.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { WARM_UP_TURNS = 20, WARM_UP_DAY_S = 86400 };

/* Handshakes that between them touch each key type, each version, and resumption's ticket. The RSA
 * key is short because making a long one takes longer than all the rest; nobody ever sees it. */
static const struct warm_up {
    enum pki_family family;
    unsigned bits;
    const char *policy;
    bool tls13;
} warm_ups[] = {
    {PKI_EC, 256, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", true},
    {PKI_EC, 384, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06", false},
    {PKI_RSA, 1024, "ELBSecurityPolicy-2016-08", false},
};

static enum err
throw_away_pair(const struct warm_up *w, struct buf *chain, struct buf *key_pem,
                struct errinfo *reterr)
{
    struct evp_pkey_st *key = NULL;
    struct x509_st *certificate = NULL;
    uint64_t now_s = clock_wall_us() / 1000000;
    struct str name = STR("localhost");
    struct pki_request request = {.common_name = name,
                                  .names = &name,
                                  .name_count = 1,
                                  .not_before_s = now_s - WARM_UP_DAY_S,
                                  .not_after_s = now_s + WARM_UP_DAY_S};
    TRY(pki_key_new(w->family, w->bits, &key, reterr));
    enum err e = pki_certificate_new(&request, key, &certificate, reterr);
    e = e == ERR_OK ? pki_certificate_pem(certificate, chain) : e;
    e = e == ERR_OK ? pki_key_pem(key, key_pem) : e;
    pki_certificate_free(&certificate);
    pki_key_free(&key);
    return e;
}

/* Both ends in turn; no event loop is needed since a socketpair takes all at once. */
static enum err
shake_hands(struct stream *server, struct stream *client, struct errinfo *reterr)
{
    bool server_done = false, client_done = false;
    for (int i = 0; i < WARM_UP_TURNS && !(server_done && client_done); i++) {
        stream_events(server, EPOLLIN | EPOLLOUT);
        stream_events(client, EPOLLIN | EPOLLOUT);
        client_done = client_done || tls_handshake(client) == IO_DONE;
        server_done = server_done || tls_handshake(server) == IO_DONE;
    }
    if (!server_done || !client_done) {
        struct tls_alert alert;
        tls_alert(server, &alert);
        return err_set(reterr, ERR_CRYPTO, "the TLS library fails its trial handshake: %s",
                       alert.text);
    }
    return ERR_OK;
}

static enum err
trial(struct tls_server *server, struct tls_client *client, struct errinfo *reterr)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
        return err_errno(reterr, "no socketpair for a trial handshake");
    }
    struct stream streams[2];
    stream_init(&streams[0], fds[0]);
    stream_init(&streams[1], fds[1]);
    enum err e = tls_accept(server, &streams[0]);
    e = e == ERR_OK ? tls_connect(client, &streams[1]) : e;
    e = e == ERR_OK ? shake_hands(&streams[0], &streams[1], reterr) : e;
    stream_close(&streams[0]);
    stream_close(&streams[1]);
    return e;
}

static enum err
warm_up(const struct warm_up *w, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf chain = {0};
    AUTO(buf_free) struct buf key = {0};
    struct tls_ticket_keys tickets;
    struct tls_server *server = NULL;
    struct tls_client *client = NULL;
    TRY(throw_away_pair(w, &chain, &key, reterr));
    TRY(tls_ticket_keys_fill(&tickets));
    struct tls_certificate certificate = {STR("trial"), buf_str(&chain), buf_str(&key)};
    enum err e = tls_server_new(str_of(w->policy), &certificate, 1, &tickets, &server, reterr);
    e = e == ERR_OK ? tls_client_new(w->tls13, &client, reterr) : e;
    e = e == ERR_OK ? trial(server, client, reterr) : e;
    tls_client_free(&client);
    tls_server_unref(&server);
    crypto_wipe(key.p, key.n);
    return e;
}

enum err
tls_init(struct errinfo *reterr)
{
    TRY(crypto_init(reterr));
    const uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS;
    if (OPENSSL_init_ssl(options, NULL) != 1 || tls_filter_init() != ERR_OK ||
        tls_ticket_init() != ERR_OK) {
        return err_set(reterr, ERR_CRYPTO, "libssl does not start: %s", crypto_reason());
    }
    for (size_t i = 0; i < COUNT_OF(warm_ups); i++) {
        TRY(warm_up(&warm_ups[i], reterr));
    }
    return ERR_OK;
}
