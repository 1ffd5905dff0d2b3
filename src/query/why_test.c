/* SPDX-License-Identifier: Apache-2.0
 * Stories: each pattern of statuses and times with what must and must not be said, the ways to name
 * a line, what belongs to it, and hostile bytes. */
#include "base/mem.h"
#include "base/test.h"
#include "query/why_int.h"

#include <stdlib.h>
#include <unistd.h>

#define TRACE "1-68d27f07-00aa11bb22cc33dd44ee55ff"
#define TID "TID_0123456789abcdef0123456789abcdef"
#define ARN                                                                                        \
    "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/99aabbccddeeff00"
#define ASKED "GET https://shop.example:443/cart HTTP/1.1"

/* What varies between lines; NULL: the usual value. */
struct spec {
    const char *elb, *target_status, *times;
    const char *target, *group, *request, *tls;
    const char *actions, *reason, *class, *class_reason, *transform, *redirect, *created, *trace;
    const char *pattern;  /* the row of why.def that speaks */
    const char *must;     /* must be in the text */
    const char *must_not; /* must not */
};

static const char * or (const char *value, const char *usual)
{
    return value == NULL ? usual : value;
}

static void
add_line(struct buf *out, const struct spec *s)
{
    buf_addf(out,
             "https 2026-09-23T11:02:31.442190Z app/edge-one/0a1b2c3d4e5f6071 198.51.100.24:50112 "
             "%s %s %s %s 512 272 \"%s\" \"curl/8.1\" %s %s "
             "\"%s\" \"shop.example\" \"session-reused\" 10 %s \"%s\" \"%s\" \"%s\" ",
             or (s->target, "10.3.1.17:8443"), or (s->times, "-1 -1 -1"), s->elb,
             or (s->target_status, "-"), or (s->request, ASKED),
             or (s->tls, "TLS_AES_128_GCM_SHA256 TLSv1.3"), or (s->group, ARN),
             or (s->trace, "Root=" TRACE), or (s->created, "2026-09-23T11:02:31.404000Z"),
             or (s->actions, "forward"), or (s->redirect, "-"), or (s->reason, "-"));
    buf_addf(out, "\"%s\" \"%s\" \"%s\" \"%s\" " TID " \"-\" \"-\" \"%s\" 203.0.113.9",
             or (s->target, "10.3.1.17:8443"), or (s->target_status, "-"), or (s->class, "-"),
             or (s->class_reason, "-"), or (s->transform, "-"));
}

