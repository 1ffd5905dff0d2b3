/* SPDX-License-Identifier: Apache-2.0
 * Reading policies: every fault with its place, what S3 would say first, and what is kept. */
#include "policy/policy_int.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/test.h"

#include <jansson.h>

static const struct policy_scope ours = {{"logs", 4}, {"aws", 3}};

static const char *const good = "{\"Version\": \"2012-10-17\", \"Id\": \"x\", \"Statement\": [\n"
                                "  {\"Sid\": \"one\", \"Effect\": \"Allow\",\n"
                                "   \"Principal\": {\"Service\": \"a.amazonaws.com\", \"AWS\":"
                                " [\"111122223333\", \"*\"]},\n"
                                "   \"Action\": \"s3:PutObject\", \"Resource\":"
                                " [\"arn:aws:s3:::logs/*\"],\n"
                                "   \"Condition\": {\"Bool\": {\"aws:SecureTransport\": true},\n"
                                "    \"ForAnyValue:StringLikeIfExists\": {\"aws:x\": [\"a\", 5],"
                                " \"aws:y\": []}}},\n"
                                "\n"
                                "  {\"Effect\": \"Deny\", \"NotPrincipal\": \"*\","
                                " \"NotAction\": \"*\", \"NotResource\": \"*\"}\n"
                                "]}";

TEST("a policy is kept as it is written")
{
    struct policy *p = NULL;
    struct policy_problems problems;
    CHECK_INT(policy_read(str_of(good), &ours, &p, &problems), ERR_OK);
    CHECK_INT(problems.count, 0);
    CHECK_INT(policy_statement_count(p), 2);
    CHECK(policy_has_variables(p));
    const struct policy_statement *s = policy_statement(p, 0);
    CHECK_STR(s->sid, "one");
    CHECK_INT(s->line, 2);
    CHECK(s->allow && !s->not_principal && !s->not_action && !s->not_resource);
    CHECK_INT(s->principal_count, 3);
    CHECK_INT(s->principals[0].kind, POLICY_SERVICE);
    CHECK_STR(s->principals[1].value, "111122223333");
    CHECK_STR(s->principals[2].value, "*");
    CHECK_INT(s->action_count, 1);
    CHECK_STR(s->resources[0], "arn:aws:s3:::logs/*");
    CHECK_INT(s->condition_count, 3);
    CHECK_STR(s->conditions[0].values[0], "true");
    CHECK_STR(s->conditions[1].op, "ForAnyValue:StringLikeIfExists");
    CHECK_STR(s->conditions[1].key, "aws:x");
    CHECK_STR(s->conditions[1].values[1], "5");
    CHECK_INT(s->conditions[2].count, 0);
    s = policy_statement(p, 1);
    CHECK_INT(s->line, 8);
    CHECK(!s->allow && s->not_principal && s->not_action && s->not_resource);
    CHECK_INT(s->principals[0].kind, POLICY_ANYONE);
    policy_free(&p);
    CHECK(p == NULL);
    policy_free(&p);
}

struct row {
    const char *text;
    enum policy_fault fault;
    unsigned line, column;
    const char *value;
};

static void
check_row(const struct row *row, struct policy_problems *problems)
{
    struct policy *p = NULL;
    enum err e = policy_read(str_of(row->text), &ours, &p, problems);
    if (e != ERR_INVALID || p != NULL || problems->count == 0) {
        test_failed(__FILE__, __LINE__, "not refused: %s", row->text);
        policy_free(&p);
        return;
    }
    const struct policy_problem *one = &problems->items[0];
    if (one->fault != row->fault || one->line != row->line || one->column != row->column ||
        (row->value != NULL && strcmp(one->value, row->value) != 0)) {
        test_failed(__FILE__, __LINE__, "%s: is %s at %u:%u \"%s\", expected %s at %u:%u \"%s\"",
                    row->text, policy_fault_word(one->fault), one->line, one->column, one->value,
                    policy_fault_word(row->fault), row->line, row->column,
                    row->value == NULL ? "" : row->value);
    }
}

static bool seen[POLICY_FAULT_COUNT];

static void
check_rows(const struct row *rows, size_t count, bool alone)
{
    struct policy_problems problems;
    for (size_t i = 0; i < count; i++) {
        check_row(&rows[i], &problems);
        seen[rows[i].fault] = true;
        if (alone && problems.count != 1) {
            test_failed(__FILE__, __LINE__, "%s: %zu problems, the second %s", rows[i].text,
                        problems.count, policy_fault_word(problems.items[1].fault));
        }
    }
}

