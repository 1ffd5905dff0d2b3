/* SPDX-License-Identifier: Apache-2.0
 * The demo target's page and its JSON twin. */
#include "cli/demo_page.h"

#include "base/assert.h"

#include <jansson.h>

/* ---- text of strangers ---- */

/* Length of the UTF-8 sequence at `p`; 0 when it is none [RFC 3629]. */
static size_t
utf8_length(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second byte */
        unsigned char length;
    } rows[] = {
        /* clang-format off */
        {0x00, 0x7f, 0x00, 0x00, 1},
        {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
        /* clang-format on */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last) {
            continue;
        }
        size_t length = rows[i].length;
        if (length > n || (length > 1 && (p[1] < rows[i].low || p[1] > rows[i].high))) {
            return 0;
        }
        for (size_t k = 2; k < length; k++) {
            if ((p[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return length;
    }
    return 0;
}

/* Copies it as valid UTF-8: what is not becomes U+FFFD, control bytes too. */
static void
add_utf8(struct buf *out, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t at = 0; at < s.n;) {
        size_t length = utf8_length(p + at, s.n - at);
        bool control = p[at] < ' ' || p[at] == 0x7f;
        if (length == 0 || control) {
            buf_add_z(out, "\xef\xbf\xbd");
        } else {
            buf_add(out, p + at, length);
        }
        at += MAX_OF(length, (size_t)1);
    }
}

static void
add_html(struct buf *out, struct str s)
{
    static const struct {
        char c;
        const char *text;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    struct buf AUTO(buf_free) text = {0};
    add_utf8(&text, s);
    for (size_t at = 0; at < text.n; at++) {
        const char *escaped = NULL;
        for (size_t i = 0; i < COUNT_OF(escapes); i++) {
            escaped = escapes[i].c == text.p[at] ? escapes[i].text : escaped;
        }
        if (escaped != NULL) {
            buf_add_z(out, escaped);
        } else {
            buf_add_char(out, text.p[at]);
        }
    }
}

struct str
demo_field_get(const struct demo_view *v, struct str name)
{
    for (size_t i = 0; i < v->field_count; i++) {
        if (str_ieq(v->fields[i].name, name)) {
            return v->fields[i].value;
        }
    }
    return STR_NONE;
}

/* ---- the page ---- */

/* Each target has a colour of its own, so that a reload shows which one answered. Names that differ
 * in their last digit only always differ in the three bits that are used. */
static unsigned
hue_of(struct str name)
{
    static const unsigned hues[] = {215, 272, 168, 335, 192, 16, 300, 240};
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.n; i++) {
        hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
    }
    return hues[hash % COUNT_OF(hues)];
}

static const char style[] =
    "*{box-sizing:border-box}"
    "body{margin:0;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;"
    "--back:#f6f7f9;--card:#fff;--text:#1b1f24;--soft:#5b6571;--line:#e2e6ea;"
    "--accent:hsl(var(--hue) 62% 38%);background:var(--back);color:var(--text)}"
    "main{max-width:52rem;margin:0 auto;padding:2rem 1rem 3rem}"
    "header{border-radius:14px;padding:1.5rem 1.6rem;color:#fff;"
    "background:linear-gradient(120deg,hsl(var(--hue) 62% 34%),hsl(calc(var(--hue) + 28) 60% 42%))}"
    "header p{margin:0;opacity:.9}h1{margin:.1rem 0 .2rem;font-size:2rem;line-height:1.2;"
    "overflow-wrap:anywhere}h2{font-size:1.05rem;margin:0 0 .8rem}"
    "section{background:var(--card);border:1px solid var(--line);border-radius:14px;"
    "padding:1.2rem 1.4rem;margin-top:1rem}"
    "ol{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.6rem}"
    "ol li{flex:1 1 11rem;border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem}"
    "ol li b{display:block;color:var(--accent)}"
    "small,.soft{color:var(--soft)}code,td,th{font-family:ui-monospace,Menlo,Consolas,monospace;"
    "font-size:.86rem}.line{overflow-wrap:anywhere;margin:0 0 .8rem}"
    "table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;"
    "white-space:nowrap;padding-right:1rem}td{overflow-wrap:anywhere}"
    "tr+tr>*{border-top:1px solid var(--line)}th,td{vertical-align:top;padding:.3rem .6rem .3rem 0}"
    "ul{margin:0;padding-left:1.2rem}.warn{border-color:#d97706}"
    "@media(max-width:34rem){th,td{display:block;border:0;padding:0}th{color:var(--soft);"
    "padding-top:.5rem}tr+tr>td{border:0}h1{font-size:1.6rem}}"
    "@media(prefers-color-scheme:dark){body{--back:#0f1318;--card:#171c23;--text:#e6e9ed;"
    "--soft:#98a3b0;--line:#2a323c;--accent:hsl(var(--hue) 70% 68%)}}";

static void
add_stop(struct buf *out, const char *title, struct str text, const char *note,
         struct str note_text)
{
    buf_add_z(out, "<li><b>");
    buf_add_z(out, title);
    buf_add_z(out, "</b><code>");
    add_html(out, text.n > 0 ? text : STR("-"));
    buf_add_z(out, "</code><br><small>");
    buf_add_z(out, note);
    add_html(out, note_text);
    buf_add_z(out, "</small></li>");
}

static void
add_way(struct buf *out, const struct demo_view *v)
{
    struct str client = demo_field_get(v, STR("x-forwarded-for"));
    struct str protocol = demo_field_get(v, STR("x-forwarded-proto"));
    struct str port = demo_field_get(v, STR("x-forwarded-port"));
    struct str trace = demo_field_get(v, STR("x-amzn-trace-id"));
    if (trace.n == 0) {
        buf_add_z(out,
                  "<section class=\"warn\"><h2>No load balancer in between</h2>This request has "
                  "no X-Amzn-Trace-Id: it came straight to the target, from <code>");
        add_html(out, v->peer_address);
        buf_add_z(out, "</code>.</section>");
        return;
    }
    buf_add_z(out, "<section><h2>The way of this request</h2><ol>");
    add_stop(out, "You", client, "X-Forwarded-For", STR_NONE);
    struct buf AUTO(buf_free) front = {0};
    buf_addf(&front, "%.*s, port %.*s", STR_ARG(protocol), STR_ARG(port));
    add_stop(out, "Load balancer", demo_field_get(v, STR("host")), "you came by ", buf_str(&front));
    add_stop(out, "This target", v->target_address, "connected from ", v->peer_address);
    buf_add_z(out, "</ol><p class=\"line soft\" style=\"margin:.8rem 0 0\">Trace id <code>");
    add_html(out, trace);
    buf_add_z(out, "</code> is in the load balancer's access log too.</p></section>");
}

static void
add_request(struct buf *out, const struct demo_view *v)
{
    buf_add_z(out, "<section><h2>The request as received</h2><p class=\"line\"><code>");
    add_html(out, v->method);
    buf_add_char(out, ' ');
    add_html(out, v->uri);
    buf_add_char(out, ' ');
    add_html(out, v->version);
    buf_add_z(out, "</code></p><table>");
    for (size_t i = 0; i < v->field_count; i++) {
        buf_add_z(out, "<tr><th>");
        add_html(out, v->fields[i].name);
        buf_add_z(out, "</th><td>");
        add_html(out, v->fields[i].value);
        buf_add_z(out, "</td></tr>");
    }
    buf_addf(out,
             "</table><p class=\"soft\" style=\"margin:.8rem 0 0\">Body: %llu bytes</p></section>",
             (unsigned long long)v->body_bytes);
}

static const char try_section[] =
    "<section><h2>What to try next</h2><ul>"
    "<li>Reload: the other target answers, in its own colour.</li>"
    "<li><a href=\"/json\">/json</a> shows the same to programs; "
    "<a href=\"/hello\">/hello</a> is answered by the load balancer itself.</li>"
    "<li><code>http://</code> on the other port is sent here by a redirect.</li>"
    "<li>Stop one target: its health check fails, the other one takes all.</li>"
    "</ul></section>";

void
demo_page_write(struct buf *out, const struct demo_view *v)
{
    buf_add_z(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                   "<meta name=\"color-scheme\" content=\"light dark\">"
                   "<link rel=\"icon\" href=\"data:,\"><title>");
    add_html(out, v->target_name);
    buf_add_z(out, " answered</title><style>");
    buf_add_z(out, style);
    buf_addf(out, "</style></head><body style=\"--hue:%u\"><main><header><p>%s</p><h1>",
             hue_of(v->target_name),
             v->status == 404 ? "404: there is no such page at" : "Answered by");
    add_html(out, v->target_name);
    buf_addf(out, "</h1><p>OpenALB demo target, request number %llu</p></header>",
             (unsigned long long)v->number);
    add_way(out, v);
    add_request(out, v);
    buf_add_z(out, try_section);
    buf_add_z(out, "</main></body></html>\n");
}

/* ---- JSON ---- */

static json_t *
json_text(struct str s)
{
    struct buf AUTO(buf_free) text = {0};
    add_utf8(&text, s);
    json_t *j = json_stringn(text.p == NULL ? "" : text.p, text.n);
    ASSERT(j != NULL); /* add_utf8 gives nothing that jansson refuses */
    return j;
}

static json_t *
json_field(const struct demo_view *v, struct str name)
{
    struct str value = demo_field_get(v, name);
    return value.p == NULL ? json_null() : json_text(value);
}

static json_t *
json_fields(const struct demo_view *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->field_count; i++) {
        json_t *field = json_pack("{s:o,s:o}", "name", json_text(v->fields[i].name), "value",
                                  json_text(v->fields[i].value));
        int rc = json_array_append_new(list, field);
        ASSERT(rc == 0);
    }
    return list;
}

static int
json_piece(const char *p, size_t n, void *context)
{
    buf_add(context, p, n);
    return 0;
}

void
demo_json_write(struct buf *out, const struct demo_view *v)
{
    struct str rest = v->uri;
    struct str path = STR_NONE;
    (void)str_cut(&rest, '?', &path); /* rest: the query, if there is one */
    json_t *through = json_null();
    if (demo_field_get(v, STR("x-amzn-trace-id")).p != NULL) {
        through = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "host", json_field(v, STR("host")),
                            "client", json_field(v, STR("x-forwarded-for")), "protocol",
                            json_field(v, STR("x-forwarded-proto")), "port",
                            json_field(v, STR("x-forwarded-port")), "trace_id",
                            json_field(v, STR("x-amzn-trace-id")), "connected_from",
                            json_text(v->peer_address));
    }
    json_t *request =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:I}", "method", json_text(v->method), "path",
                  json_text(path), "query", json_text(rest), "version", json_text(v->version),
                  "headers", json_fields(v), "body_bytes", (json_int_t)v->body_bytes);
    json_t *target =
        json_pack("{s:o,s:o,s:I}", "name", json_text(v->target_name), "address",
                  json_text(v->target_address), "request_number", (json_int_t)v->number);
    json_t *all =
        json_pack("{s:o,s:o,s:o}", "target", target, "load_balancer", through, "request", request);
    ASSERT(all != NULL);
    int rc = json_dump_callback(all, json_piece, out, JSON_INDENT(2));
    ASSERT(rc == 0);
    buf_add_char(out, '\n');
    json_decref(all);
}
