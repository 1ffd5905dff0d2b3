/* SPDX-License-Identifier: Apache-2.0
 * Certificate files: read, written, validated, made sure of. */
#include "tls/ca.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/assert.h"
#include "base/diag.h"
#include "base/mem.h"
#include "crypto/pki.h"
#include "state/file.h"

enum {
    ID_MAX = 64,
    CHAIN_MAX = 16,                    /* certificates */
    CHAIN_BYTES_MAX = 2 * 1024 * 1024, /* [ACM: CertificateChain 2097152] */
    RENEW_DAYS = 30,
    DAY_S = 86400,
};

/* ---- files ---- */

/* "<id>.crt"; an id is part of a path, so only harmless characters may be in it. */
static enum err
file_name(struct str id, const char *suffix, char ret_name[static ID_MAX + 8],
          struct errinfo *reterr)
{
    bool fine = id.n > 0 && id.n <= ID_MAX;
    for (size_t i = 0; i < id.n && fine; i++) {
        fine = ascii_is_alnum(id.p[i]) || id.p[i] == '-';
    }
    if (!fine) {
        return err_set(reterr, ERR_INVALID, "'%.*s' is no id of a certificate", STR_ARG(id));
    }
    (void)snprintf(ret_name, ID_MAX + 8, "%.*s%s", STR_ARG(id), suffix); /* fits by ID_MAX */
    return ERR_OK;
}

static void
fill_digest(struct certificate_files *files)
{
    const struct str parts[] = {buf_str(&files->chain_pem), {"", 1}, buf_str(&files->key_pem)};
    crypto_sha256_hex(parts, COUNT_OF(parts), files->digest);
}

enum err
certificate_files_read(int keys_dirfd, struct str id, struct certificate_files *ret_files,
                       struct errinfo *reterr)
{
    char chain_name[ID_MAX + 8], key_name[ID_MAX + 8];
    TRY(crypto_init(reterr));
    TRY(file_name(id, ".crt", chain_name, reterr));
    TRY(file_name(id, ".key", key_name, reterr));
    struct certificate_files files = {0};
    enum err e = file_load(keys_dirfd, chain_name, CHAIN_BYTES_MAX, &files.chain_pem, reterr);
    e = e == ERR_OK ? file_load(keys_dirfd, key_name, CHAIN_BYTES_MAX, &files.key_pem, reterr) : e;
    if (e != ERR_OK) {
        certificate_files_free(&files);
        return e;
    }
    fill_digest(&files);
    *ret_files = files;
    return ERR_OK;
}

enum err
certificate_files_write(int keys_dirfd, struct str id, struct certificate_files *files,
                        struct errinfo *reterr)
{
    char chain_name[ID_MAX + 8], key_name[ID_MAX + 8];
    TRY(crypto_init(reterr));
    TRY(file_name(id, ".crt", chain_name, reterr));
    TRY(file_name(id, ".key", key_name, reterr));
    TRY(file_store(keys_dirfd, key_name, buf_str(&files->key_pem), 0600, reterr));
    TRY(file_store(keys_dirfd, chain_name, buf_str(&files->chain_pem), 0600, reterr));
    fill_digest(files);
    return ERR_OK;
}

void
certificate_files_free(struct certificate_files *files)
{
    crypto_wipe(files->key_pem.p, files->key_pem.n);
    buf_free(&files->key_pem);
    buf_free(&files->chain_pem);
}

/* ---- parts of a pair ---- */

struct pair {
    struct x509_st *chain[CHAIN_MAX]; /* owned, leaf first */
    size_t count;
    struct evp_pkey_st *key; /* owned */
};

static void
pair_done(struct pair *p)
{
    pki_certificates_free(p->chain, p->count);
    pki_key_free(&p->key);
    p->count = 0;
}

/* Each certificate certifies the one before it. */
static enum err
check_chain(const struct pair *p, struct errinfo *reterr)
{
    for (size_t i = 1; i < p->count; i++) {
        if (!pki_certificate_issued_by(p->chain[i - 1], p->chain[i])) {
            return err_set(reterr, ERR_INVALID,
                           "The certificate chain is not PEM-encoded or is not valid. "
                           "(Certificate %zu of the chain did not issue the one before it.)",
                           i);
        }
    }
    return ERR_OK;
}

static enum err
check_key(const struct pair *p, enum key_algorithm *ret_algorithm, struct errinfo *reterr)
{
    unsigned bits = pki_key_bits(p->key);
    switch (pki_key_family(p->key)) {
    case PKI_RSA:
        *ret_algorithm = KEY_RSA_2048;
        if (bits >= 2048) {
            return ERR_OK;
        }
        break;
    case PKI_EC:
        *ret_algorithm = bits == 256 ? KEY_EC_PRIME256V1 : KEY_EC_SECP384R1;
        if (bits == 256 || bits == 384) {
            return ERR_OK;
        }
        break;
    case PKI_OTHER: break;
    }
    return err_set(reterr, ERR_UNSUPPORTED,
                   "The private key is not supported. Only RSA private keys of 2048 bits and more "
                   "and EC private keys on the curves P-256 and P-384 are allowed.");
}