/* clang-format off */
#define F(name) POLICY_FAULT_##name
static const struct row json_rows[] = {
    {"",                                F(EMPTY), 1, 1, ""},
    {" \n ",                            F(EMPTY), 1, 1, ""},
    {"\xff\xfe{\"",                     F(BYTE_ORDER_MARK), 1, 1, NULL},
    {"  // x\n{}",                      F(LEADING_COMMENT), 1, 3, "/"},
    {"/* x */{}",                       F(LEADING_COMMENT), 1, 1, "/"},
    {"[]",                              F(FIRST_BYTE), 1, 1, "["},
    {"\n \"a\"",                        F(FIRST_BYTE), 2, 2, "\""},
    {"\xe2\x80\x9cx",                   F(FIRST_BYTE), 1, 1, "\xe2\x80\x9c"},
    {"{\n  // why\n}",                  F(COMMENT), 2, 3, "//"},
    {"{\"a\": 5/* why */}",             F(COMMENT), 1, 8, "/*"},
    {"{\"a\": tr/* why */ue}",          F(BARE_WORD), 1, 7, "tr"},
    {"{\"a\": [1,# why\n2]}",           F(COMMENT), 1, 10, "# "},
    {"{\"a\": 1} // why",               F(COMMENT), 1, 10, "//"},
    {"{\"a\": 1,\n}",                   F(TRAILING_COMMA), 1, 8, ","},
    {"{\"a\": [1, 2 ,\n ]}",            F(TRAILING_COMMA), 1, 13, ","},
    {"{\"a\": [{\"b\":1}\n {\"c\":2}]}", F(MISSING_COMMA), 1, 15, ""},
    {"{\"a\": \"x\"\n \"b\": 1}",       F(MISSING_COMMA), 1, 10, ""},
    {"{\"a\": 1 2}",                    F(MISSING_COMMA), 1, 8, ""},
    {"{\"a\": [,1]}",                   F(EXTRA_COMMA), 1, 8, ","},
    {"{,\"a\": 1}",                     F(EXTRA_COMMA), 1, 2, ","},
    {"{\"a\": 1,,\"b\":2}",             F(EXTRA_COMMA), 1, 9, ","},
    {"{\"a\" 1}",                       F(MISSING_COLON), 1, 5, ""},
    {"{\"a\", 1}",                      F(MISSING_COLON), 1, 5, ""},
    {"{\"a\"}",                         F(MISSING_COLON), 1, 5, ""},
    {"{\"a\": }",                       F(MISSING_VALUE), 1, 6, ""},
    {"{\"a\": , \"b\": 1}",             F(MISSING_VALUE), 1, 6, ""},
    {"{\xe2\x80\x9c" "a\xe2\x80\x9d: 1}", F(CURLY_QUOTE), 1, 2, "\xe2\x80\x9c"},
    {"{\"\xc3\xa9\": \xe2\x80\x98x\xe2\x80\x99}", F(CURLY_QUOTE), 1, 7, "\xe2\x80\x98"},
    {"{\"a\xe2\x80\x9d: \"b\"}",        F(CURLY_QUOTE), 1, 4, "\xe2\x80\x9d"},
    {"{\"a\": \"b\xe2\x80\x9d}\n",      F(CURLY_QUOTE), 1, 9, "\xe2\x80\x9d"},
    {"{'a': 1}",                        F(SINGLE_QUOTE), 1, 2, "'"},
    {"{\"a\": 'x'}",                    F(SINGLE_QUOTE), 1, 7, "'"},
    {"{Effect: \"Allow\"}",             F(BARE_WORD), 1, 2, "Effect"},
    {"{\"a\": True}",                   F(BARE_WORD), 1, 7, "True"},
    {"{\"a\": s3:PutObject}",           F(BARE_WORD), 1, 7, "s3:PutObject"},
    {"{\"AWS\": 054676820928}",         F(LEADING_ZERO), 1, 9, "054676820928"},
    {"{\"a\": 1.}",                     F(BAD_NUMBER), 1, 7, "1."},
    {"{\"a\": -}",                      F(BAD_NUMBER), 1, 7, "-"},
    {"{\"a\": 1e+}",                    F(BAD_NUMBER), 1, 7, "1e+"},
    {"{\"a\": 0x1F}",                   F(BAD_NUMBER), 1, 7, "0x1F"},
    {"{\"a\": .5}",                     F(BAD_NUMBER), 1, 7, ".5"},
    {"{\"a\": \"b\n\"}",                F(UNTERMINATED_TEXT), 1, 7, ""},
    {"{\"a\": \"b",                     F(UNTERMINATED_TEXT), 1, 7, ""},
    {"{\"a\": \"b\\",                   F(UNTERMINATED_TEXT), 1, 7, ""},
    {"{\n\"a\": \"b\tc\"}",             F(CONTROL_CHARACTER), 2, 8, "\t"},
    {"{\"a\": \"b\\dc\"}",              F(BAD_ESCAPE), 1, 9, "\\d"},
    {"{\"a\": \"b\\ c\"}",              F(BAD_ESCAPE), 1, 9, "\\ "},
    {"{\"a\": \"\\u12x4\"}",            F(BAD_ESCAPE), 1, 8, "\\u12x4"},
    {"{\"a\": \"\\udc00\"}",            F(BAD_ESCAPE), 1, 8, "\\udc00"},
    {"{\"a\": \"\\ud800\\u0041\"}",     F(BAD_ESCAPE), 1, 8, "\\ud800"},
    {"{\"a\": \"\xff\"}",               F(NOT_UTF8), 1, 8, "\xff"},
    {"{\"a\": \"\xed\xa0\x80\"}",       F(NOT_UTF8), 1, 8, "\xed"},
    {"{\xc0\x80}",                      F(NOT_UTF8), 1, 2, ""},
    {"{\"a\": [1}",                     F(WRONG_BRACKET), 1, 9, "}"},
    {"{\"a\": 1]",                      F(WRONG_BRACKET), 1, 8, "]"},
    {"{\"a\": [}",                      F(WRONG_BRACKET), 1, 8, "}"},
    {"{\"a\": [{\"b\": 1}, \n",         F(NOT_CLOSED), 1, 7, "["},
    {"{",                               F(NOT_CLOSED), 1, 1, "{"},
    {"{\"a\": 1}}",                     F(AFTER_END), 1, 9, "}"},
    {"{\"a\": 1}\n{\"b\": 1}",          F(AFTER_END), 2, 1, "{"},
    {"{\"a\": ;}",                      F(BAD_CHARACTER), 1, 7, ";"},
    {"{\xc2\xa0\"a\": 1}",              F(BAD_CHARACTER), 1, 2, "\xc2\xa0"},
    {"{\"a\": [1 : 2]}",                F(BAD_CHARACTER), 1, 10, ":"},
    {"{\"a\": \"x\",\n \"a\": 2}",      F(DUPLICATE_KEY), 2, 2, "\"a\""},
    {"{\"s\": [{\"a\": 1, \"b\": {\"c\": 1, \"\\u0063\" : 2}}]}", F(DUPLICATE_KEY), 1, 31, "\"\\u0063\""},
    {"{\"a\": 1e400}",                  F(JSON), 1, 12, ""},
};

