/* SPDX-License-Identifier: Apache-2.0
 * The state folder: made, given its modes and owner, locked. */
#include "state/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/mem.h"
#include "base/str.h"
#include "state/file.h"

static const char lock_name[] = "lock";
enum {
    LOCK_TEXT = 32, /* bytes of the lock file: a pid and a line end */
    DEPTH_MAX = 32  /* of folders below; log keys have 12 */
};

static const struct {
    const char *name;
    mode_t mode;
    size_t offset; /* of the descriptor in struct state_dir */
} folders[] = {
    {"keys", 0700, offsetof(struct state_dir, keys_fd)},
    {"spool", 0700, offsetof(struct state_dir, spool_fd)},
    {"s3", 0755, offsetof(struct state_dir, s3_fd)},
    {"run", 0700, offsetof(struct state_dir, run_fd)},
};

/* Makes every missing folder of the path, as mkdir -p does. */
static enum err
make_parents(const char *path, struct errinfo *reterr)
{
    char part[PATH_MAX];
    if (!str_copy_z(str_of(path), part, sizeof(part)) || part[0] == '\0') {
        return err_set(reterr, ERR_INVALID, "'%.80s' cannot be the path of a state folder", path);
    }
    for (char *slash = part + 1; *slash != '\0'; slash++) {
        if (*slash != '/') {
            continue;
        }
        *slash = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST) {
            return err_errno(reterr, "cannot make the folder '%s'", part);
        }
        *slash = '/';
    }
    if (mkdir(part, 0755) != 0 && errno != EEXIST) {
        return err_errno(reterr, "cannot make the state folder '%s'", path);
    }
    return ERR_OK;
}

static enum err give_below(int dirfd, const struct state_owner *owner, unsigned depth,
                           struct errinfo *reterr);

/* One entry of a folder that changes hands. No link is followed, and a file that has another name
 * elsewhere is not ours to give. */
static enum err
give_entry(int dirfd, const char *name, const struct state_owner *owner, unsigned depth,
           struct errinfo *reterr)
{
    enum err e = ERR_OK;
    struct stat st = {0};
    int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        e = err_errno(reterr, "cannot look at '%s'", name);
    } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
        int below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        e = below < 0 ? err_errno(reterr, "cannot open the folder '%s'", name)
                      : give_below(below, owner, depth + 1, reterr);
    }
    bool ours = e == ERR_OK && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1));
    if (ours && fchownat(fd, "", owner->uid, owner->gid, AT_EMPTY_PATH) != 0) {
        e = err_errno(reterr, "cannot give '%s' to user %u, group %u", name, (unsigned)owner->uid,
                      (unsigned)owner->gid);
    }
    if (fd >= 0) {
        (void)close(fd); /* only looked at */
    }
    return e;
}

/* Takes the descriptor. */
static enum err
give_below(int dirfd, const struct state_owner *owner, unsigned depth, struct errinfo *reterr)
{
    DIR *dir = fdopendir(dirfd);
    if (dir == NULL) {
        (void)close(dirfd); /* only read */
        return err_errno(reterr, "cannot read a state folder");
    }
    enum err e = ERR_OK;
    for (const struct dirent *d = readdir(dir); e == ERR_OK && d != NULL; d = readdir(dir)) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            e = give_entry(dirfd, d->d_name, owner, depth, reterr);
        }
    }
    (void)closedir(dir); /* only read */
    return e;
}

/* The state folder of another user: all that lies in it goes to the new one, the folder itself
 * last, so that an interrupted start does it again. */
static enum err
give_all(int dirfd, const struct state_owner *owner, struct errinfo *reterr)
{
    struct stat st;
    if (owner == NULL || (fstat(dirfd, &st) == 0 && st.st_uid == owner->uid)) {
        return ERR_OK;
    }
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(reterr, "cannot open the state folder");
    }
    return give_below(fd, owner, 0, reterr);
}

/* Mode and owner as they must be: the folder may be older than we, and keys must never lie open. */
static enum err
settle(int fd, const char *name, mode_t mode, const struct state_owner *owner,
       struct errinfo *reterr)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(reterr, "cannot look at the folder '%s'", name);
    }
    bool other_owner = owner != NULL && (st.st_uid != owner->uid || st.st_gid != owner->gid);
    if (other_owner && fchown(fd, owner->uid, owner->gid) != 0) {
        return err_errno(reterr, "cannot give the folder '%s' to user %u, group %u", name,
                         (unsigned)owner->uid, (unsigned)owner->gid);
    }
    if ((st.st_mode & 07777) != mode && fchmod(fd, mode) != 0) {
        return err_errno(reterr, "cannot set the mode of the folder '%s' to %04o", name,
                         (unsigned)mode);
    }
    return ERR_OK;
}

