/* SPDX-License-Identifier: Apache-2.0
 * The Parameters section: types, constraints, and the value of each parameter, from outside or its
 * Default. */
#include "template/resolve_int.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- types ---- */
enum type_form { TYPE_ALONE = 1, TYPE_IN_LIST = 2, TYPE_BOTH = 3 };
static const struct parameter_type {
    struct str name;
    enum type_form form; /* T, List<T> or both */
    bool number;
    bool list;
} types[] = {
#define TYPE(name, form, number, list)                                                             \
    {                                                                                              \
        {name, sizeof(name) - 1}, form, number, list                                               \
    }
    TYPE("String", TYPE_ALONE, false, false),
    TYPE("Number", TYPE_BOTH, true, false),
    TYPE("CommaDelimitedList", TYPE_ALONE, false, true),
    TYPE("AWS::EC2::AvailabilityZone::Name", TYPE_BOTH, false, false),
    TYPE("AWS::EC2::Image::Id", TYPE_BOTH, false, false),
    TYPE("AWS::EC2::Instance::Id", TYPE_BOTH, false, false),
    TYPE("AWS::EC2::KeyPair::KeyName", TYPE_ALONE, false, false),
    TYPE("AWS::EC2::SecurityGroup::GroupName", TYPE_BOTH, false, false),
    TYPE("AWS::EC2::SecurityGroup::Id", TYPE_BOTH, false, false),
    TYPE("AWS::EC2::Subnet::Id", TYPE_BOTH, false, false),
    TYPE("AWS::EC2::Volume::Id", TYPE_BOTH, false, false),
    TYPE("AWS::EC2::VPC::Id", TYPE_BOTH, false, false),
    TYPE("AWS::Route53::HostedZone::Id", TYPE_BOTH, false, false),
#undef TYPE
};

static const struct field fields[] = {
    {{"Type", 4}, false},
    {{"Default", 7}, false},
    {{"AllowedValues", 13}, false},
    {{"AllowedPattern", 14}, false},
    {{"MinLength", 9}, false},
    {{"MaxLength", 9}, false},
    {{"MinValue", 8}, false},
    {{"MaxValue", 8}, false},
    {{"ConstraintDescription", 21}, false},
    {{"NoEcho", 6}, false},
    {{"Description", 11}, false},
};

/* One parameter while its declaration is read. */
struct declaration {
    struct resolver *r;
    struct parameter *p;
    const struct node *node; /* its map */
    const struct node *name; /* where its name stands */
    char *whose;             /* "parameter 'X'", in the tree */
    bool number;
    bool bounded[2]; /* MinLength, MaxLength: characters; or MinValue, MaxValue */
    double bound[2];
    const struct node *allowed;
    struct pattern *pattern; /* owned */
    struct str constraint;   /* ConstraintDescription */
};

static const struct node *
declared(const struct declaration *d, struct str name)
{
    return node_get(d->node, name);
}

static void
type_unknown(struct declaration *d, const struct node *at, struct str name)
{
    struct nearest n = nearest_begin(name);
    char list[128];
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (types[i].form & TYPE_ALONE) {
            nearest_offer(&n, types[i].name);
        }
        if (types[i].form & TYPE_IN_LIST) {
            int length = snprintf(list, sizeof(list), "List<%s>", types[i].name.p);
            nearest_offer(&n, tree_dup(d->r->tree, (struct str){list, (size_t)length}));
        }
    }
    node_error(d->r->errors, at, "unknown Type '%.*s' of %s%s", STR_ARG(name), d->whose,
               nearest_hint(d->r->tree, n.name));
}

static bool
type_read(struct declaration *d)
{
    const struct node *at = declared(d, STR("Type"));
    if (at == NULL) {
        node_error(d->r->errors, d->name, "%s has no Type", d->whose);
        return false;
    }
    struct str name;
    if (!literal_read(d->r, at, "the Type of a parameter", &name)) {
        return false;
    }
    bool list = str_starts(name, STR("List<")) && str_ends(name, STR(">"));
    struct str inner = list ? str_sub(name, 5, name.n - 6) : name;
    if (str_starts(inner, STR("AWS::SSM::"))) {
        node_error(d->r->errors, at, "Type '%.*s' is not supported yet", STR_ARG(name));
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_eq(types[i].name, inner) && (types[i].form & (list ? TYPE_IN_LIST : TYPE_ALONE))) {
            d->number = types[i].number;
            d->p->list = list || types[i].list;
            return true;
        }
    }
    type_unknown(d, at, name);
    return false;
}

