/* SPDX-License-Identifier: Apache-2.0
 * DNS as a client asks it: questions written, answers read, one server asked, the servers of a zone
 * found and compared, and what this machine itself is told about names. It answers nobody.
 *
 * The wire half (dns_question_write, dns_answer_read and all that works on a `struct dns_answer`)
 * is pure and takes any bytes. The exchange half lives on the loop: nothing blocks, every answer
 * comes as one callback in a later turn, and what was started is freed with `_cancel` at any time,
 * from inside its own callback too. What a callback is shown lives until that `_cancel`.
 *
 * One pass: dns_exchange_start(loop, &ask, done, me, &exchange, &errinfo) -> the loop turns ->
 * done(me, &result): result.answer->records, result.reply (the bytes) ->
 * dns_exchange_cancel(&exchange).
 *
 * Names are text: labels with dots between them, lower case when they come from an answer, no dot
 * at the end, "." for the root; a byte that is not a letter, digit, '-', '_', '*' or '/' is written
 * \DDD, so that a name from outside is always printable ASCII. */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/limits.h"
#include "loop/loop.h"

/* ---- names and numbers ---- */

enum { DNS_NAME_MAX = 255, DNS_NAME_TEXT = DNS_NAME_MAX + 1 };

enum dns_type {
#define DNS_TYPE(name, number) DNS_TYPE_##name = (number),
#include "dns/types.def"
#undef DNS_TYPE
};

enum dns_rcode {
#define DNS_RCODE(name, number) DNS_RCODE_##name = (number),
#include "dns/rcodes.def"
#undef DNS_RCODE
};

enum { DNS_NUMBER_TEXT = 16 };
/* "AAAA", "NXDOMAIN"; numbers without a name as "TYPE1234", "RCODE1234" in `text`. */
const char *dns_type_name(uint16_t type, char text[static DNS_NUMBER_TEXT]);
const char *dns_rcode_name(uint16_t rcode, char text[static DNS_NUMBER_TEXT]);
/* An extended error's number (RFC 8914) as its registered words, "DNSSEC Bogus"; NULL if unknown.
 */
const char *dns_extended_error_name(uint16_t code);

/* Letters, digits, '-', '_' (and a whole label '*'), labels of 1 to 63 bytes, at most 253 in all; a
 * dot at the end is fine, and so is "." alone. */
bool dns_name_valid(const char *name);
/* Equal, ignoring ASCII case and one dot at the end. */
bool dns_name_eq(const char *a, const char *b);
/* Is `name` the zone itself or below it? */
bool dns_name_under(const char *name, const char *zone);
/* The name without its first label: "b.c" of "a.b.c", "." of "c", NULL of ".". Points into it. */
const char *dns_name_parent(const char *name);
/* "1.2.0.192.in-addr.arpa" and "1.0. ... .ip6.arpa". */
const char *dns_name_reverse(const struct addr *addr, char text[static DNS_NAME_TEXT]);

/* ---- wire: questions ---- */

struct dns_flags {
    bool rd;        /* recursion desired: for resolvers, not for the servers of a zone */
    bool cd;        /* checking disabled: the answer even if its signatures are wrong */
    bool edns;      /* with an OPT record: answers up to LIMIT_DNS_UDP_BYTES by UDP */
    bool dnssec_ok; /* with its DO bit; means edns */
};

/* Appends the message to `out`. ERR_INVALID when `name` is no name. */
enum err dns_question_write(const char *name, uint16_t type, struct dns_flags flags, uint16_t id,
                            struct buf *out) MUST_USE;

/* ---- wire: answers ---- */

enum dns_section { DNS_SECTION_ANSWER, DNS_SECTION_AUTHORITY, DNS_SECTION_ADDITIONAL };

enum { DNS_HINTS_MAX = 4, DNS_ALPN_TEXT = 64 };
struct dns_https {
    uint16_t priority;         /* 0: alias form, only the target counts */
    uint16_t port;             /* 0: not given */
    char alpn[DNS_ALPN_TEXT];  /* "h2,h3": visible ASCII, \DDD for the rest; cut when longer */
    bool no_default_alpn, ech; /* present */
    bool malformed;            /* the parameters break the rules; what was read stands */
    struct addr hint4[DNS_HINTS_MAX], hint6[DNS_HINTS_MAX];
    size_t hint4_count, hint6_count;
};

struct dns_soa {
    uint32_t serial;
    uint32_t minimum; /* with the record's TTL the bound for remembering "there is none" */
};

