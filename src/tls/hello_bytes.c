/* SPDX-License-Identifier: Apache-2.0
 * ClientHellos like those of known clients, byte by byte.
 *
 * What must be real is real, because servers check it: key shares are public keys (their private
 * halves are forgotten at once), an ML-KEM key has coefficients below its modulus. Everything else
 * that is random comes from the seed. What belongs to versions that are not offered falls away. */
#include "tls/hello_int.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "base/addr.h"
#include "base/assert.h"
#include "base/rand.h"

enum {
    RANDOM_BYTES = 32,
    KEY_BYTES = 32, /* private keys of both curves, public ones of X25519 */
    P256_POINT_BYTES = 65,
    MLKEM_MODULUS = 3329, /* [FIPS 203 2.4] */
    MLKEM768_COEFFICIENTS = 768,
    MLKEM_SEED_BYTES = 32,
    SNI_MAX = 253,
    PAD_FROM = 256, /* a message of this size and below PAD_TO is padded [RFC 7685] */
    PAD_TO = 512,
    EXTENSIONS_MAX = 32,
};

struct writer {
    const struct tls_hello *hello;
    const struct hello_profile *profile;
    struct buf *out;
    struct rand rand;
    uint16_t min, max;
    uint16_t grease_group; /* the same in supported_groups and in key_share */
    size_t message_at;     /* where the handshake message begins */
    bool failed;           /* the library did */
};

/* ---- bytes ---- */

static void
put_u8(struct writer *w, unsigned value)
{
    buf_add_char(w->out, (char)(uint8_t)value);
}

static void
put_u16(struct writer *w, unsigned value)
{
    put_u8(w, value >> 8 & 0xff);
    put_u8(w, value & 0xff);
}

static void
put_u16s(struct writer *w, const uint16_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_u16(w, p[i]);
    }
}

static void
put_random(struct writer *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_u8(w, (unsigned)rand_below(&w->rand, 256));
    }
}

/* Begins what stands behind its length of two bytes; put_end fills it in. */
static size_t
put_begin(struct writer *w)
{
    put_u16(w, 0);
    return w->out->n;
}

static void
put_end(struct writer *w, size_t begin)
{
    size_t n = w->out->n - begin;
    ASSERT(n <= UINT16_MAX);
    w->out->p[begin - 2] = (char)(uint8_t)(n >> 8);
    w->out->p[begin - 1] = (char)(uint8_t)n;
}

static uint16_t
grease(struct writer *w)
{
    unsigned byte = (unsigned)rand_below(&w->rand, 16) << 4 | 0x0a;
    return (uint16_t)(byte << 8 | byte);
}

/* Is one of the offered versions at least this one? */
static bool
offers_from(const struct writer *w, uint16_t version)
{
    return w->max >= version;
}

static bool
offers_old(const struct writer *w)
{
    return w->min < TLS_V_13;
}

/* ---- keys ---- */

static bool
x25519_public(const uint8_t private_key[KEY_BYTES], uint8_t ret_public[KEY_BYTES])
{
    size_t n = KEY_BYTES;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, KEY_BYTES);
    bool fine = key != NULL && EVP_PKEY_get_raw_public_key(key, ret_public, &n) == 1;
    EVP_PKEY_free(key);
    return fine;
}

static bool
p256_public(const uint8_t private_key[KEY_BYTES], uint8_t ret_point[P256_POINT_BYTES])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *number = BN_bin2bn(private_key, KEY_BYTES, NULL);
    EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
    bool fine = number != NULL && point != NULL &&
                EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_point,
                                   P256_POINT_BYTES, NULL) == P256_POINT_BYTES;
    EC_POINT_free(point);
    BN_free(number);
    EC_GROUP_free(group);
    return fine;
}

static void
private_bytes(struct writer *w, uint8_t ret_bytes[KEY_BYTES])
{
    for (size_t i = 0; i < KEY_BYTES; i++) {
        ret_bytes[i] = (uint8_t)rand_below(&w->rand, 256);
    }
    ret_bytes[0] &= 0x7f; /* below the order of P-256 */
    ret_bytes[KEY_BYTES - 1] |= 1;
}

static void
put_x25519(struct writer *w)
{
    uint8_t private_key[KEY_BYTES], public_key[KEY_BYTES] = {0};
    private_bytes(w, private_key);
    w->failed = !x25519_public(private_key, public_key) || w->failed;
    buf_add(w->out, public_key, sizeof(public_key));
}

static void
put_p256(struct writer *w)
{
    uint8_t private_key[KEY_BYTES], point[P256_POINT_BYTES] = {0};
    private_bytes(w, private_key);
    w->failed = !p256_public(private_key, point) || w->failed;
    buf_add(w->out, point, sizeof(point));
}

