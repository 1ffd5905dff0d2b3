/* SPDX-License-Identifier: Apache-2.0
 * Values put into sentences. */
#include "text/text_int.h"

static void
add_value(struct buf *out, enum text_escape escape, struct str value)
{
    switch (escape) {
    case TEXT_PLAIN: buf_add_str(out, value); break;
    case TEXT_TERMINAL: text_add_safe(out, value); break;
    case TEXT_HTML: text_add_html(out, value); break;
    }
}

static void
add_sentence(struct buf *out, enum text_escape escape, struct str piece)
{
    if (escape == TEXT_HTML) {
        text_add_html_own(out, piece);
    } else {
        buf_add_str(out, piece);
    }
}

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '_';
}

/* The name in "{name}..." at the front; empty: no placeholder stands there. */
static struct str
name_at(struct str s)
{
    size_t n = 1;
    while (n < s.n && is_name_char(s.p[n])) {
        n++;
    }
    return n < s.n && s.p[n] == '}' ? str_sub(s, 1, n - 1) : STR_NONE;
}

static const struct text_arg *
arg_find(const struct text_arg *args, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_of(args[i].key), name)) {
            return &args[i];
        }
    }
    return NULL;
}

/* Writes what the brace at the front stands for; returns how many bytes of `s` that was. */
static size_t
add_brace(struct buf *out, enum text_escape escape, struct str s, const struct text_arg *args,
          size_t count)
{
    struct str name = name_at(s);
    const struct text_arg *arg = name.n > 0 ? arg_find(args, count, name) : NULL;
    if (arg != NULL) {
        add_value(out, escape, arg->value);
        return name.n + 2;
    }
    buf_add_char(out, '{');
    return str_starts(s, STR("{{")) ? 2 : 1;
}

void
text_fill_as(struct buf *out, enum text_escape escape, const char *template,
             const struct text_arg *args, size_t count)
{
    struct str rest = str_of(template);
    size_t at;
    while (str_find_char(rest, '{', &at)) {
        add_sentence(out, escape, str_sub(rest, 0, at));
        rest = str_sub(rest, at, rest.n);
        rest = str_sub(rest, add_brace(out, escape, rest, args, count), rest.n);
    }
    add_sentence(out, escape, rest);
}

void
text_fill(struct buf *out, const char *template, const struct text_arg *args, size_t count)
{
    text_fill_as(out, TEXT_PLAIN, template, args, count);
}

/* At most `max` bytes, without half a character at the end. */
static struct str
cut_bytes(struct str s, size_t max)
{
    if (s.n <= max) {
        return s;
    }
    while (max > 0 && ((uint8_t)s.p[max] & 0xC0) == 0x80) {
        max--;
    }
    return str_sub(s, 0, max);
}

enum err
text_err(struct errinfo *reterr, enum err e, const char *msgid, const struct text_arg *args,
         size_t count)
{
    if (reterr == NULL) {
        return e;
    }
    struct buf sentence AUTO(buf_free) = {0};
    text_fill_as(&sentence, TEXT_TERMINAL, tr(msgid), args, count);
    struct str cut = cut_bytes(buf_str(&sentence), sizeof(reterr->text) - 1);
    return err_set(reterr, e, "%.*s", STR_ARG(cut));
}
