/* SPDX-License-Identifier: Apache-2.0
 * A worker's log buffers in shared memory: the slots, their files, and what makes a killed worker's
 * lines reach the disk exactly once.
 *
 * An append is a copy and one store of `committed`. A flush is one pwrite of [flushed, committed)
 * at offset `flushed` and one store of `flushed`. Killed between the two, the successor writes the
 * same bytes to the same place. Completing is a flush, a rename and one store of `open`; killed
 * before the store, the successor finds nothing in memory and no file to rename, which is the state
 * wanted. */
#include "log/log_int.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char region_magic[8] = {'O', 'A', 'L', 'B', 'L', 'O', 'G', '1'};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the cells are shared between processes");

/* ---- the region ---- */

size_t
log_region_bytes(void)
{
    return sizeof(struct log_region);
}

/* Sealed in its size: a worker that was taken over cannot make the shipper fault by cutting it. */
static bool
region_prepare(int fd)
{
    uint64_t bytes = sizeof(struct log_region);
    return ftruncate(fd, (off_t)bytes) == 0 &&
           tree_pwrite(fd, region_magic, sizeof(region_magic),
                       offsetof(struct log_region, magic)) &&
           tree_pwrite(fd, (const char *)&bytes, sizeof(bytes),
                       offsetof(struct log_region, bytes)) &&
           fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

enum err
log_region_create(int *ret_fd, struct errinfo *reterr)
{
    int fd = memfd_create("openalb-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return err_errno(reterr, "cannot make shared memory for log buffers");
    }
    if (!region_prepare(fd)) {
        enum err e = err_errno(reterr, "cannot size the shared memory for log buffers");
        (void)close(fd); /* memory of ours that nobody has seen */
        return e;
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err
log_region_map(int fd, bool writable, struct log_region **ret_region, struct errinfo *reterr)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return err_errno(reterr, "cannot look at the log region");
    }
    if (st.st_size != (off_t)sizeof(struct log_region)) {
        return err_set(reterr, ERR_INVALID, "the log region has %lld bytes, not %zu",
                       (long long)st.st_size, sizeof(struct log_region));
    }
    int protection = PROT_READ | (writable ? PROT_WRITE : 0);
    struct log_region *r = mmap(NULL, sizeof(*r), protection, MAP_SHARED, fd, 0);
    if (r == MAP_FAILED) {
        return err_errno(reterr, "cannot map the log region");
    }
    if (memcmp(r->magic, region_magic, sizeof(region_magic)) != 0 || r->bytes != sizeof(*r)) {
        log_region_unmap(&r);
        return err_set(reterr, ERR_INVALID, "the log region is of another version");
    }
    *ret_region = r;
    return ERR_OK;
}

void
log_region_unmap(struct log_region **region)
{
    if (*region != NULL) {
        int rc = munmap(*region, sizeof(**region));
        ASSERT(rc == 0);
        *region = NULL;
    }
}

/* ---- a slot's memory ---- */

static struct log_head *
slot_head(const struct log_slot *s)
{
    return &s->region->heads[s->index];
}

static uint64_t
head_flushed(const struct log_head *h)
{
    return atomic_load_explicit(&h->flushed, memory_order_acquire);
}

static uint64_t
head_committed(const struct log_head *h)
{
    return atomic_load_explicit(&h->committed, memory_order_acquire);
}

bool
log_slot_is_open(const struct log_slot *s)
{
    return atomic_load_explicit(&slot_head(s)->open, memory_order_acquire) != 0;
}

bool
log_slot_sound(const struct log_slot *s)
{
    const struct log_head *h = slot_head(s);
    uint64_t flushed = head_flushed(h);
    uint64_t committed = head_committed(h);
    return flushed <= committed && committed - flushed <= LIMIT_LOG_BUFFER_BYTES &&
           committed <= INT64_MAX && memchr(h->path, '\0', sizeof(h->path)) != NULL &&
           strchr(h->path, '/') != NULL && str_ends(str_of(h->path), STR(".log"));
}

void
log_slot_begin(struct log_slot *s, const char *path, unsigned worker, uint32_t generation)
{
    struct log_head *h = slot_head(s);
    ASSERT(!log_slot_is_open(s));
    ASSERT(s->fd == -1);
    bool fits = str_copy_z(str_of(path), h->path, sizeof(h->path));
    ASSERT(fits);
    h->worker = worker;
    h->generation = generation;
    atomic_store_explicit(&h->flushed, 0, memory_order_relaxed);
    atomic_store_explicit(&h->committed, 0, memory_order_relaxed);
    atomic_store_explicit(&h->open, 1, memory_order_release);
}

size_t
log_slot_pending(const struct log_slot *s)
{
    const struct log_head *h = slot_head(s);
    return (size_t)(head_committed(h) - head_flushed(h));
}

uint64_t
log_slot_flushed(const struct log_slot *s)
{
    return head_flushed(slot_head(s));
}

uint64_t
log_slot_bytes(const struct log_slot *s)
{
    return head_committed(slot_head(s));
}

size_t
log_slot_room(const struct log_slot *s)
{
    return LIMIT_LOG_BUFFER_BYTES - log_slot_pending(s);
}

void
log_slot_append(struct log_slot *s, struct str line)
{
    struct log_head *h = slot_head(s);
    size_t pending = log_slot_pending(s);
    ASSERT(line.n <= LIMIT_LOG_BUFFER_BYTES - pending);
    memcpy(s->region->buffers[s->index] + pending, line.p, line.n);
    atomic_store_explicit(&h->committed, head_committed(h) + line.n, memory_order_release);
}

void
log_slot_retract(struct log_slot *s, size_t n)
{
    ASSERT(n <= log_slot_pending(s));
    atomic_store_explicit(&slot_head(s)->committed, head_committed(slot_head(s)) - n,
                          memory_order_release);
}

/* ---- a slot's file ---- */

static void
slot_open_path(const struct log_slot *s, char path[static LOG_PATH_MAX + LOG_OPEN_SUFFIX_MAX])
{
    const struct log_head *h = slot_head(s);
    struct out o = out_of(path, LOG_PATH_MAX + LOG_OPEN_SUFFIX_MAX);
    log_open_name(&o, h->path, h->worker, h->generation);
    ASSERT(!o.full);
}

/* Only the first flush may make the file: a later one that misses it would leave a hole in front.
 */
static bool
slot_open_file(struct log_slot *s)
{
    enum { ATTEMPTS = 8 }; /* the shipper may remove an empty folder between our two calls */
    char path[LOG_PATH_MAX + LOG_OPEN_SUFFIX_MAX];
    slot_open_path(s, path);
    bool make = head_flushed(slot_head(s)) == 0;
    for (int i = 0; s->fd < 0 && i < ATTEMPTS; i++) {
        const char *name;
        int folder = tree_open_parent(s->spool_dirfd, path, make ? 0 : TREE_MAKE_NONE, 0700, &name);
        if (folder >= 0) {
            int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (make ? O_CREAT : 0);
            s->fd = openat(folder, name, flags, 0600);
            int saved = errno;
            (void)close(folder); /* only read */
            errno = saved;
        }
        if (s->fd < 0 && (errno != ENOENT || !make)) {
            return false;
        }
    }
    return s->fd >= 0;
}

bool
log_slot_flush(struct log_slot *s)
{
    struct log_head *h = slot_head(s);
    size_t pending = log_slot_pending(s);
    if (pending == 0) {
        return true;
    }
    if (s->fd < 0 && !slot_open_file(s)) {
        return false;
    }
    if (!tree_pwrite(s->fd, s->region->buffers[s->index], pending, head_flushed(h))) {
        return false;
    }
    atomic_store_explicit(&h->flushed, head_committed(h), memory_order_release);
    return true;
}

void
log_slot_detach(struct log_slot *s)
{
    if (s->fd >= 0) {
        (void)close(s->fd); /* what was written is in the file; there is nobody to repeat it */
        s->fd = -1;
    }
}

void
log_slot_reset(struct log_slot *s)
{
    atomic_store_explicit(&slot_head(s)->open, 0, memory_order_release);
    log_slot_detach(s);
}

/* A file that is not there was renamed by the predecessor that died right after, or never made. */
static bool
slot_rename(struct log_slot *s)
{
    char path[LOG_PATH_MAX + LOG_OPEN_SUFFIX_MAX];
    const char *name;
    slot_open_path(s, path);
    int folder = tree_open_parent(s->spool_dirfd, path, TREE_MAKE_NONE, 0, &name);
    if (folder < 0) {
        return errno == ENOENT;
    }
    const char *final_name = strrchr(slot_head(s)->path, '/');
    ASSERT(final_name != NULL);
    bool done = renameat(folder, name, folder, final_name + 1) == 0 || errno == ENOENT;
    int saved = errno;
    (void)close(folder); /* only read */
    errno = saved;
    return done;
}

bool
log_slot_complete(struct log_slot *s)
{
    if (!log_slot_flush(s) || !slot_rename(s)) {
        return false;
    }
    log_slot_reset(s);
    return true;
}

/* Half a write may have reached the file. Where it cannot be cut off (the descriptor or the file is
 * gone) the shipper still drops a torn last line. */
static void
slot_cut_file(struct log_slot *s)
{
    uint64_t flushed = head_flushed(slot_head(s));
    if (s->fd < 0 && (flushed == 0 || !slot_open_file(s))) {
        return;
    }
    int rc = ftruncate(s->fd, (off_t)flushed);
    (void)rc; /* see above */
}

uint64_t
log_slot_abandon(struct log_slot *s)
{
    uint64_t lost = log_count_lines(s->region->buffers[s->index], log_slot_pending(s));
    slot_cut_file(s);
    (void)slot_rename(s); /* else the file ships under its open name */
    log_slot_reset(s);
    return lost;
}

uint64_t
log_count_lines(const char *p, size_t n)
{
    uint64_t lines = 0;
    for (const char *end = p + n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) {
        lines++;
    }
    return lines;
}