#define S(body) "{\"Statement\": [{" body "}]}"
#define EF "\"Effect\": \"Allow\", "
#define PR "\"Principal\": \"*\", "
#define AC "\"Action\": \"s3:PutObject\", "
#define RS "\"Resource\": \"arn:aws:s3:::logs/*\""
#define P(p) S(EF "\"Principal\": " p ", " AC RS)
#define A(a) S(EF PR "\"Action\": " a ", \"Resource\": \"*\"")
#define R(r) S(EF PR AC "\"Resource\": " r)
#define C(c) S(EF PR AC RS ", \"Condition\": " c)
static const struct row document_rows[] = {
    {"{}",                              F(STATEMENT_MISSING), 1, 1, ""},
    {"{\"Effect\": \"Allow\", " RS "}", F(FRAGMENT), 1, 1, ""},
    {"{\"Statement\": []}",             F(STATEMENT_EMPTY), 1, 15, ""},
    {"{\"Statement\": 5}",              F(STATEMENT_TYPE), 1, 15, "5"},
    {"{\"Statement\": [\"x\"]}",        F(STATEMENT_TYPE), 1, 16, "x"},
    {"{\"Version\": \"2012-10-18\", \"Statement\": {" EF PR AC RS "}}", F(VERSION), 1, 13, "2012-10-18"},
    {"{\"Version\": 2012, \"Statement\": {" EF PR AC RS "}}", F(VERSION), 1, 13, "2012"},
    {"{\"Id\": 5, \"Statement\": {" EF PR AC RS "}}", F(ELEMENT_TYPE), 1, 8, "5"},
    {"{\"Sid\": \"x\", \"Statement\": {" EF PR AC RS "}}", F(ELEMENT_UNKNOWN), 1, 2, "Sid"},
    {"{\"version\": \"2012-10-17\", \"Statement\": {" EF PR AC RS "}}", F(ELEMENT_MISSPELT), 1, 2, "version"},
    {S("\"Note\": 1, " EF PR AC RS),    F(ELEMENT_UNKNOWN), 1, 17, "Note"},
    {S(EF PR AC RS ", \"condition\": {}"), F(ELEMENT_MISSPELT), 1, 115, "condition"},
    {S("\"Sid\": 5, " EF PR AC RS),     F(ELEMENT_TYPE), 1, 24, "5"},
    {"{\"Statement\": [{\"Sid\": \"a\", " EF PR AC RS "},\n {" EF PR AC RS ", \"Sid\": \"a\"}]}", F(SID_DUPLICATE), 2, 108, "a"},
    {S(PR AC RS),                       F(EFFECT_MISSING), 1, 16, ""},
    {S("\"Effect\": \"allow\", " PR AC RS), F(EFFECT_VALUE), 1, 27, "allow"},
    {S("\"Effect\": true, " PR AC RS),  F(EFFECT_VALUE), 1, 27, "true"},
    {S(EF AC RS),                       F(PRINCIPAL_MISSING), 1, 16, ""},
    {S(EF PR "\"NotPrincipal\": \"*\", " AC RS), F(PRINCIPAL_TWICE), 1, 54, ""},
    {P("[]"),                           F(PRINCIPAL_MISSING), 1, 49, ""},
    {P("\"111122223333\""),             F(PRINCIPAL_TYPE), 1, 49, "111122223333"},
    {P("[\"*\"]"),                      F(PRINCIPAL_TYPE), 1, 49, "[\"*\"]"},
    {P("{}"),                           F(PRINCIPAL_TYPE), 1, 49, "{}"},
    {P("{\"AWS\": []}"),                F(PRINCIPAL_TYPE), 1, 49, "{\"AWS\": []}"},
    {P("{\"AWS\": {\"x\": 1}}"),        F(PRINCIPAL_TYPE), 1, 57, "{\"x\": 1}"},
    {P("{\"aws\": \"*\"}"),             F(PRINCIPAL_MEMBER), 1, 50, "aws"},
    {P("{\"AWS\": \"arn:aws:iam::111122223333:user/*\"}"), F(PRINCIPAL_WILDCARD), 1, 57, "arn:aws:iam::111122223333:user/*"},
    {P("{\"AWS\": [\"*\", 9996457667]}"), F(PRINCIPAL_NUMBER), 1, 63, "9996457667"},
    {P("9996457667"),                   F(PRINCIPAL_NUMBER), 1, 49, "9996457667"},
    {P("{\"AWS\": \"9996457667\"}"),    F(PRINCIPAL_ACCOUNT), 1, 57, "9996457667"},
    {P("{\"AWS\": \"arn:aws:iam::99964576670:root\"}"), F(PRINCIPAL_ACCOUNT), 1, 57, NULL},
    {P("{\"AWS\": \"arn:aws:iam::111122223333:group/x\"}"), F(PRINCIPAL_ARN), 1, 57, NULL},
    {P("{\"AWS\": \"arn:aws:sts::111122223333:assumed-role/x\"}"), F(PRINCIPAL_ARN), 1, 57, NULL},
    {P("{\"AWS\": \"arn:aws:iam:us-east-1:111122223333:root\"}"), F(PRINCIPAL_ARN), 1, 57, NULL},
    {P("{\"AWS\": \"somebody\"}"),      F(PRINCIPAL_ARN), 1, 57, "somebody"},
    {P("{\"AWS\": \"arn:aws-cn:iam::111122223333:root\"}"), F(PRINCIPAL_PARTITION), 1, 57, NULL},
    {P("{\"AWS\": \"AIDACKCEVSQ6C2EXAMPLE\"}"), F(PRINCIPAL_DELETED), 1, 57, NULL},
    {P("{\"Service\": \"logdelivery\"}"), F(PRINCIPAL_SERVICE), 1, 61, "logdelivery"},
    {P("{\"Service\": [\".amazonaws.com\"]}"), F(PRINCIPAL_SERVICE), 1, 62, NULL},
    {P("{\"Service\": \"*.amazonaws.com\"}"), F(PRINCIPAL_WILDCARD), 1, 61, NULL},
    {P("{\"CanonicalUser\": \"79a5\"}"), F(PRINCIPAL_CANONICAL), 1, 67, "79a5"},
    {P("{\"Federated\": \"\"}"),        F(PRINCIPAL_FEDERATED), 1, 63, ""},
    {S(EF PR RS),                       F(ACTION_MISSING), 1, 16, ""},
    {S(EF PR "\"Action\": [], " RS),    F(ACTION_MISSING), 1, 64, ""},
    {S(EF PR AC "\"NotAction\": \"*\", " RS), F(ACTION_TWICE), 1, 80, ""},
    {A("5"),                            F(ELEMENT_TYPE), 1, 64, "5"},
    {A("[\"s3:PutObject\", \"\"]"),     F(ACTION_VALUE), 1, 81, ""},
    {A("\"PutObject\""),                F(ACTION_VALUE), 1, 64, "PutObject"},
    {A("\"ec2:*\""),                    F(ACTION_VALUE), 1, 64, "ec2:*"},
    {A("\"s3:PutObjects\""),            F(ACTION_VALUE), 1, 64, "s3:PutObjects"},
    {A("\"s3:Put Object\""),            F(ACTION_VALUE), 1, 64, "s3:Put Object"},
    {S(EF PR "\"Action\": \"*\""),      F(RESOURCE_MISSING), 1, 16, ""},
    {S(EF PR AC RS ", \"NotResource\": \"*\""), F(RESOURCE_TWICE), 1, 115, ""},
    {R("\"logs/*\""),                   F(RESOURCE_ARN), 1, 92, "logs/*"},
    {R("\"arn:aws:s3:us-east-1::logs/*\""), F(RESOURCE_ARN), 1, 92, NULL},
    {R("\"arn:aws:s3:::\""),            F(RESOURCE_ARN), 1, 92, NULL},
    {R("[\"*\", \"arn:aws:ec2:::x\"]"), F(RESOURCE_ARN), 1, 98, NULL},
    {R("\"arn:aws-cn:s3:::logs/*\""),   F(RESOURCE_PARTITION), 1, 92, NULL},
    {R("\"arn:aws:s3:::other/*\""),     F(RESOURCE_BUCKET), 1, 92, NULL},
    {R("\"arn:aws:s3:::logs\""),        F(ACTION_FIT), 1, 64, "s3:PutObject"},
    {C("5"),                            F(CONDITION_TYPE), 1, 128, "5"},
    {C("{\"StringEquals\": \"x\"}"),    F(CONDITION_TYPE), 1, 145, "x"},
    {C("{\"stringEquals\": {}}"),       F(CONDITION_OPERATOR), 1, 129, "stringEquals"},
    {C("{\"NullIfExists\": {}}"),       F(CONDITION_OPERATOR), 1, 129, "NullIfExists"},
    {C("{\"forAnyValue:StringEquals\": {}}"), F(CONDITION_OPERATOR), 1, 129, NULL},
    {C("{\"Bool\": {\"SecureTransport\": true}}"), F(CONDITION_KEY), 1, 138, "SecureTransport"},
    {C("{\"Bool\": {\"aws:x\": \"yes\"}}"), F(CONDITION_VALUE), 1, 147, "yes"},
    {C("{\"Bool\": {\"aws:x\": [true, null]}}"), F(CONDITION_VALUE), 1, 154, "null"},
    {C("{\"IpAddress\": {\"aws:SourceIp\": \"10.0.0.0/33\"}}"), F(CONDITION_VALUE), 1, 159, NULL},
    {C("{\"DateLessThan\": {\"aws:x\": \"2026-02-29\"}}"), F(CONDITION_VALUE), 1, 155, NULL},
    {C("{\"NumericEquals\": {\"aws:x\": \"1,5\"}}"), F(CONDITION_VALUE), 1, 156, NULL},
    {C("{\"BinaryEquals\": {\"aws:x\": \"a*\"}}"), F(CONDITION_VALUE), 1, 155, NULL},
};
/* clang-format on */

