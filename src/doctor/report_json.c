/* SPDX-License-Identifier: Apache-2.0
 * The report as one JSON object: every key always there, null where nothing is known, enumerations
 * closed [doctor-peers 5.3, ruling 12]. docs/doctor.schema.json describes it. */
#include "base/clock.h"
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "doctor/log_mark.h"
#include "doctor/report.h"
#include "query/why.h"

#include <jansson.h>

enum { SCHEMA_NUMBER = 1, BYTES_HEX = 16 };

/* ---- values ---- */

/* Bytes of anybody, made valid and printable. */
static json_t *
safe(struct str bytes)
{
    struct buf text = {0};
    text_add_safe(&text, bytes);
    json_t *j = json_stringn(text.n == 0 ? "" : text.p, text.n);
    buf_free(&text);
    return j;
}

static json_t *
safe_z(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : safe(str_of(text));
}

static json_t *
taken(struct buf *text)
{
    json_t *j = text->n == 0 ? json_null() : json_stringn(text->p, text->n);
    buf_free(text);
    return j;
}

/* Lines to paste from somebody's file: only their ends stay as they are. */
static json_t *
safe_lines(const char *text)
{
    struct buf lines = {0};
    struct str rest = str_of(text), one;
    bool first = true;
    while (str_cut(&rest, '\n', &one)) {
        if (!first) {
            buf_add_char(&lines, '\n');
        }
        text_add_safe(&lines, one);
        first = false;
    }
    return taken(&lines);
}

static json_t *
sentence(const struct finding *f, const char *msgid)
{
    struct buf text = {0};
    if (msgid != NULL) {
        say_text(f, msgid, TEXT_TERMINAL, &text);
    }
    return taken(&text);
}

static json_t *
ms(uint64_t us)
{
    return json_integer((json_int_t)(us / 1000));
}

static json_t *
address(const struct addr *a)
{
    char text[ADDR_TEXT];
    return a->sa.sa_family == 0 ? json_null() : json_string(addr_port_text(a, text));
}

static json_t *
hex(const struct bytes *b)
{
    struct buf text = {0};
    for (size_t i = 0; i < b->n && i < BYTES_HEX; i++) {
        buf_addf(&text, i == 0 ? "%02x" : " %02x", b->p[i]);
    }
    return taken(&text);
}

static uint64_t
took(const struct result *r)
{
    return r->end_us > r->start_us ? r->end_us - r->start_us : 0;
}

/* "a | b" as a list, one word as itself, nothing as null. */
static json_t *
cell(const char *text)
{
    if (text[0] == '\0') {
        return json_null();
    }
    if (strchr(text, '|') == NULL) {
        return json_string(text);
    }
    json_t *list = json_array();
    struct str rest = str_of(text), piece;
    while (str_cut(&rest, '|', &piece)) {
        struct str word = str_trim(piece);
        json_array_append_new(list, json_stringn(word.p, word.n));
    }
    return list;
}

static json_t *
browser(enum sight_id id)
{
    const struct sight_row *s = sight_row(id);
    json_t *o = json_object();
    json_object_set_new(o, "chromium", cell(s->chromium));
    json_object_set_new(o, "chromium_page", cell(s->page));
    json_object_set_new(o, "firefox", cell(s->firefox));
    json_object_set_new(o, "safari", cell(s->safari));
    json_object_set_new(o, "curl", cell(s->curl));
    json_object_set_new(o, "openssl", cell(s->openssl));
    return o;
}

/* ---- findings ---- */

static const char *
severity_json(enum severity s)
{
    static const char *const words[] = {"fault", "warning", "note"};
    return words[s];
}

static const char *
confidence_json(enum confidence c)
{
    static const char *const words[] = {"proved", "likely", "possible"};
    return words[c];
}

