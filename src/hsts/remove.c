/* SPDX-License-Identifier: Apache-2.0
 * Forgetting one host in one store: the only place that writes into a profile. */
#include "hsts/hsts_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "text/text.h"

/* The work on one file. */
struct work {
    const struct hsts_store *store; /* borrowed */
    struct str name;
    int dirfd;
    const char *base; /* borrowed from the removal's `file`: the name in its folder */
    struct stat st;   /* of the file that was read */
    struct buf old, new;
    struct buf backup, temporary; /* names in the folder */
};

static enum err
fail_errno(struct errinfo *reterr, const char *msgid, const char *file)
{
    int error = errno;
    return text_err(reterr, ERR_SYSTEM, msgid,
                    TEXT_ARGS({"file", str_of(file)}, {"reason", str_of(strerror(error))}));
}

/* ---- reading ---- */

static enum err
open_folder(struct work *w, struct hsts_removal *r, struct errinfo *reterr)
{
    char real[PATH_MAX];
    size_t slash;
    if (realpath(w->store->file, real) == NULL) {
        return fail_errno(reterr, N_("The file {file} cannot be opened: {reason}"), w->store->file);
    }
    r->file = xstrdup(real);
    (void)str_rfind_char(str_of(r->file), '/', &slash); /* an absolute path has one */
    w->base = r->file + slash + 1;
    AUTO(xfree_ptr) char *folder = xprintf("%.*s/", (int)slash, r->file);
    w->dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dirfd < 0) {
        return fail_errno(reterr, N_("The folder {file} cannot be opened: {reason}"), folder);
    }
    return ERR_OK;
}

static enum err
read_file(const struct work *w, struct buf *out, struct stat *ret_st, struct errinfo *reterr)
{
    AUTO(hsts_fd_close)
    int fd = openat(w->dirfd, w->base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int error = errno;
    if (fd >= 0) {
        enum hsts_store_state state = hsts_fd_read(fd, LIMIT_HSTS_FILE_MAX, out, ret_st, &error);
        if (state == HSTS_STORE_READ) {
            return ERR_OK;
        }
        if (error == 0) {
            return text_err(reterr, ERR_INVALID, hsts_store_state_text(state), NULL, 0);
        }
    }
    errno = error;
    return fail_errno(reterr, N_("The file {file} cannot be read: {reason}"), w->store->file);
}

/* ---- writing ---- */

static bool
write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text = str_sub(text, n < 0 ? 0 : (size_t)n, text.n);
    }
    return true;
}

/* Owner first: fchown clears set-id bits of a mode. */
static bool
dress(int fd, const struct stat *like)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return false;
    }
    bool same = st.st_uid == like->st_uid && st.st_gid == like->st_gid;
    return (same || fchown(fd, like->st_uid, like->st_gid) == 0) &&
           fchmod(fd, like->st_mode & 07777) == 0;
}

/* A new file of that name, on the disk, with the mode and the owner of the old one. */
static enum err
write_new(const struct work *w, const char *name, struct str text, struct errinfo *reterr)
{
    AUTO(hsts_fd_close)
    int fd = openat(w->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_errno(reterr, N_("The file {file} cannot be created: {reason}"), name);
    }
    if (!write_all(fd, text) || !dress(fd, &w->st) || fsync(fd) != 0) {
        enum err e = fail_errno(reterr, N_("The file {file} cannot be written: {reason}"), name);
        (void)unlinkat(w->dirfd, name, 0); /* nothing is lost: it was ours */
        return e;
    }
    return ERR_OK;
}

/* "FILE.openalb-20261123T171154Z", with "-2" and so on when there is one of this second. */
static void
name_files(struct work *w, uint64_t now_s)
{
    struct stat st;
    char stamp[32] = "";
    time_t now = (time_t)now_s;
    struct tm tm;
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm); /* 16 bytes */
    }
    buf_addf(&w->temporary, "%s.openalb-new-%d", w->base, (int)getpid());
    unsigned number = 1;
    do {
        buf_reset(&w->backup);
        buf_addf(&w->backup, "%s.openalb-%s", w->base, stamp);
        if (number > 1) {
            buf_addf(&w->backup, "-%u", number);
        }
        number++;
    } while (fstatat(w->dirfd, w->backup.p, &st, AT_SYMLINK_NOFOLLOW) == 0 && number < 1000);
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The last look before the file is replaced: nobody wrote it, no browser was started. */
static enum hsts_removed
look_again(const struct work *w, const struct hsts_remove_options *o, struct hsts_removal *r)
{
    struct stat now;
    if (o->before_rename != NULL) {
        o->before_rename(o->data);
    }
    xfree(r->lock.path);
    hsts_store_lock(w->store, &r->lock);
    if (r->lock.held) {
        return HSTS_RUNNING;
    }
    if (fstatat(w->dirfd, w->base, &now, AT_SYMLINK_NOFOLLOW) != 0 || !is_same_file(&now, &w->st)) {
        return HSTS_CHANGED;
    }
    return HSTS_REMOVED;
}

