/* SPDX-License-Identifier: Apache-2.0
 * What nginx's settings do to a site behind a load balancer, for the one server that answers. */
#include "webconf/webconf_int.h"

/* ---- lines ---- */

struct str
nginx_listen_line(struct judge *j, const struct directive *d, bool ssl)
{
    if (!directive_is(d, "listen")) { /* the default, without a line of its own */
        return judge_printf(j, "listen %u%s;", j->server_port, ssl ? " ssl" : "");
    }
    struct buf b = {0};
    buf_add_z(&b, "listen");
    for (size_t i = 0; i < d->argc; i++) {
        bool tls_only =
            str_eq(d->args[i].s, STR("ssl")) || (!ssl && str_eq(d->args[i].s, STR("http2")));
        if (!tls_only) {
            buf_add_char(&b, ' ');
            buf_add_str(&b, d->args[i].s);
        }
        if (ssl && i == 0) {
            buf_add_z(&b, " ssl");
        }
    }
    buf_add_char(&b, ';');
    return scratch_take(&j->scratch, &b);
}

static struct str
without_arg(struct judge *j, const struct directive *d, struct str arg)
{
    struct buf b = {0};
    buf_add_str(&b, d->name);
    for (size_t i = 0; i < d->argc; i++) {
        if (!str_eq(d->args[i].s, arg)) {
            buf_add_char(&b, ' ');
            buf_add_str(&b, d->args[i].s);
        }
    }
    buf_add_char(&b, ';');
    return scratch_take(&j->scratch, &b);
}

struct str
nginx_name_line(struct judge *j)
{
    if (str_eq(j->host, STR(ASKED_HOST))) {
        return STR_NONE;
    }
    return judge_printf(j, "server_name %.*s;", STR_ARG(j->host));
}

/* ---- the port ---- */

static bool
has_tls_listen(const struct webconf_server *s)
{
    for (size_t i = 0; i < s->listen_count; i++) {
        if (s->listens[i].ssl) {
            return true;
        }
    }
    return false;
}

static void
judge_port(struct judge *j)
{
    const struct webconf_listen *l = judge_listen(j->server, j->server_port);
    if (l == NULL) {
        return;
    }
    bool meant = j->server_port == 443 || (directive_child(j->block, "ssl_certificate") != NULL &&
                                           !has_tls_listen(j->server));
    /* Where it is known what the load balancer speaks, TARGET_SPEAKS_... has said it. */
    if (!j->tls && meant && j->q->target_speech == WEBCONF_SPEECH_UNKNOWN) {
        struct str line = nginx_listen_line(j, l->directive, true);
        judge_arg(judge_add(j, WEBCONF_REMARK_PLAIN_TLS_PORT, l->directive, line, true), "value",
                  judge_printf(j, "%u", j->server_port));
    }
    if (l->proxy_protocol) {
        (void)judge_add(j, WEBCONF_REMARK_PROXY_PROTOCOL, l->directive,
                        without_arg(j, l->directive, STR("proxy_protocol")), true);
    }
}

/* ---- TLS ---- */

/* A fault only where the load balancer is known to speak TLS to this port. */
static void
judge_tls_setting(struct judge *j, enum webconf_remark_kind kind, const struct directive *d,
                  struct str mended, struct str value)
{
    bool used = j->q->target_speech != WEBCONF_SPEECH_PLAIN;
    judge_arg(judge_add_as(j, kind, used ? WEBCONF_FAULT : WEBCONF_NOTE, d, mended, true), "value",
              value);
}

static struct str
joined_args(struct judge *j, const struct directive *d)
{
    struct buf b = {0};
    for (size_t i = 0; i < d->argc; i++) {
        buf_addf(&b, "%s%.*s", i == 0 ? "" : " ", STR_ARG(d->args[i].s));
    }
    return scratch_take(&j->scratch, &b);
}

static bool
has_arg(const struct directive *d, const char *arg)
{
    for (size_t i = 0; i < d->argc; i++) {
        if (str_eq(d->args[i].s, str_of(arg))) {
            return true;
        }
    }
    return false;
}

static void
judge_497(struct judge *j)
{
    for (const struct directive *d = j->block->children; d != NULL; d = d->next) {
        if (!directive_is(d, "error_page") || !has_arg(d, "497")) {
            continue;
        }
        bool plain = j->q->target_speech == WEBCONF_SPEECH_PLAIN;
        (void)judge_add_as(j, WEBCONF_REMARK_ERROR_PAGE_497, plain ? WEBCONF_FAULT : WEBCONF_NOTE,
                           d, STR_NONE, true);
    }
}

