/* SPDX-License-Identifier: Apache-2.0
 * One file as blocks of whole lines, plain or gzip, in constant memory. The text of a block is read
 * or unpacked to where it is handed out; only the unfinished line at its end is moved. */
#include "query/source_int.h"

#include "base/assert.h"
#include "base/mem.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum {
    STREAM_MAGIC = 0x5354524d,
    /* Before a block is filled up there is at most one unfinished line; behind it there is room for
     * a line end and the bytes that splitting may look at. */
    TEXT_CAP = LIMIT_LOG_READ_LINE_MAX + LIMIT_QUERY_BLOCK_BYTES,
    GZIP_HEAD_BYTES = 10,
    GZIP_TAIL_BYTES = 8,
    GZIP_DEFLATE = 8,
};
_Static_assert((int)LIMIT_QUERY_BLOCK_BYTES > LIMIT_LOG_READ_LINE_MAX, "lines fit blocks");
_Static_assert((int)LIMIT_QUERY_READ_BYTES <= LIMIT_QUERY_BLOCK_BYTES, "the first read fits");

/* Flags of a member's head [RFC 1952 2.3.1]. */
enum {
    GZIP_HAS_CRC = 0x02,
    GZIP_HAS_EXTRA = 0x04,
    GZIP_HAS_NAME = 0x08,
    GZIP_HAS_COMMENT = 0x10,
    GZIP_RESERVED = 0xe0,
};

enum form {
    FORM_UNKNOWN, /* nothing was read yet */
    FORM_PLAIN,
    FORM_GZIP,      /* in the deflate stream of a member */
    FORM_GZIP_NEXT, /* behind a member */
};

struct query_stream {
    uint32_t magic;
    const struct inflate_ops *ops;
    void *inflate;                     /* owned; NULL until gzip is met */
    const volatile sig_atomic_t *stop; /* borrowed; may be NULL */
    bool uncounted, live;

    /* the file */
    int fd;     /* owned unless it is standard input; -1: none */
    char *path; /* owned */
    bool regular;
    uint64_t file_bytes, read_bytes;
    uint64_t from, to; /* as in query_file */
    enum form form;
    enum io end; /* IO_DONE: goes on; else what follows the text that is there */
    struct errinfo failure;
    enum err failure_code;

    /* gzip */
    unsigned char *in_memory; /* owned: INFLATE_PUSHBACK and LIMIT_QUERY_READ_BYTES */
    const unsigned char *in, *in_end;
    uint32_t crc;
    uint32_t member_bytes;
    uint64_t unpacked_bytes;

    /* text */
    char *text; /* owned: TEXT_CAP and more */
    size_t n;
    size_t handed;   /* bytes at the front that the caller had and are to be dropped */
    uint64_t offset; /* of text[0] in the file */
    uint64_t line;   /* number of the first line in `text`; 0: not known */
    bool dropping;   /* in the rest of a line that was too long, or before the first whole one */
};

/* ---- failing ---- */

/* Reading ends here; what is in `text` is still handed out. */
static enum io
stream_fail(struct query_stream *s, const char *msgid)
{
    s->end = IO_FAIL;
    s->failure_code =
        text_err(&s->failure, ERR_INVALID, msgid, TEXT_ARGS({"path", str_of(s->path)}));
    return IO_FAIL;
}

static enum io
stream_fail_errno(struct query_stream *s)
{
    const char *reason = strerror(errno);
    s->end = IO_FAIL;
    s->failure_code =
        text_err(&s->failure, ERR_SYSTEM, N_("The file {path} cannot be read: {reason}."),
                 TEXT_ARGS({"path", str_of(s->path)}, {"reason", str_of(reason)}));
    return IO_FAIL;
}

/* ---- bytes of the file ---- */

static bool
stream_is_stopped(const struct query_stream *s)
{
    return s->stop != NULL && *s->stop != 0;
}

/* One read, waiting for standard input. IO_AGAIN: live, and nothing is there. */
static enum io
stream_read(struct query_stream *s, void *to, size_t size, size_t *ret_n)
{
    for (;;) {
        struct pollfd ready = {.fd = s->fd, .events = POLLIN};
        if (s->live && poll(&ready, 1, 0) <= 0) {
            return IO_AGAIN;
        }
        ssize_t n = read(s->fd, to, size);
        if (n > 0) {
            s->read_bytes += (uint64_t)n;
            *ret_n = (size_t)n;
            return IO_DONE;
        }
        if (n == 0 || stream_is_stopped(s)) {
            s->end = IO_EOF;
            return IO_EOF;
        }
        if (errno == EAGAIN && s->live) {
            return IO_AGAIN;
        }
        if (errno == EAGAIN) {
            struct pollfd wait = {.fd = s->fd, .events = POLLIN};
            (void)poll(&wait, 1, -1); /* the next read tells */
        } else if (errno != EINTR) {
            return stream_fail_errno(s);
        }
    }
}

