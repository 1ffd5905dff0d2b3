/* SPDX-License-Identifier: Apache-2.0
 * Values of which a part may not be known, conditions on them, and what a redirect's URL means for
 * the address that was asked. */
#include "webconf/webconf_int.h"

#include "base/mem.h"

#include <regex.h>

/* ---- three values ---- */

enum tri
tri_not(enum tri t)
{
    static const enum tri table[] = {TRI_YES, TRI_NO, TRI_UNKNOWN};
    return table[t];
}

enum tri
tri_and(enum tri a, enum tri b)
{
    if (a == TRI_NO || b == TRI_NO) {
        return TRI_NO;
    }
    return a == TRI_YES && b == TRI_YES ? TRI_YES : TRI_UNKNOWN;
}

enum tri
tri_or(enum tri a, enum tri b)
{
    return tri_not(tri_and(tri_not(a), tri_not(b)));
}

bool
value_known(struct str value)
{
    return !str_find(value, STR(UNKNOWN_PART), NULL) && !str_find(value, STR(ASKED_PATH), NULL) &&
           !str_find(value, STR(ASKED_HOST), NULL);
}

enum tri
value_eq(struct str a, struct str b, bool fold)
{
    if (!value_known(a) || !value_known(b)) {
        return TRI_UNKNOWN;
    }
    return (fold ? str_ieq(a, b) : str_eq(a, b)) ? TRI_YES : TRI_NO;
}

/* ---- regular expressions ---- */

/* The servers speak PCRE, the C library POSIX. What means the same in both is let through; the rest
 * (classes by letter, look-around, lazy and counted repetition, back references) is not known. */
static bool
is_common_regex(struct str regex)
{
    if (regex.n == 0 || regex.n > LIMIT_WEBCONF_REGEX || str_find_char(regex, '\0', NULL) ||
        str_find_char(regex, '{', NULL) || str_find(regex, STR("(?"), NULL)) {
        return false;
    }
    for (size_t i = 0; i < regex.n; i++) {
        bool again =
            i > 0 && (regex.p[i - 1] == '*' || regex.p[i - 1] == '+' || regex.p[i - 1] == '?');
        if (again && (regex.p[i] == '?' || regex.p[i] == '+' || regex.p[i] == '*')) {
            return false;
        }
        if (regex.p[i] == '\\') {
            if (i + 1 == regex.n || ascii_is_alnum(regex.p[i + 1])) {
                return false;
            }
            i++;
        }
    }
    return true;
}

enum tri
value_match(struct str value, struct str regex, bool fold)
{
    char pattern[LIMIT_WEBCONF_REGEX + 1], subject[LIMIT_WEBCONF_TEXT + 1];
    if (!value_known(value) || !is_common_regex(regex) ||
        !str_copy_z(regex, pattern, sizeof(pattern)) ||
        !str_copy_z(value, subject, sizeof(subject))) {
        return TRI_UNKNOWN;
    }
    regex_t compiled;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB | (fold ? REG_ICASE : 0)) != 0) {
        return TRI_UNKNOWN;
    }
    int result = regexec(&compiled, subject, 0, NULL, 0);
    regfree(&compiled);
    if (result != 0 && result != REG_NOMATCH) {
        return TRI_UNKNOWN;
    }
    return result == 0 ? TRI_YES : TRI_NO;
}

/* An expression that takes the home page and a long path of odd letters takes every path. */
enum tri
regex_takes_all(struct str regex, bool leading_slash)
{
    bool negated = str_starts(regex, STR("!"));
    regex = str_sub(regex, negated, SIZE_MAX);
    static const char *const samples[] = {"/", "/q7z/Kx_9-w.j2p"};
    enum tri all = TRI_YES;
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        struct str path = str_sub(str_of(samples[i]), !leading_slash, SIZE_MAX);
        enum tri t = value_match(path, regex, false);
        all = tri_and(all, negated ? tri_not(t) : t);
    }
    return all;
}

/* ---- strings of a judgement ---- */

