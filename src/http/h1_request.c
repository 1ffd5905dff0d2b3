/* SPDX-License-Identifier: Apache-2.0
 * The head of a request: its line at once, its header lines when all are there. */
#include "http/h1_int.h"

enum { EMPTY_LINES_MAX = 2 }; /* before a request line [RFC 9112 2.2] */

/* ---- the request line: method SP target SP version ---- */

struct request_line {
    struct desync desync; /* in the classifier's order: method, version, target */
    bool bare_lf;
    bool blanks_at_version;
    bool blanks_at_target;
};

static enum http_method
method_lookup(struct str method)
{
    static const struct str names[] = {
        [METHOD_GET] = {"GET", 3},         [METHOD_HEAD] = {"HEAD", 4},
        [METHOD_POST] = {"POST", 4},       [METHOD_PUT] = {"PUT", 3},
        [METHOD_DELETE] = {"DELETE", 6},   [METHOD_OPTIONS] = {"OPTIONS", 7},
        [METHOD_PATCH] = {"PATCH", 5},     [METHOD_TRACE] = {"TRACE", 5},
        [METHOD_CONNECT] = {"CONNECT", 7},
    };
    for (unsigned id = METHOD_GET; id < COUNT_OF(names); id++) {
        if (str_eq(names[id], method)) {
            return (enum http_method)id;
        }
    }
    return METHOD_OTHER;
}

static size_t
blanks_behind(struct str s)
{
    size_t n = 0;
    while (n < s.n && char_is_blank(s.p[s.n - 1 - n])) {
        n++;
    }
    return n;
}

/* The method ends at the first space, the version begins behind the last one, what is between is
 * the target [data-plane 6.4, raw parsing]; more blanks than these two are noticed and left out. */
static void
line_split(struct str line, struct h1_request *r, struct request_line *l)
{
    size_t space = line.n;
    (void)str_find_char(line, ' ', &space); /* without a space all is the method */
    r->method = str_sub(line, 0, space);
    struct str rest = str_sub(line, space + 1, line.n);
    size_t behind = blanks_behind(rest);
    rest.n -= behind;
    if (!str_rfind_char(rest, ' ', &space)) {
        r->target = rest;
        return;
    }
    struct str version = str_sub(rest, space + 1, rest.n);
    r->version_text = str_trim(version);
    r->target = str_sub(rest, 0, space);
    while (r->target.n > 0 && r->target.p[0] == ' ') {
        r->target = str_sub(r->target, 1, r->target.n);
        l->blanks_at_target = true;
    }
    size_t between = r->target.n;
    while (r->target.n > 0 && r->target.p[r->target.n - 1] == ' ') {
        r->target.n--;
    }
    l->blanks_at_version = behind > 0 || r->version_text.n < version.n || r->target.n < between;
}

static enum http_fault
method_judge(struct h1_request *r, struct request_line *l)
{
    if (str_all(r->method, CHAR_TOKEN)) { /* not empty: the first byte was judged before */
        r->method_id = method_lookup(r->method);
        return FAULT_NONE;
    }
    desync_note(&l->desync, DESYNC_BadMethod);
    r->method = STR_NONE;
    return FAULT_DESYNC_SEVERE;
}

static bool
version_is_well_formed(struct str v)
{
    return v.n == 8 && str_starts(v, STR("HTTP/")) && ascii_is_digit(v.p[5]) && v.p[6] == '.' &&
           ascii_is_digit(v.p[7]);
}

/* [D9] */
static enum http_fault
version_judge(struct h1_request *r, struct request_line *l)
{
    struct str v = r->version_text;
    if (v.n == 0 || str_eq(v, STR("HTTP/0.9"))) {
        desync_note(&l->desync, DESYNC_NonCompliantVersion);
        return FAULT_BAD_REQUEST;
    }
    if (!version_is_well_formed(v) || v.p[5] != '1') {
        desync_note(&l->desync, DESYNC_BadVersion);
        bool later = version_is_well_formed(v) && v.p[5] > '1';
        return later ? FAULT_VERSION : FAULT_DESYNC_SEVERE;
    }
    if (v.p[7] > '1' || l->blanks_at_version) {
        desync_note(&l->desync, DESYNC_NonCompliantVersion);
    }
    r->version = v.p[7] == '0' ? HTTP_1_0 : HTTP_1_1;
    return FAULT_NONE;
}

