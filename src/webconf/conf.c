/* SPDX-License-Identifier: Apache-2.0
 * Reading a configuration: finds the main file, guesses the syntax, lists the virtual servers. */
#include "webconf/webconf_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "text/text.h"

/* ---- which syntax ---- */

/* Words that begin a line in one of the two and never in the other. */
static const struct {
    const char *word;
    enum webconf_kind kind;
} telling[] = {{"server_name", WEBCONF_NGINX},    {"proxy_pass", WEBCONF_NGINX},
               {"http", WEBCONF_NGINX},           {"server", WEBCONF_NGINX},
               {"location", WEBCONF_NGINX},       {"events", WEBCONF_NGINX},
               {"upstream", WEBCONF_NGINX},       {"return", WEBCONF_NGINX},
               {"ServerName", WEBCONF_APACHE},    {"ServerRoot", WEBCONF_APACHE},
               {"DocumentRoot", WEBCONF_APACHE},  {"RewriteRule", WEBCONF_APACHE},
               {"RewriteEngine", WEBCONF_APACHE}, {"Redirect", WEBCONF_APACHE},
               {"LoadModule", WEBCONF_APACHE},    {"IncludeOptional", WEBCONF_APACHE},
               {"Listen", WEBCONF_APACHE},        {"SSLEngine", WEBCONF_APACHE},
               {"ProxyPass", WEBCONF_APACHE},     {"Include", WEBCONF_APACHE}};

static enum webconf_kind
guess_word(struct str line)
{
    size_t n = 0;
    while (n < line.n && (ascii_is_alnum(line.p[n]) || line.p[n] == '_')) {
        n++;
    }
    if (n < line.n && line.p[n] != ' ' && line.p[n] != '\t' && line.p[n] != '{') {
        return WEBCONF_AUTO;
    }
    for (size_t i = 0; i < COUNT_OF(telling); i++) {
        if (str_eq(str_sub(line, 0, n), str_of(telling[i].word))) {
            return telling[i].kind;
        }
    }
    return WEBCONF_AUTO;
}

static enum webconf_kind
guess_line(struct str line)
{
    if (line.n < 2 || line.p[0] == '#') {
        return WEBCONF_AUTO;
    }
    if (line.p[0] == '<' && (ascii_is_alpha(line.p[1]) || line.p[1] == '/')) {
        return WEBCONF_APACHE;
    }
    if (str_ends(line, STR(";")) || str_ends(line, STR("{"))) {
        return WEBCONF_NGINX;
    }
    return guess_word(line);
}

enum webconf_kind
conf_guess(struct str bytes)
{
    size_t votes[WEBCONF_APACHE + 1] = {0};
    bytes = str_sub(bytes, 0, LIMIT_WEBCONF_LINE);
    struct str line;
    while (str_cut(&bytes, '\n', &line)) {
        if (str_ends(line, STR("\r"))) {
            line.n--;
        }
        votes[guess_line(str_trim(line))]++;
    }
    if (votes[WEBCONF_NGINX] == votes[WEBCONF_APACHE]) {
        return WEBCONF_AUTO;
    }
    return votes[WEBCONF_NGINX] > votes[WEBCONF_APACHE] ? WEBCONF_NGINX : WEBCONF_APACHE;
}

/* ---- where to begin ---- */

static const struct {
    const char *name;
    enum webconf_kind kind;
    bool above; /* relative includes start from the folder above */
} main_files[] = {{"nginx.conf", WEBCONF_NGINX, false},
                  {"conf/nginx.conf", WEBCONF_NGINX, false},
                  {"apache2.conf", WEBCONF_APACHE, false},
                  {"httpd.conf", WEBCONF_APACHE, false},
                  {"conf/httpd.conf", WEBCONF_APACHE, true}};

/* Is this the name of a main file? Then its syntax is known and nothing stands outside it. */
static void
know_main_file(struct webconf *c, struct str path)
{
    for (size_t i = 0; i < COUNT_OF(main_files); i++) {
        struct str name = str_of(main_files[i].name);
        bool fits = str_eq(path, name) ||
                    (str_ends(path, name) && str_ends(str_sub(path, 0, path.n - name.n), STR("/")));
        if (!fits || (c->kind != WEBCONF_AUTO && c->kind != main_files[i].kind)) {
            continue;
        }
        c->kind = main_files[i].kind;
        c->whole = true;
        if (main_files[i].above) {
            c->base = conf_dup_z(c, path_folder(str_of(c->base)));
        }
    }
}

