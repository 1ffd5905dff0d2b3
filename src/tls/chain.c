/* SPDX-License-Identifier: Apache-2.0
 * The chain check: OpenSSL walks the path and is told to go on at every fault; what only browsers
 * mind is looked for besides. The facts hold all of it, because certificate faults hide each other.
 */
#include "tls/chain_int.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    DAY_S = 86400,
    ENDS_SOON_DAYS = 14,
    VALIDITY_DAYS_MAX = 398,
    VALIDITY_RULE_SINCE_S = 1598918400, /* 2020-09-01: older certificates may be longer */
    RSA_BITS_MIN = 2048,
    RSA_BITS_SIGNING_MIN = 1024, /* below it a server cannot even sign for TLS 1.3 */
    DEBIAN_LEVEL = 2,            /* security level of curl and s_client on Debian: 112 bits */
    STEPS_DEPTH_MAX = CHAIN_STEPS_MAX - 2,
    CURL_PEER_FAILED = 60,
    CURL_TLS_FAILED = 35,
};

struct code {
    int number;
    unsigned depth;
};

/* One walk of OpenSSL's. */
struct walk {
    struct code codes[CHAIN_CODES_MAX];
    size_t count;
    struct stack_st_X509 *path; /* owned; NULL: none */
    bool anchored;              /* its last certificate is from the store */
};

struct check {
    const struct chain_question *q; /* borrowed */
    struct chain_facts *f;
    X509 *sent[LIMIT_TLS_CHAIN_CERTIFICATES]; /* owned; NULL where malformed */
    bool used[LIMIT_TLS_CHAIN_CERTIFICATES];  /* stands in the path */
    struct walk walk;
};

/* ---- problems ---- */

static bool
has_problem(const struct chain_facts *f, enum chain_problem_kind kind, unsigned depth)
{
    for (size_t i = 0; i < f->problem_count; i++) {
        if (f->problems[i].kind == kind && f->problems[i].depth == depth) {
            return true;
        }
    }
    return false;
}

static void
add_problem(struct check *c, enum chain_problem_kind kind, unsigned depth, bool sent, size_t index)
{
    struct chain_facts *f = c->f;
    /* Some are found twice, by OpenSSL and by ourselves. */
    if (has_problem(f, kind, depth) || f->problem_count == CHAIN_PROBLEMS_MAX) {
        return;
    }
    size_t at = f->problem_count++;
    while (at > 0 && f->problems[at - 1].kind > kind) { /* the table's order, fatal ones first */
        f->problems[at] = f->problems[at - 1];
        at--;
    }
    f->problems[at] = (struct chain_problem){kind, depth, sent, sent ? index : 0};
}

static void
add_at_step(struct check *c, enum chain_problem_kind kind, unsigned depth)
{
    bool sent = depth < c->f->path_count && c->f->path[depth].source == CHAIN_SENT;
    add_problem(c, kind, depth, sent, sent ? c->f->path[depth].index : 0);
}

static void
add_at_sent(struct check *c, enum chain_problem_kind kind, size_t index)
{
    add_problem(c, kind, (unsigned)index, true, index);
}

/* ---- the walk ---- */

static int walk_index = -1; /* made once, constant after: where a walk hangs on a store context */

/* Called for each fault: noted, and on. */
static int
note_and_go_on(int fine, X509_STORE_CTX *context)
{
    if (fine == 1) {
        return 1;
    }
    struct walk *w = X509_STORE_CTX_get_ex_data(context, walk_index);
    int depth = X509_STORE_CTX_get_error_depth(context);
    if (w->count < CHAIN_CODES_MAX) {
        w->codes[w->count++] =
            (struct code){X509_STORE_CTX_get_error(context), depth < 0 ? 0 : (unsigned)depth};
    }
    /* A remembered error would keep later ones from being told: a short key an untrusted root. */
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

static bool
set_host(X509_VERIFY_PARAM *param, struct str host)
{
    struct addr address;
    char text[ADDR_TEXT];
    host = str_ends(host, STR(".")) ? str_sub(host, 0, host.n - 1) : host;
    if (addr_parse(host, 0, &address)) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, addr_text(&address, text)) == 1;
    }
    return host.n == 0 || X509_VERIFY_PARAM_set1_host(param, host.p, host.n) == 1;
}

