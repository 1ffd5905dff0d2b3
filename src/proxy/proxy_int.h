/* SPDX-License-Identifier: Apache-2.0
 * What the files of the proxy share: the objects of the data path and who owns them.
 *
 * worker  owns everything below; one per process.
 * config  one published configuration: matchers, TLS contexts, groups; counted.
 * client  one connection from a client; owns its request.
 * request one request and its answer; owns its arena and its connection to a target. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/rand.h"
#include "http/http.h"
#include "net/stream.h"
#include "proxy/proxy.h"
#include "rules/rules.h"
#include "targets/targets.h"

/* ---- spill: bytes that wait in memory for a socket or for the parser ---- */
enum {
    BLOCK_HEADROOM = 64, /* in front of a block's bytes, so that chunk framing goes in place */
    BLOCK_TAILROOM = 64,
    BLOCK_SMALL = 16 * 1024,
    BLOCK_LARGE = LIMIT_SCRATCH_BYTES + 64 * 1024,
};
struct spill {
    char *block; /* owned: from the worker's small or large blocks; NULL when empty */
    uint32_t begin, end;
    bool large;
};

/* ---- one direction of a body ---- */
struct flow {
    enum body_kind kind;   /* framing at the source */
    bool chunk_out;        /* framing at the sink: chunked, else as is */
    bool done;             /* all of it was taken from the source */
    uint64_t left;         /* BODY_LENGTH */
    uint64_t source_bytes; /* as received, framing included */
    struct h1_chunked chunked;
    struct body_pipe *pipe; /* owned: large plain bodies are spliced through it; else NULL */
};

/* ---- configuration ---- */
struct listener_run {
    const struct listener *listener; /* borrowed from the model */
    const struct load_balancer *load_balancer;
    struct matcher *matcher; /* owned */
    struct tls_server *tls;  /* owned reference; NULL on HTTP */
    struct board_listener *row;
};
struct config {
    uint32_t references;
    struct model *model; /* counted */
    struct listener_run *listeners;
    size_t listener_count;
    struct listener_run *by_slot[LIMIT_LISTENERS_MAX];
    struct group_run *groups; /* same index as in the model */
};

/* ---- worker ---- */
enum { SCRATCH_HEADROOM = 48 * 1024, SCRATCH_TAILROOM = 64 };
struct acceptor { /* a listening socket */
    struct list link;
    struct loop_io io;
    struct worker *worker;
    uint32_t listener_slot;
    struct addr local;
    bool any_address; /* bound to the unspecified address: ask each connection */
};
struct worker {
    struct loop *loop;
    struct board *board;
    struct board_worker *row;
    struct log_spool *spool; /* borrowed */
    const struct tls_ticket_keys *ticket_keys;
    int keys_dirfd;
    struct targets *targets;
    struct config *config; /* the current one; NULL before the first load */
    struct list acceptors;
    struct list clients;
    struct pool client_pool, request_pool, chunk_pool, small_blocks, large_blocks;
    struct pool pipe_pool;
    struct list pipes; /* body_pipe.link: free ones */
    size_t pipe_count; /* of the free ones */
    struct rand rand;
    struct timer tick;         /* log spool */
    struct timer cut_timer;    /* deregistration delays */
    struct timer accept_timer; /* accepting rests after an error */
    struct timer drain_timer;
    bool draining;
    void (*drain_done)(void *context);
    void *drain_context;
    char *scratch_block;       /* owned: headroom, scratch, tailroom */
    char *scratch;             /* where reads go */
    char *compose;             /* owned: heads and pages are written here */
    char *line;                /* owned: log lines */
    struct h1_request head;    /* of the request being parsed right now */
    struct h1_response answer; /* likewise */
    struct http_headers trailers;
};
enum { COMPOSE_BYTES = 160 * 1024 };

