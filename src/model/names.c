/* SPDX-License-Identifier: Apache-2.0
 * AWS's spelling of the model's enumerations: one table each, read in both directions. */
#include "model/model.h"

#include "base/assert.h"

/* clang-format off */
static const char *const protocol_names[] = {
    [PROTOCOL_HTTP]  = "HTTP",
    [PROTOCOL_HTTPS] = "HTTPS",
    [PROTOCOL_COUNT] = "",
};
static const char *const target_type_names[] = {
    [TARGET_TYPE_INSTANCE] = "instance",
    [TARGET_TYPE_IP]       = "ip",
    [TARGET_TYPE_COUNT]    = "",
};
static const char *const action_type_names[] = {
    [ACTION_FORWARD]        = "forward",
    [ACTION_REDIRECT]       = "redirect",
    [ACTION_FIXED_RESPONSE] = "fixed-response",
    [ACTION_COUNT]          = "",
};
static const char *const condition_field_names[] = {
    [CONDITION_HOST_HEADER]  = "host-header",
    [CONDITION_PATH_PATTERN] = "path-pattern",
    [CONDITION_COUNT]        = "",
};
static const char *const key_algorithm_names[] = {
    [KEY_RSA_2048]      = "RSA_2048",
    [KEY_EC_PRIME256V1] = "EC_prime256v1",
    [KEY_EC_SECP384R1]  = "EC_secp384r1",
    [KEY_COUNT]         = "",
};
/* clang-format on */

/* AWS compares enumeration values with their case. */
static bool
name_find(const char *const *names, size_t count, struct str s, size_t *ret_at)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_of(names[i]), s)) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

const char *
protocol_name(enum protocol p)
{
    ASSERT(p <= PROTOCOL_COUNT);
    return protocol_names[p];
}

const char *
target_type_name(enum target_type t)
{
    ASSERT(t <= TARGET_TYPE_COUNT);
    return target_type_names[t];
}

const char *
action_type_name(enum action_type t)
{
    ASSERT(t <= ACTION_COUNT);
    return action_type_names[t];
}

const char *
condition_field_name(enum condition_field f)
{
    ASSERT(f <= CONDITION_COUNT);
    return condition_field_names[f];
}

const char *
key_algorithm_name(enum key_algorithm k)
{
    ASSERT(k <= KEY_COUNT);
    return key_algorithm_names[k];
}

bool
protocol_parse(struct str s, enum protocol *ret_value)
{
    size_t at;
    if (!name_find(protocol_names, PROTOCOL_COUNT, s, &at)) {
        return false;
    }
    *ret_value = (enum protocol)at;
    return true;
}

bool
target_type_parse(struct str s, enum target_type *ret_value)
{
    size_t at;
    if (!name_find(target_type_names, TARGET_TYPE_COUNT, s, &at)) {
        return false;
    }
    *ret_value = (enum target_type)at;
    return true;
}

bool
action_type_parse(struct str s, enum action_type *ret_value)
{
    size_t at;
    if (!name_find(action_type_names, ACTION_COUNT, s, &at)) {
        return false;
    }
    *ret_value = (enum action_type)at;
    return true;
}

bool
condition_field_parse(struct str s, enum condition_field *ret_value)
{
    size_t at;
    if (!name_find(condition_field_names, CONDITION_COUNT, s, &at)) {
        return false;
    }
    *ret_value = (enum condition_field)at;
    return true;
}

bool
key_algorithm_parse(struct str s, enum key_algorithm *ret_value)
{
    size_t at;
    if (!name_find(key_algorithm_names, KEY_COUNT, s, &at)) {
        return false;
    }
    *ret_value = (enum key_algorithm)at;
    return true;
}
