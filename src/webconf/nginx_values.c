/* SPDX-License-Identifier: Apache-2.0
 * What nginx's variables hold for the request that was asked, sent on by a load balancer that adds
 * `X-Forwarded-Proto: https`; maps, and the conditions of `if`. */
#include "webconf/webconf_int.h"

enum { MAP_DEPTH = 4 };

static struct str expand(struct judge *j, const struct env *e, struct str text, unsigned depth);

/* ---- variables ---- */

static struct str
port_text(struct judge *j, uint16_t port)
{
    return port == 0 ? STR(UNKNOWN_PART) : judge_printf(j, "%u", port);
}

static struct str
value_host(struct judge *j)
{
    return j->host;
}

static struct str
value_server_name(struct judge *j)
{
    if (j->server->name_count == 0) {
        return STR_NONE;
    }
    struct str name = j->server->names[0];
    bool pattern = str_starts(name, STR("~")) || str_find_char(name, '*', NULL);
    return pattern ? STR(UNKNOWN_PART) : name;
}

static struct str
value_scheme(struct judge *j)
{
    return j->tls ? STR("https") : STR("http");
}

static struct str
value_https(struct judge *j)
{
    return j->tls ? STR("on") : STR_NONE;
}

static struct str
value_server_port(struct judge *j)
{
    return port_text(j, j->server_port);
}

static struct str
value_asked_port(struct judge *j)
{
    return port_text(j, j->port);
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

static struct str
value_empty(struct judge *j UNUSED)
{
    return STR_NONE;
}

/* Judged as the load balancer's HTTPS listener sends it. */
static struct str
value_proto(struct judge *j UNUSED)
{
    return STR("https");
}

static const struct {
    const char *name;
    struct str (*value)(struct judge *j);
} variables[] = {
    {"host", value_host},
    {"http_host", judge_http_host},
    {"server_name", value_server_name},
    {"scheme", value_scheme},
    {"https", value_https},
    {"server_port", value_server_port},
    {"request_uri", value_path},
    {"uri", value_path},
    {"document_uri", value_path},
    {"args", value_query},
    {"query_string", value_query},
    {"is_args", value_query},
    {"http_x_forwarded_proto", value_proto},
    {"http_x_forwarded_port", value_asked_port},
    /* Headers that other proxies know and an application load balancer does not send. */
    {"http_x_forwarded_ssl", value_empty},
    {"http_x_forwarded_scheme", value_empty},
    {"http_x_forwarded_protocol", value_empty},
    {"http_x_forwarded_host", value_empty},
    {"http_x_scheme", value_empty},
    {"http_x_url_scheme", value_empty},
    {"http_front_end_https", value_empty},
};

/* ---- maps ---- */

static const struct directive *
find_map(const struct directive *block, struct str name)
{
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        struct str target = directive_arg(d, 1);
        if (d->block && directive_is(d, "map") && target.n > 1 && target.p[0] == '$' &&
            str_eq(str_sub(target, 1, SIZE_MAX), name)) {
            return d;
        }
        const struct directive *inner =
            d->block && directive_is(d, "http") ? find_map(d, name) : NULL;
        if (inner != NULL) {
            return inner;
        }
    }
    return NULL;
}

/* Does the entry's key take the value? [nginx: ngx_http_map_module; case is folded] */
static enum tri
map_key_fits(struct str key, struct str value)
{
    if (str_starts(key, STR("~"))) {
        bool fold = str_starts(key, STR("~*"));
        return value_match(value, str_sub(key, 1 + (size_t)fold, SIZE_MAX), fold);
    }
    return value_eq(str_sub(key, str_starts(key, STR("\\")), SIZE_MAX), value, true);
}

/* The entry that is taken; NULL: none. *ret_sure is false when it may be another. */
static const struct directive *
map_entry(const struct directive *map, struct str value, bool *ret_sure)
{
    const struct directive *fallback = NULL, *found = NULL;
    *ret_sure = true;
    for (const struct directive *d = map->children; d != NULL; d = d->next) {
        bool plain = !str_starts(d->name, STR("~"));
        if (str_eq(d->name, STR("default"))) {
            fallback = d;
        } else if (!str_eq(d->name, STR("hostnames")) && !str_eq(d->name, STR("volatile"))) {
            enum tri fits = map_key_fits(d->name, value);
            *ret_sure = *ret_sure && fits != TRI_UNKNOWN;
            if (fits == TRI_YES && (found == NULL || plain)) {
                found = d;
            }
        }
    }
    return found != NULL ? found : fallback;
}

static struct str
map_value(struct judge *j, const struct env *e, const struct directive *map, unsigned depth)
{
    struct str source = expand(j, e, directive_arg(map, 0), depth + 1);
    bool sure = true;
    const struct directive *entry = map_entry(map, source, &sure);
    if (!sure) {
        return STR(UNKNOWN_PART);
    }
    return entry == NULL ? STR_NONE : expand(j, e, directive_arg(entry, 0), depth + 1);
}

