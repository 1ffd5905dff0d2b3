/* SPDX-License-Identifier: Apache-2.0
 * Configurations as rows of a table: what is said about a bad one, and that its mended twin is
 * fine. */
#include "webconf/judge_cases.h"

#include "webconf/memory_files.h"

#include "base/test.h"

struct webconf_remarks *
judge_text(enum webconf_kind kind, const char *text, const struct webconf_question *q)
{
    const struct memory_file file = {"/etc/web/site.conf", str_of(text)};
    struct memory_files memory = {&file, 1};
    struct webconf_files ops = memory_files_ops(&memory);
    struct webconf_options o = {.path = file.path, .kind = kind, .files = &ops};
    struct webconf *c = NULL;
    struct errinfo e;
    if (webconf_read(&o, &c, &e) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "not read: %s\n%s", e.text, text);
        return webconf_remarks_new(kind);
    }
    struct webconf_question asked = *q;
    asked.host = q->host == NULL ? "app.example.com" : q->host;
    struct webconf_remarks *r = webconf_judge(c, &asked);
    webconf_free(&c);
    return r;
}

const struct webconf_remark *
judge_find(const struct webconf_remarks *r, enum webconf_remark_kind kind)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->items[i].kind == kind) {
            return &r->items[i];
        }
    }
    return NULL;
}

static void
check_bad(enum webconf_kind kind, const struct judge_case *c)
{
    struct webconf_remarks *r = judge_text(kind, c->bad, &c->q);
    const struct webconf_remark *m = judge_find(r, c->kind);
    if (m == NULL) {
        test_failed(__FILE__, __LINE__, "no %s for\n%s", webconf_remark_name(c->kind), c->bad);
    } else {
        if (m->line != c->line || m->weight != c->weight) {
            test_failed(__FILE__, __LINE__, "%s: line %u %s, expected line %u %s, for\n%s",
                        webconf_remark_name(c->kind), m->line, webconf_weight_name(m->weight),
                        c->line, webconf_weight_name(c->weight), c->bad);
        }
        if (c->corrected != NULL && strcmp(m->corrected, c->corrected) != 0) {
            test_failed(__FILE__, __LINE__, "corrected is\n%s\nexpected\n%s", m->corrected,
                        c->corrected);
        }
    }
    webconf_remarks_free(&r);
}

static void
check_mended(enum webconf_kind kind, const struct judge_case *c)
{
    struct webconf_remarks *r = judge_text(kind, c->mended, &c->q);
    for (size_t i = 0; i < r->count; i++) {
        if (r->items[i].kind == c->kind || r->items[i].weight != WEBCONF_NOTE) {
            test_failed(__FILE__, __LINE__, "%s on line %u of the mended\n%s",
                        webconf_remark_name(r->items[i].kind), r->items[i].line, c->mended);
        }
    }
    webconf_remarks_free(&r);
}

void
judge_run_cases(enum webconf_kind kind, const struct judge_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_bad(kind, &cases[i]);
        if (cases[i].mended != NULL) {
            check_mended(kind, &cases[i]);
        }
    }
}
