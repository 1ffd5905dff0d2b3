/* SPDX-License-Identifier: Apache-2.0
 * Saved diagnoses: what is kept, what is starred, what is refused. */
#include "doctor/save.h"
#include "doctor/secrets.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"

static struct addr
address(const char *ip, uint16_t port)
{
    struct addr a = {0};
    CHECK(addr_parse(str_of(ip), port, &a));
    return a;
}

static struct bytes
bytes_of(struct str s)
{
    return (struct bytes){(uint8_t *)xstrdup_str(s), s.n};
}

static struct result *
add(struct facts *f, enum probe p, enum side s, struct str sent, struct str got)
{
    struct result *r = facts_add(f);
    r->probe = p;
    r->side = s;
    r->at = address("2001:db8::1", 8443);
    r->sent = bytes_of(sent);
    r->got = bytes_of(got);
    r->got_total = got.n + 7;
    r->finish = FINISH_FIN;
    r->connected_us = 5;
    return r;
}

static void
add_certificates(struct result *r)
{
    static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    r->seen = xalloc(sizeof(*r->seen));
    r->seen->done = true;
    r->seen->version = TLS_V_13;
    r->seen->alert_sent = -1;
    r->seen->alert_received = 42;
    memcpy(r->seen->alpn, "h2", 2);
    r->seen->alpn_n = 2;
    der_list_add(&r->seen->chain, der, sizeof(der));
    r->chain = xalloc(sizeof(*r->chain));
    struct chain_facts *c = r->chain;
    c->count = c->total = 1;
    struct chain_certificate *x = &c->certificates[0];
    x->subject = xstrdup("CN=a\x1b[31m\xff");
    x->issuer = xstrdup("CN=Example Root");
    x->common_name = xstrdup("a");
    x->aia_url = xstrdup("");
    x->ocsp_url = xstrdup("");
    x->names = xalloc(sizeof(*x->names));
    x->names[0].text = (struct str){xstrdup_str(STR("a\0b")), 3};
    x->name_count = x->name_total = 1;
    x->not_after_s = UINT64_MAX;
    c->problems[0] = (struct chain_problem){.kind = (enum chain_problem_kind)1, .sent = true};
    c->problem_count = 1;
    c->path[0].subject = xstrdup("CN=a");
    c->path_count = 1;
    c->verify_codes[0] = 20;
    c->verify_code_count = 1;
    c->missing_issuer = xstrdup("CN=Missing");
}

static void
add_browsers(struct local_facts *l)
{
    struct hsts_found *h = xalloc(sizeof(*h));
    l->hsts = h;
    h->names = xalloc(2 * sizeof(*h->names));
    h->names[0] = xstrdup("app.example.test");
    h->names[1] = xstrdup("example.test");
    h->name_count = 2;
    struct hsts_store *s = VEC_PUSH(h->stores, h->store_count, h->store_cap);
    s->browser = "Google Chrome";
    s->what = "The file was read.";
    s->file = xstrdup("/home/somebody/.config/google-chrome/Default/TransportSecurity");
    struct hsts_entry *e = VEC_PUSH(h->entries, h->entry_count, h->entry_cap);
    e->name = h->names[1];
    e->is_parent = e->applies = true;
    e->expiry_s = UINT64_MAX;
    struct webconf_remarks *w = webconf_remarks_new(WEBCONF_NGINX);
    l->remarks = w;
    struct webconf_remark *r =
        webconf_remarks_add(w, WEBCONF_REMARK_REDIRECT_TO_HTTP, STR("/etc/nginx/a.conf"), 12,
                            STR("return 301 http://$host;"), STR("return 301 https://$host;"));
    webconf_remark_arg(r, "host", STR("app.example.test"));
}

#define SECRET "token=do-not-tell-this"

