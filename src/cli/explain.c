/* SPDX-License-Identifier: Apache-2.0
 * `openalb explain`: what a status, a log word or an error of a browser, of curl or of OpenSSL
 * means, who says it, what causes it, what to do next. */
#include "cli/cli.h"
#include "cli/doctor.h"

#include <jansson.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "explain/explain.h"
#include "text/text.h"

static const char usage[] = N_(
    "usage: openalb explain [option]... WORD...\n"
    "       openalb explain --list [KIND]\n"
    "WORD is a status, a word of a log, an error of a browser, of curl or of OpenSSL, a finding "
    "of\n"
    "the doctor, or a line with one of these. KIND:WORD chooses one meaning: http:502, curl:60,\n"
    "alert:40, verify:20, net:-107.\n"
    "options:\n"
    "  --list                      all words, or those of one kind\n"
    "  --json                      for programs: an array of meanings\n"
    "  --color auto|always|never   colours\n"
    "  --lang en|ja                language; otherwise the locale decides\n"
    "exit codes: 0 found, 1 nothing found, 64 wrong usage, 66 cannot be written\n");

struct explain_command {
    struct buf typed; /* owned: the words of the command line, joined by blanks */
    bool list;
    bool json;
    bool help;
    const char *color;
    const char *lang;
};

/* What is found: words of the tables, or one finding of the doctor. */
struct answer {
    struct explain_found found;
    struct str finding;     /* "DNS-01"; empty: none */
    const char *suspect;    /* message id: the finding's sentence */
    char finding_bytes[16]; /* what `finding` points to */
};

static void
complain(struct str sentence)
{
    (void)fprintf(stderr, "openalb explain: %.*s\n",
                  STR_ARG(sentence)); /* nowhere else to say it */
}

static int
print(const struct buf *out, int code)
{
    bool fine = out->n == 0 || fwrite(out->p, 1, out->n, stdout) == out->n;
    fine = fflush(stdout) == 0 && fine;
    return fine ? code : EXIT_CLI_NOINPUT;
}

/* ---- findings of the doctor ---- */

/* Does this word's list of causes name the finding? */
static bool
may_come_from(const struct explain_word *word, struct str finding)
{
    struct explain_causes causes;
    explain_causes(word, &causes);
    for (size_t i = 0; i < causes.count; i++) {
        if (str_eq(causes.items[i].id, finding)) {
            return true;
        }
    }
    return false;
}

/* The doctor's id in any letter case. What is told of it is what the tables of words know: its
 * sentence as a cause, and the words that it can cause. */
