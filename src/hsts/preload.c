/* SPDX-License-Identifier: Apache-2.0
 * Preloaded names: a small table of top-level domains, and a list file in Chromium's form. The list
 * has more than 100,000 entries: it is cut into its entries first, and only those that may be asked
 * for are read as JSON. */
#include "hsts/hsts_int.h"

#include <jansson.h>

#include "base/limits.h"
#include "base/mem.h"
#include "text/text.h"

static const char *const tlds[] = {
#define TLD(name) (name),
#include "hsts/preloaded_tlds.def"
#undef TLD
};

static void
add(struct hsts_query *q, size_t index, bool include_subdomains, bool from_list)
{
    struct hsts_found *f = q->found;
    for (size_t i = 0; i < f->preloaded_count; i++) {
        if (f->preloaded[i].name == f->names[index]) {
            f->preloaded[i].include_subdomains |= include_subdomains;
            f->preloaded[i].applies = index == 0 || f->preloaded[i].include_subdomains;
            return;
        }
    }
    *VEC_PUSH(f->preloaded, f->preloaded_count, f->preloaded_cap) = (struct hsts_preloaded){
        .name = f->names[index],
        .is_parent = index > 0,
        .include_subdomains = include_subdomains,
        .applies = index == 0 || include_subdomains,
        .from_list = from_list,
    };
}

void
hsts_preload_builtin(struct hsts_query *q)
{
    for (size_t i = 0; i < COUNT_OF(tlds); i++) {
        size_t index;
        if (hsts_query_finds(q, str_of(tlds[i]), &index)) {
            add(q, index, true, false);
        }
    }
}

/* ---- the list file ---- */

/* Comments become blanks; what looks like one in a string stays. */
static void
blank_comments(char *text, size_t size)
{
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        if (in_string && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && text[i] == '/' && i + 1 < size && text[i + 1] == '/') {
            for (; i < size && text[i] != '\n'; i++) {
                text[i] = ' ';
            }
        }
    }
}

/* A walk over the text that stops at each object of the array "entries" of the outermost object. */
struct walk {
    struct str text;
    size_t at;
    size_t depth;
    struct str last_string;
    bool in_entries; /* inside the array */
    bool seen_entries;
    bool broken;
};

enum { DEPTH_ROOT = 1, DEPTH_ARRAY = 2, DEPTH_ENTRY = 3 };

static void
walk_string(struct walk *w)
{
    size_t begin = w->at + 1;
    size_t end = begin;
    while (end < w->text.n && w->text.p[end] != '"') {
        end += w->text.p[end] == '\\' ? 2 : 1;
    }
    w->broken = end >= w->text.n;
    w->last_string = str_sub(w->text, begin, end - begin);
    w->at = MIN_OF(end, w->text.n);
}

static void
walk_open(struct walk *w, char c)
{
    w->depth++;
    w->broken = w->depth > LIMIT_HSTS_JSON_DEPTH_MAX;
    if (w->depth == DEPTH_ARRAY) {
        w->in_entries = c == '[' && str_eq(w->last_string, STR("entries"));
        w->seen_entries = w->seen_entries || w->in_entries;
    }
}

static void
walk_close(struct walk *w)
{
    w->broken = w->depth == 0;
    w->depth -= w->depth > 0;
    w->in_entries = w->in_entries && w->depth >= DEPTH_ARRAY;
}

/* The next entry's text; false at the end. */
static bool
walk_next(struct walk *w, struct str *ret_entry)
{
    size_t begin = 0;
    for (; w->at < w->text.n && !w->broken; w->at++) {
        char c = w->text.p[w->at];
        if (c == '"') {
            walk_string(w);
        } else if (c == '{' || c == '[') {
            walk_open(w, c);
            begin = w->depth == DEPTH_ENTRY ? w->at : begin;
        } else if (c == '}' || c == ']') {
            bool entry = w->in_entries && w->depth == DEPTH_ENTRY && c == '}';
            walk_close(w);
            if (entry) {
                *ret_entry = str_span(w->text.p + begin, w->text.p + w->at + 1);
                w->at++;
                return true;
            }
        }
    }
    return false;
}

/* Does the text hold one of the asked names between quotation marks? */
static bool
may_be_asked(const struct hsts_query *q, struct str entry)
{
    for (size_t i = 0; i < q->found->name_count; i++) {
        char quoted[HSTS_NAME_MAX + 2];
        struct out o = out_of(quoted, sizeof(quoted));
        out_char(&o, '"');
        out_str(&o, str_of(q->found->names[i]));
        out_char(&o, '"');
        if (str_find(entry, (struct str){quoted, (size_t)(o.p - quoted)}, NULL)) {
            return true;
        }
    }
    return false;
}

static void
read_entry(struct hsts_query *q, struct str text)
{
    json_t *e = json_loadb(text.p, text.n, 0, NULL);
    const json_t *name = json_object_get(e, "name");
    const char *mode = json_string_value(json_object_get(e, "mode"));
    size_t index;
    if (!json_is_string(name)) {
        q->found->preload_damaged++;
    } else if (str_eq(str_of(mode), STR("force-https")) &&
               hsts_query_finds(q, str_of(json_string_value(name)), &index)) {
        add(q, index, json_is_true(json_object_get(e, "include_subdomains")), true);
    }
    json_decref(e);
}

enum err
hsts_preload_read(struct hsts_query *q, char *text, size_t size, struct errinfo *reterr)
{
    blank_comments(text, size);
    struct walk w = {.text = {text, size}};
    for (struct str entry; walk_next(&w, &entry);) {
        if (may_be_asked(q, entry)) {
            read_entry(q, entry);
        }
    }
    if (w.broken || w.depth != 0 || !w.seen_entries) {
        return text_err(reterr, ERR_INVALID,
                        N_("The preload list is damaged: it must be JSON with an array \"entries\" "
                           "of objects with \"name\" and \"mode\"."),
                        NULL, 0);
    }
    return ERR_OK;
}
