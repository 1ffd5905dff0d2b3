/* SPDX-License-Identifier: Apache-2.0
 * Files that grow. Folders are watched, not files: so names that are given to new files, and files
 * that get new names, are seen. A file is known by its inode; what was read of it is an offset. */
#include "query/source_int.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    FOLLOW_MAGIC = 0x464f4c57,
    EVENT_BYTES = 64 * 1024,
    BACK_BYTES = 64 * 1024, /* read at once when looking back for lines */
    WATCHED = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR |
              IN_EXCL_UNLINK,
};

struct folder {
    char *path; /* owned; "" is the current one, where its name stands in no path */
    int watch;
    bool whole; /* all logs in it are followed; else only named ones */
};

/* A file that was given itself, whatever file has that name. */
struct name {
    int watch;  /* of its folder */
    char *base; /* owned */
};

struct followed {
    char *path; /* owned: its newest name */
    dev_t dev;
    ino_t ino;
    int fd; /* owned: of a named file, which may be renamed or removed; -1: opened when needed */
    uint64_t pos;  /* bytes that were handed out or are not wanted; of gzip: unpacked */
    bool placed;   /* `pos` is where a line begins */
    bool dropping; /* in the rest of a line that was too long */
    bool named;
    bool gzip;
    bool complete;      /* gzip: its writer closed it, or moved it here */
    bool dirty;         /* there may be something to read */
    bool removed;       /* its last name is gone: read to the end, then forgotten */
    struct buf backlog; /* owned: lines of before, handed out first */
};

struct query_follow {
    uint32_t magic;
    int inotify; /* owned */
    struct folder *folders;
    size_t folder_count, folder_cap;
    struct name *names; /* of files that were given themselves */
    size_t name_count, name_cap;
    struct followed *files; /* in the order of their time */
    size_t count, cap;
    size_t cursor;              /* no file before it is dirty */
    bool at_backlog;            /* the backlog of files[cursor] is with the caller */
    struct query_stream *gzip;  /* owned: the stream that unpacks; NULL until needed */
    size_t gzip_file;           /* which file it is in; SIZE_MAX: none */
    struct query_stream *input; /* owned: standard input; NULL: not followed, or over */
    bool input_ready;
    char *text; /* owned: one block */
};

/* ---- folders ---- */

static enum err
follow_errno(struct errinfo *reterr, const char *msgid, const char *path)
{
    const char *reason = strerror(errno);
    return text_err(reterr, ERR_SYSTEM, msgid,
                    TEXT_ARGS({"path", str_of(path)}, {"reason", str_of(reason)}));
}

static struct folder *
folder_by_watch(struct query_follow *f, int watch)
{
    for (size_t i = 0; i < f->folder_count; i++) {
        if (f->folders[i].watch == watch) {
            return &f->folders[i];
        }
    }
    return NULL;
}

static enum err
watch_folder(struct query_follow *f, const char *path, bool whole, int *ret_watch,
             struct errinfo *reterr)
{
    if (f->folder_count == LIMIT_QUERY_FOLLOW_FOLDERS) {
        return text_err(reterr, ERR_TOO_LARGE,
                        N_("There are too many folders to follow; give a smaller one."), NULL, 0);
    }
    int watch = inotify_add_watch(f->inotify, path[0] == '\0' ? "." : path, WATCHED);
    if (watch < 0) {
        return follow_errno(reterr, N_("The folder {path} cannot be followed: {reason}."), path);
    }
    *ret_watch = watch;
    struct folder *folder = folder_by_watch(f, watch);
    if (folder == NULL) {
        folder = VEC_PUSH(f->folders, f->folder_count, f->folder_cap);
        *folder = (struct folder){.path = xstrdup(path), .watch = watch, .whole = whole};
    } else if (whole && !folder->whole) {
        xfree(folder->path);
        folder->path = xstrdup(path);
        folder->whole = true;
    }
    return ERR_OK;
}

static enum err
watch_walked(void *context, const char *path, struct errinfo *reterr)
{
    int watch;
    return watch_folder(context, path, true, &watch, reterr);
}

