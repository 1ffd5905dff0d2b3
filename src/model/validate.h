/* SPDX-License-Identifier: Apache-2.0
 * Rules for single fields and for the fields of one object, shared by templates and the API. Each
 * answers AWS's sentence where AWS's is known. `at` is the member's path in a sentence: "port",
 * "fixedResponseConfig.statusCode". */
#pragma once

#include "base/err.h"
#include "model/model.h"

enum {
    VALIDATE_NAME_MAX = 32,
    VALIDATE_ATTRIBUTE_VALUE_MAX = 1024,
    VALIDATE_PATH_MAX = 1024,
    VALIDATE_CONDITION_VALUE_MAX = 128,
    VALIDATE_REDIRECT_FIELD_MAX = 128,
    VALIDATE_BODY_MAX = 1024,
    VALIDATE_PRIORITY_MAX = 50000,
    VALIDATE_DOMAIN_MAX = 253,
};

/* ---- any number, any word ---- */
enum err validate_int(const char *at, int64_t value, int64_t min, int64_t max,
                      struct errinfo *reterr) MUST_USE;
enum err validate_port(const char *at, int64_t value, struct errinfo *reterr) MUST_USE;
enum err validate_priority(int64_t value, struct errinfo *reterr) MUST_USE;

/* ---- names ---- */
enum err validate_load_balancer_name(struct str name, struct errinfo *reterr) MUST_USE;
enum err validate_target_group_name(struct str name, struct errinfo *reterr) MUST_USE;
enum err validate_bucket_name(struct str name, struct errinfo *reterr) MUST_USE;
enum err validate_log_prefix(const char *key, struct str prefix, struct errinfo *reterr) MUST_USE;
enum err validate_header_name(const char *key, struct str name, struct errinfo *reterr) MUST_USE;
enum err validate_header_value(const char *key, struct str value, struct errinfo *reterr) MUST_USE;
/* A name of a certificate: labels with at least one dot, "*." in front allowed [ACM]. */
enum err validate_domain_name(struct str name, struct errinfo *reterr) MUST_USE;

/* ---- targets and health checks ---- */
enum err validate_target_address(const struct addr *a, struct errinfo *reterr) MUST_USE;

struct health_setting { /* a number of struct health_check */
    const char *property;
    const char *at;
    uint32_t min, max, initial;
    size_t offset; /* of the uint32_t in struct health_check */
};
const struct health_setting *health_setting_at(size_t index); /* NULL past the end */
/* AWS's defaults; the check's protocol is that of the group. */
void health_check_defaults(struct model *m, struct health_check *h, enum protocol group_protocol);
/* "traffic-port" (0) or a port. */
enum err health_check_port_parse(struct str text, uint16_t *ret_port, struct errinfo *reterr)
    MUST_USE;
/* "200,202,300-399" into h->matcher and h->codes. */
enum err health_check_matcher_parse(struct model *m, struct str text, struct health_check *h,
                                    struct errinfo *reterr) MUST_USE;
enum err validate_health_check_path(struct str path, struct errinfo *reterr) MUST_USE;
/* What spans fields: the timeout is smaller than the interval. */
enum err validate_health_check(const struct health_check *h, struct errinfo *reterr) MUST_USE;

/* ---- rules ---- */
enum err validate_condition_value(enum condition_field field, struct str value,
                                  struct errinfo *reterr) MUST_USE;
/* One rule's conditions together: each field once, values and wildcards within the limits. */
enum err validate_conditions(const struct condition *conditions, size_t count,
                             struct errinfo *reterr) MUST_USE;

/* Fills what was not given with its placeholder [ALB: redirect actions]. */
void redirect_defaults(struct redirect *r);
/* "HTTP_301" or "HTTP_302". */
enum err redirect_status_parse(struct str text, uint16_t *ret_status, struct errinfo *reterr)
    MUST_USE;
/* With the defaults filled in, on a listener of this protocol and port. */
enum err validate_redirect(const struct redirect *r, enum protocol protocol, uint16_t port,
                           struct errinfo *reterr) MUST_USE;
enum err fixed_response_status_parse(struct str text, uint16_t *ret_status, struct errinfo *reterr)
    MUST_USE;
enum err validate_fixed_response(const struct fixed_response *f, struct errinfo *reterr) MUST_USE;
/* The list as given: exactly one routing action, performed last, with a sound order. */
enum err validate_actions(const struct action *actions, size_t count, struct errinfo *reterr)
    MUST_USE;

/* ---- the whole model ---- */
/* Every rule of model_check(), one call per fault: the ARN of what is wrong (empty: the model), the
 * kind of error and the sentence. model_check() answers the first of them. */
typedef void model_fault_fn(void *context, struct str arn, enum err e, const char *sentence);
void model_check_each(const struct model *m, model_fault_fn *fault, void *context);
