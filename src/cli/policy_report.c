/* SPDX-License-Identifier: Apache-2.0
 * What `openalb policy check` says: the answer, who asked for what, each point with its advice, the
 * corrected policy as a diff and whole, and what no policy shows. */
#include "cli/policy_report.h"

#include <jansson.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"

/* ---- sentences both forms share ---- */

static const struct {
    const char *title; /* message id, with {log} and {place} */
    enum style style;
} answers[] = {
    [DELIVERY_ALLOW] = {N_("ALLOWED: the load balancer can write its {log} log to {place}."),
                        STYLE_OK},
    [DELIVERY_DENY] = {N_("DENIED: the load balancer cannot write its {log} log to {place}."),
                       STYLE_FAIL},
    [DELIVERY_NO_POLICY] = {N_("NO POLICY: S3 would not take this text as the policy of a "
                               "bucket; what was there before stays."),
                            STYLE_FAIL},
    [DELIVERY_DEPENDS] = {N_("DEPENDS on {key}: the load balancer may be able to write its {log} "
                             "log to {place}."),
                          STYLE_WARN},
};

static void
place_of(struct buf *out, const struct delivery_question *q)
{
    buf_addf(out, "s3://%.*s/%.*s", STR_ARG(q->bucket), STR_ARG(q->prefix));
}

static void
add_title(struct buf *out, enum text_escape escape, const struct delivery_question *q,
          const struct delivery_report *r)
{
    AUTO(buf_free) struct buf place = {0};
    place_of(&place, q);
    text_fill_as(out, escape, tr(answers[r->answer].title),
                 TEXT_ARGS({"log", str_of(delivery_log_word(q->log))}, {"place", buf_str(&place)},
                           {"key", str_of(r->key)}));
}

/* What AWS says of it, in its own words; empty: nothing. */
static void
add_aws_words(struct buf *out, const struct delivery_question *q, const struct delivery_report *r)
{
    if (r->answer == DELIVERY_NO_POLICY && r->point_count > 0) {
        char numbers[DELIVERY_NUMBERS];
        struct text_arg args[DELIVERY_ARGS];
        size_t n = delivery_point_args(&r->points[0], numbers, args);
        text_fill(out, policy_fault_s3(r->points[0].fault), args, n);
    } else if (r->answer == DELIVERY_DENY) {
        buf_addf(out, "Access Denied for bucket: %.*s. Please check S3bucket permission",
                 STR_ARG(q->bucket));
    }
}

static void
add_filled(struct buf *out, enum text_escape escape, const struct delivery_point *p,
           const char *msgid)
{
    char numbers[DELIVERY_NUMBERS];
    struct text_arg args[DELIVERY_ARGS];
    size_t n = delivery_point_args(p, numbers, args);
    if (*msgid != '\0') {
        text_fill_as(out, escape, tr(msgid), args, n);
    }
}

static const char *
answer_sentence(enum policy_answer answer)
{
    static const char *const sentences[] = {
        [POLICY_IMPLICIT_DENY] = N_("no statement allows it"),
        [POLICY_EXPLICIT_DENY] = N_("a statement denies it"),
        [POLICY_ALLOW] = N_("allowed"),
        [POLICY_DEPENDS] = N_("that depends"),
    };
    return sentences[answer];
}

/* ---- for people ---- */

static void
add_line(struct buf *out, const struct term *t, const char *label, struct str text)
{
    AUTO(buf_free) struct buf line = {0};
    buf_add_z(&line, label);
    for (size_t n = text_width(buf_str(&line)); n < 10; n++) {
        buf_add_char(&line, ' ');
    }
    buf_add_str(&line, text);
    text_wrap(out, buf_str(&line), 0, 10, t->width);
}

