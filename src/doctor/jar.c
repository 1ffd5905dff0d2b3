/* SPDX-License-Identifier: Apache-2.0
 * The cookies that a browser would carry along one chain of redirects: enough to tell a loop that
 * cookies end from one that they do not [RFC 6265 5.2 to 5.4]. */
#include "base/mem.h"
#include "doctor/request.h"

enum { COOKIE_BYTES = 4096 /* browsers drop longer ones */ };

/* ---- taking ---- */

struct set_cookie {
    struct str name, value, domain, path;
    bool secure, gone;
};

static bool
is_name(struct str attribute, const char *name)
{
    return str_ieq(attribute, str_of(name));
}

/* Max-Age of nothing, or the date that every framework writes to delete a cookie. */
static bool
deletes(struct str name, struct str value)
{
    uint64_t seconds;
    if (is_name(name, "max-age")) {
        return !str_to_u64(value, &seconds) || seconds == 0;
    }
    return is_name(name, "expires") && str_find(value, STR("1970"), NULL);
}

static void
read_attribute(struct str piece, struct set_cookie *c)
{
    size_t equal = piece.n;
    (void)str_find_char(piece, '=', &equal);
    struct str name = str_trim(str_sub(piece, 0, equal));
    struct str value = str_trim(str_sub(piece, equal + 1, piece.n));
    if (is_name(name, "secure")) {
        c->secure = true;
    } else if (is_name(name, "domain")) {
        c->domain = str_starts(value, STR(".")) ? str_sub(value, 1, value.n) : value;
    } else if (is_name(name, "path") && str_starts(value, STR("/"))) {
        c->path = value;
    } else if (deletes(name, value)) {
        c->gone = true;
    }
}

static bool
has_odd_bytes(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool
read_set_cookie(struct str line, struct set_cookie *ret)
{
    struct set_cookie c = {0};
    struct str rest = line, pair = STR_NONE, piece;
    size_t equal;
    if (line.n > COOKIE_BYTES || !str_cut(&rest, ';', &pair) || !str_find_char(pair, '=', &equal) ||
        has_odd_bytes(pair)) {
        return false;
    }
    c.name = str_trim(str_sub(pair, 0, equal));
    c.value = str_trim(str_sub(pair, equal + 1, pair.n));
    while (str_cut(&rest, ';', &piece)) {
        read_attribute(piece, &c);
    }
    *ret = c;
    return c.name.n > 0;
}

static bool
is_below(struct str host, struct str parent)
{
    return host.n > parent.n && host.p[host.n - parent.n - 1] == '.' &&
           str_ieq(str_sub(host, host.n - parent.n, host.n), parent);
}

/* Up to the last slash of the path that was asked [RFC 6265 5.1.4]. */
static struct str
default_path(const struct redirect *from)
{
    struct str path = str_of(from->path);
    size_t at;
    if (str_find_char(path, '?', &at)) {
        path = str_sub(path, 0, at);
    }
    return str_rfind_char(path, '/', &at) && at > 0 ? str_sub(path, 0, at) : STR("/");
}

static struct jar_cookie *
find(struct jar *jar, const struct jar_cookie *like)
{
    for (size_t i = 0; i < jar->count; i++) {
        struct jar_cookie *c = &jar->cookies[i];
        if (strcmp(c->name, like->name) == 0 && strcmp(c->domain, like->domain) == 0 &&
            strcmp(c->path, like->path) == 0) {
            return c;
        }
    }
    return NULL;
}

static void
cookie_done(struct jar_cookie *c)
{
    xfree(c->name);
    xfree(c->value);
    *c = (struct jar_cookie){0};
}

static void
store(struct jar *jar, struct jar_cookie *c, bool gone)
{
    struct jar_cookie *old = find(jar, c);
    if (old != NULL) {
        cookie_done(old);
        *old = jar->cookies[--jar->count];
        jar->cookies[jar->count] = (struct jar_cookie){0};
    }
    if (gone || jar->count == JAR_COOKIES) {
        cookie_done(c);
        return;
    }
    jar->cookies[jar->count++] = *c;
}

static void
take_one(struct jar *jar, const struct redirect *from, struct str line)
{
    struct set_cookie s;
    struct str host = str_of(from->host);
    if (!read_set_cookie(line, &s) || (s.secure && !from->secure)) {
        return;
    }
    /* A parent's cookie; not of a name without a dot, which is nobody's own. */
    bool parent = s.domain.n > 0 && (is_below(host, s.domain) || str_ieq(host, s.domain)) &&
                  str_find_char(s.domain, '.', NULL) && !from->host_is_address;
    if (s.domain.n > 0 && !parent && !str_ieq(host, s.domain)) {
        return;
    }
    struct jar_cookie c = {.subdomains = parent, .secure = s.secure};
    struct str path = s.path.n > 0 ? s.path : default_path(from);
    if (!str_copy_z(parent ? s.domain : host, c.domain, sizeof(c.domain)) ||
        !str_copy_z(path, c.path, sizeof(c.path))) {
        return;
    }
    c.name = xstrdup_str(s.name);
    c.value = xstrdup_str(s.value);
    store(jar, &c, s.gone);
}

void
jar_take(struct jar *jar, const struct redirect *from, const struct http_seen *answer)
{
    for (size_t i = 0; i < answer->header_count; i++) {
        if (str_ieq(answer->headers[i].name, STR("set-cookie"))) {
            take_one(jar, from, answer->headers[i].value);
        }
    }
}

/* ---- giving ---- */

static bool
path_covers(const char *cookie_path, const char *path)
{
    size_t n = strlen(cookie_path);
    return strncmp(path, cookie_path, n) == 0 &&
           (n == 0 || cookie_path[n - 1] == '/' || path[n] == '/' || path[n] == '?' ||
            path[n] == '\0');
}

static bool
fits(const struct jar_cookie *c, const struct redirect *to)
{
    struct str host = str_of(to->host), domain = str_of(c->domain);
    return (str_ieq(host, domain) || (c->subdomains && is_below(host, domain))) &&
           (!c->secure || to->secure) && path_covers(c->path, to->path);
}

void
jar_give(const struct jar *jar, const struct redirect *to, struct buf *out)
{
    for (size_t i = 0; i < jar->count; i++) {
        if (fits(&jar->cookies[i], to)) {
            buf_addf(out, "%s%s=%s", out->n > 0 ? "; " : "", jar->cookies[i].name,
                     jar->cookies[i].value);
        }
    }
}

void
jar_done(struct jar *jar)
{
    for (size_t i = 0; i < jar->count; i++) {
        cookie_done(&jar->cookies[i]);
    }
    jar->count = 0;
}
