/* SPDX-License-Identifier: Apache-2.0
 * What --watch says between two runs. */
#include "doctor/changes.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/test.h"

struct run {
    struct facts facts;
    struct findings findings;
};

static void
make(struct run *r, enum verdict verdict, enum finding_id id, const char *ip)
{
    *r = (struct run){0};
    facts_init(&r->facts);
    (void)snprintf(r->facts.question.host, sizeof(r->facts.question.host), "app.example.test");
    r->facts.question.port = 443;
    struct result *d = facts_add(&r->facts);
    d->probe = PROBE_D1;
    d->addrs = xalloc(sizeof(*d->addrs));
    d->addr_count = 1;
    CHECK(addr_parse(str_of(ip), 0, d->addrs));
    r->findings.verdict = verdict;
    if (id != FINDING_NONE) {
        struct finding *f = VEC_PUSH(r->findings.items, r->findings.count, r->findings.cap);
        f->id = id;
        f->severity = SEVERITY_FAULT;
        f->consequence_of = FINDING_NONE;
    }
}

static void
add_ttl(struct run *r, uint32_t ttl)
{
    struct result *d = facts_add(&r->facts);
    size_t cap = 0;
    d->probe = PROBE_D2A;
    d->dns = xalloc(sizeof(*d->dns));
    VEC_PUSH(d->dns->records, d->dns->record_count, cap)->ttl = ttl;
}

static void
done(struct run *r)
{
    findings_done(&r->findings);
    facts_done(&r->facts);
}

static struct run_view
view(const struct run *r)
{
    return (struct run_view){&r->facts, &r->findings};
}

TEST("nothing is said when nothing has changed")
{
    struct run a, b;
    struct buf out AUTO(buf_free) = {0};
    make(&a, VERDICT_FAULT, FINDING_DNS_01, "203.0.113.1");
    make(&b, VERDICT_FAULT, FINDING_DNS_01, "203.0.113.1");
    const struct run_view before = view(&a);
    const struct run_view after = view(&b);
    CHECK_INT(changes_add(&before, &after, &out), 0);
    CHECK_INT(out.n, 0);
    done(&a);
    done(&b);
}

TEST("result and addresses are told, old and new")
{
    struct run a, b;
    struct buf out AUTO(buf_free) = {0};
    make(&a, VERDICT_FAULT, FINDING_DNS_01, "203.0.113.1");
    make(&b, VERDICT_OK, FINDING_NONE, "198.51.100.7");
    const struct run_view before = view(&a);
    const struct run_view after = view(&b);
    CHECK_INT(changes_add(&before, &after, &out), 2);
    CHECK_STR(buf_str(&out),
              "The result was DNS-01; now it is ok.\n"
              "app.example.test led to 203.0.113.1; now it leads to 198.51.100.7.\n");
    done(&a);
    done(&b);
}

TEST("a certificate and a status that change are told, and their bytes are harmless")
{
    struct run a, b;
    struct buf out AUTO(buf_free) = {0};
    struct http_seen http = {.has_status = true, .status = 503};
    make(&a, VERDICT_OK, FINDING_NONE, "198.51.100.7");
    make(&b, VERDICT_OK, FINDING_NONE, "198.51.100.7");
    struct result *r = facts_add(&b.facts);
    struct result answer = {.http = &http};
    r->probe = PROBE_R1;
    r->side = SIDE_SITE;
    r->chain = xalloc(sizeof(*r->chain));
    r->chain->count = 1;
    r->chain->certificates[0].subject = xstrdup("CN=\x1b[31mred");
    b.findings.answer = &answer;
    const struct run_view before = view(&a);
    const struct run_view after = view(&b);
    CHECK_INT(changes_add(&before, &after, &out), 2);
    CHECK(str_find(buf_str(&out), STR("CN=\\x1b[31mred"), NULL) ||
          str_find(buf_str(&out), STR("CN=\\x1B[31mred"), NULL));
    CHECK(!str_find_char(buf_str(&out), '\x1b', NULL));
    CHECK(str_find(buf_str(&out), STR("The status was -; now it is 503."), NULL));
    done(&a);
    done(&b);
}

TEST("the TTL counts only when the name is the fault")
{
    struct run a;
    make(&a, VERDICT_FAULT, FINDING_DNS_01, "203.0.113.1");
    struct run_view v = view(&a);
    CHECK_INT(changes_ttl_s(&v), 0);
    add_ttl(&a, 60);
    add_ttl(&a, 300);
    CHECK_INT(changes_ttl_s(&v), 300);
    a.findings.items[0].id = FINDING_TCP_01;
    CHECK_INT(changes_ttl_s(&v), 0);
    done(&a);
}

TEST_MAIN
