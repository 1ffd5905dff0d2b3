/* SPDX-License-Identifier: Apache-2.0
 * Starting processes, giving roles their descriptors, reaping and restarting. */
#include "role/supervisor_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "net/sandbox.h"

static const char program[] = "/proc/self/exe";

struct child *
child_control(struct supervisor *s)
{
    ASSERT(s->child_count > 0);
    ASSERT(s->children[0].kind == ROLE_CONTROL);
    return &s->children[0];
}

static void
on_restart(struct timer *t)
{
    child_start(CONTAINER_OF(t, struct child, restart));
}

void
child_init(struct supervisor *s, struct child *c, enum role_kind kind, unsigned index)
{
    *c = (struct child){.supervisor = s, .kind = kind, .index = index};
    c->channel.fd = -1;
    timer_init(&c->restart, on_restart);
    if (kind == ROLE_WORKER) {
        (void)snprintf(c->title, sizeof(c->title), "worker %u", index); /* fits */
    } else {
        (void)snprintf(c->title, sizeof(c->title), "%s", role_name(kind)); /* fits */
    }
}

void
demo_init(struct supervisor *s, struct child *c, unsigned index)
{
    child_init(s, c, ROLE_SUPERVISOR, index);
    c->is_demo = true;
    (void)snprintf(c->title, sizeof(c->title), "target-%u", index + 1); /* fits */
}

/* ---- the row on the board ---- */

/* Generations also name spool files, so they must not repeat after a restart of everything: they
 * count seconds, or up where roles die faster. */
static uint32_t
next_generation(uint32_t last)
{
    uint32_t now = (uint32_t)(clock_wall_us() / SUPERVISOR_SECOND_US);
    return MAX_OF(now, last + 1);
}

static struct board_role_row *
role_row(const struct child *c)
{
    static const enum board_role rows[ROLE_COUNT] = {[ROLE_CONTROL] = BOARD_CONTROL,
                                                     [ROLE_CHECKER] = BOARD_CHECKER,
                                                     [ROLE_SHIPPER] = BOARD_SHIPPER};
    return &c->supervisor->board->roles[rows[c->kind]];
}

static void
board_note_start(const struct child *c)
{
    if (c->kind == ROLE_WORKER) {
        struct board_worker *w = &c->supervisor->board->workers[c->index];
        w->generation = next_generation(w->generation);
    } else if (!c->is_demo) {
        role_row(c)->generation = next_generation(role_row(c)->generation);
    }
}

static void
board_note_pid(const struct child *c)
{
    if (c->kind == ROLE_WORKER) {
        c->supervisor->board->workers[c->index].pid = c->pid;
        if (c->pid == 0) {
            board_worker_died(c->supervisor->board, c->index);
        }
    } else if (!c->is_demo) {
        role_row(c)->pid = c->pid;
    }
}

/* ---- messages ---- */

static void
channel_lost(struct child *c)
{
    loop_io_forget(c->supervisor->loop, &c->io);
    channel_done(&c->channel);
    /* A role without its channel cannot be told anything: it starts anew. */
    child_signal(c, SIGKILL);
}

static void
on_message(struct child *c, const struct channel_message *m, int fd)
{
    if (m->kind == CHANNEL_READY) {
        c->ready = true;
        config_child_ready(c);
        return;
    }
    if (m->kind == CHANNEL_FAILED) {
        struct supervisor *s = c->supervisor;
        if (!s->is_ready && s->stage == STAGE_RUN) {
            diag_error("the %s cannot start, so nothing is served: %s", c->title, m->text);
            stop_begin(s, 1);
        }
        return;
    }
    if (!config_message(c, m, fd)) {
        diag_warn("the %s sent an unexpected %s", c->title,
                  channel_kind_name((enum channel_kind)m->kind));
        channel_lost(c);
    }
}

static void
on_channel(struct loop_io *io, uint32_t events UNUSED)
{
    struct child *c = CONTAINER_OF(io, struct child, io);
    (void)channel_flush(&c->channel); /* what stays waits for the next event */
    while (c->channel.fd >= 0) {
        struct channel_message m;
        int fd;
        enum io got = channel_receive(&c->channel, &m, &fd);
        if (got == IO_AGAIN) {
            break;
        }
        if (got == IO_EOF) {
            loop_io_forget(c->supervisor->loop, &c->io);
            channel_done(&c->channel);
            return; /* SIGCHLD follows */
        }
        if (got == IO_FAIL) {
            diag_warn("the %s sent nonsense", c->title);
            channel_lost(c);
            return;
        }
        on_message(c, &m, fd);
    }
    if (c->channel.fd >= 0 && c->channel.broken) {
        channel_lost(c);
    }
}

