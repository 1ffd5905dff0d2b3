/* SPDX-License-Identifier: Apache-2.0
 * `openalb demo-target`: a small web server that shows each request as it received it. One process,
 * libmicrohttpd driven by our loop. */
#include "cli/cli.h"

#include "base/addr.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/demo_page.h"
#include "loop/loop.h"

#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    DEMO_BODY_MAX = 64 * 1024,      /* a longer body is read and refused with 413 */
    DEMO_CONNECTIONS_MAX = 1024,    /* the next ones wait in the kernel's queue */
    DEMO_IDLE_S = 600,              /* longer than any load balancer keeps an idle connection */
    DEMO_SLOW_MAX_MS = 3600 * 1000, /* --slow */
    DEMO_HEAD_BYTES = 256 * 1024,   /* more than any load balancer lets through */
    DEMO_FIELDS_MAX = 256,          /* more are not shown */
};

struct demo_options {
    struct addr listen;
    const char *name; /* borrowed from argv; NULL: "target-PORT" */
    uint32_t slow_ms;
};

struct demo {
    const struct demo_options *options;
    struct loop *loop;         /* owned */
    struct MHD_Daemon *daemon; /* owned */
    struct loop_io io;         /* the daemon's epoll set */
    struct timer timer;        /* the daemon's next deadline */
    struct deferred kick;      /* the daemon has more to do now */
    struct list exchanges;     /* owned, all of them */
    struct timer slow_timer;   /* the next exchange whose wait is over */
    uint64_t answered;
    char name[128];
    char address[ADDR_TEXT];
};

/* One request: from its first line to the end of its response. */
struct exchange {
    struct list link;
    struct demo *demo; /* borrowed */
    char *uri;         /* owned: as received */
    uint64_t body_bytes;
    bool begun;  /* the handler has seen it */
    bool waited; /* --slow has been obeyed */
    bool asleep; /* suspended until due_us */
    uint64_t due_us;
    struct MHD_Connection *connection; /* borrowed; only while asleep */
};

/* ---- answers ---- */

static enum MHD_Result
answer_send(struct MHD_Connection *connection, unsigned status, const char *type, struct str body)
{
    static const struct {
        const char *name, *value;
    } fields[] = {
        {MHD_HTTP_HEADER_SERVER, "openalb-demo-target/" OPENALB_VERSION},
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"},
    };
    /* libmicrohttpd copies the body and does not write to it, though the parameter is not const. */
    union {
        const char *in;
        void *out;
    } bytes = {.in = body.p};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.n, bytes.out, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO; /* closes the connection */
    }
    bool ok = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        ok &= MHD_add_response_header(response, fields[i].name, fields[i].value) == MHD_YES;
    }
    enum MHD_Result result = ok ? MHD_queue_response(connection, status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

struct field_list {
    struct demo_field fields[DEMO_FIELDS_MAX];
    size_t count;
};

static enum MHD_Result
field_add(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind; /* only header fields are asked for */
    struct field_list *list = context;
    if (list->count == COUNT_OF(list->fields)) {
        return MHD_NO;
    }
    list->fields[list->count++] =
        (struct demo_field){str_of(name), str_of(value == NULL ? "" : value)};
    return MHD_YES;
}

static void
peer_write(struct MHD_Connection *connection, char text[static ADDR_TEXT])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    text[0] = '\0';
    if (info != NULL && info->client_addr != NULL) {
        struct addr peer = addr_from_sockaddr(info->client_addr);
        (void)addr_port_text(&peer, text);
    }
}

typedef void write_fn(struct buf *out, const struct demo_view *v);

static void
health_write(struct buf *out, const struct demo_view *v)
{
    (void)v; /* always well while it runs */
    buf_add_z(out, "ok\n");
}

static const struct page {
    const char *path;
    write_fn *write;
    const char *type;
    unsigned status;
    bool at_once; /* --slow does not concern it */
} pages[] = {
    {"/", demo_page_write, "text/html; charset=utf-8", MHD_HTTP_OK, false},
    {"/json", demo_json_write, "application/json", MHD_HTTP_OK, false},
    {"/health", health_write, "text/plain; charset=utf-8", MHD_HTTP_OK, true},
};
static const struct page page_missing = {"", demo_page_write, "text/html; charset=utf-8",
                                         MHD_HTTP_NOT_FOUND, false};