/* ---- client ---- */
enum client_state {
#define STATE(name, doing, next) CLIENT_##name,
#include "proxy/client_states.def"
#undef STATE
    CLIENT_STATE_COUNT
};
enum { CLIENT_MAGIC = 0x636c6e74, REQUEST_MAGIC = 0x72657173 };
struct request;
struct client {
    uint32_t magic;
    enum client_state state;
    struct worker *worker;
    struct list link;
    struct loop_io io;
    struct stream stream;
    struct timer timer;    /* whatever the state waits for */
    struct deferred again; /* goes on in the next turn */
    uint32_t listener_slot;
    uint16_t port;   /* of the listener */
    bool secure;     /* HTTPS listener */
    bool closing;    /* no further request after this one */
    bool asked_once; /* a request was served before */
    bool keep_alive_over;
    struct addr peer, node;
    uint8_t trace_id[16];
    uint32_t idle_timeout_s; /* of the load balancer, at accept */
    uint64_t keep_alive_until_us;
    uint64_t head_us, head_wall_us; /* first byte of the current head */
    struct h1_scan scan;
    struct spill in;  /* read, not parsed yet */
    struct spill out; /* to be sent */
    struct tls_info tls;
    struct request *request; /* owned; while BUSY */
    enum end_reason end;     /* with CLOSED */
    int end_code;            /* errno, or an alert with its sign turned */
    bool cut;                /* an answer broke off: the peer must see a reset */
    bool linger;             /* unread bytes may be in the socket */
    char end_detail[FAILURE_DETAIL];
};

/* ---- request ---- */
enum request_state {
#define STATE(name, doing, timer, next) REQUEST_##name,
#include "proxy/request_states.def"
#undef STATE
    REQUEST_STATE_COUNT
};
struct request {
    uint32_t magic;
    enum request_state state;
    struct client *client;         /* its owner */
    struct config *config;         /* counted: kept from the beginning to the end */
    struct listener_run *listener; /* of that configuration */
    struct arena arena;
    /* the request as log and actions need it; strings in the arena */
    struct str method, host, host_port, path, query, uri, version_text, user_agent, trace_id;
    enum http_method method_id;
    enum http_version version;
    enum desync_class desync_class;
    enum desync_reason desync_reason;
    bool client_keep_alive;
    bool single;                 /* Ambiguous: both connections end with this request */
    bool continue_due;           /* 100 Continue is to be sent */
    bool malformed;              /* refused by the parser: logged as it can be */
    bool body_given_up;          /* the rest of the request's body no longer matters */
    const struct rule *rule;     /* NULL: the default action */
    const struct action *action; /* NULL: not decided, refused before */
    struct str redirect_url;
    /* towards the target */
    struct flow body;
    struct str head;           /* as sent to the target; in the arena */
    struct target_run *target; /* counted; NULL: none chosen */
    struct target_conn *conn;  /* owned */
    struct spill to_target;
    bool dispatched; /* the head went out */
    bool retried;
    /* the answer */
    struct h1_scan answer_scan;
    struct spill from_target;
    struct flow answer;
    unsigned status, target_status;
    bool answer_started; /* bytes of a final answer went to the client */
    bool target_keep_alive;
    /* for the log */
    uint64_t start_us, start_wall_us, sent_us, answer_us;
    uint64_t head_bytes, sent_bytes, body_sent; /* sent: to the client; body_sent: to the target */
    size_t line_bytes;                          /* of the log line that was written; 0: none */
    bool line_lost;                             /* the spool could not take it */
    enum end_reason end;
    int end_code;
    const char *end_detail; /* static; NULL: none */
};

/* What a state function tells its driver. */
enum step {
    STEP_ON,   /* the state changed or more can be done now */
    STEP_WAIT, /* an event or a timer must come first */
    STEP_DONE, /* this machine is over */
};

/* worker.c, config.c */
struct config *config_ref(struct config *c);
void config_unref(struct config **c);
enum err config_new(struct worker *w, struct model *m, struct config **ret_config,
                    struct errinfo *reterr);
uint64_t config_retire(struct config *c); /* when in-flight requests must be cut; 0: never */

/* client.c */
void client_accept(struct worker *w, const struct acceptor *a, int fd, const struct addr *peer);
void client_drain(struct client *c);
void client_cut_if_due(struct client *c);
void client_abort(struct client *c, enum end_reason end); /* now, whatever it does */
void client_wake(void *client);                           /* target_conn_fn */

/* request.c */
/* A new request for a parsed head (w->head) or a faulty one (fault set). NULL: no memory. */
struct request *request_new(struct client *c);
void request_refuse(struct request *r, enum end_reason end, int code, const char *detail);
enum step request_run(struct request *r);
void request_timeout(struct request *r);
void request_free(struct request **r);
const char *request_doing(const struct request *r);

/* finish.c */
/* The line is written before the last bytes of an answer are sent: a client that has read the whole
 * answer finds it in the log even if this worker is killed in the very next moment. */
