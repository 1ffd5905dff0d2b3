/* SPDX-License-Identifier: Apache-2.0
 * `*` and `?` wildcards. */
#include "rules/rules.h"

static bool
byte_matches(char pattern, char c, bool fold)
{
    return pattern == '?' || pattern == c || (fold && ascii_lower(pattern) == ascii_lower(c));
}

/* Greedy: only the last `*` ever needs to be taken back, because an earlier one that swallowed more
 * could not help what comes after the later one. `steps` counts the turns, for the tests. */
static bool
walk(struct str pattern, struct str text, bool fold, size_t *steps)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX; /* place behind the last `*` seen; SIZE_MAX: none yet */
    size_t star_text = 0;   /* where what follows that `*` is tried */
    for (; t < text.n; (*steps)++) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            star_text = t;
        } else if (p < pattern.n && byte_matches(pattern.p[p], text.p[t], fold)) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
        if (star == pattern.n) {
            return true; /* the pattern ends in `*`: the rest of the text is its */
        }
    }
    while (p < pattern.n && pattern.p[p] == '*') {
        p++;
    }
    return p == pattern.n;
}

bool
wildcard_match(struct str pattern, struct str text, bool fold)
{
    size_t steps = 0;
    return walk(pattern, text, fold, &steps);
}
