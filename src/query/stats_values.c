/* SPDX-License-Identifier: Apache-2.0
 * Counters of times: one for each millisecond below 2.048 s, above that 256 for each doubling, so
 * that the middle of a bin is at most 0.2 % from any value in it. */
#include "query/stats_int.h"

enum { PAGES_PER_CHUNK = 256 };

void
stats_pages_done(struct stats_pages *pages)
{
    for (size_t i = 0; i < pages->chunk_count; i++) {
        xfree(pages->chunks[i]);
    }
    xfree(pages->chunks);
    *pages = (struct stats_pages){0};
}

static union stats_page *
page_new(struct stats_pages *pages)
{
    union stats_page *page = pages->free;
    if (page != NULL) {
        pages->free = page->next;
        memset(page, 0, sizeof(*page));
        return page;
    }
    if (pages->fresh == 0) {
        union stats_page **chunk = VEC_PUSH(pages->chunks, pages->chunk_count, pages->chunk_cap);
        *chunk = xalloc(PAGES_PER_CHUNK * sizeof(union stats_page));
        pages->fresh = PAGES_PER_CHUNK;
    }
    pages->used++;
    return &pages->chunks[pages->chunk_count - 1][PAGES_PER_CHUNK - pages->fresh--];
}

static void
page_free(struct stats_pages *pages, union stats_page *page)
{
    if (page != NULL) {
        page->next = pages->free;
        pages->free = page;
    }
}

/* The page, made when it is missing; NULL when there are too many. */
union stats_page *
stats_hist_page(struct stats_pages *pages, struct stats_hist *h, size_t index)
{
    if (h->pages[index] == NULL && (pages->used < LIMIT_STATS_PAGES || pages->free != NULL)) {
        h->pages[index] = page_new(pages);
    }
    return h->pages[index];
}

static unsigned
bits_of(uint64_t ms)
{
    return ms == 0 ? 0 : MIN_OF(64 - (unsigned)__builtin_clzll(ms), STATS_PAGE - 1u);
}

/* These pages are not limited: there is at most one for each histogram, and those are counted. */
static uint64_t *
coarse_of(struct stats_pages *pages, struct stats_hist *h)
{
    if (h->coarse == NULL) {
        h->coarse = page_new(pages);
    }
    return h->coarse->counts;
}

void
stats_hist_add_coarse(struct stats_pages *pages, struct stats_hist *h, uint64_t ms)
{
    coarse_of(pages, h)[bits_of(ms)]++;
}

/* The middle of a bin, in milliseconds. */
static uint64_t
bin_middle(size_t bin)
{
    if (bin < STATS_LINEAR) {
        return bin;
    }
    size_t octave = (bin - STATS_LINEAR) / STATS_PER_OCTAVE;
    uint64_t sub = (bin - STATS_LINEAR) % STATS_PER_OCTAVE;
    return ((STATS_PER_OCTAVE + sub) << (octave + 3)) + ((uint64_t)1 << (octave + 2));
}

static uint64_t
coarse_middle(unsigned bits)
{
    return bits < 2 ? bits : (uint64_t)3 << (bits - 2);
}

static void
join_page(struct stats_pages *pages, struct stats_hist *h, const union stats_page *from,
          size_t index)
{
    union stats_page *page = stats_hist_page(pages, h, index);
    for (size_t i = 0; i < STATS_PAGE; i++) {
        if (page != NULL) {
            page->counts[i] += from->counts[i];
        } else if (from->counts[i] > 0) {
            coarse_of(pages, h)[bits_of(bin_middle(index * STATS_PAGE + i))] += from->counts[i];
        }
    }
}

void
stats_hist_join(struct stats_pages *pages, struct stats_hist *h, const struct stats_hist *from)
{
    h->sum_us = stats_sum(h->sum_us, from->sum_us);
    h->max_ms = MAX_OF(h->max_ms, from->max_ms);
    h->not_min = MAX_OF(h->not_min, from->not_min);
    for (size_t i = 0; i < STATS_HIST_PAGES; i++) {
        if (from->pages[i] != NULL) {
            join_page(pages, h, from->pages[i], i);
        }
    }
    for (size_t i = 0; from->coarse != NULL && i < STATS_PAGE; i++) {
        coarse_of(pages, h)[i] += from->coarse->counts[i];
    }
}

void
stats_hist_drop(struct stats_pages *pages, struct stats_hist *h)
{
    for (size_t i = 0; i < STATS_HIST_PAGES; i++) {
        page_free(pages, h->pages[i]);
    }
    page_free(pages, h->coarse);
    *h = (struct stats_hist){0};
}

void
stats_dense_add(struct stats_dense *d, const struct stats_hist *h)
{
    d->sum_us = stats_sum(d->sum_us, h->sum_us);
    d->max_ms = MAX_OF(d->max_ms, h->max_ms);
    d->not_min = MAX_OF(d->not_min, h->not_min);
    for (size_t p = 0; p < STATS_HIST_PAGES; p++) {
        for (size_t i = 0; h->pages[p] != NULL && i < STATS_PAGE; i++) {
            d->bins[p * STATS_PAGE + i] += h->pages[p]->counts[i];
        }
    }
    for (unsigned i = 0; h->coarse != NULL && i < STATS_PAGE; i++) {
        d->bins[stats_bin(coarse_middle(i))] += h->coarse->counts[i];
        d->coarse += h->coarse->counts[i];
    }
}

/* Nearest rank: the least value that `percent` of the values do not exceed. */
struct stats_values
stats_dense_values(const struct stats_dense *d)
{
    struct stats_values v = {0};
    for (size_t i = 0; i < STATS_BINS; i++) {
        v.count += d->bins[i];
    }
    if (v.count == 0) {
        return v;
    }
    v.min = ~d->not_min;
    v.max = d->max_ms;
    v.mean = (double)d->sum_us / (double)v.count / 1000;
    struct {
        unsigned percent;
        uint64_t *value;
    } wanted[] = {{50, &v.p50}, {90, &v.p90}, {95, &v.p95}, {99, &v.p99}};
    size_t next = 0;
    uint64_t seen = 0;
    for (size_t i = 0; i < STATS_BINS && next < COUNT_OF(wanted); i++) {
        seen += d->bins[i];
        while (next < COUNT_OF(wanted) &&
               (unsigned __int128)seen * 100 >= (unsigned __int128)v.count * wanted[next].percent) {
            *wanted[next++].value = MIN_OF(MAX_OF(bin_middle(i), v.min), v.max);
        }
    }
    return v;
}
