/* SPDX-License-Identifier: Apache-2.0
 * Stories as JSON; the shape stands in why.h. */
#include "base/assert.h"
#include "query/lines.h"
#include "query/why_int.h"

enum { SCHEMA_NUMBER = 1 };

/* The columns of the line, as `openalb logs json` writes them. */
static json_t *
fields(const struct log_line *line)
{
    static const struct term no_term;
    struct lines l;
    AUTO(buf_free) struct buf text = {0};
    lines_init(&l, &no_term, 0);
    lines_json(&l, &text, line);
    lines_done(&l);
    json_t *o = json_loadb(text.p, text.n, 0, NULL);
    ASSERT(o != NULL);               /* ours */
    (void)json_object_del(o, "log"); /* `kind` says it */
    return o;
}

static void
set_place(json_t *o, const struct why_line *line)
{
    bool placed = line->path != NULL;
    say_set(o, "file", placed ? say_log_json(str_of(line->path)) : json_null());
    say_set(o, "line", line->number > 0 ? say_number(line->number) : json_null());
    say_set(o, "offset", placed ? say_number(line->offset) : json_null());
}

static json_t *
other_line(const struct why_line *line)
{
    if (line->text == NULL) {
        return json_null();
    }
    json_t *o = json_object();
    set_place(o, line);
    say_set(o, "fields", fields(&line->split));
    return o;
}

static json_t *
sentence(const char *msgid, const struct why_facts *f)
{
    AUTO(buf_free) struct buf text = {0};
    why_sentence(&text, msgid, f);
    return text.n == 0 ? json_null() : say_text_json(buf_str(&text));
}

static void
set_verdict(json_t *o, const struct log_line *line)
{
    struct why_facts f;
    json_t *v = json_object();
    why_facts(line, &f);
    const struct why_pattern *p = why_pattern(&f);
    say_set(v, "pattern", json_string(p->word));
    say_set(v, "ended_by", json_string(why_side_word(p->side)));
    say_set(v, "sentence", sentence(p->what, &f));
    say_set(v, "cause", sentence(p->cause, &f));
    say_set(v, "unknown", sentence(p->open, &f));
    say_set(v, "findings", say_ids_json(p->ids));
    say_set(o, "duration_ms", f.has_duration ? say_number(f.duration_us / 1000) : json_null());
    say_set(o, "made_by", f.elb == 0 ? json_null() : json_string(f.by_target ? "target" : "lb"));
    say_set(o, "verdict", v);
}

static void
add_words(json_t *list, const struct log_line *line)
{
    const struct explain_word *words[WHY_WORDS_MAX];
    size_t count = why_words(line, words);
    for (size_t i = 0; i < count; i++) {
        json_t *o = json_object();
        say_set(o, "kind", json_string(explain_kind_word(words[i]->kind)));
        say_set(o, "word", json_string(words[i]->key));
        say_set(o, "meaning", json_string(tr(words[i]->meaning)));
        say_push(list, o);
    }
}

static json_t *
steps(const struct log_line *line)
{
    json_t *list = json_array();
    struct why_todo todo;
    why_todo(line, &todo);
    for (size_t i = 0; i < todo.count; i++) {
        say_push(list, say_step_json(todo.steps[i], todo.values, WHY_VALUES));
    }
    why_todo_done(&todo);
    return list;
}

static json_t *
story(const struct why_story *s)
{
    json_t *o = json_object(), *words = json_array(), *checks = json_array();
    bool good = s->line.fault == LOG_FAULT_NONE;
    set_place(o, &s->line);
    say_set(o, "kind", good ? json_string(log_kind_word(s->line.split.kind)) : json_null());
    say_set(o, "fault", good ? json_null() : json_string(log_fault_word(s->line.fault)));
    say_set(o, "fields", good ? fields(&s->line.split) : json_null());
    say_set(o, "time", good ? say_time_json(s->line.time_us) : json_null());
    if (good && s->line.split.kind == LOG_ACCESS) {
        set_verdict(o, &s->line.split);
    } else {
        say_set(o, "duration_ms", json_null());
        say_set(o, "made_by", json_null());
        say_set(o, "verdict", json_null());
    }
    if (good) {
        add_words(words, &s->line.split);
    }
    if (s->connection.text != NULL) {
        add_words(words, &s->connection.split);
    }
    for (size_t i = 0; i < s->check_count; i++) {
        say_push(checks, other_line(&s->checks[i]));
    }
    say_set(o, "words", words);
    say_set(o, "steps", good ? steps(&s->line.split) : json_array());
    say_set(o, "connection", other_line(&s->connection));
    say_set(o, "checks", checks);
    return o;
}

json_t *
why_json(const struct why *why)
{
    json_t *o = json_object(), *stories = json_array();
    for (size_t i = 0; i < why->count; i++) {
        say_push(stories, story(&why->stories[i]));
    }
    say_set(o, "kind", json_string("why"));
    say_set(o, "schema", json_integer(SCHEMA_NUMBER));
    say_set(o, "not_told", say_number(why->not_told));
    say_set(o, "stories", stories);
    return o;
}
