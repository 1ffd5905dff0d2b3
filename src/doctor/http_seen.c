/* SPDX-License-Identifier: Apache-2.0
 * Reads an HTTP/1 answer as browsers do, going on where http/http.h refuses, and notes what is odd
 * [browser-errors 9]. */
#include "doctor/http_seen.h"

#include <time.h>
#define ZLIB_CONST /* next_in is a pointer to const then */
#include <zlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "text/text.h"

#include <nghttp2/nghttp2.h>

enum { TITLE_LOOK_BYTES = 16 * 1024 }; /* of a page, where its title is looked for */

/* ---- names ---- */

const char *
body_end_name(enum body_end e)
{
    static const char *const names[BODY_END_COUNT] = {
        "none",          "complete", "short", "long",   "bad_chunk",
        "no_last_chunk", "reset",    "close", "unread", "bad_coding",
    };
    ASSERT(e < BODY_END_COUNT);
    return names[e];
}

const char *
author_name(enum author a)
{
    static const char *const names[AUTHOR_COUNT] = {
        N_("unknown"), N_("load balancer"), N_("OpenALB"), N_("CDN"), N_("proxy"), N_("web server"),
    };
    ASSERT(a < AUTHOR_COUNT);
    return names[a];
}

const char *
h2_code_name(uint32_t code)
{
    return nghttp2_http2_strerror(code);
}

/* ---- bytes under way ---- */

/* What is known of the connection beside the bytes. */
struct reading {
    struct http_seen *h;
    const uint8_t *p; /* borrowed: all bytes that are kept */
    size_t n;
    uint64_t total; /* that came, kept or not */
    bool fin, reset;
};

/* Takes a line off the front of `rest`, without its line end. False: its end has not come. */
static bool
take_line(struct str *rest, struct str *ret_line)
{
    size_t at;
    if (!str_find_char(*rest, '\n', &at)) {
        return false;
    }
    size_t n = at > 0 && rest->p[at - 1] == '\r' ? at - 1 : at;
    *ret_line = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, at + 1, rest->n);
    return true;
}

/* The number of bytes up to and with the empty line; 0: it has not come. */
static size_t
head_length(struct str s)
{
    struct str rest = s;
    struct str line;
    while (take_line(&rest, &line)) {
        if (line.n == 0) {
            return s.n - rest.n;
        }
    }
    return 0;
}

/* ---- something else in place of an answer ---- */

/* A frame that begins a server's HTTP/2: SETTINGS or GOAWAY of stream 0 [RFC 9113 3.4]. */
static bool
is_h2(const uint8_t *p, size_t n)
{
    enum { SETTINGS = 4, GOAWAY = 7, HEADER = 9 };
    if (n < HEADER || p[0] != 0 || (p[3] != SETTINGS && p[3] != GOAWAY)) {
        return false;
    }
    unsigned length = (unsigned)p[1] << 8 | p[2];
    return (p[5] & 0x7f) == 0 && p[6] == 0 && p[7] == 0 && p[8] == 0 &&
           (p[3] == SETTINGS ? length % 6 == 0 : length >= 8);
}

static bool
is_tls_alert(const uint8_t *p, size_t n)
{
    return n >= 3 && p[0] == 0x15 && p[1] == 3 && p[2] <= 4;
}

/* ---- the head ---- */

