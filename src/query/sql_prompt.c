/* SPDX-License-Identifier: Apache-2.0
 * The prompt: lines with editing, history and completion (libedit), statements of several lines,
 * dot commands; or statements from a pipe. SIGINT ends what runs and clears what is typed. */
#include "query/sql_int.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

enum { HISTORY_LINES = 1000 };

struct prompt {
    struct sql *sql;
    struct sql_output output;
    struct buf statement; /* owned: what is typed so far */
    FILE *in;
    uint64_t rows, failed;
    bool broken; /* the output takes no more */
    char *line;  /* owned by getline */
    size_t line_cap;
};

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number UNUSED)
{
    interrupted = 1;
}

/* ---- statements and commands ---- */

static void
say(const char *text)
{
    (void)fprintf(stderr, "%s\n", text); /* nowhere else to say it */
}

static void
statement_done(struct prompt *p)
{
    struct errinfo problem = {{0}};
    uint64_t rows = 0;
    enum err err = sql_print(p->sql, buf_str(&p->statement), &p->output, &rows, &problem);
    p->rows += rows;
    if (err != ERR_OK) {
        p->failed++;
        p->broken |= ferror(p->output.out) != 0;
        say(problem.text);
    }
    buf_reset(&p->statement);
}

static void
mode_set(struct prompt *p, struct str word)
{
    if (!sql_mode_find(str_trim(word), &p->output.mode)) {
        say(tr(N_("The modes are table, json and csv.")));
    }
}

/* A line that begins with a point. False: it ends the prompt. */
static bool
command_run(struct prompt *p, struct str command)
{
    if (str_eq(command, STR(".quit")) || str_eq(command, STR(".exit"))) {
        return false;
    }
    if (str_starts(command, STR(".mode"))) {
        mode_set(p, str_sub(command, STR(".mode").n, command.n));
        return true;
    }
    AUTO(buf_free) struct buf text = {0};
    if (!sql_dot_text(command, &text)) {
        say(tr(N_("There is no such command; .help lists them.")));
        p->failed++;
        return true;
    }
    bool fine = fwrite(text.p, 1, text.n, p->output.out) == text.n;
    p->broken |= fflush(p->output.out) != 0 || !fine;
    return true;
}

/* One more line. False: the end. */
static bool
line_take(struct prompt *p, struct str line)
{
    struct str trimmed = str_trim(line);
    if (trimmed.n > 0 && trimmed.p[trimmed.n - 1] == '\r') {
        trimmed.n--;
    }
    if (p->statement.n == 0 && (trimmed.n == 0 || trimmed.p[0] == '.')) {
        return trimmed.n == 0 || command_run(p, trimmed);
    }
    buf_add_str(&p->statement, line);
    buf_add_char(&p->statement, '\n');
    if (p->statement.n > LIMIT_SQL_STATEMENT_BYTES || sqlite3_complete(p->statement.p) != 0) {
        statement_done(p);
    }
    return !p->broken;
}

/* ---- from a pipe ---- */

static void
pipe_read(struct prompt *p)
{
    ssize_t n;
    while (p->failed == 0 && (n = getline(&p->line, &p->line_cap, p->in)) >= 0) {
        struct str line = {p->line, (size_t)n};
        if (line.n > 0 && line.p[line.n - 1] == '\n') {
            line.n--;
        }
        if (!line_take(p, line)) {
            return;
        }
    }
    if (p->statement.n > 0 && p->failed == 0) {
        statement_done(p); /* the last one needs no `;` */
    }
}

/* ---- from a terminal ---- */

static struct prompt *
prompt_of(EditLine *edit)
{
    void *p = NULL;
    int got = el_get(edit, EL_CLIENTDATA, &p);
    ASSERT(got == 0);
    ASSERT(p != NULL);
    return p;
}

static char *
prompt_text(EditLine *edit)
{
    static char first[] = "sql> ";
    static char next[] = "...> ";
    return prompt_of(edit)->statement.n == 0 ? first : next;
}

/* One character for libedit. Its own reading starts again after a signal; here SIGINT ends the
 * line.
 */
static int
read_character(EditLine *edit, wchar_t *ret_character)
{
    char bytes[4];
    size_t n = 0;
    struct prompt *p = prompt_of(edit);
    for (;;) {
        if (interrupted) {
            return -1;
        }
        ssize_t got = read(fileno(p->in), bytes + n, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return (int)got;
        }
        struct str rest = {bytes, ++n};
        uint32_t point;
        if (text_utf8_next(&rest, &point)) {
            *ret_character = (wchar_t)point;
            return 1;
        }
        if (n == sizeof(bytes) || ((unsigned char)bytes[0] & 0xc0) != 0xc0) {
            *ret_character = L'?'; /* no UTF-8 */
            return 1;
        }
    }
}

static bool
is_word_character(char c)
{
    return ascii_is_alnum(c) || c == '_' || c == '.';
}

/* The words that begin with `begun`: how many, and what they have in common. */
static size_t
words_match(struct str begun, struct str *ret_common, struct buf *list)
{
    size_t matches = 0;
    const char *word;
    for (size_t i = 0; (word = sql_word(i)) != NULL; i++) {
        struct str w = str_of(word);
        if (!str_istarts(w, begun)) {
            continue;
        }
        size_t same = 0;
        while (matches > 0 && same < MIN_OF(w.n, ret_common->n) &&
               ascii_lower(w.p[same]) == ascii_lower(ret_common->p[same])) {
            same++;
        }
        if (matches > 0 && same == w.n && same == ret_common->n) {
            continue; /* a column of two tables */
        }
        *ret_common = matches++ == 0 ? w : str_sub(*ret_common, 0, same);
        buf_addf(list, "%s  ", word);
    }
    return matches;
}

