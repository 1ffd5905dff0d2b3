/* SPDX-License-Identifier: Apache-2.0
 * The tree of directives: its memory, its limits, and the files that it is read from. */
#include "webconf/webconf_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdalign.h>

/* ---- memory ---- */

enum { KEPT_BLOCK = 64 * 1024 };

struct kept {
    struct kept *next;
    size_t used, size;
    alignas(8) char bytes[];
};

void *
conf_alloc(struct webconf *c, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (c->kept == NULL || c->kept->size - c->kept->used < size) {
        size_t room = MAX_OF(size, (size_t)KEPT_BLOCK);
        struct kept *k = xalloc(sizeof(*k) + room);
        k->size = room;
        k->next = c->kept;
        c->kept = k;
    }
    void *p = c->kept->bytes + c->kept->used;
    c->kept->used += size;
    return p;
}

const char *
conf_dup_z(struct webconf *c, struct str s)
{
    char *p = conf_alloc(c, s.n + 1);
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    return p;
}

struct str
conf_dup(struct webconf *c, struct str s)
{
    return (struct str){conf_dup_z(c, s), s.n};
}

void
webconf_free(struct webconf **conf)
{
    struct webconf *c = *conf;
    *conf = NULL;
    if (c == NULL) {
        return;
    }
    for (struct source *s = c->sources; s != NULL; s = s->next) {
        buf_free(&s->bytes);
    }
    webconf_remarks_free(&c->remarks);
    xfree(c->defines);
    xfree(c->modules);
    xfree(c->servers);
    while (c->kept != NULL) {
        struct kept *next = c->kept->next;
        xfree(c->kept);
        c->kept = next;
    }
    xfree(c);
}

/* ---- remarks of reading ---- */

struct webconf_remark *
conf_remark(struct webconf *c, enum webconf_remark_kind kind, const struct source *src,
            unsigned line, struct str text)
{
    struct str file = src == NULL ? STR_NONE : str_of(src->path);
    for (size_t i = 0; i < c->remarks->count; i++) {
        struct webconf_remark *m = &c->remarks->items[i];
        if (m->kind == kind && m->line == line && str_eq(str_of(m->file), file)) {
            return m;
        }
    }
    if (c->remarks->count >= LIMIT_WEBCONF_REMARKS) {
        return &c->remarks->items[c->remarks->count - 1];
    }
    struct webconf_remark *m = webconf_remarks_add(c->remarks, kind, file, line,
                                                   str_sub(text, 0, LIMIT_WEBCONF_TEXT), STR_NONE);
    m->sure = true;
    return m;
}

/* A remark about a file, on the line that asked for it. */
static void
remark_on_file(struct webconf *c, enum webconf_remark_kind kind, const char *path,
               const struct directive *from)
{
    const struct source *src = from == NULL ? NULL : from->src;
    size_t before = c->remarks->count;
    struct webconf_remark *m = conf_remark(c, kind, src, from == NULL ? 0 : from->line,
                                           from == NULL ? STR_NONE : directive_text(from));
    if (c->remarks->count > before) {
        webconf_remark_arg(m, "name", str_of(path));
    }
}

static void
give_up(struct webconf *c, enum webconf_remark_kind kind, const struct source *src, unsigned line)
{
    if (!c->full) {
        (void)conf_remark(c, kind, src, line, STR_NONE);
    }
    c->full = true;
}

/* ---- directives ---- */

struct directive *
conf_add(struct webconf *c, struct directive *parent, const struct word *words, size_t count,
         const struct source *src)
{
    ASSERT(count > 0);
    if (c->full) {
        return NULL;
    }
    if (c->directive_count >= LIMIT_WEBCONF_DIRECTIVES ||
        count > LIMIT_WEBCONF_WORDS - c->word_count) {
        give_up(c, WEBCONF_REMARK_TOO_MUCH, src, words[0].line);
        return NULL;
    }
    c->directive_count++;
    c->word_count += count;
    struct directive *d = conf_alloc(c, sizeof(*d));
    struct word *args = conf_alloc(c, count * sizeof(*args));
    for (size_t i = 1; i < count; i++) {
        args[i - 1] = words[i];
    }
    *d = (struct directive){.name = words[0].s, .args = args, .argc = count - 1, .src = src};
    d->line = words[0].line;
    d->parent = parent;
    d->depth = parent->depth + 1;
    if (parent->last == NULL) {
        parent->children = d;
    } else {
        parent->last->next = d;
    }
    parent->last = d;
    return d;
}

struct str
directive_text(const struct directive *d)
{
    if (d->src == NULL) {
        return STR_NONE;
    }
    return str_sub(buf_str(&d->src->bytes), d->begin,
                   MIN_OF(d->end - d->begin, (size_t)LIMIT_WEBCONF_TEXT));
}

struct str
directive_arg(const struct directive *d, size_t index)
{
    return index < d->argc ? d->args[index].s : STR_NONE;
}

bool
directive_is(const struct directive *d, const char *name)
{
    return str_ieq(d->name, str_of(name));
}

const struct directive *
directive_child(const struct directive *block, const char *name)
{
    const struct directive *found = NULL;
    for (const struct directive *d = block->children; d != NULL; d = d->next) {
        if (directive_is(d, name)) {
            found = d;
        }
    }
    return found;
}

const struct directive *
directive_inherited(const struct directive *block, const char *name)
{
    for (; block != NULL; block = block->parent) {
        const struct directive *d = directive_child(block, name);
        if (d != NULL) {
            return d;
        }
    }
    return NULL;
}

/* ---- files ---- */

static const struct source *
source_find(const struct webconf *c, const char *path)
{
    for (const struct source *s = c->sources; s != NULL; s = s->next) {
        if (strcmp(s->path, path) == 0) {
            return s;
        }
    }
    return NULL;
}

