/* SPDX-License-Identifier: Apache-2.0
 * Facts about roles that both sides of a channel need. */
#include "role/role_int.h"

#include "base/assert.h"

const char *
role_name(enum role_kind kind)
{
    static const char *const names[] = {
        [ROLE_SUPERVISOR] = "supervisor", [ROLE_CONTROL] = "control", [ROLE_WORKER] = "worker",
        [ROLE_CHECKER] = "checker",       [ROLE_SHIPPER] = "shipper",
    };
    _Static_assert(COUNT_OF(names) == ROLE_COUNT, "one name per role");
    ASSERT(kind < ROLE_COUNT);
    return names[kind];
}

bool
gift_wanted(enum gift gift, enum role_kind kind)
{
    static const bool wanted[GIFT_COUNT][ROLE_COUNT] = {
#define GIFT(name, control, worker, checker, shipper, meaning)                                     \
    [GIFT_##name] = {[ROLE_CONTROL] = control,                                                     \
                     [ROLE_WORKER] = worker,                                                       \
                     [ROLE_CHECKER] = checker,                                                     \
                     [ROLE_SHIPPER] = shipper},
#include "role/gifts.def"
#undef GIFT
    };
    ASSERT(gift < GIFT_COUNT);
    ASSERT(kind < ROLE_COUNT);
    return wanted[gift][kind];
}

unsigned
restart_delay_s(unsigned quick)
{
    if (quick == 0) {
        return 0;
    }
    unsigned shift = MIN_OF(quick - 1, 5U); /* 1, 2, 4, 8, 16, 32 */
    return MIN_OF(1U << shift, (unsigned)RESTART_DELAY_MAX_S);
}
