/* SPDX-License-Identifier: Apache-2.0
 * HTTP Strict Transport Security as clients really do it [RFC 6797]: the header field as the
 * standard and as three clients read it, the URL rule, and the files in which the current user's
 * browsers, curl and wget remember hosts. It asks for one name and its parents and never tells
 * another host's; it makes no connection and starts no browser. Everything is read-only except
 * hsts_remove().
 *
 * One question on its way:
 *
 *     char host[HSTS_NAME_MAX];
 *     TRY(hsts_name(STR("App.Example.com."), host, reterr));    "app.example.com"
 *     struct hsts_options o = {.now_s = clock_wall_us() / 1000000};
 *     struct hsts_found found;
 *     TRY(hsts_lookup(&o, str_of(host), &found, reterr));
 *     for each found.entries[i] with .applies: found.stores[entry.store] says which browser;
 *     hsts_covers(entry, port) says whether a URL with that port is changed;
 *     hsts_url(url, out) says into what.
 *     hsts_found_free(&found);
 *
 * crypto_init() comes before keys and lookups. Sentences are English message ids for tr(). Paths
 * and partition keys are bytes of strangers: escape them where they are shown. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"

/* ---- the header field; pure ---- */

enum hsts_result { HSTS_SET, HSTS_FORGET, HSTS_IGNORE };

/* Why a value is ignored: the first breach of the grammar. */
enum hsts_problem {
#define PROBLEM(name, text) HSTS_PROBLEM_##name,
#include "hsts/header_problems.def"
#undef PROBLEM
    HSTS_PROBLEM_COUNT
};

/* What one client makes of the field. The numbers are 0 and false unless result is HSTS_SET. */
struct hsts_reading {
    enum hsts_result result;
    uint64_t max_age_s; /* UINT64_MAX: larger than any number */
    bool include_subdomains;
};

struct hsts_header {
    enum hsts_result result; /* strictly by RFC 6797 */
    enum hsts_problem problem;
    const char *why;    /* msgid, static: one sentence for any result */
    uint64_t max_age_s; /* as written; UINT64_MAX: larger than any number */
    bool include_subdomains;
    bool preload;      /* asks for the preload list; means nothing to a client */
    bool curl_accepts; /* curl remembers the host although the RFC ignores the field */
    struct hsts_reading chromium, firefox, curl; /* as measured, hsts.md section 2 in the spec */
};

/* `value` without the field's name; any bytes. */
void hsts_header_parse(struct str value, struct hsts_header *ret);
/* Several fields of one response: only the first counts, but for curl, where the last does. With
 * none: HSTS_IGNORE, HSTS_PROBLEM_ABSENT. */
void hsts_headers_parse(const struct str *values, size_t count, struct hsts_header *ret);
const char *hsts_problem_text(enum hsts_problem problem); /* msgid, static */

/* ---- names ---- */

enum { HSTS_NAME_MAX = 254 /* with the NUL */ };

/* The form under which clients remember a host: lower case, punycode, no trailing dot.
 * ERR_UNSUPPORTED: an address, which no client remembers [RFC 6797 8.1.1]. ERR_INVALID: no host
 * name. */
enum err hsts_name(struct str host, char ret_name[static HSTS_NAME_MAX], struct errinfo *reterr)
    MUST_USE;
/* Chromium's key: base64 of SHA-256 over the DNS wire form of a name of hsts_name(). */
enum { HSTS_CHROMIUM_KEY = 45 /* with the NUL */ };
void hsts_chromium_key(struct str name, char ret_key[static HSTS_CHROMIUM_KEY]);

/* ---- URLs; pure ---- */

struct hsts_url {
    bool secure;          /* https; false: http */
    struct str authority; /* borrowed: "user@host:port" */
    struct str host;      /* borrowed; with brackets if it has them */
    struct str rest;      /* borrowed: path, query, fragment */
    uint16_t port;        /* the one that is used: written, else 80 or 443 */
    bool port_written;
};
/* http and https only; without a scheme it is http, as a user types it. */
enum err hsts_url_parse(struct str url, struct hsts_url *ret, struct errinfo *reterr) MUST_USE;
/* Appends what the URL becomes for a known host: https, port 80 becomes 443, any other written port
 * stays, none is added [RFC 6797 8.3]. False, and nothing appended: it is https already. */
bool hsts_url(const struct hsts_url *url, struct buf *out);
/* The port that is connected to after the change. */
uint16_t hsts_port(uint16_t http_port);

/* ---- what this user's clients remember ---- */

enum hsts_client { HSTS_CHROMIUM, HSTS_FIREFOX, HSTS_CURL, HSTS_WGET, HSTS_CLIENT_COUNT };
/* "chromium", "firefox", "curl", "wget"; static, not translated. */
const char *hsts_client_name(enum hsts_client client);

struct hsts_options {
    const char *home; /* borrowed; NULL: $HOME, else the user database */
    const char
        *config_home;    /* borrowed; NULL: $XDG_CONFIG_HOME (not with `home`), else HOME/.config */
    const char *profile; /* borrowed; NULL or "auto": all that are found; else one folder */
    const char *curl_file;    /* borrowed; NULL: none (curl has no default file) */
    const char *wget_file;    /* borrowed; NULL: HOME/.wget-hsts */
    const char *preload_file; /* borrowed; NULL: only the built-in top-level domains */
    uint64_t now_s;           /* wall clock, for what has expired */
};