/* A vector of 3 polynomials in 12 bits a coefficient, and the seed of the matrix: what a real
 * encapsulation key looks like to its check [FIPS 203 7.2]. X25519 follows in the same share. */
static void
put_x25519mlkem768(struct writer *w)
{
    for (size_t i = 0; i < MLKEM768_COEFFICIENTS; i += 2) {
        unsigned a = (unsigned)rand_below(&w->rand, MLKEM_MODULUS);
        unsigned b = (unsigned)rand_below(&w->rand, MLKEM_MODULUS);
        put_u8(w, a & 0xff);
        put_u8(w, a >> 8 | (b & 0x0f) << 4);
        put_u8(w, b >> 4);
    }
    put_random(w, MLKEM_SEED_BYTES);
    put_x25519(w);
}

static void
put_grease_share(struct writer *w)
{
    put_u8(w, 0);
}

/* ---- extensions ---- */

static void
put_server_name(struct writer *w)
{
    struct str name = w->hello->sni;
    size_t list = put_begin(w);
    put_u8(w, 0); /* host_name */
    size_t host = put_begin(w);
    buf_add_str(w->out, str_ends(name, STR(".")) ? str_sub(name, 0, name.n - 1) : name);
    put_end(w, host);
    put_end(w, list);
}

static void
put_status_request(struct writer *w)
{
    buf_add(w->out, "\x01\x00\x00\x00\x00", 5); /* OCSP, any responder */
}

static void
put_group(struct writer *w, uint16_t group)
{
    if (group == HELLO_GREASE) {
        put_u16(w, w->grease_group);
    } else if (group < HELLO_GROUP_HYBRID_FIRST || offers_from(w, TLS_V_13)) {
        put_u16(w, group);
    }
}

static void
put_supported_groups(struct writer *w)
{
    const struct hello_list *groups = &w->profile->groups;
    size_t list = put_begin(w);
    for (size_t i = 0; i < groups->n; i++) {
        put_group(w, groups->p[i]);
    }
    for (size_t i = 0; groups->n == 0 && tls_group_wide_at(i) != 0; i++) {
        put_group(w, tls_group_wide_at(i));
    }
    put_end(w, list);
}

static void
put_point_formats(struct writer *w)
{
    buf_add_str(w->out, w->profile->point_formats);
}

static void
put_signatures(struct writer *w)
{
    const struct hello_list *signatures = &w->profile->signatures;
    size_t list = put_begin(w);
    for (size_t i = 0; i < signatures->n; i++) {
        put_u16(w, signatures->p[i] == HELLO_GREASE ? grease(w) : signatures->p[i]);
    }
    put_end(w, list);
}

static void
put_alpn(struct writer *w)
{
    size_t list = put_begin(w);
    if ((w->hello->alpn & TLS_ALPN_H2) != 0) {
        buf_add_z(w->out, "\x02h2");
    }
    if ((w->hello->alpn & TLS_ALPN_HTTP11) != 0) {
        buf_add_z(w->out, "\x08http/1.1");
    }
    put_end(w, list);
}

/* Settings for h2 only, as Chromium does. */
static void
put_application_settings(struct writer *w)
{
    size_t list = put_begin(w);
    buf_add_z(w->out, "\x02h2");
    put_end(w, list);
}

static void
put_nothing(struct writer *w UNUSED)
{
}

static void
put_padding(struct writer *w)
{
    size_t n = w->out->n - w->message_at; /* with this extension's header */
    for (size_t i = n; i < PAD_TO || i == n; i++) {
        put_u8(w, 0);
    }
}

static void
put_compressions(struct writer *w)
{
    buf_add_str(w->out, w->profile->compressions);
}

static void
put_record_size(struct writer *w)
{
    put_u16(w, 0x4001); /* what TLS 1.3 allows, type byte included */
}

static void
put_delegated(struct writer *w)
{
    static const uint16_t signatures[] = {0x0403, 0x0503, 0x0603, 0x0203};
    size_t list = put_begin(w);
    put_u16s(w, signatures, COUNT_OF(signatures));
    put_end(w, list);
}

static void
put_versions(struct writer *w)
{
    bool greased = w->profile->extensions.p[0] == HELLO_GREASE;
    put_u8(w, 2u * (w->max - w->min + 1u + (greased ? 1u : 0u)));
    if (greased) {
        put_u16(w, grease(w));
    }
    for (uint16_t v = w->max; v >= w->min; v--) {
        put_u16(w, v);
    }
}

static void
put_psk_modes(struct writer *w)
{
    put_u16(w, 0x0101); /* one: with (EC)DHE */
}

