/* SPDX-License-Identifier: Apache-2.0
 * The parameters of HTTPS and SVCB records [RFC 9460 2.2, 7]. */
#include "dns/dns_int.h"

#include "base/assert.h"

enum { ADDR4_BYTES = 4, ADDR6_BYTES = 16, PARAM_HEAD_BYTES = 4 };

static uint16_t
read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* One reader per key; false: the value breaks the rules. */
typedef bool param_reader(const uint8_t *p, size_t n, struct dns_https *https);

/* Adds whole names only, so that a cut list holds no name that is not there. */
static void
alpn_add(struct dns_https *https, struct str name)
{
    size_t used = strlen(https->alpn);
    struct out o = out_of(https->alpn + used, DNS_ALPN_TEXT - 1 - used);
    if (used > 0) {
        out_char(&o, ',');
    }
    out_escaped(&o, name, "-_./+!#$%&*=:;@^`|~?");
    if (o.full) {
        https->alpn[used] = '\0';
    } else {
        *o.p = '\0';
    }
}

static bool
param_alpn(const uint8_t *p, size_t n, struct dns_https *https)
{
    bool sound = n > 0;
    while (n > 0) {
        size_t length = p[0];
        if (length == 0 || length > n - 1) {
            return false;
        }
        alpn_add(https, (struct str){(const char *)p + 1, length});
        p += 1 + length;
        n -= 1 + length;
    }
    return sound;
}

static bool
param_no_default_alpn(const uint8_t *p, size_t n, struct dns_https *https)
{
    (void)p;
    https->no_default_alpn = true;
    return n == 0;
}

static bool
param_port(const uint8_t *p, size_t n, struct dns_https *https)
{
    if (n != sizeof(uint16_t)) {
        return false;
    }
    https->port = read_u16(p);
    return true;
}

static bool
param_hint4(const uint8_t *p, size_t n, struct dns_https *https)
{
    for (size_t at = 0; at + ADDR4_BYTES <= n && https->hint4_count < DNS_HINTS_MAX;
         at += ADDR4_BYTES) {
        struct addr *hint = &https->hint4[https->hint4_count++];
        hint->in4.sin_family = AF_INET;
        memcpy(&hint->in4.sin_addr, p + at, ADDR4_BYTES);
    }
    return n > 0 && n % ADDR4_BYTES == 0;
}

static bool
param_ech(const uint8_t *p, size_t n, struct dns_https *https)
{
    (void)p; /* that a key is offered is all we tell */
    https->ech = true;
    return n > 0;
}

static bool
param_hint6(const uint8_t *p, size_t n, struct dns_https *https)
{
    for (size_t at = 0; at + ADDR6_BYTES <= n && https->hint6_count < DNS_HINTS_MAX;
         at += ADDR6_BYTES) {
        struct addr *hint = &https->hint6[https->hint6_count++];
        hint->in6.sin6_family = AF_INET6;
        memcpy(&hint->in6.sin6_addr, p + at, ADDR6_BYTES);
    }
    return n > 0 && n % ADDR6_BYTES == 0;
}

/* By key; 0 is "mandatory", which changes nothing for us; further keys are unknown to us. */
static param_reader *const param_readers[] = {
    NULL, param_alpn, param_no_default_alpn, param_port, param_hint4, param_ech, param_hint6,
};

void
https_params_read(const uint8_t *p, size_t n, struct dns_https *https)
{
    int last_key = -1;
    while (n >= PARAM_HEAD_BYTES) {
        uint16_t key = read_u16(p), length = read_u16(p + 2);
        if (key <= last_key || length > n - PARAM_HEAD_BYTES) { /* each once, in order */
            https->malformed = true;
            return;
        }
        last_key = key;
        p += PARAM_HEAD_BYTES;
        if (key < COUNT_OF(param_readers) && param_readers[key] != NULL &&
            !param_readers[key](p, length, https)) {
            https->malformed = true;
        }
        p += length;
        n -= PARAM_HEAD_BYTES + (size_t)length;
    }
    https->malformed |= n != 0;
}
