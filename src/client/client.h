/* SPDX-License-Identifier: Apache-2.0
 * Outbound HTTP exchanges with a deadline, on libcurl's multi-socket interface driven by our loop.
 * So far: the probe of a health check. It is not the relaying of requests to targets (targets,
 * proxy), and it knows nothing of thresholds or states (role/health_state.h).
 *
 * A `struct health_client` belongs to the role that made it; it owns the probes, each with one curl
 * handle that is used again and again. One probe: health_probe_start() -> the loop turns -> the
 * callback gets one `struct health_result`, and the probe is the client's again. Nothing here ever
 * resolves a name, follows a redirect, looks at a proxy variable or verifies a certificate. */
#pragma once

#include "base/addr.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"
#include "model/model.h"

/* Probes in flight at once; another one is refused with ERR_BUSY. */
enum { HEALTH_PROBES_MAX = 1024 };

/* How a probe can end; probe_outcomes.def has the sentence and the target health reason. */
enum health_outcome {
#define PROBE_OUTCOME(name, text, reason) HEALTH_OUTCOME_##name,
#include "client/probe_outcomes.def"
#undef PROBE_OUTCOME
    HEALTH_OUTCOME_COUNT
};
const char *health_outcome_text(enum health_outcome o); /* "the connection was reset" */

/* What to ask; copied. */
struct health_request {
    struct addr addr; /* the address to connect to, with the health check's port */
    enum protocol protocol;
    bool tls13;      /* HTTPS: TLS 1.3 is offered besides 1.0 to 1.2 */
    struct str path; /* the request target: begins with '/', visible ASCII only */
    uint32_t timeout_ms;
};

struct health_result {
    enum health_outcome outcome;
    unsigned code;       /* HTTP status when ANSWERED, else 0 */
    uint64_t latency_us; /* from the start to the end, of whatever kind */
    const char *detail;  /* for people: "Connection refused"; lives as long as the callback */
};
typedef void health_probe_fn(void *context, const struct health_result *result);

struct health_client;
struct health_probe;

/* Once per process, before the sandbox closes and before the first client: loads libcurl and the
 * TLS library, and ignores SIGPIPE. */
enum err health_client_warm_up(struct errinfo *reterr) MUST_USE;

enum err health_client_new(struct loop *loop, struct health_client **ret_client,
                           struct errinfo *reterr) MUST_USE;
/* Ends all probes without their callbacks. Not from inside a callback. */
void health_client_free(struct health_client **client);

/* Sends one GET. The callback comes once, in a later turn, and may start other probes. ERR_BUSY
 * when HEALTH_PROBES_MAX are in flight, ERR_INVALID for a path that cannot be sent. The probe in
 * *ret_probe is borrowed until its callback is called; it is good for health_probe_cancel() only.
 */
enum err health_probe_start(struct health_client *client, const struct health_request *request,
                            health_probe_fn *fn, void *context, struct health_probe **ret_probe,
                            struct errinfo *reterr) MUST_USE;
/* Ends it without its callback and leaves NULL behind; NULL is fine. */
void health_probe_cancel(struct health_probe **probe);

/* Probes in flight. */
size_t health_client_active(const struct health_client *client);
