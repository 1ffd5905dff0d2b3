/* SPDX-License-Identifier: Apache-2.0
 * The life of one probe: it begins, its machine fills the result, it is filed. And what the engine
 * does for the machines meanwhile. */
#include "doctor/engine_state.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const struct machine *const machines[PROBE_COUNT] = {
#define PROBE(id, name, layer, machine, keep, sentence) [PROBE_##id] = &machine_##machine,
#include "doctor/probes.def"
#undef PROBE
};

static const size_t keeps[PROBE_COUNT] = {
#define PROBE(id, name, layer, machine, keep, sentence) [PROBE_##id] = (keep),
#include "doctor/probes.def"
#undef PROBE
};

/* ---- for machines ---- */

struct loop *
run_loop(const struct run *run)
{
    return run->engine->loop;
}

const struct facts *
run_facts(const struct run *run)
{
    return run->engine->facts;
}

const struct question *
run_question(const struct run *run)
{
    return &run->engine->facts->question;
}

uint64_t
engine_now(const struct engine *e)
{
    uint64_t now = loop_now_us(e->loop);
    return now > e->start_us ? now - e->start_us : 1;
}

uint64_t
run_now_us(const struct run *run)
{
    return engine_now(run->engine);
}

uint32_t
run_left_ms(const struct run *run)
{
    uint64_t now = run_now_us(run);
    uint64_t deadline = run_question(run)->deadline_us;
    return deadline > now + 1000 ? (uint32_t)MIN_OF((deadline - now) / 1000, UINT32_MAX) : 1;
}

bool
run_got(struct run *run, const void *p, size_t n)
{
    struct result *r = &run->result;
    size_t keep = keeps[run->wish.probe];
    size_t take = r->got.n < keep ? MIN_OF(n, keep - r->got.n) : 0;
    uint64_t now = run_now_us(run);
    if (n > 0 && r->got_total == 0) {
        r->first_us = r->first_us == 0 ? now : r->first_us;
        r->got_at_us[0] = now;
    }
    if (take > 0) {
        r->got.p = xrealloc(r->got.p, r->got.n + take);
        memcpy(r->got.p + r->got.n, p, take);
        r->got.n += take;
    }
    if (n > 0) {
        r->got_total += n;
        r->got_at_us[1] = now;
    }
    return r->got_total < LIMIT_DOCTOR_READ;
}

const char *
run_user_agent(const struct run *run)
{
    return run->user_agent;
}

struct rand *
run_rand(const struct run *run)
{
    return &run->engine->rand;
}

struct local_facts *
run_local(const struct run *run)
{
    return &run->engine->facts->local;
}

void
run_count_connection(struct run *run)
{
    if (run->wish.side == SIDE_SITE || run->wish.side == SIDE_PORT) {
        run->engine->facts->connections++;
    }
}

void
run_keep_session(struct run *run, struct tls_session *session)
{
    tls_session_free(&run->engine->session);
    run->engine->session = session;
}

const struct tls_session *
run_session(const struct run *run)
{
    return run->engine->session;
}

static void
make_store(struct engine *e)
{
    const char *ca = e->facts->question.ca_file;
    e->store_made = true;
    e->store = chain_store_new();
    bool some = chain_store_add_system(e->store, NULL) == ERR_OK;
    some |= ca != NULL && chain_store_add_file(e->store, ca, NULL) == ERR_OK;
    if (!some) {
        chain_store_free(&e->store);
    }
}

const struct chain_store *
run_store(const struct run *run)
{
    if (!run->engine->store_made) {
        make_store(run->engine);
    }
    return run->engine->store;
}

void
run_refuse(struct run *run, enum err err, const struct errinfo *why)
{
    run->engine->error = err;
    run->engine->why = *why;
}

void
run_note_end(struct run *run, enum io io, int error)
{
    struct result *r = &run->result;
    if (io == IO_EOF) {
        r->finish = FINISH_FIN;
    } else if (error == ECONNRESET || error == EPIPE) {
        r->finish = FINISH_RST; /* EPIPE: the reset was seen by an earlier call */
        r->error = ECONNRESET;
    } else {
        r->finish = FINISH_ERROR;
        r->error = error;
    }
}

