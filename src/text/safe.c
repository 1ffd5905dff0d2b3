/* SPDX-License-Identifier: Apache-2.0
 * Bytes of strangers: what is printable UTF-8, and everything else as \xHH. */
#include "text/text_int.h"

#include "base/assert.h"

/* Sequences by their first byte [RFC 3629 section 4]: how many bytes follow, and the range of the
 * second byte that keeps out overlong forms, surrogates and values above U+10FFFF. */
static const struct sequence {
    uint8_t first;
    uint8_t last;
    uint8_t more;
    uint8_t second_min;
    uint8_t second_max;
    uint8_t mask; /* of the first byte: its bits of the value */
} sequences[] = {
    {0x00, 0x7F, 0, 0x00, 0x00, 0x7F}, {0xC2, 0xDF, 1, 0x80, 0xBF, 0x1F},
    {0xE0, 0xE0, 2, 0xA0, 0xBF, 0x0F}, {0xE1, 0xEC, 2, 0x80, 0xBF, 0x0F},
    {0xED, 0xED, 2, 0x80, 0x9F, 0x0F}, {0xEE, 0xEF, 2, 0x80, 0xBF, 0x0F},
    {0xF0, 0xF0, 3, 0x90, 0xBF, 0x07}, {0xF1, 0xF3, 3, 0x80, 0xBF, 0x07},
    {0xF4, 0xF4, 3, 0x80, 0x8F, 0x07},
};

static const struct hidden {
    uint32_t first;
    uint32_t last;
} hidden[] = {
#define HIDDEN(first, last, what) {first, last},
#include "text/hidden.def"
#undef HIDDEN
};

static const struct sequence *
sequence_of(uint8_t first)
{
    for (size_t i = 0; i < COUNT_OF(sequences); i++) {
        if (first >= sequences[i].first && first <= sequences[i].last) {
            return &sequences[i];
        }
    }
    return NULL;
}

/* Does the sequence stand complete at the front? */
static bool
sequence_fits(const struct sequence *s, struct str bytes)
{
    if (s == NULL || bytes.n < s->more + 1u) {
        return false;
    }
    for (size_t i = 1; i <= s->more; i++) {
        uint8_t byte = (uint8_t)bytes.p[i];
        uint8_t min = i == 1 ? s->second_min : 0x80;
        uint8_t max = i == 1 ? s->second_max : 0xBF;
        if (byte < min || byte > max) {
            return false;
        }
    }
    return true;
}

bool
text_utf8_next(struct str *rest, uint32_t *ret_point)
{
    ASSERT(rest->n > 0);
    uint8_t first = (uint8_t)rest->p[0];
    const struct sequence *s = sequence_of(first);
    if (!sequence_fits(s, *rest)) {
        *ret_point = first;
        *rest = str_sub(*rest, 1, rest->n);
        return false;
    }
    uint32_t point = first & s->mask;
    for (size_t i = 1; i <= s->more; i++) {
        point = (point << 6) | ((uint8_t)rest->p[i] & 0x3F);
    }
    *ret_point = point;
    *rest = str_sub(*rest, s->more + 1u, rest->n);
    return true;
}

bool
text_utf8_valid(struct str bytes)
{
    uint32_t point;
    while (bytes.n > 0) {
        if (!text_utf8_next(&bytes, &point)) {
            return false;
        }
    }
    return true;
}

static bool
is_hidden(uint32_t point)
{
    if ((point & 0xFFFE) == 0xFFFE) {
        return true; /* the last two of each plane are not characters */
    }
    for (size_t i = 0; i < COUNT_OF(hidden) && hidden[i].first <= point; i++) {
        if (point <= hidden[i].last) {
            return true;
        }
    }
    return false;
}

static void
add_hex(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        char text[4];
        struct out o = out_of(text, sizeof(text));
        OUT_LIT(&o, "\\x");
        out_hex(&o, (uint8_t)bytes.p[i], 2);
        buf_add(out, text, sizeof(text));
    }
}

/* How one printable character is written. */
typedef void add_printable_fn(struct buf *out, struct str character);

static void
add_made_safe(struct buf *out, struct str bytes, const char *passes, add_printable_fn *add)
{
    while (bytes.n > 0) {
        struct str rest = bytes;
        uint32_t point;
        bool valid = text_utf8_next(&rest, &point);
        struct str character = str_sub(bytes, 0, bytes.n - rest.n);
        bool passing = point != 0 && point < 0x80 && strchr(passes, (int)point) != NULL;
        if (passing || (valid && !is_hidden(point))) {
            add(out, character);
        } else {
            add_hex(out, character);
        }
        bytes = rest;
    }
}

static void
add_html_printable(struct buf *out, struct str character)
{
    static const struct {
        char c;
        const char *reference;
    } references[] = {
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < COUNT_OF(references); i++) {
        if (character.p[0] == references[i].c) {
            buf_add_z(out, references[i].reference);
            return;
        }
    }
    buf_add_str(out, character);
}

void
text_add_safe(struct buf *out, struct str bytes)
{
    add_made_safe(out, bytes, "", buf_add_str);
}

void
text_add_html(struct buf *out, struct str bytes)
{
    add_made_safe(out, bytes, "", add_html_printable);
}

void
text_add_html_own(struct buf *out, struct str text)
{
    add_made_safe(out, text, "\n\t", add_html_printable);
}
