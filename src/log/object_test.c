/* SPDX-License-Identifier: Apache-2.0
 * Names of log files: those of AWS, those of our own writer, test files, and what is none. */
#include "base/clock.h"
#include "base/rand.h"
#include "base/test.h"
#include "log/log_int.h"
#include "log/read.h"

#define STEM "111122223333_elasticloadbalancing_eu-central-1_app.edge-one.0a1b2c3d4e5f6071_"
#define FOLDER "AWSLogs/111122223333/elasticloadbalancing/eu-central-1/2026/09/23/"
#define TAIL "20260923T1105Z_203.0.113.9_5iobx1sm.log.gz"

enum { END_S = 1790161500 }; /* 2026-09-23T11:05:00Z */

static const struct {
    const char *path;
    enum log_kind kind;
    bool compressed;
    unsigned seconds; /* of the end, behind 11:05 */
    const char *prefix;
    const char *node, *random;
} good[] = {
    {STEM TAIL, LOG_ACCESS, true, 0, NULL, "203.0.113.9", "5iobx1sm"},
    {FOLDER STEM TAIL, LOG_ACCESS, true, 0, "", "203.0.113.9", "5iobx1sm"},
    {"web/" FOLDER STEM TAIL, LOG_ACCESS, true, 0, "web", "203.0.113.9", "5iobx1sm"},
    {"my-bucket/web/eu/x/" FOLDER STEM TAIL, LOG_ACCESS, true, 0, "my-bucket/web/eu/x",
     "203.0.113.9", "5iobx1sm"},
    {"/srv/AWSLogs/old/" FOLDER STEM TAIL, LOG_ACCESS, true, 0, "/srv/AWSLogs/old", "203.0.113.9",
     "5iobx1sm"},
    {"./notAWSLogs/" STEM TAIL, LOG_ACCESS, true, 0, NULL, "203.0.113.9", "5iobx1sm"},
    {"elsewhere/" STEM TAIL, LOG_ACCESS, true, 0, NULL, "203.0.113.9", "5iobx1sm"},
    {FOLDER "conn_log_" STEM TAIL, LOG_CONNECTION, true, 0, "", "203.0.113.9", "5iobx1sm"},
    {FOLDER "health_check_log_" STEM TAIL, LOG_HEALTH, true, 0, "", "203.0.113.9", "5iobx1sm"},
    {"conn_log_" STEM TAIL, LOG_CONNECTION, true, 0, NULL, "203.0.113.9", "5iobx1sm"},
    {STEM "20260923T1105Z_203.0.113.9_5iobx1sm.log", LOG_ACCESS, false, 0, NULL, "203.0.113.9",
     "5iobx1sm"},
    {STEM "20260923T110507Z_2001.db8..7_00000000.log.gz", LOG_ACCESS, true, 7, NULL, "2001.db8..7",
     "00000000"},
    {STEM "20260923T1105Z_2001:db8::7_a.log.gz", LOG_ACCESS, true, 0, NULL, "2001:db8::7", "a"},
};

TEST("names of all kinds and what they tell")
{
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct log_object o;
        struct str path = str_of(good[i].path);
        if (!log_object_parse(path, &o)) {
            test_failed(__FILE__, __LINE__, "refused: %s", good[i].path);
            continue;
        }
        CHECK_INT(o.kind, good[i].kind);
        CHECK_INT(o.compressed, good[i].compressed);
        CHECK(!o.test_file);
        CHECK_STR(o.account, "111122223333");
        CHECK_STR(o.region, "eu-central-1");
        CHECK_STR(o.elb_dotted, "app.edge-one.0a1b2c3d4e5f6071");
        CHECK_INT(o.end_us, (END_S + UINT64_C(1) * good[i].seconds) * 1000000);
        CHECK_STR(o.node, good[i].node);
        CHECK_STR(o.random, good[i].random);
        CHECK_INT(o.prefix.p == NULL, good[i].prefix == NULL);
        CHECK_STR(o.prefix, good[i].prefix);
        CHECK(o.account.p > path.p - 1 && o.random.p + o.random.n <= path.p + path.n);
    }
}

TEST("test files")
{
    static const char *const paths[] = {
        "ELBAccessLogTestFile",
        "AWSLogs/111122223333/ELBAccessLogTestFile",
        "bucket/web/AWSLogs/111122223333/ELBAccessLogTestFile",
        "AWSLogs/111122223333/ELBConnectionLogTestFile",
        "web/AWSLogs/111122223333/ELBHealthCheckLogTestFile",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct log_object o;
        CHECK(log_object_parse(str_of(paths[i]), &o));
        CHECK(o.test_file);
        CHECK(o.account.p == NULL && o.node.p == NULL && o.prefix.p == NULL && !o.compressed);
    }
}

