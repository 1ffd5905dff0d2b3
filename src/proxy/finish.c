/* SPDX-License-Identifier: Apache-2.0
 * What is left of a request and of a connection: the access-log line, the counters, the failure
 * ring. */
#include "proxy/proxy_int.h"

#include "base/assert.h"

/* Fields 6-8 by the end's column [D22]: -1 where it was not reached. */
static void
times_fill(const struct request *r, struct access_record *record, uint64_t now_us)
{
    record->request_us = -1;
    record->target_us = -1;
    record->response_us = -1;
    enum end_times times = end_row(r->end)->times;
    if (times == END_TIMES_DASHES || times == END_TIMES_NOLINE || r->sent_us == 0) {
        return;
    }
    uint64_t answer_us = r->answer_us != 0 ? r->answer_us : now_us;
    record->request_us = (int64_t)(r->sent_us - r->start_us);
    if (times == END_TIMES_CLOSED || times == END_TIMES_ANSWERED) {
        record->target_us = (int64_t)(answer_us - r->sent_us);
    }
    if (times == END_TIMES_ANSWERED) {
        record->response_us = 0; /* the answer's head goes out in the turn that read it */
    }
}

static void
action_fill(const struct request *r, struct access_record *record)
{
    record->rule_priority = LOG_PRIORITY_NONE;
    if (r->action == NULL) {
        return;
    }
    record->actions = str_of(action_type_name(r->action->type));
    record->rule_priority = r->rule == NULL ? LOG_PRIORITY_DEFAULT : (int32_t)r->rule->priority;
    record->redirect_url = r->redirect_url;
    if (r->action->type == ACTION_FORWARD) {
        record->target_group_arn = r->action->target_group->arn;
    }
}

static void
tls_fill(const struct client *c, struct access_record *record)
{
    if (c->stream.ops == NULL) {
        return;
    }
    record->ssl_cipher = c->tls.cipher;
    record->ssl_protocol = c->tls.protocol;
    record->domain_name = c->tls.sni_matched ? c->tls.sni : STR_NONE;
    record->certificate_arn = c->tls.resumed ? STR("session-reused") : c->tls.certificate_arn;
}

/* Returns the line's size; 0 when it is lost, which the spool counts. */
static size_t
line_write(const struct request *r, uint64_t sent_bytes)
{
    struct client *c = r->client;
    struct worker *w = c->worker;
    const struct load_balancer *lb = r->listener->load_balancer;
    uint64_t wall_us = loop_wall_us(w->loop);
    bool dispatched = r->target != NULL;
    bool malformed = r->method.n == 0;
    struct access_record record = {
        .type = c->secure ? STR("https") : STR("http"),
        .time_wall_us = wall_us,
        .creation_wall_us = r->start_wall_us,
        .elb = lb->log_id,
        .client = c->peer,
        .target = dispatched ? &r->target->addr : NULL,
        .elb_status = r->status,
        .target_status = r->target_status,
        .received_bytes = malformed ? 0 : r->head_bytes + r->body.source_bytes,
        .sent_bytes = sent_bytes,
        .method = r->method,
        .scheme = c->secure ? STR("https") : STR("http"),
        .host = r->host.n > 0 ? r->host : lb->dns_name,
        .uri = r->uri,
        .version = r->version_text,
        .port = c->port,
        .user_agent = r->user_agent,
        .trace_id = r->trace_id,
        .classification = desync_class_name(r->desync_class),
        .classification_reason = desync_reason_name(r->desync_reason),
        .node = c->node,
    };
    times_fill(r, &record, loop_now_us(w->loop));
    action_fill(r, &record);
    tls_fill(c, &record);
    memcpy(record.conn_trace_id, c->trace_id, sizeof(record.conn_trace_id));
    struct out o = out_of(w->line, LIMIT_LOG_LINE_MAX);
    access_line(&o, &record);
    ASSERT(!o.full);
    struct str line = str_span(w->line, o.p);
    return log_spool_append(w->spool, lb->slot, &c->node, line, wall_us) ? line.n : 0;
}

static bool
line_wanted(const struct request *r)
{
    const struct log_spool *spool = r->client->worker->spool;
    return end_row(r->end)->times != END_TIMES_NOLINE && spool != NULL &&
           log_spool_wanted(spool, r->listener->load_balancer->slot);
}

/* One attempt: a line that the spool could not take is counted there, once. */
static void
line_put(struct request *r, uint64_t sent_bytes)
{
    if (!r->line_lost && line_wanted(r)) {
        r->line_bytes = line_write(r, sent_bytes);
        r->line_lost = r->line_bytes == 0;
    }
}

void
request_log_early(struct request *r, enum end_reason end, uint64_t sent_bytes)
{
    ASSERT(r->line_bytes == 0);
    r->end = end;
    line_put(r, sent_bytes);
}

void
request_log_retract(struct request *r)
{
    if (r->line_bytes > 0) {
        log_spool_retract(r->client->worker->spool, r->listener->load_balancer->slot,
                          r->line_bytes);
        r->line_bytes = 0;
    }
}

void
request_log(struct request *r)
{
    struct client *c = r->client;
    struct worker *w = c->worker;
    if (r->line_bytes == 0) {
        line_put(r, r->sent_bytes - MIN_OF(r->sent_bytes, (uint64_t)spill_size(&c->out)));
    }
    struct board_listener *row = r->listener->row;
    board_add(&row->requests, 1);
    board_add(&row->bytes_in, r->head_bytes + r->body.source_bytes);
    board_add(&row->bytes_out, r->sent_bytes);
    struct failure_note note = {
        .end = r->end,
        .status = r->status,
        .wall_us = loop_wall_us(w->loop),
        .trace_id = c->trace_id,
        .client = &c->peer,
        .target = r->target == NULL ? NULL : &r->target->addr,
        .code = r->end_code,
        .detail = str_of(r->end_detail),
    };
    board_count_end(row, &note);
}

void
client_count_end(struct client *c)
{
    struct failure_note note = {
        .end = c->end,
        .wall_us = loop_wall_us(c->worker->loop),
        .trace_id = c->trace_id,
        .client = &c->peer,
        .code = c->end_code,
        .detail = str_of(c->end_detail),
    };
    board_count_end(&c->worker->row->listeners[c->listener_slot], &note);
}
