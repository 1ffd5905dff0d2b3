/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: any bytes as a line. All splitters agree with the reading byte by byte, the fields
 * tile the line, and each decoder of values takes each field. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "log/read_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_inside(struct str part, struct str whole)
{
    ASSERT(part.p == NULL || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
    ASSERT(part.p != NULL || part.n == 0);
}

static void
check_line(const struct log_line *l)
{
    ASSERT(l->kind < LOG_KIND_COUNT);
    ASSERT(l->count <= LOG_FIELDS_MAX);
    ASSERT(l->begin[l->count] == l->n + 1);
    for (unsigned i = 0; i < l->count; i++) {
        ASSERT(l->begin[i] < l->begin[i + 1]);
        ASSERT(i == 0 || l->p[l->begin[i] - 1] == ' ');
        check_inside(log_line_raw(l, i), (struct str){l->p, l->n});
    }
}

static void
check_splitters(const char *p, size_t n)
{
    struct log_line wanted;
    bool good = log_split_carefully(p, n, false, &wanted) == LOG_FAULT_NONE &&
                wanted.count <= LOG_SPLIT_FIELDS_MAX &&
                !str_find((struct str){p, n}, STR("\\\""), NULL);
    const struct log_splitter *s;
    for (size_t i = 0; (s = log_splitter(i)) != NULL; i++) {
        struct log_line line;
        if (!s->usable()) {
            continue;
        }
        bool done = s->run(p, n, &line);
        ASSERT(done == good);
        ASSERT(!done ||
               (line.count == wanted.count &&
                memcmp(line.begin, wanted.begin, (line.count + 1) * sizeof(line.begin[0])) == 0));
    }
}

static void
check_request(struct str text)
{
    struct log_request r;
    log_request(text, &r);
    const struct str parts[] = {r.verb, r.url, r.version, r.scheme, r.host, r.path, r.query};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        check_inside(parts[i], text);
    }
    ASSERT(r.path.p == NULL || r.path.p[0] == '/');
    ASSERT(r.version.p == NULL || memchr(r.version.p, ' ', r.version.n) == NULL);
}

static void
check_values(struct str text)
{
    struct log_clock memo = {0};
    uint64_t first = 0;
    uint64_t again = 1;
    bool is_time = log_time(&memo, text, &first);
    ASSERT(log_time(&memo, text, &again) == is_time);
    ASSERT(!is_time || first == again);
    uint64_t us;
    if (log_seconds(text, &us)) {
        ASSERT(ascii_is_digit(text.p[0]));
    }
    ASSERT(log_status(text) <= 99999);
    ASSERT(log_number(text) == 0 || ascii_is_digit(text.p[0]));
    struct str ip;
    uint16_t port;
    if (log_peer(text, &ip, &port)) {
        check_inside(ip, text);
    }
    check_request(text);
    AUTO(buf_free) struct buf b = {0};
    log_unescape(&b, text);
    ASSERT(b.n <= text.n && (b.n > 0) == (text.n > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = MIN_OF(size, (size_t)LIMIT_LOG_READ_LINE_MAX);
    char *p = xalloc(n + LOG_READ_PAD);
    if (n > 0) {
        memcpy(p, data, n);
    }
    memset(p + n, '"', LOG_READ_PAD);
    struct log_line line;
    struct log_line again;
    enum log_fault fault = log_line_split(p, n, &line);
    check_line(&line);
    memset(p + n, ' ', LOG_READ_PAD); /* what is behind the line does not matter */
    ASSERT(log_line_split(p, n, &again) == fault);
    ASSERT(again.count == line.count && again.kind == line.kind);
    if (n > 0) {
        check_splitters(p, n);
    }
    for (unsigned i = 0; i < line.count; i++) {
        check_values(log_line_raw(&line, i));
    }
    check_values((struct str){p, n});
    (void)log_foreign((struct str){p, n}); /* must only come back */
    xfree(p);
    return 0;
}
