/* SPDX-License-Identifier: Apache-2.0
 * The shipper's pass over the spool: what is complete goes to its bucket, oldest first, and is
 * deleted when the bucket has it; what cannot be delivered stays until the spool is over its bound.
 *
 * Which open files are dead is read from the regions themselves: a worker names its file there
 * before it makes it, and takes the name out after it has renamed it. A file with an open name that
 * no region names is an orphan of a machine that crashed, and complete. One that a dead worker's
 * region names waits for the successor, who writes what is missing first. */
#include "log/log_int.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SHIP_FILES_MAX = 64 * 1024, /* per pass; more wait for the next */
    SHIP_READ_BYTES = 64 * 1024,
    OBJECT_MODE = 0640,
    FOLDER_MODE = 0750,
};

struct ship_file {
    char *path; /* owned; in the spool */
    size_t final_n;
    uint64_t bytes;
    int64_t mtime_ns;
    bool gone; /* delivered or dropped */
};

struct ship {
    const struct ship_env *env;
    bool final;
    struct log_region *regions[LIMIT_WORKERS_MAX]; /* owned mappings; NULL: not to be had */
    struct ship_file *files;                       /* owned */
    size_t count, cap;
    uint64_t bytes;                /* of all files in the spool, complete or not */
    struct str blocked[LOG_SLOTS]; /* buckets that took nothing: borrowed from the files' paths */
    size_t blocked_count;
    int put_errno; /* why the bucket did not take the last file; 0: it was not the bucket */
    struct ship_result result;
};

/* ---- regions ---- */

static void
ship_map_regions(struct ship *s)
{
    ASSERT(s->env->workers <= LIMIT_WORKERS_MAX);
    for (unsigned w = 0; w < s->env->workers; w++) {
        struct errinfo why;
        if (log_region_map(s->env->region_fds[w], s->final, &s->regions[w], &why) != ERR_OK) {
            diag_error("worker=%u %s", w, why.text);
        }
    }
}

static void
ship_lose(struct ship *s, unsigned files, uint64_t records)
{
    board_add(&s->env->board->spool_lost_files, files);
    board_add(&s->env->board->spool_lost_records, records);
}

/* No worker is left to write it: the shipper does. */
static void
ship_recover_slot(struct ship *s, struct log_slot *slot)
{
    if (!log_slot_is_open(slot)) {
        return;
    }
    if (!log_slot_sound(slot)) {
        diag_error("a log buffer is damaged and dropped slot=%u", slot->index);
        ship_lose(s, 0, 1);
        log_slot_reset(slot);
        return;
    }
    if (!log_slot_complete(slot)) {
        int saved = errno;
        uint64_t lost = log_slot_abandon(slot);
        errno = saved;
        diag_error("log records in memory cannot be written: %m records=%llu",
                   (unsigned long long)lost);
        ship_lose(s, 0, lost);
    }
}

static void
ship_recover(struct ship *s)
{
    for (unsigned w = 0; w < s->env->workers; w++) {
        for (unsigned i = 0; s->regions[w] != NULL && i < LOG_SLOTS; i++) {
            struct log_slot slot = {s->regions[w], i, s->env->spool_dirfd, -1};
            ship_recover_slot(s, &slot);
        }
    }
}

/* Does a worker's region name this file, so that more bytes may come? */
static bool
ship_is_live(const struct ship *s, struct str final_path, const struct log_file_kind *kind)
{
    if (s->final || kind->worker >= s->env->workers) {
        return false;
    }
    struct log_region *region = s->regions[kind->worker];
    if (region == NULL) {
        return true; /* not known: better late than cut in two */
    }
    for (unsigned i = 0; i < LOG_SLOTS; i++) {
        struct log_slot slot = {region, i, s->env->spool_dirfd, -1};
        if (log_slot_is_open(&slot) && log_slot_sound(&slot) &&
            region->heads[i].generation == kind->generation &&
            str_eq(str_of(region->heads[i].path), final_path)) {
            return true;
        }
    }
    return false;
}

/* ---- what lies in the spool ---- */

