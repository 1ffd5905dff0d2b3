/* SPDX-License-Identifier: Apache-2.0
 * The board: made, mapped, checked, written and read. */
#include "state/board.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/assert.h"

static const char magic[8] = {'O', 'A', 'L', 'B', 'B', 'R', 'D', '1'};
static const char file_name[] = "board";
static const char file_name_new[] = "board.new";

_Static_assert(sizeof(struct board_failure) == 144, "the layout of the ring");
_Static_assert(sizeof(struct board_worker) % BOARD_ALIGN == 0, "workers share no cache line");
_Static_assert(sizeof(struct board_role_row) % BOARD_ALIGN == 0, "roles share no cache line");
_Static_assert(offsetof(struct board, workers) % BOARD_ALIGN == 0, "rows begin on a cache line");
_Static_assert(offsetof(struct board, health) % BOARD_ALIGN == 0, "rows begin on a cache line");
_Static_assert((int)END_COUNT <= UINT16_MAX, "an end fits its field");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
               "shared between processes");

size_t
board_bytes(unsigned workers)
{
    return sizeof(struct board) + workers * sizeof(struct board_worker);
}

/* A hole that cannot be filled (disk full) is a SIGBUS for who touches it: blocks are reserved now.
 * On tmpfs reserving would take the memory itself, there the holes stay. */
static enum err
reserve(int fd, size_t bytes, struct errinfo *reterr)
{
    struct statfs fs;
    if (ftruncate(fd, (off_t)bytes) != 0) {
        return err_errno(reterr, "cannot give the board its %zu bytes", bytes);
    }
    if (fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC) {
        return ERR_OK;
    }
    int failed;
    do {
        failed = fallocate(fd, 0, 0, (off_t)bytes);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0 && errno != EOPNOTSUPP) {
        return err_errno(reterr, "cannot reserve %zu bytes of disk for the board", bytes);
    }
    return ERR_OK;
}

/* Fills the head in before anybody else can see the file. */
static enum err
write_head(int fd, unsigned workers, struct errinfo *reterr)
{
    struct {
        char magic[8];
        uint64_t bytes;
        uint32_t worker_count;
        uint32_t end_count;
    } head = {.bytes = board_bytes(workers), .worker_count = workers, .end_count = END_COUNT};
    _Static_assert(offsetof(struct board, end_count) + sizeof(uint32_t) == sizeof(head),
                   "same head");
    memcpy(head.magic, magic, sizeof(magic));
    ssize_t n = pwrite(fd, &head, sizeof(head), 0);
    if (n != (ssize_t)sizeof(head)) {
        return err_errno(reterr, "cannot write the board");
    }
    return ERR_OK;
}

static enum err
make_file(int run_dirfd, int fd, unsigned workers, struct errinfo *reterr)
{
    TRY(reserve(fd, board_bytes(workers), reterr));
    TRY(write_head(fd, workers, reterr));
    if (renameat(run_dirfd, file_name_new, run_dirfd, file_name) != 0) {
        return err_errno(reterr, "cannot rename '%s' to '%s'", file_name_new, file_name);
    }
    return ERR_OK;
}

enum err
board_create(int run_dirfd, unsigned workers, int *ret_fd, struct errinfo *reterr)
{
    if (workers == 0 || workers > LIMIT_WORKERS_MAX) {
        return err_set(reterr, ERR_INVALID, "%u is not a number of workers (1-%d)", workers,
                       LIMIT_WORKERS_MAX);
    }
    if (unlinkat(run_dirfd, file_name_new, 0) != 0 && errno != ENOENT) {
        return err_errno(reterr, "cannot remove the old '%s'", file_name_new);
    }
    int fd = openat(run_dirfd, file_name_new, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return err_errno(reterr, "cannot create '%s'", file_name_new);
    }
    enum err e = make_file(run_dirfd, fd, workers, reterr);
    if (e != ERR_OK) {
        (void)unlinkat(run_dirfd, file_name_new, 0); /* the error says enough */
        (void)close(fd);
        return e;
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* Is what we mapped a board of this build? The file may be an older version's, or no board at all.
 */
static enum err
check(const struct board *b, size_t bytes, struct errinfo *reterr)
{
    if (memcmp(b->magic, magic, sizeof(magic)) != 0) {
        return err_set(reterr, ERR_INVALID, "the board does not begin with '%.8s'", magic);
    }
    if (b->worker_count == 0 || b->worker_count > LIMIT_WORKERS_MAX || b->bytes != bytes ||
        board_bytes(b->worker_count) != bytes) {
        return err_set(reterr, ERR_INVALID,
                       "the board of %zu bytes says %u workers and %llu bytes: it was made by "
                       "another version of OpenALB",
                       bytes, b->worker_count, (unsigned long long)b->bytes);
    }
    if (b->end_count != END_COUNT) {
        return err_set(reterr, ERR_INVALID,
                       "the board counts %u ends, this version %d: it was made by another version "
                       "of OpenALB",
                       b->end_count, END_COUNT);
    }
    return ERR_OK;
}

static enum err
map(int fd, int protection, struct board **ret_board, struct errinfo *reterr)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(reterr, "cannot look at the board");
    }
    size_t bytes = (size_t)st.st_size;
    if (!S_ISREG(st.st_mode) || bytes < sizeof(struct board)) {
        return err_set(reterr, ERR_INVALID, "the board has %zu bytes, too few for a board", bytes);
    }
    void *memory = mmap(NULL, bytes, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED) {
        return err_errno(reterr, "cannot map the board");
    }
    struct board *b = memory;
    enum err e = check(b, bytes, reterr);
    if (e != ERR_OK) {
        (void)munmap(memory, bytes); /* cannot fail for what mmap just gave */
        return e;
    }
    *ret_board = b;
    return ERR_OK;
}

