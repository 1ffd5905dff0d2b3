/* SPDX-License-Identifier: Apache-2.0
 * Names, addresses, and what the facts answer when they are asked. */
#include "doctor/facts.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"

static struct addr
address(const char *ip, uint16_t port)
{
    struct addr a = {0};
    CHECK(addr_parse(str_of(ip), port, &a));
    return a;
}

static void
make(struct facts *f, const char *host)
{
    facts_init(f);
    (void)snprintf(f->question.host, sizeof(f->question.host), "%s", host);
    f->question.port = 8443;
}

static struct result *
add(struct facts *f, enum probe p, enum side s, enum outcome o)
{
    struct result *r = facts_add(f);
    r->probe = p;
    r->side = s;
    r->outcome = o;
    return r;
}

/* An answer with a chain of CNAMEs, blank separated, that ends at these addresses. */
static void
add_answer(struct facts *f, enum probe p, const char *names, const char *addrs)
{
    struct result *r = add(f, p, SIDE_NONE, OUTCOME_OK);
    size_t cap = 0;
    struct str rest = str_of(names);
    struct str name, next, ip;
    r->dns = xalloc(sizeof(*r->dns));
    CHECK(str_cut(&rest, ' ', &name));
    while (str_cut(&rest, ' ', &next)) {
        struct dns_record *c = VEC_PUSH(r->dns->records, r->dns->record_count, cap);
        CHECK(str_copy_z(name, c->name, sizeof(c->name)));
        CHECK(str_copy_z(next, c->target, sizeof(c->target)));
        c->type = DNS_TYPE_CNAME;
        name = next;
    }
    rest = str_of(addrs);
    while (rest.n > 0 && str_cut(&rest, ' ', &ip)) {
        struct dns_record *a = VEC_PUSH(r->dns->records, r->dns->record_count, cap);
        CHECK(str_copy_z(name, a->name, sizeof(a->name)));
        CHECK(addr_parse(ip, 0, &a->addr));
        a->type = addr_is_v6(&a->addr) ? DNS_TYPE_AAAA : DNS_TYPE_A;
    }
}

static const char *
list(const struct addr *addrs, size_t n)
{
    static char text[512];
    struct out o = out_of(text, sizeof(text) - 1);
    for (size_t i = 0; i < n; i++) {
        out_str(&o, i == 0 ? STR("") : STR(" "));
        out_addr_port(&o, &addrs[i]);
    }
    *o.p = '\0';
    return text;
}

static const char *
site_addrs(const struct facts *f)
{
    struct addr addrs[8];
    return list(addrs, facts_site_addrs(f, addrs, COUNT_OF(addrs)));
}

static const char *
lb_addrs(const struct facts *f)
{
    struct addr addrs[8];
    return list(addrs, facts_lb_addrs(f, addrs, COUNT_OF(addrs)));
}

TEST("every name is there and leads back")
{
    for (unsigned i = 0; i < PROBE_COUNT; i++) {
        enum probe p;
        CHECK(probe_find(str_of(probe_name((enum probe)i)), &p) && p == (enum probe)i);
        CHECK(probe_sentence((enum probe)i)[0] != '\0');
        CHECK(probe_layer((enum probe)i) < LAYER_COUNT);
    }
    for (unsigned i = 0; i < SIDE_COUNT; i++) {
        CHECK(side_name((enum side)i) != NULL);
    }
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        CHECK(outcome_name((enum outcome)i) != NULL);
    }
    for (unsigned i = 0; i < SKIP_COUNT; i++) {
        CHECK(skip_name((enum skip)i) != NULL && skip_text((enum skip)i) != NULL);
    }
    for (unsigned i = 0; i < FINISH_COUNT; i++) {
        CHECK(finish_name((enum finish)i) != NULL);
    }
    enum probe p;
    CHECK(!probe_find(STR("Q9"), &p));
}