/* Facts with something of everything. */
static void
make(struct facts *f)
{
    facts_init(f);
    struct question *q = &f->question;
    f->started_s = 1795453914;
    q->typed = xstrdup("https://app.example.test:8443/private/door?" SECRET);
    q->path = xstrdup("/private/door?" SECRET);
    (void)snprintf(q->host, sizeof(q->host), "app.example.test");
    (void)snprintf(q->host_shown, sizeof(q->host_shown), "app.example.test");
    (void)snprintf(q->url, sizeof(q->url), "https://app.example.test:8443/");
    q->port = 8443;
    q->family = AF_INET6;
    q->lb_addrs[0] = address("198.51.100.7", 0);
    q->lb_addr_count = 1;
    q->proxy = xstrdup("http://user:password@proxy.example.test:3128");
    q->headers[0] = xstrdup("Authorization: Bearer very-secret-thing");
    q->headers[1] = xstrdup("Cookie: session=0123456789; theme=dark-and-quiet");
    q->header_count = 2;
    q->client_key = xstrdup("/home/somebody/key.pem");
    q->deadline_us = 10000000;
    f->local.known = true;
    f->local.resolvers[0] = address("127.0.0.53", 53);
    f->local.resolver_count = 1;
    add_browsers(&f->local);
    struct result *r = add(
        f, PROBE_R1, SIDE_SITE, STR("GET / HTTP/1.1\r\nHost: app.example.test:8443\r\n\r\n"),
        STR("HTTP/1.1 302 Found\r\nSet-Cookie: session=abcdefgh; Secure; Path=/\r\n"
            "Location: https://app.example.test/login?back=/private/door\r\n"
            "Content-Length: 60\r\n\r\n<title>x</title> Bearer very-secret-thing said the door"));
    add_certificates(r);
    r->url = xstrdup("https://app.example.test/login?back=1");
    r = add(f, PROBE_H1, SIDE_SITE, STR("\x16\x03\x01"), STR("\x15\x03\x03\0\x02\x02\x28"));
    r->got_total = r->got.n;
    r = add(f, PROBE_D3, SIDE_NONE, STR(""), STR(""));
    r->walk = xalloc(sizeof(*r->walk));
    (void)snprintf(r->walk->zone, sizeof(r->walk->zone), "example.test");
    (void)snprintf(r->walk->parent_ns.names[0], DNS_NAME_TEXT, "ns1.example.test");
    r->walk->parent_ns.count = 1;
    r->walk->servers[0].state = DNS_SERVER_LAME;
    r->walk->server_count = 1;
    r = add(f, PROBE_D1, SIDE_NONE, STR(""), STR(""));
    r->addrs = xalloc(sizeof(*r->addrs));
    r->addrs[0] = address("198.51.100.7", 0);
    r->addr_count = 1;
    r = add(f, PROBE_H9, SIDE_SITE, STR(""), STR(""));
    r->outcome = OUTCOME_SKIPPED;
    r->skip = SKIP_BUDGET;
}

static struct facts
load(const struct buf *text)
{
    struct facts f = {0};
    struct errinfo info = {0};
    if (facts_load(buf_str(text), &f, &info) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s", info.text);
    }
    return f;
}

static bool
holds(const struct buf *text, const char *word)
{
    struct buf hex AUTO(buf_free) = {0};
    for (const char *p = word; *p != '\0'; p++) {
        buf_addf(&hex, "%02x", (uint8_t)*p);
    }
    return str_find(buf_str(text), str_of(word), NULL) ||
           str_find(buf_str(text), buf_str(&hex), NULL);
}

TEST("what is saved, loaded and saved again is the same, with secrets and without")
{
    for (int with_secrets = 0; with_secrets < 2; with_secrets++) {
        struct facts f;
        struct buf first AUTO(buf_free) = {0};
        struct buf second AUTO(buf_free) = {0};
        make(&f);
        facts_save(&f, with_secrets, &first);
        facts_done(&f);
        f = load(&first);
        CHECK(f.replayed);
        facts_save(&f, with_secrets, &second);
        facts_done(&f);
        CHECK(first.n > 0 && str_eq(buf_str(&first), buf_str(&second)));
    }
}

TEST("no secret is in the file unless it is asked for")
{
    static const char *const secrets[] = {
        "private",    "door?",    "do-not-tell", "password@", "very-secret",
        "0123456789", "abcdefgh", "back=",       "dark-and",  "/home/somebody"};
    struct facts f;
    struct buf starred AUTO(buf_free) = {0};
    struct buf open AUTO(buf_free) = {0};
    make(&f);
    facts_save(&f, false, &starred);
    facts_save(&f, true, &open);
    facts_done(&f);
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        if (holds(&starred, secrets[i])) {
            test_failed(__FILE__, __LINE__, "the file tells \"%s\"", secrets[i]);
        }
        CHECK(holds(&open, secrets[i]) || str_eq(str_of(secrets[i]), STR("/home/somebody")));
    }
    CHECK(holds(&starred, "app.example.test"));
    CHECK(holds(&starred, "~/key.pem"));
    CHECK(holds(&starred, "Secure; Path=/"));
}