#define NONE_ASKED .target = "-", .group = "-"
static const struct spec specs[] = {
    {.elb = "000", .pattern = "http2-used-up", .must = "10,000 requests", .must_not = "no status:"},
    {.elb = "-", NONE_ASKED, .pattern = "no-status", .must = "Whether the client or the load"},
    {.elb = "101",
     .target_status = "101",
     .times = "0.001 0.002 0.000",
     .pattern = "websocket",
     .must = "became a WebSocket"},
    {.elb = "200",
     .target_status = "200",
     .times = "0.001 0.037 0.000",
     .pattern = "target-good",
     .must = "The target answered 200",
     .must_not = "Likely cause"},
    {.elb = "302",
     .target_status = "302",
     .times = "0.001 0.037 0.000",
     .pattern = "target-redirect",
     .must = "the client was sent 302"},
    {.elb = "400",
     .target_status = "400",
     .times = "0.001 0.037 0.000",
     .pattern = "target-400",
     .must = "TGT-01",
     .must_not = "desync"},
    {.elb = "404",
     .target_status = "404",
     .times = "0.001 0.037 0.000",
     .pattern = "target-4xx",
     .must = "The target itself answered 404",
     .must_not = "There is no page at this path."},
    {.elb = "502",
     .target_status = "502",
     .times = "0.001 0.037 0.000",
     .pattern = "target-gateway",
     .must = "did not get an answer from its own application",
     .must_not = "The load balancer could not get a valid answer"},
    {.elb = "500",
     .target_status = "500",
     .times = "0.001 0.037 0.000",
     .pattern = "target-5xx",
     .must = "The application failed",
     .must_not = "LBC-"},
    {.elb = "999",
     .target_status = "999",
     .times = "0.001 0.037 0.000",
     .pattern = "target-other",
     .must = "999"},

    {.elb = "460",
     NONE_ASKED,
     .pattern = "client-left-before-target",
     .must = "460 was logged; the client was gone",
     .must_not = "the client was sent 460"},
    {.elb = "460",
     .pattern = "client-left",
     .must = "How far the request had come",
     .must_not = "the client was sent"},
    {.elb = "460",
     .times = "0.001 -1 -1",
     .pattern = "client-left-waiting",
     .must = "waited for the target's answer",
     .must_not = "did not accept"},
    {.elb = "460",
     .target_status = "200",
     .times = "0.001 0.100 -1",
     .pattern = "client-left-answered",
     .must = "although the target had begun to answer"},

    {.elb = "500",
     .target = "-",
     .transform = "TransformInvalidHost",
     .pattern = "transform-failed",
     .must = "The rewritten host name is not valid"},
    {.elb = "502",
     .target = "-",
     .times = "0.001 3.0 -1",
     .reason = "LambdaUnhandled",
     .pattern = "lambda-unreached",
     .must = "LambdaUnhandled",
     .must_not = "closed or reset the connection"},
    {.elb = "561",
     NONE_ASKED,
     .reason = "AuthInvalidStateParam",
     .actions = "authenticate",
     .pattern = "login-failed",
     .must = "AuthInvalidStateParam"},
    {.elb = "401",
     NONE_ASKED,
     .reason = "JWTHeaderNotPresent",
     .pattern = "token-refused",
     .must = "has no Authorization header"},
    {.elb = "500",
     NONE_ASKED,
     .reason = "JWKSRequestTimeout",
     .pattern = "keys-failed",
     .must = "JWKSRequestTimeout"},
    {.elb = "500",
     NONE_ASKED,
     .reason = "WAFConnectionTimeout",
     .actions = "waf-failed",
     .pattern = "waf-failed",
     .must = "could not get the judgement"},
    {.elb = "500",
     NONE_ASKED,
     .reason = "WeightedTargetGroupsUnhandledException",
     .pattern = "error-reason",
     .must = "weighted target groups failed"},
    {.elb = "403",
     NONE_ASKED,
     .actions = "waf",
     .pattern = "waf-rejected",
     .must = "AWS WAF rejected the request",
     .must_not = "without waf as the last action"},
    {.elb = "301",
     NONE_ASKED,
     .actions = "redirect",
     .redirect = "https://x.example:443/",
     .pattern = "redirect-action",
     .must = "sent the client to https://x.example:443/"},
    {.elb = "503",
     NONE_ASKED,
     .actions = "waf,fixed-response",
     .pattern = "fixed-response",
     .must = "A fixed-response action",
     .must_not = "TGT-04"},
    {.elb = "302",
     NONE_ASKED,
     .actions = "authenticate",
     .pattern = "login",
     .must = "answered with a redirect"},
    {.elb = "401",
     NONE_ASKED,
     .actions = "authenticate",
     .pattern = "login-refused",
     .must = "refused the request with 401"},

    {.elb = "400",
     NONE_ASKED,
     .request = "- http://edge.example:80- -",
     .actions = "-",
     .pattern = "malformed-request",
     .must = "not readable as HTTP",
     .must_not = "GET"},
    {.elb = "400",
     NONE_ASKED,
     .class = "Severe",
     .class_reason = "MultipleContentLength",
     .pattern = "desync-severe",
     .must = "Severe (MultipleContentLength)"},
    {.elb = "400",
     NONE_ASKED,
     .class = "Ambiguous",
     .class_reason = "EmptyHeader",
     .pattern = "desync-strictest",
     .must = "The mode of desync mitigation"},
    {.elb = "400",
     .times = "0.001 -1 -1",
     .pattern = "bad-body",
     .must = "already on its way to the target"},
    {.elb = "400",
     NONE_ASKED,
     .tls = "- -",
     .pattern = "plain-http-on-https",
     .must = "Plain HTTP came to the HTTPS listener",
     .must_not = "Which of these"},
    {.elb = "400",
     NONE_ASKED,
     .pattern = "bad-request",
     .must = "Which of these it was.",
     .must_not = "Severe"},
    {.elb = "401", NONE_ASKED, .pattern = "unauthorized", .must = "a login or a token"},
    {.elb = "403", NONE_ASKED, .pattern = "forbidden", .must = "without waf as the last action"},
    {.elb = "405",
     NONE_ASKED,
     .request = "TRACE https://shop.example:443/ HTTP/1.1",
     .pattern = "method-refused",
     .must = "the method TRACE"},
    {.elb = "408", NONE_ASKED, .pattern = "client-silent", .must = "nothing had been sent"},
    {.elb = "408", .times = "0.001 -1 -1", .pattern = "body-stalled", .must = "stopped in the"},
    {.elb = "413", NONE_ASKED, .pattern = "too-large", .must = "too large"},
    {.elb = "414", NONE_ASKED, .pattern = "url-too-long", .must = "16 K"},
    {.elb = "417", NONE_ASKED, .pattern = "expectation", .must = "Expect header"},
    {.elb = "463", NONE_ASKED, .pattern = "forwarded-for", .must = "more than 30 addresses"},
    {.elb = "464",
     .target = "-",
     .pattern = "protocol-version",
     .must = "(HTTP/1.1) does not fit the protocol version of the target group web"},
    {.elb = "429", NONE_ASKED, .pattern = "refused", .must = "no target made this status"},

    {.elb = "502",
     .target_status = "200",
     .times = "0.001 0.002 -1",
     .pattern = "answer-refused",
     .must = "The target answered 200, but",
     .must_not = "Nothing listens"},
    {.elb = "502",
     .pattern = "connect-failed",
     .must = "Nothing listens on the target's port",
     .must_not = "took the request"},
    {.elb = "502",
     .times = "0.001 -1 -1",
     .pattern = "closed-unanswered",
     .must = "no answer came back",
     .must_not = "Nothing listens"},
    {.elb = "502",
     .times = "0.001 1.037 -1",
     .pattern = "bad-answer",
     .must = "1037 ms later it closed or reset",
     .must_not = "Nothing listens"},
    {.elb = "502",
     .times = "0.001 1.037 0.000",
     .pattern = "bad-gateway",
     .must = "not a usual one"},
    {.elb = "503",
     .target = "-",
     .pattern = "no-target",
     .must = "The target group web had no target",
     .must_not = "neither a target nor"},
    {.elb = "503", NONE_ASKED, .pattern = "no-target-group", .must = "neither a target nor"},
    {.elb = "503", .pattern = "unavailable", .must = "itself answered 503"},
    {.elb = "504",
     .created = "2026-09-23T11:02:21.400000Z",
     .pattern = "connect-timeout",
     .must = "did not accept the connection within 10 seconds",
     .must_not = "took the request"},
    {.elb = "504",
     .created = "2026-09-23T11:01:31.400000Z",
     .pattern = "timeout-unmeasured",
     .must = "ended after 60.0 s",
     .must_not = "within 10 seconds: the request"},
    {.elb = "504",
     .created = "-",
     .pattern = "timeout",
     .must = "Which of the two it was",
     .must_not = "within 10 seconds:"},
    {.elb = "504",
     .times = "0.001 -1 -1",
     .created = "2026-09-23T11:01:31.400000Z",
     .pattern = "idle-timeout",
     .must = "sent nothing until the idle timeout",
     .must_not = "TGT-07"},
    {.elb = "504",
     .times = "0.001 1.000 -1",
     .pattern = "answer-stalled",
     .must = "began to answer"},
    {.elb = "501", NONE_ASKED, .pattern = "not-supported", .must = "Transfer-Encoding"},
    {.elb = "505", NONE_ASKED, .pattern = "http-version", .must = "HTTP/2 on a connection"},
    {.elb = "507", NONE_ASKED, .pattern = "redirect-too-long", .must = "over 8 K"},
    {.elb = "561", NONE_ASKED, .pattern = "provider-error", .must = "What the provider said"},
    {.elb = "562", NONE_ASKED, .pattern = "keys-unusable", .must = "JWKS"},
    {.elb = "500", NONE_ASKED, .pattern = "lb-failed", .must = "Which step"},
    {.elb = "200", NONE_ASKED, .pattern = "lb-answered", .must = "names no target that made"},
};

