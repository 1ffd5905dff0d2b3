/* SPDX-License-Identifier: Apache-2.0
 * A finding explained from the doctor's tables, without any site. */
#include "cli/doctor.h"

#include <jansson.h>

#include "base/assert.h"
#include "base/mem.h"
#include "doctor/infer.h"
#include "doctor/report.h"

static const char *const severities[] = {
    [SEVERITY_FAULT] = N_("fault"),
    [SEVERITY_WARNING] = N_("warning"),
    [SEVERITY_NOTE] = N_("note"),
};
static const char *const severity_words[] = {
    [SEVERITY_FAULT] = "fault",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_NOTE] = "note",
};

/* The length of "{name}" at the front, a placeholder as text_fill() knows it; 0: it is none. */
static size_t
placeholder_length(struct str s)
{
    size_t n = 1;
    while (n < s.n &&
           ((s.p[n] >= 'a' && s.p[n] <= 'z') || ascii_is_digit(s.p[n]) || s.p[n] == '_')) {
        n++;
    }
    return s.p[0] == '{' && n > 1 && n < s.n && s.p[n] == '}' ? n + 1 : 0;
}

/* The sentence with its placeholders as words: "{host} is ..." as "HOST is ...". */
static void
add_general(struct buf *out, const char *sentence)
{
    struct str rest = str_of(sentence);
    while (rest.n > 0) {
        size_t n = placeholder_length(rest);
        for (size_t i = 1; i + 1 < n; i++) {
            char c = rest.p[i];
            buf_add_char(out, c == '_' ? '-' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
        }
        if (n == 0) {
            buf_add_char(out, rest.p[0]);
            n = str_starts(rest, STR("{{")) ? 2 : 1;
        }
        rest = str_sub(rest, n, rest.n);
    }
}

/* ---- for a person ---- */

static void
add_section(const struct term *t, struct buf *out, const char *heading, const char *sentence)
{
    struct buf text AUTO(buf_free) = {0};
    if (sentence[0] == '\0') {
        return;
    }
    buf_add_z(out, "  ");
    term_add_styled(out, t, STYLE_BOLD, str_of(tr(heading)));
    buf_add_char(out, '\n');
    add_general(&text, tr(sentence));
    text_wrap(out, buf_str(&text), 6, 6, t->width);
}

static const struct {
    const char *who;
    size_t offset;
} clients[] = {
    {"Chromium", offsetof(struct sight_row, chromium)},
    {"Chromium's page", offsetof(struct sight_row, page)},
    {"Firefox", offsetof(struct sight_row, firefox)},
    {"Safari", offsetof(struct sight_row, safari)},
    {"curl", offsetof(struct sight_row, curl)},
    {"openssl s_client", offsetof(struct sight_row, openssl)},
};

static const char *
client_word(const struct sight_row *row, size_t i)
{
    const char *word;
    memcpy(&word, (const char *)row + clients[i].offset, sizeof(word));
    return word;
}

static void
add_sight(const struct term *t, struct buf *out, const struct sight_row *row)
{
    enum { COLUMN = 24 };
    struct buf lines AUTO(buf_free) = {0};
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        const char *word = client_word(row, i);
        struct buf text AUTO(buf_free) = {0};
        struct buf words AUTO(buf_free) = {0};
        if (word[0] != '\0') {
            say_sight(row, word, &words);
            text_wrap(&text, buf_str(&words), COLUMN, COLUMN, t->width);
            buf_addf(&lines, "      %-17s %s", clients[i].who, text.p + COLUMN);
        }
    }
    if (lines.n > 0) {
        buf_add_z(out, "  ");
        term_add_styled(out, t, STYLE_BOLD, str_of(tr(N_("What your colleague will see"))));
        buf_addf(out, "\n%s", lines.p);
    }
}

