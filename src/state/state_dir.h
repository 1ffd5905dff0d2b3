/* SPDX-License-Identifier: Apache-2.0
 * The state folder: made, given its modes and owner, locked. Only the supervisor opens it this way;
 * the roles inherit its descriptors.
 *
 *     STATE        0755  snapshot.json, ids.json, ca.crt, lock
 *     STATE/keys   0700  certificates and private keys
 *     STATE/spool  0700  access-log files under way
 *     STATE/s3     0755  directory buckets
 *     STATE/run    0700  the board and what lives only while OpenALB runs */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct state_dir {
    int fd; /* all owned, all O_CLOEXEC */
    int keys_fd;
    int spool_fd;
    int s3_fd;
    int run_fd;
    int lock_fd;
};

struct state_owner {
    uid_t uid;
    gid_t gid;
};

/* Makes the folder and its parents as needed, gives all folders the modes above and, when `owner`
 * is not NULL, that owner, and takes the lock. ERR_BUSY when another OpenALB has it: "another
 * OpenALB (pid N) uses the state folder 'X'". The lock ends with the process: children do not
 * inherit it. */
enum err state_dir_open(const char *path, const struct state_owner *owner,
                        struct state_dir *ret_state, struct errinfo *reterr) MUST_USE;
void state_dir_close(struct state_dir *s);

/* ---- for tools beside a running instance ---- */

/* /var/lib/openalb for root, else $XDG_STATE_HOME/openalb or $HOME/.local/state/openalb; "var" when
 * neither is set. The caller frees it with xfree. */
char *state_dir_default(void);
/* The folder, not made and not locked; ERR_NOT_FOUND when there is none. */
enum err state_dir_look(const char *path, int *ret_fd, struct errinfo *reterr) MUST_USE;
/* Who holds the lock now: the supervisor's pid; 0: nobody. Takes nothing, so that it never disturbs
 * a start. */
enum err state_dir_holder(int state_dirfd, pid_t *ret_pid, struct errinfo *reterr) MUST_USE;
