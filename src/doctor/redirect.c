/* SPDX-License-Identifier: Apache-2.0
 * Resolves a Location against the URL that was asked. Where the standards differ, browsers count:
 * backslashes are slashes, "https:path" is relative, slashes too many are passed over. */
#include "doctor/redirect.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "doctor/question.h"

#include <stdio.h>

/* ---- characters ---- */

static bool
is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* Blanks and controls at both ends, tabs and line ends everywhere: browsers do not see them. */
static void
strip(struct str s, struct buf *out)
{
    while (s.n > 0 && (uint8_t)s.p[0] <= ' ') {
        s = str_sub(s, 1, s.n);
    }
    while (s.n > 0 && (uint8_t)s.p[s.n - 1] <= ' ') {
        s.n--;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\t' && s.p[i] != '\r' && s.p[i] != '\n') {
            buf_add_char(out, s.p[i]);
        }
    }
}

/* As it is sent: what is not printable ASCII, and what would end a line or a word, as %XX. */
static void
add_coded(struct str s, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>') {
            const char coded[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_add(out, coded, sizeof(coded));
        } else {
            buf_add_char(out, (char)c);
        }
    }
}

/* ---- the parts of a reference ---- */

struct reference {
    struct str scheme;      /* p NULL: none */
    struct str authority;   /* p NULL: none */
    struct str path, query; /* query.p NULL: none */
};

/* "name:" in front [RFC 3986 3.1]; false: there is none, nothing is taken. */
static bool
take_scheme(struct str *rest, struct str *ret_scheme)
{
    size_t i = 0;
    while (i < rest->n &&
           (ascii_is_alnum(rest->p[i]) || str_find_char(STR("+-."), rest->p[i], NULL))) {
        i++;
    }
    if (i == 0 || i == rest->n || rest->p[i] != ':' || !ascii_is_alpha(rest->p[0])) {
        return false;
    }
    *ret_scheme = str_sub(*rest, 0, i);
    *rest = str_sub(*rest, i + 1, rest->n);
    return true;
}

static void
take_authority(struct str *rest, struct str *ret_authority)
{
    while (rest->n > 0 && is_slash(rest->p[0])) {
        *rest = str_sub(*rest, 1, rest->n);
    }
    size_t end = 0;
    while (end < rest->n && !str_find_char(STR("/\\?"), rest->p[end], NULL)) {
        end++;
    }
    *ret_authority = str_sub(*rest, 0, end);
    if (ret_authority->p == NULL) {
        ret_authority->p = "";
    }
    *rest = str_sub(*rest, end, rest->n);
}

/* `base_scheme` NULL: the reference must be absolute. */
static struct reference
split(struct str s, const char *base_scheme)
{
    struct reference r = {0};
    size_t at;
    if (str_find_char(s, '#', &at)) {
        s = str_sub(s, 0, at);
    }
    bool has_scheme = take_scheme(&s, &r.scheme);
    bool two_slashes = s.n >= 2 && is_slash(s.p[0]) && is_slash(s.p[1]);
    bool other = has_scheme && (base_scheme == NULL || !str_ieq(r.scheme, str_of(base_scheme)));
    if (two_slashes || other) {
        take_authority(&s, &r.authority);
    }
    if (str_find_char(s, '?', &at)) {
        r.query = str_sub(s, at + 1, s.n);
        r.query.p = r.query.n == 0 ? "" : r.query.p;
        s = str_sub(s, 0, at);
    }
    r.path = s;
    return r;
}

/* ---- paths ---- */

/* "." and "..", also written "%2e". */
static unsigned
dots(struct str segment)
{
    unsigned count = 0;
    while (segment.n > 0 && count < 3) {
        if (segment.p[0] == '.') {
            segment = str_sub(segment, 1, segment.n);
        } else if (str_istarts(segment, STR("%2e"))) {
            segment = str_sub(segment, 3, segment.n);
        } else {
            return 0;
        }
        count++;
    }
    return count <= 2 ? count : 0;
}

static void
drop_segment(struct buf *out)
{
    while (out->n > 0 && out->p[--out->n] != '/') {
    }
}

/* Appends an absolute path without dot segments [RFC 3986 5.2.4]. */
static void
add_path(struct str path, struct buf *out)
{
    struct buf clean = {0};
    size_t at = 0;
    while (at < path.n) {
        size_t end = at + 1;
        while (end < path.n && !is_slash(path.p[end])) {
            end++;
        }
        struct str segment = str_sub(path, at + 1, end - at - 1);
        unsigned count = dots(segment);
        if (count == 2) {
            drop_segment(&clean);
        }
        if (count == 0) {
            buf_add_char(&clean, '/');
            add_coded(segment, &clean);
        } else if (end == path.n) {
            buf_add_char(&clean, '/'); /* "a/.." names a folder */
        }
        at = end;
    }
    if (clean.n == 0) {
        buf_add_char(&clean, '/');
    }
    buf_add_str(out, buf_str(&clean));
    buf_free(&clean);
}

static struct str
path_of(const struct redirect *u)
{
    struct str path = str_of(u->path);
    size_t at;
    return str_find_char(path, '?', &at) ? str_sub(path, 0, at) : path;
}

