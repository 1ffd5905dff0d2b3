/* SPDX-License-Identifier: Apache-2.0
 * The rules of logs and bucket policies, each with its healthy twin: the same facts with the line,
 * the file or the policy as it should be. */
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"
#include "doctor/infer_test_facts.h"
#include "doctor/report.h"
#include "doctor/save.h"

static const char url[] = "http://app.example.com:8080/";
static const char site[] = "198.51.100.7:8080";
static const char lb[] = "192.0.2.80:8080";
static const char awselb[] = "Server: awselb/2.0\r\n";

enum { SECOND_US = 1000 * 1000 };
#define STARTED_US ((uint64_t)TEST_NOW_S * SECOND_US)

/* ---- what the logs hold ---- */

static struct log_seen *
test_log(struct facts *f)
{
    ASSERT(str_copy_z(STR("00112233445566aa"), f->marker, sizeof(f->marker)));
    f->started_s = TEST_NOW_S;
    f->log = xalloc(sizeof(*f->log));
    f->log->looked_s = TEST_NOW_S + 600;
    f->log->paths[f->log->path_count++] = xstrdup("logs");
    f->log->files = 1;
    f->log->access_lines = 9;
    f->log->first_us = STARTED_US - 60 * (uint64_t)SECOND_US;
    f->log->last_us = f->log->last_end_us = STARTED_US + 200 * (uint64_t)SECOND_US;
    f->log->lbs.items[f->log->lbs.count++] = (struct log_name){"app/web/0a1b2c3d4e5f6071", 9};
    return f->log;
}

/* One access line; `rest`: from the target to the target's status, and the duration in seconds. */
static void
test_mark(struct facts *f, enum probe p, enum side s, const char *middle, const char *group,
          const char *tail, unsigned duration_s)
{
    struct log_seen *log = f->log;
    struct log_mark *m = &log->marks[log->mark_count++];
    *m = (struct log_mark){.probe = p, .side = s, .file = xstrdup("folder/one.log"), .line = 7};
    m->text =
        xprintf("http 2026-11-23T12:%02u:%02u.000000Z app/web/0a1b2c3d4e5f6071 "
                "203.0.113.9:50112 %s 200 300 \"GET http://app.example.com:8080/***** "
                "HTTP/1.1\" \"openalb-doctor/0.1.0 00112233445566aa/%s.%s\" - - %s "
                "\"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\" \"-\" \"-\" 0 "
                "2026-11-23T12:00:00.000000Z %s TID_0123456789abcdef0123456789abcdef",
                duration_s / 60, duration_s % 60, middle, probe_name(p), side_name(s), group, tail);
}

static const char forward[] = "\"forward\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"";
static const char group[] = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/1";

static void
good_mark(struct facts *f)
{
    test_mark(f, PROBE_R1, SIDE_SITE, "10.0.0.1:80 0.001 0.002 0.000 200 200", group, forward, 0);
}

/* ---- who made the status ---- */

/* The load balancer answered this; the log has this line of it. */
static void
answered(struct facts *f, bool bad, const char *status, const char *headers, const char *middle,
         const char *tail, unsigned duration_s)
{
    test_reached(f, url);
    test_page(f, PROBE_R1, SIDE_SITE, site, bad ? status : "200 OK",
              bad ? headers : "Server: nginx\r\n", bad ? "<html>x</html>" : "hello");
    test_log(f);
    if (bad) {
        test_mark(f, PROBE_R1, SIDE_SITE, middle, group, tail, duration_s);
    } else {
        good_mark(f);
    }
}

#define ANSWERED(name, status, headers, middle, tail, duration)                                    \
    static void name(struct facts *f, bool bad)                                                    \
    {                                                                                              \
        answered(f, bad, status, headers, middle, tail, duration);                                 \
    }
