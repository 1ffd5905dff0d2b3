/* SPDX-License-Identifier: Apache-2.0
 * Private keys and X.509 certificates. */
#include "crypto/pki.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <limits.h>
#include <time.h>

#include "base/addr.h"
#include "base/assert.h"

enum {
    SERIAL_BYTES = 16,    /* 128 bits of chance */
    COMMON_NAME_MAX = 64, /* ub-common-name [RFC 5280 A.1] */
    DNS_NAME_MAX = 253,
    DNS_LABEL_MAX = 63,
};

/* ---- keys ---- */

enum err
pki_key_new(enum pki_family family, unsigned bits, struct evp_pkey_st **ret_key,
            struct errinfo *reterr)
{
    EVP_PKEY *key = NULL;
    switch (family) {
    case PKI_RSA: key = EVP_RSA_gen(bits); break;
    case PKI_EC: key = EVP_EC_gen(bits == 384 ? "P-384" : "P-256"); break;
    case PKI_OTHER: break;
    }
    if (key == NULL) {
        return err_set(reterr, ERR_CRYPTO, "no key of %u bits can be made: %s", bits,
                       crypto_reason());
    }
    *ret_key = key;
    return ERR_OK;
}

/* Refuses to ask anyone for a passphrase. */
static int
no_passphrase(char *text UNUSED, int size UNUSED, int writing UNUSED, void *context UNUSED)
{
    return -1;
}

static BIO *
memory_of(struct str text)
{
    return text.n == 0 || text.n > INT_MAX ? NULL : BIO_new_mem_buf(text.p, (int)text.n);
}

enum err
pki_key_parse(struct str pem, struct evp_pkey_st **ret_key, struct errinfo *reterr)
{
    BIO *in = memory_of(pem);
    EVP_PKEY *key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
    BIO_free(in);
    ERR_clear_error();
    if (key == NULL) {
        bool encrypted = str_find(pem, STR("ENCRYPTED"), NULL);
        return err_set(reterr, ERR_INVALID, "The private key is not PEM-encoded or is not valid.%s",
                       encrypted ? " It is encrypted; a key without a passphrase is needed." : "");
    }
    *ret_key = key;
    return ERR_OK;
}

/* Appends what a memory BIO holds. */
static void
memory_to_buf(BIO *from, struct buf *out)
{
    char *data = NULL;
    long n = BIO_get_mem_data(from, &data);
    if (n > 0) {
        buf_add(out, data, (size_t)n);
    }
}

