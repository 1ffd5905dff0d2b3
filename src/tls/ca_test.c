/* SPDX-License-Identifier: Apache-2.0
 * The embedded authority and the files of certificates. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"
#include "crypto/pki.h"
#include "state/file.h"
#include "tls/ca.h"
#include "tls/tls.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_US (86400ull * 1000000)

/* ---- a keys folder that goes with the test ---- */
struct folder {
    char path[64];
    int fd;
};

static void
folder_open(struct folder *f)
{
    CHECK(str_copy_z(STR("/tmp/openalb-ca-test-XXXXXX"), f->path, sizeof(f->path)));
    CHECK(mkdtemp(f->path) != NULL);
    f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(f->fd >= 0);
}

static void
folder_close(struct folder *f)
{
    static const char *const names[] = {"ca.key", "ca.crt", "id-1.crt", "id-1.key"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CHECK(unlinkat(f->fd, names[i], 0) == 0 || errno == ENOENT);
    }
    CHECK(close(f->fd) == 0);
    CHECK(rmdir(f->path) == 0); /* so nothing else was left in it */
}

static struct ca *
authority(const struct folder *f)
{
    struct ca *ca = NULL;
    struct errinfo error = {""};
    if (ca_open(f->fd, &ca, &error) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "ca_open: %s", error.text);
    }
    return ca;
}

static unsigned
mode_of(const struct folder *f, const char *name)
{
    struct stat s;
    CHECK(fstatat(f->fd, name, &s, 0) == 0);
    return s.st_mode & 0777;
}

static X509 *
first_certificate(struct str pem)
{
    struct x509_st *x = NULL;
    size_t count = 0;
    CHECK(pki_certificates_parse(pem, &x, 1, &count) == ERR_OK);
    return x;
}

