/* SPDX-License-Identifier: Apache-2.0
 * The requests that probes send, and which of the user's secrets may go with each [ruling 8]. Pure.
 *
 * Path and query, -H, cookies and the client certificate go only to the URL's own origin over
 * verified TLS, to --lb under the same condition, and to --target. Of an http:// URL the path goes,
 * as typed, in the clear; headers and cookies stay. Everybody else is asked for `/`. */
#pragma once

#include "base/buf.h"
#include "doctor/facts.h"
#include "doctor/redirect.h"

/* ---- cookies of one chain of redirects ---- */

enum { JAR_COOKIES = 32 };
struct jar {
    struct jar_cookie {
        char *name, *value; /* owned */
        char domain[256];   /* host, or the parent that Domain names */
        bool subdomains;    /* Domain was given */
        bool secure;
        char path[256];
    } cookies[JAR_COOKIES];
    size_t count;
};
/* Takes the cookies of an answer to `from`; those beyond JAR_COOKIES or 4 KB are dropped. */
void jar_take(struct jar *jar, const struct redirect *from, const struct http_seen *answer);
/* Appends "a=b; c=d", as far as a browser would send them to `to`. */
void jar_give(const struct jar *jar, const struct redirect *to, struct buf *out);
void jar_done(struct jar *jar);

/* ---- requests ---- */

struct request_options {
    const struct question *q; /* borrowed */
    enum probe probe;
    enum side side;
    bool secure;                /* it will go through TLS */
    bool verified;              /* whose certificate is trusted and fits the host */
    const char *name;           /* of the wish: the host to name */
    uint16_t port;              /* that is connected to */
    const struct redirect *hop; /* R3: the URL to ask; else NULL */
    struct str cookies;         /* of earlier answers, for Cookie */
    const char *user_agent;
    struct str client;     /* X-Forwarded-For of R1X: this machine's address */
    struct str socket_key; /* RW: Sec-WebSocket-Key */
};

enum { REQUEST_FIELDS = QUESTION_HEADERS_MAX + 16 };
struct request {
    char *path; /* owned */
    bool path_secret;
    struct {
        char *name, *value; /* owned; the names in the spelling of HTTP/1 */
        bool secret;
    } fields[REQUEST_FIELDS]; /* Host is the first */
    size_t count;
    bool secrets; /* some of the question's path, query, headers or cookies are in it */
};
/* Trusted, and nothing that a browser refuses. NULL: no. */
bool chain_is_verified(const struct chain_facts *c);
/* May the user's secrets go there? Decided without looking at `cookies`. */
bool request_trusts(const struct request_options *o);
void request_make(const struct request_options *o, struct request *ret);
void request_done(struct request *r);
/* Appends [RFC 4648 4]. */
void base64_add(struct buf *out, const void *p, size_t n);
/* HTTP/1.1 bytes. `shown`: for the record, every secret as '*' of equal length. */
void request_write(const struct request *r, bool shown, struct buf *out);
