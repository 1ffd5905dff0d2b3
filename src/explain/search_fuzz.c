/* SPDX-License-Identifier: Apache-2.0
 * Whatever is typed after `openalb explain`: searching and suggesting end, within their limits. */
#include "explain/explain.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str typed = {(const char *)data, size};
    struct explain_found found;
    bool any = explain_search(typed, &found);
    ASSERT(any == (found.count > 0));
    ASSERT(found.count <= COUNT_OF(found.words));
    for (size_t i = 0; i < found.count; i++) {
        ASSERT(explain_find(found.words[i]->kind, str_of(found.words[i]->key)) == found.words[i]);
    }
    explain_near(typed, &found);
    ASSERT(found.count <= LIMIT_EXPLAIN_NEAR_MAX);
    return 0;
}
