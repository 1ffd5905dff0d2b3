/* SPDX-License-Identifier: Apache-2.0
 * Rules for conditions and actions. */
#include "model/validate.h"

#include "base/limits.h"

#include <stdio.h>

/* ---- conditions ---- */

/* clang-format off */
static const struct {
    const char *characters; /* besides letters and digits */
} condition_rules[CONDITION_COUNT] = {
    [CONDITION_HOST_HEADER]  = {"-.*?"},
    [CONDITION_PATH_PATTERN] = {"_-.$/~\"'@:+&*?"},
};
/* clang-format on */

static bool
is_one_of(char c, const char *set)
{
    return ascii_is_alnum(c) || (c != '\0' && strchr(set, c) != NULL);
}

/* A dot, and behind the last one letters only. */
static enum err
host_value_check(struct str value, struct errinfo *reterr)
{
    size_t dot;
    bool sound = str_rfind_char(value, '.', &dot) && dot + 1 < value.n;
    for (size_t i = sound ? dot + 1 : 0; sound && i < value.n; i++) {
        sound = ascii_is_alpha(value.p[i]);
    }
    if (!sound) {
        return err_set(reterr, ERR_INVALID,
                       "The 'host-header' value '%.*s' is invalid; it must contain a '.' and only "
                       "letters after the last one",
                       STR_ARG(value));
    }
    return ERR_OK;
}

enum err
validate_condition_value(enum condition_field field, struct str value, struct errinfo *reterr)
{
    const char *name = condition_field_name(field);
    if (value.n == 0) {
        return err_set(reterr, ERR_INVALID, "A condition value must be specified");
    }
    if (value.n > VALIDATE_CONDITION_VALUE_MAX) {
        return err_set(reterr, ERR_INVALID, "The '%s' value is too long; the limit is '%d'", name,
                       VALIDATE_CONDITION_VALUE_MAX);
    }
    for (size_t i = 0; i < value.n; i++) {
        if (!is_one_of(value.p[i], condition_rules[field].characters)) {
            return err_set(reterr, ERR_INVALID,
                           "The '%s' value '%.*s' is invalid; the allowed characters are A-Z, a-z, "
                           "0-9 and %s",
                           name, STR_ARG(value), condition_rules[field].characters);
        }
    }
    return field == CONDITION_HOST_HEADER ? host_value_check(value, reterr) : ERR_OK;
}

static size_t
wildcards_in(struct str value)
{
    size_t count = 0;
    for (size_t i = 0; i < value.n; i++) {
        count += value.p[i] == '*' || value.p[i] == '?';
    }
    return count;
}

enum err
validate_conditions(const struct condition *conditions, size_t count, struct errinfo *reterr)
{
    if (count == 0) {
        return err_set(reterr, ERR_INVALID, "A condition must be specified");
    }
    bool seen[CONDITION_COUNT] = {false};
    size_t values = 0;
    size_t wildcards = 0;
    for (size_t i = 0; i < count; i++) {
        const struct condition *c = &conditions[i];
        if (seen[c->field]) {
            return err_set(reterr, ERR_INVALID,
                           "A rule can only have one '%s' condition; put all values into it",
                           condition_field_name(c->field));
        }
        seen[c->field] = true;
        if (c->value_count == 0) {
            return err_set(reterr, ERR_INVALID, "A condition value must be specified");
        }
        values += c->value_count;
        for (size_t j = 0; j < c->value_count; j++) {
            wildcards += wildcards_in(c->values[j]);
        }
    }
    if (values > LIMIT_CONDITION_VALUES_MAX) {
        return err_set(reterr, ERR_TOO_LARGE,
                       "A rule can only have '%d' condition values; it has %zu",
                       LIMIT_CONDITION_VALUES_MAX, values);
    }
    if (wildcards > LIMIT_CONDITION_WILDCARDS_MAX) {
        return err_set(reterr, ERR_TOO_LARGE,
                       "A rule can only have '%d' condition wildcards; it has %zu",
                       LIMIT_CONDITION_WILDCARDS_MAX, wildcards);
    }
    return ERR_OK;
}

/* ---- redirect ---- */

enum {
    WORD_PROTOCOL = 1 << 0,
    WORD_HOST = 1 << 1,
    WORD_PORT = 1 << 2,
    WORD_PATH = 1 << 3,
    WORD_QUERY = 1 << 4,
};

/* clang-format off */
static const struct {
    const char *text;
    unsigned bit;
} placeholders[] = {
    {"#{protocol}", WORD_PROTOCOL},
    {"#{host}",     WORD_HOST},
    {"#{port}",     WORD_PORT},
    {"#{path}",     WORD_PATH},
    {"#{query}",    WORD_QUERY},
};

