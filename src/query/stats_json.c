/* SPDX-License-Identifier: Apache-2.0
 * Statistics as one JSON object; its shape stands in stats_show.h. */
#include "query/stats_show_int.h"

enum { SCHEMA_NUMBER = 1 };

static const char *const class_keys[STATS_CLASSES] = {"none", "1xx", "2xx",  "3xx",
                                                      "4xx",  "5xx", "other"};

/* ---- values ---- */

static json_t *
status(unsigned code)
{
    return code == 0 ? json_null() : json_integer((json_int_t)code);
}

static json_t *
some(struct str text)
{
    return text.n == 0 || str_eq(text, STR("-")) ? json_null() : say_log_json(text);
}

static json_t *
millis(uint64_t ms)
{
    return ms == UINT64_MAX ? json_null() : say_number(ms);
}

static json_t *
classes(const uint64_t *counts)
{
    json_t *o = json_object();
    for (size_t i = 0; i < STATS_CLASSES; i++) {
        say_set(o, class_keys[i], say_number(counts[i]));
    }
    return o;
}

static json_t *
values(const struct stats_values *v)
{
    const struct {
        const char *key;
        uint64_t ms;
    } rows[] = {{"min", v->min}, {"p50", v->p50}, {"p90", v->p90},
                {"p95", v->p95}, {"p99", v->p99}, {"max", v->max}};
    json_t *o = json_object();
    say_set(o, "count", say_number(v->count));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        say_set(o, rows[i].key, v->count == 0 ? json_null() : say_number(rows[i].ms));
    }
    say_set(o, "mean", v->count == 0 ? json_null() : json_real(v->mean));
    return o;
}

static json_t *
legs(const struct stats_values *all)
{
    json_t *o = json_object();
    for (enum stats_leg leg = 0; leg < STATS_LEG_COUNT; leg++) {
        say_set(o, stats_leg_word(leg), values(&all[leg]));
    }
    return o;
}

/* "10.0.0.1:80" under two keys. */
static void
set_peer(json_t *o, const char *ip_key, const char *port_key, struct str peer)
{
    struct str ip = STR_NONE;
    uint16_t port = 0;
    bool known = peer.n > 0 && log_peer(peer, &ip, &port);
    say_set(o, ip_key, known ? say_log_json(ip) : json_null());
    say_set(o, port_key, known && port > 0 ? json_integer(port) : json_null());
}

/* ---- the tables ---- */

static json_t *
matrix(const struct stats_tables *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->matrix_count; i++) {
        json_t *o = json_object();
        say_set(o, "elb_status_code", status(x->matrix[i].elb));
        say_set(o, "target_status_code", status(x->matrix[i].target));
        say_set(o, "count", say_number(x->matrix[i].count));
        say_push(list, o);
    }
    return list;
}

static json_t *
groups(const struct stats_tables *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->group_count; i++) {
        const struct stats_group *row = &x->groups[i];
        json_t *o = json_object();
        say_set(o, "target_group_arn", some(row->target_group));
        set_peer(o, "target_ip", "target_port", row->target);
        say_set(o, "requests", say_number(row->requests));
        say_set(o, "statuses", classes(row->classes));
        say_set(o, "target_statuses", classes(row->target_classes));
        say_set(o, "received_bytes", say_number(row->received_bytes));
        say_set(o, "sent_bytes", say_number(row->sent_bytes));
        say_set(o, "latency_ms", legs(row->legs));
        say_push(list, o);
    }
    return list;
}

static json_t *
top(const struct stats_top *table)
{
    json_t *o = json_object(), *rows = json_array();
    for (size_t i = 0; i < table->count; i++) {
        const struct stats_row *row = &table->rows[i];
        json_t *one = json_object();
        say_set(one, "value", say_log_json(row->key));
        say_set(one, "count", say_number(row->count));
        say_set(one, "error", say_number(row->error));
        say_set(one, "failed", say_number(row->failed));
        say_set(one, "sent_bytes", say_number(row->sent_bytes));
        say_push(rows, one);
    }
    say_set(o, "distinct", say_number(table->distinct));
    say_set(o, "exact", json_boolean(table->exact));
    say_set(o, "rows", rows);
    return o;
}

