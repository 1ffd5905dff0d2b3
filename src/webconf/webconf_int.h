/* SPDX-License-Identifier: Apache-2.0
 * What the files of webconf share: the tree of directives, reading, three-valued evaluation. */
#pragma once

#include "webconf/webconf.h"

#include "base/limits.h"
#include "base/mem.h"

/* ---- the tree (tree.c) ---- */

/* A file that was read. */
struct source {
    const char *path; /* owned by the configuration */
    struct buf bytes; /* owned */
    struct source *next;
};

struct word {
    struct str s;
    unsigned line;
};

/* One directive, nginx's or Apache's; a block or section has children. Lives as long as the
 * configuration. */
struct directive {
    struct str name;
    const struct word *args;
    size_t argc;
    const struct source *src; /* NULL: the root */
    unsigned line;
    unsigned depth;    /* of nesting; the root is 0 */
    size_t begin, end; /* its own bytes in the file, children left out */
    bool block;
    struct directive *parent;
    struct directive *children, *last; /* in the order in which they are read */
    struct directive *next;
};

struct kept; /* a block of memory that lives as long as the configuration */

struct named {
    struct str name, value;
};

struct webconf {
    enum webconf_kind kind;
    struct webconf_files files;
    const char *root; /* owned by `kept`; NULL: none */
    const char *base; /* folder that relative includes start from */
    bool whole;       /* read from the main file: what is not here does not exist */
    struct directive *top;
    struct source *sources; /* owned, newest first */
    size_t source_count, directive_count, word_count, byte_count;
    bool full; /* a limit was reached and said; the rest is not read */
    const char *stack[LIMIT_WEBCONF_INCLUDE_DEPTH]; /* files being read */
    unsigned stack_depth;
    struct named *defines; /* owned: Apache's Define */
    size_t define_count, define_cap;
    struct str *modules; /* owned: names of Apache's LoadModule */
    size_t module_count, module_cap;
    struct webconf_server *servers; /* owned */
    size_t server_count, server_cap;
    struct webconf_listen *ports; /* kept: Apache's Listen; nginx has them in its servers */
    size_t port_count;
    struct webconf_remarks *remarks; /* owned: of reading */
    struct kept *kept;
};

void *conf_alloc(struct webconf *c, size_t size); /* zeroed, aligned to 8 */
struct str conf_dup(struct webconf *c, struct str s);
const char *conf_dup_z(struct webconf *c, struct str s);

/* A new last child. NULL: a limit is reached (said by a remark), nothing more is to be read. */
struct directive *conf_add(struct webconf *c, struct directive *parent, const struct word *words,
                           size_t count, const struct source *src);
struct str directive_text(const struct directive *d); /* its own bytes, cut to a limit */
struct str directive_arg(const struct directive *d, size_t index); /* "" when there is none */
bool directive_is(const struct directive *d, const char *name);    /* ASCII case folded */
/* The last child of that name, which is the one that counts; NULL: none. */
const struct directive *directive_child(const struct directive *block, const char *name);
/* The same in `block` or, if it has none, in what encloses it. */
const struct directive *directive_inherited(const struct directive *block, const char *name);

/* A remark about reading. `src` may be NULL. Returns it for its arguments. */
struct webconf_remark *conf_remark(struct webconf *c, enum webconf_remark_kind kind,
                                   const struct source *src, unsigned line, struct str text);

/* Counts bytes against the limit of the whole; false when there are none left (a remark says so).
 */
bool conf_spend(struct webconf *c, size_t bytes, const struct source *src, unsigned line);

/* Reads the file (once) and parses it under `parent`. A file that is missing is no remark when
 * `optional`. */
void conf_read_file(struct webconf *c, const char *path, struct directive *parent,
                    const struct directive *from);
/* Includes what `pattern` names (wildcards, or a folder for Apache). */
void conf_include(struct webconf *c, struct directive *parent, const struct directive *from,
                  struct str pattern, bool optional);

