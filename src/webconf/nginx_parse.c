/* SPDX-License-Identifier: Apache-2.0
 * nginx's syntax: words, quotes, escapes, comments, blocks [nginx: ngx_conf_file.c]. What is broken
 * becomes a remark; reading goes on behind it. */
#include "webconf/webconf_int.h"

#include "base/mem.h"

enum token { TOKEN_WORD, TOKEN_SEMICOLON, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_END };

struct reader {
    struct webconf *c;
    const struct source *src;
    struct str in;
    size_t at;
    unsigned line;
    struct buf word;    /* owned: the word being read, where it is not a piece of the file */
    struct word *words; /* owned: of the directive being read */
    size_t count, cap;
    size_t begin, end; /* of that directive in the file */
    bool cut;          /* nothing more is to be read */
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
step(struct reader *r)
{
    r->line += r->in.p[r->at] == '\n';
    r->at++;
}

static void
skip_blanks(struct reader *r)
{
    while (r->at < r->in.n) {
        char c = r->in.p[r->at];
        if (c == '#') {
            while (r->at < r->in.n && r->in.p[r->at] != '\n') {
                r->at++;
            }
        } else if (is_blank(c)) {
            step(r);
        } else {
            return;
        }
    }
}

/* A backslash and what follows. nginx takes the backslash off before quotes, backslashes and blanks
 * and keeps it everywhere else, so that regular expressions survive. */
static void
take_escape(struct reader *r)
{
    static const struct {
        char from, to;
    } table[] = {{'"', '"'}, {'\'', '\''}, {'\\', '\\'}, {'t', '\t'}, {'r', '\r'}, {'n', '\n'}};
    r->at++;
    if (r->at == r->in.n) {
        buf_add_char(&r->word, '\\');
        return;
    }
    char c = r->in.p[r->at];
    step(r);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (table[i].from == c) {
            buf_add_char(&r->word, table[i].to);
            return;
        }
    }
    buf_add_char(&r->word, '\\');
    buf_add_char(&r->word, c);
}

static void
take_quoted(struct reader *r)
{
    char quote = r->in.p[r->at];
    unsigned line = r->line;
    size_t begin = r->at;
    r->at++;
    while (r->at < r->in.n && r->in.p[r->at] != quote) {
        if (r->in.p[r->at] == '\\') {
            take_escape(r);
        } else {
            buf_add_char(&r->word, r->in.p[r->at]);
            step(r);
        }
    }
    if (r->at == r->in.n) {
        (void)conf_remark(r->c, WEBCONF_REMARK_QUOTE_NOT_CLOSED, r->src, line,
                          str_sub(r->in, begin, 80));
        return;
    }
    r->at++;
}

/* A "{" inside a word belongs to it only behind a "$": ${name}. */
static void
take_bare(struct reader *r)
{
    while (r->at < r->in.n) {
        char c = r->in.p[r->at];
        bool variable = c == '{' && r->word.n > 0 && r->word.p[r->word.n - 1] == '$';
        if (is_blank(c) || c == ';' || (c == '{' && !variable)) {
            return;
        }
        if (c == '\\') {
            take_escape(r);
        } else {
            buf_add_char(&r->word, c);
            r->at++;
        }
    }
}

static void
take_word(struct reader *r)
{
    struct word *w = VEC_PUSH(r->words, r->count, r->cap);
    w->line = r->line;
    buf_reset(&r->word);
    char c = r->in.p[r->at];
    if (c == '"' || c == '\'') {
        take_quoted(r);
        /* What sticks to a closing quote is an error for nginx, but for the ")" of an if. */
        if (r->at < r->in.n && r->in.p[r->at] == ')') {
            buf_add_char(&r->word, ')');
            r->at++;
        }
    } else {
        take_bare(r);
    }
    w->s = conf_dup(r->c, buf_str(&r->word));
}

static enum token
next(struct reader *r)
{
    skip_blanks(r);
    if (r->at >= r->in.n) {
        return TOKEN_END;
    }
    static const struct {
        char c;
        enum token token;
    } marks[] = {{';', TOKEN_SEMICOLON}, {'{', TOKEN_OPEN}, {'}', TOKEN_CLOSE}};
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (r->in.p[r->at] == marks[i].c) {
            r->at++;
            r->end = r->at;
            return marks[i].token;
        }
    }
    if (r->count == 0) {
        r->begin = r->at;
    }
    take_word(r);
    r->end = r->at;
    return TOKEN_WORD;
}

/* ---- code of another language in braces ---- */

static void
skip_lua_string(struct reader *r, char quote)
{
    r->at++;
    while (r->at < r->in.n && r->in.p[r->at] != quote && r->in.p[r->at] != '\n') {
        if (r->in.p[r->at] == '\\' && r->at + 1 < r->in.n) {
            step(r);
        }
        step(r);
    }
    if (r->at < r->in.n) {
        step(r);
    }
}

/* A comment to the end of its line, or "[[ ... ]]"; false: neither begins here. */
static bool
skip_lua_long(struct reader *r)
{
    struct str rest = str_sub(r->in, r->at, SIZE_MAX);
    const char *close = NULL;
    if (str_starts(rest, STR("--[[")) || str_starts(rest, STR("[["))) {
        close = "]]";
    } else if (str_starts(rest, STR("--"))) {
        close = "\n";
    } else {
        return false;
    }
    size_t n = rest.n;
    (void)str_find(rest, str_of(close), &n); /* not there: all that is left */
    for (size_t i = 0; i < n; i++) {
        step(r);
    }
    return true;
}

