/* SPDX-License-Identifier: Apache-2.0
 * The end of the statistics: sums of sums, percentiles, and every table in an order that depends on
 * the lines alone, not on who read them. */
#include "query/stats_int.h"

#include <stdlib.h>

/* ---- words for programs ---- */

const char *
stats_leg_word(enum stats_leg leg)
{
    static const char *const words[STATS_LEG_COUNT] = {
        [STATS_REQUEST] = "request_processing_time",
        [STATS_TARGET] = "target_processing_time",
        [STATS_RESPONSE] = "response_processing_time",
        [STATS_DURATION] = "duration",
    };
    ASSERT(leg < STATS_LEG_COUNT);
    return words[leg];
}

const char *
stats_list_word(enum stats_list list)
{
    static const char *const words[STATS_LIST_COUNT] = {
        [STATS_HOSTS] = "hosts",
        [STATS_PATHS] = "paths",
        [STATS_CLIENTS] = "clients",
        [STATS_AGENTS] = "user_agents",
    };
    ASSERT(list < STATS_LIST_COUNT);
    return words[list];
}

const char *
stats_set_word(enum stats_set set)
{
    static const char *const words[STATS_SET_COUNT] = {
        [STATS_TYPES] = "types",
        [STATS_PROTOCOLS] = "tls_versions",
        [STATS_CIPHERS] = "tls_ciphers",
        [STATS_VERBS] = "methods",
        [STATS_VERSIONS] = "http_versions",
        [STATS_ACTIONS] = "actions",
        [STATS_BALANCERS] = "load_balancers",
        [STATS_KEY_EXCHANGES] = "key_exchanges",
        [STATS_VERIFY] = "tls_verify_statuses",
        [STATS_CONNECTION_PROTOCOLS] = "connection_tls_versions",
        [STATS_CONNECTION_CIPHERS] = "connection_tls_ciphers",
    };
    ASSERT(set < STATS_SET_COUNT);
    return words[set];
}

/* ---- orders ---- */

static int
by_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* For qsort: more first, then by name. */
static int
by_count(const void *a, const void *b)
{
    const struct stats_count *x = a, *y = b;
    int order = by_u64(y->count, x->count);
    return order != 0 ? order : str_cmp(x->word, y->word);
}

static int
by_row(const void *a, const void *b)
{
    const struct stats_row *x = a, *y = b;
    int order = by_u64(y->count, x->count);
    return order != 0 ? order : str_cmp(x->key, y->key);
}

static int
by_error(const void *a, const void *b)
{
    const struct stats_error *x = a, *y = b;
    int order = x->kind != y->kind ? by_u64(x->kind, y->kind) : by_u64(y->count, x->count);
    return order != 0 ? order : str_cmp(x->word, y->word);
}

static int
by_status(const void *a, const void *b)
{
    const struct stats_status *x = a, *y = b;
    int order = by_u64(y->count, x->count);
    order = order != 0 ? order : by_u64(x->elb, y->elb);
    return order != 0 ? order : by_u64(x->target, y->target);
}

static int
by_checked(const void *a, const void *b)
{
    const struct stats_checked *x = a, *y = b;
    int order = by_u64(y->failed, x->failed);
    order = order != 0 ? order : str_cmp(x->target_group, y->target_group);
    return order != 0 ? order : str_cmp(x->target, y->target);
}

static struct str
slow_text(const struct stats_slow_line *line, unsigned index)
{
    const uint16_t n[] = {line->verb_n, line->url_n, line->peer_n, line->trace_n};
    size_t at = 0;
    for (unsigned i = 0; i < index; i++) {
        at += n[i];
    }
    return (struct str){line->text + at, n[index]};
}

int
stats_slow_order(const struct stats_slow_line *a, const struct stats_slow_line *b)
{
    int order = by_u64(b->duration_ms, a->duration_ms);
    order = order != 0 ? order : by_u64(a->time_us, b->time_us);
    for (unsigned i = 4; i-- > 0 && order == 0;) { /* the trace id first */
        order = str_cmp(slow_text(a, i), slow_text(b, i));
    }
    order = order != 0 ? order : by_u64(a->elb, b->elb);
    order = order != 0 ? order : by_u64(a->target, b->target);
    for (unsigned i = 0; i < 3 && order == 0; i++) {
        order = by_u64(a->legs_ms[i], b->legs_ms[i]);
    }
    return order;
}

/* ---- lists and sets ---- */

/* An empty table has no memory: qsort and NULL do not go together. */
static void
sort(void *items, size_t count, size_t size, int (*order)(const void *, const void *))
{
    if (count > 1) {
        qsort(items, count, size, order);
    }
}

