/* SPDX-License-Identifier: Apache-2.0
 * Tables of keys, and the top lists made of them. A top list is exact until it is full. Then the
 * median of the counts is taken off every key, and keys with nothing left are forgotten (the
 * frequent-items sketch of Misra and Gries, purged by the median as Anderson and others do). A key
 * keeps its whole count since it came, and `missed` bounds what it may have had before. */
#include "query/stats_int.h"

enum { SLOTS_MIN = 64, TEXT_MIN = 1024 };

void
stats_keys_init(struct stats_keys *k, const struct stats_seed *seed, bool sketch)
{
    *k = (struct stats_keys){.seed = seed, .mask = SLOTS_MIN - 1, .text_cap = TEXT_MIN};
    k->slots = xalloc(SLOTS_MIN * sizeof(*k->slots));
    k->text = xalloc(k->text_cap);
    if (sketch) {
        k->sketch = xalloc(STATS_SKETCH);
    }
}

void
stats_keys_done(struct stats_keys *k)
{
    xfree(k->slots);
    xfree(k->items);
    xfree(k->text);
    xfree(k->sketch);
    *k = (struct stats_keys){0};
}

static uint64_t
hash_of(const struct stats_keys *k, const struct stats_key *item)
{
    return stats_owned_hash(stats_hash(k->seed, k->text + item->at, item->n), item->owner);
}

static void
place(struct stats_keys *k, uint32_t item, uint64_t hash)
{
    size_t at = hash & k->mask;
    while (k->slots[at] != 0) {
        at = (at + 1) & k->mask;
    }
    ASSERT(item < STATS_ITEM_MASK);
    k->slots[at] = stats_slot_tag(hash) | (item + 1);
}

static void
place_all(struct stats_keys *k)
{
    memset(k->slots, 0, (k->mask + 1) * sizeof(*k->slots));
    for (uint32_t i = 0; i < k->count; i++) {
        place(k, i, hash_of(k, &k->items[i]));
    }
}

/* Remembers the key's longest run of zeros: HyperLogLog. A hash of fixed seed, so that the same log
 * gives the same number. */
static void
sketch_key(uint8_t *sketch, const char *p, size_t n)
{
    static const struct stats_seed fixed = {
        {0x2d358dccaa6c78a5u, 0x8bb84b93962eacc9u, 0x4b33a62ed433d4a3u, 0x4d5a2da51de1aa47u}};
    uint64_t hash = stats_hash(&fixed, p, n);
    size_t at = hash >> (64 - STATS_SKETCH_BITS);
    uint64_t rest = hash << STATS_SKETCH_BITS | 1u << (STATS_SKETCH_BITS - 1);
    uint8_t run = (uint8_t)(__builtin_clzll(rest) + 1);
    sketch[at] = MAX_OF(sketch[at], run);
}

uint32_t
stats_keys_add(struct stats_keys *k, uint64_t hash, uint32_t owner, const char *p, size_t n)
{
    ASSERT(n <= LIMIT_STATS_KEY_BYTES);
    if (k->text_n + n + STATS_KEY_SLACK > k->text_cap) {
        k->text_cap *= 2;
        k->text = xrealloc(k->text, k->text_cap);
    }
    uint32_t number = (uint32_t)k->count;
    struct stats_key *item = VEC_PUSH(k->items, k->count, k->cap);
    *item = (struct stats_key){.at = (uint32_t)k->text_n,
                               .n = (uint16_t)n,
                               .owner = (uint16_t)owner,
                               .missed = k->forgotten};
    if (n > 0) {
        memcpy(k->text + k->text_n, p, n);
    }
    k->text_n += n;
    memset(k->text + k->text_n, 0, STATS_KEY_SLACK);
    k->most = MAX_OF(k->most, k->count);
    if (2 * k->count > k->mask + 1) {
        k->mask = 2 * (k->mask + 1) - 1;
        k->slots = xrealloc(k->slots, (k->mask + 1) * sizeof(*k->slots));
        place_all(k);
    } else {
        place(k, number, hash);
    }
    if (k->sketch != NULL) {
        sketch_key(k->sketch, p, n);
    }
    return number;
}

uint32_t
stats_keys_add_top(struct stats_keys *k, uint64_t hash, const char *p, size_t n)
{
    while (k->count >= LIMIT_STATS_KEYS || k->text_n + n > LIMIT_STATS_LIST_BYTES) {
        stats_keys_purge(k);
    }
    return stats_keys_add(k, hash, 0, p, n);
}

