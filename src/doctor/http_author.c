/* SPDX-License-Identifier: Apache-2.0
 * Who wrote an answer: by its headers (authors.def) and by the shape of the load balancer's own
 * pages, which stays when the Server header is switched off. */
#include <stdio.h>

#include "base/defs.h"
#include "doctor/http_seen.h"

/* ---- the load balancer's own pages [data-plane 1.7] ---- */

static bool
take(struct str *rest, struct str piece)
{
    if (!str_starts(*rest, piece)) {
        return false;
    }
    *rest = str_sub(*rest, piece.n, rest->n);
    return true;
}

/* Up to the next '<', which must begin `behind`; that goes, too. */
static bool
take_text(struct str *rest, struct str behind, struct str *ret_text)
{
    size_t at;
    if (!str_find_char(*rest, '<', &at)) {
        return false;
    }
    *ret_text = str_sub(*rest, 0, at);
    *rest = str_sub(*rest, at, rest->n);
    return take(rest, behind);
}

/* Six lines with CRLF, no <hr>, the status in title and heading, comments as padding behind. */
static bool
is_lb_page(const struct http_seen *h)
{
    struct str rest = {(const char *)h->body, h->body_bytes};
    struct str title, heading, below;
    char status[8];
    (void)snprintf(status, sizeof(status), "%u", h->status); /* cut for a status that is none */
    if (!h->has_status || !take(&rest, STR("<html>\r\n<head><title>")) ||
        !take_text(&rest, STR("</title></head>\r\n<body>\r\n<center><h1>"), &title) ||
        !take_text(&rest, STR("</h1></center>\r\n"), &heading)) {
        return false;
    }
    if (take(&rest, STR("<center>")) && !take_text(&rest, STR("</center>\r\n"), &below)) {
        return false;
    }
    return str_starts(title, str_of(status)) && str_starts(heading, str_of(status)) &&
           take(&rest, STR("</body>\r\n</html>\r\n")) &&
           (rest.n == 0 || str_starts(rest, STR("<!-- a padding to disable")));
}

/* ---- headers ---- */

struct author_row {
    enum author author;
    const char *header, *text;
};

static const struct author_row author_rows[] = {
#define AUTHOR_ROW(author, header, text) {AUTHOR_##author, header, text},
#include "doctor/authors.def"
#undef AUTHOR_ROW
};

static bool
ifind(struct str s, struct str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++) {
        if (str_istarts(str_sub(s, i, needle.n), needle)) {
            return true;
        }
    }
    return false;
}

static bool
value_fits(struct str value, const char *text)
{
    return text[0] == '*' ? ifind(value, str_of(text + 1)) : str_istarts(value, str_of(text));
}

static bool
row_fits(const struct http_seen *h, const struct author_row *row)
{
    for (size_t i = 0; i < h->header_count; i++) {
        if (str_ieq(h->headers[i].name, str_of(row->header)) &&
            value_fits(h->headers[i].value, row->text)) {
            return true;
        }
    }
    return false;
}

enum author
http_author(const struct http_seen *h)
{
    bool named = http_seen_header(h, "server").n > 0;
    if (!named && is_lb_page(h)) {
        return AUTHOR_LB;
    }
    for (size_t i = 0; i < COUNT_OF(author_rows); i++) {
        if (row_fits(h, &author_rows[i])) {
            return author_rows[i].author;
        }
    }
    return AUTHOR_UNKNOWN;
}

bool
http_seen_through_lb(const struct http_seen *h)
{
    static const struct author_row sticky = {AUTHOR_LB, "Set-Cookie", "AWSALB"};
    return h->author == AUTHOR_LB || h->author == AUTHOR_OURS || row_fits(h, &sticky);
}
