/* SPDX-License-Identifier: Apache-2.0
 * Who sends what in a ClientHello: measured from Chromium 156, curl 7.88 and s_client with OpenSSL
 * 3.0; Firefox 153 as far as browser-errors tells, else as Firefox has long done. */
#include "tls/hello_int.h"

/* clang-format off */
#define LIST(...) {(const uint16_t[]){__VA_ARGS__}, COUNT_OF(((const uint16_t[]){__VA_ARGS__}))}
#define BODY(literal) {literal, sizeof(literal) - 1}

#define OPENSSL_SUITES                                                                          \
    LIST(0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b,        \
         0xc02f, 0x009e, 0xc024, 0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014,        \
         0x0039, 0xc009, 0xc013, 0x0033, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f,        \
         HELLO_SCSV)
#define OPENSSL_GROUPS                                                                          \
    LIST(HELLO_GROUP_X25519, HELLO_GROUP_P256, 30, 25, 24, 256, 257, 258, 259, 260)
#define OPENSSL_SIGNATURES                                                                      \
    LIST(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805,        \
         0x0806, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602)
#define THREE_POINT_FORMATS BODY("\x03\x00\x01\x02")
#define ONE_POINT_FORMAT BODY("\x01\x00")

/* Identifiers of the roots that Chromium knows. */
#define ANCHOR_A(last) "\x05\x82\xdf\x13\x02" last
#define ANCHOR_B(last) "\x08\x83\x9a\x64\x8c\x9b\x2d\x01" last
#define ANCHOR_C(last) "\x04\xd6\x79\x09" last
#define CHROMIUM_ANCHORS                                                                        \
    ANCHOR_A("\x01") ANCHOR_A("\x06") ANCHOR_A("\x0d") ANCHOR_A("\x0e") ANCHOR_A("\x0f")        \
    ANCHOR_A("\x12") ANCHOR_A("\x13") ANCHOR_A("\x14")                                          \
    ANCHOR_B("\x07") ANCHOR_B("\x08") ANCHOR_B("\x09") ANCHOR_B("\x0a") ANCHOR_B("\x0b")        \
    ANCHOR_B("\x0c") ANCHOR_B("\x0d") ANCHOR_B("\x12") ANCHOR_B("\x13")                         \
    ANCHOR_C("\x01") ANCHOR_C("\x04") ANCHOR_C("\x05") ANCHOR_C("\x06") ANCHOR_C("\x07")        \
    ANCHOR_C("\x08") ANCHOR_C("\x0a") ANCHOR_C("\x0b") ANCHOR_C("\x0c") ANCHOR_C("\x0d")        \
    ANCHOR_C("\x0f")
_Static_assert(sizeof(CHROMIUM_ANCHORS) - 1 == 0xb8, "the length in front of the list is right");

