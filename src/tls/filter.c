/* SPDX-License-Identifier: Apache-2.0
 * TLS as a filter on a stream: libssl reads and writes through a BIO of ours that gathers.
 *
 * One call of ours is one turn: what the socket has comes with one recv into a buffer that all
 * connections of the thread share; all records that libssl writes meanwhile go out with one send at
 * the end. Only what is left over at the end of a turn is kept with the connection, in `in` and
 * `out`. */
#include "tls/tls_int.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/pool.h"

enum {
    IN_BYTES = 32 * 1024,                 /* a full record of 16 KB and what follows it */
    OUT_BYTES = TLS_WRITE_MAX + 8 * 1024, /* a full write sealed, with room for tickets before it */
    OUT_JOIN_MAX = 4 * 1024,       /* waiting bytes up to this go out together with the next ones */
    OUT_SPILL_MAX = 4 * OUT_BYTES, /* libssl may write no more until the socket takes some */
    FRUITLESS_MAX = 32,            /* records without data in a row, then the peer is a nuisance */
};

/* Of the thread, not of a connection: empty between turns. */
static _Thread_local struct {
    struct tls_conn *turn; /* whose turn it is; NULL between */
    size_t in_at, in_end;
    size_t out_n;
    struct pool conns;
    uint8_t in[IN_BYTES];
    uint8_t out[OUT_BYTES];
} thread;

/* Made once by tls_filter_init; constant after. */
static BIO_METHOD *bio_method;

static const struct stream_ops tls_ops;

static struct tls_conn *
conn_of(const struct stream *s)
{
    ASSERT(s->ops == &tls_ops);
    return OBJ_CAST(struct tls_conn, TLS_CONN_MAGIC, s->filter);
}

struct tls_conn *
tls_conn_of(const SSL *ssl)
{
    return OBJ_CAST(struct tls_conn, TLS_CONN_MAGIC, SSL_get_app_data(ssl));
}

/* ---- what waits ---- */

static size_t
spill_n(const struct tls_spill *s)
{
    return s->end - s->at;
}

static void
spill_drop(struct tls_spill *s)
{
    xfree(s->p);
    *s = (struct tls_spill){NULL, 0, 0};
}

static void
spill_add(struct tls_spill *s, const uint8_t *p, size_t n)
{
    if (n == 0) {
        return;
    }
    size_t waiting = spill_n(s);
    uint8_t *grown = xalloc(waiting + n);
    if (waiting > 0) {
        memcpy(grown, s->p + s->at, waiting);
    }
    memcpy(grown + waiting, p, n);
    xfree(s->p);
    *s = (struct tls_spill){grown, 0, waiting + n};
}

/* Moves up to n bytes off the front; the memory goes with the last one. */
static size_t
spill_take(struct tls_spill *s, void *to, size_t n)
{
    size_t taken = MIN_OF(n, spill_n(s));
    memcpy(to, s->p + s->at, taken);
    s->at += taken;
    if (s->at == s->end) {
        spill_drop(s);
    }
    return taken;
}

/* ---- turns ---- */

static void
turn_begin(struct tls_conn *c, struct stream *s)
{
    ASSERT(thread.turn == NULL);
    ASSERT(thread.in_at == thread.in_end && thread.out_n == 0);
    thread.turn = c;
    c->stream = s;
    ERR_clear_error(); /* SSL_get_error looks at the whole queue */
}

static bool
input_waits(const struct tls_conn *c)
{
    return spill_n(&c->in) > 0 || thread.in_at < thread.in_end;
}

/* Sends what waits from earlier turns; what this turn wrote is behind it already. */
static enum io
send_waiting(struct tls_conn *c)
{
    while (spill_n(&c->out) > 0) {
        size_t put = 0;
        enum io io = stream_send(c->stream, c->out.p + c->out.at, spill_n(&c->out), &put);
        if (io != IO_DONE) {
            return io;
        }
        c->out.at += put;
    }
    spill_drop(&c->out);
    c->deferred = false;
    return IO_DONE;
}

