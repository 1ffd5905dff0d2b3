/* SPDX-License-Identifier: Apache-2.0
 * What the files of tls share: contexts and the state of a connection. */
#pragma once

#include "tls/tls.h"

#include <openssl/ssl.h>

#include "crypto/pki.h"

enum {
    TLS_SERVER_MAGIC = 0x746c7373,
    TLS_CONN_MAGIC = 0x746c7363,
    TLS_SNI_MAX = 255, /* longer than any DNS name: not looked at */
};

/* ---- policy.c ---- */

/* Protocols, suites, groups, signatures and security level of a context, nothing left to a default.
 */
enum err tls_policy_apply(const struct tls_policy *policy, SSL_CTX *context, struct errinfo *reterr)
    MUST_USE;
bool tls_policy_has(const struct tls_policy *policy, int version); /* TLS1_3_VERSION, ... */
/* What a load balancer speaks towards its targets [ALB: TLS to targets]. */
const struct tls_policy *tls_policy_towards_targets(bool tls13);

/* ---- server.c ---- */
struct tls_chain {     /* one certificate of a listener with all that choosing needs */
    SSL_CTX *context;  /* owned */
    char *arn;         /* owned */
    struct str *names; /* owned, each one too: lower case, "*." in front of a wildcard */
    size_t name_count;
    struct pki_facts facts;
    uint8_t fingerprint[SHA256_BYTES];
};
struct tls_server {
    uint32_t magic;
    uint32_t references;
    const struct tls_policy *policy;       /* static */
    const struct tls_ticket_keys *tickets; /* borrowed; NULL: no resumption */
    struct tls_chain *chains;              /* owned; [0] is the default */
    size_t chain_count;
};
/* Settings that servers and clients share. */
enum err tls_context_new(const SSL_METHOD *method, const struct tls_policy *policy,
                         SSL_CTX **ret_context, struct errinfo *reterr) MUST_USE;

/* ---- client.c ---- */
struct tls_client {
    SSL_CTX *context; /* owned */
};

/* ---- hello.c ---- */

/* libssl's callback: reads SNI and abilities from the ClientHello, chooses the certificate, and
 * ties resumption to policy, certificate and name. */
int tls_hello_callback(SSL *ssl, int *ret_alert, void *context);
/* Tells libssl whether the name was of use, so that it answers the extension [RFC 6066 3]. */
int tls_name_callback(SSL *ssl, int *ret_alert, void *context);

/* ---- ticket.c ---- */
enum err tls_ticket_init(void) MUST_USE;
int tls_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                        EVP_MAC_CTX *mac, int sealing);

/* ---- filter.c ---- */
struct tls_spill { /* bytes that had to wait; owned */
    uint8_t *p;
    size_t at, end;
};
struct tls_conn {
    uint32_t magic;
    bool server_side;
    bool sni_matched;
    bool deferred; /* `out` holds only session tickets, which may wait for the next send */
    bool send_failed;
    bool eof;                      /* the socket's end was read */
    enum io ended;                 /* IO_DONE: not yet; else what every further read returns */
    int error;                     /* errno of the socket call that failed */
    SSL *ssl;                      /* owned */
    struct stream *stream;         /* borrowed: the one that calls just now */
    struct tls_server *server;     /* shared (ref); NULL on a client's side */
    const struct tls_chain *chain; /* borrowed from server; chosen by the ClientHello */
    char *sni;                     /* owned; NULL: none was sent */
    size_t sni_n;
    struct tls_spill in;  /* received, not yet read by libssl */
    struct tls_spill out; /* written by libssl, not yet taken by the socket */
    size_t owed;          /* plaintext that is sealed but not yet reported as written */
    struct tls_alert alert;
};
enum err tls_filter_init(void) MUST_USE;
/* libssl's callback: notes alerts in both directions. */
void tls_message_callback(int writing, int version, int type, const void *p, size_t n, SSL *ssl,
                          void *context);
struct tls_conn *tls_conn_of(const SSL *ssl);