/* Which bytes the target has; the worst finding counts. */
static enum http_fault
target_bytes_judge(struct h1_request *r, struct request_line *l)
{
    if (r->target.n == 0) {
        return FAULT_NONE; /* missing: the form is what is wrong */
    }
    const char *end = r->target.p + r->target.n;
    struct desync d = {0};
    if (l->blanks_at_target) {
        desync_note(&d, DESYNC_SpaceInUri);
    }
    for (const char *q = r->target.p;; q++) {
        q += clean_run(q, end, 0x21);
        if (LIKELY(q == end)) {
            break;
        }
        r->uri_needs_encoding = true;
        bool worst = *q == '\0' || *q == '\r';
        desync_note(&d, worst       ? DESYNC_BadUri
                        : *q == ' ' ? DESYNC_SpaceInUri
                                    : DESYNC_AmbiguousUri);
    }
    desync_note(&l->desync, d.reason);
    if (d.klass != DESYNC_SEVERE) {
        return FAULT_NONE;
    }
    r->target = STR_NONE; /* nothing to show in a log */
    return FAULT_DESYNC_SEVERE;
}

static void
path_and_query(struct h1_request *r, struct str s)
{
    size_t mark;
    if (!str_find_char(s, '?', &mark)) {
        r->path = s;
        return;
    }
    r->path = str_sub(s, 0, mark);
    r->query = (struct str){s.p + mark + 1, s.n - mark - 1};
}

static bool
port_is_valid(struct str port)
{
    uint64_t value = 0;
    return port.n == 0 || (port.n <= 5 && str_to_u64(port, &value) && value <= UINT16_MAX);
}

static bool
ip_literal_is_valid(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!char_is(s.p[i], CHAR_HEX) && s.p[i] != ':' && s.p[i] != '.') {
            return false;
        }
    }
    return s.n >= 2;
}

/* uri-host [ ":" port ] with a host that is not empty [RFC 9110 7.2, RFC 3986 3.2.2]; no user. */
static bool
authority_read(struct str s, struct str *ret_host, struct str *ret_port)
{
    size_t host_n = s.n;
    bool literal = s.n > 0 && s.p[0] == '[';
    if (literal) {
        if (!str_find_char(s, ']', &host_n) || !ip_literal_is_valid(str_sub(s, 1, host_n - 1))) {
            return false;
        }
        host_n++;
    } else {
        (void)str_find_char(s, ':', &host_n); /* no port is fine */
    }
    struct str host = {s.p, host_n};
    struct str rest = str_sub(s, host_n, s.n);
    struct str port = str_sub(rest, 1, rest.n);
    if (host.n == 0 || (!literal && !str_all(host, CHAR_HOST)) ||
        (rest.n > 0 && rest.p[0] != ':') || !port_is_valid(port)) {
        return false;
    }
    *ret_host = host;
    *ret_port = port;
    return true;
}

static bool
absolute_form_read(struct h1_request *r, size_t scheme_n)
{
    struct str rest = str_sub(r->target, scheme_n, r->target.n);
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#') {
        n++;
    }
    if (!authority_read(str_sub(rest, 0, n), &r->host, &r->host_port)) {
        return false;
    }
    r->absolute_form = true;
    path_and_query(r, str_sub(rest, n, rest.n));
    if (r->path.n == 0) {
        r->path = STR("/");
    }
    return true;
}

/* The four forms [RFC 9112 3.2]. */
static bool
target_form_read(struct h1_request *r)
{
    struct str t = r->target;
    if (r->method_id == METHOD_CONNECT) {
        return authority_read(t, &r->host, &r->host_port) && r->host_port.n > 0;
    }
    if (t.n > 0 && t.p[0] == '/') {
        path_and_query(r, t);
        return true;
    }
    if (str_eq(t, STR("*"))) {
        r->path = t;
        return r->method_id == METHOD_OPTIONS;
    }
    if (str_istarts(t, STR("http://"))) {
        return absolute_form_read(r, 7);
    }
    return str_istarts(t, STR("https://")) && absolute_form_read(r, 8);
}

static enum http_fault
request_line_read(struct str line, struct h1_request *r, struct request_line *l)
{
    line_split(line, r, l);
    enum http_fault fault = method_judge(r, l);
    enum http_fault version = version_judge(r, l);
    enum http_fault bytes = target_bytes_judge(r, l);
    fault = fault != FAULT_NONE ? fault : version;
    fault = fault != FAULT_NONE ? fault : bytes;
    if (fault == FAULT_NONE && !target_form_read(r)) {
        fault = FAULT_BAD_REQUEST;
    }
    return fault;
}

/* ---- from the first byte to the end of the request line ---- */

static enum h1_result
refuse(struct h1_request *r, enum http_fault fault, struct desync d)
{
    r->fault = fault;
    r->desync_class = d.klass;
    r->desync_reason = d.reason;
    return H1_FAULT;
}

