/* SPDX-License-Identifier: Apache-2.0
 * Between the files of the HTML report: the page that is being written, and its parts.
 *
 * report_html() writes the page once for each language into one file; a part writes itself for the
 * language that is current. Markup is ours (page_markup, page_addf); everything else goes through
 * page_say, page_text or page_sentence, which escape it and cut it to a bound. */
#pragma once

#include "doctor/report.h"
#include "doctor/secrets.h"

/* What is left out of a page that would become too large. */
enum detail {
    DETAIL_FULL,
    DETAIL_LESS, /* no bytes of single probes, shorter texts */
};

struct page {
    const struct report *r;
    struct buf *out;
    struct secrets *secrets; /* stars cookies and the like in bytes that are shown */
    const char *lang;        /* begins the ids of this language's half: "en" */
    enum detail detail;
};

/* How something stands, wherever it is drawn. */
enum mark { MARK_UNKNOWN, MARK_GOOD, MARK_BAD, MARK_WARN, MARK_COUNT };
const char *mark_class(enum mark m); /* "bad" */
enum mark mark_of_layer(enum layer_state s);
enum mark mark_of_severity(enum severity s);

/* ---- html_text.c ---- */
void page_markup(const struct page *p, const char *markup);
void page_addf(const struct page *p, const char *fmt, ...)
    PRINTF_LIKE(2, 3); /* numbers, our words */
void page_say(const struct page *p, const char *msgid);
void page_text(const struct page *p, struct str bytes);
/* A filled sentence or a file's name, plain: the queries of URLs go, home folders become '~', what
 * is left is cut and escaped. */
void page_sentence(const struct page *p, struct str plain);
/* The four sentences of report.h, so treated. */
void page_cause(const struct page *p, const struct finding *f);
void page_evidence(const struct page *p, const struct finding *f, const struct evidence *ev);
void page_rules_out(const struct page *p, const struct finding *f);
void page_finding_text(const struct page *p, const struct finding *f, const char *msgid);
/* "<h2>...</h2>" */
void page_heading(const struct page *p, const char *msgid);
/* A block of code with a button that copies it; `class` may be "". */
void page_code(const struct page *p, struct str text, const char *class);
/* Bytes as offset, hex and text; cookies and the like starred. At most `max` of them. */
void page_dump(const struct page *p, const char *label, const struct bytes *bytes, uint64_t total,
               size_t max);
void page_addr(const struct page *p, const struct addr *a);
/* "81 ms", "2.1 s" */
void page_took(const struct page *p, uint64_t us);

/* ---- the parts, in their order ---- */
void page_verdict(const struct page *p); /* html_verdict.c */
void page_path(const struct page *p);    /* html_path.c */
void page_sights(const struct page *p);  /* html_verdict.c, and so on */
void page_evidences(const struct page *p);
void page_fixes(const struct page *p);
void page_ruled_out(const struct page *p);
void page_others(const struct page *p);
void page_layers(const struct page *p);
void page_time_line(const struct page *p); /* html_time.c */
void page_endpoints(const struct page *p); /* html_tables.c */
void page_redirects(const struct page *p);

/* ---- made at build time from report.css and report.js ---- */
extern const char report_css[], report_css_hash[]; /* "sha256-..." for the page's policy */
extern const char report_js[], report_js_hash[];
