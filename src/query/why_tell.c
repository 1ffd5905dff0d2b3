/* SPDX-License-Identifier: Apache-2.0
 * What a line tells: the pattern of its statuses and times, the sentence for it, the words in it
 * and what to do. */
#include "query/why_int.h"

#include "base/assert.h"

enum maker { MAKER_ANY, MAKER_LB, MAKER_TARGET };

/* ---- further tests of a pattern ---- */

enum { TARGET_LEG = 1, TEN_FROM_US = 9500 * 1000, TEN_TO_US = 11500 * 1000 };

static struct str
field(const struct why_facts *f, unsigned number)
{
    return log_line_field(f->line, number);
}

static bool
reason_starts(const struct why_facts *f, struct str prefix)
{
    return str_starts(field(f, LOG_ACCESS_ERROR_REASON), prefix);
}

static bool
last_is(const struct why_facts *f, struct str action)
{
    return str_eq(f->last_action, action);
}

static bool
test_any(const struct why_facts *f)
{
    (void)f; /* every line fits */
    return true;
}

static bool
test_zeros(const struct why_facts *f)
{
    return f->zeros;
}

static bool
test_transform(const struct why_facts *f)
{
    struct str status = field(f, LOG_ACCESS_REQUEST_TRANSFORM_STATUS);
    return status.p != NULL && !str_eq(status, STR("TransformSuccess"));
}

static bool
test_lambda(const struct why_facts *f)
{
    return reason_starts(f, STR("Lambda"));
}

static bool
test_auth(const struct why_facts *f)
{
    return reason_starts(f, STR("Auth"));
}

static bool
test_jwt(const struct why_facts *f)
{
    return reason_starts(f, STR("JWT"));
}

static bool
test_jwks(const struct why_facts *f)
{
    return reason_starts(f, STR("JWKS"));
}

static bool
test_waf(const struct why_facts *f)
{
    return reason_starts(f, STR("WAF"));
}

static bool
test_reason(const struct why_facts *f)
{
    return field(f, LOG_ACCESS_ERROR_REASON).p != NULL;
}

static bool
test_last_waf(const struct why_facts *f)
{
    return last_is(f, STR("waf"));
}

static bool
test_last_redirect(const struct why_facts *f)
{
    return last_is(f, STR("redirect"));
}

static bool
test_last_fixed(const struct why_facts *f)
{
    return last_is(f, STR("fixed-response"));
}

static bool
test_last_login(const struct why_facts *f)
{
    return last_is(f, STR("authenticate"));
}

static bool
test_malformed(const struct why_facts *f)
{
    return f->request.verb.p == NULL;
}

static bool
test_without_tls(const struct why_facts *f)
{
    struct str type = field(f, LOG_ACCESS_TYPE);
    bool tls = str_eq(type, STR("https")) || str_eq(type, STR("h2")) || str_eq(type, STR("wss"));
    return tls && field(f, LOG_ACCESS_SSL_PROTOCOL).p == NULL;
}

static bool
test_severe(const struct why_facts *f)
{
    return str_eq(field(f, LOG_ACCESS_CLASSIFICATION), STR("Severe"));
}

static bool
test_classified(const struct why_facts *f)
{
    return field(f, LOG_ACCESS_CLASSIFICATION).p != NULL;
}

static bool
test_has_target_status(const struct why_facts *f)
{
    return f->has_target_status;
}

static bool
test_about_ten(const struct why_facts *f)
{
    return f->has_duration && f->duration_us >= TEN_FROM_US && f->duration_us <= TEN_TO_US;
}

static bool
test_over_ten(const struct why_facts *f)
{
    return f->has_duration && f->duration_us > TEN_TO_US;
}

