/* SPDX-License-Identifier: Apache-2.0
 * Pools: fixed-size objects with a maximum count. An empty pool means "refuse new work", never
 * abort. Freed objects are reused last in, first out; memory goes back to the system only with
 * the pool. One thread. */
#pragma once

#include "base/defs.h"

struct pool {
    const char *name; /* borrowed */
    size_t size;      /* of one object */
    size_t max;       /* objects at once */
    size_t used;
    size_t made;
    void *free_head; /* owned: linked through the objects' first word */
    void *slabs;     /* owned: linked through the slabs' first word */
};

void pool_init(struct pool *p, const char *name, size_t size, size_t max);
void pool_done(struct pool *p); /* all objects must be back */
/* An object with undefined content, or NULL when `max` are in use. */
void *pool_get(struct pool *p) MUST_USE;
void pool_put(struct pool *p, void *object);