static bool
walk_prepare(X509_STORE_CTX *context, const struct check *c, struct stack_st_X509 *others,
             struct walk *w)
{
    if (X509_STORE_CTX_init(context, chain_store_x509(c->q->store), c->sent[0], others) != 1 ||
        X509_STORE_CTX_set_default(context, "ssl_server") != 1 ||
        X509_STORE_CTX_set_ex_data(context, walk_index, w) != 1) {
        return false;
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, (time_t)c->q->now_s);
    X509_VERIFY_PARAM_set_depth(param, STEPS_DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, DEBIAN_LEVEL);
    X509_STORE_CTX_set_verify_cb(context, note_and_go_on);
    return set_host(param, c->q->host);
}

static void
walk_run(const struct check *c, struct stack_st_X509 *others, struct walk *w)
{
    if (walk_index < 0) {
        walk_index = X509_STORE_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (context != NULL && walk_prepare(context, c, others, w)) {
        int result = X509_verify_cert(context);
        w->path = X509_STORE_CTX_get1_chain(context);
        w->anchored = X509_STORE_CTX_get_num_untrusted(context) < sk_X509_num(w->path);
        if (result != 1 && w->count == 0) { /* it stopped without a word: not to be trusted */
            int code = X509_STORE_CTX_get_error(context);
            w->codes[w->count++] = (struct code){code == 0 ? X509_V_ERR_UNSPECIFIED : code, 0};
        }
    } else {
        w->codes[w->count++] = (struct code){X509_V_ERR_UNSPECIFIED, 0};
    }
    X509_STORE_CTX_free(context);
    ERR_clear_error();
}

static void
walk_done(struct walk *w)
{
    sk_X509_pop_free(w->path, X509_free);
    w->path = NULL;
}

static bool
walk_has(const struct walk *w, int code)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->codes[i].number == code) {
            return true;
        }
    }
    return false;
}

/* The end of the path was not found: what OpenSSL says then. */
static bool
walk_misses_issuer(const struct walk *w)
{
    return walk_has(w, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) ||
           walk_has(w, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT) ||
           walk_has(w, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE);
}

static bool
walk_trusted(const struct walk *w)
{
    static const int ends[] = {
        X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
        X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        X509_V_ERR_CERT_CHAIN_TOO_LONG,
        X509_V_ERR_CERT_UNTRUSTED,
        X509_V_ERR_CERT_REJECTED,
        X509_V_ERR_UNSPECIFIED,
    };
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        if (walk_has(w, ends[i])) {
            return false;
        }
    }
    return !walk_misses_issuer(w) && w->anchored;
}

/* ---- reading what was sent ---- */

static void
read_sent(struct check *c)
{
    const struct der_list *list = c->q->sent;
    c->f->count = list->count;
    c->f->total = MAX_OF(list->total, list->count);
    for (size_t i = 0; i < list->count; i++) {
        c->sent[i] = chain_certificate_parse(&list->items[i]);
        if (c->sent[i] == NULL) {
            c->f->certificates[i] = (struct chain_certificate){
                .malformed = true,
                .subject = xstrdup(""),
                .issuer = xstrdup(""),
                .common_name = xstrdup(""),
                .aia_url = xstrdup(""),
                .ocsp_url = xstrdup(""),
            };
            add_at_sent(c, CHAIN_MALFORMED, i);
        } else {
            chain_certificate_facts(c->sent[i], &c->f->certificates[i]);
        }
    }
    if (c->f->total > c->f->count) {
        add_at_sent(c, CHAIN_TOO_MANY, c->f->count == 0 ? 0 : c->f->count - 1);
    }
    if (c->f->total == 0) {
        add_problem(c, CHAIN_EMPTY, 0, false, 0);
    }
}