TEST("what is no JSON is one problem, at its place")
{
    check_rows(json_rows, COUNT_OF(json_rows), true);
    for (size_t i = 0; i < COUNT_OF(json_rows); i++) {
        enum policy_fault f = json_rows[i].fault;
        const char *s3 = policy_fault_s3(f);
        CHECK(strcmp(s3, "This policy contains invalid Json") == 0 || f < F(COMMENT));
    }
}

TEST("what is no policy is found at its place")
{
    check_rows(document_rows, COUNT_OF(document_rows), false);
}

TEST("white space and a mark before the first brace are named, and what follows is looked at")
{
    static const struct row rows[] = {
        {" {}", F(LEADING_BLANK), 1, 1, ""},
        {"\t\n{}", F(LEADING_BLANK), 1, 1, ""},
        {"\n  {}", F(LEADING_NEWLINE), 1, 1, ""},
        {"\r\n{}", F(LEADING_NEWLINE), 1, 1, ""},
        {"\xef\xbb\xbf{}", F(BYTE_ORDER_MARK), 1, 1, ""},
    };
    struct policy_problems problems;
    check_rows(rows, COUNT_OF(rows), false);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], &problems);
        CHECK_INT(problems.count, 2);
        CHECK_INT(problems.items[1].fault, F(STATEMENT_MISSING));
        CHECK(str_starts(str_of(policy_fault_s3(problems.items[0].fault)),
                         STR("Policies must be valid JSON")));
    }
    const struct row marked = {"\xef\xbb\xbf{\"a\" 1}", F(BYTE_ORDER_MARK), 1, 1, ""};
    check_row(&marked, &problems);
    CHECK_INT(problems.items[1].fault, F(MISSING_COLON));
    CHECK_INT(problems.items[1].column, 5);
}

