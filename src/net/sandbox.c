/* SPDX-License-Identifier: Apache-2.0
 * The sandbox of a role. */
#include "net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
/* Sanitizers read /proc, trace the process at its end and print with calls that no role makes. */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) ||                           \
    __has_feature(memory_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* ---- privileges ---- */

static enum err
drop_bounding_set(struct errinfo *reterr)
{
    for (unsigned long capability = 0;; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) {
            continue;
        }
        /* EINVAL: behind the kernel's last one. EPERM: we had no capability to drop it with. */
        if (errno == EINVAL || errno == EPERM) {
            return ERR_OK;
        }
        return err_errno(reterr, "cannot drop capability %lu", capability);
    }
}

static enum err
become(uid_t uid, gid_t gid, struct errinfo *reterr)
{
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        return err_errno(reterr, "cannot become user %u, group %u", (unsigned)uid, (unsigned)gid);
    }
    return ERR_OK;
}

static enum err
drop_capabilities(struct errinfo *reterr)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* empties with the next call */
    if (syscall(SYS_capset, &head, none) != 0) {
        return err_errno(reterr, "cannot drop the capabilities");
    }
    return ERR_OK;
}

enum err
sandbox_drop_privileges(uid_t uid, gid_t gid, struct errinfo *reterr)
{
    TRY(drop_bounding_set(reterr));
    if (uid != (uid_t)-1) {
        TRY(become(uid, gid, reterr));
    }
    TRY(drop_capabilities(reterr));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_errno(reterr, "cannot set no-new-privileges");
    }
    return ERR_OK;
}

void
sandbox_hide_memory(bool secrets)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none); /* lowering one's own limit is always allowed */
    if (secrets && !SANITIZED) {
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* cannot fail for 0 */
    }
}

/* ---- Landlock, by system calls: the C library has no wrappers ---- */

enum {
    RIGHT_EXECUTE = 1 << 0,
    RIGHT_WRITE_FILE = 1 << 1,
    RIGHT_READ_FILE = 1 << 2,
    RIGHT_READ_DIR = 1 << 3,
    RIGHT_REMOVE_DIR = 1 << 4,
    RIGHT_REMOVE_FILE = 1 << 5,
    RIGHT_MAKE_DIR = 1 << 7,
    RIGHT_MAKE_REG = 1 << 8,
    RIGHTS_ABI_1 = (1 << 13) - 1,
    RIGHT_REFER = 1 << 13,     /* ABI 2 */
    RIGHT_TRUNCATE = 1 << 14,  /* ABI 3 */
    RIGHT_IOCTL_DEV = 1 << 15, /* ABI 5 */
    RIGHTS_READ = RIGHT_READ_FILE | RIGHT_READ_DIR,
    RIGHTS_WRITE = RIGHTS_READ | RIGHT_WRITE_FILE | RIGHT_REMOVE_DIR | RIGHT_REMOVE_FILE |
                   RIGHT_MAKE_DIR | RIGHT_MAKE_REG | RIGHT_REFER | RIGHT_TRUNCATE,
    NET_BIND_TCP = 1 << 0,           /* ABI 4 */
    NET_CONNECT_TCP = 1 << 1,        /* ABI 4 */
    SCOPE_ABSTRACT_SOCKETS = 1 << 0, /* ABI 6 */
    SCOPE_SIGNALS = 1 << 1,          /* ABI 6 */
    LANDLOCK_VERSION_FLAG = 1,
    LANDLOCK_PATH_BENEATH = 1,
};

struct landlock_ruleset {
    uint64_t fs;
    uint64_t net;    /* from ABI 4 */
    uint64_t scoped; /* from ABI 6 */
};

struct landlock_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

struct folder_row {
    enum sandbox_profile profile;
    enum sandbox_folder folder;
    uint64_t rights;
};

static const struct folder_row folder_rows[] = {
#define FOLDER(profile, folder, rights) {SANDBOX_##profile, SANDBOX_##folder, RIGHTS_##rights},
#include "net/sandbox_folders.def"
#undef FOLDER
};

static uint64_t
rights_known(int abi)
{
    uint64_t rights = RIGHTS_ABI_1;
    rights |= abi >= 2 ? (uint64_t)RIGHT_REFER : 0;
    rights |= abi >= 3 ? (uint64_t)RIGHT_TRUNCATE : 0;
    rights |= abi >= 5 ? (uint64_t)RIGHT_IOCTL_DEV : 0;
    return rights;
}

