/* SPDX-License-Identifier: Apache-2.0
 * Inside hsts: the file formats as one table, and what their readers share. */
#pragma once

#include "hsts/hsts.h"

#include <sys/stat.h>

/* ---- one lookup ---- */

struct hsts_query {
    struct hsts_found *found;        /* borrowed: names are filled, stores and entries grow */
    char (*keys)[HSTS_CHROMIUM_KEY]; /* owned: one for each of found->names */
    uint64_t now_s;
};

/* Fills names and keys; `name` is one of hsts_name(). */
void hsts_query_init(struct hsts_query *q, struct hsts_found *found, struct str name,
                     uint64_t now_s);
void hsts_query_done(struct hsts_query *q);
/* Is this the asked name or a parent? Letter case and a trailing dot do not matter. */
bool hsts_query_finds(const struct hsts_query *q, struct str name, size_t *ret_index);
/* Adds an entry of names[index]: `made` says what the file says, the rest is worked out here. */
void hsts_query_add(struct hsts_query *q, size_t store, size_t index, struct hsts_entry made);

/* ---- formats ---- */

struct hsts_format {
    /* Adds the entries of the asked names and counts the damaged ones of the store. */
    enum hsts_store_state (*read)(struct hsts_query *q, size_t store, struct str bytes);
    /* Appends the text without the entries of exactly `name`; counts those. */
    enum err (*cut)(struct str bytes, struct str name, struct buf *out, size_t *ret_count,
                    struct errinfo *reterr);
};
extern const struct hsts_format hsts_chromium_format, hsts_firefox_bin_format,
    hsts_firefox_txt_format, hsts_curl_format, hsts_wget_format;

/* ---- pieces of them ---- */

/* Can the text be given to the JSON library? Not too deep, not too many values. */
bool hsts_json_bounded(struct str text);
/* Chromium's file `Preferences`: is the strict "always use secure connections" on? */
bool hsts_chromium_https_only(struct str preferences);
/* `profile` is an absolute path. Fills *ret; ret->path is owned. */
void hsts_chromium_lock(const char *profile, struct hsts_lock *ret);
void hsts_firefox_lock(const char *profile, struct hsts_lock *ret);
/* Looks again, just before a file is replaced. */
void hsts_store_lock(const struct hsts_store *store, struct hsts_lock *ret);

/* Next piece between blanks and tabs; false at the end. */
bool hsts_word(struct str *rest, struct str *ret_word);
/* Seconds of two numbers, the largest one when there is no room. */
uint64_t hsts_add_s(uint64_t a, uint64_t b);

/* Entries of a JSON preload list (Chromium's transport_security_state_static.json, with its
 * comments) for the asked names. `text` is changed: comments become blanks. */
enum err hsts_preload_read(struct hsts_query *q, char *text, size_t size, struct errinfo *reterr)
    MUST_USE;
/* Entries of the built-in table. */
void hsts_preload_builtin(struct hsts_query *q);

/* ---- files ---- */

/* Reads a regular file of at most `max` bytes; no other state than READ, ABSENT, UNREADABLE (with
 * *ret_error), NOT_REGULAR and TOO_LARGE. */
enum hsts_store_state hsts_file_read(const char *path, size_t max, struct buf *out,
                                     struct stat *ret_st, int *ret_error);
/* The same for an open descriptor. */
enum hsts_store_state hsts_fd_read(int fd, size_t max, struct buf *out, struct stat *ret_st,
                                   int *ret_error);
const char *hsts_store_state_text(enum hsts_store_state state);
void hsts_fd_close(const int *fd); /* for AUTO */

/* Adds a store for every profile and file that `o` names or that lies where clients keep them. */
enum err hsts_profiles_find(const struct hsts_options *o, struct hsts_found *found,
                            struct errinfo *reterr) MUST_USE;