static json_t *
lists(const struct stats_tables *x)
{
    json_t *o = json_object();
    for (enum stats_list list = 0; list < STATS_LIST_COUNT; list++) {
        say_set(o, stats_list_word(list), top(&x->lists[list]));
    }
    return o;
}

static json_t *
words(const struct stats_count *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *o = json_object();
        say_set(o, "value", some(items[i].word));
        say_set(o, "count", say_number(items[i].count));
        say_push(list, o);
    }
    return list;
}

static json_t *
sets(const struct stats_tables *x)
{
    json_t *o = json_object();
    for (enum stats_set set = 0; set < STATS_SET_COUNT; set++) {
        say_set(o, stats_set_word(set), words(x->sets[set], x->set_count[set]));
    }
    return o;
}

static json_t *
error(const struct stats_error *e)
{
    const struct say_value value = {"STATUS", e->word};
    enum explain_step steps[EXPLAIN_STEPS_MAX];
    size_t count = show_error_steps(e, steps);
    json_t *o = json_object(), *list = json_array();
    const char *meaning = show_error_meaning(e);
    for (size_t i = 0; i < count; i++) {
        say_push(list, say_step_json(steps[i], &value, 1));
    }
    say_set(o, "kind", json_string(show_error_kind(e->kind)->word));
    say_set(o, "word", say_log_json(e->word));
    say_set(o, "count", say_number(e->count));
    say_set(o, "meaning", meaning == NULL ? json_null() : json_string(tr(meaning)));
    say_set(o, "findings", say_ids_json(show_error_findings(e)));
    say_set(o, "steps", list);
    say_set(o, "example_trace_id", some(e->example_trace));
    return o;
}

static json_t *
errors(const struct stats_tables *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->error_count; i++) {
        say_push(list, error(&x->errors[i]));
    }
    return list;
}

static json_t *
slowest(const struct stats_tables *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->slowest_count; i++) {
        const struct stats_slow *row = &x->slowest[i];
        json_t *o = json_object();
        say_set(o, "time", say_time_json(row->time_us));
        say_set(o, "duration_ms", millis(row->duration_ms));
        say_set(o, "request_processing_time_ms", millis(row->legs_ms[STATS_REQUEST]));
        say_set(o, "target_processing_time_ms", millis(row->legs_ms[STATS_TARGET]));
        say_set(o, "response_processing_time_ms", millis(row->legs_ms[STATS_RESPONSE]));
        say_set(o, "elb_status_code", status(row->elb));
        say_set(o, "target_status_code", status(row->target));
        say_set(o, "request_verb", some(row->verb));
        say_set(o, "request_url", some(row->url));
        set_peer(o, "client_ip", "client_port", row->peer);
        say_set(o, "trace_id", some(row->trace));
        say_push(list, o);
    }
    return list;
}

static json_t *
timeline(const struct stats_tables *x)
{
    if (x->bucket_count == 0) {
        return json_null();
    }
    json_t *o = json_object(), *list = json_array();
    for (size_t i = 0; i < x->bucket_count; i++) {
        const struct stats_bucket *b = &x->buckets[i];
        json_t *one = json_object();
        say_set(one, "time", say_time_json(b->from_us));
        say_set(one, "requests", say_number(b->requests));
        say_set(one, "statuses", classes(b->classes));
        say_set(one, "received_bytes", say_number(b->received_bytes));
        say_set(one, "sent_bytes", say_number(b->sent_bytes));
        say_set(one, "duration_ms", values(&b->duration));
        say_set(one, "target_processing_time_ms", values(&b->target_time));
        say_push(list, one);
    }
    say_set(o, "by_s", json_real((double)x->by_us / 1e6));
    say_set(o, "buckets", list);
    return o;
}

static json_t *
connections(const struct stats_connections *c)
{
    if (c->count == 0) {
        return json_null();
    }
    json_t *o = json_object();
    say_set(o, "count", say_number(c->count));
    say_set(o, "with_tls", say_number(c->with_tls));
    say_set(o, "failed", say_number(c->failed));
    say_set(o, "handshake_ms", values(&c->handshake));
    say_set(o, "listener_ports", words(c->listener_ports, c->listener_port_count));
    return o;
}