/* What a strict client says: X509_V_OK, or the library's error. */
static int
verdict(struct str root_pem, struct str leaf_pem, const char *host, const char *address)
{
    X509 *root = first_certificate(root_pem), *leaf = first_certificate(leaf_pem);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    CHECK(X509_STORE_add_cert(store, root) == 1);
    CHECK(X509_STORE_CTX_init(context, store, leaf, NULL) == 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    CHECK(host == NULL || X509_VERIFY_PARAM_set1_host(param, host, 0) == 1);
    CHECK(address == NULL || X509_VERIFY_PARAM_set1_ip_asc(param, address) == 1);
    (void)X509_verify_cert(context);
    int result = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    X509_free(leaf);
    X509_free(root);
    return result;
}

/* ---- the authority ---- */

TEST("the authority is made once, with a key that only its user reads")
{
    struct folder f;
    folder_open(&f);
    struct ca *ca = authority(&f);
    char *first = xstrdup_str(ca_root_pem(ca));
    ca_free(&ca);
    CHECK_INT(mode_of(&f, "ca.key"), 0600);
    CHECK_INT(mode_of(&f, "ca.crt"), 0644);
    ca = authority(&f);
    CHECK_STR(ca_root_pem(ca), first);
    struct x509_st *root = first_certificate(ca_root_pem(ca));
    struct pki_facts facts;
    struct buf subject = {0};
    pki_certificate_facts(root, &facts);
    CHECK_INT(facts.family, PKI_EC);
    CHECK_INT(facts.key_bits, 256);
    CHECK_INT((facts.not_after_s - facts.not_before_s) / 86400, 3652);
    CHECK(pki_certificate_subject(root, &subject) == ERR_OK);
    CHECK(str_starts(buf_str(&subject), STR("CN=OpenALB Local CA ")));
    CHECK_INT(X509_check_ca(root), 1);
    buf_free(&subject);
    pki_certificate_free(&root);
    xfree(first);
    ca_free(&ca);
    folder_close(&f);
}

TEST("a lost root is made again for the key; a lost, damaged or foreign key is an error")
{
    struct folder f;
    struct errinfo error;
    folder_open(&f);
    struct ca *ca = authority(&f);
    ca_free(&ca);
    CHECK(unlinkat(f.fd, "ca.crt", 0) == 0);
    ca = authority(&f);
    char *root = xstrdup_str(ca_root_pem(ca));
    ca_free(&ca);
    CHECK(unlinkat(f.fd, "ca.key", 0) == 0);
    CHECK(ca_open(f.fd, &ca, &error) == ERR_NOT_FOUND);
    CHECK(str_find(str_of(error.text), STR("but not its key 'ca.key'"), NULL));
    CHECK(file_store(f.fd, "ca.key", STR("nonsense"), 0600, NULL) == ERR_OK);
    CHECK(ca_open(f.fd, &ca, &error) == ERR_INVALID);
    CHECK(unlinkat(f.fd, "ca.key", 0) == 0 && unlinkat(f.fd, "ca.crt", 0) == 0);
    ca = authority(&f);
    ca_free(&ca);
    CHECK(file_store(f.fd, "ca.crt", str_of(root), 0644, NULL) == ERR_OK);
    CHECK(ca_open(f.fd, &ca, &error) == ERR_INVALID);
    CHECK(str_find(str_of(error.text), STR("do not belong together"), NULL));
    xfree(root);
    folder_close(&f);
}

/* ---- issuing ---- */

TEST("issued certificates stand before a strict client, for their names only")
{
    struct folder f;
    folder_open(&f);
    struct ca *ca = authority(&f);
    const struct str names[] = {STR("web.elb.localhost"), STR("*.wild.localhost"), STR("127.0.0.1"),
                                STR("::1")};
    static const unsigned bits[KEY_COUNT] = {2048, 256, 384};
    for (enum key_algorithm k = 0; k < KEY_COUNT; k++) {
        struct buf chain = {0}, key = {0};
        struct certificate_facts facts = {0};
        CHECK(ca_issue(ca, names, 4, k, clock_wall_us(), &chain, &key, NULL) == ERR_OK);
        struct str root = ca_root_pem(ca), leaf = buf_str(&chain);
        CHECK_INT(verdict(root, leaf, "web.elb.localhost", NULL), X509_V_OK);
        CHECK_INT(verdict(root, leaf, "a.wild.localhost", NULL), X509_V_OK);
        CHECK_INT(verdict(root, leaf, NULL, "127.0.0.1"), X509_V_OK);
        CHECK_INT(verdict(root, leaf, NULL, "::1"), X509_V_OK);
        CHECK_INT(verdict(root, leaf, "other.localhost", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
        CHECK_INT(verdict(root, leaf, NULL, "127.0.0.2"), X509_V_ERR_IP_ADDRESS_MISMATCH);
        CHECK(ca_issued(ca, leaf));
        CHECK(certificate_inspect(leaf, buf_str(&key), &facts, NULL) == ERR_OK);
        CHECK_INT(facts.key_algorithm, k);
        CHECK_INT(facts.name_count, 4);
        CHECK_STR(facts.names[0], "web.elb.localhost");
        CHECK_STR(facts.names[3], "::1");
        CHECK_INT((facts.not_after_s - facts.not_before_s) / 86400, 395);
        struct x509_st *x = first_certificate(leaf);
        struct pki_facts leaf_facts;
        pki_certificate_facts(x, &leaf_facts);
        CHECK_INT(leaf_facts.key_bits, bits[k]);
        CHECK_INT(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
        CHECK_INT((X509_get_key_usage(x) & KU_KEY_ENCIPHERMENT) != 0, k == KEY_RSA_2048);
        CHECK(X509_get0_subject_key_id(x) != NULL && X509_get0_authority_key_id(x) != NULL);
        CHECK_INT(ASN1_STRING_length(X509_get0_serialNumber(x)), 16);
        pki_certificate_free(&x);
        certificate_facts_done(&facts);
        buf_free(&chain);
        buf_free(&key);
    }
    ca_free(&ca);
    folder_close(&f);
}

TEST("a name over 64 bytes leaves the subject empty and still verifies; impossible names are "
     "refused")
{
    struct folder f;
    struct errinfo error;
    folder_open(&f);
    struct ca *ca = authority(&f);
    struct buf chain = {0}, key = {0};
    const char *text =
        "a-label-of-some-length.a-label-of-some-length.a-label-of-some-length.example";
    struct str name = str_of(text);
    CHECK(ca_issue(ca, &name, 1, KEY_EC_PRIME256V1, clock_wall_us(), &chain, &key, NULL) == ERR_OK);
    CHECK_INT(verdict(ca_root_pem(ca), buf_str(&chain), text, NULL), X509_V_OK);
    buf_free(&chain);
    buf_free(&key);
    name = STR("a b.example");
    CHECK(ca_issue(ca, &name, 1, KEY_EC_PRIME256V1, clock_wall_us(), &chain, &key, &error) ==
          ERR_INVALID);
    CHECK(str_starts(str_of(error.text), STR("'a b.example' is no name for a certificate")));
    ca_free(&ca);
    folder_close(&f);
}

/* ---- ensuring: issued ---- */

static struct certificate
wanted(const struct str *names, size_t count, enum key_algorithm algorithm)
{
    return (struct certificate){.arn = STR("arn:aws:acm:us-east-1:000000000000:certificate/id-1"),
                                .id = STR("id-1"),
                                .source = CERTIFICATE_ISSUED,
                                .domain_name = names[0],
                                .names = (struct str *)(uintptr_t)names,
                                .name_count = count,
                                .key_algorithm = algorithm};
}

static struct str
ensure(const struct folder *f, struct ca *ca, struct model *m, struct certificate c, uint64_t now)
{
    struct errinfo error = {""};
    if (certificate_ensure(f->fd, ca, m, &c, STR_NONE, STR_NONE, STR_NONE, now, &error) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "certificate_ensure: %s", error.text);
    }
    return c.digest;
}

TEST("an issued certificate is found again, and made anew when it must be")
{
    struct folder f;
    folder_open(&f);
    struct ca *ca = authority(&f);
    struct model *m = model_new();
    const struct str names[] = {STR("a.localhost"), STR("b.localhost"), STR("0:0:0:0:0:0:0:1")};
    const struct str turned[] = {STR("B.localhost"), STR("::1"), STR("a.localhost")};
    uint64_t now = clock_wall_us();
    struct str first = ensure(&f, ca, m, wanted(names, 3, KEY_EC_PRIME256V1), now);
    CHECK_INT(first.n, 64);
    CHECK_INT(mode_of(&f, "id-1.key"), 0600);
    CHECK_INT(mode_of(&f, "id-1.crt"), 0600);
    CHECK(str_eq(ensure(&f, ca, m, wanted(names, 3, KEY_EC_PRIME256V1), now), first));
    CHECK(str_eq(ensure(&f, ca, m, wanted(turned, 3, KEY_EC_PRIME256V1), now), first));
    CHECK(
        str_eq(ensure(&f, ca, m, wanted(names, 3, KEY_EC_PRIME256V1), now + 364 * DAY_US), first));
    struct str late = ensure(&f, ca, m, wanted(names, 3, KEY_EC_PRIME256V1), now + 366 * DAY_US);
    CHECK(!str_eq(late, first)); /* less than 30 of 395 days left */
    struct str fewer = ensure(&f, ca, m, wanted(names, 2, KEY_EC_PRIME256V1), now);
    CHECK(!str_eq(fewer, late));
    struct str bigger = ensure(&f, ca, m, wanted(names, 2, KEY_EC_SECP384R1), now);
    CHECK(!str_eq(bigger, fewer));
    CHECK(file_store(f.fd, "id-1.key", STR("torn"), 0600, NULL) == ERR_OK);
    struct str mended = ensure(&f, ca, m, wanted(names, 2, KEY_EC_SECP384R1), now);
    CHECK(!str_eq(mended, bigger));
    ca_free(&ca);
    CHECK(unlinkat(f.fd, "ca.key", 0) == 0 && unlinkat(f.fd, "ca.crt", 0) == 0);
    ca = authority(&f); /* another one: its clients would not trust the old leaf */
    CHECK(!str_eq(ensure(&f, ca, m, wanted(names, 2, KEY_EC_SECP384R1), now), mended));
    model_unref(&m);
    ca_free(&ca);
    folder_close(&f);
}

TEST("the files serve a listener, and their ids stay inside the folder")
{
    struct folder f;
    struct errinfo error;
    folder_open(&f);
    CHECK(tls_init(NULL) == ERR_OK);
    struct ca *ca = authority(&f);
    struct model *m = model_new();
    const struct str name = STR("a.localhost");
    struct str digest = ensure(&f, ca, m, wanted(&name, 1, KEY_RSA_2048), clock_wall_us());
    struct certificate_files files;
    CHECK(certificate_files_read(f.fd, STR("id-1"), &files, NULL) == ERR_OK);
    CHECK_STR(digest, files.digest);
    struct tls_certificate c = {STR("arn"), buf_str(&files.chain_pem), buf_str(&files.key_pem)};
    struct tls_server *server = NULL;
    CHECK(tls_server_new(STR("ELBSecurityPolicy-2016-08"), &c, 1, NULL, &server, NULL) == ERR_OK);
    tls_server_unref(&server);
    certificate_files_free(&files);
    CHECK(certificate_files_read(f.fd, STR("id-2"), &files, &error) == ERR_NOT_FOUND);
    CHECK(certificate_files_read(f.fd, STR("../ca"), &files, &error) == ERR_INVALID);
    CHECK_STR(str_of(error.text), "'../ca' is no id of a certificate");
    CHECK(certificate_files_read(f.fd, STR(""), &files, &error) == ERR_INVALID);
    model_unref(&m);
    ca_free(&ca);
    folder_close(&f);
}

/* ---- ensuring: imported ---- */

/* A pair of texts: a certificate by itself or by an issuer. */
struct text_pair {
    struct buf certificate, key;
};

static struct text_pair
made(bool is_authority, enum pki_family family, unsigned bits, const struct text_pair *issuer,
     int64_t end_days)
{
    struct text_pair t = {0};
    struct evp_pkey_st *key = NULL, *issuer_key = NULL;
    struct x509_st *x = NULL, *by = NULL;
    struct str name = STR("Import.example");
    uint64_t now_s = clock_wall_us() / 1000000;
    if (issuer != NULL) {
        by = first_certificate(buf_str(&issuer->certificate));
        CHECK(pki_key_parse(buf_str(&issuer->key), &issuer_key, NULL) == ERR_OK);
    }
    struct pki_request request = {
        .authority = is_authority,
        .common_name = is_authority && issuer == NULL ? STR("root") : name,
        .names = &name,
        .name_count = is_authority ? 0 : 1,
        .not_before_s = now_s - 30 * 86400,
        .not_after_s = (uint64_t)((int64_t)now_s + end_days * 86400),
        .issuer = by,
        .issuer_key = issuer_key,
    };
    CHECK(pki_key_new(family, bits, &key, NULL) == ERR_OK);
    CHECK(pki_certificate_new(&request, key, &x, NULL) == ERR_OK);
    CHECK(pki_certificate_pem(x, &t.certificate) == ERR_OK);
    CHECK(pki_key_pem(key, &t.key) == ERR_OK);
    pki_certificate_free(&x);
    pki_certificate_free(&by);
    pki_key_free(&key);
    pki_key_free(&issuer_key);
    return t;
}

static void
text_pair_free(struct text_pair *t)
{
    buf_free(&t->certificate);
    buf_free(&t->key);
}

static enum err
import(const struct folder *f, struct model *m, struct certificate *c, struct str certificate,
       struct str key, struct str chain, struct errinfo *reterr)
{
    *c = (struct certificate){
        .arn = STR("arn:i"), .id = STR("id-1"), .source = CERTIFICATE_IMPORTED};
    return certificate_ensure(f->fd, NULL, m, c, certificate, key, chain, clock_wall_us(), reterr);
}

TEST("a pair with its chain is imported; what it says is filled in")
{
    struct folder f;
    struct certificate c;
    folder_open(&f);
    CHECK(crypto_init(NULL) == ERR_OK);
    struct model *m = model_new();
    struct text_pair root = made(true, PKI_EC, 256, NULL, 100);
    struct text_pair leaf = made(false, PKI_EC, 384, &root, 100);
    struct text_pair self = made(false, PKI_RSA, 2048, NULL, -3);
    CHECK(import(&f, m, &c, buf_str(&leaf.certificate), buf_str(&leaf.key),
                 buf_str(&root.certificate), NULL) == ERR_OK);
    CHECK_STR(c.domain_name, "import.example");
    CHECK_INT(c.name_count, 1);
    CHECK_INT(c.key_algorithm, KEY_EC_SECP384R1);
    CHECK_INT(c.digest.n, 64);
    struct str first = c.digest;
    CHECK(import(&f, m, &c, buf_str(&leaf.certificate), buf_str(&leaf.key),
                 buf_str(&root.certificate), NULL) == ERR_OK);
    CHECK(str_eq(c.digest, first));
    /* Expired, signed by itself: taken, with a warning. */
    CHECK(import(&f, m, &c, buf_str(&self.certificate), buf_str(&self.key), STR_NONE, NULL) ==
          ERR_OK);
    CHECK(!str_eq(c.digest, first));
    CHECK_INT(c.key_algorithm, KEY_RSA_2048);
    text_pair_free(&root);
    text_pair_free(&leaf);
    text_pair_free(&self);
    model_unref(&m);
    folder_close(&f);
}

TEST("imports that ACM refuses are refused in its words")
{
    struct folder f;
    folder_open(&f);
    CHECK(crypto_init(NULL) == ERR_OK);
    struct model *m = model_new();
    struct text_pair root = made(true, PKI_EC, 256, NULL, 100);
    struct text_pair other = made(true, PKI_EC, 256, NULL, 100);
    struct text_pair leaf = made(false, PKI_EC, 256, &root, 100);
    struct text_pair weak = made(false, PKI_RSA, 1024, NULL, 100);
    struct text_pair odd = made(false, PKI_RSA, 1536, NULL, 100);
    struct buf two = {0};
    buf_add_str(&two, buf_str(&leaf.certificate));
    buf_add_str(&two, buf_str(&root.certificate));
    struct str certificate = buf_str(&leaf.certificate), key = buf_str(&leaf.key);
    const struct {
        struct str certificate, key, chain;
        const char *sentence;
    } rows[] = {
        {STR("x"), key, STR_NONE, "The certificate is not PEM-encoded or is not valid."},
        {STR_NONE, key, STR_NONE, "The certificate is not PEM-encoded or is not valid."},
        {key, key, STR_NONE, "The certificate is not PEM-encoded or is not valid."},
        {str_sub(certificate, 0, certificate.n / 2), key, STR_NONE,
         "The certificate is not PEM-encoded or is not valid."},
        {buf_str(&two), key, STR_NONE,
         "The certificate field contains more than one certificate. You can specify only one "
         "certificate in this field."},
        {certificate, STR("y"), STR_NONE, "The private key is not PEM-encoded or is not valid."},
        {certificate, certificate, STR_NONE, "The private key is not PEM-encoded or is not valid."},
        {certificate, buf_str(&root.key), STR_NONE,
         "The private key does not match the certificate."},
        {certificate, key, STR("z"), "The certificate chain is not PEM-encoded or is not valid."},
        {certificate, key, certificate,
         "The certificate chain is not PEM-encoded or is not valid."},
        {certificate, key, buf_str(&other.certificate),
         "The certificate chain is not PEM-encoded or is not valid."},
        {buf_str(&weak.certificate), buf_str(&weak.key), STR_NONE,
         "The private key is not supported."},
        {buf_str(&odd.certificate), buf_str(&odd.key), STR_NONE,
         "The private key is not supported."},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct errinfo error = {""};
        struct certificate c;
        CHECK(import(&f, m, &c, rows[i].certificate, rows[i].key, rows[i].chain, &error) != ERR_OK);
        if (!str_starts(str_of(error.text), str_of(rows[i].sentence))) {
            test_failed(__FILE__, __LINE__, "row %zu says \"%s\"", i, error.text);
        }
        CHECK(c.digest.n == 0);
    }
    struct certificate_files files;
    CHECK(certificate_files_read(f.fd, STR("id-1"), &files, NULL) == ERR_NOT_FOUND);
    buf_free(&two);
    text_pair_free(&root);
    text_pair_free(&other);
    text_pair_free(&leaf);
    text_pair_free(&weak);
    text_pair_free(&odd);
    model_unref(&m);
    folder_close(&f);
}

TEST_MAIN