/* ---- paths (paths.c) ---- */
struct paths {
    const char **items; /* owned array of texts kept by the configuration */
    size_t count, cap;
};
void paths_free(struct paths *p);
bool glob_match(struct str pattern, struct str name);
/* Files and folders that an absolute or relative pattern names, sorted. */
void glob_expand(struct webconf *c, struct str pattern, struct paths *ret);
/* Files in a folder (and below, if `deep`), sorted, without hidden ones and editors' copies. */
void folder_files(struct webconf *c, const char *folder, bool deep, struct paths *ret);
struct str path_folder(struct str path);
const char *path_join(struct webconf *c, struct str folder, struct str rest);

/* ---- the two syntaxes ---- */
void nginx_parse(struct webconf *c, const struct source *src, struct directive *parent);
void apache_parse(struct webconf *c, const struct source *src, struct directive *parent);
void nginx_servers(struct webconf *c);
void apache_servers(struct webconf *c);
/* Which syntax the bytes are in; WEBCONF_AUTO when neither shows. */
enum webconf_kind conf_guess(struct str bytes);

/* Walks the children of an Apache section, those of <IfModule> and its like included; NULL begins
 * and ends. */
const struct directive *apache_next(const struct directive *block, const struct directive *d);
const struct directive *apache_child(const struct directive *block, const char *name);
/* The same in a virtual host, or outside of all. */
const struct directive *apache_inherited(const struct webconf *c, const struct directive *block,
                                         const char *name);
/* ServerName without scheme and port. */
struct str apache_bare_name(struct str name);

struct webconf_server *conf_add_server(struct webconf *c, const struct directive *block);

/* ---- three-valued evaluation (eval.c) ---- */
enum tri { TRI_NO, TRI_YES, TRI_UNKNOWN };

/* Stands in a value for a part that is not known here. */
#define UNKNOWN_PART "\001"
/* Stands for the path (and query) that was asked. */
#define ASKED_PATH "\002"
/* Stands for the host that was asked, when the question has none. */
#define ASKED_HOST "\003"

bool value_known(struct str value);
enum tri tri_not(enum tri t);
enum tri tri_and(enum tri a, enum tri b);
enum tri tri_or(enum tri a, enum tri b);
enum tri value_eq(struct str a, struct str b, bool fold);
/* Does the regular expression match? Unknown when it says more than can be said here. */
enum tri value_match(struct str value, struct str regex, bool fold);
/* Does it match every path? */
enum tri regex_takes_all(struct str regex, bool leading_slash);

/* Strings that live as long as one judgement. */
struct scratch {
    char **items; /* owned */
    size_t count, cap;
};
struct str scratch_take(struct scratch *s, struct buf *b); /* hands the text over */
void scratch_free(struct scratch *s);

/* ---- judging ---- */

/* Everything that one judgement carries around. */
struct judge {
    const struct webconf *c;
    const struct webconf_question *q;
    struct str host; /* asked, or ASKED_HOST */
    uint16_t port;   /* asked */
    struct scratch scratch;
    struct webconf_remarks *out;
    /* of the virtual server that is looked at: */
    const struct webconf_server *server;
    const struct directive *block;
    uint16_t server_port; /* where it is reached; 0: unknown */
    bool tls;             /* it speaks TLS there */
    bool tls_known;
    bool sure; /* it is the one that answers */
};

/* "FILE:LINE" of a directive, fit for a comment. */
struct str judge_place(struct judge *j, const struct directive *d);
/* A text that lives as long as the judgement; takes over `text` (of the heap). */
struct str scratch_keep(struct scratch *s, char *text);
#define judge_printf(j, ...) scratch_keep(&(j)->scratch, xprintf(__VA_ARGS__))

/* Adds a remark on a directive; twice the same (kind, file, line) is one. NULL: it was there. */
struct webconf_remark *judge_add(struct judge *j, enum webconf_remark_kind kind,
                                 const struct directive *d, struct str corrected, bool sure);
/* The same in another weight than the table's. */
struct webconf_remark *judge_add_as(struct judge *j, enum webconf_remark_kind kind,
                                    enum webconf_weight weight, const struct directive *d,
                                    struct str corrected, bool sure);
