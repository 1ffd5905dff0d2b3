/* SPDX-License-Identifier: Apache-2.0
 * A request and a policy from any bytes: deciding is bounded by their sizes, and says why. The
 * first line is the request: action, resource, caller, then name=value keys, parted by blanks. */
#include "policy/policy_int.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS_MAX = 16 };

static void
fill_key(struct policy_key *key, struct str *value, struct str word)
{
    struct str name = word;
    (void)str_cut(&word, '=', &name);
    *value = word;
    key->presence = str_ends(name, STR("?")) ? POLICY_MAYBE : POLICY_PRESENT;
    key->many = str_ends(name, STR("+"));
    name.n -= key->presence == POLICY_MAYBE || key->many;
    key->name = name;
    key->values = value;
    key->count = word.p != NULL;
}

/* What can be compared at most: each value of the policy, grown by its variables up to the limit,
 * with each value of the request. */
static uint64_t
bound(size_t policy, size_t request)
{
    uint64_t grown = MIN_OF(request + 2, (size_t)LIMIT_POLICY_EXPANDED_MAX);
    return 4 * (uint64_t)(policy + 64) * grown * (request + 2);
}

static void
check(const struct policy *p, const struct policy_request *request, uint64_t work_max)
{
    static struct policy_trace trace;
    struct policy_decision d, again;
    uint64_t work = 0;
    policy_decide_counted(p, request, &trace, &d, &work);
    ASSERT(work <= work_max);
    ASSERT(trace.count == policy_statement_count(p));
    ASSERT(d.statement < (int)trace.count &&
           (d.statement >= 0 || d.answer == POLICY_IMPLICIT_DENY));
    ASSERT((d.answer == POLICY_DEPENDS) == (d.key.n > 0));
    for (size_t i = 0; i < trace.count; i++) {
        const struct policy_reason *r = &trace.items[i];
        ASSERT((r->truth == POLICY_NO) == (r->missed > 0) && r->step_count >= 3);
        bool decides = d.statement == (int)i && d.answer == POLICY_ALLOW;
        ASSERT(!decides || (r->truth == POLICY_YES && policy_statement(p, i)->allow));
    }
    policy_decide(p, request, NULL, &again);
    ASSERT(again.answer == d.answer && again.statement == d.statement);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, line = STR_NONE, word = STR_NONE;
    struct policy_key keys[KEYS_MAX];
    struct str values[KEYS_MAX];
    struct policy_request request = {.keys = keys};
    struct policy_problems problems;
    struct policy *p = NULL;
    if (!str_cut(&rest, '\n', &line) || rest.p == NULL ||
        policy_read(rest, NULL, &p, &problems) != ERR_OK) {
        return 0;
    }
    size_t request_size = line.n;
    (void)str_cut(&line, ' ', &request.action);
    (void)str_cut(&line, ' ', &request.resource);
    (void)str_cut(&line, ' ', &word);
    bool arn = str_starts(word, STR("arn:"));
    request.caller = (struct policy_caller){.kind = arn          ? POLICY_CALLER_IDENTITY
                                                    : word.n > 1 ? POLICY_CALLER_SERVICE
                                                                 : POLICY_CALLER_ANONYMOUS,
                                            .arn = word,
                                            .account = str_sub(word, 13, 12),
                                            .service = word};
    while (request.key_count < KEYS_MAX && str_cut(&line, ' ', &word)) {
        fill_key(&keys[request.key_count], &values[request.key_count], word);
        request.key_count++;
    }
    check(p, &request, bound(rest.n, request_size));
    policy_free(&p);
    return 0;
}
