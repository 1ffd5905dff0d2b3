/* SPDX-License-Identifier: Apache-2.0
 * Where everything stands in a policy's text, and where exactly it stops being JSON. */
#include "policy/policy_int.h"

#include "base/assert.h"
#include "base/mem.h"

enum want {
    WANT_VALUE,        /* after a comma in a list, or after a colon */
    WANT_VALUE_OR_END, /* after [ */
    WANT_KEY,          /* after a comma in an object */
    WANT_KEY_OR_END,   /* after { */
    WANT_COLON,
    WANT_COMMA, /* or the end of what is open */
    WANT_NOTHING,
};

struct scanner {
    struct policy_scan *s; /* borrowed: the result */
    const char *p;         /* the source */
    size_t n, at;
    enum want want;
    bool after_colon;
    size_t open[LIMIT_POLICY_DEPTH_MAX]; /* nodes */
    unsigned depth;
    size_t comma_at;          /* the newest comma */
    size_t last_at, last_end; /* the newest token that is no comma */
    size_t key_at, key_end;   /* the newest name */
};

/* ---- characters ---- */

/* Bytes of the UTF-8 character at p, 0 if it is none. */
static size_t
utf8_length(const char *p, size_t n)
{
    const unsigned char *b = (const unsigned char *)p;
    if (b[0] < 0x80) {
        return 1;
    }
    size_t length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || length > n) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] >= 0xa0) ||
               (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] >= 0x90);
    return bad ? 0 : length;
}