static void
pad(struct buf *b, const char *text, size_t size)
{
    buf_add_z(b, text);
    while (b->n < size) {
        buf_add_char(b, ' ');
    }
}

static enum policy_fault
read_fault(struct str text)
{
    struct policy_problems problems;
    struct policy *p = NULL;
    enum err e = policy_read(text, NULL, &p, &problems);
    policy_free(&p);
    return e == ERR_OK ? F(NONE) : problems.items[0].fault;
}

TEST("the size counts: 20,480 bytes are a policy, one more is none, a megabyte is not read")
{
    AUTO(buf_free) struct buf b = {0};
    pad(&b, good, 20480);
    CHECK_INT(read_fault(buf_str(&b)), F(NONE));
    buf_add_char(&b, ' ');
    CHECK_INT(read_fault(buf_str(&b)), F(TOO_LARGE));
    pad(&b, "", LIMIT_POLICY_READ_MAX);
    CHECK_INT(read_fault(buf_str(&b)), F(TOO_LARGE));
    buf_add_char(&b, ' ');
    CHECK_INT(read_fault(buf_str(&b)), F(NOT_READ));
    seen[F(TOO_LARGE)] = seen[F(NOT_READ)] = true;
}

TEST("the smallest statements fill a policy without passing the limit of statements")
{
    static const char one[] =
        "{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}";
    AUTO(buf_free) struct buf b = {0};
    struct policy_problems problems;
    struct policy *p = NULL;
    size_t count = 0;
    buf_add_z(&b, "{\"Statement\":[");
    while (b.n + sizeof(one) + 2 <= LIMIT_POLICY_BYTES_MAX) {
        buf_add_z(&b, count++ == 0 ? "" : ",");
        buf_add_z(&b, one);
    }
    buf_add_z(&b, "]}");
    CHECK(b.n <= LIMIT_POLICY_BYTES_MAX && count <= LIMIT_POLICY_STATEMENTS_MAX);
    CHECK_INT(policy_read(buf_str(&b), NULL, &p, &problems), ERR_OK);
    CHECK_INT(policy_statement_count(p), count);
    policy_free(&p);
    b.n -= 2;
    for (size_t i = 0; i < 1000; i++) {
        buf_addf(&b, ",%s", one);
    }
    buf_add_z(&b, "]}");
    CHECK_INT(read_fault(buf_str(&b)), F(TOO_LARGE));
}

