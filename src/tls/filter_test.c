/* SPDX-License-Identifier: Apache-2.0
 * TLS as a filter: system calls per request, partial records, full sockets, ends. */
#include "base/mem.h"
#include "base/test.h"
#include "tls/test_peer.h"
#include "tls/tls_int.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define RES "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
#define OLD "ELBSecurityPolicy-2016-08"

static const struct test_certificate one_name = {"arn:c", PKI_EC, 256, "a.example", 90};

/* A server, a client of versions up to `max` and a link that has shaken hands. */
struct scene {
    struct tls_ticket_keys keys;
    struct tls_server *server;
    SSL_CTX *client;
    struct test_link link;
};

static void
scene_open(struct scene *s, int type, int max)
{
    CHECK(tls_init(NULL) == ERR_OK);
    CHECK(tls_ticket_keys_fill(&s->keys) == ERR_OK);
    s->server = test_server(RES, &one_name, 1, &s->keys);
    s->client = test_client_new(&(struct test_client){0, max, NULL, NULL});
    link_open(&s->link, s->server, s->client, type, "a.example", NULL);
}

static void
scene_close(struct scene *s)
{
    link_close(&s->link);
    SSL_CTX_free(s->client);
    tls_server_unref(&s->server);
}

/* Bytes that differ along the way, so that a lost or doubled piece shows. */
static char *
pattern(size_t n)
{
    char *p = xalloc(n);
    for (size_t i = 0; i < n; i++) {
        p[i] = (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
    }
    return p;
}

static const int both_versions[] = {0, TLS1_2_VERSION};

TEST("peers that send one byte at a time are understood")
{
    for (size_t i = 0; i < COUNT_OF(both_versions); i++) {
        struct scene s;
        scene_open(&s, SOCK_STREAM, both_versions[i]);
        s.link.chunk = 1;
        CHECK(link_handshake(&s.link));
        CHECK(link_up(&s.link, STR("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")));
        CHECK(link_down(&s.link, STR("HTTP/1.1 204 No Content\r\n\r\n")));
        scene_close(&s);
    }
}

TEST("each flight of the handshake is one send; TLS 1.3 tickets leave with the first response")
{
    static const size_t sends[] = {1, 2};
    for (size_t i = 0; i < COUNT_OF(both_versions); i++) {
        struct scene s;
        scene_open(&s, SOCK_SEQPACKET, both_versions[i]);
        CHECK(link_handshake(&s.link));
        CHECK_INT(s.link.sends, sends[i]);
        CHECK(link_up(&s.link, STR("ping")));
        CHECK_INT(s.link.sends, sends[i]);
        CHECK(link_down(&s.link, STR("pong")));
        CHECK_INT(s.link.sends, sends[i] + 1);
        CHECK(s.link.session != NULL); /* it came */
        scene_close(&s);
    }
}

/* The client writes and the bytes go into the socket as one message. */
static void
put_message(struct test_link *l, struct str text)
{
    CHECK_INT(SSL_write(l->ssl, text.p, (int)text.n), (int)text.n);
    CHECK(link_to_server(l) > 0);
}

TEST("a keep-alive request costs one recv and its response one send")
{
    for (size_t i = 0; i < COUNT_OF(both_versions); i++) {
        struct scene s;
        scene_open(&s, SOCK_SEQPACKET, both_versions[i]);
        struct test_link *l = &s.link;
        char bytes[8192];
        size_t n = 0;
        CHECK(link_handshake(l));
        CHECK(link_down(l, STR("ready")));
        size_t before = l->sends;
        put_message(l, STR("first"));
        put_message(l, STR("second"));
        CHECK_INT(stream_read(&l->stream, bytes, sizeof(bytes), &n), IO_DONE);
        CHECK_STR(((struct str){bytes, n}), "first");
        CHECK(!l->stream.can_read); /* a short recv: no second one to hear EAGAIN */
        CHECK(!stream_readable(&l->stream));
        int waiting = 0;
        CHECK(ioctl(l->stream.fd, FIONREAD, &waiting) == 0 && waiting > 0); /* the second message */
        CHECK_INT(stream_write(&l->stream, bytes, sizeof(bytes), &n), IO_DONE);
        CHECK_INT(n, sizeof(bytes));
        CHECK(link_to_client(l) > 0);
        CHECK_INT(l->sends, before + 1);
        stream_events(&l->stream, EPOLLIN);
        CHECK_INT(stream_read(&l->stream, bytes, sizeof(bytes), &n), IO_DONE);
        CHECK_STR(((struct str){bytes, n}), "second");
        CHECK_INT(stream_read(&l->stream, bytes, sizeof(bytes), &n), IO_AGAIN);
        scene_close(&s);
    }
}

TEST("many records of one write are one send")
{
    struct scene s;
    scene_open(&s, SOCK_SEQPACKET, 0);
    CHECK(link_handshake(&s.link));
    CHECK(link_down(&s.link, STR("ready")));
    size_t before = s.link.sends, n = 0;
    char *p = pattern(TLS_WRITE_MAX + 1);
    CHECK_INT(stream_write(&s.link.stream, p, TLS_WRITE_MAX + 1, &n), IO_DONE);
    CHECK_INT(n, TLS_WRITE_MAX);
    CHECK(link_to_client(&s.link) > TLS_WRITE_MAX);
    CHECK_INT(s.link.sends, before + 1);
    xfree(p);
    scene_close(&s);
}

TEST("two requests in one segment: the second is at hand without an event")
{
    struct scene s;
    scene_open(&s, SOCK_STREAM, 0);
    struct test_link *l = &s.link;
    char bytes[5];
    size_t n = 0;
    CHECK(link_handshake(l));
    CHECK_INT(SSL_write(l->ssl, "first", 5), 5);
    CHECK_INT(SSL_write(l->ssl, "second", 6), 6);
    CHECK(link_to_server(l) > 0);
    CHECK_INT(stream_read(&l->stream, bytes, 5, &n), IO_DONE);
    CHECK_STR(((struct str){bytes, n}), "first");
    CHECK(!l->stream.can_read);
    CHECK(stream_readable(&l->stream)); /* the second record is kept */
    CHECK_INT(stream_read(&l->stream, bytes, 5, &n), IO_DONE);
    CHECK_STR(((struct str){bytes, n}), "secon");
    CHECK(stream_readable(&l->stream)); /* within libssl now */
    CHECK_INT(stream_read(&l->stream, bytes, 5, &n), IO_DONE);
    CHECK_STR(((struct str){bytes, n}), "d");
    CHECK(!stream_readable(&l->stream));
    CHECK_INT(stream_read(&l->stream, bytes, 5, &n), IO_AGAIN);
    scene_close(&s);
}

TEST("large bodies up and down arrive whole")
{
    for (size_t i = 0; i < COUNT_OF(both_versions); i++) {
        struct scene s;
        size_t size = 700 * 1000;
        char *p = pattern(size);
        scene_open(&s, SOCK_STREAM, both_versions[i]);
        s.link.chunk = 33 * 1000; /* never where a record ends */
        CHECK(link_handshake(&s.link));
        CHECK(link_up(&s.link, (struct str){p, size}));
        CHECK(link_down(&s.link, (struct str){p, size}));
        xfree(p);
        scene_close(&s);
    }
}

/* ---- a full socket ---- */

static void
narrow(struct test_link *l)
{
    int size = 4096;
    CHECK(setsockopt(l->stream.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
}

/* What the client can decrypt of all that is in the socket just now. */
static size_t
client_reads(struct test_link *l, char *to, size_t n)
{
    (void)link_to_client(l);
    size_t at = 0;
    for (int got; at < n && (got = SSL_read(l->ssl, to + at, (int)(n - at))) > 0;) {
        at += (size_t)got;
    }
    return at;
}

TEST("a full socket: IO_AGAIN until all has left, and only what has left counts as written")
{
    struct scene s;
    scene_open(&s, SOCK_STREAM, 0);
    struct test_link *l = &s.link;
    size_t size = 300 * 1000, written = 0, read = 0, again = 0, n = 0;
    char *p = pattern(size), *got = xalloc(size);
    CHECK(link_handshake(l));
    narrow(l);
    for (int i = 0; i < 10000 && written < size; i++) {
        stream_events(&l->stream, EPOLLOUT);
        enum io io = stream_write(&l->stream, p + written, size - written, &n);
        CHECK(io == IO_DONE || io == IO_AGAIN);
        CHECK(io == IO_DONE || !l->stream.can_write);
        written += io == IO_DONE ? n : 0;
        again += io == IO_AGAIN;
        read += client_reads(l, got + read, size - read);
        CHECK(read >= written);
    }
    CHECK_INT(written, size);
    CHECK_INT(read, size);
    CHECK(again > 10);
    CHECK(memcmp(got, p, size) == 0);
    xfree(got);
    xfree(p);
    scene_close(&s);
}

TEST("a full socket: the caller may come back with less than it had offered")
{
    struct scene s;
    scene_open(&s, SOCK_STREAM, 0);
    struct test_link *l = &s.link;
    size_t size = 60 * 1000, read = 0, n = 0;
    char *p = pattern(size), *got = xalloc(size);
    CHECK(link_handshake(l));
    narrow(l);
    stream_events(&l->stream, EPOLLOUT);
    CHECK_INT(stream_write(&l->stream, p, size, &n), IO_AGAIN);
    enum io io = IO_AGAIN;
    for (int i = 0; i < 10000 && io == IO_AGAIN; i++) {
        read += client_reads(l, got + read, size - read);
        stream_events(&l->stream, EPOLLOUT);
        io = stream_write(&l->stream, p, 100, &n);
    }
    CHECK_INT(io, IO_DONE);
    CHECK_INT(n, 100);
    CHECK_INT(stream_write(&l->stream, p + 100, size - 100, &n), IO_DONE);
    CHECK_INT(n, size - 100);
    read += client_reads(l, got + read, size - read);
    CHECK_INT(read, size);
    CHECK(memcmp(got, p, size) == 0);
    xfree(got);
    xfree(p);
    scene_close(&s);
}

TEST("a full socket during the handshake: the flight waits, the handshake goes on after")
{
    struct scene s;
    scene_open(&s, SOCK_STREAM, TLS1_2_VERSION);
    struct test_link *l = &s.link;
    CHECK_INT(SSL_do_handshake(l->ssl), -1);
    CHECK(link_to_server(l) > 0);
    l->stream.can_write = false; /* as a send that found it full leaves it */
    CHECK_INT(tls_handshake(&l->stream), IO_AGAIN);
    CHECK_INT(link_to_client(l), 0);
    stream_events(&l->stream, EPOLLOUT);
    CHECK_INT(tls_handshake(&l->stream), IO_AGAIN);
    CHECK(link_to_client(l) > 0);
    CHECK(link_handshake(l));
    CHECK(link_up(l, STR("ping")));
    CHECK(link_down(l, STR("pong")));
    scene_close(&s);
}

/* ---- ends ---- */

TEST("close_notify reads as the end, after the data that came with it")
{
    for (size_t i = 0; i < COUNT_OF(both_versions); i++) {
        struct scene s;
        scene_open(&s, SOCK_STREAM, both_versions[i]);
        struct test_link *l = &s.link;
        char bytes[64];
        size_t n = 0;
        CHECK(link_handshake(l));
        CHECK_INT(SSL_write(l->ssl, "last", 4), 4);
        CHECK_INT(SSL_shutdown(l->ssl), 0);
        CHECK(link_to_server(l) > 0);
        CHECK_INT(stream_read(&l->stream, bytes, sizeof(bytes), &n), IO_DONE);
        CHECK_STR(((struct str){bytes, n}), "last");
        CHECK(stream_readable(&l->stream)); /* the end is still to be told */
        CHECK_INT(stream_read(&l->stream, bytes, sizeof(bytes), &n), IO_EOF);
        CHECK_INT(stream_read(&l->stream, bytes, sizeof(bytes), &n), IO_EOF);
        CHECK_INT(stream_write(&l->stream, "answer", 6, &n), IO_DONE); /* half-closed is fine */
        scene_close(&s);
    }
}

TEST("our goodbye is a close_notify, behind all that was written")
{
    for (size_t i = 0; i < COUNT_OF(both_versions); i++) {
        struct scene s;
        scene_open(&s, SOCK_STREAM, both_versions[i]);
        struct test_link *l = &s.link;
        char bytes[64];
        CHECK(link_handshake(l));
        CHECK(link_down(l, STR("bye")));
        l->stream.ops->shutdown(&l->stream);
        CHECK(link_to_client(l) > 0);
        CHECK(SSL_read(l->ssl, bytes, sizeof(bytes)) <= 0);
        CHECK_INT(SSL_get_shutdown(l->ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
        struct tls_alert alert;
        tls_alert(&l->stream, &alert);
        CHECK_INT(alert.number, -1); /* a goodbye is no alert to speak of */
        scene_close(&s);
    }
}

TEST("an end without close_notify is an end, a reset is a failure with its errno")
{
    struct scene s;
    char bytes[64];
    size_t n = 0;
    scene_open(&s, SOCK_STREAM, 0);
    CHECK(link_handshake(&s.link));
    CHECK(shutdown(s.link.fd, SHUT_WR) == 0);
    stream_events(&s.link.stream, EPOLLIN | EPOLLRDHUP);
    CHECK_INT(stream_read(&s.link.stream, bytes, sizeof(bytes), &n), IO_EOF);
    scene_close(&s);

    scene_open(&s, SOCK_STREAM, 0);
    CHECK(link_handshake(&s.link));
    stream_events(&s.link.stream, EPOLLOUT);
    CHECK_INT(stream_write(&s.link.stream, "never read", 10, &n), IO_DONE);
    int other = dup(s.link.stream.fd); /* only a number for link_close to close */
    CHECK(close(s.link.fd) == 0);
    s.link.fd = other;
    stream_events(&s.link.stream, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR);
    CHECK_INT(stream_read(&s.link.stream, bytes, sizeof(bytes), &n), IO_FAIL);
    CHECK_INT(errno, ECONNRESET);
    CHECK_INT(stream_write(&s.link.stream, "x", 1, &n), IO_FAIL);
    scene_close(&s);
}

TEST("damaged records end the connection with an alert")
{
    struct scene s;
    char bytes[64];
    size_t n = 0;
    scene_open(&s, SOCK_STREAM, 0);
    CHECK(link_handshake(&s.link));
    static const char record[] = "\x17\x03\x03\x00\x20 not what the keys would have made ";
    CHECK(send(s.link.fd, record, 37, MSG_NOSIGNAL) == 37);
    stream_events(&s.link.stream, EPOLLIN | EPOLLOUT);
    CHECK_INT(stream_read(&s.link.stream, bytes, sizeof(bytes), &n), IO_FAIL);
    struct tls_alert alert;
    tls_alert(&s.link.stream, &alert);
    CHECK(alert.sent);
    CHECK_INT(alert.number, 20);
    CHECK_STR(str_of(alert.text), "bad record mac");
    CHECK_INT(stream_write(&s.link.stream, "x", 1, &n), IO_FAIL);
    scene_close(&s);
}

/* ---- key updates ---- */

TEST("a key update is answered, a flood of them ends the connection")
{
    struct scene s;
    char bytes[64];
    size_t n = 0;
    scene_open(&s, SOCK_STREAM, 0);
    struct test_link *l = &s.link;
    CHECK(link_handshake(l));
    CHECK(link_down(l, STR("ready")));
    CHECK_INT(SSL_key_update(l->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    CHECK_INT(SSL_do_handshake(l->ssl), 1);
    CHECK(link_up(l, STR("with the new key")));
    CHECK(link_down(l, STR("with ours")));
    for (int i = 0; i < 100; i++) {
        CHECK_INT(SSL_key_update(l->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        CHECK_INT(SSL_do_handshake(l->ssl), 1);
    }
    CHECK(link_to_server(l) > 0);
    CHECK_INT(stream_read(&l->stream, bytes, sizeof(bytes), &n), IO_FAIL);
    struct tls_alert alert;
    tls_alert(&l->stream, &alert);
    CHECK_STR(str_of(alert.text), "too many records without data");
    scene_close(&s);
}

/* ---- towards targets ---- */

TEST("our client takes any certificate, speaks the old and the new, and sends no name")
{
    static const struct {
        const char *policy;
        bool tls13;
        const char *protocol;
    } rows[] = {{RES, true, "TLSv1.3"}, {RES, false, "TLSv1.2"}, {OLD, true, "TLSv1.2"}};
    static const struct test_certificate expired = {"old", PKI_RSA, 2048, "nobody.example", -10};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_server *server = test_server(rows[i].policy, &expired, 1, NULL);
        struct tls_client *client = NULL;
        struct stream a, b;
        int fds[2];
        char bytes[8];
        size_t n = 0;
        CHECK(tls_client_new(rows[i].tls13, &client, NULL) == ERR_OK);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
        stream_init(&a, fds[0]);
        stream_init(&b, fds[1]);
        CHECK(tls_accept(server, &a) == ERR_OK);
        CHECK(tls_connect(client, &b) == ERR_OK);
        tls_client_free(&client); /* the connection holds what it needs */
        enum io server_io = IO_AGAIN, client_io = IO_AGAIN;
        for (int turn = 0; turn < 8; turn++) {
            stream_events(&a, EPOLLIN | EPOLLOUT);
            stream_events(&b, EPOLLIN | EPOLLOUT);
            client_io = client_io == IO_AGAIN ? tls_handshake(&b) : client_io;
            server_io = server_io == IO_AGAIN ? tls_handshake(&a) : server_io;
        }
        CHECK_INT(client_io, IO_DONE);
        CHECK_INT(server_io, IO_DONE);
        struct tls_info info;
        tls_info(&a, &info);
        CHECK_INT(info.sni.n, 0);
        tls_info(&b, &info);
        CHECK_STR(info.protocol, rows[i].protocol);
        CHECK_STR(info.certificate_arn, "");
        CHECK_INT(stream_write(&b, "ping", 4, &n), IO_DONE);
        stream_events(&a, EPOLLIN);
        CHECK_INT(stream_read(&a, bytes, sizeof(bytes), &n), IO_DONE);
        CHECK_STR(((struct str){bytes, n}), "ping");
        CHECK_INT(stream_write(&a, "pong", 4, &n), IO_DONE);
        stream_events(&b, EPOLLIN);
        CHECK_INT(stream_read(&b, bytes, sizeof(bytes), &n), IO_DONE);
        CHECK_STR(((struct str){bytes, n}), "pong");
        stream_close(&a);
        stream_close(&b);
        tls_server_unref(&server);
    }
}

TEST_MAIN
