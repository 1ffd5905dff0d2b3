/* SPDX-License-Identifier: Apache-2.0
 * IP addresses with ports. */
#include "base/addr.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <stdio.h>

bool
addr_parse(struct str ip, uint16_t port, struct addr *ret_addr)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct addr a;
    memset(&a, 0, sizeof(a));
    if (!str_copy_z(ip, text, sizeof(text))) {
        return false;
    }
    if (inet_pton(AF_INET, text, &a.in4.sin_addr) == 1) {
        a.in4.sin_family = AF_INET;
        a.in4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = htons(port);
    } else {
        return false;
    }
    *ret_addr = a;
    return true;
}

struct addr
addr_from_sockaddr(const struct sockaddr *sa)
{
    struct addr a;
    memset(&a, 0, sizeof(a));
    if (sa->sa_family == AF_INET) {
        memcpy(&a.in4, sa, sizeof(a.in4));
        return a;
    }
    ASSERT(sa->sa_family == AF_INET6);
    memcpy(&a.in6, sa, sizeof(a.in6));
    if (IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr)) {
        struct addr v4;
        memset(&v4, 0, sizeof(v4));
        v4.in4.sin_family = AF_INET;
        v4.in4.sin_port = a.in6.sin6_port;
        memcpy(&v4.in4.sin_addr, &a.in6.sin6_addr.s6_addr[12], 4);
        return v4;
    }
    return a;
}

socklen_t
addr_len(const struct addr *a)
{
    return addr_is_v6(a) ? sizeof(a->in6) : sizeof(a->in4);
}

uint16_t
addr_port(const struct addr *a)
{
    return ntohs(addr_is_v6(a) ? a->in6.sin6_port : a->in4.sin_port);
}

void
addr_set_port(struct addr *a, uint16_t port)
{
    if (addr_is_v6(a)) {
        a->in6.sin6_port = htons(port);
    } else {
        a->in4.sin_port = htons(port);
    }
}

bool
addr_is_v6(const struct addr *a)
{
    return a->sa.sa_family == AF_INET6;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family || addr_port(a) != addr_port(b)) {
        return false;
    }
    return addr_is_v6(a) ? memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0
                         : a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
}

void
out_addr_ip(struct out *o, const struct addr *a)
{
    if (!addr_is_v6(a)) {
        const unsigned char *b = (const unsigned char *)&a->in4.sin_addr;
        for (int i = 0; i < 4; i++) {
            out_u64(o, b[i]);
            if (i < 3) {
                out_char(o, '.');
            }
        }
        return;
    }
    char text[INET6_ADDRSTRLEN];
    const char *ok = inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof(text));
    ASSERT(ok != NULL);
    out_bytes(o, text, strlen(text));
}

void
out_addr_port(struct out *o, const struct addr *a)
{
    out_addr_ip(o, a);
    out_char(o, ':');
    out_u64(o, addr_port(a));
}

const char *
addr_text(const struct addr *a, char text[static ADDR_TEXT])
{
    struct out o = out_of(text, ADDR_TEXT - 1);
    out_addr_ip(&o, a);
    *o.p = '\0';
    return text;
}

const char *
addr_port_text(const struct addr *a, char text[static ADDR_TEXT])
{
    struct out o = out_of(text, ADDR_TEXT - 1);
    if (addr_is_v6(a)) {
        out_char(&o, '[');
    }
    out_addr_ip(&o, a);
    if (addr_is_v6(a)) {
        out_char(&o, ']');
    }
    out_char(&o, ':');
    out_u64(&o, addr_port(a));
    *o.p = '\0';
    return text;
}