static bool
explain_finding(struct str typed, struct answer *a)
{
    typed = str_trim(typed);
    if (typed.n == 0 || typed.n > sizeof(a->finding_bytes)) {
        return false;
    }
    for (size_t i = 0; i < typed.n; i++) {
        char c = typed.p[i];
        a->finding_bytes[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    a->finding = (struct str){a->finding_bytes, typed.n};
    a->suspect = explain_suspect(a->finding);
    return a->suspect != NULL;
}

/* ---- for a person ---- */

struct page {
    struct buf *out;
    const struct term *term;
};

static void
add_heading(const struct page *p, const char *msgid)
{
    buf_add_z(p->out, "\n  ");
    term_add_styled(p->out, p->term, STYLE_BOLD, str_of(tr(msgid)));
    buf_add_char(p->out, '\n');
}

static void
add_text(const struct page *p, unsigned indent, const char *msgid)
{
    text_wrap(p->out, str_of(tr(msgid)), indent, indent, p->term->width);
}

static void
add_section(const struct page *p, const char *heading, const char *msgid)
{
    add_heading(p, heading);
    add_text(p, 4, msgid);
}

static void
add_title(const struct page *p, struct str name, const char *kind_title)
{
    term_add_styled(p->out, p->term, STYLE_BOLD, name);
    buf_addf(p->out, " (%s)\n", tr(kind_title));
}

/* "60 CURLE_PEER_FAILED_VERIFICATION", "502": what a person may type to find the word again. */
static void
add_name(struct buf *out, const struct explain_word *word)
{
    AUTO(buf_free) struct buf number = {0};
    if (word->number != EXPLAIN_UNNUMBERED) {
        buf_addf(&number, "%d", word->number);
    }
    buf_add_str(out, buf_str(&number));
    if (!str_eq(buf_str(&number), str_of(word->key))) {
        buf_addf(out, "%s%s", number.n > 0 ? " " : "", word->key);
    }
}

static void
add_aliases(const struct page *p, const struct explain_word *word)
{
    AUTO(buf_free) struct buf line = {0};
    struct str list = str_of(word->aliases);
    struct str alias;
    while (str_cut(&list, '|', &alias)) {
        buf_add_z(&line, line.n > 0 ? ", " : "");
        buf_add_str(&line, alias);
    }
    if (line.n > 0) {
        add_heading(p, N_("Also written"));
        text_wrap(p->out, buf_str(&line), 4, 4, p->term->width);
    }
}

/* The column of the doctor's ids is as wide as this word needs it. */
static unsigned
id_column(const struct explain_causes *causes)
{
    enum { WITH_IDS = 8, WITHOUT = 2 };
    for (size_t i = 0; i < causes->count; i++) {
        if (causes->items[i].id.n > 0) {
            return WITH_IDS;
        }
    }
    return WITHOUT;
}

static void
add_causes(const struct page *p, const struct explain_word *word)
{
    enum { INDENT = 4 };
    struct explain_causes causes;
    explain_causes(word, &causes);
    unsigned column = id_column(&causes);
    if (causes.count > 0) {
        add_heading(p, N_("Likely causes"));
    }
    for (size_t i = 0; i < causes.count; i++) {
        AUTO(buf_free) struct buf line = {0};
        struct str id = causes.items[i].id.n > 0 ? causes.items[i].id : STR("-");
        buf_addf(&line, "%-*.*s%s", (int)column, STR_ARG(id), tr(causes.items[i].text));
        text_wrap(p->out, buf_str(&line), INDENT, INDENT + column, p->term->width);
    }
}

static void
add_step(const struct page *p, enum explain_step step)
{
    const char *command = explain_step_command(step);
    add_text(p, 4, explain_step_text(step));
    if (command[0] != '\0') {
        buf_addf(p->out, "        %s\n", command); /* never broken: it is pasted */
    }
}

static void
add_steps(const struct page *p, const struct explain_word *word)
{
    add_heading(p, N_("What to do next"));
    for (size_t i = 0; i < COUNT_OF(word->steps) && word->steps[i] != EXPLAIN_NO_STEP; i++) {
        add_step(p, word->steps[i]);
    }
}

static void
add_word(const struct page *p, const struct explain_word *word)
{
    AUTO(buf_free) struct buf name = {0};
    add_name(&name, word);
    add_title(p, buf_str(&name), explain_kind_title(word->kind));
    add_section(p, N_("What it means"), word->meaning);
    add_section(p, N_("Who says it"), explain_maker_text(word->maker));
    add_aliases(p, word);
    add_causes(p, word);
    add_steps(p, word);
}

static const char finding_title[] = N_("finding of the doctor");
static const char finding_maker[] =
    N_("openalb doctor says it when it has examined an address and found this cause.");

static void
add_finding(const struct page *p, const struct answer *a)
{
    AUTO(buf_free) struct buf line = {0};
    if (!finding_explain(a->finding, p->term, p->out)) {
        add_title(p, a->finding, finding_title);
        add_section(p, N_("What it means"), a->suspect);
    }
    add_section(p, N_("Who says it"), finding_maker);
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *word = explain_word_at(i);
        if (may_come_from(word, a->finding)) {
            buf_addf(&line, "%s%s:%s", line.n > 0 ? ", " : "", explain_kind_word(word->kind),
                     word->key);
        }
    }
    add_heading(p, N_("Words that it can cause"));
    text_wrap(p->out, buf_str(&line), 4, 4, p->term->width);
    add_heading(p, N_("What to do next"));
    add_step(p, EXPLAIN_DO_DOCTOR);
}

static void
write_text(struct buf *out, const struct term *t, const struct answer *a)
{
    const struct page p = {out, t};
    for (size_t i = 0; i < a->found.count; i++) {
        buf_add_z(out, i > 0 ? "\n" : "");
        add_word(&p, a->found.words[i]);
    }
    if (a->found.not_shown > 0) {
        AUTO(buf_free) struct buf line = {0};
        char count[24];
        (void)snprintf(count, sizeof(count), "%zu", a->found.not_shown); /* fits */
        text_fill(&line, tr(N_("Further meanings, not shown: {count}.")),
                  TEXT_ARGS({"count", str_of(count)}));
        buf_add_char(out, '\n');
        text_wrap(out, buf_str(&line), 0, 0, t->width);
    }
    if (a->suspect != NULL) {
        add_finding(&p, a);
    }
}

/* ---- for programs ---- */

static json_t *
json_text(struct str s)
{
    json_t *text = json_stringn(s.p == NULL ? "" : s.p, s.n);
    ASSERT(text != NULL); /* tables and catalogues are UTF-8 */
    return text;
}

static json_t *
json_or_null(struct str s)
{
    return s.n > 0 ? json_text(s) : json_null();
}

static void
append(json_t *list, json_t *item)
{
    int failed = json_array_append_new(list, item);
    ASSERT(failed == 0);
}

static json_t *
json_aliases(const struct explain_word *word)
{
    json_t *list = json_array();
    struct str rest = str_of(word->aliases);
    struct str alias;
    while (str_cut(&rest, '|', &alias)) {
        if (alias.n > 0) {
            append(list, json_text(alias));
        }
    }
    return list;
}

static json_t *
json_causes(const struct explain_word *word)
{
    struct explain_causes causes;
    explain_causes(word, &causes);
    json_t *list = json_array();
    for (size_t i = 0; i < causes.count; i++) {
        append(list, json_pack("{s:o, s:s}", "id", json_or_null(causes.items[i].id), "text",
                               tr(causes.items[i].text)));
    }
    return list;
}

static json_t *
json_step(enum explain_step step)
{
    return json_pack("{s:s, s:o}", "text", tr(explain_step_text(step)), "command",
                     json_or_null(str_of(explain_step_command(step))));
}

static json_t *
json_steps(const struct explain_word *word)
{
    json_t *list = json_array();
    for (size_t i = 0; i < COUNT_OF(word->steps) && word->steps[i] != EXPLAIN_NO_STEP; i++) {
        append(list, json_step(word->steps[i]));
    }
    return list;
}

static json_t *
json_word(const struct explain_word *word)
{
    json_t *number = word->number == EXPLAIN_UNNUMBERED ? json_null() : json_integer(word->number);
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o}", "kind", explain_kind_word(word->kind),
        "kind_title", tr(explain_kind_title(word->kind)), "key", word->key, "number", number,
        "aliases", json_aliases(word), "meaning", tr(word->meaning), "said_by",
        tr(explain_maker_text(word->maker)), "causes", json_causes(word), "next", json_steps(word));
}

