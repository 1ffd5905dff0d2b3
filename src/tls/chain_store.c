/* SPDX-License-Identifier: Apache-2.0
 * Trusted roots: the system's bundle, folders with hashed names, files given on the command line.
 * Which of them are public is remembered, because browsers ask more of public authorities. */
#include "tls/chain_int.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/pki.h"
#include "text/text.h"

enum { ROOTS_MAX = 4096, PATH_BYTES = 1024, BATCH = 256 };

struct print {
    uint8_t p[SHA256_BYTES];
};
struct prints {
    struct print *items; /* owned */
    size_t count, cap;
};

struct chain_store {
    X509_STORE *store; /* owned */
    size_t count;
    bool has_folder; /* with more roots than were counted */
    struct prints public_ones;
};

/* Bundles of the distributions, the first that is there. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};
static const char system_folder[] = "/etc/ssl/certs";

/* Where the owner of a machine adds roots, which then stand in the bundle among the public ones. */
static const char *const local_folders[] = {
    "/usr/local/share/ca-certificates",
    "/etc/pki/ca-trust/source/anchors",
    "/etc/ca-certificates/trust-source/anchors",
};

/* ---- fingerprints ---- */

static void
prints_add(struct prints *list, const X509 *x)
{
    struct print print;
    if (pki_certificate_fingerprint(x, print.p) == ERR_OK) {
        *VEC_PUSH(list->items, list->count, list->cap) = print;
    }
}

static bool
prints_have(const struct prints *list, const X509 *x)
{
    struct print print;
    if (pki_certificate_fingerprint(x, print.p) != ERR_OK) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->items[i].p, print.p, sizeof(print.p)) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

static int
no_passphrase(char *text UNUSED, int size UNUSED, int writing UNUSED, void *context UNUSED)
{
    return -1;
}

/* The next certificate of a PEM text; damaged ones are passed over. NULL at the end. */
static X509 *
next_pem(BIO *in)
{
    for (int i = 0; i < ROOTS_MAX; i++) {
        X509 *x = PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL);
        bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        ERR_clear_error();
        if (x != NULL || at_end) {
            return x;
        }
    }
    return NULL;
}

static BIO *
open_file(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return NULL;
    }
    if (facts.st_size > LIMIT_CHAIN_FILE_BYTES) {
        errno = EFBIG;
        return NULL;
    }
    BIO *in = BIO_new_file(path, "r");
    ERR_clear_error();
    return in;
}

/* Returns how many were added. `except`: those are not public whatever `is_public` says. */
static size_t
add_all(struct chain_store *s, BIO *in, bool is_public, const struct prints *except)
{
    size_t added = 0;
    X509 *x;
    while (s->count < ROOTS_MAX && (x = next_pem(in)) != NULL) {
        if (X509_STORE_add_cert(s->store, x) == 1) {
            added++;
            s->count++;
            if (is_public && (except == NULL || !prints_have(except, x))) {
                prints_add(&s->public_ones, x);
            }
        }
        X509_free(x);
    }
    ERR_clear_error();
    return added;
}

static void
note_file(const char *path, struct prints *ret_prints)
{
    BIO *in = open_file(path);
    X509 *x;
    while (in != NULL && ret_prints->count < ROOTS_MAX && (x = next_pem(in)) != NULL) {
        prints_add(ret_prints, x);
        X509_free(x);
    }
    BIO_free(in);
}

static void
note_folder(const char *folder, struct prints *ret_prints)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir != NULL && ret_prints->count < ROOTS_MAX && (entry = readdir(dir)) != NULL) {
        char *path = xprintf("%s/%s", folder, entry->d_name);
        note_file(path, ret_prints);
        xfree(path);
    }
    if (dir != NULL) {
        (void)closedir(dir); /* only read from */
    }
}

/* ---- the store ---- */

struct chain_store *
chain_store_new(void)
{
    struct chain_store *s = xalloc(sizeof(*s));
    s->store = X509_STORE_new();
    if (s->store == NULL) {
        NEVER("the library has memory for an empty store");
    }
    return s;
}

void
chain_store_free(struct chain_store **s)
{
    if (*s != NULL) {
        X509_STORE_free((*s)->store);
        xfree((*s)->public_ones.items);
        xfree(*s);
        *s = NULL;
    }
}

size_t
chain_store_count(const struct chain_store *s)
{
    return s->count;
}

X509_STORE *
chain_store_x509(const struct chain_store *s)
{
    return s->store;
}

bool
chain_store_is_public(const struct chain_store *s, const X509 *root)
{
    return prints_have(&s->public_ones, root);
}

static void
add_folder(struct chain_store *s, const char *path)
{
    struct stat facts;
    if (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        s->has_folder = X509_STORE_load_path(s->store, path) == 1 || s->has_folder;
    }
    ERR_clear_error();
}

static void
add_bundle(struct chain_store *s)
{
    struct prints local = {0};
    for (size_t i = 0; i < COUNT_OF(local_folders); i++) {
        note_folder(local_folders[i], &local);
    }
    for (size_t i = 0; i < COUNT_OF(bundles); i++) {
        BIO *in = open_file(bundles[i]);
        size_t added = in == NULL ? 0 : add_all(s, in, true, &local);
        BIO_free(in);
        if (added > 0) {
            break;
        }
    }
    xfree(local.items);
}

enum err
chain_store_add_system(struct chain_store *s, struct errinfo *reterr)
{
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    if (file != NULL && file[0] != '\0') {
        BIO *in = open_file(file);
        (void)(in == NULL ? 0 : add_all(s, in, false, NULL)); /* counted in the store */
        BIO_free(in);
    } else {
        add_bundle(s);
    }
    add_folder(s, folder != NULL && folder[0] != '\0' ? folder : system_folder);
    if (s->count == 0 && !s->has_folder) {
        return text_err(reterr, ERR_NOT_FOUND,
                        N_("This machine has no trusted certificates: looked for {file} and the "
                           "like; SSL_CERT_FILE and SSL_CERT_DIR can name others."),
                        TEXT_ARGS({"file", str_of(bundles[0])}));
    }
    return ERR_OK;
}

enum err
chain_store_add_file(struct chain_store *s, const char *path, struct errinfo *reterr)
{
    errno = 0;
    BIO *in = open_file(path);
    if (in == NULL) {
        const char *reason = strerror(errno == 0 ? EISDIR : errno); /* or another non-file */
        return text_err(reterr, ERR_SYSTEM,
                        N_("The certificates in \"{path}\" cannot be read: {reason}."),
                        TEXT_ARGS({"path", str_of(path)}, {"reason", str_of(reason)}));
    }
    size_t added = add_all(s, in, false, NULL);
    BIO_free(in);
    if (added == 0) {
        return text_err(reterr, ERR_INVALID, N_("\"{path}\" holds no certificate in PEM form."),
                        TEXT_ARGS({"path", str_of(path)}));
    }
    return ERR_OK;
}

enum err
chain_store_add_pem(struct chain_store *s, struct str pem, bool is_public, struct errinfo *reterr)
{
    bool fits = pem.n > 0 && pem.n <= LIMIT_CHAIN_FILE_BYTES;
    BIO *in = fits ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    size_t added = in == NULL ? 0 : add_all(s, in, is_public, NULL);
    BIO_free(in);
    if (added == 0) {
        return text_err(reterr, ERR_INVALID, N_("The text holds no certificate in PEM form."), NULL,
                        0);
    }
    return ERR_OK;
}