enum err
pki_key_pem(const struct evp_pkey_st *key, struct buf *out)
{
    BIO *to = BIO_new(BIO_s_secmem()); /* wiped when freed */
    bool fine =
        to != NULL && PEM_write_bio_PKCS8PrivateKey(to, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (fine) {
        memory_to_buf(to, out);
    }
    BIO_free(to);
    return fine ? ERR_OK : ERR_CRYPTO;
}

/* The curves of TLS; others of the same size exist and are none of ours. */
static bool
is_nist_curve(const EVP_PKEY *key)
{
    char name[32];
    size_t n;
    if (EVP_PKEY_get_group_name(key, name, sizeof(name), &n) != 1) {
        ERR_clear_error();
        return false;
    }
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1",
                                         "P-256",      "P-384",     "P-521"};
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (strcmp(name, curves[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum pki_family
pki_key_family(const struct evp_pkey_st *key)
{
    if (EVP_PKEY_is_a(key, "RSA")) {
        return PKI_RSA;
    }
    return EVP_PKEY_is_a(key, "EC") && is_nist_curve(key) ? PKI_EC : PKI_OTHER;
}

unsigned
pki_key_bits(const struct evp_pkey_st *key)
{
    int bits = EVP_PKEY_get_bits(key);
    return bits < 0 ? 0 : (unsigned)bits;
}

void
pki_key_free(struct evp_pkey_st **key)
{
    EVP_PKEY_free(*key);
    *key = NULL;
}

/* ---- names ---- */

static bool
label_valid(struct str label)
{
    if (label.n == 0 || label.n > DNS_LABEL_MAX) {
        return false;
    }
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!ascii_is_alnum(c) && c != '-' && c != '_') {
            return false;
        }
    }
    return label.p[0] != '-' && label.p[label.n - 1] != '-';
}

bool
pki_name_valid(struct str name)
{
    struct addr address;
    if (addr_parse(name, 0, &address)) {
        return true;
    }
    if (name.n == 0 || name.n > DNS_NAME_MAX) {
        return false;
    }
    struct str rest = str_starts(name, STR("*.")) ? str_sub(name, 2, name.n) : name;
    if (rest.p == NULL) {
        return false;
    }
    struct str label;
    while (str_cut(&rest, '.', &label)) {
        if (!label_valid(label)) {
            return false;
        }
    }
    return true;
}

static bool
general_name_add(GENERAL_NAMES *names, struct str text)
{
    struct addr address;
    bool is_address = addr_parse(text, 0, &address);
    const void *bytes = text.p;
    size_t n = text.n;
    if (is_address) {
        bytes = addr_is_v6(&address) ? (const void *)&address.in6.sin6_addr
                                     : (const void *)&address.in4.sin_addr;
        n = addr_is_v6(&address) ? sizeof(address.in6.sin6_addr) : sizeof(address.in4.sin_addr);
    }
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = is_address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (name == NULL || value == NULL || ASN1_STRING_set(value, bytes, (int)n) != 1) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, is_address ? GEN_IPADD : GEN_DNS, value);
    if (sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        return false;
    }
    return true;
}

/* Subject alternative names; critical when the subject is empty [RFC 5280 4.2.1.6]. */
static bool
set_alternative_names(X509 *x, const struct pki_request *request)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool fine = names != NULL;
    for (size_t i = 0; i < request->name_count && fine; i++) {
        fine = general_name_add(names, request->names[i]);
    }
    bool critical = X509_NAME_entry_count(X509_get_subject_name(x)) == 0;
    fine =
        fine && X509_add1_ext_i2d(x, NID_subject_alt_name, names, critical, X509V3_ADD_APPEND) == 1;
    GENERAL_NAMES_free(names);
    return fine;
}

/* ---- issuing ---- */

static bool
name_entry_add(X509_NAME *name, const char *key, struct str value)
{
    return X509_NAME_add_entry_by_txt(name, key, MBSTRING_UTF8, (const unsigned char *)value.p,
                                      (int)value.n, -1, 0) == 1;
}

static bool
set_names(X509 *x, const struct pki_request *request)
{
    X509_NAME *subject = X509_get_subject_name(x);
    if (request->authority && !name_entry_add(subject, "O", STR("OpenALB"))) {
        return false;
    }
    if (request->common_name.n > 0 && request->common_name.n <= COMMON_NAME_MAX &&
        !name_entry_add(subject, "CN", request->common_name)) {
        return false;
    }
    const X509_NAME *issuer =
        request->issuer == NULL ? subject : X509_get_subject_name(request->issuer);
    return X509_set_issuer_name(x, issuer) == 1;
}

static bool
set_serial(X509 *x)
{
    uint8_t bytes[SERIAL_BYTES];
    if (crypto_random(bytes, sizeof(bytes)) != ERR_OK) {
        return false;
    }
    bytes[0] &= 0x7f; /* positive [RFC 5280 4.1.2.2] */
    bytes[0] |= 0x40; /* always the same length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool fine = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
    BN_free(number);
    return fine;
}

/* One extension from the library's own notation; `value` is always a constant of ours. */
static bool
set_extension(X509 *x, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool fine = extension != NULL && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return fine;
}

struct extension {
    int nid;
    const char *value;
};

/* The subject's key id comes first: a root's own authority key id is made from it. */
static const struct extension root_extensions[] = {
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {0, NULL},
};
static const struct extension leaf_extensions[] = {
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_ext_key_usage, "serverAuth"},
    {0, NULL},
};

