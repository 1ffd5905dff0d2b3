/* SPDX-License-Identifier: Apache-2.0
 * The page of `openalb logs report`: a sink that takes access lines into sums (query/stats.h) and a
 * cube (query/cube.h) in one pass, and the one HTML page made of them. It needs no other file, no
 * network and no font; bytes of logs stand in it as text only.
 *
 *     struct query_report *report = query_report_new();
 *     err = scan_run(&files, &scan, &query_report_sink, report, &counts, &problem);
 *     query_report_html(report, &counts, &about, &page);
 *     query_report_free(&report);
 */
#pragma once

#include "base/buf.h"
#include "query/scan.h"
#include "query/stats.h"

struct query_report; /* owned by the caller, with all its memory; bounded by LIMIT_REPORT_* and
                        LIMIT_STATS_* */

struct query_report *query_report_new(void);
void query_report_free(struct query_report **report);
extern const struct scan_sink query_report_sink; /* its state is a `struct query_report *` */

/* What the page says about itself; everything borrowed, any bytes. */
struct query_report_about {
    struct str sources; /* the paths as given, "logs/ more.log.gz" */
    struct str filter;  /* the filter options as given, "--status 5xx"; may be empty */
    struct str version; /* of openalb */
    uint64_t now_us;    /* since 1970: when the page was made */
    bool cut_short;     /* the scan was ended early by a signal */
};

/* Appends the page, at most LIMIT_REPORT_PAGE_BYTES, in every language that is installed, the
 * current one first. The report takes no more lines after this. */
void query_report_html(struct query_report *report, const struct scan_counts *counts,
                       const struct query_report_about *about, struct buf *out);

/* The sums behind the page, as `stats` has them (for `--json`): valid until the report is freed;
 * takes no more lines after this. */
const struct stats_tables *query_report_tables(struct query_report *report);
