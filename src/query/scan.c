/* SPDX-License-Identifier: Apache-2.0
 * One pass over many files. Threads take units of work (a file, or a part of a large plain one)
 * from a shared counter; each has its own stream, clock and sink state. After each block a thread
 * adds what it counted to the sums that all share, so they are right at any time. */
#include "query/scan.h"

#include "query/source_int.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_MS = 250 };

struct scan {
    const struct scan_options *options;
    const struct scan_sink *sink;
    struct query_file *units; /* owned; paths are borrowed */
    size_t unit_count, unit_cap;
    uint64_t bytes_total;
    atomic_size_t next_unit;
    atomic_bool ended; /* the sink has enough, or a signal came */

    pthread_mutex_t lock; /* over all below, and over calls of progress and remark */
    pthread_cond_t thread_ended;
    size_t threads_running;
    struct scan_counts counts;
    uint64_t progress_at_us;
};

struct worker {
    struct scan *scan;           /* borrowed */
    void *state;                 /* of the sink; owned by it */
    struct query_stream *stream; /* owned */
    struct log_clock clock;
    struct scan_counts counts; /* not yet added to the shared ones */
    uint64_t read_bytes;       /* of this file, counted so far */
    unsigned field_counts[LOG_KIND_COUNT];
    bool is_caller;
};

/* ---- sums ---- */

/* All members are sums of one type. */
static void
counts_add(struct scan_counts *to, const struct scan_counts *from)
{
    _Static_assert(sizeof(*to) % sizeof(uint64_t) == 0, "numbers only");
    uint64_t t[sizeof(*to) / sizeof(uint64_t)], f[sizeof(*to) / sizeof(uint64_t)];
    memcpy(t, to, sizeof(t));
    memcpy(f, from, sizeof(f));
    for (size_t i = 0; i < COUNT_OF(t); i++) {
        t[i] += f[i];
    }
    memcpy(to, t, sizeof(t));
}

static bool
is_over(struct scan *s)
{
    if (s->options->stop != NULL && *s->options->stop != 0) {
        atomic_store_explicit(&s->ended, true, memory_order_relaxed);
    }
    return atomic_load_explicit(&s->ended, memory_order_relaxed);
}

/* With the lock held. */
static void
tell_progress(struct scan *s)
{
    uint64_t now_us = clock_mono_us();
    if (s->options->progress != NULL && now_us - s->progress_at_us >= PROGRESS_MS * 1000) {
        s->progress_at_us = now_us;
        s->options->progress(s->options->progress_context, &s->counts, s->bytes_total);
    }
}

static void
worker_publish(struct worker *w)
{
    struct scan *s = w->scan;
    if (pthread_mutex_lock(&s->lock) != 0) {
        NEVER("the lock is sound");
    }
    counts_add(&s->counts, &w->counts);
    if (w->is_caller) {
        tell_progress(s);
    }
    (void)pthread_mutex_unlock(&s->lock); /* we hold it */
    w->counts = (struct scan_counts){0};
}

static void
remark(struct scan *s, const char *path, const char *sentence)
{
    if (s->options->remark == NULL) {
        return;
    }
    if (pthread_mutex_lock(&s->lock) != 0) {
        NEVER("the lock is sound");
    }
    s->options->remark(s->options->remark_context, path, sentence);
    (void)pthread_mutex_unlock(&s->lock); /* we hold it */
}

/* ---- lines ---- */

/* False: the sink has enough. */
static bool
worker_damaged(struct worker *w, const struct scan_line *line)
{
    w->counts.damaged[line->fault]++;
    return !w->scan->options->damaged || w->scan->sink->line(w->state, line);
}

static bool
worker_line(struct worker *w, struct scan_line *line, const char *p, size_t n)
{
    const struct scan_options *options = w->scan->options;
    line->fault = log_line_split(p, n, &line->line);
    if (UNLIKELY(line->fault == LOG_FAULT_EMPTY)) {
        return true;
    }
    w->counts.lines++;
    if (UNLIKELY(line->fault != LOG_FAULT_NONE)) {
        return worker_damaged(w, line);
    }
    w->counts.good[line->line.kind]++;
    w->counts.new_fields += line->line.count > w->field_counts[line->line.kind];
    if (options->filter != NULL && !query_filter_match(options->filter, &line->line, &w->clock)) {
        return true;
    }
    w->counts.passed++;
    return w->scan->sink->line(w->state, line);
}

/* *number: of the last line before the block, or NULL if it is not known. */
static bool
worker_block(struct worker *w, const struct query_file *file, const struct query_block *block,
             uint64_t *number)
{
    struct scan_line line;
    line.path = file->path;
    line.number = 0;
    const char *p = block->p, *end = block->p + block->n;
    while (p < end) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        ASSERT(line_end != NULL);
        if (number != NULL) {
            line.number = ++*number;
        }
        line.offset = block->offset + (uint64_t)(p - block->p);
        if (!worker_line(w, &line, p, (size_t)(line_end - p))) {
            return false;
        }
        p = line_end + 1;
    }
    return true;
}

