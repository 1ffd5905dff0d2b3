/* SPDX-License-Identifier: Apache-2.0
 * Sentences of findings with their values, and commands to paste: what all forms of the report
 * share. */
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "doctor/log_mark.h"
#include "doctor/report.h"
#include "query/why.h"

/* ---- sentences ---- */

static size_t
add_args(struct text_arg *list, size_t count, const struct args *a)
{
    for (size_t i = 0; a != NULL && i < a->count; i++) {
        const char *value = a->items[i].value;
        struct str text = {value, a->items[i].n};
        if (a->items[i].msgid) {
            text = str_of(tr(value));
        }
        list[count++] = (struct text_arg){a->items[i].key, text};
    }
    return count;
}

static void
say(const struct args *first, const struct args *second, const char *msgid, enum text_escape e,
    struct buf *out)
{
    if (msgid == NULL || msgid[0] == '\0') {
        return;
    }
    struct text_arg list[2 * ARGS_MAX];
    size_t count = add_args(list, 0, first);
    count = add_args(list, count, second);
    text_fill_as(out, e, tr(msgid), list, count);
}

/* A finding that only the server's configuration shows is told in that remark's own words. */
static bool
only_a_remark(const struct finding *f)
{
    return f->remark_count > 0 && f->evidence_count > 0 &&
           f->evidence[0].id == EVIDENCE_CONFIG_LINE;
}

static void
say_remark(const struct webconf_remark *m, enum text_escape e, struct buf *out)
{
    struct text_arg args[WEBCONF_ARGS_MAX];
    for (size_t i = 0; i < m->arg_count; i++) {
        args[i] = (struct text_arg){m->args[i].key, str_of(m->args[i].value)};
    }
    text_fill_as(out, e, tr(webconf_remark_sentence(m->kind)), args, m->arg_count);
}

void
say_cause(const struct finding *f, enum text_escape e, struct buf *out)
{
    if (only_a_remark(f)) {
        say_remark(f->remarks[0], e, out);
        return;
    }
    /* What only the main evidence knows (an address, a status) may stand in the cause, too. */
    const struct args *more = f->evidence_count > 0 ? &f->evidence[0].args : NULL;
    say(&f->args, more, finding_row(f->id)->cause, e, out);
}

/* What happened, as `openalb logs why` says it. */
static void
say_mark(const struct log_mark *m, struct buf *out)
{
    struct mark_line l;
    if (mark_read(m, &l)) {
        if (l.line.kind == LOG_ACCESS) {
            why_what(out, &l.line);
        }
        mark_done(&l);
    }
}

void
say_evidence(const struct finding *f, const struct evidence *ev, enum text_escape e,
             struct buf *out)
{
    const char *sentence = evidence_sentence(f->id, ev->id);
    if (ev->mark == NULL && ev->what == NULL) {
        say(&ev->args, &f->args, sentence, e, out);
        return;
    }
    struct text_arg list[2 * ARGS_MAX + 1];
    struct buf what = {0};
    if (ev->mark != NULL) {
        say_mark(ev->mark, &what);
    } else {
        say(&ev->args, &f->args, ev->what, TEXT_TERMINAL, &what);
    }
    list[0] = (struct text_arg){"what", buf_str(&what)};
    size_t count = add_args(list, 1, &ev->args);
    count = add_args(list, count, &f->args);
    text_fill_as(out, e, tr(sentence), list, count);
    buf_free(&what);
}

void
say_rules_out(const struct finding *f, enum text_escape e, struct buf *out)
{
    say(&f->args, NULL, finding_row(f->id)->rules_out, e, out);
}

void
say_text(const struct finding *f, const char *msgid, enum text_escape e, struct buf *out)
{
    say(&f->args, NULL, msgid, e, out);
}

void
say_log_mark(const struct log_mark *m, enum text_escape e, struct buf *out)
{
    struct mark_line l;
    struct buf fields = {0}, what = {0};
    char line[24];
    struct out o = out_of(line, sizeof(line));
    if (!mark_read(m, &l)) {
        return;
    }
    out_u64(&o, m->line);
    mark_fields(&l.line, &fields);
    if (l.line.kind == LOG_ACCESS) {
        why_what(&what, &l.line);
    }
    text_fill_as(out, e, tr(N_("{probe}: {file} line {line}: {fields}. {what}")),
                 TEXT_ARGS({"probe", str_of(probe_name(m->probe))}, {"file", mark_file_name(m)},
                           {"line", str_span(line, o.p)}, {"fields", buf_str(&fields)},
                           {"what", buf_str(&what)}));
    mark_done(&l);
    buf_free(&fields);
    buf_free(&what);
}