static const struct hello_profile profiles[TLS_HELLO_COUNT] = {
    [TLS_HELLO_CHROMIUM] = {
        .suites = LIST(HELLO_GREASE, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                       0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035),
        .groups = LIST(HELLO_GREASE, HELLO_GROUP_X25519MLKEM768, HELLO_GROUP_X25519,
                       HELLO_GROUP_P256, 24),
        .shares = LIST(HELLO_GREASE, HELLO_GROUP_X25519MLKEM768, HELLO_GROUP_X25519),
        .signatures = LIST(HELLO_GREASE, 0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503,
                           0x0805, 0x0501, 0x0806, 0x0601),
        .extensions = LIST(HELLO_GREASE,
                           TLS_EXT_SERVER_NAME, TLS_EXT_EXTENDED_MASTER_SECRET,
                           TLS_EXT_RENEGOTIATION_INFO, TLS_EXT_SUPPORTED_GROUPS,
                           TLS_EXT_EC_POINT_FORMATS, TLS_EXT_SESSION_TICKET, TLS_EXT_ALPN,
                           TLS_EXT_STATUS_REQUEST, TLS_EXT_SIGNATURE_ALGORITHMS, TLS_EXT_SCT,
                           TLS_EXT_KEY_SHARE, TLS_EXT_PSK_KEY_EXCHANGE_MODES,
                           TLS_EXT_SUPPORTED_VERSIONS, TLS_EXT_COMPRESS_CERTIFICATE,
                           TLS_EXT_APPLICATION_SETTINGS, TLS_EXT_ENCRYPTED_CLIENT_HELLO,
                           TLS_EXT_TRUST_ANCHORS,
                           HELLO_GREASE_LAST),
        .shuffled = true,
        .point_formats = ONE_POINT_FORMAT,
        .compressions = BODY("\x02\x00\x02"), /* brotli */
        .trust_anchors = BODY("\x00\xb8" CHROMIUM_ANCHORS),
        .ech_payload_min = 144,
        .ech_payload_step = 32,
        .ech_payload_steps = 4,
    },
    [TLS_HELLO_FIREFOX] = {
        .suites = LIST(0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030,
                       0xc00a, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035),
        .groups = LIST(HELLO_GROUP_X25519MLKEM768, HELLO_GROUP_X25519, HELLO_GROUP_P256, 24, 25,
                       256, 257),
        .shares = LIST(HELLO_GROUP_X25519MLKEM768, HELLO_GROUP_X25519, HELLO_GROUP_P256),
        .signatures = LIST(0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
                           0x0203, 0x0201),
        .extensions = LIST(TLS_EXT_SERVER_NAME, TLS_EXT_EXTENDED_MASTER_SECRET,
                           TLS_EXT_RENEGOTIATION_INFO, TLS_EXT_SUPPORTED_GROUPS,
                           TLS_EXT_EC_POINT_FORMATS, TLS_EXT_SESSION_TICKET, TLS_EXT_ALPN,
                           TLS_EXT_STATUS_REQUEST, TLS_EXT_DELEGATED_CREDENTIAL, TLS_EXT_SCT,
                           TLS_EXT_KEY_SHARE, TLS_EXT_SUPPORTED_VERSIONS,
                           TLS_EXT_SIGNATURE_ALGORITHMS, TLS_EXT_PSK_KEY_EXCHANGE_MODES,
                           TLS_EXT_RECORD_SIZE_LIMIT, TLS_EXT_COMPRESS_CERTIFICATE,
                           TLS_EXT_ENCRYPTED_CLIENT_HELLO),
        .point_formats = ONE_POINT_FORMAT,
        .compressions = BODY("\x06\x00\x01\x00\x02\x00\x03"), /* zlib, brotli, zstd */
        .ech_payload_min = 239,
        .ech_payload_step = 1,
        .ech_payload_steps = 1,
    },
    [TLS_HELLO_CURL] = {
        .suites = OPENSSL_SUITES,
        .groups = OPENSSL_GROUPS,
        .shares = LIST(HELLO_GROUP_X25519),
        .signatures = OPENSSL_SIGNATURES,
        .extensions = LIST(TLS_EXT_SERVER_NAME, TLS_EXT_EC_POINT_FORMATS, TLS_EXT_SUPPORTED_GROUPS,
                           TLS_EXT_ALPN, TLS_EXT_ENCRYPT_THEN_MAC, TLS_EXT_EXTENDED_MASTER_SECRET,
                           TLS_EXT_POST_HANDSHAKE_AUTH, TLS_EXT_SIGNATURE_ALGORITHMS,
                           TLS_EXT_SUPPORTED_VERSIONS, TLS_EXT_PSK_KEY_EXCHANGE_MODES,
                           TLS_EXT_KEY_SHARE, TLS_EXT_PADDING),
        .point_formats = THREE_POINT_FORMATS,
    },
    [TLS_HELLO_OPENSSL] = {
        .suites = OPENSSL_SUITES,
        .groups = OPENSSL_GROUPS,
        .shares = LIST(HELLO_GROUP_X25519),
        .signatures = OPENSSL_SIGNATURES,
        .extensions = LIST(TLS_EXT_SERVER_NAME, TLS_EXT_EC_POINT_FORMATS, TLS_EXT_SUPPORTED_GROUPS,
                           TLS_EXT_SESSION_TICKET, TLS_EXT_ALPN, TLS_EXT_ENCRYPT_THEN_MAC,
                           TLS_EXT_EXTENDED_MASTER_SECRET, TLS_EXT_SIGNATURE_ALGORITHMS,
                           TLS_EXT_SUPPORTED_VERSIONS, TLS_EXT_PSK_KEY_EXCHANGE_MODES,
                           TLS_EXT_KEY_SHARE),
        .point_formats = THREE_POINT_FORMATS,
    },
    [TLS_HELLO_SMALL] = {
        .suites = LIST(0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                       0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035),
        .groups = LIST(HELLO_GROUP_X25519, HELLO_GROUP_P256, 24),
        .shares = LIST(HELLO_GROUP_X25519),
        .signatures = LIST(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
        .extensions = LIST(TLS_EXT_SERVER_NAME, TLS_EXT_EXTENDED_MASTER_SECRET,
                           TLS_EXT_RENEGOTIATION_INFO, TLS_EXT_SUPPORTED_GROUPS,
                           TLS_EXT_EC_POINT_FORMATS, TLS_EXT_ALPN, TLS_EXT_SIGNATURE_ALGORITHMS,
                           TLS_EXT_SUPPORTED_VERSIONS, TLS_EXT_PSK_KEY_EXCHANGE_MODES,
                           TLS_EXT_KEY_SHARE),
        .point_formats = ONE_POINT_FORMAT,
    },
    [TLS_HELLO_WIDE] = {
        .shares = LIST(HELLO_GROUP_X25519, HELLO_GROUP_P256),
        .signatures = LIST(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804,
                           0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x081a, 0x081b, 0x081c, 0x0303,
                           0x0301, 0x0203, 0x0201, 0x0302, 0x0402, 0x0502, 0x0602, 0x0202, 0x0101),
        .extensions = LIST(TLS_EXT_SERVER_NAME, TLS_EXT_RENEGOTIATION_INFO,
                           TLS_EXT_SUPPORTED_GROUPS, TLS_EXT_EC_POINT_FORMATS,
                           TLS_EXT_SESSION_TICKET, TLS_EXT_ALPN, TLS_EXT_ENCRYPT_THEN_MAC,
                           TLS_EXT_EXTENDED_MASTER_SECRET, TLS_EXT_SIGNATURE_ALGORITHMS,
                           TLS_EXT_SUPPORTED_VERSIONS, TLS_EXT_PSK_KEY_EXCHANGE_MODES,
                           TLS_EXT_KEY_SHARE),
        .point_formats = THREE_POINT_FORMATS,
    },
};
/* clang-format on */

const struct hello_profile *
tls_hello_profile(enum tls_hello_profile p)
{
    return &profiles[p];
}

static const struct {
    const char *name, *sentence;
} words[] = {
#define HELLO(NAME, name, min, max, sentence) {name, sentence},
#include "tls/hellos.def"
#undef HELLO
};

const char *
tls_hello_name(enum tls_hello_profile p)
{
    return words[p].name;
}

const char *
tls_hello_sentence(enum tls_hello_profile p)
{
    return words[p].sentence;
}

bool
tls_hello_find(struct str name, enum tls_hello_profile *ret_profile)
{
    for (unsigned i = 0; i < TLS_HELLO_COUNT; i++) {
        if (str_eq(name, str_of(words[i].name))) {
            *ret_profile = (enum tls_hello_profile)i;
            return true;
        }
    }
    return false;
}