static const struct term wide = {.width = 4000};

static struct str
told(struct buf *text, const struct why *why)
{
    buf_reset(text);
    why_text(text, &wide, why);
    return buf_str(text);
}

/* A pasted line: no files are needed. */
static enum err
paste(struct str line, struct why *why)
{
    struct errinfo problem = {0};
    return why_find(NULL, NULL, line, why, NULL, &problem);
}

static const char *
verdict_of(json_t *root, const char *key)
{
    json_t *story = json_array_get(json_object_get(root, "stories"), 0);
    return json_string_value(json_object_get(json_object_get(story, "verdict"), key));
}

TEST("every pattern says what follows from the line, and nothing else")
{
    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        AUTO(buf_free) struct buf line = {0}, text = {0};
        struct why why;
        add_line(&line, &specs[i]);
        CHECK_INT(paste(buf_str(&line), &why), ERR_OK);
        CHECK_INT(why.count, 1);
        if (why.count == 1) {
            struct str story = told(&text, &why);
            json_t *root = why_json(&why);
            CHECK_STR(str_of(verdict_of(root, "pattern")), specs[i].pattern);
            CHECK(verdict_of(root, "sentence") != NULL);
            json_decref(root);
            if (!str_find(story, str_of(specs[i].must), NULL)) {
                test_failed(__FILE__, __LINE__, "%s: \"%s\" is missing", specs[i].pattern,
                            specs[i].must);
            }
            if (specs[i].must_not != NULL && str_find(story, str_of(specs[i].must_not), NULL)) {
                test_failed(__FILE__, __LINE__, "%s: \"%s\" is there", specs[i].pattern,
                            specs[i].must_not);
            }
            CHECK(!str_find(story, STR("{"), NULL)); /* a placeholder without a value */
        }
        why_free(&why);
    }
}

