/* SPDX-License-Identifier: Apache-2.0
 * Templates to a model, in order: read and resolve all, check each resource's properties, fill the
 * model from the leaves to the rules, check the whole, make the certificates. */
#include "template/build_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "model/arn.h"
#include "model/validate.h"

#include <stdlib.h>

/* ---- resources ---- */

static void
inventory_check(struct item *it, const struct node *metadata)
{
    const struct node *instances = node_get(metadata, STR("Instances"));
    if (instances != NULL && instances->kind != NODE_MAP) {
        item_error(it, instances, "Instances must be a map of instance ids to addresses");
    }
}

/* The part of a Metadata map that is ours. */
static const struct node *
metadata_get(struct item *it, const struct node *map, enum shape shape)
{
    const struct node *own = node_get(map, STR("OpenALB"));
    if (own == NULL || node_unresolved(own)) {
        return NULL;
    }
    if (own->kind != NODE_MAP) {
        item_error(it, own, "Metadata.OpenALB must be a map, not %s", node_kind_name(own));
        return NULL;
    }
    shape_check(it, shape, own);
    inventory_check(it, own);
    return own;
}

static void
stack_metadata_read(struct stack *s)
{
    struct item top = {.stack = s}; /* errors in it have a place of their own */
    const struct node *map = node_get(tree_root(s->tree), STR("Metadata"));
    const struct node *own = metadata_get(&top, map, SHAPE_TEMPLATE_METADATA);
    s->instances = node_get(own, STR("Instances"));
}

static void
item_make(struct build *b, struct stack *s, const struct tree_resource *r)
{
    const struct resource_type *type = resource_type_find(r->type);
    if (type == NULL) {
        resource_type_unknown(s, r);
        return;
    }
    struct item *it = &b->items[b->item_count++];
    *it = (struct item){.stack = s, .resource = r, .type = type, .properties = r->properties};
    size_t before = build_errors(b);
    it->metadata = metadata_get(it, r->metadata, type->metadata);
    shape_check(it, type->shape, it->properties);
    it->sound = !b->doubtful && build_errors(b) == before;
    it->identity = identity_get(s, type, r);
}

static void
items_make(struct build *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->stack_count; i++) {
        count += b->stacks[i].tree == NULL ? 0 : tree_resource_count(b->stacks[i].tree);
    }
    b->items = xalloc(count * sizeof(*b->items));
    for (size_t i = 0; i < b->stack_count; i++) {
        struct stack *s = &b->stacks[i];
        if (s->tree == NULL) {
            continue;
        }
        stack_metadata_read(s);
        for (size_t k = 0; k < tree_resource_count(s->tree); k++) {
            item_make(b, s, tree_resource(s->tree, k));
        }
    }
}

/* The next item of this kind from *at on; NULL when there is none. */
static struct item *
item_next(struct build *b, enum resource_kind kind, size_t *at)
{
    while (*at < b->item_count) {
        struct item *it = &b->items[(*at)++];
        if (it->type->kind == kind) {
            return it;
        }
    }
    return NULL;
}

static size_t
items_count(struct build *b, enum resource_kind kind)
{
    size_t count = 0;
    for (size_t at = 0; item_next(b, kind, &at) != NULL;) {
        count++;
    }
    return count;
}

/* ---- leaves: certificates, target groups, load balancers ---- */

static void
certificates_build(struct build *b)
{
    struct model *m = b->model;
    m->certificates =
        model_alloc(m, items_count(b, RESOURCE_CERTIFICATE) * sizeof(*m->certificates));
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_CERTIFICATE, &at)) != NULL;) {
        it->object = &m->certificates[m->certificate_count++];
        build_certificate(it, it->object);
    }
}

static void
target_groups_build(struct build *b)
{
    struct model *m = b->model;
    m->target_groups =
        model_alloc(m, items_count(b, RESOURCE_TARGET_GROUP) * sizeof(*m->target_groups));
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_TARGET_GROUP, &at)) != NULL;) {
        it->object = &m->target_groups[m->target_group_count++];
        build_target_group(it, it->object);
    }
}

