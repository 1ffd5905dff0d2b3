/* SPDX-License-Identifier: Apache-2.0
 * Makes access-log lines for bench/logs, and the true answers, counted while they are made:
 *
 *     bench_logs_generate MEGABYTES SEED LOG ANSWERS.json
 *
 * The same numbers give the same bytes. One line in 500 is hard: literal \" in a user agent, fields
 * of the future, 17 fields as in 2016, a line that was cut off. Only the last kind does not count.
 * Nothing of the product is used here, so that the answers owe nothing to it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    HOSTS = 48,
    ROUTES = 240,
    AGENTS = 400,
    GROUPS = 6,
    TARGETS = 8, /* of each group */
    CLIENTS = 20000,
    MS_MAX = 65536,
    STATUS_MAX = 600,
    HARD_EVERY = 500,
    TOP = 20,
    LINES_PER_SECOND = 800,
};

static const char account[] = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/";

static uint64_t state;
static uint64_t statuses[STATUS_MAX], paths[ROUTES], hard[4];
static uint64_t times[GROUPS][MS_MAX];
static uint64_t good_lines, all_lines;
static char agents[AGENTS][160], clients[CLIENTS][48], routes[ROUTES][96], groups[GROUPS][128];
static double host_sums[HOSTS], route_sums[ROUTES], agent_sums[AGENTS], client_sums[CLIENTS];

/* splitmix64 */
static uint64_t
chance(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned
below(unsigned bound)
{
    return (unsigned)(((chance() >> 32) * bound) >> 32);
}

static double
unit(void)
{
    return (double)(chance() >> 11) / 9007199254740992.0;
}

/* Of so many things the first are the most frequent. */
static void
zipf(double *sums, unsigned count, double exponent)
{
    double sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum += 1 / pow(i + 1.0, exponent);
        sums[i] = sum;
    }
}

