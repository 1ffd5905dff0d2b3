/* SPDX-License-Identifier: Apache-2.0
 * The tables behind explain.h. A row of a word:
 *
 *     MEANS(KIND, number or NONE, "key", "alias | alias", "what it means", WHO_SAYS_IT,
 *           "the doctor's findings, likeliest first; - for no fault", NEXT_STEP, NEXT_STEP...) */
#include "explain/explain.h"

#include "base/assert.h"

enum { NONE = EXPLAIN_UNNUMBERED };

/* Up to four steps by their short names. */
#define DO_1(a) EXPLAIN_DO_##a
#define DO_2(a, ...) EXPLAIN_DO_##a, DO_1(__VA_ARGS__)
#define DO_3(a, ...) EXPLAIN_DO_##a, DO_2(__VA_ARGS__)
#define DO_4(a, ...) EXPLAIN_DO_##a, DO_3(__VA_ARGS__)
#define DO_PICK(a, b, c, d, name, ...) name
#define DO(...) DO_PICK(__VA_ARGS__, DO_4, DO_3, DO_2, DO_1, 0)(__VA_ARGS__)

static const struct explain_word words[] = {
#define MEANS(kind_, number_, key_, aliases_, meaning_, maker_, ids_, ...)                         \
    {.kind = EXPLAIN_##kind_,                                                                      \
     .number = number_,                                                                            \
     .key = key_,                                                                                  \
     .aliases = aliases_,                                                                          \
     .meaning = meaning_,                                                                          \
     .maker = EXPLAIN_BY_##maker_,                                                                 \
     .ids = ids_,                                                                                  \
     .steps = {DO(__VA_ARGS__)}},
#include "explain/http.def"
#include "explain/log_words.def"
#include "explain/health.def"
#include "explain/ends.def"
#include "explain/net.def"
#include "explain/firefox.def"
#include "explain/curl.def"
#include "explain/alerts.def"
#include "explain/verify.def"
#include "explain/openssl.def"
#undef MEANS
};

static const struct {
    enum explain_kind kind;
    const char *key;
    const char *id;
    const char *text;
} causes[] = {
#define BECAUSE(kind, key, id, text) {EXPLAIN_##kind, key, id, text},
#include "explain/causes.def"
#undef BECAUSE
};

static const struct {
    const char *id;
    const char *text;
} suspects[] = {
#define SUSPECT(id, text) {id, text},
#include "explain/suspects.def"
#undef SUSPECT
};

size_t
explain_word_count(void)
{
    return COUNT_OF(words);
}

const struct explain_word *
explain_word_at(size_t index)
{
    ASSERT(index < COUNT_OF(words));
    return &words[index];
}

const char *
explain_suspect(struct str id)
{
    for (size_t i = 0; i < COUNT_OF(suspects); i++) {
        if (str_eq(id, str_of(suspects[i].id))) {
            return suspects[i].text;
        }
    }
    return NULL;
}

static void
add_cause(struct explain_causes *list, struct str id, const char *text)
{
    for (size_t i = 0; id.n > 0 && i < list->count; i++) {
        if (str_eq(list->items[i].id, id)) {
            return; /* the word has a sentence of its own for it */
        }
    }
    ASSERT(list->count < COUNT_OF(list->items));
    list->items[list->count++] = (struct explain_cause){id, text};
}

void
explain_causes(const struct explain_word *word, struct explain_causes *ret_causes)
{
    *ret_causes = (struct explain_causes){.count = 0};
    struct str ids = str_of(word->ids);
    if (str_eq(ids, STR("-"))) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(causes); i++) {
        if (causes[i].kind == word->kind && str_eq(str_of(causes[i].key), str_of(word->key))) {
            add_cause(ret_causes, str_of(causes[i].id), causes[i].text);
        }
    }
    struct str id;
    while (str_cut(&ids, ' ', &id)) {
        if (id.n > 0) {
            const char *text = explain_suspect(id);
            ASSERT(text != NULL);
            add_cause(ret_causes, id, text);
        }
    }
}

const char *
explain_maker_text(enum explain_maker maker)
{
    static const char *const texts[] = {
#define SAID_BY(NAME, sentence) [EXPLAIN_BY_##NAME] = sentence,
#include "explain/makers.def"
#undef SAID_BY
    };
    ASSERT(maker < EXPLAIN_MAKER_COUNT);
    return texts[maker];
}

static const struct {
    const char *text;
    const char *command;
} steps[EXPLAIN_STEP_COUNT] = {
    [EXPLAIN_NO_STEP] = {"", ""},
#define NEXT_STEP(NAME, sentence, command) [EXPLAIN_DO_##NAME] = {sentence, command},
#include "explain/steps.def"
#undef NEXT_STEP
};

const char *
explain_step_text(enum explain_step step)
{
    ASSERT(step < EXPLAIN_STEP_COUNT);
    return steps[step].text;
}

const char *
explain_step_command(enum explain_step step)
{
    ASSERT(step < EXPLAIN_STEP_COUNT);
    return steps[step].command;
}
