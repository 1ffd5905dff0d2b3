/* SPDX-License-Identifier: Apache-2.0
 * The language: which one, where its catalogue lies, the sentence in it. */
#include "text/text_int.h"

#include <libintl.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

#define DOMAIN "openalb"

static const char *const codes[LANG_COUNT] = {[LANG_EN] = "en", [LANG_JA] = "ja"};

/* gettext translates in every locale but "C", to the language that LANGUAGE names; a fresh machine
 * has only the first of these. */
static const char *const locales[] = {"C.UTF-8", "C.utf8", "ja_JP.UTF-8", "en_US.UTF-8"};

/* One language per process: the sentences are asked for in every table and report. */
static struct {
    enum lang lang;
    locale_t locale;     /* owned; 0 until a catalogue was found */
    char *user_language; /* owned: LANGUAGE as it was before ours */
    char *argv0;         /* owned */
} now;

/* "ja", "ja_JP.UTF-8", "ja@x" are "ja"; "jam" is not. */
static bool
is_language(struct str word, const char *code)
{
    struct str wanted = str_of(code);
    return str_istarts(word, wanted) && (word.n == wanted.n || !ascii_is_alnum(word.p[wanted.n]));
}

static enum lang
lang_by_word(struct str word)
{
    for (enum lang lang = 0; lang < LANG_COUNT; lang++) {
        if (is_language(word, codes[lang])) {
            return lang;
        }
    }
    return LANG_COUNT;
}

static bool
is_set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

/* The first of the list that is a language of ours. */
static enum lang
lang_by_list(struct str list)
{
    struct str word;
    while (str_cut(&list, ':', &word)) {
        enum lang lang = lang_by_word(word);
        if (lang != LANG_COUNT) {
            return lang;
        }
    }
    return LANG_EN;
}

enum lang
text_lang_asked(const struct text_locale *words)
{
    const char *locale = is_set(words->lc_all)        ? words->lc_all
                         : is_set(words->lc_messages) ? words->lc_messages
                         : is_set(words->lang)        ? words->lang
                                                      : "";
    struct str name = str_of(locale);
    if (str_eq(name, STR("C")) || str_eq(name, STR("POSIX"))) {
        return LANG_EN; /* a script that wants no translation; LANGUAGE does not overrule it */
    }
    return lang_by_list(str_of(is_set(words->language) ? words->language : locale));
}

static locale_t
locale_open(void)
{
    locale_t locale = (locale_t)0;
    for (size_t i = 0; i < COUNT_OF(locales) && locale == (locale_t)0; i++) {
        locale = newlocale(LC_CTYPE_MASK | LC_MESSAGES_MASK, locales[i], (locale_t)0);
    }
    return locale;
}

/* Only tr() enters the locale, so that libc's own texts (in log lines) stay as they are. */
static bool
locale_ready(void)
{
    if (now.locale != (locale_t)0) {
        return true;
    }
    const char *language = getenv("LANGUAGE");
    now.user_language = xstrdup(language == NULL ? "" : language);
    if (setenv("LANGUAGE", codes[LANG_JA], 1) != 0) {
        return false;
    }
    now.locale = locale_open();
    return now.locale != (locale_t)0;
}

bool
text_catalogues_at(const char *folder)
{
    char *file AUTO(xfree_ptr) = xprintf("%s/%s/LC_MESSAGES/" DOMAIN ".mo", folder, codes[LANG_JA]);
    if (access(file, R_OK) != 0 || !locale_ready()) {
        return false;
    }
    return bindtextdomain(DOMAIN, folder) != NULL &&
           bind_textdomain_codeset(DOMAIN, "UTF-8") != NULL;
}

/* The folder of the running program, without a slash at the end; NULL: not known. */
static char *
program_folder(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
    struct str name =
        n > 0 && (size_t)n < sizeof(path) ? (struct str){path, (size_t)n} : str_of(now.argv0);
    size_t slash;
    return str_rfind_char(name, '/', &slash) ? xstrdup_str(str_sub(name, 0, slash)) : NULL;
}

/* Beside the program: as installed (also when the tree was moved), then as built. */
static bool
catalogues_beside_program(void)
{
    static const char *const beside[] = {"../share/locale", "../../po"};
    char *folder AUTO(xfree_ptr) = program_folder();
    for (size_t i = 0; folder != NULL && i < COUNT_OF(beside); i++) {
        char *locale AUTO(xfree_ptr) = xprintf("%s/%s", folder, beside[i]);
        if (text_catalogues_at(locale)) {
            return true;
        }
    }
    return false;
}

static bool
catalogues_ready(void)
{
    return now.locale != (locale_t)0 || catalogues_beside_program() ||
           text_catalogues_at(OPENALB_LOCALEDIR);
}

bool
text_lang_set(enum lang lang)
{
    ASSERT(lang < LANG_COUNT);
    if (lang != LANG_EN && !catalogues_ready()) {
        return false;
    }
    now.lang = lang;
    return true;
}

enum lang
text_lang(void)
{
    return now.lang;
}

const char *
text_lang_code(enum lang lang)
{
    ASSERT(lang < LANG_COUNT);
    return codes[lang];
}

static enum err
choose(const char *wanted, struct errinfo *reterr)
{
    for (enum lang lang = 0; lang < LANG_COUNT; lang++) {
        if (!str_eq(str_of(wanted), str_of(codes[lang]))) {
            continue;
        }
        if (text_lang_set(lang)) {
            return ERR_OK;
        }
        return text_err(reterr, ERR_NOT_FOUND,
                        N_("the messages for '{lang}' are not installed: {path} is missing"),
                        TEXT_ARGS({"lang", str_of(wanted)},
                                  {"path", STR(OPENALB_LOCALEDIR "/ja/LC_MESSAGES/openalb.mo")}));
    }
    return text_err(reterr, ERR_INVALID, N_("there is no language '{lang}': en and ja are allowed"),
                    TEXT_ARGS({"lang", str_of(wanted)}));
}

enum err
text_init(const char *argv0, const char *wanted, struct errinfo *reterr)
{
    if (argv0 != NULL && now.argv0 == NULL) {
        now.argv0 = xstrdup(argv0);
    }
    if (wanted != NULL) {
        return choose(wanted, reterr);
    }
    struct text_locale words = {.lc_all = getenv("LC_ALL"),
                                .lc_messages = getenv("LC_MESSAGES"),
                                .lang = getenv("LANG"),
                                .language = now.user_language != NULL ? now.user_language
                                                                      : getenv("LANGUAGE")};
    if (!text_lang_set(text_lang_asked(&words))) {
        (void)text_lang_set(LANG_EN); /* not installed: English is better than a refusal */
    }
    return ERR_OK;
}

const char *
tr(const char *msgid)
{
    ASSERT(msgid != NULL);
    if (now.lang == LANG_EN || msgid[0] == '\0') { /* "" names the catalogue's own head */
        return msgid;
    }
    locale_t before = uselocale(now.locale);
    const char *text = dgettext(DOMAIN, msgid);
    (void)uselocale(before); /* it was in use: it cannot fail */
    return text;
}
