/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a DNS answer: read within the limits, every text printable and ended, every walk
 * through it finite, and every name in it fit to be asked for again. */
#include "dns/dns_int.h"

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
text_check(const char *text, size_t size)
{
    ASSERT(memchr(text, '\0', size) != NULL);
    for (const char *p = text; *p != '\0'; p++) {
        ASSERT(*p > ' ' && *p <= '~');
    }
}

static void
name_check(const char *name)
{
    text_check(name, DNS_NAME_TEXT);
    char again[DNS_NAME_TEXT];
    if (name[0] != '\0') {
        ASSERT(name_normalise(name, again) == ERR_OK);
        ASSERT(strcmp(name, again) == 0);
        ASSERT(dns_name_eq(name, again) && dns_name_under(name, "."));
    }
}

static void
record_check(const struct dns_record *record)
{
    name_check(record->name);
    name_check(record->target);
    text_check(record->https.alpn, DNS_ALPN_TEXT);
    ASSERT(record->name[0] != '\0');
    ASSERT(record->section <= DNS_SECTION_ADDITIONAL);
    ASSERT(record->https.hint4_count <= DNS_HINTS_MAX);
    ASSERT(record->https.hint6_count <= DNS_HINTS_MAX);
    bool is_addr = record->type == DNS_TYPE_A || record->type == DNS_TYPE_AAAA;
    ASSERT(is_addr == (record->addr.sa.sa_family != 0));
}

static void
chain_check(const struct dns_answer *answer, const char *name)
{
    const struct dns_record *chain[LIMIT_DNS_CNAME_HOPS_MAX + 1];
    struct addr addrs[8];
    struct dns_name_set set;
    const char *last = NULL;
    size_t count = dns_answer_chain(answer, name, chain, COUNT_OF(chain), &last, NULL);
    ASSERT(count <= LIMIT_DNS_CNAME_HOPS_MAX);
    ASSERT(last == name || (count > 0 && last == chain[count - 1]->target));
    ASSERT(dns_answer_addrs(answer, name, addrs, COUNT_OF(addrs)) <= COUNT_OF(addrs));
    (void)name_set_of_answer(answer, name, &set); /* only that it ends */
    ASSERT(set.count <= DNS_WALK_NS_MAX);
}

/* A name that was read makes a question that is read as the same name. */
static void
question_check(const struct dns_answer *answer)
{
    struct buf b = {0};
    struct dns_answer *again = NULL;
    struct dns_flags flags = {.edns = answer->edns, .rd = answer->aa};
    ASSERT(dns_question_write(answer->question, answer->question_type, flags, answer->id, &b) ==
           ERR_OK);
    ASSERT(dns_answer_read((const uint8_t *)b.p, b.n, &again) == ERR_OK);
    ASSERT(!again->malformed && !again->qr && again->record_count == 0);
    ASSERT(strcmp(again->question, answer->question) == 0);
    ASSERT(again->question_type == answer->question_type && again->edns == answer->edns);
    dns_answer_free(&again);
    buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_answer *answer = NULL;
    if (dns_answer_read(data, size, &answer) != ERR_OK) {
        ASSERT(answer == NULL);
        return 0;
    }
    ASSERT(answer->record_count <= LIMIT_DNS_RECORDS_MAX);
    ASSERT(answer->extended_error_count <= DNS_EXTENDED_ERRORS_MAX);
    name_check(answer->question);
    for (size_t i = 0; i < answer->record_count; i++) {
        record_check(&answer->records[i]);
        chain_check(answer, answer->records[i].name);
    }
    if (answer->question[0] != '\0') {
        question_check(answer);
    }
    dns_answer_free(&answer);
    return 0;
}
