/* SPDX-License-Identifier: Apache-2.0
 * The filters: how their values are read, and which fields of a line they look at. */
#include "query/filter_int.h"

#include "base/addr.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/text.h"

enum form {
    FORM_TIME,
    FORM_DURATION,
    FORM_STATUS,
    FORM_GLOB,
    FORM_ADDRESS,
    FORM_TRACE,
    FORM_MAKER
};

enum filter_id {
#define FILTER(NAME, option, value, form, help) FILTER_##NAME,
#include "query/filters.def"
#undef FILTER
    FILTER_COUNT
};

static const struct query_filter_option options[FILTER_COUNT] = {
#define FILTER(NAME, option, value, form, help) {option, value, help},
#include "query/filters.def"
#undef FILTER
};

static const enum form forms[FILTER_COUNT] = {
#define FILTER(NAME, option, value, form, help) FORM_##form,
#include "query/filters.def"
#undef FILTER
};

enum {
    STATUS_TABLE = 1000, /* statuses that are looked up; 0: none */
    STATUS_MAX = 99999,  /* as log_status reads them */
    ISO_BYTES = 27,      /* "2026-11-23T17:11:54.123456Z" */
    ISO_COMPARED = 26,   /* without the Z */
    VALUE_TEXTS = 3,
};

/* One of the values that a comma separates. */
struct choice {
    bool negated;
    bool none;           /* "-": the field is absent */
    struct str text;     /* borrowed from the filter's `owned` */
    unsigned low, high;  /* status */
    struct addr network; /* address; its port 0: any */
    unsigned bits;       /* of the network; 0 and `text` begins "arn:": a function */
    bool by_text;        /* an ARN where an address could stand */
};

struct choices {
    struct choice *items; /* owned */
    size_t count, cap;
    bool positive; /* one of them is not negated: then one of those must match */
};

struct query_filter {
    uint64_t since_us, until_us, min_duration_us;
    char since_text[ISO_BYTES], until_text[ISO_BYTES];
    bool assumed_utc;
    struct choices lists[FILTER_COUNT];
    enum filter_id active[FILTER_COUNT]; /* the lists that are not empty */
    size_t active_count;
    bool status_passes[STATUS_TABLE];
    char **owned;
    size_t owned_count, owned_cap;
};

/* ---- reading values ---- */

static enum err
term_status(struct choice *t, struct errinfo *reterr)
{
    struct str text = t->text;
    size_t dash = 0;
    int64_t low = 0, high = 0;
    size_t digits = 0;
    while (digits < text.n && ascii_is_digit(text.p[digits])) {
        digits++;
    }
    if (text.n == 3 && digits > 0 && digits < 3 && ascii_lower(text.p[2]) == 'x' &&
        ascii_lower(text.p[1]) == (digits == 1 ? 'x' : text.p[1])) {
        unsigned scale = digits == 1 ? 100 : 10;
        (void)str_to_int_range(str_sub(text, 0, digits), 0, 99, &low); /* they are digits */
        low *= scale;
        high = low + scale - 1;
    } else if (str_find_char(text, '-', &dash)) {
        if (!str_to_int_range(str_sub(text, 0, dash), 1, STATUS_MAX, &low) ||
            !str_to_int_range(str_sub(text, dash + 1, SIZE_MAX), low, STATUS_MAX, &high)) {
            low = 0;
        }
    } else if (str_to_int_range(text, 1, STATUS_MAX, &low)) {
        high = low;
    }
    if (low == 0) {
        return text_err(reterr, ERR_INVALID,
                        N_("\"{value}\" is no status; write 502, 5xx, 500-504, or - for none."),
                        TEXT_ARGS({"value", text}));
    }
    t->low = (unsigned)low;
    t->high = (unsigned)high;
    return ERR_OK;
}

static bool
address_with_port(struct str text, struct addr *ret_addr)
{
    size_t colon = 0;
    int64_t port = 0;
    bool bracketed = text.n > 1 && text.p[0] == '[';
    if (bracketed && text.p[text.n - 1] == ']') {
        return addr_parse(str_sub(text, 1, text.n - 2), 0, ret_addr);
    }
    if (!str_rfind_char(text, ':', &colon) ||
        !str_to_int_range(str_sub(text, colon + 1, SIZE_MAX), 1, UINT16_MAX, &port)) {
        return false;
    }
    struct str ip = str_sub(text, 0, colon);
    if (bracketed) {
        if (ip.n < 2 || ip.p[ip.n - 1] != ']') {
            return false;
        }
        ip = str_sub(ip, 1, ip.n - 2);
    }
    return addr_parse(ip, (uint16_t)port, ret_addr);
}

