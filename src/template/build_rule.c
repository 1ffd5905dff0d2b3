/* SPDX-License-Identifier: Apache-2.0
 * AWS::ElasticLoadBalancingV2::ListenerRule: priority and conditions; and the actions of rules and
 * listeners. */
#include "template/build_int.h"

#include "model/validate.h"

/* ---- actions ---- */

static struct target_group *
target_group_find(struct item *it, const struct node *map)
{
    struct build *b = it->stack->build;
    struct str arn;
    if (!read_text(map, "TargetGroupArn", &arn)) {
        return NULL;
    }
    struct target_group *g = model_target_group(b->model, arn);
    if (g == NULL && !b->doubtful) {
        item_error(it, read_at(map, "TargetGroupArn"), "Target group '%.*s' not found",
                   STR_ARG(arn));
    }
    return g;
}

/* ForwardConfig with one group means the same as TargetGroupArn. */
static struct target_group *
forward_config_read(struct item *it, const struct node *config)
{
    size_t count;
    int64_t weight;
    struct errinfo reason;
    struct node *const *groups = read_list(config, "TargetGroups", &count);
    if (count != 1) {
        item_error(it, read_at(config, "TargetGroups"),
                   count == 0 ? "ForwardConfig must have a target group"
                              : "ForwardConfig with several target groups is not supported yet");
        return NULL;
    }
    if (read_int(groups[0], "Weight", &weight) &&
        validate_int("forwardConfig.targetGroups.1.member.weight", weight, 0, 999, &reason) !=
            ERR_OK) {
        item_error(it, read_at(groups[0], "Weight"), "%s", reason.text);
    }
    return target_group_find(it, groups[0]);
}

static void
forward_read(struct item *it, const struct node *map, const struct listener *l, struct action *a)
{
    const struct node *config = node_get(map, STR("ForwardConfig"));
    bool has_arn = node_get(map, STR("TargetGroupArn")) != NULL;
    (void)l;
    if (!has_arn && config == NULL) {
        item_error(it, map, "A target group ARN must be specified for a forward action");
        return;
    }
    struct target_group *direct = target_group_find(it, map);
    struct target_group *configured = config == NULL ? NULL : forward_config_read(it, config);
    if (direct != NULL && configured != NULL && direct != configured) {
        item_error(it, config,
                   "TargetGroupArn and ForwardConfig must name the same target group when both are "
                   "specified");
    }
    a->target_group = direct != NULL ? direct : configured;
    if (a->target_group != NULL) {
        a->target_group->in_use = true;
    }
}

static void
redirect_read(struct item *it, const struct node *map, const struct listener *l, struct action *a)
{
    struct model *m = it->stack->build->model;
    const struct node *config = node_get(map, STR("RedirectConfig"));
    struct redirect *r = &a->redirect;
    struct errinfo reason;
    struct str text;
    const struct {
        const char *key;
        struct str *field;
    } fields[] = {{"Protocol", &r->protocol},
                  {"Host", &r->host},
                  {"Port", &r->port},
                  {"Path", &r->path},
                  {"Query", &r->query}};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (read_text(config, fields[i].key, &text)) {
            *fields[i].field = model_dup(m, text);
        }
    }
    redirect_defaults(r);
    if (read_text(config, "StatusCode", &text) &&
        redirect_status_parse(text, &r->status, &reason) != ERR_OK) {
        item_error(it, read_at(config, "StatusCode"), "%s", reason.text);
    }
    /* A misspelt field must not be called a loop as well. */
    if (it->sound && validate_redirect(r, l->protocol, l->port, &reason) != ERR_OK) {
        item_error(it, config, "%s", reason.text);
    }
}