static json_t *
evidence(const struct finding *f, const struct evidence *e)
{
    json_t *o = json_object();
    struct buf what = {0};
    say_evidence(f, e, TEXT_TERMINAL, &what);
    const struct result *r = e->result;
    struct str value = args_get(&e->args, "value");
    json_object_set_new(o, "probe", r == NULL ? json_null() : json_string(probe_name(r->probe)));
    json_object_set_new(o, "address", r == NULL ? json_null() : address(&r->at));
    json_object_set_new(o, "what", taken(&what));
    json_object_set_new(o, "value", value.p == NULL ? json_null() : safe(value));
    json_object_set_new(o, "bytes_hex", r == NULL ? json_null() : hex(&r->got));
    json_object_set_new(o, "t_ms", r == NULL ? json_null() : ms(took(r)));
    json_object_set_new(o, "expected", json_boolean(e->contrary));
    return o;
}

static json_t *
fix(const char *tool, json_t *text, json_t *command, json_t *file, json_t *line)
{
    json_t *o = json_object();
    json_object_set_new(o, "tool", tool[0] == '\0' ? json_null() : json_string(tool));
    json_object_set_new(o, "text", text);
    json_object_set_new(o, "command", command);
    json_object_set_new(o, "file", file);
    json_object_set_new(o, "line", line);
    return o;
}

static json_t *
remark_fix(const struct webconf_remark *m, enum webconf_kind kind)
{
    struct text_arg args[WEBCONF_ARGS_MAX];
    for (size_t i = 0; i < m->arg_count; i++) {
        args[i] = (struct text_arg){m->args[i].key, str_of(m->args[i].value)};
    }
    struct buf text = {0};
    text_fill_as(&text, TEXT_TERMINAL, tr(webconf_remark_advice(m->kind)), args, m->arg_count);
    return fix(kind == WEBCONF_APACHE ? "apache" : "nginx", taken(&text), safe_lines(m->corrected),
               safe_z(m->file), json_integer((json_int_t)m->line));
}

static json_t *
fixes(const struct facts *facts, const struct finding *f)
{
    json_t *list = json_array();
    const struct fix_row *rows[SAY_FIXES_MAX];
    size_t count = say_fixes(facts, f, rows);
    for (size_t i = 0; i < f->remark_count; i++) {
        json_array_append_new(list, remark_fix(f->remarks[i], facts->local.remarks->kind));
    }
    for (size_t i = 0; i < count; i++) {
        struct buf command = {0};
        say_command(facts, f, rows[i]->command, &command);
        json_array_append_new(list, fix(tool_json(rows[i]->tool), sentence(f, rows[i]->text),
                                        taken(&command), json_null(), json_null()));
    }
    return list;
}

static json_t *
counter_probe(const struct finding *f)
{
    static const char *const words[] = {NULL, "works", "fails", "not_run"};
    if (f->counter == COUNTER_NONE) {
        return json_null();
    }
    const struct result *r = f->counter_result;
    json_t *o = json_object();
    json_object_set_new(o, "probe", r == NULL ? json_null() : json_string(probe_name(r->probe)));
    json_object_set_new(o, "what", sentence(f, f->counter_text));
    json_object_set_new(o, "outcome", json_string(words[f->counter]));
    json_object_set_new(o, "t_ms", r == NULL ? json_null() : ms(took(r)));
    return o;
}

static json_t *
siblings(const struct finding *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->sibling_count; i++) {
        const struct sibling_row *s = sibling_row(f->siblings[i]);
        json_t *o = json_object();
        json_object_set_new(o, "id", json_string(f->siblings[i]));
        json_object_set_new(o, "what", s == NULL ? json_null() : json_string(tr(s->what)));
        json_object_set_new(o, "proof", s == NULL ? json_null() : sentence(f, s->proof));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *
rules_out(const struct finding *f)
{
    json_t *list = json_array();
    struct buf text = {0};
    say_rules_out(f, TEXT_TERMINAL, &text);
    if (text.n > 0) {
        json_array_append_new(list, json_stringn(text.p, text.n));
    }
    buf_free(&text);
    return list;
}

static json_t *
title(const struct finding *f)
{
    struct buf text = {0};
    say_cause(f, TEXT_TERMINAL, &text);
    return taken(&text);
}

static json_t *
evidence_list(const struct finding *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->evidence_count; i++) {
        json_array_append_new(list, evidence(f, &f->evidence[i]));
    }
    return list;
}

