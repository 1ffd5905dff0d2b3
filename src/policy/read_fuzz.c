/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a policy: jansson and the scanner agree, places lie in the text, and a policy or a
 * problem comes out. */
#include "policy/policy_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_agreement(struct str text)
{
    struct policy_scan scan = {.source = text};
    if (text.n > 0 && text.p[0] == '{') {
        json_error_t e;
        policy_scan(&scan);
        json_t *json = json_loadb(text.p, text.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
        bool beyond = json == NULL && (json_error_code(&e) == json_error_numeric_overflow ||
                                       json_error_code(&e) == json_error_null_byte_in_key);
        /* jansson loses a NUL byte behind a word or number; the scanner refuses it */
        bool lost = memchr(text.p, '\0', text.n) != NULL;
        ASSERT(beyond || json != NULL || scan.fault != POLICY_FAULT_NONE);
        ASSERT(json == NULL || lost || scan.fault == POLICY_FAULT_NONE ||
               scan.fault == POLICY_FAULT_TOO_DEEP);
        ASSERT(scan.fault_at <= text.n);
        json_decref(json);
    }
    xfree(scan.nodes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str text = {(const char *)data, size};
    const struct policy_scope scope = {STR("logs"), STR("aws")};
    struct policy_problems problems;
    struct policy *p = NULL;
    enum err e = policy_read(text, &scope, &p, &problems);
    ASSERT((e == ERR_OK) == (p != NULL) && (e == ERR_OK) == (problems.count == 0));
    for (size_t i = 0; i < problems.count; i++) {
        const struct policy_problem *one = &problems.items[i];
        ASSERT(one->fault > POLICY_FAULT_NONE && one->fault < POLICY_FAULT_COUNT);
        ASSERT((one->line == 0) == (one->column == 0) && one->line <= size + 1);
        ASSERT(memchr(one->value, '\0', sizeof(one->value)) != NULL);
    }
    for (size_t i = 0; p != NULL && i < policy_statement_count(p); i++) {
        const struct policy_statement *s = policy_statement(p, i);
        ASSERT(s->principal_count > 0 && s->action_count > 0 && s->resource_count > 0);
        ASSERT(s->line > 0 && s->line <= size + 1);
    }
    policy_free(&p);
    check_agreement(text);
    return 0;
}
