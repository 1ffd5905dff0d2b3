/* SPDX-License-Identifier: Apache-2.0
 * What an answer says about a name: its chain of CNAME records and the addresses at its end. */
#include "dns/dns_int.h"

#include "base/assert.h"

const struct dns_record *
dns_answer_find(const struct dns_answer *answer, const char *name, uint16_t type)
{
    for (size_t i = 0; i < answer->record_count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (record->section == DNS_SECTION_ANSWER && record->type == type &&
            dns_name_eq(record->name, name)) {
            return record;
        }
    }
    return NULL;
}

size_t
dns_answer_chain(const struct dns_answer *answer, const char *name,
                 const struct dns_record **ret_records, size_t max, const char **ret_last,
                 bool *ret_loop)
{
    size_t count = 0, hops = 0;
    const struct dns_record *next = dns_answer_find(answer, name, DNS_TYPE_CNAME);
    while (next != NULL && hops < LIMIT_DNS_CNAME_HOPS_MAX) {
        if (count < max) {
            ret_records[count++] = next;
        }
        hops++;
        name = next->target;
        next = dns_answer_find(answer, name, DNS_TYPE_CNAME);
    }
    if (ret_last != NULL) {
        *ret_last = name;
    }
    if (ret_loop != NULL) {
        *ret_loop = next != NULL;
    }
    return count;
}

static bool
addrs_have(const struct addr *addrs, size_t count, const struct addr *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (addr_eq(&addrs[i], addr)) {
            return true;
        }
    }
    return false;
}

size_t
dns_answer_addrs(const struct dns_answer *answer, const char *name, struct addr *ret_addrs,
                 size_t max)
{
    const char *last = NULL;
    (void)dns_answer_chain(answer, name, NULL, 0, &last, NULL); /* only its end counts */
    size_t count = 0;
    for (size_t i = 0; i < answer->record_count && count < max; i++) {
        const struct dns_record *record = &answer->records[i];
        bool is_addr = record->type == DNS_TYPE_A || record->type == DNS_TYPE_AAAA;
        if (record->section == DNS_SECTION_ANSWER && is_addr && dns_name_eq(record->name, last) &&
            !addrs_have(ret_addrs, count, &record->addr)) {
            ret_addrs[count++] = record->addr;
        }
    }
    return count;
}
