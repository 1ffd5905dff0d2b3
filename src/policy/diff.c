/* SPDX-License-Identifier: Apache-2.0
 * A unified diff of two short texts: longest common subsequence of their lines. */
#include "base/defs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "policy/delivery.h"

enum { CONTEXT_LINES = 3 };

struct lines {
    struct str *items; /* owned */
    size_t count, cap;
};

static void
split_lines(struct str text, struct lines *ret_lines)
{
    *ret_lines = (struct lines){0};
    if (str_ends(text, STR("\n"))) {
        text.n--;
    }
    struct str line;
    text = text.n == 0 ? STR_NONE : text;
    while (text.p != NULL && str_cut(&text, '\n', &line)) {
        *VEC_PUSH(ret_lines->items, ret_lines->count, ret_lines->cap) = line;
    }
}

/* One step of the way from one text to the other: ' ', '-' or '+'. */
struct step {
    char kind;
    struct str line;
};
struct way {
    struct step *items; /* owned */
    size_t count, cap;
};

static void
push(struct way *w, char kind, struct str line)
{
    *VEC_PUSH(w->items, w->count, w->cap) = (struct step){kind, line};
}

static void
find_way(const struct lines *a, const struct lines *b, struct way *w)
{
    bool whole = a->count > LIMIT_POLICY_DIFF_LINES || b->count > LIMIT_POLICY_DIFF_LINES;
    size_t width = b->count + 1;
    uint16_t *common = whole ? NULL : xalloc((a->count + 1) * width * sizeof(*common));
    for (size_t i = whole ? 0 : a->count; i-- > 0;) {
        for (size_t j = b->count; j-- > 0;) {
            uint16_t down = common[(i + 1) * width + j], right = common[i * width + j + 1];
            common[i * width + j] = str_eq(a->items[i], b->items[j])
                                        ? (uint16_t)(common[(i + 1) * width + j + 1] + 1)
                                        : (down > right ? down : right);
        }
    }
    size_t i = 0, j = 0;
    while (i < a->count || j < b->count) {
        if (!whole && i < a->count && j < b->count && str_eq(a->items[i], b->items[j])) {
            push(w, ' ', a->items[i++]);
            j++;
        } else if (i < a->count && (j == b->count || whole ||
                                    common[(i + 1) * width + j] >= common[i * width + j + 1])) {
            push(w, '-', a->items[i++]);
        } else {
            push(w, '+', b->items[j++]);
        }
    }
    xfree(common);
}

/* Is a change within the context of this step? */
static bool
is_shown(const struct way *w, size_t at)
{
    size_t from = at > CONTEXT_LINES ? at - CONTEXT_LINES : 0;
    for (size_t i = from; i < w->count && i <= at + CONTEXT_LINES; i++) {
        if (w->items[i].kind != ' ') {
            return true;
        }
    }
    return false;
}

/* One hunk from `at` on; returns the step behind it. */
static size_t
add_hunk(struct buf *out, const struct way *w, size_t at, size_t before_line, size_t after_line)
{
    size_t end = at, before = 0, after = 0;
    for (; end < w->count && is_shown(w, end); end++) {
        before += w->items[end].kind != '+';
        after += w->items[end].kind != '-';
    }
    buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", before == 0 ? before_line - 1 : before_line, before,
             after == 0 ? after_line - 1 : after_line, after);
    for (size_t i = at; i < end; i++) {
        buf_add_char(out, w->items[i].kind);
        buf_add_str(out, w->items[i].line);
        buf_add_char(out, '\n');
    }
    return end;
}

void
delivery_diff(struct buf *out, struct str before, struct str after)
{
    struct lines a, b;
    struct way w = {0};
    split_lines(before, &a);
    split_lines(after, &b);
    find_way(&a, &b, &w);
    size_t before_line = 1, after_line = 1;
    for (size_t i = 0; i < w.count;) {
        size_t end = is_shown(&w, i) ? add_hunk(out, &w, i, before_line, after_line) : i + 1;
        for (; i < end; i++) {
            before_line += w.items[i].kind != '+';
            after_line += w.items[i].kind != '-';
        }
    }
    xfree(w.items);
    xfree(a.items);
    xfree(b.items);
}
