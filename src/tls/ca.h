/* SPDX-License-Identifier: Apache-2.0
 * Certificates as the control process handles them: the embedded certificate authority, the files
 * in STATE/keys (<id>.crt: chain, leaf first; <id>.key; both 0600), and what makes or finds them
 * again. Workers only read the files. Nothing here prints a key. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/crypto.h"
#include "model/model.h"

/* ---- the embedded authority: STATE/keys/ca.key (0600) and ca.crt ---- */
struct ca;
/* Makes key and root certificate (EC P-256, 10 years, "OpenALB Local CA <id>") when there are none.
 * A key is never overwritten. */
enum err ca_open(int keys_dirfd, struct ca **ret_ca, struct errinfo *reterr) MUST_USE;
void ca_free(struct ca **ca);
struct str ca_root_pem(const struct ca *ca); /* lives as long as the ca */
/* Issues a certificate for 395 days; both texts are appended. The chain is the leaf alone: its
 * issuer is the root, which clients have or do not have. */
enum err ca_issue(const struct ca *ca, const struct str *names, size_t name_count,
                  enum key_algorithm algorithm, uint64_t wall_us, struct buf *ret_chain_pem,
                  struct buf *ret_key_pem, struct errinfo *reterr) MUST_USE;

/* ---- files of one certificate ---- */
struct certificate_files {
    struct buf chain_pem, key_pem; /* owned */
    char digest[SHA256_HEX];       /* over both; as in struct certificate */
};
enum err certificate_files_read(int keys_dirfd, struct str id, struct certificate_files *ret_files,
                                struct errinfo *reterr) MUST_USE;
/* Each file is replaced atomically, the key first. A crash between the two leaves a pair that does
 * not match; certificate_ensure() sees that and writes both again. Fills files->digest. */
enum err certificate_files_write(int keys_dirfd, struct str id, struct certificate_files *files,
                                 struct errinfo *reterr) MUST_USE;
void certificate_files_free(struct certificate_files *files); /* wipes the key; fit for AUTO */

/* ---- what a pair of certificate and key is ---- */
struct certificate_facts {
    enum key_algorithm key_algorithm; /* RSA of more than 2048 bits counts as KEY_RSA_2048 */
    struct str *names;                /* owned, each one too; lower case */
    size_t name_count;
    uint64_t not_before_s, not_after_s;
};
void certificate_facts_done(struct certificate_facts *facts); /* fit for AUTO */
/* Checks a chain (leaf first, each certified by the next) and its key: all parts valid, the key the
 * leaf's, RSA from 2048 bits or EC P-256/P-384, at least one name. Dates are only reported. The
 * sentences are ACM's where it has one [certificates: import rules]. */
enum err certificate_inspect(struct str chain_pem, struct str key_pem,
                             struct certificate_facts *ret_facts, struct errinfo *reterr) MUST_USE;

/* ---- for the control process ---- */
/* Issued: finds the files again, or issues anew when there are none, the names or the algorithm
 * changed, another authority made them or less than 30 days are left. Imported: validates the parts
 * and keeps them; an expired one is warned of. Fills c->digest, and names, domain_name and
 * key_algorithm of an import. `ca` may be NULL for imports. */
enum err certificate_ensure(int keys_dirfd, struct ca *ca, struct model *m, struct certificate *c,
                            struct str pem_certificate, struct str pem_key, struct str pem_chain,
                            uint64_t wall_us, struct errinfo *reterr) MUST_USE;
/* Validates the parts of an import as certificate_ensure() does and fills what it fills but the
 * digest; keeps nothing. */
enum err certificate_check(struct model *m, struct certificate *c, struct str pem_certificate,
                           struct str pem_key, struct str pem_chain, struct errinfo *reterr)
    MUST_USE;
/* Did this authority sign the first certificate of the chain? */
bool ca_issued(const struct ca *ca, struct str chain_pem);
