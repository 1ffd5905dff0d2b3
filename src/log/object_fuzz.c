/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: any bytes as the name of a log file. What is accepted has all its parts, inside the
 * name, and an end that is a moment. */
#include "base/assert.h"
#include "base/mem.h"
#include "log/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_part(struct str part, struct str path)
{
    ASSERT(part.n > 0);
    ASSERT(part.p >= path.p && part.p + part.n <= path.p + path.n);
    ASSERT(memchr(part.p, '/', part.n) == NULL && memchr(part.p, '_', part.n) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *p = xalloc(size == 0 ? 1 : size);
    if (size > 0) {
        memcpy(p, data, size);
    }
    struct str path = {p, size};
    struct log_object o;
    if (log_object_parse(path, &o)) {
        ASSERT(o.kind < LOG_KIND_COUNT);
        ASSERT(o.prefix.p == NULL || (o.prefix.p == path.p && o.prefix.n < path.n));
        ASSERT(!o.test_file || o.account.p == NULL);
    }
    if (log_object_parse(path, &o) && !o.test_file) {
        const struct str parts[] = {o.account, o.region, o.elb_dotted, o.node, o.random};
        for (size_t i = 0; i < COUNT_OF(parts); i++) {
            check_part(parts[i], path);
        }
        ASSERT(o.end_us % 1000000 == 0);
    }
    xfree(p);
    return 0;
}
