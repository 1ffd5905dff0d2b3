/* SPDX-License-Identifier: Apache-2.0
 * The walk to a zone's servers, with a resolver, a parent and two servers scripted on loopback. */
#include "dns/test_server.h"

#include "base/assert.h"
#include "base/test.h"

enum { STEPS = DNS_WALK_STEP_SERVER + 1 };

struct bench {
    struct loop *loop;
    struct test_server *resolver, *parent, *ns1, *ns2;
    struct dns_walk *walk;
    const struct dns_walk_result *result; /* lives as long as the walk */
    unsigned calls, steps[STEPS];
    bool cancel_inside;
    struct dns_walk_params params;
};

static const struct test_row nothing[] = {{NULL, 0, 0, 0, NULL}};

/* The names that all tests know: a.nic.test serves test, ns1 and ns2 serve example.test. */
static const struct test_row resolver_rows[] = {
    {"example.test", DNS_TYPE_NS, TEST_RA, 0,
     "answer example.test NS ns1.example.test\nanswer example.test NS ns2.example.test"},
    {"test", DNS_TYPE_NS, TEST_RA, 0, "answer test NS a.nic.test"},
    {"a.nic.test", DNS_TYPE_A, TEST_RA, 0, "answer a.nic.test A 127.0.1.1"},
    {"ns1.example.test", DNS_TYPE_A, TEST_RA, 0, "answer ns1.example.test A 127.0.1.2"},
    {"ns2.example.test", DNS_TYPE_A, TEST_RA, 0, "answer ns2.example.test A 127.0.1.3"},
    {"app.example.test", 0, TEST_RA, 0, "authority example.test SOA ns1.example.test 7"},
    {"ns1.example.test", 0, TEST_RA, 0, NULL},
    {"ns2.example.test", 0, TEST_RA, 0, NULL},
    {"a.nic.test", 0, TEST_RA, 0, NULL},
    {".", 0, TEST_RA, 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static const struct test_row parent_rows[] = {
    {"example.test", 0, 0, 0,
     "authority example.test NS ns1.example.test\nauthority example.test NS ns2.example.test\n"
     "additional ns1.example.test A 127.0.1.2\nadditional ns2.example.test A 127.0.1.3"},
    {"app.example.test", 0, 0, 0,
     "authority example.test NS ns1.example.test\nauthority example.test NS ns2.example.test\n"
     "additional ns1.example.test A 127.0.1.2\nadditional ns2.example.test A 127.0.1.3"},
    {NULL, 0, 0, 0, NULL},
};

static const struct test_row zone_rows[] = {
    {"example.test", DNS_TYPE_NS, TEST_AA, 0,
     "answer example.test NS ns1.example.test\nanswer example.test NS ns2.example.test"},
    {"example.test", DNS_TYPE_SOA, TEST_AA, 0, "answer example.test SOA ns1.example.test 7"},
    {"app.example.test", DNS_TYPE_A, TEST_AA, 0, "answer app.example.test A 127.1.1.1"},
    {"app.example.test", 0, TEST_AA, 0, "authority example.test SOA ns1.example.test 7"},
    {"x7q.example.test", 0, TEST_AA, DNS_RCODE_NXDOMAIN,
     "authority example.test SOA ns1.example.test 7"},
    {NULL, 0, 0, 0, NULL},
};

/* All authorities on one port, as the real ones are. */
static bool
authorities_begin(struct bench *b, const struct test_row *parent, const struct test_row *ns1,
                  const struct test_row *ns2)
{
    b->parent = test_server_new(b->loop, "127.0.1.1", 0, parent);
    ASSERT(b->parent != NULL);
    uint16_t port = addr_port(test_server_addr(b->parent));
    b->ns1 = test_server_new(b->loop, "127.0.1.2", port, ns1);
    b->ns2 = test_server_new(b->loop, "127.0.1.3", port, ns2);
    if (b->ns1 != NULL && b->ns2 != NULL) {
        return true;
    }
    test_server_free(&b->parent);
    test_server_free(&b->ns1);
    test_server_free(&b->ns2);
    return false;
}

static void
bench_init(struct bench *b, const struct test_row *resolver, const struct test_row *parent,
           const struct test_row *ns1, const struct test_row *ns2)
{
    *b = (struct bench){0};
    struct errinfo reterr;
    enum err e = loop_new(&b->loop, &reterr);
    ASSERT(e == ERR_OK);
    bool begun = false;
    for (int tries = 0; !begun && tries < 20; tries++) { /* another may have the port */
        begun = authorities_begin(b, parent, ns1, ns2);
    }
    ASSERT(begun);
    b->resolver = test_server_new(b->loop, "127.0.0.1", 0, resolver);
    ASSERT(b->resolver != NULL);
    b->params = (struct dns_walk_params){
        .resolvers = {*test_server_addr(b->resolver)},
        .resolver_count = 1,
        .name = "App.example.test.",
        .types = {DNS_TYPE_A, DNS_TYPE_AAAA},
        .type_count = 2,
        .authority_port = addr_port(test_server_addr(b->parent)),
        .budget_ms = 30 * 1000,
        .try_ms = 10 * 1000,
    };
}

static void
bench_done(struct bench *b)
{
    dns_walk_cancel(&b->walk);
    CHECK(b->walk == NULL);
    test_server_free(&b->resolver);
    test_server_free(&b->parent);
    test_server_free(&b->ns1);
    test_server_free(&b->ns2);
    loop_free(&b->loop);
}

static void
progress(void *context, const struct dns_walk_progress *step)
{
    struct bench *b = context;
    ASSERT((size_t)step->step < COUNT_OF(b->steps));
    b->steps[step->step]++;
    CHECK(step->result->question.n > 12);
    bool resolver = step->step == DNS_WALK_STEP_ZONE || step->step == DNS_WALK_STEP_ADDRESS;
    CHECK(resolver == (step->server_name[0] == '\0'));
    CHECK(step->question->type != 0);
}

static void
done(void *context, const struct dns_walk_result *result)
{
    struct bench *b = context;
    b->calls++;
    b->result = result;
    if (b->cancel_inside) {
        dns_walk_cancel(&b->walk);
    }
}

static void
walk_begin(struct bench *b)
{
    struct errinfo reterr;
    b->calls = 0;
    CHECK_INT(dns_walk_start(b->loop, &b->params, progress, done, b, &b->walk, &reterr), ERR_OK);
    CHECK_INT(b->calls, 0);
}

static void
walk(struct bench *b)
{
    walk_begin(b);
    while (b->calls == 0) {
        loop_turn(b->loop, -1);
    }
    loop_turn(b->loop, 0);
    CHECK_INT(b->calls, 1);
}

static const struct dns_walk_server *
server_named(const struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->result->server_count; i++) {
        if (dns_name_eq(b->result->servers[i].name, name)) {
            return &b->result->servers[i];
        }
    }
    static const struct dns_walk_server none = {.state = DNS_SERVER_UNKNOWN};
    return &none;
}

/* The address that this server gives for the name. */
static struct str
address_at(const struct bench *b, const char *server)
{
    static char text[ADDR_TEXT];
    const struct dns_walk_server *s = server_named(b, server);
    for (size_t r = 0; r < s->reply_count; r++) {
        struct addr addr;
        if (s->replies[r].answer != NULL && s->replies[r].question.type == DNS_TYPE_A &&
            dns_answer_addrs(s->replies[r].answer, s->replies[r].question.name, &addr, 1) == 1) {
            return str_of(addr_text(&addr, text));
        }
    }
    return STR("none");
}

TEST("a healthy zone: both servers answer, both sets agree")
{
    struct bench b;
    bench_init(&b, resolver_rows, parent_rows, zone_rows, zone_rows);
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_FOUND);
    CHECK_STR(str_of(b.result->zone), "example.test");
    CHECK_STR(str_of(b.result->parent), "test");
    CHECK(b.result->soa_present && !b.result->serials_differ && !b.result->cut);
    CHECK(b.result->parent_answered && b.result->child_answered && !b.result->child_differs);
    CHECK(dns_walk_sets_agree(b.result));
    CHECK_INT(b.result->parent_ns.count, 2);
    CHECK_INT(b.result->child_ns.count, 2);
    CHECK_INT(b.result->server_count, 2);
    CHECK_INT(b.result->more_hosts, 0);
    const struct dns_walk_server *ns1 = &b.result->servers[0];
    CHECK_STR(str_of(ns1->name), "ns1.example.test");
    CHECK_INT(ns1->state, DNS_SERVER_GOOD);
    CHECK(ns1->has_addr && !ns1->glue && ns1->in_parent && ns1->in_child);
    CHECK_INT(ns1->reply_count, 4);
    for (size_t r = 0; r < ns1->reply_count; r++) {
        CHECK(ns1->replies[r].done);
        CHECK_INT(ns1->replies[r].outcome, DNS_OUTCOME_ANSWERED);
    }
    CHECK_STR(address_at(&b, "ns1.example.test"), "127.1.1.1");
    CHECK_STR(address_at(&b, "ns2.example.test"), "127.1.1.1");
    CHECK_INT(b.steps[DNS_WALK_STEP_SERVER], 8);
    CHECK_INT(b.steps[DNS_WALK_STEP_DELEGATION], 1);
    bench_done(&b);
}