static void
put_key_share(struct writer *w)
{
    static const struct {
        uint16_t group;
        void (*put)(struct writer *w);
    } rows[] = {
        {HELLO_GREASE, put_grease_share},
        {HELLO_GROUP_X25519MLKEM768, put_x25519mlkem768},
        {HELLO_GROUP_X25519, put_x25519},
        {HELLO_GROUP_P256, put_p256},
    };
    size_t list = put_begin(w);
    for (size_t i = 0; i < w->profile->shares.n; i++) {
        for (size_t k = 0; k < COUNT_OF(rows); k++) {
            if (rows[k].group == w->profile->shares.p[i]) {
                put_group(w, rows[k].group);
                size_t share = put_begin(w);
                rows[k].put(w);
                put_end(w, share);
            }
        }
    }
    put_end(w, list);
}

/* Looks like an encrypted hello to whoever cannot read it [RFC 9849 6.2]. */
static void
put_ech_grease(struct writer *w)
{
    const struct hello_profile *p = w->profile;
    put_u8(w, 0);       /* outer */
    put_u16(w, 0x0001); /* HKDF-SHA256 */
    put_u16(w, 0x0001); /* AES-128-GCM */
    put_random(w, 1);   /* configuration */
    size_t key = put_begin(w);
    put_x25519(w);
    put_end(w, key);
    size_t payload = put_begin(w);
    put_random(w, p->ech_payload_min +
                      p->ech_payload_step * rand_below(&w->rand, p->ech_payload_steps));
    put_end(w, payload);
}

static void
put_trust_anchors(struct writer *w)
{
    buf_add_str(w->out, w->profile->trust_anchors);
}

static void
put_renegotiation(struct writer *w)
{
    put_u8(w, 0); /* not a renegotiation */
}

/* ---- which extensions ---- */

typedef bool want_fn(const struct writer *w);

static bool
want_always(const struct writer *w UNUSED)
{
    return true;
}

static bool
want_old(const struct writer *w)
{
    return offers_old(w);
}

static bool
want_12(const struct writer *w)
{
    return offers_from(w, TLS_V_12);
}

static bool
want_13(const struct writer *w)
{
    return offers_from(w, TLS_V_13);
}

static bool
want_name(const struct writer *w)
{
    struct addr address;
    struct str name = w->hello->sni;
    size_t n = str_ends(name, STR(".")) ? name.n - 1 : name.n;
    return n > 0 && n <= SNI_MAX && !addr_parse(str_sub(name, 0, n), 0, &address);
}

static bool
want_alpn(const struct writer *w)
{
    return w->hello->alpn != TLS_ALPN_NONE;
}

static bool
want_settings(const struct writer *w)
{
    return offers_from(w, TLS_V_13) && (w->hello->alpn & TLS_ALPN_H2) != 0;
}

static bool
want_padding(const struct writer *w)
{
    size_t n = w->out->n - w->message_at;
    return n >= PAD_FROM && n < PAD_TO;
}

static const struct extension {
    uint16_t type;
    want_fn *want;
    void (*put)(struct writer *w);
} extensions[] = {
    {HELLO_GREASE, want_always, put_nothing},
    {HELLO_GREASE_LAST, want_always, put_renegotiation}, /* one zero byte as well */
    {TLS_EXT_SERVER_NAME, want_name, put_server_name},
    {TLS_EXT_STATUS_REQUEST, want_always, put_status_request},
    {TLS_EXT_SUPPORTED_GROUPS, want_always, put_supported_groups},
    {TLS_EXT_EC_POINT_FORMATS, want_old, put_point_formats},
    {TLS_EXT_SIGNATURE_ALGORITHMS, want_12, put_signatures},
    {TLS_EXT_ALPN, want_alpn, put_alpn},
    {TLS_EXT_SCT, want_always, put_nothing},
    {TLS_EXT_PADDING, want_padding, put_padding},
    {TLS_EXT_ENCRYPT_THEN_MAC, want_old, put_nothing},
    {TLS_EXT_EXTENDED_MASTER_SECRET, want_old, put_nothing},
    {TLS_EXT_COMPRESS_CERTIFICATE, want_13, put_compressions},
    {TLS_EXT_RECORD_SIZE_LIMIT, want_always, put_record_size},
    {TLS_EXT_DELEGATED_CREDENTIAL, want_13, put_delegated},
    {TLS_EXT_SESSION_TICKET, want_old, put_nothing},
    {TLS_EXT_SUPPORTED_VERSIONS, want_13, put_versions},
    {TLS_EXT_PSK_KEY_EXCHANGE_MODES, want_13, put_psk_modes},
    {TLS_EXT_POST_HANDSHAKE_AUTH, want_13, put_nothing},
    {TLS_EXT_KEY_SHARE, want_13, put_key_share},
    {TLS_EXT_APPLICATION_SETTINGS, want_settings, put_application_settings},
    {TLS_EXT_TRUST_ANCHORS, want_13, put_trust_anchors},
    {TLS_EXT_ENCRYPTED_CLIENT_HELLO, want_13, put_ech_grease},
    {TLS_EXT_RENEGOTIATION_INFO, want_old, put_renegotiation},
};

