/* SPDX-License-Identifier: Apache-2.0
 * Taking lines: each kind of line into its sums. */
#include "query/stats_int.h"

#include "base/rand.h"

enum { DEFAULT_ROWS = 10 };

#define ABSENT UINT64_MAX
#define OTHER_WORDS STR("(other)")

/* ---- birth and death ---- */

static void
each_keys(struct stats *s, void (*visit)(struct stats *, struct stats_keys *, bool top))
{
    for (int i = 0; i < STATS_LIST_COUNT; i++) {
        visit(s, &s->lists[i], true);
    }
    for (int i = 0; i < STATS_SET_COUNT; i++) {
        visit(s, &s->sets[i], false);
    }
    for (int i = 0; i < STATS_ERROR_KIND_COUNT; i++) {
        visit(s, &s->errors[i].words, false);
    }
    struct stats_keys *others[] = {&s->statuses, &s->groups, &s->targets,     &s->balancers,
                                   &s->ports,    &s->checks, &s->check_groups};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        visit(s, others[i], false);
    }
}

static void
init_keys(struct stats *s, struct stats_keys *k, bool top)
{
    stats_keys_init(k, &s->seed, top);
}

static void
done_keys(struct stats *s, struct stats_keys *k, bool top)
{
    (void)s;
    (void)top;
    stats_keys_done(k);
}

static struct stats *
make(const struct stats_options *options, const struct stats_seed *seed)
{
    struct stats *s = xalloc(sizeof(*s));
    s->magic = STATS_MAGIC;
    s->options = *options;
    s->seed = *seed;
    s->first_us = UINT64_MAX;
    s->timeline.width_us = options->by_us;
    s->slowest = xalloc((options->slowest + (size_t)1) * sizeof(*s->slowest));
    each_keys(s, init_keys);
    return s;
}

static unsigned
rows_wanted(unsigned rows)
{
    return MIN_OF(rows == 0 ? (unsigned)DEFAULT_ROWS : rows, (unsigned)LIMIT_STATS_ROWS);
}

struct stats *
stats_new(const struct stats_options *options)
{
    struct rand chance;
    struct stats_seed seed;
    rand_seed_system(&chance);
    for (size_t i = 0; i < COUNT_OF(seed.words); i++) {
        seed.words[i] = rand_u64(&chance);
    }
    struct stats_options o = {
        .by_us = options->by_us,
        .top = rows_wanted(options->top),
        .slowest = rows_wanted(options->slowest),
    };
    return make(&o, &seed);
}

static void
free_examples(struct stats *s)
{
    for (int kind = 0; kind < STATS_ERROR_KIND_COUNT; kind++) {
        struct stats_errors *e = &s->errors[kind];
        for (size_t i = 0; i < e->cap; i++) {
            xfree(e->examples[i].trace);
        }
        xfree(e->examples);
    }
}

void
stats_free(struct stats **stats)
{
    struct stats *s = *stats;
    if (s == NULL) {
        return;
    }
    *stats = NULL;
    ASSERT(s->magic == STATS_MAGIC);
    for (size_t i = 0; i < s->targets.count; i++) {
        xfree(s->per_target[i]);
    }
    for (size_t i = 0; i < s->checks.count; i++) {
        xfree(s->per_check[i].reason);
    }
    free_examples(s);
    stats_timeline_done(s);
    each_keys(s, done_keys);
    stats_keys_done(&s->finished_ports);
    xfree(s->per_target);
    xfree(s->per_port);
    xfree(s->per_check);
    xfree(s->slowest);
    stats_pages_done(&s->pages);
    stats_tables_free(&s->tables);
    s->magic = 0;
    xfree(s);
}

/* Room for one more in an array that goes beside a table of keys; what is new is zeroed. */
#define GROW_BESIDE(items, cap, number)                                                            \
    do {                                                                                           \
        if ((number) >= (cap)) {                                                                   \
            size_t cap_ = MAX_OF((size_t)(number) + 1, 2 * (cap));                                 \
            (items) = xrealloc((items), cap_ * sizeof(*(items)));                                  \
            memset((items) + (cap), 0, (cap_ - (cap)) * sizeof(*(items)));                         \
            (cap) = cap_;                                                                          \
        }                                                                                          \
    } while (0)

/* ---- words ---- */