/* A link under one of our names is refused: its owner could point us anywhere. */
static enum err
open_folder(int dirfd, const char *name, mode_t mode, const struct state_owner *owner, int *ret_fd,
            struct errinfo *reterr)
{
    if (mkdirat(dirfd, name, mode) != 0 && errno != EEXIST) {
        return err_errno(reterr, "cannot make the folder '%s'", name);
    }
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(reterr, "cannot open the folder '%s'", name);
    }
    *ret_fd = fd; /* closed with the rest when this fails */
    return settle(fd, name, mode, owner, reterr);
}

/* The pid in the lock file; 0 when there is none. */
static pid_t
lock_pid(int dirfd)
{
    AUTO(buf_free) struct buf text = {.max = LOCK_TEXT};
    int64_t pid;
    if (file_load(dirfd, lock_name, LOCK_TEXT, &text, NULL) != ERR_OK) {
        return 0;
    }
    struct str s = buf_str(&text);
    if (str_ends(s, STR("\n"))) {
        s = str_sub(s, 0, s.n - 1);
    }
    return str_to_int_range(s, 1, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

/* An open-file-description lock: it belongs to this descriptor alone, as flock's does, and it can
 * be asked for without taking it. */
static enum err
take_lock(int dirfd, const char *path, int *ret_fd, struct errinfo *reterr)
{
    int fd = openat(dirfd, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_errno(reterr, "cannot open '%s/%s'", path, lock_name);
    }
    *ret_fd = fd;
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        return err_set(reterr, ERR_INVALID, "'%s/%s' is not a regular file of its own", path,
                       lock_name);
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        if (errno != EAGAIN && errno != EACCES) {
            return err_errno(reterr, "cannot lock '%s/%s'", path, lock_name);
        }
        return err_set(reterr, ERR_BUSY, "another OpenALB (pid %d) uses the state folder '%s'",
                       (int)lock_pid(dirfd), path);
    }
    char text[LOCK_TEXT];
    int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        return err_errno(reterr, "cannot write '%s/%s'", path, lock_name);
    }
    return ERR_OK;
}

static enum err
open_all(const char *path, const struct state_owner *owner, struct state_dir *s,
         struct errinfo *reterr)
{
    TRY(make_parents(path, reterr));
    s->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->fd < 0) {
        return err_errno(reterr, "cannot open the state folder '%s'", path);
    }
    TRY(take_lock(s->fd, path, &s->lock_fd, reterr));
    TRY(give_all(s->fd, owner, reterr));
    TRY(settle(s->fd, path, 0755, owner, reterr));
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        int fd = -1;
        enum err e = open_folder(s->fd, folders[i].name, folders[i].mode, owner, &fd, reterr);
        memcpy((char *)s + folders[i].offset, &fd, sizeof(fd));
        TRY(e);
    }
    return ERR_OK;
}

enum err
state_dir_open(const char *path, const struct state_owner *owner, struct state_dir *ret_state,
               struct errinfo *reterr)
{
    struct state_dir s = {-1, -1, -1, -1, -1, -1};
    enum err e = open_all(path, owner, &s, reterr);
    if (e != ERR_OK) {
        state_dir_close(&s);
        return e;
    }
    *ret_state = s;
    return ERR_OK;
}

void
state_dir_close(struct state_dir *s)
{
    int *fds[] = {&s->keys_fd, &s->spool_fd, &s->s3_fd, &s->run_fd, &s->lock_fd, &s->fd};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (*fds[i] >= 0) {
            (void)close(*fds[i]); /* folders and a lock: nothing is lost */
        }
        *fds[i] = -1;
    }
}

char *
state_dir_default(void)
{
    if (geteuid() == 0) {
        return xstrdup("/var/lib/openalb");
    }
    const char *folder = getenv("XDG_STATE_HOME");
    if (folder != NULL && folder[0] == '/') {
        return xprintf("%s/openalb", folder);
    }
    folder = getenv("HOME");
    if (folder != NULL && folder[0] == '/') {
        return xprintf("%s/.local/state/openalb", folder);
    }
    return xstrdup("var");
}

enum err
state_dir_look(const char *path, int *ret_fd, struct errinfo *reterr)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return err_set(reterr, ERR_NOT_FOUND, "there is no state folder '%s'", path);
    }
    if (fd < 0) {
        return err_errno(reterr, "cannot open the state folder '%s'", path);
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err
state_dir_holder(int state_dirfd, pid_t *ret_pid, struct errinfo *reterr)
{
    int fd = openat(state_dirfd, lock_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_pid = 0;
        return ERR_OK;
    }
    if (fd < 0) {
        return err_errno(reterr, "cannot open '%s'", lock_name);
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int failed = fcntl(fd, F_OFD_GETLK, &lock);
    enum err e =
        failed == 0 ? ERR_OK : err_errno(reterr, "cannot look at the lock '%s'", lock_name);
    (void)close(fd); /* it was only looked at */
    if (e == ERR_OK) {
        *ret_pid = lock.l_type == F_UNLCK ? 0 : lock_pid(state_dirfd);
    }
    return e;
}
