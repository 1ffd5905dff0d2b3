/* SPDX-License-Identifier: Apache-2.0
 * Deciding: the vectors of log delivery, principals, what is not known, and the reasons given. */
#include "policy/policy_int.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/test.h"

#define SERVICE "logdelivery.elasticloadbalancing.amazonaws.com"
#define TEST_FILE "arn:aws:s3:::logs/edge/AWSLogs/111122223333/ELBAccessLogTestFile"

static const struct str true_value = STR("true"), service_name = STR(SERVICE);
static const struct str source_arn =
    STR("arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/x/1");
static const struct policy_key delivery_keys[] = {
    {STR("aws:SecureTransport"), POLICY_PRESENT, &true_value, 1, false},
    {STR("aws:PrincipalIsAWSService"), POLICY_PRESENT, &true_value, 1, false},
    {STR("aws:PrincipalServiceName"), POLICY_PRESENT, &service_name, 1, false},
    {STR("aws:SourceArn"), POLICY_PRESENT, &source_arn, 1, false},
    {STR("s3:x-amz-acl"), POLICY_MAYBE, NULL, 0, false},
};
static const struct policy_request delivery = {
    .caller = {.kind = POLICY_CALLER_SERVICE, .service = STR(SERVICE)},
    .action = STR("s3:PutObject"),
    .resource = STR(TEST_FILE),
    .keys = delivery_keys,
    .key_count = 3, /* tests that need more of them say so */
};
static const struct policy_scope logs = {STR("logs"), STR("aws")};

static struct policy *
read_all(const char *text)
{
    struct policy *p = NULL;
    struct policy_problems problems;
    if (policy_read(str_of(text), &logs, &p, &problems) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s: %s \"%s\"", text,
                    policy_fault_word(problems.items[0].fault), problems.items[0].value);
    }
    return p;
}

static struct policy_decision
decide(const char *text, const struct policy_request *request, struct policy_trace *trace)
{
    struct policy_decision d = {POLICY_IMPLICIT_DENY, -2, STR_NONE}, plain = d;
    struct policy *p = read_all(text);
    if (p != NULL) {
        policy_decide(p, request, trace, &d);
        policy_decide(p, request, NULL, &plain);
        CHECK(d.answer == plain.answer && d.statement == plain.statement);
    }
    /* the key lives as long as the policy: compare a copy that does */
    static char key[128];
    CHECK(str_copy_z(d.key, key, sizeof(key)));
    d.key = str_of(key);
    policy_free(&p);
    return d;
}

/* clang-format off */
#define POLICY(statements) "{\"Version\": \"2012-10-17\", \"Statement\": [" statements "]}"
#define ALLOW(principal, action, resource, rest) "{\"Effect\": \"Allow\", \"Principal\": " principal ", \"Action\": \"" action \
    "\", \"Resource\": \"arn:aws:s3:::" resource "\"" rest "}"
#define DENY(rest) ", {\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"s3:*\", \"Resource\": \"*\", \"Condition\": {" rest "}}"
#define TO_SERVICE "{\"Service\": \"" SERVICE "\"}"
#define PATH "logs/edge/AWSLogs/111122223333/*"
#define RIGHT ALLOW(TO_SERVICE, "s3:PutObject", PATH, "")
#define IF(condition) ", \"Condition\": {" condition "}"