static inline struct str
cut(struct str s)
{
    return (struct str){s.p, MIN_OF(s.n, (size_t)LIMIT_STATS_KEY_BYTES)};
}

/* The number of a key among at most `most`; STATS_NO_KEY when it is one too many. */
static inline uint32_t
number_of(struct stats_keys *k, uint32_t owner, struct str text, size_t most)
{
    text = cut(text);
    uint64_t hash = stats_owned_hash(stats_hash(k->seed, text.p, text.n), owner);
    uint32_t number = stats_keys_find(k, hash, owner, text.p, text.n);
    if (UNLIKELY(number == STATS_NO_KEY) && k->count < most) {
        number = stats_keys_add(k, hash, owner, text.p, text.n);
    }
    return number;
}

static uint32_t
number_of_other(struct stats_keys *k)
{
    static const char padded[] = "(other)\0\0\0\0\0\0\0"; /* STATS_KEY_SLACK */
    return number_of(k, 0, (struct str){padded, OTHER_WORDS.n}, LIMIT_STATS_WORDS + 1);
}

/* Counts a word of a set or of an error's kind; the room for "(other)" stays free until needed. */
static inline uint32_t
count_word(struct stats_keys *k, struct str word, uint64_t times)
{
    uint32_t number = number_of(k, 0, word, LIMIT_STATS_WORDS);
    if (UNLIKELY(number == STATS_NO_KEY)) {
        number = number_of_other(k);
    }
    k->items[number].count += times;
    return number;
}

/* Most lines have the words of the line before. */
static inline void
count_set(struct stats *s, enum stats_set set, struct str word)
{
    static const char padded[] = "-\0\0\0\0\0\0\0";
    word = word.n == 0 ? (struct str){padded, 1} : word;
    struct stats_keys *k = &s->sets[set];
    if (LIKELY(k->count > 0)) {
        struct stats_key *last = &k->items[s->last_words[set]];
        if (LIKELY(last->n == word.n) && stats_same(k->text + last->at, word.p, word.n)) {
            last->count++;
            return;
        }
    }
    s->last_words[set] = count_word(k, word, 1);
}

/* ---- errors ---- */

static void
keep_example(struct stats_errors *e, uint32_t number, uint64_t time_us, struct str trace)
{
    GROW_BESIDE(e->examples, e->cap, number);
    struct stats_example *x = &e->examples[number];
    struct str known = {x->trace, x->n};
    bool earlier = x->trace == NULL || time_us < x->time_us ||
                   (time_us == x->time_us && str_cmp(trace, known) < 0);
    if (earlier) {
        xfree(x->trace);
        *x = (struct stats_example){time_us, xstrdup_str(trace), trace.n};
    }
}

static __attribute__((noinline)) void
count_error(struct stats *s, enum stats_error_kind kind, struct str word, uint64_t time_us,
            struct str trace)
{
    struct stats_errors *e = &s->errors[kind];
    keep_example(e, count_word(&e->words, word, 1), time_us, cut(trace));
}

static void
count_error_status(struct stats *s, enum stats_error_kind kind, unsigned status,
                   const struct stats_access *a)
{
    char digits[8 + STATS_KEY_SLACK] = {0};
    struct out o = out_of(digits, 8);
    out_u64(&o, status);
    count_error(s, kind, str_span(digits, o.p), a->time_us, a->trace);
}

/* ---- values of an access line ---- */

/* Nearly every time has the form d.ddd. */
static inline uint64_t
seconds(struct str text)
{
    if (LIKELY(text.n == 5)) {
        unsigned d0 = (uint8_t)text.p[0] - (unsigned)'0', d1 = (uint8_t)text.p[2] - (unsigned)'0';
        unsigned d2 = (uint8_t)text.p[3] - (unsigned)'0', d3 = (uint8_t)text.p[4] - (unsigned)'0';
        bool plain = (d0 < 10) & (d1 < 10) & (d2 < 10) & (d3 < 10) & (text.p[1] == '.');
        if (LIKELY(plain)) {
            return (d0 * 1000 + d1 * 100 + d2 * 10 + d3) * (uint64_t)1000;
        }
    }
    uint64_t us;
    return log_seconds(text, &us) ? us : ABSENT;
}

