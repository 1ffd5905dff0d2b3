/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: whatever the bytes, what is made safe is printable and stays as it is when made safe
 * again, HTML has no character of its own left, and wrapping loses nothing but blanks. */
#include "text/text_int.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_safe(struct str bytes)
{
    struct buf once AUTO(buf_free) = {0};
    struct buf twice AUTO(buf_free) = {0};
    text_add_safe(&once, bytes);
    text_add_safe(&twice, buf_str(&once));
    ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    ASSERT(text_utf8_valid(buf_str(&once)));
    for (size_t i = 0; i < once.n; i++) {
        ASSERT((uint8_t)once.p[i] >= 0x20 && once.p[i] != 0x7f);
    }
}

static void
check_html(struct str bytes)
{
    struct buf html AUTO(buf_free) = {0};
    struct buf own AUTO(buf_free) = {0};
    text_add_html(&html, bytes);
    text_add_html_own(&own, bytes);
    ASSERT(text_utf8_valid(buf_str(&html)) && text_utf8_valid(buf_str(&own)));
    for (size_t i = 0; i < html.n; i++) {
        ASSERT((uint8_t)html.p[i] >= 0x20);
        ASSERT(strchr("<>\"'", html.p[i]) == NULL);
    }
}

/* A value never becomes part of the sentence's own syntax. */
static void
check_fill(struct str bytes, char *template)
{
    struct buf value AUTO(buf_free) = {0};
    struct buf any AUTO(buf_free) = {0};
    text_fill(&value, "{x}", TEXT_ARGS({"x", bytes}));
    ASSERT(str_eq(buf_str(&value), bytes));
    text_fill_as(&any, TEXT_HTML, template, TEXT_ARGS({"x", bytes}, {"y", STR("y")}));
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\n';
}

/* The same bytes, blanks and line ends left out of both. */
static void
check_kept(struct str from, struct str wrapped)
{
    size_t at = 0;
    for (size_t i = 0; i < wrapped.n; i++) {
        if (is_blank(wrapped.p[i])) {
            continue;
        }
        while (at < from.n && is_blank(from.p[at])) {
            at++;
        }
        ASSERT(at < from.n && from.p[at] == wrapped.p[i]);
        at++;
    }
    for (; at < from.n; at++) {
        ASSERT(is_blank(from.p[at]));
    }
}

/* A line is wider than asked only where it could not be broken: it has no blank to break at. */
static void
check_widths(struct str wrapped, unsigned width)
{
    struct str line;
    while (str_cut(&wrapped, '\n', &line)) {
        ASSERT(line.n == 0 || line.p[line.n - 1] != ' ');
        ASSERT(text_width(line) <= width || !str_find(str_trim(line), STR(" "), NULL));
    }
}

static void
check_wrap(struct str bytes, unsigned width, unsigned indent)
{
    struct buf wrapped AUTO(buf_free) = {.max = 1 << 20};
    text_wrap(&wrapped, bytes, 0, indent, width);
    if (!wrapped.overflow) {
        check_kept(bytes, buf_str(&wrapped));
        check_widths(buf_str(&wrapped), width);
    }
}

/* The first two bytes are the width and the indent. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size};
    unsigned width = size > 0 ? data[0] % 100 : 40;
    unsigned indent = size > 1 ? data[1] % 50 : 0;
    struct str bytes = str_sub(all, 2, size);
    struct buf copy AUTO(buf_free) = {0};
    buf_add_str(&copy, bytes);
    buf_add_char(&copy, '\0');
    check_safe(bytes);
    check_html(bytes);
    check_fill(bytes, copy.p);
    check_wrap(bytes, width, indent);
    struct str cut = text_cut(bytes, width);
    ASSERT(text_width(cut) <= width && str_starts(bytes, cut));
    return 0;
}
