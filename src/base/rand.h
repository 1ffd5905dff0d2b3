/* SPDX-License-Identifier: Apache-2.0
 * Fast seedable random numbers for choices and trace ids; never for secrets (crypto has those). */
#pragma once

#include "base/defs.h"

struct rand {
    uint64_t state[4];
};

void rand_seed(struct rand *r, uint64_t seed);
void rand_seed_system(struct rand *r); /* from getrandom(2) */
uint64_t rand_u64(struct rand *r);
uint64_t rand_below(struct rand *r, uint64_t bound); /* 0 .. bound - 1; bound > 0 */