static bool
term_network(struct choice *t)
{
    size_t slash = 0;
    if (!str_find_char(t->text, '/', &slash)) {
        bool good = addr_parse(t->text, 0, &t->network) || address_with_port(t->text, &t->network);
        t->bits = good && addr_is_v6(&t->network) ? 128 : 32;
        return good;
    }
    int64_t bits = 0;
    if (!addr_parse(str_sub(t->text, 0, slash), 0, &t->network) ||
        !str_to_int_range(str_sub(t->text, slash + 1, SIZE_MAX), 0,
                          addr_is_v6(&t->network) ? 128 : 32, &bits)) {
        return false;
    }
    t->bits = (unsigned)bits;
    return true;
}

static enum err
term_glob(const struct choice *t, struct errinfo *reterr)
{
    if (t->text.n > LIMIT_QUERY_GLOB_BYTES) {
        return text_err(reterr, ERR_TOO_LARGE, N_("This pattern is too long: {value}"),
                        TEXT_ARGS({"value", t->text}));
    }
    return ERR_OK;
}

static enum err
term_address(struct choice *t, struct errinfo *reterr)
{
    t->by_text = str_starts(t->text, STR("arn:"));
    if (t->by_text) {
        return term_glob(t, reterr);
    }
    if (term_network(t)) {
        return ERR_OK;
    }
    return text_err(reterr, ERR_INVALID,
                    N_("\"{value}\" is no address; write 192.0.2.7, 192.0.2.7:443, 192.0.2.0/24, "
                       "2001:db8::7 or [2001:db8::7]:443."),
                    TEXT_ARGS({"value", t->text}));
}

static enum err
term_maker(const struct choice *t, struct errinfo *reterr)
{
    if (str_eq(t->text, STR("lb")) || str_eq(t->text, STR("target"))) {
        return ERR_OK;
    }
    return text_err(reterr, ERR_INVALID, N_("\"{value}\" makes no status; write lb or target."),
                    TEXT_ARGS({"value", t->text}));
}

static enum err
term_read(enum form form, struct choice *t, struct errinfo *reterr)
{
    t->none = str_eq(t->text, STR("-"));
    if (t->none) {
        return form == FORM_MAKER ? term_maker(t, reterr) : ERR_OK;
    }
    switch (form) {
    case FORM_STATUS: return term_status(t, reterr);
    case FORM_GLOB: return term_glob(t, reterr);
    case FORM_ADDRESS: return term_address(t, reterr);
    case FORM_MAKER: return term_maker(t, reterr);
    case FORM_TRACE: return term_glob(t, reterr);
    case FORM_TIME:
    case FORM_DURATION: break;
    }
    NEVER("times and durations are no lists");
}

/* A comma-separated list, added to what the same option gave before. */
static enum err
terms_read(struct query_filter *f, enum filter_id id, struct str list, struct errinfo *reterr)
{
    struct choices *terms = &f->lists[id];
    struct str piece;
    while (str_cut(&list, ',', &piece)) {
        struct choice term = {.text = str_trim(piece)};
        term.negated = str_starts(term.text, STR("!"));
        term.text = str_trim(str_sub(term.text, term.negated, SIZE_MAX));
        if (term.text.n == 0) {
            return text_err(reterr, ERR_INVALID, N_("A value of --{option} is empty."),
                            TEXT_ARGS({"option", str_of(options[id].name)}));
        }
        TRY(term_read(forms[id], &term, reterr));
        if (terms->count == LIMIT_QUERY_FILTER_TERMS) {
            return text_err(reterr, ERR_TOO_LARGE, N_("--{option} has too many values."),
                            TEXT_ARGS({"option", str_of(options[id].name)}));
        }
        *VEC_PUSH(terms->items, terms->count, terms->cap) = term;
        terms->positive = terms->positive || !term.negated;
    }
    return ERR_OK;
}

/* ---- values of a line ---- */

/* What a filter looks at: the texts of which one must match, or an address, or a status. */
struct value {
    struct str texts[VALUE_TEXTS];
    size_t count; /* of texts; 0: absent, unless one of the next two */
    struct addr addr;
    bool has_addr;
    unsigned status;
    bool by_target;
};

