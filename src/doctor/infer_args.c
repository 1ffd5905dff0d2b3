/* SPDX-License-Identifier: Apache-2.0
 * The arguments that a probe's result gives to sentences by itself. Values are the far end's raw
 * bytes: reports escape them. */
#include "base/assert.h"
#include "base/clock.h"
#include "doctor/infer_int.h"

#include <errno.h>
#include <stdio.h>

enum { BYTES_SHOWN = 48, HEX_SHOWN = 12 };

static bool
printable(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] > 0x7e) {
            return false;
        }
    }
    return n > 0;
}

/* The first line in quotes when it is text, else hex: `"HTTP/1.1 400 Bad Request"`, `15 03 03`. */
void
bytes_text(const struct bytes *b, char text[static BYTES_TEXT])
{
    size_t line = 0;
    while (line < b->n && line < BYTES_SHOWN && b->p[line] != '\r' && b->p[line] != '\n') {
        line++;
    }
    if (printable(b->p, line)) {
        (void)snprintf(text, BYTES_TEXT, "\"%.*s\"", (int)line, (const char *)b->p);
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < b->n && i < HEX_SHOWN; i++) {
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, i == 0 ? "%02x" : " %02x", b->p[i]);
    }
    if (b->n == 0) {
        (void)snprintf(text, BYTES_TEXT, "-");
    }
}

const char *
date_text(uint64_t unix_s, char text[static DATE_TEXT])
{
    struct civil c = clock_civil(unix_s * 1000000);
    (void)snprintf(text, DATE_TEXT, "%04d-%02u-%02u", (int)c.year, (unsigned)c.month % 100,
                   (unsigned)c.day % 100);
    return text;
}

static void
http_args(const struct http_seen *h, struct args *a)
{
    if (h->has_status) {
        args_setf(a, "status", "%u", h->status);
    }
    struct str server = http_seen_header(h, "server");
    if (server.p != NULL && server.n > 0) {
        args_set(a, "server", server);
    } else {
        args_say(a, "server", author_name(h->author));
    }
    if (h->has_status && args_get(a, "version").p == NULL) { /* without TLS */
        args_setf(a, "version", "HTTP/%u.%u", h->version_major, h->version_minor);
    }
    struct str location = http_seen_header(h, "location");
    if (location.p != NULL) {
        args_set(a, "location", location);
    }
}

static void
flight_args(const struct tls_flight *f, struct args *a)
{
    if (f->alert >= 0) {
        const char *name = tls_alert_name((unsigned)f->alert);
        args_setf(a, "alert", "%d", f->alert);
        args_set(a, "alert_name", str_of(name == NULL ? "?" : name));
    }
    if (f->kind == TLS_FLIGHT_SERVER_HELLO || f->kind == TLS_FLIGHT_HELLO_RETRY) {
        const char *suite = tls_suite_name(f->suite), *version = tls_version_name(f->version);
        const char *group = tls_group_name(f->group);
        args_setf(a, "suite", "%s", suite == NULL ? "?" : suite);
        args_setf(a, "version", "%s", version == NULL ? "?" : version);
        args_setf(a, "group", "%s", group == NULL ? "?" : group);
    }
}

static void
seen_args(const struct tls_seen *s, struct args *a)
{
    if (s->version != 0) {
        const char *version = tls_version_name(s->version), *suite = tls_suite_name(s->suite);
        args_set(a, "version", str_of(version == NULL ? "?" : version));
        args_set(a, "suite", str_of(suite == NULL ? s->cipher : suite));
    }
}

void
result_args(const struct result *r, struct args *a)
{
    _Static_assert((int)BYTES_TEXT >= (int)ADDR_TEXT, "one buffer serves both");
    char text[BYTES_TEXT];
    args_set(a, "probe", str_of(probe_name(r->probe)));
    if (r->at.sa.sa_family != 0) {
        args_set(a, "address", str_of(addr_port_text(&r->at, text)));
    }
    if (r->label[0] != '\0') {
        args_set(a, "server", str_of(r->label));
    }
    uint64_t end_us = r->first_us != 0 ? r->first_us : r->end_us;
    uint64_t took_us = end_us > r->start_us ? end_us - r->start_us : 0;
    args_setf(a, "ms", "%llu", (unsigned long long)(took_us / 1000));
    uint64_t whole_us = r->end_us > r->start_us ? r->end_us - r->start_us : 0;
    args_setf(a, "seconds", "%llu", (unsigned long long)((whole_us + 500000) / 1000000));
    if (r->got.n > 0) {
        bytes_text(&r->got, text);
        args_set(a, "bytes", str_of(text));
    }
    if (r->flight != NULL) {
        flight_args(r->flight, a);
    }
    if (r->seen != NULL) {
        seen_args(r->seen, a);
    }
    if (r->http != NULL) {
        http_args(r->http, a);
    }
}
