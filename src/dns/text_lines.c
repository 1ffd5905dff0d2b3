/* SPDX-License-Identifier: Apache-2.0
 * Text files of the system, line by line, with bounds on both. */
#include "dns/dns_int.h"

#include "base/assert.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

struct line_reader {
    struct text_lines *lines; /* borrowed */
    char line[LIMIT_DNS_HOSTS_LINE];
    size_t n;
    unsigned number;
};

static void
line_end(struct line_reader *r)
{
    r->number++;
    r->lines->fn(r->lines->context, (struct str){r->line, r->n}, r->number);
    r->n = 0;
}

static void
bytes_take(struct line_reader *r, struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        if (bytes.p[i] == '\n') {
            line_end(r);
        } else if (r->n < sizeof(r->line)) {
            r->line[r->n++] = bytes.p[i];
        }
    }
}

/* All of an open file that may be read. */
static void
file_take(struct text_lines *lines, FILE *from)
{
    struct line_reader r;
    r.lines = lines;
    r.n = r.number = 0;
    char bytes[4096];
    size_t left = lines->bytes_max;
    for (;;) {
        size_t n = fread(bytes, 1, sizeof(bytes), from);
        lines->cut = n > left;
        bytes_take(&r, (struct str){bytes, MIN_OF(n, left)});
        left -= MIN_OF(n, left);
        if (n < sizeof(bytes) || lines->cut) { /* its end, or an error */
            break;
        }
    }
    if (r.n > 0 && !lines->cut) {
        line_end(&r);
    }
}

enum err
text_lines_read(struct text_lines *lines, struct errinfo *reterr)
{
    lines->missing = lines->cut = false;
    FILE *from = fopen(lines->path, "re");
    if (from == NULL && errno == ENOENT) {
        lines->missing = true;
        return ERR_OK;
    }
    if (from == NULL) {
        return err_errno(reterr, "cannot open %s", lines->path);
    }
    file_take(lines, from);
    bool failed = ferror(from) != 0;
    enum err e = failed ? err_errno(reterr, "cannot read %s", lines->path) : ERR_OK;
    (void)fclose(from); /* it was only read */
    return e;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool
text_word(struct str *rest, struct str *ret_word)
{
    size_t at = 0;
    while (at < rest->n && is_blank(rest->p[at])) {
        at++;
    }
    size_t end = at;
    while (end < rest->n && !is_blank(rest->p[end])) {
        end++;
    }
    *ret_word = str_sub(*rest, at, end - at);
    *rest = str_sub(*rest, end, rest->n);
    return ret_word->n > 0;
}

/* The number of an interface's name, or the number that stands there; 0 when it is neither. */
static uint32_t
scope_find(struct str scope)
{
    char name[IF_NAMESIZE];
    uint64_t number = 0;
    if (str_to_u64(scope, &number) && number <= UINT32_MAX) {
        return (uint32_t)number;
    }
    return str_copy_z(scope, name, sizeof(name)) ? if_nametoindex(name) : 0;
}

bool
addr_parse_scoped(struct str text, uint16_t port, struct addr *ret_addr)
{
    size_t at;
    if (!str_find_char(text, '%', &at)) {
        return addr_parse(text, port, ret_addr);
    }
    struct addr addr;
    if (!addr_parse(str_sub(text, 0, at), port, &addr) || !addr_is_v6(&addr)) {
        return false;
    }
    addr.in6.sin6_scope_id = scope_find(str_sub(text, at + 1, text.n));
    if (addr.in6.sin6_scope_id == 0) {
        return false;
    }
    *ret_addr = addr;
    return true;
}
