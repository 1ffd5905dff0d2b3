/* SPDX-License-Identifier: Apache-2.0
 * Where Apache's redirects lead: RewriteRule with its conditions, Redirect and its kin, in virtual
 * hosts and the sections in them. */
#include "webconf/webconf_int.h"

enum { CONDS_MAX = 32 };

/* On the way through one section. */
struct walk {
    const struct directive *conds[CONDS_MAX]; /* of the RewriteRule that comes */
    size_t cond_count;
    bool engine;        /* RewriteEngine is on in this section */
    bool leading_slash; /* patterns see the path with its first slash */
    bool maybe;         /* it is not sure that this section is used */
    bool in_location;   /* and it does not take every path */
    bool stopped;
    enum tri last_if; /* for <Else> */
};

/* ---- mended lines ---- */

static bool
find_authority(struct str url, size_t *ret_begin, size_t *ret_end)
{
    static const char *const paths[] = {"%{REQUEST_URI}", "$1", "/", "?"};
    size_t at = 0;
    if (!str_find(url, STR("://"), &at)) {
        return false;
    }
    struct str rest = str_sub(url, at + 3, SIZE_MAX);
    size_t end = rest.n;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        size_t path = 0;
        if (str_find(str_sub(rest, 0, end), str_of(paths[i]), &path)) {
            end = path;
        }
    }
    *ret_begin = at + 3;
    *ret_end = at + 3 + end;
    return true;
}

static struct str
path_of(struct str url)
{
    size_t begin = 0, end = 0;
    return find_authority(url, &begin, &end) ? str_sub(url, end, SIZE_MAX) : url;
}

/* The URL with https and the port that visitors use, for a redirect from plain HTTP. */
static struct str
upgrade_url(struct judge *j, struct str url)
{
    size_t begin = 0, end = 0;
    if (!j->q->https || !judge_port_is_custom(j) || !find_authority(url, &begin, &end)) {
        return url;
    }
    struct str host = str_sub(url, begin, end - begin);
    size_t colon = 0;
    if (str_ieq(host, STR("%{HTTP_HOST}"))) {
        host = STR("%{SERVER_NAME}"); /* the port in the Host header is that of plain HTTP here */
    } else if (!str_find_char(host, '{', NULL) && str_rfind_char(host, ':', &colon)) {
        return url;
    }
    return judge_printf(j, "https://%.*s:%u%.*s", STR_ARG(host), j->port,
                        STR_ARG(str_sub(url, end, SIZE_MAX)));
}

static bool
needs_quotes(struct str s)
{
    return s.n == 0 || str_find_char(s, ' ', NULL) || str_find_char(s, '\t', NULL);
}

static void
add_args(struct buf *b, const struct directive *d, size_t index, struct str word)
{
    buf_add_str(b, d->name);
    for (size_t i = 0; i < d->argc; i++) {
        struct str s = i == index ? word : d->args[i].s;
        const char *quote = needs_quotes(s) ? "\"" : "";
        buf_addf(b, " %s%.*s%s", quote, STR_ARG(s), quote);
    }
}

#define HTTP_ONLY "RewriteCond %{HTTP:X-Forwarded-Proto} !=https\n"

/* Among the conditions the new one comes first: [OR] then still joins the others alone. */
static struct str
mend_rule_loop(struct judge *j, const struct walk *w, const struct directive *d)
{
    struct buf b = {0};
    buf_add_z(&b, HTTP_ONLY);
    for (size_t i = 0; i < w->cond_count; i++) {
        add_args(&b, w->conds[i], SIZE_MAX, STR_NONE);
        buf_add_char(&b, '\n');
    }
    add_args(&b, d, 1, upgrade_url(j, directive_arg(d, 1)));
    return scratch_take(&j->scratch, &b);
}