static void
ship_note_file(struct ship *s, struct str path, struct str name, const struct stat *st)
{
    struct log_file_kind kind;
    s->bytes += (uint64_t)st->st_size;
    if (!log_file_kind(name, &kind) || s->count >= SHIP_FILES_MAX) {
        return;
    }
    struct str final_path = str_sub(path, 0, path.n - name.n + kind.final_n);
    if (kind.open && ship_is_live(s, final_path, &kind)) {
        return;
    }
    struct ship_file *f = VEC_PUSH(s->files, s->count, s->cap);
    f->path = xstrdup_str(path);
    f->final_n = final_path.n;
    f->bytes = (uint64_t)st->st_size;
    f->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void ship_walk(struct ship *s, int folder, char path[static LOG_PATH_MAX], size_t n,
                      unsigned depth);

static void
ship_visit(struct ship *s, int folder, const char *name, char path[static LOG_PATH_MAX], size_t n,
           unsigned depth)
{
    struct stat st;
    struct out o = out_of(path + n, LOG_PATH_MAX - n);
    if (n > 0) {
        out_char(&o, '/');
    }
    out_str(&o, str_of(name));
    size_t end = (size_t)(o.p - path);
    out_char(&o, '\0');
    if (o.full || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return; /* not a name of ours, or just renamed: the next pass sees it */
    }
    if (S_ISREG(st.st_mode)) {
        ship_note_file(s, (struct str){path, end}, str_of(name), &st);
    } else if (S_ISDIR(st.st_mode) && depth < LOG_TREE_DEPTH_MAX) {
        int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0) {
            ship_walk(s, below, path, end, depth + 1);
        }
    }
}

/* Takes the descriptor over. */
static void
ship_walk(struct ship *s, int folder, char path[static LOG_PATH_MAX], size_t n, unsigned depth)
{
    DIR *dir = fdopendir(folder);
    if (dir == NULL) {
        (void)close(folder); /* only read */
        return;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            ship_visit(s, dirfd(dir), e->d_name, path, n, depth);
        }
    }
    (void)closedir(dir); /* only read */
}

static int
older_first(const void *a, const void *b)
{
    const struct ship_file *x = a;
    const struct ship_file *y = b;
    if (x->mtime_ns != y->mtime_ns) {
        return x->mtime_ns < y->mtime_ns ? -1 : 1;
    }
    return strcmp(x->path, y->path);
}

static void
ship_find(struct ship *s)
{
    char path[LOG_PATH_MAX] = "";
    int root = openat(s->env->spool_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        diag_error("cannot read the log spool: %m");
        return;
    }
    ship_walk(s, root, path, 0, 0);
    if (s->count > 1) {
        qsort(s->files, s->count, sizeof(s->files[0]), older_first);
    }
}

/* ---- one file ---- */

static int
ship_open(const struct ship *s, const char *path)
{
    const char *name;
    int folder = tree_open_parent(s->env->spool_dirfd, path, TREE_MAKE_NONE, 0, &name);
    if (folder < 0) {
        return -1;
    }
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int saved = errno;
    (void)close(folder); /* only read */
    errno = saved;
    return fd;
}

static void
ship_remove(struct ship *s, struct ship_file *f)
{
    const char *name;
    int folder = tree_open_parent(s->env->spool_dirfd, f->path, TREE_MAKE_NONE, 0, &name);
    bool done = folder >= 0 && unlinkat(folder, name, 0) == 0;
    if (!done && errno != ENOENT) {
        diag_error("cannot remove a spool file: %m file=%s", f->path);
    }
    if (folder >= 0) {
        (void)close(folder); /* only read */
    }
    tree_prune(s->env->spool_dirfd, f->path);
    s->bytes -= MIN_OF(s->bytes, f->bytes);
    f->gone = true;
}

