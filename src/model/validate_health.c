/* SPDX-License-Identifier: Apache-2.0
 * Rules for health check settings, and their defaults. */
#include "model/validate.h"

static const struct health_setting settings[] = {
#define HEALTH_SETTING(field, property, at, min, max, initial)                                     \
    {property, at, min, max, initial, offsetof(struct health_check, field)},
#include "model/health_settings.def"
#undef HEALTH_SETTING
};

enum { HTTP_CODE_MIN = 200, HTTP_CODE_MAX = 499 }; /* a 5xx can never be a success [ALB] */

const struct health_setting *
health_setting_at(size_t index)
{
    return index < COUNT_OF(settings) ? &settings[index] : NULL;
}

void
health_check_defaults(struct model *m, struct health_check *h, enum protocol group_protocol)
{
    *h = (struct health_check){.protocol = group_protocol, .path = STR("/"), .matcher = STR("200")};
#define HEALTH_SETTING(field, property, at, min, max, initial) h->field = (initial);
#include "model/health_settings.def"
#undef HEALTH_SETTING
    h->codes = model_alloc(m, sizeof(*h->codes));
    h->codes[0] = (struct http_code_range){200, 200};
    h->code_count = 1;
}

enum err
health_check_port_parse(struct str text, uint16_t *ret_port, struct errinfo *reterr)
{
    int64_t port;
    if (str_eq(text, STR("traffic-port"))) {
        *ret_port = 0;
        return ERR_OK;
    }
    if (!str_to_int_range(text, 1, UINT16_MAX, &port)) {
        return err_set(reterr, ERR_INVALID,
                       "Health check port '%.*s' must be 'traffic-port' or a number between 1 and "
                       "65535",
                       STR_ARG(text));
    }
    *ret_port = (uint16_t)port;
    return ERR_OK;
}

/* "200" or "200-299". */
static bool
code_range_parse(struct str piece, struct http_code_range *ret_range)
{
    struct str last_text = piece;
    struct str first_text = piece;
    size_t dash;
    if (str_find_char(piece, '-', &dash)) {
        first_text = str_sub(piece, 0, dash);
        last_text = str_sub(piece, dash + 1, piece.n);
    }
    int64_t first, last;
    if (first_text.n != 3 || last_text.n != 3 ||
        !str_to_int_range(first_text, HTTP_CODE_MIN, HTTP_CODE_MAX, &first) ||
        !str_to_int_range(last_text, HTTP_CODE_MIN, HTTP_CODE_MAX, &last) || first > last) {
        return false;
    }
    *ret_range = (struct http_code_range){(uint16_t)first, (uint16_t)last};
    return true;
}

enum err
health_check_matcher_parse(struct model *m, struct str text, struct health_check *h,
                           struct errinfo *reterr)
{
    size_t count = 0;
    struct str rest = text;
    struct str piece;
    while (str_cut(&rest, ',', &piece)) {
        count++;
    }
    struct http_code_range *codes = model_alloc(m, MAX_OF(count, (size_t)1) * sizeof(*codes));
    rest = text;
    for (size_t i = 0; i < count; i++) {
        if (!str_cut(&rest, ',', &piece) || !code_range_parse(str_trim(piece), &codes[i])) {
            return err_set(reterr, ERR_INVALID,
                           "Health check matcher HTTP code '%.*s' must be within '200-499' "
                           "inclusive: codes and ranges such as '200,202,300-399'",
                           STR_ARG(text));
        }
    }
    if (count == 0) {
        return err_set(reterr, ERR_INVALID, "Health check matcher HTTP code must be specified");
    }
    h->matcher = model_dup(m, text);
    h->codes = codes;
    h->code_count = count;
    return ERR_OK;
}

enum err
validate_health_check_path(struct str path, struct errinfo *reterr)
{
    if (path.n == 0 || path.n > VALIDATE_PATH_MAX || path.p[0] != '/') {
        return err_set(reterr, ERR_INVALID,
                       "Health check path '%.*s' must be between 1 and %d characters and begin "
                       "with '/'",
                       STR_ARG(str_sub(path, 0, 64)), VALIDATE_PATH_MAX);
    }
    /* It is written into a request line as it is. */
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] <= ' ' || path.p[i] > '~') {
            return err_set(reterr, ERR_INVALID,
                           "Health check path '%.*s' can only contain visible ASCII characters",
                           STR_ARG(str_sub(path, 0, 64)));
        }
    }
    return ERR_OK;
}

enum err
validate_health_check(const struct health_check *h, struct errinfo *reterr)
{
    if (h->timeout_s >= h->interval_s) {
        return err_set(reterr, ERR_INVALID,
                       "Health check timeout '%u' must be smaller than the interval '%u'",
                       h->timeout_s, h->interval_s);
    }
    return ERR_OK;
}
