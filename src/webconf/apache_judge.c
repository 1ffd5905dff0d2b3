/* SPDX-License-Identifier: Apache-2.0
 * What Apache's settings do to a site behind a load balancer, for the one virtual host that
 * answers. */
#include "webconf/webconf_int.h"

static const struct directive *
setting(const struct judge *j, const char *name)
{
    return apache_inherited(j->c, j->block, name);
}

static bool
is_set(const struct directive *d, const char *value)
{
    return d != NULL && str_ieq(directive_arg(d, 0), str_of(value));
}

static struct str
joined(struct judge *j, const struct directive *d)
{
    struct buf b = {0};
    for (size_t i = 0; i < d->argc; i++) {
        buf_addf(&b, "%s%.*s", i == 0 ? "" : " ", STR_ARG(d->args[i].s));
    }
    return scratch_take(&j->scratch, &b);
}

/* ---- port and TLS ---- */

static void
judge_port(struct judge *j)
{
    const struct webconf_listen *l = judge_listen(j->server, j->server_port);
    bool meant = j->server_port == 443 || apache_child(j->block, "SSLCertificateFile") != NULL;
    if (l != NULL && !j->tls && meant && j->q->target_speech == WEBCONF_SPEECH_UNKNOWN) {
        judge_arg(
            judge_add(j, WEBCONF_REMARK_PLAIN_TLS_PORT, l->directive, STR("SSLEngine on"), true),
            "value", judge_printf(j, "%u", j->server_port));
    }
    const struct directive *proxy = setting(j, "RemoteIPProxyProtocol");
    if (is_set(proxy, "on")) {
        (void)judge_add(j, WEBCONF_REMARK_PROXY_PROTOCOL, proxy, STR("RemoteIPProxyProtocol Off"),
                        true);
    }
}

/* SSLProtocol: a bare word sets, "+" adds, "-" takes away [Apache: SSLProtocol]. */
static bool
allows_current(const struct directive *d)
{
    bool current[2] = {false, false};
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    for (size_t i = 0; i < d->argc; i++) {
        struct str word = d->args[i].s;
        bool minus = str_starts(word, STR("-")), plus = str_starts(word, STR("+"));
        word = str_sub(word, minus || plus, SIZE_MAX);
        bool all = str_ieq(word, STR("all"));
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            if (all || str_ieq(word, str_of(names[k]))) {
                current[k] = !minus;
            } else if (!minus && !plus) {
                current[k] = false;
            }
        }
    }
    return current[0] || current[1];
}

static void
judge_tls(struct judge *j)
{
    bool used = j->q->target_speech != WEBCONF_SPEECH_PLAIN;
    enum webconf_weight weight = used ? WEBCONF_FAULT : WEBCONF_NOTE;
    const struct directive *verify = setting(j, "SSLVerifyClient");
    const struct directive *protocols = setting(j, "SSLProtocol");
    const struct directive *sni = setting(j, "SSLStrictSNIVHostCheck");
    if (is_set(verify, "require")) {
        (void)judge_add_as(j, WEBCONF_REMARK_VERIFY_CLIENT, weight, verify,
                           STR("SSLVerifyClient optional"), true);
    }
    if (protocols != NULL && protocols->argc > 0 && !allows_current(protocols)) {
        judge_arg(judge_add_as(j, WEBCONF_REMARK_OLD_PROTOCOLS, weight, protocols,
                               STR("SSLProtocol -all +TLSv1.2 +TLSv1.3"), true),
                  "value", joined(j, protocols));
    }
    if (is_set(sni, "on")) {
        (void)judge_add(j, WEBCONF_REMARK_STRICT_SNI, sni, STR("SSLStrictSNIVHostCheck off"), true);
    }
}

/* ---- names ---- */

static bool
others_listen(const struct judge *j)
{
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        if (s != j->server && !s->implied && s->name_count > 0 &&
            judge_listen(s, j->server_port) != NULL) {
            return true;
        }
    }
    return false;
}

