/* SPDX-License-Identifier: Apache-2.0
 * Paths of includes: wildcards, folders, and the disk they lie on. */
#include "webconf/webconf_int.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void
paths_free(struct paths *p)
{
    xfree(p->items);
    *p = (struct paths){0};
}

/* ---- wildcards ---- */

/* One "[...]" at the front of *pattern: does it hold `c`? False too where it is not closed. */
static bool
set_match(struct str *pattern, char c)
{
    struct str p = str_sub(*pattern, 1, SIZE_MAX);
    bool negated = p.n > 0 && (p.p[0] == '!' || p.p[0] == '^');
    p = str_sub(p, negated, SIZE_MAX);
    bool found = false;
    for (size_t i = 0; i < p.n; i++) {
        if (p.p[i] == ']' && i > 0) {
            *pattern = str_sub(p, i + 1, SIZE_MAX);
            return found != negated;
        }
        if (i + 2 < p.n && p.p[i + 1] == '-' && p.p[i + 2] != ']') {
            found = found || (c >= p.p[i] && c <= p.p[i + 2]);
            i += 2;
        } else {
            found = found || c == p.p[i];
        }
    }
    return false;
}

/* One character of `name` against the front of *pattern, which is taken off when it fits. */
static bool
char_match(struct str *pattern, char c)
{
    if (pattern->n == 0) {
        return false;
    }
    if (pattern->p[0] == '[') {
        return set_match(pattern, c);
    }
    bool escaped = pattern->p[0] == '\\' && pattern->n > 1;
    struct str at = str_sub(*pattern, escaped, SIZE_MAX);
    if (!escaped && at.p[0] == '?') {
        *pattern = str_sub(at, 1, SIZE_MAX);
        return true;
    }
    if (at.p[0] != c) {
        return false;
    }
    *pattern = str_sub(at, 1, SIZE_MAX);
    return true;
}

/* Only the last star is ever gone back to, so the work is bounded by the product of the lengths. */
bool
glob_match(struct str pattern, struct str name)
{
    struct str after_star = STR_NONE;
    size_t star_at = 0, i = 0;
    bool star = false;
    while (i < name.n) {
        struct str try = pattern;
        if (pattern.n > 0 && pattern.p[0] == '*') {
            pattern = str_sub(pattern, 1, SIZE_MAX);
            after_star = pattern;
            star_at = i;
            star = true;
        } else if (char_match(&try, name.p[i])) {
            pattern = try;
            i++;
        } else if (star) {
            i = ++star_at;
            pattern = after_star;
        } else {
            return false;
        }
    }
    while (pattern.n > 0 && pattern.p[0] == '*') {
        pattern = str_sub(pattern, 1, SIZE_MAX);
    }
    return pattern.n == 0;
}

static bool
is_wild(struct str s)
{
    return str_find_char(s, '*', NULL) || str_find_char(s, '?', NULL) ||
           str_find_char(s, '[', NULL);
}

/* ---- joining ---- */

struct str
path_folder(struct str path)
{
    size_t at = 0;
    if (!str_rfind_char(path, '/', &at)) {
        return STR(".");
    }
    return at == 0 ? STR("/") : str_sub(path, 0, at);
}

const char *
path_join(struct webconf *c, struct str folder, struct str rest)
{
    AUTO(buf_free) struct buf b = {0};
    buf_add_str(&b, folder);
    if (folder.n > 0 && !str_ends(folder, STR("/")) && !str_starts(rest, STR("/"))) {
        buf_add_char(&b, '/');
    }
    buf_add_str(&b, rest);
    return conf_dup_z(c, buf_str(&b));
}

/* ---- folders ---- */

/* What a name adds to the bytes of the configuration: a folder that is included over and over ends
 * at the same limit. */
enum { NAME_COST = 64 };

struct listing {
    struct webconf *c;
    struct str folder, pattern; /* pattern: empty for every name */
    struct paths *out;
    size_t seen;
};

