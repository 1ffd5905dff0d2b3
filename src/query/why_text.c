/* SPDX-License-Identifier: Apache-2.0
 * A request as a story on a terminal: what happened first, then who, what, where and how long. */
#include "base/assert.h"
#include "query/why_int.h"

enum { BAR = 20, INDENT = 2 };

struct page {
    struct buf *out;
    const struct term *t;
};

/* ---- parts ---- */

static struct str
field(const struct why_facts *f, unsigned number)
{
    return log_line_field(f->line, number);
}

static void
row(const struct page *p, const char *label, const struct buf *text)
{
    if (text->n > 0) {
        say_labelled(p->out, p->t, label, buf_str(text));
    }
}

/* A row that is one field of the line; nothing where it is absent. */
static void
row_field(const struct page *p, const char *label, struct str value)
{
    AUTO(buf_free) struct buf text = {0};
    if (value.p != NULL) {
        say_log(&text, value);
        row(p, label, &text);
    }
}

/* "FILE:12", "FILE at byte 4096". */
static void
add_place(struct buf *out, const struct why_line *line)
{
    AUTO(buf_free) struct buf path = {0}, number = {0};
    if (line->path == NULL) {
        return;
    }
    text_add_safe(&path, str_of(line->path));
    buf_addf(&number, "%llu", (unsigned long long)(line->number > 0 ? line->number : line->offset));
    text_fill(out, line->number > 0 ? "{file}:{line}" : tr(N_("{file}, at byte {line}")),
              TEXT_ARGS({"file", buf_str(&path)}, {"line", buf_str(&number)}));
}

static void
row_place(const struct page *p, const struct why_line *line)
{
    AUTO(buf_free) struct buf text = {0};
    add_place(&text, line);
    row(p, N_("line"), &text);
}

/* ---- who and when ---- */

static void
row_times(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0}, from = {0}, to = {0}, took = {0};
    say_time(&to, f->time_us);
    if (!f->has_duration) {
        text_fill(&text, tr(N_("logged at {time} UTC; the line does not tell when it began")),
                  TEXT_ARGS({"time", buf_str(&to)}));
    } else {
        say_time(&from, f->created_us);
        say_ms(&took, f->duration_us / 1000);
        text_fill(&text, tr(N_("received {from}, ended {to} UTC, after {duration}")),
                  TEXT_ARGS({"from", buf_str(&from)}, {"to", buf_str(&to)},
                            {"duration", buf_str(&took)}));
    }
    row(p, N_("when"), &text);
}

static void
row_client(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0}, ip = {0}, port = {0}, version = {0}, cipher = {0};
    struct str protocol = field(f, LOG_ACCESS_SSL_PROTOCOL);
    if (f->client_ip.p == NULL) {
        return;
    }
    say_log(&ip, f->client_ip);
    buf_addf(&port, "%u", f->client_port);
    say_log(&version, protocol);
    say_log(&cipher, field(f, LOG_ACCESS_SSL_CIPHER));
    text_fill(&text,
              tr(protocol.p == NULL
                     ? N_("{ip}, port {port}, without TLS")
                     : N_("{ip}, port {port}, with {version} and the cipher suite {cipher}")),
              TEXT_ARGS({"ip", buf_str(&ip)}, {"port", buf_str(&port)},
                        {"version", buf_str(&version)}, {"cipher", buf_str(&cipher)}));
    row(p, N_("client"), &text);
    row_field(p, N_("user agent"), field(f, LOG_ACCESS_USER_AGENT));
}

/* ---- what was asked, of whom ---- */

static void
row_request(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0};
    if (f->request.verb.p == NULL) {
        buf_add_z(&text, tr(N_("not readable as HTTP")));
        row(p, N_("asked"), &text);
        return;
    }
    say_log(&text, f->request.verb);
    buf_add_char(&text, ' ');
    say_log(&text, f->request.url);
    if (f->request.version.p != NULL) {
        buf_add_z(&text, " (");
        say_log(&text, f->request.version);
        buf_add_char(&text, ')');
    }
    row(p, N_("asked"), &text);
}

