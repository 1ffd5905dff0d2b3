/* SPDX-License-Identifier: Apache-2.0
 * HTTP/2 answers written by hand, byte by byte, and how they are judged. */
#include "doctor/h2_client.h"

#include "base/mem.h"
#include "base/test.h"

#define SETTINGS "\0\0\0\x04\0\0\0\0\0"
#define OK_HEAD "\0\0\x01\x01\x04\0\0\0\x01\x88"     /* :status 200, END_HEADERS */
#define OK_HEAD_END "\0\0\x01\x01\x05\0\0\0\x01\x88" /* and END_STREAM */
#define DATA_HI_END "\0\0\x02\0\x01\0\0\0\x01hi"
#define BYTES(text) ((struct str){text, sizeof(text) - 1})

static struct http_seen *
seen(struct str s, bool fin)
{
    return h2_seen_read((const uint8_t *)s.p, s.n, s.n, fin, false);
}

TEST("what ends well, or at least is shown")
{
    static const struct {
        struct str bytes;
        unsigned status;
        enum body_end end;
    } rows[] = {
        {BYTES(SETTINGS OK_HEAD_END), 200, BODY_END_COMPLETE},
        {BYTES(SETTINGS OK_HEAD DATA_HI_END), 200, BODY_END_COMPLETE},
        {BYTES(SETTINGS OK_HEAD), 200, BODY_END_CLOSE},
        /* content-length: 9, two bytes: a page all the same */
        {BYTES(SETTINGS "\0\0\x05\x01\x04\0\0\0\x01\x88\x0f\x0d\x01"
                        "9" DATA_HI_END),
         200, BODY_END_COMPLETE},
        /* connection: close is tolerated */
        {BYTES(SETTINGS "\0\0\x13\x01\x05\0\0\0\x01\x88\0\x0a"
                        "connection\x05"
                        "close"),
         200, BODY_END_COMPLETE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_seen *h = seen(rows[i].bytes, true);
        CHECK(h->h2 && h->h2_settings && h->h2_error[0] == '\0');
        CHECK_INT(h->has_status ? h->status : 0, rows[i].status);
        CHECK_INT(h->body_end, rows[i].end);
        http_seen_free(&h);
    }
}

TEST("an interim answer is passed over")
{
    struct http_seen *h = seen(BYTES(SETTINGS "\0\0\x05\x01\x04\0\0\0\x01\x08\x03"
                                              "103" OK_HEAD DATA_HI_END),
                               true);
    CHECK(h->has_status && h->status == 200 && h->body_bytes == 2);
    http_seen_free(&h);
}

TEST("what a browser refuses")
{
    static const struct {
        struct str bytes;
        const char *error;
    } rows[] = {
        /* a name with a capital */
        {BYTES(SETTINGS "\0\0\x06\x01\x05\0\0\0\x01\x88\0\x01X\x01y"), "PROTOCOL_ERROR"},
        /* a value with a NUL */
        {BYTES(SETTINGS "\0\0\x06\x01\x05\0\0\0\x01\x88\0\x01x\x01\0"), "PROTOCOL_ERROR"},
        /* no :status */
        {BYTES(SETTINGS "\0\0\x05\x01\x05\0\0\0\x01\0\x01x\x01y"), "PROTOCOL_ERROR"},
        /* :path in an answer */
        {BYTES(SETTINGS "\0\0\x02\x01\x05\0\0\0\x01\x88\x84"), "PROTOCOL_ERROR"},
        /* no SETTINGS first */
        {BYTES(OK_HEAD_END), "PROTOCOL_ERROR"},
        /* index 127 is not in the table */
        {BYTES(SETTINGS "\0\0\x01\x01\x05\0\0\0\x01\xfe"), "COMPRESSION_ERROR"},
        /* a SETTINGS frame of 5 bytes; a frame of 65536 bytes */
        {BYTES("\0\0\x05\x04\0\0\0\0\0\0\0\0\0\0"), "FRAME_SIZE_ERROR"},
        {BYTES(SETTINGS "\x01\0\0\0\0\0\0\0\x01"), "FRAME_SIZE_ERROR"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_seen *h = seen(rows[i].bytes, false);
        CHECK_STR(str_of(h->h2_error), rows[i].error);
        CHECK(!h->has_status);
        http_seen_free(&h);
    }
}

TEST("RST_STREAM and GOAWAY with their codes")
{
    struct http_seen *h = seen(BYTES(SETTINGS "\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07"), true);
    CHECK(h->h2_rst && h->h2_rst_code == 7 && !h->has_status && h->h2_error[0] == '\0');
    http_seen_free(&h);
    h = seen(BYTES(SETTINGS "\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0d"), true);
    CHECK(h->h2_goaway && h->h2_goaway_code == 13 && !h->has_status);
    http_seen_free(&h);
    h = seen(BYTES(SETTINGS OK_HEAD "\0\0\x04\x03\0\0\0\0\x01\0\0\0\x02"), false);
    CHECK(h->has_status && h->body_end == BODY_END_RESET);
    http_seen_free(&h);
}

TEST("HTTP/1.1 text after the preface is no frame")
{
    struct http_seen *h = seen(STR("HTTP/1.1 400 Bad Request\r\n\r\n"), true);
    CHECK(h->h2_text && h->h2_error[0] == '\0' && !h->has_status && !h->h2_settings);
    http_seen_free(&h);
}

TEST("two Locations that differ are noted, as over HTTP/1.1")
{
    struct http_seen *h = seen(BYTES(SETTINGS "\0\0\x09\x01\x05\0\0\0\x01\x88\x0f\x1f\x01"
                                              "a\x0f\x1f\x01"
                                              "b"),
                               true);
    CHECK(h->odd == ODD_TWO_LOCATIONS);
    CHECK_STR(http_seen_header(h, "location"), "a");
    http_seen_free(&h);
}

TEST("a few bytes that stand for very many fields end at our limit")
{
    struct buf b = {0};
    static char value[3000];
    memset(value, 'v', sizeof(value));
    buf_add(&b, SETTINGS, 9);
    /* :status 200; x: (3000 bytes), kept in the table as entry 62; then that entry 10,000 times */
    size_t block = 1 + 1 + 2 + 3 + sizeof(value) + 10000;
    buf_add(&b, (const char[]){0, (char)(block >> 8 & 0xff), (char)(block & 0xff)}, 3);
    buf_add(&b, "\x01\x05\0\0\0\x01\x88\x40\x01x", 10);
    buf_add(&b, "\x7f\xb9\x16", 3); /* 3000 = 127 + 2873 */
    buf_add(&b, value, sizeof(value));
    for (int i = 0; i < 10000; i++) {
        buf_add_char(&b, (char)0xbe);
    }
    struct http_seen *h = seen(buf_str(&b), false);
    CHECK((h->odd & ODD_HEAD_TOO_LARGE) != 0 && !h->has_status);
    http_seen_free(&h);
    buf_free(&b);
}

TEST("the request in frames, the answer in single bytes, then it is complete")
{
    static const char answer[] = SETTINGS OK_HEAD DATA_HI_END;
    struct buf out = {0};
    struct h2_client *c = h2_client_new(NULL);
    h2_client_take(c, &out);
    CHECK(str_starts(buf_str(&out), STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")));
    for (size_t i = 0; i + 1 < sizeof(answer); i++) {
        CHECK(!h2_client_complete(c));
        h2_client_feed(c, (const uint8_t *)answer + i, 1);
        h2_client_take(c, &out);
    }
    CHECK(h2_client_complete(c) && h2_client_answered(c));
    h2_client_free(&c);
    buf_free(&out);
}

TEST_MAIN
