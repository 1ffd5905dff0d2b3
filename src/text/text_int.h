/* SPDX-License-Identifier: Apache-2.0
 * What the files of this folder and its tests know of each other. */
#pragma once

#include "text/text.h"

/* The environment's words on the language; each may be NULL. */
struct text_locale {
    const char *lc_all;
    const char *lc_messages;
    const char *lang;
    const char *language;
};

/* The language they ask for [gettext: locale environment variables]. */
enum lang text_lang_asked(const struct text_locale *words);

/* Reads catalogues from FOLDER/ja/LC_MESSAGES/openalb.mo; false: there is none, nothing changes. */
bool text_catalogues_at(const char *folder);

/* Columns of one character: 0, 1 or 2. */
unsigned text_point_width(uint32_t point);

/* Takes a colour sequence (ESC [ digits ; m) off the front of *rest, if one stands there. */
bool text_take_colour(struct str *rest);
