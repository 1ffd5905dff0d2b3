/* SPDX-License-Identifier: Apache-2.0
 * The facts of a diagnosis: their names, their memory, what their bytes mean, and how inference
 * asks them. */
#include "doctor/facts.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/h2_client.h"
#include "text/text.h"

/* ---- names ---- */

/* How a probe is made, as probes.def says; here only for what its bytes are. */
enum machine {
    MACHINE_LOCAL,
    MACHINE_LOOKUP,
    MACHINE_QUESTION,
    MACHINE_WALK,
    MACHINE_CONNECT,
    MACHINE_EXCHANGE,
    MACHINE_TLS,
    MACHINE_FETCH,
    MACHINE_PROXY,
};

struct probe_row {
    const char *name, *sentence;
    enum layer layer;
    enum machine machine;
};

static const struct probe_row probe_rows[PROBE_COUNT] = {
#define PROBE(id, name, layer, machine, keep, sentence)                                            \
    [PROBE_##id] = {name, sentence, LAYER_##layer, MACHINE_##machine},
#include "doctor/probes.def"
#undef PROBE
};

const char *
probe_name(enum probe p)
{
    ASSERT(p < PROBE_COUNT);
    return probe_rows[p].name;
}

const char *
probe_sentence(enum probe p)
{
    ASSERT(p < PROBE_COUNT);
    return probe_rows[p].sentence;
}

enum layer
probe_layer(enum probe p)
{
    ASSERT(p < PROBE_COUNT);
    return probe_rows[p].layer;
}

bool
probe_find(struct str name, enum probe *ret_probe)
{
    for (size_t i = 0; i < PROBE_COUNT; i++) {
        if (str_ieq(name, str_of(probe_rows[i].name))) {
            *ret_probe = (enum probe)i;
            return true;
        }
    }
    return false;
}

const char *
side_name(enum side s)
{
    static const char *const names[SIDE_COUNT] = {"none",   "site", "port", "lb",
                                                  "target", "hop",  "proxy"};
    ASSERT(s < SIDE_COUNT);
    return names[s];
}

const char *
outcome_name(enum outcome o)
{
    static const char *const names[OUTCOME_COUNT] = {"ok", "fail", "timeout", "cancelled",
                                                     "skipped"};
    ASSERT(o < OUTCOME_COUNT);
    return names[o];
}

static const struct {
    const char *name, *text;
} skip_rows[SKIP_COUNT] = {
    [SKIP_NONE] = {"none", N_("it was run")},
    [SKIP_BUDGET] = {"budget", N_("the number of connections to the host is limited")},
    [SKIP_NOT_NEEDED] = {"not_needed", N_("nothing is in doubt here")},
    [SKIP_NO_ADDRESS] = {"no_address", N_("no address is known")},
    [SKIP_NOT_ASKED] = {"not_asked", N_("an option of the command line leaves it out")},
    [SKIP_UNREACHABLE] = {"unreachable", N_("the servers that it asks cannot be reached")},
    [SKIP_PRIVATE] = {"private", N_("a public site leads to a private address")},
    [SKIP_NO_PERMISSION] = {"no_permission", N_("this machine does not permit it")},
    [SKIP_DECIDED] = {"decided", N_("the fault was proved before")},
};

const char *
skip_name(enum skip s)
{
    ASSERT(s < SKIP_COUNT);
    return skip_rows[s].name;
}

const char *
skip_text(enum skip s)
{
    ASSERT(s < SKIP_COUNT);
    return skip_rows[s].text;
}

const char *
finish_name(enum finish f)
{
    static const char *const names[FINISH_COUNT] = {"none", "us", "fin", "rst", "error"};
    ASSERT(f < FINISH_COUNT);
    return names[f];
}

/* ---- memory ---- */

void
question_done(struct question *q)
{
    char *const owned[] = {q->typed,        q->path,        q->server_config, q->proxy,
                           q->ca_file,      q->client_cert, q->client_key,    q->browser_profile,
                           q->preload_list, q->curl_hsts,   q->hosts_file,    q->resolv_conf};
    for (size_t i = 0; i < COUNT_OF(owned); i++) {
        xfree(owned[i]);
    }
    for (size_t i = 0; i < q->header_count; i++) {
        xfree(q->headers[i]);
    }
    *q = (struct question){0};
}

static void
bytes_done(struct bytes *b)
{
    xfree(b->p);
    *b = (struct bytes){0};
}

/* What facts_digest() makes. */
static void
digest_done(struct result *r)
{
    if (r->dns != NULL) {
        dns_answer_free(&r->dns);
    }
    if (r->flight != NULL) {
        tls_flight_done(r->flight);
        xfree(r->flight);
        r->flight = NULL;
    }
    if (r->http != NULL) {
        http_seen_free(&r->http);
    }
}

void
result_done(struct result *r)
{
    digest_done(r);
    if (r->seen != NULL) {
        tls_seen_done(r->seen);
        xfree(r->seen);
    }
    if (r->chain != NULL) {
        chain_facts_done(r->chain);
        xfree(r->chain);
    }
    bytes_done(&r->sent);
    bytes_done(&r->got);
    xfree(r->walk);
    xfree(r->addrs);
    xfree(r->url);
    *r = (struct result){0};
}

void
question_init(struct question *q)
{
    *q = (struct question){
        .profile = TLS_HELLO_CHROMIUM,
        .timeout_us = 2000000,
        .deadline_us = 10000000,
        .max_connections = 16,
        .checks = (1u << LAYER_COUNT) - 1,
        .browser_state = true,
        .authority_port = 53,
    };
}

void
facts_init(struct facts *f)
{
    *f = (struct facts){0};
    question_init(&f->question);
    bool fits = str_copy_z(STR(OPENALB_VERSION), f->version, sizeof(f->version));
    ASSERT(fits);
}

static void
local_done(struct local_facts *l)
{
    if (l->hsts != NULL) {
        hsts_found_free(l->hsts);
        xfree(l->hsts);
    }
    webconf_remarks_free(&l->remarks);
    xfree(l->config_error);
    *l = (struct local_facts){0};
}

static void
marks_done(struct log_mark *marks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        xfree(marks[i].file);
        xfree(marks[i].text);
    }
}