static void
note_name(void *context, struct str name, bool is_address UNUSED)
{
    struct certificate_facts *f = context;
    f->names = xrealloc(f->names, (f->name_count + 1) * sizeof(*f->names));
    f->names[f->name_count++] = (struct str){xstrdup_str(name), name.n};
}

void
certificate_facts_done(struct certificate_facts *facts)
{
    for (size_t i = 0; i < facts->name_count; i++) {
        xfree((void *)(uintptr_t)facts->names[i].p);
    }
    xfree(facts->names);
    *facts = (struct certificate_facts){0};
}

static enum err
pair_facts(const struct pair *p, struct certificate_facts *ret_facts, struct errinfo *reterr)
{
    struct certificate_facts facts = {0};
    struct pki_facts leaf;
    TRY(check_key(p, &facts.key_algorithm, reterr));
    if (!pki_certificate_matches_key(p->chain[0], p->key)) {
        return err_set(reterr, ERR_INVALID, "The private key does not match the certificate.");
    }
    TRY(check_chain(p, reterr));
    pki_certificate_facts(p->chain[0], &leaf);
    facts.not_before_s = leaf.not_before_s;
    facts.not_after_s = leaf.not_after_s;
    pki_certificate_names(p->chain[0], note_name, &facts);
    if (facts.name_count == 0) {
        return err_set(reterr, ERR_INVALID,
                       "The certificate must have a fully-qualified domain name: it has neither a "
                       "subject alternative name nor a common name.");
    }
    *ret_facts = facts;
    return ERR_OK;
}

enum err
certificate_inspect(struct str chain_pem, struct str key_pem, struct certificate_facts *ret_facts,
                    struct errinfo *reterr)
{
    TRY(crypto_init(reterr));
    AUTO(pair_done) struct pair p = {0};
    if (pki_certificates_parse(chain_pem, p.chain, CHAIN_MAX, &p.count) != ERR_OK) {
        return err_set(reterr, ERR_INVALID, "The certificate is not PEM-encoded or is not valid.");
    }
    TRY(pki_key_parse(key_pem, &p.key, reterr));
    return pair_facts(&p, ret_facts, reterr);
}

/* ---- issued ---- */

static bool
same_name(struct str a, struct str b)
{
    struct addr x, y;
    if (addr_parse(a, 0, &x) && addr_parse(b, 0, &y)) {
        return addr_eq(&x, &y);
    }
    return str_ieq(a, b);
}

