/* SPDX-License-Identifier: Apache-2.0
 * TLS hellos as bytes: writing a ClientHello like that of a known client, and reading what comes
 * back for it, TLS or not. No sockets, no libssl, no verdicts: what the bytes mean for the user is
 * the doctor's business.
 *
 *     struct tls_hello h = {.profile = TLS_HELLO_CHROMIUM, .sni = host, .alpn = TLS_ALPN_BOTH,
 *                           .seed = seed};
 *     tls_hello_write(&h, &bytes);  ... send; whenever bytes arrive:
 *     tls_flight_read(got, n, eof, &flight);  ... until flight.complete
 *     tls_flight_done(&flight);
 *
 * The connection is of no further use then: nobody keeps the keys of the hello. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

/* ---- certificates in DER, in the order in which they came; not looked into ---- */
struct der {
    uint8_t *p; /* owned by the list */
    size_t n;
};
struct der_list {
    struct der items[LIMIT_TLS_CHAIN_CERTIFICATES];
    size_t count;
    size_t total; /* how many came: the ones beyond the limits are counted, not kept */
};
/* Copies; drops what is beyond LIMIT_TLS_CHAIN_CERTIFICATES or LIMIT_TLS_CHAIN_BYTES. */
void der_list_add(struct der_list *list, const uint8_t *p, size_t n);
void der_list_copy(const struct der_list *from, struct der_list *ret_list);
void der_list_done(struct der_list *list); /* leaves it empty */

/* ---- names of numbers ---- */
/* NULL when the number has no name here; else static. */
const char *tls_alert_name(unsigned number);     /* "handshake_failure" [RFC 8446 B.2] */
const char *tls_suite_name(uint16_t number);     /* "TLS_AES_128_GCM_SHA256", IANA's */
const char *tls_group_name(uint16_t number);     /* "X25519MLKEM768", IANA's */
const char *tls_version_name(uint16_t number);   /* "TLS 1.3" */
const char *tls_extension_name(uint16_t number); /* "server_name", IANA's */

enum tls_exchange {
    TLS_EXCHANGE_13,
    TLS_EXCHANGE_ECDHE,
    TLS_EXCHANGE_DHE,
    TLS_EXCHANGE_RSA,
    TLS_EXCHANGE_OTHER
};
enum tls_exchange tls_suite_exchange(uint16_t number); /* OTHER when unknown */
bool tls_suite_is_aead(uint16_t number);
/* Fit for HTTP/2: an ephemeral key and AEAD [RFC 9113 9.2.2]. */
bool tls_suite_is_modern(uint16_t number);

enum {
    TLS_V_SSL3 = 0x0300,
    TLS_V_10 = 0x0301,
    TLS_V_11 = 0x0302,
    TLS_V_12 = 0x0303,
    TLS_V_13 = 0x0304
};

/* ---- the hello ---- */

/* Like whom: hellos.def. */
enum tls_hello_profile {
#define HELLO(NAME, name, min, max, sentence) TLS_HELLO_##NAME,
#include "tls/hellos.def"
#undef HELLO
    TLS_HELLO_COUNT
};
const char *tls_hello_name(enum tls_hello_profile p);     /* "chromium": values of --as */
const char *tls_hello_sentence(enum tls_hello_profile p); /* msgid */
bool tls_hello_find(struct str name, enum tls_hello_profile *ret_profile);

enum { TLS_ALPN_NONE = 0, TLS_ALPN_H2 = 1, TLS_ALPN_HTTP11 = 2, TLS_ALPN_BOTH = 3 };

