/* SPDX-License-Identifier: Apache-2.0
 * What the writer and the readers of handshake bytes share. */
#pragma once

#include "tls/flight.h"

enum tls_extension {
#define EXTENSION(number, NAME, name) TLS_EXT_##NAME = (number),
#include "tls/extensions.def"
#undef EXTENSION
};

enum tls_record {
    TLS_RECORD_CHANGE_CIPHER = 20,
    TLS_RECORD_ALERT = 21,
    TLS_RECORD_HANDSHAKE = 22,
    TLS_RECORD_APPDATA = 23,
    TLS_RECORD_HEARTBEAT = 24,
    TLS_RECORD_HEADER = 5,
    TLS_RECORD_MAX = 16384 + 2048, /* TLS 1.2's allowance for expansion [RFC 5246 6.2.3] */
};

enum tls_message {
    TLS_MESSAGE_HELLO_REQUEST = 0,
    TLS_MESSAGE_CLIENT_HELLO = 1,
    TLS_MESSAGE_SERVER_HELLO = 2,
    TLS_MESSAGE_NEW_TICKET = 4,
    TLS_MESSAGE_CERTIFICATE = 11,
    TLS_MESSAGE_KEY_EXCHANGE = 12,
    TLS_MESSAGE_CERTIFICATE_REQUEST = 13,
    TLS_MESSAGE_HELLO_DONE = 14,
    TLS_MESSAGE_CERTIFICATE_STATUS = 22,
    TLS_MESSAGE_HEADER = 4,
};

/* The rows of suites.def and groups.def, in their order; NULL or 0 past the end. */
struct tls_suite {
    uint16_t number;
    const char *name;
    enum tls_exchange exchange;
    bool aead;
    uint16_t since; /* TLS_V_* */
    bool wide;
};
const struct tls_suite *tls_suite_at(size_t index);
const struct tls_suite *tls_suite_find(uint16_t number);
/* The group that WIDE offers in this place; 0 past the end. */
uint16_t tls_group_wide_at(size_t index);

/* Reads one whole handshake message (header included) of a server into the facts. False: it
 * contradicts its own lengths, or what it says is beyond any limit. Plain text only; used for the
 * messages that libssl shows, too, where TLS 1.3's Certificate and CertificateRequest appear. */
bool tls_flight_message(struct tls_flight *f, const uint8_t *p, size_t n);
