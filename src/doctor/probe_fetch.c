/* SPDX-License-Identifier: Apache-2.0
 * Fetches the issuer's certificate that a site forgot to send, as browsers do (CA): plain HTTP,
 * where the certificate says, at most twice [ruling 10]. */
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/reach.h"
#include "doctor/redirect.h"

#include <errno.h>

enum { READ_BYTES = 16 * 1024, FETCHES_MAX = 2 };

struct fetch {
    struct run *run;     /* borrowed */
    struct reach *reach; /* owned; NULL once the connection is there */
    struct stream stream;
    struct loop_io io;
    struct redirect url; /* what is fetched now */
    struct buf out, in;
    size_t sent;
    unsigned count;          /* fetches begun */
    struct der_list fetched; /* owned */
};

/* ---- the end ---- */

static void
fetch_hang_up(struct fetch *f)
{
    if (f->stream.fd >= 0) {
        loop_io_forget(run_loop(f->run), &f->io);
        stream_close(&f->stream);
    }
    reach_cancel(&f->reach);
    buf_reset(&f->out);
    buf_reset(&f->in);
    f->sent = 0;
}

static void
fetch_free(struct fetch *f)
{
    fetch_hang_up(f);
    buf_free(&f->out);
    buf_free(&f->in);
    der_list_done(&f->fetched);
    f->run->state = NULL;
    xfree(f);
}

/* The chain whose issuer is missing. */
static const struct result *
broken_result(const struct facts *f)
{
    for (const struct result *r = NULL; (r = facts_next(f, r, PROBE_R1, SIDE_SITE)) != NULL;) {
        if (r->seen != NULL && r->chain != NULL && !r->chain->trusted) {
            return r;
        }
    }
    return NULL;
}

/* Checks the site's chain again with what was fetched. */
static void
check_again(struct fetch *f)
{
    struct run *run = f->run;
    const struct result *r1 = broken_result(run_facts(run));
    if (r1 == NULL || run_store(run) == NULL) {
        return;
    }
    struct chain_question q = {.sent = &r1->seen->chain,
                               .host = str_of(run_question(run)->host),
                               .now_s = run_facts(run)->started_s,
                               .store = run_store(run),
                               .fetched = &f->fetched,
                               .staple = r1->seen->staple,
                               .sct = r1->seen->sct,
                               .handshake_seen = r1->seen->done};
    if (run->result.chain == NULL) {
        run->result.chain = xalloc(sizeof(*run->result.chain));
    } else {
        chain_facts_done(run->result.chain);
    }
    chain_check(&q, run->result.chain);
}

static void
fetch_end(struct fetch *f)
{
    struct run *run = f->run;
    bool good = f->fetched.count > 0;
    if (run->result.finish == FINISH_NONE) {
        run->result.finish = FINISH_US;
    }
    fetch_free(f);
    run_done(run, run->result.skip != SKIP_NONE ? OUTCOME_SKIPPED
                  : good                        ? OUTCOME_OK
                                                : OUTCOME_FAIL);
}

/* ---- the answer ---- */

static bool fetch_begin(struct fetch *f, struct str url);

/* Where the newest certificate says that its own issuer's is; false: it does not. */
static bool
next_url(const struct fetch *f, char *to, size_t size)
{
    struct der_list newest = {.count = 1, .total = 1};
    struct chain_facts facts;
    newest.items[0] = f->fetched.items[f->fetched.count - 1];
    struct chain_question q = {.sent = &newest,
                               .host = str_of(run_question(f->run)->host),
                               .now_s = run_facts(f->run)->started_s,
                               .store = run_store(f->run)};
    chain_check(&q, &facts);
    bool found = facts.count == 1 && !facts.certificates[0].malformed &&
                 !facts.certificates[0].self_issued && facts.certificates[0].aia_url[0] != '\0' &&
                 str_copy_z(str_of(facts.certificates[0].aia_url), to, size);
    chain_facts_done(&facts);
    return found;
}

/* Adds the certificates of the answer; false: there are none. */
static bool
take_certificates(struct fetch *f, bool fin, bool reset)
{
    size_t before = f->fetched.count;
    if (f->in.n == 0) {
        return false;
    }
    struct http_seen *h = http_seen_read((const uint8_t *)f->in.p, f->in.n, f->in.n, fin, reset);
    struct str body = {(const char *)h->body, h->body_bytes};
    bool good = h->has_status && h->status == 200 && h->body_bytes > 0 &&
                chain_aia_read(body, &f->fetched) == ERR_OK && f->fetched.count > before;
    http_seen_free(&h);
    return good;
}

