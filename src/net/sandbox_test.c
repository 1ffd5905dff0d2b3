/* SPDX-License-Identifier: Apache-2.0
 * The sandbox, tried from inside by forked children. */
#include "net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/test.h"

struct place {
    char path[64];
    struct sandbox_folders folders;
};

static void
place_init(struct place *p)
{
    CHECK(str_copy_z(STR("/tmp/openalb-sandbox-XXXXXX"), p->path, sizeof(p->path)));
    CHECK(mkdtemp(p->path) != NULL);
    int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    int file = openat(fd, "there", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    (void)close(file);
    for (int i = 0; i < SANDBOX_FOLDER_COUNT; i++) {
        p->folders.fds[i] = fd;
    }
}

static void
place_done(struct place *p)
{
    (void)unlinkat(p->folders.fds[0], "there", 0);
    (void)unlinkat(p->folders.fds[0], "made", 0);
    (void)close(p->folders.fds[0]);
    CHECK_INT(rmdir(p->path), 0);
}

/* Runs `attempt` inside the sandbox; returns the child's wait status. It exits 0 when satisfied. */
typedef int attempt_fn(const struct place *p, const struct sandbox_report *report);
static int
inside(enum sandbox_profile profile, struct place *p, attempt_fn *attempt)
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_report report;
        struct errinfo reterr;
        if (sandbox_enter(profile, &p->folders, &report, &reterr) != ERR_OK) {
            dprintf(STDERR_FILENO, "%s\n", reterr.text);
            _exit(99);
        }
        _exit(attempt(p, &report));
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void
check_inside(enum sandbox_profile profile, attempt_fn *attempt)
{
    struct place p;
    place_init(&p);
    int status = inside(profile, &p, attempt);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    place_done(&p);
}

/* Exit codes tell which line of an attempt was not satisfied. */
#define WANT(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            dprintf(STDERR_FILENO, "# line %d: %s (errno %d)\n", __LINE__, #x, errno);             \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static int
try_forbidden_calls(const struct place *p UNUSED, const struct sandbox_report *report)
{
    if (!report->seccomp) {
        return 0; /* this kernel has none */
    }
    errno = 0;
    WANT(syscall(SYS_unshare, 0) == -1 && errno == EPERM);
    errno = 0;
    WANT(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL) == -1 && errno == EPERM);
    errno = 0;
    WANT(socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == EPERM);
    errno = 0;
    WANT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EPERM);
    errno = 0;
    WANT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
             MAP_FAILED &&
         errno == EPERM);
    WANT(sandbox_refused() == 5);
    return 0;
}

TEST("a call that no row allows answers EPERM and is counted, in every profile")
{
    for (int i = 0; i < SANDBOX_PROFILE_COUNT; i++) {
        check_inside((enum sandbox_profile)i, try_forbidden_calls);
    }
}

