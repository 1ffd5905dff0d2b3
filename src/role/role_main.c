/* SPDX-License-Identifier: Apache-2.0
 * The frame that every role runs in: birth, configuration, heartbeat, end. */
#include "role/role_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/diag.h"
#include "base/mem.h"
#include "net/sandbox.h"
#include "role/channel.h"
#include "role/options.h"
#include "state/snapshot.h"

enum { SECOND_US = 1000 * 1000, DRAIN_GRACE_S = 2 };

/* The role of this process. */
struct frame {
    struct role_env env;
    const struct role_ops *ops;
    void *role;
    struct channel channel;
    struct serve_options options;
    struct loop_io io;
    struct timer heartbeat;
    struct timer drain_end;
    int board_fd, options_fd, tickets_fd; /* owned until they are mapped or read */
    bool draining;
    bool
        load_refused; /* the newest configuration is not in use: its sockets are not taken either */
    char title[32];
};

/* ---- birth ---- */

bool
role_is_child(void)
{
    return getenv(ROLE_CHANNEL_VARIABLE) != NULL;
}

static void
frame_init(struct frame *f)
{
    *f = (struct frame){.board_fd = -1, .options_fd = -1, .tickets_fd = -1};
    struct role_env *e = &f->env;
    e->state_dirfd = e->keys_dirfd = e->spool_dirfd = e->bucket_dirfd = -1;
    for (size_t i = 0; i < COUNT_OF(e->region_fds); i++) {
        e->region_fds[i] = -1;
    }
    e->options = &f->options;
    e->channel = &f->channel;
}

static int *
gift_place(struct frame *f, uint32_t gift, uint64_t number)
{
    struct role_env *e = &f->env;
    int *const places[GIFT_COUNT] = {
        [GIFT_OPTIONS] = &f->options_fd,
        [GIFT_BOARD] = &f->board_fd,
        [GIFT_STATE] = &e->state_dirfd,
        [GIFT_KEYS] = &e->keys_dirfd,
        [GIFT_SPOOL] = &e->spool_dirfd,
        [GIFT_BUCKETS] = &e->bucket_dirfd,
        [GIFT_REGION] = &e->region_fds[number % COUNT_OF(e->region_fds)],
        [GIFT_TICKETS] = &f->tickets_fd,
    };
    return gift < GIFT_COUNT ? places[gift] : NULL;
}

/* Waits for the next message during birth, when there is no loop yet. */
static bool
next_message(struct channel *c, struct channel_message *m, int *ret_fd)
{
    for (;;) {
        enum io io = channel_receive(c, m, ret_fd);
        if (io != IO_AGAIN) {
            return io == IO_DONE;
        }
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        (void)poll(&p, 1, -1); /* the next receive finds out */
    }
}

static enum err
receive_gifts(struct frame *f, struct errinfo *reterr)
{
    struct channel_message m;
    int fd;
    while (next_message(&f->channel, &m, &fd)) {
        if (m.kind == CHANNEL_BOOT && m.index > ROLE_SUPERVISOR && m.index < ROLE_COUNT &&
            m.value < LIMIT_WORKERS_MAX) {
            f->env.kind = (enum role_kind)m.index;
            f->env.index = (unsigned)m.value;
            return ERR_OK;
        }
        int *place = m.kind == CHANNEL_DESCRIPTOR ? gift_place(f, m.index, m.value) : NULL;
        if (place == NULL) {
            return err_set(reterr, ERR_INVALID, "message %s before BOOT",
                           channel_kind_name(m.kind));
        }
        *place = fd;
    }
    return err_set(reterr, ERR_CLOSED, "the supervisor ended");
}

/* The options come as the supervisor's own words, so that there is one parser. */
static enum err
read_options(struct frame *f, struct errinfo *reterr)
{
    struct stat st;
    if (fstat(f->options_fd, &st) != 0) {
        return err_errno(reterr, "cannot read the options");
    }
    size_t size = (size_t)st.st_size;
    char *words = xalloc(size + 1); /* lives as long as the process: options point into it */
    if (pread(f->options_fd, words, size, 0) != (ssize_t)size) {
        return err_errno(reterr, "cannot read the options");
    }
    char **argv = xalloc((size + 2) * sizeof(*argv));
    int argc = 0;
    for (size_t at = 0; at < size; at += strlen(words + at) + 1) {
        argv[argc++] = words + at;
    }
    bool help;
    enum err e = options_parse(argc, argv, &f->options, &help, reterr);
    xfree(argv);
    (void)close(f->options_fd); /* read to the end */
    return e;
}

