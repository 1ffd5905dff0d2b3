/* SPDX-License-Identifier: Apache-2.0
 * Security policies: the table, and how a row becomes the settings of a context. */
#include "tls/tls_int.h"

#include <openssl/err.h>

#include "base/buf.h"

static const struct tls_policy policies[] = {
#define POLICY(name, protocols, ciphers, groups, signatures, is_default)                           \
    {name, protocols, ciphers, groups, signatures, is_default},
#include "tls/policies.def"
#undef POLICY
};

/* ELBSecurityPolicy-TLS13-1-0-2021-06, which targets get as soon as a listener speaks TLS 1.3. */
static const struct tls_policy targets_tls13 = {
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
    "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 "
    "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 "
    "ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256 "
    "ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA "
    "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 "
    "ECDHE-ECDSA-AES256-SHA384 ECDHE-RSA-AES256-SHA384 "
    "ECDHE-RSA-AES256-SHA ECDHE-ECDSA-AES256-SHA "
    "AES128-GCM-SHA256 AES128-SHA256 AES128-SHA AES256-GCM-SHA384 AES256-SHA256 AES256-SHA",
    "x25519 secp256r1 secp384r1",
    "ecdsa_secp256r1_sha256 ecdsa_secp384r1_sha384 ecdsa_secp521r1_sha512 "
    "rsa_pss_pss_sha256 rsa_pss_pss_sha384 rsa_pss_pss_sha512 "
    "rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 "
    "rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512 rsa_pkcs1_sha224 ECDSA+SHA224 "
    "rsa_pkcs1_sha1 ECDSA+SHA1",
    false,
};

/* AWS's names of the protocols, ascending. */
static const struct {
    struct str name;
    int version;
} versions[] = {
    {{"TLSv1", 5}, TLS1_VERSION},
    {{"TLSv1.1", 7}, TLS1_1_VERSION},
    {{"TLSv1.2", 7}, TLS1_2_VERSION},
    {{"TLSv1.3", 7}, TLS1_3_VERSION},
};

const struct tls_policy *
tls_policy_at(size_t index)
{
    return index < COUNT_OF(policies) ? &policies[index] : NULL;
}

const struct tls_policy *
tls_policy_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        if (str_eq(name, str_of(policies[i].name))) {
            return &policies[i];
        }
    }
    return NULL;
}

const struct tls_policy *
tls_policy_towards_targets(bool tls13)
{
    return tls13 ? &targets_tls13 : tls_policy_find(STR("ELBSecurityPolicy-2016-08"));
}

bool
tls_policy_has(const struct tls_policy *policy, int version)
{
    struct str rest = str_of(policy->protocols), name;
    while (str_cut(&rest, ' ', &name)) {
        for (size_t i = 0; i < COUNT_OF(versions); i++) {
            if (versions[i].version == version && str_eq(versions[i].name, name)) {
                return true;
            }
        }
    }
    return false;
}

/* Range of a policy; AWS's have no gaps. */
static void
version_range(const struct tls_policy *policy, int *ret_min, int *ret_max)
{
    *ret_min = 0;
    *ret_max = 0;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        if (tls_policy_has(policy, versions[i].version)) {
            *ret_min = *ret_min == 0 ? versions[i].version : *ret_min;
            *ret_max = versions[i].version;
        }
    }
}

/* Joins the words of a list that `want` accepts with colons, as libssl's lists are written. */
typedef bool word_fn(SSL_CTX *context, struct str word);
static void
join_words(const char *words, SSL_CTX *context, word_fn *want, struct buf *out)
{
    struct str rest = str_of(words), word;
    while (str_cut(&rest, ' ', &word)) {
        if (!want(context, word)) {
            continue;
        }
        if (out->n > 0) {
            buf_add_char(out, ':');
        }
        buf_add_str(out, word);
    }
}

static bool
any_word(SSL_CTX *context UNUSED, struct str word UNUSED)
{
    return true;
}

static bool
is_suite_13(SSL_CTX *context UNUSED, struct str word)
{
    return str_starts(word, STR("TLS_"));
}

static bool
is_suite_12(SSL_CTX *context UNUSED, struct str word)
{
    return !str_starts(word, STR("TLS_"));
}

/* One unknown name makes the whole list fail, so each group is tried alone (a hybrid group needs a
 * newer library and falls away quietly; clients then use the classical ones). */
static bool
is_known_group(SSL_CTX *context, struct str word)
{
    char name[64];
    bool known =
        str_copy_z(word, name, sizeof(name)) && SSL_CTX_set1_groups_list(context, name) == 1;
    ERR_clear_error();
    return known;
}

/* The four lists of a policy: which words, who takes them. */
static long
set_suites_13(SSL_CTX *context, char *list)
{
    return SSL_CTX_set_ciphersuites(context, list);
}

static long
set_suites_12(SSL_CTX *context, char *list)
{
    /* An empty list is an error to libssl, and a policy of TLS 1.3 alone has none. */
    return list[0] == '\0' ? 1 : SSL_CTX_set_cipher_list(context, list);
}

static long
set_groups(SSL_CTX *context, char *list)
{
    return SSL_CTX_set1_groups_list(context, list);
}

static long
set_signatures(SSL_CTX *context, char *list)
{
    return SSL_CTX_set1_sigalgs_list(context, list);
}

struct list_setting {
    const char *what;
    size_t field; /* offset in struct tls_policy */
    word_fn *want;
    long (*set)(SSL_CTX *context, char *list);
};
static const struct list_setting list_settings[] = {
    {"TLS 1.3 suites", offsetof(struct tls_policy, ciphers), is_suite_13, set_suites_13},
    {"suites", offsetof(struct tls_policy, ciphers), is_suite_12, set_suites_12},
    {"groups", offsetof(struct tls_policy, groups), is_known_group, set_groups},
    {"signature schemes", offsetof(struct tls_policy, signatures), any_word, set_signatures},
};

static enum err
apply_list(const struct tls_policy *policy, const struct list_setting *setting, SSL_CTX *context,
           struct errinfo *reterr)
{
    const char *words;
    memcpy(&words, (const char *)policy + setting->field, sizeof(words));
    AUTO(buf_free) struct buf list = {0};
    buf_add_z(&list, "");
    join_words(words, context, setting->want, &list);
    if (setting->set(context, list.p) != 1) {
        return err_set(reterr, ERR_CRYPTO, "the TLS library refuses the %s of policy '%s': %s",
                       setting->what, policy->name, crypto_reason());
    }
    return ERR_OK;
}

enum err
tls_policy_apply(const struct tls_policy *policy, SSL_CTX *context, struct errinfo *reterr)
{
    int min, max;
    version_range(policy, &min, &max);
    /* TLS 1.0 and 1.1 sign with SHA-1, which only level 0 allows; all others get 112 bits. */
    SSL_CTX_set_security_level(context, min < TLS1_2_VERSION ? 0 : 2);
    if (SSL_CTX_set_min_proto_version(context, min) != 1 ||
        SSL_CTX_set_max_proto_version(context, max) != 1) {
        return err_set(reterr, ERR_CRYPTO, "the TLS library lacks the protocols of policy '%s': %s",
                       policy->name, crypto_reason());
    }
    for (size_t i = 0; i < COUNT_OF(list_settings); i++) {
        TRY(apply_list(policy, &list_settings[i], context, reterr));
    }
    return ERR_OK;
}
