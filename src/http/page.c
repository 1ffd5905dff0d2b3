/* SPDX-License-Identifier: Apache-2.0
 * The pages that the load balancer itself answers with, byte for byte [ALB: data-plane 1.7, D23].
 */
#include "base/clock.h"
#include "http/http.h"

struct str
status_reason(unsigned status)
{
    switch (status) {
#define PHRASE(code, phrase)                                                                       \
    case code: return STR(phrase);
#include "http/status_phrases.def"
#undef PHRASE
    default: return STR(""); /* any number may come from a fixed response */
    }
}

#define PADDING_LINE "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"
#define PADDING PADDING_LINE PADDING_LINE PADDING_LINE PADDING_LINE PADDING_LINE PADDING_LINE
#define PLAIN_ON_TLS "The plain HTTP request was sent to HTTPS port"

/* The six lines: title and heading, and what stands below the heading. */
static void
write_html(struct out *o, struct str title, struct str heading, struct str below)
{
    OUT_LIT(o, "<html>\r\n<head><title>");
    out_str(o, title);
    OUT_LIT(o, "</title></head>\r\n<body>\r\n<center><h1>");
    out_str(o, heading);
    OUT_LIT(o, "</h1></center>\r\n");
    out_str(o, below);
    OUT_LIT(o, "</body>\r\n</html>\r\n");
}

/* Browsers replace short error pages by their own. */
static bool
wants_padding(const struct page *page)
{
    return page->status >= 400 && (str_find(page->user_agent, STR("Chrome"), NULL) ||
                                   str_find(page->user_agent, STR("MSIE"), NULL));
}

static void
write_standard(struct out *o, const struct page *page)
{
    char title[64];
    struct out t = out_of(title, sizeof(title));
    out_u64(&t, page->status);
    struct str reason = status_reason(page->status);
    if (reason.n > 0) {
        out_char(&t, ' ');
        out_str(&t, reason);
    }
    struct str heading = str_span(title, t.p);
    if (page->plain_http_on_https) {
        write_html(o, STR("400 " PLAIN_ON_TLS), heading,
                   STR("<center>" PLAIN_ON_TLS "</center>\r\n"));
    } else {
        write_html(o, heading, heading, STR_NONE);
    }
    if (wants_padding(page)) {
        OUT_LIT(o, PADDING);
    }
}

/* Control bytes and blanks of a client's path must not become header lines or break the URL. */
static void
write_location(struct out *o, struct str location)
{
    OUT_LIT(o, "Location: ");
    for (size_t i = 0; i < location.n; i++) {
        uint8_t byte = (uint8_t)location.p[i];
        if (byte <= 0x20 || byte == 0x7f) {
            static const char digits[] = "0123456789ABCDEF";
            out_char(o, '%');
            out_char(o, digits[byte >> 4]);
            out_char(o, digits[byte & 15]);
        } else {
            out_char(o, location.p[i]);
        }
    }
    OUT_LIT(o, "\r\n");
}

static void
write_content_type(struct out *o, const struct page *page)
{
    if (!page->fixed) {
        OUT_LIT(o, "Content-Type: text/html\r\n");
    } else if (page->content_type.n > 0) {
        OUT_LIT(o, "Content-Type: ");
        out_str(o, page->content_type);
        OUT_LIT(o, "; charset=utf-8\r\n");
    }
}

/* `framed`: false for 204, which must not have a Content-Length [RFC 9110 8.6]. */
static void
write_head(struct out *o, const struct page *page, bool framed, size_t body_n)
{
    OUT_LIT(o, "HTTP/1.1 ");
    out_u64(o, page->status);
    out_char(o, ' ');
    out_str(o, status_reason(page->status));
    OUT_LIT(o, "\r\nServer: awselb/2.0\r\nDate: ");
    out_http_date(o, page->wall_us);
    OUT_LIT(o, "\r\n");
    if (framed) {
        write_content_type(o, page);
        OUT_LIT(o, "Content-Length: ");
        out_u64(o, body_n);
        OUT_LIT(o, "\r\n");
    }
    out_str(o, page->keep_alive ? STR("Connection: keep-alive\r\n") : STR("Connection: close\r\n"));
    if (page->location.n > 0) {
        write_location(o, page->location);
    }
    OUT_LIT(o, "\r\n");
}

void
page_write(struct out *o, const struct page *page)
{
    char html[1024]; /* the longest page with padding has less; tested for every phrase */
    struct out standard = out_of(html, sizeof(html));
    struct str body = page->body;
    if (!page->fixed) {
        write_standard(&standard, page);
        body = str_span(html, standard.p);
    }
    bool empty = page->status == 204 || page->status == 205; /* have no content [RFC 9110 15.3] */
    if (empty) {
        body = STR_NONE;
    }
    write_head(o, page, page->status != 204, body.n);
    if (!page->head_request) {
        out_str(o, body);
    }
}
