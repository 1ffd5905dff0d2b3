/* SPDX-License-Identifier: Apache-2.0
 * The supervisor's own parts: supervisor.c decides, supervisor_child.c starts and reaps processes,
 * supervisor_config.c carries a configuration from control to the others, supervisor_ready.c tells
 * people, supervisor_stop.c ends everything in order. */
#pragma once

#include "net/listen.h"
#include "role/channel.h"
#include "role/role_int.h"
#include "state/state_dir.h"

enum { SUPERVISOR_SECOND_US = 1000 * 1000 };

struct supervisor;

/* A process that the supervisor keeps alive: a role, or a demo target (kind ROLE_SUPERVISOR). */
struct child {
    struct supervisor *supervisor;
    enum role_kind kind;
    bool is_demo;
    unsigned index; /* of workers and demo targets */
    char title[32]; /* "worker 0" */
    pid_t pid;      /* 0: not running */
    uint64_t started_us;
    unsigned quick_deaths;
    unsigned deaths;
    struct timer restart;
    struct channel channel; /* roles; fd -1: none */
    struct loop_io io;
    bool ready;
    uint64_t answered; /* newest version it answered to, LOADED or REFUSED */
    bool answered_any;
    bool refused;
    bool serving;              /* workers: watches its own sockets; else the others do */
    char reason[CHANNEL_TEXT]; /* why */
};

/* Stages of the end, in order (supervisor_stop.c). */
enum stage {
    STAGE_RUN,
    STAGE_WORKERS,
    STAGE_SHIPPER,
    STAGE_REST,
    STAGE_TARGETS,
    STAGE_OVER,
};

/* What the operator asked control to build. */
struct build {
    bool wanted;  /* send it as soon as control is ready */
    bool running; /* control works on it */
    bool again;   /* asked for once more meanwhile */
    uint64_t ordered_us;
};

struct supervisor {
    const struct serve_options *options;
    const char *program; /* as it was called: what a user would type again */
    struct loop *loop;
    struct state_dir state;
    struct state_owner owner; /* who the roles are */
    bool drops;               /* we are root and the roles are not */
    int options_fd;
    int board_fd;
    struct board *board;
    int tickets_fd;
    struct tls_ticket_keys *tickets;
    int *region_fds;        /* owned: one per worker */
    struct child *children; /* owned: control, checker, shipper, workers, demo targets */
    size_t child_count;
    struct timer ticket_timer;

    struct listen_plan plan;    /* what is bound and told to the workers */
    struct listen_plan offered; /* entries that control sent, until PLAN_END */
    struct listen_plan bound;   /* bound for control, not published yet */
    uint64_t version;           /* published; 0: none */
    uint64_t version_ordered_us;
    int snapshot_fd; /* the published snapshot; -1: none */
    struct build build;
    bool settled; /* every role answered to the published version */
    bool told;    /* control knows that */

    bool is_ready; /* the ready screen was shown */
    bool had_terminal;
    enum stage stage;
    struct timer stage_timer;
    uint64_t interrupted_us; /* the first Ctrl-C; 0: none */
    int exit_code;
};

/* ---- supervisor_child.c ---- */
void child_init(struct supervisor *s, struct child *c, enum role_kind kind, unsigned index);
void demo_init(struct supervisor *s, struct child *c, unsigned index);
void child_start(struct child *c);
void child_signal(struct child *c, int signal_number);
/* Collects every process that ended. */
void children_reap(struct supervisor *s);
struct child *child_control(struct supervisor *s);
#define CHILDREN_FOR(c, s)                                                                         \
    for (struct child *c = (s)->children; c < (s)->children + (s)->child_count; c++)

/* ---- supervisor_config.c ---- */
/* Binds what the flat list of the last run names, for a start without templates. ERR_NOT_FOUND:
 * none. */
enum err config_resume(struct supervisor *s, struct errinfo *reterr) MUST_USE;
/* Asks control to build the templates, now or when it is ready. */
void config_build(struct supervisor *s);
void config_child_ready(struct child *c);
void config_child_died(struct child *c);
/* True when the message was one of a configuration's. Takes the descriptor then. */
bool config_message(struct child *c, const struct channel_message *m, int fd);
void config_settle(struct supervisor *s);

/* ---- supervisor_ready.c ---- */
void ready_tell(struct supervisor *s);
/* The screen and the line, apart from where they go. */
void ready_screen(const struct supervisor *s, bool colours, struct buf *out);
void ready_json(const struct supervisor *s, struct buf *out);

/* ---- supervisor_stop.c ---- */
void stop_begin(struct supervisor *s, int exit_code);
void stop_now(struct supervisor *s); /* a second Ctrl-C */
void stop_child_died(struct supervisor *s);
