/* SPDX-License-Identifier: Apache-2.0
 * The numbers of TLS and their names, from tables. */
#include "tls/flight_int.h"

struct named {
    uint16_t number;
    const char *name;
};

static const struct named alerts[] = {
#define ALERT(number, name) {number, name},
#include "tls/alerts.def"
#undef ALERT
};

static const struct named extensions[] = {
#define EXTENSION(number, NAME, name) {number, name},
#include "tls/extensions.def"
#undef EXTENSION
};

static const struct named versions[] = {
    {0x0002, "SSL 2.0"},   {TLS_V_SSL3, "SSL 3.0"}, {TLS_V_10, "TLS 1.0"},
    {TLS_V_11, "TLS 1.1"}, {TLS_V_12, "TLS 1.2"},   {TLS_V_13, "TLS 1.3"},
};

static const struct tls_suite suites[] = {
#define SUITE(number, name, exchange, aead, since, wide)                                           \
    {number, name, exchange, aead, since, wide},
#include "tls/suites.def"
#undef SUITE
};

static const struct {
    struct named id;
    bool wide;
} groups[] = {
#define GROUP(number, name, wide) {{number, name}, wide},
#include "tls/groups.def"
#undef GROUP
};

static const char *
name_in(const struct named *rows, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].number == number) {
            return rows[i].name;
        }
    }
    return NULL;
}

const char *
tls_alert_name(unsigned number)
{
    return name_in(alerts, COUNT_OF(alerts), number);
}

const char *
tls_extension_name(uint16_t number)
{
    return name_in(extensions, COUNT_OF(extensions), number);
}

const char *
tls_version_name(uint16_t number)
{
    return name_in(versions, COUNT_OF(versions), number);
}

const char *
tls_group_name(uint16_t number)
{
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (groups[i].id.number == number) {
            return groups[i].id.name;
        }
    }
    return NULL;
}

uint16_t
tls_group_wide_at(size_t index)
{
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (groups[i].wide && index-- == 0) {
            return groups[i].id.number;
        }
    }
    return 0;
}

const struct tls_suite *
tls_suite_at(size_t index)
{
    return index < COUNT_OF(suites) ? &suites[index] : NULL;
}

const struct tls_suite *
tls_suite_find(uint16_t number)
{
    for (size_t i = 0; i < COUNT_OF(suites); i++) {
        if (suites[i].number == number) {
            return &suites[i];
        }
    }
    return NULL;
}

const char *
tls_suite_name(uint16_t number)
{
    const struct tls_suite *s = tls_suite_find(number);
    return s == NULL ? NULL : s->name;
}

enum tls_exchange
tls_suite_exchange(uint16_t number)
{
    const struct tls_suite *s = tls_suite_find(number);
    return s == NULL ? TLS_EXCHANGE_OTHER : s->exchange;
}

bool
tls_suite_is_aead(uint16_t number)
{
    const struct tls_suite *s = tls_suite_find(number);
    return s != NULL && s->aead;
}

bool
tls_suite_is_modern(uint16_t number)
{
    const struct tls_suite *s = tls_suite_find(number);
    return s != NULL && s->aead && s->exchange != TLS_EXCHANGE_RSA &&
           s->exchange != TLS_EXCHANGE_OTHER;
}
