/* SPDX-License-Identifier: Apache-2.0
 * AWS::ElasticLoadBalancingV2::TargetGroup: health check settings and targets. */
#include "template/build_int.h"

#include "base/limits.h"
#include "model/validate.h"

#include <inttypes.h>

/* ---- health check ---- */

static void
health_numbers_read(struct item *it, struct health_check *h)
{
    const struct health_setting *s;
    for (size_t i = 0; (s = health_setting_at(i)) != NULL; i++) {
        int64_t value;
        struct errinfo reason;
        if (!read_int(it->properties, s->property, &value)) {
            continue;
        }
        if (validate_int(s->at, value, s->min, s->max, &reason) != ERR_OK) {
            item_error(it, read_at(it->properties, s->property), "%s", reason.text);
            continue;
        }
        uint32_t number = (uint32_t)value;
        memcpy((char *)h + s->offset, &number, sizeof(number));
    }
}

static void
health_path_read(struct item *it, struct health_check *h)
{
    struct str path;
    struct errinfo reason;
    if (!read_text(it->properties, "HealthCheckPath", &path)) {
        return;
    }
    if (validate_health_check_path(path, &reason) != ERR_OK) {
        item_error(it, read_at(it->properties, "HealthCheckPath"), "%s", reason.text);
        return;
    }
    h->path = model_dup(it->stack->build->model, path);
}

static void
health_texts_read(struct item *it, struct health_check *h)
{
    struct str text;
    struct errinfo reason;
    const struct node *matcher = node_get(it->properties, STR("Matcher"));
    if (read_text(it->properties, "HealthCheckProtocol", &text)) {
        (void)protocol_parse(text, &h->protocol); /* the table knows the words */
    }
    if (read_text(it->properties, "HealthCheckPort", &text) &&
        health_check_port_parse(text, &h->port, &reason) != ERR_OK) {
        item_error(it, read_at(it->properties, "HealthCheckPort"), "%s", reason.text);
    }
    health_path_read(it, h);
    if (read_text(matcher, "HttpCode", &text) &&
        health_check_matcher_parse(it->stack->build->model, text, h, &reason) != ERR_OK) {
        item_error(it, read_at(matcher, "HttpCode"), "%s", reason.text);
    }
}

static void
health_check_read(struct item *it, struct target_group *g)
{
    struct health_check *h = &g->health_check;
    size_t before = build_errors(it->stack->build);
    struct errinfo reason;
    bool enabled;
    health_check_defaults(it->stack->build->model, h, g->protocol);
    health_numbers_read(it, h);
    health_texts_read(it, h);
    if (read_bool(it->properties, "HealthCheckEnabled", &enabled) && !enabled) {
        item_error(it, read_at(it->properties, "HealthCheckEnabled"),
                   "Health check enabled must be true for target groups with target type '%s'",
                   target_type_name(g->target_type));
    }
    if (build_errors(it->stack->build) == before && validate_health_check(h, &reason) != ERR_OK) {
        item_error(it, read_at(it->properties, "HealthCheckTimeoutSeconds"), "%s", reason.text);
    }
}

/* ---- targets ---- */

/* The address of an instance: the resource's own inventory, then the template's. */
static const struct node *
instance_find(struct item *it, struct str id)
{
    const struct node *own = node_get(node_get(it->metadata, STR("Instances")), id);
    return own != NULL ? own : node_get(it->stack->instances, id);
}

static bool
instance_address(struct item *it, const struct node *at, struct str id, struct addr *ret_addr)
{
    const struct node *found = instance_find(it, id);
    if (found == NULL) {
        item_error(it, at,
                   "instance '%.*s' is not in the inventory; write its address under Metadata: "
                   "{OpenALB: {Instances: {%.*s: ADDRESS}}}",
                   STR_ARG(id), STR_ARG(id));
        return false;
    }
    if (found->kind != NODE_SCALAR || !addr_parse(found->text, 0, ret_addr)) {
        item_error(it, found, "the address of instance '%.*s' must be an IPv4 or IPv6 address",
                   STR_ARG(id));
        return false;
    }
    return true;
}

