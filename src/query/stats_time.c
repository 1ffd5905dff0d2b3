/* SPDX-License-Identifier: Apache-2.0
 * The time line: buckets in a row, whose width is doubled whenever there would be too many. Buckets
 * begin at multiples of their width, so that the width in the end depends on the earliest and the
 * latest line alone. */
#include "query/stats_int.h"

static void
span_free(struct stats *s, struct stats_span *span)
{
    if (span != NULL) {
        stats_hist_drop(&s->pages, &span->duration);
        stats_hist_drop(&s->pages, &span->target_time);
        xfree(span);
    }
}

void
stats_timeline_done(struct stats *s)
{
    for (size_t i = 0; i < s->timeline.count; i++) {
        span_free(s, s->timeline.spans[i]);
    }
    xfree(s->timeline.spans);
    s->timeline = (struct stats_timeline){0};
}

static void
span_join(struct stats *s, struct stats_span *span, const struct stats_span *from)
{
    for (int i = 0; i < STATS_CLASSES; i++) {
        span->classes[i] += from->classes[i];
    }
    span->received_bytes = stats_sum(span->received_bytes, from->received_bytes);
    span->sent_bytes = stats_sum(span->sent_bytes, from->sent_bytes);
    stats_hist_join(&s->pages, &span->duration, &from->duration);
    stats_hist_join(&s->pages, &span->target_time, &from->target_time);
}

/* Two buckets become one. */
static void
double_width(struct stats *s)
{
    struct stats_timeline *t = &s->timeline;
    uint64_t first = t->first / 2;
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        size_t to = (size_t)((t->first + i) / 2 - first);
        struct stats_span *span = t->spans[i];
        t->spans[i] = NULL;
        if (t->spans[to] != NULL && span != NULL) {
            span_join(s, t->spans[to], span);
            span_free(s, span);
        } else if (span != NULL) {
            t->spans[to] = span;
        }
        count = to + 1;
    }
    t->first = first;
    t->count = count;
    t->width_us *= 2;
}

/* So many buckets would be needed with this moment among them. */
static uint64_t
buckets_with(const struct stats_timeline *t, uint64_t time_us)
{
    uint64_t at = time_us / t->width_us;
    if (t->count == 0) {
        return 1;
    }
    return MAX_OF(at, t->first + t->count - 1) - MIN_OF(at, t->first) + 1;
}

static void
widen(struct stats_timeline *t, uint64_t at)
{
    if (t->spans == NULL) {
        t->spans = xalloc(LIMIT_STATS_BUCKETS * sizeof(struct stats_span *));
    }
    if (t->count == 0) {
        t->first = at;
    }
    if (at < t->first) {
        size_t by = (size_t)(t->first - at);
        memmove(t->spans + by, t->spans, t->count * sizeof(struct stats_span *));
        memset(t->spans, 0, by * sizeof(struct stats_span *));
        t->first = at;
        t->count += by;
    }
    t->count = MAX_OF(t->count, (size_t)(at - t->first) + 1);
    ASSERT(t->count <= LIMIT_STATS_BUCKETS);
}

struct stats_span *
stats_timeline_span(struct stats *s, uint64_t time_us)
{
    struct stats_timeline *t = &s->timeline;
    while (buckets_with(t, time_us) > LIMIT_STATS_BUCKETS) {
        double_width(s);
    }
    uint64_t at = time_us / t->width_us;
    if (t->count == 0 || at < t->first || at - t->first >= t->count) {
        widen(t, at);
    }
    struct stats_span **span = &t->spans[at - t->first];
    if (*span == NULL) {
        *span = xalloc(sizeof(**span));
    }
    return *span;
}

void
stats_timeline_join(struct stats *s, const struct stats *from)
{
    const struct stats_timeline *t = &from->timeline;
    while (s->timeline.width_us < t->width_us) {
        double_width(s);
    }
    for (size_t i = 0; i < t->count; i++) {
        if (t->spans[i] == NULL) {
            continue;
        }
        struct stats_span *span = stats_timeline_span(s, (t->first + i) * t->width_us);
        span_join(s, span, t->spans[i]);
    }
}