static bool
set_extensions(X509 *x, const struct pki_request *request, const EVP_PKEY *key)
{
    X509V3_CTX context;
    X509 *issuer = request->issuer == NULL ? x : X509_dup(request->issuer);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    bool fine = issuer != NULL;
    const struct extension *e = request->authority ? root_extensions : leaf_extensions;
    for (; e->value != NULL && fine; e++) {
        fine = set_extension(x, &context, e->nid, e->value);
    }
    if (!request->authority) {
        /* RSA without forward secrecy encrypts to the key; browsers check the bit. */
        const char *usage = pki_key_family(key) == PKI_RSA
                                ? "critical,digitalSignature,keyEncipherment"
                                : "critical,digitalSignature";
        fine = fine && set_extension(x, &context, NID_key_usage, usage) &&
               set_alternative_names(x, request);
    }
    if (issuer != x) {
        X509_free(issuer);
    }
    return fine;
}

/* The digest that fits the strength of the signing key. */
static const EVP_MD *
signing_digest(const EVP_PKEY *key)
{
    return pki_key_family(key) == PKI_EC && pki_key_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}

static bool
fill_certificate(X509 *x, const struct pki_request *request, EVP_PKEY *key)
{
    EVP_PKEY *signer = request->issuer_key == NULL ? key : request->issuer_key;
    return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_names(x, request) &&
           ASN1_TIME_set(X509_getm_notBefore(x), (time_t)request->not_before_s) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)request->not_after_s) != NULL &&
           X509_set_pubkey(x, key) == 1 && set_extensions(x, request, key) &&
           X509_sign(x, signer, signing_digest(signer)) > 0;
}

enum err
pki_certificate_new(const struct pki_request *request, struct evp_pkey_st *key,
                    struct x509_st **ret_certificate, struct errinfo *reterr)
{
    ASSERT((request->issuer == NULL) == (request->issuer_key == NULL));
    for (size_t i = 0; i < request->name_count; i++) {
        if (!pki_name_valid(request->names[i])) {
            return err_set(reterr, ERR_INVALID,
                           "'%.*s' is no name for a certificate: a DNS name, one with '*.' in "
                           "front, or an IP address is needed",
                           STR_ARG(request->names[i]));
        }
    }
    X509 *x = X509_new();
    if (x == NULL || !fill_certificate(x, request, key)) {
        X509_free(x);
        return err_set(reterr, ERR_CRYPTO, "the certificate cannot be made: %s", crypto_reason());
    }
    *ret_certificate = x;
    return ERR_OK;
}

/* ---- parsing and writing ---- */

enum err
pki_certificates_parse(struct str pem, struct x509_st **ret_certificates, size_t max,
                       size_t *ret_count)
{
    BIO *in = memory_of(pem);
    size_t count = 0;
    enum err e = in == NULL ? ERR_INVALID : ERR_OK;
    while (e == ERR_OK) {
        X509 *x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
        if (x == NULL) {
            /* "no start line" is the end of the text; everything else is damage. */
            bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            e = at_end && count > 0 ? ERR_OK : ERR_INVALID;
            break;
        }
        if (count == max) {
            X509_free(x);
            e = ERR_TOO_LARGE;
            break;
        }
        ret_certificates[count++] = x;
    }
    ERR_clear_error();
    BIO_free(in);
    if (e != ERR_OK) {
        pki_certificates_free(ret_certificates, count);
        return e;
    }
    *ret_count = count;
    return ERR_OK;
}

enum err
pki_certificate_pem(const struct x509_st *certificate, struct buf *out)
{
    BIO *to = BIO_new(BIO_s_mem());
    bool fine = to != NULL && PEM_write_bio_X509(to, certificate) == 1;
    if (fine) {
        memory_to_buf(to, out);
    }
    BIO_free(to);
    return fine ? ERR_OK : ERR_CRYPTO;
}

void
pki_certificate_free(struct x509_st **certificate)
{
    X509_free(*certificate);
    *certificate = NULL;
}

void
pki_certificates_free(struct x509_st **certificates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pki_certificate_free(&certificates[i]);
    }
}

/* ---- facts ---- */