/* ---- numbers and lengths ---- */
static size_t
digits_skip(struct str s, size_t at)
{
    while (at < s.n && ascii_is_digit(s.p[at])) {
        at++;
    }
    return at;
}

/* Decimal, perhaps with a fraction and an exponent; no blanks, no "inf". */
static bool
number_read(struct str s, double *ret)
{
    size_t begin = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    size_t at = digits_skip(s, begin);
    size_t digits = at - begin;
    if (at < s.n && s.p[at] == '.') {
        size_t fraction = digits_skip(s, at + 1);
        digits += fraction - at - 1;
        at = fraction;
    }
    if (digits > 0 && at < s.n && ascii_lower(s.p[at]) == 'e') {
        size_t exponent = at + 1;
        exponent += exponent < s.n && (s.p[exponent] == '-' || s.p[exponent] == '+') ? 1 : 0;
        at = digits_skip(s, exponent);
        digits = at - exponent;
    }
    char text[64];
    if (digits == 0 || at != s.n || !str_copy_z(s, text, sizeof(text))) {
        return false;
    }
    *ret = strtod(text, NULL);
    return isfinite(*ret);
}

static size_t
characters(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.n; i++) {
        count += ((unsigned char)s.p[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return count;
}

/* ---- the declaration ---- */
static bool
bound_read(struct declaration *d, struct str name, size_t which, bool for_numbers)
{
    const struct node *at = declared(d, name);
    if (at == NULL) {
        return true;
    }
    if (for_numbers != d->number || (!for_numbers && d->p->list)) {
        node_error(d->r->errors, at, "%.*s is for parameters of Type %s, not for %s", STR_ARG(name),
                   for_numbers ? "Number" : "String", d->whose);
        return false;
    }
    struct str text;
    if (!literal_read(d->r, at, "a bound", &text)) {
        return false;
    }
    uint64_t length;
    if (!number_read(text, &d->bound[which]) || (!for_numbers && !str_to_u64(text, &length))) {
        node_error(d->r->errors, at, "%.*s '%.*s' of %s is not %s", STR_ARG(name), STR_ARG(text),
                   d->whose, for_numbers ? "a number" : "a number of characters");
        return false;
    }
    d->bounded[which] = true;
    return true;
}

static bool
bounds_read(struct declaration *d)
{
    bool good = bound_read(d, STR("MinLength"), 0, false);
    good = bound_read(d, STR("MaxLength"), 1, false) && good;
    good = bound_read(d, STR("MinValue"), 0, true) && good;
    good = bound_read(d, STR("MaxValue"), 1, true) && good;
    if (good && d->bounded[0] && d->bounded[1] && d->bound[0] > d->bound[1]) {
        node_error(d->r->errors, d->node, "the minimum of %s is greater than its maximum",
                   d->whose);
        return false;
    }
    return good;
}

static bool
allowed_read(struct declaration *d)
{
    const struct node *list = declared(d, STR("AllowedValues"));
    if (list == NULL) {
        return true;
    }
    if (list->kind != NODE_LIST || list->tag.n > 0 || list->count == 0) {
        node_error(d->r->errors, list, "AllowedValues of %s must be a list of strings", d->whose);
        return false;
    }
    struct str text;
    for (size_t i = 0; i < list->count; i++) {
        if (!literal_read(d->r, list->items[i], "an allowed value", &text)) {
            return false;
        }
    }
    d->allowed = list;
    return true;
}

static bool
pattern_read(struct declaration *d)
{
    const struct node *at = declared(d, STR("AllowedPattern"));
    struct str text;
    if (at == NULL) {
        return true;
    }
    if (d->number) {
        node_error(d->r->errors, at, "AllowedPattern is not for numbers (%s)", d->whose);
        return false;
    }
    if (!literal_read(d->r, at, "AllowedPattern", &text)) {
        return false;
    }
    const char *why = "";
    d->pattern = pattern_new(text, &why);
    if (d->pattern == NULL) {
        node_error(d->r->errors, at, "AllowedPattern '%.*s' of %s: %s", STR_ARG(text), d->whose,
                   why);
        return false;
    }
    return true;
}

static bool
texts_read(struct declaration *d)
{
    const struct node *at = declared(d, STR("ConstraintDescription"));
    struct str unused;
    bool good = at == NULL || literal_read(d->r, at, "ConstraintDescription", &d->constraint);
    at = declared(d, STR("Description"));
    return (at == NULL || literal_read(d->r, at, "Description", &unused)) && good;
}

static bool
no_echo_read(struct declaration *d)
{
    const struct node *at = declared(d, STR("NoEcho"));
    struct str text;
    if (at == NULL) {
        return true;
    }
    d->p->secret = true; /* when in doubt */
    if (!literal_read(d->r, at, "NoEcho", &text)) {
        return false;
    }
    if (!str_ieq(text, STR("true")) && !str_ieq(text, STR("false"))) {
        node_error(d->r->errors, at, "NoEcho '%.*s' of %s must be true or false", STR_ARG(text),
                   d->whose);
        return false;
    }
    d->p->secret = str_ieq(text, STR("true"));
    return true;
}

/* ---- checking a value ---- */
/* "'a', 'b', ..." of the allowed values. */
static const char *
allowed_text(const struct declaration *d)
{
    struct buf text AUTO(buf_free) = {.max = 600};
    for (size_t i = 0; i < d->allowed->count && text.n < 400; i++) {
        buf_addf(&text, "%s'%.*s'", i == 0 ? "" : ", ", STR_ARG(d->allowed->items[i]->text));
    }
    return tree_dup(d->r->tree, buf_str(&text)).p;
}

/* Says what is wrong with a value, without it when it is secret. */
static bool
value_refuse(const struct declaration *d, const struct node *at, struct str value, const char *why)
{
    struct str shown = d->p->secret ? STR("(hidden)") : value;
    node_error(d->r->errors, at, "%s: '%.*s' %s%s%.*s", d->whose, STR_ARG(shown), why,
               d->constraint.n == 0 ? "" : ": ", STR_ARG(d->constraint));
    return false;
}

static bool
bounds_check(const struct declaration *d, const struct node *at, struct str value)
{
    double size = (double)characters(value);
    if (d->number && !number_read(value, &size)) {
        return value_refuse(d, at, value, "is not a number");
    }
    const char *what = d->number ? "" : " characters";
    for (size_t i = 0; i < 2; i++) {
        bool outside = i == 0 ? size < d->bound[0] : size > d->bound[1];
        if (d->bounded[i] && outside) {
            char why[96];
            (void)snprintf(why, sizeof(why), "is %s than %g%s", /* %g always fits */
                           i == 0 ? (d->number ? "less" : "shorter")
                                  : (d->number ? "greater" : "longer"),
                           d->bound[i], what);
            return value_refuse(d, at, value, why);
        }
    }
    return true;
}

static bool
allowed_check(const struct declaration *d, const struct node *at, struct str value)
{
    if (d->allowed == NULL) {
        return true;
    }
    for (size_t i = 0; i < d->allowed->count; i++) {
        double a, b;
        struct str one = d->allowed->items[i]->text;
        bool same_number =
            d->number && number_read(one, &a) && number_read(value, &b) && !(a < b) && !(a > b);
        if (same_number || str_eq(one, value)) {
            return true;
        }
    }
    char *why = d->p->secret ? xstrdup("is not one of its AllowedValues")
                             : xprintf("is not one of its AllowedValues %s", allowed_text(d));
    (void)value_refuse(d, at, value, why); /* always false */
    xfree(why);
    return false;
}

static bool
one_check(const struct declaration *d, const struct node *at, struct str value)
{
    if (!bounds_check(d, at, value) || !allowed_check(d, at, value)) {
        return false;
    }
    if (d->pattern != NULL && !pattern_fits(d->pattern, value)) {
        return value_refuse(d, at, value, "does not match its AllowedPattern");
    }
    return true;
}

/* Checks a whole value, and keeps it in the parameter. */
static bool
value_take(const struct declaration *d, const struct node *at, struct str value)
{
    struct parameter *p = d->p;
    if (value.n > PARAMETER_BYTES_MAX) {
        node_error(d->r->errors, at, "the value of %s has %zu bytes, allowed are %d", d->whose,
                   value.n, PARAMETER_BYTES_MAX);
        return false;
    }
    p->text = tree_dup(d->r->tree, value);
    if (!p->list) {
        return one_check(d, at, p->text);
    }
    bool good = true;
    size_t cap = 0;
    struct str rest = p->text;
    struct str item;
    p->item_count = 0;
    while (str_cut(&rest, ',', &item)) {
        p->items = tree_grow(d->r->tree, p->items, p->item_count, &cap, sizeof(*p->items));
        p->items[p->item_count++] = str_trim(item);
        good = one_check(d, at, str_trim(item)) && good;
    }
    return good;
}

/* A Default is checked even when a value is given: it would be wrong on another day. */
static bool
default_take(const struct declaration *d)
{
    const struct node *at = declared(d, STR("Default"));
    struct str text;
    if (at == NULL) {
        return true;
    }
    return literal_read(d->r, at, "the Default of a parameter", &text) && value_take(d, at, text);
}

static bool
value_read(const struct declaration *d)
{
    const struct resolve_env *env = d->r->env;
    bool good = default_take(d);
    for (size_t i = 0; i < env->parameter_count; i++) {
        if (str_eq(env->parameter_names[i], d->p->name)) {
            return value_take(d, d->name, env->parameter_values[i]) && good;
        }
    }
    if (declared(d, STR("Default")) == NULL) {
        node_error(d->r->errors, d->name,
                   "%s has no value and no Default; give one with --parameter %.*s=VALUE", d->whose,
                   STR_ARG(d->p->name));
        return false;
    }
    return good;
}

static bool
declaration_read(struct declaration *d)
{
    if (d->node->kind != NODE_MAP || d->node->tag.n > 0) {
        node_error(d->r->errors, d->name, "%s must be a map with a Type", d->whose);
        return false;
    }
    fields_check(d->r, d->node, fields, COUNT_OF(fields), d->whose);
    bool good = no_echo_read(d);
    good = texts_read(d) && good;
    if (!type_read(d)) {
        return false;
    }
    good = bounds_read(d) && good;
    good = allowed_read(d) && good;
    good = pattern_read(d) && good;
    return good && value_read(d);
}

static void
parameter_read(struct resolver *r, struct parameter *p, const struct node_entry *entry)
{
    p->name = entry->key;
    char *whose = xprintf("parameter '%.*s'", STR_ARG(entry->key));
    struct node *name = tree_node(r->tree, NODE_SCALAR, entry->value);
    name->line = entry->line;
    name->column = entry->column;
    struct declaration d = {.r = r, .p = p, .node = entry->value, .name = name};
    d.whose = tree_alloc(r->tree, strlen(whose) + 1);
    memcpy(d.whose, whose, strlen(whose) + 1);
    xfree(whose);
    p->bad = !declaration_read(&d);
    pattern_free(&d.pattern);
}

static void
given_check(struct resolver *r, const struct node *section)
{
    for (size_t i = 0; i < r->env->parameter_count; i++) {
        struct str name = r->env->parameter_names[i];
        if (node_entry_get(section, name) == NULL) {
            node_error(r->errors, section == NULL ? r->tree->root : section,
                       "parameter '%.*s' is given, but the template has none of this name%s",
                       STR_ARG(name), nearest_hint(r->tree, nearest_key(name, section)));
        }
    }
}

void
parameters_read(struct resolver *r, const struct node *section)
{
    size_t count = section == NULL ? 0 : section->count;
    r->parameters = (void *)tree_alloc(r->tree, count * sizeof(*r->parameters));
    for (size_t i = 0; i < count; i++) {
        parameter_read(r, &r->parameters[i], &section->entries[i]);
    }
    r->parameter_count = count;
    given_check(r, section);
}
