/* SPDX-License-Identifier: Apache-2.0
 * The chain check: for each problem a chain that has it, beside one that has none; names, stores,
 * fetched certificates, and whatever a stranger may send. */
#include "tls/observe.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"
#include "tls/tls_int.h"

#define HOST "app.example.com"
#define SANS "DNS:app.example.com,DNS:*.apps.example.com,IP:192.0.2.1,IP:2001:db8::1"
#define AIA "caIssuers;URI:http://ca.example/int.cer,OCSP;URI:http://ocsp.example/"

enum { NOW_S = 1800000000, DAY_S = 86400, FIXTURES_MAX = 48 };
enum key_kind { P256, P521, RSA2048, RSA1024, RSA512, ED25519 };

/* ---- certificates by recipe ---- */

struct recipe {
    const char *name;   /* common name, too, unless `common_name` is set */
    const char *issuer; /* NULL: signs itself */
    const char *signer; /* whose key signs; NULL: the issuer's */
    const char *common_name;
    const char *sans, *constraints, *usage, *extended;
    int nid; /* one more extension; 0: none */
    const char *value;
    enum key_kind key;
    int from_days, to_days; /* from NOW_S; both 0: -10 to 80 */
    bool sha1;
};

#define CA_ROW .constraints = "critical,CA:TRUE", .usage = "critical,keyCertSign,cRLSign"
#define LEAF_ROW                                                                                   \
    .common_name = HOST, .sans = SANS, .usage = "critical,digitalSignature",                       \
    .extended = "serverAuth,clientAuth"

static const struct recipe recipes[] = {
    {.name = "root", CA_ROW, .to_days = 3000},
    {.name = "int", .issuer = "root", CA_ROW, .to_days = 1000},
    {.name = "leaf", .issuer = "int", LEAF_ROW},
    {.name = "aia", .issuer = "int", LEAF_ROW, .nid = NID_info_access, .value = AIA},
    {.name = "cn only", .issuer = "int", .common_name = HOST, .extended = "serverAuth"},
    {.name = "no name", .issuer = "int", .common_name = "other.example", .extended = "serverAuth"},
    {.name = "expired", .issuer = "int", LEAF_ROW, .from_days = -90, .to_days = -1},
    {.name = "future", .issuer = "int", LEAF_ROW, .from_days = 2, .to_days = 60},
    {.name = "soon", .issuer = "int", LEAF_ROW, .from_days = -60, .to_days = 5},
    {.name = "old int", .issuer = "root", CA_ROW, .from_days = -900, .to_days = -3},
    {.name = "under old int", .issuer = "old int", LEAF_ROW},
    {.name = "self", LEAF_ROW},
    {.name = "alien root", CA_ROW, .to_days = 3000},
    {.name = "alien int", .issuer = "alien root", CA_ROW},
    {.name = "alien leaf", .issuer = "alien int", LEAF_ROW},
    {.name = "alien direct", .issuer = "alien root", LEAF_ROW},
    {.name = "alien aia", .issuer = "alien int", LEAF_ROW, .nid = NID_info_access, .value = AIA},
    {.name = "no ca", .issuer = "root", .constraints = "CA:FALSE"},
    {.name = "under no ca", .issuer = "no ca", LEAF_ROW},
    {.name = "short",
     .issuer = "root",
     .constraints = "critical,CA:TRUE,pathlen:0",
     .usage = "keyCertSign"},
    {.name = "under short", .issuer = "short", CA_ROW},
    {.name = "far under short", .issuer = "under short", LEAF_ROW},
    {.name = "limited",
     .issuer = "root",
     CA_ROW,
     .nid = NID_name_constraints,
     .value = "critical,permitted;DNS:elsewhere.example"},
    {.name = "under limited", .issuer = "limited", LEAF_ROW},
    {.name = "client",
     .issuer = "int",
     .common_name = HOST,
     .sans = SANS,
     .usage = "digitalSignature",
     .extended = "clientAuth"},
    {.name = "enciphers",
     .issuer = "int",
     .common_name = HOST,
     .sans = SANS,
     .usage = "keyEncipherment",
     .extended = "serverAuth",
     .key = RSA2048},
    {.name = "signs crls",
     .issuer = "int",
     .common_name = HOST,
     .sans = SANS,
     .usage = "cRLSign",
     .extended = "serverAuth"},
    {.name = "sha1", .issuer = "int", LEAF_ROW, .sha1 = true},
    {.name = "rsa", .issuer = "int", LEAF_ROW, .key = RSA2048},
    {.name = "rsa 1024", .issuer = "int", LEAF_ROW, .key = RSA1024},
    {.name = "self 1024", LEAF_ROW, .key = RSA1024},
    {.name = "rsa 512", .issuer = "int", LEAF_ROW, .key = RSA512},
    {.name = "p521", .issuer = "int", LEAF_ROW, .key = P521},
    {.name = "ed25519", .issuer = "int", LEAF_ROW, .key = ED25519},
    {.name = "long", .issuer = "int", LEAF_ROW, .from_days = -10, .to_days = 890},
    {.name = "staple", .issuer = "int", LEAF_ROW, .nid = NID_tlsfeature, .value = "status_request"},
    {.name = "forged", .issuer = "int", .signer = "alien int", LEAF_ROW},
    {.name = "inspected", .issuer = "inspector", .common_name = HOST, .sans = SANS},
    {.name = "inspector", .common_name = "FortiGate CA", CA_ROW},
};

