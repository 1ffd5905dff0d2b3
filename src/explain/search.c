/* SPDX-License-Identifier: Apache-2.0
 * From what a person typed or pasted to the words that are meant. */
#include "explain/explain.h"

#include "base/assert.h"

/* What comes before names and numbers of a kind; lists are separated by '|'. */
static const struct {
    const char *word;
    const char *title;
    const char *drop;
    const char *leads;
} kinds[EXPLAIN_KIND_COUNT] = {
#define WORD_KIND(NAME, word, title, drop, leads) [EXPLAIN_##NAME] = {word, title, drop, leads},
#include "explain/kinds.def"
#undef WORD_KIND
};

const char *
explain_kind_word(enum explain_kind kind)
{
    ASSERT(kind < EXPLAIN_KIND_COUNT);
    return kinds[kind].word;
}

const char *
explain_kind_title(enum explain_kind kind)
{
    ASSERT(kind < EXPLAIN_KIND_COUNT);
    return kinds[kind].title;
}

bool
explain_kind_parse(struct str word, enum explain_kind *ret_kind)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_ieq(word, str_of(kinds[i].word))) {
            *ret_kind = (enum explain_kind)i;
            return true;
        }
    }
    return false;
}

/* ---- comparing ---- */

/* "Handshake-Failure", "handshake failure" and "handshake_failure" are one name. */
static char
fold(char c)
{
    return c == '_' || c == '-' ? ' ' : ascii_lower(c);
}

static bool
begins(struct str s, struct str prefix)
{
    if (s.n < prefix.n) {
        return false;
    }
    for (size_t i = 0; i < prefix.n; i++) {
        if (fold(s.p[i]) != fold(prefix.p[i])) {
            return false;
        }
    }
    return true;
}

static bool
same(struct str a, struct str b)
{
    return a.n == b.n && a.n > 0 && begins(a, b);
}

static bool
find(struct str s, struct str needle, size_t *ret_at)
{
    for (size_t at = 0; at + needle.n <= s.n; at++) {
        if (begins(str_sub(s, at, needle.n), needle)) {
            *ret_at = at;
            return true;
        }
    }
    return false;
}

/* Without what is usually written before the names of that kind: "net::ERR_", "SSL_ERROR_". */
static struct str
bare(enum explain_kind kind, struct str name)
{
    struct str list = str_of(kinds[kind].drop);
    struct str prefix;
    while (str_cut(&list, '|', &prefix)) {
        if (prefix.n > 0 && begins(name, prefix)) {
            return str_sub(name, prefix.n, name.n);
        }
    }
    return name;
}

static bool
is_called(const struct explain_word *word, struct str name)
{
    if (same(bare(word->kind, str_of(word->key)), bare(word->kind, name))) {
        return true;
    }
    struct str list = str_of(word->aliases);
    struct str alias;
    while (str_cut(&list, '|', &alias)) {
        if (same(alias, name)) {
            return true;
        }
    }
    return false;
}

/* "60", "-107". Numbers with zeros in front are names ("000"). */
static bool
number_parse(struct str s, int *ret_number)
{
    bool negative = str_starts(s, STR("-"));
    struct str digits = negative ? str_sub(s, 1, s.n) : s;
    int64_t value;
    if ((digits.n > 1 && digits.p[0] == '0') || !str_to_int_range(digits, 0, 99999, &value)) {
        return false;
    }
    *ret_number = negative ? (int)-value : (int)value;
    return true;
}

/* ---- finding ---- */

static void
add(struct explain_found *found, size_t max, const struct explain_word *word)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->words[i] == word) {
            return;
        }
    }
    if (found->count < max) {
        found->words[found->count++] = word;
    } else {
        found->not_shown++;
    }
}

typedef bool match_fn(const struct explain_word *word, const void *wanted);

static void
add_all(struct explain_found *found, match_fn *match, const void *wanted)
{
    for (size_t i = 0; i < explain_word_count(); i++) {
        if (match(explain_word_at(i), wanted)) {
            add(found, COUNT_OF(found->words), explain_word_at(i));
        }
    }
}

static bool
match_name(const struct explain_word *word, const void *wanted)
{
    return is_called(word, *(const struct str *)wanted);
}

static bool
match_number(const struct explain_word *word, const void *wanted)
{
    return word->number == *(const int *)wanted;
}

