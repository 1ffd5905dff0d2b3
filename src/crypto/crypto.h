/* SPDX-License-Identifier: Apache-2.0
 * The wrapper of libcrypto: digests, random bytes, comparing and wiping of secrets. Keys and
 * certificates are in crypto/pki.h. Of the other modules only tls sees the library as well, as far
 * as libssl hands its objects around.
 *
 * crypto_init() comes first in every process: it settles that openssl.cnf is never read, so that
 * each setting is the one that our tables say. */
#pragma once

#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"

/* Loads the library without any configuration file; harmless when repeated. */
enum err crypto_init(struct errinfo *reterr) MUST_USE;

/* ---- SHA-256 ---- */
enum { SHA256_BYTES = 32, SHA256_HEX = 65 /* with the NUL */ };
/* Over the parts in a row. Only memory can fail, and that ends the process as xalloc does. */
void crypto_sha256(const struct str *parts, size_t count, uint8_t ret_digest[static SHA256_BYTES]);
/* The same as lower-case hex with a NUL. */
void crypto_sha256_hex(const struct str *parts, size_t count, char ret_hex[static SHA256_HEX]);

/* ---- secrets ---- */
enum err crypto_random(void *p, size_t n) MUST_USE;        /* fit for keys */
bool crypto_equal(const void *a, const void *b, size_t n); /* in constant time */
void crypto_wipe(void *p, size_t n);                       /* not optimised away */

/* The library's last reason as text ("bad decrypt"), static; empties its error queue. */
const char *crypto_reason(void);
