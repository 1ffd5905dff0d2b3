/* SPDX-License-Identifier: Apache-2.0
 * Probes of health checks: one GET on a fresh connection each [ALB: target group health checks]. */
#include "client/client.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct health_probe {
    struct list link;             /* in the client's list of idle or active probes */
    struct health_client *client; /* borrowed: its owner */
    CURL *easy;                   /* owned */
    struct loop_io io;            /* our own duplicate of libcurl's socket, while it waits */
    curl_socket_t socket;         /* libcurl's, while it waits */
    health_probe_fn *fn;
    void *context; /* borrowed from the caller */
    enum protocol protocol;
    bool connected; /* libcurl has waited for bytes of the target */
    size_t head_bytes;
    size_t body_bytes;
    bool enough;      /* we stopped reading: the body is longer than we look at */
    int socket_errno; /* why there is no socket we can wait for; 0: there is */
    char error[CURL_ERROR_SIZE];
    char detail[CURL_ERROR_SIZE];
};

struct health_client {
    struct loop *loop;          /* borrowed */
    CURLM *multi;               /* owned */
    struct curl_slist *headers; /* owned: the same for all */
    struct timer timer;         /* libcurl's next deadline */
    struct deferred kick;       /* libcurl's deadline is now */
    struct list idle;           /* owned probes, last used first */
    struct list active;         /* owned probes in flight */
    size_t made;
    size_t active_count;
};

/* With the Host that libcurl writes (address, port unless it is the protocol's default) this is the
 * whole request [ALB: health check requests]; "Accept:" takes libcurl's own out. */
static const char *const request_headers[] = {
    "User-Agent: ELB-HealthChecker/2.0",
    "Connection: close",
    "Accept-Encoding: gzip, compressed",
    "Accept:",
};

/* What the 2016-08 and the TLS 1.3 policy allow towards targets below TLS 1.3; security level 0
 * because old targets are as welcome as any [ALB: TLS to targets]. */
static const char cipher_list[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256:"
    "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-SHA384:"
    "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:AES128-GCM-SHA256:"
    "AES128-SHA256:AES128-SHA:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:@SECLEVEL=0";

/* Options that never change. */
static const struct {
    CURLoption option;
    long value;
} fixed_options[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_HTTPGET, 1},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_FRESH_CONNECT, 1},
    {CURLOPT_FORBID_REUSE, 1},
    {CURLOPT_SSL_VERIFYPEER, 0},
    {CURLOPT_SSL_VERIFYHOST, 0},
    {CURLOPT_SSL_ENABLE_ALPN, 0},
    {CURLOPT_SSL_SESSIONID_CACHE, 0},
    {CURLOPT_BUFFERSIZE, 16 * 1024},
};

/* What libcurl's codes mean for a health check; the others are INTERNAL. */
static const struct {
    CURLcode code;
    enum health_outcome outcome;
} outcome_of_code[] = {
    {CURLE_OK, HEALTH_OUTCOME_ANSWERED},
    {CURLE_OPERATION_TIMEDOUT, HEALTH_OUTCOME_TIMEOUT},
    {CURLE_COULDNT_CONNECT, HEALTH_OUTCOME_CONNECT_FAILED},
    {CURLE_SSL_CONNECT_ERROR, HEALTH_OUTCOME_TLS_FAILED},
    {CURLE_SSL_CERTPROBLEM, HEALTH_OUTCOME_TLS_FAILED},
    {CURLE_PEER_FAILED_VERIFICATION, HEALTH_OUTCOME_TLS_FAILED},
    {CURLE_SSL_CLIENTCERT, HEALTH_OUTCOME_TLS_FAILED},
    {CURLE_RECV_ERROR, HEALTH_OUTCOME_RESET},
    {CURLE_SEND_ERROR, HEALTH_OUTCOME_RESET},
    {CURLE_GOT_NOTHING, HEALTH_OUTCOME_CLOSED},
    {CURLE_PARTIAL_FILE, HEALTH_OUTCOME_CLOSED},
    {CURLE_UNSUPPORTED_PROTOCOL, HEALTH_OUTCOME_MALFORMED},
    {CURLE_WEIRD_SERVER_REPLY, HEALTH_OUTCOME_MALFORMED},
    {CURLE_BAD_CONTENT_ENCODING, HEALTH_OUTCOME_MALFORMED},
    {CURLE_FILESIZE_EXCEEDED, HEALTH_OUTCOME_MALFORMED},
    {CURLE_WRITE_ERROR, HEALTH_OUTCOME_MALFORMED},
    {CURLE_OUT_OF_MEMORY, HEALTH_OUTCOME_MALFORMED}, /* what it says of an endless header line */
};

