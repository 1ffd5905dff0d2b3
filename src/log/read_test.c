/* SPDX-License-Identifier: Apache-2.0
 * Writer and reader against each other: each row of access_fields.def has odd values that
 * access_line() writes and the reader reads back. A new row without a case does not compile. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/rand.h"
#include "base/test.h"
#include "log/read_int.h"

enum { PLENTY = 20000, STATUS_COUNT = 6 };

static char line_text[LIMIT_LOG_LINE_MAX + LOG_READ_PAD];
static char plenty[PLENTY];
static struct rand random_source;

/* ---- odd values ---- */

/* Texts by number: absent, one byte of each value, all bytes, what looks like syntax, and longer
 * than any bound. */
enum { TEXT_BYTES = 256, TEXT_ABSENT = 0, TEXT_ALL = 1 + TEXT_BYTES, TEXT_ODD };
static const char *const odd_texts[] = {" ",     "\"",      "\\",     "\\\"", "\" \"", "a b",
                                        "--",    "\\x22",   "\\\\",   "x\n",  "x\r",   "\t",
                                        "\"-\"", " lead",   "trail ", "%20",  "é",     "a\\",
                                        "\\x",   "\\x0022", "- -",    "?",    "/",     ":"};
enum { TEXT_LONG = TEXT_ODD + COUNT_OF(odd_texts), TEXT_COUNT = TEXT_LONG + 4 };

static char bytes[TEXT_BYTES];

static struct str
odd_text(unsigned i)
{
    static const char fillers[] = {'a', '"', '\0', ' '};
    if (i == TEXT_ABSENT) {
        return STR_NONE;
    }
    if (i < TEXT_ALL) {
        return (struct str){bytes + i - 1, 1};
    }
    if (i == TEXT_ALL) {
        return (struct str){bytes, sizeof(bytes)};
    }
    if (i < TEXT_LONG) {
        return str_of(odd_texts[i - TEXT_ODD]);
    }
    memset(plenty, fillers[i - TEXT_LONG], sizeof(plenty));
    return (struct str){plenty, sizeof(plenty)};
}

/* ---- reading back ---- */

static struct addr target, v6_target;

static struct addr
addr_must(const char *ip, uint16_t port)
{
    struct addr a;
    CHECK(addr_parse(str_of(ip), port, &a));
    return a;
}

static struct access_record
record(void)
{
    target = addr_must("10.3.1.17", 8443);
    v6_target = addr_must("2001:db8::8", 65535);
    for (unsigned i = 0; i < TEXT_BYTES; i++) {
        bytes[i] = (char)i;
    }
    return (struct access_record){
        .type = STR("https"),
        .time_wall_us = UINT64_C(1790161351442190),
        .creation_wall_us = UINT64_C(1790161351404000),
        .elb = STR("app/edge-one/0a1b2c3d4e5f6071"),
        .client = addr_must("198.51.100.24", 50112),
        .target = &target,
        .elb_status = 200,
        .method = STR("GET"),
        .scheme = STR("https"),
        .host = STR("shop.example"),
        .uri = STR("/cart?id=7"),
        .version = STR("HTTP/2.0"),
        .port = 443,
        .node = addr_must("203.0.113.9", 443),
    };
}

/* Writes the record and splits what was written; the line's end is left off. */
static struct log_line
read_back(const struct access_record *r)
{
    struct out o = out_of(line_text, LIMIT_LOG_LINE_MAX);
    access_line(&o, r);
    CHECK(!o.full);
    CHECK(o.p[-1] == '\n');
    struct log_line l;
    size_t n = (size_t)(o.p - line_text) - 1;
    CHECK_INT(log_line_split(line_text, n, &l), LOG_FAULT_NONE);
    CHECK_INT(l.kind, LOG_ACCESS);
    CHECK_INT(l.count, LOG_ACCESS_FIELDS);
    return l;
}

/* The field is what went in, or as much of it as its row has room for; never less by more than one
 * escape. */
