/* SPDX-License-Identifier: Apache-2.0
 * `openalb reload`: asks a running OpenALB to load its templates again and tells what came of it.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "role/role.h"
#include "state/file.h"
#include "state/state_dir.h"

enum { WAIT_S = 60, LOOK_AGAIN_MS = 1000, OUTCOME_BYTES_MAX = 1024 * 1024 };

static void
help(FILE *to)
{
    fprintf(to, "Usage: openalb reload [--state DIR]\n"
                "Loads the templates of the OpenALB that runs on this state folder again.\n"
                "Exit code 0: the new configuration is in use. 1: refused, the old one stays.\n");
}

/* The outcome of an order given at `asked_us` or later; NULL: not there yet. */
static json_t *
read_outcome(int run_dirfd, uint64_t asked_us)
{
    AUTO(buf_free) struct buf text = {0};
    if (file_load(run_dirfd, STATE_RELOAD_FILE, OUTCOME_BYTES_MAX, &text, NULL) != ERR_OK) {
        return NULL;
    }
    json_t *root = json_loadb(text.p == NULL ? "" : text.p, text.n, 0, NULL);
    json_int_t ordered = json_integer_value(json_object_get(root, "ordered_us"));
    if (root != NULL && ordered >= (json_int_t)asked_us) {
        return root;
    }
    json_decref(root);
    return NULL;
}

static bool
still_runs(int state_dirfd, pid_t pid)
{
    pid_t now;
    return state_dir_holder(state_dirfd, &now, NULL) == ERR_OK && now == pid;
}

static json_t *
wait_for_outcome(int state_dirfd, int run_dirfd, pid_t pid, uint64_t asked_us)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", run_dirfd); /* fits */
    (void)inotify_add_watch(watch, path, IN_MOVED_TO); /* without it we look every second */
    json_t *outcome = NULL;
    uint64_t end_us = asked_us + (uint64_t)WAIT_S * 1000 * 1000;
    while (clock_mono_us() < end_us) {
        outcome = read_outcome(run_dirfd, asked_us);
        if (outcome != NULL || !still_runs(state_dirfd, pid)) {
            break;
        }
        struct pollfd p = {.fd = watch, .events = POLLIN};
        char events[4096];
        if (poll(&p, 1, LOOK_AGAIN_MS) > 0) {
            ssize_t n = read(watch, events, sizeof(events));
            (void)n; /* that something happened is all we want to know */
        }
    }
    (void)close(watch); /* only asked */
    return outcome;
}

static int
tell_outcome(json_t *outcome)
{
    bool ok = json_is_true(json_object_get(outcome, "ok"));
    json_t *errors = json_object_get(outcome, "errors");
    size_t count = json_array_size(errors);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(errors, i));
        fprintf(stderr, "%s\n", text == NULL ? "?" : text);
    }
    if (ok) {
        printf("configuration %lld is in use\n",
               (long long)json_integer_value(json_object_get(outcome, "version")));
    } else {
        fprintf(stderr, "openalb reload: refused, the old configuration stays in use\n");
    }
    json_decref(outcome);
    return ok ? EXIT_OK : EXIT_FAULT;
}

static int
reload(const char *state, int state_dirfd, int run_dirfd)
{
    struct errinfo reterr;
    pid_t pid = 0;
    if (state_dir_holder(state_dirfd, &pid, &reterr) != ERR_OK) {
        fprintf(stderr, "openalb reload: %s\n", reterr.text);
        return EXIT_FAULT;
    }
    if (pid <= 0) {
        fprintf(stderr, "openalb reload: no OpenALB runs on the state folder '%s'\n", state);
        return EXIT_FAULT;
    }
    uint64_t asked_us = clock_mono_us();
    if (kill(pid, SIGHUP) != 0) {
        fprintf(stderr, "openalb reload: cannot signal process %d: %s\n", (int)pid,
                strerror(errno));
        return EXIT_FAULT;
    }
    json_t *outcome = wait_for_outcome(state_dirfd, run_dirfd, pid, asked_us);
    if (outcome != NULL) {
        return tell_outcome(outcome);
    }
    fprintf(stderr, still_runs(state_dirfd, pid)
                        ? "openalb reload: no outcome within 60 s; its messages say why\n"
                        : "openalb reload: OpenALB ended meanwhile\n");
    return EXIT_FAULT;
}

int
cmd_reload(int argc, char **argv)
{
    AUTO(xfree_ptr) char *standard = state_dir_default();
    const char *state = standard;
    for (int i = 1; i < argc; i++) {
        struct str word = str_of(argv[i]);
        if (str_eq(word, STR("--help")) || str_eq(word, STR("-h"))) {
            help(stdout);
            return EXIT_OK;
        }
        if (!str_eq(word, STR("--state")) || i + 1 == argc) {
            fprintf(stderr, "openalb reload: unexpected '%s'\n", argv[i]);
            help(stderr);
            return EXIT_USAGE;
        }
        state = argv[++i];
    }
    struct errinfo reterr;
    int state_dirfd;
    if (state_dir_look(state, &state_dirfd, &reterr) != ERR_OK) {
        fprintf(stderr, "openalb reload: %s\n", reterr.text);
        return EXIT_FAULT;
    }
    int run_dirfd = openat(state_dirfd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = EXIT_FAULT;
    if (run_dirfd < 0) {
        fprintf(stderr, "openalb reload: cannot open '%s/run': %s\n", state, strerror(errno));
    } else {
        code = reload(state, state_dirfd, run_dirfd);
        (void)close(run_dirfd); /* only read */
    }
    (void)close(state_dirfd); /* only read */
    return code;
}
