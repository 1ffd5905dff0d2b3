/* SPDX-License-Identifier: Apache-2.0
 * A client that refuses nothing and notes everything, on the filter that all connections share.
 *
 * What libssl does not tell afterwards is taken from the handshake messages as they pass by, with
 * the reader of flight.c: so the certificates are there even when libssl cannot read them. */
#include "tls/observe.h"

#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "text/text.h"
#include "tls/flight_int.h"
#include "tls/tls_int.h"

enum { CLIENT_CHAIN_MAX = 16 };

struct tls_session {
    SSL_SESSION *p; /* shared (ref) */
};

struct tls_observer {
    struct tls_client client; /* the context is owned */
    char *sni;                /* owned; NULL: none is sent */
    SSL_SESSION *session;     /* shared (ref); NULL: a full handshake */
};

/* What is seen of one connection; owned by its SSL. */
struct watch {
    struct tls_flight flight;
    SSL_SESSION *session; /* shared (ref): the newest; NULL: none */
    unsigned tickets;
    bool certificate_sent;
    int alert_sent, alert_received;
    char reason[96];
};

/* ---- the watch and its SSL ---- */

/* Where a watch hangs on an SSL: made once, constant after; -1: not made yet. */
static int watch_index = -1;

static void
watch_free(void *parent UNUSED, void *pointer, CRYPTO_EX_DATA *data UNUSED, int index UNUSED,
           long number UNUSED, void *argument UNUSED)
{
    struct watch *w = pointer;
    if (w != NULL) {
        tls_flight_done(&w->flight);
        SSL_SESSION_free(w->session);
        xfree(w);
    }
}

static struct watch *
watch_of(const SSL *ssl)
{
    struct watch *w = SSL_get_ex_data(ssl, watch_index);
    ASSERT(w != NULL);
    return w;
}

static const struct tls_conn *
conn_of(const struct stream *stream)
{
    return OBJ_CAST(const struct tls_conn, TLS_CONN_MAGIC, stream->filter);
}

static void
note_message(struct watch *w, bool writing, const uint8_t *p, size_t n)
{
    if (n < TLS_MESSAGE_HEADER) {
        return;
    }
    if (writing) {
        /* An empty list is the answer of a client that has none: 3 bytes of length, in TLS 1.3
         * after a context. */
        w->certificate_sent =
            w->certificate_sent || (p[0] == TLS_MESSAGE_CERTIFICATE && n > TLS_MESSAGE_HEADER + 4);
        return;
    }
    w->tickets += p[0] == TLS_MESSAGE_NEW_TICKET ? 1 : 0;
    (void)tls_flight_message(&w->flight, p, n); /* libssl judges it itself */
}

static void
note_alert(struct watch *w, bool writing, int number)
{
    int *noted = writing ? &w->alert_sent : &w->alert_received;
    if (number != SSL_AD_CLOSE_NOTIFY) {
        *noted = number;
    }
}

static void
on_message(int writing, int version, int type, const void *p, size_t n, SSL *ssl, void *context)
{
    tls_message_callback(writing, version, type, p, n, ssl, context);
    struct watch *w = SSL_get_ex_data(ssl, watch_index);
    if (w == NULL) {
        return; /* not begun yet */
    }
    if (type == SSL3_RT_HANDSHAKE) {
        note_message(w, writing != 0, p, n);
    } else if (type == SSL3_RT_ALERT && n == 2) {
        note_alert(w, writing != 0, ((const uint8_t *)p)[1]);
    }
}

/* The end of a step that failed: its reason is the first one in the queue. */
static void
on_info(const SSL *ssl, int where, int result)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    if ((where & SSL_CB_EXIT) == 0 || result > 0 || reason == NULL) {
        return;
    }
    struct watch *w = watch_of(ssl);
    struct str text = str_sub(str_of(reason), 0, sizeof(w->reason) - 1);
    ASSERT(str_copy_z(text, w->reason, sizeof(w->reason))); /* cut, so it fits */
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    struct watch *w = watch_of(ssl);
    SSL_SESSION_free(w->session);
    w->session = session;
    return 1; /* taken over */
}

static int
take_any(X509_STORE_CTX *store UNUSED, void *context UNUSED)
{
    return 1; /* chain_check judges, with all that is wrong at once */
}

/* ---- the context ---- */

