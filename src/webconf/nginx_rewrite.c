/* SPDX-License-Identifier: Apache-2.0
 * Where nginx's redirects lead: follows `set`, `if`, `return` and `rewrite` in the order in which
 * the server runs them [nginx: ngx_http_rewrite_module], then each location. */
#include "webconf/webconf_int.h"

/* ---- mended lines ---- */

/* The part of a URL's text between "://" and its path; variables count as they are written. */
static bool
find_authority(struct str url, size_t *ret_begin, size_t *ret_end)
{
    static const char *const paths[] = {"$request_uri", "$uri", "$document_uri", "${request_uri}",
                                        "$1"};
    size_t at = 0, end = 0;
    if (!str_find(url, STR("://"), &at)) {
        return false;
    }
    struct str rest = str_sub(url, at + 3, SIZE_MAX);
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?') {
        end++;
    }
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        size_t path = 0;
        if (str_find(str_sub(rest, 0, end), str_of(paths[i]), &path)) {
            end = MIN_OF(end, path);
        }
    }
    *ret_begin = at + 3;
    *ret_end = at + 3 + end;
    return true;
}

/* Which argument of return or rewrite is the URL. */
static size_t
url_index(const struct directive *d)
{
    return directive_is(d, "return") && d->argc == 1 ? 0 : 1;
}

/* A word as nginx can read it again. */
static void
add_word(struct buf *b, struct str s)
{
    bool bare = s.n > 0;
    for (size_t i = 0; i < s.n; i++) {
        bare = bare && !strchr(" \t\r\n;{}\"'\\#", s.p[i]);
    }
    if (bare) {
        buf_add_str(b, s);
        return;
    }
    buf_add_char(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        /* Of the others nginx keeps the backslash as it stands. */
        bool hide =
            s.p[i] == '"' || (s.p[i] == '\\' && i + 1 < s.n && strchr("\\\"'trn", s.p[i + 1]));
        if (hide) {
            buf_add_char(b, '\\');
        }
        buf_add_char(b, s.p[i]);
    }
    buf_add_char(b, '"');
}

/* The directive with another word in place of argument `index`. */
static struct str
with_arg(struct judge *j, const struct directive *d, size_t index, struct str word)
{
    struct buf b = {0};
    add_word(&b, d->name);
    for (size_t i = 0; i < d->argc; i++) {
        buf_add_char(&b, ' ');
        add_word(&b, i == index ? word : d->args[i].s);
    }
    buf_add_char(&b, ';');
    return scratch_take(&j->scratch, &b);
}

/* The URL with `authority` in place of host and port, or the path alone (authority NULL). */
static struct str
mended_url(struct judge *j, struct str url, const char *scheme, const char *authority)
{
    size_t begin = 0, end = 0;
    if (!find_authority(url, &begin, &end)) {
        return url;
    }
    struct str path = str_sub(url, end, SIZE_MAX);
    if (authority == NULL) {
        return path.n == 0 ? STR("/") : path;
    }
    return judge_printf(j, "%s://%s%.*s", scheme, authority, STR_ARG(path));
}

/* The redirect from http to https with the port that visitors use. */
static struct str
upgrade_url(struct judge *j, struct str url)
{
    size_t begin = 0, end = 0;
    if (!j->q->https || !judge_port_is_custom(j) || !find_authority(url, &begin, &end) ||
        str_find_char(str_sub(url, begin, end - begin), ':', NULL)) {
        return url;
    }
    struct str host = str_sub(url, begin, end - begin);
    if (str_eq(host, STR("$http_host"))) {
        host = STR("$host"); /* its port is that of plain HTTP here */
    }
    return judge_printf(j, "https://%.*s:%u%.*s", STR_ARG(host), j->port,
                        STR_ARG(str_sub(url, end, SIZE_MAX)));
}

static struct str
mend_loop(struct judge *j, const struct directive *d)
{
    size_t at = url_index(d);
    struct str line = with_arg(j, d, at, upgrade_url(j, directive_arg(d, at)));
    const struct directive *place = directive_is(d->parent, "if") ? d->parent : d;
    return nginx_with_map(
        j, place, judge_printf(j, "if ($real_scheme = http) {\n    %.*s\n}", STR_ARG(line)));
}