/* All but the first, and what was fetched. Each element is borrowed or, with `fetched`, owned by
 * the stack; so it is always freed with pop_free after an up_ref. */
static struct stack_st_X509 *
others_of(const struct check *c, const struct der_list *fetched)
{
    struct stack_st_X509 *others = sk_X509_new_null();
    for (size_t i = 1; i < c->f->count; i++) {
        if (c->sent[i] != NULL) {
            (void)X509_add_cert(others, c->sent[i], X509_ADD_FLAG_UP_REF); /* or one less */
        }
    }
    for (size_t i = 0; fetched != NULL && i < fetched->count; i++) {
        X509 *x = chain_certificate_parse(&fetched->items[i]);
        if (x != NULL && X509_add_cert(others, x, X509_ADD_FLAG_DEFAULT) != 1) {
            X509_free(x);
        }
    }
    return others;
}

/* ---- the path ---- */

/* Which of the sent ones this is; the same certificate may lie in the store, too. */
static bool
find_sent(const struct check *c, const X509 *x, size_t *ret_index)
{
    for (size_t i = 0; i < c->f->count; i++) {
        if (c->sent[i] != NULL && X509_cmp(c->sent[i], x) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static void
note_path(struct check *c)
{
    struct chain_facts *f = c->f;
    int count = sk_X509_num(c->walk.path);
    for (int i = 0; i < count && f->path_count < CHAIN_STEPS_MAX; i++) {
        const X509 *x = sk_X509_value(c->walk.path, i);
        struct chain_step *step = &f->path[f->path_count++];
        *step = (struct chain_step){.source = CHAIN_STORE,
                                    .subject = chain_name_text(X509_get_subject_name(x))};
        if (find_sent(c, x, &step->index)) {
            step->source = CHAIN_SENT;
            c->used[step->index] = true;
        }
    }
    f->trusted = walk_trusted(&c->walk);
    f->public_root =
        f->trusted && chain_store_is_public(c->q->store, sk_X509_value(c->walk.path, count - 1));
}

/* Same name and key as one of the path: another way to the top, for other clients. */
static bool
is_another_way(const struct check *c, const X509 *x)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    for (int i = 0; i < sk_X509_num(c->walk.path); i++) {
        const X509 *step = sk_X509_value(c->walk.path, i);
        const EVP_PKEY *other = X509_get0_pubkey(step);
        if (key != NULL && other != NULL && EVP_PKEY_eq(key, other) == 1 &&
            X509_NAME_cmp(X509_get_subject_name(step), X509_get_subject_name(x)) == 0) {
            return true;
        }
    }
    return false;
}

static void
judge_order(struct check *c)
{
    size_t last = 0;
    for (size_t i = 0; i < c->f->path_count; i++) {
        if (c->f->path[i].source != CHAIN_SENT) {
            continue;
        }
        if (c->f->path[i].index < last) {
            add_at_step(c, CHAIN_WRONG_ORDER, (unsigned)i);
            break;
        }
        last = c->f->path[i].index;
    }
    for (size_t i = 1; i < c->f->count; i++) {
        const struct chain_certificate *one = &c->f->certificates[i];
        if (one->malformed) {
            continue;
        }
        if (one->self_signed) {
            add_at_sent(c, CHAIN_ROOT_INCLUDED, i);
        } else if (!c->used[i] && !is_another_way(c, c->sent[i])) {
            add_at_sent(c, CHAIN_UNUSED, i);
        }
        if (!c->used[i] && one->not_after_s < c->q->now_s) {
            add_at_sent(c, CHAIN_EXPIRED_EXTRA, i);
        }
    }
}

/* ---- what OpenSSL found ---- */

/* Problems that its codes stand for; those about names and missing issuers are judged elsewhere. */
static const struct {
    int code;
    bool judged_elsewhere;
    enum chain_problem_kind at_leaf, above;
} verify_rows[] = {
    {X509_V_ERR_HOSTNAME_MISMATCH, true, CHAIN_COUNT, CHAIN_COUNT},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, true, CHAIN_COUNT, CHAIN_COUNT},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, true, CHAIN_COUNT, CHAIN_COUNT},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, true, CHAIN_COUNT, CHAIN_COUNT},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, true, CHAIN_COUNT, CHAIN_COUNT},
    {X509_V_ERR_CERT_HAS_EXPIRED, false, CHAIN_EXPIRED, CHAIN_EXPIRED_INTERMEDIATE},
    {X509_V_ERR_CERT_NOT_YET_VALID, false, CHAIN_NOT_YET_VALID, CHAIN_NOT_YET_VALID},
    {X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, false, CHAIN_MALFORMED, CHAIN_MALFORMED},
    {X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, false, CHAIN_MALFORMED, CHAIN_MALFORMED},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, false, CHAIN_SELF_SIGNED, CHAIN_SELF_SIGNED},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, false, CHAIN_UNTRUSTED_ROOT, CHAIN_UNTRUSTED_ROOT},
    {X509_V_ERR_CERT_UNTRUSTED, false, CHAIN_UNTRUSTED_ROOT, CHAIN_UNTRUSTED_ROOT},
    {X509_V_ERR_CERT_REJECTED, false, CHAIN_UNTRUSTED_ROOT, CHAIN_UNTRUSTED_ROOT},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, false, CHAIN_BAD_SIGNATURE, CHAIN_BAD_SIGNATURE},
    {X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, false, CHAIN_BAD_SIGNATURE, CHAIN_BAD_SIGNATURE},
    {X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, false, CHAIN_MALFORMED, CHAIN_MALFORMED},
    {X509_V_ERR_INVALID_CA, false, CHAIN_NOT_A_CA, CHAIN_NOT_A_CA},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, false, CHAIN_NOT_A_CA, CHAIN_NOT_A_CA},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, false, CHAIN_PATH_LENGTH, CHAIN_PATH_LENGTH},
    {X509_V_ERR_PERMITTED_VIOLATION, false, CHAIN_NAME_CONSTRAINT, CHAIN_NAME_CONSTRAINT},
    {X509_V_ERR_EXCLUDED_VIOLATION, false, CHAIN_NAME_CONSTRAINT, CHAIN_NAME_CONSTRAINT},
    {X509_V_ERR_SUBTREE_MINMAX, false, CHAIN_NAME_CONSTRAINT, CHAIN_NAME_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, false, CHAIN_NAME_CONSTRAINT, CHAIN_NAME_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, false, CHAIN_NAME_CONSTRAINT, CHAIN_NAME_CONSTRAINT},
    {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, false, CHAIN_NAME_CONSTRAINT, CHAIN_NAME_CONSTRAINT},
    {X509_V_ERR_INVALID_PURPOSE, false, CHAIN_EKU_WRONG, CHAIN_EKU_WRONG},
    {X509_V_ERR_EE_KEY_TOO_SMALL, false, CHAIN_WEAK_KEY, CHAIN_WEAK_KEY},
    {X509_V_ERR_CA_KEY_TOO_SMALL, false, CHAIN_WEAK_KEY, CHAIN_WEAK_KEY},
    {X509_V_ERR_CA_MD_TOO_WEAK, false, CHAIN_WEAK_HASH, CHAIN_WEAK_HASH},
    {X509_V_ERR_CERT_REVOKED, false, CHAIN_REVOKED, CHAIN_REVOKED},
};