TEST("what is no name of a log")
{
    static const char *const paths[] = {
        "",
        "/",
        FOLDER,
        "access.log",
        "access.log.gz",
        "AWSLogs/111122223333/ELBAccessLogTestFile.gz",
        "ELBAccessLogTestFile/x",
        STEM TAIL ".open.0.1",
        STEM "20260923T1105Z_203.0.113.9_5iobx1sm.gz",
        STEM "20260923T1105Z_203.0.113.9_5iobx1sm",
        STEM "20260923T1105Z_203.0.113.9_.log",
        STEM "20260923T1105Z_203.0.113.9.log",
        STEM "20260923T1105Z__5iobx1sm.log",
        STEM "20260923T1105Z_203.0.113.9_5iobx1sm_.log",
        STEM "20260923T1105Z_203.0.113.9_5iobx1sm_x.log",
        STEM "20260923T1105Z_203.0.113.9_5iob x1sm.log",
        STEM "20260923T1105_203.0.113.9_5iobx1sm.log",
        STEM "20260923T110Z_203.0.113.9_5iobx1sm.log",
        STEM "20260923T11050Z_203.0.113.9_5iobx1sm.log",
        STEM "20260923T1105000Z_203.0.113.9_5iobx1sm.log",
        STEM "20260923T2400Z_203.0.113.9_5iobx1sm.log",
        STEM "20260230T1105Z_203.0.113.9_5iobx1sm.log",
        STEM "20261323T1105Z_203.0.113.9_5iobx1sm.log",
        STEM "202609-3T1105Z_203.0.113.9_5iobx1sm.log",
        "Conn_log_" STEM TAIL,
        "conn_log_conn_log_" STEM TAIL,
        "x" STEM TAIL,
        "11112222333_elasticloadbalancing_eu-central-1_app.e.0a_" TAIL,
        "11112222333x_elasticloadbalancing_eu-central-1_app.e.0a_" TAIL,
        "111122223333_vpcflowlogs_eu-central-1_app.e.0a_" TAIL,
        "111122223333_elasticloadbalancing__app.e.0a_" TAIL,
        "111122223333_elasticloadbalancing_eu-central-1_net.e.0a_" TAIL,
        "111122223333_elasticloadbalancing_eu-central-1_my-classic_" TAIL,
        "111122223333_elasticloadbalancing_eu-central-1_app._" TAIL,
        "111122223333_elasticloadbalancing_eu-central-1_app.e_" TAIL,
        "111122223333_elasticloadbalancing_eu-central-1_app.e._" TAIL,
        "111122223333_elasticloadbalancing_eu-central-1_app..0a_" TAIL,
        "111122223333_elasticloadbalancing_eu-central-1_app/e/0a_" TAIL,
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct log_object o = {.end_us = 5};
        if (log_object_parse(str_of(paths[i]), &o)) {
            test_failed(__FILE__, __LINE__, "accepted: %s", paths[i]);
        }
        CHECK_INT(o.end_us, 5);
    }
}

TEST("what our own writer names is read back")
{
    static const char *const nodes[] = {"203.0.113.9", "2001:db8::7", "::1", "127.0.0.1"};
    struct rand r;
    rand_seed(&r, 21);
    struct log_destination d = {.bucket = STR("my-logs"), .prefix = STR("web/eu")};
    struct log_key key;
    CHECK(log_key_make(&d, STR("000000000000"), STR("eu-central-1"),
                       STR("app/edge-one/0a1b2c3d4e5f6071"), &key));
    for (int i = 0; i < 500; i++) {
        struct log_file_name name = {.random = rand_u64(&r), .seconds = rand_below(&r, 2) == 0};
        uint64_t step_s = name.seconds ? 1 : 60;
        name.end_us = rand_below(&r, UINT64_C(4102444800) / step_s) * step_s * 1000000;
        const char *node = nodes[rand_below(&r, COUNT_OF(nodes))];
        CHECK(addr_parse(str_of(node), 80, &name.node));
        char path[LOG_PATH_MAX];
        CHECK(log_key_path(&key, &name, path));
        struct log_object o;
        CHECK(log_object_parse(str_of(path), &o));
        CHECK_INT(o.end_us, name.end_us);
        CHECK_STR(o.account, "000000000000");
        CHECK_STR(o.region, "eu-central-1");
        CHECK_STR(o.elb_dotted, "app.edge-one.0a1b2c3d4e5f6071");
        CHECK_STR(o.prefix, "my-logs/web/eu");
        CHECK_INT(o.random.n, 8);
        CHECK_INT(o.node.n, strlen(node));
        CHECK(!o.compressed && o.kind == LOG_ACCESS && !o.test_file);
    }
}

TEST_MAIN
