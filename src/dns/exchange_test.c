/* SPDX-License-Identifier: Apache-2.0
 * One question to one server: every way it can end, with scripted servers on loopback. */
#include "dns/test_server.h"

#include "base/assert.h"
#include "base/test.h"

#include <errno.h>
#include <unistd.h>

struct bench {
    struct loop *loop;
    struct test_server *server;
    struct dns_exchange *exchange;
    struct dns_result result; /* lives as long as the exchange */
    unsigned calls;
    bool cancel_inside;
};

static void
bench_init(struct bench *b, const struct test_row *rows)
{
    *b = (struct bench){0};
    struct errinfo reterr;
    enum err e = loop_new(&b->loop, &reterr);
    ASSERT(e == ERR_OK);
    b->server = test_server_new(b->loop, "127.0.0.1", 0, rows);
    ASSERT(b->server != NULL);
}

static void
bench_done(struct bench *b)
{
    dns_exchange_cancel(&b->exchange);
    CHECK(b->exchange == NULL);
    test_server_free(&b->server);
    loop_free(&b->loop);
}

static void
done(void *context, const struct dns_result *result)
{
    struct bench *b = context;
    b->calls++;
    b->result = *result;
    if (b->cancel_inside) {
        dns_exchange_cancel(&b->exchange);
    }
}

static struct dns_ask
ask_of(const struct bench *b, const char *name, uint16_t type)
{
    return (struct dns_ask){
        .server = *test_server_addr(b->server),
        .name = name,
        .type = type,
        .flags = {.rd = true, .edns = true},
        .timeout_ms = 20 * 1000,
    };
}

/* Starts it and turns the loop until it has ended. */
static void
ask(struct bench *b, const struct dns_ask *what)
{
    struct errinfo reterr;
    dns_exchange_cancel(&b->exchange);
    b->calls = 0;
    CHECK_INT(dns_exchange_start(b->loop, what, done, b, &b->exchange, &reterr), ERR_OK);
    CHECK_INT(b->calls, 0); /* never from inside the call */
    while (b->calls == 0) {
        loop_turn(b->loop, -1);
    }
    loop_turn(b->loop, 0);
    CHECK_INT(b->calls, 1);
}

static void
ask_a(struct bench *b, const char *name)
{
    struct dns_ask what = ask_of(b, name, DNS_TYPE_A);
    ask(b, &what);
}

/* The address in the result's answer, as text. */
static struct str
address(const struct bench *b, const char *name)
{
    static char text[ADDR_TEXT];
    struct addr addr;
    if (b->result.answer == NULL || dns_answer_addrs(b->result.answer, name, &addr, 1) == 0) {
        return STR("none");
    }
    return str_of(addr_text(&addr, text));
}

static const struct test_row rows[] = {
    {"good.test", 0, TEST_AA, 0, "answer good.test A 127.1.1.1"},
    {"large.test", 0, TEST_CUT, 0, "answer large.test A 127.1.1.2"},
    {"drip.test", 0, TEST_CUT | TEST_TCP_SLOWLY, 0, "answer drip.test A 127.1.1.3"},
    {"early.test", 0, TEST_CUT | TEST_TCP_EARLY, 0, "answer early.test A 127.1.1.4"},
    {"hang.test", 0, TEST_CUT | TEST_TCP_SILENT, 0, NULL},
    {"broken.test", 0, TEST_BROKEN, 0, "answer broken.test A 127.1.1.5"},
    {"rotten.test", 0, TEST_BROKEN | TEST_BROKEN_TCP, 0, "answer rotten.test A 127.1.1.6"},
    {"echo.test", 0, TEST_ECHO, 0, "answer echo.test A 127.1.1.7"},
    {"loop.test", 0, TEST_LOOP, 0, NULL},
    {"silent.test", 0, TEST_SILENT, 0, NULL},
    {"late.test", 0, TEST_SILENT_ONCE, 0, "answer late.test A 127.1.1.8"},
    {"spoofed.test", 0, TEST_SPOOFED, 0, "answer spoofed.test A 127.1.1.9"},
    {"liar.test", 0, TEST_ONLY_SPOOFED, 0, NULL},
    {"fail.test", 0, TEST_RA, DNS_RCODE_SERVFAIL, NULL},
    {"none.test", 0, TEST_AA, DNS_RCODE_NXDOMAIN, "authority test SOA ns.test 1"},
    {"bare.test", 0, TEST_NO_QUESTION, DNS_RCODE_NOTIMP, NULL},
    {"bald.test", 0, TEST_NO_QUESTION, 0, NULL},
    {"old.test", 0, TEST_NO_EDNS, 0, "answer old.test A 127.1.1.10"},
    {"alias.test", 0, 0, 0, "answer alias.test CNAME a.elb.test\nanswer a.elb.test A 127.1.1.11"},
    {NULL, 0, 0, 0, NULL},
};

