/* SPDX-License-Identifier: Apache-2.0
 * The rules of the certificate: every problem has its row, several at once stand in Chromium's
 * order, and the healthy twin is left alone. */
#include "doctor/infer_test_facts.h"

#include "base/assert.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/test.h"

static const char url[] = "https://app.example.com:8443/";
static const char at[] = "198.51.100.7:8443";
static const char second[] = "198.51.100.8:8443";

enum { DAY_S = 86400 };

static struct result *
healthy(struct facts *f)
{
    test_site(f, url);
    test_healthy(f);
    struct result *r1 = &f->results[f->count - 1];
    ASSERT(r1->probe == PROBE_R1);
    return r1;
}

/* ---- every problem alone ---- */

static const struct {
    enum chain_problem_kind kind;
    const char *ids;
    enum sight_id sight;
    enum confidence confidence;
} problems[] = {
    {CHAIN_EMPTY, "CRT-12", SIGHT_CERT_UNKNOWN, CONFIDENCE_PROVED},
    {CHAIN_MALFORMED, "CRT-12", SIGHT_CERT_UNKNOWN, CONFIDENCE_PROVED},
    {CHAIN_NAME_MISMATCH, "CRT-01", SIGHT_CERT_NAME, CONFIDENCE_PROVED},
    {CHAIN_NO_SAN, "CRT-03", SIGHT_CERT_CN_ONLY, CONFIDENCE_PROVED},
    {CHAIN_EXPIRED, "CRT-07", SIGHT_CERT_EXPIRED, CONFIDENCE_PROVED},
    {CHAIN_NOT_YET_VALID, "CRT-08", SIGHT_CERT_NOT_YET, CONFIDENCE_PROVED},
    {CHAIN_EXPIRED_INTERMEDIATE, "CRT-07", SIGHT_CERT_EXPIRED_ISSUER, CONFIDENCE_PROVED},
    {CHAIN_SELF_SIGNED, "CRT-05", SIGHT_CERT_SELF_SIGNED, CONFIDENCE_PROVED},
    {CHAIN_UNTRUSTED_ROOT, "CRT-05", SIGHT_CERT_UNKNOWN, CONFIDENCE_PROVED},
    {CHAIN_INCOMPLETE, "CRT-04", SIGHT_CERT_INCOMPLETE, CONFIDENCE_LIKELY},
    {CHAIN_WRONG_CHAIN, "CRT-04", SIGHT_CERT_INCOMPLETE, CONFIDENCE_LIKELY},
    {CHAIN_NOT_A_CA, "CRT-12", SIGHT_CERT_NOT_CA, CONFIDENCE_PROVED},
    {CHAIN_PATH_LENGTH, "CRT-12", SIGHT_CERT_NOT_CA, CONFIDENCE_PROVED},
    {CHAIN_NAME_CONSTRAINT, "CRT-12", SIGHT_CERT_CONSTRAINT, CONFIDENCE_PROVED},
    {CHAIN_EKU_WRONG, "CRT-10", SIGHT_CERT_USAGE, CONFIDENCE_PROVED},
    {CHAIN_BAD_SIGNATURE, "CRT-12", SIGHT_CERT_UNKNOWN, CONFIDENCE_PROVED},
    {CHAIN_KEY_USAGE, "CRT-10", SIGHT_CERT_KEY_USAGE, CONFIDENCE_PROVED},
    {CHAIN_WEAK_HASH, "CRT-11", SIGHT_CERT_WEAK_HASH, CONFIDENCE_PROVED},
    {CHAIN_KEY_TYPE, "CRT-14", SIGHT_KEY_TYPE, CONFIDENCE_LIKELY},
    {CHAIN_REVOKED, "CRT-13", SIGHT_CERT_REVOKED, CONFIDENCE_PROVED},
    {CHAIN_VALIDITY_TOO_LONG, "CRT-13", SIGHT_CERT_VALIDITY, CONFIDENCE_PROVED},
    {CHAIN_CT_MISSING, "CRT-13", SIGHT_CERT_TRANSPARENCY, CONFIDENCE_PROVED},
    {CHAIN_OTHER, "CRT-12", SIGHT_CERT_UNKNOWN, CONFIDENCE_PROVED},
    {CHAIN_WEAK_KEY, "CRT-11", SIGHT_CERT_WEAK_KEY, CONFIDENCE_PROVED},
    {CHAIN_MUST_STAPLE, "CRT-15", SIGHT_CERT_STAPLE, CONFIDENCE_PROVED},
    {CHAIN_ENDS_SOON, "CRT-18", SIGHT_PAGE, CONFIDENCE_PROVED},
    {CHAIN_EXPIRED_EXTRA, "CRT-09", SIGHT_PAGE, CONFIDENCE_PROVED},
    {CHAIN_TOO_MANY, "CRT-09", SIGHT_PAGE, CONFIDENCE_PROVED},
    {CHAIN_WRONG_ORDER, "[CRT-09]", SIGHT_PAGE, CONFIDENCE_PROVED},
    {CHAIN_ROOT_INCLUDED, "[CRT-09]", SIGHT_PAGE, CONFIDENCE_PROVED},
    {CHAIN_UNUSED, "[CRT-09]", SIGHT_PAGE, CONFIDENCE_PROVED},
};
_Static_assert(COUNT_OF(problems) == CHAIN_COUNT, "each problem of a chain is tested");

