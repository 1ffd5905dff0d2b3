/* SPDX-License-Identifier: Apache-2.0
 * Runs what the plan wants, keeps the time and the connections, and ends when the rest would not
 * change the verdict. */
#include "doctor/engine_state.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "doctor/infer.h"

#include <stdio.h>
#include <unistd.h>

/* How long a healthy verdict waits for probes that only add notes: a share of --timeout. */
enum { PATIENCE_SHARE = 2 };

/* Probes whose answers only add notes and warnings to a site that opens: the verdict "ok" does not
 * wait long for them. */
static const bool minor[PROBE_COUNT] = {
    [PROBE_D2A] = true, [PROBE_D2Q] = true, [PROBE_D2H] = true, [PROBE_D2C] = true,
    [PROBE_D2W] = true, [PROBE_D3] = true,  [PROBE_D4] = true,  [PROBE_D5A] = true,
    [PROBE_D5Q] = true, [PROBE_D6] = true,  [PROBE_T2] = true,  [PROBE_P1] = true,
    [PROBE_P2] = true,  [PROBE_R5P] = true, [PROBE_R6] = true,
};

/* ---- a look at the facts as if all late probes had ended in silence ---- */

struct view {
    struct facts facts; /* the results are a copy of the list, not of what it owns */
    size_t real;        /* those from here on are provisional: their digest is the view's own */
};

static struct result
provisional(const struct engine *e, const struct run *run)
{
    struct result r = run->result;
    r.dns = NULL;
    r.flight = NULL;
    r.http = NULL;
    r.outcome = OUTCOME_TIMEOUT;
    r.end_us = engine_now(e);
    if (r.connected_us != 0 && r.finish == FINISH_NONE) {
        r.finish = FINISH_US;
    }
    facts_digest(&r);
    return r;
}

static void
view_open(const struct engine *e, bool with_late, struct view *v)
{
    size_t cap = e->facts->count + e->running_count;
    v->facts = *e->facts;
    v->real = e->facts->count;
    v->facts.elapsed_us = engine_now(e);
    v->facts.results = xalloc((cap + 1) * sizeof(struct result));
    v->facts.cap = cap + 1;
    if (v->real > 0) {
        memcpy(v->facts.results, e->facts->results, v->real * sizeof(struct result));
    }
    LIST_FOR (node, &e->running) {
        const struct run *run = CONTAINER_OF(node, struct run, link);
        if (with_late && run_is_late(e, run)) {
            v->facts.results[v->facts.count++] = provisional(e, run);
        }
    }
}

static void
view_close(struct view *v)
{
    for (size_t i = v->real; i < v->facts.count; i++) {
        struct result *r = &v->facts.results[i];
        struct result own = {.dns = r->dns, .flight = r->flight, .http = r->http};
        result_done(&own);
    }
    xfree(v->facts.results);
}

/* ---- when it is enough ---- */

struct outlook {
    enum verdict verdict;
    enum finding_id first; /* FINDING_NONE: no fault */
    enum layer layer;
    bool proved;
    bool settled; /* proved, and its counter-probe has run */
};

static struct outlook
look(const struct facts *f)
{
    struct findings found;
    infer(f, &found);
    struct outlook o = {.verdict = found.verdict, .first = FINDING_NONE};
    const struct finding *first = findings_first(&found);
    if (first != NULL && first->severity == SEVERITY_FAULT) {
        o.first = first->id;
        o.layer = first->layer;
        o.proved = first->confidence == CONFIDENCE_PROVED;
        o.settled =
            o.proved && (first->counter == COUNTER_WORKS || first->counter == COUNTER_FAILS);
    }
    findings_done(&found);
    return o;
}

/* The lowest layer that a probe can accuse: an answer from the load balancer's address accuses
 * DNS, and the proxy explains everything. */
static enum layer
accuses(const struct wish *w)
{
    if (w->side == SIDE_LB) {
        return LAYER_DNS;
    }
    return probe_layer(w->probe);
}

