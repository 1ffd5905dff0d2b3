/* SPDX-License-Identifier: Apache-2.0
 * The supervisor: holds the listening sockets, starts and restarts the roles, hears signals. */
#include "role/supervisor_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/diag.h"
#include "base/mem.h"
#include "log/log.h"
#include "net/sandbox.h"
#include "role/options.h"

enum { CHILDREN_FIXED = 3, SAME_INTERRUPT_US = 300 * 1000 };

/* ---- shared memory and folders ---- */

/* Our own words, for the roles' parser: relative paths stay relative to our folder, which is
 * theirs. */
static enum err
make_options_fd(struct supervisor *s, int argc, char **argv, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf words = {0};
    for (int i = 0; i < argc; i++) {
        /* The descriptor is not theirs, and their check of it would fail. */
        struct str word = str_of(argv[i]);
        if (str_eq(word, STR("--ready-fd"))) {
            i++;
        } else if (!str_starts(word, STR("--ready-fd="))) {
            buf_add(&words, argv[i], word.n + 1);
        }
    }
    s->options_fd = memfd_create("openalb-options", MFD_CLOEXEC);
    if (s->options_fd < 0 || write(s->options_fd, words.p, words.n) != (ssize_t)words.n) {
        return err_errno(reterr, "cannot keep the options in memory");
    }
    return ERR_OK;
}

static enum err
make_tickets(struct supervisor *s, struct errinfo *reterr)
{
    size_t size = sizeof(*s->tickets);
    s->tickets_fd = memfd_create("openalb-tickets", MFD_CLOEXEC);
    if (s->tickets_fd < 0 || ftruncate(s->tickets_fd, (off_t)size) != 0) {
        return err_errno(reterr, "cannot make memory for the ticket keys");
    }
    s->tickets = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->tickets_fd, 0);
    if (s->tickets == MAP_FAILED) {
        return err_errno(reterr, "cannot map the ticket keys");
    }
    if (tls_ticket_keys_fill(s->tickets) != ERR_OK) {
        return err_set(reterr, ERR_CRYPTO, "cannot make ticket keys");
    }
    return ERR_OK;
}

/* A worker that seals a ticket in the very moment gets a mixed key: the client then makes a full
 * handshake, nothing else. */
static void
on_ticket_timer(struct timer *t)
{
    struct supervisor *s = CONTAINER_OF(t, struct supervisor, ticket_timer);
    if (tls_ticket_keys_rotate(s->tickets) != ERR_OK) {
        diag_warn("the TLS ticket keys could not be renewed: the old ones stay");
    }
    timer_arm_in(s->loop, t, (uint64_t)TLS_TICKET_LIFETIME_S * SUPERVISOR_SECOND_US);
}

static enum err
make_regions(struct supervisor *s, struct errinfo *reterr)
{
    s->region_fds = xalloc(s->options->workers * sizeof(*s->region_fds));
    for (unsigned i = 0; i < s->options->workers; i++) {
        TRY(log_region_create(&s->region_fds[i], reterr));
    }
    return ERR_OK;
}

static enum err
make_board(struct supervisor *s, struct errinfo *reterr)
{
    TRY(board_create(s->state.run_fd, s->options->workers, &s->board_fd, reterr));
    if (s->drops && fchown(s->board_fd, s->owner.uid, s->owner.gid) != 0) {
        return err_errno(reterr, "cannot give the board to user '%s'", s->options->user);
    }
    return board_map(s->board_fd, &s->board, reterr);
}

static enum err
find_owner(struct supervisor *s, struct errinfo *reterr)
{
    s->owner = (struct state_owner){geteuid(), getegid()};
    if (geteuid() != 0 || s->options->user == NULL) {
        return ERR_OK;
    }
    const struct passwd *user = getpwnam(s->options->user);
    if (user == NULL) {
        return err_set(reterr, ERR_NOT_FOUND, "there is no user '%s'", s->options->user);
    }
    s->owner = (struct state_owner){user->pw_uid, user->pw_gid};
    s->drops = true;
    return ERR_OK;
}

static void
raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* up to the hard limit is always allowed */
    }
}

/* ---- signals ---- */

static bool
has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return false; /* ENXIO: no controlling terminal, or it hung up */
    }
    struct pollfd p = {.fd = fd, .events = 0};
    bool hung_up = poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
    (void)close(fd); /* only asked */
    return !hung_up;
}

/* One Ctrl-C may arrive twice: from the terminal, and passed on by who started us. */
static bool
is_second_interrupt(struct supervisor *s)
{
    uint64_t now = loop_now_us(s->loop);
    uint64_t first = s->interrupted_us;
    if (first == 0) {
        s->interrupted_us = now;
        return false;
    }
    return now - first > SAME_INTERRUPT_US;
}

static void
on_interrupt(struct supervisor *s, int signal_number)
{
    if (signal_number == SIGINT && is_second_interrupt(s)) {
        diag_warn("ending at once");
        s->exit_code = 128 + SIGINT;
        stop_now(s);
        return;
    }
    if (s->stage == STAGE_RUN) {
        diag_info("ending: requests in flight have %d s%s", DRAIN_S,
                  signal_number == SIGINT ? "; Ctrl-C again ends at once" : "");
        stop_begin(s, 0);
    }
}

