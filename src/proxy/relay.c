/* SPDX-License-Identifier: Apache-2.0
 * Bytes on their way: spills, body flows and the pump between two streams. Nothing is buffered
 * unless a socket takes less than it was offered; then reading stops until it has taken the rest.
 */
#include "proxy/proxy_int.h"

#include "base/assert.h"

/* ---- spills ---- */

static size_t
block_room(bool large)
{
    return large ? (size_t)BLOCK_LARGE : (size_t)BLOCK_SMALL;
}

static struct pool *
block_pool(struct worker *w, bool large)
{
    return large ? &w->large_blocks : &w->small_blocks;
}

void
spill_free(struct worker *w, struct spill *s)
{
    if (s->block != NULL) {
        pool_put(block_pool(w, s->large), s->block);
    }
    *s = (struct spill){0};
}

/* A block of its own that holds `total` bytes, what was there moved to its front. */
static bool
spill_grow(struct worker *w, struct spill *s, size_t total)
{
    bool large = total > block_room(false);
    if (total > block_room(large)) {
        return false;
    }
    char *block = pool_get(block_pool(w, large));
    if (block == NULL) {
        return false;
    }
    size_t size = spill_size(s);
    if (size > 0) {
        memcpy(block + BLOCK_HEADROOM, spill_data(s), size);
    }
    spill_free(w, s);
    *s = (struct spill){block, BLOCK_HEADROOM, (uint32_t)(BLOCK_HEADROOM + size), large};
    return true;
}

bool
spill_add(struct worker *w, struct spill *s, const char *p, size_t n)
{
    size_t size = spill_size(s);
    if (n == 0) {
        return true;
    }
    if (s->block == NULL || size + n > block_room(s->large)) {
        if (!spill_grow(w, s, size + n)) {
            return false;
        }
    } else if (s->end + n > BLOCK_HEADROOM + block_room(s->large)) {
        memmove(s->block + BLOCK_HEADROOM, spill_data(s), size);
        s->begin = BLOCK_HEADROOM;
        s->end = (uint32_t)(BLOCK_HEADROOM + size);
    }
    memcpy(s->block + s->end, p, n);
    s->end += (uint32_t)n;
    return true;
}

void
spill_pass(struct spill *s, size_t n)
{
    ASSERT(n <= spill_size(s));
    s->begin += (uint32_t)n;
}

void
spill_trim(struct worker *w, struct spill *s)
{
    if (spill_size(s) == 0) {
        spill_free(w, s);
    }
}

void
spill_drop(struct worker *w, struct spill *s, size_t n)
{
    spill_pass(s, n);
    spill_trim(w, s);
}

enum io
spill_flush(struct worker *w, struct spill *s, struct stream *sink)
{
    while (spill_size(s) > 0) {
        size_t n;
        enum io io = stream_write(sink, spill_data(s), spill_size(s), &n);
        if (io != IO_DONE) {
            return io == IO_AGAIN ? IO_AGAIN : IO_FAIL;
        }
        spill_drop(w, s, n);
    }
    return IO_DONE;
}

enum io
relay_send(struct worker *w, struct stream *sink, struct spill *spill, const char *p, size_t n)
{
    while (n > 0 && spill_size(spill) == 0) {
        size_t put;
        enum io io = stream_write(sink, p, n, &put);
        if (io == IO_AGAIN) {
            break;
        }
        if (io != IO_DONE) {
            return IO_FAIL;
        }
        p += put;
        n -= put;
    }
    return spill_add(w, spill, p, n) ? IO_DONE : IO_EOF;
}

/* ---- flows ---- */

void
flow_init(struct flow *f, enum body_kind kind, uint64_t length, bool chunk_out)
{
    *f = (struct flow){.kind = kind, .left = length, .chunk_out = chunk_out};
    f->done = kind == BODY_NONE || (kind == BODY_LENGTH && length == 0);
    if (kind == BODY_CHUNKED) {
        h1_chunked_init(&f->chunked);
    }
}

void
flow_done(struct worker *w, struct flow *f)
{
    splice_release(w, f);
    if (f->kind == BODY_CHUNKED) {
        h1_chunked_done(&f->chunked);
    }
    f->kind = BODY_NONE;
    f->done = true;
}

