/* SPDX-License-Identifier: Apache-2.0
 * What the facts say so far, in the words of the plan. */
#include "doctor/engine_int.h"
#include "doctor/plan_int.h"

#include "base/assert.h"

bool
plan_is_running(const struct planner *p, enum probe probe, enum side side)
{
    for (size_t i = 0; i < p->running_count; i++) {
        /* A late one has a result in the facts, too: "silent so far". */
        if (p->running[i].probe == probe && p->running[i].side == side &&
            !plan_has_result(p->f, &p->running[i])) {
            return true;
        }
    }
    return false;
}

const struct result *
plan_at_first(const struct planner *p, enum probe probe)
{
    return p->open == NULL ? NULL : facts_find_at(p->f, probe, SIDE_SITE, &p->open->at);
}

static bool
is_browsers_group(uint16_t group)
{
    enum { P256 = 23, P384 = 24, X25519 = 29, X25519MLKEM768 = 0x11ec };
    return group == P256 || group == P384 || group == X25519 || group == X25519MLKEM768;
}

static const struct {
    int first, last;
    enum met met;
} alert_rows[] = {
    {42, 46, MET_ALERT_CERTIFICATE},   /* bad_certificate ... certificate_unknown */
    {48, 48, MET_ALERT_CERTIFICATE},   /* unknown_ca */
    {112, 112, MET_ALERT_NAME},        /* unrecognized_name */
    {116, 116, MET_ALERT_CERTIFICATE}, /* certificate_required */
    {120, 120, MET_ALERT_ALPN},        /* no_application_protocol */
};

static enum met
met_alert(int alert)
{
    for (size_t i = 0; i < COUNT_OF(alert_rows); i++) {
        if (alert >= alert_rows[i].first && alert <= alert_rows[i].last) {
            return alert_rows[i].met;
        }
    }
    return MET_ALERT;
}

static enum met
met_what(const struct tls_flight *f)
{
    switch (f->kind) {
    case TLS_FLIGHT_SERVER_HELLO: return f->version < TLS_V_12 ? MET_OLD : MET_TLS;
    case TLS_FLIGHT_HELLO_RETRY: return is_browsers_group(f->group) ? MET_TLS : MET_ODD_GROUP;
    case TLS_FLIGHT_SSL3:
    case TLS_FLIGHT_SSL2: return MET_OLD;
    case TLS_FLIGHT_ALERT: return met_alert(f->alert);
    case TLS_FLIGHT_NOTHING:
    case TLS_FLIGHT_PARTIAL: return MET_DROPPED;
    case TLS_FLIGHT_PLAIN_HTTP:
    case TLS_FLIGHT_H2_SETTINGS: return MET_HTTP;
    case TLS_FLIGHT_SSH:
    case TLS_FLIGHT_BANNER_220:
    case TLS_FLIGHT_MAILBOX:
    case TLS_FLIGHT_MYSQL:
    case TLS_FLIGHT_OTHER_TEXT:
    case TLS_FLIGHT_OTHER_BINARY:
    case TLS_FLIGHT_ECHO:
    case TLS_FLIGHT_BAD_RECORD:
    case TLS_FLIGHT_APPDATA_FIRST: return MET_OTHER;
    case TLS_FLIGHT_COUNT: break;
    }
    NEVER("a flight of no kind");
}

enum met
plan_met(const struct result *r)
{
    if (r == NULL) {
        return MET_PENDING;
    }
    if (r->outcome == OUTCOME_TIMEOUT) {
        return MET_SILENCE;
    }
    return r->flight == NULL ? MET_DROPPED : met_what(r->flight);
}

bool
plan_has_problem(const struct result *r, enum chain_problem_kind kind)
{
    for (size_t i = 0; r != NULL && r->chain != NULL && i < r->chain->problem_count; i++) {
        if (r->chain->problems[i].kind == kind) {
            return true;
        }
    }
    return false;
}

bool
plan_name_mismatches(const struct result *r)
{
    return plan_has_problem(r, CHAIN_NAME_MISMATCH) || plan_has_problem(r, CHAIN_NO_SAN);
}

unsigned
plan_status(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->has_status ? r->http->status : 0;
}
