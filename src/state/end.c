/* SPDX-License-Identifier: Apache-2.0
 * The table of ends, in memory. */
#include "state/end.h"

#include "base/assert.h"

static const struct end_row rows[END_COUNT] = {
#define END(name, fault, status, times, metric, sentence)                                          \
    [END_##name] = {#name, END_FAULT_##fault, (status), END_TIMES_##times, (metric), (sentence)},
#include "state/end_reasons.def"
#undef END
};

const struct end_row *
end_row(enum end_reason r)
{
    ASSERT(r < END_COUNT);
    return &rows[r];
}

const char *
end_fault_name(enum end_fault f)
{
    static const char *const names[] = {"nobody", "client", "target", "us", "config"};
    return names[f];
}
