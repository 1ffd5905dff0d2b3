/* SPDX-License-Identifier: Apache-2.0
 * Definitions of the logs for Athena, Trino, DuckDB and ClickHouse, from the tables of columns and
 * the one expression of ddl_expression.c; each engine is one row of a table: how it writes names,
 * texts and types, and what it wraps around them. */
#include "query/ddl.h"

#include "base/assert.h"
#include "query/columns.h"
#include "text/text.h"

/* What goes through the functions below. */
struct ddl {
    const struct ddl_options *options;
    const struct engine *engine;
    const char *table; /* "access_log" */
    struct str location, account, region, from;
    struct buf expression; /* owned */
    struct buf *out;
};

struct engine {
    void (*write)(const struct ddl *d);
    bool local;       /* reads files of this machine, too */
    bool backslashes; /* in texts, a backslash is written twice */
    char name_mark;   /* around names */
    const char *types[COLUMN_TYPE_COUNT];
    /* What examples.def leaves open. */
    const char *p50, *p99, *p99_handshake, *path, *when, *when_a;
};

/* ---- options ---- */

static const struct {
    const char *word, *title;
} flavours[DDL_FLAVOUR_COUNT] = {
#define DDL_FLAVOUR(NAME, word, title) {word, title},
#include "query/ddl_flavours.def"
#undef DDL_FLAVOUR
};

const char *
ddl_flavour_word(enum ddl_flavour flavour)
{
    ASSERT(flavour < DDL_FLAVOUR_COUNT);
    return flavours[flavour].word;
}

const char *
ddl_flavour_title(enum ddl_flavour flavour)
{
    ASSERT(flavour < DDL_FLAVOUR_COUNT);
    return flavours[flavour].title;
}

bool
ddl_flavour_find(struct str word, enum ddl_flavour *ret_flavour)
{
    for (unsigned i = 0; i < DDL_FLAVOUR_COUNT; i++) {
        if (str_ieq(word, str_of(flavours[i].word))) {
            *ret_flavour = (enum ddl_flavour)i;
            return true;
        }
    }
    return false;
}

static bool
made_of(struct str s, const char *others)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && strchr(others, s.p[i]) == NULL) {
            return false;
        }
    }
    return s.n == 0 || memchr(s.p, '\0', s.n) == NULL;
}

static bool
is_account(struct str s)
{
    uint64_t value;
    return s.n == 12 && str_to_u64(s, &value);
}

static bool
is_region(struct str s)
{
    return s.n >= 4 && s.n <= 32 && made_of(s, "-");
}

static bool
is_day(struct str s)
{
    char full[] = "0000-00-00T00:00:00Z";
    struct log_clock clock = {0};
    uint64_t us;
    if (s.n != 10 || s.p[4] != '/' || s.p[7] != '/') {
        return false;
    }
    memcpy(full, s.p, 4);
    memcpy(full + 5, s.p + 5, 2);
    memcpy(full + 8, s.p + 8, 2);
    return log_time(&clock, (struct str){full, sizeof(full) - 1}, &us);
}

/* s3://BUCKET[/PREFIX], without a slash at the end. */
static bool
is_bucket(struct str s)
{
    struct str rest = str_sub(s, STR("s3://").n, s.n);
    struct str bucket = STR_NONE;
    return str_starts(s, STR("s3://")) && s.n <= 1024 && str_cut(&rest, '/', &bucket) &&
           bucket.n >= 3 && bucket.n <= 63 && made_of(bucket, "-.") && made_of(rest, "-._/") &&
           s.p[s.n - 1] != '/';
}

static bool
is_path(struct str s)
{
    return s.n > 0 && s.n <= 4096 && !str_find(s, STR("://"), NULL) && text_utf8_valid(s) &&
           memchr(s.p, '\0', s.n) == NULL && memchr(s.p, '\n', s.n) == NULL;
}

static enum err
refuse(struct errinfo *reterr, const char *msgid, struct str value)
{
    return text_err(reterr, ERR_INVALID, msgid, TEXT_ARGS({"value", value}));
}