/* The name of the handshake matters when it is not the host of the URL. */
static void
row_names(const struct page *p, const struct why_facts *f)
{
    struct str sni = field(f, LOG_ACCESS_DOMAIN_NAME);
    AUTO(buf_free) struct buf text = {0}, a = {0}, b = {0};
    say_log(&a, sni);
    say_log(&b, f->request.host);
    if (sni.p != NULL && f->request.host.p != NULL && !str_ieq(sni, f->request.host)) {
        text_fill(&text, tr(N_("The TLS handshake named {sni}, but the request is for {host}.")),
                  TEXT_ARGS({"sni", buf_str(&a)}, {"host", buf_str(&b)}));
    } else if (sni.p != NULL) {
        buf_add_str(&text, buf_str(&a));
    } else if (field(f, LOG_ACCESS_SSL_PROTOCOL).p != NULL) {
        buf_add_z(&text, tr(N_("The TLS handshake named no host, or one that no certificate "
                               "fits.")));
    }
    row(p, N_("TLS name"), &text);
    struct str certificate = field(f, LOG_ACCESS_CHOSEN_CERT_ARN);
    if (str_eq(certificate, STR("session-reused"))) {
        buf_reset(&text);
        buf_add_z(&text, tr(N_("none was sent: an earlier TLS session was resumed")));
        row(p, N_("certificate"), &text);
    } else {
        row_field(p, N_("certificate"), certificate);
    }
}

static void
row_balancer(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0}, elb = {0}, node = {0};
    struct str address = field(f, LOG_ACCESS_IP_ADDRESS);
    say_log(&elb, field(f, LOG_ACCESS_ELB));
    say_log(&node, address);
    text_fill(&text, address.p == NULL ? "{elb}" : tr(N_("{elb}, node {node}")),
              TEXT_ARGS({"elb", buf_str(&elb)}, {"node", buf_str(&node)}));
    row(p, N_("load balancer"), &text);
}

static void
row_rule(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0}, number = {0};
    struct str priority = field(f, LOG_ACCESS_MATCHED_RULE_PRIORITY);
    const char *sentence =
        priority.p == NULL            ? N_("none: the request ended before a rule was chosen")
        : str_eq(priority, STR("0"))  ? N_("the default rule: no other one matched")
        : str_eq(priority, STR("-1")) ? N_("none: an error happened while the rules were evaluated")
                                      : N_("the rule with priority {priority}");
    if (LOG_ACCESS_MATCHED_RULE_PRIORITY >= f->line->count) {
        return; /* a line of 2017 */
    }
    say_log(&number, priority);
    text_fill(&text, tr(sentence), TEXT_ARGS({"priority", buf_str(&number)}));
    row(p, N_("rule"), &text);
}

static void
row_transform(const struct page *p, const struct why_facts *f)
{
    row_field(p, N_("new host"), field(f, LOG_ACCESS_TRANSFORMED_HOST));
    row_field(p, N_("new path"), field(f, LOG_ACCESS_TRANSFORMED_URI));
    row_field(p, N_("redirect to"), field(f, LOG_ACCESS_REDIRECT_URL));
}

static void
row_target(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0}, target = {0}, group = {0};
    say_log(&target, f->target);
    say_log(&group, say_group_name(f->group));
    const char *sentence =
        f->target.p != NULL && f->group.p != NULL ? N_("{target} of the target group {group}")
        : f->target.p != NULL                     ? "{target}" /* the same in every language */
        : f->group.p == NULL                      ? N_("none")
        : f->has_target_status
            ? N_("one without an address (a Lambda function) of the target group {group}")
            : N_("none; the target group was {group}");
    text_fill(&text, tr(sentence),
              TEXT_ARGS({"target", buf_str(&target)}, {"group", buf_str(&group)}));
    row(p, N_("target"), &text);
}