static json_t *
json_finding(const struct answer *a)
{
    json_t *words = json_array();
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *word = explain_word_at(i);
        if (may_come_from(word, a->finding)) {
            append(words, json_pack("{s:s, s:s}", "kind", explain_kind_word(word->kind), "key",
                                    word->key));
        }
    }
    return json_pack("{s:s, s:s, s:o, s:n, s:[], s:s, s:s, s:[], s:[o], s:o}", "kind", "finding",
                     "kind_title", tr(finding_title), "key", json_text(a->finding), "number",
                     "aliases", "meaning", tr(a->suspect), "said_by", tr(finding_maker), "causes",
                     "next", json_step(EXPLAIN_DO_DOCTOR), "words", words);
}

static void
dump(struct buf *out, json_t *list)
{
    char *text = json_dumps(list, JSON_INDENT(2));
    ASSERT(text != NULL);
    buf_add_z(out, text);
    buf_add_char(out, '\n');
    xfree(text); /* jansson made it on the same heap */
    json_decref(list);
}

static void
write_json(struct buf *out, const struct answer *a)
{
    json_t *list = json_array();
    for (size_t i = 0; i < a->found.count; i++) {
        append(list, json_word(a->found.words[i]));
    }
    if (a->suspect != NULL) {
        append(list, json_finding(a));
    }
    dump(out, list);
}

