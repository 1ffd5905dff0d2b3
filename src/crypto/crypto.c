/* SPDX-License-Identifier: Apache-2.0
 * Digests, random bytes, secrets. */
#include "crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <limits.h>

#include "base/assert.h"

/* Fetched once: a fetch by name for each digest costs more than the digest. Constant after init. */
static EVP_MD *sha256;

enum err
crypto_init(struct errinfo *reterr)
{
    if (sha256 != NULL) {
        return ERR_OK;
    }
    const uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                             OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS;
    if (OPENSSL_init_crypto(options, NULL) != 1) {
        return err_set(reterr, ERR_CRYPTO, "libcrypto does not start: %s", crypto_reason());
    }
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256 == NULL) {
        return err_set(reterr, ERR_CRYPTO, "libcrypto has no SHA-256: %s", crypto_reason());
    }
    uint8_t probe[1]; /* opens the system's source of randomness before a sandbox closes */
    TRY(crypto_random(probe, sizeof(probe)));
    return ERR_OK;
}

void
crypto_sha256(const struct str *parts, size_t count, uint8_t ret_digest[static SHA256_BYTES])
{
    ASSERT(sha256 != NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine = context != NULL && EVP_DigestInit_ex2(context, sha256, NULL) == 1;
    for (size_t i = 0; i < count && fine; i++) {
        fine = EVP_DigestUpdate(context, parts[i].p, parts[i].n) == 1;
    }
    fine = fine && EVP_DigestFinal_ex(context, ret_digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    ASSERT(fine); /* a fetched digest over memory fails only when memory does */
}

void
crypto_sha256_hex(const struct str *parts, size_t count, char ret_hex[static SHA256_HEX])
{
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(parts, count, digest);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        ret_hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        ret_hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    ret_hex[2 * SHA256_BYTES] = '\0';
}

enum err
crypto_random(void *p, size_t n)
{
    ASSERT(n <= INT_MAX);
    return RAND_bytes(p, (int)n) == 1 ? ERR_OK : ERR_CRYPTO;
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void
crypto_wipe(void *p, size_t n)
{
    if (n > 0) {
        OPENSSL_cleanse(p, n);
    }
}

const char *
crypto_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason == NULL ? "no reason given" : reason;
}
