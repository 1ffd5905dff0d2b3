/* SPDX-License-Identifier: Apache-2.0
 * The head of a target's answer: status line, header lines, framing [RFC 9112 6.3, D15, D16]. */
#include "http/h1_int.h"

/* ---- the status line: version SP 3DIGIT [SP reason] ---- */

/* Targets may leave out the blank before an empty reason; tabs may stand in a reason. */
static bool
status_line_read(struct str line, struct h1_response *r)
{
    if (line.n < 12 || line.p[6] != '.' || !ascii_is_digit(line.p[7]) || line.p[8] != ' ') {
        return false;
    }
    uint64_t status;
    if (!str_to_u64(str_sub(line, 9, 3), &status) || status < 100) {
        return false;
    }
    if (line.n > 12 && line.p[12] != ' ') {
        return false;
    }
    struct str reason = str_sub(line, 13, line.n);
    for (size_t i = 0; i < reason.n; i++) {
        if (((uint8_t)reason.p[i] < 0x20 && reason.p[i] != '\t') || reason.p[i] == 0x7f) {
            return false;
        }
    }
    r->version = line.p[7] == '0' ? HTTP_1_0 : HTTP_1_1;
    r->status = (unsigned)status;
    r->reason = reason;
    return true;
}

static enum h1_result
refuse(struct h1_response *r, enum http_fault fault)
{
    r->fault = fault;
    return H1_FAULT;
}

static enum h1_result
status_line_parse(struct h1_scan *scan, const char *p, size_t n, struct h1_response *r)
{
    static const struct str prefix = {"HTTP/1", 6};
    size_t have = MIN_OF(n, prefix.n);
    if (have > 0 && memcmp(p, prefix.p, have) != 0) {
        return refuse(r, FAULT_BAD_RESPONSE);
    }
    struct str line;
    enum h1_result got = h1_first_line(scan, p, n, &line);
    if (scan->at > LIMIT_RESPONSE_HEADERS_MAX) {
        return refuse(r, FAULT_RESPONSE_TOO_LARGE);
    }
    if (got == H1_MORE) {
        return H1_MORE;
    }
    if (!status_line_read(line, r)) {
        return refuse(r, FAULT_BAD_RESPONSE);
    }
    scan->headers = scan->line_start = scan->at;
    scan->line_done = true;
    return H1_DONE;
}

/* The line was accepted in an earlier call; the caller may have moved the bytes since. */
static void
status_line_again(const struct h1_scan *scan, const char *p, struct h1_response *r)
{
    struct str line = {p, line_length(p, p + scan->headers - 1)};
    (void)status_line_read(line, r); /* it was found to be good */
}

/* ---- framing ---- */

static bool
has_no_body(const struct h1_response *r, enum http_method request_method)
{
    return request_method == METHOD_HEAD || r->status < 200 || r->status == 204 ||
           r->status == 304 || (request_method == METHOD_CONNECT && r->status < 300);
}

/* Would a careless target send body bytes behind an answer that has no body? Then its connection is
 * not used again: those bytes would be taken for the next answer. */
static bool
may_trail_bytes(const struct h1_response *r, const struct h1_codings *te)
{
    return (r->status < 200 || r->status == 204) && (te->any || r->content_length > 0);
}

/* False: 502 [D16]. */
static bool
framing_read(struct h1_response *r, enum http_method request_method)
{
    struct h1_codings te = h1_codings_read(&r->headers, false);
    struct h1_lengths cl = h1_lengths_of_response(&r->headers);
    bool ends_in_chunked = te.chunked && !te.misplaced && !te.foreign;
    if (cl.bad || cl.differ || (te.any && !ends_in_chunked && r->version == HTTP_1_1)) {
        return false;
    }
    r->has_content_length = cl.count > 0;
    r->content_length = cl.value;
    if (te.any && (cl.count > 0 || r->version == HTTP_1_0)) {
        r->keep_alive = false; /* whom would the target have meant? [RFC 9112 6.1] */
    }
    if (has_no_body(r, request_method)) {
        r->body = BODY_NONE;
        r->keep_alive &= !may_trail_bytes(r, &te) && request_method != METHOD_CONNECT;
    } else if (ends_in_chunked) {
        r->body = BODY_CHUNKED;
    } else if (cl.count > 0) {
        r->body = BODY_LENGTH;
    } else {
        r->body = BODY_CLOSE;
        r->keep_alive = false;
    }
    return true;
}

/* What a request may get away with a class for is refused here: no client shall have to guess. */
static bool
lines_are_sound(const struct h1_fields *f)
{
    return !f->no_colon && !f->leading_fold && !f->bad_name && !f->blank_in_framing &&
           !f->too_many && f->desync.klass != DESYNC_SEVERE;
}

static bool
head_read(struct h1_response *r, char *lines, char *lines_end, enum http_method request_method)
{
    struct h1_fields f;
    h1_fields_parse(lines, lines_end, &r->headers, &f);
    if (!lines_are_sound(&f)) {
        return false;
    }
    struct h1_connection c = h1_connection_read(&r->headers, &f);
    r->keep_alive = !c.close && (r->version == HTTP_1_1 || c.keep_alive) && r->status != 101;
    return !c.too_many && framing_read(r, request_method);
}

enum h1_result
h1_response_parse(struct h1_scan *scan, char *p, size_t n, enum http_method request_method,
                  struct h1_response *ret_response)
{
    struct h1_response *r = ret_response;
    memset(r, 0, offsetof(struct h1_response, headers)); /* the header array is large */
    r->headers.count = 0;
    bool line_done_before = scan->line_done;
    if (!line_done_before) {
        enum h1_result got = status_line_parse(scan, p, n, r);
        if (got != H1_DONE) {
            return got;
        }
    }
    const struct h1_limits limits = {SIZE_MAX, LIMIT_RESPONSE_HEADERS_MAX, 0};
    enum h1_result got = h1_lines_scan(scan, p, n, &limits);
    if (got == H1_MORE) {
        return H1_MORE;
    }
    if (line_done_before) {
        status_line_again(scan, p, r);
    }
    if (got == H1_FAULT) {
        return refuse(r, FAULT_RESPONSE_TOO_LARGE);
    }
    if (!head_read(r, p + scan->headers, p + scan->line_start, request_method)) {
        return refuse(r, FAULT_BAD_RESPONSE);
    }
    r->head_bytes = scan->at;
    return H1_DONE;
}
