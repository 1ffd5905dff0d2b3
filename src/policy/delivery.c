/* SPDX-License-Identifier: Apache-2.0
 * The delivery check: the requests that a load balancer makes, and what a policy says of them. */
#include "policy/delivery.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/assert.h"
#include "base/mem.h"
#include "policy/delivery_int.h"

const char delivery_service[] = "logdelivery.elasticloadbalancing.amazonaws.com";

/* ---- facts ---- */

static const struct {
    const char *region, *account;
} regions[] = {
#define REGION(region, account) {region, account},
#include "policy/regions.def"
#undef REGION
};

const char *
delivery_elb_account(struct str region)
{
    for (size_t i = 0; i < COUNT_OF(regions); i++) {
        if (str_eq(region, str_of(regions[i].region))) {
            return regions[i].account;
        }
    }
    return NULL;
}

const char *
delivery_elb_region(struct str account)
{
    for (size_t i = 0; i < COUNT_OF(regions); i++) {
        if (str_eq(account, str_of(regions[i].account))) {
            return regions[i].region;
        }
    }
    return NULL;
}

const char *
delivery_partition(struct str region)
{
    if (str_starts(region, STR("cn-"))) {
        return "aws-cn";
    }
    return str_starts(region, STR("us-gov-")) ? "aws-us-gov" : "aws";
}

static const struct {
    const char *word, *test_file, *name_start;
} logs[DELIVERY_LOG_COUNT] = {
    [DELIVERY_ACCESS] = {"access", "ELBAccessLogTestFile", ""},
    [DELIVERY_CONNECTION] = {"connection", "ELBConnectionLogTestFile", "conn_log_"},
    [DELIVERY_HEALTH] = {"health-check", "ELBHealthCheckLogTestFile", "health_check_log_"},
};

bool
delivery_log_parse(struct str word, enum delivery_log *ret_log)
{
    for (unsigned i = 0; i < DELIVERY_LOG_COUNT; i++) {
        if (str_eq(word, str_of(logs[i].word))) {
            *ret_log = (enum delivery_log)i;
            return true;
        }
    }
    return false;
}

const char *
delivery_log_word(enum delivery_log log)
{
    return logs[log].word;
}

const char *
delivery_test_file(enum delivery_log log)
{
    return logs[log].test_file;
}

const char *
delivery_answer_word(enum delivery_answer answer)
{
    static const char *const words[] = {"allow", "deny", "no policy", "depends"};
    return words[answer];
}

const char *
delivery_level_word(enum delivery_level level)
{
    static const char *const words[] = {"error", "warning", "note"};
    return words[level];
}

static const struct delivery_unseen unseen[] = {
#define UNSEEN(id, sentence, look) {id, sentence, look},
#include "policy/unseen.def"
#undef UNSEEN
};

size_t
delivery_unseen_count(void)
{
    return COUNT_OF(unseen);
}

const struct delivery_unseen *
delivery_unseen_at(size_t index)
{
    ASSERT(index < COUNT_OF(unseen));
    return &unseen[index];
}

/* ---- the question ---- */

