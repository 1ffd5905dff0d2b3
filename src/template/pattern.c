/* SPDX-License-Identifier: Apache-2.0
 * AllowedPattern: a Java regular expression, translated into a POSIX extended one. What POSIX
 * cannot say (look-around, back references, ...) is refused, never misread. The size of what the
 * pattern unrolls to is bounded, because the C library unrolls counted repetitions. */
#include "template/resolve_int.h"

#include "base/mem.h"

#include <regex.h>

enum { GROUPS_MAX = 32, SIZE_MAX_UNROLLED = 20000, REPEAT_MAX = 5000, PATTERN_BYTES_MAX = 4096 };

struct pattern {
    regex_t regex;
};

/* Reading goes on until `why` is set. */
struct translator {
    struct str in;
    size_t at;
    struct buf out;
    const char *why;
    size_t size[GROUPS_MAX + 1]; /* unrolled size per open group */
    size_t depth;
    size_t atom; /* size of what a repetition here would repeat; 0: nothing */
};

static void
refuse(struct translator *t, const char *why)
{
    if (t->why == NULL) {
        t->why = why;
    }
}

static bool
more(const struct translator *t)
{
    return t->why == NULL && t->at < t->in.n;
}

/* Is `c` next? Then it is taken. */
static bool
take(struct translator *t, char c)
{
    if (t->at < t->in.n && t->in.p[t->at] == c) {
        t->at++;
        return true;
    }
    return false;
}

static void
atom_close(struct translator *t)
{
    t->size[t->depth] += t->atom;
    t->atom = 0;
    if (t->size[t->depth] > SIZE_MAX_UNROLLED) {
        refuse(t, "it is too large when its repetitions are written out");
    }
}

static void
atom_open(struct translator *t, size_t size)
{
    atom_close(t);
    t->atom = size;
}

/* ---- sets of characters ---- */
struct set {
    bool has[256];
};

static void
set_range(struct set *s, unsigned first, unsigned last)
{
    for (unsigned c = first; c <= last; c++) {
        s->has[c] = true;
    }
}

/* \d \w \s and their opposites; false: no such class. */
static bool
set_class(struct set *s, char letter)
{
    struct set c = {{false}};
    switch (ascii_lower(letter)) {
    case 'w':
        set_range(&c, 'a', 'z');
        set_range(&c, 'A', 'Z');
        set_range(&c, '_', '_');
        set_range(&c, '0', '9');
        break;
    case 'd': set_range(&c, '0', '9'); break;
    case 's':
        set_range(&c, '\t', '\r');
        set_range(&c, ' ', ' ');
        break;
    default: return false;
    }
    bool opposite = letter != ascii_lower(letter);
    for (size_t i = 1; i < COUNT_OF(c.has); i++) {
        s->has[i] = s->has[i] || c.has[i] != opposite;
    }
    return true;
}

/* A bracket expression: "]" first, "[", "^" and "-" last, where they mean themselves. */
static void
set_emit(struct translator *t, struct set *s, bool negated)
{
    bool caret = s->has['^'], dash = s->has['-'], open = s->has['['], close = s->has[']'];
    s->has['^'] = s->has['-'] = s->has['['] = s->has[']'] = false;
    buf_add_z(&t->out, negated ? "[^" : "[");
    size_t before = t->out.n;
    buf_add_z(&t->out, close ? "]" : "");
    for (size_t c = 1; c < COUNT_OF(s->has); c++) {
        if (s->has[c]) {
            buf_add_char(&t->out, (char)c);
        }
    }
    buf_add_z(&t->out, open ? "[" : "");
    bool caret_is_first = caret && !negated && t->out.n == before;
    if (caret_is_first && !dash) {
        t->out.n--; /* "[^]" would not be a set */
        buf_add_z(&t->out, "\\^");
        return;
    }
    buf_add_z(&t->out, caret_is_first ? "-^" : caret ? "^" : "");
    buf_add_z(&t->out, dash && !caret_is_first ? "-]" : "]");
}