static json_t *
checked(const struct stats_tables *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->checked_count; i++) {
        const struct stats_checked *row = &x->checked[i];
        json_t *o = json_object();
        say_set(o, "target_group_id", some(row->target_group));
        say_set(o, "target", some(row->target));
        say_set(o, "passed", say_number(row->passed));
        say_set(o, "failed", say_number(row->failed));
        say_set(o, "latency_ms", values(&row->latency));
        say_set(o, "last_reason", some(row->last_reason));
        say_push(list, o);
    }
    return list;
}

static json_t *
lines(const struct scan_counts *counts)
{
    if (counts == NULL) {
        return json_null();
    }
    json_t *o = json_object(), *good = json_object(), *damaged = json_object();
    for (enum log_kind kind = 0; kind < LOG_KIND_COUNT; kind++) {
        say_set(good, log_kind_word(kind), say_number(counts->good[kind]));
    }
    for (enum log_fault f = LOG_FAULT_NONE + 1; f < LOG_FAULT_COUNT; f++) {
        say_set(damaged, log_fault_word(f), say_number(counts->damaged[f]));
    }
    say_set(o, "files", say_number(counts->files));
    say_set(o, "bytes", say_number(counts->bytes));
    say_set(o, "bytes_read", say_number(counts->bytes_read));
    say_set(o, "lines", say_number(counts->lines));
    say_set(o, "passed", say_number(counts->passed));
    say_set(o, "good", good);
    say_set(o, "damaged", damaged);
    say_set(o, "new_fields", say_number(counts->new_fields));
    say_set(o, "foreign_files", say_number(counts->foreign_files));
    say_set(o, "broken_files", say_number(counts->broken_files));
    return o;
}

/* ---- the object ---- */

static void
set_span(json_t *o, const struct stats_tables *x)
{
    double span_s = (double)(x->last_us - x->first_us) / 1e6;
    say_set(o, "requests", say_number(x->requests));
    say_set(o, "first_time", say_time_json(x->first_us));
    say_set(o, "last_time", say_time_json(x->last_us));
    say_set(o, "span_s", json_real(span_s));
    say_set(o, "rate_per_s",
            x->last_us > x->first_us ? json_real((double)x->requests / span_s) : json_null());
}

json_t *
stats_json(const struct stats_show *show, const struct stats_show_options *options)
{
    const struct stats_tables *x = show->tables;
    json_t *o = json_object(), *by = json_object();
    say_set(by, "target", say_number(x->made_by_target));
    say_set(by, "lb", say_number(x->made_by_lb));
    say_set(o, "kind", json_string("stats"));
    say_set(o, "schema", json_integer(SCHEMA_NUMBER));
    say_set(o, "name", show->name == NULL ? json_null() : say_log_json(str_of(show->name)));
    say_set(o, "cut_short", json_boolean(options != NULL && options->cut_short));
    set_span(o, x);
    say_set(o, "received_bytes", say_number(x->received_bytes));
    say_set(o, "sent_bytes", say_number(x->sent_bytes));
    say_set(o, "statuses", classes(x->classes));
    say_set(o, "made_by", by);
    say_set(o, "matrix", matrix(x));
    say_set(o, "matrix_left_out", say_number(x->matrix_left_out));
    say_set(o, "latency_ms", legs(x->legs));
    say_set(o, "target_groups", groups(x));
    say_set(o, "target_groups_left_out", say_number(x->groups_left_out));
    say_set(o, "coarse_values", say_number(x->coarse_values));
    say_set(o, "top", lists(x));
    say_set(o, "sets", sets(x));
    say_set(o, "errors", errors(x));
    say_set(o, "slowest", slowest(x));
    say_set(o, "timeline", timeline(x));
    say_set(o, "connections", connections(&x->connections));
    say_set(o, "health_checks", checked(x));
    say_set(o, "health_checks_left_out", say_number(x->checks_left_out));
    say_set(o, "lines", lines(show->counts));
    return o;
}
