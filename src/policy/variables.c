/* SPDX-License-Identifier: Apache-2.0
 * Policy variables: `${key}`, `${key, 'default'}`, and `${*}`, `${?}`, `${$}` for the characters
 * themselves. What a variable brings in is never a wildcard. [iam-policy.md 1.3] */
#include "policy/policy_int.h"

struct variable {
    struct str key;
    struct str fallback; /* p NULL: none */
};

const struct policy_key *
policy_key_find(const struct policy_request *request, struct str name)
{
    for (size_t i = 0; i < request->key_count; i++) {
        if (str_ieq(request->keys[i].name, name)) {
            return &request->keys[i];
        }
    }
    return NULL;
}

/* Takes "${...}" off the front. False: it is none, the text means itself. */
static bool
take_variable(struct str *rest, struct variable *ret)
{
    size_t end = 0, comma = 0;
    *ret = (struct variable){STR_NONE, STR_NONE};
    if (!str_starts(*rest, STR("${"))) {
        return false;
    }
    struct str inner = str_sub(*rest, 2, LIMIT_POLICY_EXPANDED_MAX);
    if (!str_find_char(inner, '}', &end)) {
        return false;
    }
    ret->key = str_trim(str_sub(inner, 0, end));
    if (str_find_char(ret->key, ',', &comma)) {
        /* the default may hold a brace */
        struct str tail = str_sub(inner, comma + 1, inner.n);
        size_t quote = 0;
        if (!str_find_char(tail, '\'', &quote) || str_trim(str_sub(tail, 0, quote)).n > 0) {
            return false;
        }
        tail = str_sub(tail, quote + 1, tail.n);
        if (!str_find_char(tail, '\'', &quote)) {
            return false;
        }
        ret->fallback = str_sub(tail, 0, quote);
        tail = str_trim(str_sub(tail, quote + 1, tail.n));
        if (tail.n == 0 || tail.p[0] != '}') {
            return false;
        }
        end = (size_t)(tail.p - inner.p);
        ret->key = str_trim(str_sub(inner, 0, comma));
    }
    if (ret->key.n == 0) {
        return false;
    }
    *rest = str_sub(*rest, 2 + end + 1, rest->n);
    return true;
}

static bool
is_character(struct str key)
{
    return key.n == 1 && memchr("*?$", key.p[0], 3) != NULL;
}

/* What a variable stands for. NO: it has no value. */
static enum policy_truth
variable_value(const struct policy_request *request, const struct variable *v, struct str *ret)
{
    const struct policy_key *key = policy_key_find(request, v->key);
    if (is_character(v->key)) {
        *ret = v->key;
        return POLICY_YES;
    }
    if (key != NULL && key->presence == POLICY_MAYBE) {
        return POLICY_UNKNOWN;
    }
    if (key != NULL && !key->many && key->count == 1) {
        *ret = key->values[0];
        return POLICY_YES;
    }
    *ret = v->fallback;
    return v->fallback.p != NULL ? POLICY_YES : POLICY_NO;
}

static bool
append(struct policy_case *c, size_t *n, struct str s, bool plain)
{
    if (s.n > sizeof(c->pattern) - *n) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        c->pattern[*n] = s.p[i];
        c->pattern_is_plain[(*n)++] = plain;
    }
    c->work += s.n;
    return true;
}

struct policy_expansion
policy_expand(struct policy_case *c, struct str written)
{
    size_t n = 0, next = 0;
    struct policy_expansion unknown = {POLICY_YES, STR_NONE, NULL, STR_NONE};
    if (!c->policy->variables || !str_find(written, STR("${"), NULL)) {
        return (struct policy_expansion){POLICY_YES, written, NULL, STR_NONE};
    }
    while (written.n > 0) {
        struct variable v;
        struct str value = STR_NONE;
        bool fits = true;
        if (take_variable(&written, &v)) {
            enum policy_truth known = variable_value(c->request, &v, &value);
            if (known == POLICY_NO) {
                return (struct policy_expansion){.known = POLICY_NO};
            }
            if (known == POLICY_UNKNOWN && unknown.known == POLICY_YES) {
                unknown = (struct policy_expansion){.known = POLICY_UNKNOWN, .key = v.key};
            }
            fits = append(c, &n, value, true);
        } else {
            /* up to the next that may be a variable */
            struct str behind = str_sub(written, 1, written.n);
            next = str_find_char(behind, '$', &next) ? next + 1 : written.n;
            fits = append(c, &n, str_sub(written, 0, next), false);
            written = str_sub(written, next, written.n);
        }
        if (!fits) {
            return (struct policy_expansion){.known = POLICY_NO};
        }
    }
    if (unknown.known != POLICY_YES) {
        return unknown;
    }
    return (struct policy_expansion){POLICY_YES, {c->pattern, n}, c->pattern_is_plain, STR_NONE};
}