static void
judge_tls(struct judge *j)
{
    const struct directive *verify = directive_inherited(j->block, "ssl_verify_client");
    const struct directive *reject = directive_inherited(j->block, "ssl_reject_handshake");
    const struct directive *protocols = directive_inherited(j->block, "ssl_protocols");
    if (verify != NULL && has_arg(verify, "on")) {
        judge_tls_setting(j, WEBCONF_REMARK_VERIFY_CLIENT, verify,
                          STR("ssl_verify_client optional;"), STR("on"));
    }
    if (reject != NULL && has_arg(reject, "on")) {
        judge_tls_setting(j, WEBCONF_REMARK_REJECT_HANDSHAKE, reject, nginx_name_line(j),
                          STR("on"));
    }
    if (protocols != NULL && !has_arg(protocols, "TLSv1.2") && !has_arg(protocols, "TLSv1.3")) {
        judge_tls_setting(j, WEBCONF_REMARK_OLD_PROTOCOLS, protocols,
                          STR("ssl_protocols TLSv1.2 TLSv1.3;"), joined_args(j, protocols));
    }
    judge_497(j);
}

/* ---- names ---- */

static bool
others_listen(const struct judge *j)
{
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        if (s != j->server && s->name_count > 0 && judge_listen(s, j->server_port) != NULL) {
            return true;
        }
    }
    return false;
}

/* "name:8443": the port behind a name. */
static bool
has_port(struct str name)
{
    size_t at = 0;
    uint64_t port = 0;
    return !str_starts(name, STR("~")) && str_rfind_char(name, ':', &at) && at > 0 &&
           str_to_u64(str_sub(name, at + 1, SIZE_MAX), &port);
}

static struct str
bare_name(struct str name)
{
    size_t at = 0;
    return has_port(name) && str_rfind_char(name, ':', &at) ? str_sub(name, 0, at) : name;
}

static void
judge_names_of(struct judge *j, const struct directive *d)
{
    struct str wrong = STR_NONE;
    struct buf b = {0};
    buf_add_z(&b, "server_name");
    for (size_t i = 0; i < d->argc; i++) {
        struct str name = bare_name(d->args[i].s);
        bool asked = str_eq(j->host, STR(ASKED_HOST)) || str_ieq(name, j->host);
        wrong = has_port(d->args[i].s) && asked ? d->args[i].s : wrong;
        buf_addf(&b, " %.*s", STR_ARG(name));
    }
    buf_add_char(&b, ';');
    struct str line = scratch_take(&j->scratch, &b);
    if (wrong.n > 0) {
        judge_arg(judge_add(j, WEBCONF_REMARK_NAME_WITH_PORT, d, line, true), "value", wrong);
    }
}

/* A server whose name has a port is never the one that answers: all that listen here are looked at.
 */
static void
judge_names(struct judge *j)
{
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        if (s != j->server && judge_listen(s, j->server_port) == NULL) {
            continue;
        }
        for (const struct directive *d = s->directive->children; d != NULL; d = d->next) {
            if (directive_is(d, "server_name")) {
                judge_names_of(j, d);
            }
        }
    }
    bool asked = !str_eq(j->host, STR(ASKED_HOST));
    if (asked && !judge_bears_name(j, j->server) && others_listen(j)) {
        (void)judge_add(j, WEBCONF_REMARK_HOST_NOT_NAMED, j->block, nginx_name_line(j), true);
    }
}

/* ---- what the application is told ---- */

enum told { TOLD_SCHEME, TOLD_PORT, TOLD_HOST, TOLD_HTTPS };

static const struct {
    const char *directive, *name;
    enum told what;
    const char *mended;
} told[] = {
    {"proxy_set_header", "X-Forwarded-Proto", TOLD_SCHEME, "$real_scheme"},
    {"proxy_set_header", "X-Forwarded-Scheme", TOLD_SCHEME, "$real_scheme"},
    {"proxy_set_header", "X-Scheme", TOLD_SCHEME, "$real_scheme"},
    {"proxy_set_header", "X-Url-Scheme", TOLD_SCHEME, "$real_scheme"},
    {"grpc_set_header", "X-Forwarded-Proto", TOLD_SCHEME, "$real_scheme"},
    {"proxy_set_header", "X-Forwarded-Port", TOLD_PORT, "$http_x_forwarded_port"},
    {"proxy_set_header", "Host", TOLD_HOST, "$http_host"},
    {"proxy_set_header", "X-Forwarded-Host", TOLD_HOST, "$http_host"},
    {"fastcgi_param", "HTTPS", TOLD_HTTPS, "$real_https if_not_empty"},
    {"fastcgi_param", "HTTP_HOST", TOLD_HOST, "$http_host"},
    {"uwsgi_param", "HTTPS", TOLD_HTTPS, "$real_https if_not_empty"},
};

