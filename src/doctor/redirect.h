/* SPDX-License-Identifier: Apache-2.0
 * Where a redirect leads: the URL in a Location against the URL that was asked, as browsers work it
 * out [RFC 3986 5.2; WHATWG URL]. Pure. */
#pragma once

#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"

enum { REDIRECT_URL = 2048 };

enum redirect_change {
    REDIRECT_SCHEME = 1 << 0,
    REDIRECT_HOST = 1 << 1,
    REDIRECT_PORT = 1 << 2, /* the ports that are connected to differ */
};

/* An http or https URL in parts. */
struct redirect {
    char
        url[REDIRECT_URL]; /* absolute; no user, no fragment; a port stands in it iff it was written
                            */
    bool secure;
    char host[256]; /* ASCII, lower case; an address without brackets */
    bool host_is_address;
    uint16_t port; /* written, or the scheme's own */
    bool port_written;
    const char *path; /* into `url`: path and query, begins with '/' */
    unsigned changed; /* enum redirect_change, against the URL that was asked; 0 from
                         redirect_parse() */
};

/* An absolute URL. ERR_INVALID: it is none; ERR_UNSUPPORTED: neither http nor https; ERR_TOO_LARGE:
 * it does not fit. A struct redirect must not be copied by value: `path` points into it. */
enum err redirect_parse(struct str url, struct redirect *ret) MUST_USE;
/* `location`: the header's value, any bytes. Errors as above. */
enum err redirect_resolve(const struct redirect *base, struct str location, struct redirect *ret)
    MUST_USE;
/* The same resource: scheme, host, port as used, path and query. */
bool redirect_same(const struct redirect *a, const struct redirect *b);
bool redirect_same_origin(const struct redirect *a, const struct redirect *b);
/* "https://host:port/path" of the same place with another scheme and port: what a repaired Location
 * would say. The port is always written. */
enum err redirect_mend(const struct redirect *broken, bool secure, uint16_t port,
                       struct redirect *ret) MUST_USE;
