/* SPDX-License-Identifier: Apache-2.0
 * Splits log lines on any processor: eight bytes at a time in ordinary registers. */
#include "log/split_loop.h"

static bool
usable(void)
{
    return true;
}

const struct log_splitter log_split_plain = {"plain", usable, split_loop};
