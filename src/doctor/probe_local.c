/* SPDX-License-Identifier: Apache-2.0
 * What this machine is like (L1): proxy variables, hosts file, resolvers, routes, clock, browser
 * state and the server configuration that was given. Nothing is sent. */
#include "doctor/engine_int.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <unistd.h>

/* ---- the proxy that applies ---- */

/* Do the first `bits` bits of two addresses agree? */
static bool
same_prefix(const struct addr *a, const struct addr *b, uint64_t bits)
{
    const uint8_t *x, *y;
    if (addr_is_v6(a) != addr_is_v6(b)) {
        return false;
    }
    if (addr_is_v6(a)) {
        x = a->in6.sin6_addr.s6_addr;
        y = b->in6.sin6_addr.s6_addr;
    } else {
        x = (const uint8_t *)&a->in4.sin_addr;
        y = (const uint8_t *)&b->in4.sin_addr;
    }
    uint64_t whole = bits / 8, rest = bits % 8;
    return memcmp(x, y, whole) == 0 && (rest == 0 || (x[whole] ^ y[whole]) >> (8 - rest) == 0);
}

/* "192.0.2.1" or "192.0.2.0/24" against an address. */
static bool
entry_covers_address(struct str entry, const struct addr *host)
{
    struct addr net;
    size_t slash;
    uint64_t bits = addr_is_v6(host) ? 128 : 32;
    uint64_t max = bits;
    if (str_find_char(entry, '/', &slash)) {
        if (!str_to_u64(str_sub(entry, slash + 1, entry.n), &bits) || bits > max) {
            return false;
        }
        entry = str_sub(entry, 0, slash);
    }
    if (entry.n > 2 && entry.p[0] == '[' && entry.p[entry.n - 1] == ']') {
        entry = str_sub(entry, 1, entry.n - 2);
    }
    return addr_parse(entry, 0, &net) && same_prefix(&net, host, bits);
}

/* "example.com" and ".example.com" cover the name itself and all below it. */
static bool
entry_covers_name(struct str entry, struct str host)
{
    while (entry.n > 0 && entry.p[0] == '.') {
        entry = str_sub(entry, 1, entry.n);
    }
    if (entry.n > 0 && entry.p[entry.n - 1] == '.') {
        entry.n--;
    }
    if (entry.n == 0 || entry.n > host.n) {
        return false;
    }
    size_t at = host.n - entry.n;
    return str_ieq(str_sub(host, at, entry.n), entry) && (at == 0 || host.p[at - 1] == '.');
}

/* The next word between commas and blanks. */
static bool
next_entry(struct str *rest, struct str *ret_entry)
{
    size_t from = 0;
    while (from < rest->n && strchr(", \t", rest->p[from]) != NULL) {
        from++;
    }
    size_t end = from;
    while (end < rest->n && strchr(", \t", rest->p[end]) == NULL) {
        end++;
    }
    *ret_entry = str_sub(*rest, from, end - from);
    *rest = str_sub(*rest, end, rest->n);
    return ret_entry->n > 0;
}

/* curl's rules [curl(1), --noproxy]. */
static bool
no_proxy_covers(struct str list, struct str host)
{
    struct addr address;
    bool is_address = addr_parse(host, 0, &address);
    struct str entry;
    while (next_entry(&list, &entry)) {
        if (str_eq(entry, STR("*")) ||
            (is_address ? entry_covers_address(entry, &address) : entry_covers_name(entry, host))) {
            return true;
        }
    }
    return false;
}

static const char *
env_first(const char *const *names, size_t count, const char **ret_name)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            *ret_name = names[i];
            return value;
        }
    }
    return NULL;
}

const char *
proxy_find(const struct question *q, const char **ret_from)
{
    /* HTTP_PROXY in capitals is not read: a web server may set it from a request header. */
    static const char *const https_names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                              "ALL_PROXY"};
    static const char *const http_names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    static const char *const except_names[] = {"no_proxy", "NO_PROXY"};
    const char *ignored;
    *ret_from = "--proxy";
    if (q->proxy != NULL) {
        return strcmp(q->proxy, "none") == 0 ? NULL : q->proxy;
    }
    const char *except = env_first(except_names, COUNT_OF(except_names), &ignored);
    if (except != NULL && no_proxy_covers(str_of(except), str_of(q->host))) {
        return NULL;
    }
    return q->scheme == SCHEME_HTTPS ? env_first(https_names, COUNT_OF(https_names), ret_from)
                                     : env_first(http_names, COUNT_OF(http_names), ret_from);
}

/* Without user and password. */
static void
read_proxy(const struct question *q, struct local_facts *l)
{
    const char *from;
    const char *url = proxy_find(q, &from);
    if (url == NULL) {
        return;
    }
    struct str rest = str_of(url), scheme = STR_NONE;
    size_t at;
    if (str_find(rest, STR("://"), &at)) {
        scheme = str_sub(rest, 0, at + 3);
        rest = str_sub(rest, at + 3, rest.n);
    }
    if (str_rfind_char(rest, '@', &at)) {
        rest = str_sub(rest, at + 1, rest.n);
    }
    struct out o = out_of(l->proxy, sizeof(l->proxy) - 1);
    out_str(&o, scheme);
    out_str(&o, rest);
    *o.p = '\0';
    bool fits = str_copy_z(str_of(from), l->proxy_from, sizeof(l->proxy_from));
    ASSERT(fits); /* one of our own words */
}

