/* SPDX-License-Identifier: Apache-2.0
 * Unit tests of the delivery check: each mistake of the catalogue is named, with its place, and the
 * corrected policy allows. */
#include "policy/delivery.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/test.h"

#define SERVICE "{\"Service\": \"logdelivery.elasticloadbalancing.amazonaws.com\"}"
#define KEYS "arn:aws:s3:::logs/edge/AWSLogs/111122223333/*"
#define STATEMENT(effect, principal, action, resource)                                             \
    "{\"Effect\": \"" effect "\",\n  \"Principal\": " principal ",\n  \"Action\": \"" action       \
    "\",\n  \"Resource\": \"" resource "\"}"
#define CONDITION(statement_open, condition) statement_open ", \"Condition\": " condition "}"
#define OPEN(effect, principal, action, resource)                                                  \
    "{\"Effect\": \"" effect "\", \"Principal\": " principal ", \"Action\": \"" action             \
    "\", \"Resource\": \"" resource "\""
#define POLICY(statements) "{\"Version\": \"2012-10-17\",\n \"Statement\": [\n" statements "\n]}"
#define RIGHT STATEMENT("Allow", SERVICE, "s3:PutObject", KEYS)
#define DENY(condition) CONDITION(OPEN("Deny", "\"*\"", "s3:*", "arn:aws:s3:::logs/*"), condition)

static const struct delivery_question edge = {.bucket = STR("logs"),
                                              .prefix = STR("edge"),
                                              .account = STR("111122223333"),
                                              .region = STR("eu-central-1")};

static struct delivery_report
check(const char *policy, const struct delivery_question *q)
{
    struct delivery_report report = {0};
    struct errinfo error = {""};
    CHECK_INT(delivery_check(str_of(policy), q, &report, &error), ERR_OK);
    return report;
}

static const struct delivery_point *
find_point(const struct delivery_report *r, const char *word)
{
    for (size_t i = 0; i < r->point_count; i++) {
        if (strcmp(r->points[i].word, word) == 0) {
            return &r->points[i];
        }
    }
    return NULL;
}

static void
complain(const char *title, const struct delivery_report *r)
{
    fprintf(stderr, "# %s: %s\n", title, delivery_answer_word(r->answer));
    for (size_t i = 0; i < r->point_count; i++) {
        fprintf(stderr, "#   %s %s %s (have %s want %s key %s)\n", r->points[i].id,
                delivery_level_word(r->points[i].level), r->points[i].word, r->points[i].have,
                r->points[i].want, r->points[i].key);
    }
    if (r->corrected.n > 0) {
        fprintf(stderr, "%s", r->corrected.p);
    }
}

/* What was corrected is allowed, and has no error left. */
static void
check_corrected(const char *title, const struct delivery_report *r,
                const struct delivery_question *q)
{
    CHECK(r->corrected.n > 0);
    if (r->corrected.n > 0) {
        struct delivery_report again = check(r->corrected.p, q);
        bool fine = again.answer == DELIVERY_ALLOW && again.corrected.n == 0;
        CHECK(fine);
        if (!fine) {
            complain(title, &again);
        }
        delivery_report_done(&again);
    }
}

struct row {
    const char *title, *policy;
    enum delivery_answer answer;
    const char *id, *word; /* of one point; NULL: none is wanted */
    unsigned line;         /* 0: not looked at */
};

static void
check_rows(const struct row *rows, size_t count, const struct delivery_question *q)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct delivery_report r = check(row->policy, q);
        const struct delivery_point *point = row->word == NULL ? NULL : find_point(&r, row->word);
        bool fine = r.answer == row->answer && (row->word == NULL || point != NULL) &&
                    (point == NULL || strcmp(point->id, row->id) == 0) &&
                    (point == NULL || row->line == 0 || point->line == row->line);
        if (!fine) {
            test_failed(__FILE__, __LINE__, "%s", row->title);
            complain(row->title, &r);
        }
        if (r.answer != DELIVERY_ALLOW) {
            check_corrected(row->title, &r, q);
        } else {
            CHECK_INT(r.corrected.n, 0);
        }
        delivery_report_done(&r);
    }
}

