/* SPDX-License-Identifier: Apache-2.0
 * The walk to the servers of a name's zone. The resolvers are asked for the NS of the name and all
 * its ancestors at once; the lowest that has some is the zone, the next one above it its parent.
 * Where the resolvers cannot know (a zone whose servers are all lame), the zone's servers answer
 * with a delegation further down, and that is followed. Everything that is known is asked at once;
 * the walk is over when no question is open, or its time is up. */
#include "dns/dns_int.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    BUDGET_MS = 5000,
    TRY_MS = 2000,
    GRACE_MS = 600,    /* then an ancestor whose answer is still missing is left out */
    SILENCE_MS = 1000, /* a question open for as long when the walk's time is up: a silent server */
    PARENT_HOSTS_MAX = 3,
    AUTHORITY_PORT = 53,
    WALK_MAGIC = 0x77616c6b,
};

enum ancestor_state { ANCESTOR_OPEN, ANCESTOR_HAS_NS, ANCESTOR_NO_NS };

struct walk_ancestor {
    const char *name; /* borrowed from the walk */
    enum ancestor_state state;
    struct dns_answer *answer; /* owned; NULL when none came */
};

/* A server of the zone by its name. */
struct walk_host {
    char name[DNS_NAME_TEXT];
    unsigned open; /* address questions */
    bool has_addr;
};

struct walk_parent {
    char name[DNS_NAME_TEXT];
};

/* One question in flight. */
struct walk_ask {
    struct list link;
    struct dns_walk *walk;         /* borrowed: its owner */
    struct dns_exchange *exchange; /* owned */
    enum dns_walk_step step;
    size_t index;    /* of the ancestor, host, parent or server */
    size_t reply;    /* SERVER: which of its replies */
    bool for_parent; /* ADDRESS: of a parent's server */
    size_t resolver; /* ZONE, ADDRESS: which one is asked */
    struct dns_walk_question question;
    uint64_t start_us;
};

struct dns_walk {
    unsigned magic;
    struct loop *loop; /* borrowed */
    dns_walk_progress_fn *progress;
    dns_walk_fn *fn;
    void *context;                 /* borrowed from the caller */
    struct dns_walk_params params; /* `name` is `walk->name` */
    char name[DNS_NAME_TEXT];
    struct timer budget, grace;
    struct deferred report;
    bool grace_over, zone_begun, over;
    struct list asks; /* owned */
    struct walk_ancestor ancestors[LIMIT_DNS_ANCESTORS_MAX];
    size_t ancestor_count;
    bool resolver_answered;
    struct walk_host hosts[DNS_WALK_HOSTS_MAX];
    size_t host_count;
    struct walk_parent parents[PARENT_HOSTS_MAX];
    size_t parent_count;
    unsigned delegations; /* followed */
    struct dns_walk_result result;
};

static void
walk_check(const struct dns_walk *w)
{
    ASSERT(w->magic == WALK_MAGIC);
    ASSERT(w->ancestor_count <= LIMIT_DNS_ANCESTORS_MAX);
    ASSERT(w->host_count <= DNS_WALK_HOSTS_MAX);
    ASSERT(w->result.server_count <= DNS_WALK_SERVERS_MAX);
    ASSERT(!w->over || list_empty(&w->asks));
}

/* ---- questions in flight ---- */

static void
ask_free(struct walk_ask *ask)
{
    list_remove(&ask->link);
    dns_exchange_cancel(&ask->exchange);
    xfree(ask);
}

static void
asks_drop(struct dns_walk *w)
{
    LIST_FOR_SAFE (node, &w->asks) {
        ask_free(CONTAINER_OF(node, struct walk_ask, link));
    }
}

static void
walk_over(struct dns_walk *w)
{
    ASSERT(!w->over);
    w->over = true;
    asks_drop(w);
    timer_disarm(&w->budget);
    timer_disarm(&w->grace);
    walk_result_judge(&w->result);
    w->result.time_us = loop_now_us(w->loop) - w->result.start_us;
    loop_defer(w->loop, &w->report);
}

static void ask_done(void *context, const struct dns_result *result);

/* Sends the ask's question to `server`; false: it cannot be sent at all. */
static bool
ask_send(struct walk_ask *ask, const struct addr *server, struct dns_flags flags)
{
    struct dns_walk *w = ask->walk;
    struct dns_ask question = {
        .server = *server,
        .from = w->params.from,
        .name = ask->question.name,
        .type = ask->question.type,
        .flags = flags,
        .timeout_ms = w->params.try_ms,
    };
    ask->start_us = loop_now_us(w->loop);
    return dns_exchange_start(w->loop, &question, ask_done, ask, &ask->exchange, NULL) == ERR_OK;
}

