/* SPDX-License-Identifier: Apache-2.0
 * Messages of the wire by libknot, taken over into our own values. */
#include "dns/dns_int.h"

#include "base/assert.h"
#include "base/mem.h"

#include <libknot/libknot.h>

enum { HEADER_BYTES = KNOT_WIRE_HEADER_SIZE, QUESTION_BYTES_MAX = 512 };

/* ---- questions ---- */

static int
question_fill(knot_pkt_t *packet, const knot_dname_t *name, uint16_t type, struct dns_flags flags)
{
    int rc = knot_pkt_put_question(packet, name, KNOT_CLASS_IN, type);
    if (rc != KNOT_EOK || !(flags.edns || flags.dnssec_ok)) {
        return rc;
    }
    knot_rrset_t opt;
    rc = knot_edns_init(&opt, LIMIT_DNS_UDP_BYTES, 0, KNOT_EDNS_VERSION, NULL);
    if (rc != KNOT_EOK) {
        return rc;
    }
    if (flags.dnssec_ok) {
        knot_edns_set_do(&opt);
    }
    rc = knot_pkt_begin(packet, KNOT_ADDITIONAL);
    if (rc == KNOT_EOK) {
        rc = knot_pkt_put(packet, KNOT_COMPR_HINT_NONE, &opt, 0);
    }
    knot_rrset_clear(&opt, NULL);
    return rc;
}

enum err
dns_question_write(const char *name, uint16_t type, struct dns_flags flags, uint16_t id,
                   struct buf *out)
{
    knot_dname_storage_t wire_name;
    if (name[0] == '\0' || knot_dname_from_str(wire_name, name, sizeof(wire_name)) == NULL) {
        return ERR_INVALID;
    }
    knot_pkt_t *packet = knot_pkt_new(NULL, QUESTION_BYTES_MAX, NULL);
    if (packet == NULL) {
        return ERR_NO_MEMORY;
    }
    uint8_t *wire = packet->wire;
    knot_wire_set_id(wire, id);
    if (flags.rd) {
        knot_wire_set_rd(wire);
    }
    if (flags.cd) {
        knot_wire_set_cd(wire);
    }
    int rc = question_fill(packet, wire_name, type, flags);
    if (rc == KNOT_EOK) {
        buf_add(out, wire, packet->size);
    }
    knot_pkt_free(packet);
    return rc == KNOT_EOK ? ERR_OK : ERR_INVALID;
}

enum err
name_normalise(const char *name, char text[static DNS_NAME_TEXT])
{
    knot_dname_storage_t wire_name;
    if (name[0] == '\0' || knot_dname_from_str(wire_name, name, sizeof(wire_name)) == NULL) {
        return ERR_INVALID;
    }
    return name_from_wire(wire_name, text) ? ERR_OK : ERR_INVALID;
}

/* ---- answers: the data of a record ---- */

/* One reader per type that we understand; false: the data breaks the rules of its type. */
typedef bool rdata_reader(const knot_rdata_t *rdata, struct dns_record *record);

static bool
read_a(const knot_rdata_t *rdata, struct dns_record *record)
{
    if (rdata->len != sizeof(record->addr.in4.sin_addr)) {
        return false;
    }
    record->addr.in4.sin_family = AF_INET;
    memcpy(&record->addr.in4.sin_addr, rdata->data, rdata->len);
    return true;
}

static bool
read_aaaa(const knot_rdata_t *rdata, struct dns_record *record)
{
    if (rdata->len != sizeof(record->addr.in6.sin6_addr)) {
        return false;
    }
    record->addr.in6.sin6_family = AF_INET6;
    memcpy(&record->addr.in6.sin6_addr, rdata->data, rdata->len);
    return true;
}

