/* SPDX-License-Identifier: Apache-2.0
 * The frame of a judgement: which virtual server answers the question, what its port speaks, the
 * list of remarks. What the two web servers differ in stands in nginx_judge.c and apache_judge.c.
 */
#include "webconf/webconf_int.h"

#include "base/assert.h"

#include <stdlib.h>

/* ---- remarks ---- */

static bool
is_known(const struct webconf_remarks *r, enum webconf_remark_kind kind, struct str file,
         unsigned line)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct webconf_remark *m = &r->items[i];
        if (m->kind == kind && m->line == line && str_eq(str_of(m->file), file)) {
            return true;
        }
    }
    return false;
}

static void
add_port_arg(struct webconf_remark *m, const char *key, uint16_t port)
{
    char text[8];
    struct out o = out_of(text, sizeof(text));
    out_u64(&o, port);
    webconf_remark_arg(m, key, (struct str){text, (size_t)(o.p - text)});
}

struct webconf_remark *
judge_add_as(struct judge *j, enum webconf_remark_kind kind, enum webconf_weight weight,
             const struct directive *d, struct str corrected, bool sure)
{
    struct str file = d->src == NULL ? STR_NONE : str_of(d->src->path);
    if (j->out->count >= LIMIT_WEBCONF_REMARKS || is_known(j->out, kind, file, d->line)) {
        return NULL;
    }
    struct webconf_remark *m =
        webconf_remarks_add(j->out, kind, file, d->line, directive_text(d), corrected);
    m->sure = sure && j->sure;
    m->weight = weight;
    if (!m->sure) { /* another virtual server may answer: no fault of this site yet */
        m->weight = MIN_OF(weight, j->sure ? WEBCONF_WARNING : WEBCONF_NOTE);
    }
    webconf_remark_arg(m, "host", str_eq(j->host, STR(ASKED_HOST)) ? STR_NONE : j->host);
    add_port_arg(m, "port", j->port);
    add_port_arg(m, "target_port", j->q->target_port != 0 ? j->q->target_port : j->server_port);
    return m;
}

struct webconf_remark *
judge_add(struct judge *j, enum webconf_remark_kind kind, const struct directive *d,
          struct str corrected, bool sure)
{
    static const enum webconf_weight weights[WEBCONF_REMARK_COUNT] = {
#define REMARK(name, weight, id, sentence, advice) [WEBCONF_REMARK_##name] = WEBCONF_##weight,
#include "webconf/remarks.def"
#undef REMARK
    };
    return judge_add_as(j, kind, weights[kind], d, corrected, sure);
}

/* Markers of what is not known, as a person would write them. */
static void
add_readable(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        struct str c = str_sub(s, i, 1);
        if (str_eq(c, STR(ASKED_HOST))) {
            buf_add_z(out, "HOST");
        } else {
            buf_add_str(out, value_known(c) ? c : STR("..."));
        }
    }
}

void
judge_arg(struct webconf_remark *m, const char *key, struct str value)
{
    AUTO(buf_free) struct buf b = {0};
    add_readable(&b, value);
    if (m != NULL) {
        webconf_remark_arg(m, key, buf_str(&b));
    }
}

struct str
judge_place(struct judge *j, const struct directive *d)
{
    AUTO(buf_free) struct buf path = {0};
    for (const char *p = d->src == NULL ? "" : d->src->path; *p != '\0'; p++) {
        buf_add_char(&path, *p >= ' ' ? *p : '?'); /* a line end would end the comment */
    }
    return judge_printf(j, "%.*s:%u", STR_ARG(buf_str(&path)), d->line);
}

/* ---- which virtual server ---- */

const struct webconf_listen *
judge_listen(const struct webconf_server *s, uint16_t port)
{
    for (size_t i = 0; i < s->listen_count; i++) {
        if (port >= s->listens[i].port && port <= s->listens[i].port_last) {
            return &s->listens[i];
        }
    }
    return NULL;
}

/* How well a name of nginx fits: exact, wildcard in front, wildcard behind, expression [nginx:
 * server names]; 0: not at all. */
