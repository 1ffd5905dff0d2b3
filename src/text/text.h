/* SPDX-License-Identifier: Apache-2.0
 * What a person reads: sentences in English and Japanese, values put into them, bytes of strangers
 * made harmless, lines laid out for a terminal. It is not the place of any sentence: those stand in
 * the tables of the modules, as English message ids; po/ja.po is the only table of the second
 * language (tools/messages keeps the two together).
 *
 * One sentence on its way to the terminal:
 *
 *     static const char *const refused = N_("{host} refuses connections to port {port}.");
 *     struct buf line = {0};
 *     text_fill_as(&line, TEXT_TERMINAL, tr(refused),
 *                  TEXT_ARGS({"host", host}, {"port", port}));
 *     text_wrap(&out, buf_str(&line), 2, 4, term.width);
 *
 * The language is one per process and may be changed at any time (a page that holds both is
 * rendered once for each). Nothing here is for several threads. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdio.h>

/* ---- language ---- */

enum lang { LANG_EN, LANG_JA, LANG_COUNT };

/* The sentence in the current language; the message id itself where it has no translation. The
 * result is static. Message ids are whole sentences with {placeholders}, never printf formats. */
const char *tr(const char *msgid);

/* Marks a literal that is translated later, by tr(). */
#define N_(literal) (literal)

/* Chooses the language: `wanted` is "en" or "ja" (an option's value), or NULL for the locale, where
 * every other language gives English. Errors only when something is wanted: it is neither of the
 * two (ERR_INVALID), or its catalogue is not installed (ERR_NOT_FOUND); the language then stays.
 * `argv0` helps to find the catalogues where /proc is missing; it may be NULL. May be called again.
 */
enum err text_init(const char *argv0, const char *wanted, struct errinfo *reterr) MUST_USE;

enum lang text_lang(void);
/* False where its catalogue is not installed; the language then stays. English is always there. */
bool text_lang_set(enum lang lang);
/* "en", "ja": for `lang` attributes and keys. Static. */
const char *text_lang_code(enum lang lang);

/* ---- values in sentences ---- */

/* How values become harmless where the sentence goes. */
enum text_escape {
    TEXT_PLAIN,    /* bytes as they are: for formats that escape themselves (JSON) */
    TEXT_TERMINAL, /* values by text_add_safe */
    TEXT_HTML,     /* values by text_add_html, the sentence by text_add_html_own */
};

struct text_arg {
    const char *key;  /* borrowed: the placeholder's name, of a-z 0-9 _ */
    struct str value; /* borrowed */
};

/* The last two arguments of text_fill: TEXT_ARGS({"host", host}, {"port", STR("443")}). */
#define TEXT_ARGS(...)                                                                             \
    ((const struct text_arg[]){__VA_ARGS__}), COUNT_OF(((const struct text_arg[]){__VA_ARGS__}))

/* Appends `template` with {name} replaced by the value of that key. An unknown name stays visible
 * as {name}; `{{` gives `{`; any other brace is itself. Values are not looked into again. */
void text_fill_as(struct buf *out, enum text_escape escape, const char *template,
                  const struct text_arg *args, size_t count);
/* The same with TEXT_PLAIN. */
void text_fill(struct buf *out, const char *template, const struct text_arg *args, size_t count);

/* err_set for a sentence of two languages: translates and fills `msgid` (values terminal-safe, cut
 * if too long) and returns `e`. `reterr` may be NULL. */
enum err text_err(struct errinfo *reterr, enum err e, const char *msgid,
                  const struct text_arg *args, size_t count);

/* ---- bytes of strangers ---- */

/* Takes one character off the front of *rest. False: its first byte begins no valid UTF-8 sequence
 * (overlong forms, surrogates and values above U+10FFFF are not valid); that one byte is taken and
 * *ret_point is its value. *rest must not be empty. */
bool text_utf8_next(struct str *rest, uint32_t *ret_point);
bool text_utf8_valid(struct str bytes);

/* For the terminal: printable UTF-8 passes; each byte of anything else (controls, line ends, DEL,
 * C1, broken UTF-8, bidirectional and invisible format characters) becomes \xHH. */
void text_add_safe(struct buf *out, struct str bytes);
/* The same for HTML text and quoted attributes, with & < > " ' as references. */
void text_add_html(struct buf *out, struct str bytes);
/* text_add_html for text of our own: line ends and tabs pass (a command of several lines). */
void text_add_html_own(struct buf *out, struct str text);

/* ---- columns and lines ---- */

/* Columns on a terminal: 2 for East Asian wide characters, 0 for combining marks and for colour
 * sequences (term_style), 1 for all else. */
size_t text_width(struct str utf8);

/* The longest beginning of `utf8` that fits `width` columns. */
struct str text_cut(struct str utf8, size_t width);

/* Appends `text` in lines of at most `width` columns, each ended by a line end: the first one
 * indented by `first_indent` blanks, the others by `indent`. Lines are broken at blanks and beside
 * wide characters, where Japanese rules allow it (no 、。） at the start of a line, no （ at its
 * end). A word (URL, path) is never broken, even if it is wider than the line; several blanks
 * within a line stay. A line end in `text` begins a new line. Empty text appends nothing. Bytes of
 * strangers are made safe before; colour sequences pass. */
void text_wrap(struct buf *out, struct str text, unsigned first_indent, unsigned indent,
               unsigned width);

/* ---- terminal ---- */

struct term {
    FILE *out;      /* borrowed */
    bool tty;       /* a person looks at it */
    bool colour;    /* colour sequences are understood and wanted */
    unsigned width; /* columns to lay out for: 80, less on a narrower terminal, never below 40 */
};

enum style { STYLE_OK, STYLE_FAIL, STYLE_WARN, STYLE_DIM, STYLE_BOLD, STYLE_END, STYLE_COUNT };

/* `color_option` is "auto" (also NULL), "always" or "never"; anything else is ERR_INVALID. Auto:
 * only on a terminal, not with NO_COLOR (set and not empty), not with TERM=dumb. */
enum err term_init(struct term *t, FILE *out, const char *color_option, struct errinfo *reterr)
    MUST_USE;
/* The sequence that begins a style (STYLE_END ends all); "" where there is no colour. Static. */
const char *term_style(const struct term *t, enum style style);
/* Appends `text` (ours, or made safe) in that style. */
void term_add_styled(struct buf *out, const struct term *t, enum style style, struct str text);

/* One line on a terminal (stderr) that is rewritten in place; nothing at all elsewhere. */
struct progress {
    FILE *out;  /* borrowed */
    bool live;  /* false: every call does nothing */
    bool shown; /* something stands on the line now */
};

void progress_init(struct progress *p, FILE *out);
/* Shows `text`, made safe and cut to the line. */
void progress_show(struct progress *p, struct str text);
/* Removes the line: before other output, and at the end. It may be shown again. */
void progress_clear(struct progress *p);