/* ---- files ---- */

static void
followed_done(struct followed *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd); /* it was only read */
    }
    buf_free(&file->backlog);
    xfree(file->path);
}

static void
forget_file(struct query_follow *f, size_t i)
{
    if (f->gzip_file == i) {
        stream_end(f->gzip);
        f->gzip_file = SIZE_MAX;
    } else if (f->gzip_file != SIZE_MAX && f->gzip_file > i) {
        f->gzip_file--;
    }
    followed_done(&f->files[i]);
    memmove(&f->files[i], &f->files[i + 1], (f->count - i - 1) * sizeof(*f->files));
    f->count--;
    f->cursor = f->cursor > i ? f->cursor - 1 : f->cursor;
}

static void
mark_dirty(struct query_follow *f, size_t i)
{
    f->files[i].dirty = true;
    f->cursor = MIN_OF(f->cursor, i);
}

static size_t
file_by_inode(const struct query_follow *f, const struct stat *st)
{
    for (size_t i = f->count; i > 0; i--) {
        if (f->files[i - 1].ino == st->st_ino && f->files[i - 1].dev == st->st_dev) {
            return i - 1;
        }
    }
    return SIZE_MAX;
}

static bool
is_named(const struct query_follow *f, int watch, const char *base)
{
    for (size_t i = 0; i < f->name_count; i++) {
        if (f->names[i].watch == watch && str_eq(str_of(f->names[i].base), str_of(base))) {
            return true;
        }
    }
    return false;
}

static struct followed *
add_file(struct query_follow *f, const char *path, const struct stat *st, bool named)
{
    if (f->count == LIMIT_QUERY_FOLLOW_FILES) {
        forget_file(f, 0);
    }
    struct followed *file = VEC_PUSH(f->files, f->count, f->cap);
    *file = (struct followed){.path = xstrdup(path),
                              .dev = st->st_dev,
                              .ino = st->st_ino,
                              .placed = true,
                              .named = named};
    file->fd = named ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    return file;
}

static bool
is_test_file(const char *path)
{
    struct log_object object;
    return log_object_parse(str_of(path), &object) && object.test_file;
}

/* A file that appeared: all of it is new. */
static void
new_file(struct query_follow *f, const char *path, const struct stat *st, bool named)
{
    if (!is_test_file(path) && file_by_inode(f, st) == SIZE_MAX) {
        (void)add_file(f, path, st, named);
        mark_dirty(f, f->count - 1);
    }
}

static enum err
new_file_walked(void *context, const char *path, const struct stat *st, struct errinfo *reterr)
{
    (void)reterr; /* that a file cannot be read is said when it is read */
    new_file(context, path, st, false);
    return ERR_OK;
}

/* ---- events ---- */

static enum err
new_folder(struct query_follow *f, const char *path, struct errinfo *reterr)
{
    struct walk walk = {.context = f, .folder = watch_walked, .file = new_file_walked};
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return ERR_OK; /* gone again */
    }
    return walk_folder(&walk, path, reterr);
}

/* The name belongs to another file now (`st`), or to none (NULL): what had it is read to its end,
 * then forgotten, unless it turns up under another name. */
static void
name_lost(struct query_follow *f, const char *path, const struct stat *st)
{
    for (size_t i = 0; i < f->count; i++) {
        struct followed *file = &f->files[i];
        bool same = st != NULL && file->ino == st->st_ino && file->dev == st->st_dev;
        if (!same && str_eq(str_of(file->path), str_of(path))) {
            file->removed = true;
            mark_dirty(f, i);
        }
    }
}

