/* SPDX-License-Identifier: Apache-2.0
 * The command line of `openalb logs`: one table of options and the table of filters parse, check
 * and print the help. */
#include "cli/logs.h"

#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "query/ddl.h"
#include "query/sql.h"

/* One option being set. */
struct setting {
    struct logs_command *c;
    const char *option;
    const char *const *values;
    struct errinfo *reterr;
};

struct logs_option {
    const char *name;
    const char *arguments;
    unsigned values;
    enum err (*set)(struct setting *s);
    unsigned verbs;
    const char *help; /* message id */
};

/* ---- refusals ---- */

static enum err
refuse(const struct setting *s, const char *allowed)
{
    struct buf sentences AUTO(buf_free) = {0};
    text_fill_as(&sentences, TEXT_TERMINAL, tr(N_("{value} is not possible for {option}.")),
                 TEXT_ARGS({"value", str_of(s->values[0])}, {"option", str_of(s->option)}));
    buf_add_char(&sentences, ' ');
    buf_add_z(&sentences, tr(allowed));
    return err_set(s->reterr, ERR_INVALID, "%.*s", STR_ARG(buf_str(&sentences)));
}

/* ---- setters ---- */

static enum err
keep(const struct setting *s, const char **to)
{
    if (s->values[0][0] == '\0') {
        return refuse(s, N_("It takes a name."));
    }
    *to = s->values[0];
    return ERR_OK;
}

static enum err
number(const struct setting *s, uint64_t least, uint64_t most, uint64_t *ret)
{
    uint64_t n;
    if (str_to_u64(str_of(s->values[0]), &n) && n >= least && n <= most) {
        *ret = n;
        return ERR_OK;
    }
    struct buf from AUTO(buf_free) = {0};
    struct buf to AUTO(buf_free) = {0};
    logs_add_number(&from, least);
    logs_add_number(&to, most);
    return text_err(
        s->reterr, ERR_INVALID,
        N_("{value} is not possible for {option}. It takes a number from {from} to {to}."),
        TEXT_ARGS({"value", str_of(s->values[0])}, {"option", str_of(s->option)},
                  {"from", buf_str(&from)}, {"to", buf_str(&to)}));
}

static enum err
set_kind(struct setting *s)
{
    for (int kind = 0; kind < LOG_KIND_COUNT; kind++) {
        if (str_eq(str_of(s->values[0]), str_of(log_kind_word((enum log_kind)kind)))) {
            s->c->kind = kind;
            return ERR_OK;
        }
    }
    return refuse(s, N_("The kinds are access, connection and health-check."));
}

static enum err
set_damaged(struct setting *s)
{
    s->c->damaged = true;
    return ERR_OK;
}

static enum err
set_limit(struct setting *s)
{
    return number(s, 1, INT64_MAX, &s->c->limit);
}

static enum err
set_lines(struct setting *s)
{
    return number(s, 0, LIMIT_LOGS_TAIL_LINES, &s->c->lines);
}

static enum err
set_by(struct setting *s)
{
    TRY(query_duration(str_of(s->values[0]), &s->c->by_us, s->reterr));
    return s->c->by_us >= 1000 ? ERR_OK : refuse(s, N_("The shortest step is 1ms."));
}

static enum err
set_compare(struct setting *s)
{
    for (size_t i = 0; i < COUNT_OF(s->c->spans); i++) {
        struct logs_span *span = &s->c->spans[i];
        span->text = s->values[i];
        TRY(query_span(str_of(span->text), s->c->now_us, &span->from_us, &span->to_us, s->reterr));
    }
    return ERR_OK;
}

static enum err
set_top(struct setting *s)
{
    uint64_t n;
    TRY(number(s, 1, LIMIT_STATS_ROWS, &n));
    s->c->top = (unsigned)n;
    return ERR_OK;
}

static enum err
set_all(struct setting *s)
{
    s->c->all = true;
    return ERR_OK;
}

