/* SPDX-License-Identifier: Apache-2.0
 * The text files of curl and wget: one host per line. */
#include "hsts/hsts_int.h"

#include <time.h>

#include "text/text.h"

bool
hsts_word(struct str *rest, struct str *ret_word)
{
    size_t n = 0;
    while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
        *rest = str_sub(*rest, 1, rest->n);
    }
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t') {
        n++;
    }
    *ret_word = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->n);
    return n > 0;
}

uint64_t
hsts_add_s(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* ---- what both share ---- */

struct line {
    struct str host;
    struct hsts_entry entry; /* as far as the line says */
};

/* False: not a line of this format. */
typedef bool line_fn(struct str line, struct line *ret);

static bool
is_comment(struct str line)
{
    struct str trimmed = str_trim(line);
    return trimmed.n == 0 || trimmed.p[0] == '#';
}

static struct str
without_end(struct str line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\r') {
        line.n--;
    }
    return line;
}

static enum hsts_store_state
read_lines(struct hsts_query *q, size_t store, struct str bytes, line_fn *parse)
{
    for (struct str text; str_cut(&bytes, '\n', &text);) {
        struct line line = {.host = STR_NONE};
        size_t index;
        if (is_comment(text)) {
            continue;
        }
        if (!parse(without_end(text), &line)) {
            q->found->stores[store].damaged++;
        } else if (hsts_query_finds(q, line.host, &index)) {
            hsts_query_add(q, store, index, line.entry);
        }
    }
    return HSTS_STORE_READ;
}

static bool
same_host(struct str host, struct str name)
{
    if (host.n > 0 && host.p[host.n - 1] == '.') {
        host.n--;
    }
    return str_ieq(host, name);
}

static enum err
cut_lines(struct str bytes, struct str name, line_fn *parse, struct buf *out, size_t *ret_count)
{
    size_t count = 0;
    while (bytes.n > 0) {
        size_t end;
        bool ended = str_find_char(bytes, '\n', &end);
        struct str text = str_sub(bytes, 0, ended ? end : bytes.n);
        struct str whole = str_sub(bytes, 0, ended ? end + 1 : bytes.n);
        struct line line = {.host = STR_NONE};
        if (!is_comment(text) && parse(without_end(text), &line) && same_host(line.host, name)) {
            count++;
        } else {
            buf_add_str(out, whole);
        }
        bytes = str_sub(bytes, whole.n, bytes.n);
    }
    *ret_count = count;
    return ERR_OK;
}

/* ---- curl: [.]host "YYYYMMDD HH:MM:SS" ---- */

/* `n` digits off the front. */
static bool
take_number(struct str *rest, size_t n, int min, int max, int *ret)
{
    int64_t value;
    if (rest->n < n || !str_to_int_range(str_sub(*rest, 0, n), min, max, &value)) {
        return false;
    }
    *rest = str_sub(*rest, n, rest->n);
    *ret = (int)value;
    return true;
}

static bool
take_char(struct str *rest, char c)
{
    if (rest->n == 0 || rest->p[0] != c) {
        return false;
    }
    *rest = str_sub(*rest, 1, rest->n);
    return true;
}

static bool
curl_date(struct str text, uint64_t *ret_s)
{
    struct tm t = {0};
    int year, month;
    if (str_eq(text, STR("unlimited"))) {
        *ret_s = UINT64_MAX;
        return true;
    }
    if (!take_number(&text, 4, 1970, 9999, &year) || !take_number(&text, 2, 1, 12, &month) ||
        !take_number(&text, 2, 1, 31, &t.tm_mday) || !take_char(&text, ' ') ||
        !take_number(&text, 2, 0, 23, &t.tm_hour) || !take_char(&text, ':') ||
        !take_number(&text, 2, 0, 59, &t.tm_min) || !take_char(&text, ':') ||
        !take_number(&text, 2, 0, 60, &t.tm_sec) || text.n > 0) {
        return false;
    }
    t.tm_year = year - 1900;
    t.tm_mon = month - 1;
    *ret_s = (uint64_t)timegm(&t);
    return true;
}

static bool
curl_line(struct str text, struct line *ret)
{
    if (!hsts_word(&text, &ret->host)) {
        return false;
    }
    ret->entry.include_subdomains = take_char(&ret->host, '.');
    struct str date = str_trim(text);
    if (ret->host.n == 0 || date.n < 2 || date.p[0] != '"' || date.p[date.n - 1] != '"') {
        return false;
    }
    return curl_date(str_sub(date, 1, date.n - 2), &ret->entry.expiry_s);
}

static enum hsts_store_state
curl_read(struct hsts_query *q, size_t store, struct str bytes)
{
    return read_lines(q, store, bytes, curl_line);
}

static enum err
curl_cut(struct str bytes, struct str name, struct buf *out, size_t *ret_count,
         struct errinfo *reterr)
{
    (void)reterr; /* lines that are not understood stay */
    return cut_lines(bytes, name, curl_line, out, ret_count);
}

const struct hsts_format hsts_curl_format = {curl_read, curl_cut};

/* ---- wget: host, port, subdomains, created, max-age ---- */

enum { WGET_NUMBERS = 4 };

/* wget writes 0 for the default port and looks http's 80 up as 0; an entry of 443 is read as 0, one
 * of 80 is never found [tried with 1.21.3]. */
static void
set_wget_port(struct hsts_entry *e, uint64_t port)
{
    e->port = port == 0 || port == 443 ? 80 : (uint16_t)port;
    e->state = port == 80 ? HSTS_ENTRY_UNSET : HSTS_ENTRY_SET;
}

static bool
wget_line(struct str text, struct line *ret)
{
    uint64_t numbers[WGET_NUMBERS];
    struct str word;
    if (!hsts_word(&text, &ret->host)) {
        return false;
    }
    for (size_t i = 0; i < WGET_NUMBERS; i++) {
        if (!hsts_word(&text, &word) || !str_to_u64(word, &numbers[i])) {
            return false;
        }
    }
    if (numbers[0] > UINT16_MAX || numbers[1] > 1) {
        return false;
    }
    ret->entry.include_subdomains = numbers[1] == 1;
    ret->entry.observed_s = numbers[2];
    ret->entry.expiry_s = hsts_add_s(numbers[2], numbers[3]);
    set_wget_port(&ret->entry, numbers[0]);
    return true;
}

static enum hsts_store_state
wget_read(struct hsts_query *q, size_t store, struct str bytes)
{
    return read_lines(q, store, bytes, wget_line);
}

static enum err
wget_cut(struct str bytes, struct str name, struct buf *out, size_t *ret_count,
         struct errinfo *reterr)
{
    (void)reterr; /* lines that are not understood stay */
    return cut_lines(bytes, name, wget_line, out, ret_count);
}

const struct hsts_format hsts_wget_format = {wget_read, wget_cut};
