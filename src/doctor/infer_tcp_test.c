/* SPDX-License-Identifier: Apache-2.0
 * The rules of TCP, each with its healthy twin, and what only looks like them. */
#include "doctor/infer_test_facts.h"

#include "base/defs.h"
#include "base/test.h"

#include <errno.h>

static const char url[] = "https://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char second[] = "198.51.100.8:8443";
static const char six[] = "[2a00:1::7]:8443";

static struct result *
usual_port(struct facts *f, const char *where, int error)
{
    struct result *r =
        test_result(f, PROBE_T2, SIDE_PORT, where, error == 0 ? OUTCOME_OK : OUTCOME_FAIL);
    r->error = error;
    r->connected_us = error == 0 ? r->connected_us : 0;
    return r;
}

static void
resolved(struct facts *f, const char *addresses)
{
    test_site(f, url);
    test_resolves(f, addresses);
}

static void
works(struct facts *f, const char *where)
{
    test_hello(f, PROBE_H1, SIDE_SITE, where, TLS_V_13, 0x1301);
    test_page(f, PROBE_R1, SIDE_SITE, where, "200 OK", "Server: nginx\r\n", "hello");
}

/* ---- closed, swallowed, rejected ---- */

static void
refused(struct facts *f, bool bad)
{
    resolved(f, "198.51.100.7");
    test_tcp(f, SIDE_SITE, at, bad ? ECONNREFUSED : 0);
    usual_port(f, "198.51.100.7:443", 0);
    if (!bad) {
        works(f, at);
    }
}

static void
refused_by_icmp(struct facts *f, bool bad)
{
    refused(f, bad);
    if (bad) {
        struct result *t1 = &f->results[f->count - 2];
        t1->icmp = true;
        t1->icmp_type = 3;
        t1->icmp_code = 3;
    }
}

/* A machine without IPv6: its attempts end first, and say nothing about the site. */
static void
refused_behind_dead_family(struct facts *f, bool bad)
{
    resolved(f, "2a00:1::7 198.51.100.7");
    test_tcp(f, SIDE_SITE, six, ENETUNREACH);
    test_tcp(f, SIDE_SITE, at, bad ? ECONNREFUSED : 0);
    if (!bad) {
        works(f, at);
    }
}

static void
swallowed_behind_dead_family(struct facts *f, bool bad)
{
    resolved(f, "2a00:1::7 198.51.100.7");
    test_tcp(f, SIDE_SITE, six, ENETUNREACH);
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_SITE, at);
        usual_port(f, "198.51.100.7:443", 0);
    } else {
        test_tcp(f, SIDE_SITE, at, 0);
        works(f, at);
    }
}

static void
swallowed(struct facts *f, bool bad)
{
    resolved(f, "198.51.100.7");
    usual_port(f, "198.51.100.7:443", 0);
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_SITE, at);
    } else {
        test_tcp(f, SIDE_SITE, at, 0);
        works(f, at);
    }
}

static void
all_silent(struct facts *f, bool bad)
{
    resolved(f, "198.18.0.7");
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_SITE, "198.18.0.7:8443");
        test_silent(f, PROBE_T2, SIDE_PORT, "198.18.0.7:443");
        test_silent(f, PROBE_T2, SIDE_PORT, "198.18.0.7:80");
    } else {
        test_tcp(f, SIDE_SITE, "198.18.0.7:8443", 0);
        works(f, "198.18.0.7:8443");
    }
}

static void
private_silent(struct facts *f, bool bad)
{
    resolved(f, "10.0.0.5");
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_SITE, "10.0.0.5:8443");
        test_silent(f, PROBE_T2, SIDE_PORT, "10.0.0.5:443");
    } else {
        test_tcp(f, SIDE_SITE, "10.0.0.5:8443", 0);
        works(f, "10.0.0.5:8443");
    }
}

/* Private, but another port of the machine is there: only this one is missing. */
static void
private_one_port(struct facts *f, bool bad)
{
    private_silent(f, bad);
    usual_port(f, "10.0.0.5:80", bad ? ECONNREFUSED : 0);
    if (bad) { /* the silent T2 comes first: it must not decide alone */
        usual_port(f, "10.0.0.5:443", 0);
    }
}

static void
rejected(struct facts *f, bool bad)
{
    resolved(f, "198.51.100.7");
    struct result *t1 = test_tcp(f, SIDE_SITE, at, bad ? EHOSTUNREACH : 0);
    if (bad) {
        t1->icmp = true;
        t1->icmp_type = 3;
        t1->icmp_code = 13;
    } else {
        works(f, at);
    }
}

/* ---- open, and yet ---- */

static void
black_hole(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_silent(f, PROBE_H1, SIDE_SITE, at);
        test_silent(f, PROBE_H2, SIDE_SITE, at);
        test_hello(f, PROBE_HM, SIDE_SITE, at, TLS_V_13, 0x1301);
    } else {
        works(f, at);
    }
}