TEST("brackets are counted")
{
    AUTO(buf_free) struct buf b = {0};
    buf_add_z(&b, "{\"a\":");
    for (size_t i = 0; i < 31; i++) {
        buf_add_char(&b, '[');
    }
    CHECK_INT(read_fault(buf_str(&b)), F(NOT_CLOSED));
    buf_add_char(&b, '[');
    CHECK_INT(read_fault(buf_str(&b)), F(TOO_DEEP));
    seen[F(TOO_DEEP)] = true;
}

TEST("problems come in the order of S3's checks")
{
    static const char *const text =
        "{\"Statement\": [{\"Effect\": \"allow\", \"Condition\": {\"x\": 1}, \"Principal\": \"x\","
        " \"Action\": \"x\", \"Resource\": \"x\"},\n"
        " {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"s3:PutObject\","
        " \"Resource\": \"arn:aws:s3:::logs\"}], \"Version\": \"x\"}";
    static const enum policy_fault expected[] = {
        F(VERSION),      F(EFFECT_VALUE), F(PRINCIPAL_TYPE),     F(ACTION_VALUE),
        F(RESOURCE_ARN), F(ACTION_FIT),   F(CONDITION_OPERATOR), F(CONDITION_TYPE)};
    static const unsigned statement[] = {0, 1, 1, 1, 1, 2, 1, 1};
    struct policy_problems problems;
    struct policy *p = NULL;
    CHECK_INT(policy_read(str_of(text), &ours, &p, &problems), ERR_INVALID);
    CHECK_INT(problems.count, COUNT_OF(expected));
    for (size_t i = 0; i < problems.count && i < COUNT_OF(expected); i++) {
        CHECK_INT(problems.items[i].fault, expected[i]);
        CHECK_INT(problems.items[i].statement, statement[i]);
    }
}