static inline unsigned
status(struct str text)
{
    if (LIKELY(text.n == 3)) {
        unsigned d0 = (uint8_t)text.p[0] - (unsigned)'0', d1 = (uint8_t)text.p[1] - (unsigned)'0';
        unsigned d2 = (uint8_t)text.p[2] - (unsigned)'0';
        if (LIKELY((d0 < 10) & (d1 < 10) & (d2 < 10))) {
            return d0 * 100 + d1 * 10 + d2;
        }
    }
    return log_status(text);
}

/* False if the line has no time that counts (the splitter has refused such lines). */
static bool
read_access(struct stats *s, const struct log_line *l, struct stats_access *a)
{
    if (!log_time(&s->clocks[0], log_line_raw(l, LOG_ACCESS_TIME), &a->time_us)) {
        return false;
    }
    uint64_t made_us;
    bool known =
        log_time(&s->clocks[1], log_line_raw(l, LOG_ACCESS_REQUEST_CREATION_TIME), &made_us) &&
        made_us <= a->time_us;
    a->legs_us[STATS_DURATION] = known ? a->time_us - made_us : ABSENT;
    a->legs_us[STATS_REQUEST] = seconds(log_line_raw(l, LOG_ACCESS_REQUEST_PROCESSING_TIME));
    a->legs_us[STATS_TARGET] = seconds(log_line_raw(l, LOG_ACCESS_TARGET_PROCESSING_TIME));
    a->legs_us[STATS_RESPONSE] = seconds(log_line_raw(l, LOG_ACCESS_RESPONSE_PROCESSING_TIME));
    a->elb = status(log_line_raw(l, LOG_ACCESS_ELB_STATUS_CODE));
    a->target = status(log_line_raw(l, LOG_ACCESS_TARGET_STATUS_CODE));
    a->elb_class = stats_class(a->elb);
    a->target_class = stats_class(a->target);
    a->received_bytes = log_number(log_line_raw(l, LOG_ACCESS_RECEIVED_BYTES));
    a->sent_bytes = log_number(log_line_raw(l, LOG_ACCESS_SENT_BYTES));
    a->trace = log_line_field(l, LOG_ACCESS_TRACE_ID);
    return true;
}

/* ---- the parts of an access line ---- */

static void
count_statuses(struct stats *s, const struct stats_access *a)
{
    struct {
        uint32_t elb, target;
        char slack[STATS_KEY_SLACK];
    } pair = {a->elb, a->target, {0}};
    uint32_t number =
        number_of(&s->statuses, 0, (struct str){(const char *)&pair, 8}, LIMIT_STATS_WORDS);
    if (UNLIKELY(number == STATS_NO_KEY)) {
        s->statuses_left_out++;
        return;
    }
    s->statuses.items[number].count++;
}

static struct stats_target *
target_new(struct stats *s, uint32_t number)
{
    GROW_BESIDE(s->per_target, s->per_target_cap, number);
    if (s->per_target[number] == NULL) {
        s->per_target[number] = xalloc(sizeof(struct stats_target));
    }
    return s->per_target[number];
}

/* Where requests to this target of this group are summed up. */
static inline struct stats_target *
target_of(struct stats *s, struct str group, struct str target)
{
    uint32_t group_number = number_of(&s->groups, 0, group, LIMIT_STATS_GROUPS);
    if (UNLIKELY(group_number == STATS_NO_KEY)) {
        return &s->left_out;
    }
    uint32_t number = number_of(&s->targets, group_number, target, LIMIT_STATS_GROUPS);
    if (UNLIKELY(number == STATS_NO_KEY)) {
        return &s->left_out;
    }
    if (UNLIKELY(number >= s->per_target_cap || s->per_target[number] == NULL)) {
        return target_new(s, number);
    }
    return s->per_target[number];
}

/* An absent field, with bytes behind that may be read. */
static inline struct str
none_if_absent(struct str s)
{
    return s.n == 1 && s.p[0] == '-' ? (struct str){s.p, 0} : s;
}

static inline struct str
padded_raw(const struct log_line *l, unsigned field)
{
    static const char nothing[STATS_KEY_SLACK] = {0};
    struct str s = log_line_raw(l, field);
    return s.p == NULL ? (struct str){nothing, 0} : s;
}