static void
finish_list(struct stats *s, enum stats_list list)
{
    const struct stats_keys *k = &s->lists[list];
    struct stats_row *rows = xalloc(k->count * sizeof(*rows));
    for (size_t i = 0; i < k->count; i++) {
        const struct stats_key *item = &k->items[i];
        rows[i] = (struct stats_row){stats_key_text(k, i), item->count, item->missed, item->failed,
                                     item->sent_bytes};
    }
    sort(rows, k->count, sizeof(*rows), by_row);
    size_t count = MIN_OF(k->count, (size_t)s->options.top);
    s->tables.lists[list] = (struct stats_top){
        .rows = xrealloc(rows, count * sizeof(*rows)),
        .count = count,
        .distinct = stats_keys_distinct(k),
        .exact = k->forgotten == 0,
    };
}

static const struct stats_count *
finish_set(const struct stats_keys *k)
{
    struct stats_count *words = xalloc(k->count * sizeof(*words));
    for (size_t i = 0; i < k->count; i++) {
        words[i] = (struct stats_count){stats_key_text(k, i), k->items[i].count};
    }
    sort(words, k->count, sizeof(*words), by_count);
    return words;
}

static void
finish_errors(struct stats *s)
{
    size_t count = 0;
    for (int kind = 0; kind < STATS_ERROR_KIND_COUNT; kind++) {
        count += s->errors[kind].words.count;
    }
    struct stats_error *errors = xalloc(count * sizeof(*errors));
    struct stats_error *to = errors;
    for (int kind = 0; kind < STATS_ERROR_KIND_COUNT; kind++) {
        const struct stats_errors *e = &s->errors[kind];
        for (size_t i = 0; i < e->words.count; i++) {
            *to++ = (struct stats_error){
                .kind = (enum stats_error_kind)kind,
                .word = stats_key_text(&e->words, i),
                .count = e->words.items[i].count,
                .example_trace = {e->examples[i].trace, e->examples[i].n},
            };
        }
    }
    sort(errors, count, sizeof(*errors), by_error);
    s->tables.errors = errors;
    s->tables.error_count = count;
}

static void
finish_matrix(struct stats *s)
{
    struct stats_tables *t = &s->tables;
    const struct stats_keys *k = &s->statuses;
    struct stats_status *matrix = xalloc(k->count * sizeof(*matrix));
    for (size_t i = 0; i < k->count; i++) {
        uint32_t pair[2];
        memcpy(pair, stats_key_text(k, i).p, sizeof(pair));
        matrix[i] = (struct stats_status){pair[0], pair[1], k->items[i].count};
        if (pair[0] != 0 && pair[0] == pair[1]) {
            t->made_by_target += k->items[i].count;
        }
    }
    sort(matrix, k->count, sizeof(*matrix), by_status);
    t->matrix = matrix;
    t->matrix_count = k->count;
    t->matrix_left_out = s->statuses_left_out;
}

/* ---- target groups ---- */

/* A target and its place in the order. */
struct place {
    uint64_t group_requests, requests;
    struct str group, target;
    const struct stats_target *sums;
    uint32_t group_number;
};

static int
by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = by_u64(y->group_requests, x->group_requests);
    order = order != 0 ? order : str_cmp(x->group, y->group);
    order = order != 0 ? order : by_u64(y->requests, x->requests);
    return order != 0 ? order : str_cmp(x->target, y->target);
}

static uint64_t
requests_of(const struct stats_target *t)
{
    uint64_t requests = 0;
    for (int i = 0; i < STATS_CLASSES; i++) {
        requests += t->classes[i];
    }
    return requests;
}

static struct place *
places_of(struct stats *s)
{
    size_t count = s->targets.count;
    struct place *places = xalloc(count * sizeof(*places));
    uint64_t *group_requests = xalloc(s->groups.count * sizeof(*group_requests));
    for (size_t i = 0; i < count; i++) {
        group_requests[s->targets.items[i].owner] += requests_of(s->per_target[i]);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t group = s->targets.items[i].owner;
        places[i] = (struct place){
            .group_requests = group_requests[group],
            .requests = requests_of(s->per_target[i]),
            .group = stats_key_text(&s->groups, group),
            .target = stats_key_text(&s->targets, i),
            .sums = s->per_target[i],
            .group_number = group,
        };
    }
    xfree(group_requests);
    sort(places, count, sizeof(*places), by_place);
    return places;
}

static struct stats_values
values_of(struct stats_dense *scratch, const struct stats_hist *h)
{
    memset(scratch, 0, sizeof(*scratch));
    stats_dense_add(scratch, h);
    return stats_dense_values(scratch);
}