TEST("the loaded facts say what the bytes said")
{
    struct facts f;
    struct buf text AUTO(buf_free) = {0};
    make(&f);
    facts_save(&f, false, &text);
    facts_done(&f);
    f = load(&text);
    const struct result *r = facts_find(&f, PROBE_R1, SIDE_SITE);
    CHECK(r != NULL && r->http != NULL && r->http->status == 302);
    CHECK_STR(http_seen_header(r->http, "location"),
              "https://app.example.test/***********************1");
    CHECK_STR(str_of(r->http->title), "x");
    CHECK_INT(r->seen->alert_received, 42);
    CHECK_INT(r->seen->alert_sent, -1);
    CHECK_INT(r->seen->chain.count, 1);
    CHECK_STR(str_of(r->chain->certificates[0].subject), "CN=a\x1b[31m\xff");
    CHECK_INT(r->chain->certificates[0].names[0].text.n, 3);
    CHECK(r->chain->certificates[0].not_after_s == UINT64_MAX);
    r = facts_find(&f, PROBE_H1, SIDE_SITE);
    CHECK(r != NULL && r->flight != NULL && r->flight->alert == 40);
    r = facts_find(&f, PROBE_D3, SIDE_NONE);
    CHECK(r != NULL && r->walk != NULL && r->walk->servers[0].state == DNS_SERVER_LAME);
    CHECK_STR(str_of(r->walk->parent_ns.names[0]), "ns1.example.test");
    CHECK(facts_find(&f, PROBE_H9, SIDE_SITE) == NULL);
    CHECK_INT(f.results[4].skip, SKIP_BUDGET);
    CHECK_INT(f.question.family, AF_INET6);
    CHECK(f.local.hsts->entries[0].name == f.local.hsts->names[1]);
    CHECK_STR(str_of(f.local.hsts->stores[0].browser), "Google Chrome");
    CHECK_INT(f.local.remarks->items[0].kind, WEBCONF_REMARK_REDIRECT_TO_HTTP);
    CHECK_INT(f.local.remarks->items[0].arg_count, 1);
    facts_done(&f);
}

TEST("different secrets of one length stay different, equal ones equal")
{
    struct facts f;
    struct buf text AUTO(buf_free) = {0};
    make(&f);
    static const char *const urls[] = {"http://h/aa", "http://h/bb", "http://h/aa", "http://h/c"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct result *r = facts_add(&f);
        r->probe = PROBE_R3;
        r->url = xstrdup(urls[i]);
    }
    facts_save(&f, false, &text);
    size_t first = f.count - COUNT_OF(urls);
    facts_done(&f);
    f = load(&text);
    CHECK_STR(str_of(f.results[first].url), "http://h/**");
    CHECK_STR(str_of(f.results[first + 1].url), "http://h/*1");
    CHECK_STR(str_of(f.results[first + 2].url), "http://h/**");
    CHECK_STR(str_of(f.results[first + 3].url), "http://h/*");
    facts_done(&f);
}

/* ---- HTTP/2 ---- */

static void
add_h2_frame(struct buf *out, uint8_t type, uint8_t flags, uint8_t stream, struct str payload)
{
    const uint8_t head[9] = {
        0, (uint8_t)(payload.n >> 8), (uint8_t)payload.n, type, flags, 0, 0, 0, stream};
    buf_add(out, head, sizeof(head));
    buf_add_str(out, payload);
}

/* Not indexed, without Huffman: lengths below 127 [RFC 7541 6.2.2]. */
static void
add_h2_field(struct buf *out, const char *name, const char *value)
{
    buf_add_char(out, 0);
    buf_add_char(out, (char)strlen(name));
    buf_add_z(out, name);
    buf_add_char(out, (char)strlen(value));
    buf_add_z(out, value);
}