static unsigned char
complete(EditLine *edit, int character UNUSED)
{
    const LineInfo *info = el_line(edit);
    const char *begin = info->cursor;
    while (begin > info->buffer && is_word_character(begin[-1])) {
        begin--;
    }
    struct str begun = str_span(begin, info->cursor);
    size_t point;
    if (str_rfind_char(begun, '.', &point) && point > 0) {
        begun = str_sub(begun, point + 1, begun.n); /* a.time: what is behind the table's name */
    }
    struct str common = STR_NONE;
    AUTO(buf_free) struct buf list = {0};
    size_t matches = begun.n > 0 ? words_match(begun, &common, &list) : 0;
    if (matches == 0) {
        return CC_REFRESH_BEEP;
    }
    if (common.n > begun.n) {
        AUTO(xfree_ptr) char *rest = xstrdup_str(str_sub(common, begun.n, common.n));
        return el_insertstr(edit, rest) == 0 ? CC_REFRESH : CC_ERROR;
    }
    if (matches == 1) {
        return el_insertstr(edit, " ") == 0 ? CC_REFRESH : CC_ERROR;
    }
    struct prompt *p = prompt_of(edit);
    (void)fputc('\n', p->output.out); /* a terminal; the prompt is shown again below */
    AUTO(buf_free) struct buf wrapped = {0};
    text_wrap(&wrapped, buf_str(&list), 2, 2, p->output.term->width);
    (void)fputs(wrapped.p, p->output.out);
    return CC_REDISPLAY;
}

/* Asks for lines until the end of input or .quit. */
static void
lines_edit(struct prompt *p, EditLine *edit, History *typed)
{
    for (;;) {
        int n = 0;
        HistEvent event;
        interrupted = 0;
        const char *line = el_gets(edit, &n);
        /* A line that was entered counts: SIGINT then stops what it says. */
        bool entered = line != NULL && n > 0 && line[n - 1] == '\n';
        if (interrupted && !entered) {
            el_reset(edit);
            buf_reset(&p->statement);
            (void)fputc('\n', p->output.out);
            continue;
        }
        if (line == NULL || n <= 0) {
            (void)fputc('\n', p->output.out);
            return;
        }
        struct str text = {line, (size_t)n};
        if (text.p[text.n - 1] == '\n') {
            text.n--;
        }
        if (str_trim(text).n > 0) {
            (void)history(typed, &event, H_ENTER, line); /* without it the line still counts */
        }
        if (!line_take(p, text)) {
            return;
        }
    }
}

static void
terminal_read(struct prompt *p)
{
    HistEvent event;
    History *typed = history_init();
    EditLine *edit = el_init("openalb", p->in, p->output.out, stderr);
    if (typed == NULL || edit == NULL) {
        say(tr(N_("The terminal cannot be used for editing lines.")));
        p->failed++;
    } else {
        (void)history(typed, &event, H_SETSIZE, HISTORY_LINES); /* a default stands otherwise */
        /* What cannot be set leaves a plainer prompt. */
        (void)el_set(edit, EL_CLIENTDATA, p);
        (void)el_set(edit, EL_PROMPT, prompt_text);
        (void)el_set(edit, EL_EDITOR, "emacs");
        (void)el_set(edit, EL_HIST, history, typed);
        (void)el_set(edit, EL_GETCFN, read_character);
        /* el_set() would copy both texts and never free them. */
        (void)el_wset(edit, EL_ADDFN, L"complete", L"completes a word", complete);
        (void)el_set(edit, EL_BIND, "^I", "complete", NULL);
        lines_edit(p, edit, typed);
    }
    if (edit != NULL) {
        el_end(edit);
    }
    if (typed != NULL) {
        history_end(typed);
    }
}

/* The same with what libedit and the person need around it: SIGINT is ours, without SA_RESTART, so
 * that waiting for a key ends; and libedit asks the locale what a character is. */
static enum err
terminal_session(struct prompt *p, struct errinfo *reterr)
{
    struct sigaction before;
    struct sigaction action = {.sa_handler = on_interrupt};
    const volatile sig_atomic_t *stop = p->sql->stop;
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, &before) != 0) {
        return err_errno(reterr, "sigaction");
    }
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    locale_t others = utf8 == NULL ? NULL : uselocale(utf8);
    p->sql->stop = &interrupted;
    terminal_read(p);
    p->sql->stop = stop;
    if (utf8 != NULL) {
        (void)uselocale(others); /* it stood before */
        freelocale(utf8);
    }
    (void)sigaction(SIGINT, &before, NULL); /* it was valid before */
    return ERR_OK;
}

enum err
sql_prompt(struct sql *sql, FILE *in, const struct sql_output *output, uint64_t *ret_rows,
           uint64_t *ret_failed, struct errinfo *reterr)
{
    struct prompt p = {.sql = sql, .output = *output, .in = in};
    if (isatty(fileno(in)) == 1) {
        TRY(terminal_session(&p, reterr));
    } else {
        pipe_read(&p);
    }
    *ret_rows = p.rows;
    *ret_failed = p.failed;
    buf_free(&p.statement);
    xfree(p.line);
    if (p.broken) {
        return text_err(reterr, ERR_CLOSED, N_("The output takes no more."), NULL, 0);
    }
    return ERR_OK;
}