static enum err
set_mode(struct setting *s)
{
    enum sql_mode mode;
    return sql_mode_find(str_of(s->values[0]), &mode)
               ? keep(s, &s->c->mode)
               : refuse(s, N_("Results are printed as table, json or csv."));
}

static enum err
set_bucket(struct setting *s)
{
    return keep(s, &s->c->bucket);
}

static enum err
set_account(struct setting *s)
{
    return keep(s, &s->c->account);
}

static enum err
set_region(struct setting *s)
{
    return keep(s, &s->c->region);
}

static enum err
set_from(struct setting *s)
{
    return keep(s, &s->c->from);
}

static enum err
set_state(struct setting *s)
{
    return keep(s, &s->c->state);
}

static enum err
set_threads(struct setting *s)
{
    uint64_t n;
    TRY(number(s, 1, LIMIT_SCAN_THREADS, &n));
    s->c->threads = (unsigned)n;
    return ERR_OK;
}

static enum err
set_json(struct setting *s)
{
    s->c->json = true;
    return ERR_OK;
}

static enum err
set_quiet(struct setting *s)
{
    s->c->quiet = true;
    return ERR_OK;
}

static enum err
set_color(struct setting *s)
{
    return keep(s, &s->c->color);
}

/* At once: what is said about the rest of the command line is said in that language. */
static enum err
set_lang(struct setting *s)
{
    return text_init(s->c->program, s->values[0], s->reterr);
}

static enum err
set_help(struct setting *s)
{
    s->c->help = true;
    return ERR_OK;
}

static const struct logs_option options[] = {
#define LOGS_OPTION(name, arguments, values, set, verbs, help)                                     \
    {name, arguments, values, set, verbs, help},
#include "cli/logs_options.def"
#undef LOGS_OPTION
};

/* ---- words ---- */

/* "--status" or "--status=5xx". */
static bool
is_option(struct str word, struct str name, bool valued)
{
    return str_eq(word, name) ||
           (valued && word.n > name.n && str_starts(word, name) && word.p[name.n] == '=');
}

static const struct logs_option *
find_option(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (is_option(word, str_of(options[i].name), options[i].values == 1)) {
            return &options[i];
        }
    }
    return str_eq(word, STR("-h")) ? find_option(STR("--help")) : NULL;
}

/* The filters' names have no dashes. */
static const struct query_filter_option *
find_filter(struct str word)
{
    const struct query_filter_option *o;
    if (!str_starts(word, STR("--"))) {
        return NULL;
    }
    for (size_t i = 0; (o = query_filter_option(i)) != NULL; i++) {
        if (is_option(str_sub(word, 2, word.n), str_of(o->name), true)) {
            return o;
        }
    }
    return NULL;
}

/* Remembers the candidate that looks most like the word. */
struct nearest {
    struct str word;
    size_t distance;
    const char *dashes, *name; /* NULL: nothing is near */
};

static void
consider(struct nearest *n, const char *dashes, const char *name)
{
    struct buf whole AUTO(buf_free) = {0};
    buf_add_z(&whole, dashes);
    buf_add_z(&whole, name);
    size_t distance = str_distance(n->word, buf_str(&whole));
    if (distance < n->distance) {
        n->distance = distance;
        n->dashes = dashes;
        n->name = name;
    }
}

enum { NEAR = 3 }; /* farther away is no help */

static enum err
unknown(const struct nearest *n, const char *alone, const char *with_guess, struct errinfo *reterr)
{
    struct buf guess AUTO(buf_free) = {0};
    if (n->name == NULL) {
        return text_err(reterr, ERR_INVALID, alone, TEXT_ARGS({"word", n->word}));
    }
    buf_add_z(&guess, n->dashes);
    buf_add_z(&guess, n->name);
    return text_err(reterr, ERR_INVALID, with_guess,
                    TEXT_ARGS({"word", n->word}, {"guess", buf_str(&guess)}));
}

