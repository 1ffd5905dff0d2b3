/* SPDX-License-Identifier: Apache-2.0
 * The tables: headers known by number, their duties, and the reasons for refusing. */
#include "http/h1_int.h"

#include "base/assert.h"

_Static_assert(HEADER_COUNT <= 64, "struct h1_fields has one bit for each");

static const struct str names[HEADER_COUNT] = {
#define HEADER(id, text) [HEADER_##id] = {text, sizeof(text) - 1},
#include "http/headers.def"
#undef HEADER
};

enum { NAME_LENGTH_MAX = 24 };

/* For each length the last header of that length: headers.def is sorted by length, so the others of
 * the same length stand before it. Later rows override earlier ones here on purpose. */
#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
static const uint8_t last_with_length[NAME_LENGTH_MAX + 1] = {
#define HEADER(id, text) [sizeof(text) - 1] = HEADER_##id,
#include "http/headers.def"
#undef HEADER
};
#pragma GCC diagnostic pop

/* Proxy-Authenticate and Proxy-Authorization are not dropped: like nginx we are a gateway, not the
 * proxy that they are meant for, and some servers behind us do use them. */
/* clang-format off */
const uint8_t header_duties[HEADER_COUNT] = {
    [HEADER_TRANSFER_ENCODING]   = DUTY_FRAMING | DUTY_NO_TRAILER,
    [HEADER_CONTENT_LENGTH]      = DUTY_FRAMING | DUTY_NO_TRAILER,
    [HEADER_HOST]                = DUTY_NO_TRAILER,
    [HEADER_CONNECTION]          = DUTY_HOP | DUTY_NO_TRAILER,
    [HEADER_KEEP_ALIVE]          = DUTY_HOP | DUTY_NO_TRAILER,
    [HEADER_PROXY_CONNECTION]    = DUTY_HOP | DUTY_NO_TRAILER,
    [HEADER_TE]                  = DUTY_HOP | DUTY_NO_TRAILER,
    [HEADER_UPGRADE]             = DUTY_HOP | DUTY_NO_TRAILER,
    [HEADER_TRAILER]             = DUTY_NO_TRAILER,
    [HEADER_EXPECT]              = DUTY_NO_TRAILER,
    [HEADER_RANGE]               = DUTY_NO_TRAILER,
    [HEADER_COOKIE]              = DUTY_NO_TRAILER,
    [HEADER_SET_COOKIE]          = DUTY_NO_TRAILER,
    [HEADER_LOCATION]            = DUTY_NO_TRAILER,
    [HEADER_MAX_FORWARDS]        = DUTY_NO_TRAILER,
    [HEADER_CONTENT_TYPE]        = DUTY_NO_TRAILER,
    [HEADER_CONTENT_RANGE]       = DUTY_NO_TRAILER,
    [HEADER_CONTENT_ENCODING]    = DUTY_NO_TRAILER,
    [HEADER_AUTHORIZATION]       = DUTY_NO_TRAILER,
    [HEADER_WWW_AUTHENTICATE]    = DUTY_NO_TRAILER,
    [HEADER_PROXY_AUTHENTICATE]  = DUTY_NO_TRAILER,
    [HEADER_PROXY_AUTHORIZATION] = DUTY_NO_TRAILER,
    [HEADER_CACHE_CONTROL]       = DUTY_NO_TRAILER,
    [HEADER_X_FORWARDED_FOR]     = DUTY_NO_TRAILER,
    [HEADER_X_FORWARDED_PORT]    = DUTY_NO_TRAILER,
    [HEADER_X_FORWARDED_PROTO]   = DUTY_NO_TRAILER,
    [HEADER_X_AMZN_TRACE_ID]     = DUTY_NO_TRAILER,
};
/* clang-format on */

static bool
name_is(struct str known, struct str name)
{
    /* Most senders spell as we do. */
    return memcmp(known.p, name.p, name.n) == 0 || str_ieq(known, name);
}

enum header_id
header_lookup(struct str name)
{
    if (name.n == 0 || name.n > NAME_LENGTH_MAX) {
        return HEADER_OTHER;
    }
    char first = ascii_lower(name.p[0]);
    for (unsigned id = last_with_length[name.n]; names[id].n == name.n; id--) {
        if (ascii_lower(names[id].p[0]) == first && name_is(names[id], name)) {
            return (enum header_id)id;
        }
    }
    return HEADER_OTHER;
}

struct str
header_name(enum header_id id)
{
    ASSERT(id < HEADER_COUNT);
    return names[id];
}

const struct http_header *
headers_find(const struct http_headers *h, enum header_id id)
{
    for (unsigned i = 0; i < h->count; i++) {
        if (h->items[i].id == id) {
            return &h->items[i];
        }
    }
    return NULL;
}

static bool
list_has(struct str list, struct str token)
{
    struct str piece;
    while (str_cut(&list, ',', &piece)) {
        if (str_ieq(str_trim(piece), token)) {
            return true;
        }
    }
    return false;
}

bool
headers_have_token(const struct http_headers *h, enum header_id id, struct str token)
{
    for (unsigned i = 0; i < h->count; i++) {
        if (h->items[i].id == id && list_has(h->items[i].value, token)) {
            return true;
        }
    }
    return false;
}

struct fault_row {
    const char *name;
    const char *text;
    unsigned status;
};

static const struct fault_row faults[FAULT_COUNT] = {
    [FAULT_NONE] = {"NONE", "nothing is wrong", 0},
#define FAULT(name, status, sentence) [FAULT_##name] = {#name, sentence, status},
#include "http/faults.def"
#undef FAULT
};

unsigned
fault_status(enum http_fault f)
{
    ASSERT(f < FAULT_COUNT);
    return faults[f].status;
}

const char *
fault_name(enum http_fault f)
{
    ASSERT(f < FAULT_COUNT);
    return faults[f].name;
}

const char *
fault_text(enum http_fault f)
{
    ASSERT(f < FAULT_COUNT);
    return faults[f].text;
}
