/* SPDX-License-Identifier: Apache-2.0
 * Rules of the load balancer's logs: did the requests of this diagnosis arrive, and who made the
 * status that was seen [doctor-faults 3.5, 6, 12, 14; ruling 22]. They run after all others: a line
 * of the log confirms or corrects what the others concluded. */
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/infer_int.h"
#include "doctor/log_mark.h"
#include "query/why.h"
#include "text/text.h"

enum { SECOND_US = 1000 * 1000, INTERVAL_S = 300, TIME_TEXT = 32 };

/* ---- texts ---- */

/* "2026-11-23T12:00:00Z" */
static void
set_time(struct args *a, const char *key, uint64_t us)
{
    char text[TIME_TEXT];
    struct out o = out_of(text, sizeof(text));
    if (us == 0) {
        args_set(a, key, STR("-"));
        return;
    }
    out_iso8601(&o, us, true);
    args_set(a, key, str_sub(str_span(text, o.p), 0, STR("2026-11-23T12:00:00").n));
    struct buf z = {0};
    buf_add_str(&z, args_get(a, key));
    buf_add_char(&z, 'Z');
    args_set(a, key, buf_str(&z));
    buf_free(&z);
}

static void
set_count(struct args *a, const char *key, uint64_t n)
{
    args_setf(a, key, "%llu", (unsigned long long)n);
}

static uint64_t
lines_of(const struct log_seen *log)
{
    return log->access_lines + log->connection_lines + log->health_lines;
}

/* Until when the log is known: an interval that has ended, or the moment of looking, where a file
 * is still being written; else the last line. */
static uint64_t
covered_us(const struct log_seen *log)
{
    uint64_t end = log->growing ? log->looked_s * SECOND_US : log->last_end_us;
    return MAX_OF(end, log->last_us);
}

/* What was read. */
static void
set_read(struct args *a, const struct facts *f)
{
    const struct log_seen *log = f->log;
    struct buf paths = {0};
    for (size_t i = 0; i < log->path_count; i++) {
        buf_addf(&paths, "%s%s", i == 0 ? "" : ", ", log->paths[i]);
    }
    args_set(a, "paths", buf_str(&paths));
    buf_free(&paths);
    set_count(a, "files", log->files);
    set_count(a, "lines", lines_of(log));
    set_time(a, "from", log->first_us);
    set_time(a, "until", covered_us(log));
    args_set(a, "marker", str_of(f->marker));
}

/* ---- lines ---- */

bool
mark_read(const struct log_mark *m, struct mark_line *ret)
{
    size_t n = strlen(m->text);
    ret->text = xalloc(n + LOG_READ_PAD);
    memcpy(ret->text, m->text, n);
    if (log_line_split(ret->text, n, &ret->line) == LOG_FAULT_NONE) {
        return true;
    }
    mark_done(ret);
    return false;
}

void
mark_done(struct mark_line *m)
{
    xfree(m->text);
    m->text = NULL;
}

struct str
mark_file_name(const struct log_mark *m)
{
    struct str path = str_of(m->file);
    size_t slash;
    return str_rfind_char(path, '/', &slash) ? str_sub(path, slash + 1, path.n) : path;
}

