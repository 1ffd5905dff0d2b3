/* SPDX-License-Identifier: Apache-2.0
 * Statistics on a terminal: errors explained, the time line, the slowest, sets, connections, health
 * checks. */
#include "query/stats_show_text.h"

enum {
    INDENT = 2,
    ERRORS_EXPLAINED = 5, /* with steps: the most frequent ones */
    BUCKET_ROWS = 48,     /* of the time line as a table */
    SPARK_LABEL = 16,
    SET_WORDS = 8,
};

/* ---- errors ---- */

/* How many errors are more frequent, or as frequent and earlier. */
static size_t
rank(const struct stats_tables *x, size_t index)
{
    size_t before = 0;
    for (size_t i = 0; i < x->error_count; i++) {
        before += x->errors[i].count > x->errors[index].count ||
                  (x->errors[i].count == x->errors[index].count && i < index);
    }
    return before;
}

static void
add_error_steps(const struct page *p, const struct stats_error *e)
{
    enum explain_step steps[EXPLAIN_STEPS_MAX];
    size_t count = show_error_steps(e, steps);
    AUTO(buf_free) struct buf command = {0};
    const struct say_value status = {"STATUS", e->word};
    if (count > 0) {
        say_step(p->out, p->t, 3 * INDENT, steps[0], &status, 1);
    }
    show_error_command(&command, e);
    if (command.n > 0) {
        text_wrap(p->out, str_of(tr(N_("Read one of these lines as a story."))), 3 * INDENT,
                  3 * INDENT, p->t->width);
        buf_addf(p->out, "%*s", 5 * INDENT, "");
        term_add_styled(p->out, p->t, STYLE_DIM, buf_str(&command));
        buf_add_char(p->out, '\n');
    }
}

static void
add_error(const struct page *p, const struct stats_error *e, bool explained)
{
    enum { COUNT_COLUMNS = 9 };
    AUTO(buf_free) struct buf line = {0}, count = {0}, word = {0};
    const char *meaning = show_error_meaning(e);
    say_count(&count, e->count);
    for (size_t i = count.n; i < COUNT_COLUMNS; i++) {
        buf_add_char(&line, ' ');
    }
    buf_add_str(&line, buf_str(&count));
    buf_add_z(&line, "  ");
    say_log(&word, e->word);
    term_add_styled(&line, p->t, STYLE_BOLD, buf_str(&word));
    buf_add_z(&line, "  ");
    buf_add_z(&line, tr(meaning == NULL ? N_("This word is not in openalb explain.") : meaning));
    text_wrap(p->out, buf_str(&line), INDENT, 3 * INDENT, p->t->width);
    if (explained) {
        add_error_steps(p, e);
    }
}

void
show_errors(const struct page *p, const struct stats_tables *x)
{
    if (x->error_count == 0) {
        return;
    }
    say_heading(p->out, p->t, N_("Errors"));
    for (size_t i = 0; i < x->error_count; i++) {
        const struct stats_error *e = &x->errors[i];
        if (i == 0 || x->errors[i - 1].kind != e->kind) {
            AUTO(buf_free) struct buf title = {0};
            term_add_styled(&title, p->t, STYLE_DIM, str_of(tr(show_error_kind(e->kind)->title)));
            text_wrap(p->out, buf_str(&title), INDENT, INDENT, p->t->width);
        }
        add_error(p, e, p->details || rank(x, i) < ERRORS_EXPLAINED);
    }
}

/* ---- the time line ---- */

enum line_kind { LINE_REQUESTS, LINE_FAILED, LINE_P95, LINE_COUNT };

static uint64_t
value_of(const struct stats_bucket *b, enum line_kind kind)
{
    switch (kind) {
    case LINE_REQUESTS: return b->requests;
    case LINE_FAILED: return b->classes[5];
    case LINE_P95: return b->duration.p95;
    case LINE_COUNT: break;
    }
    return 0;
}

/* Several buckets in one column: sums of counts, the largest p95. */
static void
fold(const struct stats_tables *x, enum line_kind kind, uint64_t *columns, size_t count)
{
    for (size_t i = 0; i < x->bucket_count; i++) {
        uint64_t value = value_of(&x->buckets[i], kind);
        uint64_t *to = &columns[i * count / x->bucket_count];
        *to = kind != LINE_P95 ? *to + value : value > *to ? value : *to;
    }
}

static void
add_spark(const struct page *p, const struct stats_tables *x, enum line_kind kind,
          const char *label)
{
    enum { COLUMNS_MAX = 512 };
    uint64_t columns[COLUMNS_MAX] = {0}, most = 0;
    size_t room = p->t->width > SPARK_LABEL + 16 ? p->t->width - SPARK_LABEL - 16 : 16;
    size_t count = x->bucket_count < room ? x->bucket_count : room;
    count = count < COLUMNS_MAX ? count : COLUMNS_MAX;
    fold(x, kind, columns, count);
    for (size_t i = 0; i < x->bucket_count; i++) {
        uint64_t value = value_of(&x->buckets[i], kind);
        most = value > most ? value : most;
    }
    AUTO(buf_free) struct buf line = {0}, sparks = {0}, number = {0};
    say_spark(&sparks, columns, count, p->ascii);
    if (kind == LINE_P95) {
        say_ms(&number, most);
    } else {
        say_count(&number, most);
    }
    text_fill(&line, tr(N_("{line} most: {value}")),
              TEXT_ARGS({"line", buf_str(&sparks)}, {"value", buf_str(&number)}));
    say_labelled(p->out, p->t, label, buf_str(&line));
}

