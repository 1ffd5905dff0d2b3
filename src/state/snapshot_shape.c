/* SPDX-License-Identifier: Apache-2.0
 * The snapshot document as tables: one row per member of each struct of the model. */
#include "state/snapshot_shape.h"

#include "base/assert.h"
#include "base/limits.h"
#include "model/model.h"

/* Lists without a limit of their own in limits.def: enough for all, small enough to refuse garbage.
 */
enum {
    CERTIFICATES_MAX = 2000,
    NAMES_MAX = 100,
    TARGET_GROUPS_MAX = 3000, /* [ALB: 3000 target groups per region] */
    CODES_MAX = 1000,
    ADDRESSES_MAX = 64,
};

/* ---- texts that are more than text ---- */

static bool
is_set(struct str s)
{
    return s.n > 0;
}

static bool
is_arn(struct str s)
{
    return str_starts(s, STR("arn:")) && s.n > 4;
}

/* Ids name files and parts of ARNs: nothing but lower-case hexadecimal digits and, in a UUID, '-'.
 */
static bool
is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool hex = ascii_is_digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'f');
        if (!hex && s.p[i] != '-') {
            return false;
        }
    }
    return s.n > 0;
}

static bool
is_digest(struct str s)
{
    return s.n == 64 && is_id(s) && !str_find_char(s, '-', NULL);
}

static bool
is_scheme(struct str s)
{
    return str_eq(s, STR("internet-facing")) || str_eq(s, STR("internal"));
}

/* ---- enums by name ---- */

static const char *
name_protocol(unsigned value)
{
    return protocol_name((enum protocol)value);
}

static const char *
name_target_type(unsigned value)
{
    return target_type_name((enum target_type)value);
}

static const char *
name_action_type(unsigned value)
{
    return action_type_name((enum action_type)value);
}

static const char *
name_condition_field(unsigned value)
{
    return condition_field_name((enum condition_field)value);
}

static const char *
name_key_algorithm(unsigned value)
{
    return key_algorithm_name((enum key_algorithm)value);
}

static const char *const source_names[] = {
    [CERTIFICATE_ISSUED] = "issued",
    [CERTIFICATE_IMPORTED] = "imported",
};

static const char *
name_source(unsigned value)
{
    ASSERT(value < COUNT_OF(source_names));
    return source_names[value];
}

_Static_assert(sizeof(enum protocol) == sizeof(unsigned), "DOC_NAME copies enums as unsigned");

/* ---- rows ---- */

/* clang-format off */
#define TEXT(type, member)            {.key = #member, .kind = DOC_TEXT, .offset = offsetof(struct type, member)}
#define TEXT_OK(type, member, ok, w)  {.key = #member, .kind = DOC_TEXT, .offset = offsetof(struct type, member), .text_ok = (ok), .what = (w)}
#define TEXTS(type, member, n, most)  {.key = #member, .kind = DOC_TEXTS, .offset = offsetof(struct type, member), .count_offset = offsetof(struct type, n), .max = (most), .text_ok = is_set, .what = "a text of one byte or more"}
#define U16(type, member, lo, hi, w)  {.key = #member, .kind = DOC_U16, .offset = offsetof(struct type, member), .min = (lo), .max = (hi), .what = (w)}
#define U32(type, member, lo, hi, w)  {.key = #member, .kind = DOC_U32, .offset = offsetof(struct type, member), .min = (lo), .max = (hi), .what = (w)}
#define U64(type, member, w)          {.key = #member, .kind = DOC_U64, .offset = offsetof(struct type, member), .max = INT64_MAX, .what = (w)}
#define BOOL(type, member)            {.key = #member, .kind = DOC_BOOL, .offset = offsetof(struct type, member)}
#define NAME(type, member, f, n, w)   {.key = #member, .kind = DOC_NAME, .offset = offsetof(struct type, member), .name = (f), .name_count = (n), .what = (w)}
#define STRUCT(type, member, s)       {.key = #member, .kind = DOC_STRUCT, .offset = offsetof(struct type, member), .shape = (s)}
#define LIST(type, member, n, most, s) {.key = #member, .kind = DOC_LIST, .offset = offsetof(struct type, member), .count_offset = offsetof(struct type, n), .max = (most), .shape = (s)}
#define CUSTOM(text, w, r)            {.key = (text), .kind = DOC_CUSTOM, .write = (w), .read = (r)}
#define SHAPE(type, rows, f)          {.size = sizeof(struct type), .fields = (rows), .field_count = COUNT_OF(rows), .finish = (f)}
/* clang-format on */

