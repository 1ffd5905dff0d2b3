/* SPDX-License-Identifier: Apache-2.0
 * The only readers of the system's clocks. Event-loop code asks loop_now() instead. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"

uint64_t clock_mono_us(void); /* monotonic, microseconds */
uint64_t clock_wall_us(void); /* since 1970, UTC, microseconds */

/* "2026-11-23T17:11:54.123456Z", 27 bytes. The last three digits are zeros when ms_only. */
void out_iso8601(struct out *o, uint64_t wall_us, bool ms_only);
/* "Mon, 23 Nov 2026 17:11:54 GMT", 29 bytes [RFC 9110 5.6.7]. */
void out_http_date(struct out *o, uint64_t wall_us);

/* Civil date of a moment, UTC. */
struct civil {
    int year, month, day, hour, minute, second, weekday; /* month 1-12, weekday 0 = Sunday */
};
struct civil clock_civil(uint64_t wall_us);