/* ---- how long, how much ---- */

static void
row_legs(const struct page *p, const struct why_facts *f)
{
    static const char *const labels[] = {N_("request time"), N_("target time"),
                                         N_("response time")};
    uint64_t all = 0;
    for (size_t i = 0; i < COUNT_OF(f->legs_us); i++) {
        all += f->times[i] == '+' ? f->legs_us[i] : 0;
    }
    all = f->duration_us > all ? f->duration_us : all;
    for (size_t i = 0; i < COUNT_OF(f->legs_us); i++) {
        AUTO(buf_free) struct buf text = {0}, number = {0};
        if (f->times[i] == '+') {
            say_ms(&number, f->legs_us[i] / 1000);
            buf_addf(&text, "%9s  ", number.p);
            AUTO(buf_free) struct buf bar = {0};
            say_bar(&bar, f->legs_us[i], all, BAR, false);
            buf_add_str(&text, buf_str(&bar));
        } else {
            buf_add_z(&text, tr(N_("not measured (-1)")));
        }
        row(p, labels[i], &text);
    }
}

static void
row_statuses(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0}, sent = {0}, said = {0};
    if (f->elb == 0) {
        buf_add_char(&sent, '-');
    } else {
        buf_addf(&sent, "%u", f->elb);
    }
    buf_addf(&said, "%u", f->target_status);
    text_fill(&text,
              tr(f->has_target_status ? N_("the target said {said}, the client was sent {sent}")
                                      : N_("the target said nothing, the client was sent {sent}")),
              TEXT_ARGS({"said", buf_str(&said)}, {"sent", buf_str(&sent)}));
    if (f->elb == 460) { /* nobody was there to receive it */
        buf_reset(&text);
        buf_add_z(&text, tr(f->has_target_status
                                ? N_("460 was logged; the client was gone")
                                : N_("the target said nothing, 460 was logged; the client was "
                                     "gone")));
    }
    row(p, N_("status"), &text);
}

static void
row_bytes(const struct page *p, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0}, in = {0}, out = {0};
    say_count(&in, log_number(field(f, LOG_ACCESS_RECEIVED_BYTES)));
    say_count(&out, log_number(field(f, LOG_ACCESS_SENT_BYTES)));
    text_fill(&text, tr(N_("{received} received, {sent} sent, headers included")),
              TEXT_ARGS({"received", buf_str(&in)}, {"sent", buf_str(&out)}));
    row(p, N_("bytes"), &text);
}

/* Fields that this version has no name for. */
static void
row_extra(const struct page *p, const struct log_line *line)
{
    AUTO(buf_free) struct buf text = {0};
    bool any = false; /* real lines end in `"-" "-"` */
    for (unsigned i = log_field_count(line->kind); i < line->count; i++) {
        buf_add_z(&text, text.n > 0 ? " " : "");
        say_log(&text, log_line_raw(line, i));
        any = any || log_line_field(line, i).p != NULL;
    }
    if (any) {
        row(p, N_("newer fields"), &text);
    }
}

/* ---- what belongs to it ---- */