/* ---- birth ---- */

static void
send_gift(struct child *c, enum gift gift, unsigned number, int fd)
{
    struct channel_message m = {.kind = CHANNEL_DESCRIPTOR, .index = gift, .value = number};
    channel_send(&c->channel, &m, fd);
}

/* A folder is opened anew for each role: a shared descriptor would share its reading position. */
static void
send_folder(struct child *c, enum gift gift, int dirfd)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        diag_error("cannot open a state folder for the %s: errno %d", c->title, errno);
        c->channel.broken = true;
        return;
    }
    send_gift(c, gift, 0, fd);
    (void)close(fd); /* the message has it */
}

static void
send_regions(struct child *c)
{
    struct supervisor *s = c->supervisor;
    if (c->kind == ROLE_WORKER) {
        send_gift(c, GIFT_REGION, 0, s->region_fds[c->index]);
        return;
    }
    for (unsigned i = 0; i < s->options->workers; i++) {
        send_gift(c, GIFT_REGION, i, s->region_fds[i]);
    }
}

static void
send_gifts(struct child *c)
{
    struct supervisor *s = c->supervisor;
    const int files[GIFT_COUNT] = {
        [GIFT_OPTIONS] = s->options_fd, [GIFT_BOARD] = s->board_fd, [GIFT_TICKETS] = s->tickets_fd};
    const int folders[GIFT_COUNT] = {[GIFT_STATE] = s->state.fd,
                                     [GIFT_KEYS] = s->state.keys_fd,
                                     [GIFT_SPOOL] = s->state.spool_fd,
                                     [GIFT_BUCKETS] = s->state.s3_fd};
    for (int i = 0; i < GIFT_COUNT; i++) {
        enum gift gift = (enum gift)i;
        if (!gift_wanted(gift, c->kind)) {
            continue;
        }
        if (gift == GIFT_REGION) {
            send_regions(c);
        } else if (files[gift] > 0) {
            send_gift(c, gift, 0, files[gift]);
        } else {
            send_folder(c, gift, folders[gift]);
        }
    }
    channel_tell(&c->channel, CHANNEL_BOOT, c->kind, c->index);
}

/* Only the child runs this, between fork and exec. */
static void NORETURN
become_role(const struct child *c, int fd)
{
    char title[sizeof(c->title) + 16];
    char channel[16];
    (void)snprintf(title, sizeof(title), "openalb: %s", c->title);   /* fits */
    (void)snprintf(channel, sizeof(channel), "%d", ROLE_CHANNEL_FD); /* fits */
    char *argv[] = {title, NULL};
    if (fd == ROLE_CHANNEL_FD) {
        (void)fcntl(fd, F_SETFD, 0); /* fd is open */
    } else if (dup2(fd, ROLE_CHANNEL_FD) < 0) {
        _exit(126);
    }
    if (setenv(ROLE_CHANNEL_VARIABLE, channel, 1) == 0) {
        (void)execv(program, argv);
    }
    _exit(127);
}

/* Demo targets are strangers: own process group, so that Ctrl-C reaches them only through us; user,
 * death signal and signal mask are set here because they know nothing of roles. */
static void NORETURN
become_demo(const struct child *c, pid_t parent)
{
    const struct supervisor *s = c->supervisor;
    char listen[ADDR_TEXT];
    char title[sizeof(c->title)];
    char name[] = "openalb";
    char command[] = "demo-target";
    char listen_option[] = "--listen";
    char name_option[] = "--name";
    (void)addr_port_text(&s->options->demo_targets[c->index], listen);
    (void)snprintf(title, sizeof(title), "%s", c->title); /* fits */
    char *argv[] = {name, command, listen_option, listen, name_option, title, NULL};
    struct errinfo reterr;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)setpgid(0, 0); /* cannot fail for a fresh child */
    if (sandbox_drop_privileges(s->drops ? s->owner.uid : (uid_t)-1, s->owner.gid, &reterr) !=
            ERR_OK ||
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent) {
        _exit(126);
    }
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(null, STDOUT_FILENO); /* its greeting would stand in the ready screen */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execv(program, argv);
    _exit(127);
}

