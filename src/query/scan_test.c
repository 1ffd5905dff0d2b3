/* SPDX-License-Identifier: Apache-2.0
 * Tests of the scan: the same sums with one and with several threads, damaged, foreign and broken
 * files, numbers and offsets of lines, stopping. */
#include "query/scan.h"

#include "base/limits.h"
#include "base/rand.h"
#include "query/test_folder.h"

/* A sink that can be split: counts, and a sum that no order changes. */
struct sums {
    uint64_t lines, damaged, hash, numbered, stop_at;
};

static void *
sums_fork(void *state)
{
    const struct sums *first = state;
    struct sums *forked = xalloc(sizeof(*forked));
    forked->stop_at = first->stop_at;
    return forked;
}

static void
sums_join(void *state, void *forked)
{
    struct sums *to = state, *from = forked;
    to->lines += from->lines;
    to->damaged += from->damaged;
    to->hash += from->hash;
    to->numbered += from->numbered;
    xfree(from);
}

static bool
sums_line(void *state, const struct scan_line *line)
{
    struct sums *s = state;
    uint64_t hash = line->offset + 7;
    for (uint32_t i = 0; i < line->line.n; i++) {
        hash = hash * 31 + (unsigned char)line->line.p[i];
    }
    s->hash += hash;
    s->lines++;
    s->damaged += line->fault != LOG_FAULT_NONE;
    s->numbered += line->number != 0;
    return s->stop_at == 0 || s->lines < s->stop_at;
}

static const struct scan_sink split_sink = {sums_fork, sums_join, sums_line};
static const struct scan_sink single_sink = {.line = sums_line};

/* Lines of a log that looks like ours; every 50th is damaged, every 20th a 502. */
static void
make_log(struct buf *out, unsigned count, uint64_t seed)
{
    struct rand r;
    rand_seed(&r, seed);
    out->max = (size_t)1 << 30;
    for (unsigned i = 0; i < count; i++) {
        if (i % 50 == 49) {
            buf_add_z(out, "http damaged \"line\n");
            continue;
        }
        buf_addf(out,
                 "http 2026-09-23T11:%02u:%02u.%06uZ app/x/0a1b2c3d4e5f6071 192.0.2.%u:%u "
                 "10.0.0.1:80 0.001 0.%03u 0.000 %s 200 100 200 \"GET http://a:80/%u HTTP/1.1\" "
                 "\"agent\" - - arn:aws:x\n",
                 i / 60 % 60, i % 60, i % 1000000, (unsigned)rand_below(&r, 256),
                 1 + (unsigned)rand_below(&r, 60000), (unsigned)rand_below(&r, 1000),
                 i % 20 == 0 ? "502" : "200", (unsigned)rand_below(&r, 1000));
    }
}

static void
find_all(struct query_files *files)
{
    struct str paths[] = {str_of(test_root)};
    CHECK_INT(query_files_find(paths, 1, NULL, files, NULL), ERR_OK);
}

static struct scan_counts
run(const struct query_files *files, const struct scan_options *options,
    const struct scan_sink *sink, struct sums *sums)
{
    struct scan_counts counts;
    CHECK_INT(scan_run(files, options, sink, sums, &counts, NULL), ERR_OK);
    return counts;
}

TEST("one thread and four give the same sums, with plain, gzip, damaged and large files")
{
    struct buf text AUTO(buf_free) = {0};
    struct query_files files = {0};
    test_folder();
    for (unsigned i = 0; i < 20; i++) {
        char *name AUTO(xfree_ptr) = xprintf("%02u.log%s", i, i % 2 == 0 ? "" : ".gz");
        buf_reset(&text);
        make_log(&text, 200 * (i + 1), i);
        if (i % 2 == 0) {
            test_write(name, buf_str(&text));
        } else {
            test_write_gzip(name, buf_str(&text));
        }
    }
    unsigned small_lines = 200 * (20 * 21 / 2), large_lines = 0;
    buf_reset(&text);
    make_log(&text, 400000, 77);
    while (text.n * (large_lines / 400000) < (size_t)LIMIT_SCAN_RANGE_BYTES * 5 / 2) {
        test_append("large.log", buf_str(&text));
        large_lines += 400000;
    }
    find_all(&files);
    struct query_filter *filter AUTO(query_filter_free) = query_filter_new();
    CHECK_INT(query_filter_set(filter, STR("status"), STR("5xx"), 0, NULL), ERR_OK);
    struct sums sums[4] = {0};
    struct scan_counts counts[4];
    for (size_t i = 0; i < 4; i++) {
        struct scan_options options = {
            .threads = i < 2 ? 1 : 4, .damaged = true, .filter = i % 2 == 0 ? NULL : filter};
        counts[i] = run(&files, &options, &split_sink, &sums[i]);
        CHECK_INT(counts[i].files, 21);
        CHECK_INT(counts[i].lines, small_lines + large_lines);
        CHECK_INT(counts[i].damaged[LOG_FAULT_UNCLOSED_QUOTE], counts[i].lines / 50);
        CHECK_INT(counts[i].good[LOG_ACCESS], counts[i].lines / 50 * 49);
        CHECK_INT(counts[i].bytes_read, files.bytes);
        CHECK_INT(sums[i].damaged, counts[i].lines / 50);
        CHECK_INT(sums[i].lines, counts[i].passed + sums[i].damaged);
    }
    CHECK_INT(sums[0].hash, sums[2].hash);
    CHECK_INT(sums[1].hash, sums[3].hash);
    CHECK_INT(counts[0].passed, counts[0].good[LOG_ACCESS]);
    CHECK_INT(counts[1].passed, counts[1].lines / 100 * 5);
    CHECK_INT(counts[0].bytes, counts[2].bytes);
    CHECK_INT(sums[0].numbered, sums[0].lines);
    CHECK_INT(sums[2].numbered, small_lines);
    query_files_free(&files);
}

