/* SPDX-License-Identifier: Apache-2.0
 * Object keys, file names, intervals, and walking that cannot leave its root. */
#include "log/log_test.h"

static struct log_destination destination = {true, {"logs-one", 8}, {"team/web", 8}};

static void
check_path(uint64_t end_us, bool seconds, const char *node, uint64_t random, const char *expected)
{
    struct log_key key;
    struct log_file_name name = {.end_us = end_us, .seconds = seconds, .random = random};
    char path[LOG_PATH_MAX];
    CHECK(addr_parse(str_of(node), 0, &name.node));
    CHECK(log_key_make(&destination, STR("111122223333"), STR("eu-central-1"),
                       STR("app/edge-one/0a1b2c3d4e5f6071"), &key));
    CHECK(log_key_path(&key, &name, path));
    CHECK_STR(str_of(path), expected);
}

TEST("the key of a five-minute file")
{
    check_path(
        PLACE_NOON + 300 * SECOND_US, false, "203.0.113.9", 36 * 35 + 1,
        "logs-one/team/web/AWSLogs/111122223333/elasticloadbalancing/eu-central-1/2026/09/23/"
        "111122223333_elasticloadbalancing_eu-central-1_app.edge-one.0a1b2c3d4e5f6071_"
        "20260923T1205Z_203.0.113.9_1z000000.log");
}

TEST("without a prefix there is no double slash; an IPv6 node has dots; seconds where they matter")
{
    destination.prefix = STR_NONE;
    check_path(PLACE_NOON + 7 * SECOND_US, true, "2001:db8::1", 0,
               "logs-one/AWSLogs/111122223333/elasticloadbalancing/eu-central-1/2026/09/23/"
               "111122223333_elasticloadbalancing_eu-central-1_app.edge-one.0a1b2c3d4e5f6071_"
               "20260923T120007Z_2001.db8..1_00000000.log");
    destination.prefix = STR("team/web");
}

TEST("the last interval of a day lies in the next day's folder")
{
    uint64_t end = log_interval_end_us(PLACE_NOON + 43199 * SECOND_US, 300);
    CHECK_INT(end, PLACE_NOON + 43200 * SECOND_US);
    check_path(
        end, false, "203.0.113.9", 0,
        "logs-one/team/web/AWSLogs/111122223333/elasticloadbalancing/eu-central-1/2026/09/24/"
        "111122223333_elasticloadbalancing_eu-central-1_app.edge-one.0a1b2c3d4e5f6071_"
        "20260924T0000Z_203.0.113.9_00000000.log");
}

TEST("intervals are counted from midnight and end with the day")
{
    CHECK_INT(log_interval_end_us(PLACE_NOON, 300), PLACE_NOON + 300 * SECOND_US);
    CHECK_INT(log_interval_end_us(PLACE_NOON - 1, 300), PLACE_NOON);
    CHECK_INT(log_interval_end_us(PLACE_NOON + 1, 1), PLACE_NOON + SECOND_US);
    uint64_t last = PLACE_NOON + 43199 * SECOND_US;
    CHECK_INT(log_interval_end_us(last, 7), PLACE_NOON + 43200 * SECOND_US);
    CHECK_INT(log_interval_end_us(last, 86400), PLACE_NOON + 43200 * SECOND_US);
}

TEST("kinds of file names")
{
    struct log_file_kind kind;
    CHECK(log_file_kind(STR("x.log"), &kind));
    CHECK(!kind.open);
    CHECK_INT(kind.final_n, 5);
    CHECK(log_file_kind(STR("x.log.open.3.17"), &kind));
    CHECK(kind.open);
    CHECK_INT(kind.final_n, 5);
    CHECK_INT(kind.worker, 3);
    CHECK_INT(kind.generation, 17);
    static const char *const others[] = {"x",
                                         "x.log.gz",
                                         "x.log.open.",
                                         "x.log.open.1",
                                         "x.log.open.a.1",
                                         "x.log.open.1.-1",
                                         "x.log.open.1.2.3",
                                         "x.log.open.1.4294967296"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        CHECK(!log_file_kind(str_of(others[i]), &kind));
    }
}

