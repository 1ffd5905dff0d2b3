/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the reader of saved diagnoses: what it accepts must come back the same from a second
 * saving. */
#include <stdint.h>
#include <stdio.h>

#include "base/assert.h"
#include "doctor/save.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct facts f;
    struct errinfo info;
    struct buf first AUTO(buf_free) = {0};
    struct buf second AUTO(buf_free) = {0};
    if (facts_load((struct str){(const char *)p, n}, &f, &info) != ERR_OK) {
        return 0;
    }
    facts_save(&f, false, &first);
    facts_done(&f);
    enum err e = facts_load(buf_str(&first), &f, &info);
    ASSERT(e == ERR_OK);
    facts_save(&f, false, &second);
    facts_done(&f);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    return 0;
}
