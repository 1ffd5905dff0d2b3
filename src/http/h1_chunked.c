/* SPDX-License-Identifier: Apache-2.0
 * Chunked coding, stripped in place [RFC 9112 7.1]. Strict: CRLF everywhere, no bare LF [D13]. */
#include "http/h1_int.h"

#include "base/assert.h"

enum chunked_state {
    CHUNK_SIZE,    /* hex digits; c->digits of them so far */
    CHUNK_BLANK,   /* blanks between size and extension or line end */
    CHUNK_EXT,     /* behind ';' up to CR */
    CHUNK_SIZE_LF, /* LF of the size line */
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_BEGIN, /* first byte of a trailer line or of the last empty line */
    TRAILER_LINE,
    TRAILER_LF,
    CHUNK_LAST_LF, /* LF of the empty line that ends everything */
    CHUNK_END,
};

enum { CHUNK_DIGITS_MAX = 16 }; /* leading zeros included */

void
h1_chunked_init(struct h1_chunked *c)
{
    *c = (struct h1_chunked){.state = CHUNK_SIZE, .trailers.max = LIMIT_TRAILERS_MAX};
}

void
h1_chunked_done(struct h1_chunked *c)
{
    buf_free(&c->trailers);
}

static unsigned
hex_value(char c)
{
    return ascii_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(ascii_lower(c) - 'a' + 10);
}

static void
go(struct h1_chunked *c, enum chunked_state state)
{
    c->state = (uint8_t)state;
}

static enum http_fault
size_digit(struct h1_chunked *c, char byte)
{
    if (c->digits == CHUNK_DIGITS_MAX) {
        return FAULT_CHUNK_TOO_LARGE;
    }
    c->digits++;
    c->left = c->left << 4 | hex_value(byte);
    return c->left > INT64_MAX ? FAULT_CHUNK_TOO_LARGE : FAULT_NONE;
}

/* Behind the digits: blanks, an extension or the line end. */
static enum http_fault
after_size(struct h1_chunked *c, char byte)
{
    if (c->digits == 0) {
        return FAULT_BAD_CHUNK;
    }
    switch (byte) {
    case ' ':
    case '\t': go(c, CHUNK_BLANK); return FAULT_NONE;
    case ';': go(c, CHUNK_EXT); return FAULT_NONE;
    case '\r': go(c, CHUNK_SIZE_LF); return FAULT_NONE;
    default: return FAULT_BAD_CHUNK;
    }
}

/* A byte of an extension or of a trailer line; a CR must be the line's end. */
static enum http_fault
line_byte(struct h1_chunked *c, char byte, enum chunked_state at_cr)
{
    if (byte == '\r') {
        go(c, at_cr);
        return FAULT_NONE;
    }
    bool control = ((uint8_t)byte < 0x20 && byte != '\t') || byte == 0x7f;
    return control ? FAULT_BAD_CHUNK : FAULT_NONE;
}

static enum http_fault
trailer_byte(struct h1_chunked *c, char byte)
{
    enum http_fault fault = line_byte(c, byte, TRAILER_LF);
    buf_add_char(&c->trailers, byte);
    return fault == FAULT_NONE && c->trailers.overflow ? FAULT_CHUNK_TOO_LARGE : fault;
}

static enum http_fault
trailer_begin(struct h1_chunked *c, char byte)
{
    c->line_bytes = 1;
    if (byte == '\r') {
        go(c, CHUNK_LAST_LF);
        return FAULT_NONE;
    }
    go(c, TRAILER_LINE);
    return trailer_byte(c, byte);
}

static enum http_fault
line_feed(struct h1_chunked *c, char byte, enum chunked_state next)
{
    go(c, next);
    return byte == '\n' ? FAULT_NONE : FAULT_BAD_CHUNK;
}

static enum http_fault
size_line_end(struct h1_chunked *c, char byte)
{
    c->in_trailers = c->left == 0;
    c->digits = 0;
    c->line_bytes = 0;
    return line_feed(c, byte, c->in_trailers ? TRAILER_BEGIN : CHUNK_DATA);
}

