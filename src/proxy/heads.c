/* SPDX-License-Identifier: Apache-2.0
 * Message heads as the load balancer writes them: what a target sees of a request, what a client
 * sees of an answer. Pure. Framing is always ours [data-plane D, principle]. */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/clock.h"

/* ---- X-Forwarded-For [ALB: append mode] ---- */

static unsigned
addresses_in(struct str value)
{
    unsigned count = 0;
    struct str piece;
    while (str_cut(&value, ',', &piece)) {
        count += str_trim(piece).n > 0;
    }
    return count;
}

static bool
xff_write(struct out *o, const struct forward_head *f)
{
    const struct http_headers *h = &f->request->headers;
    unsigned addresses = 0;
    OUT_LIT(o, "X-Forwarded-For: ");
    for (unsigned i = 0; i < h->count; i++) {
        const struct http_header *header = &h->items[i];
        if (header->id == HEADER_X_FORWARDED_FOR && !(header->flags & HEADER_DROP) &&
            header->value.n > 0) {
            addresses += addresses_in(header->value);
            out_str(o, header->value);
            OUT_LIT(o, ", ");
        }
    }
    out_addr_ip(o, f->peer);
    OUT_LIT(o, "\r\n");
    return addresses <= LIMIT_XFF_ADDRESSES_MAX;
}

/* ---- Host [ALB: data-plane 5.4, D6, D20] ---- */

static void
host_write(struct out *o, const struct forward_head *f)
{
    const struct h1_request *request = f->request;
    OUT_LIT(o, "Host: ");
    struct str host = request->host.n > 0 ? request->host : f->lb_dns_name;
    for (size_t i = 0; i < host.n; i++) {
        out_char(o, ascii_lower(host.p[i]));
    }
    if (f->port != 80 && f->port != 443) {
        out_char(o, ':');
        if (request->host_port.n > 0) {
            out_str(o, request->host_port);
        } else {
            out_u64(o, f->port);
        }
    }
    OUT_LIT(o, "\r\n");
}

/* ---- request line ---- */

static void
encoded_write(struct out *o, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == 0x7f) {
            out_char(o, '%');
            out_char(o, "0123456789ABCDEF"[c >> 4]);
            out_char(o, "0123456789ABCDEF"[c & 15]);
        } else {
            out_char(o, (char)c);
        }
    }
}

static void
request_line_write(struct out *o, const struct h1_request *request)
{
    out_str(o, request->method);
    out_char(o, ' ');
    if (request->uri_needs_encoding) {
        encoded_write(o, request->path);
    } else {
        out_str(o, request->path);
    }
    if (request->query.p != NULL) {
        out_char(o, '?');
        if (request->uri_needs_encoding) {
            encoded_write(o, request->query);
        } else {
            out_str(o, request->query);
        }
    }
    OUT_LIT(o, " HTTP/1.1\r\n");
}

static void
header_write(struct out *o, const struct http_header *h)
{
    out_str(o, h->name);
    OUT_LIT(o, ": ");
    out_str(o, h->value);
    OUT_LIT(o, "\r\n");
}

static void
framing_write(struct out *o, bool chunked, bool length, uint64_t content_length)
{
    if (chunked) {
        OUT_LIT(o, "Transfer-Encoding: chunked\r\n");
    } else if (length) {
        OUT_LIT(o, "Content-Length: ");
        out_u64(o, content_length);
        OUT_LIT(o, "\r\n");
    }
}

/* Written by us instead of what came. */
static bool
replaced_for_target(uint16_t id)
{
    return id == HEADER_X_FORWARDED_FOR || id == HEADER_X_FORWARDED_PROTO ||
           id == HEADER_X_FORWARDED_PORT || id == HEADER_X_AMZN_TRACE_ID || id == HEADER_HOST;
}

