/* SPDX-License-Identifier: Apache-2.0
 * The worker's side of the spool: which load balancers log, when a buffer is written and when a
 * file is complete. The mechanics of one slot are in region.c.
 *
 * Order of values: service, then no record lost, then tidy names. A file that cannot be written
 * (disk full) stays open past its interval and goes on taking records while its buffer has room;
 * only then are records lost, and counted. Writing is tried again at each tick, not at each record.
 */
#include "log/log_int.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/rand.h"

#include <errno.h>
#include <string.h>

enum {
    SPOOL_MAGIC = 0x53504f4c,
    FLUSH_AGE_US = 1000 * 1000,
};

struct spool_slot {
    struct log_slot file;
    struct log_key key;
    bool wanted;       /* the load balancer logs, to `key` */
    bool stale;        /* the open file is of another configuration or a dead worker: complete it */
    bool failed;       /* the last write failed: wait for the tick */
    bool told;         /* a warning said so: one for each time the disk fills */
    uint64_t end_us;   /* of the open file's interval */
    uint64_t early_us; /* before this the clock was set back a good deal */
    uint64_t oldest_us; /* when the first byte in memory came */
};

struct log_spool {
    unsigned magic;
    int spool_dirfd; /* borrowed */
    unsigned worker;
    uint32_t generation;
    uint32_t interval_s;
    char *account, *region_name; /* owned */
    struct board_worker *row;    /* borrowed; may be NULL */
    struct log_region *region;   /* owned mapping */
    struct rand rand;
    uint64_t lost;
    struct spool_slot slots[LOG_SLOTS];
};

/* ---- counting ---- */

static void
spool_lose(struct log_spool *s, uint64_t records)
{
    s->lost += records;
    if (s->row != NULL) {
        board_add(&s->row->log_lost, records); /* counts on from what the predecessors lost */
    }
}

static bool
slot_failed(struct spool_slot *t, const char *what)
{
    if (!t->told) {
        diag_warn("access log cannot be %s: %m; records wait in memory, then are lost key=%s", what,
                  t->key.stem);
    }
    t->told = true;
    t->failed = true;
    return false;
}

/* ---- one slot ---- */

static bool
slot_flush(struct spool_slot *t)
{
    if (t->failed || !log_slot_flush(&t->file)) {
        return slot_failed(t, "written");
    }
    t->told = false;
    return true;
}

static bool
slot_complete(struct spool_slot *t)
{
    if (t->failed || !log_slot_complete(&t->file)) {
        return slot_failed(t, "completed");
    }
    t->told = false;
    t->stale = false;
    return true;
}

static bool
slot_begin(struct log_spool *s, struct spool_slot *t, const struct addr *node, uint64_t wall_us)
{
    char path[LOG_PATH_MAX];
    struct log_file_name name = {
        .end_us = log_interval_end_us(wall_us, s->interval_s),
        .seconds = s->interval_s % 60 != 0,
        .node = *node,
        .random = rand_u64(&s->rand),
    };
    if (!log_key_path(&t->key, &name, path)) {
        return false;
    }
    log_slot_begin(&t->file, path, s->worker, s->generation);
    t->end_us = name.end_us;
    t->early_us = name.end_us - MIN_OF(name.end_us, UINT64_C(2) * s->interval_s * 1000000);
    return true;
}

/* Ends a file that is over: by time, by size, or because it is not ours to continue. */
static void
slot_turn(struct spool_slot *t, uint64_t wall_us)
{
    if (!log_slot_is_open(&t->file)) {
        return;
    }
    bool full = log_slot_bytes(&t->file) >= LOG_FILE_BYTES_MAX;
    bool over = wall_us >= t->end_us || wall_us < t->early_us;
    if (t->stale || full || over) {
        (void)slot_complete(t); /* stays open then, which the callers look at */
    }
}

/* ---- the spool ---- */

static struct log_spool *
spool_check(struct log_spool *s)
{
    ASSERT(s != NULL);
    ASSERT(s->magic == SPOOL_MAGIC);
    return s;
}

/* What a dead predecessor left: written and completed; when that fails it is kept and tried again.
 */
static void
slot_recover(struct log_spool *s, struct spool_slot *t)
{
    if (!log_slot_is_open(&t->file)) {
        return;
    }
    if (!log_slot_sound(&t->file)) {
        diag_error("a log buffer is damaged and dropped worker=%u slot=%u", s->worker,
                   t->file.index);
        spool_lose(s, 1);
        log_slot_reset(&t->file);
        return;
    }
    if (log_slot_complete(&t->file)) {
        return;
    }
    if (errno == ENOENT && log_slot_flushed(&t->file) > 0) {
        diag_error("a spool file was removed by somebody; what belongs behind it is lost worker=%u",
                   s->worker);
        spool_lose(s, log_slot_abandon(&t->file));
        return;
    }
    t->stale = true;
    (void)slot_failed(t, "completed"); /* the tick tries again */
}