#define SUITES_13 "TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256 "
#define SIGNATURES                                                                                 \
    "ecdsa_secp256r1_sha256 ecdsa_secp384r1_sha384 ecdsa_secp521r1_sha512 ed25519 ed448 "          \
    "rsa_pss_pss_sha256 rsa_pss_pss_sha384 rsa_pss_pss_sha512 "                                    \
    "rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 "                                 \
    "rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512 rsa_pkcs1_sha224 ECDSA+SHA224"

static const struct tls_policy usual = {
    .name = "a probe's usual set",
    .protocols = "TLSv1.2 TLSv1.3",
    .ciphers = SUITES_13 "DEFAULT",
    .groups = "X25519MLKEM768 x25519 secp256r1 x448 secp384r1 secp521r1",
    .signatures = SIGNATURES,
};
static const struct tls_policy wide = {
    .name = "a probe's wide set",
    .protocols = "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
    .ciphers = SUITES_13 "TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256 ALL COMPLEMENTOFALL",
    .groups = "x25519 secp256r1 x448 secp384r1 secp521r1 ffdhe2048 ffdhe3072 ffdhe4096 "
              "brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 secp256k1",
    .signatures = SIGNATURES " rsa_pkcs1_sha1 ECDSA+SHA1",
};

static bool
set_alpn(SSL_CTX *context, unsigned alpn)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    enum { H2_BYTES = 3, HTTP11_BYTES = 9 };
    const unsigned char *from = (alpn & TLS_ALPN_H2) != 0 ? both : both + H2_BYTES;
    unsigned n = ((alpn & TLS_ALPN_H2) != 0 ? H2_BYTES : 0u) +
                 ((alpn & TLS_ALPN_HTTP11) != 0 ? HTTP11_BYTES : 0u);
    return n == 0 || SSL_CTX_set_alpn_protos(context, from, n) == 0; /* 0 is success here */
}

static enum err
use_certificates(SSL_CTX *context, struct x509_st **certificates, size_t count,
                 struct evp_pkey_st *key, struct errinfo *reterr)
{
    bool fine = SSL_CTX_use_certificate(context, certificates[0]) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1 &&
                SSL_CTX_check_private_key(context) == 1;
    for (size_t i = 1; i < count && fine; i++) {
        fine = SSL_CTX_add1_chain_cert(context, certificates[i]) == 1;
    }
    if (!fine) {
        return text_err(reterr, ERR_INVALID,
                        N_("The client certificate and its key cannot be used together: {reason}."),
                        TEXT_ARGS({"reason", str_of(crypto_reason())}));
    }
    return ERR_OK;
}

static enum err
set_client_certificate(SSL_CTX *context, const struct tls_observer_options *options,
                       struct errinfo *reterr)
{
    if (options->client_cert_pem.n == 0) {
        return ERR_OK;
    }
    struct x509_st *certificates[CLIENT_CHAIN_MAX];
    struct evp_pkey_st *key = NULL;
    size_t count = 0;
    TRY(pki_key_parse(options->client_key_pem, &key, reterr));
    enum err e =
        pki_certificates_parse(options->client_cert_pem, certificates, CLIENT_CHAIN_MAX, &count);
    if (e == ERR_OK) {
        e = use_certificates(context, certificates, count, key, reterr);
        pki_certificates_free(certificates, count);
    } else {
        e = text_err(reterr, e,
                     N_("The client certificate is not in PEM form, or it is damaged, or too many "
                        "certificates stand with it."),
                     NULL, 0);
    }
    pki_key_free(&key);
    return e;
}

