/* SPDX-License-Identifier: Apache-2.0
 * What people and programs are told when everything serves. */
#include "role/supervisor_int.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/diag.h"
#include "base/mem.h"

enum { URLS_SHOWN_MAX = 4 };

static bool
same_listener(const struct listen_entry *a, const struct listen_entry *b)
{
    return a->slot == b->slot;
}

/* Each listener once, at its first address. */
static bool
is_first(const struct listen_plan *plan, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (same_listener(&plan->entries[i], &plan->entries[at])) {
            return false;
        }
    }
    return true;
}

static bool
is_https(const struct listen_entry *e)
{
    return str_eq(str_of(e->protocol), STR("HTTPS"));
}

static void
add_url(const struct supervisor *s, const struct listen_entry *e, struct buf *out)
{
    unsigned port = addr_port(&e->addr);
    buf_addf(out, "%s://%s.%s", is_https(e) ? "https" : "http", e->name, s->options->domain);
    if (port != (is_https(e) ? 443U : 80U)) {
        buf_addf(out, ":%u", port);
    }
}

/* curl and browsers take every name under localhost for 127.0.0.1 or ::1; else curl must be told.
 */
static bool
resolves_alone(const struct supervisor *s, const struct listen_entry *e)
{
    struct addr v4;
    struct addr v6;
    bool parsed = addr_parse(STR("127.0.0.1"), addr_port(&e->addr), &v4) &&
                  addr_parse(STR("::1"), addr_port(&e->addr), &v6);
    ASSERT(parsed);
    struct str domain = str_of(s->options->domain);
    return (addr_eq(&e->addr, &v4) || addr_eq(&e->addr, &v6)) &&
           (str_eq(domain, STR("localhost")) || str_ends(domain, STR(".localhost")));
}

static void
add_curl(const struct supervisor *s, const struct listen_entry *e, struct buf *out)
{
    buf_add_z(out, "curl ");
    if (is_https(e)) {
        buf_addf(out, "--cacert %s/%s ", s->options->state_dir, STATE_CA_FILE);
    }
    if (!resolves_alone(s, e)) {
        char ip[ADDR_TEXT];
        (void)addr_text(&e->addr, ip);
        buf_addf(out,
                 addr_is_v6(&e->addr) ? "--resolve '%s.%s:%u:[%s]' " : "--resolve %s.%s:%u:%s ",
                 e->name, s->options->domain, addr_port(&e->addr), ip);
    }
    add_url(s, e, out);
    buf_add_char(out, '/');
}

/* The one to try: HTTPS before HTTP. */
static const struct listen_entry *
best_entry(const struct supervisor *s)
{
    for (size_t i = 0; i < s->plan.count; i++) {
        if (is_https(&s->plan.entries[i])) {
            return &s->plan.entries[i];
        }
    }
    return s->plan.count > 0 ? &s->plan.entries[0] : NULL;
}

static void
add_urls(const struct supervisor *s, bool colours, struct buf *out)
{
    size_t shown = 0;
    size_t more = 0;
    for (size_t i = 0; i < s->plan.count; i++) {
        if (!is_first(&s->plan, i)) {
            continue;
        }
        if (shown == URLS_SHOWN_MAX) {
            more++;
            continue;
        }
        buf_addf(out, "    %s", colours ? "\033[1;32m" : "");
        add_url(s, &s->plan.entries[i], out);
        buf_addf(out, "%s\n", colours ? "\033[0m" : "");
        shown++;
    }
    if (more > 0) {
        buf_addf(out, "    and %zu more: %s snapshot --state %s\n", more, s->program,
                 s->options->state_dir);
    }
}

void
ready_screen(const struct supervisor *s, bool colours, struct buf *out)
{
    const char *state = s->options->state_dir;
    const struct listen_entry *best = best_entry(s);
    buf_addf(out, "\nOpenALB %s is ready.\n", OPENALB_VERSION);
    if (best == NULL) {
        buf_add_z(
            out, "  There is no listener, so nothing is served: give a template with -f FILE.\n\n");
        return;
    }
    add_urls(s, colours, out);
    buf_add_z(out, "  Try it:   ");
    add_curl(s, best, out);
    buf_addf(out, "\n  Logs:     %s/s3/ (delivered every %u s)\n", state,
             s->options->log_interval_s);
    if (s->options->template_count > 0) {
        buf_addf(out, "  Change:   edit %s, then  %s reload --state %s\n",
                 s->options->template_files[0], s->program, state);
    }
    buf_addf(out, "  Look:     %s snapshot --state %s   (--failures: what went wrong)\n",
             s->program, state);
    buf_add_z(out, "  Stop:     Ctrl-C\n\n");
}

static json_t *
listeners_json(const struct supervisor *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->plan.count; i++) {
        const struct listen_entry *e = &s->plan.entries[i];
        char ip[ADDR_TEXT];
        AUTO(buf_free) struct buf url = {0};
        add_url(s, e, &url);
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:s}", "load_balancer",
                                                    e->name, "protocol", e->protocol, "address",
                                                    addr_text(&e->addr, ip), "port",
                                                    (int)addr_port(&e->addr), "url", url.p));
    }
    return list;
}

static json_t *
pids_json(const struct supervisor *s)
{
    json_t *pids = json_object();
    json_t *workers = json_array();
    json_t *targets = json_array();
    (void)json_object_set_new(pids, "supervisor", json_integer(getpid()));
    CHILDREN_FOR(c, s)
    {
        if (c->is_demo) {
            (void)json_array_append_new(targets, json_integer(c->pid));
        } else if (c->kind == ROLE_WORKER) {
            (void)json_array_append_new(workers, json_integer(c->pid));
        } else {
            (void)json_object_set_new(pids, role_name(c->kind), json_integer(c->pid));
        }
    }
    (void)json_object_set_new(pids, "workers", workers);
    (void)json_object_set_new(pids, "demo_targets", targets);
    return pids;
}

static int
add_json(const char *text, size_t n, void *out)
{
    buf_add(out, text, n);
    return 0;
}

void
ready_json(const struct supervisor *s, struct buf *out)
{
    json_t *root = json_pack("{s:b, s:I, s:s, s:o, s:o}", "ready", 1, "version",
                             (json_int_t)s->version, "state", s->options->state_dir, "listeners",
                             listeners_json(s), "pids", pids_json(s));
    /* Out of memory, or a name that is no UTF-8: the event must come anyway. */
    if (root == NULL || json_dump_callback(root, add_json, out, JSON_COMPACT) != 0) {
        buf_reset(out);
        buf_add_z(out, "{\"ready\":true}");
    }
    buf_add_char(out, '\n');
    json_decref(root);
}

static void
write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n <= 0) {
            diag_warn("nobody reads that we are ready");
            return;
        }
        text = str_sub(text, (size_t)n, text.n);
    }
}

void
ready_tell(struct supervisor *s)
{
    AUTO(buf_free) struct buf line = {0};
    AUTO(buf_free) struct buf screen = {0};
    const char *no_color = getenv("NO_COLOR");
    bool colours = isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
    ready_json(s, &line);
    ready_screen(s, colours, &screen);
    write_all(STDOUT_FILENO, s->options->json ? buf_str(&line) : buf_str(&screen));
    if (s->options->ready_fd > STDERR_FILENO) {
        write_all(s->options->ready_fd, buf_str(&line));
        (void)close(s->options->ready_fd); /* its end is part of the event */
    }
}