/* "HTTP/1.1 200 OK"; digits are digits, and nothing else matters to a browser. */
static void
read_status_line(struct http_seen *h, struct str line)
{
    struct str rest = str_sub(line, 5, line.n);
    bool good_version = rest.n >= 3 && ascii_is_digit(rest.p[0]) && rest.p[1] == '.' &&
                        ascii_is_digit(rest.p[2]) && (rest.n == 3 || rest.p[3] == ' ');
    if (rest.n > 0 && ascii_is_digit(rest.p[0])) {
        h->version_major = (uint8_t)(rest.p[0] - '0');
    }
    if (good_version) {
        h->version_minor = (uint8_t)(rest.p[2] - '0');
    }
    if (!good_version || h->version_major != 1 || h->version_minor > 1) {
        h->odd |= ODD_BAD_VERSION;
    }
    size_t blank;
    rest = str_find_char(rest, ' ', &blank) ? str_trim(str_sub(rest, blank, rest.n)) : STR_NONE;
    int64_t status;
    bool three = rest.n >= 3 && (rest.n == 3 || rest.p[3] == ' ');
    if (three && str_to_int_range(str_sub(rest, 0, 3), 100, 999, &status)) {
        h->has_status = true;
        h->status = (unsigned)status;
    } else {
        h->odd |= ODD_BAD_STATUS;
    }
}

static bool
is_token(struct str s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && !str_find_char(str_of(others), s.p[i], NULL)) {
            return false;
        }
    }
    return s.n > 0;
}

/* What must not differ between lines of one name is noted here for all lines, kept or not. */
struct heads {
    struct str location;
    bool has_location;
};

static void
note_length(struct http_seen *h, struct str value)
{
    uint64_t length;
    if (!str_to_u64(value, &length)) {
        return; /* as if it were not there, as browsers do */
    }
    if (h->has_length && h->length != length) {
        h->odd |= ODD_TWO_LENGTHS;
        return;
    }
    h->has_length = true;
    h->length = length;
}

static void
note_header(struct http_seen *h, struct heads *heads, struct str name, struct str value)
{
    if (str_ieq(name, STR("content-length"))) {
        struct str piece;
        while (str_cut(&value, ',', &piece)) {
            note_length(h, str_trim(piece));
        }
    } else if (str_ieq(name, STR("transfer-encoding"))) {
        struct str last = value;
        size_t comma;
        if (str_rfind_char(value, ',', &comma)) {
            last = str_sub(value, comma + 1, value.n);
        }
        h->chunked = h->chunked || str_ieq(str_trim(last), STR("chunked"));
    } else if (str_ieq(name, STR("location"))) {
        if (heads->has_location && !str_eq(heads->location, value)) {
            h->odd |= ODD_TWO_LOCATIONS;
        } else {
            heads->location = value;
            heads->has_location = true;
        }
    }
}

static void
read_header_line(struct http_seen *h, struct heads *heads, struct str line)
{
    size_t colon;
    if (!str_find_char(line, ':', &colon)) {
        h->odd |= ODD_BAD_LINE;
        return;
    }
    struct str name = str_sub(line, 0, colon);
    struct str value = str_trim(str_sub(line, colon + 1, line.n));
    if (!is_token(name)) {
        h->odd |= ODD_BAD_LINE;
        name = str_trim(name);
    }
    note_header(h, heads, name, value);
    if (h->header_count < HTTP_SEEN_HEADERS) {
        h->headers[h->header_count].name = name;
        h->headers[h->header_count].value = value;
        h->header_count++;
    }
}

/* Folded lines are joined in place: their line ends become blanks [RFC 9112 5.2]. */
static void
unfold(char *p, size_t n)
{
    size_t first_line = 0;
    while (first_line < n && p[first_line] != '\n') {
        first_line++;
    }
    for (size_t i = first_line + 1; i + 1 < n; i++) {
        bool blank_follows = p[i + 1] == ' ' || p[i + 1] == '\t';
        bool ends_empty_line = p[i - 1] == '\n' || (p[i - 1] == '\r' && p[i - 2] == '\n');
        if (p[i] == '\n' && blank_follows && !ends_empty_line) {
            p[i] = ' ';
            if (p[i - 1] == '\r') {
                p[i - 1] = ' ';
            }
        }
    }
}

static void
forget_head(struct http_seen *h)
{
    h->has_status = false;
    h->status = 0;
    h->header_count = 0;
    h->has_length = h->chunked = false;
    h->length = 0;
}