/* Words of the column TEST in why.def. */
#define TESTS(ROW)                                                                                 \
    ROW(ANY, test_any)                                                                             \
    ROW(ZEROS, test_zeros)                                                                         \
    ROW(TRANSFORM_FAILED, test_transform)                                                          \
    ROW(REASON_LAMBDA, test_lambda)                                                                \
    ROW(REASON_AUTH, test_auth)                                                                    \
    ROW(REASON_JWT, test_jwt)                                                                      \
    ROW(REASON_JWKS, test_jwks)                                                                    \
    ROW(REASON_WAF, test_waf)                                                                      \
    ROW(REASON_ANY, test_reason)                                                                   \
    ROW(LAST_WAF, test_last_waf)                                                                   \
    ROW(LAST_REDIRECT, test_last_redirect)                                                         \
    ROW(LAST_FIXED, test_last_fixed)                                                               \
    ROW(LAST_LOGIN, test_last_login)                                                               \
    ROW(MALFORMED, test_malformed)                                                                 \
    ROW(WITHOUT_TLS, test_without_tls)                                                             \
    ROW(SEVERE, test_severe)                                                                       \
    ROW(CLASSIFIED, test_classified)                                                               \
    ROW(HAS_TARGET_STATUS, test_has_target_status)                                                 \
    ROW(ABOUT_TEN, test_about_ten)                                                                 \
    ROW(OVER_TEN, test_over_ten)

enum {
#define ROW(NAME, function) CHECK_##NAME,
    TESTS(ROW)
#undef ROW
        CHECK_KINDS
};
static bool (*const checks[])(const struct why_facts *) = {
#define ROW(NAME, function) [CHECK_##NAME] = function,
    TESTS(ROW)
#undef ROW
};

/* ---- the patterns ---- */

static const struct {
    const char *word, *sentence;
} sides[] = {
#define WHY(NAME, ...)
#define WHY_SIDE(NAME, word_, sentence_) [WHY_##NAME##_SIDE] = {word_, sentence_},
#include "query/why.def"
#undef WHY_SIDE
#undef WHY
};

#define DO(STEP) EXPLAIN_DO_##STEP
static const struct why_pattern patterns[] = {
#define WHY_SIDE(NAME, ...)
#define WHY(NAME, word_, from_, to_, MAKER, times_, dispatch_, TEST_, SIDE, what_, cause_, open_,  \
            ids_, ...)                                                                             \
    {.word = word_,                                                                                \
     .from = from_,                                                                                \
     .to = to_,                                                                                    \
     .maker = MAKER_##MAKER,                                                                       \
     .times = times_,                                                                              \
     .dispatch = dispatch_,                                                                        \
     .test = CHECK_##TEST_,                                                                        \
     .side = WHY_##SIDE##_SIDE,                                                                    \
     .what = what_,                                                                                \
     .cause = cause_,                                                                              \
     .open = open_,                                                                                \
     .ids = ids_,                                                                                  \
     .steps = {__VA_ARGS__}},
#include "query/why.def"
#undef WHY
#undef WHY_SIDE
};
#undef DO

const char *
why_side_word(enum why_side side)
{
    return sides[side].word;
}

const char *
why_side_text(enum why_side side)
{
    return sides[side].sentence;
}

/* '+' there, '-' not there, '.' either. */
static bool
fits(char wanted, bool there)
{
    return wanted == '.' || (wanted == '+') == there;
}

static bool
pattern_fits(const struct why_pattern *p, const struct why_facts *f)
{
    bool times = true;
    for (size_t i = 0; i < COUNT_OF(f->legs_us); i++) {
        times = times && fits(p->times[i], f->times[i] == '+');
    }
    bool maker = p->maker == MAKER_ANY || (p->maker == MAKER_TARGET) == f->by_target;
    return f->elb >= p->from && f->elb <= p->to && maker && times &&
           fits(p->dispatch[0], f->target.p != NULL) && fits(p->dispatch[1], f->group.p != NULL) &&
           checks[p->test](f);
}

const struct why_pattern *
why_pattern(const struct why_facts *facts)
{
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        if (pattern_fits(&patterns[i], facts)) {
            return &patterns[i];
        }
    }
    NEVER("the last pattern fits every line");
}