/* What word processors put in the place of quotation marks. */
static bool
is_curly(struct str at)
{
    static const struct str marks[] = {
        STR("\xe2\x80\x98"), STR("\xe2\x80\x99"), STR("\xe2\x80\x9a"), STR("\xe2\x80\x9b"),
        STR("\xe2\x80\x9c"), STR("\xe2\x80\x9d"), STR("\xe2\x80\x9e"), STR("\xe2\x80\x9f"),
        STR("\xe2\x80\xb2"), STR("\xe2\x80\xb3"), STR("\xe3\x80\x9d"), STR("\xe3\x80\x9e"),
        STR("\xef\xbc\x82"), STR("\xc2\xab"),     STR("\xc2\xbb"),
    };
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (str_starts(at, marks[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void
policy_position(struct str source, size_t at, unsigned *ret_line, unsigned *ret_column)
{
    unsigned line = 1, column = 1;
    size_t i = str_starts(source, STR("\xef\xbb\xbf")) ? 3 : 0;
    for (; i < at && i < source.n; i++) {
        if (source.p[i] == '\n') {
            line++;
            column = 1;
        } else {
            column += ((unsigned char)source.p[i] & 0xc0) != 0x80;
        }
    }
    *ret_line = line;
    *ret_column = column;
}

/* ---- faults: all return false, which ends the scan ---- */

static bool
fault(struct scanner *c, enum policy_fault f, size_t at, size_t value_end)
{
    c->s->fault = f;
    c->s->fault_at = at;
    c->s->value = value_end > at ? str_sub(c->s->source, at, value_end - at) : STR_NONE;
    return false;
}

static bool
fault_character(struct scanner *c)
{
    size_t length = utf8_length(c->p + c->at, c->n - c->at);
    return fault(c, length == 0 ? POLICY_FAULT_NOT_UTF8 : POLICY_FAULT_BAD_CHARACTER, c->at,
                 c->at + length);
}

/* Something is missing behind a text, or its end: perhaps the text was closed by a curly mark and
 * has swallowed what follows. */
static bool
fault_behind(struct scanner *c, enum policy_fault f, size_t text_at, size_t text_end, size_t at)
{
    for (size_t i = text_at; c->p[text_at] == '"' && i < text_end; i++) {
        if (is_curly(str_sub(c->s->source, i, text_end - i))) {
            return fault(c, POLICY_FAULT_CURLY_QUOTE, i, i + utf8_length(c->p + i, c->n - i));
        }
    }
    return fault(c, f, at, at);
}

static bool
fault_missing(struct scanner *c, enum policy_fault f)
{
    return fault_behind(c, f, c->last_at, c->last_end, c->last_end);
}

/* ---- texts ---- */

static bool
hex4(const struct scanner *c, size_t at, unsigned *ret_value)
{
    unsigned value = 0;
    if (c->n - at < 4) {
        return false;
    }
    for (size_t i = at; i < at + 4; i++) {
        char l = ascii_lower(c->p[i]);
        if (!ascii_is_digit(l) && (l < 'a' || l > 'f')) {
            return false;
        }
        value = value * 16 + (unsigned)(ascii_is_digit(l) ? l - '0' : l - 'a' + 10);
    }
    *ret_value = value;
    return true;
}

/* Bytes of the escape whose backslash stands at `at`; 0 if it is none. */
static size_t
escape_length(const struct scanner *c, size_t at)
{
    unsigned first = 0, second = 0;
    if (c->n - at < 2) {
        return 0;
    }
    if (c->p[at + 1] != 'u') {
        return memchr("\"\\/bfnrt", c->p[at + 1], 8) != NULL ? 2 : 0;
    }
    if (!hex4(c, at + 2, &first) || (first >= 0xdc00 && first <= 0xdfff)) {
        return 0;
    }
    if (first < 0xd800 || first > 0xdbff) {
        return 6;
    }
    bool pair = c->n - at >= 12 && c->p[at + 6] == '\\' && c->p[at + 7] == 'u' &&
                hex4(c, at + 8, &second) && second >= 0xdc00 && second <= 0xdfff;
    return pair ? 12 : 0;
}

static bool
fault_escape(struct scanner *c, size_t at)
{
    size_t n = c->n - at >= 2 && c->p[at + 1] == 'u' ? 6 : 2;
    for (size_t i = 2; i < n; i++) {
        if (at + i >= c->n || !ascii_is_alnum(c->p[at + i])) {
            n = i;
        }
    }
    return fault(c, POLICY_FAULT_BAD_ESCAPE, at, MIN_OF(at + n, c->n));
}

/* From the opening mark at c->at to behind the closing one. */
static bool
scan_text(struct scanner *c)
{
    size_t at = c->at + 1, length = 0;
    for (; at < c->n && c->p[at] != '"' && c->p[at] != '\n' && c->p[at] != '\r'; at += length) {
        if (c->p[at] == '\\') {
            length = escape_length(c, at);
            bool line_end = at + 1 >= c->n || c->p[at + 1] == '\n' || c->p[at + 1] == '\r';
            if (length == 0 && !line_end) {
                return fault_escape(c, at);
            }
            length = MAX_OF(length, (size_t)1); /* a line's end: not closed, see below */
        } else if ((unsigned char)c->p[at] < ' ') {
            return fault(c, POLICY_FAULT_CONTROL_CHARACTER, at, at + 1);
        } else if ((length = utf8_length(c->p + at, c->n - at)) == 0) {
            return fault(c, POLICY_FAULT_NOT_UTF8, at, at + 1);
        }
    }
    if (at >= c->n || c->p[at] != '"') {
        return fault_behind(c, POLICY_FAULT_UNTERMINATED_TEXT, c->at, MIN_OF(at, c->n), c->at);
    }
    c->last_at = c->at;
    c->last_end = c->at = at + 1;
    return true;
}

/* ---- values ---- */

static struct policy_node *
node_add(struct scanner *c, enum policy_kind kind, size_t at, size_t end)
{
    struct policy_node *node = VEC_PUSH(c->s->nodes, c->s->count, c->s->cap);
    *node = (struct policy_node){.kind = kind,
                                 .at = at,
                                 .end = end,
                                 .key_at = c->after_colon ? c->key_at : at,
                                 .key_end = c->after_colon ? c->key_end : at,
                                 .text = str_sub(c->s->source, at, end - at),
                                 .next = c->s->count};
    c->after_colon = false;
    c->want = WANT_COMMA;
    return node;
}

static bool
bracket_open(struct scanner *c, enum policy_kind kind)
{
    if (c->depth == LIMIT_POLICY_DEPTH_MAX) {
        return fault(c, POLICY_FAULT_TOO_DEEP, c->at, c->at + 1);
    }
    (void)node_add(c, kind, c->at, c->at + 1);
    c->open[c->depth++] = c->s->count - 1;
    c->want = kind == POLICY_LIST ? WANT_VALUE_OR_END : WANT_KEY_OR_END;
    c->last_at = c->at;
    c->last_end = ++c->at;
    return true;
}

static struct policy_node *
innermost(const struct scanner *c)
{
    ASSERT(c->depth > 0);
    return &c->s->nodes[c->open[c->depth - 1]];
}

static bool
closes(const struct scanner *c, char bracket)
{
    return bracket == (innermost(c)->kind == POLICY_LIST ? ']' : '}');
}

static bool
bracket_close(struct scanner *c)
{
    struct policy_node *node = innermost(c);
    if (!closes(c, c->p[c->at])) {
        return fault(c, POLICY_FAULT_WRONG_BRACKET, c->at, c->at + 1);
    }
    c->last_at = c->at;
    c->last_end = ++c->at;
    node->end = c->at;
    node->text = str_sub(c->s->source, node->at, node->end - node->at);
    node->next = c->s->count;
    c->depth--;
    c->want = c->depth == 0 ? WANT_NOTHING : WANT_COMMA;
    return true;
}

/* A closing bracket where a value or name must follow. */
static bool
fault_closing(struct scanner *c)
{
    if (c->after_colon) {
        return fault_missing(c, POLICY_FAULT_MISSING_VALUE);
    }
    if (!closes(c, c->p[c->at])) {
        return fault(c, POLICY_FAULT_WRONG_BRACKET, c->at, c->at + 1);
    }
    return fault(c, POLICY_FAULT_TRAILING_COMMA, c->comma_at, c->comma_at + 1);
}

static bool
starts_comment(struct str at)
{
    return str_starts(at, STR("//")) || str_starts(at, STR("/*"));
}

/* The run of characters that somebody may have meant as one word or number. */
static struct str
word_at(const struct scanner *c)
{
    size_t end = c->at;
    while (end < c->n &&
           (ascii_is_alnum(c->p[end]) || memchr("_+-.:*?/$@", c->p[end], 10) != NULL) &&
           !starts_comment(str_sub(c->s->source, end, 2))) {
        end++;
    }
    return str_sub(c->s->source, c->at, end - c->at);
}

static size_t
digits(struct str s, size_t at)
{
    size_t from = at;
    while (at < s.n && ascii_is_digit(s.p[at])) {
        at++;
    }
    return at - from;
}

/* [RFC 8259 6] */
static bool
is_json_number(struct str w)
{
    size_t at = w.n > 0 && w.p[0] == '-', n = digits(w, at);
    if (n == 0 || (n > 1 && w.p[at] == '0')) {
        return false;
    }
    at += n;
    if (at < w.n && w.p[at] == '.') {
        n = digits(w, at + 1);
        at += 1 + n;
        if (n == 0) {
            return false;
        }
    }
    if (at < w.n && ascii_lower(w.p[at]) == 'e') {
        bool sign = at + 1 < w.n && (w.p[at + 1] == '+' || w.p[at + 1] == '-');
        at += sign ? 2 : 1;
        n = digits(w, at);
        at += n;
        if (n == 0) {
            return false;
        }
    }
    return at == w.n;
}

static bool
scan_word(struct scanner *c)
{
    static const struct {
        struct str word;
        enum policy_kind kind;
    } words[] = {
        {STR("true"), POLICY_TRUE}, {STR("false"), POLICY_FALSE}, {STR("null"), POLICY_NULL}};
    struct str w = word_at(c);
    size_t kind = 0;
    if (w.n == 0) {
        return fault_character(c);
    }
    while (kind < COUNT_OF(words) && !str_eq(w, words[kind].word)) {
        kind++;
    }
    bool number = ascii_is_digit(w.p[0]) || memchr("+-.", w.p[0], 3) != NULL;
    if (kind == COUNT_OF(words) && !(number && is_json_number(w))) {
        bool zero = w.n > 1 && w.p[0] == '0' && digits(w, 0) == w.n;
        return fault(c,
                     zero     ? POLICY_FAULT_LEADING_ZERO
                     : number ? POLICY_FAULT_BAD_NUMBER
                              : POLICY_FAULT_BARE_WORD,
                     c->at, c->at + w.n);
    }
    (void)node_add(c, number ? POLICY_NUMBER : words[kind].kind, c->at, c->at + w.n);
    c->last_at = c->at;
    c->last_end = c->at += w.n;
    return true;
}

/* ---- one token in each situation ---- */

static bool
want_value(struct scanner *c)
{
    size_t at = c->at;
    switch (c->p[at]) {
    case '"':
        if (!scan_text(c)) {
            return false;
        }
        (void)node_add(c, POLICY_TEXT, at, c->at);
        return true;
    case '{': return bracket_open(c, POLICY_OBJECT);
    case '[': return bracket_open(c, POLICY_LIST);
    case ']':
    case '}': return c->want == WANT_VALUE_OR_END ? bracket_close(c) : fault_closing(c);
    case ',':
        return c->after_colon ? fault_missing(c, POLICY_FAULT_MISSING_VALUE)
                              : fault(c, POLICY_FAULT_EXTRA_COMMA, at, at + 1);
    default: return scan_word(c);
    }
}

static bool
want_key(struct scanner *c)
{
    size_t at = c->at;
    switch (c->p[at]) {
    case '"':
        if (!scan_text(c)) {
            return false;
        }
        c->key_at = at;
        c->key_end = c->at;
        c->want = WANT_COLON;
        return true;
    case ']':
    case '}': return c->want == WANT_KEY_OR_END ? bracket_close(c) : fault_closing(c);
    case ',': return fault(c, POLICY_FAULT_EXTRA_COMMA, at, at + 1);
    default: break;
    }
    struct str w = word_at(c);
    (void)str_find_char(w, ':', &w.n); /* of `Effect: "Allow"`, the name only */
    return w.n > 0 ? fault(c, POLICY_FAULT_BARE_WORD, at, at + w.n) : fault_character(c);
}

static bool
want_colon(struct scanner *c)
{
    if (c->p[c->at] != ':') {
        return fault_missing(c, POLICY_FAULT_MISSING_COLON);
    }
    c->last_at = c->at;
    c->last_end = ++c->at;
    c->after_colon = true;
    c->want = WANT_VALUE;
    return true;
}

static bool
want_comma(struct scanner *c)
{
    char now = c->p[c->at];
    if (now == ',') {
        c->comma_at = c->at++;
        c->want = innermost(c)->kind == POLICY_LIST ? WANT_VALUE : WANT_KEY;
        return true;
    }
    if (now == ']' || now == '}') {
        return bracket_close(c);
    }
    bool value = now == '"' || now == '{' || now == '[' || (now != ':' && word_at(c).n > 0);
    return value ? fault_missing(c, POLICY_FAULT_MISSING_COMMA) : fault_character(c);
}

/* What is wrong wherever it stands outside a text. */
static bool
is_stray(struct scanner *c)
{
    struct str rest = str_sub(c->s->source, c->at, c->n - c->at);
    enum policy_fault f = POLICY_FAULT_NONE;
    size_t length = 1;
    if (starts_comment(rest) || rest.p[0] == '#') {
        f = POLICY_FAULT_COMMENT;
        length = 2;
    } else if (c->want == WANT_NOTHING) {
        f = POLICY_FAULT_AFTER_END;
        length = MAX_OF(utf8_length(rest.p, rest.n), (size_t)1);
    } else if (is_curly(rest)) {
        f = POLICY_FAULT_CURLY_QUOTE;
        length = utf8_length(rest.p, rest.n);
    } else if (rest.p[0] == '\'' || rest.p[0] == '`') {
        f = POLICY_FAULT_SINGLE_QUOTE;
    }
    if (f == POLICY_FAULT_NONE) {
        return false;
    }
    (void)fault(c, f, c->at, MIN_OF(c->at + length, c->n));
    return true;
}

static bool
scan_token(struct scanner *c)
{
    while (c->at < c->n && is_blank(c->p[c->at])) {
        c->at++;
    }
    if (c->at == c->n) {
        const struct policy_node *open = c->depth == 0 ? NULL : innermost(c);
        return open == NULL ? false : fault(c, POLICY_FAULT_NOT_CLOSED, open->at, open->at + 1);
    }
    if (is_stray(c)) {
        return false;
    }
    switch (c->want) {
    case WANT_VALUE:
    case WANT_VALUE_OR_END: return want_value(c);
    case WANT_KEY:
    case WANT_KEY_OR_END: return want_key(c);
    case WANT_COLON: return want_colon(c);
    case WANT_COMMA: return want_comma(c);
    case WANT_NOTHING: break;
    }
    NEVER("what follows the end is stray");
}

void
policy_scan(struct policy_scan *s)
{
    struct scanner c = {
        .s = s, .p = s->source.p, .n = s->source.n, .at = s->start, .want = WANT_VALUE};
    ASSERT(s->start < s->source.n && s->source.p[s->start] == '{');
    s->fault = POLICY_FAULT_NONE;
    while (scan_token(&c)) {
    }
}