const char *
health_outcome_text(enum health_outcome o)
{
    static const char *const texts[] = {
#define PROBE_OUTCOME(name, text, reason) text,
#include "client/probe_outcomes.def"
#undef PROBE_OUTCOME
    };
    ASSERT(o < HEALTH_OUTCOME_COUNT);
    return texts[o];
}

/* ---- what libcurl calls ---- */

/* Counts header lines too, so that a target that never ends its head is stopped. */
static size_t
head_arrived(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    struct health_probe *probe = context;
    probe->head_bytes += size * count;
    return probe->head_bytes <= LIMIT_RESPONSE_HEADERS_MAX ? size * count : 0;
}

static size_t
body_arrived(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    struct health_probe *probe = context;
    probe->body_bytes += size * count;
    probe->enough = probe->body_bytes > LIMIT_HEALTH_BODY_MAX;
    return probe->enough ? 0 : size * count;
}

static curl_socket_t
socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose; /* only ever a connection to a target */
    struct health_probe *probe = context;
    int type = address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int fd = socket(address->family, type, address->protocol);
    probe->socket_errno = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void
probe_unwatch(struct health_probe *probe)
{
    if (probe->io.watched) {
        loop_io_forget(probe->client->loop, &probe->io);
        close(probe->io.fd);
    }
}

static void client_collect(struct health_client *client);

static void
probe_event(struct loop_io *io, uint32_t events)
{
    struct health_probe *probe = CONTAINER_OF(io, struct health_probe, io);
    struct health_client *client = probe->client;
    int mask = 0;
    mask |= (events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
    mask |= (events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
    mask |= (events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
    int running = 0;
    CURLMcode rc = curl_multi_socket_action(client->multi, probe->socket, mask, &running);
    ASSERT(rc == CURLM_OK);
    client_collect(client);
}

/* Watches a duplicate: libcurl 7.88 may close its socket before it says that it no longer waits,
 * and the loop must be told before. */
static void
probe_watch(struct health_probe *probe, curl_socket_t fd, uint32_t events)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0 && loop_io_watch(probe->client->loop, &probe->io, copy, events, probe_event)) {
        probe->socket = fd;
        return;
    }
    probe->socket_errno = errno; /* runs into its timeout, and the outcome is INTERNAL then */
    if (copy >= 0) {
        close(copy);
    }
}

/* libcurl says what it waits for; it wants level-triggered events. */
static int
socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    struct health_client *client = context;
    struct health_probe *probe = socket_context;
    if (probe == NULL) { /* first time for this socket */
        CURLcode rc = curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&probe);
        ASSERT(rc == CURLE_OK && probe != NULL);
        CURLMcode assigned = curl_multi_assign(client->multi, fd, probe);
        ASSERT(assigned == CURLM_OK);
    }
    probe_unwatch(probe);
    if (what != CURL_POLL_REMOVE) {
        probe->connected |= (what & CURL_POLL_IN) != 0; /* while it connects it waits for OUT */
        uint32_t events = (what & CURL_POLL_IN) != 0 ? EPOLLIN | EPOLLRDHUP : 0;
        events |= (what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0;
        probe_watch(probe, fd, events);
    }
    return 0;
}

static int
timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct health_client *client = context;
    timer_disarm(&client->timer);
    deferred_cancel(&client->kick);
    if (timeout_ms == 0) {
        loop_defer(client->loop, &client->kick);
    } else if (timeout_ms > 0) {
        timer_arm_in(client->loop, &client->timer, (uint64_t)timeout_ms * 1000);
    }
    return 0;
}

