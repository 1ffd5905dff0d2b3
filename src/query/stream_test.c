/* SPDX-License-Identifier: Apache-2.0
 * Tests of streams: both ways of inflating, damaged files, line ends, parts of files. */
#include "query/source_int.h"

#include "base/rand.h"
#include "query/test_folder.h"

#include <sys/wait.h>

static const struct inflate_ops *const ways[] = {
    &inflate_zlib,
#ifdef HAVE_ISAL
    &inflate_isal,
#endif
};

/* Everything that a stream hands out, in one text; how it ended, and the sentence. */
struct read {
    struct buf text;
    enum io end;
    struct errinfo info;
};

static void
read_done(struct read *r)
{
    buf_free(&r->text);
}

/* Also checks what every block promises. */
static void
read_all(struct query_stream *s, const struct query_file *file, struct read *r)
{
    struct query_block block;
    uint64_t lines = 0;
    bool counted = true;
    buf_reset(&r->text);
    r->info.text[0] = '\0';
    r->end = IO_FAIL;
    if (stream_begin(s, file, &r->info) != ERR_OK) {
        return;
    }
    while ((r->end = query_stream_next(s, &block, &r->info)) == IO_DONE) {
        CHECK(block.n > 0 && block.p[block.n - 1] == '\n');
        CHECK(file->from > 0 ? block.line == 0 : block.line == lines + 1);
        CHECK(!counted || file->from > 0 || block.offset == r->text.n);
        for (size_t i = 0; i < block.n; i++) {
            lines += block.p[i] == '\n';
        }
        counted = counted && block.n <= LIMIT_LOG_READ_LINE_MAX; /* a cut line shifts the rest */
        buf_add(&r->text, block.p, block.n);
    }
    CHECK_INT(query_stream_next(s, &block, &r->info), r->end); /* and it stays so */
    stream_end(s);
}

static void
read_file(const struct inflate_ops *ops, const char *name, struct read *r)
{
    struct query_stream *s AUTO(query_stream_close) = stream_new(ops);
    char *path AUTO(xfree_ptr) = test_path(name);
    struct query_file file = {.path = path};
    read_all(s, &file, r);
}

static void
check_file(const char *name, struct str expected, enum io end, const char *sentence)
{
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct read r AUTO(read_done) = {0};
        read_file(ways[i], name, &r);
        CHECK_INT(r.end, end);
        CHECK(str_eq(buf_str(&r.text), expected));
        CHECK(sentence[0] == '\0' || str_find(str_of(r.info.text), str_of(sentence), NULL));
    }
}

/* Lines of all lengths that hold every byte but the line end. */
static void
make_lines(struct buf *out, size_t bytes, uint64_t seed)
{
    struct rand r;
    rand_seed(&r, seed);
    while (out->n < bytes) {
        size_t n = rand_below(&r, 20) == 0 ? rand_below(&r, 100000) : rand_below(&r, 900);
        for (size_t i = 0; i < n; i++) {
            char c = rand_below(&r, 3) == 0 ? (char)rand_below(&r, 256) : 'a';
            buf_add_char(out, c == '\n' ? '\0' : c);
        }
        buf_add_char(out, '\n');
    }
}

TEST("plain and gzip are told by their bytes, whatever the name says")
{
    test_folder();
    test_write("plain.gz", STR("one\ntwo\n"));
    test_write_gzip("packed.log", STR("one\ntwo\n"));
    check_file("plain.gz", STR("one\ntwo\n"), IO_EOF, "");
    check_file("packed.log", STR("one\ntwo\n"), IO_EOF, "");
}

TEST("an empty file, a file of one byte, a last line without an end, CR LF and NUL")
{
    test_folder();
    test_write("empty", STR(""));
    test_write("one", STR("x"));
    test_write("end", STR("\n"));
    test_write("open", STR("one\r\ntwo\0three"));
    test_write_gzip("open.gz", STR("one\r\ntwo\0three"));
    test_write_gzip("empty.gz", STR(""));
    check_file("empty", STR(""), IO_EOF, "");
    check_file("empty.gz", STR(""), IO_EOF, "");
    check_file("one", STR("x\n"), IO_EOF, "");
    check_file("end", STR("\n"), IO_EOF, "");
    check_file("open", STR("one\r\ntwo\0three\n"), IO_EOF, "");
    check_file("open.gz", STR("one\r\ntwo\0three\n"), IO_EOF, "");
}