static struct landlock_ruleset
ruleset_for(enum sandbox_profile profile, int abi)
{
    bool connects = profile == SANDBOX_WORKER || profile == SANDBOX_CHECKER;
    return (struct landlock_ruleset){
        .fs = rights_known(abi),
        .net = connects ? (uint64_t)NET_BIND_TCP : (uint64_t)(NET_BIND_TCP | NET_CONNECT_TCP),
        .scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS,
    };
}

static size_t
ruleset_bytes(int abi)
{
    if (abi < 4) {
        return offsetof(struct landlock_ruleset, net);
    }
    return abi < 6 ? offsetof(struct landlock_ruleset, scoped) : sizeof(struct landlock_ruleset);
}

static enum err
allow_beneath(int ruleset_fd, int folder_fd, uint64_t rights, struct errinfo *reterr)
{
    struct landlock_beneath rule = {.allowed = rights, .parent_fd = folder_fd};
    if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_PATH_BENEATH, &rule, 0) != 0) {
        return err_errno(reterr, "cannot add a Landlock rule");
    }
    return ERR_OK;
}

static enum err
allow_folders(int ruleset_fd, enum sandbox_profile profile, const struct sandbox_folders *folders,
              int abi, struct errinfo *reterr)
{
    for (size_t i = 0; i < COUNT_OF(folder_rows); i++) {
        const struct folder_row *row = &folder_rows[i];
        int fd = folders->fds[row->folder];
        if (row->profile == profile && fd >= 0) {
            TRY(allow_beneath(ruleset_fd, fd, row->rights & rights_known(abi), reterr));
        }
    }
    if (SANITIZED) { /* reads /proc/self and the program for its reports */
        int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        enum err e = allow_beneath(ruleset_fd, root, RIGHTS_READ | RIGHT_EXECUTE, reterr);
        (void)close(root); /* the rule holds what it needs */
        return e;
    }
    return ERR_OK;
}

static enum err
enter_landlock(enum sandbox_profile profile, const struct sandbox_folders *folders, int *ret_abi,
               struct errinfo *reterr)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);
    if (abi < 1) {
        *ret_abi = 0; /* not built in, or not switched on at boot */
        return ERR_OK;
    }
    struct landlock_ruleset rules = ruleset_for(profile, (int)abi);
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, ruleset_bytes((int)abi), 0);
    if (fd < 0) {
        return err_errno(reterr, "cannot make a Landlock ruleset");
    }
    enum err e = allow_folders(fd, profile, folders, (int)abi, reterr);
    if (e == ERR_OK && syscall(SYS_landlock_restrict_self, fd, 0) != 0) {
        e = err_errno(reterr, "cannot enter the Landlock ruleset");
    }
    (void)close(fd); /* the process holds what it needs */
    *ret_abi = (int)abi;
    return e;
}

/* ---- seccomp ---- */

struct call_row {
    const char *name;
    bool allowed[SANDBOX_PROFILE_COUNT];
    int argument; /* -1: any */
    uint64_t mask, value;
};