static enum io
send_turn(struct tls_conn *c)
{
    if (spill_n(&c->out) > 0) {
        spill_add(&c->out, thread.out, thread.out_n);
        return send_waiting(c);
    }
    if (thread.out_n == 0) {
        return IO_DONE;
    }
    size_t put = 0;
    enum io io = stream_send(c->stream, thread.out, thread.out_n, &put);
    if (io == IO_FAIL) {
        return IO_FAIL;
    }
    spill_add(&c->out, thread.out + put, thread.out_n - put);
    return put < thread.out_n ? IO_AGAIN : IO_DONE;
}

/* IO_DONE: all that libssl wrote is with the kernel. IO_AGAIN: the rest is kept. */
static enum io
flush(struct tls_conn *c)
{
    if (c->send_failed) {
        thread.out_n = 0;
        return IO_FAIL;
    }
    enum io io = send_turn(c);
    if (io == IO_FAIL) {
        c->error = errno;
        c->send_failed = true;
        spill_drop(&c->out);
    }
    thread.out_n = 0;
    return io;
}

/* Keeps what was received and not read; the shared buffers are empty after. */
static void
turn_end(struct tls_conn *c)
{
    ASSERT(thread.turn == c);
    ASSERT(thread.out_n == 0);
    if (thread.in_at < thread.in_end) {
        ASSERT(spill_n(&c->in) == 0);
        spill_add(&c->in, thread.in + thread.in_at, thread.in_end - thread.in_at);
    }
    thread.in_at = 0;
    thread.in_end = 0;
    thread.turn = NULL;
}

/* ---- the BIO under libssl ---- */

static int
bio_receive(struct tls_conn *c, char *to, size_t n)
{
    if (spill_n(&c->in) > 0) {
        return (int)spill_take(&c->in, to, n);
    }
    if (thread.in_at == thread.in_end) {
        size_t got = 0;
        enum io io = stream_recv(c->stream, thread.in, sizeof(thread.in), &got);
        if (io != IO_DONE) {
            c->eof = c->eof || io == IO_EOF;
            c->error = io == IO_FAIL ? errno : 0;
            return io == IO_AGAIN ? -1 : 0;
        }
        thread.in_at = 0;
        thread.in_end = got;
    }
    size_t taken = MIN_OF(n, thread.in_end - thread.in_at);
    memcpy(to, thread.in + thread.in_at, taken);
    thread.in_at += taken;
    return (int)taken;
}

static int
bio_read(BIO *bio, char *to, int size)
{
    struct tls_conn *c = BIO_get_data(bio);
    ASSERT(thread.turn == c);
    BIO_clear_retry_flags(bio);
    if (size <= 0) {
        return 0;
    }
    int got = bio_receive(c, to, (size_t)size);
    if (got < 0) {
        BIO_set_retry_read(bio);
    }
    return got;
}

static int
bio_write(BIO *bio, const char *from, int size)
{
    struct tls_conn *c = BIO_get_data(bio);
    ASSERT(thread.turn == c);
    BIO_clear_retry_flags(bio);
    size_t n = size > 0 ? (size_t)size : 0;
    if (n > sizeof(thread.out) - thread.out_n) {
        (void)flush(
            c); /* what does not go now waits; a broken socket shows at the end of the turn */
    }
    if (n > sizeof(thread.out) || spill_n(&c->out) + n > OUT_SPILL_MAX) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(thread.out + thread.out_n, from, n);
    thread.out_n += n;
    return (int)n;
}

static long
bio_ctrl(BIO *bio UNUSED, int command, long number UNUSED, void *pointer UNUSED)
{
    return command == BIO_CTRL_FLUSH ? 1 : 0; /* the end of the turn flushes */
}