TEST("a Resource that does not cover the keys: which part is wrong")
{
    static const struct row rows[] = {
#define WRONG(title, resource, id, word)                                                           \
    {                                                                                              \
        title,         POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject", resource)),              \
        DELIVERY_DENY, id,                                                                         \
        word,          3}
        WRONG("prefix missing", "arn:aws:s3:::logs/AWSLogs/111122223333/*", "IAM-01",
              "prefix-missing"),
        WRONG("prefix doubled", "arn:aws:s3:::logs/edge/edge/AWSLogs/111122223333/*", "IAM-01",
              "prefix-doubled"),
        WRONG("other prefix", "arn:aws:s3:::logs/egde/AWSLogs/111122223333/*", "IAM-01",
              "prefix-other"),
        WRONG("double slash", "arn:aws:s3:::logs/edge//AWSLogs/111122223333/*", "IAM-01",
              "double-slash"),
        WRONG("double slash in front", "arn:aws:s3:::logs//AWSLogs/111122223333/*", "IAM-01",
              "double-slash"),
        WRONG("no star", "arn:aws:s3:::logs/edge/AWSLogs/111122223333", "IAM-01", "no-star"),
        WRONG("slash without a star", "arn:aws:s3:::logs/edge/AWSLogs/111122223333/", "IAM-01",
              "no-star"),
        WRONG("other account", "arn:aws:s3:::logs/edge/AWSLogs/444455556666/*", "IAM-02",
              "account-other"),
        WRONG("ELB's account in the path", "arn:aws:s3:::logs/edge/AWSLogs/054676820928/*",
              "IAM-02", "account-elb"),
        WRONG("short account", "arn:aws:s3:::logs/edge/AWSLogs/9996457667/*", "IAM-02",
              "account-short"),
        WRONG("no test file", "arn:aws:s3:::logs/edge/AWSLogs/111122223333/elasticloadbalancing/*",
              "IAM-01", "no-test-file"),
        WRONG("only the test file",
              "arn:aws:s3:::logs/edge/AWSLogs/111122223333/ELBAccessLogTestFile", "IAM-01",
              "only-test-file"),
        WRONG("somewhere else", "arn:aws:s3:::logs/pictures/*", "IAM-01", "resource-other"),
#undef WRONG
    };
    check_rows(rows, COUNT_OF(rows), &edge);
}

TEST("two mistakes in one Resource are both named")
{
    struct delivery_report r = check(POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject",
                                                      "arn:aws:s3:::logs/AWSLogs/444455556666")),
                                     &edge);
    CHECK(find_point(&r, "prefix-missing") != NULL);
    CHECK(find_point(&r, "account-other") != NULL);
    CHECK(find_point(&r, "no-star") != NULL);
    check_corrected("two mistakes", &r, &edge);
    delivery_report_done(&r);
}

TEST("a log without a prefix: one that stands in the Resource is too much")
{
    struct delivery_question q = edge;
    q.prefix = STR_NONE;
    static const struct row rows[] = {
        {"prefix unasked", POLICY(RIGHT), DELIVERY_DENY, "IAM-01", "prefix-unasked", 3},
        {"double slash",
         POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject",
                          "arn:aws:s3:::logs//AWSLogs/111122223333/*")),
         DELIVERY_DENY, "IAM-01", "double-slash", 3},
        {"right",
         POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject",
                          "arn:aws:s3:::logs/AWSLogs/111122223333/*")),
         DELIVERY_ALLOW, NULL, NULL, 0},
    };
    check_rows(rows, COUNT_OF(rows), &q);
}

TEST("a Principal that does not write these logs")
{
    static const struct row rows[] = {
#define WHO(title, principal, id, word)                                                            \
    {title, POLICY(STATEMENT("Allow", principal, "s3:PutObject", KEYS)), DELIVERY_DENY, id, word, 3}
        WHO("vended logs", "{\"Service\": \"delivery.logs.amazonaws.com\"}", "IAM-03",
            "principal-vended"),
        WHO("Outposts", "{\"Service\": \"logdelivery.elb.amazonaws.com\"}", "IAM-03",
            "principal-outposts"),
        WHO("another region's account", "{\"AWS\": \"arn:aws:iam::127311923021:root\"}", "IAM-03",
            "principal-region"),
        WHO("the owner", "{\"AWS\": \"arn:aws:iam::111122223333:root\"}", "IAM-03",
            "principal-owner"),
        WHO("another service", "{\"Service\": \"elasticloadbalancing.amazonaws.com\"}", "IAM-03",
            "principal-service-other"),
        WHO("somebody", "{\"AWS\": \"444455556666\"}", "IAM-03", "principal-other"),
#undef WHO
        {"the region's account works",
         POLICY(STATEMENT("Allow", "{\"AWS\": \"054676820928\"}", "s3:PutObject", KEYS)),
         DELIVERY_ALLOW, "IAM-03", "legacy-only", 3},
    };
    check_rows(rows, COUNT_OF(rows), &edge);
    struct delivery_question young = edge;
    young.region = STR("eu-south-2");
    static const struct row no_account[] = {
        {"a region without an account",
         POLICY(STATEMENT("Allow", "{\"AWS\": \"arn:aws:iam::054676820928:root\"}", "s3:PutObject",
                          KEYS)),
         DELIVERY_DENY, "IAM-03", "principal-no-account", 3},
    };
    check_rows(no_account, COUNT_OF(no_account), &young);
}