static unsigned
nginx_name_fits(struct str name, struct str host)
{
    if (str_ieq(name, host)) {
        return 4;
    }
    bool dot = str_starts(name, STR("."));
    if (dot && str_ieq(str_sub(name, 1, SIZE_MAX), host)) {
        return 4;
    }
    if (dot || str_starts(name, STR("*."))) {
        struct str tail = str_sub(name, !dot, SIZE_MAX);
        return host.n > tail.n && str_ieq(str_sub(host, host.n - tail.n, SIZE_MAX), tail) ? 3 : 0;
    }
    if (str_ends(name, STR(".*"))) {
        return str_istarts(host, str_sub(name, 0, name.n - 1)) ? 2 : 0;
    }
    bool regex = str_starts(name, STR("~"));
    return regex && value_match(host, str_sub(name, 1, SIZE_MAX), true) == TRI_YES;
}

static unsigned
name_fits(const struct webconf *c, const struct webconf_server *s, struct str host)
{
    unsigned best = 0;
    for (size_t i = 0; i < s->name_count; i++) {
        unsigned fit = c->kind == WEBCONF_NGINX ? nginx_name_fits(s->names[i], host)
                                                : glob_match(s->names[i], host);
        best = MAX_OF(best, fit);
    }
    return best;
}

bool
judge_bears_name(const struct judge *j, const struct webconf_server *s)
{
    return name_fits(j->c, s, j->host) > 0;
}

/* Apache's server outside of the virtual hosts answers only where none of them listens. */
static bool
stands_back(const struct webconf *c, const struct webconf_server *s)
{
    return c->kind == WEBCONF_APACHE && s->implied;
}

/* The server that answers for the asked host on `port`; NULL: none listens there. */
static const struct webconf_server *
select_server(const struct judge *j, uint16_t port)
{
    const struct webconf_server *best = NULL, *fallback = NULL, *outside = NULL;
    unsigned best_fit = 0;
    bool has_default = false;
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        const struct webconf_listen *l = judge_listen(s, port);
        if (l == NULL) {
            continue;
        }
        if (stands_back(j->c, s)) {
            outside = s;
            continue;
        }
        unsigned fit = name_fits(j->c, s, j->host);
        if (fit > best_fit) {
            best = s;
            best_fit = fit;
        }
        if (fallback == NULL || (l->is_default && !has_default)) {
            fallback = s;
            has_default = l->is_default;
        }
    }
    if (best != NULL) {
        return best;
    }
    return fallback != NULL ? fallback : outside;
}

/* nginx shares what a socket speaks among all servers that listen on it. */
static bool
socket_is_tls(const struct judge *j, const struct webconf_listen *l, uint16_t port)
{
    if (l->ssl || j->c->kind == WEBCONF_APACHE) {
        return l->ssl;
    }
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_listen *other = judge_listen(&j->c->servers[i], port);
        if (other != NULL && other->ssl && str_eq(other->address, l->address)) {
            return true;
        }
    }
    return false;
}

/* ---- what a port speaks ---- */

/* The line that decides what the port speaks. */
static const struct directive *
speech_directive(const struct judge *j, const struct webconf_listen *l)
{
    const struct directive *d = NULL;
    if (j->c->kind == WEBCONF_APACHE) {
        d = apache_inherited(j->c, j->block, "SSLEngine");
    }
    return d != NULL ? d : l->directive;
}

/* The line that makes this port speak TLS, or plain HTTP. */
static struct str
speech_line(struct judge *j, const struct webconf_listen *l, bool tls)
{
    if (j->c->kind == WEBCONF_NGINX) {
        return nginx_listen_line(j, l->directive, tls);
    }
    return tls ? STR("SSLEngine on") : STR("SSLEngine off");
}

static void
judge_speech(struct judge *j)
{
    const struct webconf_listen *l = judge_listen(j->server, j->server_port);
    if (l == NULL || j->q->target_port == 0) {
        return;
    }
    static const struct {
        bool tls;
        enum webconf_speech speech;
        enum webconf_remark_kind kind;
    } table[] = {{true, WEBCONF_SPEECH_PLAIN, WEBCONF_REMARK_TARGET_SPEAKS_TLS},
                 {true, WEBCONF_SPEECH_UNKNOWN, WEBCONF_REMARK_TARGET_NEEDS_TLS},
                 {false, WEBCONF_SPEECH_TLS, WEBCONF_REMARK_TARGET_SPEAKS_PLAIN}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (table[i].tls == j->tls && table[i].speech == j->q->target_speech) {
            (void)judge_add(j, table[i].kind, speech_directive(j, l), speech_line(j, l, !j->tls),
                            true);
        }
    }
}

