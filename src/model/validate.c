/* SPDX-License-Identifier: Apache-2.0
 * Rules for numbers, names and addresses. */
#include "model/validate.h"

#include <inttypes.h>

#define CONSTRAINT                                                                                 \
    "1 validation error detected: Value '%.*s' at '%s' failed to satisfy constraint: "

enum err
validate_int(const char *at, int64_t value, int64_t min, int64_t max, struct errinfo *reterr)
{
    if (value < min) {
        return err_set(reterr, ERR_INVALID,
                       "1 validation error detected: Value '%" PRId64
                       "' at '%s' failed to satisfy constraint: Member must have value greater "
                       "than or equal to %" PRId64,
                       value, at, min);
    }
    if (value > max) {
        return err_set(reterr, ERR_INVALID,
                       "1 validation error detected: Value '%" PRId64
                       "' at '%s' failed to satisfy constraint: Member must have value less than "
                       "or equal to %" PRId64,
                       value, at, max);
    }
    return ERR_OK;
}

enum err
validate_port(const char *at, int64_t value, struct errinfo *reterr)
{
    return validate_int(at, value, 1, UINT16_MAX, reterr);
}

enum err
validate_priority(int64_t value, struct errinfo *reterr)
{
    return validate_int("priority", value, 1, VALIDATE_PRIORITY_MAX, reterr);
}

/* ---- names ---- */

