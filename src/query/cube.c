/* SPDX-License-Identifier: Apache-2.0
 * The cube: one open hash of cells, three tables of names, and the steps by which it gives up
 * detail. */
#include "query/cube.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    PAIR_BITS = 6,
    HOST_BITS = 8,
    GROUP_BITS = 6,
    MEASURE_AT = CUBE_BIN_BITS,
    PAIR_AT = MEASURE_AT + 1,
    HOST_AT = PAIR_AT + PAIR_BITS,
    GROUP_AT = HOST_AT + HOST_BITS,
    BUCKET_AT = GROUP_AT + GROUP_BITS,
    FLOOR_BITS = 6,  /* of CUBE_FLOOR_US */
    STEP_BITS = 4,   /* of CUBE_STEPS */
    OCTAVE_MAX = 30, /* 38 hours */
    COARSE_GOOD = 2, /* 4 bins for each doubling: readings within 12.5 % */
    COARSE_MAX = 4,
    BUCKETS_GOOD = 400, /* a chart has room for hardly more */
    SLOTS_MIN = 1024,
};
#define SECONDS_MAX ((UINT64_C(1) << (64 - BUCKET_AT)) - 1)

_Static_assert(1 << FLOOR_BITS == CUBE_FLOOR_US && 1 << STEP_BITS == CUBE_STEPS, "bins");
_Static_assert(1 + OCTAVE_MAX * CUBE_STEPS + CUBE_STEPS - 1 < CUBE_BIN_ABSENT,
               "bins fit their bits");

/* Each divides the next one; beyond the last the width doubles. */
static const uint32_t widths[] = {1,    5,    10,   30,    60,    300,   600,
                                  1800, 3600, 7200, 21600, 43200, 86400, 604800};

/* ---- names ---- */

/* Names get numbers in the order of their coming. A name that has a number has had it since its
 * first row, so that its counts are complete; when the table has turned one away it stays closed.
 */
struct names {
    struct name {
        char *p; /* owned */
        size_t n;
    } items[1 << HOST_BITS];
    uint32_t hashes[1 << HOST_BITS];
    size_t count;
    size_t max;
    unsigned first; /* number of the first one */
    unsigned last;  /* index of the one that was asked for last */
    bool closed;
};

static uint32_t
hash_name(struct str s)
{
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (uint8_t)s.p[i]) * 16777619U;
    }
    return h;
}

static struct str
name_at(const struct names *t, size_t index)
{
    ASSERT(index < t->count);
    return (struct str){t->items[index].p, t->items[index].n};
}

static bool
names_has(const struct names *t, struct str name, unsigned *ret_index)
{
    uint32_t hash = hash_name(name);
    for (unsigned i = 0; i < t->count; i++) {
        if (t->hashes[i] == hash && str_eq(name_at(t, i), name)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* The name's number; `none` where it has none and gets none. */
static unsigned
names_number(struct names *t, struct str name, unsigned none)
{
    name = str_sub(name, 0, LIMIT_REPORT_NAME_BYTES);
    if (t->last < t->count && str_eq(name_at(t, t->last), name)) {
        return t->first + t->last;
    }
    if (names_has(t, name, &t->last)) {
        return t->first + t->last;
    }
    if (t->closed || t->count == t->max) {
        t->closed = true;
        return none;
    }
    t->last = (unsigned)t->count;
    t->hashes[t->count] = hash_name(name);
    t->items[t->count++] = (struct name){xstrdup_str(name), name.n};
    return t->first + t->last;
}

/* Names without `keep` go; map[old number] becomes the new number, `none` for those. */
static void
names_drop(struct names *t, const bool *keep, uint8_t *map, unsigned none)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (!keep[i]) {
            xfree(t->items[i].p);
            map[t->first + i] = (uint8_t)none;
            t->closed = true;
            continue;
        }
        map[t->first + i] = (uint8_t)(t->first + kept);
        t->items[kept] = t->items[i];
        t->hashes[kept++] = t->hashes[i];
    }
    t->count = kept;
    t->last = 0;
}

static void
names_done(struct names *t)
{
    for (size_t i = 0; i < t->count; i++) {
        xfree(t->items[i].p);
    }
}

/* ---- the hash of cells ---- */

struct slot {
    uint64_t key;
    uint64_t count; /* 0: the slot is empty */
    uint64_t sent_bytes;
};

struct cube {
    struct slot *slots; /* owned; their number is a power of two */
    size_t size, used;
    uint64_t width_s;
    uint64_t min, max; /* buckets, as numbers since 1970; min > max: no row yet */
    unsigned coarse;
    struct names groups, hosts, pairs;
};

static uint64_t
mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static struct slot *
find_slot(struct slot *slots, size_t size, uint64_t key)
{
    size_t at = mix(key) & (size - 1);
    while (slots[at].count != 0 && slots[at].key != key) {
        at = (at + 1) & (size - 1);
    }
    return &slots[at];
}

static void
grow(struct cube *c)
{
    struct slot *old = c->slots;
    size_t old_size = c->size;
    c->size = old_size * 2;
    c->slots = xalloc(c->size * sizeof *c->slots);
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].count != 0) {
            *find_slot(c->slots, c->size, old[i].key) = old[i];
        }
    }
    xfree(old);
}

