/* SPDX-License-Identifier: Apache-2.0
 * Functions that SQLite lacks: exact percentiles in memory that depends on the number of different
 * values only (times of a log have milliseconds: some thousands of them), and small ones for paths
 * and statuses. */
#include "query/sql_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/rand.h"
#include "query/stats.h"

/* ---- percentiles ---- */

struct tally {
    double value;
    uint64_t count; /* 0: the place is empty */
};

/* State of one group. SQLite zeroes it and frees it without asking: `places` is freed in the final
 * call, which SQLite makes in every case. */
struct percentile {
    struct tally *places; /* owned; open addressing */
    size_t cap;           /* a power of two, or 0 */
    size_t distinct;
    uint64_t total;
    uint64_t seed;
    double wanted; /* 0..100 */
    bool begun, real, failed;
};

static size_t
place_of(const struct percentile *p, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits ^= p->seed;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u; /* splitmix64 */
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    size_t i = (size_t)(bits ^ bits >> 31) & (p->cap - 1);
    while (p->places[i].count > 0 && p->places[i].value != value) {
        i = (i + 1) & (p->cap - 1);
    }
    return i;
}

static void
percentile_grow(struct percentile *p)
{
    struct percentile larger = *p;
    larger.cap = p->cap == 0 ? 64 : p->cap * 2;
    larger.places = xalloc(larger.cap * sizeof(*larger.places));
    for (size_t i = 0; i < p->cap; i++) {
        if (p->places[i].count > 0) {
            larger.places[place_of(&larger, p->places[i].value)] = p->places[i];
        }
    }
    xfree(p->places);
    *p = larger;
}

static void
fail(sqlite3_context *context, struct percentile *p, const char *msgid)
{
    p->failed = true;
    sqlite3_result_error(context, tr(msgid), -1);
}

/* What SQLite hands to a function: which percentile it is. */
struct sql_function {
    struct sql *sql; /* borrowed */
    double percent;  /* negative: the second argument says it */
};

static void
percentile_add(sqlite3_context *context, struct percentile *p, double value)
{
    const struct sql_function *function = sqlite3_user_data(context);
    if (p->distinct * 4 >= p->cap * 3) {
        percentile_grow(p);
    }
    struct tally *t = &p->places[place_of(p, value)];
    if (t->count == 0) {
        if (function->sql->percentile_values >= LIMIT_SQL_PERCENTILE_VALUES) {
            fail(context, p,
                 N_("There are too many different values for an exact percentile: round them, "
                    "narrow the question by WHERE, or use openalb logs stats."));
            return;
        }
        function->sql->percentile_values++;
        p->distinct++;
        t->value = value;
    }
    t->count++;
    p->total++;
}

/* Takes the wanted percentage; false: it is none, or another one than in the row before. */
static bool
percentile_wanted(sqlite3_context *context, struct percentile *p, sqlite3_value *percent)
{
    const struct sql_function *function = sqlite3_user_data(context);
    double wanted = percent == NULL ? function->percent : sqlite3_value_double(percent);
    bool number = percent == NULL || sqlite3_value_numeric_type(percent) == SQLITE_INTEGER ||
                  sqlite3_value_numeric_type(percent) == SQLITE_FLOAT;
    if (!number || !(wanted >= 0 && wanted <= 100) || (p->begun && wanted != p->wanted)) {
        fail(context, p, N_("The second argument of percentile() is one number from 0 to 100."));
        return false;
    }
    p->wanted = wanted;
    return true;
}

static void
percentile_step(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct percentile *p = sqlite3_aggregate_context(context, sizeof(*p));
    if (p == NULL || p->failed || !percentile_wanted(context, p, argc > 1 ? argv[1] : NULL)) {
        return;
    }
    if (!p->begun) {
        struct rand random;
        rand_seed_system(&random);
        p->seed = rand_u64(&random);
        p->begun = true;
    }
    int type = sqlite3_value_numeric_type(argv[0]);
    if (type == SQLITE_NULL) {
        return;
    }
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
        fail(context, p, N_("Percentiles are for numbers only."));
        return;
    }
    p->real |= type == SQLITE_FLOAT;
    percentile_add(context, p, sqlite3_value_double(argv[0]) + 0.0); /* -0.0 becomes 0.0 */
}

