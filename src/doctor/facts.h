/* SPDX-License-Identifier: Apache-2.0
 * The facts of a diagnosis: what was asked, what this machine is like, and what every probe saw.
 *
 * One diagnosis: question.c reads the command line into a `struct question`; the engine (engine.h)
 * runs probes and appends one `struct result` for each; inference (infer.h) reads the facts and
 * nothing else: no clock, no network, no file. save.h writes facts as a file and reads them back,
 * so that a diagnosis can be repeated anywhere.
 *
 * A result keeps raw bytes and times; what the bytes mean (`dns`, `flight`, `http`, `h2`) is worked
 * out by facts_digest() from these bytes alone, live and on replay by the same code. Only what is
 * seen through libssl (`seen`, `chain`) is stored as values. Bytes of the far end are never text:
 * they may hold anything, and reports escape them. */
#pragma once

#include "base/addr.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"
#include "dns/dns.h"
#include "doctor/http_seen.h"
#include "hsts/hsts.h"
#include "tls/flight.h"
#include "tls/observe.h"
#include "webconf/webconf.h"

enum layer {
#define LAYER(name, json, exit_code, title) LAYER_##name,
#include "doctor/layers.def"
#undef LAYER
    LAYER_COUNT
};

enum probe {
#define PROBE(id, name, layer, machine, keep, sentence) PROBE_##id,
#include "doctor/probes.def"
#undef PROBE
    PROBE_COUNT
};
const char *probe_name(enum probe p);     /* "H1" */
const char *probe_sentence(enum probe p); /* msgid */
enum layer probe_layer(enum probe p);
bool probe_find(struct str name, enum probe *ret_probe);

/* Whom a probe spoke with. */
enum side {
    SIDE_NONE,   /* nobody: this machine, or a resolver */
    SIDE_SITE,   /* an address of the URL's name, on the URL's port */
    SIDE_PORT,   /* an address of the URL's name, on port 443 or 80 (T2, C5, R5P) */
    SIDE_LB,     /* an address of the load balancer (--lb or its CNAME), on the URL's port */
    SIDE_TARGET, /* the web server behind (--target) */
    SIDE_HOP,    /* where a redirect led; `hop` counts from 1 */
    SIDE_PROXY,  /* the client's proxy */
    SIDE_COUNT
};
const char *side_name(enum side s); /* "site", "lb", ... as in saved files */

enum outcome {
    OUTCOME_OK,
    OUTCOME_FAIL,
    OUTCOME_TIMEOUT,
    OUTCOME_CANCELLED,
    OUTCOME_SKIPPED,
    OUTCOME_COUNT
};
const char *outcome_name(enum outcome o); /* the JSON enumeration: "ok", "fail", ... */

/* Why a probe was not run: names in JSON, sentences for people (msgids). */
enum skip {
    SKIP_NONE,
    SKIP_BUDGET,
    SKIP_NOT_NEEDED,
    SKIP_NO_ADDRESS,
    SKIP_NOT_ASKED,
    SKIP_UNREACHABLE,
    SKIP_PRIVATE,
    SKIP_NO_PERMISSION,
    SKIP_DECIDED,
    SKIP_COUNT
};
const char *skip_name(enum skip s);
const char *skip_text(enum skip s);

/* How a connection ended. */
enum finish {
    FINISH_NONE,  /* it never began, or the probe has no connection */
    FINISH_US,    /* we closed: all was seen, or the time was over */
    FINISH_FIN,   /* the far end closed */
    FINISH_RST,   /* the far end reset */
    FINISH_ERROR, /* another error; see `error` */
    FINISH_COUNT
};
const char *finish_name(enum finish f);

struct bytes {
    uint8_t *p; /* owned */
    size_t n;
};

/* D3 in short. Each question to a server of the zone is a result of its own besides (probe D3,
 * label = the server's name, dns = its answer); the summary's result has the label "". */
struct walk_server {
    char name[DNS_NAME_TEXT];
    bool has_addr, in_parent, in_child;
    struct addr addr;
    enum dns_server_state state;
};
struct walk_facts {
    enum dns_walk_outcome outcome;
    bool cut; /* the time was up with questions open */
    char zone[DNS_NAME_TEXT], parent[DNS_NAME_TEXT];
    bool parent_answered, child_answered, child_differs, serials_differ, soa_present;
    struct dns_name_set parent_ns, child_ns;
    struct walk_server servers[DNS_WALK_SERVERS_MAX];
    size_t server_count;
};

