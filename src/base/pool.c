/* SPDX-License-Identifier: Apache-2.0
 * Pools of fixed-size objects, made in slabs. */
#include "base/pool.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { SLAB_BYTES = 64 * 1024, ALIGN = 16 };

void
pool_init(struct pool *p, const char *name, size_t size, size_t max)
{
    size_t rounded = (MAX_OF(size, sizeof(void *)) + ALIGN - 1) / ALIGN * ALIGN;
    *p = (struct pool){.name = name, .size = rounded, .max = max};
}

void
pool_done(struct pool *p)
{
    ASSERT(p->used == 0);
    void *slab = p->slabs;
    while (slab != NULL) {
        void *next;
        memcpy(&next, slab, sizeof(next));
        xfree(slab);
        slab = next;
    }
    p->slabs = NULL;
    p->free_head = NULL;
    p->made = 0;
}

static void
free_push(struct pool *p, void *object)
{
    memcpy(object, &p->free_head, sizeof(void *));
    p->free_head = object;
    ASAN_POISON_MEMORY_REGION((char *)object + sizeof(void *), p->size - sizeof(void *));
}

static void
slab_make(struct pool *p)
{
    size_t count = MAX_OF((SLAB_BYTES - ALIGN) / p->size, (size_t)1);
    count = MIN_OF(count, p->max - p->made);
    char *slab = xalloc(ALIGN + count * p->size);
    memcpy(slab, &p->slabs, sizeof(void *));
    p->slabs = slab;
    for (size_t i = count; i > 0; i--) {
        free_push(p, slab + ALIGN + (i - 1) * p->size);
    }
    p->made += count;
}

void *
pool_get(struct pool *p)
{
    if (p->free_head == NULL) {
        if (p->made == p->max) {
            return NULL;
        }
        slab_make(p);
    }
    void *object = p->free_head;
    ASAN_UNPOISON_MEMORY_REGION((char *)object + sizeof(void *), p->size - sizeof(void *));
    memcpy(&p->free_head, object, sizeof(void *));
    p->used++;
    return object;
}

void
pool_put(struct pool *p, void *object)
{
    ASSERT(object != NULL);
    ASSERT(p->used > 0);
    p->used--;
    free_push(p, object);
}
