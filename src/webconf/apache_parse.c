/* SPDX-License-Identifier: Apache-2.0
 * Apache's syntax: one directive a line, sections in angle brackets, quotes, continued lines,
 * ${VARIABLES} of Define. Conditions on modules and defines are decided here, while reading. */
#include "webconf/webconf_int.h"

#include "base/mem.h"

struct reader {
    struct webconf *c;
    const struct source *src;
    struct str in;
    size_t at;
    unsigned line, first_line; /* next to read; where the directive at hand began */
    size_t begin, end;         /* of that directive in the file */
    struct buf text;           /* owned: it, continued lines joined, variables filled in */
    struct word *words;        /* owned */
    size_t count, cap;
    struct str skip_section; /* a section that does not count is being skipped up to its end */
    unsigned skip_depth;     /* how many of that name are open */
    unsigned skip_line;
    bool cut;
};

/* ---- lines ---- */

/* The next line with those that continue it; false at the end of the file. */
static bool
next_line(struct reader *r, struct buf *out)
{
    buf_reset(out);
    if (r->at >= r->in.n) {
        return false;
    }
    r->begin = r->at;
    r->first_line = r->line;
    for (bool goes_on = true; goes_on && r->at < r->in.n;) {
        struct str rest = str_sub(r->in, r->at, SIZE_MAX);
        size_t n = rest.n;
        bool ended = str_find_char(rest, '\n', &n);
        struct str line = str_sub(rest, 0, n);
        r->at += n + ended;
        r->line++;
        if (str_ends(line, STR("\r"))) {
            line.n--;
        }
        r->end = r->begin + (size_t)(line.p + line.n - (r->in.p + r->begin));
        goes_on = str_ends(line, STR("\\"));
        buf_add(out, line.p, line.n - goes_on);
    }
    return true;
}

static const struct str *
define_value(const struct webconf *c, struct str name)
{
    for (size_t i = c->define_count; i > 0; i--) {
        if (str_eq(c->defines[i - 1].name, name)) {
            return &c->defines[i - 1].value;
        }
    }
    return NULL;
}

/* ${NAME} by its value; names that are not known (of the environment) stay as they are. */
static void
fill_variables(const struct webconf *c, struct str line, struct buf *out)
{
    while (line.n > 0 && out->n < LIMIT_WEBCONF_LINE) {
        size_t at = 0, close = 0;
        if (!str_find(line, STR("${"), &at) ||
            !str_find_char(str_sub(line, at, SIZE_MAX), '}', &close)) {
            break;
        }
        const struct str *value = define_value(c, str_sub(line, at + 2, close - 2));
        buf_add_str(out, str_sub(line, 0, at));
        buf_add_str(out, value != NULL ? *value : str_sub(line, at, close + 1));
        line = str_sub(line, at + close + 1, SIZE_MAX);
    }
    buf_add_str(out, line);
}

/* ---- words ---- */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The word that begins at *at of `line`; a quoted one without its quotes. Inside quotes a backslash
 * hides a quote or a backslash [Apache: ap_getword_conf]. */
static struct str
take_word(struct reader *r, struct str line, size_t *at)
{
    char quote = line.p[*at] == '"' || line.p[*at] == '\'' ? line.p[*at] : '\0';
    size_t i = *at + (quote != '\0');
    AUTO(buf_free) struct buf word = {0};
    while (i < line.n && (quote != '\0' ? line.p[i] != quote : !is_blank(line.p[i]))) {
        bool hidden = quote != '\0' && line.p[i] == '\\' && i + 1 < line.n &&
                      (line.p[i + 1] == quote || line.p[i + 1] == '\\');
        i += hidden;
        buf_add_char(&word, line.p[i]);
        i++;
    }
    if (quote != '\0' && i >= line.n) {
        (void)conf_remark(r->c, WEBCONF_REMARK_QUOTE_NOT_CLOSED, r->src, r->first_line,
                          str_sub(r->in, r->begin, MIN_OF(r->end - r->begin, (size_t)80)));
    }
    *at = i + (quote != '\0' && i < line.n);
    return conf_dup(r->c, buf_str(&word));
}

static void
split(struct reader *r, struct str line)
{
    r->count = 0;
    for (size_t at = 0; at < line.n;) {
        if (is_blank(line.p[at])) {
            at++;
            continue;
        }
        struct word *w = VEC_PUSH(r->words, r->count, r->cap);
        w->line = r->first_line;
        w->s = take_word(r, line, &at);
    }
}

/* ---- conditions ---- */

