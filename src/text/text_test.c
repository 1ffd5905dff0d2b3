/* SPDX-License-Identifier: Apache-2.0
 * Sentences, harmless bytes, columns and lines, languages, terminals. */
#include "text/text_int.h"

#include <locale.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/test.h"

/* ---- bytes of strangers ---- */

typedef void add_fn(struct buf *out, struct str bytes);

static void
check_added(add_fn *add, struct str bytes, const char *expected)
{
    struct buf out AUTO(buf_free) = {0};
    add(&out, bytes);
    CHECK_STR(buf_str(&out), expected);
}

static const struct {
    struct str bytes;
    const char *safe;
} strange[] = {
    {STR(""), ""},
    {STR("plain ~ text \\ here"), "plain ~ text \\ here"},
    {STR("日本語とé"), "日本語とé"},
    {STR("\x1b[31mred"), "\\x1b[31mred"},
    {STR("\x9b"
         "31m"),
     "\\x9b31m"},
    {STR("\xc2\x9b"
         "31m"),
     "\\xc2\\x9b31m"},
    {STR("a\0b"), "a\\x00b"},
    {STR("a\r\nb\tc\x7f"), "a\\x0d\\x0ab\\x09c\\x7f"},
    {STR("\xe2\x80\xae"
         "gpj.exe"),
     "\\xe2\\x80\\xaegpj.exe"},
    {STR("\xe2\x81\xa6\xe2\x81\xa9"), "\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
    {STR("\xe2\x80\x8b\xe2\x80\x8f"), "\\xe2\\x80\\x8b\\xe2\\x80\\x8f"},
    {STR("\xef\xbb\xbf"), "\\xef\\xbb\\xbf"},
    {STR("\xf3\xa0\x81\x81"), "\\xf3\\xa0\\x81\\x81"}, /* a tag letter */
    {STR("\xee\x80\x80"), "\\xee\\x80\\x80"},          /* private use */
    {STR("\xef\xbf\xbf"), "\\xef\\xbf\\xbf"},          /* U+FFFF */
    {STR("\xf0\x9f\xbf\xbe"), "\\xf0\\x9f\\xbf\\xbe"}, /* U+1FFFE */
    {STR("\xff\xfe"), "\\xff\\xfe"},
    {STR("\xc0\xaf"), "\\xc0\\xaf"},                   /* overlong / */
    {STR("\xe0\x80\xaf"), "\\xe0\\x80\\xaf"},          /* overlong / */
    {STR("\xed\xa0\x80"), "\\xed\\xa0\\x80"},          /* a surrogate */
    {STR("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
    {STR("\xe6\x97"), "\\xe6\\x97"},                   /* cut */
    {STR("\xe6\x97x"), "\\xe6\\x97x"},
    {STR("\x80ok"), "\\x80ok"},
};

TEST("what is not printable UTF-8 becomes \\xHH")
{
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        check_added(text_add_safe, strange[i].bytes, strange[i].safe);
        check_added(text_add_html, strange[i].bytes, strange[i].safe);
    }
}

TEST("HTML's own characters become references")
{
    check_added(text_add_html, STR("<a href=\"x\" b='&amp;'>"),
                "&lt;a href=&quot;x&quot; b=&#39;&amp;amp;&#39;&gt;");
    check_added(text_add_html, STR("a\nb"), "a\\x0ab");
    check_added(text_add_html_own, STR("a\n\tb\x1b<\0"), "a\n\tb\\x1b&lt;\\x00");
}

TEST("valid UTF-8 is told from broken")
{
    CHECK(text_utf8_valid(STR("")));
    CHECK(text_utf8_valid(STR("a\0\x7f")));
    CHECK(text_utf8_valid(STR("é日本\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf")));
    CHECK(!text_utf8_valid(STR("a\x80")));
    CHECK(!text_utf8_valid(STR("\xc1\xbf")));
    CHECK(!text_utf8_valid(STR("\xf0\x8f\xbf\xbf")));
    CHECK(!text_utf8_valid(STR("\xf5\x80\x80\x80")));
    CHECK(!text_utf8_valid(STR("\xed\xbf\xbf")));
    CHECK(!text_utf8_valid(STR("日本\xe8\xaa")));
}

TEST("characters are decoded one at a time")
{
    struct str rest = STR("a日\xff\xf0\x9f\x98\x80");
    uint32_t point = 0;
    CHECK(text_utf8_next(&rest, &point));
    CHECK_INT(point, 'a');
    CHECK(text_utf8_next(&rest, &point));
    CHECK_INT(point, 0x65E5);
    CHECK(!text_utf8_next(&rest, &point));
    CHECK_INT(point, 0xFF);
    CHECK(text_utf8_next(&rest, &point));
    CHECK_INT(point, 0x1F600);
    CHECK_INT(rest.n, 0);
}

/* ---- values in sentences ---- */

static const struct {
    const char *template;
    const char *expected;
} filled[] = {
    {"", ""},
    {"{host} refuses port {port}.", "a.example refuses port 443."},
    {"{port}{port}", "443443"},
    {"{unknown} stays", "{unknown} stays"},
    {"{{host} and {{{port}", "{host} and {443"},
    {"{Host} { host} {host", "{Host} { host} {host"},
    {"%{HTTPS} off", "%{HTTPS} off"},
    {"map $a $b { default x; }", "map $a $b { default x; }"},
    {"{}", "{}"},
    {"}}{", "}}{"},
    {"{nested}", "{host}"},
    {"{empty}|", "|"},
};

TEST("placeholders are replaced once, by name")
{
    for (size_t i = 0; i < COUNT_OF(filled); i++) {
        struct buf out AUTO(buf_free) = {0};
        text_fill(&out, filled[i].template,
                  TEXT_ARGS({"host", STR("a.example")}, {"port", STR("443")},
                            {"nested", STR("{host}")}, {"empty", STR_NONE}));
        CHECK_STR(buf_str(&out), filled[i].expected);
    }
}

TEST("values are made harmless where the sentence goes")
{
    static const char template[] = "<b> says\n{what}";
    static const struct {
        enum text_escape escape;
        const char *expected;
    } cases[] = {{TEXT_PLAIN, "<b> says\n\x1b<i>\n"},
                 {TEXT_TERMINAL, "<b> says\n\\x1b<i>\\x0a"},
                 {TEXT_HTML, "&lt;b&gt; says\n\\x1b&lt;i&gt;\\x0a"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out AUTO(buf_free) = {0};
        text_fill_as(&out, cases[i].escape, template, TEXT_ARGS({"what", STR("\x1b<i>\n")}));
        CHECK_STR(buf_str(&out), cases[i].expected);
    }
}

TEST("an error sentence is filled, safe, and cut between characters")
{
    struct errinfo info = {{0}};
    CHECK_INT(text_err(&info, ERR_DENIED, "no {x}", TEXT_ARGS({"x", STR("\x1b%s")})), ERR_DENIED);
    CHECK_STR(str_of(info.text), "no \\x1b%s");
    CHECK_INT(text_err(NULL, ERR_DENIED, "no {x}", NULL, 0), ERR_DENIED);

    struct buf value AUTO(buf_free) = {0};
    for (int i = 0; i < 400; i++) {
        buf_add_str(&value, STR("日"));
    }
    (void)text_err(&info, ERR_DENIED, "a{x}", TEXT_ARGS({"x", buf_str(&value)}));
    CHECK_INT(strlen(info.text), 766); /* 1 + 255 * 3; the next would need 769 */
    CHECK(text_utf8_valid(str_of(info.text)));
}

/* ---- columns and lines ---- */

TEST("columns: wide 2, marks and colours 0")
{
    CHECK_INT(text_width(STR("")), 0);
    CHECK_INT(text_width(STR("port 443")), 8);
    CHECK_INT(text_width(STR("判定: 確定")), 10);
    CHECK_INT(text_width(STR("、。（）ー")), 10);
    CHECK_INT(text_width(STR("ｶﾅ")), 2);
    CHECK_INT(text_width(STR("e\xcc\x81")), 1);
    CHECK_INT(text_width(STR("\033[1;31mFAIL\033[0m")), 4);
    CHECK_INT(text_width(STR("\033[31")), 4); /* no whole sequence: bytes like any other */
    CHECK_INT(text_width(STR("\xff\xfe")), 2);
}

/* The blocks that are complete for long, so that every Unicode version agrees. */
TEST("columns are those of wcwidth for Latin, Greek, Cyrillic, kana, ideographs, Hangul")
{
    static const struct {
        wchar_t first, last;
    } blocks[] = {{0x20, 0x7E},     {0xA1, 0xAC},     {0xAE, 0x36F},    {0x391, 0x3A1},
                  {0x400, 0x482},   {0x2010, 0x2027}, {0x2190, 0x21FF}, {0x2460, 0x24FF},
                  {0x2500, 0x25FC}, {0x3000, 0x303E}, {0x3041, 0x3096}, {0x3099, 0x30FF},
                  {0x3400, 0x4DB5}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3}, {0xFF01, 0xFF60},
                  {0xFF61, 0xFF9F}, {0xFFE0, 0xFFE6}};
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    CHECK(utf8 != (locale_t)0);
    locale_t before = uselocale(utf8);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        for (wchar_t c = blocks[i].first; c <= blocks[i].last; c++) {
            if ((int)text_point_width((uint32_t)c) != wcwidth(c)) {
                test_failed(__FILE__, __LINE__, "U+%04X is %u wide, wcwidth says %d", (unsigned)c,
                            text_point_width((uint32_t)c), wcwidth(c));
            }
        }
    }
    (void)uselocale(before);
    freelocale(utf8);
}

TEST("the tables of characters are sorted and do not overlap")
{
    static const struct {
        uint32_t first, last;
    } widths[] =
        {
#define WIDTH(first, last, columns, what) {first, last},
#include "text/widths.def"
#undef WIDTH
        },
      hidden[] = {
#define HIDDEN(first, last, what) {first, last},
#include "text/hidden.def"
#undef HIDDEN
      };
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        CHECK(widths[i].first <= widths[i].last);
        CHECK(i == 0 || widths[i - 1].last < widths[i].first);
    }
    for (size_t i = 0; i < COUNT_OF(hidden); i++) {
        CHECK(hidden[i].first <= hidden[i].last);
        CHECK(i == 0 || hidden[i - 1].last < hidden[i].first);
    }
}

