/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as Strict-Transport-Security fields, one per line. */
#include "hsts/hsts.h"

#include "base/assert.h"
#include "base/defs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct hsts_header *h)
{
    ASSERT(h->why != NULL && h->why[0] != '\0');
    ASSERT((h->result == HSTS_IGNORE) == (h->problem != HSTS_PROBLEM_NONE));
    ASSERT((h->result == HSTS_SET) == (h->max_age_s > 0));
    ASSERT(h->result == HSTS_SET || (!h->include_subdomains && h->chromium.result == h->result));
    ASSERT(!h->curl_accepts || h->curl.result == HSTS_SET);
    ASSERT(h->chromium.max_age_s <= h->max_age_s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str values[8];
    size_t count = 0;
    struct hsts_header h;
    struct str rest = {(const char *)data, size};
    for (struct str value; count < COUNT_OF(values) && str_cut(&rest, '\n', &value);) {
        hsts_header_parse(value, &h);
        check(&h);
        values[count++] = value;
    }
    hsts_headers_parse(values, count, &h);
    check(&h);
    return 0;
}
