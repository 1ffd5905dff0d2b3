/* SPDX-License-Identifier: Apache-2.0
 * Between the files of the inference. */
#pragma once

#include "doctor/infer.h"
#include "policy/delivery.h"

/* Fills the arguments that a result gives by itself: address, server, status, ms, seconds, bytes,
 * alert, alert_name, version, suite, group, location, probe. */
void result_args(const struct result *r, struct args *a);
enum { BYTES_TEXT = 96 };
void bytes_text(const struct bytes *b, char text[static BYTES_TEXT]);
/* "2026-11-23" (UTC). */
enum { DATE_TEXT = 16 };
const char *date_text(uint64_t unix_s, char text[static DATE_TEXT]);
/* The names of a certificate, a few of them: "a.example, *.b.example". */
void names_text(const struct chain_certificate *c, struct buf *out);
/* "192.0.2.1, 192.0.2.2" */
void addrs_text(const struct addr *addrs, size_t count, struct buf *out);
/* "1 . alpn=h2,h3 port=443" */
void https_record_text(const struct dns_record *r, struct buf *out);
/* Do browsers refuse this port? *ret_chromium: Chromium, too. */
bool port_blocked(uint16_t port, bool *ret_chromium);
/* Somebody answers at the site's name, with a certificate that fits: the name leads where it
 * should, as far as anyone can tell, whatever the status says. */
bool site_answers(const struct judge *j);
/* The proxy that applies to the URL leads to a site that answers: the verdict is its, and what the
 * direct probes met on the way is worth a note [ruling 9]. */
bool proxy_carries(const struct facts *f);
/* T2: what the usual port 443 of the host did; NULL: not asked, or not known yet. */
const struct result *https_port(const struct facts *f);
/* The answer came; interim ones alone (100, 103) are none. */
bool has_answer(const struct result *r);
/* The load balancer made this answer, by its fingerprint. */
bool by_lb(const struct http_seen *h);
/* The 400 page for plain HTTP on a TLS port, of whatever server. */
bool is_plain_to_tls_page(const struct http_seen *h);
/* Takes one back; later ones move up. */
void finding_drop(struct judge *j, size_t index);
struct delivery_question policy_question(const struct policy_asked *p);
/* Does the browser's word stand in this finding's sight? */
bool finding_shows(const struct finding *f, const char *word);
