/* SPDX-License-Identifier: Apache-2.0
 * The model's life: its memory, its references, its lookups. */
#include "model/model.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

/* Memory comes in blocks that never move; all die with the model. */
struct model_block {
    struct model_block *next; /* owned: the older one */
    size_t size;
    size_t used;
    _Alignas(max_align_t) char bytes[];
};

struct model_memory {
    struct model_block *newest; /* owned */
};

enum { MODEL_BLOCK_BYTES = 16 * 1024, MODEL_ALIGN = _Alignof(max_align_t) };

struct model *
model_new(void)
{
    struct model *m = xalloc(sizeof(*m));
    m->memory = xalloc(sizeof(*m->memory));
    m->references = 1;
    return m;
}

struct model *
model_ref(struct model *m)
{
    ASSERT(m->references > 0);
    m->references++;
    return m;
}

void
model_unref(struct model **m)
{
    struct model *gone = *m;
    *m = NULL;
    if (gone == NULL) {
        return;
    }
    ASSERT(gone->references > 0);
    if (--gone->references > 0) {
        return;
    }
    for (struct model_block *b = gone->memory->newest; b != NULL;) {
        struct model_block *older = b->next;
        xfree(b);
        b = older;
    }
    xfree(gone->memory);
    xfree(gone);
}

static struct model_block *
block_new(struct model_memory *memory, size_t at_least)
{
    size_t size = MAX_OF((size_t)MODEL_BLOCK_BYTES, at_least);
    struct model_block *b = xalloc(sizeof(*b) + size);
    b->size = size;
    b->next = memory->newest;
    memory->newest = b;
    return b;
}

void *
model_alloc(struct model *m, size_t size)
{
    size_t rounded = (MAX_OF(size, (size_t)1) + MODEL_ALIGN - 1) & ~(size_t)(MODEL_ALIGN - 1);
    ASSERT(rounded >= size);
    struct model_block *b = m->memory->newest;
    if (b == NULL || b->size - b->used < rounded) {
        b = block_new(m->memory, rounded);
    }
    void *p = b->bytes + b->used;
    b->used += rounded;
    return p;
}

struct str
model_dup(struct model *m, struct str s)
{
    char *copy = model_alloc(m, s.n + 1);
    if (s.n > 0) {
        memcpy(copy, s.p, s.n);
    }
    return (struct str){copy, s.n};
}

struct str
model_printf(struct model *m, const char *fmt, ...)
{
    ASSERT(fmt != NULL);
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(n >= 0);
    char *text = model_alloc(m, (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, fmt, again); /* its length is known */
    va_end(again);
    return (struct str){text, (size_t)n};
}

struct load_balancer *
model_load_balancer(const struct model *m, struct str arn)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        if (str_eq(m->load_balancers[i].arn, arn)) {
            return &m->load_balancers[i];
        }
    }
    return NULL;
}

struct listener *
model_listener(const struct model *m, struct str arn)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        struct load_balancer *lb = &m->load_balancers[i];
        for (size_t j = 0; j < lb->listener_count; j++) {
            if (str_eq(lb->listeners[j].arn, arn)) {
                return &lb->listeners[j];
            }
        }
    }
    return NULL;
}

struct listener *
model_listener_by_slot(const struct model *m, uint32_t slot)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        struct load_balancer *lb = &m->load_balancers[i];
        for (size_t j = 0; j < lb->listener_count; j++) {
            if (lb->listeners[j].slot == slot) {
                return &lb->listeners[j];
            }
        }
    }
    return NULL;
}

struct target_group *
model_target_group(const struct model *m, struct str arn)
{
    for (size_t i = 0; i < m->target_group_count; i++) {
        if (str_eq(m->target_groups[i].arn, arn)) {
            return &m->target_groups[i];
        }
    }
    return NULL;
}

struct certificate *
model_certificate(const struct model *m, struct str arn)
{
    for (size_t i = 0; i < m->certificate_count; i++) {
        if (str_eq(m->certificates[i].arn, arn)) {
            return &m->certificates[i];
        }
    }
    return NULL;
}