static void
add_buckets(const struct page *p, const struct stats_tables *x)
{
    static const struct grid_column columns[] = {
        {N_("from (UTC)"), false, false, 0}, {N_("requests"), true, false, 0},
        {N_("4xx"), true, false, 2},         {N_("5xx"), true, false, 0},
        {N_("p50"), true, false, 3},         {N_("p95"), true, false, 1},
        {N_("longest"), true, false, 5},     {N_("sent"), true, false, 4},
    };
    struct grid g = grid_of(columns, COUNT_OF(columns));
    for (size_t i = 0; i < x->bucket_count; i++) {
        const struct stats_bucket *b = &x->buckets[i];
        struct buf time = {0}, sent = {0};
        say_second(&time, b->from_us);
        say_bytes(&sent, b->sent_bytes);
        grid_take(&g, STYLE_END, &time);
        show_cell_count(&g, STYLE_END, b->requests);
        show_cell_count(&g, STYLE_WARN, b->classes[4]);
        show_cell_count(&g, STYLE_FAIL, b->classes[5]);
        show_cell_ms(&g, &b->duration, b->duration.p50);
        show_cell_ms(&g, &b->duration, b->duration.p95);
        show_cell_ms(&g, &b->duration, b->duration.max);
        grid_take(&g, STYLE_END, &sent);
    }
    grid_print(&g, p->out, p->t, INDENT);
}

void
show_timeline(const struct page *p, const struct stats_tables *x)
{
    if (x->bucket_count == 0) {
        return;
    }
    AUTO(buf_free) struct buf width = {0};
    say_heading(p->out, p->t, N_("Over time"));
    say_span(&width, x->by_us);
    say_labelled(p->out, p->t, N_("one step"), buf_str(&width));
    add_spark(p, x, LINE_REQUESTS, N_("requests"));
    add_spark(p, x, LINE_FAILED, N_("5xx"));
    add_spark(p, x, LINE_P95, N_("p95, duration"));
    if (x->bucket_count <= BUCKET_ROWS || p->details) {
        add_buckets(p, x);
    } else {
        show_not_shown(p, x->bucket_count);
    }
}

/* ---- the slowest ---- */

static void
add_cell_leg(struct grid *g, uint64_t ms)
{
    struct buf text = {0};
    if (ms == UINT64_MAX) {
        buf_add_char(&text, '-');
    } else {
        say_count(&text, ms);
    }
    grid_take(g, STYLE_END, &text);
}

static void
add_slow(struct grid *g, const struct stats_slow *row)
{
    struct buf time = {0}, status = {0}, url = {0};
    add_cell_leg(g, row->duration_ms);
    for (size_t i = 0; i < COUNT_OF(row->legs_ms); i++) {
        add_cell_leg(g, row->legs_ms[i]);
    }
    if (row->elb == 0) {
        buf_add_char(&status, '-');
    } else {
        buf_addf(&status, "%u", row->elb);
    }
    grid_take(g, show_status_style(row->elb), &status);
    say_second(&time, row->time_us);
    grid_take(g, STYLE_END, &time);
    say_log(&url, row->verb);
    buf_add_z(&url, url.n > 0 ? " " : "");
    say_log(&url, row->url);
    grid_take(g, STYLE_END, &url);
}

void
show_slowest(const struct page *p, const struct stats_tables *x)
{
    static const struct grid_column columns[] = {
        {N_("duration"), true, false, 0},
        {N_("request"), true, false, 3},
        {N_("target"), true, false, 1},
        {N_("response"), true, false, 2},
        {N_("status"), true, false, 0},
        {N_("time (UTC)"), false, false, 4},
        {"", false, true, 0},
    };
    struct grid g = grid_of(columns, COUNT_OF(columns));
    if (x->slowest_count == 0) {
        return;
    }
    for (size_t i = 0; i < x->slowest_count; i++) {
        add_slow(&g, &x->slowest[i]);
    }
    say_heading(p->out, p->t, N_("Slowest requests, in milliseconds"));
    grid_print(&g, p->out, p->t, INDENT);
    const struct stats_error first = {.example_trace = x->slowest[0].trace};
    AUTO(buf_free) struct buf command = {0};
    show_error_command(&command, &first);
    if (command.n > 0) {
        buf_addf(p->out, "%*s", INDENT, "");
        term_add_styled(p->out, p->t, STYLE_DIM, buf_str(&command));
        buf_add_char(p->out, '\n');
    }
}