TEST("every row of the table of patterns is spoken by a line above")
{
    static const char *const words[] = {
#define WHY_SIDE(NAME, ...)
#define WHY(NAME, word, ...) word,
#include "query/why.def"
#undef WHY
#undef WHY_SIDE
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        bool spoken = false;
        for (size_t k = 0; k < COUNT_OF(specs); k++) {
            spoken = spoken || strcmp(specs[k].pattern, words[i]) == 0;
        }
        if (!spoken) {
            test_failed(__FILE__, __LINE__, "no line for %s", words[i]);
        }
    }
}

TEST("every finding that a pattern names is known to explain")
{
    static const char *const ids[] = {
#define WHY_SIDE(NAME, ...)
#define WHY(NAME, word, from, to, M, times, dispatch, T, S, what, cause, open, ids_, ...) ids_,
#include "query/why.def"
#undef WHY
#undef WHY_SIDE
    };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct str rest = str_of(ids[i]), id;
        while (str_cut(&rest, ' ', &id)) {
            if (id.n > 1 && explain_suspect(id) == NULL) {
                test_failed(__FILE__, __LINE__, "%.*s is not known", STR_ARG(id));
            }
        }
    }
}

TEST("a good request is told from the client to the target")
{
    static const struct spec good = {.elb = "200",
                                     .target_status = "200",
                                     .times = "0.001 0.037 0.000",
                                     .actions = "waf,forward"};
    static const char *const musts[] = {
        "received 2026-09-23 11:02:31.404, ended 2026-09-23 11:02:31.442 UTC, after 38 ms",
        "198.51.100.24, port 50112, with TLSv1.3 and the cipher suite TLS_AES_128_GCM_SHA256",
        "GET https://shop.example:443/cart (HTTP/1.1)",
        "app/edge-one/0a1b2c3d4e5f6071, node 203.0.113.9",
        "the rule with priority 10",
        "10.3.1.17:8443 of the target group web",
        "37 ms",
        "the target said 200, the client was sent 200",
        "512 received, 272 sent",
        "an earlier TLS session was resumed",
        "AWS WAF judged the request.",
    };
    AUTO(buf_free) struct buf line = {0}, text = {0};
    struct why why;
    add_line(&line, &good);
    CHECK_INT(paste(buf_str(&line), &why), ERR_OK);
    struct str story = told(&text, &why);
    for (size_t i = 0; i < COUNT_OF(musts); i++) {
        if (!str_find(story, str_of(musts[i]), NULL)) {
            test_failed(__FILE__, __LINE__, "\"%s\" is missing", musts[i]);
        }
    }
    why_free(&why);
}