int
run_take_spare(struct run *run)
{
    struct engine *e = run->engine;
    for (size_t i = 0; i < e->spare_count; i++) {
        struct spare *s = &e->spares[i];
        if (s->fd >= 0 && s->side == run->wish.side && addr_eq(&s->at, &run->wish.at)) {
            int fd = s->fd;
            s->fd = -1;
            return fd;
        }
    }
    return -1;
}

/* ---- results ---- */

static struct result
result_of(const struct wish *w)
{
    struct result r = {.probe = w->probe, .side = w->side, .hop = w->hop, .at = w->at};
    memcpy(r.name, w->name, sizeof(r.name));
    memcpy(r.label, w->label, sizeof(r.label));
    return r;
}

struct result
run_result(const struct run *run)
{
    return result_of(&run->wish);
}

static void
file(struct engine *e, const struct wish *w, struct result *r)
{
    struct result *filed = facts_add(e->facts);
    *filed = *r;
    *r = (struct result){0};
    facts_digest(filed);
    if (e->watch != NULL) {
        e->watch(e->watch_context, w, filed);
    }
    loop_defer(e->loop, &e->step);
}

void
run_file(struct run *run, struct result *result)
{
    file(run->engine, &run->wish, result);
}

static void
keep_spare(struct engine *e, struct run *run)
{
    if (run->spare_fd < 0) {
        return;
    }
    if (e->spare_count == SPARES_MAX || e->done) {
        close(run->spare_fd);
    } else {
        e->spares[e->spare_count++] = (struct spare){run->spare_fd, run->wish.side, run->wish.at};
    }
    run->spare_fd = -1;
}

void
run_done(struct run *run, enum outcome outcome)
{
    struct engine *e = run->engine;
    run->result.outcome = outcome;
    run->result.end_us = run_now_us(run);
    keep_spare(e, run);
    list_remove(&run->link);
    e->running_count--;
    list_push_back(&e->ended, &run->link);
    file(e, &run->wish, &run->result);
}

void
engine_file_skipped(struct engine *e, const struct wish *w, enum skip why)
{
    struct result r = result_of(w);
    r.outcome = OUTCOME_SKIPPED;
    r.skip = why;
    r.url = w->url[0] == '\0' ? NULL : xstrdup(w->url);
    file(e, w, &r);
}

/* ---- runs ---- */

void
run_begin(struct engine *e, const struct wish *w)
{
    struct run *run = xalloc(sizeof(*run));
    list_init(&run->link);
    run->engine = e;
    run->wish = *w;
    run->spare_fd = -1;
    (void)snprintf(run->user_agent, sizeof(run->user_agent), "%s/%s.%s", e->user_agent,
                   probe_name(w->probe), side_name(w->side));
    run->result = result_of(w);
    run->result.start_us = engine_now(e);
    if (w->url[0] != '\0') {
        run->result.url = xstrdup(w->url);
    }
    list_push_back(&e->running, &run->link);
    e->running_count++;
    if (e->watch != NULL) {
        e->watch(e->watch_context, w, NULL);
    }
    if (!machines[w->probe]->start(run)) {
        run_done(run, OUTCOME_FAIL);
    }
}

bool
run_is_late(const struct engine *e, const struct run *run)
{
    return engine_now(e) - MIN_OF(engine_now(e), run->result.start_us) >=
           e->facts->question.timeout_us;
}

void
run_cancel(struct engine *e, struct run *run)
{
    bool silent = run_is_late(e, run);
    bool connected = run->result.connected_us != 0;
    machines[run->wish.probe]->cancel(run);
    if (connected && run->result.finish == FINISH_NONE) {
        run->result.finish = FINISH_US;
    }
    run_done(run, silent ? OUTCOME_TIMEOUT : OUTCOME_CANCELLED);
}

void
engine_reap(struct engine *e)
{
    for (struct list *node = list_first(&e->ended); node != NULL; node = list_first(&e->ended)) {
        struct run *run = CONTAINER_OF(node, struct run, link);
        list_remove(node);
        result_done(&run->result);
        xfree(run);
    }
}