static void
fixed_response_read(struct item *it, const struct node *map, const struct listener *l,
                    struct action *a)
{
    struct model *m = it->stack->build->model;
    const struct node *config = node_get(map, STR("FixedResponseConfig"));
    struct fixed_response *f = &a->fixed_response;
    struct errinfo reason;
    struct str text;
    (void)l;
    if (read_text(config, "StatusCode", &text) &&
        fixed_response_status_parse(text, &f->status, &reason) != ERR_OK) {
        item_error(it, read_at(config, "StatusCode"), "%s", reason.text);
    }
    if (read_text(config, "ContentType", &text)) {
        f->content_type = model_dup(m, text);
    }
    if (read_text(config, "MessageBody", &text)) {
        f->body = model_dup(m, text);
    }
    if (validate_fixed_response(f, &reason) != ERR_OK) {
        item_error(it, config, "%s", reason.text);
    }
}

static const struct {
    void (*read)(struct item *it, const struct node *map, const struct listener *l,
                 struct action *a);
    const char *config; /* the property that goes with this type, and only with it */
    bool required;
} action_readers[ACTION_COUNT] = {
    [ACTION_FORWARD] = {forward_read, "ForwardConfig", false},
    [ACTION_REDIRECT] = {redirect_read, "RedirectConfig", true},
    [ACTION_FIXED_RESPONSE] = {fixed_response_read, "FixedResponseConfig", true},
};

/* Each type with its own configuration; false when that is missing. */
static bool
action_config_check(struct item *it, const struct node *map, enum action_type type)
{
    for (int other = 0; other < ACTION_COUNT; other++) {
        const char *config = action_readers[other].config;
        if (other != (int)type && node_get(map, str_of(config)) != NULL) {
            item_error(it, read_at(map, config), "'%s' cannot be specified with action type '%s'",
                       config, action_type_name(type));
        }
    }
    if (type != ACTION_FORWARD && node_get(map, STR("TargetGroupArn")) != NULL) {
        item_error(it, read_at(map, "TargetGroupArn"),
                   "'TargetGroupArn' cannot be specified with action type '%s'",
                   action_type_name(type));
    }
    const char *own = action_readers[type].config;
    if (action_readers[type].required && node_get(map, str_of(own)) == NULL) {
        item_error(it, map, "A '%s' must be specified with action type '%s'", own,
                   action_type_name(type));
        return false;
    }
    return true;
}

static void
action_read(struct item *it, const struct node *map, const struct listener *l, struct action *a)
{
    struct str type;
    int64_t order;
    struct errinfo reason;
    if (read_int(map, "Order", &order)) {
        if (validate_int("actions.order", order, 1, VALIDATE_PRIORITY_MAX, &reason) != ERR_OK) {
            item_error(it, read_at(map, "Order"), "%s", reason.text);
        } else {
            a->order = (uint32_t)order;
        }
    }
    if (read_text(map, "Type", &type) && action_type_parse(type, &a->type) &&
        action_config_check(it, map, a->type)) {
        action_readers[a->type].read(it, map, l, a);
    }
}

void
build_actions(struct item *it, const struct node *list, const struct listener *l,
              struct action *ret_action)
{
    if (list == NULL || list->kind != NODE_LIST || node_unresolved(list)) {
        return;
    }
    struct errinfo reason;
    size_t before = build_errors(it->stack->build);
    struct action *actions = model_alloc(it->stack->build->model, list->count * sizeof(*actions));
    for (size_t i = 0; i < list->count; i++) {
        action_read(it, list->items[i], l, &actions[i]);
    }
    if (build_errors(it->stack->build) == before &&
        validate_actions(actions, list->count, &reason) != ERR_OK) {
        item_error(it, list, "%s", reason.text);
    }
    if (list->count > 0) {
        *ret_action = actions[0];
    }
}

/* ---- conditions ---- */

static const char *const condition_configs[CONDITION_COUNT] = {
    [CONDITION_HOST_HEADER] = "HostHeaderConfig",
    [CONDITION_PATH_PATTERN] = "PathPatternConfig",
};