static struct stats_target *
want_target(struct stats *s, const struct log_line *l, const struct stats_access *a)
{
    struct stats_target *t =
        target_of(s, none_if_absent(padded_raw(l, LOG_ACCESS_TARGET_GROUP_ARN)),
                  none_if_absent(padded_raw(l, LOG_ACCESS_TARGET)));
    for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
        __builtin_prefetch(&t->legs[leg].pages[stats_bin(a->legs_us[leg] / 1000) / STATS_PAGE]);
    }
    return t;
}

static void
count_target(struct stats *s, struct stats_target *t, const struct stats_access *a)
{
    t->classes[a->elb_class]++;
    t->target_classes[a->target_class]++;
    t->received_bytes = stats_sum(t->received_bytes, a->received_bytes);
    t->sent_bytes = stats_sum(t->sent_bytes, a->sent_bytes);
    for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
        if (a->legs_us[leg] != ABSENT) {
            stats_hist_add(&s->pages, &t->legs[leg], a->legs_us[leg]);
        }
    }
}

/* A key of a top list. It is hashed long before it is counted, and what the table has under that
 * hash is fetched step by step meanwhile: with many keys that memory is far away. */
struct wanted_key {
    struct str text;
    uint64_t hash;
    uint32_t number; /* probably; STATS_NO_KEY: not known */
};

static inline void
fetch_items(struct stats *s, struct wanted_key keys[STATS_LIST_COUNT])
{
    for (int list = 0; list < STATS_LIST_COUNT; list++) {
        const struct stats_keys *k = &s->lists[list];
        uint64_t hash = keys[list].hash;
        keys[list].number = stats_slot_item(k->slots[hash & k->mask], hash);
        if (keys[list].number != STATS_NO_KEY) {
            const struct stats_key *item = &k->items[keys[list].number];
            __builtin_prefetch(item);
            __builtin_prefetch(&item->sent_bytes); /* often in the next line of the cache */
        }
    }
}

static inline void
fetch_texts(struct stats *s, const struct wanted_key keys[STATS_LIST_COUNT])
{
    for (int list = 0; list < STATS_LIST_COUNT; list++) {
        const struct stats_keys *k = &s->lists[list];
        if (keys[list].number != STATS_NO_KEY) {
            __builtin_prefetch(k->text + k->items[keys[list].number].at);
        }
    }
}

static inline void
want_key(struct stats *s, enum stats_list list, struct str text, struct wanted_key *ret_key)
{
    ret_key->text = cut(text);
    ret_key->hash = text.n == 0 ? 0 : stats_hash(&s->seed, text.p, ret_key->text.n);
    stats_keys_prefetch(&s->lists[list], ret_key->hash);
}

static inline void
count_top(struct stats *s, enum stats_list list, const struct wanted_key *w)
{
    if (w->text.n == 0) {
        return;
    }
    struct stats_keys *k = &s->lists[list];
    uint32_t number = stats_keys_find(k, w->hash, 0, w->text.p, w->text.n);
    if (UNLIKELY(number == STATS_NO_KEY)) {
        number = stats_keys_add_top(k, w->hash, w->text.p, w->text.n);
    }
    struct stats_key *item = &k->items[number];
    item->count++;
    item->failed += s->now.elb_class == 5;
    item->sent_bytes = stats_sum(item->sent_bytes, s->now.sent_bytes);
}

static void
want_client(struct stats *s, const struct log_line *l, struct wanted_key *ret_key)
{
    struct str client = STR_NONE;
    uint16_t port;
    (void)log_peer(log_line_raw(l, LOG_ACCESS_CLIENT), &client, &port); /* absent: none */
    want_key(s, STATS_CLIENTS, client, ret_key);
}

static void
want_keys(struct stats *s, const struct log_line *l, struct wanted_key keys[STATS_LIST_COUNT])
{
    want_client(s, l, &keys[STATS_CLIENTS]); /* there are most of them */
    struct log_request *r = &s->now.request;
    log_request(log_line_raw(l, LOG_ACCESS_REQUEST), r);
    struct str host = r->host.n > 0 ? r->host : log_line_field(l, LOG_ACCESS_DOMAIN_NAME);
    struct str path = r->path.n > 0 ? stats_fold(cut(r->path), s->scratch) : r->path;
    want_key(s, STATS_PATHS, path, &keys[STATS_PATHS]);
    want_key(s, STATS_HOSTS, host, &keys[STATS_HOSTS]);
    want_key(s, STATS_AGENTS, log_line_raw(l, LOG_ACCESS_USER_AGENT), &keys[STATS_AGENTS]);
}

