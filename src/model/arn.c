/* SPDX-License-Identifier: Apache-2.0
 * Builders and readers of AWS's identifiers. */
#include "model/arn.h"

static const struct {
    const char *region;
    const char *id;
} hosted_zones[] = {
#define ZONE(region, id) {region, id},
#include "model/hosted_zones.def"
#undef ZONE
};

struct str
arn_load_balancer(struct model *m, struct str name, struct str id)
{
    return model_printf(m, "arn:aws:elasticloadbalancing:%.*s:%.*s:loadbalancer/app/%.*s/%.*s",
                        STR_ARG(m->region), STR_ARG(m->account), STR_ARG(name), STR_ARG(id));
}

struct str
arn_target_group(struct model *m, struct str name, struct str id)
{
    return model_printf(m, "arn:aws:elasticloadbalancing:%.*s:%.*s:targetgroup/%.*s/%.*s",
                        STR_ARG(m->region), STR_ARG(m->account), STR_ARG(name), STR_ARG(id));
}

/* The ARN of something below `parent`: its kind exchanged, an id behind. */
static struct str
arn_below(struct model *m, struct str parent, struct str parent_kind, const char *kind,
          struct str id)
{
    struct str resource = arn_resource(parent);
    if (!str_starts(resource, parent_kind)) {
        return STR_NONE;
    }
    struct str head = str_span(parent.p, resource.p);
    struct str path = str_sub(resource, parent_kind.n, resource.n);
    return model_printf(m, "%.*s%s%.*s/%.*s", STR_ARG(head), kind, STR_ARG(path), STR_ARG(id));
}

struct str
arn_listener(struct model *m, struct str load_balancer_arn, struct str id)
{
    return arn_below(m, load_balancer_arn, STR("loadbalancer/app/"), "listener/app/", id);
}

struct str
arn_rule(struct model *m, struct str listener_arn, struct str id)
{
    return arn_below(m, listener_arn, STR("listener/app/"), "listener-rule/app/", id);
}

struct str
arn_certificate(struct model *m, struct str uuid)
{
    return model_printf(m, "arn:aws:acm:%.*s:%.*s:certificate/%.*s", STR_ARG(m->region),
                        STR_ARG(m->account), STR_ARG(uuid));
}

struct str
arn_resource(struct str arn)
{
    struct str rest = arn;
    struct str piece;
    for (int part = 0; part < 5; part++) {
        if (!str_cut(&rest, ':', &piece) || (part == 0 && !str_eq(piece, STR("arn")))) {
            return STR_NONE;
        }
    }
    return rest;
}

struct str
arn_load_balancer_full_name(struct str arn)
{
    struct str kind = STR("loadbalancer/");
    struct str resource = arn_resource(arn);
    return str_starts(resource, kind) ? str_sub(resource, kind.n, resource.n) : STR_NONE;
}

struct str
dns_name_load_balancer(struct model *m, struct str name, struct str decimal, bool internal)
{
    return model_printf(m, "%s%.*s-%.*s.%.*s.%.*s", internal ? "internal-" : "", STR_ARG(name),
                        STR_ARG(decimal), STR_ARG(m->region), STR_ARG(m->domain));
}

const char *
hosted_zone_id(struct str region)
{
    for (size_t i = 0; i < COUNT_OF(hosted_zones); i++) {
        if (str_eq(region, str_of(hosted_zones[i].region))) {
            return hosted_zones[i].id;
        }
    }
    return hosted_zones[0].id; /* a region of one's own: any id that stays will do */
}