/* The number behind the place where `lead` ends, as in "curl: (60) ...". */
static bool
number_behind(struct str typed, struct str lead, int *ret_number)
{
    size_t at;
    if (lead.n == 0 || !find(typed, lead, &at)) {
        return false;
    }
    struct str rest = str_trim(str_sub(typed, at + lead.n, typed.n));
    size_t n = str_starts(rest, STR("-")) ? 1 : 0;
    while (n < rest.n && ascii_is_digit(rest.p[n])) {
        n++;
    }
    return number_parse(str_sub(rest, 0, n), ret_number);
}

static bool
match_lead(const struct explain_word *word, const void *wanted)
{
    if (word->number == EXPLAIN_UNNUMBERED) {
        return false;
    }
    struct str list = str_of(kinds[word->kind].leads);
    struct str lead;
    int number;
    while (str_cut(&list, '|', &lead)) {
        if (number_behind(*(const struct str *)wanted, lead, &number) && number == word->number) {
            return true;
        }
    }
    return false;
}

/* A name of several words in a line. The line must have blanks between them: in
 * "ERR_CONNECTION_REFUSED" no "Connection refused" is meant. */
static bool
stands_in(struct str typed, struct str name)
{
    enum { NAME_BYTES_MIN = 8 };
    size_t at;
    if (name.n < NAME_BYTES_MIN || !find(name, STR(" "), &at)) {
        return false;
    }
    for (at = 0; at + name.n <= typed.n; at++) {
        size_t i = 0;
        while (i < name.n && ascii_lower(typed.p[at + i]) == fold(name.p[i])) {
            i++;
        }
        if (i == name.n) {
            return true;
        }
    }
    return false;
}

/* Texts that programs put into longer lines. */
static bool
match_within(const struct explain_word *word, const void *wanted)
{
    if (word->kind != EXPLAIN_OPENSSL && word->kind != EXPLAIN_VERIFY &&
        word->kind != EXPLAIN_ALERT) {
        return false;
    }
    struct str typed = *(const struct str *)wanted;
    if (stands_in(typed, str_of(word->key))) {
        return true;
    }
    struct str list = str_of(word->aliases);
    struct str alias;
    while (str_cut(&list, '|', &alias)) {
        if (stands_in(typed, alias)) {
            return true;
        }
    }
    return false;
}

/* "502 Bad Gateway", "21 (unable to verify the first certificate)". */
static bool
match_both(const struct explain_word *word, const void *wanted)
{
    struct str rest = *(const struct str *)wanted;
    struct str first;
    int number;
    if (!str_cut(&rest, ' ', &first) || !number_parse(first, &number) || number != word->number) {
        return false;
    }
    rest = str_trim(rest);
    if (str_starts(rest, STR("(")) && str_ends(rest, STR(")"))) {
        rest = str_sub(rest, 1, rest.n - 2);
    }
    return is_called(word, rest);
}

/* Long enough names that stand in a sentence: "... ERR_CONNECTION_REFUSED ...". */
static void
add_tokens(struct explain_found *found, struct str typed)
{
    for (size_t at = 0; at < typed.n;) {
        size_t end = at;
        bool marked = false;
        while (end < typed.n && (ascii_is_alnum(typed.p[end]) || typed.p[end] == '_' ||
                                 typed.p[end] == '.' || typed.p[end] == ':')) {
            marked = marked || !ascii_is_alnum(typed.p[end]);
            end++;
        }
        struct str token = str_sub(typed, at, end - at);
        while (str_ends(token, STR(".")) || str_ends(token, STR(":"))) {
            token.n--;
        }
        if (marked) {
            add_all(found, match_name, &token);
        }
        at = end + 1;
    }
}

const struct explain_word *
explain_find(enum explain_kind kind, struct str key)
{
    int number;
    bool numeric = number_parse(key, &number);
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *word = explain_word_at(i);
        if (word->kind == kind && (is_called(word, key) || (numeric && word->number == number))) {
            return word;
        }
    }
    return NULL;
}

/* "curl:60": the kind and what is asked of it. */
static bool
kind_chosen(struct str typed, enum explain_kind *ret_kind, struct str *ret_rest)
{
    size_t colon;
    if (!str_find_char(typed, ':', &colon) ||
        !explain_kind_parse(str_sub(typed, 0, colon), ret_kind)) {
        return false;
    }
    *ret_rest = str_trim(str_sub(typed, colon + 1, typed.n));
    return true;
}

