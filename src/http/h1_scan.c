/* SPDX-License-Identifier: Apache-2.0
 * Finding the lines of a head, in one piece or byte by byte, within their limits. */
#include "http/h1_int.h"

#define HOST_TOKEN (CHAR_TOKEN | CHAR_HOST)
/* clang-format off */
const uint8_t h1_char_class[256] = {
    ['0' ... '9'] = HOST_TOKEN | CHAR_HEX,
    ['a' ... 'f'] = HOST_TOKEN | CHAR_HEX, ['g' ... 'z'] = HOST_TOKEN,
    ['A' ... 'F'] = HOST_TOKEN | CHAR_HEX, ['G' ... 'Z'] = HOST_TOKEN,
    ['!'] = HOST_TOKEN, ['#'] = CHAR_TOKEN, ['$'] = HOST_TOKEN, ['%'] = HOST_TOKEN,
    ['&'] = HOST_TOKEN, ['\''] = HOST_TOKEN, ['('] = CHAR_HOST, [')'] = CHAR_HOST,
    ['*'] = HOST_TOKEN, ['+'] = HOST_TOKEN, [','] = CHAR_HOST, ['-'] = HOST_TOKEN,
    ['.'] = HOST_TOKEN, [';'] = CHAR_HOST, ['='] = CHAR_HOST, ['^'] = CHAR_TOKEN,
    ['_'] = HOST_TOKEN, ['`'] = CHAR_TOKEN, ['|'] = CHAR_TOKEN, ['~'] = HOST_TOKEN,
};
/* clang-format on */

bool
str_all(struct str s, enum char_class which)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!char_is(s.p[i], which)) {
            return false;
        }
    }
    return true;
}

/* Where the next line end is; NULL when there is none yet, and then all is looked at. */
static const char *
next_line_end(struct h1_scan *scan, const char *p, size_t n)
{
    const char *lf = scan->at < n ? memchr(p + scan->at, '\n', n - scan->at) : NULL;
    scan->at = lf == NULL ? n : (size_t)(lf - p) + 1;
    return lf;
}

enum h1_result
h1_first_line(struct h1_scan *scan, const char *p, size_t n, struct str *ret_line)
{
    const char *begin = p + scan->line_start;
    const char *lf = next_line_end(scan, p, n);
    const char *end = lf == NULL ? p + n : lf;
    *ret_line = (struct str){begin, line_length(begin, end)};
    return lf == NULL ? H1_MORE : H1_DONE;
}

/* A CR at the end of what has come so far is not counted: it may belong to the line end. So a head
 * is refused for the same reason however it was cut into pieces. */
static bool
within(const struct h1_limits *limits, size_t line, size_t total_end)
{
    return line <= limits->line_max && total_end - limits->total_from <= limits->total_max;
}

enum h1_result
h1_lines_scan(struct h1_scan *scan, const char *p, size_t n, const struct h1_limits *limits)
{
    for (;;) {
        const char *begin = p + scan->line_start;
        const char *lf = next_line_end(scan, p, n);
        size_t length = line_length(begin, lf == NULL ? p + n : lf);
        if (!within(limits, length, scan->at)) {
            return H1_FAULT;
        }
        if (lf == NULL) {
            return H1_MORE;
        }
        if (length == 0) {
            return H1_DONE;
        }
        scan->lines += !char_is_blank(*begin);
        if (scan->lines > LIMIT_HEADER_COUNT_MAX) {
            return H1_FAULT;
        }
        scan->line_start = scan->at;
    }
}
