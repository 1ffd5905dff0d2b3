/* SPDX-License-Identifier: Apache-2.0
 * Results of SQL as a table, JSON or CSV. Bytes of strangers are made safe in all of them: what is
 * not printable UTF-8 becomes \xHH. */
#include "query/sql_int.h"

#include <inttypes.h>
#include <math.h>

#include "base/assert.h"
#include "base/mem.h"
#include "query/lines.h"

/* One result on its way. */
struct printer {
    const struct sql_output *output;
    uint64_t rows;    /* of all results */
    uint64_t here;    /* of this one */
    struct buf out;   /* owned: what goes out next */
    struct buf cell;  /* owned: one value */
    char **names;     /* owned, with what it points to */
    size_t count;     /* columns */
    size_t *widths;   /* owned: of a table */
    bool *numbers;    /* owned: such a column is aligned to the right */
    struct str *held; /* owned, with the texts: cells of the first rows, until widths are known */
    size_t held_count, held_cap;
    bool widths_known;
};

static void
result_done(struct printer *p)
{
    for (size_t i = 0; i < p->count; i++) {
        xfree(p->names[i]);
    }
    for (size_t i = 0; i < p->held_count; i++) {
        char *text = (char *)(uintptr_t)p->held[i].p;
        xfree(text);
    }
    xfree(p->names);
    xfree(p->widths);
    xfree(p->numbers);
    xfree(p->held);
    p->names = NULL;
    p->widths = NULL;
    p->numbers = NULL;
    p->held = NULL;
    p->count = p->held_count = p->held_cap = 0;
}

static bool
flush(struct printer *p)
{
    bool fine = p->out.n == 0 || fwrite(p->out.p, 1, p->out.n, p->output->out) == p->out.n;
    buf_reset(&p->out);
    return fine;
}

static bool
flush_if_large(struct printer *p)
{
    enum { LARGE = 64 * 1024 };
    return p->out.n < LARGE || flush(p);
}

/* ---- values ---- */

/* As SQLite's own shell shows it: 15 digits, always with a point or an exponent. */
static void
add_real(struct buf *out, double value)
{
    char text[40];
    (void)sqlite3_snprintf(sizeof(text), text, "%!.15g", value);
    buf_add_z(out, text);
}

static void
add_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        buf_addf(out, "%02x", (unsigned)(unsigned char)bytes.p[i]);
    }
}

static void
add_value(struct buf *out, const struct sql_value *v, bool safe)
{
    switch (v->type) {
    case SQL_NULL: return;
    case SQL_INTEGER: buf_addf(out, "%" PRId64, v->integer); return;
    case SQL_REAL: add_real(out, v->real); return;
    case SQL_BLOB: add_hex(out, v->text); return;
    case SQL_TEXT:
        if (safe) {
            text_add_safe(out, v->text);
        } else {
            buf_add_str(out, v->text);
        }
        return;
    }
    NEVER("a value has one of these types");
}

/* ---- tables ---- */

enum { GAP = 2, NARROWEST = 8 };

/* Where the terminal is too narrow the widest columns give way, first those of text. */
static void
widths_fit(struct printer *p)
{
    const struct term *term = p->output->term;
    size_t total = p->count > 0 ? (p->count - 1) * GAP : 0;
    for (size_t i = 0; i < p->count; i++) {
        total += p->widths[i];
    }
    while (term->tty && total > term->width) {
        size_t widest = p->count;
        for (size_t i = 0; i < p->count; i++) {
            if (!p->numbers[i] && p->widths[i] > NARROWEST &&
                (widest == p->count || p->widths[i] > p->widths[widest])) {
                widest = i;
            }
        }
        if (widest == p->count) {
            return; /* it will wrap */
        }
        p->widths[widest]--;
        total--;
    }
}

static void
add_blanks(struct buf *out, size_t n)
{
    for (; n > 0; n--) {
        buf_add_char(out, ' ');
    }
}