static enum err
options_check(const struct ddl_options *o, bool local, struct errinfo *reterr)
{
    if (o->account.n > 0 && !is_account(o->account)) {
        return refuse(reterr, N_("\"{value}\" is no account: an account has 12 digits."),
                      o->account);
    }
    if (o->region.n > 0 && !is_region(o->region)) {
        return refuse(reterr, N_("\"{value}\" is no region: one looks like eu-central-1."),
                      o->region);
    }
    if (o->from.n > 0 && !is_day(o->from)) {
        return refuse(reterr, N_("\"{value}\" is no day: one looks like 2026/01/31."), o->from);
    }
    if (o->location.n == 0 || is_bucket(o->location) || (local && is_path(o->location))) {
        return ERR_OK;
    }
    return refuse(reterr,
                  local
                      ? N_("\"{value}\" is no place of logs: give s3://BUCKET/PREFIX, a folder, or "
                           "a file pattern.")
                      : N_("\"{value}\" is no place of logs for this engine: give "
                           "s3://BUCKET/PREFIX."),
                  o->location);
}

/* ---- pieces ---- */

/* A text in single quotes. */
static void
add_text(const struct ddl *d, struct str text)
{
    buf_add_char(d->out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        buf_add(d->out, "\\", d->engine->backslashes && (c == '\\' || c == '\''));
        buf_add(d->out, "'", !d->engine->backslashes && c == '\'');
        buf_add_char(d->out, c);
    }
    buf_add_char(d->out, '\'');
}

static void
add_name(const struct ddl *d, const char *name)
{
    buf_addf(d->out, "%c%s%c", d->engine->name_mark, name, d->engine->name_mark);
}

/* Sentences of ours as comments, so that the whole is SQL. */
static void
add_comment(const struct ddl *d, const char *msgid)
{
    AUTO(buf_free) struct buf wrapped = {0};
    text_wrap(&wrapped, str_of(tr(msgid)), 0, 0, 96);
    struct str rest = buf_str(&wrapped);
    struct str line;
    while (str_cut(&rest, '\n', &line)) {
        if (line.n > 0) {
            buf_addf(d->out, "-- %.*s\n", STR_ARG(line));
        }
    }
}

/* The columns that are groups of the expression, in the order of the groups. */
static const struct column *
group_column(enum log_kind kind, size_t *index)
{
    while (*index < column_count(kind)) {
        const struct column *c = column_at(kind, (*index)++);
        if (!c->derived) {
            return c;
        }
    }
    return NULL;
}

/* "PREFIX/AWSLogs/ACCOUNT/elasticloadbalancing/REGION" */
static void
add_folder(const struct ddl *d, struct buf *out)
{
    buf_addf(out, "%.*s/AWSLogs/%.*s/elasticloadbalancing/%.*s", STR_ARG(d->location),
             STR_ARG(d->account), STR_ARG(d->region));
}

static bool
is_local(const struct ddl *d)
{
    return !str_starts(d->location, STR("s3://"));
}

/* Which files: those of the bucket, of a folder, or the pattern itself. */
static void
add_files(const struct ddl *d, struct buf *out)
{
    if (!is_local(d)) {
        add_folder(d, out);
        buf_add_z(out, "/**/*.log.gz");
        return;
    }
    buf_add_str(out, d->location);
    bool file = str_find_char(d->location, '*', NULL) || str_ends(d->location, STR(".gz")) ||
                str_ends(d->location, STR(".log")) || str_ends(d->location, STR(".txt"));
    if (!file) {
        buf_add_z(out, str_ends(d->location, STR("/")) ? "**/*.log*" : "/**/*.log*");
    }
}

/* ---- Athena ---- */

/* "    `type` string," for each column. */
static void
add_definitions(const struct ddl *d, bool text_only)
{
    size_t i = 0;
    const struct column *c;
    const char *before = "\n    ";
    while ((c = group_column(d->options->kind, &i)) != NULL) {
        buf_add_z(d->out, before);
        add_name(d, c->name);
        buf_addf(d->out, " %s", d->engine->types[text_only ? COLUMN_TEXT : c->type]);
        before = ",\n    ";
    }
    buf_add_z(d->out, "\n)\n");
}