static void
file_changed(struct query_follow *f, size_t i, const char *path, uint32_t mask)
{
    struct followed *file = &f->files[i];
    bool closed = (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
    if ((mask & (IN_MOVED_TO | IN_CREATE)) != 0 && !str_eq(str_of(file->path), str_of(path))) {
        xfree(file->path);
        file->path = xstrdup(path);
    }
    file->removed = false;
    file->complete = file->complete || closed;
    if (!file->gzip || closed) {
        mark_dirty(f, i);
    }
}

static char *
path_in(const struct folder *folder, const char *base)
{
    struct str path = str_of(folder->path);
    bool apart = path.n > 0 && !str_ends(path, STR("/"));
    return xprintf("%s%s%s", folder->path, apart ? "/" : "", base);
}

static enum err
take_event(struct query_follow *f, const struct inotify_event *event, struct errinfo *reterr)
{
    const struct folder *folder = folder_by_watch(f, event->wd);
    if (folder == NULL || event->len == 0) {
        return ERR_OK;
    }
    bool whole = folder->whole;
    char *path AUTO(xfree_ptr) = path_in(folder, event->name);
    if ((event->mask & IN_ISDIR) != 0) {
        bool appeared = (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0;
        return whole && appeared ? new_folder(f, path, reterr) : ERR_OK;
    }
    struct stat st;
    bool named = is_named(f, event->wd, event->name);
    if ((named ? stat(path, &st) : lstat(path, &st)) != 0 || !S_ISREG(st.st_mode)) {
        name_lost(f, path, NULL);
        return ERR_OK;
    }
    name_lost(f, path, &st);
    size_t i = file_by_inode(f, &st);
    if (i == SIZE_MAX && (named || (whole && file_is_log_name(str_of(event->name))))) {
        new_file(f, path, &st, named);
        i = file_by_inode(f, &st);
    }
    if (i != SIZE_MAX) {
        file_changed(f, i, path, event->mask);
    }
    return ERR_OK;
}

/* Events were lost: everything is looked at again. */
static enum err
rescan(struct query_follow *f, struct errinfo *reterr)
{
    for (size_t i = 0; i < f->count; i++) {
        f->files[i].complete = true;
        mark_dirty(f, i);
    }
    size_t count = f->folder_count;
    for (size_t i = 0; i < count; i++) {
        if (f->folders[i].whole) {
            TRY(new_folder(f, f->folders[i].path, reterr));
        }
    }
    for (size_t i = 0; i < f->name_count; i++) {
        struct stat st;
        const struct folder *folder = folder_by_watch(f, f->names[i].watch);
        char *path AUTO(xfree_ptr) = path_in(folder, f->names[i].base);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            new_file(f, path, &st, true);
        }
    }
    return ERR_OK;
}

/* All events that are there, before anything is read: a file that lost its name may have got
 * another one since. */
static enum err
take_events(struct query_follow *f, struct errinfo *reterr)
{
    _Alignas(struct inotify_event) char events[EVENT_BYTES];
    ssize_t n;
    while ((n = read(f->inotify, events, sizeof(events))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(events + at);
            TRY((event->mask & IN_Q_OVERFLOW) != 0 ? rescan(f, reterr)
                                                   : take_event(f, event, reterr));
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return follow_errno(reterr, N_("Files cannot be followed: {reason}."), "");
    }
    return ERR_OK;
}

/* ---- looking back ---- */

/* Offset of the line that is the `lines`th from the end of the first `size` bytes; 0 lines: of the
 * line that is not ended there. Counts the lines that it passes. */
static uint64_t
find_back(int fd, uint64_t size, size_t lines, size_t *ret_lines)
{
    char *chunk AUTO(xfree_ptr) = xalloc(BACK_BYTES);
    uint64_t at = size;
    uint64_t floor = size > LIMIT_QUERY_FOLLOW_BYTES ? size - LIMIT_QUERY_FOLLOW_BYTES : 0;
    size_t seen = 0;
    uint64_t begin = size;
    while (at > floor) {
        size_t want = (size_t)MIN_OF(at - floor, (uint64_t)BACK_BYTES);
        ssize_t got = pread(fd, chunk, want, (off_t)(at - want));
        if (got != (ssize_t)want) {
            break; /* cut short by its writer: what was found is right */
        }
        for (const char *end; (end = last_line_end(chunk, want)) != NULL;) {
            want = (size_t)(end - chunk);
            begin = at - (uint64_t)got + want + 1;
            if (seen++ == lines) {
                *ret_lines = lines;
                return begin;
            }
        }
        at -= (uint64_t)got;
    }
    *ret_lines = seen;
    return floor == 0 ? 0 : begin;
}

/* The last lines of what was unpacked so far stay. Returns how many there are. */
static size_t
keep_last_lines(struct buf *b, size_t lines)
{
    size_t n = b->n, seen = 0;
    size_t begin = 0;
    for (const char *end; (end = last_line_end(b->p, n)) != NULL;) {
        n = (size_t)(end - b->p);
        if (seen == lines || b->n - n > LIMIT_QUERY_FOLLOW_BYTES) {
            begin = n + 1;
            break;
        }
        seen++;
    }
    memmove(b->p, b->p + begin, b->n - begin);
    b->n -= begin;
    return seen;
}

static size_t
back_gzip(struct followed *file, size_t lines)
{
    struct query_stream *s AUTO(query_stream_close) = NULL;
    struct query_file source = {.path = file->path};
    struct query_block block;
    file->backlog.max = (size_t)3 * LIMIT_QUERY_FOLLOW_BYTES;
    if (query_stream_open(&source, &s, NULL) != ERR_OK) {
        return 0;
    }
    size_t found = 0;
    while (query_stream_next(s, &block, NULL) == IO_DONE) {
        buf_add(&file->backlog, block.p, block.n);
        file->pos = block.offset + block.n;
        if (file->backlog.n > LIMIT_QUERY_FOLLOW_BYTES) {
            (void)keep_last_lines(&file->backlog, lines);
        }
    }
    found = file->backlog.n == 0 ? 0 : keep_last_lines(&file->backlog, lines);
    static const char pad[LOG_READ_PAD];
    buf_add(&file->backlog, pad, sizeof(pad));
    file->backlog.n -= sizeof(pad);
    return found;
}

static bool
fd_is_gzip(int fd)
{
    unsigned char first[2] = {0};
    return pread(fd, first, sizeof(first), 0) == 2 && first[0] == 0x1f && first[1] == 0x8b;
}

/* Where following begins in a file that is there already: before its last lines. Returns how many
 * those are. */
static size_t
place_back(struct query_follow *f, size_t i, uint64_t size, size_t lines)
{
    struct followed *file = &f->files[i];
    file->pos = size;
    file->placed = false;
    int fd =
        file->fd >= 0 ? file->fd : open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return 0;
    }
    size_t found = 0;
    file->gzip = fd_is_gzip(fd);
    if (file->gzip) {
        file->pos = UINT64_MAX;
        found = lines == 0 ? 0 : back_gzip(file, lines);
    } else if (lines > 0) {
        file->pos = find_back(fd, size, lines, &found);
        file->placed = true;
    }
    if (found > 0) {
        mark_dirty(f, i);
    }
    if (file->fd < 0) {
        (void)close(fd); /* it was only read */
    }
    return found;
}

/* ---- reading ---- */

static void
hand_out(const struct followed *file, const char *p, size_t n, uint64_t offset,
         struct query_block *ret_block, const char **ret_path)
{
    *ret_path = file->path;
    *ret_block = (struct query_block){.p = p, .n = n, .offset = offset};
}

static enum io
read_backlog(struct query_follow *f, struct followed *file, struct query_block *ret_block,
             const char **ret_path)
{
    if (f->at_backlog) {
        f->at_backlog = false;
        buf_free(&file->backlog);
        return IO_AGAIN;
    }
    f->at_backlog = true;
    hand_out(file, file->backlog.p, file->backlog.n, 0, ret_block, ret_path);
    return IO_DONE;
}

/* The lines behind those that were handed out before. */
static enum io
read_gzip(struct query_follow *f, size_t i, struct query_block *ret_block, const char **ret_path,
          struct errinfo *reterr)
{
    struct followed *file = &f->files[i];
    struct query_file source = {.path = file->path};
    if (f->gzip == NULL) {
        f->gzip = stream_new(inflate_best());
    }
    if (f->gzip_file != i) {
        ASSERT(f->gzip_file == SIZE_MAX);
        if (stream_begin(f->gzip, &source, reterr) != ERR_OK) {
            return IO_EOF;
        }
        f->gzip_file = i;
    }
    struct query_block block;
    enum io io;
    while ((io = query_stream_next(f->gzip, &block, reterr)) == IO_DONE) {
        uint64_t end = block.offset + block.n;
        if (end > file->pos) {
            size_t skip = file->pos > block.offset ? (size_t)(file->pos - block.offset) : 0;
            file->pos = end;
            hand_out(file, block.p + skip, block.n - skip, block.offset + skip, ret_block,
                     ret_path);
            return IO_DONE;
        }
    }
    stream_end(f->gzip);
    f->gzip_file = SIZE_MAX;
    return io == IO_FAIL && file->complete ? IO_FAIL : IO_EOF;
}

/* The part of the text that is handed out: whole lines, or the beginning of one that is too long.
 * 0: nothing yet. Moves the position on. */
static size_t
take_lines(struct followed *file, char *text, size_t n)
{
    const char *end = last_line_end(text, n);
    if (end != NULL) {
        n = (size_t)(end + 1 - text);
        file->pos += n;
        return n;
    }
    if (n <= LIMIT_LOG_READ_LINE_MAX) {
        return 0;
    }
    file->pos += n;
    file->dropping = true;
    text[LIMIT_LOG_READ_LINE_MAX + 1] = '\n';
    return LIMIT_LOG_READ_LINE_MAX + 2;
}

/* Passes the rest of a line that was too long. False: it has not ended yet. */
static bool
pass_rest(struct followed *file, const char *text, size_t n)
{
    const char *end = memchr(text, '\n', n);
    file->pos += end == NULL ? n : (size_t)(end + 1 - text);
    file->dropping = end == NULL;
    return end != NULL;
}

static enum io
read_plain(struct query_follow *f, struct followed *file, int fd, struct query_block *ret_block,
           const char **ret_path)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_ino != file->ino || st.st_dev != file->dev) {
        return IO_EOF;
    }
    if ((uint64_t)st.st_size < file->pos) { /* emptied and begun again */
        file->pos = 0;
        file->placed = true;
        file->dropping = false;
    }
    if (!file->placed) {
        size_t lines = 0;
        file->pos = find_back(fd, file->pos, 0, &lines);
        file->placed = true;
    }
    for (;;) {
        ssize_t n = pread(fd, f->text, LIMIT_QUERY_BLOCK_BYTES, (off_t)file->pos);
        if (n <= 0) {
            return IO_EOF;
        }
        if (file->dropping) {
            (void)pass_rest(file, f->text, (size_t)n); /* the next read goes on behind it */
            continue;
        }
        uint64_t offset = file->pos;
        size_t taken = take_lines(file, f->text, (size_t)n);
        if (taken == 0) {
            return IO_EOF;
        }
        hand_out(file, f->text, taken, offset, ret_block, ret_path);
        return IO_DONE;
    }
}

