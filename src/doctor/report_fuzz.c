/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the reports with any facts that a saved diagnosis can hold: whatever a far end sent, what
 * is printed is text without control bytes, and of markup there is only ours. */
#include <stdint.h>

#include "base/assert.h"
#include "base/limits.h"
#include "doctor/report.h"
#include "doctor/save.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_text(const struct buf *out)
{
    ASSERT(text_utf8_valid(buf_str(out)));
    for (size_t i = 0; i < out->n; i++) {
        ASSERT((uint8_t)out->p[i] >= ' ' || out->p[i] == '\n' || out->p[i] == '\t');
        ASSERT(out->p[i] != 0x7f);
    }
}

static size_t
count_of(struct str rest, struct str needle)
{
    size_t count = 0, at = 0;
    while (str_find(rest, needle, &at)) {
        rest = str_sub(rest, at + needle.n, rest.n);
        count++;
    }
    return count;
}

static void
check_html(const struct buf *page)
{
    check_text(page);
    ASSERT(page->n <= LIMIT_DOCTOR_PAGE_BYTES);
    ASSERT(str_ends(buf_str(page), STR("</html>\n")));
    ASSERT(count_of(buf_str(page), STR("<script")) == 1);
    ASSERT(count_of(buf_str(page), STR("<style")) == 1);
    ASSERT(count_of(buf_str(page), STR("<main")) == count_of(buf_str(page), STR("</main>")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct facts f;
    struct findings found;
    struct errinfo info;
    struct buf page AUTO(buf_free) = {0};
    struct buf ticket AUTO(buf_free) = {0};
    struct buf screen AUTO(buf_free) = {0};
    const struct term t = {.width = 80};
    if (facts_load((struct str){(const char *)p, n}, &f, &info) != ERR_OK) {
        return 0;
    }
    infer(&f, &found);
    const struct report r = {
        .facts = &f, .findings = &found, .show_commands = true, .verbose = true};
    report_html(&r, &page);
    check_html(&page);
    say_ticket(&r, &ticket);
    check_text(&ticket);
    report_terminal(&r, &t, &screen);
    report_quiet(&r, &screen);
    check_text(&screen);
    findings_done(&found);
    facts_done(&f);
    return 0;
}
