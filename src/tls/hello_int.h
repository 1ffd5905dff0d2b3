/* SPDX-License-Identifier: Apache-2.0
 * What a client's hello consists of: the tables that hello_bytes.c writes from. */
#pragma once

#include "tls/flight_int.h"

enum {
    /* In the tables: a value of that kind is chosen [RFC 8701]; the second one differs from the
     * first and stays at its place. */
    HELLO_GREASE = 0x0a0a,
    HELLO_GREASE_LAST = 0x1a1a,
    HELLO_GROUP_P256 = 23,
    HELLO_GROUP_X25519 = 29,
    HELLO_GROUP_HYBRID_FIRST = 0x0200, /* from here on groups are for TLS 1.3 alone */
    HELLO_GROUP_X25519MLKEM768 = 0x11ec,
    HELLO_SCSV = 0x00ff, /* in the list of suites, for secure renegotiation [RFC 5746 3.3] */
};

struct hello_list {
    const uint16_t *p;
    size_t n;
};

struct hello_profile {
    struct hello_list suites; /* empty: all that suites.def calls wide */
    struct hello_list groups; /* empty: all that groups.def calls wide */
    struct hello_list shares; /* groups with a key share */
    struct hello_list signatures;
    struct hello_list extensions; /* in their order */
    bool shuffled;                /* what lies between the GREASE at either end */
    struct str point_formats;     /* bodies of extensions, all of it */
    struct str compressions;
    struct str trust_anchors;
    uint16_t ech_payload_min; /* of the ECH GREASE, with a random number of steps above it */
    uint16_t ech_payload_step;
    uint16_t ech_payload_steps;
};
const struct hello_profile *tls_hello_profile(enum tls_hello_profile p);