/* Everything beyond what all contexts of the house have. */
static enum err
set_up(SSL_CTX *context, const struct tls_observer_options *options, struct errinfo *reterr)
{
    SSL_CTX_set_msg_callback(context, on_message);
    SSL_CTX_set_info_callback(context, on_info);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_cert_verify_callback(context, take_any, NULL);
    (void)SSL_CTX_set_max_cert_list(context, LIMIT_TLS_CHAIN_BYTES); /* returns the old value */
    (void)SSL_CTX_set_session_cache_mode(context,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_security_level(context, options->wide ? 0 : 1);
    uint16_t min = options->min != 0 ? options->min : options->wide ? TLS_V_10 : TLS_V_12;
    uint16_t max = options->max != 0 ? options->max : TLS_V_13;
    if (min < TLS_V_12) {
        SSL_CTX_set_security_level(context, 0); /* their signatures are over SHA-1 */
    }
    if (SSL_CTX_set_min_proto_version(context, MIN_OF(min, max)) != 1 ||
        SSL_CTX_set_max_proto_version(context, max) != 1 || !set_alpn(context, options->alpn) ||
        SSL_CTX_enable_ct(context, SSL_CT_VALIDATION_PERMISSIVE) != 1 || /* asks for SCTs */
        SSL_CTX_set_tlsext_status_type(context, TLSEXT_STATUSTYPE_ocsp) != 1) {
        return err_set(reterr, ERR_CRYPTO, "the TLS library refuses a probe's settings: %s",
                       crypto_reason());
    }
    return set_client_certificate(context, options, reterr);
}

static char *
name_to_send(struct str sni)
{
    struct addr address;
    struct str name = str_ends(sni, STR(".")) ? str_sub(sni, 0, sni.n - 1) : sni;
    bool fits = name.n > 0 && name.n <= TLS_SNI_MAX && !addr_parse(name, 0, &address);
    return fits ? xstrdup_str(name) : NULL;
}

enum err
tls_observer_new(const struct tls_observer_options *options, struct tls_observer **ret_observer,
                 struct errinfo *reterr)
{
    if (watch_index < 0) {
        watch_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, watch_free);
    }
    SSL_CTX *context = NULL;
    TRY(tls_context_new(TLS_client_method(), options->wide ? &wide : &usual, &context, reterr));
    enum err e = watch_index < 0 ? err_set(reterr, ERR_CRYPTO, "the TLS library has no room left")
                                 : set_up(context, options, reterr);
    ERR_clear_error();
    if (e != ERR_OK) {
        SSL_CTX_free(context);
        return e;
    }
    struct tls_observer *o = xalloc(sizeof(*o));
    o->client.context = context;
    o->sni = name_to_send(options->sni);
    if (options->session != NULL && SSL_SESSION_up_ref(options->session->p) == 1) {
        o->session = options->session->p;
    }
    *ret_observer = o;
    return ERR_OK;
}

void
tls_observer_free(struct tls_observer **o)
{
    if (*o != NULL) {
        SSL_CTX_free((*o)->client.context);
        SSL_SESSION_free((*o)->session);
        xfree((*o)->sni);
        xfree(*o);
        *o = NULL;
    }
}

enum err
tls_watch(struct tls_observer *o, struct stream *stream)
{
    TRY(tls_connect(&o->client, stream));
    SSL *ssl = conn_of(stream)->ssl;
    struct watch *w = xalloc(sizeof(*w));
    *w = (struct watch){.flight.alert = -1, .alert_sent = -1, .alert_received = -1};
    if (SSL_set_ex_data(ssl, watch_index, w) != 1) {
        xfree(w);
        ERR_clear_error();
        return ERR_NO_MEMORY;
    }
    bool fine = o->sni == NULL ||
                SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, o->sni) == 1;
    /* A session that does not fit any more is no error: a full handshake follows. */
    (void)(o->session != NULL && SSL_set_session(ssl, o->session) == 1);
    ERR_clear_error();
    return fine ? ERR_OK : ERR_CRYPTO;
}

/* ---- the stapled answer ---- */

static uint64_t
generalized_s(const ASN1_GENERALIZEDTIME *t)
{
    struct tm civil = {0};
    if (t == NULL || ASN1_TIME_to_tm(t, &civil) != 1) {
        return 0;
    }
    time_t s = timegm(&civil);
    return s < 0 ? 0 : (uint64_t)s;
}

/* The answer about the certificate with this serial; NULL when it is about others. */
static OCSP_SINGLERESP *
answer_about(OCSP_BASICRESP *basic, const X509 *leaf)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
        ASN1_INTEGER *serial = NULL;
        OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(one);
        if (OCSP_id_get0_info(NULL, NULL, NULL, &serial, id) == 1 &&
            ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0) {
            return one;
        }
    }
    return NULL;
}

static enum tls_staple
staple_of(OCSP_BASICRESP *basic, const X509 *leaf, uint64_t *ret_until_s)
{
    OCSP_SINGLERESP *one = basic == NULL || leaf == NULL ? NULL : answer_about(basic, leaf);
    if (one == NULL) {
        return TLS_STAPLE_UNREADABLE;
    }
    ASN1_GENERALIZEDTIME *until = NULL;
    int status = OCSP_single_get0_status(one, NULL, NULL, NULL, &until);
    *ret_until_s = generalized_s(until);
    return status == V_OCSP_CERTSTATUS_GOOD      ? TLS_STAPLE_GOOD
           : status == V_OCSP_CERTSTATUS_REVOKED ? TLS_STAPLE_REVOKED
                                                 : TLS_STAPLE_UNKNOWN;
}