static void
ssh(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_text(f, PROBE_P2, SIDE_SITE, at, "SSH-2.0-OpenSSH_9.2p1\r\n", FINISH_US);
        test_text(f, PROBE_H1, SIDE_SITE, at, "SSH-2.0-OpenSSH_9.2p1\r\n", FINISH_US);
    } else {
        works(f, at);
    }
}

static void
smtp(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, at, "220 mail.example.com ESMTP\r\n", FINISH_US);
    } else {
        works(f, at);
    }
}

static void
mailbox(struct facts *f, bool bad)
{
    test_reached(f, url);
    if (bad) {
        test_text(f, PROBE_H1, SIDE_SITE, at, "* OK IMAP4rev1 ready\r\n", FINISH_US);
    } else {
        works(f, at);
    }
}

static void
mysql(struct facts *f, bool bad)
{
    static const uint8_t greeting[] = "\x4a\x00\x00\x00\x0a"
                                      "8.0.36\0\x08\x00\x00\x00:xV9&SqH\0\xff\xff\xff\x02\0\xff";
    test_reached(f, url);
    if (bad) {
        test_bytes(f, PROBE_P2, SIDE_SITE, at, greeting, sizeof greeting, FINISH_US);
    } else {
        works(f, at);
    }
}

static void
echo(struct facts *f, bool bad)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x00, 0x06, 0x01,
                                    0x00, 0x00, 0x02, 0x03, 0x03};
    test_reached(f, url);
    if (bad) {
        test_bytes(f, PROBE_H1, SIDE_SITE, at, hello, sizeof hello, FINISH_US);
    } else {
        works(f, at);
    }
}

static void
closes(struct facts *f, bool bad)
{
    test_reached(f, url);
    /* A server that gives an idle connection up soon is no fault while it answers. */
    test_bytes(f, PROBE_P2, SIDE_SITE, at, "", 0, FINISH_FIN);
    if (bad) {
        test_bytes(f, PROBE_H1, SIDE_SITE, at, "", 0, FINISH_FIN);
    } else {
        works(f, at);
    }
}

static void
closes_plain(struct facts *f, bool bad)
{
    test_reached(f, "http://app.example.com:8443/");
    test_bytes(f, PROBE_P2, SIDE_SITE, at, "", 0, FINISH_FIN);
    if (bad) {
        test_bytes(f, PROBE_P1, SIDE_SITE, at, "", 0, FINISH_FIN);
    } else {
        test_page(f, PROBE_P1, SIDE_SITE, at, "200 OK", "", "hello");
    }
}

static void
resets(struct facts *f, bool bad)
{
    test_reached(f, url);
    test_bytes(f, PROBE_P2, SIDE_SITE, at, "", 0, FINISH_RST);
    if (bad) {
        test_bytes(f, PROBE_H1, SIDE_SITE, at, "", 0, FINISH_RST);
    } else {
        works(f, at);
    }
}

static void
resets_plain(struct facts *f, bool bad)
{
    test_reached(f, "http://app.example.com:8443/");
    if (bad) {
        test_bytes(f, PROBE_P1, SIDE_SITE, at, "", 0, FINISH_RST);
        test_bytes(f, PROBE_H1, SIDE_SITE, at, "", 0, FINISH_RST);
    } else {
        test_page(f, PROBE_P1, SIDE_SITE, at, "200 OK", "", "hello");
    }
}

/* ---- several addresses ---- */

static void
dead_node(struct facts *f, bool bad)
{
    resolved(f, "198.51.100.7 198.51.100.8");
    test_lb(f, at);
    test_lb(f, second);
    test_tcp(f, SIDE_SITE, at, 0);
    works(f, at);
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_SITE, second);
    } else {
        test_tcp(f, SIDE_SITE, second, 0);
    }
}

static void
dead_node_silent_first(struct facts *f, bool bad)
{
    resolved(f, "198.51.100.7 198.51.100.8");
    if (bad) {
        test_silent(f, PROBE_T1, SIDE_SITE, second);
    }
    test_tcp(f, SIDE_SITE, at, 0);
    works(f, at);
}

static void
overloaded(struct facts *f, bool bad)
{
    resolved(f, "198.51.100.7");
    struct result *t1 = test_tcp(f, SIDE_SITE, at, 0);
    t1->connected_us = t1->start_us + 1030000; /* slow alone is no loss */
    t1->syn_retries = bad ? 1 : 0;
    works(f, at);
}

