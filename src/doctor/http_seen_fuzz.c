/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the lenient reader of HTTP answers: the first byte says how the connection ended and how
 * many bytes were not kept. */
#include <stdint.h>

#include "base/assert.h"
#include "doctor/http_seen.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check(const struct http_seen *h, size_t n)
{
    ASSERT(h->header_count <= HTTP_SEEN_HEADERS);
    ASSERT(h->head_bytes <= n);
    ASSERT(h->body_bytes <= n);
    ASSERT(h->body_bytes == 0 || h->body != NULL);
    ASSERT(h->body_end < BODY_END_COUNT);
    ASSERT(h->author < AUTHOR_COUNT);
    ASSERT(!h->has_status || (h->status >= 100 && h->status <= 999));
    for (size_t i = 0; i < h->header_count; i++) {
        struct str value = h->headers[i].value;
        ASSERT(value.n == 0 || (value.p >= h->text && value.p + value.n <= h->text + n));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n == 0) {
        return 0;
    }
    uint8_t mode = *p++;
    n--;
    uint64_t total = (mode & 4) != 0 ? n + ((uint64_t)mode << 12) : n;
    struct http_seen *h = http_seen_read(p, n, total, (mode & 1) != 0, (mode & 2) != 0);
    check(h, n);
    (void)http_seen_complete(h); /* only that it returns */
    (void)http_seen_through_lb(h);
    http_seen_free(&h);
    return 0;
}