struct made {
    X509 *x;
    EVP_PKEY *key;
};
static struct made fixtures[FIXTURES_MAX]; /* until the end of the program */

static size_t
index_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(recipes); i++) {
        if (strcmp(recipes[i].name, name) == 0) {
            return i;
        }
    }
    NEVER("the tests name certificates that there are");
}

static EVP_PKEY *
key_of(enum key_kind kind)
{
    switch (kind) {
    case P256: return EVP_EC_gen("P-256");
    case P521: return EVP_EC_gen("P-521");
    case RSA2048: return EVP_RSA_gen(2048);
    case RSA1024: return EVP_RSA_gen(1024);
    case RSA512: return EVP_RSA_gen(512);
    case ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    NEVER("all kinds are listed");
}

static void
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    if (value == NULL) {
        return;
    }
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ASSERT(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static const struct made *fixture(const char *name);

static void
make(size_t i)
{
    const struct recipe *r = &recipes[i];
    struct made *m = &fixtures[i];
    m->x = X509_new();
    m->key = key_of(r->key);
    const struct made *issuer = r->issuer == NULL ? m : fixture(r->issuer);
    const char *name = r->common_name == NULL ? r->name : r->common_name;
    X509_NAME *subject = X509_get_subject_name(m->x);
    ASSERT(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) == 1);
    bool usual = r->from_days == 0 && r->to_days == 0;
    int from = r->from_days == 0 ? -10 : r->from_days, to = usual ? 80 : r->to_days;
    ASSERT(X509_set_version(m->x, X509_VERSION_3) == 1);
    ASSERT(ASN1_INTEGER_set(X509_get_serialNumber(m->x), (long)i + 1) == 1);
    ASSERT(ASN1_TIME_set(X509_getm_notBefore(m->x), (time_t)NOW_S + from * DAY_S) != NULL);
    ASSERT(ASN1_TIME_set(X509_getm_notAfter(m->x), (time_t)NOW_S + to * DAY_S) != NULL);
    ASSERT(X509_set_issuer_name(m->x, X509_get_subject_name(issuer->x)) == 1);
    ASSERT(X509_set_pubkey(m->x, m->key) == 1);
    add_extension(m->x, issuer->x, NID_subject_alt_name, r->sans);
    add_extension(m->x, issuer->x, NID_basic_constraints, r->constraints);
    add_extension(m->x, issuer->x, NID_key_usage, r->usage);
    add_extension(m->x, issuer->x, NID_ext_key_usage, r->extended);
    add_extension(m->x, issuer->x, r->nid, r->value);
    EVP_PKEY *signer = r->signer == NULL ? issuer->key : fixture(r->signer)->key;
    const EVP_MD *digest = EVP_PKEY_is_a(signer, "ED25519") ? NULL
                           : r->sha1                        ? EVP_sha1()
                                                            : EVP_sha256();
    ASSERT(X509_sign(m->x, signer, digest) > 0);
}

static const struct made *
fixture(const char *name)
{
    _Static_assert(COUNT_OF(recipes) <= FIXTURES_MAX, "room for all");
    size_t i = index_of(name);
    if (fixtures[i].x == NULL) {
        make(i);
    }
    return &fixtures[i];
}

static void
list_add(struct der_list *list, const char *name)
{
    unsigned char *der = NULL;
    int n = i2d_X509(fixture(name)->x, &der);
    ASSERT(n > 0);
    der_list_add(list, der, (size_t)n);
    OPENSSL_free(der);
}

/* Names separated by commas. */
static struct der_list
list_of(const char *names)
{
    struct der_list list = {0};
    struct str rest = str_of(names), one;
    while (rest.n > 0 && str_cut(&rest, ',', &one)) {
        char name[64];
        ASSERT(str_copy_z(one, name, sizeof(name)));
        list_add(&list, name);
    }
    return list;
}

static struct chain_store *
store_of(const char *name, bool is_public)
{
    struct chain_store *s = chain_store_new();
    struct buf pem = {0};
    ASSERT(pki_certificate_pem(fixture(name)->x, &pem) == ERR_OK);
    ASSERT(chain_store_add_pem(s, buf_str(&pem), is_public, NULL) == ERR_OK);
    CHECK_INT(chain_store_count(s), 1);
    buf_free(&pem);
    return s;
}

/* ---- each problem ---- */

struct row {
    const char *sent, *host;
    const char *problems; /* names, comma separated, in the table's order; "": none */
    int verify_code, verify_last, curl_exit;
};
struct circumstances {
    const char *fetched; /* NULL: nothing was fetched */
    bool is_public, handshake, sct;
    enum tls_staple staple;
};

static void
problems_text(const struct chain_facts *f, struct buf *out)
{
    buf_add_z(out, "");
    for (size_t i = 0; i < f->problem_count; i++) {
        buf_add_z(out, i > 0 ? "," : "");
        buf_add_z(out, chain_problem_name(f->problems[i].kind));
    }
}

static void
check_row(const struct row *row, const struct circumstances *c)
{
    struct chain_store *store = store_of("root", c->is_public);
    struct der_list sent = list_of(row->sent), fetched = list_of(c->fetched);
    struct chain_question q = {
        .sent = &sent,
        .host = str_of(row->host == NULL ? HOST : row->host),
        .now_s = NOW_S,
        .store = store,
        .fetched = c->fetched == NULL ? NULL : &fetched,
        .staple = c->staple,
        .sct = c->sct,
        .handshake_seen = c->handshake,
    };
    struct chain_facts f;
    chain_check(&q, &f);
    struct buf text = {0};
    problems_text(&f, &text);
    if (!str_eq(buf_str(&text), str_of(row->problems)) || f.verify_code != row->verify_code ||
        f.verify_last != row->verify_last || f.curl_exit != row->curl_exit) {
        test_failed(__FILE__, __LINE__, "%s for %s: '%s', verify %d, last %d, curl %d", row->sent,
                    row->host == NULL ? HOST : row->host, text.p, f.verify_code, f.verify_last,
                    f.curl_exit);
    }
    for (size_t i = 1; i < f.problem_count; i++) {
        CHECK(chain_problem_weight(f.problems[i - 1].kind) >=
              chain_problem_weight(f.problems[i].kind));
    }
    buf_free(&text);
    chain_facts_done(&f);
    der_list_done(&sent);
    der_list_done(&fetched);
    chain_store_free(&store);
}

TEST("each problem is found where it is, and nowhere else; codes are those of browser-errors 7.2")
{
    static const struct row rows[] = {
        {"leaf,int", NULL, "", 0, 0, 0},
        {"leaf,int", "APP.example.COM.", "", 0, 0, 0},
        {"leaf,int", "192.0.2.1", "", 0, 0, 0},
        {"leaf,int", "2001:DB8:0::1", "", 0, 0, 0},
        {"leaf,int", "x.apps.example.com", "", 0, 0, 0},
        {"rsa,int", NULL, "", 0, 0, 0},
        {"leaf,int", "www.example.com", "name_mismatch", 62, 0, 60},
        {"leaf,int", "apps.example.com", "name_mismatch", 62, 0, 60},
        {"leaf,int", "x.y.apps.example.com", "name_mismatch", 62, 0, 60},
        {"leaf,int", "192.0.2.2", "name_mismatch", 64, 0, 60},
        {"cn only,int", NULL, "no_san", 0, 0, 0},
        {"no name,int", NULL, "name_mismatch", 62, 0, 60},
        {"expired,int", NULL, "expired", 10, 10, 60},
        {"expired,int", "other.example", "name_mismatch,expired", 62, 10, 60},
        {"future,int", NULL, "not_yet_valid", 9, 9, 60},
        {"soon,int", NULL, "ends_soon", 0, 0, 0},
        {"under old int,old int", NULL, "expired_intermediate", 10, 10, 60},
        {"self", NULL, "self_signed", 18, 18, 60},
        {"self", "other.example", "name_mismatch,self_signed", 18, 18, 60},
        {"alien leaf,alien int,alien root", NULL, "untrusted_root,root_included", 19, 19, 60},
        {"alien leaf,alien int", NULL, "untrusted_root", 20, 20, 60},
        {"leaf", NULL, "untrusted_root,incomplete", 20, 21, 60},
        {"leaf,root", NULL, "untrusted_root,incomplete,root_included", 20, 21, 60},
        {"alien direct", NULL, "untrusted_root,incomplete", 20, 21, 60},
        {"aia", NULL, "incomplete", 20, 21, 60},
        {"leaf,alien int", NULL, "wrong_chain,unused", 20, 21, 60},
        {"under no ca,no ca", NULL, "not_a_ca", 79, 26, 60},
        {"far under short,under short,short", NULL, "path_length", 25, 25, 60},
        {"under limited,limited", NULL, "name_constraint", 47, 47, 60},
        {"client,int", NULL, "eku_wrong", 26, 26, 60},
        {"enciphers,int", NULL, "key_usage", 0, 0, 0},
        {"signs crls,int", NULL, "key_usage", 26, 26, 60},
        {"forged,int", NULL, "bad_signature", 7, 7, 60},
        {"sha1,int", NULL, "weak_hash", 68, 68, 60},
        {"rsa 1024,int", NULL, "weak_key", 66, 66, 60},
        {"self 1024", NULL, "self_signed,weak_key", 66, 18, 60},
        {"rsa 512,int", NULL, "key_type,weak_key", 66, 66, 60},
        {"p521,int", NULL, "key_type", 0, 0, 0},
        {"ed25519,int", NULL, "key_type", 0, 0, 0},
        {"leaf,root,int", NULL, "wrong_order,root_included", 0, 0, 0},
        {"leaf,int,root", NULL, "root_included", 0, 0, 0},
        {"leaf,alien int,int", NULL, "unused", 0, 0, 0},
        {"leaf,int,old int", NULL, "expired_extra,unused", 0, 0, 0},
        {"leaf,leaf,int", NULL, "", 0, 0, 0},
        {"long,int", NULL, "", 0, 0, 0},
    };
    static const struct circumstances usual = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], &usual);
    }
}