static void
value_add(struct value *v, struct str text)
{
    if (text.n > 0) {
        ASSERT_DEBUG(v->count < VALUE_TEXTS);
        v->texts[v->count++] = text;
    }
}

static bool
get_status(const struct log_line *l, struct value *v)
{
    static const int fields[LOG_KIND_COUNT] = {
        [LOG_ACCESS] = LOG_ACCESS_ELB_STATUS_CODE,
        [LOG_CONNECTION] = -1,
        [LOG_HEALTH] = LOG_HEALTH_STATUS_CODE,
    };
    if (fields[l->kind] < 0) {
        return false;
    }
    v->status = log_status(log_line_field(l, (unsigned)fields[l->kind]));
    return true;
}

static bool
get_host(const struct log_line *l, struct value *v)
{
    struct log_request request;
    if (l->kind != LOG_ACCESS) {
        return false;
    }
    log_request(log_line_field(l, LOG_ACCESS_REQUEST), &request);
    bool in_url = request.host.n > 0; /* as in columns.def and the lists of stats */
    value_add(v, in_url ? request.host : log_line_field(l, LOG_ACCESS_DOMAIN_NAME));
    return true;
}

static bool
get_path(const struct log_line *l, struct value *v)
{
    struct log_request request;
    if (l->kind != LOG_ACCESS) {
        return false;
    }
    log_request(log_line_field(l, LOG_ACCESS_REQUEST), &request);
    value_add(v, request.path);
    return true;
}

static void
value_set_addr(struct value *v, struct str ip, uint16_t port)
{
    v->has_addr = addr_parse(ip, port, &v->addr);
}

static bool
get_client(const struct log_line *l, struct value *v)
{
    struct str ip;
    uint16_t port = 0;
    if (l->kind == LOG_HEALTH) {
        return false;
    }
    if (l->kind == LOG_CONNECTION) {
        uint64_t number = log_number(log_line_field(l, LOG_CONNECTION_CLIENT_PORT));
        value_set_addr(v, log_line_field(l, LOG_CONNECTION_CLIENT_IP),
                       number <= UINT16_MAX ? (uint16_t)number : 0);
    } else if (log_peer(log_line_field(l, LOG_ACCESS_CLIENT), &ip, &port)) {
        value_set_addr(v, ip, port);
    }
    return true;
}

static bool
get_target(const struct log_line *l, struct value *v)
{
    struct str ip;
    uint16_t port = 0;
    if (l->kind == LOG_CONNECTION) {
        return false;
    }
    struct str field = log_line_field(l, l->kind == LOG_ACCESS ? (unsigned)LOG_ACCESS_TARGET
                                                               : (unsigned)LOG_HEALTH_TARGET_ADDR);
    value_add(v, field);
    if (log_peer(field, &ip, &port)) {
        value_set_addr(v, ip, port);
    }
    return true;
}

/* The whole, and without what stands before the name and behind it:
 * "arn:...:targetgroup/web/99aa", "web/99aa", "web". */
static void
value_add_named(struct value *v, struct str whole, struct str before)
{
    size_t at = 0, end = 0;
    value_add(v, whole);
    struct str name =
        str_find(whole, before, &at) ? str_sub(whole, at + before.n, SIZE_MAX) : whole;
    if (name.n < whole.n) {
        value_add(v, name);
    }
    if (str_find_char(name, '/', &end)) {
        value_add(v, str_sub(name, 0, end));
    }
}

static bool
get_target_group(const struct log_line *l, struct value *v)
{
    if (l->kind == LOG_CONNECTION) {
        return false;
    }
    value_add_named(v,
                    log_line_field(l, l->kind == LOG_ACCESS ? (unsigned)LOG_ACCESS_TARGET_GROUP_ARN
                                                            : (unsigned)LOG_HEALTH_TARGET_GROUP_ID),
                    STR("targetgroup/"));
    return true;
}

static bool
get_load_balancer(const struct log_line *l, struct value *v)
{
    static const unsigned fields[LOG_KIND_COUNT] = {
        [LOG_ACCESS] = LOG_ACCESS_ELB,
        [LOG_CONNECTION] = LOG_CONNECTION_ELB,
        [LOG_HEALTH] = LOG_HEALTH_ELB,
    };
    value_add_named(v, log_line_field(l, fields[l->kind]), STR("app/"));
    return true;
}

