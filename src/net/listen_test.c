/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets: all or nothing, sockets that stay, holders named, the flat list. */
#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

enum { COPIES = 3 };

static struct addr
address(const char *ip, uint16_t port)
{
    struct addr a;
    CHECK(addr_parse(str_of(ip), port, &a));
    return a;
}

static void
add(struct listen_plan *plan, uint32_t slot, struct addr addr, const char *name)
{
    struct listen_entry e = {.slot = slot, .addr = addr};
    CHECK(str_copy_z(str_of(name), e.name, sizeof(e.name)));
    CHECK(str_copy_z(STR("HTTP"), e.protocol, sizeof(e.protocol)));
    listen_plan_add(plan, &e);
}

/* A listening socket on a port that the system chose. */
static int
any_port(struct addr *ret_addr)
{
    struct addr a = address("127.0.0.1", 0);
    int fd = -1;
    CHECK(listen_sockets(&a, 1, &fd));
    socklen_t n = sizeof(*ret_addr);
    CHECK_INT(getsockname(fd, &ret_addr->sa, &n), 0);
    return fd;
}

static bool
connects(struct addr a)
{
    int fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, &a.sa, addr_len(&a)) == 0;
    (void)close(fd);
    return ok;
}

static int
accept_some(int listening)
{
    int count = 0;
    int fd;
    while ((fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        (void)close(fd);
        count++;
    }
    return count;
}

static int
accept_all(const struct listen_entry *e)
{
    int count = 0;
    for (unsigned i = 0; i < COPIES; i++) {
        count += accept_some(e->fds[i]);
    }
    return count;
}

static struct addr
free_port(void)
{
    struct addr a;
    (void)close(any_port(&a));
    return a;
}

TEST("a listening socket accepts, is non-blocking and closed on exec")
{
    struct addr a;
    int fd = any_port(&a);
    CHECK(connects(a));
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(fd);
    CHECK(!connects(a));
}

TEST("a second socket on the same port is refused, even where the first one shares ports")
{
    struct addr a = address("127.0.0.1", 0);
    int sharing = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    CHECK_INT(setsockopt(sharing, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    CHECK_INT(bind(sharing, &a.sa, addr_len(&a)), 0);
    CHECK_INT(listen(sharing, 1), 0);
    socklen_t n = sizeof(a);
    CHECK_INT(getsockname(sharing, &a.sa, &n), 0);
    int fds[2];
    CHECK(!listen_sockets(&a, 2, fds));
    CHECK_INT(errno, EADDRINUSE);
    CHECK_INT(fds[0], -1);
    (void)close(sharing);
}

TEST("a plan is bound all or nothing")
{
    struct addr taken;
    int fd = any_port(&taken);
    struct addr open = free_port();
    struct listen_plan plan = {0};
    struct listen_plan none = {0};
    struct errinfo reterr = {""};
    add(&plan, 0, open, "web");
    add(&plan, 1, taken, "web");
    CHECK_INT(listen_plan_bind(&plan, &none, COPIES, &reterr), ERR_SYSTEM);
    CHECK(
        str_find(str_of(reterr.text), STR("of load balancer 'web': Address already in use"), NULL));
    CHECK_INT(plan.entries[0].fds[0], -1);
    CHECK(!connects(open));
    (void)close(fd);
    CHECK_INT(listen_plan_bind(&plan, &none, COPIES, &reterr), ERR_OK);
    CHECK(connects(open));
    CHECK(connects(taken));
    listen_plan_free(&plan);
    CHECK_INT(plan.count, 0);
}

TEST("an address that stays keeps its socket and what waits in it")
{
    struct listen_plan old = {0};
    struct listen_plan none = {0};
    struct listen_plan next = {0};
    struct errinfo reterr;
    struct addr a = free_port();
    add(&old, 0, a, "web");
    CHECK_INT(listen_plan_bind(&old, &none, COPIES, &reterr), ERR_OK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(client, &a.sa, addr_len(&a)), 0);
    add(&next, 5, a, "other"); /* another listener takes the port over */
    CHECK_INT(listen_plan_bind(&next, &old, COPIES, &reterr), ERR_OK);
    listen_plan_free(&old);
    CHECK_INT(accept_all(&next.entries[0]), 1);
    (void)close(client);
    listen_plan_free(&next);
}

TEST("the sockets of an address share its connections")
{
    struct listen_plan plan = {0};
    struct listen_plan none = {0};
    struct errinfo reterr;
    enum { CLIENTS = 60 };
    int clients[CLIENTS];
    struct addr a = free_port();
    add(&plan, 0, a, "web");
    CHECK_INT(listen_plan_bind(&plan, &none, COPIES, &reterr), ERR_OK);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK_INT(connect(clients[i], &a.sa, addr_len(&a)), 0);
    }
    int got = 0;
    for (unsigned i = 0; i < COPIES; i++) {
        int share = accept_some(plan.entries[0].fds[i]);
        CHECK(share > 0); /* all 60 beside one of three: one in 10^10 */
        got += share;
    }
    CHECK_INT(got, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        (void)close(clients[i]);
    }
    listen_plan_free(&plan);
}

TEST("the holder of a port is named when it is ours")
{
    struct listen_plan old = {0};
    struct listen_plan none = {0};
    struct listen_plan next = {0};
    struct errinfo reterr = {""};
    struct addr a = free_port();
    add(&old, 0, a, "first");
    CHECK_INT(listen_plan_bind(&old, &none, COPIES, &reterr), ERR_OK);
    add(&next, 1, address("0.0.0.0", addr_port(&a)), "second");
    CHECK_INT(listen_plan_bind(&next, &old, COPIES, &reterr), ERR_BUSY);
    CHECK(str_find(str_of(reterr.text), STR("load balancer 'first' has 127.0.0.1:"), NULL));
    listen_plan_free(&next);
    add(&next, 1, a, "second");
    add(&next, 2, a, "third");
    CHECK_INT(listen_plan_bind(&next, &old, COPIES, &reterr), ERR_BUSY);
    CHECK(str_find(str_of(reterr.text), STR("'third'"), NULL));
    CHECK(str_find(str_of(reterr.text), STR("'second' has"), NULL));
    listen_plan_free(&next);
    listen_plan_free(&old);
}

TEST("plans are compared by slot")
{
    struct listen_plan a = {0};
    struct listen_plan b = {0};
    add(&a, 0, address("127.0.0.1", 80), "web");
    add(&a, 1, address("127.0.0.1", 81), "web");
    add(&b, 0, address("127.0.0.1", 80), "web");
    add(&b, 1, address("127.0.0.1", 82), "web");
    add(&b, 2, address("::1", 80), "web");
    CHECK(listen_plan_same(&a, &b, 0));
    CHECK(!listen_plan_same(&a, &b, 1));
    CHECK(!listen_plan_same(&a, &b, 2));
    CHECK(listen_plan_same(&a, &b, 3));
    listen_plan_free(&a);
    listen_plan_free(&b);
}

TEST("the flat list comes back as it was written")
{
    struct listen_plan plan = {0};
    struct listen_plan back = {0};
    struct errinfo reterr;
    struct buf text = {0};
    uint64_t version = 0;
    add(&plan, 0, address("127.0.0.1", 8443), "web");
    add(&plan, 255, address("::1", 65535), "other-lb");
    listen_plan_write(&plan, 42, &text);
    CHECK_STR(buf_str(&text), "openalb-listen 1 42\n0 127.0.0.1 8443 HTTP web\n"
                              "255 ::1 65535 HTTP other-lb\n");
    CHECK_INT(listen_plan_parse(buf_str(&text), &back, &version, &reterr), ERR_OK);
    CHECK_INT(version, 42);
    CHECK_INT(back.count, 2);
    CHECK(addr_eq(&back.entries[1].addr, &plan.entries[1].addr));
    CHECK_STR(str_of(back.entries[1].name), "other-lb");
    CHECK_INT(back.entries[1].fds[0], -1);
    buf_free(&text);
    listen_plan_free(&plan);
    listen_plan_free(&back);
}

TEST("a damaged list is refused with its line")
{
    static const struct {
        const char *text;
        const char *line;
    } cases[] = {
        {"", "line 1 "},
        {"openalb-listen 2 1\n", "line 1 "},
        {"openalb-listen 1 x\n", "line 1 "},
        {"openalb-listen 1 1\n256 127.0.0.1 80 HTTP web\n", "line 2 "},
        {"openalb-listen 1 1\n0 127.0.0.1 80 HTTP web\n0 127.0.0 80 HTTP web\n", "line 3 "},
        {"openalb-listen 1 1\n0 127.0.0.1 65536 HTTP web\n", "line 2 "},
        {"openalb-listen 1 1\n0 127.0.0.1 80 HTTP\n", "line 2 "},
        {"openalb-listen 1 1\n0 127.0.0.1 80 HTTPSHTTPS web\n", "line 2 "},
        {"openalb-listen 1 1\n\n0 127.0.0.1 80 HTTP web\n", "line 2 "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct listen_plan plan = {0};
        uint64_t version;
        struct errinfo reterr = {""};
        CHECK_INT(listen_plan_parse(str_of(cases[i].text), &plan, &version, &reterr), ERR_INVALID);
        CHECK(str_starts(str_of(reterr.text), str_of(cases[i].line)));
    }
}

TEST_MAIN
