/* SPDX-License-Identifier: Apache-2.0
 * Files in memory, for the tests and fuzz targets of webconf. */
#include "webconf/memory_files.h"

/* What stands behind "folder/" in `path`; false: it does not lie below the folder. */
static bool
below(const char *path, const char *folder, struct str *ret_rest)
{
    struct str p = str_of(path), f = str_of(folder);
    if (str_ends(f, STR("/"))) {
        f.n--;
    }
    if (!str_starts(p, f) || p.n <= f.n + 1 || p.p[f.n] != '/') {
        return false;
    }
    *ret_rest = str_sub(p, f.n + 1, SIZE_MAX);
    return true;
}

/* The first piece of what lies below `folder` in `path`. */
static bool
piece_below(const char *path, const char *folder, struct str *ret_piece)
{
    struct str rest;
    return below(path, folder, &rest) && str_cut(&rest, '/', ret_piece);
}

static enum webconf_entry
memory_look(void *ctx, const char *path)
{
    const struct memory_files *m = ctx;
    struct str rest;
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->items[i].path, path) == 0) {
            return WEBCONF_FILE;
        }
        if (below(m->items[i].path, path, &rest)) {
            return WEBCONF_FOLDER;
        }
    }
    return WEBCONF_NOTHING;
}

static enum err
memory_read(void *ctx, const char *path, size_t max, struct buf *ret_bytes)
{
    const struct memory_files *m = ctx;
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->items[i].path, path) == 0) {
            if (m->items[i].bytes.n > max) {
                return ERR_TOO_LARGE;
            }
            buf_add_str(ret_bytes, m->items[i].bytes);
            return ERR_OK;
        }
    }
    return ERR_SYSTEM;
}

static enum err
memory_list(void *ctx, const char *path, webconf_name_fn *each, void *each_ctx)
{
    const struct memory_files *m = ctx;
    bool any = false;
    for (size_t i = 0; i < m->count; i++) {
        struct str piece, earlier;
        bool again = false;
        if (!piece_below(m->items[i].path, path, &piece)) {
            continue;
        }
        for (size_t k = 0; k < i; k++) {
            again =
                again || (piece_below(m->items[k].path, path, &earlier) && str_eq(piece, earlier));
        }
        any = true;
        char name[256];
        if (!again && str_copy_z(piece, name, sizeof(name))) {
            each(each_ctx, name);
        }
    }
    return any ? ERR_OK : ERR_SYSTEM;
}

struct webconf_files
memory_files_ops(struct memory_files *m)
{
    return (struct webconf_files){
        .look = memory_look, .read = memory_read, .list = memory_list, .ctx = m};
}
