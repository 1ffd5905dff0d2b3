/* SPDX-License-Identifier: Apache-2.0
 * Tests of the ticket: it says what is wrong and what to do, and nothing private. */
#include <errno.h>

#include "base/mem.h"
#include "base/test.h"
#include "doctor/infer_test_facts.h"
#include "doctor/report.h"

static struct buf
ticket_of(const struct facts *f)
{
    struct findings found;
    struct buf text = {0};
    infer(f, &found);
    const struct report r = {.facts = f, .findings = &found};
    say_ticket(&r, &text);
    findings_done(&found);
    return text;
}

static bool
holds(const struct buf *text, const char *words)
{
    return str_find(buf_str(text), str_of(words), NULL);
}

TEST("it begins with the site and the verdict, and lists the layers")
{
    struct facts f;
    test_site(&f, "https://app.example.com:8443/secret-path?secret-query");
    test_resolves(&f, "198.51.100.7");
    test_tcp(&f, SIDE_SITE, "198.51.100.7:8443", ECONNREFUSED);
    struct buf text = ticket_of(&f);
    CHECK(str_starts(buf_str(&text),
                     STR("https://app.example.com:8443/ examined by openalb doctor ")));
    CHECK(holds(&text, "FAIL TCP-01 (proved)\n") || holds(&text, "FAIL TCP-01 (likely)\n"));
    CHECK(holds(&text, "198.51.100.7:8443"));
    CHECK(holds(&text, "\nfix:\n- "));
    CHECK(holds(&text, "DNS: ok, TCP: FAIL, TLS handshake: not examined"));
    CHECK(!holds(&text, "secret"));
    buf_free(&text);
    facts_done(&f);
}

TEST("a healthy site has a short one")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_healthy(&f);
    struct buf text = ticket_of(&f);
    CHECK(holds(&text, "No fault was found in what was examined.\n"));
    CHECK(!holds(&text, "fix:"));
    buf_free(&text);
    facts_done(&f);
}

TEST("addresses of this machine's network are left out")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_dns(&f, PROBE_D2A, "192.168.7.1", "app.example.com", DNS_RCODE_NXDOMAIN, "", 60);
    test_dns(&f, PROBE_D2Q, "192.168.7.1", "app.example.com", DNS_RCODE_NXDOMAIN, "", 60);
    test_result(&f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_FAIL);
    struct buf text = ticket_of(&f);
    CHECK(holds(&text, "FAIL DNS-02"));
    CHECK(holds(&text, "NXDOMAIN"));
    CHECK(holds(&text, "(a private address)"));
    CHECK(!holds(&text, "192.168.7.1"));
    buf_free(&text);
    facts_done(&f);
}

TEST("a private address that is the fault stays")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_resolves(&f, "10.1.2.3");
    test_silent(&f, PROBE_T1, SIDE_SITE, "10.1.2.3:443");
    struct buf text = ticket_of(&f);
    CHECK(holds(&text, "FAIL TCP-09"));
    CHECK(holds(&text, "10.1.2.3:443"));
    buf_free(&text);
    facts_done(&f);
}

TEST("the files of this machine are left out")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    f.local.host_count = 1;
    CHECK(str_copy_z(STR("app.example.com"), f.local.hosts[0].host, sizeof f.local.hosts[0].host));
    CHECK(addr_parse(STR("203.0.113.25"), 0, &f.local.hosts[0].addr));
    f.local.hosts[0].line = 7;
    f.question.hosts_file = xstrdup("/home/anna/hosts");
    struct result *r = test_result(&f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_OK);
    r->addrs = xalloc(sizeof r->addrs[0]);
    r->addr_count = 1;
    CHECK(addr_parse(STR("203.0.113.25"), 0, &r->addrs[0]));
    test_dns(&f, PROBE_D2A, "192.0.2.53", "app.example.com", 0, "198.51.100.7", 60);
    test_tcp(&f, SIDE_SITE, "203.0.113.25:443", ECONNREFUSED);
    struct buf text = ticket_of(&f);
    CHECK(holds(&text, "FAIL DNS-15"));
    CHECK(!holds(&text, "/etc/hosts") && !holds(&text, "anna"));
    buf_free(&text);
    facts_done(&f);
}

TEST("of a redirect only the place is named, and no control byte gets through")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_resolves(&f, "198.51.100.7");
    test_tcp(&f, SIDE_SITE, "198.51.100.7:443", 0);
    test_hello(&f, PROBE_H1, SIDE_SITE, "198.51.100.7:443", TLS_V_13, 0x1301);
    test_answer(&f, PROBE_R1, SIDE_SITE, "198.51.100.7:443",
                "HTTP/1.1 301 Moved\r\nServer: \x1b]0;x\x07\r\nContent-Length: 0\r\n"
                "Location: https://app.example.com:8444/secret?secret\r\n\r\n");
    struct result *hop = test_result(&f, PROBE_R3, SIDE_HOP, "198.51.100.7:8444", OUTCOME_FAIL);
    hop->hop = 1;
    hop->url = xstrdup("https://app.example.com:8444/secret?secret");
    hop->error = ECONNREFUSED;
    hop->connected_us = hop->sent_us = hop->first_us = 0;
    struct buf text = ticket_of(&f);
    CHECK(holds(&text, "FAIL "));
    CHECK(holds(&text, "https://app.example.com:8444/"));
    CHECK(!holds(&text, "secret"));
    CHECK(!holds(&text, "\x1b"));
    buf_free(&text);
    facts_done(&f);
}

TEST_MAIN
