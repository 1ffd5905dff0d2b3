/* SPDX-License-Identifier: Apache-2.0
 * A libssl client for the tests of tls. */
#include "tls/test_peer.h"

#include <openssl/err.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"

enum { TURNS_MAX = 20000, NAMES_MAX = 8, DAY_S = 86400 };

/* ---- certificates ---- */

/* Kept until the end: making an RSA key takes long. */
static struct {
    enum pki_family family;
    unsigned bits;
    struct evp_pkey_st *key;
} keys[8];
static struct buf texts[512];
static size_t key_count, text_count;

static struct evp_pkey_st *
key_of(enum pki_family family, unsigned bits)
{
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].family == family && keys[i].bits == bits) {
            return keys[i].key;
        }
    }
    ASSERT(key_count < COUNT_OF(keys));
    struct evp_pkey_st *key = NULL;
    ASSERT(pki_key_new(family, bits, &key, NULL) == ERR_OK);
    keys[key_count].family = family;
    keys[key_count].bits = bits;
    keys[key_count++].key = key;
    return key;
}

static struct buf *
next_text(void)
{
    ASSERT(text_count < COUNT_OF(texts));
    return &texts[text_count++];
}

struct tls_certificate
test_certificate(const struct test_certificate *c)
{
    struct str names[NAMES_MAX], rest = str_of(c->names);
    size_t count = 0;
    while (count < NAMES_MAX && str_cut(&rest, ' ', &names[count])) {
        count++;
    }
    uint64_t now_s = clock_wall_us() / 1000000;
    uint64_t end_s = (uint64_t)((int64_t)now_s + c->days * DAY_S);
    struct pki_request request = {.common_name = names[0],
                                  .names = names,
                                  .name_count = count,
                                  .not_before_s = end_s - 100 * DAY_S,
                                  .not_after_s = end_s};
    struct x509_st *x = NULL;
    struct evp_pkey_st *key = key_of(c->family, c->bits);
    struct buf *chain_pem = next_text(), *key_pem = next_text();
    ASSERT(pki_certificate_new(&request, key, &x, NULL) == ERR_OK);
    ASSERT(pki_certificate_pem(x, chain_pem) == ERR_OK);
    ASSERT(pki_key_pem(key, key_pem) == ERR_OK);
    pki_certificate_free(&x);
    return (struct tls_certificate){str_of(c->arn), buf_str(chain_pem), buf_str(key_pem)};
}

struct tls_server *
test_server(const char *policy, const struct test_certificate *certificates, size_t count,
            const struct tls_ticket_keys *tickets)
{
    struct tls_certificate made[16];
    struct tls_server *server = NULL;
    ASSERT(count <= COUNT_OF(made));
    for (size_t i = 0; i < count; i++) {
        made[i] = test_certificate(&certificates[i]);
    }
    struct errinfo error = {""};
    if (tls_server_new(str_of(policy), made, count, tickets, &server, &error) != ERR_OK) {
        (void)fprintf(stderr, "no server: %s\n", error.text);
        NEVER("the tests after this one need a server");
    }
    return server;
}

/* ---- the client ---- */

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct test_link *l = SSL_get_app_data(ssl);
    SSL_SESSION_free(l->session);
    l->session = session;
    return 1; /* taken over */
}

SSL_CTX *
test_client_new(const struct test_client *c)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    ASSERT(context != NULL);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, c->min == 0 ? TLS1_VERSION : c->min);
    SSL_CTX_set_max_proto_version(context, c->max);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    char signatures[128];
    ASSERT(SSL_CTX_set_cipher_list(context, c->ciphers == NULL ? "ALL" : c->ciphers) == 1);
    if (c->signatures != NULL) {
        ASSERT(str_copy_z(str_of(c->signatures), signatures, sizeof(signatures)));
        ASSERT(SSL_CTX_set1_sigalgs_list(context, signatures) == 1);
    }
    return context;
}