/* DONE: the request line begins at scan->line_start. FAULT: this cannot become a request. */
static enum h1_result
line_begin(struct h1_scan *scan, const char *p, size_t n)
{
    while (scan->line_start < n) {
        size_t at = scan->line_start;
        if (char_is(p[at], CHAR_TOKEN)) {
            return H1_DONE;
        }
        size_t cr = p[at] == '\r';
        if (at + cr == n) {
            return H1_MORE;
        }
        if (p[at + cr] != '\n' || scan->empty_lines == EMPTY_LINES_MAX) {
            return H1_FAULT;
        }
        scan->empty_lines++;
        scan->line_start = scan->at = at + cr + 1;
    }
    return H1_MORE;
}

/* What can be told of a line that is too long. */
static void
too_long_read(struct str line, struct h1_request *r)
{
    size_t space = 0;
    if (!str_find_char(line, ' ', &space) || !str_all(str_sub(line, 0, space), CHAR_TOKEN)) {
        return;
    }
    r->method = str_sub(line, 0, space);
    r->method_id = method_lookup(r->method);
    struct str rest = str_sub(line, space + 1, line.n);
    if (rest.n > 0) {
        r->target = str_sub(rest, 0, clean_run(rest.p, rest.p + rest.n, 0x21));
    }
}

static enum h1_result
request_line_parse(struct h1_scan *scan, const char *p, size_t n, struct h1_request *r,
                   struct request_line *l)
{
    enum h1_result begun = line_begin(scan, p, n);
    if (begun == H1_MORE) {
        return H1_MORE;
    }
    if (begun == H1_FAULT) {
        return refuse(r, FAULT_BAD_REQUEST, (struct desync){0});
    }
    struct str line;
    enum h1_result got = h1_first_line(scan, p, n, &line);
    if (line.n > LIMIT_REQUEST_LINE_MAX) {
        too_long_read(line, r);
        return refuse(r, FAULT_URI_TOO_LONG, (struct desync){0});
    }
    if (got == H1_MORE) {
        return H1_MORE;
    }
    enum http_fault fault = request_line_read(line, r, l);
    if (fault != FAULT_NONE) {
        return refuse(r, fault, l->desync);
    }
    l->bare_lf = line.p[line.n] == '\n';
    scan->first_line = scan->line_start;
    scan->headers = scan->line_start = scan->at;
    scan->line_done = true;
    return H1_DONE;
}

/* The line was accepted in an earlier call; the caller may have moved the bytes since. */
static void
request_line_again(const struct h1_scan *scan, const char *p, struct h1_request *r,
                   struct request_line *l)
{
    struct str line = {p + scan->first_line,
                       line_length(p + scan->first_line, p + scan->headers - 1)};
    (void)request_line_read(line, r, l); /* it was found to be good */
    l->bare_lf = line.p[line.n] == '\n';
}

/* ---- the header lines ---- */

/* [D6]; marks Host lines DROP, because the proxy writes Host itself. */
static enum http_fault
host_read(struct h1_request *r)
{
    unsigned count = 0;
    bool valid = true;
    bool authority_given = r->host.n > 0; /* in the target: it wins [RFC 9112 3.2.2] */
    for (unsigned i = 0; i < r->headers.count; i++) {
        struct http_header *h = &r->headers.items[i];
        if (h->id != HEADER_HOST) {
            continue;
        }
        struct str host = STR_NONE, port = STR_NONE;
        bool empty_is_fine = authority_given || r->version == HTTP_1_0;
        h->flags |= HEADER_DROP;
        valid &= authority_read(h->value, &host, &port) || (h->value.n == 0 && empty_is_fine);
        if (count++ == 0 && !authority_given) {
            r->host = host;
            r->host_port = port;
        }
    }
    bool enough = count == 1 || (count == 0 && r->version == HTTP_1_0);
    return enough && valid ? FAULT_NONE : FAULT_NO_HOST;
}

/* [D11] */
static enum http_fault
expect_read(struct h1_request *r, const struct h1_fields *f)
{
    bool other = false;
    for (unsigned i = 0; fields_have(f, HEADER_EXPECT) && i < r->headers.count; i++) {
        struct http_header *h = &r->headers.items[i];
        if (h->id != HEADER_EXPECT) {
            continue;
        }
        h->flags |= HEADER_DROP;
        struct str rest = h->value, item;
        while (str_cut(&rest, ',', &item)) {
            item = str_trim(item);
            bool known = str_ieq(item, STR("100-continue"));
            r->expect_continue |= known && r->version == HTTP_1_1;
            other |= !known && item.n > 0;
        }
    }
    return other ? FAULT_EXPECTATION : FAULT_NONE;
}