static void
add_h2_answer(struct buf *out, bool broken)
{
    struct buf block AUTO(buf_free) = {0};
    buf_add_char(&block, (char)0x88); /* :status 200 */
    add_h2_field(&block, "set-cookie", "id=h2-cookie-secret; Secure");
    add_h2_field(&block, "server", "nginx");
    if (broken) {
        buf_add_char(&block, (char)0x80);
    }
    add_h2_frame(out, 4, 0, 0, STR_NONE);                                    /* SETTINGS */
    add_h2_frame(out, 1, 0, 1, str_sub(buf_str(&block), 0, 20));             /* HEADERS */
    add_h2_frame(out, 9, 4, 1, str_sub(buf_str(&block), 20, block.n));       /* CONTINUATION */
    add_h2_frame(out, 0, 1, 1, STR("<title>t</title> very-secret-thing x")); /* DATA, the end */
}

static void
check_h2(bool broken)
{
    struct facts f;
    struct buf frames AUTO(buf_free) = {0};
    struct buf first AUTO(buf_free) = {0};
    struct buf second AUTO(buf_free) = {0};
    make(&f);
    add_h2_answer(&frames, broken);
    struct result *r = add(&f, PROBE_R2, SIDE_SITE, STR(""), buf_str(&frames));
    r->h2 = true;
    r->got_total = r->got.n;
    xfree(f.question.headers[0]);
    f.question.headers[0] = xstrdup("X-Key: very-secret-thing");
    facts_digest(r);
    CHECK(r->http != NULL && r->http->h2);
    enum body_end end = r->http->body_end;
    facts_save(&f, false, &first);
    facts_done(&f);
    CHECK(!holds(&first, "h2-cookie-secret") && !holds(&first, "very-secret"));
    f = load(&first);
    const struct result *again = facts_find(&f, PROBE_R2, SIDE_SITE);
    CHECK(again != NULL && again->http != NULL);
    CHECK_INT(again->http->body_end, end);
    CHECK_INT(again->got_total, again->got.n);
    if (broken) {
        CHECK(again->http->h2_error[0] != '\0');
    } else {
        CHECK_INT(again->http->status, 200);
        CHECK_STR(http_seen_header(again->http, "set-cookie"), "id=****************; Secure");
        CHECK_STR(http_seen_header(again->http, "server"), "nginx");
        CHECK_STR(str_of(again->http->title), "t");
    }
    facts_save(&f, false, &second);
    facts_done(&f);
    CHECK(str_eq(buf_str(&first), buf_str(&second)));
}

TEST("cookies in HTTP/2 frames are starred, and the frames still say the same")
{
    check_h2(false);
}

TEST("a header block that cannot be decoded stays one, without what was in it")
{
    check_h2(true);
}

/* A field that fills the table, and then its index so often that nobody reads all of it. */
static void
add_h2_bomb(struct buf *out)
{
    struct buf block AUTO(buf_free) = {0};
    buf_add_z(&block, "\x88\x40\x01x\x7f\x81\x1e");
    for (size_t i = 0; i < 3968; i++) {
        buf_add_char(&block, 'y');
    }
    for (size_t i = 0; i < 300; i++) {
        buf_add_char(&block, '\xbe');
    }
    add_h2_frame(out, 4, 0, 0, STR_NONE);
    add_h2_frame(out, 1, 4, 1, buf_str(&block));
}

/* Many frames of one block that has no end. */
static void
add_h2_flood(struct buf *out)
{
    add_h2_frame(out, 4, 0, 0, STR_NONE);
    add_h2_frame(out, 1, 0, 1, STR("\x88"));
    for (size_t i = 0; i < 100; i++) {
        add_h2_frame(out, 9, 0, 1, STR_NONE);
    }
}