/* The field: as given, or the one whose configuration is there. */
static bool
condition_field_read(struct item *it, const struct node *map, enum condition_field *ret_field)
{
    struct str text;
    if (read_text(map, "Field", &text)) {
        return condition_field_parse(text, ret_field);
    }
    for (int f = 0; f < CONDITION_COUNT; f++) {
        if (node_get(map, str_of(condition_configs[f])) != NULL) {
            *ret_field = (enum condition_field)f;
            return true;
        }
    }
    item_error(it, map,
               "Condition field must be one of '[path-pattern,host-header,http-header,"
               "http-request-method,query-string,source-ip]'");
    return false;
}

/* The map that holds the values: the condition itself (one value) or its configuration. NULL after
 * an error. */
static const struct node *
condition_holder(struct item *it, const struct node *map, enum condition_field field)
{
    const char *name = condition_field_name(field);
    const struct node *config = node_get(map, str_of(condition_configs[field]));
    size_t count;
    (void)read_list(map, "Values", &count);
    for (int other = 0; other < CONDITION_COUNT; other++) {
        if (other != (int)field && node_get(map, str_of(condition_configs[other])) != NULL) {
            item_error(it, read_at(map, condition_configs[other]),
                       "'%s' cannot be specified with a condition of type '%s'",
                       condition_configs[other], name);
        }
    }
    if (config != NULL && node_get(map, STR("Values")) != NULL) {
        item_error(it, config,
                   "You cannot provide both Values and '%s' for a condition of type '%s'",
                   condition_configs[field], name);
        return NULL;
    }
    if (config == NULL && count > 1) {
        item_error(
            it, read_at(map, "Values"),
            "The '%s' field contains too many values; the limit is '1'; use '%s' for several", name,
            condition_configs[field]);
        return NULL;
    }
    return config == NULL ? map : config;
}

static void
condition_read(struct item *it, const struct node *map, struct rule *r)
{
    struct condition c = {.value_count = 0};
    struct errinfo reason;
    size_t count;
    if (map->kind != NODE_MAP || !condition_field_read(it, map, &c.field)) {
        return;
    }
    const struct node *holder = condition_holder(it, map, c.field);
    if (holder == NULL) {
        return;
    }
    struct node *const *values = read_list(holder, "Values", &count);
    c.values = model_alloc(it->stack->build->model, count * sizeof(*c.values));
    for (size_t i = 0; i < count; i++) {
        if (values[i]->kind != NODE_SCALAR || node_unresolved(values[i])) {
            continue;
        }
        if (validate_condition_value(c.field, values[i]->text, &reason) != ERR_OK) {
            item_error(it, values[i], "%s", reason.text);
        }
        c.values[c.value_count++] = model_dup(it->stack->build->model, values[i]->text);
    }
    r->conditions[r->condition_count++] = c;
}

static void
conditions_read(struct item *it, struct rule *r)
{
    size_t count;
    struct errinfo reason;
    struct node *const *list = read_list(it->properties, "Conditions", &count);
    size_t before = build_errors(it->stack->build);
    r->conditions = model_alloc(it->stack->build->model, count * sizeof(*r->conditions));
    for (size_t i = 0; i < count; i++) {
        condition_read(it, list[i], r);
    }
    /* A condition that is not supported yet must not be called missing as well. */
    if (it->sound && build_errors(it->stack->build) == before &&
        validate_conditions(r->conditions, r->condition_count, &reason) != ERR_OK) {
        item_error(it, read_at(it->properties, "Conditions"), "%s", reason.text);
    }
}

/* ---- rules ---- */

void
build_rule(struct item *it, struct listener *l, struct rule *r)
{
    int64_t priority;
    struct errinfo reason;
    r->arn = it->identity->arn;
    if (read_int(it->properties, "Priority", &priority)) {
        if (validate_priority(priority, &reason) != ERR_OK) {
            item_error(it, read_at(it->properties, "Priority"), "%s", reason.text);
        } else {
            r->priority = (uint32_t)priority;
        }
    }
    conditions_read(it, r);
    build_actions(it, node_get(it->properties, STR("Actions")), l, &r->action);
}
