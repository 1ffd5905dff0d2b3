/* SPDX-License-Identifier: Apache-2.0
 * The board: one shared-memory region, made by the supervisor, mapped by every role. One writer per
 * cell, no locks; readers add the rows up. Written: health of each target (checker), counters,
 * gauges and the failure rings (each worker its own row), heartbeats (each role its own).
 *
 * It is the file STATE/run/board, made anew at each start and mapped shared: the roles get its
 * descriptor from the supervisor, any other process of the same user maps it read-only by its name.
 * After a crash it shows what the last run saw.
 *
 * Slots of targets, listeners and load balancers are assigned by control and written into the
 * snapshot. The layout is fixed, so that any role can die and come back. */
#pragma once

#include <stdalign.h>
#include <stdatomic.h>

#include "base/addr.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/limits.h"
#include "state/end.h"

/* Rows of different writers lie this far apart: two cache lines, because processors fetch pairs. */
enum { BOARD_ALIGN = 128 };

/* Target health [ALB: target health states]; HEALTH(NAME, "state") and reasons in health.def. */
enum health_state {
#define HEALTH_STATE(name, text) HEALTH_##name,
#define HEALTH_REASON(name, text, description)
#include "state/health.def"
#undef HEALTH_STATE
#undef HEALTH_REASON
    HEALTH_STATE_COUNT
};
enum health_reason {
#define HEALTH_STATE(name, text)
#define HEALTH_REASON(name, text, description) HEALTH_REASON_##name,
#include "state/health.def"
#undef HEALTH_STATE
#undef HEALTH_REASON
    HEALTH_REASON_COUNT
};
const char *health_state_name(enum health_state s);   /* "unhealthy" */
const char *health_reason_name(enum health_reason r); /* "Target.Timeout"; "" for none */
/* "Request timed out"; may hold one %u: health_describe() below fills it in. */
const char *health_reason_description(enum health_reason r);

struct board_health {
    /* state in bits 0-7, reason 8-15, HTTP code of the last check 16-31: one atomic word */
    _Atomic uint32_t word;
    _Atomic uint32_t checks_passed, checks_failed;
    _Atomic uint64_t changed_wall_us;
};
struct health_now {
    enum health_state state;
    enum health_reason reason;
    unsigned code;
};
/* The reason as AWS words it, the HTTP code filled in; returns `text`. */
enum { HEALTH_TEXT = 128 };
const char *health_describe(struct health_now now, char text[static HEALTH_TEXT]);

/* A cell that no checker wrote yet is UNUSED without a reason. */
struct health_now board_health_get(const struct board_health *h);
/* Checker only. The moment moves when the state or the reason changes, not with each check. */
void board_health_set(struct board_health *h, struct health_now now, uint64_t wall_us);

enum { FAILURE_DETAIL = 48 };
struct board_failure {         /* 144 bytes */
    _Atomic uint32_t sequence; /* odd while being written; 2n + 2 when it holds failure n */
    uint16_t end;              /* enum end_reason */
    uint16_t status;
    uint64_t wall_us;
    uint8_t trace_id[16];        /* the connection's TID */
    struct addr client;          /* sa_family 0: none */
    struct addr target;          /* sa_family 0: none */
    int32_t code;                /* errno, or the TLS alert number with the sign turned */
    char detail[FAILURE_DETAIL]; /* NUL-terminated: fault name, alert text, ... */
};
struct board_listener {
    _Atomic uint64_t ends[END_COUNT]; /* requests and connections by end */
    _Atomic uint64_t requests, connections, bytes_in, bytes_out;
    _Atomic uint64_t failure_next; /* number of the next failure, from 0 */
    struct board_failure failures[LIMIT_FAILURE_RING];
};
struct board_worker {
    alignas(BOARD_ALIGN) _Atomic int32_t pid; /* 0: dead; the supervisor writes it */
    _Atomic uint32_t generation;    /* counts up with each start; the supervisor writes it */
    _Atomic uint32_t log_recovered; /* generation whose predecessor's log buffers are on disk */
    _Atomic uint64_t heartbeat_us;  /* monotonic */
    _Atomic uint64_t snapshot_version;
    _Atomic uint64_t client_connections, target_connections; /* gauges */
    _Atomic uint64_t log_lost;                               /* records lost */
    _Atomic uint32_t outstanding[LIMIT_TARGETS_MAX]; /* requests in flight by target slot, gauge */
    struct board_listener listeners[LIMIT_LISTENERS_MAX];
};
enum board_role { BOARD_CONTROL, BOARD_CHECKER, BOARD_SHIPPER, BOARD_DNS, BOARD_ROLE_COUNT };
struct board_role_row {
    alignas(BOARD_ALIGN) _Atomic int32_t pid;
    _Atomic uint32_t generation;
    _Atomic uint64_t heartbeat_us;
    _Atomic uint64_t snapshot_version;
};
struct board {
    char magic[8]; /* "OALBBRD1" */
    uint64_t bytes;
    uint32_t worker_count;
    uint32_t end_count; /* END_COUNT of who made it */
    _Atomic uint64_t spool_lost_files, spool_lost_records;
    struct board_role_row roles[BOARD_ROLE_COUNT];
    alignas(BOARD_ALIGN) struct board_health health[LIMIT_TARGETS_MAX];
    struct board_worker workers[];
};

/* Bytes of a board for so many workers. */
size_t board_bytes(unsigned workers);

/* Supervisor: makes RUN/board (mode 0600, zeroed) for so many workers and moves it over the old
 * one; who still maps the old one keeps it. Pages cost memory when they are first touched; disk
 * blocks are reserved at once, because a full disk would kill the worker that touches a hole. The
 * descriptor is for roles to inherit: pass it on, board_map() it, close it. */
enum err board_create(int run_dirfd, unsigned workers, int *ret_fd, struct errinfo *reterr)
    MUST_USE;
/* Maps and checks it; the mapping lives as long as the process. The descriptor stays the caller's.
 */
enum err board_map(int fd, struct board **ret_board, struct errinfo *reterr) MUST_USE;
/* Tools: the board of the running instance, or of the last one. ERR_NOT_FOUND when there is none.
 */
enum err board_map_readonly(int run_dirfd, const struct board **ret_board, struct errinfo *reterr)
    MUST_USE;
/* For tests and tools that end before their process does. */
void board_unmap(const struct board *b);
/* Supervisor: a worker died; its pid and its gauges become 0, its counters stay. */
void board_worker_died(struct board *b, unsigned worker);

/* Worker: count an end; ends with a fault other than nobody also go into the ring. */
struct failure_note {
    enum end_reason end;
    unsigned status;
    uint64_t wall_us;
    const uint8_t *trace_id; /* 16 bytes */
    const struct addr *client;
    const struct addr *target; /* may be NULL */
    int code;
    struct str detail;
};
void board_count_end(struct board_listener *row, const struct failure_note *note);

/* Failure number `sequence` (from 0) of a ring into *ret: false when it was not written yet, was
 * overwritten, or is being overwritten. The last LIMIT_FAILURE_RING before failure_next can be
 * there. */
bool board_failure_read(const struct board_listener *row, uint64_t sequence,
                        struct board_failure *ret);

/* A counter that only this process writes: no locked instruction. */
static inline void
board_add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}