TEST("a text is cut to columns, never through a character")
{
    CHECK_STR(text_cut(STR("abc"), 3), "abc");
    CHECK_STR(text_cut(STR("abcd"), 3), "abc");
    CHECK_STR(text_cut(STR("日本語"), 5), "日本");
    CHECK_STR(text_cut(STR("日本語"), 1), "");
    CHECK_STR(text_cut(STR("ae\xcc\x81x"), 2), "ae\xcc\x81");
    CHECK_STR(text_cut(STR("abc"), 0), "");
}

static const struct {
    const char *what;
    const char *text;
    unsigned first, indent, width;
    const char *expected;
} wrapped[] = {
    {"nothing", "", 2, 2, 40, ""},
    {"a short line", "one two", 2, 4, 40, "  one two\n"},
    {"at blanks, hanging", "one two three four", 0, 2, 9, "one two\n  three\n  four\n"},
    {"exactly full", "abcd efgh", 0, 0, 4, "abcd\nefgh\n"},
    {"blanks within a line stay", "Fix:   a b", 0, 7, 10, "Fix:   a b\n"},
    {"blanks at the break go", "aaaa   bbbb   ", 0, 0, 6, "aaaa\nbbbb\n"},
    {"leading blanks stay", "  a b", 0, 0, 3, "  a\nb\n"},
    {"a long word is whole", "see https://example.com/a/very/long/path?x=1 now", 0, 2, 12,
     "see\n  https://example.com/a/very/long/path?x=1\n  now\n"},
    {"a long word first", "https://example.com/ x", 0, 0, 5, "https://example.com/\nx\n"},
    {"line ends in the text", "a\n\nb c\n", 1, 2, 40, " a\n\n  b c\n"},
    {"Japanese anywhere", "あいうえおかきくけこ", 0, 0, 8, "あいうえ\nおかきく\nけこ\n"},
    {"half a column left", "あいうえお", 0, 0, 5, "あい\nうえ\nお\n"},
    {"no 。 at the start", "あいうえ。おか", 0, 0, 8, "あいう\nえ。おか\n"},
    {"no ）」 at the start", "あい（うえ）」お", 0, 0, 12, "あい（う\nえ）」お\n"},
    {"no （ at the end", "あいう（えお）", 0, 0, 8, "あいう\n（えお）\n"},
    {"no （ at the end, with no other place", "「「「「あ", 0, 0, 4, "「「「「あ\n"},
    {"no small kana and no ー at the start", "かきアッーく", 0, 0, 6, "かき\nアッー\nく\n"},
    {"between the scripts", "ポート8443でTLSを話す", 0, 0, 10, "ポート8443\nでTLSを話\nす\n"},
    {"a word between Japanese is whole", "名前app.example.comを引く", 0, 0, 12,
     "名前\napp.example.com\nを引く\n"},
    {"no narrow . or ) at the start behind wide", "あいうえ). お", 0, 0, 8, "あいう\nえ). お\n"},
    {"no narrow ( at the end before wide", "あいう(えお", 0, 0, 7, "あいう\n(えお\n"},
    {"colours take no columns", "\033[1mab\033[0m cd", 0, 0, 5, "\033[1mab\033[0m cd\n"},
    {"colours are not parted from their word", "ab \033[1mcd\033[0m", 0, 0, 4,
     "ab\n\033[1mcd\033[0m\n"},
    {"an indent as wide as the line", "a b", 4, 4, 4, "    a\n    b\n"},
    {"a mark does not hide its letter",
     "か\xe3\x82\x99"
     "ab",
     0, 0, 3, "か\xe3\x82\x99\nab\n"},
    {"marks stay with their letter", "かか\xe3\x82\x99き", 0, 0, 4, "かか\xe3\x82\x99\nき\n"},
};