static struct walk_ask *
ask_new(struct dns_walk *w, enum dns_walk_step step, size_t index, const char *name, uint16_t type)
{
    struct walk_ask *ask = xalloc(sizeof(*ask));
    *ask = (struct walk_ask){.walk = w, .step = step, .index = index, .question.type = type};
    name_copy(ask->question.name, name);
    list_init(&ask->link);
    list_push_back(&w->asks, &ask->link);
    return ask;
}

/* Of data that may be wrongly signed, too: it is the way that we want to know. */
static bool
ask_resolver(struct walk_ask *ask)
{
    struct dns_flags flags = {.rd = true, .cd = true, .edns = true};
    return ask_send(ask, &ask->walk->params.resolvers[ask->resolver], flags);
}

/* Takes the ask's place of an answer that is worth nothing; false: there is no further resolver. */
static bool
ask_next_resolver(struct walk_ask *ask, const struct dns_result *result)
{
    bool answered =
        result->outcome == DNS_OUTCOME_ANSWERED &&
        (result->answer->rcode == DNS_RCODE_NOERROR || result->answer->rcode == DNS_RCODE_NXDOMAIN);
    bool resolver = ask->step == DNS_WALK_STEP_ZONE || ask->step == DNS_WALK_STEP_ADDRESS;
    if (answered || !resolver || ask->resolver + 1 >= ask->walk->params.resolver_count) {
        return false;
    }
    ask->resolver++;
    dns_exchange_cancel(&ask->exchange);
    return ask_resolver(ask);
}

static bool
ask_authority(struct walk_ask *ask, const struct addr *server)
{
    struct addr addr = *server;
    addr_set_port(&addr, ask->walk->params.authority_port);
    return ask_send(ask, &addr, (struct dns_flags){.edns = true});
}

/* ---- the zone's servers ---- */

static void
server_ask(struct dns_walk *w, size_t s, const char *name, uint16_t type)
{
    struct dns_walk_server *server = &w->result.servers[s];
    ASSERT(server->reply_count < DNS_WALK_REPLIES_MAX);
    struct dns_walk_reply *reply = &server->replies[server->reply_count];
    struct walk_ask *ask = ask_new(w, DNS_WALK_STEP_SERVER, s, name, type);
    ask->reply = server->reply_count++;
    reply->question = ask->question;
    if (!ask_authority(ask, &server->addr)) {
        reply->outcome = DNS_OUTCOME_FAILED;
        ask_free(ask);
    }
}

static struct dns_walk_server *
server_new(struct dns_walk *w, const struct walk_host *host)
{
    ASSERT(w->result.server_count < DNS_WALK_SERVERS_MAX);
    struct dns_walk_server *server = &w->result.servers[w->result.server_count++];
    name_copy(server->name, host->name);
    return server;
}

/* An address of a server is known: everything is asked there. */
static void
server_add(struct dns_walk *w, struct walk_host *host, const struct addr *addr, bool glue)
{
    struct dns_walk_server *server = server_new(w, host);
    size_t s = w->result.server_count - 1;
    host->has_addr = true;
    server->has_addr = true;
    server->addr = *addr;
    server->glue = glue;
    addr_set_port(&server->addr, w->params.authority_port);
    server_ask(w, s, w->result.zone, DNS_TYPE_NS);
    server_ask(w, s, w->result.zone, DNS_TYPE_SOA);
    for (size_t i = 0; i < w->params.type_count; i++) {
        server_ask(w, s, w->name, w->params.types[i]);
    }
    for (size_t i = 0; i < w->params.extra_count; i++) {
        server_ask(w, s, w->params.extra[i].name, w->params.extra[i].type);
    }
}

/* ---- addresses ---- */

/* The first address of this type in the additional section; NULL when none. */
static const struct addr *
glue_find(const struct dns_answer *answer, const char *name, uint16_t type)
{
    for (size_t i = 0; answer != NULL && i < answer->record_count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (record->section == DNS_SECTION_ADDITIONAL && record->type == type &&
            dns_name_eq(record->name, name)) {
            return &record->addr;
        }
    }
    return NULL;
}

static const uint16_t address_types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};

