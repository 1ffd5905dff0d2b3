/* SPDX-License-Identifier: Apache-2.0
 * The inference: runs the rules of all layers, resolves contradictions, puts the lowest broken
 * layer first and judges the layers. */
#include "doctor/infer.h"

#include "base/assert.h"
#include "base/mem.h"
#include "doctor/infer_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- tables ---- */

static const struct finding_row rows[] = {
#define FINDING(id, name, layer, severity, sight, cause, evidence, rules_out, decider)             \
    [FINDING_##id] = {name,  LAYER_##layer, SEVERITY_##severity, SIGHT_##sight,                    \
                      cause, evidence,      rules_out,           decider},
#include "doctor/findings.def"
#undef FINDING
};

static const struct sight_row sights[] = {
#define SIGHT(name, chromium, page, firefox, safari, curl, openssl)                                \
    [SIGHT_##name] = {chromium, page, firefox, safari, curl, openssl},
#include "doctor/sights.def"
#undef SIGHT
};

static const char *const evidence_sentences[] = {
#define EVIDENCE(name, sentence) [EVIDENCE_##name] = sentence,
#include "doctor/evidence.def"
#undef EVIDENCE
};

static const struct sibling_row siblings[] = {
#define SIBLING(id, what, proof) {id, what, proof},
#include "doctor/siblings.def"
#undef SIBLING
/* What no bucket policy shows. */
#define UNSEEN(id, sentence, look) {id, sentence, look},
#include "policy/unseen.def"
#undef UNSEEN
};

static const struct fix_row fixes[] = {
#define FIX(id, tool, text, command) {FINDING_##id, TOOL_##tool, text, command},
#include "doctor/fixes.def"
#undef FIX
    {FINDING_NONE, TOOL_NONE, "", ""},
};

static const struct {
    const char *json, *title;
    int exit_code;
} layers[] = {
#define LAYER(name, json, exit_code, title) [LAYER_##name] = {json, title, exit_code},
#include "doctor/layers.def"
#undef LAYER
};

enum win_kind { WIN_DROP, WIN_FOLLOWS };
static const struct {
    enum finding_id winner, loser;
    enum win_kind kind;
} wins[] = {
#define WINS(winner, loser, kind, why) {FINDING_##winner, FINDING_##loser, WIN_##kind},
#include "doctor/dominates.def"
#undef WINS
};

/* Lowest first. BRW-* stand after the target, whatever their layer [ruling 11]. */
enum { RANK_BROWSER = LAYER_LOG * 2 - 1 };

const struct finding_row *
finding_row(enum finding_id id)
{
    ASSERT(id < FINDING_COUNT);
    return &rows[id];
}

bool
finding_find(struct str id, enum finding_id *ret_id)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_ieq(id, str_of(rows[i].id))) {
            *ret_id = (enum finding_id)i;
            return true;
        }
    }
    return false;
}

const struct sight_row *
sight_row(enum sight_id id)
{
    ASSERT(id < SIGHT_COUNT);
    return &sights[id];
}

const char *
evidence_sentence(enum finding_id finding, enum evidence_id id)
{
    return id == EVIDENCE_MAIN ? finding_row(finding)->evidence : evidence_sentences[id];
}

const struct sibling_row *
sibling_row(const char *id)
{
    for (size_t i = 0; i < COUNT_OF(siblings); i++) {
        if (strcmp(siblings[i].id, id) == 0) {
            return &siblings[i];
        }
    }
    return NULL;
}

size_t
fix_rows(enum finding_id id, const struct fix_row **ret_rows)
{
    size_t first = 0;
    while (first + 1 < COUNT_OF(fixes) && fixes[first].finding != id) {
        first++;
    }
    size_t end = first;
    while (end + 1 < COUNT_OF(fixes) && fixes[end].finding == id) {
        end++;
    }
    *ret_rows = &fixes[first];
    return end - first;
}

