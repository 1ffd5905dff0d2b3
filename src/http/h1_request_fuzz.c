/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a request head: no crash, all strings inside the bytes, nothing malformed to
 * forward, and byte by byte the same result as in one piece. */
#include "http/h1_same.h"

#include "base/assert.h"
#include "http/h1_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct h1_request whole, pieces;

static void
forwarded_check(const struct http_header *h)
{
    ASSERT(h->name.n > 0 && str_all(h->name, CHAR_TOKEN));
    ASSERT((h->flags & HEADER_BAD) == 0);
    for (size_t i = 0; i < h->value.n; i++) {
        char c = h->value.p[i];
        ASSERT(c != '\0' && c != '\r' && c != '\n');
    }
    ASSERT(h->id != HEADER_HOST && h->id != HEADER_CONNECTION);
    ASSERT(!str_ieq(h->name, STR("Content-Length")));
    ASSERT(!str_ieq(h->name, STR("Transfer-Encoding")));
}

static void
accepted_check(const struct h1_request *r, const char *p, size_t n)
{
    ASSERT(r->fault == FAULT_NONE && r->desync_class != DESYNC_SEVERE);
    ASSERT(r->head_bytes > 0 && r->head_bytes <= n);
    ASSERT(r->headers.count <= LIMIT_HEADER_COUNT_MAX);
    ASSERT(r->method.n > 0 && r->target.n > 0 && r->version_text.n == 8);
    ASSERT(r->host.n > 0 || r->version == HTTP_1_0);
    ASSERT(str_inside(r->path, p, n) || r->absolute_form);
    ASSERT(str_all(r->host_port, CHAR_HEX) && r->host_port.n <= 5);
    ASSERT(r->body == BODY_LENGTH || r->content_length == 0);
    for (unsigned i = 0; i < r->headers.count; i++) {
        if ((r->headers.items[i].flags & HEADER_DROP) == 0) {
            forwarded_check(&r->headers.items[i]);
        }
    }
}

static void
strings_check(const struct h1_request *r, const char *p, size_t n)
{
    ASSERT(str_inside(r->method, p, n) && str_inside(r->target, p, n));
    ASSERT(str_inside(r->query, p, n) && str_inside(r->version_text, p, n));
    ASSERT(str_inside(r->host, p, n) && str_inside(r->host_port, p, n));
    ASSERT(headers_inside(&r->headers, p, n));
}

static enum h1_result
parse_pieces(char *p, size_t n)
{
    struct h1_scan scan = {0};
    enum h1_result got = H1_MORE;
    for (size_t have = 1; have <= n && got == H1_MORE; have++) {
        got = h1_request_parse(&scan, p, have, &pieces);
        ASSERT(scan.at <= have);
    }
    return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    char *p = bytes_copy(text);
    char *q = bytes_copy(text);
    struct h1_scan scan = {0};
    enum h1_result got = h1_request_parse(&scan, p, size, &whole);
    ASSERT(parse_pieces(q, size) == got);
    strings_check(&whole, p, size);
    if (got == H1_DONE) {
        accepted_check(&whole, p, size);
    }
    if (got != H1_MORE) {
        ASSERT((got == H1_FAULT) == (whole.fault != FAULT_NONE));
        ASSERT(request_same(&whole, &pieces));
    }
    xfree(p);
    xfree(q);
    return 0;
}