ANSWERED(closed, "502 Bad Gateway", awselb, "10.0.0.1:80 0.001 -1 -1 502 -", forward, 0)
ANSWERED(malformed, "502 Bad Gateway", awselb, "10.0.0.1:80 0.001 0.020 -1 502 -", forward, 0)
ANSWERED(unconnected, "502 Bad Gateway", awselb, "10.0.0.1:80 -1 -1 -1 502 -", forward, 0)
ANSWERED(own_502, "502 Bad Gateway", awselb, "10.0.0.1:80 0.001 0.020 0.000 502 502", forward, 0)
ANSWERED(no_target, "503 Service Temporarily Unavailable", awselb, "- -1 -1 -1 503 -", forward, 0)
ANSWERED(connect_10, "504 Gateway Time-out", awselb, "10.0.0.1:80 -1 -1 -1 504 -", forward, 10)
ANSWERED(idle_31, "504 Gateway Time-out", awselb, "10.0.0.1:80 0.001 -1 -1 504 -", forward, 31)
ANSWERED(severe, "400 Bad Request", awselb, "- -1 -1 -1 400 -",
         "\"-\" \"-\" \"-\" \"-\" \"-\" \"Severe\" \"BothTeClPresent\"", 0)
ANSWERED(circles, "463", awselb, "- -1 -1 -1 463 -", "\"-\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"", 0)
ANSWERED(own_500, "500 Internal Server Error", awselb, "10.0.0.1:80 0.001 0.020 0.000 500 500",
         forward, 0)
ANSWERED(own_403, "403 Forbidden", awselb, "10.0.0.1:80 0.001 0.020 0.000 403 403", forward, 0)

/* The client's patience ended first: there is no answer, but a line with 460. */
static void
left(struct facts *f, bool bad)
{
    test_reached(f, url);
    test_log(f);
    if (bad) {
        struct result *r = test_silent(f, PROBE_R1, SIDE_SITE, site);
        r->connected_us = 1000;
        test_mark(f, PROBE_R1, SIDE_SITE, "10.0.0.1:80 0.001 -1 -1 460 -", group, forward, 9);
    } else {
        test_page(f, PROBE_R1, SIDE_SITE, site, "200 OK", "Server: nginx\r\n", "hello");
        good_mark(f);
    }
}

TEST("a line of the log proves who made the status, or corrects what the page seemed to say")
{
    static const struct infer_case cases[] = {
        {"502, sent and unanswered", closed, "TGT-11", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "file=one.log | line=7", NULL},
        {"502, an answer that is none", malformed, "TGT-11", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "line=7", NULL},
        {"502, not connected", unconnected, "TGT-03", CONFIDENCE_LIKELY, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "target=10.0.0.1:80 | status=502", NULL},
        {"502 of the target's own", own_502, "TGT-12", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "line=7", NULL},
        {"503 without a target", no_target, "TGT-04", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "line=7", NULL},
        {"504 after ten seconds, nothing measured", connect_10, "TGT-07", CONFIDENCE_LIKELY,
         SIGHT_PAGE_STATUS, COUNTER_NONE, "line=7", NULL},
        {"504, the target took it", idle_31, "TGT-09", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "line=7 | seconds=31", NULL},
        {"400, desync", severe, "LBC-12", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS, COUNTER_NONE,
         "value=BothTeClPresent", NULL},
        {"463, too many addresses", circles, "LBC-09", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "line=7", NULL},
        {"460, the target was still at it", left, "TGT-09", CONFIDENCE_LIKELY, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "line=7", NULL},
        {"500 of the target's own", own_500, "TGT-12", CONFIDENCE_PROVED, SIGHT_PAGE_STATUS,
         COUNTER_NONE, "line=7", NULL},
    };
    test_cases(cases, COUNT_OF(cases));
}

TEST("a 403 that the page says is the load balancer's is the application's, when the line says so")
{
    struct facts f;
    own_403(&f, true);
    CHECK_STR(str_of(test_infer(&f)), "[HTTP-12]");
    facts_done(&f);
}

/* The target says 400, and the page names a host that it does not know with its port. */
TEST("what the target itself means by its status stays")
{
    struct facts f;
    answered(&f, true, "400 Bad Request", "Server: nginx\r\n",
             "10.0.0.1:80 0.001 0.002 0.000 400 400", forward, 0);
    test_page(&f, PROBE_R5N, SIDE_SITE, site, "200 OK", "Server: nginx\r\n", "hello");
    CHECK_STR(str_of(test_infer(&f)), "HTTP-08");
    facts_done(&f);
}

/* ---- did it arrive? ---- */

/* The name leads past the load balancer, whose own address answers. */
static void
bypassed(struct facts *f, bool bad)
{
    test_reached(f, url);
    test_page(f, PROBE_R1, SIDE_SITE, site, bad ? "404 Not Found" : "200 OK", "Server: nginx\r\n",
              "no");
    test_lb(f, bad ? lb : site);
    test_page(f, PROBE_R4, SIDE_LB, bad ? lb : site, "200 OK", "Server: nginx\r\n", "hello");
    test_log(f);
    test_mark(f, PROBE_R4, SIDE_LB, "10.0.0.1:80 0.001 0.002 0.000 200 200", group, forward, 0);
    if (!bad) {
        good_mark(f);
    }
}

/* Without --lb: the log goes on after the request, and does not have it. */
static void
absent(struct facts *f, bool bad)
{
    test_reached(f, url);
    test_page(f, PROBE_R1, SIDE_SITE, site, "502 Bad Gateway", "Server: Apache\r\n", "no");
    if (!bad) {
        f->results[f->count - 1].got.n = 0;
        result_done(&f->results[--f->count]);
        test_page(f, PROBE_R1, SIDE_SITE, site, "200 OK", "Server: nginx\r\n", "hello");
    }
    test_log(f);
    if (!bad) {
        good_mark(f);
    }
}

static void
early(struct facts *f, bool bad)
{
    test_reached(f, url);
    test_page(f, PROBE_R1, SIDE_SITE, site, "200 OK", "Server: nginx\r\n", "hello");
    struct log_seen *log = test_log(f);
    if (bad) {
        log->last_us = log->last_end_us = STARTED_US - 120 * (uint64_t)SECOND_US;
    } else {
        good_mark(f);
    }
}

/* The load balancer's node refuses the handshake: nothing in the access log. */
static void
no_request(struct facts *f, bool bad)
{
    test_reached(f, "https://app.example.com:8443/");
    test_lb(f, "198.51.100.7:8443");
    if (bad) {
        test_alert(f, PROBE_H1, SIDE_SITE, "198.51.100.7:8443", 40);
        struct result *r = test_result(f, PROBE_R1, SIDE_SITE, "198.51.100.7:8443", OUTCOME_FAIL);
        r->connected_us = 1000;
    } else {
        test_hello(f, PROBE_H1, SIDE_SITE, "198.51.100.7:8443", TLS_V_13, 0x1301);
        test_page(f, PROBE_R1, SIDE_SITE, "198.51.100.7:8443", "200 OK", "Server: nginx\r\n",
                  "hello");
    }
    struct log_seen *log = test_log(f);
    log->connection_lines = 1;
    if (!bad) {
        good_mark(f);
        return;
    }
    struct log_mark *m = &log->handshakes[log->handshake_count++];
    *m = (struct log_mark){.side = SIDE_SITE, .file = xstrdup("conn.log"), .line = 3};
    m->text = xstrdup("2026-11-23T12:00:00.000000Z 203.0.113.9 50113 8443 - - - \"-\" - - - "
                      "TID_0123456789abcdef0123456789abcdef");
}

static void
nothing_there(struct facts *f, bool bad)
{
    early(f, false);
    if (bad) {
        log_seen_done(f->log);
        f->log->paths[f->log->path_count++] = xstrdup("empty");
    }
}

static void
other_account(struct facts *f, bool bad)
{
    early(f, false);
    ASSERT(
        str_copy_z(STR("111122223333"), f->question.log_account, sizeof(f->question.log_account)));
    f->log->accounts.items[0] = (struct log_name){"111122223333", 1};
    f->log->accounts.count = 1;
    if (bad) {
        ASSERT(str_copy_z(STR("444455556666"), f->log->accounts.items[0].text, 128));
        xfree(f->log->marks[0].file);
        xfree(f->log->marks[0].text);
        f->log->mark_count = 0;
    }
}

static void
other_lb(struct facts *f, bool bad)
{
    early(f, false);
    f->question.lb_given = true;
    ASSERT(str_copy_z(STR("internal-shop-1234567890.eu-west-1.elb.amazonaws.com"),
                      f->question.lb_name, sizeof(f->question.lb_name)));
    if (bad) {
        xfree(f->log->marks[0].file);
        xfree(f->log->marks[0].text);
        f->log->mark_count = 0;
    }
}

TEST("LOG-02 to LOG-06: why the request is not in the log")
{
    static const struct infer_case cases[] = {
        {"never reached, proved by the other request", bypassed, "DNS-01 LOG-02", CONFIDENCE_PROVED,
         SIGHT_PAGE_STATUS, COUNTER_WORKS, "file=one.log | line=7", NULL},
        {"never reached, without --lb", absent, "TGT-12 LOG-02", CONFIDENCE_PROVED,
         SIGHT_PAGE_STATUS, COUNTER_NONE, "", NULL},
        {"too early", early, "[LOG-04]", CONFIDENCE_PROVED, SIGHT_NONE, COUNTER_NONE,
         "when=2026-11-23T12:10:00Z", ""},
        {"no request", no_request, "TLS-02 LOG-03", CONFIDENCE_LIKELY, SIGHT_CIPHER_MISMATCH,
         COUNTER_NONE, "", NULL},
        {"an empty folder", nothing_there, "LOG-05", CONFIDENCE_PROVED, SIGHT_NONE, COUNTER_NONE,
         "paths=empty", NULL},
        {"another account", other_account, "LOG-05", CONFIDENCE_PROVED, SIGHT_NONE, COUNTER_NONE,
         "expected=AWSLogs/111122223333/elasticloadbalancing/REGION/2026/11/23/", NULL},
        {"another load balancer", other_lb, "LOG-06", CONFIDENCE_PROVED, SIGHT_NONE, COUNTER_NONE,
         "lb=shop | names=app/web/0a1b2c3d4e5f6071", NULL},
    };
    test_cases(cases, COUNT_OF(cases));
}

/* ---- policies ---- */

static const char right[] =
    "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": "
    "{\"Service\": \"logdelivery.elasticloadbalancing.amazonaws.com\"}, \"Action\": "
    "\"s3:PutObject\", \"Resource\": \"arn:aws:s3:::my-logs/web/AWSLogs/111122223333/*\", "
    "\"Condition\": {\"ArnLike\": {\"aws:SourceArn\": "
    "\"arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/*\"}}}]}";

/* The right policy with one part of it replaced. */
static void
test_policy(struct facts *f, const char *part, const char *by)
{
    test_reached(f, url);
    test_page(f, PROBE_R1, SIDE_SITE, site, "200 OK", "Server: nginx\r\n", "hello");
    struct policy_asked *p = f->policy = xalloc(sizeof(*f->policy));
    struct str text = str_of(right);
    struct buf out = {0};
    size_t at;
    ASSERT(str_find(text, str_of(part), &at));
    buf_add_str(&out, str_sub(text, 0, at));
    buf_add_z(&out, by);
    buf_add_str(&out, str_sub(text, at + strlen(part), text.n));
    p->text.n = out.n;
    p->text.p = (uint8_t *)buf_take(&out);
    p->file = xstrdup("policy.json");
    p->bucket = xstrdup("my-logs");
    p->prefix = xstrdup("web");
    p->account = xstrdup("111122223333");
    p->region = xstrdup("eu-west-1");
}

TEST("each point of a bucket policy is a finding with the corrected policy as its fix")
{
    static const struct {
        const char *part, *by, *id;
    } rows[] = {
        {"my-logs/web/AWSLogs", "my-logs/AWSLogs", "IAM-01"},
        {"AWSLogs/111122223333", "AWSLogs/444455556666", "IAM-02"},
        {"logdelivery.elasticloadbalancing", "delivery.logs", "IAM-03"},
        {"{\"Version\"", "// ours\n{\"Version\"", "IAM-04"},
        {"]}",
         ", {\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"s3:*\", \"Resource\": "
         "\"arn:aws:s3:::my-logs/*\"}]}",
         "IAM-07"},
        {"\"ArnLike\": {\"aws:SourceArn\"", "\"StringEquals\": {\"aws:PrincipalOrgID\"", "IAM-08"},
        {"s3:PutObject", "s3:GetObject", "IAM-11"},
        {"s3:PutObject", "s3:*", "IAM-12"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct facts f;
        struct findings out;
        test_policy(&f, rows[i].part, rows[i].by);
        infer(&f, &out);
        if (out.count == 0) {
            test_failed(__FILE__, __LINE__, "%s was not found", rows[i].id);
            facts_done(&f);
            continue;
        }
        CHECK_STR(str_of(finding_row(out.items[0].id)->id), rows[i].id);
        CHECK_INT(out.layers[LAYER_LOG],
                  out.items[0].severity == SEVERITY_FAULT ? LAYER_FAULT : LAYER_WARNING);
        CHECK_INT(findings_exit_code(&out, true), out.items[0].severity == SEVERITY_FAULT ? 18 : 1);
        CHECK(out.items[0].evidence_count > 0);
        if (out.items[0].severity == SEVERITY_FAULT) {
            CHECK(str_find(args_get(&out.items[0].args, "policy"), STR("my-logs/web/AWSLogs/1111"),
                           NULL));
        }
        test_sentences(rows[i].id, &out);
        findings_done(&out);
        facts_done(&f);
    }
}

TEST("a right policy gives no finding, and what it cannot show is named")
{
    struct facts f;
    struct buf out = {0};
    test_policy(&f, "my-logs", "my-logs");
    CHECK_STR(str_of(test_infer(&f)), "");
    say_policy(f.policy, TEXT_TERMINAL, &out);
    CHECK_STR(buf_str(&out), "policy.json: allow; not examined: IAM-05, IAM-06, IAM-09, IAM-10");
    buf_free(&out);
    facts_done(&f);
}

/* ---- saved ---- */

TEST("what was read of logs and policies is saved, and gives the same findings again")
{
    struct facts f, again;
    struct buf saved = {0}, twice = {0};
    struct errinfo info;
    struct log_seen *log;
    test_policy(&f, "s3:PutObject", "s3:GetObject");
    log = test_log(&f);
    log->growing = true;
    test_mark(&f, PROBE_R1, SIDE_SITE, "10.0.0.1:80 0.001 0.002 0.000 200 200", group, forward, 0);
    facts_save(&f, false, &saved);
    CHECK(facts_load(buf_str(&saved), &again, &info) == ERR_OK);
    CHECK(again.log != NULL && again.policy != NULL);
    CHECK_STR(str_of(again.log->marks[0].text), f.log->marks[0].text);
    CHECK_STR(str_of(test_infer(&again)), "IAM-11");
    facts_save(&again, false, &twice);
    CHECK(str_eq(buf_str(&saved), buf_str(&twice)));
    buf_free(&saved);
    buf_free(&twice);
    facts_done(&again);
    facts_done(&f);
}

TEST_MAIN