const char *
layer_json(enum layer l)
{
    return layers[l].json;
}

const char *
layer_title(enum layer l)
{
    return layers[l].title;
}

/* ---- arguments ---- */

void
args_set(struct args *a, const char *key, struct str value)
{
    size_t i = 0;
    while (i < a->count && strcmp(a->items[i].key, key) != 0) {
        i++;
    }
    ASSERT(i < ARGS_MAX);
    char *copy = xstrdup_str(value);
    if (i == a->count) {
        a->items[a->count++].key = key;
    } else {
        xfree(a->items[i].value);
    }
    a->items[i].value = copy;
    a->items[i].n = value.n;
    a->items[i].msgid = false;
}

void
args_say(struct args *a, const char *key, const char *msgid)
{
    args_set(a, key, str_of(msgid));
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].key, key) == 0) {
            a->items[i].msgid = true;
        }
    }
}

void
args_setf(struct args *a, const char *key, const char *fmt, ...)
{
    char text[1024];
    va_list list;
    va_start(list, fmt);
    int n = vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    ASSERT(n >= 0);
    args_set(a, key, str_of(text));
}

struct str
args_get(const struct args *a, const char *key)
{
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].key, key) == 0) {
            return (struct str){a->items[i].value, a->items[i].n};
        }
    }
    return STR_NONE;
}

void
args_done(struct args *a)
{
    for (size_t i = 0; i < a->count; i++) {
        xfree(a->items[i].value);
    }
    *a = (struct args){0};
}

/* ---- findings ---- */

static void
finding_done(struct finding *f)
{
    args_done(&f->args);
    for (size_t i = 0; i < f->evidence_count; i++) {
        args_done(&f->evidence[i].args);
    }
}

void
findings_done(struct findings *f)
{
    for (size_t i = 0; i < f->count; i++) {
        finding_done(&f->items[i]);
    }
    xfree(f->items);
    *f = (struct findings){0};
}

struct finding *
finding_new(struct judge *j, enum finding_id id, enum confidence c)
{
    const struct finding_row *row = finding_row(id);
    const struct question *q = &j->f->question;
    struct finding *f = VEC_PUSH(j->out->items, j->out->count, j->out->cap);
    f->id = id;
    f->severity = row->severity;
    f->confidence = c;
    f->layer = row->layer;
    f->sight = row->sight;
    f->consequence_of = FINDING_NONE;
    args_set(&f->args, "host", str_of(q->host));
    args_setf(&f->args, "port", "%u", q->port);
    args_set(&f->args, "url", str_of(q->url));
    const char *lb = facts_lb_name(j->f);
    if (lb[0] != '\0') {
        args_set(&f->args, "lb", str_of(lb));
    } else if (q->lb_addr_count > 0) {
        struct buf text = {0};
        addrs_text(q->lb_addrs, q->lb_addr_count, &text);
        args_set(&f->args, "lb", buf_str(&text));
        buf_free(&text);
    }
    if (q->browser_error[0] != '\0') {
        args_set(&f->args, "browser_error", str_of(q->browser_error));
    }
    return f;
}

static struct args *
evidence_add(struct finding *f, enum evidence_id id, const struct result *r, bool contrary)
{
    static struct args dropped; /* written and forgotten when the list is full */
    if (f->evidence_count == FINDING_EVIDENCE_MAX) {
        args_done(&dropped);
        return &dropped;
    }
    struct evidence *e = &f->evidence[f->evidence_count++];
    *e = (struct evidence){.id = id, .result = r, .contrary = contrary};
    if (r != NULL) {
        result_args(r, &e->args);
    }
    return &e->args;
}

struct args *
finding_evidence(struct finding *f, enum evidence_id id, const struct result *r)
{
    return evidence_add(f, id, r, false);
}

struct args *
finding_contrary(struct finding *f, enum evidence_id id, const struct result *r)
{
    return evidence_add(f, id, r, true);
}