static unsigned
pick(const double *sums, unsigned count)
{
    double wanted = unit() * sums[count - 1];
    unsigned low = 0, high = count - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (sums[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* "%" in a route stands for a number, "&" for a UUID, "#" for hex digits; each counts as "*". */
static void
make_routes(void)
{
    static const char *const words[] = {"user",   "order", "cart",   "item",  "search", "api/v2",
                                        "images", "login", "report", "stock", "help",   "feed"};
    static const char *const ends[] = {"",        "/%",        "/%/edit", "/%/items/%",   "/list",
                                       "/&",      "/#.png",    "/top/v3", "/%/photo.jpg", "/recent",
                                       "/&/logs", "/settings", "/%.html"};
    enum { WORDS = sizeof(words) / sizeof(words[0]), ENDS = sizeof(ends) / sizeof(ends[0]) };
    for (unsigned i = 0; i < ROUTES; i++) {
        unsigned word = i % WORDS, end = (i / WORDS + i) % ENDS;
        const char *more = i / (WORDS * ENDS) == 0 ? "" : "/archive";
        snprintf(routes[i], sizeof(routes[i]), "/%s%s%s", words[word], more, ends[end]);
    }
}

static void
make_people(void)
{
    for (unsigned i = 0; i < AGENTS; i++) {
        snprintf(agents[i], sizeof(agents[i]),
                 "Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%u.0.%u.%u "
                 "Safari/537.36",
                 i % 3 == 0   ? "X11; Linux x86_64"
                 : i % 3 == 1 ? "Windows NT 10.0; Win64; x64"
                              : "Macintosh; Intel Mac OS X 10_15_7",
                 120 + i % 25, 6000 + i, i);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (i % 4 == 0) {
            snprintf(clients[i], sizeof(clients[i]), "2001:db8:%x:%x::%x", below(65536),
                     below(65536), 1 + below(65535));
        } else {
            snprintf(clients[i], sizeof(clients[i]), "%u.%u.%u.%u", 100 + below(3), below(256),
                     below(256), below(256));
        }
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        snprintf(groups[i], sizeof(groups[i]), "%sgroup-%c/%016llx", account, (char)('a' + i),
                 (unsigned long long)chance());
    }
}

static char *
add_hex(char *to, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++) {
        unsigned digit = i == 0 ? below(10) : below(16); /* a decimal one first: an id, no word */
        *to++ = "0123456789abcdef"[digit];
    }
    return to;
}

static char *
add_path(char *to, const char *route)
{
    for (; *route != '\0'; route++) {
        if (*route == '%') {
            to += sprintf(to, "%u", 1 + below(900000));
        } else if (*route == '#') {
            to = add_hex(to, 16);
        } else if (*route == '&') {
            static const unsigned parts[] = {8, 4, 4, 4, 12};
            for (unsigned i = 0; i < 5; i++) {
                to = add_hex(to, parts[i]);
                *to++ = '-';
            }
            to--;
        } else {
            *to++ = *route;
        }
    }
    *to = '\0';
    return to;
}

struct outcome {
    unsigned elb, target;        /* 0: - */
    unsigned request, ms, reply; /* UINT32_MAX: -1 */
    const char *reason, *actions;
    int dispatched, forwarded; /* has a target; has a target group */
};

static unsigned
lognormal_ms(unsigned group)
{
    double normal = sqrt(-2 * log(1 - unit())) * cos(6.283185307179586 * unit());
    double ms = exp(3.2 + 0.3 * group + (0.8 + 0.05 * group) * normal);
    return ms >= MS_MAX - 1 ? MS_MAX - 1 : (unsigned)ms;
}

static struct outcome
make_outcome(unsigned group)
{
    static const unsigned usual[] = {200, 200, 200, 200, 200, 200, 204, 206, 302, 304};
    unsigned dice = below(10000);
    struct outcome o = {.reason = "-",
                        .actions = below(3) == 0 ? "waf,forward" : "forward",
                        .dispatched = 1,
                        .forwarded = 1,
                        .request = below(3),
                        .reply = below(2)};
    o.ms = lognormal_ms(group);
    o.elb = o.target = usual[below(10)];
    if (dice < 300) {
        o.elb = o.target = dice < 250 ? 404 : 403;
    } else if (dice < 340) {
        o.elb = o.target = 500;
    } else if (dice < 370) { /* the target broke off */
        o.elb = 502;
        o.target = 0;
        o.ms = o.reply = UINT32_MAX;
        o.reason = dice < 345 ? "LambdaThrottling" : "-";
    } else if (dice < 390) { /* no healthy target */
        o.elb = 503;
        o.target = 0;
        o.dispatched = 0;
        o.request = o.ms = o.reply = UINT32_MAX;
    } else if (dice < 405) {
        o.elb = 504;
        o.target = 0;
        o.request = o.ms = o.reply = UINT32_MAX;
    } else if (dice < 420) { /* the client went away */
        o.elb = 460;
        o.target = 0;
        o.ms = o.reply = UINT32_MAX;
    } else if (dice < 620) {
        o.elb = 301;
        o.target = 0;
        o.dispatched = o.forwarded = 0;
        o.request = o.ms = o.reply = UINT32_MAX;
        o.actions = "redirect";
    }
    return o;
}

static char *
add_leg(char *to, unsigned ms)
{
    return ms == UINT32_MAX ? stpcpy(to, " -1")
                            : to + sprintf(to, " %u.%03u", ms / 1000, ms % 1000);
}

static char *
add_status(char *to, unsigned status)
{
    return status == 0 ? stpcpy(to, " -") : to + sprintf(to, " %u", status);
}

/* The beginning up to and with the user agent. */
static char *
add_head(char *to, const struct outcome *o, unsigned group, unsigned route, uint64_t us,
         const char *target, const char *host, const char *agent, int tls)
{
    char when[32], path[160];
    time_t second = (time_t)(us / 1000000);
    struct tm broken;
    gmtime_r(&second, &broken);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &broken);
    (void)group;
    to += sprintf(to, "%s %s.%06uZ app/edge-one/0a1b2c3d4e5f6071 %s:%u %s", tls ? "h2" : "http",
                  when, (unsigned)(us % 1000000), clients[pick(client_sums, CLIENTS)],
                  1024 + below(60000), target);
    to = add_leg(to, o->request);
    to = add_leg(to, o->ms);
    to = add_leg(to, o->reply);
    to = add_status(to, o->elb);
    to = add_status(to, o->target);
    add_path(path, routes[route]);
    return to + sprintf(to, " %u %u \"%s %s://%s:%u%s%s HTTP/%s\" \"%s\"", 200 + below(2000),
                        300 + below(60000), below(10) == 0 ? "POST" : "GET", tls ? "https" : "http",
                        host, tls ? 443u : 80u, path,
                        below(4) == 0 ? "?q=\\x22chair\\x22&page=2" : "", tls ? "2.0" : "1.1",
                        agent);
}

static char *
add_tail(char *to, const struct outcome *o, uint64_t us, const char *target, const char *host,
         int tls, int extra)
{
    char when[32];
    uint64_t took_ms = (o->request == UINT32_MAX ? 0 : o->request) +
                       (o->ms == UINT32_MAX ? 0 : o->ms) + (o->reply == UINT32_MAX ? 0 : o->reply);
    uint64_t made = us - us % 1000 - took_ms * 1000;
    time_t second = (time_t)(made / 1000000);
    struct tm broken;
    gmtime_r(&second, &broken);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &broken);
    to += sprintf(to,
                  " \"Root=1-%08llx-%016llx%08llx\" \"%s\" \"%s\" %u %s.%06uZ \"%s\" \"%s\" \"%s\" "
                  "\"%s\" \"",
                  (unsigned long long)(us / 1000000), (unsigned long long)chance(),
                  (unsigned long long)(chance() >> 32), tls ? host : "-",
                  tls ? "arn:aws:acm:eu-central-1:111122223333:certificate/"
                        "0f0f0f0f-1111-2222-3333-444444444444"
                      : "-",
                  below(40), when, (unsigned)(made % 1000000), o->actions,
                  o->elb == 301 ? "https://shop.example:443/" : "-", o->reason, target);
    if (o->target == 0) {
        *to++ = '-';
    } else {
        to += sprintf(to, "%u", o->target);
    }
    to += sprintf(to, "\" \"-\" \"-\" TID_%016llx%016llx \"-\" \"-\" \"-\" 203.0.113.9 \"-\" \"-\"",
                  (unsigned long long)chance(), (unsigned long long)chance());
    return extra ? stpcpy(to, " \"tomorrow\" 17 \"next year\"") : to;
}

