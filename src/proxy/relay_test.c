/* SPDX-License-Identifier: Apache-2.0
 * Bodies on their way between two sockets, with every framing, in small pieces and against a full
 * sink. */
#include "proxy/proxy_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/test.h"

#include <fcntl.h>
#include <unistd.h>

static struct worker w;
static int near_source, far_source, near_sink, far_sink;
static struct stream source, sink;
static struct spill source_spill, sink_spill;
static struct flow flow;
static uint64_t sent;

static void
setup(enum body_kind kind, uint64_t length, bool chunk_out)
{
    int pair[2];
    enum { MARGINS = BLOCK_HEADROOM + BLOCK_TAILROOM };
    memset(&w, 0, sizeof(w));
    pool_init(&w.small_blocks, "small", BLOCK_SMALL + MARGINS, 4);
    pool_init(&w.large_blocks, "large", BLOCK_LARGE + MARGINS, 4);
    pool_init(&w.pipe_pool, "pipes", splice_pipe_bytes(), 4);
    list_init(&w.pipes);
    w.scratch_block = xalloc(SCRATCH_HEADROOM + LIMIT_SCRATCH_BYTES + SCRATCH_TAILROOM);
    w.scratch = w.scratch_block + SCRATCH_HEADROOM;
    w.compose = xalloc(COMPOSE_BYTES);
    int rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    ASSERT(rc == 0);
    near_source = pair[0];
    far_source = pair[1];
    rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    ASSERT(rc == 0);
    near_sink = pair[0];
    far_sink = pair[1];
    stream_init(&source, near_source);
    stream_init(&sink, near_sink);
    stream_events(&sink, EPOLLOUT);
    source_spill = (struct spill){0};
    sink_spill = (struct spill){0};
    sent = 0;
    flow_init(&flow, kind, length, chunk_out);
}

static void
teardown(void)
{
    flow_done(&w, &flow);
    splice_done(&w);
    pool_done(&w.pipe_pool);
    spill_free(&w, &source_spill);
    spill_free(&w, &sink_spill);
    stream_close(&source);
    stream_close(&sink);
    if (far_source >= 0) {
        close(far_source);
    }
    close(far_sink);
    pool_done(&w.small_blocks);
    pool_done(&w.large_blocks);
    xfree(w.scratch_block);
    xfree(w.compose);
}

static enum pump
pump(void)
{
    struct pump_path path = {.flow = &flow,
                             .source = &source,
                             .source_spill = &source_spill,
                             .sink = &sink,
                             .sink_spill = &sink_spill,
                             .sent_bytes = &sent};
    return relay_pump(&w, &path);
}

static enum pump
feed(const char *bytes, size_t n)
{
    ssize_t put = write(far_source, bytes, n);
    ASSERT(put == (ssize_t)n);
    stream_events(&source, EPOLLIN);
    return pump();
}

static void
drain(struct buf *got)
{
    char bytes[65536];
    for (;;) {
        ssize_t n = read(far_sink, bytes, sizeof(bytes));
        if (n <= 0) {
            return;
        }
        buf_add(got, bytes, (size_t)n);
    }
}

/* Removes chunked framing, written out plainly: what a receiver would understand. */
static void
unchunk(struct str in, struct buf *body, struct buf *trailers)
{
    for (;;) {
        size_t at;
        bool line = str_find(in, STR("\r\n"), &at);
        ASSERT(line);
        size_t size = 0;
        for (size_t i = 0; i < at; i++) {
            size =
                size * 16 + (size_t)(ascii_is_digit(in.p[i]) ? in.p[i] - '0' : in.p[i] - 'a' + 10);
        }
        in = str_sub(in, at + 2, in.n);
        if (size == 0) {
            buf_add_str(trailers, in);
            return;
        }
        buf_add(body, in.p, size);
        CHECK_STR(str_sub(in, size, 2), "\r\n");
        in = str_sub(in, size + 2, in.n);
    }
}

static const char chunked_body[] =
    "3\r\nabc\r\n1;x=y\r\nd\r\nA\r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n";

TEST("a chunked body arrives whole, trailers too, whatever the pieces; the next message is kept")
{
    for (size_t piece = 1; piece <= sizeof(chunked_body) - 1; piece++) {
        setup(BODY_CHUNKED, 0, true);
        struct buf raw = {0};
        struct buf body = {0};
        struct buf trailers = {0};
        enum pump last = PUMP_SOURCE;
        for (size_t at = 0; at < sizeof(chunked_body) - 1; at += piece) {
            size_t n = MIN_OF(piece, sizeof(chunked_body) - 1 - at);
            last = feed(chunked_body + at, n);
        }
        CHECK(last == PUMP_DONE);
        drain(&raw);
        unchunk(buf_str(&raw), &body, &trailers);
        CHECK_STR(buf_str(&body), "abcd0123456789");
        CHECK_STR(buf_str(&trailers), "X-Sum: 7\r\n\r\n");
        CHECK_INT(flow.source_bytes, sizeof(chunked_body) - 1);
        CHECK_INT(sent, raw.n);
        CHECK_INT(spill_size(&source_spill), 0);
        buf_free(&raw);
        buf_free(&body);
        buf_free(&trailers);
        teardown();
    }
}

