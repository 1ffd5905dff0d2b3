/* SPDX-License-Identifier: Apache-2.0
 * URLs as people type, copy and paste them, read the way an address bar does. */
#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "doctor/question.h"
#include "text/text.h"

static enum err
refuse(struct errinfo *reterr, const char *msgid, struct str value)
{
    return text_err(reterr, ERR_INVALID, msgid, TEXT_ARGS({"value", value}));
}

/* ---- what stands around it ---- */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str
trim(struct str s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s = str_sub(s, 1, s.n);
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

/* <url>, "url", 'url', also inside each other. */
static struct str
unquote(struct str s)
{
    static const char pairs[][2] = {{'<', '>'}, {'"', '"'}, {'\'', '\''}, {'(', ')'}, {'`', '`'}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (s.n >= 2 && s.p[0] == pairs[i][0] && s.p[s.n - 1] == pairs[i][1]) {
            return unquote(trim(str_sub(s, 1, s.n - 2)));
        }
    }
    return s;
}

/* ---- scheme ---- */

static const struct {
    const char *name;
    enum scheme scheme;
    bool websocket;
} schemes[] = {
    {"https", SCHEME_HTTPS, false},
    {"http", SCHEME_HTTP, false},
    {"wss", SCHEME_HTTPS, true},
    {"ws", SCHEME_HTTP, true},
};

static bool
set_scheme(struct question *q, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (str_ieq(name, str_of(schemes[i].name))) {
            q->scheme = schemes[i].scheme;
            q->websocket = schemes[i].websocket;
            q->scheme_given = true;
            return true;
        }
    }
    return false;
}

static enum err
unknown_scheme(struct str name, struct errinfo *reterr)
{
    size_t best = 3; /* farther away is no help */
    const char *near = NULL;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t distance = str_distance(name, str_of(schemes[i].name));
        if (distance < best) {
            best = distance;
            near = schemes[i].name;
        }
    }
    if (near == NULL) {
        return refuse(
            reterr, N_("The scheme {value} cannot be examined; it can be https, http, wss or ws."),
            name);
    }
    return text_err(reterr, ERR_INVALID,
                    N_("The scheme {value} cannot be examined; was {near} meant?"),
                    TEXT_ARGS({"value", name}, {"near", str_of(near)}));
}

/* Takes "https://" off, or "https:" with any slashes, as address bars do. "localhost:8443" has no
 * scheme. */
static enum err
take_scheme(struct question *q, struct str *rest, struct errinfo *reterr)
{
    size_t colon;
    if (!str_find_char(*rest, ':', &colon)) {
        return ERR_OK;
    }
    struct str name = str_sub(*rest, 0, colon);
    struct str behind = str_sub(*rest, colon + 1, rest->n);
    bool slashes = str_starts(behind, STR("//")) || str_starts(behind, STR("\\\\"));
    bool digit = behind.n > 0 && ascii_is_digit(behind.p[0]);
    if (digit || !set_scheme(q, name)) {
        return slashes ? unknown_scheme(name, reterr) : ERR_OK;
    }
    while (behind.n > 0 && (behind.p[0] == '/' || behind.p[0] == '\\')) {
        behind = str_sub(behind, 1, behind.n);
    }
    *rest = behind;
    return ERR_OK;
}

/* ---- host ---- */

static void
set_address(struct question *q, const struct addr *a)
{
    char text[ADDR_TEXT];
    (void)snprintf(q->host, sizeof(q->host), "%s", addr_text(a, text)); /* it fits */
    q->host_is_address = true;
}

static bool
has_only(struct str s, const char *extra)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && !str_find_char(str_of(extra), s.p[i], NULL)) {
            return false;
        }
    }
    return true;
}

/* "127.1" and "0x7f000001" are addresses for every browser: the last label is a number. */
static bool
looks_like_ipv4(struct str host)
{
    size_t dot;
    struct str last = str_rfind_char(host, '.', &dot) ? str_sub(host, dot + 1, host.n) : host;
    return last.n > 0 && ascii_is_digit(last.p[0]) &&
           (has_only(last, "") &&
            (str_istarts(last, STR("0x")) || str_to_u64(last, &(uint64_t){0})));
}

static bool
parse_ipv4(struct str host, struct addr *ret)
{
    char text[64];
    struct in_addr ip;
    if (!str_copy_z(host, text, sizeof(text)) || inet_aton(text, &ip) == 0) {
        return false;
    }
    *ret = (struct addr){.in4 = {.sin_family = AF_INET, .sin_addr = ip}};
    return true;
}

/* Letters beyond ASCII become "xn--..." [RFC 5891, UTS 46 as browsers]. */
static bool
to_ascii(const char *host, char **ret)
{
    uint8_t *out = NULL;
    int rc = idn2_lookup_u8((const uint8_t *)host, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK) {
        return false;
    }
    *ret = xstrdup((const char *)out);
    idn2_free(out);
    return true;
}