TEST("an answer by UDP arrives with its bytes and its time")
{
    struct bench b;
    bench_init(&b, rows);
    ask_a(&b, "Good.TEST.");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK_INT(b.result.error, 0);
    CHECK_STR(address(&b, "good.test"), "127.1.1.1");
    CHECK(b.result.answer->aa);
    CHECK(!b.result.tcp && !b.result.tcp_failed && !b.result.edns_refused);
    CHECK_INT(b.result.sent, 1);
    CHECK_INT(b.result.strays, 0);
    CHECK(b.result.question.n == 12 + 11 + 4 + 11);
    CHECK(b.result.reply.n > b.result.question.n - 11);
    CHECK(memcmp(b.result.question.p, b.result.reply.p, 2) == 0);
    CHECK(b.result.time_us < 20 * 1000 * 1000);
    CHECK(addr_eq(&b.result.server, test_server_addr(b.server)));
    bench_done(&b);
}

TEST("an answer can be taken over")
{
    struct bench b;
    bench_init(&b, rows);
    ask_a(&b, "alias.test");
    struct dns_answer *answer = dns_exchange_take_answer(b.exchange);
    CHECK(dns_exchange_take_answer(b.exchange) == NULL);
    bench_done(&b);
    struct addr addr;
    CHECK_INT(dns_answer_addrs(answer, "alias.test", &addr, 1), 1);
    dns_answer_free(&answer);
}

TEST("each question has an id of its own")
{
    struct bench b;
    bench_init(&b, rows);
    uint16_t first = 0;
    bool differs = false;
    for (int i = 0; i < 4; i++) { /* four equal ones: once in 2^48 runs */
        ask_a(&b, "good.test");
        differs |= i > 0 && b.result.answer->id != first;
        first = b.result.answer->id;
    }
    CHECK(differs);
    bench_done(&b);
}

TEST("rcodes are answers")
{
    static const struct {
        const char *name;
        unsigned rcode;
    } cases[] = {
        {"fail.test", DNS_RCODE_SERVFAIL},
        {"none.test", DNS_RCODE_NXDOMAIN},
        {"other.test", DNS_RCODE_REFUSED},
    };
    struct bench b;
    bench_init(&b, rows);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ask_a(&b, cases[i].name);
        CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
        CHECK_INT(b.result.answer->rcode, cases[i].rcode);
    }
    struct dns_ask bare = ask_of(&b, "bare.test", DNS_TYPE_A);
    bare.flags.edns = false;
    ask(&b, &bare);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK_INT(b.result.answer->rcode, DNS_RCODE_NOTIMP);
    bench_done(&b);
}

TEST("what others send is ignored")
{
    struct bench b;
    bench_init(&b, rows);
    ask_a(&b, "spoofed.test");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK_STR(address(&b, "spoofed.test"), "127.1.1.9");
    CHECK_INT(b.result.strays, 3);
    struct dns_ask liar = ask_of(&b, "liar.test", DNS_TYPE_A);
    liar.timeout_ms = 400;
    ask(&b, &liar);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_TIMEOUT);
    CHECK(b.result.answer == NULL);
    CHECK(b.result.strays >= 3);
    struct dns_ask bald = ask_of(&b, "bald.test", DNS_TYPE_A);
    bald.timeout_ms = 100;
    ask(&b, &bald); /* an answer without a question that claims to be one */
    CHECK_INT(b.result.outcome, DNS_OUTCOME_TIMEOUT);
    bench_done(&b);
}

TEST("a cut answer is fetched by TCP, even byte by byte")
{
    struct bench b;
    bench_init(&b, rows);
    ask_a(&b, "large.test");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK(b.result.tcp && !b.result.tcp_failed && !b.result.answer->tc);
    CHECK_STR(address(&b, "large.test"), "127.1.1.2");
    ask_a(&b, "drip.test");
    CHECK(b.result.tcp);
    CHECK_STR(address(&b, "drip.test"), "127.1.1.3");
    CHECK_INT(test_server_connections(b.server), 2);
    bench_done(&b);
}

