/* SPDX-License-Identifier: Apache-2.0
 * CPU time of splitting and of the statistics on a log that lies in memory, per line and in MB/s;
 * `query_stats_bench FILE`. Without a file it measures lines of its own making. */
#include "query/stats.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"

#include <stdio.h>
#include <sys/resource.h>

enum { REPEATS = 5, OWN_LINES = 200 * 1000 };

static double
cpu_s(void)
{
    struct rusage used = {0};
    (void)getrusage(RUSAGE_SELF, &used); /* cannot fail for oneself */
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void
make_lines(struct buf *text)
{
    struct rand r;
    rand_seed(&r, 1);
    text->max = (size_t)1 << 30;
    for (unsigned i = 0; i < OWN_LINES; i++) {
        unsigned ms = (unsigned)rand_below(&r, 300), target = (unsigned)rand_below(&r, 24);
        buf_addf(text,
                 "https 2026-09-23T11:%02u:31.%06uZ app/edge-one/0a1b2c3d4e5f6071 "
                 "198.51.%u.%u:50112 10.3.1.%u:8443 0.001 0.%03u 0.000 200 200 512 18231 \"GET "
                 "https://h%u.shop.example:443/user/%u/cart?id=7 HTTP/2.0\" \"ExampleAgent/4.%u "
                 "(X11; Linux x86_64) with some more words of usual length, as agents have\" "
                 "TLS_AES_128_GCM_SHA256 TLSv1.3 arn:aws:elasticloadbalancing:eu-central-1:"
                 "111122223333:targetgroup/web-%u/99aabbccddeeff00 "
                 "\"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff\" \"shop.example\" "
                 "\"arn:aws:acm:eu-central-1:111122223333:certificate/0f0f0f0f-1111-2222-3333-"
                 "444444444444\" 10 2026-09-23T11:%02u:31.000000Z \"waf,forward\" \"-\" \"-\" "
                 "\"10.3.1.17:8443\" \"200\" \"-\" \"-\" TID_0123456789abcdef0123456789abcdef "
                 "\"-\" \"-\" \"-\" 203.0.113.9 \"-\" \"-\"\n",
                 i / 4000, (unsigned)rand_below(&r, 1000000), (unsigned)rand_below(&r, 256),
                 (unsigned)rand_below(&r, 256), target, ms, (unsigned)rand_below(&r, 40),
                 (unsigned)rand_below(&r, 900000), (unsigned)rand_below(&r, 300), target % 4,
                 i / 4000);
    }
}

static bool
read_file(const char *path, struct buf *text)
{
    char block[1 << 16];
    size_t n;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        return false;
    }
    text->max = (size_t)1 << 32;
    while ((n = fread(block, 1, sizeof(block), file)) > 0) {
        buf_add(text, block, n);
    }
    return fclose(file) == 0;
}

/* Without statistics: splitting alone. Returns the number of good lines. */
static uint64_t
pass(struct str text, struct stats *stats)
{
    struct scan_line scan = {.path = "bench"};
    uint64_t lines = 0;
    const char *end = text.p + text.n;
    for (const char *p = text.p; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        scan.fault = log_line_split(p, (size_t)(newline - p), &scan.line);
        if (scan.fault == LOG_FAULT_NONE) {
            lines++;
            if (stats != NULL && !stats_sink.line(stats, &scan)) {
                break;
            }
        }
        p = newline + 1;
    }
    return lines;
}

static double
measure(struct str text, bool with_stats, uint64_t *ret_lines)
{
    double best = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        struct stats_options options = {0};
        struct stats *stats = with_stats ? stats_new(&options) : NULL;
        double begin = cpu_s();
        *ret_lines = pass(text, stats);
        if (with_stats) {
            (void)stats_finish(stats);
        }
        double took = cpu_s() - begin;
        best = repeat == 0 || took < best ? took : best;
        stats_free(&stats);
    }
    return best;
}

int
main(int argc, char **argv)
{
    struct buf text = {0};
    if (argc > 1 && !read_file(argv[1], &text)) {
        return 1;
    }
    if (argc < 2) {
        make_lines(&text);
    }
    struct str body = buf_str(&text);
    while (body.n > 0 && body.p[body.n - 1] != '\n') {
        body.n--;
    }
    buf_add(&text, (char[LOG_READ_PAD]){0}, LOG_READ_PAD);
    body.p = text.p;
    for (int with_stats = 0; with_stats < 2; with_stats++) {
        uint64_t lines = 0;
        double took = measure(body, with_stats != 0, &lines);
        printf(
            "query_stats stage=%s lines=%llu bytes=%zu ns_per_line=%.0f mb_per_cpu_second=%.0f\n",
            with_stats != 0 ? "split+stats" : "split", (unsigned long long)lines, body.n,
            took * 1e9 / (double)lines, (double)body.n / took / 1e6);
    }
    buf_free(&text);
    return 0;
}