static const struct page *
page_find(const char *path)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (strcmp(pages[i].path, path) == 0) {
            return &pages[i];
        }
    }
    return &page_missing;
}

static enum MHD_Result
exchange_answer(struct exchange *x, struct MHD_Connection *connection, const struct page *page,
                const char *method, const char *version)
{
    struct demo *d = x->demo;
    struct field_list list = {.count = 0};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, field_add,
                                    &list); /* their count */
    char peer[ADDR_TEXT];
    peer_write(connection, peer);
    struct demo_view view = {
        .target_name = str_of(d->name),
        .target_address = str_of(d->address),
        .peer_address = str_of(peer),
        .method = str_of(method),
        .uri = str_of(x->uri),
        .version = str_of(version),
        .fields = list.fields,
        .field_count = list.count,
        .body_bytes = x->body_bytes,
        .number = ++d->answered,
        .status = page->status,
    };
    struct buf AUTO(buf_free) body = {0};
    page->write(&body, &view);
    return answer_send(connection, page->status, page->type, buf_str(&body));
}

/* ---- --slow ---- */

static void
slow_arm(struct demo *d)
{
    uint64_t next_us = UINT64_MAX;
    LIST_FOR (node, &d->exchanges) {
        const struct exchange *x = CONTAINER_OF(node, struct exchange, link);
        next_us = x->asleep ? MIN_OF(next_us, x->due_us) : next_us;
    }
    if (next_us != UINT64_MAX) {
        timer_arm(d->loop, &d->slow_timer, next_us);
    }
}

static void
exchange_sleep(struct exchange *x, struct MHD_Connection *connection)
{
    struct demo *d = x->demo;
    x->waited = true;
    x->asleep = true;
    x->connection = connection;
    x->due_us = loop_now_us(d->loop) + (uint64_t)d->options->slow_ms * 1000;
    MHD_suspend_connection(connection);
    slow_arm(d);
}

/* Those whose wait is over; `all`: every one, because the daemon ends. */
static void
exchanges_wake(struct demo *d, bool all)
{
    LIST_FOR (node, &d->exchanges) {
        struct exchange *x = CONTAINER_OF(node, struct exchange, link);
        if (x->asleep && (all || x->due_us <= loop_now_us(d->loop))) {
            x->asleep = false;
            MHD_resume_connection(x->connection);
            x->connection = NULL;
        }
    }
}

/* ---- what libmicrohttpd calls ---- */

/* First of all, with the line as received: makes the exchange, which the other calls are given. */
static void *
uri_arrived(void *context, const char *uri, struct MHD_Connection *connection)
{
    (void)connection;
    struct demo *d = context;
    struct exchange *x = xalloc(sizeof(*x));
    x->demo = d;
    x->uri = xstrdup(uri);
    list_init(&x->link);
    list_push_back(&d->exchanges, &x->link);
    return x;
}

static void
exchange_over(void *context, struct MHD_Connection *connection, void **slot,
              enum MHD_RequestTerminationCode why)
{
    (void)context;
    (void)connection;
    (void)why;
    struct exchange *x = *slot;
    if (x == NULL) {
        return;
    }
    list_remove(&x->link);
    xfree(x->uri);
    xfree(x);
    *slot = NULL;
}

static enum MHD_Result
request_arrived(void *context, struct MHD_Connection *connection, const char *path,
                const char *method, const char *version, const char *body, size_t *body_size,
                void **slot)
{
    (void)body; /* only its size is told */
    struct demo *d = context;
    struct exchange *x = *slot;
    if (!x->begun) { /* the body comes with the next calls */
        x->begun = true;
        return MHD_YES;
    }
    if (*body_size > 0) {
        x->body_bytes += *body_size;
        *body_size = 0;
        return MHD_YES;
    }
    const struct page *page = page_find(path);
    if (d->options->slow_ms > 0 && !x->waited && !page->at_once) {
        exchange_sleep(x, connection);
        return MHD_YES;
    }
    if (x->body_bytes > DEMO_BODY_MAX) {
        return answer_send(connection, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain; charset=utf-8",
                           STR("the demo target takes bodies up to 64 KB\n"));
    }
    return exchange_answer(x, connection, page, method, version);
}

/* ---- turning ---- */