TEST("header blocks that are too large, or come in too many frames, are so after saving, too")
{
    static void (*const makers[])(struct buf *) = {add_h2_bomb, add_h2_flood};
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        struct facts f;
        struct buf frames AUTO(buf_free) = {0};
        struct buf first AUTO(buf_free) = {0};
        struct buf second AUTO(buf_free) = {0};
        make(&f);
        makers[i](&frames);
        struct result *r = add(&f, PROBE_R2, SIDE_SITE, STR(""), buf_str(&frames));
        r->h2 = true;
        r->got_total = r->got.n;
        facts_digest(r);
        CHECK(r->http != NULL && (r->http->odd != 0 || r->http->h2_error[0] != '\0'));
        unsigned odd = r->http->odd;
        struct buf complaint AUTO(buf_free) = {0};
        buf_add_z(&complaint, r->http->h2_error);
        facts_save(&f, false, &first);
        facts_done(&f);
        f = load(&first);
        const struct result *again = facts_find(&f, PROBE_R2, SIDE_SITE);
        CHECK_INT(again->http->odd, odd);
        CHECK(str_eq(str_of(again->http->h2_error), buf_str(&complaint)));
        facts_save(&f, false, &second);
        facts_done(&f);
        CHECK(str_eq(buf_str(&first), buf_str(&second)));
    }
}

TEST("what the far end repeats of a credential is neither shown nor saved")
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nX-Token: never-tell-this\r\n"
                                 "X-Login: bWU6cGFzcyB3b3Jk\r\nContent-Type: text/html\r\n\r\n"
                                 "<title>never-tell-this, pass word</title>\x7f";
    static const char *const credentials[] = {"never-tell", "bWU6cGFz", "pass word", "pass%20word"};
    struct facts f;
    struct buf saved AUTO(buf_free) = {0};
    make(&f);
    xfree(f.question.headers[0]);
    f.question.headers[0] = xstrdup("Authorization: Bearer never-tell-this");
    xfree(f.question.proxy);
    f.question.proxy = xstrdup("http://me:pass%20word@127.0.0.1:3128");
    struct result *r = add(&f, PROBE_R7, SIDE_SITE, STR(""), str_of(answer));
    r->got_total = r->got.n;
    facts_digest(r);
    secrets_hide(&f);
    CHECK_STR(http_seen_header(r->http, "x-token"), "***************");
    CHECK_STR(http_seen_header(r->http, "x-login"), "****************");
    CHECK_STR(http_seen_header(r->http, "content-type"), "text/html");
    CHECK_STR(str_of(r->http->title), "***************, *********");
    facts_save(&f, false, &saved);
    facts_done(&f);
    for (size_t i = 0; i < COUNT_OF(credentials); i++) {
        CHECK(!holds(&saved, credentials[i]));
    }
    CHECK(!str_find_char(buf_str(&saved), '\x7f', NULL));
}

TEST("any cut of the frames is saved, loaded and saved the same")
{
    struct buf frames AUTO(buf_free) = {0};
    add_h2_answer(&frames, false);
    for (size_t n = 0; n <= frames.n; n++) {
        struct facts f;
        struct buf first AUTO(buf_free) = {0};
        struct buf second AUTO(buf_free) = {0};
        make(&f);
        add(&f, PROBE_R2, SIDE_SITE, STR(""), str_sub(buf_str(&frames), 0, n))->h2 = true;
        facts_save(&f, false, &first);
        facts_done(&f);
        CHECK(!holds(&first, "h2-cookie-sec"));
        f = load(&first);
        facts_save(&f, false, &second);
        facts_done(&f);
        CHECK(str_eq(buf_str(&first), buf_str(&second)));
    }
}

#define QUESTION "\"question\":{\"host\":\"h\",\"port\":1,\"path\":\"/\"}"

