/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the files of curl and wget. */
#include "hsts/store_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    store_fuzz(&hsts_curl_format, HSTS_CURL, bytes);
    store_fuzz(&hsts_wget_format, HSTS_WGET, bytes);
    return 0;
}
