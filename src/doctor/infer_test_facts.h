/* SPDX-License-Identifier: Apache-2.0
 * Facts for the tests of the inference, written in a few lines: begin with test_site() (a healthy
 * https site when test_healthy() follows), then put what was seen. Everything is released by
 * facts_done(). Addresses are "ip:port" or "[v6]:port" texts. */
#pragma once

#include "doctor/infer.h"

/* The question and a known, ordinary machine: IPv4 route, no proxy, clock 2026-11-23 12:00:00 UTC.
 */
enum { TEST_NOW_S = 1795435200 };
void test_site(struct facts *f, const char *url);
/* One address 198.51.100.7 that opens, a TLS 1.3 answer, a good certificate, 200 from nginx. */
void test_healthy(struct facts *f);

struct result *test_result(struct facts *f, enum probe p, enum side s, const char *at,
                           enum outcome o);
/* D1 (and D2A or D2Q by family) with these addresses, blank separated. */
struct result *test_resolves(struct facts *f, const char *addresses);
/* A DNS answer of one probe: label = the server; addresses blank separated. */
struct result *test_dns(struct facts *f, enum probe p, const char *server, const char *name,
                        uint16_t rcode, const char *addresses, uint32_t ttl);
struct dns_record *test_record(struct result *r, const char *name, uint16_t type,
                               const char *target);
struct result *test_tcp(struct facts *f, enum side s, const char *at, int error); /* T1; 0: open */
struct result *test_silent(struct facts *f, enum probe p, enum side s, const char *at);
/* Raw bytes back for a hello or a plain request; the meaning is worked out by facts_digest. */
struct result *test_bytes(struct facts *f, enum probe p, enum side s, const char *at,
                          const void *bytes, size_t n, enum finish finish);
struct result *test_text(struct facts *f, enum probe p, enum side s, const char *at,
                         const char *text, enum finish finish);
struct result *test_alert(struct facts *f, enum probe p, enum side s, const char *at,
                          unsigned number);
/* A TLS 1.2 or 1.3 ServerHello (0x0303, 0x0304; lower ones, too) with this suite. */
struct result *test_hello(struct facts *f, enum probe p, enum side s, const char *at,
                          uint16_t version, uint16_t suite);
/* A probe through libssl: a finished TLS 1.3 handshake, a good chain, this answer. */
struct result *test_answer(struct facts *f, enum probe p, enum side s, const char *at,
                           const char *text);
/* Adds a problem to the result's chain. */
void test_problem(struct result *r, enum chain_problem_kind kind);
/* Replaces the names of the leaf, blank separated. */
void test_names(struct result *r, const char *names);

/* An answer with this status ("200 OK"), these header lines ("Server: nginx\r\n") and this body:
 * inside TLS as test_answer() does, or plain where the probe or the URL's scheme says so. */
struct result *test_page(struct facts *f, enum probe p, enum side s, const char *at,
                         const char *status, const char *headers, const char *body);
/* The name resolves to 198.51.100.7, and this address accepts connections on the URL's port. */
void test_reached(struct facts *f, const char *url);
/* Hop `hop` of the redirects (from 1): what answered at this URL; status NULL: refused. */
struct result *test_hop(struct facts *f, unsigned hop, const char *url, const char *at,
                        const char *status, const char *headers, const char *body);
/* A hop that was not followed, and why. */
struct result *test_hop_skipped(struct facts *f, unsigned hop, const char *url, enum skip why);
/* R2: HTTP/2 was agreed on, and nothing has come yet; `http` is there to be filled in. */
struct result *test_h2(struct facts *f, const char *at);
/* Sets question.target or an address of question.lb_addrs. */
void test_target(struct facts *f, const char *at);
void test_lb(struct facts *f, const char *at);

/* infer() and its outcome as "ID ID ..." in order, notes in brackets: "LBC-01 DNS-01 [HTTP-12]".
 * Static memory, good until the next call. */
const char *test_infer(const struct facts *f);

/* One row of the catalogue: facts with the fault in them, and the same without it. */
struct infer_case {
    const char *title;
    void (*make)(struct facts *f, bool bad);
    const char *ids; /* what test_infer() says of the bad facts */
    enum confidence confidence;
    enum sight_id sight;
    enum counter counter;
    /* "key=value | key=value": each stands in the first finding's arguments or in its evidence. */
    const char *args;
    const char *twin; /* test_infer() of the good facts; NULL: nothing above a note, verdict ok */
};
/* Judges both halves of every case, and that no sentence of any finding lacks a value. */
void test_cases(const struct infer_case *cases, size_t count);
/* Do all sentences of all findings find values for their {placeholders}? */
void test_sentences(const char *title, const struct findings *out);
