/* SPDX-License-Identifier: Apache-2.0
 * The resources of a load balancer as plain, validated, immutable data: AWS's names, defaults and
 * limits. No I/O, no clock. It is not the run-time state (targets) and not its storage (state).
 *
 * A `struct model` is built once (by template/build.c from templates, by state/snapshot.c from the
 * snapshot file), checked whole by model_check(), and never changed after. It is shared by
 * counting: who keeps it takes a reference. All strings and arrays inside are owned by the model
 * and live as long as it does; arrays never move once the model is published, so pointers between
 * its parts are plain pointers. */
#pragma once

#include "base/addr.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"

enum protocol { PROTOCOL_HTTP, PROTOCOL_HTTPS, PROTOCOL_COUNT };
enum target_type { TARGET_TYPE_INSTANCE, TARGET_TYPE_IP, TARGET_TYPE_COUNT };
enum action_type { ACTION_FORWARD, ACTION_REDIRECT, ACTION_FIXED_RESPONSE, ACTION_COUNT };
enum condition_field { CONDITION_HOST_HEADER, CONDITION_PATH_PATTERN, CONDITION_COUNT };
enum key_algorithm { KEY_RSA_2048, KEY_EC_PRIME256V1, KEY_EC_SECP384R1, KEY_COUNT };
enum certificate_source { CERTIFICATE_ISSUED, CERTIFICATE_IMPORTED };

/* AWS's spelling of each value, for messages, JSON and the log; "" for the _COUNT. */
const char *protocol_name(enum protocol p);               /* "HTTP" */
const char *target_type_name(enum target_type t);         /* "ip" */
const char *action_type_name(enum action_type t);         /* "fixed-response" */
const char *condition_field_name(enum condition_field f); /* "host-header" */
const char *key_algorithm_name(enum key_algorithm k);     /* "EC_prime256v1" */
bool protocol_parse(struct str s, enum protocol *ret_value);
bool target_type_parse(struct str s, enum target_type *ret_value);
bool action_type_parse(struct str s, enum action_type *ret_value);
bool condition_field_parse(struct str s, enum condition_field *ret_value);
bool key_algorithm_parse(struct str s, enum key_algorithm *ret_value);

struct certificate {
    struct str arn; /* arn:aws:acm:REGION:ACCOUNT:certificate/UUID */
    struct str id;  /* the UUID: names STATE/keys/<id>.crt (chain, leaf first) and <id>.key */
    enum certificate_source source;
    struct str domain_name; /* issued: what was asked for; imported: the leaf's first name */
    struct str *names;      /* SubjectAlternativeNames, domain_name included */
    size_t name_count;
    enum key_algorithm key_algorithm;
    struct str digest; /* hex SHA-256 over .crt and .key: changes when either changes */
};

struct target {
    struct str id;    /* as registered: an address, or an instance id */
    struct addr addr; /* where to connect: address and port */
    uint32_t slot;    /* row of the board; unique over all target groups */
};

struct http_code_range {
    uint16_t first, last; /* inclusive */
};

struct health_check {
    enum protocol protocol;
    uint16_t port; /* 0: "traffic-port", the target's own */
    struct str path;
    uint32_t interval_s;
    uint32_t timeout_s;
    uint32_t healthy_threshold;
    uint32_t unhealthy_threshold;
    struct str matcher; /* as written: "200,202,300-399" */
    struct http_code_range *codes;
    size_t code_count;
};

struct target_group {
    struct str arn;
    struct str name;
    struct str id; /* 16 hex digits */
    enum protocol protocol;
    uint16_t port;
    enum target_type target_type;
    struct health_check health_check;
    uint32_t deregistration_delay_s;
    struct target *targets;
    size_t target_count;
    bool in_use; /* a listener or a rule forwards to it */
};

struct redirect {
    struct str protocol, host, port, path, query; /* with #{...} placeholders, defaults filled in */
    uint16_t status;                              /* 301 or 302 */
};

struct fixed_response {
    uint16_t status;
    struct str content_type; /* empty: none given */
    struct str body;
};

struct action {
    enum action_type type;
    uint32_t order;                    /* 0: not given */
    struct target_group *target_group; /* forward */
    struct redirect redirect;
    struct fixed_response fixed_response;
};

struct condition {
    enum condition_field field;
    struct str *values;
    size_t value_count;
};

struct rule {
    struct str arn;
    uint32_t priority; /* 1 - 50000 */
    struct condition *conditions;
    size_t condition_count;
    struct action action;
};

struct load_balancer;
struct listener {
    struct str arn;
    struct str id; /* 16 hex digits */
    struct load_balancer *load_balancer;
    enum protocol protocol;
    uint16_t port;
    uint32_t slot;                     /* row of the board */
    struct str ssl_policy;             /* HTTPS */
    struct certificate **certificates; /* HTTPS: [0] is the default, the rest the SNI list */
    size_t certificate_count;
    struct action default_action;
    struct rule *rules; /* ascending priority, default rule not included */
    size_t rule_count;
};

struct log_destination {
    bool enabled;
    struct str bucket;
    struct str prefix; /* no slash at the ends; may be empty */
};

struct load_balancer {
    struct str arn;
    struct str name;
    struct str id;     /* 16 hex digits */
    struct str log_id; /* "app/NAME/ID", field 3 of the access log */
    struct str dns_name;
    struct str scheme; /* "internet-facing" or "internal" */
    uint32_t slot;     /* row of the board and of the log buffers */
    uint32_t idle_timeout_s;
    uint32_t client_keep_alive_s;
    struct log_destination access_logs;
    struct addr *addresses; /* where its listeners bind; ports are 0 here */
    size_t address_count;
    struct listener *listeners;
    size_t listener_count;
};

struct model {
    uint32_t references;
    uint64_t version; /* counts up with each published snapshot */
    struct str account, region, domain;
    struct load_balancer *load_balancers;
    size_t load_balancer_count;
    struct target_group *target_groups;
    size_t target_group_count;
    struct certificate *certificates;
    size_t certificate_count;
    struct model_memory *memory; /* owned: every string and array above */
};

struct model *model_new(void); /* one reference, empty */
struct model *model_ref(struct model *m);
void model_unref(struct model **m); /* leaves NULL behind */

/* For builders: memory that lives as long as the model. Zeroed. */
void *model_alloc(struct model *m, size_t size);
struct str model_dup(struct model *m, struct str s);
struct str model_printf(struct model *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Every rule that spans resources (names unique, ports unique per load balancer, slots in range and
 * unique, limits of limits.def). Field rules are checked where the field is set. */
enum err model_check(const struct model *m, struct errinfo *reterr) MUST_USE;

/* Lookups; NULL when absent. */
struct load_balancer *model_load_balancer(const struct model *m, struct str arn);
struct listener *model_listener(const struct model *m, struct str arn);
struct listener *model_listener_by_slot(const struct model *m, uint32_t slot);
struct target_group *model_target_group(const struct model *m, struct str arn);
struct certificate *model_certificate(const struct model *m, struct str arn);