static ssize_t
read_at(int fd, char *p, size_t n, uint64_t at)
{
    ssize_t got;
    do {
        got = pread(fd, p, n, (off_t)at);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Bytes up to and with the last '\n'. What is behind was torn by a crash. */
static enum err
whole_lines(int fd, uint64_t bytes, uint64_t *ret_whole, struct errinfo *reterr)
{
    char chunk[4096];
    while (bytes > 0) {
        size_t n = (size_t)MIN_OF(bytes, (uint64_t)sizeof(chunk));
        if (read_at(fd, chunk, n, bytes - n) != (ssize_t)n) {
            return err_errno(reterr, "cannot read a spool file");
        }
        const char *newline = memrchr(chunk, '\n', n);
        if (newline != NULL) {
            *ret_whole = bytes - n + (uint64_t)(newline - chunk) + 1;
            return ERR_OK;
        }
        bytes -= n;
    }
    *ret_whole = 0;
    return ERR_OK;
}

static uint64_t
count_records(int fd)
{
    char *chunk AUTO(xfree_ptr) = xalloc(SHIP_READ_BYTES);
    uint64_t records = 0;
    uint64_t at = 0;
    for (ssize_t n; (n = read_at(fd, chunk, SHIP_READ_BYTES, at)) > 0; at += (uint64_t)n) {
        records += log_count_lines(chunk, (size_t)n);
    }
    return records;
}

/* ---- into the bucket ---- */

/* The temporary file's content, on the disk before it gets its name. Closes the descriptor. */
static enum err
write_object(int from, uint64_t bytes, int to, struct errinfo *reterr)
{
    enum err e = log_gzip(from, bytes, to, reterr);
    if (e == ERR_OK && fsync(to) < 0) {
        e = err_errno(reterr, "cannot write a log object to disk");
    }
    int saved = errno;
    if (close(to) < 0 && e == ERR_OK) {
        return err_errno(reterr, "cannot close a log object");
    }
    errno = saved;
    return e;
}

/* The object under a temporary name, then renamed. errno tells the cause of an ERR_SYSTEM. */
static enum err
put_object(int folder, const char *name, const char *temporary, int from, uint64_t bytes,
           struct errinfo *reterr)
{
    (void)unlinkat(folder, temporary, 0); /* of a pass that was killed; usually not there */
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int to = openat(folder, temporary, flags, OBJECT_MODE);
    if (to < 0) {
        return err_errno(reterr, "cannot make a log object");
    }
    enum err e = write_object(from, bytes, to, reterr);
    if (e == ERR_OK && (renameat(folder, temporary, folder, name) < 0 || fsync(folder) < 0)) {
        e = err_errno(reterr, "cannot name a log object");
    }
    if (e != ERR_OK) {
        int saved = errno;
        (void)unlinkat(folder, temporary, 0); /* half an object helps nobody */
        errno = saved;
    }
    return e;
}

/* The object's key is the file's path in the spool, plus ".gz": delivering twice overwrites. The
 * bucket itself is not made here: control did, or an operator took it away. */
static enum err
ship_put(struct ship *s, const struct ship_file *f, int from, uint64_t bytes,
         struct errinfo *reterr)
{
    char key[LOG_PATH_MAX];
    char temporary[LOG_PATH_MAX];
    struct str path = {f->path, f->final_n};
    bool fits = str_copy_z(path, key, sizeof(key));
    ASSERT(fits);
    const char *name;
    int folder = tree_open_parent(s->env->bucket_dirfd, key, 1, FOLDER_MODE, &name);
    if (folder < 0) {
        s->put_errno = errno;
        return err_errno(reterr, "cannot open the folder in the bucket");
    }
    char object[LOG_PATH_MAX];
    struct out o = out_of(object, sizeof(object));
    struct out t = out_of(temporary, sizeof(temporary));
    out_str(&o, str_of(name));
    OUT_LIT(&o, ".gz\0");
    out_str(&t, str_of(name));
    OUT_LIT(&t, ".tmp\0");
    ASSERT(!o.full && !t.full);
    enum err e = put_object(folder, object, temporary, from, bytes, reterr);
    s->put_errno = e == ERR_SYSTEM ? errno : 0;
    (void)close(folder); /* synced where it mattered */
    return e;
}

static enum err
ship_open_file(struct ship *s, const struct ship_file *f, int fd, uint64_t *ret_torn,
               struct errinfo *reterr)
{
    struct stat st;
    uint64_t whole = 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return err_set(reterr, ERR_INVALID, "not a file any more");
    }
    TRY(whole_lines(fd, (uint64_t)st.st_size, &whole, reterr));
    if (whole > 0) {
        TRY(ship_put(s, f, fd, whole, reterr));
        s->result.delivered++;
        s->result.bytes += whole;
    }
    *ret_torn = (uint64_t)st.st_size - whole;
    return ERR_OK;
}

/* Delivers one file and removes it. A file without a whole line is only removed: empty intervals
 * give no object. */
static enum err
ship_file(struct ship *s, struct ship_file *f, struct errinfo *reterr)
{
    s->put_errno = 0;
    int fd = ship_open(s, f->path);
    if (fd < 0 && errno == ENOENT) {
        f->gone =
            true; /* its worker completed it since: the next pass finds it by its final name */
        return ERR_OK;
    }
    if (fd < 0) {
        return err_errno(reterr, "cannot open a spool file");
    }
    uint64_t torn = 0;
    enum err e = ship_open_file(s, f, fd, &torn, reterr);
    (void)close(fd); /* only read */
    TRY(e);
    ship_lose(s, 0, torn > 0);
    ship_remove(s, f);
    return ERR_OK;
}

/* ---- all files ---- */

static struct str
bucket_of(const struct ship_file *f)
{
    struct str rest = {f->path, f->final_n};
    struct str bucket = STR_NONE;
    (void)str_cut(&rest, '/', &bucket); /* a path is never empty */
    return bucket;
}

static bool
ship_is_blocked(const struct ship *s, struct str bucket)
{
    for (size_t i = 0; i < s->blocked_count; i++) {
        if (str_eq(s->blocked[i], bucket)) {
            return true;
        }
    }
    return false;
}

/* Errors that every file of the bucket would meet. */
static bool
is_bucket_error(int error)
{
    static const int errors[] = {ENOENT, ENOTDIR, EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EIO, ELOOP};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (errors[i] == error) {
            return true;
        }
    }
    return false;
}