void
mark_fields(const struct log_line *line, struct buf *out)
{
    static const unsigned access[] = {
        LOG_ACCESS_TIME,
        LOG_ACCESS_ELB_STATUS_CODE,
        LOG_ACCESS_TARGET_STATUS_CODE,
        LOG_ACCESS_TARGET,
        LOG_ACCESS_REQUEST_PROCESSING_TIME,
        LOG_ACCESS_TARGET_PROCESSING_TIME,
        LOG_ACCESS_RESPONSE_PROCESSING_TIME,
        LOG_ACCESS_ACTIONS_EXECUTED,
        LOG_ACCESS_ERROR_REASON,
        LOG_ACCESS_CLASSIFICATION,
        LOG_ACCESS_CLASSIFICATION_REASON,
    };
    static const unsigned connection[] = {
        LOG_CONNECTION_TIMESTAMP,
        LOG_CONNECTION_LISTENER_PORT,
        LOG_CONNECTION_TLS_PROTOCOL,
        LOG_CONNECTION_TLS_CIPHER,
        LOG_CONNECTION_TLS_HANDSHAKE_LATENCY,
        LOG_CONNECTION_TLS_VERIFY_STATUS,
    };
    bool is_access = line->kind == LOG_ACCESS;
    const unsigned *fields = is_access ? access : connection;
    size_t count = is_access ? COUNT_OF(access) : COUNT_OF(connection);
    /* What is usually absent is said only where it is there. */
    size_t always = is_access ? 8 : COUNT_OF(connection);
    for (size_t i = 0; i < count; i++) {
        struct str value = log_line_field(line, fields[i]);
        if (i < always || value.p != NULL) {
            buf_addf(out, "%s%s=%.*s", i == 0 ? "" : " ", log_field(line->kind, fields[i])->name,
                     STR_ARG(value.p == NULL ? STR("-") : value));
        }
    }
}

static void
set_fields(struct args *a, const struct log_mark *m, const struct log_line *line)
{
    struct buf text = {0};
    mark_fields(line, &text);
    args_set(a, "fields", buf_str(&text));
    args_set(a, "file", mark_file_name(m));
    set_count(a, "line", m->line);
    buf_free(&text);
}

static void
show_line(struct finding *f, enum evidence_id id, const struct log_mark *m,
          const struct log_line *line, bool contrary)
{
    struct args *a = contrary ? finding_contrary(f, id, NULL) : finding_evidence(f, id, NULL);
    set_fields(a, m, line);
    struct evidence *e = finding_last_evidence(f);
    if (a == &e->args && line->kind == LOG_ACCESS) {
        e->mark = m;
    }
}

/* The first line that this probe's request left; the answer that counts came last, if several did.
 */
static const struct log_mark *
find_mark(const struct facts *f, enum probe p, enum side s)
{
    for (size_t i = f->log == NULL ? 0 : f->log->mark_count; i-- > 0;) {
        const struct log_mark *m = &f->log->marks[i];
        if (m->probe == p && m->side == s) {
            return m;
        }
    }
    return NULL;
}

static const struct log_mark *
find_side(const struct facts *f, enum side s)
{
    for (size_t i = 0; f->log != NULL && i < f->log->mark_count; i++) {
        if (f->log->marks[i].side == s) {
            return &f->log->marks[i];
        }
    }
    return NULL;
}

/* ---- who made the status ---- */

static const struct {
    const char *pattern;
    enum finding_id id;
    enum confidence confidence;
} proofs[] = {
#define LOG_PROOF(pattern, id, confidence) {pattern, FINDING_##id, CONFIDENCE_##confidence},
#include "doctor/log_proofs.def"
#undef LOG_PROOF
};

/* Findings that say who made an error status, and why. */
static const struct {
    enum finding_id id;
    bool by_target; /* the target made it; else the load balancer */
} authors[] = {
    {FINDING_TGT_01, true},  {FINDING_TGT_02, false}, {FINDING_TGT_03, false},
    {FINDING_TGT_04, false}, {FINDING_TGT_06, false}, {FINDING_TGT_07, false},
    {FINDING_TGT_09, false}, {FINDING_TGT_11, false}, {FINDING_TGT_12, true},
    {FINDING_TGT_15, true},  {FINDING_TGT_16, true},  {FINDING_LBC_02, false},
    {FINDING_LBC_08, false}, {FINDING_LBC_09, false}, {FINDING_LBC_10, false},
    {FINDING_LBC_11, false}, {FINDING_LBC_12, false}, {FINDING_ALP_07, false},
    {FINDING_HTTP_05, true}, {FINDING_HTTP_08, true}, {FINDING_HTTP_12, true},
};

static bool
names(const char *ids, enum finding_id id)
{
    struct str rest = str_of(ids), piece;
    while (str_cut(&rest, ' ', &piece)) {
        if (str_eq(piece, str_of(finding_row(id)->id))) {
            return true;
        }
    }
    return false;
}