static char *
add_line(char *to, uint64_t us)
{
    unsigned group = below(4) == 0 ? below(GROUPS) : below(2), route = pick(route_sums, ROUTES);
    struct outcome o = make_outcome(group);
    int kind = below(HARD_EVERY) == 0 ? (int)below(4) : -1;
    int tls = below(8) != 0;
    char target[32] = "-", host[48], agent[200], *begin = to;
    if (o.dispatched) {
        snprintf(target, sizeof(target), "10.3.%u.%u:8443", group, 10 + below(TARGETS));
    }
    snprintf(host, sizeof(host), "h%u.shop.example", pick(host_sums, HOSTS));
    snprintf(agent, sizeof(agent), "%s%s", kind == 0 ? "Robot \\\"R2\\\" " : "",
             agents[pick(agent_sums, AGENTS)]);
    to = add_head(to, &o, group, route, us, target, host, agent, tls);
    to += sprintf(to, " %s %s", tls ? "TLS_AES_128_GCM_SHA256 TLSv1.3" : "- -",
                  o.forwarded ? groups[group] : "-");
    if (kind != 2) {
        to = add_tail(to, &o, us, target, host, tls, kind == 1);
    }
    all_lines++;
    if (kind >= 0) {
        hard[kind]++;
    }
    if (kind == 3) { /* cut within the trace id: a quote stays open */
        to = begin + (strstr(begin, "\"Root=") - begin) + 20;
    } else {
        good_lines++;
        statuses[o.elb]++;
        paths[route]++;
        if (o.forwarded && o.ms != UINT32_MAX) {
            times[group][o.ms]++;
        }
    }
    *to++ = '\n';
    return to;
}

/* ---- the answers ---- */

static unsigned
percentile(const uint64_t *counts, uint64_t total, unsigned percent)
{
    uint64_t rank = (total * percent + 99) / 100, seen = 0;
    for (unsigned ms = 0; ms < MS_MAX; ms++) {
        seen += counts[ms];
        if (seen >= rank && seen > 0) {
            return ms;
        }
    }
    return 0;
}

