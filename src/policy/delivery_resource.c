/* SPDX-License-Identifier: Apache-2.0
 * Why the Resource of a statement does not cover the keys of a log: each known mistake is a change
 * of the key (another prefix, another account) or of the Resource (a missing star); the smallest
 * set of changes under which the Resource would match is what is wrong. */
#include <stdio.h>

#include "base/defs.h"
#include "policy/delivery_int.h"

/* Mistakes in what stands before AWSLogs/. */
enum lead { LEAD_RIGHT, LEAD_MISSING, LEAD_DOUBLED, LEAD_SLASHED, LEAD_THEIRS, LEAD_COUNT };
enum owner { OWNER_RIGHT, OWNER_THEIRS, OWNER_COUNT };
enum tail { TAIL_RIGHT, TAIL_STAR, TAIL_SLASH_STAR, TAIL_COUNT };

/* A Resource in its parts. */
struct place {
    struct str whole;
    struct str lead;    /* between BUCKET/ and AWSLogs/ */
    struct str account; /* between AWSLogs/ and the next slash; empty: there is none */
    bool has_folder;    /* AWSLogs/ occurs */
    bool slashed;       /* "//" occurs in the key */
};

static void
take_apart(struct str resource, struct place *ret_place)
{
    *ret_place = (struct place){.whole = resource};
    struct str rest = resource;
    for (int colons = 0; colons < 5; colons++) {
        struct str ignored;
        if (!str_cut(&rest, ':', &ignored)) {
            return;
        }
    }
    size_t slash, folder;
    if (!str_find_char(rest, '/', &slash)) {
        return;
    }
    struct str key = str_sub(rest, slash + 1, rest.n);
    ret_place->slashed = str_find(key, STR("//"), NULL) || str_starts(key, STR("/"));
    if (!str_find(key, STR("AWSLogs"), &folder)) {
        return;
    }
    ret_place->has_folder = true;
    ret_place->lead = str_sub(key, 0, folder);
    struct str behind = str_sub(key, folder + strlen("AWSLogs"), key.n);
    if (str_starts(behind, STR("/"))) {
        struct str account = str_sub(behind, 1, behind.n);
        size_t end;
        account = str_find_char(account, '/', &end) ? str_sub(account, 0, end) : account;
        ret_place->account = account;
    }
}

/* The key as it would be with these mistakes; false if there is no such key. */
static bool
mistaken_key(struct buf *out, const struct delivery_context *c, enum delivery_object which,
             const struct place *place, enum lead lead, enum owner owner)
{
    const struct delivery_question *q = c->q;
    struct str right = str_of(c->resource[which]);
    size_t folder;
    if (!str_find(right, STR("AWSLogs/"), &folder)) {
        return false;
    }
    struct str behind = str_sub(right, folder + strlen("AWSLogs/") + q->account.n, right.n);
    bool prefixed = q->prefix.n > 0;
    if ((lead == LEAD_MISSING || lead == LEAD_DOUBLED) && !prefixed) {
        return false;
    }
    if (lead == LEAD_THEIRS && !place->has_folder) {
        return false;
    }
    if (owner == OWNER_THEIRS && place->account.n == 0) {
        return false;
    }
    buf_reset(out);
    buf_addf(out, "arn:%s:s3:::%.*s/", delivery_partition(q->region), STR_ARG(q->bucket));
    switch (lead) {
    case LEAD_MISSING: break;
    case LEAD_THEIRS: buf_add_str(out, place->lead); break;
    case LEAD_DOUBLED: buf_addf(out, "%.*s/%.*s/", STR_ARG(q->prefix), STR_ARG(q->prefix)); break;
    case LEAD_SLASHED: buf_addf(out, "%.*s%s", STR_ARG(q->prefix), prefixed ? "//" : "/"); break;
    case LEAD_RIGHT:
    case LEAD_COUNT: buf_addf(out, "%.*s%s", STR_ARG(q->prefix), prefixed ? "/" : ""); break;
    }
    buf_addf(out, "AWSLogs/%.*s%.*s", STR_ARG(owner == OWNER_THEIRS ? place->account : q->account),
             STR_ARG(behind));
    return true;
}

static bool
would_match(struct str resource, enum tail tail, struct str key)
{
    static const char *const ends[TAIL_COUNT] = {"", "*", "/*"};
    struct buf pattern = {0};
    buf_add_str(&pattern, resource);
    buf_add_z(&pattern, ends[tail]);
    bool match = policy_wildcard_match(buf_str(&pattern), key, false);
    buf_free(&pattern);
    return match;
}

struct mistakes {
    enum lead lead;
    enum owner owner;
    enum tail tail;
};

static unsigned
mistake_count(const struct mistakes *m)
{
    return (m->lead != LEAD_RIGHT ? 1u : 0u) + (m->owner != OWNER_RIGHT ? 1u : 0u) +
           (m->tail != TAIL_RIGHT ? 1u : 0u);
}

