/* SPDX-License-Identifier: Apache-2.0
 * What the name of a log file tells [ALB log 3, 4, 5]: those of AWS and those of our own writer
 * (key.c). */
#include "log/read_int.h"

enum { PARTS = 7 }; /* ACCOUNT elasticloadbalancing REGION app.NAME.ID END NODE RANDOM */

static const struct {
    const char *prefix;    /* of the file's name */
    const char *test_file; /* written when logging is switched on */
} kinds[LOG_KIND_COUNT] = {
    [LOG_ACCESS] = {"", "ELBAccessLogTestFile"},
    [LOG_CONNECTION] = {"conn_log_", "ELBConnectionLogTestFile"},
    [LOG_HEALTH] = {"health_check_log_", "ELBHealthCheckLogTestFile"},
};

static bool
drop_prefix(struct str *s, const char *prefix)
{
    struct str front = str_of(prefix);
    if (!str_starts(*s, front)) {
        return false;
    }
    *s = str_sub(*s, front.n, s->n);
    return true;
}

static bool
drop_suffix(struct str *s, const char *suffix)
{
    struct str back = str_of(suffix);
    if (!str_ends(*s, back)) {
        return false;
    }
    s->n -= back.n;
    return true;
}

/* Not empty, and only letters, digits and the `others`. */
static bool
is_made_of(struct str s, const char *others)
{
    struct str list = str_of(others);
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && !str_find_char(list, s.p[i], NULL)) {
            return false;
        }
    }
    return s.n > 0;
}

static bool
is_account(struct str s)
{
    uint64_t value;
    return s.n == 12 && str_to_u64(s, &value);
}

/* "app.NAME.ID". */
static bool
is_elb_dotted(struct str s)
{
    size_t at;
    struct str rest = s;
    return drop_prefix(&rest, "app.") && is_made_of(rest, ".-") && str_find_char(rest, '.', &at) &&
           at > 0 && at + 1 < rest.n;
}

static bool
take_number(struct str *s, size_t digits, unsigned *ret_value)
{
    uint64_t value;
    if (s->n < digits || !str_to_u64(str_sub(*s, 0, digits), &value)) {
        return false;
    }
    *s = str_sub(*s, digits, s->n);
    *ret_value = (unsigned)value;
    return true;
}

/* yyyymmddThhmmZ, or yyyymmddThhmmssZ of our own writer. Midnight may be written as 24:00 nowhere.
 */
static bool
read_end(struct str s, uint64_t *ret_us)
{
    struct log_civil c = {0};
    bool good = take_number(&s, 4, &c.year) && take_number(&s, 2, &c.month) &&
                take_number(&s, 2, &c.day) && drop_prefix(&s, "T") && take_number(&s, 2, &c.hour) &&
                take_number(&s, 2, &c.minute);
    if (!good || (!str_eq(s, STR("Z")) && !take_number(&s, 2, &c.second))) {
        return false;
    }
    return str_eq(s, STR("Z")) && log_civil_us(&c, ret_us);
}

/* The name without folder, kind and ".log". */
static bool
read_stem(struct str stem, struct log_object *o)
{
    struct str parts[PARTS];
    unsigned count = 0;
    while (count < PARTS && str_cut(&stem, '_', &parts[count])) {
        count++;
    }
    if (count < PARTS || stem.p != NULL) {
        return false;
    }
    o->account = parts[0];
    o->region = parts[2];
    o->elb_dotted = parts[3];
    o->node = parts[5];
    o->random = parts[6];
    return is_account(o->account) && str_eq(parts[1], STR("elasticloadbalancing")) &&
           is_made_of(o->region, "-") && is_elb_dotted(o->elb_dotted) &&
           read_end(parts[4], &o->end_us) && is_made_of(o->node, ".:") && is_made_of(o->random, "");
}

/* What stands before the last folder AWSLogs, without the slash between. */
static struct str
prefix_of(struct str path)
{
    static const struct str folder = {"AWSLogs/", 8};
    for (size_t at = path.n; at-- > 0;) {
        bool begins = at == 0 || path.p[at - 1] == '/';
        if (begins && str_starts(str_sub(path, at, path.n), folder)) {
            return (struct str){path.p, at == 0 ? 0 : at - 1};
        }
    }
    return STR_NONE;
}

static bool
is_test_file(struct str name)
{
    for (unsigned kind = 0; kind < LOG_KIND_COUNT; kind++) {
        if (str_eq(name, str_of(kinds[kind].test_file))) {
            return true;
        }
    }
    return false;
}

bool
log_object_parse(struct str path, struct log_object *ret_object)
{
    size_t slash;
    struct str name = path;
    if (str_rfind_char(path, '/', &slash)) {
        name = str_sub(path, slash + 1, path.n);
    }
    struct log_object o = {.kind = LOG_ACCESS};
    if (is_test_file(name)) {
        o.test_file = true;
        *ret_object = o;
        return true;
    }
    for (unsigned kind = LOG_KIND_COUNT; kind-- > LOG_ACCESS + 1;) {
        if (drop_prefix(&name, kinds[kind].prefix)) {
            o.kind = (enum log_kind)kind;
            break;
        }
    }
    o.compressed = drop_suffix(&name, ".gz");
    o.prefix = prefix_of(path);
    if (!drop_suffix(&name, ".log") || !read_stem(name, &o)) {
        return false;
    }
    *ret_object = o;
    return true;
}
