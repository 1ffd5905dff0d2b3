/* SPDX-License-Identifier: Apache-2.0
 * Reads a policy: the first byte, JSON, and what the document says; words of the faults. */
#include "policy/policy_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <jansson.h>

/* ---- faults ---- */

static const struct {
    const char *word, *id, *s3, *text;
} faults[POLICY_FAULT_COUNT] = {
    [POLICY_FAULT_NONE] = {"none", "", "", ""},
#define POLICY_FAULT(NAME, word, id, s3, sentence) [POLICY_FAULT_##NAME] = {word, id, s3, sentence},
#include "policy/faults.def"
#undef POLICY_FAULT
};

const char *
policy_fault_word(enum policy_fault fault)
{
    ASSERT(fault < POLICY_FAULT_COUNT);
    return faults[fault].word;
}

const char *
policy_fault_id(enum policy_fault fault)
{
    ASSERT(fault < POLICY_FAULT_COUNT);
    return faults[fault].id;
}

const char *
policy_fault_s3(enum policy_fault fault)
{
    ASSERT(fault < POLICY_FAULT_COUNT);
    return faults[fault].s3;
}

const char *
policy_fault_text(enum policy_fault fault)
{
    ASSERT(fault < POLICY_FAULT_COUNT);
    return faults[fault].text;
}

/* Cuts between characters, not in one. */
static void
value_copy(struct str value, char *to, size_t size)
{
    size_t n = MIN_OF(value.n, size - 1);
    while (n > 0 && n < value.n && ((unsigned char)value.p[n] & 0xc0) == 0x80) {
        n--;
    }
    if (n > 0) {
        memcpy(to, value.p, n);
    }
    to[n] = '\0';
}

void
policy_problem(struct policy_reading *r, enum policy_fault fault, const char *element, ssize_t at,
               struct str value)
{
    struct policy_problems *all = r->problems;
    if (all->count == COUNT_OF(all->items)) {
        return;
    }
    struct policy_problem *p = &all->items[all->count++];
    *p = (struct policy_problem){.fault = fault, .statement = r->statement, .element = element};
    if (at >= 0) {
        policy_position(r->scan->source, (size_t)at, &p->line, &p->column);
    }
    value_copy(value, p->value, sizeof(p->value));
}

/* ---- the first byte ---- */

static size_t
skip_white(struct str s, size_t at)
{
    while (at < s.n && memchr(" \t\r\n", s.p[at], 4) != NULL) {
        at++;
    }
    return at;
}

static size_t
character_length(struct str s)
{
    size_t n = s.n > 0;
    while (n < s.n && n < 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80) {
        n++;
    }
    return n;
}

/* Finds the first brace and reports what stands before it. False: there is none to go on with. */
static bool
find_brace(struct policy_reading *r, size_t *ret_start)
{
    struct str source = r->scan->source;
    bool mark = str_starts(source, STR("\xef\xbb\xbf"));
    bool mark16 = str_starts(source, STR("\xff\xfe")) || str_starts(source, STR("\xfe\xff"));
    size_t start = skip_white(source, mark ? 3 : 0);
    struct str rest = str_sub(source, start, source.n - start);
    enum policy_fault f = POLICY_FAULT_FIRST_BYTE;
    if (mark16) {
        f = POLICY_FAULT_BYTE_ORDER_MARK;
    } else if (rest.n == 0) {
        f = POLICY_FAULT_EMPTY;
    } else if (str_starts(rest, STR("//")) || str_starts(rest, STR("/*")) || rest.p[0] == '#') {
        f = POLICY_FAULT_LEADING_COMMENT;
    } else if (rest.p[0] == '{') {
        f = POLICY_FAULT_NONE;
    }
    if (f != POLICY_FAULT_NONE) {
        policy_problem(r, f, NULL, mark16 || rest.n == 0 ? 0 : (ssize_t)start,
                       str_sub(rest, 0, character_length(rest)));
        return false;
    }
    if (start > 0) {
        bool line = source.p[0] == '\n' || source.p[0] == '\r';
        f = mark   ? POLICY_FAULT_BYTE_ORDER_MARK
            : line ? POLICY_FAULT_LEADING_NEWLINE
                   : POLICY_FAULT_LEADING_BLANK;
        policy_problem(r, f, NULL, 0, STR_NONE);
    }
    *ret_start = start;
    return true;
}

/* ---- JSON ---- */

/* What jansson refuses although the scanner found nothing: a name that stands twice, or a value
 * beyond what jansson can hold. */
