/* SPDX-License-Identifier: Apache-2.0
 * The corrected policy: what stands in the way is changed and nothing else, and the result is
 * judged again until it allows. The text of what is no policy is mended as far as it can be. */
#include <jansson.h>

#include "base/defs.h"
#include "base/mem.h"
#include "policy/delivery_int.h"

static const char right_sid[] = "AWSLogDeliveryWrite";

/* ---- texts ---- */

/* The indentation of the text, so that the corrected one looks alike: that of the first line that
 * has any. */
static size_t
indent_of(struct str text)
{
    struct str line, rest = text;
    while (str_cut(&rest, '\n', &line)) {
        size_t n = 0;
        while (n < line.n && line.p[n] == ' ') {
            n++;
        }
        if (n > 0 && n < line.n && line.p[n] == '"') {
            return n <= 8 ? n : 2;
        }
    }
    return 2;
}

static void
dump(struct buf *out, const json_t *root, size_t indent)
{
    char *text = json_dumps(root, JSON_INDENT(indent));
    if (text != NULL) {
        buf_add_z(out, text);
        buf_add_char(out, '\n');
    }
    xfree(text); /* jansson made it on the same heap */
}

static json_t *
parse(struct str text)
{
    return json_loadb(text.p == NULL ? "" : text.p, text.n, 0, NULL);
}

/* ---- the right statement ---- */

static json_t *
source_condition(const struct delivery_question *q)
{
    return json_pack("{s:{s:o}}", "ArnLike", "aws:SourceArn",
                     json_sprintf("arn:%s:elasticloadbalancing:%.*s:%.*s:loadbalancer/*",
                                  delivery_partition(q->region), STR_ARG(q->region),
                                  STR_ARG(q->account)));
}

static json_t *
resource_value(const struct delivery_question *q)
{
    struct buf text = {0};
    delivery_resource(&text, q);
    json_t *value = json_stringn(text.p, text.n);
    buf_free(&text);
    return value;
}

static json_t *
right_principal(void)
{
    return json_pack("{s:s}", "Service", delivery_service);
}

static json_t *
right_statement(const struct delivery_question *q, const char *sid)
{
    return json_pack("{s:s,s:s,s:o,s:s,s:o,s:o}", "Sid", sid, "Effect", "Allow", "Principal",
                     right_principal(), "Action", "s3:PutObject", "Resource", resource_value(q),
                     "Condition", source_condition(q));
}

static bool
has_sid(const json_t *statements, const char *sid)
{
    size_t i;
    json_t *statement;
    json_array_foreach(statements, i, statement)
    {
        const char *have = json_string_value(json_object_get(statement, "Sid"));
        if (have != NULL && strcmp(have, sid) == 0) {
            return true;
        }
    }
    return false;
}

static void
append_right(json_t *statements, const struct delivery_question *q)
{
    char *sid = xstrdup(right_sid);
    for (unsigned i = 2; has_sid(statements, sid); i++) {
        xfree(sid);
        sid = xprintf("%s%u", right_sid, i);
    }
    (void)json_array_append_new(statements, right_statement(q, sid));
    xfree(sid);
}

/* ---- changing what is there ---- */

/* Is this statement about the logs of load balancers, and nothing else? Then it is corrected; else
 * a new one is added beside it. delivery.logs has its own work, for other logs. */