/* One head: `n` bytes of h->text from `at`, with or without its end. */
static void
read_head(struct http_seen *h, size_t at, size_t n)
{
    struct heads heads = {0};
    struct str line;
    forget_head(h);
    unfold(h->text + at, n);
    struct str rest = {h->text + at, n};
    if (str_find_char(rest, '\0', NULL)) {
        h->odd |= ODD_NUL;
    }
    if (!take_line(&rest, &line)) {
        line = rest;
        rest = STR_NONE;
    }
    read_status_line(h, line);
    while (take_line(&rest, &line) && line.n > 0) {
        read_header_line(h, &heads, line);
    }
    if (h->chunked && h->has_length) {
        h->odd |= ODD_LENGTH_AND_CHUNKED; /* the chunks count [RFC 9112 6.3] */
    }
}

/* 100 to 199 come before the answer; 101 is one. */
static bool
is_interim(const struct http_seen *h)
{
    return h->has_status && h->status / 100 == 1 && h->status != 101;
}

/* Heads one after another, interim ones passed over, until the answer's own or the bytes' end.
 * Returns where the body begins; 0: the answer's head has not ended. */
static size_t
read_heads(struct reading *r, size_t at)
{
    struct http_seen *h = r->h;
    for (;;) {
        struct str s = {(const char *)r->p + at, r->n - at};
        size_t n = head_length(s);
        if (n == 0 && s.n == 0) {
            return 0; /* nothing behind an interim answer */
        }
        read_head(h, at, n == 0 ? s.n : n);
        if (n > LIMIT_DOCTOR_HEAD_BYTES || (n == 0 && r->total - at > LIMIT_DOCTOR_HEAD_BYTES)) {
            h->odd |= ODD_HEAD_TOO_LARGE;
        } else if (n == 0 && r->total == r->n && (r->fin || r->reset)) {
            h->odd |= ODD_HEAD_CUT;
        }
        if (n == 0) {
            return 0;
        }
        at += n;
        if (!is_interim(h) || !str_istarts(str_sub(s, n, s.n), STR("HTTP/"))) {
            h->head_bytes = is_interim(h) ? 0 : at;
            return h->head_bytes;
        }
    }
}

/* ---- the body ---- */

static bool
has_no_body(const struct http_seen *h)
{
    return h->status == 204 || h->status == 304 || h->status / 100 == 1;
}

/* The bytes ran out inside the body. */
static enum body_end
cut_body(const struct reading *r, enum body_end at_fin)
{
    if (r->total > r->n) {
        return BODY_END_UNREAD;
    }
    return r->reset ? BODY_END_RESET : r->fin ? at_fin : BODY_END_UNREAD;
}

/* "1a;extension"; false: no number, or a larger one than makes sense. */
static bool
chunk_size(struct str line, uint64_t *ret_size)
{
    uint64_t size = 0;
    size_t i = 0;
    for (; i < line.n; i++) {
        char c = ascii_lower(line.p[i]);
        bool letter = c >= 'a' && c <= 'f';
        if (!ascii_is_digit(c) && !letter) {
            break;
        }
        if (size >> 56 != 0) {
            return false;
        }
        size = size * 16 + (uint64_t)(letter ? c - 'a' + 10 : c - '0');
    }
    struct str behind = str_trim(str_sub(line, i, line.n));
    *ret_size = size;
    return i > 0 && (behind.n == 0 || behind.p[0] == ';');
}

/* Trailers to their empty line. */
static enum body_end
skip_trailers(const struct reading *r, struct str rest)
{
    struct str line;
    while (take_line(&rest, &line)) {
        if (line.n == 0) {
            return BODY_END_COMPLETE;
        }
    }
    return cut_body(r, BODY_END_NO_LAST_CHUNK);
}

static void
keep_body(struct http_seen *h, struct str piece)
{
    if (piece.n > 0) {
        memcpy(h->body_owned + h->body_bytes, piece.p, piece.n);
        h->body_bytes += piece.n;
    }
}