/* Maps for the http block. */
#define SCHEME_MAP                                                                                 \
    "# http { }\n"                                                                                 \
    "map $http_x_forwarded_proto $real_scheme {\n"                                                 \
    "    default $http_x_forwarded_proto;\n"                                                       \
    "    ''      $scheme;\n"                                                                       \
    "}\n"
#define HTTPS_MAP                                                                                  \
    "# http { }\n"                                                                                 \
    "map $http_x_forwarded_proto $real_https {\n"                                                  \
    "    https on;\n"                                                                              \
    "}\n"

static struct str
with_map(struct judge *j, const char *map, const struct directive *d, struct str line)
{
    return judge_printf(j, "%s# %.*s\n%.*s", map, STR_ARG(judge_place(j, d)), STR_ARG(line));
}

struct str
nginx_with_map(struct judge *j, const struct directive *d, struct str line)
{
    return with_map(j, SCHEME_MAP, d, line);
}

/* The mended line, with the map that it needs. */
static struct str
mend_told(struct judge *j, const struct directive *d, enum told what, const char *value)
{
    struct str line =
        judge_printf(j, "%.*s %.*s %s;", STR_ARG(d->name), STR_ARG(directive_arg(d, 0)), value);
    if (what == TOLD_SCHEME) {
        return nginx_with_map(j, d, line);
    }
    return what == TOLD_HTTPS ? with_map(j, HTTPS_MAP, d, line) : line;
}

static bool
is_other_port(const struct judge *j, struct str value)
{
    uint64_t port = 0;
    return str_to_u64(value, &port) && port != j->port;
}

/* Which remark a header's value earns; WEBCONF_REMARK_COUNT: none. */
static enum webconf_remark_kind
told_wrong(const struct judge *j, enum told what, struct str value)
{
    bool wrong = false;
    enum webconf_remark_kind kind = WEBCONF_REMARK_FORWARDS_OWN_SCHEME;
    switch (what) {
    case TOLD_SCHEME: wrong = !j->tls && str_eq(value, STR("http")); break;
    case TOLD_HTTPS: wrong = !j->tls && (value.n == 0 || str_ieq(value, STR("off"))); break;
    case TOLD_PORT:
        kind = WEBCONF_REMARK_FORWARDS_OWN_PORT;
        wrong = is_other_port(j, value);
        break;
    case TOLD_HOST:
        kind = WEBCONF_REMARK_FORWARDS_HOST_WITHOUT_PORT;
        wrong = judge_port_is_custom(j) && judge_same_host(j, value);
        break;
    }
    return wrong && j->q->https ? kind : WEBCONF_REMARK_COUNT;
}

/* Is the same thing told rightly elsewhere in the block? fastcgi_params has a HTTPS of its own. */
static bool
told_rightly_beside(struct judge *j, const struct directive *d)
{
    const struct env none = {.capture = UNKNOWN_PART};
    for (const struct directive *o = d->parent->children; o != NULL; o = o->next) {
        if (o != d && str_eq(o->name, d->name) &&
            str_ieq(directive_arg(o, 0), directive_arg(d, 0)) &&
            str_ieq(nginx_expand(j, &none, directive_arg(o, 1)), STR("on"))) {
            return true;
        }
    }
    return false;
}

static void
judge_told(struct judge *j, const struct directive *d)
{
    const struct env none = {.capture = UNKNOWN_PART};
    for (size_t i = 0; d->argc >= 2 && i < COUNT_OF(told); i++) {
        if (!directive_is(d, told[i].directive) ||
            !str_ieq(directive_arg(d, 0), str_of(told[i].name))) {
            continue;
        }
        struct str value = nginx_expand(j, &none, directive_arg(d, 1));
        enum webconf_remark_kind kind = told_wrong(j, told[i].what, value);
        bool https = told[i].what == TOLD_HTTPS;
        if (kind == WEBCONF_REMARK_COUNT || (https && told_rightly_beside(j, d))) {
            continue;
        }
        struct str line = mend_told(j, d, told[i].what, told[i].mended);
        struct webconf_remark *m =
            judge_add_as(j, kind, https ? WEBCONF_NOTE : WEBCONF_WARNING, d, line, true);
        judge_arg(m, "name", directive_arg(d, 0));
        judge_arg(m, "value", value);
    }
}

