/* SPDX-License-Identifier: Apache-2.0
 * An HTTP answer as it came, right or wrong. Unlike http/http.h, which refuses what is not
 * allowed, this reader goes on and notes each oddity, because the oddity is the finding. */
#pragma once

#include "base/defs.h"
#include "base/str.h"

enum http_oddity {
    ODD_NO_STATUS_LINE = 1 << 0, /* text, but no "HTTP/" */
    ODD_CRLF_FIRST = 1 << 1,     /* empty lines before the status line */
    ODD_NUL = 1 << 2,            /* NUL in the head */
    ODD_TWO_LENGTHS = 1 << 3,    /* Content-Length lines that differ */
    ODD_TWO_LOCATIONS = 1 << 4,  /* Location lines that differ */
    ODD_LENGTH_AND_CHUNKED = 1 << 5,
    ODD_HEAD_TOO_LARGE = 1 << 6, /* over 256 KB, the browser's limit */
    ODD_HEAD_CUT = 1 << 7,       /* the connection ended inside the head */
    ODD_H2_FRAMES = 1 << 8,      /* an HTTP/2 SETTINGS frame in place of an answer */
    ODD_BAD_LINE = 1 << 9,       /* a header line without a colon, or a bad name */
    ODD_TLS_ALERT = 1 << 10,     /* a TLS alert in place of an answer */
    ODD_BAD_VERSION = 1 << 11,   /* HTTP/2.0 or another number in a text status line */
    ODD_BAD_STATUS = 1 << 12,    /* no three-digit status */
};

enum body_end {
    BODY_END_NONE, /* no body by rule, or the head never ended */
    BODY_END_COMPLETE,
    BODY_END_SHORT, /* fewer bytes than Content-Length */
    BODY_END_LONG,  /* more bytes than Content-Length */
    BODY_END_BAD_CHUNK,
    BODY_END_NO_LAST_CHUNK,
    BODY_END_RESET,      /* RST inside the body */
    BODY_END_CLOSE,      /* neither length nor chunks: ended by the close */
    BODY_END_UNREAD,     /* we stopped reading: enough was seen */
    BODY_END_BAD_CODING, /* Content-Encoding says gzip, the bytes are none */
    BODY_END_COUNT
};
const char *body_end_name(enum body_end e);

/* Who wrote an answer [doctor-faults 1, "who answered"]. */
enum author {
    AUTHOR_UNKNOWN,
    AUTHOR_LB,
    AUTHOR_OURS,
    AUTHOR_CDN,
    AUTHOR_PROXY,
    AUTHOR_SERVER,
    AUTHOR_COUNT
};
const char *author_name(enum author a); /* "unknown", "load balancer", ... (msgid) */

enum { HTTP_SEEN_HEADERS = 64 };
struct http_seen {
    unsigned odd; /* enum http_oddity */
    bool has_status;
    unsigned status;
    uint8_t version_major, version_minor; /* 2.0 for HTTP/2 */
    struct {
        struct str name, value;
    } headers[HTTP_SEEN_HEADERS]; /* point into `text` */
    size_t header_count;          /* kept; more may have come */
    char *text;                   /* owned: the head's bytes, as kept */
    size_t head_bytes;            /* 0: the head did not end */
    const uint8_t *body; /* into the result's got bytes; decoded of chunks when `chunked` is set */
    uint8_t *body_owned; /* owned when chunks were taken off; else NULL */
    size_t body_bytes;   /* kept */
    enum body_end body_end;
    uint64_t length; /* Content-Length, when has_length */
    bool has_length, chunked;
    enum author author;
    char title[128]; /* of an HTML page, as bytes; "" none */
    uint64_t date_s; /* Date, Unix seconds; 0: none or unreadable */
    /* HTTP/2 only */
    bool h2;
    bool h2_settings;       /* the far end's SETTINGS came */
    bool h2_goaway, h2_rst; /* with their codes */
    uint32_t h2_goaway_code, h2_rst_code;
    char h2_error[96]; /* our library's complaint about what came: "" none */
    bool h2_text;      /* HTTP/1.1 text came after the preface (ALP-02) */
};

/* Reads an HTTP/1 answer. `fin`/`reset`: how the connection ended, `more`: bytes beyond `n` came
 * and were not kept (so a body's length cannot be judged by n alone: total counts them all). */
struct http_seen *http_seen_read(const uint8_t *p, size_t n, uint64_t total, bool fin, bool reset);
/* True when the answer is complete and nothing more need be read. */
bool http_seen_complete(const struct http_seen *h);
void http_seen_free(struct http_seen **h);
/* First value of a header, ignoring case; p NULL when absent. */
struct str http_seen_header(const struct http_seen *h, const char *name);
enum author http_author(const struct http_seen *h);
/* Did it come through an Application Load Balancer, whoever wrote it: the load balancer's own
 * answer, or its stickiness cookies [ruling 1]? */
bool http_seen_through_lb(const struct http_seen *h);
/* Works out what follows from status, headers and body alone: title, date, author, broken coding.
 * http_seen_read() does it itself; it is for answers that came in HTTP/2 frames. */
void http_seen_judge(struct http_seen *h);
const char *h2_code_name(uint32_t code); /* "PROTOCOL_ERROR" */