TEST("several members are one stream, zeros behind the last are ignored, other bytes are not")
{
    struct buf packed AUTO(buf_free) = {0};
    static const char zeros[5000];
    test_folder();
    test_gzip(&packed, STR("one\ntw"));
    test_gzip(&packed, STR(""));
    test_gzip(&packed, STR("o\nthree\n"));
    test_write("members.gz", buf_str(&packed));
    check_file("members.gz", STR("one\ntwo\nthree\n"), IO_EOF, "");
    test_append("members.gz", (struct str){zeros, sizeof(zeros)});
    check_file("members.gz", STR("one\ntwo\nthree\n"), IO_EOF, "");
    test_append("members.gz", STR("junk that is no member"));
    check_file("members.gz", STR("one\ntwo\nthree\n"), IO_FAIL, "damaged");
}

TEST("a head with extra bytes, name, comment and checksum is passed, odd flags are not")
{
    struct buf packed AUTO(buf_free) = {0}, odd AUTO(buf_free) = {0};
    test_folder();
    test_gzip(&packed, STR("one\n"));
    buf_add(&odd, packed.p, 10);
    odd.p[3] = 0x1e;
    buf_add(&odd, "\x03\x00xyz", 5);
    buf_add(&odd, "name", 5);
    buf_add(&odd, "comment", 8);
    buf_add(&odd, "cc", 2);
    buf_add(&odd, packed.p + 10, packed.n - 10);
    test_write("parts.gz", buf_str(&odd));
    check_file("parts.gz", STR("one\n"), IO_EOF, "");
    odd.p[3] = 0x3e;
    test_write("parts.gz", buf_str(&odd));
    check_file("parts.gz", STR(""), IO_FAIL, "damaged");
}

TEST("a file that is cut anywhere hands out whole lines, then says so")
{
    struct buf packed AUTO(buf_free) = {0};
    test_folder();
    test_gzip(&packed, STR("one line that is here\nanother one of them\nlast\n"));
    for (size_t n = 2; n < packed.n; n++) {
        test_write("cut.gz", str_sub(buf_str(&packed), 0, n));
        for (size_t i = 0; i < COUNT_OF(ways); i++) {
            struct read r AUTO(read_done) = {0};
            read_file(ways[i], "cut.gz", &r);
            CHECK_INT(r.end, IO_FAIL);
            CHECK(str_find(str_of(r.info.text), STR("ends in the middle"), NULL));
            CHECK(r.text.n == 0 || r.text.p[r.text.n - 1] == '\n');
        }
    }
}

TEST("a checksum or size that does not fit is an error behind the lines")
{
    struct buf packed AUTO(buf_free) = {0};
    test_folder();
    test_gzip(&packed, STR("one\ntwo\n"));
    for (size_t back = 1; back <= 8; back++) {
        packed.p[packed.n - back] ^= 1;
        test_write("crc.gz", buf_str(&packed));
        check_file("crc.gz", STR("one\ntwo\n"), IO_FAIL, "checksum");
        packed.p[packed.n - back] ^= 1;
    }
}

TEST("large files, many members, every block size: all ways give the same text")
{
    struct buf text AUTO(buf_free) = {0}, packed AUTO(buf_free) = {0};
    struct rand r;
    test_folder();
    rand_seed(&r, 5);
    make_lines(&text, 6 << 20, 5);
    for (size_t at = 0; at < text.n;) {
        struct str part = str_sub(buf_str(&text), at, 1 + rand_below(&r, 1 << 20));
        test_gzip(&packed, part);
        at += part.n;
    }
    test_write("large", buf_str(&text));
    test_write("large.gz", buf_str(&packed));
    check_file("large", buf_str(&text), IO_EOF, "");
    check_file("large.gz", buf_str(&text), IO_EOF, "");
}

