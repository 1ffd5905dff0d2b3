/* SPDX-License-Identifier: Apache-2.0
 * What Apache's variables hold for the request that was asked, sent on by a load balancer that adds
 * `X-Forwarded-Proto: https`; the conditions of RewriteCond and <If>. */
#include "webconf/webconf_int.h"

/* ---- Apache's own address ---- */

static struct str
server_name(const struct judge *j)
{
    const struct directive *d = apache_child(j->block, "ServerName");
    return d == NULL ? STR_NONE : directive_arg(d, 0);
}

/* ServerName may bear a scheme; it is then that of redirects [Apache: ServerName]. */
static struct str
own_scheme(const struct judge *j)
{
    struct str name = server_name(j);
    size_t at = 0;
    if (str_find(name, STR("://"), &at)) {
        return str_sub(name, 0, at);
    }
    return j->tls ? STR("https") : STR("http");
}

static bool
is_canonical(const struct judge *j)
{
    const struct directive *d = apache_inherited(j->c, j->block, "UseCanonicalName");
    return d != NULL && str_ieq(directive_arg(d, 0), STR("on"));
}

static struct str
own_host(const struct judge *j)
{
    struct str name = server_name(j);
    return is_canonical(j) && name.n > 0 ? apache_bare_name(name) : j->host;
}

/* The port behind ServerName, else that of the scheme. */
static uint16_t
server_name_port(const struct judge *j)
{
    struct str name = server_name(j);
    size_t at = 0;
    int64_t port = 0;
    if (str_rfind_char(name, ':', &at) &&
        str_to_int_range(str_sub(name, at + 1, SIZE_MAX), 1, UINT16_MAX, &port)) {
        return (uint16_t)port;
    }
    return str_ieq(own_scheme(j), STR("https")) ? 443 : 80;
}

/* [Apache: UseCanonicalName] off: the port of the Host header; it has none where it is the usual.
 */
static uint16_t
own_port(const struct judge *j)
{
    return is_canonical(j) || !judge_port_is_custom(j) ? server_name_port(j) : j->port;
}

struct str
apache_own_url(struct judge *j, struct str path)
{
    struct str scheme = own_scheme(j), host = own_host(j);
    uint16_t port = own_port(j), usual = str_ieq(scheme, STR("https")) ? 443 : 80;
    if (port == usual) {
        return judge_printf(j, "%.*s://%.*s%.*s", STR_ARG(scheme), STR_ARG(host), STR_ARG(path));
    }
    return judge_printf(j, "%.*s://%.*s:%u%.*s", STR_ARG(scheme), STR_ARG(host), port,
                        STR_ARG(path));
}

struct str
apache_server_name_line(struct judge *j)
{
    if (str_eq(j->host, STR(ASKED_HOST))) {
        return STR_NONE;
    }
    return judge_printf(j, "ServerName %s://%.*s", j->q->https ? "https" : "http",
                        STR_ARG(judge_http_host(j)));
}

/* ---- variables ---- */

static struct str
value_https(struct judge *j)
{
    return j->tls ? STR("on") : STR("off");
}

static struct str
value_scheme(struct judge *j)
{
    return own_scheme(j);
}

static struct str
value_server_name(struct judge *j)
{
    return own_host(j);
}

static struct str
value_server_port(struct judge *j)
{
    return judge_printf(j, "%u", own_port(j));
}

static struct str
value_asked_port(struct judge *j)
{
    return judge_printf(j, "%u", j->port);
}

static struct str
value_path(struct judge *j UNUSED)
{
    return STR("/" ASKED_PATH);
}

static struct str
value_query(struct judge *j UNUSED)
{
    return STR(ASKED_PATH);
}

/* Judged as the load balancer's HTTPS listener sends it. */
static struct str
value_proto(struct judge *j UNUSED)
{
    return STR("https");
}

static struct str
value_empty(struct judge *j UNUSED)
{
    return STR_NONE;
}

/* SetEnvIf X-Forwarded-Proto https HTTPS=on */
static bool
sets_https(const struct directive *d)
{
    bool fold = directive_is(d, "SetEnvIfNoCase");
    return (fold || directive_is(d, "SetEnvIf")) && d->argc >= 3 &&
           str_ieq(directive_arg(d, 0), STR("X-Forwarded-Proto")) &&
           str_ieq(directive_arg(d, 2), STR("HTTPS=on")) &&
           value_match(STR("https"), directive_arg(d, 1), fold) == TRI_YES;
}