enum err
board_map(int fd, struct board **ret_board, struct errinfo *reterr)
{
    return map(fd, PROT_READ | PROT_WRITE, ret_board, reterr);
}

enum err
board_map_readonly(int run_dirfd, const struct board **ret_board, struct errinfo *reterr)
{
    int fd = openat(run_dirfd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return err_set(reterr, ERR_NOT_FOUND, "there is no '%s': OpenALB was never started here",
                       file_name);
    }
    if (fd < 0) {
        return err_errno(reterr, "cannot open '%s'", file_name);
    }
    struct board *b = NULL;
    enum err e = map(fd, PROT_READ, &b, reterr);
    (void)close(fd); /* the mapping stays */
    if (e == ERR_OK) {
        *ret_board = b;
    }
    return e;
}

void
board_unmap(const struct board *b)
{
    size_t bytes = board_bytes(b->worker_count);
    void *memory;
    memcpy(&memory, &b, sizeof(memory)); /* munmap takes no pointer to const */
    int failed = munmap(memory, bytes);
    ASSERT(failed == 0);
}

void
board_worker_died(struct board *b, unsigned worker)
{
    ASSERT(worker < b->worker_count);
    struct board_worker *row = &b->workers[worker];
    atomic_store_explicit(&row->pid, 0, memory_order_relaxed);
    atomic_store_explicit(&row->client_connections, 0, memory_order_relaxed);
    atomic_store_explicit(&row->target_connections, 0, memory_order_relaxed);
    for (size_t i = 0; i < COUNT_OF(row->outstanding); i++) {
        /* Look before writing: an untouched page stays untouched. */
        if (atomic_load_explicit(&row->outstanding[i], memory_order_relaxed) != 0) {
            atomic_store_explicit(&row->outstanding[i], 0, memory_order_relaxed);
        }
    }
}

static void
failure_fill(struct board_failure *f, const struct failure_note *note)
{
    f->end = (uint16_t)note->end;
    f->status = (uint16_t)note->status;
    f->wall_us = note->wall_us;
    f->code = note->code;
    memset(f->trace_id, 0, sizeof(f->trace_id));
    memset(&f->client, 0, sizeof(f->client));
    memset(&f->target, 0, sizeof(f->target));
    if (note->trace_id != NULL) {
        memcpy(f->trace_id, note->trace_id, sizeof(f->trace_id));
    }
    if (note->client != NULL) {
        f->client = *note->client;
    }
    if (note->target != NULL) {
        f->target = *note->target;
    }
    struct str detail = str_sub(note->detail, 0, sizeof(f->detail) - 1);
    memset(f->detail, 0, sizeof(f->detail));
    if (detail.n > 0) {
        memcpy(f->detail, detail.p, detail.n);
    }
}

/* A writer that dies in the middle leaves an odd number behind and failure_next as it was: its
 * successor writes the same place again. */
static void
failure_write(struct board_listener *row, const struct failure_note *note)
{
    uint64_t n = atomic_load_explicit(&row->failure_next, memory_order_relaxed);
    struct board_failure *f = &row->failures[n % LIMIT_FAILURE_RING];
    atomic_store_explicit(&f->sequence, (uint32_t)(2 * n + 1), memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    failure_fill(f, note);
    atomic_store_explicit(&f->sequence, (uint32_t)(2 * n + 2), memory_order_release);
    atomic_store_explicit(&row->failure_next, n + 1, memory_order_release);
}

void
board_count_end(struct board_listener *row, const struct failure_note *note)
{
    ASSERT(note->end < END_COUNT);
    board_add(&row->ends[note->end], 1);
    if (end_row(note->end)->fault != END_FAULT_NOBODY) {
        failure_write(row, note);
    }
}

/* Does the number of a place say that it holds failure n, complete? */
static bool
holds(uint32_t sequence, uint64_t n)
{
    return sequence == (uint32_t)(2 * n + 2);
}

bool
board_failure_read(const struct board_listener *row, uint64_t sequence, struct board_failure *ret)
{
    uint64_t next = atomic_load_explicit(&row->failure_next, memory_order_acquire);
    if (sequence >= next || next - sequence > LIMIT_FAILURE_RING) {
        return false;
    }
    const struct board_failure *f = &row->failures[sequence % LIMIT_FAILURE_RING];
    if (!holds(atomic_load_explicit(&f->sequence, memory_order_acquire), sequence)) {
        return false;
    }
    struct board_failure copy;
    memcpy(&copy, f, sizeof(copy));
    atomic_thread_fence(memory_order_acquire);
    if (!holds(atomic_load_explicit(&f->sequence, memory_order_relaxed), sequence) ||
        copy.end >= END_COUNT) {
        return false;
    }
    copy.detail[sizeof(copy.detail) - 1] = '\0';
    memcpy(ret, &copy, sizeof(copy));
    return true;
}