/* Lets the daemon do what it can, and asks when it wants to be called again. */
static void
demo_turn(struct demo *d)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    (void)MHD_run(d->daemon); /* its own errors end the connection concerned */
    timer_disarm(&d->timer);
    if (MHD_get_timeout(d->daemon, &wait_ms) != MHD_YES) {
        return; /* nothing but events */
    }
    if (wait_ms == 0) {
        loop_defer(d->loop, &d->kick);
    } else {
        timer_arm_in(d->loop, &d->timer, (uint64_t)wait_ms * 1000);
    }
}

static void
demo_event(struct loop_io *io, uint32_t events)
{
    (void)events; /* which connection it is, the daemon's own epoll set knows */
    demo_turn(CONTAINER_OF(io, struct demo, io));
}

static void
demo_timer(struct timer *t)
{
    demo_turn(CONTAINER_OF(t, struct demo, timer));
}

static void
demo_kick(struct deferred *k)
{
    demo_turn(CONTAINER_OF(k, struct demo, kick));
}

static void
demo_slow_timer(struct timer *t)
{
    struct demo *d = CONTAINER_OF(t, struct demo, slow_timer);
    exchanges_wake(d, false);
    slow_arm(d);
    demo_turn(d);
}

static void
demo_signal(void *context, int signal_number)
{
    (void)signal_number; /* each of them ends it */
    struct demo *d = context;
    loop_stop(d->loop, EXIT_OK);
}

/* ---- start and end ---- */

/* A listening socket; the port that was given in *addr if it was 0. */
static enum err
listen_open(struct addr *addr, int *ret_fd, struct errinfo *reterr)
{
    char text[ADDR_TEXT];
    int on = 1;
    socklen_t size = addr_len(addr);
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_errno(reterr, "cannot make a socket");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, &addr->sa, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, &addr->sa, &size) != 0) {
        enum err e = err_errno(reterr, "cannot listen on %s", addr_port_text(addr, text));
        close(fd);
        return e;
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err
daemon_start(struct demo *d, int listen_fd, struct errinfo *reterr)
{
    d->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_arrived, d,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)DEMO_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)DEMO_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)DEMO_HEAD_BYTES, MHD_OPTION_URI_LOG_CALLBACK,
        uri_arrived, d, MHD_OPTION_NOTIFY_COMPLETED, exchange_over, d, MHD_OPTION_END);
    if (d->daemon == NULL) {
        close(listen_fd);
        return err_set(reterr, ERR_SYSTEM, "libmicrohttpd cannot start");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    ASSERT(info != NULL);
    if (!loop_io_watch(d->loop, &d->io, info->epoll_fd, EPOLLIN, demo_event)) {
        return err_errno(reterr, "cannot watch libmicrohttpd's epoll set");
    }
    return ERR_OK;
}

/* SIGINT and SIGTERM end it; one that the parent ignores stays ignored. It also ends with its
 * parent. */
static enum err
life_bind(struct demo *d, struct errinfo *reterr)
{
    static const int endings[] = {SIGTERM, SIGINT};
    pid_t parent = getppid();
    TRY(loop_signals(d->loop, endings, COUNT_OF(endings), demo_signal, d, reterr));
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) {
        return err_errno(reterr, "cannot ask for the parent's death signal");
    }
    if (getppid() != parent) {
        loop_stop(d->loop, EXIT_OK); /* it died meanwhile */
    }
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? err_errno(reterr, "cannot ignore SIGPIPE")
                                               : ERR_OK;
}

static enum err
demo_start(struct demo *d, struct errinfo *reterr)
{
    struct addr addr = d->options->listen;
    int fd = -1;
    TRY(loop_new(&d->loop, reterr));
    TRY(life_bind(d, reterr));
    TRY(listen_open(&addr, &fd, reterr));
    TRY(daemon_start(d, fd, reterr));
    (void)addr_port_text(&addr, d->address);
    if (d->options->name != NULL) {
        (void)snprintf(d->name, sizeof(d->name), "%s", d->options->name); /* cut if too long */
    } else {
        (void)snprintf(d->name, sizeof(d->name), "target-%u", addr_port(&addr));
    }
    printf("listening on %s\n", d->address);
    return fflush(stdout) == 0 ? ERR_OK : err_errno(reterr, "cannot write to standard output");
}

