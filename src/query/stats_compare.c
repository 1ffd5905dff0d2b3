/* SPDX-License-Identifier: Apache-2.0
 * Two spans side by side: what changed, and a mark at what got worse. Rows are made once and shown
 * as text or as JSON. */
#include "base/mem.h"
#include "query/stats_show_text.h"

enum {
    INDENT = 2,
    SCHEMA_NUMBER = 1,
    WORSE_LINES = 10,   /* fewer lines than this say nothing */
    WORSE_FACTOR = 2,   /* of shares */
    WORSE_PERCENT = 25, /* of a p95 */
    WORSE_MS = 5,
};

/* ---- the rules ---- */

bool
stats_worse_share(uint64_t a, uint64_t of_a, uint64_t b, uint64_t of_b)
{
    if (b < WORSE_LINES || of_a == 0 || of_b == 0) {
        return false;
    }
    return (double)b / (double)of_b >= WORSE_FACTOR * (double)a / (double)of_a;
}

bool
stats_worse_ms(const struct stats_values *a, const struct stats_values *b)
{
    return a->count > 0 && b->count > 0 && b->p95 >= a->p95 + WORSE_MS &&
           100 * b->p95 >= (100 + WORSE_PERCENT) * a->p95;
}

/* ---- rows ---- */

enum unit { UNIT_LINES, UNIT_MS };

/* One figure of both spans. */
struct change {
    const char *what;  /* word for programs; static */
    const char *title; /* message id, or NULL: `of` alone */
    struct str of;     /* borrowed: the target group, error, path; bytes of the log */
    enum unit unit;
    bool has_a, has_b; /* else null */
    uint64_t a, b;
    uint64_t of_a, of_b; /* of lines: what the shares are of */
    bool worse;
};

struct changes {
    struct change *items; /* owned */
    size_t count, cap;
};

static struct change *
add_change(struct changes *all, const char *what, const char *title, struct str of)
{
    struct change *c = VEC_PUSH(all->items, all->count, all->cap);
    c->what = what;
    c->title = title;
    c->of = of;
    return c;
}

static void
add_lines(struct changes *all, const char *what, const char *title, struct str of,
          const uint64_t lines[2], const uint64_t totals[2], bool fault)
{
    struct change *c = add_change(all, what, title, of);
    c->has_a = c->has_b = true;
    c->a = lines[0];
    c->b = lines[1];
    c->of_a = totals[0];
    c->of_b = totals[1];
    c->worse = fault && stats_worse_share(c->a, c->of_a, c->b, c->of_b);
}

static void
add_p95(struct changes *all, const char *what, const char *title, struct str of,
        const struct stats_values *a, const struct stats_values *b)
{
    struct change *c = add_change(all, what, title, of);
    c->unit = UNIT_MS;
    c->has_a = a->count > 0;
    c->has_b = b->count > 0;
    c->a = a->p95;
    c->b = b->p95;
    c->worse = stats_worse_ms(a, b);
}

/* ---- what is compared ---- */

static void
compare_statuses(struct changes *all, const struct stats_tables *a, const struct stats_tables *b)
{
    static const struct {
        const char *what, *title;
        bool fault;
    } rows[STATS_CLASSES] = {
        {"none", N_("without a status"), true},
        {"1xx", N_("1xx"), false},
        {"2xx", N_("2xx"), false},
        {"3xx", N_("3xx"), false},
        {"4xx", N_("4xx"), true},
        {"5xx", N_("5xx"), true},
        {"other", N_("other statuses"), true},
    };
    const uint64_t totals[] = {a->requests, b->requests};
    for (size_t i = 0; i < STATS_CLASSES; i++) {
        if (a->classes[i] > 0 || b->classes[i] > 0) {
            add_lines(all, rows[i].what, rows[i].title, STR_NONE,
                      (const uint64_t[]){a->classes[i], b->classes[i]}, totals, rows[i].fault);
        }
    }
}

static void
compare_legs(struct changes *all, const struct stats_tables *a, const struct stats_tables *b)
{
    static const char *const titles[] = {
        [STATS_REQUEST] = N_("p95, request"),
        [STATS_TARGET] = N_("p95, target"),
        [STATS_RESPONSE] = N_("p95, response"),
        [STATS_DURATION] = N_("p95, duration"),
    };
    for (enum stats_leg leg = 0; leg < STATS_LEG_COUNT; leg++) {
        add_p95(all, stats_leg_word(leg), titles[leg], STR_NONE, &a->legs[leg], &b->legs[leg]);
    }
}

static const struct stats_group *
find_group(const struct stats_tables *x, const struct stats_group *like)
{
    for (size_t i = 0; i < x->group_count; i++) {
        if (str_eq(x->groups[i].target_group, like->target_group) &&
            str_eq(x->groups[i].target, like->target)) {
            return &x->groups[i];
        }
    }
    return NULL;
}