static bool
is_about_logs(const struct policy_statement *s, const struct delivery_question *q)
{
    if (!s->allow || s->not_principal || s->not_action || s->not_resource) {
        return false;
    }
    for (size_t i = 0; i < s->action_count; i++) {
        if (!str_ieq(s->actions[i], STR("s3:PutObject")) &&
            !str_ieq(s->actions[i], STR("s3:PutObjectAcl"))) {
            return false;
        }
    }
    for (size_t i = 0; i < s->principal_count; i++) {
        const struct policy_principal *principal = &s->principals[i];
        bool owner = str_find(principal->value, q->account, NULL);
        bool mine = principal->kind == POLICY_SERVICE
                        ? !str_eq(principal->value, STR("delivery.logs.amazonaws.com"))
                        : principal->kind == POLICY_AWS && !str_eq(principal->value, STR("*"));
        bool elb = false;
        for (size_t at = 0; at + 12 <= principal->value.n; at++) {
            elb = elb || delivery_elb_region(str_sub(principal->value, at, 12)) != NULL;
        }
        if (!mine || (principal->kind == POLICY_AWS && !owner && !elb)) {
            return false;
        }
    }
    return true;
}

/* Replaces the value that came nearest; the others of a list stay. */
static void
replace_resource(json_t *statement, struct str nearest, const struct delivery_question *q)
{
    json_t *resource = json_object_get(statement, "Resource");
    size_t i;
    json_t *item;
    json_array_foreach(resource, i, item)
    {
        struct str value = {json_string_value(item), json_string_length(item)};
        if (json_array_size(resource) > 1 && str_eq(value, nearest)) {
            (void)json_array_set_new(resource, i, resource_value(q));
            return;
        }
    }
    (void)json_object_set_new(statement, "Resource", resource_value(q));
}

static void
remove_condition(json_t *statement, const struct policy_condition *condition)
{
    json_t *all = json_object_get(statement, "Condition");
    char *op = xstrdup_str(condition->op), *key = xstrdup_str(condition->key);
    json_t *keys = json_object_get(all, op);
    (void)json_object_del(keys, key);
    if (json_object_size(keys) == 0) {
        (void)json_object_del(all, op);
    }
    if (json_object_size(all) == 0) {
        (void)json_object_del(statement, "Condition");
    }
    xfree(op);
    xfree(key);
}

static void
correct_allow(json_t *statement, const struct policy_reason *reason,
              const struct delivery_question *q)
{
    for (size_t i = 0; i < reason->step_count; i++) {
        const struct policy_step *step = &reason->steps[i];
        if (step->truth == POLICY_YES) {
            continue;
        }
        switch (step->element) {
        case POLICY_PRINCIPAL:
            (void)json_object_set_new(statement, "Principal", right_principal());
            break;
        case POLICY_ACTION:
            (void)json_object_set_new(statement, "Action", json_string("s3:PutObject"));
            break;
        case POLICY_RESOURCE: replace_resource(statement, step->value, q); break;
        case POLICY_CONDITION: remove_condition(statement, step->condition); break;
        case POLICY_ELEMENT_COUNT: break;
        }
    }
}

/* "Bool": {"aws:PrincipalIsAWSService": "false"} beside what is there. */
static void
except_services(json_t *statement)
{
    json_t *all = json_object_get(statement, "Condition");
    if (all == NULL) {
        all = json_object();
        (void)json_object_set_new(statement, "Condition", all);
    }
    json_t *keys = json_object_get(all, "Bool");
    if (keys == NULL) {
        keys = json_object();
        (void)json_object_set_new(all, "Bool", keys);
    }
    (void)json_object_set_new(keys, "aws:PrincipalIsAWSService", json_string("false"));
}

static void
change(json_t *statements, const struct policy *p, const struct delivery_judged *j,
       const struct delivery_question *q)
{
    for (size_t i = 0; i < j->trace.count; i++) {
        if (!policy_statement(p, i)->allow && j->trace.items[i].truth != POLICY_NO) {
            except_services(json_array_get(statements, i));
        }
    }
    int nearest = delivery_nearest_allow(p, j);
    if (nearest >= 0 && j->trace.items[nearest].truth == POLICY_YES) {
        return;
    }
    if (nearest >= 0 && is_about_logs(policy_statement(p, (size_t)nearest), q)) {
        correct_allow(json_array_get(statements, (size_t)nearest), &j->trace.items[nearest], q);
    } else {
        append_right(statements, q);
    }
}

