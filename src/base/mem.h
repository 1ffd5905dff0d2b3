/* SPDX-License-Identifier: Apache-2.0
 * The start-up and control-plane heap: failure ends the process with a message. The data path uses
 * pools and arenas instead (base/pool.h, base/arena.h). */
#pragma once

#include "base/defs.h"
#include "base/str.h"

void *xalloc(size_t size);              /* zeroed; never NULL */
void *xrealloc(void *old, size_t size); /* never NULL */
void xfree(void *p);                    /* NULL is fine */
char *xstrdup(const char *text);
char *xstrdup_str(struct str s); /* with a NUL behind */
char *xprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* For AUTO(xfree_ptr): frees what the pointer variable holds. */
void xfree_ptr(void *pointer_to_pointer);

/* Grows an array for one more element: `VEC_PUSH(items, count, cap)` returns its address, zeroed.
 */
#define VEC_PUSH(items, count, cap)                                                                \
    ({                                                                                             \
        if ((count) == (cap)) {                                                                    \
            (cap) = (cap) == 0 ? 8 : (cap)*2;                                                      \
            (items) = xrealloc((items), (cap) * sizeof(*(items)));                                 \
        }                                                                                          \
        memset(&(items)[(count)], 0, sizeof(*(items)));                                            \
        &(items)[(count)++];                                                                       \
    })