/* Takes the flow's bytes from [p, p + n): *ret_used belonged to it, the payload lies at p. */
static bool
flow_take(struct flow *f, char *p, size_t n, size_t *ret_used, size_t *ret_payload)
{
    enum http_fault fault;
    switch (f->kind) {
    case BODY_NONE:
        *ret_used = 0;
        *ret_payload = 0;
        return true;
    case BODY_LENGTH:
        *ret_used = f->left < n ? (size_t)f->left : n;
        *ret_payload = *ret_used;
        f->left -= *ret_used;
        f->done = f->left == 0;
        return true;
    case BODY_CLOSE:
        *ret_used = n;
        *ret_payload = n;
        return true;
    case BODY_CHUNKED: break;
    }
    enum h1_result result = h1_chunked_decode(&f->chunked, p, n, ret_used, ret_payload, &fault);
    f->done = result == H1_DONE;
    return result != H1_FAULT;
}

/* ---- framing for the sink ---- */

/* "\r\n" behind a chunk, and the last chunk with trailers when the body is over. False: bad
 * trailers. */
static bool
chunk_suffix_write(struct worker *w, struct flow *f, size_t payload, struct out *o)
{
    if (payload > 0) {
        OUT_LIT(o, "\r\n");
    }
    if (!f->done) {
        return true;
    }
    OUT_LIT(o, "0\r\n");
    if (f->kind == BODY_CHUNKED && f->chunked.trailers.n > 0) {
        if (!h1_trailers_parse(&f->chunked, &w->trailers)) {
            return false;
        }
        trailers_write(o, &w->trailers);
    }
    OUT_LIT(o, "\r\n");
    ASSERT(!o->full);
    return true;
}

static void
chunk_prefix_write(struct out *o, size_t payload)
{
    unsigned digits = 1;
    for (size_t rest = payload >> 4; rest != 0; rest >>= 4) {
        digits++;
    }
    out_hex(o, payload, digits);
    OUT_LIT(o, "\r\n");
}

static enum pump
pump_of_send(enum io io)
{
    switch (io) {
    case IO_DONE: return PUMP_SOURCE;
    case IO_EOF: return PUMP_MEMORY;
    case IO_AGAIN:
    case IO_FAIL: break;
    }
    return PUMP_SINK_FAIL;
}

static enum pump
path_send(struct worker *w, struct pump_path *path, const char *p, size_t n)
{
    if (n == 0) {
        return PUMP_SOURCE;
    }
    *path->sent_bytes += n;
    return pump_of_send(relay_send(w, path->sink, path->sink_spill, p, n));
}

void
path_last(struct pump_path *path, size_t n)
{
    if (path->flow->done && path->last != NULL) {
        path->last(path->context, n);
    }
}

void
path_not_last(struct pump_path *path)
{
    if (path->flow->done && path->not_last != NULL) {
        path->not_last(path->context);
    }
}

/* A flight: the payload with what goes before and behind it, in place where there is room. */
struct flight {
    char *begin, *end; /* what is sent in one go */
    char *room;        /* lowest address that may be written */
};

static bool
flight_prepend(struct flight *f, struct str s)
{
    if ((size_t)(f->begin - f->room) < s.n) {
        return false;
    }
    f->begin -= s.n;
    if (s.n > 0) {
        memcpy(f->begin, s.p, s.n);
    }
    return true;
}

/* Where a suffix is composed; heads are composed at the front of the same buffer. */
static struct out
suffix_out(struct worker *w)
{
    enum { SUFFIX_BYTES = LIMIT_TRAILERS_MAX + 1024 };
    return out_of(w->compose + COMPOSE_BYTES - SUFFIX_BYTES, SUFFIX_BYTES);
}

