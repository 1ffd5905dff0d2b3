/* SPDX-License-Identifier: Apache-2.0
 * Every attribute of the table, row by row, and the sentences of refusals. */
#include "model/attributes.h"

#include "base/test.h"

#include <stdio.h>

/* The first allowed value that is not the default; false when there is none. */
static bool
other_value(const struct attribute *a, char *to, size_t size)
{
    struct str rest = str_of(a->allowed);
    struct str piece;
    while (str_cut(&rest, ',', &piece)) {
        size_t dash;
        struct str value = piece;
        if (str_find_char(piece, '-', &dash)) {
            value = str_sub(piece, 0, dash); /* the lower end of a range */
        }
        if (value.n > 0 && !str_eq(value, str_of(a->initial))) {
            return str_copy_z(value, to, size);
        }
    }
    return false;
}

static enum err
check(const struct attribute *a, const char *value, struct errinfo *e)
{
    *e = (struct errinfo){""};
    return attribute_check(a->table, str_of(a->key), str_of(value), e);
}

TEST("the counts of keys are AWS's: 22 and one for dualstack, 14, 11 and 8 more for HTTPS")
{
    size_t counts[ATTRIBUTES_COUNT][ATTRIBUTE_NETWORK + 1] = {{0}};
    const struct attribute *a;
    for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
        counts[a->table][a->scope]++;
    }
    CHECK_INT(counts[ATTRIBUTES_LOAD_BALANCER][ATTRIBUTE_ALB], 23);
    CHECK_INT(counts[ATTRIBUTES_TARGET_GROUP][ATTRIBUTE_ALB], 14);
    CHECK_INT(counts[ATTRIBUTES_LISTENER][ATTRIBUTE_ALB], 11);
    CHECK_INT(counts[ATTRIBUTES_LISTENER][ATTRIBUTE_HTTPS], 8);
}

TEST("keys are unique and found")
{
    const struct attribute *a;
    for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
        CHECK(attribute_find(a->table, str_of(a->key)) == a);
    }
}

TEST("the default of each key of an Application Load Balancer is accepted")
{
    const struct attribute *a;
    struct errinfo e;
    for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
        enum err got = check(a, a->initial, &e);
        bool other_kind = a->scope != ATTRIBUTE_ALB && a->scope != ATTRIBUTE_HTTPS;
        if (got != (other_kind ? ERR_INVALID : ERR_OK)) {
            test_failed(__FILE__, __LINE__, "%s: %s %s", a->key, err_name(got), e.text);
        }
        if (other_kind && strstr(e.text, "is not supported on ") == NULL) {
            test_failed(__FILE__, __LINE__, "%s: %s", a->key, e.text);
        }
    }
}

TEST("another allowed value acts, is kept or is named as not supported yet")
{
    const struct attribute *a;
    struct errinfo e;
    size_t tried = 0;
    for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
        char value[64];
        if (a->scope > ATTRIBUTE_HTTPS || !other_value(a, value, sizeof(value))) {
            continue;
        }
        tried++;
        enum err expected = a->status == ATTRIBUTE_NOT_YET ? ERR_UNSUPPORTED : ERR_OK;
        enum err got = check(a, value, &e);
        if (got != expected) {
            test_failed(__FILE__, __LINE__, "%s=%s: %s %s", a->key, value, err_name(got), e.text);
        }
        if (got == ERR_UNSUPPORTED && strstr(e.text, "is not supported yet") == NULL) {
            test_failed(__FILE__, __LINE__, "%s: %s", a->key, e.text);
        }
    }
    CHECK(tried > 25);
}

TEST("no listed key takes rubbish, an empty word or a number with blanks")
{
    static const char *const rubbish[] = {"", "maybe", "True", " 1", "1 ", "-1", "99999999"};
    const struct attribute *a;
    struct errinfo e;
    for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
        for (size_t j = 0; j < COUNT_OF(rubbish); j++) {
            if (a->allowed[0] != '\0' && check(a, rubbish[j], &e) != ERR_INVALID) {
                test_failed(__FILE__, __LINE__, "%s took '%s'", a->key, rubbish[j]);
            }
        }
    }
}

