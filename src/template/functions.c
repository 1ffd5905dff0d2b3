/* SPDX-License-Identifier: Apache-2.0
 * Functions that give values, one C function each (functions.def is their table). */
#include "template/resolve_int.h"

/* The function cannot work with what it got. */
static enum outcome
call_refuse(struct resolver *r, const struct call *c)
{
    node_error(r->errors, c->whole, "%.*s needs %s", STR_ARG(c->function->key), c->function->needs);
    return OUTCOME_BAD;
}

/* ---- arguments ---- */
/* Resolves an argument that must be of this kind. */
static bool
arg_of_kind(struct resolver *r, const struct call *c, struct node *arg, enum node_kind kind,
            const char *what)
{
    enum outcome outcome = value_resolve(r, arg);
    if (outcome == OUTCOME_BAD) {
        return false;
    }
    if (outcome == OUTCOME_VALUE && arg->kind == kind) {
        return true;
    }
    node_error(r->errors, arg, "the %s of %.*s must be %s, not %s", what, STR_ARG(c->function->key),
               kind == NODE_LIST ? "a list" : "a string",
               outcome == OUTCOME_NOTHING ? "AWS::NoValue" : node_kind_name(arg));
    return false;
}

/* Makes the text of `ret` from what was built, within the bound for the whole template. */
static enum outcome
text_finish(struct resolver *r, const struct call *c, const struct buf *made, struct node *ret)
{
    if (made->overflow || r->tree->made_bytes + made->n > RESOLVE_TEXT_MAX) {
        node_error(r->errors, c->whole,
                   "%.*s makes too long a text: allowed are %d bytes, and %d "
                   "for all functions together",
                   STR_ARG(c->function->key), LIMIT_TEMPLATE_BYTES_MAX, RESOLVE_TEXT_MAX);
        return OUTCOME_BAD;
    }
    r->tree->made_bytes += made->n;
    ret->text = tree_dup(r->tree, buf_str(made));
    return OUTCOME_VALUE;
}

/* A list of `count` strings, its items still empty. */
static enum outcome
list_make(struct resolver *r, const struct node *at, size_t count, bool secret, struct node *ret)
{
    if (count >
        LIMIT_TEMPLATE_NODES_MAX - MIN_OF(r->tree->node_count, (size_t)LIMIT_TEMPLATE_NODES_MAX)) {
        node_error(r->errors, at, "more than %d values in one template", LIMIT_TEMPLATE_NODES_MAX);
        return OUTCOME_BAD;
    }
    *ret = (struct node){.kind = NODE_LIST, .count = count, .secret = secret};
    ret->items = (void *)tree_alloc(r->tree, count * sizeof(*ret->items));
    for (size_t i = 0; i < count; i++) {
        ret->items[i] = tree_node(r->tree, NODE_SCALAR, at);
        ret->items[i]->quoted = true;
        ret->items[i]->secret = secret;
    }
    return OUTCOME_VALUE;
}

/* ---- Ref ---- */
static enum outcome
parameter_value(struct resolver *r, const struct node *at, const struct parameter *p,
                struct node *ret)
{
    if (p->bad) {
        return OUTCOME_BAD;
    }
    if (!p->list) {
        ret->text = p->text;
        ret->secret = p->secret;
        return OUTCOME_VALUE;
    }
    if (list_make(r, at, p->item_count, p->secret, ret) == OUTCOME_BAD) {
        return OUTCOME_BAD;
    }
    for (size_t i = 0; i < p->item_count; i++) {
        ret->items[i]->text = p->items[i];
    }
    return OUTCOME_VALUE;
}

static enum outcome
ref_value(struct resolver *r, const struct node *at, struct str name, struct node *ret)
{
    if (!ref_known(r, at, name)) {
        return OUTCOME_BAD;
    }
    if (str_eq(name, STR("AWS::NoValue"))) {
        return OUTCOME_NOTHING;
    }
    if (str_eq(name, STR("AWS::NotificationARNs"))) {
        return list_make(r, at, 0, false, ret);
    }
    if (pseudo_value(r, name, &ret->text)) {
        return OUTCOME_VALUE;
    }
    const struct parameter *p = parameter_find(r, name);
    return p != NULL ? parameter_value(r, at, p, ret) : resource_ask(r, at, name, STR_NONE, ret);
}