static void
add_sums(struct stats_group *row, const struct stats_target *t)
{
    row->requests += requests_of(t);
    for (int i = 0; i < STATS_CLASSES; i++) {
        row->classes[i] += t->classes[i];
        row->target_classes[i] += t->target_classes[i];
    }
    row->received_bytes = stats_sum(row->received_bytes, t->received_bytes);
    row->sent_bytes = stats_sum(row->sent_bytes, t->sent_bytes);
}

/* Fills the group's own row and those of its targets, which stand in a row of places; adds the
 * times to those of the whole. Returns the number of rows. */
static size_t
finish_group(struct stats_group *rows, const struct place *places, size_t count,
             struct stats_dense *scratch, struct stats_dense whole[STATS_LEG_COUNT])
{
    size_t row_count = 1;
    rows[0] = (struct stats_group){.target_group = places->group, .target = STR("")};
    for (size_t i = 0; i < count; i++) {
        add_sums(&rows[0], places[i].sums);
        if (places[i].target.n > 0) {
            struct stats_group *row = &rows[row_count++];
            *row =
                (struct stats_group){.target_group = places[i].group, .target = places[i].target};
            add_sums(row, places[i].sums);
            for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
                row->legs[leg] = values_of(scratch, &places[i].sums->legs[leg]);
            }
        }
    }
    for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
        memset(scratch, 0, sizeof(*scratch));
        for (size_t i = 0; i < count; i++) {
            stats_dense_add(scratch, &places[i].sums->legs[leg]);
            stats_dense_add(&whole[leg], &places[i].sums->legs[leg]);
        }
        rows[0].legs[leg] = stats_dense_values(scratch);
    }
    return row_count;
}

static void
finish_groups(struct stats *s)
{
    struct stats_tables *t = &s->tables;
    size_t count = s->targets.count;
    struct place *places = places_of(s);
    struct stats_dense *scratch = xalloc(sizeof(*scratch));
    struct stats_dense *whole = xalloc(STATS_LEG_COUNT * sizeof(*whole));
    struct stats_group *rows = xalloc((count + s->groups.count) * sizeof(*rows));
    struct stats_group all = {0};
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && places[to].group_number == places[from].group_number; to++) {
        }
        t->group_count +=
            finish_group(rows + t->group_count, places + from, to - from, scratch, whole);
    }
    for (size_t i = 0; i < count; i++) {
        add_sums(&all, places[i].sums);
    }
    add_sums(&all, &s->left_out);
    t->groups = rows;
    t->groups_left_out = requests_of(&s->left_out);
    t->requests = all.requests;
    t->received_bytes = all.received_bytes;
    t->sent_bytes = all.sent_bytes;
    memcpy(t->classes, all.classes, sizeof(t->classes));
    for (int leg = 0; leg < STATS_LEG_COUNT; leg++) {
        stats_dense_add(&whole[leg], &s->left_out.legs[leg]);
        t->legs[leg] = stats_dense_values(&whole[leg]);
        t->coarse_values += whole[leg].coarse;
    }
    xfree(places);
    xfree(whole);
    xfree(scratch);
}

/* ---- the rest ---- */

static void
finish_slowest(struct stats *s)
{
    struct stats_slow *rows = xalloc(s->slow_count * sizeof(*rows));
    for (size_t i = 0; i < s->slow_count; i++) {
        const struct stats_slow_line *line = &s->slowest[i];
        rows[i] = (struct stats_slow){
            .duration_ms = line->duration_ms,
            .time_us = line->time_us,
            .elb = line->elb,
            .target = line->target,
            .verb = slow_text(line, 0),
            .url = slow_text(line, 1),
            .peer = slow_text(line, 2),
            .trace = slow_text(line, 3),
        };
        memcpy(rows[i].legs_ms, line->legs_ms, sizeof(rows[i].legs_ms));
    }
    s->tables.slowest = rows;
    s->tables.slowest_count = s->slow_count;
}

static void
finish_buckets(struct stats *s)
{
    const struct stats_timeline *t = &s->timeline;
    struct stats_dense *scratch = xalloc(sizeof(*scratch));
    struct stats_bucket *buckets = xalloc(t->count * sizeof(*buckets));
    for (size_t i = 0; i < t->count; i++) {
        struct stats_bucket *b = &buckets[i];
        b->from_us = (t->first + i) * t->width_us;
        const struct stats_span *span = t->spans[i];
        if (span == NULL) {
            continue;
        }
        for (int class = 0; class < STATS_CLASSES; class ++) {
            b->classes[class] = span->classes[class];
            b->requests += span->classes[class];
        }
        b->received_bytes = span->received_bytes;
        b->sent_bytes = span->sent_bytes;
        b->duration = values_of(scratch, &span->duration);
        s->tables.coarse_values += scratch->coarse;
        b->target_time = values_of(scratch, &span->target_time);
        s->tables.coarse_values += scratch->coarse;
    }
    xfree(scratch);
    s->tables.buckets = buckets;
    s->tables.bucket_count = t->count;
    s->tables.by_us = t->width_us;
}