/* The main file of a folder; NULL: it has none. */
static const char *
main_file(struct webconf *c, struct str folder)
{
    for (size_t i = 0; i < COUNT_OF(main_files); i++) {
        if (c->kind != WEBCONF_AUTO && c->kind != main_files[i].kind) {
            continue;
        }
        const char *path = path_join(c, folder, str_of(main_files[i].name));
        if (c->files.look(c->files.ctx, path) == WEBCONF_FILE) {
            return path;
        }
    }
    return NULL;
}

static void
read_main(struct webconf *c, const char *path)
{
    c->base = conf_dup_z(c, path_folder(str_of(path)));
    know_main_file(c, str_of(path));
    conf_read_file(c, path, c->top, NULL);
}

static void
read_folder(struct webconf *c, const char *path)
{
    const char *first = main_file(c, str_of(path));
    if (first != NULL) {
        read_main(c, first);
        return;
    }
    c->base = conf_dup_z(c, str_of(path));
    struct paths found = {0};
    folder_files(c, path, false, &found);
    for (size_t i = 0; i < found.count && !c->full; i++) {
        conf_read_file(c, found.items[i], c->top, NULL);
    }
    paths_free(&found);
}

/* ---- virtual servers ---- */

struct webconf_server *
conf_add_server(struct webconf *c, const struct directive *block)
{
    struct webconf_server *s = VEC_PUSH(c->servers, c->server_count, c->server_cap);
    s->file = block->src == NULL ? "" : block->src->path;
    s->line = block->line;
    s->directive = block;
    return s;
}

enum webconf_kind
webconf_kind_of(const struct webconf *c)
{
    return c->kind;
}

size_t
webconf_file_count(const struct webconf *c)
{
    return c->source_count;
}

size_t
webconf_server_count(const struct webconf *c)
{
    return c->server_count;
}

const struct webconf_server *
webconf_server_at(const struct webconf *c, size_t index)
{
    ASSERT(index < c->server_count);
    return &c->servers[index];
}

/* ---- reading ---- */

static enum err
judge_reading(struct webconf *c, const struct webconf_options *o, struct errinfo *reterr)
{
    struct str path = str_of(o->path);
    if (c->source_count == 0) {
        return text_err(
            reterr, ERR_SYSTEM,
            "\"{path}\" cannot be read: it must be a file, or a folder with files, that this "
            "user may read.",
            TEXT_ARGS({"path", path}));
    }
    if (c->kind == WEBCONF_AUTO || c->directive_count == 0) {
        return text_err(reterr, ERR_INVALID,
                        "\"{path}\" holds no configuration of nginx or Apache.",
                        TEXT_ARGS({"path", path}));
    }
    return ERR_OK;
}

enum err
webconf_read(const struct webconf_options *o, struct webconf **ret_conf, struct errinfo *reterr)
{
    struct webconf *c = xalloc(sizeof(*c));
    c->files = o->files != NULL ? *o->files : webconf_disk;
    c->kind = o->kind;
    c->root = o->root != NULL ? conf_dup_z(c, str_of(o->root)) : NULL;
    c->remarks = webconf_remarks_new(WEBCONF_AUTO);
    c->top = conf_alloc(c, sizeof(*c->top));
    const char *path = conf_dup_z(c, str_of(o->path));
    if (c->files.look(c->files.ctx, path) == WEBCONF_FOLDER) {
        read_folder(c, path);
    } else {
        read_main(c, path);
    }
    enum err e = judge_reading(c, o, reterr);
    if (e != ERR_OK) {
        webconf_free(&c);
        return e;
    }
    if (c->kind == WEBCONF_NGINX) {
        nginx_servers(c);
    } else {
        apache_servers(c);
    }
    *ret_conf = c;
    return ERR_OK;
}
