/* SPDX-License-Identifier: Apache-2.0
 * Requests counted by time, target group, host, pair of statuses and duration all at once, so that
 * a page can filter and zoom by itself. Its memory is bounded by LIMIT_REPORT_CELLS whatever is
 * added: when it is full it gives up detail, first the rarer hosts and target groups, then the
 * width of time and the resolution of durations; sums stay exact. It is not the place of
 * percentiles that must be exact, nor of paths, clients and agents: those are in query/stats.h.
 *
 * A cell is one (time bucket, group, host, status pair, measure, duration bin). Every row is
 * counted in one cell of CUBE_DURATION and, where a target answered, in one of CUBE_TARGET_TIME. */
#pragma once

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

struct cube;

/* One access line; everything borrowed. */
struct cube_row {
    uint64_t time_us;
    struct str group;     /* ARN; empty: none */
    struct str host;      /* empty: none */
    unsigned elb, target; /* statuses; 0: "-" */
    uint64_t sent_bytes;
    uint64_t duration_us, target_us; /* UINT64_MAX: absent */
};

enum cube_measure { CUBE_DURATION, CUBE_TARGET_TIME, CUBE_MEASURES };

struct cube *cube_new(void);
void cube_free(struct cube **cube);
void cube_add(struct cube *cube, const struct cube_row *row);
/* Adds all of `from`, which stays as it is. Sums are the same whatever the order; which of the rare
 * names stand under "other" may depend on it. */
void cube_join(struct cube *cube, const struct cube *from);
/* Keeps the LIMIT_REPORT_HOSTS and LIMIT_REPORT_GROUPS most frequent names, all else is "other";
 * numbers names by how frequent they are, so that the order of rows does not show. */
void cube_finish(struct cube *cube);
/* Gives up one step of detail; false: there is none left to give up. */
bool cube_shrink(struct cube *cube);

/* ---- what it holds ---- */

/* Numbers of names: these two, then the names in the order of cube_group() and cube_host(). */
enum { CUBE_NONE, CUBE_OTHER, CUBE_NAMED };
/* Numbers of status pairs: class * 2 + made by the target, for pairs that have no number of their
 * own; then those of cube_pair(). Classes are those of query/stats.h. */
enum { CUBE_CLASSES = 7, CUBE_PAIRS_OWN = CUBE_CLASSES * 2 };

/* Durations in microseconds: bin 0 is below CUBE_FLOOR_US, then CUBE_STEPS >> coarse bins of equal
 * width for each doubling; the last number means absent. */
enum {
    CUBE_FLOOR_US = 64,
    CUBE_STEPS = 16,
    CUBE_BIN_BITS = 9,
    CUBE_BIN_ABSENT = (1 << CUBE_BIN_BITS) - 1,
};

struct cube_shape {
    uint64_t width_s;      /* of a bucket; buckets begin at multiples of it since 1970 */
    uint64_t first, count; /* number of the first bucket (its time / width_s), and how many */
    unsigned steps;        /* bins for each doubling */
    size_t cells;
    size_t groups, hosts, pairs;      /* that have a name or number of their own */
    bool groups_folded, hosts_folded; /* there is an "other" */
};
struct cube_shape cube_shape(const struct cube *cube);
struct str cube_group(const struct cube *cube, size_t index);
struct str cube_host(const struct cube *cube, size_t index);
void cube_pair(const struct cube *cube, size_t index, unsigned *ret_elb, unsigned *ret_target);

struct cube_cell {
    uint64_t bucket; /* from the first one */
    unsigned group, host, pair, bin;
    enum cube_measure measure;
    uint64_t count, sent_bytes; /* bytes: of CUBE_DURATION only */
};
/* All cells, by bucket, group, host, pair, measure, bin. */
void cube_each(const struct cube *cube, void (*visit)(void *context, const struct cube_cell *cell),
               void *context);

/* All cells in that order as numbers of 7 bits a byte, lowest first, the top bit meaning more:
 * the distance from the key before (the first: from 0), the count and, for CUBE_DURATION, the sent
 * bytes. A key is, from the lowest bit: bin (9 bits), measure (1), pair (6), host (8), group (6),
 * bucket. */
void cube_encode(const struct cube *cube, struct buf *out);

size_t cube_bytes(const struct cube *cube); /* of memory */