TEST("commands take only values that are safe to paste")
{
    static const struct spec safe = {.elb = "502"};
    static const struct spec evil = {
        .elb = "502", .request = "GET https://a;reboot:443/ HTTP/1.1", .target = "$(id):80"};
    AUTO(buf_free) struct buf line = {0}, text = {0};
    struct why why;
    add_line(&line, &safe);
    CHECK_INT(paste(buf_str(&line), &why), ERR_OK);
    CHECK(str_find(told(&text, &why),
                   STR("openalb doctor https://shop.example:443/ --target 10.3.1.17:8443"), NULL));
    CHECK(str_find(buf_str(&text), STR("--target-group-arn " ARN), NULL));
    why_free(&why);
    buf_reset(&line);
    add_line(&line, &evil);
    CHECK_INT(paste(buf_str(&line), &why), ERR_OK);
    CHECK(str_find(told(&text, &why),
                   STR("openalb doctor https://HOST:PORT/ --target ADDRESS:PORT"), NULL));
    why_free(&why);
}

TEST("bytes of strangers reach neither the terminal nor JSON as they are")
{
    static const struct spec evil = {
        .elb = "200",
        .request = "GET https://shop.example:443/\033[2J\x01\xff\xc2\x9b HTTP/1.1",
        .trace = "Root=\033]0;x\007"};
    AUTO(buf_free) struct buf line = {0}, text = {0};
    struct why why;
    add_line(&line, &evil);
    CHECK_INT(paste(buf_str(&line), &why), ERR_OK);
    struct str story = told(&text, &why);
    CHECK(!str_find_char(story, '\033', NULL));
    CHECK(!str_find_char(story, '\x01', NULL));
    CHECK(str_find(story, STR("/\\x1B[2J\\x01\\xFF\\xC2\\x9B"), NULL) ||
          str_find(story, STR("/\\x1b[2J\\x01\\xff\\xc2\\x9b"), NULL));
    json_t *root = why_json(&why);
    char *dump = json_dumps(root, 0);
    CHECK(dump != NULL && text_utf8_valid(str_of(dump)));
    CHECK(dump != NULL && strchr(dump, '\033') == NULL);
    xfree(dump);
    json_decref(root);
    why_free(&why);
}

/* ---- files ---- */

static char folder[] = "/tmp/openalb-why-XXXXXX";

static void
write_file(const char *name, struct str text)
{
    char *path = xprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    CHECK(f != NULL && fwrite(text.p, 1, text.n, f) == text.n);
    if (f != NULL) {
        (void)fclose(f); /* the reader below would notice */
    }
    xfree(path);
}

static void
remove_file(const char *name)
{
    char *path = xprintf("%s/%s", folder, name);
    (void)unlink(path); /* rmdir below would notice */
    xfree(path);
}

static const char others[] =
    "2026-09-23T11:02:31.100422Z 198.51.100.24 50112 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.021 "
    "\"-\" - - Success " TID " X25519MLKEM768 app/edge-one/0a1b2c3d4e5f6071 203.0.113.9\n"
    "2026-09-23T11:02:30.000000Z 198.51.100.9 1 443 - - - \"-\" - - Failed:ClientCertExpired "
    "TID_ffff - app/edge-one/0a1b2c3d4e5f6071 203.0.113.9\n"
    "https 2026-09-23T11:02:30.000000Z 0.000500000 10.3.1.17:8443 web PASS 200 - app/e/0 1.2.3.4\n"
    "https 2026-09-23T11:03:00.000000Z 5.000000000 10.3.1.17:8443 web FAIL - TimedOut app/e/0 "
    "1.2.3.4\n"
    "https 2026-09-23T11:02:31.000000Z 0.000500000 10.3.1.18:8443 web PASS 200 - app/e/0 1.2.3.4\n"
    "https 2026-09-23T12:02:31.000000Z 0.000500000 10.3.1.17:8443 web PASS 201 - app/e/0 "
    "1.2.3.4\n";