static bool
all_of(struct str s, const char *allowed)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(allowed, s.p[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

static bool
is_account(struct str s)
{
    uint64_t ignored;
    return s.n == 12 && str_to_u64(s, &ignored);
}

static bool
is_region(struct str s)
{
    return s.n >= 7 && s.n <= 32 && all_of(s, "-") && ascii_is_digit(s.p[s.n - 1]) &&
           str_find_char(s, '-', NULL) && s.p[0] >= 'a' && s.p[0] <= 'z';
}

static enum err
check_prefix(struct str prefix, struct errinfo *reterr)
{
    struct text_arg value = {"value", prefix};
    if (prefix.n > 512) {
        return text_err(reterr, ERR_INVALID,
                        N_("The prefix is longer than 512 characters; choose a shorter one."), NULL,
                        0);
    }
    if (str_starts(prefix, STR("/")) || str_ends(prefix, STR("/"))) {
        return text_err(reterr, ERR_INVALID,
                        N_("The prefix '{value}' cannot start or end with '/'."), &value, 1);
    }
    if (!all_of(prefix, ".-_/")) {
        return text_err(
            reterr, ERR_INVALID,
            N_("The prefix '{value}' may hold letters, digits, '.', '-', '_' and '/' only."),
            &value, 1);
    }
    if (str_find(prefix, STR("AWSLogs"), NULL)) {
        return text_err(reterr, ERR_INVALID,
                        N_("The prefix '{value}' must not contain AWSLogs: the load balancer adds "
                           "that folder itself."),
                        &value, 1);
    }
    return ERR_OK;
}

enum err
delivery_question_check(const struct delivery_question *q, struct errinfo *reterr)
{
    struct str b = q->bucket;
    if (b.n < 3 || b.n > 63 || !all_of(b, ".-") || !ascii_is_alnum(b.p[0]) ||
        !ascii_is_alnum(b.p[b.n - 1]) || str_find(b, STR(".."), NULL) ||
        addr_parse(b, 0, &(struct addr){0})) {
        return text_err(reterr, ERR_INVALID,
                        N_("'{value}' is no name of a bucket: 3 to 63 lower-case letters, digits, "
                           "'.' and '-'."),
                        TEXT_ARGS({"value", b}));
    }
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] != ascii_lower(b.p[i])) {
            return text_err(reterr, ERR_INVALID,
                            N_("The bucket '{value}' has an upper-case letter; S3 allows none."),
                            TEXT_ARGS({"value", b}));
        }
    }
    if (!is_account(q->account)) {
        return text_err(
            reterr, ERR_INVALID,
            N_("The account '{value}' must have 12 digits; leading zeros belong to it."),
            TEXT_ARGS({"value", q->account}));
    }
    if (!is_region(q->region)) {
        return text_err(reterr, ERR_INVALID,
                        N_("'{value}' is no region; a region looks like eu-central-1."),
                        TEXT_ARGS({"value", q->region}));
    }
    if (q->org.n > 0 && (!str_starts(q->org, STR("o-")) || q->org.n > 40 || !all_of(q->org, "-"))) {
        return text_err(reterr, ERR_INVALID,
                        N_("'{value}' is no organisation; its id looks like o-a1b2c3d4e5."),
                        TEXT_ARGS({"value", q->org}));
    }
    return check_prefix(q->prefix, reterr);
}

void
delivery_resource(struct buf *out, const struct delivery_question *q)
{
    buf_addf(out, "arn:%s:s3:::%.*s/%.*s%sAWSLogs/%.*s/*", delivery_partition(q->region),
             STR_ARG(q->bucket), STR_ARG(q->prefix), q->prefix.n > 0 ? "/" : "",
             STR_ARG(q->account));
}

/* ---- the requests ---- */

/* Values of context.def that are no literals. */
static const char ABSENT[] = "absent", MAYBE[] = "maybe", SERVICE[] = "service",
                  SOURCE[] = "source", ACCOUNT[] = "account", CALLER[] = "caller", ORG[] = "org",
                  ACL[] = "acl", TLS[] = "tls", REGION_OF[] = "region";

static const struct {
    const char *key;
    bool many;
    const char *service, *account;
} context_rows[] = {
#define REGION REGION_OF
#define CONTEXT(key, many, service, account) {key, many, service, account},
#include "policy/context.def"
#undef CONTEXT
#undef REGION
};
_Static_assert(COUNT_OF(context_rows) <= DELIVERY_KEYS_MAX, "each row has a place");

/* A condition that the statement puts on this key, from *at on; NULL: no more. */
static const struct policy_condition *
next_condition(const struct policy_statement *s, const char *key, size_t *at)
{
    while (*at < s->condition_count) {
        const struct policy_condition *c = &s->conditions[(*at)++];
        if (str_ieq(c->key, str_of(key))) {
            return c;
        }
    }
    return NULL;
}

/* The load balancer's name is not known. A policy that wants a certain one in aws:SourceArn is
 * judged for that one, which SOURCE_ONE says. */
static void
choose_source_arn(struct delivery_context *c, const struct policy *p)
{
    const struct delivery_question *q = c->q;
    char start[160];
    (void)snprintf(start, sizeof(start), "arn:%s:elasticloadbalancing:%.*s:%.*s:loadbalancer/",
                   delivery_partition(q->region), STR_ARG(q->region), STR_ARG(q->account));
    (void)snprintf(c->source_arn, sizeof(c->source_arn), "%sapp/web/0123456789abcdef", start);
    for (size_t i = 0; p != NULL && i < policy_statement_count(p); i++) {
        const struct policy_statement *s = policy_statement(p, i);
        const struct policy_condition *condition;
        for (size_t at = 0; (condition = next_condition(s, "aws:SourceArn", &at)) != NULL;) {
            for (size_t v = 0; v < condition->count; v++) {
                struct str value = condition->values[v];
                bool open = policy_wildcard_match(value, str_of(c->source_arn), false);
                if (s->allow && !open && value.n < sizeof(c->source_arn) &&
                    str_starts(value, str_of(start)) && value.n > strlen(start)) {
                    delivery_point_set(c->source_arn, sizeof(c->source_arn), value);
                    for (char *x = c->source_arn; *x != '\0'; x++) {
                        *x = *x == '*' || *x == '?' ? 'x' : *x;
                    }
                    return;
                }
            }
        }
    }
}