static enum err
map_tickets(struct frame *f, struct errinfo *reterr)
{
    if (f->tickets_fd < 0) {
        return ERR_OK;
    }
    void *p = mmap(NULL, sizeof(struct tls_ticket_keys), PROT_READ, MAP_SHARED, f->tickets_fd, 0);
    if (p == MAP_FAILED) {
        return err_errno(reterr, "cannot map the ticket keys");
    }
    f->env.ticket_keys = p;
    (void)close(f->tickets_fd); /* the mapping stays */
    return ERR_OK;
}

static void
set_title(struct frame *f)
{
    if (f->env.kind == ROLE_WORKER) {
        (void)snprintf(f->title, sizeof(f->title), "worker-%u", f->env.index); /* fits */
    } else {
        (void)snprintf(f->title, sizeof(f->title), "%s", role_name(f->env.kind)); /* fits */
    }
    char comm[sizeof(f->title) + 8];
    (void)snprintf(comm, sizeof(comm), "alb:%s", f->title); /* fits; the kernel keeps 15 bytes */
    (void)prctl(PR_SET_NAME, comm, 0, 0, 0);                /* a name for people only */
    diag_init(f->title, (enum diag_level)f->options.log_level);
}

static struct board_role_row *
role_row(struct frame *f)
{
    static const enum board_role rows[ROLE_COUNT] = {[ROLE_CONTROL] = BOARD_CONTROL,
                                                     [ROLE_CHECKER] = BOARD_CHECKER,
                                                     [ROLE_SHIPPER] = BOARD_SHIPPER};
    ASSERT(f->env.kind != ROLE_WORKER && f->env.kind != ROLE_SUPERVISOR);
    return &f->env.board->roles[rows[f->env.kind]];
}

static enum err
check_board(struct frame *f, struct errinfo *reterr)
{
    TRY(board_map(f->board_fd, &f->env.board, reterr));
    (void)close(f->board_fd); /* the mapping stays */
    f->env.workers = f->env.board->worker_count;
    if (f->env.kind != ROLE_WORKER) {
        f->env.generation = role_row(f)->generation;
        return ERR_OK;
    }
    if (f->env.index >= f->env.workers) {
        return err_set(reterr, ERR_INVALID, "the board has no row for worker %u", f->env.index);
    }
    f->env.generation = f->env.board->workers[f->env.index].generation;
    return ERR_OK;
}

/* ---- privileges ---- */

/* The signal at the parent's death is cleared by a change of user, and a parent that died before it
 * was set is found by its number. */
static enum err
follow_parent(struct frame *f, struct errinfo *reterr)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 ||
        getsockopt(f->channel.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return err_errno(reterr, "cannot follow the supervisor");
    }
    if (getppid() != peer.pid) {
        return err_set(reterr, ERR_CLOSED, "the supervisor ended");
    }
    return ERR_OK;
}

static enum err
drop_privileges(struct frame *f, struct errinfo *reterr)
{
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;
    if (geteuid() == 0 && f->options.user != NULL) {
        const struct passwd *user = getpwnam(f->options.user);
        if (user == NULL) {
            return err_set(reterr, ERR_NOT_FOUND, "there is no user '%s'", f->options.user);
        }
        uid = user->pw_uid;
        gid = user->pw_gid;
    }
    TRY(sandbox_drop_privileges(uid, gid, reterr));
    sandbox_hide_memory(f->env.kind == ROLE_WORKER || f->env.kind == ROLE_CONTROL);
    return follow_parent(f, reterr);
}

static enum err
close_sandbox(struct frame *f, struct errinfo *reterr)
{
    static const enum sandbox_profile profiles[ROLE_COUNT] = {
        [ROLE_CONTROL] = SANDBOX_CONTROL,
        [ROLE_WORKER] = SANDBOX_WORKER,
        [ROLE_CHECKER] = SANDBOX_CHECKER,
        [ROLE_SHIPPER] = SANDBOX_SHIPPER,
    };
    struct sandbox_folders folders = {{[SANDBOX_STATE] = f->env.state_dirfd,
                                       [SANDBOX_KEYS] = f->env.keys_dirfd,
                                       [SANDBOX_SPOOL] = f->env.spool_dirfd,
                                       [SANDBOX_BUCKETS] = f->env.bucket_dirfd}};
    struct sandbox_report report;
    TRY(sandbox_enter(profiles[f->env.kind], &folders, &report, reterr));
    /* The kernel is the same for all roles: one of them says it. */
    if (f->env.kind == ROLE_CONTROL && (report.landlock == 0 || !report.seccomp)) {
        diag_warn("this kernel lacks %s%s%s: the roles run without it",
                  report.landlock == 0 ? "Landlock" : "",
                  report.landlock == 0 && !report.seccomp ? " and " : "",
                  report.seccomp ? "" : "seccomp filters");
    }
    diag_debug("sandbox closed landlock_abi=%d seccomp=%d", report.landlock, report.seccomp);
    return ERR_OK;
}