TEST("what a handshake shows, what was fetched, and what only public authorities have to do")
{
    static const struct {
        struct row row;
        struct circumstances c;
    } rows[] = {
        {{"aia", NULL, "incomplete", 20, 21, 60}, {.fetched = "int"}},
        {{"aia", NULL, "untrusted_root,incomplete", 20, 21, 60}, {.fetched = ""}},
        {{"alien aia", NULL, "untrusted_root,incomplete", 20, 21, 60},
         {.fetched = "alien int,alien root"}},
        {{"leaf,alien int", NULL, "wrong_chain,unused", 20, 21, 60}, {.fetched = "int"}},
        {{"long,int", NULL, "validity_too_long", 0, 0, 0}, {.is_public = true}},
        {{"leaf,int", NULL, "", 0, 0, 0}, {.is_public = true}},
        {{"leaf,int", NULL, "ct_missing", 0, 0, 0}, {.is_public = true, .handshake = true}},
        {{"leaf,int", NULL, "", 0, 0, 0}, {.is_public = true, .handshake = true, .sct = true}},
        {{"leaf,int", NULL, "", 0, 0, 0}, {.handshake = true}},
        {{"staple,int", NULL, "must_staple", 0, 0, 0}, {.handshake = true}},
        {{"staple,int", NULL, "", 0, 0, 0}, {.handshake = true, .staple = TLS_STAPLE_GOOD}},
        {{"staple,int", NULL, "", 0, 0, 0}, {.handshake = false}},
        {{"leaf,int", NULL, "revoked", 0, 0, 0}, {.handshake = true, .staple = TLS_STAPLE_REVOKED}},
        {{"leaf,int", NULL, "", 0, 0, 0}, {.handshake = true, .staple = TLS_STAPLE_UNKNOWN}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i].row, &rows[i].c);
    }
}

