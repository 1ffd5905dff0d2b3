/* SPDX-License-Identifier: Apache-2.0
 * Stars in HTTP/2 frames. Header fields are compressed there, so their blocks are decoded, starred
 * and coded again, without a table, so that the same fields always give the same bytes. */
#include <nghttp2/nghttp2.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/secrets.h"

enum {
    FRAME_HEAD = 9,
    FRAME_MAX = 16384, /* [RFC 9113 4.2] */
    FIELDS_MAX = 256,  /* of one block; the rest is left out */
    PIECES_MAX = 64,   /* frames of one block; long before that it counts as a flood */
};

struct frame {
    size_t length; /* as it says */
    uint8_t type, flags;
    uint8_t stream[4];
    struct str payload; /* as far as it came */
    bool whole;
};

struct rewrite {
    struct secrets *secrets;
    nghttp2_hd_inflater *inflater;
    nghttp2_hd_deflater *deflater;
    struct buf *out;
    struct buf block;    /* of HEADERS and CONTINUATION so far */
    struct frame opened; /* the frame that began it */
    unsigned pieces;     /* frames that it came in */
    bool open, broken;   /* broken: no further block can be decoded */
    bool large;          /* this block: more than anybody reads */
};

static void
add_frame(struct buf *out, const struct frame *f, uint8_t type, uint8_t flags, struct str payload)
{
    const uint8_t head[FRAME_HEAD] = {(uint8_t)(payload.n >> 16),
                                      (uint8_t)(payload.n >> 8),
                                      (uint8_t)payload.n,
                                      type,
                                      flags,
                                      f->stream[0],
                                      f->stream[1],
                                      f->stream[2],
                                      f->stream[3]};
    buf_add(out, head, sizeof(head));
    buf_add_str(out, payload);
}

/* ---- one header block ---- */

struct fields {
    nghttp2_nv items[FIELDS_MAX]; /* names and values owned */
    size_t count, bytes;
};

static void
fields_done(struct fields *f)
{
    for (size_t i = 0; i < f->count; i++) {
        xfree(f->items[i].name);
        xfree(f->items[i].value);
    }
}

static void
keep_field(struct secrets *s, struct fields *fields, const nghttp2_nv *nv)
{
    struct str name = {(const char *)nv->name, nv->namelen};
    struct str value = {(const char *)nv->value, nv->valuelen};
    fields->bytes += name.n + value.n;
    if (fields->count == FIELDS_MAX) {
        return;
    }
    char *copy = xstrdup_str(value);
    secrets_star_field(s, name, copy, value.n);
    fields->items[fields->count++] = (nghttp2_nv){.name = (uint8_t *)xstrdup_str(name),
                                                  .namelen = name.n,
                                                  .value = (uint8_t *)copy,
                                                  .valuelen = value.n,
                                                  .flags = NGHTTP2_NV_FLAG_NO_INDEX};
}

static bool
decode(struct rewrite *w, struct fields *fields)
{
    struct str rest = buf_str(&w->block);
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n =
            nghttp2_hd_inflate_hd2(w->inflater, &nv, &flags, (const uint8_t *)rest.p, rest.n, 1);
        if (n < 0) {
            return false;
        }
        rest = str_sub(rest, (size_t)n, rest.n);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            keep_field(w->secrets, fields, &nv);
        }
        if (fields->bytes > LIMIT_DOCTOR_HEAD_BYTES) { /* the reader stops here, too */
            w->broken = w->large = true;
            return false;
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
            (void)nghttp2_hd_inflate_end_headers(w->inflater); /* always 0 */
            return true;
        }
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && rest.n == 0) {
            return false;
        }
    }
}

/* HEADERS and CONTINUATION frames, at least as many as came: many of them are a fault, too. */
static void
add_block(struct rewrite *w, struct str block, bool ends)
{
    unsigned pieces = w->pieces;
    uint8_t type = NGHTTP2_HEADERS;
    do {
        struct str piece = str_sub(block, 0, FRAME_MAX);
        block = str_sub(block, piece.n, block.n);
        uint8_t flags = type == NGHTTP2_HEADERS ? w->opened.flags & NGHTTP2_FLAG_END_STREAM : 0;
        pieces -= pieces > 0;
        bool last = ends && block.n == 0 && pieces == 0;
        flags = (uint8_t)(flags | (last ? NGHTTP2_FLAG_END_HEADERS : 0));
        add_frame(w->out, &w->opened, type, flags, piece);
        type = NGHTTP2_CONTINUATION;
    } while (block.n > 0 || pieces > 0);
}

static void
encode(struct rewrite *w, const struct fields *fields)
{
    size_t bound = nghttp2_hd_deflate_bound(w->deflater, fields->items, fields->count);
    uint8_t *bytes = xalloc(bound + 1);
    ssize_t n = nghttp2_hd_deflate_hd(w->deflater, bytes, bound, fields->items, fields->count);
    ASSERT(n >= 0); /* the bound holds */
    add_block(w, (struct str){(const char *)bytes, (size_t)n}, true);
    xfree(bytes);
}

/* In place of what cannot be decoded: a block that nobody can decode, field 0 [RFC 7541 6.1]. */
static void
add_broken(struct rewrite *w)
{
    w->broken = true;
    add_block(w, STR("\x80"), true);
}

/* In place of what is too large when it is unpacked: a block that is, too. A field that fills the
 * table once [RFC 7541 6.2.1], and then by its index [6.1]. */
