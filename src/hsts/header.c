/* SPDX-License-Identifier: Apache-2.0
 * The Strict-Transport-Security field: strictly by RFC 6797 6.1, and as clients read it. */
#include "hsts/hsts.h"

#include "text/text.h"

enum {
    CHROMIUM_MAX_AGE_S = 365 * 24 * 3600, /* Chromium cuts longer times */
};
/* Firefox adds the time to its clock in milliseconds, and ignores the field when that overflows. */
static const uint64_t firefox_max_age_s = INT64_MAX / 1000;

const char *
hsts_problem_text(enum hsts_problem problem)
{
    static const char *const texts[] = {
#define PROBLEM(name, text) [HSTS_PROBLEM_##name] = (text),
#include "hsts/header_problems.def"
#undef PROBLEM
    };
    return texts[problem];
}

/* ---- the standard's grammar ---- */

/* A cursor with a sticky problem. */
struct field {
    struct str rest;
    enum hsts_problem problem;
    bool has_max_age, has_subdomains, has_preload;
    uint64_t max_age_s;
};

struct directive {
    struct str name;
    struct str value; /* without quotation marks; a quoted pair still has its backslash */
    bool has_value;
    bool quoted;
};

static void
fail(struct field *f, enum hsts_problem problem)
{
    if (f->problem == HSTS_PROBLEM_NONE) {
        f->problem = problem;
    }
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* token: any character but controls and separators [RFC 2616 2.2]. */
static bool
is_token_char(char c)
{
    return ascii_is_alnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void
skip_blanks(struct field *f)
{
    while (f->rest.n > 0 && is_blank(f->rest.p[0])) {
        f->rest = str_sub(f->rest, 1, f->rest.n);
    }
}

static bool
next_is(const struct field *f, char c)
{
    return f->rest.n > 0 && f->rest.p[0] == c;
}

static bool
take(struct field *f, char c)
{
    if (!next_is(f, c)) {
        return false;
    }
    f->rest = str_sub(f->rest, 1, f->rest.n);
    return true;
}

static struct str
take_bytes(struct field *f, size_t n)
{
    struct str taken = str_sub(f->rest, 0, n);
    f->rest = str_sub(f->rest, n, f->rest.n);
    return taken;
}

static struct str
take_token(struct field *f)
{
    size_t n = 0;
    while (n < f->rest.n && is_token_char(f->rest.p[n])) {
        n++;
    }
    return take_bytes(f, n);
}

/* What stands up to the closing quotation mark, which is taken as well. */
static struct str
take_quoted(struct field *f)
{
    for (size_t n = 0; n < f->rest.n; n++) {
        if (f->rest.p[n] == '"') {
            struct str inside = take_bytes(f, n);
            (void)take(f, '"'); /* it is there */
            return inside;
        }
        if (f->rest.p[n] == '\\') {
            n++;
        }
    }
    fail(f, HSTS_PROBLEM_UNTERMINATED);
    return STR_NONE;
}

static struct directive
take_directive(struct field *f)
{
    struct directive d = {.name = take_token(f)};
    if (d.name.n == 0) {
        fail(f, HSTS_PROBLEM_NO_NAME);
        return d;
    }
    skip_blanks(f);
    if (!take(f, '=')) {
        return d;
    }
    skip_blanks(f);
    d.has_value = true;
    d.quoted = take(f, '"');
    d.value = d.quoted ? take_quoted(f) : take_token(f);
    if (!d.quoted && d.value.n == 0) {
        fail(f, HSTS_PROBLEM_NO_VALUE);
    }
    skip_blanks(f);
    return d;
}

/* delta-seconds: one or more digits; a number that is too large stays the largest. */
static bool
read_seconds(const struct directive *d, uint64_t *ret_s)
{
    uint64_t value = 0;
    size_t digits = 0;
    for (size_t i = 0; i < d->value.n; i++) {
        char c = d->value.p[i];
        if (c == '\\' && d->quoted && i + 1 < d->value.n) {
            c = d->value.p[++i]; /* quoted-pair */
        }
        if (!ascii_is_digit(c)) {
            return false;
        }
        digits++;
        uint64_t more;
        bool over = __builtin_mul_overflow(value, 10, &more) ||
                    __builtin_add_overflow(more, (uint64_t)(c - '0'), &more);
        value = over || value == UINT64_MAX ? UINT64_MAX : more;
    }
    *ret_s = value;
    return digits > 0;
}

static void
on_max_age(struct field *f, const struct directive *d)
{
    if (f->has_max_age) {
        fail(f, HSTS_PROBLEM_TWICE);
        return;
    }
    f->has_max_age = true;
    if (!d->has_value) {
        fail(f, HSTS_PROBLEM_NO_NUMBER);
    } else if (!read_seconds(d, &f->max_age_s)) {
        fail(f, HSTS_PROBLEM_BAD_NUMBER);
    }
}

static void
on_subdomains(struct field *f, const struct directive *d)
{
    if (f->has_subdomains) {
        fail(f, HSTS_PROBLEM_TWICE);
    }
    if (d->has_value) {
        fail(f, HSTS_PROBLEM_VALUE);
    }
    f->has_subdomains = true;
}

/* Not of RFC 6797: an unknown directive there, read by the preload list only. */
static void
on_preload(struct field *f, const struct directive *d)
{
    (void)d; /* clients do not look at a value */
    f->has_preload = true;
}

static void
apply(struct field *f, const struct directive *d)
{
    static const struct {
        const char *name;
        void (*apply)(struct field *f, const struct directive *d);
    } known[] = {
        {"max-age", on_max_age},
        {"includeSubDomains", on_subdomains},
        {"preload", on_preload},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_ieq(d->name, str_of(known[i].name))) {
            known[i].apply(f, d);
        }
    }
}

static void
check_controls(struct field *f)
{
    for (size_t i = 0; i < f->rest.n; i++) {
        if (is_control(f->rest.p[i])) {
            fail(f, HSTS_PROBLEM_CONTROL);
        }
    }
}

static struct field
read_field(struct str value)
{
    struct field f = {.rest = value};
    check_controls(&f);
    while (f.problem == HSTS_PROBLEM_NONE) {
        skip_blanks(&f);
        if (f.rest.n == 0) {
            break;
        }
        if (take(&f, ';')) {
            continue; /* an empty directive */
        }
        struct directive d = take_directive(&f);
        if (f.problem == HSTS_PROBLEM_NONE) {
            apply(&f, &d);
        }
        if (f.rest.n > 0 && !next_is(&f, ';')) {
            fail(&f, HSTS_PROBLEM_SEPARATOR);
        }
    }
    if (!f.has_max_age) {
        fail(&f, HSTS_PROBLEM_NO_MAX_AGE);
    }
    return f;
}

/* ---- curl: lib/hsts.c, tried with 7.88.1 ---- */

static void
skip_to_semicolon(struct field *f)
{
    while (f->rest.n > 0 && f->rest.p[0] != ';') {
        f->rest = str_sub(f->rest, 1, f->rest.n);
    }
}

/* Digits after an optional plus sign; what follows them is somebody else's. */
static bool
curl_number(struct field *f)
{
    bool quoted = take(f, '"');
    skip_blanks(f);
    (void)take(f, '+');
    size_t n = 0;
    while (n < f->rest.n && ascii_is_digit(f->rest.p[n])) {
        n++;
    }
    struct directive d = {.value = take_bytes(f, n)};
    if (!read_seconds(&d, &f->max_age_s)) {
        return false;
    }
    return !quoted || take(f, '"');
}

/* One directive, or what curl takes for one; false: curl gives the field up. */
static bool
curl_directive(struct field *f)
{
    static const struct str max_age = STR("max-age="), subdomains = STR("includesubdomains");
    if (str_istarts(f->rest, max_age)) {
        (void)take_bytes(f, max_age.n); /* known */
        skip_blanks(f);
        bool again = f->has_max_age;
        f->has_max_age = true;
        return !again && curl_number(f);
    }
    if (str_istarts(f->rest, subdomains)) {
        (void)take_bytes(f, subdomains.n); /* known */
        bool again = f->has_subdomains;
        f->has_subdomains = true;
        return !again;
    }
    skip_to_semicolon(f);
    return true;
}

static struct hsts_reading
read_like_curl(struct str value)
{
    static const struct hsts_reading ignored = {.result = HSTS_IGNORE};
    size_t end;
    struct field f = {.rest = value};
    if (str_find_char(value, '\0', &end)) {
        f.rest = str_sub(value, 0, end);
    }
    do {
        skip_blanks(&f);
        if (!curl_directive(&f)) {
            return ignored;
        }
        skip_blanks(&f);
        (void)take(&f, ';'); /* missing or not, the next one begins here */
    } while (f.rest.n > 0);
    if (!f.has_max_age) {
        return ignored;
    }
    if (f.max_age_s == 0) {
        return (struct hsts_reading){.result = HSTS_FORGET};
    }
    bool unlimited = f.max_age_s >= (uint64_t)INT64_MAX;
    return (struct hsts_reading){HSTS_SET, unlimited ? UINT64_MAX : f.max_age_s, f.has_subdomains};
}

/* ---- results ---- */

static const char *
result_text(const struct hsts_header *h)
{
    if (h->result == HSTS_IGNORE) {
        return hsts_problem_text(h->problem);
    }
    if (h->result == HSTS_FORGET) {
        return N_("max-age is 0: clients forget the host.");
    }
    return h->include_subdomains ? N_("Clients remember the host and all names below it.")
                                 : N_("Clients remember the host alone.");
}

static struct hsts_reading
reading_of(const struct field *f)
{
    if (f->problem != HSTS_PROBLEM_NONE) {
        return (struct hsts_reading){.result = HSTS_IGNORE};
    }
    if (f->max_age_s == 0) {
        return (struct hsts_reading){.result = HSTS_FORGET};
    }
    return (struct hsts_reading){HSTS_SET, f->max_age_s, f->has_subdomains};
}

void
hsts_header_parse(struct str value, struct hsts_header *ret)
{
    struct field f = read_field(value);
    struct hsts_reading strict = reading_of(&f);
    *ret = (struct hsts_header){
        .result = strict.result,
        .problem = f.problem,
        .max_age_s = strict.max_age_s,
        .include_subdomains = strict.include_subdomains,
        .preload = f.problem == HSTS_PROBLEM_NONE && f.has_preload,
        .chromium = strict,
        .firefox = strict,
        .curl = read_like_curl(value),
    };
    ret->chromium.max_age_s = MIN_OF(strict.max_age_s, (uint64_t)CHROMIUM_MAX_AGE_S);
    if (strict.max_age_s > firefox_max_age_s) {
        ret->firefox = (struct hsts_reading){.result = HSTS_IGNORE};
    }
    ret->curl_accepts = strict.result == HSTS_IGNORE && ret->curl.result == HSTS_SET;
    ret->why = result_text(ret);
}

void
hsts_headers_parse(const struct str *values, size_t count, struct hsts_header *ret)
{
    static const struct hsts_reading none = {.result = HSTS_IGNORE};
    *ret = (struct hsts_header){.result = HSTS_IGNORE,
                                .problem = HSTS_PROBLEM_ABSENT,
                                .chromium = none,
                                .firefox = none,
                                .curl = none};
    ret->why = result_text(ret);
    for (size_t i = 0; i < count; i++) {
        struct hsts_header one;
        hsts_header_parse(values[i], &one);
        struct hsts_reading curl = one.curl.result == HSTS_IGNORE ? ret->curl : one.curl;
        if (i == 0) { /* only the first counts [RFC 6797 8.1] */
            *ret = one;
        }
        ret->curl = curl;
    }
    ret->curl_accepts = ret->result == HSTS_IGNORE && ret->curl.result == HSTS_SET;
}