/* What the median was not yet taken off; at least 1. */
static uint64_t
left_of(const struct stats_keys *k, const struct stats_key *item)
{
    return item->count - (k->forgotten - item->missed);
}

/* Splits values[from, to) into those below, equal to and above one of them, whose range is
 * returned. */
static void
split_by(uint64_t *values, size_t pivot_at, size_t *from, size_t *to)
{
    uint64_t pivot = values[pivot_at];
    size_t below = *from, at = *from, above = *to;
    while (at < above) {
        uint64_t value = values[at];
        if (value < pivot) {
            values[at++] = values[below];
            values[below++] = value;
        } else if (value > pivot) {
            values[at] = values[--above];
            values[above] = value;
        } else {
            at++;
        }
    }
    *from = below;
    *to = above;
}

/* The value at `rank` if they were sorted. Pivots nobody can foresee keep it linear. */
static uint64_t
select_rank(uint64_t *values, size_t count, size_t rank, uint64_t chance)
{
    size_t low = 0, high = count;
    for (;;) {
        chance = stats_mix(chance, 0x9e3779b97f4a7c15u) | 1;
        size_t from = low, to = high;
        split_by(values, low + (size_t)((chance >> 16) % (high - low)), &from, &to);
        if (rank < from) {
            high = from;
        } else if (rank >= to) {
            low = to;
        } else {
            return values[rank];
        }
    }
}

static uint64_t
median_left(const struct stats_keys *k)
{
    uint64_t *left = xalloc(k->count * sizeof(*left));
    for (size_t i = 0; i < k->count; i++) {
        left[i] = left_of(k, &k->items[i]);
    }
    uint64_t median = select_rank(left, k->count, k->count / 2, k->seed->words[0]);
    xfree(left);
    return median;
}

void
stats_keys_purge(struct stats_keys *k)
{
    if (k->count == 0) {
        return;
    }
    uint64_t median = median_left(k);
    size_t kept = 0, text_n = 0;
    for (size_t i = 0; i < k->count; i++) {
        struct stats_key item = k->items[i];
        if (left_of(k, &item) > median) {
            memmove(k->text + text_n, k->text + item.at, item.n);
            item.at = (uint32_t)text_n;
            text_n += item.n;
            k->items[kept++] = item;
        }
    }
    ASSERT(kept < k->count);
    k->forgotten += median;
    k->count = kept;
    k->text_n = text_n;
    memset(k->text + text_n, 0, STATS_KEY_SLACK);
    place_all(k);
}

void
stats_keys_join(struct stats_keys *k, const struct stats_keys *other)
{
    size_t own = k->count;
    uint64_t forgotten = k->forgotten;
    k->forgotten += other->forgotten;
    for (size_t i = 0; i < own; i++) { /* as if the other list had not known it */
        k->items[i].missed += other->forgotten;
    }
    for (size_t i = 0; i < other->count; i++) {
        const struct stats_key *from = &other->items[i];
        const char *p = other->text + from->at;
        uint64_t hash = hash_of(other, from);
        uint32_t number = stats_keys_find(k, hash, from->owner, p, from->n);
        bool known = number != STATS_NO_KEY;
        if (!known) {
            number = stats_keys_add(k, hash, from->owner, p, from->n);
        }
        struct stats_key *item = &k->items[number];
        item->missed =
            known ? item->missed - other->forgotten + from->missed : forgotten + from->missed;
        item->count += from->count;
        item->failed += from->failed;
        item->sent_bytes = stats_sum(item->sent_bytes, from->sent_bytes);
    }
    for (size_t i = 0; k->sketch != NULL && i < STATS_SKETCH; i++) {
        k->sketch[i] = MAX_OF(k->sketch[i], other->sketch[i]);
    }
    k->most = MAX_OF(k->most, other->most);
    while (k->count > LIMIT_STATS_KEYS || k->text_n > LIMIT_STATS_LIST_BYTES) {
        stats_keys_purge(k);
    }
}

uint64_t
stats_keys_distinct(const struct stats_keys *k)
{
    if (k->forgotten == 0 || k->sketch == NULL) {
        return k->count;
    }
    double sum = 0, size = STATS_SKETCH;
    for (size_t i = 0; i < STATS_SKETCH; i++) {
        sum += 1.0 / (double)((uint64_t)1 << k->sketch[i]);
    }
    double estimate = 0.7213 / (1 + 1.079 / size) * size * size / sum;
    if (estimate < 5 * size) { /* the formula is no good for few keys */
        return k->most;
    }
    return MAX_OF((uint64_t)(estimate * (1 - 3 * 0.008125)), (uint64_t)k->most);
}
