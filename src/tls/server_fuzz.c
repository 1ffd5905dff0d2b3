/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the client's side of a handshake: nothing crashes, nothing hangs, and an end has a
 * reason. */
#include "base/assert.h"
#include "base/clock.h"
#include "crypto/pki.h"
#include "tls/tls.h"

#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS = 64 };

/* Appends a certificate for the names, signed by itself. */
static struct tls_certificate
certificate(enum pki_family family, unsigned bits, struct str name)
{
    static struct buf texts[4]; /* until the end of the process */
    static size_t count;
    struct buf *chain = &texts[count++], *key_pem = &texts[count++];
    struct evp_pkey_st *key = NULL;
    struct x509_st *x = NULL;
    uint64_t now_s = clock_wall_us() / 1000000;
    struct pki_request request = {.common_name = name,
                                  .names = &name,
                                  .name_count = 1,
                                  .not_before_s = now_s - 3600,
                                  .not_after_s = now_s + 86400};
    ASSERT(pki_key_new(family, bits, &key, NULL) == ERR_OK);
    ASSERT(pki_certificate_new(&request, key, &x, NULL) == ERR_OK);
    ASSERT(pki_certificate_pem(x, chain) == ERR_OK && pki_key_pem(key, key_pem) == ERR_OK);
    pki_certificate_free(&x);
    pki_key_free(&key);
    return (struct tls_certificate){name, buf_str(chain), buf_str(key_pem)};
}

/* One of each policy; the first byte of the input chooses. */
static struct tls_server *
server_of(uint8_t choice)
{
    static struct tls_ticket_keys keys; /* all zero, so that a seed may hold a ticket of them */
    static struct tls_server *servers[2];
    if (servers[0] == NULL) {
        ASSERT(tls_init(NULL) == ERR_OK);
        struct tls_certificate c[] = {certificate(PKI_RSA, 2048, STR("a.example")),
                                      certificate(PKI_EC, 256, STR("*.b.example"))};
        for (size_t i = 0; i < COUNT_OF(servers); i++) {
            ASSERT(tls_server_new(str_of(tls_policy_at(i)->name), c, COUNT_OF(c), &keys,
                                  &servers[i], NULL) == ERR_OK);
        }
    }
    return servers[choice % COUNT_OF(servers)];
}

static void
throw_away(int fd)
{
    char bytes[4096];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0) {
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 100 * 1000) {
        return 0;
    }
    struct tls_server *server = server_of(data[0]);
    int fds[2];
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    struct stream stream;
    stream_init(&stream, fds[0]);
    ASSERT(tls_accept(server, &stream) == ERR_OK);
    ssize_t sent = send(fds[1], data + 1, size - 1, MSG_NOSIGNAL);
    ASSERT(sent == (ssize_t)size - 1);
    ASSERT(shutdown(fds[1], SHUT_WR) == 0);
    enum io io = IO_AGAIN;
    for (int i = 0; i < TURNS && io == IO_AGAIN; i++) {
        stream_events(&stream, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
        io = tls_handshake(&stream);
        throw_away(fds[1]);
    }
    ASSERT(io == IO_EOF || io == IO_FAIL); /* nobody guesses a Finished */
    struct tls_alert alert;
    struct tls_info info;
    tls_alert(&stream, &alert);
    tls_info(&stream, &info);
    ASSERT(io == IO_EOF || alert.text[0] != '\0');
    stream_close(&stream);
    (void)close(fds[1]); /* a socketpair's end */
    return 0;
}