/* Reads the file, or finds it among those that were read. NULL: a remark says why. */
static const struct source *
source_open(struct webconf *c, const char *path, const struct directive *from)
{
    const struct source *known = source_find(c, path);
    if (known != NULL) {
        return known;
    }
    if (c->source_count >= LIMIT_WEBCONF_FILES) {
        give_up(c, WEBCONF_REMARK_TOO_MANY_FILES, from == NULL ? NULL : from->src,
                from == NULL ? 0 : from->line);
        return NULL;
    }
    struct buf bytes = {.max = LIMIT_WEBCONF_FILE_BYTES + 1};
    enum err e = c->files.read(c->files.ctx, path, LIMIT_WEBCONF_FILE_BYTES, &bytes);
    if (e != ERR_OK || bytes.overflow) {
        bool large = e == ERR_TOO_LARGE || bytes.overflow;
        remark_on_file(c, large ? WEBCONF_REMARK_FILE_TOO_LARGE : WEBCONF_REMARK_FILE_UNREADABLE,
                       path, from);
        buf_free(&bytes);
        return NULL;
    }
    struct source *s = conf_alloc(c, sizeof(*s));
    *s = (struct source){.path = conf_dup_z(c, str_of(path)), .bytes = bytes, .next = c->sources};
    c->sources = s;
    c->source_count++;
    return s;
}

static bool
is_being_read(const struct webconf *c, const char *path)
{
    for (unsigned i = 0; i < c->stack_depth; i++) {
        if (strcmp(c->stack[i], path) == 0) {
            return true;
        }
    }
    return false;
}

bool
conf_spend(struct webconf *c, size_t bytes, const struct source *src, unsigned line)
{
    c->byte_count += bytes;
    if (c->byte_count > LIMIT_WEBCONF_BYTES) {
        give_up(c, WEBCONF_REMARK_TOO_MUCH, src, line);
    }
    return !c->full;
}

void
conf_read_file(struct webconf *c, const char *path, struct directive *parent,
               const struct directive *from)
{
    if (c->full) {
        return;
    }
    if (is_being_read(c, path)) {
        remark_on_file(c, WEBCONF_REMARK_INCLUDE_LOOP, path, from);
        return;
    }
    if (c->stack_depth == LIMIT_WEBCONF_INCLUDE_DEPTH) {
        remark_on_file(c, WEBCONF_REMARK_INCLUDE_TOO_DEEP, path, from);
        return;
    }
    const struct source *s = source_open(c, path, from);
    enum { FILE_COST = 64 }; /* an empty file is not free: it may be included without end */
    if (s == NULL || !conf_spend(c, s->bytes.n + FILE_COST, s, 0)) {
        return;
    }
    if (c->kind == WEBCONF_AUTO) {
        c->kind = conf_guess(buf_str(&s->bytes));
    }
    c->stack[c->stack_depth++] = s->path;
    if (c->kind == WEBCONF_NGINX) {
        nginx_parse(c, s, parent);
    } else if (c->kind == WEBCONF_APACHE) {
        apache_parse(c, s, parent);
    }
    c->stack_depth--;
}

/* What the pattern names, seen from `base` or from a few folders above it: a file of
 * sites-enabled/ may be named alone, its includes start from the folder of the main file. */
static void
find_included(struct webconf *c, struct str pattern, struct paths *ret)
{
    enum { FOLDERS_UP = 4 };
    struct str base = str_of(c->base);
    for (unsigned i = 0; i < FOLDERS_UP && ret->count == 0; i++) {
        const char *path = path_join(c, base, pattern);
        glob_expand(c, str_of(path), ret);
        struct str above = path_folder(base);
        if (c->whole || str_eq(above, base)) {
            break;
        }
        base = above;
    }
}

/* Does the pattern hold a wildcard? Then nginx does not mind that nothing fits. */
static bool
is_pattern(struct str s)
{
    return str_find_char(s, '*', NULL) || str_find_char(s, '?', NULL) ||
           str_find_char(s, '[', NULL);
}

/* An Apache include may name a folder: all that lies in it is read. */
static void
read_found(struct webconf *c, const char *path, struct directive *parent,
           const struct directive *from)
{
    if (c->files.look(c->files.ctx, path) != WEBCONF_FOLDER) {
        conf_read_file(c, path, parent, from);
        return;
    }
    struct paths inner = {0};
    if (c->kind == WEBCONF_APACHE) {
        folder_files(c, path, true, &inner);
    }
    for (size_t i = 0; i < inner.count && !c->full; i++) {
        conf_read_file(c, inner.items[i], parent, from);
    }
    paths_free(&inner);
}

void
conf_include(struct webconf *c, struct directive *parent, const struct directive *from,
             struct str pattern, bool optional)
{
    if (!conf_spend(c, pattern.n, from->src, from->line) || pattern.n == 0) {
        return;
    }
    struct paths found = {0};
    if (str_starts(pattern, STR("/"))) {
        bool rooted = c->root != NULL && !str_starts(pattern, str_of(c->root));
        const char *path = rooted ? path_join(c, str_of(c->root), pattern) : conf_dup_z(c, pattern);
        glob_expand(c, str_of(path), &found);
    } else {
        find_included(c, pattern, &found);
    }
    if (found.count == 0 && !optional && !(c->kind == WEBCONF_NGINX && is_pattern(pattern))) {
        remark_on_file(c, WEBCONF_REMARK_FILE_MISSING, conf_dup_z(c, pattern), from);
    }
    for (size_t i = 0; i < found.count && !c->full; i++) {
        read_found(c, found.items[i], parent, from);
    }
    paths_free(&found);
}