/* The name at `at`; 0 when there is none, else its size. */
static size_t
read_name_at(const knot_rdata_t *rdata, size_t at, char text[static DNS_NAME_TEXT])
{
    if (at >= rdata->len) {
        return 0;
    }
    const uint8_t *name = rdata->data + at;
    int size = knot_dname_wire_check(name, rdata->data + rdata->len, NULL);
    if (size <= 0 || (size_t)size > rdata->len - at || !name_from_wire(name, text)) {
        return 0;
    }
    return (size_t)size;
}

static bool
read_name(const knot_rdata_t *rdata, struct dns_record *record)
{
    return read_name_at(rdata, 0, record->target) == rdata->len && rdata->len > 0;
}

static bool
read_soa(const knot_rdata_t *rdata, struct dns_record *record)
{
    enum { NUMBERS = 20, MINIMUM_AT = 16 };
    char mailbox[DNS_NAME_TEXT];
    size_t primary = read_name_at(rdata, 0, record->target);
    size_t contact = primary == 0 ? 0 : read_name_at(rdata, primary, mailbox);
    if (contact == 0 || rdata->len - primary - contact != NUMBERS) {
        return false;
    }
    const uint8_t *numbers = rdata->data + primary + contact;
    record->soa.serial = knot_wire_read_u32(numbers);
    record->soa.minimum = knot_wire_read_u32(numbers + MINIMUM_AT);
    return true;
}

static bool
read_https(const knot_rdata_t *rdata, struct dns_record *record)
{
    enum { TARGET_AT = 2 };
    size_t target = read_name_at(rdata, TARGET_AT, record->target);
    if (target == 0) {
        return false;
    }
    size_t used = TARGET_AT + target;
    record->https.priority = knot_wire_read_u16(rdata->data);
    https_params_read(rdata->data + used, rdata->len - used, &record->https);
    return true;
}

static const struct {
    uint16_t type;
    rdata_reader *read;
} rdata_readers[] = {
    {DNS_TYPE_A, read_a},        {DNS_TYPE_AAAA, read_aaaa},  {DNS_TYPE_CNAME, read_name},
    {DNS_TYPE_DNAME, read_name}, {DNS_TYPE_NS, read_name},    {DNS_TYPE_PTR, read_name},
    {DNS_TYPE_SOA, read_soa},    {DNS_TYPE_SVCB, read_https}, {DNS_TYPE_HTTPS, read_https},
};

static bool
rdata_read(const knot_rdata_t *rdata, struct dns_record *record)
{
    for (size_t i = 0; i < COUNT_OF(rdata_readers); i++) {
        if (rdata_readers[i].type == record->type) {
            return rdata_readers[i].read(rdata, record);
        }
    }
    return true;
}

/* ---- answers ---- */

/* Takes one record over, or counts it. */
static void
record_take(struct dns_answer *answer, size_t *cap, const knot_rrset_t *rr,
            const knot_rdata_t *rdata, uint8_t section)
{
    struct dns_record record;
    memset(&record, 0, sizeof(record));
    record.type = rr->type;
    record.ttl = rr->ttl;
    record.section = section;
    if (answer->record_count == LIMIT_DNS_RECORDS_MAX || rr->rclass != KNOT_CLASS_IN ||
        !name_from_wire(rr->owner, record.name)) {
        answer->more++;
        return;
    }
    if (!rdata_read(rdata, &record)) {
        answer->malformed = true;
        answer->more++;
        return;
    }
    *VEC_PUSH(answer->records, answer->record_count, *cap) = record;
}

static void
sections_take(struct dns_answer *answer, const knot_pkt_t *packet)
{
    size_t cap = 0;
    for (unsigned s = 0; s < KNOT_PKT_SECTIONS; s++) {
        const knot_pktsection_t *section = knot_pkt_section(packet, (knot_section_t)s);
        for (uint16_t i = 0; i < section->count; i++) {
            const knot_rrset_t *rr = knot_pkt_rr(section, i);
            if (rr->type == KNOT_RRTYPE_OPT || rr->type == KNOT_RRTYPE_TSIG) {
                continue;
            }
            knot_rdata_t *rdata = rr->rrs.rdata;
            for (uint16_t k = 0; k < rr->rrs.count; k++) {
                record_take(answer, &cap, rr, rdata, (uint8_t)s);
                rdata = knot_rdataset_next(rdata);
            }
        }
    }
}