TEST("lines are broken where English and Japanese allow it")
{
    for (size_t i = 0; i < COUNT_OF(wrapped); i++) {
        struct buf out AUTO(buf_free) = {0};
        text_wrap(&out, str_of(wrapped[i].text), wrapped[i].first, wrapped[i].indent,
                  wrapped[i].width);
        if (!str_eq(buf_str(&out), str_of(wrapped[i].expected))) {
            test_failed(__FILE__, __LINE__, "%s: \"%.*s\"", wrapped[i].what,
                        STR_ARG(buf_str(&out)));
        }
    }
}

/* ---- language ---- */

TEST("the locale decides, gettext's way")
{
    static const struct {
        struct text_locale words;
        enum lang expected;
    } cases[] = {
        {{NULL, NULL, NULL, NULL}, LANG_EN},
        {{"", "", "", ""}, LANG_EN},
        {{NULL, NULL, "ja_JP.UTF-8", NULL}, LANG_JA},
        {{NULL, NULL, "ja", NULL}, LANG_JA},
        {{NULL, NULL, "ja.UTF-8", NULL}, LANG_JA},
        {{NULL, NULL, "jam_JM", NULL}, LANG_EN},
        {{NULL, NULL, "de_DE.UTF-8", NULL}, LANG_EN},
        {{NULL, "ja_JP.UTF-8", "en_US.UTF-8", NULL}, LANG_JA},
        {{NULL, "en_US.UTF-8", "ja_JP.UTF-8", NULL}, LANG_EN},
        {{"en_US.UTF-8", "ja_JP.UTF-8", "ja_JP.UTF-8", NULL}, LANG_EN},
        {{"", "", "ja_JP.UTF-8", ""}, LANG_JA},
        {{"C", NULL, "ja_JP.UTF-8", "ja"}, LANG_EN},
        {{NULL, NULL, "POSIX", "ja"}, LANG_EN},
        {{NULL, NULL, "C.UTF-8", "ja"}, LANG_JA},
        {{NULL, NULL, "en_US.UTF-8", "ja:en"}, LANG_JA},
        {{NULL, NULL, "ja_JP.UTF-8", "en:ja"}, LANG_EN},
        {{NULL, NULL, "ja_JP.UTF-8", "de:ja_JP"}, LANG_JA},
        {{NULL, NULL, "ja_JP.UTF-8", "de"}, LANG_EN},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK_INT(text_lang_asked(&cases[i].words), cases[i].expected);
    }
}

