/* SPDX-License-Identifier: Apache-2.0
 * Between the engine and the machines that run probes.
 *
 * A machine gets a `struct run`, fills run->result and ends with run_done(), once, in a later turn
 * of the loop than start(). It never looks at what others found except through run_facts(), never
 * decides anything, and ends at the latest when engine's deadline cancels it: cancel() frees the
 * machine's state and leaves in the result what was seen so far; the engine files it then. A probe
 * that is older than --timeout counts as silent for the plan from then on, yet it runs on: an
 * answer that comes later still counts. */
#pragma once

#include "base/list.h"
#include "base/rand.h"
#include "doctor/engine.h"
#include "net/stream.h"

struct engine;
struct run;

struct machine {
    const char *name; /* MACHINE column of probes.def */
    /* Begins; false: it could not even begin, and result.error says why. */
    bool (*start)(struct run *run);
    /* The time is over: frees run->state; the result keeps what was seen. */
    void (*cancel)(struct run *run);
};
extern const struct machine machine_LOCAL, machine_LOOKUP, machine_QUESTION, machine_WALK,
    machine_CONNECT, machine_EXCHANGE, machine_TLS, machine_PROXY, machine_FETCH;

struct run {
    struct list link;
    struct engine *engine; /* borrowed */
    struct wish wish;
    struct result result; /* under construction; owned until run_done */
    void *state;          /* the machine's own */
    char user_agent[256]; /* the profile's, then who we are, the diagnosis and the probe */
    int spare_fd;         /* CONNECT: the open connection, handed on to the next probe; -1 */
};

/* ---- for machines ---- */
struct loop *run_loop(const struct run *run);
const struct facts *run_facts(const struct run *run); /* read only */
const struct question *run_question(const struct run *run);
/* Microseconds since the diagnosis began: the clock of all times in results. Never 0. */
uint64_t run_now_us(const struct run *run);
/* Files the result, with its bytes digested; the run is freed at the end of the turn. */
void run_done(struct run *run, enum outcome outcome);
/* Appends what came to result.got, as far as the probe keeps bytes, and counts all; false when the
 * probe has seen enough (LIMIT_DOCTOR_READ): stop reading. Notes first_us and got_at_us. */
bool run_got(struct run *run, const void *p, size_t n);
/* "Mozilla/5.0 ... openalb-doctor/VERSION MARKER/R1.site": the probe and its side stand behind the
 * mark, so that a log tells which request arrived. */
const char *run_user_agent(const struct run *run);
/* Trusted roots: the system's and --ca; made once. NULL: none can be read. */
const struct chain_store *run_store(const struct run *run);
/* The session of R1, for R6; owned by the engine. */
void run_keep_session(struct run *run, struct tls_session *session);
const struct tls_session *run_session(const struct run *run);
/* Random numbers of this diagnosis: seeds of hellos, ids. */
struct rand *run_rand(const struct run *run);
/* L1 only: where the facts of this machine go. */
struct local_facts *run_local(const struct run *run);
/* Further results of the same probe (D3: one for each server): a copy of the wish's fields, to be
 * filled and filed at once with run_file(), which takes what it owns. */
struct result run_result(const struct run *run);
void run_file(struct run *run, struct result *result);
/* How long this probe may last at most: until --deadline, in milliseconds. Never 0. */
uint32_t run_left_ms(const struct run *run);
/* T1's open connection to the wish's address and side, taken over; -1: there is none. */
int run_take_spare(struct run *run);
/* Appends the hello that the probe `p` (H1 to HM) would send for the name of this run's wish. False
 * when the library refuses. */
bool run_hello(const struct run *run, enum probe p, struct buf *out);
/* What was asked cannot be done at all: ends the diagnosis; doctor_examine() returns it. */
void run_refuse(struct run *run, enum err err, const struct errinfo *why);
/* A connection to the site's host is being opened: counted. */
void run_count_connection(struct run *run);

/* The proxy that applies to the question, credentials included, by curl's rules; NULL: none.
 * *ret_from: what names it ("--proxy", "https_proxy", ...), static. The text is static or borrowed
 * from the question or the environment. */
const char *proxy_find(const struct question *q, const char **ret_from);
/* Appends "user:password" of that proxy, as it is told them; false: there is no login. */
bool proxy_login(const struct question *q, struct buf *out);
/* Copies as much as fits, with a NUL. */
void text_copy(char *to, size_t size, const char *from);
/* The resolvers to ask: --dns, else those of resolv.conf; how many. */
size_t resolvers_of(const struct question *q, struct addr *ret, size_t max);

/* ---- a TCP connection with everything that is worth knowing about it ---- */
enum dial_end { DIAL_OPEN, DIAL_FAILED };
struct dial;
typedef void dial_fn(void *context, enum dial_end end, int fd /* the caller's; -1 when failed */);
/* Connects to run->wish.at, from --from if given, with TCP_MAXSEG `segment` unless 0, non-blocking
 * and close-on-exec, IP_RECVERR on. Takes over a connection that T1 left open to the same address
 * and side, if there is one (then the callback comes in the next turn). Fills start_us,
 * connected_us, error, icmp* and finish of the result. Counts connections to the site. No deadline
 * of its own. */
struct dial *dial_start(struct run *run, unsigned segment, bool reuse, dial_fn *fn, void *context);
void dial_cancel(struct dial **dial); /* NULL is fine; closes what is not handed over */
/* How a read or write failed, noted in the result: FINISH_RST, FINISH_FIN or FINISH_ERROR. */
void run_note_end(struct run *run, enum io io, int error);
