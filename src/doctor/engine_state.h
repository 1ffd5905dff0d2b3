/* SPDX-License-Identifier: Apache-2.0
 * Between engine.c (what to run, and when it is enough) and run.c (the life of one probe). */
#pragma once

#include "base/limits.h"
#include "doctor/engine_int.h"

enum { SPARES_MAX = 2 * LIMIT_DOCTOR_ADDRESSES + 4 };

/* A connection that T1 opened and nobody has used yet. */
struct spare {
    int fd; /* owned; -1: taken */
    enum side side;
    struct addr at;
};

struct engine {
    struct loop *loop;   /* borrowed */
    struct facts *facts; /* borrowed */
    engine_watch_fn *watch;
    void *watch_context;
    uint64_t start_us; /* of the loop's clock */
    struct list running, ended;
    size_t running_count, started;
    struct deferred step;
    struct timer timer; /* the next moment at which something becomes late */
    bool done;
    enum err error; /* what stops everything */
    struct errinfo why;
    struct rand rand;
    char user_agent[224]; /* up to the mark */
    struct spare spares[SPARES_MAX];
    size_t spare_count;
    struct chain_store *store; /* owned; NULL: not made, or there are no roots */
    bool store_made;
    struct tls_session *session; /* owned */
    struct wish wishes[WISHES_MAX], going[LIMIT_DOCTOR_WISHES];
};

uint64_t engine_now(const struct engine *e); /* as run_now_us() */
void run_begin(struct engine *e, const struct wish *w);
/* Older than --timeout. */
bool run_is_late(const struct engine *e, const struct run *run);
/* Ends and files it: timed out when it was late, else cancelled. */
void run_cancel(struct engine *e, struct run *run);
void engine_file_skipped(struct engine *e, const struct wish *w, enum skip why);
/* Frees the runs that have ended. */
void engine_reap(struct engine *e);
