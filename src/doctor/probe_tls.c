/* SPDX-License-Identifier: Apache-2.0
 * Probes through libssl: the handshake with everything that is worth knowing about it, the check of
 * the certificate, and one request inside (C4, C5, R1 to R7, RC, RW). For http:// URLs, and where
 * the wish says so, the same request goes without TLS.
 *
 * A client certificate is offered on a second connection only: the first one has shown who asks for
 * it [ruling 8]. */
#include "doctor/engine_int.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "doctor/h2_client.h"
#include "doctor/redirect.h"
#include "doctor/request.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    READ_BYTES = 16 * 1024,    /* at a time */
    READS_PER_TURN = 16,       /* then others have their turn */
    READ_AGAIN_MAX = 64 << 20, /* bytes of answers in pieces that are looked at again and again */
};

struct talk {
    struct run *run;   /* borrowed */
    struct dial *dial; /* owned; NULL once the connection is there */
    struct stream stream;
    struct loop_io io;
    struct deferred again; /* more to read than one turn may */
    struct redirect hop;   /* R3: what is asked */
    bool secure;
    bool shaking;            /* the handshake goes on */
    bool offers_certificate; /* this connection may show the user's certificate */
    bool verified;
    struct h2_client *h2; /* owned; NULL: HTTP/1.1 */
    struct buf out;       /* what is to be sent */
    size_t sent;
    size_t looked_at; /* bytes, each time counted */
    unsigned breaks;  /* line ends in a row; two of them end the head */
    bool head_ended;  /* perhaps behind what is kept */
};

/* How the probes differ. */
static const struct {
    enum probe probe;
    unsigned alpn;
    bool handshake_only, no_name;
} rows[] = {
    {PROBE_C4, TLS_ALPN_BOTH, true, true},
    {PROBE_C5, TLS_ALPN_BOTH, true, false},
    {PROBE_R2, TLS_ALPN_H2, false, false},
};

static size_t
row_of(enum probe p)
{
    size_t i = 0;
    while (i < COUNT_OF(rows) && rows[i].probe != p) {
        i++;
    }
    return i;
}

static unsigned
alpn_of(enum probe p)
{
    size_t i = row_of(p);
    return i < COUNT_OF(rows) ? rows[i].alpn : TLS_ALPN_HTTP11;
}

static bool
is_handshake_only(enum probe p)
{
    size_t i = row_of(p);
    return i < COUNT_OF(rows) && rows[i].handshake_only;
}

/* The name that a certificate must bear. With another Host it is still the site's. */
static const char *
host_of(const struct talk *t)
{
    const struct run *run = t->run;
    bool hop = run->wish.probe == PROBE_R3;
    return hop ? t->hop.host : run_question(run)->host;
}

/* The load balancer sends no name to a target [ALB: TLS to targets]. */
static struct str
sni_of(const struct talk *t)
{
    size_t i = row_of(t->run->wish.probe);
    bool none = t->run->wish.side == SIDE_TARGET || (i < COUNT_OF(rows) && rows[i].no_name);
    return none ? STR_NONE : str_of(host_of(t));
}

/* ---- the end ---- */

static void
talk_close(struct talk *t)
{
    if (t->stream.fd >= 0) {
        loop_io_forget(run_loop(t->run), &t->io);
        stream_close(&t->stream);
    }
    dial_cancel(&t->dial);
    deferred_cancel(&t->again);
    h2_client_free(&t->h2);
    buf_free(&t->out);
}

static void
keep_session(struct talk *t)
{
    if (t->run->wish.probe == PROBE_R1 && t->run->wish.side == SIDE_SITE &&
        run_session(t->run) == NULL && t->run->result.seen->done) {
        struct tls_session *session = tls_session_take(&t->stream);
        if (session != NULL) {
            run_keep_session(t->run, session);
        }
    }
}

