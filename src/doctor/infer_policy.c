/* SPDX-License-Identifier: Apache-2.0
 * Rules of the bucket policy: the points of policy/delivery.h as findings, one for each id of the
 * catalogue [doctor-faults 14; rulings 24 to 26]. */
#include <stdio.h>

#include "base/mem.h"
#include "doctor/infer_int.h"
#include "policy/delivery.h"
#include "text/text.h"

static const enum severity severities[] = {[DELIVERY_ERROR] = SEVERITY_FAULT,
                                           [DELIVERY_WARNING] = SEVERITY_WARNING,
                                           [DELIVERY_NOTE] = SEVERITY_NOTE};

struct delivery_question
policy_question(const struct policy_asked *p)
{
    return (struct delivery_question){.bucket = str_of(p->bucket),
                                      .prefix = str_of(p->prefix),
                                      .account = str_of(p->account),
                                      .region = str_of(p->region),
                                      .log = DELIVERY_ACCESS};
}

static void
set_point(struct args *a, const struct delivery_point *point)
{
    char numbers[DELIVERY_NUMBERS];
    struct text_arg args[DELIVERY_ARGS];
    size_t count = delivery_point_args(point, numbers, args);
    for (size_t i = 0; i < count; i++) {
        args_set(a, args[i].key, args[i].value.p == NULL ? STR("") : args[i].value);
    }
}

static struct finding *
begin_finding(struct judge *j, enum finding_id id, const struct delivery_report *r)
{
    const struct policy_asked *p = j->f->policy;
    struct finding *f = finding_new(j, id, CONFIDENCE_PROVED);
    f->severity = SEVERITY_NOTE;
    args_set(&f->args, "file", str_of(p->file));
    args_set(&f->args, "bucket", str_of(p->bucket));
    args_set(&f->args, "prefix", str_of(p->prefix));
    args_set(&f->args, "account", str_of(p->account));
    args_set(&f->args, "region", str_of(p->region));
    args_set(&f->args, "answer", str_of(delivery_answer_word(r->answer)));
    if (r->corrected.n > 0) {
        args_set(&f->args, "policy", buf_str(&r->corrected));
    }
    for (size_t i = 0; i < delivery_unseen_count(); i++) {
        finding_sibling(f, delivery_unseen_at(i)->id);
    }
    return f;
}

static void
add_point(struct judge *j, const struct delivery_report *r, const struct delivery_point *point)
{
    enum finding_id id;
    if (!finding_find(str_of(point->id), &id)) {
        return; /* a point without an id of the catalogue: there is none today */
    }
    struct finding *f = judge_get(j, id);
    if (f == NULL) {
        f = begin_finding(j, id, r);
        f->note = point->advice[0] == '\0' ? NULL : point->advice;
        set_point(&f->args, point);
    }
    f->severity = MIN_OF(f->severity, severities[point->level]);
    struct args *a =
        finding_evidence(f, point->line > 0 ? EVIDENCE_POLICY_LINE : EVIDENCE_POLICY_POINT, NULL);
    set_point(a, point);
    struct evidence *e = finding_last_evidence(f);
    if (a == &e->args) {
        e->what = point->sentence;
    }
}

static void
rule_delivery(struct judge *j)
{
    const struct policy_asked *p = j->f->policy;
    struct delivery_report *report = xalloc(sizeof(*report));
    if (p != NULL) {
        const struct delivery_question q = policy_question(p);
        struct str json = {(const char *)p->text.p, p->text.n};
        if (delivery_check(json, &q, report, NULL) == ERR_OK) {
            for (size_t i = 0; i < report->point_count; i++) {
                add_point(j, report, &report->points[i]);
            }
            delivery_report_done(report);
        }
    }
    xfree(report);
}

rule_fn *const policy_rules[] = {rule_delivery, NULL};