static const struct {
    enum attribute_table table;
    const char *key;
    const char *value;
    enum err expected;
    const char *sentence;
} cases[] = {
    {ATTRIBUTES_LOAD_BALANCER, "idle_timeout.timeout_seconds", "1", ERR_OK, ""},
    {ATTRIBUTES_LOAD_BALANCER, "idle_timeout.timeout_seconds", "4000", ERR_OK, ""},
    {ATTRIBUTES_LOAD_BALANCER, "idle_timeout.timeout_seconds", "0", ERR_INVALID,
     "'idle_timeout.timeout_seconds' value '0' must be between '1-4000' inclusive"},
    {ATTRIBUTES_LOAD_BALANCER, "client_keep_alive.seconds", "59", ERR_INVALID,
     "'client_keep_alive.seconds' value '59' must be between '60-604800' inclusive"},
    {ATTRIBUTES_LOAD_BALANCER, "idle_timeout.timeout_second", "1", ERR_INVALID,
     "Load balancer attribute key 'idle_timeout.timeout_second' is not recognized; did you mean "
     "'idle_timeout.timeout_seconds'?"},
    {ATTRIBUTES_LOAD_BALANCER, "colour", "blue", ERR_INVALID,
     "Load balancer attribute key 'colour' is not recognized"},
    {ATTRIBUTES_TARGET_GROUP, "colour", "blue", ERR_INVALID,
     "Target group attribute key 'colour' is not recognized"},
    {ATTRIBUTES_LISTENER, "colour", "blue", ERR_INVALID,
     "Listener attribute key 'colour' is not recognized"},
    {ATTRIBUTES_TARGET_GROUP, "deregistration_delay.timeout_seconds", "3601", ERR_INVALID,
     "'deregistration_delay.timeout_seconds' value '3601' must be between '0-3600' inclusive"},
    {ATTRIBUTES_TARGET_GROUP, "slow_start.duration_seconds", "29", ERR_INVALID,
     "'slow_start.duration_seconds' value '29' must be between '0,30-900' inclusive"},
    {ATTRIBUTES_TARGET_GROUP, "slow_start.duration_seconds", "30", ERR_UNSUPPORTED,
     "Target group attribute 'slow_start.duration_seconds' with value '30' is not supported yet; "
     "only its default '0' is"},
    {ATTRIBUTES_TARGET_GROUP, "stickiness.app_cookie.cookie_name", "AWSALBAPP-1", ERR_INVALID,
     "The cookie name 'AWSALBAPP-1' is not valid: names that begin with 'AWSALB' are reserved for "
     "the load balancer"},
    {ATTRIBUTES_TARGET_GROUP, "stickiness.app_cookie.cookie_name", "SID", ERR_UNSUPPORTED,
     "Target group attribute 'stickiness.app_cookie.cookie_name' with value 'SID' is not supported "
     "yet; only its default '' is"},
    {ATTRIBUTES_LOAD_BALANCER, "load_balancing.cross_zone.enabled", "false", ERR_INVALID,
     "'load_balancing.cross_zone.enabled' value 'false' must be one of 'true'"},
    {ATTRIBUTES_LOAD_BALANCER, "dns_record.client_routing_policy", "any_availability_zone",
     ERR_INVALID,
     "Load balancer attribute key 'dns_record.client_routing_policy' is not supported on load "
     "balancers with type 'application'"},
    {ATTRIBUTES_LOAD_BALANCER, "access_logs.s3.bucket", "my-logs", ERR_OK, ""},
    {ATTRIBUTES_LOAD_BALANCER, "access_logs.s3.bucket", "My_Logs", ERR_INVALID,
     "The bucket name 'My_Logs' is not valid: 3-63 lower-case letters, digits, dots and hyphens, "
     "beginning and ending with a letter or digit, not formed like an address"},
    {ATTRIBUTES_LOAD_BALANCER, "access_logs.s3.prefix", "team/web", ERR_OK, ""},
    {ATTRIBUTES_LOAD_BALANCER, "access_logs.s3.prefix", "web/", ERR_INVALID,
     "The value of 'access_logs.s3.prefix' cannot start or end with '/'"},
    {ATTRIBUTES_LOAD_BALANCER, "access_logs.s3.prefix", "a b", ERR_INVALID,
     "S3Bucket prefix can only contain combination of uppercase letters, lowercase letters, "
     "numbers, periods (.), dashes (-), underscores (_) and slashes (/)"},
    {ATTRIBUTES_LOAD_BALANCER, "access_logs.s3.prefix", "x/AWSLogs/y", ERR_INVALID,
     "The value of 'access_logs.s3.prefix' cannot contain 'AWSLogs'"},
    {ATTRIBUTES_LOAD_BALANCER, "access_logs.s3.prefix", "a/../b", ERR_INVALID,
     "The value of 'access_logs.s3.prefix' cannot contain '//' or a part '.' or '..'"},
    {ATTRIBUTES_LISTENER, "routing.http.response.x_frame_options.header_value", "a\"b", ERR_INVALID,
     "The value of 'routing.http.response.x_frame_options.header_value' can only contain letters, "
     "digits, blanks and _:;.,\\/'?!(){}[]@<>=-+*#&`|~^%"},
    {ATTRIBUTES_LISTENER, "routing.http.response.x_frame_options.header_value", "DENY",
     ERR_UNSUPPORTED,
     "Listener attribute 'routing.http.response.x_frame_options.header_value' with value 'DENY' is "
     "not supported yet; only its default '' is"},
};

