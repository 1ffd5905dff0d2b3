/* SPDX-License-Identifier: Apache-2.0
 * The wire: questions written, answers of every kind read, broken ones survived. */
#include "dns/dns_int.h"
#include "dns/test_server.h"

#include "base/assert.h"
#include "base/test.h"

static const struct dns_flags plain = {.rd = true};

/* What a server with this row answers to this question, read back. */
static struct dns_answer *
answer_of(const char *name, uint16_t type, const struct test_row *row)
{
    struct buf question = {0}, bytes = {0};
    CHECK_INT(dns_question_write(name, type, plain, 0x1234, &question), ERR_OK);
    test_answer_write(row, (const uint8_t *)question.p, question.n, &bytes);
    struct dns_answer *answer = NULL;
    CHECK_INT(dns_answer_read((const uint8_t *)bytes.p, bytes.n, &answer), ERR_OK);
    buf_free(&question);
    buf_free(&bytes);
    ASSERT(answer != NULL);
    return answer;
}

static const char *
ip(const struct addr *addr)
{
    static char text[ADDR_TEXT];
    return addr_text(addr, text);
}

/* ---- names ---- */

TEST("names that may be asked for are told from those that may not")
{
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"example.test", true},
        {"example.test.", true},
        {".", true},
        {"_8443._https.app.example.test", true},
        {"*.example.test", true},
        {"a", true},
        {"", false},
        {"..", false},
        {"a..b", false},
        {".a", false},
        {"a b", false},
        {"a*.example.test", false},
        {"b\xc3\xbc.test", false},
        {"123456789-123456789-123456789-123456789-123456789-123456789-123.test", true},
        {"123456789-123456789-123456789-123456789-123456789-123456789-1234.test", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (dns_name_valid(rows[i].name) != rows[i].valid) {
            test_failed(__FILE__, __LINE__, "dns_name_valid(\"%s\") is not %d", rows[i].name,
                        rows[i].valid);
        }
    }
    char name[300];
    memset(name, 'a', sizeof(name));
    for (size_t i = 50; i < sizeof(name); i += 51) {
        name[i] = '.';
    }
    name[253] = '\0';
    CHECK(dns_name_valid(name));
    name[253] = 'a';
    name[254] = '\0';
    CHECK(!dns_name_valid(name));
}

TEST("names are compared without case and dot, and by whole labels")
{
    CHECK(dns_name_eq("App.Example.TEST.", "app.example.test"));
    CHECK(!dns_name_eq("app.example.test", "pp.example.test"));
    CHECK(dns_name_eq(".", "."));
    CHECK(dns_name_under("a.b.test", "B.test."));
    CHECK(dns_name_under("b.test", "b.test"));
    CHECK(dns_name_under("b.test", "."));
    CHECK(!dns_name_under("ab.test", "b.test"));
    CHECK(!dns_name_under("test", "b.test"));
    CHECK_STR(str_of(dns_name_parent("a.b.test")), "b.test");
    CHECK_STR(str_of(dns_name_parent("test")), ".");
    CHECK(dns_name_parent(".") == NULL);
}