/* To the same place without scheme and host. A redirect of every path to itself has no such form:
 * it goes. */
static struct str
mend_plain(struct judge *j, const struct redirect *r)
{
    const struct directive *d = r->d;
    size_t at = url_index(d);
    struct str path = mended_url(j, directive_arg(d, at), NULL, NULL);
    if (r->keeps_path || !str_starts(path, STR("/"))) {
        return judge_printf(j, "# %.*s", STR_ARG(with_arg(j, d, at, directive_arg(d, at))));
    }
    struct buf b = {0};
    buf_add_z(&b, "absolute_redirect off;\n");
    if (directive_is(d, "return") && d->argc == 1) { /* a path needs its status */
        buf_add_z(&b, "return 302 ");
        add_word(&b, path);
        buf_add_char(&b, ';');
    } else {
        buf_add_str(&b, with_arg(j, d, at, path));
    }
    if (directive_is(d, "rewrite") && d->argc == 2) {
        b.n--;
        buf_add_z(&b, " redirect;");
    }
    return scratch_take(&j->scratch, &b);
}

static struct str
mend_port(struct judge *j, const struct directive *d)
{
    size_t at = url_index(d);
    return with_arg(j, d, at, mended_url(j, directive_arg(d, at), "https", "$http_host"));
}

/* ---- redirects ---- */

static unsigned
say_redirect(struct judge *j, const struct redirect *r)
{
    unsigned faults = redirect_faults(j, r);
    if (faults & (1U << REDIRECT_LOOP)) {
        judge_arg(
            judge_add(j, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, r->d, mend_loop(j, r->d), r->sure),
            "value", r->url);
    }
    if (faults & (1U << REDIRECT_PLAIN)) {
        judge_arg(judge_add(j, WEBCONF_REMARK_REDIRECT_TO_HTTP, r->d, mend_plain(j, r), r->sure),
                  "value", r->url);
    }
    bool inner = (faults & (1U << REDIRECT_INNER)) != 0;
    if (inner || (faults & (1U << REDIRECT_PORT))) {
        /* Where the redirect must not be made at all, its cure keeps the port, too. */
        bool loop = (faults & (1U << REDIRECT_LOOP)) != 0;
        judge_arg(judge_add(j,
                            inner ? WEBCONF_REMARK_REDIRECT_INNER_PORT
                                  : WEBCONF_REMARK_REDIRECT_LOSES_PORT,
                            r->d, loop ? mend_loop(j, r->d) : mend_port(j, r->d), r->sure),
                  "value", r->url);
    }
    return faults;
}

/* What nginx makes of a path as a redirect [nginx: absolute_redirect, port_in_redirect]. */
static struct str
made_absolute(struct judge *j, const struct directive *block, struct str path)
{
    const struct directive *own = directive_inherited(block, "server_name_in_redirect");
    const struct directive *port = directive_inherited(block, "port_in_redirect");
    bool own_name = own != NULL && str_eq(directive_arg(own, 0), STR("on"));
    bool with_port = port == NULL || !str_eq(directive_arg(port, 0), STR("off"));
    struct str host = own_name && j->server->name_count > 0 ? j->server->names[0] : j->host;
    uint16_t standard = j->tls ? 443 : 80;
    if (!with_port || j->server_port == 0 || j->server_port == standard) {
        return judge_printf(j, "%s://%.*s%.*s", j->tls ? "https" : "http", STR_ARG(host),
                            STR_ARG(path));
    }
    return judge_printf(j, "%s://%.*s:%u%.*s", j->tls ? "https" : "http", STR_ARG(host),
                        j->server_port, STR_ARG(path));
}

static void
say_relative(struct judge *j, const struct redirect *r)
{
    const struct directive *off = directive_inherited(r->d->parent, "absolute_redirect");
    if (off != NULL && str_eq(directive_arg(off, 0), STR("off"))) {
        return;
    }
    struct redirect made = {
        .d = r->d, .url = made_absolute(j, r->d->parent, r->url), .sure = r->sure};
    unsigned faults = redirect_faults(j, &made);
    if (faults == 0) {
        return;
    }
    bool plain = (faults & (1U << REDIRECT_PLAIN)) != 0;
    struct str line = with_arg(j, r->d, SIZE_MAX, STR_NONE);
    struct str mended = judge_printf(j, "absolute_redirect off;\n%.*s", STR_ARG(line));
    judge_arg(judge_add(j,
                        plain ? WEBCONF_REMARK_REDIRECT_MADE_ABSOLUTE
                              : WEBCONF_REMARK_REDIRECT_INNER_PORT,
                        r->d, mended, r->sure),
              "value", made.url);
}