TEST("each problem has a name of its own and a sentence")
{
    for (unsigned k = 0; k < CHAIN_COUNT; k++) {
        enum chain_problem_kind found = CHAIN_COUNT;
        const char *name = chain_problem_name((enum chain_problem_kind)k);
        CHECK(chain_problem_find(str_of(name), &found));
        CHECK_INT(found, k);
        CHECK(str_ends(str_of(chain_problem_sentence((enum chain_problem_kind)k)), STR(".")));
    }
    enum chain_problem_kind none;
    CHECK(!chain_problem_find(STR("moonlight"), &none));
}

/* ---- facts ---- */

TEST("facts of the certificates, the path, the missing issuer")
{
    struct chain_store *store = store_of("root", true);
    struct der_list sent = list_of("aia,int,root"), alone = list_of("aia"),
                    fetched = list_of("int");
    struct chain_question q = {.sent = &sent, .host = STR(HOST), .now_s = NOW_S, .store = store};
    struct chain_facts f;
    chain_check(&q, &f);
    CHECK_INT(f.count, 3);
    CHECK_INT(f.total, 3);
    const struct chain_certificate *c = &f.certificates[0];
    CHECK_STR(str_of(c->subject), "CN=" HOST);
    CHECK_STR(str_of(c->issuer), "CN=int");
    CHECK_STR(str_of(c->common_name), HOST);
    CHECK_INT(c->name_count, 4);
    CHECK_INT(c->name_total, 4);
    CHECK_STR(c->names[1].text, "*.apps.example.com");
    CHECK_STR(c->names[3].text, "2001:db8::1");
    CHECK(c->names[3].is_address && !c->names[1].is_address);
    CHECK_INT(c->not_before_s, NOW_S - 10 * DAY_S);
    CHECK_INT(c->not_after_s, NOW_S + 80 * DAY_S);
    CHECK_INT(c->key, CHAIN_KEY_EC);
    CHECK_INT(c->key_bits, 256);
    CHECK_STR(str_of(c->curve), "P-256");
    CHECK_STR(str_of(c->hash), "SHA256");
    CHECK(!c->is_ca && !c->self_issued && !c->self_signed && !c->must_staple && !c->embedded_sct);
    CHECK_STR(str_of(c->serial), "04");
    CHECK_INT(strlen(c->fingerprint), 64);
    CHECK_STR(str_of(c->aia_url), "http://ca.example/int.cer");
    CHECK_STR(str_of(c->ocsp_url), "http://ocsp.example/");
    CHECK(f.certificates[1].is_ca && !f.certificates[1].self_signed);
    CHECK(f.certificates[2].self_signed && f.certificates[2].self_issued);
    CHECK_INT(f.path_count, 3);
    CHECK_INT(f.path[1].source, CHAIN_SENT);
    CHECK_INT(f.path[1].index, 1);
    CHECK_STR(str_of(f.path[2].subject), "CN=root");
    CHECK(f.trusted && f.public_root && f.missing_issuer == NULL && f.missing_url == NULL);
    chain_facts_done(&f);

    q.sent = &alone;
    chain_check(&q, &f);
    CHECK(!f.trusted && !f.public_root && !f.fetched_given && !f.works_with_aia);
    CHECK_STR(str_of(f.missing_issuer), "CN=int");
    CHECK_STR(str_of(f.missing_url), "http://ca.example/int.cer");
    CHECK_INT(f.verify_code_count, 2);
    CHECK(strstr(chain_verify_text(f.verify_code), "local issuer") != NULL);
    chain_facts_done(&f);
    q.fetched = &fetched;
    chain_check(&q, &f);
    CHECK(f.fetched_given && f.works_with_aia && !f.trusted);
    CHECK(chain_problem_of(&f, CHAIN_UNTRUSTED_ROOT) == NULL);
    chain_facts_done(&f);
    der_list_done(&sent);
    der_list_done(&alone);
    der_list_done(&fetched);
    chain_store_free(&store);
}