/* An alias is compared without its port, so one that has a port never fits. */
static void
judge_alias(struct judge *j, const struct directive *d)
{
    struct str wrong = STR_NONE;
    struct buf b = {0};
    buf_add_z(&b, "ServerAlias");
    for (size_t i = 0; i < d->argc; i++) {
        struct str bare = apache_bare_name(d->args[i].s);
        bool asked = str_eq(j->host, STR(ASKED_HOST)) || glob_match(bare, j->host);
        wrong = bare.n != d->args[i].s.n && asked ? d->args[i].s : wrong;
        buf_addf(&b, " %.*s", STR_ARG(bare));
    }
    struct str line = scratch_take(&j->scratch, &b);
    if (wrong.n > 0) {
        judge_arg(judge_add(j, WEBCONF_REMARK_NAME_WITH_PORT, d, line, true), "value", wrong);
    }
}

static void
judge_names(struct judge *j)
{
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        if (s != j->server && judge_listen(s, j->server_port) == NULL) {
            continue;
        }
        const struct directive *d = NULL;
        while ((d = apache_next(s->directive, d)) != NULL) {
            if (directive_is(d, "ServerAlias")) {
                judge_alias(j, d);
            }
        }
    }
    if (!str_eq(j->host, STR(ASKED_HOST)) && !j->server->implied && others_listen(j) &&
        !judge_bears_name(j, j->server)) {
        (void)judge_add(j, WEBCONF_REMARK_HOST_NOT_NAMED, j->block,
                        judge_printf(j, "ServerAlias %.*s", STR_ARG(j->host)), true);
    }
}

/* ---- Apache's own redirects ---- */

static bool
serves_folders(const struct judge *j)
{
    return apache_child(j->block, "DocumentRoot") != NULL ||
           apache_child(j->block, "Alias") != NULL;
}

static void
judge_own_redirects(struct judge *j)
{
    const struct directive *name = apache_child(j->block, "ServerName");
    const struct directive *canonical = setting(j, "UseCanonicalName");
    struct str url = apache_own_url(j, STR("/" UNKNOWN_PART "/"));
    struct redirect own = {.url = url};
    unsigned faults = redirect_faults(j, &own);
    if (name != NULL && j->q->https && str_istarts(directive_arg(name, 0), STR("http://"))) {
        judge_arg(judge_add(j, WEBCONF_REMARK_SERVER_NAME_IS_HTTP, name, apache_server_name_line(j),
                            true),
                  "value", directive_arg(name, 0));
        return;
    }
    bool other_host = !judge_same_host(j, location_of(url).host);
    unsigned ports = (1U << REDIRECT_PORT) | (1U << REDIRECT_INNER);
    bool loses = j->q->https && judge_port_is_custom(j) && location_of(url).port != j->port;
    if (is_set(canonical, "on") && name != NULL && (other_host || loses || (faults & ports))) {
        judge_arg(judge_add(j, WEBCONF_REMARK_CANONICAL_NAME, canonical,
                            STR("UseCanonicalName Off"), true),
                  "value", url);
    }
    if ((faults & (1U << REDIRECT_PLAIN)) && serves_folders(j)) {
        judge_arg(judge_add(j, WEBCONF_REMARK_SLASH_REDIRECT, name != NULL ? name : j->block,
                            apache_server_name_line(j), true),
                  "value", url);
    }
}

/* ---- headers ---- */

/* Header [always|onsuccess] set|add|append|merge|setifempty NAME VALUE: where NAME stands. */
static size_t
header_index(const struct directive *d)
{
    bool condition = str_ieq(directive_arg(d, 0), STR("always")) ||
                     str_ieq(directive_arg(d, 0), STR("onsuccess"));
    return 1 + (size_t)condition;
}

static void
judge_header(struct judge *j, const struct directive *d)
{
    size_t at = header_index(d);
    bool sets = !str_ieq(directive_arg(d, at - 1), STR("unset"));
    if (sets && d->argc > at + 1 &&
        str_ieq(directive_arg(d, at), STR("Strict-Transport-Security"))) {
        judge_hsts(j, d, apache_expand(j, directive_arg(d, at + 1), UNKNOWN_PART));
    }
}