/* One sentence of a catalogue. */
struct sentence {
    struct str id;
    struct str text;
};

static void
put_u32(FILE *f, size_t value)
{
    uint32_t word = (uint32_t)value;
    CHECK(fwrite(&word, sizeof(word), 1, f) == 1);
}

/* Writes a catalogue [gettext manual: The Format of GNU MO Files]; sentences sorted by id. */
static void
write_catalogue(FILE *f, const struct sentence *sentences, size_t count)
{
    enum { HEAD_BYTES = 28, PAIR_BYTES = 8 };
    put_u32(f, 0x950412de);
    put_u32(f, 0);
    put_u32(f, count);
    put_u32(f, HEAD_BYTES);
    put_u32(f, HEAD_BYTES + count * PAIR_BYTES);
    put_u32(f, 0); /* no hash table */
    put_u32(f, HEAD_BYTES + 2 * count * PAIR_BYTES);
    size_t at = HEAD_BYTES + 2 * count * PAIR_BYTES;
    for (int texts = 0; texts < 2; texts++) {
        for (size_t i = 0; i < count; i++) {
            struct str s = texts ? sentences[i].text : sentences[i].id;
            put_u32(f, s.n);
            put_u32(f, at);
            at += s.n + 1;
        }
    }
    for (int texts = 0; texts < 2; texts++) {
        for (size_t i = 0; i < count; i++) {
            struct str s = texts ? sentences[i].text : sentences[i].id;
            CHECK(fwrite(s.p, 1, s.n + 1, f) == s.n + 1); /* literals: the NUL is there */
        }
    }
}

