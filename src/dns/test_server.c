/* SPDX-License-Identifier: Apache-2.0
 * Scripted DNS servers. Their messages are written byte by byte here, without the code under test.
 */
#include "dns/test_server.h"

#include "dns/dns_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <unistd.h>

enum { HEADER = 12, CONNECTIONS_MAX = 16 };

struct test_connection {
    struct test_server *server; /* borrowed: its owner */
    struct loop_io io;
    struct deferred drip;
    struct buf in;
    struct buf out;
    size_t sent;
    bool slowly;
    int fd;
};

struct test_server {
    struct loop *loop; /* borrowed */
    const struct test_row *rows;
    struct addr addr;
    int udp_fd, tcp_fd;
    struct loop_io udp, tcp;
    unsigned datagrams;
    struct test_connection connections[CONNECTIONS_MAX];
    unsigned connection_count;
};

/* ---- messages ---- */

static void
add_u16(struct buf *b, unsigned value)
{
    buf_add_char(b, (char)(value >> 8 & 0xff));
    buf_add_char(b, (char)(value & 0xff));
}

static void
add_u32(struct buf *b, uint32_t value)
{
    add_u16(b, value >> 16);
    add_u16(b, value & 0xffff);
}

static void
add_name(struct buf *b, struct str name)
{
    struct str label;
    while (!str_eq(name, STR(".")) && str_cut(&name, '.', &label)) {
        buf_add_char(b, (char)label.n);
        buf_add_str(b, label);
    }
    buf_add_char(b, '\0');
}

static void
add_hex(struct buf *b, struct str hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i + 1 < hex.n; i += hex.p[i] == ' ' ? 1 : 2) {
        size_t high, low;
        if (hex.p[i] == ' ') {
            continue;
        }
        bool ok = str_find_char(str_of(digits), hex.p[i], &high) &&
                  str_find_char(str_of(digits), hex.p[i + 1], &low);
        ASSERT(ok);
        buf_add_char(b, (char)(high << 4 | low));
    }
}

static void
add_soa(struct buf *b, struct str value)
{
    struct str primary, serial;
    uint64_t number = 0;
    bool ok =
        text_word(&value, &primary) && text_word(&value, &serial) && str_to_u64(serial, &number);
    ASSERT(ok);
    add_name(b, primary);
    add_name(b, STR("hostmaster.test"));
    add_u32(b, (uint32_t)number);
    add_u32(b, 7200);
    add_u32(b, 900);
    add_u32(b, 86400);
    add_u32(b, 60);
}

static uint16_t
type_find(struct str word)
{
    static const uint16_t types[] = {DNS_TYPE_A,     DNS_TYPE_AAAA, DNS_TYPE_CNAME,
                                     DNS_TYPE_NS,    DNS_TYPE_PTR,  DNS_TYPE_SOA,
                                     DNS_TYPE_HTTPS, DNS_TYPE_TXT,  DNS_TYPE_OPT};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char text[DNS_NUMBER_TEXT];
        if (str_eq(word, str_of(dns_type_name(types[i], text)))) {
            return types[i];
        }
    }
    NEVER("a type of the test's own rows");
}

static void
add_data(struct buf *b, uint16_t type, struct str value)
{
    struct addr addr;
    if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
        bool ok = addr_parse(str_trim(value), 0, &addr);
        ASSERT(ok);
        const void *bytes = addr_is_v6(&addr) ? (const void *)&addr.in6.sin6_addr
                                              : (const void *)&addr.in4.sin_addr;
        buf_add(b, bytes, addr_is_v6(&addr) ? 16 : 4);
    } else if (type == DNS_TYPE_SOA) {
        add_soa(b, value);
    } else if (type == DNS_TYPE_HTTPS || type == DNS_TYPE_TXT || type == DNS_TYPE_OPT) {
        add_hex(b, str_trim(value));
    } else {
        add_name(b, str_trim(value));
    }
}

/* One line of a row; counts it in the header of the message that begins at `start`. */
static void
add_record(struct buf *b, size_t start, struct str line)
{
    static const char *const sections[] = {"answer", "authority", "additional"};
    struct str section, name, type;
    bool ok = text_word(&line, &section) && text_word(&line, &name) && text_word(&line, &type);
    ASSERT(ok);
    size_t s = 0;
    while (!str_eq(section, str_of(sections[s]))) {
        s++;
        ASSERT(s < COUNT_OF(sections));
    }
    b->p[start + 7 + 2 * s]++;
    struct buf data = {0};
    add_data(&data, type_find(type), line);
    add_name(b, name);
    add_u16(b, type_find(type));
    add_u16(b, 1);
    add_u32(b, 300);
    add_u16(b, (unsigned)data.n);
    buf_add_str(b, buf_str(&data));
    buf_free(&data);
}

/* Where the question ends: behind the name, type and class. */
static size_t
question_end(const uint8_t *p, size_t n)
{
    size_t at = HEADER;
    while (at < n && p[at] != 0) {
        at += (size_t)p[at] + 1;
    }
    return at + 5 <= n ? at + 5 : n;
}

