/* SPDX-License-Identifier: Apache-2.0
 * Tables of cells: widths, what is left out, what is cut. */
#include "query/grid.h"

#include "base/assert.h"
#include "base/mem.h"

enum { GAP = 2, FLEX_MIN = 8, FLEX_WANTED = 28, COLUMNS_MAX = 16 };

static const char ellipsis[] = "...";

struct grid_cell {
    char *text; /* owned */
    size_t width;
    enum style style;
};

/* What one printing has decided. */
struct plan {
    size_t width[COLUMNS_MAX];
    bool shown[COLUMNS_MAX];
    size_t last; /* the last column that is shown */
};

struct grid
grid_of(const struct grid_column *columns, size_t count)
{
    ASSERT(count <= COLUMNS_MAX);
    return (struct grid){.columns = columns, .column_count = count};
}

void
grid_add(struct grid *g, enum style style, struct str text)
{
    struct grid_cell *cell = VEC_PUSH(g->cells, g->count, g->cap);
    cell->text = xstrdup_str(text);
    cell->width = text_width(text);
    cell->style = style;
}

void
grid_take(struct grid *g, enum style style, struct buf *text)
{
    grid_add(g, style, buf_str(text));
    buf_free(text);
}

static bool
has_titles(const struct grid *g)
{
    for (size_t c = 0; c < g->column_count; c++) {
        if (g->columns[c].title[0] != '\0') {
            return true;
        }
    }
    return false;
}

static const char *
title_of(const struct grid_column *column)
{
    return column->title[0] == '\0' ? "" : tr(column->title);
}

static size_t
total(const struct grid *g, const struct plan *plan)
{
    size_t sum = 0;
    for (size_t c = 0; c < g->column_count; c++) {
        sum += plan->shown[c] ? plan->width[c] + (sum > 0 ? GAP : 0) : 0;
    }
    return sum;
}

static void
measure(const struct grid *g, struct plan *plan)
{
    for (size_t c = 0; c < g->column_count; c++) {
        plan->shown[c] = true;
        plan->width[c] = text_width(str_of(title_of(&g->columns[c])));
    }
    for (size_t i = 0; i < g->count; i++) {
        size_t *width = &plan->width[i % g->column_count];
        *width = g->cells[i].width > *width ? g->cells[i].width : *width;
    }
}

/* The flexible column needs only so much before others are left out for it. */
static size_t
least(const struct grid *g, struct plan *plan, size_t *ret_flex)
{
    *ret_flex = g->column_count;
    for (size_t c = 0; c < g->column_count; c++) {
        if (g->columns[c].flex) {
            *ret_flex = c;
        }
    }
    if (*ret_flex == g->column_count || plan->width[*ret_flex] <= FLEX_WANTED) {
        return total(g, plan);
    }
    return total(g, plan) - plan->width[*ret_flex] + FLEX_WANTED;
}

static bool
drop_one(const struct grid *g, struct plan *plan)
{
    size_t worst = g->column_count;
    for (size_t c = 0; c < g->column_count; c++) {
        if (plan->shown[c] && g->columns[c].drop > 0 &&
            (worst == g->column_count || g->columns[c].drop > g->columns[worst].drop)) {
            worst = c;
        }
    }
    if (worst < g->column_count) {
        plan->shown[worst] = false;
    }
    return worst < g->column_count;
}

static void
fit(const struct grid *g, struct plan *plan, size_t room)
{
    size_t flex;
    measure(g, plan);
    while (least(g, plan, &flex) > room && drop_one(g, plan)) {
    }
    size_t all = total(g, plan);
    if (flex < g->column_count && all > room) {
        size_t over = all - room;
        size_t width = plan->width[flex];
        plan->width[flex] = width > over + FLEX_MIN ? width - over
                            : width > FLEX_MIN      ? FLEX_MIN
                                                    : width;
    }
    for (size_t c = 0; c < g->column_count; c++) {
        plan->last = plan->shown[c] ? c : plan->last;
    }
}

static void
blanks(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_add_char(out, ' ');
    }
}

static void
put(struct buf *out, const struct term *t, enum style style, struct str text)
{
    if (style == STYLE_END || text.n == 0) {
        buf_add_str(out, text);
    } else {
        term_add_styled(out, t, style, text);
    }
}

/* One cell in its column: cut, aligned, padded except at the end of the line. */
static void
put_cell(struct buf *out, const struct term *t, const struct grid_column *column, size_t width,
         bool last, const struct grid_cell *cell)
{
    struct str text = str_of(cell->text);
    AUTO(buf_free) struct buf shortened = {0};
    size_t has = cell->width;
    if (has > width) {
        buf_add_str(&shortened, text_cut(text, width - (sizeof(ellipsis) - 1)));
        buf_add_z(&shortened, ellipsis);
        text = buf_str(&shortened);
        has = text_width(text);
    }
    size_t pad = width > has ? width - has : 0;
    blanks(out, column->right ? pad : 0);
    put(out, t, cell->style, text);
    blanks(out, column->right || last ? 0 : pad);
}

static void
put_row(const struct grid *g, const struct plan *plan, struct buf *out, const struct term *t,
        unsigned indent, const struct grid_cell *cells)
{
    size_t begin = out->n;
    blanks(out, indent);
    bool first = true;
    for (size_t c = 0; c < g->column_count; c++) {
        if (!plan->shown[c]) {
            continue;
        }
        blanks(out, first ? 0 : GAP);
        put_cell(out, t, &g->columns[c], plan->width[c], c == plan->last, &cells[c]);
        first = false;
    }
    while (out->n > begin && out->p[out->n - 1] == ' ') {
        out->p[--out->n] = '\0'; /* empty cells at the end */
    }
    buf_add_char(out, '\n');
}

static void
put_titles(const struct grid *g, const struct plan *plan, struct buf *out, const struct term *t,
           unsigned indent)
{
    struct grid_cell cells[COLUMNS_MAX] = {0};
    for (size_t c = 0; c < g->column_count; c++) {
        cells[c].text = xstrdup(title_of(&g->columns[c]));
        cells[c].width = text_width(str_of(cells[c].text));
        cells[c].style = STYLE_DIM;
    }
    put_row(g, plan, out, t, indent, cells);
    for (size_t c = 0; c < g->column_count; c++) {
        xfree(cells[c].text);
    }
}

void
grid_print(struct grid *g, struct buf *out, const struct term *t, unsigned indent)
{
    struct plan plan = {0};
    ASSERT(g->count % g->column_count == 0);
    if (g->count > 0) {
        fit(g, &plan, t->width > indent ? t->width - indent : FLEX_MIN);
        if (has_titles(g)) {
            put_titles(g, &plan, out, t, indent);
        }
    }
    for (size_t i = 0; i < g->count; i += g->column_count) {
        put_row(g, &plan, out, t, indent, &g->cells[i]);
    }
    for (size_t i = 0; i < g->count; i++) {
        xfree(g->cells[i].text);
    }
    xfree(g->cells);
    *g = grid_of(g->columns, g->column_count);
}