static void
host_address_ask(struct dns_walk *w, size_t h, uint16_t type)
{
    struct walk_ask *ask = ask_new(w, DNS_WALK_STEP_ADDRESS, h, w->hosts[h].name, type);
    if (ask_resolver(ask)) {
        w->hosts[h].open++;
    } else {
        ask_free(ask);
    }
}

/* A server of the zone, from whichever source; `answer` may hold its addresses. */
static void
host_add(struct dns_walk *w, const char *name, const struct dns_answer *answer)
{
    for (size_t h = 0; h < w->host_count; h++) {
        if (dns_name_eq(w->hosts[h].name, name)) {
            return;
        }
    }
    if (w->host_count == DNS_WALK_HOSTS_MAX) {
        return; /* counted by walk_result_judge */
    }
    size_t h = w->host_count++;
    struct walk_host *host = &w->hosts[h];
    memset(host, 0, sizeof(*host));
    name_copy(host->name, name);
    for (size_t i = 0; i < COUNT_OF(address_types); i++) {
        const struct addr *addr = glue_find(answer, name, address_types[i]);
        if (addr != NULL) {
            server_add(w, host, addr, true);
        }
    }
    for (size_t i = 0; !host->has_addr && i < COUNT_OF(address_types); i++) {
        host_address_ask(w, h, address_types[i]);
    }
}

static void
hosts_add(struct dns_walk *w, const struct dns_name_set *set, const struct dns_answer *answer)
{
    for (size_t i = 0; i < set->count; i++) {
        host_add(w, set->names[i], answer);
    }
}

static bool
address_of(const struct dns_answer *answer, const char *name, struct addr *ret_addr)
{
    return answer != NULL && dns_answer_addrs(answer, name, ret_addr, 1) == 1;
}

static void
host_address(struct dns_walk *w, size_t h, const struct dns_answer *answer)
{
    struct walk_host *host = &w->hosts[h];
    struct addr addr;
    host->open--;
    if (address_of(answer, host->name, &addr)) {
        server_add(w, host, &addr, false);
    } else if (host->open == 0 && !host->has_addr) {
        server_new(w, host)->state = DNS_SERVER_NO_ADDRESS;
    }
}

/* ---- the parent's servers ---- */

static void
parent_ask(struct dns_walk *w, size_t p, const struct addr *addr)
{
    struct walk_ask *ask = ask_new(w, DNS_WALK_STEP_DELEGATION, p, w->result.zone, DNS_TYPE_NS);
    if (!ask_authority(ask, addr)) {
        ask_free(ask);
    }
}

static void
parent_address_ask(struct dns_walk *w, size_t p, uint16_t type)
{
    struct walk_ask *ask = ask_new(w, DNS_WALK_STEP_ADDRESS, p, w->parents[p].name, type);
    ask->for_parent = true;
    if (!ask_resolver(ask)) {
        ask_free(ask);
    }
}

static void
parent_add(struct dns_walk *w, const char *name, const struct dns_answer *answer)
{
    if (w->parent_count == PARENT_HOSTS_MAX) {
        return; /* one good answer is enough */
    }
    size_t p = w->parent_count++;
    memset(&w->parents[p], 0, sizeof(w->parents[p]));
    name_copy(w->parents[p].name, name);
    const struct addr *addr = glue_find(answer, name, DNS_TYPE_A);
    addr = addr != NULL ? addr : glue_find(answer, name, DNS_TYPE_AAAA);
    if (addr != NULL) {
        parent_ask(w, p, addr);
        return;
    }
    parent_address_ask(w, p, DNS_TYPE_A);
}

/* One address of each is enough; IPv6, which not everyone has, only where there is no other. */
static void
parent_address(struct dns_walk *w, size_t p, uint16_t type, const struct dns_answer *answer)
{
    struct addr addr;
    if (address_of(answer, w->parents[p].name, &addr)) {
        parent_ask(w, p, &addr);
    } else if (type == DNS_TYPE_A) {
        parent_address_ask(w, p, DNS_TYPE_AAAA);
    }
}

static void
delegation_answered(struct dns_walk *w, const struct dns_answer *answer)
{
    struct dns_name_set set;
    if (answer == NULL || answer->malformed || !name_set_of_answer(answer, w->result.zone, &set)) {
        return;
    }
    w->result.parent_answered = true;
    for (size_t i = 0; i < set.count; i++) {
        name_set_add(&w->result.parent_ns, set.names[i]);
    }
    hosts_add(w, &set, answer);
}

/* ---- the zone ---- */

