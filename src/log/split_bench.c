/* SPDX-License-Identifier: Apache-2.0
 * Gigabytes per second of splitting log lines of about 650 bytes: each splitter that this processor
 * can run, the whole of log_line_split, and the values that statistics read of a line. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "log/read_int.h"

#include <stdio.h>
#include <sys/resource.h>

enum { LINES = 20000, ROUNDS = 10, REPEATS = 5 };

struct sample {
    struct buf text; /* owned */
    size_t at[LINES + 1];
};

static struct sample sample;

/* Blank-free text of up to `max` letters. */
static struct str
some_letters(struct rand *r, size_t max)
{
    static const char letters[] = "garden-chairs/green/tables-and-other-things/of-some-length/"
                                  "that-people-ask-for/in-the-shop";
    return (struct str){letters, 1 + rand_below(r, MIN_OF(max, sizeof(letters) - 1))};
}

static void
add_line(struct buf *b, struct rand *r, uint64_t wall_us)
{
    char time[64];
    struct out o = out_of(time, sizeof(time));
    out_iso8601(&o, wall_us, false);
    struct str t = str_span(time, o.p);
    struct str words = some_letters(r, 60);
    struct str query = some_letters(r, 40);
    unsigned host = (unsigned)rand_below(r, 250);
    buf_addf(b,
             "https %.*s app/edge-one/0a1b2c3d4e5f6071 198.51.100.%u:%u 10.3.1.%u:8443 0.001 "
             "0.%03u 0.000 200 200 %u %u \"GET https://shop.example:443/%.*s?page=%.*s "
             "HTTP/2.0\" ",
             STR_ARG(t), host, 1024 + (unsigned)rand_below(r, 60000), host,
             (unsigned)rand_below(r, 1000), (unsigned)rand_below(r, 2000),
             (unsigned)rand_below(r, 200000), STR_ARG(words), STR_ARG(query));
    buf_addf(
        b,
        "\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\" TLS_AES_128_GCM_SHA256 TLSv1.3 "
        "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/"
        "99aabbccddeeff00 \"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\" \"shop.example\" "
        "\"session-reused\" 10 %.*s \"waf,forward\" \"-\" \"-\" \"10.3.1.%u:8443\" \"200\" "
        "\"-\" \"-\" TID_0123456789abcdef0123456789abcdef \"-\" \"-\" \"-\" 203.0.113.9",
        STR_ARG(t), host);
}

static void
make_sample(void)
{
    struct rand r;
    rand_seed(&r, 5);
    uint64_t wall_us = UINT64_C(1790161351442190);
    for (size_t i = 0; i < LINES; i++) {
        sample.at[i] = sample.text.n;
        add_line(&sample.text, &r, wall_us);
        buf_add_char(&sample.text, '\n');
        wall_us += rand_below(&r, 2000);
    }
    sample.at[LINES] = sample.text.n;
    static const char pad[LOG_READ_PAD];
    buf_add(&sample.text, pad, sizeof(pad));
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

/* What is done with each line; a sum keeps the compiler from leaving it out. */
typedef uint64_t work_fn(const struct log_splitter *s, const char *p, size_t n, struct log_line *l);

static uint64_t
work_split(const struct log_splitter *s, const char *p, size_t n, struct log_line *l)
{
    return (uint64_t)s->run(p, n, l) + l->count;
}

static uint64_t
work_line(UNUSED const struct log_splitter *s, const char *p, size_t n, struct log_line *l)
{
    return (uint64_t)log_line_split(p, n, l) + l->count;
}

static uint64_t
work_values(UNUSED const struct log_splitter *s, const char *p, size_t n, struct log_line *l)
{
    static struct log_clock created;
    struct log_request request;
    uint64_t creation_us = 0;
    uint64_t target_us = 0;
    (void)log_line_split(p, n, l);
    (void)log_time(&created, log_line_field(l, LOG_ACCESS_REQUEST_CREATION_TIME), &creation_us);
    (void)log_seconds(log_line_field(l, LOG_ACCESS_TARGET_PROCESSING_TIME), &target_us);
    log_request(log_line_field(l, LOG_ACCESS_REQUEST), &request);
    return creation_us + target_us + log_status(log_line_field(l, LOG_ACCESS_ELB_STATUS_CODE)) +
           log_number(log_line_field(l, LOG_ACCESS_SENT_BYTES)) + request.path.n;
}

static void
measure(const char *name, const struct log_splitter *s, work_fn *work)
{
    static struct log_line line;
    double best = 0;
    uint64_t sum = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        double begin = cpu_ns();
        for (int round = 0; round < ROUNDS; round++) {
            for (size_t i = 0; i < LINES; i++) {
                size_t n = sample.at[i + 1] - sample.at[i] - 1;
                sum += work(s, sample.text.p + sample.at[i], n, &line);
            }
        }
        double ns = (cpu_ns() - begin) / ROUNDS;
        best = repeat == 0 || ns < best ? ns : best;
    }
    size_t bytes = sample.at[LINES];
    printf("log_split what=%s bytes_per_line=%zu ns_per_line=%.1f gb_per_s=%.2f sum=%llu\n", name,
           bytes / LINES, best / LINES, (double)bytes / best, (unsigned long long)sum);
}

int
main(void)
{
    make_sample();
    const struct log_splitter *s;
    for (size_t i = 0; (s = log_splitter(i)) != NULL; i++) {
        if (s->usable()) {
            measure(s->name, s, work_split);
        }
    }
    measure("log_line_split", NULL, work_line);
    measure("log_line_split+values", NULL, work_values);
    buf_free(&sample.text);
    return 0;
}