/* What a RequestHeader line gives the application; false: it leaves the header as it came. */
static bool
told_value(struct judge *j, const struct directive *d, struct str *ret_value)
{
    struct str action = directive_arg(d, 0), value = directive_arg(d, 2);
    if (str_ieq(action, STR("unset"))) {
        *ret_value = STR_NONE;
        return true;
    }
    if (!str_ieq(action, STR("set")) && !str_ieq(action, STR("add"))) {
        return false;
    }
    if (str_starts(value, STR("expr="))) {
        value = str_sub(value, strlen("expr="), SIZE_MAX);
    }
    *ret_value = apache_expand(j, value, UNKNOWN_PART);
    return value_known(*ret_value);
}

static void
judge_request_header(struct judge *j, const struct directive *d)
{
    struct str name = directive_arg(d, 1), value;
    bool proto = str_ieq(name, STR("X-Forwarded-Proto")),
         port = str_ieq(name, STR("X-Forwarded-Port"));
    if (d->argc < 2 || (!proto && !port) || j->tls || !j->q->https || !told_value(j, d, &value)) {
        return;
    }
    uint64_t number = 0;
    if (proto && !str_istarts(value, STR("https"))) {
        struct webconf_remark *m =
            judge_add(j, WEBCONF_REMARK_FORWARDS_OWN_SCHEME, d,
                      STR("RequestHeader setifempty X-Forwarded-Proto \"http\""), true);
        judge_arg(m, "name", name);
        judge_arg(m, "value", value);
    } else if (port && (!str_to_u64(value, &number) || number != j->port)) {
        struct str line =
            judge_printf(j, "RequestHeader setifempty X-Forwarded-Port \"%u\"", j->port);
        struct webconf_remark *m = judge_add(j, WEBCONF_REMARK_FORWARDS_OWN_PORT, d, line, true);
        judge_arg(m, "name", name);
        judge_arg(m, "value", value);
    }
}

static void
judge_headers_in(struct judge *j, const struct directive *block)
{
    const struct directive *d = NULL;
    while ((d = apache_next(block, d)) != NULL) {
        if (directive_is(d, "Header")) {
            judge_header(j, d);
        } else if (directive_is(d, "RequestHeader")) {
            judge_request_header(j, d);
        } else if (d->block && directive_is(d, "Location")) {
            judge_headers_in(j, d);
        }
    }
}

/* ---- times ---- */

enum { LB_IDLE_S = 60 }; /* [ALB: idle timeout, default] */

static void
judge_keepalive(struct judge *j)
{
    const struct directive *timeout = setting(j, "KeepAliveTimeout");
    const struct directive *on = setting(j, "KeepAlive");
    struct str text = timeout == NULL ? STR_NONE : directive_arg(timeout, 0);
    bool ms = str_ends(text, STR("ms"));
    text = str_sub(text, 0, text.n - (ms ? 2 : str_ends(text, STR("s"))));
    uint64_t n = 0;
    if (is_set(on, "off")) {
        judge_arg(judge_add(j, WEBCONF_REMARK_KEEPALIVE_SHORT, on,
                            STR("KeepAlive On\nKeepAliveTimeout 75"), true),
                  "value", STR("0"));
    } else if (str_to_u64(text, &n) && (ms ? n / 1000 : n) <= LB_IDLE_S) {
        judge_arg(
            judge_add(j, WEBCONF_REMARK_KEEPALIVE_SHORT, timeout, STR("KeepAliveTimeout 75"), true),
            "value", judge_printf(j, "%llu", (unsigned long long)(ms ? n / 1000 : n)));
    }
}

void
apache_judge(struct judge *j)
{
    judge_port(j);
    if (j->tls) {
        judge_tls(j);
    }
    judge_names(j);
    apache_follow(j);
    judge_own_redirects(j);
    judge_headers_in(j, j->block);
    if (j->block != j->c->top) {
        judge_headers_in(j, j->c->top);
    }
    judge_keepalive(j);
}
