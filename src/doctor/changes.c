/* SPDX-License-Identifier: Apache-2.0
 * What is different between two runs. */
#include "doctor/changes.h"

#include <stdio.h>

#include "text/text.h"

enum { WORDS_MAX = 1024 };

const char *
changes_result(const struct findings *f)
{
    const struct finding *first = findings_first(f);
    switch (f->verdict) {
    case VERDICT_OK: return "ok";
    case VERDICT_FAULT:
    case VERDICT_WARNING: return first == NULL ? "-" : finding_row(first->id)->id;
    case VERDICT_UNKNOWN:
    case VERDICT_ERROR: return "-";
    }
    return "-";
}

/* ---- one thing of a run, as text ---- */

static void
say_result(const struct run_view *r, struct out *o)
{
    out_str(o, str_of(changes_result(r->findings)));
}

static void
say_addresses(const struct run_view *r, struct out *o)
{
    struct addr addrs[QUESTION_ADDRS_MAX];
    size_t n = facts_site_addrs(r->facts, addrs, COUNT_OF(addrs));
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            out_char(o, ' ');
        }
        out_addr_ip(o, &addrs[i]);
    }
    if (n == 0) {
        out_char(o, '-');
    }
}

/* The leaf of the first chain that came from the site itself. */
static void
say_certificate(const struct run_view *r, struct out *o)
{
    for (size_t i = 0; i < r->facts->count; i++) {
        const struct result *result = &r->facts->results[i];
        if (result->side == SIDE_SITE && result->chain != NULL && result->chain->count > 0) {
            const struct chain_certificate *leaf = &result->chain->certificates[0];
            out_str(o, str_sub(str_of(leaf->subject), 0, WORDS_MAX / 2));
            out_char(o, ' ');
            out_str(o, str_sub(str_of(leaf->fingerprint), 0, 16));
            return;
        }
    }
    out_char(o, '-');
}

static void
say_status(const struct run_view *r, struct out *o)
{
    const struct result *answer = r->findings->answer;
    if (answer == NULL || answer->http == NULL || !answer->http->has_status) {
        out_char(o, '-');
        return;
    }
    out_u64(o, answer->http->status);
}

static const struct {
    void (*say)(const struct run_view *r, struct out *o);
    const char *sentence;
} things[] = {
    {say_result, N_("The result was {before}; now it is {after}.")},
    {say_addresses, N_("{host} led to {before}; now it leads to {after}.")},
    {say_certificate, N_("The certificate was {before}; now it is {after}.")},
    {say_status, N_("The status was {before}; now it is {after}.")},
};

size_t
changes_add(const struct run_view *before, const struct run_view *after, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(things); i++) {
        char old_text[WORDS_MAX];
        char new_text[WORDS_MAX];
        struct out a = out_of(old_text, sizeof(old_text));
        struct out b = out_of(new_text, sizeof(new_text));
        things[i].say(before, &a);
        things[i].say(after, &b);
        struct str was = str_span(old_text, a.p);
        struct str is = str_span(new_text, b.p);
        if (!str_eq(was, is)) {
            text_fill_as(out, TEXT_TERMINAL, tr(things[i].sentence),
                         TEXT_ARGS({"host", str_of(after->facts->question.host)}, {"before", was},
                                   {"after", is}));
            buf_add_char(out, '\n');
            count++;
        }
    }
    return count;
}

uint32_t
changes_ttl_s(const struct run_view *run)
{
    static const enum probe probes[] = {PROBE_D2A, PROBE_D2Q};
    const struct finding *first = findings_first(run->findings);
    if (first == NULL || (first->id != FINDING_DNS_01 && first->id != FINDING_DNS_08)) {
        return 0;
    }
    uint32_t longest = 0;
    for (size_t p = 0; p < COUNT_OF(probes); p++) {
        const struct result *r = NULL;
        while ((r = facts_next(run->facts, r, probes[p], SIDE_NONE)) != NULL) {
            for (size_t i = 0; r->dns != NULL && i < r->dns->record_count; i++) {
                const struct dns_record *record = &r->dns->records[i];
                if (record->section == DNS_SECTION_ANSWER && record->ttl > longest) {
                    longest = record->ttl;
                }
            }
        }
    }
    return longest;
}