static json_t *
finding(const struct facts *facts, const struct finding *f)
{
    const char *decider = finding_row(f->id)->decider;
    bool undecided = f->confidence != CONFIDENCE_PROVED && decider[0] != '\0';
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(finding_row(f->id)->id));
    json_object_set_new(o, "layer", json_string(layer_json(f->layer)));
    json_object_set_new(o, "severity", json_string(severity_json(f->severity)));
    json_object_set_new(o, "confidence", json_string(confidence_json(f->confidence)));
    json_object_set_new(o, "title", title(f));
    json_object_set_new(o, "browser", browser(f->sight));
    json_object_set_new(o, "evidence", evidence_list(f));
    json_object_set_new(o, "fix", fixes(facts, f));
    json_object_set_new(o, "refs", json_pack("[s]", finding_row(f->id)->id));
    json_object_set_new(o, "rules_out", rules_out(f));
    json_object_set_new(o, "consequence_of",
                        f->consequence_of == FINDING_NONE
                            ? json_null()
                            : json_string(finding_row(f->consequence_of)->id));
    json_object_set_new(o, "counter_probe", counter_probe(f));
    json_object_set_new(o, "decided_by", undecided ? sentence(f, decider) : json_null());
    json_object_set_new(o, "looks_alike", siblings(f));
    json_object_set_new(o, "note", sentence(f, f->note));
    return o;
}

static json_t *
verdict(const struct findings *all)
{
    const struct finding *f = findings_first(all);
    if (f == NULL || all->verdict == VERDICT_OK || all->verdict == VERDICT_ERROR) {
        return json_null();
    }
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(finding_row(f->id)->id));
    json_object_set_new(o, "layer", json_string(layer_json(f->layer)));
    json_object_set_new(o, "confidence", json_string(confidence_json(f->confidence)));
    json_object_set_new(o, "title", title(f));
    json_object_set_new(o, "browser", browser(f->sight));
    json_object_set_new(o, "rules_out", rules_out(f));
    return o;
}

/* ---- probes, endpoints, hops ---- */

static json_t *
probe(const struct result *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(probe_name(r->probe)));
    json_object_set_new(o, "side", json_string(side_name(r->side)));
    json_object_set_new(o, "address", address(&r->at));
    json_object_set_new(o, "label", safe_z(r->label[0] != '\0' ? r->label : r->name));
    json_object_set_new(o, "started_ms", ms(r->start_us));
    json_object_set_new(o, "elapsed_ms", ms(took(r)));
    json_object_set_new(o, "outcome", json_string(outcome_name(r->outcome)));
    json_object_set_new(o, "why",
                        r->skip == SKIP_NONE ? json_null() : json_string(skip_name(r->skip)));
    return o;
}

static json_t *
named(const char *(*name)(uint16_t), uint16_t number)
{
    const char *text = number == 0 ? NULL : name(number);
    return text == NULL ? json_null() : json_string(text);
}

static json_t *
tls_of(const struct result *hello, const struct result *page)
{
    json_t *o = json_object();
    const struct tls_seen *s = page == NULL ? NULL : page->seen;
    const struct tls_flight *f = hello == NULL ? NULL : hello->flight;
    if (s == NULL && f == NULL) {
        json_decref(o);
        return json_null();
    }
    bool seen = s != NULL && s->version != 0;
    json_object_set_new(o, "version",
                        named(tls_version_name, seen        ? s->version
                                                : f == NULL ? 0
                                                            : f->version));
    json_object_set_new(o, "suite",
                        named(tls_suite_name, seen        ? s->suite
                                              : f == NULL ? 0
                                                          : f->suite));
    json_object_set_new(o, "group",
                        named(tls_group_name, seen        ? s->group
                                              : f == NULL ? 0
                                                          : f->group));
    json_object_set_new(o, "alpn",
                        seen && s->alpn_n > 0 ? safe((struct str){(const char *)s->alpn, s->alpn_n})
                                              : json_null());
    int alert = f != NULL && f->alert >= 0 ? f->alert : s != NULL ? s->alert_received : -1;
    json_object_set_new(o, "alert", alert < 0 ? json_null() : json_integer(alert));
    json_object_set_new(o, "answer",
                        f == NULL ? json_null() : json_string(tls_flight_kind_name(f->kind)));
    return o;
}

