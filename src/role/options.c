/* SPDX-License-Identifier: Apache-2.0
 * Options of `openalb serve`. */
#include "role/options.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/limits.h"
#include "base/mem.h"
#include "state/state_dir.h"

/* Returns NULL when the value is fine, else what would be. */
typedef const char *option_fn(struct serve_options *o, const char *value);

static void
append(const char ***list, size_t *count, const char *value)
{
    *list = xrealloc(*list, (*count + 1) * sizeof(**list));
    (*list)[(*count)++] = value;
}

static const char *
set_template(struct serve_options *o, const char *value)
{
    if (value[0] == '\0') {
        return "a file name";
    }
    append(&o->template_files, &o->template_count, value);
    return NULL;
}

static const char *
set_parameter(struct serve_options *o, const char *value)
{
    size_t at;
    if (!str_find_char(str_of(value), '=', &at) || at == 0) {
        return "NAME=VALUE";
    }
    append(&o->parameters, &o->parameter_count, value);
    return NULL;
}

static const char *
set_state(struct serve_options *o, const char *value)
{
    o->state_dir = value;
    return value[0] == '\0' ? "a folder" : NULL;
}

static bool
number(const char *value, int64_t min, int64_t max, int64_t *ret)
{
    return str_to_int_range(str_of(value), min, max, ret);
}

static const char *
set_workers(struct serve_options *o, const char *value)
{
    int64_t n;
    if (!number(value, 1, LIMIT_WORKERS_MAX, &n)) {
        return "a number from 1 to 64";
    }
    o->workers = (unsigned)n;
    return NULL;
}
_Static_assert(LIMIT_WORKERS_MAX == 64, "the sentence and the help say 64");

static const char *
set_account(struct serve_options *o, const char *value)
{
    struct str s = str_of(value);
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i])) {
            return "12 digits";
        }
    }
    o->account = value;
    return s.n == 12 ? NULL : "12 digits";
}

/* Letters, digits, and `extra` in between. */
static bool
is_name(struct str s, const char *extra, size_t max)
{
    if (s.n == 0 || s.n > max || !ascii_is_alnum(s.p[0]) || !ascii_is_alnum(s.p[s.n - 1])) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && !str_find_char(str_of(extra), s.p[i], NULL)) {
            return false;
        }
    }
    return true;
}

static const char *
set_region(struct serve_options *o, const char *value)
{
    o->region = value;
    return is_name(str_of(value), "-", 32) ? NULL : "a region name like us-east-1";
}

static const char *
set_domain(struct serve_options *o, const char *value)
{
    o->domain = value;
    return is_name(str_of(value), "-.", 150) ? NULL : "a DNS name like elb.example.net";
}

static bool
is_unicast(const struct addr *a)
{
    if (addr_is_v6(a)) {
        const struct in6_addr *ip = &a->in6.sin6_addr;
        return !IN6_IS_ADDR_MULTICAST(ip) && !IN6_IS_ADDR_UNSPECIFIED(ip);
    }
    uint32_t ip = ntohl(a->in4.sin_addr.s_addr);
    return ip != INADDR_ANY && ip < 0xe0000000U; /* below 224.0.0.0 */
}

static bool
has_address(const struct serve_options *o, const struct addr *a)
{
    for (size_t i = 0; i < o->address_count; i++) {
        if (addr_eq(&o->addresses[i], a)) {
            return true;
        }
    }
    return false;
}

static const char *
set_addresses(struct serve_options *o, const char *value)
{
    static const char allowed[] =
        "up to 64 different unicast IPv4 and IPv6 addresses, comma between";
    struct str rest = str_of(value);
    struct str piece;
    o->address_count = 0;
    while (str_cut(&rest, ',', &piece)) {
        struct addr a;
        if (o->address_count == COUNT_OF(o->addresses) || !addr_parse(piece, 0, &a) ||
            !is_unicast(&a) || has_address(o, &a)) {
            return allowed;
        }
        o->addresses[o->address_count++] = a;
    }
    return o->address_count == 0 ? allowed : NULL;
}

static const char *
set_user(struct serve_options *o, const char *value)
{
    o->user = value;
    return getpwnam(value) != NULL ? NULL : "a user of this machine";
}

enum { DAY_S = 24 * 60 * 60 };

static const char *
set_log_interval(struct serve_options *o, const char *value)
{
    int64_t n;
    if (!number(value, 1, DAY_S, &n) || DAY_S % n != 0) {
        return "seconds that divide a day, 1 to 86400";
    }
    o->log_interval_s = (uint32_t)n;
    return NULL;
}

static const char *
set_log_level(struct serve_options *o, const char *value)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (str_eq(str_of(value), str_of(levels[i]))) {
            o->log_level = (int)i;
            return NULL;
        }
    }
    return "error, warn, info or debug";
}

bool
options_parse_endpoint(struct str text, struct addr *ret_addr)
{
    size_t colon;
    int64_t port;
    if (!str_rfind_char(text, ':', &colon) ||
        !str_to_int_range(str_sub(text, colon + 1, text.n), 1, UINT16_MAX, &port)) {
        return false;
    }
    struct str ip = str_sub(text, 0, colon);
    if (str_starts(ip, STR("[")) && str_ends(ip, STR("]"))) {
        ip = str_sub(ip, 1, ip.n - 2);
    } else if (str_find_char(ip, ':', NULL)) {
        return false; /* IPv6 only in brackets: where would the port begin? */
    }
    return addr_parse(ip, (uint16_t)port, ret_addr);
}

