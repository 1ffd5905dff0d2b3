/* SPDX-License-Identifier: Apache-2.0
 * A configuration's way from control to the other roles. Control builds and sends a listen plan; we
 * bind it all or nothing; control stores the snapshot; we tell everybody. Nothing is parsed here
 * but the flat listen list of the last run. */
#include "role/supervisor_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/limits.h"
#include "base/mem.h"
#include "state/file.h"

/* More entries than any valid model has. */
enum { PLAN_ENTRIES_MAX = LIMIT_LISTENERS_MAX * 64, LISTEN_FILE_MAX = 4 * 1024 * 1024 };

/* ---- opening, never parsing ---- */

/* A regular file, or -1 with the reason in errno; EINVAL: something else. */
static int
open_file(int dirfd, const char *path, int flags)
{
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        (void)close(fd); /* only looked at */
        errno = EINVAL;
        return -1;
    }
    return fd;
}

static void
send_file(struct child *control, uint32_t index, const char *path)
{
    struct channel_message m = {.kind = CHANNEL_FILE, .index = index};
    int fd = open_file(AT_FDCWD, path, 0);
    if (fd < 0) {
        struct errinfo reason;
        (void)(errno == EINVAL ? err_set(&reason, ERR_INVALID, "it is not a regular file")
                               : err_errno(&reason, "cannot open it"));
        (void)snprintf(m.text, sizeof(m.text), "%s", reason.text); /* a cut sentence will do */
    }
    channel_send(&control->channel, &m, fd);
    if (fd >= 0) {
        (void)close(fd); /* the message has it */
    }
}

/* ---- building ---- */

static void
start_build(struct supervisor *s)
{
    struct child *control = child_control(s);
    ASSERT(control->ready);
    s->build.wanted = false;
    s->build.running = true;
    uint32_t count = (uint32_t)s->options->template_count;
    for (uint32_t i = 0; i < count; i++) {
        send_file(control, i, s->options->template_files[i]);
    }
    channel_tell(&control->channel, CHANNEL_BUILD, count, s->build.ordered_us);
}

void
config_build(struct supervisor *s)
{
    if (s->build.running) {
        s->build.again = true; /* files may have changed since they were opened */
        return;
    }
    s->build.ordered_us = clock_mono_us();
    s->build.wanted = true;
    if (child_control(s)->ready) {
        start_build(s);
    }
}

static void
build_over(struct supervisor *s)
{
    s->build.running = false;
    if (s->build.again) {
        s->build.again = false;
        config_build(s);
    }
}

static void
on_build_bad(struct child *c)
{
    struct supervisor *s = c->supervisor;
    listen_plan_free(&s->offered);
    listen_plan_free(&s->bound);
    if (!s->is_ready) {
        stop_begin(s, 1);
        return;
    }
    build_over(s);
}

/* ---- the plan ---- */

static void
on_plan_entry(struct child *c, const struct channel_message *m)
{
    struct supervisor *s = c->supervisor;
    struct listen_entry e = {.slot = m->index, .addr = m->addr};
    if (s->offered.count == PLAN_ENTRIES_MAX || m->index >= LIMIT_LISTENERS_MAX ||
        m->addr.sa.sa_family == AF_UNSPEC) {
        diag_warn("control sent a listener that cannot be");
        child_signal(c, SIGKILL);
        return;
    }
    (void)snprintf(e.name, sizeof(e.name), "%s", m->name);             /* same size */
    (void)snprintf(e.protocol, sizeof(e.protocol), "%s", m->protocol); /* same size */
    listen_plan_add(&s->offered, &e);
}
_Static_assert(LISTEN_NAME == (int)CHANNEL_NAME && LISTEN_PROTOCOL == (int)CHANNEL_PROTOCOL,
               "entries travel in messages");

