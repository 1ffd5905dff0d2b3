/* SPDX-License-Identifier: Apache-2.0
 * Facts for the tests of the inference. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/mem.h"
#include "text/text.h"
#include "base/test.h"

#include <errno.h>
#include <stdio.h>

static struct addr
addr_of(const char *text)
{
    struct addr a = {0};
    struct str s = str_of(text);
    size_t colon = 0;
    uint64_t port = 0;
    ASSERT(str_rfind_char(s, ':', &colon));
    ASSERT(str_to_u64(str_sub(s, colon + 1, s.n), &port));
    struct str ip = str_sub(s, 0, colon);
    if (ip.n > 1 && ip.p[0] == '[') {
        ip = str_sub(ip, 1, ip.n - 2);
    }
    ASSERT(addr_parse(ip, (uint16_t)port, &a));
    return a;
}

void
test_site(struct facts *f, const char *url)
{
    facts_init(f);
    struct question *q = &f->question;
    struct str rest = str_of(url);
    q->typed = xstrdup(url);
    q->scheme = str_starts(rest, STR("http://")) ? SCHEME_HTTP : SCHEME_HTTPS;
    q->scheme_given = true;
    rest = str_sub(rest, q->scheme == SCHEME_HTTP ? 7 : 8, rest.n);
    size_t slash = rest.n;
    (void)str_find_char(rest, '/', &slash);
    q->path = slash < rest.n ? xstrdup_str(str_sub(rest, slash, rest.n)) : xstrdup("/");
    struct str authority = str_sub(rest, 0, slash);
    size_t colon = 0;
    uint64_t port = q->scheme == SCHEME_HTTP ? 80 : 443;
    if (str_rfind_char(authority, ':', &colon)) {
        ASSERT(str_to_u64(str_sub(authority, colon + 1, authority.n), &port));
        authority = str_sub(authority, 0, colon);
        q->port_given = true;
    }
    q->port = (uint16_t)port;
    ASSERT(str_copy_z(authority, q->host, sizeof q->host));
    ASSERT(str_copy_z(authority, q->host_shown, sizeof q->host_shown));
    (void)snprintf(q->url, sizeof q->url, "%s://%s:%u/",
                   q->scheme == SCHEME_HTTP ? "http" : "https", q->host, q->port);
    q->timeout_us = 2000000;
    q->deadline_us = 10000000;
    q->max_connections = 16;
    q->checks = ~0U;
    q->browser_state = true;
    f->started_s = TEST_NOW_S;
    f->local = (struct local_facts){.known = true,
                                    .wall_s = TEST_NOW_S,
                                    .route4 = true,
                                    .interface_up = true,
                                    .resolver_count = 1};
    ASSERT(addr_parse(STR("192.0.2.53"), 53, &f->local.resolvers[0]));
}

struct result *
test_result(struct facts *f, enum probe p, enum side s, const char *at, enum outcome o)
{
    struct result *r = facts_add(f);
    r->probe = p;
    r->side = s;
    r->outcome = o;
    if (at != NULL) {
        r->at = addr_of(at);
    }
    ASSERT(str_copy_z(str_of(f->question.host), r->name, sizeof r->name));
    r->start_us = 1000;
    r->connected_us = 2000;
    r->sent_us = 2100;
    r->first_us = 3000;
    r->end_us = 4000;
    return r;
}

static void
add_address(struct result *r, const char *name, struct str text, uint32_t ttl)
{
    struct addr a;
    ASSERT(addr_parse(text, 0, &a));
    struct dns_record *record =
        test_record(r, name, addr_is_v6(&a) ? DNS_TYPE_AAAA : DNS_TYPE_A, "");
    record->addr = a;
    record->ttl = ttl;
}

struct result *
test_dns(struct facts *f, enum probe p, const char *server, const char *name, uint16_t rcode,
         const char *addresses, uint32_t ttl)
{
    struct result *r = test_result(f, p, SIDE_NONE, NULL, OUTCOME_OK);
    ASSERT(str_copy_z(str_of(server), r->label, sizeof r->label));
    ASSERT(str_copy_z(str_of(name), r->name, sizeof r->name));
    r->dns = xalloc(sizeof *r->dns);
    r->dns->qr = true;
    r->dns->rcode = rcode;
    r->dns->aa = p == PROBE_D3;
    ASSERT(str_copy_z(str_of(name), r->dns->question, sizeof r->dns->question));
    r->dns->question_type = p == PROBE_D2Q || p == PROBE_D5Q ? DNS_TYPE_AAAA : DNS_TYPE_A;
    struct str rest = str_of(addresses), one;
    while (str_cut(&rest, ' ', &one)) {
        if (one.n > 0) {
            add_address(r, name, one, ttl);
        }
    }
    return r;
}

struct dns_record *
test_record(struct result *r, const char *name, uint16_t type, const char *target)
{
    struct dns_answer *a = r->dns;
    a->records = xrealloc(a->records, (a->record_count + 1) * sizeof a->records[0]);
    struct dns_record *record = &a->records[a->record_count++];
    *record = (struct dns_record){.type = type, .ttl = 60, .section = DNS_SECTION_ANSWER};
    ASSERT(str_copy_z(str_of(name), record->name, sizeof record->name));
    ASSERT(str_copy_z(str_of(target), record->target, sizeof record->target));
    return record;
}

struct result *
test_resolves(struct facts *f, const char *addresses)
{
    struct buf four = {0}, six = {0};
    struct result *r = test_result(f, PROBE_D1, SIDE_NONE, NULL, OUTCOME_OK);
    size_t index = f->count - 1;
    struct str rest = str_of(addresses), one;
    while (str_cut(&rest, ' ', &one)) {
        struct addr a;
        ASSERT(addr_parse(one, 0, &a));
        r->addrs = xrealloc(r->addrs, (r->addr_count + 1) * sizeof r->addrs[0]);
        r->addrs[r->addr_count++] = a;
        struct buf *family = addr_is_v6(&a) ? &six : &four;
        buf_add_str(family, one);
        buf_add_char(family, ' ');
    }
    const char *host = f->question.host;
    test_dns(f, PROBE_D2A, "192.0.2.53", host, 0, four.n == 0 ? "" : four.p, 60);
    test_dns(f, PROBE_D2Q, "192.0.2.53", host, 0, six.n == 0 ? "" : six.p, 60);
    buf_free(&four);
    buf_free(&six);
    return &f->results[index];
}

struct result *
test_tcp(struct facts *f, enum side s, const char *at, int error)
{
    struct result *r = test_result(f, PROBE_T1, s, at, error == 0 ? OUTCOME_OK : OUTCOME_FAIL);
    r->error = error;
    r->finish = error == 0 ? FINISH_US : FINISH_ERROR;
    if (error != 0) {
        r->connected_us = r->sent_us = r->first_us = 0;
    }
    return r;
}

struct result *
test_silent(struct facts *f, enum probe p, enum side s, const char *at)
{
    struct result *r = test_result(f, p, s, at, OUTCOME_TIMEOUT);
    r->finish = FINISH_US;
    r->first_us = 0;
    if (probe_layer(p) == LAYER_TCP && p != PROBE_P2) {
        r->connected_us = r->sent_us = 0;
    }
    r->end_us = r->start_us + 10000000;
    facts_digest(r);
    return r;
}

struct result *
test_bytes(struct facts *f, enum probe p, enum side s, const char *at, const void *bytes, size_t n,
           enum finish finish)
{
    struct result *r = test_result(f, p, s, at, n > 0 ? OUTCOME_OK : OUTCOME_FAIL);
    r->finish = finish;
    r->got.p = xalloc(n + 1);
    if (n > 0) {
        memcpy(r->got.p, bytes, n);
    } else {
        r->first_us = 0;
    }
    r->got.n = n;
    r->got_total = n;
    facts_digest(r);
    return r;
}

struct result *
test_text(struct facts *f, enum probe p, enum side s, const char *at, const char *text,
          enum finish finish)
{
    return test_bytes(f, p, s, at, text, strlen(text), finish);
}

struct result *
test_alert(struct facts *f, enum probe p, enum side s, const char *at, unsigned number)
{
    uint8_t record[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, (uint8_t)number};
    return test_bytes(f, p, s, at, record, sizeof record, FINISH_FIN);
}

struct result *
test_hello(struct facts *f, enum probe p, enum side s, const char *at, uint16_t version,
           uint16_t suite)
{
    bool new = version == TLS_V_13;
    uint16_t legacy = new ? TLS_V_12 : version;
    uint8_t body[128] = {(uint8_t)(legacy >> 8), (uint8_t)legacy};
    size_t n = 2 + 32 + 1; /* random, empty session id */
    body[n++] = (uint8_t)(suite >> 8);
    body[n++] = (uint8_t)suite;
    body[n++] = 0;
    if (new) {
        static const uint8_t extensions[] = {0x00, 0x2e, 0x00, 0x2b, 0x00, 0x02, 0x03, 0x04,
                                             0x00, 0x33, 0x00, 0x24, 0x00, 0x1d, 0x00, 0x20};
        memcpy(body + n, extensions, sizeof extensions);
        n += sizeof extensions + 32;
    }
    uint8_t record[160] = {
        0x16, (uint8_t)(legacy >> 8), (uint8_t)legacy, 0, (uint8_t)(n + 4), 0x02, 0, 0, (uint8_t)n};
    memcpy(record + 9, body, n);
    return test_bytes(f, p, s, at, record, n + 9, FINISH_US);
}