static const char *
set_demo_target(struct serve_options *o, const char *value)
{
    struct addr a;
    if (o->demo_target_count == COUNT_OF(o->demo_targets) ||
        !options_parse_endpoint(str_of(value), &a)) {
        return "up to 16 times ADDRESS:PORT, an IPv6 address in brackets";
    }
    o->demo_targets[o->demo_target_count++] = a;
    o->demo = true;
    return NULL;
}

static const char *
set_ready_fd(struct serve_options *o, const char *value)
{
    int64_t n;
    if (!number(value, 1, 1 << 20, &n) || fcntl((int)n, F_GETFD) < 0) {
        return "the number of an open descriptor";
    }
    o->ready_fd = (int)n;
    return NULL;
}

static const char *
set_json(struct serve_options *o, const char *value UNUSED)
{
    o->json = true;
    return NULL;
}

struct option_row {
    const char *name, *argument, *help, *standard;
    option_fn *set;
};

static const struct option_row option_rows[] = {
#define OPTION(name, argument, help, standard, set) {name, argument, help, standard, set},
#include "role/options.def"
#undef OPTION
};

/* ---- defaults ---- */

static bool
address_present(const struct addr *a)
{
    int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool present = bind(fd, &a->sa, addr_len(a)) == 0;
    (void)close(fd); /* asked only */
    return present;
}

static void
default_addresses(struct serve_options *o)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < COUNT_OF(loopback); i++) {
        struct addr a;
        if (addr_parse(str_of(loopback[i]), 0, &a) && address_present(&a)) {
            o->addresses[o->address_count++] = a;
        }
    }
}

static unsigned
online_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return (unsigned)MIN_OF(MAX_OF(n, 1), (long)LIMIT_WORKERS_MAX);
}

static void
fill_defaults(struct serve_options *o)
{
    if (o->state_dir == NULL) {
        o->state_dir = state_dir_default(); /* lives as long as the process */
    }
    if (o->workers == 0) {
        o->workers = online_cores();
    }
    if (o->address_count == 0) {
        default_addresses(o);
    }
    if (o->user == NULL && geteuid() == 0) {
        o->user = getpwnam("openalb") != NULL ? "openalb" : "nobody";
    }
}

/* ---- the walk ---- */

static const struct option_row *
find_row(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        if (str_eq(name, str_of(option_rows[i].name))) {
            return &option_rows[i];
        }
    }
    return NULL;
}

static enum err
unknown_option(struct str name, struct errinfo *reterr)
{
    const struct option_row *nearest = NULL;
    size_t best = 4; /* farther away is no help */
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        size_t distance = str_distance(name, str_of(option_rows[i].name));
        if (distance < best) {
            best = distance;
            nearest = &option_rows[i];
        }
    }
    return err_set(reterr, ERR_INVALID, "unknown option '%.*s'%s%s; --help lists them all",
                   STR_ARG(name), nearest == NULL ? "" : "; nearest is ",
                   nearest == NULL ? "" : nearest->name);
}

/* "--name=value" carries its value; else the value is the next argument. */
static enum err
parse_one(int argc, char **argv, int *at, struct serve_options *o, struct errinfo *reterr)
{
    struct str name = str_of(argv[*at]);
    const char *value = NULL;
    size_t equals;
    if (str_starts(name, STR("--")) && str_find_char(name, '=', &equals)) {
        value = name.p + equals + 1;
        name = str_sub(name, 0, equals);
    }
    const struct option_row *row = find_row(name);
    if (row == NULL) {
        return unknown_option(name, reterr);
    }
    if (row->argument[0] == '\0') {
        if (value != NULL) {
            return err_set(reterr, ERR_INVALID, "option %s takes no value", row->name);
        }
        value = "";
    } else if (value == NULL) {
        if (*at + 1 >= argc) {
            return err_set(reterr, ERR_INVALID, "option %s needs %s", row->name, row->argument);
        }
        value = argv[++*at];
    }
    const char *allowed = row->set(o, value);
    if (allowed != NULL) {
        return err_set(reterr, ERR_INVALID, "option %s: '%s' is not valid; allowed is %s",
                       row->name, value, allowed);
    }
    return ERR_OK;
}

enum err
options_parse(int argc, char **argv, struct serve_options *ret_options, bool *ret_help,
              struct errinfo *reterr)
{
    struct serve_options o = {.account = "000000000000",
                              .region = "us-east-1",
                              .domain = "elb.localhost",
                              .log_interval_s = 300,
                              .log_level = DIAG_INFO,
                              .ready_fd = -1};
    bool help = false;
    for (int i = 1; i < argc && !help; i++) {
        struct str arg = str_of(argv[i]);
        help = str_eq(arg, STR("--help")) || str_eq(arg, STR("-h"));
        enum err e = help ? ERR_OK : parse_one(argc, argv, &i, &o, reterr);
        if (e != ERR_OK) {
            xfree(o.template_files);
            xfree(o.parameters);
            return e;
        }
    }
    fill_defaults(&o);
    *ret_options = o;
    *ret_help = help;
    return ERR_OK;
}

void
options_help(FILE *to)
{
    fprintf(
        to,
        "Usage: openalb serve [option]...\n"
        "Runs the load balancer in the foreground until SIGTERM or Ctrl-C; SIGHUP reloads.\n\n");
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        int width = 28 - (int)strlen(row->name);
        fprintf(to, "  %s %-*s %s\n", row->name, width, row->argument, row->help);
        if (row->standard[0] != '\0') {
            fprintf(to, "  %29s default: %s\n", "", row->standard);
        }
    }
}
