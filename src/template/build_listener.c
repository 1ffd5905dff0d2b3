/* SPDX-License-Identifier: Apache-2.0
 * AWS::ElasticLoadBalancingV2::Listener and ListenerCertificate. */
#include "template/build_int.h"

#include "base/limits.h"

static const struct str default_policy = {"ELBSecurityPolicy-2016-08", 25}; /* AWS's default */

/* ---- certificates ---- */

size_t
listed_certificate_count(const struct item *it)
{
    size_t count;
    (void)read_list(it->properties, "Certificates", &count);
    return count;
}

static bool
certificate_listed(const struct listener *l, const struct certificate *c)
{
    for (size_t i = 0; i < l->certificate_count; i++) {
        if (l->certificates[i] == c) {
            return true;
        }
    }
    return false;
}

static void
certificate_add(struct item *it, struct listener *l, const struct node *map)
{
    struct build *b = it->stack->build;
    struct str arn;
    if (!read_text(map, "CertificateArn", &arn)) {
        return;
    }
    struct certificate *c = model_certificate(b->model, arn);
    if (c == NULL) {
        if (!b->doubtful) {
            item_error(it, read_at(map, "CertificateArn"), "Certificate '%.*s' not found",
                       STR_ARG(arn));
        }
    } else if (!certificate_listed(l, c)) { /* adding twice succeeds and changes nothing [ALB] */
        l->certificates[l->certificate_count++] = c;
    }
}

void
build_listener_certificates(struct item *it, struct listener *l)
{
    size_t count;
    struct node *const *list = read_list(it->properties, "Certificates", &count);
    for (size_t i = 0; i < count; i++) {
        certificate_add(it, l, list[i]);
    }
}

/* Exactly one certificate and a policy with HTTPS, neither with HTTP. */
static void
https_read(struct item *it, struct listener *l)
{
    const struct build_env *env = it->stack->build->env;
    struct str policy = default_policy;
    (void)read_text(it->properties, "SslPolicy", &policy); /* absent: the default stays */
    if (env->ssl_policy_known != NULL && !env->ssl_policy_known(policy)) {
        item_error(it, read_at(it->properties, "SslPolicy"), "SSL policy '%.*s' not found",
                   STR_ARG(policy));
    }
    l->ssl_policy = model_dup(it->stack->build->model, policy);
    if (node_get(it->properties, STR("Certificates")) == NULL) {
        item_error(it, it->properties, "A certificate must be specified for HTTPS listeners");
    } else if (listed_certificate_count(it) != 1) {
        item_error(
            it, read_at(it->properties, "Certificates"),
            "You must provide a list containing exactly one certificate if the listener "
            "protocol is HTTPS. More go into AWS::ElasticLoadBalancingV2::ListenerCertificate");
    } else {
        build_listener_certificates(it, l);
    }
}

static void
http_check(struct item *it)
{
    static const char *const tls_only[] = {"Certificates", "SslPolicy", "MutualAuthentication"};
    for (size_t i = 0; i < COUNT_OF(tls_only); i++) {
        if (node_get(it->properties, str_of(tls_only[i])) != NULL) {
            item_error(it, read_at(it->properties, tls_only[i]),
                       "'%s' cannot be specified for HTTP listeners", tls_only[i]);
        }
    }
}

/* ---- listeners ---- */

static void
attribute_set(struct item *it, const struct node *map, struct str key, struct str value)
{
    const struct listener *l = it->object;
    struct errinfo reason;
    (void)value; /* only defaults get here */
    if (attribute_check_listener(l->protocol, key, &reason) != ERR_OK) {
        item_error(it, read_at(map, "Key"), "%s", reason.text);
    }
}

static void
slot_take(struct item *it, struct listener *l)
{
    struct build *b = it->stack->build;
    struct str key = model_printf(b->model, "listener:%.*s", STR_ARG(l->arn));
    if (!b->env->slot(b->env->context, key, &l->slot)) {
        item_error(it, NULL, "there are too many listeners; the limit is '%d'",
                   LIMIT_LISTENERS_MAX);
    }
}

void
build_listener(struct item *it, struct listener *l)
{
    struct str text;
    l->arn = it->identity->arn;
    l->id = it->identity->id;
    (void)read_port(it, it->properties, "Port", "port", &l->port); /* its error is the result */
    if (read_text(it->properties, "Protocol", &text) && protocol_parse(text, &l->protocol)) {
        if (l->protocol == PROTOCOL_HTTPS) {
            https_read(it, l);
        } else {
            http_check(it);
        }
    }
    build_attributes(it, "ListenerAttributes", ATTRIBUTES_LISTENER, attribute_set);
    build_actions(it, node_get(it->properties, STR("DefaultActions")), l, &l->default_action);
    slot_take(it, l);
}