static const struct sentence sentences[] = {
    {STR(""), STR("Content-Type: text/plain; charset=UTF-8\n")},
    {STR("The port is closed."), STR("ポートは閉じています。")},
    {STR("{host} is a test."), STR("{host}は試験です。")},
};

/* FOLDER/ja/LC_MESSAGES/openalb.mo, and how to remove it. */
static char *
make_catalogues(char *folder)
{
    CHECK(mkdtemp(folder) != NULL);
    char *ja AUTO(xfree_ptr) = xprintf("%s/ja", folder);
    char *messages AUTO(xfree_ptr) = xprintf("%s/LC_MESSAGES", ja);
    char *file = xprintf("%s/openalb.mo", messages);
    CHECK(mkdir(ja, 0700) == 0 && mkdir(messages, 0700) == 0);
    FILE *f = fopen(file, "wb");
    CHECK(f != NULL);
    if (f != NULL) {
        write_catalogue(f, sentences, COUNT_OF(sentences));
        CHECK(fclose(f) == 0);
    }
    return file;
}

static void
remove_catalogues(const char *folder, const char *file)
{
    char *ja AUTO(xfree_ptr) = xprintf("%s/ja", folder);
    char *messages AUTO(xfree_ptr) = xprintf("%s/LC_MESSAGES", ja);
    CHECK(unlink(file) == 0 && rmdir(messages) == 0 && rmdir(ja) == 0 && rmdir(folder) == 0);
}

static void
set_locale_words(const char *lc_all, const char *lang)
{
    CHECK(setenv("LC_ALL", lc_all, 1) == 0 && setenv("LANG", lang, 1) == 0);
    CHECK(unsetenv("LC_MESSAGES") == 0);
}

