/* SPDX-License-Identifier: Apache-2.0
 * What requests, responses and trailers share; private to this folder.
 *
 * A head is read in two steps. h1_first_line() and h1_lines_scan() only look for line ends and
 * limits, remember how far they came in `struct h1_scan`, and so cost the same in one piece as byte
 * by byte. When the empty line is there, h1_fields_parse() reads all header lines in one go.
 * Nothing is kept between calls but the scan, because the caller may move the bytes. */
#pragma once

#include "http/http.h"

enum char_class {
    CHAR_TOKEN = 1, /* tchar [RFC 9110 5.6.2] */
    CHAR_HOST = 2,  /* of a registered name or an IPv4 address [RFC 3986 3.2.2] */
    CHAR_HEX = 4,
};
extern const uint8_t h1_char_class[256];

static inline bool
char_is(char c, enum char_class which)
{
    return (h1_char_class[(uint8_t)c] & which) != 0;
}

static inline bool
char_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Are all bytes of the class? True for the empty string. */
bool str_all(struct str s, enum char_class which);

/* How many bytes from q on are neither below `min` nor DEL. Eight at a time: this loop sees most of
 * the bytes of every head. */
static inline size_t
clean_run(const char *q, const char *end, uint8_t min)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    const char *start = q;
    while (end - q >= 8) {
        uint64_t word;
        memcpy(&word, q, sizeof(word));
        uint64_t del = word ^ (ones * 0x7f);
        uint64_t hit = (((word - ones * min) & ~word) | ((del - ones) & ~del)) & highs;
        if (hit != 0) {
            /* Only the lowest hit is sure; it is the first byte on little-endian machines. */
            if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
                return (size_t)(q - start) + ((size_t)__builtin_ctzll(hit) >> 3);
            }
            break;
        }
        q += 8;
    }
    while (q < end && (uint8_t)*q >= min && *q != 0x7f) {
        q++;
    }
    return (size_t)(q - start);
}

/* ---- findings of the desync classifier [data-plane 6.3] ---- */

struct desync {
    enum desync_class klass;
    enum desync_reason reason;
};
/* Moves the verdict up, never down; at equal severity the first finding stays. */
void desync_note(struct desync *d, enum desync_reason reason);

enum resemblance { RESEMBLES_NOTHING, RESEMBLES_TE, RESEMBLES_CL };
/* Does the name, blanks before the colon included, become Transfer-Encoding or Content-Length by a
 * common normalisation without being it? */
enum resemblance desync_resemblance(struct str raw_name);

/* ---- header lines ---- */

enum { /* more flags of http_header.flags; upper floors do not look at them */
       HEADER_LIKE_TE = 16,
       HEADER_LIKE_CL = 32,
};

struct h1_fields {
    uint64_t seen;         /* one bit per enum header_id that occurs */
    struct desync desync;  /* findings in the lines */
    bool no_colon;         /* a line without a colon */
    bool leading_fold;     /* the first line begins with a blank */
    bool folded;           /* a line was joined to the one before it */
    bool bad_name;         /* a name that is no token, the empty one included */
    bool blank_in_framing; /* Transfer-Encoding or Content-Length with blanks before the colon */
    bool lookalike;        /* HEADER_LIKE_TE or _CL was given */
    bool line_too_long;    /* after unfolding */
    bool too_many;         /* more than LIMIT_HEADER_COUNT_MAX */
};

static inline bool
fields_have(const struct h1_fields *f, enum header_id id)
{
    return (f->seen >> id & 1) != 0;
}

/* Duties of known headers. */
enum header_duty {
    DUTY_HOP = 1,        /* never forwarded */
    DUTY_FRAMING = 2,    /* never forwarded: the proxy writes framing itself */
    DUTY_NO_TRAILER = 4, /* must not come as a trailer [RFC 9110 6.5.1] */
};
extern const uint8_t header_duties[HEADER_COUNT];

/* Reads the complete lines [p, end), the last empty line not among them. Never fails: what is wrong
 * stands in *ret_fields, and the caller knows how strict it has to be. */
void h1_fields_parse(char *p, char *end, struct http_headers *ret_headers,
                     struct h1_fields *ret_fields);

/* ---- framing ---- */

struct h1_codings {     /* all Transfer-Encoding values in order */
    bool any;           /* there was an item */
    bool unknown;       /* not even a registered coding: BadTransferEncoding */
    bool chunked_twice; /* chunked right after chunked */
    bool foreign;       /* something else than chunked and identity */
    bool chunked;       /* chunked occurs ... */
    bool misplaced;     /* ... with parameters, or with something behind it */
};
struct h1_lengths { /* all Content-Length values */
    unsigned count;
    bool bad; /* one is no number of 64 bits */
    bool differ;
    uint64_t value; /* of the first good one */
};
/* `lookalikes`: headers that only resemble the real ones count too. */
struct h1_codings h1_codings_read(const struct http_headers *h, bool lookalikes);
/* A request's empty value is 0 [D7]; a response's may be a list of equal numbers [RFC 9112 6.3]. */
struct h1_lengths h1_lengths_of_request(const struct http_headers *h, bool lookalikes);
struct h1_lengths h1_lengths_of_response(const struct http_headers *h);

/* The Transfer-Encoding and Content-Length part of the classes [data-plane 6.4]. */
void desync_classify_framing(struct desync *d, const struct http_headers *h,
                             const struct h1_fields *fields, enum http_version version,
                             enum http_method method);

struct h1_connection {
    bool close;
    bool keep_alive;
    bool upgrade;
    bool too_many; /* more names than CONNECTION_NAMES_MAX */
};
/* Reads all Connection lines and marks the named headers DROP [D14]. */
struct h1_connection h1_connection_read(struct http_headers *h, const struct h1_fields *fields);

/* ---- looking for lines ---- */

struct h1_limits {
    size_t line_max;  /* a line of this size is still accepted */
    size_t total_max; /* from `total_from` to the end of the head */
    size_t total_from;
};
/* The first line from scan->line_start on, without its line end. MORE: it has none yet. */
enum h1_result h1_first_line(struct h1_scan *scan, const char *p, size_t n, struct str *ret_line);
/* Header lines up to the empty one. DONE: scan->line_start is where the empty line begins, scan->at
 * is behind it. FAULT: a limit is reached. */
enum h1_result h1_lines_scan(struct h1_scan *scan, const char *p, size_t n,
                             const struct h1_limits *limits);
/* Length of [begin, end) without a CR at its end. */
static inline size_t
line_length(const char *begin, const char *end)
{
    return (size_t)(end - begin) - (end > begin && end[-1] == '\r');
}
