/* SPDX-License-Identifier: Apache-2.0
 * A growing text builder for the control plane, tools and pages: owned bytes on the heap, always
 * NUL-terminated, with a maximum. Going over the maximum sets `overflow` and drops what is added
 * after; check once at the end. The data path writes with `struct out` (below) instead. */
#pragma once

#include "base/defs.h"
#include "base/str.h"

struct buf {
    char *p; /* owned; NULL until the first byte */
    size_t n;
    size_t cap;
    size_t max; /* 0: BUF_MAX_DEFAULT */
    bool overflow;
};

enum { BUF_MAX_DEFAULT = 64 << 20 };

void buf_free(struct buf *b); /* also empties it; fit for AUTO */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_z(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str buf_str(const struct buf *b);
/* Hands the NUL-terminated text over to the caller (xfree it) and empties the builder. */
char *buf_take(struct buf *b);

/* A cursor into a fixed buffer, for the data path. Writing past the end sets `full` and keeps the
 * cursor where it is; check once at the end. */
struct out {
    char *p;
    char *end;
    bool full;
};

static inline struct out
out_of(char *p, size_t size)
{
    return (struct out){p, p + size, false};
}

static inline void
out_bytes(struct out *o, const char *p, size_t n)
{
    if (UNLIKELY((size_t)(o->end - o->p) < n)) {
        o->full = true;
        return;
    }
    if (n > 0) {
        memcpy(o->p, p, n);
    }
    o->p += n;
}

static inline void
out_str(struct out *o, struct str s)
{
    out_bytes(o, s.p, s.n);
}

#define OUT_LIT(o, literal) out_bytes((o), ("" literal), sizeof(literal) - 1)

static inline void
out_char(struct out *o, char c)
{
    out_bytes(o, &c, 1);
}

void out_u64(struct out *o, uint64_t value);
void out_hex(struct out *o, uint64_t value, unsigned digits); /* lower case, zero padded */