/* ---- files ---- */

/* NULL, or why nobody wants to read on. */
static const char *
foreign_sentence(const struct query_block *first)
{
    size_t n = MIN_OF(first->n, (size_t)LIMIT_SCAN_FOREIGN_BYTES);
    const char *end = last_line_end(first->p, n);
    return log_foreign((struct str){first->p, end == NULL ? n : (size_t)(end - first->p)});
}

static bool
worker_is_foreign(struct worker *w, const struct query_file *file, const struct query_block *first)
{
    const char *sentence = foreign_sentence(first);
    if (sentence == NULL) {
        return false;
    }
    w->counts.foreign_files++;
    remark(w->scan, file->path, tr(sentence));
    return true;
}

/* A part of a file is read a little further than it reaches: that counts for the next one. */
static void
worker_count_bytes(struct worker *w, const struct query_file *file, uint64_t text_bytes)
{
    uint64_t read_bytes = query_stream_read_bytes(w->stream);
    if (file->to != 0) {
        uint64_t end = MIN_OF(file->to, file->bytes);
        read_bytes = MIN_OF(read_bytes, end - MIN_OF(end, file->from));
    }
    w->counts.bytes += text_bytes;
    w->counts.bytes_read += read_bytes - w->read_bytes;
    w->read_bytes = read_bytes;
    worker_publish(w);
}

/* Reads the stream to its end. */
static void
worker_read(struct worker *w, const struct query_file *file)
{
    struct errinfo info;
    struct query_block block;
    uint64_t number = 0;
    enum io io;
    bool first = file->from == 0;
    while (!is_over(w->scan) && (io = query_stream_next(w->stream, &block, &info)) != IO_EOF) {
        if (io == IO_FAIL) {
            w->counts.broken_files++;
            remark(w->scan, file->path, info.text);
            break;
        }
        if (first && worker_is_foreign(w, file, &block)) {
            break;
        }
        first = false;
        if (!worker_block(w, file, &block, file->to == 0 ? &number : NULL)) {
            atomic_store(&w->scan->ended, true);
        }
        worker_count_bytes(w, file, block.n);
    }
    worker_count_bytes(w, file, 0);
}

static void
worker_unit(struct worker *w, const struct query_file *file)
{
    struct errinfo info;
    w->counts.files += file->from == 0;
    w->read_bytes = 0;
    if (stream_begin(w->stream, file, &info) != ERR_OK) {
        w->counts.broken_files += file->from == 0;
        if (file->from == 0) {
            remark(w->scan, file->path, info.text);
        }
        worker_publish(w);
        return;
    }
    worker_read(w, file);
    stream_end(w->stream);
}

static void
worker_run(struct worker *w)
{
    struct scan *s = w->scan;
    for (;;) {
        size_t i = atomic_fetch_add(&s->next_unit, 1);
        if (i >= s->unit_count || is_over(s)) {
            return;
        }
        worker_unit(w, &s->units[i]);
    }
}

static void *
worker_thread(void *context)
{
    struct worker *w = context;
    worker_run(w);
    if (pthread_mutex_lock(&w->scan->lock) != 0) {
        NEVER("the lock is sound");
    }
    w->scan->threads_running--;
    (void)pthread_cond_signal(&w->scan->thread_ended); /* never fails */
    (void)pthread_mutex_unlock(&w->scan->lock);        /* we hold it */
    return NULL;
}

/* ---- units ---- */

static void
add_unit(struct scan *s, const struct query_file *file, uint64_t from, uint64_t to)
{
    struct query_file *unit = VEC_PUSH(s->units, s->unit_count, s->unit_cap);
    *unit = *file;
    unit->from = from;
    unit->to = to;
}

/* Is this a plain file that is worth several threads, and of our kind? What it is not is found out
 * (and said) when it is read as a whole. */
static bool
is_worth_cutting(struct query_stream *stream, const struct query_file *file)
{
    struct query_block block;
    if (file->bytes <= LIMIT_SCAN_RANGE_BYTES || file->from != 0 || file->to != 0 ||
        stream_begin(stream, file, NULL) != ERR_OK) {
        return false;
    }
    bool plain = query_stream_next(stream, &block, NULL) == IO_DONE && !stream_is_gzip(stream) &&
                 foreign_sentence(&block) == NULL;
    stream_end(stream);
    return plain;
}

/* The last part has no end: the file may have grown. */
static void
cut_file(struct scan *s, const struct query_file *file)
{
    uint64_t from = 0;
    while (file->bytes - from > LIMIT_SCAN_RANGE_BYTES) {
        add_unit(s, file, from, from + LIMIT_SCAN_RANGE_BYTES);
        from += LIMIT_SCAN_RANGE_BYTES;
    }
    add_unit(s, file, from, UINT64_MAX);
}

