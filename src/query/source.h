/* SPDX-License-Identifier: Apache-2.0
 * Where log lines come from: files, folders in ALB's layout, standard input; plain or gzip. Paths
 * become a list of files, a file becomes blocks of whole lines in constant memory. What a line says
 * is the business of log/read.h, which lines are wanted that of query/filter.h. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "log/read.h"

/* ---- which files ---- */

/* One file, or a part of one. */
struct query_file {
    char *path;               /* owned; "-" is standard input */
    bool named;               /* `object` was found in the path, and points into it */
    struct log_object object; /* valid if named */
    uint64_t bytes;           /* on disk; 0 for standard input and what is no regular file */
    uint64_t mtime_us;
    uint64_t from, to; /* bytes of a plain file that are wanted; both 0: all of it. The lines that
                          begin in this range, wherever they end */
};
struct query_files {
    struct query_file *items; /* owned */
    size_t count, cap;
    uint64_t bytes;    /* of all */
    size_t skipped;    /* log files that the name rules out: outside of the time, another kind */
    size_t test_files; /* ELBAccessLogTestFile and its like */
    size_t others;     /* files in folders that are no logs */
};

struct query_wanted {
    uint64_t since_us, until_us; /* 0: open. Files whose name shows that they hold no line of this
                                    time are skipped; a margin of LIMIT_QUERY_NAME_MARGIN_S stays,
                                    since lines may be late */
    int kind;                    /* enum log_kind, or -1: any */
};

/* The files behind `paths` (a file, a folder, "-"), folders walked to the bottom without following
 * links out of them; sorted by the interval in the name, then by time of change, then by path. A
 * file that is named is taken whatever its name; in folders *.log, *.log.gz, *.gz, *.txt and ALB's
 * names are, and what our spool is writing (*.log.open.*). ERR_NOT_FOUND with the path in the
 * sentence when one does not exist or cannot be read (ERR_SYSTEM). No path: ERR_INVALID. */
enum err query_files_find(const struct str *paths, size_t count, const struct query_wanted *wanted,
                          struct query_files *ret_files, struct errinfo *reterr) MUST_USE;
void query_files_free(struct query_files *files);
/* False: the file's name shows that it holds no line that is wanted. */
bool query_file_is_wanted(const struct query_file *file, const struct query_wanted *wanted);

/* ---- what is in a file ---- */

struct query_stream;

/* Opens a file (or "-": standard input, once). gzip is recognised by its first bytes, whatever the
 * name says; concatenated members are one stream; what follows the last member as zeros is ignored.
 * Never waits on a FIFO or device other than standard input: those are refused. */
enum err query_stream_open(const struct query_file *file, struct query_stream **ret_stream,
                           struct errinfo *reterr) MUST_USE;
void query_stream_close(struct query_stream **stream);

struct query_block {
    const char *p; /* whole lines, each ended by '\n' (the last line of a file gets one); behind
                      them LOG_READ_PAD readable bytes; valid until the next call */
    size_t n;
    uint64_t offset; /* of its first byte in the (unpacked) file */
    uint64_t line;   /* number of its first line, from 1; 0: not known (a part of a file) */
};
/* The next block: IO_DONE, IO_EOF, or IO_FAIL with the sentence: the file cannot be read, its gzip
 * is damaged (what was unpacked before has been handed out), it unpacks to more than
 * LIMIT_QUERY_UNPACK_RATIO times its size and LIMIT_QUERY_UNPACK_FREE bytes. A line longer than
 * LIMIT_LOG_READ_LINE_MAX that does not fit its block is handed out cut, still longer than that, so
 * that it counts as LOG_FAULT_TOO_LONG where lines are split; its rest is dropped. The unfinished
 * last line of a file that fails is dropped, too. */
enum io query_stream_next(struct query_stream *stream, struct query_block *ret_block,
                          struct errinfo *reterr);
uint64_t query_stream_read_bytes(const struct query_stream *stream); /* on disk, so far */

/* ---- following ---- */

/* Files that grow: `tail`. Starts at the end of what is there (or at the last `lines` lines), then
 * hands out what is appended, goes on in the new file when the name is given to another one
 * (rotation), and takes in new files that appear in a followed folder, plain or gzip. Waits by
 * inotify, never by sleeping in a loop. */
struct query_follow;
enum err query_follow_open(const struct str *paths, size_t count, size_t lines,
                           struct query_follow **ret_follow, struct errinfo *reterr) MUST_USE;
/* Waits at most timeout_ms (-1: for ever). IO_AGAIN: nothing came, or a signal did. IO_FAIL with a
 * path: this one (compressed) file is damaged, and following may go on; without: it cannot. IO_EOF:
 * only standard input was followed, and it has ended. Blocks of the lines before following began
 * may be large; `line` is never known. The path is valid until the next call. */
enum io query_follow_next(struct query_follow *follow, int timeout_ms,
                          struct query_block *ret_block, const char **ret_path,
                          struct errinfo *reterr);
void query_follow_close(struct query_follow **follow);