static struct chain_facts *
good_chain(const char *host)
{
    struct chain_facts *c = xalloc(sizeof *c);
    c->count = c->total = 2;
    c->trusted = c->public_root = true;
    for (size_t i = 0; i < 2; i++) {
        struct chain_certificate *x = &c->certificates[i];
        x->subject = i == 0 ? xprintf("CN=%s", host) : xstrdup("CN=Test Intermediate");
        x->issuer = xstrdup(i == 0 ? "CN=Test Intermediate" : "CN=Test Root");
        x->common_name = xstrdup(i == 0 ? host : "Test Intermediate");
        x->not_before_s = TEST_NOW_S - 30 * 86400;
        x->not_after_s = TEST_NOW_S + 60 * 86400;
        x->key = CHAIN_KEY_EC;
        x->key_bits = 256;
        x->aia_url = xstrdup("");
        x->ocsp_url = xstrdup("");
        x->is_ca = i == 1;
    }
    return c;
}

struct result *
test_answer(struct facts *f, enum probe p, enum side s, const char *at, const char *text)
{
    struct result *r = test_text(f, p, s, at, text, FINISH_US);
    r->outcome = OUTCOME_OK;
    r->seen = xalloc(sizeof *r->seen);
    r->seen->done = true;
    r->seen->version = TLS_V_13;
    r->seen->suite = 0x1301;
    r->seen->alert_sent = r->seen->alert_received = -1;
    r->chain = good_chain(r->name);
    test_names(r, r->name);
    return r;
}