/* Keys with one of two states, each of which is tried. */
static const struct {
    const char *text, *states[2];
} either[] = {{ACL, {ABSENT, "bucket-owner-full-control"}}, {TLS, {"1.2", "1.3"}}};
enum { EITHER_ALL = 1 << COUNT_OF(either), EITHER_MAYBE = EITHER_ALL };

/* What the row's text stands for with these states (bit i: of either[i]); EITHER_MAYBE: unknown. */
static const char *
choose_state(const char *text, unsigned states)
{
    for (unsigned i = 0; i < COUNT_OF(either); i++) {
        if (text == either[i].text) {
            return states == EITHER_MAYBE ? MAYBE : either[i].states[(states >> i) & 1];
        }
    }
    return text;
}

static void
add_key(struct delivery_context *c, const char *name, bool many, const char *text)
{
    const struct delivery_question *q = c->q;
    if (text == ABSENT) {
        return;
    }
    struct policy_key *key = &c->keys[c->key_count];
    struct str *value = &c->values[c->key_count++];
    *key = (struct policy_key){.name = str_of(name),
                               .presence = POLICY_PRESENT,
                               .values = value,
                               .count = 1,
                               .many = many};
    if (text == MAYBE || (text == ORG && q->org.n == 0)) {
        key->presence = POLICY_MAYBE;
        key->count = 0;
        return;
    }
    *value = text == SERVICE     ? str_of(delivery_service)
             : text == SOURCE    ? str_of(c->source_arn)
             : text == ACCOUNT   ? q->account
             : text == CALLER    ? str_of(c->elb_account)
             : text == ORG       ? q->org
             : text == REGION_OF ? q->region
                                 : str_of(text);
}

static void
set_keys(struct delivery_context *c, unsigned states)
{
    c->key_count = 0;
    for (size_t i = 0; i < COUNT_OF(context_rows); i++) {
        const char *text =
            c->elb_account == NULL ? context_rows[i].service : context_rows[i].account;
        add_key(c, context_rows[i].key, context_rows[i].many, choose_state(text, states));
    }
}

void
delivery_context_make(const struct delivery_question *q, const struct policy *p,
                      const char *elb_account, struct delivery_context *ret_context)
{
    struct delivery_context *c = ret_context;
    *c = (struct delivery_context){.q = q, .elb_account = elb_account};
    choose_source_arn(c, p);
    set_keys(c, EITHER_MAYBE);
    const char *partition = delivery_partition(q->region);
    if (elb_account != NULL) {
        (void)snprintf(c->caller_arn, sizeof(c->caller_arn), "arn:%s:iam::%s:root", partition,
                       elb_account);
    }
    struct buf folder = {0};
    delivery_resource(&folder, q);
    int keep = (int)folder.n - 1; /* without the star */
    (void)snprintf(c->resource[DELIVERY_TEST_OBJECT], sizeof(c->resource[0]), "%.*s%s", keep,
                   folder.p, delivery_test_file(q->log));
    (void)snprintf(c->resource[DELIVERY_LOG_OBJECT], sizeof(c->resource[0]),
                   "%.*selasticloadbalancing/%.*s/2026/01/31/%s%.*s_elasticloadbalancing_%.*s_app."
                   "web.0123456789abcdef_20260131T1005Z_192.0.2.1_1a2b3c4d.log.gz",
                   keep, folder.p, STR_ARG(q->region), logs[q->log].name_start, STR_ARG(q->account),
                   STR_ARG(q->region));
    buf_free(&folder);
}

void
delivery_request(const struct delivery_context *c, enum delivery_object which,
                 struct policy_request *ret_request)
{
    *ret_request = (struct policy_request){.action = STR("s3:PutObject"),
                                           .resource = str_of(c->resource[which]),
                                           .keys = c->keys,
                                           .key_count = c->key_count};
    struct policy_caller *caller = &ret_request->caller;
    if (c->elb_account == NULL) {
        caller->kind = POLICY_CALLER_SERVICE;
        caller->service = str_of(delivery_service);
    } else {
        caller->kind = POLICY_CALLER_IDENTITY;
        caller->account = str_of(c->elb_account);
        caller->arn = str_of(c->caller_arn);
    }
}

/* ---- deciding ---- */

