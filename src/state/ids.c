/* SPDX-License-Identifier: Apache-2.0
 * Stable ids and board slots: made once, kept in STATE/ids.json. */
#include "state/snapshot.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/rand.h"
#include "state/doc.h"
#include "state/file.h"

static const char file_name[] = "ids.json";

enum {
    IDS_FORMAT = 1,
    IDS_BYTES_MAX = 32 << 20,
    SLOT_MAX = 1 << 16, /* above any space of the board */
    ENTRIES_MAX = 1 << 18,
    BUCKETS = 1024,
    /* Given up at the first ids_release_unused() that does not see it asked for, free after two
       more. */
    AGE_FREE = 3,
};

/* ---- kinds of ids ---- */

typedef void id_make_fn(struct rand *r, struct out *o);
typedef bool id_check_fn(struct str s);

static void
make_hex16(struct rand *r, struct out *o)
{
    out_hex(o, rand_u64(r), 16);
}

static bool
all_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f')) {
            return false;
        }
    }
    return true;
}

static bool
check_hex16(struct str s)
{
    return s.n == 16 && all_hex(s);
}

/* Eight to ten digits, the first not 0. */
static void
make_decimal(struct rand *r, struct out *o)
{
    out_u64(o, 10000000 + rand_below(r, 10000000000 - 10000000));
}

static bool
check_decimal(struct str s)
{
    uint64_t value;
    return s.n >= 8 && s.n <= 10 && s.p[0] != '0' && str_to_u64(s, &value);
}

/* Version 4 [RFC 9562 5.4]. */
static void
make_uuid(struct rand *r, struct out *o)
{
    uint64_t a = rand_u64(r);
    uint64_t b = rand_u64(r);
    out_hex(o, a >> 32, 8);
    out_char(o, '-');
    out_hex(o, a >> 16, 4);
    OUT_LIT(o, "-4");
    out_hex(o, a, 3);
    out_char(o, '-');
    out_hex(o, 8 | ((b >> 60) & 3), 1);
    out_hex(o, b >> 48, 3);
    out_char(o, '-');
    out_hex(o, b, 12);
}

static bool
check_uuid(struct str s)
{
    static const size_t lengths[] = {8, 4, 4, 4, 12};
    struct str piece;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        if (!str_cut(&s, '-', &piece) || piece.n != lengths[i] || !all_hex(piece)) {
            return false;
        }
    }
    return s.p == NULL;
}

static const struct id_kind {
    const char *name;
    id_make_fn *make;
    id_check_fn *check;
} kinds[] = {
    {"hex16", make_hex16, check_hex16},
    {"decimal", make_decimal, check_decimal},
    {"uuid", make_uuid, check_uuid},
};

static const struct id_kind *
kind_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq(name, str_of(kinds[i].name))) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* ---- the store in memory ---- */

struct id_entry {
    struct id_entry *next; /* in its bucket */
    char *stack;           /* owned */
    char *logical_id;      /* owned */
    const struct id_kind *kind;
    char *id; /* owned */
};
struct slot_entry {
    struct slot_entry *next; /* in its bucket */
    char *key;               /* owned */
    uint32_t slot;
    unsigned age; /* runs of ids_release_unused() since it was last asked for */
    bool used;    /* asked for since ids_begin() */
};
/* One per part of a key before the colon: "target", "listener", "lb". */
struct slot_space {
    char *name;                    /* owned */
    uint64_t taken[SLOT_MAX / 64]; /* bit by slot */
};
struct ids {
    int state_dirfd; /* borrowed */
    struct rand rand;
    bool changed;
    struct id_entry *entries[BUCKETS];
    struct slot_entry *slots[BUCKETS];
    struct slot_space **spaces; /* owned */
    size_t space_count;
    size_t space_cap;
};

/* FNV-1a; the keys come from the operator's own templates. */
static size_t
bucket_of(struct str a, struct str b)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < a.n; i++) {
        hash = (hash ^ (unsigned char)a.p[i]) * 16777619u;
    }
    hash = hash * 16777619u;
    for (size_t i = 0; i < b.n; i++) {
        hash = (hash ^ (unsigned char)b.p[i]) * 16777619u;
    }
    return hash % BUCKETS;
}