void
say_log_read(const struct log_seen *log, enum text_escape e, struct buf *out)
{
    struct buf paths = {0}, files = {0}, lines = {0}, marks = {0};
    for (size_t i = 0; i < log->path_count; i++) {
        buf_addf(&paths, "%s%s", i == 0 ? "" : ", ", log->paths[i]);
    }
    buf_addf(&files, "%llu", (unsigned long long)log->files);
    buf_addf(&lines, "%llu",
             (unsigned long long)(log->access_lines + log->connection_lines + log->health_lines));
    buf_addf(&marks, "%zu", log->mark_count);
    text_fill_as(
        out, e,
        tr(N_("{paths} (files: {files}, lines: {lines}, of them this doctor's requests: {marks})")),
        TEXT_ARGS({"paths", buf_str(&paths)}, {"files", buf_str(&files)},
                  {"lines", buf_str(&lines)}, {"marks", buf_str(&marks)}));
    buf_free(&paths);
    buf_free(&files);
    buf_free(&lines);
    buf_free(&marks);
}

const struct log_mark *
say_main_mark(const struct log_seen *log)
{
    static const struct {
        enum probe probe;
        enum side side;
    } order[] = {{PROBE_R1, SIDE_SITE},
                 {PROBE_R2, SIDE_SITE},
                 {PROBE_P1, SIDE_SITE},
                 {PROBE_R4, SIDE_LB},
                 {PROBE_P1, SIDE_LB}};
    for (size_t o = 0; o < COUNT_OF(order); o++) {
        for (size_t i = 0; i < log->mark_count; i++) {
            const struct log_mark *m = &log->marks[i];
            if (m->probe == order[o].probe && m->side == order[o].side) {
                return m;
            }
        }
    }
    return NULL;
}

void
say_policy(const struct policy_asked *p, enum text_escape e, struct buf *out)
{
    const struct delivery_question q = policy_question(p);
    struct delivery_report *r = xalloc(sizeof(*r));
    struct buf unseen = {0};
    if (delivery_check((struct str){(const char *)p->text.p, p->text.n}, &q, r, NULL) == ERR_OK) {
        for (size_t i = 0; i < delivery_unseen_count(); i++) {
            buf_addf(&unseen, "%s%s", i == 0 ? "" : ", ", delivery_unseen_at(i)->id);
        }
        text_fill_as(out, e, tr(N_("{file}: {answer}; not examined: {ids}")),
                     TEXT_ARGS({"file", str_of(p->file)},
                               {"answer", str_of(delivery_answer_word(r->answer))},
                               {"ids", buf_str(&unseen)}));
        delivery_report_done(r);
    }
    buf_free(&unseen);
    xfree(r);
}

const char *
say_confidence(enum confidence c)
{
    static const char *const words[] = {N_("proved"), N_("likely"), N_("possible")};
    return words[c];
}

const char *
say_counter(enum counter c)
{
    static const char *const words[] = {"", N_("works"), N_("fails, too"), N_("was not run")};
    return words[c];
}

const char *
say_layer_state(enum layer_state s)
{
    static const char *const words[] = {N_("not examined"), N_("ok"), N_("FAIL"), N_("warn"),
                                        N_("ok*")};
    return words[s];
}

const char *
say_severity(enum severity s)
{
    static const char *const words[] = {N_("FAIL"), N_("warn"), N_("note")};
    return words[s];
}

/* ---- commands ---- */

