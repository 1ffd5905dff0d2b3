/* SPDX-License-Identifier: Apache-2.0
 * Tests of the state folder: what is made, with which modes, and the lock. */
#include "state/state_dir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test.h"

struct folder {
    char path[64];
    char state[80]; /* a folder in it that does not exist yet */
    char inner[96];
};

static struct folder
folder_make(void)
{
    struct folder f = {.path = "/tmp/openalb-state-XXXXXX"};
    CHECK(mkdtemp(f.path) != NULL);
    (void)snprintf(f.state, sizeof(f.state), "%s/deep", f.path);
    (void)snprintf(f.inner, sizeof(f.inner), "%s/state", f.state);
    return f;
}

static void
folder_remove(const struct folder *f)
{
    static const char *const names[] = {"lock", "keys", "spool", "s3", "run"};
    int fd = open(f->inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT_OF(names) && fd >= 0; i++) {
        if (unlinkat(fd, names[i], 0) != 0) {
            (void)unlinkat(fd, names[i], AT_REMOVEDIR); /* there or not, depending on the test */
        }
    }
    (void)close(fd);
    (void)rmdir(f->inner);
    (void)rmdir(f->state);
    CHECK_INT(rmdir(f->path), 0);
}

static unsigned
mode_of(int fd)
{
    struct stat st;
    CHECK_INT(fstat(fd, &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    return st.st_mode & 07777;
}

TEST("the folder, its parents and its parts are made with their modes, whatever the umask")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct state_dir s;
    mode_t old = umask(0);
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_OK);
    (void)umask(old);
    CHECK_INT(mode_of(s.fd), 0755);
    CHECK_INT(mode_of(s.keys_fd), 0700);
    CHECK_INT(mode_of(s.spool_fd), 0700);
    CHECK_INT(mode_of(s.s3_fd), 0755);
    CHECK_INT(mode_of(s.run_fd), 0700);
    int fds[] = {s.fd, s.keys_fd, s.spool_fd, s.s3_fd, s.run_fd, s.lock_fd};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        CHECK((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
    }
    state_dir_close(&s);
    CHECK_INT(s.fd, -1);
    CHECK_INT(s.lock_fd, -1);
    folder_remove(&f);
}

TEST("modes that were loosened are set right again")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct state_dir s;
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_OK);
    CHECK_INT(fchmod(s.keys_fd, 0777), 0);
    state_dir_close(&s);
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_OK);
    CHECK_INT(mode_of(s.keys_fd), 0700);
    state_dir_close(&s);
    folder_remove(&f);
}

TEST("an owner is given to all of it")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct state_dir s;
    /* Root gives it away; anybody else can only give it to themselves. */
    bool root = geteuid() == 0;
    struct state_owner owner = {root ? 65534 : geteuid(), root ? 65534 : getegid()};
    CHECK_INT(state_dir_open(f.inner, &owner, &s, &e), ERR_OK);
    int fds[] = {s.fd, s.keys_fd, s.spool_fd, s.s3_fd, s.run_fd};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        struct stat st;
        CHECK_INT(fstat(fds[i], &st), 0);
        CHECK_INT(st.st_uid, owner.uid);
        CHECK_INT(st.st_gid, owner.gid);
    }
    state_dir_close(&s);
    folder_remove(&f);
}

TEST("a link in place of a part is refused")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct state_dir s;
    CHECK_INT(mkdir(f.state, 0755), 0);
    CHECK_INT(mkdir(f.inner, 0755), 0);
    int fd = open(f.inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_INT(symlinkat(f.path, fd, "keys"), 0);
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_SYSTEM);
    CHECK(str_starts(str_of(e.text), STR("cannot open the folder 'keys'")));
    CHECK_INT(unlinkat(fd, "keys", 0), 0);
    (void)unlinkat(fd, "lock", 0);
    CHECK_INT(symlinkat("/tmp/openalb-nowhere", fd, "lock"), 0);
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_SYSTEM);
    CHECK(access("/tmp/openalb-nowhere", F_OK) != 0);
    CHECK_INT(close(fd), 0);
    folder_remove(&f);
}

TEST("a path that is a file, or empty, is refused")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct state_dir s;
    int fd = open(f.state, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_INT(close(fd), 0);
    CHECK_INT(state_dir_open(f.state, NULL, &s, &e), ERR_SYSTEM);
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_SYSTEM);
    CHECK_INT(state_dir_open("", NULL, &s, &e), ERR_INVALID);
    CHECK_INT(unlink(f.state), 0);
    folder_remove(&f);
}

/* Opens the folder in a child; its exit code is the error, the sentence comes through the pipe. */
static enum err
open_in_child(const char *path, char *text, size_t size)
{
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct errinfo e = {""};
        struct state_dir s;
        enum err result = state_dir_open(path, NULL, &s, &e);
        ssize_t n = write(ends[1], e.text, strlen(e.text));
        _exit(n < 0 ? ERR_COUNT : (int)result);
    }
    CHECK_INT(close(ends[1]), 0);
    ssize_t n = read(ends[0], text, size - 1);
    text[n < 0 ? 0 : n] = '\0';
    CHECK_INT(close(ends[0]), 0);
    int status = 0;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return (enum err)WEXITSTATUS(status);
}

TEST("the second OpenALB is refused, told who is first, and may start when that one is gone")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct state_dir s;
    char text[512];
    char expected[512];
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_OK);
    CHECK_INT(open_in_child(f.inner, text, sizeof(text)), ERR_BUSY);
    (void)snprintf(expected, sizeof(expected),
                   "another OpenALB (pid %d) uses the state folder '%s'", (int)getpid(), f.inner);
    CHECK_STR(str_of(text), expected);
    state_dir_close(&s);
    CHECK_INT(open_in_child(f.inner, text, sizeof(text)), ERR_OK);
    folder_remove(&f);
}

TEST("tools see who holds the lock and do not disturb")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct state_dir s;
    int fd = -1;
    pid_t pid = -1;
    CHECK_INT(state_dir_look(f.inner, &fd, &e), ERR_NOT_FOUND);
    CHECK_INT(state_dir_open(f.inner, NULL, &s, &e), ERR_OK);
    CHECK_INT(state_dir_look(f.inner, &fd, &e), ERR_OK);
    CHECK_INT(state_dir_holder(fd, &pid, &e), ERR_OK);
    CHECK_INT(pid, getpid());
    state_dir_close(&s);
    CHECK_INT(state_dir_holder(fd, &pid, &e), ERR_OK);
    CHECK_INT(pid, 0); /* the number still stands in the file, the lock decides */
    CHECK_INT(unlinkat(fd, "lock", 0), 0);
    CHECK_INT(state_dir_holder(fd, &pid, &e), ERR_OK);
    CHECK_INT(pid, 0);
    CHECK_INT(close(fd), 0);
    folder_remove(&f);
}

TEST("the default place follows user and environment")
{
    const char *before = getenv("XDG_STATE_HOME");
    AUTO(xfree_ptr) char *saved = before == NULL ? NULL : xstrdup(before);
    CHECK_INT(setenv("XDG_STATE_HOME", "/somewhere", 1), 0);
    AUTO(xfree_ptr) char *path = state_dir_default();
    CHECK_STR(str_of(path), geteuid() == 0 ? "/var/lib/openalb" : "/somewhere/openalb");
    CHECK_INT(saved == NULL ? unsetenv("XDG_STATE_HOME") : setenv("XDG_STATE_HOME", saved, 1), 0);
}

TEST_MAIN
