/* SPDX-License-Identifier: Apache-2.0
 * Resource types, and what a resource is called: its name, ids and ARN, which Ref and Fn::GetAtt
 * answer. A resource's own properties are resolved when it is asked. */
#include "template/build_int.h"

#include "base/assert.h"
#include "model/arn.h"
#include "model/validate.h"

/* ---- types ---- */

static const struct resource_type types[RESOURCE_COUNT] = {
#define RESOURCE_TYPE(kind, name, shape, metadata)                                                 \
    {RESOURCE_##kind, name, SHAPE_##shape, SHAPE_##metadata},
#define RESOURCE_VALUE(kind, attribute, field)
#define LATER_TYPE(prefix)
#include "template/resource_types.def"
#undef RESOURCE_TYPE
#undef RESOURCE_VALUE
#undef LATER_TYPE
};

static const struct {
    enum resource_kind kind;
    const char *attribute;
    size_t offset; /* of the struct str in struct identity */
} values[] = {
#define RESOURCE_TYPE(kind, name, shape, metadata)
#define RESOURCE_VALUE(kind, attribute, field)                                                     \
    {RESOURCE_##kind, attribute, offsetof(struct identity, field)},
#define LATER_TYPE(prefix)
#include "template/resource_types.def"
#undef RESOURCE_TYPE
#undef RESOURCE_VALUE
#undef LATER_TYPE
};

/* Ends in "::": all types of that service. */
static const char *const later_types[] = {
#define RESOURCE_TYPE(kind, name, shape, metadata)
#define RESOURCE_VALUE(kind, attribute, field)
#define LATER_TYPE(prefix) prefix,
#include "template/resource_types.def"
#undef RESOURCE_TYPE
#undef RESOURCE_VALUE
#undef LATER_TYPE
};

const struct resource_type *
resource_type_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_eq(str_of(types[i].name), name)) {
            return &types[i];
        }
    }
    return NULL;
}

static bool
type_is_later(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(later_types); i++) {
        struct str later = str_of(later_types[i]);
        if (str_ends(later, STR("::")) ? str_starts(name, later) : str_eq(name, later)) {
            return true;
        }
    }
    return false;
}

void
resource_type_unknown(struct stack *s, const struct tree_resource *r)
{
    if (type_is_later(r->type)) {
        node_error(s->build->errors, r->type_node, "resource type '%.*s' is not supported yet",
                   STR_ARG(r->type));
        return;
    }
    struct nearest near = nearest_begin(r->type);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        nearest_offer(&near, str_of(types[i].name));
    }
    node_error(s->build->errors, r->type_node, "unknown resource type '%.*s'%s", STR_ARG(r->type),
               nearest_hint(s->tree, near.name));
}

/* ---- generated names ---- */

/* Adds letters, digits and single hyphens of `text`, at most `max` bytes. */
static void
name_part(struct out *o, struct str text, size_t max)
{
    char *begin = o->p;
    for (size_t i = 0; i < text.n && (size_t)(o->p - begin) < max; i++) {
        if (ascii_is_alnum(text.p[i])) {
            out_char(o, text.p[i]);
        } else if (o->p > begin && o->p[-1] != '-') {
            out_char(o, '-');
        }
    }
    while (o->p > begin && o->p[-1] == '-') {
        o->p--;
    }
}

/* STACK-LogicalId-RANDOM within 32 characters, as CloudFormation makes names; the last part comes
 * from the kept id, so that the name stays. */
