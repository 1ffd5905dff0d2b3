/* SPDX-License-Identifier: Apache-2.0
 * Which files hold the logs: paths become a sorted list, and names tell which files to leave out.
 */
#include "query/source_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "text/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const uint64_t second_us = 1000000;

static enum err
path_errno(struct errinfo *reterr, const char *msgid, const char *path)
{
    int reason = errno;
    return text_err(reterr, reason == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, msgid,
                    TEXT_ARGS({"path", str_of(path)}, {"reason", str_of(strerror(reason))}));
}

/* ---- names ---- */

bool
file_is_log_name(struct str name)
{
    static const char *const ends[] = {".log", ".gz", ".txt"};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        if (str_ends(name, str_of(ends[i]))) {
            return true;
        }
    }
    struct log_object object;
    return str_find(name, STR(".log.open."), NULL) || /* our spool: it is being written */
           log_object_parse(name, &object);
}

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Intervals begin at midnight and divide the day: one that ends here is no longer than this. AWS's
 * have five minutes; ours are set by the operator. */
static uint64_t
longest_interval_us(uint64_t end_us)
{
    const uint64_t day_us = 86400 * second_us;
    return common_divisor(end_us % day_us, day_us);
}

/* False: its name shows that the file holds nothing that is wanted. */
static bool
name_is_wanted(const struct log_object *object, const struct query_wanted *wanted)
{
    const uint64_t margin_us = LIMIT_QUERY_NAME_MARGIN_S * second_us;
    if (wanted->kind >= 0 && (int)object->kind != wanted->kind) {
        return false;
    }
    if (object->end_us + margin_us < wanted->since_us) {
        return false;
    }
    uint64_t before_us = longest_interval_us(object->end_us) + margin_us;
    return wanted->until_us == 0 || object->end_us < wanted->until_us + before_us;
}

bool
query_file_is_wanted(const struct query_file *file, const struct query_wanted *wanted)
{
    return !file->named || name_is_wanted(&file->object, wanted);
}

/* ---- walking ---- */

struct level {
    DIR *dir;         /* owned */
    size_t path_size; /* of the path up to this folder */
};

struct walker {
    struct walk *walk;
    struct buf path;
    struct level levels[LIMIT_QUERY_FOLDER_DEPTH];
    size_t depth;
};

static void
walker_done(struct walker *w)
{
    while (w->depth > 0) {
        (void)closedir(w->levels[--w->depth].dir); /* it was only read */
    }
    buf_free(&w->path);
}

static void
path_cut(struct buf *path, size_t size)
{
    path->n = size;
    path->p[size] = '\0';
}

/* Goes down into the folder that the path names. `at`: descriptor of the one above. */
static enum err
walker_enter(struct walker *w, int at, const char *name, int flags, struct errinfo *reterr)
{
    if (w->depth == COUNT_OF(w->levels)) {
        return text_err(reterr, ERR_TOO_LARGE, N_("The folders at {path} are nested too deeply."),
                        TEXT_ARGS({"path", buf_str(&w->path)}));
    }
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        enum err e =
            path_errno(reterr, N_("The folder {path} cannot be read: {reason}."), w->path.p);
        if (fd >= 0) {
            (void)close(fd); /* it was only read */
        }
        return e;
    }
    w->levels[w->depth++] = (struct level){dir, w->path.n};
    return w->walk->folder == NULL ? ERR_OK : w->walk->folder(w->walk->context, w->path.p, reterr);
}

static enum err
walker_entry(struct walker *w, const char *name, struct errinfo *reterr)
{
    int at = dirfd(w->levels[w->depth - 1].dir);
    struct stat st;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT /* gone in the meantime */
                   ? ERR_OK
                   : path_errno(reterr, N_("The file {path} cannot be read: {reason}."), w->path.p);
    }
    if (S_ISDIR(st.st_mode)) {
        return walker_enter(w, at, name, O_NOFOLLOW, reterr);
    }
    if (!S_ISREG(st.st_mode) || !file_is_log_name(str_of(name))) {
        w->walk->others++;
        return ERR_OK;
    }
    return w->walk->file(w->walk->context, w->path.p, &st, reterr);
}

/* The next name of the deepest folder; leaves the folder when there is none. */
static enum err
walker_step(struct walker *w, struct errinfo *reterr)
{
    struct level *level = &w->levels[w->depth - 1];
    path_cut(&w->path, level->path_size);
    errno = 0;
    struct dirent *entry = readdir(level->dir);
    if (entry == NULL) {
        if (errno != 0) {
            return path_errno(reterr, N_("The folder {path} cannot be read: {reason}."), w->path.p);
        }
        (void)closedir(level->dir); /* it was only read */
        w->depth--;
        return ERR_OK;
    }
    struct str name = str_of(entry->d_name);
    if (str_eq(name, STR(".")) || str_eq(name, STR(".."))) {
        return ERR_OK;
    }
    if (w->path.p[w->path.n - 1] != '/') {
        buf_add_char(&w->path, '/');
    }
    buf_add_str(&w->path, name);
    return walker_entry(w, entry->d_name, reterr);
}

enum err
walk_folder(struct walk *walk, const char *path, struct errinfo *reterr)
{
    struct walker *w = xalloc(sizeof(*w));
    w->walk = walk;
    buf_add_z(&w->path, path);
    enum err e = walker_enter(w, AT_FDCWD, path, 0, reterr);
    while (e == ERR_OK && w->depth > 0) {
        e = walker_step(w, reterr);
    }
    walker_done(w);
    xfree(w);
    return e;
}

/* ---- the list ---- */

/* A file with what tells it from others; links and paths given twice lead to the same one. */
struct found {
    struct query_file file;
    dev_t dev;
    ino_t ino;
};