struct str
nginx_slash_redirect(struct judge *j)
{
    const struct directive *off = directive_inherited(j->block, "absolute_redirect");
    if (off != NULL && str_eq(directive_arg(off, 0), STR("off"))) {
        return STR_NONE;
    }
    struct redirect made = {.url = made_absolute(j, j->block, STR("/" UNKNOWN_PART "/"))};
    return redirect_faults(j, &made) == 0 ? STR_NONE : made.url;
}

/* True: the visitor is sent away. A redirect that must not be made at all does not count: what
 * stands behind it is judged as if it were mended. */
static bool
take_redirect(struct judge *j, const struct redirect *r)
{
    if (str_starts(r->url, STR("/")) && !str_starts(r->url, STR("//"))) {
        say_relative(j, r);
        return true;
    }
    return (say_redirect(j, r) & (1U << REDIRECT_LOOP)) == 0;
}

/* ---- the directives ---- */

enum step {
    STEP_ON,
    STEP_BREAK, /* to the locations */
    STEP_STOP   /* answered */
};

static void
env_set(struct judge *j, struct env *e, const struct directive *d)
{
    struct str name = directive_arg(d, 0);
    if (name.n < 2 || e->count == ENV_MAX) {
        return;
    }
    struct str value = e->maybe ? STR(UNKNOWN_PART) : nginx_expand(j, e, directive_arg(d, 1));
    e->vars[e->count++] = (struct named){str_sub(name, 1, SIZE_MAX), value};
}

static bool
is_url(struct str s)
{
    return str_starts(s, STR("http://")) || str_starts(s, STR("https://")) ||
           str_starts(s, STR("$scheme"));
}

static bool
is_redirect_code(struct str s)
{
    static const char *const codes[] = {"301", "302", "303", "307", "308"};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        if (str_eq(s, str_of(codes[i]))) {
            return true;
        }
    }
    return false;
}

/* Does this location take the path, or may it (a regular expression)? [nginx: location] */
static bool
may_take(const struct directive *location, struct str path)
{
    struct str mark = location->argc == 2 ? directive_arg(location, 0) : STR_NONE;
    struct str own = directive_arg(location, location->argc == 2 ? 1 : 0);
    if (str_starts(own, STR("@"))) {
        return false;
    }
    if (str_eq(mark, STR("="))) {
        return str_eq(path, own);
    }
    return str_starts(mark, STR("~")) || str_starts(path, own);
}

/* Does a redirect to this URL come back to where it was made? */
static bool
comes_back(const struct env *e, struct str url)
{
    struct str path = location_of(url).path;
    bool kept = str_find(path, STR(ASKED_PATH), NULL);
    if (e->in_location || kept) {
        return kept;
    }
    size_t end = path.n;
    if (str_find_char(path, '?', &end)) {
        path = str_sub(path, 0, end);
    }
    const struct directive *d = e->location == NULL ? NULL : e->location->parent->children;
    for (; d != NULL; d = d->next) {
        if (d != e->location && d->block && directive_is(d, "location") && may_take(d, path)) {
            return false;
        }
    }
    return true;
}

static enum step
do_return(struct judge *j, struct env *e, const struct directive *d)
{
    struct str first = directive_arg(d, 0);
    bool sure = !e->maybe && !e->in_location, leaves = true;
    if (str_eq(first, STR("444"))) {
        if (sure) {
            (void)judge_add(j, WEBCONF_REMARK_CLOSES_WITHOUT_ANSWER, d, nginx_name_line(j), true);
        }
    } else if ((d->argc == 1 && is_url(first)) || (d->argc == 2 && is_redirect_code(first))) {
        struct str url = nginx_expand(j, e, directive_arg(d, url_index(d)));
        struct redirect r = {.d = d, .url = url, .sure = sure};
        r.keeps_path = comes_back(e, url);
        leaves = take_redirect(j, &r);
    }
    return e->maybe || !leaves ? STEP_ON : STEP_STOP;
}