/* Behind the "{" of a *_by_lua_block: goes behind its "}". */
static void
skip_lua(struct reader *r)
{
    for (size_t depth = 1; r->at < r->in.n;) {
        char c = r->in.p[r->at];
        if (c == '"' || c == '\'') {
            skip_lua_string(r, c);
            continue;
        }
        if (skip_lua_long(r)) {
            continue;
        }
        step(r);
        depth += c == '{';
        depth -= c == '}';
        if (depth == 0) {
            return;
        }
    }
}

/* ---- directives ---- */

/* Directives that begin a line and never stand behind another: seen as a word, the semicolon of
 * the one before is missing. */
static bool
begins_directive(struct str word)
{
    static const char *const names[] = {
        "listen",        "server_name",      "return",     "rewrite",    "location",
        "root",          "proxy_pass",       "include",    "add_header", "ssl_certificate",
        "ssl_protocols", "proxy_set_header", "access_log", "error_log",  "index",
        "try_files"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(word, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* How many of the words belong to the first directive among them. */
static size_t
first_directive(const struct reader *r, size_t from)
{
    size_t n = from + 1;
    while (n < r->count &&
           !(r->words[n].line > r->words[n - 1].line && begins_directive(r->words[n].s))) {
        n++;
    }
    return n;
}

/* Adds what was read since the last directive: one, or several whose semicolons are missing. */
static struct directive *
finish(struct reader *r, struct directive *parent, bool block)
{
    struct directive *d = NULL;
    for (size_t from = 0; from < r->count;) {
        size_t n = first_directive(r, from);
        d = conf_add(r->c, parent, &r->words[from], n - from, r->src);
        if (d == NULL) {
            r->cut = true;
            break;
        }
        d->begin = r->begin;
        d->end = r->end;
        if (n < r->count) {
            (void)conf_remark(r->c, WEBCONF_REMARK_SEMICOLON_MISSING, r->src, d->line,
                              directive_text(d));
        } else {
            d->block = block;
        }
        from = n;
    }
    r->count = 0;
    return d;
}

static void
end_simple(struct reader *r, struct directive *parent)
{
    const struct directive *d = finish(r, parent, false);
    if (d != NULL && directive_is(d, "include")) {
        conf_include(r->c, parent, d, directive_arg(d, 0), false);
    }
}

static struct directive *
open_block(struct reader *r, struct directive *parent)
{
    if (r->count == 0) {
        *VEC_PUSH(r->words, r->count, r->cap) = (struct word){STR_NONE, r->line};
        r->begin = r->end - 1;
    }
    struct directive *d = finish(r, parent, true);
    if (d == NULL) {
        return parent;
    }
    if (str_ends(d->name, STR("_by_lua_block"))) {
        skip_lua(r);
        return parent;
    }
    if (d->depth >= LIMIT_WEBCONF_NESTING) {
        (void)conf_remark(r->c, WEBCONF_REMARK_BLOCKS_TOO_DEEP, r->src, d->line, directive_text(d));
        r->cut = true;
    }
    return d;
}

static struct directive *
close_block(struct reader *r, struct directive *open, const struct directive *top)
{
    if (r->count > 0) { /* nginx wants the semicolon before a brace, too */
        const struct directive *d = finish(r, open, false);
        if (d != NULL) {
            (void)conf_remark(r->c, WEBCONF_REMARK_SEMICOLON_MISSING, r->src, d->line,
                              directive_text(d));
        }
    }
    if (open == top) {
        (void)conf_remark(r->c, WEBCONF_REMARK_BRACE_NOT_OPENED, r->src, r->line, STR("}"));
        return open;
    }
    return open->parent;
}

static void
end_file(struct reader *r, struct directive *open, const struct directive *top)
{
    if (r->cut) {
        return;
    }
    if (r->count > 0) {
        const struct directive *d = finish(r, open, false);
        if (d != NULL) {
            (void)conf_remark(r->c, WEBCONF_REMARK_SEMICOLON_MISSING, r->src, d->line,
                              directive_text(d));
        }
    }
    if (open != top) {
        (void)conf_remark(r->c, WEBCONF_REMARK_BLOCK_NOT_CLOSED, r->src, open->line,
                          directive_text(open));
    }
}

void
nginx_parse(struct webconf *c, const struct source *src, struct directive *parent)
{
    struct reader r = {.c = c, .src = src, .in = buf_str(&src->bytes), .line = 1};
    struct directive *open = parent;
    if (str_starts(r.in, STR("\357\273\277"))) {
        r.at = 3; /* the byte order mark of an editor */
    }
    enum token t = TOKEN_WORD;
    while (t != TOKEN_END && !r.cut) {
        t = next(&r);
        switch (t) {
        case TOKEN_WORD: break;
        case TOKEN_SEMICOLON: end_simple(&r, open); break;
        case TOKEN_OPEN: open = open_block(&r, open); break;
        case TOKEN_CLOSE: open = close_block(&r, open, parent); break;
        case TOKEN_END: end_file(&r, open, parent); break;
        }
    }
    buf_free(&r.word);
    xfree(r.words);
}