static bool
has_name(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (same_name(names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool
same_names(const struct certificate_facts *f, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!has_name(f->names, f->name_count, names[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < f->name_count; i++) {
        if (!has_name(names, count, f->names[i])) {
            return false;
        }
    }
    return true;
}

/* Whether what lies there still is what is asked for. */
static bool
still_good(const struct ca *ca, const struct certificate *c, const struct certificate_files *files,
           uint64_t now_s)
{
    AUTO(certificate_facts_done) struct certificate_facts f = {0};
    struct str chain = buf_str(&files->chain_pem);
    if (certificate_inspect(chain, buf_str(&files->key_pem), &f, NULL) != ERR_OK) {
        return false;
    }
    return f.key_algorithm == c->key_algorithm && same_names(&f, c->names, c->name_count) &&
           f.not_before_s <= now_s && f.not_after_s >= now_s + (uint64_t)RENEW_DAYS * DAY_S &&
           ca_issued(ca, chain);
}

static enum err
ensure_issued(int keys_dirfd, const struct ca *ca, const struct certificate *c, uint64_t wall_us,
              struct certificate_files *ret_files, struct errinfo *reterr)
{
    enum err e = certificate_files_read(keys_dirfd, c->id, ret_files, reterr);
    if (e == ERR_OK && still_good(ca, c, ret_files, wall_us / 1000000)) {
        return ERR_OK;
    }
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        return e;
    }
    certificate_files_free(ret_files);
    TRY(ca_issue(ca, c->names, c->name_count, c->key_algorithm, wall_us, &ret_files->chain_pem,
                 &ret_files->key_pem, reterr));
    diag_info("certificate issued arn=%.*s name=%.*s", STR_ARG(c->arn), STR_ARG(c->domain_name));
    return certificate_files_write(keys_dirfd, c->id, ret_files, reterr);
}

/* ---- imported ---- */

/* The three fields of an import, as ACM wants them. */
static enum err
read_fields(struct str pem_certificate, struct str pem_key, struct str pem_chain, struct pair *p,
            struct errinfo *reterr)
{
    enum err e = pki_certificates_parse(pem_certificate, p->chain, 1, &p->count);
    if (e == ERR_TOO_LARGE) {
        return err_set(reterr, ERR_INVALID,
                       "The certificate field contains more than one certificate. You can specify "
                       "only one certificate in this field. (The others belong into the chain.)");
    }
    if (e != ERR_OK) {
        return err_set(reterr, ERR_INVALID, "The certificate is not PEM-encoded or is not valid.");
    }
    TRY(pki_key_parse(pem_key, &p->key, reterr));
    if (pem_chain.n == 0) {
        return ERR_OK;
    }
    size_t more;
    if (pki_certificates_parse(pem_chain, p->chain + 1, CHAIN_MAX - 1, &more) != ERR_OK) {
        return err_set(reterr, ERR_INVALID,
                       "The certificate chain is not PEM-encoded or is not valid.");
    }
    p->count += more;
    return ERR_OK;
}

/* The pair as the files hold it: nothing but the PEM blocks, always written the same way. */
static enum err
write_pair(const struct pair *p, struct certificate_files *files, struct errinfo *reterr)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < p->count && e == ERR_OK; i++) {
        e = pki_certificate_pem(p->chain[i], &files->chain_pem);
    }
    e = e == ERR_OK ? pki_key_pem(p->key, &files->key_pem) : e;
    if (e != ERR_OK) {
        return err_set(reterr, e, "the certificate cannot be written as PEM: %s", crypto_reason());
    }
    fill_digest(files);
    return ERR_OK;
}

static bool
on_disk_already(int keys_dirfd, struct str id, const struct certificate_files *files)
{
    AUTO(certificate_files_free) struct certificate_files old = {0};
    return certificate_files_read(keys_dirfd, id, &old, NULL) == ERR_OK &&
           strcmp(old.digest, files->digest) == 0;
}

/* ACM refuses these; here a test certificate of last year is somebody's everyday case. */
static void
warn_of_dates(const struct certificate *c, const struct certificate_facts *f, uint64_t now_s)
{
    if (now_s > f->not_after_s) {
        diag_warn("The certificate has expired, is not valid. arn=%.*s", STR_ARG(c->arn));
    }
    if (now_s < f->not_before_s) {
        diag_warn("The certificate is not in effect yet, is not valid. arn=%.*s", STR_ARG(c->arn));
    }
}

static void
fill_import(struct model *m, struct certificate *c, const struct certificate_facts *f)
{
    c->key_algorithm = f->key_algorithm;
    c->names = model_alloc(m, f->name_count * sizeof(*c->names));
    c->name_count = f->name_count;
    for (size_t i = 0; i < f->name_count; i++) {
        c->names[i] = model_dup(m, f->names[i]);
    }
    c->domain_name = c->names[0];
}

static enum err
ensure_imported(int keys_dirfd, struct model *m, struct certificate *c, const struct pair *p,
                uint64_t wall_us, struct certificate_files *ret_files, struct errinfo *reterr)
{
    AUTO(certificate_facts_done) struct certificate_facts f = {0};
    TRY(pair_facts(p, &f, reterr));
    warn_of_dates(c, &f, wall_us / 1000000);
    TRY(write_pair(p, ret_files, reterr));
    if (!on_disk_already(keys_dirfd, c->id, ret_files)) {
        TRY(certificate_files_write(keys_dirfd, c->id, ret_files, reterr));
    }
    fill_import(m, c, &f);
    return ERR_OK;
}

enum err
certificate_ensure(int keys_dirfd, struct ca *ca, struct model *m, struct certificate *c,
                   struct str pem_certificate, struct str pem_key, struct str pem_chain,
                   uint64_t wall_us, struct errinfo *reterr)
{
    TRY(crypto_init(reterr));
    AUTO(certificate_files_free) struct certificate_files files = {0};
    if (c->source == CERTIFICATE_IMPORTED) {
        AUTO(pair_done) struct pair p = {0};
        TRY(read_fields(pem_certificate, pem_key, pem_chain, &p, reterr));
        TRY(ensure_imported(keys_dirfd, m, c, &p, wall_us, &files, reterr));
    } else {
        ASSERT(ca != NULL);
        ASSERT(c->name_count > 0);
        TRY(ensure_issued(keys_dirfd, ca, c, wall_us, &files, reterr));
    }
    c->digest = model_dup(m, str_of(files.digest));
    return ERR_OK;
}

enum err
certificate_check(struct model *m, struct certificate *c, struct str pem_certificate,
                  struct str pem_key, struct str pem_chain, struct errinfo *reterr)
{
    TRY(crypto_init(reterr));
    AUTO(pair_done) struct pair p = {0};
    AUTO(certificate_facts_done) struct certificate_facts f = {0};
    TRY(read_fields(pem_certificate, pem_key, pem_chain, &p, reterr));
    TRY(pair_facts(&p, &f, reterr));
    fill_import(m, c, &f);
    return ERR_OK;
}
