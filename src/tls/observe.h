/* SPDX-License-Identifier: Apache-2.0
 * TLS connections that observe: a libssl client which refuses no certificate and notes everything,
 * and the check of a certificate chain as browsers, curl and openssl make it, all faults at once.
 *
 * A pass: tls_observer_new() with what to offer; connect a socket, stream_init(); tls_watch() puts
 * TLS on the stream; drive tls_handshake() of tls.h to its end, good or bad; tls_observe() tells
 * what was seen (again after reading, if tickets or late alerts matter); stream_close(). Then
 * chain_check() with the certificates, the host and a clock of the caller's. */
#pragma once

#include "base/addr.h"
#include "tls/flight.h"
#include "tls/tls.h"

/* ---- observing client ---- */

struct tls_session; /* to be resumed by a later connection */
void tls_session_free(struct tls_session **s);

struct tls_observer_options {
    struct str sni;    /* empty or an address: none is sent */
    unsigned alpn;     /* TLS_ALPN_* */
    uint16_t min, max; /* TLS_V_*; 0: 1.2 and 1.3, with `wide` 1.0 to 1.3 */
    bool wide;         /* every suite and key size; else as curl on Debian, weak keys allowed */
    struct str client_cert_pem; /* certificate and what follows it; empty: none */
    struct str client_key_pem;
    const struct tls_session *session; /* borrowed; NULL: a full handshake */
};
struct tls_observer;
/* Copies what it needs. Errors (ERR_INVALID, ERR_CRYPTO) are about the client certificate or the
 * library. tls_init() comes first. */
enum err tls_observer_new(const struct tls_observer_options *options,
                          struct tls_observer **ret_observer, struct errinfo *reterr) MUST_USE;
void tls_observer_free(struct tls_observer **o); /* its connections may live on */
/* Like tls_connect: puts TLS on a plain, connected stream. After an error the stream is only to be
 * closed. */
enum err tls_watch(struct tls_observer *o, struct stream *stream) MUST_USE;

enum tls_staple {
    TLS_STAPLE_NONE, /* no OCSP answer came */
    TLS_STAPLE_GOOD,
    TLS_STAPLE_REVOKED,
    TLS_STAPLE_UNKNOWN,    /* the authority does not know the certificate */
    TLS_STAPLE_UNREADABLE, /* not an OCSP answer, an error answer, or about another certificate */
    TLS_STAPLE_COUNT
};
const char *tls_staple_name(enum tls_staple s); /* "none", "good", ... */

struct tls_seen {
    bool done;        /* the handshake succeeded (TLS 1.3: as far as this side can tell) */
    uint16_t version; /* 0 where it did not come to that, as with all numbers here */
    uint16_t suite;
    char cipher[48]; /* OpenSSL's name of the suite */
    uint16_t group;
    uint8_t alpn[255]; /* bytes of the far end */
    uint8_t alpn_n;
    bool certificate_request; /* the server asked for a client certificate */
    bool client_certificate_sent;
    bool resumed;
    unsigned tickets; /* NewSessionTicket messages so far */
    bool sct;         /* in the handshake, not in the certificate */
    enum tls_staple staple;
    uint64_t staple_until_s; /* its nextUpdate; 0: none */
    int alert_sent;          /* -1: none; close_notify does not count */
    int alert_received;
    char reason[96];       /* the library's or the system's word for the failure; "" none */
    struct der_list chain; /* as sent, leaf first */
};
void tls_observe(const struct stream *stream, struct tls_seen *ret_seen); /* overwrites *ret_seen */
void tls_seen_done(struct tls_seen *seen);
/* The newest session of the connection, NULL if none came; the caller's. */
struct tls_session *tls_session_take(const struct stream *stream);

/* ---- trusted roots ---- */

struct chain_store;
struct chain_store *chain_store_new(void); /* empty: nothing is trusted */
void chain_store_free(struct chain_store **s);
/* The system's roots: SSL_CERT_FILE and SSL_CERT_DIR where set, else the first bundle of those that
 * distributions use, and /etc/ssl/certs. Public are those of the distribution's own set, not what
 * was added on this machine. ERR_NOT_FOUND: no roots at all. */
enum err chain_store_add_system(struct chain_store *s, struct errinfo *reterr) MUST_USE;
/* PEM certificates, trusted as a private authority (--ca). */
enum err chain_store_add_file(struct chain_store *s, const char *path, struct errinfo *reterr)
    MUST_USE;
enum err chain_store_add_pem(struct chain_store *s, struct str pem, bool is_public,
                             struct errinfo *reterr) MUST_USE;
size_t chain_store_count(const struct chain_store *s);

/* ---- the check ---- */

/* chain_problems.def: every way in which a chain can be wrong. */
enum chain_problem_kind {
#define CHAIN(NAME, name, weight, sentence) CHAIN_##NAME,
#include "tls/chain_problems.def"
#undef CHAIN
    CHAIN_COUNT
};
enum chain_weight {
    CHAIN_NOTE,    /* odd, harmless */
    CHAIN_WARNING, /* some client minds, or soon will */
    CHAIN_FATAL,   /* browsers refuse */
};
const char *chain_problem_name(enum chain_problem_kind k);     /* "name_mismatch" */
const char *chain_problem_sentence(enum chain_problem_kind k); /* msgid */
enum chain_weight chain_problem_weight(enum chain_problem_kind k);
bool chain_problem_find(struct str name, enum chain_problem_kind *ret_kind);