static void
compare_group(struct changes *all, const struct stats_group *a, const struct stats_group *b)
{
    static const struct stats_group none;
    const struct stats_group *named = a != NULL ? a : b;
    struct str name = named->target.n > 0 ? named->target : say_group_name(named->target_group);
    a = a == NULL ? &none : a;
    b = b == NULL ? &none : b;
    const uint64_t totals[] = {a->requests, b->requests};
    if (name.n == 0) {
        return; /* what no target group took stands among the errors */
    }
    add_lines(all, "requests", N_("requests"), name, totals, (const uint64_t[]){0, 0}, false);
    if (a->classes[5] > 0 || b->classes[5] > 0) {
        add_lines(all, "5xx", N_("5xx"), name, (const uint64_t[]){a->classes[5], b->classes[5]},
                  totals, true);
    }
    add_p95(all, stats_leg_word(STATS_TARGET), N_("p95, target"), name, &a->legs[STATS_TARGET],
            &b->legs[STATS_TARGET]);
}

static void
compare_groups(struct changes *all, const struct stats_tables *a, const struct stats_tables *b)
{
    for (size_t i = 0; i < b->group_count; i++) {
        compare_group(all, find_group(a, &b->groups[i]), &b->groups[i]);
    }
    for (size_t i = 0; i < a->group_count; i++) {
        if (find_group(b, &a->groups[i]) == NULL) {
            compare_group(all, &a->groups[i], NULL);
        }
    }
}

static uint64_t
count_error(const struct stats_tables *x, const struct stats_error *like)
{
    for (size_t i = 0; i < x->error_count; i++) {
        if (x->errors[i].kind == like->kind && str_eq(x->errors[i].word, like->word)) {
            return x->errors[i].count;
        }
    }
    return 0;
}

/* What an error's share is a share of. */
static uint64_t
lines_of(const struct stats_tables *x, enum stats_error_kind kind)
{
    uint64_t checks = 0;
    for (size_t i = 0; i < x->checked_count; i++) {
        checks += x->checked[i].passed + x->checked[i].failed;
    }
    return kind == STATS_ERROR_TLS      ? x->connections.count
           : kind == STATS_ERROR_HEALTH ? checks
                                        : x->requests;
}

static void
compare_error(struct changes *all, const struct stats_error *e, const struct stats_tables *a,
              const struct stats_tables *b)
{
    add_lines(all, show_error_kind(e->kind)->word, show_error_kind(e->kind)->title, e->word,
              (const uint64_t[]){count_error(a, e), count_error(b, e)},
              (const uint64_t[]){lines_of(a, e->kind), lines_of(b, e->kind)}, true);
}

static void
compare_errors(struct changes *all, const struct stats_tables *a, const struct stats_tables *b)
{
    for (size_t i = 0; i < b->error_count; i++) {
        compare_error(all, &b->errors[i], a, b);
    }
    for (size_t i = 0; i < a->error_count; i++) {
        if (count_error(b, &a->errors[i]) == 0) {
            compare_error(all, &a->errors[i], a, b);
        }
    }
}

/* Sections: rows from begin[i] to begin[i + 1]. */
enum section { SECTION_ALL, SECTION_GROUPS, SECTION_ERRORS, SECTION_COUNT };

static void
compare(struct changes *all, size_t begin[SECTION_COUNT + 1], const struct stats_tables *a,
        const struct stats_tables *b)
{
    begin[SECTION_ALL] = 0;
    add_lines(all, "requests", N_("requests"), STR_NONE,
              (const uint64_t[]){a->requests, b->requests}, (const uint64_t[]){0, 0}, false);
    compare_statuses(all, a, b);
    compare_legs(all, a, b);
    begin[SECTION_GROUPS] = all->count;
    compare_groups(all, a, b);
    begin[SECTION_ERRORS] = all->count;
    compare_errors(all, a, b);
    begin[SECTION_COUNT] = all->count;
}

/* ---- on a terminal ---- */

static void
add_value(struct grid *g, const struct change *c, bool has, uint64_t value)
{
    struct buf text = {0};
    if (!has) {
        buf_add_char(&text, '-');
    } else if (c->unit == UNIT_MS) {
        say_ms(&text, value);
    } else {
        say_count(&text, value);
    }
    grid_take(g, STYLE_END, &text);
}

static void
add_share(struct grid *g, uint64_t part, uint64_t of)
{
    struct buf text = {0};
    if (of > 0) {
        say_share(&text, part, of);
    }
    grid_take(g, STYLE_END, &text);
}

/* "+12 %", "x 3.4", "new", "gone". */
static void
add_difference(struct grid *g, const struct change *c)
{
    struct buf text = {0};
    enum style style = c->worse ? STYLE_FAIL : STYLE_END;
    if (!c->has_a || !c->has_b || c->a == c->b) {
        buf_add_z(&text, c->has_a && c->has_b ? "=" : "-");
    } else if (c->a == 0) {
        buf_add_z(&text, tr(N_("new")));
    } else if (c->b == 0) {
        buf_add_z(&text, tr(N_("gone")));
    } else if (c->b >= 3 * c->a) {
        buf_addf(&text, "x %.1f", (double)c->b / (double)c->a);
    } else {
        buf_addf(&text, "%+.1f %%", 100 * ((double)c->b - (double)c->a) / (double)c->a);
    }
    grid_take(g, style, &text);
    grid_add(g, STYLE_FAIL, c->worse ? STR("!") : STR(""));
}