/* IO_DONE: a block; IO_EOF: nothing more for now; IO_AGAIN: ask again. */
static enum io
read_file(struct query_follow *f, size_t i, struct query_block *ret_block, const char **ret_path,
          struct errinfo *reterr)
{
    struct followed *file = &f->files[i];
    if (file->backlog.n > 0) {
        return read_backlog(f, file, ret_block, ret_path);
    }
    int fd =
        file->fd >= 0 ? file->fd : open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return IO_EOF;
    }
    file->gzip = file->gzip || (file->pos == 0 && fd_is_gzip(fd));
    enum io io = file->gzip ? read_gzip(f, i, ret_block, ret_path, reterr)
                            : read_plain(f, file, fd, ret_block, ret_path);
    if (file->fd < 0) {
        (void)close(fd); /* it was only read */
    }
    return io;
}

/* The next block of all files that may hold something. IO_EOF: none does. */
static enum io
read_files(struct query_follow *f, struct query_block *ret_block, const char **ret_path,
           struct errinfo *reterr)
{
    while (f->cursor < f->count) {
        struct followed *file = &f->files[f->cursor];
        enum io io = file->dirty ? read_file(f, f->cursor, ret_block, ret_path, reterr) : IO_EOF;
        if (io == IO_DONE) {
            return io;
        }
        if (io == IO_AGAIN) {
            continue;
        }
        file->dirty = false;
        if (io == IO_FAIL) {
            hand_out(file, NULL, 0, 0, ret_block, ret_path);
            return io;
        }
        if (file->removed) {
            forget_file(f, f->cursor);
        } else {
            f->cursor++;
        }
    }
    return IO_EOF;
}

