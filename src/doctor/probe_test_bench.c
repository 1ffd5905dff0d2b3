/* SPDX-License-Identifier: Apache-2.0
 * The far end in a thread, this end on a loop of its own. */
#include "doctor/probe_test_bench.h"

#include <openssl/x509v3.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/test.h"
#include "crypto/pki.h"
#include "doctor/question.h"

enum { DAY_S = 86400, CANCEL_MS = 10000 };

/* ---- certificates ---- */

struct identity {
    struct evp_pkey_st *key;
    struct x509_st *certificate;
};

static struct identity
issue(bool authority, const char *names, const struct identity *issuer)
{
    struct identity id = {NULL, NULL};
    struct str list[4], rest = str_of(names);
    size_t count = 0;
    uint64_t now = clock_wall_us() / 1000000;
    while (names[0] != '\0' && count < COUNT_OF(list) && str_cut(&rest, ' ', &list[count])) {
        count++;
    }
    struct pki_request r = {.authority = authority,
                            .common_name = authority ? STR("Bench Authority") : list[0],
                            .names = list,
                            .name_count = count,
                            .not_before_s = now - DAY_S,
                            .not_after_s = now + 90 * DAY_S,
                            .issuer = issuer == NULL ? NULL : issuer->certificate,
                            .issuer_key = issuer == NULL ? NULL : issuer->key};
    ASSERT(pki_key_new(PKI_EC, 256, &id.key, NULL) == ERR_OK);
    ASSERT(pki_certificate_new(&r, id.key, &id.certificate, NULL) == ERR_OK);
    return id;
}

static const struct identity *
root(void)
{
    static struct identity id;
    if (id.key == NULL) {
        id = issue(true, "", NULL);
    }
    return &id;
}