static void
add_name(struct grid *g, const struct change *c, enum section section)
{
    struct buf name = {0};
    say_log(&name, c->of);
    if (c->title != NULL && section != SECTION_ERRORS) {
        buf_add_z(&name, name.n > 0 ? "  " : "");
        buf_add_z(&name, tr(c->title));
    } else if (c->title != NULL) { /* "502 (made by a target)" */
        buf_addf(&name, " (%s)", tr(c->title));
    }
    grid_take(g, STYLE_END, &name);
}

static void
add_section(const struct page *p, const char *heading, enum section section,
            const struct change *rows, size_t count)
{
    static const struct grid_column columns[] = {
        {"", false, true, 0},      {N_("A"), true, false, 0},     {N_("share"), true, false, 2},
        {N_("B"), true, false, 0}, {N_("share"), true, false, 1}, {N_("change"), true, false, 0},
        {"", false, false, 0},
    };
    struct grid g = grid_of(columns, COUNT_OF(columns));
    for (size_t i = 0; i < count; i++) {
        add_name(&g, &rows[i], section);
        add_value(&g, &rows[i], rows[i].has_a, rows[i].a);
        add_share(&g, rows[i].a, rows[i].of_a);
        add_value(&g, &rows[i], rows[i].has_b, rows[i].b);
        add_share(&g, rows[i].b, rows[i].of_b);
        add_difference(&g, &rows[i]);
    }
    if (count > 0) {
        say_heading(p->out, p->t, heading);
        grid_print(&g, p->out, p->t, INDENT);
    }
}

static void
add_side(const struct page *p, const char *label, const struct stats_show *show)
{
    const struct stats_tables *x = show->tables;
    AUTO(buf_free) struct buf line = {0}, from = {0}, to = {0}, rate = {0};
    if (show->name != NULL) {
        text_add_safe(&line, str_of(show->name));
        say_labelled(p->out, p->t, label, buf_str(&line));
        label = "";
        buf_reset(&line);
    }
    if (x->first_us == 0) {
        say_labelled(p->out, p->t, label, str_of(tr(N_("no lines"))));
        return;
    }
    say_second(&from, x->first_us);
    say_second(&to, x->last_us);
    show_rate(&rate, x->requests, x->last_us - x->first_us);
    text_fill(&line, tr(N_("{from} to {to} UTC, {rate} requests per second")),
              TEXT_ARGS({"from", buf_str(&from)}, {"to", buf_str(&to)}, {"rate", buf_str(&rate)}));
    say_labelled(p->out, p->t, label, buf_str(&line));
}

static const char worse_rule[] =
    N_("! marks what got worse: a share of faults that doubled (with at least 10 lines in B), or a "
       "p95 that rose by a quarter and by 5 ms or more.");

void
stats_compare_text(struct buf *out, const struct term *t, const struct stats_show *a,
                   const struct stats_show *b, const struct stats_show_options *options)
{
    static const char *const headings[SECTION_COUNT] = {
        N_("All requests"), N_("Target groups and targets"), N_("Errors")};
    const struct page p = {out, t, options != NULL && options->ascii,
                           options != NULL && options->details};
    struct changes all = {0};
    size_t begin[SECTION_COUNT + 1];
    compare(&all, begin, a->tables, b->tables);
    add_side(&p, N_("A"), a);
    add_side(&p, N_("B"), b);
    for (enum section s = 0; s < SECTION_COUNT; s++) {
        add_section(&p, headings[s], s, &all.items[begin[s]], begin[s + 1] - begin[s]);
    }
    buf_add_char(out, '\n');
    text_wrap(out, str_of(tr(worse_rule)), 0, 2, t->width);
    xfree(all.items);
}

/* ---- JSON ---- */

static json_t *
change_json(const struct change *c)
{
    json_t *o = json_object();
    say_set(o, "what", json_string(c->what));
    say_set(o, "of", c->of.n == 0 ? json_null() : say_log_json(c->of));
    say_set(o, "unit", json_string(c->unit == UNIT_MS ? "ms" : "lines"));
    say_set(o, "a", c->has_a ? say_number(c->a) : json_null());
    say_set(o, "b", c->has_b ? say_number(c->b) : json_null());
    say_set(o, "worse", json_boolean(c->worse));
    return o;
}

json_t *
stats_compare_json(const struct stats_show *a, const struct stats_show *b,
                   const struct stats_show_options *options)
{
    struct changes all = {0};
    size_t begin[SECTION_COUNT + 1];
    json_t *o = json_object(), *list = json_array();
    compare(&all, begin, a->tables, b->tables);
    for (size_t i = 0; i < all.count; i++) {
        say_push(list, change_json(&all.items[i]));
    }
    xfree(all.items);
    say_set(o, "kind", json_string("compare"));
    say_set(o, "schema", json_integer(SCHEMA_NUMBER));
    say_set(o, "a", stats_json(a, options));
    say_set(o, "b", stats_json(b, options));
    say_set(o, "changes", list);
    return o;
}
