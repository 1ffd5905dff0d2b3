/* SPDX-License-Identifier: Apache-2.0
 * Log lines as aligned columns, JSON, CSV, and what is told about damaged ones. */
#include "query/lines.h"

#include "base/assert.h"

void
lines_init(struct lines *l, const struct term *term, unsigned width)
{
    *l = (struct lines){.term = *term, .width = width};
}

void
lines_done(struct lines *l)
{
    column_scratch_done(&l->scratch);
    buf_free(&l->part);
}

/* ---- text ---- */

/* Printable ASCII needs no examination. */
static bool
is_plain(struct str text)
{
    unsigned odd = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        odd |= (unsigned)(c < ' ') | (unsigned)(c >= 0x7f);
    }
    return odd == 0;
}

static void
add_safe(struct buf *out, struct str text)
{
    if (is_plain(text)) {
        buf_add_str(out, text);
    } else {
        text_add_safe(out, text);
    }
}

/* Made safe; valid until the next call. */
static struct str
safe(struct lines *l, struct str text)
{
    if (is_plain(text)) {
        return text;
    }
    buf_reset(&l->part);
    text_add_safe(&l->part, text);
    return buf_str(&l->part);
}

static void
add_i64(struct buf *out, int64_t value)
{
    char digits[24];
    struct out o = out_of(digits, sizeof(digits));
    if (value < 0) {
        out_char(&o, '-');
    }
    out_u64(&o, value < 0 ? -(uint64_t)value : (uint64_t)value);
    buf_add_str(out, str_span(digits, o.p));
}

static void
add_seconds(struct buf *out, uint64_t ns)
{
    char digits[40];
    struct out o = out_of(digits, sizeof(digits));
    out_column_seconds(&o, ns);
    buf_add_str(out, str_span(digits, o.p));
}

/* A field that is newer than the tables: its text, escapes undone; STR_NONE for `-`. */
static struct str
newer_field(struct lines *l, const struct log_line *line, unsigned field)
{
    struct str text = log_line_field(line, field);
    if (text.p == NULL || !str_find_char(text, '\\', NULL)) {
        return text;
    }
    buf_reset(&l->scratch.text);
    log_unescape(&l->scratch.text, text);
    return buf_str(&l->scratch.text);
}

/* ---- JSON ---- */

void
lines_add_json_string(struct buf *out, struct str utf8)
{
    static const char hex[] = "0123456789abcdef";
    buf_add_char(out, '"');
    size_t done = 0;
    for (size_t i = 0; i < utf8.n; i++) {
        unsigned char c = (unsigned char)utf8.p[i];
        if (c >= ' ' && c != '"' && c != '\\') {
            continue;
        }
        buf_add(out, utf8.p + done, i - done);
        done = i + 1;
        if (c >= ' ') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else {
            char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            buf_add(out, escape, sizeof(escape));
        }
    }
    if (utf8.n > 0) {
        buf_add(out, utf8.p + done, utf8.n - done);
    }
    buf_add_char(out, '"');
}

static void
add_json_value(struct lines *l, struct buf *out, const struct column_value *v)
{
    switch (v->type) {
    case COLUMN_INTEGER: add_i64(out, v->integer); return;
    case COLUMN_REAL: add_seconds(out, v->ns); return;
    case COLUMN_TEXT:
    case COLUMN_TIME: lines_add_json_string(out, safe(l, v->text)); return;
    case COLUMN_TYPE_COUNT: break;
    }
    NEVER("a column without a type");
}

static void
add_json_extra(struct lines *l, struct buf *out, const struct log_line *line)
{
    unsigned known = log_field_count(line->kind);
    for (unsigned i = known; i < line->count; i++) {
        struct str text = newer_field(l, line, i);
        buf_add_z(out, i == known ? ",\"extra\":[" : ",");
        if (text.p == NULL) {
            buf_add_z(out, "null");
        } else {
            lines_add_json_string(out, safe(l, text));
        }
    }
    if (line->count > known) {
        buf_add_char(out, ']');
    }
}