static void
make_units(struct scan *s, const struct query_files *files, unsigned threads)
{
    struct query_stream *stream AUTO(query_stream_close) =
        threads > 1 ? stream_new(inflate_best()) : NULL;
    for (size_t i = 0; i < files->count; i++) {
        const struct query_file *file = &files->items[i];
        s->bytes_total += file->bytes;
        if (stream != NULL && is_worth_cutting(stream, file)) {
            cut_file(s, file);
        } else {
            add_unit(s, file, file->from, file->to);
        }
    }
}

static unsigned
choose_threads(const struct scan_options *options, const struct scan_sink *sink)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = options->threads != 0 ? options->threads
                      : processors > 0      ? (unsigned)MIN_OF(processors, 1024)
                                            : 1;
    return sink->fork == NULL ? 1 : MIN_OF(wanted, (unsigned)LIMIT_SCAN_THREADS);
}

/* ---- the whole ---- */

static void
worker_init(struct worker *w, struct scan *s, void *state)
{
    w->scan = s;
    w->state = state;
    w->stream = stream_new(inflate_best());
    stream_uncounted(w->stream);
    stream_stop(w->stream, s->options->stop);
    for (unsigned kind = 0; kind < LOG_KIND_COUNT; kind++) {
        w->field_counts[kind] = log_field_count(kind);
    }
}

/* The caller has no more to do: tells progress until the others have ended, too. */
static void
wait_for_threads(struct scan *s)
{
    if (pthread_mutex_lock(&s->lock) != 0) {
        NEVER("the lock is sound");
    }
    while (s->threads_running > 0) {
        struct timespec until;
        uint64_t until_us = clock_mono_us() + PROGRESS_MS * 1000;
        until.tv_sec = (time_t)(until_us / 1000000);
        until.tv_nsec = (long)(until_us % 1000000 * 1000);
        (void)pthread_cond_timedwait(&s->thread_ended, &s->lock, &until); /* either is fine */
        tell_progress(s);
    }
    (void)pthread_mutex_unlock(&s->lock); /* we hold it */
}

/* Starts as many threads as there are; fewer do the same work. */
static unsigned
start_threads(struct scan *s, struct worker *workers, pthread_t *threads, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        worker_init(&workers[i], s, s->sink->fork(workers[0].state));
        s->threads_running++;
        if (pthread_create(&threads[i], NULL, worker_thread, &workers[i]) != 0) {
            s->threads_running--;
            s->sink->join(workers[0].state, workers[i].state);
            query_stream_close(&workers[i].stream);
            return i;
        }
    }
    return count;
}

static void
run_all(struct scan *s, void *state, unsigned count)
{
    struct worker workers[LIMIT_SCAN_THREADS] = {0};
    pthread_t threads[LIMIT_SCAN_THREADS];
    worker_init(&workers[0], s, state);
    workers[0].is_caller = true;
    if (pthread_mutex_lock(&s->lock) != 0) { /* those that are started first wait for the rest */
        NEVER("the lock is sound");
    }
    count = start_threads(s, workers, threads, count);
    (void)pthread_mutex_unlock(&s->lock); /* we hold it */
    worker_run(&workers[0]);
    wait_for_threads(s);
    query_stream_close(&workers[0].stream);
    for (unsigned i = 1; i < count; i++) {
        if (pthread_join(threads[i], NULL) != 0) {
            NEVER("the thread was started and is joined once");
        }
        s->sink->join(state, workers[i].state);
        query_stream_close(&workers[i].stream);
    }
}

static void
scan_init_locks(struct scan *s)
{
    pthread_condattr_t attributes;
    bool good = pthread_mutex_init(&s->lock, NULL) == 0 &&
                pthread_condattr_init(&attributes) == 0 &&
                pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&s->thread_ended, &attributes) == 0;
    ASSERT(good); /* on Linux they need nothing that could be missing */
    (void)pthread_condattr_destroy(&attributes); /* never fails */
}

enum err
scan_run(const struct query_files *files, const struct scan_options *options,
         const struct scan_sink *sink, void *state, struct scan_counts *ret_counts,
         struct errinfo *reterr)
{
    (void)reterr; /* kept for errors to come: files that fail are remarked, and counted */
    ASSERT(sink->line != NULL);
    ASSERT((sink->fork == NULL) == (sink->join == NULL));
    struct scan s = {.options = options, .sink = sink, .progress_at_us = clock_mono_us()};
    scan_init_locks(&s);
    unsigned threads = choose_threads(options, sink);
    make_units(&s, files, threads);
    run_all(&s, state, (unsigned)MAX_OF(MIN_OF((size_t)threads, s.unit_count), (size_t)1));
    (void)pthread_cond_destroy(&s.thread_ended); /* nobody waits */
    (void)pthread_mutex_destroy(&s.lock);        /* nobody holds it */
    xfree(s.units);
    *ret_counts = s.counts;
    return ERR_OK;
}