static void
write_athena(const struct ddl *d)
{
    AUTO(buf_free) struct buf folder = {0};
    add_folder(d, &folder);
    add_comment(
        d, N_("Athena takes one statement at a time. Lines that are no lines of this log have "
              "NULL in every column. The day is the day of delivery: the last minutes of a day "
              "lie in the next day's folder."));
    buf_addf(d->out, "CREATE EXTERNAL TABLE IF NOT EXISTS %s (", d->table);
    add_definitions(d, false);
    buf_add_z(d->out, "PARTITIONED BY (`day` string)\n"
                      "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe'\n"
                      "WITH SERDEPROPERTIES (\n    'serialization.format' = '1',\n"
                      "    'input.regex' = ");
    add_text(d, buf_str(&d->expression));
    buf_addf(d->out, "\n)\nLOCATION '%.*s/'\nTBLPROPERTIES (\n", STR_ARG(buf_str(&folder)));
    buf_addf(d->out,
             "    'projection.enabled' = 'true',\n    'projection.day.type' = 'date',\n"
             "    'projection.day.range' = '%.*s,NOW',\n"
             "    'projection.day.format' = 'yyyy/MM/dd',\n"
             "    'projection.day.interval' = '1',\n"
             "    'projection.day.interval.unit' = 'DAYS',\n"
             "    'storage.location.template' = '%.*s/${day}'\n);\n",
             STR_ARG(d->from), STR_ARG(buf_str(&folder)));
}

/* ---- Trino ---- */

static void
add_trino_value(const struct ddl *d, const struct column *c)
{
    static const char *const casts[COLUMN_TYPE_COUNT] = {
        [COLUMN_INTEGER] = "bigint", [COLUMN_REAL] = "double"};
    if (casts[c->type] == NULL) {
        add_name(d, c->name);
        return;
    }
    buf_add_z(d->out, "try_cast(");
    add_name(d, c->name);
    buf_addf(d->out, " AS %s) AS ", casts[c->type]);
    add_name(d, c->name);
}

static void
write_trino(const struct ddl *d)
{
    AUTO(buf_free) struct buf folder = {0};
    size_t i = 0;
    const struct column *c;
    add_folder(d, &folder);
    add_comment(d, N_("For the Hive connector, with hive.recursive-directories=true. Its regular "
                      "expressions give text only; the view has numbers."));
    buf_addf(d->out, "CREATE TABLE %s_text (", d->table);
    add_definitions(d, true);
    buf_add_z(d->out, "WITH (\n    format = 'REGEX',\n    regex = ");
    add_text(d, buf_str(&d->expression));
    buf_addf(d->out, ",\n    external_location = '%.*s/'\n);\n\n", STR_ARG(buf_str(&folder)));
    buf_addf(d->out, "CREATE VIEW %s AS\nSELECT", d->table);
    for (const char *before = "\n    "; (c = group_column(d->options->kind, &i)) != NULL;
         before = ",\n    ") {
        buf_add_z(d->out, before);
        add_trino_value(d, c);
    }
    buf_addf(d->out, "\nFROM %s_text;\n", d->table);
}

/* ---- DuckDB ---- */

static void
add_duckdb_names(const struct ddl *d)
{
    size_t i = 0;
    const struct column *c;
    buf_add_char(d->out, '[');
    for (const char *before = ""; (c = group_column(d->options->kind, &i)) != NULL; before = ", ") {
        buf_addf(d->out, "%s'%s'", before, c->name);
    }
    buf_add_char(d->out, ']');
}

static void
write_duckdb(const struct ddl *d)
{
    AUTO(buf_free) struct buf files = {0};
    AUTO(buf_free) struct buf whole = {0};
    size_t i = 0;
    const struct column *c;
    add_files(d, &files);
    buf_addf(&whole, "^(?:%.*s)$", STR_ARG(buf_str(&d->expression)));
    add_comment(d,
                N_("Each line is read whole (the delimiter never occurs in these logs) and taken "
                   "apart by one regular expression; lines of other logs and damaged ones are "
                   "left out. Texts keep the log's escapes, such as \\x22."));
    if (!is_local(d)) {
        buf_add_z(d->out, "INSTALL httpfs;\nLOAD httpfs;\n"
                          "CREATE SECRET IF NOT EXISTS openalb_logs "
                          "(TYPE s3, PROVIDER credential_chain, REGION ");
        add_text(d, d->region);
        buf_add_z(d->out, ");\n");
    }
    buf_addf(d->out, "CREATE OR REPLACE VIEW %s AS\nSELECT", d->table);
    for (const char *before = "\n    "; (c = group_column(d->options->kind, &i)) != NULL;
         before = ",\n    ") {
        buf_addf(d->out, "%stry_cast(nullif(f.\"%s\", '') AS %s) AS \"%s\"", before, c->name,
                 d->engine->types[c->type], c->name);
    }
    buf_add_z(d->out,
              ",\n    filename AS log_file\nFROM (\n    SELECT filename, regexp_extract(line, ");
    add_text(d, buf_str(&whole));
    buf_add_z(d->out, ",\n        ");
    add_duckdb_names(d);
    buf_add_z(d->out, ") AS f\n    FROM read_csv(");
    add_text(d, buf_str(&files));
    buf_add_z(d->out,
              ", columns = {'line': 'VARCHAR'}, delim = e'\\x01', quote = '', escape = '',\n"
              "        header = false, auto_detect = false, strict_mode = false, "
              "filename = true)\n)\nWHERE f.");
    add_name(d, d->options->kind == LOG_CONNECTION ? "timestamp" : "time");
    buf_add_z(d->out, " <> '';\n");
}