/* The ports of all load balancers together. */
static struct stats_keys
ports_alone(const struct stats *s)
{
    struct stats_keys ports;
    stats_keys_init(&ports, &s->seed, false);
    for (size_t i = 0; i < s->ports.count; i++) {
        struct str port = stats_key_text(&s->ports, i);
        uint64_t hash = stats_hash(&s->seed, port.p, port.n);
        uint32_t number = stats_keys_find(&ports, hash, 0, port.p, port.n);
        if (number == STATS_NO_KEY) {
            number = stats_keys_add(&ports, hash, 0, port.p, port.n);
        }
        ports.items[number].count += s->ports.items[i].count;
    }
    return ports;
}

static void
finish_connections(struct stats *s)
{
    struct stats_connections *c = &s->tables.connections;
    c->count = s->connections;
    c->with_tls = s->connections_with_tls;
    for (size_t i = 0; i < s->ports.count; i++) {
        const struct stats_port *port = &s->per_port[i];
        /* a listener that was seen to speak TLS: who did not manage to has failed */
        bool speaks_tls = port->with_tls + port->failed > 0;
        c->failed += port->failed + (speaks_tls ? port->without : 0);
    }
    struct stats_dense *scratch = xalloc(sizeof(*scratch));
    c->handshake = values_of(scratch, &s->handshake);
    s->tables.coarse_values += scratch->coarse;
    xfree(scratch);
    s->finished_ports = ports_alone(s);
    c->listener_ports = finish_set(&s->finished_ports);
    c->listener_port_count = s->finished_ports.count;
}

static void
finish_checks(struct stats *s)
{
    size_t count = s->checks.count;
    struct stats_checked *rows = xalloc(count * sizeof(*rows));
    struct stats_dense *scratch = xalloc(sizeof(*scratch));
    for (size_t i = 0; i < count; i++) {
        const struct stats_check *c = &s->per_check[i];
        rows[i] = (struct stats_checked){
            .target_group = stats_key_text(&s->check_groups, s->checks.items[i].owner),
            .target = stats_key_text(&s->checks, i),
            .passed = c->passed,
            .failed = c->failed,
            .latency = values_of(scratch, &c->latency),
            .last_reason = {c->reason, c->reason_n},
        };
        s->tables.coarse_values += scratch->coarse;
    }
    xfree(scratch);
    sort(rows, count, sizeof(*rows), by_checked);
    s->tables.checked = rows;
    s->tables.checked_count = count;
    s->tables.checks_left_out = s->checks_left_out;
}

const struct stats_tables *
stats_finish(struct stats *s)
{
    ASSERT(s->magic == STATS_MAGIC);
    struct stats_tables *t = &s->tables;
    if (s->finished) {
        return t;
    }
    s->finished = true;
    t->first_us = s->lines == 0 ? 0 : s->first_us;
    t->last_us = s->last_us;
    finish_matrix(s);
    finish_groups(s);
    t->made_by_lb = t->requests - t->made_by_target;
    for (int i = 0; i < STATS_LIST_COUNT; i++) {
        finish_list(s, (enum stats_list)i);
    }
    for (int i = 0; i < STATS_SET_COUNT; i++) {
        t->sets[i] = finish_set(&s->sets[i]);
        t->set_count[i] = s->sets[i].count;
    }
    finish_errors(s);
    finish_slowest(s);
    finish_buckets(s);
    finish_connections(s);
    finish_checks(s);
    return t;
}

/* The tables are read-only for others, yet ours. */
static void
free_table(const void *table)
{
    union {
        const void *theirs;
        void *ours;
    } pointer = {table};
    xfree(pointer.ours);
}

void
stats_tables_free(struct stats_tables *t)
{
    for (int i = 0; i < STATS_LIST_COUNT; i++) {
        free_table(t->lists[i].rows);
    }
    for (int i = 0; i < STATS_SET_COUNT; i++) {
        free_table(t->sets[i]);
    }
    const void *tables[] = {t->matrix,
                            t->groups,
                            t->errors,
                            t->slowest,
                            t->buckets,
                            t->checked,
                            t->connections.listener_ports};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        free_table(tables[i]);
    }
    *t = (struct stats_tables){0};
}