static const struct {
    const char *number, *text;
    enum policy_answer answer;
    const char *key;
    size_t keys;
} vectors[] = {
    {"1", POLICY(RIGHT), POLICY_ALLOW, "", 3},
    {"2", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/AWSLogs/111122223333/*", "")), POLICY_IMPLICIT_DENY, "", 3},
    {"3", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/edge/AWSLogs/222233334444/*", "")), POLICY_IMPLICIT_DENY, "", 3},
    {"4", POLICY(ALLOW(TO_SERVICE, "s3:putobject", PATH, "")), POLICY_ALLOW, "", 3},
    {"5", POLICY(ALLOW(TO_SERVICE, "s3:Put*", PATH, "")), POLICY_ALLOW, "", 3},
    {"6", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/*", "")), POLICY_ALLOW, "", 3},
    {"8, absent", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"StringEquals\": {\"s3:x-amz-acl\": \"bucket-owner-full-control\"}"))), POLICY_IMPLICIT_DENY, "", 3},
    {"8", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"StringEquals\": {\"s3:x-amz-acl\": \"bucket-owner-full-control\"}"))), POLICY_DEPENDS, "s3:x-amz-acl", 5},
    {"9", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"StringEqualsIfExists\": {\"s3:x-amz-acl\": \"bucket-owner-full-control\"}"))), POLICY_ALLOW, "", 3},
    {"10", POLICY(RIGHT DENY("\"Bool\": {\"aws:SecureTransport\": \"false\"}")), POLICY_ALLOW, "", 3},
    {"11", POLICY(RIGHT DENY("\"StringNotEquals\": {\"aws:SourceVpce\": \"vpce-1\"}")), POLICY_EXPLICIT_DENY, "", 3},
    {"12", POLICY(RIGHT DENY("\"StringNotEqualsIfExists\": {\"aws:SourceVpce\": \"vpce-1\"}")), POLICY_EXPLICIT_DENY, "", 3},
    {"13", POLICY(RIGHT DENY("\"StringNotEquals\": {\"s3:x-amz-server-side-encryption\": \"aws:kms\"}")), POLICY_EXPLICIT_DENY, "", 3},
    {"14", POLICY(RIGHT DENY("\"Null\": {\"s3:x-amz-server-side-encryption\": \"true\"}")), POLICY_EXPLICIT_DENY, "", 3},
    {"15", POLICY(RIGHT DENY("\"StringNotEquals\": {\"aws:SourceVpce\": \"vpce-1\"}, \"Bool\": {\"aws:PrincipalIsAWSService\": \"false\"}")), POLICY_ALLOW, "", 3},
    {"16", POLICY(ALLOW("{\"AWS\": \"054676820928\"}", "s3:PutObject", PATH, "")), POLICY_IMPLICIT_DENY, "", 3},
    {"17", POLICY(ALLOW("{\"Service\": \"delivery.logs.amazonaws.com\"}", "s3:PutObject", PATH, "")), POLICY_IMPLICIT_DENY, "", 3},
    {"18", POLICY(ALLOW("{\"Service\": \"logdelivery.elb.amazonaws.com\"}", "s3:PutObject", PATH, "")), POLICY_IMPLICIT_DENY, "", 3},
    {"19", "{\"Statement\": [" ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"StringEquals\": {\"aws:PrincipalServiceName\": \"${aws:PrincipalServiceName}\"}")) "]}", POLICY_IMPLICIT_DENY, "", 3},
    {"19, resource", "{\"Statement\": [" ALLOW(TO_SERVICE, "s3:PutObject", "logs/${aws:PrincipalServiceName}/*", "") "]}", POLICY_IMPLICIT_DENY, "", 3},
    {"20", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"StringEquals\": {\"aws:PrincipalServiceName\": \"${aws:PrincipalServiceName}\"}"))), POLICY_ALLOW, "", 3},
    {"21", POLICY(ALLOW("\"*\"", "s3:PutObject", PATH, IF("\"ArnLike\": {\"aws:SourceArn\": \"arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/*\"}"))), POLICY_ALLOW, "", 4},
    {"21, not sent", POLICY(ALLOW("\"*\"", "s3:PutObject", PATH, IF("\"ArnLike\": {\"aws:SourceArn\": \"arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/*\"}"))), POLICY_IMPLICIT_DENY, "", 3},
    {"22", POLICY(ALLOW("\"*\"", "s3:PutObject", PATH, IF("\"ArnLike\": {\"aws:SourceArn\": \"arn:aws:elasticloadbalancing:*\"}"))), POLICY_IMPLICIT_DENY, "", 4},
    {"23", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"ForAllValues:StringEquals\": {\"aws:none\": \"x\"}"))), POLICY_ALLOW, "", 3},
    {"open deny beside an allow", POLICY(RIGHT DENY("\"StringEquals\": {\"s3:x-amz-acl\": \"private\"}")), POLICY_DEPENDS, "s3:x-amz-acl", 5},
    {"open deny where nothing is allowed", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/x", "") DENY("\"StringEquals\": {\"s3:x-amz-acl\": \"private\"}")), POLICY_IMPLICIT_DENY, "", 5},
    {"sure deny beside an open one", POLICY(RIGHT DENY("\"StringEquals\": {\"s3:x-amz-acl\": \"private\"}") DENY("\"Bool\": {\"aws:SecureTransport\": true}")), POLICY_EXPLICIT_DENY, "", 5},
    {"open allow beside a sure one", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"Null\": {\"s3:x-amz-acl\": true}")) "," RIGHT), POLICY_ALLOW, "", 5},
    {"open condition beside one that misses", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", PATH, IF("\"Null\": {\"s3:x-amz-acl\": true}, \"Bool\": {\"aws:SecureTransport\": false}"))), POLICY_IMPLICIT_DENY, "", 5},
    {"variable not known in a resource", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/${s3:x-amz-acl}/*", "")), POLICY_DEPENDS, "s3:x-amz-acl", 5},
    {"variable without value in a resource", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/*${aws:none}*", "")), POLICY_IMPLICIT_DENY, "", 5},
    {"variable with a default in a resource", POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/${aws:none, 'edge'}/*", "")), POLICY_ALLOW, "", 5},
    {"service relying on AWS *", POLICY(ALLOW("{\"AWS\": \"*\"}", "s3:PutObject", PATH, "")), POLICY_DEPENDS, "Principal", 3},
    {"service denied by AWS *", POLICY(RIGHT ", {\"Effect\": \"Deny\", \"Principal\": {\"AWS\": \"*\"}, \"Action\": \"*\", \"Resource\": \"*\"}"), POLICY_EXPLICIT_DENY, "", 3},
    {"not this action", POLICY("{\"Effect\": \"Allow\", \"Principal\": \"*\", \"NotAction\": \"s3:Put*\", \"Resource\": \"*\"}"), POLICY_IMPLICIT_DENY, "", 3},
    {"not another action", POLICY("{\"Effect\": \"Allow\", \"Principal\": \"*\", \"NotAction\": [\"s3:Get*\"], \"Resource\": \"*\"}"), POLICY_ALLOW, "", 3},
    {"not this resource", POLICY("{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"*\", \"NotResource\": \"arn:aws:s3:::logs/edge/*\"}"), POLICY_IMPLICIT_DENY, "", 3},
    {"not another resource", POLICY("{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"*\", \"NotResource\": \"arn:aws:s3:::logs/Edge/*\"}"), POLICY_ALLOW, "", 3},
    {"not this principal", POLICY("{\"Effect\": \"Allow\", \"NotPrincipal\": " TO_SERVICE ", \"Action\": \"*\", \"Resource\": \"*\"}"), POLICY_IMPLICIT_DENY, "", 3},
    {"deny all but humans", POLICY(RIGHT ", {\"Effect\": \"Deny\", \"NotPrincipal\": {\"AWS\": \"111122223333\"}, \"Action\": \"*\", \"Resource\": \"*\"}"), POLICY_EXPLICIT_DENY, "", 3},
    {"deny all but the service", POLICY(RIGHT ", {\"Effect\": \"Deny\", \"NotPrincipal\": " TO_SERVICE ", \"Action\": \"*\", \"Resource\": \"*\"}"), POLICY_ALLOW, "", 3},
};

TEST("the vectors of log delivery, and what is not known")
{
    static struct policy_trace trace;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct policy_request r = delivery;
        r.key_count = vectors[i].keys;
        struct policy_decision d = decide(vectors[i].text, &r, &trace);
        if (d.answer != vectors[i].answer || !str_eq(d.key, str_of(vectors[i].key))) {
            test_failed(__FILE__, __LINE__, "%s: %s (%.*s)", vectors[i].number, policy_answer_word(d.answer), STR_ARG(d.key));
        }
    }
}

TEST("the vectors that are no policy")
{
    static const struct { const char *text; enum policy_fault fault; } rows[] = {
        {POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs", "")), POLICY_FAULT_ACTION_FIT},                      /* 7 */
        {POLICY("{\"Effect\": \"allow\", \"Principal\": \"*\", \"Action\": \"*\", \"Resource\": \"*\"}"), POLICY_FAULT_EFFECT_VALUE}, /* 24 */
        {POLICY("{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"*\", \"Resource\": \"arn:aws-cn:s3:::logs/*\"}"), POLICY_FAULT_RESOURCE_PARTITION}, /* 25 */
        {"\n" POLICY(RIGHT), POLICY_FAULT_LEADING_NEWLINE}, /* 26 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy *p = NULL;
        struct policy_problems problems;
        CHECK_INT(policy_read(str_of(rows[i].text), &logs, &p, &problems), ERR_INVALID);
        CHECK_INT(problems.count, 1);
        CHECK_INT(problems.items[0].fault, rows[i].fault);
    }
}

/* ---- principals ---- */

#define USER "arn:aws:iam::111122223333:user/a/jane"
#define ROLE "arn:aws:iam::111122223333:role/r"
#define SESSION "arn:aws:sts::111122223333:assumed-role/r/s"
#define ROOT "arn:aws:iam::111122223333:root"
#define CANON "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
static const struct policy_caller callers[] = {
    {.kind = POLICY_CALLER_ANONYMOUS},
    {.kind = POLICY_CALLER_IDENTITY, .arn = STR(USER), .account = STR("111122223333")},
    {.kind = POLICY_CALLER_IDENTITY, .arn = STR(SESSION), .role = STR(ROLE), .account = STR("111122223333")},
    {.kind = POLICY_CALLER_IDENTITY, .arn = STR(ROOT), .account = STR("111122223333")},
    {.kind = POLICY_CALLER_IDENTITY, .arn = STR("arn:aws:iam::054676820928:root"), .account = STR("054676820928")},
    {.kind = POLICY_CALLER_SERVICE, .service = STR("a.amazonaws.com")},
};
static const struct {
    const char *principal;
    const char *allow, *deny, *not_allow, *not_deny; /* per caller: n, u, y */
} principals[] = {
    {"\"*\"",                              "yyyyyy", "yyyyyy", "nnnnnn", "nnnnnn"},
    {"{\"AWS\": \"*\"}",                   "yyyyyu", "yyyyyy", "nnnnnu", "nnnnnn"},
    {"{\"AWS\": \"111122223333\"}",        "nyyynn", "nyyynn", "ynnnyy", "yyynyy"},
    {"{\"AWS\": \"" ROOT "\"}",            "nyyynn", "nyyynn", "ynnnyy", "yyynyy"},
    {"{\"AWS\": \"054676820928\"}",        "nnnnyn", "nnnnyn", "yyyyny", "yyyyny"},
    {"{\"AWS\": \"" USER "\"}",            "nynnnn", "nynnnn", "ynyyyy", "yyyyyy"},
    {"{\"AWS\": \"" ROLE "\"}",            "nnynnn", "nnynnn", "yynyyy", "yyyyyy"},
    {"{\"AWS\": \"" SESSION "\"}",         "nnynnn", "nnynnn", "yynyyy", "yyyyyy"},
    {"{\"AWS\": [\"" USER "\", \"" ROOT "\"]}", "nyyynn", "nyyynn", "ynnnyy", "ynynyy"},
    {"{\"AWS\": [\"" ROLE "\", \"" SESSION "\", \"111122223333\"]}", "nyyynn", "nyyynn", "ynnnyy", "yynnyy"},
    {"{\"Service\": [\"b.amazonaws.com\", \"a.amazonaws.com\"]}", "nnnnny", "nnnnny", "yyyyyn", "yyyyyn"},
    {"{\"Service\": \"b.amazonaws.com\", \"AWS\": \"" USER "\"}", "nynnnn", "nynnnn", "ynyyyy", "yyyyyy"},
    {"{\"AWS\": \"arn:aws:iam::111122223333:user/a/Jane\"}", "nnnnnn", "nnnnnn", "yyyyyy", "yyyyyy"},
    {"{\"CanonicalUser\": \"" CANON "\"}", "nuuuun", "nuuuun", "yuuuuy", "yuuuuy"},
    {"{\"Federated\": \"accounts.google.com\"}", "nnnnnn", "nnnnnn", "yyyyyy", "yyyyyy"},
};
/* clang-format on */

static void
check_principal(size_t row, const char *effect, const char *element, const char *expected)
{
    static struct policy_trace trace;
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        AUTO(buf_free) struct buf b = {0};
        struct policy_request r = delivery;
        buf_addf(&b,
                 "{\"Statement\": {\"Effect\": \"%s\", \"%s\": %s, \"Action\": \"*\","
                 " \"Resource\": \"*\"}}",
                 effect, element, principals[row].principal);
        r.caller = callers[i];
        trace.count = 0;
        (void)decide(b.p, &r, &trace);
        CHECK_INT(trace.count, 1);
        enum policy_truth t = trace.items[0].steps[0].truth;
        if ("nuy"[t] != expected[i]) {
            test_failed(__FILE__, __LINE__, "%s, caller %zu: %c", b.p, i, "nuy"[t]);
        }
        CHECK_INT(trace.items[0].truth, t);
    }
}

TEST("whom a principal means")
{
    for (size_t i = 0; i < COUNT_OF(principals); i++) {
        check_principal(i, "Allow", "Principal", principals[i].allow);
        check_principal(i, "Deny", "Principal", principals[i].deny);
        check_principal(i, "Allow", "NotPrincipal", principals[i].not_allow);
        check_principal(i, "Deny", "NotPrincipal", principals[i].not_deny);
    }
}

/* ---- reasons ---- */

TEST("each element of each statement has its reason, also after one that missed")
{
    static struct policy_trace trace;
    struct policy *p = read_all(
        POLICY(ALLOW("{\"AWS\": [\"054676820928\"]}", "s3:GetObject", "logs/AWSLogs/111122223333/*",
                     IF("\"StringEquals\": {\"aws:none\": [\"x\", \"y\"]},"
                        " \"Bool\": {\"aws:securetransport\": true}")) "," RIGHT));
    struct policy_decision d;
    policy_decide(p, &delivery, &trace, &d);
    CHECK_INT(d.answer, POLICY_ALLOW);
    CHECK_INT(d.statement, 1);
    CHECK_INT(trace.count, 2);
    const struct policy_reason *r = &trace.items[0];
    CHECK_INT(r->truth, POLICY_NO);
    CHECK_INT(r->missed, 4);
    CHECK_INT(r->step_count, 5);
    CHECK_INT(r->steps[0].element, POLICY_PRINCIPAL);
    CHECK_STR(r->steps[0].value, "054676820928");
    CHECK_STR(r->steps[0].asked, SERVICE);
    CHECK_STR(r->steps[1].value, "s3:GetObject");
    CHECK_STR(r->steps[2].value, "arn:aws:s3:::logs/AWSLogs/111122223333/*");
    CHECK_STR(r->steps[2].asked, TEST_FILE);
    CHECK_STR(r->steps[3].value, "x");
    CHECK(r->steps[3].asked.p == NULL);
    CHECK_STR(r->steps[3].condition->key, "aws:none");
    CHECK_INT(r->steps[4].truth, POLICY_YES);
    CHECK_STR(r->steps[4].asked, "true");
    r = &trace.items[1];
    CHECK_INT(r->truth, POLICY_YES);
    CHECK_INT(r->missed, 0);
    CHECK_STR(r->steps[2].value, "arn:aws:s3:::" PATH);
    policy_free(&p);
}

TEST("the nearest statement missed least, then by the least difference, then comes first")
{
    static const struct {
        const char *text;
        int statement;
    } rows[] = {
        {POLICY(ALLOW("{\"AWS\": \"054676820928\"}", "s3:PutObject", "logs/x/*",
                      "") "," ALLOW(TO_SERVICE, "s3:PutObject", "logs/x/*", "")),
         1},
        {POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/somewhere/else/*",
                      "") "," ALLOW(TO_SERVICE, "s3:PutObject", "logs/AWSLogs/111122223333/*", "")),
         1},
        {POLICY(ALLOW(TO_SERVICE, "s3:PutObject", "logs/x/*",
                      "") "," ALLOW(TO_SERVICE, "s3:PutObject", "logs/x/*", "")),
         0},
        {POLICY("{\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"s3:GetObject\","
                " \"Resource\": \"*\"}"),
         -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy_decision d = decide(rows[i].text, &delivery, NULL);
        CHECK_INT(d.answer, POLICY_IMPLICIT_DENY);
        CHECK_INT(d.statement, rows[i].statement);
    }
}

TEST("of several values the most alike is named")
{
    static struct policy_trace trace;
    struct policy *p =
        read_all(POLICY("{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\":"
                        " [\"s3:DeleteObject\", \"s3:PutObjectAcl\", \"s3:List*\"], \"Resource\":"
                        " [\"arn:aws:s3:::logs\", \"arn:aws:s3:::logs/edge/AWSLogs/11112222333/*\","
                        " \"arn:aws:s3:::logs/*/x\"]}"));
    struct policy_decision d;
    policy_decide(p, &delivery, &trace, &d);
    CHECK_STR(trace.items[0].steps[1].value, "s3:PutObjectAcl");
    CHECK_STR(trace.items[0].steps[2].value, "arn:aws:s3:::logs/edge/AWSLogs/11112222333/*");
    policy_free(&p);
}

TEST("more conditions than a trace holds are all judged, and one that misses is shown")
{
    static struct policy_trace trace;
    for (size_t missing = 0; missing < 2; missing++) {
        AUTO(buf_free) struct buf b = {0};
        buf_add_z(&b, "{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\":"
                      " \"*\", \"Resource\": \"*\", \"Condition\": {\"Null\": {");
        for (size_t i = 0; i < 40; i++) {
            buf_addf(&b, "%s\"aws:k%zu\": %s", i > 0 ? "," : "", i,
                     missing && i == 30 ? "false" : "true");
        }
        buf_add_z(&b, "}}}}");
        struct policy *p = read_all(b.p);
        struct policy_decision d;
        policy_decide(p, &delivery, &trace, &d);
        CHECK_INT(d.answer, missing ? POLICY_IMPLICIT_DENY : POLICY_ALLOW);
        CHECK_INT(trace.items[0].step_count, LIMIT_POLICY_STEPS_MAX);
        CHECK_INT(trace.items[0].missed, missing);
        CHECK_STR(trace.items[0].steps[LIMIT_POLICY_STEPS_MAX - 1].condition->key,
                  missing ? "aws:k30" : "aws:k12");
        policy_free(&p);
    }
}

/* ---- three truth values against trying out every case ---- */

/* A policy of random statements over keys a to c, each of which may be sent with value 1. The
 * answer must agree with all ways in which the keys could come; `depends` may not be said if the
 * statements do not share keys and all ways agree. */
TEST("what is not known is open exactly where it makes a difference")
{
    static const char *const ops[] = {"StringEquals", "StringNotEquals", "StringEqualsIfExists"};
    static const struct str one = STR("1");
    struct rand rng;
    size_t open = 0;
    rand_seed(&rng, 21);
    for (size_t round = 0; round < 3000; round++) {
        AUTO(buf_free) struct buf b = {0};
        size_t count = 1 + rand_below(&rng, 3);
        buf_add_z(&b, "{\"Statement\": [");
        for (size_t i = 0; i < count; i++) {
            /* a key of its own for each statement */
            buf_addf(&b,
                     "%s{\"Effect\": \"%s\", \"Principal\": \"*\", \"Action\": \"%s\","
                     " \"Resource\": \"*\", \"Condition\": {\"%s\": {\"k:%c\": \"%d\"}}}",
                     i > 0 ? "," : "", rand_below(&rng, 2) ? "Allow" : "Deny",
                     rand_below(&rng, 4) ? "s3:Put*" : "s3:GetObject", ops[rand_below(&rng, 3)],
                     (char)('a' + i), (int)rand_below(&rng, 2));
        }
        buf_add_z(&b, "]}");
        struct policy *p = read_all(b.p);
        bool seen[POLICY_DEPENDS + 1] = {false};
        struct policy_key keys[3];
        struct policy_request r = delivery;
        struct policy_decision d;
        r.keys = keys;
        for (unsigned ways = 0; ways < 8; ways++) {
            r.key_count = 0;
            for (unsigned i = 0; i < 3; i++) {
                static const struct str names[] = {STR("k:a"), STR("k:b"), STR("k:c")};
                if (ways >> i & 1) {
                    keys[r.key_count++] =
                        (struct policy_key){names[i], POLICY_PRESENT, &one, 1, false};
                }
            }
            policy_decide(p, &r, NULL, &d);
            seen[d.answer] = true;
        }
        for (unsigned i = 0; i < 3; i++) {
            static const struct str names[] = {STR("k:a"), STR("k:b"), STR("k:c")};
            keys[i] = (struct policy_key){names[i], POLICY_MAYBE, &one, 1, false};
        }
        r.key_count = 3;
        policy_decide(p, &r, NULL, &d);
        bool allow = seen[POLICY_ALLOW];
        bool deny = seen[POLICY_IMPLICIT_DENY] || seen[POLICY_EXPLICIT_DENY];
        bool is_deny = d.answer == POLICY_IMPLICIT_DENY || d.answer == POLICY_EXPLICIT_DENY;
        open += allow && deny;
        CHECK(!seen[POLICY_DEPENDS]);
        if (allow && deny ? d.answer != POLICY_DEPENDS
                          : (allow ? d.answer != POLICY_ALLOW : !is_deny)) {
            test_failed(__FILE__, __LINE__, "%s: %s", b.p, policy_answer_word(d.answer));
        }
        policy_free(&p);
    }
    CHECK(open > 200);
}

TEST("words")
{
    CHECK_STR(str_of(policy_answer_word(POLICY_ALLOW)), "allow");
    CHECK_STR(str_of(policy_answer_word(POLICY_EXPLICIT_DENY)), "explicit-deny");
    CHECK_STR(str_of(policy_fault_word(POLICY_FAULT_TRAILING_COMMA)), "trailing-comma");
    CHECK_STR(str_of(policy_fault_id(POLICY_FAULT_TRAILING_COMMA)), "IAM-04");
}

TEST_MAIN