enum pump
relay_first(struct worker *w, struct pump_path *path, struct str head, char *p, size_t n,
            size_t headroom, size_t *ret_used)
{
    struct flow *flow = path->flow;
    size_t payload = 0;
    *ret_used = 0;
    if (n > 0 && !flow->done && !flow_take(flow, p, n, ret_used, &payload)) {
        return PUMP_FAULT;
    }
    flow->source_bytes += *ret_used;

    char prefix_text[24];
    struct out prefix = out_of(prefix_text, sizeof(prefix_text));
    struct out suffix = suffix_out(w);
    char *suffix_begin = suffix.p;
    if (flow->chunk_out && flow->kind != BODY_NONE) {
        if (payload > 0) {
            chunk_prefix_write(&prefix, payload);
        }
        if (!chunk_suffix_write(w, flow, payload, &suffix)) {
            return PUMP_FAULT;
        }
    }
    struct flight flight = {p, p + payload, p - headroom};
    bool prefixed = flight_prepend(&flight, str_span(prefix_text, prefix.p));
    ASSERT(prefixed); /* headroom is never below BLOCK_HEADROOM */
    if (!flight_prepend(&flight, head)) {
        enum pump pump = path_send(w, path, head.p, head.n);
        if (pump != PUMP_SOURCE) {
            return pump;
        }
    }
    struct str tail = str_span(suffix_begin, suffix.p);
    if (*ret_used == n && tail.n <= BLOCK_TAILROOM &&
        tail.n > 0) { /* nothing lies behind the payload */
        memcpy(flight.end, tail.p, tail.n);
        flight.end += tail.n;
        tail.n = 0;
    }
    size_t flight_bytes = (size_t)(flight.end - flight.begin);
    path_last(path, flight_bytes + tail.n);
    enum pump pump = path_send(w, path, flight.begin, flight_bytes);
    if (pump == PUMP_SOURCE) {
        pump = path_send(w, path, tail.p, tail.n);
    }
    if (pump != PUMP_SOURCE || spill_size(path->sink_spill) > 0) {
        path_not_last(path);
    }
    return pump;
}

/* ---- the pump ---- */

/* The source closed: for BODY_CLOSE that is the end of the body, else it is too early. */
static enum pump
pump_eof(struct worker *w, struct pump_path *path)
{
    struct flow *flow = path->flow;
    if (flow->kind != BODY_CLOSE) {
        return PUMP_SOURCE_EOF;
    }
    flow->done = true;
    if (!flow->chunk_out) {
        return PUMP_SOURCE; /* the client learns of the end by our close */
    }
    path_last(path, 5);
    enum pump pump = path_send(w, path, "0\r\n\r\n", 5);
    if (pump != PUMP_SOURCE || spill_size(path->sink_spill) > 0) {
        path_not_last(path);
    }
    return pump;
}

/* One read (or what a spill holds) through the flow. PUMP_SOURCE: go on. */
static enum pump
pump_once(struct worker *w, struct pump_path *path, size_t *ret_moved)
{
    size_t used;
    size_t waiting = spill_size(path->source_spill);
    *ret_moved = 0;
    if (waiting > 0) {
        struct spill *s = path->source_spill;
        enum pump pump = relay_first(w, path, STR_NONE, spill_data(s), waiting, s->begin, &used);
        spill_drop(w, s, used);
        *ret_moved = used;
        return pump;
    }
    size_t n;
    enum io io = stream_read(path->source, w->scratch, LIMIT_SCRATCH_BYTES, &n);
    switch (io) {
    case IO_DONE: break;
    case IO_AGAIN: return PUMP_SOURCE;
    case IO_EOF: *ret_moved = 1; return pump_eof(w, path);
    case IO_FAIL: return PUMP_SOURCE_FAIL;
    }
    *ret_moved = n;
    enum pump pump = relay_first(w, path, STR_NONE, w->scratch, n, SCRATCH_HEADROOM, &used);
    if (pump == PUMP_SOURCE && used < n &&
        !spill_add(w, path->source_spill, w->scratch + used, n - used)) {
        return PUMP_MEMORY;
    }
    return pump;
}

enum pump
relay_pump(struct worker *w, struct pump_path *path)
{
    size_t budget = LIMIT_IO_BYTES_PER_TURN;
    for (;;) {
        if (spill_size(path->sink_spill) > 0) {
            size_t before = spill_size(path->sink_spill);
            path_last(path, 0);
            enum io io = spill_flush(w, path->sink_spill, path->sink);
            path->moved |= spill_size(path->sink_spill) != before;
            if (io != IO_DONE) {
                path_not_last(path);
                return io == IO_AGAIN ? PUMP_SINK : PUMP_SINK_FAIL;
            }
        }
        if (path->flow->done && !splice_holds(path->flow)) {
            return PUMP_DONE;
        }
        if (splice_begin(w, path)) {
            return splice_pump(path);
        }
        if (spill_size(path->source_spill) == 0 && !stream_readable(path->source)) {
            return PUMP_SOURCE;
        }
        size_t moved;
        enum pump pump = pump_once(w, path, &moved);
        path->moved |= moved > 0;
        if (pump != PUMP_SOURCE) {
            return pump;
        }
        if (moved >= budget) {
            return PUMP_BUDGET;
        }
        budget -= moved;
    }
}