struct result {
    enum probe probe;
    enum side side;
    unsigned hop;    /* of R3 and its companions; else 0 */
    struct addr at;  /* the far end with port; sa_family 0 when there is none */
    char name[256];  /* the name asked for (D), sent as SNI and in Host (H, C, R); else "" */
    char label[128]; /* which resolver, server or proxy, for people; else "" */
    enum outcome outcome;
    enum skip skip;       /* with OUTCOME_SKIPPED */
    int error;            /* errno of connect, send or receive; EAI_* of D1, CA, X1; 0: none */
    unsigned syn_retries; /* the SYN had to be sent again so often */
    bool icmp;            /* an ICMP error was the reason */
    uint8_t icmp_type, icmp_code;
    enum finish finish;
    /* Since the run began, in microseconds; 0: it did not come to that. */
    uint64_t start_us, connected_us, sent_us, first_us, end_us;
    struct bytes sent;     /* plain HTTP, hello or DNS question; secrets are never in it */
    struct bytes got;      /* the first bytes back; inside TLS the plain text */
    uint64_t got_total;    /* how many came in all, kept or not */
    uint64_t got_at_us[2]; /* when the first and the last byte came */
    /* What the bytes mean: NULL when the probe has no such part. Owned. */
    struct dns_answer *dns;
    struct walk_facts *walk; /* D3: the summary, in the result whose label is "" */
    struct addr *addrs;      /* D1 */
    size_t addr_count;
    struct tls_flight *flight; /* H*, P2, X1 */
    struct tls_seen *seen;     /* probes through libssl */
    struct chain_facts *chain; /* probes through libssl */
    struct http_seen *http;    /* P1, R*, X1's answer to CONNECT */
    char *url;                 /* R3: the URL asked; owned */
    bool secrets_sent;         /* path, query, headers or cookies of the question went out */
    bool h2;                   /* R2: `got` is HTTP/2 frames */
};

/* ---- what was asked ---- */
enum scheme { SCHEME_HTTPS, SCHEME_HTTP };
enum { QUESTION_ADDRS_MAX = 16, QUESTION_HEADERS_MAX = 32 };

struct resolve_override { /* --resolve host:port:addr */
    char host[256];
    struct addr addr; /* with the port */
};

struct question {
    char *typed; /* owned: what the user typed */
    enum scheme scheme;
    bool scheme_given, port_given;
    bool websocket; /* ws:// or wss:// */
    char host[256]; /* ASCII, lower case, without a trailing dot; an address without brackets */
    char host_shown[256]; /* as typed; differs for names beyond ASCII */
    bool host_is_address;
    uint16_t port;
    char *path;     /* owned: path and query, begins with '/'; may be secret */
    char url[1024]; /* normalised, path and query left out: "https://host:port/" */
    int family;     /* AF_UNSPEC, AF_INET (-4), AF_INET6 (-6) */

    char lb_name[256];                        /* --lb NAME; else "" */
    struct addr lb_addrs[QUESTION_ADDRS_MAX]; /* --lb ADDRESS,... */
    size_t lb_addr_count;
    bool lb_given;
    struct addr target;  /* --target; sa_family 0: not given */
    char *server_config; /* owned; NULL: not given */

    struct resolve_override resolve[QUESTION_ADDRS_MAX];
    size_t resolve_count;
    struct addr dns[4]; /* --dns; else from resolv.conf */
    size_t dns_count;
    struct addr from; /* --from; sa_family 0: any */
    char *proxy;      /* owned: --proxy URL or "none"; NULL: the environment decides */
    char *ca_file, *client_cert, *client_key; /* owned */
    char *headers[QUESTION_HEADERS_MAX];      /* owned: -H and --cookie lines, secret */
    size_t header_count;
    enum tls_hello_profile profile; /* --as */

    uint64_t timeout_us, deadline_us;
    unsigned max_connections;
    bool all, fast, strict;
    unsigned checks;        /* bit per enum layer; all bits: everything */
    char browser_error[64]; /* normalised: "ERR_SSL_PROTOCOL_ERROR"; else "" */
    bool browser_state;
    char *browser_profile, *preload_list, *curl_hsts; /* owned; NULL: automatic */
    char log_account[16], log_region[32];             /* --account, --region; else "" */
    uint16_t authority_port;                          /* 53; other values for tests */
    char *hosts_file, *resolv_conf;                   /* owned; NULL: those of /etc */
};

/* ---- this machine ---- */
struct local_facts {
    bool known;          /* L1 has run */
    uint64_t wall_s;     /* the local clock when the run began, Unix seconds */
    bool clock_unsynced; /* the kernel says so */
    bool route4, route6; /* a route to somewhere beyond loopback exists */
    bool interface_up;   /* any interface besides loopback is up */
    char proxy[256];     /* that applies to this URL, without user and password; "" none */
    char proxy_from[32]; /* "--proxy", "https_proxy", ... */
    struct {
        char host[256];
        struct addr addr;
        unsigned line;
    } hosts[8]; /* hosts file, this name */
    size_t host_count;
    struct addr resolvers[4];
    size_t resolver_count;
    struct hsts_found *hsts;         /* owned; NULL: not looked */
    struct webconf_remarks *remarks; /* owned; NULL: no --server-config */
    char *config_error;              /* owned: --server-config could not be read; NULL */
};

/* ---- the load balancer's logs, where --access-log names some ---- */
enum { LOG_MARKS_MAX = 48, LOG_NAMES_MAX = 8, LOG_PATHS_MAX = 16, LOG_HANDSHAKES_MAX = 8 };