/* ---- life ---- */

static void
beat(struct frame *f)
{
    uint64_t now = loop_now_us(f->env.loop);
    if (f->env.kind == ROLE_WORKER) {
        f->env.board->workers[f->env.index].heartbeat_us = now;
    } else {
        role_row(f)->heartbeat_us = now;
    }
}

static void
on_heartbeat(struct timer *t)
{
    struct frame *f = CONTAINER_OF(t, struct frame, heartbeat);
    beat(f);
    timer_arm_in(f->env.loop, t, SECOND_US);
}

static void
note_version(struct frame *f, uint64_t version)
{
    if (f->env.kind == ROLE_WORKER) {
        f->env.board->workers[f->env.index].snapshot_version = version;
    } else {
        role_row(f)->snapshot_version = version;
    }
}

static enum err
read_snapshot(int fd, struct buf *text, struct errinfo *reterr)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(reterr, "cannot read the snapshot");
    }
    if (st.st_size > LIMIT_SNAPSHOT_BYTES_MAX) {
        return err_set(reterr, ERR_TOO_LARGE, "the snapshot has %lld bytes; %d are allowed",
                       (long long)st.st_size, LIMIT_SNAPSHOT_BYTES_MAX);
    }
    /* The descriptor is shared by all roles: only reads that name their offset. */
    char chunk[16 * 1024];
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
        buf_add(text, chunk, (size_t)n);
        at += n;
    }
    return n < 0 ? err_errno(reterr, "cannot read the snapshot") : ERR_OK;
}

static enum err
load_snapshot(struct frame *f, int fd, struct errinfo *reterr)
{
    if (f->ops->load == NULL) {
        return ERR_OK;
    }
    AUTO(buf_free) struct buf text = {0};
    AUTO(model_unref) struct model *m = NULL;
    TRY(read_snapshot(fd, &text, reterr));
    TRY(snapshot_parse(buf_str(&text), &m, reterr));
    return f->ops->load(f->role, m, reterr);
}

static void
on_load(struct frame *f, const struct channel_message *m, int fd)
{
    struct channel_message answer = {.kind = CHANNEL_LOADED, .value = m->value};
    struct errinfo reterr = {""};
    enum err e = load_snapshot(f, fd, &reterr);
    f->load_refused = e != ERR_OK;
    if (e == ERR_OK) {
        note_version(f, m->value);
    } else {
        answer.kind = CHANNEL_REFUSED;
        if (!str_copy_z(str_of(reterr.text), answer.text, sizeof(answer.text))) {
            NEVER("an errinfo is shorter than a message's text");
        }
        diag_error("configuration %llu cannot be used, the old one stays: %s",
                   (unsigned long long)m->value, reterr.text);
    }
    channel_send(&f->channel, &answer, -1);
    (void)close(fd); /* read to the end */
}
_Static_assert(sizeof(struct errinfo) <= CHANNEL_TEXT, "an errinfo fits a message");

static void
on_listen(struct frame *f, const struct channel_message *m, int fd)
{
    if (f->ops->listen == NULL || f->draining || f->load_refused) {
        (void)close(fd); /* the other workers have it */
        return;
    }
    f->ops->listen(f->role, m->index, fd);
}

void
role_finished(struct role_env *env)
{
    loop_stop(env->loop, 0);
}

static void
on_drain_end(struct timer *t)
{
    struct frame *f = CONTAINER_OF(t, struct frame, drain_end);
    diag_warn("not finished in time, ending");
    loop_stop(f->env.loop, 1);
}

static void
drain(struct frame *f, uint64_t delay_us)
{
    if (f->draining) {
        return;
    }
    f->draining = true;
    if (f->ops->drain == NULL) {
        role_finished(&f->env);
        return;
    }
    timer_arm_in(f->env.loop, &f->drain_end, delay_us + (uint64_t)DRAIN_GRACE_S * SECOND_US);
    f->ops->drain(f->role, loop_now_us(f->env.loop) + delay_us);
}

