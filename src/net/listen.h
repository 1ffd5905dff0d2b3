/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets and the plan of them: which listener is bound where. A new plan is bound all or
 * nothing; addresses that stay keep their socket, so no connection that waits in it is lost.
 *
 * Each address and port has one socket per worker in a SO_REUSEPORT group, which the kernel spreads
 * connections over evenly. The plan's owner keeps all of them open for ever, so the group never
 * changes and no queue is ever reset; while a worker is away the others watch its sockets as well.
 * (docs/decisions/ has the measurements: one shared socket left whole workers idle.) */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

enum {
    LISTEN_NAME = 64,
    LISTEN_PROTOCOL = 8,
    LISTEN_BACKLOG = 4096,
    LISTEN_COPIES_MAX = LIMIT_WORKERS_MAX,
};

struct listen_entry {
    uint32_t slot; /* the listener's row on the board */
    struct addr addr;
    char name[LISTEN_NAME];         /* of the load balancer */
    char protocol[LISTEN_PROTOCOL]; /* "HTTPS" */
    int fds[LISTEN_COPIES_MAX];     /* owned by the plan: one per worker; -1: not bound */
};

struct listen_plan {
    struct listen_entry *entries; /* owned */
    size_t count, cap;
};

void listen_plan_free(struct listen_plan *plan); /* closes its sockets and empties it */
/* A copy of the entry, not bound. */
void listen_plan_add(struct listen_plan *plan, const struct listen_entry *entry);
/* Binds every entry of `next`: by copies of the descriptors that `now` has for its address, or
 * `copies` sockets anew (`now` was bound with as many). An error names the holder of the port when
 * it is in one of the plans; `next` is unbound then. */
enum err listen_plan_bind(struct listen_plan *next, const struct listen_plan *now, unsigned copies,
                          struct errinfo *reterr) MUST_USE;
/* True when both plans have the same sockets for a slot. */
bool listen_plan_same(const struct listen_plan *a, const struct listen_plan *b, uint32_t slot);

/* One line per entry, "slot address port protocol name", below a first line with the version of the
 * snapshot that belongs to it: for a start without the process that knows the snapshot. */
void listen_plan_write(const struct listen_plan *plan, uint64_t version, struct buf *out);
enum err listen_plan_parse(struct str text, struct listen_plan *ret_plan, uint64_t *ret_version,
                           struct errinfo *reterr) MUST_USE;

/* So many listening, non-blocking, CLOEXEC sockets for one address; false: errno tells why not, and
 * none is left. Anyone else who listens there, sharing or not, is a reason. */
bool listen_sockets(const struct addr *addr, unsigned copies, int *ret_fds);