static bool
leaf_is_for_servers(const X509 *leaf)
{
    uint32_t usage = X509_get_extended_key_usage((X509 *)(uintptr_t)leaf);
    return (usage & XKU_SSL_SERVER) != 0 || (usage & XKU_ANYEKU) != 0; /* all bits: no extension */
}

static void
judge_code(struct check *c, const struct code *code)
{
    enum chain_problem_kind kind = CHAIN_OTHER;
    for (size_t i = 0; i < COUNT_OF(verify_rows); i++) {
        if (verify_rows[i].code == code->number) {
            if (verify_rows[i].judged_elsewhere) {
                return;
            }
            kind = code->depth == 0 ? verify_rows[i].at_leaf : verify_rows[i].above;
        }
    }
    if (kind == CHAIN_EKU_WRONG && code->depth == 0 && leaf_is_for_servers(c->sent[0])) {
        kind = CHAIN_KEY_USAGE; /* one code for both */
    }
    if (kind == CHAIN_EKU_WRONG && has_problem(c->f, CHAIN_NOT_A_CA, code->depth)) {
        return; /* said again in other words */
    }
    add_at_step(c, kind, code->depth);
}

static void
note_codes(struct check *c)
{
    struct chain_facts *f = c->f;
    f->verify_code_count = c->walk.count;
    for (size_t i = 0; i < c->walk.count; i++) {
        int code = c->walk.codes[i].number;
        f->verify_codes[i] = code;
        judge_code(c, &c->walk.codes[i]);
        /* s_client is not told the name. */
        if (code != X509_V_ERR_HOSTNAME_MISMATCH && code != X509_V_ERR_IP_ADDRESS_MISMATCH) {
            f->verify_last = code;
        }
    }
    f->verify_code = c->walk.count > 0 ? c->walk.codes[0].number : X509_V_OK;
    f->curl_exit = f->verify_code == X509_V_OK ? 0 : CURL_PEER_FAILED;
}