static json_t *
certificate_of(const struct result *page)
{
    if (page == NULL || page->chain == NULL || page->chain->count == 0) {
        return json_null();
    }
    const struct chain_certificate *c = &page->chain->certificates[0];
    json_t *o = json_object(), *names = json_array(), *errors = json_array();
    for (size_t i = 0; i < c->name_count; i++) {
        json_array_append_new(names, safe(c->names[i].text));
    }
    for (size_t i = 0; i < page->chain->problem_count; i++) {
        json_array_append_new(errors,
                              json_string(chain_problem_name(page->chain->problems[i].kind)));
    }
    char date[DATE_TEXT];
    json_object_set_new(o, "subject", safe_z(c->subject));
    json_object_set_new(o, "names", names);
    json_object_set_new(o, "not_after", json_string(date_text(c->not_after_s, date)));
    json_object_set_new(o, "issuer", safe_z(c->issuer));
    json_object_set_new(o, "errors", errors);
    return o;
}

static json_t *
endpoint(const struct facts *f, const struct result *t1)
{
    const struct result *h1 = facts_find_at(f, PROBE_H1, t1->side, &t1->at);
    enum probe main_probe = t1->side == SIDE_LB ? PROBE_R4 : PROBE_R1;
    const struct result *page = facts_find_at(f, main_probe, t1->side, &t1->at);
    const struct result *plain = facts_find_at(f, PROBE_P1, t1->side, &t1->at);
    const struct result *answer = page != NULL && page->http != NULL ? page : plain;
    bool answered = answer != NULL && answer->http != NULL && answer->http->has_status;
    const char *tcp = t1->connected_us != 0            ? "open"
                      : t1->outcome == OUTCOME_TIMEOUT ? "silent"
                      : t1->outcome == OUTCOME_SKIPPED ? "skipped"
                                                       : "refused";
    json_t *o = json_object();
    json_object_set_new(o, "address", address(&t1->at));
    json_object_set_new(o, "side", json_string(side_name(t1->side)));
    json_object_set_new(o, "family", json_integer(addr_is_v6(&t1->at) ? 6 : 4));
    json_object_set_new(o, "tcp", json_string(tcp));
    json_object_set_new(o, "tls", tls_of(h1, page));
    json_object_set_new(o, "certificate", certificate_of(page));
    json_object_set_new(o, "status",
                        answered ? json_integer((json_int_t)answer->http->status) : json_null());
    struct str server = answered ? http_seen_header(answer->http, "server") : STR_NONE;
    json_object_set_new(o, "answered_by",
                        !answered          ? json_null()
                        : server.p != NULL ? safe(server)
                                           : json_string(author_name(answer->http->author)));
    return o;
}

static json_t *
redirect(const char *from, const struct result *r)
{
    struct str location = http_seen_header(r->http, "location");
    struct hsts_url a, b;
    bool parsed = hsts_url_parse(str_of(from), &a, NULL) == ERR_OK && location.p != NULL &&
                  hsts_url_parse(location, &b, NULL) == ERR_OK;
    json_t *o = json_object(), *changed = json_object();
    json_object_set_new(o, "url", safe(str_of(from)));
    json_object_set_new(o, "status", json_integer((json_int_t)r->http->status));
    json_object_set_new(o, "location", location.p == NULL ? json_null() : safe(location));
    struct str server = http_seen_header(r->http, "server");
    json_object_set_new(o, "answered_by",
                        server.p != NULL ? safe(server)
                                         : json_string(author_name(r->http->author)));
    json_object_set_new(changed, "scheme", json_boolean(parsed && a.secure != b.secure));
    json_object_set_new(changed, "host", json_boolean(parsed && !str_ieq(a.host, b.host)));
    json_object_set_new(changed, "port", json_boolean(parsed && a.port != b.port));
    json_object_set_new(o, "changed", changed);
    return o;
}