void
lines_json(struct lines *l, struct buf *out, const struct log_line *line)
{
    struct column_value v;
    buf_add_z(out, "{\"log\":\"");
    buf_add_z(out, log_kind_word(line->kind));
    buf_add_char(out, '"');
    for (size_t i = 0; i < column_count(line->kind); i++) {
        buf_add_z(out, ",\"");
        buf_add_z(out, column_at(line->kind, i)->name);
        buf_add_z(out, "\":");
        if (column_value(line->kind, i, line, &l->scratch, &v)) {
            add_json_value(l, out, &v);
        } else {
            buf_add_z(out, "null");
        }
    }
    add_json_extra(l, out, line);
    buf_add_z(out, "}\n");
}

/* ---- CSV ---- */

static void
add_csv_text(struct buf *out, struct str text)
{
    struct str rest = text;
    struct str piece;
    if (!str_find_char(text, '"', NULL) && !str_find_char(text, ',', NULL)) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (bool first = true; str_cut(&rest, '"', &piece); first = false) {
        buf_add_z(out, first ? "" : "\"\"");
        buf_add_str(out, piece);
    }
    buf_add_char(out, '"');
}

void
lines_csv_header(struct buf *out, enum log_kind kind)
{
    for (size_t i = 0; i < column_count(kind); i++) {
        buf_add_z(out, column_at(kind, i)->name);
        buf_add_char(out, ',');
    }
    buf_add_z(out, "extra\r\n");
}

static void
add_csv_value(struct lines *l, struct buf *out, const struct column_value *v)
{
    switch (v->type) {
    case COLUMN_INTEGER: add_i64(out, v->integer); return;
    case COLUMN_REAL: add_seconds(out, v->ns); return;
    case COLUMN_TEXT:
    case COLUMN_TIME: add_csv_text(out, safe(l, v->text)); return;
    case COLUMN_TYPE_COUNT: break;
    }
    NEVER("a column without a type");
}

/* The rest of the line from the first newer field on; empty if there is none. */
static struct str
newer_fields(const struct log_line *line)
{
    unsigned known = log_field_count(line->kind);
    return line->count > known
               ? (struct str){line->p + line->begin[known], line->n - line->begin[known]}
               : STR_NONE;
}

void
lines_csv(struct lines *l, struct buf *out, const struct log_line *line)
{
    struct column_value v;
    for (size_t i = 0; i < column_count(line->kind); i++) {
        if (column_value(line->kind, i, line, &l->scratch, &v)) {
            add_csv_value(l, out, &v);
        }
        buf_add_char(out, ',');
    }
    add_csv_text(out, safe(l, newer_fields(line)));
    buf_add_z(out, "\r\n");
}

/* ---- aligned ---- */

/* One aligned line on its way. */
struct row {
    struct lines *l;
    struct buf *out;
    const struct log_line *line;
    size_t used; /* columns so far */
    unsigned part;
};

enum { GAP = 2 };

/* What is wider than this does not push the columns of all later lines. */
enum { PART_WIDTH_MAX = 48 };

static void
add_blanks(struct row *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_char(r->out, ' ');
    }
    r->used += n;
}

static void
add_styled(struct row *r, enum style style, struct str text)
{
    if (style == STYLE_END) {
        buf_add_str(r->out, text);
    } else {
        term_add_styled(r->out, &r->l->term, style, text);
    }
    r->used += text_width(text);
}

/* The next column, as wide as the widest so far. */
static void
add_part(struct row *r, enum style style, bool to_the_right, struct str text)
{
    ASSERT(r->part < LINES_PARTS);
    size_t *widest = &r->l->widest[r->line->kind][r->part++];
    size_t width = text_width(text);
    *widest = MAX_OF(*widest, MIN_OF(width, (size_t)PART_WIDTH_MAX));
    size_t pad = *widest > width ? *widest - width : 0;
    add_blanks(r, r->part > 1 ? GAP : 0);
    add_blanks(r, to_the_right ? pad : 0);
    add_styled(r, style, text);
    add_blanks(r, to_the_right ? 0 : pad);
}

