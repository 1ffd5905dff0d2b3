/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a server's side of HTTP/2: the answer stays inside what came, whole or in pieces. */
#include "base/assert.h"
#include "base/limits.h"
#include "doctor/h2_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct http_seen *h)
{
    ASSERT(h->h2);
    ASSERT(h->header_count <= HTTP_SEEN_HEADERS);
    ASSERT(!h->has_status || (h->status >= 200 && h->status <= 999 && h->head_bytes > 0));
    for (size_t i = 0; i < h->header_count; i++) {
        ASSERT(h->headers[i].name.n > 0 && h->headers[i].name.p >= h->text);
        ASSERT(h->headers[i].value.p + h->headers[i].value.n <= h->text + h->head_bytes);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_seen *h = h2_seen_read(data, size, size, true, false);
    check(h);
    struct h2_client *c = h2_client_new(NULL);
    struct buf out = {0};
    for (size_t i = 0; i < size && !h2_client_complete(c); i++) {
        h2_client_feed(c, data + i, 1);
        h2_client_take(c, &out);
    }
    ASSERT(!h2_client_answered(c) || h->has_status || h->h2_error[0] != '\0' ||
           (h->odd & ODD_HEAD_TOO_LARGE) != 0);
    buf_free(&out);
    h2_client_free(&c);
    http_seen_free(&h);
    return 0;
}