struct bench {
    struct query_files files;
    struct why why;
    struct scan_counts counts;
    struct errinfo problem;
    struct buf text;
};

static void
bench_open(struct bench *b, unsigned requests)
{
    AUTO(buf_free) struct buf log = {0};
    static const struct spec request = {.elb = "502"};
    *b = (struct bench){0};
    CHECK(mkdtemp(folder) != NULL);
    for (unsigned i = 0; i < requests; i++) {
        add_line(&log, &request);
        buf_add_char(&log, '\n');
    }
    buf_add_z(&log, "damaged line of a log\n");
    write_file("access.log", buf_str(&log));
    write_file("others.log", str_of(others));
    struct str path = str_of(folder);
    CHECK_INT(
        query_files_find(&path, 1, &(struct query_wanted){.kind = -1}, &b->files, &b->problem),
        ERR_OK);
}

static void
bench_close(struct bench *b)
{
    why_free(&b->why);
    query_files_free(&b->files);
    buf_free(&b->text);
    remove_file("access.log");
    remove_file("others.log");
    CHECK_INT(rmdir(folder), 0);
    memcpy(&folder[sizeof(folder) - 7], "XXXXXX", 6);
}

static enum err
find(struct bench *b, struct str wanted, unsigned threads)
{
    struct scan_options options = {.threads = threads};
    why_free(&b->why);
    return why_find(&b->files, &options, wanted, &b->why, &b->counts, &b->problem);
}

TEST("a trace id in each of its forms finds the request, its connection and its health checks")
{
    static const char *const forms[] = {TRACE, "Root=" TRACE, "Self=1-1-1;Root=" TRACE, TID};
    for (size_t i = 0; i < 2 * COUNT_OF(forms); i++) {
        struct bench b;
        bench_open(&b, 1);
        CHECK_INT(find(&b, str_of(forms[i / 2]), i % 2 == 0 ? 1 : 4), ERR_OK);
        CHECK_INT(b.why.count, 1);
        CHECK_INT(b.why.not_told, 0);
        if (b.why.count == 1) {
            CHECK(b.why.stories[0].connection.text != NULL);
            CHECK_INT(b.why.stories[0].check_count, 2);
            struct str story = told(&b.text, &b.why);
            CHECK(str_find(story, STR("handshake 21 ms"), NULL));
            CHECK(str_find(story, STR("2026-09-23 11:02:30.000 UTC: PASS, 200"), NULL));
            CHECK(str_find(story, STR("2026-09-23 11:03:00.000 UTC: FAIL, no status, TimedOut"),
                           NULL));
            CHECK(!str_find(story, STR("201"), NULL)); /* an hour later */
        }
        bench_close(&b);
    }
}

TEST("many lines of one id: the first ones are told, the others counted, whatever the threads")
{
    for (unsigned threads = 1; threads <= 4; threads += 3) {
        struct bench b;
        bench_open(&b, LIMIT_WHY_LINES + 5);
        CHECK_INT(find(&b, STR(TRACE), threads), ERR_OK);
        CHECK_INT(b.why.count, LIMIT_WHY_LINES);
        CHECK_INT(b.why.not_told, 5);
        CHECK(str_find(told(&b.text, &b.why), STR("not told: 5."), NULL));
        CHECK_INT(b.why.stories[0].line.offset, 0);
        bench_close(&b);
    }
}

TEST("a connection that carried no request is told alone, with the reason of its failure")
{
    struct bench b;
    bench_open(&b, 1);
    CHECK_INT(find(&b, STR("TID_ffff"), 1), ERR_OK);
    CHECK_INT(b.why.count, 1);
    struct str story = told(&b.text, &b.why);
    CHECK(str_find(story, STR("The TLS handshake failed"), NULL));
    CHECK(str_find(story, STR("The client's certificate has expired."), NULL));
    bench_close(&b);
}

