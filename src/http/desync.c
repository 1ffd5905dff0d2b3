/* SPDX-License-Identifier: Apache-2.0
 * The desync classifier: names, verdict arithmetic, look-alike names, framing [data-plane 6]. */
#include "http/h1_int.h"

#include "base/assert.h"

struct reason_row {
    struct str name;
    enum desync_class klass;
};

static const struct reason_row reasons[DESYNC_REASON_COUNT] = {
    [DESYNC_NONE] = {{"-", 1}, DESYNC_COMPLIANT},
#define DESYNC(name, klass) [DESYNC_##name] = {{#name, sizeof(#name) - 1}, DESYNC_##klass},
#include "http/desync.def"
#undef DESYNC
};

static const struct str class_names[] = {
    [DESYNC_COMPLIANT] = {"-", 1},
    [DESYNC_ACCEPTABLE] = {"Acceptable", 10},
    [DESYNC_AMBIGUOUS] = {"Ambiguous", 9},
    [DESYNC_SEVERE] = {"Severe", 6},
};

struct str
desync_class_name(enum desync_class c)
{
    ASSERT(c < COUNT_OF(class_names));
    return class_names[c];
}

struct str
desync_reason_name(enum desync_reason r)
{
    ASSERT(r < DESYNC_REASON_COUNT);
    return reasons[r].name;
}

void
desync_note(struct desync *d, enum desync_reason reason)
{
    if (reasons[reason].klass > d->klass) {
        d->klass = reasons[reason].klass;
        d->reason = reason;
    }
}

/* ---- look-alikes [data-plane 6.4, Similarity] ---- */

static size_t
skip_non_alnum(struct str s, size_t i)
{
    while (i < s.n && !ascii_is_alnum(s.p[i])) {
        i++;
    }
    return i;
}

/* Takes one letter of the reference at *at, past bytes up to 0x20; the long s and the dotless i of
 * Unicode upper-case to S and I and count as s and i. */
static bool
take_letter(struct str name, size_t *at, char letter)
{
    size_t i = *at;
    while (i < name.n && (uint8_t)name.p[i] <= 0x20) {
        i++;
    }
    if (i < name.n && ascii_lower(name.p[i]) == letter) {
        *at = i + 1;
        return true;
    }
    const char *pair = letter == 's' ? "\xc5\xbf" : letter == 'i' ? "\xc4\xb1" : NULL;
    if (pair != NULL && name.n - i >= 2 && memcmp(name.p + i, pair, 2) == 0) {
        *at = i + 2;
        return true;
    }
    return false;
}

/* The hyphen's place takes any one byte and then whatever is no letter or digit. */
static bool
take_hyphen(struct str name, size_t *at)
{
    if (*at == name.n) {
        return false;
    }
    *at = skip_non_alnum(name, *at + 1);
    return true;
}

static bool
same_letters(struct str name, struct str reference)
{
    if (name.n < reference.n) {
        return false;
    }
    size_t at = skip_non_alnum(name, 0);
    size_t begin = at;
    for (size_t i = 0; i < reference.n; i++) {
        bool hyphen = reference.p[i] == '-';
        if (hyphen ? !take_hyphen(name, &at) : !take_letter(name, &at, reference.p[i])) {
            /* A letter may be replaced by bytes that a reader might strip: the library's rule. */
            return !hyphen && at > begin && skip_non_alnum(name, at) == name.n;
        }
    }
    return skip_non_alnum(name, at) == name.n;
}

enum resemblance
desync_resemblance(struct str raw_name)
{
    static const struct str te = {"transfer-encoding", 17};
    static const struct str cl = {"content-length", 14};
    if (str_ieq(raw_name, te) || str_ieq(raw_name, cl)) {
        return RESEMBLES_NOTHING;
    }
    if (same_letters(raw_name, te)) {
        return RESEMBLES_TE;
    }
    return same_letters(raw_name, cl) ? RESEMBLES_CL : RESEMBLES_NOTHING;
}

/* ---- framing ---- */

/* What GET and HEAD, which define no body, say about their framing headers. */
static void
note_get_head(struct desync *d, const struct h1_codings *te, const struct h1_lengths *cl)
{
    if (te->any) {
        desync_note(d, DESYNC_UndefinedTransferEncodingSemantics);
    }
    if (cl->count > 0 && !cl->bad) {
        desync_note(d, cl->value == 0 && !cl->differ ? DESYNC_GetHeadZeroContentLength
                                                     : DESYNC_UndefinedContentLengthSemantics);
    }
}

static void
note_framing_faults(struct desync *d, const struct h1_codings *te, const struct h1_lengths *cl)
{
    if (te->unknown) {
        desync_note(d, DESYNC_BadTransferEncoding);
    }
    if (te->chunked_twice) {
        desync_note(d, DESYNC_MultipleTransferEncodingChunked);
    }
    if (cl->bad) {
        desync_note(d, DESYNC_BadContentLength);
    }
    if (cl->count > 1) {
        desync_note(d, cl->differ ? DESYNC_MultipleContentLength : DESYNC_DuplicateContentLength);
    }
}

void
desync_classify_framing(struct desync *d, const struct http_headers *h,
                        const struct h1_fields *fields, enum http_version version,
                        enum http_method method)
{
    struct h1_codings te = h1_codings_read(h, true);
    struct h1_lengths cl = h1_lengths_of_request(h, true);
    if (te.any && cl.count > 0 && fields->lookalike) {
        desync_note(d, DESYNC_SuspiciousTeClPresent);
    }
    if (te.any && version == HTTP_1_0) {
        desync_note(d, DESYNC_UndefinedTransferEncodingSemantics);
        return; /* what 1.0 does not define is not looked at closer */
    }
    note_framing_faults(d, &te, &cl);
    if (method == METHOD_GET || method == METHOD_HEAD) {
        note_get_head(d, &te, &cl);
    }
    if (te.any && cl.count > 0 && !cl.bad) {
        desync_note(d, DESYNC_BothTeClPresent);
    }
}