/* Is everything that could still put another fault first over, or late? */
static bool
nothing_below(const struct engine *e, const struct outlook *o, size_t wish_count)
{
    for (size_t i = 0; i < wish_count; i++) {
        if (accuses(&e->wishes[i]) <= o->layer) {
            return false;
        }
    }
    LIST_FOR (node, &e->running) {
        const struct run *run = CONTAINER_OF(node, struct run, link);
        bool shows = finding_is_stray(o->first) && run->wish.side == SIDE_SITE &&
                     (run->wish.probe == PROBE_R1 || run->wish.probe == PROBE_H1);
        if (!run_is_late(e, run) && (shows || accuses(&run->wish) <= o->layer)) {
            return false;
        }
    }
    return true;
}

enum waiting {
    WAITING_FOR_MAIN,  /* a probe that may still answer in time */
    WAITING_FOR_MINOR, /* only for notes */
    WAITING_FOR_LATE,  /* only for what has been silent longer than --timeout */
};

static enum waiting
waiting_for(const struct engine *e)
{
    enum waiting w = WAITING_FOR_LATE;
    LIST_FOR (node, &e->running) {
        const struct run *run = CONTAINER_OF(node, struct run, link);
        if (run_is_late(e, run)) {
            continue;
        }
        if (!minor[run->wish.probe] ||
            (run->wish.probe == PROBE_P1 && e->facts->question.scheme == SCHEME_HTTP)) {
            return WAITING_FOR_MAIN;
        }
        w = WAITING_FOR_MINOR;
    }
    return w;
}

static uint64_t
patience_us(const struct engine *e)
{
    return e->facts->question.timeout_us / PATIENCE_SHARE;
}

/* Nothing new is wanted: does the verdict need what still runs? `silent`: the outlook when late
 * probes count as silent [ruling 4]. */
static bool
is_enough(const struct engine *e, const struct outlook *silent)
{
    enum waiting waiting = waiting_for(e);
    if (e->running_count == 0) {
        return true;
    }
    if (waiting == WAITING_FOR_MAIN || e->facts->question.all) {
        return false;
    }
    bool decided = silent->first == FINDING_NONE ? silent->verdict != VERDICT_UNKNOWN
                                                 : silent->proved && nothing_below(e, silent, 0);
    if (waiting == WAITING_FOR_MINOR && (!decided || engine_now(e) < patience_us(e))) {
        return false;
    }
    struct view v;
    view_open(e, false, &v);
    struct outlook without = look(&v.facts);
    view_close(&v);
    return silent->first == without.first && silent->verdict != VERDICT_UNKNOWN;
}

/* ---- the step ---- */

static void
finish(struct engine *e)
{
    e->done = true;
    for (struct list *node = list_first(&e->running); node != NULL;
         node = list_first(&e->running)) {
        run_cancel(e, CONTAINER_OF(node, struct run, link));
    }
    timer_remove(&e->timer);
    deferred_cancel(&e->step);
}

/* Arms the timer for the next moment at which a probe becomes late, patience ends, or all ends. */
static void
arm(struct engine *e)
{
    const struct question *q = &e->facts->question;
    uint64_t now = engine_now(e);
    uint64_t next = q->deadline_us;
    if (now < patience_us(e)) {
        next = MIN_OF(next, patience_us(e));
    }
    LIST_FOR (node, &e->running) {
        const struct run *run = CONTAINER_OF(node, struct run, link);
        if (!run_is_late(e, run)) {
            next = MIN_OF(next, run->result.start_us + q->timeout_us);
        }
    }
    timer_arm(e->loop, &e->timer, e->start_us + next);
}

static size_t
wanted(struct engine *e, const struct facts *f)
{
    size_t going = 0;
    LIST_FOR (node, &e->running) {
        if (going < COUNT_OF(e->going)) {
            e->going[going++] = CONTAINER_OF(node, struct run, link)->wish;
        }
    }
    return plan(f, e->going, going, e->wishes);
}

static void
begin_all(struct engine *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct wish *w = &e->wishes[i];
        if (w->skip != SKIP_NONE) {
            engine_file_skipped(e, w, w->skip);
        } else if (e->started < LIMIT_DOCTOR_WISHES) {
            e->started++;
            run_begin(e, w);
        }
    }
}

static void
stop_early(struct engine *e, size_t wish_count)
{
    for (size_t i = 0; i < wish_count; i++) {
        engine_file_skipped(e, &e->wishes[i], SKIP_DECIDED);
    }
    finish(e);
}