static void
add_cell(struct printer *p, size_t column, struct str text)
{
    size_t width = p->widths[column];
    size_t has = text_width(text);
    bool last = column + 1 == p->count;
    if (p->output->term->tty && has > width) {
        text = text_cut(text, width - 1);
        has = text_width(text) + 1;
        buf_add_str(&p->out, text);
        buf_add_z(&p->out, "…");
    } else {
        add_blanks(&p->out, p->numbers[column] && has < width ? width - has : 0);
        buf_add_str(&p->out, text);
    }
    if (!last) {
        add_blanks(&p->out, GAP + (!p->numbers[column] && has < width ? width - has : 0));
    }
}

static void
add_rule(struct printer *p)
{
    for (size_t i = 0; i < p->count; i++) {
        for (size_t n = 0; n < p->widths[i]; n++) {
            buf_add_char(&p->out, '-');
        }
        add_blanks(&p->out, i + 1 < p->count ? GAP : 0);
    }
    buf_add_char(&p->out, '\n');
}

/* The head and the rows that waited for it. */
static bool
table_begin_rows(struct printer *p)
{
    widths_fit(p);
    p->widths_known = true;
    for (size_t i = 0; i < p->count; i++) {
        add_cell(p, i, str_of(p->names[i]));
    }
    buf_add_char(&p->out, '\n');
    add_rule(p);
    for (size_t i = 0; i < p->held_count; i++) {
        add_cell(p, i % p->count, p->held[i]);
        if (i % p->count + 1 == p->count) {
            buf_add_char(&p->out, '\n');
            if (!flush_if_large(p)) {
                return false;
            }
        }
    }
    return flush_if_large(p);
}

static struct str
cell_text(struct printer *p, const struct sql_value *v)
{
    buf_reset(&p->cell);
    if (v->type == SQL_NULL) {
        buf_add_char(&p->cell, '-');
    }
    add_value(&p->cell, v, true);
    return buf_str(&p->cell);
}

static bool
table_row(struct printer *p, const struct sql_value *values)
{
    for (size_t i = 0; i < p->count; i++) {
        struct str text = cell_text(p, &values[i]);
        if (p->widths_known) {
            add_cell(p, i, text);
            continue;
        }
        p->widths[i] = MAX_OF(p->widths[i], text_width(text));
        p->numbers[i] = p->numbers[i] && values[i].type != SQL_TEXT && values[i].type != SQL_BLOB;
        struct str *held = VEC_PUSH(p->held, p->held_count, p->held_cap);
        *held = (struct str){xstrdup_str(text), text.n};
    }
    if (p->widths_known) {
        buf_add_char(&p->out, '\n');
        return flush_if_large(p);
    }
    return p->here < LIMIT_SQL_TABLE_ROWS || table_begin_rows(p);
}

static bool
table_end(struct printer *p)
{
    return p->widths_known || table_begin_rows(p);
}

static bool
table_begin(struct printer *p UNUSED)
{
    return true;
}

/* ---- JSON ---- */

static bool
json_begin(struct printer *p)
{
    buf_add_char(&p->out, '[');
    return true;
}

static bool
json_row(struct printer *p, const struct sql_value *values)
{
    buf_add_z(&p->out, p->here > 1 ? ",\n" : "\n");
    for (size_t i = 0; i < p->count; i++) {
        buf_add_char(&p->out, i == 0 ? '{' : ' ');
        lines_add_json_string(&p->out, str_of(p->names[i]));
        buf_add_char(&p->out, ':');
        buf_reset(&p->cell);
        add_value(&p->cell, &values[i], true);
        bool infinite = values[i].type == SQL_REAL && !isfinite(values[i].real);
        if (values[i].type == SQL_NULL || infinite) {
            buf_add_z(&p->out, "null");
        } else if (values[i].type == SQL_TEXT || values[i].type == SQL_BLOB) {
            lines_add_json_string(&p->out, buf_str(&p->cell));
        } else {
            buf_add_str(&p->out, buf_str(&p->cell));
        }
        buf_add_char(&p->out, i + 1 == p->count ? '}' : ',');
    }
    return flush_if_large(p);
}

static bool
json_end(struct printer *p)
{
    buf_add_z(&p->out, p->here > 0 ? "\n]\n" : "]\n");
    return true;
}

/* ---- CSV [RFC 4180] ---- */