static void
count_sets(struct stats *s, const struct log_line *l)
{
    count_set(s, STATS_TYPES, log_line_raw(l, LOG_ACCESS_TYPE));
    count_set(s, STATS_BALANCERS, log_line_raw(l, LOG_ACCESS_ELB));
    count_set(s, STATS_CIPHERS, log_line_raw(l, LOG_ACCESS_SSL_CIPHER));
    count_set(s, STATS_PROTOCOLS, log_line_raw(l, LOG_ACCESS_SSL_PROTOCOL));
    count_set(s, STATS_ACTIONS, log_line_raw(l, LOG_ACCESS_ACTIONS_EXECUTED));
    count_set(s, STATS_VERBS, s->now.request.verb);
    count_set(s, STATS_VERSIONS, s->now.request.version);
}

static inline bool
by_target(const struct stats_access *a)
{
    return a->target != 0 && a->elb == a->target; /* [tool-rulings 19] */
}

static void
count_errors(struct stats *s, const struct log_line *l, const struct stats_access *a)
{
    if (UNLIKELY(a->elb >= 400)) {
        if (!by_target(a)) {
            count_error_status(s, STATS_ERROR_STATUS, a->elb, a);
        } else if (a->elb_class == 5) {
            count_error_status(s, STATS_ERROR_TARGET_STATUS, a->elb, a);
        }
    }
    static const struct {
        unsigned field;
        enum stats_error_kind kind;
    } words[] = {
        {LOG_ACCESS_ERROR_REASON, STATS_ERROR_REASON},
        {LOG_ACCESS_CLASSIFICATION_REASON, STATS_ERROR_CLASSIFICATION},
        {LOG_ACCESS_REQUEST_TRANSFORM_STATUS, STATS_ERROR_TRANSFORM},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct str word = log_line_field(l, words[i].field);
        if (UNLIKELY(word.n > 0) &&
            !(words[i].kind == STATS_ERROR_TRANSFORM && str_eq(word, STR("TransformSuccess")))) {
            count_error(s, words[i].kind, word, a->time_us, a->trace);
        }
    }
}

/* ---- the slowest ---- */

static void
add_text(struct stats_slow_line *line, size_t *at, uint16_t *ret_n, struct str text)
{
    text = cut(text);
    if (text.n > 0) {
        memcpy(line->text + *at, text.p, text.n);
    }
    *at += text.n;
    *ret_n = (uint16_t)text.n;
}

static void
put_slow(struct stats *s, const struct stats_slow_line *line)
{
    size_t at = s->slow_count;
    while (at > 0 && stats_slow_order(line, &s->slowest[at - 1]) < 0) {
        at--;
    }
    if (at >= s->options.slowest) {
        return;
    }
    size_t after = MIN_OF(s->slow_count, (size_t)s->options.slowest - 1) - at;
    memmove(&s->slowest[at + 1], &s->slowest[at], after * sizeof(*line));
    s->slowest[at] = *line;
    s->slow_count = MIN_OF(s->slow_count + 1, (size_t)s->options.slowest);
}

static __attribute__((noinline)) void
keep_slow(struct stats *s, const struct log_line *l, const struct stats_access *a)
{
    struct stats_slow_line *line = &s->slowest[s->options.slowest]; /* one more than wanted */
    *line = (struct stats_slow_line){.duration_ms = a->legs_us[STATS_DURATION] / 1000,
                                     .time_us = a->time_us,
                                     .elb = a->elb,
                                     .target = a->target};
    for (int leg = 0; leg < 3; leg++) {
        line->legs_ms[leg] = a->legs_us[leg] == ABSENT ? ABSENT : a->legs_us[leg] / 1000;
    }
    size_t at = 0;
    add_text(line, &at, &line->verb_n, a->request.verb);
    add_text(line, &at, &line->url_n, a->request.url);
    add_text(line, &at, &line->peer_n, log_line_field(l, LOG_ACCESS_CLIENT));
    add_text(line, &at, &line->trace_n, a->trace);
    put_slow(s, line);
}

