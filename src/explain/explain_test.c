/* SPDX-License-Identifier: Apache-2.0
 * The tables of words are whole, and every word of our own tables, of the browsers' and of the
 * libraries is in them; what people type and paste is understood. */
#include "explain/explain.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/test.h"
#include "http/http.h"
#include "state/end.h"

/* ---- the rows ---- */

static void
check_sentence(const char *key, const char *text)
{
    struct str s = str_of(text);
    bool printable = true;
    for (size_t i = 0; i < s.n; i++) {
        printable = printable && s.p[i] >= ' ' && s.p[i] <= '~';
    }
    bool sound = printable && s.n > 10 && str_ends(s, STR(".")) && !str_ends(s, STR("..")) &&
                 str_eq(str_trim(s), s) && !str_find(s, STR("  "), NULL) &&
                 !str_find(s, STR("%s"), NULL) &&
                 !(s.p[0] >= 'a' && s.p[0] <= 'z' && s.p[1] == ' ');
    if (!sound) {
        test_failed(__FILE__, __LINE__, "%s: \"%s\" is not a whole sentence", key, text);
    }
}

TEST("every word has all its parts")
{
    CHECK(explain_word_count() > 600);
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *w = explain_word_at(i);
        struct explain_causes causes;
        explain_causes(w, &causes);
        check_sentence(w->key, w->meaning);
        for (size_t k = 0; k < causes.count; k++) {
            check_sentence(w->key, causes.items[k].text);
        }
        bool fine = str_eq(str_of(w->ids), STR("-"));
        bool whole = w->key[0] != '\0' && w->steps[0] != EXPLAIN_NO_STEP &&
                     (fine ? causes.count == 0 : causes.count > 0);
        if (!whole) {
            test_failed(__FILE__, __LINE__, "%s:%s lacks a part", explain_kind_word(w->kind),
                        w->key);
        }
    }
}

TEST("no word stands twice, each is found by its key, its number and its aliases")
{
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *w = explain_word_at(i);
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", w->number);
        bool found = explain_find(w->kind, str_of(w->key)) == w;
        found = found &&
                (w->number == EXPLAIN_UNNUMBERED || explain_find(w->kind, str_of(number)) == w);
        struct str list = str_of(w->aliases);
        struct str alias;
        while (str_cut(&list, '|', &alias)) {
            found = found && (alias.n == 0 || explain_find(w->kind, alias) == w);
        }
        if (!found) {
            test_failed(__FILE__, __LINE__, "%s:%s is not found by its names",
                        explain_kind_word(w->kind), w->key);
        }
    }
}

TEST("makers, steps and kinds are sentences and names")
{
    for (size_t i = 0; i < EXPLAIN_MAKER_COUNT; i++) {
        check_sentence("maker", explain_maker_text((enum explain_maker)i));
    }
    for (size_t i = EXPLAIN_NO_STEP + 1; i < EXPLAIN_STEP_COUNT; i++) {
        check_sentence("step", explain_step_text((enum explain_step)i));
    }
    for (size_t i = 0; i < EXPLAIN_KIND_COUNT; i++) {
        enum explain_kind kind;
        CHECK(explain_kind_parse(str_of(explain_kind_word((enum explain_kind)i)), &kind));
        CHECK_INT(kind, i);
        CHECK(explain_kind_title((enum explain_kind)i)[0] != '\0');
    }
}

static bool
leads_to(const char *id)
{
    for (size_t i = 0; i < explain_word_count(); i++) {
        struct explain_causes causes;
        explain_causes(explain_word_at(i), &causes);
        for (size_t k = 0; k < causes.count; k++) {
            if (str_eq(causes.items[k].id, str_of(id))) {
                return true;
            }
        }
    }
    return false;
}