/* ---- certificates ---- */

/* clang-format off */
static const struct doc_field certificate_fields[] = {
    TEXT_OK(certificate, arn,           is_arn, "an ARN"),
    TEXT_OK(certificate, id,            is_id, "a certificate id"),
    NAME(certificate,    source,        name_source, COUNT_OF(source_names), "issued or imported"),
    TEXT(certificate,    domain_name),
    TEXTS(certificate,   names,         name_count, NAMES_MAX),
    NAME(certificate,    key_algorithm, name_key_algorithm, KEY_COUNT, "a key algorithm that is supported"),
    TEXT_OK(certificate, digest,        is_digest, "a SHA-256 digest (64 hexadecimal digits)"),
};
/* clang-format on */
static const struct doc_shape certificate_shape = SHAPE(certificate, certificate_fields, NULL);

/* ---- target groups ---- */

static json_t *
write_addr(const struct addr *a)
{
    char text[ADDR_TEXT];
    return json_string(addr_text(a, text));
}

static void
read_addr(struct doc_reader *r, json_t *value, struct addr *ret_addr)
{
    struct str s = doc_text(r, value);
    if (r->err == ERR_OK && !addr_parse(s, 0, ret_addr)) {
        s = str_sub(s, 0, ADDR_TEXT);
        doc_fail(r, "'%.*s' is not an IP address", STR_ARG(s));
    }
}

static json_t *
write_target_address(const void *object)
{
    const struct target *t = object;
    return write_addr(&t->addr);
}

static void
read_target_address(struct doc_reader *r, json_t *value, void *object)
{
    struct target *t = object;
    read_addr(r, value, &t->addr);
}

static json_t *
write_target_port(const void *object)
{
    const struct target *t = object;
    return json_integer(addr_port(&t->addr));
}

static void
read_target_port(struct doc_reader *r, json_t *value, void *object)
{
    struct target *t = object;
    addr_set_port(&t->addr, (uint16_t)doc_number(r, value, 1, 65535, "a port (1-65535)"));
}

/* clang-format off */
static const struct doc_field target_fields[] = {
    TEXT_OK(target, id, is_set, "a target id"),
    CUSTOM("address", write_target_address, read_target_address),
    CUSTOM("port",    write_target_port, read_target_port),
    U32(target,     slot, 0, LIMIT_TARGETS_MAX - 1, "a target's slot (0-4095)"),
};
/* clang-format on */
static const struct doc_shape target_shape = SHAPE(target, target_fields, NULL);
_Static_assert(LIMIT_TARGETS_MAX == 4096, "the sentence above");

static const char traffic_port[] = "traffic-port";

static json_t *
write_check_port(const void *object)
{
    const struct health_check *h = object;
    return h->port == 0 ? json_string(traffic_port) : json_integer(h->port);
}

static void
read_check_port(struct doc_reader *r, json_t *value, void *object)
{
    struct health_check *h = object;
    if (json_is_string(value) && strcmp(json_string_value(value), traffic_port) == 0) {
        h->port = 0;
        return;
    }
    h->port = (uint16_t)doc_number(r, value, 1, 65535, "a port (1-65535) or \"traffic-port\"");
}

/* clang-format off */
static const struct doc_field code_fields[] = {
    U16(http_code_range, first, 100, 599, "a status code (100-599)"),
    U16(http_code_range, last,  100, 599, "a status code (100-599)"),
};
/* clang-format on */

static void
finish_codes(struct doc_reader *r, void *object)
{
    const struct http_code_range *range = object;
    if (range->first > range->last) {
        doc_fail(r, "the range %u-%u is empty", range->first, range->last);
    }
}

static const struct doc_shape code_shape = SHAPE(http_code_range, code_fields, finish_codes);