/* ---- results ---- */

static enum health_outcome
outcome_find(CURLcode code)
{
    for (size_t i = 0; i < COUNT_OF(outcome_of_code); i++) {
        if (outcome_of_code[i].code == code) {
            return outcome_of_code[i].outcome;
        }
    }
    return HEALTH_OUTCOME_INTERNAL;
}

static curl_off_t
info_off(CURL *easy, CURLINFO info)
{
    curl_off_t value = 0;
    (void)curl_easy_getinfo(easy, info, &value); /* stays 0 when unknown */
    return value;
}

static long
info_long(CURL *easy, CURLINFO info)
{
    long value = 0;
    (void)curl_easy_getinfo(easy, info, &value); /* stays 0 when unknown */
    return value;
}

/* libcurl 7.88 reports chunks that it cannot read as it reports a broken connection, but without an
 * error of the system or of TLS: only its text tells. */
static bool
chunks_malformed(const struct health_probe *probe, CURLcode code)
{
    return code == CURLE_RECV_ERROR && strstr(probe->error, "chunked-encoding") != NULL;
}

static enum health_outcome
outcome_judge(const struct health_probe *probe, CURLcode code)
{
    if (probe->enough) {
        return HEALTH_OUTCOME_ANSWERED;
    }
    enum health_outcome outcome = outcome_find(code);
    if (outcome != HEALTH_OUTCOME_ANSWERED && probe->socket_errno != 0) {
        return HEALTH_OUTCOME_INTERNAL;
    }
    if (chunks_malformed(probe, code)) {
        return HEALTH_OUTCOME_MALFORMED;
    }
    if (outcome == HEALTH_OUTCOME_CONNECT_FAILED &&
        info_long(probe->easy, CURLINFO_OS_ERRNO) == ETIMEDOUT) {
        return HEALTH_OUTCOME_TIMEOUT; /* the kernel gave up before we did */
    }
    return outcome;
}

/* What the probe was at when its time was up. */
static const char *
timeout_phase(const struct health_probe *probe)
{
    if (!probe->connected) {
        return "connection to target timed out";
    }
    if (probe->protocol == PROTOCOL_HTTPS &&
        info_off(probe->easy, CURLINFO_APPCONNECT_TIME_T) == 0) {
        return "TLS handshake timed out";
    }
    return probe->head_bytes == 0 ? "no response" : "the response did not end in time";
}

/* One sentence about it, in probe->detail. */
static void
detail_write(struct health_probe *probe, enum health_outcome outcome, CURLcode code)
{
    int number = probe->socket_errno;
    if (outcome == HEALTH_OUTCOME_CONNECT_FAILED) {
        number = (int)info_long(probe->easy, CURLINFO_OS_ERRNO);
    }
    const char *text = probe->error[0] != '\0' ? probe->error : curl_easy_strerror(code);
    if (outcome == HEALTH_OUTCOME_ANSWERED) {
        text = "";
    } else if (outcome == HEALTH_OUTCOME_TIMEOUT) {
        text = timeout_phase(probe);
    } else if (number != 0) {
        text = strerror(number);
    } else if (code == CURLE_OUT_OF_MEMORY || probe->head_bytes > LIMIT_RESPONSE_HEADERS_MAX) {
        text = "the response's headers are too large";
    }
    (void)snprintf(probe->detail, sizeof(probe->detail), "%s", text); /* a cut text will do */
}

/* Takes the probe out of libcurl's hands, and out of the loop's. */
static void
probe_retire(struct health_probe *probe)
{
    struct health_client *client = probe->client;
    CURLMcode rc = curl_multi_remove_handle(client->multi, probe->easy);
    ASSERT(rc == CURLM_OK);
    probe_unwatch(probe);
    list_remove(&probe->link);
    list_push_front(&client->idle, &probe->link);
    client->active_count--;
}

