/* SPDX-License-Identifier: Apache-2.0
 * What a URL becomes before it is loaded [RFC 6797 8.3]. */
#include "hsts/hsts.h"

#include "text/text.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

static enum err
refuse(struct errinfo *reterr, const char *msgid, struct str url)
{
    return text_err(reterr, ERR_INVALID, msgid, TEXT_ARGS({"url", url}));
}

/* Takes "http://" or "https://" off; without one it is http. */
static bool
take_scheme(struct str *rest, bool *ret_secure)
{
    size_t at;
    bool https = str_istarts(*rest, STR("https://"));
    bool http = str_istarts(*rest, STR("http://"));
    *ret_secure = https;
    if (https || http) {
        *rest = str_sub(*rest, https ? 8 : 7, rest->n);
        return true;
    }
    return !str_find(*rest, STR("://"), &at);
}

static struct str
take_authority(struct str *rest)
{
    size_t n = 0;
    while (n < rest->n && strchr("/?#", rest->p[n]) == NULL) {
        n++;
    }
    struct str authority = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->n);
    return authority;
}

/* Where the colon of the port stands: behind the bracket of an IPv6 address. */
static bool
find_port(struct str host_port, size_t *ret_at)
{
    size_t bracket, colon;
    if (!str_rfind_char(host_port, ':', &colon)) {
        return false;
    }
    *ret_at = colon;
    return !str_rfind_char(host_port, ']', &bracket) || colon > bracket;
}

enum err
hsts_url_parse(struct str url, struct hsts_url *ret, struct errinfo *reterr)
{
    struct hsts_url made = {.rest = url};
    size_t at;
    if (!take_scheme(&made.rest, &made.secure)) {
        return refuse(reterr, N_("\"{url}\" is neither an http nor an https URL."), url);
    }
    made.authority = take_authority(&made.rest);
    made.host = made.authority;
    if (str_rfind_char(made.host, '@', &at)) {
        made.host = str_sub(made.host, at + 1, made.host.n);
    }
    made.port = made.secure ? HTTPS_PORT : HTTP_PORT;
    if (find_port(made.host, &at)) {
        struct str digits = str_sub(made.host, at + 1, made.host.n);
        int64_t port = made.port;
        made.host = str_sub(made.host, 0, at);
        made.port_written = digits.n > 0; /* "host:" means no port [RFC 3986 3.2.3] */
        if (made.port_written && !str_to_int_range(digits, 1, UINT16_MAX, &port)) {
            return refuse(reterr, N_("The port in \"{url}\" is not a number from 1 to 65535."),
                          url);
        }
        made.port = (uint16_t)port;
    }
    if (made.host.n == 0) {
        return refuse(reterr, N_("\"{url}\" names no host."), url);
    }
    *ret = made;
    return ERR_OK;
}

uint16_t
hsts_port(uint16_t http_port)
{
    return http_port == HTTP_PORT ? HTTPS_PORT : http_port;
}

bool
hsts_url(const struct hsts_url *url, struct buf *out)
{
    if (url->secure) {
        return false;
    }
    buf_add_z(out, "https://");
    buf_add(out, url->authority.p, (size_t)(url->host.p - url->authority.p)); /* user@ */
    buf_add_str(out, url->host);
    if (url->port_written) {
        buf_addf(out, ":%u", hsts_port(url->port));
    }
    buf_add_str(out, url->rest);
    return true;
}