static void
add_fixes(const struct term *t, struct buf *out, enum finding_id id)
{
    const struct fix_row *fixes;
    size_t n = fix_rows(id, &fixes);
    if (n == 0) {
        return;
    }
    buf_add_z(out, "  ");
    term_add_styled(out, t, STYLE_BOLD, str_of(tr(N_("What to do"))));
    buf_add_char(out, '\n');
    for (size_t i = 0; i < n; i++) {
        struct buf text AUTO(buf_free) = {0};
        struct buf command AUTO(buf_free) = {0};
        if (tool_title(fixes[i].tool)[0] != '\0') {
            buf_addf(&text, "[%s] ", tr(tool_title(fixes[i].tool)));
        }
        add_general(&text, tr(fixes[i].text));
        text_wrap(out, buf_str(&text), 6, 8, t->width);
        add_general(&command, fixes[i].command);
        struct str rest = buf_str(&command);
        struct str line;
        while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
            buf_addf(out, "        %.*s\n", STR_ARG(line));
        }
    }
}

static void
add_title(const struct term *t, struct buf *out, const char *id, const char *what)
{
    term_add_styled(out, t, STYLE_BOLD, str_of(id));
    buf_addf(out, "  %s\n", what);
}

static bool
explain_sibling(struct str id, const struct term *t, struct buf *out)
{
    char upper[16];
    if (!str_copy_z(id, upper, sizeof(upper))) {
        return false;
    }
    for (char *p = upper; *p != '\0'; p++) {
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    }
    const struct sibling_row *row = sibling_row(upper);
    if (row == NULL) {
        return false;
    }
    add_title(t, out, row->id, tr(N_("named beside other findings")));
    add_section(t, out, N_("What it means"), row->what);
    add_section(t, out, N_("What would prove it"), row->proof);
    return true;
}

bool
finding_explain(struct str id, const struct term *t, struct buf *out)
{
    enum finding_id found;
    if (!finding_find(id, &found)) {
        return explain_sibling(id, t, out);
    }
    const struct finding_row *row = finding_row(found);
    struct buf what AUTO(buf_free) = {0};
    buf_addf(&what, "%s, %s", tr(layer_title(row->layer)), tr(severities[row->severity]));
    add_title(t, out, row->id, what.p);
    add_section(t, out, N_("What it means"), row->cause);
    add_section(t, out, N_("What shows it"), row->evidence);
    add_section(t, out, N_("What it rules out"), row->rules_out);
    add_section(t, out, N_("How to be sure"), row->decider);
    add_sight(t, out, sight_row(row->sight));
    add_fixes(t, out, found);
    return true;
}

/* ---- for programs ---- */

static json_t *
general(const char *sentence)
{
    struct buf text AUTO(buf_free) = {0};
    if (sentence[0] == '\0') {
        return json_null();
    }
    add_general(&text, sentence);
    return json_stringn(text.p, text.n);
}

static json_t *
json_sight(const struct sight_row *row)
{
    static const char *const keys[COUNT_OF(clients)] = {"chromium", "chromium_page", "firefox",
                                                        "safari",   "curl",          "openssl"};
    json_t *j = json_object();
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *word = client_word(row, i);
        (void)json_object_set_new(j, keys[i], word[0] == '\0' ? json_null() : json_string(word));
    }
    return j;
}

static json_t *
json_fixes(enum finding_id id)
{
    const struct fix_row *fixes;
    size_t n = fix_rows(id, &fixes);
    json_t *j = json_array();
    for (size_t i = 0; i < n; i++) {
        const char *tool = tool_json(fixes[i].tool);
        (void)json_array_append_new(j, json_pack("{s:o, s:o, s:o}", "tool",
                                                 tool[0] == '\0' ? json_null() : json_string(tool),
                                                 "text", general(tr(fixes[i].text)), "command",
                                                 general(fixes[i].command)));
    }
    return j;
}

bool
finding_explain_json(struct str id, struct buf *out)
{
    enum finding_id found;
    if (!finding_find(id, &found)) {
        return false;
    }
    const struct finding_row *row = finding_row(found);
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", row->id, "layer",
                  layer_json(row->layer), "severity", severity_words[row->severity], "cause",
                  general(tr(row->cause)), "evidence", general(tr(row->evidence)), "rules_out",
                  general(tr(row->rules_out)), "decided_by", general(tr(row->decider)), "browser",
                  json_sight(sight_row(row->sight)), "fix", json_fixes(found));
    ASSERT(j != NULL);
    char *text = json_dumps(j, JSON_INDENT(2));
    buf_addf(out, "%s\n", text);
    xfree(text); /* jansson made it on the same heap */
    json_decref(j);
    return true;
}
