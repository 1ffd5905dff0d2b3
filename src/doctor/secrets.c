/* SPDX-License-Identifier: Apache-2.0
 * Stars in place of secrets. */
#include "doctor/secrets.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/engine_int.h"
#include "doctor/request.h"

/* Shorter ones are not looked for in pages: too much else would look like them. */
enum { KNOWN_LENGTH_MIN = 8 };

struct secret_text {
    char *p; /* owned: the secret itself */
    size_t n;
    unsigned number; /* of those of this length, from 0 */
    enum learned {
        LEARNED_HERE,       /* stood where secrets stand */
        LEARNED_QUESTION,   /* the question's: looked for everywhere */
        LEARNED_CREDENTIAL, /* a cookie, a password, ...: not even shown to who asked */
        LEARNED_PART,       /* of a credential; its stars are all alike */
    } learned;
};

struct secrets {
    bool off;
    struct secret_text *items; /* owned */
    size_t count, cap;
    char *home; /* owned; "" none */
};

/* ---- one secret ---- */

static const struct secret_text *
learn(struct secrets *s, struct str text, enum learned learned)
{
    unsigned number = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct secret_text *item = &s->items[i];
        if (str_eq((struct str){item->p, item->n}, text)) {
            return item;
        }
        number += item->n == text.n && item->learned != LEARNED_PART;
    }
    if (s->count == LIMIT_DOCTOR_SECRETS) {
        return NULL;
    }
    struct secret_text *item = VEC_PUSH(s->items, s->count, s->cap);
    number = learned == LEARNED_PART ? 0 : number;
    *item = (struct secret_text){xstrdup_str(text), text.n, number, learned};
    return item;
}

/* Stars, and the number at the end as far as it fits. NUL stays: it is a fault of its own. */
static void
write_stars(char *p, size_t n, unsigned number)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < n; i++) {
        p[i] = p[i] == '\0' ? '\0' : '*';
    }
    for (size_t at = n; at > 0 && number > 0; number /= 36) {
        p[--at] = digits[number % 36];
    }
}

static void
star(struct secrets *s, char *p, size_t n)
{
    if (n > 0) {
        const struct secret_text *item = learn(s, (struct str){p, n}, LEARNED_HERE);
        write_stars(p, n, item == NULL ? 0 : item->number);
    }
}

/* ---- URLs ---- */

static size_t
first_of(const char *p, size_t n, size_t from, const char *any)
{
    while (from < n && !str_find_char(str_of(any), p[from], NULL)) {
        from++;
    }
    return from;
}

static void
star_path(struct secrets *s, char *p, size_t n)
{
    if (n > 1 && p[0] == '/') {
        star(s, p + 1, n - 1);
    } else if (n > 0 && p[0] != '/') {
        star(s, p, n);
    }
}

/* User and password, path, query and fragment; scheme, host and port stay. */
static void
star_url(struct secrets *s, char *p, size_t n)
{
    size_t scheme;
    size_t at = 0;
    size_t last_at;
    if (str_find((struct str){p, n}, STR("://"), &scheme) &&
        first_of(p, n, 0, "/?#") == scheme + 1) {
        at = scheme + 3;
    } else if (str_starts((struct str){p, n}, STR("//"))) {
        at = 2;
    }
    size_t end = first_of(p, n, at, "/?#");
    if (str_rfind_char((struct str){p + at, end - at}, '@', &last_at)) {
        star(s, p + at, last_at);
    }
    star_path(s, p + end, n - end);
}

/* ---- what went over the wire ---- */

/* "name=value; Path=/; Secure": the values of a Cookie header, the first value of a Set-Cookie. */
static void
star_cookies(struct secrets *s, char *p, size_t n, bool all)
{
    for (size_t at = 0; at < n;) {
        size_t end = first_of(p, n, at, ";");
        size_t equals = first_of(p, end, at, "=");
        if (equals < end) {
            star(s, p + equals + 1, end - equals - 1);
        } else if (all) {
            star(s, p + at, end - at);
        }
        if (!all) {
            return;
        }
        at = end + 1;
        while (at < n && p[at] == ' ') {
            at++;
        }
    }
}

static void
star_cookie(struct secrets *s, char *p, size_t n)
{
    star_cookies(s, p, n, true);
}

static void
star_set_cookie(struct secrets *s, char *p, size_t n)
{
    star_cookies(s, p, n, false);
}