TEST("every suspect is a cause of some word, stands once and has a sentence")
{
    static const char *const ids[] = {
#define SUSPECT(id, text) id,
#include "explain/suspects.def"
#undef SUSPECT
    };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        if (!leads_to(ids[i])) {
            test_failed(__FILE__, __LINE__, "no word leads to %s", ids[i]);
        }
        check_sentence(ids[i], explain_suspect(str_of(ids[i])));
        for (size_t k = 0; k < i; k++) {
            CHECK(!str_eq(str_of(ids[i]), str_of(ids[k])));
        }
    }
    CHECK(explain_suspect(STR("DNS-99")) == NULL);
}

TEST("every cause belongs to a word, and the finding that it names is known")
{
    static const struct {
        enum explain_kind kind;
        const char *key;
        const char *id;
    } rows[] = {
#define BECAUSE(kind, key, id, text) {EXPLAIN_##kind, key, id},
#include "explain/causes.def"
#undef BECAUSE
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct explain_word *w = explain_find(rows[i].kind, str_of(rows[i].key));
        bool known = rows[i].id[0] == '\0' || explain_suspect(str_of(rows[i].id)) != NULL;
        if (w == NULL || !str_eq(str_of(w->key), str_of(rows[i].key)) || !known) {
            test_failed(__FILE__, __LINE__, "the cause of %s (%s) hangs in the air", rows[i].key,
                        rows[i].id);
        }
    }
}

/* ---- complete ---- */

static void
check_known(enum explain_kind kind, const char *name)
{
    if (explain_find(kind, str_of(name)) == NULL) {
        test_failed(__FILE__, __LINE__, "%s:%s is not explained", explain_kind_word(kind), name);
    }
}

static void
check_status(unsigned status)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", status);
    check_known(EXPLAIN_HTTP, number);
}

TEST("every end of a connection or request is explained, and every status of one")
{
    for (size_t i = 0; i < END_COUNT; i++) {
        const struct end_row *row = end_row((enum end_reason)i);
        check_known(EXPLAIN_END, row->name);
        if (row->status != 0) {
            check_status(row->status);
        }
        const struct explain_word *w = explain_find(EXPLAIN_END, str_of(row->name));
        if (w != NULL && row->fault != END_FAULT_NOBODY && i != END_CONNECT_ONLY &&
            str_eq(str_of(w->ids), STR("-"))) {
            test_failed(__FILE__, __LINE__, "%s is a fault and has no cause", row->name);
        }
    }
}

TEST("every status of a refused message is explained")
{
#define FAULT(name, status, text) check_status(status);
#include "http/faults.def"
#undef FAULT
}

TEST("every desync class and reason is explained, with its class")
{
    static const char *const classes[] = {
        [DESYNC_COMPLIANT] = "Compliant",
        [DESYNC_ACCEPTABLE] = "Acceptable",
        [DESYNC_AMBIGUOUS] = "Ambiguous",
        [DESYNC_SEVERE] = "Severe",
    };
    static const struct {
        const char *name;
        enum desync_class class;
    } rows[] = {
#define DESYNC(name, class_) {#name, DESYNC_##class_},
#include "http/desync.def"
#undef DESYNC
    };
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        check_known(EXPLAIN_CLASS, classes[i]);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct explain_word *w = explain_find(EXPLAIN_CLASS_REASON, str_of(rows[i].name));
        check_known(EXPLAIN_CLASS_REASON, rows[i].name);
        if (w != NULL && !str_find(str_of(w->meaning), str_of(classes[rows[i].class]), NULL)) {
            test_failed(__FILE__, __LINE__, "%s does not name its class", rows[i].name);
        }
    }
}