TEST("a line that is too long is handed out cut, and reading goes on behind it")
{
    struct buf text AUTO(buf_free) = {0};
    test_folder();
    buf_add_z(&text, "before\n");
    for (size_t i = 0; i < (3 << 20); i++) {
        buf_add_char(&text, 'x');
    }
    buf_add_z(&text, "\nbehind\n");
    test_write("long", buf_str(&text));
    test_write_gzip("long.gz", buf_str(&text));
    const char *const names[] = {"long", "long.gz"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct read r AUTO(read_done) = {0};
        read_file(ways[0], names[i], &r);
        CHECK_INT(r.end, IO_EOF);
        CHECK_INT(r.text.n, 7 + LIMIT_LOG_READ_LINE_MAX + 2 + 7);
        CHECK(str_starts(buf_str(&r.text), STR("before\nxx")));
        CHECK(str_ends(buf_str(&r.text), STR("x\nbehind\n")));
    }
}

TEST("a line of 200 KB is at least as long as the limit when it is handed out")
{
    struct buf text AUTO(buf_free) = {0};
    test_folder();
    for (size_t i = 0; i < 200 * 1024; i++) {
        buf_add_char(&text, 'x');
    }
    buf_add_z(&text, "\nbehind\n");
    test_write("long", buf_str(&text));
    struct read r AUTO(read_done) = {0};
    read_file(ways[0], "long", &r);
    struct str rest = buf_str(&r.text), line;
    CHECK(str_cut(&rest, '\n', &line) && line.n > LIMIT_LOG_READ_LINE_MAX);
    CHECK_STR(rest, "behind\n");
}

TEST("parts of a plain file hold each line once")
{
    struct buf text AUTO(buf_free) = {0}, sum AUTO(buf_free) = {0};
    struct query_stream *s AUTO(query_stream_close) = stream_new(&inflate_zlib);
    test_folder();
    buf_add_z(&text, "\na\nbb\n\nccc\ndddd\n\neeeee");
    test_write("parts", buf_str(&text));
    char *path AUTO(xfree_ptr) = test_path("parts");
    for (uint64_t step = 1; step <= text.n; step++) {
        buf_reset(&sum);
        for (uint64_t from = 0; from < text.n; from += step) {
            struct read r AUTO(read_done) = {0};
            struct query_file file = {.path = path, .from = from, .to = from + step};
            read_all(s, &file, &r);
            CHECK_INT(r.end, IO_EOF);
            buf_add_str(&sum, buf_str(&r.text));
        }
        CHECK_STR(buf_str(&sum), "\na\nbb\n\nccc\ndddd\n\neeeee\n");
    }
}

TEST("parts of a large plain file hold each line once")
{
    struct buf text AUTO(buf_free) = {0}, sum AUTO(buf_free) = {0};
    struct query_stream *s AUTO(query_stream_close) = stream_new(&inflate_zlib);
    const uint64_t step = 700001;
    test_folder();
    make_lines(&text, 5 << 20, 9);
    test_write("parts", buf_str(&text));
    char *path AUTO(xfree_ptr) = test_path("parts");
    for (uint64_t from = 0; from < text.n; from += step) {
        struct read r AUTO(read_done) = {0};
        bool last = from + step >= text.n;
        struct query_file file = {
            .path = path, .from = from, .to = last ? UINT64_MAX : from + step};
        read_all(s, &file, &r);
        buf_add_str(&sum, buf_str(&r.text));
    }
    CHECK(str_eq(buf_str(&sum), buf_str(&text)));
}

TEST("a compressed file has one part, the first")
{
    struct query_stream *s AUTO(query_stream_close) = stream_new(&inflate_zlib);
    test_folder();
    test_write_gzip("x.gz", STR("one\ntwo\n"));
    char *path AUTO(xfree_ptr) = test_path("x.gz");
    struct read r AUTO(read_done) = {0};
    read_all(s, &(struct query_file){.path = path, .from = 0, .to = 3}, &r);
    CHECK_STR(buf_str(&r.text), "one\ntwo\n");
    read_all(s, &(struct query_file){.path = path, .from = 3, .to = 100}, &r);
    CHECK_STR(buf_str(&r.text), "");
}

