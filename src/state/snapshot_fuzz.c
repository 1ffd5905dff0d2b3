/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: what parses as a snapshot is written and parsed again to the same text. */
#include "state/snapshot.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errinfo e;
    struct model *m = NULL;
    if (snapshot_parse((struct str){(const char *)data, size}, &m, &e) != ERR_OK) {
        return 0;
    }
    AUTO(buf_free) struct buf first = {0};
    snapshot_write(m, &first);
    ASSERT(!first.overflow);
    model_unref(&m);

    enum err again = snapshot_parse(buf_str(&first), &m, &e);
    ASSERT(again == ERR_OK);
    AUTO(buf_free) struct buf second = {0};
    snapshot_write(m, &second);
    model_unref(&m);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    return 0;
}