/* What lies there now must be what was meant, and hold no entry of the name. */
static bool
is_as_meant(const struct work *w)
{
    AUTO(buf_free) struct buf now = {0};
    AUTO(buf_free) struct buf again = {0};
    struct stat st;
    size_t count;
    return read_file(w, &now, &st, NULL) == ERR_OK && str_eq(buf_str(&now), buf_str(&w->new)) &&
           w->store->format->cut(buf_str(&now), w->name, &again, &count, NULL) == ERR_OK &&
           count == 0;
}

/* After the rename the old file is the backup alone: an error must name it. */
static enum err
settle(const struct work *w, const struct hsts_removal *r, struct errinfo *reterr)
{
    bool on_disk = fsync(w->dirfd) == 0;
    if (on_disk && is_as_meant(w)) {
        return ERR_OK;
    }
    return text_err(reterr, ERR_BUSY,
                    on_disk ? N_("The file {file} was replaced, but somebody has changed it since. "
                                 "The old file is kept as {backup}.")
                            : N_("The file {file} was replaced, but the disk did not confirm it. "
                                 "The old file is kept as {backup}."),
                    TEXT_ARGS({"file", str_of(r->file)}, {"backup", str_of(r->backup)}));
}

static void
drop(const struct work *w, const struct buf *name)
{
    (void)unlinkat(w->dirfd, name->p, 0); /* of our own making; it may not be there yet */
}

/* Backup, new file, last look, rename. */
static enum err
rewrite(struct work *w, const struct hsts_remove_options *o, struct hsts_removal *r,
        struct errinfo *reterr)
{
    TRY(write_new(w, w->backup.p, buf_str(&w->old), reterr));
    enum err e = write_new(w, w->temporary.p, buf_str(&w->new), reterr);
    if (e != ERR_OK) {
        drop(w, &w->backup);
        return e;
    }
    r->result = look_again(w, o, r);
    if (r->result == HSTS_REMOVED && renameat(w->dirfd, w->temporary.p, w->dirfd, w->base) != 0) {
        e = fail_errno(reterr, N_("The file {file} cannot be replaced: {reason}"), r->file);
    }
    if (r->result != HSTS_REMOVED || e != ERR_OK) {
        drop(w, &w->temporary);
        drop(w, &w->backup);
        return e;
    }
    r->backup = xprintf("%.*s%s", (int)(w->base - r->file), r->file, w->backup.p);
    return settle(w, r, reterr);
}

static enum err
work_through(struct work *w, const struct hsts_remove_options *o, struct hsts_removal *r,
             struct errinfo *reterr)
{
    TRY(open_folder(w, r, reterr));
    TRY(read_file(w, &w->old, &w->st, reterr));
    TRY(w->store->format->cut(buf_str(&w->old), w->name, &w->new, &r->count, reterr));
    if (r->count == 0) {
        return ERR_OK;
    }
    hsts_store_lock(w->store, &r->lock);
    if (r->lock.held) {
        r->result = HSTS_RUNNING;
        return ERR_OK;
    }
    name_files(w, o->now_s);
    if (o->dry_run) {
        r->result = HSTS_REMOVED;
        return ERR_OK;
    }
    return rewrite(w, o, r, reterr);
}

enum err
hsts_remove(const struct hsts_store *store, struct str name, const struct hsts_remove_options *o,
            struct hsts_removal *ret, struct errinfo *reterr)
{
    struct work w = {.store = store, .name = name, .dirfd = -1};
    struct hsts_removal r = {.result = HSTS_NOT_THERE};
    enum err e = ERR_OK;
    if (store->state == HSTS_STORE_READ && store->format != NULL) {
        e = work_through(&w, o, &r, reterr);
    }
    hsts_fd_close(&w.dirfd);
    buf_free(&w.old);
    buf_free(&w.new);
    buf_free(&w.backup);
    buf_free(&w.temporary);
    if (e != ERR_OK) {
        hsts_removal_free(&r);
        return e;
    }
    *ret = r;
    return ERR_OK;
}

void
hsts_removal_free(struct hsts_removal *r)
{
    xfree(r->file);
    xfree(r->backup);
    xfree(r->lock.path);
    *r = (struct hsts_removal){.result = HSTS_NOT_THERE};
}
