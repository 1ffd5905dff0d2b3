/* SPDX-License-Identifier: Apache-2.0
 * Session tickets: stateless, AES-256-CBC and HMAC-SHA256 under keys that all workers share. */
#include "tls/tls_int.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/assert.h"

enum { NAME_BYTES = 16, MAC_BYTES = 32, CIPHER_BYTES = 32, IV_BYTES = 16 };
_Static_assert(NAME_BYTES + MAC_BYTES + CIPHER_BYTES == TLS_TICKET_KEY_BYTES,
               "a key has three parts");

struct ticket_key {
    uint8_t name[NAME_BYTES];
    uint8_t mac[MAC_BYTES];
    uint8_t cipher[CIPHER_BYTES];
};
_Static_assert(sizeof(struct ticket_key) == TLS_TICKET_KEY_BYTES, "no padding");

/* Fetched once; constant after init. */
static EVP_CIPHER *aes_256_cbc;

enum err
tls_ticket_init(void)
{
    if (aes_256_cbc == NULL) {
        aes_256_cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    }
    return aes_256_cbc == NULL ? ERR_CRYPTO : ERR_OK;
}

enum err
tls_ticket_keys_fill(struct tls_ticket_keys *keys)
{
    TRY(crypto_init(NULL));
    return crypto_random(keys->keys, sizeof(keys->keys));
}

enum err
tls_ticket_keys_rotate(struct tls_ticket_keys *keys)
{
    uint8_t fresh[TLS_TICKET_KEY_BYTES];
    TRY(crypto_init(NULL));
    TRY(crypto_random(fresh, sizeof(fresh)));
    for (size_t i = TLS_TICKET_KEYS - 1; i > 0; i--) {
        memcpy(keys->keys[i], keys->keys[i - 1], TLS_TICKET_KEY_BYTES);
    }
    memcpy(keys->keys[0], fresh, sizeof(fresh));
    crypto_wipe(fresh, sizeof(fresh));
    return ERR_OK;
}

static bool
start_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* Results as libssl wants them: 1 go on, 2 go on and give a new ticket, 0 no such key, -1 failed.
 */
static int
seal(struct ticket_key *key, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
     EVP_MAC_CTX *mac)
{
    memcpy(name, key->name, NAME_BYTES);
    bool fine = crypto_random(iv, IV_BYTES) == ERR_OK &&
                EVP_EncryptInit_ex2(cipher, aes_256_cbc, key->cipher, iv, NULL) == 1 &&
                start_mac(mac, key);
    return fine ? 1 : -1;
}

static int
open_with(struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    bool fine =
        EVP_DecryptInit_ex2(cipher, aes_256_cbc, key->cipher, iv, NULL) == 1 && start_mac(mac, key);
    return fine ? 1 : -1;
}

/* Works on a copy of each key: the supervisor may rotate them meanwhile. */
int
tls_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int sealing)
{
    const struct tls_ticket_keys *keys = tls_conn_of(ssl)->server->tickets;
    ASSERT(keys != NULL);
    struct ticket_key key;
    int result = 0;
    if (sealing) {
        memcpy(&key, keys->keys[0], sizeof(key));
        result = seal(&key, name, iv, cipher, mac);
    }
    for (size_t i = 0; i < TLS_TICKET_KEYS && !sealing && result == 0; i++) {
        memcpy(&key, keys->keys[i], sizeof(key));
        if (memcmp(name, key.name, NAME_BYTES) == 0) {
            result = open_with(&key, iv, cipher, mac);
            /* Clients use a TLS 1.3 ticket once, so they get a fresh one each time [RFC 8446 C.4].
             */
            bool renew = i > 0 || SSL_version(ssl) == TLS1_3_VERSION;
            result = result == 1 && renew ? 2 : result;
        }
    }
    crypto_wipe(&key, sizeof(key));
    return result;
}
