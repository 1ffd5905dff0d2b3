/* SPDX-License-Identifier: Apache-2.0
 * Processes: the supervisor and the frame that every role runs in. A role's own work is given as
 * `struct role_ops`; cli wires them together. The supervisor binds, starts, restarts and replaces;
 * it parses nothing.
 *
 * Start of a role: the supervisor makes a socketpair and executes its own binary again with the
 * role's name and descriptors; role_main() maps the board, opens what it was given, drops
 * privileges, lets the role warm up, enters the sandbox, says READY and turns the loop. */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "loop/loop.h"
#include "model/model.h"
#include "state/board.h"
#include "tls/tls.h"

enum role_kind {
    ROLE_SUPERVISOR,
    ROLE_CONTROL,
    ROLE_WORKER,
    ROLE_CHECKER,
    ROLE_SHIPPER,
    ROLE_COUNT
};

struct channel_message;

/* What a role is born with. Valid until the process ends. */
struct role_env {
    enum role_kind kind;
    unsigned index; /* worker number, else 0 */
    uint32_t generation;
    struct loop *loop;
    struct board *board;
    int state_dirfd;  /* STATE: control; -1 for others, they get the snapshot's descriptor */
    int keys_dirfd;   /* STATE/keys: control writes, workers read; -1 for others */
    int spool_dirfd;  /* workers and shipper */
    int bucket_dirfd; /* STATE/s3: shipper, control */
    int region_fds[LIMIT_WORKERS_MAX]; /* log regions: a worker has its own at [0], the shipper all
                                        */
    unsigned workers;
    const struct tls_ticket_keys *ticket_keys; /* workers; shared memory */
    const struct serve_options *options;
    struct channel *channel; /* to the supervisor */
    bool stop_ordered;       /* a drain was ordered by the supervisor, not forced by its death */
};

/* What a role does at each event; NULL where it does nothing. */
struct role_ops {
    const char *name;
    /* Before the sandbox closes: load libraries, open files. */
    enum err (*init)(struct role_env *env, void **ret_role, struct errinfo *reterr);
    /* A new configuration was published (or is there at start). The role takes a reference to keep
     * it. An error keeps the old one; it is reported. */
    enum err (*load)(void *role, struct model *m, struct errinfo *reterr);
    /* Workers: a listening socket for a listener and address arrives or goes. */
    void (*listen)(void *role, uint32_t listener_slot, int fd);
    void (*unlisten)(void *role, uint32_t listener_slot);
    void (*reload)(void *role); /* control: SIGHUP */
    void (*drain)(void *role,
                  uint64_t deadline_us); /* finish what runs; call role_finished when done */
    /* Messages that only this role knows (control's part of role/channel_messages.def). The
     * descriptor is the role's from now on; -1: none. */
    void (*message)(void *role, const struct channel_message *m, int fd);
};

/* Tells the frame that a drain is complete: the process ends with exit code 0. */
void role_finished(struct role_env *env);

/* The work of each role, by enum role_kind; NULL for the supervisor. Workers come from cli, because
 * this module must not know proxy. */
struct role_table {
    const struct role_ops *ops[ROLE_COUNT];
};
extern const struct role_ops control_ops; /* builds templates, publishes snapshots */
extern const struct role_ops checker_ops; /* health checks */
extern const struct role_ops shipper_ops; /* delivers access logs */

/* True when this process was executed by a supervisor to be a role: main() asks this first. */
bool role_is_child(void);
/* The life of a role; returns the process's exit code. */
int role_main(const struct role_table *table);

struct serve_options;
/* The life of the supervisor; argv are the options that `options` was parsed from. Returns the
 * exit code of `openalb serve`. */
int supervisor_run(const struct serve_options *options, int argc, char **argv);

/* Options of `openalb serve`, as every role sees them. */
struct serve_options {
    const char *state_dir;
    const char *account, *region, *domain, *user; /* user NULL: stay */
    unsigned workers;
    uint32_t log_interval_s;
    int log_level;
    const char **template_files; /* owned, for ever */
    size_t template_count;
    const char **parameters; /* owned, for ever: "NAME=VALUE" */
    size_t parameter_count;
    struct addr addresses[64];
    size_t address_count;
    bool demo;                    /* there are demo targets */
    struct addr demo_targets[16]; /* children `openalb demo-target` of the supervisor */
    size_t demo_target_count;
    int ready_fd; /* gets one JSON line when ready; -1: none */
    bool json;    /* the ready screen as one JSON line */
};

/* What control leaves in the state folder for people and for the next start. */
#define STATE_LISTEN_FILE "listen"      /* the flat listen list, see net/listen.h */
#define STATE_CA_FILE "ca.crt"          /* the root certificate, for clients */
#define STATE_RELOAD_FILE "reload.json" /* in STATE/run: the outcome of the last build */