/* The letter behind a backslash when it stands for a control character; else 0. */
static char
control_of(char letter)
{
    switch (letter) {
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    case 'f': return '\f';
    default: return 0;
    }
}

/* One character of a set, or a class (then false and already added). */
static bool
set_character(struct translator *t, struct set *s, unsigned *ret)
{
    char c = t->in.p[t->at++];
    if (c == '[' || (c == '&' && t->at < t->in.n && t->in.p[t->at] == '&')) {
        refuse(t, "sets inside of sets are not supported");
        return false;
    }
    if ((unsigned char)c >= 0x80) {
        refuse(t, "characters beyond ASCII inside of [] are not supported");
        return false;
    }
    if (c == '\\') {
        if (t->at == t->in.n) {
            refuse(t, "it ends in a backslash");
            return false;
        }
        c = t->in.p[t->at++];
        if (set_class(s, c)) {
            return false;
        }
        char control = control_of(c);
        if (control == 0 && ascii_is_alnum(c)) {
            refuse(t, "this escape inside of [] is not supported");
            return false;
        }
        c = control != 0 ? control : c;
    }
    *ret = (unsigned char)c;
    return true;
}

static void
set_translate(struct translator *t)
{
    struct set s = {{false}};
    bool negated = take(t, '^');
    bool empty = true;
    while (more(t) && t->in.p[t->at] != ']') {
        unsigned first = 0, last;
        empty = false;
        if (!set_character(t, &s, &first)) {
            continue;
        }
        last = first;
        bool range = t->at + 1 < t->in.n && t->in.p[t->at] == '-' && t->in.p[t->at + 1] != ']';
        if (range) {
            t->at++;
            if (!set_character(t, &s, &last) || last < first) {
                refuse(t, "a range inside of [] is not sound");
                return;
            }
        }
        set_range(&s, first, last);
    }
    if (empty || !take(t, ']')) {
        refuse(t, "a '[' is empty or not closed");
        return;
    }
    atom_open(t, 1);
    set_emit(t, &s, negated);
}

/* ---- outside of sets ---- */
/* A character that means itself. One of several bytes is grouped, so that it repeats as a whole. */
static void
literal_emit(struct translator *t, char c)
{
    atom_open(t, 1);
    if ((unsigned char)c >= 0xC0) {
        buf_add_char(&t->out, '(');
        buf_add_char(&t->out, c);
        while (t->at < t->in.n && ((unsigned char)t->in.p[t->at] & 0xC0) == 0x80) {
            buf_add_char(&t->out, t->in.p[t->at++]);
        }
        buf_add_char(&t->out, ')');
    } else if (ascii_is_alnum(c) || (unsigned char)c >= 0x80) {
        buf_add_char(&t->out, c);
    } else if (c == '^' || c == '\\') {
        buf_add_char(&t->out, '\\');
        buf_add_char(&t->out, c);
    } else {
        buf_add_char(&t->out, '[');
        buf_add_char(&t->out, c);
        buf_add_char(&t->out, ']');
    }
}

static void
escape_translate(struct translator *t)
{
    if (t->at == t->in.n) {
        refuse(t, "it ends in a backslash");
        return;
    }
    char c = t->in.p[t->at++];
    struct set s = {{false}};
    if (set_class(&s, c)) {
        atom_open(t, 1);
        set_emit(t, &s, false);
        return;
    }
    char control = control_of(c);
    if (control == 0 && ascii_is_alnum(c)) {
        refuse(t, "this escape (\\b, \\1, \\p, ...) is not supported");
        return;
    }
    literal_emit(t, control != 0 ? control : c);
}

static void
group_open(struct translator *t)
{
    if (take(t, '?') && !take(t, ':')) {
        refuse(t, "groups that begin with '(?' are not supported, except '(?:'");
        return;
    }
    if (t->depth == GROUPS_MAX) {
        refuse(t, "too many groups inside of groups");
        return;
    }
    atom_close(t);
    t->size[++t->depth] = 1;
    buf_add_char(&t->out, '(');
}