static void
add_request(struct buf *out, const struct term *t, const struct delivery_report *r)
{
    AUTO(buf_free) struct buf line = {0};
    buf_add_z(&line, "s3:PutObject ");
    text_add_safe(&line, str_of(r->resource));
    add_line(out, t, tr(N_("Asked")), buf_str(&line));
    for (size_t i = 0; i < r->caller_count; i++) {
        AUTO(buf_free) struct buf caller = {0};
        text_fill(&caller, tr(N_("{who}: {answer}")),
                  TEXT_ARGS({"who", str_of(r->callers[i].who)},
                            {"answer", str_of(tr(answer_sentence(r->callers[i].answer)))}));
        add_line(out, t, i == 0 ? tr(N_("By")) : "", buf_str(&caller));
    }
}

/* The statement that decides, or that comes nearest. */
static void
add_statement(struct buf *out, const struct term *t, const struct delivery_report *r)
{
    if (r->statement < 0) {
        return;
    }
    AUTO(buf_free) struct buf line = {0};
    char number[16], at[16];
    (void)snprintf(number, sizeof(number), "%d", r->statement + 1);
    (void)snprintf(at, sizeof(at), "%u", r->line);
    text_fill_as(
        &line, TEXT_TERMINAL,
        r->sid[0] != '\0' ? tr(N_("statement {number}, line {line}, Sid {sid}"))
                          : tr(N_("statement {number}, line {line}")),
        TEXT_ARGS({"number", str_of(number)}, {"line", str_of(at)}, {"sid", str_of(r->sid)}));
    bool implicit = r->callers[r->best].answer == POLICY_IMPLICIT_DENY;
    add_line(out, t, implicit ? tr(N_("Nearest")) : tr(N_("Decides")), buf_str(&line));
}

static void
add_aws(struct buf *out, const struct term *t, const struct delivery_question *q,
        const struct delivery_report *r)
{
    AUTO(buf_free) struct buf words = {0};
    AUTO(buf_free) struct buf safe = {0};
    add_aws_words(&words, q, r);
    if (words.n > 0) {
        text_add_safe(&safe, buf_str(&words));
        add_line(out, t, tr(N_("AWS says")), buf_str(&safe));
    }
}

static void
add_point(struct buf *out, const struct term *t, const struct delivery_point *p)
{
    static const enum style styles[] = {[DELIVERY_ERROR] = STYLE_FAIL,
                                        [DELIVERY_WARNING] = STYLE_WARN,
                                        [DELIVERY_NOTE] = STYLE_DIM};
    static const char *const levels[] = {[DELIVERY_ERROR] = N_("error"),
                                         [DELIVERY_WARNING] = N_("warning"),
                                         [DELIVERY_NOTE] = N_("note")};
    AUTO(buf_free) struct buf line = {0};
    buf_add_char(out, '\n');
    term_add_styled(out, t, STYLE_BOLD, str_of(p->id));
    buf_add_char(out, ' ');
    term_add_styled(out, t, styles[p->level], str_of(tr(levels[p->level])));
    if (p->line > 0) {
        char numbers[2][16];
        (void)snprintf(numbers[0], sizeof(numbers[0]), "%u", p->line);
        (void)snprintf(numbers[1], sizeof(numbers[1]), "%u", p->statement);
        buf_add_char(out, ' ');
        text_fill(out,
                  p->statement > 0 ? tr(N_("(statement {number}, line {line})"))
                                   : tr(N_("(line {line})")),
                  TEXT_ARGS({"line", str_of(numbers[0])}, {"number", str_of(numbers[1])}));
    }
    buf_add_char(out, '\n');
    add_filled(&line, TEXT_TERMINAL, p, p->sentence);
    text_wrap(out, buf_str(&line), 2, 2, t->width);
    buf_reset(&line);
    add_filled(&line, TEXT_TERMINAL, p, p->advice);
    text_wrap(out, buf_str(&line), 2, 2, t->width);
}

static void
add_heading(struct buf *out, const struct term *t, const char *text)
{
    buf_add_char(out, '\n');
    term_add_styled(out, t, STYLE_BOLD, str_of(text));
    buf_add_char(out, '\n');
}