static void
probe_done(struct health_probe *probe, CURLcode code)
{
    enum health_outcome outcome = outcome_judge(probe, code);
    detail_write(probe, outcome, code);
    struct health_result result = {
        .outcome = outcome,
        .latency_us = (uint64_t)info_off(probe->easy, CURLINFO_TOTAL_TIME_T),
        .detail = probe->detail,
    };
    if (outcome == HEALTH_OUTCOME_ANSWERED) {
        result.code = (unsigned)info_long(probe->easy, CURLINFO_RESPONSE_CODE);
    }
    char detail[sizeof(probe->detail)]; /* the callback may start this very probe again */
    memcpy(detail, probe->detail, sizeof(detail));
    result.detail = detail;
    probe_retire(probe);
    probe->fn(probe->context, &result);
}

static void
client_collect(struct health_client *client)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(client->multi, &left); message != NULL;
         message = curl_multi_info_read(client->multi, &left)) {
        ASSERT(message->msg == CURLMSG_DONE);
        CURLcode code = message->data.result; /* the message dies with the handle's removal */
        struct health_probe *probe = NULL;
        CURLcode rc = curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&probe);
        ASSERT(rc == CURLE_OK && probe != NULL);
        probe_done(probe, code);
    }
}

static void
client_tick(struct health_client *client)
{
    int running = 0;
    CURLMcode rc = curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    ASSERT(rc == CURLM_OK);
    client_collect(client);
}

static void
client_timer(struct timer *t)
{
    client_tick(CONTAINER_OF(t, struct health_client, timer));
}

static void
client_kick(struct deferred *d)
{
    client_tick(CONTAINER_OF(d, struct health_client, kick));
}

/* ---- the client ---- */

enum err
health_client_warm_up(struct errinfo *reterr)
{
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (rc != CURLE_OK) {
        return err_set(reterr, ERR_CRYPTO, "cannot load libcurl: %s", curl_easy_strerror(rc));
    }
    /* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return err_errno(reterr, "cannot ignore SIGPIPE");
    }
    return ERR_OK;
}

enum err
health_client_new(struct loop *loop, struct health_client **ret_client, struct errinfo *reterr)
{
    CURLM *multi = curl_multi_init();
    if (multi == NULL) {
        return err_set(reterr, ERR_SYSTEM, "libcurl cannot make a multi handle");
    }
    struct health_client *client = xalloc(sizeof(*client));
    *client = (struct health_client){.loop = loop, .multi = multi};
    timer_init(&client->timer, client_timer);
    deferred_init(&client->kick, client_kick);
    list_init(&client->idle);
    list_init(&client->active);
    for (size_t i = 0; i < COUNT_OF(request_headers); i++) {
        struct curl_slist *longer = curl_slist_append(client->headers, request_headers[i]);
        if (longer == NULL) {
            health_client_free(&client);
            return err_set(reterr, ERR_NO_MEMORY, "libcurl cannot keep a header");
        }
        client->headers = longer;
    }
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_wanted); /* cannot fail */
    (void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    (void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    *ret_client = client;
    return ERR_OK;
}

static void
probes_free(struct list *probes)
{
    LIST_FOR_SAFE (node, probes) {
        struct health_probe *probe = CONTAINER_OF(node, struct health_probe, link);
        list_remove(node);
        xfree(probe);
    }
}

void
health_client_free(struct health_client **client)
{
    struct health_client *c = *client;
    if (c == NULL) {
        return;
    }
    LIST_FOR_SAFE (node, &c->active) {
        probe_retire(CONTAINER_OF(node, struct health_probe, link));
    }
    LIST_FOR (node, &c->idle) {
        curl_easy_cleanup(CONTAINER_OF(node, struct health_probe, link)->easy);
    }
    (void)curl_multi_cleanup(c->multi); /* fails only for a bad handle */
    curl_slist_free_all(c->headers);
    timer_remove(&c->timer);
    deferred_cancel(&c->kick);
    probes_free(&c->idle);
    xfree(c);
    *client = NULL;
}

size_t
health_client_active(const struct health_client *client)
{
    return client->active_count;
}

/* ---- probes ---- */

static CURLcode
set_long(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value);
}

/* All that is the same for every probe of this handle. */
static bool
easy_prepare(struct health_probe *probe)
{
    CURL *easy = probe->easy;
    CURLcode bad = CURLE_OK; /* libcurl's codes are not flags, but 0 stays 0 only if all are */
    for (size_t i = 0; i < COUNT_OF(fixed_options); i++) {
        bad |= set_long(easy, fixed_options[i].option, fixed_options[i].value);
    }
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, probe);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->error);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, probe->client->headers);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, head_arrived);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, probe);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, cipher_list);
    bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL); /* nothing is verified: read no files */
    bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return bad == CURLE_OK;
}