static enum err
unknown_option(struct str word, struct errinfo *reterr)
{
    const struct query_filter_option *filter;
    size_t equals;
    struct nearest n = {.word = word, .distance = NEAR};
    if (str_find_char(word, '=', &equals)) {
        n.word = str_sub(word, 0, equals);
    }
    for (size_t i = 0; (filter = query_filter_option(i)) != NULL; i++) {
        consider(&n, "--", filter->name);
    }
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        consider(&n, "", options[i].name);
    }
    return unknown(&n, N_("There is no option {word}."),
                   N_("There is no option {word}; did you mean {guess}?"), reterr);
}

static enum err
unknown_verb(struct str word, struct errinfo *reterr)
{
    struct nearest n = {.word = word, .distance = NEAR};
    for (unsigned i = 0; i < LOGS_VERB_COUNT; i++) {
        consider(&n, "", logs_verb((enum logs_verb_id)i)->name);
    }
    return unknown(&n, N_("There is no verb {word}; openalb logs --help lists them."),
                   N_("There is no verb {word}; did you mean {guess}?"), reterr);
}

/* ---- the command line ---- */

struct arguments {
    int count;
    char **words;
    int at;         /* the next one */
    bool literally; /* behind "--" */
    uint64_t given; /* bit i: options[i] */
};

static enum err
take_values(struct arguments *a, struct str word, const char *name, unsigned count,
            const char **ret_values, struct errinfo *reterr)
{
    size_t n = strlen(name);
    if (count == 1 && word.n > n && word.p[n] == '=') {
        ret_values[0] = word.p + n + 1; /* arguments end with NUL */
        return ERR_OK;
    }
    for (unsigned i = 0; i < count; i++) {
        if (a->at == a->count) {
            return text_err(reterr, ERR_INVALID,
                            count == 1 ? N_("The option {option} needs a value.")
                                       : N_("The option {option} needs two values."),
                            TEXT_ARGS({"option", str_of(name)}));
        }
        ret_values[i] = a->words[a->at++];
    }
    return ERR_OK;
}

static enum err
take_filter(struct logs_command *c, struct arguments *a, struct str word,
            const struct query_filter_option *filter, struct errinfo *reterr)
{
    const char *value;
    struct buf name AUTO(buf_free) = {0};
    buf_add_z(&name, "--");
    buf_add_z(&name, filter->name);
    TRY(take_values(a, word, name.p, 1, &value, reterr));
    TRY(query_filter_set(c->filter, str_of(filter->name), str_of(value), c->now_us, reterr));
    buf_add_z(&c->filter_text, c->filter_text.n > 0 ? " " : "");
    buf_add_str(&c->filter_text, buf_str(&name));
    buf_add_char(&c->filter_text, ' ');
    buf_add_z(&c->filter_text, value);
    return ERR_OK;
}

static enum err
take_option(struct logs_command *c, struct arguments *a, struct str word, struct errinfo *reterr)
{
    const char *values[2] = {"", ""};
    const struct logs_option *o = find_option(word);
    const struct query_filter_option *filter = o == NULL ? find_filter(word) : NULL;
    if (filter != NULL) {
        return take_filter(c, a, word, filter, reterr);
    }
    if (o == NULL) {
        return unknown_option(word, reterr);
    }
    a->given |= UINT64_C(1) << (o - options);
    TRY(take_values(a, word, o->name, o->values, values, reterr));
    struct setting s = {c, o->name, values, reterr};
    return o->set(&s);
}

static enum err
take_verb(struct logs_command *c, struct str word, struct errinfo *reterr)
{
    for (unsigned i = 0; i < LOGS_VERB_COUNT; i++) {
        const struct logs_verb *verb = logs_verb((enum logs_verb_id)i);
        if (str_eq(word, str_of(verb->name))) {
            c->verb = verb;
            c->id = (enum logs_verb_id)i;
            return ERR_OK;
        }
    }
    return unknown_verb(word, reterr);
}

/* `sql PATH` opens the prompt: no query is the name of something that is there. */
static bool
is_argument(const struct logs_command *c, const char *word)
{
    unsigned with_argument = LOGS_VERB(REPORT) | LOGS_VERB(SQL) | LOGS_VERB(DDL) | LOGS_VERB(WHY);
    bool wanted = (with_argument >> c->id & 1) != 0 && c->arg == NULL && c->path_count == 0;
    bool is_path = strcmp(word, "-") == 0 || access(word, F_OK) == 0;
    return wanted && (c->id != LOGS_SQL || !is_path);
}