/* ---- the end of the path ---- */

static bool
trusted_with_fetched(struct check *c, bool *ret_private_root)
{
    struct walk second = {0};
    struct stack_st_X509 *others = others_of(c, c->q->fetched);
    walk_run(c, others, &second);
    bool trusted = walk_trusted(&second);
    *ret_private_root = walk_has(&second, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
    sk_X509_pop_free(others, X509_free);
    walk_done(&second);
    return trusted;
}

/* Was anything sent beside the leaf that claims to be an intermediate? */
static bool
sent_intermediates(const struct check *c)
{
    for (size_t i = 1; i < c->f->count; i++) {
        const struct chain_certificate *one = &c->f->certificates[i];
        if (!one->malformed && !one->self_signed && X509_cmp(c->sent[0], c->sent[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* The issuer of the path's last certificate is neither sent nor known. A server that forgets its
 * intermediate and a private authority look alike, unless the missing one can be fetched: then
 * both are named. */
static void
judge_missing_issuer(struct check *c)
{
    struct chain_facts *f = c->f;
    int count = sk_X509_num(c->walk.path);
    const X509 *top = count > 0 ? sk_X509_value(c->walk.path, count - 1) : c->sent[0];
    unsigned depth = count > 0 ? (unsigned)count - 1 : 0;
    f->missing_issuer = chain_name_text(X509_get_issuer_name(top));
    f->missing_url = chain_access_url(top, NID_ad_ca_issuers);
    bool has_url = f->missing_url[0] != '\0', private_root = false;
    if (!has_url) {
        xfree(f->missing_url);
        f->missing_url = NULL;
    }
    f->works_with_aia = f->fetched_given && trusted_with_fetched(c, &private_root);
    bool leaf_alone = depth == 0;
    if (leaf_alone && sent_intermediates(c)) {
        add_at_step(c, CHAIN_WRONG_CHAIN, depth);
    } else if (leaf_alone || f->works_with_aia || (has_url && !f->fetched_given)) {
        add_at_step(c, CHAIN_INCOMPLETE, depth);
    }
    bool may_be_fetched = has_url && !f->fetched_given;
    if (!f->works_with_aia && (private_root || !leaf_alone || !may_be_fetched) &&
        chain_problem_of(f, CHAIN_WRONG_CHAIN) == NULL) {
        add_at_step(c, CHAIN_UNTRUSTED_ROOT, depth);
    }
}

/* ---- what browsers mind ---- */

static void
judge_name(struct check *c)
{
    bool any;
    if (c->q->host.n == 0 || chain_names_cover(c->sent[0], c->q->host, &any)) {
        return;
    }
    bool by_common_name = !any && chain_common_name_covers(c->sent[0], c->q->host);
    add_at_step(c, by_common_name ? CHAIN_NO_SAN : CHAIN_NAME_MISMATCH, 0);
}

static void
judge_leaf_key(struct check *c, const struct chain_certificate *leaf)
{
    static const char *const good_curves[] = {"P-256", "P-384"};
    bool fine = leaf->key == CHAIN_KEY_RSA && leaf->key_bits >= RSA_BITS_SIGNING_MIN;
    for (size_t i = 0; i < COUNT_OF(good_curves) && leaf->key == CHAIN_KEY_EC; i++) {
        fine = fine || strcmp(leaf->curve, good_curves[i]) == 0;
    }
    if (!fine) {
        add_at_step(c, CHAIN_KEY_TYPE, 0);
    }
    if ((X509_get_key_usage(c->sent[0]) & KU_DIGITAL_SIGNATURE) == 0) { /* all bits: no extension */
        add_at_step(c, CHAIN_KEY_USAGE, 0);
    }
}

static void
judge_leaf_dates(struct check *c, const struct chain_certificate *leaf)
{
    uint64_t now = c->q->now_s;
    if (now >= leaf->not_before_s && now <= leaf->not_after_s &&
        leaf->not_after_s - now < (uint64_t)ENDS_SOON_DAYS * DAY_S) {
        add_at_step(c, CHAIN_ENDS_SOON, 0);
    }
    if (c->f->public_root && leaf->not_before_s >= VALIDITY_RULE_SINCE_S &&
        leaf->not_after_s > leaf->not_before_s &&
        leaf->not_after_s - leaf->not_before_s > (uint64_t)VALIDITY_DAYS_MAX * DAY_S) {
        add_at_step(c, CHAIN_VALIDITY_TOO_LONG, 0);
    }
}

static void
judge_leaf_proofs(struct check *c, const struct chain_certificate *leaf)
{
    if (c->q->staple == TLS_STAPLE_REVOKED) {
        add_at_step(c, CHAIN_REVOKED, 0);
    }
    if (!c->q->handshake_seen) {
        return;
    }
    bool stapled = c->q->staple != TLS_STAPLE_NONE && c->q->staple != TLS_STAPLE_UNREADABLE;
    if (leaf->must_staple && !stapled) {
        add_at_step(c, CHAIN_MUST_STAPLE, 0);
    }
    /* The third place for them is the stapled answer, which is not searched. */
    if (c->f->public_root && !leaf->embedded_sct && !c->q->sct && !stapled) {
        add_at_step(c, CHAIN_CT_MISSING, 0);
    }
}

static bool
is_weak_hash(const char *hash)
{
    static const char *const weak[] = {"SHA1", "MD5", "MD4", "MD2", "MD5-SHA1"};
    for (size_t i = 0; i < COUNT_OF(weak); i++) {
        if (str_ieq(str_of(hash), str_of(weak[i]))) {
            return true;
        }
    }
    return false;
}

/* A root's own signature proves nothing and is not looked at. */
static void
judge_strength(struct check *c)
{
    for (unsigned depth = 0; depth < c->f->path_count; depth++) {
        if (c->f->path[depth].source != CHAIN_SENT) {
            continue;
        }
        const struct chain_certificate *one = &c->f->certificates[c->f->path[depth].index];
        if (is_weak_hash(one->hash) && !one->self_signed) {
            add_at_step(c, CHAIN_WEAK_HASH, depth);
        }
        if (one->key == CHAIN_KEY_RSA && one->key_bits < RSA_BITS_MIN) {
            add_at_step(c, CHAIN_WEAK_KEY, depth);
        }
    }
}

/* ---- the whole ---- */

static void
check_path(struct check *c)
{
    struct stack_st_X509 *others = others_of(c, NULL);
    walk_run(c, others, &c->walk);
    sk_X509_pop_free(others, X509_free);
    note_path(c);
    note_codes(c);
    if (walk_misses_issuer(&c->walk)) {
        judge_missing_issuer(c);
    }
    const struct chain_certificate *leaf = &c->f->certificates[0];
    judge_name(c);
    judge_leaf_key(c, leaf);
    judge_leaf_dates(c, leaf);
    judge_leaf_proofs(c, leaf);
    judge_strength(c);
    judge_order(c);
    for (size_t i = 0; i < c->f->count && c->f->interceptor == NULL; i++) {
        c->f->interceptor = chain_interceptor(str_of(c->f->certificates[i].issuer));
    }
}

void
chain_check(const struct chain_question *q, struct chain_facts *ret_facts)
{
    *ret_facts = (struct chain_facts){.fetched_given = q->fetched != NULL};
    struct check c = {.q = q, .f = ret_facts};
    read_sent(&c);
    if (ret_facts->count > 0 && c.sent[0] != NULL) {
        check_path(&c);
    } else {
        ret_facts->curl_exit = CURL_TLS_FAILED; /* no client gets as far as a check */
    }
    walk_done(&c.walk);
    for (size_t i = 0; i < ret_facts->count; i++) {
        X509_free(c.sent[i]);
    }
    ERR_clear_error();
}

void
chain_facts_done(struct chain_facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        chain_certificate_done(&f->certificates[i]);
    }
    for (size_t i = 0; i < f->path_count; i++) {
        xfree(f->path[i].subject);
    }
    xfree(f->missing_issuer);
    xfree(f->missing_url);
    *f = (struct chain_facts){0};
}

/* ---- what was fetched ---- */

static void
list_add_x509(struct der_list *list, X509 *x)
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    if (n > 0) {
        der_list_add(list, der, (size_t)n);
    }
    OPENSSL_free(der);
}

static void
list_add_pkcs7(struct der_list *list, PKCS7 *bag)
{
    struct stack_st_X509 *all = NULL;
    if (bag != NULL && PKCS7_type_is_signed(bag) && bag->d.sign != NULL) {
        all = bag->d.sign->cert;
    }
    for (int i = 0; i < sk_X509_num(all); i++) {
        list_add_x509(list, sk_X509_value(all, i));
    }
    PKCS7_free(bag);
}

static int
no_passphrase(char *text UNUSED, int size UNUSED, int writing UNUSED, void *context UNUSED)
{
    return -1;
}

static void
list_add_pem(struct der_list *list, struct str text)
{
    BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
    X509 *x;
    while (in != NULL && list->total < LIMIT_TLS_CHAIN_CERTIFICATES &&
           (x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) != NULL) {
        list_add_x509(list, x);
        X509_free(x);
    }
    BIO_free(in);
    in = BIO_new_mem_buf(text.p, (int)text.n);
    if (in != NULL) {
        list_add_pkcs7(list, PEM_read_bio_PKCS7(in, NULL, no_passphrase, NULL));
    }
    BIO_free(in);
}

enum err
chain_aia_read(struct str bytes, struct der_list *list)
{
    size_t before = list->count;
    if (bytes.n == 0 || bytes.n > INT_MAX) {
        return ERR_INVALID;
    }
    struct der der = {(uint8_t *)(uintptr_t)bytes.p, bytes.n};
    X509 *x = chain_certificate_parse(&der);
    if (x != NULL) {
        der_list_add(list, der.p, der.n);
        X509_free(x);
    } else if (str_find(bytes, STR("-----BEGIN "), NULL)) {
        list_add_pem(list, bytes);
    } else {
        const unsigned char *p = (const unsigned char *)bytes.p;
        list_add_pkcs7(list, d2i_PKCS7(NULL, &p, (long)bytes.n));
    }
    ERR_clear_error();
    return list->count > before ? ERR_OK : ERR_INVALID;
}