/* The finding that was made already and that the line agrees with: the wanted one, else one of the
 * pattern's, the surest first. */
static struct finding *
agreed(struct judge *j, const char *ids, enum finding_id wanted)
{
    struct finding *best = NULL;
    for (size_t i = 0; i < COUNT_OF(authors); i++) {
        struct finding *f = judge_get(j, authors[i].id);
        if (f == NULL || (f->id != wanted && !names(ids, f->id))) {
            continue;
        }
        bool better = best == NULL || f->confidence < best->confidence ||
                      (f->confidence == best->confidence && f->id == wanted);
        best = better ? f : best;
    }
    return best;
}

static void
set_status_args(struct finding *f, const struct log_line *line, const struct why_verdict *v,
                const struct result *answer)
{
    struct str target = log_line_field(line, LOG_ACCESS_TARGET), host;
    struct str reason = log_line_field(line, LOG_ACCESS_ERROR_REASON);
    uint16_t port;
    args_setf(&f->args, "status", "%u",
              log_status(log_line_field(line, LOG_ACCESS_ELB_STATUS_CODE)));
    set_count(&f->args, "seconds", (v->duration_us + SECOND_US / 2) / SECOND_US);
    args_set(&f->args, "target", target.p == NULL ? STR("ADDRESS:PORT") : target);
    if (log_peer(target, &host, &port)) {
        args_set(&f->args, "target_host", host);
        args_setf(&f->args, "target_port", "%u", port);
    }
    if (reason.p == NULL) {
        reason = log_line_field(line, LOG_ACCESS_CLASSIFICATION_REASON);
    }
    if (reason.p == NULL) {
        reason = log_line_field(line, LOG_ACCESS_CLASSIFICATION);
    }
    args_set(&f->args, "value", reason.p == NULL ? STR("-") : reason);
    if (answer != NULL) {
        result_args(answer, &f->args);
    }
}

static struct finding *
make_finding(struct judge *j, const struct log_line *line, const struct why_verdict *v,
             enum finding_id id, enum confidence c)
{
    struct finding *f = finding_new(j, id, c);
    set_status_args(f, line, v, NULL);
    if (has_answer(j->out->answer)) {
        (void)finding_evidence(f, EVIDENCE_HTTP_STATUS, j->out->answer);
    }
    if (id == FINDING_TGT_03) {
        finding_sibling(f, "TGT-02");
        finding_sibling(f, "TGT-06");
    }
    return f;
}

/* Findings that the line contradicts: another made the status, or in another way. What the target
 * meant by a status of its own no line says. */
static void
drop_contradicted(struct judge *j, const struct why_verdict *v, enum finding_id kept)
{
    for (size_t i = j->out->count; i-- > 0;) {
        enum finding_id id = j->out->items[i].id;
        bool other = false;
        for (size_t k = 0; k < COUNT_OF(authors); k++) {
            other = other || (authors[k].id == id && !(v->by_target && authors[k].by_target));
        }
        if (other && id != kept && !names(v->ids, id)) {
            finding_drop(j, i);
        }
    }
}

/* The request that a user's would be: R1, R2, or P1 of a plain site. */
static const struct log_mark *
main_mark(const struct judge *j)
{
    const struct result *a = j->out->answer;
    return a != NULL ? find_mark(j->f, a->probe, SIDE_SITE) : find_mark(j->f, PROBE_R1, SIDE_SITE);
}