struct finder {
    const struct query_wanted *wanted;
    struct query_files *files; /* borrowed: the result, its items are filled at the end */
    struct found *items;
    size_t count, cap;
};

static void
file_done(struct query_file *file)
{
    xfree(file->path);
    file->path = NULL;
}

static void
finder_done(struct finder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        file_done(&f->items[i].file);
    }
    xfree(f->items);
}

static enum err
finder_add(struct finder *f, const char *path, const struct stat *st, struct errinfo *reterr)
{
    if (f->count == LIMIT_QUERY_FILES) {
        return text_err(reterr, ERR_TOO_LARGE,
                        N_("There are too many files; give a smaller folder or a time."), NULL, 0);
    }
    struct found *item = VEC_PUSH(f->items, f->count, f->cap);
    item->dev = st->st_dev;
    item->ino = st->st_ino;
    struct query_file *file = &item->file;
    file->path = xstrdup(path);
    file->named = log_object_parse(str_of(file->path), &file->object);
    file->bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    file->mtime_us =
        (uint64_t)MAX_OF(st->st_mtim.tv_sec, 0) * second_us + (uint64_t)st->st_mtim.tv_nsec / 1000;
    return ERR_OK;
}

/* A file of a folder: test objects and what its name rules out are only counted. */
static enum err
finder_walked(void *context, const char *path, const struct stat *st, struct errinfo *reterr)
{
    struct finder *f = context;
    struct log_object object;
    if (log_object_parse(str_of(path), &object)) {
        if (object.test_file) {
            f->files->test_files++;
            return ERR_OK;
        }
        if (!name_is_wanted(&object, f->wanted)) {
            f->files->skipped++;
            return ERR_OK;
        }
    }
    return finder_add(f, path, st, reterr);
}

static enum err
finder_stdin(struct finder *f, struct errinfo *reterr)
{
    struct stat st;
    if (fstat(STDIN_FILENO, &st) != 0) {
        return path_errno(reterr, N_("Standard input cannot be read: {reason}."), "-");
    }
    st.st_size = 0; /* it may be in the middle of a file */
    return finder_add(f, "-", &st, reterr);
}

static enum err
finder_path(struct finder *f, const char *path, struct errinfo *reterr)
{
    if (str_eq(str_of(path), STR("-"))) {
        return finder_stdin(f, reterr);
    }
    struct stat st;
    if (stat(path, &st) != 0) {
        return path_errno(reterr, N_("The file {path} cannot be read: {reason}."), path);
    }
    if (!S_ISDIR(st.st_mode)) {
        if (access(path, R_OK) != 0) {
            return path_errno(reterr, N_("The file {path} cannot be read: {reason}."), path);
        }
        struct log_object object;
        if (log_object_parse(str_of(path), &object) && object.test_file) {
            f->files->test_files++;
            return ERR_OK;
        }
        return finder_add(f, path, &st, reterr);
    }
    struct walk walk = {.context = f, .file = finder_walked};
    enum err e = walk_folder(&walk, path, reterr);
    f->files->others += walk.others;
    return e;
}

/* ---- order ---- */

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int
compare_identity(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    int order = ORDER(a->dev, b->dev);
    order = order != 0 ? order : ORDER(a->ino, b->ino);
    return order != 0 ? order : strcmp(a->file.path, b->file.path);
}

/* When its lines ended, as far as is known. */
static uint64_t
file_time(const struct query_file *file)
{
    return file->named ? file->object.end_us : file->mtime_us;
}

static int
compare_time(const void *left, const void *right)
{
    const struct query_file *a = &((const struct found *)left)->file;
    const struct query_file *b = &((const struct found *)right)->file;
    int order = ORDER(file_time(a), file_time(b));
    order = order != 0 ? order : ORDER(a->mtime_us, b->mtime_us);
    return order != 0 ? order : strcmp(a->path, b->path);
}

static void
finder_drop_doubles(struct finder *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct found *item = &f->items[i];
        if (kept > 0 && f->items[kept - 1].dev == item->dev &&
            f->items[kept - 1].ino == item->ino) {
            file_done(&item->file);
        } else {
            f->items[kept++] = *item;
        }
    }
    f->count = kept;
}

static void
finder_sort(struct finder *f)
{
    if (f->count > 0) {
        qsort(f->items, f->count, sizeof(*f->items), compare_identity);
        finder_drop_doubles(f);
        qsort(f->items, f->count, sizeof(*f->items), compare_time);
    }
}

/* Hands the list over. */
static void
finder_take(struct finder *f)
{
    struct query_files *files = f->files;
    files->cap = f->count;
    files->items = f->count == 0 ? NULL : xalloc(f->count * sizeof(*files->items));
    for (size_t i = 0; i < f->count; i++) {
        files->items[i] = f->items[i].file;
        files->bytes += f->items[i].file.bytes;
    }
    files->count = f->count;
    f->count = 0;
}

enum err
query_files_find(const struct str *paths, size_t count, const struct query_wanted *wanted,
                 struct query_files *ret_files, struct errinfo *reterr)
{
    static const struct query_wanted all = {.kind = -1};
    if (count == 0) {
        return text_err(reterr, ERR_INVALID, N_("No file or folder was given."), NULL, 0);
    }
    struct query_files files = {0};
    struct finder f = {.wanted = wanted == NULL ? &all : wanted, .files = &files};
    enum err e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        char *path = xstrdup_str(paths[i]);
        e = finder_path(&f, path, reterr);
        xfree(path);
    }
    if (e == ERR_OK) {
        finder_sort(&f);
        finder_take(&f);
        *ret_files = files;
    }
    finder_done(&f);
    return e;
}

void
query_files_free(struct query_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        file_done(&files->items[i]);
    }
    xfree(files->items);
    *files = (struct query_files){0};
}