TEST("addresses: an override, else the system's, else the resolvers'")
{
    struct facts f;
    make(&f, "app.example.test");
    CHECK_STR(str_of(site_addrs(&f)), "");
    add_answer(&f, PROBE_D2A, "app.example.test", "198.51.100.7 198.51.100.8");
    add_answer(&f, PROBE_D2A, "app.example.test", "198.51.100.8 198.51.100.9");
    CHECK_STR(str_of(site_addrs(&f)), "198.51.100.7:8443 198.51.100.8:8443 198.51.100.9:8443");
    struct result *r = add(&f, PROBE_D1, SIDE_NONE, OUTCOME_OK);
    r->addrs = xalloc(2 * sizeof(*r->addrs));
    r->addrs[0] = address("2001:db8::1", 0);
    r->addrs[1] = address("198.51.100.7", 0);
    r->addr_count = 2;
    CHECK_STR(str_of(site_addrs(&f)), "2001:db8::1:8443 198.51.100.7:8443");
    f.question.family = AF_INET;
    CHECK_STR(str_of(site_addrs(&f)), "198.51.100.7:8443");
    struct resolve_override *o = &f.question.resolve[f.question.resolve_count++];
    (void)snprintf(o->host, sizeof(o->host), "APP.example.test");
    o->addr = address("127.0.0.1", 443);
    CHECK_STR(str_of(site_addrs(&f)), "198.51.100.7:8443"); /* another port */
    o->addr = address("127.0.0.1", 8443);
    CHECK_STR(str_of(site_addrs(&f)), "127.0.0.1:8443");
    facts_done(&f);
}

TEST("an address in the URL is its own answer")
{
    struct facts f;
    make(&f, "::1");
    f.question.host_is_address = true;
    f.question.family = AF_INET;
    CHECK_STR(str_of(site_addrs(&f)), "::1:8443");
    facts_done(&f);
}

TEST("the load balancer: as given, by its CNAME, or not at all")
{
    static const char lb[] = "web-1.us-east-1.elb.amazonaws.com";
    struct facts f;
    make(&f, "app.example.test");
    add_answer(&f, PROBE_D2A, "app.example.test other.example.test", "198.51.100.7");
    CHECK_STR(str_of(facts_lb_name(&f)), "");
    CHECK_STR(str_of(lb_addrs(&f)), "");
    add_answer(&f, PROBE_D2Q, "app.example.test web-1.us-east-1.elb.amazonaws.com", "2001:db8::7");
    CHECK_STR(str_of(facts_lb_name(&f)), lb);
    CHECK_STR(str_of(lb_addrs(&f)), "2001:db8::7:8443");
    add_answer(&f, PROBE_D5A, lb, "203.0.113.1");
    CHECK_STR(str_of(lb_addrs(&f)), "203.0.113.1:8443");
    f.question.lb_given = true;
    f.question.lb_addrs[f.question.lb_addr_count++] = address("192.0.2.9", 0);
    CHECK_STR(str_of(facts_lb_name(&f)), "");
    CHECK_STR(str_of(lb_addrs(&f)), "192.0.2.9:8443");
    facts_done(&f);
}

