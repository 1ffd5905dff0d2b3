/* SPDX-License-Identifier: Apache-2.0
 * Columns of a text, and lines that fit them. */
#include "text/text_int.h"

#include "base/assert.h"

static const struct width {
    uint32_t first;
    uint32_t last;
    uint8_t columns;
} widths[] = {
#define WIDTH(first, last, columns, what) {first, last, columns},
#include "text/widths.def"
#undef WIDTH
};

/* Not at the start of a line, not at its end [JIS X 4051: line start and line end prohibition]. */
static const char not_first[] = "、。，．・：；？！）］｝」』】〉》〕〗ー…‥〜～々ゝゞヽヾ％℃"
                                "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ｡､｣･ｰ”’)]},.:;?!%\"'";
static const char not_last[] = "（［｛「『【〈《〔〖“‘｢￥([{\"'";

unsigned
text_point_width(uint32_t point)
{
    size_t low = 0;
    size_t high = COUNT_OF(widths);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (widths[middle].last < point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < COUNT_OF(widths) && point >= widths[low].first ? widths[low].columns : 1;
}

bool
text_take_colour(struct str *rest)
{
    if (!str_starts(*rest, STR("\033["))) {
        return false;
    }
    size_t at = 2;
    while (at < rest->n && (ascii_is_digit(rest->p[at]) || rest->p[at] == ';')) {
        at++;
    }
    if (at == rest->n || rest->p[at] != 'm') {
        return false;
    }
    *rest = str_sub(*rest, at + 1, rest->n);
    return true;
}

/* One piece of a line that is never divided. */
struct unit {
    struct str bytes;
    uint32_t point; /* 0: a colour sequence */
    unsigned columns;
};

static struct unit
unit_take(struct str *rest)
{
    struct str before = *rest;
    struct unit u = {.point = 0};
    if (!text_take_colour(rest)) {
        (void)text_utf8_next(rest, &u.point); /* a broken byte is one column like any other */
        u.columns = text_point_width(u.point);
    }
    u.bytes = str_sub(before, 0, before.n - rest->n);
    return u;
}

size_t
text_width(struct str utf8)
{
    size_t columns = 0;
    while (utf8.n > 0) {
        columns += unit_take(&utf8).columns;
    }
    return columns;
}

struct str
text_cut(struct str utf8, size_t width)
{
    struct str rest = utf8;
    size_t columns = 0;
    while (rest.n > 0) {
        struct str from_here = rest;
        columns += unit_take(&rest).columns;
        if (columns > width) {
            return str_sub(utf8, 0, utf8.n - from_here.n);
        }
    }
    return utf8;
}

static bool
is_one_of(struct str character, const char *list)
{
    struct str rest = str_of(list);
    while (rest.n > 0) {
        if (str_eq(unit_take(&rest).bytes, character)) {
            return true;
        }
    }
    return false;
}

/* May a line end between the two, where no blank stands? Only beside a wide one. */
static bool
may_part(const struct unit *before, const struct unit *after)
{
    return (before->columns == 2 || after->columns == 2) && !is_one_of(before->bytes, not_last) &&
           !is_one_of(after->bytes, not_first);
}

/* Where a line ends and where the next begins: offsets in the text that is left. */
struct cut {
    size_t end;
    size_t next;
};

/* The walk along one line. */
struct line {
    size_t room;        /* columns that it may have */
    size_t columns;     /* so far */
    size_t blanks_at;   /* where the run of blanks before this unit began */
    bool after_blank;   /* such a run stands before this unit */
    bool begun;         /* something other than blanks was seen */
    bool can_break;     /* `best` is set */
    struct cut best;    /* the last place where the line may end */
    struct unit before; /* the last unit with columns */
};

static void
line_blank(struct line *l, size_t at)
{
    if (!l->after_blank) {
        l->blanks_at = at;
        l->after_blank = true;
    }
    l->columns++;
}

/* Takes one more unit, other than a blank, that stands at `at`; false: the line ends at `best`. */
static bool
line_unit(struct line *l, const struct unit *u, size_t at)
{
    bool parts = l->begun && (l->after_blank || (u->columns > 0 && may_part(&l->before, u)));
    if (parts) {
        l->best = (struct cut){l->after_blank ? l->blanks_at : at, at};
        l->can_break = true;
    }
    l->columns += u->columns;
    if (l->columns > l->room && l->can_break) {
        return false;
    }
    l->begun = true;
    l->after_blank = false;
    if (u->columns > 0) {
        l->before = *u;
    }
    return true;
}

/* Where the first line of `text` ends. */
static struct cut
line_cut(struct str text, size_t room)
{
    struct line l = {.room = room};
    struct str rest = text;
    size_t at = 0;
    while (rest.n > 0) {
        struct unit u = unit_take(&rest);
        if (u.point == '\n') {
            break;
        }
        if (u.point == ' ') {
            line_blank(&l, at);
        } else if (!line_unit(&l, &u, at)) {
            return l.best;
        }
        at = text.n - rest.n;
    }
    size_t line_end = MIN_OF(at + 1, text.n); /* behind the '\n', if it is one */
    return (struct cut){l.after_blank ? l.blanks_at : at, line_end};
}

static void
add_line(struct buf *out, struct str line, unsigned indent)
{
    if (line.n > 0) {
        for (unsigned i = 0; i < indent; i++) {
            buf_add_char(out, ' ');
        }
        buf_add_str(out, line);
    }
    buf_add_char(out, '\n');
}

void
text_wrap(struct buf *out, struct str text, unsigned first_indent, unsigned indent, unsigned width)
{
    unsigned in = first_indent;
    while (text.n > 0) {
        struct cut cut = line_cut(text, width > in ? width - in : 1);
        ASSERT(cut.next > 0);
        add_line(out, str_sub(text, 0, cut.end), in);
        text = str_sub(text, cut.next, text.n);
        in = indent;
    }
}
