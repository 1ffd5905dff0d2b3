/* SPDX-License-Identifier: Apache-2.0
 * Condition operators, variables and wildcards, by tables and against simple oracles. */
#include "policy/policy_int.h"

#include "base/buf.h"
#include "base/rand.h"
#include "base/test.h"

enum { VALUES_MAX = 4 };

/* Values of a key, parted by bars. */
struct sent {
    struct str values[VALUES_MAX];
    size_t count;
};

static struct sent
split(const char *text)
{
    struct sent s = {.count = 0};
    struct str rest = str_of(text);
    while (s.count < VALUES_MAX && str_cut(&rest, '|', &s.values[s.count])) {
        s.count++;
    }
    return s;
}

/* The truth of one condition "op": {"aws:k": values} when the request has `have`. */
static enum policy_truth
truth_of(const char *op, const char *json_values, const struct policy_key *keys, size_t key_count,
         const char *version)
{
    AUTO(buf_free) struct buf b = {0};
    struct policy_problems problems;
    struct policy *p = NULL;
    struct policy_trace trace;
    struct policy_decision d;
    buf_addf(&b,
             "{\"Version\": \"%s\", \"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\","
             " \"Action\": \"*\", \"Resource\": \"*\", \"Condition\": {\"%s\": {\"aws:K\": %s}}}}",
             version, op, json_values);
    if (policy_read(buf_str(&b), NULL, &p, &problems) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s: %s %s", op, json_values,
                    policy_fault_word(problems.items[0].fault));
        return POLICY_UNKNOWN;
    }
    const struct policy_request request = {.caller = {.kind = POLICY_CALLER_ANONYMOUS},
                                           .action = STR("s3:PutObject"),
                                           .resource = STR("arn:aws:s3:::b/k"),
                                           .keys = keys,
                                           .key_count = key_count};
    policy_decide(p, &request, &trace, &d);
    static const enum policy_answer answers[] = {
        [POLICY_NO] = POLICY_IMPLICIT_DENY,
        [POLICY_UNKNOWN] = POLICY_DEPENDS,
        [POLICY_YES] = POLICY_ALLOW,
    };
    enum policy_truth t = trace.items[0].steps[3].truth;
    CHECK_INT(trace.items[0].step_count, 4);
    CHECK_INT(trace.items[0].missed, t == POLICY_NO);
    CHECK_INT(d.answer, answers[t]);
    policy_free(&p);
    return t;
}

static enum policy_truth
truth_with(const char *op, const char *json_values, const char *have, bool many)
{
    struct sent s = split(have);
    const struct policy_key key = {STR("AWS:k"), POLICY_PRESENT, s.values, s.count, many};
    return truth_of(op, json_values, &key, have != NULL, "2012-10-17");
}

struct row {
    const char *op, *values, *have;
    bool holds;
};

static void
check_rows(const struct row *rows, size_t count, bool many)
{
    for (size_t i = 0; i < count; i++) {
        enum policy_truth t = truth_with(rows[i].op, rows[i].values, rows[i].have, many);
        if (t != (rows[i].holds ? POLICY_YES : POLICY_NO)) {
            test_failed(__FILE__, __LINE__, "%s %s of %s is %d", rows[i].op, rows[i].values,
                        rows[i].have == NULL ? "(absent)" : rows[i].have, (int)t);
        }
    }
}