TEST("bytes behind the end of a body stay for the next message")
{
    setup(BODY_CHUNKED, 0, true);
    CHECK(feed("1\r\na\r\n0\r\n\r\nGET /", 16) == PUMP_DONE);
    CHECK_STR(((struct str){spill_data(&source_spill), spill_size(&source_spill)}), "GET /");
    teardown();
    setup(BODY_LENGTH, 4, false);
    CHECK(feed("bodyGET /", 9) == PUMP_DONE);
    CHECK_STR(((struct str){spill_data(&source_spill), spill_size(&source_spill)}), "GET /");
    struct buf got = {0};
    drain(&got);
    CHECK_STR(buf_str(&got), "body");
    buf_free(&got);
    teardown();
}

TEST("framing that ends inside a spill never overwrites what lies behind it")
{
    static const char begin[] = "1\r\na\r\n0";
    static const char end[] = "\r\n\r\nNEXT";
    setup(BODY_CHUNKED, 0, true);
    CHECK(feed(begin, sizeof(begin) - 1) == PUMP_SOURCE);
    CHECK(spill_add(&w, &source_spill, end, sizeof(end) - 1));
    CHECK(pump() == PUMP_DONE);
    CHECK_STR(((struct str){spill_data(&source_spill), spill_size(&source_spill)}), "NEXT");
    struct buf got = {0};
    drain(&got);
    CHECK_STR(buf_str(&got), "1\r\na\r\n0\r\n\r\n");
    buf_free(&got);
    teardown();
}

TEST("a body until close becomes chunked with an end; one with a length is cut short by a close")
{
    setup(BODY_CLOSE, 0, true);
    CHECK(feed("abc", 3) == PUMP_SOURCE);
    close(far_source);
    far_source = -1;
    stream_events(&source, EPOLLIN | EPOLLRDHUP);
    CHECK(pump() == PUMP_DONE);
    struct buf got = {0};
    drain(&got);
    CHECK_STR(buf_str(&got), "3\r\nabc\r\n0\r\n\r\n");
    buf_free(&got);
    teardown();
    setup(BODY_LENGTH, 10, false);
    CHECK(feed("abc", 3) == PUMP_SOURCE);
    close(far_source);
    far_source = -1;
    stream_events(&source, EPOLLIN | EPOLLRDHUP);
    CHECK(pump() == PUMP_SOURCE_EOF);
    teardown();
}

/* A megabyte against a sink that is only emptied when it is full; returns the largest spill seen.
 */
static size_t
relay_megabyte(size_t pipes)
{
    enum { TOTAL = 1 << 20, PIECE = 16384 };
    char *bytes = xalloc(PIECE);
    setup(BODY_LENGTH, TOTAL, false);
    w.pipe_pool.max = pipes;
    struct buf got = {0};
    size_t fed = 0;
    enum pump last = PUMP_SOURCE;
    size_t most = 0;
    while (last != PUMP_DONE) {
        if (fed < TOTAL && last != PUMP_SINK) {
            for (size_t i = 0; i < PIECE; i++) {
                bytes[i] = (char)((fed + i) % 251);
            }
            ssize_t n = write(far_source, bytes, PIECE);
            fed += n > 0 ? (size_t)n : 0;
            stream_events(&source, EPOLLIN);
        }
        last = pump();
        most = MAX_OF(most, spill_size(&sink_spill));
        if (last == PUMP_SINK) {
            drain(&got);
            stream_events(&sink, EPOLLOUT);
        }
    }
    drain(&got);
    CHECK_INT(got.n, TOTAL);
    size_t wrong = 0;
    for (size_t i = 0; i < got.n; i++) {
        wrong += (unsigned char)got.p[i] != i % 251;
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(sent, TOTAL);
    buf_free(&got);
    xfree(bytes);
    teardown();
    return most;
}

TEST("a full sink stops the reading, and nothing is lost when it goes on: copied, and spliced")
{
    size_t most = relay_megabyte(0); /* no pipe to be had */
    CHECK(most > 0 && most <= LIMIT_SCRATCH_BYTES);
    CHECK_INT(relay_megabyte(4), 0);
}

TEST("malformed chunks are a fault")
{
    setup(BODY_CHUNKED, 0, true);
    CHECK(feed("zz\r\n", 4) == PUMP_FAULT);
    teardown();
}

TEST("a spill refuses what is over its largest block, and an empty pool")
{
    setup(BODY_NONE, 0, false);
    char *bytes = xalloc(BLOCK_LARGE + 1);
    CHECK(!spill_add(&w, &sink_spill, bytes, BLOCK_LARGE + 1));
    CHECK(spill_add(&w, &sink_spill, bytes, 100));
    CHECK(spill_add(&w, &sink_spill, bytes, BLOCK_SMALL));
    CHECK_INT(spill_size(&sink_spill), BLOCK_SMALL + 100);
    CHECK_INT(w.small_blocks.used, 0);
    w.large_blocks.max = w.large_blocks.made = w.large_blocks.used;
    w.large_blocks.free_head = NULL;
    CHECK(!spill_add(&w, &source_spill, bytes, BLOCK_SMALL + 1));
    xfree(bytes);
    teardown();
}

TEST_MAIN
