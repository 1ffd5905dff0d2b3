/* SPDX-License-Identifier: Apache-2.0
 * Names, gifts and the back-off of roles. */
#include "role/role_int.h"

#include "base/test.h"

TEST("the first restart is at once, then 1, 2, 4 to 30 seconds")
{
    static const unsigned expected[] = {0, 1, 2, 4, 8, 16, 30, 30, 30};
    for (unsigned i = 0; i < COUNT_OF(expected); i++) {
        CHECK_INT(restart_delay_s(i), expected[i]);
    }
    CHECK_INT(restart_delay_s(UINT32_MAX), RESTART_DELAY_MAX_S);
}

TEST("every role has a name of its own")
{
    for (int a = 0; a < ROLE_COUNT; a++) {
        for (int b = 0; b < a; b++) {
            CHECK(!str_eq(str_of(role_name((enum role_kind)a)),
                          str_of(role_name((enum role_kind)b))));
        }
    }
}

TEST("only who needs them gets keys, spool and state")
{
    for (int kind = 0; kind < ROLE_COUNT; kind++) {
        enum role_kind k = (enum role_kind)kind;
        CHECK(gift_wanted(GIFT_KEYS, k) == (k == ROLE_CONTROL || k == ROLE_WORKER));
        CHECK(gift_wanted(GIFT_STATE, k) == (k == ROLE_CONTROL));
        CHECK(gift_wanted(GIFT_TICKETS, k) == (k == ROLE_WORKER));
        CHECK(gift_wanted(GIFT_SPOOL, k) == (k == ROLE_WORKER || k == ROLE_SHIPPER));
        CHECK(gift_wanted(GIFT_BOARD, k) == (k != ROLE_SUPERVISOR));
    }
}

TEST_MAIN
