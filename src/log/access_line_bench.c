/* SPDX-License-Identifier: Apache-2.0
 * CPU nanoseconds per access-log line of a typical forwarded HTTPS request, IPv4 and IPv6. */
#include "log/log.h"

#include "base/clock.h"

#include <stdio.h>
#include <sys/resource.h>

enum { ROUNDS = 1000 * 1000, REPEATS = 5 };

static char lines[2 * LIMIT_LOG_LINE_MAX];

static struct access_record
typical(struct addr *target, const char *client)
{
    struct access_record r = {
        .type = STR("https"),
        .elb = STR("app/edge-one/0a1b2c3d4e5f6071"),
        .target = target,
        .request_us = 1234,
        .target_us = 36501,
        .response_us = 499,
        .elb_status = 200,
        .target_status = 200,
        .received_bytes = 512,
        .sent_bytes = 18231,
        .method = STR("GET"),
        .scheme = STR("https"),
        .host = STR("shop.example"),
        .uri = STR("/catalogue/garden/chairs?colour=green&page=3"),
        .version = STR("HTTP/1.1"),
        .port = 443,
        .user_agent = STR("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                          "Chrome/140.0.0.0 Safari/537.36"),
        .ssl_cipher = STR("TLS_AES_128_GCM_SHA256"),
        .ssl_protocol = STR("TLSv1.3"),
        .target_group_arn = STR("arn:aws:elasticloadbalancing:eu-central-1:111122223333:"
                                "targetgroup/web/99aabbccddeeff00"),
        .trace_id = STR("Root=1-68d27f07-00aa11bb22cc33dd44ee55ff"),
        .domain_name = STR("shop.example"),
        .certificate_arn = STR("arn:aws:acm:eu-central-1:111122223333:certificate/"
                               "0f0f0f0f-1111-2222-3333-444444444444"),
        .rule_priority = 10,
        .actions = STR("forward"),
    };
    if (!addr_parse(str_of(client), 50112, &r.client) ||
        !addr_parse(STR("203.0.113.9"), 443, &r.node)) {
        fprintf(stderr, "bad address\n");
    }
    return r;
}

/* CPU time of this process: what others do on the machine counts less. */
static double
cpu_ns(void)
{
    struct rusage used = {0};
    (void)getrusage(RUSAGE_SELF, &used); /* cannot fail for oneself */
    double us = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return us * 1e3;
}

static double
measure(struct access_record *r, size_t *ret_bytes)
{
    double best = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t wall_us = clock_wall_us();
        double begin = cpu_ns();
        for (int i = 0; i < ROUNDS; i++) {
            struct out o = out_of(lines, sizeof(lines));
            r->time_wall_us = wall_us + (uint64_t)i * 20;
            r->creation_wall_us = r->time_wall_us - 38234;
            access_line(&o, r);
            *ret_bytes = (size_t)(o.p - lines);
        }
        double ns = (cpu_ns() - begin) / ROUNDS;
        best = repeat == 0 || ns < best ? ns : best;
    }
    return best;
}

int
main(void)
{
    static const char *const clients[] = {"198.51.100.24", "2001:db8:4:1f::9"};
    struct addr target;
    if (!addr_parse(STR("10.3.1.17"), 8443, &target)) {
        return 1;
    }
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        size_t bytes = 0;
        struct access_record r = typical(&target, clients[i]);
        double ns = measure(&r, &bytes);
        printf("access_line client=%s bytes=%zu ns_per_line=%.0f\n", clients[i], bytes, ns);
    }
    return 0;
}