static int
compare_tallies(const void *left, const void *right)
{
    const struct tally *a = left;
    const struct tally *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

/* The value at the nearest rank: the smallest one that at least `wanted` per cent do not exceed. */
static double
percentile_value(struct percentile *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->cap; i++) {
        if (p->places[i].count > 0) {
            p->places[n++] = p->places[i];
        }
    }
    qsort(p->places, n, sizeof(*p->places), compare_tallies);
    /* A hair less, so that 99.9 % of 1000 is 999 although 99.9 has no exact double. */
    long double exact = (long double)p->wanted * (long double)p->total / 100;
    exact -= 1e-9L * exact;
    uint64_t rank = (uint64_t)exact;
    rank += (long double)rank < exact; /* rounded up */
    uint64_t seen = 0;
    size_t i = 0;
    for (; i + 1 < n; i++) {
        seen += p->places[i].count;
        if (seen >= rank) {
            break;
        }
    }
    return p->places[i].value;
}

static void
percentile_final(sqlite3_context *context)
{
    const struct sql_function *function = sqlite3_user_data(context);
    struct percentile *p = sqlite3_aggregate_context(context, 0);
    if (p == NULL) {
        return;
    }
    if (p->total > 0 && !p->failed) {
        double value = percentile_value(p);
        if (p->real) {
            sqlite3_result_double(context, value);
        } else {
            sqlite3_result_int64(context, (sqlite3_int64)value);
        }
    }
    function->sql->percentile_values -= p->distinct;
    xfree(p->places);
    *p = (struct percentile){0};
}

/* ---- paths and statuses ---- */

static void
fold_path(sqlite3_context *context, int argc UNUSED, sqlite3_value **argv)
{
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL) {
        return;
    }
    struct str path = {(const char *)sqlite3_value_text(argv[0]),
                       (size_t)sqlite3_value_bytes(argv[0])};
    char *folded = xalloc(path.n + 1);
    struct out out = out_of(folded, path.n);
    stats_fold_path(&out, path);
    ASSERT(!out.full);
    sqlite3_result_text64(context, folded, (sqlite3_uint64)(out.p - folded), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
    xfree(folded);
}

static void
status_class(sqlite3_context *context, int argc UNUSED, sqlite3_value **argv)
{
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    sqlite3_int64 status = sqlite3_value_int64(argv[0]);
    if (sqlite3_value_type(argv[0]) != SQLITE_NULL && status >= 100 && status < 600) {
        sqlite3_result_text(context, classes[status / 100 - 1], 3, SQLITE_STATIC);
    }
}

int
sql_functions_register(struct sql *sql)
{
    static const struct {
        const char *name;
        double percent;
    } percentiles[] = {{"percentile", -1}, {"p50", 50}, {"median", 50},
                       {"p90", 90},        {"p95", 95}, {"p99", 99}};
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < COUNT_OF(percentiles) && rc == SQLITE_OK; i++) {
        struct sql_function *function = xalloc(sizeof(*function));
        function->sql = sql;
        function->percent = percentiles[i].percent;
        rc = sqlite3_create_function_v2(sql->db, percentiles[i].name,
                                        percentiles[i].percent < 0 ? 2 : 1, flags, function, NULL,
                                        percentile_step, percentile_final, xfree);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_create_function_v2(sql->db, "fold_path", 1, flags, NULL, fold_path, NULL, NULL,
                                        NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_create_function_v2(sql->db, "status_class", 1, flags, NULL, status_class, NULL,
                                        NULL, NULL);
    }
    return rc;
}
