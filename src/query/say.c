/* SPDX-License-Identifier: Apache-2.0
 * Numbers, moments, bars, commands and bytes of a log, written for people and for JSON. */
#include "query/say.h"

#include "base/assert.h"
#include "base/clock.h"

enum { LABEL = 16, COMMAND_INDENT = 4 };

/* ---- bytes of the log ---- */

void
say_log(struct buf *out, struct str bytes)
{
    AUTO(buf_free) struct buf plain = {0};
    log_unescape(&plain, bytes);
    text_add_safe(out, buf_str(&plain));
}

json_t *
say_log_json(struct str bytes)
{
    AUTO(buf_free) struct buf text = {0};
    if (bytes.p == NULL) {
        return json_null();
    }
    say_log(&text, bytes);
    return json_stringn(text.n == 0 ? "" : text.p, text.n);
}

struct str
say_group_name(struct str arn)
{
    size_t at;
    struct str rest, name;
    if (!str_find(arn, STR("targetgroup/"), &at)) {
        return arn;
    }
    rest = str_sub(arn, at + sizeof("targetgroup/") - 1, arn.n);
    return str_cut(&rest, '/', &name) && name.n > 0 ? name : arn;
}

/* ---- numbers ---- */

void
say_count(struct buf *out, uint64_t count)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            buf_add_char(out, ',');
        }
        buf_add_char(out, digits[i]);
    }
}

void
say_ms(struct buf *out, uint64_t ms)
{
    if (ms < 10000) {
        buf_addf(out, "%llu ms", (unsigned long long)ms);
    } else {
        buf_addf(out, "%llu.%llu s", (unsigned long long)(ms / 1000),
                 (unsigned long long)(ms % 1000 / 100));
    }
}

void
say_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1000 && unit + 1 < COUNT_OF(units)) {
        value /= 1000;
        unit++;
    }
    buf_addf(out, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void
say_share(struct buf *out, uint64_t part, uint64_t of)
{
    if (of == 0) {
        buf_add_char(out, '-');
        return;
    }
    double share = 100 * (double)part / (double)of;
    if (part > 0 && share < 0.05) {
        buf_add_z(out, "<0.1 %");
    } else {
        buf_addf(out, "%.1f %%", share);
    }
}

void
say_span(struct buf *out, uint64_t us)
{
    uint64_t minutes = us / 60000000;
    if (minutes == 0) {
        buf_addf(out, "%.1f s", (double)us / 1e6);
    } else if (minutes < 60) {
        buf_addf(out, "%llu min %llu s", (unsigned long long)minutes,
                 (unsigned long long)(us / 1000000 % 60));
    } else if (minutes < 48 * 60) {
        buf_addf(out, "%llu h %llu min", (unsigned long long)(minutes / 60),
                 (unsigned long long)(minutes % 60));
    } else {
        buf_addf(out, "%llu d %llu h", (unsigned long long)(minutes / 1440),
                 (unsigned long long)(minutes / 60 % 24));
    }
}

void
say_second(struct buf *out, uint64_t us)
{
    struct civil c = clock_civil(us);
    buf_addf(out, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
             c.second);
}

void
say_time(struct buf *out, uint64_t us)
{
    say_second(out, us);
    buf_addf(out, ".%03u", (unsigned)(us % 1000000 / 1000));
}

/* ---- bars ---- */

void
say_bar(struct buf *out, uint64_t part, uint64_t whole, unsigned columns, bool ascii)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    enum { STEPS = COUNT_OF(eighths) - 1 };
    if (part == 0 || whole == 0) {
        return;
    }
    double full = (double)(part < whole ? part : whole) / (double)whole * columns;
    unsigned slivers = (unsigned)(full * STEPS + 0.5);
    slivers = slivers == 0 ? 1 : slivers;
    if (ascii) {
        for (unsigned i = 0; i < (slivers + STEPS - 1) / STEPS; i++) {
            buf_add_char(out, '#');
        }
        return;
    }
    for (; slivers >= STEPS; slivers -= STEPS) {
        buf_add_z(out, eighths[STEPS]);
    }
    buf_add_z(out, eighths[slivers]);
}

void
say_spark(struct buf *out, const uint64_t *values, size_t count, bool ascii)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const signs[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = values[i] > most ? values[i] : most;
    }
    for (size_t i = 0; i < count; i++) {
        double height = most == 0 ? 0 : (double)values[i] / (double)most;
        size_t step = values[i] == 0 ? 0 : 1 + (size_t)(height * (COUNT_OF(blocks) - 2) + 0.5);
        step = step < COUNT_OF(blocks) ? step : COUNT_OF(blocks) - 1;
        buf_add_z(out, ascii ? signs[step] : blocks[step]);
    }
}