static void
zone_begin(struct dns_walk *w, const struct walk_ancestor *zone, const struct walk_ancestor *parent)
{
    struct dns_name_set set;
    w->zone_begun = true;
    timer_disarm(&w->grace);
    asks_drop(w); /* about further ancestors: nobody waits for them now */
    name_copy(w->result.zone, zone->name);
    bool has_ns = name_set_of_answer(zone->answer, zone->name, &set);
    ASSERT(has_ns);
    hosts_add(w, &set, zone->answer);
    if (parent == NULL) {
        return;
    }
    name_copy(w->result.parent, parent->name);
    has_ns = name_set_of_answer(parent->answer, parent->name, &set);
    ASSERT(has_ns);
    for (size_t i = 0; i < set.count; i++) {
        parent_add(w, set.names[i], parent->answer);
    }
}

/* The lowest ancestor from `from` on that has NS. False: an answer below it is still awaited. */
static bool
ancestor_lowest(const struct dns_walk *w, size_t from, size_t *ret_at)
{
    size_t at = from;
    while (at < w->ancestor_count && w->ancestors[at].state != ANCESTOR_HAS_NS) {
        if (w->ancestors[at].state == ANCESTOR_OPEN && !w->grace_over) {
            return false;
        }
        at++;
    }
    *ret_at = at;
    return true;
}

/* Goes on as soon as the zone and its parent are known. */
static void
zone_try(struct dns_walk *w)
{
    size_t zone, parent;
    if (w->zone_begun || !ancestor_lowest(w, 0, &zone) || zone == w->ancestor_count ||
        !ancestor_lowest(w, zone + 1, &parent)) {
        return;
    }
    zone_begin(w, &w->ancestors[zone], parent < w->ancestor_count ? &w->ancestors[parent] : NULL);
}

static void
ancestor_answered(struct dns_walk *w, size_t index, const struct dns_result *result,
                  struct dns_answer **answer)
{
    struct walk_ancestor *ancestor = &w->ancestors[index];
    w->resolver_answered |= result->outcome == DNS_OUTCOME_ANSWERED;
    ancestor->state = ANCESTOR_NO_NS;
    if (*answer != NULL && dns_answer_find(*answer, ancestor->name, DNS_TYPE_NS) != NULL) {
        ancestor->state = ANCESTOR_HAS_NS;
        ancestor->answer = *answer;
        *answer = NULL;
    }
    zone_try(w);
}

static void
grace_over(struct timer *t)
{
    struct dns_walk *w = CONTAINER_OF(t, struct dns_walk, grace);
    w->grace_over = true;
    zone_try(w);
}

/* ---- what the zone's servers say ---- */

/* The zone below ours that the answer delegates the name to; NULL when it does not. */
static const char *
referral_find(const struct dns_walk *w, const struct dns_answer *answer)
{
    if (answer->aa || answer->rcode != DNS_RCODE_NOERROR) {
        return NULL;
    }
    for (size_t i = 0; i < answer->record_count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (record->section == DNS_SECTION_ANSWER) {
            return NULL;
        }
        if (record->section == DNS_SECTION_AUTHORITY && record->type == DNS_TYPE_NS &&
            dns_name_under(w->name, record->name) && dns_name_under(record->name, w->result.zone) &&
            !dns_name_eq(record->name, w->result.zone)) {
            return record->name;
        }
    }
    return NULL;
}

/* Has a server of the zone answered for the name itself? Then a neighbour's delegation is stale. */
static bool
name_is_answered(const struct dns_walk *w)
{
    for (size_t s = 0; s < w->result.server_count; s++) {
        const struct dns_walk_server *server = &w->result.servers[s];
        for (size_t r = 0; r < server->reply_count; r++) {
            const struct dns_walk_reply *reply = &server->replies[r];
            if (reply->outcome == DNS_OUTCOME_ANSWERED && reply->answer != NULL &&
                reply->answer->aa && dns_name_eq(reply->question.name, w->name) &&
                reply->question.type != DNS_TYPE_NS && reply->question.type != DNS_TYPE_SOA) {
                return true;
            }
        }
    }
    return false;
}

/* What was the zone is the parent; everything asked so far was asked one level too high. */
static void
zone_descend(struct dns_walk *w, const char *zone, const struct dns_answer *answer)
{
    struct dns_walk_result *result = &w->result;
    char name[DNS_NAME_TEXT];
    name_copy(name, zone);
    w->delegations++;
    asks_drop(w);
    walk_servers_drop(result);
    w->host_count = w->parent_count = 0;
    name_copy(result->parent, result->zone);
    name_copy(result->zone, name);
    memset(&result->child_ns, 0, sizeof(result->child_ns));
    result->child_answered = false;
    bool has_ns = name_set_of_answer(answer, name, &result->parent_ns);
    ASSERT(has_ns);
    result->parent_answered = true;
    hosts_add(w, &result->parent_ns, answer);
}

