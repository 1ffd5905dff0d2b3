/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: what the escaper writes is printable ASCII without a quote and decodes to its input.
 */
#include "log/log.h"

#include "base/assert.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
hex_value(char c)
{
    ASSERT(ascii_is_digit(c) || (c >= 'A' && c <= 'F'));
    return (unsigned)(ascii_is_digit(c) ? c - '0' : c - 'A' + 10);
}

static void
check_decodes(struct str written, const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < written.n; i++, at++) {
        char c = written.p[i];
        ASSERT(c >= 0x20 && c <= 0x7e && c != '"');
        ASSERT(at < size);
        if (c != '\\') {
            ASSERT(data[at] == (uint8_t)c);
            continue;
        }
        ASSERT(written.n - i >= 4 && written.p[i + 1] == 'x');
        ASSERT(data[at] == (hex_value(written.p[i + 2]) << 4 | hex_value(written.p[i + 3])));
        i += 3;
    }
    ASSERT(at == size);
}

/* The first byte takes room away, so that cuts are met too. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t less = size == 0 ? 0 : data[0];
    size_t room = size * 4 - MIN_OF(size * 4, less);
    char *text = xalloc(room);
    struct out o = out_of(text, room);
    out_log_escaped(&o, (struct str){(const char *)data, size});
    ASSERT(!o.full || o.p == text);
    if (!o.full) {
        check_decodes(str_span(text, o.p), data, size);
    }
    xfree(text);
    return 0;
}