static struct str
value_env_https(struct judge *j)
{
    const struct directive *blocks[] = {j->block, j->c->top};
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        const struct directive *d = NULL;
        while ((d = apache_next(blocks[i], d)) != NULL) {
            if (sets_https(d)) {
                return STR("on");
            }
        }
    }
    return j->tls ? STR(UNKNOWN_PART) : STR_NONE;
}

static const struct {
    const char *name;
    struct str (*value)(struct judge *j);
} variables[] = {
    {"HTTPS", value_https},
    {"REQUEST_SCHEME", value_scheme},
    {"HTTP_HOST", judge_http_host},
    {"HTTP:Host", judge_http_host},
    {"req:Host", judge_http_host},
    {"SERVER_NAME", value_server_name},
    {"SERVER_PORT", value_server_port},
    {"REQUEST_URI", value_path},
    {"QUERY_STRING", value_query},
    {"ENV:HTTPS", value_env_https},
    {"reqenv:HTTPS", value_env_https},
    {"HTTP:X-Forwarded-Proto", value_proto},
    {"req:X-Forwarded-Proto", value_proto},
    {"HTTP:X-Forwarded-Port", value_asked_port},
    {"req:X-Forwarded-Port", value_asked_port},
    /* Headers that other proxies know and an application load balancer does not send. */
    {"HTTP:X-Forwarded-SSL", value_empty},
    {"HTTP:X-Forwarded-Scheme", value_empty},
    {"HTTP:X-Forwarded-Protocol", value_empty},
    {"HTTP:X-Forwarded-Host", value_empty},
    {"HTTP:X-Url-Scheme", value_empty},
    {"HTTP:Front-End-Https", value_empty},
    /* Not a variable of mod_rewrite, though often written. */
    {"HTTP_X_FORWARDED_PROTO", value_empty},
};

static struct str
variable(struct judge *j, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if (str_ieq(name, str_of(variables[i].name))) {
            return variables[i].value(j);
        }
    }
    return STR(UNKNOWN_PART);
}

/* Takes one piece off the front of *text: %{NAME}, $1, %1, or a character. */
static void
add_piece(struct judge *j, struct str *text, const char *capture, struct buf *out)
{
    size_t close = 0;
    bool mark = text->n > 1 && (text->p[0] == '$' || text->p[0] == '%');
    if (mark && text->p[0] == '%' && text->p[1] == '{' && str_find_char(*text, '}', &close)) {
        buf_add_str(out, variable(j, str_sub(*text, 2, close - 2)));
        *text = str_sub(*text, close + 1, SIZE_MAX);
    } else if (mark && ascii_is_digit(text->p[1])) {
        buf_add_z(out, text->p[0] == '$' ? capture : UNKNOWN_PART);
        *text = str_sub(*text, 2, SIZE_MAX);
    } else {
        bool hidden = text->n > 1 && text->p[0] == '\\';
        buf_add_char(out, text->p[hidden]);
        *text = str_sub(*text, 1 + (size_t)hidden, SIZE_MAX);
    }
}

struct str
apache_expand(struct judge *j, struct str text, const char *capture)
{
    AUTO(buf_free) struct buf out = {0};
    while (text.n > 0 && out.n < LIMIT_WEBCONF_TEXT) {
        add_piece(j, &text, capture, &out);
    }
    if (out.n >= LIMIT_WEBCONF_TEXT) {
        out.n = LIMIT_WEBCONF_TEXT - 1;
        buf_add_z(&out, UNKNOWN_PART);
    }
    return scratch_take(&j->scratch, &out);
}

/* ---- RewriteCond ---- */

/* Is `flag` among "[NC,OR]"? A flag may have a value: "R=301". */
bool
apache_has_flag(struct str flags, const char *flag)
{
    if (flags.n < 2 || flags.p[0] != '[') {
        return false;
    }
    flags = str_sub(flags, 1, flags.n - 2);
    struct str piece;
    while (str_cut(&flags, ',', &piece)) {
        size_t equals = piece.n;
        (void)str_find_char(piece, '=', &equals); /* none: the whole piece */
        if (str_ieq(str_trim(str_sub(piece, 0, equals)), str_of(flag))) {
            return true;
        }
    }
    return false;
}

static enum tri
plain_pattern(struct str value, struct str pattern, bool fold)
{
    if (str_starts(pattern, STR("="))) {
        return value_eq(value, str_sub(pattern, 1, SIZE_MAX), fold);
    }
    if (str_starts(pattern, STR("<")) || str_starts(pattern, STR(">")) ||
        (str_starts(pattern, STR("-")) && pattern.n <= 3)) {
        return TRI_UNKNOWN;
    }
    return value_match(value, pattern, fold);
}

