/* SPDX-License-Identifier: Apache-2.0
 * What Transfer-Encoding, Content-Length and Connection say. */
#include "http/h1_int.h"

enum { CONNECTION_NAMES_MAX = 64 }; /* each costs a walk over all headers */

static bool
is_listed(const struct http_header *header, enum header_id id, bool lookalikes)
{
    unsigned like = id == HEADER_TRANSFER_ENCODING ? HEADER_LIKE_TE : HEADER_LIKE_CL;
    return header->id == id || (lookalikes && (header->flags & like) != 0);
}

/* ---- Transfer-Encoding ---- */

static bool
coding_is_registered(struct str coding)
{
    return str_ieq(coding, STR("compress")) || str_ieq(coding, STR("deflate")) ||
           str_ieq(coding, STR("gzip")) || str_ieq(coding, STR("identity"));
}

static void
coding_read(struct h1_codings *c, struct str item, bool *chunked_before)
{
    size_t semicolon = item.n;
    bool parameters = str_find_char(item, ';', &semicolon);
    struct str coding = str_trim(str_sub(item, 0, semicolon));
    bool chunked = str_ieq(coding, STR("chunked"));
    c->any = true;
    c->misplaced |= c->chunked || (chunked && parameters);
    c->chunked_twice |= chunked && *chunked_before;
    c->chunked |= chunked;
    c->foreign |= !chunked && !str_ieq(coding, STR("identity"));
    c->unknown |= !chunked && !coding_is_registered(coding);
    *chunked_before = chunked;
}

struct h1_codings
h1_codings_read(const struct http_headers *h, bool lookalikes)
{
    struct h1_codings c = {0};
    bool chunked_before = false;
    for (unsigned i = 0; i < h->count; i++) {
        if (!is_listed(&h->items[i], HEADER_TRANSFER_ENCODING, lookalikes)) {
            continue;
        }
        struct str rest = h->items[i].value, item;
        while (str_cut(&rest, ',', &item)) {
            coding_read(&c, item, &chunked_before);
        }
    }
    return c;
}

/* ---- Content-Length ---- */

static void
length_add(struct h1_lengths *l, struct str digits)
{
    uint64_t value;
    if (!str_to_u64(digits, &value)) {
        l->bad = true;
    } else if (l->count == 0) {
        l->value = value;
    } else {
        l->differ |= value != l->value;
    }
    l->count++;
}

struct h1_lengths
h1_lengths_of_request(const struct http_headers *h, bool lookalikes)
{
    struct h1_lengths l = {0};
    for (unsigned i = 0; i < h->count; i++) {
        if (is_listed(&h->items[i], HEADER_CONTENT_LENGTH, lookalikes)) {
            struct str value = h->items[i].value;
            length_add(&l, value.n == 0 ? STR("0") : value);
        }
    }
    return l;
}

struct h1_lengths
h1_lengths_of_response(const struct http_headers *h)
{
    struct h1_lengths l = {0};
    for (unsigned i = 0; i < h->count; i++) {
        if (!is_listed(&h->items[i], HEADER_CONTENT_LENGTH, false)) {
            continue;
        }
        struct str rest = h->items[i].value, item;
        while (str_cut(&rest, ',', &item)) {
            length_add(&l, str_trim(item));
        }
    }
    return l;
}

/* ---- Connection ---- */

/* Host and framing need no exception here [D14]: their lines are never forwarded but written anew.
 */
static void
mark_named(struct http_headers *h, const struct h1_fields *fields, struct str name)
{
    enum header_id id = header_lookup(name);
    if (id != HEADER_OTHER && !fields_have(fields, id)) {
        return;
    }
    for (unsigned i = 0; i < h->count; i++) {
        if (h->items[i].id == id && str_ieq(h->items[i].name, name)) {
            h->items[i].flags |= HEADER_DROP;
        }
    }
}

/* One item of the list; false when it names a header. */
static bool
connection_option(struct h1_connection *c, struct str item)
{
    if (str_ieq(item, STR("keep-alive"))) {
        c->keep_alive = true;
    } else if (str_ieq(item, STR("close"))) {
        c->close = true;
    } else if (str_ieq(item, STR("upgrade"))) {
        c->upgrade = true;
    } else {
        return item.n == 0;
    }
    return true;
}

struct h1_connection
h1_connection_read(struct http_headers *h, const struct h1_fields *fields)
{
    struct h1_connection c = {0};
    unsigned names = 0;
    if (!fields_have(fields, HEADER_CONNECTION)) {
        return c;
    }
    for (unsigned i = 0; i < h->count; i++) {
        struct str rest = h->items[i].id == HEADER_CONNECTION ? h->items[i].value : STR_NONE, item;
        while (!c.too_many && str_cut(&rest, ',', &item)) {
            item = str_trim(item);
            if (connection_option(&c, item)) {
                continue;
            }
            c.too_many = ++names > CONNECTION_NAMES_MAX;
            mark_named(h, fields, item);
        }
    }
    return c;
}
