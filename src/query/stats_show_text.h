/* SPDX-License-Identifier: Apache-2.0
 * The sections of the statistics on a terminal. Only for stats_show*.c and stats_compare.c. */
#pragma once

#include "query/stats_show_int.h"

struct page {
    struct buf *out;
    const struct term *t;
    bool ascii, details;
};

/* Sections; each prints nothing where it has nothing. */
void show_errors(const struct page *p, const struct stats_tables *x);
void show_timeline(const struct page *p, const struct stats_tables *x);
void show_slowest(const struct page *p, const struct stats_tables *x);
void show_sets(const struct page *p, const struct stats_tables *x);
void show_connections(const struct page *p, const struct stats_tables *x);
void show_checked(const struct page *p, const struct stats_tables *x);

/* Cells and lines. */
void show_number(const struct page *p, const char *label, uint64_t count); /* nothing for 0 */
void show_not_shown(const struct page *p, uint64_t count);
void show_cell_count(struct grid *g, enum style style,
                     uint64_t count); /* a style for more than 0 */
void show_cell_ms(struct grid *g, const struct stats_values *v, uint64_t ms);
void show_cell_values(struct grid *g, const struct stats_values *v); /* p50 p90 p95 p99 max */
void show_rate(struct buf *out, uint64_t requests, uint64_t span_us);
