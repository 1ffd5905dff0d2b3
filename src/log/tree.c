/* SPDX-License-Identifier: Apache-2.0
 * Walking below a folder without ever leaving it: each component is opened by itself, links are not
 * followed, "." and ".." are refused. Paths may come from shared memory or from a configuration. */
#include "log/log_int.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* Copies the first component of *path and steps behind its slash; false at the last component. */
static bool
next_folder(const char **path, char name[static NAME_MAX + 1], bool *ret_bad)
{
    const char *slash = strchr(*path, '/');
    struct str piece = slash == NULL ? str_of(*path) : str_span(*path, slash);
    *ret_bad = piece.n == 0 || str_eq(piece, STR(".")) || str_eq(piece, STR("..")) ||
               !str_copy_z(piece, name, NAME_MAX + 1);
    if (slash == NULL) {
        return false;
    }
    *path = slash + 1;
    return true;
}

static int
open_folder(int parent, const char *name, bool make, mode_t mode)
{
    int fd = openat(parent, name, FOLDER_FLAGS);
    if (fd >= 0 || errno != ENOENT || !make) {
        return fd;
    }
    if (mkdirat(parent, name, mode) < 0 && errno != EEXIST) {
        return -1;
    }
    return openat(parent, name, FOLDER_FLAGS);
}

/* Closes without losing the errno that is being reported. */
static void
close_quietly(int fd)
{
    int saved = errno;
    (void)close(fd); /* a folder that was only read */
    errno = saved;
}

int
tree_open_parent(int root, const char *path, int make_from, mode_t mode, const char **ret_name)
{
    char name[NAME_MAX + 1];
    bool bad = false;
    int fd = openat(root, ".", FOLDER_FLAGS);
    for (int depth = 0; fd >= 0 && next_folder(&path, name, &bad) && !bad; depth++) {
        int next = open_folder(fd, name, depth >= make_from, mode);
        close_quietly(fd);
        fd = next;
    }
    if (fd >= 0 && bad) {
        close_quietly(fd);
        errno = EINVAL;
        return -1;
    }
    *ret_name = path;
    return fd;
}

void
tree_prune(int root, const char *path)
{
    char folder[LOG_PATH_MAX];
    if (!str_copy_z(str_of(path), folder, sizeof(folder))) {
        return;
    }
    for (char *slash = strrchr(folder, '/'); slash != NULL; slash = strrchr(folder, '/')) {
        *slash = '\0';
        const char *name;
        int parent = tree_open_parent(root, folder, TREE_MAKE_NONE, 0, &name);
        if (parent < 0) {
            return;
        }
        int rc = unlinkat(parent, name, AT_REMOVEDIR);
        close_quietly(parent);
        if (rc < 0) {
            return; /* not empty: somebody's files are in it */
        }
    }
}

bool
tree_pwrite(int fd, const char *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? ENOSPC : errno;
            return false;
        }
        p += done;
        n -= (size_t)done;
        at += (uint64_t)done;
    }
    return true;
}
