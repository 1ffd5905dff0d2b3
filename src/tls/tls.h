/* SPDX-License-Identifier: Apache-2.0
 * TLS on OpenSSL: the only module that knows libssl. Server contexts per listener (policy, SNI,
 * certificates, tickets), client contexts for targets, and a filter over a socket that plugs into
 * `struct stream` (net/stream.h). A later library of the OpenSSL family fits behind the same
 * header.
 *
 * Warm-up: tls_init() fetches every algorithm that is used, before the sandbox closes. */
#pragma once

#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"
#include "net/stream.h"

enum err tls_init(struct errinfo *reterr) MUST_USE;

/* Security policies: policies.def, one row each [ALB: security policies]. */
struct tls_policy {
    const char *name;      /* "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" */
    const char *protocols; /* "TLSv1.2 TLSv1.3", AWS's names */
    const char
        *ciphers; /* all names in server order, blank separated: 1.3 names and OpenSSL names */
    const char *groups;     /* "x25519 secp256r1 secp384r1"; those the library lacks are left out */
    const char *signatures; /* signature schemes in server order, as libssl spells them */
    bool is_default;        /* when a listener names none: ELBSecurityPolicy-2016-08 */
};
const struct tls_policy *tls_policy_find(struct str name); /* NULL when unknown */
const struct tls_policy *tls_policy_at(size_t index);      /* NULL past the end */

/* ---- tickets: stateless, rotating keys shared by all workers ---- */
enum { TLS_TICKET_KEY_BYTES = 80, TLS_TICKET_KEYS = 2 };
enum { TLS_TICKET_LIFETIME_S = 6 * 3600 }; /* rotate this often: a ticket then opens all its life */
struct tls_ticket_keys { /* [0] seals, all open; lies in memory shared by the workers, filled by the
                            supervisor's generation */
    uint8_t keys[TLS_TICKET_KEYS][TLS_TICKET_KEY_BYTES];
};
enum err tls_ticket_keys_fill(struct tls_ticket_keys *keys) MUST_USE; /* all fresh */
/* The old sealing key goes on opening, a fresh one seals. Workers may read meanwhile: a ticket
 * sealed in that instant may not open later, which costs its client one full handshake. */
enum err tls_ticket_keys_rotate(struct tls_ticket_keys *keys) MUST_USE;

/* ---- server side ---- */
struct tls_certificate {
    struct str arn;
    struct str chain_pem; /* leaf first */
    struct str key_pem;
};
struct tls_server; /* contexts of one listener; counted, a connection holds the one it began with */
/* certificates[0] is the default. Copies what it needs; wipes nothing of the caller's. `tickets` is
 * read at each handshake and must outlive the server; NULL: no resumption. */
enum err tls_server_new(struct str policy, const struct tls_certificate *certificates, size_t count,
                        const struct tls_ticket_keys *tickets, struct tls_server **ret_server,
                        struct errinfo *reterr) MUST_USE;
struct tls_server *tls_server_ref(struct tls_server *s);
void tls_server_unref(struct tls_server **s);

/* ---- client side, towards targets: no certificate validation [ALB: TLS to targets] ---- */
struct tls_client;
/* Policy from the listeners: tls13 if any listener uses a TLS 1.3 policy, else the 2016-08 set. */
enum err tls_client_new(bool tls13, struct tls_client **ret_client, struct errinfo *reterr)
    MUST_USE;
void tls_client_free(struct tls_client **c);

/* ---- connections ---- */
/* Puts TLS on a stream whose socket is connected; the stream then reads and writes plaintext. */
enum err tls_accept(struct tls_server *server, struct stream *stream) MUST_USE;
enum err tls_connect(struct tls_client *client, struct stream *stream) MUST_USE;

/* Drives the handshake. IO_DONE: established. IO_AGAIN: an event must come first. IO_EOF: the peer
 * closed. IO_FAIL: see tls_alert. */
enum io tls_handshake(struct stream *stream);

struct tls_alert {
    bool sent;     /* by us */
    bool received; /* from the peer */
    int number;    /* -1: none (then `text` is the library's reason) */
    char text[48]; /* "handshake failure" */
};
void tls_alert(const struct stream *stream, struct tls_alert *ret_alert);

struct tls_info { /* after the handshake; strings are static or live as long as the server context
                   */
    struct str protocol; /* "TLSv1.3" */
    struct str cipher;   /* "ECDHE-RSA-AES128-GCM-SHA256" or "TLS_AES_128_GCM_SHA256" */
    struct str sni;      /* what the client sent, lower-cased; lives as long as the stream's TLS */
    bool sni_matched;    /* a certificate's name matched it */
    struct str certificate_arn;
    bool resumed;
};
void tls_info(const struct stream *stream, struct tls_info *ret_info);

/* tls's stream_ops (see net/stream.h) do read, write, pending, shutdown (close_notify) and free.
 *
 * One read is at most one recv, one write at most one send of up to TLS_WRITE_MAX bytes of
 * plaintext. IO_AGAIN from a write may mean "sealed, but the socket did not take all of it": as
 * with a plain stream, the next write must begin with the same bytes; they are reported as written
 * once they have left. A peer's close_notify and its plain end of the connection both read as
 * IO_EOF. */
enum { TLS_WRITE_MAX = 64 * 1024 };
