/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets and the plan of them. */
#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

static void
entry_unbind(struct listen_entry *e)
{
    for (unsigned i = 0; i < LISTEN_COPIES_MAX; i++) {
        if (e->fds[i] >= 0) {
            (void)close(e->fds[i]); /* others may hold the socket, too */
        }
        e->fds[i] = -1;
    }
}

static bool
entry_bound(const struct listen_entry *e)
{
    return e->fds[0] >= 0;
}

void
listen_plan_free(struct listen_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        entry_unbind(&plan->entries[i]);
    }
    xfree(plan->entries);
    *plan = (struct listen_plan){0};
}

void
listen_plan_add(struct listen_plan *plan, const struct listen_entry *entry)
{
    struct listen_entry *e = VEC_PUSH(plan->entries, plan->count, plan->cap);
    *e = *entry;
    for (unsigned i = 0; i < LISTEN_COPIES_MAX; i++) {
        e->fds[i] = -1;
    }
}

/* The first socket of an address does not share its port while it is bound, so that binding fails
 * when anyone else listens there: it is the probe as well. */
static bool
make_socket(const struct addr *addr, bool first, int *ret_fd)
{
    int on = 1;
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *ret_fd = fd;
    if (fd < 0) {
        return false;
    }
    /* REUSEADDR only ignores what lingers in TIME_WAIT. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (addr_is_v6(addr) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)) {
        return false;
    }
    if (!first && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
        return false;
    }
    if (bind(fd, &addr->sa, addr_len(addr)) != 0) {
        return false;
    }
    if (first && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
        return false;
    }
    return listen(fd, LISTEN_BACKLOG) == 0;
}

bool
listen_sockets(const struct addr *addr, unsigned copies, int *ret_fds)
{
    ASSERT(copies >= 1);
    ASSERT(copies <= LISTEN_COPIES_MAX);
    for (unsigned i = 0; i < copies; i++) {
        if (make_socket(addr, i == 0, &ret_fds[i])) {
            continue;
        }
        int saved = errno;
        for (unsigned j = 0; j <= i; j++) {
            if (ret_fds[j] >= 0) {
                (void)close(ret_fds[j]); /* never used */
            }
            ret_fds[j] = -1;
        }
        errno = saved;
        return false;
    }
    return true;
}

static bool
copy_sockets(const struct listen_entry *from, unsigned copies, int *ret_fds)
{
    for (unsigned i = 0; i < copies; i++) {
        ret_fds[i] = fcntl(from->fds[i], F_DUPFD_CLOEXEC, 0);
        if (ret_fds[i] < 0) {
            return false;
        }
    }
    return true;
}

static const struct listen_entry *
find_bound(const struct listen_plan *plan, size_t count, const struct addr *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (entry_bound(&plan->entries[i]) && addr_eq(&plan->entries[i].addr, addr)) {
            return &plan->entries[i];
        }
    }
    return NULL;
}

static bool
is_any(const struct addr *a)
{
    return addr_is_v6(a) ? IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr)
                         : a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Could binding `a` fail because `b` is bound? */
static bool
collides(const struct addr *a, const struct addr *b)
{
    if (addr_port(a) != addr_port(b) || addr_is_v6(a) != addr_is_v6(b)) {
        return false;
    }
    return addr_eq(a, b) || is_any(a) || is_any(b);
}

static const struct listen_entry *
find_holder(const struct listen_plan *plan, size_t count, const struct addr *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (entry_bound(&plan->entries[i]) && collides(&plan->entries[i].addr, addr)) {
            return &plan->entries[i];
        }
    }
    return NULL;
}

static enum err
refuse(const struct listen_entry *e, const struct listen_entry *holder, struct errinfo *reterr)
{
    int cause = errno;
    char where[ADDR_TEXT];
    char there[ADDR_TEXT];
    (void)addr_port_text(&e->addr, where);
    if (cause == EADDRINUSE && holder != NULL) {
        return err_set(reterr, ERR_BUSY,
                       "cannot listen on %s for listener %s:%u of load balancer '%s': listener "
                       "%s:%u of load balancer '%s' has %s",
                       where, e->protocol, addr_port(&e->addr), e->name, holder->protocol,
                       addr_port(&holder->addr), holder->name,
                       addr_port_text(&holder->addr, there));
    }
    errno = cause;
    return err_errno(reterr, "cannot listen on %s for listener %s:%u of load balancer '%s'", where,
                     e->protocol, addr_port(&e->addr), e->name);
}