/* ---- until it allows ---- */

/* The list of statements, made a list if it is one object. */
static json_t *
statements_of(json_t *root)
{
    json_t *statements = json_object_get(root, "Statement");
    if (json_is_object(statements)) {
        json_t *list = json_array();
        (void)json_array_append(list, statements);
        (void)json_object_set_new(root, "Statement", list);
        return list;
    }
    return statements;
}

/* True when the policy of `root` allows now; else it was changed, or is none. */
static bool
improve(json_t *root, const struct delivery_question *q)
{
    struct policy_scope scope = {q->bucket, str_of(delivery_partition(q->region))};
    struct policy_problems problems;
    struct policy *p = NULL;
    struct buf text = {0};
    dump(&text, root, 2);
    bool fine = false;
    if (policy_read(buf_str(&text), &scope, &p, &problems) == ERR_OK) {
        struct delivery_judged *judged = xalloc(DELIVERY_CALLERS_MAX * sizeof(*judged));
        size_t count;
        size_t best = delivery_judge(p, q, judged, &count);
        fine = judged[best].decision.answer == POLICY_ALLOW;
        if (!fine) {
            change(statements_of(root), p, &judged[best], q);
        }
        xfree(judged);
        policy_free(&p);
    }
    buf_free(&text);
    return fine;
}

static bool
correct(json_t *root, const struct delivery_question *q)
{
    /* Each round removes at least one cause: a Deny, then what the nearest Allow lacks, then what
     * only showed after that. */
    for (int round = 0; round < 4; round++) {
        if (improve(root, q)) {
            return true;
        }
    }
    return false;
}

/* ---- what is no policy ---- */

static const char curly[][4] = {"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e",
                                "\xe2\x80\x9f", "\xc2\xab",     "\xc2\xbb"};

/* Skips white space and comments. */
static void
skip_void(struct str *rest)
{
    for (;;) {
        size_t at;
        *rest = str_trim(*rest);
        while (rest->n > 0 && (*rest->p == '\n' || *rest->p == '\r')) {
            *rest = str_sub(*rest, 1, rest->n);
        }
        if (rest->n > 0 && (*rest->p == ' ' || *rest->p == '\t')) {
            continue;
        }
        if (str_starts(*rest, STR("//")) || str_starts(*rest, STR("#"))) {
            *rest = str_find_char(*rest, '\n', &at) ? str_sub(*rest, at, rest->n) : STR_NONE;
        } else if (str_starts(*rest, STR("/*"))) {
            *rest = str_find(*rest, STR("*/"), &at) ? str_sub(*rest, at + 2, rest->n) : STR_NONE;
        } else {
            return;
        }
    }
}

/* Straight quotes for typographic ones; no byte-order mark. */
static void
straighten(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n;) {
        struct str rest = str_sub(text, i, text.n);
        size_t taken = str_starts(rest, STR("\xef\xbb\xbf")) ? 3 : 0;
        for (size_t c = 0; c < COUNT_OF(curly) && taken == 0; c++) {
            if (str_starts(rest, str_of(curly[c]))) {
                buf_add_char(out, '"');
                taken = strlen(curly[c]);
            }
        }
        if (taken == 0) {
            buf_add_char(out, text.p[i]);
            taken = 1;
        }
        i += taken;
    }
}

/* Takes one text off the front, with its quotes. */
static void
copy_text(struct buf *out, struct str *rest)
{
    size_t n = 1;
    while (n < rest->n && rest->p[n] != '"') {
        n += rest->p[n] == '\\' ? 2 : 1;
    }
    n = n < rest->n ? n + 1 : rest->n;
    buf_add_str(out, str_sub(*rest, 0, n));
    *rest = str_sub(*rest, n, rest->n);
}

