/* SPDX-License-Identifier: Apache-2.0
 * Security policies: each row against AWS's lists [spec security-policies]. */
#include "base/test.h"
#include "tls/tls_int.h"

/* Copied from the machine-readable twin of the specification, not from policies.def. */
static const struct {
    const char *name, *protocols, *groups;
    bool is_default;
    const char *ciphers[24];
} expected[] = {
    {"ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
     "TLSv1.2 TLSv1.3",
     "x25519 secp256r1 secp384r1",
     false,
     {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
      "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}},
    {"ELBSecurityPolicy-2016-08",
     "TLSv1 TLSv1.1 TLSv1.2",
     "secp256r1 secp384r1",
     true,
     {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",
      "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA",
      "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA384",
      "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA",
      "AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA256",
      "AES256-SHA"}},
};

TEST("the table is AWS's: names, protocols, groups, suites and their order")
{
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const struct tls_policy *p = tls_policy_at(i);
        CHECK(p != NULL && p == tls_policy_find(str_of(expected[i].name)));
        CHECK_STR(str_of(p->name), expected[i].name);
        CHECK_STR(str_of(p->protocols), expected[i].protocols);
        CHECK_STR(str_of(p->groups), expected[i].groups);
        CHECK_INT(p->is_default, expected[i].is_default);
        struct str rest = str_of(p->ciphers), suite;
        size_t count = 0;
        while (str_cut(&rest, ' ', &suite)) {
            CHECK_STR(suite, expected[i].ciphers[count] == NULL ? "" : expected[i].ciphers[count]);
            count++;
        }
        CHECK(expected[i].ciphers[count] == NULL);
    }
    CHECK(tls_policy_at(COUNT_OF(expected)) == NULL);
}

TEST("unknown names are unknown, also nearly right ones")
{
    CHECK(tls_policy_find(STR("")) == NULL);
    CHECK(tls_policy_find(STR("ELBSecurityPolicy-2016-0")) == NULL);
    CHECK(tls_policy_find(STR("elbsecuritypolicy-2016-08")) == NULL);
}

TEST("a context has exactly the suites and versions of its policy, whatever openssl.cnf says")
{
    CHECK(crypto_init(NULL) == ERR_OK);
    for (size_t i = 0; tls_policy_at(i) != NULL; i++) {
        const struct tls_policy *p = tls_policy_at(i);
        SSL_CTX *context = NULL;
        CHECK(tls_context_new(TLS_server_method(), p, &context, NULL) == ERR_OK);
        STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(context);
        struct str rest = str_of(p->ciphers), suite;
        int at = 0;
        while (str_cut(&rest, ' ', &suite)) {
            CHECK(at < sk_SSL_CIPHER_num(suites));
            char name[64];
            CHECK(str_copy_z(suite, name, sizeof(name)));
            CHECK_STR(str_of(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, at))), name);
            at++;
        }
        CHECK_INT(sk_SSL_CIPHER_num(suites), at);
        bool old = tls_policy_has(p, TLS1_VERSION);
        CHECK_INT(SSL_CTX_get_security_level(context), old ? 0 : 2);
        CHECK_INT(SSL_CTX_get_min_proto_version(context), old ? TLS1_VERSION : TLS1_2_VERSION);
        CHECK_INT(SSL_CTX_get_max_proto_version(context),
                  tls_policy_has(p, TLS1_3_VERSION) ? TLS1_3_VERSION : TLS1_2_VERSION);
        SSL_CTX_free(context);
    }
}

TEST("a group that the library lacks falls away, a list of nothing but such ones fails")
{
    CHECK(crypto_init(NULL) == ERR_OK);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    struct tls_policy p = *tls_policy_at(0);
    struct errinfo error;
    p.groups = "NoSuchHybrid1024 x25519";
    CHECK(tls_policy_apply(&p, context, NULL) == ERR_OK);
    p.groups = "NoSuchHybrid1024";
    CHECK(tls_policy_apply(&p, context, &error) == ERR_CRYPTO);
    CHECK(str_starts(str_of(error.text), STR("the TLS library refuses the groups of policy")));
    p = *tls_policy_at(0);
    p.ciphers = "TLS_AES_128_GCM_SHA256 NO-SUCH-SUITE";
    CHECK(tls_policy_apply(&p, context, &error) == ERR_CRYPTO);
    SSL_CTX_free(context);
}

TEST("policies towards targets: TLS 1.0 and up, with 1.3 only if a listener has it")
{
    CHECK_STR(str_of(tls_policy_towards_targets(false)->name), "ELBSecurityPolicy-2016-08");
    const struct tls_policy *p = tls_policy_towards_targets(true);
    CHECK_STR(str_of(p->name), "ELBSecurityPolicy-TLS13-1-0-2021-06");
    CHECK(tls_policy_has(p, TLS1_VERSION) && tls_policy_has(p, TLS1_3_VERSION));
}

TEST_MAIN