void
log_seen_done(struct log_seen *l)
{
    for (size_t i = 0; i < l->path_count; i++) {
        xfree(l->paths[i]);
    }
    marks_done(l->marks, l->mark_count);
    marks_done(l->handshakes, l->handshake_count);
    *l = (struct log_seen){0};
}

void
policy_asked_done(struct policy_asked *p)
{
    char *const owned[] = {p->file, p->bucket, p->prefix, p->account, p->region};
    for (size_t i = 0; i < COUNT_OF(owned); i++) {
        xfree(owned[i]);
    }
    bytes_done(&p->text);
    *p = (struct policy_asked){0};
}

void
facts_done(struct facts *f)
{
    question_done(&f->question);
    local_done(&f->local);
    if (f->log != NULL) {
        log_seen_done(f->log);
        xfree(f->log);
    }
    if (f->policy != NULL) {
        policy_asked_done(f->policy);
        xfree(f->policy);
    }
    for (size_t i = 0; i < f->count; i++) {
        result_done(&f->results[i]);
    }
    xfree(f->results);
    *f = (struct facts){0};
}

struct result *
facts_add(struct facts *f)
{
    if (f->count == LIMIT_DOCTOR_RESULTS) {
        struct result *last = &f->results[f->count - 1];
        result_done(last);
        return last;
    }
    return VEC_PUSH(f->results, f->count, f->cap);
}

/* ---- what the bytes mean ---- */

static void
digest_dns(struct result *r)
{
    if (dns_answer_read(r->got.p, r->got.n, &r->dns) != ERR_OK) {
        r->dns = NULL; /* there is not even a header: that is for the outcome to say */
    }
}

static void
digest_flight(struct result *r, const uint8_t *p, size_t n)
{
    r->flight = xalloc(sizeof(*r->flight));
    tls_flight_read(p, n, r->finish == FINISH_FIN || r->finish == FINISH_RST, r->flight);
}

static void
digest_http(struct result *r)
{
    bool fin = r->finish == FINISH_FIN;
    bool reset = r->finish == FINISH_RST;
    if (r->h2) {
        r->http = h2_seen_read(r->got.p, r->got.n, r->got_total, fin, reset);
        return;
    }
    if (r->got.n == 0) {
        return;
    }
    r->http = http_seen_read(r->got.p, r->got.n, r->got_total, fin, reset);
}

/* The proxy's answer; when it opened the tunnel, what came through it. A SOCKS proxy's few bytes
 * are no HTTP; whether it opened the tunnel is the result's outcome. */