static const char *
status_of(const struct directive *d)
{
    static const struct {
        const char *word, *code;
    } table[] = {{"permanent", "301"}, {"301", "301"}, {"seeother", "303"},
                 {"303", "303"},       {"307", "307"}, {"308", "308"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (str_ieq(directive_arg(d, 0), str_of(table[i].word))) {
            return table[i].code;
        }
    }
    return directive_is(d, "RedirectPermanent") ? "301" : "302";
}

/* Redirect cannot look at a header: a rule takes its place. */
static struct str
mend_redirect_loop(struct judge *j, const struct directive *d, struct str url)
{
    struct str to = upgrade_url(j, url);
    size_t begin = 0, end = 0;
    if (find_authority(to, &begin, &end)) {
        to = str_sub(to, 0, end);
    }
    return judge_printf(j, "RewriteEngine On\n%sRewriteRule ^ %.*s%%{REQUEST_URI} [R=%s,L]",
                        HTTP_ONLY, STR_ARG(to), status_of(d));
}

/* Host and port as visitors write them: by variable where the directive knows variables. */
static struct str
asked_authority(struct judge *j, bool rule)
{
    return rule ? STR("%{HTTP_HOST}") : judge_http_host(j);
}

static struct str
mend_url(struct judge *j, const struct redirect *r, size_t index, bool rule)
{
    struct buf b = {0};
    if (!rule && str_eq(j->host, STR(ASKED_HOST))) {
        return STR_NONE;
    }
    if ((redirect_faults(j, r) & (1U << REDIRECT_PLAIN)) && r->keeps_path) {
        buf_add_z(&b, "# "); /* every path to itself: there is no right form */
        add_args(&b, r->d, SIZE_MAX, STR_NONE);
        return scratch_take(&j->scratch, &b);
    }
    struct str url = directive_arg(r->d, index);
    struct str mended = judge_printf(j, "https://%.*s%.*s", STR_ARG(asked_authority(j, rule)),
                                     STR_ARG(path_of(url)));
    add_args(&b, r->d, index, mended);
    return scratch_take(&j->scratch, &b);
}

/* ---- redirects ---- */

static unsigned
say(struct judge *j, const struct walk *w, const struct redirect *r, size_t index)
{
    bool rule = directive_is(r->d, "RewriteRule");
    unsigned faults = redirect_faults(j, r);
    bool loop = (faults & (1U << REDIRECT_LOOP)) != 0;
    struct str mended_loop = STR_NONE;
    if (loop) {
        mended_loop = rule ? mend_rule_loop(j, w, r->d)
                           : mend_redirect_loop(j, r->d, directive_arg(r->d, index));
    }
    static const struct {
        enum redirect_fault fault;
        enum webconf_remark_kind kind;
    } table[] = {{REDIRECT_LOOP, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO},
                 {REDIRECT_PLAIN, WEBCONF_REMARK_REDIRECT_TO_HTTP},
                 {REDIRECT_PORT, WEBCONF_REMARK_REDIRECT_LOSES_PORT},
                 {REDIRECT_INNER, WEBCONF_REMARK_REDIRECT_INNER_PORT}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (faults & (1U << table[i].fault)) {
            struct str mended = loop ? mended_loop : mend_url(j, r, index, rule);
            judge_arg(judge_add(j, table[i].kind, r->d, mended, r->sure), "value", r->url);
        }
    }
    return faults;
}

/* A redirect to a path: Apache puts its own scheme, name and port before it. */
static void
say_relative(struct judge *j, const struct redirect *r)
{
    struct redirect made = {.d = r->d, .url = apache_own_url(j, r->url), .sure = r->sure};
    unsigned faults = redirect_faults(j, &made);
    if (faults & (1U << REDIRECT_PLAIN)) {
        judge_arg(judge_add(j, WEBCONF_REMARK_REDIRECT_TO_HTTP, r->d, apache_server_name_line(j),
                            r->sure),
                  "value", made.url);
    } else if (faults != 0) {
        judge_arg(judge_add(j, WEBCONF_REMARK_REDIRECT_LOSES_PORT, r->d,
                            STR("UseCanonicalName Off"), r->sure),
                  "value", made.url);
    }
}

/* True: the visitor is sent away. A redirect that must not be made at all does not count: what
 * stands behind it is judged as if it were mended. */
static bool
take_redirect(struct judge *j, const struct walk *w, const struct redirect *r, size_t index)
{
    if (str_starts(r->url, STR("/"))) {
        say_relative(j, r);
        return true;
    }
    return (say(j, w, r, index) & (1U << REDIRECT_LOOP)) == 0;
}

/* ---- RewriteRule ---- */

/* Groups joined by [OR], all of which must hold. */
static enum tri
conditions_hold(struct judge *j, const struct walk *w)
{
    enum tri all = TRI_YES, group = TRI_NO;
    for (size_t i = 0; i < w->cond_count; i++) {
        struct str flags = directive_arg(w->conds[i], 2);
        group = tri_or(group, apache_rewrite_cond(j, w->conds[i]));
        if (!apache_has_flag(flags, "OR") && !apache_has_flag(flags, "ornext")) {
            all = tri_and(all, group);
            group = TRI_NO;
        }
    }
    bool open =
        w->cond_count > 0 && apache_has_flag(directive_arg(w->conds[w->cond_count - 1], 2), "OR");
    return open ? tri_and(all, group) : all;
}

static bool
ends_rules(struct str flags)
{
    return apache_has_flag(flags, "L") || apache_has_flag(flags, "last") ||
           apache_has_flag(flags, "END") || apache_has_flag(flags, "F") ||
           apache_has_flag(flags, "G");
}

static bool
is_absolute(struct str url)
{
    return str_istarts(url, STR("http://")) || str_istarts(url, STR("https://"));
}

static void
do_rule(struct judge *j, struct walk *w, const struct directive *d)
{
    struct str flags = directive_arg(d, 2), target = directive_arg(d, 1);
    enum tri takes = regex_takes_all(directive_arg(d, 0), w->leading_slash);
    enum tri used = w->engine ? conditions_hold(j, w) : TRI_NO;
    if (used == TRI_NO || d->argc < 2) {
        return;
    }
    struct str url = apache_expand(j, target, takes == TRI_YES ? ASKED_PATH : UNKNOWN_PART);
    bool moves = apache_has_flag(flags, "R") || apache_has_flag(flags, "redirect");
    bool passes = apache_has_flag(flags, "P") || apache_has_flag(flags, "proxy");
    bool redirects = !str_eq(target, STR("-")) && !passes && (moves || is_absolute(url));
    bool sure = takes == TRI_YES && used == TRI_YES && !w->maybe && !w->in_location;
    if (redirects) {
        struct redirect r = {.d = d, .url = url, .sure = sure};
        r.keeps_path = str_find(location_of(url).path, STR(ASKED_PATH), NULL) ||
                       (takes == TRI_YES && !w->in_location);
        redirects = take_redirect(j, w, &r, 1);
        sure = sure && redirects;
    }
    w->stopped = w->stopped || (sure && (redirects || ends_rules(flags)));
}

static void
take_rewrite(struct judge *j, struct walk *w, const struct directive *d)
{
    if (directive_is(d, "RewriteEngine")) {
        w->engine = str_ieq(directive_arg(d, 0), STR("on"));
    } else if (directive_is(d, "RewriteCond") && w->cond_count < CONDS_MAX) {
        w->conds[w->cond_count++] = d;
    } else if (directive_is(d, "RewriteRule")) {
        if (!w->stopped) {
            do_rule(j, w, d);
        }
        w->cond_count = 0;
    }
}

/* ---- Redirect ---- */

static bool
is_status(struct str s)
{
    static const char *const words[] = {"permanent", "temp", "seeother", "gone"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_ieq(s, str_of(words[i]))) {
            return true;
        }
    }
    uint64_t code = 0;
    return str_to_u64(s, &code);
}