/* A record of class IN. Of other types than those named at the fields only name, type, TTL. */
struct dns_record {
    char name[DNS_NAME_TEXT];
    uint16_t type;
    uint32_t ttl;
    uint8_t section;            /* enum dns_section */
    struct addr addr;           /* A, AAAA; port 0 */
    char target[DNS_NAME_TEXT]; /* CNAME, DNAME, NS, PTR, SOA (the primary), SVCB, HTTPS */
    struct dns_https https;     /* SVCB, HTTPS */
    struct dns_soa soa;         /* SOA */
};

enum { DNS_EXTENDED_ERRORS_MAX = 4 };
struct dns_answer {
    uint16_t id;
    uint16_t rcode; /* enum dns_rcode, the bits of EDNS included */
    bool qr;        /* it is an answer, not a question */
    bool aa, tc, ra, ad, cd;
    bool edns;                    /* with an OPT record */
    bool malformed;               /* broken somewhere; what was read before that stands */
    char question[DNS_NAME_TEXT]; /* "" when there is none */
    uint16_t question_type;
    uint16_t question_class;
    uint16_t extended_errors[DNS_EXTENDED_ERRORS_MAX]; /* RFC 8914 */
    size_t extended_error_count;
    struct dns_record *records; /* owned */
    size_t record_count;        /* at most LIMIT_DNS_RECORDS_MAX */
    size_t more;                /* records that are not kept: beyond the limit, other classes */
};

/* Reads any bytes. ERR_INVALID, and no answer, only when there is not even a header. */
enum err dns_answer_read(const uint8_t *p, size_t n, struct dns_answer **ret_answer) MUST_USE;
void dns_answer_free(struct dns_answer **answer);

/* The CNAME records that lead on from `name`, in order, at most `max`; how many. *ret_last (may be
 * NULL) is where they end: `name` itself or a target, borrowed. *ret_loop (may be NULL): they run
 * in a circle or beyond LIMIT_DNS_CNAME_HOPS_MAX. */
size_t dns_answer_chain(const struct dns_answer *answer, const char *name,
                        const struct dns_record **ret_records, size_t max, const char **ret_last,
                        bool *ret_loop);
/* The A and AAAA addresses at the end of that chain, each once, at most `max`; how many. */
size_t dns_answer_addrs(const struct dns_answer *answer, const char *name, struct addr *ret_addrs,
                        size_t max);
/* The first record of this type at exactly this name in the answer section; NULL when none. */
const struct dns_record *dns_answer_find(const struct dns_answer *answer, const char *name,
                                         uint16_t type);

/* ---- one question to one server ---- */

/* How it ended; dns_outcome_name gives "answered", "timeout", ... */
enum dns_outcome {
#define DNS_OUTCOME(name, word) DNS_OUTCOME_##name,
#include "dns/outcomes.def"
#undef DNS_OUTCOME
    DNS_OUTCOME_COUNT
};
const char *dns_outcome_name(enum dns_outcome outcome);

/* What to ask; copied. */
struct dns_ask {
    struct addr server; /* with its port */
    struct addr from;   /* our own address; sa_family 0: the system chooses */
    const char *name;
    uint16_t type;
    struct dns_flags flags;
    bool tcp;            /* TCP at once */
    uint32_t retry_ms;   /* UDP: the question is sent once more after this; 0: 700 */
    uint32_t timeout_ms; /* for all of it, TCP included; 0: 5000 */
};

struct dns_result {
    enum dns_outcome outcome;
    int error;                       /* errno behind it, or 0 */
    const struct dns_answer *answer; /* NULL unless ANSWERED, or MALFORMED with a header */
    struct str question, reply;      /* the bytes, without TCP's length; reply may be empty */
    struct addr server;
    uint64_t start_us; /* of the loop's clock */
    uint64_t time_us;  /* from the start to the end */
    unsigned sent;     /* times that the question was sent by UDP */
    unsigned strays;   /* datagrams that did not belong to the question, and were ignored */
    bool tcp;          /* the answer came by TCP */
    bool edns_refused; /* the server did not take EDNS; the answer is to the question without */
    /* The answer by UDP was cut or broken, and TCP did not bring a better one: why. An ANSWERED
     * result then holds the cut answer (answer->tc). */
    bool tcp_failed;
    enum dns_outcome tcp_outcome;
    int tcp_error;
};

struct dns_exchange;
typedef void dns_exchange_fn(void *context, const struct dns_result *result);
/* UDP first; an answer that is cut or broken is asked for again by TCP. Only answers with the right
 * source, id and question count. ERR_INVALID when the name is no name. */