/* The line of the site's own request: it proves, or corrects. */
static void
rule_line_tells(struct judge *j)
{
    const struct log_mark *m = main_mark(j);
    struct mark_line l;
    if (m == NULL || !mark_read(m, &l)) {
        return;
    }
    unsigned status = log_status(log_line_field(&l.line, LOG_ACCESS_ELB_STATUS_CODE));
    struct why_verdict v;
    enum finding_id wanted = FINDING_NONE;
    enum confidence sure = CONFIDENCE_POSSIBLE;
    why_verdict(&l.line, &v);
    for (size_t i = 0; i < COUNT_OF(proofs); i++) {
        if (strcmp(proofs[i].pattern, v.pattern) == 0) {
            wanted = proofs[i].id;
            sure = proofs[i].confidence;
        }
    }
    struct finding *f = status < 400 ? NULL : agreed(j, v.ids, wanted);
    if (f == NULL && wanted != FINDING_NONE) {
        f = make_finding(j, &l.line, &v, wanted, sure);
    }
    if (f != NULL) {
        f->confidence = MIN_OF(f->confidence, sure);
        show_line(f, EVIDENCE_LOG_LINE, m, &l.line, false);
        drop_contradicted(j, &v, f->id);
    }
    mark_done(&l);
}

/* ---- did it arrive? ---- */

/* The main request to the site; NULL: there was none. */
static const struct result *
site_request(const struct facts *f)
{
    static const enum probe order[] = {PROBE_R1, PROBE_R2, PROBE_P1};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        const struct result *r = facts_find(f, order[i], SIDE_SITE);
        if (r != NULL && r->connected_us != 0) {
            return r;
        }
    }
    return NULL;
}

/* A request went out, so that a load balancer would have logged it. */
static bool
was_asked(const struct facts *f, const struct result *r)
{
    bool plain = f->question.scheme == SCHEME_HTTP || r->probe == PROBE_P1;
    return plain || (r->seen != NULL && r->seen->done);
}

static bool
same_ip(const struct addr *a, const struct addr *b)
{
    struct addr x = *a, y = *b;
    addr_set_port(&x, 0);
    addr_set_port(&y, 0);
    return addr_eq(&x, &y);
}

/* The site's address is one of the load balancer's: +1 yes, -1 no, 0 not known. */
static int
leads_to_lb(const struct facts *f, const struct result *r)
{
    struct addr lb[QUESTION_ADDRS_MAX];
    size_t count = facts_lb_addrs(f, lb, COUNT_OF(lb));
    for (size_t i = 0; i < count; i++) {
        if (same_ip(&lb[i], &r->at)) {
            return 1;
        }
    }
    return count == 0 ? 0 : -1;
}

static uint64_t
asked_us(const struct facts *f, const struct result *r)
{
    return f->started_s * SECOND_US + r->start_us;
}

static void
add_too_early(struct judge *j, const struct result *r)
{
    uint64_t at = asked_us(j->f, r);
    uint64_t interval = (uint64_t)INTERVAL_S * SECOND_US;
    struct finding *f = finding_new(j, FINDING_LOG_04, CONFIDENCE_PROVED);
    set_read(&f->args, j->f);
    set_time(&f->args, "at", at);
    /* Files end at full five minutes and arrive within a few minutes more. */
    set_time(&f->args, "when", (at / interval + 2) * interval);
    if (covered_us(j->f->log) > 0) {
        (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
    }
    set_read(finding_evidence(f, EVIDENCE_LOG_FILES, NULL), j->f);
    if (j->f->log->test_files > 0 && j->f->log->files == 0) {
        f->note = N_("Only the test file is there: the log is switched on, and no file has been "
                     "delivered yet.");
    }
}

/* ---- the right place? ---- */

/* The name of the load balancer in its DNS name: "web" of web-1234567890.eu-west-1.elb... */
static struct str
lb_short_name(const struct facts *f)
{
    struct str name = str_of(facts_lb_name(f));
    size_t dot, dash;
    static const char *const fronts[] = {"dualstack.", "internal-"};
    for (size_t i = 0; i < COUNT_OF(fronts); i++) {
        if (str_istarts(name, str_of(fronts[i]))) {
            name = str_sub(name, strlen(fronts[i]), name.n);
        }
    }
    if (!lb_name_is_one(str_of(facts_lb_name(f))) || !str_find_char(name, '.', &dot)) {
        return STR_NONE;
    }
    name = str_sub(name, 0, dot);
    if (str_rfind_char(name, '-', &dash) && dash + 1 < name.n) {
        struct str number = str_sub(name, dash + 1, name.n);
        bool digits = true;
        for (size_t i = 0; i < number.n; i++) {
            digits = digits && ascii_is_digit(number.p[i]);
        }
        name = digits && number.n >= 6 ? str_sub(name, 0, dash) : name;
    }
    return name;
}

static bool
has_name(const struct log_names *names_seen, struct str name)
{
    for (size_t i = 0; i < names_seen->count; i++) {
        if (str_eq(str_of(names_seen->items[i].text), name)) {
            return true;
        }
    }
    return names_seen->count == 0 || names_seen->more > 0;
}

static bool
has_lb(const struct log_names *lbs, struct str name)
{
    for (size_t i = 0; i < lbs->count; i++) {
        struct str rest = str_of(lbs->items[i].text), kind, own;
        if (!str_cut(&rest, '/', &kind) || !str_cut(&rest, '/', &own) || str_ieq(own, name)) {
            return true; /* ours, or in a form that says nothing */
        }
    }
    return lbs->count == 0 || lbs->more > 0;
}

static void
add_names(struct buf *out, const struct log_names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", n->items[i].text);
    }
}