TEST("a certificate signed by itself is trusted where the store holds it")
{
    struct chain_store *store = store_of("self", false);
    struct der_list sent = list_of("self");
    struct chain_question q = {.sent = &sent, .host = STR(HOST), .now_s = NOW_S, .store = store};
    struct chain_facts f;
    chain_check(&q, &f);
    CHECK(f.trusted && f.problem_count == 0 && f.verify_code == 0);
    CHECK_INT(f.path_count, 1);
    chain_facts_done(&f);
    der_list_done(&sent);
    chain_store_free(&store);
}

TEST("each problem tells which certificate it is about")
{
    struct chain_store *store = store_of("root", false);
    struct der_list sent = list_of("under old int,alien int,old int");
    struct chain_question q = {.sent = &sent, .host = STR(HOST), .now_s = NOW_S, .store = store};
    struct chain_facts f;
    chain_check(&q, &f);
    const struct chain_problem *old = chain_problem_of(&f, CHAIN_EXPIRED_INTERMEDIATE);
    CHECK(old != NULL && old->depth == 1 && old->sent && old->index == 2);
    const struct chain_problem *unused = chain_problem_of(&f, CHAIN_UNUSED);
    CHECK(unused != NULL && unused->sent && unused->index == 1);
    chain_facts_done(&f);
    der_list_done(&sent);
    chain_store_free(&store);
}