/* Once more at the end: tickets and late alerts come after the handshake. */
static void
note_seen(struct talk *t)
{
    struct result *r = &t->run->result;
    if (!t->secure || t->stream.fd < 0 || t->stream.ops == NULL) {
        return;
    }
    if (r->seen == NULL) {
        r->seen = xalloc(sizeof(*r->seen));
    } else {
        tls_seen_done(r->seen);
    }
    tls_observe(&t->stream, r->seen);
}

static void
talk_end(struct talk *t, enum outcome outcome)
{
    struct run *run = t->run;
    note_seen(t);
    if (run->result.seen != NULL && t->stream.fd >= 0 && t->stream.ops != NULL) {
        keep_session(t);
    }
    if (run->result.finish == FINISH_NONE) {
        run->result.finish = FINISH_US;
    }
    talk_close(t);
    run->state = NULL;
    xfree(t);
    run_done(run, outcome);
}

static void
talk_over(struct talk *t)
{
    bool answered = t->h2 != NULL ? h2_client_answered(t->h2) : t->run->result.got_total > 0;
    talk_end(t, answered ? OUTCOME_OK : OUTCOME_FAIL);
}

/* ---- the certificate ---- */

static void
check_chain(struct talk *t)
{
    struct result *r = &t->run->result;
    const struct chain_store *store = run_store(t->run);
    struct chain_store *none = store == NULL ? chain_store_new() : NULL;
    struct chain_question q = {.sent = &r->seen->chain,
                               .host = str_of(host_of(t)),
                               .now_s = run_facts(t->run)->started_s,
                               .store = store == NULL ? none : store,
                               .staple = r->seen->staple,
                               .sct = r->seen->sct,
                               .handshake_seen = r->seen->done};
    if (r->chain == NULL) {
        r->chain = xalloc(sizeof(*r->chain));
    } else {
        chain_facts_done(r->chain);
    }
    chain_check(&q, r->chain);
    chain_store_free(&none);
}

/* A resumed handshake shows no certificate: it is the one that the session began with. */
static bool
was_verified(const struct talk *t)
{
    const struct result *r1 =
        facts_find_at(run_facts(t->run), PROBE_R1, t->run->wish.side, &t->run->wish.at);
    return r1 != NULL && r1->seen != NULL && r1->seen->done && chain_is_verified(r1->chain);
}

static void
judge_handshake(struct talk *t)
{
    const struct result *r = &t->run->result;
    note_seen(t);
    if (r->seen->chain.count > 0) {
        check_chain(t);
    }
    t->verified = r->seen->resumed ? was_verified(t) : chain_is_verified(r->chain);
}

/* ---- the request ---- */

static void
question_url(const struct question *q, struct redirect *ret)
{
    struct buf url = {0};
    buf_add_str(&url, str_sub(str_of(q->url), 0, strlen(q->url) - 1)); /* ends in '/' */
    buf_add_z(&url, q->path == NULL ? "/" : q->path);
    if (redirect_parse(buf_str(&url), ret) != ERR_OK) { /* longer than redirects may be */
        enum err e = redirect_parse(str_of(q->url), ret);
        ASSERT(e == ERR_OK);
    }
    buf_free(&url);
}

/* The answer that the chain of redirects begins with, or that R7 repeats. */
static const struct result *
first_answer(const struct facts *f)
{
    static const enum probe asked[] = {PROBE_R1, PROBE_R2};
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        for (const struct result *r = NULL; (r = facts_next(f, r, asked[i], SIDE_SITE)) != NULL;) {
            if (r->http != NULL && r->http->has_status) {
                return r;
            }
        }
    }
    return NULL;
}

/* Cookies that the answers before this one have set. */
static void
gather_cookies(const struct talk *t, const struct redirect *to, struct buf *out)
{
    const struct facts *f = run_facts(t->run);
    const struct result *first = first_answer(f);
    struct redirect from;
    struct jar jar = {.count = 0};
    if (first != NULL) {
        question_url(&f->question, &from);
        jar_take(&jar, &from, first->http);
    }
    for (unsigned hop = 1; hop < t->run->wish.hop; hop++) {
        for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_R3, SIDE_HOP)) != NULL;) {
            if (r->hop == hop && r->label[0] == '\0' && r->http != NULL && r->url != NULL &&
                redirect_parse(str_of(r->url), &from) == ERR_OK) {
                jar_take(&jar, &from, r->http);
            }
        }
    }
    jar_give(&jar, to, out);
    jar_done(&jar);
}

