/* SPDX-License-Identifier: Apache-2.0
 * The embedded certificate authority. */
#include "tls/ca.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/pki.h"
#include "state/file.h"

#define CA_KEY_FILE "ca.key"
#define CA_ROOT_FILE "ca.crt"

enum {
    CA_FILE_MAX = 64 * 1024,
    HOUR_S = 3600, /* certificates begin that much earlier: clocks differ */
    DAY_S = 24 * HOUR_S,
    ROOT_DAYS = 3652, /* 10 years */
    LEAF_DAYS = 395,  /* 13 months, as ACM's certificates long had */
};

struct ca {
    struct evp_pkey_st *key; /* owned */
    struct x509_st *root;    /* owned */
    struct buf root_pem;
};

static enum err
make_root(struct ca *ca, struct errinfo *reterr)
{
    uint32_t id;
    char name[64];
    TRY(crypto_random(&id, sizeof(id)));
    int n = snprintf(name, sizeof(name), "OpenALB Local CA %08x", id);
    ASSERT(n > 0 && (size_t)n < sizeof(name));
    uint64_t now_s = clock_wall_us() / 1000000;
    struct pki_request request = {
        .authority = true,
        .common_name = str_of(name),
        .not_before_s = now_s - HOUR_S,
        .not_after_s = now_s + (uint64_t)ROOT_DAYS * DAY_S,
    };
    return pki_certificate_new(&request, ca->key, &ca->root, reterr);
}

/* ---- the files ---- */

static enum err
store_key(int keys_dirfd, const struct ca *ca, struct errinfo *reterr)
{
    struct buf pem = {0};
    enum err e = pki_key_pem(ca->key, &pem);
    if (e == ERR_OK) {
        e = file_store(keys_dirfd, CA_KEY_FILE, buf_str(&pem), 0600, reterr);
    } else {
        (void)err_set(reterr, e, "the authority's key cannot be written as PEM");
    }
    crypto_wipe(pem.p, pem.n);
    buf_free(&pem);
    return e;
}