/* A column's value as text, safe; "-" where there is none. Valid until the next call. */
static struct str
shown(struct row *r, const char *name)
{
    struct column_value v;
    int i = column_find(r->line->kind, str_of(name));
    ASSERT(i >= 0);
    if (!column_value(r->line->kind, (size_t)i, r->line, &r->l->scratch, &v)) {
        return STR("-");
    }
    buf_reset(&r->l->part);
    switch (v.type) {
    case COLUMN_INTEGER: add_i64(&r->l->part, v.integer); break;
    case COLUMN_REAL: add_seconds(&r->l->part, v.ns); break;
    case COLUMN_TEXT:
    case COLUMN_TIME:
    case COLUMN_TYPE_COUNT: add_safe(&r->l->part, v.text); break;
    }
    return buf_str(&r->l->part);
}

static bool
is_there(struct str text)
{
    return !str_eq(text, STR("-"));
}

/* "2026-09-23T11:02:31.442Z" of any number of decimals. */
static void
add_time(struct row *r, struct str text)
{
    enum { TO_SECONDS = 19, TO_MILLISECONDS = 23 };
    char cut[TO_MILLISECONDS + 1];
    if (text.n <= sizeof(cut) || text.p[TO_SECONDS] != '.') {
        add_part(r, STYLE_DIM, false, text);
        return;
    }
    memcpy(cut, text.p, TO_MILLISECONDS);
    cut[TO_MILLISECONDS] = 'Z';
    add_part(r, STYLE_DIM, false, (struct str){cut, sizeof(cut)});
}

/* How long it took: hundreds of microseconds do not matter to a reader. */
static void
add_duration(struct row *r, struct str seconds)
{
    size_t dot;
    bool long_one = str_find_char(seconds, '.', &dot) && seconds.n > dot + 4;
    add_part(r, STYLE_END, true, long_one ? str_sub(seconds, 0, dot + 4) : seconds);
}

static enum style
status_style(unsigned status)
{
    static const enum style styles[] = {STYLE_FAIL, STYLE_DIM,  STYLE_OK,
                                        STYLE_OK,   STYLE_WARN, STYLE_FAIL};
    unsigned class = status / 100;
    return class < COUNT_OF(styles) ? styles[class] : STYLE_FAIL;
}

static void
add_statuses(struct row *r)
{
    char both[32];
    struct out o = out_of(both, sizeof(both));
    unsigned elb = log_status(log_line_field(r->line, LOG_ACCESS_ELB_STATUS_CODE));
    unsigned target = log_status(log_line_field(r->line, LOG_ACCESS_TARGET_STATUS_CODE));
    const unsigned statuses[] = {elb, target};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        out_str(&o, i > 0 ? STR("/") : STR(""));
        if (statuses[i] == 0) {
            out_char(&o, '-');
        } else {
            out_u64(&o, statuses[i]);
        }
    }
    add_part(r, status_style(elb), false, str_span(both, o.p));
}

static void
add_request(struct buf *text, const struct log_line *line)
{
    struct log_request request;
    struct buf plain AUTO(buf_free) = {0};
    struct str field = log_line_raw(line, LOG_ACCESS_REQUEST);
    log_request(field, &request);
    size_t past_scheme = request.scheme.n > 0 ? request.scheme.n + STR("://").n : 0;
    if (request.verb.n > 0 && request.url.n > past_scheme) {
        log_unescape(&plain, request.verb);
        buf_add_char(&plain, ' ');
        log_unescape(&plain, str_sub(request.url, past_scheme, request.url.n));
    } else {
        log_unescape(&plain, field);
    }
    add_safe(text, buf_str(&plain));
}