/* Values that the far end or DNS chose [ruling 14]. */
static bool
from_far_end(const char *key)
{
    static const char *const keys[] = {"name",   "names",  "location", "issuer", "subject", "value",
                                       "server", "header", "next",     "zone",   "lb"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static bool
pastable(struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (!ascii_is_alnum(c) && strchr("._:/-", c) == NULL) {
            return false;
        }
    }
    return value.n > 0 && value.n <= 512 && value.p[0] != '-';
}

/* {target_host} becomes TARGET-HOST: to be replaced by hand. */
static void
add_placeholder(struct str key, struct buf *out)
{
    if (str_eq(key, STR("lb"))) {
        buf_add_z(out, "LOAD-BALANCER-DNS-NAME");
        return;
    }
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        buf_add_char(out, c == '_' ? '-' : (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
    }
}

static struct str
command_value(const struct facts *facts, const struct finding *f, const char *key)
{
    struct str value = args_get(&f->args, key);
    if (value.p == NULL && f->evidence_count > 0) {
        value = args_get(&f->evidence[0].args, key);
    }
    if (value.p == NULL && strcmp(key, "zone") == 0 && !facts->question.host_is_address) {
        const char *parent = dns_name_parent(facts->question.host);
        return parent == NULL ? STR_NONE : str_of(parent);
    }
    struct addr literal;
    if (value.p != NULL && strcmp(key, "lb") == 0 && addr_parse(value, 0, &literal)) {
        return STR_NONE; /* commands and records want its name */
    }
    if (value.p != NULL && strcmp(key, "address") == 0) { /* commands want it without the port */
        size_t colon = 0;
        struct addr probe;
        if (!addr_parse(value, 0, &probe) && str_rfind_char(value, ':', &colon)) {
            value = str_sub(value, 0, colon);
            if (value.n > 1 && value.p[0] == '[') {
                value = str_sub(value, 1, value.n - 2);
            }
        }
    }
    return value;
}

/* A corrected policy, whole: our own JSON, with bytes of the old one in its strings. */
static void
add_policy(struct str json, struct buf *out)
{
    struct str line;
    bool first = true;
    while (json.n > 0 && str_cut(&json, '\n', &line)) {
        buf_add_z(out, first ? "" : "\n");
        text_add_safe(out, line);
        first = false;
    }
}

void
say_command(const struct facts *facts, const struct finding *f, const char *command,
            struct buf *out)
{
    for (const char *p = command; *p != '\0'; p++) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        char key[32];
        struct str name = end == NULL ? STR_NONE : str_span(p + 1, end);
        /* "#{host}" is a variable of a redirect rule, not ours. */
        bool named = name.n > 0 && name.n < sizeof key && (p == command || p[-1] != '#');
        for (size_t i = 0; named && i < name.n; i++) {
            named = (name.p[i] >= 'a' && name.p[i] <= 'z') || name.p[i] == '_';
        }
        if (!named || !str_copy_z(name, key, sizeof key)) {
            buf_add_char(out, *p);
            continue;
        }
        struct str value = command_value(facts, f, key);
        if (str_eq(name, STR("prefix")) && value.p != NULL && value.n == 0) {
            p = end; /* there is none: '' */
            continue;
        }
        if (str_eq(name, STR("policy")) && value.p != NULL) {
            add_policy(value, out);
            p = end;
            continue;
        }
        /* A name before a dot belongs to a record of a zone file, which knows no quotes. */
        bool quoted =
            (p > command && (p[-1] == '\'' || p[-1] == '"' || p[-1] == '`')) || end[1] == '.';
        if (!pastable(value)) {
            add_placeholder(name, out);
        } else if (from_far_end(key) && !quoted) {
            buf_addf(out, "'%.*s'", STR_ARG(value));
        } else {
            buf_add_str(out, value);
        }
        p = end;
    }
}

/* ---- which remedies fit ---- */

/* Is it our own load balancer? By its name or by an answer of its own. */
static bool
is_openalb(const struct facts *facts)
{
    if (str_ends(str_of(facts_lb_name(facts)), STR(".elb.localhost"))) {
        return true;
    }
    for (size_t i = 0; i < facts->count; i++) {
        const struct http_seen *h = facts->results[i].http;
        if (h != NULL && h->author == AUTHOR_OURS) {
            return true;
        }
    }
    return false;
}

static bool
server_is(const struct facts *facts, const char *word)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct http_seen *h = facts->results[i].http;
        struct str server = h == NULL ? STR_NONE : http_seen_header(h, "server");
        if (server.p != NULL && str_istarts(server, str_of(word))) {
            return true;
        }
    }
    return false;
}

/* Lower is more fitting, equal ones stay in the table's order: rows of the wrong load balancer or
 * server come last. */
static unsigned
tool_rank(const struct facts *facts, enum tool tool)
{
    switch (tool) {
    case TOOL_OPENALB: return is_openalb(facts) ? 0 : 3;
    case TOOL_AWS: return is_openalb(facts) ? 3 : 0;
    case TOOL_NGINX: return server_is(facts, "apache") ? 3 : 0;
    case TOOL_APACHE: return server_is(facts, "apache") ? 0 : 3;
    case TOOL_FRAMEWORK: return 2;
    case TOOL_NONE:
    case TOOL_ZONE:
    case TOOL_SHELL:
    case TOOL_OPENSSL:
    case TOOL_BROWSER:
    case TOOL_POLICY:
    case TOOL_COUNT: return 0;
    }
    return 0;
}

size_t
say_fixes(const struct facts *facts, const struct finding *f,
          const struct fix_row *ret_rows[static SAY_FIXES_MAX])
{
    const struct fix_row *rows = NULL;
    size_t count = fix_rows(f->id, &rows), n = 0;
    for (unsigned rank = 0; rank <= 3; rank++) {
        for (size_t i = 0; i < count && n < SAY_FIXES_MAX; i++) {
            bool nothing = rows[i].tool == TOOL_POLICY && args_get(&f->args, "policy").p == NULL;
            if (tool_rank(facts, rows[i].tool) == rank && !nothing) {
                ret_rows[n++] = &rows[i];
            }
        }
    }
    return n;
}

const char *
tool_json(enum tool t)
{
    static const char *const names[] = {
#define TOOL(name, json, title) json,
#include "doctor/tools.def"
#undef TOOL
    };
    return names[t];
}

const char *
tool_title(enum tool t)
{
    static const char *const titles[] = {
#define TOOL(name, json, title) title,
#include "doctor/tools.def"
#undef TOOL
    };
    return titles[t];
}