TEST("Action, Condition and Deny")
{
    static const struct row rows[] = {
        {"another action", POLICY(STATEMENT("Allow", SERVICE, "s3:GetObject", KEYS)), DELIVERY_DENY,
         "IAM-11", "action-missing", 3},
        {"the acl may be sent or not",
         POLICY(CONDITION(OPEN("Allow", SERVICE, "s3:PutObject", KEYS),
                          "{\"StringEquals\": {\"s3:x-amz-acl\": \"bucket-owner-full-control\"}}")),
         DELIVERY_DEPENDS, "IAM-08", "condition-maybe", 3},
        {"if it exists",
         POLICY(CONDITION(
             OPEN("Allow", SERVICE, "s3:PutObject", KEYS),
             "{\"StringEqualsIfExists\": {\"s3:x-amz-acl\": \"bucket-owner-full-control\"}}")),
         DELIVERY_ALLOW, NULL, NULL, 0},
        {"a source address is not sent",
         POLICY(CONDITION(OPEN("Allow", SERVICE, "s3:PutObject", KEYS),
                          "{\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.0/24\"}}")),
         DELIVERY_DENY, "IAM-08", "condition-absent", 3},
        {"another account's load balancers",
         POLICY(CONDITION(OPEN("Allow", SERVICE, "s3:PutObject", KEYS),
                          "{\"StringEquals\": {\"aws:SourceAccount\": \"444455556666\"}}")),
         DELIVERY_DENY, "IAM-08", "condition-unmet", 3},
        {"another region's load balancers",
         POLICY(
             CONDITION(OPEN("Allow", SERVICE, "s3:PutObject", KEYS),
                       "{\"ArnLike\": {\"aws:SourceArn\": "
                       "\"arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/*\"}}")),
         DELIVERY_DENY, "IAM-08", "condition-unmet", 3},
        {"one load balancer",
         POLICY(CONDITION(
             OPEN("Allow", SERVICE, "s3:PutObject", KEYS),
             "{\"ArnLike\": {\"aws:SourceArn\": "
             "\"arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/a/*\"}}")),
         DELIVERY_ALLOW, "IAM-08", "source-one", 3},
        {"plain HTTP denied",
         POLICY(RIGHT ",\n" DENY("{\"Bool\": {\"aws:SecureTransport\": \"false\"}}")),
         DELIVERY_ALLOW, NULL, NULL, 0},
        {"old TLS denied",
         POLICY(RIGHT ",\n" DENY("{\"NumericLessThan\": {\"s3:TlsVersion\": \"1.2\"}}")),
         DELIVERY_ALLOW, NULL, NULL, 0},
        {"TLS 1.2 denied",
         POLICY(RIGHT ",\n" DENY("{\"NumericLessThan\": {\"s3:TlsVersion\": \"1.3\"}}")),
         DELIVERY_DEPENDS, "IAM-07", "deny-maybe", 7},
        {"endpoint only",
         POLICY(RIGHT ",\n" DENY("{\"StringNotEquals\": {\"aws:SourceVpce\": \"vpce-1\"}}")),
         DELIVERY_DENY, "IAM-07", "deny-absent", 7},
        {"endpoint only, if it exists",
         POLICY(RIGHT ",\n" DENY("{\"StringNotEqualsIfExists\": {\"aws:SourceVpc\": \"vpc-1\"}}")),
         DELIVERY_DENY, "IAM-07", "deny-absent", 7},
        {"encryption header",
         POLICY(RIGHT ",\n" DENY("{\"Null\": {\"s3:x-amz-server-side-encryption\": \"true\"}}")),
         DELIVERY_DENY, "IAM-07", "deny-key", 7},
        {"services excepted",
         POLICY(RIGHT ",\n" DENY("{\"StringNotEquals\": {\"aws:SourceVpce\": \"vpce-1\"}, "
                                 "\"Bool\": {\"aws:PrincipalIsAWSService\": \"false\"}}")),
         DELIVERY_ALLOW, NULL, NULL, 0},
        {"services excepted by name",
         POLICY(RIGHT
                ",\n" DENY("{\"StringNotEqualsIfExists\": {\"aws:PrincipalServiceNamesList\": "
                           "\"logdelivery.elasticloadbalancing.amazonaws.com\"}}")),
         DELIVERY_ALLOW, NULL, NULL, 0},
        {"plain deny", POLICY(RIGHT ",\n" STATEMENT("Deny", "\"*\"", "s3:PutObject", KEYS)),
         DELIVERY_DENY, "IAM-07", "deny-plain", 7},
        {"people listed in NotPrincipal",
         POLICY(RIGHT ",\n{\"Effect\": \"Deny\", \"NotPrincipal\": {\"AWS\": "
                      "[\"arn:aws:iam::111122223333:root\", "
                      "\"arn:aws:iam::111122223333:user/ops\"]}, \"Action\": \"s3:*\", "
                      "\"Resource\": \"arn:aws:s3:::logs/*\"}"),
         DELIVERY_DENY, "IAM-03", "not-principal", 7},
        {"nothing of it",
         POLICY(STATEMENT("Deny", "\"*\"", "s3:DeleteObject", "arn:aws:s3:::logs/*")),
         DELIVERY_DENY, "IAM-03", "nothing-allows", 0},
    };
    check_rows(rows, COUNT_OF(rows), &edge);
}