TEST("FILE:N is that line, also a damaged one; a line beyond the end is not found")
{
    struct bench b;
    bench_open(&b, 3);
    char *wanted = xprintf("%s/access.log:2", folder);
    CHECK(why_needs_no_files(str_of(wanted)));
    CHECK_INT(find(&b, str_of(wanted), 4), ERR_OK);
    CHECK_INT(b.why.count, 1);
    if (b.why.count == 1) {
        CHECK_INT(b.why.stories[0].line.number, 2);
        CHECK(str_find(told(&b.text, &b.why), STR("access.log:2"), NULL));
        CHECK(b.why.stories[0].connection.text != NULL);
    }
    xfree(wanted);
    wanted = xprintf("%s/access.log:4", folder);
    CHECK_INT(find(&b, str_of(wanted), 1), ERR_OK);
    CHECK_INT(b.why.count, 1);
    CHECK(str_find(told(&b.text, &b.why), STR("This line is damaged"), NULL));
    json_t *root = why_json(&b.why);
    json_t *story = json_array_get(json_object_get(root, "stories"), 0);
    CHECK(json_is_string(json_object_get(story, "fault")));
    CHECK(json_is_null(json_object_get(story, "fields")));
    json_decref(root);
    xfree(wanted);
    wanted = xprintf("%s/access.log:5", folder);
    CHECK_INT(find(&b, str_of(wanted), 1), ERR_OK);
    CHECK_INT(b.why.count, 0);
    xfree(wanted);
    wanted = xprintf("%s/missing.log:5", folder);
    CHECK_INT(find(&b, str_of(wanted), 1), ERR_NOT_FOUND);
    xfree(wanted);
    wanted = xprintf("%s:1", folder);
    CHECK_INT(find(&b, str_of(wanted), 1), ERR_INVALID);
    xfree(wanted);
    bench_close(&b);
}

TEST("an id that no line has finds nothing; a part of an id finds nothing; other words are refused")
{
    struct bench b;
    bench_open(&b, 1);
    CHECK_INT(find(&b, STR("1-00000000-0"), 1), ERR_OK);
    CHECK_INT(b.why.count, 0);
    CHECK_INT(find(&b, STR("1-68d27f07"), 1), ERR_OK);
    CHECK_INT(b.why.count, 0);
    CHECK_INT(find(&b, STR("hello"), 1), ERR_INVALID);
    CHECK_INT(find(&b, STR(""), 1), ERR_INVALID);
    CHECK_INT(find(&b, STR("file:0"), 1), ERR_INVALID);
    CHECK(!why_needs_no_files(STR(TRACE)));
    CHECK(why_needs_no_files(STR("access.log:0")));
    bench_close(&b);
}

TEST("JSON has the columns, the verdict and what belongs to the request")
{
    struct bench b;
    bench_open(&b, 1);
    CHECK_INT(find(&b, STR(TRACE), 1), ERR_OK);
    json_t *root = why_json(&b.why);
    json_t *story = json_array_get(json_object_get(root, "stories"), 0);
    json_t *fields = json_object_get(story, "fields");
    CHECK_STR(str_of(json_string_value(json_object_get(fields, "client_ip"))), "198.51.100.24");
    CHECK_INT(json_integer_value(json_object_get(fields, "elb_status_code")), 502);
    CHECK(json_is_null(json_object_get(fields, "target_status_code")));
    CHECK(json_is_null(json_object_get(fields, "request_processing_time")));
    CHECK_STR(str_of(json_string_value(json_object_get(story, "made_by"))), "lb");
    CHECK_INT(json_integer_value(json_object_get(story, "duration_ms")), 38);
    CHECK_STR(str_of(verdict_of(root, "ended_by")), "target");
    CHECK_INT(json_array_size(json_object_get(story, "checks")), 2);
    CHECK(json_is_object(json_object_get(story, "connection")));
    json_decref(root);
    bench_close(&b);
}

TEST_MAIN
