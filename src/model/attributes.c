/* SPDX-License-Identifier: Apache-2.0
 * Checks attribute keys and values against their table and puts the acting ones into the model. */
#include "model/attributes.h"

#include "base/assert.h"
#include "model/validate.h"

static const struct attribute attributes[] = {
#define ATTRIBUTE(table, key, type, allowed, initial, scope, status)                               \
    {ATTRIBUTES_##table, key, ATTRIBUTE_##type, allowed, initial, ATTRIBUTE_##scope,               \
     ATTRIBUTE_##status},
#include "model/attributes.def"
#undef ATTRIBUTE
};

static const struct {
    const char *title; /* begins AWS's sentences */
    const char *plural;
} tables[ATTRIBUTES_COUNT] = {
    [ATTRIBUTES_LOAD_BALANCER] = {"Load balancer", "load balancers"},
    [ATTRIBUTES_TARGET_GROUP] = {"Target group", "target groups"},
    [ATTRIBUTES_LISTENER] = {"Listener", "listeners"},
};

/* Why a key of another kind of resource is refused. */
static const char *const scope_refusals[] = {
    [ATTRIBUTE_ALB] = "",
    [ATTRIBUTE_HTTPS] = "with protocol HTTP",
    [ATTRIBUTE_LAMBDA] = "with target type 'instance' or 'ip'",
    [ATTRIBUTE_HTTP2] = "with protocol version 'HTTP1'",
    [ATTRIBUTE_NETWORK] = "with type 'application'",
};

const struct attribute *
attribute_at(size_t index)
{
    return index < COUNT_OF(attributes) ? &attributes[index] : NULL;
}

const struct attribute *
attribute_find(enum attribute_table table, struct str key)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        if (attributes[i].table == table && str_eq(str_of(attributes[i].key), key)) {
            return &attributes[i];
        }
    }
    return NULL;
}

/* The known key that was probably meant; NULL when none is near. */
static const char *
key_nearest(enum attribute_table table, struct str key)
{
    const char *best = NULL;
    size_t best_distance = MAX_OF(key.n / 4, (size_t)2) + 1;
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        size_t distance = str_distance(key, str_of(attributes[i].key));
        if (attributes[i].table == table && distance < best_distance) {
            best = attributes[i].key;
            best_distance = distance;
        }
    }
    return best;
}

static enum err
key_unknown(enum attribute_table table, struct str key, struct errinfo *reterr)
{
    const char *best = key_nearest(table, key);
    if (best != NULL) {
        return err_set(reterr, ERR_INVALID,
                       "%s attribute key '%.*s' is not recognized; did you mean '%s'?",
                       tables[table].title, STR_ARG(key), best);
    }
    return err_set(reterr, ERR_INVALID, "%s attribute key '%.*s' is not recognized",
                   tables[table].title, STR_ARG(key));
}

static enum err
key_out_of_scope(const struct attribute *a, struct errinfo *reterr)
{
    return err_set(reterr, ERR_INVALID, "%s attribute key '%s' is not supported on %s %s",
                   tables[a->table].title, a->key, tables[a->table].plural,
                   scope_refusals[a->scope]);
}

/* "30-900" as two numbers; false when the piece is a word. */
static bool
range_parse(struct str piece, uint64_t *ret_first, uint64_t *ret_last)
{
    size_t dash;
    return str_find_char(piece, '-', &dash) && str_to_u64(str_sub(piece, 0, dash), ret_first) &&
           str_to_u64(str_sub(piece, dash + 1, piece.n), ret_last);
}

static bool
value_listed(struct str allowed, struct str value)
{
    struct str piece;
    while (str_cut(&allowed, ',', &piece)) {
        uint64_t first, last, number;
        if (range_parse(piece, &first, &last)) {
            if (str_to_u64(value, &number) && number >= first && number <= last) {
                return true;
            }
        } else if (str_eq(piece, value)) {
            return true;
        }
    }
    return false;
}

static enum err
value_check_listed(const struct attribute *a, struct str value, struct errinfo *reterr)
{
    struct str allowed = str_of(a->allowed);
    if (value_listed(allowed, value)) {
        return ERR_OK;
    }
    if (a->type == ATTRIBUTE_INT) {
        return err_set(reterr, ERR_INVALID, "'%s' value '%.*s' must be between '%s' inclusive",
                       a->key, STR_ARG(value), a->allowed);
    }
    return err_set(reterr, ERR_INVALID, "'%s' value '%.*s' must be one of '%s'", a->key,
                   STR_ARG(value), a->allowed);
}

static enum err
value_check_cookie(struct str value, struct errinfo *reterr)
{
    static const char *const reserved[] = {"AWSALB", "AWSALBAPP", "AWSALBTG"};
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        if (str_starts(value, str_of(reserved[i]))) {
            return err_set(reterr, ERR_INVALID,
                           "The cookie name '%.*s' is not valid: names that begin with '%s' are "
                           "reserved for the load balancer",
                           STR_ARG(value), reserved[i]);
        }
    }
    return ERR_OK;
}