static const struct {
    const char *text, *words;
} refused[] = {
    {"", "not JSON"},
    {"[]", "format"},
    {"{}", "format"},
    {"{\"format\":2}", "format"},
    {"{\"format\":1}", "question"},
    {"{\"format\":1,\"question\":{\"host\":\"h\",\"port\":1,\"path\":\"x\"}}", "question"},
    {"{\"format\":1,\"question\":{\"host\":\"h\",\"port\":0,\"path\":\"/\"}}", "question"},
    {"{\"format\":1,\"question\":{\"host\":\"h\",\"port\":65536,\"path\":\"/\"}}", "question.port"},
    {"{\"format\":1,\"question\":{\"host\":\"h\",\"port\":-1,\"path\":\"/\"}}", "question.port"},
    {"{\"format\":1,\"question\":{\"scheme\":\"ftp\"}}", "question.scheme"},
    {"{\"format\":1,\"question\":{\"family\":\"\"}}", "question.family"},
    {"{\"format\":1,\"question\":{\"target\":\"1.2.3.4\"}}", "question.target"},
    {"{\"format\":1,\"question\":{\"all\":1}}", "question.all"},
    {"{\"format\":1,\"question\":{\"dns\":[null,null,null,null,null]}}", "question.dns"},
    {"{\"format\":1," QUESTION ",\"results\":[{\"probe\":\"XX\"}]}", "results[0].probe"},
    {"{\"format\":1," QUESTION ",\"results\":[{\"got\":\"0\"}]}", "results[0].got"},
    {"{\"format\":1," QUESTION ",\"results\":[{},{\"got\":\"zz\"}]}", "results[1].got"},
    {"{\"format\":1," QUESTION ",\"results\":[{\"error\":4294967296}]}", "results[0].error"},
    {"{\"format\":1," QUESTION ",\"results\":[{\"icmp_type\":256}]}", "results[0].icmp_type"},
    {"{\"format\":1," QUESTION ",\"results\":[{\"walk\":[]}]}", "results[0].walk"},
    {"{\"format\":1," QUESTION ",\"results\":[{\"seen\":{\"cipher\":\"0123456789012345678901234567"
     "89012345678901234567890123456789\"}}]}",
     "results[0].seen.cipher"},
    {"{\"format\":1," QUESTION ",\"results\":[{\"chain\":{\"problems\":[{\"kind\":\"expired\","
     "\"sent\":true,\"index\":3}]}}]}",
     "results[0].chain"},
    {"{\"format\":1," QUESTION ",\"local\":{\"hsts\":{\"names\":[\"a\"],\"stores\":[],\"entries\":"
     "[{\"store\":0,\"name\":\"a\"}]}}}",
     "local.hsts"},
    {"{\"format\":1," QUESTION ",\"local\":{\"hsts\":{\"names\":[\"a\"],\"entries\":[{\"name\":"
     "\"b\"}]}}}",
     "local.hsts.entries[0].name"},
    {"{\"format\":1," QUESTION ",\"local\":{\"hosts\":[{\"host\":{\"hex\":\"6100\"}}]}}",
     "local.hosts[0].host"},
    {"{\"format\":1,\"format\":1," QUESTION "}", "not JSON"},
};

TEST("what cannot be is refused, and the sentence says where")
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct facts f;
        struct errinfo info = {0};
        enum err e = facts_load(str_of(refused[i].text), &f, &info);
        if (e == ERR_OK || !str_find(str_of(info.text), str_of(refused[i].words), NULL)) {
            test_failed(__FILE__, __LINE__, "%s: %s", refused[i].text, info.text);
        }
        if (e == ERR_OK) {
            facts_done(&f);
        }
    }
}

TEST("what is absent is as if it had not been seen")
{
    struct facts f = {0};
    struct errinfo info = {0};
    CHECK(facts_load(STR("{\"format\":1," QUESTION ",\"results\":[{\"chain\":{\"certificates\":[{}]"
                         "},\"seen\":{}}],\"new_key\":[1]}"),
                     &f, &info) == ERR_OK);
    CHECK_INT(f.count, 1);
    CHECK_STR(str_of(f.results[0].chain->certificates[0].subject), "");
    facts_done(&f);
}

TEST("too many results and too many values are refused")
{
    struct buf text AUTO(buf_free) = {0};
    struct facts f;
    struct errinfo info = {0};
    buf_add_z(&text, "{\"format\":1," QUESTION ",\"results\":[{}");
    for (int i = 0; i < LIMIT_DOCTOR_RESULTS; i++) {
        buf_add_z(&text, ",{}");
    }
    buf_add_z(&text, "]}");
    CHECK_INT(facts_load(buf_str(&text), &f, &info), ERR_INVALID);
    CHECK(str_find(str_of(info.text), STR("results"), NULL));
    buf_reset(&text);
    for (int i = 0; i < LIMIT_DOCTOR_SAVED_VALUES + 1; i++) {
        buf_add_z(&text, "[");
    }
    CHECK_INT(facts_load(buf_str(&text), &f, &info), ERR_TOO_LARGE);
}

TEST_MAIN