/* Sets *ret_there to whether the file exists; its absence is no error. */
static enum err
load_file(int keys_dirfd, const char *name, struct buf *text, bool *ret_there,
          struct errinfo *reterr)
{
    enum err e = file_load(keys_dirfd, name, CA_FILE_MAX, text, reterr);
    *ret_there = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err
load_key(int keys_dirfd, struct ca *ca, bool *ret_there, struct errinfo *reterr)
{
    struct buf pem = {0};
    enum err e = load_file(keys_dirfd, CA_KEY_FILE, &pem, ret_there, reterr);
    if (e == ERR_OK && *ret_there && pki_key_parse(buf_str(&pem), &ca->key, NULL) != ERR_OK) {
        e = err_set(reterr, ERR_INVALID,
                    "the certificate authority's key file '" CA_KEY_FILE "' is damaged");
    }
    crypto_wipe(pem.p, pem.n);
    buf_free(&pem);
    return e;
}

static enum err
load_root(int keys_dirfd, struct ca *ca, bool *ret_there, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf pem = {0};
    size_t count;
    TRY(load_file(keys_dirfd, CA_ROOT_FILE, &pem, ret_there, reterr));
    if (*ret_there && pki_certificates_parse(buf_str(&pem), &ca->root, 1, &count) != ERR_OK) {
        return err_set(reterr, ERR_INVALID,
                       "the certificate authority's root '" CA_ROOT_FILE "' is damaged");
    }
    return ERR_OK;
}

/* First start: key, then certificate. A crash between the two is made good here the next time. */
static enum err
complete(int keys_dirfd, struct ca *ca, bool has_key, bool has_root, struct errinfo *reterr)
{
    if (has_root && !has_key) {
        return err_set(reterr, ERR_NOT_FOUND,
                       "the keys folder has the authority's root '" CA_ROOT_FILE
                       "' but not its key '" CA_KEY_FILE
                       "': put the key back, or remove the root to get a new authority");
    }
    if (!has_key) {
        TRY(pki_key_new(PKI_EC, 256, &ca->key, reterr));
        TRY(store_key(keys_dirfd, ca, reterr));
    }
    if (!has_root) {
        TRY(make_root(ca, reterr));
    }
    if (pki_certificate_pem(ca->root, &ca->root_pem) != ERR_OK) {
        return err_set(reterr, ERR_CRYPTO, "the root certificate cannot be written as PEM");
    }
    if (!has_root) {
        TRY(file_store(keys_dirfd, CA_ROOT_FILE, buf_str(&ca->root_pem), 0644, reterr));
    }
    if (!pki_certificate_matches_key(ca->root, ca->key)) {
        return err_set(reterr, ERR_INVALID,
                       "'" CA_KEY_FILE "' and '" CA_ROOT_FILE
                       "' in the keys folder do not belong together");
    }
    return ERR_OK;
}

enum err
ca_open(int keys_dirfd, struct ca **ret_ca, struct errinfo *reterr)
{
    TRY(crypto_init(reterr));
    bool has_key = false, has_root = false;
    struct ca *ca = xalloc(sizeof(*ca));
    enum err e = load_key(keys_dirfd, ca, &has_key, reterr);
    e = e == ERR_OK ? load_root(keys_dirfd, ca, &has_root, reterr) : e;
    e = e == ERR_OK ? complete(keys_dirfd, ca, has_key, has_root, reterr) : e;
    if (e != ERR_OK) {
        ca_free(&ca);
        return e;
    }
    *ret_ca = ca;
    return ERR_OK;
}

void
ca_free(struct ca **ca)
{
    if (*ca != NULL) {
        pki_key_free(&(*ca)->key);
        pki_certificate_free(&(*ca)->root);
        buf_free(&(*ca)->root_pem);
        xfree(*ca);
        *ca = NULL;
    }
}

struct str
ca_root_pem(const struct ca *ca)
{
    return buf_str(&ca->root_pem);
}

/* ---- issuing ---- */

static const struct {
    enum pki_family family;
    unsigned bits;
} algorithms[KEY_COUNT] = {
    [KEY_RSA_2048] = {PKI_RSA, 2048},
    [KEY_EC_PRIME256V1] = {PKI_EC, 256},
    [KEY_EC_SECP384R1] = {PKI_EC, 384},
};

static enum err
issue(const struct ca *ca, const struct pki_request *request, struct evp_pkey_st *key,
      struct buf *ret_chain_pem, struct buf *ret_key_pem, struct errinfo *reterr)
{
    struct x509_st *leaf = NULL;
    TRY(pki_certificate_new(request, key, &leaf, reterr));
    ASSERT(pki_certificate_issued_by(leaf, ca->root));
    enum err e = pki_certificate_pem(leaf, ret_chain_pem);
    e = e == ERR_OK ? pki_key_pem(key, ret_key_pem) : e;
    pki_certificate_free(&leaf);
    return e == ERR_OK ? e : err_set(reterr, e, "the certificate cannot be written as PEM");
}

enum err
ca_issue(const struct ca *ca, const struct str *names, size_t name_count,
         enum key_algorithm algorithm, uint64_t wall_us, struct buf *ret_chain_pem,
         struct buf *ret_key_pem, struct errinfo *reterr)
{
    ASSERT(name_count > 0 && algorithm < KEY_COUNT);
    uint64_t now_s = wall_us / 1000000;
    struct pki_facts root;
    pki_certificate_facts(ca->root, &root);
    if (now_s >= root.not_after_s) {
        return err_set(reterr, ERR_INVALID,
                       "the certificate authority's root has expired: remove '" CA_KEY_FILE
                       "' and '" CA_ROOT_FILE "' from the keys folder to get a new one");
    }
    struct pki_request request = {
        .common_name = names[0],
        .names = names,
        .name_count = name_count,
        .not_before_s = now_s - HOUR_S,
        .not_after_s = MIN_OF(now_s + (uint64_t)LEAF_DAYS * DAY_S, root.not_after_s),
        .issuer = ca->root,
        .issuer_key = ca->key,
    };
    struct evp_pkey_st *key;
    TRY(pki_key_new(algorithms[algorithm].family, algorithms[algorithm].bits, &key, reterr));
    enum err e = issue(ca, &request, key, ret_chain_pem, ret_key_pem, reterr);
    pki_key_free(&key);
    return e;
}

enum { ISSUED_CHAIN_MAX = 16 };

bool
ca_issued(const struct ca *ca, struct str chain_pem)
{
    struct x509_st *chain[ISSUED_CHAIN_MAX];
    size_t count;
    if (pki_certificates_parse(chain_pem, chain, COUNT_OF(chain), &count) != ERR_OK) {
        return false;
    }
    bool ours = pki_certificate_issued_by(chain[0], ca->root);
    pki_certificates_free(chain, count);
    return ours;
}
