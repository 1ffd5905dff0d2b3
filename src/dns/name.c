/* SPDX-License-Identifier: Apache-2.0
 * Names as text, and the words for numbers of the protocol. */
#include "dns/dns_int.h"

#include "base/assert.h"

#include <stdio.h>

enum { LABEL_MAX = 63, HOST_NAME_MAX_BYTES = 253 };

/* ---- words for numbers ---- */

struct number_name {
    uint16_t number;
    const char *name;
};

static const struct number_name types[] = {
#define DNS_TYPE(name, number) {number, #name},
#include "dns/types.def"
#undef DNS_TYPE
};

static const struct number_name rcodes[] = {
#define DNS_RCODE(name, number) {number, #name},
#include "dns/rcodes.def"
#undef DNS_RCODE
};

static const struct number_name extended_errors[] = {
#define DNS_EXTENDED_ERROR(number, words) {number, words},
#include "dns/extended_errors.def"
#undef DNS_EXTENDED_ERROR
};

static const char *
number_find(const struct number_name *table, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].number == number) {
            return table[i].name;
        }
    }
    return NULL;
}

static const char *
number_text(const struct number_name *table, size_t count, uint16_t number, const char *prefix,
            char text[static DNS_NUMBER_TEXT])
{
    const char *name = number_find(table, count, number);
    if (name != NULL) {
        return name;
    }
    int n = snprintf(text, DNS_NUMBER_TEXT, "%s%u", prefix, number);
    ASSERT(n > 0 && n < DNS_NUMBER_TEXT);
    return text;
}

const char *
dns_type_name(uint16_t type, char text[static DNS_NUMBER_TEXT])
{
    return number_text(types, COUNT_OF(types), type, "TYPE", text);
}

const char *
dns_rcode_name(uint16_t rcode, char text[static DNS_NUMBER_TEXT])
{
    return number_text(rcodes, COUNT_OF(rcodes), rcode, "RCODE", text);
}

const char *
dns_extended_error_name(uint16_t code)
{
    return number_find(extended_errors, COUNT_OF(extended_errors), code);
}

const char *
dns_outcome_name(enum dns_outcome outcome)
{
    static const char *const words[] = {
#define DNS_OUTCOME(name, word) word,
#include "dns/outcomes.def"
#undef DNS_OUTCOME
    };
    ASSERT(outcome < DNS_OUTCOME_COUNT);
    return words[outcome];
}

/* ---- names ---- */

void
name_copy(char to[static DNS_NAME_TEXT], const char *name)
{
    bool fits = str_copy_z(str_of(name), to, DNS_NAME_TEXT);
    ASSERT(fits);
}

void
out_escaped(struct out *o, struct str bytes, const char *plain)
{
    for (size_t i = 0; i < bytes.n; i++) {
        char c = bytes.p[i];
        if (ascii_is_alnum(c) || (c != '\0' && strchr(plain, c) != NULL)) {
            out_char(o, c);
            continue;
        }
        unsigned value = (unsigned char)c;
        char escape[] = {'\\', (char)('0' + value / 100), (char)('0' + value / 10 % 10),
                         (char)('0' + value % 10)};
        out_bytes(o, escape, sizeof(escape));
    }
}

bool
name_from_wire(const uint8_t *wire, char text[static DNS_NAME_TEXT])
{
    struct out o = out_of(text, DNS_NAME_MAX);
    const uint8_t *label = wire;
    if (*label == 0) {
        out_char(&o, '.');
    }
    while (*label != 0) {
        ASSERT(*label <= LABEL_MAX); /* a pointer: the name would not be an uncompressed one */
        out_escaped(&o, (struct str){(const char *)label + 1, *label}, "-_*/");
        label += *label + 1;
        if (*label != 0) {
            out_char(&o, '.');
        }
    }
    *o.p = '\0';
    for (char *p = text; p < o.p; p++) {
        *p = ascii_lower(*p);
    }
    if (o.full) {
        text[0] = '\0';
    }
    return !o.full;
}

/* Without one dot at the end, unless it is the root. */
static struct str
name_trim(const char *name)
{
    struct str s = str_of(name);
    if (s.n > 1 && s.p[s.n - 1] == '.') {
        s.n--;
    }
    return s;
}

static bool
label_valid(struct str label)
{
    if (label.n == 0 || label.n > LABEL_MAX) {
        return false;
    }
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!ascii_is_alnum(c) && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}

bool
dns_name_valid(const char *name)
{
    struct str rest = name_trim(name), label;
    if (strcmp(name, ".") == 0) {
        return true;
    }
    if (rest.n == 0 || rest.n > HOST_NAME_MAX_BYTES || rest.p[rest.n - 1] == '.') {
        return false;
    }
    while (str_cut(&rest, '.', &label)) {
        if (!label_valid(label) && !str_eq(label, STR("*"))) {
            return false;
        }
    }
    return true;
}

bool
dns_name_eq(const char *a, const char *b)
{
    return str_ieq(name_trim(a), name_trim(b));
}

bool
dns_name_under(const char *name, const char *zone)
{
    struct str below = name_trim(name), above = name_trim(zone);
    if (str_eq(above, STR(".")) || str_ieq(below, above)) {
        return true;
    }
    if (below.n <= above.n || below.p[below.n - above.n - 1] != '.') {
        return false;
    }
    return str_ieq(str_sub(below, below.n - above.n, above.n), above);
}

const char *
dns_name_parent(const char *name)
{
    if (strcmp(name, ".") == 0) {
        return NULL;
    }
    const char *dot = strchr(name, '.'); /* dots inside of labels are escaped as \046 */
    return dot == NULL || dot[1] == '\0' ? "." : dot + 1;
}

const char *
dns_name_reverse(const struct addr *addr, char text[static DNS_NAME_TEXT])
{
    struct out o = out_of(text, DNS_NAME_MAX);
    if (addr_is_v6(addr)) {
        for (size_t i = 16; i-- > 0;) {
            uint8_t byte = addr->in6.sin6_addr.s6_addr[i];
            out_hex(&o, byte & 15, 1);
            out_char(&o, '.');
            out_hex(&o, byte >> 4, 1);
            out_char(&o, '.');
        }
        OUT_LIT(&o, "ip6.arpa");
    } else {
        uint8_t bytes[4];
        memcpy(bytes, &addr->in4.sin_addr, sizeof(bytes));
        for (size_t i = sizeof(bytes); i-- > 0;) {
            out_u64(&o, bytes[i]);
            out_char(&o, '.');
        }
        OUT_LIT(&o, "in-addr.arpa");
    }
    ASSERT(!o.full);
    *o.p = '\0';
    return text;
}