TEST("a broken answer is asked for again by TCP")
{
    struct bench b;
    bench_init(&b, rows);
    ask_a(&b, "broken.test");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK(b.result.tcp);
    CHECK_STR(address(&b, "broken.test"), "127.1.1.5");
    ask_a(&b, "echo.test");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK_STR(address(&b, "echo.test"), "127.1.1.7");
    bench_done(&b);
}

TEST("broken by both ways is malformed, with its bytes")
{
    static const char *const names[] = {"rotten.test", "loop.test"};
    struct bench b;
    bench_init(&b, rows);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        ask_a(&b, names[i]);
        CHECK_INT(b.result.outcome, DNS_OUTCOME_MALFORMED);
        CHECK(b.result.tcp);
        CHECK(b.result.answer != NULL && b.result.answer->malformed);
        CHECK(b.result.reply.n > 12);
    }
    bench_done(&b);
}

TEST("where TCP fails the cut answer stands")
{
    struct bench b;
    bench_init(&b, rows);
    ask_a(&b, "early.test");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK(b.result.tcp_failed && !b.result.tcp && b.result.answer->tc);
    CHECK_INT(b.result.tcp_outcome, DNS_OUTCOME_MALFORMED);
    struct dns_ask hang = ask_of(&b, "hang.test", DNS_TYPE_A);
    hang.timeout_ms = 400;
    ask(&b, &hang);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK_INT(b.result.tcp_outcome, DNS_OUTCOME_TIMEOUT);
    test_server_tcp_close(b.server);
    ask_a(&b, "large.test");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK(b.result.tcp_failed && b.result.answer->tc);
    CHECK_INT(b.result.tcp_outcome, DNS_OUTCOME_REFUSED);
    CHECK_INT(b.result.tcp_error, ECONNREFUSED);
    bench_done(&b);
}

TEST("TCP at once, and every way it can end")
{
    static const struct {
        const char *name;
        enum dns_outcome outcome;
        uint32_t timeout_ms;
    } cases[] = {
        {"good.test", DNS_OUTCOME_ANSWERED, 0},
        {"early.test", DNS_OUTCOME_MALFORMED, 0},
        {"hang.test", DNS_OUTCOME_TIMEOUT, 100},
        {"rotten.test", DNS_OUTCOME_MALFORMED, 0},
    };
    struct bench b;
    bench_init(&b, rows);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct dns_ask what = ask_of(&b, cases[i].name, DNS_TYPE_A);
        what.tcp = true;
        what.timeout_ms = cases[i].timeout_ms;
        ask(&b, &what);
        CHECK_INT(b.result.outcome, cases[i].outcome);
        CHECK(!b.result.tcp_failed);
    }
    CHECK_INT(test_server_datagrams(b.server), 0);
    test_server_tcp_close(b.server);
    struct dns_ask what = ask_of(&b, "good.test", DNS_TYPE_A);
    what.tcp = true;
    ask(&b, &what);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_REFUSED);
    CHECK_INT(b.result.error, ECONNREFUSED);
    bench_done(&b);
}

TEST("a lost datagram is sent once more")
{
    struct bench b;
    bench_init(&b, rows);
    struct dns_ask what = ask_of(&b, "late.test", DNS_TYPE_A);
    what.retry_ms = 30;
    ask(&b, &what);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK_INT(b.result.sent, 2);
    CHECK_INT(test_server_datagrams(b.server), 2);
    bench_done(&b);
}

TEST("a silent server is a timeout, after two datagrams")
{
    struct bench b;
    bench_init(&b, rows);
    struct dns_ask what = ask_of(&b, "silent.test", DNS_TYPE_A);
    what.retry_ms = 30;
    what.timeout_ms = 150;
    ask(&b, &what);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_TIMEOUT);
    CHECK(b.result.answer == NULL && b.result.reply.n == 0);
    CHECK(b.result.time_us >= 150 * 1000);
    CHECK_INT(test_server_datagrams(b.server), 2);
    bench_done(&b);
}

