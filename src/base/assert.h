/* SPDX-License-Identifier: Apache-2.0
 * Assertions: our own broken invariants end the process, in every build. Never for input,
 * allocation, system calls or anything a peer, a file or an operator controls. */
#pragma once

#include "base/defs.h"

/* Always compiled in. */
#define ASSERT(x)                                                                                  \
    do {                                                                                           \
        if (UNLIKELY(!(x))) {                                                                      \
            assert_failed(#x, __FILE__, __LINE__, __func__);                                       \
        }                                                                                          \
    } while (0)

/* Dear checks: only when built with -DOPENALB_DEBUG (developer mode, tests, fuzzing). */
#ifdef OPENALB_DEBUG
#define ASSERT_DEBUG(x) ASSERT(x)
#else
#define ASSERT_DEBUG(x) ((void)0)
#endif

/* A branch that cannot be reached, with the reason why not. */
#define NEVER(why) assert_failed("never: " why, __FILE__, __LINE__, __func__)

/* Prints expression, place, process and what it was doing, then aborts. */
void assert_failed(const char *expression, const char *file, int line, const char *function)
    NORETURN;

/* What the process is doing right now, for the panic message. The text must outlive its use. */
void assert_doing(const char *what);

/* Objects that travel through a `void *` carry a magic number as their first field. */
#define OBJ_CAST(type, magic_value, ptr)                                                           \
    ({                                                                                             \
        type *obj_ = (type *)(ptr);                                                                \
        ASSERT(obj_ != NULL);                                                                      \
        ASSERT(obj_->magic == (magic_value));                                                      \
        obj_;                                                                                      \
    })