static bool
all_of(struct str s, const char *others)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(others, s.p[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

/* What load balancers and target groups share. */
static enum err
name_check(const char *kind, struct str name, struct errinfo *reterr)
{
    if (name.n == 0) {
        return err_set(reterr, ERR_INVALID, "%s name cannot be empty", kind);
    }
    if (name.n > VALIDATE_NAME_MAX) {
        return err_set(reterr, ERR_INVALID, "%s name '%.*s' cannot be longer than '%d' characters",
                       kind, STR_ARG(name), VALIDATE_NAME_MAX);
    }
    if (!all_of(name, "-")) {
        return err_set(reterr, ERR_INVALID,
                       "%s name '%.*s' can only contain characters that are alphanumeric "
                       "characters or hyphens(-)",
                       kind, STR_ARG(name));
    }
    if (name.p[0] == '-' || name.p[name.n - 1] == '-') {
        return err_set(reterr, ERR_INVALID, "%s name '%.*s' cannot begin or end with '-'", kind,
                       STR_ARG(name));
    }
    return ERR_OK;
}

enum err
validate_load_balancer_name(struct str name, struct errinfo *reterr)
{
    TRY(name_check("Load balancer", name, reterr));
    if (str_starts(name, STR("internal-"))) {
        return err_set(reterr, ERR_INVALID,
                       "Load balancer name '%.*s' cannot begin with 'internal-'", STR_ARG(name));
    }
    return ERR_OK;
}

enum err
validate_target_group_name(struct str name, struct errinfo *reterr)
{
    TRY(name_check("Target group", name, reterr));
    if (str_find(name, STR("--"), NULL)) {
        return err_set(reterr, ERR_INVALID,
                       CONSTRAINT "Member must satisfy regular expression pattern: "
                                  "(?!.*--)(?!^-)(?!.*-$)^[A-Za-z0-9-]+$",
                       STR_ARG(name), "targetGroupName");
    }
    return ERR_OK;
}

enum err
validate_bucket_name(struct str name, struct errinfo *reterr)
{
    bool sound = name.n >= 3 && name.n <= 63 && ascii_is_alnum(name.p[0]) &&
                 ascii_is_alnum(name.p[name.n - 1]) && all_of(name, "-.") &&
                 !str_find(name, STR(".."), NULL);
    for (size_t i = 0; i < name.n; i++) {
        sound = sound && ascii_lower(name.p[i]) == name.p[i];
    }
    struct addr a;
    if (!sound || addr_parse(name, 0, &a)) {
        return err_set(reterr, ERR_INVALID,
                       "The bucket name '%.*s' is not valid: 3-63 lower-case letters, digits, dots "
                       "and hyphens, beginning and ending with a letter or digit, not formed like "
                       "an address",
                       STR_ARG(name));
    }
    return ERR_OK;
}

enum err
validate_log_prefix(const char *key, struct str prefix, struct errinfo *reterr)
{
    if (prefix.n > 0 && (prefix.p[0] == '/' || prefix.p[prefix.n - 1] == '/')) {
        return err_set(reterr, ERR_INVALID, "The value of '%s' cannot start or end with '/'", key);
    }
    if (!all_of(prefix, "._-/")) {
        return err_set(reterr, ERR_INVALID,
                       "S3Bucket prefix can only contain combination of uppercase letters, "
                       "lowercase letters, numbers, periods (.), dashes (-), underscores (_) and "
                       "slashes (/)");
    }
    if (str_find(prefix, STR("AWSLogs"), NULL)) {
        return err_set(reterr, ERR_INVALID, "The value of '%s' cannot contain 'AWSLogs'", key);
    }
    /* The prefix becomes a path below the bucket's folder. */
    struct str rest = prefix;
    struct str part;
    while (prefix.n > 0 && str_cut(&rest, '/', &part)) {
        if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) {
            return err_set(reterr, ERR_INVALID,
                           "The value of '%s' cannot contain '//' or a part '.' or '..'", key);
        }
    }
    return ERR_OK;
}

enum err
validate_header_name(const char *key, struct str name, struct errinfo *reterr)
{
    if (name.n == 0 || !all_of(name, "-_")) {
        return err_set(
            reterr, ERR_INVALID,
            "The value '%.*s' of '%s' is not a header name: letters, digits, '-' and '_'",
            STR_ARG(name), key);
    }
    return ERR_OK;
}

enum err
validate_header_value(const char *key, struct str value, struct errinfo *reterr)
{
    if (!all_of(value, " _:;.,\\/'?!(){}[]@<>=-+*#&`|~^%")) {
        return err_set(reterr, ERR_INVALID,
                       "The value of '%s' can only contain letters, digits, blanks and "
                       "_:;.,\\/'?!(){}[]@<>=-+*#&`|~^%%",
                       key);
    }
    return ERR_OK;
}

static bool
label_sound(struct str label)
{
    return label.n >= 1 && label.n <= 63 && all_of(label, "-") && label.p[0] != '-' &&
           label.p[label.n - 1] != '-';
}

enum err
validate_domain_name(struct str name, struct errinfo *reterr)
{
    struct str rest = str_starts(name, STR("*.")) ? str_sub(name, 2, name.n) : name;
    struct str label;
    size_t labels = 0;
    bool sound = name.n > 0 && name.n <= VALIDATE_DOMAIN_MAX;
    while (sound && str_cut(&rest, '.', &label)) {
        sound = label_sound(label);
        labels++;
    }
    if (!sound || labels < 2) {
        return err_set(reterr, ERR_INVALID,
                       CONSTRAINT "Member must be a domain name with at least one dot, such as "
                                  "www.example.com or *.example.com",
                       STR_ARG(name), "domainName");
    }
    return ERR_OK;
}

/* ---- targets ---- */

static bool
is_unicast_v4(uint32_t host_order)
{
    uint32_t top = host_order >> 24;
    return top != 0 && top < 224; /* multicast, reserved and broadcast lie above */
}

static bool
is_unicast_v6(const struct in6_addr *a)
{
    return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a);
}

enum err
validate_target_address(const struct addr *a, struct errinfo *reterr)
{
    bool unicast = addr_is_v6(a) ? is_unicast_v6(&a->in6.sin6_addr)
                                 : is_unicast_v4(ntohl(a->in4.sin_addr.s_addr));
    if (!unicast) {
        char text[ADDR_TEXT];
        return err_set(reterr, ERR_INVALID,
                       "The IP address '%s' cannot be a target: it is not the address of one host",
                       addr_text(a, text));
    }
    return ERR_OK;
}
