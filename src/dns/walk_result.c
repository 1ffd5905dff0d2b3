/* SPDX-License-Identifier: Apache-2.0
 * What the servers of a zone said, taken together. */
#include "dns/dns_int.h"

#include "base/assert.h"

#include <stdlib.h>

/* ---- sets of names ---- */

bool
name_set_has(const struct dns_name_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (dns_name_eq(set->names[i], name)) {
            return true;
        }
    }
    return false;
}

void
name_set_add(struct dns_name_set *set, const char *name)
{
    if (name_set_has(set, name)) {
        return;
    }
    if (set->count == DNS_WALK_NS_MAX) {
        set->more++;
        return;
    }
    name_copy(set->names[set->count++], name);
}

bool
name_sets_equal(const struct dns_name_set *a, const struct dns_name_set *b)
{
    if (a->count != b->count || a->more != b->more) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!name_set_has(b, a->names[i])) {
            return false;
        }
    }
    return true;
}

bool
name_set_of_answer(const struct dns_answer *answer, const char *zone, struct dns_name_set *ret_set)
{
    memset(ret_set, 0, sizeof(*ret_set));
    for (size_t i = 0; i < answer->record_count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (record->type == DNS_TYPE_NS && record->section != DNS_SECTION_ADDITIONAL &&
            dns_name_eq(record->name, zone)) {
            name_set_add(ret_set, record->target);
        }
    }
    return ret_set->count > 0;
}

bool
dns_walk_sets_agree(const struct dns_walk_result *result)
{
    return result->parent_answered && result->child_answered &&
           name_sets_equal(&result->parent_ns, &result->child_ns);
}

/* ---- servers ---- */

void
walk_servers_drop(struct dns_walk_result *result)
{
    for (size_t s = 0; s < result->server_count; s++) {
        struct dns_walk_server *server = &result->servers[s];
        for (size_t r = 0; r < server->reply_count; r++) {
            dns_answer_free(&server->replies[r].answer);
        }
    }
    memset(result->servers, 0, sizeof(result->servers));
    result->server_count = 0;
}

/* Does it speak for the zone? */
static bool
reply_good(const struct dns_walk_reply *reply)
{
    const struct dns_answer *answer = reply->answer;
    return reply->outcome == DNS_OUTCOME_ANSWERED && answer->aa &&
           (answer->rcode == DNS_RCODE_NOERROR || answer->rcode == DNS_RCODE_NXDOMAIN);
}

static enum dns_server_state
reply_state(const struct dns_walk_reply *reply)
{
    switch (reply->outcome) {
    case DNS_OUTCOME_ANSWERED: return reply_good(reply) ? DNS_SERVER_GOOD : DNS_SERVER_LAME;
    case DNS_OUTCOME_TIMEOUT: return DNS_SERVER_SILENT;
    case DNS_OUTCOME_REFUSED:
    case DNS_OUTCOME_UNREACHABLE: return DNS_SERVER_UNREACHABLE;
    case DNS_OUTCOME_MALFORMED: return DNS_SERVER_BROKEN;
    case DNS_OUTCOME_FAILED:
    case DNS_OUTCOME_COUNT: break;
    }
    return DNS_SERVER_UNKNOWN; /* our own machine's fault says nothing of the server */
}

/* The best word among the replies, in the order of the server's states but for silence, which says
 * less than anything that came. */
static enum dns_server_state
server_state(const struct dns_walk_server *server)
{
    static const enum dns_server_state best_first[] = {
        DNS_SERVER_GOOD,        DNS_SERVER_LAME,   DNS_SERVER_BROKEN,
        DNS_SERVER_UNREACHABLE, DNS_SERVER_SILENT,
    };
    if (!server->has_addr) {
        return server->state; /* decided when its address was asked for */
    }
    for (size_t i = 0; i < COUNT_OF(best_first); i++) {
        for (size_t r = 0; r < server->reply_count; r++) {
            if (server->replies[r].done && reply_state(&server->replies[r]) == best_first[i]) {
                return best_first[i];
            }
        }
    }
    return DNS_SERVER_UNKNOWN;
}

/* The server's own answer to this question about the zone; NULL without one of authority. */
static const struct dns_answer *
zone_answer(const struct dns_walk_result *result, const struct dns_walk_server *server,
            uint16_t type)
{
    for (size_t r = 0; r < server->reply_count; r++) {
        const struct dns_walk_reply *reply = &server->replies[r];
        if (reply->done && reply->question.type == type && reply_good(reply) &&
            dns_name_eq(reply->question.name, result->zone)) {
            return reply->answer;
        }
    }
    return NULL;
}

static void
serials_judge(struct dns_walk_result *result)
{
    uint32_t serial = 0;
    for (size_t s = 0; s < result->server_count; s++) {
        const struct dns_answer *answer = zone_answer(result, &result->servers[s], DNS_TYPE_SOA);
        const struct dns_record *soa =
            answer == NULL ? NULL : dns_answer_find(answer, result->zone, DNS_TYPE_SOA);
        if (soa == NULL) {
            continue;
        }
        result->serials_differ |= result->soa_present && soa->soa.serial != serial;
        result->soa_present = true;
        serial = soa->soa.serial;
    }
}

static void
child_sets_judge(struct dns_walk_result *result)
{
    struct dns_name_set first, set;
    bool any = false;
    for (size_t s = 0; s < result->server_count; s++) {
        const struct dns_answer *answer = zone_answer(result, &result->servers[s], DNS_TYPE_NS);
        if (answer == NULL || !name_set_of_answer(answer, result->zone, &set)) {
            continue;
        }
        result->child_differs |= any && !name_sets_equal(&first, &set);
        first = any ? first : set;
        any = true;
    }
}

static int
server_order(const void *a, const void *b)
{
    const struct dns_walk_server *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : (int)addr_is_v6(&left->addr) - (int)addr_is_v6(&right->addr);
}

/* Names of both sets that no server of the list bears. */
static size_t
hosts_not_asked(const struct dns_walk_result *result)
{
    struct dns_name_set asked, rest;
    memset(&asked, 0, sizeof(asked));
    memset(&rest, 0, sizeof(rest));
    for (size_t s = 0; s < result->server_count; s++) {
        name_set_add(&asked, result->servers[s].name);
    }
    const struct dns_name_set *const sets[] = {&result->parent_ns, &result->child_ns};
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        for (size_t k = 0; k < sets[i]->count; k++) {
            if (!name_set_has(&asked, sets[i]->names[k])) {
                name_set_add(&rest, sets[i]->names[k]);
            }
        }
    }
    return rest.count + rest.more;
}

void
walk_result_judge(struct dns_walk_result *result)
{
    qsort(result->servers, result->server_count, sizeof(result->servers[0]), server_order);
    bool good = false;
    for (size_t s = 0; s < result->server_count; s++) {
        struct dns_walk_server *server = &result->servers[s];
        server->state = server_state(server);
        server->in_parent = name_set_has(&result->parent_ns, server->name);
        server->in_child = name_set_has(&result->child_ns, server->name);
        good |= server->state == DNS_SERVER_GOOD;
    }
    serials_judge(result);
    child_sets_judge(result);
    result->more_hosts = hosts_not_asked(result);
    if (result->zone[0] != '\0') {
        result->outcome = good ? DNS_WALK_FOUND : DNS_WALK_UNREACHABLE;
    }
}