static void
put(struct cube *c, uint64_t key, uint64_t count, uint64_t sent_bytes)
{
    struct slot *slot = find_slot(c->slots, c->size, key);
    if (slot->count == 0) {
        slot->key = key;
        c->used++;
    }
    slot->count += count;
    slot->sent_bytes += sent_bytes;
    if (c->used * 8 > c->size * 5) {
        grow(c);
    }
}

struct cube *
cube_new(void)
{
    struct cube *c = xalloc(sizeof *c);
    c->size = SLOTS_MIN;
    c->slots = xalloc(c->size * sizeof *c->slots);
    c->width_s = 1;
    c->min = UINT64_MAX;
    c->groups.first = c->hosts.first = CUBE_NAMED;
    c->pairs.first = CUBE_PAIRS_OWN;
    c->groups.max = (1 << GROUP_BITS) - CUBE_NAMED;
    c->hosts.max = (1 << HOST_BITS) - CUBE_NAMED;
    c->pairs.max = (1 << PAIR_BITS) - CUBE_PAIRS_OWN;
    return c;
}

void
cube_free(struct cube **cube)
{
    struct cube *c = *cube;
    if (c != NULL) {
        names_done(&c->groups);
        names_done(&c->hosts);
        names_done(&c->pairs);
        xfree(c->slots);
        xfree(c);
        *cube = NULL;
    }
}

size_t
cube_bytes(const struct cube *cube)
{
    return sizeof *cube + cube->size * sizeof *cube->slots +
           (cube->groups.count + cube->hosts.count) * (LIMIT_REPORT_NAME_BYTES + 1);
}

/* ---- keys ---- */

static unsigned
part(uint64_t key, unsigned at, unsigned bits)
{
    return (unsigned)(key >> at) & ((1U << bits) - 1);
}

static unsigned
bin_of(uint64_t us, unsigned coarse)
{
    if (us == UINT64_MAX) {
        return CUBE_BIN_ABSENT;
    }
    if (us < CUBE_FLOOR_US) {
        return 0;
    }
    unsigned octave = 63 - (unsigned)__builtin_clzll(us) - FLOOR_BITS;
    if (octave > OCTAVE_MAX) {
        return 1 + (((OCTAVE_MAX + 1U) * CUBE_STEPS - 1) >> coarse);
    }
    unsigned step = (unsigned)(us >> (octave + FLOOR_BITS - STEP_BITS)) & (CUBE_STEPS - 1);
    return 1 + ((octave * CUBE_STEPS + step) >> coarse);
}

static unsigned
class_of(unsigned status)
{
    return status == 0 ? 0 : status >= 100 && status < 600 ? status / 100 : 6;
}