static enum http_fault
trailer_line_end(struct h1_chunked *c, char byte)
{
    buf_add_char(&c->trailers, byte);
    enum http_fault fault = line_feed(c, byte, TRAILER_BEGIN);
    return fault == FAULT_NONE && c->trailers.overflow ? FAULT_CHUNK_TOO_LARGE : fault;
}

/* One byte outside of chunk data. */
static enum http_fault
step(struct h1_chunked *c, char byte)
{
    if (++c->line_bytes > LIMIT_CHUNK_LINE_MAX) {
        return FAULT_CHUNK_TOO_LARGE;
    }
    switch ((enum chunked_state)c->state) {
    case CHUNK_SIZE: return char_is(byte, CHAR_HEX) ? size_digit(c, byte) : after_size(c, byte);
    case CHUNK_BLANK: return after_size(c, byte);
    case CHUNK_EXT: return line_byte(c, byte, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF: return size_line_end(c, byte);
    case CHUNK_DATA_CR: go(c, CHUNK_DATA_LF); return byte == '\r' ? FAULT_NONE : FAULT_BAD_CHUNK;
    case CHUNK_DATA_LF: c->line_bytes = 0; return line_feed(c, byte, CHUNK_SIZE);
    case TRAILER_BEGIN: return trailer_begin(c, byte);
    case TRAILER_LINE: return trailer_byte(c, byte);
    case TRAILER_LF: return trailer_line_end(c, byte);
    case CHUNK_LAST_LF: return line_feed(c, byte, CHUNK_END);
    case CHUNK_DATA:
    case CHUNK_END: break;
    }
    NEVER("chunk data and the end are handled by the caller");
}

static size_t
data_take(struct h1_chunked *c, char *p, size_t n, char *to)
{
    size_t take = c->left < n ? (size_t)c->left : n;
    if (to != p) {
        memmove(to, p, take);
    }
    c->left -= take;
    if (c->left == 0) {
        go(c, CHUNK_DATA_CR);
    }
    return take;
}

enum h1_result
h1_chunked_decode(struct h1_chunked *c, char *p, size_t n, size_t *ret_used, size_t *ret_payload,
                  enum http_fault *ret_fault)
{
    size_t used = 0, payload = 0;
    enum http_fault fault = FAULT_NONE;
    while (used < n && c->state != CHUNK_END && fault == FAULT_NONE) {
        if (c->state == CHUNK_DATA) {
            size_t took = data_take(c, p + used, n - used, p + payload);
            used += took;
            payload += took;
        } else {
            fault = step(c, p[used++]);
        }
    }
    *ret_used = used;
    *ret_payload = payload;
    *ret_fault = fault;
    if (fault != FAULT_NONE) {
        return H1_FAULT;
    }
    return c->state == CHUNK_END ? H1_DONE : H1_MORE;
}

bool
h1_trailers_parse(struct h1_chunked *c, struct http_headers *ret_headers)
{
    ret_headers->count = 0;
    if (c->trailers.n == 0) {
        return true;
    }
    struct h1_fields f;
    h1_fields_parse(c->trailers.p, c->trailers.p + c->trailers.n, ret_headers, &f);
    for (unsigned i = 0; i < ret_headers->count; i++) {
        struct http_header *h = &ret_headers->items[i];
        bool lookalike = (h->flags & (HEADER_LIKE_TE | HEADER_LIKE_CL)) != 0;
        if (lookalike || (header_duties[h->id] & DUTY_NO_TRAILER) != 0) {
            h->flags |= HEADER_DROP;
        }
    }
    /* No fold: RFC 9112 5.2 lets us refuse it, and nobody sends it. */
    return !f.no_colon && !f.leading_fold && !f.bad_name && !f.line_too_long && !f.too_many &&
           !f.folded && f.desync.klass != DESYNC_SEVERE;
}