TEST("every problem of a chain has its row, as severe as browsers take it")
{
    for (size_t i = 0; i < COUNT_OF(problems); i++) {
        struct facts f;
        struct findings out;
        test_problem(healthy(&f), problems[i].kind);
        if (problems[i].kind == CHAIN_NAME_MISMATCH) {
            test_names(&f.results[f.count - 1], "www.example.net");
        }
        infer(&f, &out);
        bool right = out.count == 1 && strcmp(test_infer(&f), problems[i].ids) == 0 &&
                     out.items[0].sight == problems[i].sight &&
                     out.items[0].confidence == problems[i].confidence &&
                     (int)out.items[0].severity ==
                         (int)CHAIN_FATAL - (int)chain_problem_weight(problems[i].kind);
        if (!right) {
            test_failed(__FILE__, __LINE__, "%s: %s", chain_problem_name(problems[i].kind),
                        test_infer(&f));
        }
        test_sentences(chain_problem_name(problems[i].kind), &out);
        findings_done(&out);
        facts_done(&f);
    }
}

/* ---- several at once ---- */

static const struct {
    enum chain_problem_kind kinds[4];
    size_t count;
    const char *ids;
} sets[] = {
    {{CHAIN_EXPIRED, CHAIN_NAME_MISMATCH}, 2, "CRT-01 CRT-07"},
    {{CHAIN_NAME_MISMATCH, CHAIN_SELF_SIGNED}, 2, "CRT-05 CRT-01"},
    {{CHAIN_EXPIRED, CHAIN_SELF_SIGNED}, 2, "CRT-05 CRT-07"},
    {{CHAIN_EXPIRED, CHAIN_NAME_MISMATCH, CHAIN_UNTRUSTED_ROOT}, 3, "CRT-05 CRT-01 CRT-07"},
    {{CHAIN_NAME_MISMATCH, CHAIN_EXPIRED, CHAIN_INCOMPLETE}, 3, "CRT-04 CRT-01 CRT-07"},
    {{CHAIN_WEAK_HASH, CHAIN_EXPIRED}, 2, "CRT-07 CRT-11"},
    {{CHAIN_NOT_YET_VALID, CHAIN_NAME_MISMATCH}, 2, "CRT-01 CRT-08"},
    {{CHAIN_INCOMPLETE, CHAIN_UNTRUSTED_ROOT}, 2, "CRT-04"},
    {{CHAIN_EXPIRED, CHAIN_ENDS_SOON}, 2, "CRT-07"},
    {{CHAIN_EXPIRED, CHAIN_WEAK_KEY, CHAIN_WRONG_ORDER}, 3, "CRT-07 CRT-11 [CRT-09]"},
};

TEST("several problems stand in the order in which Chromium lets one hide another")
{
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        struct facts f;
        struct findings out;
        struct result *r1 = healthy(&f);
        test_names(r1, "www.example.net");
        for (size_t k = 0; k < sets[i].count; k++) {
            test_problem(r1, sets[i].kinds[k]);
        }
        CHECK_STR(str_of(test_infer(&f)), sets[i].ids);
        infer(&f, &out);
        for (size_t k = 0; k < out.count; k++) { /* each of them is a fault of its own */
            CHECK_INT(out.items[k].consequence_of, FINDING_NONE);
        }
        findings_done(&out);
        facts_done(&f);
    }
}

/* ---- which row a wrong name is ---- */

static const struct {
    const char *url, *names, *ids;
} names[] = {
    {"https://app.example.com:8443/", "www.example.net", "CRT-01"},
    {"https://example.com:8443/", "*.example.com", "CRT-03"},
    {"https://a.b.example.com:8443/", "*.example.com", "CRT-03"},
    {"https://APP.b.Example.com:8443/", "www.example.net *.EXAMPLE.com", "CRT-03"},
    {"https://app.badexample.com:8443/", "*.example.com", "CRT-01"},
    {"https://198.51.100.7:8443/", "app.example.com", "CRT-02"},
    {"https://web-1.eu-west-1.elb.amazonaws.com:8443/", "app.example.com", "CRT-02"},
    {"https://shop.elb.localhost:8443/", "app.example.com", "CRT-02"},
};

