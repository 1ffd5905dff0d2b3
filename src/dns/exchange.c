/* SPDX-License-Identifier: Apache-2.0
 * One question to one server: UDP, once more, then TCP where the answer by UDP was cut or broken.
 */
#include "dns/dns_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/rand.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

enum {
    RETRY_MS = 700,
    TIMEOUT_MS = 5000,
    SENDS_MAX = 2,
    TCP_LENGTH_BYTES = 2,
    EXCHANGE_MAGIC = 0x646e7378,
};

struct dns_exchange {
    unsigned magic;
    struct loop *loop; /* borrowed */
    dns_exchange_fn *fn;
    void *context; /* borrowed from the caller */
    struct addr server, from;
    uint16_t type, id;
    struct dns_flags flags;
    char name[DNS_NAME_TEXT]; /* as a server repeats it, lower case */
    uint32_t retry_ms;
    int fd; /* owned; -1: none */
    struct loop_io io;
    struct timer retry, deadline;
    struct deferred report;
    struct buf question;       /* owned */
    struct buf reply;          /* owned: the bytes of `answer`, or what came instead of one */
    struct dns_answer *answer; /* owned: the best so far; NULL until there is one */
    bool tcp;                  /* of the two ways the one that we are on */
    size_t tcp_sent;           /* of the length and the question */
    struct buf tcp_in;         /* owned: the length and what came of the answer */
    bool over;
    struct dns_result result;
};

/* What the system's errors say about the way to the server; the others are FAILED. */
static const struct {
    int error;
    enum dns_outcome outcome;
} error_outcomes[] = {
    {ECONNREFUSED, DNS_OUTCOME_REFUSED},
    {ECONNRESET, DNS_OUTCOME_REFUSED},
    {EPIPE, DNS_OUTCOME_REFUSED},
    {ETIMEDOUT, DNS_OUTCOME_TIMEOUT},
    {ENETUNREACH, DNS_OUTCOME_UNREACHABLE},
    {EHOSTUNREACH, DNS_OUTCOME_UNREACHABLE},
    {ENETDOWN, DNS_OUTCOME_UNREACHABLE},
    {EHOSTDOWN, DNS_OUTCOME_UNREACHABLE},
    {EACCES, DNS_OUTCOME_UNREACHABLE},
    {EPERM, DNS_OUTCOME_UNREACHABLE},
    {EADDRNOTAVAIL, DNS_OUTCOME_UNREACHABLE},
    {EAFNOSUPPORT, DNS_OUTCOME_UNREACHABLE},
    {ENOPROTOOPT, DNS_OUTCOME_UNREACHABLE},
    {EPROTO, DNS_OUTCOME_UNREACHABLE},
};

static enum dns_outcome
outcome_of(int error)
{
    for (size_t i = 0; i < COUNT_OF(error_outcomes); i++) {
        if (error_outcomes[i].error == error) {
            return error_outcomes[i].outcome;
        }
    }
    return DNS_OUTCOME_FAILED;
}

static void
exchange_check(const struct dns_exchange *x)
{
    ASSERT(x->magic == EXCHANGE_MAGIC);
    ASSERT(!x->io.watched || x->fd >= 0);
    ASSERT(!x->over || x->fd < 0);
    ASSERT(x->reply.n <= LIMIT_DNS_MESSAGE_BYTES);
}

static void
socket_close(struct dns_exchange *x)
{
    loop_io_forget(x->loop, &x->io);
    if (x->fd >= 0) {
        close(x->fd);
        x->fd = -1;
    }
}

/* ---- the end ---- */

static void
exchange_over(struct dns_exchange *x, enum dns_outcome outcome, int error)
{
    ASSERT(!x->over);
    x->over = true;
    socket_close(x);
    timer_disarm(&x->retry);
    timer_disarm(&x->deadline);
    x->result.outcome = outcome;
    x->result.error = error;
    x->result.answer = x->answer;
    x->result.question = buf_str(&x->question);
    x->result.reply = buf_str(&x->reply);
    x->result.time_us = loop_now_us(x->loop) - x->result.start_us;
    loop_defer(x->loop, &x->report);
}

/* TCP brought nothing: what UDP brought before stands. */
static void
tcp_over(struct dns_exchange *x, enum dns_outcome outcome, int error)
{
    x->result.tcp_failed = x->answer != NULL;
    if (x->answer == NULL) {
        exchange_over(x, outcome, error);
        return;
    }
    x->result.tcp_outcome = outcome;
    x->result.tcp_error = error;
    exchange_over(x, x->answer->malformed ? DNS_OUTCOME_MALFORMED : DNS_OUTCOME_ANSWERED, 0);
}

