/* SPDX-License-Identifier: Apache-2.0
 * getaddrinfo in a thread of its own: the C library's answer without waiting for it. */
#include "dns/dns_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOKUP_REFS = 2, LOOKUP_STACK_BYTES = 512 * 1024 };

/* What the thread and the loop share: the thread writes `result`, then the event; the loop reads
 * `result` after it. Whoever leaves last frees it. */
struct lookup_shared {
    atomic_int refs;
    int event_fd; /* owned */
    char name[DNS_NAME_TEXT];
    int family;
    struct dns_lookup_result result;
};

struct dns_lookup {
    struct loop *loop;            /* borrowed */
    struct lookup_shared *shared; /* shared (ref) */
    struct loop_io io;
    dns_lookup_fn *fn;
    void *context; /* borrowed from the caller */
    uint64_t start_us;
};

static void
shared_unref(struct lookup_shared *shared)
{
    if (atomic_fetch_sub(&shared->refs, 1) == 1) {
        close(shared->event_fd);
        xfree(shared);
    }
}

/* ---- the thread ---- */

static void
lookup_take(struct dns_lookup_result *result, const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6) {
            continue;
        }
        if (result->addr_count == DNS_LOOKUP_ADDRS_MAX) {
            result->more++;
            continue;
        }
        result->addrs[result->addr_count++] = addr_from_sockaddr(a->ai_addr);
    }
}

static void *
lookup_thread(void *context)
{
    struct lookup_shared *shared = context;
    struct addrinfo hints = {.ai_family = shared->family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    errno = 0;
    shared->result.eai = getaddrinfo(shared->name, NULL, &hints, &list);
    shared->result.error = shared->result.eai == EAI_SYSTEM ? errno : 0;
    if (shared->result.eai == 0) {
        lookup_take(&shared->result, list);
        freeaddrinfo(list);
    }
    int rc = eventfd_write(shared->event_fd, 1); /* the counter is 0: it neither fails nor waits */
    ASSERT(rc == 0);
    shared_unref(shared);
    return NULL;
}

/* Signals stay with the loop's thread. */
static int
thread_begin(struct lookup_shared *shared)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int rc = pthread_attr_init(&attr);
    if (rc != 0) {
        return rc;
    }
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED); /* a valid state */
    (void)pthread_attr_setstacksize(&attr, LOOKUP_STACK_BYTES);        /* a valid size */
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before); /* cannot fail with valid arguments */
    pthread_t thread;
    rc = pthread_create(&thread, &attr, lookup_thread, shared);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return rc;
}

/* ---- the loop's side ---- */

static void
lookup_event(struct loop_io *io, uint32_t events)
{
    (void)events; /* an eventfd is only ever readable */
    struct dns_lookup *lookup = CONTAINER_OF(io, struct dns_lookup, io);
    eventfd_t value;
    if (eventfd_read(lookup->shared->event_fd, &value) != 0) {
        return; /* nothing yet */
    }
    loop_io_forget(lookup->loop, io);
    struct dns_lookup_result *result = &lookup->shared->result;
    result->time_us = loop_now_us(lookup->loop) - lookup->start_us;
    result->why = result->eai == 0 ? "" : gai_strerror(result->eai);
    lookup->fn(lookup->context, result); /* may have freed it */
}

enum err
dns_lookup_start(struct loop *loop, const char *name, int family, dns_lookup_fn *fn, void *context,
                 struct dns_lookup **ret_lookup, struct errinfo *reterr)
{
    ASSERT(fn != NULL);
    ASSERT(family == AF_UNSPEC || family == AF_INET || family == AF_INET6);
    if (str_of(name).n >= DNS_NAME_TEXT) {
        return err_set(reterr, ERR_INVALID, "\"%s\" is too long for a host name", name);
    }
    int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        return err_errno(reterr, "cannot make an eventfd");
    }
    struct lookup_shared *shared = xalloc(sizeof(*shared));
    *shared = (struct lookup_shared){.event_fd = event_fd, .family = family};
    atomic_init(&shared->refs, LOOKUP_REFS);
    name_copy(shared->name, name);
    struct dns_lookup *lookup = xalloc(sizeof(*lookup));
    *lookup = (struct dns_lookup){.loop = loop, .shared = shared, .fn = fn, .context = context};
    lookup->start_us = loop_now_us(loop);
    bool watched = loop_io_watch(loop, &lookup->io, event_fd, EPOLLIN, lookup_event);
    int rc = watched ? thread_begin(shared) : errno;
    if (rc != 0) {
        shared_unref(shared); /* the thread's, which is not there */
        dns_lookup_cancel(&lookup);
        errno = rc;
        return err_errno(reterr, "cannot start a thread that looks a name up");
    }
    *ret_lookup = lookup;
    return ERR_OK;
}

void
dns_lookup_cancel(struct dns_lookup **lookup)
{
    if (*lookup == NULL) {
        return;
    }
    loop_io_forget((*lookup)->loop, &(*lookup)->io);
    shared_unref((*lookup)->shared);
    xfree(*lookup);
    *lookup = NULL;
}
