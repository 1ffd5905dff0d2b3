/* SPDX-License-Identifier: Apache-2.0
 * Patterns of `*` and `?`: matching without backtracking beyond the newest star, and likeness. */
#include "policy/policy_int.h"

/* A failed match goes on one byte further behind the newest star; earlier stars need no second
 * look, since the newest can take all that they could. So the cost is pattern times text at most.
 */
bool
policy_wildcard_run(struct str pattern, const bool *plain, struct str text, bool fold,
                    uint64_t *work)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.n) {
        char want = p < pattern.n ? pattern.p[p] : '\0', have = text.p[t];
        bool wild = p < pattern.n && (plain == NULL || !plain[p]);
        (*work)++;
        if (wild && want == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.n && ((wild && want == '?') || want == have ||
                                     (fold && ascii_lower(want) == ascii_lower(have)))) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*' && (plain == NULL || !plain[p])) {
        (*work)++;
        p++;
    }
    return p == pattern.n;
}

bool
policy_wildcard_match(struct str pattern, struct str text, bool fold)
{
    uint64_t work = 0;
    return policy_wildcard_run(pattern, NULL, text, fold, &work);
}

enum { LOOKED_AT = 64 };

/* Levenshtein's distance, in which a star costs nothing whatever it stands for. */
static size_t
distance(struct str pattern, struct str text)
{
    size_t row[LOOKED_AT + 1];
    for (size_t j = 0; j <= text.n; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < pattern.n; i++) {
        char want = pattern.p[i];
        bool star = want == '*';
        size_t diagonal = row[0];
        row[0] += !star;
        for (size_t j = 1; j <= text.n; j++) {
            size_t above = row[j];
            bool same = want == '?' || ascii_lower(want) == ascii_lower(text.p[j - 1]);
            size_t step = MIN_OF(above, row[j - 1]) + !star;
            row[j] = star ? MIN_OF(above, row[j - 1]) : MIN_OF(diagonal + !same, step);
            diagonal = above;
        }
    }
    return row[text.n];
}

size_t
policy_unlikeness(struct str pattern, struct str text)
{
    size_t same = 0;
    while (same < pattern.n && same < text.n && pattern.p[same] == text.p[same] &&
           pattern.p[same] != '*') {
        same++;
    }
    pattern = str_sub(pattern, same, pattern.n);
    text = str_sub(text, same, text.n);
    size_t excess = pattern.n > LOOKED_AT ? pattern.n - LOOKED_AT : 0;
    return distance(str_sub(pattern, 0, LOOKED_AT), str_sub(text, 0, LOOKED_AT)) + excess;
}
