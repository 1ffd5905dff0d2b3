/* SPDX-License-Identifier: Apache-2.0
 * A listener's rules compiled: each condition value becomes a pattern of the cheapest kind. */
#include "rules/rules.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

enum pattern_kind {
    PATTERN_EXACT,  /* no wildcard: compare */
    PATTERN_PREFIX, /* "/img/" of "/img/" and one `*` behind: compare the beginning */
    PATTERN_SUFFIX, /* ".example.com" of "*.example.com": compare the end */
    PATTERN_WILD,   /* all others */
};
struct pattern {
    enum pattern_kind kind;
    struct str text; /* borrowed from the listener, the `*` of prefix and suffix dropped */
};
struct compiled_condition {
    enum condition_field field;
    const struct pattern *patterns; /* in matcher.patterns; one of them must match */
    size_t pattern_count;
};
struct compiled_rule {
    const struct rule *rule;                     /* borrowed from the listener */
    const struct compiled_condition *conditions; /* in matcher.conditions; all must hold */
    size_t condition_count;
};
struct matcher {
    struct compiled_rule *rules; /* owned; ascending priority */
    size_t rule_count;
    struct compiled_condition *conditions; /* owned; of all rules, in their order */
    struct pattern *patterns;              /* owned; of all conditions, in their order */
};

/* ---- compiling ---- */

static bool
is_wild(struct str s)
{
    return str_find_char(s, '*', NULL) || str_find_char(s, '?', NULL);
}

static struct pattern
pattern_compile(struct str value)
{
    struct str but_last = str_sub(value, 0, value.n == 0 ? 0 : value.n - 1);
    struct str but_first = str_sub(value, 1, value.n);
    if (!is_wild(value)) {
        return (struct pattern){PATTERN_EXACT, value};
    }
    if (str_ends(value, STR("*")) && !is_wild(but_last)) {
        return (struct pattern){PATTERN_PREFIX, but_last};
    }
    if (str_starts(value, STR("*")) && !is_wild(but_first)) {
        return (struct pattern){PATTERN_SUFFIX, but_first};
    }
    return (struct pattern){PATTERN_WILD, value};
}

static void
count_parts(const struct listener *l, size_t *ret_conditions, size_t *ret_patterns)
{
    size_t conditions = 0;
    size_t patterns = 0;
    for (size_t i = 0; i < l->rule_count; i++) {
        conditions += l->rules[i].condition_count;
        for (size_t j = 0; j < l->rules[i].condition_count; j++) {
            patterns += l->rules[i].conditions[j].value_count;
        }
    }
    *ret_conditions = conditions;
    *ret_patterns = patterns;
}

static int
compare_priority(const void *a, const void *b)
{
    const struct compiled_rule *x = a;
    const struct compiled_rule *y = b;
    return (x->rule->priority > y->rule->priority) - (x->rule->priority < y->rule->priority);
}

struct matcher *
matcher_new(const struct listener *listener)
{
    struct matcher *m = xalloc(sizeof(*m));
    size_t conditions;
    size_t patterns;
    count_parts(listener, &conditions, &patterns);
    m->rules = xalloc(listener->rule_count * sizeof(*m->rules));
    m->rule_count = listener->rule_count;
    m->conditions = xalloc(conditions * sizeof(*m->conditions));
    m->patterns = xalloc(patterns * sizeof(*m->patterns));
    struct compiled_condition *next_condition = m->conditions;
    struct pattern *next_pattern = m->patterns;
    for (size_t i = 0; i < listener->rule_count; i++) {
        const struct rule *rule = &listener->rules[i];
        m->rules[i] = (struct compiled_rule){rule, next_condition, rule->condition_count};
        for (size_t j = 0; j < rule->condition_count; j++) {
            const struct condition *c = &rule->conditions[j];
            *next_condition++ = (struct compiled_condition){c->field, next_pattern, c->value_count};
            for (size_t k = 0; k < c->value_count; k++) {
                *next_pattern++ = pattern_compile(c->values[k]);
            }
        }
    }
    ASSERT(next_condition == m->conditions + conditions);
    ASSERT(next_pattern == m->patterns + patterns);
    qsort(m->rules, m->rule_count, sizeof(*m->rules), compare_priority);
    return m;
}

void
matcher_free(struct matcher **m)
{
    struct matcher *dead = *m;
    *m = NULL;
    if (dead == NULL) {
        return;
    }
    xfree(dead->rules);
    xfree(dead->conditions);
    xfree(dead->patterns);
    xfree(dead);
}

/* ---- finding ---- */

static bool
equal(struct str a, struct str b, bool fold)
{
    return fold ? str_ieq(a, b) : str_eq(a, b);
}

static bool
pattern_matches(const struct pattern *p, struct str text, bool fold)
{
    switch (p->kind) {
    case PATTERN_EXACT: return equal(p->text, text, fold);
    case PATTERN_PREFIX:
        return text.n >= p->text.n && equal(p->text, str_sub(text, 0, p->text.n), fold);
    case PATTERN_SUFFIX:
        return text.n >= p->text.n &&
               equal(p->text, str_sub(text, text.n - p->text.n, p->text.n), fold);
    case PATTERN_WILD: return wildcard_match(p->text, text, fold);
    }
    NEVER("every kind returns above");
}

static bool
has_control_byte(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

/* What a condition looks at, taken from the request once. */
struct subject {
    struct str text;
    bool fold;    /* ASCII letters in either case */
    bool visible; /* no control byte: may match */
};

static bool
condition_holds(const struct compiled_condition *c, const struct subject *subjects)
{
    const struct subject *s = &subjects[c->field];
    if (!s->visible) {
        return false;
    }
    for (size_t i = 0; i < c->pattern_count; i++) {
        if (pattern_matches(&c->patterns[i], s->text, s->fold)) {
            return true;
        }
    }
    return false;
}

static bool
rule_holds(const struct compiled_rule *r, const struct subject *subjects)
{
    for (size_t i = 0; i < r->condition_count; i++) {
        if (!condition_holds(&r->conditions[i], subjects)) {
            return false;
        }
    }
    return true;
}

const struct rule *
matcher_find(const struct matcher *m, const struct rules_request *request)
{
    if (m->rule_count == 0) {
        return NULL;
    }
    const struct subject subjects[CONDITION_COUNT] = {
        [CONDITION_HOST_HEADER] = {request->host, true, !has_control_byte(request->host)},
        [CONDITION_PATH_PATTERN] = {request->path, false, !has_control_byte(request->path)},
    };
    for (size_t i = 0; i < m->rule_count; i++) {
        if (rule_holds(&m->rules[i], subjects)) {
            return m->rules[i].rule;
        }
    }
    return NULL;
}