static void
csv_cell(struct printer *p, size_t column, struct str text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.n && !quoted; i++) {
        quoted = text.p[i] == '"' || text.p[i] == ',' || text.p[i] == '\r' || text.p[i] == '\n';
    }
    if (quoted) {
        buf_add_char(&p->out, '"');
        for (size_t i = 0; i < text.n; i++) {
            buf_add(&p->out, "\"", text.p[i] == '"');
            buf_add_char(&p->out, text.p[i]);
        }
        buf_add_char(&p->out, '"');
    } else {
        buf_add_str(&p->out, text);
    }
    buf_add_z(&p->out, column + 1 == p->count ? "\r\n" : ",");
}

static bool
csv_begin(struct printer *p)
{
    for (size_t i = 0; i < p->count; i++) {
        csv_cell(p, i, str_of(p->names[i]));
    }
    return true;
}

static bool
csv_row(struct printer *p, const struct sql_value *values)
{
    for (size_t i = 0; i < p->count; i++) {
        buf_reset(&p->cell);
        add_value(&p->cell, &values[i], true);
        csv_cell(p, i, buf_str(&p->cell));
    }
    return flush_if_large(p);
}

static bool
csv_end(struct printer *p UNUSED)
{
    return true;
}

/* ---- modes ---- */

static const struct {
    const char *word;
    bool (*begin)(struct printer *p);
    bool (*row)(struct printer *p, const struct sql_value *values);
    bool (*end)(struct printer *p);
} modes[SQL_MODE_COUNT] = {
    [SQL_MODE_TABLE] = {"table", table_begin, table_row, table_end},
    [SQL_MODE_JSON] = {"json", json_begin, json_row, json_end},
    [SQL_MODE_CSV] = {"csv", csv_begin, csv_row, csv_end},
};

const char *
sql_mode_word(enum sql_mode mode)
{
    ASSERT(mode < SQL_MODE_COUNT);
    return modes[mode].word;
}

bool
sql_mode_find(struct str word, enum sql_mode *ret_mode)
{
    for (unsigned i = 0; i < SQL_MODE_COUNT; i++) {
        if (str_eq(word, str_of(modes[i].word))) {
            *ret_mode = (enum sql_mode)i;
            return true;
        }
    }
    return false;
}

static bool
print_begin(void *state, const char *const *names, size_t count)
{
    struct printer *p = state;
    result_done(p);
    p->here = 0;
    p->widths_known = false;
    p->count = count;
    p->names = xalloc(count * sizeof(*p->names));
    p->widths = xalloc(count * sizeof(*p->widths));
    p->numbers = xalloc(count * sizeof(*p->numbers));
    for (size_t i = 0; i < count; i++) {
        buf_reset(&p->cell);
        text_add_safe(&p->cell, str_of(names[i]));
        p->names[i] = xstrdup_str(buf_str(&p->cell));
        p->widths[i] = text_width(buf_str(&p->cell));
        p->numbers[i] = true;
    }
    return modes[p->output->mode].begin(p);
}

static bool
print_row(void *state, const struct sql_value *values, size_t count)
{
    struct printer *p = state;
    ASSERT(count == p->count);
    p->rows++;
    p->here++;
    return modes[p->output->mode].row(p, values);
}

static bool
print_end(void *state)
{
    struct printer *p = state;
    return modes[p->output->mode].end(p) && flush(p) && fflush(p->output->out) == 0;
}

enum err
sql_print(struct sql *sql, struct str text, const struct sql_output *output, uint64_t *ret_rows,
          struct errinfo *reterr)
{
    static const struct sql_sink sink = {print_begin, print_row, print_end};
    struct printer p = {.output = output};
    ASSERT(output->mode < SQL_MODE_COUNT);
    enum err err = sql_run(sql, text, &sink, &p, reterr);
    /* What was found before an error is shown, too; a table's rows may still wait. */
    bool fine = true;
    if (err != ERR_OK && output->mode == SQL_MODE_TABLE && p.held_count > 0 && !p.widths_known) {
        fine = table_begin_rows(&p);
    }
    fine = flush(&p) && fine;
    fine = fflush(output->out) == 0 && fine;
    result_done(&p);
    buf_free(&p.out);
    buf_free(&p.cell);
    *ret_rows = p.rows;
    if (err == ERR_OK && !fine) {
        return err_errno(reterr, "%s", tr(N_("The output cannot be written")));
    }
    return err;
}
