/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as values of every filter, matched against a line made of any bytes. */
#include "query/filter.h"

#include "base/assert.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint64_t now_us = UINT64_C(1790164800) * 1000000;

/* The first line of the input is a filter's number and value, the rest a log line. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = {(const char *)data, n}, value;
    struct errinfo info;
    uint64_t from = 0, to = 0;
    if (n == 0 || !str_cut(&rest, '\n', &value) || value.n == 0) {
        return 0;
    }
    size_t count = 0;
    while (query_filter_option(count) != NULL) {
        count++;
    }
    const struct query_filter_option *option =
        query_filter_option((unsigned char)value.p[0] % count);
    value = str_sub(value, 1, SIZE_MAX);
    if (query_span(value, now_us, &from, &to, &info) == ERR_OK) {
        ASSERT(to == 0 || from < to);
    }
    struct query_filter *f AUTO(query_filter_free) = query_filter_new();
    enum err e = query_filter_set(f, str_of(option->name), value, now_us, &info);
    ASSERT(e == ERR_OK || info.text[0] != '\0');
    struct log_line line;
    struct log_clock clock = {0};
    char *padded = xalloc(rest.n + LOG_READ_PAD);
    if (rest.n > 0) {
        memcpy(padded, rest.p, rest.n);
    }
    if (log_line_split(padded, rest.n, &line) == LOG_FAULT_NONE) {
        bool passes = query_filter_match(f, &line, &clock);
        ASSERT(passes || !query_filter_is_empty(f));
    }
    xfree(padded);
    return 0;
}
