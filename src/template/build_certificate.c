/* SPDX-License-Identifier: Apache-2.0
 * AWS::CertificateManager::Certificate: issued by the embedded authority, or a pair of PEM files.
 */
#include "template/build_int.h"

#include "model/validate.h"

#include <string.h>

static bool
name_listed(const struct certificate *c, struct str name)
{
    for (size_t i = 0; i < c->name_count; i++) {
        if (str_ieq(c->names[i], name)) {
            return true;
        }
    }
    return false;
}

static void
name_add(struct item *it, struct certificate *c, const struct node *at, struct str name)
{
    struct errinfo reason;
    if (validate_domain_name(name, &reason) != ERR_OK) {
        item_error(it, at, "%s", reason.text);
    } else if (!name_listed(c, name)) {
        c->names[c->name_count++] = model_dup(it->stack->build->model, name);
    }
}

void
build_certificate(struct item *it, struct certificate *c)
{
    struct model *m = it->stack->build->model;
    struct str text;
    size_t count;
    struct node *const *others = read_list(it->properties, "SubjectAlternativeNames", &count);
    c->arn = it->identity->arn;
    c->id = it->identity->id;
    c->source = it->metadata == NULL ? CERTIFICATE_ISSUED : CERTIFICATE_IMPORTED;
    c->names = model_alloc(m, (count + 1) * sizeof(*c->names));
    if (read_text(it->properties, "DomainName", &text)) {
        c->domain_name = model_dup(m, text);
        name_add(it, c, read_at(it->properties, "DomainName"), text);
    }
    for (size_t i = 0; i < count; i++) {
        if (others[i]->kind == NODE_SCALAR && !node_unresolved(others[i])) {
            name_add(it, c, others[i], others[i]->text);
        }
    }
    if (read_text(it->properties, "KeyAlgorithm", &text)) {
        (void)key_algorithm_parse(text, &c->key_algorithm); /* the table knows the words */
    }
}

/* An imported file's text; empty when not given. False after an error. */
static bool
pem_read(struct item *it, const char *key, struct buf *ret_text)
{
    const struct build_env *env = it->stack->build->env;
    struct str path;
    struct errinfo reason = {""};
    if (!read_text(it->metadata, key, &path)) {
        return true;
    }
    if (env->read_file(env->context, it->stack->source->file, path, ret_text, &reason) != ERR_OK) {
        item_error(it, read_at(it->metadata, key), "%s", reason.text);
        return false;
    }
    return true;
}

static void
pem_wipe(struct buf *text)
{
    if (text->p != NULL) {
        explicit_bzero(text->p, text->cap);
    }
    buf_free(text);
}

void
build_certificate_make(struct item *it, struct certificate *c)
{
    struct build *b = it->stack->build;
    struct buf leaf AUTO(buf_free) = {.p = NULL};
    struct buf chain AUTO(buf_free) = {.p = NULL};
    struct buf key AUTO(pem_wipe) = {.p = NULL};
    struct errinfo reason = {""};
    bool sound = true;
    if (b->env->read_file != NULL) {
        sound = pem_read(it, "CertificateFile", &leaf) && sound;
        sound = pem_read(it, "PrivateKeyFile", &key) && sound;
        sound = pem_read(it, "ChainFile", &chain) && sound;
    }
    if (sound && b->env->certificate != NULL &&
        b->env->certificate(b->env->context, b->model, c, buf_str(&leaf), buf_str(&key),
                            buf_str(&chain), &reason) != ERR_OK) {
        item_error(it, NULL, "certificate '%.*s': %s", STR_ARG(it->resource->logical_id),
                   reason.text);
    }
}