static void
child_ns_take(struct dns_walk *w, const struct dns_answer *answer)
{
    struct dns_name_set set;
    if (!answer->aa || !name_set_of_answer(answer, w->result.zone, &set)) {
        return;
    }
    w->result.child_answered = true;
    for (size_t i = 0; i < set.count; i++) {
        name_set_add(&w->result.child_ns, set.names[i]);
    }
    hosts_add(w, &set, answer);
}

static void
server_answered(struct dns_walk *w, const struct walk_ask *ask, const struct dns_result *result,
                struct dns_answer **answer)
{
    struct dns_walk_reply *reply = &w->result.servers[ask->index].replies[ask->reply];
    reply->outcome = result->outcome;
    reply->error = result->error;
    reply->time_us = result->time_us;
    reply->done = true;
    if (*answer == NULL || (*answer)->malformed) {
        reply->answer = *answer;
        *answer = NULL;
        return;
    }
    const char *below = referral_find(w, *answer);
    if (below != NULL && dns_name_eq(ask->question.name, w->name) && !name_is_answered(w) &&
        w->delegations < LIMIT_DNS_DELEGATIONS_MAX) {
        zone_descend(w, below, *answer); /* the reply went with its server */
        return;
    }
    reply->answer = *answer;
    *answer = NULL;
    if (reply->question.type == DNS_TYPE_NS && dns_name_eq(reply->question.name, w->result.zone)) {
        child_ns_take(w, reply->answer);
    }
}

/* ---- driving ---- */

static void
ask_answered(struct dns_walk *w, const struct walk_ask *ask, const struct dns_result *result,
             struct dns_answer **answer)
{
    switch (ask->step) {
    case DNS_WALK_STEP_ZONE: ancestor_answered(w, ask->index, result, answer); return;
    case DNS_WALK_STEP_ADDRESS:
        if (ask->for_parent) {
            parent_address(w, ask->index, ask->question.type, *answer);
        } else {
            host_address(w, ask->index, *answer);
        }
        return;
    case DNS_WALK_STEP_DELEGATION: delegation_answered(w, *answer); return;
    case DNS_WALK_STEP_SERVER: server_answered(w, ask, result, answer); return;
    }
    NEVER("every step is a case");
}

static const char *
ask_server_name(const struct walk_ask *ask)
{
    switch (ask->step) {
    case DNS_WALK_STEP_DELEGATION: return ask->walk->parents[ask->index].name;
    case DNS_WALK_STEP_SERVER: return ask->walk->result.servers[ask->index].name;
    case DNS_WALK_STEP_ZONE:
    case DNS_WALK_STEP_ADDRESS: break;
    }
    return "";
}

static void
ask_done(void *context, const struct dns_result *result)
{
    struct walk_ask *ask = context;
    struct dns_walk *w = ask->walk;
    walk_check(w);
    if (w->progress != NULL) {
        struct dns_walk_progress progress = {
            .step = ask->step,
            .server_name = ask_server_name(ask),
            .question = &ask->question,
            .result = result,
        };
        w->progress(w->context, &progress);
    }
    struct dns_result seen = *result; /* another resolver's exchange takes this one's place */
    if (ask_next_resolver(ask, result)) {
        return;
    }
    list_remove(&ask->link); /* a descent drops what is on the list, and this one is in use */
    struct dns_answer *answer = NULL;
    if (ask->exchange != NULL) {
        answer = dns_exchange_take_answer(ask->exchange);
    } else {
        seen.outcome = DNS_OUTCOME_FAILED;
    }
    ask_answered(w, ask, &seen, &answer);
    dns_answer_free(&answer);
    ask_free(ask);
    if (list_empty(&w->asks)) {
        w->result.outcome = w->resolver_answered ? DNS_WALK_NO_ZONE : DNS_WALK_NO_RESOLVER;
        walk_over(w);
    }
}