static void
check_text(const struct log_line *l, unsigned field, struct str in)
{
    AUTO(buf_free) struct buf b = {0};
    struct str raw = log_line_raw(l, field);
    uint32_t bytes_max = access_field(field + 1)->bytes_max;
    log_unescape(&b, raw);
    if (in.n == 0) {
        CHECK_STR(raw, "-");
        CHECK(log_line_field(l, field).p == NULL);
        return;
    }
    struct str out = buf_str(&b);
    CHECK(raw.n <= bytes_max);
    CHECK(str_eq(out, str_sub(in, 0, out.n)));
    CHECK(out.n == in.n || raw.n + 3 >= bytes_max);
    CHECK_INT(log_line_quoted(l, field), log_field(LOG_ACCESS, field)->quoted);
}

typedef void case_fn(unsigned field);

/* ---- one case for each kind of field ---- */

/* Where the text of a field comes from; NULL for fields that are no text of their own. */
static struct str *
text_of(struct access_record *r, unsigned field)
{
    struct {
        unsigned field;
        struct str *text;
    } rows[] = {
        {LOG_ACCESS_TYPE, &r->type},
        {LOG_ACCESS_ELB, &r->elb},
        {LOG_ACCESS_USER_AGENT, &r->user_agent},
        {LOG_ACCESS_SSL_CIPHER, &r->ssl_cipher},
        {LOG_ACCESS_SSL_PROTOCOL, &r->ssl_protocol},
        {LOG_ACCESS_TARGET_GROUP_ARN, &r->target_group_arn},
        {LOG_ACCESS_TRACE_ID, &r->trace_id},
        {LOG_ACCESS_DOMAIN_NAME, &r->domain_name},
        {LOG_ACCESS_CHOSEN_CERT_ARN, &r->certificate_arn},
        {LOG_ACCESS_ACTIONS_EXECUTED, &r->actions},
        {LOG_ACCESS_REDIRECT_URL, &r->redirect_url},
        {LOG_ACCESS_ERROR_REASON, &r->error_reason},
        {LOG_ACCESS_CLASSIFICATION, &r->classification},
        {LOG_ACCESS_CLASSIFICATION_REASON, &r->classification_reason},
        {LOG_ACCESS_TRANSFORMED_HOST, &r->transformed_host},
        {LOG_ACCESS_TRANSFORMED_URI, &r->transformed_uri},
        {LOG_ACCESS_REQUEST_TRANSFORM_STATUS, &r->transform_status},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].field == field) {
            return rows[i].text;
        }
    }
    return NULL;
}

static void
case_TEXT(unsigned field)
{
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        struct access_record r = record();
        struct str *text = text_of(&r, field);
        CHECK(text != NULL);
        if (text == NULL) {
            return;
        }
        *text = odd_text(i);
        struct log_line l = read_back(&r);
        check_text(&l, field, *text);
    }
}

static void
case_WORD(unsigned field)
{
    case_TEXT(field);
}

static void
case_time(unsigned field, uint64_t unit_us)
{
    struct log_clock memo = {0};
    for (int i = 0; i < 300; i++) {
        struct access_record r = record();
        uint64_t in = i == 0 ? 0 : rand_below(&random_source, UINT64_C(253402300800000000));
        *(field == LOG_ACCESS_TIME ? &r.time_wall_us : &r.creation_wall_us) = in;
        struct log_line l = read_back(&r);
        uint64_t us = 1;
        CHECK(log_time(&memo, log_line_field(&l, field), &us));
        CHECK_INT(us, in / unit_us * unit_us);
    }
}

static void
case_TIME(unsigned field)
{
    case_time(field, 1);
}

static void
case_TIME_MS(unsigned field)
{
    case_time(field, 1000);
}

static const char *const addresses[] = {
    "0.0.0.0",     "255.255.255.255",      "10.3.1.17",   "::",           "::1",
    "2001:db8::7", "2001:db8:1:2:3:4:5:6", "fe80::1:0:0", "::192.0.2.33", "64:ff9b::1",
    "1::"};
static const uint16_t ports[] = {1, 80, 443, 8443, 65535};

static void
check_peer(const struct log_line *l, unsigned field, const struct addr *in)
{
    struct str ip;
    uint16_t port;
    struct addr out;
    CHECK(log_peer(log_line_field(l, field), &ip, &port));
    CHECK(addr_parse(ip, port, &out));
    CHECK(addr_eq(&out, in));
}