/* The text without comments and needless commas, with the commas that lack between values. */
static void
mend(struct buf *out, struct str text)
{
    char last = '\0';
    skip_void(&text);
    while (text.n > 0) {
        char c = *text.p;
        bool opens = c == '"' || c == '{' || c == '[';
        bool after = last == '"' || last == '}' || last == ']';
        if (opens && after) {
            buf_add_char(out, ',');
        }
        if (c == '"') {
            copy_text(out, &text);
        } else {
            text = str_sub(text, 1, text.n);
            struct str ahead = text;
            skip_void(&ahead);
            bool needless =
                c == ',' && (ahead.n == 0 || *ahead.p == '}' || *ahead.p == ']' || *ahead.p == ',');
            if (!needless) {
                buf_add_char(out, c);
            } else {
                c = last;
            }
        }
        last = c;
        skip_void(&text);
    }
}

static json_t *
mended_json(struct str text)
{
    struct buf straight = {0}, whole = {0};
    straighten(&straight, text);
    json_t *root = parse(buf_str(&straight));
    if (root == NULL) {
        mend(&whole, buf_str(&straight));
        root = parse(buf_str(&whole));
    }
    buf_free(&straight);
    buf_free(&whole);
    return root;
}

/* A statement that S3 would take on its own. */
static bool
is_statement(json_t *statement, const struct policy_scope *scope)
{
    json_t *alone = json_pack("{s:s,s:[O]}", "Version", "2012-10-17", "Statement", statement);
    struct buf text = {0};
    struct policy_problems problems;
    struct policy *p = NULL;
    if (alone == NULL) {
        return false;
    }
    dump(&text, alone, 2);
    bool fine = policy_read(buf_str(&text), scope, &p, &problems) == ERR_OK;
    policy_free(&p);
    buf_free(&text);
    json_decref(alone);
    return fine;
}

/* A new document with the statements that can stay. `root` is any JSON. */
static json_t *
salvage(json_t *root, const struct delivery_question *q)
{
    struct policy_scope scope = {q->bucket, str_of(delivery_partition(q->region))};
    json_t *list = json_array();
    json_t *from = json_is_object(root) && json_object_get(root, "Statement") != NULL
                       ? statements_of(root)
                       : root;
    size_t i;
    json_t *statement;
    if (json_is_object(from) && is_statement(from, &scope)) {
        (void)json_array_append(list, from); /* a fragment: the statement alone */
    }
    json_array_foreach(from, i, statement)
    {
        if (is_statement(statement, &scope)) {
            (void)json_array_append(list, statement);
        }
    }
    if (json_array_size(list) == 0) {
        append_right(list, q);
    }
    return json_pack("{s:s,s:o}", "Version", "2012-10-17", "Statement", list);
}

static bool
is_policy(json_t *root, const struct delivery_question *q)
{
    struct policy_scope scope = {q->bucket, str_of(delivery_partition(q->region))};
    struct policy_problems problems;
    struct policy *p = NULL;
    struct buf text = {0};
    dump(&text, root, 2);
    bool fine = policy_read(buf_str(&text), &scope, &p, &problems) == ERR_OK;
    policy_free(&p);
    buf_free(&text);
    return fine;
}

/* ---- the whole ---- */

void
delivery_fix(struct delivery_report *r, struct str json, const struct delivery_question *q,
             const struct policy *policy)
{
    if (r->answer == DELIVERY_ALLOW || json.n > LIMIT_POLICY_READ_MAX) {
        return;
    }
    size_t indent = indent_of(json);
    json_t *root = policy != NULL ? parse(json) : mended_json(json);
    if (policy != NULL) {
        dump(&r->original, root, indent);
    } else {
        buf_add_str(&r->original, json);
    }
    if (root != NULL && !is_policy(root, q)) {
        json_t *new_root = salvage(root, q);
        json_decref(root);
        root = new_root;
    }
    if (root != NULL && correct(root, q)) {
        dump(&r->corrected, root, indent);
    } else {
        delivery_make(&r->corrected, q, DELIVERY_JSON);
    }
    json_decref(root);
}