TEST("a product that looks into TLS is known by its authority's name")
{
    struct chain_store *store = store_of("root", false);
    struct der_list sent = list_of("inspected,inspector");
    struct chain_question q = {.sent = &sent, .host = STR(HOST), .now_s = NOW_S, .store = store};
    struct chain_facts f;
    chain_check(&q, &f);
    CHECK_STR(str_of(f.interceptor), "Fortinet FortiGate");
    chain_facts_done(&f);
    der_list_done(&sent);
    chain_store_free(&store);
    CHECK_STR(str_of(chain_interceptor(STR("CN=Zscaler Root CA,O=Zscaler Inc."))),
              "Zscaler Internet Access");
    CHECK_STR(str_of(chain_interceptor(STR("CN=mitmproxy,O=mitmproxy"))), "mitmproxy");
    CHECK(chain_interceptor(STR("CN=R11,O=Let's Encrypt,C=US")) == NULL);
    CHECK(chain_interceptor(STR("CN=Amazon RSA 2048 M03,O=Amazon,C=US")) == NULL);
    CHECK(chain_interceptor(STR("")) == NULL);
}

/* ---- names ---- */

TEST("names match as in browsers")
{
    static const struct {
        const char *host, *name;
        bool matches;
    } rows[] = {
        {"app.example.com", "app.example.com", true},
        {"APP.example.com", "app.EXAMPLE.com", true},
        {"app.example.com.", "app.example.com", true},
        {"app.example.com", "app.example.com.", true},
        {"app.example.com", "*.example.com", true},
        {"a_b.example.com", "*.example.com", true},
        {"localhost", "localhost", true},
        {"xn--bcher-kva.example.com", "*.example.com", true},
        {"example.com", "*.example.com", false},
        {"a.b.example.com", "*.example.com", false},
        {"app.example.com", "*.com", false},
        {"example.com", "*.com", false},
        {"app.example.com", "a*.example.com", false},
        {"app.example.com", "app.*.com", false},
        {"app.example.com", "*", false},
        {"app.example.com", "*.", false},
        {"app.example.com", "", false},
        {"", "", false},
        {"", "*.example.com", false},
        {"app.example.com", "*.*.com", false},
        {"app.example.com", ".example.com", false},
        {".example.com", "*.example.com", false},
        {"app.example.com", "example.com", false},
        {"myapp.example.com", "app.example.com", false},
        {"192.0.2.1", "192.0.2.1", false},
        {"192.0.2.1", "*.0.2.1", false},
        {"::1", "::1", false},
        {"app.example.com", "app.example.com/", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (chain_name_matches(str_of(rows[i].host), str_of(rows[i].name)) != rows[i].matches) {
            test_failed(__FILE__, __LINE__, "'%s' against '%s'", rows[i].host, rows[i].name);
        }
    }
    CHECK(!chain_name_matches(STR("app.example.com"), STR("app.example.com\0.evil.example")));
}

/* ---- what strangers send ---- */

static void
check_bytes(struct der_list *sent, struct chain_facts *ret)
{
    struct chain_store *store = store_of("root", false);
    struct chain_question q = {.sent = sent, .host = STR(HOST), .now_s = NOW_S, .store = store};
    chain_check(&q, ret);
    chain_store_free(&store);
    der_list_done(sent);
}

TEST("nothing, garbage, bytes behind a certificate, too many: each has its problem")
{
    struct der_list sent = {0};
    struct chain_facts f;
    check_bytes(&sent, &f);
    CHECK(chain_problem_of(&f, CHAIN_EMPTY) != NULL);
    CHECK_INT(f.curl_exit, 35);
    CHECK(!f.trusted);
    chain_facts_done(&f);

    static const uint8_t garbage[] = {0x30, 0x82, 0xff, 0xff, 0x00};
    der_list_add(&sent, garbage, sizeof(garbage));
    list_add(&sent, "int");
    check_bytes(&sent, &f);
    CHECK(chain_problem_of(&f, CHAIN_MALFORMED) != NULL && f.certificates[0].malformed);
    CHECK(!f.certificates[1].malformed && !f.trusted);
    CHECK_INT(f.path_count, 0);
    chain_facts_done(&f);

    list_add(&sent, "leaf");
    sent.items[0].p = xrealloc(sent.items[0].p, sent.items[0].n + 1);
    sent.items[0].p[sent.items[0].n++] = 0;
    check_bytes(&sent, &f);
    CHECK(chain_problem_of(&f, CHAIN_MALFORMED) != NULL);
    chain_facts_done(&f);

    list_add(&sent, "leaf");
    list_add(&sent, "int");
    der_list_add(&sent, garbage, sizeof(garbage));
    check_bytes(&sent, &f);
    CHECK(f.trusted && f.problem_count == 1 && f.problems[0].kind == CHAIN_MALFORMED);
    CHECK_INT(f.problems[0].index, 2);
    chain_facts_done(&f);

    list_add(&sent, "leaf");
    for (int i = 0; i < 30; i++) {
        list_add(&sent, "int");
    }
    CHECK_INT(sent.count, LIMIT_TLS_CHAIN_CERTIFICATES);
    check_bytes(&sent, &f);
    CHECK_INT(f.total, 31);
    CHECK(f.trusted && chain_problem_of(&f, CHAIN_TOO_MANY) != NULL);
    chain_facts_done(&f);
}

/* A leaf of the root's, with a name and alternative names of any bytes. */
static void
odd_leaf(struct str common_name, const struct str *names, size_t count, struct der_list *ret)
{
    X509 *x = X509_dup(fixture("leaf")->x);
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; i < count; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING *value = ASN1_IA5STRING_new();
        ASSERT(ASN1_STRING_set(value, names[i].p, (int)names[i].n) == 1);
        GENERAL_NAME_set0_value(name, GEN_DNS, value);
        ASSERT(sk_GENERAL_NAME_push(list, name) > 0);
    }
    ASSERT(X509_add1_ext_i2d(x, NID_subject_alt_name, list, 0, X509V3_ADD_REPLACE) == 1);
    GENERAL_NAMES_free(list);
    X509_NAME *subject = X509_NAME_new();
    ASSERT(X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
                                      (const unsigned char *)common_name.p, (int)common_name.n, -1,
                                      0) == 1);
    ASSERT(X509_set_subject_name(x, subject) == 1);
    X509_NAME_free(subject);
    ASSERT(X509_sign(x, fixture("int")->key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    der_list_add(ret, der, (size_t)n);
    OPENSSL_free(der);
    X509_free(x);
    list_add(ret, "int");
}

TEST("names of any bytes: NUL does not end them, line ends do not leave, long ones are cut")
{
    struct der_list sent = {0};
    struct chain_facts f;
    struct str names[1] = {{"app.example.com\0.evil.example", 29}};
    odd_leaf(STR("a\nb\x1b[31m"), names, 1, &sent);
    check_bytes(&sent, &f);
    CHECK(chain_problem_of(&f, CHAIN_NAME_MISMATCH) != NULL);
    CHECK_INT(f.certificates[0].names[0].text.n, 29);
    CHECK(strpbrk(f.certificates[0].subject, "\n\x1b") == NULL);
    chain_facts_done(&f);

    char *long_name = xalloc(100 * 1000);
    memset(long_name, 'x', 100 * 1000);
    names[0] = (struct str){long_name, 100 * 1000};
    odd_leaf(STR("x"), names, 1, &sent);
    check_bytes(&sent, &f);
    CHECK_INT(f.certificates[0].names[0].text.n, LIMIT_CERTIFICATE_TEXT);
    CHECK(chain_problem_of(&f, CHAIN_NAME_MISMATCH) != NULL);
    chain_facts_done(&f);
    xfree(long_name);
}

TEST("of many names the first are kept, all are counted and matched")
{
    enum { NAMES = 400 };
    struct der_list sent = {0};
    struct chain_facts f;
    struct str names[NAMES];
    for (size_t i = 0; i < NAMES; i++) {
        names[i] = STR("other.example.net");
    }
    names[NAMES - 1] = STR(HOST);
    odd_leaf(STR("x"), names, NAMES, &sent);
    check_bytes(&sent, &f);
    CHECK_INT(f.certificates[0].name_count, LIMIT_CERTIFICATE_NAMES);
    CHECK_INT(f.certificates[0].name_total, NAMES);
    CHECK_INT(f.problem_count, 0);
    chain_facts_done(&f);
}

/* ---- fetched answers ---- */

TEST("an AIA answer in DER, PEM, PKCS #7 of both kinds; anything else is refused")
{
    struct der_list list = {0}, one = list_of("int");
    struct str der = {(const char *)one.items[0].p, one.items[0].n};
    CHECK_INT(chain_aia_read(der, &list), ERR_OK);
    CHECK_INT(list.count, 1);

    struct buf pem = {0};
    ASSERT(pki_certificate_pem(fixture("int")->x, &pem) == ERR_OK);
    ASSERT(pki_certificate_pem(fixture("root")->x, &pem) == ERR_OK);
    CHECK_INT(chain_aia_read(buf_str(&pem), &list), ERR_OK);
    CHECK_INT(list.count, 3);

    PKCS7 *bag = PKCS7_new();
    ASSERT(PKCS7_set_type(bag, NID_pkcs7_signed) == 1 &&
           PKCS7_content_new(bag, NID_pkcs7_data) == 1);
    ASSERT(PKCS7_add_certificate(bag, fixture("int")->x) == 1);
    unsigned char *bytes = NULL;
    int n = i2d_PKCS7(bag, &bytes);
    CHECK_INT(chain_aia_read((struct str){(char *)bytes, (size_t)n}, &list), ERR_OK);
    CHECK_INT(list.count, 4);
    CHECK(list.items[3].n == one.items[0].n &&
          memcmp(list.items[3].p, one.items[0].p, one.items[0].n) == 0);
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;
    ASSERT(PEM_write_bio_PKCS7(out, bag) == 1);
    long text_n = BIO_get_mem_data(out, &text);
    CHECK_INT(chain_aia_read((struct str){text, (size_t)text_n}, &list), ERR_OK);
    CHECK_INT(list.count, 5);
    BIO_free(out);
    OPENSSL_free(bytes);
    PKCS7_free(bag);

    static const char *const bad[] = {"", "<html>404</html>", "-----BEGIN CERTIFICATE-----\nAAAA\n",
                                      "\x30\x03\x02\x01\x01"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_INT(chain_aia_read(str_of(bad[i]), &list), ERR_INVALID);
    }
    CHECK_INT(list.count, 5);
    buf_free(&pem);
    der_list_done(&one);
    der_list_done(&list);
}

/* ---- stores ---- */

TEST("roots from files, from the environment, from nowhere")
{
    char path[] = "/tmp/chain-test-XXXXXX", folder[] = "/tmp/chain-test-XXXXXX";
    struct buf pem = {0};
    struct errinfo error = {""};
    ASSERT(mkdtemp(folder) != NULL);
    int fd = mkstemp(path);
    buf_add_z(&pem, "# a comment\n");
    ASSERT(pki_certificate_pem(fixture("root")->x, &pem) == ERR_OK);
    ASSERT(pki_certificate_pem(fixture("alien root")->x, &pem) == ERR_OK);
    ASSERT(write(fd, pem.p, pem.n) == (ssize_t)pem.n && close(fd) == 0);

    struct chain_store *s = chain_store_new();
    CHECK_INT(chain_store_add_file(s, path, &error), ERR_OK);
    CHECK_INT(chain_store_count(s), 2);
    CHECK(chain_store_add_file(s, "/nowhere/at/all.pem", &error) == ERR_SYSTEM &&
          strstr(error.text, "/nowhere/at/all.pem") != NULL);
    CHECK(chain_store_add_file(s, folder, &error) == ERR_SYSTEM);
    CHECK(chain_store_add_file(s, "/dev/null", &error) != ERR_OK);
    CHECK_INT(chain_store_add_pem(s, STR("nothing"), false, &error), ERR_INVALID);
    CHECK_INT(chain_store_add_pem(s, STR(""), false, NULL), ERR_INVALID);
    CHECK_INT(chain_store_count(s), 2);
    chain_store_free(&s);
    CHECK(s == NULL);

    ASSERT(setenv("SSL_CERT_FILE", path, 1) == 0 && setenv("SSL_CERT_DIR", folder, 1) == 0);
    s = chain_store_new();
    CHECK_INT(chain_store_add_system(s, &error), ERR_OK);
    CHECK_INT(chain_store_count(s), 2);
    struct der_list sent = list_of("leaf,int");
    struct chain_question q = {.sent = &sent, .host = STR(HOST), .now_s = NOW_S, .store = s};
    struct chain_facts f;
    chain_check(&q, &f);
    CHECK(f.trusted && !f.public_root && f.problem_count == 0);
    chain_facts_done(&f);
    der_list_done(&sent);
    chain_store_free(&s);
    ASSERT(setenv("SSL_CERT_FILE", "/nowhere", 1) == 0 &&
           setenv("SSL_CERT_DIR", "/nowhere", 1) == 0);
    s = chain_store_new();
    CHECK_INT(chain_store_add_system(s, &error), ERR_NOT_FOUND);
    CHECK(strstr(error.text, "SSL_CERT_FILE") != NULL);
    chain_store_free(&s);
    ASSERT(unsetenv("SSL_CERT_FILE") == 0 && unsetenv("SSL_CERT_DIR") == 0);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
    buf_free(&pem);
}

TEST_MAIN