/* Takes the chunks off; what is kept is never longer than what came. */
static enum body_end
read_chunks(const struct reading *r, struct str rest)
{
    struct http_seen *h = r->h;
    h->body_owned = xalloc(rest.n + 1);
    h->body = h->body_owned;
    for (;;) {
        struct str line;
        uint64_t size;
        if (!take_line(&rest, &line)) {
            bool hopeless = rest.n > LIMIT_CHUNK_LINE_MAX;
            return hopeless ? BODY_END_BAD_CHUNK : cut_body(r, BODY_END_NO_LAST_CHUNK);
        }
        if (!chunk_size(line, &size)) {
            return BODY_END_BAD_CHUNK;
        }
        if (size == 0) {
            return skip_trailers(r, rest);
        }
        keep_body(h, str_sub(rest, 0, (size_t)MIN_OF(size, rest.n)));
        if (rest.n < size + 2) {
            return cut_body(r, BODY_END_NO_LAST_CHUNK);
        }
        rest = str_sub(rest, (size_t)size, rest.n);
        if (!str_starts(rest, STR("\r\n"))) {
            return BODY_END_BAD_CHUNK;
        }
        rest = str_sub(rest, 2, rest.n);
    }
}

static enum body_end
read_counted(const struct reading *r, struct str rest)
{
    struct http_seen *h = r->h;
    uint64_t came = r->total - h->head_bytes;
    h->body = (const uint8_t *)rest.p;
    h->body_bytes = (size_t)MIN_OF(rest.n, h->length);
    if (came == h->length) {
        return BODY_END_COMPLETE;
    }
    if (came > h->length) {
        return BODY_END_LONG;
    }
    return r->reset ? BODY_END_RESET : r->fin ? BODY_END_SHORT : BODY_END_UNREAD;
}

static void
read_body(const struct reading *r)
{
    struct http_seen *h = r->h;
    struct str rest = {(const char *)r->p + h->head_bytes, r->n - h->head_bytes};
    if (has_no_body(h)) {
        h->body_end = BODY_END_NONE;
    } else if (h->chunked) {
        h->body_end = read_chunks(r, rest);
    } else if (h->has_length) {
        h->body_end = read_counted(r, rest);
    } else {
        h->body = (const uint8_t *)rest.p;
        h->body_bytes = rest.n;
        h->body_end = r->reset ? BODY_END_RESET : r->fin ? BODY_END_CLOSE : BODY_END_UNREAD;
    }
}

/* Text without "HTTP/": a browser of old would show it as a page (HTTP/0.9). */
static void
read_naked(const struct reading *r)
{
    struct http_seen *h = r->h;
    h->odd |= ODD_NO_STATUS_LINE;
    h->body = r->p;
    h->body_bytes = r->n;
    h->body_end = r->reset ? BODY_END_RESET : r->fin ? BODY_END_CLOSE : BODY_END_UNREAD;
}

/* Could these bytes still become "HTTP/"? */
static bool
may_begin_status_line(struct str s)
{
    struct str word = STR("HTTP/");
    return str_istarts(s, word) || (s.n < word.n && str_istarts(word, s));
}

struct http_seen *
http_seen_read(const uint8_t *p, size_t n, uint64_t total, bool fin, bool reset)
{
    struct http_seen *h = xalloc(sizeof(*h));
    struct reading r = {
        .h = h, .p = p, .n = n, .total = MAX_OF(total, n), .fin = fin, .reset = reset};
    size_t at = 0;
    while (at < n && (p[at] == '\r' || p[at] == '\n')) {
        at++;
    }
    struct str start = {(const char *)p + at, n - at};
    h->odd |= at > 0 && start.n > 0 ? ODD_CRLF_FIRST : 0;
    if (is_h2(p, n)) {
        h->odd |= ODD_H2_FRAMES;
    } else if (is_tls_alert(p, n)) {
        h->odd |= ODD_TLS_ALERT;
    } else if (str_istarts(start, STR("HTTP/"))) {
        h->text = xstrdup_str((struct str){(const char *)p, n});
        if (read_heads(&r, at) > 0) {
            read_body(&r);
        }
    } else if (!may_begin_status_line(start)) {
        read_naked(&r);
    } else if (fin || reset) {
        h->odd |= n > 0 ? ODD_HEAD_CUT : 0;
    }
    http_seen_judge(h);
    return h;
}