static bool
is_header_line(const struct directive *d)
{
    return directive_is(d, "proxy_set_header") || directive_is(d, "grpc_set_header") ||
           directive_is(d, "fastcgi_param") || directive_is(d, "uwsgi_param");
}

/* Every such line of the server and its locations; true if there was any. */
static bool
judge_told_in(struct judge *j, const struct directive *block)
{
    bool any = false;
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        if (is_header_line(d)) {
            judge_told(j, d);
            any = true;
        } else if (d->block) {
            any = judge_told_in(j, d) || any;
        }
    }
    return any;
}

static void
judge_headers(struct judge *j)
{
    if (judge_told_in(j, j->block) || j->block->parent == NULL) {
        return;
    }
    for (const struct directive *d = j->block->parent->children; d != NULL; d = d->next) {
        if (is_header_line(d)) {
            judge_told(j, d);
        }
    }
}

/* ---- answers ---- */

static void
judge_hsts_in(struct judge *j, const struct directive *block)
{
    const struct env none = {.capture = UNKNOWN_PART};
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        if (directive_is(d, "add_header") &&
            str_ieq(directive_arg(d, 0), STR("Strict-Transport-Security"))) {
            judge_hsts(j, d, nginx_expand(j, &none, directive_arg(d, 1)));
        } else if (d->block && directive_is(d, "location")) {
            judge_hsts_in(j, d);
        }
    }
}

/* "75", "75s", "1m 30s" in one word; false: not understood. */
static bool
seconds_of(struct str s, uint64_t *ret_seconds)
{
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"ms", 0}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct str unit = str_of(units[i].unit);
        uint64_t n = 0;
        if (str_ends(s, unit) && str_to_u64(str_sub(s, 0, s.n - unit.n), &n) && n < 1000000) {
            *ret_seconds = units[i].seconds == 0 ? n / 1000 : n * units[i].seconds;
            return true;
        }
    }
    return str_to_u64(s, ret_seconds);
}

enum { LB_IDLE_S = 60 }; /* [ALB: idle timeout, default] */

static void
judge_keepalive(struct judge *j)
{
    const struct directive *d = directive_inherited(j->block, "keepalive_timeout");
    uint64_t seconds = 0;
    if (d != NULL && seconds_of(directive_arg(d, 0), &seconds) && seconds <= LB_IDLE_S) {
        judge_arg(
            judge_add(j, WEBCONF_REMARK_KEEPALIVE_SHORT, d, STR("keepalive_timeout 75s;"), true),
            "value", judge_printf(j, "%llu", (unsigned long long)seconds));
    }
}

static bool
serves_folders(const struct directive *block)
{
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        if (directive_is(d, "root") || directive_is(d, "alias") ||
            (d->block && directive_is(d, "location") && serves_folders(d))) {
            return true;
        }
    }
    return false;
}

/* Redirects that nginx makes by itself: for folders, when the slash at the end is missing. */
static void
judge_own_redirects(struct judge *j)
{
    const struct directive *name = directive_inherited(j->block, "server_name_in_redirect");
    if (name != NULL && has_arg(name, "on") && j->server->name_count > 0 &&
        !judge_same_host(j, j->server->names[0])) {
        judge_arg(judge_add(j, WEBCONF_REMARK_SERVER_NAME_IN_REDIRECT, name,
                            STR("server_name_in_redirect off;"), true),
                  "value", j->server->names[0]);
    }
    struct str url = nginx_slash_redirect(j);
    const struct directive *explicit_on = directive_inherited(j->block, "absolute_redirect");
    if (url.n > 0 && (explicit_on != NULL || serves_folders(j->block))) {
        struct webconf_remark *m = judge_add_as(
            j, WEBCONF_REMARK_SLASH_REDIRECT, explicit_on != NULL ? WEBCONF_WARNING : WEBCONF_NOTE,
            explicit_on != NULL ? explicit_on : j->block, STR("absolute_redirect off;"), true);
        judge_arg(m, "value", url);
    }
}

void
nginx_judge(struct judge *j)
{
    judge_port(j);
    if (j->tls) {
        judge_tls(j);
    }
    judge_names(j);
    nginx_follow(j);
    judge_own_redirects(j);
    judge_headers(j);
    judge_hsts_in(j, j->block);
    if (j->block->parent != NULL && directive_child(j->block, "add_header") == NULL) {
        for (const struct directive *d = j->block->parent->children; d != NULL; d = d->next) {
            if (directive_is(d, "add_header") &&
                str_ieq(directive_arg(d, 0), STR("Strict-Transport-Security"))) {
                judge_hsts(j, d, directive_arg(d, 1));
            }
        }
    }
    judge_keepalive(j);
}
