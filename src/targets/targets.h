/* SPDX-License-Identifier: Apache-2.0
 * Target groups at run time, in one worker: which target gets a request, and its connections.
 * Health is read from the board, never judged here. It is not the protocol on those connections
 * (proxy).
 *
 * A `struct target_run` lives from the first configuration that names it until nothing holds it any
 * more; it survives reloads under the key group ARN + protocol + address. A `struct group_run`
 * belongs to one configuration and lists the targets of one group. A `struct target_conn` is one
 * connection to a target: made or taken from the idle list (last in, first out) by its owner, given
 * back or closed. */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "base/list.h"
#include "base/pool.h"
#include "loop/loop.h"
#include "model/model.h"
#include "net/stream.h"
#include "state/board.h"
#include "tls/tls.h"

struct targets_env {
    struct loop *loop;
    struct board *board;
    unsigned worker; /* own row of the board */
};
struct targets;
struct targets *targets_new(const struct targets_env *env);
void
targets_free(struct targets **t); /* all groups and connections must be gone, idle ones excepted */
void targets_close_idle(struct targets *t);
/* How idle target connections and TLS towards targets behave from now on. */
enum err targets_configure(struct targets *t, bool tls13, struct errinfo *reterr) MUST_USE;

/* ---- targets and groups ---- */
struct target_run {
    struct targets *targets; /* borrowed */
    struct list link;        /* of targets */
    uint32_t references;
    char *group_arn; /* owned */
    enum protocol protocol;
    struct addr addr;
    uint32_t slot;      /* row of the board */
    uint32_t listed;    /* by so many configurations; 0: deregistered */
    uint64_t cut_at_us; /* deregistered: requests in flight end here; 0 while listed */
    struct list idle;   /* target_conn.idle_link, newest first */
    uint32_t idle_count;
    uint32_t outstanding;
};

struct group_run {
    const struct target_group *group; /* borrowed from the model */
    struct target_run **targets;      /* owned array of counted references */
    size_t count;
    size_t next; /* round robin */
};
/* Finds again or makes the targets of a group. */
void group_run_init(struct targets *t, const struct target_group *group,
                    struct group_run *ret_group);
/* A newer configuration took over: targets that it does not name are deregistered from now on.
 * Returns when requests that are still in flight on those must be cut; 0 when there are none such
 * targets. */
uint64_t group_run_retire(struct group_run *g);
/* The next moment at which requests on deregistered targets are to be cut; 0: none. */
uint64_t targets_next_cut(struct targets *t);
/* Nothing uses the configuration any more; it was retired before. */
void group_run_done(struct group_run *g);
/* Round robin over the healthy ones; when none is healthy over all that do not drain [ALB:
 * fail-open, D21]. NULL: no targets at all. */
struct target_run *group_pick(struct group_run *g);

struct target_run *target_run_ref(struct target_run *t);
void target_run_unref(struct target_run **t);
/* A request begins or ends on this target: the gauge of the board. */
void target_run_begin(struct target_run *t);
void target_run_end(struct target_run *t);

/* ---- connections ---- */
enum conn_phase { CONN_CONNECTING, CONN_HANDSHAKING, CONN_OPEN };
enum { TARGET_CONN_MAGIC = 0x74636f6e };
typedef void target_conn_fn(void *owner);
struct target_conn {
    uint32_t magic;
    struct loop_io io;
    struct stream stream;
    struct target_run *target; /* counted */
    enum conn_phase phase;
    bool reused; /* it carried a request before */
    struct list idle_link;
    struct timer idle_timer;
    target_conn_fn *wake; /* owner is called at each event; NULL while idle */
    void *owner;
};
/* The newest idle connection of a target, or NULL. */
struct target_conn *target_conn_take(struct target_run *t, target_conn_fn *wake, void *owner);
/* Starts connecting; NULL when a limit is reached (errno 0) or the system refuses (errno). */
struct target_conn *target_conn_open(struct target_run *t, target_conn_fn *wake, void *owner);
enum conn_failure { CONN_FINE, CONN_REFUSED, CONN_UNREACHABLE, CONN_TLS_FAILED };
/* Goes on connecting and shaking hands: IO_DONE when open, IO_AGAIN, or IO_FAIL with the reason. */
enum io target_conn_advance(struct target_conn *c, enum conn_failure *ret_failure, int *ret_errno);
/* Back to the idle list, where it is closed after idle_us, when the target closes it or says
 * anything. */
void target_conn_give(struct target_conn **c, uint64_t idle_us);
void target_conn_close(struct target_conn **c);