static bool
make_channel(struct child *c, int *ret_other)
{
    int fds[2];
    struct errinfo reterr;
    if (channel_pair(fds, &reterr) != ERR_OK) {
        diag_error("cannot start the %s: %s", c->title, reterr.text);
        return false;
    }
    channel_init(&c->channel, fds[0], CHANNEL_SUPERVISOR);
    *ret_other = fds[1];
    return true;
}

static void
start_later(struct child *c)
{
    unsigned delay_s = restart_delay_s(c->quick_deaths++);
    if (delay_s > 0) {
        diag_warn("the %s is started again in %u s", c->title, delay_s);
    }
    timer_arm_in(c->supervisor->loop, &c->restart, (uint64_t)delay_s * SUPERVISOR_SECOND_US);
}

/* Forks; only the supervisor returns from it. */
static pid_t
fork_child(const struct child *c, int other)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        if (c->is_demo) {
            become_demo(c, parent);
        }
        become_role(c, other);
    }
    if (other >= 0) {
        (void)close(other); /* the child has it */
    }
    return pid;
}

void
child_start(struct child *c)
{
    struct supervisor *s = c->supervisor;
    ASSERT(c->pid == 0);
    int other = -1;
    if (s->stage != STAGE_RUN) {
        return; /* we are ending */
    }
    if (!c->is_demo && !make_channel(c, &other)) {
        start_later(c);
        return;
    }
    board_note_start(c);
    pid_t pid = fork_child(c, other);
    if (pid < 0) {
        diag_error("cannot start the %s: errno %d", c->title, errno);
        channel_done(&c->channel);
        start_later(c);
        return;
    }
    c->pid = pid;
    c->started_us = loop_now_us(s->loop);
    board_note_pid(c);
    diag_debug("started the %s pid=%d", c->title, (int)pid);
    if (c->is_demo) {
        return;
    }
    if (!loop_io_watch(s->loop, &c->io, c->channel.fd, LOOP_IO_ALL | EPOLLET, on_channel)) {
        channel_lost(c);
        return;
    }
    send_gifts(c);
}

/* ---- death ---- */

void
child_signal(struct child *c, int signal_number)
{
    if (c->pid > 0) {
        (void)kill(c->pid, signal_number); /* our own child, not reaped yet: it exists */
    }
}

static void
describe_death(const struct child *c, pid_t pid, int status)
{
    if (c->supervisor->stage != STAGE_RUN) {
        diag_debug("the %s has ended pid=%d", c->title, (int)pid);
    } else if (WIFSIGNALED(status)) {
        diag_error("the %s was killed pid=%d signal=%d", c->title, (int)pid, WTERMSIG(status));
    } else {
        diag_error("the %s ended pid=%d exit_code=%d", c->title, (int)pid, WEXITSTATUS(status));
    }
}

static void
child_died(struct child *c, pid_t pid, int status)
{
    struct supervisor *s = c->supervisor;
    describe_death(c, pid, status);
    c->deaths++;
    c->ready = false;
    if (c->channel.fd >= 0) {
        loop_io_forget(s->loop, &c->io);
        channel_done(&c->channel);
    }
    board_note_pid(c);
    if (s->stage != STAGE_RUN) {
        stop_child_died(s);
        return;
    }
    if (loop_now_us(s->loop) - c->started_us >= (uint64_t)QUICK_DEATH_S * SUPERVISOR_SECOND_US) {
        c->quick_deaths = 0;
    }
    config_child_died(c);
    start_later(c);
}

/* A role's last words lie in its channel: they are heard before its death. */
static void
hear_last_words(struct child *c)
{
    if (c->channel.fd >= 0) {
        on_channel(&c->io, 0);
    }
}

void
children_reap(struct supervisor *s)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0) {
            return;
        }
        CHILDREN_FOR(c, s)
        {
            if (c->pid == pid) {
                c->pid = 0; /* the number may be someone else's from now on */
                hear_last_words(c);
                child_died(c, pid, status);
                break;
            }
        }
    }
}
