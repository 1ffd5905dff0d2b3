/* SPDX-License-Identifier: Apache-2.0
 * For the tests of tls: a client made of plain libssl at the other end of a socketpair,
 * certificates on demand. The test moves every byte itself, so it decides about sizes and order. */
#pragma once

#include <openssl/ssl.h>

#include "base/str.h"
#include "crypto/pki.h"
#include "net/stream.h"
#include "tls/tls.h"

/* ---- certificates, signed by themselves; keys are made once per size ---- */
struct test_certificate {
    const char *arn;
    enum pki_family family;
    unsigned bits;
    const char *names; /* blank separated */
    int64_t days;      /* of validity from now; negative: expired since */
};
/* Texts live until the end of the program. */
struct tls_certificate test_certificate(const struct test_certificate *c);
struct tls_server *test_server(const char *policy, const struct test_certificate *certificates,
                               size_t count, const struct tls_ticket_keys *tickets);

/* ---- the client ---- */
struct test_client {
    int min, max;           /* versions; 0: any */
    const char *ciphers;    /* NULL: all; TLS 1.2 and below */
    const char *signatures; /* NULL: all */
};
SSL_CTX *test_client_new(const struct test_client *c); /* free with SSL_CTX_free */

struct test_link {
    struct stream stream; /* the server's end, under test */
    int fd;               /* the client's end */
    SSL *ssl;
    BIO *in, *out;        /* what the client will read and has written; owned by ssl */
    size_t chunk;         /* bytes moved to the server at a time; 0: all */
    size_t sends;         /* messages that came from the server; with SOCK_SEQPACKET its sends */
    enum io io;           /* last result of the server's handshake */
    SSL_SESSION *session; /* owned: the newest that the server gave */
};
/* SOCK_STREAM or SOCK_SEQPACKET; `sni` may be NULL, `session` is offered for resumption or NULL. */
void link_open(struct test_link *l, struct tls_server *server, SSL_CTX *client, int type,
               const char *sni, SSL_SESSION *session);
/* Until both ends are done or one has failed; true when both are done. */
bool link_handshake(struct test_link *l);
size_t link_to_server(struct test_link *l); /* moves one chunk and notes the event; bytes moved */
size_t link_to_client(struct test_link *l); /* moves all there is */
/* Client writes, server reads; true when the text arrived whole. And the other way round. */
bool link_up(struct test_link *l, struct str text);
bool link_down(struct test_link *l, struct str text);
void link_close(struct test_link *l);
