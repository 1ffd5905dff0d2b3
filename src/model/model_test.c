/* SPDX-License-Identifier: Apache-2.0
 * The model's memory, names, identifiers, lookups and cross-resource rules. */
#include "model/model.h"

#include "base/limits.h"
#include "base/test.h"
#include "model/arn.h"

TEST("memory lives as long as the last reference")
{
    struct model *m = model_new();
    struct str a = model_dup(m, STR("hello"));
    struct model *second = model_ref(m);
    model_unref(&m);
    CHECK(m == NULL);
    CHECK_STR(a, "hello");
    CHECK_INT(second->references, 1);
    model_unref(&second);
    model_unref(&second); /* nothing left: harmless */
    CHECK(second == NULL);
}

TEST("memory is zeroed, aligned and never moves, small and large")
{
    struct model *m = model_new();
    char *first = model_alloc(m, 3);
    memcpy(first, "ab", 3);
    for (size_t size = 1; size < 40000; size += 997) {
        char *p = model_alloc(m, size);
        CHECK(((uintptr_t)p & 15) == 0);
        bool zero = true;
        for (size_t i = 0; i < size; i++) {
            zero = zero && p[i] == 0;
        }
        CHECK(zero);
        memset(p, 0xee, size);
    }
    CHECK_STR(str_of(first), "ab");
    CHECK_STR(model_printf(m, "%s-%d", "x", 7), "x-7");
    CHECK_STR(model_dup(m, STR_NONE), "");
    model_unref(&m);
}

