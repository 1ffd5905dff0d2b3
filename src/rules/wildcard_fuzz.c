/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: wildcard_match against the plain recursive meaning of wildcards, on short inputs.
 * Input: one byte of flags, the pattern up to a NUL, then the text. */
#include "rules/rules.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERN_MAX = 8, TEXT_MAX = 12 }; /* the reference is exponential */

static bool
naive(struct str pattern, struct str text, bool fold)
{
    if (pattern.n == 0) {
        return text.n == 0;
    }
    struct str rest = str_sub(pattern, 1, pattern.n);
    if (pattern.p[0] == '*') {
        return naive(rest, text, fold) ||
               (text.n > 0 && naive(pattern, str_sub(text, 1, text.n), fold));
    }
    if (text.n == 0) {
        return false;
    }
    struct str a = str_sub(pattern, 0, 1);
    struct str b = str_sub(text, 0, 1);
    bool same = pattern.p[0] == '?' || (fold ? str_ieq(a, b) : str_eq(a, b));
    return same && naive(rest, str_sub(text, 1, text.n), fold);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    bool fold = (data[0] & 1) != 0;
    struct str input = {(const char *)data + 1, size - 1};
    struct str pattern = input;
    struct str text = STR_NONE;
    size_t at;
    if (str_find_char(input, '\0', &at)) {
        pattern = str_sub(input, 0, at);
        text = str_sub(input, at + 1, input.n);
    }
    bool answer = wildcard_match(pattern, text, fold);
    if (pattern.n <= PATTERN_MAX && text.n <= TEXT_MAX) {
        ASSERT(answer == naive(pattern, text, fold));
    }
    return 0;
}
