/* SPDX-License-Identifier: Apache-2.0
 * What the files of this module share: escapes, object keys, safe walking of folders, the region's
 * slots and gzip. */
#pragma once

#include "base/limits.h"
#include "log/log.h"

#include <stdatomic.h>

/* ---- escape.c ---- */

/* The first byte that is written as itself: texts keep blanks, words do not. */
enum log_escape { LOG_ESCAPE_TEXT = 0x20, LOG_ESCAPE_WORD = 0x21 };

/* Escapes from the front of *rest to [p, limit) until one of them is used up, never cutting an
 * escape in two; what did not fit stays in *rest. Returns the new end. */
char *log_escape(char *p, const char *limit, struct str *rest, enum log_escape how);

/* ---- key.c ---- */

enum {
    LOG_PATH_MAX = 1536,       /* BUCKET/KEY with the suffix of an open file and NUL */
    LOG_PREFIX_MAX = 768,      /* S3 keys end at 1024 bytes, the rest of the key needs about 250 */
    LOG_PREFIX_DEPTH_MAX = 32, /* folders in a prefix */
    LOG_TREE_DEPTH_MAX = 48,   /* folders from the spool's root to a file */
    LOG_OPEN_SUFFIX_MAX = 32,  /* ".open.WORKER.GENERATION" */
};

/* What the configuration of a load balancer decides of its files' names. */
struct log_key {
    char folder[LOG_PREFIX_MAX +
                256]; /* BUCKET/[PREFIX/]AWSLogs/ACCOUNT/elasticloadbalancing/REGION */
    char stem[192];   /* ACCOUNT_elasticloadbalancing_REGION_app.NAME.ID */
};

/* False when a part is not legal or too long. */
bool log_key_make(const struct log_destination *d, struct str account, struct str region,
                  struct str log_id, struct log_key *ret_key) MUST_USE;

/* FOLDER/yyyy/mm/dd/STEM_END_NODE_RANDOM.log. The day is the day of the interval's end, so that the
 * key follows from the record's interval and not from the moment of delivery. END is
 * yyyymmddThhmmZ, or yyyymmddThhmmssZ where `seconds`. In an IPv6 node address ':' is written '.':
 * colons are legal in keys but trip tools that read HOST:PATH. */
struct log_file_name {
    uint64_t end_us;
    bool seconds;
    struct addr node;
    uint64_t random;
};
bool log_key_path(const struct log_key *k, const struct log_file_name *name,
                  char ret_path[static LOG_PATH_MAX]) MUST_USE;

/* End of the interval that holds this moment; intervals are counted from midnight UTC, the last one
 * of a day ends with it. */
uint64_t log_interval_end_us(uint64_t wall_us, uint32_t interval_s);

/* "X.log" is complete; "X.log.open.WORKER.GENERATION" is, or was, being written. */
struct log_file_kind {
    bool open;
    size_t final_n; /* length of "X.log" */
    unsigned worker;
    uint32_t generation;
};
bool log_file_kind(struct str name, struct log_file_kind *ret_kind) MUST_USE;

/* PATH.open.WORKER.GENERATION with a NUL. */
void log_open_name(struct out *o, const char *path, unsigned worker, uint32_t generation);

/* ---- tree.c: folders, one component at a time, no links, no "..", nothing outside the root ----
 */

/* Opens the folder that holds `path`; *ret_name is the last component. Missing folders are made
 * from the component number make_from on (TREE_MAKE_NONE: never). -1 and errno on failure. */
enum { TREE_MAKE_NONE = 1 << 30 };
int tree_open_parent(int root, const char *path, int make_from, mode_t mode, const char **ret_name);
/* Removes the folders above `path` that are empty, from the deepest up. */
void tree_prune(int root, const char *path);
/* Writes everything or fails; continues after a short write. */
bool tree_pwrite(int fd, const char *p, size_t n, uint64_t at);

/* ---- region.c: a worker's buffers and where their bytes go ---- */

enum {
    LOG_SLOTS_BYTES_ALIGN = 4096,
    LOG_FILE_BYTES_MAX =
        64 << 20, /* under load several files per interval, as ALB: each is delivered early */
};

/* Bytes [flushed, committed) of the file are in memory at buffer[offset - flushed]; those before
 * are in the file. Each change is one atomic store, so a process may die between any two
 * instructions and who comes after repeats the last write with the same result. */
struct log_head {
    _Atomic uint32_t open; /* 1: the rest is valid */
    uint32_t worker, generation;
    _Atomic uint64_t flushed, committed;
    char path[LOG_PATH_MAX]; /* in the spool, when complete */
};
struct log_region {
    char magic[8]; /* "OALBLOG1" */
    uint64_t bytes;
    struct log_head heads[LOG_SLOTS];
    _Alignas(LOG_SLOTS_BYTES_ALIGN) char buffers[LOG_SLOTS][LIMIT_LOG_BUFFER_BYTES];
};

enum err log_region_map(int fd, bool writable, struct log_region **ret_region,
                        struct errinfo *reterr) MUST_USE;
void log_region_unmap(struct log_region **region);

/* Slot views: the region, one slot of it and that slot's file. */
struct log_slot {
    struct log_region *region; /* borrowed */
    unsigned index;
    int spool_dirfd;
    int fd; /* owned; -1: not opened yet */
};
bool log_slot_is_open(const struct log_slot *s);
/* Could another process have written this? Checked before what it says is followed. */
bool log_slot_sound(const struct log_slot *s);
void log_slot_begin(struct log_slot *s, const char *path, unsigned worker, uint32_t generation);
size_t log_slot_pending(const struct log_slot *s);   /* bytes in memory */
uint64_t log_slot_flushed(const struct log_slot *s); /* bytes in the file */
uint64_t log_slot_bytes(const struct log_slot *s);   /* both */
size_t log_slot_room(const struct log_slot *s);
void log_slot_append(struct log_slot *s, struct str line); /* room was checked */
void log_slot_retract(struct log_slot *s, size_t n);       /* the last n bytes, still in memory */
/* Memory to file. False, errno, and nothing changed: try again. */
bool log_slot_flush(struct log_slot *s) MUST_USE;
/* Flush, rename to the final name, close. Again: false changes nothing. */
bool log_slot_complete(struct log_slot *s) MUST_USE;
/* Gives up the bytes in memory and lets the file end before them; how many records were lost. */
uint64_t log_slot_abandon(struct log_slot *s);

/* Closes the file and leaves the slot as it is for who comes after. */
void log_slot_detach(struct log_slot *s);
/* Forgets a slot that is not sound. */
void log_slot_reset(struct log_slot *s);

uint64_t log_count_lines(const char *p, size_t n);

/* ---- gzip.c ---- */

/* The first `bytes` of `from` as one gzip member to `to`, in constant memory. Equal input gives
 * equal output: no time, no name in the header. */
enum err log_gzip(int from, uint64_t bytes, int to, struct errinfo *reterr) MUST_USE;
