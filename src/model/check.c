/* SPDX-License-Identifier: Apache-2.0
 * The rules that span resources: what is unique, what belongs together, how many there may be. */
#include "model/validate.h"

#include "base/limits.h"
#include "model/attributes.h"

#include <stdarg.h>
#include <stdio.h>

/* One walk over the model. */
struct check {
    const struct model *model;
    model_fault_fn *fault;
    void *context;
};

static void PRINTF_LIKE(4, 5)
    fault(struct check *k, struct str arn, enum err e, const char *fmt, ...)
{
    char sentence[sizeof(((struct errinfo *)NULL)->text)];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sentence, sizeof(sentence), fmt, args); /* a cut sentence will do */
    va_end(args);
    k->fault(k->context, arn, e, sentence);
}

static void
fault_of(struct check *k, struct str arn, enum err e, const struct errinfo *reason)
{
    if (e != ERR_OK) {
        fault(k, arn, e, "%s", reason->text);
    }
}

/* ---- slots of the board ---- */

/* Marks a slot as used; a fault when it is out of range or used before. */
static void
slot_check(struct check *k, struct str arn, bool *used, size_t max, uint32_t slot)
{
    if (slot >= max) {
        fault(k, arn, ERR_TOO_LARGE, "slot %u is not below the limit of %zu", slot, max);
    } else if (used[slot]) {
        fault(k, arn, ERR_EXISTS, "slot %u is used twice", slot);
    } else {
        used[slot] = true;
    }
}

static void
slots_check(struct check *k)
{
    const struct model *m = k->model;
    bool load_balancers[LIMIT_LOAD_BALANCERS_MAX] = {false};
    bool listeners[LIMIT_LISTENERS_MAX] = {false};
    bool targets[LIMIT_TARGETS_MAX] = {false};
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        const struct load_balancer *lb = &m->load_balancers[i];
        slot_check(k, lb->arn, load_balancers, COUNT_OF(load_balancers), lb->slot);
        for (size_t j = 0; j < lb->listener_count; j++) {
            slot_check(k, lb->listeners[j].arn, listeners, COUNT_OF(listeners),
                       lb->listeners[j].slot);
        }
    }
    for (size_t i = 0; i < m->target_group_count; i++) {
        const struct target_group *g = &m->target_groups[i];
        for (size_t j = 0; j < g->target_count; j++) {
            slot_check(k, g->arn, targets, COUNT_OF(targets), g->targets[j].slot);
        }
    }
}

/* ---- rules and listeners ---- */

static void
rules_check(struct check *k, const struct listener *l)
{
    for (size_t i = 0; i < l->rule_count; i++) {
        const struct rule *r = &l->rules[i];
        struct errinfo reason;
        fault_of(k, r->arn, validate_priority(r->priority, &reason), &reason);
        fault_of(k, r->arn, validate_conditions(r->conditions, r->condition_count, &reason),
                 &reason);
        if (i > 0 && r->priority == l->rules[i - 1].priority) {
            fault(k, r->arn, ERR_EXISTS, "Priority '%u' is currently in use", r->priority);
        } else if (i > 0 && r->priority < l->rules[i - 1].priority) {
            fault(k, r->arn, ERR_INVALID, "the rules are not in the order of their priorities");
        }
    }
}

static void
listener_check(struct check *k, const struct listener *l)
{
    if (l->protocol == PROTOCOL_HTTPS && l->certificate_count == 0) {
        fault(k, l->arn, ERR_INVALID, "A certificate must be specified for HTTPS listeners");
    }
    if (l->protocol != PROTOCOL_HTTPS && l->certificate_count > 0) {
        fault(k, l->arn, ERR_INVALID, "A certificate cannot be specified for %s listeners",
              protocol_name(l->protocol));
    }
    rules_check(k, l);
}

static const struct addr *
address_shared(const struct load_balancer *a, const struct load_balancer *b)
{
    for (size_t i = 0; i < a->address_count; i++) {
        for (size_t j = 0; j < b->address_count; j++) {
            if (addr_eq(&a->addresses[i], &b->addresses[j])) {
                return &a->addresses[i];
            }
        }
    }
    return NULL;
}