static const struct infer_case cases[] = {
    {.title = "nothing listens",
     .make = refused,
     .ids = "TCP-01",
     .sight = SIGHT_REFUSED,
     .counter = COUNTER_WORKS,
     .args = "other=443 | address=198.51.100.7:8443"},
    {.title = "a firewall refuses",
     .make = refused_by_icmp,
     .ids = "TCP-01",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_REFUSED,
     .counter = COUNTER_WORKS},
    {.title = "nothing listens, and this machine has no IPv6",
     .make = refused_behind_dead_family,
     .ids = "TCP-01",
     .sight = SIGHT_REFUSED,
     .args = "address=198.51.100.7:8443"},
    {.title = "packets are swallowed, and this machine has no IPv6",
     .make = swallowed_behind_dead_family,
     .ids = "TCP-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_DROPPED,
     .counter = COUNTER_WORKS,
     .args = "address=198.51.100.7:8443 | seconds=10"},
    {.title = "this port is silent, another answers",
     .make = swallowed,
     .ids = "TCP-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_DROPPED,
     .counter = COUNTER_WORKS},
    {.title = "all ports of a public address are silent",
     .make = all_silent,
     .ids = "TCP-02",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_DROPPED},
    {.title = "all ports of a private address are silent",
     .make = private_silent,
     .ids = "TCP-09 [CLI-07]",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_DROPPED,
     .args = "range=private"},
    {.title = "one port of a private address is silent",
     .make = private_one_port,
     .ids = "TCP-02 [CLI-07]",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_DROPPED,
     .counter = COUNTER_WORKS},
    {.title = "a device on the way rejects",
     .make = rejected,
     .ids = "TCP-04",
     .sight = SIGHT_UNREACHABLE,
     .args = "value=administratively prohibited"},
    {.title = "large packets get lost",
     .make = black_hole,
     .ids = "TCP-05",
     .sight = SIGHT_SILENT_TLS,
     .counter = COUNTER_WORKS},
    {.title = "SSH",
     .make = ssh,
     .ids = "TCP-06",
     .sight = SIGHT_BANNER_FOR_TLS,
     .args = "service=SSH"},
    {.title = "SMTP",
     .make = smtp,
     .ids = "TCP-06",
     .sight = SIGHT_BANNER_FOR_TLS,
     .args = "service=SMTP or FTP"},
    {.title = "IMAP",
     .make = mailbox,
     .ids = "TCP-06",
     .sight = SIGHT_BANNER_FOR_TLS,
     .args = "service=IMAP or POP3"},
    {.title = "MySQL",
     .make = mysql,
     .ids = "TCP-06",
     .sight = SIGHT_MYSQL_FOR_TLS,
     .args = "service=MySQL"},
    {.title = "an echo", .make = echo, .ids = "TCP-06", .sight = SIGHT_ECHO_FOR_TLS},
    {.title = "it closes before anything is sent",
     .make = closes,
     .ids = "TCP-07",
     .sight = SIGHT_CLOSED},
    {.title = "it closes before anything is sent, plain HTTP",
     .make = closes_plain,
     .ids = "TCP-07",
     .sight = SIGHT_EMPTY_RESPONSE},
    {.title = "it resets before anything is sent",
     .make = resets,
     .ids = "TCP-08",
     .sight = SIGHT_RESET},
    {.title = "it resets plain requests, too",
     .make = resets_plain,
     .ids = "TCP-08",
     .sight = SIGHT_RESET},
    {.title = "one node of the load balancer is dead",
     .make = dead_node,
     .ids = "TCP-10",
     .sight = SIGHT_SOMETIMES,
     .args = "address=198.51.100.8 | other=198.51.100.7:8443"},
    {.title = "one address is dead, whoever answers first",
     .make = dead_node_silent_first,
     .ids = "DNS-11",
     .sight = SIGHT_SOMETIMES},
    {.title = "a repeated SYN",
     .make = overloaded,
     .ids = "[TCP-12]",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_SOMETIMES,
     .args = "ms=1030"},
};

TEST("each fault of TCP is found, and its healthy twin is left alone")
{
    test_cases(cases, COUNT_OF(cases));
}

static const struct {
    uint8_t code;
    const char *value;
} icmp_codes[] = {
    {0, "network unreachable"},          {1, "host unreachable"},
    {9, "administratively prohibited"},  {10, "administratively prohibited"},
    {13, "administratively prohibited"}, {4, "destination unreachable"},
};

TEST("each ICMP code is said in words")
{
    for (size_t i = 0; i < COUNT_OF(icmp_codes); i++) {
        struct facts f;
        struct findings out;
        rejected(&f, true);
        f.results[f.count - 1].icmp_code = icmp_codes[i].code;
        infer(&f, &out);
        CHECK_STR(args_get(&out.items[0].evidence[0].args, "value"), icmp_codes[i].value);
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("a machine without IPv6 hears nothing about the site's IPv6 addresses")
{
    struct facts f;
    resolved(&f, "2a00:1::7 198.51.100.7");
    test_tcp(&f, SIDE_SITE, six, ENETUNREACH);
    test_tcp(&f, SIDE_SITE, at, 0);
    works(&f, at);
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST("the siblings that look the same from outside are named")
{
    struct facts f;
    struct findings out;
    swallowed(&f, true);
    infer(&f, &out);
    CHECK_INT(out.items[0].sibling_count, 3);
    CHECK_STR(str_of(out.items[0].siblings[0]), "TCP-03");
    CHECK_STR(str_of(out.items[0].siblings[1]), "TCP-11");
    CHECK_STR(str_of(out.items[0].siblings[2]), "LBC-06");
    findings_done(&out);
    facts_done(&f);
}

TEST_MAIN
