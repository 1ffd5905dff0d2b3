/* SPDX-License-Identifier: Apache-2.0
 * The facts of one certificate. It comes from a stranger: whatever is long is cut, whatever cannot
 * be read is left empty. */
#include "tls/chain_int.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <netinet/in.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/pki.h"

enum { TLS_FEATURE_STATUS_REQUEST = 5 }; /* [RFC 7633 6] */

X509 *
chain_certificate_parse(const struct der *der)
{
    if (der->n == 0 || der->n > LONG_MAX) {
        return NULL;
    }
    const unsigned char *p = der->p;
    X509 *x = d2i_X509(NULL, &p, (long)der->n);
    ERR_clear_error();
    if (x != NULL && p != der->p + der->n) {
        X509_free(x); /* bytes behind it: libssl refuses that, too */
        return NULL;
    }
    return x;
}

/* ---- texts ---- */

static char *
cut_text(const char *p, size_t n)
{
    return xstrdup_str((struct str){p, MIN_OF(n, (size_t)LIMIT_CERTIFICATE_TEXT)});
}

char *
chain_name_text(const X509_NAME *name)
{
    BIO *to = BIO_new(BIO_s_mem());
    char *data = NULL;
    long n = 0;
    /* Characters beyond ASCII stay UTF-8: reports know what to do with them. */
    const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (to != NULL && X509_NAME_print_ex(to, name, 0, flags) >= 0) {
        n = BIO_get_mem_data(to, &data);
    }
    char *text = cut_text(data, n > 0 ? (size_t)n : 0);
    BIO_free(to);
    ERR_clear_error();
    return text;
}

static struct str
asn1_str(const ASN1_STRING *s)
{
    int n = ASN1_STRING_length(s);
    return (struct str){(const char *)ASN1_STRING_get0_data(s), n > 0 ? (size_t)n : 0};
}

static const ASN1_STRING *
common_name_at(const X509 *x, int *at)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    *at = X509_NAME_get_index_by_NID(subject, NID_commonName, *at);
    return *at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, *at));
}

static char *
last_common_name(const X509 *x)
{
    struct str last = STR_NONE;
    int at = -1;
    for (const ASN1_STRING *s; (s = common_name_at(x, &at)) != NULL;) {
        last = asn1_str(s);
    }
    return cut_text(last.p, last.n);
}

bool
chain_common_name_covers(const X509 *x, struct str host)
{
    int at = -1;
    for (const ASN1_STRING *s; (s = common_name_at(x, &at)) != NULL;) {
        if (chain_name_matches(host, asn1_str(s))) {
            return true;
        }
    }
    return false;
}

static void
hex_text(const uint8_t *p, size_t n, char *to, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t fits = MIN_OF(n, (size - 1) / 2);
    for (size_t i = 0; i < fits; i++) {
        to[2 * i] = digits[p[i] >> 4];
        to[2 * i + 1] = digits[p[i] & 0x0f];
    }
    to[2 * fits] = '\0';
}

static bool
is_http_url(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~') {
            return false;
        }
    }
    return str_istarts(s, STR("http://")) && s.n <= LIMIT_CERTIFICATE_TEXT;
}

char *
chain_access_url(const X509 *x, int method_nid)
{
    AUTHORITY_INFO_ACCESS *list = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
    struct str url = STR_NONE;
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(list) && url.n == 0; i++) {
        const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(list, i);
        if (OBJ_obj2nid(one->method) == method_nid && one->location->type == GEN_URI &&
            is_http_url(asn1_str(one->location->d.uniformResourceIdentifier))) {
            url = asn1_str(one->location->d.uniformResourceIdentifier);
        }
    }
    char *text = xstrdup_str(url);
    AUTHORITY_INFO_ACCESS_free(list);
    ERR_clear_error();
    return text;
}

/* ---- names ---- */

/* DNS names as they stand, addresses as text; false for every other kind. */
static bool
general_name(const GENERAL_NAME *g, char address[ADDR_TEXT], struct chain_name *ret_name)
{
    if (g->type == GEN_DNS) {
        *ret_name = (struct chain_name){false, asn1_str(g->d.dNSName)};
        return true;
    }
    if (g->type != GEN_IPADD) {
        return false;
    }
    struct str bytes = asn1_str(g->d.iPAddress);
    struct addr a = {0};
    if (bytes.n == sizeof(a.in4.sin_addr)) {
        a.in4.sin_family = AF_INET;
        memcpy(&a.in4.sin_addr, bytes.p, bytes.n);
    } else if (bytes.n == sizeof(a.in6.sin6_addr)) {
        a.in6.sin6_family = AF_INET6;
        memcpy(&a.in6.sin6_addr, bytes.p, bytes.n);
    } else {
        return false;
    }
    (void)addr_text(&a, address); /* returns its buffer */
    *ret_name = (struct chain_name){true, str_of(address)};
    return true;
}

bool
chain_names_cover(const X509 *x, struct str host, bool *ret_any)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    struct addr address;
    bool by_address = addr_parse(host, 0, &address), covered = false;
    char wanted[ADDR_TEXT] = "", text[ADDR_TEXT];
    if (by_address) {
        (void)addr_text(&address, wanted); /* the same form on both sides */
    }
    *ret_any = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(list) && !covered; i++) {
        struct chain_name name;
        if (general_name(sk_GENERAL_NAME_value(list, i), text, &name)) {
            *ret_any = true;
            covered = name.is_address ? by_address && str_eq(name.text, str_of(wanted))
                                      : chain_name_matches(host, name.text);
        }
    }
    GENERAL_NAMES_free(list);
    ERR_clear_error();
    return covered;
}