bool
http_seen_complete(const struct http_seen *h)
{
    static const bool final[BODY_END_COUNT] = {
        [BODY_END_NONE] = true,       [BODY_END_COMPLETE] = true,  [BODY_END_SHORT] = true,
        [BODY_END_LONG] = true,       [BODY_END_BAD_CHUNK] = true, [BODY_END_NO_LAST_CHUNK] = true,
        [BODY_END_RESET] = true,      [BODY_END_CLOSE] = true,     [BODY_END_UNREAD] = false,
        [BODY_END_BAD_CODING] = true,
    };
    if (h->odd & (ODD_H2_FRAMES | ODD_TLS_ALERT | ODD_HEAD_TOO_LARGE)) {
        return true;
    }
    return h->head_bytes > 0 && final[h->body_end];
}

void
http_seen_free(struct http_seen **h)
{
    if (*h != NULL) {
        xfree((*h)->text);
        xfree((*h)->body_owned);
        xfree(*h);
        *h = NULL;
    }
}

struct str
http_seen_header(const struct http_seen *h, const char *name)
{
    for (size_t i = 0; i < h->header_count; i++) {
        if (str_ieq(h->headers[i].name, str_of(name))) {
            struct str value = h->headers[i].value;
            return value.p == NULL ? STR("") : value;
        }
    }
    return STR_NONE;
}

/* ---- what follows from it ---- */

/* Unpacks the kept body; false: these bytes are not what Content-Encoding says. What comes out
 * first is left in `out` for the title. */
static bool
inflate_body(const struct http_seen *h, int window_bits, struct buf *out)
{
    z_stream z = {0};
    uint8_t chunk[16 * 1024];
    size_t total = 0;
    int rc = Z_OK;
    if (inflateInit2(&z, window_bits) != Z_OK) {
        return true; /* no memory: nothing is known */
    }
    z.next_in = h->body;
    z.avail_in = (uInt)MIN_OF(h->body_bytes, (size_t)LIMIT_DOCTOR_INFLATE_BYTES);
    while (rc == Z_OK && total < LIMIT_DOCTOR_INFLATE_BYTES) {
        z.next_out = chunk;
        z.avail_out = sizeof(chunk);
        rc = inflate(&z, Z_SYNC_FLUSH);
        size_t n = sizeof(chunk) - z.avail_out;
        total += n;
        if (out->n < TITLE_LOOK_BYTES) {
            buf_add(out, chunk, MIN_OF(n, TITLE_LOOK_BYTES - out->n));
        }
        if (n == 0 && z.avail_in == 0) {
            break;
        }
    }
    (void)inflateEnd(&z); /* frees; its result says only how it ended */
    return rc != Z_DATA_ERROR && rc != Z_NEED_DICT;
}

enum coding { CODING_NONE, CODING_GZIP, CODING_DEFLATE, CODING_OTHER };

static enum coding
coding_of(const struct http_seen *h)
{
    struct str value = http_seen_header(h, "content-encoding");
    if (value.n == 0 || str_ieq(value, STR("identity"))) {
        return CODING_NONE;
    }
    if (str_ieq(value, STR("gzip")) || str_ieq(value, STR("x-gzip"))) {
        return CODING_GZIP;
    }
    return str_ieq(value, STR("deflate")) ? CODING_DEFLATE : CODING_OTHER;
}