static const struct redirect_field {
    const char *at;
    size_t offset; /* of the struct str in struct redirect */
    const char *initial;
    size_t min;
    unsigned words; /* placeholders that may stand in it */
} redirect_fields[] = {
    {"redirectConfig.protocol", offsetof(struct redirect, protocol), "#{protocol}", 1, WORD_PROTOCOL},
    {"redirectConfig.host",     offsetof(struct redirect, host),     "#{host}",     1, WORD_HOST},
    {"redirectConfig.port",     offsetof(struct redirect, port),     "#{port}",     1, WORD_PORT},
    {"redirectConfig.path",     offsetof(struct redirect, path),     "/#{path}",    1, WORD_HOST | WORD_PORT | WORD_PATH},
    {"redirectConfig.query",    offsetof(struct redirect, query),    "#{query}",    0, WORD_PROTOCOL | WORD_HOST | WORD_PORT | WORD_PATH | WORD_QUERY},
};
/* clang-format on */

/* Not given is p == NULL: an empty query is a value of its own. */
void
redirect_defaults(struct redirect *r)
{
    for (size_t i = 0; i < COUNT_OF(redirect_fields); i++) {
        struct str *field = (struct str *)(void *)((char *)r + redirect_fields[i].offset);
        if (field->p == NULL) {
            *field = str_of(redirect_fields[i].initial);
        }
    }
}

enum err
redirect_status_parse(struct str text, uint16_t *ret_status, struct errinfo *reterr)
{
    if (str_eq(text, STR("HTTP_301"))) {
        *ret_status = 301;
    } else if (str_eq(text, STR("HTTP_302"))) {
        *ret_status = 302;
    } else {
        return err_set(reterr, ERR_INVALID,
                       "1 validation error detected: Value '%.*s' at 'redirectConfig.statusCode' "
                       "failed to satisfy constraint: Member must satisfy enum value set: "
                       "[HTTP_301, HTTP_302]",
                       STR_ARG(text));
    }
    return ERR_OK;
}

/* The placeholder that `rest` begins with; false when it begins with none of those allowed. */
static bool
placeholder_at(struct str rest, unsigned words, size_t *ret_length)
{
    for (size_t i = 0; i < COUNT_OF(placeholders); i++) {
        struct str word = str_of(placeholders[i].text);
        if ((placeholders[i].bit & words) != 0 && str_starts(rest, word)) {
            *ret_length = word.n;
            return true;
        }
    }
    return false;
}

/* Length, visible ASCII, and only the placeholders that this field knows. */
static enum err
redirect_field_check(const struct redirect_field *f, struct str value, struct errinfo *reterr)
{
    if (value.n < f->min || value.n > VALIDATE_REDIRECT_FIELD_MAX) {
        return err_set(reterr, ERR_INVALID,
                       "1 validation error detected: Value '%.*s' at '%s' failed to satisfy "
                       "constraint: Member must have length between %zu and %d",
                       STR_ARG(value), f->at, f->min, VALIDATE_REDIRECT_FIELD_MAX);
    }
    for (size_t i = 0; i < value.n; i++) {
        struct str rest = str_sub(value, i, value.n);
        size_t length;
        if (str_starts(rest, STR("#{"))) {
            if (!placeholder_at(rest, f->words, &length)) {
                return err_set(
                    reterr, ERR_INVALID,
                    "The value '%.*s' at '%s' has a placeholder that is not known or not "
                    "allowed there",
                    STR_ARG(value), f->at);
            }
            i += length - 1;
        } else if (value.p[i] <= ' ' || value.p[i] > '~') {
            return err_set(reterr, ERR_INVALID,
                           "The value '%.*s' at '%s' can only contain visible ASCII characters",
                           STR_ARG(value), f->at);
        }
    }
    return ERR_OK;
}

static enum err
redirect_pattern_failed(const char *at, struct str value, const char *pattern,
                        struct errinfo *reterr)
{
    return err_set(reterr, ERR_INVALID,
                   "1 validation error detected: Value '%.*s' at 'redirectConfig.%s' failed to "
                   "satisfy constraint: Member must satisfy regular expression pattern: %s",
                   STR_ARG(value), at, pattern);
}

static bool
redirect_host_sound(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        size_t length;
        if (placeholder_at(str_sub(host, i, host.n), WORD_HOST, &length)) {
            i += length - 1;
        } else if (!is_one_of(host.p[i], "-.")) {
            return false;
        }
    }
    return true;
}

