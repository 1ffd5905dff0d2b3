/* SPDX-License-Identifier: Apache-2.0
 * Desync names, verdict arithmetic and look-alike names. The classes of whole requests are tested
 * in h1_request_test.c. */
#include "http/h1_int.h"

#include "base/test.h"

TEST("classes and reasons are spelled as in ALB's log")
{
    CHECK_STR(desync_class_name(DESYNC_COMPLIANT), "-");
    CHECK_STR(desync_class_name(DESYNC_ACCEPTABLE), "Acceptable");
    CHECK_STR(desync_class_name(DESYNC_AMBIGUOUS), "Ambiguous");
    CHECK_STR(desync_class_name(DESYNC_SEVERE), "Severe");
    CHECK_STR(desync_reason_name(DESYNC_NONE), "-");
    CHECK_STR(desync_reason_name(DESYNC_BothTeClPresent), "BothTeClPresent");
    CHECK_STR(desync_reason_name(DESYNC_MultipleTransferEncodingChunked),
              "MultipleTransferEncodingChunked");
    CHECK_STR(desync_reason_name(DESYNC_MultilineHeader), "MultilineHeader");
}

TEST("the verdict only moves up, and the first finding of a severity stays")
{
    struct desync d = {0};
    desync_note(&d, DESYNC_NONE);
    CHECK_INT(d.reason, DESYNC_NONE);
    desync_note(&d, DESYNC_SpaceInUri);
    desync_note(&d, DESYNC_NonCompliantVersion);
    CHECK_INT(d.reason, DESYNC_SpaceInUri);
    desync_note(&d, DESYNC_EmptyHeader);
    desync_note(&d, DESYNC_SpaceInUri);
    CHECK_INT(d.klass, DESYNC_AMBIGUOUS);
    CHECK_INT(d.reason, DESYNC_EmptyHeader);
    desync_note(&d, DESYNC_BadUri);
    desync_note(&d, DESYNC_BadHeader);
    CHECK_INT(d.reason, DESYNC_BadUri);
}

TEST("names that normalise to Transfer-Encoding or Content-Length resemble them")
{
    static const struct {
        struct str name;
        enum resemblance like;
    } rows[] = {
        {STR("Transfer-Encoding"), RESEMBLES_NOTHING}, /* it is the real one */
        {STR("content-LENGTH"), RESEMBLES_NOTHING},
        {STR("Transfer-Encoding "), RESEMBLES_TE},
        {STR("Transfer-Encoding\x0b"), RESEMBLES_TE},
        {STR("Transfer_Encoding"), RESEMBLES_TE},
        {STR("Transfer Encoding"), RESEMBLES_TE},
        {STR("TransferXEncoding"), RESEMBLES_TE},
        {STR("transfer---encoding"), RESEMBLES_TE},
        {STR("*transfer-encoding*"), RESEMBLES_TE},
        {STR("trans\x01"
             "fer-encoding"),
         RESEMBLES_TE},
        {STR("tran\xc5\xbf"
             "fer-encoding"),
         RESEMBLES_TE},
        {STR("transfer-encod\xc4\xb1ng"), RESEMBLES_TE},
        {STR("transfer-encodin\x01"), RESEMBLES_TE}, /* the library's quirk */
        {STR("transfer-encodin%"), RESEMBLES_TE},
        {STR("TransferEncoding"), RESEMBLES_NOTHING}, /* nothing in the hyphen's place, too short */
        {STR("xTransferEncoding"), RESEMBLES_NOTHING},
        {STR("TransferEncodingxx"), RESEMBLES_NOTHING},
        {STR("transfer-encodings"), RESEMBLES_NOTHING},
        {STR("x-transfer-encoding"), RESEMBLES_NOTHING},
        {STR("transfer-encoding-x"), RESEMBLES_NOTHING},
        {STR("Content_Length"), RESEMBLES_CL},
        {STR("Content-Length\t"), RESEMBLES_CL},
        {STR("ContentZLength"), RESEMBLES_CL},
        {STR("_content-length"), RESEMBLES_CL},
        {STR("Content-Lengt\x7f"), RESEMBLES_CL},
        {STR("Content-Lengths"), RESEMBLES_NOTHING},
        {STR("Content-Location"), RESEMBLES_NOTHING},
        {STR("Content-Language"), RESEMBLES_NOTHING},
        {STR("content-length-range"), RESEMBLES_NOTHING},
        {STR("---------------------"), RESEMBLES_NOTHING},
        {STR("t"), RESEMBLES_NOTHING},
        {STR(""), RESEMBLES_NOTHING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (desync_resemblance(rows[i].name) != rows[i].like) {
            test_failed(__FILE__, __LINE__, "\"%.*s\"", STR_ARG(rows[i].name));
        }
    }
}

TEST("no known header but the two is a look-alike")
{
    for (unsigned id = HEADER_OTHER + 1; id < HEADER_COUNT; id++) {
        CHECK_INT(desync_resemblance(header_name((enum header_id)id)), RESEMBLES_NOTHING);
    }
}

TEST_MAIN