struct evidence *
finding_last_evidence(struct finding *f)
{
    return f->evidence_count == 0 ? NULL : &f->evidence[f->evidence_count - 1];
}

void
finding_sibling(struct finding *f, const char *id)
{
    if (f->sibling_count < FINDING_SIBLINGS_MAX) {
        f->siblings[f->sibling_count++] = id;
    }
}

void
finding_counter(struct finding *f, enum counter c, const struct result *r, const char *text)
{
    f->counter = c;
    f->counter_result = r;
    f->counter_text = text;
}

/* Remarks of --server-config whose id is this finding's. */
void
finding_remarks(struct judge *j, struct finding *f)
{
    const struct webconf_remarks *all = j->f->local.remarks;
    for (size_t i = 0; all != NULL && i < all->count; i++) {
        const struct webconf_remark *r = &all->items[i];
        if (strcmp(webconf_remark_id(r->kind), finding_row(f->id)->id) == 0 &&
            f->remark_count < FINDING_REMARKS_MAX) {
            f->remarks[f->remark_count++] = r;
        }
    }
}

bool
judge_has(const struct judge *j, enum finding_id id)
{
    return judge_get(j, id) != NULL;
}

struct finding *
judge_get(const struct judge *j, enum finding_id id)
{
    for (size_t i = 0; i < j->out->count; i++) {
        if (j->out->items[i].id == id) {
            return &j->out->items[i];
        }
    }
    return NULL;
}

bool
judge_wants(const struct judge *j, enum layer l)
{
    return (j->f->question.checks & (1U << l)) != 0;
}

const struct finding *
findings_first(const struct findings *f)
{
    return f->count > 0 && f->items[0].severity != SEVERITY_NOTE ? &f->items[0] : NULL;
}

/* ---- arranging ---- */

static void
drop(struct findings *out, size_t i)
{
    finding_done(&out->items[i]);
    out->count--;
    memmove(&out->items[i], &out->items[i + 1], (out->count - i) * sizeof out->items[0]);
}

void
finding_drop(struct judge *j, size_t index)
{
    drop(j->out, index);
}

static size_t
index_of(const struct findings *out, enum finding_id id)
{
    size_t i = 0;
    while (i < out->count && out->items[i].id != id) {
        i++;
    }
    return i;
}

/* "A winner that is only possible never beats a loser that is proved" (dominates.def), nor a
 * warning a fault. */
static bool
outranked(const struct finding *winner, const struct finding *loser)
{
    return (winner->confidence == CONFIDENCE_POSSIBLE && loser->confidence == CONFIDENCE_PROVED) ||
           winner->severity > loser->severity;
}

static void
resolve(struct findings *out)
{
    for (size_t w = 0; w < COUNT_OF(wins); w++) {
        size_t winner = index_of(out, wins[w].winner);
        size_t loser = index_of(out, wins[w].loser);
        while (winner < out->count && loser < out->count) {
            if (outranked(&out->items[winner], &out->items[loser])) {
                break;
            }
            if (wins[w].kind == WIN_FOLLOWS) {
                out->items[loser].consequence_of = wins[w].winner;
                break;
            }
            for (size_t i = 0; i < out->count; i++) { /* what followed from the loser */
                if (out->items[i].consequence_of == wins[w].loser) {
                    out->items[i].consequence_of = wins[w].winner;
                }
            }
            drop(out, loser);
            winner = index_of(out, wins[w].winner);
            loser = index_of(out, wins[w].loser);
        }
    }
}

static unsigned
rank_of(const struct finding *f)
{
    if (strncmp(finding_row(f->id)->id, "BRW-", 4) == 0) {
        return RANK_BROWSER;
    }
    return (unsigned)f->layer * 2;
}

