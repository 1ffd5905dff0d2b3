/* SPDX-License-Identifier: Apache-2.0
 * One pass over many log files: opens, splits, filters, and hands each line to a sink; over several
 * threads where the sink can be split. Every verb of `openalb logs` and the virtual tables read
 * lines through this. */
#pragma once

#include "query/filter.h"
#include "query/source.h"

/* One line on its way. */
struct scan_line {
    struct log_line line; /* split; on a fault as far as that went */
    enum log_fault fault; /* LOG_FAULT_NONE, or why it is damaged */
    const char *path;     /* borrowed from the files */
    uint64_t number;      /* from 1; 0: not known (one file read by several threads) */
    uint64_t offset;      /* of its first byte in the unpacked file */
};

struct scan_sink {
    /* An empty state for another thread, or NULL function: one thread, lines in their order. All
       are forked from the first one before it has seen a line. */
    void *(*fork)(void *state);
    /* Adds a forked state to the first one and frees it. */
    void (*join)(void *state, void *forked);
    /* Each good line that passes the filter, and each damaged one if `damaged` is set below. False:
     * enough, the scan ends (without an error). Never called for two lines of one state at once. */
    bool (*line)(void *state, const struct scan_line *line);
};

struct scan_counts {
    uint64_t files, bytes;         /* bytes of text, unpacked */
    uint64_t bytes_read;           /* on disk */
    uint64_t lines;                /* all but empty ones */
    uint64_t good[LOG_KIND_COUNT]; /* by kind, before the filter */
    uint64_t passed;               /* the filter */
    uint64_t damaged[LOG_FAULT_COUNT];
    uint64_t new_fields;    /* good lines with more fields than the tables know */
    uint64_t foreign_files; /* other products' logs; not read further */
    uint64_t broken_files;  /* ended by an error (damaged gzip, read error) */
};

struct scan_options {
    const struct query_filter *filter; /* NULL: every line */
    unsigned threads;                  /* 0: one for each processor, at most LIMIT_SCAN_THREADS */
    bool damaged;                      /* hand damaged lines to the sink, too (they have no
                                          fields that can be relied on; the filter is not asked) */
    /* Told about four times a second from the calling thread; NULL: nobody asks. */
    void (*progress)(void *context, const struct scan_counts *so_far, uint64_t bytes_total);
    void *progress_context;
    /* One sentence for each file that is foreign or broken, as it is found (one thread at a time;
     * translated, terminal-safe); NULL: only counted. */
    void (*remark)(void *context, const char *path, const char *sentence);
    void *remark_context;
    const volatile sig_atomic_t *stop; /* set by a signal: the scan ends early; may be NULL */
};

/* Reads all files. The error of a file does not end the scan: it is counted and remarked. ERR_OK
 * also when nothing was found. `ret_counts` is always filled. */
enum err scan_run(const struct query_files *files, const struct scan_options *options,
                  const struct scan_sink *sink, void *state, struct scan_counts *ret_counts,
                  struct errinfo *reterr) MUST_USE;