/* A line that a request of this diagnosis left in the access log, or its connection in the
 * connection log. The line is one of log/read.h; paths and queries in it are '*'. */
struct log_mark {
    enum probe probe; /* which asked, as the User-Agent says */
    enum side side;   /* SIDE_NONE: it does not say */
    char *file;       /* owned */
    uint64_t line;    /* from 1; 0: not known */
    char *text;       /* owned */
};

/* A name that lines or files bear, and how many do. */
struct log_name {
    char text[128];
    uint64_t count;
};
struct log_names {
    struct log_name items[LOG_NAMES_MAX];
    size_t count;
    uint64_t more; /* with further names */
};

struct log_seen {
    uint64_t looked_s;          /* Unix seconds */
    char *paths[LOG_PATHS_MAX]; /* owned: as given */
    size_t path_count;
    uint64_t files,
        old_files; /* read; left out, since their names end long before this diagnosis */
    uint64_t test_files, foreign_files, broken_files;
    uint64_t access_lines, connection_lines, health_lines, damaged_lines;
    uint64_t first_us, last_us;           /* Unix, of access lines; 0: there is none */
    uint64_t first_end_us, last_end_us;   /* of the intervals in the files' names; 0: none */
    bool growing;                         /* a file is one that is being written */
    struct log_names lbs;                 /* "app/NAME/ID", of access lines */
    struct log_names accounts, regions;   /* of the files' names */
    struct log_mark marks[LOG_MARKS_MAX]; /* in the order of the files */
    size_t mark_count;
    struct log_mark handshakes[LOG_HANDSHAKES_MAX]; /* of our address, in this diagnosis' time */
    size_t handshake_count;
    uint64_t failed_handshakes; /* of anybody, in this diagnosis' time */
};

/* ---- a bucket policy, where --bucket-policy names one ---- */
struct policy_asked {
    char *file;                               /* owned */
    struct bytes text;                        /* as read */
    char *bucket, *prefix, *account, *region; /* owned; prefix may be "" */
};

struct facts {
    char version[32];   /* of the doctor that ran the probes */
    char marker[40];    /* in the User-Agent of its requests */
    uint64_t started_s; /* Unix seconds */
    uint64_t elapsed_us;
    bool deadline_reached;
    bool replayed;
    struct question question;
    struct local_facts local;
    struct result *results; /* owned; in the order in which they ended */
    size_t count, cap;
    unsigned connections;        /* TCP connections opened to the URL's host */
    struct log_seen *log;        /* owned; NULL: no --access-log */
    struct policy_asked *policy; /* owned; NULL: no --bucket-policy */
};

/* An empty question with the defaults of all options; facts_init() does it, too. */
void question_init(struct question *q);
void question_done(struct question *q);
void facts_init(struct facts *f);
void facts_done(struct facts *f);
/* A new result at the end of the list; earlier pointers into the list become invalid. Beyond
 * LIMIT_DOCTOR_RESULTS the last element is overwritten. */
struct result *facts_add(struct facts *f);
void result_done(struct result *r);
/* Of logs and policies; they free what they have, never themselves. */
void log_seen_done(struct log_seen *l);
void policy_asked_done(struct policy_asked *p);
/* Works out dns, flight and http from the raw bytes; frees earlier ones. */
void facts_digest(struct result *r);

/* ---- asking ---- */
/* The finished result of this probe and side, or NULL: of several addresses of the site the one
 * that clients try first, else the first that ended; skipped and cancelled ones do not count.
 */
const struct result *facts_find(const struct facts *f, enum probe p, enum side s);
/* The same against one address (port included). */
const struct result *facts_find_at(const struct facts *f, enum probe p, enum side s,
                                   const struct addr *at);
/* The next one after `r` (NULL: the first) of this probe and side. */
const struct result *facts_next(const struct facts *f, const struct result *r, enum probe p,
                                enum side s);
/* The distinct addresses (with the URL's port) that the site's name leads to: --resolve, or D1, or
 * D2; at most max. The order is that of the system resolver. */
size_t facts_site_addrs(const struct facts *f, struct addr *ret, size_t max);
/* Addresses of the load balancer: --lb, or its name by D5, or a CNAME to a known suffix. */
size_t facts_lb_addrs(const struct facts *f, struct addr *ret, size_t max);
/* The load balancer's DNS name: --lb NAME, or a CNAME of the site's name that is one by its suffix;
 * "" when unknown [ruling 1]. */
const char *facts_lb_name(const struct facts *f);
bool
lb_name_is_one(struct str name); /* *.elb.amazonaws.com[.cn], *.elb.REGION..., *.elb.localhost */
struct str lb_name_region(struct str name); /* "eu-west-1" of NAME.eu-west-1.elb...; or nothing */
/* "localhost" or below it: browsers ask nobody for its address [RFC 6761 6.3]. */
bool name_is_local(struct str name);
/* Private, loopback, link-local, shared (100.64/10) or documentation range: a word, or NULL. */
const char *addr_range(const struct addr *a);