static void
digest_proxy(struct result *r)
{
    if (str_starts((struct str){(const char *)r->got.p, r->got.n}, STR("HTTP/"))) {
        digest_http(r);
        size_t head = r->http->head_bytes;
        if (head > 0 && r->http->status / 100 == 2) {
            digest_flight(r, r->got.p + head, r->got.n - head);
        }
    }
}

void
facts_digest(struct result *r)
{
    const struct probe_row *row = &probe_rows[r->probe];
    digest_done(r);
    switch (row->machine) {
    case MACHINE_QUESTION:
    case MACHINE_WALK:
        if (r->got.n > 0) {
            digest_dns(r);
        }
        break;
    case MACHINE_EXCHANGE:
        if (row->layer == LAYER_HTTP) {
            digest_http(r);
        } else if (r->connected_us != 0) {
            digest_flight(r, r->got.p, r->got.n);
        }
        break;
    case MACHINE_TLS:
    case MACHINE_FETCH: digest_http(r); break;
    case MACHINE_PROXY: digest_proxy(r); break;
    case MACHINE_LOCAL:
    case MACHINE_LOOKUP:
    case MACHINE_CONNECT: break;
    }
}

/* ---- asking ---- */

static bool
is_finished(const struct result *r)
{
    return r->outcome != OUTCOME_SKIPPED && r->outcome != OUTCOME_CANCELLED;
}

const struct result *
facts_next(const struct facts *f, const struct result *r, enum probe p, enum side s)
{
    for (size_t i = r == NULL ? 0 : (size_t)(r - f->results) + 1; i < f->count; i++) {
        const struct result *next = &f->results[i];
        if (next->probe == p && next->side == s && is_finished(next)) {
            return next;
        }
    }
    return NULL;
}

const struct result *
facts_find(const struct facts *f, enum probe p, enum side s)
{
    const struct result *first = facts_next(f, NULL, p, s);
    if (s != SIDE_SITE || first == NULL || facts_next(f, first, p, s) == NULL) {
        return first;
    }
    /* Of several addresses the one that clients try first, whichever answered first. */
    struct addr addrs[QUESTION_ADDRS_MAX];
    size_t count = facts_site_addrs(f, addrs, COUNT_OF(addrs));
    for (size_t i = 0; i < count; i++) {
        for (const struct result *r = first; r != NULL; r = facts_next(f, r, p, s)) {
            if (r->at.sa.sa_family != 0 && addr_eq(&r->at, &addrs[i])) {
                return r;
            }
        }
    }
    return first;
}

const struct result *
facts_find_at(const struct facts *f, enum probe p, enum side s, const struct addr *at)
{
    for (const struct result *r = NULL; (r = facts_next(f, r, p, s)) != NULL;) {
        if (r->at.sa.sa_family != 0 && addr_eq(&r->at, at)) {
            return r;
        }
    }
    return NULL;
}

/* A set of distinct addresses under way; all of them get the same port. */
struct collector {
    struct addr *items; /* borrowed */
    size_t count, max;
    int family; /* AF_UNSPEC: both */
    uint16_t port;
};

static void
collect(struct collector *c, const struct addr *a)
{
    struct addr with_port = *a;
    if (c->family != AF_UNSPEC && a->sa.sa_family != c->family) {
        return;
    }
    addr_set_port(&with_port, c->port);
    for (size_t i = 0; i < c->count; i++) {
        if (addr_eq(&c->items[i], &with_port)) {
            return;
        }
    }
    if (c->count < c->max) {
        c->items[c->count++] = with_port;
    }
}

/* The addresses at the end of `name` in all answers of this probe. */
static void
collect_answers(struct collector *c, const struct facts *f, enum probe p, const char *name)
{
    for (const struct result *r = NULL; (r = facts_next(f, r, p, SIDE_NONE)) != NULL;) {
        struct addr found[DNS_LOOKUP_ADDRS_MAX];
        size_t n = r->dns == NULL ? 0 : dns_answer_addrs(r->dns, name, found, COUNT_OF(found));
        for (size_t i = 0; i < n; i++) {
            collect(c, &found[i]);
        }
    }
}