static void
judge_server(struct judge *j, const struct webconf_server *s, uint16_t port, bool sure)
{
    j->server = s;
    j->block = s->directive;
    j->server_port = port;
    j->sure = sure;
    const struct webconf_listen *l = port == 0 ? NULL : judge_listen(s, port);
    j->tls = l != NULL ? socket_is_tls(j, l, port) : j->q->target_speech == WEBCONF_SPEECH_TLS;
    j->tls_known = true;
    judge_speech(j);
    if (j->c->kind == WEBCONF_NGINX) {
        nginx_judge(j);
    } else {
        apache_judge(j);
    }
}

/* ---- which ports ---- */

enum { PICKS_MAX = 64 };

struct pick {
    const struct webconf_server *server;
    uint16_t port;
};

struct picks {
    struct pick items[PICKS_MAX];
    size_t count;
};

static void
pick(struct picks *p, const struct webconf_server *s, uint16_t port)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].server == s && p->items[i].port == port) {
            return;
        }
    }
    if (s != NULL && p->count < PICKS_MAX) {
        p->items[p->count++] = (struct pick){s, port};
    }
}

/* Who may answer on this port: one, or all where the host is not known. */
static void
pick_on_port(const struct judge *j, uint16_t port, struct picks *p)
{
    if (!str_eq(j->host, STR(ASKED_HOST))) {
        pick(p, select_server(j, port), port);
        return;
    }
    for (size_t i = 0; i < j->c->server_count && p->count < PICKS_MAX; i++) {
        if (judge_listen(&j->c->servers[i], port) != NULL &&
            !stands_back(j->c, &j->c->servers[i])) {
            pick(p, &j->c->servers[i], port);
        }
    }
    if (p->count == 0) {
        pick(p, select_server(j, port), port);
    }
}

static bool
is_picked_port(const struct picks *p, uint16_t port)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].port == port) {
            return true;
        }
    }
    return false;
}

static void
pick_all_ports(const struct judge *j, struct picks *p)
{
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        for (size_t k = 0; k < s->listen_count && p->count < PICKS_MAX; k++) {
            if (s->listens[k].port != 0 && !is_picked_port(p, s->listens[k].port)) {
                pick_on_port(j, s->listens[k].port, p);
            }
        }
    }
}

/* A piece of a configuration that says nowhere where it listens. */
static void
pick_fragments(const struct judge *j, struct picks *p)
{
    for (size_t i = 0; i < j->c->server_count && p->count == 0; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        if (s->listen_count == 0 && s->implied) {
            pick(p, s, 0);
        }
    }
}

static void
add_port(struct buf *b, uint16_t port)
{
    enum { PORTS_TEXT = 60 };
    if (b->n < PORTS_TEXT) {
        buf_addf(b, "%s%u", b->n == 0 ? "" : ", ", port);
    }
}

/* Nothing listens where the load balancer sends to. */
static void
judge_missing_port(struct judge *j)
{
    AUTO(buf_free) struct buf ports = {0};
    const struct webconf_listen *first = NULL;
    struct picks seen = {.count = 0};
    for (size_t i = 0; i < j->c->server_count; i++) {
        const struct webconf_server *s = &j->c->servers[i];
        for (size_t k = 0; k < s->listen_count; k++) {
            if (!is_picked_port(&seen, s->listens[k].port)) {
                add_port(&ports, s->listens[k].port);
                pick(&seen, s, s->listens[k].port);
            }
            first = first == NULL ? &s->listens[k] : first;
        }
    }
    if (first == NULL) {
        return;
    }
    j->sure = j->c->whole;
    struct str mended = j->c->kind == WEBCONF_NGINX
                            ? judge_printf(j, "listen %u;", j->q->target_port)
                            : judge_printf(j, "Listen %u", j->q->target_port);
    struct webconf_remark *m =
        judge_add(j, WEBCONF_REMARK_TARGET_PORT_MISSING, first->directive, mended, true);
    judge_arg(m, "ports", buf_str(&ports));
}