/* clang-format off */
static const struct row rows[] = {
    {"StringEquals", "\"a\"", "a", true}, {"StringEquals", "\"a\"", "A", false},
    {"StringEquals", "[\"b\", \"a\"]", "a", true}, {"StringEquals", "[]", "a", false},
    {"StringEquals", "\"a*\"", "ab", false}, {"StringEquals", "\"\"", "", true},
    {"StringEquals", "5", "5", true}, {"StringEquals", "true", "true", true},
    {"StringNotEquals", "\"a\"", "a", false}, {"StringNotEquals", "\"a\"", "b", true},
    {"StringNotEquals", "[\"a\", \"b\"]", "b", false}, {"StringNotEquals", "[]", "a", true},
    {"StringEqualsIgnoreCase", "\"aB\"", "Ab", true}, {"StringEqualsIgnoreCase", "\"a\"", "b", false},
    {"StringNotEqualsIgnoreCase", "\"aB\"", "Ab", false}, {"StringNotEqualsIgnoreCase", "\"a\"", "b", true},
    {"StringLike", "\"a*c?\"", "abbcd", true}, {"StringLike", "\"a*c?\"", "abbc", false},
    {"StringLike", "\"A*\"", "a", false}, {"StringLike", "\"*\"", "", true},
    {"StringNotLike", "\"a*\"", "ab", false}, {"StringNotLike", "[\"a*\", \"b\"]", "c", true},
    {"NumericEquals", "\"10\"", "10.0", true}, {"NumericEquals", "10", "1e1", true},
    {"NumericEquals", "\"-0\"", "0", true}, {"NumericEquals", "\"0.10\"", "00.1", true},
    {"NumericEquals", "1", "2", false}, {"NumericEquals", "1", "x", false},
    {"NumericEquals", "12345678901234567890123456789", "12345678901234567890123456788", false},
    {"NumericNotEquals", "1", "2", true}, {"NumericNotEquals", "1", "1", false},
    {"NumericNotEquals", "1", "x", true},
    {"NumericLessThan", "10", "9.99", true}, {"NumericLessThan", "10", "10", false},
    {"NumericLessThan", "-1", "-2", true}, {"NumericLessThan", "-2", "-1", false},
    {"NumericLessThan", "0", "-0.001", true}, {"NumericLessThan", "0.01", "0.009", true},
    {"NumericLessThanEquals", "10", "10", true}, {"NumericLessThanEquals", "10", "11", false},
    {"NumericGreaterThan", "10", "11", true}, {"NumericGreaterThan", "10", "10", false},
    {"NumericGreaterThan", "[10, 20]", "11", true}, {"NumericGreaterThan", "0.5", "0.25", false},
    {"NumericGreaterThanEquals", "10", "10", true}, {"NumericGreaterThanEquals", "10", "9", false},
    {"DateEquals", "\"2026-09-23T00:00:00Z\"", "2026-09-23", true},
    {"DateEquals", "\"2026-09-23T09:00+09:00\"", "2026-09-23T00:00Z", true},
    {"DateEquals", "\"1970-01-02\"", "86400", true}, {"DateEquals", "86400", "1970-01-02T00:00:00.000Z", true},
    {"DateEquals", "\"1969-12-31T23:59:59Z\"", "-1", true}, {"DateEquals", "\"2000-03-01\"", "951868800", true},
    {"DateEquals", "\"2026\"", "2026-01-01", true}, {"DateEquals", "\"2026-02\"", "2026-02-01", true},
    {"DateEquals", "\"2026-09-23\"", "x", false}, {"DateEquals", "\"2026-09-23\"", "2026-09-24", false},
    {"DateEquals", "\"2026-01-01T00:00:00.5Z\"", "2026-01-01T00:00:00.25Z", false},
    {"DateNotEquals", "\"2026-09-23\"", "2026-09-24", true}, {"DateNotEquals", "\"2026\"", "2026-01-01", false},
    {"DateLessThan", "\"2026-09-23\"", "2026-09-22T23:59:59.999Z", true}, {"DateLessThan", "\"2026-09-23\"", "2026-09-23", false},
    {"DateLessThanEquals", "\"2026-09-23\"", "2026-09-23", true}, {"DateLessThanEquals", "\"2026\"", "2027", false},
    {"DateGreaterThan", "\"2026-01-01T00:00:00.25Z\"", "2026-01-01T00:00:00.3Z", true}, {"DateGreaterThan", "\"2026\"", "2026", false},
    {"DateGreaterThanEquals", "\"2026\"", "2026", true}, {"DateGreaterThanEquals", "\"2026\"", "2025-12-31", false},
    {"Bool", "\"TRUE\"", "true", true}, {"Bool", "false", "False", true}, {"Bool", "true", "false", false},
    {"Bool", "true", "1", false},
    {"BinaryEquals", "\"QmluYXJ5\"", "QmluYXJ5", true}, {"BinaryEquals", "\"QQ==\"", "QQ", true},
    {"BinaryEquals", "\"QQ==\"", "QR==", true}, {"BinaryEquals", "\"QQ==\"", "Qg==", false},
    {"BinaryEquals", "\"QQ==\"", "qQ==", false}, {"BinaryEquals", "\"QUI=\"", "QUJD", false},
    {"IpAddress", "\"203.0.113.0/24\"", "203.0.113.9", true}, {"IpAddress", "\"203.0.113.0/24\"", "203.0.114.9", false},
    {"IpAddress", "\"203.0.113.128/25\"", "203.0.113.127", false}, {"IpAddress", "\"0.0.0.0/0\"", "1.2.3.4", true},
    {"IpAddress", "\"203.0.113.9\"", "203.0.113.9", true}, {"IpAddress", "\"0.0.0.0/0\"", "2001:db8::1", false},
    {"IpAddress", "\"2001:db8::/33\"", "2001:db8:7fff::1", true}, {"IpAddress", "\"2001:db8::/33\"", "2001:db8:8000::1", false},
    {"IpAddress", "\"2001:db8::1\"", "2001:db8::2", false}, {"IpAddress", "\"0.0.0.0/0\"", "x", false},
    {"NotIpAddress", "\"203.0.113.0/24\"", "203.0.113.9", false}, {"NotIpAddress", "[\"10.0.0.0/8\", \"::/0\"]", "203.0.113.9", true},
    {"ArnEquals", "\"arn:aws:s3:::b\"", "arn:aws:s3:::b", true}, {"ArnEquals", "\"arn:aws:s3:::*\"", "arn:aws:s3:::b:c:d", true},
    {"ArnLike", "\"arn:aws:elasticloadbalancing:*:111122223333:loadbalancer/*\"", "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/a/b", true},
    {"ArnLike", "\"arn:aws:elasticloadbalancing:*\"", "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/a/b", false},
    {"ArnLike", "\"arn:*:b\"", "arn:aws:s3:::b", false}, {"ArnLike", "\"*\"", "arn:aws:s3:::b", false},
    {"ArnLike", "\"arn:aws:s3:*:*:b\"", "arn:aws:s3:::b", true}, {"ArnLike", "\"arn:aws:s3:::b\"", "b", false},
    {"ArnNotEquals", "\"arn:aws:s3:::b\"", "arn:aws:s3:::b", false}, {"ArnNotEquals", "\"arn:aws:s3:::b\"", "arn:aws:s3:::c", true},
    {"ArnNotLike", "\"arn:aws:s3:::b*\"", "arn:aws:s3:::bc", false}, {"ArnNotLike", "\"arn:*\"", "arn:aws:s3:::b", true},
    {"Null", "true", NULL, true}, {"Null", "\"true\"", "x", false}, {"Null", "false", "", true},
    {"Null", "\"False\"", NULL, false}, {"Null", "[true, false]", NULL, true}, {"Null", "[]", NULL, false},
};
static const struct row many_rows[] = {
    {"StringEquals", "\"a\"", "b|a", true}, {"StringEquals", "\"a\"", "b|c", false},
    {"StringNotEquals", "\"a\"", "b|a", false}, {"StringNotEquals", "\"a\"", "b|c", true},
    {"ForAllValues:StringEquals", "[\"a\", \"b\"]", "b|a", true}, {"ForAllValues:StringEquals", "[\"a\", \"b\"]", "a|c", false},
    {"ForAnyValue:StringEquals", "\"a\"", "c|a", true}, {"ForAnyValue:StringEquals", "\"a\"", "c|b", false},
    {"ForAllValues:StringNotEquals", "\"a\"", "c|b", true}, {"ForAllValues:StringNotEquals", "\"a\"", "c|a", false},
    {"ForAnyValue:StringNotEquals", "\"a\"", "c|a", true}, {"ForAnyValue:StringNotEquals", "\"a\"", "a|a", false},
    {"ForAllValues:StringLike", "\"a*\"", "a1|a2", true}, {"ForAnyValue:ArnLike", "\"arn:aws:s3:::b*\"", "x|arn:aws:s3:::bb", true},
    {"ForAllValues:NumericLessThan", "5", "1|4.5", true}, {"ForAnyValue:NumericGreaterThan", "5", "1|4.5", false},
    {"ForAllValues:StringEqualsIfExists", "\"a\"", "b", false}, {"ForAnyValue:StringEqualsIfExists", "\"a\"", "b", false},
};
/* clang-format on */