/* ---- gzip: input ---- */

/* The bytes before the input stay where inflating may go back to. */
static enum io
gzip_refill(struct query_stream *s)
{
    ASSERT(s->in == s->in_end);
    unsigned char *begin = s->in_memory + INFLATE_PUSHBACK;
    memmove(s->in_memory, s->in_end - INFLATE_PUSHBACK, INFLATE_PUSHBACK);
    size_t n = 0;
    s->in = s->in_end = begin;
    enum io io = stream_read(s, begin, LIMIT_QUERY_READ_BYTES, &n);
    s->in_end = begin + n;
    return io;
}

static enum io
gzip_truncated(struct query_stream *s)
{
    if (stream_is_stopped(s)) {
        return IO_EOF;
    }
    return stream_fail(s, N_("The file {path} ends in the middle of its compressed data."));
}

static enum io
gzip_damaged(struct query_stream *s)
{
    return stream_fail(s, N_("The compressed data of {path} are damaged."));
}

/* The next byte of the file; the end of the file is an error here. Never IO_AGAIN: it waits. */
static enum io
gzip_byte(struct query_stream *s, unsigned char *ret_byte)
{
    while (s->in == s->in_end) {
        enum io io = gzip_refill(s);
        if (io == IO_EOF) {
            return gzip_truncated(s);
        }
        if (io == IO_FAIL) {
            return io;
        }
        if (io == IO_AGAIN) {
            struct pollfd wait = {.fd = s->fd, .events = POLLIN};
            (void)poll(&wait, 1, -1); /* the next read tells */
        }
    }
    *ret_byte = *s->in++;
    return IO_DONE;
}

static enum io
gzip_bytes(struct query_stream *s, unsigned char *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum io io = gzip_byte(s, &to[i]);
        if (io != IO_DONE) {
            return io;
        }
    }
    return IO_DONE;
}

static uint32_t
little_endian_32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- gzip: members ---- */

static enum io
gzip_skip(struct query_stream *s, size_t n)
{
    unsigned char byte;
    enum io io = IO_DONE;
    for (size_t i = 0; i < n && io == IO_DONE; i++) {
        io = gzip_byte(s, &byte);
    }
    return io;
}

/* A name or comment: up to its NUL. */
static enum io
gzip_skip_text(struct query_stream *s)
{
    unsigned char byte = 1;
    for (size_t i = 0; byte != 0; i++) {
        enum io io = i == LIMIT_QUERY_GZIP_HEAD ? gzip_damaged(s) : gzip_byte(s, &byte);
        if (io != IO_DONE) {
            return io;
        }
    }
    return IO_DONE;
}

static enum io
gzip_skip_extra(struct query_stream *s)
{
    unsigned char size[2];
    enum io io = gzip_bytes(s, size, sizeof(size));
    return io != IO_DONE ? io : gzip_skip(s, (size_t)(size[0] | size[1] << 8));
}

/* The parts that the flags announce. The head's own checksum is not examined: the one of the text
 * is what counts. */
static enum io
gzip_skip_parts(struct query_stream *s, unsigned flags)
{
    enum io io = IO_DONE;
    if ((flags & GZIP_HAS_EXTRA) != 0) {
        io = gzip_skip_extra(s);
    }
    if (io == IO_DONE && (flags & GZIP_HAS_NAME) != 0) {
        io = gzip_skip_text(s);
    }
    if (io == IO_DONE && (flags & GZIP_HAS_COMMENT) != 0) {
        io = gzip_skip_text(s);
    }
    if (io == IO_DONE && (flags & GZIP_HAS_CRC) != 0) {
        io = gzip_skip(s, 2);
    }
    return io;
}

static enum io
gzip_head(struct query_stream *s)
{
    unsigned char head[GZIP_HEAD_BYTES];
    enum io io = gzip_bytes(s, head, sizeof(head));
    if (io != IO_DONE) {
        return io;
    }
    if (head[0] != 0x1f || head[1] != 0x8b || head[2] != GZIP_DEFLATE ||
        (head[3] & GZIP_RESERVED) != 0) {
        return gzip_damaged(s);
    }
    io = gzip_skip_parts(s, head[3]);
    if (io != IO_DONE) {
        return io;
    }
    if (s->inflate == NULL) {
        s->inflate = s->ops->open();
    } else {
        s->ops->reset(s->inflate);
    }
    s->crc = 0;
    s->member_bytes = 0;
    s->form = FORM_GZIP;
    return IO_DONE;
}