static bool
get_trace(const struct log_line *l, struct value *v)
{
    if (l->kind == LOG_HEALTH) {
        return false;
    }
    if (l->kind == LOG_CONNECTION) {
        value_add(v, log_line_field(l, LOG_CONNECTION_CONN_TRACE_ID));
        return true;
    }
    value_add(v, log_line_field(l, LOG_ACCESS_TRACE_ID));
    value_add(v, log_line_field(l, LOG_ACCESS_CONN_TRACE_ID));
    return true;
}

static bool
get_error_reason(const struct log_line *l, struct value *v)
{
    if (l->kind != LOG_ACCESS) {
        return false;
    }
    value_add(v, log_line_field(l, LOG_ACCESS_ERROR_REASON));
    return true;
}

static bool
get_classification(const struct log_line *l, struct value *v)
{
    if (l->kind != LOG_ACCESS) {
        return false;
    }
    value_add(v, log_line_field(l, LOG_ACCESS_CLASSIFICATION));
    value_add(v, log_line_field(l, LOG_ACCESS_CLASSIFICATION_REASON));
    return true;
}

static bool
get_maker(const struct log_line *l, struct value *v)
{
    if (l->kind != LOG_ACCESS) {
        return false;
    }
    value_add(v, query_made_by_target(l) ? STR("target") : STR("lb"));
    return true;
}

/* ---- does a value match? ---- */

/* `*` any text, `?` one byte. Only the last star is ever gone back to. */
static bool
glob_matches(struct str pattern, struct str text, bool fold)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.n) {
        char want = p < pattern.n ? pattern.p[p] : '\0';
        bool same = p < pattern.n && (want == '?' || want == text.p[t] ||
                                      (fold && ascii_lower(want) == ascii_lower(text.p[t])));
        if (p < pattern.n && want == '*') {
            star = p++;
            star_text = t;
        } else if (same) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*') {
        p++;
    }
    return p == pattern.n;
}

static bool
texts_match(const struct choice *t, const struct value *v, bool fold)
{
    if (t->none) {
        return v->count == 0;
    }
    for (size_t i = 0; i < v->count; i++) {
        if (glob_matches(t->text, v->texts[i], fold)) {
            return true;
        }
    }
    return false;
}

static bool
match_exact_case(const struct choice *t, const struct value *v)
{
    return texts_match(t, v, false);
}

static bool
match_any_case(const struct choice *t, const struct value *v)
{
    return texts_match(t, v, true);
}

static bool
match_status(const struct choice *t, const struct value *v)
{
    return t->none ? v->status == 0 : v->status >= t->low && v->status <= t->high;
}

/* The bytes of an address, and how many bits they are. */
static const unsigned char *
addr_bytes(const struct addr *a)
{
    return addr_is_v6(a) ? a->in6.sin6_addr.s6_addr
                         : (const unsigned char *)&a->in4.sin_addr.s_addr;
}

static bool
network_holds(const struct addr *network, unsigned bits, const struct addr *a)
{
    const unsigned char *n = addr_bytes(network), *p = addr_bytes(a);
    unsigned whole = bits / 8, rest = bits % 8;
    return addr_is_v6(network) == addr_is_v6(a) && memcmp(n, p, whole) == 0 &&
           (rest == 0 || (n[whole] ^ p[whole]) >> (8 - rest) == 0);
}

static bool
match_address(const struct choice *t, const struct value *v)
{
    if (t->none) {
        return !v->has_addr && v->count == 0;
    }
    if (t->by_text) {
        return texts_match(t, v, false);
    }
    return v->has_addr && network_holds(&t->network, t->bits, &v->addr) &&
           (addr_port(&t->network) == 0 || addr_port(&t->network) == addr_port(&v->addr));
}

/* "Root=1-...;Self=1-..." holds the wanted id as a whole, as a part, or as a part's value. */
static bool
trace_holds(struct str trace, struct str wanted)
{
    struct str part;
    if (str_eq(trace, wanted)) {
        return true;
    }
    while (str_cut(&trace, ';', &part)) {
        size_t at = 0;
        part = str_trim(part);
        if (str_eq(part, wanted) ||
            (str_find_char(part, '=', &at) && str_eq(str_sub(part, at + 1, SIZE_MAX), wanted))) {
            return true;
        }
    }
    return false;
}