static void
judge_all(struct judge *j)
{
    struct picks p = {.count = 0};
    if (j->q->target_port != 0) {
        pick_on_port(j, j->q->target_port, &p);
    } else {
        pick_all_ports(j, &p);
    }
    if (p.count == 0) {
        pick_fragments(j, &p);
    }
    if (p.count == 0) {
        judge_missing_port(j);
    }
    for (size_t i = 0; i < p.count; i++) {
        judge_server(j, p.items[i].server, p.items[i].port, p.count == 1);
    }
}

/* ---- what both servers share ---- */

/* [RFC 6797 6.1.1]: max-age is required, a number of seconds, perhaps quoted. */
static bool
max_age_of(struct str value, uint64_t *ret_age)
{
    struct str piece;
    while (str_cut(&value, ';', &piece)) {
        piece = str_trim(piece);
        size_t equals = 0;
        if (!str_istarts(piece, STR("max-age")) || !str_find_char(piece, '=', &equals)) {
            continue;
        }
        struct str number = str_trim(str_sub(piece, equals + 1, SIZE_MAX));
        if (number.n >= 2 && number.p[0] == '"' && number.p[number.n - 1] == '"') {
            number = str_sub(number, 1, number.n - 2);
        }
        return str_to_u64(number, ret_age);
    }
    return false;
}

static bool
has_subdomains(struct str value)
{
    struct str piece;
    while (str_cut(&value, ';', &piece)) {
        if (str_ieq(str_trim(piece), STR("includeSubDomains"))) {
            return true;
        }
    }
    return false;
}

static struct str
hsts_line(struct judge *j, const char *rest)
{
    return j->c->kind == WEBCONF_NGINX
               ? judge_printf(j, "add_header Strict-Transport-Security \"%s\" always;", rest)
               : judge_printf(j, "Header always set Strict-Transport-Security \"%s\"", rest);
}

void
judge_hsts(struct judge *j, const struct directive *d, struct str value)
{
    uint64_t age = 0;
    if (!value_known(value)) {
        return;
    }
    if (!max_age_of(value, &age)) {
        judge_arg(
            judge_add(j, WEBCONF_REMARK_HSTS_NOT_VALID, d, hsts_line(j, "max-age=31536000"), true),
            "value", value);
        return;
    }
    if (!j->q->https && !j->tls) {
        (void)judge_add(j, WEBCONF_REMARK_HSTS_ON_PLAIN, d, STR_NONE, true);
    } else if (has_subdomains(value) && age > 0) {
        struct str mended = judge_printf(j, "max-age=%llu", (unsigned long long)age);
        (void)judge_add(j, WEBCONF_REMARK_HSTS_SUBDOMAINS, d, hsts_line(j, mended.p), true);
    }
}

/* ---- the judgement ---- */

static int
by_weight(const void *a, const void *b)
{
    const struct webconf_remark *x = a, *y = b;
    if (x->sure != y->sure) {
        return x->sure ? -1 : 1;
    }
    if (x->weight != y->weight) {
        return (int)y->weight - (int)x->weight;
    }
    int order = strcmp(x->file, y->file);
    if (order != 0) {
        return order;
    }
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    return (int)x->kind - (int)y->kind;
}

static void
copy_reading(struct webconf_remarks *to, const struct webconf_remarks *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct webconf_remark *m = &from->items[i];
        struct webconf_remark *copy = webconf_remarks_add(to, m->kind, str_of(m->file), m->line,
                                                          str_of(m->text), str_of(m->corrected));
        copy->sure = m->sure;
        for (size_t k = 0; k < m->arg_count; k++) {
            webconf_remark_arg(copy, m->args[k].key, str_of(m->args[k].value));
        }
    }
}

struct webconf_remarks *
webconf_judge(const struct webconf *c, const struct webconf_question *q)
{
    struct judge j = {.c = c, .q = q, .out = webconf_remarks_new(c->kind)};
    bool has_host = q->host != NULL && *q->host != '\0';
    j.host = has_host ? str_of(q->host) : STR(ASKED_HOST);
    j.port = q->port;
    if (j.port == 0) {
        j.port = q->https ? 443 : 80;
    }
    j.out->files = c->source_count;
    j.out->servers = c->server_count;
    judge_all(&j);
    copy_reading(j.out, c->remarks);
    if (j.out->count > 1) {
        qsort(j.out->items, j.out->count, sizeof(*j.out->items), by_weight);
    }
    scratch_free(&j.scratch);
    return j.out;
}