static void
ship_failed(struct ship *s, const struct ship_file *f, const struct errinfo *why)
{
    if (s->result.failed == 0) {
        (void)err_set(&s->result.problem, ERR_SYSTEM, "%.600s file=%.*s", why->text,
                      (int)MIN_OF(f->final_n, (size_t)128), f->path);
    }
    s->result.failed++;
    if (is_bucket_error(s->put_errno) && s->blocked_count < COUNT_OF(s->blocked)) {
        s->blocked[s->blocked_count++] = bucket_of(f);
    }
}

static void
ship_deliver(struct ship *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct ship_file *f = &s->files[i];
        struct errinfo why;
        if (ship_is_blocked(s, bucket_of(f))) {
            s->result.failed++;
            continue;
        }
        if (ship_file(s, f, &why) != ERR_OK) {
            ship_failed(s, f, &why);
        }
    }
}

/* Over the bound: the oldest go, with their records counted. */
static void
ship_drop(struct ship *s)
{
    for (size_t i = 0; i < s->count && s->bytes > s->env->spool_bytes_max; i++) {
        struct ship_file *f = &s->files[i];
        int fd = f->gone ? -1 : ship_open(s, f->path);
        if (fd < 0) {
            continue;
        }
        uint64_t records = count_records(fd);
        (void)close(fd); /* only read */
        diag_error(
            "the log spool is over %llu bytes: the oldest file is dropped file=%s records=%llu",
            (unsigned long long)s->env->spool_bytes_max, f->path, (unsigned long long)records);
        ship_lose(s, 1, records);
        s->result.dropped++;
        ship_remove(s, f);
    }
}

void
ship_pass(const struct ship_env *env, bool final, struct ship_result *ret_result)
{
    struct ship s = {.env = env, .final = final};
    ASSERT(env->board != NULL);
    ship_map_regions(&s);
    if (final) {
        ship_recover(&s);
    }
    ship_find(&s);
    ship_deliver(&s);
    ship_drop(&s);
    for (size_t i = 0; i < s.count; i++) {
        xfree(s.files[i].path);
    }
    xfree(s.files);
    for (unsigned w = 0; w < env->workers; w++) {
        log_region_unmap(&s.regions[w]);
    }
    *ret_result = s.result;
}