bool
forward_head_write(struct out *o, const struct forward_head *f)
{
    const struct h1_request *request = f->request;
    request_line_write(o, request);
    bool xff_ok = xff_write(o, f);
    if (f->secure) {
        OUT_LIT(o, "X-Forwarded-Proto: https\r\nX-Forwarded-Port: ");
    } else {
        OUT_LIT(o, "X-Forwarded-Proto: http\r\nX-Forwarded-Port: ");
    }
    out_u64(o, f->port);
    OUT_LIT(o, "\r\n");
    host_write(o, f);
    OUT_LIT(o, "X-Amzn-Trace-Id: ");
    out_str(o, f->trace_id);
    OUT_LIT(o, "\r\n");
    for (unsigned i = 0; i < request->headers.count; i++) {
        const struct http_header *h = &request->headers.items[i];
        if (!(h->flags & HEADER_DROP) && !replaced_for_target(h->id)) {
            header_write(o, h);
        }
    }
    framing_write(o, request->body == BODY_CHUNKED, request->body == BODY_LENGTH,
                  request->content_length);
    if (f->close) {
        OUT_LIT(o, "Connection: close\r\n");
    }
    OUT_LIT(o, "\r\n");
    return xff_ok;
}

/* ---- X-Amzn-Trace-Id [ALB: data-plane 5.3] ---- */

static void
trace_field_write(struct out *o, struct str name, uint64_t wall_us, struct rand *r)
{
    out_str(o, name);
    OUT_LIT(o, "=1-");
    out_hex(o, wall_us / 1000000u, 8);
    out_char(o, '-');
    out_hex(o, rand_u64(r), 16);
    out_hex(o, rand_u64(r), 8);
}

/* What came, without its Self field. Returns whether it holds a Root. */
static bool
trace_rest_write(struct out *o, struct str value)
{
    bool root = false;
    struct str field;
    while (str_cut(&value, ';', &field)) {
        struct str trimmed = str_trim(field);
        root |= str_istarts(trimmed, STR("Root="));
        if (trimmed.n == 0 || str_istarts(trimmed, STR("Self="))) {
            continue;
        }
        out_char(o, ';');
        out_str(o, trimmed);
    }
    return root;
}

void
trace_id_make(struct out *o, const struct http_headers *h, uint64_t wall_us, struct rand *r)
{
    const struct http_header *header = headers_find(h, HEADER_X_AMZN_TRACE_ID);
    struct str value = header == NULL ? STR_NONE : header->value;
    if (value.n == 0 || value.n > LIMIT_TRACE_HEADER_MAX) {
        trace_field_write(o, STR("Root"), wall_us, r);
        return;
    }
    struct out start = *o;
    trace_field_write(o, STR("Self"), wall_us, r);
    if (!trace_rest_write(o, value)) { /* our own field becomes the Root then */
        memcpy(start.p, "Root", 4);
    }
}

/* ---- answers ---- */

void
answer_head_write(struct out *o, const struct answer_head *a)
{
    const struct h1_response *response = a->response;
    OUT_LIT(o, "HTTP/1.1 ");
    out_u64(o, response->status);
    out_char(o, ' ');
    out_str(o, response->reason);
    OUT_LIT(o, "\r\n");
    for (unsigned i = 0; i < response->headers.count; i++) {
        const struct http_header *h = &response->headers.items[i];
        if (!(h->flags & HEADER_DROP)) {
            header_write(o, h);
        }
    }
    if (response->status >= 200) {
        framing_write(o, a->chunked, a->length, response->content_length);
        if (a->keep_alive) {
            OUT_LIT(o, "Connection: keep-alive\r\n");
        } else {
            OUT_LIT(o, "Connection: close\r\n");
        }
    }
    OUT_LIT(o, "\r\n");
}

void
trailers_write(struct out *o, const struct http_headers *trailers)
{
    for (unsigned i = 0; i < trailers->count; i++) {
        if (!(trailers->items[i].flags & HEADER_DROP)) {
            header_write(o, &trailers->items[i]);
        }
    }
}