/* ---- sets ---- */

static void
add_set(const struct page *p, const char *label, const struct stats_count *words, size_t count)
{
    AUTO(buf_free) struct buf line = {0};
    uint64_t all = 0, rest = 0;
    for (size_t i = 0; i < count; i++) {
        all += words[i].count;
    }
    for (size_t i = 0; i < count; i++) {
        if (i >= SET_WORDS && !p->details) {
            rest += words[i].count;
            continue;
        }
        buf_add_z(&line, i > 0 ? ", " : "");
        say_log(&line, words[i].word);
        buf_add_char(&line, ' ');
        say_count(&line, words[i].count);
        buf_add_z(&line, " (");
        say_share(&line, words[i].count, all);
        buf_add_char(&line, ')');
    }
    if (rest > 0) {
        AUTO(buf_free) struct buf number = {0};
        say_count(&number, rest);
        text_fill(&line, tr(N_(", others {count}")), TEXT_ARGS({"count", buf_str(&number)}));
    }
    if (count > 0) {
        say_labelled(p->out, p->t, label, buf_str(&line));
    }
}

void
show_sets(const struct page *p, const struct stats_tables *x)
{
    static const char *const labels[] = {
        [STATS_TYPES] = N_("type"),
        [STATS_PROTOCOLS] = N_("TLS version"),
        [STATS_CIPHERS] = N_("TLS cipher"),
        [STATS_VERBS] = N_("method"),
        [STATS_VERSIONS] = N_("HTTP version"),
        [STATS_ACTIONS] = N_("actions"),
        [STATS_BALANCERS] = N_("load balancer"),
        [STATS_KEY_EXCHANGES] = N_("key exchange"),
        [STATS_VERIFY] = N_("TLS result"),
        [STATS_CONNECTION_PROTOCOLS] = N_("TLS handshakes"),
        [STATS_CONNECTION_CIPHERS] = N_("their ciphers"),
    };
    _Static_assert(COUNT_OF(labels) == STATS_SET_COUNT, "every set has a label");
    bool any = false;
    for (enum stats_set set = 0; set < STATS_SET_COUNT; set++) {
        if (x->set_count[set] > 0 && !any) {
            say_heading(p->out, p->t, N_("Protocols and actions"));
            any = true;
        }
        add_set(p, labels[set], x->sets[set], x->set_count[set]);
    }
}

/* ---- connections and health checks ---- */

void
show_connections(const struct page *p, const struct stats_tables *x)
{
    static const struct grid_column columns[] = {
        {N_("connections"), true, false, 0}, {N_("with TLS"), true, false, 0},
        {N_("failed"), true, false, 0},      {N_("handshake p50"), true, false, 2},
        {N_("p90"), true, false, 4},         {N_("p95"), true, false, 1},
        {N_("p99"), true, false, 5},         {N_("longest"), true, false, 3},
    };
    const struct stats_connections *c = &x->connections;
    struct grid g = grid_of(columns, COUNT_OF(columns));
    if (c->count == 0) {
        return;
    }
    show_cell_count(&g, STYLE_END, c->count);
    show_cell_count(&g, STYLE_END, c->with_tls);
    show_cell_count(&g, STYLE_FAIL, c->failed);
    show_cell_values(&g, &c->handshake);
    say_heading(p->out, p->t, N_("Connections; handshakes in milliseconds"));
    grid_print(&g, p->out, p->t, INDENT);
    add_set(p, N_("listener port"), c->listener_ports, c->listener_port_count);
}

void
show_checked(const struct page *p, const struct stats_tables *x)
{
    static const struct grid_column columns[] = {
        {N_("target"), false, true, 0},       {N_("group"), false, false, 3},
        {N_("passed"), true, false, 0},       {N_("failed"), true, false, 0},
        {N_("p50"), true, false, 4},          {N_("p95"), true, false, 2},
        {N_("last reason"), false, false, 1},
    };
    struct grid g = grid_of(columns, COUNT_OF(columns));
    for (size_t i = 0; i < x->checked_count; i++) {
        const struct stats_checked *row = &x->checked[i];
        struct buf target = {0}, group = {0}, reason = {0};
        say_log(&target, row->target);
        say_log(&group, say_group_name(row->target_group));
        say_log(&reason, row->last_reason);
        grid_take(&g, STYLE_END, &target);
        grid_take(&g, STYLE_END, &group);
        show_cell_count(&g, STYLE_OK, row->passed);
        show_cell_count(&g, STYLE_FAIL, row->failed);
        show_cell_ms(&g, &row->latency, row->latency.p50);
        show_cell_ms(&g, &row->latency, row->latency.p95);
        grid_take(&g, STYLE_END, &reason);
    }
    if (x->checked_count > 0) {
        say_heading(p->out, p->t, N_("Health checks; time in milliseconds"));
        grid_print(&g, p->out, p->t, INDENT);
        show_number(p, N_("left out"), x->checks_left_out);
    }
}