static void
case_PEER(unsigned field)
{
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        for (size_t k = 0; k < COUNT_OF(ports); k++) {
            struct access_record r = record();
            r.client = addr_must(addresses[i], ports[k]);
            struct log_line l = read_back(&r);
            check_peer(&l, field, &r.client);
        }
    }
}

static void
case_TARGET(unsigned field)
{
    struct access_record r = record();
    r.target = NULL;
    struct log_line l = read_back(&r);
    CHECK_STR(log_line_raw(&l, field), "-");
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct addr a = addr_must(addresses[i], ports[i % COUNT_OF(ports)]);
        r.target = &a;
        l = read_back(&r);
        check_peer(&l, field, &a);
    }
}

static void
case_SECONDS(unsigned field)
{
    static const int64_t values[] = {
        -1, INT64_MIN, 0, 1, 499, 500, 1234, 999999, 1000000, INT64_C(4000000000000), INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct access_record r = record();
        *(field == LOG_ACCESS_REQUEST_PROCESSING_TIME  ? &r.request_us
          : field == LOG_ACCESS_TARGET_PROCESSING_TIME ? &r.target_us
                                                       : &r.response_us) = values[i];
        struct log_line l = read_back(&r);
        uint64_t us = 7;
        CHECK_INT(log_seconds(log_line_field(&l, field), &us), values[i] >= 0);
        uint64_t ms = values[i] < 0 ? 0 : ((uint64_t)values[i] + 500) / 1000;
        CHECK_INT(us, values[i] < 0 ? 7 : ms * 1000);
    }
}

static void
case_STATUS(unsigned field)
{
    static const unsigned values[] = {0, 1, 14, 200, 561, 99999};
    _Static_assert(COUNT_OF(values) == STATUS_COUNT, "as many as are named");
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct access_record r = record();
        *(field == LOG_ACCESS_ELB_STATUS_CODE ? &r.elb_status : &r.target_status) = values[i];
        struct log_line l = read_back(&r);
        CHECK_INT(log_status(log_line_field(&l, field)), values[i]);
        CHECK_INT(log_line_field(&l, field).p == NULL, values[i] == 0);
    }
}

static void
case_COUNT(unsigned field)
{
    static const uint64_t values[] = {
        0, 9, 10, 99, 100, 9999, 10000, UINT64_C(9999999999999999999), UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct access_record r = record();
        *(field == LOG_ACCESS_RECEIVED_BYTES ? &r.received_bytes : &r.sent_bytes) = values[i];
        struct log_line l = read_back(&r);
        CHECK(log_number(log_line_field(&l, field)) == values[i]);
    }
}

/* A part of the request, read back; only long ones are cut. */
static void
check_part(struct str written, struct str in)
{
    AUTO(buf_free) struct buf b = {0};
    log_unescape(&b, written);
    CHECK(str_eq(buf_str(&b), str_sub(in, 0, b.n)));
    CHECK(b.n == in.n || written.n > 100);
}

static struct log_request
request_back(const struct access_record *r)
{
    struct log_request parts;
    struct log_line l = read_back(r);
    log_request(log_line_field(&l, LOG_ACCESS_REQUEST), &parts);
    CHECK_STR(log_line_raw(&l, LOG_ACCESS_IP_ADDRESS), "203.0.113.9");
    return parts;
}

static void
check_method(struct str in)
{
    struct access_record r = record();
    r.method = in;
    struct log_request parts = request_back(&r);
    check_part(parts.verb, in);
    CHECK_STR(parts.host, "shop.example");
    CHECK_INT(parts.port, 443);
    CHECK_STR(parts.path, "/cart");
    CHECK_STR(parts.query, "id=7");
    CHECK_STR(parts.version, "HTTP/2.0");
}

/* "/u" with the text behind; blanks at the end of an URI are not told from those before the
 * version. */
static void
check_uri(struct str in)
{
    AUTO(buf_free) struct buf uri = {0};
    buf_add_z(&uri, "/u");
    buf_add_str(&uri, in);
    struct access_record r = record();
    r.uri = buf_str(&uri);
    struct log_request parts = request_back(&r);
    CHECK_STR(parts.verb, "GET");
    CHECK_STR(parts.host, "shop.example");
    CHECK_STR(parts.version, "HTTP/2.0");
    while (r.uri.p[r.uri.n - 1] == ' ') {
        r.uri.n--;
    }
    size_t query_bytes = parts.query.p == NULL ? 0 : 1 + parts.query.n;
    check_part((struct str){parts.path.p, parts.path.n + query_bytes}, r.uri);
}