/* Does the browser's word stand in the sight of this finding? */
bool
finding_shows(const struct finding *f, const char *word)
{
    const struct sight_row *s = sight_row(f->sight);
    const char *const cells[] = {s->chromium, s->page, s->firefox};
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        if (str_find(str_of(cells[i]), str_of(word), NULL)) {
            return true;
        }
    }
    return false;
}

struct sort_key {
    unsigned keys[8];
};

static struct sort_key
sort_key(const struct finding *f)
{
    struct str word = args_get(&f->args, "browser_error");
    return (struct sort_key){{
        (unsigned)f->severity,
        f->consequence_of != FINDING_NONE,
        f->confidence == CONFIDENCE_POSSIBLE,
        word.p != NULL && !finding_shows(f, word.p),
        rank_of(f),
        f->order,
        (unsigned)f->confidence,
        (unsigned)f->id,
    }};
}

static int
by_order(const void *left, const void *right)
{
    struct sort_key a = sort_key(left), b = sort_key(right);
    for (size_t i = 0; i < COUNT_OF(a.keys); i++) {
        if (a.keys[i] != b.keys[i]) {
            return a.keys[i] < b.keys[i] ? -1 : 1;
        }
    }
    return 0;
}

static void
sort(struct findings *out)
{
    if (out->count > 0) {
        qsort(out->items, out->count, sizeof out->items[0], by_order);
    }
}

/* Faults of higher layers come from the lowest one, as far as anyone can tell [doctor-faults 3.2].
 */
static void
mark_consequences(struct findings *out)
{
    if (out->count == 0 || out->items[0].severity != SEVERITY_FAULT) {
        return;
    }
    const struct finding *first = &out->items[0];
    for (size_t i = 1; i < out->count; i++) {
        struct finding *f = &out->items[i];
        bool policy = strncmp(finding_row(f->id)->id, "IAM-", 4) == 0; /* a cause of its own */
        if (f->severity == SEVERITY_FAULT && f->consequence_of == FINDING_NONE && !policy &&
            rank_of(f) > rank_of(first)) {
            f->consequence_of = first->id;
        }
    }
}

bool
finding_is_stray(enum finding_id id)
{
    static const enum finding_id strays[] = {FINDING_DNS_01, FINDING_DNS_07, FINDING_DNS_08,
                                             FINDING_DNS_15, FINDING_LBC_04, FINDING_TLS_12,
                                             FINDING_CRT_17};
    for (size_t i = 0; i < COUNT_OF(strays); i++) {
        if (strays[i] == id) {
            return true;
        }
    }
    return false;
}

/* What is seen when a name leads to the wrong machine, or to one of several, is what that machine
 * does. */
static void
borrow_sight(struct findings *out)
{
    struct finding *first = out->count > 0 ? &out->items[0] : NULL;
    bool stray = first != NULL && first->severity == SEVERITY_FAULT && finding_is_stray(first->id);
    for (size_t i = 1; stray && i < out->count; i++) {
        const struct finding *f = &out->items[i];
        if (f->severity == SEVERITY_FAULT && f->consequence_of == first->id &&
            f->layer != LAYER_LOG) { /* nobody sees a log in a browser */
            first->sight = f->sight;
            return;
        }
    }
    if (stray && out->answer != NULL && first->layer <= LAYER_DNS) {
        first->sight = SIGHT_PAGE_STATUS;
    }
}

/* The browser's own word beside ours: an answer that fits, or one that is worth a second look. */
static void
compare_browser_error(struct findings *out)
{
    if (out->count == 0 || out->items[0].severity == SEVERITY_NOTE) {
        return;
    }
    struct finding *first = &out->items[0];
    struct str word = args_get(&first->args, "browser_error");
    if (word.p == NULL) {
        return;
    }
    bool fits = finding_shows(first, word.p);
    struct args *a =
        finding_evidence(first, fits ? EVIDENCE_BROWSER_ERROR : EVIDENCE_BROWSER_ERROR_NOT, NULL);
    args_set(a, "browser_error", word);
    args_set(a, "value", str_of(sight_row(first->sight)->chromium));
}