static void
note_names(const X509 *x, struct chain_certificate *c)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    char text[ADDR_TEXT];
    int count = sk_GENERAL_NAME_num(list);
    if (count > 0) {
        c->names =
            xalloc(MIN_OF((size_t)count, (size_t)LIMIT_CERTIFICATE_NAMES) * sizeof(*c->names));
    }
    for (int i = 0; i < count; i++) {
        struct chain_name name;
        if (!general_name(sk_GENERAL_NAME_value(list, i), text, &name)) {
            continue;
        }
        c->name_total++;
        if (c->name_count < LIMIT_CERTIFICATE_NAMES) {
            name.text.n = MIN_OF(name.text.n, (size_t)LIMIT_CERTIFICATE_TEXT);
            name.text.p = xstrdup_str(name.text);
            c->names[c->name_count++] = name;
        }
    }
    GENERAL_NAMES_free(list);
    ERR_clear_error();
}

/* ---- key, signature, dates, extensions ---- */

static const struct {
    const char *type;
    enum chain_key key;
} key_types[] = {
    {"RSA", CHAIN_KEY_RSA},
    {"EC", CHAIN_KEY_EC},
    {"ED25519", CHAIN_KEY_ED25519},
    {"ED448", CHAIN_KEY_ED448},
};

/* The library's names of curves, and those that people know. */
static const struct {
    const char *library, *usual;
} curves[] = {
    {"prime256v1", "P-256"},
    {"secp384r1", "P-384"},
    {"secp521r1", "P-521"},
};

static void
note_curve(const EVP_PKEY *key, struct chain_certificate *c)
{
    size_t n = 0;
    if (EVP_PKEY_get_group_name(key, c->curve, sizeof(c->curve), &n) != 1) {
        c->curve[0] = '\0';
        return;
    }
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (strcmp(c->curve, curves[i].library) == 0) {
            ASSERT(str_copy_z(str_of(curves[i].usual), c->curve, sizeof(c->curve)));
            return;
        }
    }
}

static void
note_key(const X509 *x, struct chain_certificate *c)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    c->key = CHAIN_KEY_OTHER;
    if (key == NULL) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(key_types); i++) {
        if (EVP_PKEY_is_a(key, key_types[i].type) == 1) {
            c->key = key_types[i].key;
        }
    }
    c->key_bits = pki_key_bits(key);
    if (c->key == CHAIN_KEY_EC) {
        note_curve(key, c);
    }
}

static void
note_signature(X509 *x, struct chain_certificate *c)
{
    int hash = NID_undef;
    const char *name = "";
    if (X509_get_signature_info(x, &hash, NULL, NULL, NULL) == 1 && hash != NID_undef) {
        name = OBJ_nid2sn(hash);
    }
    if (!str_copy_z(str_of(name), c->hash, sizeof(c->hash))) {
        c->hash[0] = '\0'; /* none of the usual ones is so long */
    }
}

static uint64_t
time_s(const ASN1_TIME *t)
{
    struct tm civil = {0};
    if (t == NULL || ASN1_TIME_to_tm(t, &civil) != 1) {
        return 0;
    }
    time_t s = timegm(&civil);
    return s < 0 ? 0 : (uint64_t)s;
}

static bool
demands_staple(const X509 *x)
{
    TLS_FEATURE *features = X509_get_ext_d2i(x, NID_tlsfeature, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++) {
        found = found ||
                ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLS_FEATURE_STATUS_REQUEST;
    }
    TLS_FEATURE_free(features);
    return found;
}

static void
note_extensions(X509 *x, struct chain_certificate *c)
{
    c->is_ca = X509_check_ca(x) == 1; /* 1: by basicConstraints; others are guesses of old */
    c->self_issued = X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
    c->self_signed = c->self_issued && X509_self_signed(x, 1) == 1;
    c->embedded_sct = X509_get_ext_by_NID(x, NID_ct_precert_scts, -1) >= 0;
    c->must_staple = demands_staple(x);
    ERR_clear_error();
}

static void
note_numbers(const X509 *x, struct chain_certificate *c)
{
    struct str serial = asn1_str(X509_get0_serialNumber(x));
    uint8_t digest[SHA256_BYTES] = {0};
    hex_text((const uint8_t *)serial.p, serial.n, c->serial, sizeof(c->serial));
    if (pki_certificate_fingerprint(x, digest) == ERR_OK) {
        hex_text(digest, sizeof(digest), c->fingerprint, sizeof(c->fingerprint));
    }
}

void
chain_certificate_facts(X509 *x, struct chain_certificate *ret_facts)
{
    struct chain_certificate *c = ret_facts;
    *c = (struct chain_certificate){
        .subject = chain_name_text(X509_get_subject_name(x)),
        .issuer = chain_name_text(X509_get_issuer_name(x)),
        .common_name = last_common_name(x),
        .not_before_s = time_s(X509_get0_notBefore(x)),
        .not_after_s = time_s(X509_get0_notAfter(x)),
        .aia_url = chain_access_url(x, NID_ad_ca_issuers),
        .ocsp_url = chain_access_url(x, NID_ad_OCSP),
    };
    note_names(x, c);
    note_key(x, c);
    note_signature(x, c);
    note_extensions(x, c);
    note_numbers(x, c);
    ERR_clear_error();
}

void
chain_certificate_done(struct chain_certificate *c)
{
    for (size_t i = 0; i < c->name_count; i++) {
        xfree((char *)(uintptr_t)c->names[i].text.p);
    }
    xfree(c->names);
    xfree(c->subject);
    xfree(c->issuer);
    xfree(c->common_name);
    xfree(c->aia_url);
    xfree(c->ocsp_url);
    *c = (struct chain_certificate){0};
}