/* A pair as bytes, to be a name. */
static unsigned
pair_number(struct cube *c, unsigned elb, unsigned target)
{
    const uint32_t pair[2] = {elb, target};
    unsigned by_target = elb != 0 && elb == target;
    return names_number(&c->pairs, (struct str){(const char *)pair, sizeof pair},
                        class_of(elb) * 2 + by_target);
}

/* What becomes of keys when detail is given up. */
struct remap {
    uint64_t buckets; /* that become one */
    unsigned coarser;
    uint8_t groups[1 << GROUP_BITS], hosts[1 << HOST_BITS], pairs[1 << PAIR_BITS];
};

static void
remap_init(struct remap *m)
{
    m->buckets = 1;
    m->coarser = 0;
    for (unsigned i = 0; i < COUNT_OF(m->hosts); i++) {
        m->hosts[i] = (uint8_t)i;
    }
    for (unsigned i = 0; i < COUNT_OF(m->groups); i++) {
        m->groups[i] = m->pairs[i] = (uint8_t)i;
    }
}

static uint64_t
remap_key(const struct remap *m, uint64_t key)
{
    unsigned bin = part(key, 0, CUBE_BIN_BITS);
    if (bin != 0 && bin != CUBE_BIN_ABSENT) {
        bin = 1 + ((bin - 1) >> m->coarser);
    }
    uint64_t bucket = (key >> BUCKET_AT) / m->buckets;
    return bucket << BUCKET_AT | (uint64_t)m->groups[part(key, GROUP_AT, GROUP_BITS)] << GROUP_AT |
           (uint64_t)m->hosts[part(key, HOST_AT, HOST_BITS)] << HOST_AT |
           (uint64_t)m->pairs[part(key, PAIR_AT, PAIR_BITS)] << PAIR_AT |
           (uint64_t)part(key, MEASURE_AT, 1) << MEASURE_AT | bin;
}

static void
rebuild(struct cube *c, const struct remap *m)
{
    struct slot *old = c->slots;
    size_t old_size = c->size;
    c->slots = xalloc(c->size * sizeof *c->slots);
    c->used = 0;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].count != 0) {
            put(c, remap_key(m, old[i].key), old[i].count, old[i].sent_bytes);
        }
    }
    xfree(old);
    if (c->min <= c->max) {
        c->min /= m->buckets;
        c->max /= m->buckets;
    }
    c->coarse += m->coarser;
    c->width_s *= m->buckets;
}

/* ---- giving up detail ---- */

static uint64_t
wider(uint64_t width_s)
{
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        if (widths[i] > width_s) {
            return widths[i];
        }
    }
    return width_s * 2;
}

static void
widen(struct cube *c)
{
    struct remap m;
    remap_init(&m);
    m.buckets = wider(c->width_s) / c->width_s;
    rebuild(c, &m);
}

static void
coarsen(struct cube *c)
{
    struct remap m;
    remap_init(&m);
    m.coarser = 1;
    rebuild(c, &m);
}

/* A name and how often it occurs, for sorting. */
struct rank {
    struct str name;
    uint64_t count;
    size_t index;
};

static int
compare_ranks(const void *a, const void *b)
{
    const struct rank *l = a, *r = b;
    if (l->count != r->count) {
        return l->count > r->count ? -1 : 1;
    }
    return str_cmp(l->name, r->name);
}

/* All names, the most frequent ones first. */
static void
rank_names(const struct cube *c, const struct names *t, unsigned at, unsigned bits,
           struct rank *ret_ranks)
{
    for (size_t i = 0; i < t->count; i++) {
        ret_ranks[i] = (struct rank){name_at(t, i), 0, i};
    }
    for (size_t i = 0; i < c->size; i++) {
        const struct slot *s = &c->slots[i];
        unsigned number = part(s->key, at, bits);
        if (s->count != 0 && number >= t->first && part(s->key, MEASURE_AT, 1) == CUBE_DURATION) {
            ret_ranks[number - t->first].count += s->count;
        }
    }
    qsort(ret_ranks, t->count, sizeof ret_ranks[0], compare_ranks);
}

