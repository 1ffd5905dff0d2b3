/* SPDX-License-Identifier: Apache-2.0
 * How functions fail. A function that can fail for more than one reason returns `enum err` and is
 * MUST_USE; where a human will read the reason its last parameter is `struct errinfo *reterr`. */
#pragma once

#include "base/defs.h"

enum err {
#define ERR(name, text) ERR_##name,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

/* "ERR_INVALID" and the sentence beside it; both static. */
const char *err_name(enum err e);
const char *err_text(enum err e);

/* One sentence for a human: the offending value in quotes, where, what would be allowed. */
struct errinfo {
    char text[768];
};

/* Formats the sentence (cut if too long) and returns `e`, so that `return err_set(...)` works.
 * `reterr` may be NULL. */
enum err err_set(struct errinfo *reterr, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Same, with ": strerror(errno)" appended; returns ERR_SYSTEM. */
enum err err_errno(struct errinfo *reterr, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Returns from the calling function when the call fails. The only macro with a hidden return. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (UNLIKELY(try_err_ != ERR_OK)) {                                                        \
            return try_err_;                                                                       \
        }                                                                                          \
    } while (0)

/* Result of stream calls: would-block is not an error. */
enum io {
    IO_DONE,  /* some bytes were moved */
    IO_AGAIN, /* nothing now; an event will follow */
    IO_EOF,   /* the other side will send no more */
    IO_FAIL,  /* broken; errno or the TLS error tells why */
};