TEST("what works but should not")
{
    static const struct row rows[] = {
        {"world-writable", POLICY(STATEMENT("Allow", "\"*\"", "s3:PutObject", KEYS)),
         DELIVERY_ALLOW, "IAM-12", "world-writable", 3},
        {"everybody but one",
         POLICY("{\"Effect\": \"Allow\", \"NotPrincipal\": {\"AWS\": \"444455556666\"}, "
                "\"Action\": \"s3:PutObject\", \"Resource\": \"" KEYS "\"}"),
         DELIVERY_ALLOW, "IAM-12", "world-writable", 3},
        {"everybody but one, and all actions but one",
         POLICY("{\"Effect\": \"Allow\", \"NotPrincipal\": {\"AWS\": \"444455556666\"}, "
                "\"NotAction\": \"s3:GetObject\", \"Resource\": \"" KEYS "\"}"),
         DELIVERY_ALLOW, "IAM-12", "world-writable", 3},
        {"all actions", POLICY(STATEMENT("Allow", SERVICE, "s3:*", KEYS)), DELIVERY_ALLOW, "IAM-12",
         "action-wide", 3},
        {"no source, account in the path", POLICY(RIGHT), DELIVERY_ALLOW, "IAM-13", "no-source", 3},
        {"no source, any account",
         POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject", "arn:aws:s3:::logs/*")), DELIVERY_ALLOW,
         "IAM-13", "no-source-open", 3},
        {"not sure of services",
         POLICY(STATEMENT("Allow", "{\"AWS\": \"*\"}", "s3:PutObject", KEYS)), DELIVERY_ALLOW,
         "IAM-12", "world-writable", 3},
    };
    check_rows(rows, COUNT_OF(rows), &edge);
    struct delivery_report r =
        check(POLICY(CONDITION(
                  OPEN("Allow", SERVICE, "s3:PutObject", KEYS),
                  "{\"ArnLike\": {\"aws:SourceArn\": "
                  "\"arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/*\"}}")),
              &edge);
    CHECK_INT(r.answer, DELIVERY_ALLOW);
    CHECK_INT(r.point_count, 0);
    delivery_report_done(&r);
}

TEST("what is no policy: where, what S3 would say, and a policy that is one")
{
    static const struct row rows[] = {
        {"comment", "{\"Version\": \"2012-10-17\", // old\n \"Statement\": [\n" RIGHT "\n]}",
         DELIVERY_NO_POLICY, "IAM-04", "comment", 1},
        {"block comment", POLICY("/* logs */ " RIGHT), DELIVERY_NO_POLICY, "IAM-04", "comment", 3},
        {"trailing comma", POLICY(RIGHT ","), DELIVERY_NO_POLICY, "IAM-04", "trailing-comma", 6},
        {"missing comma", POLICY(RIGHT "\n" RIGHT), DELIVERY_NO_POLICY, "IAM-04", "missing-comma",
         0},
        {"curly quotes",
         POLICY("{\xe2\x80\x9c"
                "Effect\xe2\x80\x9d: \"Allow\", \"Principal\": " SERVICE
                ", \"Action\": \"s3:PutObject\", \"Resource\": \"" KEYS "\"}"),
         DELIVERY_NO_POLICY, "IAM-04", "curly-quote", 3},
        {"byte-order mark", "\xef\xbb\xbf" POLICY(RIGHT), DELIVERY_NO_POLICY, "IAM-04",
         "byte-order-mark", 0},
        {"newline in front", "\n" POLICY(RIGHT), DELIVERY_NO_POLICY, "IAM-04", "leading-newline",
         0},
        {"no Statement", "{\"Version\": \"2012-10-17\"}", DELIVERY_NO_POLICY, "IAM-04",
         "statement-missing", 0},
        {"a fragment", RIGHT, DELIVERY_NO_POLICY, "IAM-04", "fragment", 0},
        {"Effect in small letters", POLICY(STATEMENT("allow", SERVICE, "s3:PutObject", KEYS)),
         DELIVERY_NO_POLICY, "IAM-04", "effect-value", 3},
        {"another partition",
         POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject", "arn:aws-cn:s3:::logs/*")),
         DELIVERY_NO_POLICY, "IAM-01", "resource-partition", 0},
        {"another bucket",
         POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject",
                          "arn:aws:s3:::other/edge/AWSLogs/111122223333/*")),
         DELIVERY_NO_POLICY, "IAM-01", "resource-bucket", 0},
        {"the bucket alone",
         POLICY(STATEMENT("Allow", SERVICE, "s3:PutObject", "arn:aws:s3:::logs")),
         DELIVERY_NO_POLICY, "IAM-01", "action-fit", 0},
        {"account as a number",
         POLICY("{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": 54676820928}, \"Action\": "
                "\"s3:PutObject\", \"Resource\": \"" KEYS "\"}"),
         DELIVERY_NO_POLICY, "IAM-02", "principal-number", 0},
        {"nothing", "", DELIVERY_NO_POLICY, "IAM-04", "empty", 0},
        {"no JSON at all", "Please let the load balancer write.", DELIVERY_NO_POLICY, "IAM-04",
         "first-byte", 0},
    };
    check_rows(rows, COUNT_OF(rows), &edge);
}

TEST("a corrected policy keeps what has nothing to do with the logs")
{
    struct delivery_report r = check(
        POLICY(STATEMENT(
            "Allow", "{\"AWS\": \"444455556666\"}", "s3:GetObject",
            "arn:aws:s3:::logs/reports/*") ",\n" DENY("{\"StringNotEquals\": {\"aws:SourceVpce\": "
                                                      "\"vpce-1\"}}") ",\n" STATEMENT("Allow",
                                                                                      SERVICE,
                                                                                      "s3:"
                                                                                      "PutObject",
                                                                                      "arn:aws:s3::"
                                                                                      ":logs/"
                                                                                      "AWSLogs/"
                                                                                      "111122223333"
                                                                                      "/*")),
        &edge);
    CHECK_INT(r.answer, DELIVERY_DENY);
    CHECK(find_point(&r, "deny-absent") != NULL);
    CHECK(find_point(&r, "prefix-missing") != NULL);
    CHECK(str_find(buf_str(&r.corrected), STR("arn:aws:s3:::logs/reports/*"), NULL));
    CHECK(str_find(buf_str(&r.corrected), STR("vpce-1"), NULL));
    CHECK(str_find(buf_str(&r.corrected), STR("\"aws:PrincipalIsAWSService\": \"false\""), NULL));
    CHECK(str_find(buf_str(&r.corrected), STR("\"" KEYS "\""), NULL));
    check_corrected("keeps", &r, &edge);
    delivery_report_done(&r);
}

TEST("vended logs keep their statement; the load balancer gets its own")
{
    struct delivery_report r =
        check(POLICY(STATEMENT("Allow", "{\"Service\": \"delivery.logs.amazonaws.com\"}",
                               "s3:PutObject", KEYS)),
              &edge);
    CHECK(str_find(buf_str(&r.corrected), STR("delivery.logs.amazonaws.com"), NULL));
    CHECK(str_find(buf_str(&r.corrected), str_of(delivery_service), NULL));
    delivery_report_done(&r);
}

TEST("every kind of log has its own test file, and one policy allows them all")
{
    for (unsigned log = 0; log < DELIVERY_LOG_COUNT; log++) {
        struct delivery_question q = edge;
        q.log = (enum delivery_log)log;
        AUTO(buf_free) struct buf made = {0};
        delivery_make(&made, &q, DELIVERY_JSON);
        struct delivery_report r = check(made.p, &q);
        CHECK_INT(r.answer, DELIVERY_ALLOW);
        CHECK_INT(r.point_count, 0);
        delivery_report_done(&r);
    }
}

TEST("partitions: made policies are right in China and GovCloud")
{
    static const char *const regions[] = {"cn-north-1",    "cn-northwest-1", "us-gov-west-1",
                                          "us-gov-east-1", "us-east-1",      "il-central-1"};
    for (size_t i = 0; i < COUNT_OF(regions); i++) {
        struct delivery_question q = edge;
        q.region = str_of(regions[i]);
        AUTO(buf_free) struct buf made = {0};
        delivery_make(&made, &q, DELIVERY_JSON);
        struct delivery_report r = check(made.p, &q);
        CHECK_INT(r.answer, DELIVERY_ALLOW);
        CHECK_INT(r.caller_count, delivery_elb_account(q.region) == NULL ? 1 : 2);
        delivery_report_done(&r);
    }
}

TEST("a question that cannot be is refused with what would be allowed")
{
    const struct {
        struct delivery_question q;
        const char *part;
    } rows[] = {
        {{STR("UPPER"), STR_NONE, STR("111122223333"), STR("eu-central-1"), 0, STR_NONE},
         "upper-case"},
        {{STR("a"), STR_NONE, STR("111122223333"), STR("eu-central-1"), 0, STR_NONE}, "3 to 63"},
        {{STR("a..b"), STR_NONE, STR("111122223333"), STR("eu-central-1"), 0, STR_NONE}, "3 to 63"},
        {{STR("192.168.0.1"), STR_NONE, STR("111122223333"), STR("eu-central-1"), 0, STR_NONE},
         "3 to 63"},
        {{STR("logs"), STR("/edge"), STR("111122223333"), STR("eu-central-1"), 0, STR_NONE},
         "cannot start or end with '/'"},
        {{STR("logs"), STR("a/AWSLogs"), STR("111122223333"), STR("eu-central-1"), 0, STR_NONE},
         "must not contain AWSLogs"},
        {{STR("logs"), STR("a b"), STR("111122223333"), STR("eu-central-1"), 0, STR_NONE},
         "letters, digits"},
        {{STR("logs"), STR_NONE, STR("11112222333"), STR("eu-central-1"), 0, STR_NONE},
         "12 digits"},
        {{STR("logs"), STR_NONE, STR("111122223333"), STR("Frankfurt"), 0, STR_NONE}, "region"},
        {{STR("logs"), STR_NONE, STR("111122223333"), STR("eu-central-1"), 0, STR("mine")},
         "organisation"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct errinfo error = {""};
        CHECK_INT(delivery_question_check(&rows[i].q, &error), ERR_INVALID);
        CHECK(str_find(str_of(error.text), str_of(rows[i].part), NULL));
    }
    CHECK_INT(delivery_question_check(&edge, NULL), ERR_OK);
}

TEST("a diff shows what changes, with three lines around it")
{
    AUTO(buf_free) struct buf out = {0};
    delivery_diff(&out, STR("1\n2\n3\n4\n5\n6\n7\n8\n9\n"), STR("1\n2\n3\n4\nfive\n6\n7\n8\n9\n"));
    CHECK_STR(buf_str(&out), "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    buf_reset(&out);
    delivery_diff(&out, STR(""), STR("a\nb\n"));
    CHECK_STR(buf_str(&out), "@@ -0,0 +1,2 @@\n+a\n+b\n");
    buf_reset(&out);
    delivery_diff(&out, STR("a\n"), STR("a\n"));
    CHECK_STR(buf_str(&out), "");
}

TEST_MAIN
