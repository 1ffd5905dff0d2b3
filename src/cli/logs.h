/* SPDX-License-Identifier: Apache-2.0
 * `openalb logs`: what its files share. logs.c begins and helps, logs_options.c reads the command
 * line, logs_input.c finds and reads the lines, the other files are one group of verbs each. */
#pragma once

#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "query/filter.h"
#include "query/scan.h"
#include "query/source.h"
#include "text/text.h"

enum logs_verb_id {
#define VERB(NAME, name, run, arguments, help) LOGS_##NAME,
#include "cli/logs_verbs.def"
#undef VERB
    LOGS_VERB_COUNT
};

/* Sets of verbs. */
#define LOGS_VERB(NAME) (1u << LOGS_##NAME)
enum {
    LOGS_ALL = (1 << LOGS_VERB_COUNT) - 1,
    LOGS_READING = LOGS_ALL & ~(1 << LOGS_DDL),
    LOGS_LINES = 1 << LOGS_SHOW | 1 << LOGS_TAIL | 1 << LOGS_JSON | 1 << LOGS_CSV,
    LOGS_SUMS = 1 << LOGS_STATS | 1 << LOGS_REPORT | 1 << LOGS_WHY,
};

struct logs_command;

struct logs_verb {
    const char *name;
    int (*run)(struct logs_command *c);
    const char *arguments;
    const char *help; /* message id */
};

struct logs_span {
    const char *text; /* borrowed: as typed; NULL: not given */
    uint64_t from_us, to_us;
};

/* One command line. */
struct logs_command {
    const struct logs_verb *verb; /* NULL: none was named */
    enum logs_verb_id id;
    const char *arg;   /* borrowed: of report, sql, ddl, why; NULL: none */
    struct str *paths; /* owned; each borrowed from the command line */
    size_t path_count, path_cap;
    struct query_filter *filter; /* owned */
    struct buf filter_text;      /* owned: the filters as typed */
    uint64_t now_us;
    struct term term;
    int kind;       /* enum log_kind, or -1: any */
    uint64_t limit; /* UINT64_MAX: none */
    uint64_t lines; /* of tail */
    uint64_t by_us;
    struct logs_span spans[2];
    unsigned threads, top;
    bool damaged, all, json, quiet, help;
    const char *mode, *bucket, *account, *region, *from, *state, *color; /* borrowed; may be NULL */
    const char *program;                                                 /* argv[0] */
};

/* ---- logs_options.c ---- */

/* Reads the command line into *c, which logs_command_done() frees, also after an error. */
enum err logs_command_read(struct logs_command *c, int argc, char **argv, struct errinfo *reterr)
    MUST_USE;
void logs_command_done(struct logs_command *c);
/* The help of a verb, or of all where it is NULL; message text in the current language. */
void logs_help(const struct logs_verb *verb, struct buf *out);

/* ---- logs.c ---- */

const struct logs_verb *logs_verb(enum logs_verb_id id);
/* A sentence on standard error; returns `code`. */
int logs_fail(struct str sentence, int code);
/* A remark on standard error, unless --quiet. */
void logs_remark(const struct logs_command *c, struct str sentence);
/* Writes to standard output at once. A reader who is gone ends the process silently, as `cat` does;
 * any other fault ends it with EXIT_CLI_NOINPUT. */
void logs_write(struct buf *out);
/* The same, indented; takes the reference. */
void logs_write_json(json_t *json);
/* "40,000" */
void logs_add_number(struct buf *out, uint64_t n);

/* ---- logs_input.c ---- */

/* Where lines come from and how they are read. */
struct logs_input {
    struct logs_command *c;    /* borrowed */
    struct query_files files;  /* owned */
    struct scan_options scan;  /* ready for scan_run() */
    struct scan_counts counts; /* of the scan */
    struct progress progress;
    uint64_t began_us;
};

/* Finds the files and makes `scan` ready. `quietly`: nothing is found when no path is given (why
 * FILE:N). 0, or the exit code after the sentence was printed. */
int logs_input_open(struct logs_input *in, struct logs_command *c, bool quietly);
void logs_input_done(struct logs_input *in);
/* One pass; remarks on damaged lines behind it. 0, or the exit code. */
int logs_input_scan(struct logs_input *in, const struct scan_sink *sink, void *state);
/* 0 found, 1 nothing (which is remarked), 66 when no file could be read. */
int logs_input_code(const struct logs_input *in, bool found);
/* What is said behind a pass: damaged lines. */
void logs_input_remarks(const struct logs_input *in);

/* The paths to read: those of the command line, else those of the state folder (its bucket, and
 * what of the spool is not delivered yet). Owned by the caller: logs_paths_done(). */
struct logs_paths {
    struct str *items; /* owned, and the bytes, too, if `ours` */
    size_t count, cap;
    bool ours;
    char *state; /* owned: the state folder, if `ours` */
};
enum err logs_paths_find(const struct logs_command *c, struct logs_paths *ret_paths,
                         struct errinfo *reterr) MUST_USE;
void logs_paths_done(struct logs_paths *paths);

/* SIGINT sets this; a second one ends the process. */
extern volatile sig_atomic_t logs_stop;
void logs_catch_interrupt(void);

/* ---- the verbs ---- */
#define VERB(NAME, name, run, arguments, help) int run(struct logs_command *c);
#include "cli/logs_verbs.def"
#undef VERB

/* What --damaged does, for every verb but tail. */
int logs_list_damaged(struct logs_command *c);