static BIO_METHOD *
make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (m == NULL || BIO_meth_set_read(m, bio_read) != 1 || BIO_meth_set_write(m, bio_write) != 1 ||
        BIO_meth_set_ctrl(m, bio_ctrl) != 1) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}

enum err
tls_filter_init(void)
{
    if (bio_method == NULL) {
        bio_method = make_bio_method();
    }
    return bio_method == NULL ? ERR_CRYPTO : ERR_OK;
}

/* ---- alerts ---- */

static void
alert_text(struct tls_alert *a, const char *text)
{
    struct out o = out_of(a->text, sizeof(a->text) - 1);
    out_str(&o, str_sub(str_of(text), 0, sizeof(a->text) - 1)); /* cut, so it fits */
    *o.p = '\0';
}

void
tls_message_callback(int writing, int version UNUSED, int type, const void *p, size_t n, SSL *ssl,
                     void *context UNUSED)
{
    if (type != SSL3_RT_ALERT || n != 2) {
        return;
    }
    int number = ((const uint8_t *)p)[1];
    if (number == SSL_AD_CLOSE_NOTIFY) {
        return; /* the usual goodbye */
    }
    struct tls_alert *a = &tls_conn_of(ssl)->alert;
    *a = (struct tls_alert){.sent = writing != 0, .received = writing == 0, .number = number};
    alert_text(a, SSL_alert_desc_string_long(number));
}

/* Without an alert the library's or the system's reason is the text. */
static void
note_failure(struct tls_conn *c)
{
    if (c->alert.number >= 0) {
        return;
    }
    char system_text[48] = "";
    const char *text =
        c->error != 0 ? strerror_r(c->error, system_text, sizeof(system_text)) : crypto_reason();
    alert_text(&c->alert, text);
}

void
tls_alert(const struct stream *stream, struct tls_alert *ret_alert)
{
    *ret_alert = conn_of(stream)->alert;
}

/* ---- outcome of a libssl call ---- */

/* What a call that did not succeed means; the end is remembered. */
static enum io
outcome(struct tls_conn *c, int result)
{
    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN: c->ended = IO_EOF; break;
    default: c->ended = c->eof ? IO_EOF : IO_FAIL; break;
    }
    if (c->ended == IO_FAIL) {
        note_failure(c);
    }
    ERR_clear_error();
    return c->ended;
}

static enum io
give(const struct tls_conn *c, enum io io)
{
    if (io == IO_FAIL) {
        errno = c->error != 0 ? c->error : EPROTO;
    }
    return io;
}

/* ---- handshake ---- */

/* The last flight of a TLS 1.3 server is nothing but tickets: they leave with the first response.
 */
static enum io
finish_handshake(struct tls_conn *c)
{
    if (c->server_side && SSL_version(c->ssl) == TLS1_3_VERSION && spill_n(&c->out) == 0) {
        spill_add(&c->out, thread.out, thread.out_n);
        thread.out_n = 0;
        c->deferred = spill_n(&c->out) > 0;
        return IO_DONE;
    }
    return flush(c);
}

enum io
tls_handshake(struct stream *stream)
{
    struct tls_conn *c = conn_of(stream);
    if (c->ended != IO_DONE) {
        return give(c, c->ended);
    }
    turn_begin(c, stream);
    enum io io;
    if (SSL_is_init_finished(c->ssl)) {
        io = flush(c); /* a last flight that had to wait */
    } else {
        int result = SSL_do_handshake(c->ssl);
        io = result == 1 ? finish_handshake(c) : outcome(c, result);
        if (result != 1) {
            enum io sent = flush(c); /* a flight, or the alert that says why not */
            io = io == IO_AGAIN && sent == IO_FAIL ? IO_FAIL : io;
        }
    }
    if (io == IO_FAIL && c->ended == IO_DONE) {
        c->ended = IO_FAIL; /* the socket broke while sending */
        note_failure(c);
    }
    turn_end(c);
    return give(c, io);
}