TEST("an address has a reverse name")
{
    char text[DNS_NAME_TEXT];
    struct addr addr;
    CHECK(addr_parse(STR("192.0.2.1"), 0, &addr));
    CHECK_STR(str_of(dns_name_reverse(&addr, text)), "1.2.0.192.in-addr.arpa");
    CHECK(addr_parse(STR("2001:db8::a"), 0, &addr));
    CHECK_STR(str_of(dns_name_reverse(&addr, text)),
              "a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST("numbers have names, unknown ones too")
{
    char text[DNS_NUMBER_TEXT];
    CHECK_STR(str_of(dns_type_name(65, text)), "HTTPS");
    CHECK_STR(str_of(dns_type_name(65535, text)), "TYPE65535");
    CHECK_STR(str_of(dns_rcode_name(3, text)), "NXDOMAIN");
    CHECK_STR(str_of(dns_rcode_name(4095, text)), "RCODE4095");
    CHECK_STR(str_of(dns_extended_error_name(6)), "DNSSEC Bogus");
    CHECK(dns_extended_error_name(999) == NULL);
}

/* ---- questions ---- */

TEST("a question has the bytes of the standard")
{
    struct buf b = {0};
    CHECK_INT(dns_question_write("a.Test", DNS_TYPE_AAAA, plain, 0xabcd, &b), ERR_OK);
    static const char expected[] = "\xab\xcd\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                   "\x01"
                                   "a\x04"
                                   "Test\x00\x00\x1c\x00\x01";
    CHECK(str_ieq(buf_str(&b), (struct str){expected, sizeof(expected) - 1}));
    buf_free(&b);
}

TEST("EDNS, its DO bit and CD are written")
{
    struct buf b = {0};
    struct dns_flags flags = {.cd = true, .dnssec_ok = true};
    CHECK_INT(dns_question_write(".", DNS_TYPE_NS, flags, 1, &b), ERR_OK);
    static const char expected[] = "\x00\x01\x00\x10\x00\x01\x00\x00\x00\x00\x00\x01"
                                   "\x00\x00\x02\x00\x01"
                                   "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";
    CHECK(str_eq(buf_str(&b), (struct str){expected, sizeof(expected) - 1}));
    buf_free(&b);
}

TEST("what is no name is not asked for")
{
    char long_label[80];
    memset(long_label, 'a', sizeof(long_label));
    long_label[64] = '.';
    long_label[sizeof(long_label) - 1] = '\0';
    const char *const bad[] = {"", "a..b", long_label};
    struct buf b = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_INT(dns_question_write(bad[i], DNS_TYPE_A, plain, 1, &b), ERR_INVALID);
    }
    CHECK_INT(b.n, 0);
    buf_free(&b);
}

/* ---- answers ---- */

TEST("addresses are read, with everything around them")
{
    const struct test_row row = {.flags = TEST_AA | TEST_RA,
                                 .records = "answer App.Example.Test A 192.0.2.1\n"
                                            "answer app.example.test AAAA 2001:db8::1\n"
                                            "answer app.example.test A 192.0.2.1"};
    struct dns_answer *answer = answer_of("app.example.test", DNS_TYPE_A, &row);
    CHECK_INT(answer->id, 0x1234);
    CHECK_INT(answer->rcode, DNS_RCODE_NOERROR);
    CHECK(answer->qr && answer->aa && answer->ra && !answer->tc && !answer->ad);
    CHECK(!answer->malformed && !answer->edns);
    CHECK_STR(str_of(answer->question), "app.example.test");
    CHECK_INT(answer->question_type, DNS_TYPE_A);
    CHECK_INT(answer->record_count, 3);
    CHECK_STR(str_of(answer->records[0].name), "app.example.test");
    CHECK_INT(answer->records[0].ttl, 300);
    CHECK_INT(answer->records[0].section, DNS_SECTION_ANSWER);
    struct addr addrs[8];
    CHECK_INT(dns_answer_addrs(answer, "APP.example.test.", addrs, COUNT_OF(addrs)), 2);
    CHECK_STR(str_of(ip(&addrs[0])), "192.0.2.1");
    CHECK_STR(str_of(ip(&addrs[1])), "2001:db8::1");
    CHECK_INT(dns_answer_addrs(answer, "other.test", addrs, COUNT_OF(addrs)), 0);
    CHECK_INT(dns_answer_addrs(answer, "app.example.test", addrs, 1), 1);
    dns_answer_free(&answer);
    CHECK(answer == NULL);
}

TEST("names, sections and the numbers of an SOA are read")
{
    const struct test_row row = {.rcode = DNS_RCODE_NXDOMAIN,
                                 .records = "answer 1.2.0.192.in-addr.arpa PTR ec2.example.test\n"
                                            "authority example.test SOA ns1.example.test 77\n"
                                            "authority example.test NS ns2.example.test\n"
                                            "additional example.test TXT 0161"};
    struct dns_answer *answer = answer_of("x.example.test", DNS_TYPE_A, &row);
    CHECK_INT(answer->rcode, DNS_RCODE_NXDOMAIN);
    CHECK(!answer->malformed);
    ASSERT(answer->record_count == 4);
    CHECK_STR(str_of(answer->records[0].target), "ec2.example.test");
    CHECK_INT(answer->records[1].section, DNS_SECTION_AUTHORITY);
    CHECK_STR(str_of(answer->records[1].target), "ns1.example.test");
    CHECK_INT(answer->records[1].soa.serial, 77);
    CHECK_INT(answer->records[1].soa.minimum, 60);
    CHECK_STR(str_of(answer->records[2].target), "ns2.example.test");
    CHECK_INT(answer->records[3].section, DNS_SECTION_ADDITIONAL);
    CHECK_INT(answer->records[3].type, DNS_TYPE_TXT);
    CHECK(dns_answer_find(answer, "example.test", DNS_TYPE_NS) == NULL); /* not in the answer */
    dns_answer_free(&answer);
}

TEST("a CNAME chain is followed to its addresses")
{
    const struct test_row row = {.records = "answer app.example.test CNAME lb.example.test\n"
                                            "answer lb.example.test CNAME a-1.elb.test\n"
                                            "answer a-1.elb.test A 192.0.2.7\n"
                                            "answer other.test A 192.0.2.8"};
    struct dns_answer *answer = answer_of("app.example.test", DNS_TYPE_A, &row);
    const struct dns_record *chain[4];
    const char *last = NULL;
    bool loop = true;
    CHECK_INT(dns_answer_chain(answer, "app.example.test", chain, 4, &last, &loop), 2);
    CHECK_STR(str_of(chain[0]->target), "lb.example.test");
    CHECK_STR(str_of(last), "a-1.elb.test");
    CHECK(!loop);
    struct addr addrs[4];
    CHECK_INT(dns_answer_addrs(answer, "app.example.test", addrs, 4), 1);
    CHECK_STR(str_of(ip(&addrs[0])), "192.0.2.7");
    CHECK_INT(dns_answer_chain(answer, "other.test", NULL, 0, &last, &loop), 0);
    CHECK_STR(str_of(last), "other.test");
    dns_answer_free(&answer);
}

TEST("a circle of CNAME records is seen")
{
    const struct test_row row = {.records = "answer a.test CNAME b.test\n"
                                            "answer b.test CNAME a.test"};
    struct dns_answer *answer = answer_of("a.test", DNS_TYPE_A, &row);
    const struct dns_record *chain[LIMIT_DNS_CNAME_HOPS_MAX];
    bool loop = false;
    CHECK_INT(dns_answer_chain(answer, "a.test", chain, COUNT_OF(chain), NULL, &loop),
              LIMIT_DNS_CNAME_HOPS_MAX);
    CHECK(loop);
    struct addr addrs[1];
    CHECK_INT(dns_answer_addrs(answer, "a.test", addrs, 1), 0);
    dns_answer_free(&answer);
}

TEST("an HTTPS record is read with all of its parameters")
{
    /* Priority 1, svc.test; alpn, no-default-alpn, port, ipv4hint, ech, ipv6hint. */
    const struct test_row row = {
        .records = "answer app.test HTTPS 0001 03737663 0474657374 00 0001 0006 026832 026833 "
                   "0002 0000 0003 0002 20fb 0004 0008 c0000201 c0000202 0005 0002 abcd "
                   "0006 0010 20010db8000000000000000000000001"};
    struct dns_answer *answer = answer_of("app.test", DNS_TYPE_HTTPS, &row);
    const struct dns_record *record = dns_answer_find(answer, "app.test", DNS_TYPE_HTTPS);
    ASSERT(record != NULL);
    CHECK_STR(str_of(record->target), "svc.test");
    CHECK_INT(record->https.priority, 1);
    CHECK_STR(str_of(record->https.alpn), "h2,h3");
    CHECK_INT(record->https.port, 8443);
    CHECK(record->https.no_default_alpn && record->https.ech && !record->https.malformed);
    CHECK_INT(record->https.hint4_count, 2);
    CHECK_STR(str_of(ip(&record->https.hint4[1])), "192.0.2.2");
    CHECK_INT(record->https.hint6_count, 1);
    CHECK_STR(str_of(ip(&record->https.hint6[0])), "2001:db8::1");
    dns_answer_free(&answer);
}

TEST("an HTTPS record in alias form, and one that breaks the rules")
{
    const struct test_row row = {.records =
                                     "answer a.test HTTPS 0000 0161 00\n"
                                     "answer b.test HTTPS 0001 00 0003 0002 20fb 0001 0003 026832\n"
                                     "answer c.test HTTPS 0001 00 0001 00ff 0268\n"
                                     "answer d.test HTTPS 0001 00 0001 0004 031b5b41"};
    struct dns_answer *answer = answer_of("a.test", DNS_TYPE_HTTPS, &row);
    CHECK_INT(answer->record_count, 4);
    const struct dns_record *alias = dns_answer_find(answer, "a.test", DNS_TYPE_HTTPS);
    CHECK_INT(alias->https.priority, 0);
    CHECK_STR(str_of(alias->target), "a");
    CHECK(!alias->https.malformed);
    const struct dns_record *disorder = dns_answer_find(answer, "b.test", DNS_TYPE_HTTPS);
    CHECK(disorder->https.malformed);
    CHECK_STR(str_of(disorder->target), ".");
    CHECK_INT(disorder->https.port, 8443);
    CHECK(dns_answer_find(answer, "c.test", DNS_TYPE_HTTPS)->https.malformed);
    const struct dns_record *escape = dns_answer_find(answer, "d.test", DNS_TYPE_HTTPS);
    CHECK_STR(str_of(escape->https.alpn), "\\027\\091A");
    dns_answer_free(&answer);
}

TEST("extended errors are read from the options")
{
    const struct test_row row = {.rcode = DNS_RCODE_SERVFAIL,
                                 .records = "additional . OPT 000f 0002 0006 000f 0003 0016 41"};
    struct dns_answer *answer = answer_of("a.test", DNS_TYPE_A, &row);
    CHECK(answer->edns && !answer->malformed);
    CHECK_INT(answer->rcode, DNS_RCODE_SERVFAIL);
    CHECK_INT(answer->extended_error_count, 2);
    CHECK_INT(answer->extended_errors[0], 6);
    CHECK_INT(answer->extended_errors[1], 22);
    CHECK_INT(answer->record_count, 0);
    dns_answer_free(&answer);
}

TEST("bytes of a name that are no text are escaped, and can be asked for again")
{
    char text[DNS_NAME_TEXT];
    static const uint8_t wire[] = "\x06"
                                  "a.B\x1b\0\\"
                                  "\x04"
                                  "test";
    CHECK(name_from_wire(wire, text));
    CHECK_STR(str_of(text), "a\\046b\\027\\000\\092.test");
    CHECK_STR(str_of(dns_name_parent(text)), "test");
    char again[DNS_NAME_TEXT];
    CHECK_INT(name_normalise(text, again), ERR_OK);
    CHECK_STR(str_of(again), text);
    CHECK_INT(name_normalise("A.Test.", again), ERR_OK);
    CHECK_STR(str_of(again), "a.test");
    static uint8_t longest[130];
    longest[0] = 63;
    longest[64] = 63;
    CHECK(!name_from_wire(longest, text)); /* 2 x 63 bytes of NUL: 505 characters */
    CHECK_STR(str_of(text), "");
}

TEST("an answer keeps its first records and counts the rest")
{
    struct buf records = {0};
    enum { ALL = LIMIT_DNS_RECORDS_MAX + 5 };
    for (int i = 0; i < ALL; i++) {
        buf_addf(&records, "answer a.test A 192.0.2.%d\n", i);
    }
    const struct test_row row = {.records = records.p};
    struct dns_answer *answer = answer_of("a.test", DNS_TYPE_A, &row);
    CHECK_INT(answer->record_count, LIMIT_DNS_RECORDS_MAX);
    CHECK_INT(answer->more, 5);
    CHECK(!answer->malformed);
    dns_answer_free(&answer);
    buf_free(&records);
}

TEST("an owner name that points to itself is malformed, not endless")
{
    const struct test_row row = {.flags = TEST_LOOP};
    struct dns_answer *answer = answer_of("a.test", DNS_TYPE_A, &row);
    CHECK(answer->malformed);
    CHECK_INT(answer->record_count, 0);
    CHECK_STR(str_of(answer->question), "a.test");
    dns_answer_free(&answer);
}

TEST("an answer cut at every byte is malformed, and keeps its whole records")
{
    struct buf question = {0}, bytes = {0};
    const struct test_row row = {.records = "answer a.test CNAME b.test\n"
                                            "answer b.test A 192.0.2.1\n"
                                            "authority test SOA ns.test 7"};
    CHECK_INT(dns_question_write("a.test", DNS_TYPE_A, plain, 1, &question), ERR_OK);
    test_answer_write(&row, (const uint8_t *)question.p, question.n, &bytes);
    size_t most = 0;
    for (size_t n = 0; n < bytes.n; n++) {
        struct dns_answer *answer = NULL;
        enum err e = dns_answer_read((const uint8_t *)bytes.p, n, &answer);
        CHECK_INT(e, n < 12 ? ERR_INVALID : ERR_OK);
        CHECK(answer == NULL || answer->malformed);
        CHECK(answer == NULL || answer->record_count >= most);
        most = answer == NULL ? 0 : answer->record_count;
        dns_answer_free(&answer);
    }
    CHECK_INT(most, 2);
    buf_free(&question);
    buf_free(&bytes);
}

TEST("64 KB of records that are all pointers are read within the limits")
{
    struct buf b = {0};
    buf_add(&b, "\0\1\x80\0\0\1", 6);
    buf_add(&b, "\x15\x4f\0\0\0\0", 6); /* 5455 records */
    buf_add(&b, "\1a\4test\0\0\5\0\1", 12);
    while (b.n + 14 <= LIMIT_DNS_MESSAGE_BYTES) {
        buf_add(&b, "\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x0c", 14);
    }
    struct dns_answer *answer = NULL;
    CHECK_INT(dns_answer_read((const uint8_t *)b.p, b.n, &answer), ERR_OK);
    CHECK(answer->record_count <= LIMIT_DNS_RECORDS_MAX);
    CHECK(answer->malformed); /* fewer than the header says */
    dns_answer_free(&answer);
    buf_free(&b);
}

TEST("more bytes than a message can have are refused")
{
    static uint8_t bytes[LIMIT_DNS_MESSAGE_BYTES + 1];
    struct dns_answer *answer = NULL;
    CHECK_INT(dns_answer_read(bytes, sizeof(bytes), &answer), ERR_INVALID);
    CHECK(answer == NULL);
}

TEST_MAIN
