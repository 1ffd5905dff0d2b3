/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: conditions on times and statuses with values from the input, over a small log in
 * files of the load balancer's layout: the rows are the same whether the conditions narrow what is
 * read, or SQLite checks them alone. */
#include "query/sql_int.h"

#include "base/assert.h"
#include "query/test_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input, byte by byte; zeros behind its end. */
struct input {
    const uint8_t *p;
    size_t n;
};

static uint8_t
take(struct input *in)
{
    uint8_t byte = in->n > 0 ? *in->p : 0;
    in->p += in->n > 0;
    in->n -= in->n > 0;
    return byte;
}

/* ---- the log ---- */

static const char *const lines[] = {
    "http 2026-09-23T00:00:05Z app/e/0 192.0.2.1:5 - -1 -1 -1 301 - 1 2 \"GET http://h:80/ "
    "HTTP/1.1\" "
    "\"-\" - - -\n",
    "http 2026-09-23T00:00:05.000001Z app/e/0 192.0.2.1:5 - -1 -1 -1 - - 1 2 \"- - - \" \"-\" - - "
    "-\n",
    "h2 2026-09-23T11:59:59.999999Z app/e/0 192.0.2.1:5 10.0.0.1:80 0.1 0.2 0.3 200 200 1 2 "
    "\"GET http://h:80/ HTTP/2.0\" \"\\x22\" - - -\n",
    "damaged\n",
    "h2 2026-09-24T00:00:00.000000Z app/e/0 192.0.2.1:5 10.0.0.1:80 0.1 0.2 0.3 502 200 1 2 "
    "\"GET http://h:80/ HTTP/2.0\" \"\\x22\" - - -\n",
    "h2 2026-10-01T00:00:00.000000Z app/e/0 192.0.2.1:5 10.0.0.1:80 0.1 0.2 0.3 99999 999999999999 "
    "1 2 "
    "\"GET http://h:80/ HTTP/2.0\" \"\\x22\" - - -\n",
};
static const char *const names[] = {"20260923T0005Z", "20260923T0005Z", "20260923T1200Z",
                                    "20260923T1205Z", "20260924T0005Z", "20261001T0005Z"};
_Static_assert(COUNT_OF(lines) == COUNT_OF(names), "a file for each line");

static struct sql *
open_log(void)
{
    static struct sql *sql; /* for all inputs */
    if (sql != NULL) {
        return sql;
    }
    test_folder();
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        AUTO(xfree_ptr)
        char *name =
            xprintf("123456789012_elasticloadbalancing_eu-central-1_app.e.0a1b2c3d4e5f6071_"
                    "%s_10.0.0.1_abcd000%zu.log",
                    names[i], i);
        test_write(name, str_of(lines[i]));
    }
    struct str paths[] = {str_of(test_root)};
    struct errinfo problem;
    enum err err = sql_open(&(struct sql_options){.paths = paths, .path_count = 1}, &sql, &problem);
    ASSERT(err == ERR_OK);
    return sql;
}

/* ---- conditions ---- */

static void
add_text(struct buf *out, struct input *in)
{
    buf_add_char(out, '\'');
    for (unsigned n = take(in) % 32; n > 0; n--) {
        char c = (char)take(in);
        buf_add(out, "'", c == '\'');
        buf_add_char(out, c == '\0' ? ' ' : c);
    }
    buf_add_char(out, '\'');
}

/* The beginning of a moment near those of the lines. */
static void
add_moment(struct buf *out, struct input *in)
{
    AUTO(buf_free) struct buf whole = {0};
    buf_addf(&whole, "2026-%02u-%02uT%02u:%02u:%02u.%06uZ", 9u + take(in) % 2, take(in) % 33u,
             take(in) % 25u, take(in) % 61u, take(in) % 61u, take(in) % 2u);
    buf_addf(out, "'%.*s'", (int)(take(in) % 28u), whole.p);
}

