/* SPDX-License-Identifier: Apache-2.0
 * The style and script of the page of `logs report`, made at build time from logs_report.css and
 * logs_report.js. */
#pragma once

extern const char logs_report_css[],
    logs_report_css_hash[]; /* "sha256-..." for the page's policy */
extern const char logs_report_js[], logs_report_js_hash[];