/* clang-format off */
static const struct doc_field health_check_fields[] = {
    NAME(health_check, protocol, name_protocol, PROTOCOL_COUNT, "HTTP or HTTPS"),
    CUSTOM("port", write_check_port, read_check_port),
    TEXT_OK(health_check, path, is_set, "a path"),
    U32(health_check,  interval_s,          1, 300, "an interval (1-300 seconds)"),
    U32(health_check,  timeout_s,           1, 120, "a timeout (1-120 seconds)"),
    U32(health_check,  healthy_threshold,   1, 10,  "a threshold (1-10)"),
    U32(health_check,  unhealthy_threshold, 1, 10,  "a threshold (1-10)"),
    TEXT_OK(health_check, matcher, is_set, "a matcher"),
    LIST(health_check, codes, code_count, CODES_MAX, &code_shape),
};
/* clang-format on */
static const struct doc_shape health_check_shape = SHAPE(health_check, health_check_fields, NULL);

/* clang-format off */
static const struct doc_field target_group_fields[] = {
    TEXT_OK(target_group, arn,  is_arn, "an ARN"),
    TEXT_OK(target_group, name, is_set, "a name"),
    TEXT_OK(target_group, id,   is_id, "a target group's id"),
    NAME(target_group,    protocol,    name_protocol, PROTOCOL_COUNT, "HTTP or HTTPS"),
    U16(target_group,     port, 1, 65535, "a port (1-65535)"),
    NAME(target_group,    target_type, name_target_type, TARGET_TYPE_COUNT, "instance or ip"),
    STRUCT(target_group,  health_check, &health_check_shape),
    U32(target_group,     deregistration_delay_s, 0, 3600, "a deregistration delay (0-3600 seconds)"),
    BOOL(target_group,    in_use),
    LIST(target_group,    targets, target_count, LIMIT_TARGETS_PER_GROUP_MAX, &target_shape),
};
/* clang-format on */
static const struct doc_shape target_group_shape = SHAPE(target_group, target_group_fields, NULL);

/* ---- actions ---- */

static bool
is_forward(const void *object)
{
    const struct action *a = object;
    return a->type == ACTION_FORWARD;
}

static bool
is_redirect(const void *object)
{
    const struct action *a = object;
    return a->type == ACTION_REDIRECT;
}

static bool
is_fixed_response(const void *object)
{
    const struct action *a = object;
    return a->type == ACTION_FIXED_RESPONSE;
}

static json_t *
write_action_group(const void *object)
{
    const struct action *a = object;
    ASSERT(a->target_group != NULL);
    return doc_string(a->target_group->arn);
}

static void
read_action_group(struct doc_reader *r, json_t *value, void *object)
{
    struct action *a = object;
    struct str arn = doc_text(r, value);
    if (r->err != ERR_OK) {
        return;
    }
    a->target_group = model_target_group(r->context, arn);
    if (a->target_group == NULL) {
        arn = str_sub(arn, 0, 200);
        doc_fail(r, "there is no target group '%.*s'", STR_ARG(arn));
    }
}

/* clang-format off */
static const struct doc_field redirect_fields[] = {
    TEXT_OK(redirect, protocol, is_set, "a protocol"),
    TEXT_OK(redirect, host,     is_set, "a host"),
    TEXT_OK(redirect, port,     is_set, "a port"),
    TEXT_OK(redirect, path,     is_set, "a path"),
    TEXT(redirect,    query),
    U16(redirect,     status, 301, 302, "301 or 302"),
};
static const struct doc_shape redirect_shape = SHAPE(redirect, redirect_fields, NULL);

static const struct doc_field fixed_response_fields[] = {
    U16(fixed_response,  status, 200, 599, "a status code (200-599)"),
    TEXT(fixed_response, content_type),
    TEXT(fixed_response, body),
};
static const struct doc_shape fixed_response_shape = SHAPE(fixed_response, fixed_response_fields, NULL);

static const struct doc_field action_fields[] = {
    NAME(action, type, name_action_type, ACTION_COUNT, "an action type that is supported"),
    U32(action,  order, 0, 50000, "an order (1-50000, 0 for none)"),
    {.key = "target_group",   .kind = DOC_CUSTOM, .present = is_forward, .write = write_action_group, .read = read_action_group},
    {.key = "redirect",       .kind = DOC_STRUCT, .present = is_redirect, .offset = offsetof(struct action, redirect), .shape = &redirect_shape},
    {.key = "fixed_response", .kind = DOC_STRUCT, .present = is_fixed_response, .offset = offsetof(struct action, fixed_response), .shape = &fixed_response_shape},
};
/* clang-format on */
static const struct doc_shape action_shape = SHAPE(action, action_fields, NULL);

