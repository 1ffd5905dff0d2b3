/* SPDX-License-Identifier: Apache-2.0
 * The Location of a redirect action [ALB: redirect actions]. */
#include "rules/rules.h"

#include "base/limits.h"

/* A byte that could end the header line or break the request line made of it goes out as %HH. */
static void
put_byte(struct out *o, char c)
{
    unsigned char u = (unsigned char)c;
    if (u > 0x20 && u != 0x7f) {
        out_char(o, c);
        return;
    }
    char encoded[] = {'%', "0123456789ABCDEF"[u >> 4], "0123456789ABCDEF"[u & 15]};
    out_bytes(o, encoded, sizeof(encoded));
}

static void
put_text(struct out *o, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        put_byte(o, s.p[i]);
    }
}

/* A scheme is written in lower case: "HTTPS" in the action, "https" in the URL. */
static void
put_lower(struct out *o, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        put_byte(o, ascii_lower(s.p[i]));
    }
}

static void
put_protocol(const struct redirect_input *in, struct out *o)
{
    put_lower(o, in->protocol);
}

static void
put_host(const struct redirect_input *in, struct out *o)
{
    put_text(o, in->host);
}

static void
put_port(const struct redirect_input *in, struct out *o)
{
    out_u64(o, in->port);
}

/* Without the leading slash. */
static void
put_path(const struct redirect_input *in, struct out *o)
{
    put_text(o, str_starts(in->path, STR("/")) ? str_sub(in->path, 1, in->path.n) : in->path);
}

static void
put_query(const struct redirect_input *in, struct out *o)
{
    put_text(o, in->query);
}

static const struct keyword {
    struct str text;
    void (*put)(const struct redirect_input *in, struct out *o);
} keywords[] = {
    {STR("#{protocol}"), put_protocol}, {STR("#{host}"), put_host},   {STR("#{port}"), put_port},
    {STR("#{path}"), put_path},         {STR("#{query}"), put_query},
};

static const struct keyword *
keyword_at(struct str s)
{
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (str_starts(s, keywords[i].text)) {
            return &keywords[i];
        }
    }
    return NULL;
}

/* What comes out of a placeholder is not looked at again: a request cannot bring its own. */
static void
expand(struct str template, const struct redirect_input *in, struct out *o)
{
    while (template.n > 0) {
        const struct keyword *k = template.p[0] == '#' ? keyword_at(template) : NULL;
        if (k != NULL) {
            k->put(in, o);
        } else {
            put_byte(o, template.p[0]);
        }
        template = str_sub(template, k != NULL ? k->text.n : 1, template.n);
    }
}

/* '?' and the query, or nothing when the query turns out empty ("#{query}" of a request without).
 */
static void
put_query_part(struct str template, const struct redirect_input *in, struct out *o)
{
    char *at = o->p;
    expand(template, in, o);
    size_t n = (size_t)(o->p - at);
    if (n == 0) {
        return;
    }
    out_char(o, '?');
    if (!o->full) {
        memmove(at + 1, at, n);
        *at = '?';
    }
}

bool
redirect_expand(const struct redirect *r, const struct redirect_input *in, struct out *o)
{
    size_t room = MIN_OF((size_t)(o->end - o->p), (size_t)LIMIT_REDIRECT_URL_MAX);
    struct out url = out_of(o->p, room);
    if (str_find_char(r->protocol, '#', NULL)) {
        expand(r->protocol, in, &url);
    } else {
        put_lower(&url, r->protocol);
    }
    OUT_LIT(&url, "://");
    expand(r->host, in, &url);
    out_char(&url, ':');
    expand(r->port, in, &url);
    expand(r->path, in, &url);
    put_query_part(r->query, in, &url);
    if (url.full) {
        return false;
    }
    o->p = url.p;
    return true;
}
