/* SPDX-License-Identifier: Apache-2.0
 * The tables of the log reader as functions: fields, kinds, faults, and what files of other
 * products look like. */
#include "base/assert.h"
#include "log/read_int.h"
#include "text/text.h"

/* ---- fields ---- */

static const struct log_field access_fields[] = {
#define FIELD(number, NAME, name, form, KIND, bytes, value, absent)                                \
    [LOG_ACCESS_##NAME] = {name, absent, ACCESS_##form == ACCESS_QUOTED, ACCESS_##KIND},
#include "log/access_fields.def"
#undef FIELD
};
static const struct log_field connection_fields[] = {
#define FIELD(number, NAME, name, form, KIND, bytes, absent)                                       \
    [LOG_CONNECTION_##NAME] = {name, absent, ACCESS_##form == ACCESS_QUOTED, ACCESS_##KIND},
#include "log/connection_fields.def"
#undef FIELD
};
static const struct log_field health_fields[] = {
#define FIELD(number, NAME, name, form, KIND, bytes, absent)                                       \
    [LOG_HEALTH_##NAME] = {name, absent, ACCESS_##form == ACCESS_QUOTED, ACCESS_##KIND},
#include "log/health_fields.def"
#undef FIELD
};

/* The numbers of the guide are the places in the tables. */
#define FIELD(number, NAME, name, form, KIND, bytes, value, absent)                                \
    _Static_assert((number) == LOG_ACCESS_##NAME + 1, "the rows are in order");
#include "log/access_fields.def"
#undef FIELD
#define FIELD(number, NAME, name, form, KIND, bytes, absent)                                       \
    _Static_assert((number) == LOG_CONNECTION_##NAME + 1, "the rows are in order");
#include "log/connection_fields.def"
#undef FIELD
#define FIELD(number, NAME, name, form, KIND, bytes, absent)                                       \
    _Static_assert((number) == LOG_HEALTH_##NAME + 1, "the rows are in order");
#include "log/health_fields.def"
#undef FIELD

static const struct {
    const char *word;
    const struct log_field *fields;
    unsigned count;
} kinds[LOG_KIND_COUNT] = {
    [LOG_ACCESS] = {"access", access_fields, COUNT_OF(access_fields)},
    [LOG_CONNECTION] = {"connection", connection_fields, COUNT_OF(connection_fields)},
    [LOG_HEALTH] = {"health-check", health_fields, COUNT_OF(health_fields)},
};

const char *
log_kind_word(enum log_kind kind)
{
    ASSERT(kind < LOG_KIND_COUNT);
    return kinds[kind].word;
}

unsigned
log_field_count(enum log_kind kind)
{
    ASSERT(kind < LOG_KIND_COUNT);
    return kinds[kind].count;
}

const struct log_field *
log_field(enum log_kind kind, unsigned index)
{
    ASSERT(kind < LOG_KIND_COUNT);
    ASSERT(index < kinds[kind].count);
    return &kinds[kind].fields[index];
}

bool
log_line_quoted(const struct log_line *l, unsigned field)
{
    return field < l->count && log_line_raw(l, field).p != l->p + l->begin[field];
}

/* ---- faults ---- */

static const struct {
    const char *word;
    const char *text;
} faults[LOG_FAULT_COUNT] = {
    [LOG_FAULT_NONE] = {"none", N_("The line is good.")},
#define LOG_FAULT(NAME, word, sentence) [LOG_FAULT_##NAME] = {word, sentence},
#include "log/faults.def"
#undef LOG_FAULT
};

const char *
log_fault_word(enum log_fault fault)
{
    ASSERT(fault < LOG_FAULT_COUNT);
    return faults[fault].word;
}

const char *
log_fault_text(enum log_fault fault)
{
    ASSERT(fault < LOG_FAULT_COUNT);
    return faults[fault].text;
}

/* ---- files of other products ---- */

enum { WORDS = 5, LINES_LOOKED_AT = 8 };

/* The first words of a line, and the whole of it. */
struct opening {
    struct str line;
    struct str words[WORDS]; /* missing: STR_NONE */
};

/* "2015-05-13T": the start of a time stamp. */
static bool
is_day(struct str s)
{
    static const char shape[] = "0000-00-00T";
    bool good = s.n >= sizeof(shape) - 1;
    for (size_t i = 0; good && i < sizeof(shape) - 1; i++) {
        good = shape[i] == '0' ? ascii_is_digit(s.p[i]) : s.p[i] == shape[i];
    }
    return good;
}

static bool
is_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f')) {
            return false;
        }
    }
    return s.n > 0;
}

/* TIME NAME CLIENT:PORT ... [CLB log]. */
static bool
is_classic(const struct opening *o)
{
    struct str ip;
    uint16_t port;
    return is_day(o->words[0]) && log_peer(o->words[2], &ip, &port) && port != 0 &&
           ip.n < o->words[2].n;
}

/* TYPE VERSION TIME net/NAME/ID ... [NLB log]. */
static bool
is_network(const struct opening *o)
{
    return str_starts(o->words[3], STR("net/")) || str_starts(o->words[2], STR("net/"));
}

static bool
is_json(const struct opening *o)
{
    return str_starts(o->line, STR("{")) || str_starts(o->line, STR("[{"));
}

static bool
is_cloudfront(const struct opening *o)
{
    return str_starts(o->line, STR("#Version:")) || str_starts(o->line, STR("#Fields:"));
}

/* OWNER BUCKET [DAY/MONTH/YEAR:... with an owner of 64 hex digits. */
static bool
is_bucket(const struct opening *o)
{
    return o->words[0].n == 64 && is_hex(o->words[0]) && str_starts(o->words[2], STR("["));
}

/* VERSION ACCOUNT eni-ID ..., or the names of these columns. */
static bool
is_flow(const struct opening *o)
{
    return str_starts(o->words[2], STR("eni-")) || str_starts(o->line, STR("version account-id "));
}

/* CLIENT IDENTITY USER [DAY/MONTH/YEAR:... */
static bool
is_web_server(const struct opening *o)
{
    return str_starts(o->words[3], STR("[")) && o->words[3].n > 12 && o->words[3].p[3] == '/';
}

static bool
is_parquet(const struct opening *o)
{
    return str_starts(o->line, STR("PAR1"));
}

static const struct {
    bool (*is)(const struct opening *o);
    const char *text;
} products[] = {
    {is_classic, N_("These are lines of a Classic Load Balancer, which has other fields than an "
                    "Application Load Balancer.")},
    {is_network, N_("These are lines of a Network Load Balancer, which has other fields than an "
                    "Application Load Balancer.")},
    {is_json, N_("These are JSON objects, as CloudWatch Logs delivers them: only the text files "
                 "that the load balancer writes to its bucket can be read.")},
    {is_cloudfront, N_("These are lines of a CloudFront log.")},
    {is_bucket, N_("These are lines of the server access log of an S3 bucket.")},
    {is_flow, N_("These are VPC flow log lines.")},
    {is_web_server, N_("These are lines of the access log of a web server.")},
    {is_parquet, N_("This is a Parquet file: only the text files that the load balancer writes to "
                    "its bucket can be read.")},
};

static struct opening
open_line(struct str line)
{
    struct opening o = {.line = line};
    struct str rest = line;
    for (unsigned i = 0; i < WORDS && str_cut(&rest, ' ', &o.words[i]); i++) {
    }
    return o;
}

const char *
log_foreign(struct str first_lines)
{
    struct str line;
    struct str rest = first_lines;
    for (unsigned i = 0; i < LINES_LOOKED_AT && str_cut(&rest, '\n', &line); i++) {
        struct opening o = open_line(line);
        for (size_t k = 0; k < COUNT_OF(products); k++) {
            if (products[k].is(&o)) {
                return products[k].text;
            }
        }
    }
    return NULL;
}