static bool
has_flag(const struct directive *d, const char *flag)
{
    return str_eq(directive_arg(d, 2), str_of(flag));
}

static enum step
do_rewrite(struct judge *j, struct env *e, const struct directive *d)
{
    enum tri takes = regex_takes_all(directive_arg(d, 0), true);
    struct str target = directive_arg(d, 1);
    bool redirects = is_url(target) || has_flag(d, "redirect") || has_flag(d, "permanent");
    if (d->argc < 2 || takes == TRI_NO || takes == TRI_UNKNOWN) {
        e->capture = UNKNOWN_PART;
    } else {
        e->capture = ASKED_PATH;
    }
    if (redirects && d->argc >= 2) {
        struct str url = nginx_expand(j, e, target);
        struct redirect r = {.d = d, .url = url};
        r.sure = takes == TRI_YES && !e->maybe && !e->in_location;
        r.keeps_path = str_find(location_of(url).path, STR(ASKED_PATH), NULL) ||
                       (takes == TRI_YES && comes_back(e, url));
        redirects = take_redirect(j, &r);
    }
    bool leaves = has_flag(d, "last") || has_flag(d, "break");
    if (takes != TRI_YES || e->maybe || (!redirects && !leaves)) {
        return STEP_ON;
    }
    return redirects ? STEP_STOP : STEP_BREAK;
}

static enum step run(struct judge *j, struct env *e, const struct directive *block);

static enum step
do_if(struct judge *j, struct env *e, const struct directive *d)
{
    enum tri t = nginx_condition(j, e, d);
    if (t == TRI_NO) {
        return STEP_ON;
    }
    bool before = e->maybe;
    const char *capture = e->capture;
    e->capture = UNKNOWN_PART; /* those of the condition, if any */
    e->maybe = before || t == TRI_UNKNOWN;
    enum step s = run(j, e, d);
    e->maybe = before;
    e->capture = capture;
    return s;
}

static enum step
do_break(struct judge *j UNUSED, struct env *e, const struct directive *d UNUSED)
{
    return e->maybe ? STEP_ON : STEP_BREAK;
}

static enum step
do_set(struct judge *j, struct env *e, const struct directive *d)
{
    env_set(j, e, d);
    return STEP_ON;
}

static const struct {
    const char *name;
    enum step (*run)(struct judge *j, struct env *e, const struct directive *d);
} actions[] = {{"set", do_set},
               {"if", do_if},
               {"return", do_return},
               {"rewrite", do_rewrite},
               {"break", do_break}};

static enum step
run_one(struct judge *j, struct env *e, const struct directive *d)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (directive_is(d, actions[i].name)) {
            return actions[i].run(j, e, d);
        }
    }
    return STEP_ON;
}

/* The rewrite directives of one block, until one of them leaves it. */
static enum step
run(struct judge *j, struct env *e, const struct directive *block)
{
    enum step s = STEP_ON;
    for (const struct directive *d = block->children; d != NULL && s == STEP_ON; d = d->next) {
        s = run_one(j, e, d);
    }
    return s;
}

/* "location / {", the one for everything that has no other. */
static bool
takes_everything(const struct directive *location)
{
    return (location->argc == 1 && str_eq(directive_arg(location, 0), STR("/"))) ||
           (location->argc == 2 && str_eq(directive_arg(location, 0), STR("^~")) &&
            str_eq(directive_arg(location, 1), STR("/")));
}

static void
run_locations(struct judge *j, const struct env *outer, const struct directive *block)
{
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        if (!d->block || !directive_is(d, "location")) {
            continue;
        }
        struct env e = *outer;
        e.in_location = e.in_location || !takes_everything(d);
        e.location = d;
        e.capture = UNKNOWN_PART;
        (void)run(j, &e, d);
        run_locations(j, outer, d);
    }
}

void
nginx_follow(struct judge *j)
{
    struct env e = {.capture = UNKNOWN_PART};
    if (run(j, &e, j->block) != STEP_STOP) {
        run_locations(j, &e, j->block);
    }
}