void
test_problem(struct result *r, enum chain_problem_kind kind)
{
    ASSERT(r->chain->problem_count < CHAIN_PROBLEMS_MAX);
    r->chain->problems[r->chain->problem_count++] =
        (struct chain_problem){.kind = kind, .sent = true};
}

void
test_names(struct result *r, const char *names)
{
    struct chain_certificate *leaf = &r->chain->certificates[0];
    for (size_t i = 0; i < leaf->name_count; i++) {
        xfree((void *)(uintptr_t)leaf->names[i].text.p);
    }
    leaf->name_count = 0;
    struct str rest = str_of(names), one;
    while (str_cut(&rest, ' ', &one)) {
        leaf->names = xrealloc(leaf->names, (leaf->name_count + 1) * sizeof leaf->names[0]);
        leaf->names[leaf->name_count++] = (struct chain_name){.text = {xstrdup_str(one), one.n}};
    }
    leaf->name_total = leaf->name_count;
}

void
test_healthy(struct facts *f)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n"
                             "Content-Type: text/html\r\n\r\nhello";
    char at[ADDR_TEXT];
    (void)snprintf(at, sizeof at, "198.51.100.7:%u", f->question.port);
    test_resolves(f, "198.51.100.7");
    test_tcp(f, SIDE_SITE, at, 0);
    if (f->question.scheme == SCHEME_HTTP) {
        test_text(f, PROBE_P1, SIDE_SITE, at, ok, FINISH_US);
        test_text(f, PROBE_R1, SIDE_SITE, at, ok, FINISH_US);
        return;
    }
    test_hello(f, PROBE_H1, SIDE_SITE, at, TLS_V_13, 0x1301);
    test_answer(f, PROBE_R1, SIDE_SITE, at, ok);
}

const char *
test_infer(const struct facts *f)
{
    static char text[512];
    struct findings out;
    infer(f, &out);
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < out.count; i++) {
        const char *id = finding_row(out.items[i].id)->id;
        bool note = out.items[i].severity == SEVERITY_NOTE;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s", i == 0 ? "" : " ",
                              note ? "[" : "", id, note ? "]" : "");
    }
    findings_done(&out);
    return text;
}