static int
try_worker_calls(const struct place *p, const struct sandbox_report *report UNUSED)
{
    char byte;
    WANT(getrandom(&byte, 1, 0) == 1);
    int fd = openat(p->folders.fds[SANDBOX_SPOOL], "made", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    WANT(fd >= 0);
    WANT(pwrite(fd, "x", 1, 0) == 1);
    WANT(ftruncate(fd, 0) == 0);
    WANT(close(fd) == 0);
    WANT(renameat(p->folders.fds[SANDBOX_SPOOL], "made", p->folders.fds[SANDBOX_SPOOL], "moved") ==
         0);
    WANT(unlinkat(p->folders.fds[SANDBOX_SPOOL], "moved", 0) == 0);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    WANT(s >= 0);
    WANT(close(s) == 0);
    s = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    WANT(s >= 0 || errno == EAFNOSUPPORT);
    void *memory = xalloc(64 << 20); /* comes from mmap */
    WANT(memory != NULL);
    xfree(memory);
    WANT(sandbox_refused() == 0);
    return 0;
}

TEST("what a worker needs goes on")
{
    check_inside(SANDBOX_WORKER, try_worker_calls);
}

static int
try_outside_path(const struct place *p, const struct sandbox_report *report)
{
    if (report->landlock == 0) {
        return 0; /* this kernel has none */
    }
    errno = 0;
    WANT(openat(AT_FDCWD, "/etc/openalb-none", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) == -1 &&
         errno == EACCES);
    errno = 0;
    WANT(openat(p->folders.fds[SANDBOX_KEYS], "../openalb-none", O_CREAT | O_WRONLY, 0600) == -1 &&
         errno == EACCES);
    WANT(unlinkat(AT_FDCWD, p->path, AT_REMOVEDIR) == -1 && errno == EACCES);
    return 0;
}

TEST("a path outside the named folders is refused")
{
    check_inside(SANDBOX_WORKER, try_outside_path);
    check_inside(SANDBOX_CONTROL, try_outside_path);
    check_inside(SANDBOX_SHIPPER, try_outside_path);
}

static int
try_no_files(const struct place *p, const struct sandbox_report *report)
{
    if (report->landlock == 0) {
        return 0; /* this kernel has none */
    }
    errno = 0;
    WANT(openat(p->folders.fds[0], "there", O_WRONLY | O_CLOEXEC) == -1 && errno == EACCES);
    return 0;
}

TEST("the checker writes no file at all")
{
    check_inside(SANDBOX_CHECKER, try_no_files);
}

/* A worker whose keys are elsewhere than its spool. */
static int
try_read_only_keys(const struct place *p, const struct sandbox_report *report)
{
    if (report->landlock == 0) {
        return 0; /* this kernel has none */
    }
    int fd = openat(p->folders.fds[SANDBOX_KEYS], "there", O_RDONLY | O_CLOEXEC);
    WANT(fd >= 0);
    errno = 0;
    WANT(openat(p->folders.fds[SANDBOX_KEYS], "there", O_WRONLY | O_CLOEXEC) == -1 &&
         errno == EACCES);
    errno = 0;
    WANT(unlinkat(p->folders.fds[SANDBOX_KEYS], "there", 0) == -1 && errno == EACCES);
    return 0;
}

TEST("a worker reads keys and cannot change them")
{
    struct place p;
    place_init(&p);
    p.folders.fds[SANDBOX_SPOOL] = -1;
    int status = inside(SANDBOX_WORKER, &p, try_read_only_keys);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    place_done(&p);
}

static int
try_bind(const struct place *p UNUSED, const struct sandbox_report *report)
{
    struct addr a;
    WANT(addr_parse(STR("127.0.0.1"), 0, &a));
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    WANT(s >= 0);
    if (report->seccomp || report->landlock >= 4) {
        WANT(bind(s, &a.sa, addr_len(&a)) == -1 && (errno == EPERM || errno == EACCES));
    }
    return 0;
}

TEST("no role binds a port")
{
    check_inside(SANDBOX_WORKER, try_bind);
    check_inside(SANDBOX_CHECKER, try_bind);
}

static int
call_forbidden(const struct place *p UNUSED, const struct sandbox_report *report)
{
    if (report->seccomp) {
        (void)syscall(SYS_unshare, 0); /* does not return */
    }
    return 0;
}

TEST("OPENALB_SANDBOX=kill ends the process at the first forbidden call")
{
    struct place p;
    place_init(&p);
    CHECK_INT(setenv("OPENALB_SANDBOX", "kill", 1), 0);
    int status = inside(SANDBOX_WORKER, &p, call_forbidden);
    CHECK_INT(unsetenv("OPENALB_SANDBOX"), 0);
    CHECK(WIFSIGNALED(status) || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0);
    if (WIFSIGNALED(status)) {
        CHECK_INT(WTERMSIG(status), SIGSYS);
    }
    place_done(&p);
}

static int
drop_all(void)
{
    struct errinfo reterr;
    bool root = getuid() == 0;
    WANT(sandbox_drop_privileges(root ? 65534 : (uid_t)-1, 65534, &reterr) == ERR_OK);
    WANT(!root || (getuid() == 65534 && geteuid() == 65534 && getgid() == 65534));
    WANT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    WANT(!root || prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0);
    WANT(setresuid(0, 0, 0) == -1);
    sandbox_hide_memory(true);
    struct rlimit core;
    WANT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
    return 0;
}

TEST("privileges are gone for good")
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(drop_all());
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

TEST_MAIN