/* Has a listener before this one the same port, on the same load balancer or on a shared address?
 */
static void
port_check(struct check *k, const struct load_balancer *lb, const struct listener *l)
{
    for (size_t i = 0; i < k->model->load_balancer_count; i++) {
        const struct load_balancer *other = &k->model->load_balancers[i];
        const struct addr *shared = address_shared(lb, other);
        for (size_t j = 0; j < other->listener_count; j++) {
            const struct listener *before = &other->listeners[j];
            if (before == l) {
                return;
            }
            if (before->port != l->port) {
                continue;
            }
            if (other == lb) {
                fault(k, l->arn, ERR_EXISTS,
                      "A listener already exists on this port for this load balancer '%.*s': port "
                      "%u has listener '%.*s'",
                      STR_ARG(lb->arn), l->port, STR_ARG(before->arn));
            } else if (shared != NULL) {
                char text[ADDR_TEXT];
                fault(k, l->arn, ERR_EXISTS,
                      "port %u of address %s is taken by listener '%.*s' of load balancer '%.*s'; "
                      "use another port or give more addresses",
                      l->port, addr_text(shared, text), STR_ARG(before->arn), STR_ARG(other->name));
            }
        }
    }
}

/* ---- load balancers ---- */

static void
load_balancer_limits_check(struct check *k, const struct load_balancer *lb)
{
    size_t rules = 0;
    size_t certificates = 0;
    for (size_t i = 0; i < lb->listener_count; i++) {
        const struct listener *l = &lb->listeners[i];
        rules += l->rule_count;
        certificates += l->certificate_count > 0 ? l->certificate_count - 1 : 0;
    }
    const struct {
        size_t count;
        size_t max;
        const char *what;
    } limits[] = {
        {lb->listener_count, LIMIT_LISTENERS_PER_LB_MAX, "listeners"},
        {rules, LIMIT_RULES_PER_LB_MAX, "rules"},
        {certificates, LIMIT_CERTIFICATES_PER_LB_MAX, "certificates besides the defaults"},
    };
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        if (limits[i].count > limits[i].max) {
            fault(k, lb->arn, ERR_TOO_LARGE, "Load balancer '%.*s' has %zu %s; the limit is '%zu'",
                  STR_ARG(lb->name), limits[i].count, limits[i].what, limits[i].max);
        }
    }
}

static void
load_balancer_check(struct check *k, size_t at)
{
    const struct load_balancer *lb = &k->model->load_balancers[at];
    for (size_t i = 0; i < at; i++) {
        const struct load_balancer *before = &k->model->load_balancers[i];
        if (str_eq(before->name, lb->name) || str_eq(before->arn, lb->arn)) {
            fault(k, lb->arn, ERR_EXISTS, "A load balancer with the same name '%.*s' exists",
                  STR_ARG(lb->name));
            break;
        }
    }
    if (lb->address_count == 0) {
        fault(k, lb->arn, ERR_INVALID, "Load balancer '%.*s' has no address", STR_ARG(lb->name));
    }
    struct errinfo reason;
    fault_of(k, lb->arn, attribute_check_load_balancer(lb, &reason), &reason);
    load_balancer_limits_check(k, lb);
    for (size_t i = 0; i < lb->listener_count; i++) {
        listener_check(k, &lb->listeners[i]);
        port_check(k, lb, &lb->listeners[i]);
    }
}

/* ---- target groups ---- */

static bool
listener_uses(const struct listener *l, const struct target_group *g)
{
    bool uses = l->default_action.type == ACTION_FORWARD && l->default_action.target_group == g;
    for (size_t i = 0; i < l->rule_count && !uses; i++) {
        const struct action *a = &l->rules[i].action;
        uses = a->type == ACTION_FORWARD && a->target_group == g;
    }
    return uses;
}

static bool
load_balancer_uses(const struct load_balancer *lb, const struct target_group *g)
{
    for (size_t i = 0; i < lb->listener_count; i++) {
        if (listener_uses(&lb->listeners[i], g)) {
            return true;
        }
    }
    return false;
}