static void
add_large(struct rewrite *w)
{
    static const char head[] =
        "\x3f\xe1\x1f\x40\x01x\x7f\x81\x1e"; /* table of 4096; value of 3968 */
    enum { VALUE = 3968 };
    struct buf block = {0};
    buf_add(&block, head, sizeof(head) - 1);
    for (size_t i = 0; i < VALUE; i++) {
        buf_add_char(&block, '*');
    }
    for (size_t i = 0; i <= LIMIT_DOCTOR_HEAD_BYTES / VALUE; i++) {
        buf_add_char(&block, '\xbe'); /* index 62: the newest */
    }
    add_block(w, buf_str(&block), true);
    buf_free(&block);
}

static void
end_block(struct rewrite *w)
{
    struct fields *fields = xalloc(sizeof(*fields));
    if (!w->broken && decode(w, fields)) {
        encode(w, fields);
    } else if (w->large) {
        add_large(w);
        w->large = false;
    } else {
        add_broken(w);
    }
    fields_done(fields);
    xfree(fields);
    w->open = false;
    buf_reset(&w->block);
}

/* ---- frames ---- */

/* What is left of a HEADERS payload without padding and priority; false: it contradicts itself. */
static bool
fragment_of(const struct frame *f, struct str *ret)
{
    struct str p = f->payload;
    size_t pad = 0;
    if ((f->flags & NGHTTP2_FLAG_PADDED) != 0) {
        if (p.n == 0) {
            return false;
        }
        pad = (uint8_t)p.p[0];
        p = str_sub(p, 1, p.n);
    }
    size_t priority = (f->flags & NGHTTP2_FLAG_PRIORITY) != 0 ? 5 : 0;
    if (p.n < pad + priority) {
        return false;
    }
    *ret = str_sub(p, priority, p.n - pad - priority);
    return true;
}

static void
begin_block(struct rewrite *w, const struct frame *f)
{
    struct str fragment;
    w->opened = *f;
    w->open = true;
    w->pieces = 1;
    if (!fragment_of(f, &fragment)) {
        w->broken = true;
        end_block(w);
        return;
    }
    buf_add_str(&w->block, fragment);
    if ((f->flags & NGHTTP2_FLAG_END_HEADERS) != 0) {
        end_block(w);
    }
}

static void
continue_block(struct rewrite *w, const struct frame *f)
{
    buf_add_str(&w->block, f->payload);
    w->pieces += w->pieces < PIECES_MAX;
    if ((f->flags & NGHTTP2_FLAG_END_HEADERS) != 0) {
        end_block(w);
    }
}

/* The bytes of a frame that hold no header block. */
static void
copy_frame(struct rewrite *w, const struct frame *f)
{
    char *payload = xstrdup_str(f->payload);
    secrets_star(w->secrets, SECRET_WIRE, payload, f->payload.n);
    add_frame(w->out, f, f->type, f->flags, (struct str){payload, f->payload.n});
    xfree(payload);
}

static void
rewrite_frame(struct rewrite *w, const struct frame *f)
{
    bool same = memcmp(f->stream, w->opened.stream, sizeof(f->stream)) == 0;
    if (w->open && (f->type != NGHTTP2_CONTINUATION || !same)) { /* against the protocol */
        add_block(w, STR_NONE, false);
        w->open = false;
        w->broken = true;
    }
    if (w->open) {
        continue_block(w, f);
    } else if (f->type == NGHTTP2_HEADERS) {
        begin_block(w, f);
    } else if (f->type == NGHTTP2_PUSH_PROMISE || f->type == NGHTTP2_CONTINUATION) {
        w->broken = true; /* not allowed here: what is in it does not matter */
        add_frame(w->out, f, f->type, f->flags, STR_NONE);
    } else {
        copy_frame(w, f);
    }
}

static bool
read_frame(struct str rest, struct frame *ret)
{
    if (rest.n < FRAME_HEAD) {
        return false;
    }
    const uint8_t *p = (const uint8_t *)rest.p;
    *ret = (struct frame){.length = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2],
                          .type = p[3],
                          .flags = p[4],
                          .stream = {p[5], p[6], p[7], p[8]}};
    ret->payload = str_sub(rest, FRAME_HEAD, ret->length);
    ret->whole = ret->payload.n == ret->length;
    return true;
}

/* What is no whole frame: text in place of frames, or a frame of which not all came or was kept.
 * Of a header block only the frame's head stays. */
static void
copy_rest(struct rewrite *w, struct str rest)
{
    struct frame f;
    bool block =
        read_frame(rest, &f) && (f.type == NGHTTP2_HEADERS || f.type == NGHTTP2_CONTINUATION ||
                                 f.type == NGHTTP2_PUSH_PROMISE);
    if (block) {
        rest.n = FRAME_HEAD;
    }
    char *copy = xstrdup_str(rest);
    secrets_star(w->secrets, SECRET_WIRE, copy, rest.n);
    buf_add(w->out, copy, rest.n);
    xfree(copy);
}

void
secrets_add_h2(struct secrets *s, struct str frames, struct buf *out)
{
    struct rewrite w = {.secrets = s, .out = out};
    struct frame f;
    int rc = nghttp2_hd_inflate_new(&w.inflater);
    ASSERT(rc == 0); /* only memory fails */
    rc = nghttp2_hd_deflate_new(&w.deflater, 0);
    ASSERT(rc == 0);
    while (read_frame(frames, &f) && f.whole) {
        rewrite_frame(&w, &f);
        frames = str_sub(frames, FRAME_HEAD + f.length, frames.n);
    }
    if (w.open) { /* its end has not come */
        add_block(&w, STR_NONE, false);
    }
    copy_rest(&w, frames);
    buf_free(&w.block);
    nghttp2_hd_inflate_del(w.inflater);
    nghttp2_hd_deflate_del(w.deflater);
}