static void
group_close(struct translator *t)
{
    if (t->depth == 0) {
        refuse(t, "a ')' closes nothing");
        return;
    }
    atom_close(t);
    buf_add_char(&t->out, ')');
    t->atom = t->size[t->depth--];
}

static bool
count_read(struct translator *t, uint64_t *ret)
{
    size_t begin = t->at;
    while (t->at < t->in.n && ascii_is_digit(t->in.p[t->at])) {
        t->at++;
    }
    return str_to_u64(str_sub(t->in, begin, t->at - begin), ret) && *ret <= REPEAT_MAX;
}

/* {n} {n,} {n,m}: the largest number of copies, 0 after a refusal. */
static size_t
counts_translate(struct translator *t)
{
    size_t begin = t->at - 1;
    uint64_t least = 0, most = 0;
    bool good = count_read(t, &least);
    most = least;
    if (good && take(t, ',') && t->at < t->in.n) {
        most = least + 1;
        good = t->in.p[t->at] == '}' || count_read(t, &most);
    }
    if (!good || !take(t, '}') || most < least) {
        refuse(t, "a repetition in {} is not sound, or larger than 5000");
        return 0;
    }
    buf_add_str(&t->out, str_sub(t->in, begin, t->at - begin));
    return MAX_OF((size_t)most, (size_t)1);
}

static void
repeat_translate(struct translator *t, char c)
{
    if (t->atom == 0) {
        refuse(t, "a repetition has nothing to repeat");
        return;
    }
    size_t copies = 1;
    if (c == '{') {
        copies = counts_translate(t);
    } else {
        buf_add_char(&t->out, c);
    }
    (void)take(t, '?'); /* lazy: makes no difference when the whole value must match */
    if (take(t, '+')) {
        refuse(t, "possessive repetitions are not supported");
    }
    t->atom *= copies;
    atom_close(t);
}

static void
one_translate(struct translator *t)
{
    char c = t->in.p[t->at++];
    switch (c) {
    case '\\': escape_translate(t); break;
    case '[': set_translate(t); break;
    case '(': group_open(t); break;
    case ')': group_close(t); break;
    case '*':
    case '+':
    case '?':
    case '{': repeat_translate(t, c); break;
    case '|':
    case '^':
    case '$':
        atom_close(t);
        buf_add_char(&t->out, c);
        break;
    case '.':
        atom_open(t, 1);
        buf_add_z(&t->out, "[^\n\r]");
        break;
    default: literal_emit(t, c); break;
    }
}

static void
pattern_translate(struct translator *t)
{
    if (t->in.n > PATTERN_BYTES_MAX) {
        refuse(t, "it is longer than 4096 bytes");
    }
    buf_add_z(&t->out, "^(");
    while (more(t)) {
        one_translate(t);
    }
    atom_close(t);
    if (t->depth != 0) {
        refuse(t, "a '(' is not closed");
    }
    buf_add_z(&t->out, ")$");
}

struct pattern *
pattern_new(struct str java, const char **ret_why)
{
    struct translator t = {.in = java};
    pattern_translate(&t);
    struct pattern *p = NULL;
    if (t.why == NULL) {
        p = xalloc(sizeof(*p));
        if (regcomp(&p->regex, t.out.p, REG_EXTENDED | REG_NOSUB) != 0) {
            t.why = "it is not a sound regular expression";
            xfree(p);
            p = NULL;
        }
    }
    buf_free(&t.out);
    *ret_why = t.why;
    return p;
}

bool
pattern_fits(const struct pattern *p, struct str value)
{
    char *text AUTO(xfree_ptr) = xstrdup_str(value);
    return regexec(&p->regex, text, 0, NULL, 0) == 0;
}

void
pattern_free(struct pattern **p)
{
    if (*p != NULL) {
        regfree(&(*p)->regex);
        xfree(*p);
        *p = NULL;
    }
}
