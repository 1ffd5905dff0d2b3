/* SPDX-License-Identifier: Apache-2.0
 * Arenas: memory that dies together, in chunks from a pool, with a limit. One per request. Nothing
 * that outlives the request may point into it. */
#pragma once

#include "base/defs.h"
#include "base/pool.h"
#include "base/str.h"

enum { ARENA_CHUNK = 4096 };

struct arena_chunk;
struct arena {
    struct pool *pool;         /* borrowed: objects of ARENA_CHUNK bytes */
    struct arena_chunk *chunk; /* owned: the newest */
    void *large;               /* owned: blocks too large for a chunk */
    size_t bytes;              /* handed out so far, chunks counted whole */
    size_t max;
};

void arena_init(struct arena *a, struct pool *chunks, size_t max_bytes);
void arena_done(struct arena *a); /* frees all; the arena may be used again */
/* Aligned to 8, undefined content; NULL when the limit or the pool is exhausted. */
void *arena_alloc(struct arena *a, size_t size) MUST_USE;
/* Gives back the tail of the newest allocation, which `used` bytes of are kept. */
void arena_trim(struct arena *a, void *newest, size_t size, size_t used);
struct str arena_dup(struct arena *a, struct str s); /* STR_NONE (p NULL) when there is no room */