/* Lines as they are (they are to be copied), made safe, changes in colour. */
static void
add_lines(struct buf *out, const struct term *t, struct str text, bool diff)
{
    struct str line;
    text.n -= str_ends(text, STR("\n")) ? 1 : 0;
    while (str_cut(&text, '\n', &line)) {
        AUTO(buf_free) struct buf safe = {0};
        text_add_safe(&safe, line);
        char first = line.n > 0 && diff ? line.p[0] : ' ';
        if (first == '+' || first == '-') {
            term_add_styled(out, t, first == '+' ? STYLE_OK : STYLE_FAIL, buf_str(&safe));
        } else {
            buf_add_str(out, buf_str(&safe));
        }
        buf_add_char(out, '\n');
    }
}

static void
add_corrected(struct buf *out, const struct term *t, const struct delivery_report *r)
{
    if (r->corrected.n == 0) {
        return;
    }
    AUTO(buf_free) struct buf diff = {0};
    delivery_diff(&diff, buf_str(&r->original), buf_str(&r->corrected));
    add_heading(out, t, tr(N_("What to change")));
    add_lines(out, t, buf_str(&diff), true);
    add_heading(out, t, tr(N_("The corrected policy")));
    add_lines(out, t, buf_str(&r->corrected), false);
}

static void
add_unseen(struct buf *out, const struct term *t, const struct delivery_question *q)
{
    add_heading(out, t, tr(N_("Not to be seen in a policy")));
    for (size_t i = 0; i < delivery_unseen_count(); i++) {
        const struct delivery_unseen *u = delivery_unseen_at(i);
        AUTO(buf_free) struct buf line = {0};
        buf_addf(&line, "%s  %s", u->id, tr(u->sentence));
        text_wrap(out, buf_str(&line), 2, 10, t->width);
        buf_reset(&line);
        text_fill(&line, u->look, TEXT_ARGS({"bucket", q->bucket}));
        text_wrap(out, buf_str(&line), 10, 10, t->width);
    }
}

void
policy_report_text(struct buf *out, const struct term *t, const struct delivery_question *q,
                   const struct delivery_report *r)
{
    AUTO(buf_free) struct buf title = {0};
    AUTO(buf_free) struct buf styled = {0};
    add_title(&title, TEXT_TERMINAL, q, r);
    term_add_styled(&styled, t, answers[r->answer].style, buf_str(&title));
    text_wrap(out, buf_str(&styled), 0, 0, t->width);
    buf_add_char(out, '\n');
    if (r->caller_count > 0) {
        add_request(out, t, r);
        add_statement(out, t, r);
    }
    add_aws(out, t, q, r);
    for (size_t i = 0; i < r->point_count; i++) {
        add_point(out, t, &r->points[i]);
    }
    add_corrected(out, t, r);
    add_unseen(out, t, q);
}

/* ---- for programs ---- */

/* Text of any bytes as JSON: what is no UTF-8 or no printable character becomes \xHH. */
static json_t *
json_safe(struct str text)
{
    AUTO(buf_free) struct buf safe = {0};
    text_add_safe(&safe, text);
    json_t *value = json_stringn(safe.n > 0 ? safe.p : "", safe.n);
    ASSERT(value != NULL);
    return value;
}

static json_t *
json_filled(void (*add)(struct buf *out, const void *of), const void *of)
{
    AUTO(buf_free) struct buf text = {0};
    add(&text, of);
    return json_safe(buf_str(&text));
}

static json_t *
json_some(const char *text)
{
    return text == NULL || *text == '\0' ? json_null() : json_safe(str_of(text));
}

/* Lines: each made safe, the line ends stay. */
static json_t *
json_lines(struct str text)
{
    AUTO(buf_free) struct buf safe = {0};
    struct str line;
    text.n -= str_ends(text, STR("\n")) ? 1 : 0;
    while (str_cut(&text, '\n', &line)) {
        text_add_safe(&safe, line);
        buf_add_char(&safe, '\n');
    }
    json_t *value = json_stringn(safe.p, safe.n);
    ASSERT(value != NULL);
    return value;
}