static void
step(struct deferred *d)
{
    struct engine *e = CONTAINER_OF(d, struct engine, step);
    engine_reap(e);
    if (e->error != ERR_OK) {
        finish(e);
        return;
    }
    if (engine_now(e) >= e->facts->question.deadline_us) {
        e->facts->deadline_reached = e->running_count > 0;
        finish(e);
        return;
    }
    struct view v;
    view_open(e, true, &v);
    size_t count = e->started < LIMIT_DOCTOR_WISHES ? wanted(e, &v.facts) : 0;
    struct outlook silent = look(&v.facts);
    view_close(&v);
    if (silent.settled && !e->facts->question.all && nothing_below(e, &silent, count)) {
        stop_early(e, count);
    } else if (count > 0) {
        begin_all(e, count);
        arm(e);
    } else if (is_enough(e, &silent)) {
        finish(e);
    } else {
        arm(e);
    }
}

static void
time_passed(struct timer *t)
{
    struct engine *e = CONTAINER_OF(t, struct engine, timer);
    loop_defer(e->loop, &e->step);
}

/* ---- beginning and end ---- */

static const char chromium_agent[] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
                                     "(KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 ";
static const char firefox_agent[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0 ";

/* What the profiles of --as call themselves; s_client has no name [browser-errors 13]. */
static const char *const agents[TLS_HELLO_COUNT] = {
    [TLS_HELLO_CHROMIUM] = chromium_agent,
    [TLS_HELLO_FIREFOX] = firefox_agent,
    [TLS_HELLO_CURL] = "curl/7.88.1 ",
};

static void
make_marker(struct engine *e)
{
    struct facts *f = e->facts;
    rand_seed_system(&e->rand);
    struct out o = out_of(f->marker, sizeof(f->marker) - 1);
    out_hex(&o, rand_u64(&e->rand), 16);
    *o.p = '\0';
    const char *agent = agents[f->question.profile];
    (void)snprintf(e->user_agent, sizeof(e->user_agent), "%sopenalb-doctor/%s %s",
                   agent == NULL ? "" : agent, f->version, f->marker);
}

static struct engine *
engine_new(struct loop *loop, struct facts *f, engine_watch_fn *watch, void *context)
{
    struct engine *e = xalloc(sizeof(*e));
    e->loop = loop;
    e->facts = f;
    e->watch = watch;
    e->watch_context = context;
    e->start_us = clock_mono_us();
    list_init(&e->running);
    list_init(&e->ended);
    deferred_init(&e->step, step);
    timer_init(&e->timer, time_passed);
    f->started_s = clock_wall_us() / 1000000;
    make_marker(e);
    return e;
}

static void
engine_free(struct engine *e)
{
    ASSERT(list_empty(&e->running));
    engine_reap(e);
    for (size_t i = 0; i < e->spare_count; i++) {
        if (e->spares[i].fd >= 0) {
            close(e->spares[i].fd);
        }
    }
    timer_remove(&e->timer);
    deferred_cancel(&e->step);
    tls_session_free(&e->session);
    chain_store_free(&e->store);
    xfree(e);
}

/* --ca must be readable before anything is sent. */
static enum err
check_ca(const struct question *q, struct errinfo *reterr)
{
    if (q->ca_file == NULL) {
        return ERR_OK;
    }
    struct chain_store *store = chain_store_new();
    enum err err = chain_store_add_file(store, q->ca_file, reterr);
    chain_store_free(&store);
    return err;
}

enum err
doctor_examine(struct loop *loop, struct facts *f, engine_watch_fn *watch, void *context,
               struct errinfo *reterr)
{
    TRY(tls_init(reterr));
    TRY(check_ca(&f->question, reterr));
    struct engine *e = engine_new(loop, f, watch, context);
    loop_defer(loop, &e->step);
    while (!e->done) { /* not loop_run(): that one never runs again once it was stopped */
        loop_turn(loop, -1);
    }
    f->elapsed_us = engine_now(e);
    enum err err = e->error;
    if (err != ERR_OK) {
        err = err_set(reterr, err, "%s", e->why.text);
    }
    engine_free(e);
    return err;
}