static inline void
count_slow(struct stats *s, const struct log_line *l, const struct stats_access *a)
{
    uint64_t us = a->legs_us[STATS_DURATION];
    bool room = s->slow_count < s->options.slowest;
    if (us != ABSENT &&
        (room || UNLIKELY(us / 1000 >= s->slowest[s->slow_count - 1].duration_ms))) {
        keep_slow(s, l, a);
    }
}

static __attribute__((noinline)) void
count_span(struct stats *s, const struct stats_access *a)
{
    struct stats_span *span = stats_timeline_span(s, a->time_us);
    span->classes[a->elb_class]++;
    span->received_bytes = stats_sum(span->received_bytes, a->received_bytes);
    span->sent_bytes = stats_sum(span->sent_bytes, a->sent_bytes);
    if (a->legs_us[STATS_DURATION] != ABSENT) {
        stats_hist_add(&s->pages, &span->duration, a->legs_us[STATS_DURATION]);
    }
    if (a->legs_us[STATS_TARGET] != ABSENT) {
        stats_hist_add(&s->pages, &span->target_time, a->legs_us[STATS_TARGET]);
    }
}

/* ---- lines ---- */

static inline void
count_time(struct stats *s, uint64_t time_us)
{
    s->lines++;
    s->first_us = MIN_OF(s->first_us, time_us);
    s->last_us = MAX_OF(s->last_us, time_us);
}

static void
take_access(struct stats *s, const struct log_line *l)
{
    struct stats_access *a = &s->now;
    struct wanted_key keys[STATS_LIST_COUNT];
    want_keys(s, l, keys);
    if (!read_access(s, l, a)) {
        return;
    }
    count_time(s, a->time_us);
    fetch_items(s, keys);
    struct stats_target *t = want_target(s, l, a);
    count_statuses(s, a);
    count_sets(s, l);
    fetch_texts(s, keys);
    count_target(s, t, a);
    count_errors(s, l, a);
    count_slow(s, l, a);
    if (s->timeline.width_us > 0) {
        count_span(s, a);
    }
    for (int list = 0; list < STATS_LIST_COUNT; list++) {
        count_top(s, (enum stats_list)list, &keys[list]);
    }
}

static struct stats_port *
port_of(struct stats *s, const struct log_line *l)
{
    struct str elb = padded_raw(l, LOG_CONNECTION_ELB);
    uint32_t balancer = number_of(&s->balancers, 0, elb, LIMIT_STATS_WORDS);
    uint32_t number =
        balancer == STATS_NO_KEY
            ? STATS_NO_KEY
            : number_of(&s->ports, balancer, padded_raw(l, LOG_CONNECTION_LISTENER_PORT),
                        LIMIT_STATS_WORDS);
    if (number == STATS_NO_KEY) {
        number = number_of_other(&s->ports);
    }
    GROW_BESIDE(s->per_port, s->per_port_cap, number);
    s->ports.items[number].count++;
    return &s->per_port[number];
}

static void
take_connection(struct stats *s, const struct log_line *l)
{
    uint64_t time_us;
    if (!log_time(&s->clocks[0], log_line_raw(l, LOG_CONNECTION_TIMESTAMP), &time_us)) {
        return;
    }
    count_time(s, time_us);
    s->connections++;
    struct str verify = log_line_field(l, LOG_CONNECTION_TLS_VERIFY_STATUS);
    bool has_tls = log_line_field(l, LOG_CONNECTION_TLS_PROTOCOL).n > 0;
    bool failed = str_starts(verify, STR("Failed"));
    struct stats_port *port = port_of(s, l);
    port->with_tls += has_tls;
    port->failed += failed;
    port->without += !has_tls && !failed;
    s->connections_with_tls += has_tls;
    uint64_t us;
    if (log_seconds(log_line_raw(l, LOG_CONNECTION_TLS_HANDSHAKE_LATENCY), &us)) {
        stats_hist_add(&s->pages, &s->handshake, us);
    }
    count_set(s, STATS_KEY_EXCHANGES, log_line_raw(l, LOG_CONNECTION_TLS_KEYEXCHANGE));
    count_set(s, STATS_VERIFY, verify);
    count_set(s, STATS_CONNECTION_PROTOCOLS, log_line_raw(l, LOG_CONNECTION_TLS_PROTOCOL));
    count_set(s, STATS_CONNECTION_CIPHERS, log_line_raw(l, LOG_CONNECTION_TLS_CIPHER));
    if (failed) {
        struct str code =
            str_starts(verify, STR("Failed:")) ? str_sub(verify, 7, verify.n) : verify;
        count_error(s, STATS_ERROR_TLS, code.n > 0 ? code : verify, time_us,
                    log_line_field(l, LOG_CONNECTION_CONN_TRACE_ID));
    }
}