static enum err
take_word(struct logs_command *c, struct arguments *a, struct errinfo *reterr)
{
    const char *text = a->words[a->at++];
    struct str word = str_of(text);
    if (!a->literally && str_eq(word, STR("--"))) {
        a->literally = true;
        return ERR_OK;
    }
    if (!a->literally && word.n > 1 && word.p[0] == '-') {
        return take_option(c, a, word, reterr);
    }
    if (c->verb == NULL) {
        return take_verb(c, word, reterr);
    }
    if (is_argument(c, text)) {
        c->arg = text;
        return ERR_OK;
    }
    *VEC_PUSH(c->paths, c->path_count, c->path_cap) = word;
    return ERR_OK;
}

/* ---- what fits together ---- */

static enum err
check_options(const struct logs_command *c, const struct arguments *a, struct errinfo *reterr)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if ((a->given >> i & 1) != 0 && (options[i].verbs >> c->id & 1) == 0) {
            return text_err(
                reterr, ERR_INVALID, N_("The option {option} is not for {verb}."),
                TEXT_ARGS({"option", str_of(options[i].name)}, {"verb", str_of(c->verb->name)}));
        }
    }
    return ERR_OK;
}

static enum err
check_argument(const struct logs_command *c, struct errinfo *reterr)
{
    struct str arg = str_of(c->arg);
    enum ddl_flavour flavour;
    if (c->arg == NULL && (c->id == LOGS_REPORT || c->id == LOGS_DDL || c->id == LOGS_WHY)) {
        return text_err(
            reterr, ERR_INVALID, N_("{verb} needs an argument: {arguments}"),
            TEXT_ARGS({"verb", str_of(c->verb->name)}, {"arguments", str_of(c->verb->arguments)}));
    }
    /* A log that is named first by mistake must not be overwritten. */
    if (c->id == LOGS_REPORT && !str_ends(arg, STR(".html")) && !str_ends(arg, STR(".htm"))) {
        return text_err(reterr, ERR_INVALID,
                        N_("The page's name must end with .html; \"{name}\" does not."),
                        TEXT_ARGS({"name", arg}));
    }
    if (c->id == LOGS_DDL && !ddl_flavour_find(arg, &flavour)) {
        return text_err(reterr, ERR_INVALID,
                        N_("There is no definition for {word}; there are: {arguments}"),
                        TEXT_ARGS({"word", arg}, {"arguments", str_of(c->verb->arguments)}));
    }
    return ERR_OK;
}

static enum err
check_inputs(const struct logs_command *c, struct errinfo *reterr)
{
    if (c->id == LOGS_DDL && (c->path_count > 0 || !query_filter_is_empty(c->filter))) {
        return text_err(reterr, ERR_INVALID,
                        N_("ddl reads no logs: it takes neither filters nor paths."), NULL, 0);
    }
    if (c->spans[0].text != NULL &&
        (query_filter_since_us(c->filter) != 0 || query_filter_until_us(c->filter) != 0)) {
        return text_err(reterr, ERR_INVALID,
                        N_("--compare names its spans itself: leave out --since and --until."),
                        NULL, 0);
    }
    if (c->id == LOGS_SQL && c->json && c->mode != NULL && strcmp(c->mode, "json") != 0) {
        return text_err(reterr, ERR_INVALID, N_("--json and --mode {mode} contradict each other."),
                        TEXT_ARGS({"mode", str_of(c->mode)}));
    }
    return ERR_OK;
}

