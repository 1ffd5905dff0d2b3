/* SPDX-License-Identifier: Apache-2.0
 * Attributes as tables: every key of load balancers, target groups and listeners with its type,
 * range, default and what it does here (attributes.def). */
#pragma once

#include "base/err.h"
#include "model/model.h"

enum attribute_table {
    ATTRIBUTES_LOAD_BALANCER,
    ATTRIBUTES_TARGET_GROUP,
    ATTRIBUTES_LISTENER,
    ATTRIBUTES_COUNT
};

enum attribute_type {
    ATTRIBUTE_BOOL,
    ATTRIBUTE_INT,
    ATTRIBUTE_WORD,
    ATTRIBUTE_BUCKET,
    ATTRIBUTE_PREFIX,
    ATTRIBUTE_COOKIE,
    ATTRIBUTE_HEADER_NAME,
    ATTRIBUTE_HEADER_VALUE,
    ATTRIBUTE_TEXT
};

enum attribute_scope {
    ATTRIBUTE_ALB,
    ATTRIBUTE_HTTPS,
    ATTRIBUTE_LAMBDA,
    ATTRIBUTE_HTTP2,
    ATTRIBUTE_NETWORK
};

enum attribute_status { ATTRIBUTE_ACTS, ATTRIBUTE_KEPT, ATTRIBUTE_NOT_YET };

struct attribute {
    enum attribute_table table;
    const char *key;
    enum attribute_type type;
    const char *allowed; /* "1-4000", "append,preserve,remove"; empty for free text */
    const char *initial; /* what AWS answers for a fresh resource */
    enum attribute_scope scope;
    enum attribute_status status;
};

/* Row by row; NULL past the end. */
const struct attribute *attribute_at(size_t index);
const struct attribute *attribute_find(enum attribute_table table, struct str key);

/* Is this key known and may it have this value now? With AWS's sentences; ERR_UNSUPPORTED when AWS
 * would take it and OpenALB does not yet. */
enum err attribute_check(enum attribute_table table, struct str key, struct str value,
                         struct errinfo *reterr) MUST_USE;
/* May a listener of this protocol have this (known) key? */
enum err attribute_check_listener(enum protocol protocol, struct str key, struct errinfo *reterr)
    MUST_USE;

/* Puts a checked attribute into the load balancer it belongs to; keys without effect change
 * nothing. */
void attribute_set_load_balancer(struct model *m, struct load_balancer *lb, struct str key,
                                 struct str value);
/* What spans several attributes: logging needs a bucket. */
enum err attribute_check_load_balancer(const struct load_balancer *lb, struct errinfo *reterr)
    MUST_USE;
/* The defaults of all acting attributes. */
void attribute_defaults_load_balancer(struct model *m, struct load_balancer *lb);
