/* SPDX-License-Identifier: Apache-2.0
 * Columns of log lines: the rows of columns.def and one small function for each way to a value. */
#include "query/columns.h"

#include "base/assert.h"
#include "explain/explain.h"
#include "query/filter.h"
#include "text/text.h"

#define COLUMN(KIND, name, TYPE, FIELD, HOW, doc)                                                  \
    ROW_##KIND(#name, COLUMN_##TYPE, FIELD, COLUMN_AS_##HOW, false, doc)
#define DERIVED(KIND, name, TYPE, FIELD, HOW, doc)                                                 \
    ROW_##KIND(#name, COLUMN_##TYPE, FIELD, COLUMN_AS_##HOW, true, doc)

static const struct column access_columns[] = {
#define ROW_ACCESS(name, type, FIELD, how, derived, doc)                                           \
    {name, type, LOG_ACCESS_##FIELD, how, derived, doc},
#define ROW_CONNECTION(...)
#define ROW_HEALTH(...)
#include "query/columns.def"
#undef ROW_ACCESS
#undef ROW_CONNECTION
#undef ROW_HEALTH
};

static const struct column connection_columns[] = {
#define ROW_ACCESS(...)
#define ROW_CONNECTION(name, type, FIELD, how, derived, doc)                                       \
    {name, type, LOG_CONNECTION_##FIELD, how, derived, doc},
#define ROW_HEALTH(...)
#include "query/columns.def"
#undef ROW_ACCESS
#undef ROW_CONNECTION
#undef ROW_HEALTH
};

static const struct column health_columns[] = {
#define ROW_ACCESS(...)
#define ROW_CONNECTION(...)
#define ROW_HEALTH(name, type, FIELD, how, derived, doc)                                           \
    {name, type, LOG_HEALTH_##FIELD, how, derived, doc},
#include "query/columns.def"
#undef ROW_ACCESS
#undef ROW_CONNECTION
#undef ROW_HEALTH
};

#undef COLUMN
#undef DERIVED

static const struct {
    const struct column *rows;
    size_t count;
} tables[LOG_KIND_COUNT] = {
    [LOG_ACCESS] = {access_columns, COUNT_OF(access_columns)},
    [LOG_CONNECTION] = {connection_columns, COUNT_OF(connection_columns)},
    [LOG_HEALTH] = {health_columns, COUNT_OF(health_columns)},
};

const char *
column_type_word(enum column_type type)
{
    static const char *const words[] = {[COLUMN_TEXT] = "TEXT",
                                        [COLUMN_INTEGER] = "INTEGER",
                                        [COLUMN_REAL] = "REAL",
                                        [COLUMN_TIME] = "TIME"};
    ASSERT(type < COLUMN_TYPE_COUNT);
    return words[type];
}

size_t
column_count(enum log_kind kind)
{
    ASSERT(kind < LOG_KIND_COUNT);
    return tables[kind].count;
}

const struct column *
column_at(enum log_kind kind, size_t index)
{
    ASSERT(index < column_count(kind));
    return &tables[kind].rows[index];
}

int
column_find(enum log_kind kind, struct str name)
{
    for (size_t i = 0; i < column_count(kind); i++) {
        if (str_ieq(name, str_of(tables[kind].rows[i].name))) {
            return (int)i;
        }
    }
    return -1;
}

void
column_scratch_done(struct column_scratch *scratch)
{
    buf_free(&scratch->text);
}

/* ---- values ---- */

/* What a way to a value may look at. */
struct finding_value {
    const struct log_line *line;
    struct str field; /* of the column; STR_NONE if absent */
    struct column_scratch *scratch;
    struct column_value *v;
};
typedef bool value_fn(struct finding_value *f);

static bool
as_is(struct finding_value *f, struct str text)
{
    f->v->text = text;
    return text.p != NULL;
}

/* With the escapes undone; a text without a backslash has none. */
static bool
plain(struct finding_value *f, struct str text)
{
    if (!str_find_char(text, '\\', NULL)) {
        return as_is(f, text);
    }
    buf_reset(&f->scratch->text);
    log_unescape(&f->scratch->text, text);
    return as_is(f, buf_str(&f->scratch->text));
}

static bool
from_word(struct finding_value *f)
{
    return as_is(f, f->field);
}

static bool
from_text(struct finding_value *f)
{
    return plain(f, f->field);
}

static bool
from_time(struct finding_value *f)
{
    return as_is(f, f->field) && log_time(&f->scratch->clock, f->field, &f->v->us);
}

static bool
from_number(struct finding_value *f)
{
    uint64_t n;
    if (!str_to_u64(f->field, &n) || n > INT64_MAX) {
        return false;
    }
    f->v->integer = (int64_t)n;
    return true;
}

static bool
from_signed(struct finding_value *f)
{
    if (str_eq(f->field, STR("-1"))) {
        f->v->integer = -1;
        return true;
    }
    return from_number(f);
}

static void
set_seconds(struct column_value *v, uint64_t ns)
{
    v->ns = ns;
    v->real = (double)ns / 1e9;
}

/* log_seconds() says what is a number; here the last three decimals count, too. */
static bool
from_seconds(struct finding_value *f)
{
    uint64_t us;
    uint64_t tail = 0;
    size_t dot;
    if (!log_seconds(f->field, &us) || us > UINT64_MAX / 1000 - 1) {
        return false;
    }
    if (str_find_char(f->field, '.', &dot)) {
        struct str digits = str_sub(f->field, dot + 7, 3);
        for (size_t i = 0; i < 3; i++) {
            tail = tail * 10 + (i < digits.n ? (uint64_t)(digits.p[i] - '0') : 0);
        }
    }
    set_seconds(f->v, us * 1000 + tail);
    return true;
}

static bool
from_peer_ip(struct finding_value *f)
{
    struct str ip;
    uint16_t port;
    return log_peer(f->field, &ip, &port) && as_is(f, ip);
}

static bool
from_peer_port(struct finding_value *f)
{
    struct str ip;
    uint16_t port;
    if (!log_peer(f->field, &ip, &port) || port == 0) {
        return false;
    }
    f->v->integer = port;
    return true;
}

static bool
from_verb(struct finding_value *f)
{
    struct log_request r;
    log_request(f->field, &r);
    return plain(f, r.verb);
}

static bool
from_url(struct finding_value *f)
{
    struct log_request r;
    log_request(f->field, &r);
    return plain(f, r.url);
}

static bool
from_proto(struct finding_value *f)
{
    struct log_request r;
    log_request(f->field, &r);
    return plain(f, r.version);
}

static bool
from_host(struct finding_value *f)
{
    struct log_request r;
    log_request(f->field, &r);
    return plain(f, r.host.n > 0 ? r.host : log_line_field(f->line, LOG_ACCESS_DOMAIN_NAME));
}

static bool
from_path(struct finding_value *f)
{
    struct log_request r;
    log_request(f->field, &r);
    return plain(f, r.path);
}

static bool
from_maker(struct finding_value *f)
{
    return as_is(f, query_made_by_target(f->line) ? STR("target") : STR("lb"));
}

/* Null where one of the two times is missing, where the clock went back between them, and where
 * they are centuries apart. */
static bool
from_duration(struct finding_value *f)
{
    uint64_t created, ended;
    if (!log_time(&f->scratch->created, f->field, &created) ||
        !log_time(&f->scratch->clock, log_line_field(f->line, LOG_ACCESS_TIME), &ended) ||
        ended < created || ended - created > UINT64_MAX / 1000) {
        return false; /* the longest that fits is 584 years */
    }
    set_seconds(f->v, (ended - created) * 1000);
    return true;
}

static bool
meaning(struct finding_value *f, enum explain_kind kind, struct str word)
{
    const struct explain_word *found = word.n > 0 ? explain_find(kind, word) : NULL;
    return found != NULL && as_is(f, str_of(tr(found->meaning)));
}

static bool
from_reason(struct finding_value *f)
{
    if (f->field.n > 0) {
        return meaning(f, EXPLAIN_ERROR_REASON, f->field);
    }
    struct str status = log_line_field(f->line, LOG_ACCESS_ELB_STATUS_CODE);
    return log_status(status) >= 400 && !query_made_by_target(f->line) &&
           meaning(f, EXPLAIN_HTTP, status);
}

static bool
from_verify(struct finding_value *f)
{
    struct str failed = STR("Failed:");
    return str_starts(f->field, failed) &&
           meaning(f, EXPLAIN_TLS_VERIFY, str_sub(f->field, failed.n, f->field.n));
}

static bool
from_check(struct finding_value *f)
{
    return meaning(f, EXPLAIN_HEALTH_LOG, f->field);
}

static value_fn *const ways[COLUMN_HOW_COUNT] = {
    [COLUMN_AS_WORD] = from_word,         [COLUMN_AS_TEXT] = from_text,
    [COLUMN_AS_TIME] = from_time,         [COLUMN_AS_NUMBER] = from_number,
    [COLUMN_AS_SIGNED] = from_signed,     [COLUMN_AS_SECONDS] = from_seconds,
    [COLUMN_AS_PEER_IP] = from_peer_ip,   [COLUMN_AS_PEER_PORT] = from_peer_port,
    [COLUMN_AS_VERB] = from_verb,         [COLUMN_AS_URL] = from_url,
    [COLUMN_AS_PROTO] = from_proto,       [COLUMN_AS_HOST] = from_host,
    [COLUMN_AS_PATH] = from_path,         [COLUMN_AS_MADE_BY] = from_maker,
    [COLUMN_AS_DURATION] = from_duration, [COLUMN_AS_REASON] = from_reason,
    [COLUMN_AS_VERIFY] = from_verify,     [COLUMN_AS_CHECK] = from_check,
};

bool
column_value(enum log_kind kind, size_t index, const struct log_line *line,
             struct column_scratch *scratch, struct column_value *ret_value)
{
    const struct column *c = column_at(kind, index);
    ASSERT(line->kind == kind);
    struct column_value v = {.type = c->type};
    struct finding_value f = {line, log_line_field(line, c->field), scratch, &v};
    if (!ways[c->how](&f)) {
        return false;
    }
    *ret_value = v;
    return true;
}

void
out_column_seconds(struct out *o, uint64_t ns)
{
    enum { DECIMALS = 9, SHOWN = 3 };
    char digits[DECIMALS];
    uint64_t rest = ns % 1000000000;
    size_t n = DECIMALS;
    for (size_t i = DECIMALS; i-- > 0; rest /= 10) {
        digits[i] = (char)('0' + rest % 10);
    }
    while (n > SHOWN && digits[n - 1] == '0') {
        n--;
    }
    out_u64(o, ns / 1000000000);
    out_char(o, '.');
    out_bytes(o, digits, n);
}