/* Before any catalogue is opened: what follows needs LANGUAGE as the user has it. */
TEST("Japanese from a catalogue, chosen by environment or by name, switched at run time")
{
    char folder[] = "/tmp/openalb-text-XXXXXX";
    char *file AUTO(xfree_ptr) = make_catalogues(folder);
    struct errinfo info = {{0}};
    CHECK(unsetenv("LANGUAGE") == 0);

    CHECK(!text_catalogues_at("/nonexistent"));
    CHECK(text_catalogues_at(folder));
    CHECK_INT(text_lang(), LANG_EN);
    CHECK_STR(str_of(tr("The port is closed.")), "The port is closed.");

    set_locale_words("", "ja_JP.UTF-8");
    CHECK_INT(text_init(NULL, NULL, &info), ERR_OK);
    CHECK_INT(text_lang(), LANG_JA);
    CHECK_STR(str_of(tr("The port is closed.")), "ポートは閉じています。");
    CHECK_STR(str_of(tr("Nobody translated this.")), "Nobody translated this.");
    CHECK_STR(str_of(tr("")), "");

    CHECK(text_lang_set(LANG_EN));
    CHECK_STR(str_of(tr("The port is closed.")), "The port is closed.");
    CHECK(text_lang_set(LANG_JA));
    CHECK_STR(str_of(tr("{host} is a test.")), "{host}は試験です。");
    CHECK(uselocale((locale_t)0) == LC_GLOBAL_LOCALE); /* libc's own texts stay as they are */
    CHECK_STR(str_of(setlocale(LC_ALL, NULL)), "C");

    set_locale_words("C", "ja_JP.UTF-8");
    CHECK_INT(text_init(NULL, NULL, &info), ERR_OK);
    CHECK_INT(text_lang(), LANG_EN);
    CHECK_INT(text_init(NULL, "ja", &info), ERR_OK);
    CHECK_INT(text_lang(), LANG_JA);
    CHECK_INT(text_init(NULL, "en", &info), ERR_OK);
    CHECK_INT(text_lang(), LANG_EN);
    set_locale_words("", "en_US.UTF-8");
    CHECK_INT(text_init(NULL, NULL, &info), ERR_OK); /* our own LANGUAGE does not count */
    CHECK_INT(text_lang(), LANG_EN);
    remove_catalogues(folder, file);
}

TEST("a language that is none of ours is refused and changes nothing")
{
    static const char *const unknown[] = {"xx", "", "JA", "ja_JP.UTF-8", "english", "\x1b[2J"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        struct errinfo info = {{0}};
        CHECK_INT(text_init("openalb", unknown[i], &info), ERR_INVALID);
        CHECK_INT(text_lang(), LANG_EN);
        CHECK(str_find(str_of(info.text), STR("en and ja"), NULL));
        CHECK(!str_find_char(str_of(info.text), '\033', NULL));
    }
    CHECK_STR(str_of(text_lang_code(LANG_EN)), "en");
    CHECK_STR(str_of(text_lang_code(LANG_JA)), "ja");
}

/* ---- terminal ---- */

/* A terminal of our own: what is written to `out` can be read from `master`. */
struct pty {
    int master;
    FILE *out;
};

static struct pty
pty_new(unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int slave = -1;
    struct pty p = {.master = -1};
    CHECK(openpty(&p.master, &slave, NULL, NULL, &size) == 0);
    p.out = fdopen(slave, "w");
    CHECK(p.out != NULL);
    return p;
}

static void
pty_done(struct pty *p)
{
    CHECK(fclose(p->out) == 0);
    CHECK(close(p->master) == 0);
}

static void
check_width(unsigned short columns, unsigned expected)
{
    struct pty p = pty_new(columns);
    struct term t;
    CHECK_INT(term_init(&t, p.out, NULL, NULL), ERR_OK);
    CHECK(t.tty);
    CHECK_INT(t.width, expected);
    pty_done(&p);
}