static void
load_balancers_build(struct build *b)
{
    struct model *m = b->model;
    m->load_balancers =
        model_alloc(m, items_count(b, RESOURCE_LOAD_BALANCER) * sizeof(*m->load_balancers));
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_LOAD_BALANCER, &at)) != NULL;) {
        it->object = &m->load_balancers[m->load_balancer_count++];
        build_load_balancer(it, it->object);
    }
}

/* ---- addresses ---- */

/* The address of one family whose turn it is; NULL when the pool has none of that family. */
static const struct addr *
pool_turn(const struct build_env *env, bool v6, size_t turn)
{
    size_t count = 0;
    for (size_t i = 0; i < env->address_count; i++) {
        count += addr_is_v6(&env->addresses[i]) == v6;
    }
    size_t left = count == 0 ? 0 : turn % count;
    for (size_t i = 0; i < env->address_count; i++) {
        if (addr_is_v6(&env->addresses[i]) == v6 && left-- == 0) {
            return &env->addresses[i];
        }
    }
    return NULL;
}

/* How many load balancers have a lower slot: slots stay, so do the addresses. */
static size_t
load_balancer_rank(const struct model *m, const struct load_balancer *lb)
{
    size_t rank = 0;
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        rank += m->load_balancers[i].slot < lb->slot;
    }
    return rank;
}

/* One IPv4 and one IPv6 address of the pool each, while there are free ones; shared after that. */
static void
addresses_give(struct build *b)
{
    struct model *m = b->model;
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        struct load_balancer *lb = &m->load_balancers[i];
        size_t rank = load_balancer_rank(m, lb);
        lb->addresses = model_alloc(m, 2 * sizeof(*lb->addresses));
        for (int v6 = 0; v6 <= 1; v6++) {
            const struct addr *a = pool_turn(b->env, v6 != 0, rank);
            if (a != NULL) {
                lb->addresses[lb->address_count] = *a;
                addr_set_port(&lb->addresses[lb->address_count++], 0);
            }
        }
    }
}

/* ---- listeners ---- */

/* The text of a property that names a parent; false when it names none, which is said elsewhere. */
static bool
parent_arn(struct item *it, const char *key, struct str *ret_arn)
{
    return read_text(it->properties, key, ret_arn) && ret_arn->n > 0 && !it->stack->build->doubtful;
}

static void
load_balancer_bind(struct item *it)
{
    static const char key[] = "LoadBalancerArn";
    struct model *m = it->stack->build->model;
    struct str arn;
    if (!parent_arn(it, key, &arn)) {
        return;
    }
    struct load_balancer *lb = model_load_balancer(m, arn);
    it->parent = lb;
    if (lb != NULL) {
        lb->listener_count++;
    } else if (arn_load_balancer_full_name(arn).n == 0) {
        item_error(it, read_at(it->properties, key), "'%.*s' is not a valid load balancer ARN",
                   STR_ARG(arn));
    } else {
        item_error(it, read_at(it->properties, key), "Load balancer '%.*s' not found",
                   STR_ARG(arn));
    }
}

/* All certificates that may come to one listener. */
static size_t
certificates_max(struct build *b)
{
    size_t count = 1;
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_LISTENER_CERTIFICATE, &at)) != NULL;) {
        count += listed_certificate_count(it);
    }
    return count;
}

static void
listeners_build(struct build *b)
{
    struct model *m = b->model;
    size_t certificates = certificates_max(b);
    struct item *bound;
    for (size_t at = 0; (bound = item_next(b, RESOURCE_LISTENER, &at)) != NULL;) {
        load_balancer_bind(bound);
    }
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        struct load_balancer *lb = &m->load_balancers[i];
        lb->listeners = model_alloc(m, lb->listener_count * sizeof(*lb->listeners));
        lb->listener_count = 0;
    }
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_LISTENER, &at)) != NULL;) {
        struct load_balancer *lb = it->parent;
        /* One without a load balancer is read for its errors only. */
        struct listener *l =
            lb == NULL ? model_alloc(m, sizeof(*l)) : &lb->listeners[lb->listener_count++];
        l->load_balancer = lb;
        l->certificates =
            model_alloc(m, MAX_OF(certificates, (size_t)1) * sizeof(*l->certificates));
        it->object = l;
        build_listener(it, l);
    }
}