static bool
is_redirect(const struct result *r)
{
    return r != NULL && r->http != NULL && r->http->has_status && r->http->status / 100 == 3;
}

static json_t *
redirects(const struct report *rep)
{
    json_t *list = json_array();
    const struct result *first = rep->findings->answer;
    if (is_redirect(first)) {
        json_array_append_new(list, redirect(rep->facts->question.url, first));
    }
    for (const struct result *r = NULL;
         (r = facts_next(rep->facts, r, PROBE_R3, SIDE_HOP)) != NULL;) {
        if (is_redirect(r) && r->url != NULL && strcmp(r->label, "mended") != 0) {
            json_array_append_new(list, redirect(r->url, r));
        }
    }
    return list;
}

static json_t *
layers(const struct findings *all)
{
    static const char *const words[] = {"not_examined", "ok", "fault", "warning", "ok"};
    json_t *o = json_object();
    for (size_t l = 0; l < LAYER_UNDECIDED; l++) {
        json_object_set_new(o, layer_json((enum layer)l), json_string(words[all->layers[l]]));
    }
    return o;
}

/* ---- the object ---- */

static json_t *
target(const struct question *q)
{
    json_t *o = json_object();
    json_object_set_new(o, "url", safe(str_of(q->url)));
    json_object_set_new(o, "scheme", json_string(q->scheme == SCHEME_HTTP ? "http" : "https"));
    json_object_set_new(o, "host", safe(str_of(q->host)));
    json_object_set_new(o, "port", json_integer(q->port));
    json_object_set_new(o, "path", json_null()); /* may be secret [ruling 8] */
    return o;
}

/* ---- logs and policies ---- */

static json_t *
moment(uint64_t us)
{
    char text[32];
    struct out o = out_of(text, sizeof(text));
    if (us == 0) {
        return json_null();
    }
    out_iso8601(&o, us, false);
    return json_stringn(text, (size_t)(o.p - text));
}

static json_t *
number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *
log_names(const struct log_names *n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->count; i++) {
        json_array_append_new(list, safe_z(n->items[i].text));
    }
    return list;
}

/* The decisive fields of a line of ours; its path and query are not kept. */
static json_t *
log_mark(const struct log_mark *m)
{
    static const unsigned fields[] = {
        LOG_ACCESS_TIME,
        LOG_ACCESS_ELB,
        LOG_ACCESS_TARGET,
        LOG_ACCESS_REQUEST_PROCESSING_TIME,
        LOG_ACCESS_TARGET_PROCESSING_TIME,
        LOG_ACCESS_RESPONSE_PROCESSING_TIME,
        LOG_ACCESS_ELB_STATUS_CODE,
        LOG_ACCESS_TARGET_STATUS_CODE,
        LOG_ACCESS_TARGET_GROUP_ARN,
        LOG_ACCESS_TRACE_ID,
        LOG_ACCESS_MATCHED_RULE_PRIORITY,
        LOG_ACCESS_ACTIONS_EXECUTED,
        LOG_ACCESS_ERROR_REASON,
        LOG_ACCESS_CLASSIFICATION,
        LOG_ACCESS_CLASSIFICATION_REASON,
    };
    json_t *o = json_object(), *values = json_object();
    struct why_verdict verdict;
    struct mark_line l;
    json_object_set_new(o, "probe", json_string(probe_name(m->probe)));
    json_object_set_new(o, "side", json_string(side_name(m->side)));
    json_object_set_new(o, "file", safe_z(m->file));
    json_object_set_new(o, "line", m->line == 0 ? json_null() : number(m->line));
    json_object_set_new(o, "pattern", json_null());
    json_object_set_new(o, "made_by", json_null());
    if (mark_read(m, &l)) {
        if (l.line.kind == LOG_ACCESS) {
            why_verdict(&l.line, &verdict);
            json_object_set_new(o, "pattern", json_string(verdict.pattern));
            json_object_set_new(o, "made_by", json_string(verdict.by_target ? "target" : "lb"));
        }
        for (size_t i = 0; l.line.kind == LOG_ACCESS && i < COUNT_OF(fields); i++) {
            struct str value = log_line_field(&l.line, fields[i]);
            json_object_set_new(values, log_field(LOG_ACCESS, fields[i])->name,
                                value.p == NULL ? json_null() : safe(value));
        }
        mark_done(&l);
    }
    json_object_set_new(o, "fields", values);
    return o;
}

