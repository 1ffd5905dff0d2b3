/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1 as bytes in, parsed values out. No sockets, no clock, no allocation (trailers excepted).
 *
 * One request head passes through here like this: the proxy gives every byte it has to
 * h1_request_parse(); MORE means "not all of the head is there yet" (the parser remembers how far
 * it looked, so one byte at a time stays cheap); DONE gives a `struct h1_request` whose strings
 * point into the caller's bytes, with framing decided, the desync class named and header lines
 * marked DROP where they must not be forwarded; FAULT names one row of faults.def. Bodies in
 * chunked coding go through h1_chunked_decode(), which strips the framing in place.
 *
 * Strictness: [RFC 9112], data-plane rules D1-D19; classes as http-desync-guardian does. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/limits.h"
#include "base/str.h"

enum http_version { HTTP_1_0, HTTP_1_1 };

enum http_method {
    METHOD_OTHER,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_PATCH,
    METHOD_TRACE,
    METHOD_CONNECT,
};

/* Headers known by number: HEADER(ID, "name"), headers.def. */
enum header_id {
    HEADER_OTHER,
#define HEADER(id, name) HEADER_##id,
#include "http/headers.def"
#undef HEADER
    HEADER_COUNT
};
enum header_id header_lookup(struct str name); /* ignoring case */
struct str header_name(enum header_id id);     /* canonical spelling */

enum header_flag {
    HEADER_DROP = 1, /* never forwarded: framing of the sender, hop-by-hop, named by Connection */
    HEADER_NONCOMPLIANT = 2, /* desync tier */
    HEADER_BAD = 4,          /* desync tier; always together with DROP */
};

struct http_header {
    struct str name;  /* spelled as received, blanks before the colon removed */
    struct str value; /* trimmed; folded lines joined with one blank (in place) */
    uint16_t id;      /* enum header_id */
    uint16_t flags;   /* enum header_flag */
};

struct http_headers {
    unsigned count;
    struct http_header items[LIMIT_HEADER_COUNT_MAX];
};

/* First header with this id, or NULL. */
const struct http_header *headers_find(const struct http_headers *h, enum header_id id);
/* Does a comma-separated list header (all lines with this id) hold the token, ignoring case? */
bool headers_have_token(const struct http_headers *h, enum header_id id, struct str token);

/* Why a head or a body was refused: FAULT(NAME, status, "sentence"). Requests: the status is what
 * the client gets. Responses: 502 always. */
enum http_fault {
    FAULT_NONE,
#define FAULT(name, status, sentence) FAULT_##name,
#include "http/faults.def"
#undef FAULT
    FAULT_COUNT
};
unsigned fault_status(enum http_fault f);
const char *fault_name(enum http_fault f);
const char *fault_text(enum http_fault f);

/* Desync classes and reasons, with AWS's spelling [ALB log: fields 28 and 29]. */
enum desync_class { DESYNC_COMPLIANT, DESYNC_ACCEPTABLE, DESYNC_AMBIGUOUS, DESYNC_SEVERE };
enum desync_reason {
    DESYNC_NONE,
#define DESYNC(name, klass) DESYNC_##name,
#include "http/desync.def"
#undef DESYNC
    DESYNC_REASON_COUNT
};
struct str desync_class_name(enum desync_class c);   /* "Ambiguous"; "-" for compliant */
struct str desync_reason_name(enum desync_reason r); /* "BothTeClPresent"; "-" for none */

enum body_kind {
    BODY_NONE,
    BODY_LENGTH, /* content_length bytes follow */
    BODY_CHUNKED,
    BODY_CLOSE, /* responses only: until the connection closes */
};

enum h1_result { H1_MORE, H1_DONE, H1_FAULT };

/* How far a head was looked at; zero it for each new head. */
struct h1_scan {
    size_t at;           /* bytes looked at */
    size_t line_start;   /* where the current line began */
    size_t first_line;   /* where the request line began (behind skipped empty lines) */
    size_t headers;      /* where the header lines began */
    unsigned lines;      /* header lines seen */
    uint8_t empty_lines; /* skipped before the request line */
    bool line_done;      /* the request or status line was seen and is acceptable */
};

