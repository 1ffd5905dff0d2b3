/* SPDX-License-Identifier: Apache-2.0
 * The words that load balancers, browsers and command-line clients use for failures, in plain
 * sentences: what a word means, who says it, what causes it, what to do next. Pure tables and
 * look-ups; no I/O. It is not the doctor: nothing is examined, and the doctor's findings (floor 8)
 * are known here by their ids only.
 *
 * All texts are English message ids; who prints them calls tr(). Everything returned is static.
 *
 *     struct explain_found found;
 *     explain_search(STR("curl: (60)"), &found);
 *     for (size_t i = 0; i < found.count; i++) {
 *         puts(tr(found.words[i]->meaning));
 *     }
 *
 * For a field of a log line: explain_find(EXPLAIN_ERROR_REASON, STR("LambdaThrottling")). */
#pragma once

#include "base/limits.h"
#include "base/str.h"

/* What sort of word it is; also the order of the meanings of one word. */
enum explain_kind {
#define WORD_KIND(NAME, word, title, drop, leads) EXPLAIN_##NAME,
#include "explain/kinds.def"
#undef WORD_KIND
    EXPLAIN_KIND_COUNT
};

enum explain_maker {
#define SAID_BY(NAME, sentence) EXPLAIN_BY_##NAME,
#include "explain/makers.def"
#undef SAID_BY
    EXPLAIN_MAKER_COUNT
};

enum explain_step {
    EXPLAIN_NO_STEP,
#define NEXT_STEP(NAME, sentence, command) EXPLAIN_DO_##NAME,
#include "explain/steps.def"
#undef NEXT_STEP
    EXPLAIN_STEP_COUNT
};

enum { EXPLAIN_STEPS_MAX = 4, EXPLAIN_UNNUMBERED = -0x7fffffff };

struct explain_word {
    enum explain_kind kind;
    int number;          /* or EXPLAIN_UNNUMBERED */
    const char *key;     /* "ERR_SSL_PROTOCOL_ERROR", "502", "Target.Timeout" */
    const char *aliases; /* other spellings, separated by '|' */
    const char *meaning; /* message id */
    enum explain_maker maker;
    const char *ids; /* findings of the doctor, likeliest first, separated by blanks; "-": the word
                        is no fault */
    enum explain_step steps[EXPLAIN_STEPS_MAX]; /* EXPLAIN_NO_STEP ends them early */
};

/* One possible cause of a word. */
struct explain_cause {
    struct str id;    /* the doctor's finding, "DNS-01"; empty: it has none */
    const char *text; /* message id */
};

struct explain_causes {
    struct explain_cause items[LIMIT_EXPLAIN_CAUSES_MAX];
    size_t count;
};

struct explain_found {
    const struct explain_word *words[LIMIT_EXPLAIN_MEANINGS_MAX];
    size_t count;
    size_t not_shown; /* meanings beyond the limit */
};

/* The word of that kind with this key, alias or number (letter case, and '_' against '-' and blank,
 * do not matter); NULL if there is none. */
const struct explain_word *explain_find(enum explain_kind kind, struct str key);

/* Every meaning of what a person typed or pasted: a word, a number ("60", "-107"), a word of a
 * chosen kind ("curl:60"), or a line that holds one ("curl: (60) SSL certificate problem"). Any
 * bytes may be given. True if something was found. */
bool explain_search(struct str typed, struct explain_found *ret_found);

/* Words that look like what was typed, likeliest first. For numbers: the same number negative. */
void explain_near(struct str typed, struct explain_found *ret_near);

/* The likely causes, likeliest first; none when the word is no fault. */
void explain_causes(const struct explain_word *word, struct explain_causes *ret_causes);

/* One sentence for a finding of the doctor, as a cause; NULL if no word leads to that id. */
const char *explain_suspect(struct str id);

/* Every word, for lists and tests. */
size_t explain_word_count(void);
const struct explain_word *explain_word_at(size_t index);

const char *explain_kind_word(enum explain_kind kind);  /* "curl", as in "curl:60" */
const char *explain_kind_title(enum explain_kind kind); /* message id: "curl exit code" */
/* The kind of that word; false if there is none. */
bool explain_kind_parse(struct str word, enum explain_kind *ret_kind);
const char *explain_maker_text(enum explain_maker maker); /* message id */
const char *explain_step_text(enum explain_step step);    /* message id */
const char *explain_step_command(enum explain_step step); /* "" if it is nothing to type */
