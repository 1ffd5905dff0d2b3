/* SPDX-License-Identifier: Apache-2.0
 * Digests, secrets, keys and certificates. */
#include "crypto/crypto.h"

#include "base/mem.h"
#include "base/test.h"
#include "crypto/pki.h"

TEST("SHA-256 of known texts, in one part and in several [FIPS 180-4 examples]")
{
    CHECK(crypto_init(NULL) == ERR_OK);
    CHECK(crypto_init(NULL) == ERR_OK); /* harmless */
    char hex[SHA256_HEX];
    crypto_sha256_hex(NULL, 0, hex);
    CHECK_STR(str_of(hex), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const struct str one[] = {STR("abc")};
    crypto_sha256_hex(one, 1, hex);
    CHECK_STR(str_of(hex), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const struct str parts[] = {STR("a"), STR_NONE, STR("bc")};
    crypto_sha256_hex(parts, 3, hex);
    CHECK_STR(str_of(hex), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST("random bytes differ, secrets compare and are wiped")
{
    uint8_t a[32] = {0}, b[32] = {0};
    static const uint8_t zeros[32];
    CHECK(crypto_random(a, sizeof(a)) == ERR_OK);
    CHECK(crypto_random(b, sizeof(b)) == ERR_OK);
    CHECK(!crypto_equal(a, b, sizeof(a)));
    CHECK(!crypto_equal(a, zeros, sizeof(a)));
    memcpy(b, a, sizeof(b));
    CHECK(crypto_equal(a, b, sizeof(a)));
    b[31] ^= 1;
    CHECK(!crypto_equal(a, b, sizeof(a)));
    crypto_wipe(a, sizeof(a));
    CHECK(memcmp(a, zeros, sizeof(a)) == 0);
}

TEST("names that a certificate may carry")
{
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"example.com", true},
        {"localhost", true},
        {"*.example.com", true},
        {"a_b.example", true},
        {"xn--bcher-kva.example", true},
        {"127.0.0.1", true},
        {"::1", true},
        {"2001:db8::1", true},
        {"", false},
        {"*", false},
        {"*.", false},
        {"a.*.example", false},
        {"**.example", false},
        {"*a.example", false},
        {".example", false},
        {"example.", false},
        {"a..b", false},
        {"-a.example", false},
        {"a-.example", false},
        {"a b", false},
        {"a/b", false},
        {"b\xc3\xbc"
         "cher.example",
         false},
        {"[::1]", false},
        {"a23456789012345678901234567890123456789012345678901234567890123.example", true},
        {"a234567890123456789012345678901234567890123456789012345678901234.example", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (pki_name_valid(str_of(rows[i].name)) != rows[i].valid) {
            test_failed(__FILE__, __LINE__, "'%s'", rows[i].name);
        }
    }
    char long_name[255];
    memset(long_name, 'a', sizeof(long_name));
    for (size_t i = 50; i < sizeof(long_name); i += 50) {
        long_name[i] = '.';
    }
    CHECK(pki_name_valid((struct str){long_name, 253}));
    CHECK(!pki_name_valid((struct str){long_name, 254}));
}

TEST("keys go to PEM and back, all families; a locked one is refused without a question")
{
    static const struct {
        enum pki_family family;
        unsigned bits;
    } rows[] = {{PKI_RSA, 2048}, {PKI_EC, 256}, {PKI_EC, 384}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct evp_pkey_st *key = NULL, *again = NULL;
        struct buf pem = {0};
        CHECK(pki_key_new(rows[i].family, rows[i].bits, &key, NULL) == ERR_OK);
        CHECK(pki_key_family(key) == rows[i].family);
        CHECK_INT(pki_key_bits(key), rows[i].bits);
        CHECK(pki_key_pem(key, &pem) == ERR_OK);
        CHECK(str_starts(buf_str(&pem), STR("-----BEGIN PRIVATE KEY-----\n")));
        CHECK(pki_key_parse(buf_str(&pem), &again, NULL) == ERR_OK);
        CHECK_INT(pki_key_bits(again), rows[i].bits);
        buf_free(&pem);
        pki_key_free(&key);
        pki_key_free(&again);
    }
    struct evp_pkey_st *none = NULL;
    struct errinfo error;
    struct str locked = STR("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
                            "-----END ENCRYPTED PRIVATE KEY-----\n");
    CHECK(pki_key_parse(locked, &none, &error) == ERR_INVALID);
    CHECK_STR(str_of(error.text), "The private key is not PEM-encoded or is not valid. It is "
                                  "encrypted; a key without a passphrase is needed.");
    CHECK(pki_key_new(PKI_OTHER, 256, &none, NULL) == ERR_CRYPTO);
    CHECK(none == NULL);
}

TEST("an EC key behind its parameters is read, a curve that is not TLS's is of no family")
{
    /* Made by openssl ecparam -genkey; of no use to anybody. */
    static const char prime[] =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        "-----BEGIN EC PRIVATE KEY-----\n"
        "MHcCAQEEIHZjkHJfkkycF2uEh6bI4BdkyUA964Yq2iLxh0IWo9YdoAoGCCqGSM49\n"
        "AwEHoUQDQgAE95VLw6R9Gpcf4/tiHj6+gWGkckaT0nKD8XC3YJaZ9SfFIY0N/W0d\n"
        "39Y6eorKnvkG2U4t/aHOsLqfspKBKxOINg==\n"
        "-----END EC PRIVATE KEY-----\n";
    static const char koblitz[] =
        "-----BEGIN EC PRIVATE KEY-----\n"
        "MHQCAQEEIAwlh6OFCW5sKLFE3yB+64toOJ9Bju1jK1OqdZRfEtIzoAcGBSuBBAAK\n"
        "oUQDQgAEkadh5kulTIykmCO4HaOZ02vKX2obtT8nTZKbmOn2DPkdZNDLc1xj7YiO\n"
        "1VOCclZiadtMLx4/khXqZ9OTU5j9zg==\n"
        "-----END EC PRIVATE KEY-----\n";
    struct evp_pkey_st *key = NULL;
    CHECK(pki_key_parse(str_of(prime), &key, NULL) == ERR_OK);
    CHECK(pki_key_family(key) == PKI_EC);
    pki_key_free(&key);
    CHECK(pki_key_parse(str_of(koblitz), &key, NULL) == ERR_OK);
    CHECK(pki_key_family(key) == PKI_OTHER);
    pki_key_free(&key);
}

static void
add_name(void *context, struct str name, bool is_address)
{
    buf_addf(context, "%s%.*s ", is_address ? "ip:" : "", STR_ARG(name));
}

TEST("a certificate tells what was asked for")
{
    struct evp_pkey_st *key = NULL, *other = NULL;
    struct x509_st *x = NULL, *parsed[2];
    struct buf names = {0}, pem = {0};
    const struct str wanted[] = {STR("A.example"), STR("*.b.example"), STR("10.1.2.3")};
    struct pki_request request = {.common_name = wanted[0],
                                  .names = wanted,
                                  .name_count = 3,
                                  .not_before_s = 1700000000,
                                  .not_after_s = 4200000000};
    CHECK(pki_key_new(PKI_EC, 384, &key, NULL) == ERR_OK);
    CHECK(pki_key_new(PKI_EC, 384, &other, NULL) == ERR_OK);
    CHECK(pki_certificate_new(&request, key, &x, NULL) == ERR_OK);
    pki_certificate_names(x, add_name, &names);
    CHECK_STR(buf_str(&names), "a.example *.b.example ip:10.1.2.3 ");
    struct pki_facts facts;
    pki_certificate_facts(x, &facts);
    CHECK_INT(facts.family, PKI_EC);
    CHECK_INT(facts.key_bits, 384);
    CHECK_INT(facts.hash_bits, 384);
    CHECK_INT(facts.not_before_s, 1700000000);
    CHECK_INT(facts.not_after_s, 4200000000); /* past 2050, another notation */
    CHECK(pki_certificate_matches_key(x, key));
    CHECK(!pki_certificate_matches_key(x, other));
    CHECK(pki_certificate_issued_by(x, x));
    CHECK(pki_certificate_pem(x, &pem) == ERR_OK);
    CHECK(pki_certificate_pem(x, &pem) == ERR_OK);
    size_t count = 0;
    CHECK(pki_certificates_parse(buf_str(&pem), parsed, 1, &count) == ERR_TOO_LARGE);
    CHECK_INT(count, 0);
    CHECK(pki_certificates_parse(buf_str(&pem), parsed, 2, &count) == ERR_OK);
    CHECK_INT(count, 2);
    uint8_t a[SHA256_BYTES], b[SHA256_BYTES];
    CHECK(pki_certificate_fingerprint(x, a) == ERR_OK);
    CHECK(pki_certificate_fingerprint(parsed[1], b) == ERR_OK);
    CHECK(memcmp(a, b, sizeof(a)) == 0);
    pki_certificates_free(parsed, count);
    pem.p[pem.n - 60] = '!'; /* damage in the second one */
    CHECK(pki_certificates_parse(buf_str(&pem), parsed, 2, &count) == ERR_INVALID);
    buf_free(&pem);
    buf_free(&names);
    pki_certificate_free(&x);
    pki_key_free(&key);
    pki_key_free(&other);
}

TEST_MAIN
