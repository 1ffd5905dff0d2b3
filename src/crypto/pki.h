/* SPDX-License-Identifier: Apache-2.0
 * Private keys and X.509 certificates: making, issuing, parsing, asking. The objects are
 * libcrypto's own, named here by their struct tags, so that tls can hand them to libssl as they
 * are. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/crypto.h"

struct evp_pkey_st; /* a key */
struct x509_st;     /* a certificate */

enum pki_family { PKI_RSA, PKI_EC /* on P-256, P-384 or P-521 */, PKI_OTHER };

/* ---- keys ---- */
/* RSA of `bits`; EC: 256 is P-256, 384 is P-384. Free with pki_key_free. */
enum err pki_key_new(enum pki_family family, unsigned bits, struct evp_pkey_st **ret_key,
                     struct errinfo *reterr) MUST_USE;
/* A PEM private key that is not encrypted; never asks for a passphrase. */
enum err pki_key_parse(struct str pem, struct evp_pkey_st **ret_key, struct errinfo *reterr)
    MUST_USE;
enum err pki_key_pem(const struct evp_pkey_st *key, struct buf *out) MUST_USE; /* appends PKCS#8 */
enum pki_family pki_key_family(const struct evp_pkey_st *key);
unsigned pki_key_bits(const struct evp_pkey_st *key);
void pki_key_free(struct evp_pkey_st **key);

/* ---- certificates ---- */
struct pki_request {
    bool authority;          /* a root; `names` stay empty then */
    struct str common_name;  /* left out when it is longer than 64 bytes */
    const struct str *names; /* DNS names (a leading "*." is fine) and IP addresses */
    size_t name_count;
    uint64_t not_before_s, not_after_s;
    const struct x509_st *issuer;   /* borrowed; NULL: signs itself */
    struct evp_pkey_st *issuer_key; /* borrowed; NULL: signs itself */
};
enum err pki_certificate_new(const struct pki_request *request, struct evp_pkey_st *key,
                             struct x509_st **ret_certificate, struct errinfo *reterr) MUST_USE;
/* All certificates of a PEM text in a row. ERR_INVALID when there is none or one is damaged,
 * ERR_TOO_LARGE when there are more than `max`. */
enum err pki_certificates_parse(struct str pem, struct x509_st **ret_certificates, size_t max,
                                size_t *ret_count) MUST_USE;
enum err pki_certificate_pem(const struct x509_st *certificate, struct buf *out) MUST_USE;
void pki_certificate_free(struct x509_st **certificate);
void pki_certificates_free(struct x509_st **certificates, size_t count);

/* Facts. */
struct pki_facts {
    enum pki_family family;
    unsigned key_bits;
    unsigned hash_bits; /* of the signature: 160 for SHA-1, 256, ...; 0 when unknown */
    uint64_t not_before_s, not_after_s;
};
void pki_certificate_facts(const struct x509_st *certificate, struct pki_facts *ret_facts);
/* SHA-256 over the DER form. */
enum err pki_certificate_fingerprint(const struct x509_st *certificate,
                                     uint8_t ret_digest[static SHA256_BYTES]) MUST_USE;
/* One line: "CN=OpenALB Local CA 1a2b3c4d,O=OpenALB" [RFC 2253]. */
enum err pki_certificate_subject(const struct x509_st *certificate, struct buf *out) MUST_USE;
bool pki_certificate_matches_key(const struct x509_st *certificate, const struct evp_pkey_st *key);
/* `issuer`'s name is the issuer's name, and its key made the signature. */
bool pki_certificate_issued_by(const struct x509_st *certificate, const struct x509_st *issuer);

/* Calls fn for each name that a client may ask for: the SANs (DNS in lower case, addresses as
 * text), or the CN when there is no SAN at all [certificates: name source]. */
typedef void pki_name_fn(void *context, struct str name, bool is_address);
void pki_certificate_names(const struct x509_st *certificate, pki_name_fn *fn, void *context);

/* A DNS name that a certificate may carry: letters, digits, '-', '_' and dots, each label 1-63, at
 * most 253 in all, "*." only in front. Or an IP address. */
bool pki_name_valid(struct str name);