static void
demo_end(struct demo *d)
{
    if (d->daemon != NULL) {
        exchanges_wake(d, true); /* the daemon refuses to stop over suspended ones */
        if (d->io.watched) {
            loop_io_forget(d->loop, &d->io);
        }
        MHD_stop_daemon(d->daemon);
    }
    timer_remove(&d->timer);
    timer_remove(&d->slow_timer);
    deferred_cancel(&d->kick);
    loop_free(&d->loop);
}

/* ---- command line ---- */

static const char usage[] =
    "usage: openalb demo-target --listen ADDRESS:PORT [--name NAME] [--slow MS]\n"
    "\n"
    "A small web server to stand behind a load balancer. It shows each request as it arrived:\n"
    "  /        a page          /json    the same for programs          /health  200 \"ok\"\n"
    "\n"
    "  --listen ADDRESS:PORT   where to listen; IPv6 in brackets; port 0: any free one\n"
    "  --name NAME             what it calls itself (default: target-PORT)\n"
    "  --slow MS               wait so long before each answer but /health's (default: 0)\n";

/* "127.0.0.1:9101" or "[::1]:9101". */
static bool
listen_parse(struct str text, struct addr *ret_addr)
{
    size_t colon;
    int64_t port;
    if (!str_rfind_char(text, ':', &colon) ||
        !str_to_int_range(str_sub(text, colon + 1, text.n), 0, 65535, &port)) {
        return false;
    }
    struct str ip = str_sub(text, 0, colon);
    if (str_starts(ip, STR("[")) && str_ends(ip, STR("]"))) {
        ip = str_sub(ip, 1, ip.n - 2);
    }
    return addr_parse(ip, (uint16_t)port, ret_addr);
}

static int
usage_fault(const char *what, const char *value)
{
    (void)fprintf(stderr, "openalb demo-target: %s%s%s%s\n\n%s", what,
                  value[0] != '\0' ? " \"" : "", value, value[0] != '\0' ? "\"" : "",
                  usage); /* nobody to tell if it fails */
    return EXIT_USAGE;
}

/* EXIT_OK: go on with *ret_options; -1: help was printed. */
static int
options_parse(int argc, char **argv, struct demo_options *ret_options)
{
    static const struct option known[] = {{"listen", required_argument, NULL, 'l'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"slow", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool listen_given = false;
    int64_t slow_ms = 0;
    optind = 1;
    for (int c = getopt_long(argc, argv, "", known, NULL); c != -1;
         c = getopt_long(argc, argv, "", known, NULL)) {
        switch (c) {
        case 'l':
            if (!listen_parse(str_of(optarg), &ret_options->listen)) {
                return usage_fault("--listen takes ADDRESS:PORT, not", optarg);
            }
            listen_given = true;
            break;
        case 'n': ret_options->name = optarg; break;
        case 's':
            if (!str_to_int_range(str_of(optarg), 0, DEMO_SLOW_MAX_MS, &slow_ms)) {
                return usage_fault("--slow takes milliseconds from 0 to 3600000, not", optarg);
            }
            break;
        case 'h': (void)fputs(usage, stdout); return -1;
        default: (void)fputs(usage, stderr); return EXIT_USAGE; /* getopt said what is wrong */
        }
    }
    ret_options->slow_ms = (uint32_t)slow_ms;
    if (optind < argc) {
        return usage_fault("does not know", argv[optind]);
    }
    return listen_given ? EXIT_OK : usage_fault("--listen is missing", "");
}

int
cmd_demo_target(int argc, char **argv)
{
    struct demo_options options = {0};
    int rc = options_parse(argc, argv, &options);
    if (rc != EXIT_OK) {
        return rc < 0 ? EXIT_OK : rc;
    }
    struct demo demo = {.options = &options, .io.fd = -1};
    struct errinfo info = {{0}};
    timer_init(&demo.timer, demo_timer);
    timer_init(&demo.slow_timer, demo_slow_timer);
    deferred_init(&demo.kick, demo_kick);
    list_init(&demo.exchanges);
    if (demo_start(&demo, &info) == ERR_OK) {
        rc = loop_run(demo.loop);
    } else {
        (void)fprintf(stderr, "openalb demo-target: %s\n", info.text); /* nobody to tell */
        rc = EXIT_FAULT;
    }
    demo_end(&demo);
    return rc;
}