enum err
log_spool_open(const struct log_spool_env *env, uint64_t wall_us, struct log_spool **ret_spool,
               struct errinfo *reterr)
{
    if (env->interval_s == 0 || env->interval_s > 86400) {
        return err_set(reterr, ERR_INVALID, "log interval %u s is not between 1 and 86400",
                       env->interval_s);
    }
    struct log_region *region;
    TRY(log_region_map(env->region_fd, true, &region, reterr));
    struct log_spool *s = xalloc(sizeof(*s));
    s->magic = SPOOL_MAGIC;
    s->spool_dirfd = env->spool_dirfd;
    s->worker = env->worker;
    s->generation = env->generation;
    s->interval_s = env->interval_s;
    s->account = xstrdup(env->account);
    s->region_name = xstrdup(env->region);
    s->row = env->row;
    s->region = region;
    rand_seed_system(&s->rand);
    for (unsigned i = 0; i < LOG_SLOTS; i++) {
        s->slots[i].file = (struct log_slot){region, i, env->spool_dirfd, -1};
        s->slots[i].oldest_us = wall_us;
        slot_recover(s, &s->slots[i]);
    }
    if (s->row != NULL) {
        atomic_store_explicit(&s->row->log_recovered, s->generation, memory_order_release);
    }
    *ret_spool = s;
    return ERR_OK;
}

static const struct load_balancer *
model_balancer(const struct model *m, unsigned slot)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        if (m->load_balancers[i].slot == slot) {
            return &m->load_balancers[i];
        }
    }
    return NULL;
}

static void
slot_retire(struct spool_slot *t)
{
    if (log_slot_is_open(&t->file)) {
        t->stale = true;
        t->failed = false;
        (void)slot_complete(t); /* stale and open: the tick goes on trying */
    }
}

static void
slot_configure(struct log_spool *s, struct spool_slot *t, const struct load_balancer *lb)
{
    if (lb == NULL) { /* removed: what it still has in flight goes to a file of its own */
        slot_retire(t);
        return;
    }
    struct log_key key = {0};
    bool wanted = lb->access_logs.enabled;
    if (wanted && !log_key_make(&lb->access_logs, str_of(s->account), str_of(s->region_name),
                                lb->log_id, &key)) {
        diag_error("access log of \"%.*s\" is off: bucket \"%.*s\" or prefix \"%.*s\" is not legal",
                   STR_ARG(lb->log_id), STR_ARG(lb->access_logs.bucket),
                   STR_ARG(lb->access_logs.prefix));
        wanted = false;
    }
    bool same = wanted && t->wanted && strcmp(key.folder, t->key.folder) == 0 &&
                strcmp(key.stem, t->key.stem) == 0;
    if (!same) {
        slot_retire(t);
    }
    t->wanted = wanted;
    t->key = key;
}

void
log_spool_configure(struct log_spool *s, const struct model *m)
{
    spool_check(s);
    for (unsigned i = 0; i < LOG_SLOTS; i++) {
        slot_configure(s, &s->slots[i], model_balancer(m, i));
    }
}

bool
log_spool_wanted(const struct log_spool *s, uint32_t lb_slot)
{
    return lb_slot < LOG_SLOTS && s->slots[lb_slot].wanted;
}

/* Makes the slot ready for n bytes: a file of the right interval is open and its buffer has room.
 */
static bool
slot_ready(struct log_spool *s, struct spool_slot *t, const struct addr *node, size_t n,
           uint64_t wall_us)
{
    slot_turn(t, wall_us);
    if (!log_slot_is_open(&t->file) && !slot_begin(s, t, node, wall_us)) {
        return false;
    }
    if (t->stale) {
        return false;
    }
    return log_slot_room(&t->file) >= n || (slot_flush(t) && log_slot_room(&t->file) >= n);
}

bool
log_spool_append(struct log_spool *s, uint32_t lb_slot, const struct addr *node, struct str line,
                 uint64_t wall_us)
{
    spool_check(s);
    ASSERT(line.n > 0 && line.n <= LIMIT_LOG_BUFFER_BYTES);
    ASSERT_DEBUG(line.p[line.n - 1] == '\n');
    if (!log_spool_wanted(s, lb_slot)) {
        return false;
    }
    struct spool_slot *t = &s->slots[lb_slot];
    if (!slot_ready(s, t, node, line.n, wall_us)) {
        spool_lose(s, 1);
        return false;
    }
    if (log_slot_pending(&t->file) == 0) {
        t->oldest_us = wall_us;
    }
    log_slot_append(&t->file, line);
    return true;
}

void
log_spool_retract(struct log_spool *s, uint32_t lb_slot, size_t n)
{
    spool_check(s);
    ASSERT(lb_slot < LOG_SLOTS);
    log_slot_retract(&s->slots[lb_slot].file, n);
}

void
log_spool_tick(struct log_spool *s, uint64_t wall_us)
{
    spool_check(s);
    for (unsigned i = 0; i < LOG_SLOTS; i++) {
        struct spool_slot *t = &s->slots[i];
        bool retry = t->failed;
        t->failed = false;
        slot_turn(t, wall_us);
        if (!log_slot_is_open(&t->file) || log_slot_pending(&t->file) == 0) {
            continue;
        }
        /* a clock that was set back makes everything old */
        bool old = wall_us < t->oldest_us || wall_us - t->oldest_us >= FLUSH_AGE_US;
        if (old || retry) {
            (void)slot_flush(t); /* its failure is kept in the slot */
        }
    }
}

uint64_t
log_spool_lost(const struct log_spool *s)
{
    return s->lost;
}

void
log_spool_close(struct log_spool **spool)
{
    struct log_spool *s = *spool;
    if (s == NULL) {
        return;
    }
    spool_check(s);
    for (unsigned i = 0; i < LOG_SLOTS; i++) {
        struct spool_slot *t = &s->slots[i];
        t->failed = false;
        if (log_slot_is_open(&t->file)) {
            (void)slot_complete(t); /* else it stays in the region for the shipper's final pass */
        }
        log_slot_detach(&t->file);
    }
    log_region_unmap(&s->region);
    xfree(s->account);
    xfree(s->region_name);
    s->magic = 0;
    xfree(s);
    *spool = NULL;
}