static void
add_word(struct row *r, struct buf *text, const char *column, const char *key)
{
    struct str value = shown(r, column);
    if (is_there(value)) {
        buf_add_z(text, "  ");
        buf_add_z(text, key);
        buf_add_str(text, value);
    }
}

/* "  extra=35:abc": newer fields that say something. */
static void
add_extra(struct row *r, struct buf *text)
{
    for (unsigned i = log_field_count(r->line->kind); i < r->line->count; i++) {
        struct str value = newer_field(r->l, r->line, i);
        if (value.p != NULL) {
            buf_add_z(text, "  extra=");
            add_i64(text, i + 1);
            buf_add_char(text, ':');
            add_safe(text, value);
        }
    }
}

/* The last part: `head` is cut on a terminal so that `tail` can be seen, then the tail. */
static void
add_last(struct row *r, struct str head, enum style style, struct str tail)
{
    enum { HEAD_LEAST = 24 };
    static const char dots[] = "…";
    size_t width = r->l->width;
    add_blanks(r, r->part > 0 ? GAP : 0);
    size_t left = width > r->used ? width - r->used : 0;
    size_t tail_width = text_width(tail);
    size_t room =
        MAX_OF(left > tail_width ? left - tail_width : 0, MIN_OF(left, (size_t)HEAD_LEAST));
    if (width > 0 && text_width(head) > room) {
        add_styled(r, STYLE_END, text_cut(head, room > 1 ? room - 1 : 0));
        add_styled(r, STYLE_END, str_of(dots));
    } else {
        add_styled(r, STYLE_END, head);
    }
    left = width > r->used ? width - r->used : 0;
    add_styled(r, style, width > 0 ? text_cut(tail, left) : tail);
}

static void
show_access(struct row *r)
{
    struct buf head AUTO(buf_free) = {0};
    struct buf tail AUTO(buf_free) = {0};
    add_time(r, shown(r, "time"));
    add_part(r, STYLE_END, false, shown(r, "client_ip"));
    add_statuses(r);
    add_duration(r, shown(r, "duration"));
    add_part(r, STYLE_END, false, safe(r->l, log_line_raw(r->line, LOG_ACCESS_TARGET)));
    add_request(&head, r->line);
    add_word(r, &tail, "error_reason", "");
    add_word(r, &tail, "classification", "");
    add_word(r, &tail, "classification_reason", "");
    add_word(r, &tail, "redirect_url", "-> ");
    add_extra(r, &tail);
    add_last(r, buf_str(&head), STYLE_WARN, buf_str(&tail));
}

static void
show_connection(struct row *r)
{
    struct buf head AUTO(buf_free) = {0};
    struct buf tail AUTO(buf_free) = {0};
    struct str verified = log_line_raw(r->line, LOG_CONNECTION_TLS_VERIFY_STATUS);
    bool failed = str_starts(verified, STR("Failed"));
    add_time(r, shown(r, "timestamp"));
    add_part(r, STYLE_END, false, shown(r, "client_ip"));
    add_part(r, STYLE_END, true, shown(r, "client_port"));
    add_part(r, STYLE_END, true, shown(r, "listener_port"));
    add_part(r, STYLE_END, false, shown(r, "tls_protocol"));
    add_duration(r, shown(r, "tls_handshake_latency"));
    add_part(r, failed ? STYLE_FAIL : STYLE_END, false, shown(r, "tls_verify_status"));
    add_part(r, STYLE_END, false, shown(r, "tls_cipher"));
    buf_add_str(&head, shown(r, "conn_trace_id"));
    add_word(r, &tail, "tls_keyexchange", "");
    add_word(r, &tail, "leaf_client_cert_subject", "");
    add_extra(r, &tail);
    add_last(r, buf_str(&head), STYLE_END, buf_str(&tail));
}