/* A question that was open long enough says that its server is silent; the others say nothing. */
static void
budget_over(struct timer *t)
{
    struct dns_walk *w = CONTAINER_OF(t, struct dns_walk, budget);
    uint64_t now_us = loop_now_us(w->loop);
    LIST_FOR (node, &w->asks) {
        const struct walk_ask *ask = CONTAINER_OF(node, struct walk_ask, link);
        if (ask->step == DNS_WALK_STEP_SERVER) {
            struct dns_walk_reply *reply = &w->result.servers[ask->index].replies[ask->reply];
            reply->outcome = DNS_OUTCOME_TIMEOUT;
            reply->time_us = now_us - ask->start_us;
            reply->done = reply->time_us >= SILENCE_MS * 1000;
        }
    }
    for (size_t h = 0; h < w->host_count; h++) {
        if (w->hosts[h].open > 0 && !w->hosts[h].has_addr) {
            server_new(w, &w->hosts[h])->state = DNS_SERVER_UNKNOWN;
        }
    }
    w->result.cut = true;
    w->result.outcome = w->resolver_answered ? DNS_WALK_NO_ZONE : DNS_WALK_NO_RESOLVER;
    walk_over(w);
}

static void
walk_report(struct deferred *d)
{
    struct dns_walk *w = CONTAINER_OF(d, struct dns_walk, report);
    w->fn(w->context, &w->result); /* may have freed it */
}

/* ---- start and cancel ---- */

/* The names next to the name, and the root. */
static void
ancestors_list(struct dns_walk *w)
{
    const char *name = w->name;
    while (name != NULL && w->ancestor_count < LIMIT_DNS_ANCESTORS_MAX - 1) {
        w->ancestors[w->ancestor_count++].name = name;
        name = dns_name_parent(name);
    }
    if (name != NULL) {
        w->ancestors[w->ancestor_count++].name = ".";
    }
}

static enum err
params_take(struct dns_walk *w, const struct dns_walk_params *params)
{
    ASSERT(params->resolver_count > 0 && params->resolver_count <= DNS_WALK_RESOLVERS_MAX);
    ASSERT(params->type_count <= DNS_WALK_TYPES_MAX);
    ASSERT(params->extra_count <= DNS_WALK_EXTRA_MAX);
    w->params = *params;
    w->params.name = w->name;
    w->params.authority_port =
        params->authority_port == 0 ? AUTHORITY_PORT : params->authority_port;
    w->params.budget_ms = params->budget_ms == 0 ? BUDGET_MS : params->budget_ms;
    w->params.try_ms = params->try_ms == 0 ? TRY_MS : params->try_ms;
    for (size_t i = 0; i < params->extra_count; i++) {
        TRY(name_normalise(params->extra[i].name, w->params.extra[i].name));
    }
    return name_normalise(params->name, w->name);
}

enum err
dns_walk_start(struct loop *loop, const struct dns_walk_params *params,
               dns_walk_progress_fn *progress, dns_walk_fn *fn, void *context,
               struct dns_walk **ret_walk, struct errinfo *reterr)
{
    ASSERT(fn != NULL);
    struct dns_walk *w = xalloc(sizeof(*w));
    w->magic = WALK_MAGIC;
    w->loop = loop;
    w->progress = progress;
    w->fn = fn;
    w->context = context;
    list_init(&w->asks);
    timer_init(&w->budget, budget_over);
    timer_init(&w->grace, grace_over);
    deferred_init(&w->report, walk_report);
    enum err e = params_take(w, params);
    if (e != ERR_OK) {
        dns_walk_cancel(&w);
        return err_set(reterr, e, "\"%s\" cannot be asked for: it is not a DNS name", params->name);
    }
    w->result.start_us = loop_now_us(loop);
    timer_arm_in(loop, &w->budget, (uint64_t)w->params.budget_ms * 1000);
    timer_arm_in(loop, &w->grace, GRACE_MS * 1000);
    ancestors_list(w);
    for (size_t i = 0; i < w->ancestor_count; i++) {
        struct walk_ask *ask = ask_new(w, DNS_WALK_STEP_ZONE, i, w->ancestors[i].name, DNS_TYPE_NS);
        bool sent = ask_resolver(ask);
        ASSERT(sent); /* a part of a name that is one */
    }
    *ret_walk = w;
    return ERR_OK;
}

void
dns_walk_cancel(struct dns_walk **walk)
{
    struct dns_walk *w = *walk;
    if (w == NULL) {
        return;
    }
    walk_check(w);
    asks_drop(w);
    timer_remove(&w->budget);
    timer_remove(&w->grace);
    deferred_cancel(&w->report);
    walk_servers_drop(&w->result);
    for (size_t i = 0; i < w->ancestor_count; i++) {
        dns_answer_free(&w->ancestors[i].answer);
    }
    w->magic = 0;
    xfree(w);
    *walk = NULL;
}