bool
explain_search(struct str typed, struct explain_found *ret_found)
{
    *ret_found = (struct explain_found){.count = 0};
    typed = str_trim(typed);
    if (typed.n == 0 || typed.n > LIMIT_EXPLAIN_WORD_BYTES) {
        return false;
    }
    enum explain_kind kind;
    struct str rest;
    if (kind_chosen(typed, &kind, &rest)) {
        const struct explain_word *word = explain_find(kind, rest);
        if (word != NULL) {
            add(ret_found, COUNT_OF(ret_found->words), word);
            return true;
        }
    }
    int number;
    if (number_parse(typed, &number)) {
        add_all(ret_found, match_number, &number);
        return ret_found->count > 0;
    }
    add_all(ret_found, match_name, &typed);
    if (ret_found->count == 0) {
        add_all(ret_found, match_lead, &typed);
        add_all(ret_found, match_both, &typed);
        add_all(ret_found, match_within, &typed);
        add_tokens(ret_found, typed);
    }
    return ret_found->count > 0;
}

/* ---- near misses ---- */

enum { FAR_AWAY = 1000 };

/* Slips of the finger first, then names that begin so, hold it, or are farther away. */
static size_t
name_distance(struct str typed, struct str name)
{
    enum { PIECE_BYTES_MIN = 3, BEGINS = 2, HOLDS = 3, LOOKS_LIKE = 4 };
    size_t at;
    size_t longer = MAX_OF(typed.n, name.n) - MIN_OF(typed.n, name.n);
    size_t most = MAX_OF(typed.n / 3, (size_t)2);
    size_t distance = longer <= most && typed.n > 2 ? str_distance(typed, name) : FAR_AWAY;
    if (distance <= 1) {
        return distance;
    }
    if (typed.n >= PIECE_BYTES_MIN && begins(name, typed)) {
        return BEGINS;
    }
    if (typed.n >= PIECE_BYTES_MIN && find(name, typed, &at)) {
        return HOLDS;
    }
    return distance <= most ? LOOKS_LIKE + distance : FAR_AWAY;
}

static size_t
word_distance(const struct explain_word *word, struct str typed)
{
    size_t best = name_distance(bare(word->kind, typed), bare(word->kind, str_of(word->key)));
    struct str list = str_of(word->aliases);
    struct str alias;
    while (str_cut(&list, '|', &alias)) {
        size_t distance = name_distance(typed, alias);
        best = MIN_OF(best, distance);
    }
    return best;
}

/* Keeps the nearest ones, in order. */
static void
keep_near(struct explain_found *near, size_t *distances, const struct explain_word *word,
          size_t distance)
{
    size_t at = near->count;
    while (at > 0 && distances[at - 1] > distance) {
        at--;
    }
    if (distance >= FAR_AWAY || at == LIMIT_EXPLAIN_NEAR_MAX) {
        return;
    }
    size_t last = MIN_OF(near->count, (size_t)LIMIT_EXPLAIN_NEAR_MAX - 1);
    memmove(&near->words[at + 1], &near->words[at], (last - at) * sizeof(near->words[0]));
    memmove(&distances[at + 1], &distances[at], (last - at) * sizeof(distances[0]));
    near->words[at] = word;
    distances[at] = distance;
    near->count = last + 1;
}

void
explain_near(struct str typed, struct explain_found *ret_near)
{
    *ret_near = (struct explain_found){.count = 0};
    typed = str_trim(typed);
    if (typed.n == 0 || typed.n > LIMIT_EXPLAIN_WORD_BYTES) {
        return;
    }
    enum explain_kind kind = EXPLAIN_KIND_COUNT;
    struct str rest = typed;
    (void)kind_chosen(typed, &kind, &rest); /* without a kind all are looked at */
    int number;
    bool numeric = number_parse(rest, &number) && number > 0;
    int negative = numeric ? -number : 0;
    size_t distances[LIMIT_EXPLAIN_NEAR_MAX] = {0};
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *word = explain_word_at(i);
        if (kind != EXPLAIN_KIND_COUNT && word->kind != kind) {
            continue;
        }
        size_t distance = !numeric                   ? word_distance(word, rest)
                          : word->number == negative ? 0
                                                     : FAR_AWAY;
        keep_near(ret_near, distances, word, distance);
    }
}
