/* SPDX-License-Identifier: Apache-2.0
 * What the machine is told: resolv.conf, the hosts file, getaddrinfo in its thread. */
#include "dns/dns.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"

#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

/* A file with this text; the caller unlinks and xfrees its path. */
static char *
file_with(struct str text)
{
    char *path = xstrdup("/tmp/openalb-dns-test-XXXXXX");
    int fd = mkostemp(path, O_CLOEXEC);
    ASSERT(fd >= 0);
    ssize_t n = write(fd, text.p, text.n);
    ASSERT(n == (ssize_t)text.n);
    close(fd);
    return path;
}

static struct dns_system_config
config_of(struct str text)
{
    struct dns_system_config config;
    struct errinfo reterr;
    char *path = file_with(text);
    CHECK_INT(dns_system_config_read(path, &config, &reterr), ERR_OK);
    unlink(path);
    xfree(path);
    return config;
}

static struct str
server_text(const struct dns_system_config *config, size_t i)
{
    static char text[ADDR_TEXT];
    return str_of(addr_port_text(&config->servers[i], text));
}

/* ---- resolv.conf ---- */

TEST("servers, search list and options are read")
{
    struct dns_system_config config =
        config_of(STR("# a comment\n; another\n"
                      "domain old.test\n"
                      "nameserver 127.0.0.53\n"
                      "nameserver\t2001:db8::53   # behind it\n"
                      " nameserver 192.0.2.99\n"
                      "search Example.test sub.example.test.\n"
                      "options edns0 ndots:99 timeout:3 attempts:1 rotate\n"));
    CHECK_INT(config.server_count, 2); /* a blank before the word: not a line of its kind */
    CHECK_STR(server_text(&config, 0), "127.0.0.53:53");
    CHECK_STR(server_text(&config, 1), "[2001:db8::53]:53");
    CHECK_INT(config.search_count, 2);
    CHECK_STR(str_of(config.search[0]), "Example.test");
    CHECK_INT(config.ndots, 15);
    CHECK_INT(config.timeout_s, 3);
    CHECK_INT(config.attempts, 1);
    CHECK_INT(config.bad, 0);
    CHECK(!config.missing);
}

TEST("a link-local server has its interface")
{
    struct dns_system_config config =
        config_of(STR("nameserver fe80::1%lo\nnameserver fe80::1%7\n"
                      "nameserver fe80::1%no-such-one\nnameserver 127.0.0.1%lo\n"));
    CHECK_INT(config.server_count, 2);
    CHECK_INT(config.servers[0].in6.sin6_scope_id, if_nametoindex("lo"));
    CHECK_INT(config.servers[1].in6.sin6_scope_id, 7);
    CHECK_INT(config.bad, 2);
}

TEST("nonsense is counted, and the fourth server is not asked")
{
    struct dns_system_config config =
        config_of(STR("nameserver\nnameserver banana\nnameserverx 127.0.0.1\n"
                      "nameserver 127.0.0.1\nnameserver 127.0.0.2\r\nnameserver 127.0.0.3\n"
                      "nameserver 127.0.0.4\nsearch a..b\noptions ndots:x\n\0\n"));
    CHECK_INT(config.server_count, 3);
    CHECK_INT(config.more_servers, 1);
    CHECK_STR(server_text(&config, 1), "127.0.0.2:53");
    CHECK_INT(config.search_count, 0);
    CHECK_INT(config.ndots, 1);
    CHECK_INT(config.bad, 3);
}

TEST("a file that says nothing, or none at all, means this machine")
{
    struct dns_system_config config = config_of(STR("options rotate"));
    CHECK_INT(config.server_count, 1);
    CHECK_STR(server_text(&config, 0), "127.0.0.1:53");
    CHECK_INT(config.timeout_s, 5);
    CHECK_INT(config.attempts, 2);
    struct errinfo reterr;
    CHECK_INT(dns_system_config_read("/nonexistent/resolv.conf", &config, &reterr), ERR_OK);
    CHECK(config.missing);
    CHECK_STR(server_text(&config, 0), "127.0.0.1:53");
}

TEST("a file that cannot be read is an error with its name")
{
    struct dns_system_config config;
    struct errinfo reterr;
    CHECK_INT(dns_system_config_read("/proc/self", &config, &reterr), ERR_SYSTEM);
    CHECK(str_find(str_of(reterr.text), STR("/proc/self"), NULL));
}

TEST("no more of a file is read than its limit")
{
    struct buf b = {0};
    for (int i = 0; b.n < LIMIT_DNS_CONFIG_BYTES; i++) {
        buf_addf(&b, "# line %d\n", i);
    }
    buf_add_z(&b, "nameserver 127.0.0.9\n");
    struct dns_system_config config = config_of(buf_str(&b));
    CHECK_STR(server_text(&config, 0), "127.0.0.1:53");
    buf_free(&b);
}

/* ---- hosts ---- */