static void
exchange_failed(struct dns_exchange *x, enum dns_outcome outcome, int error)
{
    if (x->tcp) {
        tcp_over(x, outcome, error);
    } else {
        exchange_over(x, outcome, error);
    }
}

static void
exchange_deadline(struct timer *t)
{
    exchange_failed(CONTAINER_OF(t, struct dns_exchange, deadline), DNS_OUTCOME_TIMEOUT, 0);
}

static void
exchange_report(struct deferred *d)
{
    struct dns_exchange *x = CONTAINER_OF(d, struct dns_exchange, report);
    x->fn(x->context, &x->result); /* may have freed it */
}

/* ---- what came ---- */

/* Takes the answer and its bytes over in place of what was there. */
static void
answer_keep(struct dns_exchange *x, struct dns_answer *answer, struct str bytes)
{
    dns_answer_free(&x->answer);
    x->answer = answer;
    buf_reset(&x->reply);
    buf_add_str(&x->reply, bytes);
}

/* Does it answer this very question? A server that could not read the question need not repeat it.
 */
static bool
answer_fits(const struct dns_exchange *x, const struct dns_answer *answer)
{
    if (answer->id != x->id) {
        return false;
    }
    if (answer->question[0] == '\0') {
        return answer->malformed || answer->rcode != DNS_RCODE_NOERROR;
    }
    return answer->question_type == x->type && answer->question_class == 1 &&
           dns_name_eq(answer->question, x->name);
}

/* Old servers and some firewalls do not take EDNS [RFC 6891 7]. */
static bool
edns_was_refused(const struct dns_exchange *x, const struct dns_answer *answer)
{
    bool refused = answer->rcode == DNS_RCODE_FORMERR || answer->rcode == DNS_RCODE_NOTIMP;
    return refused && !answer->edns && (x->flags.edns || x->flags.dnssec_ok);
}

static void udp_begin(struct dns_exchange *x);
static void tcp_begin(struct dns_exchange *x);

static void
edns_drop(struct dns_exchange *x)
{
    x->flags.edns = x->flags.dnssec_ok = false;
    x->result.edns_refused = true;
    dns_answer_free(&x->answer);
    buf_reset(&x->reply);
    buf_reset(&x->question);
    enum err e = dns_question_write(x->name, x->type, x->flags, x->id, &x->question);
    ASSERT(e == ERR_OK); /* it was written before, only longer */
    if (x->tcp) {
        tcp_begin(x);
    } else {
        x->result.sent = 0;
        udp_begin(x);
    }
}

/* A whole answer that fits; takes it over. */
static void
answer_take(struct dns_exchange *x, struct dns_answer *answer, struct str bytes)
{
    bool refused = edns_was_refused(x, answer);
    bool broken = answer->malformed || !answer->qr;
    bool cut = answer->tc;
    answer->malformed = broken;
    answer_keep(x, answer, bytes);
    if (refused) {
        edns_drop(x);
    } else if ((broken || cut) && !x->tcp) {
        tcp_begin(x);
    } else {
        x->result.tcp = x->tcp;
        exchange_over(x, broken ? DNS_OUTCOME_MALFORMED : DNS_OUTCOME_ANSWERED, 0);
    }
}

/* ---- UDP ---- */

static void
datagram_take(struct dns_exchange *x, const uint8_t *p, size_t n)
{
    struct dns_answer *answer = NULL;
    if (dns_answer_read(p, n, &answer) == ERR_OK && answer_fits(x, answer)) {
        answer_take(x, answer, (struct str){(const char *)p, n});
        return;
    }
    dns_answer_free(&answer);
    if (++x->result.strays == LIMIT_DNS_STRAYS_MAX) {
        tcp_begin(x); /* someone guesses; TCP cannot be guessed from afar */
    }
}

static void
udp_event(struct loop_io *io, uint32_t events)
{
    (void)events; /* receiving tells errors, too */
    struct dns_exchange *x = CONTAINER_OF(io, struct dns_exchange, io);
    exchange_check(x);
    uint8_t bytes[LIMIT_DNS_MESSAGE_BYTES];
    int fd = x->fd;
    while (!x->over && !x->tcp && x->fd == fd) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n >= 0) {
            datagram_take(x, bytes, (size_t)n);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            exchange_over(x, outcome_of(errno), errno);
        }
    }
}