/* ---- rules and listeners' certificates ---- */

static void
listener_bind(struct item *it)
{
    static const char key[] = "ListenerArn";
    struct str arn;
    if (!parent_arn(it, key, &arn)) {
        return;
    }
    it->parent = model_listener(it->stack->build->model, arn);
    if (it->parent != NULL) {
        return;
    }
    if (str_starts(arn_resource(arn), STR("listener/"))) {
        item_error(it, read_at(it->properties, key), "Listener '%.*s' not found", STR_ARG(arn));
    } else {
        item_error(it, read_at(it->properties, key), "'%.*s' is not a valid listener ARN",
                   STR_ARG(arn));
    }
}

static void
listener_certificates_build(struct build *b)
{
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_LISTENER_CERTIFICATE, &at)) != NULL;) {
        listener_bind(it);
        struct listener *l = it->parent;
        if (l == NULL) {
            continue;
        }
        if (l->protocol != PROTOCOL_HTTPS) {
            item_error(it, read_at(it->properties, "ListenerArn"),
                       "certificates can only be added to HTTPS listeners");
        } else {
            build_listener_certificates(it, l);
        }
    }
}

static int
rule_order(const void *a, const void *b)
{
    const struct rule *x = a;
    const struct rule *y = b;
    return (x->priority > y->priority) - (x->priority < y->priority);
}

static void
rules_allocate(struct build *b)
{
    struct model *m = b->model;
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_LISTENER_RULE, &at)) != NULL;) {
        listener_bind(it);
        if (it->parent != NULL) {
            ((struct listener *)it->parent)->rule_count++;
        }
    }
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        struct load_balancer *lb = &m->load_balancers[i];
        for (size_t k = 0; k < lb->listener_count; k++) {
            struct listener *l = &lb->listeners[k];
            l->rules = model_alloc(m, l->rule_count * sizeof(*l->rules));
            l->rule_count = 0;
        }
    }
}

static void
rules_sort(struct model *m)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        struct load_balancer *lb = &m->load_balancers[i];
        for (size_t k = 0; k < lb->listener_count; k++) {
            struct listener *l = &lb->listeners[k];
            qsort(l->rules, l->rule_count, sizeof(*l->rules), rule_order);
        }
    }
}

static void
rules_build(struct build *b)
{
    struct model *m = b->model;
    rules_allocate(b);
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_LISTENER_RULE, &at)) != NULL;) {
        struct listener *l = it->parent;
        struct listener *home = l == NULL ? model_alloc(m, sizeof(*home)) : l;
        struct rule *r = l == NULL ? model_alloc(m, sizeof(*r)) : &l->rules[l->rule_count++];
        it->sound = it->sound && l != NULL; /* what depends on the listener cannot be judged */
        build_rule(it, home, r);
    }
    rules_sort(m);
}

/* ---- the whole ---- */

static void
fault_add(void *context, struct str arn, enum err e, const char *sentence)
{
    struct build *b = context;
    (void)e;
    for (size_t i = 0; i < b->item_count; i++) {
        if (arn.n > 0 && str_eq(b->items[i].identity->arn, arn)) {
            item_error(&b->items[i], NULL, "%s", sentence);
            return;
        }
    }
    template_error_at(b->errors, b->stacks[0].source->file, 1, 1, "%s", sentence);
}

static void
certificates_make(struct build *b)
{
    struct item *it;
    for (size_t at = 0; (it = item_next(b, RESOURCE_CERTIFICATE, &at)) != NULL;) {
        build_certificate_make(it, it->object);
    }
}

/* One line for a terminal: control bytes become \xHH. */
static void
visible_add(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f) {
            buf_addf(out, "\\x%02X", (unsigned)c);
        } else {
            buf_add_char(out, text.p[i]);
        }
    }
}

