/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as certificates, each behind its length of two bytes: the check gives facts within
 * their bounds and always says what is wrong. The whole is also an AIA answer. */
#include "tls/observe.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1790000000 };

static void
split(const uint8_t *data, size_t size, struct der_list *ret)
{
    while (size >= 2) {
        size_t n = MIN_OF((size_t)data[0] << 8 | data[1], size - 2);
        der_list_add(ret, data + 2, n);
        data += 2 + n;
        size -= 2 + n;
    }
}

static void
check(const struct chain_facts *f)
{
    ASSERT(f->count <= LIMIT_TLS_CHAIN_CERTIFICATES && f->count <= f->total);
    ASSERT(f->problem_count > 0 && f->problem_count <= CHAIN_PROBLEMS_MAX);
    ASSERT(!f->trusted && !f->public_root); /* nothing is in the store */
    ASSERT(f->path_count <= CHAIN_STEPS_MAX && f->verify_code_count <= CHAIN_CODES_MAX);
    for (size_t i = 0; i < f->problem_count; i++) {
        ASSERT(f->problems[i].kind < CHAIN_COUNT);
        ASSERT(!f->problems[i].sent || f->problems[i].index < f->count);
    }
    for (size_t i = 0; i < f->count; i++) {
        const struct chain_certificate *c = &f->certificates[i];
        ASSERT(c->subject != NULL && strlen(c->subject) <= LIMIT_CERTIFICATE_TEXT);
        ASSERT(c->issuer != NULL && strlen(c->issuer) <= LIMIT_CERTIFICATE_TEXT);
        ASSERT(c->aia_url != NULL && c->ocsp_url != NULL && c->common_name != NULL);
        ASSERT(c->name_count <= LIMIT_CERTIFICATE_NAMES && c->name_count <= c->name_total);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct chain_store *store; /* until the end of the process */
    if (store == NULL) {
        store = chain_store_new();
    }
    if (size < 2 || size > 32 * 1024) {
        return 0;
    }
    struct der_list sent = {0}, fetched = {0};
    split(data, size, &sent);
    (void)(chain_aia_read((struct str){(const char *)data, size}, &fetched) == ERR_OK); /* either */
    struct chain_question q = {
        .sent = &sent,
        .host = STR("app.example.com"),
        .now_s = NOW_S,
        .store = store,
        .fetched = data[0] % 2 == 0 ? &fetched : NULL,
        .handshake_seen = true,
    };
    struct chain_facts f;
    chain_check(&q, &f);
    check(&f);
    chain_facts_done(&f);
    der_list_done(&sent);
    der_list_done(&fetched);
    return 0;
}
