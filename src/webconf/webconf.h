/* SPDX-License-Identifier: Apache-2.0
 * Reads the configuration of nginx and Apache and says which of its lines break a site that stands
 * behind a load balancer.
 *
 * It is not a second nginx: it knows what a redirect, a port or a header setting does for the one
 * URL that was asked, and takes everything else as it comes. Nothing is run and nothing is sent.
 *
 * One pass: webconf_read() reads the file (or folder) and what it includes into a `struct webconf`;
 * what could not be read becomes a remark and the rest is read all the same. webconf_judge() works
 * out which virtual server answers the question, follows its redirects as if the load balancer had
 * sent `X-Forwarded-Proto: https`, and returns remarks: each with file, line, the line as it stands
 * and the lines that mend it. Remarks are plain data that outlive the configuration.
 *
 * Bytes of the files are never trusted as text: `text`, `corrected` and the arguments may hold
 * anything but NUL, reports escape them. Sentences are message ids for tr(), their {placeholders}
 * are filled from the arguments. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"

enum webconf_kind { WEBCONF_AUTO, WEBCONF_NGINX, WEBCONF_APACHE };
const char *webconf_kind_name(enum webconf_kind k); /* "nginx", "apache", "" */

/* ---- reading ---- */
enum webconf_entry { WEBCONF_NOTHING, WEBCONF_FILE, WEBCONF_FOLDER };

typedef void webconf_name_fn(void *ctx, const char *name);

/* How files are reached: the disk, or the memory of a test or fuzzer. */
struct webconf_files {
    enum webconf_entry (*look)(void *ctx, const char *path);
    /* The whole file; ERR_TOO_LARGE when it has more than `max` bytes, ERR_SYSTEM when it cannot be
     * opened or is no regular file. */
    enum err (*read)(void *ctx, const char *path, size_t max, struct buf *ret_bytes);
    /* Calls `each` for every name in the folder, in any order, without "." and "..". */
    enum err (*list)(void *ctx, const char *path, webconf_name_fn *each, void *each_ctx);
    void *ctx; /* borrowed */
};
extern const struct webconf_files webconf_disk;

struct webconf_options {
    const char *path;                  /* a file, or a folder such as /etc/nginx */
    enum webconf_kind kind;            /* WEBCONF_AUTO: by name and content */
    const char *root;                  /* put before absolute paths of includes; NULL: none */
    const struct webconf_files *files; /* NULL: webconf_disk */
};

struct webconf;

/* ERR_SYSTEM (cannot be read), ERR_INVALID (neither nginx nor Apache), with a translated sentence.
 */
enum err webconf_read(const struct webconf_options *o, struct webconf **ret_conf,
                      struct errinfo *reterr) MUST_USE;
void webconf_free(struct webconf **conf); /* NULL is fine */

/* ---- what was read ---- */
struct directive;

struct webconf_listen {
    struct str address; /* "" or "*": any; IPv6 without brackets; borrowed from the configuration */
    uint16_t port, port_last; /* equal but for a range of ports */
    bool ssl, http2, proxy_protocol, is_default;
    const char *file; /* borrowed */
    unsigned line;
    const struct directive *directive; /* borrowed; the reader's own */
};

struct webconf_server {
    const struct webconf_listen *listens; /* borrowed; may be none in a fragment */
    size_t listen_count;
    const struct str *names; /* server_name, or ServerName and ServerAlias; borrowed */
    size_t name_count;
    bool implied;     /* what stands outside every virtual server */
    const char *file; /* borrowed */
    unsigned line;
    const struct directive *directive; /* borrowed; the reader's own */
};

enum webconf_kind webconf_kind_of(const struct webconf *c);
size_t webconf_file_count(const struct webconf *c);
size_t webconf_server_count(const struct webconf *c);
const struct webconf_server *webconf_server_at(const struct webconf *c, size_t index);

/* ---- judging ---- */
enum webconf_speech { WEBCONF_SPEECH_UNKNOWN, WEBCONF_SPEECH_PLAIN, WEBCONF_SPEECH_TLS };

struct webconf_question {
    const char *host;                  /* as in the URL, lower case; NULL or "": unknown */
    bool https;                        /* the URL's scheme */
    uint16_t port;                     /* of the URL; 0: the scheme's own */
    uint16_t target_port;              /* where the load balancer sends to; 0: unknown */
    enum webconf_speech target_speech; /* what the load balancer speaks to that port */
};

enum webconf_remark_kind {
#define REMARK(name, weight, id, sentence, advice) WEBCONF_REMARK_##name,
#include "webconf/remarks.def"
#undef REMARK
    WEBCONF_REMARK_COUNT
};

enum webconf_weight {
    WEBCONF_NOTE,    /* worth knowing; or something that could not be read */
    WEBCONF_WARNING, /* wrong for some requests */
    WEBCONF_FAULT    /* breaks the URL that was asked, when `sure` */
};

enum { WEBCONF_ARGS_MAX = 6, WEBCONF_ARG_KEY = 16 };

struct webconf_arg {
    char key[WEBCONF_ARG_KEY];
    char *value; /* owned */
};

struct webconf_remark {
    enum webconf_remark_kind kind;
    enum webconf_weight weight;
    bool sure;       /* this line is run for the URL that was asked; false: it may be */
    char *file;      /* owned; "" when none */
    unsigned line;   /* from 1; 0: the whole file */
    char *text;      /* owned: the directive as it stands; "" when none */
    char *corrected; /* owned: lines ready to paste; "" when the cure is not a line here */
    struct webconf_arg args[WEBCONF_ARGS_MAX];
    size_t arg_count;
};

struct webconf_remarks {
    enum webconf_kind kind;
    size_t files, servers;        /* how many were read */
    struct webconf_remark *items; /* owned; faults first, then by file and line */
    size_t count, cap;
};

/* Never fails; the list is the caller's, its strings do not point into the configuration. */
struct webconf_remarks *webconf_judge(const struct webconf *c, const struct webconf_question *q);
void webconf_remarks_free(struct webconf_remarks **remarks); /* NULL is fine */

/* For saved diagnoses: an empty list, and one more remark in it. The strings are copied. */
struct webconf_remarks *webconf_remarks_new(enum webconf_kind kind);
struct webconf_remark *webconf_remarks_add(struct webconf_remarks *r, enum webconf_remark_kind kind,
                                           struct str file, unsigned line, struct str text,
                                           struct str corrected);
/* More than WEBCONF_ARGS_MAX, or a key that is too long: dropped. */
void webconf_remark_arg(struct webconf_remark *r, const char *key, struct str value);

const char *webconf_remark_name(enum webconf_remark_kind k); /* "REDIRECT_IGNORES_PROTO" */
bool webconf_remark_find(struct str name, enum webconf_remark_kind *ret_kind);
const char *webconf_remark_id(enum webconf_remark_kind k);       /* "RED-02"; "" when none */
const char *webconf_remark_sentence(enum webconf_remark_kind k); /* msgid: what is wrong */
const char *webconf_remark_advice(enum webconf_remark_kind k);   /* msgid: what to do */
const char *webconf_weight_name(enum webconf_weight w);          /* "note", "warning", "fault" */