/* ---- layers and verdict ---- */

static bool
layer_examined(const struct facts *f, enum layer l, const struct result *answer)
{
    struct addr one[1];
    const struct result *r1 = facts_find(f, PROBE_R1, SIDE_SITE);
    switch (l) {
    case LAYER_CLIENT: return f->local.known;
    case LAYER_DNS: return facts_site_addrs(f, one, 1) > 0;
    case LAYER_TCP: {
        const struct result *r = facts_find(f, PROBE_T1, SIDE_SITE);
        return r != NULL && r->outcome == OUTCOME_OK;
    }
    case LAYER_TLS:
    case LAYER_CERTIFICATE: return r1 != NULL && r1->seen != NULL && r1->chain != NULL;
    case LAYER_HTTP:
    case LAYER_REDIRECT: return answer != NULL;
    case LAYER_TARGET:
        return (answer != NULL && answer->http->author != AUTHOR_LB &&
                answer->http->author != AUTHOR_OURS) ||
               facts_find(f, PROBE_T1, SIDE_TARGET) != NULL;
    case LAYER_LOG:
        return f->policy != NULL ||
               (f->log != NULL && f->log->access_lines + f->log->connection_lines > 0);
    case LAYER_UNDECIDED:
    case LAYER_COUNT: return false;
    }
    NEVER("a layer that is none");
}

/* R4 went past the fault. What it saw is fine as far as it goes: a redirect was not followed, and a
 * page of the load balancer's own says nothing of the targets. */
static bool
seen_through_lb(const struct facts *f, enum layer l)
{
    const struct result *r4 = facts_find(f, PROBE_R4, SIDE_LB);
    if (l == LAYER_LOG) {
        return layer_examined(f, l, NULL); /* files can be read whatever is broken */
    }
    if (r4 == NULL || r4->outcome != OUTCOME_OK || r4->http == NULL || !r4->http->has_status) {
        return false;
    }
    unsigned status = r4->http->status;
    bool page = status < 500 && !(status >= 400 && by_lb(r4->http));
    switch (l) {
    case LAYER_TCP: return true;
    case LAYER_TLS: return r4->seen != NULL && r4->seen->done;
    case LAYER_CERTIFICATE:
        return r4->chain != NULL &&
               (r4->chain->problem_count == 0 ||
                chain_problem_weight(r4->chain->problems[0].kind) != CHAIN_FATAL);
    case LAYER_HTTP: return page;
    case LAYER_REDIRECT: return page && status / 100 != 3;
    case LAYER_TARGET: return page && !by_lb(r4->http) && !is_plain_to_tls_page(r4->http);
    case LAYER_CLIENT:
    case LAYER_DNS:
    case LAYER_LOG:
    case LAYER_UNDECIDED:
    case LAYER_COUNT: return false;
    }
    NEVER("a layer that is none");
}

/* Above the first broken layer nothing is "fine", unless it was seen past the fault. */
static void
judge_layers(const struct facts *f, struct findings *out)
{
    const struct finding *first = findings_first(out);
    bool broken = first != NULL && first->severity == SEVERITY_FAULT;
    for (size_t l = 0; l < LAYER_COUNT; l++) {
        enum layer layer = (enum layer)l;
        if (broken && l > (size_t)first->layer && rank_of(first) != RANK_BROWSER) {
            out->layers[l] = seen_through_lb(f, layer) ? LAYER_OK_BEYOND : LAYER_NOT_EXAMINED;
        } else {
            out->layers[l] = layer_examined(f, layer, out->answer) ? LAYER_OK : LAYER_NOT_EXAMINED;
        }
    }
    for (size_t i = out->count; i-- > 0;) {
        const struct finding *x = &out->items[i];
        if (x->confidence == CONFIDENCE_POSSIBLE && x != first) {
            continue; /* named, but nothing shows it */
        }
        if (x->severity == SEVERITY_FAULT && x->consequence_of == FINDING_NONE) {
            out->layers[x->layer] = LAYER_FAULT;
        } else if (x->severity == SEVERITY_WARNING && out->layers[x->layer] != LAYER_FAULT) {
            out->layers[x->layer] = LAYER_WARNING;
        }
    }
}