TEST("S3's own words for the first problem")
{
    static const struct {
        const char *text, *s3;
    } rows[] = {
        {"", "Policies must be valid JSON and the first byte must be '{'"},
        {"{}", "Missing required field Statement"},
        {"{\"a\": 1,}", "This policy contains invalid Json"},
        {"{\"Statement\": []}", "Could not parse the policy: Statement is empty!"},
        {S(EF AC RS), "Missing required field Principal"},
        {S(EF PR RS), "Missing required field Action"},
        {S(EF PR "\"Action\": \"*\""), "Missing required field Resource"},
        {S(PR AC RS), "Missing required field Effect"},
        {"{\"Version\": \"1\", \"Statement\": {}}",
         "The policy must contain a valid version string"},
        {P("{\"AWS\": \"x\"}"), "Invalid principal in policy"},
        {R("\"arn:aws:s3:::x\""), "Policy has invalid resource"},
        {A("\"x\""), "Policy has invalid action"},
        {R("\"arn:aws:s3:::logs\""), "Action does not apply to any resource(s) in statement"},
        {S("\"Effect\": \"x\""), "Invalid effect: {value}"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy_problems problems;
        struct policy *p = NULL;
        CHECK_INT(policy_read(str_of(rows[i].text), &ours, &p, &problems), ERR_INVALID);
        CHECK_STR(str_of(policy_fault_s3(problems.items[0].fault)), rows[i].s3);
    }
}

TEST("principals, actions and resources that are possible are taken")
{
    static const char *const rows[] = {
        P("{\"AWS\": \"arn:aws:iam::111122223333:root\"}"),
        P("{\"AWS\": \"arn:aws:iam::111122223333:user/a/b\"}"),
        P("{\"AWS\": \"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1\"}"),
        P("{\"AWS\": \"arn:aws:sts::111122223333:assumed-role/r/s\"}"),
        P("{\"AWS\": \"arn:aws:sts::111122223333:federated-user/s\"}"),
        P("{\"Service\": [\"a.amazonaws.com\", \"b.amazonaws.com.cn\"]}"),
        P("{\"Federated\": \"accounts.google.com\"}"),
        A("\"*\""),
        A("\"S3:p*t?bject\""),
        A("\"s3:SomethingThatIsNew\""),
        A("[\"s3:PutObject\", \"s3:ListBucket\"]"),
        R("[\"arn:aws:s3:::logs\", \"arn:aws:s3:::logs/a\"]"),
        R("\"arn:aws:s3:::l*s\""),
        R("\"arn:aws:s3:::logs/${aws:username}\""),
        C("{}"),
        "{\"Statement\": {" EF PR AC RS "}}\n",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct policy_problems problems;
        struct policy *p = NULL;
        if (policy_read(str_of(rows[i]), &ours, &p, &problems) != ERR_OK) {
            test_failed(__FILE__, __LINE__, "%s: %s", rows[i],
                        policy_fault_word(problems.items[0].fault));
        }
        policy_free(&p);
    }
}

TEST("a value is cut between two characters, and its escapes are gone")
{
    AUTO(buf_free) struct buf b = {0};
    struct policy_problems problems;
    struct policy *p = NULL;
    buf_add_z(&b, "{\"Version\": \"\\u0078");
    for (size_t i = 0; i < 100; i++) {
        buf_add_z(&b, "\xc3\xa9");
    }
    buf_add_z(&b, "\", \"Statement\": {}}");
    CHECK_INT(policy_read(buf_str(&b), NULL, &p, &problems), ERR_INVALID);
    CHECK_INT(strlen(problems.items[0].value), 127);
    CHECK_INT(problems.items[0].value[0], 'x');
    b.p[20] = 'x'; /* one byte more in front */
    CHECK_INT(policy_read(buf_str(&b), NULL, &p, &problems), ERR_INVALID);
}

/* Any JSON that jansson writes the scanner reads, and any cut of it both refuse. */
static json_t *
random_json(struct rand *rng, unsigned depth)
{
    uint64_t kind = rand_below(rng, depth == 0 ? 5 : 7);
    switch (kind) {
    case 0: return json_string("x\"\\\n\t\xc3\xa9/");
    case 1: return json_real((double)(int64_t)rand_below(rng, 2000) / 8 - 100);
    case 2: return json_integer((json_int_t)rand_below(rng, 1000000) - 500000);
    case 3: return json_boolean(rand_below(rng, 2));
    case 4: return json_null();
    default: break;
    }
    json_t *many = kind == 5 ? json_array() : json_object();
    for (uint64_t n = rand_below(rng, 4); n > 0; n--) {
        json_t *one = random_json(rng, depth - 1);
        char name[4] = {(char)('a' + rand_below(rng, 26)), (char)('a' + rand_below(rng, 26)), 0};
        if ((kind == 5 ? json_array_append_new(many, one) : json_object_set_new(many, name, one)) !=
            0) {
            test_failed(__FILE__, __LINE__, "no room");
        }
    }
    return many;
}

TEST("the scanner and jansson agree on what is JSON")
{
    struct rand rng;
    rand_seed(&rng, 5);
    for (size_t round = 0; round < 2000; round++) {
        json_t *root = json_object();
        CHECK_INT(json_object_set_new(root, "a", random_json(&rng, 4)), 0);
        char *text = json_dumps(root, rand_below(&rng, 2) ? JSON_COMPACT : JSON_INDENT(2));
        struct policy_scan whole = {.source = str_of(text)};
        policy_scan(&whole);
        CHECK_INT(whole.fault, POLICY_FAULT_NONE);
        text[rand_below(&rng, strlen(text) - 1) + 1] = "{}[],:\"1x "[rand_below(&rng, 10)];
        struct policy_scan cut = {.source = str_of(text)};
        policy_scan(&cut);
        json_t *again = json_loads(text, 0, NULL);
        if ((again != NULL) != (cut.fault == POLICY_FAULT_NONE)) {
            test_failed(__FILE__, __LINE__, "%s: %s", text, policy_fault_word(cut.fault));
        }
        json_decref(again);
        json_decref(root);
        xfree(text);
        xfree(whole.nodes);
        xfree(cut.nodes);
    }
}

TEST("every fault has its test, its words and a sentence")
{
    for (enum policy_fault f = POLICY_FAULT_NONE + 1; f < POLICY_FAULT_COUNT; f++) {
        if (!seen[f]) {
            test_failed(__FILE__, __LINE__, "%s has no test", policy_fault_word(f));
        }
        CHECK(strlen(policy_fault_text(f)) > 0 && strlen(policy_fault_s3(f)) > 0);
        CHECK(str_starts(str_of(policy_fault_id(f)), STR("IAM-")));
    }
}

TEST_MAIN
