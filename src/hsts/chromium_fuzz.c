/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as Chromium's TransportSecurity, and as its Preferences. */
#include "hsts/store_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    store_fuzz(&hsts_chromium_format, HSTS_CHROMIUM, bytes);
    (void)hsts_chromium_https_only(bytes); /* either answer will do */
    return 0;
}