static void
rows_connection(const struct page *p, const struct log_line *line)
{
    AUTO(buf_free) struct buf text = {0}, took = {0}, port = {0}, protocol = {0}, cipher = {0};
    struct str version = log_line_field(line, LOG_CONNECTION_TLS_PROTOCOL);
    uint64_t us = 0;
    bool measured = log_seconds(log_line_field(line, LOG_CONNECTION_TLS_HANDSHAKE_LATENCY), &us);
    say_ms(&took, us / 1000);
    say_log(&port, log_line_field(line, LOG_CONNECTION_LISTENER_PORT));
    say_log(&protocol, version);
    say_log(&cipher, log_line_field(line, LOG_CONNECTION_TLS_CIPHER));
    const char *sentence =
        version.p == NULL ? N_("to port {port}; the line names no TLS version: plain HTTP, or a "
                               "handshake that failed early")
        : measured        ? N_("to port {port}, {version} with {cipher}, handshake {time}")
                          : N_("to port {port}, {version} with {cipher}");
    text_fill(&text, tr(sentence),
              TEXT_ARGS({"port", buf_str(&port)}, {"version", buf_str(&protocol)},
                        {"cipher", buf_str(&cipher)}, {"time", buf_str(&took)}));
    row(p, N_("connection"), &text);
    row_field(p, N_("key exchange"), log_line_field(line, LOG_CONNECTION_TLS_KEYEXCHANGE));
    row_field(p, N_("TLS result"), log_line_field(line, LOG_CONNECTION_TLS_VERIFY_STATUS));
    row_field(p, N_("client cert."), log_line_field(line, LOG_CONNECTION_LEAF_CLIENT_CERT_SUBJECT));
    row_field(p, N_("valid"), log_line_field(line, LOG_CONNECTION_LEAF_CLIENT_CERT_VALIDITY));
    row_field(p, N_("serial number"),
              log_line_field(line, LOG_CONNECTION_LEAF_CLIENT_CERT_SERIAL_NUMBER));
}

static void
row_check(const struct page *p, const struct why_line *check, const char *label)
{
    AUTO(buf_free) struct buf text = {0}, time = {0}, result = {0}, code = {0}, reason = {0};
    const struct log_line *line = &check->split;
    struct str why = log_line_field(line, LOG_HEALTH_REASON_CODE);
    struct str status = log_line_field(line, LOG_HEALTH_STATUS_CODE);
    say_time(&time, check->time_us);
    say_log(&result, log_line_field(line, LOG_HEALTH_STATUS));
    say_log(&reason, why);
    if (status.p == NULL) {
        buf_add_z(&code, tr(N_("no status")));
    } else {
        say_log(&code, status);
    }
    text_fill(&text,
              tr(why.p == NULL ? N_("{time} UTC: {result}, {code}")
                               : N_("{time} UTC: {result}, {code}, {reason}")),
              TEXT_ARGS({"time", buf_str(&time)}, {"result", buf_str(&result)},
                        {"code", buf_str(&code)}, {"reason", buf_str(&reason)}));
    row(p, label, &text);
}

/* ---- meanings and steps ---- */

static void
add_words(const struct page *p, const struct explain_word *const *words, size_t count,
          bool *heading)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(buf_free) struct buf text = {0};
        if (!*heading) {
            say_heading(p->out, p->t, N_("What the words mean"));
            *heading = true;
        }
        term_add_styled(&text, p->t, STYLE_BOLD, str_of(words[i]->key));
        buf_addf(&text, " (%s): %s", tr(explain_kind_title(words[i]->kind)), tr(words[i]->meaning));
        text_wrap(p->out, buf_str(&text), INDENT, 2 * INDENT, p->t->width);
    }
}

static void
section_words(const struct page *p, const struct why_story *story)
{
    const struct explain_word *words[WHY_WORDS_MAX];
    bool heading = false;
    add_words(p, words, why_words(&story->line.split, words), &heading);
    if (story->connection.text != NULL) {
        add_words(p, words, why_words(&story->connection.split, words), &heading);
    }
}

static void
section_todo(const struct page *p, const struct log_line *line)
{
    struct why_todo todo;
    why_todo(line, &todo);
    if (todo.count > 0) {
        say_heading(p->out, p->t, N_("What to do"));
    }
    for (size_t i = 0; i < todo.count; i++) {
        say_step(p->out, p->t, INDENT, todo.steps[i], todo.values, WHY_VALUES);
    }
    why_todo_done(&todo);
}