bool
name_is_local(struct str name)
{
    static const char word[] = "localhost";
    size_t n = sizeof(word) - 1;
    return name.n >= n && str_ieq(str_sub(name, name.n - n, n), str_of(word)) &&
           (name.n == n || name.p[name.n - n - 1] == '.');
}

/* Where browsers go for such a name, when the system knows nothing else. */
static void
collect_local(struct collector *c)
{
    static const char *const texts[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct addr a;
        bool ok = addr_parse(str_of(texts[i]), 0, &a);
        ASSERT(ok);
        collect(c, &a);
    }
}

static void
collect_overrides(struct collector *c, const struct question *q)
{
    for (size_t i = 0; i < q->resolve_count; i++) {
        const struct resolve_override *o = &q->resolve[i];
        if (addr_port(&o->addr) == q->port && str_ieq(str_of(o->host), str_of(q->host))) {
            collect(c, &o->addr);
        }
    }
}

size_t
facts_site_addrs(const struct facts *f, struct addr *ret, size_t max)
{
    const struct question *q = &f->question;
    struct collector c = {.items = ret, .max = max, .family = q->family, .port = q->port};
    struct addr literal;
    if (q->host_is_address && addr_parse(str_of(q->host), q->port, &literal)) {
        c.family = AF_UNSPEC; /* there is nothing to choose from */
        collect(&c, &literal);
        return c.count;
    }
    collect_overrides(&c, q);
    if (c.count > 0) {
        return c.count;
    }
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_D1, SIDE_NONE)) != NULL;) {
        for (size_t i = 0; i < r->addr_count; i++) {
            collect(&c, &r->addrs[i]);
        }
    }
    if (c.count == 0) {
        collect_answers(&c, f, PROBE_D2A, q->host);
        collect_answers(&c, f, PROBE_D2Q, q->host);
    }
    if (c.count == 0 && name_is_local(str_of(q->host)) &&
        facts_find(f, PROBE_D1, SIDE_NONE) != NULL) {
        collect_local(&c);
    }
    return c.count;
}

/* ---- the load balancer ---- */

static bool
is_label(struct str s)
{
    return s.n > 0 && !str_find_char(s, '.', NULL);
}

/* NAME.REGION.elb.amazonaws.com, NAME.elb.REGION.amazonaws.com, NAME.elb.localhost and ours with
 * further labels in front [ruling 1]. */
bool
lb_name_is_one(struct str name)
{
    static const char *const clouds[] = {".amazonaws.com", ".amazonaws.com.cn"};
    char text[DNS_NAME_TEXT];
    if (name.n > 0 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    if (!str_copy_z(name, text, sizeof(text))) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        text[i] = ascii_lower(text[i]);
    }
    struct str s = str_of(text);
    if (str_ends(s, STR(".elb.localhost"))) {
        return s.n > STR(".elb.localhost").n;
    }
    for (size_t i = 0; i < COUNT_OF(clouds); i++) {
        struct str cloud = str_of(clouds[i]);
        if (!str_ends(s, cloud)) {
            continue;
        }
        struct str rest = str_sub(s, 0, s.n - cloud.n);
        size_t dot;
        if (str_ends(rest, STR(".elb")) && str_find_char(rest, '.', &dot)) {
            return dot > 0 && dot < rest.n - STR(".elb").n; /* a name and a region */
        }
        if (str_rfind_char(rest, '.', &dot) && is_label(str_sub(rest, dot + 1, rest.n))) {
            struct str front = str_sub(rest, 0, dot);
            return str_ends(front, STR(".elb")) && front.n > STR(".elb").n;
        }
    }
    return false;
}

struct str
lb_name_region(struct str name)
{
    size_t elb, dot;
    if (!str_find(name, STR(".elb.amazonaws.com"), &elb)) {
        return STR_NONE;
    }
    struct str front = str_sub(name, 0, elb);
    return str_rfind_char(front, '.', &dot) ? str_sub(front, dot + 1, front.n) : STR_NONE;
}

/* A CNAME target in the chain of the site's name, in one answer; NULL: none. */
static const char *
lb_name_in(const struct dns_answer *a, const char *host)
{
    const struct dns_record *chain[LIMIT_DNS_CNAME_HOPS_MAX];
    size_t n = dns_answer_chain(a, host, chain, COUNT_OF(chain), NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        if (lb_name_is_one(str_of(chain[i]->target))) {
            return chain[i]->target;
        }
    }
    return NULL;
}