/* The smallest set of mistakes that explains the Resource; false: none does. */
static bool
find_mistakes(const struct delivery_context *c, const struct place *place,
              struct mistakes *ret_mistakes)
{
    struct buf key = {0};
    bool found = false;
    for (int i = 0; i < LEAD_COUNT * OWNER_COUNT * TAIL_COUNT; i++) {
        struct mistakes m = {(enum lead)(i % LEAD_COUNT),
                             (enum owner)(i / LEAD_COUNT % OWNER_COUNT),
                             (enum tail)(i / (LEAD_COUNT * OWNER_COUNT))};
        if (found && mistake_count(&m) >= mistake_count(ret_mistakes)) {
            continue;
        }
        bool all = true;
        for (unsigned which = 0; which < DELIVERY_REQUESTS && all; which++) {
            all = mistaken_key(&key, c, (enum delivery_object)which, place, m.lead, m.owner) &&
                  would_match(place->whole, m.tail, buf_str(&key));
        }
        if (all) {
            *ret_mistakes = m;
            found = true;
        }
    }
    buf_free(&key);
    return found;
}

/* ---- telling ---- */

/* Where the points of one statement go. */
struct telling {
    struct delivery_report *report;
    const struct delivery_context *context;
    unsigned statement, line;
    const struct place *place;
};

static struct delivery_point *
tell(const struct telling *t, enum delivery_point_name name)
{
    struct delivery_point *point = delivery_add_point(t->report, name, t->statement, t->line);
    struct buf want = {0};
    delivery_resource(&want, t->context->q);
    delivery_point_set(point->want, sizeof(point->want), buf_str(&want));
    delivery_point_set(point->have, sizeof(point->have), t->place->whole);
    buf_free(&want);
    return point;
}

static void
tell_lead(const struct telling *t, enum lead lead)
{
    static const enum delivery_point_name names[LEAD_COUNT] = {
        [LEAD_MISSING] = DELIVERY_PREFIX_MISSING,
        [LEAD_DOUBLED] = DELIVERY_PREFIX_DOUBLED,
        [LEAD_SLASHED] = DELIVERY_DOUBLE_SLASH,
        [LEAD_THEIRS] = DELIVERY_PREFIX_OTHER};
    enum delivery_point_name name = names[lead];
    if (lead == LEAD_THEIRS && t->place->slashed) {
        name = DELIVERY_DOUBLE_SLASH;
    } else if (lead == LEAD_THEIRS && t->context->q->prefix.n == 0) {
        name = DELIVERY_PREFIX_UNASKED;
    }
    (void)tell(t, name);
}

static void
tell_owner(const struct telling *t)
{
    struct str account = t->place->account;
    uint64_t digits;
    const char *region = delivery_elb_region(account);
    bool number = str_to_u64(account, &digits);
    enum delivery_point_name name = region != NULL              ? DELIVERY_ACCOUNT_ELB
                                    : number && account.n != 12 ? DELIVERY_ACCOUNT_SHORT
                                                                : DELIVERY_ACCOUNT_OTHER;
    struct delivery_point *point = tell(t, name);
    delivery_point_set(point->have, sizeof(point->have), account);
    delivery_point_set(point->want, sizeof(point->want), t->context->q->account);
    delivery_point_set(point->other, sizeof(point->other), str_of(region));
}

static bool
covers(const struct policy_statement *s, struct str key)
{
    for (size_t i = 0; i < s->resource_count; i++) {
        if (policy_wildcard_match(s->resources[i], key, false)) {
            return true;
        }
    }
    return false;
}

/* One of both objects is covered. */
static void
tell_half(const struct telling *t, bool test_file)
{
    struct delivery_point *point =
        tell(t, test_file ? DELIVERY_ONLY_TEST_FILE : DELIVERY_NO_TEST_FILE);
    delivery_point_set(point->other, sizeof(point->other),
                       str_of(delivery_test_file(t->context->q->log)));
}

void
delivery_explain_resource(struct delivery_report *r, const struct delivery_context *c,
                          const struct policy_statement *s, unsigned statement, struct str nearest)
{
    struct place place;
    take_apart(nearest, &place);
    struct telling t = {r, c, statement, s->line, &place};
    struct mistakes mistakes = {LEAD_RIGHT, OWNER_RIGHT, TAIL_RIGHT};
    bool test_file = covers(s, str_of(c->resource[DELIVERY_TEST_OBJECT]));
    bool log_file = covers(s, str_of(c->resource[DELIVERY_LOG_OBJECT]));
    size_t slash;
    if (s->not_resource) {
        (void)tell(&t, DELIVERY_NOT_RESOURCE);
    } else if (test_file || log_file) {
        tell_half(&t, test_file);
    } else if (!str_find_char(nearest, '/', &slash)) {
        (void)tell(&t, DELIVERY_BUCKET_ONLY);
    } else if (!find_mistakes(c, &place, &mistakes)) {
        (void)tell(&t, DELIVERY_RESOURCE_OTHER);
    } else {
        if (mistakes.lead != LEAD_RIGHT) {
            tell_lead(&t, mistakes.lead);
        }
        if (mistakes.owner != OWNER_RIGHT) {
            tell_owner(&t);
        }
        if (mistakes.tail != TAIL_RIGHT) {
            (void)tell(&t, DELIVERY_NO_STAR);
        }
    }
}
