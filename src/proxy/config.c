/* SPDX-License-Identifier: Apache-2.0
 * One published configuration, made ready for the data path: matchers, TLS contexts, target groups.
 */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "tls/ca.h"

struct config *
config_ref(struct config *c)
{
    ASSERT(c->references > 0);
    c->references++;
    return c;
}

static void
config_free(struct config *c)
{
    for (size_t i = 0; i < c->listener_count; i++) {
        matcher_free(&c->listeners[i].matcher);
        tls_server_unref(&c->listeners[i].tls);
    }
    for (size_t i = 0; i < c->model->target_group_count; i++) {
        group_run_done(&c->groups[i]);
    }
    model_unref(&c->model);
    xfree(c->groups);
    xfree(c->listeners);
    xfree(c);
}

void
config_unref(struct config **config)
{
    struct config *c = *config;
    *config = NULL;
    if (c != NULL) {
        ASSERT(c->references > 0);
        if (--c->references == 0) {
            config_free(c);
        }
    }
}

uint64_t
config_retire(struct config *c)
{
    uint64_t cut_at_us = 0;
    for (size_t i = 0; i < c->model->target_group_count; i++) {
        uint64_t at = group_run_retire(&c->groups[i]);
        if (at != 0 && (cut_at_us == 0 || at < cut_at_us)) {
            cut_at_us = at;
        }
    }
    return cut_at_us;
}

/* ---- certificates ---- */

static enum err
tls_make(struct worker *w, const struct listener *l, struct tls_server **ret_tls,
         struct errinfo *reterr)
{
    size_t count = l->certificate_count;
    ASSERT(count > 0);
    struct certificate_files *files = xalloc(count * sizeof(*files));
    struct tls_certificate *certificates = xalloc(count * sizeof(*certificates));
    enum err e = ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        const struct certificate *c = l->certificates[i];
        e = certificate_files_read(w->keys_dirfd, c->id, &files[i], reterr);
        certificates[i] = (struct tls_certificate){c->arn, buf_str(&files[i].chain_pem),
                                                   buf_str(&files[i].key_pem)};
    }
    if (e == ERR_OK) {
        e = tls_server_new(l->ssl_policy, certificates, count, w->ticket_keys, ret_tls, reterr);
    }
    for (size_t i = 0; i < count; i++) {
        certificate_files_free(&files[i]);
    }
    xfree(files);
    xfree(certificates);
    return e;
}

/* ---- making ---- */

static enum err
listener_make(struct worker *w, struct config *c, const struct load_balancer *lb,
              const struct listener *l, struct errinfo *reterr)
{
    struct listener_run *run = &c->listeners[c->listener_count++];
    ASSERT(l->slot < LIMIT_LISTENERS_MAX);
    run->listener = l;
    run->load_balancer = lb;
    run->row = &w->row->listeners[l->slot];
    run->matcher = matcher_new(l);
    c->by_slot[l->slot] = run;
    return l->protocol == PROTOCOL_HTTPS ? tls_make(w, l, &run->tls, reterr) : ERR_OK;
}

static bool
uses_tls13(const struct model *m)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        const struct load_balancer *lb = &m->load_balancers[i];
        for (size_t j = 0; j < lb->listener_count; j++) {
            const struct listener *l = &lb->listeners[j];
            const struct tls_policy *policy =
                l->protocol == PROTOCOL_HTTPS ? tls_policy_find(l->ssl_policy) : NULL;
            if (policy != NULL && strstr(policy->protocols, "TLSv1.3") != NULL) {
                return true;
            }
        }
    }
    return false;
}

static enum err
listeners_make(struct worker *w, struct config *c, struct errinfo *reterr)
{
    const struct model *m = c->model;
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        const struct load_balancer *lb = &m->load_balancers[i];
        for (size_t j = 0; j < lb->listener_count; j++) {
            TRY(listener_make(w, c, lb, &lb->listeners[j], reterr));
        }
    }
    return ERR_OK;
}

enum err
config_new(struct worker *w, struct model *m, struct config **ret_config, struct errinfo *reterr)
{
    struct config *c = xalloc(sizeof(*c));
    size_t listeners = 0;
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        listeners += m->load_balancers[i].listener_count;
    }
    c->references = 1;
    c->model = model_ref(m);
    c->listeners = xalloc(MAX_OF(listeners, (size_t)1) * sizeof(*c->listeners));
    c->groups = xalloc(MAX_OF(m->target_group_count, (size_t)1) * sizeof(*c->groups));
    for (size_t i = 0; i < m->target_group_count; i++) {
        group_run_init(w->targets, &m->target_groups[i], &c->groups[i]);
    }
    enum err e = listeners_make(w, c, reterr);
    if (e == ERR_OK) {
        e = targets_configure(w->targets, uses_tls13(m), reterr);
    }
    if (e != ERR_OK) {
        (void)config_retire(c); /* no request ever used it */
        config_unref(&c);
        return e;
    }
    *ret_config = c;
    return ERR_OK;
}