/* ---- texts ---- */

static struct str
variable(struct judge *j, const struct env *e, struct str name, unsigned depth)
{
    for (size_t i = e->count; i > 0; i--) {
        if (str_eq(e->vars[i - 1].name, name)) {
            return e->vars[i - 1].value;
        }
    }
    if (name.n == 1 && ascii_is_digit(name.p[0])) {
        return str_of(e->capture);
    }
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if (str_ieq(name, str_of(variables[i].name))) {
            return variables[i].value(j);
        }
    }
    const struct directive *map = depth < MAP_DEPTH ? find_map(j->c->top, name) : NULL;
    return map == NULL ? STR(UNKNOWN_PART) : map_value(j, e, map, depth);
}

/* The name behind the "$" at the front of *rest, which is taken off. Empty: no variable. */
static struct str
cut_name(struct str *rest)
{
    size_t from = rest->n > 1 && rest->p[1] == '{' ? 2 : 1, n = from;
    while (n < rest->n && (ascii_is_alnum(rest->p[n]) || rest->p[n] == '_')) {
        n++;
    }
    if (from == 1 && n > 2 && ascii_is_digit(rest->p[1])) {
        n = 2; /* $1x is $1 and an x */
    }
    struct str name = str_sub(*rest, from, n - from);
    bool closed = from == 2 && n < rest->n && rest->p[n] == '}';
    *rest = str_sub(*rest, n + closed, SIZE_MAX);
    return name;
}

static struct str
expand(struct judge *j, const struct env *e, struct str text, unsigned depth)
{
    if (!str_find_char(text, '$', NULL)) {
        return text;
    }
    AUTO(buf_free) struct buf out = {0};
    while (text.n > 0 && out.n < LIMIT_WEBCONF_TEXT) {
        if (text.p[0] != '$') {
            buf_add_char(&out, text.p[0]);
            text = str_sub(text, 1, SIZE_MAX);
            continue;
        }
        struct str name = cut_name(&text);
        buf_add_str(&out, name.n == 0 ? STR("$") : variable(j, e, name, depth));
    }
    if (out.n >= LIMIT_WEBCONF_TEXT) {
        out.n = LIMIT_WEBCONF_TEXT - 1;
        buf_add_z(&out, UNKNOWN_PART);
    }
    return scratch_take(&j->scratch, &out);
}

struct str
nginx_expand(struct judge *j, const struct env *e, struct str text)
{
    return expand(j, e, text, 0);
}

/* ---- conditions ---- */

enum { CONDITION_WORDS = 3 };

/* The words between the brackets of `if ( ... )`, at most three; 0: another form. */
static size_t
condition_words(const struct directive *d, struct str words[CONDITION_WORDS])
{
    size_t count = 0, argc = d->argc;
    if (argc == 0 || !str_starts(d->args[0].s, STR("("))) {
        return 0;
    }
    struct str last = d->args[argc - 1].s;
    size_t first = d->args[0].s.n == 1;
    /* A lone ")" is the bracket, unless it ends an empty value in quotes: ($https = "") */
    if (argc - first > CONDITION_WORDS && str_eq(last, STR(")"))) {
        argc--;
    }
    for (size_t i = first; i < argc; i++) {
        if (count == CONDITION_WORDS) {
            return 0;
        }
        struct str w = d->args[i].s;
        w = str_sub(w, i == 0, SIZE_MAX);
        words[count++] = i + 1 == d->argc && str_ends(w, STR(")")) ? str_sub(w, 0, w.n - 1) : w;
    }
    return count;
}

enum tri
nginx_condition(struct judge *j, const struct env *e, const struct directive *d)
{
    static const struct {
        const char *text;
        bool negated, regex, fold;
    } operators[] = {{"=", false, false, false}, {"!=", true, false, false},
                     {"~", false, true, false},  {"~*", false, true, true},
                     {"!~", true, true, false},  {"!~*", true, true, true}};
    struct str w[CONDITION_WORDS];
    size_t count = condition_words(d, w);
    if (count == 0 || !str_starts(w[0], STR("$"))) {
        return TRI_UNKNOWN;
    }
    struct str value = nginx_expand(j, e, w[0]);
    if (count == 1) {
        return tri_not(tri_or(value_eq(value, STR_NONE, false), value_eq(value, STR("0"), false)));
    }
    for (size_t i = 0; count == CONDITION_WORDS && i < COUNT_OF(operators); i++) {
        if (str_eq(w[1], str_of(operators[i].text))) {
            enum tri t = operators[i].regex ? value_match(value, w[2], operators[i].fold)
                                            : value_eq(value, nginx_expand(j, e, w[2]), false);
            return operators[i].negated ? tri_not(t) : t;
        }
    }
    return TRI_UNKNOWN;
}