enum err
logs_command_read(struct logs_command *c, int argc, char **argv, struct errinfo *reterr)
{
    struct arguments a = {.count = argc, .words = argv, .at = 1};
    _Static_assert(COUNT_OF(options) <= 64, "a bit for each option");
    c->filter = query_filter_new();
    while (a.at < a.count) {
        TRY(take_word(c, &a, reterr));
    }
    TRY(term_init(&c->term, stdout, c->color, reterr));
    if (c->help) {
        return ERR_OK;
    }
    if (c->verb == NULL) {
        return text_err(reterr, ERR_INVALID,
                        N_("What shall be done with the logs? For example: openalb logs stats"),
                        NULL, 0);
    }
    TRY(check_options(c, &a, reterr));
    TRY(check_argument(c, reterr));
    return check_inputs(c, reterr);
}

void
logs_command_done(struct logs_command *c)
{
    query_filter_free(&c->filter);
    buf_free(&c->filter_text);
    xfree(c->paths);
}

/* ---- help ---- */

enum { HELP_INDENT = 2, HELP_COLUMN = 26, HELP_WIDTH = 100 };

/* A name and its argument, then what it does, in two columns. */
static void
add_help(struct buf *out, const char *dashes, const char *name, const char *argument,
         const char *help)
{
    struct buf line AUTO(buf_free) = {0};
    buf_addf(&line, "%s%s%s%s", dashes, name, argument[0] != '\0' ? " " : "", argument);
    size_t width = text_width(buf_str(&line)) + HELP_INDENT;
    if (width >= HELP_COLUMN) {
        buf_addf(out, "%*s%.*s\n", (int)HELP_INDENT, "", STR_ARG(buf_str(&line)));
        text_wrap(out, str_of(tr(help)), HELP_COLUMN, HELP_COLUMN, HELP_WIDTH);
        return;
    }
    buf_addf(&line, "%*s", (int)(HELP_COLUMN - width), "");
    buf_add_z(&line, tr(help));
    text_wrap(out, buf_str(&line), HELP_INDENT, HELP_COLUMN, HELP_WIDTH);
}

static void
add_options(struct buf *out, unsigned verbs)
{
    buf_addf(out, "\n%s\n", tr(N_("Options:")));
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if ((options[i].verbs & verbs) != 0) {
            add_help(out, "", options[i].name, options[i].arguments, options[i].help);
        }
    }
}

static void
add_filters(struct buf *out)
{
    const struct query_filter_option *o;
    buf_addf(out, "\n%s\n",
             tr(N_("Filters; all must hold, a comma means or, a leading ! negates:")));
    for (size_t i = 0; (o = query_filter_option(i)) != NULL; i++) {
        add_help(out, "--", o->name, o->value, o->help);
    }
}

void
logs_help(const struct logs_verb *verb, struct buf *out)
{
    unsigned id = verb == NULL ? LOGS_VERB_COUNT : (unsigned)(verb - logs_verb(0));
    buf_addf(out, "%s openalb logs %s\n\n", tr(N_("Usage:")),
             verb == NULL ? "VERB [ARGUMENT] [FILTER]... [PATH]..." : "");
    if (verb != NULL) {
        out->n -= 2;
        buf_addf(out, "%s %s\n\n", verb->name, verb->arguments);
        text_wrap(out, str_of(tr(verb->help)), HELP_INDENT, HELP_INDENT, HELP_WIDTH);
    }
    for (unsigned i = 0; verb == NULL && i < LOGS_VERB_COUNT; i++) {
        const struct logs_verb *v = logs_verb((enum logs_verb_id)i);
        add_help(out, "", v->name, "", v->help);
    }
    if (id != LOGS_DDL) {
        buf_add_char(out, '\n');
        text_wrap(out,
                  str_of(tr(N_("PATH is a log file, plain or gzip, a folder with such files, or - "
                               "for standard input. Without a path the logs of this machine's "
                               "OpenALB are read, also those that are not delivered yet; the last "
                               "second of them may be missing."))),
                  0, 0, HELP_WIDTH);
        add_filters(out);
    }
    add_options(out, verb == NULL ? LOGS_ALL : 1u << id);
    buf_addf(out, "\n%s\n",
             tr(N_("Exit codes: 0 found, 1 nothing found, 64 wrong usage, 66 cannot be read or "
                   "written.")));
}