/* ---- opening ---- */

/* A named file: its folder is watched for what gets its name. */
static enum err
follow_name(struct query_follow *f, const char *path, struct errinfo *reterr)
{
    struct str whole = str_of(path);
    size_t slash = 0;
    bool has_folder = str_rfind_char(whole, '/', &slash);
    char *folder AUTO(xfree_ptr) =
        xstrdup_str(has_folder ? str_sub(whole, 0, MAX_OF(slash, (size_t)1)) : STR(""));
    struct name name = {0};
    TRY(watch_folder(f, folder, false, &name.watch, reterr));
    name.base = xstrdup_str(has_folder ? str_sub(whole, slash + 1, SIZE_MAX) : whole);
    *VEC_PUSH(f->names, f->name_count, f->name_cap) = name;
    return ERR_OK;
}

static enum err
follow_input(struct query_follow *f, struct errinfo *reterr)
{
    char path[] = "-";
    const struct query_file file = {.path = path};
    if (f->input != NULL) {
        return ERR_OK;
    }
    f->input = stream_new(inflate_best());
    stream_live(f->input);
    return stream_begin(f->input, &file, reterr);
}

/* Files that are there when following begins are found in their order, later. */
static enum err
leave_file(void *context, const char *path, const struct stat *st, struct errinfo *reterr)
{
    (void)context;
    (void)path;
    (void)st;
    (void)reterr;
    return ERR_OK;
}