/* ---- ClickHouse ---- */

static void
add_clickhouse_source(const struct ddl *d)
{
    AUTO(buf_free) struct buf files = {0};
    AUTO(buf_free) struct buf url = {0};
    add_files(d, &files);
    struct str rest = str_sub(buf_str(&files), STR("s3://").n, files.n);
    struct str bucket = STR_NONE;
    if (is_local(d)) {
        buf_add_z(d->out, "file(");
        add_text(d, buf_str(&files));
    } else {
        (void)str_cut(&rest, '/', &bucket); /* it has one: the location was checked */
        buf_addf(&url, "https://%.*s.s3.%.*s.amazonaws.com%s/%.*s", STR_ARG(bucket),
                 STR_ARG(d->region), str_starts(d->region, STR("cn-")) ? ".cn" : "", STR_ARG(rest));
        buf_add_z(d->out, "s3(");
        add_text(d, buf_str(&url));
    }
    buf_add_z(d->out, ", 'LineAsString', 'line String')");
}

static void
write_clickhouse(const struct ddl *d)
{
    static const struct {
        const char *before, *behind;
    } values[COLUMN_TYPE_COUNT] = {
        [COLUMN_TEXT] = {"nullIf(f[", "], '')"},
        [COLUMN_INTEGER] = {"toInt64OrNull(f[", "])"},
        [COLUMN_REAL] = {"toFloat64OrNull(f[", "])"},
        [COLUMN_TIME] = {"parseDateTime64BestEffortOrNull(f[", "], 6, 'UTC')"},
    };
    AUTO(buf_free) struct buf whole = {0};
    size_t i = 0;
    unsigned group = 0;
    const struct column *c;
    buf_addf(&whole, "^(?:%.*s)$", STR_ARG(buf_str(&d->expression)));
    add_comment(d, N_("Lines of other logs and damaged ones are left out. Texts keep the log's "
                      "escapes, such as \\x22."));
    buf_addf(d->out, "CREATE OR REPLACE VIEW %s AS\nSELECT", d->table);
    while ((c = group_column(d->options->kind, &i)) != NULL) {
        buf_addf(d->out, "\n    %s%u%s AS ", values[c->type].before, ++group,
                 values[c->type].behind);
        add_name(d, c->name);
        buf_add_char(d->out, ',');
    }
    buf_add_z(d->out, "\n    log_file\nFROM (\n    SELECT _path AS log_file, extractGroups(line, ");
    add_text(d, buf_str(&whole));
    buf_add_z(d->out, ") AS f\n    FROM ");
    add_clickhouse_source(d);
    buf_add_z(d->out, "\n)\nWHERE notEmpty(f);\n");
}

/* ---- the engines ---- */

#define PATH_BY_REGEX "regexp_extract(request_url, '://[^/?]*([^?]*)', 1)"

