/* SPDX-License-Identifier: Apache-2.0
 * One lookup: the asked name and its parents in every store. */
#include "hsts/hsts_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "text/text.h"

const char *
hsts_client_name(enum hsts_client client)
{
    static const char *const names[] = {
        [HSTS_CHROMIUM] = "chromium",
        [HSTS_FIREFOX] = "firefox",
        [HSTS_CURL] = "curl",
        [HSTS_WGET] = "wget",
    };
    _Static_assert(COUNT_OF(names) == HSTS_CLIENT_COUNT, "each client has a name");
    return names[client];
}

/* ---- names ---- */

void
hsts_query_init(struct hsts_query *q, struct hsts_found *found, struct str name, uint64_t now_s)
{
    size_t count = 1;
    for (size_t i = 0; i < name.n; i++) {
        count += name.p[i] == '.';
    }
    *q = (struct hsts_query){.found = found, .now_s = now_s};
    q->keys = xalloc(count * sizeof(*q->keys));
    found->names = xalloc(count * sizeof(*found->names));
    for (size_t dot = 0; found->name_count < count; found->name_count++) {
        found->names[found->name_count] = xstrdup_str(name);
        hsts_chromium_key(name, q->keys[found->name_count]);
        if (str_find_char(name, '.', &dot)) {
            name = str_sub(name, dot + 1, name.n);
        }
    }
}

void
hsts_query_done(struct hsts_query *q)
{
    xfree(q->keys);
    q->keys = NULL;
}

