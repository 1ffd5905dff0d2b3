/* SPDX-License-Identifier: Apache-2.0
 * For tests and fuzz targets: is a head that came byte by byte read as the same in one piece? Do
 * all strings lie inside the bytes they were read from? */
#pragma once

#include "base/mem.h"
#include "http/http.h"

static inline bool
header_same(const struct http_header *a, const struct http_header *b)
{
    return str_eq(a->name, b->name) && str_eq(a->value, b->value) && a->id == b->id &&
           a->flags == b->flags;
}

static inline bool
headers_same(const struct http_headers *a, const struct http_headers *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (unsigned i = 0; i < a->count; i++) {
        if (!header_same(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

static inline bool
request_same(const struct h1_request *a, const struct h1_request *b)
{
    return a->fault == b->fault && a->head_bytes == b->head_bytes && str_eq(a->method, b->method) &&
           a->method_id == b->method_id && str_eq(a->target, b->target) &&
           str_eq(a->path, b->path) && str_eq(a->query, b->query) && str_eq(a->host, b->host) &&
           str_eq(a->host_port, b->host_port) && a->absolute_form == b->absolute_form &&
           str_eq(a->version_text, b->version_text) && a->version == b->version &&
           a->body == b->body && a->content_length == b->content_length &&
           a->keep_alive == b->keep_alive && a->expect_continue == b->expect_continue &&
           a->upgrade == b->upgrade && a->uri_needs_encoding == b->uri_needs_encoding &&
           a->desync_class == b->desync_class && a->desync_reason == b->desync_reason &&
           headers_same(&a->headers, &b->headers);
}

static inline bool
response_same(const struct h1_response *a, const struct h1_response *b)
{
    return a->fault == b->fault && a->head_bytes == b->head_bytes && a->status == b->status &&
           str_eq(a->reason, b->reason) && a->version == b->version && a->body == b->body &&
           a->content_length == b->content_length &&
           a->has_content_length == b->has_content_length && a->keep_alive == b->keep_alive &&
           headers_same(&a->headers, &b->headers);
}

static inline bool
str_inside(struct str s, const char *p, size_t n)
{
    return s.n == 0 || (s.p >= p && s.p + s.n <= p + n);
}

static inline bool
headers_inside(const struct http_headers *h, const char *p, size_t n)
{
    for (unsigned i = 0; i < h->count; i++) {
        if (!str_inside(h->items[i].name, p, n) || !str_inside(h->items[i].value, p, n)) {
            return false;
        }
    }
    return true;
}

/* An exact copy on the heap, so that the sanitizer sees a read behind its end; xfree it. */
static inline char *
bytes_copy(struct str s)
{
    char *copy = xalloc(s.n == 0 ? 1 : s.n);
    if (s.n > 0) {
        memcpy(copy, s.p, s.n);
    }
    return copy;
}