TEST("80 columns, less on a narrow terminal, never below 40")
{
    check_width(0, 80);
    check_width(200, 80);
    check_width(80, 80);
    check_width(60, 60);
    check_width(10, 40);
}

static void
check_colour(FILE *out, const char *option, const char *no_color, const char *kind, bool expected)
{
    CHECK(setenv("NO_COLOR", no_color, 1) == 0 && setenv("TERM", kind, 1) == 0);
    struct term t;
    CHECK_INT(term_init(&t, out, option, NULL), ERR_OK);
    CHECK_INT(t.colour, expected);
    CHECK_STR(str_of(term_style(&t, STYLE_OK)), expected ? "\033[32m" : "");
}

TEST("colours: on a terminal, not with NO_COLOR, not on a dumb one, else as asked")
{
    struct pty p = pty_new(80);
    FILE *file = tmpfile();
    CHECK(file != NULL);
    check_colour(p.out, NULL, "", "xterm", true);
    check_colour(p.out, "auto", "", "xterm", true);
    check_colour(p.out, "auto", "1", "xterm", false);
    check_colour(p.out, "auto", "", "dumb", false);
    check_colour(p.out, "auto", "", "", false);
    check_colour(p.out, "never", "", "xterm", false);
    check_colour(p.out, "always", "1", "dumb", true);
    check_colour(file, "auto", "", "xterm", false);
    check_colour(file, "always", "", "xterm", true);
    CHECK(fclose(file) == 0);
    pty_done(&p);
}

TEST("a choice of colours that does not exist is refused")
{
    struct term t;
    struct errinfo info = {{0}};
    CHECK_INT(term_init(&t, stderr, "sometimes", &info), ERR_INVALID);
    CHECK_STR(str_of(info.text),
              "'sometimes' is no choice of colours: auto, always and never are allowed");
}

TEST("styles come in pairs, or not at all")
{
    struct buf out AUTO(buf_free) = {0};
    struct term on = {.colour = true};
    struct term off = {.colour = false};
    term_add_styled(&out, &on, STYLE_FAIL, STR("FAIL"));
    term_add_styled(&out, &off, STYLE_FAIL, STR("FAIL"));
    CHECK_STR(buf_str(&out), "\033[1;31mFAIL\033[0mFAIL");
    for (enum style style = 0; style < STYLE_COUNT; style++) {
        CHECK(term_style(&on, style)[0] == '\033');
        CHECK_STR(str_of(term_style(&off, style)), "");
    }
}

static void
check_read(int fd, const char *expected)
{
    char bytes[256];
    ssize_t n = read(fd, bytes, sizeof(bytes));
    CHECK(n > 0);
    CHECK_STR(((struct str){bytes, n > 0 ? (size_t)n : 0}), expected);
}

TEST("progress is one line, safe, cut, and goes away")
{
    CHECK(setenv("TERM", "xterm", 1) == 0);
    struct pty p = pty_new(10);
    struct progress progress;
    progress_init(&progress, p.out);
    progress_show(&progress, STR("asking \x1b DNS for the name"));
    check_read(p.master, "\rasking \\x\033[K");
    progress_show(&progress, STR("調べています"));
    check_read(p.master, "\r調べてい\033[K");
    progress_clear(&progress);
    check_read(p.master, "\r\033[K");
    progress_clear(&progress);
    progress_show(&progress, STR("on"));
    check_read(p.master, "\ron\033[K"); /* the second clear wrote nothing */
    pty_done(&p);
}

TEST("progress says nothing in a file and on a dumb terminal")
{
    struct progress progress;
    FILE *file = tmpfile();
    CHECK(file != NULL);
    progress_init(&progress, file);
    progress_show(&progress, STR("asking"));
    progress_clear(&progress);
    CHECK_INT(ftell(file), 0);
    CHECK(fclose(file) == 0);

    CHECK(setenv("TERM", "dumb", 1) == 0);
    struct pty p = pty_new(80);
    progress_init(&progress, p.out);
    CHECK(!progress.live);
    pty_done(&p);
}

TEST_MAIN