static enum err
redirect_forms_check(const struct redirect *r, struct errinfo *reterr)
{
    int64_t port;
    enum protocol protocol;
    if (!str_eq(r->protocol, STR("#{protocol}")) && !protocol_parse(r->protocol, &protocol)) {
        return redirect_pattern_failed("protocol", r->protocol, "^(HTTPS?|#\\{protocol\\})$",
                                       reterr);
    }
    if (!str_eq(r->port, STR("#{port}")) && !str_to_int_range(r->port, 1, UINT16_MAX, &port)) {
        return err_set(reterr, ERR_INVALID,
                       "The redirect port '%.*s' must be a number between 1 and 65535 or '#{port}'",
                       STR_ARG(r->port));
    }
    if (r->path.p[0] != '/') {
        return err_set(reterr, ERR_INVALID, "The redirect path '%.*s' must begin with '/'",
                       STR_ARG(r->path));
    }
    if (r->query.n > 0 && r->query.p[0] == '?') {
        return err_set(reterr, ERR_INVALID, "The redirect query '%.*s' must not begin with '?'",
                       STR_ARG(r->query));
    }
    if (!redirect_host_sound(r->host)) {
        return err_set(reterr, ERR_INVALID,
                       "The redirect host '%.*s' can only contain letters, digits, '-', '.' and "
                       "'#{host}'",
                       STR_ARG(r->host));
    }
    return ERR_OK;
}

/* A component that leads back to where the request came from: the placeholder, or the listener's
 * own value written out. */
static bool
redirect_is_loop(const struct redirect *r, enum protocol protocol, uint16_t port)
{
    char own_port[8];
    (void)snprintf(own_port, sizeof(own_port), "%u", port); /* five digits fit */
    bool same_protocol = str_eq(r->protocol, STR("#{protocol}")) ||
                         str_eq(r->protocol, str_of(protocol_name(protocol)));
    bool same_port = str_eq(r->port, STR("#{port}")) || str_eq(r->port, str_of(own_port));
    return same_protocol && same_port && str_eq(r->host, STR("#{host}")) &&
           str_eq(r->path, STR("/#{path}"));
}

enum err
validate_redirect(const struct redirect *r, enum protocol protocol, uint16_t port,
                  struct errinfo *reterr)
{
    for (size_t i = 0; i < COUNT_OF(redirect_fields); i++) {
        const struct str *field =
            (const struct str *)(const void *)((const char *)r + redirect_fields[i].offset);
        TRY(redirect_field_check(&redirect_fields[i], *field, reterr));
    }
    TRY(redirect_forms_check(r, reterr));
    if (protocol == PROTOCOL_HTTPS && str_eq(r->protocol, STR("HTTP"))) {
        return err_set(reterr, ERR_INVALID,
                       "The redirect configuration is not valid because it redirects from HTTPS to "
                       "HTTP");
    }
    if (redirect_is_loop(r, protocol, port)) {
        return err_set(
            reterr, ERR_INVALID,
            "The redirect configuration is not valid because it creates a loop: protocol, "
            "host, port or path must change");
    }
    return ERR_OK;
}

/* ---- fixed response ---- */

enum err
fixed_response_status_parse(struct str text, uint16_t *ret_status, struct errinfo *reterr)
{
    int64_t status;
    if (text.n != 3 || strchr("245", text.p[0]) == NULL ||
        !str_to_int_range(text, 200, 599, &status)) {
        return err_set(reterr, ERR_INVALID,
                       "1 validation error detected: Value '%.*s' at "
                       "'fixedResponseConfig.statusCode' failed to satisfy constraint: Member must "
                       "satisfy regular expression pattern: ^(2|4|5)\\d\\d$",
                       STR_ARG(text));
    }
    *ret_status = (uint16_t)status;
    return ERR_OK;
}

enum err
validate_fixed_response(const struct fixed_response *f, struct errinfo *reterr)
{
    static const char *const types[] = {"text/html", "application/json", "application/javascript",
                                        "text/css", "text/plain"};
    if (f->body.n > VALIDATE_BODY_MAX) {
        return err_set(
            reterr, ERR_INVALID,
            "1 validation error detected: Value at 'fixedResponseConfig.messageBody' "
            "failed to satisfy constraint: Member must have length less than or equal to "
            "%d; it has %zu",
            VALIDATE_BODY_MAX, f->body.n);
    }
    bool known = f->content_type.n == 0;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        known = known || str_eq(f->content_type, str_of(types[i]));
    }
    if (!known) {
        return err_set(reterr, ERR_INVALID,
                       "The ContentType must be one of:'text/html', 'application/json', "
                       "'application/javascript', 'text/css', 'text/plain'");
    }
    return ERR_OK;
}

/* ---- lists of actions ---- */

enum err
validate_actions(const struct action *actions, size_t count, struct errinfo *reterr)
{
    if (count == 0) {
        return err_set(reterr, ERR_INVALID, "An action must be specified");
    }
    for (size_t i = 0; i < count; i++) {
        if (count > 1 && actions[i].order == 0) {
            return err_set(reterr, ERR_INVALID,
                           "Each action must have an 'Order' when there are several");
        }
    }
    if (count > 1) {
        return err_set(reterr, ERR_INVALID,
                       "There must be exactly one forward, redirect or fixed-response action, and "
                       "it is performed last; %zu were given",
                       count);
    }
    return ERR_OK;
}