static int
badness(enum policy_answer answer)
{
    static const int order[] = {[POLICY_ALLOW] = 0,
                                [POLICY_DEPENDS] = 1,
                                [POLICY_IMPLICIT_DENY] = 2,
                                [POLICY_EXPLICIT_DENY] = 3};
    return order[answer];
}

/* The worse of both requests. */
static void
decide_once(const struct policy *p, struct delivery_judged *j)
{
    struct policy_request request;
    struct policy_decision test_file, log_file;
    delivery_request(&j->context, DELIVERY_LOG_OBJECT, &request);
    policy_decide(p, &request, &j->trace, &log_file);
    delivery_request(&j->context, DELIVERY_TEST_OBJECT, &request);
    policy_decide(p, &request, NULL, &test_file);
    j->which = DELIVERY_LOG_OBJECT;
    j->decision = log_file;
    if (badness(test_file.answer) > badness(log_file.answer)) {
        policy_decide(p, &request, &j->trace, &j->decision); /* again, for its trace */
        j->which = DELIVERY_TEST_OBJECT;
    }
}

static void
decide(const struct policy *p, struct delivery_judged *j)
{
    decide_once(p, j);
    if (j->decision.answer != POLICY_DEPENDS) {
        return;
    }
    enum policy_answer first = POLICY_DEPENDS;
    for (unsigned states = 0; states < EITHER_ALL; states++) {
        set_keys(&j->context, states);
        decide_once(p, j);
        if (states > 0 && j->decision.answer != first) {
            set_keys(&j->context, EITHER_MAYBE);
            decide_once(p, j);
            return;
        }
        first = j->decision.answer;
    }
}

/* Elements that miss in the nearest statement; many where there is none. */
static unsigned
distance(const struct policy *p, const struct delivery_judged *j)
{
    int nearest = delivery_nearest_allow(p, j);
    return nearest < 0 ? UINT32_MAX : j->trace.items[nearest].missed;
}

size_t
delivery_judge(const struct policy *p, const struct delivery_question *q,
               struct delivery_judged items[static DELIVERY_CALLERS_MAX], size_t *ret_count)
{
    const char *accounts[DELIVERY_CALLERS_MAX] = {NULL, delivery_elb_account(q->region)};
    size_t best = 0;
    *ret_count = accounts[1] == NULL ? 1 : 2;
    for (size_t i = 0; i < *ret_count; i++) {
        delivery_context_make(q, p, accounts[i], &items[i].context);
        decide(p, &items[i]);
        int better = badness(items[best].decision.answer) - badness(items[i].decision.answer);
        if (better > 0 || (better == 0 && distance(p, &items[i]) < distance(p, &items[best]))) {
            best = i;
        }
    }
    return best;
}

/* ---- points ---- */

static const struct {
    const char *word, *id;
    enum delivery_level level;
    const char *sentence, *advice;
} point_rows[] = {
#define POINT(NAME, word, id, level, sentence, advice)                                             \
    {word, id, DELIVERY_##level, sentence, advice},
#include "policy/points.def"
#undef POINT
};

void
delivery_point_set(char *to, size_t size, struct str value)
{
    size_t n = value.n < size ? value.n : size - 1;
    if (n > 0) {
        memcpy(to, value.p, n);
    }
    to[n] = '\0';
}

struct delivery_point *
delivery_add_point(struct delivery_report *r, enum delivery_point_name name, unsigned statement,
                   unsigned line)
{
    static struct delivery_point dropped; /* written to, never read */
    struct delivery_point *point =
        r->point_count < DELIVERY_POINTS_MAX ? &r->points[r->point_count++] : &dropped;
    *point = (struct delivery_point){.name = name,
                                     .word = point_rows[name].word,
                                     .id = point_rows[name].id,
                                     .level = point_rows[name].level,
                                     .sentence = point_rows[name].sentence,
                                     .advice = point_rows[name].advice,
                                     .statement = statement,
                                     .line = line};
    return point;
}

static void
add_faults(struct delivery_report *r, const struct policy_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct policy_problem *problem = &problems->items[i];
        struct delivery_point *point =
            delivery_add_point(r, DELIVERY_FAULT, problem->statement, problem->line);
        point->fault = problem->fault;
        point->word = policy_fault_word(problem->fault);
        point->id = policy_fault_id(problem->fault);
        point->sentence = policy_fault_text(problem->fault);
        point->column = problem->column;
        delivery_point_set(point->have, sizeof(point->have), str_of(problem->value));
        delivery_point_set(point->key, sizeof(point->key), str_of(problem->element));
    }
}