TEST("operators on a key with one value")
{
    check_rows(rows, COUNT_OF(rows), false);
}

TEST("operators on a key with many values")
{
    check_rows(many_rows, COUNT_OF(many_rows), true);
}

/* A value that each family takes. */
static const char *const fitting[POLICY_FAMILY_COUNT] = {
    "\"a\"", "\"a\"", "\"a\"", "1", "2026", "true", "\"QQ==\"", "\"::1\"", "\"a\"", "true"};

struct named {
    const char *name;
    enum policy_family family;
    bool negated;
};
static const struct named operators[] = {
#define OPERATOR(name, family, relation, negated) {#name, POLICY_FAMILY_##family, negated},
#include "policy/operators.def"
#undef OPERATOR
};

TEST("every operator on an absent key, with each suffix and prefix")
{
    static const char *const prefixes[] = {"", "ForAllValues:", "ForAnyValue:"};
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        const struct named *o = &operators[i];
        for (size_t set = 0; o->family != POLICY_FAMILY_NULL && set < 3; set++) {
            char op[128];
            const char *value = fitting[o->family];
            bool expected = set == 1 || (set == 0 && o->negated);
            (void)snprintf(op, sizeof(op), "%s%s", prefixes[set], o->name);
            CHECK_INT(truth_with(op, value, NULL, set > 0), expected ? POLICY_YES : POLICY_NO);
            (void)snprintf(op, sizeof(op), "%s%sIfExists", prefixes[set], o->name);
            CHECK_INT(truth_with(op, value, NULL, set > 0), POLICY_YES);
            /* a key that is there without a value is absent */
            const struct policy_key none = {STR("aws:k"), POLICY_PRESENT, NULL, 0, true};
            CHECK_INT(truth_of(op, value, &none, 1, "2012-10-17"), POLICY_YES);
        }
    }
}