static void
fetch_answered(struct fetch *f, bool fin, bool reset)
{
    char url[REDIRECT_URL];
    bool good = take_certificates(f, fin, reset);
    fetch_hang_up(f);
    if (good) {
        check_again(f);
        bool enough = f->run->result.chain == NULL || f->run->result.chain->works_with_aia;
        if (!enough && run_store(f->run) != NULL && f->count < FETCHES_MAX &&
            next_url(f, url, sizeof(url)) && fetch_begin(f, str_of(url))) {
            return;
        }
    }
    fetch_end(f);
}

static bool
is_complete(const struct fetch *f)
{
    struct http_seen *h = http_seen_read((const uint8_t *)f->in.p, f->in.n, f->in.n, false, false);
    bool complete = http_seen_complete(h);
    http_seen_free(&h);
    return complete;
}

/* ---- reading and writing ---- */

static void
fetch_write(struct fetch *f)
{
    while (f->sent < f->out.n) {
        size_t n = 0;
        if (stream_write(&f->stream, f->out.p + f->sent, f->out.n - f->sent, &n) != IO_DONE) {
            return; /* a broken connection is for the reader to find */
        }
        f->sent += n;
    }
    if (f->run->result.sent_us == 0) {
        f->run->result.sent_us = run_now_us(f->run);
    }
}

/* Bounded by LIMIT_DOCTOR_ISSUER_BYTES: no more turns are needed. */
static void
fetch_read(struct fetch *f)
{
    char bytes[READ_BYTES];
    for (;;) {
        size_t n = 0;
        enum io io = stream_read(&f->stream, bytes, sizeof(bytes), &n);
        int error = errno;
        if (io == IO_AGAIN) {
            return;
        }
        if (io != IO_DONE) {
            if (f->count == 1) {
                run_note_end(f->run, io, error);
            }
            fetch_answered(f, io == IO_EOF, io == IO_FAIL);
            return;
        }
        if (f->count == 1) {
            (void)run_got(f->run, bytes, n); /* the limit is our own */
        }
        buf_add(&f->in, bytes, n);
        if (f->in.n >= LIMIT_DOCTOR_ISSUER_BYTES || is_complete(f)) {
            fetch_answered(f, false, false);
            return;
        }
    }
}

static void
fetch_event(struct loop_io *io, uint32_t events)
{
    struct fetch *f = CONTAINER_OF(io, struct fetch, io);
    stream_events(&f->stream, events);
    fetch_write(f);
    fetch_read(f);
}

/* ---- beginning ---- */

/* From a public site nothing leads to the inside [ruling 8]. */
static bool
may_ask(struct run *run, const struct addr *at)
{
    const struct result *r1 = broken_result(run_facts(run));
    const char *range = addr_range(at);
    bool inside = range != NULL && strcmp(range, "documentation") != 0;
    if (inside && r1 != NULL && addr_range(&r1->at) == NULL) {
        run->result.skip = SKIP_PRIVATE;
        return false;
    }
    return true;
}

static void
fetch_dialled(void *context, enum dial_end end, int fd)
{
    struct fetch *f = context;
    f->reach = NULL;
    if (end == DIAL_FAILED) {
        fetch_end(f);
        return;
    }
    stream_init(&f->stream, fd);
    bool v6 = str_find_char(str_of(f->url.host), ':', NULL);
    buf_addf(&f->out, "GET %s HTTP/1.1\r\n", f->url.path);
    buf_addf(&f->out, v6 ? "Host: [%s]" : "Host: %s", f->url.host);
    if (f->url.port != 80) {
        buf_addf(&f->out, ":%u", f->url.port);
    }
    buf_addf(&f->out, "\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
             run_user_agent(f->run));
    if (!loop_io_watch(run_loop(f->run), &f->io, fd, LOOP_IO_ALL | (uint32_t)EPOLLET,
                       fetch_event)) {
        f->run->result.error = errno;
        f->run->result.finish = FINISH_ERROR;
        fetch_end(f);
    }
}

/* http only: the chain of a https:// issuer would need an issuer itself. */
static bool
fetch_begin(struct fetch *f, struct str url)
{
    if (redirect_parse(url, &f->url) != ERR_OK || f->url.secure) {
        return false;
    }
    f->count++;
    f->reach = reach_start(f->run, f->url.host, f->url.port, may_ask, fetch_dialled, f);
    return true;
}

static bool
fetch_start(struct run *run)
{
    struct fetch *f = xalloc(sizeof(*f));
    f->run = run;
    f->stream.fd = -1;
    run->state = f;
    if (!fetch_begin(f, str_of(run->wish.url))) {
        run->result.error = EINVAL;
        fetch_free(f);
        return false;
    }
    return true;
}

static void
fetch_cancel(struct run *run)
{
    fetch_free(run->state);
}

const struct machine machine_FETCH = {"FETCH", fetch_start, fetch_cancel};