TEST("every target health state and reason is explained, by its text too")
{
#define HEALTH_STATE(NAME, name) check_known(EXPLAIN_HEALTH_STATE, name);
#define HEALTH_REASON(NAME, name, text)                                                            \
    if (name[0] != '\0') {                                                                         \
        check_known(EXPLAIN_HEALTH_REASON, name);                                                  \
    }
#include "state/health.def"
#undef HEALTH_STATE
#undef HEALTH_REASON
#define HEALTH_STATE(NAME, name)
#define HEALTH_REASON(NAME, name, text)                                                            \
    if (text[0] != '\0' && !str_find(STR(text), STR("%u"), NULL)) {                                \
        check_known(EXPLAIN_HEALTH_REASON, text);                                                  \
    }
#include "state/health.def"
#undef HEALTH_STATE
#undef HEALTH_REASON
}

/* [ALB: access logs, error reason codes; data-plane 2.10, 7.1, 8.5, A.1, A.3] */
TEST("every documented word of the logs is explained")
{
    static const struct {
        enum explain_kind kind;
        const char *words;
    } lists[] = {
        {EXPLAIN_ERROR_REASON,
         "AuthInvalidCookie AuthInvalidGrantError AuthInvalidIdToken AuthInvalidStateParam "
         "AuthInvalidTokenResponse AuthInvalidUserinfoResponse AuthMissingCodeParam "
         "AuthMissingStateParam AuthMissingHostHeader AuthTokenEpRequestFailed "
         "AuthTokenEpRequestTimeout AuthUserinfoEpRequestFailed AuthUserinfoEpRequestTimeout "
         "AuthUnhandledException AuthUserinfoResponseSizeExceeded JWTHeaderNotPresent "
         "JWTRequestFormatInvalid JWTSignatureValidationError JWTSignatureValidationFailed "
         "JWTClaimNotPresent JWTClaimFormatInvalid JWTClaimValueInvalid JWKSRequestTimeout "
         "JWKSResponseSizeExceeded JWKSRequestFailed JWKSResponseInvalid "
         "JWTValidationInternalError AWSALBTGCookieInvalid WeightedTargetGroupsUnhandledException "
         "LambdaAccessDenied LambdaBadRequest LambdaEC2AccessDeniedException "
         "LambdaEC2ThrottledException LambdaEC2UnexpectedException LambdaENILimitReachedException "
         "LambdaInvalidResponse LambdaInvalidRuntimeException "
         "LambdaInvalidSecurityGroupIDException LambdaInvalidSubnetIDException "
         "LambdaInvalidZipFileException LambdaKMSAccessDeniedException LambdaKMSDisabledException "
         "LambdaKMSInvalidStateException LambdaKMSNotFoundException LambdaRequestTooLarge "
         "LambdaResourceNotFound LambdaResponseTooLarge "
         "LambdaSubnetIPAddressLimitReachedException LambdaThrottling LambdaUnhandled "
         "LambdaWebsocketNotSupported LambdaConnectionError LambdaConnectionTimeout "
         "LambdaServiceException LambdaUnhandledException WAFConnectionError WAFConnectionTimeout "
         "WAFResponseReadTimeout WAFServiceError WAFUnhandledException"},
        {EXPLAIN_TLS_VERIFY,
         "Success ClientCertMaxChainDepthExceeded ClientCertMaxSizeExceeded ClientCertCrlHit "
         "ClientCertCrlProcessingError ClientCertUntrusted ClientCertNotYetValid ClientCertExpired "
         "ClientCertTypeUnsupported ClientCertInvalid ClientCertPurposeInvalid ClientCertRejected "
         "ClientCertIncompatible UnmappedConnectionError Failed:ClientCertExpired"},
        {EXPLAIN_ACTION, "authenticate fixed-response forward redirect rewrite waf waf-failed"},
        {EXPLAIN_TRANSFORM,
         "TransformSuccess TransformBufferTooSmall TransformCompileError TransformCompileTooBig "
         "TransformInvalidHost TransformInvalidPath TransformRegexSyntaxError "
         "TransformReplaceError"},
        {EXPLAIN_HEALTH_LOG,
         "PASS FAIL TimedOut RequestTimedOut ConnectionTimedOut ConnectionReset "
         "ResponseCodeMismatch ResponseStringMismatch InternalError TargetError "
         "GRPCStatusHeaderEmpty GRPCUnexpectedStatus"},
        {EXPLAIN_HTTP,
         "400 401 403 405 408 413 414 460 463 464 500 501 502 503 504 505 507 561 562 "
         "000 301 302 431"},
    };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct str rest = str_of(lists[i].words);
        struct str word;
        while (str_cut(&rest, ' ', &word)) {
            char name[64];
            CHECK(str_copy_z(word, name, sizeof(name)));
            check_known(lists[i].kind, name);
        }
    }
}