TEST("all lines for a name are found, with their numbers")
{
    char *path = file_with(STR("127.0.0.1 localhost\n"
                               "192.0.2.1\tApp.Example.test alias # app.example.test\n"
                               "# 192.0.2.2 app.example.test\n"
                               "192.0.2.3 xapp.example.test app.example.testx\n"
                               "not-an-address app.example.test\n"
                               "\n"
                               "  2001:db8::1  other app.example.test\n"
                               "fe80::1%1 app.example.test"));
    struct dns_hosts hosts;
    struct errinfo reterr;
    CHECK_INT(dns_hosts_find(path, "app.EXAMPLE.test.", &hosts, &reterr), ERR_OK);
    CHECK_INT(hosts.count, 3);
    char text[ADDR_TEXT];
    CHECK_STR(str_of(addr_text(&hosts.lines[0].addr, text)), "192.0.2.1");
    CHECK_INT(hosts.lines[0].line, 2);
    CHECK_STR(str_of(addr_text(&hosts.lines[1].addr, text)), "2001:db8::1");
    CHECK_INT(hosts.lines[1].line, 7);
    CHECK_INT(hosts.lines[2].line, 8);
    CHECK(!hosts.missing && !hosts.cut);
    CHECK_INT(dns_hosts_find(path, "nobody.test", &hosts, &reterr), ERR_OK);
    CHECK_INT(hosts.count, 0);
    unlink(path);
    xfree(path);
    CHECK_INT(dns_hosts_find("/nonexistent/hosts", "a", &hosts, &reterr), ERR_OK);
    CHECK(hosts.missing);
}

TEST("many lines are counted, and an endless one is bounded")
{
    struct buf b = {0};
    for (int i = 0; i < DNS_HOSTS_MAX + 3; i++) {
        buf_addf(&b, "127.0.0.%d app.test\n", i);
    }
    buf_add_z(&b, "127.0.1.1 ");
    for (int i = 0; i < 20000; i++) {
        buf_add_char(&b, 'a');
    }
    buf_add_z(&b, " late.test\n127.0.1.2 next.test\n");
    char *path = file_with(buf_str(&b));
    struct dns_hosts hosts;
    struct errinfo reterr;
    CHECK_INT(dns_hosts_find(path, "app.test", &hosts, &reterr), ERR_OK);
    CHECK_INT(hosts.count, DNS_HOSTS_MAX);
    CHECK_INT(hosts.more, 3);
    CHECK_INT(dns_hosts_find(path, "late.test", &hosts, &reterr), ERR_OK);
    CHECK_INT(hosts.count, 0);
    CHECK_INT(dns_hosts_find(path, "next.test", &hosts, &reterr), ERR_OK);
    CHECK_INT(hosts.count, 1);
    CHECK_INT(hosts.lines[0].line, DNS_HOSTS_MAX + 5);
    unlink(path);
    xfree(path);
    buf_free(&b);
}

/* ---- the C library ---- */

struct waiting {
    struct dns_lookup *lookup;
    struct dns_lookup_result result;
    unsigned calls;
    bool cancel_inside;
};

static void
looked_up(void *context, const struct dns_lookup_result *result)
{
    struct waiting *w = context;
    w->calls++;
    w->result = *result;
    if (w->cancel_inside) {
        dns_lookup_cancel(&w->lookup);
    }
}

static struct loop *
loop_made(void)
{
    struct loop *loop = NULL;
    struct errinfo reterr;
    enum err e = loop_new(&loop, &reterr);
    ASSERT(e == ERR_OK);
    return loop;
}

static void
look_up(struct loop *loop, const char *name, int family, struct waiting *w)
{
    struct errinfo reterr;
    CHECK_INT(dns_lookup_start(loop, name, family, looked_up, w, &w->lookup, &reterr), ERR_OK);
    CHECK_INT(w->calls, 0);
    while (w->calls == 0) {
        loop_turn(loop, -1);
    }
}

TEST("the C library's answer arrives on the loop")
{
    struct loop *loop = loop_made();
    struct waiting w = {0};
    look_up(loop, "127.0.0.1", AF_UNSPEC, &w);
    CHECK_INT(w.result.eai, 0);
    CHECK_INT(w.result.addr_count, 1);
    char text[ADDR_TEXT];
    CHECK_STR(str_of(addr_port_text(&w.result.addrs[0], text)), "127.0.0.1:0");
    CHECK_STR(str_of(w.result.why), "");
    loop_turn(loop, 0);
    CHECK_INT(w.calls, 1);
    dns_lookup_cancel(&w.lookup);
    CHECK(w.lookup == NULL);
    loop_free(&loop);
}

TEST("its error arrives with its words")
{
    struct loop *loop = loop_made();
    struct waiting w = {.cancel_inside = true};
    look_up(loop, "::1", AF_INET, &w);
    CHECK(w.result.eai == EAI_ADDRFAMILY || w.result.eai == EAI_NONAME);
    CHECK_INT(w.result.addr_count, 0);
    CHECK(strlen(w.result.why) > 0);
    CHECK(w.lookup == NULL);
    loop_free(&loop);
}

TEST("a lookup may be left alone at any time")
{
    struct loop *loop = loop_made();
    struct errinfo reterr;
    struct waiting w = {0};
    for (int i = 0; i < 50; i++) {
        CHECK_INT(dns_lookup_start(loop, "127.0.0.1", AF_UNSPEC, looked_up, &w, &w.lookup, &reterr),
                  ERR_OK);
        loop_turn(loop, i % 2);
        unsigned calls = w.calls;
        dns_lookup_cancel(&w.lookup);
        loop_turn(loop, 0);
        CHECK_INT(w.calls, calls);
    }
    loop_free(&loop);
}

TEST("a name beyond all bounds is refused")
{
    struct loop *loop = loop_made();
    struct errinfo reterr;
    struct waiting w = {0};
    char name[400];
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    CHECK_INT(dns_lookup_start(loop, name, AF_UNSPEC, looked_up, &w, &w.lookup, &reterr),
              ERR_INVALID);
    CHECK(w.lookup == NULL);
    loop_free(&loop);
}

TEST_MAIN