static void
add_cookies(const struct talk *t, struct buf *out)
{
    struct redirect own;
    if (t->run->wish.probe == PROBE_R3) {
        gather_cookies(t, &t->hop, out);
    } else if (t->run->wish.probe == PROBE_R7) {
        question_url(run_question(t->run), &own);
        gather_cookies(t, &own, out);
    }
}

static void
own_address(const struct talk *t, char text[static ADDR_TEXT])
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof(name);
    struct addr own = t->run->wish.at;
    if (getsockname(t->stream.fd, (struct sockaddr *)&name, &size) == 0) {
        own = addr_from_sockaddr((const struct sockaddr *)&name);
    }
    (void)addr_text(&own, text);
}

static struct request_options
request_options_of(const struct talk *t)
{
    const struct wish *w = &t->run->wish;
    return (struct request_options){.q = run_question(t->run),
                                    .probe = w->probe,
                                    .side = w->side,
                                    .secure = t->secure,
                                    .verified = t->verified,
                                    .name = w->name,
                                    .port = addr_port(&w->at),
                                    .hop = w->probe == PROBE_R3 ? &t->hop : NULL,
                                    .user_agent = run_user_agent(t->run)};
}

static void
make_request(struct talk *t, struct request *ret)
{
    char client[ADDR_TEXT];
    uint64_t random[2] = {rand_u64(run_rand(t->run)), rand_u64(run_rand(t->run))};
    struct buf cookies = {0}, key = {0};
    struct request_options o = request_options_of(t);
    own_address(t, client);
    add_cookies(t, &cookies);
    base64_add(&key, random, sizeof(random));
    o.cookies = buf_str(&cookies);
    o.client = str_of(client);
    o.socket_key = buf_str(&key);
    request_make(&o, ret);
    buf_free(&cookies);
    buf_free(&key);
}

/* False: the library refuses. */
static bool
begin_request(struct talk *t)
{
    struct result *r = &t->run->result;
    struct request request;
    struct buf shown = {0};
    bool good = true;
    make_request(t, &request);
    r->secrets_sent = request.secrets;
    if (t->run->wish.probe == PROBE_R2) {
        r->h2 = true;
        t->h2 = h2_client_new(&request);
        good = t->h2 != NULL;
        if (good) {
            h2_client_take(t->h2, &t->out);
        }
    } else {
        request_write(&request, false, &t->out);
    }
    request_write(&request, true, &shown);
    xfree(r->sent.p);
    r->sent.n = shown.n;
    r->sent.p = (uint8_t *)buf_take(&shown);
    request_done(&request);
    return good;
}

/* ---- the client certificate ---- */