struct chain_question {
    const struct der_list *sent;     /* borrowed */
    struct str host;                 /* DNS name in ASCII, or an address without brackets */
    uint64_t now_s;                  /* Unix seconds */
    const struct chain_store *store; /* borrowed */
    const struct der_list *fetched;  /* borrowed: by AIA; NULL: nothing was fetched */
    enum tls_staple staple;          /* from tls_seen */
    bool sct;                        /* from tls_seen */
    bool handshake_seen;             /* the two above are known; else they accuse nobody */
};

struct chain_name {  /* of the subject alternative names */
    bool is_address; /* then `text` is canonical */
    struct str text; /* owned; bytes of the far end, NUL possible */
};
enum chain_key { CHAIN_KEY_RSA, CHAIN_KEY_EC, CHAIN_KEY_ED25519, CHAIN_KEY_ED448, CHAIN_KEY_OTHER };
const char *chain_key_name(enum chain_key k); /* "RSA", "EC", ... */

struct chain_certificate {  /* all texts: owned, bytes of the far end, cut at LIMIT_CERTIFICATE_TEXT
                             */
    bool malformed;         /* could not be read: all else is empty */
    char *subject, *issuer; /* [RFC 2253], controls as \XX */
    char *common_name;      /* the last CN of the subject; "" none */
    struct chain_name *names; /* owned; at most LIMIT_CERTIFICATE_NAMES */
    size_t name_count;
    size_t name_total; /* of DNS names and addresses, kept or not */
    uint64_t not_before_s, not_after_s;
    enum chain_key key;
    unsigned key_bits;
    char curve[24]; /* "P-256"; "" none */
    char hash[16];  /* of the signature: "SHA256"; "" unknown */
    bool is_ca;
    bool self_issued; /* subject = issuer */
    bool self_signed; /* and its own key made the signature */
    bool embedded_sct;
    bool must_staple;
    char serial[65];      /* hex, cut */
    char fingerprint[65]; /* SHA-256, hex */
    char *aia_url;        /* the issuer's certificate, first http URL; "" none */
    char *ocsp_url;       /* "" none */
};

/* Where a certificate of the path came from. */
enum chain_source { CHAIN_SENT, CHAIN_STORE };
struct chain_step {
    enum chain_source source;
    size_t index;  /* into `certificates` when sent; else 0 */
    char *subject; /* owned */
};

struct chain_problem {
    enum chain_problem_kind kind;
    unsigned depth; /* 0: the site's certificate; upwards along the path, or as sent if off it */
    bool sent;      /* `index` is set */
    size_t index;   /* into `certificates` */
};

enum { CHAIN_PROBLEMS_MAX = 64, CHAIN_STEPS_MAX = 24, CHAIN_CODES_MAX = 32 };
struct chain_facts {
    struct chain_certificate certificates[LIMIT_TLS_CHAIN_CERTIFICATES]; /* as sent */
    size_t count;
    size_t total; /* that were sent */

    struct chain_problem problems[CHAIN_PROBLEMS_MAX]; /* fatal ones first */
    size_t problem_count;

    /* The path that was found with what was sent; its end may be untrusted. */
    struct chain_step path[CHAIN_STEPS_MAX];
    size_t path_count;
    bool trusted;     /* the path ends at a root of the store */
    bool public_root; /* which is one of the public set */
    /* Neither sent nor known. A forgotten intermediate and a private authority look alike from
     * outside: without an URL, or when fetching did not help, INCOMPLETE and UNTRUSTED_ROOT are
     * both named. */
    char *missing_issuer; /* owned: name of the issuer that was not found; NULL: all were */
    char *missing_url;    /* owned: where it can be fetched (http); NULL: not said */

    bool fetched_given;  /* q.fetched was there */
    bool works_with_aia; /* trusted only with the fetched certificates */

    int verify_codes[CHAIN_CODES_MAX]; /* OpenSSL's, in its order */
    size_t verify_code_count;
    int verify_code; /* the first: where curl stops; 0: fine */
    int verify_last; /* the last: what s_client prints without -verify_hostname; 0: fine */
    int curl_exit;   /* 0, 60, or 35: no certificate that could be read */

    const char *interceptor; /* product whose authority issued it; NULL: none known. Static. */
};
/* Overwrites *ret_facts. Input of the far end never fails it: what cannot be read is MALFORMED. */
void chain_check(const struct chain_question *q, struct chain_facts *ret_facts);
void chain_facts_done(struct chain_facts *f);
const struct chain_problem *chain_problem_of(const struct chain_facts *f,
                                             enum chain_problem_kind k);

/* Does a certificate's DNS name cover the host? Browsers' rules: "*" only as the whole left-most
 * label, for exactly one label, with two more behind it [RFC 9525 6.3]. Addresses never match. */
bool chain_name_matches(struct str host, struct str name);
/* The product whose authority bears this name in its issuer line, else NULL. A name proves nothing
 * by itself: anybody may take it. */
const char *chain_interceptor(struct str issuer);
/* OpenSSL's words for a verify code: "certificate has expired". Static. */
const char *chain_verify_text(int code);
/* What an AIA URL gave: a DER certificate, PEM, or PKCS #7 with certificates only. ERR_INVALID:
 * none of these. Adds to the list. */
enum err chain_aia_read(struct str bytes, struct der_list *list) MUST_USE;