static enum err
follow_path(struct query_follow *f, const char *path, struct errinfo *reterr)
{
    struct stat st;
    if (str_eq(str_of(path), STR("-"))) {
        return follow_input(f, reterr);
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        struct walk walk = {.context = f, .folder = watch_walked, .file = leave_file};
        return walk_folder(&walk, path, reterr);
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return text_err(reterr, ERR_INVALID,
                        N_("{path} is no regular file; give - to read standard input."),
                        TEXT_ARGS({"path", str_of(path)}));
    }
    return follow_name(f, path, reterr); /* the finder says when it does not exist */
}

static bool
is_given(const struct str *paths, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(paths[i], str_of(path))) {
            return true;
        }
    }
    return false;
}

/* What is there already, oldest first; the last lines of all are wanted, so it is looked at from
 * the newest on. */
static void
follow_found(struct query_follow *f, const struct query_files *files, const struct str *paths,
             size_t count, size_t lines)
{
    for (size_t i = 0; i < files->count; i++) {
        struct stat st;
        const char *path = files->items[i].path;
        if (!str_eq(str_of(path), STR("-")) && stat(path, &st) == 0) {
            (void)add_file(f, path, &st, is_given(paths, count, path));
            f->files[f->count - 1].pos = (uint64_t)st.st_size;
        }
    }
    f->cursor = f->count;
    for (size_t i = f->count; i > 0; i--) {
        size_t found = place_back(f, i - 1, f->files[i - 1].pos, lines);
        lines -= MIN_OF(lines, found);
    }
}

