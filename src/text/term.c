/* SPDX-License-Identifier: Apache-2.0
 * The terminal: whether it is one, how wide, which colours; and a line that is rewritten. */
#include "text/text_int.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/assert.h"

enum { WIDTH_USUAL = 80, WIDTH_LEAST = 40 };

static const char *const styles[STYLE_COUNT] = {
    [STYLE_OK] = "\033[32m", [STYLE_FAIL] = "\033[1;31m", [STYLE_WARN] = "\033[33m",
    [STYLE_DIM] = "\033[2m", [STYLE_BOLD] = "\033[1m",    [STYLE_END] = "\033[0m"};

/* Columns of the terminal; 0: nobody knows. */
static unsigned
columns_of(FILE *out)
{
    struct winsize size = {0};
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static unsigned
layout_width(unsigned columns)
{
    if (columns == 0) {
        return WIDTH_USUAL;
    }
    return MAX_OF(MIN_OF(columns, (unsigned)WIDTH_USUAL), (unsigned)WIDTH_LEAST);
}

static bool
is_dumb(void)
{
    const char *kind = getenv("TERM");
    return kind == NULL || kind[0] == '\0' || str_eq(str_of(kind), STR("dumb"));
}

static bool
colour_auto(bool tty)
{
    const char *no_color = getenv("NO_COLOR");
    return tty && !is_dumb() && (no_color == NULL || no_color[0] == '\0');
}

enum err
term_init(struct term *t, FILE *out, const char *color_option, struct errinfo *reterr)
{
    struct str option = color_option == NULL ? STR("auto") : str_of(color_option);
    bool always = str_eq(option, STR("always"));
    bool automatic = str_eq(option, STR("auto"));
    if (!always && !automatic && !str_eq(option, STR("never"))) {
        return text_err(reterr, ERR_INVALID,
                        N_("'{value}' is no choice of colours: auto, always and never are allowed"),
                        TEXT_ARGS({"value", option}));
    }
    bool tty = isatty(fileno(out)) == 1;
    *t = (struct term){.out = out,
                       .tty = tty,
                       .colour = always || (automatic && colour_auto(tty)),
                       .width = layout_width(tty ? columns_of(out) : 0)};
    return ERR_OK;
}

const char *
term_style(const struct term *t, enum style style)
{
    ASSERT(style < STYLE_COUNT);
    return t->colour ? styles[style] : "";
}

void
term_add_styled(struct buf *out, const struct term *t, enum style style, struct str text)
{
    buf_add_z(out, term_style(t, style));
    buf_add_str(out, text);
    buf_add_z(out, term_style(t, STYLE_END));
}

void
progress_init(struct progress *p, FILE *out)
{
    *p = (struct progress){.out = out, .live = isatty(fileno(out)) == 1 && !is_dumb()};
}

/* In one piece, so that no half line is ever seen. Progress that cannot be shown is no error. */
static void
progress_write(struct progress *p, struct str bytes)
{
    (void)fwrite(bytes.p, 1, bytes.n, p->out);
    (void)fflush(p->out);
}

void
progress_show(struct progress *p, struct str text)
{
    if (!p->live) {
        return;
    }
    unsigned columns = columns_of(p->out);
    struct buf safe AUTO(buf_free) = {0};
    struct buf line AUTO(buf_free) = {0};
    text_add_safe(&safe, text);
    buf_add_z(&line, "\r");
    /* Not in the last column: some terminals go to the next line there. */
    buf_add_str(&line, text_cut(buf_str(&safe), (columns == 0 ? WIDTH_USUAL : columns) - 1));
    buf_add_z(&line, "\033[K");
    progress_write(p, buf_str(&line));
    p->shown = true;
}

void
progress_clear(struct progress *p)
{
    if (p->shown) {
        progress_write(p, STR("\r\033[K"));
        p->shown = false;
    }
}