static bool
read_file(const char *path, struct buf *out)
{
    char chunk[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = -1;
    out->max = LIMIT_CHAIN_FILE_BYTES;
    while (fd >= 0 && !out->overflow && (n = read(fd, chunk, sizeof(chunk))) > 0) {
        buf_add(out, chunk, (size_t)n);
    }
    if (fd >= 0) {
        close(fd);
    }
    return n == 0 && !out->overflow;
}

static bool
wants_certificate(const struct talk *t)
{
    const struct question *q = run_question(t->run);
    struct request_options o = request_options_of(t);
    return q->client_cert != NULL && !t->offers_certificate &&
           t->run->result.seen->certificate_request && request_trusts(&o);
}

/* ---- TLS ---- */

/* The files are the user's word: what cannot be used ends the diagnosis. */
static enum err
make_observer(const struct talk *t, struct tls_observer **ret, struct errinfo *reterr)
{
    const struct question *q = run_question(t->run);
    struct buf certificate = {0}, key = {0};
    struct tls_observer_options o = {.sni = sni_of(t), .alpn = alpn_of(t->run->wish.probe)};
    enum err e = ERR_OK;
    if (t->run->wish.probe == PROBE_R6) {
        o.session = run_session(t->run);
    }
    if (t->offers_certificate) {
        const char *key_file = q->client_key != NULL ? q->client_key : q->client_cert;
        const char *unreadable = !read_file(q->client_cert, &certificate) ? q->client_cert
                                 : !read_file(key_file, &key)             ? key_file
                                                                          : NULL;
        if (unreadable != NULL) {
            e = text_err(reterr, ERR_NOT_FOUND, N_("{value} cannot be read."),
                         TEXT_ARGS({"value", str_of(unreadable)}));
        }
        o.client_cert_pem = buf_str(&certificate);
        o.client_key_pem = buf_str(&key);
    }
    if (e == ERR_OK) {
        e = tls_observer_new(&o, ret, reterr);
    }
    if (key.p != NULL) {
        crypto_wipe(key.p, key.n);
    }
    buf_free(&certificate);
    buf_free(&key);
    return e;
}

static bool
begin_tls(struct talk *t)
{
    struct tls_observer *observer = NULL;
    struct errinfo why = {""};
    enum err e = make_observer(t, &observer, &why);
    if (e != ERR_OK) {
        run_refuse(t->run, e, &why);
        return false;
    }
    e = tls_watch(observer, &t->stream);
    tls_observer_free(&observer);
    t->shaking = true;
    if (e != ERR_OK) {
        stream_close(&t->stream);
    }
    return e == ERR_OK;
}

static void talk_dialled(void *context, enum dial_end end, int fd);

/* Once more, with the certificate. */
static void
talk_again(struct talk *t)
{
    struct run *run = t->run;
    loop_io_forget(run_loop(run), &t->io);
    stream_close(&t->stream);
    t->offers_certificate = true;
    run->result.finish = FINISH_NONE;
    run->result.error = 0;
    t->dial = dial_start(run, 0, false, talk_dialled, t);
}

static bool
chose_h2(const struct tls_seen *seen)
{
    return seen->alpn_n == 2 && memcmp(seen->alpn, "h2", 2) == 0;
}

/* True: the request may go. False: the talk waits, begins anew, or is over. */
static bool
talk_shake(struct talk *t)
{
    struct run *run = t->run;
    enum io io = tls_handshake(&t->stream);
    int error = errno;
    if (io == IO_AGAIN) {
        return false;
    }
    t->shaking = false;
    judge_handshake(t);
    if (wants_certificate(t)) {
        talk_again(t);
        return false;
    }
    if (io != IO_DONE) {
        run_note_end(run, io, error);
        talk_end(t, OUTCOME_FAIL);
        return false;
    }
    bool other = run->wish.probe == PROBE_R2 && !chose_h2(run->result.seen);
    if (is_handshake_only(run->wish.probe) || other || !begin_request(t)) {
        talk_end(t, OUTCOME_OK);
        return false;
    }
    return true;
}

/* ---- reading and writing ---- */

static void
talk_write(struct talk *t)
{
    while (t->sent < t->out.n) {
        size_t n = 0;
        enum io io = stream_write(&t->stream, t->out.p + t->sent, t->out.n - t->sent, &n);
        if (io != IO_DONE) {
            return; /* IO_FAIL: what came before, and the end itself, is for the reader to find */
        }
        t->sent += n;
    }
    if (t->run->result.sent_us == 0) {
        t->run->result.sent_us = run_now_us(t->run);
    }
    t->sent = 0;
    buf_reset(&t->out);
}

static void
look_for_head_end(struct talk *t, const char *p, size_t n)
{
    for (size_t i = 0; i < n && !t->head_ended; i++) {
        t->breaks = p[i] == '\n' ? t->breaks + 1 : p[i] == '\r' ? t->breaks : 0;
        t->head_ended = t->breaks == 2;
    }
}

/* Is the answer whole? Of a head that is longer than what is kept only its end counts. A far end
 * that sends single bytes must not keep us busy: from some point on only its end counts. */
static bool
is_complete(struct talk *t)
{
    const struct result *r = &t->run->result;
    if (t->h2 != NULL) {
        return h2_client_complete(t->h2);
    }
    if (t->looked_at > READ_AGAIN_MAX) {
        return false;
    }
    t->looked_at += r->got.n;
    struct http_seen *h = http_seen_read(r->got.p, r->got.n, r->got_total, false, false);
    bool long_head = h->head_bytes == 0 && r->got_total > r->got.n && t->head_ended;
    bool complete = http_seen_complete(h) || long_head;
    http_seen_free(&h);
    return complete;
}

/* Takes what came; false: the talk is over. */
static bool
talk_take(struct talk *t, const char *p, size_t n)
{
    bool more = run_got(t->run, p, n);
    if (t->h2 != NULL) {
        h2_client_feed(t->h2, (const uint8_t *)p, n);
        h2_client_take(t->h2, &t->out);
        talk_write(t);
    } else {
        look_for_head_end(t, p, n);
    }
    if (!more || is_complete(t)) {
        talk_over(t);
        return false;
    }
    return true;
}

static void
talk_read(struct talk *t)
{
    char bytes[READ_BYTES];
    for (unsigned i = 0; i < READS_PER_TURN; i++) {
        size_t n = 0;
        enum io io = stream_read(&t->stream, bytes, sizeof(bytes), &n);
        if (io == IO_AGAIN) {
            return;
        }
        if (io != IO_DONE) {
            run_note_end(t->run, io, errno);
            talk_over(t);
            return;
        }
        if (!talk_take(t, bytes, n)) {
            return;
        }
    }
    loop_defer(run_loop(t->run), &t->again);
}

static void
talk_step(struct talk *t)
{
    if (!t->shaking || talk_shake(t)) {
        talk_write(t);
        talk_read(t);
    }
}

static void
talk_event(struct loop_io *io, uint32_t events)
{
    struct talk *t = CONTAINER_OF(io, struct talk, io);
    stream_events(&t->stream, events);
    talk_step(t);
}

static void
talk_more(struct deferred *d)
{
    talk_step(CONTAINER_OF(d, struct talk, again));
}

/* ---- beginning ---- */

static void
talk_dialled(void *context, enum dial_end end, int fd)
{
    struct talk *t = context;
    t->dial = NULL;
    if (end == DIAL_FAILED) {
        talk_end(t, OUTCOME_FAIL);
        return;
    }
    stream_init(&t->stream, fd);
    bool ready =
        (t->secure ? begin_tls(t) : begin_request(t)) &&
        loop_io_watch(run_loop(t->run), &t->io, fd, LOOP_IO_ALL | (uint32_t)EPOLLET, talk_event);
    if (!ready) {
        t->run->result.error = errno;
        t->run->result.finish = FINISH_ERROR;
        talk_end(t, OUTCOME_FAIL);
    }
}

static bool
talk_start(struct run *run)
{
    struct talk *t = xalloc(sizeof(*t));
    t->run = run;
    t->stream.fd = -1;
    t->secure = !run->wish.plain;
    deferred_init(&t->again, talk_more);
    if (run->wish.probe == PROBE_R3) {
        if (redirect_parse(str_of(run->wish.url), &t->hop) != ERR_OK) {
            run->result.error = EINVAL;
            xfree(t);
            return false;
        }
        t->secure = t->hop.secure;
    }
    run->state = t;
    t->dial = dial_start(run, 0, run->wish.probe == PROBE_R1, talk_dialled, t);
    return true;
}

static void
talk_cancel(struct run *run)
{
    struct talk *t = run->state;
    note_seen(t);
    talk_close(t);
    xfree(t);
    run->state = NULL;
}

const struct machine machine_TLS = {"TLS", talk_start, talk_cancel};