/* Behind the deflate stream: checksum and size must be those of the text. */
static enum io
gzip_tail(struct query_stream *s)
{
    unsigned char tail[GZIP_TAIL_BYTES];
    enum io io = gzip_bytes(s, tail, sizeof(tail));
    if (io != IO_DONE) {
        return io;
    }
    if (little_endian_32(tail) != s->crc || little_endian_32(tail + 4) != s->member_bytes) {
        return stream_fail(
            s, N_("The compressed data of {path} are damaged: the checksum does not fit."));
    }
    s->form = FORM_GZIP_NEXT;
    return IO_DONE;
}

/* Behind a member: another one, zeros that fill up a block of a tape, or the end. */
static enum io
gzip_next(struct query_stream *s)
{
    for (;;) {
        while (s->in < s->in_end && *s->in == 0) {
            s->in++;
        }
        if (s->in < s->in_end) {
            return gzip_head(s);
        }
        enum io io = gzip_refill(s);
        if (io != IO_DONE) {
            return io;
        }
    }
}

static bool
gzip_is_bomb(const struct query_stream *s)
{
    return s->unpacked_bytes > LIMIT_QUERY_UNPACK_FREE &&
           s->unpacked_bytes / LIMIT_QUERY_UNPACK_RATIO > s->read_bytes;
}

/* One step of inflating, with the sums over what it gave. */
static enum io
gzip_step(struct query_stream *s, char *out_end)
{
    const unsigned char *in = s->in;
    unsigned char *begin = (unsigned char *)s->text + s->n;
    unsigned char *out = begin;
    enum inflate_step step =
        s->ops->step(s->inflate, &s->in, s->in_end, &out, (unsigned char *)out_end);
    size_t n = (size_t)(out - begin);
    s->crc = s->ops->crc(s->crc, begin, n);
    s->member_bytes += (uint32_t)n;
    s->unpacked_bytes += n;
    s->n += n;
    if (step == INFLATE_END) {
        return gzip_tail(s);
    }
    bool stuck = n == 0 && s->in == in && s->in < s->in_end;
    if (step == INFLATE_BAD || stuck) {
        return gzip_damaged(s);
    }
    if (gzip_is_bomb(s)) {
        return stream_fail(
            s, N_("The file {path} unpacks to far more than any log does; the rest is not read."));
    }
    return IO_DONE;
}

/* Fills the text up to its block. From a pipe, what one read gave is enough. */
static enum io
gzip_fill(struct query_stream *s)
{
    size_t before = s->n;
    char *out_end = s->text + s->n + LIMIT_QUERY_BLOCK_BYTES;
    enum io io = IO_DONE;
    while (io == IO_DONE && s->text + s->n < out_end) {
        if (s->form == FORM_GZIP_NEXT) {
            io = gzip_next(s);
            continue;
        }
        io = gzip_step(s, out_end);
        if (io != IO_DONE || s->form != FORM_GZIP || s->in < s->in_end ||
            s->text + s->n == out_end) {
            continue;
        }
        if (!s->regular && s->n > before) {
            return IO_DONE;
        }
        io = gzip_refill(s);
        if (io == IO_EOF) {
            io = gzip_truncated(s);
        }
    }
    return io;
}

/* ---- text ---- */

/* The first bytes tell what the file is, whatever its name says. */
static enum io
stream_begin_text(struct query_stream *s)
{
    size_t n = 0;
    char *text = s->text + s->n;
    enum io io = stream_read(s, text, LIMIT_QUERY_READ_BYTES - s->n, &n);
    s->n += n;
    if (io == IO_AGAIN || io == IO_FAIL || (s->n < 2 && io == IO_DONE)) {
        return io;
    }
    s->form = FORM_PLAIN;
    if (s->n < 2 || (unsigned char)s->text[0] != 0x1f || (unsigned char)s->text[1] != 0x8b) {
        return io;
    }
    if (s->in_memory == NULL) {
        s->in_memory = xalloc(INFLATE_PUSHBACK + LIMIT_QUERY_READ_BYTES);
    }
    unsigned char *in = s->in_memory + INFLATE_PUSHBACK;
    memcpy(in, s->text, s->n);
    s->in = in;
    s->in_end = in + s->n;
    s->n = 0;
    return gzip_head(s);
}

