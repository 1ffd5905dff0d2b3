/* SPDX-License-Identifier: Apache-2.0
 * Intrusive doubly linked list with a head node. A node that is on no list points to itself. */
#pragma once

#include "base/assert.h"
#include "base/defs.h"

struct list {
    struct list *next;
    struct list *prev;
};

static inline void
list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void
list_insert_after(struct list *at, struct list *node)
{
    ASSERT_DEBUG(node->next == node);
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}

/* Front: last in, first out. Back: first in, first out. */
static inline void
list_push_front(struct list *head, struct list *node)
{
    list_insert_after(head, node);
}

static inline void
list_push_back(struct list *head, struct list *node)
{
    list_insert_after(head->prev, node);
}

/* Harmless when the node is on no list. */
static inline void
list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *
list_first(struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

static inline struct list *
list_last(struct list *head)
{
    return list_empty(head) ? NULL : head->prev;
}

#define LIST_FOR(node, head)                                                                       \
    for (struct list *node = (head)->next; node != (head); node = node->next)

/* The current node may be removed inside the loop. */
#define LIST_FOR_SAFE(node, head)                                                                  \
    for (struct list *node = (head)->next, *node##_next_ = node->next; node != (head);             \
         node = node##_next_, node##_next_ = node->next)
