/* SPDX-License-Identifier: Apache-2.0
 * Arenas in pooled chunks. */
#include "base/arena.h"

#include "base/assert.h"
#include "base/mem.h"

struct arena_chunk {
    struct arena_chunk *next;
    size_t used; /* bytes of the whole chunk, this head included */
};

enum { ALIGN = 8, CHUNK_ROOM = ARENA_CHUNK - sizeof(struct arena_chunk) };

void
arena_init(struct arena *a, struct pool *chunks, size_t max_bytes)
{
    ASSERT(chunks->size >= ARENA_CHUNK);
    *a = (struct arena){.pool = chunks, .max = max_bytes};
}

void
arena_done(struct arena *a)
{
    while (a->chunk != NULL) {
        struct arena_chunk *chunk = a->chunk;
        a->chunk = chunk->next;
        pool_put(a->pool, chunk);
    }
    while (a->large != NULL) {
        void *block = a->large;
        memcpy(&a->large, block, sizeof(void *));
        xfree(block);
    }
    a->bytes = 0;
}

/* Blocks over a chunk's size are rare (heads of many kilobytes) and come from the heap. */
static void *
large_alloc(struct arena *a, size_t size)
{
    char *block = xalloc(size + 16);
    memcpy(block, &a->large, sizeof(void *));
    a->large = block;
    a->bytes += size;
    return block + 16;
}

void *
arena_alloc(struct arena *a, size_t size)
{
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (size > a->max || a->bytes > a->max - size) {
        return NULL;
    }
    if (size > CHUNK_ROOM) {
        return large_alloc(a, size);
    }
    if (a->chunk == NULL || ARENA_CHUNK - a->chunk->used < size) {
        struct arena_chunk *chunk = pool_get(a->pool);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->next = a->chunk;
        chunk->used = sizeof(*chunk);
        a->chunk = chunk;
        a->bytes += ARENA_CHUNK;
    }
    void *p = (char *)a->chunk + a->chunk->used;
    a->chunk->used += size;
    return p;
}

void
arena_trim(struct arena *a, void *newest, size_t size, size_t used)
{
    ASSERT(used <= size);
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    used = (used + ALIGN - 1) / ALIGN * ALIGN;
    if (size > CHUNK_ROOM) {
        return; /* a block of its own */
    }
    ASSERT((char *)newest + size == (char *)a->chunk + a->chunk->used);
    a->chunk->used -= size - used;
}

struct str
arena_dup(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n);
    if (p == NULL) {
        return STR_NONE;
    }
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    return (struct str){p, s.n};
}