static enum io
stream_fill(struct query_stream *s)
{
    if (s->form == FORM_UNKNOWN) {
        return stream_begin_text(s);
    }
    if (s->form != FORM_PLAIN) {
        return gzip_fill(s);
    }
    size_t n = 0;
    enum io io = stream_read(s, s->text + s->n, LIMIT_QUERY_BLOCK_BYTES, &n);
    s->n += n;
    return io;
}

/* A part of a plain file ends with the line that began before its end. */
static void
stream_clip(struct query_stream *s)
{
    if (s->to == 0 || s->form != FORM_PLAIN || s->offset + s->n < s->to) {
        return;
    }
    size_t from = s->to - 1 > s->offset ? (size_t)(s->to - 1 - s->offset) : 0;
    const char *end = memchr(s->text + from, '\n', s->n - from);
    if (end != NULL) {
        s->n = (size_t)(end + 1 - s->text);
        s->end = IO_EOF;
    }
}

static void
stream_drop(struct query_stream *s, size_t n)
{
    s->n -= n;
    s->offset += n;
    memmove(s->text, s->text + n, s->n);
}

/* The rest of a line that is not wanted. */
static void
stream_drop_rest(struct query_stream *s)
{
    if (!s->dropping) {
        return;
    }
    const char *end = memchr(s->text, '\n', s->n);
    s->dropping = end == NULL;
    stream_drop(s, end == NULL ? s->n : (size_t)(end + 1 - s->text));
}

const char *
last_line_end(const char *p, size_t n)
{
    return n == 0 ? NULL : memrchr(p, '\n', n);
}

static void
stream_hand_out(struct query_stream *s, size_t n, size_t drop, struct query_block *ret_block)
{
    s->handed = drop;
    *ret_block = (struct query_block){.p = s->text, .n = n, .offset = s->offset, .line = s->line};
}

/* Whole lines, or the beginning of one that is too long. */
static bool
stream_lines(struct query_stream *s, struct query_block *ret_block)
{
    const char *end = last_line_end(s->text, s->n);
    if (end != NULL) {
        size_t n = (size_t)(end + 1 - s->text);
        stream_hand_out(s, n, n, ret_block);
        return true;
    }
    if (s->n <= LIMIT_LOG_READ_LINE_MAX) {
        return false;
    }
    s->text[LIMIT_LOG_READ_LINE_MAX + 1] = '\n';
    stream_hand_out(s, LIMIT_LOG_READ_LINE_MAX + 2, s->n, ret_block);
    s->dropping = true;
    return true;
}

static size_t
count_lines(const char *p, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) {
        lines += p[i] == '\n';
    }
    return lines;
}

/* What the caller had goes; the unfinished line behind it comes to the front. */
static void
stream_forget(struct query_stream *s)
{
    if (s->line != 0) {
        s->line += s->dropping && s->handed > 0 ? 1 : count_lines(s->text, s->handed);
    }
    stream_drop(s, s->handed);
    s->handed = 0;
}

/* Nothing more comes: the last line may have no end. That of a file that failed is cut off. */
static enum io
stream_last(struct query_stream *s, struct query_block *ret_block, struct errinfo *reterr)
{
    if (s->end == IO_FAIL) {
        if (reterr != NULL) {
            *reterr = s->failure;
        }
        return IO_FAIL;
    }
    if (s->n == 0 || s->dropping || stream_is_stopped(s)) {
        return IO_EOF;
    }
    s->text[s->n++] = '\n';
    stream_hand_out(s, s->n, s->n, ret_block);
    return IO_DONE;
}

enum io
query_stream_next(struct query_stream *s, struct query_block *ret_block, struct errinfo *reterr)
{
    ASSERT(s->magic == STREAM_MAGIC);
    ASSERT(s->fd >= 0);
    stream_forget(s);
    if (s->n > LIMIT_LOG_READ_LINE_MAX && stream_lines(s, ret_block)) {
        return IO_DONE;
    }
    while (s->end == IO_DONE) {
        enum io io = stream_fill(s);
        ASSERT(s->n <= TEXT_CAP);
        if (s->form == FORM_UNKNOWN && io == IO_DONE) {
            continue; /* one byte tells nothing */
        }
        stream_clip(s);
        stream_drop_rest(s);
        if (stream_lines(s, ret_block)) {
            return IO_DONE;
        }
        if (io == IO_AGAIN || (s->live && io == IO_DONE && s->in == s->in_end)) {
            return IO_AGAIN;
        }
    }
    return stream_last(s, ret_block, reterr);
}

uint64_t
query_stream_read_bytes(const struct query_stream *s)
{
    return s->read_bytes;
}

bool
stream_is_gzip(const struct query_stream *s)
{
    return s->form == FORM_GZIP || s->form == FORM_GZIP_NEXT;
}