/* The numbers of the extended errors among the options [RFC 8914]. */
static void
options_take(struct dns_answer *answer, const knot_rrset_t *opt)
{
    if (opt->rrs.count == 0) {
        return;
    }
    const knot_rdata_t *rdata = opt->rrs.rdata;
    size_t left = rdata->len;
    for (const uint8_t *p = rdata->data; left >= KNOT_EDNS_OPTION_HDRLEN;) {
        size_t length = knot_edns_opt_get_length(p);
        if (length > left - KNOT_EDNS_OPTION_HDRLEN) {
            answer->malformed = true;
            return;
        }
        if (knot_edns_opt_get_code(p) == KNOT_EDNS_OPTION_EDE && length >= sizeof(uint16_t) &&
            answer->extended_error_count < DNS_EXTENDED_ERRORS_MAX) {
            uint16_t code = knot_wire_read_u16(p + KNOT_EDNS_OPTION_HDRLEN);
            answer->extended_errors[answer->extended_error_count++] = code;
        }
        p += KNOT_EDNS_OPTION_HDRLEN + length;
        left -= KNOT_EDNS_OPTION_HDRLEN + length;
    }
    answer->malformed |= left != 0;
}

static void
header_take(struct dns_answer *answer, const uint8_t *wire)
{
    answer->id = knot_wire_get_id(wire);
    answer->rcode = knot_wire_get_rcode(wire);
    answer->qr = knot_wire_get_qr(wire) != 0;
    answer->aa = knot_wire_get_aa(wire) != 0;
    answer->tc = knot_wire_get_tc(wire) != 0;
    answer->ra = knot_wire_get_ra(wire) != 0;
    answer->ad = knot_wire_get_ad(wire) != 0;
    answer->cd = knot_wire_get_cd(wire) != 0;
}

static void
question_take(struct dns_answer *answer, const knot_pkt_t *packet)
{
    const knot_dname_t *name = knot_pkt_qname(packet);
    if (name == NULL) {
        return;
    }
    answer->malformed |= !name_from_wire(name, answer->question);
    answer->question_type = knot_pkt_qtype(packet);
    answer->question_class = knot_pkt_qclass(packet);
}

static void
packet_take(struct dns_answer *answer, knot_pkt_t *packet)
{
    int rc = knot_pkt_parse(packet, KNOT_PF_KEEPWIRE);
    answer->malformed = rc != KNOT_EOK;
    question_take(answer, packet);
    sections_take(answer, packet);
    if (packet->opt_rr != NULL) {
        answer->edns = true;
        answer->rcode =
            knot_edns_whole_rcode(knot_edns_get_ext_rcode(packet->opt_rr), (uint8_t)answer->rcode);
        options_take(answer, packet->opt_rr);
    }
}

enum err
dns_answer_read(const uint8_t *p, size_t n, struct dns_answer **ret_answer)
{
    if (n < HEADER_BYTES || n > LIMIT_DNS_MESSAGE_BYTES) {
        return ERR_INVALID;
    }
    uint8_t *wire = xalloc(n); /* libknot may write into what it reads */
    memcpy(wire, p, n);
    struct dns_answer *answer = xalloc(sizeof(*answer));
    header_take(answer, wire);
    knot_pkt_t *packet = knot_pkt_new(wire, (uint16_t)n, NULL);
    if (packet == NULL) {
        answer->malformed = true;
    } else {
        packet_take(answer, packet);
        knot_pkt_free(packet);
    }
    xfree(wire);
    *ret_answer = answer;
    return ERR_OK;
}

void
dns_answer_free(struct dns_answer **answer)
{
    if (*answer != NULL) {
        xfree((*answer)->records);
        xfree(*answer);
        *answer = NULL;
    }
}