static const struct extension *
extension_of(uint16_t type)
{
    for (size_t i = 0; i < COUNT_OF(extensions); i++) {
        if (extensions[i].type == type) {
            return &extensions[i];
        }
    }
    NEVER("each extension of a profile has a row");
}

/* Everything between the first and the last one changes places. */
static void
shuffle(struct writer *w, uint16_t *types, size_t n)
{
    for (size_t i = n - 2; i > 1; i--) {
        size_t k = 1 + (size_t)rand_below(&w->rand, i);
        uint16_t held = types[i];
        types[i] = types[k];
        types[k] = held;
    }
}

static void
put_extensions(struct writer *w)
{
    const struct hello_list *list = &w->profile->extensions;
    uint16_t types[EXTENSIONS_MAX];
    ASSERT(list->n <= EXTENSIONS_MAX && list->n > 2);
    memcpy(types, list->p, list->n * sizeof(types[0]));
    if (w->profile->shuffled) {
        shuffle(w, types, list->n);
    }
    uint16_t first = grease(w);
    uint16_t last = (uint16_t)(first ^ 0x1010); /* no type may come twice [RFC 8701 3.1] */
    size_t block = put_begin(w);
    for (size_t i = 0; i < list->n; i++) {
        const struct extension *e = extension_of(types[i]);
        if (e->want(w)) {
            put_u16(w, e->type == HELLO_GREASE        ? first
                       : e->type == HELLO_GREASE_LAST ? last
                                                      : e->type);
            size_t body = put_begin(w);
            e->put(w);
            put_end(w, body);
        }
    }
    put_end(w, block);
}

/* ---- suites ---- */

static bool
want_suite(const struct writer *w, uint16_t number)
{
    const struct tls_suite *s = tls_suite_find(number);
    if (s == NULL) { /* the renegotiation signal */
        return offers_old(w);
    }
    return s->since == TLS_V_13 ? offers_from(w, TLS_V_13)
                                : offers_old(w) && offers_from(w, s->since);
}

static void
put_suites(struct writer *w)
{
    const struct hello_list *list = &w->profile->suites;
    size_t begin = put_begin(w);
    for (size_t i = 0; i < list->n; i++) {
        if (list->p[i] == HELLO_GREASE) {
            put_u16(w, grease(w));
        } else if (want_suite(w, list->p[i])) {
            put_u16(w, list->p[i]);
        }
    }
    const struct tls_suite *s;
    for (size_t i = 0; list->n == 0 && (s = tls_suite_at(i)) != NULL; i++) {
        if (s->wide && want_suite(w, s->number)) {
            put_u16(w, s->number);
        }
    }
    put_end(w, begin);
}

/* ---- the whole ---- */

static void
put_message(struct writer *w)
{
    w->message_at = w->out->n;
    put_u8(w, TLS_MESSAGE_CLIENT_HELLO);
    put_u8(w, 0); /* never longer than 64 KB */
    size_t body = put_begin(w);
    put_u16(w, MIN_OF(w->max, TLS_V_12));
    put_random(w, RANDOM_BYTES);
    /* One for middleboxes' sake, where TLS 1.3 may follow [RFC 8446 D.4]. */
    put_u8(w, offers_from(w, TLS_V_13) ? RANDOM_BYTES : 0);
    put_random(w, offers_from(w, TLS_V_13) ? RANDOM_BYTES : 0);
    put_suites(w);
    put_u16(w, 0x0100); /* one compression method: none */
    put_extensions(w);
    put_end(w, body);
}

static const struct {
    uint16_t min, max;
} version_rows[] = {
#define HELLO(NAME, name, min, max, sentence) {min, max},
#include "tls/hellos.def"
#undef HELLO
};

enum err
tls_hello_write(const struct tls_hello *h, struct buf *out)
{
    ASSERT(h->profile < TLS_HELLO_COUNT);
    struct writer w = {.hello = h, .profile = tls_hello_profile(h->profile), .out = out};
    w.min = h->min == 0 ? version_rows[h->profile].min : h->min;
    w.max = h->max == 0 ? version_rows[h->profile].max : h->max;
    w.min = MIN_OF(w.min, w.max); /* an older maximum than the profile's minimum */
    ASSERT(w.min >= TLS_V_10 && w.max <= TLS_V_13);
    rand_seed(&w.rand, h->seed);
    w.grease_group = grease(&w);
    put_u8(&w, TLS_RECORD_HANDSHAKE);
    put_u16(&w, TLS_V_10); /* for old servers' sake [RFC 8446 5.1] */
    size_t record = put_begin(&w);
    put_message(&w);
    put_end(&w, record);
    ERR_clear_error();
    return w.failed || out->overflow ? ERR_CRYPTO : ERR_OK;
}