static struct health_probe *
probe_new(struct health_client *client)
{
    if (client->made == HEALTH_PROBES_MAX) {
        return NULL;
    }
    CURL *easy = curl_easy_init();
    if (easy == NULL) {
        return NULL;
    }
    struct health_probe *probe = xalloc(sizeof(*probe));
    *probe = (struct health_probe){.client = client, .easy = easy, .io.fd = -1};
    list_init(&probe->link);
    if (!easy_prepare(probe)) {
        curl_easy_cleanup(easy);
        xfree(probe);
        return NULL;
    }
    client->made++;
    return probe;
}

static struct health_probe *
probe_get(struct health_client *client)
{
    struct list *node = list_first(&client->idle);
    if (node == NULL) {
        return probe_new(client);
    }
    list_remove(node);
    return CONTAINER_OF(node, struct health_probe, link);
}

static bool
path_sendable(struct str path)
{
    if (path.n == 0 || path.p[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] <= ' ' || path.p[i] > '~') {
            return false;
        }
    }
    return true;
}

/* All that is this probe's own. */
static bool
easy_aim(struct health_probe *probe, const struct health_request *request)
{
    char address[ADDR_TEXT];
    char url[ADDR_TEXT + 16];
    (void)snprintf(url, sizeof(url), "%s://%s/",
                   request->protocol == PROTOCOL_HTTPS ? "https" : "http",
                   addr_port_text(&request->addr, address)); /* has room for both */
    char *path = xstrdup_str(request->path);
    long highest = request->tls13 ? CURL_SSLVERSION_MAX_TLSv1_3 : CURL_SSLVERSION_MAX_TLSv1_2;
    CURLcode bad = curl_easy_setopt(probe->easy, CURLOPT_URL, url);
    bad |= curl_easy_setopt(probe->easy, CURLOPT_REQUEST_TARGET, path);
    bad |= set_long(probe->easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    bad |= set_long(probe->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
    bad |= set_long(probe->easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_0 | highest);
    xfree(path);
    return bad == CURLE_OK;
}

enum err
health_probe_start(struct health_client *client, const struct health_request *request,
                   health_probe_fn *fn, void *context, struct health_probe **ret_probe,
                   struct errinfo *reterr)
{
    ASSERT(fn != NULL);
    ASSERT(request->timeout_ms > 0);
    if (!path_sendable(request->path)) {
        return err_set(reterr, ERR_INVALID,
                       "health check path \"%.*s\": must begin with '/' and be visible ASCII",
                       STR_ARG(request->path));
    }
    struct health_probe *probe = probe_get(client);
    if (probe == NULL) {
        return err_set(reterr, ERR_BUSY, "%u health checks are in flight already",
                       (unsigned)client->active_count);
    }
    probe->fn = fn;
    probe->context = context;
    probe->protocol = request->protocol;
    probe->head_bytes = 0;
    probe->body_bytes = 0;
    probe->connected = false;
    probe->enough = false;
    probe->socket_errno = 0;
    probe->error[0] = '\0';
    if (!easy_aim(probe, request) ||
        curl_multi_add_handle(client->multi, probe->easy) != CURLM_OK) {
        list_push_front(&client->idle, &probe->link);
        return err_set(reterr, ERR_SYSTEM, "libcurl refuses the health check's request");
    }
    list_push_back(&client->active, &probe->link);
    client->active_count++;
    *ret_probe = probe;
    return ERR_OK;
}

void
health_probe_cancel(struct health_probe **probe)
{
    if (*probe != NULL) {
        probe_retire(*probe);
        *probe = NULL;
    }
}