static bool
match_trace(const struct choice *t, const struct value *v)
{
    if (t->none) {
        return v->count == 0;
    }
    for (size_t i = 0; i < v->count; i++) {
        if (trace_holds(v->texts[i], t->text)) {
            return true;
        }
    }
    return false;
}

/* ---- all of them ---- */

struct matcher {
    bool (*get)(const struct log_line *line,
                struct value *v); /* false: this kind has no such field */
    bool (*match)(const struct choice *term, const struct value *v);
};

static const struct matcher matchers[FILTER_COUNT] = {
    [FILTER_STATUS] = {get_status, match_status},
    [FILTER_HOST] = {get_host, match_any_case},
    [FILTER_PATH] = {get_path, match_exact_case},
    [FILTER_CLIENT] = {get_client, match_address},
    [FILTER_TARGET] = {get_target, match_address},
    [FILTER_TARGET_GROUP] = {get_target_group, match_exact_case},
    [FILTER_LOAD_BALANCER] = {get_load_balancer, match_exact_case},
    [FILTER_TRACE] = {get_trace, match_trace},
    [FILTER_ERROR_REASON] = {get_error_reason, match_any_case},
    [FILTER_CLASSIFICATION] = {get_classification, match_any_case},
    [FILTER_MADE_BY] = {get_maker, match_exact_case},
};

static bool
terms_pass(const struct choices *terms, const struct value *v,
           bool (*match)(const struct choice *term, const struct value *v))
{
    bool wanted = !terms->positive;
    for (size_t i = 0; i < terms->count; i++) {
        const struct choice *t = &terms->items[i];
        if ((t->negated || !wanted) && match(t, v)) {
            if (t->negated) {
                return false;
            }
            wanted = true;
        }
    }
    return wanted;
}

static bool
list_passes(const struct query_filter *f, enum filter_id id, const struct log_line *line)
{
    struct value v;
    v.count = 0;
    v.has_addr = false;
    if (!matchers[id].get(line, &v)) {
        return false;
    }
    if (id == FILTER_STATUS && v.status < STATUS_TABLE) {
        return f->status_passes[v.status];
    }
    return terms_pass(&f->lists[id], &v, matchers[id].match);
}

static struct str
line_time(const struct log_line *line)
{
    static const unsigned fields[LOG_KIND_COUNT] = {
        [LOG_ACCESS] = LOG_ACCESS_TIME,
        [LOG_CONNECTION] = LOG_CONNECTION_TIMESTAMP,
        [LOG_HEALTH] = LOG_HEALTH_TIME,
    };
    return log_line_raw(line, fields[line->kind]);
}

/* Times of the usual form are compared as text. */
static bool
time_passes(const struct query_filter *f, const struct log_line *line, struct log_clock *clock)
{
    struct str text = line_time(line);
    if (text.n == ISO_BYTES && text.p[ISO_COMPARED] == 'Z') {
        return memcmp(text.p, f->since_text, ISO_COMPARED) >= 0 &&
               (f->until_us == 0 || memcmp(text.p, f->until_text, ISO_COMPARED) < 0);
    }
    uint64_t us = 0;
    return log_time(clock, text, &us) && us >= f->since_us &&
           (f->until_us == 0 || us < f->until_us);
}

/* Field 2 minus field 22 [tool-rulings 19]. */
static bool
duration_passes(const struct query_filter *f, const struct log_line *line, struct log_clock *clock)
{
    uint64_t end = 0, begin = 0;
    return line->kind == LOG_ACCESS &&
           log_time(clock, log_line_field(line, LOG_ACCESS_TIME), &end) &&
           log_time(clock, log_line_field(line, LOG_ACCESS_REQUEST_CREATION_TIME), &begin) &&
           end >= begin && end - begin >= f->min_duration_us;
}

bool
query_filter_match(const struct query_filter *f, const struct log_line *line,
                   struct log_clock *clock)
{
    if ((f->since_us != 0 || f->until_us != 0) && !time_passes(f, line, clock)) {
        return false;
    }
    for (size_t i = 0; i < f->active_count; i++) {
        if (!list_passes(f, f->active[i], line)) {
            return false;
        }
    }
    return f->min_duration_us == 0 || duration_passes(f, line, clock);
}