static void
udp_send(struct dns_exchange *x)
{
    x->result.sent++;
    ssize_t n = send(x->fd, x->question.p, x->question.n, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) { /* lost is lost: it is sent again */
        exchange_over(x, outcome_of(errno), errno);
    } else if (x->result.sent < SENDS_MAX) {
        timer_arm_in(x->loop, &x->retry, (uint64_t)x->retry_ms * 1000);
    }
}

static void
udp_retry(struct timer *t)
{
    struct dns_exchange *x = CONTAINER_OF(t, struct dns_exchange, retry);
    exchange_check(x);
    udp_send(x);
}

/* Connected: only this server's datagrams arrive, and its ICMP errors do. The port is the system's
 * random choice. */
static bool
socket_open(struct dns_exchange *x, int kind, loop_io_fn *fn)
{
    socket_close(x);
    x->fd = socket(x->server.sa.sa_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (x->fd < 0) {
        return false;
    }
    if (x->from.sa.sa_family != 0 && bind(x->fd, &x->from.sa, addr_len(&x->from)) != 0) {
        return false;
    }
    if (connect(x->fd, &x->server.sa, addr_len(&x->server)) != 0 && errno != EINPROGRESS) {
        return false;
    }
    return loop_io_watch(x->loop, &x->io, x->fd, LOOP_IO_ALL | EPOLLET, fn);
}

static void
udp_begin(struct dns_exchange *x)
{
    if (socket_open(x, SOCK_DGRAM, udp_event)) {
        udp_send(x);
    } else {
        exchange_over(x, outcome_of(errno), errno);
    }
}

/* ---- TCP ---- */

/* The length and the question as far as they are not sent yet; false: it failed, and is over. */
static bool
tcp_send(struct dns_exchange *x)
{
    char bytes[TCP_LENGTH_BYTES + 512];
    size_t n = TCP_LENGTH_BYTES + x->question.n;
    ASSERT(n <= sizeof(bytes));
    bytes[0] = (char)(x->question.n >> 8);
    bytes[1] = (char)(x->question.n & 0xff);
    memcpy(bytes + TCP_LENGTH_BYTES, x->question.p, x->question.n);
    while (x->tcp_sent < n) {
        ssize_t sent = send(x->fd, bytes + x->tcp_sent, n - x->tcp_sent, MSG_NOSIGNAL);
        if (sent >= 0) {
            x->tcp_sent += (size_t)sent;
        } else if (errno == EAGAIN) {
            return true;
        } else if (errno != EINTR) {
            tcp_over(x, outcome_of(errno), errno);
            return false;
        }
    }
    return true;
}

/* How many bytes the answer has with its length; as long as the length is missing: those. */
static size_t
tcp_wanted(const struct dns_exchange *x)
{
    if (x->tcp_in.n < TCP_LENGTH_BYTES) {
        return TCP_LENGTH_BYTES;
    }
    const uint8_t *length = (const uint8_t *)x->tcp_in.p;
    return TCP_LENGTH_BYTES + (size_t)(length[0] << 8 | length[1]);
}

static void
tcp_message(struct dns_exchange *x)
{
    struct str bytes = str_sub(buf_str(&x->tcp_in), TCP_LENGTH_BYTES, LIMIT_DNS_MESSAGE_BYTES);
    struct dns_answer *answer = NULL;
    if (dns_answer_read((const uint8_t *)bytes.p, bytes.n, &answer) == ERR_OK &&
        answer_fits(x, answer)) {
        answer_take(x, answer, bytes);
        return;
    }
    dns_answer_free(&answer);
    if (x->answer == NULL) {
        buf_reset(&x->reply);
        buf_add_str(&x->reply, bytes);
    }
    tcp_over(x, DNS_OUTCOME_MALFORMED, 0);
}

/* False: nothing more to receive now. */
static bool
tcp_receive(struct dns_exchange *x)
{
    char bytes[4096];
    size_t wanted = tcp_wanted(x) - x->tcp_in.n;
    ssize_t n = recv(x->fd, bytes, MIN_OF(wanted, sizeof(bytes)), 0);
    if (n > 0) {
        buf_add(&x->tcp_in, bytes, (size_t)n);
    } else if (n == 0) {
        tcp_over(x, DNS_OUTCOME_MALFORMED, 0); /* the stream ended early */
    } else if (errno == EAGAIN) {
        return false;
    } else if (errno != EINTR) {
        tcp_over(x, outcome_of(errno), errno);
    }
    return true;
}

static void
tcp_event(struct loop_io *io, uint32_t events)
{
    (void)events; /* sending and receiving tell errors, too */
    struct dns_exchange *x = CONTAINER_OF(io, struct dns_exchange, io);
    exchange_check(x);
    if (!tcp_send(x)) {
        return;
    }
    int fd = x->fd;
    while (!x->over && x->fd == fd && x->tcp_in.n < tcp_wanted(x) && tcp_receive(x)) {
    }
    /* A message without a byte has no header: that is for tcp_message to say. */
    if (!x->over && x->fd == fd && x->tcp_in.n >= TCP_LENGTH_BYTES &&
        x->tcp_in.n == tcp_wanted(x)) {
        tcp_message(x);
    }
}

static void
tcp_begin(struct dns_exchange *x)
{
    x->tcp = true;
    x->tcp_sent = 0;
    buf_reset(&x->tcp_in);
    timer_disarm(&x->retry);
    if (!socket_open(x, SOCK_STREAM, tcp_event)) {
        tcp_over(x, outcome_of(errno), errno);
    }
}

/* ---- start and cancel ---- */

static struct dns_exchange *
exchange_new(struct loop *loop, const struct dns_ask *ask, dns_exchange_fn *fn, void *context)
{
    struct dns_exchange *x = xalloc(sizeof(*x));
    *x = (struct dns_exchange){
        .magic = EXCHANGE_MAGIC,
        .loop = loop,
        .fn = fn,
        .context = context,
        .server = ask->server,
        .from = ask->from,
        .type = ask->type,
        .flags = ask->flags,
        .retry_ms = ask->retry_ms == 0 ? RETRY_MS : ask->retry_ms,
        .fd = -1,
        .tcp = ask->tcp,
        .result = {.server = ask->server, .start_us = loop_now_us(loop)},
    };
    timer_init(&x->retry, udp_retry);
    timer_init(&x->deadline, exchange_deadline);
    deferred_init(&x->report, exchange_report);
    return x;
}

/* The question's bytes, and its name in the form that answers are read in. */
static enum err
question_make(struct dns_exchange *x, const char *name)
{
    struct rand rand;
    TRY(name_normalise(name, x->name));
    rand_seed_system(&rand); /* anew for each id: an earlier one tells nothing of it */
    x->id = (uint16_t)rand_u64(&rand);
    return dns_question_write(x->name, x->type, x->flags, x->id, &x->question);
}

enum err
dns_exchange_start(struct loop *loop, const struct dns_ask *ask, dns_exchange_fn *fn, void *context,
                   struct dns_exchange **ret_exchange, struct errinfo *reterr)
{
    ASSERT(fn != NULL);
    struct dns_exchange *x = exchange_new(loop, ask, fn, context);
    enum err e = question_make(x, ask->name);
    if (e != ERR_OK) {
        dns_exchange_cancel(&x);
        return err_set(reterr, e, "\"%s\" cannot be asked for: it is not a DNS name", ask->name);
    }
    uint32_t timeout_ms = ask->timeout_ms == 0 ? TIMEOUT_MS : ask->timeout_ms;
    timer_arm_in(loop, &x->deadline, (uint64_t)timeout_ms * 1000);
    if (x->tcp) {
        tcp_begin(x);
    } else {
        udp_begin(x);
    }
    *ret_exchange = x;
    return ERR_OK;
}

struct dns_answer *
dns_exchange_take_answer(struct dns_exchange *exchange)
{
    ASSERT(exchange->magic == EXCHANGE_MAGIC);
    struct dns_answer *answer = exchange->answer;
    exchange->answer = NULL;
    exchange->result.answer = NULL;
    return answer;
}

void
dns_exchange_cancel(struct dns_exchange **exchange)
{
    struct dns_exchange *x = *exchange;
    if (x == NULL) {
        return;
    }
    exchange_check(x);
    socket_close(x);
    timer_remove(&x->retry);
    timer_remove(&x->deadline);
    deferred_cancel(&x->report);
    dns_answer_free(&x->answer);
    buf_free(&x->question);
    buf_free(&x->reply);
    buf_free(&x->tcp_in);
    x->magic = 0;
    xfree(x);
    *exchange = NULL;
}