static const struct engine engines[DDL_FLAVOUR_COUNT] = {
    [DDL_ATHENA] =
        {
            .write = write_athena,
            .backslashes = true,
            .name_mark = '`',
            .types = {"string", "bigint", "double", "string"},
            .p50 = "approx_percentile(target_processing_time, 0.5)",
            .p99 = "approx_percentile(target_processing_time, 0.99)",
            .p99_handshake = "approx_percentile(tls_handshake_latency, 0.99)",
            .path = PATH_BY_REGEX,
            .when = "day >= '{from}' AND {time} IS NOT NULL",
            .when_a = "a.day >= '{from}' AND c.day >= '{from}' AND a.time IS NOT NULL",
        },
    [DDL_TRINO] =
        {
            .write = write_trino,
            .name_mark = '"',
            .types = {"varchar", "bigint", "double", "varchar"},
            .p50 = "approx_percentile(target_processing_time, 0.5)",
            .p99 = "approx_percentile(target_processing_time, 0.99)",
            .p99_handshake = "approx_percentile(tls_handshake_latency, 0.99)",
            .path = PATH_BY_REGEX,
            .when = "{time} IS NOT NULL",
            .when_a = "a.time IS NOT NULL",
        },
    [DDL_DUCKDB] =
        {
            .write = write_duckdb,
            .local = true,
            .name_mark = '"',
            .types = {"VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP"},
            .p50 = "quantile_disc(target_processing_time, 0.5)",
            .p99 = "quantile_disc(target_processing_time, 0.99)",
            .p99_handshake = "quantile_disc(tls_handshake_latency, 0.99)",
            .path = PATH_BY_REGEX,
            .when = "{time} IS NOT NULL",
            .when_a = "a.time IS NOT NULL",
        },
    [DDL_CLICKHOUSE] =
        {
            .write = write_clickhouse,
            .local = true,
            .backslashes = true,
            .name_mark = '"',
            .types = {"String", "Int64", "Float64", "DateTime64(6, 'UTC')"},
            .p50 = "quantileExact(0.5)(target_processing_time)",
            .p99 = "quantileExact(0.99)(target_processing_time)",
            .p99_handshake = "quantileExact(0.99)(tls_handshake_latency)",
            .path = "extract(assumeNotNull(request_url), '://[^/?]*([^?]*)')",
            .when = "{time} IS NOT NULL",
            .when_a = "a.time IS NOT NULL",
        },
};

/* ---- examples ---- */

static const struct {
    enum log_kind kind;
    const char *title, *statement;
} examples[] = {
#define DDL_EXAMPLE(KIND, title, statement) {LOG_##KIND, title, statement},
#include "query/ddl_examples.def"
#undef DDL_EXAMPLE
};

/* A statement has places for conditions, which have a place for the day. */
static void
add_example(const struct ddl *d, const char *statement)
{
    static const char *const times[LOG_KIND_COUNT] = {"\"time\"", "\"timestamp\"", "\"time\""};
    AUTO(buf_free) struct buf first = {0};
    const struct engine *e = d->engine;
    text_fill(&first, statement,
              TEXT_ARGS({"p50", str_of(e->p50)}, {"p99", str_of(e->p99)},
                        {"p99_handshake", str_of(e->p99_handshake)}, {"path", str_of(e->path)},
                        {"when", str_of(e->when)}, {"when_a", str_of(e->when_a)}));
    text_fill(d->out, first.p,
              TEXT_ARGS({"from", d->from}, {"time", str_of(times[d->options->kind])}));
    buf_add_z(d->out, ";\n");
}

static void
add_examples(const struct ddl *d)
{
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        if (examples[i].kind == d->options->kind) {
            buf_add_char(d->out, '\n');
            add_comment(d, examples[i].title);
            add_example(d, examples[i].statement);
        }
    }
}

/* ---- all of it ---- */

static struct str
or_else(struct str given, const char *otherwise)
{
    return given.n > 0 ? given : str_of(otherwise);
}

enum err
ddl_write(const struct ddl_options *options, struct buf *out, struct errinfo *reterr)
{
    static const char *const tables[LOG_KIND_COUNT] = {"access_log", "connection_log",
                                                       "health_check_log"};
    ASSERT(options->flavour < DDL_FLAVOUR_COUNT);
    ASSERT(options->kind < LOG_KIND_COUNT);
    const struct engine *engine = &engines[options->flavour];
    TRY(options_check(options, engine->local, reterr));
    struct ddl d = {.options = options,
                    .engine = engine,
                    .table = tables[options->kind],
                    .location = or_else(options->location, "s3://BUCKET/PREFIX"),
                    .account = or_else(options->account, "123456789012"),
                    .region = or_else(options->region, "us-east-1"),
                    .from = or_else(options->from, "2026/01/01"),
                    .out = out};
    ddl_expression(options->kind, &d.expression);
    if (options->location.n == 0) {
        add_comment(&d,
                    N_("Put the bucket, its prefix (or nothing), the account and the region in, "
                       "or say them: --bucket, --account, --region."));
    }
    engine->write(&d);
    if (options->examples) {
        add_examples(&d);
    }
    buf_free(&d.expression);
    return ERR_OK;
}