/* ---- shorter ways ---- */

struct result *
test_page(struct facts *f, enum probe p, enum side s, const char *at, const char *status,
          const char *headers, const char *body)
{
    struct buf text = {0};
    buf_addf(&text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body),
             body);
    bool plain = p == PROBE_P1 || p == PROBE_P1X || p == PROBE_R5P ||
                 (f->question.scheme == SCHEME_HTTP && s == SIDE_SITE);
    struct result *r =
        plain ? test_text(f, p, s, at, text.p, FINISH_US) : test_answer(f, p, s, at, text.p);
    buf_free(&text);
    return r;
}

void
test_reached(struct facts *f, const char *url)
{
    char at[ADDR_TEXT];
    test_site(f, url);
    (void)snprintf(at, sizeof at, "198.51.100.7:%u", f->question.port);
    test_resolves(f, "198.51.100.7");
    test_tcp(f, SIDE_SITE, at, 0);
}

struct result *
test_hop(struct facts *f, unsigned hop, const char *url, const char *at, const char *status,
         const char *headers, const char *body)
{
    struct result *r;
    if (status == NULL) {
        r = test_result(f, PROBE_R3, SIDE_HOP, at, OUTCOME_FAIL);
        r->error = ECONNREFUSED;
        r->connected_us = r->sent_us = r->first_us = 0;
    } else {
        struct buf text = {0};
        buf_addf(&text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers,
                 strlen(body), body);
        r = str_starts(str_of(url), STR("http://"))
                ? test_text(f, PROBE_R3, SIDE_HOP, at, text.p, FINISH_US)
                : test_answer(f, PROBE_R3, SIDE_HOP, at, text.p);
        buf_free(&text);
    }
    r->hop = hop;
    r->url = xstrdup(url);
    return r;
}

struct result *
test_hop_skipped(struct facts *f, unsigned hop, const char *url, enum skip why)
{
    struct result *r = test_result(f, PROBE_R3, SIDE_HOP, NULL, OUTCOME_SKIPPED);
    r->skip = why;
    r->hop = hop;
    r->url = xstrdup(url);
    return r;
}

struct result *
test_h2(struct facts *f, const char *at)
{
    struct result *r = test_result(f, PROBE_R2, SIDE_SITE, at, OUTCOME_FAIL);
    r->h2 = true;
    r->finish = FINISH_US;
    r->seen = xalloc(sizeof *r->seen);
    r->seen->done = true;
    r->seen->version = TLS_V_13;
    r->seen->suite = 0x1301;
    r->seen->alert_sent = r->seen->alert_received = -1;
    r->seen->alpn_n = 2;
    memcpy(r->seen->alpn, "h2", 2);
    r->http = xalloc(sizeof *r->http);
    r->http->h2 = true;
    r->http->version_major = 2;
    return r;
}

void
test_target(struct facts *f, const char *at)
{
    f->question.target = addr_of(at);
}

void
test_lb(struct facts *f, const char *at)
{
    f->question.lb_given = true;
    f->question.lb_addrs[f->question.lb_addr_count++] = addr_of(at);
}

/* ---- cases ---- */

static bool
has_value(const struct args *a, struct str key)
{
    for (size_t i = 0; a != NULL && i < a->count; i++) {
        if (str_eq(str_of(a->items[i].key), key)) {
            return true;
        }
    }
    return false;
}

/* Of a-z 0-9 _, as text_fill() takes it. */
static bool
is_key(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) && s.p[i] != '_' && !(s.p[i] >= 'a' && s.p[i] <= 'z')) {
            return false;
        }
    }
    return s.n > 0;
}

/* As the reports fill a sentence: from the first arguments, then from the second. */
static void
check_sentence(const char *title, const char *id, const char *sentence, const struct args *first,
               const struct args *second)
{
    struct str rest = str_of(sentence == NULL ? "" : sentence);
    size_t open, close;
    while (str_find_char(rest, '{', &open)) {
        rest = str_sub(rest, open + 1, rest.n);
        if (!str_find_char(rest, '}', &close)) {
            return;
        }
        struct str key = str_sub(rest, 0, close);
        if (!is_key(key)) {
            continue; /* a brace of JSON */
        }
        if (!has_value(first, key) && !has_value(second, key)) {
            test_failed(__FILE__, __LINE__, "%s: %s has no value for {%.*s} in \"%s\"", title, id,
                        STR_ARG(key), sentence);
        }
    }
}

