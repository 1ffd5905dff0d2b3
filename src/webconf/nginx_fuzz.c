/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: nginx configurations with their includes, read and judged. */
#include "webconf/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    webconf_fuzz(WEBCONF_NGINX, (struct str){(const char *)data, size});
    return 0;
}
