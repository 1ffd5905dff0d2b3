/* SPDX-License-Identifier: Apache-2.0
 * Runs probes until the plan wants no more, or the time is over.
 *
 * The plan (plan.c) is a pure function from the facts so far to the probes that are wanted now; it
 * is asked again whenever a probe ends. Each probe is a small state machine on the loop
 * (probe_*.c) that ends in exactly one `struct result`. Nothing of this decides what is broken;
 * only whether to stop early is asked of infer(). */
#pragma once

#include "doctor/facts.h"
#include "loop/loop.h"
#include "tls/observe.h"

/* One probe to run. */
struct wish {
    enum probe probe;
    enum side side;
    struct addr at; /* sa_family 0: none needed */
    char name[256]; /* to ask for, or SNI and Host */
    char label[128];
    unsigned hop;
    char url[2048]; /* R3: what to ask; CA: from where */
    bool plain;     /* without TLS, although a probe of the TLS machine: http is spoken there */
    enum skip skip; /* not SKIP_NONE: only to be noted as skipped */
};
enum { WISHES_MAX = 64 };
/* `running`: wishes that have been started and have not ended. Never wishes twice for the same
 * probe, side, address, name, label and hop. Returns how many. */
size_t plan(const struct facts *f, const struct wish *running, size_t running_count,
            struct wish ret_wishes[static WISHES_MAX]);

/* Called when a probe starts and when it ends (`r` not NULL): for the live line and --verbose. */
typedef void engine_watch_fn(void *context, const struct wish *w, const struct result *r);

/* Fills `f` (question set by the caller) by running all probes; blocks in loop_run until done.
 * Errors only for what stops everything: no memory for descriptors, libraries that do not load. */
enum err doctor_examine(struct loop *loop, struct facts *f, engine_watch_fn *watch, void *context,
                        struct errinfo *reterr) MUST_USE;