/* {key} of the sentence, with what is not known shown as "..."; `m` may be NULL. */
void judge_arg(struct webconf_remark *m, const char *key, struct str value);
/* The address of the server that takes this port; NULL: none. */
const struct webconf_listen *judge_listen(const struct webconf_server *s, uint16_t port);
/* Does the server bear the asked name, or does it answer only as the default? */
bool judge_bears_name(const struct judge *j, const struct webconf_server *s);
/* The asked host and port as a Host header has them: no port where it is the scheme's own. */
struct str judge_http_host(struct judge *j);
bool judge_port_is_custom(const struct judge *j);
/* Is `host` (of a Location, without port) the one that was asked? */
bool judge_same_host(const struct judge *j, struct str host);

/* A redirect, with its URL worked out for the question. */
struct redirect {
    const struct directive *d;
    struct str url;  /* worked out */
    bool keeps_path; /* taken for every path: it would be taken again */
    bool sure;
};

/* What a Location says. */
struct location {
    bool https, http; /* neither: no absolute URL */
    struct str host;
    uint16_t port; /* 0: none written */
    struct str path;
};
struct location location_of(struct str url);

enum redirect_fault { REDIRECT_FINE, REDIRECT_PLAIN, REDIRECT_LOOP, REDIRECT_PORT, REDIRECT_INNER };
/* The faults of a redirect as a set of bits (1 << enum redirect_fault). */
unsigned redirect_faults(const struct judge *j, const struct redirect *r);

/* What has been set so far on the way through a server's rewrite directives. */
enum { ENV_MAX = 32 };
struct env {
    struct named vars[ENV_MAX]; /* borrowed from the configuration and the scratch */
    size_t count;
    const char *capture;              /* what $1 stands for */
    bool maybe;                       /* it is not sure that these directives are run */
    bool in_location;                 /* and this location does not take every path */
    const struct directive *location; /* the one that is followed; NULL: the server itself */
};

/* nginx_values.c: a text of nginx's with its variables filled in, as far as they are known. */
struct str nginx_expand(struct judge *j, const struct env *e, struct str text);
enum tri nginx_condition(struct judge *j, const struct env *e, const struct directive *d);
/* nginx_rewrite.c: follows `return`, `rewrite`, `if`, `set` through server and locations. */
void nginx_follow(struct judge *j);
/* Lines that begin with where they belong, written so that it needs no translation: the map that
 * makes $real_scheme, for the http block, then "# FILE:LINE" for what replaces `d`. */
struct str nginx_with_map(struct judge *j, const struct directive *d, struct str line);
/* "server_name HOST;" for the server of the application; empty where the host is not known. */
struct str nginx_name_line(struct judge *j);
/* Would this redirect of nginx's own (slash at the end) name a wrong address? Its URL, or nothing.
 */
struct str nginx_slash_redirect(struct judge *j);
/* "listen ..." with or without `ssl`. */
struct str nginx_listen_line(struct judge *j, const struct directive *d, bool ssl);
void nginx_judge(struct judge *j);

/* apache_values.c: a text of Apache's with %{VARIABLES} filled in, as far as they are known;
 * `capture` is what $1 stands for. */
struct str apache_expand(struct judge *j, struct str text, const char *capture);
bool apache_has_flag(struct str flags, const char *flag); /* of "[R=301,L]" */
/* Does a condition hold: of RewriteCond; of <If>. */
enum tri apache_rewrite_cond(struct judge *j, const struct directive *d);
enum tri apache_expression(struct judge *j, struct str text);
/* Scheme, host and port of the redirects that Apache makes by itself, with `path`. */
struct str apache_own_url(struct judge *j, struct str path);
/* apache_rewrite.c: follows RewriteRule, Redirect and their conditions. */
void apache_follow(struct judge *j);
/* The ServerName that makes Apache's own redirects go to the asked address; empty: host not known.
 */
struct str apache_server_name_line(struct judge *j);
void apache_judge(struct judge *j);

/* max-age and includeSubDomains of a Strict-Transport-Security header that is set by `d`. */
void judge_hsts(struct judge *j, const struct directive *d, struct str value);