static void
answer_write(const struct test_row *row, const uint8_t *question, size_t n, bool tcp,
             struct buf *out)
{
    size_t start = out->n;
    bool bare = (row->flags & TEST_NO_QUESTION) != 0;
    bool cut = (row->flags & TEST_CUT) != 0 && !tcp;
    buf_add(out, question, 2);
    buf_add_char(out, (char)(0x80 | (row->flags & TEST_AA ? 4 : 0) | (cut ? 2 : 0)));
    buf_add_char(out, (char)((row->flags & TEST_RA ? 0x80 : 0) | row->rcode));
    add_u16(out, bare ? 0 : 1);
    add_u16(out, 0);
    add_u32(out, 0);
    if (!bare) {
        buf_add(out, question + HEADER, question_end(question, n) - HEADER);
    }
    if (row->flags & TEST_LOOP) {
        out->p[start + 7]++;
        add_u16(out, 0xc000 | (unsigned)(out->n - start));
        add_hex(out, STR("00010001000000000004"
                         "7f000001"));
    }
    struct str rest = str_of(cut || row->records == NULL ? "" : row->records), line;
    while (str_cut(&rest, '\n', &line)) {
        if (str_trim(line).n > 0) {
            add_record(out, start, line);
        }
    }
}

void
test_answer_write(const struct test_row *row, const uint8_t *question, size_t n, struct buf *out)
{
    answer_write(row, question, n, true, out);
}

static const struct test_row *
row_find(const struct test_server *server, const uint8_t *p, size_t n)
{
    static const struct test_row refused = {.rcode = DNS_RCODE_REFUSED};
    struct dns_answer *question = NULL;
    const struct test_row *found = &refused;
    if (dns_answer_read(p, n, &question) != ERR_OK) {
        return &refused;
    }
    for (const struct test_row *row = server->rows; row->name != NULL && found == &refused; row++) {
        if (dns_name_eq(row->name, question->question) &&
            (row->type == 0 || row->type == question->question_type)) {
            found = row;
        }
    }
    dns_answer_free(&question);
    return found;
}

static bool
has_edns(const uint8_t *p, size_t n)
{
    return n > HEADER && p[11] == 1;
}

/* ---- UDP ---- */

static void
datagram_send(struct test_server *server, const struct addr *to, const struct buf *b)
{
    ssize_t n = sendto(server->udp_fd, b->p, b->n, 0, &to->sa, addr_len(to));
    ASSERT(n == (ssize_t)b->n);
}

/* What a liar who cannot see the question might send. */
static void
spoofs_send(struct test_server *server, const struct addr *to, const uint8_t *p, size_t n)
{
    const struct test_row lie = {.flags = TEST_AA, .records = "answer liar.test A 127.6.6.6"};
    struct buf b = {0};
    answer_write(&lie, p, n, false, &b);
    b.p[0] ^= 1; /* another id */
    datagram_send(server, to, &b);
    b.p[0] ^= 1;
    b.p[HEADER + 1] ^= 1; /* another name */
    datagram_send(server, to, &b);
    b.n = 5;
    datagram_send(server, to, &b);
    buf_free(&b);
}

static void
datagram_answer(struct test_server *server, const struct addr *to, const uint8_t *p, size_t n)
{
    const struct test_row *row = row_find(server, p, n);
    struct test_row no_edns = {.flags = TEST_NO_QUESTION, .rcode = DNS_RCODE_FORMERR};
    unsigned silent_once = (row->flags & TEST_SILENT_ONCE) && server->datagrams == 1;
    if ((row->flags & TEST_SILENT) || silent_once) {
        return;
    }
    if (row->flags & (TEST_SPOOFED | TEST_ONLY_SPOOFED)) {
        spoofs_send(server, to, p, n);
    }
    if (row->flags & TEST_ONLY_SPOOFED) {
        return;
    }
    if ((row->flags & TEST_NO_EDNS) && has_edns(p, n)) {
        row = &no_edns;
    }
    struct buf b = {0};
    if (row->flags & TEST_ECHO) {
        buf_add(&b, p, n);
    } else {
        answer_write(row, p, n, false, &b);
        b.n -= (row->flags & TEST_BROKEN) ? 1 : 0;
    }
    datagram_send(server, to, &b);
    buf_free(&b);
}

