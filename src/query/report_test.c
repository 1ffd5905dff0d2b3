/* SPDX-License-Identifier: Apache-2.0
 * Tests of the page of `logs report`: its frame, that bytes of logs stay inert, and its size. What
 * it shows is tested in a browser (tests/test_logs_report.py). */
#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "query/report.h"
#include "query/report_int.h"
#include "text/text.h"

static const char evil[] = "</script><img src=x onerror=alert(1)>\xe2\x80\xa8\xff\x1b[31m";

/* The state of a report that is fed line by line, without files. */
struct feed {
    struct query_report *report;
    struct scan_counts counts;
};

static void
feed_line(struct feed *f, struct buf *text)
{
    struct scan_line line = {.path = "test", .number = f->counts.lines + 1};
    size_t n = text->n;
    for (unsigned i = 0; i < LOG_READ_PAD; i++) {
        buf_add_char(text, '\n');
    }
    line.fault = log_line_split(text->p, n, &line.line);
    CHECK(line.fault == LOG_FAULT_NONE);
    CHECK(query_report_sink.line(f->report, &line));
    f->counts.lines++;
    buf_reset(text);
}

static void
feed(struct feed *f, unsigned second, const char *host, const char *path, const char *group,
     unsigned duration_ms)
{
    struct buf text = {0};
    buf_addf(&text, "http 2026-11-23T%02u:%02u:%02u.%03uZ app/lb/1 192.0.2.7:1024 10.0.0.1:80 ",
             10 + second / 3600 % 12, second / 60 % 60, second % 60, duration_ms % 1000);
    buf_addf(&text, "0.000 0.%03u 0.000 502 - 10 20 \"GET http://%s:80%s HTTP/1.1\" \"%s\" - - %s ",
             duration_ms % 1000, host, path, path, group);
    buf_addf(&text,
             "\"Root=1-2-3\" \"-\" \"-\" 0 2026-11-23T%02u:%02u:%02u.000000Z \"forward\" \"-\" "
             "\"%s\" \"-\" \"-\" \"-\" \"-\" TID_1 \"-\" \"-\" \"-\" 10.0.0.1",
             10 + second / 3600 % 12, second / 60 % 60, second % 60, path + 1);
    feed_line(f, &text);
    buf_free(&text);
}

static struct buf
page_of(struct feed *f, const char *said)
{
    struct buf page = {0};
    const struct query_report_about about = {.sources = str_of(said),
                                             .filter = str_of(said),
                                             .version = STR("0.0.0"),
                                             .now_us = UINT64_C(1795478400000000)};
    query_report_html(f->report, &f->counts, &about, &page);
    query_report_free(&f->report);
    CHECK(str_starts(buf_str(&page), STR("<!doctype html>")));
    CHECK(str_ends(buf_str(&page), STR("</html>\n")));
    CHECK(page.n <= LIMIT_REPORT_PAGE_BYTES);
    return page;
}

static size_t
count_of(const struct buf *page, const char *text)
{
    struct str rest = buf_str(page);
    size_t count = 0, at = 0;
    while (str_find(rest, str_of(text), &at)) {
        rest = str_sub(rest, at + strlen(text), rest.n);
        count++;
    }
    return count;
}

TEST("a page of no lines is whole")
{
    struct feed f = {.report = query_report_new()};
    CHECK_INT(query_report_tables(f.report)->requests, 0);
    struct buf page = page_of(&f, "logs");
    CHECK_INT(count_of(&page, "\"requests\":0"), 1);
    buf_free(&page);
}

TEST("nothing is loaded, and the policy allows just our style and script")
{
    struct feed f = {.report = query_report_new()};
    struct buf policy = {0};
    feed(&f, 0, "a.example.com", "/x", "arn:g", 5);
    struct buf page = page_of(&f, "logs");
    buf_addf(&policy,
             "content=\"default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; "
             "form-action 'none'\"",
             logs_report_css_hash, logs_report_js_hash);
    CHECK_INT(count_of(&page, policy.p), 1);
    CHECK_INT(count_of(&page, "<script"), 2); /* the data and the code */
    CHECK_INT(count_of(&page, "<script type=\"application/json\" id=\"data\">{"), 1);
    CHECK_INT(count_of(&page, "<style"), 1);
    static const char *const loaders[] = {" src=",     " href=", " style=\"", "url(",  "@import",
                                          "innerHTML", "<link",  "<iframe",   "<form", "<img"};
    for (size_t i = 0; i < COUNT_OF(loaders); i++) {
        CHECK_INT(count_of(&page, loaders[i]), 0);
    }
    buf_free(&page);
    buf_free(&policy);
}