/* The path of a reference without authority [RFC 3986 5.2.2, 5.2.3]. */
static void
add_relative(const struct redirect *base, const struct reference *r, struct buf *out)
{
    if (r->path.n == 0) {
        buf_add_str(out, r->query.p == NULL ? str_of(base->path) : path_of(base));
        return;
    }
    struct buf merged = {0};
    if (!is_slash(r->path.p[0])) {
        struct str path = path_of(base);
        size_t at = 0;
        (void)str_rfind_char(path, '/', &at); /* there is one: it begins with it */
        buf_add_str(&merged, str_sub(path, 0, at + 1));
    }
    buf_add_str(&merged, r->path);
    add_path(buf_str(&merged), out);
    buf_free(&merged);
}

/* ---- host and port ---- */

/* Scheme, host and port by the same rules as on the command line; the user part is left out. */
static enum err
set_authority(struct redirect *u, bool secure, struct str authority)
{
    struct question q = {0};
    struct buf text = {0};
    size_t at;
    if (str_rfind_char(authority, '@', &at)) {
        authority = str_sub(authority, at + 1, authority.n);
    }
    buf_addf(&text, "%s://%.*s/", secure ? "https" : "http", STR_ARG(authority));
    /* A NUL would hide what stands behind it; the parser refuses it. */
    enum err e = authority.n == 0 || str_find_char(authority, '\0', NULL)
                     ? ERR_INVALID
                     : question_set_url(&q, buf_str(&text), NULL);
    buf_free(&text);
    if (e == ERR_OK) {
        u->secure = secure;
        memcpy(u->host, q.host, sizeof(u->host));
        u->host_is_address = q.host_is_address;
        u->port = q.port;
        u->port_written = q.port_given;
    }
    question_done(&q);
    return e;
}

static void
copy_authority(struct redirect *u, const struct redirect *base)
{
    u->secure = base->secure;
    memcpy(u->host, base->host, sizeof(u->host));
    u->host_is_address = base->host_is_address;
    u->port = base->port;
    u->port_written = base->port_written;
}

/* ---- together ---- */

/* Puts `url` together; `path` holds path and query. */
static enum err
finish(struct redirect *u, struct str path)
{
    bool brackets = str_find_char(str_of(u->host), ':', NULL);
    char port[8] = "";
    if (u->port_written) {
        (void)snprintf(port, sizeof(port), ":%u", u->port); /* it fits */
    }
    int n = snprintf(u->url, sizeof(u->url), brackets ? "%s://[%s]%s" : "%s://%s%s",
                     u->secure ? "https" : "http", u->host, port);
    ASSERT(n > 0 && (size_t)n < sizeof(u->url));
    if (!str_copy_z(path, u->url + n, sizeof(u->url) - (size_t)n)) {
        return ERR_TOO_LARGE;
    }
    u->path = u->url + n;
    return ERR_OK;
}

static bool
known_scheme(struct str scheme, bool *ret_secure)
{
    *ret_secure = str_ieq(scheme, STR("https"));
    return *ret_secure || str_ieq(scheme, STR("http"));
}

static enum err
resolve(const struct redirect *base, struct str text, struct redirect *u)
{
    struct reference r = split(text, base == NULL ? NULL : base->secure ? "https" : "http");
    struct buf path = {0};
    bool secure = base != NULL && base->secure;
    if (r.scheme.p == NULL && base == NULL) {
        return ERR_INVALID;
    }
    if (r.scheme.p != NULL && !known_scheme(r.scheme, &secure)) {
        return ERR_UNSUPPORTED;
    }
    if (r.authority.p != NULL) {
        TRY(set_authority(u, secure, r.authority));
        add_path(r.path, &path);
    } else {
        copy_authority(u, base);
        add_relative(base, &r, &path);
    }
    if (r.query.p != NULL) {
        buf_add_char(&path, '?');
        add_coded(r.query, &path);
    }
    enum err e = finish(u, buf_str(&path));
    buf_free(&path);
    return e;
}

static unsigned
changes(const struct redirect *a, const struct redirect *b)
{
    return (a->secure != b->secure ? REDIRECT_SCHEME : 0u) |
           (strcmp(a->host, b->host) != 0 ? REDIRECT_HOST : 0u) |
           (a->port != b->port ? REDIRECT_PORT : 0u);
}

static enum err
begin(const struct redirect *base, struct str location, struct redirect *ret)
{
    struct redirect u = {0};
    struct buf text = {0};
    strip(location, &text);
    enum err e = text.n == 0 ? ERR_INVALID : resolve(base, buf_str(&text), &u);
    buf_free(&text);
    if (e == ERR_OK) {
        u.changed = base == NULL ? 0 : changes(base, &u);
        size_t at = (size_t)(u.path - u.url);
        *ret = u;
        ret->path = ret->url + at;
    }
    return e;
}

enum err
redirect_parse(struct str url, struct redirect *ret)
{
    return begin(NULL, url, ret);
}

enum err
redirect_resolve(const struct redirect *base, struct str location, struct redirect *ret)
{
    return begin(base, location, ret);
}

bool
redirect_same_origin(const struct redirect *a, const struct redirect *b)
{
    return changes(a, b) == 0;
}

bool
redirect_same(const struct redirect *a, const struct redirect *b)
{
    return redirect_same_origin(a, b) && strcmp(a->path, b->path) == 0;
}

enum err
redirect_mend(const struct redirect *broken, bool secure, uint16_t port, struct redirect *ret)
{
    struct redirect u = {0};
    copy_authority(&u, broken);
    u.secure = secure;
    u.port = port;
    u.port_written = true;
    TRY(finish(&u, str_of(broken->path)));
    u.changed = changes(broken, &u);
    size_t at = (size_t)(u.path - u.url);
    *ret = u;
    ret->path = ret->url + at;
    return ERR_OK;
}
