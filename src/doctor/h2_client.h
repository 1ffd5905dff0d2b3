/* SPDX-License-Identifier: Apache-2.0
 * One GET over HTTP/2, on memory: bytes of the far end in, bytes for it out, and an answer as it
 * came, right or wrong. libnghttp2 reads the frames; it is seen here only. No sockets.
 *
 *     struct h2_client *c = h2_client_new(&request);
 *     h2_client_take(c, &out);  ... send; whenever bytes arrive:
 *     h2_client_feed(c, got, n); h2_client_take(c, &out);  ... until h2_client_complete(c)
 *     h2_client_free(&c);
 *
 * The answer itself is made by h2_seen_read() from the bytes that were kept, live and on replay. */
#pragma once

#include "doctor/http_seen.h"
#include "doctor/request.h"

struct h2_client;
/* Always https. `request` NULL: some request, where only the answer matters. NULL: the library
 * refuses. */
struct h2_client *h2_client_new(const struct request *request);
void h2_client_free(struct h2_client **c);
/* Any bytes; after a fatal error of the far end they are passed over. */
void h2_client_feed(struct h2_client *c, const uint8_t *p, size_t n);
/* Appends what is to be sent now. */
void h2_client_take(struct h2_client *c, struct buf *out);
/* The answer has ended, or nothing more can come of it. */
bool h2_client_complete(const struct h2_client *c);
/* A status came, and nothing that a browser would not show. */
bool h2_client_answered(const struct h2_client *c);

/* Reads the kept bytes of a server's side of a connection whose only request was stream 1.
 * `total` counts all that came; `fin` and `reset` say how it ended. Never NULL. */
struct http_seen *h2_seen_read(const uint8_t *p, size_t n, uint64_t total, bool fin, bool reset);