static unsigned
fault_limit(enum policy_fault fault)
{
    return fault == POLICY_FAULT_TOO_DEEP   ? LIMIT_POLICY_DEPTH_MAX
           : fault == POLICY_FAULT_NOT_READ ? LIMIT_POLICY_READ_MAX
                                            : LIMIT_POLICY_BYTES_MAX;
}

size_t
delivery_point_args(const struct delivery_point *point, char numbers[static DELIVERY_NUMBERS],
                    struct text_arg args[static DELIVERY_ARGS])
{
    char *line = numbers, *column = numbers + 16, *limit = numbers + 32;
    (void)snprintf(line, 16, "%u", point->line);
    (void)snprintf(column, 16, "%u", point->column);
    (void)snprintf(limit, 16, "%u", fault_limit(point->fault));
    const struct text_arg all[DELIVERY_ARGS] = {
        {"have", str_of(point->have)},  {"want", str_of(point->want)},
        {"key", str_of(point->key)},    {"other", str_of(point->other)},
        {"line", str_of(line)},         {"column", str_of(column)},
        {"value", str_of(point->have)}, {"element", str_of(point->key)},
        {"limit", str_of(limit)},
    };
    memcpy(args, all, sizeof(all));
    return DELIVERY_ARGS;
}

/* Errors before warnings before notes; else as they were found. */
static void
sort_points(struct delivery_report *r)
{
    struct delivery_point sorted[DELIVERY_POINTS_MAX];
    size_t n = 0;
    for (int level = DELIVERY_ERROR; level <= (int)DELIVERY_NOTE; level++) {
        for (size_t i = 0; i < r->point_count; i++) {
            if ((int)r->points[i].level == level) {
                sorted[n++] = r->points[i];
            }
        }
    }
    ASSERT(n == r->point_count);
    memcpy(r->points, sorted, n * sizeof(sorted[0]));
}

/* ---- the whole ---- */

static enum delivery_answer
answer_of(enum policy_answer answer)
{
    return answer == POLICY_ALLOW     ? DELIVERY_ALLOW
           : answer == POLICY_DEPENDS ? DELIVERY_DEPENDS
                                      : DELIVERY_DENY;
}

static void
note_statement(struct delivery_report *r, const struct policy *p, const struct policy_decision *d)
{
    r->answer = answer_of(d->answer);
    r->statement = d->statement;
    delivery_point_set(r->key, sizeof(r->key), d->key);
    if (d->statement >= 0) {
        const struct policy_statement *s = policy_statement(p, (size_t)d->statement);
        r->line = s->line;
        delivery_point_set(r->sid, sizeof(r->sid), s->sid);
    }
}

static void
judge(struct delivery_report *r, const struct policy *p, const struct delivery_question *q)
{
    struct delivery_judged *judged = xalloc(DELIVERY_CALLERS_MAX * sizeof(*judged));
    r->best = delivery_judge(p, q, judged, &r->caller_count);
    for (size_t i = 0; i < r->caller_count; i++) {
        const char *account = judged[i].context.elb_account;
        r->callers[i] =
            (struct delivery_caller){.who = account == NULL ? delivery_service : account,
                                     .service = account == NULL,
                                     .answer = judged[i].decision.answer,
                                     .statement = judged[i].decision.statement,
                                     .test_file = judged[i].which == DELIVERY_TEST_OBJECT};
    }
    struct delivery_judged *best = &judged[r->best];
    note_statement(r, p, &best->decision);
    delivery_point_set(r->resource, sizeof(r->resource),
                       str_of(best->context.resource[best->which]));
    delivery_explain(r, p, best);
    delivery_warn(r, p, &best->context);
    xfree(judged);
}

enum err
delivery_check(struct str json, const struct delivery_question *q,
               struct delivery_report *ret_report, struct errinfo *reterr)
{
    TRY(delivery_question_check(q, reterr));
    struct delivery_report *r = ret_report;
    *r = (struct delivery_report){.statement = -1};
    struct policy_scope scope = {q->bucket, str_of(delivery_partition(q->region))};
    struct policy *policy = NULL;
    struct policy_problems problems;
    if (policy_read(json, &scope, &policy, &problems) != ERR_OK) {
        r->answer = DELIVERY_NO_POLICY;
        add_faults(r, &problems);
        delivery_fix(r, json, q, NULL);
        return ERR_OK;
    }
    judge(r, policy, q);
    sort_points(r);
    delivery_fix(r, json, q, policy);
    policy_free(&policy);
    return ERR_OK;
}

void
delivery_report_done(struct delivery_report *report)
{
    buf_free(&report->corrected);
    buf_free(&report->original);
}