enum err dns_exchange_start(struct loop *loop, const struct dns_ask *ask, dns_exchange_fn *fn,
                            void *context, struct dns_exchange **ret_exchange,
                            struct errinfo *reterr) MUST_USE;
/* The answer becomes the caller's (dns_answer_free); NULL when there is none. From the callback on.
 */
struct dns_answer *dns_exchange_take_answer(struct dns_exchange *exchange);
/* Ends it without a further callback, frees it and leaves NULL; NULL is fine. */
void dns_exchange_cancel(struct dns_exchange **exchange);

/* ---- what this machine is told: resolv.conf, hosts, the C library ---- */

enum { DNS_SERVERS_MAX = 3, DNS_SEARCH_MAX = 6 };
struct dns_system_config {
    struct addr servers[DNS_SERVERS_MAX]; /* port 53; never empty: 127.0.0.1 when none is named */
    size_t server_count;
    size_t more_servers; /* named beyond DNS_SERVERS_MAX: the C library ignores them, too */
    char search[DNS_SEARCH_MAX][DNS_NAME_TEXT];
    size_t search_count;
    unsigned ndots, timeout_s, attempts;
    bool missing; /* there is no such file: the defaults */
    unsigned bad; /* lines that could not be read as what they begin with */
};
/* NULL: /etc/resolv.conf. A missing file is no error. */
enum err dns_system_config_read(const char *path, struct dns_system_config *ret_config,
                                struct errinfo *reterr) MUST_USE;

enum { DNS_HOSTS_MAX = 16 };
struct dns_hosts_line {
    struct addr addr;
    unsigned line; /* from 1 */
};
struct dns_hosts {
    struct dns_hosts_line lines[DNS_HOSTS_MAX];
    size_t count;
    size_t more;
    bool missing; /* there is no such file */
    bool cut;     /* longer than LIMIT_DNS_HOSTS_BYTES: the rest was not read */
};
/* All lines for `name`. NULL: /etc/hosts. */
enum err dns_hosts_find(const char *path, const char *name, struct dns_hosts *ret_hosts,
                        struct errinfo *reterr) MUST_USE;

enum { DNS_LOOKUP_ADDRS_MAX = 32 };
struct dns_lookup_result {
    int eai;         /* 0 or an EAI_ code of getaddrinfo */
    int error;       /* errno when eai is EAI_SYSTEM */
    const char *why; /* gai_strerror's words in the C library's language; "" when eai is 0 */
    struct addr addrs[DNS_LOOKUP_ADDRS_MAX]; /* in the order of getaddrinfo; port 0 */
    size_t addr_count;
    size_t more;
    uint64_t time_us;
};
struct dns_lookup;
typedef void dns_lookup_fn(void *context, const struct dns_lookup_result *result);
/* What programs on this machine get for `name`: getaddrinfo (nsswitch, hosts, search list and all)
 * in a thread of its own. AF_UNSPEC, AF_INET or AF_INET6. */
enum err dns_lookup_start(struct loop *loop, const char *name, int family, dns_lookup_fn *fn,
                          void *context, struct dns_lookup **ret_lookup, struct errinfo *reterr)
    MUST_USE;
/* As dns_exchange_cancel; a thread that still waits is left alone and cleans up after itself. */
void dns_lookup_cancel(struct dns_lookup **lookup);

/* ---- the servers of a name's zone ---- */

enum {
    DNS_WALK_RESOLVERS_MAX = 4,
    DNS_WALK_TYPES_MAX = 6,
    DNS_WALK_EXTRA_MAX = 4,
    DNS_WALK_NS_MAX = 16,                          /* names of one NS set that are kept */
    DNS_WALK_HOSTS_MAX = 6,                        /* servers that are asked, ... */
    DNS_WALK_SERVERS_MAX = 2 * DNS_WALK_HOSTS_MAX, /* ... each at an IPv4 and an IPv6 address */
    DNS_WALK_REPLIES_MAX = DNS_WALK_TYPES_MAX + DNS_WALK_EXTRA_MAX + 2, /* and NS, SOA */
};

struct dns_walk_question {
    char name[DNS_NAME_TEXT];
    uint16_t type;
};

struct dns_walk_params {
    struct addr resolvers[DNS_WALK_RESOLVERS_MAX]; /* with ports; the next one when one fails */
    size_t resolver_count;
    struct addr from;                   /* as in dns_ask */
    const char *name;                   /* copied */
    uint16_t types[DNS_WALK_TYPES_MAX]; /* asked for `name` at each server of its zone */
    size_t type_count;
    struct dns_walk_question extra[DNS_WALK_EXTRA_MAX]; /* and these as they are */
    size_t extra_count;
    uint16_t authority_port; /* of the zones' servers; 0: 53 */
    uint32_t budget_ms;      /* for all of it; 0: 5000 */
    uint32_t try_ms;         /* for each question; 0: 2000 */
};