/* The reason of the last failure; of two at once the one that sorts last. */
static void
keep_reason(struct stats_check *c, uint64_t time_us, struct str reason)
{
    struct str known = {c->reason, c->reason_n};
    bool later = c->reason == NULL || time_us > c->last_us ||
                 (time_us == c->last_us && str_cmp(reason, known) > 0);
    if (later) {
        xfree(c->reason);
        c->reason = xstrdup_str(reason);
        c->reason_n = reason.n;
        c->last_us = time_us;
    }
}

static struct stats_check *
check_of(struct stats *s, struct str group, struct str target)
{
    uint32_t group_number = number_of(&s->check_groups, 0, group, LIMIT_STATS_GROUPS);
    uint32_t number = group_number == STATS_NO_KEY
                          ? STATS_NO_KEY
                          : number_of(&s->checks, group_number, target, LIMIT_STATS_GROUPS);
    if (number == STATS_NO_KEY) {
        return NULL;
    }
    GROW_BESIDE(s->per_check, s->per_check_cap, number);
    return &s->per_check[number];
}

static void
take_health(struct stats *s, const struct log_line *l)
{
    uint64_t time_us, us;
    if (!log_time(&s->clocks[0], log_line_raw(l, LOG_HEALTH_TIME), &time_us)) {
        return;
    }
    count_time(s, time_us);
    struct str reason = log_line_field(l, LOG_HEALTH_REASON_CODE);
    bool passed = str_eq(log_line_raw(l, LOG_HEALTH_STATUS), STR("PASS"));
    if (!passed && reason.n > 0) {
        count_error(s, STATS_ERROR_HEALTH, reason, time_us, STR_NONE);
    }
    struct stats_check *c = check_of(s, padded_raw(l, LOG_HEALTH_TARGET_GROUP_ID),
                                     padded_raw(l, LOG_HEALTH_TARGET_ADDR));
    if (c == NULL) {
        s->checks_left_out++;
        return;
    }
    c->passed += passed;
    c->failed += !passed;
    if (!passed) {
        keep_reason(c, time_us, cut(reason));
    }
    if (log_seconds(log_line_raw(l, LOG_HEALTH_LATENCY), &us)) {
        stats_hist_add(&s->pages, &c->latency, us);
    }
}

static bool
take_line(void *state, const struct scan_line *scan)
{
    struct stats *s = OBJ_CAST(struct stats, STATS_MAGIC, state);
    ASSERT_DEBUG(!s->finished);
    if (UNLIKELY(scan->fault != LOG_FAULT_NONE)) {
        return true;
    }
    switch (scan->line.kind) {
    case LOG_ACCESS: take_access(s, &scan->line); break;
    case LOG_CONNECTION: take_connection(s, &scan->line); break;
    case LOG_HEALTH: take_health(s, &scan->line); break;
    case LOG_KIND_COUNT: NEVER("a good line is of some kind");
    }
    return true;
}

/* ---- joining ---- */

static void
join_words(struct stats_keys *k, const struct stats_keys *from)
{
    for (size_t i = 0; i < from->count; i++) {
        count_word(k, stats_key_text(from, i), from->items[i].count);
    }
}

static void
join_errors(struct stats_errors *e, const struct stats_errors *from)
{
    for (size_t i = 0; i < from->words.count; i++) {
        uint32_t number =
            count_word(&e->words, stats_key_text(&from->words, i), from->words.items[i].count);
        const struct stats_example *x = &from->examples[i];
        keep_example(e, number, x->time_us, (struct str){x->trace, x->n});
    }
}

static void
join_statuses(struct stats *s, const struct stats *from)
{
    s->statuses_left_out += from->statuses_left_out;
    for (size_t i = 0; i < from->statuses.count; i++) {
        uint64_t count = from->statuses.items[i].count;
        uint32_t number =
            number_of(&s->statuses, 0, stats_key_text(&from->statuses, i), LIMIT_STATS_WORDS);
        if (number == STATS_NO_KEY) {
            s->statuses_left_out += count;
        } else {
            s->statuses.items[number].count += count;
        }
    }
}

