/* SPDX-License-Identifier: Apache-2.0
 * Reading the lines that a diagnosis found in logs: for the inference and for reports. */
#pragma once

#include "base/buf.h"
#include "doctor/facts.h"
#include "log/read.h"

/* A mark's line, split. False: it is no line; then there is nothing to release. */
struct mark_line {
    char *text; /* owned; what `line` points into */
    struct log_line line;
};
bool mark_read(const struct log_mark *m, struct mark_line *ret);
void mark_done(struct mark_line *m);
struct str mark_file_name(const struct log_mark *m); /* the file without its folders */
/* The decisive fields, as the log writes them: "elb_status_code=502 ..."; raw bytes. Neither path
 * nor query is among them. */
void mark_fields(const struct log_line *line, struct buf *out);