static void
keep_most(const struct cube *c, const struct names *t, unsigned at, unsigned bits, size_t most,
          bool *keep)
{
    struct rank ranks[1 << HOST_BITS];
    rank_names(c, t, at, bits, ranks);
    for (size_t i = 0; i < t->count; i++) {
        keep[ranks[i].index] = i < most;
    }
}

/* Gives the names their numbers by rank: the same lines give the same page, however many threads
 * read them. */
static void
sort_names(const struct cube *c, struct names *t, unsigned at, unsigned bits, uint8_t *map)
{
    struct rank ranks[1 << HOST_BITS];
    struct name items[1 << HOST_BITS];
    uint32_t hashes[1 << HOST_BITS];
    rank_names(c, t, at, bits, ranks);
    for (size_t i = 0; i < t->count; i++) {
        map[t->first + ranks[i].index] = (uint8_t)(t->first + i);
        items[i] = t->items[ranks[i].index];
        hashes[i] = t->hashes[ranks[i].index];
    }
    memcpy(t->items, items, t->count * sizeof items[0]);
    memcpy(t->hashes, hashes, t->count * sizeof hashes[0]);
    t->last = 0;
}

static void
fold_hosts(struct cube *c, size_t most)
{
    bool keep[1 << HOST_BITS];
    struct remap m;
    remap_init(&m);
    keep_most(c, &c->hosts, HOST_AT, HOST_BITS, most, keep);
    names_drop(&c->hosts, keep, m.hosts, CUBE_OTHER);
    rebuild(c, &m);
}

static void
fold_groups(struct cube *c, size_t most)
{
    bool keep[1 << HOST_BITS];
    struct remap m;
    remap_init(&m);
    keep_most(c, &c->groups, GROUP_AT, GROUP_BITS, most, keep);
    names_drop(&c->groups, keep, m.groups, CUBE_OTHER);
    rebuild(c, &m);
}

/* The number that stands for this pair where it has none of its own. */
static unsigned
pair_class(const struct cube *c, size_t index)
{
    unsigned elb, target;
    cube_pair(c, index, &elb, &target);
    return class_of(elb) * 2 + (elb != 0 && elb == target);
}

static void
fold_pairs(struct cube *c, const bool *keep)
{
    struct remap m;
    uint8_t own[1 << PAIR_BITS];
    remap_init(&m);
    for (size_t i = 0; i < c->pairs.count; i++) {
        own[i] = (uint8_t)pair_class(c, i);
    }
    size_t count = c->pairs.count;
    names_drop(&c->pairs, keep, m.pairs, 0);
    for (size_t i = 0; i < count; i++) {
        if (!keep[i]) {
            m.pairs[CUBE_PAIRS_OWN + i] = own[i];
        }
    }
    rebuild(c, &m);
}

bool
cube_shrink(struct cube *c)
{
    static const bool keep_none[1 << PAIR_BITS];
    uint64_t buckets = c->min <= c->max ? c->max - c->min + 1 : 0;
    if (c->hosts.count > LIMIT_REPORT_HOSTS) {
        fold_hosts(c, LIMIT_REPORT_HOSTS);
    } else if (c->groups.count > LIMIT_REPORT_GROUPS) {
        fold_groups(c, LIMIT_REPORT_GROUPS);
    } else if (buckets > BUCKETS_GOOD) {
        widen(c);
    } else if (c->coarse < COARSE_GOOD) {
        coarsen(c);
    } else if (buckets > 1) {
        widen(c);
    } else if (c->pairs.count > 0) {
        fold_pairs(c, keep_none);
    } else if (c->coarse < COARSE_MAX) {
        coarsen(c);
    } else {
        return false;
    }
    return true;
}

static void
fit(struct cube *c)
{
    while (c->min <= c->max && c->max - c->min >= LIMIT_REPORT_BUCKETS) {
        widen(c);
    }
    while (c->used > LIMIT_REPORT_CELLS && cube_shrink(c)) {
    }
}