TEST("a key that may come leaves the answer open, unless both ways are the same")
{
    const struct str a = STR("a");
    const struct policy_key any = {STR("aws:k"), POLICY_MAYBE, NULL, 0, false};
    const struct policy_key known = {STR("aws:k"), POLICY_MAYBE, &a, 1, false};
    const char *const v = "2012-10-17";
    CHECK_INT(truth_of("StringEquals", "\"a\"", &any, 1, v), POLICY_UNKNOWN);
    CHECK_INT(truth_of("StringEqualsIfExists", "\"a\"", &any, 1, v), POLICY_UNKNOWN);
    CHECK_INT(truth_of("StringNotEquals", "\"a\"", &any, 1, v), POLICY_UNKNOWN);
    CHECK_INT(truth_of("ForAnyValue:StringEquals", "\"a\"", &any, 1, v), POLICY_UNKNOWN);
    CHECK_INT(truth_of("Null", "true", &any, 1, v), POLICY_UNKNOWN);
    CHECK_INT(truth_of("Null", "[true, false]", &any, 1, v), POLICY_YES);
    CHECK_INT(truth_of("StringEquals", "\"a\"", &known, 1, v), POLICY_UNKNOWN);
    CHECK_INT(truth_of("StringEqualsIfExists", "\"a\"", &known, 1, v), POLICY_YES);
    CHECK_INT(truth_of("StringEquals", "\"b\"", &known, 1, v), POLICY_NO);
    CHECK_INT(truth_of("StringNotEquals", "\"b\"", &known, 1, v), POLICY_YES);
}