static void
add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    ASSERT(e != NULL);
    ASSERT(X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

/* A certificate of libcrypto's own, where pki makes none: with an address of the issuer, and an
 * authority below another one. */
static X509 *
hand_made(const char *name, bool authority, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
          const char *issuer_url)
{
    static long serial = 1000;
    X509 *x = X509_new();
    ASSERT(x != NULL && X509_set_version(x, 2) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), 90L * DAY_S);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    X509_set_pubkey(x, key);
    add_extension(x, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (authority) {
        add_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        add_extension(x, NID_subject_alt_name, "DNS:app.example.com");
        add_extension(x, NID_ext_key_usage, "serverAuth");
    }
    if (issuer_url != NULL) {
        char text[256];
        (void)snprintf(text, sizeof(text), "caIssuers;URI:%s", issuer_url);
        add_extension(x, NID_info_access, text);
    }
    ASSERT(X509_sign(x, issuer_key, EVP_sha256()) > 0);
    return x;
}

static const struct identity *
intermediate(void)
{
    static struct identity id;
    if (id.key == NULL) {
        ASSERT(pki_key_new(PKI_EC, 256, &id.key, NULL) == ERR_OK);
        id.certificate =
            hand_made("Bench Intermediate", true, id.key, root()->certificate, root()->key, NULL);
    }
    return &id;
}

struct str
bench_intermediate(void)
{
    static unsigned char *der;
    static int n;
    if (der == NULL) {
        n = i2d_X509(intermediate()->certificate, &der);
    }
    return (struct str){(const char *)der, (size_t)n};
}

/* ---- the far end ---- */

static int
choose_alpn(SSL *ssl UNUSED, const unsigned char **ret, unsigned char *ret_n,
            const unsigned char *offered, unsigned n, void *argument)
{
    const char *wanted = argument;
    size_t length = strlen(wanted);
    for (unsigned i = 0; i < n; i += 1u + offered[i]) {
        if (offered[i] == length && memcmp(offered + i + 1, wanted, length) == 0) {
            *ret = offered + i + 1;
            *ret_n = (unsigned char)length;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int
accept_any(int good UNUSED, X509_STORE_CTX *store UNUSED)
{
    return 1;
}

static void
use_identity(struct peer *p)
{
    if (p->forgets_intermediate) {
        EVP_PKEY *key = NULL;
        ASSERT(pki_key_new(PKI_EC, 256, &key, NULL) == ERR_OK);
        X509 *x = hand_made("app.example.com", false, key, intermediate()->certificate,
                            intermediate()->key, p->issuer_url);
        ASSERT(SSL_CTX_use_certificate(p->context, x) == 1);
        ASSERT(SSL_CTX_use_PrivateKey(p->context, key) == 1);
        X509_free(x);
        EVP_PKEY_free(key);
        return;
    }
    struct identity id =
        issue(false, p->names == NULL ? "app.example.com 127.0.0.1" : p->names, root());
    ASSERT(SSL_CTX_use_certificate(p->context, id.certificate) == 1);
    ASSERT(SSL_CTX_use_PrivateKey(p->context, id.key) == 1);
    pki_certificate_free(&id.certificate);
    pki_key_free(&id.key);
}

static void
make_context(struct peer *p)
{
    p->context = SSL_CTX_new(TLS_server_method());
    use_identity(p);
    ASSERT(SSL_CTX_set_session_id_context(p->context, (const unsigned char *)"b", 1) == 1);
    if (p->alpn != NULL) {
        SSL_CTX_set_alpn_select_cb(p->context, choose_alpn, (void *)(uintptr_t)p->alpn);
    }
    if (p->wants_certificate) {
        SSL_CTX_set_verify(p->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           accept_any);
    }
}

bool
conn_read(struct conn *c, void *to, size_t n)
{
    char *p = to;
    while (n > 0) {
        ssize_t got = c->ssl != NULL ? SSL_read(c->ssl, p, (int)n) : recv(c->fd, p, n, 0);
        if (got <= 0) {
            return false;
        }
        p += got;
        n -= (size_t)got;
    }
    return true;
}

bool
conn_read_head(struct conn *c, char *to, size_t size)
{
    size_t n = 0;
    to[0] = '\0';
    while (n + 1 < size && conn_read(c, to + n, 1)) {
        to[++n] = '\0';
        if (n >= 4 && strcmp(to + n - 4, "\r\n\r\n") == 0) {
            return true;
        }
    }
    return false;
}

void
conn_write(struct conn *c, const void *p, size_t n)
{
    const char *from = p;
    while (n > 0) {
        ssize_t put =
            c->ssl != NULL ? SSL_write(c->ssl, from, (int)n) : send(c->fd, from, n, MSG_NOSIGNAL);
        if (put <= 0) {
            return; /* the client has seen enough */
        }
        from += put;
        n -= (size_t)put;
    }
}

void
conn_say(struct conn *c, const char *text)
{
    conn_write(c, text, strlen(text));
}

bool
conn_start_tls(struct conn *c)
{
    c->ssl = SSL_new(c->peer->context);
    ASSERT(SSL_set_fd(c->ssl, c->fd) == 1);
    bool good = SSL_accept(c->ssl) == 1;
    if (good && SSL_get0_peer_certificate(c->ssl) != NULL) {
        c->peer->saw_certificate = true;
    }
    return good;
}

void
conn_reset(struct conn *c)
{
    struct linger hard = {1, 0};
    ASSERT(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0);
}

static void *
peer_main(void *argument)
{
    struct peer *p = argument;
    for (unsigned i = 0; i < p->connections; i++) {
        struct conn c = {.number = i, .peer = p};
        struct timeval patience = {5, 0};
        c.fd = accept(p->fd, NULL, NULL);
        ASSERT(c.fd >= 0);
        ASSERT(setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
        ASSERT(setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0);
        if (p->plain || conn_start_tls(&c)) {
            p->serve(&c);
        }
        if (c.ssl != NULL) {
            (void)SSL_shutdown(c.ssl); /* a goodbye, if it still gets through */
            SSL_free(c.ssl);
        }
        close(c.fd);
    }
    OPENSSL_thread_stop();
    return NULL;
}

void
peer_start(struct peer *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    (void)signal(SIGPIPE, SIG_IGN); /* libssl writes to clients that have seen enough */
    make_context(p);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(p->fd, (struct sockaddr *)&at, size) == 0 && listen(p->fd, 16) == 0);
    ASSERT(getsockname(p->fd, (struct sockaddr *)&at, &size) == 0);
    p->port = ntohs(at.sin_port);
    ASSERT(pthread_create(&p->thread, NULL, peer_main, p) == 0);
}

void
peer_stop(struct peer *p)
{
    ASSERT(pthread_join(p->thread, NULL) == 0);
    close(p->fd);
    SSL_CTX_free(p->context);
}

/* ---- a run without an engine ---- */

/* The struct is the engine's own; here it is the bench. */
static struct bench *
bench_of(const struct run *run)
{
    return (struct bench *)(void *)run->engine;
}

struct loop *
run_loop(const struct run *run)
{
    return bench_of(run)->loop;
}

const struct facts *
run_facts(const struct run *run)
{
    return &bench_of(run)->facts;
}

const struct question *
run_question(const struct run *run)
{
    return &bench_of(run)->facts.question;
}

uint64_t
run_now_us(const struct run *run)
{
    return loop_now_us(bench_of(run)->loop);
}

uint32_t
run_left_ms(const struct run *run UNUSED)
{
    return CANCEL_MS;
}

void
run_done(struct run *run, enum outcome outcome)
{
    struct bench *b = bench_of(run);
    run->result.outcome = outcome;
    run->result.end_us = run_now_us(run);
    CHECK(run->state == NULL);
    b->over = true;
}

bool
run_got(struct run *run, const void *p, size_t n)
{
    enum { KEEP = 65536, READ = 1 << 20 };
    struct result *r = &run->result;
    size_t take = r->got.n < KEEP ? MIN_OF(n, KEEP - r->got.n) : 0;
    r->first_us = r->first_us == 0 ? run_now_us(run) : r->first_us;
    r->got.p = xrealloc(r->got.p, r->got.n + take + 1);
    memcpy(r->got.p + r->got.n, p, take);
    r->got.n += take;
    r->got_total += n;
    return r->got_total < READ;
}

const char *
run_user_agent(const struct run *run UNUSED)
{
    return "openalb-doctor/test 0123456789abcdef";
}

const struct chain_store *
run_store(const struct run *run)
{
    return bench_of(run)->store;
}

void
run_keep_session(struct run *run, struct tls_session *session)
{
    tls_session_free(&bench_of(run)->session);
    bench_of(run)->session = session;
}

const struct tls_session *
run_session(const struct run *run)
{
    return bench_of(run)->session;
}

struct rand *
run_rand(const struct run *run)
{
    return &bench_of(run)->rand;
}

struct local_facts *
run_local(const struct run *run)
{
    return &bench_of(run)->facts.local;
}

int
run_take_spare(struct run *run UNUSED)
{
    return -1;
}

void
run_refuse(struct run *run, enum err err, const struct errinfo *why UNUSED)
{
    bench_of(run)->refused = err;
}

void
run_count_connection(struct run *run)
{
    bench_of(run)->connections++;
}

struct result
run_result(const struct run *run)
{
    return (struct result){.probe = run->wish.probe, .side = run->wish.side};
}

void
run_file(struct run *run UNUSED, struct result *result)
{
    result_done(result);
}

void
run_note_end(struct run *run, enum io io, int error)
{
    struct result *r = &run->result;
    r->finish = io == IO_EOF                            ? FINISH_FIN
                : error == ECONNRESET || error == EPIPE ? FINISH_RST
                                                        : FINISH_ERROR;
    r->error = io == IO_EOF ? 0 : error;
}

/* ---- this end ---- */

void
bench_open(struct bench *b, const char *url)
{
    struct buf pem = {0};
    *b = (struct bench){.store = chain_store_new()};
    ASSERT(tls_init(NULL) == ERR_OK);
    ASSERT(loop_new(&b->loop, NULL) == ERR_OK);
    rand_seed(&b->rand, 1);
    facts_init(&b->facts);
    question_init(&b->facts.question);
    ASSERT(question_set_url(&b->facts.question, str_of(url), NULL) == ERR_OK);
    b->facts.started_s = clock_wall_us() / 1000000;
    ASSERT(pki_certificate_pem(root()->certificate, &pem) == ERR_OK);
    ASSERT(chain_store_add_pem(b->store, buf_str(&pem), false, NULL) == ERR_OK);
    buf_free(&pem);
}

void
bench_close(struct bench *b)
{
    facts_done(&b->facts);
    tls_session_free(&b->session);
    chain_store_free(&b->store);
    loop_free(&b->loop);
}

static const struct machine *const machines[PROBE_COUNT] = {
#define PROBE(id, name, layer, machine, keep, sentence) [PROBE_##id] = &machine_##machine,
#include "doctor/probes.def"
#undef PROBE
};

const struct result *
bench_probe(struct bench *b, const struct wish *w, unsigned cancel_after_ms)
{
    struct run run = {.engine = (struct engine *)(void *)b, .wish = *w, .spare_fd = -1};
    uint64_t until =
        clock_mono_us() + 1000ull * (cancel_after_ms == 0 ? CANCEL_MS : cancel_after_ms);
    run.result = (struct result){.probe = w->probe, .side = w->side, .hop = w->hop, .at = w->at};
    memcpy(run.result.label, w->label, sizeof(run.result.label));
    if (w->url[0] != '\0') {
        run.result.url = xstrdup(w->url);
    }
    b->over = false;
    loop_turn(b->loop, 0);
    if (!machines[w->probe]->start(&run)) {
        run_done(&run, OUTCOME_FAIL);
    }
    while (!b->over && clock_mono_us() < until) {
        loop_turn(b->loop, 20);
    }
    if (!b->over) {
        machines[w->probe]->cancel(&run);
        CHECK(run.state == NULL);
        run.result.outcome = OUTCOME_TIMEOUT;
        run.result.finish = run.result.finish == FINISH_NONE ? FINISH_US : run.result.finish;
    }
    struct result *filed = facts_add(&b->facts);
    *filed = run.result;
    facts_digest(filed);
    return filed;
}

struct wish
bench_wish(enum probe probe, enum side side, const struct peer *p)
{
    struct wish w = {.probe = probe, .side = side};
    ASSERT(addr_parse(STR("127.0.0.1"), p->port, &w.at));
    ASSERT(str_copy_z(STR("app.example.com"), w.name, sizeof(w.name)));
    return w;
}

const char *
bench_client_file(void)
{
    static char path[] = "/tmp/openalb-probe-test-XXXXXX";
    static bool made;
    if (made) {
        return path;
    }
    struct identity id = issue(false, "client.example.com", root());
    struct buf pem = {0};
    int fd = mkstemp(path);
    ASSERT(pki_certificate_pem(id.certificate, &pem) == ERR_OK);
    ASSERT(pki_key_pem(id.key, &pem) == ERR_OK);
    ASSERT(write(fd, pem.p, pem.n) == (ssize_t)pem.n);
    close(fd);
    buf_free(&pem);
    pki_certificate_free(&id.certificate);
    pki_key_free(&id.key);
    made = true;
    return path;
}