static void
report_jansson(struct policy_reading *r, const json_error_t *e)
{
    const struct policy_scan *s = r->scan;
    size_t at = s->start + (size_t)MAX_OF(e->position, 0);
    enum json_error_code code = json_error_code(e);
    if (code != json_error_duplicate_key) {
        policy_problem(r, POLICY_FAULT_JSON, NULL, (ssize_t)MIN_OF(at, s->source.n), STR_NONE);
        return;
    }
    const struct policy_node *found = &s->nodes[0];
    for (size_t i = 0; i < s->count; i++) {
        /* jansson stops right behind the second name */
        found =
            s->nodes[i].key_end == at && s->nodes[i].key_at < s->nodes[i].at ? &s->nodes[i] : found;
    }
    policy_problem(r, POLICY_FAULT_DUPLICATE_KEY, NULL, (ssize_t)found->key_at,
                   str_sub(s->source, found->key_at, found->key_end - found->key_at));
}

/* Gives the nodes their texts and names. Both readings are strict: they see the same values.
 * Recursion ends at LIMIT_POLICY_DEPTH_MAX, which the scan keeps. */
static size_t
adopt(struct policy_scan *s, json_t *json, size_t index)
{
    struct policy_node *node = &s->nodes[index++];
    if (node->kind == POLICY_TEXT) {
        ASSERT(json_is_string(json));
        node->text = (struct str){json_string_value(json), json_string_length(json)};
    } else if (node->kind == POLICY_OBJECT) {
        ASSERT(json_is_object(json));
        void *i = json_object_iter(json);
        for (; i != NULL; i = json_object_iter_next(json, i)) {
            s->nodes[index].key = str_of(json_object_iter_key(i));
            index = adopt(s, json_object_iter_value(i), index);
        }
    } else if (node->kind == POLICY_LIST) {
        ASSERT(json_is_array(json));
        for (size_t i = 0; i < json_array_size(json); i++) {
            index = adopt(s, json_array_get(json, i), index);
        }
    }
    ASSERT(index == node->next);
    return index;
}

static void
json_drop(json_t **json)
{
    json_decref(*json);
}

static void
read_json(struct policy_reading *r, struct policy_scan *s)
{
    json_error_t e;
    struct str text = str_sub(s->source, s->start, s->source.n - s->start);
    policy_scan(s);
    if (s->fault != POLICY_FAULT_NONE) {
        policy_problem(r, s->fault, NULL, (ssize_t)s->fault_at, s->value);
        return;
    }
    AUTO(json_drop)
    json_t *json = json_loadb(
        text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
    if (json == NULL) {
        report_jansson(r, &e);
        return;
    }
    (void)adopt(s, json, 0);
    policy_read_document(r);
    if (s->source.n > LIMIT_POLICY_BYTES_MAX) {
        r->statement = 0;
        policy_problem(r, POLICY_FAULT_TOO_LARGE, NULL, POLICY_NOWHERE, STR_NONE);
    }
}

static void
scan_done(struct policy_scan *s)
{
    xfree(s->nodes);
}

enum err
policy_read(struct str json, const struct policy_scope *scope, struct policy **ret_policy,
            struct policy_problems *ret_problems)
{
    AUTO(scan_done) struct policy_scan scan = {.source = json};
    struct policy *policy = xalloc(sizeof(*policy));
    struct policy_reading r = {
        .scan = &scan, .scope = scope, .policy = policy, .problems = ret_problems};
    ret_problems->count = 0;
    if (json.n > LIMIT_POLICY_READ_MAX) {
        policy_problem(&r, POLICY_FAULT_NOT_READ, NULL, POLICY_NOWHERE, STR_NONE);
    } else if (find_brace(&r, &scan.start)) {
        read_json(&r, &scan);
    }
    if (ret_problems->count > 0) {
        policy_free(&policy);
        return ERR_INVALID;
    }
    *ret_policy = policy;
    return ERR_OK;
}

void
policy_free(struct policy **policy)
{
    struct policy *p = *policy;
    *policy = NULL;
    if (p == NULL) {
        return;
    }
    xfree(p->statements);
    xfree(p->principals);
    xfree(p->conditions);
    xfree(p->tests);
    xfree(p->strings);
    xfree(p->bytes);
    xfree(p);
}

/* ---- looking at it ---- */

size_t
policy_statement_count(const struct policy *p)
{
    return p->statement_count;
}

const struct policy_statement *
policy_statement(const struct policy *p, size_t index)
{
    ASSERT(index < p->statement_count);
    return &p->statements[index];
}

bool
policy_has_variables(const struct policy *p)
{
    return p->variables;
}
