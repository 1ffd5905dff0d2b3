/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a preload list. */
#include "hsts/store_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hsts_found f = {0};
    struct hsts_query q;
    struct errinfo error = {""};
    AUTO(buf_free) struct buf text = {0};
    ASSERT(crypto_init(NULL) == ERR_OK);
    hsts_query_init(&q, &f, STR("app.example.com"), 0);
    buf_add(&text, data, size);
    bool fine = hsts_preload_read(&q, text.p, text.n, &error) == ERR_OK;
    ASSERT(fine == (error.text[0] == '\0'));
    ASSERT(f.preloaded_count <= f.name_count);
    hsts_query_done(&q);
    hsts_found_free(&f);
    return 0;
}