static uint64_t
time_to_s(const ASN1_TIME *t)
{
    struct tm civil = {0};
    if (t == NULL || ASN1_TIME_to_tm(t, &civil) != 1) {
        return 0;
    }
    time_t s = timegm(&civil);
    return s < 0 ? 0 : (uint64_t)s;
}

static unsigned
signature_hash_bits(const X509 *x)
{
    int hash = NID_undef;
    if (X509_get_signature_info((X509 *)(uintptr_t)x, &hash, NULL, NULL, NULL) != 1 ||
        hash == NID_undef) {
        return 0;
    }
    const EVP_MD *digest = EVP_get_digestbynid(hash);
    return digest == NULL ? 0 : (unsigned)EVP_MD_get_size(digest) * 8;
}

void
pki_certificate_facts(const struct x509_st *certificate, struct pki_facts *ret_facts)
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    *ret_facts = (struct pki_facts){
        .family = key == NULL ? PKI_OTHER : pki_key_family(key),
        .key_bits = key == NULL ? 0 : pki_key_bits(key),
        .hash_bits = signature_hash_bits(certificate),
        .not_before_s = time_to_s(X509_get0_notBefore(certificate)),
        .not_after_s = time_to_s(X509_get0_notAfter(certificate)),
    };
}

enum err
pki_certificate_fingerprint(const struct x509_st *certificate,
                            uint8_t ret_digest[static SHA256_BYTES])
{
    return X509_digest(certificate, EVP_sha256(), ret_digest, NULL) == 1 ? ERR_OK : ERR_CRYPTO;
}

enum err
pki_certificate_subject(const struct x509_st *certificate, struct buf *out)
{
    BIO *to = BIO_new(BIO_s_mem());
    bool fine = to != NULL &&
                X509_NAME_print_ex(to, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0;
    if (fine) {
        memory_to_buf(to, out);
    }
    BIO_free(to);
    return fine ? ERR_OK : ERR_CRYPTO;
}

bool
pki_certificate_matches_key(const struct x509_st *certificate, const struct evp_pkey_st *key)
{
    bool match = X509_check_private_key(certificate, key) == 1;
    ERR_clear_error();
    return match;
}

bool
pki_certificate_issued_by(const struct x509_st *certificate, const struct x509_st *issuer)
{
    bool same =
        X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0;
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool signed_by = same && key != NULL && X509_verify((X509 *)(uintptr_t)certificate, key) == 1;
    ERR_clear_error();
    return signed_by;
}

/* ---- names of a certificate ---- */

/* Hands a DNS name on in lower case; one with a NUL or too long can never be asked for. */
static void
give_dns_name(const ASN1_STRING *value, pki_name_fn *fn, void *context)
{
    char text[DNS_NAME_MAX];
    int n = ASN1_STRING_length(value);
    const unsigned char *bytes = ASN1_STRING_get0_data(value);
    if (n <= 0 || n > DNS_NAME_MAX || memchr(bytes, '\0', (size_t)n) != NULL) {
        return;
    }
    for (int i = 0; i < n; i++) {
        text[i] = ascii_lower((char)bytes[i]);
    }
    fn(context, (struct str){text, (size_t)n}, false);
}

static void
give_address(const ASN1_STRING *value, pki_name_fn *fn, void *context)
{
    char text[INET6_ADDRSTRLEN];
    int n = ASN1_STRING_length(value);
    int family = n == 4 ? AF_INET : AF_INET6;
    if ((n == 4 || n == 16) &&
        inet_ntop(family, ASN1_STRING_get0_data(value), text, sizeof(text)) != NULL) {
        fn(context, str_of(text), true);
    }
}

static void
give_common_name(const X509 *x, pki_name_fn *fn, void *context)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) {
        give_dns_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), fn, context);
    }
}

void
pki_certificate_names(const struct x509_st *certificate, pki_name_fn *fn, void *context)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (names == NULL) {
        give_common_name(certificate, fn, context);
        ERR_clear_error();
        return;
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            give_dns_name(name->d.dNSName, fn, context);
        } else if (name->type == GEN_IPADD) {
            give_address(name->d.iPAddress, fn, context);
        }
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}