enum err
query_follow_open(const struct str *paths, size_t count, size_t lines,
                  struct query_follow **ret_follow, struct errinfo *reterr)
{
    struct query_follow *f = xalloc(sizeof(*f));
    struct query_files files = {0};
    f->magic = FOLLOW_MAGIC;
    f->gzip_file = SIZE_MAX;
    f->text = xalloc(LIMIT_QUERY_BLOCK_BYTES + LOG_READ_PAD);
    f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    enum err e = f->inotify >= 0
                     ? ERR_OK
                     : follow_errno(reterr, N_("Files cannot be followed: {reason}."), "");
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        char *path = xstrdup_str(paths[i]);
        e = follow_path(f, path, reterr);
        xfree(path);
    }
    if (e == ERR_OK) {
        e = query_files_find(paths, count, NULL, &files, reterr);
    }
    if (e != ERR_OK) {
        query_follow_close(&f);
        return e;
    }
    follow_found(f, &files, paths, count, MIN_OF(lines, (size_t)LIMIT_QUERY_FOLLOW_LINES));
    query_files_free(&files);
    *ret_follow = f;
    return ERR_OK;
}

/* ---- waiting ---- */

static enum io
read_input(struct query_follow *f, struct query_block *ret_block, const char **ret_path,
           struct errinfo *reterr)
{
    *ret_path = "-";
    enum io io = query_stream_next(f->input, ret_block, reterr);
    f->input_ready = io == IO_DONE;
    if (io == IO_EOF || io == IO_FAIL) {
        query_stream_close(&f->input);
    }
    return io;
}

/* IO_DONE: something happened. */
static enum io
wait_for_events(struct query_follow *f, int timeout_ms, struct errinfo *reterr)
{
    struct pollfd wait[2] = {{.fd = f->inotify, .events = POLLIN},
                             {.fd = f->input == NULL ? -1 : stream_fd(f->input), .events = POLLIN}};
    if (poll(wait, COUNT_OF(wait), timeout_ms) <= 0) {
        return IO_AGAIN; /* the time is over, or a signal came */
    }
    f->input_ready = wait[1].revents != 0;
    if (wait[0].revents != 0 && take_events(f, reterr) != ERR_OK) {
        return IO_FAIL;
    }
    return IO_DONE;
}

/* What is left of the caller's time. */
static int
time_left_ms(int timeout_ms, uint64_t begin_us)
{
    uint64_t passed_ms = (clock_mono_us() - begin_us) / 1000;
    return timeout_ms < 0 ? -1 : timeout_ms - (int)MIN_OF(passed_ms, (uint64_t)timeout_ms);
}

enum io
query_follow_next(struct query_follow *f, int timeout_ms, struct query_block *ret_block,
                  const char **ret_path, struct errinfo *reterr)
{
    ASSERT(f->magic == FOLLOW_MAGIC);
    uint64_t begin_us = clock_mono_us();
    *ret_path = NULL;
    for (;;) {
        enum io io = read_files(f, ret_block, ret_path, reterr);
        if (io == IO_EOF && f->input_ready && f->input != NULL) {
            io = read_input(f, ret_block, ret_path, reterr);
        }
        if (io == IO_DONE || io == IO_FAIL) {
            return io;
        }
        if (f->input == NULL && f->folder_count == 0) {
            return IO_EOF;
        }
        *ret_path = NULL;
        io = wait_for_events(f, time_left_ms(timeout_ms, begin_us), reterr);
        if (io != IO_DONE) {
            return io;
        }
    }
}

void
query_follow_close(struct query_follow **follow)
{
    struct query_follow *f = *follow;
    if (f == NULL) {
        return;
    }
    *follow = NULL;
    for (size_t i = 0; i < f->count; i++) {
        followed_done(&f->files[i]);
    }
    for (size_t i = 0; i < f->folder_count; i++) {
        xfree(f->folders[i].path);
    }
    for (size_t i = 0; i < f->name_count; i++) {
        xfree(f->names[i].base);
    }
    xfree(f->files);
    xfree(f->folders);
    xfree(f->names);
    query_stream_close(&f->gzip);
    query_stream_close(&f->input);
    if (f->inotify >= 0) {
        (void)close(f->inotify); /* it was only read */
    }
    xfree(f->text);
    xfree(f);
}