static enum http_fault
connection_read(struct h1_request *r, const struct h1_fields *f)
{
    struct h1_connection c = h1_connection_read(&r->headers, f);
    r->keep_alive = !c.close && (r->version == HTTP_1_1 || c.keep_alive);
    r->upgrade = c.upgrade && r->version == HTTP_1_1 && fields_have(f, HEADER_UPGRADE);
    return c.too_many ? FAULT_BAD_REQUEST : FAULT_NONE;
}

/* The real headers alone frame the body; look-alikes only raise the class [D2, D3, D4, D7]. */
static enum http_fault
framing_read(struct h1_request *r, const struct h1_fields *f)
{
    if (!fields_have(f, HEADER_TRANSFER_ENCODING) && !fields_have(f, HEADER_CONTENT_LENGTH)) {
        return FAULT_NONE;
    }
    struct h1_codings te = h1_codings_read(&r->headers, false);
    struct h1_lengths cl = h1_lengths_of_request(&r->headers, false);
    if (te.foreign) {
        return FAULT_BAD_CODING;
    }
    if (te.misplaced) {
        return FAULT_BAD_REQUEST;
    }
    if (te.chunked) {
        r->body = BODY_CHUNKED;
    } else if (cl.bad || cl.differ) {
        return FAULT_BAD_REQUEST; /* Severe too, but for HTTP/1.0 with another TE */
    } else if (cl.count > 0) {
        r->body = BODY_LENGTH;
        r->content_length = cl.value;
    }
    return FAULT_NONE;
}

static struct desync
classify(const struct h1_request *r, const struct h1_fields *f, const struct request_line *l)
{
    struct desync d = {0};
    if (l->bare_lf) {
        desync_note(&d, DESYNC_NonCrLfLineTermination);
    }
    desync_note(&d, f->desync.reason);
    if (fields_have(f, HEADER_TRANSFER_ENCODING) || fields_have(f, HEADER_CONTENT_LENGTH) ||
        f->lookalike) {
        desync_classify_framing(&d, &r->headers, f, r->version, r->method_id);
    }
    desync_note(&d, l->desync.reason);
    return d;
}

static enum http_fault
lines_fault(const struct h1_fields *f)
{
    if (f->no_colon || f->leading_fold) {
        return FAULT_BAD_REQUEST; /* no repair [D12] */
    }
    return f->line_too_long || f->too_many ? FAULT_HEADERS_TOO_LARGE : FAULT_NONE;
}

/* All of the head is there. Everything is read even when something is wrong, for the log; then the
 * first fault of the list counts. */
static enum h1_result
head_read(struct h1_request *r, char *lines, char *lines_end, const struct request_line *l)
{
    struct h1_fields f;
    h1_fields_parse(lines, lines_end, &r->headers, &f);
    struct desync d = classify(r, &f, l);
    enum http_fault framing = framing_read(r, &f);
    enum http_fault faults[] = {
        lines_fault(&f),
        framing == FAULT_BAD_CODING ? framing : FAULT_NONE, /* before the class acts [D3] */
        d.klass == DESYNC_SEVERE ? FAULT_DESYNC_SEVERE : FAULT_NONE,
        framing,
        host_read(r),
        connection_read(r, &f),
        expect_read(r, &f),
    };
    for (unsigned i = 0; i < COUNT_OF(faults); i++) {
        if (UNLIKELY(faults[i] != FAULT_NONE)) {
            return refuse(r, faults[i], d);
        }
    }
    r->desync_class = d.klass;
    r->desync_reason = d.reason;
    return H1_DONE;
}

enum h1_result
h1_request_parse(struct h1_scan *scan, char *p, size_t n, struct h1_request *ret_request)
{
    struct h1_request *r = ret_request;
    struct request_line line = {0};
    memset(r, 0, offsetof(struct h1_request, headers)); /* the header array is large */
    r->headers.count = 0;
    bool line_done_before = scan->line_done;
    if (!line_done_before) {
        enum h1_result got = request_line_parse(scan, p, n, r, &line);
        if (got != H1_DONE) {
            return got;
        }
    }
    const struct h1_limits limits = {LIMIT_HEADER_LINE_MAX - 1, LIMIT_HEADERS_MAX, scan->headers};
    enum h1_result got = h1_lines_scan(scan, p, n, &limits);
    if (got == H1_MORE) {
        return H1_MORE;
    }
    if (line_done_before) {
        request_line_again(scan, p, r, &line);
    }
    if (got == H1_FAULT) {
        return refuse(r, FAULT_HEADERS_TOO_LARGE, line.desync);
    }
    r->head_bytes = scan->at;
    return head_read(r, p + scan->headers, p + scan->line_start, &line);
}