/* Demo targets are ours as well: their ports are named, not just found taken. */
static enum err
check_demo_ports(const struct supervisor *s, const struct listen_plan *plan, struct errinfo *reterr)
{
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t t = 0; t < s->options->demo_target_count; t++) {
            const struct listen_entry *e = &plan->entries[i];
            if (addr_eq(&e->addr, &s->options->demo_targets[t])) {
                char text[ADDR_TEXT];
                return err_set(reterr, ERR_BUSY,
                               "cannot listen on %s for listener %s:%u of load balancer '%s': demo "
                               "target %zu has it",
                               addr_port_text(&e->addr, text), e->protocol, addr_port(&e->addr),
                               e->name, t + 1);
            }
        }
    }
    return ERR_OK;
}

static enum err
bind_plan(struct supervisor *s, struct listen_plan *plan, struct errinfo *reterr)
{
    TRY(check_demo_ports(s, plan, reterr));
    return listen_plan_bind(plan, &s->plan, s->options->workers, reterr);
}

static void
on_plan_end(struct child *c, const struct channel_message *m)
{
    struct supervisor *s = c->supervisor;
    struct channel_message answer = {.kind = CHANNEL_PLAN_OK};
    struct errinfo reterr;
    listen_plan_free(&s->bound);
    s->bound = s->offered;
    s->offered = (struct listen_plan){0};
    enum err e = ERR_OK;
    if (s->bound.count != m->index) {
        e = err_set(&reterr, ERR_INVALID, "%u listeners were announced and %zu sent", m->index,
                    s->bound.count);
    } else {
        e = bind_plan(s, &s->bound, &reterr);
    }
    if (e != ERR_OK) {
        listen_plan_free(&s->bound);
        answer.kind = CHANNEL_PLAN_BAD;
        (void)snprintf(answer.text, sizeof(answer.text), "%s", reterr.text); /* longer than it */
    }
    channel_send(&c->channel, &answer, -1);
}

/* ---- telling the roles ---- */

static bool
loads(const struct child *c)
{
    return !c->is_demo && c->kind != ROLE_CONTROL;
}

static void
send_load(struct child *c)
{
    struct channel_message m = {.kind = CHANNEL_LOAD, .value = c->supervisor->version};
    channel_send(&c->channel, &m, c->supervisor->snapshot_fd);
}

static void
send_entry(struct child *c, const struct listen_entry *e, unsigned worker)
{
    struct channel_message m = {.kind = CHANNEL_LISTEN, .index = e->slot, .addr = e->addr};
    channel_send(&c->channel, &m, e->fds[worker]);
}

/* Is this worker's share of connections to be watched by the others? */
static bool
is_away(const struct child *c)
{
    return c->kind == ROLE_WORKER && !c->serving;
}

/* A worker gets its own socket of an entry, and those of the workers that are away. */
static void
send_share(struct child *c, const struct listen_entry *e)
{
    send_entry(c, e, c->index);
    CHILDREN_FOR(other, c->supervisor)
    {
        if (other != c && is_away(other)) {
            send_entry(c, e, other->index);
        }
    }
}

/* Sends the sockets of `plan` whose slot differs from `old`. */
static void
send_sockets(struct child *c, const struct listen_plan *plan, const struct listen_plan *old)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (!listen_plan_same(plan, old, plan->entries[i].slot)) {
            send_share(c, &plan->entries[i]);
        }
    }
}

static void
send_closed_slots(struct child *c, const struct listen_plan *plan, const struct listen_plan *old)
{
    bool sent[LIMIT_LISTENERS_MAX] = {false};
    for (size_t i = 0; i < old->count; i++) {
        uint32_t slot = old->entries[i].slot;
        if (!sent[slot] && !listen_plan_same(plan, old, slot)) {
            sent[slot] = true;
            channel_tell(&c->channel, CHANNEL_UNLISTEN, slot, 0);
        }
    }
}

/* A worker went away: the others watch its sockets until it is back. They are open here all the
 * while, so that what waits in them is neither lost nor reset. */
static void
share_out(struct child *away)
{
    struct supervisor *s = away->supervisor;
    away->serving = false;
    CHILDREN_FOR(c, s)
    {
        for (size_t i = 0; c != away && c->serving && i < s->plan.count; i++) {
            send_entry(c, &s->plan.entries[i], away->index);
        }
    }
}

/* A worker is back and watches its own sockets: the others begin anew without them, and so does it,
 * because who is away may have changed since it was told. */
