/* SPDX-License-Identifier: Apache-2.0
 * A model in words, for `openalb check`. */
#include "template/template.h"

static void
action_describe(const struct action *a, struct buf *out)
{
    const struct redirect *r = &a->redirect;
    const struct fixed_response *f = &a->fixed_response;
    switch (a->type) {
    case ACTION_FORWARD:
        buf_addf(out, "forward to target group %.*s", STR_ARG(a->target_group->name));
        break;
    case ACTION_REDIRECT:
        buf_addf(out, "redirect %u to %.*s://%.*s:%.*s%.*s", r->status, STR_ARG(r->protocol),
                 STR_ARG(r->host), STR_ARG(r->port), STR_ARG(r->path));
        if (r->query.n > 0) {
            buf_addf(out, "?%.*s", STR_ARG(r->query));
        }
        break;
    case ACTION_FIXED_RESPONSE:
        buf_addf(out, "answer %u with %zu bytes", f->status, f->body.n);
        if (f->content_type.n > 0) {
            buf_addf(out, " of %.*s", STR_ARG(f->content_type));
        }
        break;
    case ACTION_COUNT: break;
    }
    buf_add_char(out, '\n');
}

static void
texts_describe(const struct str *texts, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(texts[i]));
    }
}

static void
rule_describe(const struct rule *r, struct buf *out)
{
    buf_addf(out, "    rule %-10u", r->priority);
    for (size_t i = 0; i < r->condition_count; i++) {
        const struct condition *c = &r->conditions[i];
        buf_addf(out, "%s%s ", i == 0 ? "" : " and ", condition_field_name(c->field));
        texts_describe(c->values, c->value_count, out);
    }
    buf_add_z(out, ": ");
    action_describe(&r->action, out);
}

static void
listener_describe(const struct listener *l, struct buf *out)
{
    buf_addf(out, "  listener       %s on port %u\n", protocol_name(l->protocol), l->port);
    if (l->protocol == PROTOCOL_HTTPS) {
        buf_addf(out, "    policy         %.*s\n", STR_ARG(l->ssl_policy));
    }
    for (size_t i = 0; i < l->certificate_count; i++) {
        buf_addf(out, "    certificate    %.*s%s\n", STR_ARG(l->certificates[i]->domain_name),
                 i == 0 ? " (default)" : "");
    }
    for (size_t i = 0; i < l->rule_count; i++) {
        rule_describe(&l->rules[i], out);
    }
    buf_add_z(out, "    default        ");
    action_describe(&l->default_action, out);
}

static void
access_logs_describe(const struct log_destination *logs, struct buf *out)
{
    if (!logs->enabled) {
        buf_add_z(out, "off\n");
    } else {
        buf_addf(out, "bucket %.*s%s%.*s\n", STR_ARG(logs->bucket),
                 logs->prefix.n > 0 ? ", prefix " : "", STR_ARG(logs->prefix));
    }
}

static void
load_balancer_describe(const struct load_balancer *lb, struct buf *out)
{
    char text[ADDR_TEXT];
    buf_addf(out, "load balancer %.*s (%.*s)\n", STR_ARG(lb->name), STR_ARG(lb->scheme));
    buf_addf(out, "  ARN            %.*s\n", STR_ARG(lb->arn));
    buf_addf(out, "  DNS name       %.*s\n", STR_ARG(lb->dns_name));
    buf_add_z(out, "  addresses      ");
    for (size_t i = 0; i < lb->address_count; i++) {
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", addr_text(&lb->addresses[i], text));
    }
    buf_addf(out, "\n  timeouts       idle %u s, client keep-alive %u s\n", lb->idle_timeout_s,
             lb->client_keep_alive_s);
    buf_add_z(out, "  access log     ");
    access_logs_describe(&lb->access_logs, out);
    for (size_t i = 0; i < lb->listener_count; i++) {
        listener_describe(&lb->listeners[i], out);
    }
}

static void
health_check_describe(const struct health_check *h, struct buf *out)
{
    buf_addf(out, "  health check   %s GET %.*s on ", protocol_name(h->protocol), STR_ARG(h->path));
    if (h->port == 0) {
        buf_add_z(out, "the traffic port");
    } else {
        buf_addf(out, "port %u", h->port);
    }
    buf_addf(out, " every %u s within %u s, codes %.*s\n", h->interval_s, h->timeout_s,
             STR_ARG(h->matcher));
    buf_addf(out, "                 healthy after %u, unhealthy after %u in a row\n",
             h->healthy_threshold, h->unhealthy_threshold);
}

static void
target_group_describe(const struct target_group *g, struct buf *out)
{
    char text[ADDR_TEXT];
    buf_addf(out, "target group %.*s (%s, %s, port %u)%s\n", STR_ARG(g->name),
             target_type_name(g->target_type), protocol_name(g->protocol), g->port,
             g->in_use ? "" : ", not used by a listener");
    buf_addf(out, "  ARN            %.*s\n", STR_ARG(g->arn));
    health_check_describe(&g->health_check, out);
    for (size_t i = 0; i < g->target_count; i++) {
        const struct target *t = &g->targets[i];
        buf_addf(out, "  target         %s", addr_port_text(&t->addr, text));
        if (g->target_type == TARGET_TYPE_INSTANCE) {
            buf_addf(out, " (%.*s)", STR_ARG(t->id));
        }
        buf_add_char(out, '\n');
    }
}

static void
certificate_describe(const struct certificate *c, struct buf *out)
{
    buf_addf(out, "certificate %.*s (", STR_ARG(c->domain_name));
    if (c->source == CERTIFICATE_ISSUED) {
        buf_addf(out, "issued here, %s)\n", key_algorithm_name(c->key_algorithm));
    } else {
        buf_add_z(out, "imported)\n");
    }
    buf_addf(out, "  ARN            %.*s\n", STR_ARG(c->arn));
    buf_add_z(out, "  names          ");
    texts_describe(c->names, c->name_count, out);
    buf_add_char(out, '\n');
}

void
model_describe(const struct model *m, struct buf *out)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        load_balancer_describe(&m->load_balancers[i], out);
    }
    for (size_t i = 0; i < m->target_group_count; i++) {
        target_group_describe(&m->target_groups[i], out);
    }
    for (size_t i = 0; i < m->certificate_count; i++) {
        certificate_describe(&m->certificates[i], out);
    }
}