bool
hsts_query_finds(const struct hsts_query *q, struct str name, size_t *ret_index)
{
    if (name.n > 0 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    for (size_t i = 0; i < q->found->name_count; i++) {
        if (str_ieq(name, str_of(q->found->names[i]))) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* ---- entries ---- */

/* Chromium never changes localhost and names below it, whatever its file says. */
static bool
is_spared(const struct hsts_found *f, size_t store)
{
    return f->stores[store].client == HSTS_CHROMIUM &&
           strcmp(f->names[f->name_count - 1], "localhost") == 0;
}

void
hsts_query_add(struct hsts_query *q, size_t store, size_t index, struct hsts_entry made)
{
    struct hsts_found *f = q->found;
    ASSERT(store < f->store_count && index < f->name_count);
    if (f->entry_count >= LIMIT_HSTS_ENTRIES_MAX) {
        f->entries_left_out++;
        xfree(made.partition);
        return;
    }
    made.store = store;
    made.name = f->names[index];
    made.is_parent = index > 0;
    made.expired = made.expiry_s < q->now_s;
    made.applies = made.state == HSTS_ENTRY_SET && !made.expired &&
                   (!made.is_parent || made.include_subdomains) && !is_spared(f, store);
    *VEC_PUSH(f->entries, f->entry_count, f->entry_cap) = made;
}

/* The asked name first, then its parents (each is shorter); stores in their order. */
static int
by_name(const void *left, const void *right)
{
    const struct hsts_entry *a = left, *b = right;
    size_t a_size = strlen(a->name), b_size = strlen(b->name);
    if (a_size != b_size) {
        return a_size > b_size ? -1 : 1;
    }
    if (a->store != b->store) {
        return a->store < b->store ? -1 : 1;
    }
    return (a->expiry_s < b->expiry_s) - (a->expiry_s > b->expiry_s); /* what lasts longest */
}

/* ---- stores ---- */

static void
read_preferences(struct hsts_store *store)
{
    AUTO(buf_free) struct buf text = {0};
    AUTO(xfree_ptr) char *path = xprintf("%s/Preferences", store->profile);
    struct stat st;
    int error;
    if (hsts_file_read(path, LIMIT_HSTS_FILE_MAX, &text, &st, &error) == HSTS_STORE_READ) {
        store->https_only = hsts_chromium_https_only(buf_str(&text));
    }
}

void
hsts_store_lock(const struct hsts_store *store, struct hsts_lock *ret)
{
    *ret = (struct hsts_lock){.held = false};
    if (store->profile != NULL && store->client == HSTS_CHROMIUM) {
        hsts_chromium_lock(store->profile, ret);
    } else if (store->profile != NULL) {
        hsts_firefox_lock(store->profile, ret);
    }
}

static enum hsts_store_state
read_store(struct hsts_query *q, size_t index)
{
    AUTO(buf_free) struct buf bytes = {0};
    struct hsts_store *store = &q->found->stores[index];
    struct stat st;
    enum hsts_store_state state =
        hsts_file_read(store->file, LIMIT_HSTS_FILE_MAX, &bytes, &st, &store->error);
    if (state != HSTS_STORE_READ) {
        return state;
    }
    store->mtime_s = st.st_mtime > 0 ? (uint64_t)st.st_mtime : 0;
    if (store->client == HSTS_WGET && (st.st_mode & S_IWOTH) != 0) {
        return HSTS_STORE_WORLD_WRITABLE;
    }
    return store->format->read(q, index, buf_str(&bytes));
}

static void
read_stores(struct hsts_query *q)
{
    struct hsts_found *f = q->found;
    for (size_t i = 0; i < f->store_count; i++) {
        struct hsts_store *store = &f->stores[i];
        if (store->format != NULL) { /* else it is a folder that cannot be listed */
            store->state = read_store(q, i);
            hsts_store_lock(store, &store->lock);
        }
        if (store->client == HSTS_CHROMIUM && store->profile != NULL) {
            read_preferences(store);
        }
        store->what = hsts_store_state_text(store->state);
    }
    if (f->entry_count > 0) {
        qsort(f->entries, f->entry_count, sizeof(*f->entries), by_name);
    }
}

/* ---- the preload list ---- */

static enum err
read_preload_list(struct hsts_query *q, const char *path, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf text = {.max = LIMIT_HSTS_PRELOAD_MAX + 1};
    struct stat st;
    int error;
    enum hsts_store_state state = hsts_file_read(path, LIMIT_HSTS_PRELOAD_MAX, &text, &st, &error);
    if (state != HSTS_STORE_READ) {
        return text_err(
            reterr, ERR_NOT_FOUND, N_("The preload list {file} cannot be read: {reason}"),
            TEXT_ARGS({"file", str_of(path)},
                      {"reason",
                       str_of(error != 0 ? strerror(error) : tr(hsts_store_state_text(state)))}));
    }
    return hsts_preload_read(q, text.p, text.n, reterr);
}

/* ---- the whole ---- */

static enum err
look(struct hsts_query *q, const struct hsts_options *o, struct errinfo *reterr)
{
    TRY(hsts_profiles_find(o, q->found, reterr));
    hsts_preload_builtin(q);
    if (o->preload_file != NULL) {
        TRY(read_preload_list(q, o->preload_file, reterr));
    }
    read_stores(q);
    return ERR_OK;
}

enum err
hsts_lookup(const struct hsts_options *o, struct str name, struct hsts_found *ret,
            struct errinfo *reterr)
{
    AUTO(hsts_query_done) struct hsts_query q;
    struct hsts_found found = {0};
    hsts_query_init(&q, &found, name, o->now_s);
    enum err e = look(&q, o, reterr);
    if (e != ERR_OK) {
        hsts_found_free(&found);
        return e;
    }
    *ret = found;
    return ERR_OK;
}

void
hsts_found_free(struct hsts_found *f)
{
    for (size_t i = 0; i < f->name_count; i++) {
        xfree(f->names[i]);
    }
    for (size_t i = 0; i < f->store_count; i++) {
        xfree(f->stores[i].profile);
        xfree(f->stores[i].file);
        xfree(f->stores[i].lock.path);
    }
    for (size_t i = 0; i < f->entry_count; i++) {
        xfree(f->entries[i].partition);
    }
    xfree(f->names);
    xfree(f->stores);
    xfree(f->entries);
    xfree(f->preloaded);
    *f = (struct hsts_found){0};
}

/* ---- questions ---- */

bool
hsts_covers(const struct hsts_entry *e, uint16_t port)
{
    return e->applies && (e->port == 0 || e->port == port);
}

const struct hsts_entry *
hsts_deciding(const struct hsts_found *f, size_t store, uint16_t port)
{
    for (size_t i = 0; i < f->entry_count; i++) {
        if (f->entries[i].store == store && hsts_covers(&f->entries[i], port)) {
            return &f->entries[i];
        }
    }
    return NULL;
}

/* Firefox's knockout: a site of the list has sent max-age=0. */
static bool
is_knocked_out(const struct hsts_found *f, size_t store, const char *name)
{
    for (size_t i = 0; i < f->entry_count; i++) {
        const struct hsts_entry *e = &f->entries[i];
        if (e->store == store && e->name == name && e->state == HSTS_ENTRY_KNOCKOUT &&
            !e->expired) {
            return true;
        }
    }
    return false;
}

const struct hsts_preloaded *
hsts_deciding_preloaded(const struct hsts_found *f, size_t store)
{
    enum hsts_client client = f->stores[store].client;
    if (client != HSTS_CHROMIUM && client != HSTS_FIREFOX) {
        return NULL;
    }
    for (size_t i = 0; i < f->preloaded_count; i++) {
        if (f->preloaded[i].applies && !is_knocked_out(f, store, f->preloaded[i].name)) {
            return &f->preloaded[i];
        }
    }
    return NULL;
}