TEST("further questions go to the same servers")
{
    struct bench b;
    bench_init(&b, resolver_rows, parent_rows, zone_rows, zone_rows);
    b.params.extra[0] = (struct dns_walk_question){"X7q.example.test", DNS_TYPE_A};
    b.params.extra_count = 1;
    walk(&b);
    const struct dns_walk_server *ns2 = server_named(&b, "ns2.example.test");
    CHECK_INT(ns2->reply_count, 5);
    CHECK_STR(str_of(ns2->replies[4].question.name), "x7q.example.test");
    CHECK_INT(ns2->replies[4].answer->rcode, DNS_RCODE_NXDOMAIN);
    CHECK(ns2->replies[4].answer->aa);
    bench_done(&b);
}

TEST("a forgotten change of the delegation: the sets differ, all of their servers are asked")
{
    static const struct test_row moved[] = {
        {"example.test", DNS_TYPE_NS, TEST_AA, 0, "answer example.test NS ns2.example.test"},
        {"example.test", DNS_TYPE_SOA, TEST_AA, 0, "answer example.test SOA ns2.example.test 8"},
        {"app.example.test", DNS_TYPE_A, TEST_AA, 0, "answer app.example.test A 127.1.1.2"},
        {"app.example.test", 0, TEST_AA, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    static const struct test_row old_delegation[] = {
        {"example.test", 0, 0, 0, "authority example.test NS ns1.example.test"},
        {NULL, 0, 0, 0, NULL},
    };
    static const struct test_row old_zone[] = {
        {"example.test", DNS_TYPE_NS, TEST_AA, 0, "answer example.test NS ns2.example.test"},
        {"example.test", DNS_TYPE_SOA, TEST_AA, 0, "answer example.test SOA ns2.example.test 7"},
        {"app.example.test", 0, TEST_AA, DNS_RCODE_NXDOMAIN, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    static const struct test_row resolver[] = {
        {"example.test", DNS_TYPE_NS, TEST_RA, 0, "answer example.test NS ns1.example.test"},
        {"test", DNS_TYPE_NS, TEST_RA, 0,
         "answer test NS a.nic.test\nadditional a.nic.test A 127.0.1.1"},
        {"ns1.example.test", DNS_TYPE_A, TEST_RA, 0, "answer ns1.example.test A 127.0.1.2"},
        {"ns2.example.test", DNS_TYPE_A, TEST_RA, 0, "answer ns2.example.test A 127.0.1.3"},
        {"ns1.example.test", 0, TEST_RA, 0, NULL},
        {"ns2.example.test", 0, TEST_RA, 0, NULL},
        {"app.example.test", 0, TEST_RA, DNS_RCODE_NXDOMAIN, NULL},
        {".", 0, TEST_RA, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    struct bench b;
    bench_init(&b, resolver, old_delegation, old_zone, moved);
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_FOUND);
    CHECK(b.result->parent_answered && b.result->child_answered);
    CHECK(!dns_walk_sets_agree(b.result));
    CHECK(b.result->serials_differ);
    const struct dns_walk_server *ns1 = server_named(&b, "ns1.example.test");
    CHECK(ns1->in_parent && !ns1->in_child);
    const struct dns_walk_server *ns2 = server_named(&b, "ns2.example.test");
    CHECK(!ns2->in_parent && ns2->in_child);
    CHECK_STR(address_at(&b, "ns1.example.test"), "none");
    CHECK_STR(address_at(&b, "ns2.example.test"), "127.1.1.2");
    bench_done(&b);
}

static const struct test_row failing_resolver[] = {
    {"test", DNS_TYPE_NS, TEST_RA, 0, "answer test NS a.nic.test"},
    {"a.nic.test", DNS_TYPE_A, TEST_RA, 0, "answer a.nic.test A 127.0.1.1"},
    {"a.nic.test", 0, TEST_RA, 0, NULL},
    {".", 0, TEST_RA, 0, NULL},
    {"example.test", 0, TEST_RA, DNS_RCODE_SERVFAIL, NULL},
    {"app.example.test", 0, TEST_RA, DNS_RCODE_SERVFAIL, NULL},
    {"ns1.example.test", 0, TEST_RA, DNS_RCODE_SERVFAIL, NULL},
    {"ns2.example.test", 0, TEST_RA, DNS_RCODE_SERVFAIL, NULL},
    {NULL, 0, 0, 0, NULL},
};

TEST("a lame delegation: the resolver fails, the parent's answer leads to servers that refuse")
{
    static const struct test_row silent[] = {
        {"example.test", 0, TEST_SILENT, 0, NULL},
        {"app.example.test", 0, TEST_SILENT, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    struct bench b;
    bench_init(&b, failing_resolver, parent_rows, nothing, silent);
    b.params.try_ms = 500;
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_UNREACHABLE);
    CHECK_STR(str_of(b.result->zone), "example.test");
    CHECK_STR(str_of(b.result->parent), "test");
    CHECK(b.result->parent_answered && !b.result->child_answered && !b.result->soa_present);
    CHECK_INT(b.result->parent_ns.count, 2);
    CHECK_INT(server_named(&b, "ns1.example.test")->state, DNS_SERVER_LAME);
    CHECK(server_named(&b, "ns1.example.test")->glue);
    CHECK_INT(server_named(&b, "ns2.example.test")->state, DNS_SERVER_SILENT);
    CHECK(!b.result->cut);
    bench_done(&b);
}

TEST("a resolver that fails where the servers are right")
{
    struct bench b;
    bench_init(&b, failing_resolver, parent_rows, zone_rows, zone_rows);
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_FOUND);
    CHECK_STR(str_of(b.result->zone), "example.test");
    CHECK(dns_walk_sets_agree(b.result));
    CHECK_STR(address_at(&b, "ns1.example.test"), "127.1.1.1");
    bench_done(&b);
}

TEST("one server without address, one where nobody listens, one that sends rubbish")
{
    static const struct test_row resolver[] = {
        {"example.test", DNS_TYPE_NS, TEST_RA, 0,
         "answer example.test NS none.example.test\nanswer example.test NS gone.example.test\n"
         "answer example.test NS ns1.example.test\n"
         "additional gone.example.test A 127.0.1.99\n"
         "additional ns1.example.test A 127.0.1.2"},
        {"none.example.test", 0, TEST_RA, DNS_RCODE_NXDOMAIN, NULL},
        {"app.example.test", 0, TEST_RA, 0, NULL},
        {"test", 0, TEST_RA, 0, NULL},
        {".", 0, TEST_RA, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    static const struct test_row rubbish[] = {
        {"example.test", 0, TEST_LOOP, 0, NULL},
        {"app.example.test", 0, TEST_LOOP, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    struct bench b;
    bench_init(&b, resolver, nothing, rubbish, nothing);
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_UNREACHABLE);
    CHECK_STR(str_of(b.result->parent), "");
    CHECK(!b.result->parent_answered);
    CHECK_INT(b.result->server_count, 3);
    CHECK_INT(server_named(&b, "none.example.test")->state, DNS_SERVER_NO_ADDRESS);
    CHECK_INT(server_named(&b, "gone.example.test")->state, DNS_SERVER_UNREACHABLE);
    CHECK_INT(server_named(&b, "ns1.example.test")->state, DNS_SERVER_BROKEN);
    bench_done(&b);
}

TEST("the next resolver takes a dead one's place")
{
    static const struct test_row silent[] = {
        {"app.example.test", 0, TEST_SILENT, 0, NULL},
        {NULL, 0, 0, 0, NULL}, /* all else: REFUSED */
    };
    struct bench b;
    bench_init(&b, resolver_rows, parent_rows, zone_rows, zone_rows);
    struct test_server *dead = test_server_new(b.loop, "127.0.0.1", 0, silent);
    b.params.resolvers[1] = b.params.resolvers[0];
    b.params.resolvers[0] = *test_server_addr(dead);
    b.params.resolver_count = 2;
    b.params.try_ms = 500;
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_FOUND);
    CHECK(dns_walk_sets_agree(b.result));
    test_server_free(&dead);
    bench_done(&b);
}

TEST("no resolver that answers, and one that knows of no zone")
{
    static const struct test_row silent[] = {
        {"app.example.test", 0, TEST_SILENT, 0, NULL},
        {"example.test", 0, TEST_SILENT, 0, NULL},
        {"test", 0, TEST_SILENT, 0, NULL},
        {".", 0, TEST_SILENT, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    struct bench b;
    bench_init(&b, silent, nothing, nothing, nothing);
    b.params.try_ms = 100;
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_NO_RESOLVER);
    CHECK_STR(str_of(b.result->zone), "");
    CHECK_INT(b.result->server_count, 0);
    bench_done(&b);
    bench_init(&b, nothing, nothing, nothing, nothing);
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_NO_ZONE);
    bench_done(&b);
}

TEST("when its time is up it tells what it has")
{
    static const struct test_row silent[] = {
        {"example.test", 0, TEST_SILENT, 0, NULL},
        {"app.example.test", 0, TEST_SILENT, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    struct bench b;
    bench_init(&b, resolver_rows, parent_rows, zone_rows, silent);
    b.params.budget_ms = 500;
    walk(&b);
    CHECK_INT(b.result->outcome, DNS_WALK_FOUND);
    CHECK(b.result->cut && b.result->time_us >= 500 * 1000);
    CHECK_INT(server_named(&b, "ns1.example.test")->state, DNS_SERVER_GOOD);
    CHECK_INT(server_named(&b, "ns2.example.test")->state, DNS_SERVER_UNKNOWN);
    CHECK(dns_walk_sets_agree(b.result));
    dns_walk_cancel(&b.walk);
    b.params.budget_ms = 2000; /* long enough to call it silent */
    walk(&b);
    CHECK(b.result->cut);
    CHECK_INT(server_named(&b, "ns2.example.test")->state, DNS_SERVER_SILENT);
    bench_done(&b);
}

TEST("delegations that never end are followed to the limit, not beyond")
{
    static const struct test_row deeper[] = {
        {"a.b.c.d.e.f.g.h.i.j.test", 0, 0, 0,
         "authority j.test NS n.test\nauthority i.j.test NS n.test\n"
         "authority h.i.j.test NS n.test\nauthority g.h.i.j.test NS n.test\n"
         "authority f.g.h.i.j.test NS n.test\nauthority e.f.g.h.i.j.test NS n.test\n"
         "authority d.e.f.g.h.i.j.test NS n.test\nauthority c.d.e.f.g.h.i.j.test NS n.test\n"
         "authority b.c.d.e.f.g.h.i.j.test NS n.test\nadditional n.test A 127.0.1.1"},
        {NULL, 0, 0, 0, NULL},
    };
    static const struct test_row resolver[] = {
        {"test", DNS_TYPE_NS, TEST_RA, 0, "answer test NS n.test\nadditional n.test A 127.0.1.1"},
        {NULL, 0, 0, 0, NULL},
    };
    struct bench b;
    bench_init(&b, resolver, deeper, nothing, nothing);
    b.params.name = "a.b.c.d.e.f.g.h.i.j.test";
    walk(&b);
    _Static_assert(LIMIT_DNS_DELEGATIONS_MAX == 8, "the zone below");
    CHECK_INT(b.result->outcome, DNS_WALK_UNREACHABLE);
    CHECK_STR(str_of(b.result->zone), "c.d.e.f.g.h.i.j.test");
    CHECK_STR(str_of(b.result->parent), "d.e.f.g.h.i.j.test");
    CHECK_INT(b.result->servers[0].state, DNS_SERVER_LAME);
    bench_done(&b);
}

TEST("no more servers are asked than the limit, the rest is counted")
{
    struct buf many = {0};
    for (int i = 0; i < DNS_WALK_NS_MAX + 4; i++) {
        buf_addf(&many, "authority example.test NS n%d.test\n", i);
        buf_addf(&many, "additional n%d.test A 127.0.1.%d\n", i, 2 + i % 2);
    }
    /* The sections in their order. */
    struct buf sorted = {0};
    static const char *const sections[] = {"authority", "additional"};
    for (size_t s = 0; s < COUNT_OF(sections); s++) {
        struct str rest = buf_str(&many), line;
        while (str_cut(&rest, '\n', &line)) {
            if (str_starts(line, str_of(sections[s]))) {
                buf_add_str(&sorted, line);
                buf_add_char(&sorted, '\n');
            }
        }
    }
    const struct test_row delegation[] = {
        {"app.example.test", 0, 0, 0, sorted.p},
        {"test", 0, 0, 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    struct bench b;
    bench_init(&b, failing_resolver, delegation, nothing, nothing);
    walk(&b);
    CHECK_STR(str_of(b.result->zone), "example.test");
    CHECK_INT(b.result->server_count, DNS_WALK_HOSTS_MAX);
    CHECK_INT(b.result->parent_ns.count, DNS_WALK_NS_MAX);
    CHECK_INT(b.result->parent_ns.more, 4);
    CHECK_INT(b.result->more_hosts, DNS_WALK_NS_MAX - DNS_WALK_HOSTS_MAX);
    bench_done(&b);
    buf_free(&many);
    buf_free(&sorted);
}

TEST("cancelled at any time it does not call back")
{
    struct bench b;
    bench_init(&b, failing_resolver, parent_rows, zone_rows, zone_rows);
    for (int turns = 0; turns < 40; turns++) {
        walk_begin(&b);
        for (int t = 0; t < turns && b.calls == 0; t++) {
            loop_turn(b.loop, 2);
        }
        unsigned calls = b.calls;
        dns_walk_cancel(&b.walk);
        loop_turn(b.loop, 0);
        loop_turn(b.loop, 0);
        CHECK_INT(b.calls, calls);
    }
    bench_done(&b);
}

TEST("it may be cancelled from inside its own callback")
{
    struct bench b;
    bench_init(&b, resolver_rows, parent_rows, zone_rows, zone_rows);
    b.cancel_inside = true;
    walk(&b);
    CHECK(b.walk == NULL);
    bench_done(&b);
}

TEST("what is no name is refused")
{
    struct bench b;
    bench_init(&b, nothing, nothing, nothing, nothing);
    struct errinfo reterr;
    b.params.name = "a..b";
    CHECK_INT(dns_walk_start(b.loop, &b.params, NULL, done, &b, &b.walk, &reterr), ERR_INVALID);
    CHECK(b.walk == NULL);
    bench_done(&b);
}

TEST_MAIN