/* ---- rules and listeners ---- */

/* clang-format off */
static const struct doc_field condition_fields[] = {
    NAME(condition,  field, name_condition_field, CONDITION_COUNT, "a condition field that is supported"),
    TEXTS(condition, values, value_count, LIMIT_CONDITION_VALUES_MAX),
};
/* clang-format on */

static void
finish_condition(struct doc_reader *r, void *object)
{
    const struct condition *c = object;
    if (c->value_count == 0) {
        doc_fail(r, "the condition has no values");
    }
}

static const struct doc_shape condition_shape =
    SHAPE(condition, condition_fields, finish_condition);

/* clang-format off */
static const struct doc_field rule_fields[] = {
    TEXT_OK(rule, arn, is_arn, "an ARN"),
    U32(rule,     priority, 1, 50000, "a priority (1-50000)"),
    LIST(rule,    conditions, condition_count, LIMIT_CONDITION_VALUES_MAX, &condition_shape),
    STRUCT(rule,  action, &action_shape),
};
/* clang-format on */
static const struct doc_shape rule_shape = SHAPE(rule, rule_fields, NULL);

static bool
is_https(const void *object)
{
    const struct listener *l = object;
    return l->protocol == PROTOCOL_HTTPS;
}

static json_t *
write_listener_certificates(const void *object)
{
    const struct listener *l = object;
    json_t *list = json_array();
    for (size_t i = 0; i < l->certificate_count; i++) {
        if (json_array_append_new(list, doc_string(l->certificates[i]->arn)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static struct certificate *
read_certificate_ref(struct doc_reader *r, json_t *value)
{
    struct str arn = doc_text(r, value);
    if (r->err != ERR_OK) {
        return NULL;
    }
    struct certificate *c = model_certificate(r->context, arn);
    if (c == NULL) {
        arn = str_sub(arn, 0, 200);
        doc_fail(r, "there is no certificate '%.*s'", STR_ARG(arn));
    }
    return c;
}

static void
read_listener_certificates(struct doc_reader *r, json_t *value, void *object)
{
    struct listener *l = object;
    json_t *list = doc_list(r, value, CERTIFICATES_MAX);
    size_t count = json_array_size(list);
    if (count == 0) {
        doc_fail(r, "an HTTPS listener needs a certificate");
        return;
    }
    l->certificates = r->alloc(r->context, count * sizeof(struct certificate *));
    l->certificate_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t at = doc_enter_index(r, i);
        l->certificates[i] = read_certificate_ref(r, json_array_get(list, i));
        doc_leave(r, at);
    }
}

/* clang-format off */
static const struct doc_field listener_fields[] = {
    TEXT_OK(listener, arn, is_arn, "an ARN"),
    TEXT_OK(listener, id,  is_id, "a listener's id"),
    NAME(listener,    protocol, name_protocol, PROTOCOL_COUNT, "HTTP or HTTPS"),
    U16(listener,     port, 1, 65535, "a port (1-65535)"),
    U32(listener,     slot, 0, LIMIT_LISTENERS_MAX - 1, "a listener's slot (0-255)"),
    {.key = "ssl_policy",   .kind = DOC_TEXT, .present = is_https, .offset = offsetof(struct listener, ssl_policy), .text_ok = is_set, .what = "a security policy"},
    {.key = "certificates", .kind = DOC_CUSTOM, .present = is_https, .write = write_listener_certificates, .read = read_listener_certificates},
    STRUCT(listener,  default_action, &action_shape),
    LIST(listener,    rules, rule_count, LIMIT_RULES_PER_LB_MAX, &rule_shape),
};
/* clang-format on */
_Static_assert(LIMIT_LISTENERS_MAX == 256, "the sentence above");

static void
finish_listener(struct doc_reader *r, void *object)
{
    const struct listener *l = object;
    size_t at = doc_enter_key(r, "rules");
    for (size_t i = 1; i < l->rule_count; i++) {
        size_t at_rules = doc_enter_index(r, i);
        if (l->rules[i - 1].priority >= l->rules[i].priority) {
            doc_fail(r, "the priority %u does not come after %u", l->rules[i].priority,
                     l->rules[i - 1].priority);
        }
        doc_leave(r, at_rules);
    }
    doc_leave(r, at);
}

static const struct doc_shape listener_shape = SHAPE(listener, listener_fields, finish_listener);

/* ---- load balancers ---- */

/* clang-format off */
static const struct doc_field log_fields[] = {
    BOOL(log_destination, enabled),
    TEXT(log_destination, bucket),
    TEXT(log_destination, prefix),
};
/* clang-format on */
static const struct doc_shape log_shape = SHAPE(log_destination, log_fields, NULL);

static json_t *
write_addresses(const void *object)
{
    const struct load_balancer *lb = object;
    json_t *list = json_array();
    for (size_t i = 0; i < lb->address_count; i++) {
        if (json_array_append_new(list, write_addr(&lb->addresses[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void
read_addresses(struct doc_reader *r, json_t *value, void *object)
{
    struct load_balancer *lb = object;
    json_t *list = doc_list(r, value, ADDRESSES_MAX);
    size_t count = json_array_size(list);
    if (count == 0) {
        doc_fail(r, "a load balancer needs an address");
        return;
    }
    lb->addresses = r->alloc(r->context, count * sizeof(*lb->addresses));
    lb->address_count = count;
    for (size_t i = 0; i < count; i++) {
        size_t at = doc_enter_index(r, i);
        read_addr(r, json_array_get(list, i), &lb->addresses[i]);
        doc_leave(r, at);
    }
}

/* Its array does not move any more: the listeners may point back. */
static void
finish_load_balancer(struct doc_reader *r, void *object)
{
    struct load_balancer *lb = object;
    for (size_t i = 0; i < lb->listener_count; i++) {
        lb->listeners[i].load_balancer = lb;
    }
    if (lb->access_logs.enabled && lb->access_logs.bucket.n == 0) {
        size_t at = doc_enter_key(r, "access_logs.bucket");
        doc_fail(r, "is empty though access logs are enabled");
        doc_leave(r, at);
    }
}

/* clang-format off */
static const struct doc_field load_balancer_fields[] = {
    TEXT_OK(load_balancer, arn,      is_arn, "an ARN"),
    TEXT_OK(load_balancer, name,     is_set, "a name"),
    TEXT_OK(load_balancer, id,       is_id, "a load balancer's id"),
    TEXT_OK(load_balancer, log_id,   is_set, "a load balancer's name in the access log"),
    TEXT_OK(load_balancer, dns_name, is_set, "a DNS name"),
    TEXT_OK(load_balancer, scheme,   is_scheme, "internet-facing or internal"),
    U32(load_balancer,     slot, 0, LIMIT_LOAD_BALANCERS_MAX - 1, "a load balancer's slot (0-49)"),
    U32(load_balancer,     idle_timeout_s, 1, 4000, "an idle timeout (1-4000 seconds)"),
    U32(load_balancer,     client_keep_alive_s, 60, 604800, "a client keep-alive (60-604800 seconds)"),
    STRUCT(load_balancer,  access_logs, &log_shape),
    CUSTOM("addresses",    write_addresses, read_addresses),
    LIST(load_balancer,    listeners, listener_count, LIMIT_LISTENERS_PER_LB_MAX, &listener_shape),
};
/* clang-format on */
static const struct doc_shape load_balancer_shape =
    SHAPE(load_balancer, load_balancer_fields, finish_load_balancer);
_Static_assert(LIMIT_LOAD_BALANCERS_MAX == 50, "the sentence above");

/* ---- the document ---- */

/* What is referred to stands before what refers to it. */
/* clang-format off */
static const struct doc_field model_fields[] = {
    U64(model,  version, "a version (from 0)"),
    TEXT(model, account),
    TEXT(model, region),
    TEXT(model, domain),
    LIST(model, certificates,   certificate_count,   CERTIFICATES_MAX,         &certificate_shape),
    LIST(model, target_groups,  target_group_count,  TARGET_GROUPS_MAX,        &target_group_shape),
    LIST(model, load_balancers, load_balancer_count, LIMIT_LOAD_BALANCERS_MAX, &load_balancer_shape),
};
/* clang-format on */
const struct doc_shape snapshot_shape = SHAPE(model, model_fields, NULL);
