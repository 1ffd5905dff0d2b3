/* SPDX-License-Identifier: Apache-2.0
 * Text builders. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

void
buf_free(struct buf *b)
{
    xfree(b->p);
    *b = (struct buf){.max = b->max};
}

void
buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
    if (b->p != NULL) {
        b->p[0] = '\0';
    }
}

/* Makes room for n more bytes and a NUL; false when the maximum forbids it. */
static bool
buf_reserve(struct buf *b, size_t n)
{
    size_t max = b->max == 0 ? BUF_MAX_DEFAULT : b->max;
    if (b->overflow || n > max || b->n > max - n) {
        b->overflow = true;
        return false;
    }
    if (b->n + n + 1 > b->cap) {
        size_t cap = MAX_OF(b->cap * 2, b->n + n + 1);
        b->p = xrealloc(b->p, MAX_OF(cap, (size_t)64));
        b->cap = MAX_OF(cap, (size_t)64);
    }
    return true;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_reserve(b, n)) {
        return;
    }
    if (n > 0) {
        memcpy(b->p + b->n, p, n);
    }
    b->n += n;
    b->p[b->n] = '\0';
}

void
buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void
buf_add_z(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void
buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = NULL;
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) {
        b->overflow = true;
        return;
    }
    buf_add(b, text, (size_t)n);
    xfree(text);
}

struct str
buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

char *
buf_take(struct buf *b)
{
    char *text = b->p == NULL ? xstrdup("") : b->p;
    *b = (struct buf){.max = b->max};
    return text;
}

void
out_u64(struct out *o, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    out_bytes(o, digits + at, sizeof(digits) - at);
}

void
out_hex(struct out *o, uint64_t value, unsigned digits)
{
    char text[16];
    unsigned n = MIN_OF(digits, 16u);
    for (unsigned i = 0; i < n; i++) {
        text[n - 1 - i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    out_bytes(o, text, n);
}