TEST("a wrong name is told by what was opened and what the certificate holds")
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct facts f;
        test_site(&f, names[i].url);
        f.question.host_is_address = strstr(names[i].url, "198.51.100.7") != NULL;
        test_healthy(&f);
        struct result *r1 = &f.results[f.count - 1];
        test_names(r1, names[i].names);
        test_problem(r1, CHAIN_NAME_MISMATCH);
        CHECK_STR(str_of(test_infer(&f)), names[i].ids);
        facts_done(&f);
    }
}

/* ---- rows that need a second look ---- */

static void
default_certificate(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    ASSERT(str_copy_z(STR("ab01"), r1->chain->certificates[0].fingerprint, 65));
    if (bad) {
        test_names(r1, "www.example.net");
        test_problem(r1, CHAIN_NAME_MISMATCH);
    }
    struct result *c4 = test_page(f, PROBE_C4, SIDE_SITE, at, "200 OK", "", "");
    ASSERT(str_copy_z(STR("ab01"), c4->chain->certificates[0].fingerprint, 65));
}

static void
other_listener(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    if (bad) {
        test_names(r1, "placeholder.example.com");
        test_problem(r1, CHAIN_NAME_MISMATCH);
    }
    test_page(f, PROBE_C5, SIDE_PORT, "198.51.100.7:443", "200 OK", "", "");
}

/* On 443 the certificate is as wrong: it is not this listener. */
static void
wrong_everywhere(struct facts *f, bool bad)
{
    other_listener(f, bad);
    if (bad) {
        test_problem(&f->results[f->count - 1], CHAIN_NAME_MISMATCH);
    }
}

static void
mended_by_fetching(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    if (bad) {
        test_problem(r1, CHAIN_INCOMPLETE);
        r1->chain->missing_issuer = xstrdup("CN=Missing");
        r1->chain->works_with_aia = true;
    }
}

static void
never_sent(struct facts *f, bool bad)
{
    mended_by_fetching(f, bad);
    f->results[f->count - 1].chain->works_with_aia = false;
}

static void
expired(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    if (bad) {
        r1->chain->certificates[0].not_after_s = TEST_NOW_S - 3 * DAY_S;
        test_problem(r1, CHAIN_EXPIRED);
    }
}

static void
expired_intermediate(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    if (bad) {
        r1->chain->certificates[1].not_after_s = TEST_NOW_S - 2 * DAY_S;
        test_problem(r1, CHAIN_EXPIRED_INTERMEDIATE);
        r1->chain->problems[0].index = r1->chain->problems[0].depth = 1;
    }
}

static void
not_yet(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    if (bad) {
        r1->chain->certificates[0].not_before_s = TEST_NOW_S + 5 * DAY_S;
        test_problem(r1, CHAIN_NOT_YET_VALID);
    }
}

static void
ends_soon(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    if (bad) {
        r1->chain->certificates[0].not_after_s = TEST_NOW_S + 13 * DAY_S + 60;
        test_problem(r1, CHAIN_ENDS_SOON);
    }
}

static void
intercepted(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    if (bad) {
        r1->chain->interceptor = "Fortinet FortiGate";
        r1->chain->trusted = false;
        test_problem(r1, CHAIN_UNTRUSTED_ROOT);
    }
}

/* The company's authority is installed: the site opens, and that is all there is to say. */
static void
intercepted_and_trusted(struct facts *f, bool bad)
{
    struct result *r1 = healthy(f);
    r1->chain->interceptor = bad ? "Fortinet FortiGate" : NULL;
}

static struct result *
two_addresses(struct facts *f)
{
    struct result *r1 = healthy(f);
    (void)r1;
    test_tcp(f, SIDE_SITE, second, 0);
    test_hello(f, PROBE_H1, SIDE_SITE, second, TLS_V_13, 0x1301);
    return test_page(f, PROBE_R1, SIDE_SITE, second, "200 OK", "Server: nginx\r\n", "hello");
}

static void
other_on_second(struct facts *f, bool bad)
{
    struct result *r1 = two_addresses(f);
    if (bad) {
        test_names(r1, "old.example.com");
        test_problem(r1, CHAIN_NAME_MISMATCH);
    }
}