enum outcome
function_ref(struct resolver *r, const struct call *c, struct node *ret)
{
    struct str name;
    if (!literal_read(r, c->arg, "the name for Ref", &name)) {
        return OUTCOME_BAD;
    }
    return ref_value(r, c->whole, name, ret);
}

/* ---- GetAtt ---- */
static enum outcome
get_att_text(struct resolver *r, const struct call *c, struct str text, struct node *ret)
{
    size_t dot;
    if (!str_find_char(text, '.', &dot) || dot == 0 || dot + 1 == text.n) {
        return call_refuse(r, c);
    }
    return resource_ask(r, c->whole, str_sub(text, 0, dot), str_sub(text, dot + 1, text.n), ret);
}

enum outcome
function_get_att(struct resolver *r, const struct call *c, struct node *ret)
{
    struct node *arg = c->arg;
    if (arg->tag.n == 0 && arg->kind == NODE_SCALAR) {
        return get_att_text(r, c, arg->text, ret);
    }
    if (arg->tag.n > 0 || arg->kind != NODE_LIST || arg->count != 2) {
        return call_refuse(r, c);
    }
    struct str name;
    if (!literal_read(r, arg->items[0], "the resource of Fn::GetAtt", &name) ||
        !arg_of_kind(r, c, arg->items[1], NODE_SCALAR, "attribute")) {
        return OUTCOME_BAD;
    }
    if (arg->items[1]->text.n == 0) {
        return call_refuse(r, c);
    }
    return resource_ask(r, c->whole, name, arg->items[1]->text, ret);
}

/* ---- Sub ---- */
bool
sub_next(struct str *rest, struct str *ret_before, struct str *ret_name, bool *ret_open)
{
    size_t begin, length;
    *ret_open = false;
    *ret_before = *rest;
    if (!str_find(*rest, STR("${"), &begin)) {
        return false;
    }
    struct str name = str_sub(*rest, begin + 2, rest->n);
    if (!str_find_char(name, '}', &length)) {
        *ret_open = true;
        return false;
    }
    *ret_before = str_sub(*rest, 0, begin);
    *ret_name = str_sub(name, 0, length);
    *rest = str_sub(name, length + 1, name.n);
    return true;
}

static bool
sub_name_legal(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (!ascii_is_alnum(name.p[i]) && name.p[i] != '_' && name.p[i] != '.' &&
            name.p[i] != ':') {
            return false;
        }
    }
    return name.n > 0;
}

/* What stands for ${name}. */
static enum outcome
sub_variable(struct resolver *r, const struct call *c, const struct node *variables,
             struct str name, struct node *ret)
{
    const struct node *given = node_get(variables, name);
    if (given != NULL) {
        *ret = *given;
        return OUTCOME_VALUE;
    }
    if (!sub_name_legal(name)) {
        node_error(r->errors, c->whole,
                   "'${%.*s}' in Fn::Sub: a name has letters, digits, '_', '.' and ':' only; "
                   "write ${!...} for a literal ${...}",
                   STR_ARG(name));
        return OUTCOME_BAD;
    }
    size_t dot;
    if (!str_find_char(name, '.', &dot)) {
        return ref_value(r, c->whole, name, ret);
    }
    return resource_ask(r, c->whole, str_sub(name, 0, dot), str_sub(name, dot + 1, name.n), ret);
}

static bool
sub_add(struct resolver *r, const struct call *c, const struct node *variables, struct str name,
        struct buf *out, bool *secret)
{
    if (str_starts(name, STR("!"))) {
        buf_addf(out, "${%.*s}", STR_ARG(str_sub(name, 1, name.n)));
        return true;
    }
    struct node value = {.kind = NODE_SCALAR};
    enum outcome outcome = sub_variable(r, c, variables, name, &value);
    if (outcome == OUTCOME_BAD) {
        return false;
    }
    if (outcome == OUTCOME_NOTHING || value.kind != NODE_SCALAR) {
        node_error(r->errors, c->whole, "'${%.*s}' in Fn::Sub must be a string, not %s",
                   STR_ARG(name),
                   outcome == OUTCOME_NOTHING ? "AWS::NoValue" : node_kind_name(&value));
        return false;
    }
    *secret = *secret || value.secret;
    buf_add_str(out, value.text);
    return true;
}