/* ---- reading ---- */

/* Decrypts until the buffer is full or nothing more is at hand. */
static enum io
read_records(struct tls_conn *c, char *p, size_t n, size_t *ret_n)
{
    int fruitless = 0;
    *ret_n = 0;
    while (*ret_n < n) {
        size_t got = 0;
        int result = SSL_read_ex(c->ssl, p + *ret_n, n - *ret_n, &got);
        if (result == 1) {
            *ret_n += got;
            fruitless = 0;
            if (!input_waits(c) && SSL_pending(c->ssl) == 0) {
                return IO_DONE;
            }
            continue;
        }
        enum io io = outcome(c, result);
        if (io != IO_AGAIN || (!input_waits(c) && !c->stream->can_read)) {
            return io;
        }
        /* A record without data was worked off and more bytes are at hand. */
        if (++fruitless > FRUITLESS_MAX) {
            c->ended = IO_FAIL;
            alert_text(&c->alert, "too many records without data");
            return IO_FAIL;
        }
        ERR_clear_error();
    }
    return IO_DONE;
}

static enum io
filter_read(struct stream *s, void *p, size_t n, size_t *ret_n)
{
    struct tls_conn *c = conn_of(s);
    if (c->ended != IO_DONE) {
        return give(c, c->ended);
    }
    turn_begin(c, s);
    size_t got;
    enum io io = read_records(c, p, n, &got);
    bool idle = thread.out_n == 0 && (c->deferred || spill_n(&c->out) == 0);
    if (!idle) {
        (void)flush(
            c); /* answers to key updates and the like; a broken socket shows at the next write */
    }
    turn_end(c);
    if (got > 0) {
        *ret_n = got;
        return IO_DONE; /* an end that came with it is told by the next read */
    }
    return give(c, io);
}

static bool
filter_pending(const struct stream *s)
{
    const struct tls_conn *c = conn_of(s);
    return c->ended != IO_DONE || spill_n(&c->in) > 0 || SSL_pending(c->ssl) > 0;
}

/* ---- writing ---- */

/* Makes room for the turn's records: a little that waits goes along with them, much goes first. */
static enum io
take_waiting(struct tls_conn *c)
{
    size_t waiting = spill_n(&c->out);
    if (waiting == 0) {
        return IO_DONE;
    }
    if (waiting > OUT_JOIN_MAX) {
        return flush(c);
    }
    thread.out_n = spill_take(&c->out, thread.out, waiting);
    c->deferred = false;
    return IO_DONE;
}

static enum io
seal(struct tls_conn *c, const void *p, size_t n)
{
    if (!c->stream->can_write) {
        return IO_AGAIN;
    }
    enum io io = take_waiting(c);
    if (io != IO_DONE) {
        return io;
    }
    size_t put = 0;
    int result = SSL_write_ex(c->ssl, p, MIN_OF(n, (size_t)TLS_WRITE_MAX), &put);
    c->owed = put;
    return result == 1 ? IO_DONE : outcome(c, result);
}

static enum io
filter_write(struct stream *s, const void *p, size_t n, size_t *ret_n)
{
    struct tls_conn *c = conn_of(s);
    if (c->ended == IO_FAIL || c->send_failed) {
        return give(c, IO_FAIL);
    }
    *ret_n = 0;
    if (n == 0) {
        return IO_DONE;
    }
    turn_begin(c, s);
    enum io io = c->owed > 0 ? IO_DONE : seal(c, p, n);
    enum io sent = flush(c);
    turn_end(c);
    io = io == IO_DONE ? sent : io;
    if (io == IO_DONE) {
        *ret_n = MIN_OF(n, c->owed);
        c->owed -= *ret_n;
    }
    return give(c, io == IO_EOF ? IO_FAIL : io);
}

/* ---- end ---- */

