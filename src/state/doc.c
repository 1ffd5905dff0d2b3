/* SPDX-License-Identifier: Apache-2.0
 * JSON documents by tables: single values. */
#include "state/doc.h"

#include <stdarg.h>
#include <stdio.h>

void
doc_fail(struct doc_reader *r, const char *fmt, ...)
{
    if (r->err != ERR_OK) {
        return;
    }
    char sentence[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sentence, sizeof(sentence), fmt, args); /* a cut sentence will do */
    va_end(args);
    r->err =
        err_set(r->reterr, ERR_INVALID, "%s%s%s", r->path, r->path_n > 0 ? ": " : "", sentence);
}

/* Appends to the path; a path too deep to fit is cut, which only shortens the message. */
static size_t enter(struct doc_reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static size_t
enter(struct doc_reader *r, const char *fmt, ...)
{
    size_t before = r->path_n;
    size_t room = sizeof(r->path) - before;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(r->path + before, room, fmt, args);
    va_end(args);
    r->path_n += n < 0 ? 0 : MIN_OF((size_t)n, room - 1);
    return before;
}

size_t
doc_enter_key(struct doc_reader *r, const char *key)
{
    return enter(r, "%s%s", r->path_n > 0 ? "." : "", key);
}

size_t
doc_enter_index(struct doc_reader *r, size_t index)
{
    return enter(r, "[%zu]", index);
}

void
doc_leave(struct doc_reader *r, size_t path_n)
{
    r->path_n = path_n;
    r->path[path_n] = '\0';
}

json_t *
doc_get(struct doc_reader *r, json_t *object, const char *key)
{
    if (r->err != ERR_OK) {
        return NULL;
    }
    if (!json_is_object(object)) {
        doc_fail(r, "is not an object");
        return NULL;
    }
    json_t *value = json_object_get(object, key);
    if (value == NULL) {
        size_t at = doc_enter_key(r, key);
        doc_fail(r, "is missing");
        doc_leave(r, at);
    }
    return value;
}

json_t *
doc_list(struct doc_reader *r, json_t *value, size_t max_count)
{
    if (r->err != ERR_OK) {
        return NULL;
    }
    if (!json_is_array(value)) {
        doc_fail(r, "is not a list");
        return NULL;
    }
    if (json_array_size(value) > max_count) {
        doc_fail(r, "has %zu elements, at most %zu are allowed", json_array_size(value), max_count);
        return NULL;
    }
    return value;
}

struct str
doc_text(struct doc_reader *r, json_t *value)
{
    if (r->err != ERR_OK) {
        return STR_NONE;
    }
    if (!json_is_string(value)) {
        doc_fail(r, "is not a text");
        return STR_NONE;
    }
    return (struct str){json_string_value(value), json_string_length(value)};
}

struct str
doc_text_copy(struct doc_reader *r, json_t *value)
{
    struct str s = doc_text(r, value);
    if (s.n == 0) {
        return STR_NONE;
    }
    char *copy = r->alloc(r->context, s.n + 1);
    memcpy(copy, s.p, s.n);
    return (struct str){copy, s.n};
}

uint64_t
doc_number(struct doc_reader *r, json_t *value, uint64_t min, uint64_t max, const char *what)
{
    if (r->err != ERR_OK) {
        return 0;
    }
    if (!json_is_integer(value)) {
        doc_fail(r, "is not a whole number but should be %s", what);
        return 0;
    }
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number < min || (uint64_t)number > max) {
        doc_fail(r, "%lld is not %s", (long long)number, what);
        return 0;
    }
    return (uint64_t)number;
}

/* The number of the format comes first: a newer document may look different in all the rest. */
static void
check_format(struct doc_reader *r, json_t *document, unsigned format)
{
    json_t *value = doc_get(r, document, "format");
    size_t at = doc_enter_key(r, "format");
    uint64_t number = doc_number(r, value, 1, INT64_MAX, "a format number (from 1)");
    doc_leave(r, at);
    if (r->err == ERR_OK && number > format) {
        r->err = err_set(r->reterr, ERR_UNSUPPORTED,
                         "format %llu is newer than this version of OpenALB reads (up to %u)",
                         (unsigned long long)number, format);
    }
}

json_t *
doc_parse(struct doc_reader *r, struct str text, unsigned format)
{
    json_error_t error;
    json_t *document = json_loadb(text.n == 0 ? "" : text.p, text.n,
                                  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (document == NULL) {
        doc_fail(r, "not JSON: line %d column %d: %s", error.line, error.column, error.text);
        return NULL;
    }
    if (!json_is_object(document)) {
        doc_fail(r, "the document is not an object");
    }
    check_format(r, document, format);
    if (r->err != ERR_OK) {
        json_decref(document);
        return NULL;
    }
    return document;
}

static int
print_piece(const char *piece, size_t n, void *out)
{
    buf_add(out, piece, n);
    return 0;
}

void
doc_print(const json_t *value, struct buf *out)
{
    if (json_dump_callback(value, print_piece, out, JSON_INDENT(2)) != 0) {
        out->overflow = true;
    }
    buf_add_char(out, '\n');
}

json_t *
doc_string(struct str s)
{
    return json_stringn(s.n == 0 ? "" : s.p, s.n);
}