static void
outputs_write(struct build *b, struct buf *out)
{
    for (size_t i = 0; i < b->stack_count; i++) {
        const struct node *section = node_get(tree_root(b->stacks[i].tree), STR("Outputs"));
        for (size_t k = 0; section != NULL && k < section->count; k++) {
            const struct node *value = node_get(section->entries[k].value, STR("Value"));
            buf_addf(out, "%.*s.%.*s = ", STR_ARG(b->stacks[i].source->stack),
                     STR_ARG(section->entries[k].key));
            visible_add(out, node_shown(value));
            buf_add_char(out, '\n');
        }
    }
}

static void
model_fill(struct build *b)
{
    items_make(b);
    certificates_build(b);
    target_groups_build(b);
    load_balancers_build(b);
    addresses_give(b);
    listeners_build(b);
    listener_certificates_build(b);
    rules_build(b);
    if (build_errors(b) == 0) {
        model_check_each(b->model, fault_add, b);
    }
    if (build_errors(b) == 0) {
        certificates_make(b);
    }
}

/* ---- errors in the order of the templates ---- */

struct error_place {
    size_t source;
    uint64_t line, column;
};

static struct error_place
error_place(const struct build *b, const char *text)
{
    struct error_place place = {.source = b->stack_count};
    for (size_t i = 0; i < b->stack_count; i++) {
        struct str file = b->stacks[i].source->file;
        struct str rest = str_of(text);
        struct str line, column;
        if (!str_starts(rest, file) || rest.n == file.n || rest.p[file.n] != ':') {
            continue;
        }
        rest = str_sub(rest, file.n + 1, rest.n);
        if (str_cut(&rest, ':', &line) && str_to_u64(line, &place.line) &&
            str_cut(&rest, ':', &column) && str_to_u64(column, &place.column)) {
            place.source = i;
            break;
        }
    }
    return place;
}

static bool
place_after(struct error_place a, struct error_place b)
{
    if (a.source != b.source) {
        return a.source > b.source;
    }
    return a.line != b.line ? a.line > b.line : a.column > b.column;
}

static void
errors_sort(const struct build *b)
{
    struct template_error *items = b->errors->items;
    struct error_place places[LIMIT_TEMPLATE_ERRORS_MAX];
    for (size_t i = 0; i < b->errors->count; i++) {
        struct template_error moved = items[i];
        struct error_place place = error_place(b, moved.text);
        size_t to = i;
        for (; to > 0 && place_after(places[to - 1], place); to--) {
            items[to] = items[to - 1];
            places[to] = places[to - 1];
        }
        items[to] = moved;
        places[to] = place;
    }
}

/* ---- the door ---- */

static void
build_done(struct build *b)
{
    for (size_t i = 0; i < b->stack_count; i++) {
        tree_free(&b->stacks[i].tree);
    }
    xfree(b->stacks);
    xfree(b->items);
    model_unref(&b->model);
}

void
template_build(const struct template_source *sources, size_t count, const struct build_env *env,
               struct build_result *ret_result)
{
    ASSERT(env->resource_id != NULL);
    ASSERT(env->slot != NULL);
    *ret_result = (struct build_result){.model = NULL};
    struct build b = {
        .env = env,
        .model = model_new(),
        .errors = &ret_result->errors,
        .notes = &ret_result->notes,
    };
    b.model->account = model_dup(b.model, env->account);
    b.model->region = model_dup(b.model, env->region);
    b.model->domain = model_dup(b.model, env->domain);
    stacks_read(&b, sources, count);
    model_fill(&b);
    if (build_errors(&b) == 0) {
        outputs_write(&b, &ret_result->outputs);
        ret_result->model = b.model;
        b.model = NULL;
    }
    errors_sort(&b);
    build_done(&b);
}

void
build_result_free(struct build_result *r)
{
    model_unref(&r->model);
    buf_free(&r->outputs);
    buf_free(&r->notes);
    template_errors_free(&r->errors);
}