/* The readable beginning of the body in `out`; notes a broken coding. */
static void
decode_body(struct http_seen *h, struct buf *out)
{
    enum { GZIP_WINDOW = 15 + 16, ZLIB_WINDOW = 15, RAW_WINDOW = -15 };
    bool good = true;
    switch (coding_of(h)) {
    case CODING_NONE: buf_add(out, h->body, MIN_OF(h->body_bytes, TITLE_LOOK_BYTES)); break;
    case CODING_GZIP: good = inflate_body(h, GZIP_WINDOW, out); break;
    case CODING_DEFLATE: /* zlib's form by the standard, the naked one by custom */
        good = inflate_body(h, ZLIB_WINDOW, out);
        if (!good) {
            buf_reset(out);
            good = inflate_body(h, RAW_WINDOW, out);
        }
        break;
    case CODING_OTHER: break;
    }
    if (!good && h->body_end != BODY_END_BAD_CHUNK && h->body_end != BODY_END_RESET) {
        h->body_end = BODY_END_BAD_CODING;
    }
}

static bool
find_tag(struct str s, struct str tag, size_t *ret_at)
{
    for (size_t i = 0; i + tag.n <= s.n; i++) {
        if (str_istarts(str_sub(s, i, tag.n), tag)) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

/* The text between <title ...> and </title>, blanks and line ends joined, cut to fit. */
static void
read_title(struct http_seen *h, struct str page)
{
    size_t at;
    size_t end;
    h->title[0] = '\0';
    if (!find_tag(page, STR("<title"), &at)) {
        return;
    }
    page = str_sub(page, at + STR("<title").n, page.n);
    if (!str_find_char(page, '>', &at)) {
        return;
    }
    page = str_sub(page, at + 1, page.n);
    if (find_tag(page, STR("</title"), &end)) {
        page.n = end;
    }
    size_t n = 0;
    for (size_t i = 0; i < page.n && n + 1 < sizeof(h->title); i++) {
        char c = page.p[i];
        bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (c != '\0' && !(blank && (n == 0 || h->title[n - 1] == ' '))) {
            h->title[n++] = blank ? ' ' : c;
        }
    }
    h->title[n > 0 && h->title[n - 1] == ' ' ? n - 1 : n] = '\0';
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" [RFC 9110 5.6.7]; not strptime, which asks the locale. */
static uint64_t
read_date(struct str s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct str fields[6];
    size_t count = 0;
    struct str rest = s;
    struct str piece;
    while (count < COUNT_OF(fields) && str_cut(&rest, ' ', &piece)) {
        if (piece.n > 0) {
            fields[count++] = piece;
        }
    }
    size_t month = 0;
    int64_t day, year, hour, minute, second;
    if (count < 5 || fields[2].n != 3 || fields[4].n != 8 || fields[4].p[2] != ':' ||
        fields[4].p[5] != ':') {
        return 0;
    }
    while (month < 12 && !str_ieq(fields[2], (struct str){months + 3 * month, 3})) {
        month++;
    }
    if (month == 12 || !str_to_int_range(fields[1], 1, 31, &day) ||
        !str_to_int_range(fields[3], 1970, 9999, &year) ||
        !str_to_int_range(str_sub(fields[4], 0, 2), 0, 23, &hour) ||
        !str_to_int_range(str_sub(fields[4], 3, 2), 0, 59, &minute) ||
        !str_to_int_range(str_sub(fields[4], 6, 2), 0, 60, &second)) {
        return 0;
    }
    struct tm tm = {.tm_year = (int)year - 1900,
                    .tm_mon = (int)month,
                    .tm_mday = (int)day,
                    .tm_hour = (int)hour,
                    .tm_min = (int)minute,
                    .tm_sec = (int)second};
    time_t seconds = timegm(&tm);
    return seconds > 0 ? (uint64_t)seconds : 0;
}

void
http_seen_judge(struct http_seen *h)
{
    struct buf page = {0};
    if (h->body_bytes > 0) {
        decode_body(h, &page);
    }
    read_title(h, buf_str(&page));
    buf_free(&page);
    h->date_s = read_date(http_seen_header(h, "date"));
    h->author = http_author(h);
}
