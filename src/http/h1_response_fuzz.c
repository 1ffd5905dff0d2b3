/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the head of an answer; the first byte chooses the request's method. */
#include "http/h1_same.h"

#include "base/assert.h"
#include "http/h1_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct h1_response whole, pieces;

static void
accepted_check(const struct h1_response *r, size_t n, enum http_method method)
{
    ASSERT(r->fault == FAULT_NONE && r->head_bytes <= n);
    ASSERT(r->head_bytes <= LIMIT_RESPONSE_HEADERS_MAX);
    ASSERT(r->status >= 100 && r->status <= 999);
    ASSERT(r->body != BODY_CLOSE || !r->keep_alive);
    ASSERT(method != METHOD_HEAD || r->body == BODY_NONE);
    for (unsigned i = 0; i < r->headers.count; i++) {
        const struct http_header *h = &r->headers.items[i];
        ASSERT(h->name.n > 0 && str_all(h->name, CHAR_TOKEN));
        ASSERT(memchr(h->value.p, '\n', h->value.n) == NULL);
        ASSERT(memchr(h->value.p, '\r', h->value.n) == NULL);
        ASSERT((h->flags & HEADER_DROP) != 0 || h->id != HEADER_TRANSFER_ENCODING);
    }
}

static enum h1_result
parse_pieces(char *p, size_t n, enum http_method method)
{
    struct h1_scan scan = {0};
    enum h1_result got = H1_MORE;
    for (size_t have = 1; have <= n && got == H1_MORE; have++) {
        got = h1_response_parse(&scan, p, have, method, &pieces);
    }
    return got;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    enum http_method method = (enum http_method)(data[0] % (METHOD_CONNECT + 1));
    struct str text = {(const char *)data + 1, size - 1};
    char *p = bytes_copy(text);
    char *q = bytes_copy(text);
    struct h1_scan scan = {0};
    enum h1_result got = h1_response_parse(&scan, p, text.n, method, &whole);
    ASSERT(parse_pieces(q, text.n, method) == got);
    if (got == H1_DONE) {
        accepted_check(&whole, text.n, method);
        ASSERT(headers_inside(&whole.headers, p, text.n) && str_inside(whole.reason, p, text.n));
    }
    if (got != H1_MORE) {
        ASSERT(response_same(&whole, &pieces));
    }
    xfree(p);
    xfree(q);
    return 0;
}