/* ---- nothing found ---- */

static void
say_nothing_found(struct str typed)
{
    AUTO(buf_free) struct buf line = {0};
    if (typed.n > LIMIT_EXPLAIN_WORD_BYTES) {
        char limit[24];
        (void)snprintf(limit, sizeof(limit), "%d", LIMIT_EXPLAIN_WORD_BYTES); /* fits */
        text_fill(&line, tr(N_("The word is longer than {limit} bytes; no word is.")),
                  TEXT_ARGS({"limit", str_of(limit)}));
    } else {
        text_fill_as(&line, TEXT_TERMINAL, tr(N_("The word \"{word}\" is not known.")),
                     TEXT_ARGS({"word", typed}));
    }
    complain(buf_str(&line));
}

static void
say_near(struct str typed)
{
    struct explain_found near;
    explain_near(typed, &near);
    if (near.count == 0) {
        (void)fprintf(stderr, "%s\n", tr(N_("All words: openalb explain --list")));
        return;
    }
    (void)fprintf(stderr, "%s\n", tr(N_("Did you mean:")));
    for (size_t i = 0; i < near.count; i++) {
        AUTO(buf_free) struct buf name = {0};
        add_name(&name, near.words[i]);
        (void)fprintf(stderr, "  %.*s (%s)\n", STR_ARG(buf_str(&name)),
                      tr(explain_kind_title(near.words[i]->kind)));
    }
}

/* ---- lists ---- */

static void
add_list_line(struct buf *out, const struct explain_word *word)
{
    buf_addf(out, "%s:", explain_kind_word(word->kind));
    add_name(out, word);
    buf_add_char(out, '\n');
}

static void
complain_kind(struct str wanted)
{
    AUTO(buf_free) struct buf kinds = {0};
    AUTO(buf_free) struct buf line = {0};
    for (size_t i = 0; i < EXPLAIN_KIND_COUNT; i++) {
        buf_addf(&kinds, "%s%s", i > 0 ? ", " : "", explain_kind_word((enum explain_kind)i));
    }
    text_fill_as(&line, TEXT_TERMINAL, tr(N_("There is no kind \"{kind}\"; there are: {kinds}")),
                 TEXT_ARGS({"kind", str_sub(wanted, 0, LIMIT_EXPLAIN_WORD_BYTES)},
                           {"kinds", buf_str(&kinds)}));
    complain(buf_str(&line));
}

static int
list_words(const struct explain_command *c)
{
    enum explain_kind kind = EXPLAIN_KIND_COUNT;
    struct str wanted = buf_str(&c->typed);
    if (wanted.n > 0 && !explain_kind_parse(wanted, &kind)) {
        complain_kind(wanted);
        return EXIT_CLI_USAGE;
    }
    AUTO(buf_free) struct buf out = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *word = explain_word_at(i);
        if (kind != EXPLAIN_KIND_COUNT && word->kind != kind) {
            continue;
        }
        if (c->json) {
            append(list, json_word(word));
        } else {
            add_list_line(&out, word);
        }
    }
    if (c->json) {
        dump(&out, list);
    } else {
        json_decref(list);
    }
    return print(&out, EXIT_OK);
}

/* ---- the command line ---- */

