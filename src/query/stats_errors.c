/* SPDX-License-Identifier: Apache-2.0
 * Errors that were counted, in plain words: what they mean, what to do, how to see a line of them.
 */
#include "base/assert.h"
#include "query/stats_show_int.h"

static const struct error_kind kinds[] = {
#define ERROR_KIND(NAME, word_, kind_, title_)                                                     \
    [STATS_ERROR_##NAME] = {.word = word_, .kind = EXPLAIN_##kind_, .title = title_},
#include "query/error_kinds.def"
#undef ERROR_KIND
};
_Static_assert(COUNT_OF(kinds) == STATS_ERROR_KIND_COUNT, "a kind without words");

const struct error_kind *
show_error_kind(enum stats_error_kind kind)
{
    return &kinds[kind];
}

static const struct explain_word *
word_of(const struct stats_error *error)
{
    return explain_find(kinds[error->kind].kind, error->word);
}

const char *
show_error_meaning(const struct stats_error *error)
{
    if (error->kind == STATS_ERROR_TARGET_STATUS) { /* the words of HTTP are the load balancer's */
        return N_("A target answered with this status, and the load balancer passed it on: the "
                  "application, or a proxy before it, failed.");
    }
    if (str_eq(error->word, STR("(other)"))) { /* beyond LIMIT_STATS_WORDS */
        return N_("Further words of this kind, counted together.");
    }
    const struct explain_word *word = word_of(error);
    return word == NULL ? NULL : word->meaning;
}

const char *
show_error_findings(const struct stats_error *error)
{
    if (error->kind == STATS_ERROR_TARGET_STATUS) {
        return "TGT-12";
    }
    const struct explain_word *word = word_of(error);
    return word == NULL || str_eq(str_of(word->ids), STR("-")) ? "" : word->ids;
}

size_t
show_error_steps(const struct stats_error *error, enum explain_step *ret_steps)
{
    size_t count = 0;
    if (error->kind == STATS_ERROR_TARGET_STATUS) {
        ret_steps[count++] = EXPLAIN_DO_DOCTOR_TARGET;
        return count;
    }
    const struct explain_word *word = word_of(error);
    for (size_t i = 0; word != NULL && i < EXPLAIN_STEPS_MAX; i++) {
        enum explain_step step = word->steps[i];
        /* the log is being read already: show_error_command says how to see its lines */
        if (step != EXPLAIN_NO_STEP && step != EXPLAIN_DO_ACCESS_LOG &&
            step != EXPLAIN_DO_NOTHING) {
            ret_steps[count++] = step;
        }
    }
    return count;
}

/* What `openalb logs why` takes: the root of "Self=...;Root=1-...", a bare id, or TID_.... */
static struct str
trace_to_paste(struct str trace)
{
    struct str rest = trace, piece;
    while (str_cut(&rest, ';', &piece)) {
        piece = str_trim(piece);
        if (str_istarts(piece, STR("Root=1-"))) {
            return str_sub(piece, sizeof("Root=") - 1, piece.n);
        }
    }
    bool bare = str_starts(trace, STR("1-")) || str_starts(trace, STR("TID_"));
    return bare ? trace : STR_NONE;
}

void
show_error_command(struct buf *out, const struct stats_error *error)
{
    const struct say_value trace = {"TRACE", trace_to_paste(error->example_trace)};
    AUTO(buf_free) struct buf command = {0};
    say_filled(&command, "openalb logs why TRACE", &trace, 1);
    if (!str_ends(buf_str(&command), STR("TRACE"))) { /* else it is not fit to be pasted */
        buf_add_str(out, buf_str(&command));
    }
}

enum style
show_status_style(unsigned status)
{
    return show_class_style(status / 100);
}

enum style
show_class_style(unsigned class)
{
    static const enum style styles[] = {[2] = STYLE_OK, [4] = STYLE_WARN, [5] = STYLE_FAIL};
    return class == 2 || class == 4 || class == 5 ? styles[class] : STYLE_END;
}
