/* SPDX-License-Identifier: Apache-2.0
 * What can be asked about the tables: the dot commands that give a text, and the words that are
 * completed at the prompt. */
#include "query/sql_int.h"

#include "base/assert.h"

static const char help[] =
    N_("Statements of SQLite end with ; and read these tables:\n"
       "  access_log         one row for each request\n"
       "  connection_log     one row for each connection\n"
       "  health_check_log   one row for each health check\n"
       "Each row also has log_file and log_line. Beside SQLite's own functions there are\n"
       "  percentile(x, p)  p50(x)  p90(x)  p95(x)  p99(x)  median(x)\n"
       "  fold_path(path)   status_class(code)\n"
       "Commands:\n"
       "  .columns TABLE           columns, their types and what they mean\n"
       "  .help                    this text\n"
       "  .mode table|json|csv     how results are shown\n"
       "  .quit                    ends\n"
       "  .schema                  the tables as SQL\n"
       "  .tables                  their names\n"
       "Examples:\n"
       "  SELECT elb_status_code, made_by, count(*) FROM access_log GROUP BY 1, 2;\n"
       "  SELECT target_group_arn, p50(target_processing_time), p99(target_processing_time)\n"
       "    FROM access_log GROUP BY 1;\n"
       "  SELECT fold_path(path), count(*) FROM access_log GROUP BY 1 ORDER BY 2 DESC LIMIT 10;\n"
       "  SELECT time, request_url, error_text FROM access_log WHERE elb_status_code >= 500;\n"
       "  SELECT a.time, c.tls_protocol FROM access_log a JOIN connection_log c\n"
       "    USING (conn_trace_id);\n");

static void
add_schema(struct buf *out)
{
    for (unsigned kind = 0; kind < LOG_KIND_COUNT; kind++) {
        buf_addf(out, "CREATE TABLE %s (\n", sql_table_name((enum log_kind)kind));
        unsigned count = sql_column_count((enum log_kind)kind);
        for (unsigned i = 0; i < count; i++) {
            buf_addf(out, "    %s %s%s\n", sql_column_name((enum log_kind)kind, i),
                     sql_column_type((enum log_kind)kind, i), i + 1 < count ? "," : "");
        }
        buf_add_z(out, ");\n");
    }
}

static void
add_tables(struct buf *out)
{
    for (unsigned kind = 0; kind < LOG_KIND_COUNT; kind++) {
        buf_addf(out, "%s\n", sql_table_name((enum log_kind)kind));
    }
}

/* A column with what it means, wrapped under itself. */
static void
add_column(struct buf *out, enum log_kind kind, unsigned i)
{
    static const char *const hidden[SQL_HIDDEN] = {
        N_("The file that the row was read from. Not part of SELECT *."),
        N_("The number of the line in it. Not part of SELECT *.")};
    enum { NAME = 31, TYPE = 9, WIDTH = 100 };
    size_t count = column_count(kind);
    const char *doc = i < count ? column_at(kind, i)->doc : hidden[i - count];
    AUTO(buf_free) struct buf wrapped = {0};
    text_wrap(&wrapped, str_of(tr(doc)), 0, NAME + TYPE, WIDTH - NAME - TYPE);
    buf_addf(out, "%-*s%-*s", NAME, sql_column_name(kind, i), TYPE, sql_column_type(kind, i));
    buf_add_str(out, buf_str(&wrapped));
}

static void
add_columns_of(struct buf *out, struct str name)
{
    enum log_kind kind;
    if (!sql_table_find(name, &kind)) {
        text_fill_as(out, TEXT_TERMINAL,
                     tr(N_("There is no table {name}; there are access_log, connection_log and "
                           "health_check_log.")),
                     TEXT_ARGS({"name", name}));
        buf_add_char(out, '\n');
        return;
    }
    for (unsigned i = 0; i < sql_column_count(kind); i++) {
        add_column(out, kind, i);
    }
}

bool
sql_dot_text(struct str command, struct buf *out)
{
    struct str rest = str_trim(command);
    struct str word;
    if (!str_cut(&rest, ' ', &word)) {
        return false;
    }
    rest = str_trim(rest);
    if (str_eq(word, STR(".columns")) && rest.n > 0) {
        add_columns_of(out, rest);
    } else if (str_eq(word, STR(".columns"))) {
        buf_add_z(out, tr(N_("Which table? For example: .columns access_log\n")));
    } else if (str_eq(word, STR(".help"))) {
        buf_add_z(out, tr(help));
    } else if (str_eq(word, STR(".schema"))) {
        add_schema(out);
    } else if (str_eq(word, STR(".tables"))) {
        add_tables(out);
    } else {
        return false;
    }
    return true;
}

/* ---- completion ---- */

static const char *const other_words[] = {
    ".columns", ".help", ".mode",   ".quit",      ".schema",       ".tables",     "SELECT",
    "DISTINCT", "FROM",  "WHERE",   "GROUP BY",   "HAVING",        "ORDER BY",    "LIMIT",
    "JOIN",     "USING", "BETWEEN", "LIKE",       "IS NULL",       "IS NOT NULL", "count(*)",
    "sum(",     "avg(",  "min(",    "max(",       "percentile(",   "p50(",        "p90(",
    "p95(",     "p99(",  "median(", "fold_path(", "status_class(",
};

const char *
sql_word(size_t index)
{
    if (index < COUNT_OF(other_words)) {
        return other_words[index];
    }
    index -= COUNT_OF(other_words);
    for (unsigned kind = 0; kind < LOG_KIND_COUNT; kind++) {
        if (index-- == 0) {
            return sql_table_name((enum log_kind)kind);
        }
        unsigned count = sql_column_count((enum log_kind)kind);
        if (index < count) {
            return sql_column_name((enum log_kind)kind, (unsigned)index);
        }
        index -= count;
    }
    return NULL;
}