bool
has_answer(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->has_status &&
           (r->http->status / 100 != 1 || r->http->status == 101);
}

static const struct result *
best_answer(const struct facts *f)
{
    static const enum probe order[] = {PROBE_R1, PROBE_R2};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        for (const struct result *r = NULL; (r = facts_next(f, r, order[i], SIDE_SITE)) != NULL;) {
            if (has_answer(r)) {
                return r;
            }
        }
    }
    const struct result *plain = facts_find(f, PROBE_P1, SIDE_SITE);
    return f->question.scheme == SCHEME_HTTP && has_answer(plain) ? plain : NULL;
}

/* Something failed and no row fits: said as such, with everything that was seen [5.3]. */
static void
add_unknown(struct judge *j)
{
    const struct result *worst = NULL;
    for (size_t i = 0; i < j->f->count; i++) {
        const struct result *r = &j->f->results[i];
        if (r->side == SIDE_SITE && (r->outcome == OUTCOME_FAIL || r->outcome == OUTCOME_TIMEOUT)) {
            worst = r;
        }
    }
    struct finding *f = finding_new(j, FINDING_UNK, CONFIDENCE_POSSIBLE);
    struct args *a = finding_evidence(f, EVIDENCE_MAIN, worst);
    if (worst != NULL) {
        args_setf(a, "value", "%s %s", probe_name(worst->probe), outcome_name(worst->outcome));
    } else {
        args_set(a, "value", STR("-"));
    }
}

/* --max-connections did not let the page be asked for: nothing is known of it. */
static bool
left_out(const struct facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        if (r->probe == PROBE_R1 && r->side == SIDE_SITE && r->skip == SKIP_BUDGET) {
            return facts_find(f, PROBE_R1, SIDE_SITE) == NULL;
        }
    }
    return false;
}

/* Is the end missing: of the answer's head, or of redirects that were followed no further? */
static bool
is_open(const struct facts *f, const struct result *answer)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        if (r->side == SIDE_HOP && r->label[0] == '\0' && r->skip == SKIP_BUDGET) {
            return true;
        }
    }
    return answer != NULL && answer->got.n > 0 && answer->http->head_bytes == 0 &&
           answer->got_total == answer->got.n;
}

static void
judge_verdict(struct judge *j)
{
    struct findings *out = j->out;
    bool fault = false, warning = false;
    for (size_t i = 0; i < out->count; i++) {
        fault |= out->items[i].severity == SEVERITY_FAULT;
        warning |= out->items[i].severity == SEVERITY_WARNING;
    }
    unsigned every = (1U << LAYER_COUNT) - 1;
    bool whole = (j->f->question.checks & every) == every;
    bool nothing = out->answer == NULL && whole && j->f->local.known && !proxy_carries(j->f) &&
                   !left_out(j->f);
    if (!fault && (nothing || is_open(j->f, out->answer))) {
        if (j->f->deadline_reached) {
            out->out_of_time = true;
        }
        add_unknown(j);
        out->verdict = VERDICT_UNKNOWN;
        return;
    }
    out->verdict = fault ? VERDICT_FAULT : warning ? VERDICT_WARNING : VERDICT_OK;
}

/* BRW-10: "differs in a fresh profile": the browser reports what nobody else sees. */
static void
add_browser_only(struct judge *j)
{
    if (j->f->question.browser_error[0] != '\0' && j->out->verdict == VERDICT_OK &&
        j->out->answer != NULL) {
        struct finding *f = finding_new(j, FINDING_BRW_10, CONFIDENCE_POSSIBLE);
        (void)finding_evidence(f, EVIDENCE_MAIN, j->out->answer);
        finding_sibling(f, "BRW-09");
        finding_sibling(f, "BRW-11");
    }
}