static void
sentence(const struct page *p, const char *heading, const char *msgid, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0};
    why_sentence(&text, msgid, f);
    if (text.n > 0) {
        say_heading(p->out, p->t, heading);
        text_wrap(p->out, buf_str(&text), INDENT, INDENT, p->t->width);
    }
}

static void
section_ids(const struct page *p, const char *ids)
{
    struct str rest = str_of(ids), id;
    while (str_cut(&rest, ' ', &id)) {
        const char *suspect = id.n > 1 ? explain_suspect(id) : NULL;
        AUTO(buf_free) struct buf text = {0};
        if (suspect != NULL) {
            buf_addf(&text, "%-7.*s  %s", STR_ARG(id), tr(suspect));
            text_wrap(p->out, buf_str(&text), INDENT, INDENT + 9, p->t->width);
        }
    }
}

/* ---- the three kinds of stories ---- */

static enum style
status_style(unsigned status)
{
    return status >= 500   ? STYLE_FAIL
           : status >= 400 ? STYLE_WARN
           : status > 0    ? STYLE_OK
                           : STYLE_DIM;
}

static void
add_verdict(const struct page *p, const struct why_facts *f, const struct why_pattern *pattern)
{
    AUTO(buf_free) struct buf text = {0}, status = {0};
    if (f->elb == 0) {
        buf_add_z(&status, f->zeros ? "000" : "-");
    } else {
        buf_addf(&status, "%u", f->elb);
    }
    term_add_styled(&text, p->t, status_style(f->elb), buf_str(&status));
    buf_add_z(&text, "  ");
    why_sentence(&text, pattern->what, f);
    buf_add_char(&text, ' ');
    buf_add_z(&text, tr(why_side_text(pattern->side)));
    text_wrap(p->out, buf_str(&text), 0, 5, p->t->width);
    buf_add_char(p->out, '\n');
}

static void
add_access(const struct page *p, const struct why_story *story)
{
    struct why_facts f;
    why_facts(&story->line.split, &f);
    const struct why_pattern *pattern = why_pattern(&f);
    add_verdict(p, &f, pattern);
    row_times(p, &f);
    row_client(p, &f);
    if (story->connection.text != NULL) {
        rows_connection(p, &story->connection.split);
    }
    row_request(p, &f);
    row_names(p, &f);
    row_balancer(p, &f);
    row_field(p, N_("actions"), field(&f, LOG_ACCESS_ACTIONS_EXECUTED));
    row_rule(p, &f);
    row_transform(p, &f);
    row_target(p, &f);
    row_legs(p, &f);
    row_statuses(p, &f);
    row_bytes(p, &f);
    row_field(p, N_("error reason"), field(&f, LOG_ACCESS_ERROR_REASON));
    row_field(p, N_("trace id"), field(&f, LOG_ACCESS_TRACE_ID));
    row_extra(p, f.line);
    for (size_t i = 0; i < story->check_count; i++) {
        row_check(p, &story->checks[i], i == 0 ? N_("health checks") : "");
    }
    row_place(p, &story->line);
    section_words(p, story);
    sentence(p, N_("Likely cause"), pattern->cause, &f);
    sentence(p, N_("What the line leaves open"), pattern->open, &f);
    if (pattern->ids[0] != '\0' && strcmp(pattern->ids, "-") != 0) {
        say_heading(p->out, p->t, N_("Findings of the doctor that look like this"));
        section_ids(p, pattern->ids);
    }
}