TEST("a port where nobody listens is refused")
{
    struct bench b;
    bench_init(&b, rows);
    struct addr gone;
    CHECK(addr_parse(STR("127.0.0.1"), 0, &gone));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(gone.in4);
    CHECK(bind(fd, &gone.sa, size) == 0 && getsockname(fd, &gone.sa, &size) == 0);
    close(fd);
    struct dns_ask what = ask_of(&b, "good.test", DNS_TYPE_A);
    what.server = gone;
    ask(&b, &what);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_REFUSED);
    CHECK_INT(b.result.error, ECONNREFUSED);
    bench_done(&b);
}

TEST("an address without a way there is unreachable")
{
    struct bench b;
    bench_init(&b, rows);
    struct dns_ask what = ask_of(&b, "good.test", DNS_TYPE_A);
    CHECK(addr_parse(STR("127.0.0.9"), 0, &what.from)); /* loopback to the outside: EINVAL */
    CHECK(addr_parse(STR("127.0.0.1"), addr_port(&what.server), &what.server));
    ask(&b, &what);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);  /* --from an address of ours works */
    CHECK(addr_parse(STR("192.0.2.1"), 0, &what.from)); /* not ours */
    ask(&b, &what);
    CHECK_INT(b.result.outcome, DNS_OUTCOME_UNREACHABLE);
    CHECK_INT(b.result.error, EADDRNOTAVAIL);
    bench_done(&b);
}

TEST("a server that does not take EDNS is asked without")
{
    struct bench b;
    bench_init(&b, rows);
    ask_a(&b, "old.test");
    CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
    CHECK(b.result.edns_refused);
    CHECK_STR(address(&b, "old.test"), "127.1.1.10");
    CHECK_INT(b.result.question.p[11], 0);
    CHECK_INT(test_server_datagrams(b.server), 2);
    bench_done(&b);
}

TEST("cancelled at any time it does not call back")
{
    struct bench b;
    bench_init(&b, rows);
    struct errinfo reterr;
    static const char *const names[] = {"good.test", "large.test", "drip.test", "silent.test"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        for (int turns = 0; turns < 8; turns++) {
            struct dns_ask what = ask_of(&b, names[i], DNS_TYPE_A);
            b.calls = 0;
            CHECK_INT(dns_exchange_start(b.loop, &what, done, &b, &b.exchange, &reterr), ERR_OK);
            for (int t = 0; t < turns && b.calls == 0; t++) {
                loop_turn(b.loop, 5);
            }
            unsigned calls = b.calls;
            dns_exchange_cancel(&b.exchange);
            loop_turn(b.loop, 0);
            loop_turn(b.loop, 0);
            CHECK_INT(b.calls, calls);
        }
    }
    bench_done(&b);
}

TEST("it may be cancelled from inside its own callback")
{
    struct bench b;
    bench_init(&b, rows);
    b.cancel_inside = true;
    ask_a(&b, "good.test");
    CHECK(b.exchange == NULL);
    ask_a(&b, "early.test");
    CHECK(b.exchange == NULL);
    bench_done(&b);
}

TEST("what is no name is refused before anything is sent")
{
    struct bench b;
    bench_init(&b, rows);
    struct errinfo reterr;
    struct dns_ask what = ask_of(&b, "a..b", DNS_TYPE_A);
    CHECK_INT(dns_exchange_start(b.loop, &what, done, &b, &b.exchange, &reterr), ERR_INVALID);
    CHECK(b.exchange == NULL);
    CHECK(str_find(str_of(reterr.text), STR("\"a..b\""), NULL));
    bench_done(&b);
}

TEST("over IPv6")
{
    struct bench b;
    bench_init(&b, rows);
    struct test_server *server = test_server_new(b.loop, "::1", 0, rows);
    struct dns_ask what = ask_of(&b, "large.test", DNS_TYPE_A);
    if (server != NULL) {
        what.server = *test_server_addr(server);
        ask(&b, &what);
        CHECK_INT(b.result.outcome, DNS_OUTCOME_ANSWERED);
        CHECK(b.result.tcp);
    } else { /* no IPv6 on this machine */
        CHECK(addr_parse(STR("::1"), 53, &what.server));
        ask(&b, &what);
        CHECK_INT(b.result.outcome, DNS_OUTCOME_UNREACHABLE);
    }
    test_server_free(&server);
    bench_done(&b);
}

TEST_MAIN