static bool
target_address(struct item *it, const struct target_group *g, const struct node *at, struct str id,
               struct addr *ret_addr)
{
    struct errinfo reason;
    if (g->target_type == TARGET_TYPE_INSTANCE) {
        if (!instance_address(it, at, id, ret_addr)) {
            return false;
        }
    } else if (!addr_parse(id, 0, ret_addr)) {
        item_error(it, at, "The IP address '%.*s' is not a valid IPv4 or IPv6 address",
                   STR_ARG(id));
        return false;
    }
    if (validate_target_address(ret_addr, &reason) != ERR_OK) {
        item_error(it, at, "%s", reason.text);
        return false;
    }
    return true;
}

/* The slot stays with the group, the address and the port. */
static bool
target_slot(struct item *it, const struct target_group *g, const struct node *at, struct target *t)
{
    struct build *b = it->stack->build;
    char text[ADDR_TEXT];
    struct str key = model_printf(b->model, "target:%.*s:%s:%u", STR_ARG(g->arn),
                                  addr_text(&t->addr, text), addr_port(&t->addr));
    if (!b->env->slot(b->env->context, key, &t->slot)) {
        item_error(it, at, "there are too many targets; the limit is '%d'", LIMIT_TARGETS_MAX);
        return false;
    }
    return true;
}

static void
target_read(struct item *it, struct target_group *g, const struct node *map)
{
    struct target t = {.slot = 0};
    struct str id;
    uint16_t port = g->port;
    if (!read_text(map, "Id", &id)) {
        return;
    }
    const struct node *at = read_at(map, "Id");
    bool sound = target_address(it, g, at, id, &t.addr);
    if (node_get(map, STR("Port")) != NULL) {
        sound = read_port(it, map, "Port", "targets.port", &port) && sound;
    }
    if (!sound) {
        return;
    }
    addr_set_port(&t.addr, port);
    for (size_t i = 0; i < g->target_count; i++) {
        if (addr_eq(&g->targets[i].addr, &t.addr)) {
            char text[ADDR_TEXT];
            item_error(it, at, "target '%.*s' is listed twice: '%.*s' is %s too", STR_ARG(id),
                       STR_ARG(g->targets[i].id), addr_port_text(&t.addr, text));
            return;
        }
    }
    if (target_slot(it, g, at, &t)) {
        t.id = model_dup(it->stack->build->model, id);
        g->targets[g->target_count++] = t;
    }
}

static void
targets_read(struct item *it, struct target_group *g)
{
    size_t count;
    struct node *const *list = read_list(it->properties, "Targets", &count);
    if (count > LIMIT_TARGETS_PER_GROUP_MAX) {
        item_error(it, read_at(it->properties, "Targets"),
                   "Target group '%.*s' has %zu targets; the limit is '%d'", STR_ARG(g->name),
                   count, LIMIT_TARGETS_PER_GROUP_MAX);
        return;
    }
    g->targets = model_alloc(it->stack->build->model, count * sizeof(*g->targets));
    for (size_t i = 0; i < count; i++) {
        target_read(it, g, list[i]);
    }
}

/* ---- all of it ---- */

static void
attributes_read(struct item *it, struct target_group *g)
{
    const struct attribute *delay =
        attribute_find(ATTRIBUTES_TARGET_GROUP, STR("deregistration_delay.timeout_seconds"));
    uint64_t seconds = 0;
    (void)str_to_u64(str_of(delay->initial), &seconds); /* a row of our own table */
    g->deregistration_delay_s = (uint32_t)seconds;
    build_attributes(it, "TargetGroupAttributes", ATTRIBUTES_TARGET_GROUP, NULL);
}

void
build_target_group(struct item *it, struct target_group *g)
{
    struct str text;
    struct errinfo reason;
    g->arn = it->identity->arn;
    g->id = it->identity->id;
    g->name = it->identity->name;
    if (validate_target_group_name(g->name, &reason) != ERR_OK) {
        item_error(it, read_at(it->properties, "Name"), "%s", reason.text);
    }
    if (read_text(it->properties, "Protocol", &text)) {
        (void)protocol_parse(text, &g->protocol); /* the table knows the words */
    }
    g->target_type = TARGET_TYPE_INSTANCE; /* AWS's default */
    if (read_text(it->properties, "TargetType", &text)) {
        (void)target_type_parse(text, &g->target_type); /* as above */
    }
    (void)read_port(it, it->properties, "Port", "port", &g->port); /* its error is the result */
    health_check_read(it, g);
    attributes_read(it, g);
    targets_read(it, g);
}