/* ---- the values ---- */

static struct str
last_of(struct str list)
{
    size_t at;
    return str_rfind_char(list, ',', &at) ? str_sub(list, at + 1, list.n) : list;
}

static void
read_times(const struct log_line *line, struct why_facts *f)
{
    static const unsigned fields[] = {LOG_ACCESS_REQUEST_PROCESSING_TIME,
                                      LOG_ACCESS_TARGET_PROCESSING_TIME,
                                      LOG_ACCESS_RESPONSE_PROCESSING_TIME};
    struct log_clock clock = {0};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        bool there = log_seconds(log_line_field(line, fields[i]), &f->legs_us[i]);
        f->times[i] = there ? '+' : '-';
    }
    (void)log_time(&clock, log_line_field(line, LOG_ACCESS_TIME), &f->time_us); /* else 0 */
    f->has_duration =
        log_time(&clock, log_line_field(line, LOG_ACCESS_REQUEST_CREATION_TIME), &f->created_us) &&
        f->time_us >= f->created_us;
    f->duration_us = f->has_duration ? f->time_us - f->created_us : 0;
}

void
why_facts(const struct log_line *line, struct why_facts *ret_facts)
{
    struct why_facts *f = ret_facts;
    struct str elb = log_line_field(line, LOG_ACCESS_ELB_STATUS_CODE);
    *f = (struct why_facts){.line = line};
    f->elb = log_status(elb);
    f->zeros = f->elb == 0 && str_eq(elb, STR("000"));
    f->target_status = log_status(log_line_field(line, LOG_ACCESS_TARGET_STATUS_CODE));
    f->has_target_status = f->target_status != 0;
    f->by_target = query_made_by_target(line);
    read_times(line, f);
    log_request(log_line_field(line, LOG_ACCESS_REQUEST), &f->request);
    if (!log_peer(log_line_field(line, LOG_ACCESS_CLIENT), &f->client_ip, &f->client_port)) {
        f->client_ip = STR_NONE;
    }
    f->target = log_line_field(line, LOG_ACCESS_TARGET);
    f->group = log_line_field(line, LOG_ACCESS_TARGET_GROUP_ARN);
    f->last_action = last_of(log_line_field(line, LOG_ACCESS_ACTIONS_EXECUTED));
}

/* ---- sentences ---- */

static void
add_ms(struct buf *out, bool there, uint64_t us)
{
    if (there) {
        say_ms(out, us / 1000);
    } else {
        buf_add_z(out, tr(N_("an unknown time")));
    }
}

static void
add_field(struct buf *out, struct str text)
{
    if (text.p == NULL) {
        buf_add_char(out, '-');
    } else {
        say_log(out, text);
    }
}

static void
add_target(struct buf *out, const struct why_facts *f)
{
    if (f->target.p == NULL) {
        buf_add_z(out, tr(N_("(without an address)")));
    } else {
        say_log(out, f->target);
    }
}

void
why_sentence(struct buf *out, const char *msgid, const struct why_facts *f)
{
    AUTO(buf_free)
    struct buf status = {0},
               answered = {0}, target = {0}, group = {0}, target_time = {0}, duration = {0},
               reason = {0}, class = {0};
    AUTO(buf_free)
    struct buf class_reason = {0},
               transform = {0}, redirect = {0}, verb = {0}, version = {0};
    if (msgid[0] == '\0') {
        return;
    }
    buf_addf(&status, "%u", f->elb);
    buf_addf(&answered, "%u", f->target_status);
    add_target(&target, f);
    add_field(&group, say_group_name(f->group));
    add_ms(&target_time, f->times[TARGET_LEG] == '+', f->legs_us[TARGET_LEG]);
    add_ms(&duration, f->has_duration, f->duration_us);
    add_field(&reason, field(f, LOG_ACCESS_ERROR_REASON));
    add_field(&class, field(f, LOG_ACCESS_CLASSIFICATION));
    add_field(&class_reason, field(f, LOG_ACCESS_CLASSIFICATION_REASON));
    add_field(&transform, field(f, LOG_ACCESS_REQUEST_TRANSFORM_STATUS));
    add_field(&redirect, field(f, LOG_ACCESS_REDIRECT_URL));
    add_field(&verb, f->request.verb);
    add_field(&version, f->request.version);
    text_fill(out, tr(msgid),
              TEXT_ARGS({"status", buf_str(&status)}, {"target_status", buf_str(&answered)},
                        {"target", buf_str(&target)}, {"group", buf_str(&group)},
                        {"target_time", buf_str(&target_time)}, {"duration", buf_str(&duration)},
                        {"reason", buf_str(&reason)}, {"class", buf_str(&class)},
                        {"class_reason", buf_str(&class_reason)},
                        {"transform", buf_str(&transform)}, {"redirect", buf_str(&redirect)},
                        {"verb", buf_str(&verb)}, {"version", buf_str(&version)}));
}

