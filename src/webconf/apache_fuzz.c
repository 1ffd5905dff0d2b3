/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: Apache configurations with their includes, read and judged. */
#include "webconf/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    webconf_fuzz(WEBCONF_APACHE, (struct str){(const char *)data, size});
    return 0;
}