/* ---- what to do ---- */

/* Fit for a command line without quotes: no blank, no sign of a shell, no option. */
static bool
is_pasteable(struct str value)
{
    if (value.n == 0 || !ascii_is_alnum(value.p[0])) {
        return false;
    }
    for (size_t i = 0; i < value.n; i++) {
        if (!ascii_is_alnum(value.p[i]) && strchr("._:/-", value.p[i]) == NULL) {
            return false;
        }
    }
    return memchr(value.p, '\0', value.n) == NULL;
}

/* The value whose placeholder stands at the front of `text`, the longest one. */
static const struct say_value *
value_at(const char *text, const struct say_value *values, size_t count)
{
    const struct say_value *best = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(values[i].placeholder);
        if (strncmp(text, values[i].placeholder, n) == 0 &&
            (best == NULL || n > strlen(best->placeholder))) {
            best = &values[i];
        }
    }
    return best;
}

void
say_filled(struct buf *out, const char *command, const struct say_value *values, size_t count)
{
    const char *at = command;
    bool inside = false; /* of a word of capitals that is no placeholder */
    while (*at != '\0') {
        const struct say_value *found = inside ? NULL : value_at(at, values, count);
        size_t n = found == NULL ? 1 : strlen(found->placeholder);
        if (found != NULL && is_pasteable(found->value)) {
            buf_add_str(out, found->value);
        } else {
            buf_add(out, at, n);
        }
        inside = at[n - 1] == '-' || (at[n - 1] >= 'A' && at[n - 1] <= 'Z');
        at += n;
    }
}

void
say_step(struct buf *out, const struct term *t, unsigned indent, enum explain_step step,
         const struct say_value *values, size_t count)
{
    AUTO(buf_free) struct buf command = {0};
    text_wrap(out, str_of(tr(explain_step_text(step))), indent, indent, t->width);
    say_filled(&command, explain_step_command(step), values, count);
    if (command.n > 0) {
        buf_addf(out, "%*s", (int)(indent + COMMAND_INDENT), "");
        term_add_styled(out, t, STYLE_DIM, buf_str(&command));
        buf_add_char(out, '\n');
    }
}

json_t *
say_step_json(enum explain_step step, const struct say_value *values, size_t count)
{
    AUTO(buf_free) struct buf command = {0};
    json_t *o = json_object();
    say_filled(&command, explain_step_command(step), values, count);
    say_set(o, "text", json_string(tr(explain_step_text(step))));
    say_set(o, "command", command.n == 0 ? json_null() : say_text_json(buf_str(&command)));
    return o;
}

/* ---- lines and JSON ---- */

void
say_labelled(struct buf *out, const struct term *t, const char *label, struct str text)
{
    AUTO(buf_free) struct buf line = {0};
    const char *word = label[0] == '\0' ? "" : tr(label);
    size_t width = text_width(str_of(word));
    buf_add_z(&line, word);
    for (size_t i = width; i < LABEL - 2 || i == width; i++) {
        buf_add_char(&line, ' ');
    }
    buf_add_str(&line, text);
    text_wrap(out, buf_str(&line), 2, t->width < 60 ? 4 : LABEL, t->width);
}

void
say_heading(struct buf *out, const struct term *t, const char *msgid)
{
    AUTO(buf_free) struct buf line = {0};
    term_add_styled(&line, t, STYLE_BOLD, str_of(tr(msgid)));
    buf_add_char(out, '\n');
    text_wrap(out, buf_str(&line), 0, 2, t->width);
}

void
say_set(json_t *object, const char *key, json_t *value)
{
    int failed = json_object_set_new(object, key, value);
    ASSERT(failed == 0); /* keys and texts are UTF-8 */
}

void
say_push(json_t *list, json_t *value)
{
    int failed = json_array_append_new(list, value);
    ASSERT(failed == 0);
}

json_t *
say_number(uint64_t number)
{
    return json_integer((json_int_t)(number > INT64_MAX ? INT64_MAX : number));
}

json_t *
say_time_json(uint64_t us)
{
    char text[32];
    if (us == 0) {
        return json_null();
    }
    struct out o = out_of(text, sizeof(text));
    out_iso8601(&o, us, false);
    return json_stringn(text, (size_t)(o.p - text));
}

json_t *
say_text_json(struct str text)
{
    return text.p == NULL ? json_null() : json_stringn(text.p, text.n);
}

json_t *
say_ids_json(const char *ids)
{
    json_t *list = json_array();
    struct str rest = str_of(ids), id;
    while (str_cut(&rest, ' ', &id)) {
        if (id.n > 1) {
            say_push(list, json_stringn(id.p, id.n));
        }
    }
    return list;
}