static void
show_health(struct row *r)
{
    struct buf head AUTO(buf_free) = {0};
    struct buf tail AUTO(buf_free) = {0};
    bool passed = str_eq(log_line_raw(r->line, LOG_HEALTH_STATUS), STR("PASS"));
    add_time(r, shown(r, "time"));
    add_part(r, passed ? STYLE_OK : STYLE_FAIL, false, shown(r, "status"));
    add_part(r, STYLE_END, false, shown(r, "status_code"));
    add_duration(r, shown(r, "latency"));
    add_part(r, STYLE_END, false, shown(r, "target_group_id"));
    buf_add_str(&head, shown(r, "target_addr"));
    add_word(r, &tail, "reason_code", "");
    add_extra(r, &tail);
    add_last(r, buf_str(&head), STYLE_WARN, buf_str(&tail));
}

void
lines_show(struct lines *l, struct buf *out, const struct log_line *line)
{
    static void (*const show[LOG_KIND_COUNT])(struct row *) = {
        [LOG_ACCESS] = show_access,
        [LOG_CONNECTION] = show_connection,
        [LOG_HEALTH] = show_health,
    };
    struct buf whole_row AUTO(buf_free) = {0};
    struct row r = {.l = l, .out = &whole_row, .line = line};
    ASSERT(line->kind < LOG_KIND_COUNT);
    show[line->kind](&r);
    struct str text = buf_str(&whole_row);
    if (l->width > 0 &&
        text_width(text) > l->width) { /* narrower than the columns before the last */
        buf_add_str(out, text_cut(text, l->width));
        buf_add_z(out, term_style(&l->term, STYLE_END));
    } else {
        buf_add_str(out, text);
    }
    buf_add_char(out, '\n');
}

/* ---- damaged lines ---- */

static struct str
whole(const struct scan_line *line)
{
    return (struct str){line->line.p, line->line.n};
}

void
lines_damaged(struct lines *l, struct buf *out, const struct scan_line *line)
{
    struct str text = whole(line);
    text_add_safe(out, str_of(line->path));
    if (line->number > 0) {
        buf_add_char(out, ':');
        add_i64(out, (int64_t)line->number);
    }
    buf_add_z(out, ": ");
    term_add_styled(out, &l->term, STYLE_WARN, str_of(tr(log_fault_text(line->fault))));
    buf_add_char(out, ' ');
    add_safe(out, text);
    buf_add_char(out, '\n');
}

void
lines_damaged_json(struct lines *l, struct buf *out, const struct scan_line *line)
{
    buf_add_z(out, "{\"file\":");
    lines_add_json_string(out, safe(l, str_of(line->path)));
    buf_add_z(out, ",\"line\":");
    if (line->number > 0) {
        add_i64(out, (int64_t)line->number);
    } else {
        buf_add_z(out, "null");
    }
    buf_add_z(out, ",\"fault\":");
    lines_add_json_string(out, str_of(log_fault_word(line->fault)));
    buf_add_z(out, ",\"reason\":");
    lines_add_json_string(out, str_of(tr(log_fault_text(line->fault))));
    buf_add_z(out, ",\"text\":");
    lines_add_json_string(out, safe(l, whole(line)));
    buf_add_z(out, "}\n");
}

void
lines_csv_damaged_header(struct buf *out)
{
    buf_add_z(out, "file,line,fault,reason,text\r\n");
}

void
lines_csv_damaged(struct lines *l, struct buf *out, const struct scan_line *line)
{
    add_csv_text(out, safe(l, str_of(line->path)));
    buf_add_char(out, ',');
    if (line->number > 0) {
        add_i64(out, (int64_t)line->number);
    }
    buf_add_char(out, ',');
    buf_add_z(out, log_fault_word(line->fault));
    buf_add_char(out, ',');
    add_csv_text(out, str_of(tr(log_fault_text(line->fault))));
    buf_add_char(out, ',');
    add_csv_text(out, safe(l, whole(line)));
    buf_add_z(out, "\r\n");
}