static struct str
name_generate(struct stack *s, struct str logical_id, struct str hex)
{
    enum { RANDOM = 12, SHARED = VALIDATE_NAME_MAX - RANDOM - 2, STACK_MAX = SHARED / 2 };
    char text[VALIDATE_NAME_MAX];
    struct out o = out_of(text, sizeof(text));
    name_part(&o, s->source->stack, STACK_MAX);
    if (o.p > text) {
        out_char(&o, '-');
    }
    if (str_eq(str_span(text, o.p), STR("internal-"))) { /* reserved at the beginning */
        o.p -= 2;
        out_char(&o, '-');
    }
    name_part(&o, logical_id, (size_t)(o.end - o.p) - RANDOM - 1);
    out_char(&o, '-');
    struct str random = str_sub(hex, hex.n > RANDOM ? hex.n - RANDOM : 0, RANDOM);
    for (size_t i = 0; i < random.n; i++) {
        char c = random.p[i];
        out_char(&o, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
    ASSERT(!o.full);
    return model_dup(s->build->model, str_span(text, o.p));
}

/* ---- identities ---- */

static struct str
resource_id(struct stack *s, struct str logical_id, const char *kind)
{
    const struct build_env *env = s->build->env;
    struct str id = env->resource_id(env->context, s->source->stack, logical_id, str_of(kind));
    ASSERT(id.n > 0);
    return model_dup(s->build->model, id);
}

static void
name_set(struct stack *s, const struct node *properties, struct identity *to)
{
    struct str given;
    to->name = read_text(properties, "Name", &given) ? model_dup(s->build->model, given)
                                                     : name_generate(s, to->logical_id, to->id);
}

static void
load_balancer_identify(struct stack *s, const struct node *properties, struct identity *to)
{
    struct model *m = s->build->model;
    struct str scheme;
    bool internal = read_text(properties, "Scheme", &scheme) && str_eq(scheme, STR("internal"));
    name_set(s, properties, to);
    to->arn = arn_load_balancer(m, to->name, to->id);
    to->full_name = arn_load_balancer_full_name(to->arn);
    to->dns_name =
        dns_name_load_balancer(m, to->name, resource_id(s, to->logical_id, "decimal"), internal);
    to->zone = str_of(hosted_zone_id(m->region));
}

static void
target_group_identify(struct stack *s, const struct node *properties, struct identity *to)
{
    name_set(s, properties, to);
    to->arn = arn_target_group(s->build->model, to->name, to->id);
    to->full_name = arn_resource(to->arn);
}

/* Below a parent that is no ARN there is none either; build says what is wrong. */
static void
listener_identify(struct stack *s, const struct node *properties, struct identity *to)
{
    struct str parent;
    if (read_text(properties, "LoadBalancerArn", &parent)) {
        to->arn = arn_listener(s->build->model, parent, to->id);
    }
}

static void
rule_identify(struct stack *s, const struct node *properties, struct identity *to)
{
    struct str parent;
    to->is_default = STR("false");
    if (read_text(properties, "ListenerArn", &parent)) {
        to->arn = arn_rule(s->build->model, parent, to->id);
    }
}

static void
listener_certificate_identify(struct stack *s, const struct node *properties, struct identity *to)
{
    (void)properties;
    to->name = name_generate(s, to->logical_id, to->id);
}

static void
certificate_identify(struct stack *s, const struct node *properties, struct identity *to)
{
    (void)properties;
    to->arn = arn_certificate(s->build->model, to->id);
}

static const struct {
    const char *id_kind;
    void (*identify)(struct stack *s, const struct node *properties, struct identity *to);
} makers[RESOURCE_COUNT] = {
    [RESOURCE_LOAD_BALANCER] = {"hex16", load_balancer_identify},
    [RESOURCE_TARGET_GROUP] = {"hex16", target_group_identify},
    [RESOURCE_LISTENER] = {"hex16", listener_identify},
    [RESOURCE_LISTENER_RULE] = {"hex16", rule_identify},
    [RESOURCE_LISTENER_CERTIFICATE] = {"hex16", listener_certificate_identify},
    [RESOURCE_CERTIFICATE] = {"uuid", certificate_identify},
};

const struct identity *
identity_get(struct stack *s, const struct resource_type *type, const struct tree_resource *r)
{
    for (const struct identity *known = s->identities; known != NULL; known = known->next) {
        if (str_eq(known->logical_id, r->logical_id)) {
            return known;
        }
    }
    struct identity *made = model_alloc(s->build->model, sizeof(*made));
    made->logical_id = model_dup(s->build->model, r->logical_id);
    made->id = resource_id(s, r->logical_id, makers[type->kind].id_kind);
    made->next = s->identities;
    s->identities = made;
    makers[type->kind].identify(s, r->properties, made);
    return made;
}

bool
identity_value(void *context, struct str logical_id, struct str type_name, struct str attribute,
               struct tree *memory, struct str *ret_value)
{
    struct stack *s = context;
    const struct resource_type *type = resource_type_find(type_name);
    const struct tree_resource *r = tree_resource_find(memory, logical_id);
    ASSERT(r != NULL);
    if (type == NULL) { /* said where its type stands; whoever asks is not to blame */
        *ret_value = r->logical_id;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        if (values[i].kind == type->kind && str_eq(str_of(values[i].attribute), attribute)) {
            const char *identity = (const char *)identity_get(s, type, r);
            memcpy(ret_value, identity + values[i].offset, sizeof(*ret_value));
            return true;
        }
    }
    return false;
}