/* Modules that are part of every server, whatever LoadModule says. */
static bool
is_built_in(struct str module)
{
    static const char *const names[] = {
        "core",           "so",        "http_core",   "mod_so",       "mod_unixd",  "mod_http",
        "mod_log_config", "mod_logio", "mod_version", "mod_watchdog", "log_config", "logio",
        "version",        "watchdog",  "unixd",       "http"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(module, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* "mod_ssl.c" and "ssl_module" mean the same module: "ssl". */
static struct str
module_stem(struct str s)
{
    if (str_ends(s, STR("_module"))) {
        return str_sub(s, 0, s.n - strlen("_module"));
    }
    if (str_ends(s, STR(".c"))) {
        s = str_sub(s, 0, s.n - strlen(".c"));
    }
    return str_starts(s, STR("mod_")) ? str_sub(s, strlen("mod_"), SIZE_MAX) : s;
}

/* Where no LoadModule was read at all (a file of its own), every module counts as loaded. */
static bool
module_loaded(const struct webconf *c, struct str name)
{
    struct str stem = module_stem(name);
    if (c->module_count == 0) {
        return !str_eq(stem, STR("gnutls")); /* never beside mod_ssl */
    }
    if (is_built_in(stem)) {
        return true;
    }
    for (size_t i = 0; i < c->module_count; i++) {
        if (str_eq(module_stem(c->modules[i]), stem)) {
            return true;
        }
    }
    return false;
}

/* Does a section that wraps others hold? Its children then count as if they stood outside. */
static bool
condition_holds(const struct webconf *c, struct str section, struct str arg)
{
    bool negated = str_starts(arg, STR("!"));
    struct str name = str_sub(arg, negated, SIZE_MAX);
    bool holds = true;
    if (str_ieq(section, STR("IfModule"))) {
        holds = module_loaded(c, name);
    } else if (str_ieq(section, STR("IfDefine"))) {
        holds = define_value(c, name) != NULL;
    }
    return holds != negated;
}

static bool
is_condition(struct str section)
{
    static const char *const names[] = {"IfModule", "IfDefine",    "IfVersion",
                                        "IfFile",   "IfDirective", "IfSection"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_ieq(section, str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

/* ---- directives ---- */

static void
undefine(struct webconf *c, struct str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->define_count; i++) {
        if (!str_eq(c->defines[i].name, name)) {
            c->defines[kept++] = c->defines[i];
        }
    }
    c->define_count = kept;
}

/* Directives that change how the rest is read. */
static void
act(struct webconf *c, const struct directive *d, struct directive *parent)
{
    struct str arg = directive_arg(d, 0);
    if (directive_is(d, "Include") || directive_is(d, "IncludeOptional")) {
        conf_include(c, parent, d, arg, directive_is(d, "IncludeOptional"));
    } else if (directive_is(d, "Define") && d->argc > 0) {
        undefine(c, arg);
        *VEC_PUSH(c->defines, c->define_count, c->define_cap) =
            (struct named){arg, directive_arg(d, 1)};
    } else if (directive_is(d, "UnDefine")) {
        undefine(c, arg);
    } else if (directive_is(d, "LoadModule") && d->argc > 0) {
        *VEC_PUSH(c->modules, c->module_count, c->module_cap) = arg;
    } else if (directive_is(d, "ServerRoot") && d->argc > 0 && !str_find(arg, STR("${"), NULL)) {
        bool rooted = c->root != NULL && !str_starts(arg, str_of(c->root));
        c->base = rooted ? path_join(c, str_of(c->root), arg) : conf_dup_z(c, arg);
    } else if (directive_is(d, "Use") && d->argc > 0) {
        struct webconf_remark *m =
            conf_remark(c, WEBCONF_REMARK_MACRO_NOT_FOLLOWED, d->src, d->line, directive_text(d));
        if (m->kind == WEBCONF_REMARK_MACRO_NOT_FOLLOWED && m->arg_count == 0) {
            webconf_remark_arg(m, "name", arg);
        }
    }
}

static struct directive *
add(struct reader *r, struct directive *parent)
{
    struct directive *d = conf_add(r->c, parent, r->words, r->count, r->src);
    if (d == NULL) {
        r->cut = true;
        return NULL;
    }
    d->begin = r->begin;
    while (d->begin < r->end && is_blank(r->in.p[d->begin])) {
        d->begin++;
    }
    d->end = r->end;
    return d;
}

/* "<Name args>". The closing bracket may stick to the last word; where it is missing, all is taken.
 */
static struct directive *
open_section(struct reader *r, struct str line, struct directive *parent)
{
    line = str_sub(line, 1, SIZE_MAX);
    if (str_ends(line, STR(">"))) {
        line.n--;
    }
    split(r, line);
    if (r->count == 0) {
        return parent;
    }
    struct directive *d = add(r, parent);
    if (d == NULL) {
        return parent;
    }
    d->block = true;
    if ((is_condition(d->name) && !condition_holds(r->c, d->name, directive_arg(d, 0))) ||
        directive_is(d, "Macro")) {
        r->skip_section = d->name;
        r->skip_depth = 1;
        r->skip_line = d->line;
        return parent;
    }
    if (d->depth >= LIMIT_WEBCONF_NESTING) {
        (void)conf_remark(r->c, WEBCONF_REMARK_BLOCKS_TOO_DEEP, r->src, d->line, directive_text(d));
        r->cut = true;
    }
    return d;
}

static struct str
section_name(struct str line, size_t skip)
{
    line = str_sub(line, skip, SIZE_MAX);
    size_t n = 0;
    while (n < line.n && !is_blank(line.p[n]) && line.p[n] != '>') {
        n++;
    }
    return str_sub(line, 0, n);
}

static void
say_section(struct reader *r, enum webconf_remark_kind kind, unsigned line, struct str name,
            struct str text)
{
    size_t before = r->c->remarks->count;
    struct webconf_remark *m = conf_remark(r->c, kind, r->src, line, text);
    if (r->c->remarks->count > before) {
        webconf_remark_arg(m, "name", name);
    }
}

/* "</Name>": closes the section that is open. One that does not fit closes as many as it takes, if
 * it is open further out. */
static struct directive *
close_section(struct reader *r, struct str line, struct directive *open,
              const struct directive *top)
{
    struct str name = section_name(line, 2);
    struct directive *d = open;
    while (d != top && !str_ieq(d->name, name)) {
        d = d->parent;
    }
    if (d == top) {
        say_section(r, WEBCONF_REMARK_SECTION_NOT_OPENED, r->first_line, name, line);
        return open;
    }
    for (; open != d; open = open->parent) {
        say_section(r, WEBCONF_REMARK_SECTION_NOT_CLOSED, open->line, open->name,
                    directive_text(open));
    }
    return d->parent;
}

/* A line of a section that does not count. */
static void
skip_line(struct reader *r, struct str line)
{
    if (str_starts(line, STR("</"))) {
        r->skip_depth -= str_ieq(section_name(line, 2), r->skip_section);
    } else if (str_starts(line, STR("<"))) {
        r->skip_depth += str_ieq(section_name(line, 1), r->skip_section);
    }
}

static struct directive *
take_line(struct reader *r, struct str line, struct directive *open, const struct directive *top)
{
    if (line.n == 0 || line.p[0] == '#') {
        return open;
    }
    if (r->skip_depth > 0) {
        skip_line(r, line);
        return open;
    }
    if (str_starts(line, STR("</"))) {
        return close_section(r, line, open, top);
    }
    if (line.p[0] == '<') {
        return open_section(r, line, open);
    }
    split(r, line);
    const struct directive *d = r->count == 0 ? NULL : add(r, open);
    if (d != NULL) {
        act(r->c, d, open);
    }
    return open;
}

static void
end_file(struct reader *r, const struct directive *open, const struct directive *top)
{
    if (r->cut) {
        return;
    }
    if (r->skip_depth > 0) {
        say_section(r, WEBCONF_REMARK_SECTION_NOT_CLOSED, r->skip_line, r->skip_section, STR_NONE);
    }
    for (; open != top; open = open->parent) {
        say_section(r, WEBCONF_REMARK_SECTION_NOT_CLOSED, open->line, open->name,
                    directive_text(open));
    }
}

void
apache_parse(struct webconf *c, const struct source *src, struct directive *parent)
{
    struct reader r = {.c = c, .src = src, .in = buf_str(&src->bytes), .line = 1};
    AUTO(buf_free) struct buf line = {0};
    struct directive *open = parent;
    if (str_starts(r.in, STR("\357\273\277"))) {
        r.at = 3; /* the byte order mark of an editor */
    }
    while (!r.cut && next_line(&r, &line)) {
        buf_reset(&r.text);
        fill_variables(c, buf_str(&line), &r.text);
        open = take_line(&r, str_trim(buf_str(&r.text)), open, parent);
        r.cut = r.cut || !conf_spend(c, r.text.n, src, r.first_line);
    }
    end_file(&r, open, parent);
    buf_free(&r.text);
    xfree(r.words);
}
