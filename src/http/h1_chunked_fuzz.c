/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a chunked body: the same payload and end in one piece and byte by byte. */
#include "http/h1_same.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum h1_result result;
    enum http_fault fault;
    size_t used;
    size_t payload;
    struct h1_chunked chunked;
};

/* The payload of all pieces is gathered in `to`. */
static void
decode(struct outcome *o, char *p, size_t n, size_t step, char *to)
{
    *o = (struct outcome){.result = H1_MORE};
    h1_chunked_init(&o->chunked);
    while (o->result == H1_MORE && o->used < n) {
        size_t piece = MIN_OF(step, n - o->used), used = 0, payload = 0;
        char *at = p + o->used;
        o->result = h1_chunked_decode(&o->chunked, at, piece, &used, &payload, &o->fault);
        ASSERT(payload <= used && used <= piece);
        ASSERT(used == piece || o->result != H1_MORE);
        memcpy(to + o->payload, at, payload);
        o->used += used;
        o->payload += payload;
    }
}

static void
trailers_check(struct h1_chunked *c)
{
    static struct http_headers headers;
    ASSERT(c->trailers.n <= LIMIT_TRAILERS_MAX);
    if (h1_trailers_parse(c, &headers)) {
        ASSERT(headers_inside(&headers, c->trailers.p, c->trailers.n));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str text = {(const char *)data, size};
    char *p = bytes_copy(text), *q = bytes_copy(text);
    char *whole = xalloc(size), *pieces = xalloc(size);
    struct outcome a, b;
    decode(&a, p, size, size, whole);
    decode(&b, q, size, 1, pieces);
    ASSERT(a.result == b.result && a.fault == b.fault && a.used == b.used);
    ASSERT(a.payload == b.payload && memcmp(whole, pieces, a.payload) == 0);
    ASSERT(str_eq(buf_str(&a.chunked.trailers), buf_str(&b.chunked.trailers)));
    if (a.result == H1_DONE) {
        trailers_check(&a.chunked);
    }
    h1_chunked_done(&a.chunked);
    h1_chunked_done(&b.chunked);
    xfree(p);
    xfree(q);
    xfree(whole);
    xfree(pieces);
    return 0;
}