TEST("a FIFO, a device, a folder and what is not there are refused at once")
{
    test_folder();
    char *fifo AUTO(xfree_ptr) = test_path("fifo");
    char *missing AUTO(xfree_ptr) = test_path("missing");
    CHECK_INT(mkfifo(fifo, 0600), 0);
    char zero[] = "/dev/zero";
    char *const refused[] = {fifo, zero, test_root};
    struct errinfo info;
    struct query_stream *s = NULL;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct query_file file = {.path = refused[i]};
        CHECK_INT(query_stream_open(&file, &s, &info), ERR_INVALID);
        CHECK(str_find(str_of(info.text), str_of(refused[i]), NULL));
    }
    struct query_file file = {.path = missing};
    CHECK_INT(query_stream_open(&file, &s, &info), ERR_NOT_FOUND);
    CHECK(s == NULL);
}

/* Puts a pipe in the place of standard input that a child fills. */
static pid_t
pipe_to_stdin(struct str bytes, size_t piece)
{
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        for (size_t at = 0; at < bytes.n; at += piece) {
            struct str part = str_sub(bytes, at, piece);
            if (write(ends[1], part.p, part.n) != (ssize_t)part.n) {
                _exit(1);
            }
        }
        _exit(0);
    }
    CHECK_INT(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    CHECK_INT(close(ends[0]), 0);
    CHECK_INT(close(ends[1]), 0);
    return child;
}

TEST("standard input from a pipe, plain and gzip, in pieces of any size")
{
    struct buf text AUTO(buf_free) = {0}, packed AUTO(buf_free) = {0};
    static const size_t pieces[] = {1, 7, 4096, 1 << 20};
    char path[] = "-";
    make_lines(&text, 20000, 3);
    test_gzip(&packed, str_sub(buf_str(&text), 0, 10000));
    test_gzip(&packed, str_sub(buf_str(&text), 10000, SIZE_MAX));
    int before = dup(STDIN_FILENO);
    for (size_t i = 0; i < COUNT_OF(pieces) * 2; i++) {
        for (size_t way = 0; way < COUNT_OF(ways); way++) {
            struct query_stream *s AUTO(query_stream_close) = stream_new(ways[way]);
            struct read r AUTO(read_done) = {0};
            pid_t child = pipe_to_stdin(buf_str(i % 2 == 0 ? &text : &packed), pieces[i / 2]);
            read_all(s, &(struct query_file){.path = path}, &r);
            CHECK_INT(r.end, IO_EOF);
            CHECK(str_eq(buf_str(&r.text), buf_str(&text)));
            CHECK_INT(waitpid(child, NULL, 0), child);
        }
    }
    if (before >= 0) {
        CHECK_INT(dup2(before, STDIN_FILENO), STDIN_FILENO);
        CHECK_INT(close(before), 0);
    } else {
        CHECK_INT(close(STDIN_FILENO), 0);
    }
}

TEST("what unpacks to far more than any log is not read to its end")
{
    enum { MEMBER = 64 << 20, MEMBERS = 17 }; /* beyond QUERY_UNPACK_FREE */
    struct buf packed AUTO(buf_free) = {0};
    struct query_stream *s AUTO(query_stream_close) = stream_new(inflate_best());
    char *zeros = xalloc(MEMBER);
    test_folder();
    test_gzip(&packed, (struct str){zeros, MEMBER});
    xfree(zeros);
    test_write("bomb.gz", STR(""));
    for (size_t i = 0; i < MEMBERS; i++) {
        test_append("bomb.gz", buf_str(&packed));
    }
    char *path AUTO(xfree_ptr) = test_path("bomb.gz");
    struct read r AUTO(read_done) = {0};
    read_all(s, &(struct query_file){.path = path}, &r);
    CHECK_INT(r.end, IO_FAIL);
    CHECK(str_find(str_of(r.info.text), STR("far more"), NULL));
    CHECK_INT(r.text.n, LIMIT_LOG_READ_LINE_MAX + 2);
}

TEST_MAIN