/* Redirect [status] [path] URL; RedirectMatch has an expression for the path. */
static void
take_alias(struct judge *j, const struct walk *w, const struct directive *d)
{
    static const char *const names[] = {"Redirect", "RedirectPermanent", "RedirectTemp",
                                        "RedirectMatch"};
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        known = known || directive_is(d, names[i]);
    }
    size_t at = is_status(directive_arg(d, 0));
    if (!known || d->argc <= at) {
        return;
    }
    bool match = directive_is(d, "RedirectMatch"), has_path = d->argc - at >= 2;
    struct str path = has_path ? directive_arg(d, at) : STR("/");
    size_t index = at + has_path;
    enum tri takes = TRI_NO;
    if (match) {
        takes = regex_takes_all(path, true);
    } else if (str_eq(path, STR("/"))) {
        takes = TRI_YES;
    }
    struct str url =
        apache_expand(j, directive_arg(d, index), takes == TRI_YES ? ASKED_PATH : UNKNOWN_PART);
    struct redirect r = {.d = d, .url = url};
    r.sure = takes == TRI_YES && !w->maybe && !w->in_location;
    r.keeps_path = (takes == TRI_YES && !w->in_location) ||
                   (!match && has_path && str_eq(location_of(url).path, path));
    if (!match && takes == TRI_YES && !w->in_location) {
        r.url = judge_printf(j, "%.*s" ASKED_PATH, STR_ARG(url)); /* the rest of the path follows */
    }
    (void)take_redirect(j, w, &r, index);
}

