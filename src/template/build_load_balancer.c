/* SPDX-License-Identifier: Apache-2.0
 * AWS::ElasticLoadBalancingV2::LoadBalancer, and lists of attributes of any resource. */
#include "template/build_int.h"

#include "base/limits.h"
#include "model/validate.h"

/* ---- attributes ---- */

static bool
attribute_repeated(struct node *const *list, size_t at, struct str key)
{
    struct str before;
    for (size_t i = 0; i < at; i++) {
        if (read_text(list[i], "Key", &before) && str_eq(before, key)) {
            return true;
        }
    }
    return false;
}

static void
attribute_note(struct item *it, const struct node *map, struct str key)
{
    buf_addf(it->stack->build->notes,
             "%.*s:%u:%u: attribute '%.*s' of %s '%.*s' is kept and has no effect\n",
             STR_ARG(map->file), map->line, map->column, STR_ARG(key), shape_title(it->type->shape),
             STR_ARG(it->resource->logical_id));
}

static void
attribute_read(struct item *it, enum attribute_table table, const struct node *map,
               attribute_fn *set)
{
    struct str key, value;
    struct errinfo reason;
    if (!read_text(map, "Key", &key) || !read_text(map, "Value", &value)) {
        return;
    }
    if (attribute_check(table, key, value, &reason) != ERR_OK) {
        const struct attribute *known = attribute_find(table, key);
        item_error(it, read_at(map, known == NULL ? "Key" : "Value"), "%s", reason.text);
        return;
    }
    if (attribute_find(table, key)->status == ATTRIBUTE_KEPT) {
        attribute_note(it, map, key);
    }
    if (set != NULL) {
        set(it, map, key, value);
    }
}

void
build_attributes(struct item *it, const char *property, enum attribute_table table,
                 attribute_fn *set)
{
    size_t count;
    struct node *const *list = read_list(it->properties, property, &count);
    for (size_t i = 0; i < count; i++) {
        struct str key;
        if (read_text(list[i], "Key", &key) && attribute_repeated(list, i, key)) {
            item_error(it, read_at(list[i], "Key"), "attribute '%.*s' is given twice",
                       STR_ARG(key));
        } else {
            attribute_read(it, table, list[i], set);
        }
    }
}

/* ---- load balancers ---- */

static void
attribute_set(struct item *it, const struct node *map, struct str key, struct str value)
{
    (void)map;
    attribute_set_load_balancer(it->stack->build->model, it->object, key, value);
}

static void
slot_take(struct item *it, struct load_balancer *lb)
{
    struct build *b = it->stack->build;
    struct str key = model_printf(b->model, "lb:%.*s", STR_ARG(lb->arn));
    if (!b->env->slot(b->env->context, key, &lb->slot)) {
        item_error(it, NULL, "there are too many load balancers; the limit is '%d'",
                   LIMIT_LOAD_BALANCERS_MAX);
    }
}

void
build_load_balancer(struct item *it, struct load_balancer *lb)
{
    struct model *m = it->stack->build->model;
    struct errinfo reason;
    struct str text;
    size_t before = build_errors(it->stack->build);
    lb->arn = it->identity->arn;
    lb->name = it->identity->name;
    lb->id = it->identity->id;
    lb->log_id = it->identity->full_name;
    lb->dns_name = it->identity->dns_name;
    lb->scheme =
        read_text(it->properties, "Scheme", &text) ? model_dup(m, text) : STR("internet-facing");
    if (validate_load_balancer_name(lb->name, &reason) != ERR_OK) {
        item_error(it, read_at(it->properties, "Name"), "%s", reason.text);
    }
    attribute_defaults_load_balancer(m, lb);
    build_attributes(it, "LoadBalancerAttributes", ATTRIBUTES_LOAD_BALANCER, attribute_set);
    if (build_errors(it->stack->build) == before &&
        attribute_check_load_balancer(lb, &reason) != ERR_OK) {
        item_error(it, read_at(it->properties, "LoadBalancerAttributes"), "%s", reason.text);
    }
    slot_take(it, lb);
}
