/* SPDX-License-Identifier: Apache-2.0
 * Header lines into names and values, with the class of each [data-plane 6.4]. */
#include "http/h1_int.h"

#include "base/assert.h"

struct lines {
    char *begin;
    char *end;
    struct http_headers *headers;
    struct h1_fields *fields;
};

/* From `q` to the LF of its line; which kinds of bytes it met goes into *ret_flags. A complete line
 * ends with LF, so it never runs over the end, and behind a CR there is always a byte. */
static char *
line_end(char *q, const char *end, uint16_t *ret_flags)
{
    for (;;) {
        q += clean_run(q, end, 0x20);
        ASSERT(q < end);
        switch (*q) {
        case '\n': return q;
        case '\t': break;
        case '\r':
            if (q[1] == '\n') {
                return q + 1;
            }
            *ret_flags |= HEADER_BAD | HEADER_DROP;
            break;
        case '\0': *ret_flags |= HEADER_BAD | HEADER_DROP; break;
        default: *ret_flags |= HEADER_NONCOMPLIANT; break;
        }
        q++;
    }
}

/* The text between, without line end and blanks around. */
static struct str
text_of(const char *q, const char *lf, struct h1_fields *f)
{
    while (char_is_blank(*q)) {
        q++;
    }
    if (UNLIKELY(lf == q || lf[-1] != '\r')) {
        desync_note(&f->desync, DESYNC_NonCrLfLineTermination);
    }
    const char *stop = lf - (lf > q && lf[-1] == '\r');
    while (stop > q && char_is_blank(stop[-1])) {
        stop--;
    }
    return str_span(q, stop);
}

static void
note_bytes(struct h1_fields *f, uint16_t flags)
{
    if ((flags & HEADER_BAD) != 0) {
        desync_note(&f->desync, DESYNC_BadHeader);
    } else if ((flags & HEADER_NONCOMPLIANT) != 0) {
        desync_note(&f->desync, DESYNC_NonCompliantHeader);
    }
}

/* Cheap test that nearly all names fail: only then the letters are compared one by one. */
static bool
may_resemble(struct str name)
{
    if (name.n < sizeof("content-length") - 1) {
        return false;
    }
    char first = ascii_lower(name.p[0]);
    return first == 't' || first == 'c' || !ascii_is_alnum(first);
}

/* Flags for a name that only resembles one of the two framing headers [D2]. */
static uint16_t
lookalike_flags(struct h1_fields *f, struct str raw_name)
{
    if (!may_resemble(raw_name)) {
        return 0;
    }
    enum resemblance like = desync_resemblance(raw_name);
    if (like == RESEMBLES_NOTHING) {
        return 0;
    }
    f->lookalike = true;
    desync_note(&f->desync, DESYNC_SuspiciousHeader);
    return HEADER_NONCOMPLIANT | (like == RESEMBLES_TE ? HEADER_LIKE_TE : HEADER_LIKE_CL);
}

static void
add(struct lines *l, struct str name, struct str value, enum header_id id, uint16_t flags)
{
    if (UNLIKELY(l->headers->count == LIMIT_HEADER_COUNT_MAX)) {
        l->fields->too_many = true;
        return;
    }
    if ((header_duties[id] & (DUTY_HOP | DUTY_FRAMING)) != 0) {
        flags |= HEADER_DROP;
    }
    l->fields->seen |= (uint64_t)1 << id;
    l->headers->items[l->headers->count++] =
        (struct http_header){.name = name, .value = value, .id = (uint16_t)id, .flags = flags};
}

/* ---- the rare kinds of lines ---- */

/* Appends a continuation to the value before it with one blank between [D5, RFC 9112 5.2]. */
static void
unfold(struct lines *l, struct str more)
{
    struct http_header *last = &l->headers->items[l->headers->count - 1];
    if (last->value.n == 0) {
        last->value = more;
    } else {
        char *to = l->begin + (last->value.p - l->begin) + last->value.n;
        *to = ' ';
        memmove(to + 1, more.p, more.n);
        last->value.n += 1 + more.n;
    }
    if (last->name.n + 2 + last->value.n >= LIMIT_HEADER_LINE_MAX) {
        l->fields->line_too_long = true;
    }
}

