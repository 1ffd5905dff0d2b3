/* SPDX-License-Identifier: Apache-2.0
 * The ClientHello: which name is asked for, what the client can do, which certificate it gets.
 *
 * One match gets that certificate whatever its quality; of several the best one that the client
 * supports: an exact name before a wildcard, ECDSA before RSA, not expired first, stronger hash,
 * longer key, longer validity [ALB: SNI]; then the order in which the listener lists them. */
#include "tls/tls_int.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"

/* Code points [IANA TLS parameters]. */
enum {
    EXT_SERVER_NAME = 0,
    EXT_SUPPORTED_GROUPS = 10,
    EXT_SIGNATURE_ALGORITHMS = 13,
    EXT_SUPPORTED_VERSIONS = 43,
    SIGNATURE_RSA = 1, /* low byte of a TLS 1.2 scheme */
    SIGNATURE_ECDSA = 3,
    SCHEME_PSS_RSAE_SHA256 = 0x0804,
    SCHEME_PSS_RSAE_SHA512 = 0x0806,
};

/* Elliptic curves of certificates: size, group, and the one scheme TLS 1.3 signs with. */
static const struct {
    unsigned bits;
    uint16_t group;
    uint16_t scheme;
} curves[] = {
    {256, 23, 0x0403},
    {384, 24, 0x0503},
    {521, 25, 0x0603},
};

struct u16_list {
    const uint8_t *p;
    size_t n; /* bytes, even */
    bool present;
};

struct hello {
    SSL *ssl;
    struct str name; /* as sent; empty: none */
    struct u16_list groups, signatures, suites;
    bool tls13; /* client and policy both speak it */
};

/* ---- reading ---- */

static struct str
extension(SSL *ssl, unsigned type)
{
    const unsigned char *p;
    size_t n;
    if (SSL_client_hello_get0_ext(ssl, type, &p, &n) != 1) {
        return STR_NONE;
    }
    return (struct str){(const char *)p, n};
}