TEST("what strangers sent stays inert")
{
    struct feed f = {.report = query_report_new()};
    char path[sizeof evil + 1];
    (void)snprintf(path, sizeof path, "/%s", evil); /* it fits */
    for (char *c = path; *c != '\0'; c++) {
        *c = *c == ' ' ? '+' : *c;
    }
    feed(&f, 0, "<b>host", path, "arn:<i>group</i>", 5);
    struct buf page = page_of(&f, evil);
    CHECK_INT(count_of(&page, "</script>"), 2);
    CHECK_INT(count_of(&page, "<img"), 0);
    CHECK_INT(count_of(&page, "<b>"), 0);
    CHECK_INT(count_of(&page, "<i>"), 0);
    CHECK_INT(count_of(&page, "\xe2\x80\xa8"), 0);
    CHECK_INT(count_of(&page, "\xff"), 0);
    CHECK_INT(count_of(&page, "\x1b"), 0);
    CHECK(count_of(&page, "\\u003cimg+src=x+onerror=alert(1)>") >= 3); /* path, agent, error */
    CHECK(count_of(&page, "\"\\u003cb>host\"") >= 2);                  /* cube and list */
    CHECK_INT(count_of(&page, "\"arn:\\u003ci>group\\u003c/i>\""), 3); /* cube, group, target */
    buf_free(&page);
}

TEST("the page keeps its language and tells every one that is there")
{
    struct feed f = {.report = query_report_new()};
    enum lang before = text_lang();
    bool both = text_lang_set(LANG_JA);
    CHECK(text_lang_set(before));
    feed(&f, 0, "a.example.com", "/x", "arn:g", 5);
    struct buf page = page_of(&f, "logs");
    CHECK(text_lang() == before);
    CHECK_INT(count_of(&page, "class=\"unscripted\""), both ? 2 : 1);
    CHECK_INT(count_of(&page, "\"all_words_are\""), 0);
    CHECK_INT(count_of(&page, "\"how_to_zoom\":"), both ? 2 : 1);
    buf_free(&page);
}

TEST("reports that are joined count all lines once")
{
    struct feed a = {.report = query_report_new()};
    struct feed b = {.report = query_report_sink.fork(a.report)};
    feed(&a, 0, "a.example.com", "/x", "arn:g", 5);
    feed(&b, 1, "b.example.com", "/y", "arn:h", 6);
    feed(&b, 2, "b.example.com", "/y", "arn:h", 6);
    query_report_sink.join(a.report, b.report);
    CHECK_INT(query_report_tables(a.report)->requests, 3);
    struct buf page = page_of(&a, "logs");
    CHECK(count_of(&page, "\"hosts\":[\"b.example.com\",\"a.example.com\"]") == 1);
    buf_free(&page);
}

/* Hosts, target groups, paths and errors that are all long and all different, over 11 hours. */
TEST("the largest page fits its limit")
{
    enum { LINES = 400 * 1000, LONG = 480 };
    struct feed f = {.report = query_report_new()};
    char path[LONG + 32], host[LONG + 32], group[LONG + 32], filler[LONG + 1];
    memset(filler, '\x07', LONG);
    filler[LONG] = '\0';
    for (unsigned i = 0; i < LINES; i++) {
        bool large = i % 100 == 0;
        const char *fill = large ? filler : "";
        (void)snprintf(path, sizeof path, "/p%x/%s", i % 3000, fill); /* they fit */
        (void)snprintf(host, sizeof host, "h%u-%s", i % 14, i % 14 == 0 ? filler : "");
        (void)snprintf(group, sizeof group, "g%u-%s", large ? i / 100 : i % 11, fill);
        feed(&f, i % 39600, host, path, group, (i * 7919) % 1000);
    }
    struct buf page = page_of(&f, filler);
    CHECK(page.n > 1000 * 1000);
    buf_free(&page);
}

TEST_MAIN