static void
blank_line_or_fold(struct lines *l, const char *line, const char *lf, uint16_t flags)
{
    struct str text = text_of(line, lf, l->fields);
    note_bytes(l->fields, flags);
    if (text.n == 0) {
        desync_note(&l->fields->desync, DESYNC_EmptyHeader); /* and nothing of it goes on */
        l->fields->bad_name = true;
        return;
    }
    if (l->headers->count == 0) {
        l->fields->leading_fold = true;
        return;
    }
    desync_note(&l->fields->desync, DESYNC_MultilineHeader);
    l->fields->folded = true;
    l->headers->items[l->headers->count - 1].flags |= flags;
    unfold(l, text);
}

/* A name with blanks behind it or with bytes that no name may hold. Blanks before the colon go
 * [D1]; a name that is no token even then is no well-formed line, and only those are forwarded [D].
 */
static void
odd_name(struct lines *l, struct str raw_name, struct str value, uint16_t flags)
{
    struct h1_fields *f = l->fields;
    struct str name = str_trim(raw_name);
    enum header_id id = header_lookup(name);
    if (!str_all(raw_name, CHAR_TOKEN)) {
        flags |= HEADER_NONCOMPLIANT;
    }
    note_bytes(f, flags);
    if (name.n == 0) {
        desync_note(&f->desync, DESYNC_EmptyHeader);
        flags |= HEADER_BAD;
    }
    if (name.n == 0 || !str_all(name, CHAR_TOKEN)) {
        f->bad_name = true;
        flags |= HEADER_DROP;
    }
    if ((flags & HEADER_BAD) == 0) {
        flags |= lookalike_flags(f, raw_name);
    }
    if ((header_duties[id] & DUTY_FRAMING) != 0) {
        f->blank_in_framing = true; /* without the blank it would be the real one [D2] */
        flags |= HEADER_DROP;
        id = HEADER_OTHER;
    }
    add(l, name, value, id, flags);
}

static char *
odd_line(struct lines *l, char *line)
{
    uint16_t flags = 0;
    char *lf = line_end(line, l->end, &flags);
    if (char_is_blank(*line)) {
        blank_line_or_fold(l, line, lf, flags);
        return lf + 1;
    }
    char *colon = memchr(line, ':', (size_t)(lf - line));
    if (colon == NULL) {
        note_bytes(l->fields, flags);
        l->fields->no_colon = true;
        return lf + 1;
    }
    odd_name(l, str_span(line, colon), text_of(colon + 1, lf, l->fields), flags);
    return lf + 1;
}

/* ---- the usual line ---- */

/* Returns where the next line begins. */
static char *
field_line(struct lines *l, char *line)
{
    struct h1_fields *f = l->fields;
    char *colon = line;
    while (char_is(*colon, CHAR_TOKEN)) { /* ends at the LF at the latest */
        colon++;
    }
    if (UNLIKELY(*colon != ':' || colon == line)) {
        return odd_line(l, line);
    }
    uint16_t flags = 0;
    char *lf = line_end(colon + 1, l->end, &flags);
    struct str name = str_span(line, colon);
    struct str value = text_of(colon + 1, lf, f);
    enum header_id id = header_lookup(name);
    if (UNLIKELY(flags != 0)) {
        note_bytes(f, flags);
    }
    if (id == HEADER_OTHER && (flags & HEADER_BAD) == 0) {
        flags |= lookalike_flags(f, name);
    }
    add(l, name, value, id, flags);
    return lf + 1;
}

void
h1_fields_parse(char *p, char *end, struct http_headers *ret_headers, struct h1_fields *ret_fields)
{
    ASSERT(p == end || end[-1] == '\n');
    struct lines l = {p, end, ret_headers, ret_fields};
    *ret_fields = (struct h1_fields){0};
    ret_headers->count = 0;
    while (p < end) {
        p = field_line(&l, p);
    }
}
