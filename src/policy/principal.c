/* SPDX-License-Identifier: Apache-2.0
 * Principals: which can exist at all, and whom they mean. [iam-policy.md 1.1] */
#include "policy/policy_int.h"

#include "base/assert.h"

/* ---- which can exist ---- */

bool
policy_account_is(struct str id)
{
    uint64_t number = 0;
    return id.n == 12 && str_to_u64(id, &number);
}

struct arn {
    struct str parts[6];
};

static bool
arn_split(struct str text, struct arn *ret)
{
    for (size_t i = 0; i < 5; i++) {
        if (!str_cut(&text, ':', &ret->parts[i]) || text.p == NULL) {
            return false;
        }
    }
    ret->parts[5] = text;
    return true;
}

static bool
starts_with_name(struct str s, struct str kind)
{
    return str_starts(s, kind) && s.n > kind.n;
}

static bool
arn_names_someone(const struct arn *arn)
{
    struct str who = arn->parts[5];
    if (str_eq(arn->parts[2], STR("iam"))) {
        return str_eq(who, STR("root")) || starts_with_name(who, STR("user/")) ||
               starts_with_name(who, STR("role/"));
    }
    size_t slash = 0;
    struct str session = str_sub(who, STR("assumed-role/").n, who.n);
    return str_eq(arn->parts[2], STR("sts")) &&
           (starts_with_name(who, STR("federated-user/")) ||
            (starts_with_name(who, STR("assumed-role/")) && str_find_char(session, '/', &slash) &&
             slash > 0 && slash + 1 < session.n));
}

/* CloudFront's old way to read a bucket: an identity of no account. */
static bool
arn_is_cloudfront(const struct arn *arn)
{
    return str_eq(arn->parts[2], STR("iam")) && str_eq(arn->parts[4], STR("cloudfront")) &&
           starts_with_name(arn->parts[5], STR("user/CloudFront Origin Access Identity "));
}

static enum policy_fault
arn_fault(const struct policy_reading *r, struct str value)
{
    struct arn arn;
    if (!arn_split(value, &arn) || !str_eq(arn.parts[0], STR("arn")) || arn.parts[3].n > 0) {
        return POLICY_FAULT_PRINCIPAL_ARN;
    }
    struct str partition = r->scope == NULL ? STR_NONE : r->scope->partition;
    if (!str_starts(arn.parts[1], STR("aws"))) {
        return POLICY_FAULT_PRINCIPAL_ARN;
    }
    if (partition.n > 0 && !str_eq(partition, arn.parts[1])) {
        return POLICY_FAULT_PRINCIPAL_PARTITION;
    }
    if (arn_is_cloudfront(&arn)) {
        return POLICY_FAULT_NONE;
    }
    if (!arn_names_someone(&arn)) {
        return POLICY_FAULT_PRINCIPAL_ARN;
    }
    return policy_account_is(arn.parts[4]) ? POLICY_FAULT_NONE : POLICY_FAULT_PRINCIPAL_ACCOUNT;
}

static bool
all_of(struct str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\0' || strchr(set, s.p[i]) == NULL) {
            return false;
        }
    }
    return s.n > 0;
}