/* Numbers of the names as measured with Chromium 156. */
TEST("every net error that Chromium showed in the measurements is known by name and number")
{
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"CONNECTION_CLOSED", -100},
        {"CONNECTION_RESET", -101},
        {"CONNECTION_REFUSED", -102},
        {"NAME_NOT_RESOLVED", -105},
        {"INTERNET_DISCONNECTED", -106},
        {"SSL_PROTOCOL_ERROR", -107},
        {"ADDRESS_UNREACHABLE", -109},
        {"SSL_CLIENT_AUTH_CERT_NEEDED", -110},
        {"TUNNEL_CONNECTION_FAILED", -111},
        {"SSL_VERSION_OR_CIPHER_MISMATCH", -113},
        {"BAD_SSL_CLIENT_AUTH_CERT", -117},
        {"CONNECTION_TIMED_OUT", -118},
        {"TIMED_OUT", -7},
        {"SOCKS_CONNECTION_FAILED", -120},
        {"SSL_BAD_RECORD_MAC_ALERT", -126},
        {"PROXY_CONNECTION_FAILED", -130},
        {"PROXY_CERTIFICATE_INVALID", -136},
        {"NETWORK_ACCESS_DENIED", -138},
        {"SSL_DECRYPT_ERROR_ALERT", -153},
        {"SSL_UNRECOGNIZED_NAME_ALERT", -159},
        {"SSL_KEY_USAGE_INCOMPATIBLE", -181},
        {"ECH_FALLBACK_CERTIFICATE_INVALID", -184},
        {"CERT_COMMON_NAME_INVALID", -200},
        {"CERT_DATE_INVALID", -201},
        {"CERT_AUTHORITY_INVALID", -202},
        {"CERT_REVOKED", -206},
        {"CERT_INVALID", -207},
        {"CERT_WEAK_SIGNATURE_ALGORITHM", -208},
        {"CERT_WEAK_KEY", -211},
        {"CERT_NAME_CONSTRAINT_VIOLATION", -212},
        {"CERT_VALIDITY_TOO_LONG", -213},
        {"CERTIFICATE_TRANSPARENCY_REQUIRED", -214},
        {"CERT_KNOWN_INTERCEPTION_BLOCKED", -217},
        {"INVALID_REDIRECT", -303},
        {"TOO_MANY_REDIRECTS", -310},
        {"UNSAFE_PORT", -312},
        {"INVALID_CHUNKED_ENCODING", -321},
        {"UNEXPECTED_PROXY_AUTH", -323},
        {"EMPTY_RESPONSE", -324},
        {"RESPONSE_HEADERS_TOO_BIG", -325},
        {"CONTENT_DECODING_FAILED", -330},
        {"HTTP2_PROTOCOL_ERROR", -337},
        {"RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH", -346},
        {"RESPONSE_HEADERS_MULTIPLE_LOCATION", -350},
        {"HTTP2_SERVER_REFUSED_STREAM", -351},
        {"CONTENT_LENGTH_MISMATCH", -354},
        {"INCOMPLETE_CHUNKED_ENCODING", -355},
        {"HTTP2_INADEQUATE_TRANSPORT_SECURITY", -360},
        {"HTTP2_FRAME_SIZE_ERROR", -362},
        {"HTTP2_COMPRESSION_ERROR", -363},
        {"INVALID_HTTP_RESPONSE", -370},
        {"HTTP_RESPONSE_CODE_FAILURE", -379},
        {"BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS", -385},
        {"BLOCKED_BY_CLIENT", -20},
        {"NETWORK_CHANGED", -21},
        {"ABORTED", -3},
        {"SOCKET_NOT_CONNECTED", -15},
        {"INVALID_AUTH_CREDENTIALS", -338},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct explain_word *w = explain_find(EXPLAIN_NET, str_of(rows[i].name));
        check_known(EXPLAIN_NET, rows[i].name);
        CHECK_INT(w == NULL ? 0 : w->number, rows[i].number);
    }
}