void
test_sentences(const char *title, const struct findings *out)
{
    for (size_t i = 0; i < out->count; i++) {
        const struct finding *x = &out->items[i];
        const struct finding_row *row = finding_row(x->id);
        const struct args *main_args = x->evidence_count > 0 ? &x->evidence[0].args : NULL;
        check_sentence(title, row->id, row->cause, &x->args, main_args);
        check_sentence(title, row->id, row->rules_out, &x->args, NULL);
        check_sentence(title, row->id, row->decider, &x->args, main_args);
        check_sentence(title, row->id, x->note, &x->args, NULL);
        check_sentence(title, row->id, x->counter_text, &x->args, NULL);
        for (size_t k = 0; k < x->evidence_count; k++) {
            const struct evidence *e = &x->evidence[k];
            const char *sentence = evidence_sentence(x->id, e->id);
            if (e->mark != NULL || e->what != NULL) { /* its {what} is another sentence */
                struct buf text = {0};
                text_fill_as(&text, TEXT_PLAIN, sentence, TEXT_ARGS({"what", STR("said")}));
                check_sentence(title, row->id, text.p, &e->args, &x->args);
                check_sentence(title, row->id, e->what, &e->args, &x->args);
                buf_free(&text);
            } else {
                check_sentence(title, row->id, sentence, &e->args, &x->args);
            }
        }
    }
}

static bool
value_stands(const struct finding *x, struct str key, struct str value)
{
    for (size_t k = 0; k <= x->evidence_count; k++) {
        const struct args *a = k == 0 ? &x->args : &x->evidence[k - 1].args;
        for (size_t i = 0; i < a->count; i++) {
            if (str_eq(str_of(a->items[i].key), key) &&
                str_eq((struct str){a->items[i].value, a->items[i].n}, value)) {
                return true;
            }
        }
    }
    return false;
}

static void
check_args(const struct infer_case *c, const struct finding *first)
{
    struct str rest = str_of(c->args == NULL ? "" : c->args), one;
    while (str_cut(&rest, '|', &one)) {
        size_t equal = 0;
        one = str_trim(one);
        if (one.n == 0) {
            continue;
        }
        ASSERT(str_find_char(one, '=', &equal));
        if (!value_stands(first, str_sub(one, 0, equal), str_sub(one, equal + 1, one.n))) {
            test_failed(__FILE__, __LINE__, "%s: %.*s is not said", c->title, STR_ARG(one));
        }
    }
}

static void
check_bad(const struct infer_case *c)
{
    struct facts f;
    struct findings out;
    c->make(&f, true);
    const char *ids = test_infer(&f);
    if (strcmp(ids, c->ids) != 0) {
        test_failed(__FILE__, __LINE__, "%s: \"%s\", expected \"%s\"", c->title, ids, c->ids);
    }
    infer(&f, &out);
    test_sentences(c->title, &out);
    if (out.count > 0) {
        const struct finding *first = &out.items[0];
        if (first->confidence != c->confidence || first->sight != c->sight ||
            first->counter != c->counter) {
            test_failed(__FILE__, __LINE__,
                        "%s: confidence %d, sight %d, counter %d; expected %d, %d, %d", c->title,
                        (int)first->confidence, (int)first->sight, (int)first->counter,
                        (int)c->confidence, (int)c->sight, (int)c->counter);
        }
        check_args(c, first);
    }
    findings_done(&out);
    facts_done(&f);
}

static void
check_twin(const struct infer_case *c)
{
    struct facts f;
    struct findings out;
    c->make(&f, false);
    const char *ids = test_infer(&f);
    infer(&f, &out);
    test_sentences(c->title, &out);
    if (c->twin != NULL ? strcmp(ids, c->twin) != 0
                        : findings_first(&out) != NULL || out.verdict != VERDICT_OK) {
        test_failed(__FILE__, __LINE__, "twin of %s: \"%s\" (verdict %d), expected \"%s\"",
                    c->title, ids, (int)out.verdict, c->twin == NULL ? "" : c->twin);
    }
    findings_done(&out);
    facts_done(&f);
}

void
test_cases(const struct infer_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_bad(&cases[i]);
        check_twin(&cases[i]);
    }
}
