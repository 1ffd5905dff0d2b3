/* SPDX-License-Identifier: Apache-2.0
 * Configurations as rows of a table: what is said about a bad one, and that its mended twin is
 * fine. */
#pragma once

#include "webconf/webconf.h"

struct judge_case {
    const char *bad;
    const char *mended; /* its twin: nothing of this kind, and nothing above a note; NULL: none */
    enum webconf_remark_kind kind;
    unsigned line;
    const char *corrected; /* NULL: not compared */
    enum webconf_weight weight;
    struct webconf_question q; /* host: app.example.com where it is NULL */
};

/* Judges `text` as the file /etc/web/site.conf. The caller frees the list. */
struct webconf_remarks *judge_text(enum webconf_kind kind, const char *text,
                                   const struct webconf_question *q);
const struct webconf_remark *judge_find(const struct webconf_remarks *r,
                                        enum webconf_remark_kind kind);
void judge_run_cases(enum webconf_kind kind, const struct judge_case *cases, size_t count);