static void
targets_check(struct check *k, const struct target_group *g)
{
    if (g->target_count > LIMIT_TARGETS_PER_GROUP_MAX) {
        fault(k, g->arn, ERR_TOO_LARGE, "Target group '%.*s' has %zu targets; the limit is '%d'",
              STR_ARG(g->name), g->target_count, LIMIT_TARGETS_PER_GROUP_MAX);
        return;
    }
    for (size_t i = 0; i < g->target_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct addr *a = &g->targets[i].addr;
            if (addr_eq(a, &g->targets[j].addr)) {
                char text[ADDR_TEXT];
                fault(k, g->arn, ERR_EXISTS,
                      "The targets '%.*s' and '%.*s' of target group '%.*s' are the same: %s",
                      STR_ARG(g->targets[j].id), STR_ARG(g->targets[i].id), STR_ARG(g->name),
                      addr_port_text(a, text));
            }
        }
    }
}

static void
target_group_check(struct check *k, size_t at)
{
    const struct target_group *g = &k->model->target_groups[at];
    for (size_t i = 0; i < at; i++) {
        const struct target_group *before = &k->model->target_groups[i];
        if (str_eq(before->name, g->name) || str_eq(before->arn, g->arn)) {
            fault(k, g->arn, ERR_EXISTS, "A target group with the same name '%.*s' exists",
                  STR_ARG(g->name));
            break;
        }
    }
    size_t users = 0;
    for (size_t i = 0; i < k->model->load_balancer_count; i++) {
        users += load_balancer_uses(&k->model->load_balancers[i], g);
    }
    if (users > 1) {
        fault(k, g->arn, ERR_INVALID,
              "The following target groups cannot be associated with more than one load balancer: "
              "%.*s",
              STR_ARG(g->arn));
    }
    struct errinfo reason;
    fault_of(k, g->arn, validate_health_check(&g->health_check, &reason), &reason);
    targets_check(k, g);
}

/* ---- all of it ---- */

static void
counts_check(struct check *k)
{
    const struct model *m = k->model;
    size_t listeners = 0;
    size_t targets = 0;
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        listeners += m->load_balancers[i].listener_count;
    }
    for (size_t i = 0; i < m->target_group_count; i++) {
        targets += m->target_groups[i].target_count;
    }
    const struct {
        size_t count;
        size_t max;
        const char *what;
    } limits[] = {
        {m->load_balancer_count, LIMIT_LOAD_BALANCERS_MAX, "load balancers"},
        {listeners, LIMIT_LISTENERS_MAX, "listeners"},
        {targets, LIMIT_TARGETS_MAX, "targets"},
    };
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        if (limits[i].count > limits[i].max) {
            fault(k, STR_NONE, ERR_TOO_LARGE, "there are %zu %s; the limit is '%zu'",
                  limits[i].count, limits[i].what, limits[i].max);
        }
    }
}

void
model_check_each(const struct model *m, model_fault_fn *fault_fn, void *context)
{
    struct check k = {.model = m, .fault = fault_fn, .context = context};
    counts_check(&k);
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        load_balancer_check(&k, i);
    }
    for (size_t i = 0; i < m->target_group_count; i++) {
        target_group_check(&k, i);
    }
    for (size_t i = 0; i < m->certificate_count; i++) {
        if (model_certificate(m, m->certificates[i].arn) != &m->certificates[i]) {
            fault(&k, m->certificates[i].arn, ERR_EXISTS, "Certificate '%.*s' exists twice",
                  STR_ARG(m->certificates[i].arn));
        }
    }
    slots_check(&k);
}

struct first_fault {
    enum err e;
    struct errinfo *reterr; /* borrowed; may be NULL */
};

static void
keep_first(void *context, struct str arn, enum err e, const char *sentence)
{
    struct first_fault *first = context;
    if (first->e != ERR_OK) {
        return;
    }
    first->e = arn.n == 0 ? err_set(first->reterr, e, "%s", sentence)
                          : err_set(first->reterr, e, "%.*s: %s", STR_ARG(arn), sentence);
}

enum err
model_check(const struct model *m, struct errinfo *reterr)
{
    struct first_fault first = {.e = ERR_OK, .reterr = reterr};
    model_check_each(m, keep_first, &first);
    return first.e;
}
