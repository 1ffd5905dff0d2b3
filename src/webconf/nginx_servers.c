/* SPDX-License-Identifier: Apache-2.0
 * nginx's virtual servers: where they listen and which names they bear. */
#include "webconf/webconf_int.h"

static bool
parse_port(struct str s, struct webconf_listen *l)
{
    size_t dash = 0;
    bool range = str_find_char(s, '-', &dash);
    int64_t first = 0, last = 0;
    if (!str_to_int_range(range ? str_sub(s, 0, dash) : s, 1, UINT16_MAX, &first)) {
        return false;
    }
    last = first;
    if (range && !str_to_int_range(str_sub(s, dash + 1, SIZE_MAX), first, UINT16_MAX, &last)) {
        return false;
    }
    l->port = (uint16_t)first;
    l->port_last = (uint16_t)last;
    return true;
}

/* "80", "*:80", "192.0.2.1", "[::]:80", "name:8000-8010". False: no TCP address. */
static bool
parse_address(struct str s, struct webconf_listen *l)
{
    size_t at = 0;
    l->port = 80;
    l->port_last = 80;
    if (s.n == 0 || str_istarts(s, STR("unix:"))) {
        return false;
    }
    if (parse_port(s, l)) {
        return true;
    }
    if (s.p[0] == '[' && str_find_char(s, ']', &at)) {
        l->address = str_sub(s, 1, at - 1);
        struct str port = str_sub(s, at + 1, SIZE_MAX);
        return port.n == 0 || (port.p[0] == ':' && parse_port(str_sub(port, 1, SIZE_MAX), l));
    }
    bool has_port = str_rfind_char(s, ':', &at);
    l->address = has_port ? str_sub(s, 0, at) : s;
    return !has_port || parse_port(str_sub(s, at + 1, SIZE_MAX), l);
}

static bool
parse_listen(const struct directive *d, struct webconf_listen *l)
{
    *l = (struct webconf_listen){.file = d->src->path, .line = d->line, .directive = d};
    if (!parse_address(directive_arg(d, 0), l)) {
        return false;
    }
    for (size_t i = 1; i < d->argc; i++) {
        struct str flag = d->args[i].s;
        l->ssl = l->ssl || str_eq(flag, STR("ssl"));
        l->http2 = l->http2 || str_eq(flag, STR("http2"));
        l->proxy_protocol = l->proxy_protocol || str_eq(flag, STR("proxy_protocol"));
        l->is_default =
            l->is_default || str_eq(flag, STR("default_server")) || str_eq(flag, STR("default"));
        if (str_eq(flag, STR("quic"))) {
            return false;
        }
    }
    return true;
}

/* What servers take over from the block around them. */
struct outer {
    bool ssl, http2;
};

static bool
is_on(const struct directive *block, const char *name, bool outer)
{
    const struct directive *d = directive_child(block, name);
    return d == NULL ? outer : str_eq(directive_arg(d, 0), STR("on"));
}

static struct outer
outer_of(const struct directive *block, struct outer around)
{
    return (struct outer){is_on(block, "ssl", around.ssl), is_on(block, "http2", around.http2)};
}

static size_t
count_of(const struct directive *block, const char *name, bool args)
{
    size_t n = 0;
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        n += directive_is(d, name) ? (args ? d->argc : 1) : 0;
    }
    return n;
}

static void
take_names(struct webconf *c, struct webconf_server *s, const struct directive *block)
{
    struct str *names = conf_alloc(c, count_of(block, "server_name", true) * sizeof(*names));
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        for (size_t i = 0; directive_is(d, "server_name") && i < d->argc; i++) {
            names[s->name_count++] = d->args[i].s;
        }
    }
    s->names = names;
}

static void
take_server(struct webconf *c, const struct directive *block, struct outer around)
{
    struct webconf_server *s = conf_add_server(c, block);
    s->implied = block == c->top;
    size_t max = count_of(block, "listen", false);
    struct webconf_listen *listens = conf_alloc(c, (max + 1) * sizeof(*listens));
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        if (directive_is(d, "listen") && parse_listen(d, &listens[s->listen_count])) {
            s->listen_count++;
        }
    }
    if (max == 0 && !s->implied) { /* [nginx: listen, default *:80] */
        listens[s->listen_count++] = (struct webconf_listen){
            .port = 80, .port_last = 80, .file = s->file, .line = s->line, .directive = block};
    }
    struct outer own = outer_of(block, around);
    for (size_t i = 0; i < s->listen_count; i++) {
        listens[i].ssl = listens[i].ssl || own.ssl;
        listens[i].http2 = listens[i].http2 || own.http2;
    }
    s->listens = listens;
    take_names(c, s, block);
}

static void
take_servers(struct webconf *c, const struct directive *block, struct outer around)
{
    around = outer_of(block, around);
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        if (d->block && directive_is(d, "server")) {
            take_server(c, d, around);
        } else if (d->block && directive_is(d, "http")) {
            take_servers(c, d, around);
        }
    }
}

void
nginx_servers(struct webconf *c)
{
    take_servers(c, c->top, (struct outer){0});
    if (c->server_count == 0 && !c->whole) {
        take_server(c, c->top, (struct outer){0}); /* a piece that belongs into a server */
    }
}