static json_t *
logs(const struct log_seen *log)
{
    if (log == NULL) {
        return json_null();
    }
    json_t *o = json_object(), *paths = json_array(), *marks = json_array();
    for (size_t i = 0; i < log->path_count; i++) {
        json_array_append_new(paths, safe_z(log->paths[i]));
    }
    for (size_t i = 0; i < log->mark_count; i++) {
        json_array_append_new(marks, log_mark(&log->marks[i]));
    }
    json_object_set_new(o, "paths", paths);
    json_object_set_new(o, "files", number(log->files));
    json_object_set_new(o, "old_files", number(log->old_files));
    json_object_set_new(o, "broken_files", number(log->broken_files));
    json_object_set_new(o, "foreign_files", number(log->foreign_files));
    json_object_set_new(o, "access_lines", number(log->access_lines));
    json_object_set_new(o, "connection_lines", number(log->connection_lines));
    json_object_set_new(o, "health_lines", number(log->health_lines));
    json_object_set_new(o, "damaged_lines", number(log->damaged_lines));
    json_object_set_new(o, "first_line", moment(log->first_us));
    json_object_set_new(o, "last_line", moment(log->last_us));
    json_object_set_new(o, "newest_interval_end", moment(log->last_end_us));
    json_object_set_new(o, "growing", json_boolean(log->growing));
    json_object_set_new(o, "load_balancers", log_names(&log->lbs));
    json_object_set_new(o, "accounts", log_names(&log->accounts));
    json_object_set_new(o, "regions", log_names(&log->regions));
    json_object_set_new(o, "requests", marks);
    return o;
}

static json_t *
bucket_policy(const struct policy_asked *p)
{
    struct delivery_report *r = xalloc(sizeof(*r));
    const struct delivery_question q =
        p == NULL ? (struct delivery_question){0} : policy_question(p);
    if (p == NULL ||
        delivery_check((struct str){(const char *)p->text.p, p->text.n}, &q, r, NULL) != ERR_OK) {
        xfree(r);
        return json_null();
    }
    json_t *o = json_object(), *unseen = json_array();
    for (size_t i = 0; i < delivery_unseen_count(); i++) {
        json_array_append_new(unseen, json_string(delivery_unseen_at(i)->id));
    }
    json_object_set_new(o, "file", safe_z(p->file));
    json_object_set_new(o, "bucket", safe_z(p->bucket));
    json_object_set_new(o, "prefix", safe_z(p->prefix));
    json_object_set_new(o, "account", safe_z(p->account));
    json_object_set_new(o, "region", safe_z(p->region));
    json_object_set_new(o, "answer", json_string(delivery_answer_word(r->answer)));
    json_object_set_new(o, "key", safe_z(r->key));
    json_object_set_new(o, "not_examined", unseen);
    delivery_report_done(r);
    xfree(r);
    return o;
}

static json_t *
privacy(const struct facts *f)
{
    json_t *list = json_array();
    const struct hsts_found *h = f->local.hsts;
    for (size_t i = 0; f->log != NULL && i < f->log->path_count; i++) {
        json_array_append_new(list, safe_z(f->log->paths[i]));
    }
    if (f->policy != NULL) {
        json_array_append_new(list, safe_z(f->policy->file));
    }
    for (size_t i = 0; h != NULL && i < h->store_count; i++) {
        json_array_append_new(list, safe_z(h->stores[i].file));
    }
    json_t *o = json_object();
    json_object_set_new(o, "files_read", list);
    return o;
}

static void
write_object(json_t *o, struct buf *out)
{
    char *text = json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    buf_add_z(out, text == NULL ? "{}" : text);
    buf_add_char(out, '\n');
    xfree(text); /* jansson made it on the same heap */
}