/* ---- variables ---- */

TEST("variables")
{
    const struct str one = STR("jan*e"), two[] = {STR("x"), STR("y")}, arn = STR("arn:aws:s3:::b");
    static const struct {
        const char *op, *values, *have;
        enum policy_truth expected, expected_2008;
    } table[] = {
        {"StringEquals", "\"${aws:username}\"", "jan*e", POLICY_YES, POLICY_NO},
        {"StringEquals", "\"${AWS:UserName}/x\"", "jan*e/x", POLICY_YES, POLICY_NO},
        {"StringEquals", "\"${aws:username}\"", "${aws:username}", POLICY_NO, POLICY_YES},
        {"StringLike", "\"${aws:username}\"", "janXe", POLICY_NO, POLICY_NO},
        {"StringLike", "\"${aws:username}*\"", "jan*e/x", POLICY_YES, POLICY_NO},
        {"StringLike", "\"a${*}b\"", "axb", POLICY_NO, POLICY_NO},
        {"StringLike", "\"a${*}b${?}${$}\"", "a*b?$", POLICY_YES, POLICY_NO},
        {"StringEquals", "\"${$}{x}\"", "${x}", POLICY_YES, POLICY_NO},
        {"StringEquals", "\"${aws:none, 'd}ef'}!\"", "d}ef!", POLICY_YES, POLICY_NO},
        {"StringEquals", "\"${aws:username, 'def'}\"", "jan*e", POLICY_YES, POLICY_NO},
        {"StringEquals", "\"${aws:none}\"", "", POLICY_NO, POLICY_NO},
        {"StringNotEquals", "\"${aws:none}\"", "a", POLICY_YES, POLICY_YES},
        {"StringEquals", "[\"${aws:none}\", \"a\"]", "a", POLICY_YES, POLICY_YES},
        {"StringEquals", "\"${aws:two}\"", "x", POLICY_NO, POLICY_NO},
        {"StringEquals", "\"${aws:two, 'x'}\"", "x", POLICY_YES, POLICY_NO},
        {"StringEquals", "\"${aws:maybe}\"", "x", POLICY_UNKNOWN, POLICY_NO},
        {"StringNotEquals", "\"${aws:maybe}\"", "x", POLICY_UNKNOWN, POLICY_YES},
        {"StringEquals", "[\"${aws:maybe}\", \"x\"]", "x", POLICY_YES, POLICY_YES},
        {"StringEquals", "\"${aws:username\"", "${aws:username", POLICY_YES, POLICY_YES},
        {"StringEquals", "\"${}$\"", "${}$", POLICY_YES, POLICY_YES},
        {"ArnEquals", "\"${aws:arn}\"", "arn:aws:s3:::b", POLICY_YES, POLICY_NO},
        {"ArnLike", "\"arn:aws:s3:::${aws:username}\"", "arn:aws:s3:::janXe", POLICY_NO, POLICY_NO},
        {"ArnLike", "\"arn:*:s3:::${aws:username}\"", "arn:aws:s3:::jan*e", POLICY_YES, POLICY_NO},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct sent s = split(table[i].have);
        const struct policy_key keys[] = {
            {STR("aws:k"), POLICY_PRESENT, s.values, s.count, false},
            {STR("aws:username"), POLICY_PRESENT, &one, 1, false},
            {STR("aws:two"), POLICY_PRESENT, two, 2, true},
            {STR("aws:maybe"), POLICY_MAYBE, NULL, 0, false},
            {STR("aws:arn"), POLICY_PRESENT, &arn, 1, false},
        };
        enum policy_truth t = truth_of(table[i].op, table[i].values, keys, 5, "2012-10-17");
        enum policy_truth old = truth_of(table[i].op, table[i].values, keys, 5, "2008-10-17");
        if (t != table[i].expected || old != table[i].expected_2008) {
            test_failed(__FILE__, __LINE__, "%s %s: %d, in 2008 %d", table[i].op, table[i].values,
                        (int)t, (int)old);
        }
    }
}

