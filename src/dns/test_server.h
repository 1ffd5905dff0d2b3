/* SPDX-License-Identifier: Apache-2.0
 * Scripted DNS servers for this folder's tests: UDP and TCP on loopback, on the test's own loop. */
#pragma once

#include "dns/dns.h"

/* How a row is answered besides its records. */
enum test_flag {
    TEST_AA = 1 << 0,
    TEST_RA = 1 << 1,
    TEST_CUT = 1 << 2,         /* UDP: TC and no records; TCP: all */
    TEST_SILENT = 1 << 3,      /* no answer */
    TEST_SILENT_ONCE = 1 << 4, /* none to the first datagram */
    TEST_SPOOFED = 1 << 5,     /* before the answer: others' ids, other questions, five bytes */
    TEST_ONLY_SPOOFED = 1 << 6,
    TEST_BROKEN = 1 << 7,      /* UDP: the answer without its last byte */
    TEST_BROKEN_TCP = 1 << 8,  /* TCP: the same */
    TEST_ECHO = 1 << 9,        /* UDP: the question itself */
    TEST_LOOP = 1 << 10,       /* an owner name that points to itself */
    TEST_NO_EDNS = 1 << 11,    /* FORMERR, with nothing but a header, to questions with EDNS */
    TEST_TCP_EARLY = 1 << 12,  /* TCP: closed in the middle of the answer */
    TEST_TCP_SLOWLY = 1 << 13, /* TCP: one byte per turn */
    TEST_TCP_SILENT = 1 << 14,
    TEST_NO_QUESTION = 1 << 15, /* the answer does not repeat the question */
};

/* Records: lines "SECTION NAME TYPE VALUE"; SECTION answer, authority or additional; VALUE an
 * address, a name, "PRIMARY SERIAL" of an SOA, or bytes in hex. */
struct test_row {
    const char *name;
    uint16_t type; /* 0: all */
    unsigned flags;
    uint8_t rcode;
    const char *records; /* may be NULL */
};

struct test_server;
/* Answers by the first row that fits; without one REFUSED. `rows` ends with a name of NULL and is
 * borrowed. Port 0: any; the port is in test_server_addr. NULL when the port is taken. */
struct test_server *test_server_new(struct loop *loop, const char *ip, uint16_t port,
                                    const struct test_row *rows);
void test_server_free(struct test_server **server);
const struct addr *test_server_addr(const struct test_server *server);
unsigned test_server_datagrams(const struct test_server *server);
unsigned test_server_connections(const struct test_server *server);
/* No TCP from now on: refused. */
void test_server_tcp_close(struct test_server *server);

/* An answer's bytes as the server would send them; for tests without a socket. */
void test_answer_write(const struct test_row *row, const uint8_t *question, size_t n,
                       struct buf *out);