static enum err
bind_entry(struct listen_plan *next, size_t at, const struct listen_plan *now, unsigned copies,
           struct errinfo *reterr)
{
    struct listen_entry *e = &next->entries[at];
    const struct listen_entry *twin = find_bound(next, at, &e->addr);
    if (twin != NULL) {
        errno = EADDRINUSE;
        return refuse(e, twin, reterr);
    }
    const struct listen_entry *same = find_bound(now, now->count, &e->addr);
    bool bound = same != NULL ? copy_sockets(same, copies, e->fds)
                              : listen_sockets(&e->addr, copies, e->fds);
    if (bound) {
        return ERR_OK;
    }
    int cause = errno;
    entry_unbind(e);
    errno = cause;
    const struct listen_entry *holder = find_holder(next, at, &e->addr);
    if (holder == NULL) {
        holder = find_holder(now, now->count, &e->addr);
    }
    return refuse(e, holder, reterr);
}

enum err
listen_plan_bind(struct listen_plan *next, const struct listen_plan *now, unsigned copies,
                 struct errinfo *reterr)
{
    for (size_t i = 0; i < next->count; i++) {
        ASSERT(!entry_bound(&next->entries[i]));
        enum err e = bind_entry(next, i, now, copies, reterr);
        if (e == ERR_OK) {
            continue;
        }
        for (size_t j = 0; j < i; j++) {
            entry_unbind(&next->entries[j]);
        }
        return e;
    }
    return ERR_OK;
}

static bool
contains(const struct listen_plan *plan, uint32_t slot, const struct addr *addr)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].slot == slot && addr_eq(&plan->entries[i].addr, addr)) {
            return true;
        }
    }
    return false;
}

static bool
covers(const struct listen_plan *a, const struct listen_plan *b, uint32_t slot)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->entries[i].slot == slot && !contains(a, slot, &b->entries[i].addr)) {
            return false;
        }
    }
    return true;
}

bool
listen_plan_same(const struct listen_plan *a, const struct listen_plan *b, uint32_t slot)
{
    return covers(a, b, slot) && covers(b, a, slot);
}

/* ---- the flat list ---- */

void
listen_plan_write(const struct listen_plan *plan, uint64_t version, struct buf *out)
{
    buf_addf(out, "openalb-listen 1 %llu\n", (unsigned long long)version);
    for (size_t i = 0; i < plan->count; i++) {
        const struct listen_entry *e = &plan->entries[i];
        char ip[ADDR_TEXT];
        buf_addf(out, "%u %s %u %s %s\n", e->slot, addr_text(&e->addr, ip), addr_port(&e->addr),
                 e->protocol, e->name);
    }
}

static bool
cut_number(struct str *line, int64_t max, int64_t *ret_value)
{
    struct str piece;
    return str_cut(line, ' ', &piece) && str_to_int_range(piece, 0, max, ret_value);
}

static bool
parse_entry(struct str line, struct listen_entry *ret_entry)
{
    struct listen_entry e = {0};
    int64_t slot;
    int64_t port;
    struct str ip;
    struct str protocol;
    struct str name;
    if (!cut_number(&line, LIMIT_LISTENERS_MAX - 1, &slot) || !str_cut(&line, ' ', &ip) ||
        !cut_number(&line, UINT16_MAX, &port) || !str_cut(&line, ' ', &protocol) ||
        !str_cut(&line, '\n', &name)) {
        return false;
    }
    e.slot = (uint32_t)slot;
    if (!addr_parse(ip, (uint16_t)port, &e.addr) ||
        !str_copy_z(protocol, e.protocol, sizeof(e.protocol)) ||
        !str_copy_z(name, e.name, sizeof(e.name)) || e.name[0] == '\0') {
        return false;
    }
    *ret_entry = e;
    return true;
}

static enum err
bad_line(unsigned number, struct str line, struct errinfo *reterr)
{
    return err_set(reterr, ERR_INVALID, "line %u of the listen list is not valid: '%.*s'", number,
                   STR_ARG(str_sub(line, 0, 120)));
}

enum err
listen_plan_parse(struct str text, struct listen_plan *ret_plan, uint64_t *ret_version,
                  struct errinfo *reterr)
{
    struct listen_plan plan = {0};
    struct str rest = text;
    struct str line = STR_NONE;
    struct str head = STR("openalb-listen 1 ");
    uint64_t version;
    (void)str_cut(&rest, '\n', &line); /* an empty text is an invalid first line */
    if (!str_starts(line, head) || !str_to_u64(str_sub(line, head.n, line.n), &version)) {
        return bad_line(1, line, reterr);
    }
    for (unsigned number = 2; str_cut(&rest, '\n', &line); number++) {
        struct listen_entry e;
        if (line.n == 0 && rest.n == 0) {
            break; /* behind the last line feed */
        }
        if (!parse_entry(line, &e)) {
            listen_plan_free(&plan);
            return bad_line(number, line, reterr);
        }
        listen_plan_add(&plan, &e);
    }
    *ret_plan = plan;
    *ret_version = version;
    return ERR_OK;
}