void
why_verdict(const struct log_line *line, struct why_verdict *ret_verdict)
{
    struct why_facts f;
    why_facts(line, &f);
    const struct why_pattern *p = why_pattern(&f);
    *ret_verdict = (struct why_verdict){.pattern = p->word,
                                        .ids = p->ids,
                                        .by_target = f.by_target,
                                        .has_duration = f.has_duration,
                                        .duration_us = f.duration_us};
}

void
why_what(struct buf *out, const struct log_line *line)
{
    struct why_facts f;
    why_facts(line, &f);
    why_sentence(out, why_pattern(&f)->what, &f);
}

/* ---- words ---- */

static size_t
add_word(const struct explain_word **words, size_t count, enum explain_kind kind, struct str key)
{
    const struct explain_word *word = key.p == NULL ? NULL : explain_find(kind, key);
    if (word != NULL && count < WHY_WORDS_MAX) {
        words[count++] = word;
    }
    return count;
}

static size_t
access_words(const struct log_line *line, const struct explain_word **words)
{
    static const struct {
        unsigned field;
        enum explain_kind kind;
    } rows[] = {
        {LOG_ACCESS_ERROR_REASON, EXPLAIN_ERROR_REASON},
        {LOG_ACCESS_REQUEST_TRANSFORM_STATUS, EXPLAIN_TRANSFORM},
        {LOG_ACCESS_CLASSIFICATION, EXPLAIN_CLASS},
        {LOG_ACCESS_CLASSIFICATION_REASON, EXPLAIN_CLASS_REASON},
    };
    struct str elb = log_line_field(line, LOG_ACCESS_ELB_STATUS_CODE);
    struct str actions = log_line_field(line, LOG_ACCESS_ACTIONS_EXECUTED), action;
    size_t count = 0;
    if (log_status(elb) >= 400 && !query_made_by_target(line)) { /* of the load balancer */
        count = add_word(words, count, EXPLAIN_HTTP, elb);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        count = add_word(words, count, rows[i].kind, log_line_field(line, rows[i].field));
    }
    while (actions.p != NULL && str_cut(&actions, ',', &action)) {
        count = add_word(words, count, EXPLAIN_ACTION, action);
    }
    return count;
}

/* Nothing of TLS happened on a plain listener, where the status is absent. */
static size_t
connection_words(const struct log_line *line, const struct explain_word **words)
{
    struct str status = log_line_field(line, LOG_CONNECTION_TLS_VERIFY_STATUS);
    if (str_starts(status, STR("Failed:"))) {
        status = str_sub(status, sizeof("Failed:") - 1, status.n);
    }
    return add_word(words, 0, EXPLAIN_TLS_VERIFY, status);
}