static void
listing_add(void *ctx, const char *name)
{
    struct listing *l = ctx;
    struct str n = str_of(name);
    bool hidden = n.n == 0 || n.p[0] == '.';
    if (l->seen++ >= LIMIT_WEBCONF_NAMES || l->out->count >= LIMIT_WEBCONF_NAMES ||
        (hidden && !str_starts(l->pattern, STR(".")))) {
        return;
    }
    l->c->byte_count += NAME_COST;
    if (l->pattern.n > 0 ? glob_match(l->pattern, n) : !str_ends(n, STR("~"))) {
        *VEC_PUSH(l->out->items, l->out->count, l->out->cap) = path_join(l->c, l->folder, n);
    }
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in `folder` that fit, sorted, behind those that are in *ret. */
static void
list(struct webconf *c, struct str folder, struct str pattern, struct paths *ret)
{
    size_t first = ret->count;
    struct listing l = {.c = c, .folder = folder, .pattern = pattern, .out = ret};
    const char *path = folder.n == 0 ? "." : conf_dup_z(c, folder);
    if (c->files.list(c->files.ctx, path, listing_add, &l) != ERR_OK) {
        return;
    }
    if (ret->count > first) {
        qsort(&ret->items[first], ret->count - first, sizeof(*ret->items), by_text);
    }
}

/* `rest` of the pattern below `folder`, which has no wildcards any more. */
static void
expand_below(struct webconf *c, struct str folder, struct str rest, struct paths *ret)
{
    size_t slash = 0;
    while (rest.n > 0 && rest.p[0] == '/') {
        rest = str_sub(rest, 1, SIZE_MAX);
    }
    bool more = str_find_char(rest, '/', &slash);
    struct str piece = more ? str_sub(rest, 0, slash) : rest;
    struct paths found = {0};
    if (is_wild(piece)) {
        list(c, folder, piece, &found);
    } else {
        *VEC_PUSH(found.items, found.count, found.cap) = path_join(c, folder, piece);
    }
    for (size_t i = 0; i < found.count && ret->count < LIMIT_WEBCONF_NAMES; i++) {
        const char *path = found.items[i];
        if (more && (!is_wild(piece) || c->files.look(c->files.ctx, path) == WEBCONF_FOLDER)) {
            expand_below(c, str_of(path), str_sub(rest, slash + 1, SIZE_MAX), ret);
        } else if (!more && c->files.look(c->files.ctx, path) != WEBCONF_NOTHING) {
            *VEC_PUSH(ret->items, ret->count, ret->cap) = path;
        }
    }
    paths_free(&found);
}

enum { PATH_BYTES_MAX = 4096, PATH_WILD_MAX = 4 };

/* How many of its pieces are wild: each multiplies the folders that are looked at. */
static size_t
wild_pieces(struct str pattern)
{
    size_t count = 0;
    struct str piece;
    while (str_cut(&pattern, '/', &piece)) {
        count += is_wild(piece);
    }
    return count;
}

void
glob_expand(struct webconf *c, struct str pattern, struct paths *ret)
{
    if (pattern.n == 0 || pattern.n > PATH_BYTES_MAX || wild_pieces(pattern) > PATH_WILD_MAX) {
        return;
    }
    size_t wild = 0;
    while (wild < pattern.n && !is_wild(str_sub(pattern, wild, 1))) {
        wild++;
    }
    struct str folder = str_sub(pattern, 0, wild);
    size_t slash = 0;
    if (wild == pattern.n) {
        const char *path = conf_dup_z(c, pattern);
        if (c->files.look(c->files.ctx, path) != WEBCONF_NOTHING) {
            *VEC_PUSH(ret->items, ret->count, ret->cap) = path;
        }
        return;
    }
    size_t keep = str_rfind_char(folder, '/', &slash) ? slash + 1 : 0;
    expand_below(c, str_sub(pattern, 0, keep), str_sub(pattern, keep, SIZE_MAX), ret);
}

static void
folder_files_below(struct webconf *c, const char *folder, unsigned deeper, struct paths *ret)
{
    struct paths names = {0};
    list(c, str_of(folder), STR_NONE, &names);
    for (size_t i = 0; i < names.count && ret->count < LIMIT_WEBCONF_NAMES; i++) {
        enum webconf_entry what = c->files.look(c->files.ctx, names.items[i]);
        if (what == WEBCONF_FILE) {
            *VEC_PUSH(ret->items, ret->count, ret->cap) = names.items[i];
        } else if (what == WEBCONF_FOLDER && deeper > 0) {
            folder_files_below(c, names.items[i], deeper - 1, ret);
        }
    }
    paths_free(&names);
}

void
folder_files(struct webconf *c, const char *folder, bool deep, struct paths *ret)
{
    folder_files_below(c, folder, deep ? PATH_WILD_MAX : 0, ret);
}

/* ---- the disk ---- */

static enum webconf_entry
disk_look(void *ctx UNUSED, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        /* What may not be looked at is there all the same: reading it says so. */
        return errno == EACCES ? WEBCONF_FILE : WEBCONF_NOTHING;
    }
    return S_ISDIR(st.st_mode) ? WEBCONF_FOLDER : WEBCONF_FILE;
}

static enum err
read_fd(int fd, size_t max, struct buf *ret_bytes)
{
    char block[16 * 1024];
    for (;;) {
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? ERR_OK : ERR_SYSTEM;
        }
        if ((size_t)n > max - ret_bytes->n) {
            return ERR_TOO_LARGE;
        }
        buf_add(ret_bytes, block, (size_t)n);
    }
}

/* A pipe or device is refused: reading it might never end. */
static enum err
disk_read(void *ctx UNUSED, const char *path, size_t max, struct buf *ret_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    struct stat st;
    enum err e = ERR_SYSTEM;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        e = read_fd(fd, max, ret_bytes);
    }
    (void)close(fd); /* nothing was written */
    return e;
}

static enum err
disk_list(void *ctx UNUSED, const char *path, webconf_name_fn *each, void *each_ctx)
{
    DIR *d = opendir(path);
    if (d == NULL) {
        return ERR_SYSTEM;
    }
    for (size_t i = 0; i < LIMIT_WEBCONF_NAMES; i++) {
        const struct dirent *entry = readdir(d);
        if (entry == NULL) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            each(each_ctx, entry->d_name);
        }
    }
    (void)closedir(d); /* nothing was written */
    return ERR_OK;
}

const struct webconf_files webconf_disk = {.look = disk_look, .read = disk_read, .list = disk_list};