TEST("a value that grows beyond its limit matches nothing")
{
    AUTO(buf_free) struct buf text = {0}, value = {0};
    for (size_t i = 0; i < LIMIT_POLICY_EXPANDED_MAX / 2; i++) {
        buf_add_char(&text, 'a');
    }
    buf_add_z(&value, "\"${aws:t}${aws:t}\"");
    struct str half = buf_str(&text);
    for (size_t extra = 0; extra < 2; extra++) {
        AUTO(buf_free) struct buf whole = {0};
        buf_add_str(&whole, half);
        buf_add_str(&whole, half);
        buf_add_z(&whole, extra ? "b" : "");
        struct str have = buf_str(&whole);
        const struct policy_key keys[] = {{STR("aws:k"), POLICY_PRESENT, &have, 1, false},
                                          {STR("aws:t"), POLICY_PRESENT, &half, 1, false}};
        const char *want = extra ? "\"${aws:t}${aws:t}b\"" : "\"${aws:t}${aws:t}\"";
        CHECK_INT(truth_of("StringEquals", want, keys, 2, "2012-10-17"),
                  extra ? POLICY_NO : POLICY_YES);
    }
}

/* ---- wildcards ---- */

/* The plain definition, by a table. */
static bool
oracle_matches(struct str p, struct str t)
{
    bool m[16][16] = {{false}};
    m[0][0] = true;
    for (size_t i = 1; i <= p.n; i++) {
        m[i][0] = m[i - 1][0] && p.p[i - 1] == '*';
        for (size_t j = 1; j <= t.n; j++) {
            m[i][j] = p.p[i - 1] == '*'
                          ? m[i - 1][j] || m[i][j - 1]
                          : m[i - 1][j - 1] && (p.p[i - 1] == '?' || p.p[i - 1] == t.p[j - 1]);
        }
    }
    return m[p.n][t.n];
}

static struct str
random_text(struct rand *rng, const char *letters, char *to, size_t max)
{
    size_t n = rand_below(rng, max + 1);
    for (size_t i = 0; i < n; i++) {
        to[i] = letters[rand_below(rng, strlen(letters))];
    }
    return (struct str){to, n};
}

TEST("wildcards do what their definition says")
{
    struct rand rng;
    size_t matched = 0;
    rand_seed(&rng, 11);
    for (size_t i = 0; i < 200000; i++) {
        char a[16], b[16];
        struct str pattern = random_text(&rng, "ab*?", a, 9), text = random_text(&rng, "ab", b, 12);
        bool expected = oracle_matches(pattern, text);
        matched += expected;
        if (policy_wildcard_match(pattern, text, false) != expected) {
            test_failed(__FILE__, __LINE__, "%.*s of %.*s", STR_ARG(pattern), STR_ARG(text));
        }
    }
    CHECK(matched > 10000 && matched < 190000);
}

TEST("letter case folds only where it is asked for")
{
    CHECK(policy_wildcard_match(STR("S3:put*"), STR("s3:PutObject"), true));
    CHECK(!policy_wildcard_match(STR("S3:put*"), STR("s3:PutObject"), false));
    CHECK(!policy_wildcard_match(STR("[\xc3"), STR("{\xe3"), true));
    CHECK(policy_wildcard_match(STR_NONE, STR_NONE, false));
    CHECK(policy_wildcard_match(STR("**"), STR_NONE, false));
    CHECK(!policy_wildcard_match(STR("?"), STR_NONE, false));
}