TEST("values are taken and refused with AWS's sentences")
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct errinfo e = {""};
        CHECK_INT(attribute_check(cases[i].table, str_of(cases[i].key), str_of(cases[i].value), &e),
                  cases[i].expected);
        CHECK_STR(str_of(e.text), cases[i].sentence);
    }
}

TEST("a value of more than 1024 characters is refused")
{
    char value[1026];
    memset(value, 'a', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    struct errinfo e;
    CHECK_INT(
        attribute_check(ATTRIBUTES_LOAD_BALANCER, STR("access_logs.s3.prefix"), str_of(value), &e),
        ERR_INVALID);
}

TEST("names of TLS and mTLS headers belong to HTTPS listeners")
{
    struct errinfo e;
    struct str key = STR("routing.http.request.x_amzn_tls_version.header_name");
    CHECK_INT(attribute_check_listener(PROTOCOL_HTTPS, key, &e), ERR_OK);
    CHECK_INT(attribute_check_listener(PROTOCOL_HTTP, key, &e), ERR_INVALID);
    CHECK_STR(str_of(e.text), "Listener attribute key "
                              "'routing.http.request.x_amzn_tls_version.header_name' is not "
                              "supported on listeners with protocol HTTP");
    CHECK_INT(
        attribute_check_listener(PROTOCOL_HTTP, STR("routing.http.response.server.enabled"), &e),
        ERR_OK);
    CHECK_INT(attribute_check_listener(PROTOCOL_HTTP, STR("nonsense"), &e), ERR_INVALID);
}

TEST("acting attributes fill their fields, and logging needs a bucket")
{
    struct model *m = model_new();
    struct load_balancer lb = {.slot = 0};
    struct errinfo e;
    attribute_defaults_load_balancer(m, &lb);
    CHECK_INT(lb.idle_timeout_s, 60);
    CHECK_INT(lb.client_keep_alive_s, 3600);
    CHECK(!lb.access_logs.enabled);
    CHECK_INT(attribute_check_load_balancer(&lb, &e), ERR_OK);
    attribute_set_load_balancer(m, &lb, STR("idle_timeout.timeout_seconds"), STR("7"));
    attribute_set_load_balancer(m, &lb, STR("access_logs.s3.enabled"), STR("true"));
    CHECK_INT(lb.idle_timeout_s, 7);
    CHECK_INT(attribute_check_load_balancer(&lb, &e), ERR_INVALID);
    attribute_set_load_balancer(m, &lb, STR("access_logs.s3.bucket"), STR("logs"));
    attribute_set_load_balancer(m, &lb, STR("access_logs.s3.prefix"), STR("a/b"));
    CHECK_INT(attribute_check_load_balancer(&lb, &e), ERR_OK);
    CHECK_STR(lb.access_logs.bucket, "logs");
    CHECK_STR(lb.access_logs.prefix, "a/b");
    model_unref(&m);
}

TEST_MAIN