/* All variables are looked at, also behind a bad one. */
static bool
sub_build(struct resolver *r, const struct call *c, const struct node *variables, struct str text,
          struct buf *out, bool *secret)
{
    struct str before, name;
    bool open;
    bool good = true;
    while (sub_next(&text, &before, &name, &open)) {
        buf_add_str(out, before);
        good = sub_add(r, c, variables, name, out, secret) && good;
    }
    if (open) {
        node_error(r->errors, c->whole, "'${' in Fn::Sub is not closed by '}'");
        return false;
    }
    buf_add_str(out, text);
    return good;
}

static bool
sub_variables_resolve(struct resolver *r, const struct call *c, struct node *variables)
{
    bool good = true;
    for (size_t i = 0; i < variables->count; i++) {
        good = arg_of_kind(r, c, variables->entries[i].value, NODE_SCALAR, "variable") && good;
    }
    return good;
}

enum outcome
function_sub(struct resolver *r, const struct call *c, struct node *ret)
{
    struct node *template = c->arg;
    struct node *variables = NULL;
    if (c->arg->tag.n == 0 && c->arg->kind == NODE_LIST) {
        if (c->arg->count != 2 || c->arg->items[1]->kind != NODE_MAP ||
            c->arg->items[1]->tag.n > 0) {
            return call_refuse(r, c);
        }
        template = c->arg->items[0];
        variables = c->arg->items[1];
        if (!sub_variables_resolve(r, c, variables)) {
            return OUTCOME_BAD;
        }
    }
    struct str text;
    if (!literal_read(r, template, "the text of Fn::Sub", &text)) {
        return OUTCOME_BAD;
    }
    struct buf made AUTO(buf_free) = {.max = LIMIT_TEMPLATE_BYTES_MAX};
    if (!sub_build(r, c, variables, text, &made, &ret->secret)) {
        return OUTCOME_BAD;
    }
    return text_finish(r, c, &made, ret);
}

/* ---- lists ---- */
enum outcome
function_join(struct resolver *r, const struct call *c, struct node *ret)
{
    struct node *delimiter = c->arg->items[0];
    struct node *list = c->arg->items[1];
    bool good = arg_of_kind(r, c, delimiter, NODE_SCALAR, "delimiter");
    if (!arg_of_kind(r, c, list, NODE_LIST, "second argument") || !good) {
        return OUTCOME_BAD;
    }
    struct buf made AUTO(buf_free) = {.max = LIMIT_TEMPLATE_BYTES_MAX};
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != NODE_SCALAR) {
            node_error(r->errors, list->items[i], "Fn::Join joins strings; this is %s",
                       node_kind_name(list->items[i]));
            return OUTCOME_BAD;
        }
        ret->secret = ret->secret || list->items[i]->secret;
        buf_add_str(&made, i == 0 ? STR_NONE : delimiter->text);
        buf_add_str(&made, list->items[i]->text);
    }
    return text_finish(r, c, &made, ret);
}

enum outcome
function_select(struct resolver *r, const struct call *c, struct node *ret)
{
    struct node *index = c->arg->items[0];
    struct node *list = c->arg->items[1];
    bool good = arg_of_kind(r, c, index, NODE_SCALAR, "index");
    if (!arg_of_kind(r, c, list, NODE_LIST, "second argument") || !good) {
        return OUTCOME_BAD;
    }
    uint64_t i;
    if (!str_to_u64(index->text, &i) || i >= list->count) {
        node_error(r->errors, index,
                   "index '%.*s' of Fn::Select: the list has %zu items, the "
                   "first is 0",
                   STR_ARG(node_shown(index)), list->count);
        return OUTCOME_BAD;
    }
    *ret = *list->items[i];
    return OUTCOME_VALUE;
}

/* Takes the next piece off *rest, as str_cut() for a longer separator. */
static bool
split_next(struct str *rest, struct str delimiter, struct str *ret_piece)
{
    if (rest->p == NULL) {
        return false;
    }
    size_t at;
    if (!str_find(*rest, delimiter, &at)) {
        *ret_piece = *rest;
        *rest = STR_NONE;
        return true;
    }
    *ret_piece = (struct str){rest->p, at};
    *rest = (struct str){rest->p + at + delimiter.n, rest->n - at - delimiter.n};
    return true;
}