TEST("a pattern of nothing but traps costs pattern times text at most")
{
    AUTO(buf_free) struct buf pattern = {0}, text = {0};
    uint64_t work = 0;
    for (size_t i = 0; i < 10240; i++) {
        buf_add_z(&pattern, i == 10239 ? "*b" : "*a");
        buf_add_z(&text, "aa");
    }
    CHECK(!policy_wildcard_run(buf_str(&pattern), NULL, buf_str(&text), false, &work));
    CHECK(work <= 3 * (pattern.n + text.n));
    buf_reset(&pattern);
    buf_add_char(&pattern, '*');
    for (size_t i = 0; i < 2000; i++) {
        buf_add_char(&pattern, i == 1999 ? 'b' : 'a');
    }
    work = 0;
    CHECK(!policy_wildcard_run(buf_str(&pattern), NULL, buf_str(&text), false, &work));
    CHECK(work <= (pattern.n + 1) * (text.n + 1));
    CHECK(work > text.n);
}

TEST("likeness looks past what is the same, and stars cost nothing")
{
    CHECK_INT(policy_unlikeness(STR("abc*"), STR("abcdefg")), 0);
    CHECK_INT(policy_unlikeness(STR("a/AWSLogs/*"), STR("a/edge/AWSLogs/1")), 5);
    CHECK_INT(policy_unlikeness(STR("abc"), STR("abd")), 1);
    CHECK_INT(policy_unlikeness(STR(""), STR("ab")), 2);
    CHECK_INT(policy_unlikeness(STR("a?c"), STR("abc")), 0);
}

/* ---- the logic of operators, sets and absence, against its plain definition ---- */

static bool
oracle(const char *set, bool negated, bool if_exists, struct str wants, struct str have, bool sent)
{
    bool all = true, any = false, none = true;
    if (!sent || have.n == 0) {
        return if_exists || strcmp(set, "ForAllValues:") == 0 || (negated && set[0] == '\0');
    }
    for (size_t i = 0; i < have.n; i++) {
        bool in = str_find_char(wants, have.p[i], NULL);
        all = all && in != negated;
        any = any || in != negated;
        none = none && !in;
    }
    if (set[0] == '\0') {
        return negated ? none : any;
    }
    return strcmp(set, "ForAllValues:") == 0 ? all : any;
}

TEST("sets, negation and absence together")
{
    static const char *const sets[] = {"", "ForAllValues:", "ForAnyValue:"};
    struct rand rng;
    rand_seed(&rng, 12);
    for (size_t round = 0; round < 4000; round++) {
        char a[4], b[4], op[64], values[64] = "[";
        struct str wants = random_text(&rng, "abc", a, 3), have = random_text(&rng, "abc", b, 3);
        struct str sent[3];
        const char *set = sets[rand_below(&rng, 3)];
        bool negated = rand_below(&rng, 2), if_exists = rand_below(&rng, 2);
        bool is_sent = rand_below(&rng, 4) > 0;
        for (size_t i = 0; i < wants.n; i++) {
            size_t n = strlen(values);
            (void)snprintf(values + n, sizeof(values) - n, "%s\"%c\"", i > 0 ? "," : "",
                           wants.p[i]);
        }
        (void)snprintf(values + strlen(values), sizeof(values) - strlen(values), "]");
        for (size_t i = 0; i < have.n; i++) {
            sent[i] = str_sub(have, i, 1);
        }
        (void)snprintf(op, sizeof(op), "%s%s%s", set, negated ? "StringNotEquals" : "StringEquals",
                       if_exists ? "IfExists" : "");
        const struct policy_key key = {STR("aws:k"), POLICY_PRESENT, sent, have.n, true};
        bool expected = oracle(set, negated, if_exists, wants, have, is_sent);
        enum policy_truth t = truth_of(op, values, &key, is_sent, "2012-10-17");
        if (t != (expected ? POLICY_YES : POLICY_NO)) {
            test_failed(__FILE__, __LINE__, "%s %s of %.*s (%d)", op, values, STR_ARG(have),
                        is_sent);
        }
    }
}

TEST_MAIN