struct h1_request {
    struct str method;
    enum http_method method_id;
    struct str target; /* as sent: origin-form, absolute-form, "*" or authority-form */
    struct str path;  /* as sent, without query; "/" for an absolute-form without a path; "*"; empty
                         for CONNECT */
    struct str query; /* without "?"; p is NULL when there is no "?" */
    struct str host;  /* name only, no port, as sent; the authority of an absolute-form wins; empty
                         for 1.0 without Host */
    struct str host_port; /* digits, or empty when no port was given */
    bool absolute_form;
    struct str version_text; /* as sent: "HTTP/1.1", for the log */
    enum http_version version;
    enum body_kind body;
    uint64_t content_length;
    bool keep_alive;         /* what the client asked for, by version and Connection */
    bool expect_continue;    /* HTTP/1.1 with Expect: 100-continue */
    bool upgrade;            /* Connection: upgrade with an Upgrade header */
    bool uri_needs_encoding; /* blanks or control bytes in target: forward %XX [D12] */
    enum desync_class desync_class;
    enum desync_reason desync_reason;
    enum http_fault fault; /* with H1_FAULT */
    size_t head_bytes;     /* consumed, with H1_DONE */
    struct http_headers headers;
};

/* `p` is writable because folded lines are joined in place [D5]. Leading empty lines (CRLF) before
 * a request line are skipped, at most two. On FAULT the fields parsed so far (method, target, host,
 * version_text, desync_*) are set when they were readable, else empty, for the log. A Severe class
 * is a FAULT (DESYNC_SEVERE) in this defensive mode; 501 for codings [D3] beats it. */
enum h1_result h1_request_parse(struct h1_scan *scan, char *p, size_t n,
                                struct h1_request *ret_request);

struct h1_response {
    unsigned status;
    struct str reason;
    enum http_version version;
    enum body_kind body; /* framing decided with the request's method [RFC 9112 6.3] */
    uint64_t content_length;
    bool has_content_length; /* a valid Content-Length was there, whatever `body` is (HEAD, 304,
                                chunked) */
    bool keep_alive;         /* the target connection may be used again after this answer */
    enum http_fault fault;
    size_t head_bytes;
    struct http_headers headers;
};

enum h1_result h1_response_parse(struct h1_scan *scan, char *p, size_t n,
                                 enum http_method request_method, struct h1_response *ret_response);

/* Chunked coding, stripped in place. */
struct h1_chunked {
    uint8_t state;
    uint8_t digits;
    bool in_trailers;
    uint64_t left;       /* of the current chunk */
    uint32_t line_bytes; /* of the current chunk line or trailer line */
    struct buf
        trailers; /* owned: trailer lines without their last empty line; empty when none came */
};
void h1_chunked_init(struct h1_chunked *c);
void h1_chunked_done(struct h1_chunked *c); /* frees trailers */
/* Takes at most n bytes at p. The payload among them is moved to the front: p[0 .. *ret_payload).
 * *ret_used is how many bytes were taken; less than n only with H1_DONE (what follows is the next
 * message). MORE: more must come. DONE: last chunk and trailers are complete. FAULT: BAD_CHUNK or
 * CHUNK_TOO_LARGE. */
enum h1_result h1_chunked_decode(struct h1_chunked *c, char *p, size_t n, size_t *ret_used,
                                 size_t *ret_payload, enum http_fault *ret_fault);
/* Parses the collected trailer lines; fields that must not be trailers (framing, routing, Host,
 * ...) [RFC 9110 6.5.1] are marked DROP. False when a line is malformed. */
bool h1_trailers_parse(struct h1_chunked *c, struct http_headers *ret_headers);

/* Pages that the load balancer itself answers with [ALB: data-plane 1.7, D23]. */
struct page {
    unsigned status;
    bool plain_http_on_https; /* the 220-byte 400 page */
    bool keep_alive;
    bool head_request;       /* Content-Length as usual, no body */
    struct str user_agent;   /* "Chrome" or "MSIE" in it: 402 bytes of padding from 400 on */
    struct str location;     /* redirects; else empty */
    struct str content_type; /* fixed responses: with body; empty: the standard page */
    struct str body;
    bool fixed;       /* a fixed response: exactly `body`, Content-Type only if given */
    uint64_t wall_us; /* for Date */
};
/* Writes head and body; o->full when it did not fit. */
void page_write(struct out *o, const struct page *page);
struct str
status_reason(unsigned status); /* "Service Temporarily Unavailable"; "" when none is known */