TEST("prefixes that are legal and that are not")
{
    static const char *const good[] = {"", "a", "a/b", "team.web/x_y-z", "..a", "a..b"};
    static const char *const bad[] = {"/a",      "a/",  "a//b",    "..",   "a/../b",
                                      ".",       "a/.", "a b",     "a\\b", "x/AWSLogs",
                                      "AWSLogs", "a:b", "\xc3\xa9"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        CHECK(log_prefix_legal(str_of(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK(!log_prefix_legal(str_of(bad[i])));
    }
    char text[LOG_PREFIX_MAX + 1];
    memset(text, 'a', sizeof(text));
    CHECK(!log_prefix_legal((struct str){text, LOG_PREFIX_MAX + 1}));
    CHECK(!log_prefix_legal((struct str){text, 256})); /* a folder's name ends at 255 */
    for (size_t i = 1; i < sizeof(text); i += 2) {
        text[i] = '/';
    }
    CHECK(log_prefix_legal((struct str){text, 2 * LOG_PREFIX_DEPTH_MAX - 1}));
    CHECK(!log_prefix_legal((struct str){text, 2 * LOG_PREFIX_DEPTH_MAX + 1}));
}

TEST("keys with an illegal part or too long a name are refused")
{
    struct log_key key;
    struct log_destination d = destination;
    struct str id = STR("app/edge-one/0a1b2c3d4e5f6071");
    CHECK(!log_key_make(&d, STR("../x"), STR("eu"), id, &key));
    CHECK(!log_key_make(&d, STR("1"), STR(".."), id, &key));
    CHECK(!log_key_make(&d, STR("1"), STR("eu"), STR("app/a b"), &key));
    d.bucket = STR("UPPER");
    CHECK(!log_key_make(&d, STR("1"), STR("eu"), id, &key));
    d.bucket = STR("logs-one");
    d.prefix = STR("a/../b");
    CHECK(!log_key_make(&d, STR("1"), STR("eu"), id, &key));
    char region[300];
    memset(region, 'r', sizeof(region));
    CHECK(!log_key_make(&destination, STR("1"), (struct str){region, 200}, id, &key));
}

TEST("walking refuses to leave the root and to follow links")
{
    struct place p;
    place_init(&p);
    const char *name;
    static const char *const bad[] = {"../x", "a/../x", "/x", "a//x", "./x", "a/.", "a/..", ""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_INT(tree_open_parent(p.spool_fd, bad[i], 0, 0755, &name), -1);
        CHECK_INT(errno, EINVAL);
    }
    CHECK_INT(symlinkat("../s3", p.spool_fd, "link"), 0);
    CHECK_INT(tree_open_parent(p.spool_fd, "link/x", 0, 0755, &name), -1);
    CHECK(errno == ELOOP || errno == ENOTDIR);
    CHECK_INT(tree_open_parent(p.spool_fd, "one/two/x", 1, 0755, &name), -1);
    CHECK_INT(errno, ENOENT);
    int fd = tree_open_parent(p.spool_fd, "one/two/x", 0, 0755, &name);
    CHECK(fd >= 0);
    CHECK_STR(str_of(name), "x");
    CHECK_INT(close(fd), 0);
    place_done(&p);
}

TEST("pruning removes empty folders only")
{
    struct place p;
    struct found found = {.count = 0};
    place_init(&p);
    place_write(p.spool_fd, "a/keep", STR("x"));
    const char *name;
    int fd = tree_open_parent(p.spool_fd, "a/b/c/d/x", 0, 0755, &name);
    CHECK_INT(close(fd), 0);
    tree_prune(p.spool_fd, "a/b/c/d/x");
    place_find(&p, "spool", &found);
    CHECK_INT(found.count, 1);
    CHECK_INT(found.folders, 1);
    found_free(&found);
    place_done(&p);
}

TEST_MAIN
