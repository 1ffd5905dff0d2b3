/* SPDX-License-Identifier: Apache-2.0
 * The word of a browser for what went wrong, found in what a user pasted. */
#include "base/defs.h"
#include "doctor/question.h"

/* Every word of the table of sights; alternatives stand with '|' between them. */
static const char *const known[] = {
#define SIGHT(name, chromium, page, firefox, safari, curl, openssl) chromium, page, firefox,
#include "doctor/sights.def"
#undef SIGHT
};

/* What begins a word of an error page, also of one that is in no table. */
static const char *const beginnings[] = {
    "ERR_", "DNS_PROBE_", "SSL_ERROR_", "SEC_ERROR_", "MOZILLA_PKIX_ERROR_", "PR_", "NS_ERROR_",
};

enum { WORD_MAX = 64 };

/* Capital letters, everything else '_', at the ends nothing of it: "Ssl protocol error." as
 * "SSL_PROTOCOL_ERROR". */
static void
squeeze(struct str s, char *to, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n + 1 < size; i++) {
        char c = s.p[i];
        if (c >= 'a' && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        }
        if (ascii_is_alnum(c)) {
            to[n++] = c;
        } else if (n > 0 && to[n - 1] != '_') {
            to[n++] = '_';
        }
    }
    to[n > 0 && to[n - 1] == '_' ? n - 1 : n] = '\0';
}

/* Does the squeezed text hold the squeezed word as whole words? */
static bool
holds(struct str text, struct str word)
{
    for (size_t i = 0; i + word.n <= text.n; i++) {
        bool begins = i == 0 || text.p[i - 1] == '_';
        bool ends = i + word.n == text.n || text.p[i + word.n] == '_';
        if (begins && ends && str_starts(str_sub(text, i, word.n), word)) {
            return true;
        }
    }
    return false;
}

/* The longest word of the table that the text holds, with its "ERR_" or, if none does, without. */
static bool
find_known(struct str text, bool bare, char *to, size_t size)
{
    size_t best = 0;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        struct str rest = str_of(known[i]);
        struct str piece;
        while (str_cut(&rest, '|', &piece)) {
            char word[WORD_MAX];
            piece = str_trim(piece);
            squeeze(piece, word, sizeof(word));
            struct str w = str_of(word);
            w = bare && str_starts(w, STR("ERR_")) ? str_sub(w, 4, w.n) : w;
            bool is_word = w.n > 4 && !str_eq(w, STR("BLANK_PAGE"));
            if (is_word && w.n > best && holds(text, w) && str_copy_z(piece, to, size)) {
                best = w.n;
            }
        }
    }
    return best > 0;
}

/* A word that is in no table, by how such words begin. */
static bool
find_by_beginning(struct str pasted, char *to, size_t size)
{
    for (size_t i = 0; i < pasted.n; i++) {
        bool inside = i > 0 && (ascii_is_alnum(pasted.p[i - 1]) || pasted.p[i - 1] == '_');
        for (size_t b = 0; b < COUNT_OF(beginnings) && !inside; b++) {
            struct str rest = str_sub(pasted, i, pasted.n);
            if (!str_istarts(rest, str_of(beginnings[b]))) {
                continue;
            }
            size_t n = 0;
            while (n < rest.n && (ascii_is_alnum(rest.p[n]) || rest.p[n] == '_')) {
                n++;
            }
            bool longer = n > strlen(beginnings[b]);
            if (longer && n < size) {
                squeeze(str_sub(rest, 0, n), to, size);
                return true;
            }
        }
    }
    return false;
}

bool
question_browser_error(struct str pasted, char *to, size_t size)
{
    char text[1024];
    squeeze(pasted, text, sizeof(text));
    return find_known(str_of(text), false, to, size) || find_by_beginning(pasted, to, size) ||
           find_known(str_of(text), true, to, size);
}