void request_log_early(struct request *r, enum end_reason end, uint64_t sent_bytes);
void request_log_retract(struct request *r); /* the last bytes were not taken */
void request_log(struct request *r);
void client_count_end(struct client *c);

/* heads.c: pure */
struct forward_head {
    const struct h1_request *request;
    const struct addr *peer;
    struct str lb_dns_name;
    uint16_t port; /* listener port */
    bool secure;
    bool close;          /* Connection: close */
    struct str trace_id; /* the header's whole value, from trace_id_make */
};
/* False: X-Forwarded-For holds more than 30 addresses. o->full: it did not fit. */
bool forward_head_write(struct out *o, const struct forward_head *f);
/* The value of X-Amzn-Trace-Id for the target [ALB: data-plane 5.3]. */
void trace_id_make(struct out *o, const struct http_headers *h, uint64_t wall_us, struct rand *r);
struct answer_head {
    const struct h1_response *response;
    enum http_version client_version;
    bool chunked; /* Transfer-Encoding: chunked towards the client */
    bool length;  /* Content-Length towards the client */
    bool keep_alive;
};
void answer_head_write(struct out *o, const struct answer_head *a);
void trailers_write(struct out *o, const struct http_headers *trailers);

/* relay.c */
bool spill_add(struct worker *w, struct spill *s, const char *p, size_t n); /* false: no memory */
static inline size_t
spill_size(const struct spill *s)
{
    return s->block == NULL ? 0 : (size_t)(s->end - s->begin);
}
static inline char *
spill_data(const struct spill *s)
{
    return s->block + s->begin;
}
void spill_drop(struct worker *w, struct spill *s, size_t n); /* n bytes from the front were used */
/* The same in two steps: what was passed stays readable until the spill is trimmed or added to. */
void spill_pass(struct spill *s, size_t n);
void spill_trim(struct worker *w, struct spill *s); /* frees an empty one */
void spill_free(struct worker *w, struct spill *s);
/* Sends what waits. IO_DONE: nothing waits any more. */
enum io spill_flush(struct worker *w, struct spill *s, struct stream *sink);
/* Sends or spills. IO_DONE: sent or spilled; IO_FAIL: the stream broke; IO_EOF: no memory. */
enum io relay_send(struct worker *w, struct stream *sink, struct spill *spill, const char *p,
                   size_t n);

enum pump {
    PUMP_SOURCE, /* the source has no more now */
    PUMP_SINK,   /* the sink takes no more now */
    PUMP_DONE,   /* the body is complete and handed to the sink */
    PUMP_BUDGET, /* enough for this turn */
    PUMP_SOURCE_EOF,
    PUMP_SOURCE_FAIL,
    PUMP_SINK_FAIL,
    PUMP_FAULT, /* malformed chunked coding */
    PUMP_MEMORY,
};
struct pump_path {
    struct flow *flow;
    struct stream *source;
    struct spill *source_spill;
    struct stream *sink;
    struct spill *sink_spill;
    uint64_t *sent_bytes;
    /* Called before the last bytes of the message are offered to the sink (n of them are not in
     * *sent_bytes yet), and when it did not take them all. NULL: nobody wants to know. */
    void (*last)(void *context, size_t n);
    void (*not_last)(void *context);
    void *context;
    bool moved; /* result: something was read or written */
};
enum pump relay_pump(struct worker *w, struct pump_path *path);
void path_last(struct pump_path *path, size_t n); /* when the flow is done: tells path->last */
void path_not_last(struct pump_path *path);
/* Takes body bytes at p (with headroom and tailroom around) through the flow, puts `head` in front,
 * and sends all in one go. *ret_used: how many of the n bytes belonged to the body. */
enum pump relay_first(struct worker *w, struct pump_path *path, struct str head, char *p, size_t n,
                      size_t headroom, size_t *ret_used);
void flow_init(struct flow *f, enum body_kind kind, uint64_t length, bool chunk_out);
void flow_done(struct worker *w, struct flow *f);

/* splice.c */
/* True when the rest of the body goes through a pipe: long, plain on both sides, nothing spilled.
 */
bool splice_begin(struct worker *w, const struct pump_path *path);
enum pump splice_pump(struct pump_path *path);
bool splice_holds(const struct flow *flow); /* bytes on their way in the pipe */
void splice_release(struct worker *w, struct flow *flow);
void splice_done(struct worker *w); /* closes the free pipes */
size_t splice_pipe_bytes(void);     /* object size for the pool */
