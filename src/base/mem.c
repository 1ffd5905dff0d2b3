/* SPDX-License-Identifier: Apache-2.0
 * The start-up heap. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void NORETURN
out_of_memory(size_t size)
{
    fprintf(stderr, "openalb: out of memory (%zu bytes wanted)\n", size);
    abort();
}

void *
xalloc(size_t size)
{
    void *p = calloc(1, size == 0 ? 1 : size);
    if (p == NULL) {
        out_of_memory(size);
    }
    return p;
}

void *
xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size == 0 ? 1 : size);
    if (p == NULL) {
        out_of_memory(size);
    }
    return p;
}

void
xfree(void *p)
{
    free(p);
}

void
xfree_ptr(void *pointer_to_pointer)
{
    void *p;
    memcpy(&p, pointer_to_pointer, sizeof(p));
    free(p);
}

char *
xstrdup(const char *text)
{
    return xstrdup_str(str_of(text));
}

char *
xstrdup_str(struct str s)
{
    char *copy = xalloc(s.n + 1);
    if (s.n > 0) {
        memcpy(copy, s.p, s.n);
    }
    return copy;
}

char *
xprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0) {
        out_of_memory(0);
    }
    return text;
}