static int
by_count(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return paths[x] != paths[y] ? (paths[x] < paths[y] ? 1 : -1) : strcmp(routes[x], routes[y]);
}

static void
write_paths(FILE *file)
{
    unsigned order[ROUTES];
    for (unsigned i = 0; i < ROUTES; i++) {
        order[i] = i;
        for (char *p = routes[i]; *p != '\0'; p++) {
            *p = strchr("%&#", *p) != NULL ? '*' : *p;
        }
    }
    for (unsigned i = 0; i < ROUTES; i++) { /* routes that fold to the same path are one */
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(routes[i], routes[j]) == 0) {
                paths[j] += paths[i];
                paths[i] = 0;
            }
        }
    }
    qsort(order, ROUTES, sizeof(order[0]), by_count);
    for (unsigned i = 0; i < TOP; i++) {
        fprintf(file, "%s[\"%s\", %llu]", i == 0 ? "" : ", ", routes[order[i]],
                (unsigned long long)paths[order[i]]);
    }
}

static void
write_answers(FILE *file, uint64_t bytes)
{
    const char *comma = "";
    fprintf(file, "{\"bytes\": %llu, \"lines\": %llu, \"good_lines\": %llu,\n",
            (unsigned long long)bytes, (unsigned long long)all_lines,
            (unsigned long long)good_lines);
    fprintf(file,
            " \"hard\": {\"escaped_quotes\": %llu, \"extra_fields\": %llu, \"short\": %llu, "
            "\"damaged\": %llu},\n \"statuses\": {",
            (unsigned long long)hard[0], (unsigned long long)hard[1], (unsigned long long)hard[2],
            (unsigned long long)hard[3]);
    for (unsigned i = 0; i < STATUS_MAX; i++) {
        if (statuses[i] > 0) {
            fprintf(file, "%s\"%u\": %llu", comma, i, (unsigned long long)statuses[i]);
            comma = ", ";
        }
    }
    fprintf(file, "},\n \"percentiles\": {");
    for (unsigned g = 0; g < GROUPS; g++) {
        uint64_t total = 0;
        for (unsigned ms = 0; ms < MS_MAX; ms++) {
            total += times[g][ms];
        }
        fprintf(file, "%s\"%s\": [%u, %u, %u]", g == 0 ? "" : ", ", groups[g],
                percentile(times[g], total, 50), percentile(times[g], total, 90),
                percentile(times[g], total, 99));
    }
    fprintf(file, "},\n \"paths\": [");
    write_paths(file);
    fprintf(file, "]}\n");
}

static int
generate(uint64_t wanted, const char *log_path, const char *answers_path)
{
    static char block[1 << 20];
    FILE *log_file = fopen(log_path, "w"), *answers = fopen(answers_path, "w");
    if (log_file == NULL || answers == NULL) {
        perror("bench_logs_generate");
        return 1;
    }
    uint64_t bytes = 0, us = 1790000000000000u;
    while (bytes < wanted) {
        char *to = block;
        while (to < block + sizeof(block) - 8192) {
            us += below(2 * 1000000 / LINES_PER_SECOND);
            to = add_line(to, us);
        }
        bytes += (uint64_t)(to - block);
        if (fwrite(block, 1, (size_t)(to - block), log_file) != (size_t)(to - block)) {
            perror(log_path);
            return 1;
        }
    }
    write_answers(answers, bytes);
    int failed = fclose(log_file) != 0;
    return fclose(answers) != 0 || failed;
}

int
main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_logs_generate MEGABYTES SEED LOG ANSWERS.json\n");
        return 64;
    }
    state = strtoull(argv[2], NULL, 10);
    make_routes();
    make_people();
    zipf(host_sums, HOSTS, 1.1);
    zipf(route_sums, ROUTES, 1.0);
    zipf(agent_sums, AGENTS, 1.0);
    zipf(client_sums, CLIENTS, 0.8);
    return generate(strtoull(argv[1], NULL, 10) * 1000000, argv[3], argv[4]);
}