static struct id_entry *
entry_find(const struct ids *ids, struct str stack, struct str logical_id,
           const struct id_kind *kind)
{
    for (struct id_entry *e = ids->entries[bucket_of(stack, logical_id)]; e != NULL; e = e->next) {
        if (e->kind == kind && str_eq(str_of(e->logical_id), logical_id) &&
            str_eq(str_of(e->stack), stack)) {
            return e;
        }
    }
    return NULL;
}

static struct id_entry *
entry_add(struct ids *ids, struct str stack, struct str logical_id, const struct id_kind *kind,
          struct str id)
{
    struct id_entry **bucket = &ids->entries[bucket_of(stack, logical_id)];
    struct id_entry *e = xalloc(sizeof(*e));
    *e = (struct id_entry){*bucket, xstrdup_str(stack), xstrdup_str(logical_id), kind,
                           xstrdup_str(id)};
    *bucket = e;
    return e;
}

static bool
id_is_taken(const struct ids *ids, struct str id)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct id_entry *e = ids->entries[i]; e != NULL; e = e->next) {
            if (str_eq(str_of(e->id), id)) {
                return true;
            }
        }
    }
    return false;
}

struct str
ids_get(struct ids *ids, struct str stack, struct str logical_id, struct str kind_name)
{
    const struct id_kind *kind = kind_find(kind_name);
    ASSERT(kind != NULL);
    struct id_entry *e = entry_find(ids, stack, logical_id, kind);
    while (e == NULL) {
        char text[40];
        struct out o = out_of(text, sizeof(text));
        kind->make(&ids->rand, &o);
        ASSERT(!o.full);
        struct str id = str_span(text, o.p);
        if (!id_is_taken(ids, id)) {
            e = entry_add(ids, stack, logical_id, kind, id);
            ids->changed = true;
        }
    }
    return str_of(e->id);
}

static struct slot_entry *
slot_find(const struct ids *ids, struct str key)
{
    for (struct slot_entry *e = ids->slots[bucket_of(key, STR_NONE)]; e != NULL; e = e->next) {
        if (str_eq(str_of(e->key), key)) {
            return e;
        }
    }
    return NULL;
}

/* The space of a key, made when it is new. */
static struct slot_space *
space_get(struct ids *ids, struct str key)
{
    struct str name = key;
    size_t colon;
    if (str_find_char(key, ':', &colon)) {
        name = str_sub(key, 0, colon);
    }
    for (size_t i = 0; i < ids->space_count; i++) {
        if (str_eq(str_of(ids->spaces[i]->name), name)) {
            return ids->spaces[i];
        }
    }
    struct slot_space *space = xalloc(sizeof(*space));
    space->name = xstrdup_str(name);
    *VEC_PUSH(ids->spaces, ids->space_count, ids->space_cap) = space;
    return space;
}

static bool
space_taken(const struct slot_space *space, uint32_t slot)
{
    return (space->taken[slot / 64] >> (slot % 64) & 1) != 0;
}

/* The lowest free slot below max; max when all are taken. */
static uint32_t
space_lowest(const struct slot_space *space, uint32_t max)
{
    for (uint32_t at = 0; at < max; at += 64) {
        uint64_t free = ~space->taken[at / 64];
        if (free != 0) {
            return MIN_OF(at + (uint32_t)__builtin_ctzll(free), max);
        }
    }
    return max;
}

static struct slot_entry *
slot_add(struct ids *ids, struct str key, uint32_t slot)
{
    struct slot_space *space = space_get(ids, key);
    ASSERT(slot < SLOT_MAX);
    ASSERT(!space_taken(space, slot));
    space->taken[slot / 64] |= UINT64_C(1) << (slot % 64);
    struct slot_entry **bucket = &ids->slots[bucket_of(key, STR_NONE)];
    struct slot_entry *e = xalloc(sizeof(*e));
    *e = (struct slot_entry){.next = *bucket, .key = xstrdup_str(key), .slot = slot};
    *bucket = e;
    return e;
}

bool
ids_slot(struct ids *ids, struct str key, uint32_t max, uint32_t *ret_slot)
{
    ASSERT(max <= SLOT_MAX);
    struct slot_entry *e = slot_find(ids, key);
    if (e == NULL) {
        uint32_t slot = space_lowest(space_get(ids, key), max);
        if (slot >= max) {
            return false;
        }
        e = slot_add(ids, key, slot);
        ids->changed = true;
    }
    if (e->slot >= max) {
        return false;
    }
    ids->changed |= e->age > 0;
    e->used = true;
    e->age = 0;
    *ret_slot = e->slot;
    return true;
}