/* Headers that hold secrets by their nature, asked or answered. */
static const struct {
    const char *name;
    void (*star)(struct secrets *s, char *p, size_t n);
} secret_headers[] = {
    {"authorization", star},        {"proxy-authorization", star},   {"authentication-info", star},
    {"cookie", star_cookie},        {"set-cookie", star_set_cookie}, {"location", star_url},
    {"content-location", star_url}, {"referer", star_url},           {"x-api-key", star},
    {"x-auth-token", star},         {"x-amz-security-token", star},  {"sec-websocket-key", star},
};

static void
star_field(struct secrets *s, struct str name, char *p, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(secret_headers) && n > 0; i++) {
        if (str_ieq(name, str_of(secret_headers[i].name))) {
            secret_headers[i].star(s, p, n);
        }
    }
}

/* `p`: from the name on, without the line end. */
static void
star_header_line(struct secrets *s, char *p, size_t n)
{
    size_t colon = first_of(p, n, 0, ":");
    size_t value = colon + 1;
    while (value < n && (p[value] == ' ' || p[value] == '\t')) {
        value++;
    }
    if (value < n) {
        star_field(s, str_trim((struct str){p, colon}), p + value, n - value);
    }
}

/* "GET /path HTTP/1.1": the path; "CONNECT host:443" and "HTTP/1.1 200 OK" have none. */
static void
star_first_line(struct secrets *s, char *p, size_t n)
{
    size_t from = first_of(p, n, 0, " ");
    if (from < n && p[0] != 'H') {
        size_t target = from + 1;
        size_t end = first_of(p, n, target, " ");
        star_url(s, p + target, end - target);
    }
}

static bool
begins_http(struct str s)
{
    static const char *const words[] = {"HTTP/", "GET ", "CONNECT "};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_istarts(s, str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* A header's value with the lines that continue it. */
static size_t
folded_end(const char *p, size_t n, size_t from)
{
    size_t end = first_of(p, n, from, "\n");
    while (end + 1 < n && (p[end + 1] == ' ' || p[end + 1] == '\t')) {
        end = first_of(p, n, end + 1, "\n");
    }
    return end;
}

/* Every head up to its empty line; interim answers are heads, too. */
static void
star_heads(struct secrets *s, char *p, size_t n)
{
    size_t at = first_of(p, n, 0, "HGChgc");
    while (at < n && begins_http((struct str){p + at, n - at})) {
        size_t end = first_of(p, n, at, "\n");
        star_first_line(s, p + at, end - at - (end > at && p[end - 1] == '\r'));
        at = end + 1;
        while (at < n && p[at] != '\n' && p[at] != '\r') {
            end = folded_end(p, n, at);
            star_header_line(s, p + at, end - at - (p[end - 1] == '\r'));
            at = end + 1;
        }
        at = at >= n ? n : first_of(p, n, at, "\n") + 1;
    }
}

/* The question's secrets, where a page or a header repeats them. */
static void
star_known(const struct secrets *s, enum learned least, char *p, size_t n)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct secret_text *item = &s->items[i];
        struct str needle = {item->p, item->n};
        size_t from = 0;
        size_t at;
        if (item->learned < least || item->n < KNOWN_LENGTH_MIN) {
            continue;
        }
        while (str_find((struct str){p + from, n - from}, needle, &at)) {
            write_stars(p + from + at, item->n, item->number);
            from += at + item->n;
        }
    }
}

static void
star_wire(struct secrets *s, char *p, size_t n)
{
    star_known(s, LEARNED_QUESTION, p, n);
    star_heads(s, p, n);
}

static void
star_header(struct secrets *s, char *p, size_t n)
{
    size_t value = first_of(p, n, 0, ":");
    value += value < n;
    while (value < n && p[value] == ' ') {
        value++;
    }
    star(s, p + value, n - value);
}

void
secrets_star(struct secrets *s, enum secret kind, char *p, size_t n)
{
    if (s->off) {
        return;
    }
    switch (kind) {
    case SECRET_NONE:
    case SECRET_HOME: break;
    case SECRET_URL: star_url(s, p, n); break;
    case SECRET_PATH: star_path(s, p, n); break;
    case SECRET_HEADER: star_header(s, p, n); break;
    case SECRET_WIRE: star_wire(s, p, n); break;
    }
}

void
secrets_star_field(struct secrets *s, struct str name, char *p, size_t n)
{
    if (!s->off) {
        star_known(s, LEARNED_QUESTION, p, n);
        star_field(s, name, p, n);
    }
}

/* ---- the question's ---- */

/* Is a header of this name a secret by its nature? */
static bool
is_credential(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(secret_headers); i++) {
        if (str_ieq(name, str_of(secret_headers[i].name))) {
            return secret_headers[i].star != star_url;
        }
    }
    return false;
}

