/* SPDX-License-Identifier: Apache-2.0
 * Contexts of a listener: one SSL_CTX per certificate, all alike but for it. */
#include "tls/tls_int.h"

#include <openssl/err.h>

#include "base/assert.h"
#include "base/mem.h"

enum { CHAIN_MAX = 16 }; /* certificates in one chain */

/* ---- ALPN: what listeners speak, in our order; HTTP/2 will be a row above ---- */
static const struct str protocols[] = {
    {"http/1.1", 8},
};

/* The list of a ClientHello: one length byte before each name; libssl has checked its form. */
static bool
offers(const unsigned char *list, unsigned n, struct str name)
{
    for (unsigned at = 0; at < n; at += 1u + list[at]) {
        if (list[at] == name.n && at + 1 + list[at] <= n &&
            memcmp(list + at + 1, name.p, name.n) == 0) {
            return true;
        }
    }
    return false;
}

/* A client that offers only what we do not know is served without ALPN, as AWS does. */
static int
alpn_callback(SSL *ssl UNUSED, const unsigned char **ret_name, unsigned char *ret_n,
              const unsigned char *list, unsigned n, void *context UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        if (offers(list, n, protocols[i])) {
            *ret_name = (const unsigned char *)protocols[i].p;
            *ret_n = (unsigned char)protocols[i].n;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* ---- contexts ---- */

enum err
tls_context_new(const SSL_METHOD *method, const struct tls_policy *policy, SSL_CTX **ret_context,
                struct errinfo *reterr)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL) {
        return err_set(reterr, ERR_CRYPTO, "no TLS context: %s", crypto_reason());
    }
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_NO_AUTO_CHAIN);
    /* A record that carries no data ends the call, so that a peer cannot keep us in it for ever. */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context, 0); /* the filter reads ahead, for all connections at once */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_msg_callback(context, tls_message_callback);
    enum err e = tls_policy_apply(policy, context, reterr);
    if (e != ERR_OK) {
        SSL_CTX_free(context);
        return e;
    }
    *ret_context = context;
    return ERR_OK;
}

static void
set_server_callbacks(const struct tls_server *s, SSL_CTX *context)
{
    SSL_CTX_set_client_hello_cb(context, tls_hello_callback, NULL);
    SSL_CTX_set_tlsext_servername_callback(context, tls_name_callback);
    SSL_CTX_set_alpn_select_cb(context, alpn_callback, NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    (void)SSL_CTX_set_max_early_data(context, 0);              /* cannot fail */
    (void)SSL_CTX_set_recv_max_early_data(context, 0);         /* cannot fail */
    (void)SSL_CTX_set_timeout(context, TLS_TICKET_LIFETIME_S); /* returns the old value */
    /* One ticket, not two: each costs as much as a signature [performance study]. */
    (void)SSL_CTX_set_num_tickets(context, s->tickets == NULL ? 0 : 1);
    if (s->tickets == NULL) {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    } else {
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, tls_ticket_callback);
    }
}

/* ---- certificates ---- */

static void
note_name(void *context, struct str name, bool is_address)
{
    struct tls_chain *c = context;
    if (!is_address) { /* SNI carries no addresses [RFC 6066 3] */
        c->names = xrealloc(c->names, (c->name_count + 1) * sizeof(*c->names));
        c->names[c->name_count++] = (struct str){xstrdup_str(name), name.n};
    }
}

