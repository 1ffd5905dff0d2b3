/* SPDX-License-Identifier: Apache-2.0
 * What the files behind source.h and scan.h know of each other. */
#pragma once

#include "query/source.h"

#include <signal.h>
#include <sys/stat.h>

/* ---- walking folders (files.c) ---- */

/* What a walk meets. Paths are valid during the call only. */
struct walk {
    void *context;
    /* A regular file that may be a log, by its name; `others` is counted by the walk. */
    enum err (*file)(void *context, const char *path, const struct stat *st,
                     struct errinfo *reterr);
    /* A folder, before what is in it; may be NULL. */
    enum err (*folder)(void *context, const char *path, struct errinfo *reterr);
    size_t others; /* files and links that are left alone */
};

/* The folder itself, then all below, links not followed. */
enum err walk_folder(struct walk *w, const char *path, struct errinfo *reterr) MUST_USE;
/* Is this a name that logs in folders have? */
bool file_is_log_name(struct str name);

/* ---- unpacking ---- */

enum inflate_step {
    INFLATE_MORE, /* the input is used up, or the output full */
    INFLATE_END,  /* the last block is over; the input stands behind it */
    INFLATE_BAD,
};

enum { INFLATE_PUSHBACK = 16 }; /* bytes in front of the input that belong to it, too */

/* One way of inflating raw deflate streams. What stands around them (gzip) is in stream.c. */
struct inflate_ops {
    const char *name;
    void *(*open)(void);
    void (*close)(void *state);
    void (*reset)(void *state); /* for the next member */
    /* Moves *in and *out on. At the end *in may go back behind where it was given, by at most
     * INFLATE_PUSHBACK bytes of the call before, which must stand there. */
    enum inflate_step (*step)(void *state, const unsigned char **in, const unsigned char *in_end,
                              unsigned char **out, unsigned char *out_end);
    uint32_t (*crc)(uint32_t so_far, const unsigned char *p, size_t n); /* of gzip; begins with 0 */
};

extern const struct inflate_ops inflate_zlib;
#ifdef HAVE_ISAL
extern const struct inflate_ops inflate_isal;
#endif
/* The fastest one of this machine. */
const struct inflate_ops *inflate_best(void);

/* ---- streams ---- */

/* A stream may be used for many files, one after the other: its memory is dear. */
struct query_stream *stream_new(const struct inflate_ops *ops);
enum err stream_begin(struct query_stream *s, const struct query_file *file, struct errinfo *reterr)
    MUST_USE;
void stream_end(struct query_stream *s);
/* Is set by a signal: reading then ends as if the file had ended. May be NULL. */
void stream_stop(struct query_stream *s, const volatile sig_atomic_t *stop);
/* Whoever counts lines himself spares the stream from it: then `line` of blocks is 0. */
void stream_uncounted(struct query_stream *s);
/* query_stream_next returns IO_AGAIN when what is there now holds no whole line. */
void stream_live(struct query_stream *s);
/* After the first block. */
bool stream_is_gzip(const struct query_stream *s);
int stream_fd(const struct query_stream *s);

/* The last line end in p[0 .. n), or NULL. */
const char *last_line_end(const char *p, size_t n);
