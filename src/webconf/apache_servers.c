/* SPDX-License-Identifier: Apache-2.0
 * Apache's virtual hosts: their addresses, names, and whether they speak TLS. The server outside of
 * them comes first in the list. */
#include "webconf/webconf_int.h"

/* Sections that only wrap: their children count as if they stood outside. */
static bool
is_wrapper(const struct directive *d)
{
    static const char *const names[] = {"IfModule", "IfDefine",    "IfVersion",
                                        "IfFile",   "IfDirective", "IfSection"};
    for (size_t i = 0; d->block && i < COUNT_OF(names); i++) {
        if (directive_is(d, names[i])) {
            return true;
        }
    }
    return false;
}

const struct directive *
apache_next(const struct directive *block, const struct directive *d)
{
    if (d != NULL && is_wrapper(d) && d->children != NULL) {
        return d->children;
    }
    const struct directive *next = d == NULL ? block->children : d->next;
    while (next == NULL && d != NULL && d->parent != block) {
        d = d->parent;
        next = d->next;
    }
    return next;
}

const struct directive *
apache_child(const struct directive *block, const char *name)
{
    const struct directive *found = NULL;
    for (const struct directive *d = apache_next(block, NULL); d != NULL;
         d = apache_next(block, d)) {
        if (directive_is(d, name)) {
            found = d;
        }
    }
    return found;
}

const struct directive *
apache_inherited(const struct webconf *c, const struct directive *block, const char *name)
{
    const struct directive *d = apache_child(block, name);
    return d != NULL || block == c->top ? d : apache_child(c->top, name);
}

/* "443", "*:443", "192.0.2.1:443", "[::]:443", "name". Port 0: every port, or none given. */
static void
parse_address(struct str s, struct webconf_listen *l)
{
    int64_t port = 0;
    size_t colon = 0, bracket = 0;
    bool v6 = str_rfind_char(s, ']', &bracket);
    if (str_to_int_range(s, 1, UINT16_MAX, &port)) {
        s = STR_NONE;
    } else if (str_rfind_char(s, ':', &colon) && (!v6 || colon > bracket)) {
        (void)str_to_int_range(str_sub(s, colon + 1, SIZE_MAX), 1, UINT16_MAX, &port);
        s = str_sub(s, 0, colon);
    }
    if (v6 && s.n >= 2 && s.p[0] == '[') {
        s = str_sub(s, 1, bracket - 1);
    }
    l->address = str_eq(s, STR("_default_")) ? STR("*") : s;
    l->port = (uint16_t)port;
    l->port_last = (uint16_t)port;
}

static struct webconf_listen
listen_of(const struct directive *d, struct str address)
{
    struct webconf_listen l = {.file = d->src->path, .line = d->line, .directive = d};
    parse_address(address, &l);
    return l;
}

static void
take_ports(struct webconf *c)
{
    size_t max = 0;
    const struct directive *d = NULL;
    while ((d = apache_next(c->top, d)) != NULL) {
        max += directive_is(d, "Listen");
    }
    c->ports = conf_alloc(c, max * sizeof(*c->ports));
    while ((d = apache_next(c->top, d)) != NULL) {
        if (directive_is(d, "Listen") && d->argc > 0) {
            c->ports[c->port_count] = listen_of(d, directive_arg(d, 0));
            c->port_count += c->ports[c->port_count].port != 0;
        }
    }
}

struct str
apache_bare_name(struct str name)
{
    size_t at = 0;
    if (str_find(name, STR("://"), &at)) {
        name = str_sub(name, at + 3, SIZE_MAX);
    }
    return str_rfind_char(name, ':', &at) && !str_find_char(name, ']', NULL) ? str_sub(name, 0, at)
                                                                             : name;
}

static void
take_names(struct webconf *c, struct webconf_server *s, const struct directive *block)
{
    size_t max = 1;
    const struct directive *d = NULL;
    while ((d = apache_next(block, d)) != NULL) {
        max += directive_is(d, "ServerAlias") ? d->argc : 0;
    }
    struct str *names = conf_alloc(c, max * sizeof(*names));
    const struct directive *name = apache_child(block, "ServerName");
    if (name != NULL && name->argc > 0) {
        names[s->name_count++] = apache_bare_name(name->args[0].s);
    }
    while ((d = apache_next(block, d)) != NULL) {
        for (size_t i = 0; directive_is(d, "ServerAlias") && i < d->argc; i++) {
            names[s->name_count++] = d->args[i].s;
        }
    }
    s->names = names;
}

static bool
speaks_tls(const struct directive *block, bool outside)
{
    const struct directive *d = apache_child(block, "SSLEngine");
    return d == NULL ? outside : str_ieq(directive_arg(d, 0), STR("on"));
}

/* The addresses of <VirtualHost ...>; one without a port stands for every port that Listen names.
 */
static void
take_host_ports(struct webconf *c, struct webconf_server *s, const struct directive *block)
{
    size_t room = block->argc * MAX_OF(c->port_count, (size_t)1);
    if (room > LIMIT_WEBCONF_WORDS) {
        room = LIMIT_WEBCONF_WORDS;
    }
    struct webconf_listen *listens = conf_alloc(c, room * sizeof(*listens));
    for (size_t i = 0; i < block->argc; i++) {
        struct webconf_listen l = listen_of(block, block->args[i].s);
        size_t copies = l.port != 0 ? 1 : c->port_count;
        for (size_t k = 0; k < copies && s->listen_count < room; k++) {
            listens[s->listen_count] = l;
            if (l.port == 0) {
                listens[s->listen_count].port = c->ports[k].port;
                listens[s->listen_count].port_last = c->ports[k].port;
            }
            s->listen_count++;
        }
    }
    s->listens = listens;
}

static void
take_server(struct webconf *c, const struct directive *block, bool tls)
{
    struct webconf_server *s = conf_add_server(c, block);
    s->implied = block == c->top;
    if (s->implied) {
        s->listens = c->ports;
        s->listen_count = c->port_count;
    } else {
        take_host_ports(c, s, block);
    }
    take_names(c, s, block);
    if (!speaks_tls(block, tls) || s->listen_count == 0) {
        return;
    }
    struct webconf_listen *listens = conf_alloc(c, s->listen_count * sizeof(*listens));
    for (size_t i = 0; i < s->listen_count; i++) {
        listens[i] = s->listens[i];
        listens[i].ssl = true;
    }
    s->listens = listens;
}

void
apache_servers(struct webconf *c)
{
    take_ports(c);
    bool tls = speaks_tls(c->top, false);
    take_server(c, c->top, tls);
    const struct directive *d = NULL;
    while ((d = apache_next(c->top, d)) != NULL) {
        if (d->block && directive_is(d, "VirtualHost")) {
            take_server(c, d, tls);
        }
    }
}