struct seen {
    uint64_t numbers[8], offsets[8];
    size_t count;
};

static bool
seen_line(void *state, const struct scan_line *line)
{
    struct seen *s = state;
    s->numbers[s->count] = line->number;
    s->offsets[s->count++] = line->offset;
    return s->count < COUNT_OF(s->numbers);
}

TEST("empty lines count for the numbers only, and CR LF is a line end")
{
    static const char line[] = "http 2026-09-23T11:02:31Z app/x/0a1b2c3d4e5f6071 192.0.2.1:1 - -1 "
                               "-1 -1 200 - 0 0 \"GET http://a:80/ HTTP/1.1\" \"-\" - - -";
    struct buf text AUTO(buf_free) = {0};
    struct query_files files = {0};
    struct seen seen = {0};
    const struct scan_sink sink = {.line = seen_line};
    struct scan_options options = {0};
    test_folder();
    buf_addf(&text, "\n\r\n%s\r\n\n%s", line, line);
    test_write("a.log", buf_str(&text));
    find_all(&files);
    struct scan_counts counts;
    CHECK_INT(scan_run(&files, &options, &sink, &seen, &counts, NULL), ERR_OK);
    CHECK_INT(counts.lines, 2);
    CHECK_INT(seen.count, 2);
    CHECK_INT(seen.numbers[0], 3);
    CHECK_INT(seen.offsets[0], 3);
    CHECK_INT(seen.numbers[1], 5);
    CHECK_INT(seen.offsets[1], 3 + strlen(line) + 2 + 1);
    query_files_free(&files);
}

struct remarks {
    struct buf text;
    unsigned count;
};

static void
note(void *context, const char *path, const char *sentence)
{
    struct remarks *r = context;
    buf_addf(&r->text, "%s: %s\n", path, sentence);
    r->count++;
}

TEST("files of other products and broken ones are remarked once, the rest is read")
{
    struct buf text AUTO(buf_free) = {0}, packed AUTO(buf_free) = {0};
    test_folder();
    make_log(&text, 100, 1);
    test_write("good.log", buf_str(&text));
    test_gzip(&packed, buf_str(&text));
    test_write("cut.gz", str_sub(buf_str(&packed), 0, packed.n - 4));
    test_write("classic.log",
               STR("2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 "
                   "0.000073 0.001048 0.000057 200 200 0 29 \"GET http://www.example.com:80/ "
                   "HTTP/1.1\" \"curl/7.38.0\" - -\n"));
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct query_files files = {0};
        struct remarks remarks = {0};
        struct sums sums = {0};
        struct scan_options options = {
            .threads = threads, .remark = note, .remark_context = &remarks};
        find_all(&files);
        struct scan_counts counts = run(&files, &options, &split_sink, &sums);
        CHECK_INT(counts.files, 3);
        CHECK_INT(counts.foreign_files, 1);
        CHECK_INT(counts.broken_files, 1);
        CHECK_INT(counts.lines, 200);
        CHECK_INT(sums.lines, 196);
        CHECK_INT(sums.damaged, 0); /* nobody asked for them */
        CHECK_INT(remarks.count, 2);
        CHECK(str_find(buf_str(&remarks.text), STR("cut.gz"), NULL));
        CHECK(str_find(buf_str(&remarks.text), STR("classic.log"), NULL));
        buf_free(&remarks.text);
        query_files_free(&files);
    }
}

TEST("a sink that has enough ends the scan, and so does a signal")
{
    struct buf text AUTO(buf_free) = {0};
    struct query_files files = {0};
    volatile sig_atomic_t stop = 1;
    test_folder();
    make_log(&text, 1000, 1);
    test_write("a.log", buf_str(&text));
    test_write("b.log", buf_str(&text));
    find_all(&files);
    struct sums sums = {.stop_at = 5};
    (void)run(&files, &(struct scan_options){.threads = 4}, &single_sink, &sums);
    CHECK_INT(sums.lines, 5);
    sums = (struct sums){0};
    struct scan_counts counts =
        run(&files, &(struct scan_options){.threads = 4, .stop = &stop}, &split_sink, &sums);
    CHECK_INT(sums.lines, 0);
    CHECK_INT(counts.lines, 0);
    query_files_free(&files);
}

TEST("no files, no lines")
{
    struct query_files files = {0};
    struct sums sums = {0};
    struct scan_counts counts = run(&files, &(struct scan_options){0}, &split_sink, &sums);
    CHECK_INT(counts.files, 0);
    CHECK_INT(sums.lines, 0);
}

TEST_MAIN