static const struct call_row call_rows[] = {
#define CALL(name, control, worker, checker, shipper)                                              \
    {#name, {control, worker, checker, shipper}, -1, 0, 0},
#define CALL_IF(name, argument, mask, value, control, worker, checker, shipper)                    \
    {#name, {control, worker, checker, shipper}, argument, mask, value},
#include "net/sandbox_calls.def"
#undef CALL
#undef CALL_IF
};

/* Sanitized builds: leak check (a tracing clone), symbols (a child), reports. */
static const char *const sanitizer_calls[] = {
    "clone",
    "clone3",
    "ptrace",
    "wait4",
    "prctl",
    "sigaltstack",
    "pipe",
    "getdents",
    "kill",
    "process_vm_readv",
    "sched_getaffinity",
    "dup2",
    "execve",
    "prlimit64",
    "set_robust_list",
    "rseq",
    "uname",
    "getpgrp",
    "fork",
    "vfork",
    "readlinkat",
    "openat",
    "stat",
    "lstat",
    "ioctl",
    "socketpair",
    "arch_prctl",
    "mincore",
};

static volatile sig_atomic_t refused_count;
static volatile unsigned char refused_told[1024];

unsigned
sandbox_refused(void)
{
    return (unsigned)refused_count;
}

/* Where the answer of a system call lies in a signal's context. */
static void
answer_eperm(ucontext_t *context)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
    (void)context; /* the filter answers with EPERM by itself there */
#endif
}

#if defined(__x86_64__) || defined(__aarch64__)
static const uint32_t refuse_action = SCMP_ACT_TRAP;
#else
static const uint32_t refuse_action = SCMP_ACT_ERRNO(EPERM);
#endif

static void
on_refused(int signal_number UNUSED, siginfo_t *info, void *context)
{
    int saved = errno;
    refused_count = refused_count + 1;
    unsigned call = (unsigned)info->si_syscall;
    if (call < sizeof(refused_told) && !refused_told[call]) {
        refused_told[call] = 1;
        char line[96];
        struct out o = out_of(line, sizeof(line));
        OUT_LIT(&o, "openalb[");
        out_u64(&o, (uint64_t)getpid());
        OUT_LIT(&o, "]: the sandbox refused system call ");
        out_u64(&o, call);
        OUT_LIT(&o, " (told once)\n");
        ssize_t n = write(STDERR_FILENO, line, (size_t)(o.p - line));
        (void)n; /* nobody is left to tell */
    }
    answer_eperm(context);
    errno = saved;
}

static enum err
watch_refusals(struct errinfo *reterr)
{
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (sigaction(SIGSYS, &action, NULL) != 0) {
        return err_errno(reterr, "cannot watch for refused system calls");
    }
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGSYS);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* blocked, it would kill */
    return ERR_OK;
}

static bool
allow_row(scmp_filter_ctx filter, const struct call_row *row)
{
    int number = seccomp_syscall_resolve_name(row->name);
    if (number == __NR_SCMP_ERROR || number < 0) {
        return true; /* this machine has no such call: nothing to allow */
    }
    if (row->argument < 0) {
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) == 0;
    }
    struct scmp_arg_cmp compare = {.arg = (unsigned)row->argument,
                                   .op = SCMP_CMP_MASKED_EQ,
                                   .datum_a = row->mask,
                                   .datum_b = row->value};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &compare) == 0;
}

static bool
fill_filter(scmp_filter_ctx filter, enum sandbox_profile profile)
{
    for (size_t i = 0; i < COUNT_OF(call_rows); i++) {
        if (call_rows[i].allowed[profile] && !allow_row(filter, &call_rows[i])) {
            return false;
        }
    }
    for (size_t i = 0; SANITIZED && i < COUNT_OF(sanitizer_calls); i++) {
        struct call_row row = {.name = sanitizer_calls[i], .argument = -1};
        if (!allow_row(filter, &row)) {
            return false;
        }
    }
    return true;
}

static bool
kill_wanted(void)
{
    const char *mode = getenv("OPENALB_SANDBOX");
    return mode != NULL && str_eq(str_of(mode), STR("kill"));
}

static enum err
enter_seccomp(enum sandbox_profile profile, bool *ret_on, struct errinfo *reterr)
{
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
        *ret_on = false; /* not built in */
        return ERR_OK;
    }
    TRY(watch_refusals(reterr));
    scmp_filter_ctx filter = seccomp_init(kill_wanted() ? SCMP_ACT_KILL_PROCESS : refuse_action);
    if (filter == NULL || !fill_filter(filter, profile)) {
        seccomp_release(filter);
        return err_set(reterr, ERR_SYSTEM, "cannot build the list of system calls");
    }
    int failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed == -EINVAL || failed == -ENOSYS) {
        *ret_on = false; /* no filters in this kernel */
        return ERR_OK;
    }
    if (failed != 0) {
        errno = -failed;
        return err_errno(reterr, "cannot enter the list of system calls");
    }
    *ret_on = true;
    return ERR_OK;
}

enum err
sandbox_enter(enum sandbox_profile profile, const struct sandbox_folders *folders,
              struct sandbox_report *ret_report, struct errinfo *reterr)
{
    ASSERT(profile < SANDBOX_PROFILE_COUNT);
    struct sandbox_report report = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return err_errno(reterr, "cannot set no-new-privileges");
    }
    TRY(enter_landlock(profile, folders, &report.landlock, reterr));
    TRY(enter_seccomp(profile, &report.seccomp, reterr));
    *ret_report = report;
    return ERR_OK;
}