const char *
facts_lb_name(const struct facts *f)
{
    static const enum probe probes[] = {PROBE_D2A, PROBE_D2Q, PROBE_D3};
    const struct question *q = &f->question;
    if (q->lb_given) {
        return q->lb_name;
    }
    if (lb_name_is_one(str_of(q->host))) {
        return q->host;
    }
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        for (const struct result *r = NULL; (r = facts_next(f, r, probes[i], SIDE_NONE)) != NULL;) {
            const char *name = r->dns == NULL ? NULL : lb_name_in(r->dns, q->host);
            if (name != NULL) {
                return name;
            }
        }
    }
    return "";
}

size_t
facts_lb_addrs(const struct facts *f, struct addr *ret, size_t max)
{
    static const enum probe own[] = {PROBE_D5A, PROBE_D5Q};
    static const enum probe along[] = {PROBE_D2A, PROBE_D2Q};
    const struct question *q = &f->question;
    struct collector c = {.items = ret, .max = max, .family = q->family, .port = q->port};
    for (size_t i = 0; i < q->lb_addr_count; i++) {
        collect(&c, &q->lb_addrs[i]);
    }
    const char *name = facts_lb_name(f);
    if (name[0] == '\0') {
        return c.count;
    }
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        collect_answers(&c, f, own[i], name);
    }
    for (size_t i = 0; i < COUNT_OF(along) && c.count == 0; i++) {
        collect_answers(&c, f, along[i], name);
    }
    bool asked = facts_find(f, own[0], SIDE_NONE) != NULL || f->local.resolver_count == 0;
    if (c.count == 0 && name_is_local(str_of(name)) && asked) {
        collect_local(&c);
    }
    return c.count;
}

/* ---- ranges ---- */

static const struct {
    uint32_t net;
    unsigned bits;
    const char *word;
} ranges4[] = {
    {0x00000000, 8, N_("unspecified")},    /* 0.0.0.0/8 */
    {0x0a000000, 8, N_("private")},        /* 10.0.0.0/8 */
    {0x64400000, 10, N_("shared")},        /* 100.64.0.0/10 [RFC 6598] */
    {0x7f000000, 8, N_("loopback")},       /* 127.0.0.0/8 */
    {0xa9fe0000, 16, N_("link-local")},    /* 169.254.0.0/16 */
    {0xac100000, 12, N_("private")},       /* 172.16.0.0/12 */
    {0xc0000200, 24, N_("documentation")}, /* 192.0.2.0/24 [RFC 5737] */
    {0xc0a80000, 16, N_("private")},       /* 192.168.0.0/16 */
    {0xc6336400, 24, N_("documentation")}, /* 198.51.100.0/24 */
    {0xcb007100, 24, N_("documentation")}, /* 203.0.113.0/24 */
};

static const char *
range4(uint32_t ip)
{
    for (size_t i = 0; i < COUNT_OF(ranges4); i++) {
        if ((ip ^ ranges4[i].net) >> (32 - ranges4[i].bits) == 0) {
            return ranges4[i].word;
        }
    }
    return NULL;
}

static const struct {
    uint8_t prefix[16];
    unsigned bits;
    const char *word;
} ranges6[] = {
    {{0}, 128, N_("unspecified")},                       /* :: */
    {{[15] = 1}, 128, N_("loopback")},                   /* ::1 */
    {{0xfe, 0x80}, 10, N_("link-local")},                /* fe80::/10 */
    {{0xfc}, 7, N_("private")},                          /* fc00::/7 [RFC 4193] */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, N_("documentation")}, /* 2001:db8::/32 [RFC 3849] */
    {{0x3f, 0xff}, 20, N_("documentation")},             /* 3fff::/20 [RFC 9637] */
};

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

const char *
addr_range(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET) {
        return range4(ntohl(a->in4.sin_addr.s_addr));
    }
    if (a->sa.sa_family != AF_INET6) {
        return NULL;
    }
    const uint8_t *ip = a->in6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
        return range4((uint32_t)ip[12] << 24 | (uint32_t)ip[13] << 16 | (uint32_t)ip[14] << 8 |
                      ip[15]);
    }
    for (size_t i = 0; i < COUNT_OF(ranges6); i++) {
        if (same_bits(ip, ranges6[i].prefix, ranges6[i].bits)) {
            return ranges6[i].word;
        }
    }
    return NULL;
}