/* "PREFIX/AWSLogs/ACCOUNT/elasticloadbalancing/REGION/2026/11/23/" of the diagnosis' day, in UTC.
 */
static void
set_expected(struct args *a, const struct facts *f)
{
    const struct policy_asked *p = f->policy;
    struct civil day = clock_civil(f->started_s * SECOND_US);
    struct str region = p != NULL ? str_of(p->region) : lb_name_region(str_of(facts_lb_name(f)));
    struct str account = p != NULL ? str_of(p->account) : str_of(f->question.log_account);
    struct buf text = {0};
    if (f->question.log_region[0] != '\0') {
        region = str_of(f->question.log_region);
    }
    if (p != NULL && p->prefix[0] != '\0') {
        buf_addf(&text, "%s/", p->prefix);
    }
    buf_addf(&text, "AWSLogs/%.*s/elasticloadbalancing/%.*s/%04d/%02u/%02u/",
             STR_ARG(account.n == 0 ? STR("ACCOUNT") : account),
             STR_ARG(region.n == 0 ? STR("REGION") : region), (int)day.year, (unsigned)day.month,
             (unsigned)day.day);
    args_set(a, "expected", buf_str(&text));
    buf_free(&text);
}

static void
add_wrong_place(struct judge *j, const char *why)
{
    struct finding *f = finding_new(j, FINDING_LOG_05, CONFIDENCE_PROVED);
    set_read(&f->args, j->f);
    set_expected(&f->args, j->f);
    args_say(&f->args, "value", why);
    (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
    set_read(finding_evidence(f, EVIDENCE_LOG_FILES, NULL), j->f);
    finding_sibling(f, "LOG-01");
}

/* Why these files cannot be the load balancer's; NULL: they may be. */
static const char *
wrong_place(const struct facts *f)
{
    const struct log_seen *log = f->log;
    const char *account = f->question.log_account, *region = f->question.log_region;
    struct str lb_in =
        region[0] != '\0' ? str_of(region) : lb_name_region(str_of(facts_lb_name(f)));
    if (log->files == 0 && log->old_files == 0) {
        return log->test_files > 0 ? NULL : N_("there are no log files");
    }
    if (log->foreign_files > 0 && log->foreign_files == log->files) {
        return N_("these are logs of another product");
    }
    if (account[0] != '\0' && !has_name(&log->accounts, str_of(account))) {
        return N_("the files are of another account");
    }
    if (lb_in.n > 0 && !has_name(&log->regions, lb_in)) {
        return N_("the files are of another region");
    }
    return NULL;
}

/* LOG-05 "list with the computed prefix", LOG-06 "another load balancer of the same name part". */
static bool
is_elsewhere(struct judge *j)
{
    const struct log_seen *log = j->f->log;
    const char *why = wrong_place(j->f);
    struct str name = lb_short_name(j->f);
    if (why != NULL) {
        add_wrong_place(j, why);
        return true;
    }
    if (name.n == 0 || has_lb(&log->lbs, name)) {
        return false;
    }
    struct finding *f = finding_new(j, FINDING_LOG_06, CONFIDENCE_PROVED);
    struct buf text = {0};
    set_read(&f->args, j->f);
    add_names(&text, &log->lbs);
    args_set(&f->args, "names", buf_str(&text));
    args_set(&f->args, "lb", name);
    (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
    set_read(finding_evidence(f, EVIDENCE_LOG_FILES, NULL), j->f);
    buf_free(&text);
    return true;
}

/* ---- it did not arrive ---- */

/* LOG-03: "nothing in the access log, line in the connection log". */
static void
add_no_request(struct judge *j)
{
    const struct log_seen *log = j->f->log;
    struct mark_line l;
    bool shown = log->handshake_count > 0;
    struct finding *f =
        finding_new(j, FINDING_LOG_03, shown ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    set_read(&f->args, j->f);
    (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
    if (shown && mark_read(&log->handshakes[0], &l)) {
        show_line(f, EVIDENCE_LOG_HANDSHAKE, &log->handshakes[0], &l.line, false);
        mark_done(&l);
    } else if (log->connection_lines > 0) {
        set_count(finding_evidence(f, EVIDENCE_LOG_FAILED, NULL), "count", log->failed_handshakes);
    }
}

/* The same request at the load balancer's own address is in the log. */
static void
show_lb_line(struct judge *j, struct finding *f)
{
    const struct log_mark *m = find_side(j->f, SIDE_LB);
    struct mark_line l;
    if (m != NULL && mark_read(m, &l)) {
        show_line(f, EVIDENCE_LOG_LINE_LB, m, &l.line, true);
        mark_done(&l);
    }
}

/* The finding that says why a name leads elsewhere is proved by the log, too. */
static void
confirm_stray(struct judge *j)
{
    for (size_t i = 0; i < j->out->count; i++) {
        struct finding *f = &j->out->items[i];
        if (!finding_is_stray(f->id) || f->layer > LAYER_DNS || f->severity == SEVERITY_NOTE) {
            continue;
        }
        f->confidence = CONFIDENCE_PROVED;
        set_read(finding_evidence(f, EVIDENCE_LOG_ABSENT, NULL), j->f);
        show_lb_line(j, f);
    }
}

/* LOG-02: "marker of R4 appears, marker of R1 does not". */
static void
add_never_reached(struct judge *j)
{
    bool lb_seen = find_side(j->f, SIDE_LB) != NULL;
    const struct result *a = j->out->answer;
    if (lb_seen) {
        confirm_stray(j);
    }
    struct finding *f =
        finding_new(j, FINDING_LOG_02, lb_seen ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY);
    if (has_answer(a) && a->http->status < 400) {
        f->severity = SEVERITY_WARNING; /* it opens, whoever answers */
    }
    set_read(&f->args, j->f);
    (void)finding_evidence(f, EVIDENCE_MAIN, NULL);
    show_lb_line(j, f);
    set_read(finding_evidence(f, EVIDENCE_LOG_FILES, NULL), j->f);
    if (!lb_seen) {
        finding_sibling(f, "LOG-01");
    }
}

static void
rule_arrived(struct judge *j)
{
    const struct facts *f = j->f;
    if (f->log == NULL || find_side(f, SIDE_SITE) != NULL) {
        return;
    }
    const struct result *r = site_request(f);
    bool lb_seen = find_side(f, SIDE_LB) != NULL;
    if (!lb_seen && is_elsewhere(j)) {
        return;
    }
    if (r == NULL) {
        return; /* nothing was sent: no log can hold it */
    }
    int at_lb = leads_to_lb(f, r);
    if (!lb_seen && covered_us(f->log) <= asked_us(f, r)) {
        add_too_early(j, r);
    } else if (!was_asked(f, r) && at_lb >= 0) {
        add_no_request(j);
    } else if (at_lb > 0) {
        add_too_early(j, r); /* each node of a load balancer delivers files of its own */
    } else {
        add_never_reached(j);
    }
}

rule_fn *const log_rules[] = {rule_line_tells, rule_arrived, NULL};
