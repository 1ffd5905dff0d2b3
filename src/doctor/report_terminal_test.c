/* SPDX-License-Identifier: Apache-2.0
 * Tests of the report on a terminal: what it says of a site that opens, and that it fits. */
#include "doctor/infer_test_facts.h"

#include <errno.h>

#include "base/mem.h"
#include "base/test.h"
#include "doctor/report.h"

static const char http_at[] = "198.51.100.7:80";

static struct buf
report_of(const struct facts *f)
{
    struct findings found;
    struct buf text = {0};
    const struct term t = {.out = stdout, .width = 80};
    infer(f, &found);
    const struct report r = {.facts = f, .findings = &found};
    report_terminal(&r, &t, &text);
    findings_done(&found);
    return text;
}

static bool
holds(const struct buf *text, const char *words)
{
    return str_find(buf_str(text), str_of(words), NULL);
}

static void
redirecting(struct facts *f)
{
    test_reached(f, "http://app.example.com/");
    test_page(f, PROBE_R1, SIDE_SITE, http_at, "301 Moved Permanently",
              "Location: https://app.example.com/\r\n", "");
}

TEST("the status of a healthy site is that of the last page")
{
    struct facts f;
    redirecting(&f);
    test_hop(&f, 1, "https://app.example.com/", "198.51.100.7:443", "200 OK", "", "<p>x");
    struct buf text = report_of(&f);
    CHECK(holds(&text, "It opens: 200 after a redirect. No fault was found.\n"));
    buf_free(&text);
    facts_done(&f);

    redirecting(&f);
    test_hop(&f, 1, "https://app.example.com/", "198.51.100.7:443", "302 Found",
             "Location: /login\r\n", "");
    test_hop(&f, 2, "https://app.example.com/login", "198.51.100.7:443", "401 Unauthorized", "",
             "<p>x");
    text = report_of(&f);
    CHECK(holds(&text, "It opens: 401 after 2 redirects. No fault was found.\n"));
    buf_free(&text);
    facts_done(&f);
}

TEST("an answer after the time for answers is called slow")
{
    struct facts f;
    test_reached(&f, "http://app.example.com/");
    struct result *r = test_page(&f, PROBE_R1, SIDE_SITE, http_at, "200 OK", "", "<p>x");
    struct buf text = report_of(&f);
    CHECK(holds(&text, "It opens: 200. No fault was found.\n"));
    buf_free(&text);
    r->first_us = r->start_us + 3100000;
    r->end_us = r->first_us;
    text = report_of(&f);
    CHECK(holds(&text, "It opens: 200. No fault was found. It is slow: the answer took 3.10 s.\n"));
    buf_free(&text);
    facts_done(&f);
}

TEST("a page with an error status is not said to open")
{
    struct facts f;
    test_reached(&f, "http://app.example.com/");
    test_page(&f, PROBE_R1, SIDE_SITE, http_at, "500 Oh", "Server: nginx\r\n", "<p>x");
    struct buf text = report_of(&f);
    CHECK(holds(&text, "Chromium  the page with that status\n"));
    CHECK(!holds(&text, "the page opens"));
    buf_free(&text);
    facts_done(&f);
}

/* Commands to paste stay whole; everything else is wrapped. */
TEST("sentences fit into 80 columns")
{
    struct facts f;
    struct str rest, line;
    test_reached(&f, "https://a-rather-long-name.of-a-site.example.com:8443/");
    f.results[f.count - 1].outcome = OUTCOME_FAIL;
    f.results[f.count - 1].error = ECONNREFUSED;
    f.results[f.count - 1].connected_us = 0;
    struct buf text = report_of(&f);
    rest = buf_str(&text);
    CHECK(holds(&text, "TCP-01"));
    while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
        bool command = str_starts(line, STR("           "));
        if (!command && text_width(line) > 80) {
            test_failed(__FILE__, __LINE__, "%.*s", STR_ARG(line));
        }
    }
    buf_free(&text);
    facts_done(&f);
}

TEST_MAIN