TEST("every exit code that this machine's curl knows is explained")
{
    for (int i = 0; i < 100; i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", i);
        if (!str_eq(str_of(curl_easy_strerror((CURLcode)i)), STR("Unknown error"))) {
            check_known(EXPLAIN_CURL, number);
        }
    }
}

TEST("every alert and every verify code that this machine's OpenSSL knows is explained")
{
    for (int i = 0; i < 256; i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", i);
        if (!str_eq(str_of(SSL_alert_desc_string_long(i)), STR("unknown"))) {
            check_known(EXPLAIN_ALERT, number);
        }
        if (i <= X509_V_ERR_EC_KEY_EXPLICIT_PARAMS) {
            check_known(EXPLAIN_VERIFY, number);
            check_known(EXPLAIN_VERIFY, X509_verify_cert_error_string(i));
        }
    }
}

/* ---- what people type ---- */

static bool
has(const struct explain_found *found, enum explain_kind kind, const char *key)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->words[i]->kind == kind && str_eq(str_of(found->words[i]->key), str_of(key))) {
            return true;
        }
    }
    return false;
}

TEST("words are understood as they are typed and pasted")
{
    static const struct {
        const char *typed;
        enum explain_kind kind;
        const char *key;
        size_t count; /* meanings; 0: any number */
    } rows[] = {
        {"502", EXPLAIN_HTTP, "502", 1},
        {"http:502", EXPLAIN_HTTP, "502", 1},
        {"HTTP ERROR 503", EXPLAIN_HTTP, "503", 1},
        {"502 Bad Gateway", EXPLAIN_HTTP, "502", 1},
        {"bad gateway", EXPLAIN_HTTP, "502", 1},
        {"HTTP/1.1 504 Gateway Time-out", EXPLAIN_HTTP, "504", 1},
        {"000", EXPLAIN_HTTP, "000", 1},
        {"net::ERR_SSL_PROTOCOL_ERROR", EXPLAIN_NET, "ERR_SSL_PROTOCOL_ERROR", 1},
        {"ERR_SSL_PROTOCOL_ERROR", EXPLAIN_NET, "ERR_SSL_PROTOCOL_ERROR", 1},
        {"err_ssl_protocol_error", EXPLAIN_NET, "ERR_SSL_PROTOCOL_ERROR", 1},
        {"SSL_PROTOCOL_ERROR", EXPLAIN_NET, "ERR_SSL_PROTOCOL_ERROR", 1},
        {"-107", EXPLAIN_NET, "ERR_SSL_PROTOCOL_ERROR", 1},
        {"net:-107", EXPLAIN_NET, "ERR_SSL_PROTOCOL_ERROR", 1},
        {"NET::ERR_CERT_DATE_INVALID", EXPLAIN_NET, "ERR_CERT_DATE_INVALID", 1},
        {"dns_probe_finished_nxdomain", EXPLAIN_NET, "DNS_PROBE_FINISHED_NXDOMAIN", 1},
        {"app.example.com refused to connect. ERR_CONNECTION_REFUSED", EXPLAIN_NET,
         "ERR_CONNECTION_REFUSED", 1},
        {"SSL_ERROR_RX_RECORD_TOO_LONG", EXPLAIN_FIREFOX, "SSL_ERROR_RX_RECORD_TOO_LONG", 1},
        {"Error code: SEC_ERROR_UNKNOWN_ISSUER", EXPLAIN_FIREFOX, "SEC_ERROR_UNKNOWN_ISSUER", 1},
        {"about:neterror?e=redirectLoop", EXPLAIN_FIREFOX, "redirectLoop", 1},
        {"curl:60", EXPLAIN_CURL, "CURLE_PEER_FAILED_VERIFICATION", 1},
        {"CURLE_SSL_CONNECT_ERROR", EXPLAIN_CURL, "CURLE_SSL_CONNECT_ERROR", 1},
        {"curl: (52) Empty reply from server", EXPLAIN_CURL, "CURLE_GOT_NOTHING", 1},
        {"curl: (60) SSL certificate problem: unable to get local issuer certificate", EXPLAIN_CURL,
         "CURLE_PEER_FAILED_VERIFICATION", 2},
        {"curl: (60) SSL certificate problem: unable to get local issuer certificate",
         EXPLAIN_VERIFY, "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 2},
        {"curl: (35) error:0A00010B:SSL routines::wrong version number", EXPLAIN_OPENSSL,
         "wrong version number", 2},
        {"alert:40", EXPLAIN_ALERT, "handshake_failure", 1},
        {"sslv3 alert handshake failure", EXPLAIN_ALERT, "handshake_failure", 1},
        {"SSL alert number 40", EXPLAIN_ALERT, "handshake_failure", 1},
        {"error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:SSL alert "
         "number 40",
         EXPLAIN_ALERT, "handshake_failure", 1},
        {"verify:20", EXPLAIN_VERIFY, "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 1},
        {"Verify return code: 21 (unable to verify the first certificate)", EXPLAIN_VERIFY,
         "X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", 1},
        {"verify error:num=10:certificate has expired", EXPLAIN_VERIFY,
         "X509_V_ERR_CERT_HAS_EXPIRED", 1},
        {"Target.Timeout", EXPLAIN_HEALTH_REASON, "Target.Timeout", 1},
        {"ResponseCodeMismatch", EXPLAIN_HEALTH_REASON, "Target.ResponseCodeMismatch", 2},
        {"draining", EXPLAIN_HEALTH_STATE, "draining", 1},
        {"Failed:ClientCertExpired", EXPLAIN_TLS_VERIFY, "ClientCertExpired", 1},
        {"TARGET_TIMEOUT", EXPLAIN_END, "TARGET_TIMEOUT", 1},
        {"  LambdaThrottling ", EXPLAIN_ERROR_REASON, "LambdaThrottling", 1},
        {"60", EXPLAIN_CURL, "CURLE_PEER_FAILED_VERIFICATION", 3},
        {"60", EXPLAIN_ALERT, "export_restriction", 3},
        {"60", EXPLAIN_VERIFY, "X509_V_ERR_SUITE_B_LOS_NOT_ALLOWED", 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct explain_found found;
        bool any = explain_search(str_of(rows[i].typed), &found);
        if (!any || !has(&found, rows[i].kind, rows[i].key) || found.count != rows[i].count) {
            test_failed(__FILE__, __LINE__, "\"%s\" has %zu meanings, expected %zu with %s",
                        rows[i].typed, found.count, rows[i].count, rows[i].key);
        }
    }
}

TEST("a bare number lists its HTTP status first")
{
    for (size_t i = 0; i < explain_word_count(); i++) {
        const struct explain_word *w = explain_word_at(i);
        if (w->number == EXPLAIN_UNNUMBERED) {
            continue;
        }
        char number[16];
        struct explain_found found;
        (void)snprintf(number, sizeof(number), "%d", w->number);
        CHECK(explain_search(str_of(number), &found));
        CHECK(has(&found, w->kind, w->key));
        CHECK_INT(found.not_shown, 0);
        for (size_t k = 1; k < found.count; k++) {
            CHECK(found.words[k - 1]->kind < found.words[k]->kind);
        }
    }
}

TEST("what is no word is not found")
{
    static const char nul[] = "50\0002";
    static char long_word[LIMIT_EXPLAIN_WORD_BYTES + 1];
    memset(long_word, 'E', sizeof(long_word));
    const struct str rows[] = {
        STR_NONE,         STR(""),
        STR("   "),       STR(":"),
        STR("curl:"),     STR("curl:9999"),
        STR("alert:60x"), STR("599"),
        STR("060"),       STR("999999999999999999999999"),
        STR("-"),         STR("--"),
        STR("ERR_"),      STR("net::"),
        STR("\033[31m"),  STR("\xff\xfe"),
        STR("|"),         {nul, sizeof(nul) - 1},
        STR("nonsense"),  {long_word, sizeof(long_word)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct explain_found found;
        if (explain_search(rows[i], &found) || found.count != 0) {
            test_failed(__FILE__, __LINE__, "row %zu found %s", i, found.words[0]->key);
        }
        explain_near(rows[i], &found);
        CHECK(found.count <= LIMIT_EXPLAIN_NEAR_MAX);
    }
    CHECK(explain_find(EXPLAIN_CURL, STR("502")) == NULL);
    CHECK(explain_find(EXPLAIN_HTTP, STR("")) == NULL);
}

TEST("near misses suggest the word that was meant, first")
{
    static const struct {
        const char *typed;
        const char *first;
    } rows[] = {
        {"ERR_SSL_PROTOCOL_EROR", "ERR_SSL_PROTOCOL_ERROR"},
        {"net::ERR_CONECTION_REFUSED", "ERR_CONNECTION_REFUSED"},
        {"SSL_ERROR_RX_RECORD_TO_LONG", "SSL_ERROR_RX_RECORD_TOO_LONG"},
        {"LambdaThrotling", "LambdaThrottling"},
        {"Target.Timout", "Target.Timeout"},
        {"unhealty", "unhealthy"},
        {"LambdaKMSA", "LambdaKMSAccessDeniedException"},
        {"107", "ERR_SSL_PROTOCOL_ERROR"},
        {"net:107", "ERR_SSL_PROTOCOL_ERROR"},
        {"Bad Gatewy", "502"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct explain_found near;
        explain_near(str_of(rows[i].typed), &near);
        if (near.count == 0 || !str_eq(str_of(near.words[0]->key), str_of(rows[i].first))) {
            test_failed(__FILE__, __LINE__, "\"%s\" suggests %s first, expected %s", rows[i].typed,
                        near.count == 0 ? "nothing" : near.words[0]->key, rows[i].first);
        }
    }
    struct explain_found near;
    explain_near(STR("CERT"), &near);
    CHECK_INT(near.count, LIMIT_EXPLAIN_NEAR_MAX);
    explain_near(STR("qqqqqqqqqqqqqqqqqqqq"), &near);
    CHECK_INT(near.count, 0);
}

TEST("a word that is no fault has no causes, and a cause is told once")
{
    struct explain_causes causes;
    explain_causes(explain_find(EXPLAIN_HEALTH_STATE, STR("healthy")), &causes);
    CHECK_INT(causes.count, 0);
    for (size_t i = 0; i < explain_word_count(); i++) {
        explain_causes(explain_word_at(i), &causes);
        for (size_t k = 1; k < causes.count; k++) {
            CHECK(!str_eq(str_of(causes.items[k].text), str_of(causes.items[k - 1].text)));
            CHECK(causes.items[k].id.n == 0 || !str_eq(causes.items[k].id, causes.items[k - 1].id));
        }
    }
    explain_causes(explain_find(EXPLAIN_NET, STR("SSL_PROTOCOL_ERROR")), &causes);
    CHECK(causes.count > 1);
    CHECK_STR(causes.items[0].id, "LBC-01");
}

TEST_MAIN