struct tls_hello {
    enum tls_hello_profile profile;
    struct str sni; /* left out when empty, an address, or longer than a DNS name; a dot at the end
                       is not sent [RFC 6066 3] */
    unsigned alpn;  /* TLS_ALPN_*; h2 goes first; WIDE, SMALL and OPENSSL send what is asked, too */
    /* 0: as the profile does. A maximum below 1.3 leaves out all that belongs to 1.3, a minimum of
     * 1.3 all older suites. */
    uint16_t min, max;
    uint64_t seed; /* all that is random in the hello follows from it: keys, GREASE, order */
};
/* Appends the ClientHello in its record(s), ready to send. Errors: ERR_CRYPTO. */
enum err tls_hello_write(const struct tls_hello *h, struct buf *out) MUST_USE;

/* ---- what came back ---- */

/* flights.def: what the first bytes are. */
enum tls_flight_kind {
#define FLIGHT(NAME, name, is_tls) TLS_FLIGHT_##NAME,
#include "tls/flights.def"
#undef FLIGHT
    TLS_FLIGHT_COUNT
};
const char *tls_flight_kind_name(enum tls_flight_kind k); /* "server_hello", as in JSON */
bool tls_flight_is_tls(enum tls_flight_kind k); /* TLS or SSL of any age, right or wrong */

/* Why a record or message cannot be used. */
enum tls_flight_fault {
    TLS_FAULT_NONE,
    TLS_FAULT_VERSION, /* of the record: neither SSL 3 nor TLS */
    TLS_FAULT_LENGTH,  /* of the record or message: more than the protocol allows, or nothing */
    TLS_FAULT_TYPE,    /* a kind of record that does not belong here */
    TLS_FAULT_MESSAGE, /* a handshake message that does not belong here */
    TLS_FAULT_CONTENT, /* the message contradicts its own lengths */
    TLS_FAULT_COUNT
};
const char *tls_flight_fault_name(enum tls_flight_fault f); /* "none", "version", ... */

enum { TLS_ALERT_WARNING = 1, TLS_ALERT_FATAL = 2, TLS_FLIGHT_EXTENSIONS = 32 };

struct tls_flight {
    enum tls_flight_kind kind;
    bool complete; /* further bytes would not add to what stands here: stop reading */
    bool cut;      /* eof came inside a record or message */
    enum tls_flight_fault fault;

    /* The first record's header (TLS kinds only). */
    uint8_t record_type;
    uint16_t record_version;
    uint16_t record_length;

    /* The alert that ended it, else the first warning; also beside a ServerHello. -1: none. */
    int alert;
    uint8_t alert_level;
    unsigned warnings;           /* warning alerts in all, close_notify among them */
    bool encrypted_alert_likely; /* TLS 1.2 and below: a short record after the keys changed */

    /* ServerHello or HelloRetryRequest. */
    uint16_t legacy_version; /* in its old field */
    uint16_t version;        /* the one that is chosen [RFC 8446 4.1.3] */
    uint16_t suite;
    uint16_t group;    /* of the key share, retry or ServerKeyExchange; 0: none */
    uint16_t dh_bits;  /* of a DHE prime; 0: none */
    uint8_t alpn[255]; /* TLS 1.2 and below; bytes of the far end */
    uint8_t alpn_n;    /* 0: none */
    uint16_t extensions[TLS_FLIGHT_EXTENSIONS]; /* types, in their order */
    unsigned extension_count;                   /* kept */
    bool session_ticket, extended_master_secret, secure_renegotiation, sni_acknowledged;
    bool sct, status_request, psk;

    /* TLS 1.2 and below. */
    bool certificate_request;
    bool hello_done;
    bool resumed; /* ChangeCipherSpec came straight after the ServerHello */
    struct der_list chain;
};

/* Reads all that has come so far, `eof`: no more will. `ret` is zeroed or what an earlier call left
 * (freed first); call again with the longer bytes until `complete`. Nothing in *ret points into p.
 * Bytes of a server that speaks first are told apart in the same way. */
void tls_flight_read(const uint8_t *p, size_t n, bool eof, struct tls_flight *ret);
void tls_flight_done(struct tls_flight *f); /* leaves it empty */
/* True when the extension came in the ServerHello. */
bool tls_flight_has_extension(const struct tls_flight *f, uint16_t type);
