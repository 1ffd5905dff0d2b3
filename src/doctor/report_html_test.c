/* SPDX-License-Identifier: Apache-2.0
 * Tests of the HTML report: what stands in it, what must not, and that strangers' bytes stay bytes.
 */
#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "doctor/html_int.h"
#include "doctor/infer_test_facts.h"

static const char plain_400[] =
    "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 3\r\n\r\nno\n";

static struct buf
page_of(const struct facts *f)
{
    struct findings found;
    struct buf page = {0};
    infer(f, &found);
    const struct report r = {.facts = f, .findings = &found, .verbose = true};
    report_html(&r, &page);
    findings_done(&found);
    return page;
}

static bool
holds(const struct buf *page, const char *text)
{
    return str_find(buf_str(page), str_of(text), NULL);
}

static size_t
count_in(struct str rest, const char *text)
{
    size_t count = 0, at = 0;
    while (str_find(rest, str_of(text), &at)) {
        rest = str_sub(rest, at + strlen(text), rest.n);
        count++;
    }
    return count;
}

static size_t
count_of(const struct buf *page, const char *text)
{
    return count_in(buf_str(page), text);
}

/* The half in English; the other one is there when its catalogue is. */
static struct str
english(const struct buf *page)
{
    size_t at = 0, end = 0;
    struct str rest = buf_str(page);
    CHECK(str_find(rest, STR("<main class=\"wide\" lang=\"en\">"), &at));
    rest = str_sub(rest, at, rest.n);
    CHECK(str_find(rest, STR("</main>"), &end));
    return str_sub(rest, 0, end);
}

/* The name leads to another machine than the load balancer. */
static void
make_stray(struct facts *f)
{
    test_site(f, "https://app.example.com:8443/secret-path?token=secret-query");
    f->question.lb_given = true;
    CHECK(addr_parse(STR("198.51.100.7"), 8443, &f->question.lb_addrs[0]));
    f->question.lb_addr_count = 1;
    test_resolves(f, "203.0.113.25");
    test_tcp(f, SIDE_SITE, "203.0.113.25:8443", 0);
    test_text(f, PROBE_H1, SIDE_SITE, "203.0.113.25:8443", plain_400, FINISH_FIN);
    test_tcp(f, SIDE_LB, "198.51.100.7:8443", 0);
    test_answer(f, PROBE_R4, SIDE_LB, "198.51.100.7:8443",
                "HTTP/1.1 200 OK\r\nSet-Cookie: sid=secret-cookie\r\nContent-Length: 0\r\n\r\n");
}

TEST("the page names the verdict, draws the other machine and shows the bytes")
{
    struct facts f;
    make_stray(&f);
    struct buf page = page_of(&f);
    CHECK(str_starts(buf_str(&page), STR("<!doctype html>")));
    CHECK(str_ends(buf_str(&page), STR("</html>\n")));
    CHECK(holds(&page, "<section class=\"verdict bad\">"));
    CHECK(holds(&page, ">DNS-01<"));
    CHECK(holds(&page, "another machine"));
    CHECK(holds(&page, "48 54 54 50 2f 31 2e 31"));
    CHECK(holds(&page, "HTTP/1.1 400 Bad"));
    CHECK(holds(&page, "<code>ERR_SSL_PROTOCOL_ERROR</code>"));
    CHECK(holds(&page, "203.0.113.25:8443"));
    CHECK(holds(&page, "TLS 1.3"));
    CHECK(page.n <= LIMIT_DOCTOR_PAGE_BYTES);
    buf_free(&page);
    facts_done(&f);
}

TEST("the broken knot bears the finding's id, what lies beyond it is unknown")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_resolves(&f, "198.51.100.7");
    test_tcp(&f, SIDE_SITE, "198.51.100.7:443", ECONNREFUSED);
    struct buf page = page_of(&f);
    CHECK(holds(&page, ">TCP-01</text>"));
    CHECK(holds(&page, "class=\"knot bad\""));
    CHECK(holds(&page, "class=\"box unknown\"><title>target"));
    CHECK(!holds(&page, "another machine"));
    buf_free(&page);
    facts_done(&f);
}

TEST("a healthy site is green and accuses nobody")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_healthy(&f);
    struct buf page = page_of(&f);
    CHECK(holds(&page, "<section class=\"verdict good\">"));
    CHECK(holds(&page, "It opens: 200. No fault was found."));
    CHECK(!holds(&page, "class=\"knot bad\""));
    CHECK(!holds(&page, "class=\"badge bad\""));
    buf_free(&page);
    facts_done(&f);
}

TEST("plain http has no knots for TLS and the certificate")
{
    struct facts f;
    test_site(&f, "http://app.example.com/");
    test_healthy(&f);
    struct buf page = page_of(&f);
    CHECK_INT(count_in(english(&page), ">TLS handshake</text>"), 0);
    CHECK_INT(count_in(english(&page), ">HTTP</text>"), 2); /* lying and standing */
    buf_free(&page);
    facts_done(&f);
}