/* Faults that stand in the server's configuration and that no probe has shown: the site may not be
 * reachable from here, or another request will meet them. */
static void
add_remarks(struct judge *j)
{
    const struct webconf_remarks *all = j->f->local.remarks;
    for (size_t i = 0; i < j->out->count; i++) {
        if (j->out->items[i].remark_count == 0) {
            finding_remarks(j, &j->out->items[i]);
        }
    }
    for (size_t i = 0; all != NULL && i < all->count; i++) {
        const struct webconf_remark *r = &all->items[i];
        enum finding_id id;
        if (r->weight == WEBCONF_NOTE || !finding_find(str_of(webconf_remark_id(r->kind)), &id) ||
            judge_has(j, id)) {
            continue;
        }
        struct finding *f = finding_new(j, id, CONFIDENCE_POSSIBLE);
        f->severity = j->out->answer != NULL ? SEVERITY_NOTE : SEVERITY_WARNING;
        struct args *a = finding_evidence(f, EVIDENCE_CONFIG_LINE, NULL);
        args_set(a, "file", str_of(r->file));
        args_setf(a, "line", "%u", r->line);
        args_set(a, "value", str_of(r->text));
        finding_remarks(j, f);
    }
}

static void
run_rules(struct judge *j)
{
    rule_fn *const *const all[] = {client_rules,      dns_rules,   tcp_rules,      tls_rules,
                                   certificate_rules, http_rules,  redirect_rules, target_rules,
                                   log_rules,         policy_rules};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (rule_fn *const *rule = all[i]; *rule != NULL; rule++) {
            (*rule)(j);
        }
    }
}

/* Browsers go through the proxy, and arrive: what stands in the direct way does not stop them. */
static void
excuse_direct_way(struct judge *j)
{
    for (size_t i = 0; proxy_carries(j->f) && i < j->out->count; i++) {
        struct finding *f = &j->out->items[i];
        if (f->layer >= LAYER_DNS && f->layer <= LAYER_TLS) {
            f->severity = SEVERITY_NOTE;
        }
    }
}

/* --check: what was not asked for is not reported. */
static void
drop_unwanted(struct judge *j)
{
    for (size_t i = j->out->count; i-- > 0;) {
        if (!judge_wants(j, j->out->items[i].layer)) {
            drop(j->out, i);
        }
    }
}

void
infer(const struct facts *f, struct findings *ret)
{
    *ret = (struct findings){0};
    struct judge j = {f, ret};
    if (f->count == 0 && !f->local.known) {
        ret->verdict = VERDICT_ERROR;
        return;
    }
    ret->answer = best_answer(f);
    run_rules(&j);
    excuse_direct_way(&j);
    add_remarks(&j);
    resolve(ret);
    drop_unwanted(&j);
    judge_verdict(&j);
    add_browser_only(&j);
    sort(ret);
    mark_consequences(ret);
    sort(ret);
    borrow_sight(ret);
    compare_browser_error(ret);
    judge_layers(f, ret);
}

int
findings_exit_code(const struct findings *f, bool strict)
{
    switch (f->verdict) {
    case VERDICT_OK: return 0;
    case VERDICT_WARNING: return strict ? 1 : 0;
    case VERDICT_FAULT: {
        const struct finding *first = &f->items[0];
        return first->id == FINDING_CLI_06 ? 69 : layers[first->layer].exit_code;
    }
    case VERDICT_UNKNOWN: return f->out_of_time ? 124 : layers[LAYER_UNDECIDED].exit_code;
    case VERDICT_ERROR: return 70;
    }
    NEVER("a verdict that is none");
}