/* ---- names and resolvers ---- */

static void
read_hosts(const struct question *q, struct local_facts *l)
{
    struct dns_hosts hosts;
    if (q->host_is_address || dns_hosts_find(q->hosts_file, q->host, &hosts, NULL) != ERR_OK) {
        return; /* a hosts file that cannot be read is one that says nothing */
    }
    for (size_t i = 0; i < hosts.count && l->host_count < COUNT_OF(l->hosts); i++) {
        size_t n = l->host_count++;
        memcpy(l->hosts[n].host, q->host, sizeof(l->hosts[n].host));
        l->hosts[n].addr = hosts.lines[i].addr;
        l->hosts[n].line = hosts.lines[i].line;
    }
}

size_t
resolvers_of(const struct question *q, struct addr *ret, size_t max)
{
    struct dns_system_config config;
    size_t count = 0;
    for (size_t i = 0; i < q->dns_count && count < max; i++) {
        ret[count++] = q->dns[i];
    }
    if (count > 0 || dns_system_config_read(q->resolv_conf, &config, NULL) != ERR_OK) {
        return count;
    }
    for (size_t i = 0; i < config.server_count && count < max; i++) {
        ret[count++] = config.servers[i];
    }
    return count;
}

/* ---- network and clock ---- */

/* The kernel looks a route up when a datagram socket is connected; nothing is sent. */
static bool
has_route(const char *to)
{
    struct addr a;
    bool ok = addr_parse(str_of(to), 53, &a);
    ASSERT(ok);
    int fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool found = connect(fd, &a.sa, addr_len(&a)) == 0;
    close(fd);
    return found;
}

static bool
any_interface_up(void)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0) {
        return true; /* not known: accuse nobody */
    }
    bool up = false;
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        up |= (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP;
    }
    freeifaddrs(all);
    return up;
}

static bool
clock_is_unsynced(void)
{
    struct timex t = {0};
    return adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) != 0;
}

/* ---- browser state and server configuration ---- */

static void
read_hsts(struct run *run, struct local_facts *l)
{
    const struct question *q = run_question(run);
    struct errinfo why = {0};
    char name[HSTS_NAME_MAX];
    if (!q->browser_state || q->host_is_address ||
        hsts_name(str_of(q->host), name, NULL) != ERR_OK) {
        return; /* no client remembers it */
    }
    struct hsts_options o = {.profile = q->browser_profile,
                             .curl_file = q->curl_hsts,
                             .preload_file = q->preload_list,
                             .now_s = l->wall_s};
    struct hsts_found *found = xalloc(sizeof(*found));
    enum err err = hsts_lookup(&o, str_of(name), found, &why);
    if (err != ERR_OK) {
        xfree(found);
        run_refuse(run, err, &why); /* a file or profile that was asked for by name */
        return;
    }
    l->hsts = found;
}

static void
read_server_config(const struct question *q, struct local_facts *l)
{
    struct webconf *conf = NULL;
    struct errinfo why = {0};
    if (q->server_config == NULL) {
        return;
    }
    struct webconf_options o = {.path = q->server_config};
    if (webconf_read(&o, &conf, &why) != ERR_OK) {
        l->config_error = xstrdup(why.text);
        return;
    }
    bool target = q->target.sa.sa_family != 0;
    struct webconf_question asked = {.host = q->host,
                                     .https = q->scheme == SCHEME_HTTPS,
                                     .port = q->port,
                                     .target_port = target ? addr_port(&q->target) : 0};
    l->remarks = webconf_judge(conf, &asked);
    webconf_free(&conf);
}

/* ---- the machine ---- */

struct local {
    struct run *run; /* borrowed */
    struct deferred soon;
};

static void
local_read(struct deferred *d)
{
    struct local *state = CONTAINER_OF(d, struct local, soon);
    struct run *run = state->run;
    const struct question *q = run_question(run);
    struct local_facts *l = run_local(run);
    l->wall_s = clock_wall_us() / 1000000;
    l->clock_unsynced = clock_is_unsynced();
    l->route4 = has_route("192.0.2.1");
    l->route6 = has_route("2001:db8::1");
    l->interface_up = any_interface_up();
    read_proxy(q, l);
    read_hosts(q, l);
    l->resolver_count = resolvers_of(q, l->resolvers, COUNT_OF(l->resolvers));
    read_hsts(run, l);
    read_server_config(q, l);
    if (q->scheme == SCHEME_HTTPS) {
        (void)run_store(run); /* takes its time: now, while nobody's answer is timed */
    }
    l->known = true;
    run->state = NULL;
    xfree(state);
    run_done(run, OUTCOME_OK);
}

static bool
local_start(struct run *run)
{
    struct local *state = xalloc(sizeof(*state));
    state->run = run;
    deferred_init(&state->soon, local_read);
    loop_defer(run_loop(run), &state->soon);
    run->state = state;
    return true;
}

static void
local_cancel(struct run *run)
{
    struct local *state = run->state;
    deferred_cancel(&state->soon);
    xfree(state);
    run->state = NULL;
}

const struct machine machine_LOCAL = {"LOCAL", local_start, local_cancel};