enum outcome
function_split(struct resolver *r, const struct call *c, struct node *ret)
{
    struct node *delimiter = c->arg->items[0];
    struct node *text = c->arg->items[1];
    bool good = arg_of_kind(r, c, delimiter, NODE_SCALAR, "delimiter");
    if (!arg_of_kind(r, c, text, NODE_SCALAR, "second argument") || !good) {
        return OUTCOME_BAD;
    }
    if (delimiter->text.n == 0) {
        node_error(r->errors, delimiter, "the delimiter of Fn::Split is empty");
        return OUTCOME_BAD;
    }
    struct str all = text->text.p == NULL ? STR("") : text->text;
    struct str piece;
    size_t count = 0;
    for (struct str rest = all; split_next(&rest, delimiter->text, &piece);) {
        count++;
    }
    if (list_make(r, c->whole, count, text->secret, ret) == OUTCOME_BAD) {
        return OUTCOME_BAD;
    }
    for (size_t i = 0; i < count && split_next(&all, delimiter->text, &piece); i++) {
        ret->items[i]->text = piece;
    }
    return OUTCOME_VALUE;
}

/* ---- choices ---- */
enum outcome
function_if(struct resolver *r, const struct call *c, struct node *ret)
{
    struct str name;
    bool value;
    if (!literal_read(r, c->arg->items[0], "the condition of Fn::If", &name) ||
        !condition_value(r, c->arg->items[0], name, &value)) {
        return OUTCOME_BAD;
    }
    struct node *chosen = c->arg->items[value ? 1 : 2];
    names_check(r, c->arg->items[value ? 2 : 1]);
    enum outcome outcome = value_resolve(r, chosen);
    if (outcome == OUTCOME_VALUE) {
        *ret = *chosen;
    }
    return outcome;
}

/* One step into a mapping; NULL after an error, or silently where the mapping itself is none. */
static struct node *
mapping_step(struct resolver *r, const struct node *map, const struct node *key, const char *what)
{
    if (map->kind != NODE_MAP) {
        return NULL;
    }
    struct node *value = node_get(map, key->text);
    if (value == NULL) {
        node_error(r->errors, key, "%s '%.*s' is not in the mapping%s", what,
                   STR_ARG(node_shown(key)),
                   key->secret ? "" : nearest_hint(r->tree, nearest_key(key->text, map)));
    }
    return value;
}

enum outcome
function_find_in_map(struct resolver *r, const struct call *c, struct node *ret)
{
    struct node **arg = c->arg->items;
    bool good = arg_of_kind(r, c, arg[0], NODE_SCALAR, "mapping");
    good = arg_of_kind(r, c, arg[1], NODE_SCALAR, "first key") && good;
    good = arg_of_kind(r, c, arg[2], NODE_SCALAR, "second key") && good;
    if (!good || !mapping_known(r, arg[0], arg[0]->text)) {
        return OUTCOME_BAD;
    }
    const struct node *map = node_get(r->mappings, arg[0]->text);
    const struct node *row = mapping_step(r, map, arg[1], "first key");
    const struct node *value = row == NULL ? NULL : mapping_step(r, row, arg[2], "second key");
    if (value == NULL) {
        return OUTCOME_BAD;
    }
    *ret = *value;
    return OUTCOME_VALUE;
}

/* ---- Base64 ---- */
static void
base64_add(struct buf *out, struct str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        size_t n = MIN_OF(s.n - i, (size_t)3);
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (k < n ? (unsigned char)s.p[i + k] : 0u);
        }
        for (size_t k = 0; k < 4; k++) {
            buf_add_char(out, k > n ? '=' : digits[bits >> (18 - 6 * k) & 63]);
        }
    }
}

enum outcome
function_base64(struct resolver *r, const struct call *c, struct node *ret)
{
    if (!arg_of_kind(r, c, c->arg, NODE_SCALAR, "argument")) {
        return OUTCOME_BAD;
    }
    struct buf made AUTO(buf_free) = {.max = LIMIT_TEMPLATE_BYTES_MAX};
    base64_add(&made, c->arg->text);
    ret->secret = c->arg->secret;
    return text_finish(r, c, &made, ret);
}