static void
udp_event(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct test_server *server = CONTAINER_OF(io, struct test_server, udp);
    uint8_t bytes[1024];
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    ssize_t n = recvfrom(server->udp_fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
    if (n < HEADER) {
        return;
    }
    server->datagrams++;
    struct addr to = addr_from_sockaddr((struct sockaddr *)&from);
    datagram_answer(server, &to, bytes, (size_t)n);
}

/* ---- TCP ---- */

static void
connection_close(struct test_connection *c)
{
    loop_io_forget(c->server->loop, &c->io);
    deferred_cancel(&c->drip);
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
}

static void
connection_send(struct test_connection *c)
{
    size_t n = c->slowly ? 1 : c->out.n - c->sent;
    ssize_t sent = send(c->fd, c->out.p + c->sent, n, MSG_NOSIGNAL);
    if (sent < 0) {
        connection_close(c);
        return;
    }
    c->sent += (size_t)sent;
    if (c->sent < c->out.n) {
        loop_defer(c->server->loop, &c->drip);
    }
}

static void
connection_drip(struct deferred *d)
{
    connection_send(CONTAINER_OF(d, struct test_connection, drip));
}

static void
connection_answer(struct test_connection *c, const uint8_t *p, size_t n)
{
    const struct test_row *row = row_find(c->server, p, n);
    if (row->flags & TEST_TCP_SILENT) {
        return;
    }
    struct buf b = {0};
    answer_write(row, p, n, true, &b);
    add_u16(&c->out, (unsigned)b.n - ((row->flags & TEST_BROKEN_TCP) ? 1 : 0));
    buf_add(&c->out, b.p, b.n - ((row->flags & TEST_BROKEN_TCP) ? 1 : 0));
    buf_free(&b);
    c->slowly = (row->flags & TEST_TCP_SLOWLY) != 0;
    if (row->flags & TEST_TCP_EARLY) {
        c->out.n /= 2;
        connection_send(c);
        connection_close(c);
        return;
    }
    connection_send(c);
}

static void
connection_event(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct test_connection *c = CONTAINER_OF(io, struct test_connection, io);
    uint8_t bytes[1024];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            connection_close(c);
        }
        return;
    }
    buf_add(&c->in, bytes, (size_t)n);
    const uint8_t *in = (const uint8_t *)c->in.p;
    if (c->in.n > 2 && c->in.n - 2 >= (size_t)(in[0] << 8 | in[1]) && c->out.n == 0) {
        connection_answer(c, in + 2, c->in.n - 2);
    }
}

static void
tcp_event(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct test_server *server = CONTAINER_OF(io, struct test_server, tcp);
    int fd = accept4(server->tcp_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    ASSERT(server->connection_count < CONNECTIONS_MAX);
    struct test_connection *c = &server->connections[server->connection_count++];
    c->server = server;
    c->fd = fd;
    deferred_init(&c->drip, connection_drip);
    bool ok = loop_io_watch(server->loop, &c->io, fd, EPOLLIN, connection_event);
    ASSERT(ok);
}

/* ---- life ---- */

static int
socket_bound(const struct addr *addr, int kind)
{
    int fd = socket(addr->sa.sa_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, &addr->sa, addr_len(addr)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool
server_bind(struct test_server *server)
{
    server->udp_fd = socket_bound(&server->addr, SOCK_DGRAM);
    if (server->udp_fd < 0) {
        return false;
    }
    struct sockaddr_storage name;
    socklen_t size = sizeof(name);
    int rc = getsockname(server->udp_fd, (struct sockaddr *)&name, &size);
    ASSERT(rc == 0);
    server->addr = addr_from_sockaddr((struct sockaddr *)&name);
    server->tcp_fd = socket_bound(&server->addr, SOCK_STREAM);
    if (server->tcp_fd < 0 || listen(server->tcp_fd, CONNECTIONS_MAX) != 0) {
        close(server->udp_fd);
        if (server->tcp_fd >= 0) {
            close(server->tcp_fd);
        }
        return false;
    }
    return true;
}

struct test_server *
test_server_new(struct loop *loop, const char *ip, uint16_t port, const struct test_row *rows)
{
    struct test_server *server = xalloc(sizeof(*server));
    *server = (struct test_server){.loop = loop, .rows = rows};
    bool bound = false;
    for (int tries = 0; !bound && tries < (port == 0 ? 50 : 1); tries++) {
        bool ok = addr_parse(str_of(ip), port, &server->addr);
        ASSERT(ok);
        bound = server_bind(server);
    }
    if (!bound) {
        xfree(server);
        return NULL;
    }
    bool ok = loop_io_watch(loop, &server->udp, server->udp_fd, EPOLLIN, udp_event) &&
              loop_io_watch(loop, &server->tcp, server->tcp_fd, EPOLLIN, tcp_event);
    ASSERT(ok);
    return server;
}

void
test_server_tcp_close(struct test_server *server)
{
    if (server->tcp_fd >= 0) {
        loop_io_forget(server->loop, &server->tcp);
        close(server->tcp_fd);
        server->tcp_fd = -1;
    }
}

void
test_server_free(struct test_server **server)
{
    struct test_server *s = *server;
    if (s == NULL) {
        return;
    }
    test_server_tcp_close(s);
    loop_io_forget(s->loop, &s->udp);
    close(s->udp_fd);
    for (unsigned i = 0; i < s->connection_count; i++) {
        connection_close(&s->connections[i]);
        buf_free(&s->connections[i].in);
        buf_free(&s->connections[i].out);
    }
    xfree(s);
    *server = NULL;
}

const struct addr *
test_server_addr(const struct test_server *server)
{
    return &server->addr;
}

unsigned
test_server_datagrams(const struct test_server *server)
{
    return server->datagrams;
}

unsigned
test_server_connections(const struct test_server *server)
{
    return server->connection_count;
}