bool
query_made_by_target(const struct log_line *line)
{
    if (line->kind != LOG_ACCESS) {
        return false;
    }
    struct str elb = log_line_field(line, LOG_ACCESS_ELB_STATUS_CODE);
    return elb.n > 0 && str_eq(elb, log_line_field(line, LOG_ACCESS_TARGET_STATUS_CODE));
}

/* ---- setting ---- */

struct query_filter *
query_filter_new(void)
{
    return xalloc(sizeof(struct query_filter));
}

void
query_filter_free(struct query_filter **filter)
{
    struct query_filter *f = *filter;
    if (f == NULL) {
        return;
    }
    *filter = NULL;
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        xfree(f->lists[i].items);
    }
    for (size_t i = 0; i < f->owned_count; i++) {
        xfree(f->owned[i]);
    }
    xfree(f->owned);
    xfree(f);
}

static void
iso_text(uint64_t us, char text[static ISO_BYTES])
{
    struct out out = out_of(text, ISO_BYTES);
    out_iso8601(&out, us, false);
    ASSERT(!out.full);
}

static enum err
set_time(struct query_filter *f, enum filter_id id, struct str value, uint64_t now_us,
         struct errinfo *reterr)
{
    uint64_t us = 0;
    bool zone = true;
    TRY(moment_read(value, now_us, &us, &zone, reterr));
    f->assumed_utc = f->assumed_utc || !zone;
    if (id == FILTER_SINCE) {
        f->since_us = us;
    } else {
        f->until_us = us;
    }
    iso_text(f->since_us, f->since_text);
    iso_text(f->until_us, f->until_text);
    return ERR_OK;
}

static void
fill_status_table(struct query_filter *f)
{
    for (unsigned status = 0; status < STATUS_TABLE; status++) {
        struct value v = {.status = status};
        f->status_passes[status] = terms_pass(&f->lists[FILTER_STATUS], &v, match_status);
    }
}

static enum err
set_list(struct query_filter *f, enum filter_id id, struct str value, struct errinfo *reterr)
{
    char *copy = xstrdup_str(value);
    *VEC_PUSH(f->owned, f->owned_count, f->owned_cap) = copy;
    bool was_empty = f->lists[id].count == 0;
    enum err e = terms_read(f, id, (struct str){copy, value.n}, reterr);
    if (was_empty && f->lists[id].count > 0) {
        f->active[f->active_count++] = id;
    }
    if (id == FILTER_STATUS) {
        fill_status_table(f);
    }
    return e;
}

static enum filter_id
filter_by_name(struct str name)
{
    enum filter_id id = 0;
    while (id < FILTER_COUNT && !str_eq(name, str_of(options[id].name))) {
        id++;
    }
    return id;
}

enum err
query_filter_set(struct query_filter *filter, struct str name, struct str value, uint64_t now_us,
                 struct errinfo *reterr)
{
    enum filter_id id = filter_by_name(name);
    if (id == FILTER_COUNT) {
        return text_err(reterr, ERR_NOT_FOUND, N_("There is no filter --{option}."),
                        TEXT_ARGS({"option", name}));
    }
    if (value.n == 0 || value.n > LIMIT_QUERY_FILTER_BYTES) {
        return text_err(reterr, value.n == 0 ? ERR_INVALID : ERR_TOO_LARGE,
                        value.n == 0 ? N_("A value of --{option} is empty.")
                                     : N_("--{option} has too many values."),
                        TEXT_ARGS({"option", name}));
    }
    switch (forms[id]) {
    case FORM_TIME: return set_time(filter, id, value, now_us, reterr);
    case FORM_DURATION: return query_duration(value, &filter->min_duration_us, reterr);
    case FORM_STATUS:
    case FORM_GLOB:
    case FORM_ADDRESS:
    case FORM_TRACE:
    case FORM_MAKER: break;
    }
    return set_list(filter, id, value, reterr);
}

const struct query_filter_option *
query_filter_option(size_t index)
{
    return index < FILTER_COUNT ? &options[index] : NULL;
}

bool
query_filter_is_empty(const struct query_filter *f)
{
    return f->since_us == 0 && f->until_us == 0 && f->min_duration_us == 0 && f->active_count == 0;
}

bool
query_filter_assumed_utc(const struct query_filter *f)
{
    return f->assumed_utc;
}

uint64_t
query_filter_since_us(const struct query_filter *f)
{
    return f->since_us;
}

uint64_t
query_filter_until_us(const struct query_filter *f)
{
    return f->until_us;
}