/* ---- sections ---- */

static void walk_section(struct judge *j, struct walk *w, const struct directive *block);

static bool
is_any_of(const struct directive *d, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (directive_is(d, names[i])) {
            return true;
        }
    }
    return false;
}

/* <If> and its kin: does it hold? */
static enum tri
section_holds(struct judge *j, struct walk *w, const struct directive *d)
{
    enum tri t = TRI_YES;
    if (directive_is(d, "If")) {
        t = apache_expression(j, directive_arg(d, 0));
        w->last_if = t;
    } else if (directive_is(d, "ElseIf")) {
        t = tri_and(tri_not(w->last_if), apache_expression(j, directive_arg(d, 0)));
        w->last_if = tri_or(w->last_if, t);
    } else if (directive_is(d, "Else")) {
        t = tri_not(w->last_if);
    }
    return t;
}

static void
take_section(struct judge *j, struct walk *w, const struct directive *d)
{
    static const char *const by_path[] = {"Location",       "LocationMatch", "Directory",
                                          "DirectoryMatch", "Files",         "FilesMatch"};
    static const char *const by_word[] = {"If", "ElseIf", "Else"};
    bool path = is_any_of(d, by_path, COUNT_OF(by_path));
    if (!path && !is_any_of(d, by_word, COUNT_OF(by_word))) {
        return;
    }
    enum tri t = section_holds(j, w, d);
    if (t == TRI_NO) {
        return;
    }
    bool root = directive_is(d, "Location") && str_eq(directive_arg(d, 0), STR("/"));
    struct walk inner = {.maybe = w->maybe || t == TRI_UNKNOWN};
    /* A folder may well be the one of the whole site. */
    inner.in_location = w->in_location || (path && !root && !directive_is(d, "Directory"));
    inner.maybe = inner.maybe || directive_is(d, "Directory");
    inner.engine = !path && w->engine;
    walk_section(j, &inner, d);
}

static void
walk_section(struct judge *j, struct walk *w, const struct directive *block)
{
    const struct directive *d = NULL;
    while ((d = apache_next(block, d)) != NULL) {
        if (d->block) {
            take_section(j, w, d);
        } else {
            take_rewrite(j, w, d);
            take_alias(j, w, d);
        }
    }
}

/* mod_alias hands the redirects outside of virtual hosts on to each of them; mod_rewrite does not.
 */
static void
walk_outside(struct judge *j)
{
    const struct walk w = {.leading_slash = true};
    const struct directive *d = NULL;
    while ((d = apache_next(j->c->top, d)) != NULL) {
        if (!d->block) {
            take_alias(j, &w, d);
        }
    }
}

void
apache_follow(struct judge *j)
{
    struct walk w = {.leading_slash = !str_ends(str_of(j->server->file), STR(".htaccess"))};
    walk_section(j, &w, j->block);
    if (j->block != j->c->top) {
        walk_outside(j);
    }
}