static enum err
use_chain(struct tls_chain *c, struct x509_st **certificates, size_t count, struct evp_pkey_st *key,
          struct errinfo *reterr)
{
    if (c->facts.family == PKI_OTHER || SSL_CTX_use_certificate(c->context, certificates[0]) != 1) {
        return err_set(reterr, ERR_UNSUPPORTED,
                       "The certificate '%s' must have a fully-qualified domain name, a supported "
                       "signature, and a supported key size. (%s)",
                       c->arn, crypto_reason());
    }
    if (SSL_CTX_use_PrivateKey(c->context, key) != 1 ||
        SSL_CTX_check_private_key(c->context) != 1) {
        return err_set(reterr, ERR_INVALID, "the private key of '%s' does not fit it: %s", c->arn,
                       crypto_reason());
    }
    for (size_t i = 1; i < count; i++) {
        if (SSL_CTX_add1_chain_cert(c->context, certificates[i]) != 1) {
            return err_set(reterr, ERR_INVALID, "certificate %zu in the chain of '%s': %s", i + 1,
                           c->arn, crypto_reason());
        }
    }
    return ERR_OK;
}

static enum err
load_chain(struct tls_chain *c, const struct tls_certificate *from, struct errinfo *reterr)
{
    struct x509_st *certificates[CHAIN_MAX];
    size_t count;
    struct evp_pkey_st *key;
    if (pki_certificates_parse(from->chain_pem, certificates, CHAIN_MAX, &count) != ERR_OK) {
        return err_set(reterr, ERR_INVALID, "the certificate chain of '%s' is no valid PEM",
                       c->arn);
    }
    enum err e = pki_key_parse(from->key_pem, &key, reterr);
    if (e == ERR_OK) {
        pki_certificate_facts(certificates[0], &c->facts);
        pki_certificate_names(certificates[0], note_name, c);
        e = pki_certificate_fingerprint(certificates[0], c->fingerprint);
        if (e == ERR_OK) {
            e = use_chain(c, certificates, count, key, reterr);
        }
        pki_key_free(&key);
    }
    pki_certificates_free(certificates, count);
    return e;
}

enum err
tls_server_new(struct str policy, const struct tls_certificate *certificates, size_t count,
               const struct tls_ticket_keys *tickets, struct tls_server **ret_server,
               struct errinfo *reterr)
{
    const struct tls_policy *row = tls_policy_find(policy);
    if (row == NULL) {
        return err_set(reterr, ERR_NOT_FOUND, "SSL policy '%.*s' not found", STR_ARG(policy));
    }
    if (count == 0) {
        return err_set(reterr, ERR_INVALID, "an HTTPS listener needs a certificate");
    }
    struct tls_server *s = xalloc(sizeof(*s));
    *s = (struct tls_server){TLS_SERVER_MAGIC, 1, row, tickets, NULL, count};
    s->chains = xalloc(count * sizeof(*s->chains));
    for (size_t i = 0; i < count; i++) {
        struct tls_chain *c = &s->chains[i];
        c->arn = xstrdup_str(certificates[i].arn);
        enum err e = tls_context_new(TLS_server_method(), row, &c->context, reterr);
        if (e == ERR_OK) {
            set_server_callbacks(s, c->context);
            e = load_chain(c, &certificates[i], reterr);
        }
        if (e != ERR_OK) {
            tls_server_unref(&s);
            return e;
        }
    }
    *ret_server = s;
    return ERR_OK;
}

struct tls_server *
tls_server_ref(struct tls_server *s)
{
    ASSERT(s->magic == TLS_SERVER_MAGIC);
    ASSERT(s->references > 0);
    s->references++;
    return s;
}

static void
chain_done(struct tls_chain *c)
{
    SSL_CTX_free(c->context);
    for (size_t i = 0; i < c->name_count; i++) {
        xfree((void *)(uintptr_t)c->names[i].p);
    }
    xfree(c->names);
    xfree(c->arn);
}

void
tls_server_unref(struct tls_server **s)
{
    struct tls_server *gone = *s;
    *s = NULL;
    if (gone == NULL) {
        return;
    }
    ASSERT(gone->magic == TLS_SERVER_MAGIC);
    ASSERT(gone->references > 0);
    if (--gone->references > 0) {
        return;
    }
    for (size_t i = 0; i < gone->chain_count; i++) {
        chain_done(&gone->chains[i]);
    }
    xfree(gone->chains);
    gone->magic = 0;
    xfree(gone);
}