/* S3 shows the unique id in the place of a user or role that is gone. */
static bool
is_unique_id(struct str value)
{
    return value.n >= 16 && value.n <= 32 &&
           (str_starts(value, STR("AIDA")) || str_starts(value, STR("AROA"))) &&
           all_of(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

static enum policy_fault
aws_fault(const struct policy_reading *r, struct str value)
{
    if (str_eq(value, STR("*")) || policy_account_is(value)) {
        return POLICY_FAULT_NONE;
    }
    if (str_find_char(value, '*', NULL) || str_find_char(value, '?', NULL)) {
        return POLICY_FAULT_PRINCIPAL_WILDCARD;
    }
    if (all_of(value, "0123456789-")) {
        return POLICY_FAULT_PRINCIPAL_ACCOUNT;
    }
    return is_unique_id(value) ? POLICY_FAULT_PRINCIPAL_DELETED : arn_fault(r, value);
}

static enum policy_fault
service_fault(const struct policy_reading *r, struct str value)
{
    static const struct str ends[] = {STR(".amazonaws.com"), STR(".amazonaws.com.cn"),
                                      STR(".amazon.com"), STR(".aws.internal")};
    (void)r;
    if (str_find_char(value, '*', NULL) || str_find_char(value, '?', NULL)) {
        return POLICY_FAULT_PRINCIPAL_WILDCARD;
    }
    bool shape = all_of(value, "abcdefghijklmnopqrstuvwxyz0123456789-.") && value.p[0] != '.' &&
                 !str_find(value, STR(".."), NULL);
    for (size_t i = 0; shape && i < COUNT_OF(ends); i++) {
        if (value.n > ends[i].n && str_ends(value, ends[i])) {
            return POLICY_FAULT_NONE;
        }
    }
    return POLICY_FAULT_PRINCIPAL_SERVICE;
}

static enum policy_fault
federated_fault(const struct policy_reading *r, struct str value)
{
    (void)r;
    if (str_find_char(value, '*', NULL) || str_find_char(value, '?', NULL)) {
        return POLICY_FAULT_PRINCIPAL_WILDCARD;
    }
    bool name = value.n > 0 && !str_find_char(value, ' ', NULL) &&
                (str_find_char(value, '.', NULL) || str_find_char(value, ':', NULL));
    return name ? POLICY_FAULT_NONE : POLICY_FAULT_PRINCIPAL_FEDERATED;
}

static enum policy_fault
canonical_fault(const struct policy_reading *r, struct str value)
{
    (void)r;
    return value.n == 64 && all_of(value, "0123456789abcdefABCDEF")
               ? POLICY_FAULT_NONE
               : POLICY_FAULT_PRINCIPAL_CANONICAL;
}

typedef enum policy_fault principal_check_fn(const struct policy_reading *r, struct str value);
static principal_check_fn *const checks[] = {
    [POLICY_AWS] = aws_fault,
    [POLICY_SERVICE] = service_fault,
    [POLICY_FEDERATED] = federated_fault,
    [POLICY_CANONICAL] = canonical_fault,
};

void
policy_check_principal(struct policy_reading *r, enum policy_principal_kind kind,
                       const struct policy_node *node, const char *element)
{
    enum policy_fault f = POLICY_FAULT_NONE;
    if (node->kind == POLICY_NUMBER && kind == POLICY_AWS) {
        f = POLICY_FAULT_PRINCIPAL_NUMBER;
    } else if (node->kind != POLICY_TEXT) {
        f = POLICY_FAULT_PRINCIPAL_TYPE;
    } else {
        f = checks[kind](r, node->text);
    }
    if (f != POLICY_FAULT_NONE) {
        policy_problem(r, f, element, (ssize_t)node->at, node->text);
    }
}

/* ---- whom they mean ---- */

static bool
is_root_of(struct str value, struct str account)
{
    struct arn arn;
    return account.n > 0 && arn_split(value, &arn) && str_eq(arn.parts[2], STR("iam")) &&
           str_eq(arn.parts[4], account) && str_eq(arn.parts[5], STR("root"));
}

static bool
is_account(const struct policy_principal *p, struct str account)
{
    return account.n > 0 && p->kind == POLICY_AWS &&
           (str_eq(p->value, account) || is_root_of(p->value, account));
}

static bool
is_exactly(const struct policy_principal *p, struct str arn)
{
    return arn.n > 0 && p->kind == POLICY_AWS && str_eq(p->value, arn);
}

static enum policy_truth
truth(bool yes)
{
    return yes ? POLICY_YES : POLICY_NO;
}

/* Three matches cannot be known here. {"AWS": "*"} is documented as everybody of AWS; whether it
 * holds for a service is not said: a Deny is taken to hit it, an Allow not to be relied on. And
 * which account has a canonical id stands in no request. */
enum policy_truth
policy_principal_match(const struct policy_principal *p, const struct policy_caller *caller,
                       bool allow)
{
    bool service = caller->kind == POLICY_CALLER_SERVICE;
    bool identity = caller->kind == POLICY_CALLER_IDENTITY;
    switch (p->kind) {
    case POLICY_ANYONE: return POLICY_YES;
    case POLICY_AWS:
        if (str_eq(p->value, STR("*"))) {
            return service && allow ? POLICY_UNKNOWN : POLICY_YES;
        }
        return truth(identity && (is_account(p, caller->account) || is_exactly(p, caller->arn) ||
                                  is_exactly(p, caller->role)));
    case POLICY_SERVICE: return truth(service && str_eq(p->value, caller->service));
    case POLICY_CANONICAL: return identity ? POLICY_UNKNOWN : POLICY_NO;
    case POLICY_FEDERATED: return POLICY_NO;
    }
    NEVER("every kind is listed");
}

/* NotPrincipal with Deny spares a caller only if everything that he is stands in it: his account,
 * his user or role, and his session. */
static bool
is_spared(const struct policy_statement *s, const struct policy_caller *caller)
{
    bool account = false, identity = is_root_of(caller->arn, caller->account);
    bool role = caller->role.n == 0;
    for (size_t i = 0; i < s->principal_count; i++) {
        const struct policy_principal *p = &s->principals[i];
        bool anyone = p->kind == POLICY_ANYONE || is_exactly(p, STR("*"));
        account = account || anyone || is_account(p, caller->account);
        identity = identity || anyone || is_exactly(p, caller->arn);
        role = role || anyone || is_exactly(p, caller->role);
    }
    return account && identity && role;
}

enum policy_truth
policy_principals_match(const struct policy_statement *s, const struct policy_caller *caller,
                        const struct policy_principal **ret_matched)
{
    enum policy_truth best = POLICY_NO;
    *ret_matched = NULL;
    for (size_t i = 0; i < s->principal_count; i++) {
        enum policy_truth one = policy_principal_match(&s->principals[i], caller, s->allow);
        if (one > best) {
            best = one;
            *ret_matched = &s->principals[i];
        }
    }
    if (s->not_principal && !s->allow && caller->kind == POLICY_CALLER_IDENTITY &&
        best == POLICY_YES && !is_spared(s, caller)) {
        best = POLICY_NO;
    }
    return s->not_principal ? (enum policy_truth)(POLICY_YES - best) : best;
}