static void
add_connection(const struct page *p, const struct why_story *story)
{
    const struct log_line *line = &story->line.split;
    AUTO(buf_free) struct buf text = {0}, time = {0};
    struct str status = log_line_field(line, LOG_CONNECTION_TLS_VERIFY_STATUS);
    bool failed = str_starts(status, STR("Failed:"));
    const char *told =
        failed ? N_("The TLS handshake failed: no request came over this connection.")
        : log_line_field(line, LOG_CONNECTION_TLS_PROTOCOL).p == NULL
            ? N_("A connection, not a request; openalb logs why with its trace id finds the "
                 "requests.")
            : N_("A connection, not a request; its TLS handshake succeeded. openalb logs why with "
                 "its trace id finds the requests.");
    text_wrap(p->out, str_of(tr(told)), 0, 0, p->t->width);
    buf_add_char(p->out, '\n');
    say_time(&time, story->line.time_us);
    buf_addf(&text, "%s UTC", time.p);
    row(p, N_("when"), &text);
    buf_reset(&text);
    say_log(&text, log_line_field(line, LOG_CONNECTION_CLIENT_IP));
    row(p, N_("client"), &text);
    row_field(p, N_("client port"), log_line_field(line, LOG_CONNECTION_CLIENT_PORT));
    rows_connection(p, line);
    row_field(p, N_("load balancer"), log_line_field(line, LOG_CONNECTION_ELB));
    row_field(p, N_("trace id"), log_line_field(line, LOG_CONNECTION_CONN_TRACE_ID));
    row_extra(p, line);
    row_place(p, &story->line);
    section_words(p, story);
}

static void
add_health(const struct page *p, const struct why_story *story)
{
    const struct log_line *line = &story->line.split;
    text_wrap(p->out,
              str_of(tr(N_("A health check that the load balancer sent; no request of a client."))),
              0, 0, p->t->width);
    buf_add_char(p->out, '\n');
    row_check(p, &story->line, N_("result"));
    row_field(p, N_("target"), log_line_field(line, LOG_HEALTH_TARGET_ADDR));
    row_field(p, N_("target group"), log_line_field(line, LOG_HEALTH_TARGET_GROUP_ID));
    row_field(p, N_("latency, s"), log_line_field(line, LOG_HEALTH_LATENCY));
    row_field(p, N_("load balancer"), log_line_field(line, LOG_HEALTH_ELB));
    row_extra(p, line);
    row_place(p, &story->line);
    section_words(p, story);
}

static void
add_damaged(const struct page *p, const struct why_line *line)
{
    AUTO(buf_free) struct buf text = {0};
    text_wrap(p->out, str_of(tr(N_("This line is damaged; it cannot be told as a story."))), 0, 0,
              p->t->width);
    text_wrap(p->out, str_of(tr(log_fault_text(line->fault))), 0, 0, p->t->width);
    buf_add_char(p->out, '\n');
    row_place(p, line);
    text_add_safe(&text, (struct str){line->split.p, line->split.n});
    row(p, N_("text"), &text);
}

static void
add_story(const struct page *p, const struct why_story *story)
{
    if (story->line.fault != LOG_FAULT_NONE) {
        add_damaged(p, &story->line);
        return;
    }
    switch (story->line.split.kind) {
    case LOG_ACCESS: add_access(p, story); break;
    case LOG_CONNECTION: add_connection(p, story); break;
    case LOG_HEALTH: add_health(p, story); break;
    case LOG_KIND_COUNT: NEVER("a kind of log");
    }
    section_todo(p, &story->line.split);
}

void
why_text(struct buf *out, const struct term *t, const struct why *why)
{
    const struct page p = {out, t};
    for (size_t i = 0; i < why->count; i++) {
        if (i > 0) {
            buf_add_z(out, "\n");
            text_wrap(out, str_of("----"), 0, 0, t->width);
            buf_add_z(out, "\n");
        }
        add_story(&p, &why->stories[i]);
    }
    if (why->not_told > 0) {
        AUTO(buf_free) struct buf text = {0}, count = {0};
        say_count(&count, why->not_told);
        text_fill(&text, tr(N_("Further lines with this id, not told: {count}.")),
                  TEXT_ARGS({"count", buf_str(&count)}));
        buf_add_char(out, '\n');
        text_wrap(out, buf_str(&text), 0, 0, t->width);
    }
}
