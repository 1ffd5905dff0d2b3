/* SPDX-License-Identifier: Apache-2.0
 * For fuzz targets: any bytes as one store, read and cut. */
#pragma once

#include "hsts/hsts_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/crypto.h"

/* What is read must be sound; what is cut must be gone when it is read again, and nothing else. */
static inline void
store_fuzz(const struct hsts_format *format, enum hsts_client client, struct str bytes)
{
    struct hsts_found f = {0};
    struct hsts_query q;
    AUTO(buf_free) struct buf cut = {0};
    size_t count = 0, again = 0;
    ASSERT(crypto_init(NULL) == ERR_OK);
    hsts_query_init(&q, &f, STR("app.example.com"), 1795000000);
    for (size_t i = 0; i < 2; i++) {
        *VEC_PUSH(f.stores, f.store_count, f.store_cap) =
            (struct hsts_store){.client = client, .format = format};
    }
    enum hsts_store_state state = format->read(&q, 0, bytes);
    for (size_t i = 0; i < f.entry_count; i++) {
        const struct hsts_entry *e = &f.entries[i];
        ASSERT(!e->applies || (e->state == HSTS_ENTRY_SET && !e->expired));
        ASSERT(!hsts_covers(e, 80) || e->applies);
    }
    size_t before = f.entry_count + f.entries_left_out;
    size_t damaged = f.stores[0].damaged;
    if (state == HSTS_STORE_READ &&
        format->cut(bytes, STR("app.example.com"), &cut, &count, NULL) == ERR_OK) {
        AUTO(buf_free) struct buf twice = {0};
        ASSERT(format->read(&q, 1, buf_str(&cut)) == HSTS_STORE_READ);
        ASSERT(format->cut(buf_str(&cut), STR("app.example.com"), &twice, &again, NULL) == ERR_OK);
        ASSERT(again == 0);
        ASSERT(f.entry_count + f.entries_left_out - before <= before);
        ASSERT(f.stores[1].damaged <= damaged);
    }
    hsts_query_done(&q);
    hsts_found_free(&f);
}