static void
filter_shutdown(struct stream *s)
{
    struct tls_conn *c = conn_of(s);
    if (c->ended == IO_FAIL || c->send_failed || !SSL_is_init_finished(c->ssl)) {
        return;
    }
    turn_begin(c, s);
    (void)SSL_shutdown(c->ssl); /* best effort: the peer's answer is not waited for */
    (void)flush(c);
    turn_end(c);
    ERR_clear_error();
}

static void
conn_free(struct tls_conn *c)
{
    SSL_free(c->ssl); /* with the BIO */
    spill_drop(&c->in);
    spill_drop(&c->out);
    xfree(c->sni);
    tls_server_unref(&c->server);
    c->magic = 0;
    pool_put(&thread.conns, c);
}

static void
filter_free(struct stream *s)
{
    struct tls_conn *c = conn_of(s);
    ASSERT(thread.turn != c);
    conn_free(c);
}

static const struct stream_ops tls_ops = {
    .read = filter_read,
    .write = filter_write,
    .pending = filter_pending,
    .shutdown = filter_shutdown,
    .free = filter_free,
};

/* ---- beginning ---- */

static struct tls_conn *
conn_new(SSL_CTX *context)
{
    ASSERT(bio_method != NULL); /* tls_init() comes first */
    if (thread.conns.name == NULL) {
        pool_init(&thread.conns, "tls connections", sizeof(struct tls_conn),
                  LIMIT_CONNECTIONS_MAX + LIMIT_TARGET_CONNECTIONS_MAX);
    }
    struct tls_conn *c = pool_get(&thread.conns);
    if (c == NULL) {
        return NULL;
    }
    *c = (struct tls_conn){.magic = TLS_CONN_MAGIC, .alert.number = -1};
    c->ssl = SSL_new(context);
    BIO *bio = BIO_new(bio_method);
    if (c->ssl == NULL || bio == NULL || SSL_set_app_data(c->ssl, c) != 1) {
        BIO_free(bio);
        conn_free(c);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(bio, c);
    BIO_set_init(bio, 1);
    SSL_set_bio(c->ssl, bio, bio);
    return c;
}

static void
put_on(struct tls_conn *c, struct stream *stream)
{
    ASSERT(stream->ops == NULL && stream->filter == NULL);
    stream->ops = &tls_ops;
    stream->filter = c;
}

enum err
tls_accept(struct tls_server *server, struct stream *stream)
{
    ASSERT(server->magic == TLS_SERVER_MAGIC);
    struct tls_conn *c = conn_new(server->chains[0].context);
    if (c == NULL) {
        return ERR_NO_MEMORY;
    }
    c->server_side = true;
    c->server = tls_server_ref(server);
    c->chain = &server->chains[0];
    SSL_set_accept_state(c->ssl);
    put_on(c, stream);
    return ERR_OK;
}

enum err
tls_connect(struct tls_client *client, struct stream *stream)
{
    struct tls_conn *c = conn_new(client->context);
    if (c == NULL) {
        return ERR_NO_MEMORY;
    }
    SSL_set_connect_state(c->ssl);
    put_on(c, stream);
    return ERR_OK;
}

void
tls_info(const struct stream *stream, struct tls_info *ret_info)
{
    const struct tls_conn *c = conn_of(stream);
    const SSL_CIPHER *cipher = SSL_get_current_cipher(c->ssl);
    *ret_info = (struct tls_info){
        .protocol = cipher == NULL ? STR_NONE : str_of(SSL_get_version(c->ssl)),
        .cipher = cipher == NULL ? STR_NONE : str_of(SSL_CIPHER_get_name(cipher)),
        .sni = {c->sni, c->sni_n},
        .sni_matched = c->sni_matched,
        .certificate_arn = c->chain == NULL ? STR_NONE : str_of(c->chain->arn),
        .resumed = SSL_session_reused(c->ssl) == 1,
    };
}
