/* SPDX-License-Identifier: Apache-2.0
 * Inside of the statistics: tables of keys (stats_keys.c), counters of times (stats_values.c), path
 * folding (stats_fold.c), the state that takes lines (stats.c) and what is made of it in the end
 * (stats_tables.c).
 *
 * The way of a line through here allocates nothing and copies nothing as long as no new key comes:
 * a key is hashed once, looked up by its stored hash, compared, counted. Sums that are sums of
 * others (a target group's, the whole log's) are made in the end. */
#pragma once

#include "query/stats.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"

/* ---- keys ---- */

/* Keys come from strangers, so that the hash depends on numbers they cannot know. */
struct stats_seed {
    uint64_t words[4];
};

/* One key and what is counted for it. Small, for there are many and they are needed by chance. */
struct stats_key {
    uint32_t at; /* of its bytes in the table's text */
    uint16_t n;
    uint16_t owner; /* a part of the key: a table may hold keys of several owners */
    uint64_t count;
    uint64_t missed; /* the count may be so much too low: what was forgotten before this key came */
    uint64_t failed, sent_bytes;
};

enum {
    STATS_NO_KEY = UINT32_MAX,
    STATS_KEY_SLACK = 8,  /* bytes behind every text that is hashed or compared */
    STATS_ITEM_BITS = 18, /* of a slot: number of the item + 1; the rest is of the hash */
    STATS_ITEM_MASK = (1 << STATS_ITEM_BITS) - 1,
    STATS_SKETCH_BITS = 14, /* error of the number of keys: 0.8 % */
    STATS_SKETCH = 1 << STATS_SKETCH_BITS,
};

/* Open addressing. Items stay in the order in which they came; so do their bytes in `text`. */
struct stats_keys {
    const struct stats_seed *seed; /* borrowed */
    uint32_t *slots;               /* owned; upper bits of the hash and the item; 0: free */
    size_t mask;                   /* slots - 1 */
    struct stats_key *items;       /* owned */
    size_t count, cap;
    char *text; /* owned */
    size_t text_n, text_cap;
    uint64_t forgotten; /* a key that is not here may have come so often; 0: all are here */
    size_t most;        /* items at once so far */
    uint8_t *sketch;    /* owned; STATS_SKETCH bytes that tell how many keys there were; or NULL */
};

void stats_keys_init(struct stats_keys *k, const struct stats_seed *seed, bool sketch);
void stats_keys_done(struct stats_keys *k);
/* The number of a key that is not there yet. */
uint32_t stats_keys_add(struct stats_keys *k, uint64_t hash, uint32_t owner, const char *p,
                        size_t n);
/* A place in a top list for a key that is not there yet: forgets rare keys where room is short. */
uint32_t stats_keys_add_top(struct stats_keys *k, uint64_t hash, const char *p, size_t n);
/* Forgets at least half of the keys, the rarer ones. */
void stats_keys_purge(struct stats_keys *k);
/* Adds the other list; its seed is the same. */
void stats_keys_join(struct stats_keys *k, const struct stats_keys *other);
/* How many different keys came: exact while nothing was forgotten, else at least so many (three
 * standard errors below the estimate). */
uint64_t stats_keys_distinct(const struct stats_keys *k);

static inline struct str
stats_key_text(const struct stats_keys *k, size_t item)
{
    return (struct str){k->text + k->items[item].at, k->items[item].n};
}

static inline uint64_t
stats_load8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* The first n (0 to 8) bytes of a word in memory. */
static inline uint64_t
stats_mask(size_t n)
{
    uint64_t all = n == 0 ? 0 : UINT64_MAX;
    unsigned shift = (unsigned)(64 - 8 * n) & 63;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? all >> shift : all << shift;
}

static inline uint64_t
stats_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiplies 16 bytes at a time (the way of wyhash), the last ones overlapping. STATS_KEY_SLACK
 * bytes behind are readable. */
static inline uint64_t
stats_hash(const struct stats_seed *seed, const char *p, size_t n)
{
    const uint64_t *s = seed->words;
    if (n <= 8) {
        return stats_mix((stats_load8(p) & stats_mask(n)) ^ s[0], (uint64_t)n ^ s[1]);
    }
    uint64_t h = s[2];
    if (n >= 16) {
        const char *last = p + n - 16;
        for (; p < last; p += 16) {
            h = stats_mix(stats_load8(p) ^ s[1], stats_load8(p + 8) ^ h);
        }
        h = stats_mix(stats_load8(last) ^ s[1], stats_load8(last + 8) ^ h);
    } else { /* two words that overlap */
        h = stats_mix(stats_load8(p) ^ s[1], stats_load8(p + n - 8) ^ h);
    }
    return stats_mix(h ^ s[3], (uint64_t)n ^ s[1]);
}

/* STATS_KEY_SLACK bytes behind both are readable. */
static inline bool
stats_same(const char *a, const char *b, size_t n)
{
    for (; n > 8; n -= 8, a += 8, b += 8) {
        if (stats_load8(a) != stats_load8(b)) {
            return false;
        }
    }
    return ((stats_load8(a) ^ stats_load8(b)) & stats_mask(n)) == 0;
}