static bool
is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static enum err
set_name(struct question *q, struct str host, struct errinfo *reterr)
{
    static const char *const not_a_name = N_("{value} is no host name.");
    struct addr ip;
    char *ascii = NULL;
    char *typed = xstrdup_str(host);
    bool good = is_ascii(host);
    if (good) {
        ascii = xstrdup(typed);
    } else {
        good = text_utf8_valid(host) && to_ascii(typed, &ascii);
    }
    struct str name = str_of(ascii);
    if (name.n > 1 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    good = good && str_copy_z(name, q->host, sizeof(q->host));
    for (char *p = q->host; *p != '\0'; p++) {
        *p = ascii_lower(*p);
    }
    xfree(typed);
    xfree(ascii);
    name = str_of(q->host);
    if (good && looks_like_ipv4(name)) {
        if (!parse_ipv4(name, &ip)) {
            return refuse(reterr, N_("{value} is no IPv4 address."), host);
        }
        set_address(q, &ip);
        return ERR_OK;
    }
    return good && has_only(name, "-_.") && dns_name_valid(q->host)
               ? ERR_OK
               : refuse(reterr, not_a_name, host);
}

static enum err
set_host(struct question *q, struct str host, struct errinfo *reterr)
{
    struct addr ip;
    if (host.n == 0) {
        return text_err(reterr, ERR_INVALID, N_("The URL has no host."), NULL, 0);
    }
    if (!str_copy_z(host, q->host_shown, sizeof(q->host_shown))) {
        return text_err(reterr, ERR_INVALID, N_("The host name is longer than any can be."), NULL,
                        0);
    }
    if (str_find_char(host, ':', NULL)) {
        if (!addr_parse(host, 0, &ip)) {
            return refuse(reterr, N_("{value} is no IPv6 address."), host);
        }
        set_address(q, &ip);
        return ERR_OK;
    }
    return set_name(q, host, reterr);
}

/* ---- port ---- */

static enum err
set_port(struct question *q, struct str port, struct errinfo *reterr)
{
    int64_t number;
    if (port.n == 0) {
        return ERR_OK; /* "host:" */
    }
    if (!str_to_int_range(port, 1, UINT16_MAX, &number)) {
        return refuse(reterr, N_("{value} is no port; ports are numbers from 1 to 65535."), port);
    }
    q->port = (uint16_t)number;
    q->port_given = true;
    return ERR_OK;
}

static enum err
set_authority(struct question *q, struct str authority, struct errinfo *reterr)
{
    size_t at;
    size_t colon;
    struct addr ip;
    if (str_find_char(authority, '@', NULL)) {
        return text_err(reterr, ERR_INVALID,
                        N_("The URL holds a user name or password; leave it out and send it with "
                           "-H 'Authorization: ...'."),
                        NULL, 0);
    }
    if (str_starts(authority, STR("["))) {
        if (!str_find_char(authority, ']', &at) ||
            (at + 1 < authority.n && authority.p[at + 1] != ':')) {
            return refuse(reterr, N_("{value} is no IPv6 address in brackets."), authority);
        }
        TRY(set_port(q, str_sub(authority, at + 2, authority.n), reterr));
        struct str host = str_sub(authority, 1, at - 1);
        return str_find_char(host, ':', NULL)
                   ? set_host(q, host, reterr)
                   : refuse(reterr, N_("{value} is no IPv6 address in brackets."), authority);
    }
    if (addr_parse(authority, 0, &ip) || !str_rfind_char(authority, ':', &colon)) {
        return set_host(q, authority, reterr);
    }
    TRY(set_port(q, str_sub(authority, colon + 1, authority.n), reterr));
    return set_host(q, str_sub(authority, 0, colon), reterr);
}

/* ---- path ---- */

/* Path and query as they are sent: no fragment, '\' as '/' in the path, what is not printable
 * ASCII as %XX. */
static char *
make_path(struct str rest)
{
    static const char digits[] = "0123456789ABCDEF";
    struct buf out = {0};
    bool query = false;
    if (rest.n == 0 || (rest.p[0] != '/' && rest.p[0] != '\\')) {
        buf_add_char(&out, '/');
    }
    for (size_t i = 0; i < rest.n && rest.p[i] != '#'; i++) {
        uint8_t c = (uint8_t)rest.p[i];
        query = query || c == '?';
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '<' || c == '>') {
            const char coded[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_add(&out, coded, sizeof(coded));
        } else {
            buf_add_char(&out, c == '\\' && !query ? '/' : (char)c);
        }
    }
    return buf_take(&out);
}

/* ---- together ---- */

static void
set_defaults(struct question *q)
{
    if (!q->scheme_given) {
        q->scheme = q->port_given && q->port == 80 ? SCHEME_HTTP : SCHEME_HTTPS; /* ruling 13 */
    }
    if (!q->port_given) {
        q->port = q->scheme == SCHEME_HTTPS ? 443 : 80;
    }
    bool brackets = str_find_char(str_of(q->host), ':', NULL);
    (void)snprintf(q->url, sizeof(q->url), brackets ? "%s://[%s]:%u/" : "%s://%s:%u/",
                   q->scheme == SCHEME_HTTPS ? "https" : "http", q->host, q->port); /* it fits */
}

enum err
question_set_url(struct question *q, struct str typed, struct errinfo *reterr)
{
    struct str rest = unquote(trim(typed));
    if (rest.n > LIMIT_DOCTOR_URL) {
        return text_err(reterr, ERR_INVALID, N_("The URL is longer than browsers take."), NULL, 0);
    }
    if (str_istarts(rest, STR("url:"))) {
        rest = trim(str_sub(rest, 4, rest.n));
    }
    TRY(take_scheme(q, &rest, reterr));
    size_t end = 0;
    while (end < rest.n && !str_find_char(STR("/?#\\"), rest.p[end], NULL)) {
        end++;
    }
    TRY(set_authority(q, str_sub(rest, 0, end), reterr));
    set_defaults(q);
    q->path = make_path(str_sub(rest, end, rest.n));
    q->typed = xstrdup_str(typed);
    return ERR_OK;
}