static void
note_staple(SSL *ssl, struct tls_seen *seen)
{
    const unsigned char *p = NULL;
    long n = SSL_get_tlsext_status_ocsp_resp(ssl, &p);
    if (n <= 0 || p == NULL) {
        return;
    }
    OCSP_RESPONSE *answer = d2i_OCSP_RESPONSE(NULL, &p, n);
    OCSP_BASICRESP *basic = answer == NULL ? NULL : OCSP_response_get1_basic(answer);
    seen->staple = staple_of(basic, SSL_get0_peer_certificate(ssl), &seen->staple_until_s);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(answer);
    ERR_clear_error();
}

const char *
tls_staple_name(enum tls_staple s)
{
    static const char *const names[] = {
        [TLS_STAPLE_NONE] = "none",
        [TLS_STAPLE_GOOD] = "good",
        [TLS_STAPLE_REVOKED] = "revoked",
        [TLS_STAPLE_UNKNOWN] = "unknown",
        [TLS_STAPLE_UNREADABLE] = "unreadable",
    };
    _Static_assert(COUNT_OF(names) == TLS_STAPLE_COUNT, "each has a name");
    return names[s];
}

/* ---- telling ---- */

static void
note_agreed(SSL *ssl, const struct watch *w, struct tls_seen *seen)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const unsigned char *alpn = NULL;
    unsigned alpn_n = 0;
    seen->version = w->flight.version;
    seen->suite = cipher == NULL ? w->flight.suite : SSL_CIPHER_get_protocol_id(cipher);
    if (cipher != NULL) {
        struct str name = str_sub(str_of(SSL_CIPHER_get_name(cipher)), 0, sizeof(seen->cipher) - 1);
        ASSERT(str_copy_z(name, seen->cipher, sizeof(seen->cipher))); /* cut, so it fits */
    }
    seen->group = w->flight.group;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_n);
    if (alpn != NULL && alpn_n <= sizeof(seen->alpn)) {
        memcpy(seen->alpn, alpn, alpn_n);
        seen->alpn_n = (uint8_t)alpn_n;
    }
    seen->resumed = seen->done && SSL_session_reused(ssl) == 1;
}

/* The system's word where a socket failed, else the library's, else the alert's. An end that the
 * filter's transport reports is the end that s_client and curl name so. */
static void
note_reason(const struct tls_conn *c, const struct watch *w, struct tls_seen *seen)
{
    const char *text = c->error == 0 && w->reason[0] != '\0' ? w->reason : c->alert.text;
    if (text[0] == '\0' && c->eof && !seen->done) {
        text = "unexpected eof while reading";
    }
    ASSERT(str_copy_z(str_of(text), seen->reason, sizeof(seen->reason))); /* neither is longer */
}

void
tls_observe(const struct stream *stream, struct tls_seen *ret_seen)
{
    const struct tls_conn *c = conn_of(stream);
    const struct watch *w = watch_of(c->ssl);
    *ret_seen = (struct tls_seen){
        .done = SSL_is_init_finished(c->ssl) == 1,
        .certificate_request = w->flight.certificate_request,
        .client_certificate_sent = w->certificate_sent,
        .tickets = w->tickets,
        .sct = w->flight.sct,
        .alert_sent = w->alert_sent,
        .alert_received = w->alert_received,
    };
    note_agreed(c->ssl, w, ret_seen);
    note_staple(c->ssl, ret_seen);
    note_reason(c, w, ret_seen);
    der_list_copy(&w->flight.chain, &ret_seen->chain);
}

void
tls_seen_done(struct tls_seen *seen)
{
    der_list_done(&seen->chain);
    *seen = (struct tls_seen){.alert_sent = -1, .alert_received = -1};
}

struct tls_session *
tls_session_take(const struct stream *stream)
{
    struct watch *w = watch_of(conn_of(stream)->ssl);
    if (w->session == NULL) {
        return NULL;
    }
    /* A copy: libssl spoils the sessions of a connection that ends without a goodbye. */
    struct tls_session *s = xalloc(sizeof(*s));
    s->p = SSL_SESSION_dup(w->session);
    SSL_SESSION_free(w->session);
    w->session = NULL;
    if (s->p == NULL) {
        tls_session_free(&s);
    }
    return s;
}

void
tls_session_free(struct tls_session **s)
{
    if (*s != NULL) {
        SSL_SESSION_free((*s)->p);
        xfree(*s);
        *s = NULL;
    }
}
