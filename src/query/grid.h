/* SPDX-License-Identifier: Apache-2.0
 * A table of cells on a terminal: columns as wide as their widest cell, less important ones left
 * out where the line is too short, one text column cut to what is left. Only for this module. */
#pragma once

#include "text/text.h"

struct grid_column {
    const char *title; /* message id; "": none */
    bool right;        /* numbers */
    bool flex;         /* at most one: cut to what the others leave */
    unsigned drop;     /* left out first where room is missing, highest first; 0: never */
};

struct grid {
    const struct grid_column *columns; /* borrowed */
    size_t column_count;
    struct grid_cell *cells; /* owned; row by row */
    size_t count, cap;
};

struct grid grid_of(const struct grid_column *columns, size_t count);
/* The next cell: `text` is ours or made safe; STYLE_END is no style. */
void grid_add(struct grid *g, enum style style, struct str text);
/* The same with the bytes of `text`, which is emptied. */
void grid_take(struct grid *g, enum style style, struct buf *text);
/* Prints the titles and all rows, indented, then empties the grid. Nothing without rows. */
void grid_print(struct grid *g, struct buf *out, const struct term *t, unsigned indent);