TEST("nothing is loaded, and the policy allows just our style and script")
{
    struct facts f;
    make_stray(&f);
    struct buf page = page_of(&f), policy = {0};
    buf_addf(&policy,
             "content=\"default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'",
             report_css_hash, report_js_hash);
    CHECK(holds(&page, policy.p));
    CHECK_INT(count_of(&page, "<script"), 1);
    CHECK_INT(count_of(&page, "<style"), 1);
    static const char *const loaders[] = {" src=",    " href=", " style=\"", "url(",  "@import",
                                          " onclick", "<link",  "<iframe",   "<form", "<img"};
    for (size_t i = 0; i < COUNT_OF(loaders); i++) {
        CHECK(!holds(&page, loaders[i]));
    }
    buf_free(&page);
    buf_free(&policy);
    facts_done(&f);
}

TEST("cookies, queries and the path that was asked are not in the page")
{
    struct facts f;
    make_stray(&f);
    struct result *r = test_answer(&f, PROBE_R1, SIDE_SITE, "203.0.113.25:8443",
                                   "HTTP/1.1 302 Found\r\nLocation: /next?token=secret-query\r\n"
                                   "Set-Cookie: sid=secret-cookie\r\nContent-Length: 0\r\n\r\n");
    r->secrets_sent = true;
    struct buf page = page_of(&f);
    CHECK(!holds(&page, "secret-cookie"));
    CHECK(!holds(&page, "secret-query"));
    CHECK(!holds(&page, "secret-path"));
    buf_free(&page);
    facts_done(&f);
}

TEST("what strangers send is text, never markup")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_healthy(&f);
    f.count--; /* R1, replaced */
    result_done(&f.results[f.count]);
    struct result *r =
        test_answer(&f, PROBE_R1, SIDE_SITE, "198.51.100.7:443",
                    "HTTP/1.1 500 Bad\r\nServer: \"><script>alert(1)</script>\x1b[31m\xff\r\n"
                    "Content-Type: text/html\r\nContent-Length: 60\r\n\r\n"
                    "<title></title><script>alert(2)</script></title>-------------");
    test_names(r, "<b>evil</b>.example.com");
    (void)snprintf(r->label, sizeof r->label, "<i>label</i>");
    struct buf page = page_of(&f);
    CHECK_INT(count_of(&page, "<script"), 1);
    CHECK(!holds(&page, "<b>evil"));
    CHECK(!holds(&page, "<i>label"));
    CHECK(!holds(&page, "\x1b"));
    CHECK(!holds(&page, "\xff"));
    CHECK(holds(&page, "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\xff"));
    buf_free(&page);
    facts_done(&f);
}

TEST("one language when there is no catalogue of the other: then there is no switch")
{
    struct facts f;
    make_stray(&f);
    enum lang before = text_lang();
    bool both = text_lang_set(LANG_JA);
    CHECK(text_lang_set(before));
    struct buf page = page_of(&f);
    CHECK_INT(count_of(&page, "<main "), both ? 2 : 1);
    CHECK_INT(count_of(&page, "<p class=\"switch\">"), both ? 1 : 0);
    CHECK(text_lang() == before);
    buf_free(&page);
    facts_done(&f);
}

TEST("the largest diagnosis fits the limit, without the bytes of single probes")
{
    enum { BODY = 16384 };
    static uint8_t bytes[BODY];
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_resolves(&f, "198.51.100.7");
    memset(bytes, 0x07, sizeof bytes);
    while (f.count < LIMIT_DOCTOR_RESULTS) {
        struct result *r =
            test_bytes(&f, PROBE_H1, SIDE_SITE, "198.51.100.7:443", bytes, BODY, FINISH_FIN);
        memset(r->label, 0x07, sizeof r->label - 1);
        r->sent.p = xalloc(BODY);
        r->sent.n = BODY;
    }
    struct buf page = page_of(&f);
    CHECK(page.n > 256 * 1024);
    CHECK(page.n <= LIMIT_DOCTOR_PAGE_BYTES);
    CHECK(str_ends(buf_str(&page), STR("</html>\n")));
    buf_free(&page);
    facts_done(&f);
}

TEST("a silent probe does not squeeze the others on the time line")
{
    struct facts f;
    test_site(&f, "https://app.example.com/");
    test_healthy(&f);
    test_silent(&f, PROBE_T2, SIDE_PORT, "198.51.100.7:80");
    struct buf page = page_of(&f);
    CHECK(holds(&page, "class=\"lost\""));
    CHECK(holds(&page, "overflow=\"visible\"")); /* its bar is torn off */
    CHECK(holds(&page, ">10.0 s<"));
    CHECK(holds(&page, ">2 ms<"));
    buf_free(&page);
    facts_done(&f);
}

TEST_MAIN