static size_t
u16_at(const void *p)
{
    const uint8_t *bytes = p;
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* A list behind a length of two bytes. A malformed one counts as absent: libssl refuses it later.
 */
static struct u16_list
list_extension(SSL *ssl, unsigned type)
{
    struct str e = extension(ssl, type);
    if (e.n < 2 || u16_at(e.p) != e.n - 2 || e.n % 2 != 0) {
        return (struct u16_list){NULL, 0, false};
    }
    return (struct u16_list){(const uint8_t *)e.p + 2, e.n - 2, true};
}

static bool
list_has(const struct u16_list *list, size_t value)
{
    for (size_t at = 0; at + 2 <= list->n; at += 2) {
        if (u16_at(list->p + at) == value) {
            return true;
        }
    }
    return false;
}

/* The first entry, which must be a host name [RFC 6066 3]; malformed ones are left to libssl. */
static struct str
server_name(SSL *ssl)
{
    struct str e = extension(ssl, EXT_SERVER_NAME);
    if (e.n < 5 || u16_at(e.p) != e.n - 2 || e.p[2] != 0) {
        return STR_NONE;
    }
    size_t n = u16_at(e.p + 3);
    if (n == 0 || n > TLS_SNI_MAX || n > e.n - 5 || memchr(e.p + 5, '\0', n) != NULL) {
        return STR_NONE;
    }
    return (struct str){e.p + 5, n};
}

static bool
offers_tls13(SSL *ssl)
{
    struct str e = extension(ssl, EXT_SUPPORTED_VERSIONS); /* behind a length of one byte */
    if (e.n < 3 || (uint8_t)e.p[0] != e.n - 1) {
        return false;
    }
    struct u16_list versions = {(const uint8_t *)e.p + 1, e.n - 1, true};
    return list_has(&versions, TLS1_3_VERSION);
}

static void
read_hello(SSL *ssl, const struct tls_server *server, struct hello *hello)
{
    const unsigned char *suites;
    size_t n = SSL_client_hello_get0_ciphers(ssl, &suites);
    *hello = (struct hello){
        .ssl = ssl,
        .name = server_name(ssl),
        .groups = list_extension(ssl, EXT_SUPPORTED_GROUPS),
        .signatures = list_extension(ssl, EXT_SIGNATURE_ALGORITHMS),
        .suites = {suites, n, true},
        .tls13 = tls_policy_has(server->policy, TLS1_3_VERSION) && offers_tls13(ssl),
    };
}

/* ---- what the client can do with a certificate ---- */

static bool
can_verify_13(const struct hello *hello, const struct pki_facts *facts)
{
    if (facts->family == PKI_RSA) {
        for (size_t s = SCHEME_PSS_RSAE_SHA256; s <= SCHEME_PSS_RSAE_SHA512; s++) {
            if (list_has(&hello->signatures, s)) {
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (curves[i].bits == facts->key_bits) {
            return list_has(&hello->signatures, curves[i].scheme);
        }
    }
    return false;
}

static bool
offers_suite_for(const struct hello *hello, enum pki_family family)
{
    STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(hello->ssl);
    int wanted = family == PKI_RSA ? NID_auth_rsa : NID_auth_ecdsa;
    for (int i = 0; i < sk_SSL_CIPHER_num(ours); i++) {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value(ours, i);
        if (SSL_CIPHER_get_auth_nid(suite) == wanted &&
            list_has(&hello->suites, SSL_CIPHER_get_protocol_id(suite))) {
            return true;
        }
    }
    return false;
}

static bool
knows_curve(const struct hello *hello, unsigned bits)
{
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (curves[i].bits == bits) {
            return !hello->groups.present || list_has(&hello->groups, curves[i].group);
        }
    }
    return false;
}

static bool
can_verify_12(const struct hello *hello, const struct pki_facts *facts)
{
    if (!offers_suite_for(hello, facts->family) ||
        (facts->family == PKI_EC && !knows_curve(hello, facts->key_bits))) {
        return false;
    }
    size_t kind = facts->family == PKI_RSA ? SIGNATURE_RSA : SIGNATURE_ECDSA;
    for (size_t at = 0; at + 2 <= hello->signatures.n; at += 2) {
        size_t scheme = u16_at(hello->signatures.p + at);
        bool pss = scheme >= SCHEME_PSS_RSAE_SHA256 && scheme <= SCHEME_PSS_RSAE_SHA512;
        if ((scheme < 0x0700 && (scheme & 0xff) == kind) || (pss && facts->family == PKI_RSA)) {
            return true;
        }
    }
    return !hello->signatures
                .present; /* SHA-1 with either is understood then [RFC 5246 7.4.1.4.1] */
}

/* ---- choosing ---- */

enum match { MATCH_NONE, MATCH_WILDCARD, MATCH_EXACT };

static enum match
match_name(struct str pattern, struct str name)
{
    if (str_ieq(pattern, name)) {
        return MATCH_EXACT;
    }
    size_t dot;
    if (!str_starts(pattern, STR("*.")) || !str_find_char(name, '.', &dot) || dot == 0) {
        return MATCH_NONE;
    }
    /* "*" stands for the left-most label, exactly one [ALB: wildcards]. */
    return str_ieq(str_sub(pattern, 1, pattern.n), str_sub(name, dot, name.n)) ? MATCH_WILDCARD
                                                                               : MATCH_NONE;
}

static enum match
match_chain(const struct tls_chain *c, struct str name)
{
    enum match best = MATCH_NONE;
    for (size_t i = 0; i < c->name_count; i++) {
        enum match m = match_name(c->names[i], name);
        best = MAX_OF(best, m);
    }
    return best;
}

/* What counts, the first difference decides; the larger number wins. */
enum { RANKS = 7 };
static void
rank(const struct hello *hello, const struct tls_chain *c, enum match match, uint64_t ranks[RANKS])
{
    const struct pki_facts *f = &c->facts;
    uint64_t now_s = clock_wall_us() / 1000000;
    ranks[0] = hello->tls13 ? can_verify_13(hello, f) : can_verify_12(hello, f);
    ranks[1] = match;
    ranks[2] = f->family == PKI_EC;
    ranks[3] = f->not_after_s >= now_s;
    ranks[4] = f->hash_bits;
    ranks[5] = f->key_bits;
    ranks[6] = f->not_after_s;
}

static bool
ranks_above(const uint64_t a[RANKS], const uint64_t b[RANKS])
{
    for (size_t i = 0; i < RANKS; i++) {
        if (a[i] != b[i]) {
            return a[i] > b[i];
        }
    }
    return false;
}

/* NULL when no certificate bears the name. */
static const struct tls_chain *
choose(const struct tls_server *server, const struct hello *hello)
{
    const struct tls_chain *best = NULL;
    uint64_t best_ranks[RANKS] = {0}, ranks[RANKS];
    for (size_t i = 0; i < server->chain_count && hello->name.n > 0; i++) {
        const struct tls_chain *c = &server->chains[i];
        enum match match = match_chain(c, hello->name);
        if (match == MATCH_NONE) {
            continue;
        }
        rank(hello, c, match, ranks);
        if (best == NULL || ranks_above(ranks, best_ranks)) {
            best = c;
            memcpy(best_ranks, ranks, sizeof(ranks));
        }
    }
    return best;
}

/* ---- the callbacks ---- */

static void
note_sni(struct tls_conn *conn, struct str name)
{
    xfree(conn->sni); /* a second ClientHello after a retry request may come */
    conn->sni = name.n == 0 ? NULL : xstrdup_str(name);
    conn->sni_n = name.n;
    for (size_t i = 0; i < name.n; i++) {
        conn->sni[i] = ascii_lower(conn->sni[i]);
    }
}

/* A session is resumed only where policy, certificate and name are those it was made with. */
static bool
bind_resumption(const struct tls_conn *conn)
{
    uint8_t id[SHA256_BYTES];
    const struct str parts[] = {
        str_of(conn->server->policy->name),
        {(const char *)conn->chain->fingerprint, sizeof(conn->chain->fingerprint)},
        {conn->sni, conn->sni_n},
    };
    _Static_assert(sizeof(id) <= SSL_MAX_SID_CTX_LENGTH, "a digest fits");
    crypto_sha256(parts, COUNT_OF(parts), id);
    return SSL_set_session_id_context(conn->ssl, id, sizeof(id)) == 1;
}

int
tls_hello_callback(SSL *ssl, int *ret_alert, void *context UNUSED)
{
    struct tls_conn *conn = tls_conn_of(ssl);
    ASSERT(conn->server != NULL);
    struct hello hello;
    read_hello(ssl, conn->server, &hello);
    const struct tls_chain *chosen = choose(conn->server, &hello);
    conn->sni_matched = chosen != NULL;
    conn->chain = chosen != NULL ? chosen : &conn->server->chains[0];
    note_sni(conn, hello.name);
    if (SSL_set_SSL_CTX(ssl, conn->chain->context) == NULL || !bind_resumption(conn)) {
        *ret_alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

int
tls_name_callback(SSL *ssl, int *ret_alert UNUSED, void *context UNUSED)
{
    return tls_conn_of(ssl)->sni_matched ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}