enum tri
apache_rewrite_cond(struct judge *j, const struct directive *d)
{
    struct str test = directive_arg(d, 0), pattern = directive_arg(d, 1);
    if (str_ieq(test, STR("expr"))) {
        return apache_expression(j, pattern);
    }
    bool negated = str_starts(pattern, STR("!"));
    pattern = str_sub(pattern, negated, SIZE_MAX);
    if (str_eq(pattern, STR("=\"\""))) {
        pattern = STR("="); /* the empty value has a form of its own [Apache: RewriteCond] */
    }
    bool fold = apache_has_flag(directive_arg(d, 2), "NC") ||
                apache_has_flag(directive_arg(d, 2), "nocase");
    enum tri t = plain_pattern(apache_expand(j, test, UNKNOWN_PART), pattern, fold);
    return negated ? tri_not(t) : t;
}

/* ---- expressions of <If> ---- */

/* A quoted text, %{VARIABLE}, req('Header') or a bare word; what it says goes to *ret. */
static bool
operand(struct judge *j, struct str s, struct str *ret)
{
    s = str_trim(s);
    bool quoted = s.n >= 2 && (s.p[0] == '\'' || s.p[0] == '"') && s.p[s.n - 1] == s.p[0];
    if (quoted) {
        *ret = apache_expand(j, str_sub(s, 1, s.n - 2), UNKNOWN_PART);
        return true;
    }
    size_t open = 0;
    if (str_find_char(s, '(', &open) && str_ends(s, STR(")"))) {
        struct str inner = str_trim(str_sub(s, open + 1, s.n - open - 2));
        struct str function = str_sub(s, 0, open);
        if (inner.n < 2 || (!str_eq(function, STR("req")) && !str_eq(function, STR("http")))) {
            return false;
        }
        *ret = variable(j, judge_printf(j, "HTTP:%.*s", STR_ARG(str_sub(inner, 1, inner.n - 2))));
        return true;
    }
    *ret = apache_expand(j, s, UNKNOWN_PART);
    return s.n > 0;
}

static enum tri
compare(struct judge *j, struct str left, struct str right, bool regex)
{
    struct str a, b;
    if (!operand(j, left, &a)) {
        return TRI_UNKNOWN;
    }
    if (regex) {
        right = str_trim(right);
        bool fold = str_ends(right, STR("/i"));
        right.n -= fold;
        bool slashes = right.n >= 2 && right.p[0] == '/' && right.p[right.n - 1] == '/';
        return slashes ? value_match(a, str_sub(right, 1, right.n - 2), fold) : TRI_UNKNOWN;
    }
    return operand(j, right, &b) ? value_eq(a, b, false) : TRI_UNKNOWN;
}

static enum tri
term(struct judge *j, struct str s)
{
    static const struct {
        const char *text;
        bool negated, regex;
    } operators[] = {{"!=", true, false},     {"==", false, false},          {"=~", false, true},
                     {"!~", true, true},      {" -strmatch ", false, false}, {" -ne ", true, false},
                     {" -eq ", false, false}, {" = ", false, false}};
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        size_t at = 0;
        struct str op = str_of(operators[i].text);
        if (str_find(s, op, &at)) {
            if (str_eq(op, STR(" -strmatch "))) {
                return TRI_UNKNOWN;
            }
            enum tri t =
                compare(j, str_sub(s, 0, at), str_sub(s, at + op.n, SIZE_MAX), operators[i].regex);
            return operators[i].negated ? tri_not(t) : t;
        }
    }
    return TRI_UNKNOWN;
}

/* Terms joined by && and ||, without brackets (those count as not known). */
enum tri
apache_expression(struct judge *j, struct str text)
{
    enum tri any = TRI_NO;
    while (text.n > 0) {
        size_t bar = text.n;
        (void)str_find(text, STR("||"), &bar); /* none: all of it */
        struct str group = str_sub(text, 0, bar);
        text = str_sub(text, bar + 2, SIZE_MAX);
        enum tri all = TRI_YES;
        while (group.n > 0) {
            size_t ands = group.n;
            (void)str_find(group, STR("&&"), &ands);
            all = tri_and(all, term(j, str_sub(group, 0, ands)));
            group = str_sub(group, ands + 2, SIZE_MAX);
        }
        any = tri_or(any, all);
    }
    return any;
}