void
cube_finish(struct cube *cube)
{
    struct remap m;
    fold_hosts(cube, LIMIT_REPORT_HOSTS);
    fold_groups(cube, LIMIT_REPORT_GROUPS);
    remap_init(&m);
    sort_names(cube, &cube->hosts, HOST_AT, HOST_BITS, m.hosts);
    sort_names(cube, &cube->groups, GROUP_AT, GROUP_BITS, m.groups);
    sort_names(cube, &cube->pairs, PAIR_AT, PAIR_BITS, m.pairs);
    rebuild(cube, &m);
}

/* ---- adding ---- */

void
cube_add(struct cube *cube, const struct cube_row *row)
{
    uint64_t second = MIN_OF(row->time_us / 1000000, SECONDS_MAX);
    uint64_t bucket = second / cube->width_s;
    if (bucket < cube->min || bucket > cube->max) {
        cube->min = MIN_OF(cube->min, bucket);
        cube->max = MAX_OF(cube->max, bucket);
        fit(cube);
        bucket = second / cube->width_s;
    }
    unsigned group =
        row->group.n == 0 ? CUBE_NONE : names_number(&cube->groups, row->group, CUBE_OTHER);
    unsigned host =
        row->host.n == 0 ? CUBE_NONE : names_number(&cube->hosts, row->host, CUBE_OTHER);
    uint64_t key = bucket << BUCKET_AT | (uint64_t)group << GROUP_AT | (uint64_t)host << HOST_AT |
                   (uint64_t)pair_number(cube, row->elb, row->target) << PAIR_AT;
    put(cube, key | bin_of(row->duration_us, cube->coarse), 1, row->sent_bytes);
    if (row->target_us != UINT64_MAX) {
        put(cube, key | 1 << MEASURE_AT | bin_of(row->target_us, cube->coarse), 1, 0);
    }
    if (UNLIKELY(cube->used > LIMIT_REPORT_CELLS)) {
        fit(cube);
    }
}

/* Names that `from` may have counted under "other" cannot be told apart any more. */
static void
keep_common(const struct names *t, const struct names *from, bool *keep)
{
    unsigned index;
    for (size_t i = 0; i < t->count; i++) {
        keep[i] = !from->closed || names_has(from, name_at(t, i), &index);
    }
}

static void
drop_uncommon(struct cube *c, const struct cube *from)
{
    struct remap m;
    bool keep[1 << HOST_BITS];
    remap_init(&m);
    keep_common(&c->hosts, &from->hosts, keep);
    names_drop(&c->hosts, keep, m.hosts, CUBE_OTHER);
    keep_common(&c->groups, &from->groups, keep);
    names_drop(&c->groups, keep, m.groups, CUBE_OTHER);
    rebuild(c, &m);
    keep_common(&c->pairs, &from->pairs, keep);
    fold_pairs(c, keep);
}

static void
map_names(struct names *t, const struct names *from, uint8_t *map)
{
    bool closed = t->closed;
    for (size_t i = 0; i < from->count; i++) {
        map[from->first + i] = (uint8_t)names_number(t, name_at(from, i), CUBE_OTHER);
    }
    t->closed = t->closed || closed || from->closed;
}

static void
map_pairs(struct cube *c, const struct cube *from, uint8_t *map)
{
    for (size_t i = 0; i < from->pairs.count; i++) {
        unsigned elb, target;
        cube_pair(from, i, &elb, &target);
        map[CUBE_PAIRS_OWN + i] = (uint8_t)pair_number(c, elb, target);
    }
    c->pairs.closed = c->pairs.closed || from->pairs.closed;
}

/* Makes `c` at least as coarse as `from`, and tells what makes `from` as coarse as `c`. */
static void
align(struct cube *c, const struct cube *from, struct remap *m)
{
    while (c->width_s < from->width_s) {
        widen(c);
    }
    while (c->coarse < from->coarse) {
        coarsen(c);
    }
    drop_uncommon(c, from);
    m->buckets = c->width_s / from->width_s;
    m->coarser = c->coarse - from->coarse;
    map_names(&c->groups, &from->groups, m->groups);
    map_names(&c->hosts, &from->hosts, m->hosts);
    map_pairs(c, from, m->pairs);
}

