/* SPDX-License-Identifier: Apache-2.0
 * The data plane of one worker: the life of a connection and of a request.
 *
 * A client connects to a listener (client.c): on an HTTPS listener the first byte decides between
 * TLS, the plain-HTTP page and a close. Each request head becomes a `struct request` (request.c),
 * whose states are the table request_states.def: its rule is found, its action runs; a forward
 * picks a target (targets), gets a connection from the idle pool or a new one (target_conn.c),
 * writes the rewritten head (heads.c), relays the bodies both ways with back-pressure (relay.c),
 * and ends with one row of state/end_reasons.def, which decides log line, counters and what the
 * doctor says. */
#pragma once

#include "base/err.h"
#include "log/log.h"
#include "loop/loop.h"
#include "model/model.h"
#include "state/board.h"
#include "tls/tls.h"

struct worker;
struct worker_env {
    struct loop *loop;
    unsigned index;
    struct board *board;
    struct log_spool *spool;
    const struct tls_ticket_keys *ticket_keys;
    int keys_dirfd; /* certificate and key files by certificate id */
};
enum err worker_new(const struct worker_env *env, struct worker **ret_worker,
                    struct errinfo *reterr) MUST_USE;
void worker_free(struct worker **w); /* closes everything that is still open */
/* Takes a reference; all or nothing: on error the old configuration stays. */
enum err worker_load(struct worker *w, struct model *m, struct errinfo *reterr) MUST_USE;
/* A listening socket (owned from now on) for a listener; several per listener: one per address. */
void worker_listen(struct worker *w, uint32_t listener_slot, int fd);
void worker_unlisten(struct worker *w, uint32_t listener_slot);
/* Accepts no more, ends idle connections, finishes requests until the deadline, then calls done. */
void worker_drain(struct worker *w, uint64_t deadline_us, void (*done)(void *context),
                  void *context);