static void
on_message(struct frame *f, const struct channel_message *m, int fd)
{
    switch ((enum channel_kind)m->kind) {
    case CHANNEL_LOAD: on_load(f, m, fd); return;
    case CHANNEL_LISTEN: on_listen(f, m, fd); return;
    case CHANNEL_UNLISTEN:
        if (f->ops->unlisten != NULL && !f->draining) {
            f->ops->unlisten(f->role, m->index);
        }
        return;
    case CHANNEL_DRAIN:
        f->env.stop_ordered = true;
        drain(f, m->value);
        return;
    case CHANNEL_BUILD:
    case CHANNEL_FILE:
    case CHANNEL_SETTLED:
        if (f->ops->message != NULL) {
            f->ops->message(f->role, m, fd);
            return;
        }
        break;
    case CHANNEL_DESCRIPTOR:
    case CHANNEL_BOOT:
    case CHANNEL_READY:
    case CHANNEL_FAILED:
    case CHANNEL_LOADED:
    case CHANNEL_REFUSED:
    case CHANNEL_LEAVING:
    case CHANNEL_OPEN:
    case CHANNEL_PLAN_ENTRY:
    case CHANNEL_PLAN_END:
    case CHANNEL_PLAN_OK:
    case CHANNEL_PLAN_BAD:
    case CHANNEL_PUBLISHED:
    case CHANNEL_BUILD_BAD:
    case CHANNEL_KIND_COUNT: break;
    }
    diag_warn("unexpected message %s ignored", channel_kind_name(m->kind));
    if (fd >= 0) {
        (void)close(fd); /* not wanted */
    }
}

/* The supervisor is gone: nobody will start this role again, so it finishes what runs. */
static void
on_orphaned(struct frame *f)
{
    loop_io_forget(f->env.loop, &f->io);
    channel_done(&f->channel);
    if (!f->draining) {
        diag_warn("the supervisor has ended: finishing what runs");
    }
    drain(f, (uint64_t)DRAIN_S * SECOND_US);
}

static void
on_channel(struct loop_io *io, uint32_t events UNUSED)
{
    struct frame *f = CONTAINER_OF(io, struct frame, io);
    (void)channel_flush(&f->channel); /* what stays waits for the next event */
    for (;;) {
        struct channel_message m;
        int fd;
        enum io got = channel_receive(&f->channel, &m, &fd);
        if (got == IO_AGAIN) {
            return;
        }
        if (got != IO_DONE) {
            on_orphaned(f);
            return;
        }
        on_message(f, &m, fd);
    }
}

static void
on_signal(void *context, int signal_number UNUSED)
{
    struct frame *f = context;
    if (!f->draining) {
        channel_tell(&f->channel, CHANNEL_LEAVING, 0, 0);
    }
    drain(f, (uint64_t)DRAIN_S * SECOND_US);
}

/* Ctrl-C and a lost terminal reach the whole process group: the supervisor decides what they mean.
 */
static enum err
take_signals(struct frame *f, struct errinfo *reterr)
{
    (void)signal(SIGINT, SIG_IGN); /* cannot fail for these */
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* what the supervisor had blocked */
    static const int signals[] = {SIGTERM};
    return loop_signals(f->env.loop, signals, COUNT_OF(signals), on_signal, f, reterr);
}

static enum err
be_born(struct frame *f, const struct role_table *table, struct errinfo *reterr)
{
    TRY(receive_gifts(f, reterr));
    TRY(read_options(f, reterr));
    set_title(f);
    f->ops = table->ops[f->env.kind];
    ASSERT(f->ops != NULL);
    TRY(check_board(f, reterr));
    TRY(map_tickets(f, reterr));
    TRY(loop_new(&f->env.loop, reterr));
    TRY(take_signals(f, reterr));
    TRY(drop_privileges(f, reterr));
    if (f->ops->init != NULL) {
        TRY(f->ops->init(&f->env, &f->role, reterr));
    }
    TRY(close_sandbox(f, reterr));
    if (!loop_io_watch(f->env.loop, &f->io, f->channel.fd, LOOP_IO_ALL | EPOLLET, on_channel)) {
        return err_errno(reterr, "cannot watch the channel");
    }
    return ERR_OK;
}

int
role_main(const struct role_table *table)
{
    int64_t number = ROLE_CHANNEL_FD;
    (void)str_to_int_range(str_of(getenv(ROLE_CHANNEL_VARIABLE)), 0, INT32_MAX, &number);
    (void)unsetenv(ROLE_CHANNEL_VARIABLE); /* not for anyone below us */
    (void)fcntl((int)number, F_SETFD, FD_CLOEXEC);

    static struct frame frame; /* lives as long as the process */
    struct frame *f = &frame;
    frame_init(f);
    channel_init(&f->channel, (int)number, CHANNEL_ROLE);
    timer_init(&f->heartbeat, on_heartbeat);
    timer_init(&f->drain_end, on_drain_end);
    struct channel_message failed = {.kind = CHANNEL_FAILED};
    struct errinfo reterr = {""};
    if (be_born(f, table, &reterr) != ERR_OK) {
        diag_error("cannot start: %s", reterr.text);
        if (str_copy_z(str_of(reterr.text), failed.text, sizeof(failed.text))) {
            channel_send(&f->channel, &failed, -1);
        }
        return 1;
    }
    assert_doing("turning the loop");
    on_heartbeat(&f->heartbeat);
    channel_tell(&f->channel, CHANNEL_READY, 0, 0);
    return loop_run(f->env.loop);
}