void
link_open(struct test_link *l, struct tls_server *server, SSL_CTX *client, int type,
          const char *sni, SSL_SESSION *session)
{
    int fds[2];
    ASSERT(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    *l = (struct test_link){.fd = fds[1], .io = IO_AGAIN};
    stream_init(&l->stream, fds[0]);
    ASSERT(tls_accept(server, &l->stream) == ERR_OK);
    l->ssl = SSL_new(client);
    l->in = BIO_new(BIO_s_mem());
    l->out = BIO_new(BIO_s_mem());
    ASSERT(l->ssl != NULL && l->in != NULL && l->out != NULL);
    BIO_set_mem_eof_return(l->in, -1);
    SSL_set_bio(l->ssl, l->in, l->out);
    SSL_set_app_data(l->ssl, l);
    SSL_set_connect_state(l->ssl);
    if (sni != NULL) {
        char name[256];
        ASSERT(str_copy_z(str_of(sni), name, sizeof(name)));
        ASSERT(SSL_ctrl(l->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) ==
               1);
    }
    ASSERT(session == NULL || SSL_set_session(l->ssl, session) == 1);
}

/* Notes what an edge-triggered epoll would tell. */
static void
note_events(struct test_link *l)
{
    int waiting = 0;
    ASSERT(ioctl(l->stream.fd, FIONREAD, &waiting) == 0);
    stream_events(&l->stream, waiting > 0 ? EPOLLIN | EPOLLOUT : EPOLLOUT);
}

size_t
link_to_server(struct test_link *l)
{
    char bytes[64 * 1024];
    size_t limit = l->chunk == 0 ? sizeof(bytes) : MIN_OF(l->chunk, sizeof(bytes));
    int n = BIO_read(l->out, bytes, (int)limit);
    if (n > 0) {
        ASSERT(send(l->fd, bytes, (size_t)n, MSG_NOSIGNAL) == n);
    }
    note_events(l);
    return n > 0 ? (size_t)n : 0;
}

size_t
link_to_client(struct test_link *l)
{
    char bytes[128 * 1024];
    size_t moved = 0;
    for (;;) {
        ssize_t n = recv(l->fd, bytes, sizeof(bytes), 0);
        if (n <= 0) {
            return moved;
        }
        l->sends++;
        moved += (size_t)n;
        ASSERT(BIO_write(l->in, bytes, (int)n) == (int)n);
    }
}

/* One turn of the client; true when it failed for good. */
static bool
client_fails(struct test_link *l)
{
    ERR_clear_error();
    int result = SSL_do_handshake(l->ssl);
    return result != 1 && SSL_get_error(l->ssl, result) != SSL_ERROR_WANT_READ;
}

bool
link_handshake(struct test_link *l)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        bool failed = client_fails(l);
        (void)link_to_server(l); /* an alert too */
        if (l->io != IO_DONE) {
            l->io = tls_handshake(&l->stream);
        }
        (void)link_to_client(l);
        if (l->io == IO_DONE && SSL_is_init_finished(l->ssl)) {
            return true;
        }
        if (l->io == IO_EOF || l->io == IO_FAIL || (failed && BIO_pending(l->out) == 0)) {
            (void)client_fails(l); /* reads the server's alert */
            return false;
        }
    }
    return false;
}

bool
link_up(struct test_link *l, struct str text)
{
    char *got = xalloc(text.n);
    size_t at = 0, n = 0;
    ASSERT(SSL_write(l->ssl, text.p, (int)text.n) == (int)text.n);
    for (int i = 0; i < TURNS_MAX && at < text.n; i++) {
        (void)link_to_server(l);
        while (at < text.n && stream_readable(&l->stream) &&
               stream_read(&l->stream, got + at, text.n - at, &n) == IO_DONE) {
            at += n;
        }
    }
    bool same = at == text.n && memcmp(got, text.p, text.n) == 0;
    xfree(got);
    return same;
}

bool
link_down(struct test_link *l, struct str text)
{
    char *got = xalloc(text.n);
    size_t sent = 0, at = 0, n = 0;
    for (int i = 0; i < TURNS_MAX && at < text.n; i++) {
        note_events(l);
        while (sent < text.n &&
               stream_write(&l->stream, text.p + sent, text.n - sent, &n) == IO_DONE) {
            sent += n;
        }
        (void)link_to_client(l);
        int here = SSL_read(l->ssl, got + at, (int)(text.n - at));
        at += here > 0 ? (size_t)here : 0;
    }
    bool same = at == text.n && sent == text.n && memcmp(got, text.p, text.n) == 0;
    xfree(got);
    return same;
}

void
link_close(struct test_link *l)
{
    stream_close(&l->stream);
    SSL_free(l->ssl);
    SSL_SESSION_free(l->session);
    (void)close(l->fd); /* a test's socket */
}
