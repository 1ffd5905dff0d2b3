/* SPDX-License-Identifier: Apache-2.0
 * A site that forgets its intermediate, and the server that has it. */
#include "doctor/probe_test_bench.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"

static bool gives_junk;

static void
serve_issuer(struct conn *c)
{
    struct str der = bench_intermediate();
    char head[128];
    if (conn_read_head(c, c->peer->heads[0], sizeof(c->peer->heads[0]))) {
        (void)snprintf(head, sizeof(head),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-cert\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       der.n);
        conn_say(c, head);
        for (size_t i = 0; gives_junk && i < der.n; i++) {
            conn_say(c, "x");
        }
        conn_write(c, der.p, gives_junk ? 0 : der.n);
    }
}

static void
serve_site(struct conn *c)
{
    (void)conn_read_head(c, c->peer->heads[0], sizeof(c->peer->heads[0]));
    conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static const struct result *
examine(struct bench *b, struct peer *issuer, struct peer *site)
{
    char url[256], site_url[256];
    peer_start(issuer);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/issuer.cer", issuer->port);
    *site = (struct peer){
        .serve = serve_site, .connections = 1, .forgets_intermediate = true, .issuer_url = url};
    peer_start(site);
    (void)snprintf(site_url, sizeof(site_url), "https://app.example.com:%u/", site->port);
    bench_open(b, site_url);
    struct wish w = bench_wish(PROBE_R1, SIDE_SITE, site);
    const struct result *r1 = bench_probe(b, &w, 0);
    CHECK(r1->chain != NULL && !r1->chain->trusted);
    CHECK(chain_problem_of(r1->chain, CHAIN_INCOMPLETE) != NULL);
    CHECK_STR(str_of(r1->chain->certificates[0].aia_url), url);
    w = (struct wish){.probe = PROBE_CA};
    ASSERT(str_copy_z(str_of(url), w.url, sizeof(w.url)));
    const struct result *r = bench_probe(b, &w, 0);
    peer_stop(issuer);
    peer_stop(site);
    return r;
}

TEST("the fetched certificate completes the chain")
{
    struct bench b;
    struct peer site, issuer = {.serve = serve_issuer, .connections = 1, .plain = true};
    gives_junk = false;
    const struct result *r = examine(&b, &issuer, &site);
    CHECK_INT(r->outcome, OUTCOME_OK);
    CHECK(r->chain != NULL && r->chain->fetched_given && r->chain->works_with_aia);
    CHECK(r->http != NULL && r->http->status == 200);
    CHECK(str_find(str_of(issuer.heads[0]), STR("GET /issuer.cer HTTP/1.1\r\n"), NULL));
    bench_close(&b);
}

TEST("what is no certificate completes nothing")
{
    struct bench b;
    struct peer site, issuer = {.serve = serve_issuer, .connections = 1, .plain = true};
    gives_junk = true;
    const struct result *r = examine(&b, &issuer, &site);
    CHECK_INT(r->outcome, OUTCOME_FAIL);
    CHECK(r->chain == NULL && r->http != NULL);
    bench_close(&b);
}

TEST("from a public site nothing inside is asked; https is not asked at all")
{
    static const struct {
        const char *url;
        enum outcome outcome;
        enum skip skip;
    } rows[] = {{"http://127.0.0.1:9/x", OUTCOME_SKIPPED, SKIP_PRIVATE},
                {"http://10.0.0.1/x", OUTCOME_SKIPPED, SKIP_PRIVATE},
                {"https://127.0.0.1:9/x", OUTCOME_FAIL, SKIP_NONE},
                {"ldap://127.0.0.1/x", OUTCOME_FAIL, SKIP_NONE}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench b;
        bench_open(&b, "https://app.example.com/");
        struct result *r1 = facts_add(&b.facts);
        *r1 = (struct result){.probe = PROBE_R1, .side = SIDE_SITE};
        ASSERT(addr_parse(STR("8.8.8.8"), 443, &r1->at));
        r1->seen = xalloc(sizeof(*r1->seen));
        r1->chain = xalloc(sizeof(*r1->chain));
        struct wish w = {.probe = PROBE_CA};
        ASSERT(str_copy_z(str_of(rows[i].url), w.url, sizeof(w.url)));
        const struct result *r = bench_probe(&b, &w, 0);
        CHECK_INT(r->outcome, rows[i].outcome);
        CHECK_INT(r->skip, rows[i].skip);
        CHECK_INT(b.connections, 0);
        bench_close(&b);
    }
}

TEST_MAIN