static void
join_target(struct stats *s, struct stats_target *t, const struct stats_target *from)
{
    for (int i = 0; i < STATS_CLASSES; i++) {
        t->classes[i] += from->classes[i];
        t->target_classes[i] += from->target_classes[i];
    }
    t->received_bytes = stats_sum(t->received_bytes, from->received_bytes);
    t->sent_bytes = stats_sum(t->sent_bytes, from->sent_bytes);
    for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
        stats_hist_join(&s->pages, &t->legs[leg], &from->legs[leg]);
    }
}

static void
join_targets(struct stats *s, const struct stats *from)
{
    for (size_t i = 0; i < from->targets.count; i++) {
        struct str group = stats_key_text(&from->groups, from->targets.items[i].owner);
        struct stats_target *t = target_of(s, group, stats_key_text(&from->targets, i));
        join_target(s, t, from->per_target[i]);
    }
    join_target(s, &s->left_out, &from->left_out);
}

static void
join_ports(struct stats *s, const struct stats *from)
{
    for (size_t i = 0; i < from->ports.count; i++) {
        const struct stats_key *key = &from->ports.items[i];
        struct str elb = stats_key_text(&from->balancers, key->owner);
        uint32_t balancer = number_of(&s->balancers, 0, elb, LIMIT_STATS_WORDS);
        uint32_t number = balancer == STATS_NO_KEY
                              ? STATS_NO_KEY
                              : number_of(&s->ports, balancer, stats_key_text(&from->ports, i),
                                          LIMIT_STATS_WORDS);
        number = number == STATS_NO_KEY ? number_of_other(&s->ports) : number;
        GROW_BESIDE(s->per_port, s->per_port_cap, number);
        s->ports.items[number].count += key->count;
        s->per_port[number].with_tls += from->per_port[i].with_tls;
        s->per_port[number].failed += from->per_port[i].failed;
        s->per_port[number].without += from->per_port[i].without;
    }
    s->connections += from->connections;
    s->connections_with_tls += from->connections_with_tls;
    stats_hist_join(&s->pages, &s->handshake, &from->handshake);
}

static void
join_checks(struct stats *s, const struct stats *from)
{
    s->checks_left_out += from->checks_left_out;
    for (size_t i = 0; i < from->checks.count; i++) {
        const struct stats_check *other = &from->per_check[i];
        struct str group = stats_key_text(&from->check_groups, from->checks.items[i].owner);
        struct stats_check *c = check_of(s, group, stats_key_text(&from->checks, i));
        if (c == NULL) {
            s->checks_left_out += other->passed + other->failed;
            continue;
        }
        c->passed += other->passed;
        c->failed += other->failed;
        stats_hist_join(&s->pages, &c->latency, &other->latency);
        if (other->reason != NULL) {
            keep_reason(c, other->last_us, (struct str){other->reason, other->reason_n});
        }
    }
}

static void *
fork_state(void *state)
{
    const struct stats *s = OBJ_CAST(struct stats, STATS_MAGIC, state);
    return make(&s->options, &s->seed);
}

static void
join_state(void *state, void *forked)
{
    struct stats *s = OBJ_CAST(struct stats, STATS_MAGIC, state);
    struct stats *from = OBJ_CAST(struct stats, STATS_MAGIC, forked);
    s->lines += from->lines;
    s->first_us = MIN_OF(s->first_us, from->first_us);
    s->last_us = MAX_OF(s->last_us, from->last_us);
    for (int i = 0; i < STATS_LIST_COUNT; i++) {
        stats_keys_join(&s->lists[i], &from->lists[i]);
    }
    for (int i = 0; i < STATS_SET_COUNT; i++) {
        join_words(&s->sets[i], &from->sets[i]);
    }
    for (int i = 0; i < STATS_ERROR_KIND_COUNT; i++) {
        join_errors(&s->errors[i], &from->errors[i]);
    }
    for (size_t i = 0; i < from->slow_count; i++) {
        put_slow(s, &from->slowest[i]);
    }
    join_statuses(s, from);
    join_targets(s, from);
    join_ports(s, from);
    join_checks(s, from);
    stats_timeline_join(s, from);
    stats_free(&from);
}

const struct scan_sink stats_sink = {.fork = fork_state, .join = join_state, .line = take_line};
