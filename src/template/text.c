/* SPDX-License-Identifier: Apache-2.0
 * A template's text before libyaml sees it: size and characters are checked with positions of our
 * own, and JSON gets what libyaml's YAML 1.1 lacks. */
#include "template/template_int.h"

struct place {
    uint32_t line, column;
};

/* Length of the UTF-8 character at the front of `s`, its code in *ret_code; 0: not UTF-8. */
static size_t
utf8_next(struct str s, uint32_t *ret_code)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (n == 0 || n > s.n) {
        return 0;
    }
    uint32_t code = n == 1 ? c : c & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s.p[i];
        if ((next & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (next & 0x3Fu);
    }
    bool too_long = (n == 3 && code < 0x800) || (n == 4 && code < 0x10000);
    if (too_long || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    *ret_code = code;
    return n;
}

/* The characters a YAML text may hold. */
static bool
character_legal(uint32_t code)
{
    return code == '\t' || code == '\n' || code == '\r' || code == 0x85 ||
           (code >= 0x20 && code <= 0x7E) || (code >= 0xA0 && code <= 0xFFFD && code != 0xFEFF) ||
           code >= 0x10000;
}

static struct str
without_bom(struct str text)
{
    struct str bom = STR("\xEF\xBB\xBF");
    return str_starts(text, bom) ? str_sub(text, bom.n, text.n) : text;
}

bool
text_check(struct str text, struct str file, struct template_errors *errors)
{
    if (text.n > LIMIT_TEMPLATE_BYTES_MAX) {
        template_error_at(errors, file, 1, 1, "the template has %zu bytes, allowed are %d", text.n,
                          LIMIT_TEMPLATE_BYTES_MAX);
        return false;
    }
    struct place at = {1, 1};
    size_t n;
    for (struct str rest = without_bom(text); rest.n > 0; rest = str_sub(rest, n, rest.n)) {
        uint32_t code = 0;
        n = utf8_next(rest, &code);
        if (n == 0) {
            template_error_at(errors, file, at.line, at.column,
                              "byte 0x%02X is not valid UTF-8; templates are UTF-8 text",
                              (unsigned)(unsigned char)rest.p[0]);
            return false;
        }
        if (!character_legal(code)) {
            template_error_at(errors, file, at.line, at.column,
                              "character U+%04X is not allowed in a template", code);
            return false;
        }
        bool line_ends = code == '\n' || (code == '\r' && !(rest.n > 1 && rest.p[1] == '\n'));
        at = line_ends ? (struct place){at.line + 1, 1} : (struct place){at.line, at.column + 1};
    }
    return true;
}

/* ---- JSON ---- */
static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_json(struct str text)
{
    size_t i = 0;
    while (i < text.n && is_space(text.p[i])) {
        i++;
    }
    return i < text.n && text.p[i] == '{';
}

/* Reads "\uXXXX" at the front of `s`. */
static bool
escape_read(struct str s, uint32_t *ret_unit)
{
    if (s.n < 6 || s.p[0] != '\\' || s.p[1] != 'u') {
        return false;
    }
    uint32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        char c = ascii_lower(s.p[i]);
        if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        unit = unit << 4 | (uint32_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *ret_unit = unit;
    return true;
}

/* "\uD83D\uDE00" at the front of `s`: one character beyond U+FFFF. */
static bool
surrogates_read(struct str s, uint32_t *ret_code)
{
    uint32_t high, low;
    if (!escape_read(s, &high) || high < 0xD800 || high > 0xDBFF) {
        return false;
    }
    if (!escape_read(str_sub(s, 6, s.n), &low) || low < 0xDC00 || low > 0xDFFF) {
        return false;
    }
    *ret_code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Copies one string of JSON, its opening quote at the front of `s`; returns the bytes read. Two
 * surrogates become YAML's \UXXXXXXXX, which is two columns shorter: blanks behind the closing
 * quote keep the positions of all that follows. */
static size_t
json_string(struct str s, struct buf *out)
{
    size_t blanks = 0;
    size_t i = 1;
    buf_add_char(out, '"');
    while (i < s.n && s.p[i] != '"') {
        uint32_t code;
        if (surrogates_read(str_sub(s, i, s.n), &code)) {
            buf_addf(out, "\\U%08X", code);
            blanks += 2;
            i += 12;
            continue;
        }
        size_t n = s.p[i] == '\\' && i + 1 < s.n ? 2 : 1;
        buf_add(out, s.p + i, n);
        i += n;
    }
    if (i < s.n) {
        buf_add_char(out, '"');
        i++;
    }
    for (size_t k = 0; k < blanks; k++) {
        buf_add_char(out, ' ');
    }
    return i;
}

/* Tabs outside of strings become blanks: libyaml wants none before the first brace and on the lines
 * behind the last. */
static struct str
json_prepare(struct str text, struct buf *storage)
{
    for (size_t i = 0; i < text.n;) {
        if (text.p[i] == '"') {
            i += json_string(str_sub(text, i, text.n), storage);
            continue;
        }
        buf_add_char(storage, text.p[i] == '\t' ? ' ' : text.p[i]);
        i++;
    }
    return buf_str(storage);
}

struct str
text_prepare(struct str text, struct buf *storage)
{
    text = without_bom(text);
    return is_json(text) ? json_prepare(text, storage) : text;
}