static void
add_value(struct buf *out, struct input *in)
{
    static const char *const others[] = {"NULL",  "200",     "301",   "502",
                                         "99999", "x'3230'", "9e999", "-1"};
    switch (take(in) % 5) {
    case 0: add_text(out, in); return;
    case 1: buf_addf(out, "%d", take(in) * 4 - 20); return;
    case 2: buf_addf(out, "%d.%u", take(in) * 4 - 20, take(in) % 10u); return;
    case 3: buf_add_z(out, others[take(in) % COUNT_OF(others)]); return;
    default: add_moment(out, in); return;
    }
}

static void
add_condition(struct buf *narrow, struct buf *wide, struct input *in)
{
    static const char *const ops[] = {"=", "<", "<=", ">", ">=", "<>", "IS", "IS NOT"};
    static const struct {
        const char *narrow, *wide;
    } columns[] = {{"time", "CAST(+time AS TEXT)"},
                   {"elb_status_code", "CAST(+elb_status_code AS INTEGER)"},
                   {"target_status_code", "CAST(+target_status_code AS INTEGER)"},
                   {"request_creation_time", "CAST(+request_creation_time AS TEXT)"}};
    size_t column = take(in) % COUNT_OF(columns);
    AUTO(buf_free) struct buf rest = {0};
    uint8_t form = take(in) % 10;
    if (form == 0) {
        buf_add_z(&rest, " IN (");
        for (unsigned n = take(in) % 4; n > 0; n--) {
            add_value(&rest, in);
            buf_add_z(&rest, ", ");
        }
        add_value(&rest, in);
        buf_add_char(&rest, ')');
    } else if (form == 1) {
        buf_add_z(&rest, " BETWEEN ");
        add_value(&rest, in);
        buf_add_z(&rest, " AND ");
        add_value(&rest, in);
    } else {
        buf_addf(&rest, " %s ", ops[take(in) % COUNT_OF(ops)]);
        add_value(&rest, in);
    }
    buf_addf(narrow, "%s%s", columns[column].narrow, rest.p);
    buf_addf(wide, "%s%s", columns[column].wide, rest.p);
}

/* ---- answers ---- */

static bool
add_begin(void *state, const char *const *columns, size_t count)
{
    (void)state;
    return columns[0] != NULL && count == 2;
}

static bool
add_row(void *state, const struct sql_value *values, size_t count)
{
    ASSERT(count == 2);
    ASSERT(values[0].type == SQL_TEXT);
    buf_add_str(state, values[0].text);
    buf_addf(state, " %s\n", values[1].type == SQL_NULL ? "-" : "status");
    return true;
}

static bool
add_end(void *state)
{
    (void)state;
    return true;
}

static void
answer(struct sql *sql, const struct buf *where, struct buf *out)
{
    static const struct sql_sink sink = {add_begin, add_row, add_end};
    AUTO(buf_free) struct buf text = {0};
    struct errinfo problem;
    buf_addf(&text, "SELECT log_file, elb_status_code FROM access_log WHERE %s ORDER BY 1",
             where->p);
    enum err err = sql_run(sql, buf_str(&text), &sink, out, &problem);
    ASSERT(err == ERR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    AUTO(buf_free) struct buf narrow = {0};
    AUTO(buf_free) struct buf wide = {0};
    AUTO(buf_free) struct buf first = {0};
    AUTO(buf_free) struct buf second = {0};
    struct sql *sql = open_log();
    unsigned n = 1 + take(&in) % 3;
    for (unsigned i = 0; i < n; i++) {
        const char *between = i == 0 ? "" : take(&in) % 4 == 0 ? " OR " : " AND ";
        buf_add_z(&narrow, between);
        buf_add_z(&wide, between);
        add_condition(&narrow, &wide, &in);
    }
    answer(sql, &narrow, &first);
    answer(sql, &wide, &second);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    return 0;
}