/* The value of an option, as "--lang ja" or "--lang=ja". */
static enum err
take_value(struct str word, struct str name, int argc, char **argv, int *at, const char **ret_value,
           struct errinfo *reterr)
{
    if (word.n > name.n) {
        *ret_value = word.p + name.n + 1; /* behind '='; arguments end with NUL */
        return ERR_OK;
    }
    if (*at == argc) {
        return text_err(reterr, ERR_INVALID, N_("The option {option} needs a value."),
                        TEXT_ARGS({"option", name}));
    }
    *ret_value = argv[(*at)++];
    return ERR_OK;
}

static bool
is_option(struct str word, struct str name, bool valued)
{
    return str_eq(word, name) ||
           (valued && word.n > name.n && str_starts(word, name) && word.p[name.n] == '=');
}

/* One word of the command line, and its value if it has one. "-107" is no option. */
static enum err
take(struct explain_command *c, int argc, char **argv, int *at, struct errinfo *reterr)
{
    const struct {
        struct str name;
        bool *flag;
        const char **value;
    } options[] = {
        {STR("--list"), &c->list, NULL},   {STR("--json"), &c->json, NULL},
        {STR("--help"), &c->help, NULL},   {STR("-h"), &c->help, NULL},
        {STR("--color"), NULL, &c->color}, {STR("--lang"), NULL, &c->lang},
    };
    struct str word = str_of(argv[(*at)++]);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (!is_option(word, options[i].name, options[i].value != NULL)) {
            continue;
        }
        if (options[i].value != NULL) {
            return take_value(word, options[i].name, argc, argv, at, options[i].value, reterr);
        }
        *options[i].flag = true;
        return ERR_OK;
    }
    if (word.n > 1 && word.p[0] == '-' && !ascii_is_digit(word.p[1])) {
        return text_err(reterr, ERR_INVALID, N_("There is no option \"{option}\"."),
                        TEXT_ARGS({"option", str_sub(word, 0, LIMIT_EXPLAIN_WORD_BYTES)}));
    }
    buf_add_z(&c->typed, c->typed.n > 0 ? " " : "");
    buf_add_str(&c->typed, word);
    return ERR_OK;
}

static enum err
read_command(struct explain_command *c, int argc, char **argv, struct errinfo *reterr)
{
    for (int at = 1; at < argc;) {
        TRY(take(c, argc, argv, &at, reterr));
    }
    if (c->lang != NULL) {
        TRY(text_init(argv[0], c->lang, reterr));
    }
    if (str_trim(buf_str(&c->typed)).n == 0 && !c->list && !c->help) {
        return text_err(reterr, ERR_INVALID,
                        N_("Which word? For example: openalb explain ERR_SSL_PROTOCOL_ERROR"), NULL,
                        0);
    }
    return ERR_OK;
}

static void
command_done(struct explain_command *c)
{
    buf_free(&c->typed);
}

static int
answer_word(const struct explain_command *c, const struct term *t)
{
    AUTO(buf_free) struct buf out = {0};
    struct answer a = {.suspect = NULL};
    struct str typed = buf_str(&c->typed);
    bool found = explain_search(typed, &a.found) || explain_finding(typed, &a);
    if (c->json) {
        write_json(&out, &a);
    } else {
        write_text(&out, t, &a);
    }
    if (!found) {
        say_nothing_found(typed);
        say_near(typed);
    }
    return print(&out, found ? EXIT_OK : EXIT_FAULT);
}

int
cmd_explain(int argc, char **argv)
{
    AUTO(command_done) struct explain_command c = {.json = false};
    struct errinfo error = {""};
    struct term t;
    if (read_command(&c, argc, argv, &error) != ERR_OK ||
        term_init(&t, stdout, c.color, &error) != ERR_OK) {
        complain(str_of(error.text));
        (void)fputs(tr(usage), stderr); /* nowhere else to say it */
        return EXIT_CLI_USAGE;
    }
    if (c.help) {
        (void)fputs(tr(usage), stdout); /* nothing depends on it */
        return EXIT_OK;
    }
    return c.list ? list_words(&c) : answer_word(&c, &t);
}