static inline uint64_t
stats_owned_hash(uint64_t hash, uint32_t owner)
{
    return hash ^ owner * 0x9e3779b97f4a7c15u;
}

static inline void
stats_keys_prefetch(const struct stats_keys *k, uint64_t hash)
{
    __builtin_prefetch(&k->slots[hash & k->mask]);
}

static inline uint32_t
stats_slot_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) & ~(uint32_t)STATS_ITEM_MASK;
}

/* The item of a slot if it can be the one of this hash, else STATS_NO_KEY. */
static inline uint32_t
stats_slot_item(uint32_t slot, uint64_t hash)
{
    uint32_t rest = slot ^ stats_slot_tag(hash);
    return rest != 0 && rest <= STATS_ITEM_MASK ? rest - 1 : STATS_NO_KEY;
}

/* The number of the key, or STATS_NO_KEY. */
static inline uint32_t
stats_keys_find(const struct stats_keys *k, uint64_t hash, uint32_t owner, const char *p, size_t n)
{
    for (size_t at = hash & k->mask;; at = (at + 1) & k->mask) {
        uint32_t slot = k->slots[at];
        if (slot == 0) {
            return STATS_NO_KEY;
        }
        uint32_t number = stats_slot_item(slot, hash);
        if (number != STATS_NO_KEY) {
            const struct stats_key *item = &k->items[number];
            if (item->n == n && item->owner == owner && stats_same(k->text + item->at, p, n)) {
                return number;
            }
        }
    }
}

/* ---- counters of times ---- */

enum {
    STATS_LINEAR = 2048, /* bins of one millisecond */
    STATS_PER_OCTAVE = 256,
    STATS_OCTAVES = 30, /* up to 2^41 ms; what is longer falls into the last bin */
    STATS_BINS = STATS_LINEAR + STATS_OCTAVES * STATS_PER_OCTAVE,
    STATS_PAGE = 64, /* bins */
    STATS_HIST_PAGES = STATS_BINS / STATS_PAGE,
};

union stats_page {
    uint64_t counts[STATS_PAGE];
    union stats_page *next; /* of a free one */
};

struct stats_hist {
    uint64_t sum_us; /* of the values as written; stays at its maximum */
    uint64_t max_ms;
    uint64_t not_min; /* ~ of the least value, so that a zeroed one is empty */
    union stats_page *pages[STATS_HIST_PAGES]; /* borrowed from the pages; NULL: all zero */
    union stats_page *coarse;                  /* by number of bits of the milliseconds */
};

/* Where pages come from. */
struct stats_pages {
    union stats_page **chunks; /* owned, and what they point to */
    size_t chunk_count, chunk_cap;
    union stats_page *free;
    size_t used;  /* all that were made */
    size_t fresh; /* not yet handed out of the newest chunk */
};

void stats_pages_done(struct stats_pages *pages);
/* What a full table of bins is summed up in. */
struct stats_dense {
    uint64_t sum_us, max_ms, not_min, coarse;
    uint64_t bins[STATS_BINS];
};

union stats_page *stats_hist_page(struct stats_pages *pages, struct stats_hist *h, size_t index);
void stats_hist_add_coarse(struct stats_pages *pages, struct stats_hist *h, uint64_t ms);
/* Adds `from`, whose pages may be of others. */
void stats_hist_join(struct stats_pages *pages, struct stats_hist *h,
                     const struct stats_hist *from);
/* Empties it and gives its pages back. */
void stats_hist_drop(struct stats_pages *pages, struct stats_hist *h);
void stats_dense_add(struct stats_dense *d, const struct stats_hist *h);
struct stats_values stats_dense_values(const struct stats_dense *d);

static inline uint64_t
stats_sum(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;
    return sum < a ? UINT64_MAX : sum;
}

static inline size_t
stats_bin(uint64_t ms)
{
    if (LIKELY(ms < STATS_LINEAR)) {
        return (size_t)ms;
    }
    unsigned octave = 63 - (unsigned)__builtin_clzll(ms); /* 11 or more */
    if (UNLIKELY(octave >= 11 + STATS_OCTAVES)) {
        return STATS_BINS - 1;
    }
    return STATS_LINEAR + (octave - 11) * (size_t)STATS_PER_OCTAVE +
           ((ms >> (octave - 8)) & (STATS_PER_OCTAVE - 1));
}

static inline void
stats_hist_add(struct stats_pages *pages, struct stats_hist *h, uint64_t us)
{
    uint64_t ms = us / 1000;
    size_t bin = stats_bin(ms);
    h->sum_us = stats_sum(h->sum_us, us);
    h->max_ms = MAX_OF(h->max_ms, ms);
    h->not_min = MAX_OF(h->not_min, ~ms);
    union stats_page *page = h->pages[bin / STATS_PAGE];
    if (UNLIKELY(page == NULL)) {
        page = stats_hist_page(pages, h, bin / STATS_PAGE);
        if (page == NULL) {
            stats_hist_add_coarse(pages, h, ms);
            return;
        }
    }
    page->counts[bin % STATS_PAGE]++;
}

/* ---- folding ---- */