void
ids_begin(struct ids *ids)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct slot_entry *e = ids->slots[i]; e != NULL; e = e->next) {
            e->used = false;
        }
    }
}

static void
slot_remove(struct ids *ids, struct slot_entry **link)
{
    struct slot_entry *e = *link;
    struct slot_space *space = space_get(ids, str_of(e->key));
    ASSERT(space_taken(space, e->slot));
    space->taken[e->slot / 64] &= ~(UINT64_C(1) << (e->slot % 64));
    *link = e->next;
    xfree(e->key);
    xfree(e);
}

void
ids_release_unused(struct ids *ids)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct slot_entry **link = &ids->slots[i];
        while (*link != NULL) {
            struct slot_entry *e = *link;
            if (e->used) {
                link = &e->next;
                continue;
            }
            ids->changed = true;
            e->age++;
            if (e->age >= AGE_FREE) {
                slot_remove(ids, link);
            } else {
                link = &e->next;
            }
        }
    }
}

/* ---- the file ---- */

static json_t *
entries_json(const struct ids *ids)
{
    json_t *list = json_array();
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct id_entry *e = ids->entries[i]; e != NULL; e = e->next) {
            json_t *item = json_pack("{s:s, s:s, s:s, s:s}", "stack", e->stack, "logical_id",
                                     e->logical_id, "kind", e->kind->name, "id", e->id);
            if (json_array_append_new(list, item) != 0) {
                json_decref(list);
                return NULL;
            }
        }
    }
    return list;
}

static json_t *
slots_json(const struct ids *ids)
{
    json_t *list = json_array();
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct slot_entry *e = ids->slots[i]; e != NULL; e = e->next) {
            json_t *item = json_pack("{s:s, s:I, s:I}", "key", e->key, "slot", (json_int_t)e->slot,
                                     "age", (json_int_t)e->age);
            if (json_array_append_new(list, item) != 0) {
                json_decref(list);
                return NULL;
            }
        }
    }
    return list;
}

enum err
ids_store(struct ids *ids, struct errinfo *reterr)
{
    if (!ids->changed) {
        return ERR_OK;
    }
    json_t *document = json_object();
    int failed = json_object_set_new(document, "format", json_integer(IDS_FORMAT));
    failed |= json_object_set_new(document, "ids", entries_json(ids));
    failed |= json_object_set_new(document, "slots", slots_json(ids));
    AUTO(buf_free) struct buf text = {.max = IDS_BYTES_MAX};
    doc_print(document, &text);
    json_decref(document);
    if (failed != 0 || text.overflow) {
        return err_set(reterr, ERR_INVALID,
                       "'%s' cannot be written: it is too large, or a name in it is not UTF-8",
                       file_name);
    }
    TRY(file_store(ids->state_dirfd, file_name, buf_str(&text), 0600, reterr));
    ids->changed = false;
    return ERR_OK;
}

static struct str
member_text(struct doc_reader *r, json_t *item, const char *key)
{
    json_t *value = doc_get(r, item, key);
    size_t at = doc_enter_key(r, key);
    struct str s = doc_text(r, value);
    if (str_find_char(s, '\0', NULL)) {
        doc_fail(r, "holds a NUL");
    }
    doc_leave(r, at);
    return s;
}

static uint64_t
member_number(struct doc_reader *r, json_t *item, const char *key, uint64_t max, const char *what)
{
    json_t *value = doc_get(r, item, key);
    size_t at = doc_enter_key(r, key);
    uint64_t number = doc_number(r, value, 0, max, what);
    doc_leave(r, at);
    return number;
}

