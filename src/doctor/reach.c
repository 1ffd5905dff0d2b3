/* SPDX-License-Identifier: Apache-2.0
 * From a name to an open connection. */
#include "doctor/reach.h"

#include "base/mem.h"

#include <netdb.h>

enum { ADDRESSES_MAX = 4 };

struct reach {
    struct run *run; /* borrowed */
    reach_check_fn *check;
    dial_fn *fn;
    void *context;             /* borrowed from the caller */
    struct dns_lookup *lookup; /* owned; NULL: over, or not needed */
    struct dial *dial;         /* owned; NULL: none under way */
    struct deferred soon;      /* tells of a failure that was known at once */
    uint16_t port;
    struct addr addrs[ADDRESSES_MAX];
    size_t count, next;
};

static void
reach_end(struct reach *r, enum dial_end end, int fd)
{
    dial_fn *fn = r->fn;
    void *context = r->context;
    reach_cancel(&r);
    fn(context, end, fd);
}

static void reach_dialled(void *context, enum dial_end end, int fd);

/* The next address; false: there is none that may be asked. */
static bool
reach_next(struct reach *r)
{
    while (r->next < r->count) {
        const struct addr *at = &r->addrs[r->next++];
        if (r->check == NULL || r->check(r->run, at)) {
            r->run->wish.at = *at;
            r->run->result.at = *at;
            r->dial = dial_start(r->run, 0, false, reach_dialled, r);
            return true;
        }
    }
    return false;
}

static void
reach_dialled(void *context, enum dial_end end, int fd)
{
    struct reach *r = context;
    r->dial = NULL;
    if (end == DIAL_OPEN || !reach_next(r)) {
        if (end == DIAL_OPEN) { /* an earlier address may have failed */
            r->run->result.error = 0;
            r->run->result.finish = FINISH_NONE;
        }
        reach_end(r, end, fd);
    }
}

static void
reach_soon(struct deferred *d)
{
    reach_end(CONTAINER_OF(d, struct reach, soon), DIAL_FAILED, -1);
}

static void
reach_found(void *context, const struct dns_lookup_result *found)
{
    struct reach *r = context;
    for (size_t i = 0; i < found->addr_count && r->count < ADDRESSES_MAX; i++) {
        r->addrs[r->count] = found->addrs[i];
        addr_set_port(&r->addrs[r->count++], r->port);
    }
    if (r->count == 0) {
        r->run->result.error = found->eai;
    }
    if (!reach_next(r)) {
        reach_end(r, DIAL_FAILED, -1);
    }
}

struct reach *
reach_start(struct run *run, const char *host, uint16_t port, reach_check_fn *check, dial_fn *fn,
            void *context)
{
    struct reach *r = xalloc(sizeof(*r));
    *r = (struct reach){.run = run, .check = check, .fn = fn, .context = context, .port = port};
    deferred_init(&r->soon, reach_soon);
    bool under_way;
    if (addr_parse(str_of(host), port, &r->addrs[0])) {
        r->count = 1;
        under_way = reach_next(r);
    } else {
        under_way = dns_lookup_start(run_loop(run), host, run_question(run)->family, reach_found, r,
                                     &r->lookup, NULL) == ERR_OK;
        run->result.error = under_way ? 0 : EAI_NONAME;
    }
    if (!under_way) {
        loop_defer(run_loop(run), &r->soon);
    }
    return r;
}

void
reach_cancel(struct reach **reach)
{
    struct reach *r = *reach;
    if (r != NULL) {
        dns_lookup_cancel(&r->lookup);
        dial_cancel(&r->dial);
        deferred_cancel(&r->soon);
        xfree(r);
        *reach = NULL;
    }
}