struct str
scratch_take(struct scratch *s, struct buf *b)
{
    size_t n = b->n;
    char *p = buf_take(b);
    *VEC_PUSH(s->items, s->count, s->cap) = p;
    return (struct str){p, p == NULL ? 0 : n};
}

void
scratch_free(struct scratch *s)
{
    for (size_t i = 0; i < s->count; i++) {
        xfree(s->items[i]);
    }
    xfree(s->items);
    *s = (struct scratch){0};
}

struct str
scratch_keep(struct scratch *s, char *text)
{
    *VEC_PUSH(s->items, s->count, s->cap) = text;
    return str_of(text);
}

/* ---- the address that was asked ---- */

bool
judge_port_is_custom(const struct judge *j)
{
    return j->port != (j->q->https ? 443 : 80);
}

struct str
judge_http_host(struct judge *j)
{
    const char *open = str_find_char(j->host, ':', NULL) ? "[" : "";
    const char *close = *open == '\0' ? "" : "]";
    if (!judge_port_is_custom(j)) {
        return judge_printf(j, "%s%.*s%s", open, STR_ARG(j->host), close);
    }
    return judge_printf(j, "%s%.*s%s:%u", open, STR_ARG(j->host), close, j->port);
}

bool
judge_same_host(const struct judge *j, struct str host)
{
    if (str_ieq(host, j->host)) {
        return true;
    }
    if (!str_eq(j->host, STR(ASKED_HOST)) || j->server == NULL) {
        return false;
    }
    for (size_t i = 0; i < j->server->name_count; i++) {
        if (str_ieq(host, j->server->names[i])) {
            return true;
        }
    }
    return false;
}

/* ---- redirects ---- */

static void
cut_authority(struct str rest, struct location *l)
{
    size_t n = 0, colon = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#' &&
           rest.p[n] != ASKED_PATH[0]) {
        n++;
    }
    l->path = str_sub(rest, n, SIZE_MAX);
    l->host = str_sub(rest, 0, n);
    uint64_t port = 0;
    size_t bracket = 0;
    bool v6 = str_rfind_char(l->host, ']', &bracket);
    if (str_rfind_char(l->host, ':', &colon) && (!v6 || colon > bracket)) {
        if (str_to_u64(str_sub(l->host, colon + 1, SIZE_MAX), &port) && port <= UINT16_MAX) {
            l->port = (uint16_t)port;
        }
        l->host = str_sub(l->host, 0, colon);
    }
    if (v6 && l->host.n >= 2 && l->host.p[0] == '[') {
        l->host = str_sub(l->host, 1, l->host.n - 2);
    }
}

struct location
location_of(struct str url)
{
    struct location l = {0};
    l.https = str_istarts(url, STR("https://"));
    l.http = str_istarts(url, STR("http://"));
    if (l.https || l.http) {
        cut_authority(str_sub(url, strlen("http://") + l.https, SIZE_MAX), &l);
    } else {
        l.path = url;
    }
    return l;
}

/* The port that a URL leads to. */
static uint16_t
effective_port(const struct location *l)
{
    if (l->port != 0) {
        return l->port;
    }
    return l->https ? 443 : 80;
}

unsigned
redirect_faults(const struct judge *j, const struct redirect *r)
{
    struct location l = location_of(r->url);
    if ((!l.https && !l.http) || !judge_same_host(j, l.host)) {
        return 0;
    }
    unsigned faults = 0;
    uint16_t port = effective_port(&l);
    bool loses = l.https && j->q->https && port != j->port;
    if (l.http && j->q->https) {
        faults |= 1U << REDIRECT_PLAIN;
    }
    if (l.https && r->keeps_path && j->tls_known && !j->tls && (l.port == 0 || l.port == j->port)) {
        faults |= 1U << REDIRECT_LOOP;
    }
    if (loses && l.port == 0) {
        faults |= 1U << REDIRECT_PORT;
    }
    if (loses && l.port != 0) {
        faults |= 1U << REDIRECT_INNER;
    }
    return faults;
}