static void
take_back(struct child *back)
{
    struct supervisor *s = back->supervisor;
    struct listen_plan none = {0};
    back->serving = true;
    CHILDREN_FOR(c, s)
    {
        if (c->serving) {
            send_closed_slots(c, &none, &s->plan);
            send_sockets(c, &s->plan, &none);
        }
    }
}

static void
note_serving(struct child *c, bool serving)
{
    if (c->kind != ROLE_WORKER || c->serving == serving || c->supervisor->stage != STAGE_RUN) {
        return;
    }
    if (serving) {
        take_back(c);
    } else {
        share_out(c);
    }
}

/* A listener's old sockets go before the new configuration and its new ones come after it: a worker
 * never accepts for a listener that it does not know. We hold every socket all the while. */
static void
send_change(struct child *c, const struct listen_plan *old)
{
    struct supervisor *s = c->supervisor;
    if (c->kind == ROLE_WORKER) {
        send_closed_slots(c, &s->plan, old);
    }
    send_load(c);
    if (c->kind == ROLE_WORKER) {
        send_sockets(c, &s->plan, old);
    }
}

static bool
take_snapshot(struct supervisor *s)
{
    int fd = open_file(s->state.fd, "snapshot.json", O_NOFOLLOW);
    if (fd < 0) {
        diag_error("cannot open the published snapshot: errno %d", errno);
        return false;
    }
    if (s->snapshot_fd >= 0) {
        (void)close(s->snapshot_fd); /* roles that still read it have their own */
    }
    s->snapshot_fd = fd;
    return true;
}

static void
on_published(struct child *c, const struct channel_message *m)
{
    struct supervisor *s = c->supervisor;
    if (m->value == 0 || !take_snapshot(s)) {
        child_signal(c, SIGKILL);
        return;
    }
    struct listen_plan old = s->plan;
    s->plan = s->bound;
    s->bound = (struct listen_plan){0};
    s->version = m->value;
    s->version_ordered_us = s->build.ordered_us;
    s->settled = false;
    s->told = false;
    CHILDREN_FOR(child, s)
    {
        if (loads(child) && child->ready) {
            send_change(child, &old);
        }
    }
    listen_plan_free(&old); /* the roles' copies are closed by UNLISTEN */
    diag_info("published configuration=%llu listeners=%zu", (unsigned long long)s->version,
              s->plan.count);
    build_over(s);
    config_settle(s);
}

/* ---- settling: every role has answered ---- */

static bool
waits_for(const struct supervisor *s, const struct child *c)
{
    if (c->is_demo) {
        return false;
    }
    if (!c->ready) {
        return !s->is_ready; /* later, a role that is down loads the version when it is back */
    }
    return loads(c) && s->version != 0 && (!c->answered_any || c->answered < s->version);
}

/* One sentence for all who refused; returns how many. */
static uint32_t
refusals(const struct supervisor *s, struct channel_message *m)
{
    uint32_t count = 0;
    CHILDREN_FOR(c, s)
    {
        if (loads(c) && c->ready && c->refused && c->answered == s->version) {
            if (count++ == 0) {
                (void)snprintf(m->text, sizeof(m->text), "the %s cannot use it: %.700s", c->title,
                               c->reason); /* a cut sentence will do */
            }
        }
    }
    return count;
}

static void
tell_control(struct supervisor *s, const struct channel_message *m)
{
    struct child *control = child_control(s);
    if (!s->told && s->version_ordered_us != 0 && control->ready) {
        channel_send(&control->channel, m, -1);
        s->told = true;
    }
}

void
config_settle(struct supervisor *s)
{
    if (s->stage != STAGE_RUN || (!s->is_ready && (s->build.wanted || s->build.running))) {
        return;
    }
    CHILDREN_FOR(c, s)
    {
        if (waits_for(s, c)) {
            return;
        }
    }
    struct channel_message m = {.kind = CHANNEL_SETTLED, .value = s->version_ordered_us};
    m.index = refusals(s, &m);
    tell_control(s, &m);
    if (s->settled) {
        return;
    }
    s->settled = true;
    if (s->is_ready) {
        return;
    }
    if (m.index > 0) {
        diag_error("nothing is served: %s", m.text);
        stop_begin(s, 1);
        return;
    }
    s->is_ready = true;
    ready_tell(s);
}