static enum err
value_check(const struct attribute *a, struct str value, struct errinfo *reterr)
{
    if (value.n > VALIDATE_ATTRIBUTE_VALUE_MAX) {
        return err_set(reterr, ERR_INVALID, "The value of '%s' is longer than %d characters",
                       a->key, VALIDATE_ATTRIBUTE_VALUE_MAX);
    }
    if (value.n == 0 && a->initial[0] == '\0') {
        return ERR_OK; /* switched off */
    }
    switch (a->type) {
    case ATTRIBUTE_BOOL:
    case ATTRIBUTE_INT:
    case ATTRIBUTE_WORD: return value_check_listed(a, value, reterr);
    case ATTRIBUTE_BUCKET: return validate_bucket_name(value, reterr);
    case ATTRIBUTE_PREFIX: return validate_log_prefix(a->key, value, reterr);
    case ATTRIBUTE_COOKIE: return value_check_cookie(value, reterr);
    case ATTRIBUTE_HEADER_NAME: return validate_header_name(a->key, value, reterr);
    case ATTRIBUTE_HEADER_VALUE: return validate_header_value(a->key, value, reterr);
    case ATTRIBUTE_TEXT: return ERR_OK;
    }
    NEVER("the switch lists all types");
}

enum err
attribute_check(enum attribute_table table, struct str key, struct str value,
                struct errinfo *reterr)
{
    ASSERT(table < ATTRIBUTES_COUNT);
    const struct attribute *a = attribute_find(table, key);
    if (a == NULL) {
        return key_unknown(table, key, reterr);
    }
    if (a->scope != ATTRIBUTE_ALB && a->scope != ATTRIBUTE_HTTPS) {
        return key_out_of_scope(a, reterr);
    }
    TRY(value_check(a, value, reterr));
    if (a->status == ATTRIBUTE_NOT_YET && !str_eq(value, str_of(a->initial))) {
        return err_set(reterr, ERR_UNSUPPORTED,
                       "%s attribute '%s' with value '%.*s' is not supported yet; only its default "
                       "'%s' is",
                       tables[table].title, a->key, STR_ARG(value), a->initial);
    }
    return ERR_OK;
}

enum err
attribute_check_listener(enum protocol protocol, struct str key, struct errinfo *reterr)
{
    const struct attribute *a = attribute_find(ATTRIBUTES_LISTENER, key);
    if (a == NULL) {
        return key_unknown(ATTRIBUTES_LISTENER, key, reterr);
    }
    if (a->scope == ATTRIBUTE_HTTPS && protocol != PROTOCOL_HTTPS) {
        return key_out_of_scope(a, reterr);
    }
    return ERR_OK;
}

/* ---- the acting ones and the fields they fill ---- */

enum field_kind { FIELD_SECONDS, FIELD_BOOL, FIELD_TEXT };

/* clang-format off */
static const struct {
    const char *key;
    enum field_kind kind;
    size_t offset;
} fields[] = {
    {"idle_timeout.timeout_seconds", FIELD_SECONDS, offsetof(struct load_balancer, idle_timeout_s)},
    {"client_keep_alive.seconds",    FIELD_SECONDS, offsetof(struct load_balancer, client_keep_alive_s)},
    {"access_logs.s3.enabled",       FIELD_BOOL,    offsetof(struct load_balancer, access_logs.enabled)},
    {"access_logs.s3.bucket",        FIELD_TEXT,    offsetof(struct load_balancer, access_logs.bucket)},
    {"access_logs.s3.prefix",        FIELD_TEXT,    offsetof(struct load_balancer, access_logs.prefix)},
};
/* clang-format on */

static void
field_set(struct model *m, void *field, enum field_kind kind, struct str value)
{
    uint64_t number;
    switch (kind) {
    case FIELD_SECONDS:
        ASSERT(str_to_u64(value, &number) && number <= UINT32_MAX); /* it was checked */
        *(uint32_t *)field = (uint32_t)number;
        break;
    case FIELD_BOOL: *(bool *)field = str_eq(value, STR("true")); break;
    case FIELD_TEXT: *(struct str *)field = model_dup(m, value); break;
    }
}

void
attribute_set_load_balancer(struct model *m, struct load_balancer *lb, struct str key,
                            struct str value)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (str_eq(str_of(fields[i].key), key)) {
            field_set(m, (char *)lb + fields[i].offset, fields[i].kind, value);
        }
    }
}

enum err
attribute_check_load_balancer(const struct load_balancer *lb, struct errinfo *reterr)
{
    if (lb->access_logs.enabled && lb->access_logs.bucket.n == 0) {
        return err_set(reterr, ERR_INVALID,
                       "The value of 'access_logs.s3.bucket' must be specified when "
                       "'access_logs.s3.enabled' is 'true'");
    }
    return ERR_OK;
}

void
attribute_defaults_load_balancer(struct model *m, struct load_balancer *lb)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct str key = str_of(fields[i].key);
        const struct attribute *a = attribute_find(ATTRIBUTES_LOAD_BALANCER, key);
        ASSERT(a != NULL);
        attribute_set_load_balancer(m, lb, key, str_of(a->initial));
    }
}
