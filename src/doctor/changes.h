/* SPDX-License-Identifier: Apache-2.0
 * What is different between two runs of the same question, for --watch. Pure. */
#pragma once

#include "doctor/infer.h"

struct run_view { /* borrowed */
    const struct facts *facts;
    const struct findings *findings;
};
/* Appends one translated sentence a line, terminal-safe; returns how many. */
size_t changes_add(const struct run_view *before, const struct run_view *after, struct buf *out);
/* Seconds for which resolvers may keep the old address, counted from the end of the run; 0: the
 * finding is not about that, or nothing is known. */
uint32_t changes_ttl_s(const struct run_view *run);
/* "DNS-01", "ok", "-": the run in a word. */
const char *changes_result(const struct findings *f);