size_t
why_words(const struct log_line *line, const struct explain_word **ret_words)
{
    switch (line->kind) {
    case LOG_ACCESS: return access_words(line, ret_words);
    case LOG_CONNECTION: return connection_words(line, ret_words);
    case LOG_HEALTH:
        return add_word(
            ret_words,
            add_word(ret_words, 0, EXPLAIN_HEALTH_LOG, log_line_field(line, LOG_HEALTH_STATUS)),
            EXPLAIN_HEALTH_LOG, log_line_field(line, LOG_HEALTH_REASON_CODE));
    case LOG_KIND_COUNT: break;
    }
    NEVER("a kind of log");
}

/* ---- what to do ---- */

static void
add_steps(struct why_todo *todo, const enum explain_step *steps, size_t count)
{
    for (size_t i = 0; i < count && steps[i] != EXPLAIN_NO_STEP; i++) {
        bool known = steps[i] == EXPLAIN_DO_ACCESS_LOG; /* it is being read */
        for (size_t k = 0; k < todo->count; k++) {
            known = known || todo->steps[k] == steps[i];
        }
        if (!known && todo->count < WHY_TODO_MAX) {
            todo->steps[todo->count++] = steps[i];
        }
    }
}

/* The words of errors know more than the pattern does: "LambdaThrottling". */
static void
add_word_steps(struct why_todo *todo, const struct log_line *line)
{
    const struct explain_word *words[WHY_WORDS_MAX];
    size_t count = why_words(line, words);
    for (size_t i = 0; i < count; i++) {
        bool fault = !str_eq(str_of(words[i]->ids), STR("-"));
        if (fault && words[i]->kind != EXPLAIN_HTTP && words[i]->kind != EXPLAIN_ACTION) {
            add_steps(todo, words[i]->steps, COUNT_OF(words[i]->steps));
        }
    }
}

static uint16_t
port_of(const struct why_facts *f)
{
    return f->request.port != 0                       ? f->request.port
           : str_ieq(f->request.scheme, STR("http"))  ? 80
           : str_ieq(f->request.scheme, STR("https")) ? 443
                                                      : 0;
}

static void
add_values(struct why_todo *todo, struct str host, uint16_t port, struct str target,
           struct str group)
{
    if (port != 0) {
        (void)snprintf(todo->port, sizeof(todo->port), "%u", port); /* fits */
    }
    buf_add_str(&todo->host_port, host);
    buf_addf(&todo->host_port, ":%s", todo->port);
    const struct say_value values[] = {
        {"HOST", host},
        {"PORT", port == 0 ? STR_NONE : str_of(todo->port)},
        {"HOST:PORT", host.n > 0 && port != 0 ? buf_str(&todo->host_port) : STR_NONE},
        {"ADDRESS:PORT", target},
        {"TARGET-ADDRESS:PORT", target},
        {"TARGET-GROUP-ARN", group},
        {"STATUS", todo->status[0] == '\0' ? STR_NONE : str_of(todo->status)},
    };
    _Static_assert(COUNT_OF(values) <= WHY_VALUES, "there is room for the values");
    memcpy(todo->values, values, sizeof(values));
    todo->values[WHY_VALUES - 1] = (struct say_value){"HEALTH-CHECK-PATH", STR_NONE};
}

void
why_todo(const struct log_line *line, struct why_todo *ret_todo)
{
    struct why_facts f;
    *ret_todo = (struct why_todo){0};
    add_word_steps(ret_todo, line);
    if (line->kind != LOG_ACCESS) {
        struct str target =
            line->kind == LOG_HEALTH ? log_line_field(line, LOG_HEALTH_TARGET_ADDR) : STR_NONE;
        add_values(ret_todo, STR_NONE, 0, target, STR_NONE);
        return;
    }
    why_facts(line, &f);
    const struct why_pattern *p = why_pattern(&f);
    add_steps(ret_todo, p->steps, COUNT_OF(p->steps));
    if (f.elb != 0) {
        (void)snprintf(ret_todo->status, sizeof(ret_todo->status), "%u", f.elb); /* fits */
    }
    add_values(ret_todo, f.request.host, port_of(&f), f.target, f.group);
}

void
why_todo_done(struct why_todo *todo)
{
    buf_free(&todo->host_port);
}