/* How the reading of one file ended. */
enum hsts_store_state {
#define STORE_STATE(name, read, text) HSTS_STORE_##name,
#include "hsts/store_states.def"
#undef STORE_STATE
    HSTS_STORE_STATE_COUNT
};

/* Whether the browser of a profile runs: its file may then be old, and must not be changed. */
struct hsts_lock {
    bool held;
    bool foreign; /* held by another machine's process, as far as one can tell */
    int64_t pid;  /* 0: unknown */
    char *path;   /* owned: the lock; NULL when there is none */
};

struct hsts_format; /* private: how the file is read and rewritten */

struct hsts_store {
    enum hsts_client client;
    const struct hsts_format *format; /* static; NULL: nothing here can be rewritten */
    const char *browser; /* static: "Chromium", "Google Chrome", "Firefox", "curl", "wget" */
    char *profile;       /* owned: the profile's folder; NULL for curl and wget */
    char *file;          /* owned: the file that was read, or would be */
    enum hsts_store_state state;
    const char *what; /* msgid, static: the sentence of `state` */
    int error;        /* errno of HSTS_STORE_UNREADABLE, else 0 */
    uint64_t mtime_s; /* of the file; 0 when there is none */
    size_t damaged;   /* entries that could not be understood */
    bool https_only;  /* Chromium: "always use secure connections" is on, strictly [BRW-03] */
    struct hsts_lock lock;
};

enum hsts_entry_state {
    HSTS_ENTRY_SET,
    HSTS_ENTRY_UNSET,
    HSTS_ENTRY_KNOCKOUT,
    HSTS_ENTRY_NEGATIVE
};

struct hsts_entry {
    size_t store;     /* index in hsts_found.stores */
    const char *name; /* static in hsts_found: the asked name or a parent */
    bool is_parent;
    bool include_subdomains;
    enum hsts_entry_state state; /* Firefox; elsewhere SET, or UNSET for another mode */
    bool expired;
    bool applies;        /* the asked name is changed by this entry: for wget on `port` only */
    uint64_t observed_s; /* 0: the file does not say; Firefox: the day of the last use */
    uint64_t expiry_s;   /* UINT64_MAX: never */
    uint16_t port;       /* wget: of the http URL that is changed; 0: every port */
    char *partition;     /* owned: Firefox's origin attributes, "^..."; NULL: none */
};

struct hsts_preloaded {
    const char *name; /* static in hsts_found */
    bool is_parent;
    bool include_subdomains;
    bool applies;
    bool from_list; /* of the given file; false: of the built-in table */
};

struct hsts_found {
    char **names; /* owned: the asked name, then its parents up to the top-level domain */
    size_t name_count;
    struct hsts_store *stores; /* owned: every file that was looked for in a profile that exists */
    size_t store_count, store_cap;
    struct hsts_entry *entries; /* owned: of the asked name first */
    size_t entry_count, entry_cap;
    size_t entries_left_out;          /* over the limit */
    size_t profiles_left_out;         /* over the limit */
    struct hsts_preloaded *preloaded; /* owned */
    size_t preloaded_count, preloaded_cap;
    size_t preload_damaged; /* entries of the list that could not be understood */
};

/* `name` as hsts_name() gives it. Errors only for what was asked for by name: a --browser-profile
 * that is none (ERR_NOT_FOUND), a preload list that cannot be read. Everything else that cannot be
 * read is a store with its state. */
enum err hsts_lookup(const struct hsts_options *o, struct str name, struct hsts_found *ret,
                     struct errinfo *reterr) MUST_USE;
void hsts_found_free(struct hsts_found *f); /* also empties it; fit for AUTO */

/* False: the file is there and nobody can tell what is in it. */
bool hsts_store_usable(const struct hsts_store *s);
/* Is `http://name:port` changed by this entry? */
bool hsts_covers(const struct hsts_entry *e, uint16_t port);
/* The first entry of the client, of one store, that changes the URL; NULL: none does. */
const struct hsts_entry *hsts_deciding(const struct hsts_found *f, size_t store, uint16_t port);
/* The preloaded entry that changes the name in this store; NULL: none, or the client has no list,
 * or it knocked the entry out. */
const struct hsts_preloaded *hsts_deciding_preloaded(const struct hsts_found *f, size_t store);

/* ---- forgetting one host ---- */

enum hsts_removed {
    HSTS_NOT_THERE,
    HSTS_REMOVED, /* or would be, in a dry run */
    HSTS_RUNNING, /* refused: the browser runs */
    HSTS_CHANGED, /* refused: somebody wrote the file meanwhile */
};

struct hsts_removal {
    enum hsts_removed result;
    size_t count; /* entries that went */
    char *file;   /* owned: what was rewritten, links followed */
    char *backup; /* owned: the old file, beside it */
    struct hsts_lock lock;
};

struct hsts_remove_options {
    bool dry_run;
    uint64_t now_s; /* wall clock, for the backup's name */
    /* For tests: called when all is written, just before the last look at the file. */
    void (*before_rename)(void *data);
    void *data;
};

/* Takes every entry of exactly `name` out of the store's file: backup beside it, new file with the
 * same mode and owner, fsync, rename, fsync of the folder, read again. Nothing is changed on any
 * result but HSTS_REMOVED. */
enum err hsts_remove(const struct hsts_store *store, struct str name,
                     const struct hsts_remove_options *o, struct hsts_removal *ret,
                     struct errinfo *reterr) MUST_USE;
void hsts_removal_free(struct hsts_removal *r); /* fit for AUTO */