static void
read_entry(struct doc_reader *r, json_t *item, struct ids *ids)
{
    struct str stack = member_text(r, item, "stack");
    struct str logical_id = member_text(r, item, "logical_id");
    struct str kind_name = member_text(r, item, "kind");
    struct str id = member_text(r, item, "id");
    if (r->err != ERR_OK) {
        return;
    }
    const struct id_kind *kind = kind_find(kind_name);
    if (kind == NULL) {
        doc_fail(r, "'%.*s' is no kind of id (hex16, decimal, uuid)", STR_ARG(kind_name));
    } else if (!kind->check(id)) {
        doc_fail(r, "'%.*s' is not an id of the kind %s", STR_ARG(id), kind->name);
    } else if (entry_find(ids, stack, logical_id, kind) != NULL) {
        doc_fail(r, "'%.*s' of stack '%.*s' has a second id of the kind %s", STR_ARG(logical_id),
                 STR_ARG(stack), kind->name);
    } else {
        entry_add(ids, stack, logical_id, kind, id);
    }
}

static void
read_slot(struct doc_reader *r, json_t *item, struct ids *ids)
{
    struct str key = member_text(r, item, "key");
    uint32_t slot = (uint32_t)member_number(r, item, "slot", SLOT_MAX - 1, "a slot (0-65535)");
    unsigned age = (unsigned)member_number(r, item, "age", AGE_FREE - 1, "an age (0-2)");
    if (r->err != ERR_OK) {
        return;
    }
    if (slot_find(ids, key) != NULL) {
        doc_fail(r, "'%.*s' has a second slot", STR_ARG(key));
    } else if (space_taken(space_get(ids, key), slot)) {
        doc_fail(r, "slot %u of '%.*s' is taken already", slot, STR_ARG(key));
    } else {
        slot_add(ids, key, slot)->age = age;
    }
}

/* Runs read_one over the list of this name. */
static void
read_list(struct doc_reader *r, json_t *document, const char *key, struct ids *ids,
          void (*read_one)(struct doc_reader *r, json_t *item, struct ids *ids))
{
    json_t *value = doc_get(r, document, key);
    size_t at = doc_enter_key(r, key);
    json_t *list = doc_list(r, value, ENTRIES_MAX);
    for (size_t i = 0; i < json_array_size(list) && r->err == ERR_OK; i++) {
        size_t at_list = doc_enter_index(r, i);
        read_one(r, json_array_get(list, i), ids);
        doc_leave(r, at_list);
    }
    doc_leave(r, at);
}

static enum err
read_file(struct ids *ids, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf text = {.max = IDS_BYTES_MAX};
    enum err e = file_load(ids->state_dirfd, file_name, IDS_BYTES_MAX, &text, reterr);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND ? ERR_OK : e; /* the first start */
    }
    struct errinfo inner;
    struct doc_reader r = {.reterr = &inner};
    json_t *document = doc_parse(&r, buf_str(&text), IDS_FORMAT);
    if (document != NULL) {
        read_list(&r, document, "ids", ids, read_entry);
        read_list(&r, document, "slots", ids, read_slot);
        json_decref(document);
    }
    if (r.err == ERR_OK) {
        return ERR_OK;
    }
    /* Never made anew by itself: every ARN and DNS name would change. */
    return err_set(
        reterr, r.err,
        "'%s' cannot be used (%.500s); it keeps the ids of all resources: put a good copy "
        "back, or remove it and all resources get new ids",
        file_name, inner.text);
}

enum err
ids_open(int state_dirfd, struct ids **ret_ids, struct errinfo *reterr)
{
    struct ids *ids = xalloc(sizeof(*ids));
    ids->state_dirfd = state_dirfd;
    rand_seed_system(&ids->rand);
    enum err e = read_file(ids, reterr);
    if (e != ERR_OK) {
        ids_free(&ids);
        return e;
    }
    *ret_ids = ids;
    return ERR_OK;
}

static void
entries_free(struct id_entry *e)
{
    while (e != NULL) {
        struct id_entry *next = e->next;
        xfree(e->stack);
        xfree(e->logical_id);
        xfree(e->id);
        xfree(e);
        e = next;
    }
}

static void
slots_free(struct slot_entry *e)
{
    while (e != NULL) {
        struct slot_entry *next = e->next;
        xfree(e->key);
        xfree(e);
        e = next;
    }
}

void
ids_free(struct ids **ids)
{
    struct ids *dead = *ids;
    *ids = NULL;
    if (dead == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        entries_free(dead->entries[i]);
        slots_free(dead->slots[i]);
    }
    for (size_t i = 0; i < dead->space_count; i++) {
        xfree(dead->spaces[i]->name);
        xfree(dead->spaces[i]);
    }
    xfree(dead->spaces);
    xfree(dead);
}