struct dns_walk_reply {
    struct dns_walk_question question;
    enum dns_outcome outcome;
    int error;
    struct dns_answer *answer; /* owned by the result; NULL as in dns_result */
    uint64_t time_us;
    bool done; /* false: not asked, or its time was up with the walk's */
};

/* What a server said, taken together. */
enum dns_server_state {
    DNS_SERVER_GOOD,        /* it answers for the zone */
    DNS_SERVER_LAME,        /* it answers, but not for this zone: REFUSED, SERVFAIL, no AA */
    DNS_SERVER_SILENT,      /* no answer to any question */
    DNS_SERVER_UNREACHABLE, /* refused or unreachable; `error` of the replies tells which */
    DNS_SERVER_BROKEN,      /* only malformed answers */
    DNS_SERVER_NO_ADDRESS,  /* the resolver knows no address of its name */
    DNS_SERVER_UNKNOWN,     /* the walk's time was up before it could be asked, or answer */
};

struct dns_walk_server {
    char name[DNS_NAME_TEXT];
    bool has_addr;
    struct addr addr;
    bool glue; /* the address came with the delegation, not from the resolver */
    bool in_parent, in_child;
    enum dns_server_state state;
    struct dns_walk_reply replies[DNS_WALK_REPLIES_MAX]; /* NS and SOA of the zone, then types */
    size_t reply_count;
};

struct dns_name_set {
    char names[DNS_WALK_NS_MAX][DNS_NAME_TEXT];
    size_t count;
    size_t more;
};

enum dns_walk_outcome {
    DNS_WALK_FOUND,       /* at least one server of the zone answered for it */
    DNS_WALK_NO_RESOLVER, /* no resolver answered */
    DNS_WALK_NO_ZONE,     /* they answered, but know of no zone above the name */
    DNS_WALK_UNREACHABLE, /* the zone's servers are known; none of them answered for it */
};

struct dns_walk_result {
    enum dns_walk_outcome outcome;
    bool cut;                      /* the budget was up with questions open */
    char zone[DNS_NAME_TEXT];      /* "" when none was found */
    char parent[DNS_NAME_TEXT];    /* the zone that delegates to it; "" when not known */
    bool parent_answered;          /* parent_ns is what the parent's servers said */
    struct dns_name_set parent_ns; /* the delegation */
    bool child_answered;           /* child_ns is what the zone's servers said (union) */
    bool child_differs;            /* not all of them said the same */
    struct dns_name_set child_ns;
    bool soa_present;
    bool serials_differ; /* a secondary is behind */
    struct dns_walk_server servers[DNS_WALK_SERVERS_MAX];
    size_t server_count;
    size_t more_hosts; /* servers beyond DNS_WALK_HOSTS_MAX, not asked */
    uint64_t start_us, time_us;
};

/* Every exchange of the walk, as it ends: for time lines and for keeping the bytes. */
enum dns_walk_step {
    DNS_WALK_STEP_ZONE,       /* a resolver, asked for the NS of an ancestor */
    DNS_WALK_STEP_ADDRESS,    /* a resolver, asked for a server's address */
    DNS_WALK_STEP_DELEGATION, /* a server of the parent, asked for the delegation */
    DNS_WALK_STEP_SERVER,     /* a server of the zone, asked one of the questions */
};
struct dns_walk_progress {
    enum dns_walk_step step;
    const char *server_name; /* "" for a resolver */
    const struct dns_walk_question *question;
    const struct dns_result *result;
};
typedef void dns_walk_progress_fn(void *context, const struct dns_walk_progress *progress);
typedef void dns_walk_fn(void *context, const struct dns_walk_result *result);

struct dns_walk;
/* Finds the zone of a name from the resolvers' NS answers (or, where they fail, by following the
 * delegations down), and asks its servers and its parent's. `progress` may be NULL; it must not
 * cancel the walk, `fn` may. ERR_INVALID when the name is no name. */
enum err dns_walk_start(struct loop *loop, const struct dns_walk_params *params,
                        dns_walk_progress_fn *progress, dns_walk_fn *fn, void *context,
                        struct dns_walk **ret_walk, struct errinfo *reterr) MUST_USE;
void dns_walk_cancel(struct dns_walk **walk);

/* In both sets the same names? False also when one is not known. */
bool dns_walk_sets_agree(const struct dns_walk_result *result);