static json_t *
json_number(unsigned number)
{
    return number == 0 ? json_null() : json_integer((json_int_t)number);
}

static void
add_sentence(struct buf *out, const void *point)
{
    const struct delivery_point *p = point;
    add_filled(out, TEXT_PLAIN, p, p->sentence);
}

static void
add_advice(struct buf *out, const void *point)
{
    const struct delivery_point *p = point;
    add_filled(out, TEXT_PLAIN, p, p->advice);
}

static json_t *
json_points(const struct delivery_report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->point_count; i++) {
        const struct delivery_point *p = &r->points[i];
        json_t *item = json_pack(
            "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", p->id, "name", p->word,
            "level", delivery_level_word(p->level), "text", json_filled(add_sentence, p), "advice",
            json_filled(add_advice, p), "statement", json_number(p->statement), "line",
            json_number(p->line), "column", json_number(p->column), "have", json_some(p->have),
            "want", json_some(p->want), "key", json_some(p->key));
        int failed = json_array_append_new(list, item);
        ASSERT(failed == 0);
    }
    return list;
}

static json_t *
json_callers(const struct delivery_report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->caller_count; i++) {
        const struct delivery_caller *c = &r->callers[i];
        int failed = json_array_append_new(
            list, json_pack("{s:s, s:s, s:b, s:o}", "principal", c->who, "answer",
                            policy_answer_word(c->answer), "counts", i == r->best, "statement",
                            json_number((unsigned)(c->statement + 1))));
        ASSERT(failed == 0);
    }
    return list;
}

static json_t *
json_unseen(const struct delivery_question *q)
{
    json_t *list = json_array();
    for (size_t i = 0; i < delivery_unseen_count(); i++) {
        const struct delivery_unseen *u = delivery_unseen_at(i);
        AUTO(buf_free) struct buf look = {0};
        text_fill(&look, u->look, TEXT_ARGS({"bucket", q->bucket}));
        int failed = json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "id", u->id, "text",
                                                           tr(u->sentence), "command", look.p));
        ASSERT(failed == 0);
    }
    return list;
}

/* The corrected text is UTF-8: it was read as JSON, or made here. */
static json_t *
json_policy(const struct buf *text)
{
    return text->n == 0 ? json_null() : json_stringn(text->p, text->n);
}

void
policy_report_json(struct buf *out, const struct delivery_question *q,
                   const struct delivery_report *r)
{
    AUTO(buf_free) struct buf title = {0};
    AUTO(buf_free) struct buf words = {0};
    AUTO(buf_free) struct buf diff = {0};
    add_title(&title, TEXT_PLAIN, q, r);
    add_aws_words(&words, q, r);
    if (r->corrected.n > 0) {
        delivery_diff(&diff, buf_str(&r->original), buf_str(&r->corrected));
    }
    json_t *root =
        json_pack("{s:s, s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                  "answer", delivery_answer_word(r->answer), "text", json_safe(buf_str(&title)),
                  "log", delivery_log_word(q->log), "key", json_some(r->key), "action",
                  "s3:PutObject", "resource", json_some(r->resource), "callers", json_callers(r),
                  "statement", json_number((unsigned)(r->statement + 1)), "line",
                  json_number(r->line), "aws_says", json_some(words.p), "points", json_points(r),
                  "diff", diff.n == 0 ? json_null() : json_lines(buf_str(&diff)), "corrected",
                  json_policy(&r->corrected), "not_examined", json_unseen(q));
    ASSERT(root != NULL);
    char *text = json_dumps(root, JSON_INDENT(2));
    ASSERT(text != NULL);
    buf_add_z(out, text);
    buf_add_char(out, '\n');
    xfree(text); /* jansson made it on the same heap */
    json_decref(root);
}