static void
other_on_first(struct facts *f, bool bad)
{
    (void)two_addresses(f);
    struct result *r1 = NULL;
    for (size_t i = 0; i < f->count && r1 == NULL; i++) {
        r1 = f->results[i].probe == PROBE_R1 ? &f->results[i] : NULL;
    }
    if (bad) {
        test_names(r1, "old.example.com");
        test_problem(r1, CHAIN_NAME_MISMATCH);
    }
}

static const struct infer_case cases[] = {
    {.title = "the listener's default certificate",
     .make = default_certificate,
     .ids = "CRT-01",
     .sight = SIGHT_CERT_NAME,
     .args = "names=www.example.net"},
    {.title = "the right certificate is on 443",
     .make = other_listener,
     .ids = "LBC-07",
     .sight = SIGHT_CERT_NAME,
     .counter = COUNTER_WORKS,
     .args = "names=placeholder.example.com"},
    {.title = "443 has the wrong certificate, too",
     .make = wrong_everywhere,
     .ids = "CRT-01",
     .sight = SIGHT_CERT_NAME},
    {.title = "the intermediate is missing, and can be fetched",
     .make = mended_by_fetching,
     .ids = "CRT-04",
     .sight = SIGHT_CERT_INCOMPLETE_AIA,
     .counter = COUNTER_WORKS,
     .args = "issuer=CN=Missing | count=2"},
    {.title = "the intermediate is missing",
     .make = never_sent,
     .ids = "CRT-04",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_CERT_INCOMPLETE,
     .args = "issuer=CN=Missing"},
    {.title = "expired",
     .make = expired,
     .ids = "CRT-07",
     .sight = SIGHT_CERT_EXPIRED,
     .args = "days=3 | date=2026-11-20 | subject=CN=app.example.com"},
    {.title = "an intermediate has expired",
     .make = expired_intermediate,
     .ids = "CRT-07",
     .sight = SIGHT_CERT_EXPIRED_ISSUER,
     .args = "days=2 | subject=CN=Test Intermediate"},
    {.title = "not valid yet",
     .make = not_yet,
     .ids = "CRT-08",
     .sight = SIGHT_CERT_NOT_YET,
     .args = "days=5 | date=2026-11-28"},
    {.title = "ends soon",
     .make = ends_soon,
     .ids = "CRT-18",
     .sight = SIGHT_PAGE,
     .args = "days=13 | date=2026-12-06"},
    {.title = "intercepted",
     .make = intercepted,
     .ids = "CLI-03",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_CERT_UNKNOWN,
     .args = "product=Fortinet FortiGate"},
    {.title = "intercepted, and trusted",
     .make = intercepted_and_trusted,
     .ids = "[CLI-03]",
     .confidence = CONFIDENCE_LIKELY,
     .sight = SIGHT_PAGE},
    {.title = "the second address shows another certificate",
     .make = other_on_second,
     .ids = "CRT-17",
     .sight = SIGHT_SOMETIMES,
     .args = "other=198.51.100.8:8443 | other_names=old.example.com"},
    {.title = "the first address shows another certificate",
     .make = other_on_first,
     .ids = "CRT-17 CRT-01",
     .sight = SIGHT_CERT_NAME,
     .args = "other=198.51.100.8:8443 | names=old.example.com"},
};

TEST("the certificate's rows that need a second look, each with its healthy twin")
{
    test_cases(cases, COUNT_OF(cases));
}

TEST("the default certificate is called so")
{
    struct facts f;
    struct findings out;
    default_certificate(&f, true);
    infer(&f, &out);
    CHECK(out.items[0].note != NULL);
    f.results[f.count - 1].chain->certificates[0].fingerprint[0] = 'x';
    struct findings other;
    infer(&f, &other);
    CHECK(other.items[0].note == NULL);
    findings_done(&out);
    findings_done(&other);
    facts_done(&f);
}

TEST("two certificates that differ by serial number only are no difference")
{
    struct facts f;
    struct result *r1 = two_addresses(&f);
    ASSERT(str_copy_z(STR("02"), r1->chain->certificates[0].serial, 65));
    ASSERT(str_copy_z(STR("ff"), r1->chain->certificates[0].fingerprint, 65));
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST("plain http:// is not judged by the certificate of its port")
{
    struct facts f;
    test_site(&f, "http://app.example.com:8080/");
    test_healthy(&f);
    struct result *r1 = test_answer(&f, PROBE_R1, SIDE_SITE, "198.51.100.7:8080",
                                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    test_problem(r1, CHAIN_EXPIRED);
    CHECK_STR(str_of(test_infer(&f)), "");
    facts_done(&f);
}

TEST_MAIN
