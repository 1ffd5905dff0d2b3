/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as what comes back for a ClientHello: no crash, the facts within their bounds, and what
 * is complete stays as it is when more bytes come. */
#include "tls/flight.h"

#include "base/assert.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct tls_flight *f, size_t size)
{
    size_t bytes = 0;
    ASSERT(f->kind < TLS_FLIGHT_COUNT && f->fault < TLS_FAULT_COUNT);
    ASSERT(f->alert >= -1 && f->alert <= 255);
    ASSERT(f->extension_count <= TLS_FLIGHT_EXTENSIONS);
    ASSERT(f->chain.count <= LIMIT_TLS_CHAIN_CERTIFICATES && f->chain.count <= f->chain.total);
    for (size_t i = 0; i < f->chain.count; i++) {
        bytes += f->chain.items[i].n;
    }
    ASSERT(bytes <= LIMIT_TLS_CHAIN_BYTES && bytes <= size);
    ASSERT((f->kind == TLS_FLIGHT_NOTHING) == (size == 0));
    ASSERT(f->kind != TLS_FLIGHT_ALERT || f->alert >= 0);
    ASSERT(f->kind != TLS_FLIGHT_BAD_RECORD || f->fault != TLS_FAULT_NONE);
}

static void
read_exact(const uint8_t *data, size_t n, bool eof, struct tls_flight *ret)
{
    uint8_t *exact = xalloc(n + 1);
    memcpy(exact, data, n);
    tls_flight_read(exact, n, eof, ret);
    xfree(exact); /* nothing may point into it */
    check(ret, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 64 * 1024) {
        return 0;
    }
    struct tls_flight whole = {0}, part = {0};
    read_exact(data, size, true, &whole);
    ASSERT(whole.complete);
    read_exact(data, size, false, &whole);
    size_t step = 1 + size / 64;
    for (size_t n = 0; n < size; n += step) {
        read_exact(data, n, false, &part);
        if (part.complete) {
            ASSERT(part.kind == whole.kind && part.alert == whole.alert);
            ASSERT(part.suite == whole.suite && part.chain.count == whole.chain.count);
            ASSERT(whole.complete);
        }
    }
    tls_flight_done(&whole);
    tls_flight_done(&part);
    return 0;
}
