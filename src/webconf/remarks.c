/* SPDX-License-Identifier: Apache-2.0
 * The list of remarks and the table behind it. */
#include "webconf/webconf_int.h"

#include "base/assert.h"
#include "base/mem.h"

struct row {
    const char *name, *id, *sentence, *advice;
    enum webconf_weight weight;
};

static const struct row rows[WEBCONF_REMARK_COUNT] = {
#define REMARK(name, weight, id, sentence, advice)                                                 \
    [WEBCONF_REMARK_##name] = {#name, id, sentence, advice, WEBCONF_##weight},
#include "webconf/remarks.def"
#undef REMARK
};

static const struct row *
row_of(enum webconf_remark_kind k)
{
    ASSERT(k < WEBCONF_REMARK_COUNT);
    return &rows[k];
}

const char *
webconf_remark_name(enum webconf_remark_kind k)
{
    return row_of(k)->name;
}

bool
webconf_remark_find(struct str name, enum webconf_remark_kind *ret_kind)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(name, str_of(rows[i].name))) {
            *ret_kind = (enum webconf_remark_kind)i;
            return true;
        }
    }
    return false;
}

const char *
webconf_remark_id(enum webconf_remark_kind k)
{
    return row_of(k)->id;
}

const char *
webconf_remark_sentence(enum webconf_remark_kind k)
{
    return row_of(k)->sentence;
}

const char *
webconf_remark_advice(enum webconf_remark_kind k)
{
    return row_of(k)->advice;
}

const char *
webconf_weight_name(enum webconf_weight w)
{
    static const char *const names[] = {"note", "warning", "fault"};
    ASSERT(w < COUNT_OF(names));
    return names[w];
}

const char *
webconf_kind_name(enum webconf_kind k)
{
    static const char *const names[] = {"", "nginx", "apache"};
    ASSERT(k < COUNT_OF(names));
    return names[k];
}

struct webconf_remarks *
webconf_remarks_new(enum webconf_kind kind)
{
    struct webconf_remarks *r = xalloc(sizeof(*r));
    r->kind = kind;
    return r;
}

/* A copy that is a C string: what stands behind a NUL is dropped. */
static char *
copy(struct str s)
{
    size_t at = 0;
    return xstrdup_str(str_find_char(s, '\0', &at) ? str_sub(s, 0, at) : s);
}

struct webconf_remark *
webconf_remarks_add(struct webconf_remarks *r, enum webconf_remark_kind kind, struct str file,
                    unsigned line, struct str text, struct str corrected)
{
    struct webconf_remark *m = VEC_PUSH(r->items, r->count, r->cap);
    m->kind = kind;
    m->weight = row_of(kind)->weight;
    m->file = copy(file);
    m->line = line;
    m->text = copy(text);
    m->corrected = copy(corrected);
    return m;
}

void
webconf_remark_arg(struct webconf_remark *r, const char *key, struct str value)
{
    struct webconf_arg *a = &r->args[r->arg_count];
    if (r->arg_count == WEBCONF_ARGS_MAX || !str_copy_z(str_of(key), a->key, sizeof(a->key))) {
        return;
    }
    a->value = copy(value);
    r->arg_count++;
}

void
webconf_remarks_free(struct webconf_remarks **remarks)
{
    struct webconf_remarks *r = *remarks;
    *remarks = NULL;
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        struct webconf_remark *m = &r->items[i];
        xfree(m->file);
        xfree(m->text);
        xfree(m->corrected);
        for (size_t k = 0; k < m->arg_count; k++) {
            xfree(m->args[k].value);
        }
    }
    xfree(r->items);
    xfree(r);
}
