/* SPDX-License-Identifier: Apache-2.0
 * For the tests of the probes through libssl: one machine at a time without an engine, and servers
 * in a thread that say what a test wants, with certificates of an authority of their own. */
#pragma once

#include <openssl/ssl.h>
#include <pthread.h>

#include "doctor/engine_int.h"

/* ---- the far end ---- */

struct conn { /* one connection, seen from the server; blocking */
    int fd;
    SSL *ssl;        /* NULL: plain */
    unsigned number; /* from 0 */
    struct peer *peer;
};
/* Up to the empty line, NUL-terminated; false: the client went away. */
bool conn_read_head(struct conn *c, char *to, size_t size);
/* Exactly n bytes. */
bool conn_read(struct conn *c, void *to, size_t n);
void conn_write(struct conn *c, const void *p, size_t n);
void conn_say(struct conn *c, const char *text);
bool conn_start_tls(struct conn *c); /* the rest of the connection is TLS */
void conn_reset(struct conn *c);     /* it will end in a reset */

typedef void serve_fn(struct conn *c);
struct peer {
    serve_fn *serve;
    bool plain;                /* TLS only when serve() begins it */
    bool wants_certificate;    /* of the client */
    const char *alpn;          /* the one that is chosen if offered; NULL: none */
    const char *names;         /* of the certificate; NULL: app.example.com and 127.0.0.1 */
    bool forgets_intermediate; /* issued by one that is not sent, but has an address */
    const char *issuer_url;    /* that address */
    unsigned connections;      /* how many are served, one after another */
    char heads[8][4096];       /* what the client asked, per connection */
    uint16_t port;
    bool saw_certificate;
    SSL_CTX *context;
    int fd;
    pthread_t thread;
};
void peer_start(struct peer *p);
/* Waits for the thread; connections that did not come are made up for. */
void peer_stop(struct peer *p);
/* DER of the intermediate that a peer may forget; static. */
struct str bench_intermediate(void);

/* ---- this end ---- */

struct bench {
    struct loop *loop;
    struct facts facts;
    struct chain_store *store;
    struct tls_session *session;
    struct rand rand;
    struct run *run; /* under way */
    bool over;
    enum err refused;
    unsigned connections;
};
/* Trusts the test's authority. The URL is https://app.example.com:PORT/. */
void bench_open(struct bench *b, const char *url);
void bench_close(struct bench *b);
/* Runs one probe to its end, or cancels it after a while. The result stands in b->facts. */
const struct result *bench_probe(struct bench *b, const struct wish *w, unsigned cancel_after_ms);
struct wish bench_wish(enum probe probe, enum side side, const struct peer *p);
/* Paths of PEM files with a client certificate and its key; static, made once. */
const char *bench_client_file(void);