TEST("every enumeration value is read back from its name")
{
#define CHECK_NAMES(type, prefix, count)                                                           \
    for (int i = 0; i <= (count); i++) {                                                           \
        enum type back = (enum type)0;                                                             \
        struct str name = str_of(prefix##_name((enum type)i));                                     \
        CHECK((name.n > 0) == (i < (int)(count)));                                                 \
        CHECK(prefix##_parse(name, &back) == (i < (int)(count)));                                  \
        CHECK(i == (int)(count) || (int)back == i);                                                \
    }
    CHECK_NAMES(protocol, protocol, PROTOCOL_COUNT)
    CHECK_NAMES(target_type, target_type, TARGET_TYPE_COUNT)
    CHECK_NAMES(action_type, action_type, ACTION_COUNT)
    CHECK_NAMES(condition_field, condition_field, CONDITION_COUNT)
    CHECK_NAMES(key_algorithm, key_algorithm, KEY_COUNT)
    enum protocol p;
    CHECK(!protocol_parse(STR("http"), &p)); /* with its case */
}

TEST("identifiers have AWS's forms")
{
    struct model *m = model_new();
    m->account = STR("123456789012");
    m->region = STR("eu-west-1");
    m->domain = STR("elb.localhost");
    struct str lb = arn_load_balancer(m, STR("web"), STR("0123456789abcdef"));
    CHECK_STR(lb, "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/"
                  "0123456789abcdef");
    struct str listener = arn_listener(m, lb, STR("1111111111111111"));
    CHECK_STR(listener, "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/"
                        "0123456789abcdef/1111111111111111");
    CHECK_STR(arn_rule(m, listener, STR("2222222222222222")),
              "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/web/"
              "0123456789abcdef/1111111111111111/2222222222222222");
    CHECK(arn_rule(m, lb, STR("2222222222222222")).p == NULL);
    CHECK(arn_listener(m, STR("web"), STR("1111111111111111")).p == NULL);
    struct str group = arn_target_group(m, STR("g"), STR("0123456789abcdef"));
    CHECK_STR(arn_resource(group), "targetgroup/g/0123456789abcdef");
    CHECK_STR(arn_load_balancer_full_name(lb), "app/web/0123456789abcdef");
    CHECK_STR(arn_load_balancer_full_name(group), "");
    CHECK_STR(arn_certificate(m, STR("12345678-1234-1234-1234-123456789012")),
              "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-"
              "123456789012");
    CHECK_STR(dns_name_load_balancer(m, STR("Web"), STR("171411087"), false),
              "Web-171411087.eu-west-1.elb.localhost");
    CHECK_STR(dns_name_load_balancer(m, STR("Web"), STR("171411087"), true),
              "internal-Web-171411087.eu-west-1.elb.localhost");
    CHECK_STR(str_of(hosted_zone_id(STR("eu-central-1"))), "Z215JYRZR1TBD5");
    CHECK_STR(str_of(hosted_zone_id(STR("my-cellar-1"))), "Z35SXDOTRQ7X7K");
    model_unref(&m);
}

/* ---- a sound model to break ---- */

enum { LBS = 2, LISTENERS = 2, RULES = 2, GROUPS = 2, TARGETS = 2 };

struct world {
    struct model *m;
    struct load_balancer lbs[LBS];
    struct listener listeners[LBS][LISTENERS];
    struct rule rules[RULES];
    struct condition condition;
    struct str value;
    struct target_group groups[GROUPS];
    struct target targets[GROUPS][TARGETS];
    struct certificate certificates[2];
    struct certificate *listed[2];
    struct addr addresses[LBS];
};

static void
world_groups(struct world *w)
{
    static const char *const names[] = {"g0", "g1"};
    for (size_t i = 0; i < GROUPS; i++) {
        struct target_group *g = &w->groups[i];
        g->name = str_of(names[i]);
        g->arn = arn_target_group(w->m, g->name, STR("0123456789abcdef"));
        g->health_check.interval_s = 30;
        g->health_check.timeout_s = 5;
        g->targets = w->targets[i];
        g->target_count = TARGETS;
        for (size_t j = 0; j < TARGETS; j++) {
            g->targets[j].slot = (uint32_t)(i * TARGETS + j);
            CHECK(addr_parse(STR("127.0.0.1"), (uint16_t)(9000 + j), &g->targets[j].addr));
        }
    }
}

static void
world_listeners(struct world *w, size_t at)
{
    struct load_balancer *lb = &w->lbs[at];
    lb->listeners = w->listeners[at];
    lb->listener_count = LISTENERS;
    for (size_t j = 0; j < LISTENERS; j++) {
        struct listener *l = &lb->listeners[j];
        l->load_balancer = lb;
        l->arn = arn_listener(w->m, lb->arn, j == 0 ? STR("a") : STR("b"));
        l->port = (uint16_t)(80 + j);
        l->slot = (uint32_t)(at * LISTENERS + j);
        l->default_action = (struct action){.type = ACTION_FORWARD, .target_group = &w->groups[at]};
    }
}

static void
world_make(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->m = model_new();
    w->m->account = STR("000000000000");
    w->m->region = STR("us-east-1");
    world_groups(w);
    static const char *const names[] = {"l0", "l1"};
    for (size_t i = 0; i < LBS; i++) {
        struct load_balancer *lb = &w->lbs[i];
        lb->name = str_of(names[i]);
        lb->arn = arn_load_balancer(w->m, lb->name, STR("0123456789abcdef"));
        lb->slot = (uint32_t)i;
        CHECK(addr_parse(i == 0 ? STR("127.0.0.1") : STR("127.0.0.2"), 0, &w->addresses[i]));
        lb->addresses = &w->addresses[i];
        lb->address_count = 1;
        world_listeners(w, i);
    }
    w->value = STR("/a");
    w->condition = (struct condition){CONDITION_PATH_PATTERN, &w->value, 1};
    for (size_t i = 0; i < RULES; i++) {
        w->rules[i] = (struct rule){
            .arn = i == 0 ? STR("rule-0") : STR("rule-1"),
            .priority = (uint32_t)(i + 1),
            .conditions = &w->condition,
            .condition_count = 1,
            .action = {.type = ACTION_FORWARD, .target_group = &w->groups[0]},
        };
    }
    w->listeners[0][0].rules = w->rules;
    w->listeners[0][0].rule_count = RULES;
    w->certificates[0].arn = STR("cert-0");
    w->certificates[1].arn = STR("cert-1");
    w->listed[0] = &w->certificates[0];
    w->listed[1] = &w->certificates[1];
    w->listeners[0][1].protocol = PROTOCOL_HTTPS;
    w->listeners[0][1].certificates = w->listed;
    w->listeners[0][1].certificate_count = 2;
    w->m->load_balancers = w->lbs;
    w->m->load_balancer_count = LBS;
    w->m->target_groups = w->groups;
    w->m->target_group_count = GROUPS;
    w->m->certificates = w->certificates;
    w->m->certificate_count = 2;
}

static void
break_nothing(struct world *w)
{
    (void)w;
}
static void
break_lb_name(struct world *w)
{
    w->lbs[1].name = w->lbs[0].name;
}
static void
break_lb_address(struct world *w)
{
    w->lbs[1].address_count = 0;
}
static void
break_lb_slot(struct world *w)
{
    w->lbs[1].slot = 0;
}
static void
break_lb_slot_range(struct world *w)
{
    w->lbs[1].slot = LIMIT_LOAD_BALANCERS_MAX;
}
static void
break_lb_bucket(struct world *w)
{
    w->lbs[1].access_logs.enabled = true;
}
static void
break_port(struct world *w)
{
    w->listeners[1][1].port = 80;
}
static void
break_shared_port(struct world *w)
{
    w->addresses[1] = w->addresses[0];
}
static void
break_listener_slot(struct world *w)
{
    w->listeners[1][1].slot = 0;
}
static void
break_no_certificate(struct world *w)
{
    w->listeners[0][1].certificate_count = 0;
}
static void
break_http_certificate(struct world *w)
{
    w->listeners[0][1].protocol = PROTOCOL_HTTP;
}
static void
break_priority_twice(struct world *w)
{
    w->rules[1].priority = 1;
}
static void
break_priority_order(struct world *w)
{
    w->rules[0].priority = 9;
}
static void
break_priority_range(struct world *w)
{
    w->rules[1].priority = 50001;
}
static void
break_conditions(struct world *w)
{
    w->condition.value_count = 0;
}
static void
break_group_name(struct world *w)
{
    w->groups[1].name = w->groups[0].name;
}
static void
break_group_shared(struct world *w)
{
    w->listeners[1][0].default_action.target_group = &w->groups[0];
}
static void
break_target_twice(struct world *w)
{
    w->targets[0][1].addr = w->targets[0][0].addr;
}
static void
break_target_slot(struct world *w)
{
    w->targets[1][1].slot = 0;
}
static void
break_timeout(struct world *w)
{
    w->groups[0].health_check.timeout_s = 30;
}
static void
break_certificate_arn(struct world *w)
{
    w->certificates[1].arn = STR("cert-0");
}

static const struct {
    void (*break_it)(struct world *w);
    enum err expected;
    const char *words; /* in the sentence */
} breakages[] = {
    {break_nothing, ERR_OK, ""},
    {break_lb_name, ERR_EXISTS, "A load balancer with the same name 'l0' exists"},
    {break_lb_address, ERR_INVALID, "has no address"},
    {break_lb_slot, ERR_EXISTS, "slot 0 is used twice"},
    {break_lb_slot_range, ERR_TOO_LARGE, "slot 50 is not below the limit of 50"},
    {break_lb_bucket, ERR_INVALID, "access_logs.s3.bucket"},
    {break_port, ERR_EXISTS, "A listener already exists on this port for this load balancer"},
    {break_shared_port, ERR_EXISTS, "port 80 of address 127.0.0.1 is taken by listener"},
    {break_listener_slot, ERR_EXISTS, "slot 0 is used twice"},
    {break_no_certificate, ERR_INVALID, "A certificate must be specified for HTTPS listeners"},
    {break_http_certificate, ERR_INVALID, "A certificate cannot be specified for HTTP listeners"},
    {break_priority_twice, ERR_EXISTS, "rule-1: Priority '1' is currently in use"},
    {break_priority_order, ERR_INVALID, "order of their priorities"},
    {break_priority_range, ERR_INVALID, "less than or equal to 50000"},
    {break_conditions, ERR_INVALID, "A condition value must be specified"},
    {break_group_name, ERR_EXISTS, "A target group with the same name 'g0' exists"},
    {break_group_shared, ERR_INVALID, "cannot be associated with more than one load balancer"},
    {break_target_twice, ERR_EXISTS, "of target group 'g0' are the same: 127.0.0.1:9000"},
    {break_target_slot, ERR_EXISTS, "slot 0 is used twice"},
    {break_timeout, ERR_INVALID, "must be smaller than the interval"},
    {break_certificate_arn, ERR_EXISTS, "Certificate 'cert-0' exists twice"},
};

TEST("each cross-resource rule is found broken, and only when it is")
{
    for (size_t i = 0; i < COUNT_OF(breakages); i++) {
        struct world w;
        world_make(&w);
        breakages[i].break_it(&w);
        struct errinfo e = {""};
        enum err got = model_check(w.m, &e);
        if (got != breakages[i].expected || strstr(e.text, breakages[i].words) == NULL) {
            test_failed(__FILE__, __LINE__, "row %zu: %s '%s'", i, err_name(got), e.text);
        }
        model_unref(&w.m);
    }
}

TEST("limits per load balancer and of all")
{
    struct world w;
    world_make(&w);
    struct rule rules[LIMIT_RULES_PER_LB_MAX + 1];
    for (uint32_t i = 0; i < COUNT_OF(rules); i++) {
        rules[i] = w.rules[0];
        rules[i].priority = i + 1;
    }
    w.listeners[0][0].rules = rules;
    w.listeners[0][0].rule_count = LIMIT_RULES_PER_LB_MAX;
    struct errinfo e = {""};
    CHECK_INT(model_check(w.m, &e), ERR_OK);
    w.listeners[0][0].rule_count++;
    CHECK_INT(model_check(w.m, &e), ERR_TOO_LARGE);
    CHECK(strstr(e.text, "has 101 rules; the limit is '100'") != NULL);
    struct certificate *listed[LIMIT_CERTIFICATES_PER_LB_MAX + 2];
    for (size_t i = 0; i < COUNT_OF(listed); i++) {
        listed[i] = &w.certificates[0];
    }
    w.listeners[0][0].rule_count = 0;
    w.listeners[0][1].certificates = listed;
    w.listeners[0][1].certificate_count = LIMIT_CERTIFICATES_PER_LB_MAX + 1;
    CHECK_INT(model_check(w.m, &e), ERR_OK);
    w.listeners[0][1].certificate_count++;
    CHECK_INT(model_check(w.m, &e), ERR_TOO_LARGE);
    model_unref(&w.m);
}

TEST("lookups find by ARN and slot, and nothing else")
{
    struct world w;
    world_make(&w);
    CHECK(model_load_balancer(w.m, w.lbs[1].arn) == &w.lbs[1]);
    CHECK(model_load_balancer(w.m, STR("l1")) == NULL);
    CHECK(model_listener(w.m, w.listeners[1][0].arn) == &w.listeners[1][0]);
    CHECK(model_listener(w.m, STR_NONE) == NULL);
    CHECK(model_listener_by_slot(w.m, 3) == &w.listeners[1][1]);
    CHECK(model_listener_by_slot(w.m, 4) == NULL);
    CHECK(model_target_group(w.m, w.groups[1].arn) == &w.groups[1]);
    CHECK(model_target_group(w.m, STR("x")) == NULL);
    CHECK(model_certificate(w.m, STR("cert-1")) == &w.certificates[1]);
    CHECK(model_certificate(w.m, STR("cert-2")) == NULL);
    model_unref(&w.m);
}

TEST_MAIN