static void
on_hangup(struct supervisor *s)
{
    if (s->had_terminal && !has_terminal()) {
        diag_info("the terminal is gone");
        on_interrupt(s, SIGTERM);
        return;
    }
    if (s->stage == STAGE_RUN) {
        diag_info("loading the templates again");
        config_build(s);
    }
}

static void
on_signal(void *context, int signal_number)
{
    struct supervisor *s = context;
    switch (signal_number) {
    case SIGCHLD: children_reap(s); return;
    case SIGHUP: on_hangup(s); return;
    case SIGINT:
    case SIGTERM: on_interrupt(s, signal_number); return;
    default: NEVER("no other signal is asked for");
    }
}

static enum err
take_signals(struct supervisor *s, struct errinfo *reterr)
{
    static const int signals[] = {SIGCHLD, SIGHUP, SIGINT, SIGTERM};
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this one */
    (void)signal(SIGCHLD, SIG_DFL); /* a parent may have left it ignored */
    return loop_signals(s->loop, signals, COUNT_OF(signals), on_signal, s, reterr);
}

/* ---- start ---- */

static enum err
check_demo_targets(const struct supervisor *s, struct errinfo *reterr)
{
    for (size_t i = 0; i < s->options->demo_target_count; i++) {
        int fd;
        if (!listen_sockets(&s->options->demo_targets[i], 1, &fd)) {
            char text[ADDR_TEXT];
            return err_errno(reterr, "demo target %zu cannot listen on %s", i + 1,
                             addr_port_text(&s->options->demo_targets[i], text));
        }
        (void)close(fd); /* the target binds it */
    }
    return ERR_OK;
}

static void
make_children(struct supervisor *s)
{
    static const enum role_kind fixed[CHILDREN_FIXED] = {ROLE_CONTROL, ROLE_CHECKER, ROLE_SHIPPER};
    const struct serve_options *o = s->options;
    size_t count = CHILDREN_FIXED + o->workers + o->demo_target_count;
    s->children = xalloc(count * sizeof(*s->children));
    for (size_t i = 0; i < CHILDREN_FIXED; i++) {
        child_init(s, &s->children[s->child_count++], fixed[i], 0);
    }
    for (unsigned i = 0; i < o->workers; i++) {
        child_init(s, &s->children[s->child_count++], ROLE_WORKER, i);
    }
    for (unsigned i = 0; i < o->demo_target_count; i++) {
        demo_init(s, &s->children[s->child_count++], i);
    }
    ASSERT(s->child_count == count);
}

/* Without templates the last good configuration goes on, or nothing is served. */
static enum err
choose_configuration(struct supervisor *s, struct errinfo *reterr)
{
    if (s->options->template_count > 0) {
        config_build(s);
        return ERR_OK;
    }
    enum err e = config_resume(s, reterr);
    if (e == ERR_NOT_FOUND) {
        diag_warn("no template is given and there is no earlier configuration: nothing is served");
        return ERR_OK;
    }
    if (e == ERR_OK) {
        diag_info("no template is given: configuration %llu of the last run goes on",
                  (unsigned long long)s->version);
    }
    return e;
}

static enum err
prepare(struct supervisor *s, int argc, char **argv, struct errinfo *reterr)
{
    raise_limits();
    sandbox_hide_memory(true); /* the ticket keys lie in our memory */
    TRY(find_owner(s, reterr));
    TRY(state_dir_open(s->options->state_dir, s->drops ? &s->owner : NULL, &s->state, reterr));
    TRY(check_demo_targets(s, reterr));
    TRY(make_options_fd(s, argc, argv, reterr));
    TRY(make_board(s, reterr));
    TRY(make_regions(s, reterr));
    TRY(make_tickets(s, reterr));
    TRY(loop_new(&s->loop, reterr));
    TRY(take_signals(s, reterr));
    make_children(s);
    return choose_configuration(s, reterr);
}

static void
start_all(struct supervisor *s)
{
    /* Demo targets first: they are up when the first health check comes. */
    for (size_t i = s->child_count; i > 0; i--) {
        child_start(&s->children[i - 1]);
    }
}

int
supervisor_run(const struct serve_options *options, int argc, char **argv)
{
    static struct supervisor supervisor; /* lives as long as the process */
    struct supervisor *s = &supervisor;
    struct errinfo reterr;
    s->options = options;
    s->program = program_invocation_name;
    s->snapshot_fd = -1;
    s->had_terminal = has_terminal();
    diag_init("supervisor", (enum diag_level)options->log_level);
    /* A file that may not grow is an error like a full disk, here and in the roles. */
    (void)signal(SIGXFSZ, SIG_IGN); /* cannot fail for this one */
    /* Whatever the shell left open is not for the roles. */
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    timer_init(&s->ticket_timer, on_ticket_timer);
    if (prepare(s, argc, argv, &reterr) != ERR_OK) {
        fprintf(stderr, "openalb: %s\n", reterr.text);
        return 1;
    }
    timer_arm_in(s->loop, &s->ticket_timer, (uint64_t)TLS_TICKET_LIFETIME_S * SUPERVISOR_SECOND_US);
    start_all(s);
    int code = loop_run(s->loop);
    state_dir_close(&s->state);
    return code;
}