static void
check_host(struct str in)
{
    struct access_record r = record();
    r.host = in;
    struct log_request parts = request_back(&r);
    CHECK_STR(parts.verb, "GET");
    CHECK_STR(parts.version, "HTTP/2.0");
    bool is_name = !str_find_char(in, '/', NULL) && !str_find_char(in, '?', NULL);
    if (is_name) { /* else a part of it is read as path or query */
        CHECK_INT(parts.port, 443);
        check_part(parts.host, in);
        CHECK_STR(parts.path, "/cart");
    }
}

static void
case_REQUEST(UNUSED unsigned field)
{
    for (unsigned i = 1; i < TEXT_COUNT; i++) {
        struct str in = odd_text(i);
        if (!str_eq(in, STR("-"))) {
            check_method(in);
            check_host(in);
        }
        check_uri(in);
    }
    struct access_record r = record();
    r.method = STR_NONE;
    struct log_request parts = request_back(&r);
    CHECK(parts.verb.p == NULL && parts.version.p == NULL && parts.path.p == NULL);
    CHECK_STR(parts.host, "shop.example");
    CHECK_INT(parts.port, 443);
}

static void
case_PRIORITY(unsigned field)
{
    static const struct {
        int32_t in;
        const char *text;
    } rows[] = {{LOG_PRIORITY_NONE, "-"},
                {-1, "-1"},
                {0, "0"},
                {1, "1"},
                {50000, "50000"},
                {INT32_MAX, "2147483647"},
                {INT32_MIN + 1, "-2147483647"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct access_record r = record();
        r.rule_priority = rows[i].in;
        struct log_line l = read_back(&r);
        CHECK_STR(log_line_raw(&l, field), rows[i].text);
    }
}

static void
case_TID(unsigned field)
{
    for (int i = 0; i < 100; i++) {
        struct access_record r = record();
        char text[40];
        struct out o = out_of(text, sizeof(text));
        OUT_LIT(&o, "TID_");
        for (unsigned b = 0; b < 16; b++) {
            r.conn_trace_id[b] = (uint8_t)rand_below(&random_source, 256);
            out_hex(&o, r.conn_trace_id[b], 2);
        }
        struct log_line l = read_back(&r);
        CHECK(str_eq(log_line_field(&l, field), str_span(text, o.p)));
    }
}

static void
case_ADDRESS(unsigned field)
{
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct access_record r = record();
        r.node = addr_must(addresses[i], 80);
        struct log_line l = read_back(&r);
        struct addr out;
        CHECK(addr_parse(log_line_field(&l, field), 80, &out));
        CHECK(addr_eq(&out, &r.node));
    }
}

TEST("each row of access_fields.def: what is written is read back")
{
    static const struct {
        unsigned field;
        case_fn *run;
    } rows[] = {
#define FIELD(number, NAME, name, form, KIND, width, value, absent)                                \
    {LOG_ACCESS_##NAME, case_##KIND},
#include "log/access_fields.def"
#undef FIELD
    };
    rand_seed(&random_source, 17);
    CHECK_INT(COUNT_OF(rows), LOG_ACCESS_FIELDS);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int before = test_failures_now;
        rows[i].run(rows[i].field);
        if (test_failures_now != before) {
            test_failed(__FILE__, __LINE__, "field %s", log_field(LOG_ACCESS, rows[i].field)->name);
        }
    }
}

TEST("all texts odd at once")
{
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        struct access_record r = record();
        for (unsigned f = 0; f < LOG_ACCESS_FIELDS; f++) {
            struct str *text = text_of(&r, f);
            if (text != NULL && f != LOG_ACCESS_ELB) {
                *text = odd_text(i);
            }
        }
        struct log_line l = read_back(&r);
        for (unsigned f = 0; f < LOG_ACCESS_FIELDS; f++) {
            struct str *text = text_of(&r, f);
            if (text != NULL) {
                check_text(&l, f, *text);
            }
        }
    }
}

TEST_MAIN