static json_t *
begin(const char *result, uint64_t started_s, uint64_t elapsed_us)
{
    char time_text[32];
    struct out t = out_of(time_text, sizeof time_text - 1);
    out_iso8601(&t, started_s * 1000000, true);
    *t.p = '\0';
    json_t *o = json_object();
    json_object_set_new(o, "schema", json_integer(SCHEMA_NUMBER));
    json_object_set_new(o, "version", json_string(OPENALB_VERSION));
    json_object_set_new(o, "lang", json_string(text_lang_code(text_lang())));
    json_object_set_new(o, "started", started_s == 0 ? json_null() : json_string(time_text));
    json_object_set_new(o, "elapsed_ms", ms(elapsed_us));
    json_object_set_new(o, "result", json_string(result));
    json_object_set_new(o, "error", json_null());
    return o;
}

void
report_json(const struct report *r, struct buf *out)
{
    static const char *const words[] = {"ok", "fault", "warning", "unknown", "error"};
    const struct facts *f = r->facts;
    json_t *o = begin(words[r->findings->verdict], f->started_s, f->elapsed_us);
    json_t *list = json_array(), *all_evidence = json_array(), *probes = json_array(),
           *endpoints = json_array();
    for (size_t i = 0; i < r->findings->count; i++) {
        const struct finding *one = &r->findings->items[i];
        json_array_append_new(list, finding(f, one));
        json_t *some = evidence_list(one);
        json_array_extend(all_evidence, some);
        json_decref(some);
    }
    for (size_t i = 0; i < f->count; i++) {
        json_array_append_new(probes, probe(&f->results[i]));
        if (f->results[i].probe == PROBE_T1) {
            json_array_append_new(endpoints, endpoint(f, &f->results[i]));
        }
    }
    json_object_set_new(o, "target", target(&f->question));
    json_object_set_new(o, "verdict", verdict(r->findings));
    json_object_set_new(o, "findings", list);
    json_object_set_new(o, "evidence", all_evidence);
    json_object_set_new(o, "probes", probes);
    json_object_set_new(o, "layers", layers(r->findings));
    json_object_set_new(o, "endpoints", endpoints);
    json_object_set_new(o, "redirects", redirects(r));
    json_object_set_new(o, "connections", json_integer((json_int_t)f->connections));
    json_object_set_new(o, "aws", json_null());
    json_object_set_new(o, "openalb", json_null());
    json_object_set_new(o, "logs", logs(f->log));
    json_object_set_new(o, "bucket_policy", bucket_policy(f->policy));
    json_object_set_new(o, "privacy", privacy(f));
    write_object(o, out);
}

void
report_json_error(const char *message, int exit_code, struct buf *out)
{
    json_t *o = begin("error", 0, 0), *states = json_object(), *why = json_object(),
           *read = json_object();
    for (size_t l = 0; l < LAYER_UNDECIDED; l++) {
        json_object_set_new(states, layer_json((enum layer)l), json_string("not_examined"));
    }
    json_object_set_new(why, "message", safe(str_of(message)));
    json_object_set_new(why, "exit_code", json_integer(exit_code));
    json_object_set_new(read, "files_read", json_array());
    json_object_set_new(o, "error", why);
    json_object_set_new(o, "target", json_null());
    json_object_set_new(o, "verdict", json_null());
    json_object_set_new(o, "findings", json_array());
    json_object_set_new(o, "evidence", json_array());
    json_object_set_new(o, "probes", json_array());
    json_object_set_new(o, "layers", states);
    json_object_set_new(o, "endpoints", json_array());
    json_object_set_new(o, "redirects", json_array());
    json_object_set_new(o, "connections", json_integer(0));
    json_object_set_new(o, "aws", json_null());
    json_object_set_new(o, "openalb", json_null());
    json_object_set_new(o, "logs", json_null());
    json_object_set_new(o, "bucket_policy", json_null());
    json_object_set_new(o, "privacy", read);
    write_object(o, out);
}
