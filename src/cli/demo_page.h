/* SPDX-License-Identifier: Apache-2.0
 * What a demo target answers: the request as it received it, as a page for people and as JSON.
 * Pure. */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/str.h"

struct demo_field {
    struct str name;
    struct str value;
};

/* One request as the target saw it; all borrowed. */
struct demo_view {
    struct str target_name;
    struct str target_address; /* "127.0.0.1:9101" */
    struct str peer_address;   /* who connected: the load balancer */
    struct str method;
    struct str uri; /* path and query as received */
    struct str version;
    const struct demo_field *fields;
    size_t field_count;
    uint64_t body_bytes;
    uint64_t number; /* requests answered by this target, this one included */
    unsigned status; /* of the answer: 200, or 404 for a path that is not here */
};

/* The first field of this name, case folded; STR_NONE when there is none. */
struct str demo_field_get(const struct demo_view *v, struct str name);

void demo_page_write(struct buf *out, const struct demo_view *v);
void demo_json_write(struct buf *out, const struct demo_view *v);