/* The folded path: `path` itself where nothing folds, else in `scratch`, which has room for `path`
 * and STATS_KEY_SLACK bytes more. Behind the path as many bytes are readable. */
struct str stats_fold(struct str path, char *scratch);

/* ---- the state ---- */

_Static_assert(LIMIT_STATS_GROUPS <= UINT16_MAX && LIMIT_STATS_WORDS < UINT16_MAX, "owners");
_Static_assert(LIMIT_STATS_KEY_BYTES <= UINT16_MAX, "lengths of keys");
_Static_assert(2 * LIMIT_STATS_KEYS < STATS_ITEM_MASK, "two lists that are joined");

enum { STATS_MAGIC = 0x57a75 };

/* What one target did. */
struct stats_target {
    uint64_t classes[STATS_CLASSES], target_classes[STATS_CLASSES];
    uint64_t received_bytes, sent_bytes;
    struct stats_hist legs[STATS_LEG_COUNT];
};

/* One of the lines behind an error: the earliest. */
struct stats_example {
    uint64_t time_us;
    char *trace; /* owned */
    size_t n;
};

struct stats_errors {
    struct stats_keys words;
    struct stats_example *examples; /* owned; one for each word */
    size_t cap;
};

/* A slow request; texts one behind the other in `text`. */
struct stats_slow_line {
    uint64_t duration_ms, time_us, legs_ms[3];
    unsigned elb, target;
    uint16_t verb_n, url_n, peer_n, trace_n;
    char text[4 * LIMIT_STATS_KEY_BYTES];
};

struct stats_span { /* a bucket of the time line */
    uint64_t classes[STATS_CLASSES];
    uint64_t received_bytes, sent_bytes;
    struct stats_hist duration, target_time;
};

struct stats_timeline {
    uint64_t width_us;         /* 0: no time line */
    uint64_t first;            /* number of the first bucket: its time / width */
    struct stats_span **spans; /* owned; NULL: no line yet */
    size_t count;
};

struct stats_check { /* a target of the health check log */
    uint64_t passed, failed, last_us;
    struct stats_hist latency;
    char *reason; /* owned: of the last failure */
    size_t reason_n;
};

/* A listener, as the connection log shows it. */
struct stats_port {
    uint64_t with_tls, failed, without; /* without: neither a protocol nor a failure */
};

/* What was read of the access line in hand. Kept between lines only so that it is not cleared. */
struct stats_access {
    uint64_t time_us, received_bytes, sent_bytes;
    uint64_t legs_us[STATS_LEG_COUNT]; /* UINT64_MAX: absent */
    unsigned elb, target;
    unsigned elb_class, target_class;
    struct str trace;
    struct log_request request;
};

struct stats {
    uint32_t magic;
    struct stats_options options;
    struct stats_seed seed;
    struct log_clock clocks[2]; /* of the line's time, and of when the request was made */
    struct stats_pages pages;
    struct stats_access now;

    uint64_t lines; /* of all kinds */
    uint64_t first_us, last_us;
    struct stats_keys statuses; /* keys of 8 bytes: both statuses */
    uint64_t statuses_left_out;
    struct stats_keys lists[STATS_LIST_COUNT];
    struct stats_keys sets[STATS_SET_COUNT];
    uint32_t last_words[STATS_SET_COUNT]; /* of the line before */
    struct stats_errors errors[STATS_ERROR_KIND_COUNT];

    struct stats_keys groups;         /* ARNs */
    struct stats_keys targets;        /* owned by the number of their group */
    struct stats_target **per_target; /* owned; one for each of `targets` */
    size_t per_target_cap;
    struct stats_target left_out;

    struct stats_slow_line *slowest; /* owned; in their order */
    size_t slow_count;
    struct stats_timeline timeline;

    struct stats_keys balancers; /* of connection lines */
    struct stats_keys ports;     /* owned by the number of their load balancer */
    struct stats_port *per_port; /* owned */
    size_t per_port_cap;
    uint64_t connections, connections_with_tls;
    struct stats_hist handshake;

    struct stats_keys check_groups;
    struct stats_keys checks;      /* targets, owned by the number of their group */
    struct stats_check *per_check; /* owned */
    size_t per_check_cap;
    uint64_t checks_left_out;

    char scratch[LIMIT_STATS_KEY_BYTES + STATS_KEY_SLACK];
    struct stats_keys finished_ports; /* made by stats_finish */
    struct stats_tables tables;       /* made by stats_finish; owns its arrays */
    bool finished;
};

/* Makes the time line fit for a moment, then gives the moment's bucket. */
struct stats_span *stats_timeline_span(struct stats *s, uint64_t time_us);
void stats_timeline_join(struct stats *s, const struct stats *from);
void stats_timeline_done(struct stats *s);
/* Order of the slowest requests: below 0 when `a` stands before `b`. */
int stats_slow_order(const struct stats_slow_line *a, const struct stats_slow_line *b);
void stats_tables_free(struct stats_tables *tables);

static inline unsigned
stats_class(unsigned status)
{
    unsigned hundreds = status / 100;
    return hundreds <= 5 && (hundreds > 0 || status == 0) ? hundreds : 6;
}
