/* SPDX-License-Identifier: Apache-2.0
 * The sandbox of a role: user, capabilities, Landlock, seccomp. Two tables say what stays possible:
 * sandbox_folders.def and sandbox_calls.def. What loads late (TLS library, resolver) must be warm
 * before the sandbox closes.
 *
 * A refused system call returns EPERM, is counted, and the first of each number is told on standard
 * error. With OPENALB_SANDBOX=kill in the environment (tests) it ends the process instead. */
#pragma once

#include "base/defs.h"
#include "base/err.h"

enum sandbox_profile {
    SANDBOX_CONTROL,
    SANDBOX_WORKER,
    SANDBOX_CHECKER,
    SANDBOX_SHIPPER,
    SANDBOX_PROFILE_COUNT
};

enum sandbox_folder {
    SANDBOX_STATE,
    SANDBOX_KEYS,
    SANDBOX_SPOOL,
    SANDBOX_BUCKETS,
    SANDBOX_FOLDER_COUNT
};

/* Directory descriptors of what the profile's rows name; -1 where the role has none. */
struct sandbox_folders {
    int fds[SANDBOX_FOLDER_COUNT];
};

struct sandbox_report {
    int landlock; /* ABI version in force; 0: the kernel has none */
    bool seccomp;
};

/* Gives up all capabilities and, when `uid` is not (uid_t)-1, becomes that user for good. */
enum err sandbox_drop_privileges(uid_t uid, gid_t gid, struct errinfo *reterr) MUST_USE;

/* No core dumps; with secrets also closed to debuggers and /proc readers of the same user. */
void sandbox_hide_memory(bool secrets);

/* Closes the sandbox around this process for good. Fails only when a kernel that has the means
 * refuses them; what the kernel lacks is told in the report. */
enum err sandbox_enter(enum sandbox_profile profile, const struct sandbox_folders *folders,
                       struct sandbox_report *ret_report, struct errinfo *reterr) MUST_USE;

/* System calls refused so far. */
unsigned sandbox_refused(void);