TEST("what bears the name of a load balancer")
{
    static const struct {
        const char *name;
        bool is_one;
    } names[] = {
        {"web-1.us-east-1.elb.amazonaws.com", true},
        {"dualstack.web-1.us-east-1.elb.amazonaws.com", true},
        {"Internal-web-1.eu-west-1.ELB.amazonaws.com.", true},
        {"web-1.cn-north-1.elb.amazonaws.com.cn", true},
        {"net-1.elb.us-east-1.amazonaws.com", true},
        {"net-1.elb.cn-north-1.amazonaws.com.cn", true},
        {"web-1.us-east-1.elb.localhost", true},
        {"us-east-1.elb.amazonaws.com", false},
        {"elb.amazonaws.com", false},
        {"elb.us-east-1.amazonaws.com", false},
        {".elb.localhost", false},
        {"elb.localhost", false},
        {"ec2-1-2-3-4.us-east-1.compute.amazonaws.com", false},
        {"web.us-east-1.elb.amazonaws.com.example.test", false},
        {"web.us-east-1.elbamazonaws.com", false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (lb_name_is_one(str_of(names[i].name)) != names[i].is_one) {
            test_failed(__FILE__, __LINE__, "%s", names[i].name);
        }
    }
}

TEST("ranges of addresses")
{
    static const struct {
        const char *ip, *word;
    } rows[] = {
        {"0.0.0.0", "unspecified"},
        {"10.255.0.1", "private"},
        {"11.0.0.1", NULL},
        {"100.64.0.1", "shared"},
        {"100.127.255.255", "shared"},
        {"100.128.0.0", NULL},
        {"127.0.0.53", "loopback"},
        {"169.254.169.254", "link-local"},
        {"172.15.0.1", NULL},
        {"172.31.0.1", "private"},
        {"172.32.0.1", NULL},
        {"192.0.2.1", "documentation"},
        {"192.168.0.1", "private"},
        {"198.51.100.1", "documentation"},
        {"203.0.113.1", "documentation"},
        {"8.8.8.8", NULL},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", NULL},
        {"fe80::1", "link-local"},
        {"fd00::1", "private"},
        {"2001:db8::1", "documentation"},
        {"2001:db9::1", NULL},
        {"::ffff:10.0.0.1", "private"},
        {"2600::1", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct addr a = address(rows[i].ip, 0);
        const char *word = addr_range(&a);
        if (!str_eq(str_of(word), str_of(rows[i].word)) ||
            (word == NULL) != (rows[i].word == NULL)) {
            test_failed(__FILE__, __LINE__, "%s: %s", rows[i].ip, word == NULL ? "-" : word);
        }
    }
    struct addr none = {0};
    CHECK(addr_range(&none) == NULL);
}

TEST("skipped and cancelled probes are not found, others one after another")
{
    struct facts f;
    struct addr at = address("198.51.100.8", 8443);
    make(&f, "app.example.test");
    add(&f, PROBE_T1, SIDE_SITE, OUTCOME_SKIPPED)->skip = SKIP_BUDGET;
    add(&f, PROBE_T1, SIDE_SITE, OUTCOME_CANCELLED)->at = at;
    add(&f, PROBE_T1, SIDE_LB, OUTCOME_OK)->at = at;
    add(&f, PROBE_T1, SIDE_SITE, OUTCOME_FAIL)->at = address("198.51.100.7", 8443);
    add(&f, PROBE_T1, SIDE_SITE, OUTCOME_TIMEOUT)->at = at;
    const struct result *r = facts_find(&f, PROBE_T1, SIDE_SITE);
    CHECK(r == &f.results[3]);
    r = facts_next(&f, r, PROBE_T1, SIDE_SITE);
    CHECK(r == &f.results[4]);
    CHECK(facts_next(&f, r, PROBE_T1, SIDE_SITE) == NULL);
    CHECK(facts_find_at(&f, PROBE_T1, SIDE_SITE, &at) == &f.results[4]);
    CHECK(facts_find(&f, PROBE_H1, SIDE_SITE) == NULL);
    facts_done(&f);
}

TEST("beyond the limit the last result is overwritten")
{
    struct facts f;
    make(&f, "app.example.test");
    for (int i = 0; i < LIMIT_DOCTOR_RESULTS + 3; i++) {
        facts_add(&f)->url = xprintf("%d", i);
    }
    CHECK_INT(f.count, LIMIT_DOCTOR_RESULTS);
    CHECK_STR(str_of(f.results[f.count - 1].url), "258");
    facts_done(&f);
}

TEST("each probe's bytes are read as what they are")
{
    static const struct {
        enum probe probe;
        struct str got;
        bool dns, flight, http;
    } rows[] = {
        {PROBE_P1, STR("HTTP/1.1 200 OK\r\n\r\n"), 0, 0, 1},
        {PROBE_R1, STR("HTTP/1.1 200 OK\r\n\r\n"), 0, 0, 1},
        {PROBE_H1, STR("HTTP/1.1 400 x\r\n\r\n"), 0, 1, 0},
        {PROBE_H1, STR(""), 0, 1, 0},
        {PROBE_P2, STR("SSH-2.0-x\r\n"), 0, 1, 0},
        {PROBE_T1, STR(""), 0, 0, 0},
        {PROBE_C4, STR(""), 0, 0, 0},
        {PROBE_D2A, STR("\1\2\x81\x80\0\0\0\0\0\0\0\0"), 1, 0, 0},
        {PROBE_D2A, STR("\1\2"), 0, 0, 0},
        {PROBE_X1, STR("HTTP/1.1 403 x\r\n\r\n"), 0, 0, 1},
        {PROBE_X1, STR("HTTP/1.1 200 x\r\n\r\n\x15\3\3\0\2\2\x28"), 0, 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct result r = {.probe = rows[i].probe, .connected_us = 1, .finish = FINISH_FIN};
        r.got = (struct bytes){(uint8_t *)xstrdup_str(rows[i].got), rows[i].got.n};
        r.got_total = r.got.n;
        for (int again = 0; again < 2; again++) {
            facts_digest(&r);
            if ((r.dns != NULL) != rows[i].dns || (r.flight != NULL) != rows[i].flight ||
                (r.http != NULL) != rows[i].http) {
                test_failed(__FILE__, __LINE__, "row %zu", i);
            }
        }
        result_done(&r);
    }
}

TEST_MAIN
