/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as Firefox's store, in both forms. The checksums of the slots are made right first, so
 * that what is behind them is reached; an input that begins with an odd byte keeps its own. */
#include "hsts/store_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOT_SIZE = 286 };

static void
mend_slot(char *slot)
{
    slot[0] = 0;
    slot[1] = 0;
    for (size_t i = 2; i < SLOT_SIZE; i += 2) {
        slot[0] ^= slot[i];
        slot[1] ^= slot[i + 1];
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf_free) struct buf slots = {0};
    struct str bytes = {(const char *)data, size};
    store_fuzz(&hsts_firefox_txt_format, HSTS_FIREFOX, bytes);
    buf_add_str(&slots, bytes);
    for (size_t at = 0; size > 0 && (data[0] & 1) == 0 && at + SLOT_SIZE <= size; at += SLOT_SIZE) {
        mend_slot(slots.p + at);
    }
    store_fuzz(&hsts_firefox_bin_format, HSTS_FIREFOX, buf_str(&slots));
    return 0;
}
