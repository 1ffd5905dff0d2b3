/* SPDX-License-Identifier: Apache-2.0
 * Bucket names and the test object. */
#include "log/log_test.h"

TEST("legal bucket names [S3: bucket naming rules]")
{
    static const char *const names[] = {
        "abc",
        "my-logs",
        "my.logs.example",
        "1a2",
        "123",
        "a--b",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.x",
        "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz1"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CHECK(log_bucket_name_legal(str_of(names[i])));
    }
}

TEST("illegal bucket names")
{
    static const char *const names[] = {
        "",
        "ab",
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "192.168.5.4",
        "999.0.0.1",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-bucket",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
        "a/b",
        "../x",
        "a b",
        "caf\xc3\xa9",
        "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz12"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CHECK(!log_bucket_name_legal(str_of(names[i])));
    }
}

static enum err
try_bucket(struct place *p, const char *bucket, const char *prefix, const char *account,
           struct errinfo *why)
{
    struct log_destination d = {true, str_of(bucket), str_of(prefix)};
    *why = (struct errinfo){""};
    return log_bucket_test(p->s3_fd, &d, str_of(account), why);
}

TEST("the bucket is made and the test object lies beside the region folders")
{
    struct place p;
    struct errinfo why;
    struct found found = {.count = 0};
    place_init(&p);
    CHECK_INT(try_bucket(&p, "new-bucket", "team/web", "111122223333", &why), ERR_OK);
    CHECK_INT(try_bucket(&p, "new-bucket", "", "111122223333", &why), ERR_OK);
    CHECK_INT(try_bucket(&p, "new-bucket", "", "111122223333", &why),
              ERR_OK); /* again: overwrites */
    place_find(&p, "s3", &found);
    CHECK_INT(found.count, 2);
    if (found.count == 2) {
        CHECK_STR(str_of(found.paths[0]), "new-bucket/AWSLogs/111122223333/ELBAccessLogTestFile");
        CHECK_STR(str_of(found.paths[1]),
                  "new-bucket/team/web/AWSLogs/111122223333/ELBAccessLogTestFile");
    }
    found_free(&found);
    place_done(&p);
}

TEST("what is not valid is refused with a sentence")
{
    static const struct {
        const char *bucket, *prefix, *account, *text;
    } rows[] = {
        {"Bad_Name", "", "111122223333", "the bucket name \"Bad_Name\" is not valid"},
        {"good-name", "/x", "111122223333",
         "The value of 'access_logs.s3.prefix' cannot start or end with '/'"},
        {"good-name", "x/", "111122223333",
         "The value of 'access_logs.s3.prefix' cannot start or end with '/'"},
        {"good-name", "a/../b", "111122223333", "the prefix \"a/../b\" is not valid"},
        {"good-name", "AWSLogs", "111122223333", "the prefix \"AWSLogs\" is not valid"},
        {"good-name", "", "1111", "the account \"1111\" is not 12 digits"},
        {"good-name", "", "11112222333x", "the account \"11112222333x\" is not 12 digits"},
    };
    struct place p;
    place_init(&p);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct errinfo why;
        CHECK_INT(try_bucket(&p, rows[i].bucket, rows[i].prefix, rows[i].account, &why),
                  ERR_INVALID);
        CHECK(str_starts(str_of(why.text), str_of(rows[i].text)));
    }
    struct found found = {.count = 0};
    place_find(&p, "s3", &found);
    CHECK_INT(found.count, 0);
    found_free(&found);
    place_done(&p);
}

/* Root may write everywhere, so the refusals are made of things no one can write through. */
TEST("where it cannot be written the answer is ALB's")
{
    struct place p;
    struct errinfo why;
    place_init(&p);
    place_write(p.s3_fd, "a-file", STR("not a folder"));
    CHECK_INT(try_bucket(&p, "a-file", "", "111122223333", &why), ERR_DENIED);
    CHECK_STR(str_of(why.text),
              "Access Denied for bucket: a-file. Please check S3bucket permission");
    CHECK_INT(symlinkat("logs-one", p.s3_fd, "a-link"), 0);
    CHECK_INT(try_bucket(&p, "a-link", "", "111122223333", &why), ERR_DENIED);
    place_write(p.s3_fd, "logs-one/AWSLogs", STR("not a folder"));
    CHECK_INT(try_bucket(&p, "logs-one", "", "111122223333", &why), ERR_DENIED);
    CHECK_INT(mkdirat(p.s3_fd, "logs-two/AWSLogs", 0755), 0);
    CHECK_INT(mkdirat(p.s3_fd, "logs-two/AWSLogs/111122223333", 0755), 0);
    CHECK_INT(mkdirat(p.s3_fd, "logs-two/AWSLogs/111122223333/ELBAccessLogTestFile", 0755), 0);
    CHECK_INT(try_bucket(&p, "logs-two", "", "111122223333", &why), ERR_DENIED);
    place_done(&p);
}

TEST_MAIN