int
stream_fd(const struct query_stream *s)
{
    return s->fd;
}

/* ---- opening ---- */

struct query_stream *
stream_new(const struct inflate_ops *ops)
{
    struct query_stream *s = xalloc(sizeof(*s));
    s->magic = STREAM_MAGIC;
    s->ops = ops;
    s->fd = -1;
    s->text = xalloc(TEXT_CAP + 2 + LOG_READ_PAD);
    return s;
}

void
stream_stop(struct query_stream *s, const volatile sig_atomic_t *stop)
{
    s->stop = stop;
}

void
stream_uncounted(struct query_stream *s)
{
    s->uncounted = true;
}

void
stream_live(struct query_stream *s)
{
    s->live = true;
}

void
stream_end(struct query_stream *s)
{
    if (s->fd > STDIN_FILENO) {
        (void)close(s->fd); /* it was only read */
    }
    s->fd = -1;
    xfree(s->path);
    s->path = NULL;
}

static enum err
stream_open_path(struct query_stream *s, struct errinfo *reterr)
{
    bool is_stdin = str_eq(str_of(s->path), STR("-"));
    /* Not to wait for the writer of a FIFO before it is refused. */
    s->fd = is_stdin ? STDIN_FILENO : open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        int reason = errno;
        return text_err(reterr, reason == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM,
                        N_("The file {path} cannot be read: {reason}."),
                        TEXT_ARGS({"path", str_of(s->path)}, {"reason", str_of(strerror(reason))}));
    }
    s->regular = S_ISREG(st.st_mode);
    s->file_bytes = s->regular ? (uint64_t)st.st_size : 0;
    if (!s->regular && (!is_stdin || S_ISDIR(st.st_mode))) {
        return text_err(reterr, ERR_INVALID,
                        N_("{path} is no regular file; give - to read standard input."),
                        TEXT_ARGS({"path", str_of(s->path)}));
    }
    (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice */
    return ERR_OK;
}

/* Goes to the part that is wanted. A file that is compressed has one part, the first. */
static enum err
stream_seek(struct query_stream *s, struct errinfo *reterr)
{
    if (s->from == 0) {
        return ERR_OK;
    }
    unsigned char first[2] = {0};
    ssize_t n = pread(s->fd, first, sizeof(first), 0);
    if (n == 2 && first[0] == 0x1f && first[1] == 0x8b) {
        s->end = IO_EOF;
        return ERR_OK;
    }
    if (n < 0 || lseek(s->fd, (off_t)(s->from - 1), SEEK_SET) < 0) {
        (void)stream_fail_errno(s);
        if (reterr != NULL) {
            *reterr = s->failure;
        }
        return s->failure_code;
    }
    s->form = FORM_PLAIN;
    s->offset = s->from - 1;
    s->dropping = true; /* up to the line end at or behind from - 1 */
    return ERR_OK;
}

enum err
stream_begin(struct query_stream *s, const struct query_file *file, struct errinfo *reterr)
{
    ASSERT(s->magic == STREAM_MAGIC);
    ASSERT(s->fd < 0);
    ASSERT(file->to == 0 || file->from < file->to);
    s->path = xstrdup(file->path);
    s->read_bytes = s->unpacked_bytes = s->offset = 0;
    s->from = file->from;
    s->to = file->to;
    s->form = FORM_UNKNOWN;
    s->in = s->in_end = NULL;
    s->end = IO_DONE;
    s->n = s->handed = 0;
    s->dropping = false;
    s->line = s->uncounted || s->from > 0 ? 0 : 1;
    enum err e = stream_open_path(s, reterr);
    if (e == ERR_OK) {
        e = stream_seek(s, reterr);
    }
    if (e != ERR_OK) {
        stream_end(s);
    }
    return e;
}

enum err
query_stream_open(const struct query_file *file, struct query_stream **ret_stream,
                  struct errinfo *reterr)
{
    struct query_stream *s = stream_new(inflate_best());
    enum err e = stream_begin(s, file, reterr);
    if (e != ERR_OK) {
        query_stream_close(&s);
        return e;
    }
    *ret_stream = s;
    return ERR_OK;
}

void
query_stream_close(struct query_stream **stream)
{
    struct query_stream *s = *stream;
    if (s == NULL) {
        return;
    }
    *stream = NULL;
    ASSERT(s->magic == STREAM_MAGIC);
    stream_end(s);
    if (s->inflate != NULL) {
        s->ops->close(s->inflate);
    }
    xfree(s->in_memory);
    xfree(s->text);
    xfree(s);
}