/* The value of "Name: value", and of a Cookie line each value by itself, as they are starred. */
static void
learn_header(struct secrets *s, struct str line)
{
    size_t colon;
    if (!str_find_char(line, ':', &colon)) {
        return;
    }
    struct str value = str_sub(line, colon + 1, line.n);
    while (value.n > 0 && value.p[0] == ' ') {
        value = str_sub(value, 1, value.n);
    }
    bool credential = is_credential(str_sub(line, 0, colon));
    enum learned learned = credential ? LEARNED_CREDENTIAL : LEARNED_QUESTION;
    if (value.n > 0) {
        (void)learn(s, value, learned);
    }
    struct str piece;
    bool cookie = str_ieq(str_sub(line, 0, colon), STR("cookie"));
    for (struct str rest = value; cookie && str_cut(&rest, ';', &piece);) {
        size_t equals;
        if (str_find_char(piece, '=', &equals) && equals + 1 < piece.n) {
            (void)learn(s, str_sub(piece, equals + 1, piece.n), learned);
        }
    }
    while (credential && !cookie && str_cut(&value, ' ', &piece)) { /* "Bearer", the token */
        if (piece.n >= KNOWN_LENGTH_MIN) {
            (void)learn(s, piece, LEARNED_PART);
        }
    }
}

/* Of the proxy's URL, as it stands there and as the proxy gets it. */
static void
learn_login(struct secrets *s, const struct question *q)
{
    struct buf login = {0}, coded = {0};
    size_t colon;
    if (proxy_login(q, &login)) {
        base64_add(&coded, login.p, login.n);
        (void)learn(s, buf_str(&coded), LEARNED_PART);
        if (str_find_char(buf_str(&login), ':', &colon) && colon + 1 < login.n) {
            (void)learn(s, str_sub(buf_str(&login), colon + 1, login.n), LEARNED_PART);
        }
    }
    buf_free(&login);
    buf_free(&coded);
}

struct secrets *
secrets_new(const struct question *q, bool off)
{
    struct secrets *s = xalloc(sizeof(*s));
    const char *home = getenv("HOME");
    bool usable = home != NULL && home[0] == '/' && home[1] != '\0';
    s->off = off;
    s->home = xstrdup(usable ? home : "");
    struct str path = str_of(q->path);
    if (path.n > 1) {
        (void)learn(s, str_sub(path, 1, path.n), LEARNED_QUESTION);
    }
    for (size_t i = 0; i < q->header_count; i++) {
        learn_header(s, str_of(q->headers[i]));
    }
    learn_login(s, q);
    return s;
}

void
secrets_free(struct secrets **s)
{
    for (size_t i = 0; i < (*s)->count; i++) {
        xfree((*s)->items[i].p);
    }
    xfree((*s)->items);
    xfree((*s)->home);
    xfree(*s);
    *s = NULL;
}

/* ---- what is shown to who asked ---- */

static void
hide(const struct secrets *s, char *text)
{
    if (text != NULL) {
        star_known(s, LEARNED_CREDENTIAL, text, strlen(text));
    }
}

static void
hide_in_answer(const struct secrets *s, struct http_seen *h)
{
    hide(s, h->title);
    for (size_t i = 0; i < h->header_count; i++) {
        struct str value = h->headers[i].value;
        if (value.n > 0) {
            star_known(s, LEARNED_CREDENTIAL, h->text + (value.p - h->text), value.n);
        }
    }
}

void
secrets_hide(struct facts *f)
{
    struct secrets *s = secrets_new(&f->question, false);
    for (size_t i = 0; i < f->count; i++) {
        hide(s, f->results[i].url);
        if (f->results[i].http != NULL) {
            hide_in_answer(s, f->results[i].http);
        }
    }
    secrets_free(&s);
}

/* ---- home folders ---- */

/* Length of a home folder's path at the start of `rest`; 0: there is none. */
static size_t
home_length(const struct secrets *s, struct str rest)
{
    struct str home = str_of(s->home);
    size_t n = 0;
    if (home.n > 0 && str_starts(rest, home)) {
        n = home.n;
    } else if (str_starts(rest, STR("/home/"))) {
        n = first_of(rest.p, rest.n, STR("/home/").n, "/'\" ");
        n = n == STR("/home/").n ? 0 : n;
    }
    bool whole = n == rest.n || !ascii_is_alnum(rest.p[n]);
    return whole ? n : 0;
}

void
secrets_add_home(const struct secrets *s, struct str path, struct buf *out)
{
    for (size_t at = 0; at < path.n;) {
        size_t home = path.p[at] == '/' ? home_length(s, str_sub(path, at, path.n)) : 0;
        buf_add_char(out, home > 0 ? '~' : path.p[at]);
        at += home > 0 ? home : 1;
    }
}
