/* SPDX-License-Identifier: Apache-2.0
 * An IP address with a port, as a small value. Text forms: "192.0.2.1", "2001:db8::1". */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/str.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    };
};

/* A literal IPv4 or IPv6 address without brackets; false otherwise. */
bool addr_parse(struct str ip, uint16_t port, struct addr *ret_addr);
struct addr
addr_from_sockaddr(const struct sockaddr *sa); /* AF_INET, AF_INET6; v4-mapped become v4 */
socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_v6(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);

void out_addr_ip(struct out *o, const struct addr *a);
/* "ip:port"; IPv6 without brackets, as the access log wants it [ALB log: client:port]. */
void out_addr_port(struct out *o, const struct addr *a);
/* Both as NUL-terminated text into a caller's buffer; returns it. IPv6 with port gets brackets. */
enum { ADDR_TEXT = 64 };
const char *addr_text(const struct addr *a, char text[static ADDR_TEXT]);
const char *addr_port_text(const struct addr *a, char text[static ADDR_TEXT]);