void
cube_join(struct cube *cube, const struct cube *from)
{
    struct remap m;
    if (from->used == 0) {
        return;
    }
    remap_init(&m);
    align(cube, from, &m);
    for (size_t i = 0; i < from->size; i++) {
        const struct slot *s = &from->slots[i];
        if (s->count != 0) {
            put(cube, remap_key(&m, s->key), s->count, s->sent_bytes);
        }
    }
    cube->min = MIN_OF(cube->min, from->min / m.buckets);
    cube->max = MAX_OF(cube->max, from->max / m.buckets);
    fit(cube);
}

/* ---- reading ---- */

struct cube_shape
cube_shape(const struct cube *cube)
{
    bool any = cube->min <= cube->max;
    return (struct cube_shape){
        .width_s = cube->width_s,
        .first = any ? cube->min : 0,
        .count = any ? cube->max - cube->min + 1 : 0,
        .steps = CUBE_STEPS >> cube->coarse,
        .cells = cube->used,
        .groups = cube->groups.count,
        .hosts = cube->hosts.count,
        .pairs = cube->pairs.count,
        .groups_folded = cube->groups.closed,
        .hosts_folded = cube->hosts.closed,
    };
}

struct str
cube_group(const struct cube *cube, size_t index)
{
    return name_at(&cube->groups, index);
}

struct str
cube_host(const struct cube *cube, size_t index)
{
    return name_at(&cube->hosts, index);
}

void
cube_pair(const struct cube *cube, size_t index, unsigned *ret_elb, unsigned *ret_target)
{
    uint32_t pair[2];
    struct str bytes = name_at(&cube->pairs, index);
    ASSERT(bytes.n == sizeof pair);
    memcpy(pair, bytes.p, sizeof pair);
    *ret_elb = pair[0];
    *ret_target = pair[1];
}

static int
compare_slots(const void *a, const void *b)
{
    const struct slot *l = a, *r = b;
    return l->key < r->key ? -1 : l->key > r->key;
}

/* The cells by key, buckets counted from the first one. Owned by the caller. */
static struct slot *
sorted(const struct cube *c)
{
    struct slot *cells = xalloc((c->used + 1) * sizeof *cells);
    size_t count = 0;
    for (size_t i = 0; i < c->size; i++) {
        if (c->slots[i].count != 0) {
            cells[count] = c->slots[i];
            cells[count++].key -= c->min << BUCKET_AT;
        }
    }
    ASSERT(count == c->used);
    qsort(cells, count, sizeof *cells, compare_slots);
    return cells;
}

void
cube_each(const struct cube *cube, void (*visit)(void *context, const struct cube_cell *cell),
          void *context)
{
    struct slot *cells = sorted(cube);
    for (size_t i = 0; i < cube->used; i++) {
        uint64_t key = cells[i].key;
        const struct cube_cell cell = {
            .bucket = key >> BUCKET_AT,
            .group = part(key, GROUP_AT, GROUP_BITS),
            .host = part(key, HOST_AT, HOST_BITS),
            .pair = part(key, PAIR_AT, PAIR_BITS),
            .measure = (enum cube_measure)part(key, MEASURE_AT, 1),
            .bin = part(key, 0, CUBE_BIN_BITS),
            .count = cells[i].count,
            .sent_bytes = cells[i].sent_bytes,
        };
        visit(context, &cell);
    }
    xfree(cells);
}

static void
add_number(struct buf *out, uint64_t n)
{
    while (n >= 0x80) {
        buf_add_char(out, (char)(uint8_t)(n | 0x80));
        n >>= 7;
    }
    buf_add_char(out, (char)n);
}

void
cube_encode(const struct cube *cube, struct buf *out)
{
    struct slot *cells = sorted(cube);
    uint64_t before = 0;
    for (size_t i = 0; i < cube->used; i++) {
        add_number(out, cells[i].key - before);
        add_number(out, cells[i].count);
        if (part(cells[i].key, MEASURE_AT, 1) == CUBE_DURATION) {
            add_number(out, cells[i].sent_bytes);
        }
        before = cells[i].key;
    }
    xfree(cells);
}
