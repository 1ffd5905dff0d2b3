/* SPDX-License-Identifier: Apache-2.0
 * What filter.c and moment.c know of each other. */
#pragma once

#include "query/filter.h"

/* query_moment; *ret_zone is false when the text names a day or time without saying its zone. */
enum err moment_read(struct str text, uint64_t now_us, uint64_t *ret_us, bool *ret_zone,
                     struct errinfo *reterr) MUST_USE;