static void
on_answer(struct child *c, const struct channel_message *m)
{
    c->answered = m->value;
    c->answered_any = true;
    c->refused = m->kind == CHANNEL_REFUSED;
    (void)snprintf(c->reason, sizeof(c->reason), "%s", m->text); /* same size */
    note_serving(c, !c->refused);
    config_settle(c->supervisor);
}

/* ---- roles come and go ---- */

void
config_child_ready(struct child *c)
{
    struct supervisor *s = c->supervisor;
    struct listen_plan none = {0};
    if (c->kind == ROLE_CONTROL && s->build.wanted) {
        start_build(s);
    }
    if (loads(c) && s->version != 0) {
        send_change(c, &none);
    }
    config_settle(s);
}

void
config_child_died(struct child *c)
{
    struct supervisor *s = c->supervisor;
    c->answered_any = false;
    c->refused = false;
    note_serving(c, false);
    if (c->kind == ROLE_CONTROL) {
        listen_plan_free(&s->offered);
        listen_plan_free(&s->bound);
        if (s->build.running) { /* it did not get to an outcome: once more */
            s->build.running = false;
            s->build.wanted = true;
        }
    }
    config_settle(s); /* one less to wait for */
}

/* ---- messages ---- */

static bool
control_message(struct child *c, const struct channel_message *m)
{
    if (c->kind != ROLE_CONTROL || !c->supervisor->build.running) {
        return false; /* files are opened and ports bound for builds only */
    }
    switch ((enum channel_kind)m->kind) {
    case CHANNEL_OPEN: send_file(c, 0, m->text); return true;
    case CHANNEL_PLAN_ENTRY: on_plan_entry(c, m); return true;
    case CHANNEL_PLAN_END: on_plan_end(c, m); return true;
    case CHANNEL_PUBLISHED: on_published(c, m); return true;
    case CHANNEL_BUILD_BAD: on_build_bad(c); return true;
    case CHANNEL_DESCRIPTOR:
    case CHANNEL_BOOT:
    case CHANNEL_READY:
    case CHANNEL_FAILED:
    case CHANNEL_LOAD:
    case CHANNEL_LOADED:
    case CHANNEL_REFUSED:
    case CHANNEL_LEAVING:
    case CHANNEL_LISTEN:
    case CHANNEL_UNLISTEN:
    case CHANNEL_FILE:
    case CHANNEL_BUILD:
    case CHANNEL_PLAN_OK:
    case CHANNEL_PLAN_BAD:
    case CHANNEL_SETTLED:
    case CHANNEL_DRAIN:
    case CHANNEL_KIND_COUNT: break;
    }
    return false;
}

bool
config_message(struct child *c, const struct channel_message *m, int fd)
{
    ASSERT(fd < 0); /* no message of a role comes with one, see the table */
    if (m->kind == CHANNEL_LEAVING) {
        note_serving(c, false);
        return true;
    }
    if (m->kind == CHANNEL_LOADED || m->kind == CHANNEL_REFUSED) {
        on_answer(c, m);
        return true;
    }
    return control_message(c, m);
}

/* ---- a start without templates ---- */

enum err
config_resume(struct supervisor *s, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf text = {.max = LISTEN_FILE_MAX};
    struct listen_plan plan = {0};
    uint64_t version;
    TRY(file_load(s->state.fd, STATE_LISTEN_FILE, LISTEN_FILE_MAX, &text, reterr));
    TRY(listen_plan_parse(buf_str(&text), &plan, &version, reterr));
    enum err e = bind_plan(s, &plan, reterr);
    if (e == ERR_OK && !take_snapshot(s)) {
        e = err_set(reterr, ERR_NOT_FOUND, "there is a listen list and no snapshot beside it");
    }
    if (e != ERR_OK) {
        listen_plan_free(&plan);
        return e;
    }
    s->plan = plan;
    s->version = version;
    return ERR_OK;
}
